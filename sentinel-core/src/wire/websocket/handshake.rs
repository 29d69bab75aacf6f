//! The handshake, from both sides, on top of HTTP.
//!
//! # Invariants
//! - A client goes on only with a server that read its key, and with nothing it did not offer.
//! - A server answers only requests that no page of a browser can make by other means: those keys
//!   and versions are fields that scripts cannot set.
//!
//! # Not here
//! The exchange itself: [`Client`](crate::wire::http::Client) and
//! [`Server`](crate::wire::http::Server) carry these heads and check `Host`. Who may connect: a
//! server has to compare [`Request::origin`] with what it expects, or any page can use it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use sha1::{Digest, Sha1};

use super::error::{HandshakeError, HandshakeErrorKind as Kind};
use crate::limits::WEBSOCKET_PROTOCOLS_COUNT_MAX;
use crate::text::base64;
use crate::wire::http::{
    Headers, HttpError, Method, RequestHead, ResponseHead, StatusCode, Version,
};

/// A client's side: what it offers, and the key its server must have read.
///
/// ```
/// use sentinel_core::wire::http::{
///     BodyLength, Client, HttpLimits, Method, RequestHead, ResponsePart, Target,
/// };
/// use sentinel_core::wire::websocket::Offer;
///
/// // Sixteen random bytes; these are those of RFC 6455 §1.3.
/// let offer = Offer::new(*b"the sample nonce").with_protocol("chat")?;
/// let mut head = RequestHead::new(Method::GET, Target::new("/chat")?);
/// head.headers.append("Host", "server.example.com")?;
/// offer.add_to(&mut head.headers)?;
///
/// let mut client = Client::new(HttpLimits::default());
/// let mut to_server = Vec::new();
/// client.send_head(&head, BodyLength::Empty, &mut to_server)?;
/// let mut from_server = &b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
///     Sec-WebSocket-Protocol: chat\r\n\r\n\x81\x05Hello"[..];
/// let Some(ResponsePart::Upgraded(answer)) = client.next(&mut from_server)? else { panic!() };
/// assert_eq!(offer.check(&answer)?, Some("chat"));
/// assert_eq!(from_server, b"\x81\x05Hello", "the first frame");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    key: String,
    protocols: Vec<Box<str>>,
}

impl Offer {
    /// An offer without subprotocols. The nonce must be fresh from a random source: it is what
    /// keeps an old answer of some cache from being taken for a new one.
    #[must_use]
    pub fn new(nonce: [u8; 16]) -> Self {
        Self { key: base64::encode(&nonce), protocols: Vec::new() }
    }

    /// Offers one more subprotocol, the most wanted first.
    ///
    /// # Errors
    /// [`Kind::WrongProtocol`] and [`Kind::TooManyProtocols`].
    pub fn with_protocol(mut self, protocol: &str) -> Result<Self, HandshakeError> {
        if !is_token(protocol) || self.protocols.iter().any(|other| **other == *protocol) {
            return Err(HandshakeError::new(Kind::WrongProtocol));
        }
        if self.protocols.len() >= WEBSOCKET_PROTOCOLS_COUNT_MAX {
            return Err(HandshakeError::new(Kind::TooManyProtocols));
        }
        self.protocols.push(protocol.into());
        Ok(self)
    }

    /// Adds the fields of the handshake to those of a GET request. `Connection` is written by the
    /// HTTP codec.
    ///
    /// # Errors
    /// As [`Headers::append`].
    pub fn add_to(&self, headers: &mut Headers) -> Result<(), HttpError> {
        headers.append("Upgrade", "websocket")?;
        headers.append("Sec-WebSocket-Key", &self.key)?;
        headers.append("Sec-WebSocket-Version", VERSION)?;
        if !self.protocols.is_empty() {
            headers.append("Sec-WebSocket-Protocol", self.protocols.join(", "))?;
        }
        Ok(())
    }

    /// Checks the answer of the server, and says which subprotocol it chose.
    ///
    /// # Errors
    /// [`HandshakeError`]; after one of them the connection is no WebSocket and must be closed.
    pub fn check(&self, head: &ResponseHead) -> Result<Option<&str>, HandshakeError> {
        let fail = |kind| Err(HandshakeError::new(kind));
        let headers = &head.headers;
        if head.status != StatusCode::SWITCHING_PROTOCOLS {
            let status = head.status.as_u16();
            return Err(HandshakeError::new(Kind::WrongStatus).with_status(status));
        }
        if !only(headers, "upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            return fail(Kind::NoUpgrade);
        }
        if !headers.lists("connection", "upgrade") {
            return fail(Kind::NoConnection);
        }
        if only(headers, "sec-websocket-accept") != Some(accept(&self.key).as_bytes()) {
            return fail(Kind::WrongAccept);
        }
        if headers.contains("sec-websocket-extensions") {
            return fail(Kind::UnaskedExtension);
        }
        if !headers.contains("sec-websocket-protocol") {
            return Ok(None);
        }
        let chosen = only(headers, "sec-websocket-protocol");
        let mut offered = self.protocols.iter().map(|protocol| &**protocol);
        match offered.find(|protocol| chosen == Some(protocol.as_bytes())) {
            Some(protocol) => Ok(Some(protocol)),
            None => fail(Kind::UnaskedProtocol),
        }
    }
}

/// A server's side: a request that asks for a WebSocket.
///
/// ```
/// use sentinel_core::wire::http::{HttpLimits, RequestPart, Server};
/// use sentinel_core::wire::websocket::Request;
///
/// let mut server = Server::new(HttpLimits::default());
/// let mut input = &b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
///     Origin: http://example.com\r\nSec-WebSocket-Version: 13\r\n\r\n"[..];
/// let Some(RequestPart::Head(head)) = server.next(&mut input)? else { panic!() };
/// let request = Request::read(&head)?;
/// assert_eq!(request.origin(), Some(&b"http://example.com"[..]));
/// let answer = request.accept(None)?;
///
/// assert_eq!(server.next(&mut input)?, Some(RequestPart::End));
/// let mut to_client = Vec::new();
/// server.upgrade(&answer, &mut to_client)?;
/// let text = String::from_utf8(to_client)?;
/// assert!(text.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    key: &'a str,
    origin: Option<&'a [u8]>,
    protocols: Vec<&'a str>,
}

impl<'a> Request<'a> {
    /// Checks the head of a request.
    ///
    /// # Errors
    /// [`HandshakeError`]; [`refusal`](HandshakeError::refusal) is what to answer.
    pub fn read(head: &'a RequestHead) -> Result<Self, HandshakeError> {
        let fail = |kind| Err(HandshakeError::new(kind));
        let headers = &head.headers;
        if head.method != Method::GET {
            return fail(Kind::WrongMethod);
        }
        if head.version != Version::Http11 {
            return fail(Kind::WrongHttpVersion);
        }
        if !headers.lists("upgrade", "websocket") {
            return fail(Kind::NoUpgrade);
        }
        if !headers.lists("connection", "upgrade") {
            return fail(Kind::NoConnection);
        }
        if only(headers, "sec-websocket-version") != Some(VERSION.as_bytes()) {
            return fail(Kind::WrongVersion);
        }
        let key = only(headers, "sec-websocket-key").and_then(|key| core::str::from_utf8(key).ok());
        let is_nonce = |key: &&str| base64::decode(key).is_ok_and(|nonce| nonce.len() == 16);
        let Some(key) = key.filter(is_nonce) else {
            return fail(Kind::WrongKey);
        };
        if headers.all("origin").count() > 1 {
            return fail(Kind::RepeatedOrigin);
        }
        let mut protocols = Vec::new();
        for protocol in headers.members("sec-websocket-protocol") {
            let text = core::str::from_utf8(protocol).ok().filter(|text| is_token(text));
            let Some(protocol) = text.filter(|text| !protocols.contains(text)) else {
                return fail(Kind::WrongProtocol);
            };
            if protocols.len() >= WEBSOCKET_PROTOCOLS_COUNT_MAX {
                return fail(Kind::TooManyProtocols);
            }
            protocols.push(protocol);
        }
        let origin = headers.get("origin").map(|origin| origin.as_bytes());
        Ok(Self { key, origin, protocols })
    }

    /// Which page asks, when a browser does: it always says so, and a script cannot change it.
    #[must_use]
    pub const fn origin(&self) -> Option<&'a [u8]> {
        self.origin
    }

    /// The subprotocols the client knows, the most wanted first.
    #[must_use]
    pub fn protocols(&self) -> &[&'a str] {
        &self.protocols
    }

    /// The answer that makes the connection a WebSocket, with one of the subprotocols asked for or
    /// without any.
    ///
    /// # Errors
    /// [`Kind::UnaskedProtocol`].
    pub fn accept(&self, protocol: Option<&str>) -> Result<ResponseHead, HandshakeError> {
        let unasked = HandshakeError::new(Kind::UnaskedProtocol);
        if protocol.is_some_and(|protocol| !self.protocols.contains(&protocol)) {
            return Err(unasked);
        }
        let mut head = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
        let fields = [("Upgrade", "websocket"), ("Sec-WebSocket-Accept", &accept(self.key))];
        let protocol = protocol.map(|protocol| ("Sec-WebSocket-Protocol", protocol));
        for (name, value) in fields.into_iter().chain(protocol) {
            // Only tokens and Base64, so this is never refused.
            head.headers.append(name, value).map_err(|_| unasked)?;
        }
        Ok(head)
    }
}

impl HandshakeError {
    /// What a server answers to a request that failed with this error: 426 with the version it
    /// speaks, 405 to another method than GET, and otherwise 400.
    #[must_use]
    pub fn refusal(&self) -> ResponseHead {
        let (status, field) = match self.kind() {
            Kind::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, Some(("Allow", "GET"))),
            // RFC 6455 §4.4.
            Kind::WrongVersion => {
                (StatusCode::UPGRADE_REQUIRED, Some(("Sec-WebSocket-Version", VERSION)))
            }
            Kind::NoUpgrade => (StatusCode::UPGRADE_REQUIRED, None),
            _ => (StatusCode::BAD_REQUEST, None),
        };
        let mut head = ResponseHead::new(status);
        // RFC 9110 §15.5.22: 426 names what to upgrade to.
        let upgrade = (status == StatusCode::UPGRADE_REQUIRED).then_some(("Upgrade", "websocket"));
        for (name, value) in upgrade.into_iter().chain(field) {
            // The values stand above, so this is never refused.
            if head.headers.append(name, value).is_err() {
                return ResponseHead::new(StatusCode::BAD_REQUEST);
            }
        }
        head
    }
}

/// The value of a field that must stand exactly once.
fn only<'a>(headers: &'a Headers, name: &'a str) -> Option<&'a [u8]> {
    let mut values = headers.all(name);
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

/// RFC 6455 §4.2.2: proof that the key was read by somebody who speaks this protocol.
fn accept(key: &str) -> String {
    let hash = Sha1::new_with_prefix(key).chain_update(PROTOCOL_ID).finalize();
    base64::encode(&hash)
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// RFC 6455 §1.3.
const PROTOCOL_ID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION: &str = "13";

#[cfg(test)]
mod tests;
