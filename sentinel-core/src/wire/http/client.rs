//! The client's end of a connection.

use alloc::vec::Vec;
use core::fmt;

use super::body::{BodyDecoder, BodyPart};
use super::encode::{self, Announce, AnnouncedBody, BodyEncoder};
use super::error::{HttpError, HttpErrorKind};
use super::framing::{self, Answers, Opening};
use super::head::{HeadParser, StatusLine};
use super::headers::Headers;
use super::limits::HttpLimits;
use super::message::{BodyLength, RequestHead, ResponseHead};
use super::status::StatusCode;
use super::syntax;

/// Writes requests and reads their responses, one exchange at a time.
///
/// The methods come in two groups that may be mixed as sending and receiving happen to mix:
///
/// - [`send_head`](Self::send_head), [`send_body`](Self::send_body) any number of times, and
///   [`finish`](Self::finish) append to a buffer the bytes that go to the server.
/// - [`next`](Self::next) takes what came from the server, until it returns nothing and wants more;
///   [`end_of_input`](Self::end_of_input) says that no more will come.
///
/// After [`ResponsePart::End`], and if [`is_reusable`](Self::is_reusable), the next `send_head`
/// begins the next exchange. A response may begin before the request is finished; when it also ends
/// before, the connection is not reusable.
pub struct Client {
    limits: HttpLimits,
    sending: BodyEncoder,
    receiving: Receiving,
    exchange: Exchange,
    is_persistent: bool,
    is_last: bool,
}

/// What [`Client::next`] understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponsePart<'a> {
    /// A response before the response: 1xx, but not 101.
    Informational(ResponseHead),
    /// The head of the final response. Its body and [`End`](Self::End) follow.
    Head(ResponseHead),
    /// A piece of the body, never empty.
    Body(&'a [u8]),
    /// Fields after a chunked body, never empty.
    Trailers(Headers),
    /// The response is complete.
    End,
    /// The server switched protocols: 101, or 2xx to CONNECT. What is left of the input, and
    /// everything after it, belongs to the other protocol; the client takes no more of it.
    Upgraded(ResponseHead),
}

/// What must be remembered of a request to read its response.
struct Exchange {
    answers: Answers,
    /// The `Upgrade` members asked for, joined with commas.
    upgrade: Vec<u8>,
    informational_count: usize,
}

enum Receiving {
    /// No request is outstanding.
    Idle,
    Head(HeadParser<StatusLine>),
    Body(BodyDecoder),
    Upgraded,
    Closed,
    Failed(HttpError),
}

impl Client {
    /// A new connection on which nothing was sent.
    pub const fn new(limits: HttpLimits) -> Self {
        Self {
            limits,
            sending: BodyEncoder::Idle,
            receiving: Receiving::Idle,
            exchange: Exchange {
                answers: Answers::Other,
                upgrade: Vec::new(),
                informational_count: 0,
            },
            is_persistent: true,
            is_last: false,
        }
    }

    /// Makes the next request the last: its head will say `Connection: close`.
    pub fn announce_close(&mut self) {
        self.is_last = true;
    }

    /// Begins an exchange: appends the head of a request to `out`.
    ///
    /// The head must have exactly one valid `Host`, which names the same place as the target if
    /// that names one. With a field `Upgrade`, the server may switch protocols. Framing and
    /// connection fields are added here.
    ///
    /// # Errors
    /// [`HttpErrorKind::ExchangeInProgress`], [`HttpErrorKind::NotReusable`], and for heads that a
    /// server must refuse the kind of that refusal. Nothing is written then.
    pub fn send_head(
        &mut self,
        head: &RequestHead,
        body: BodyLength,
        out: &mut Vec<u8>,
    ) -> Result<(), HttpError> {
        match self.receiving {
            Receiving::Idle if self.is_persistent => {}
            Receiving::Head(_) | Receiving::Body(_) => {
                return Err(HttpError::misuse(HttpErrorKind::ExchangeInProgress));
            }
            _ => return Err(HttpError::misuse(HttpErrorKind::NotReusable)),
        }
        head.headers.check_written_by_caller()?;
        if !head.target.suits(&head.method) {
            return Err(HttpError::misuse(HttpErrorKind::TargetNotForMethod));
        }
        head.check_host(true).map_err(HttpError::blame_caller)?;
        if head.method.forbids_body() && body != BodyLength::Empty {
            return Err(HttpError::misuse(HttpErrorKind::BodyNotAllowed));
        }

        self.is_persistent = !self.is_last;
        let announced = match body {
            BodyLength::Empty if head.method.anticipates_body() => AnnouncedBody::Length(0),
            BodyLength::Empty => AnnouncedBody::Nothing,
            BodyLength::Exact(length) => AnnouncedBody::Length(length),
            BodyLength::Streamed => AnnouncedBody::Chunked,
        };
        let connection = self.is_last.then_some("close");
        encode::request_head(head, Announce { body: announced, connection }, out);
        self.sending = BodyEncoder::new(encode::framing_of(body));
        self.receiving = Receiving::Head(HeadParser::new());
        self.exchange = Exchange {
            answers: Answers::to(&head.method),
            upgrade: head.headers.members("upgrade").collect::<Vec<_>>().join(&b","[..]),
            informational_count: 0,
        };
        Ok(())
    }

    /// Appends a piece of the request's body to `out`. An empty piece changes nothing.
    ///
    /// # Errors
    /// [`HttpErrorKind::MoreThanDeclared`], [`HttpErrorKind::NothingToSend`]. Nothing is written
    /// then.
    pub fn send_body(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), HttpError> {
        self.sending.write(piece, out)
    }

    /// Ends the request. May be left out after [`BodyLength::Empty`].
    ///
    /// # Errors
    /// [`HttpErrorKind::FewerThanDeclared`], [`HttpErrorKind::NothingToSend`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), HttpError> {
        self.finish_with_trailers(&Headers::new(), out)
    }

    /// Ends a streamed request with fields after its body.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); [`HttpErrorKind::TrailersNotChunked`] and
    /// [`HttpErrorKind::ForbiddenTrailer`].
    pub fn finish_with_trailers(
        &mut self,
        trailers: &Headers,
        out: &mut Vec<u8>,
    ) -> Result<(), HttpError> {
        self.sending.finish(trailers, out)
    }

    /// Takes bytes from the front of `input` and says what they mean.
    ///
    /// Call it until it returns `None`; then it has taken all of the input and wants more, or the
    /// connection was upgraded and the rest is not HTTP.
    ///
    /// # Errors
    /// Everything a server may do wrong; see [`HttpErrorKind`]. An error is final: the same error
    /// comes again, and how much of the input was taken is not specified.
    pub fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<ResponsePart<'a>>, HttpError> {
        let part = self.read(input);
        if let Err(error) = part {
            self.receiving = Receiving::Failed(error);
        }
        part
    }

    fn read<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<ResponsePart<'a>>, HttpError> {
        match &mut self.receiving {
            Receiving::Failed(error) => Err(*error),
            Receiving::Upgraded => Ok(None),
            Receiving::Idle | Receiving::Closed if input.is_empty() => Ok(None),
            Receiving::Idle | Receiving::Closed => {
                Err(HttpError::peer(HttpErrorKind::UnexpectedBytes, 0))
            }
            Receiving::Head(parser) => {
                let Some(parsed) = parser.next(input, &self.limits)? else {
                    return Ok(None);
                };
                self.read_head(parsed.head, parsed.length).map(Some)
            }
            Receiving::Body(decoder) => Ok(match decoder.next(input, &self.limits)? {
                None => None,
                Some(BodyPart::Data(data)) => Some(ResponsePart::Body(data)),
                Some(BodyPart::Trailers(trailers)) => Some(ResponsePart::Trailers(trailers)),
                Some(BodyPart::End) => {
                    self.end_exchange();
                    Some(ResponsePart::End)
                }
            }),
        }
    }

    fn read_head(
        &mut self,
        head: ResponseHead,
        length: u64,
    ) -> Result<ResponsePart<'static>, HttpError> {
        let answers = self.exchange.answers;
        let opening = Opening::Response { status: head.status, answers };
        let framing = framing::framing(opening, head.version, &head.headers)?;
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            self.check_upgrade(&head)?;
            self.receiving = Receiving::Upgraded;
            return Ok(ResponsePart::Upgraded(head));
        }
        if head.status.is_informational() {
            if self.exchange.informational_count >= self.limits.informational_count {
                let limit = self.limits.informational_count as u64;
                let kind = HttpErrorKind::TooManyInformational;
                return Err(HttpError::limit_reached(kind, 0, limit));
            }
            self.exchange.informational_count = self.exchange.informational_count.saturating_add(1);
            return Ok(ResponsePart::Informational(head));
        }
        if answers == Answers::Connect && head.status.is_success() {
            self.receiving = Receiving::Upgraded;
            return Ok(ResponsePart::Upgraded(head));
        }
        let body = BodyDecoder::new(framing, length, &self.limits)?;
        self.is_persistent &= framing::is_persistent(head.version, &head.headers);
        self.receiving = Receiving::Body(body);
        Ok(ResponsePart::Head(head))
    }

    /// RFC 9110 §7.8: only to what was asked for, only after the whole request, and said by this
    /// server and not by one behind it.
    fn check_upgrade(&self, head: &ResponseHead) -> Result<(), HttpError> {
        let is_asked = |protocol: &[u8]| {
            syntax::list_members(&self.exchange.upgrade)
                .any(|asked| asked.eq_ignore_ascii_case(protocol))
        };
        let mut protocols = head.headers.members("upgrade").peekable();
        let is_named = protocols.peek().is_some() && head.headers.lists("connection", "upgrade");
        if is_named && protocols.all(is_asked) && self.sending.is_finished() {
            return Ok(());
        }
        Err(HttpError::peer(HttpErrorKind::UnexpectedUpgrade, 0))
    }

    fn end_exchange(&mut self) {
        // A server that answers without reading all of the request leaves its rest on the
        // connection (RFC 9112 §9.3, §9.5).
        self.is_persistent &= self.sending.is_finished();
        self.receiving = Receiving::Idle;
    }

    /// Says that the server has ended its side of the connection.
    ///
    /// Returns [`ResponsePart::End`] when that completes a response, and nothing when no response
    /// was outstanding. Call it after [`next`](Self::next) returned `None`.
    ///
    /// # Errors
    /// [`HttpErrorKind::ClosedWithoutResponse`] or [`HttpErrorKind::Truncated`].
    pub fn end_of_input(&mut self) -> Result<Option<ResponsePart<'static>>, HttpError> {
        self.is_persistent = false;
        let result = match &self.receiving {
            Receiving::Failed(error) => Err(*error),
            Receiving::Idle | Receiving::Closed => Ok(None),
            Receiving::Upgraded => return Ok(None),
            Receiving::Head(parser)
                if parser.is_untouched() && self.exchange.informational_count == 0 =>
            {
                Err(HttpError::truncated(HttpErrorKind::ClosedWithoutResponse, 0))
            }
            Receiving::Head(parser) => {
                Err(HttpError::truncated(HttpErrorKind::Truncated, parser.position()))
            }
            Receiving::Body(body) if body.ends_with_connection() || body.is_complete() => {
                Ok(Some(ResponsePart::End))
            }
            Receiving::Body(body) => {
                Err(HttpError::truncated(HttpErrorKind::Truncated, body.position()))
            }
        };
        self.receiving = match result {
            Ok(_) => Receiving::Closed,
            Err(error) => Receiving::Failed(error),
        };
        result
    }

    /// Whether the next request may be sent on this connection now (RFC 9112 §9.3).
    pub fn is_reusable(&self) -> bool {
        matches!(self.receiving, Receiving::Idle) && self.is_persistent
    }

    /// Whether the connection belongs to another protocol now.
    pub fn is_upgraded(&self) -> bool {
        matches!(self.receiving, Receiving::Upgraded)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receiving = match &self.receiving {
            Receiving::Idle => "idle",
            Receiving::Head(_) => "head",
            Receiving::Body(_) => "body",
            Receiving::Upgraded => "upgraded",
            Receiving::Closed => "closed",
            Receiving::Failed(_) => "failed",
        };
        // Half a head may hold half a secret, so no bytes are shown.
        formatter
            .debug_struct("Client")
            .field("sending", &self.sending)
            .field("receiving", &receiving)
            .field("is_reusable", &self.is_reusable())
            .finish_non_exhaustive()
    }
}
