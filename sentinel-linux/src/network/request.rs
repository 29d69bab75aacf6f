//! What is asked of the network, and what it tells.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sentinel_core::egress::Allowance;
use sentinel_core::time::Timestamp;
use sentinel_core::wire::dns::{Config, Hosts};
use sentinel_core::wire::http::{Headers, Method, StatusCode};
use sentinel_core::wire::url::Url;

use super::failure::Failure;
use super::name_files::NameFiles;
use super::proxy::Proxy;

/// What holds for everything.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// `resolv.conf`.
    pub(crate) dns: Config,
    /// `hosts`.
    pub(crate) hosts: Hosts,
    /// Where these two are read from, if they are read again when they change.
    pub(crate) name_files: Option<NameFiles>,
    /// Certificates of further authorities, as a PEM file.
    pub(crate) extra_roots: Option<Vec<u8>>,
    pub(crate) proxy: Option<Proxy>,
}

impl Options {
    /// Names as this system finds them.
    pub(crate) fn of_system() -> Self {
        let (name_files, dns, hosts) = NameFiles::of_system();
        Self { dns, hosts, name_files: Some(name_files), ..Self::default() }
    }
}

/// One HTTP exchange. Redirects are not followed: who asks looks at each address anew.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Without `Host` and those of framing.
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) times: Times,
    pub(crate) reach: Reach,
    /// Rules that forbid addresses, whatever name leads there, as they are at this time.
    pub(crate) forbidden: Option<(Arc<Allowance>, Timestamp)>,
    /// More than this is [`FailureKind::TooLong`](super::FailureKind::TooLong).
    pub(crate) answer_bytes_max: u64,
}

/// A WebSocket to be opened.
#[derive(Clone)]
pub(crate) struct SocketRequest {
    /// With `https` for `wss` and `http` for `ws`: see [`socket_url`].
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    /// `first_byte` is for the handshake; after `idle` a ping is sent, and after that again the
    /// socket has failed; `total` has no effect once it is open.
    pub(crate) times: Times,
    pub(crate) reach: Reach,
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// From the name to the end of the TLS handshake.
    pub(crate) connect: Duration,
    /// From the last byte of the request to the first of the answer.
    pub(crate) first_byte: Duration,
    /// Between two signs of progress otherwise.
    pub(crate) idle: Duration,
    /// All of it.
    pub(crate) total: Duration,
}

impl Default for Times {
    /// What suits an exchange with a platform.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            first_byte: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(10 * 60),
        }
    }
}

/// Which addresses may be connected to. It is the address itself that is looked at, after the name
/// was resolved; and that one and no other is then connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The public internet alone. For what a model, a person or a page named.
    Public,
    /// Whatever the operator named in the configuration, or granted by name: also this machine and
    /// its networks. Metadata services of clouds only where the URL has their address itself.
    Named,
}

/// Which exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestNumber(pub(super) u64);

/// Which WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SocketNumber(pub(super) u64);

/// Which connection for somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DialNumber(pub(super) u64);

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NetworkEvent {
    /// The head of an answer. Body and end follow, or a failure.
    Head { request: RequestNumber, status: StatusCode, headers: Headers },
    /// A piece of the answer, never empty.
    Body { request: RequestNumber, bytes: Vec<u8> },
    /// The answer is whole. Nothing follows.
    End { request: RequestNumber },
    /// Nothing follows.
    Failed { request: RequestNumber, failure: Failure },
    /// Text can be sent now.
    SocketOpened { socket: SocketNumber },
    /// A whole message.
    SocketText { socket: SocketNumber, text: String },
    /// The other end closed in good order, with a code if it gave one. Nothing follows.
    SocketClosed { socket: SocketNumber, code: Option<u16>, reason: String },
    /// Nothing follows.
    SocketFailed { socket: SocketNumber, failure: Failure },
    /// A connection for somebody else is there, to this address if we know it; or it leads to the
    /// proxy, which reads requests on it. [`Network::landed`](super::Network::landed) has it.
    Dialed { dial: DialNumber, address: Option<IpAddr>, is_proxied: bool },
    /// Nothing follows.
    DialFailed { dial: DialNumber, failure: Failure },
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Paths, fields and bodies may be secrets.
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("authority", &self.url.authority())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SocketRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.url.authority();
        formatter
            .debug_struct("SocketRequest")
            .field("authority", &authority)
            .finish_non_exhaustive()
    }
}

/// Reads `wss://…` and `ws://…` as the URL that stands for them here.
pub(crate) fn socket_url(text: &str) -> Result<Url, String> {
    let has_scheme = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let (scheme, length) = match () {
        () if has_scheme("wss://") => ("https://", 6),
        () if has_scheme("ws://") => ("http://", 5),
        () => return Err("a WebSocket is at `wss://` or `ws://`".into()),
    };
    let rest = text.get(length..).unwrap_or_default();
    Url::parse(&format!("{scheme}{rest}")).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_sockets_are_read_as_those_of_pages() {
        let read = |text| socket_url(text).map(|url| url.as_str().to_string());
        assert_eq!(read("WSS://gateway.example/?v=10"), Ok("https://gateway.example/?v=10".into()));
        assert_eq!(read("ws://127.0.0.1:8080/x"), Ok("http://127.0.0.1:8080/x".into()));
        assert!(read("https://gateway.example/").is_err());
        assert!(read("wss://user@gateway.example/").is_err());
    }
}
