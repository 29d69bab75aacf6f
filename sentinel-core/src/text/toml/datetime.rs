//! Dates and times: the four kinds TOML knows, with calendars checked.
//!
//! A date that exists here exists in the Gregorian calendar. Nothing is converted between zones and
//! no clock is read: these are values a person wrote, kept as written. A fraction of a second is
//! kept to nanoseconds, further digits are cut off.

use core::fmt;

use super::cursor::Cursor;
use super::error::{Fault, ParseErrorKind};

/// One of the four kinds of date and time.
///
/// ```
/// use sentinel_core::text::toml::{Date, DateTime, Document};
///
/// let document = Document::parse(b"start = 2024-02-29 07:32Z")?;
/// let start = document.table().get("start").and_then(|value| value.as_datetime()).unwrap();
/// assert_eq!(start.date(), Date::new(2024, 2, 29));
/// assert_eq!(start.to_string(), "2024-02-29T07:32:00Z");
/// # Ok::<(), sentinel_core::text::toml::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DateTime {
    /// A moment: date, time and distance from UTC.
    Offset(Date, Time, UtcOffset),
    /// A date and time on whatever clock the reader uses.
    Local(Date, Time),
    /// A day.
    LocalDate(Date),
    /// A time of day.
    LocalTime(Time),
}

impl DateTime {
    /// The date, unless it is only a time.
    pub fn date(self) -> Option<Date> {
        match self {
            Self::Offset(date, ..) | Self::Local(date, _) | Self::LocalDate(date) => Some(date),
            Self::LocalTime(_) => None,
        }
    }

    /// The time, unless it is only a date.
    pub fn time(self) -> Option<Time> {
        match self {
            Self::Offset(_, time, _) | Self::Local(_, time) | Self::LocalTime(time) => Some(time),
            Self::LocalDate(_) => None,
        }
    }

    /// The distance from UTC, if one is given.
    pub fn offset(self) -> Option<UtcOffset> {
        match self {
            Self::Offset(_, _, offset) => Some(offset),
            _ => None,
        }
    }

    /// The name of the kind, for diagnostics.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Offset(..) => "offset date-time",
            Self::Local(..) => "local date-time",
            Self::LocalDate(_) => "local date",
            Self::LocalTime(_) => "local time",
        }
    }
}

/// A day of the Gregorian calendar, year 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The date, if there is such a day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return None,
        };
        (year <= 9999 && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub fn day(self) -> u8 {
        self.day
    }
}

/// A time of day. The second may be 60, for leap seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    hour: u8,
    minute: u8,
    second: u8,
    nanosecond: u32,
}

impl Time {
    /// The time, if a clock can show it.
    pub fn new(hour: u8, minute: u8, second: u8, nanosecond: u32) -> Option<Self> {
        let exists = hour < 24 && minute < 60 && second <= 60 && nanosecond < 1_000_000_000;
        exists.then_some(Self { hour, minute, second, nanosecond })
    }

    /// The hour, 0 to 23.
    pub fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub fn minute(self) -> u8 {
        self.minute
    }

    /// The second, 0 to 60.
    pub fn second(self) -> u8 {
        self.second
    }

    /// The nanosecond, below 1 000 000 000.
    pub fn nanosecond(self) -> u32 {
        self.nanosecond
    }
}

/// A distance from UTC in whole minutes, less than a day either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcOffset {
    minutes: i16,
}

impl UtcOffset {
    /// UTC itself.
    pub const UTC: Self = Self { minutes: 0 };

    /// The offset, if it is less than a day.
    pub fn from_minutes(minutes: i16) -> Option<Self> {
        (-1439..=1439).contains(&minutes).then_some(Self { minutes })
    }

    /// Minutes east of UTC.
    pub fn minutes(self) -> i16 {
        self.minutes
    }
}

/// Which part of a date or time does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidDateTime {
    /// A day the calendar does not have.
    Date,
    /// A time no clock shows.
    Time,
    /// An offset of a day or more, or with too many minutes.
    Offset,
}

impl fmt::Display for InvalidDateTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Date => "no such date; write YYYY-MM-DD with a day the calendar has",
            Self::Time => "no such time; write HH:MM:SS from 00:00:00 to 23:59:60",
            Self::Offset => "no such offset; write Z, or +HH:MM or -HH:MM up to 23:59",
        })
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(date, time, offset) => write!(formatter, "{date}T{time}{offset}"),
            Self::Local(date, time) => write!(formatter, "{date}T{time}"),
            Self::LocalDate(date) => write!(formatter, "{date}"),
            Self::LocalTime(time) => write!(formatter, "{time}"),
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)?;
        if self.nanosecond == 0 {
            return Ok(());
        }
        let (mut fraction, mut width) = (self.nanosecond, 9);
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        write!(formatter, ".{fraction:0width$}")
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.minutes == 0 {
            return formatter.write_str("Z");
        }
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let minutes = self.minutes.unsigned_abs();
        write!(formatter, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// Whether a date or a time starts here, rather than a number.
pub(super) fn is_datetime(cursor: &Cursor<'_>) -> bool {
    let is_digit = |ahead| cursor.peek_at(ahead).is_some_and(|byte| byte.is_ascii_digit());
    let is_time = is_digit(0) && is_digit(1) && cursor.peek_at(2) == Some(b':');
    is_time || ((0..4).all(is_digit) && cursor.peek_at(4) == Some(b'-'))
}

/// Reads a date or time of any kind.
pub(super) fn datetime(cursor: &mut Cursor<'_>) -> Result<DateTime, Fault> {
    if cursor.peek_at(2) == Some(b':') {
        return Ok(DateTime::LocalTime(time(cursor)?));
    }
    let date = date(cursor)?;
    let is_joined = match cursor.peek() {
        Some(b'T' | b't') => true,
        // A blank joins only if a time follows: it may also lead to a comment.
        Some(b' ') => cursor.peek_at(1).is_some_and(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    if !is_joined {
        return Ok(DateTime::LocalDate(date));
    }
    cursor.skip(1);
    let time = time(cursor)?;
    Ok(match offset(cursor)? {
        Some(offset) => DateTime::Offset(date, time, offset),
        None => DateTime::Local(date, time),
    })
}

fn date(cursor: &mut Cursor<'_>) -> Result<Date, Fault> {
    let start = cursor.offset();
    let year = two_digits(cursor, "a year of four digits")? * 100
        + two_digits(cursor, "a year of four digits")?;
    expect(cursor, b'-', "`-` after the year")?;
    let month = two_digits(cursor, "a month of two digits")?;
    expect(cursor, b'-', "`-` after the month")?;
    let day = two_digits(cursor, "a day of two digits")?;
    let (month, day) = (narrow(month), narrow(day));
    Date::new(year, month, day).ok_or(invalid(InvalidDateTime::Date, start))
}

fn time(cursor: &mut Cursor<'_>) -> Result<Time, Fault> {
    let start = cursor.offset();
    let hour = two_digits(cursor, "an hour of two digits")?;
    expect(cursor, b':', "`:` after the hour")?;
    let minute = two_digits(cursor, "a minute of two digits")?;
    let mut second = 0;
    let mut nanosecond = 0;
    if cursor.eat(b':') {
        second = two_digits(cursor, "a second of two digits")?;
        if cursor.eat(b'.') {
            nanosecond = fraction(cursor)?;
        }
    }
    Time::new(narrow(hour), narrow(minute), narrow(second), nanosecond)
        .ok_or(invalid(InvalidDateTime::Time, start))
}

fn fraction(cursor: &mut Cursor<'_>) -> Result<u32, Fault> {
    let digits = cursor.take_while(|byte| byte.is_ascii_digit());
    if digits.is_empty() {
        return Err(cursor.unexpected("a digit after the decimal point"));
    }
    let kept = digits.bytes().chain(core::iter::repeat(b'0')).take(9);
    Ok(kept.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

fn offset(cursor: &mut Cursor<'_>) -> Result<Option<UtcOffset>, Fault> {
    let start = cursor.offset();
    let sign = match cursor.peek() {
        Some(b'Z' | b'z') => {
            cursor.skip(1);
            return Ok(Some(UtcOffset::UTC));
        }
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Ok(None),
    };
    cursor.skip(1);
    let hours = two_digits(cursor, "offset hours of two digits")?;
    expect(cursor, b':', "`:` in the offset")?;
    let minutes = two_digits(cursor, "offset minutes of two digits")?;
    if hours > 23 || minutes > 59 {
        return Err(invalid(InvalidDateTime::Offset, start));
    }
    let total = i16::try_from(hours * 60 + minutes).unwrap_or(i16::MAX) * sign;
    UtcOffset::from_minutes(total).map(Some).ok_or(invalid(InvalidDateTime::Offset, start))
}

fn two_digits(cursor: &mut Cursor<'_>, expected: &'static str) -> Result<u16, Fault> {
    let mut number = 0;
    for _ in 0..2 {
        let Some(digit) = cursor.peek().filter(u8::is_ascii_digit) else {
            return Err(cursor.unexpected(expected));
        };
        number = number * 10 + u16::from(digit - b'0');
        cursor.skip(1);
    }
    Ok(number)
}

fn expect(cursor: &mut Cursor<'_>, byte: u8, expected: &'static str) -> Result<(), Fault> {
    if cursor.eat(byte) { Ok(()) } else { Err(cursor.unexpected(expected)) }
}

/// Two digits fit; anything else would be out of every range anyway.
fn narrow(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn invalid(what: InvalidDateTime, offset: usize) -> Fault {
    Fault::new(ParseErrorKind::InvalidDateTime(what), offset)
}
