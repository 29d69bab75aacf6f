//! The first message of TLS: whom the client says that it wants to talk with.
//!
//! A server with many names picks one by what the `ClientHello` says (SNI, RFC 6066 §3), whatever
//! name it was connected under. So a tunnel to a granted host leads to any other host at the same
//! address, unless somebody reads the name and compares.
//!
//! # What is refused
//! - A name that is encrypted (ECH). A client that only pretends to encrypt one, so that those who
//!   do look like everybody else (GREASE), looks the same, by design: so both are refused. Programs
//!   have a switch for it; the usual libraries do not send it unasked.
//! - Extensions that come twice, names that are none, lengths that do not add up, records without
//!   content, a message that ends inside a record: whatever two readers could take differently.
//!
//! # Invariants
//! - Any split of the bytes gives the same answer; time and memory are linear and bounded.
//! - The bytes are looked at and not changed.
//!
//! # Not here
//! Cryptography. Whether the server proves that it has the name is for the client to check.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::EGRESS_HELLO_BYTES_MAX;
use crate::order;

/// What a `ClientHello` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The name, as it was written; none if there is none.
    pub name: Option<String>,
}

/// Why a `ClientHello` is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HelloError {
    /// It is not TLS at all.
    NotTls,
    /// It breaks the rules of TLS, or could be read in two ways.
    Malformed,
    /// It is longer than any honest one.
    TooLong,
    /// It hides whom it wants to talk with.
    Encrypted,
}

/// Reads a `ClientHello` out of its records.
#[derive(Clone, Debug, Default)]
pub struct HelloReader {
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    /// What is still to come of the record.
    record_left: usize,
    message: Vec<u8>,
}

impl HelloReader {
    /// Nothing was read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes off the front of `input`, and says what they mean once the message is whole.
    ///
    /// # Errors
    /// It is not taken; nothing more is to be read.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Hello>, HelloError> {
        loop {
            if self.record_left == 0 {
                let Some((byte, rest)) = input.split_first() else { return Ok(None) };
                *input = rest;
                self.header_byte(*byte)?;
                continue;
            }
            if input.is_empty() {
                return Ok(None);
            }
            let count = input.len().min(self.record_left);
            let Some((piece, rest)) = input.split_at_checked(count) else { return Ok(None) };
            if self.message.len() + count > EGRESS_HELLO_BYTES_MAX {
                return Err(HelloError::TooLong);
            }
            self.message.extend_from_slice(piece);
            *input = rest;
            self.record_left -= count;
            let Some(length) = self.length()? else { continue };
            if self.message.len() > length || (self.message.len() == length && self.record_left > 0)
            {
                // Nothing may follow in the same record: a server that reads on and one that does
                // not would see different things.
                return Err(HelloError::Malformed);
            }
            if self.message.len() == length {
                return parse(&self.message).map(Some);
            }
        }
    }

    fn header_byte(&mut self, byte: u8) -> Result<(), HelloError> {
        match self.header_bytes {
            0 if byte != HANDSHAKE => return Err(HelloError::NotTls),
            1 if byte != 3 => return Err(HelloError::NotTls),
            _ => {}
        }
        if let Some(place) = self.header.get_mut(self.header_bytes) {
            *place = byte;
        }
        self.header_bytes += 1;
        if self.header_bytes == HEADER_BYTES {
            let [.., high, low] = self.header;
            let length = usize::from(u16::from_be_bytes([high, low]));
            // RFC 8446 §5.1: no empty fragments of a handshake, and 2^14 at most.
            if length == 0 || length > RECORD_BYTES_MAX {
                return Err(HelloError::Malformed);
            }
            self.record_left = length;
            self.header_bytes = 0;
        }
        Ok(())
    }

    /// How long the whole message is, once that is known.
    fn length(&self) -> Result<Option<usize>, HelloError> {
        if self.message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(HelloError::Malformed);
        }
        let Some([_, high, middle, low]) = self.message.first_chunk() else { return Ok(None) };
        let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        match length + 4 {
            length if length > EGRESS_HELLO_BYTES_MAX => Err(HelloError::TooLong),
            length => Ok(Some(length)),
        }
    }
}

/// Whether a byte could begin TLS.
pub(super) const fn could_be_tls(first: u8) -> bool {
    first == HANDSHAKE
}

/// Reads the message, its header included.
fn parse(message: &[u8]) -> Result<Hello, HelloError> {
    let malformed = HelloError::Malformed;
    let mut body = Cursor(message.get(4..).ok_or(malformed)?);
    let [major, _] = body.array().ok_or(malformed)?;
    let _random: [u8; 32] = body.array().ok_or(malformed)?;
    let session = body.vector8().ok_or(malformed)?;
    let suites = body.vector16().ok_or(malformed)?;
    let compressions = body.vector8().ok_or(malformed)?;
    if major != 3
        || session.len() > 32
        || suites.is_empty()
        || !suites.len().is_multiple_of(2)
        || compressions.is_empty()
    {
        return Err(malformed);
    }
    if body.0.is_empty() {
        // Without extensions there is no name; nobody has sent that for twenty years.
        return Ok(Hello { name: None });
    }
    let mut extensions = Cursor(body.vector16().ok_or(malformed)?);
    if !body.0.is_empty() {
        return Err(malformed);
    }
    let (mut seen, mut name) = (Vec::new(), None);
    while !extensions.0.is_empty() {
        let kind = u16::from_be_bytes(extensions.array().ok_or(malformed)?);
        let content = extensions.vector16().ok_or(malformed)?;
        seen.push(kind);
        match kind {
            SERVER_NAME => name = Some(server_name(content).ok_or(malformed)?),
            kind if HIDDEN.contains(&kind) => return Err(HelloError::Encrypted),
            _ => {}
        }
    }
    // RFC 8446 §4.2: one of each.
    order::sort_by_key(&mut seen, |kind| *kind);
    if seen.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(malformed);
    }
    Ok(Hello { name })
}

/// The one name of the extension (RFC 6066 §3).
fn server_name(content: &[u8]) -> Option<String> {
    let mut content = Cursor(content);
    let mut list = Cursor(content.vector16()?);
    let [kind] = list.array()?;
    let name = list.vector16()?;
    let is_alone = content.0.is_empty() && list.0.is_empty();
    (kind == 0 && is_alone && !name.is_empty())
        .then(|| core::str::from_utf8(name).ok().map(String::from))?
}

/// What is left of a message.
struct Cursor<'b>(&'b [u8]);

impl<'b> Cursor<'b> {
    fn array<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn vector8(&mut self) -> Option<&'b [u8]> {
        let [length] = self.array()?;
        self.take(length.into())
    }

    fn vector16(&mut self) -> Option<&'b [u8]> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(length.into())
    }
}

pub(super) const HANDSHAKE: u8 = 22;
pub(super) const HEADER_BYTES: usize = 5;
/// A little more than 2^14, as protected records may have; one in the clear that has it is refused
/// by servers.
pub(super) const RECORD_BYTES_MAX: usize = (1 << 14) + 256;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
/// Encrypted ClientHello (0xfe0d, and its drafts that were in use), what stands in the inner one,
/// and encrypted SNI, which it came from.
const HIDDEN: [u16; 8] = [0xfe08, 0xfe09, 0xfe0a, 0xfe0b, 0xfe0c, 0xfe0d, 0xfd00, 0xffce];

#[cfg(test)]
pub(super) mod tests {
    use alloc::vec;

    use super::*;

    fn prefixed(width: usize, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        let mut bytes = length.get(4 - width..).unwrap().to_vec();
        bytes.extend_from_slice(content);
        bytes
    }

    pub(in crate::egress) fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend(prefixed(2, content));
        bytes
    }

    pub(in crate::egress) fn names(names: &[(u8, &[u8])]) -> Vec<u8> {
        let mut list = Vec::new();
        for (kind, name) in names {
            list.push(*kind);
            list.extend(prefixed(2, name));
        }
        extension(SERVER_NAME, &prefixed(2, &list))
    }

    /// A message with these extensions, without its records.
    pub(in crate::egress) fn message(extensions: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend(prefixed(1, &[9; 32]));
        body.extend(prefixed(2, &[0x13, 0x01, 0x13, 0x02]));
        body.extend(prefixed(1, &[0]));
        body.extend(prefixed(2, &extensions.concat()));
        let mut message = vec![CLIENT_HELLO];
        message.extend(prefixed(3, &body));
        message
    }

    /// A message in records of so many bytes.
    pub(in crate::egress) fn records(message: &[u8], size: usize) -> Vec<u8> {
        let record = |piece| [vec![HANDSHAKE, 3, 1], prefixed(2, piece)].concat();
        message.chunks(size).flat_map(record).collect()
    }

    pub(in crate::egress) fn hello(name: &str) -> Vec<u8> {
        records(&message(&[extension(43, &[2, 3, 4]), names(&[(0, name.as_bytes())])]), 4096)
    }

    fn read(bytes: &[u8]) -> Result<Option<Hello>, HelloError> {
        HelloReader::new().next(&mut &*bytes)
    }

    fn read_message(message: &[u8]) -> Result<Option<Hello>, HelloError> {
        read(&records(message, 4096))
    }

    #[test]
    fn the_name_is_found_however_the_bytes_are_cut() {
        let expected = Ok(Some(Hello { name: Some("api.example.com".into()) }));
        let whole = message(&[extension(43, &[2, 3, 4]), names(&[(0, b"api.example.com")])]);
        for size in [1, 2, 5, 44, 4096] {
            let bytes = records(&whole, size);
            assert_eq!(read(&bytes), expected, "{size}");
            let mut reader = HelloReader::new();
            let mut last = Ok(None);
            for byte in &bytes {
                assert_eq!(last, Ok(None));
                last = reader.next(&mut &[*byte][..]);
            }
            assert_eq!(last, expected);
        }
        // What follows is left alone.
        let mut bytes = records(&whole, 4096);
        bytes.extend_from_slice(b"more");
        let mut input = &*bytes;
        assert_eq!(HelloReader::new().next(&mut input), expected);
        assert_eq!(input, b"more");
    }

    #[test]
    fn a_message_without_a_name_has_none() {
        assert_eq!(read_message(&message(&[extension(43, &[])])), Ok(Some(Hello { name: None })));
    }

    #[test]
    fn what_hides_the_name_is_refused() {
        for kind in HIDDEN {
            let hidden = message(&[names(&[(0, b"a.example")]), extension(kind, &[0])]);
            assert_eq!(read_message(&hidden), Err(HelloError::Encrypted), "{kind:x}");
        }
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        let malformed = Err(HelloError::Malformed);
        let one = names(&[(0, b"a.example")]);
        let twice = message(&[one.clone(), extension(9, &[]), one.clone()]);
        assert_eq!(read_message(&twice), malformed);
        let two = message(&[names(&[(0, b"a.example"), (0, b"b.example")])]);
        assert_eq!(read_message(&two), malformed);
        let other_kind = message(&[names(&[(1, b"a.example")])]);
        assert_eq!(read_message(&other_kind), malformed);
        let empty = message(&[names(&[(0, b"")])]);
        assert_eq!(read_message(&empty), malformed);
        let no_text = message(&[names(&[(0, b"\xff\xfe")])]);
        assert_eq!(read_message(&no_text), malformed);
        let long = message(&[extension(0, &[0, 9, 0, 0, 3, b'a', b'.', b'b', 7, 7])]);
        assert_eq!(read_message(&long), malformed);

        let whole = message(&[one]);
        let mut tail = whole.clone();
        tail.push(0);
        assert_eq!(read_message(&tail), malformed, "something behind it in its record");
        let mut shorter = whole.clone();
        *shorter.get_mut(3).unwrap() -= 1;
        assert_eq!(read_message(&shorter), malformed);
        let mut other = whole.clone();
        *other.first_mut().unwrap() = 2;
        assert_eq!(read_message(&other), malformed);
        let empty_record = [&[HANDSHAKE, 3, 1, 0, 0][..], &records(&whole, 4096)].concat();
        assert_eq!(read(&empty_record), malformed);
    }

    #[test]
    fn what_is_no_tls_is_known_by_its_first_bytes() {
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"SSH-2.0-x", &[22, 2, 0], &[0x80, 0x2e, 1]] {
            assert_eq!(read(bytes), Err(HelloError::NotTls), "{bytes:?}");
        }
    }

    #[test]
    fn the_bound_is_hit_exactly() {
        let with = |padding: usize| {
            let content = vec![0; padding];
            let message = message(&[names(&[(0, b"a.example")]), extension(21, &content)]);
            (message.len(), read_message(&message))
        };
        let spare = EGRESS_HELLO_BYTES_MAX - with(0).0;
        assert_eq!(
            with(spare),
            (EGRESS_HELLO_BYTES_MAX, Ok(Some(Hello { name: Some("a.example".into()) })))
        );
        assert_eq!(with(spare + 1).1, Err(HelloError::TooLong));
        // Said before it came.
        assert_eq!(read(&[22, 3, 1, 1, 0, 1, 1, 0, 0]), Err(HelloError::TooLong));
    }
}
