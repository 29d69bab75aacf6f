//! Days and times of day, as they are commonly written, and only where they mean one thing.
//!
//! `03/04/2026` is a day in March here and one in April there, so it is none. Names of months are
//! English; numbers with points between them have the day first, as whoever writes those does.

use alloc::format;

use super::{Read, before, from, is_of_word};

/// The days of a text, from a byte on, as `2026-11-21`.
pub(super) fn dates(text: &str, start: usize) -> impl Iterator<Item = Read> {
    Scan { text, at: start, read: date }
}

/// The times of day, as `15:30`.
pub(super) fn times(text: &str, start: usize) -> impl Iterator<Item = Read> {
    Scan { text, at: start, read: time }
}

/// Tries every place where a word begins.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// What stands at the start of a text, and where it ends.
    read: fn(&str) -> Option<(Read, usize)>,
}

impl Iterator for Scan<'_> {
    type Item = Read;

    fn next(&mut self) -> Option<Read> {
        loop {
            let rest = self.text.get(self.at..)?;
            let start = self.at + rest.find(is_of_word)?;
            let is_free = !is_joined(self.text, start);
            let found = self.text.get(start..).filter(|_| is_free).and_then(self.read);
            let found = found.filter(|(_, length)| ends(self.text, start + length));
            if let Some((value, length)) = found {
                self.at = start + length;
                return Some(value);
            }
            let rest = self.text.get(start..)?;
            self.at = start
                + match rest.as_bytes() {
                    // The time behind the `T` of RFC 3339 begins within a word.
                    [b'0'..=b'9', b'0'..=b'9', b'T', ..] => 3,
                    _ => rest.find(|one: char| !is_of_word(one)).unwrap_or(rest.len()),
                };
        }
    }
}

/// Whether what stands here goes on from the left: a part of a path, a range or a longer number.
fn is_joined(text: &str, at: usize) -> bool {
    let Some(sign) = before(text, at) else { return false };
    let beyond = before(text, at - sign.len_utf8());
    let is_time = sign == 'T' && beyond.is_some_and(|one| one.is_ascii_digit());
    is_of_word(sign) && !is_time
        || matches!(sign, '-' | '/' | '.' | ':' | '+') && beyond.is_some_and(is_of_word)
        || sign == '/'
}

/// Whether nothing goes on to the right.
fn ends(text: &str, at: usize) -> bool {
    let Some(sign) = from(text, at) else { return true };
    let beyond = from(text, at + sign.len_utf8());
    let is_digit = |one: Option<char>| one.is_some_and(|one| one.is_ascii_digit());
    match sign {
        // `2026-11-21T09:30` and `09:30Z`.
        'T' => is_digit(beyond),
        'Z' => !beyond.is_some_and(is_of_word),
        '-' | '+' => !beyond.is_some_and(is_of_word) || is_zone(text, at),
        '/' => !beyond.is_some_and(is_of_word),
        '.' | ':' => !is_digit(beyond),
        _ => !is_of_word(sign),
    }
}

/// `+02:00`, as it stands behind a time.
fn is_zone(text: &str, at: usize) -> bool {
    let zone = text.get(at + 1..at + 6).map(str::as_bytes);
    let is_behind_time = before(text, at).is_some_and(|one| one.is_ascii_digit());
    let is_zone = matches!(zone, Some([a, b, b':', c, d])
        if [a, b, c, d].iter().all(|one| one.is_ascii_digit()));
    is_behind_time && is_zone && !from(text, at + 6).is_some_and(is_of_word)
}

/// What is left to read of a text.
struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    /// A number of at most four digits, and how many they are.
    fn number(&mut self) -> Option<(u16, usize)> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = self.rest.get(..length).filter(|_| length <= 4)?.parse().ok()?;
        self.rest = self.rest.get(length..)?;
        Some((number, length))
    }

    fn word(&mut self) -> &'t str {
        let length = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word
    }

    /// Goes over one of these, if it is there.
    fn over(&mut self, signs: &[char]) -> Option<char> {
        let sign = self.rest.chars().next().filter(|one| signs.contains(one))?;
        self.rest = self.rest.get(sign.len_utf8()..)?;
        Some(sign)
    }

    fn space(&mut self) -> bool {
        let mut is_there = false;
        while self.over(&[' ', '\u{a0}', '\u{202f}']).is_some() {
            is_there = true;
        }
        is_there
    }
}

fn date(text: &str) -> Option<(Read, usize)> {
    let mut cursor = Cursor { rest: text };
    let read = match text.bytes().next()? {
        b'0'..=b'9' => from_number(&mut cursor),
        _ => from_month(&mut cursor),
    }?;
    Some((read, text.len() - cursor.rest.len()))
}

/// `2026-11-21`, `21.11.2026`, `21 November 2026`, `21st of Nov, 2026`, `21-Nov-2026`.
fn from_number(cursor: &mut Cursor<'_>) -> Option<Read> {
    let (first, first_digits) = cursor.number()?;
    let before = cursor.rest;
    if let Some(sign) = cursor.over(&['-', '/', '.'])
        && let Some((second, second_digits)) = cursor.number()
    {
        cursor.over(&[sign])?;
        let (third, third_digits) = cursor.number()?;
        return match (first_digits, second_digits, third_digits) {
            (4, 1 | 2, 1 | 2) => day(first, second, third),
            (1 | 2, 1 | 2, 4) if sign == '.' => day(third, second, first),
            (1 | 2, 1 | 2, 4) => match (day(third, second, first), day(third, first, second)) {
                (Some(_), Some(_)) if first != second => Some(Read::Unclear),
                (one, other) => one.or(other),
            },
            // Of which century, and which of them is the year?
            (1 | 2, 1 | 2, 2) if sign == '/' || first_digits + second_digits == 4 => {
                let is_likely = first.min(second) <= 12 && first.max(second) <= 31;
                is_likely.then_some(Read::Unclear)
            }
            _ => None,
        };
    }
    cursor.rest = before;
    if first_digits > 2 {
        return None;
    }
    let ending = cursor.word();
    if !(ending.is_empty() || is_ordinal(ending)) {
        return None;
    }
    let sign = cursor.over(&['-', '/']);
    if sign.is_none() {
        cursor.over(&['.']);
        cursor.space();
    }
    let before = cursor.rest;
    if cursor.word().eq_ignore_ascii_case("of") {
        cursor.space();
    } else {
        cursor.rest = before;
    }
    let month = month(cursor.word())?;
    match sign {
        Some(sign) => {
            cursor.over(&[sign])?;
        }
        None => {
            cursor.over(&['.', ',']);
            cursor.space().then_some(())?;
        }
    }
    let (year, digits) = cursor.number()?;
    if digits == 4 { day(year, month, first) } else { None }
}

/// `November 21, 2026`, `Nov. 21st 2026`.
fn from_month(cursor: &mut Cursor<'_>) -> Option<Read> {
    let month = month(cursor.word())?;
    cursor.over(&['.']);
    cursor.space().then_some(())?;
    let (first, digits) = cursor.number()?;
    if digits > 2 {
        return None;
    }
    let before = cursor.rest;
    if !is_ordinal(cursor.word()) {
        cursor.rest = before;
    }
    cursor.over(&[',']);
    cursor.space().then_some(())?;
    let (year, digits) = cursor.number()?;
    if digits == 4 { day(year, month, first) } else { None }
}

fn is_ordinal(word: &str) -> bool {
    ["st", "nd", "rd", "th"].iter().any(|it| it.eq_ignore_ascii_case(word))
}

/// A day, if the calendar has it.
fn day(year: u16, month: u16, day: u16) -> Option<Read> {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    let is_day = (1000..=9999).contains(&year) && (1..=days).contains(&day);
    is_day.then(|| Read::Value(format!("{year:04}-{month:02}-{day:02}")))
}

fn month(word: &str) -> Option<u16> {
    let is_it = |name: &&str| {
        word.eq_ignore_ascii_case(name)
            || name.get(..3).is_some_and(|start| word.eq_ignore_ascii_case(start))
            || *name == "September" && word.eq_ignore_ascii_case("Sept")
    };
    let index = MONTHS.iter().position(is_it)?;
    u16::try_from(index + 1).ok()
}

/// `09:30`, `9:30:00`, `3pm`, `3:30 p.m.`
fn time(text: &str) -> Option<(Read, usize)> {
    let mut cursor = Cursor { rest: text };
    let (hour, digits) = cursor.number()?;
    let (mut minute, mut second, mut has_minute) = (0, None, false);
    if digits > 2 {
        return None;
    }
    if cursor.over(&[':']).is_some() {
        minute = cursor.number().filter(|(_, digits)| *digits == 2)?.0;
        has_minute = true;
        if cursor.over(&[':']).is_some() {
            second = Some(cursor.number().filter(|(_, digits)| *digits == 2)?.0);
            if cursor.rest.starts_with('.') {
                let fraction = cursor.rest.get(1..).unwrap_or_default();
                let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
                let end = if digits > 0 { 1 + digits } else { 0 };
                cursor.rest = cursor.rest.get(end..).unwrap_or_default();
            }
        }
    }
    let before = cursor.rest;
    cursor.space();
    let half = half(&mut cursor);
    if half.is_none() {
        cursor.rest = before;
    }
    let hour = match half {
        Some(afternoon) if (1..=12).contains(&hour) => hour % 12 + 12 * u16::from(afternoon),
        None if has_minute => hour,
        _ => return None,
    };
    if hour > 23 || minute > 59 || second.is_some_and(|second| second > 59) {
        return None;
    }
    let mut value = format!("{hour:02}:{minute:02}");
    if let Some(second) = second {
        value += &format!(":{second:02}");
    }
    Some((Read::Value(value), text.len() - cursor.rest.len()))
}

/// Which half of the day: whether it is the second.
fn half(cursor: &mut Cursor<'_>) -> Option<bool> {
    let rest = cursor.rest;
    for (word, is_afternoon) in [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)] {
        let is_it = rest.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
        if is_it && !from(rest, word.len()).is_some_and(is_of_word) {
            cursor.rest = rest.get(word.len()..)?;
            return Some(is_afternoon);
        }
    }
    None
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
