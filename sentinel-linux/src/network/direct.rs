//! What is reached without the proxy: the entries of `NO_PROXY`, as other programs read them.
//!
//! Nobody wrote down what may stand there, so everything is taken that is usual: `*`, a domain with
//! all below it (also as `.corp.example` and `*.corp.example`), an address, a network, and each of
//! them with a port. What is something else concerns another program, and is passed over by whoever
//! asks.

use std::net::IpAddr;

use sentinel_core::wire::url::{Host, Url};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Direct {
    to: To,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Everything,
    /// An address, or a name and all below it.
    Host(Host<'static>),
    /// Addresses that begin with the same bits.
    Network(IpAddr, u32),
}

impl Direct {
    /// Reads an entry; `None` if it is nothing that is known.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { to: To::Everything, port: None });
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = unbracketed(address).parse().ok()?;
            let bits = bits.parse().ok().filter(|bits| *bits <= width(address))?;
            return Some(Self { to: To::Network(address, bits), port: None });
        }
        // An IPv6 address has colons of its own, and a port only behind brackets.
        if let Ok(address) = unbracketed(text).parse::<IpAddr>() {
            return Some(Self { to: To::Host(host(address)), port: None });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok().filter(|port| *port > 0)?)),
            None => (text, None),
        };
        let name = name.strip_prefix("*.").or_else(|| name.strip_prefix('.')).unwrap_or(name);
        Some(Self { to: To::Host(Host::parse(name).ok()?.into_owned()), port })
    }

    /// Whether a place is one of those.
    pub(super) fn holds(&self, place: &Url) -> bool {
        let is_there = match (&self.to, place.host()) {
            (To::Everything, _) => true,
            (To::Host(Host::Name(domain)), Host::Name(name)) => name.is_within(domain),
            (To::Host(this), host) => *this == host,
            (To::Network(network, bits), Host::V4(address)) => {
                is_within(address.into(), *network, *bits)
            }
            (To::Network(network, bits), Host::V6(address)) => {
                is_within(address.into(), *network, *bits)
            }
            (To::Network(..), Host::Name(_)) => false,
        };
        is_there && self.port.is_none_or(|port| port == place.port())
    }
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text)
}

const fn host(address: IpAddr) -> Host<'static> {
    match address {
        IpAddr::V4(address) => Host::V4(address),
        IpAddr::V6(address) => Host::V6(address),
    }
}

const fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let bits_of = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
    width(address) == width(network) && (bits_of(address) ^ bits_of(network)) & mask == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_understood() {
        for (entry, place, is_direct) in [
            ("*", "https://anything.example/", true),
            ("Corp.example", "https://corp.example/", true),
            ("corp.example", "https://git.corp.example/", true),
            ("corp.example", "https://notcorp.example/", false),
            (".lan.example", "https://a.lan.example/", true),
            ("*.dev.example", "https://b.dev.example/", true),
            ("corp.example:8443", "https://corp.example:8443/", true),
            ("corp.example:8443", "https://corp.example/", false),
            ("10.1.2.3", "http://10.1.2.3:8080/", true),
            ("10.1.2.3", "http://10.1.2.4/", false),
            ("10.1.2.3:80", "http://10.1.2.3/", true),
            ("::1", "http://[::1]:9/", true),
            ("[::1]", "http://[::1]/", true),
            ("[fd00::2]:443", "https://[fd00::2]/", true),
            ("[fd00::2]:443", "http://[fd00::2]/", false),
            ("10.0.0.0/8", "http://10.200.0.1/", true),
            ("10.0.0.0/8", "http://11.0.0.1/", false),
            ("10.0.0.0/8", "http://ten.example/", false),
            ("192.168.7.64/26", "http://192.168.7.127/", true),
            ("192.168.7.64/26", "http://192.168.7.128/", false),
            ("0.0.0.0/0", "http://203.0.113.9/", true),
            ("0.0.0.0/0", "http://[2001:db8::1]/", false),
            ("fd00::/8", "http://[fdff::1]/", true),
            ("fd00::/8", "http://[fe00::1]/", false),
            ("fd00::1/128", "http://[fd00::1]/", true),
        ] {
            let direct = Direct::parse(entry).unwrap_or_else(|| panic!("{entry}"));
            assert_eq!(direct.holds(&Url::parse(place).unwrap()), is_direct, "{entry} {place}");
        }
    }

    #[test]
    fn what_is_not_known_is_nothing() {
        for entry in ["", "10.0.0.0/33", "fd00::/129", "a b", "name:port", "name:0", "/8", "a/b"] {
            assert_eq!(Direct::parse(entry), None, "{entry}");
        }
    }
}
