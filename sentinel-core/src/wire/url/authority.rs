//! `host[:port]`: what a URL, a `Host` field and the target of CONNECT have in common.
//!
//! All three go through this one function, so that a host which a grant refuses in a URL cannot
//! come back in a header.

use core::fmt;

use super::error::{UrlError, UrlErrorKind};
use super::host::Host;

/// A host and, if it was written, a port.
///
/// ```
/// use sentinel_core::wire::url::Authority;
///
/// let authority = Authority::parse("[::1]:8080")?;
/// assert_eq!(authority.port, Some(8080));
/// assert_eq!(authority.to_string(), "[::1]:8080");
/// assert!(Authority::parse("user@example.com").is_err());
/// # Ok::<(), sentinel_core::wire::url::UrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Authority<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The port, if one was written.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads a host with an optional port.
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        // Which side of an `@` is the host has fooled people and libraries alike; nobody needs one.
        if let Some(offset) = text.find('@') {
            return Err(UrlError::new(UrlErrorKind::UserInfo, offset));
        }
        let host_end = if text.starts_with('[') {
            let unclosed = UrlError::new(UrlErrorKind::InvalidIpv6, 0);
            text.find(']').map(|bracket| bracket + 1).ok_or(unclosed)?
        } else {
            text.find(':').unwrap_or(text.len())
        };
        let (host, rest) = text.split_at(host_end);
        let host = Host::parse(host)?;
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits).map_err(|kind| UrlError::new(kind, host_end + 1))?),
            None if rest.is_empty() => None,
            None => return Err(UrlError::new(UrlErrorKind::InvalidIpv6, host_end)),
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(formatter)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// A port as text. Leading zeros are refused: some readers take them for octal.
fn port(text: &str) -> Result<u16, UrlErrorKind> {
    if text.is_empty() {
        return Err(UrlErrorKind::EmptyPort);
    }
    // `u16::from_str` takes a plus sign, so the digits are checked first; zero starts with a zero.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain).ok_or(UrlErrorKind::InvalidPort)
}
