//! One spelling of words, so that a value can be found in text that a person wrote.
//!
//! Letters lose their case and white space becomes one space; nothing else is alike. A value that
//! could look like something else than it is (invisible characters, marks that combine, letters
//! whose case does not come back) has no spelling, and so is found nowhere.
//!
//! # Invariants
//! - Two values with one spelling differ in nothing but the case of their letters.
//! - Spelling a value allocates nothing and reads it once.
//!
//! # Not here
//! Letters of other scripts that look alike need no table: they are other letters.

use crate::limits::LABEL_VALUE_BYTES_MAX;

/// Where a spelling is written that is not how its value stands there already.
#[derive(Default)]
pub(super) struct Room(Option<Written>);

struct Written {
    bytes: [u8; CAPACITY],
    length: usize,
}

/// The spelling of a value that may stand in text: of four characters at least, one of them more
/// than punctuation, and none that hides.
pub(super) fn fold_value<'r>(text: &'r str, room: &'r mut Room) -> Option<&'r [u8]> {
    let folded = fold_any(text, room)?;
    let characters = folded.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
    let says_something = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80;
    (characters >= CHARACTERS_MIN && folded.iter().any(says_something)).then_some(folded)
}

/// The spelling of a value of any length up to the bound.
pub(super) fn fold_any<'r>(text: &'r str, room: &'r mut Room) -> Option<&'r [u8]> {
    let bytes = text.as_bytes();
    if bytes.len() > LABEL_VALUE_BYTES_MAX || text.starts_with(' ') || text.ends_with(' ') {
        return None;
    }
    let folded = if bytes.iter().all(|byte| is_own_spelling(*byte)) {
        // Most addresses and names of files. Nothing has to be cleared or copied for them.
        bytes
    } else {
        let written = room.0.insert(Written { bytes: [0; CAPACITY], length: 0 });
        for character in text.chars() {
            let spoils = character.is_control()
                || hides(character)
                || (character != ' ' && character.is_whitespace());
            if spoils || !written.push(lower(character)?) {
                return None;
            }
        }
        written.bytes.get(..written.length)?
    };
    (!folded.windows(2).any(|pair| pair == b"  ")).then_some(folded)
}

const fn is_own_spelling(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !byte.is_ascii_uppercase()
}

impl Written {
    /// Adds a character, if there is room.
    fn push(&mut self, character: char) -> bool {
        let Some(room) = self.bytes.get_mut(self.length..self.length + character.len_utf8()) else {
            return false;
        };
        self.length += character.encode_utf8(room).len();
        true
    }
}

/// Writes text in its spelling. What has none stays as it is, and is found by nothing.
pub(super) fn fold_text(text: &str, out: &mut alloc::vec::Vec<u8>) {
    let mut after_space = true;
    for character in text.chars() {
        if character.is_whitespace() {
            if !after_space {
                out.push(b' ');
            }
            after_space = true;
        } else {
            let mut room = [0; 4];
            let folded = lower(character).unwrap_or(character);
            out.extend_from_slice(folded.encode_utf8(&mut room).as_bytes());
            after_space = false;
        }
    }
}

/// The letter in lower case, if upper case leads back to it; the rest of the characters as they
/// are. The Kelvin sign is no `k`, and `ẞ` and `İ` are nothing else than themselves.
fn lower(character: char) -> Option<char> {
    match character {
        '\0'..='\u{7f}' => Some(character.to_ascii_lowercase()),
        // Where case is a difference of 32 or there is none, which spares most texts the search in
        // the tables of the library; a test compares the two.
        'À'..='Ö' | 'Ø'..='Þ' | 'А'..='Я' => char::from_u32(u32::from(character) + 0x20),
        'ß'..='ö' | 'ø'..='ÿ' | 'а'..='я' | '\u{3400}'..='\u{9fff}' => Some(character),
        _ => lower_by_table(character),
    }
}

fn lower_by_table(character: char) -> Option<char> {
    let mut lowered = character.to_lowercase();
    let (first, more) = (lowered.next()?, lowered.next());
    if more.is_none() && first == character {
        return Some(first);
    }
    let mut back = first.to_uppercase();
    (more.is_none() && back.next() == Some(character) && back.next().is_none()).then_some(first)
}

/// Whether a character shows nothing of its own, or changes how others are shown. These are the
/// blocks that exist for that purpose; a mark of a living script is a letter like others.
fn hides(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}'
        | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

/// Shorter values stand in any text by chance.
const CHARACTERS_MIN: usize = 4;

/// A letter may grow by a half when it loses its case.
const CAPACITY: usize = LABEL_VALUE_BYTES_MAX + LABEL_VALUE_BYTES_MAX / 2;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn folded(text: &str) -> Option<Vec<u8>> {
        fold_value(text, &mut Room::default()).map(<[u8]>::to_vec)
    }

    #[test]
    fn case_is_the_only_thing_that_is_forgiven() {
        assert_eq!(folded("Ann@Corp.Example").unwrap(), b"ann@corp.example");
        assert_eq!(folded("ÉTÉ à Łódź"), folded("été à łódź"));
        assert_ne!(folded("pаypal"), folded("paypal"), "the second letter is Cyrillic");
    }

    #[test]
    fn the_short_way_is_the_long_way() {
        for character in '\0'..=char::MAX {
            assert_eq!(lower(character), lower_by_table(character), "{character:?}");
        }
    }

    #[test]
    fn what_is_its_own_spelling_is_what_nothing_changes() {
        for byte in 0..=u8::MAX {
            let character = char::from(byte);
            let stays = !character.is_control() && lower(character) == Some(character);
            assert_eq!(is_own_spelling(byte), byte.is_ascii() && stays, "{character:?}");
        }
    }

    #[test]
    fn what_hides_has_no_spelling() {
        for hidden in [
            "an\u{200b}na",
            "anna\u{301}",
            "\u{202e}anna",
            "an\u{ad}na",
            "anna\u{fe0f}",
            "anna\u{e0041}",
            "anna\nbcc: eve",
            "anna\tsmith",
            "anna\u{a0}smith",
            "anna  smith",
            " anna",
            "anna ",
            "\u{212a}elvin",
            "\u{130}stanbul",
            "stra\u{1e9e}e",
            "\u{212b}ngstrom",
            "\0anna",
        ] {
            assert_eq!(folded(hidden), None, "{hidden:?}");
        }
    }

    #[test]
    fn what_is_too_short_or_too_long_has_no_spelling() {
        assert_eq!(folded("abc"), None);
        assert_eq!(folded("äöü"), None);
        assert!(folded("äöüß").is_some());
        assert_eq!(folded("...."), None);
        assert_eq!(folded(""), None);
        assert!(folded(&"a".repeat(LABEL_VALUE_BYTES_MAX)).is_some());
        assert_eq!(folded(&"a".repeat(LABEL_VALUE_BYTES_MAX + 1)), None);
        // The letter that grows most: two bytes become three.
        assert!(folded(&"\u{23a}".repeat(LABEL_VALUE_BYTES_MAX / 2)).is_some());
    }
}
