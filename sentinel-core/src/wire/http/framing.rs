//! Which body follows a head: RFC 9112 §6.3, as one function of the head.
//!
//! This is the rule that request smuggling breaks: two readers that answer this question
//! differently see different messages in the same bytes. So the RFC's own leniencies are left out.
//! Where it lets a reader choose, or tells it to ignore a field, this one refuses, unless every
//! choice gives the same messages.
//!
//! # Invariants
//! - Every `Content-Length` and `Transfer-Encoding` in a head is checked, also where it is of no
//!   effect.
//! - The answer depends on nothing but the arguments.

use super::error::{HttpError, HttpErrorKind};
use super::headers::Headers;
use super::message::Version;
use super::method::Method;
use super::status::StatusCode;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no body.
    Empty,
    /// After so many bytes.
    Exact(u64),
    /// After the last chunk and the trailers.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// The start line, as far as it decides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opening<'a> {
    Request { method: &'a Method },
    Response { status: StatusCode, answers: Answers },
}

/// The request that a response answers, as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Head,
    Connect,
    Other,
}

impl Answers {
    pub(crate) fn to(method: &Method) -> Self {
        match method.as_str() {
            "HEAD" => Self::Head,
            "CONNECT" => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// Which body follows. Offsets in errors count from the start of the head.
pub(crate) fn framing(
    opening: Opening<'_>,
    version: Version,
    headers: &Headers,
) -> Result<Framing, HttpError> {
    let chunked_at = transfer_encoding(version, headers)?;
    let length = content_length(headers)?;
    if let (Some(offset), Some(_)) = (chunked_at, length) {
        // RFC 9112 §6.1: ought to be handled as an error. Letting one of the two win is how proxies
        // and servers came to disagree.
        return Err(HttpError::peer(HttpErrorKind::LengthAndTransferEncoding, offset));
    }
    let announced = match (chunked_at, length) {
        (Some(offset), _) => Some(offset),
        (None, Some((1.., offset))) => Some(offset),
        _ => None,
    };
    let is_bodiless = match opening {
        Opening::Request { method } => method.forbids_body(),
        Opening::Response { status, answers } => match (answers, status.as_u16()) {
            // HEAD and 304 may say what GET would have had (RFC 9110 §8.6).
            (Answers::Head, 200..) | (_, 304) => return Ok(Framing::Empty),
            (Answers::Connect, 200..=299) | (_, 100..=199 | 204) => true,
            _ => false,
        },
    };
    if is_bodiless {
        // RFC 9112 §6.3 says to ignore the fields in responses; a reader that does not would take
        // what follows for a body. A length of zero changes nothing, and is seen with 204.
        return match announced {
            Some(offset) => Err(HttpError::peer(HttpErrorKind::BodyNotAllowed, offset)),
            None => Ok(Framing::Empty),
        };
    }
    Ok(match (chunked_at, length, opening) {
        (Some(_), ..) => Framing::Chunked,
        (None, Some((0, _)), _) => Framing::Empty,
        (None, Some((length, _)), _) => Framing::Exact(length),
        (None, None, Opening::Request { .. }) => Framing::Empty,
        (None, None, Opening::Response { .. }) => Framing::UntilClose,
    })
}

/// Whether the connection may live on after this message (RFC 9112 §9.3).
pub(crate) fn is_persistent(version: Version, headers: &Headers) -> bool {
    let says = |option| headers.lists("connection", option);
    !says("close") && (version == Version::Http11 || says("keep-alive"))
}

/// Where `chunked` is announced, if it is.
fn transfer_encoding(version: Version, headers: &Headers) -> Result<Option<usize>, HttpError> {
    let mut fields = headers.located("transfer-encoding");
    let Some((value, offset)) = fields.next() else {
        return Ok(None);
    };
    if version == Version::Http10 {
        return Err(HttpError::peer(HttpErrorKind::TransferEncodingInHttp10, offset));
    }
    if fields.next().is_some() || !value.eq_ignore_ascii_case(b"chunked") {
        return Err(HttpError::peer(HttpErrorKind::UnsupportedTransferEncoding, offset));
    }
    Ok(Some(offset))
}

/// The length and where it is announced, if it is.
fn content_length(headers: &Headers) -> Result<Option<(u64, usize)>, HttpError> {
    let mut fields = headers.located("content-length");
    let Some((value, offset)) = fields.next() else {
        return Ok(None);
    };
    if let Some((_, offset)) = fields.next() {
        // RFC 9112 §6.3 lets equal values pass. No sender has a reason to repeat them.
        return Err(HttpError::peer(HttpErrorKind::RepeatedContentLength, offset));
    }
    let invalid = HttpError::peer(HttpErrorKind::InvalidContentLength, offset);
    if value.is_empty() {
        return Err(invalid);
    }
    let mut length: u64 = 0;
    for byte in value {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte - b'0'),
            _ => return Err(invalid),
        };
        length =
            length.checked_mul(10).and_then(|length| length.checked_add(digit)).ok_or(invalid)?;
    }
    Ok(Some((length, offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TE: &str = "transfer-encoding";
    const CL: &str = "content-length";

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let mut buffer = std::vec::Vec::new();
        let mut entries = std::vec::Vec::new();
        for (name, value) in fields {
            let start = buffer.len();
            let middle = start + name.len();
            buffer.extend_from_slice(name.as_bytes());
            buffer.extend_from_slice(value.as_bytes());
            let entry = super::super::headers::Entry::new(start..middle, middle..buffer.len());
            entries.push(entry.unwrap());
        }
        Headers::from_parts(buffer, entries)
    }

    fn request(method: Method, fields: &[(&str, &str)]) -> Result<Framing, HttpErrorKind> {
        let opening = Opening::Request { method: &method };
        framing(opening, Version::Http11, &headers(fields)).map_err(|error| error.kind())
    }

    fn response(
        status: u16,
        answers: Answers,
        fields: &[(&str, &str)],
    ) -> Result<Framing, HttpErrorKind> {
        let opening = Opening::Response { status: StatusCode::new(status).unwrap(), answers };
        framing(opening, Version::Http11, &headers(fields)).map_err(|error| error.kind())
    }

    #[test]
    fn every_row_of_the_rule() {
        use Answers::{Connect, Head, Other};
        use Framing::{Chunked, Empty, Exact, UntilClose};
        let chunked: &[_] = &[(TE, "Chunked")];
        let five: &[_] = &[(CL, "5")];
        let zero: &[_] = &[(CL, "0")];
        let refused = Err(HttpErrorKind::BodyNotAllowed);

        assert_eq!(request(Method::GET, &[]), Ok(Empty));
        assert_eq!(request(Method::GET, zero), Ok(Empty));
        assert_eq!(request(Method::GET, five), Ok(Exact(5)));
        assert_eq!(request(Method::GET, chunked), Ok(Chunked));
        assert_eq!(request(Method::CONNECT, &[]), Ok(Empty));
        assert_eq!(request(Method::CONNECT, zero), Ok(Empty));
        assert_eq!(request(Method::CONNECT, five), refused);
        assert_eq!(request(Method::TRACE, chunked), refused);

        assert_eq!(response(200, Other, &[]), Ok(UntilClose));
        assert_eq!(response(200, Other, zero), Ok(Empty));
        assert_eq!(response(200, Other, five), Ok(Exact(5)));
        assert_eq!(response(200, Other, chunked), Ok(Chunked));
        for fields in [&[][..], zero, five, chunked] {
            assert_eq!(response(200, Head, fields), Ok(Empty));
            assert_eq!(response(404, Head, fields), Ok(Empty));
            assert_eq!(response(304, Other, fields), Ok(Empty));
        }
        for (status, answers) in
            [(100, Other), (103, Head), (101, Other), (204, Other), (200, Connect)]
        {
            assert_eq!(response(status, answers, &[]), Ok(Empty), "{status}");
            assert_eq!(response(status, answers, zero), Ok(Empty), "{status}");
            assert_eq!(response(status, answers, five), refused, "{status}");
            assert_eq!(response(status, answers, chunked), refused, "{status}");
        }
        assert_eq!(response(407, Connect, five), Ok(Exact(5)));
        assert_eq!(response(407, Connect, &[]), Ok(UntilClose));
    }

    #[test]
    fn fields_are_checked_where_they_have_no_effect() {
        for (status, answers) in
            [(200, Answers::Head), (304, Answers::Other), (204, Answers::Other)]
        {
            let both: &[_] = &[(CL, "5"), (TE, "chunked")];
            let expected = Err(HttpErrorKind::LengthAndTransferEncoding);
            assert_eq!(response(status, answers, both), expected);
            let expected = Err(HttpErrorKind::InvalidContentLength);
            assert_eq!(response(status, answers, &[(CL, "x")]), expected);
        }
    }

    #[test]
    fn the_largest_length_is_read() {
        assert_eq!(
            request(Method::PUT, &[(CL, "18446744073709551615")]),
            Ok(Framing::Exact(u64::MAX))
        );
        assert_eq!(
            request(Method::PUT, &[(CL, "18446744073709551616")]),
            Err(HttpErrorKind::InvalidContentLength)
        );
        assert_eq!(request(Method::PUT, &[(CL, "007")]), Ok(Framing::Exact(7)));
    }

    #[test]
    fn connections_last_unless_somebody_says_otherwise() {
        let lasts = |version, value| is_persistent(version, &headers(&[("Connection", value)]));
        assert!(lasts(Version::Http11, ""));
        assert!(lasts(Version::Http11, "upgrade"));
        assert!(lasts(Version::Http11, "closed, not-close"));
        assert!(!lasts(Version::Http11, "foo, CLOSE"));
        assert!(!lasts(Version::Http10, ""));
        assert!(lasts(Version::Http10, "Keep-Alive"));
        assert!(!lasts(Version::Http10, "keep-alive, close"));
    }
}
