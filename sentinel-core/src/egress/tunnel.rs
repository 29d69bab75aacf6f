//! The first words in a tunnel: whether they fit the place that it leads to.
//!
//! # What is let through
//! - TLS on any port, if its `ClientHello` names the host. If the server asks for another one (RFC
//!   8446 §4.1.4), that one has to name it as well.
//! - The same where TLS is ended here: then the requests in it are read and judged one by one.
//! - Requests in the clear on any port but those of TLS: they are read and judged one by one.
//! - Anything else on a port that a grant names by its number, and that is neither TLS's nor one
//!   where servers of HTTP are: they take requests that we would not know for such.
//!
//! # Invariants
//! - What the program said is held until it was found to fit, and then goes on unchanged.
//! - Any split of the bytes gives the same decision.

use alloc::vec::Vec;

use super::allowance::Tunnel;
use super::hello::{HANDSHAKE, HEADER_BYTES, Hello, HelloError, HelloReader, could_be_tls};
use super::refusal::Refusal;
use crate::wire::url::Host;

/// What stands at the beginning of a tunnel.
#[derive(Debug)]
pub(super) struct Guard {
    host: Host<'static>,
    port: u16,
    tunnel: Tunnel,
    stage: Stage,
    /// What the program said and is not let through yet.
    held: Vec<u8>,
}

#[derive(Debug)]
enum Stage {
    First,
    Hello(HelloReader),
    /// What the server says to the `ClientHello`.
    Answer {
        server: ServerHello,
        client: Records,
    },
    /// The server asked for another one.
    Again(Records),
    SecondHello(HelloReader),
}

/// What the first words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// There are too few.
    More,
    /// From now on everything passes.
    Pass,
    /// They are a request in the clear; what is held belongs to it.
    Request,
    /// They are TLS that is ended here; what is held belongs to it.
    Inspect,
}

impl Guard {
    pub(super) const fn new(host: Host<'static>, port: u16, tunnel: Tunnel) -> Self {
        Self { host, port, tunnel, stage: Stage::First, held: Vec::new() }
    }

    /// Whether a tunnel to a place could be of any use.
    pub(super) fn check(port: u16, tunnel: Tunnel) -> Result<(), Refusal> {
        match tunnel {
            Tunnel::Requests if is_tls_port(port) => Err(Refusal::Hidden),
            _ => Ok(()),
        }
    }

    /// Whether the first words have to come soon: where anything may be spoken, the server may be
    /// the one that begins.
    pub(super) fn is_impatient(&self) -> bool {
        !matches!(self.stage, Stage::First) || !self.carries_anything()
    }

    /// What the program said and is not let through yet.
    pub(super) fn held(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.held)
    }

    /// Whether what is said is looked into, and nobody is connected to yet.
    pub(super) fn is_inspected(&self) -> bool {
        self.tunnel == Tunnel::Inspected
    }

    /// The place.
    pub(super) fn into_place(self) -> (Host<'static>, u16) {
        (self.host, self.port)
    }

    pub(super) const fn host(&self) -> &Host<'static> {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Reads what the program said, and appends to `out` what passes.
    pub(super) fn client(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<Words, Refusal> {
        loop {
            match &mut self.stage {
                Stage::First => {
                    let words = match self.held.first().or(input.first()) {
                        None => return Ok(Words::More),
                        Some(first) if could_be_tls(*first) => {
                            if self.tunnel == Tunnel::Requests {
                                return Err(Refusal::Hidden);
                            }
                            self.stage = Stage::Hello(HelloReader::new());
                            continue;
                        }
                        Some(_) => self.first(&mut input)?,
                    };
                    if words == Words::Pass {
                        out.append(&mut self.held);
                        out.extend_from_slice(input);
                    } else {
                        self.held.extend_from_slice(input);
                    }
                    return Ok(words);
                }
                Stage::Hello(reader) | Stage::SecondHello(reader) => {
                    let before = input;
                    let hello = reader.next(&mut input).map_err(refusal);
                    let taken = before.len() - input.len();
                    self.held.extend_from_slice(before.get(..taken).unwrap_or_default());
                    let Some(hello) = hello? else { return Ok(Words::More) };
                    fits(&hello, &self.host)?;
                    if self.tunnel == Tunnel::Inspected {
                        self.held.extend_from_slice(input);
                        return Ok(Words::Inspect);
                    }
                    out.append(&mut self.held);
                    if matches!(self.stage, Stage::SecondHello(_)) {
                        out.extend_from_slice(input);
                        return Ok(Words::Pass);
                    }
                    self.stage = Stage::Answer {
                        server: ServerHello::default(),
                        client: Records::default(),
                    };
                }
                Stage::Answer { client, .. } => {
                    // Early data may come before the answer, a handshake message may not.
                    return match client.pass(&mut input, out) {
                        true => Err(Refusal::BadHello),
                        false => Ok(Words::More),
                    };
                }
                Stage::Again(client) => match client.pass(&mut input, out) {
                    true => self.stage = Stage::SecondHello(HelloReader::new()),
                    false => return Ok(Words::More),
                },
            }
        }
    }

    /// Looks at what the server said, all of which passes.
    pub(super) fn server(&mut self, input: &[u8]) -> Result<Words, Refusal> {
        let carries_anything = self.carries_anything();
        match &mut self.stage {
            Stage::Answer { server, client } => Ok(match server.read(input) {
                Answer::More => Words::More,
                Answer::Other => Words::Pass,
                Answer::Retry => {
                    self.stage = Stage::Again(core::mem::take(client));
                    Words::More
                }
            }),
            Stage::First if !carries_anything => Err(Refusal::NotTls),
            Stage::Hello(_) => Err(Refusal::NotTls),
            Stage::First | Stage::Again(_) | Stage::SecondHello(_) => Ok(Words::More),
        }
    }

    /// Words that are no TLS: whether they are a request, and if not whether they may pass.
    fn first(&mut self, input: &mut &[u8]) -> Result<Words, Refusal> {
        if is_tls_port(self.port) {
            return Err(Refusal::NotTls);
        }
        while let Some((byte, rest)) = input.split_first() {
            match byte {
                b' ' if !self.held.is_empty() => return Ok(Words::Request),
                b'A'..=b'Z' if self.held.len() < METHOD_BYTES_MAX => {
                    self.held.push(*byte);
                    *input = rest;
                }
                _ if self.carries_anything() => return Ok(Words::Pass),
                // Whatever it is, a server of HTTP could take it for a request.
                _ => return Err(Refusal::Unknown),
            }
        }
        Ok(Words::More)
    }

    fn carries_anything(&self) -> bool {
        self.tunnel == Tunnel::Anything
            && !is_tls_port(self.port)
            && !WEB_PORTS.contains(&self.port)
    }
}

fn fits(hello: &Hello, host: &Host<'_>) -> Result<(), Refusal> {
    match (&hello.name, host) {
        // RFC 6066 §3: an address is never named.
        (None, Host::V4(_) | Host::V6(_)) => Ok(()),
        (None, Host::Name(_)) => Err(Refusal::NoName),
        // Case is of no meaning (RFC 6066 §3); a dot at the end, and what is no name, is refused.
        (Some(named), host) => match Host::parse(named) {
            Ok(named) if named == *host && host.name().is_some() => Ok(()),
            _ => Err(Refusal::WrongName),
        },
    }
}

const fn refusal(error: HelloError) -> Refusal {
    match error {
        HelloError::NotTls => Refusal::NotTls,
        HelloError::Malformed | HelloError::TooLong => Refusal::BadHello,
        HelloError::Encrypted => Refusal::EncryptedName,
    }
}

/// Walks over records without looking into them.
#[derive(Debug, Default)]
struct Records {
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    left: usize,
}

impl Records {
    /// Passes records on; true at one of the handshake, which is left in the input.
    fn pass(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> bool {
        while let Some((first, rest)) = input.split_first() {
            if self.left > 0 {
                let (piece, rest) = input.split_at(input.len().min(self.left));
                out.extend_from_slice(piece);
                self.left -= piece.len();
                *input = rest;
                continue;
            }
            if self.header_bytes == 0 && *first == HANDSHAKE {
                return true;
            }
            if let Some(place) = self.header.get_mut(self.header_bytes) {
                *place = *first;
            }
            self.header_bytes += 1;
            out.push(*first);
            *input = rest;
            if self.header_bytes == HEADER_BYTES {
                let [.., high, low] = self.header;
                self.left = usize::from(u16::from_be_bytes([high, low]));
                self.header_bytes = 0;
            }
        }
        false
    }
}

/// Reads the beginning of what the server answers.
#[derive(Debug, Default)]
struct ServerHello {
    header: Vec<u8>,
    record_left: usize,
    message: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    More,
    /// The handshake goes on, or ended with an alert: the name that was said holds.
    Other,
    /// It wants another `ClientHello`.
    Retry,
}

impl ServerHello {
    fn read(&mut self, input: &[u8]) -> Answer {
        for byte in input {
            if self.record_left == 0 {
                self.header.push(*byte);
                if self.header.first() != Some(&HANDSHAKE) {
                    return Answer::Other;
                }
                if let [.., high, low] = &*self.header
                    && self.header.len() == HEADER_BYTES
                {
                    self.record_left = usize::from(u16::from_be_bytes([*high, *low]));
                    self.header.clear();
                }
                continue;
            }
            self.record_left -= 1;
            self.message.push(*byte);
            if self.message.first() != Some(&SERVER_HELLO) {
                return Answer::Other;
            }
            if self.message.len() == RANDOM_START + RETRY.len() {
                return match self.message.ends_with(&RETRY) {
                    true => Answer::Retry,
                    false => Answer::Other,
                };
            }
        }
        Answer::More
    }
}

const fn is_tls_port(port: u16) -> bool {
    // HTTPS, mail, news, DNS, FTP, LDAP, telephony, messages: what IANA has for TLS from the start.
    matches!(
        port,
        443 | 465 | 563 | 636 | 853 | 989 | 990 | 992 | 993 | 994 | 995 | 5061 | 5671 | 6697 | 8443
    )
}

/// Where servers of HTTP are found.
const WEB_PORTS: [u16; 12] = [80, 591, 2080, 3000, 3128, 5000, 8000, 8008, 8080, 8081, 8088, 8888];
/// Longer than any method that is registered (RFC 9110 §16.1, RFC 3253).
const METHOD_BYTES_MAX: usize = 20;

const SERVER_HELLO: u8 = 2;
/// Type, length, version.
const RANDOM_START: usize = 6;
/// RFC 8446 §4.1.3: the random value that makes a `ServerHello` a `HelloRetryRequest`.
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec;

    use super::super::hello::tests::{extension, hello, message, names, records};
    use super::*;

    fn guard(host: &str, port: u16, tunnel: Tunnel) -> Guard {
        Guard::new(Host::parse(host).unwrap().into_owned(), port, tunnel)
    }

    /// What becomes of words that come in pieces of one size; what passed, what is held.
    fn say(guard: &mut Guard, bytes: &[u8], size: usize) -> (Result<Words, Refusal>, Vec<u8>) {
        let mut out = Vec::new();
        let mut last = Ok(Words::More);
        for piece in bytes.chunks(size) {
            match last {
                Ok(Words::More) => last = guard.client(piece, &mut out),
                Ok(Words::Pass) => out.extend_from_slice(piece),
                Ok(Words::Request | Words::Inspect) => guard.held.extend_from_slice(piece),
                Err(_) => break,
            }
        }
        (last, out)
    }

    fn all_sizes(
        host: &str,
        port: u16,
        tunnel: Tunnel,
        bytes: &[u8],
    ) -> (Result<Words, Refusal>, Vec<u8>) {
        let first = say(&mut guard(host, port, tunnel), bytes, bytes.len());
        for size in [1, 2, 3, 7, 100] {
            let mut guard = guard(host, port, tunnel);
            let next = say(&mut guard, bytes, size);
            assert_eq!(next, first, "{size}");
            if first.0 == Ok(Words::Request) {
                assert_eq!(guard.held, bytes);
            }
        }
        first
    }

    #[test]
    fn tls_has_to_name_the_host() {
        for (named, expected) in [
            ("api.example.com", Ok(Words::More)),
            ("API.Example.COM", Ok(Words::More)),
            ("api.example.com.", Err(Refusal::WrongName)),
            ("evil.example.com", Err(Refusal::WrongName)),
            ("api.example.com\0.evil.com", Err(Refusal::WrongName)),
            ("93.184.215.14", Err(Refusal::WrongName)),
            ("xn--pi-example-com", Err(Refusal::WrongName)),
            ("b\u{fc}cher.de", Err(Refusal::WrongName)),
        ] {
            let bytes = hello(named);
            let (words, out) = all_sizes("api.example.com", 443, Tunnel::Web, &bytes);
            assert_eq!(words, expected, "{named}");
            assert_eq!(out, if words.is_ok() { bytes } else { vec![] }, "{named}");
        }
        let idn = hello("xn--bcher-kva.de");
        assert!(all_sizes("xn--bcher-kva.de", 443, Tunnel::Anything, &idn).0.is_ok());
        let nameless = records(&message(&[extension(43, &[])]), 99);
        let refused = Err(Refusal::NoName);
        assert_eq!(all_sizes("api.example.com", 443, Tunnel::Anything, &nameless).0, refused);
        assert!(all_sizes("10.0.0.1", 443, Tunnel::Anything, &nameless).0.is_ok());
        let refused = Err(Refusal::WrongName);
        assert_eq!(all_sizes("10.0.0.1", 443, Tunnel::Anything, &idn).0, refused);
        let hidden = message(&[names(&[(0, b"api.example.com")]), extension(0xfe0d, &[0])]);
        let refused = Err(Refusal::EncryptedName);
        let hidden = records(&hidden, 99);
        assert_eq!(all_sizes("api.example.com", 443, Tunnel::Web, &hidden).0, refused);
        // On every port: a server of TLS may be anywhere.
        for port in [22, 80, 8080, 9999] {
            let words = all_sizes("api.example.com", port, Tunnel::Anything, &hello("b.example")).0;
            assert_eq!(words, Err(Refusal::WrongName), "{port}");
        }
    }

    #[test]
    fn what_is_spoken_depends_on_the_port_and_the_grant() {
        let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        for (port, tunnel, bytes, expected) in [
            (443, Tunnel::Anything, &request[..], Err(Refusal::NotTls)),
            (443, Tunnel::Anything, b"SSH-2.0-x\r\n", Err(Refusal::NotTls)),
            (80, Tunnel::Anything, request, Ok(Words::Request)),
            (80, Tunnel::Requests, request, Ok(Words::Request)),
            (9999, Tunnel::Web, request, Ok(Words::Request)),
            (9999, Tunnel::Anything, request, Ok(Words::Request)),
            (80, Tunnel::Anything, b"\r\nGET / HTTP/1.1\r\n", Err(Refusal::Unknown)),
            (80, Tunnel::Anything, b"get / HTTP/1.1\r\n", Err(Refusal::Unknown)),
            (8080, Tunnel::Anything, b"SSH-2.0-x\r\n", Err(Refusal::Unknown)),
            (22, Tunnel::Anything, b"SSH-2.0-x\r\n", Ok(Words::Pass)),
            (22, Tunnel::Web, b"SSH-2.0-x\r\n", Err(Refusal::Unknown)),
            (5432, Tunnel::Anything, b"\0\0\0\x08\x04\xd2\x16\x2f", Ok(Words::Pass)),
            (22, Tunnel::Anything, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Ok(Words::Request)),
            (22, Tunnel::Anything, b"ABCDEFGHIJKLMNOPQRSTU ", Ok(Words::Pass)),
            (80, Tunnel::Anything, b"GE", Ok(Words::More)),
        ] {
            let (words, out) = all_sizes("a.example", port, tunnel, bytes);
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(words, expected, "{port} {tunnel:?} {text}");
            assert_eq!(out, if words == Ok(Words::Pass) { bytes } else { b"" }, "{port} {text}");
        }
        let words = all_sizes("a.example", 80, Tunnel::Requests, &hello("a.example")).0;
        assert_eq!(words, Err(Refusal::Hidden));
        let words = all_sizes("a.example", 443, Tunnel::Inspected, &hello("a.example"));
        assert_eq!(words, (Ok(Words::Inspect), vec![]));
        let words = all_sizes("a.example", 443, Tunnel::Inspected, &hello("b.example")).0;
        assert_eq!(words, Err(Refusal::WrongName));
        let words = all_sizes("a.example", 80, Tunnel::Inspected, request).0;
        assert_eq!(words, Ok(Words::Request));
        let words = all_sizes("a.example", 22, Tunnel::Inspected, b"SSH-2.0-x\r\n").0;
        assert_eq!(words, Err(Refusal::Unknown));
        assert_eq!(Guard::check(443, Tunnel::Requests), Err(Refusal::Hidden));
        assert_eq!(Guard::check(80, Tunnel::Requests), Ok(()));
    }

    fn server_hello(random: [u8; 32], size: usize) -> Vec<u8> {
        let message = [&[SERVER_HELLO, 0, 0, 38, 3, 3][..], &random, &[0, 0, 0, 0]].concat();
        records(&message, size)
    }

    #[test]
    fn the_server_may_ask_for_another_one_and_that_names_the_host_too() {
        for (second, expected) in
            [("a.example", Ok(Words::Pass)), ("evil.example", Err(Refusal::WrongName))]
        {
            for size in [1, 3, 1000] {
                let mut guard = guard("a.example", 443, Tunnel::Web);
                assert_eq!(say(&mut guard, &hello("a.example"), size).0, Ok(Words::More));
                let early = [23, 3, 3, 0, 2, 22, 22];
                assert_eq!(say(&mut guard, &early, size), (Ok(Words::More), early.to_vec()));
                for piece in server_hello(RETRY, 7).chunks(size) {
                    assert_eq!(guard.server(piece), Ok(Words::More));
                }
                let bytes = [&[20, 3, 3, 0, 1, 1][..], &hello(second), b"and more"].concat();
                let (words, out) = say(&mut guard, &bytes, size);
                assert_eq!(words, expected);
                let is_whole = out == bytes;
                assert_eq!(is_whole, expected.is_ok());
            }
        }
        let mut guard = guard("a.example", 443, Tunnel::Web);
        assert_eq!(say(&mut guard, &hello("a.example"), 9).0, Ok(Words::More));
        assert_eq!(guard.server(&server_hello([1; 32], 9)), Ok(Words::Pass));
    }

    #[test]
    fn nobody_speaks_out_of_turn() {
        let mut early = guard("a.example", 443, Tunnel::Web);
        let twice = [hello("a.example"), hello("evil.example")].concat();
        let (words, out) = say(&mut early, &twice, 50);
        assert_eq!((words, out), (Err(Refusal::BadHello), hello("a.example")));
        let mut server = guard("a.example", 443, Tunnel::Anything);
        assert_eq!(server.server(b"220 hello\r\n"), Err(Refusal::NotTls));
        let mut server = guard("a.example", 25, Tunnel::Anything);
        assert_eq!(server.server(b"220 hello\r\n"), Ok(Words::More));
        let mut alert = guard("a.example", 443, Tunnel::Web);
        assert_eq!(say(&mut alert, &hello("a.example"), 9).0, Ok(Words::More));
        assert_eq!(alert.server(&[21, 3, 3, 0, 2, 2, 40]), Ok(Words::Pass));
    }
}
