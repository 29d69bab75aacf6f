//! Request methods.

use alloc::borrow::{Cow, ToOwned};
use core::fmt;

use super::error::{HttpError, HttpErrorKind};
use super::syntax::{self, Class};

/// A request method: a token, compared with its case (RFC 9110 §9.1).
///
/// ```
/// use sentinel_core::wire::http::Method;
///
/// const PURGE: Method = Method::literal("PURGE");
/// assert_eq!(Method::new("PURGE")?, PURGE);
/// assert_ne!(Method::new("get")?, Method::GET);
/// assert!(Method::new("GET /x HTTP/1.1\r\nEvil:").is_err());
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Method(Cow<'static, str>);

impl Method {
    /// Fetch a representation.
    pub const GET: Self = Self::literal("GET");
    /// Fetch what GET would answer, without the body.
    pub const HEAD: Self = Self::literal("HEAD");
    /// Have the resource process the body.
    pub const POST: Self = Self::literal("POST");
    /// Replace the resource.
    pub const PUT: Self = Self::literal("PUT");
    /// Remove the resource.
    pub const DELETE: Self = Self::literal("DELETE");
    /// Ask for a tunnel.
    pub const CONNECT: Self = Self::literal("CONNECT");
    /// Ask what is possible.
    pub const OPTIONS: Self = Self::literal("OPTIONS");
    /// Ask for the request back.
    pub const TRACE: Self = Self::literal("TRACE");
    /// Change the resource in part (RFC 5789).
    pub const PATCH: Self = Self::literal("PATCH");

    /// Checks that `text` is a token.
    ///
    /// # Errors
    /// [`HttpErrorKind::InvalidMethod`].
    pub fn new(text: &str) -> Result<Self, HttpError> {
        Self::parse(text.as_bytes()).map_err(HttpError::blame_caller)
    }

    /// A method known when the program is written; in a `const`, a bad one does not compile.
    ///
    /// # Panics
    /// If `text` is not a token. Use [`Method::new`] for what is not a literal.
    pub const fn literal(text: &'static str) -> Self {
        assert!(is_method(text.as_bytes()), "a method is a token");
        Self(Cow::Borrowed(text))
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, HttpError> {
        // The usual ones cost no allocation.
        let known: [&'static str; 9] =
            ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
        if let Some(name) = known.into_iter().find(|name| name.as_bytes() == bytes) {
            return Ok(Self(Cow::Borrowed(name)));
        }
        let offset = syntax::first_other(bytes, Class::TOKEN);
        let invalid = |offset| HttpError::peer(HttpErrorKind::InvalidMethod, offset);
        match (offset, core::str::from_utf8(bytes)) {
            (None, Ok(text)) if !bytes.is_empty() => Ok(Self(Cow::Owned(text.to_owned()))),
            _ => Err(invalid(offset.unwrap_or(0))),
        }
    }

    /// The method as it is on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request with this method usually has a body, so that a missing one is worth a
    /// `Content-Length: 0` (RFC 9110 §8.6).
    pub(crate) fn anticipates_body(&self) -> bool {
        matches!(self.as_str(), "POST" | "PUT" | "PATCH")
    }

    /// Whether a request with this method has no body at all (RFC 9110 §9.3.6, §9.3.8).
    pub(crate) fn forbids_body(&self) -> bool {
        matches!(self.as_str(), "CONNECT" | "TRACE")
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

const fn is_method(bytes: &[u8]) -> bool {
    !bytes.is_empty() && syntax::first_other(bytes, Class::TOKEN).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_are_methods() {
        for bad in ["", " ", "GET ", "G T", "G\r\n", "G\0", "G:T", "GÉT", "G(T"] {
            let error = Method::new(bad).unwrap_err();
            assert_eq!(error.kind(), HttpErrorKind::InvalidMethod, "{bad:?}");
            assert!(error.is_misuse());
        }
        assert_eq!(Method::new("G\r\nT").unwrap_err().offset(), 1);
        assert_eq!(Method::new("M-SEARCH").unwrap().as_str(), "M-SEARCH");
    }
}
