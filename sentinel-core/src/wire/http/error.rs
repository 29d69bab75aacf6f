//! What can go wrong on an HTTP connection, where, and who is to blame.
//!
//! # Invariants
//! - An error is small and `Copy`: it holds no bytes of the message, so it can be logged as it is.
//! - Each reason for a refusal has its own kind. Two readers who disagree about a message can see
//!   from the kind which rule this one followed.
//!
//! # Not here
//! What to do next: closing, retrying and answering belong to the caller.

use core::fmt;

use super::StatusCode;

/// An error of this codec.
///
/// ```
/// use sentinel_core::wire::http::{Blame, HeaderValue, HttpErrorKind};
///
/// let error = HeaderValue::new(b"a\r\nb: c").unwrap_err();
/// assert_eq!(error.kind(), HttpErrorKind::InvalidFieldValue);
/// assert_eq!(error.blame(), Blame::Caller);
/// assert_eq!(error.to_string(), "control byte in a field value, at byte 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HttpError {
    kind: HttpErrorKind,
    blame: Blame,
    offset: u64,
    limit: u64,
}

/// Whose doing an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The peer sent what it must not send.
    Peer,
    /// The message is larger than the caller allows; it may be a good message.
    Limit,
    /// The connection ended in the middle of a message.
    Truncation,
    /// The code that called this codec asked for something it may not have.
    Caller,
}

impl HttpError {
    pub(crate) const fn peer(kind: HttpErrorKind, offset: usize) -> Self {
        Self { kind, blame: Blame::Peer, offset: offset as u64, limit: 0 }
    }

    pub(crate) const fn limit_reached(kind: HttpErrorKind, offset: u64, limit: u64) -> Self {
        Self { kind, blame: Blame::Limit, offset, limit }
    }

    pub(crate) const fn truncated(kind: HttpErrorKind, offset: u64) -> Self {
        Self { kind, blame: Blame::Truncation, offset, limit: 0 }
    }

    pub(crate) const fn misuse(kind: HttpErrorKind) -> Self {
        Self { kind, blame: Blame::Caller, offset: 0, limit: 0 }
    }

    pub(crate) const fn misuse_at(kind: HttpErrorKind, offset: usize) -> Self {
        Self { kind, blame: Blame::Caller, offset: offset as u64, limit: 0 }
    }

    /// The same error, found in a part that begins `bytes` into the message.
    pub(crate) const fn after(mut self, bytes: u64) -> Self {
        self.offset = self.offset.saturating_add(bytes);
        self
    }

    /// The same finding, where the text came from the caller of this codec and not from a peer.
    pub(crate) const fn blame_caller(mut self) -> Self {
        self.blame = Blame::Caller;
        self
    }

    /// The same finding, where the text came from a peer.
    pub(crate) const fn blame_peer(mut self) -> Self {
        self.blame = Blame::Peer;
        self
    }

    /// What is wrong.
    pub const fn kind(&self) -> HttpErrorKind {
        self.kind
    }

    /// Whose doing it is.
    pub const fn blame(&self) -> Blame {
        self.blame
    }

    /// Where: bytes from the first byte of the message (or of the checked text) to the place.
    /// Zero when the error is not about a place.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The bound that was hit, when [`blame`](Self::blame) is [`Blame::Limit`].
    pub const fn limit(&self) -> Option<u64> {
        if matches!(self.blame, Blame::Limit) { Some(self.limit) } else { None }
    }

    /// Whether the peer broke the protocol.
    pub const fn is_malformed(&self) -> bool {
        matches!(self.blame, Blame::Peer)
    }

    /// Whether a bound was hit.
    pub const fn is_limit(&self) -> bool {
        matches!(self.blame, Blame::Limit)
    }

    /// Whether the connection ended too early.
    pub const fn is_truncated(&self) -> bool {
        matches!(self.blame, Blame::Truncation)
    }

    /// Whether the calling code is at fault.
    pub const fn is_misuse(&self) -> bool {
        matches!(self.blame, Blame::Caller)
    }

    /// What a server should answer to a request that failed with this error.
    pub const fn status(&self) -> StatusCode {
        use HttpErrorKind as Kind;
        if self.is_misuse() {
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
        match self.kind {
            Kind::BodyTooLong => StatusCode::CONTENT_TOO_LARGE,
            Kind::StartLineTooLong => StatusCode::URI_TOO_LONG,
            Kind::UnsupportedExpectation => StatusCode::EXPECTATION_FAILED,
            Kind::HeadTooLong | Kind::TooManyHeaders | Kind::TrailersTooLong => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            // RFC 9112 §6.1: a transfer coding the server does not understand.
            Kind::UnsupportedTransferEncoding => StatusCode::NOT_IMPLEMENTED,
            Kind::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.describe())?;
        if self.is_limit() {
            write!(formatter, " (limit {})", self.limit)?;
        }
        if self.is_misuse() && self.offset == 0 {
            return Ok(());
        }
        write!(formatter, ", at byte {}", self.offset)
    }
}

impl core::error::Error for HttpError {}

/// Declares the kinds with their descriptions side by side, so that neither can lack the other.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What is wrong. The [`HttpError`] around it says where and who is to blame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum HttpErrorKind {
            $($(#[$doc])* #[doc = concat!("Shown as: “", $text, "”.")] $name,)*
        }

        impl HttpErrorKind {
            /// One line for people.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// RFC 9112 §2.2 asks servers to ignore one empty line before a request; more is noise.
    LeadingBlankLine = "empty line where a message should begin",
    /// Only CRLF ends a line here (RFC 9112 §2.2 allows more, readers differ on it).
    BareLineFeed = "line feed without a carriage return",
    /// RFC 9112 §2.2: a bare CR is invalid.
    BareCarriageReturn = "carriage return without a line feed",
    /// RFC 9112 §3: method, one space, target, one space, version.
    MalformedRequestLine = "request line is not `method target version`",
    /// RFC 9110 §9.1: a method is a token.
    InvalidMethod = "method is not a token",
    /// RFC 9112 §3.2: not one of the four forms, or with bytes a URI cannot have.
    InvalidTarget = "request target is malformed",
    /// RFC 9112 §3.2: authority-form is for CONNECT, asterisk-form for OPTIONS, neither elsewhere.
    TargetNotForMethod = "request target has a form that this method does not allow",
    /// RFC 9112 §4: version, space, three digits, reason.
    MalformedStatusLine = "status line is not `version status reason`",
    /// RFC 9110 §15: 100 to 599.
    InvalidStatus = "status code is not between 100 and 599",
    /// RFC 9112 §4: tabs, spaces, visible and high bytes.
    InvalidReason = "control byte in a reason phrase",
    /// RFC 9112 §2.3.
    InvalidVersion = "version is not `HTTP/digit.digit`",
    /// Well formed, but neither 1.0 nor 1.1.
    UnsupportedVersion = "version is neither HTTP/1.0 nor HTTP/1.1",
    /// RFC 9112 §5.2: a field continued on the next line.
    FoldedLine = "header field continues on a second line",
    /// RFC 9112 §2.2: whitespace between the start line and the first field.
    SpaceBeforeFieldName = "space before a field name",
    /// RFC 9112 §5.1: the space that once smuggled requests.
    SpaceBeforeColon = "space between a field name and its colon",
    /// RFC 9112 §5.
    SpaceInFieldName = "space inside a field name",
    /// RFC 9112 §5.
    MissingColon = "header line without a colon",
    /// RFC 9110 §5.1.
    EmptyFieldName = "empty field name",
    /// RFC 9110 §5.1: a field name is a token.
    InvalidFieldName = "field name is not a token",
    /// RFC 9110 §5.5: CR, LF, NUL and the other controls.
    InvalidFieldValue = "control byte in a field value",
    /// More than one Content-Length field, even when they agree.
    RepeatedContentLength = "more than one Content-Length",
    /// RFC 9112 §6.2: digits only, and no list.
    InvalidContentLength = "Content-Length is not one decimal number below 2^64",
    /// RFC 9112 §6.1: the classic of request smuggling.
    LengthAndTransferEncoding = "Content-Length together with Transfer-Encoding",
    /// Exactly `chunked`, once, is what this codec reads.
    UnsupportedTransferEncoding = "Transfer-Encoding is not exactly `chunked`",
    /// RFC 9112 §6.1: HTTP/1.0 has no transfer codings.
    TransferEncodingInHttp10 = "Transfer-Encoding in an HTTP/1.0 message",
    /// A body where RFC 9112 §6.3 or the method allows none.
    BodyNotAllowed = "a body is announced where none is allowed",
    /// RFC 9112 §3.2.
    MissingHost = "no Host field in an HTTP/1.1 request",
    /// RFC 9112 §3.2.
    RepeatedHost = "more than one Host field",
    /// RFC 9110 §7.2.
    InvalidHost = "Host is not a host with an optional port",
    /// RFC 9112 §3.2.2 tells servers to ignore Host here; not all do.
    HostMismatch = "Host disagrees with the request target",
    /// RFC 9110 §10.1.1: only `100-continue` is defined.
    UnsupportedExpectation = "Expect is not `100-continue`",
    /// RFC 9112 §7.1: hexadecimal digits and nothing else.
    InvalidChunkSize = "chunk size is not a hexadecimal number",
    /// More than 16 digits.
    ChunkSizeOverflow = "chunk size has more than 16 digits",
    /// RFC 9112 §7.1.1.
    InvalidChunkExtension = "control byte in a chunk extension",
    /// RFC 9112 §7.1: CRLF after chunk data.
    MissingChunkEnd = "chunk data is not followed by CRLF",
    /// RFC 9110 §6.5.1: framing, routing, authentication and the like.
    ForbiddenTrailer = "field is not allowed in trailers",
    /// Nothing was asked, or the exchange was over.
    UnexpectedBytes = "response bytes while no request is outstanding",
    /// 101 without being asked for, to another protocol, or before the request was sent in full.
    UnexpectedUpgrade = "switch to a protocol that was not asked for",

    /// `HttpLimits::head_bytes`.
    HeadTooLong = "head is too long",
    /// `HttpLimits::start_line_bytes`.
    StartLineTooLong = "start line is too long",
    /// `HttpLimits::headers_count`.
    TooManyHeaders = "too many header fields",
    /// `HttpLimits::body_bytes`.
    BodyTooLong = "body is too long",
    /// `HttpLimits::chunk_line_bytes`.
    ChunkLineTooLong = "chunk line is too long",
    /// `HttpLimits::chunk_extension_bytes`.
    ChunkExtensionsTooLong = "chunk extensions are too long in sum",
    /// `HttpLimits::trailer_bytes`.
    TrailersTooLong = "trailers are too long",
    /// `HttpLimits::informational_count`.
    TooManyInformational = "too many informational responses",

    /// The end came inside a message.
    Truncated = "connection ended inside a message",
    /// The end came before the first byte of the response: the request may be tried again elsewhere
    /// if it is idempotent (RFC 9110 §9.2.2).
    ClosedWithoutResponse = "connection ended before the response began",

    /// Content-Length, Transfer-Encoding and Connection are written by the codec.
    FramingFieldByHand = "framing field set by hand",
    /// The current exchange is not over.
    ExchangeInProgress = "the current exchange is not over",
    /// The connection has ended, failed, switched protocols or is about to close.
    NotReusable = "this connection takes no further message",
    /// Body or trailers without a head, or a response without a request.
    NothingToSend = "no message is being sent",
    /// More body than the head announced.
    MoreThanDeclared = "more body bytes than declared",
    /// Less body than the head announced.
    FewerThanDeclared = "fewer body bytes than declared",
    /// Trailers need chunked framing.
    TrailersNotChunked = "trailers on a body that is not chunked",
    /// The status cannot be sent by this method.
    StatusNotForUse = "status code cannot be used here",
    /// RFC 9110 §15.2: HTTP/1.0 has no 1xx.
    InformationalToHttp10 = "informational response to an HTTP/1.0 client",
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn display_says_what_where_and_which_limit() {
        let error = HttpError::limit_reached(HttpErrorKind::HeadTooLong, 65536, 65536);
        assert_eq!(error.to_string(), "head is too long (limit 65536), at byte 65536");
        assert_eq!(error.limit(), Some(65536));
        let error = HttpError::peer(HttpErrorKind::MissingColon, 3).after(17);
        assert_eq!(error.to_string(), "header line without a colon, at byte 20");
        assert_eq!(error.limit(), None);
        let error = HttpError::misuse(HttpErrorKind::ExchangeInProgress);
        assert_eq!(error.to_string(), "the current exchange is not over");
    }

    #[test]
    fn each_error_knows_the_answer_a_server_should_give() {
        use HttpErrorKind as Kind;
        let status = |kind| HttpError::peer(kind, 0).status().as_u16();
        assert_eq!(status(Kind::MissingColon), 400);
        assert_eq!(status(Kind::BodyTooLong), 413);
        assert_eq!(status(Kind::StartLineTooLong), 414);
        assert_eq!(status(Kind::UnsupportedExpectation), 417);
        assert_eq!(status(Kind::HeadTooLong), 431);
        assert_eq!(status(Kind::TooManyHeaders), 431);
        assert_eq!(status(Kind::UnsupportedTransferEncoding), 501);
        assert_eq!(status(Kind::UnsupportedVersion), 505);
        assert_eq!(HttpError::misuse(Kind::InvalidFieldName).status().as_u16(), 500);
    }

    #[test]
    fn blame_is_exactly_one() {
        let errors = [
            HttpError::peer(HttpErrorKind::MissingColon, 0),
            HttpError::limit_reached(HttpErrorKind::HeadTooLong, 0, 0),
            HttpError::truncated(HttpErrorKind::Truncated, 0),
            HttpError::misuse(HttpErrorKind::NotReusable),
        ];
        for (index, error) in errors.iter().enumerate() {
            let claims =
                [error.is_malformed(), error.is_limit(), error.is_truncated(), error.is_misuse()];
            assert_eq!(claims.iter().position(|&claim| claim), Some(index));
            assert_eq!(claims.iter().filter(|&&claim| claim).count(), 1);
        }
    }
}
