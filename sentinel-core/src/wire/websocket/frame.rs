//! One frame: its header read and written, and its payload masked.
//!
//! # Invariants
//! - Every header has one spelling: lengths in the shortest form, no reserved bits.
//!
//! # Not here
//! Which frame may follow which: see [`Connection`](super::Connection).

use alloc::vec::Vec;

use super::error::WebSocketErrorKind as Kind;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn new(number: u8) -> Option<Self> {
        Some(match number {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    const fn number(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// What stands before the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) is_last: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) length: u64,
}

impl Header {
    /// Reads a header, and says how many bytes it has; nothing if there are too few to know.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Kind> {
        let Some(([first, second], rest)) = bytes.split_first_chunk::<2>() else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(Kind::ReservedBit);
        }
        let opcode = Opcode::new(first & 0x0f).ok_or(Kind::ReservedOpcode)?;
        let is_last = first & 0x80 != 0;
        let short = second & 0x7f;
        if opcode.is_control() && !is_last {
            return Err(Kind::FragmentedControl);
        }
        if opcode.is_control() && short > 125 {
            return Err(Kind::LongControl);
        }
        let (length, rest) = match short {
            126 => match rest.split_first_chunk::<2>() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest),
                None => return Ok(None),
            },
            _ => (u64::from(short), rest),
        };
        let is_minimal = match short {
            126 => length > 125,
            127 => length > 0xffff,
            _ => true,
        };
        if !is_minimal {
            return Err(Kind::LengthNotMinimal);
        }
        if length > i64::MAX as u64 {
            return Err(Kind::LengthOverflow);
        }
        let (mask, rest) = match second & 0x80 {
            0 => (None, rest),
            _ => match rest.split_first_chunk::<4>() {
                Some((mask, rest)) => (Some(*mask), rest),
                None => return Ok(None),
            },
        };
        Ok(Some((Self { is_last, opcode, mask, length }, bytes.len() - rest.len())))
    }

    /// Appends the header.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_last) << 7 | self.opcode.number());
        let masked = u8::from(self.mask.is_some()) << 7;
        match self.length {
            0..=125 => out.push(masked | self.length.to_be_bytes()[7]),
            126..=0xffff => {
                let [.., high, low] = self.length.to_be_bytes();
                out.extend_from_slice(&[masked | 126, high, low]);
            }
            _ => {
                out.push(masked | 127);
                out.extend_from_slice(&self.length.to_be_bytes());
            }
        }
        if let Some(mask) = self.mask {
            out.extend_from_slice(&mask);
        }
    }
}

/// Appends a whole frame.
pub(super) fn write(
    is_last: bool,
    opcode: Opcode,
    mask: Option<[u8; 4]>,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    out.reserve(HEADER_BYTES_MAX.saturating_add(payload.len()));
    Header { is_last, opcode, mask, length: payload.len() as u64 }.write(out);
    append(payload, mask, 0, out);
}

/// Appends a part of a payload that begins `position` bytes into it, masked or unmasked.
pub(super) fn append(part: &[u8], mask: Option<[u8; 4]>, position: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(part);
    if let Some(mask) = mask
        && let Some(appended) = out.get_mut(start..)
    {
        apply(mask, position, appended);
    }
}

/// RFC 6455 §5.3, both ways: each byte xor the one of the mask whose turn it is.
fn apply(mut mask: [u8; 4], position: u64, bytes: &mut [u8]) {
    mask.rotate_left((position % 4) as usize);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = bytes.chunks_exact_mut(8);
    for word in words.by_ref() {
        if let Some(word) = word.first_chunk_mut::<8>() {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= key;
    }
}

/// Two bytes, a length of eight, a mask.
pub(super) const HEADER_BYTES_MAX: usize = 14;

#[cfg(test)]
mod tests {
    use arbtest::arbtest;
    use std::vec;

    use super::*;

    #[test]
    fn headers_at_the_ends_of_each_form() {
        for (length, bytes) in [
            (0_u64, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (0xffff, &[0x81, 126, 255, 255]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (i64::MAX as u64, &[0x81, 127, 127, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            let header = Header { is_last: true, opcode: Opcode::Text, mask: None, length };
            let mut written = Vec::new();
            header.write(&mut written);
            assert_eq!(written, bytes);
            assert_eq!(Header::read(bytes), Ok(Some((header, bytes.len()))));
            for end in 0..bytes.len() {
                assert_eq!(Header::read(&bytes[..end]), Ok(None));
            }
        }
    }

    #[test]
    fn every_rule_of_a_header() {
        for (bytes, kind) in [
            (&[0xc1, 0][..], Kind::ReservedBit),
            (&[0xa1, 0], Kind::ReservedBit),
            (&[0x91, 0], Kind::ReservedBit),
            (&[0x09, 0], Kind::FragmentedControl),
            (&[0x89, 126], Kind::LongControl),
            (&[0x88, 127], Kind::LongControl),
            (&[0x82, 126, 0, 125], Kind::LengthNotMinimal),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255], Kind::LengthNotMinimal),
            (&[0x82, 127, 128, 0, 0, 0, 0, 0, 0, 0], Kind::LengthOverflow),
        ] {
            assert_eq!(Header::read(bytes), Err(kind), "{bytes:x?}");
        }
        for opcode in (0x3..=0x7).chain(0xb..=0xf) {
            assert_eq!(Header::read(&[0x80 | opcode, 0]), Err(Kind::ReservedOpcode));
        }
    }

    /// Masking in pieces, fast, is masking byte by byte; and twice is not at all.
    #[test]
    fn masks_are_applied_from_any_place() {
        arbtest(|u| {
            let mask: [u8; 4] = u.arbitrary()?;
            let bytes: Vec<u8> = u.arbitrary()?;
            let slow: Vec<u8> =
                bytes.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]).collect();
            let mut fast = vec![];
            let cut = u.int_in_range(0..=bytes.len())?;
            append(&bytes[..cut], Some(mask), 0, &mut fast);
            append(&bytes[cut..], Some(mask), cut as u64, &mut fast);
            assert_eq!(fast, slow);
            apply(mask, 0, &mut fast);
            assert_eq!(fast, bytes);
            Ok(())
        });
    }
}
