//! How long a provider asks to wait, from the fields of its response.
//!
//! There is one standard field and four habits: seconds or a date (RFC 9110 §10.2.3), milliseconds
//! in a field of their own, the moments at which Anthropic's allowances are full again, and the
//! durations until OpenAI's are.
//!
//! # Invariants
//! - What is asked is never more than [`MODEL_RETRY_AFTER_MAX`]; what is negative or no number is
//!   as if it were not said, so that it cannot make us hammer.
//!
//! # Not here
//! How long to wait when nothing was said: `route`.
//!
//! [`MODEL_RETRY_AFTER_MAX`]: crate::limits::MODEL_RETRY_AFTER_MAX

use core::time::Duration;

use crate::limits::MODEL_RETRY_AFTER_MAX;
use crate::time::Timestamp;
use crate::wire::http::Headers;

/// How long the response asks to wait, `now` being when it came.
pub(super) fn retry_after(headers: &Headers, now: Timestamp) -> Option<Duration> {
    let field = |name| headers.get(name)?.as_str();
    let wait = field("retry-after-ms")
        .and_then(|text| decimal(text, 0.001))
        .or_else(|| field("retry-after").and_then(|text| standard(text, now)))
        .or_else(|| fullest_wait(headers, now));
    wait.map(|wait| wait.min(MODEL_RETRY_AFTER_MAX))
}

/// A duration such as `22s`, as a body may hold it.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|character: char| !is_of_number(character))?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail.find(is_of_number).unwrap_or(tail.len());
        let (unit, after) = tail.split_at(unit_end);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total = total.saturating_add(decimal(number, seconds)?);
        rest = after;
    }
    Some(total)
}

/// Of the allowances that are used up, the longest wait until one is full again.
fn fullest_wait(headers: &Headers, now: Timestamp) -> Option<Duration> {
    ALLOWANCES
        .iter()
        .filter(|(remaining, _)| {
            headers
                .get(remaining)
                .and_then(|value| value.as_str())
                .is_some_and(|left| left.trim().parse::<f64>().is_ok_and(|left| left <= 0.0))
        })
        .filter_map(|(_, reset)| headers.get(reset)?.as_str())
        .filter_map(|reset| {
            let moment = internet_date(reset.trim()).map(|moment| moment.since(now));
            moment.or_else(|| duration(reset)).or_else(|| decimal(reset, 1.0))
        })
        .max()
}

/// The fields that say what is left of an allowance, and when it is full again.
const ALLOWANCES: [(&str, &str); 6] = [
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
];

/// `Retry-After`: seconds (some send a fraction), or a date.
fn standard(text: &str, now: Timestamp) -> Option<Duration> {
    decimal(text, 1.0).or_else(|| mail_date(text).map(|moment| moment.since(now)))
}

/// A number that is not negative, times `seconds`. What is too large is our bound.
fn decimal(text: &str, seconds: f64) -> Option<Duration> {
    let text = text.trim();
    if !text.chars().all(is_of_number) {
        return None;
    }
    let value = text.parse::<f64>().ok()? * seconds;
    Some(Duration::try_from_secs_f64(value).unwrap_or(MODEL_RETRY_AFTER_MAX))
}

fn is_of_number(character: char) -> bool {
    character.is_ascii_digit() || character == '.'
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`: the one form of RFC 9110 §5.6.7 that may still be sent.
pub(crate) fn mail_date(text: &str) -> Option<Timestamp> {
    let (_, date) = text.trim().split_once(", ")?;
    let mut parts = date.split(' ');
    let day = number(parts.next()?, 2)?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year = number(parts.next()?, 4)?;
    let time = time_of_day(parts.next()?)?;
    let is_whole = parts.next() == Some("GMT") && parts.next().is_none();
    is_whole.then(|| moment(year, month, day, time)).flatten()
}

/// `2026-01-27T12:00:30Z` or with an offset, the form of RFC 3339.
fn internet_date(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't'])?;
    let mut parts = date.splitn(3, '-');
    let (year, month) = (number(parts.next()?, 4)?, number(parts.next()?, 2)?);
    let day = number(parts.next()?, 2)?;
    let clock = time_of_day(time.get(..8)?)?;
    let rest = time.get(8..)?;
    let fraction = rest.strip_prefix('.').unwrap_or(rest);
    let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let local = moment(year, month, day, clock)?;
    let offset = match zone {
        "Z" | "z" => return Some(local),
        _ => time_of_day(zone.get(1..6)?).filter(|_| zone.len() == 6)? * 1000,
    };
    match zone.as_bytes().first()? {
        b'+' => Some(Timestamp(local.0.saturating_sub(offset))),
        b'-' => Some(Timestamp(local.0.saturating_add(offset))),
        _ => None,
    }
}

/// `08:49` or `08:49:37`, in seconds.
fn time_of_day(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let (hours, minutes) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let seconds = parts.next().map_or(Some(0), |seconds| number(seconds, 2))?;
    let is_time = hours < 24 && minutes < 60 && seconds <= 60 && parts.next().is_none();
    is_time.then_some((hours * 60 + minutes) * 60 + seconds)
}

fn number(text: &str, digits: usize) -> Option<u64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The moment of a date from 1970 on; years have four digits, so nothing here overflows.
fn moment(year: u64, month: u64, day: u64, seconds: u64) -> Option<Timestamp> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Counted from March, so that the leap day ends its year, as `Timestamp::date` counts.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    Some(Timestamp((days.checked_sub(719_468)? * 86_400 + seconds) * 1000))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// 2026-01-27T12:00:00Z.
    const NOW: Timestamp = Timestamp(1_769_515_200_000);

    fn wait(fields: &[(&str, &str)]) -> Option<Duration> {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.append(name, value).unwrap();
        }
        retry_after(&headers, NOW)
    }

    #[test]
    fn the_standard_field_in_all_its_forms() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (value, expected) in [
            ("30", seconds(30)),
            ("0", seconds(0)),
            ("1.5", Some(Duration::from_millis(1500))),
            ("Tue, 27 Jan 2026 12:00:20 GMT", seconds(20)),
            ("Tue, 27 Jan 2026 11:00:00 GMT", seconds(0)),
            ("1000000000", Some(MODEL_RETRY_AFTER_MAX)),
            ("99999999999999999999999999999999999999999", Some(MODEL_RETRY_AFTER_MAX)),
            ("Tue, 27 Jan 9999 12:00:20 GMT", Some(MODEL_RETRY_AFTER_MAX)),
            ("-5", None),
            ("NaN", None),
            ("inf", None),
            ("1e9", None),
            ("", None),
            (".", None),
            ("soon", None),
            ("Tue, 32 Jan 2026 12:00:20 GMT", None),
            ("Tue, 27 Jan 2026 25:00:20 GMT", None),
            ("Tue, 27 Jan 2026 12:00:20 CET", None),
        ] {
            assert_eq!(wait(&[("retry-after", value)]), expected, "{value}");
        }
    }

    #[test]
    fn milliseconds_are_finer_and_win() {
        let both = [("retry-after", "2"), ("retry-after-ms", "1250")];
        assert_eq!(wait(&both), Some(Duration::from_millis(1250)));
        let broken = [("retry-after", "2"), ("retry-after-ms", "-1")];
        assert_eq!(wait(&broken), Some(Duration::from_secs(2)));
    }

    #[test]
    fn only_an_allowance_that_is_used_up_makes_us_wait() {
        let anthropic = [
            ("anthropic-ratelimit-requests-remaining", "12"),
            ("anthropic-ratelimit-requests-reset", "2026-01-27T12:00:59Z"),
            ("anthropic-ratelimit-output-tokens-remaining", "0"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-01-27T13:00:07.5+01:00"),
        ];
        assert_eq!(wait(&anthropic), Some(Duration::from_secs(7)));
        let openai = [
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1m0.5s"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "20ms"),
        ];
        assert_eq!(wait(&openai), Some(Duration::from_millis(60_500)));
        assert_eq!(wait(&[("x-ratelimit-reset-requests", "1m")]), None);
    }

    #[test]
    fn durations() {
        assert_eq!(duration("1h2m3s"), Some(Duration::from_secs(3723)));
        for text in ["", "s", "5", "5x", "-5s", "5s5"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    /// Every day of some centuries, written by the clock and read here.
    #[test]
    fn dates_read_as_they_are_written() {
        for day in 0..200_000_u64 {
            let moment = Timestamp(day * 86_400_000 + 37_000);
            assert_eq!(internet_date(&moment.to_string()), Some(moment));
        }
    }

    #[test]
    fn no_text_is_a_panic() {
        arbtest::arbtest(|u| {
            let text: &str = u.arbitrary()?;
            let _ = (standard(text, NOW), internet_date(text), duration(text));
            Ok(())
        });
    }
}
