//! Escapes inside strings, a byte at a time.
//!
//! One machine serves the parser of whole texts and the one of texts in pieces, so that the two
//! cannot disagree. It refuses a lone surrogate at the first hexadecimal digit that makes it one.

use super::error::{Expected, ParseErrorKind};

/// Inside an escape: what has been read since the backslash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// Just the backslash.
    Backslash,
    /// `\u` and some of its four digits; `high` is the first half of a pair, if this is the second.
    Digits { high: Option<u16>, value: u16, count: u8 },
    /// The first half of a pair is complete: `\` must follow.
    PairBackslash { high: u16 },
    /// And then `u`.
    PairU { high: u16 },
}

/// What a byte made of an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EscapeStep {
    /// The escape goes on.
    More(Escape),
    /// The escape is complete and stands for this character.
    Character(char),
}

impl Escape {
    /// Reads the next byte of the escape; `None` is the end of the text.
    pub(super) fn step(self, byte: Option<u8>) -> Result<EscapeStep, ParseErrorKind> {
        let refuse = |expected| match byte {
            Some(found) => ParseErrorKind::UnexpectedByte { found, expected },
            None => ParseErrorKind::UnexpectedEnd { expected },
        };
        match self {
            Self::Backslash => Ok(EscapeStep::Character(match byte {
                Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
                Some(b'n') => '\n',
                Some(b't') => '\t',
                Some(b'r') => '\r',
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(b'u') => {
                    let digits = Self::Digits { high: None, value: 0, count: 0 };
                    return Ok(EscapeStep::More(digits));
                }
                _ => return Err(refuse(Expected::Escape)),
            })),
            Self::Digits { high, value, count } => {
                let digit = byte.and_then(|byte| char::from(byte).to_digit(16));
                let Some(digit) = digit else { return Err(refuse(Expected::HexDigit)) };
                Self::after_digit(high, value << 4 | digit as u16, count + 1)
                    .ok_or(ParseErrorKind::LoneSurrogate)
            }
            Self::PairBackslash { high } if byte == Some(b'\\') => {
                Ok(EscapeStep::More(Self::PairU { high }))
            }
            Self::PairU { high } if byte == Some(b'u') => {
                Ok(EscapeStep::More(Self::Digits { high: Some(high), value: 0, count: 0 }))
            }
            Self::PairBackslash { .. } | Self::PairU { .. } => Err(refuse(Expected::LowSurrogate)),
        }
    }

    /// What `count` digits worth `value` mean; `None` when they can only become a lone surrogate.
    fn after_digit(high: Option<u16>, value: u16, count: u8) -> Option<EscapeStep> {
        // The first two digits decide: d8..db is a first half, dc..df a second half.
        let possible = match (count, high) {
            (1, Some(_)) => value == 0xd,
            (2, Some(_)) => matches!(value, 0xdc..=0xdf),
            (2, None) => !matches!(value, 0xdc..=0xdf),
            _ => true,
        };
        if !possible {
            return None;
        }
        if count < 4 {
            return Some(EscapeStep::More(Self::Digits { high, value, count }));
        }
        match high {
            None if matches!(value, 0xd800..=0xdbff) => {
                Some(EscapeStep::More(Self::PairBackslash { high: value }))
            }
            None => char::from_u32(u32::from(value)).map(EscapeStep::Character),
            Some(high) => {
                let code = 0x1_0000 + ((u32::from(high) & 0x3ff) << 10 | u32::from(value) & 0x3ff);
                char::from_u32(code).map(EscapeStep::Character)
            }
        }
    }
}
