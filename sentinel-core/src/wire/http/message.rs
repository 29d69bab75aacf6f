//! Heads: everything of a message that comes before its body.

use super::error::{HttpError, HttpErrorKind};
use super::headers::Headers;
use super::method::Method;
use super::status::{Reason, StatusCode};
use super::target::{self, Target};

/// The version a peer announced. This codec always announces 1.1 itself (RFC 9110 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: no chunks, no 1xx, closed after each exchange unless both sides say otherwise.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// The head of a request.
///
/// ```
/// use sentinel_core::wire::http::{Method, RequestHead, Target};
///
/// let mut head = RequestHead::new(Method::GET, Target::new("/")?);
/// head.headers.append("Host", "example.com")?;
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestHead {
    /// What to do.
    pub method: Method,
    /// With what.
    pub target: Target,
    /// What the peer speaks; of no effect on sending.
    pub version: Version,
    /// The header fields.
    pub headers: Headers,
}

impl RequestHead {
    /// A head without fields.
    pub const fn new(method: Method, target: Target) -> Self {
        Self { method, target, version: Version::Http11, headers: Headers::new() }
    }

    /// Checks `Host`: one at most, exactly one if required, a host, and the one in the target if
    /// the target names one. Offsets in errors count from the start of the head.
    pub(crate) fn check_host(&self, is_required: bool) -> Result<(), HttpError> {
        let mut fields = self.headers.located("host");
        let Some((value, offset)) = fields.next() else {
            return match is_required {
                true => Err(HttpError::peer(HttpErrorKind::MissingHost, 0)),
                false => Ok(()),
            };
        };
        if let Some((_, offset)) = fields.next() {
            return Err(HttpError::peer(HttpErrorKind::RepeatedHost, offset));
        }
        match core::str::from_utf8(value) {
            Ok(host) if !target::is_host(host) => {
                Err(HttpError::peer(HttpErrorKind::InvalidHost, offset))
            }
            Ok(host) if self.target.agrees_with(host) => Ok(()),
            Ok(_) => Err(HttpError::peer(HttpErrorKind::HostMismatch, offset)),
            Err(_) => Err(HttpError::peer(HttpErrorKind::InvalidHost, offset)),
        }
    }
}

/// The head of a response.
///
/// ```
/// use sentinel_core::wire::http::{ResponseHead, StatusCode};
///
/// let mut head = ResponseHead::new(StatusCode::OK);
/// head.headers.append("Content-Type", "text/plain")?;
/// assert_eq!(head.reason.as_bytes(), b"OK");
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseHead {
    /// How it went.
    pub status: StatusCode,
    /// The same for people.
    pub reason: Reason,
    /// What the peer speaks; of no effect on sending.
    pub version: Version,
    /// The header fields.
    pub headers: Headers,
}

impl ResponseHead {
    /// A head with the usual reason phrase and without fields.
    pub const fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: Reason::of(status),
            version: Version::Http11,
            headers: Headers::new(),
        }
    }
}

/// How long the body of a message to be sent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// No body.
    Empty,
    /// So many bytes, announced in `Content-Length`.
    Exact(u64),
    /// Not known yet: sent in chunks, or until the connection closes where the peer is an HTTP/1.0
    /// client.
    Streamed,
}
