//! How a resolution ends.
//!
//! # Invariants
//! - An error says what was asked, whom, and what each of them said, in words for a person.
//! - Only what servers said about a name is worth remembering; failures are not.
//!
//! # Not here
//! Getting there: see [`Lookup`](super::Lookup).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use super::answer::ResponseCode;
use super::config::Server;
use super::error::MessageError;
use crate::wire::url::UrlError;

/// A name's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Never none. Those of IPv6 first, each kind in the order of its answer.
    pub addresses: Vec<IpAddr>,
    /// How long they are good for; nothing if nobody said, as for an address or a line of `hosts`.
    pub lifetime: Option<Duration>,
    /// Who says so.
    pub source: Source,
    /// Whether both kinds of addresses were asked for and answered. Otherwise servers failed, or
    /// took their time, for one of them.
    pub is_complete: bool,
}

/// Who knows the addresses of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The name is an address.
    Literal,
    /// RFC 6761 §6.3: `localhost` and what is below it is this machine.
    Loopback,
    /// The table of this machine.
    Hosts,
    /// A server.
    Servers,
}

/// Why a name has no addresses.
///
/// ```
/// use sentinel_core::wire::dns::{Config, Hosts, Lookup};
///
/// let lookup = Lookup::new("news.onion", &Config::default(), &Hosts::default(), 0);
/// let Some(Err(error)) = lookup.outcome() else { panic!() };
/// assert_eq!(
///     error.to_string(),
///     "`news.onion` is not asked for: names below `.onion` are no names of DNS"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupError {
    /// What was asked for, as it was given.
    pub name: Box<str>,
    /// What went wrong.
    pub kind: LookupErrorKind,
    /// Servers that failed, in time; at most
    /// [`DNS_TRIED_COUNT_MAX`](crate::limits::DNS_TRIED_COUNT_MAX).
    pub tried: Vec<Tried>,
    /// How long there will be nothing, if servers said so.
    pub lifetime: Option<Duration>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookupErrorKind {
    /// The text is neither a host name nor an address.
    Invalid(UrlError),
    /// Names below this one are not for DNS (RFC 6761, RFC 7686).
    Special(&'static str),
    /// There is no such name.
    NoSuchName,
    /// The name is there and has no addresses.
    NoAddresses,
    /// No server could say.
    ServersFailed,
    /// No server answered.
    TimedOut,
}

/// A server that was asked in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Which one.
    pub server: Server,
    /// How it was asked.
    pub transport: Transport,
    /// What became of it.
    pub failure: Failure,
}

/// How a query travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// As one datagram.
    Udp,
    /// On a connection of its own.
    Tcp,
}

/// What became of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing came.
    TimedOut,
    /// It could not be sent, or the connection ended early.
    Broken,
    /// What came was no good.
    Malformed(MessageError),
    /// The server says that it failed, or will not.
    Code(ResponseCode),
    /// The server knows only others who may know.
    Referral,
    /// The answer does not fit even a connection.
    Truncated,
}

impl LookupError {
    pub(super) fn new(name: &str, kind: LookupErrorKind) -> Self {
        Self { name: name.into(), kind, tried: Vec::new(), lifetime: None }
    }

    /// Whether asking again later may help without anybody changing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, LookupErrorKind::ServersFailed | LookupErrorKind::TimedOut)
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.kind {
            LookupErrorKind::Invalid(error) => {
                let (name, kind, offset) = (name.escape_debug(), error.kind, error.offset);
                return write!(formatter, "`{name}` is not a host name: {kind}, at byte {offset}");
            }
            LookupErrorKind::Special(domain) => {
                return write!(
                    formatter,
                    "`{name}` is not asked for: names below `.{domain}` are no names of DNS"
                );
            }
            LookupErrorKind::NoSuchName => {
                return write!(formatter, "there is no name `{name}`: check how it is written");
            }
            LookupErrorKind::NoAddresses => {
                return write!(formatter, "`{name}` has no address to connect to");
            }
            LookupErrorKind::ServersFailed => {
                write!(formatter, "no name server could resolve `{name}`")?;
            }
            LookupErrorKind::TimedOut => {
                write!(formatter, "no name server answered about `{name}`: check the network")?;
            }
        }
        for (index, tried) in self.tried.iter().enumerate() {
            // What is repeated is told once.
            if self.tried.iter().position(|other| other == tried) == Some(index) {
                write!(formatter, "; {tried}")?;
            }
        }
        Ok(())
    }
}

impl core::error::Error for LookupError {}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}) {}", self.server, self.transport, self.failure)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => formatter.write_str("did not answer in time"),
            Self::Broken => formatter.write_str("could not be reached"),
            Self::Malformed(error) => write!(formatter, "sent a broken answer: {error}"),
            Self::Code(code) => code.fmt(formatter),
            Self::Referral => formatter.write_str("does not resolve names for others"),
            Self::Truncated => formatter.write_str("cut its answer short"),
        }
    }
}
