//! SOCKS5 (RFC 1928), as far as it is served: CONNECT, without a password.
//!
//! # Invariants
//! - What is no SOCKS5, or asks for more than is served, has an answer of its own.
//!
//! # Not here
//! BIND and UDP: nothing comes in, and datagrams would leave without a name that can be checked.
//! Passwords: whoever reaches the socket is the program that was given it.

use alloc::string::String;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::refusal::Refusal;
use crate::wire::url::Host;

/// The first byte of SOCKS5.
pub(super) const VERSION: u8 = 5;

/// What a message of the program means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read<T> {
    /// It is not whole.
    More,
    /// It is this, and took so many bytes.
    Whole(T, usize),
    /// It is refused; the answer has this code.
    Refused(Refusal, Reply),
}

/// The code of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Granted = 0,
    General = 1,
    NotAllowed = 2,
    HostUnreachable = 4,
    Refused = 5,
    Command = 7,
    AddressKind = 8,
}

impl Reply {
    /// The answer that has it. Our own address is nobody's business.
    pub(super) const fn bytes(self) -> [u8; 10] {
        [VERSION, self as u8, 0, 1, 0, 0, 0, 0, 0, 0]
    }
}

/// The answer to a greeting that offers to do without a password, and to one that does not.
pub(super) const WELCOME: [u8; 2] = [VERSION, 0];
pub(super) const NO_METHOD: [u8; 2] = [VERSION, 0xff];

/// Reads which ways of identifying itself the program offers: whether none is among them.
pub(super) fn greeting(bytes: &[u8]) -> Read<bool> {
    let [_, count, rest @ ..] = bytes else { return Read::More };
    let count = usize::from(*count);
    match rest.get(..count) {
        Some(methods) => Read::Whole(methods.contains(&0), count + 2),
        None => Read::More,
    }
}

/// Reads the request that follows: host, port.
pub(super) fn request(bytes: &[u8]) -> Read<(Host<'static>, u16)> {
    let [version, command, reserved, kind, rest @ ..] = bytes else { return Read::More };
    if *version != VERSION || *reserved != 0 {
        return Read::Refused(Refusal::Malformed, Reply::General);
    }
    if *command != 1 {
        return Read::Refused(Refusal::Command, Reply::Command);
    }
    let (length, start) = match (*kind, rest.first()) {
        (1, _) => (4, 0),
        (4, _) => (16, 0),
        (3, Some(length)) => (usize::from(*length), 1),
        (3, None) => return Read::More,
        _ => return Read::Refused(Refusal::Command, Reply::AddressKind),
    };
    let Some(address) = rest.get(start..start + length) else { return Read::More };
    let Some([high, low]) = rest.get(start + length..).and_then(|rest| rest.first_chunk()) else {
        return Read::More;
    };
    let port = u16::from_be_bytes([*high, *low]);
    let host = match length {
        4 if *kind == 1 => <[u8; 4]>::try_from(address).ok().map(Ipv4Addr::from).map(Host::V4),
        16 if *kind == 4 => <[u8; 16]>::try_from(address).ok().map(Ipv6Addr::from).map(Host::V6),
        // A name may be an address in its one spelling, which is then judged as one. Brackets are
        // no part of a name.
        _ => core::str::from_utf8(address)
            .ok()
            .filter(|name| !name.starts_with('['))
            .map(String::from)
            .and_then(|name| Host::parse(&name).ok().map(Host::into_owned)),
    };
    match host {
        Some(host) if port != 0 => Read::Whole((host, port), 4 + start + length + 2),
        _ => Read::Refused(Refusal::Malformed, Reply::General),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use std::string::ToString;

    use super::*;

    fn named(name: &[u8], port: u16) -> Vec<u8> {
        let length = u8::try_from(name.len()).unwrap();
        let mut bytes = Vec::from([5, 1, 0, 3, length]);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&port.to_be_bytes());
        bytes
    }

    #[test]
    fn a_greeting_is_read_once_it_is_whole() {
        assert_eq!(greeting(&[5]), Read::More);
        assert_eq!(greeting(&[5, 2, 0]), Read::More);
        assert_eq!(greeting(&[5, 2, 2, 0, 9]), Read::Whole(true, 4));
        assert_eq!(greeting(&[5, 1, 2]), Read::Whole(false, 3));
        assert_eq!(greeting(&[5, 0]), Read::Whole(false, 2));
    }

    #[test]
    fn places_are_read_in_all_three_forms() {
        let place = |bytes: &[u8]| match request(bytes) {
            Read::Whole((host, port), length) if length == bytes.len() => {
                std::format!("{host} {port}")
            }
            other => std::format!("{other:?}"),
        };
        assert_eq!(place(&named(b"Example.COM", 443)), "example.com 443");
        assert_eq!(place(&[5, 1, 0, 1, 10, 0, 0, 1, 0, 80]), "10.0.0.1 80");
        let mut six = Vec::from([5, 1, 0, 4]);
        six.extend_from_slice(&Ipv6Addr::LOCALHOST.octets());
        six.extend_from_slice(&[1, 187]);
        assert_eq!(place(&six), "[::1] 443");
        // An address in the clothes of a name is an address.
        assert_eq!(place(&named(b"127.0.0.1", 80)), "127.0.0.1 80");
        for end in 0..named(b"example.com", 443).len() {
            let bytes = named(b"example.com", 443);
            assert_eq!(request(bytes.get(..end).unwrap()), Read::More);
        }
    }

    #[test]
    fn what_is_not_served_is_refused_with_its_code() {
        let malformed: &[&[u8]] = &[
            &named(b"", 443),
            &named(b"example.com.", 443),
            &named(b"0x7f.1", 443),
            &named(b"2130706433", 443),
            &named(b"evil\0.example.com", 443),
            &named(b"[::1]", 443),
            &named(b"user@example.com", 443),
            &named("b\u{fc}cher.de".to_string().as_bytes(), 443),
            &named(b"\xff", 443),
            &named(b"example.com", 0),
            &[4, 1, 0, 1, 1, 1, 1, 1, 0, 80],
            &[5, 1, 1, 1, 1, 1, 1, 1, 0, 80],
        ];
        for bytes in malformed {
            let read = request(bytes);
            assert_eq!(read, Read::Refused(Refusal::Malformed, Reply::General), "{bytes:?}");
        }
        for command in [0, 2, 3, 255] {
            let read = request(&[5, command, 0, 1, 1, 1, 1, 1, 0, 80]);
            assert_eq!(read, Read::Refused(Refusal::Command, Reply::Command));
        }
        let read = request(&[5, 1, 0, 2, 1, 1, 1, 1, 0, 80]);
        assert_eq!(read, Read::Refused(Refusal::Command, Reply::AddressKind));
    }
}
