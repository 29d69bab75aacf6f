//! Why bytes did not get where they should: for programs the kind, for people the words.

use std::fmt;

/// How an exchange or a socket failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// Whether the other end may have read any of the request. If not, it can be sent again
    /// without asking what became of it.
    pub(crate) may_have_arrived: bool,
    /// What happened, where, and what to do about it. Never what was sent or received.
    pub(crate) text: String,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The name has no address, or nobody could say.
    Resolve,
    /// The address may not be reached by this request.
    Refused,
    /// No connection came about.
    Connect,
    /// No secure connection came about.
    Tls,
    /// The connection ended too early.
    Cut,
    /// Something took too long.
    Timeout(Wait),
    /// The other end, or the request, breaks the protocol.
    Protocol,
    /// More came than the caller takes.
    TooLong,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A connection, from the name to the end of the handshake.
    Connect,
    /// The first byte of the answer, once all of the request is sent.
    FirstByte,
    /// Any progress.
    Idle,
    /// The whole exchange.
    Total,
}

/// A failure without what only its exchange knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) kind: FailureKind,
    pub(super) text: String,
}

impl Broken {
    pub(super) fn new(kind: FailureKind, text: impl fmt::Display) -> Self {
        Self { kind, text: text.to_string() }
    }

    pub(super) fn cut(text: impl fmt::Display) -> Self {
        Self::new(FailureKind::Cut, text)
    }

    pub(super) fn protocol(text: impl fmt::Display) -> Self {
        Self::new(FailureKind::Protocol, text)
    }
}

impl Failure {
    /// The failure of an exchange with `place`.
    pub(super) fn at(place: &str, broken: Broken, may_have_arrived: bool) -> Self {
        let Broken { kind, text } = broken;
        Self { kind, may_have_arrived, text: format!("{place}: {text}") }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Wait {
    /// What was waited for in vain, and what to look at.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Connect => "no connection in time: check the network, the address and the port",
            Self::FirstByte => "no answer in time: the server took the request and said nothing",
            Self::Idle => "nothing moved any more: the connection hangs",
            Self::Total => "the whole exchange took longer than it may",
        }
    }
}
