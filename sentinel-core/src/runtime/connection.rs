//! A request to a model as HTTP/1.1 on a connection of its own: bytes out, events in.
//!
//! It is for hosts whose network is a stream of bytes and nothing more. Whoever keeps connections,
//! or has an HTTP library, takes [`Outgoing`] apart and says the events in its own way.
//!
//! # Invariants
//! - The key stands in the field that the request names, and nowhere else.
//! - The exchange ends once: with [`Event::ModelEnd`] or with [`Event::ModelFailed`].
//!
//! # Not here
//! TLS, time and the reuse of connections: the host's.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use super::event::Event;
use crate::agent::ExchangeNumber;
use crate::llm::{Outgoing, Piece, TransportKind};
use crate::wire::http::{
    BodyLength, Client, HttpError, HttpErrorKind, HttpLimits, RequestHead, ResponsePart, Target,
};
use crate::wire::url::Url;

/// What a head takes, generously.
const HEAD_BYTES: usize = 4096;

/// One exchange with a model, on a connection that a host has made: what to write there, and the
/// events that follow from what is read.
///
/// ```
/// use sentinel_core::agent::ExchangeNumber;
/// use sentinel_core::llm::Outgoing;
/// use sentinel_core::runtime::{ModelConnection, Sentinel};
/// use sentinel_core::time::Now;
/// use sentinel_core::wire::url::Url;
/// use std::io::{Read, Write};
///
/// fn ask(
///     sentinel: &mut Sentinel,
///     (exchange, request): (ExchangeNumber, &Outgoing),
///     stream: &mut (impl Read + Write),
///     now: impl Fn() -> Now,
/// ) -> Result<(), Box<dyn std::error::Error>> {
///     let service = Url::parse("http://127.0.0.1:11434/v1")?;
///     let (mut connection, bytes) =
///         ModelConnection::open(exchange, &service, request, Some("a key"))?;
///     stream.write_all(&bytes)?;
///     let mut buffer = [0; 4096];
///     while !connection.is_over() {
///         let count = stream.read(&mut buffer)?;
///         connection.take(&buffer[..count], |event| sentinel.handle(now(), event))?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct ModelConnection {
    exchange: ExchangeNumber,
    client: Client,
    is_over: bool,
}

/// Why a request cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The address or a field cannot stand in a head.
    Http(HttpError),
    /// A picture belongs in it, and this connection holds none.
    Picture,
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(formatter),
            Self::Picture => formatter.write_str(
                "the request holds a picture: write it piece by piece, with the picture's base64 \
                 in its place",
            ),
        }
    }
}

impl core::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Http(error) => Some(error),
            Self::Picture => None,
        }
    }
}

impl From<HttpError> for RequestError {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}

impl ModelConnection {
    /// A request to the service at this address, and the bytes of it, which are to be sent on a
    /// new connection. They hold the key.
    ///
    /// # Errors
    /// What is asked for cannot be written as HTTP, or holds a picture.
    pub fn open(
        exchange: ExchangeNumber,
        service: &Url,
        request: &Outgoing,
        key: Option<&str>,
    ) -> Result<(Self, Zeroizing<Vec<u8>>), RequestError> {
        let path = format!("{}{}", service.path().trim_end_matches('/'), request.path);
        let mut head = RequestHead::new(request.method.clone(), Target::new(&path)?);
        head.headers.append("host", service.authority())?;
        for (name, value) in &request.headers {
            head.headers.append(name, value)?;
        }
        if let (Some(place), Some(key)) = (request.credential, key) {
            let value = Zeroizing::new(format!("{}{key}", place.prefix));
            head.headers.append(place.header, value.as_bytes())?;
        }
        let mut client = Client::new(HttpLimits::default());
        client.announce_close();
        // Large enough for all of it, so that growing leaves no copy of the key behind.
        let length = usize::try_from(request.body.len()).unwrap_or(0);
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(HEAD_BYTES)));
        client.send_head(&head, BodyLength::Exact(request.body.len()), &mut bytes)?;
        for piece in request.body.pieces() {
            match piece {
                Piece::Bytes(piece) => client.send_body(piece, &mut bytes)?,
                Piece::Base64(_) => return Err(RequestError::Picture),
            }
        }
        client.finish(&mut bytes)?;
        Ok((Self { exchange, client, is_over: false }, bytes))
    }

    /// Tells, event by event, what a piece of the service's answer says; an empty piece is the end
    /// of what it sends.
    ///
    /// # Errors
    /// Those of whoever hears of the events. What is left of the piece is not looked at then.
    pub fn take<E>(
        &mut self,
        mut piece: &[u8],
        mut hear: impl FnMut(Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let exchange = self.exchange;
        let is_end = piece.is_empty();
        while !self.is_over {
            let part = match is_end {
                true => self.client.end_of_input(),
                false => self.client.next(&mut piece),
            };
            match part {
                Ok(None) if !is_end => return Ok(()),
                Ok(Some(ResponsePart::Head(head))) => {
                    let (status, headers) = (head.status.as_u16(), &head.headers);
                    hear(Event::ModelHead { exchange, status, headers })?;
                }
                Ok(Some(ResponsePart::Body(bytes))) => hear(Event::ModelBody { exchange, bytes })?,
                Ok(Some(ResponsePart::End)) => {
                    self.is_over = true;
                    hear(Event::ModelEnd { exchange })?;
                }
                // Nothing was asked for that another protocol could follow from.
                Ok(Some(
                    ResponsePart::Informational(_)
                    | ResponsePart::Trailers(_)
                    | ResponsePart::Upgraded(_),
                )) => {}
                Ok(None) => {
                    self.is_over = true;
                    hear(Event::ModelFailed { exchange, kind: TransportKind::Cut })?;
                }
                Err(error) => {
                    self.is_over = true;
                    hear(Event::ModelFailed { exchange, kind: kind_of(error) })?;
                }
            }
        }
        Ok(())
    }

    /// Whether nothing more can come of it: the connection may be closed.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }
}

const fn kind_of(error: HttpError) -> TransportKind {
    match error.kind() {
        HttpErrorKind::Truncated | HttpErrorKind::ClosedWithoutResponse => TransportKind::Cut,
        _ => TransportKind::Protocol,
    }
}
