//! Names as DNS carries them: labels, one after the other.
//!
//! # Invariants
//! - A [`Name`] is at most 255 bytes on the wire, its labels at most 63, and always in lower case:
//!   two names are the same if their bytes are.
//! - Reading one out of a message takes time that is bounded whatever its pointers say: each points
//!   further back than all before it, and there are no more of them than a name has labels.
//!
//! # Not here
//! Which names may be asked for: see [`Lookup`](super::Lookup).

use core::fmt::{self, Write as _};

use super::error::{MessageError, MessageErrorKind as Kind};

/// A domain name, without its case. The longest fits into the value, so it is never allocated.
///
/// ```
/// use sentinel_core::wire::dns::Name;
///
/// let name = Name::parse("WWW.Example.com")?;
/// assert_eq!(name.to_string(), "www.example.com");
/// assert_eq!(name.as_wire(), b"\x03www\x07example\x03com\x00");
/// assert!(name.is_within(&Name::parse("example.com")?));
/// # Ok::<(), sentinel_core::wire::dns::MessageError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name {
    length: u8,
    /// Zero from `length` on.
    bytes: [u8; WIRE_BYTES_MAX],
}

impl Name {
    /// The empty name, above all others.
    pub const ROOT: Self = Self { length: 1, bytes: [0; WIRE_BYTES_MAX] };

    /// Reads a host name: letters, digits, hyphens and underscores between single dots. A dot at
    /// the end changes nothing; a dot alone is the root.
    ///
    /// # Errors
    /// [`Kind::EmptyLabel`], [`Kind::LabelTooLong`], [`Kind::NameTooLong`] and
    /// [`Kind::NameCharacter`], at the byte of the text where it is.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        if text == "." {
            return Ok(Self::ROOT);
        }
        let mut name = Builder::new();
        let mut start = 0;
        for label in text.strip_suffix('.').unwrap_or(text).split('.') {
            let other = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            if label.is_empty() {
                return Err(MessageError::new(Kind::EmptyLabel, start));
            }
            if let Some(offset) = label.bytes().position(|byte| other(&byte)) {
                return Err(MessageError::new(Kind::NameCharacter, start + offset));
            }
            name.push(label.as_bytes()).map_err(|kind| MessageError::new(kind, start))?;
            start += label.len() + 1;
        }
        Ok(name.finish())
    }

    /// This name with all labels of `suffix` after it, if that is not too long.
    #[must_use]
    pub fn joined(&self, suffix: &Self) -> Option<Self> {
        let mut name = Builder::new();
        for label in self.labels().chain(suffix.labels()) {
            name.push(label).ok()?;
        }
        Some(name.finish())
    }

    /// Reads a name that begins at `start`, and says where what follows it begins.
    pub(super) fn read(message: &[u8], start: usize) -> Result<(Self, usize), MessageError> {
        let mut name = Builder::new();
        let mut position = start;
        let mut segment = start;
        let mut end = None;
        let mut jumps_count = 0;
        loop {
            let fail = |kind| MessageError::new(kind, position);
            let head = *message.get(position).ok_or(fail(Kind::Short))?;
            match head {
                0 => return Ok((name.finish(), end.unwrap_or(position + 1))),
                1..=LABEL_BYTES_MAX => {
                    let rest = message.get(position + 1..).unwrap_or_default();
                    let label = rest.get(..usize::from(head)).ok_or(fail(Kind::Short))?;
                    name.push(label).map_err(fail)?;
                    position += 1 + label.len();
                }
                0xc0.. => {
                    let low = *message.get(position + 1).ok_or(fail(Kind::Short))?;
                    let target = usize::from(u16::from_be_bytes([head & 0x3f, low]));
                    if target >= segment || target < HEADER_BYTES {
                        return Err(fail(Kind::PointerNotBackwards));
                    }
                    jumps_count += 1;
                    if jumps_count > LABELS_COUNT_MAX {
                        return Err(fail(Kind::TooManyPointers));
                    }
                    end.get_or_insert(position + 2);
                    segment = target;
                    position = target;
                }
                _ => return Err(fail(Kind::ReservedLabel)),
            }
        }
    }

    /// The name as it goes over the wire, uncompressed, with the empty label at its end.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The labels from the left, without the empty one at the end.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.as_wire();
        core::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            (!label.is_empty()).then_some(label)
        })
    }

    /// Whether this is `domain` or a name below it.
    #[must_use]
    pub fn is_within(&self, domain: &Self) -> bool {
        let (own, other) = (self.labels().count(), domain.labels().count());
        own >= other && self.labels().skip(own - other).eq(domain.labels())
    }
}

impl fmt::Display for Name {
    /// With dots, and as RFC 4343 §2.1 writes bytes that would be misread: `\046` is no dot.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length <= 1 {
            return formatter.write_char('.');
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                formatter.write_char('.')?;
            }
            for byte in label {
                match byte {
                    b'.' | b'\\' | b'"' => write!(formatter, "\\{byte:03}")?,
                    b'!'..=b'~' => formatter.write_char(char::from(*byte))?,
                    _ => write!(formatter, "\\{byte:03}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{self}\"")
    }
}

/// A name that grows label by label.
struct Builder {
    length: usize,
    bytes: [u8; WIRE_BYTES_MAX],
}

impl Builder {
    const fn new() -> Self {
        Self { length: 0, bytes: [0; WIRE_BYTES_MAX] }
    }

    fn push(&mut self, label: &[u8]) -> Result<(), Kind> {
        let head = u8::try_from(label.len()).unwrap_or(u8::MAX);
        if head > LABEL_BYTES_MAX {
            return Err(Kind::LabelTooLong);
        }
        let end = self.length + 1 + label.len();
        // The last byte is for the empty label.
        match self.bytes.get_mut(self.length..end) {
            Some([first, rest @ ..]) if end < WIRE_BYTES_MAX => {
                *first = head;
                rest.copy_from_slice(label);
                rest.make_ascii_lowercase();
                self.length = end;
                Ok(())
            }
            _ => Err(Kind::NameTooLong),
        }
    }

    /// Ends the name with the empty label, whose zero is already there.
    fn finish(self) -> Name {
        Name { length: u8::try_from(self.length + 1).unwrap_or(u8::MAX), bytes: self.bytes }
    }
}

/// RFC 1035 §2.3.4.
pub(super) const WIRE_BYTES_MAX: usize = 255;
const LABEL_BYTES_MAX: u8 = 63;
/// The shortest labels take two bytes each.
const LABELS_COUNT_MAX: usize = WIRE_BYTES_MAX / 2;
/// RFC 1035 §4.1.1. No name begins within it.
pub(super) const HEADER_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn read(tail: &[u8], start: usize) -> Result<(Name, usize), Kind> {
        let message = [&[0; HEADER_BYTES][..], tail].concat();
        Name::read(&message, HEADER_BYTES + start).map_err(|error| error.kind())
    }

    #[test]
    fn text_is_read_and_written() {
        for (text, written) in
            [("a", "a"), ("A.b.", "a.b"), (".", "."), ("_dmarc.x-1.EXAMPLE", "_dmarc.x-1.example")]
        {
            assert_eq!(Name::parse(text).unwrap().to_string(), written);
        }
        let label = "x".repeat(63);
        let longest = [&label[..], &label, &label, &"y".repeat(61)].join(".");
        assert_eq!(longest.len(), 253);
        assert_eq!(Name::parse(&longest).unwrap().as_wire().len(), 255);
        for (text, kind, offset) in [
            ("", Kind::EmptyLabel, 0),
            ("..", Kind::EmptyLabel, 0),
            ("a..b", Kind::EmptyLabel, 2),
            (".a", Kind::EmptyLabel, 0),
            ("a b", Kind::NameCharacter, 1),
            ("x.ä", Kind::NameCharacter, 2),
            (&"x".repeat(64), Kind::LabelTooLong, 0),
            (&(longest.clone() + "y"), Kind::NameTooLong, 192),
            (&(longest + ".y"), Kind::NameTooLong, 254),
        ] {
            assert_eq!(Name::parse(text), Err(MessageError::new(kind, offset)), "{text}");
        }
    }

    #[test]
    fn pointers_lead_backwards_only() {
        // At 0 `a.`, at 3 `b.` and on to the first, at 7 a pointer to the second.
        let message = b"\x01a\0\x01B\xc0\x0c\xc0\x0f\xff";
        assert_eq!(read(message, 3).unwrap(), (Name::parse("b.a").unwrap(), 12 + 7));
        assert_eq!(read(message, 7).unwrap(), (Name::parse("b.a").unwrap(), 12 + 9));

        assert_eq!(read(b"\xc0\x0c", 0), Err(Kind::PointerNotBackwards), "to itself");
        assert_eq!(read(b"\x01a\xc0\x0c", 0), Err(Kind::PointerNotBackwards), "to its own start");
        assert_eq!(read(b"\xc0\x0e\x01a\0", 0), Err(Kind::PointerNotBackwards), "forwards");
        assert_eq!(read(b"\xc0\x0b", 0), Err(Kind::PointerNotBackwards), "into the header");
        assert_eq!(read(b"\x01a\xc0\x0c\xc0\x0c", 4), Err(Kind::PointerNotBackwards), "a loop");
        for (tail, kind) in [
            (&b""[..], Kind::Short),
            (b"\x02a", Kind::Short),
            (b"\x01a", Kind::Short),
            (b"\xc0", Kind::Short),
            (b"\x40", Kind::ReservedLabel),
            (b"\x80", Kind::ReservedLabel),
        ] {
            assert_eq!(read(tail, 0), Err(kind), "{tail:?}");
        }
    }

    #[test]
    fn a_tower_of_pointers_is_bounded() {
        let mut message = b"\x01a\0".to_vec();
        let mut target = 12_u16;
        for _ in 0..200 {
            let start = u16::try_from(12 + message.len()).unwrap();
            message.extend_from_slice(&(0xc000 | target).to_be_bytes());
            target = start;
        }
        assert!(read(&message, 3 + 2 * 126).is_ok());
        assert_eq!(read(&message, 3 + 2 * 127), Err(Kind::TooManyPointers));
    }

    #[test]
    fn a_name_does_not_outgrow_its_bound_over_pointers() {
        let mut message = [&[63][..], &[b'x'; 63], &[0]].concat();
        let mut start = 0;
        for _ in 0..2 {
            let next = message.len();
            message.extend_from_slice(&[63]);
            message.extend_from_slice(&[b'y'; 63]);
            message.extend_from_slice(&(0xc00c + u16::try_from(start).unwrap()).to_be_bytes());
            start = next;
        }
        assert_eq!(read(&message, start).unwrap().0.as_wire().len(), 193);
        let next = message.len();
        message.extend_from_slice(&[62]);
        message.extend_from_slice(&[b'z'; 62]);
        message.extend_from_slice(&(0xc00c + u16::try_from(start).unwrap()).to_be_bytes());
        assert_eq!(read(&message, next), Err(Kind::NameTooLong));
    }

    #[test]
    fn names_are_within_others_by_label() {
        assert!(name("a.b").is_within(&name("b")));
        assert!(name("b").is_within(&name("b")));
        assert!(name("b").is_within(&Name::ROOT));
        assert!(!name("ab").is_within(&name("b")));
        assert!(!name("b").is_within(&name("a.b")));
    }

    #[test]
    fn bytes_that_would_mislead_are_escaped() {
        let (name, _) = read(b"\x05a.b\\\x07\x01c\0", 0).unwrap();
        assert_eq!(name.to_string(), "a\\046b\\092\\007.c");
        assert_eq!(name.labels().collect::<Vec<_>>(), [&b"a.b\\\x07"[..], b"c"]);
    }

    #[test]
    fn joining_stops_at_the_bound() {
        assert_eq!(name("a").joined(&name("b.c")).unwrap(), name("a.b.c"));
        assert_eq!(name("a").joined(&Name::ROOT).unwrap(), name("a"));
        let long = ["x".repeat(63), "x".repeat(63), "x".repeat(63)].join(".");
        assert_eq!(name(&long).joined(&name(&"y".repeat(62))), None);
        assert!(name(&long).joined(&name(&"y".repeat(61))).is_some());
    }
}
