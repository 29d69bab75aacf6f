//! Time as an argument: what a shell says it is.
//!
//! There are two clocks because they promise different things. The monotonic one ([`Instant`])
//! never runs back, so deadlines are measured with it, those of questions too: the agent's own goes
//! on over a restart. The wall clock ([`Timestamp`]) is what people and records mean, survives a
//! restart, and may jump; grants, codes and endorsements expire by it. A [`Now`] carries both, read
//! at the same moment.
//!
//! # Invariants
//! - Arithmetic saturates: no time given from outside can overflow.
//! - A [`Timestamp`] writes as RFC 3339 in UTC, and every value has such a form.
//!
//! # Not here
//! Reading a clock is the shell's. Time zones and calendars for schedules are not needed yet.

use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Now {
    /// The clock that never runs back.
    pub instant: Instant,
    /// What the wall shows.
    pub wall: Timestamp,
}

/// Milliseconds on a clock that never runs back; its zero has no meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// This moment and `duration`, or the last one there is.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(milliseconds(duration)))
    }

    /// How long ago `earlier` was, zero if it was not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// ```
/// use sentinel_core::time::Timestamp;
///
/// assert_eq!(Timestamp(1_000_000_000_123).to_string(), "2001-09-09T01:46:40.123Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment and `duration`, or the last one there is.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(milliseconds(duration)))
    }

    /// How long ago `earlier` was, zero if it was not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Reads a date (`2026-12-31`, its first moment) or a moment (`2026-12-31T23:59:59Z`, with
    /// or without milliseconds), in UTC, from 1970 on.
    ///
    /// ```
    /// use sentinel_core::time::Timestamp;
    ///
    /// let moment = Timestamp(1_000_000_000_123);
    /// assert_eq!(Timestamp::parse("2001-09-09T01:46:40.123Z"), Some(moment));
    /// assert_eq!(Timestamp::parse("1970-01-02"), Some(Timestamp(86_400_000)));
    /// assert_eq!(Timestamp::parse("2026-02-29"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, time.strip_suffix('Z')?),
            None => (text, "00:00:00"),
        };
        let mut parts = date.rsplitn(3, '-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let (year, month, day) = (digits(year, 4..=9)?, digits(month, 2..=2)?, digits(day, 2..=2)?);
        if !(1970..).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        // The other way round than `date`, which then says whether the month has such a day.
        let (years, shifted_month) =
            if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let day_of_year = (153 * shifted_month + 2) / 5 + day.checked_sub(1)?;
        let days = 365 * years + years / 4 - years / 100 + years / 400 + day_of_year - 719_468;
        let mut parts = time.splitn(3, ':');
        let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
        let (seconds, milliseconds) = seconds.split_once('.').unwrap_or((seconds, "000"));
        let (hours, minutes) = (digits(hours, 2..=2)?, digits(minutes, 2..=2)?);
        let (seconds, milliseconds) = (digits(seconds, 2..=2)?, digits(milliseconds, 3..=3)?);
        if hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        let in_day = ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
        let moment = Self(days.checked_mul(MILLISECONDS_PER_DAY)?.checked_add(in_day)?);
        let (own_year, own_month, own_day) = moment.date();
        let is_same = (own_year, u64::from(own_month), u64::from(own_day)) == (year, month, day);
        is_same.then_some(moment)
    }

    /// Whole days since 1970-01-01 in UTC: what a budget per day counts by.
    #[must_use]
    pub fn day(self) -> u64 {
        self.0 / MILLISECONDS_PER_DAY
    }

    /// Year, month (from 1) and day of the month (from 1), in UTC.
    #[must_use]
    pub fn date(self) -> (u64, u8, u8) {
        // Counted in eras of 400 years from 0000-03-01, so that the leap day ends its year.
        let day = self.day() + 719_468;
        let era = day / 146_097;
        let day_of_era = day % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        (year, small(month), small(day_of_month))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let milliseconds = self.0 % MILLISECONDS_PER_DAY;
        let seconds = milliseconds / 1000;
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            milliseconds % 1000
        )
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A number that has only digits, and so many of them.
fn digits(text: &str, lengths: RangeInclusive<usize>) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain && lengths.contains(&text.len()))
}

/// A month or a day of a month, which the arithmetic above keeps below 32.
fn small(value: u64) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

const MILLISECONDS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn dates_that_are_easy_to_get_wrong() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (68_169_600, "1972-02-29T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (978_307_199, "2000-12-31T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp(seconds * 1000).to_string(), written);
        }
    }

    /// Days counted one by one by the rules of the calendar agree with the arithmetic, for 800
    /// years.
    #[test]
    fn every_day_follows_the_day_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..800 * 365 {
            assert_eq!(Timestamp(days * MILLISECONDS_PER_DAY).date(), (year, month, day));
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let days_in_month = match month {
                4 | 6 | 9 | 11 => 30,
                2 if is_leap => 29,
                2 => 28,
                _ => 31,
            };
            day += 1;
            if day > days_in_month {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        for milliseconds in [0, 1, 951_782_399_999, 951_782_400_000, 4_107_542_400_000, u64::MAX] {
            let moment = Timestamp(milliseconds);
            assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }
        for day in 0..200_000 {
            let moment = Timestamp(day * MILLISECONDS_PER_DAY);
            let written = moment.to_string();
            let (date, _) = written.split_once('T').unwrap();
            assert_eq!(Timestamp::parse(date), Some(moment));
        }
        for wrong in [
            "",
            "2026",
            "2026-1-01",
            "26-01-01",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-02-29",
            "2026-04-31",
            "1969-12-31",
            "2026-01-01T",
            "2026-01-01T00:00:00",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.0Z",
            "2026-01-01T00:00:00+00:00",
            "+2026-01-01",
            "2026-+1-01",
            "999999999-01-01",
        ] {
            assert_eq!(Timestamp::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_moment_is_a_moment() {
        let last = Timestamp(u64::MAX);
        assert_eq!(last.after(Duration::MAX), last);
        assert_eq!(last.to_string(), "584556019-04-03T14:25:51.615Z");
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
