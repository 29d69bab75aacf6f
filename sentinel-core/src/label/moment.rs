//! Dates and times of day, which say nothing but when.
//!
//! Words that a stranger chose and the agent says to others are the stranger speaking in the
//! person's name. A free hour that was read off a calendar is not: there is no room in it for a
//! link, a number to call or a sentence. So a call that asks about foreign words does not ask about
//! a moment.
//!
//! # Invariants
//! - A moment has at most one date, one time, one zone and one weekday, and nothing else: every
//!   character of the text is part of one of them.

/// Whether a text is a moment and nothing more: `2026-12-01`, `09:30`, `Tue 3pm`,
/// `2026-12-01T09:30:00+01:00`.
pub(super) fn is_moment(text: &str) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let mut seen = [false; 3];
    let words = text.split(' ').flat_map(date_and_time);
    let all_known = words.into_iter().all(|word| match part(word) {
        // A second date or time would make room for a code.
        Some(part) => !core::mem::replace(&mut seen[part as usize], true),
        None => false,
    });
    all_known && seen.contains(&true)
}

/// `Wednesday 2026-12-30 23:59:59.999+12:45`.
const LONGEST: usize = 40;

#[derive(Clone, Copy)]
enum Part {
    Weekday,
    Date,
    Time,
}

fn part(word: &str) -> Option<Part> {
    if WEEKDAYS.iter().any(|day| {
        word.eq_ignore_ascii_case(day)
            || day.get(..3).is_some_and(|it| word.eq_ignore_ascii_case(it))
    }) {
        return Some(Part::Weekday);
    }
    if is_date(word) {
        return Some(Part::Date);
    }
    is_time(word).then_some(Part::Time)
}

const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The halves of `2026-12-01T09:30`, or the word as it is.
fn date_and_time(word: &str) -> impl Iterator<Item = &str> {
    let halves = word.split_once('T').filter(|(date, _)| is_date(date));
    let (first, second) = halves.map_or((word, None), |(date, time)| (date, Some(time)));
    core::iter::once(first).chain(second)
}

/// `2026-12-01`, with a month and a day that a calendar could have.
fn is_date(word: &str) -> bool {
    let mut parts = word.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let within = |part: Option<&str>, digits, range: core::ops::RangeInclusive<u32>| {
        part.is_some_and(|part| number(part, digits).is_some_and(|value| range.contains(&value)))
    };
    within(year, 4, 1900..=2199)
        && within(month, 2, 1..=12)
        && within(day, 2, 1..=31)
        && parts.next().is_none()
}

/// `9:30`, `09:30:00`, `3pm`, with or without a zone.
fn is_time(word: &str) -> bool {
    if let Some(hour) = word.strip_suffix("am").or_else(|| word.strip_suffix("pm")) {
        return is_clock(hour, 1..=12);
    }
    let time = word.strip_suffix('Z').unwrap_or(word);
    if time.len() < word.len() {
        return time.contains(':') && is_clock(time, 0..=24);
    }
    match word.split_once(['+', '-']) {
        Some((time, zone)) => {
            time.contains(':')
                && is_clock(time, 0..=24)
                && zone.len() == 5
                && is_clock(zone, 0..=14)
        }
        None => word.contains(':') && is_clock(word, 0..=24),
    }
}

/// An hour of the range, then minutes and seconds if they are said, then zeros if a machine said
/// fractions.
fn is_clock(text: &str, hours: core::ops::RangeInclusive<u32>) -> bool {
    let text = text.strip_suffix(".000").unwrap_or(text);
    let mut parts = text.split(':');
    let hour = parts.next().unwrap_or_default();
    let is_hour =
        [1, 2].iter().any(|&digits| number(hour, digits).is_some_and(|hour| hours.contains(&hour)));
    let rest_is_fine =
        parts.by_ref().take(2).all(|part| number(part, 2).is_some_and(|value| value < 60));
    is_hour && rest_is_fine && parts.next().is_none()
}

/// The number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_and_nothing_else() {
        for moment in [
            "2026-12-01",
            "09:30",
            "9:30",
            "24:00",
            "3pm",
            "11:15am",
            "Wed",
            "wednesday 10:00",
            "Tue 2026-12-01 09:30",
            "2026-12-01T09:30",
            "2026-12-01T09:30:00Z",
            "2026-12-01T09:30:00.000Z",
            "2026-12-01T09:30:00+05:30",
            "2026-12-01 09:30-08:00",
        ] {
            assert!(is_moment(moment), "{moment}");
        }
    }

    #[test]
    fn no_room_for_anything_else() {
        for text in [
            "",
            " ",
            "5551234",
            "12",
            "0900 123456",
            "+41 44 668 18 00",
            "2026-12-01 2026-12-02",
            "10:00 11:00",
            "Mon Tue",
            "2026-13-01",
            "2026-12-32",
            "25:00",
            "10:60",
            "13pm",
            "10:00:00:00",
            "10:00 call evil.test",
            "Wed  10:00",
            "T10:00",
            "2026-12-01T",
            "2026-12-01TT10:00",
            "10:00Z+01:00",
            "10:00+0100",
            "10:00+15:00",
            "3 pm",
            "W\u{e9}d",
            "\u{661}0:00",
            "10:00.123",
            "Wednesday 2026-12-01 10:00:00.000+05:30  ",
        ] {
            assert!(!is_moment(text), "{text}");
        }
    }
}
