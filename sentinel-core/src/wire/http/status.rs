//! Status codes and reason phrases.

use alloc::borrow::Cow;
use core::fmt;

use super::error::{HttpError, HttpErrorKind};
use super::syntax::{self, Class};

/// A status code from 100 to 599 (RFC 9110 §15).
///
/// ```
/// use sentinel_core::wire::http::StatusCode;
///
/// let status = StatusCode::new(404)?;
/// assert_eq!(status, StatusCode::NOT_FOUND);
/// assert_eq!(status.to_string(), "404 Not Found");
/// assert!(StatusCode::new(99).is_err());
/// # Ok::<(), sentinel_core::wire::http::HttpError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusCode(u16);

/// Declares the codes with a name, so that name, number and phrase stand in one row.
macro_rules! statuses {
    ($($name:ident = $code:literal $phrase:literal,)*) => {
        impl StatusCode {
            $(#[doc = concat!($code, " ", $phrase)] pub const $name: Self = Self($code);)*

            /// The usual phrase of a code, or nothing for codes without a name here.
            pub const fn phrase(self) -> &'static str {
                match self.0 { $($code => $phrase,)* _ => "" }
            }
        }
    };
}

statuses! {
    CONTINUE = 100 "Continue",
    SWITCHING_PROTOCOLS = 101 "Switching Protocols",
    EARLY_HINTS = 103 "Early Hints",
    OK = 200 "OK",
    CREATED = 201 "Created",
    ACCEPTED = 202 "Accepted",
    NO_CONTENT = 204 "No Content",
    RESET_CONTENT = 205 "Reset Content",
    PARTIAL_CONTENT = 206 "Partial Content",
    MOVED_PERMANENTLY = 301 "Moved Permanently",
    FOUND = 302 "Found",
    SEE_OTHER = 303 "See Other",
    NOT_MODIFIED = 304 "Not Modified",
    TEMPORARY_REDIRECT = 307 "Temporary Redirect",
    PERMANENT_REDIRECT = 308 "Permanent Redirect",
    BAD_REQUEST = 400 "Bad Request",
    UNAUTHORIZED = 401 "Unauthorized",
    PAYMENT_REQUIRED = 402 "Payment Required",
    FORBIDDEN = 403 "Forbidden",
    NOT_FOUND = 404 "Not Found",
    METHOD_NOT_ALLOWED = 405 "Method Not Allowed",
    NOT_ACCEPTABLE = 406 "Not Acceptable",
    REQUEST_TIMEOUT = 408 "Request Timeout",
    CONFLICT = 409 "Conflict",
    GONE = 410 "Gone",
    LENGTH_REQUIRED = 411 "Length Required",
    CONTENT_TOO_LARGE = 413 "Content Too Large",
    URI_TOO_LONG = 414 "URI Too Long",
    UNSUPPORTED_MEDIA_TYPE = 415 "Unsupported Media Type",
    EXPECTATION_FAILED = 417 "Expectation Failed",
    MISDIRECTED_REQUEST = 421 "Misdirected Request",
    UNPROCESSABLE_CONTENT = 422 "Unprocessable Content",
    UPGRADE_REQUIRED = 426 "Upgrade Required",
    TOO_MANY_REQUESTS = 429 "Too Many Requests",
    REQUEST_HEADER_FIELDS_TOO_LARGE = 431 "Request Header Fields Too Large",
    INTERNAL_SERVER_ERROR = 500 "Internal Server Error",
    NOT_IMPLEMENTED = 501 "Not Implemented",
    BAD_GATEWAY = 502 "Bad Gateway",
    SERVICE_UNAVAILABLE = 503 "Service Unavailable",
    GATEWAY_TIMEOUT = 504 "Gateway Timeout",
    HTTP_VERSION_NOT_SUPPORTED = 505 "HTTP Version Not Supported",
}

impl StatusCode {
    /// Checks that `code` is a status code.
    ///
    /// # Errors
    /// [`HttpErrorKind::InvalidStatus`] outside of 100 to 599.
    pub const fn new(code: u16) -> Result<Self, HttpError> {
        match code {
            100..=599 => Ok(Self(code)),
            _ => Err(HttpError::misuse(HttpErrorKind::InvalidStatus)),
        }
    }

    /// The number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// 1xx: more is to come.
    pub const fn is_informational(self) -> bool {
        self.0 < 200
    }

    /// 2xx: it worked.
    pub const fn is_success(self) -> bool {
        self.0 >= 200 && self.0 < 300
    }

    /// 3xx: look elsewhere.
    pub const fn is_redirection(self) -> bool {
        self.0 >= 300 && self.0 < 400
    }

    /// 4xx: the request is at fault.
    pub const fn is_client_error(self) -> bool {
        self.0 >= 400 && self.0 < 500
    }

    /// 5xx: the server is at fault.
    pub const fn is_server_error(self) -> bool {
        self.0 >= 500
    }

    /// Three digits, as on the wire.
    pub(crate) fn digits(self) -> [u8; 3] {
        [self.0 / 100, self.0 / 10 % 10, self.0 % 10].map(|digit| b'0' + digit as u8)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phrase() {
            "" => write!(formatter, "{}", self.0),
            phrase => write!(formatter, "{} {phrase}", self.0),
        }
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// The words after a status code. They have no meaning for machines (RFC 9112 §4).
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Reason(Cow<'static, [u8]>);

impl Reason {
    /// Checks that `text` has no control bytes but tabs.
    ///
    /// ```
    /// use sentinel_core::wire::http::Reason;
    ///
    /// assert_eq!(Reason::new("All good")?.as_bytes(), b"All good");
    /// assert!(Reason::new("OK\r\nSet-Cookie: a=b").is_err());
    /// # Ok::<(), sentinel_core::wire::http::HttpError>(())
    /// ```
    ///
    /// # Errors
    /// [`HttpErrorKind::InvalidReason`].
    pub fn new(text: &str) -> Result<Self, HttpError> {
        Self::check(text.as_bytes()).map_err(HttpError::blame_caller)?;
        Ok(Self(Cow::Owned(text.as_bytes().into())))
    }

    /// The usual phrase of a status code.
    pub const fn of(status: StatusCode) -> Self {
        Self(Cow::Borrowed(status.phrase().as_bytes()))
    }

    pub(crate) fn parse(bytes: &[u8], status: StatusCode) -> Result<Self, HttpError> {
        // The usual phrase costs no allocation.
        if bytes == status.phrase().as_bytes() {
            return Ok(Self::of(status));
        }
        Self::check(bytes)?;
        Ok(Self(Cow::Owned(bytes.into())))
    }

    fn check(bytes: &[u8]) -> Result<(), HttpError> {
        match syntax::first_other(bytes, Class::VALUE) {
            Some(offset) => Err(HttpError::peer(HttpErrorKind::InvalidReason, offset)),
            None => Ok(()),
        }
    }

    /// The words, which need not be UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_end_at_both_sides() {
        for code in [0, 99, 600, 999, u16::MAX] {
            assert_eq!(StatusCode::new(code).unwrap_err().kind(), HttpErrorKind::InvalidStatus);
        }
        assert_eq!(StatusCode::new(100).unwrap().digits(), *b"100");
        assert_eq!(StatusCode::new(599).unwrap().digits(), *b"599");
    }

    #[test]
    fn reasons_cannot_end_the_line() {
        for bad in ["a\r", "a\n", "a\0", "\u{7f}"] {
            assert_eq!(Reason::new(bad).unwrap_err().kind(), HttpErrorKind::InvalidReason);
        }
        assert_eq!(Reason::new("Schön\tgut").unwrap().as_bytes(), "Schön\tgut".as_bytes());
    }
}
