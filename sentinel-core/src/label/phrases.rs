//! Text in which whole words and phrases are found again, fast, whatever is asked for.
//!
//! A value stands in a text if its spelling does, as whole words: what is before and after it is
//! white space, or punctuation that a person puts around a word. Every word of the text is a key
//! with a chain of its places; of a phrase, the rarest of its first words leads to few places.
//!
//! # Invariants
//! - Looking allocates nothing, and compares at most [`LABEL_PLACES_MAX`] places, however large the
//!   text is and however the value was chosen. Giving up early means "not found", never "found".
//! - Adding costs time linear in what is added, but for the tree of distinct words.
//! - No value crosses from one text to the next.
//!
//! # Not here
//! What counts as trusted: the context adds trusted text to one of these and nothing else.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::fold::{Room, fold_text, fold_value};
use crate::limits::{LABEL_KEYS_MAX, LABEL_PLACES_MAX, LABEL_TRUSTED_BYTES_MAX};
use crate::order::Map;

/// Texts, and where each of their words stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrases {
    /// The texts in their spelling, each ended by a line feed, which no value contains.
    text: Vec<u8>,
    words: Map<Box<[u8]>, Word>,
    places: Vec<Place>,
    /// Where the texts begin and end that a model wrote, in order.
    of_models: Vec<(u32, u32)>,
}

/// A value that is looked for, perhaps in several of these.
pub(super) struct Value<'v> {
    amount: Option<&'v [u8]>,
    folded: Option<&'v [u8]>,
}

impl<'v> Value<'v> {
    pub(super) fn of(text: &'v str, room: &'v mut Room) -> Self {
        let is_amount = text.len() < AMOUNT_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        Self { amount: is_amount.then_some(text.as_bytes()), folded: fold_value(text, room) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Word {
    count: u32,
    /// The latest of its places.
    latest: u32,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    /// The place of the same word before this one; itself if there is none.
    previous: u32,
}

impl Phrases {
    /// Adds a text. Says whether there was room for all of it.
    pub(super) fn add(&mut self, text: &str) -> bool {
        let room = LABEL_TRUSTED_BYTES_MAX.saturating_sub(self.text.len());
        // A letter grows by a half at most; twice leaves room for numbers in their other spelling.
        let cut = text.floor_char_boundary(text.len().min(room / 2));
        let (kept, rest) = text.split_at(cut);
        let mut from = self.text.len();
        fold_text(kept, &mut self.text);
        if !rest.is_empty() {
            // A word that was cut is another word.
            let whole = self.text.iter().rposition(|&byte| byte == b' ').unwrap_or(from);
            self.text.truncate(whole.max(from));
        }
        self.text.push(b'\n');
        let text_end = self.text.len();
        let mut before = 0..0;
        while let Some(chunk) = next_chunk(&self.text[..text_end], from) {
            from = chunk.end;
            let core = core_of(&self.text[chunk.clone()]);
            let core = chunk.start + core.start..chunk.start + core.end;
            self.note(core.clone());
            self.note_number(core.clone(), chunk.clone());
            if is_currency(&self.text[core.clone()]) {
                self.note_amount(before);
            }
            before = core;
        }
        rest.is_empty()
    }

    /// Adds a text that a model wrote: it names what people name, but calls nothing by a name.
    pub(super) fn add_model(&mut self, text: &str) {
        let start = self.text.len();
        self.add(text);
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.text.len())) {
            self.of_models.push((start, end));
        }
    }

    /// Whether one of the texts names a value.
    pub(super) fn name(&self, value: &str) -> bool {
        self.name_value(&Value::of(value, &mut Room::default()))
    }

    /// Whether one of the texts names a value: as whole words, or as an amount.
    pub(super) fn name_value(&self, value: &Value<'_>) -> bool {
        value.amount.is_some_and(|amount| self.contain_amount(amount))
            || value.folded.is_some_and(|folded| self.contain_bytes(folded))
    }

    /// Whether an amount stands in one of the texts: a number beside a currency, or behind `#`.
    /// Such a number was meant, however short it is.
    fn contain_amount(&self, number: &[u8]) -> bool {
        let mut key = [0; AMOUNT_BYTES_MAX];
        amount_key(number, &mut key).is_some_and(|key| self.words.contains_key(key))
    }

    pub(super) fn contain_bytes(&self, value: &[u8]) -> bool {
        self.find_bytes(value, |_| true)
    }

    /// Whether a person wrote this, or whoever else wrote a text that is no model's.
    pub(super) fn say_bytes(&self, value: &[u8]) -> bool {
        self.find_bytes(value, |start| {
            let before = self.of_models.partition_point(|(first, _)| *first as usize <= start);
            let last = before.checked_sub(1).and_then(|index| self.of_models.get(index));
            last.is_none_or(|(_, end)| *end as usize <= start)
        })
    }

    fn find_bytes(&self, value: &[u8], counts: impl Fn(usize) -> bool) -> bool {
        let mut rarest: Option<(Word, usize)> = None;
        let mut from = 0;
        for _ in 0..LABEL_KEYS_MAX {
            let Some(chunk) = next_chunk(value, from) else { break };
            from = chunk.end;
            let core = core_of(&value[chunk.clone()]);
            let Some(word) = self.words.get(&value[chunk.clone()][core.clone()]) else {
                return false;
            };
            if rarest.is_none_or(|(other, _)| word.count < other.count) {
                rarest = Some((*word, chunk.start + core.start));
            }
        }
        let Some((word, offset)) = rarest else { return false };
        let mut index = word.latest;
        for _ in 0..LABEL_PLACES_MAX {
            let Some(&Place { start, previous }) = self.places.get(index as usize) else {
                return false;
            };
            if let Some(start) = (start as usize).checked_sub(offset)
                && self.stands_at(value, start)
                && counts(start)
            {
                return true;
            }
            if previous == index {
                return false;
            }
            index = previous;
        }
        false
    }

    fn stands_at(&self, value: &[u8], start: usize) -> bool {
        let Some((before, rest)) = self.text.split_at_checked(start) else { return false };
        let Some(after) = rest.strip_prefix(value) else { return false };
        // Only so much of what is around is read; that what is beyond it ends no word by not being
        // read, it is asked for in the whole text.
        let near_after = &after[..after.len().min(AROUND_BYTES_MAX)];
        let near_before = &before[before.len().saturating_sub(AROUND_BYTES_MAX)..];
        let (open, close) = (openings(near_before), closings(near_after));
        let ends = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b' ' | b'\n'));
        ends(before[..before.len() - open].last()) && ends(after.get(close))
    }

    fn note(&mut self, word: core::ops::Range<usize>) {
        let Ok(start) = u32::try_from(word.start) else { return };
        let Ok(index) = u32::try_from(self.places.len()) else { return };
        let bytes = &self.text[word];
        let previous = if let Some(known) = self.words.get_mut(bytes) {
            known.count += 1;
            core::mem::replace(&mut known.latest, index)
        } else {
            self.words.insert(bytes.into(), Word { count: 1, latest: index });
            index
        };
        self.places.push(Place { start, previous });
    }

    /// A number may be written with commas between its thousands and with zeros at its end; the
    /// value of an argument is not. Also notes an amount that has its currency with it.
    fn note_number(&mut self, core: core::ops::Range<usize>, chunk: core::ops::Range<usize>) {
        let Some((plain, length)) = plain_number(&self.text[core.clone()]) else { return };
        if plain[..length] != self.text[core.clone()] {
            let start = self.text.len();
            self.text.extend_from_slice(&plain[..length]);
            self.text.push(b'\n');
            self.note(start..start + length);
        }
        let around = [&self.text[chunk.start..core.start], &self.text[core.end..chunk.end]];
        let has_sign = |part: &&[u8]| {
            SIGNS.iter().any(|sign| part.windows(sign.len()).any(|window| window == *sign))
        };
        if around.iter().any(has_sign) || around[0].ends_with(b"#") {
            self.note_amount(core);
        }
    }

    fn note_amount(&mut self, number: core::ops::Range<usize>) {
        let Some((plain, length)) = plain_number(&self.text[number]) else { return };
        let mut key = [0; AMOUNT_BYTES_MAX];
        if let Some(key) = amount_key(&plain[..length], &mut key) {
            self.words.entry(key.into()).or_insert(Word { count: 0, latest: u32::MAX });
        }
    }
}

/// The next stretch without white space.
fn next_chunk(text: &[u8], from: usize) -> Option<core::ops::Range<usize>> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\n');
    let rest = text.get(from..)?;
    let start = from + rest.iter().position(|byte| !is_space(byte))?;
    let length = text[start..].iter().position(is_space).unwrap_or(text.len() - start);
    Some(start..start + length)
}

/// Where the word of a chunk is, without the punctuation around it. The whole chunk if there is
/// nothing else.
pub(super) fn core_of(chunk: &[u8]) -> core::ops::Range<usize> {
    let mut start = 0;
    while let Some(sign) = OPENING.iter().find(|sign| chunk[start..].starts_with(sign)) {
        start += sign.len();
    }
    let mut end = chunk.len();
    while let Some(sign) = CLOSING.iter().find(|sign| chunk[start..end].ends_with(sign)) {
        end -= sign.len();
    }
    if start < end { start..end } else { 0..chunk.len() }
}

/// How many bytes at the end are punctuation that stands before a word.
fn openings(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some(sign) = OPENING.iter().find(|sign| rest.ends_with(sign)) {
        rest = &rest[..rest.len() - sign.len()];
    }
    text.len() - rest.len()
}

/// How many bytes at the start are punctuation that stands behind a word.
fn closings(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some(sign) = CLOSING.iter().find(|sign| rest.starts_with(sign)) {
        rest = &rest[sign.len()..];
    }
    text.len() - rest.len()
}

/// A number without commas between thousands and zeros at the end of its fraction. `1,50` is no
/// number here: who writes it may mean either.
fn plain_number(text: &[u8]) -> Option<([u8; AMOUNT_BYTES_MAX], usize)> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &[][..]),
    };
    let mut plain = [0; AMOUNT_BYTES_MAX];
    let mut length = 0;
    let has_commas = whole.contains(&b',');
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    for (index, group) in whole.split(|&byte| byte == b',').enumerate() {
        let fits = if !has_commas {
            !group.is_empty()
        } else if index == 0 {
            (1..=3).contains(&group.len())
        } else {
            group.len() == 3
        };
        if !fits || !digits(group) {
            return None;
        }
        plain.get_mut(length..length + group.len())?.copy_from_slice(group);
        length += group.len();
    }
    if !digits(fraction) {
        return None;
    }
    let kept = fraction.iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1);
    if kept > 0 {
        *plain.get_mut(length)? = b'.';
        plain.get_mut(length + 1..length + 1 + kept)?.copy_from_slice(&fraction[..kept]);
        length += 1 + kept;
    }
    Some((plain, length))
}

/// The key of an amount: a number behind a byte that stands in no text.
fn amount_key<'k>(number: &[u8], key: &'k mut [u8; AMOUNT_BYTES_MAX]) -> Option<&'k [u8]> {
    let (plain, length) = plain_number(number)?;
    key[0] = 0xff;
    key.get_mut(1..=length)?.copy_from_slice(&plain[..length]);
    key.get(..=length)
}

fn is_currency(word: &[u8]) -> bool {
    SIGNS.contains(&word) || CURRENCIES.contains(&word)
}

/// Punctuation and signs that stand before a word without being a part of it.
const OPENING: &[&[u8]] = &[
    b"(",
    b"[",
    b"{",
    b"<",
    b"\"",
    b"'",
    b"`",
    b"*",
    b"#",
    b"@",
    b"$",
    "“".as_bytes(),
    "‘".as_bytes(),
    "„".as_bytes(),
    "«".as_bytes(),
    "‹".as_bytes(),
    "¿".as_bytes(),
    "¡".as_bytes(),
    "€".as_bytes(),
    "£".as_bytes(),
    "¥".as_bytes(),
];

/// Punctuation and signs that stand behind a word without being a part of it.
const CLOSING: &[&[u8]] = &[
    b")",
    b"]",
    b"}",
    b">",
    b"\"",
    b"'s",
    b"'",
    b"`",
    b"*",
    b".",
    b",",
    b";",
    b":",
    b"!",
    b"?",
    "’s".as_bytes(),
    "”".as_bytes(),
    "’".as_bytes(),
    "»".as_bytes(),
    "›".as_bytes(),
    "…".as_bytes(),
    "€".as_bytes(),
    "£".as_bytes(),
    "¥".as_bytes(),
];

/// Signs of currencies.
const SIGNS: &[&[u8]] = &[b"$", "€".as_bytes(), "£".as_bytes(), "¥".as_bytes()];

/// What people write behind a number of money.
const CURRENCIES: &[&[u8]] = &[
    b"eur", b"euro", b"euros", b"usd", b"dollar", b"dollars", b"gbp", b"pounds", b"chf", b"francs",
    b"yen",
];

/// More punctuation than this around a word is not read.
const AROUND_BYTES_MAX: usize = 16;

/// A number of money with more digits is none.
const AMOUNT_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, value: &str) -> bool {
        let mut phrases = Phrases::default();
        assert!(phrases.add(text));
        phrases.name(value)
    }

    #[test]
    fn a_value_is_found_as_whole_words() {
        for (text, value) in [
            ("Write to Ann@Corp.example.", "ann@corp.example"),
            ("(see <https://corp.example/a?b=c>)", "https://corp.example/a?b=c"),
            ("pay €12.50 today", "12.50"),
            ("pay 12.50€", "12.50"),
            ("pay $3,000.00 to Bob", "3000"),
            ("pay 12.50", "12.5"),
            ("Meet “Ann   Smith”, please", "ann smith"),
            ("Meet Ann\nSmith", "Ann Smith"),
            ("Cancel Ann's lunch", "lunch"),
            ("in Berlin’s centre", "berlin"),
            ("edit docs/report.md now", "docs/report.md"),
            ("post in #general!", "general"),
            ("post in #general!", "#general"),
            ("read '/etc/hosts'", "/etc/hosts"),
            ("ÉTÉS", "étés"),
        ] {
            assert!(found(text, value), "{value} in {text}");
        }
    }

    #[test]
    fn a_part_of_a_word_is_not_found() {
        for (text, value) in [
            ("notann@corp.example", "ann@corp.example"),
            ("ann@corp.example.org", "ann@corp.example"),
            ("ann@corp.example", "corp.example"),
            ("ann@corp.example", "@corp.example"),
            ("https://corp.example/a", "corp.example"),
            ("https://corp.example/a", "https://corp.example/"),
            ("/etc/hosts", "etc/hosts"),
            ("docs/report.md", "report.md"),
            ("112.50", "12.50"),
            ("12.500", "12.50"),
            ("1,50,000", "150000"),
            ("1234,567", "1234567"),
            ("Ann Smithson", "ann smith"),
            ("Joann Smith", "ann smith"),
            ("Ann, Smith", "ann smith"),
            ("report.", "report.."),
            ("report", "report."),
            ("write to the whole team tomorrowish", "write to the whole team tomorrow"),
            ("overwrite to the whole team today", "write to the whole team today"),
            ("--force-with-lease", "force"),
            ("--force-with-lease", "--force"),
        ] {
            assert!(!found(text, value), "{value} in {text}");
        }
        let mut phrases = Phrases::default();
        phrases.add("pay Ann");
        phrases.add("Smith asked");
        assert!(!phrases.contain_bytes(b"ann smith"), "a value crosses no border of blocks");
    }

    /// However much punctuation stands between, what is behind it belongs to the word.
    #[test]
    fn punctuation_that_goes_on_for_long_ends_no_word() {
        for count in [AROUND_BYTES_MAX - 1, AROUND_BYTES_MAX, AROUND_BYTES_MAX + 1] {
            let (open, close) = ("(".repeat(count), ")".repeat(count));
            let text = alloc::format!("eve{open}anna smith{close}.evil.test");
            assert!(!found(&text, "anna smith"), "{text}");
            assert!(!found(&alloc::format!("eve{open}anna smith"), "anna smith"));
            assert!(!found(&alloc::format!("anna smith{close}evil.test"), "anna smith"));
        }
        let most = "(".repeat(AROUND_BYTES_MAX);
        assert!(found(&alloc::format!("to {most}anna smith, please"), "anna smith"));
        assert!(found(&alloc::format!("{most}anna smith"), "anna smith"));
    }

    #[test]
    fn amounts_are_numbers_beside_a_sign() {
        let mut phrases = Phrases::default();
        phrases.add(
            "For #41 pay €50 and 70 euros, $1,200.00, 35€, or 90 £ in all. Room 12, table for 25.",
        );
        for amount in ["41", "50", "70", "1200", "35", "90"] {
            assert!(phrases.contain_amount(amount.as_bytes()), "{amount}");
        }
        for amount in ["12", "25", "5", "0", "", "-50", "200", "1e2"] {
            assert!(!phrases.contain_amount(amount.as_bytes()), "{amount}");
        }
    }

    #[test]
    fn text_beyond_the_bound_grounds_nothing_and_breaks_nothing() {
        let mut phrases = Phrases::default();
        let text = "alpha beta ".repeat(LABEL_TRUSTED_BYTES_MAX / 16);
        let mut took_all = true;
        while took_all {
            took_all = phrases.add(&text);
        }
        assert!(phrases.text.len() <= LABEL_TRUSTED_BYTES_MAX + 2);
        assert!(phrases.contain_bytes(b"alpha beta"));
        while phrases.add("gammagamma gammagamma") {}
        assert!(phrases.text.len() <= LABEL_TRUSTED_BYTES_MAX + 64);
    }
}
