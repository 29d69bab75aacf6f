//! Which hosts a grant covers: labels, never suffixes of text.
//!
//! # Invariants
//! - `*.example.com` covers names with at least one label before `example.com`, and nothing else:
//!   not `example.com`, not `evilexample.com`.
//! - A wildcard covers public names only. An address, and a name that means this machine, a private
//!   network or a metadata service, is covered by the grant that spells it out and by no other.
//!
//! # Not here
//! What a name resolves to. The shell classifies the address it connects to, at every hop.

use core::fmt;

use crate::wire::url::{Host, Name, Reach, UrlError};

/// The hosts that a grant covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// One name or address.
    Exact(Host<'static>),
    /// Every public name beneath this one.
    Beneath(Name<'static>),
    /// Every public name.
    Any,
}

impl HostPattern {
    /// Reads `example.com`, `192.0.2.1`, `[::1]`, `*.example.com` or `*`.
    ///
    /// # Errors
    /// The name or the address is none.
    pub fn parse(text: &str) -> Result<Self, HostPatternError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let Some(domain) = text.strip_prefix("*.") else {
            let host = Host::parse(text).map_err(HostPatternError::Host)?;
            return Ok(Self::Exact(host.into_owned()));
        };
        match Host::parse(domain).map_err(HostPatternError::Host)?.into_owned() {
            Host::Name(name) => Ok(Self::Beneath(name)),
            Host::V4(_) | Host::V6(_) => Err(HostPatternError::BeneathAddress),
        }
    }

    /// Whether it covers a host.
    #[must_use]
    pub fn covers(&self, host: &Host<'_>) -> bool {
        match self {
            Self::Exact(own) => own == host,
            Self::Beneath(domain) => public_name(host)
                .is_some_and(|name| name.as_str() != domain.as_str() && name.is_within(domain)),
            Self::Any => public_name(host).is_some(),
        }
    }

    /// Whether it covers nothing that `other` does not.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(host), other) => other.covers(host),
            (Self::Beneath(_) | Self::Any, Self::Any) => true,
            (Self::Beneath(own), Self::Beneath(domain)) => own.is_within(domain),
            (Self::Beneath(_) | Self::Any, _) => false,
        }
    }

    /// Whether a rule that forbids by it forbids a host: a wildcard forbids every name there is
    /// beneath the domain, the domain itself, and `*` addresses too.
    pub(crate) fn forbids(&self, host: &Host<'_>) -> bool {
        match (self, host.name()) {
            (Self::Any, _) => true,
            (Self::Beneath(domain), Some(name)) => name.is_within(domain),
            (pattern, _) => pattern.covers(host),
        }
    }

    /// How much it says: more labels are more special, and one host is the most special.
    pub(super) fn specificity(&self) -> usize {
        match self {
            Self::Exact(_) => usize::MAX,
            Self::Beneath(domain) => domain.as_str().split('.').count(),
            Self::Any => 0,
        }
    }
}

/// The name of a host that a wildcard may cover.
fn public_name<'h>(host: &'h Host<'_>) -> Option<&'h Name<'h>> {
    let name = host.name()?;
    name.reach().is_none_or(Reach::is_public).then_some(name)
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(formatter),
            Self::Beneath(domain) => write!(formatter, "*.{}", domain.as_str()),
            Self::Any => formatter.write_str("*"),
        }
    }
}

/// Why a text is no pattern of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostPatternError {
    /// What should be a host is none.
    Host(UrlError),
    /// Nothing lies beneath an address.
    BeneathAddress,
}

impl fmt::Display for HostPatternError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => write!(formatter, "no host: {error}"),
            Self::BeneathAddress => formatter.write_str("nothing lies beneath an address"),
        }
    }
}

impl core::error::Error for HostPatternError {}

/// The ports that a grant covers: from, to, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ports {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl Ports {
    /// What a grant covers that names no port: HTTPS.
    pub const DEFAULT: Self = Self { first: 443, last: 443 };
    /// Every port.
    pub const ANY: Self = Self { first: 1, last: u16::MAX };

    /// Reads `443`, `8000-8099` or `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::ANY);
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let ports = Self { first: port(first)?, last: port(last)? };
        (ports.first <= ports.last).then_some(ports)
    }

    /// Whether it covers a port.
    #[must_use]
    pub const fn covers(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether it covers nothing that `other` does not.
    #[must_use]
    pub const fn is_within(self, other: Self) -> bool {
        other.first <= self.first && self.last <= other.last
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ANY => formatter.write_str("*"),
            Self { first, last } if first == last => write!(formatter, "{first}"),
            Self { first, last } => write!(formatter, "{first}-{last}"),
        }
    }
}

/// Digits without sign and leading zeros, from 1.
fn port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn labels_are_compared_never_suffixes() {
        for (pattern, host, expected) in [
            ("example.com", "EXAMPLE.com", true),
            ("example.com", "www.example.com", false),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "evilexample.com", false),
            ("*.example.com", "example.com.evil.org", false),
            ("*", "example.com", true),
            ("*", "localhost", false),
            ("*", "printer.local", false),
            ("*", "metadata.google.internal", false),
            ("*.internal", "metadata.google.internal", false),
            ("metadata.google.internal", "metadata.google.internal", true),
            ("*", "93.184.215.14", false),
            ("*", "169.254.169.254", false),
            ("*", "[::ffff:7f00:1]", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "[::ffff:127.0.0.1]", false),
            ("127.0.0.1", "localhost", false),
            ("[::1]", "[0:0:0:0:0:0:0:1]", true),
        ] {
            let parsed = HostPattern::parse(pattern).unwrap();
            assert_eq!(parsed.covers(&Host::parse(host).unwrap()), expected, "{pattern} {host}");
            assert_eq!(HostPattern::parse(&parsed.to_string()), Ok(parsed));
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in
            ["", "*.", "*.*", "a.*.b", "*example.com", "*.1.2.3.4", "exa mple.com", "a@b", "b:1"]
        {
            assert!(HostPattern::parse(pattern).is_err(), "{pattern}");
        }
        for ports in ["", "0", "65536", "+1", "080", "5-1", "1-", "-", "a"] {
            assert_eq!(Ports::parse(ports), None, "{ports}");
        }
    }

    /// Whatever a narrower pattern covers, the wider one covers.
    #[test]
    fn within_means_covered() {
        let patterns = ["a.b.c", "b.c", "*.b.c", "*.c", "*", "localhost", "10.0.0.1", "*.x.c"];
        let hosts = ["a.b.c", "b.c", "c", "x.a.b.c", "y.x.c", "localhost", "10.0.0.1", "z.local"];
        for (own, other) in patterns.iter().flat_map(|a| patterns.iter().map(move |b| (a, b))) {
            let (narrow, wide) =
                (HostPattern::parse(own).unwrap(), HostPattern::parse(other).unwrap());
            for host in hosts {
                let host = Host::parse(host).unwrap();
                let is_widened =
                    narrow.is_within(&wide) && narrow.covers(&host) && !wide.covers(&host);
                assert!(!is_widened, "{own} in {other}: {host}");
            }
        }
    }
}
