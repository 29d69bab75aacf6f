//! Numbers, as people and programs write them.
//!
//! As in all of this house, a comma stands between thousands and a point before a fraction. Where
//! the other reading is the only one (`12,50`, `1.234,50`), that is taken; where there are two
//! (`1.234.567`, which may be a version), none.

use alloc::string::String;

use super::{Read, before, from, is_of_word};
use crate::limits::EXTRACTION_DIGITS_MAX;

/// The numbers of a text, from a byte on.
pub(super) struct Numbers<'t> {
    text: &'t str,
    at: usize,
    is_whole: bool,
}

impl<'t> Numbers<'t> {
    pub(super) const fn all(text: &'t str, at: usize) -> Self {
        Self { text, at, is_whole: false }
    }

    pub(super) const fn integers(text: &'t str, at: usize) -> Self {
        Self { text, at, is_whole: true }
    }
}

impl Iterator for Numbers<'_> {
    type Item = Read;

    fn next(&mut self) -> Option<Read> {
        loop {
            let rest = self.text.get(self.at..)?;
            let start = self.at + rest.find(|one: char| one.is_ascii_digit())?;
            let end = end_of(self.text, start);
            self.at = end;
            if !stands_alone(self.text, start, end) {
                continue;
            }
            let run = self.text.get(start..end)?;
            match read(run) {
                Some((digits, has_fraction)) => {
                    if self.is_whole && has_fraction {
                        continue;
                    }
                    let mut value = String::new();
                    if is_negative(self.text, start) && digits.bytes().any(|one| one > b'0') {
                        value.push('-');
                    }
                    value.push_str(&digits);
                    return Some(Read::Value(value));
                }
                None if is_no_number(run) => {}
                None => return Some(Read::Unclear),
            }
        }
    }
}

/// Where a run of digits ends, with what stands between them.
fn end_of(text: &str, start: usize) -> usize {
    let mut end = start;
    let mut characters = text.get(start..).unwrap_or_default().char_indices().peekable();
    while let Some((at, one)) = characters.next() {
        let is_before_digit = characters.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        if one.is_ascii_digit() {
            end = start + at + 1;
        } else if !(is_separator(one) && is_before_digit) {
            break;
        }
    }
    end
}

/// Signs between digits. The spaces are those that do not break a line.
const fn is_separator(one: char) -> bool {
    matches!(one, '.' | ',' | '\'' | '\u{2019}' | '\u{a0}' | '\u{202f}')
}

/// Whether the digits are no part of a word, a date, a time or a version.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let has_left = before(text, start).is_some_and(|one| {
        let beyond = before(text, start - one.len_utf8());
        is_of_word(one)
            || matches!(one, '-' | '/' | ':' | '@')
                && beyond.is_some_and(|beyond| match one {
                    ':' => beyond.is_ascii_digit(),
                    _ => is_of_word(beyond),
                })
            || one == '.'
    });
    let has_right = from(text, end).is_some_and(|one| {
        let beyond = from(text, end + one.len_utf8());
        is_of_word(one) && !has_currency(text, end)
            || matches!(one, '-' | '/' | ':' | '@')
                && beyond.is_some_and(|beyond| match one {
                    ':' => beyond.is_ascii_digit(),
                    _ => is_of_word(beyond),
                })
            // 192.168.0.1/24 and 1.2.x
            || one == '.' && beyond.is_some_and(is_of_word)
    });
    !has_left && !has_right
}

/// Whether three capital letters stand here and nothing more of a word: `50EUR`.
fn has_currency(text: &str, at: usize) -> bool {
    let code =
        text.get(at..at + 3).is_some_and(|it| it.bytes().all(|one| one.is_ascii_uppercase()));
    code && !from(text, at + 3).is_some_and(is_of_word)
}

/// Whether a minus belongs to the number, before or behind a sign of currency. One between words is
/// a hyphen.
fn is_negative(text: &str, start: usize) -> bool {
    let mut at = start;
    let mut last = before(text, at);
    if let Some(sign) = last.filter(|one| matches!(one, '$' | '€' | '£' | '¥')) {
        at -= sign.len_utf8();
        last = before(text, at);
    }
    let Some(minus) = last.filter(|one| matches!(one, '-' | '\u{2212}')) else { return false };
    !before(text, at - minus.len_utf8()).is_some_and(is_of_word)
}

/// Whether points stand where no thousands end: in a date, a version or an address.
fn is_no_number(run: &str) -> bool {
    let is_pointed = !run.contains(|one| is_separator(one) && one != '.');
    is_pointed && run.split('.').count() > 2 && run.split('.').skip(1).any(|it| it.len() != 3)
}

/// The digits with a point before their fraction, and whether there is one.
fn read(run: &str) -> Option<(String, bool)> {
    let separators = || run.char_indices().filter(|(_, one)| is_separator(*one));
    let last = separators().next_back();
    let count = |sign: char| separators().filter(|(_, one)| *one == sign).count();
    // Where the fraction begins.
    let fraction = match last {
        None => None,
        Some((at, sign)) => {
            let digits = run.len() - at - sign.len_utf8();
            let is_only_kind = count(sign) == separators().count();
            match (sign, count(sign)) {
                ('.', 1) => Some(at),
                (',', 1) if !is_only_kind || digits != 3 => Some(at),
                ('.', _) => return None,
                _ => None,
            }
        }
    };
    let (whole, part) = match fraction {
        Some(at) => (run.get(..at)?, run.get(at + 1..)?),
        None => (run, ""),
    };
    let mut groups = whole.split(is_separator);
    let mut value = String::new();
    let first = groups.next()?;
    value.push_str(first);
    // One kind of sign between thousands, and not the one before the fraction.
    let sign = whole.chars().find(|one| is_separator(*one));
    let point = fraction.and_then(|at| from(run, at));
    if sign.is_some() && (first.len() > 3 || first.starts_with('0') || sign == point) {
        return None;
    }
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        value.push_str(group);
    }
    if whole.chars().any(|one| is_separator(one) && Some(one) != sign) {
        return None;
    }
    if value.len() + part.len() > EXTRACTION_DIGITS_MAX {
        return None;
    }
    let zeros = value.len() - value.trim_start_matches('0').len();
    value.drain(..zeros.min(value.len() - 1));
    if !part.is_empty() {
        value.push('.');
        value.push_str(part);
    }
    Some((value, !part.is_empty()))
}
