//! What can go wrong on a WebSocket connection, where, and what to say to the peer.
//!
//! # Invariants
//! - An error is small and `Copy`, and holds no bytes of the peer.
//! - Every error of a peer has the close code that RFC 6455 wants it to be answered with.
//!
//! # Not here
//! Errors of the handshake's HTTP: see [`HttpError`](crate::wire::http::HttpError).

use core::fmt;

use super::close::CloseCode;
use super::receive::CONTROL_BYTES_MAX;

/// An error of this codec.
///
/// ```
/// use sentinel_core::wire::websocket::{CloseCode, Connection, Role};
///
/// let mut connection = Connection::new(Role::Client, 1024);
/// let error = connection.next(&mut &b"\xc1\x00"[..]).unwrap_err();
/// assert_eq!(error.to_string(), "frame with a reserved bit, at byte 0");
/// assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WebSocketError {
    kind: WebSocketErrorKind,
    offset: u64,
}

impl WebSocketError {
    pub(super) const fn new(kind: WebSocketErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> WebSocketErrorKind {
        self.kind
    }

    /// Where: bytes from the first one after the handshake to the frame that is wrong. Zero when
    /// the error is not about a frame that came.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the calling code is at fault, and the connection as good as before.
    #[must_use]
    pub const fn is_misuse(&self) -> bool {
        use WebSocketErrorKind as Kind;
        matches!(self.kind, Kind::Closed | Kind::MessageInProgress | Kind::ControlTooLong)
    }

    /// The code that tells the peer why this end closes.
    #[must_use]
    pub const fn close_code(&self) -> CloseCode {
        use WebSocketErrorKind as Kind;
        match self.kind {
            Kind::InvalidText | Kind::InvalidReason => CloseCode::INVALID_DATA,
            Kind::MessageTooLong => CloseCode::TOO_LARGE,
            Kind::Closed | Kind::MessageInProgress | Kind::ControlTooLong => {
                CloseCode::INTERNAL_ERROR
            }
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.describe())?;
        if self.is_misuse() {
            return Ok(());
        }
        write!(formatter, ", at byte {}", self.offset)
    }
}

impl core::error::Error for WebSocketError {}

/// Every description fits a close frame, behind its code.
const REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// Declares the kinds with their descriptions side by side, so that neither can lack the other.
macro_rules! kinds {
    ($(#[$top:meta])* $kind:ident: $($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        $(#[$top])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $kind {
            $($(#[$doc])* #[doc = concat!("Shown as: “", $text, "”.")] $name,)*
        }

        impl $kind {
            /// One line for people.
            #[must_use]
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        $(const _: () = assert!($text.len() <= REASON_BYTES_MAX);)*
    };
}

kinds! {
    /// What is wrong. The [`WebSocketError`] around it says where.
    WebSocketErrorKind:

    /// RFC 6455 §5.2: no extension was agreed on.
    ReservedBit = "frame with a reserved bit",
    /// RFC 6455 §5.2.
    ReservedOpcode = "frame of a reserved kind",
    /// RFC 6455 §5.1: a client masks.
    NotMasked = "client's frame without a mask",
    /// RFC 6455 §5.1: a server does not.
    Masked = "server's frame with a mask",
    /// RFC 6455 §5.5.
    FragmentedControl = "control frame in fragments",
    /// RFC 6455 §5.5.
    LongControl = "control frame with more than 125 bytes",
    /// RFC 6455 §5.2: the shortest form must be used.
    LengthNotMinimal = "length written longer than it need be",
    /// RFC 6455 §5.2: the highest bit is zero.
    LengthOverflow = "length beyond 2^63",
    /// RFC 6455 §5.4: nothing to go on with.
    UnexpectedContinuation = "continuation without a message",
    /// RFC 6455 §5.4: messages do not interleave.
    UnexpectedMessage = "new message inside another one",
    /// RFC 6455 §8.1.
    InvalidText = "text that is not UTF-8",
    /// RFC 6455 §5.5.1.
    InvalidReason = "reason of a close frame that is not UTF-8",
    /// RFC 6455 §5.5.1: nothing, or a code of two bytes and a reason.
    CloseTooShort = "close frame of one byte",
    /// RFC 6455 §7.4.
    InvalidCloseCode = "close code that may not be sent",
    /// More than the caller allows.
    MessageTooLong = "message is too long",
    /// RFC 6455 §7.1.5: the connection ended without a word, code 1006 among programs.
    EndedWithoutClose = "connection ended without a close frame",

    /// A close frame was sent, or the connection failed.
    Closed = "this connection takes no further message",
    /// The parts of a message must be of one kind.
    MessageInProgress = "another message is not finished",
    /// More than 125 bytes for a ping, a pong, or a code with its reason.
    ControlTooLong = "more than a control frame holds",
}

/// Why a handshake failed.
///
/// ```
/// use sentinel_core::wire::http::{Method, RequestHead, Target};
/// use sentinel_core::wire::websocket::{HandshakeError, HandshakeErrorKind, Request};
///
/// let head = RequestHead::new(Method::GET, Target::new("/chat").unwrap());
/// let error = Request::read(&head).unwrap_err();
/// assert_eq!(error.kind(), HandshakeErrorKind::NoUpgrade);
/// assert_eq!(error.to_string(), "WebSocket handshake: no `Upgrade: websocket`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HandshakeError {
    kind: HandshakeErrorKind,
    status: u16,
}

impl HandshakeError {
    pub(super) const fn new(kind: HandshakeErrorKind) -> Self {
        Self { kind, status: 0 }
    }

    pub(super) const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> HandshakeErrorKind {
        self.kind
    }

    /// The status a server answered with, if it was not the one that was hoped for.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        if self.status == 0 { None } else { Some(self.status) }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WebSocket handshake: {}", self.kind.describe())?;
        match self.status() {
            Some(status) => write!(formatter, " but with status {status}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for HandshakeError {}

kinds! {
    /// What is wrong with a handshake.
    HandshakeErrorKind:

    /// RFC 6455 §4.1: 101, or it is not a WebSocket.
    WrongStatus = "the server answered not with 101",
    /// RFC 6455 §4.2.1.
    WrongMethod = "the method is not GET",
    /// RFC 6455 §4.2.1.
    WrongHttpVersion = "the version of HTTP is not 1.1",
    /// Neither side can mean anything else.
    NoUpgrade = "no `Upgrade: websocket`",
    /// RFC 6455 §4.1, §4.2.1.
    NoConnection = "no `Connection: Upgrade`",
    /// RFC 6455 §4.2.1: exactly one, of 16 bytes in Base64.
    WrongKey = "not exactly one `Sec-WebSocket-Key` of 16 bytes",
    /// RFC 6455 §4.1: the server did not read the key.
    WrongAccept = "`Sec-WebSocket-Accept` does not prove that the key was read",
    /// RFC 6455 §4.2.1: 13 is the only one there is.
    WrongVersion = "`Sec-WebSocket-Version` is not 13",
    /// RFC 6455 §4.1.
    UnaskedExtension = "the server uses an extension that was not offered",
    /// RFC 6455 §4.1.
    UnaskedProtocol = "the server uses a subprotocol that was not offered",
    /// RFC 6455 §4.1: tokens, each once.
    WrongProtocol = "a subprotocol is no token, or named twice",
    /// More than [`WEBSOCKET_PROTOCOLS_COUNT_MAX`](crate::limits::WEBSOCKET_PROTOCOLS_COUNT_MAX).
    TooManyProtocols = "too many subprotocols",
    /// RFC 6455 §4.2.1: which page asks must be one page.
    RepeatedOrigin = "more than one `Origin`",
}
