//! One field of a form: what it takes, and whether something is that.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::label::visible;
use crate::limits::{FORM_TEXT_BYTES_MAX, FORM_WORDS_COUNT_MAX};
use crate::text::json::{self, Kind as JsonKind, ObjectWriter, Value};

/// A field; its words are the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) about: String,
    pub(super) is_required: bool,
    /// What it is where nobody says anything else.
    pub(super) default: Option<Given>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Text {
        least: u64,
        most: u64,
        format: Option<Format>,
        pattern: Option<String>,
    },
    Number {
        is_whole: bool,
        least: Option<String>,
        most: Option<String>,
    },
    Flag,
    Choice(Vec<String>),
    /// Some of these words.
    Several {
        words: Vec<String>,
        least: u64,
        most: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Email,
    Uri,
    Date,
    DateTime,
}

/// A value that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Text(String),
    /// As it was written.
    Number(String),
    Flag(bool),
    Several(Vec<String>),
}

impl Given {
    pub(super) fn write(&self, name: &str, out: &mut ObjectWriter<'_, String>) {
        match self {
            Self::Text(text) => {
                out.field(name, text.as_str());
            }
            Self::Flag(flag) => {
                out.field(name, *flag);
            }
            Self::Number(text) => {
                // It was read as one.
                if let Ok(number) = json::parse(text.as_bytes()) {
                    out.field(name, number.root());
                }
            }
            Self::Several(words) => {
                out.array(name, |out| {
                    for word in words {
                        out.value(word.as_str());
                    }
                });
            }
        }
    }

    /// As a person would write it.
    fn written(&self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) => text.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::Several(words) => words.join(","),
        }
    }
}

impl Field {
    pub(super) fn read(name: &str, value: Value<'_>, is_required: bool) -> Result<Self, String> {
        // It is written before a `=`.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            return Err(format!("'{}' is no name that can be answered", visible(name)));
        }
        let text = |key| value.find(key).and_then(|it| it.as_str().ok());
        let kind = Kind::read(value).ok_or_else(|| {
            format!("'{name}' is neither a text, a number, a flag nor a choice of some words")
        })?;
        if text("format") == Some("password") {
            return Err(format!("'{name}' is a password, which no server may ask for"));
        }
        let mut field = Self {
            name: name.to_string(),
            title: text("title").unwrap_or_default().to_string(),
            about: text("description").unwrap_or_default().to_string(),
            is_required,
            default: None,
            kind,
        };
        // One that does not fit its own field is none.
        field.default = value.find("default").and_then(|value| {
            let list = |it: Value<'_>| Some(it.as_str().ok()?.to_string());
            let written = match value.kind() {
                JsonKind::String => list(value)?,
                JsonKind::Array => {
                    value.elements().ok()?.map(list).collect::<Option<Vec<_>>>()?.join(",")
                }
                _ => value.source().to_string(),
            };
            field.value(&written).ok()
        });
        Ok(field)
    }

    /// Whether somebody has to say something.
    pub(super) const fn is_needed(&self) -> bool {
        self.is_required && self.default.is_none()
    }

    /// What it is, in one line.
    pub(super) fn shown(&self) -> String {
        let mut line = format!("{}: {}", self.name, self.kind.shown());
        match (&self.default, self.is_required) {
            (Some(default), _) => {
                line += &format!("; {} if it is left out", visible(&default.written()));
            }
            (None, true) => {}
            (None, false) => line += "; it may be left out",
        }
        for words in [&self.title, &self.about] {
            if !words.is_empty() {
                line += &format!(" | {}", visible(words));
            }
        }
        line
    }

    /// What somebody wrote, if it is one.
    ///
    /// # Errors
    /// What it should be.
    pub(super) fn value(&self, text: &str) -> Result<Given, String> {
        let given = self.kind.value(text);
        given.ok_or_else(|| format!("'{}' is to be {}", self.name, self.kind.shown()))
    }
}

impl Kind {
    fn read(value: Value<'_>) -> Option<Self> {
        let number = |key: &str| value.find(key)?.as_u64().ok();
        let bound = |key: &str| Some(value.find(key)?.as_number().ok()?.text().to_string());
        match value.find("type")?.as_str().ok()? {
            "string" => {
                if let Some(words) = words(value) {
                    return words.map(Self::Choice);
                }
                let text = |key: &str| value.find(key)?.as_str().ok();
                Some(Self::Text {
                    least: number("minLength").unwrap_or(0),
                    most: number("maxLength").unwrap_or(u64::MAX).min(FORM_TEXT_BYTES_MAX as u64),
                    format: match text("format") {
                        Some("email") => Some(Format::Email),
                        Some("uri") => Some(Format::Uri),
                        Some("date") => Some(Format::Date),
                        Some("date-time") => Some(Format::DateTime),
                        // Of others the server has to see itself.
                        _ => None,
                    },
                    pattern: text("pattern").map(ToString::to_string),
                })
            }
            kind @ ("integer" | "number") => Some(Self::Number {
                is_whole: kind == "integer",
                least: bound("minimum"),
                most: bound("maximum"),
            }),
            "boolean" => Some(Self::Flag),
            "array" => Some(Self::Several {
                words: words(value.find("items")?)??,
                least: number("minItems").unwrap_or(0),
                most: number("maxItems").unwrap_or(FORM_WORDS_COUNT_MAX as u64),
            }),
            _ => None,
        }
    }

    fn shown(&self) -> String {
        let or = |words: &[String]| visible(&words.join(", "));
        match self {
            Self::Text { least, most, format, pattern } => {
                let what = match format {
                    None => "a text",
                    Some(Format::Email) => "an address of mail",
                    Some(Format::Uri) => "an address, such as https://example.com/",
                    Some(Format::Date) => "a day, as 2026-01-31",
                    Some(Format::DateTime) => "a time, as 2026-01-31T12:00:00Z",
                };
                let mut text = format!("{what} of {least} to {most} characters");
                if let Some(pattern) = pattern {
                    text += &format!(", which it wants like {}", visible(pattern));
                }
                text
            }
            Self::Number { is_whole, least, most } => {
                let mut text = String::from(if *is_whole { "a whole number" } else { "a number" });
                for (word, bound) in [(" from ", least), (" to ", most)] {
                    if let Some(bound) = bound {
                        text += word;
                        text += bound;
                    }
                }
                text
            }
            Self::Flag => "true or false".into(),
            Self::Choice(words) => format!("one of {}", or(words)),
            Self::Several { words, least, most } => {
                format!("{least} to {most} of {}, with commas between", or(words))
            }
        }
    }

    fn value(&self, text: &str) -> Option<Given> {
        match self {
            Self::Text { least, most, format, .. } => {
                let count = text.chars().count() as u64;
                let fits = (*least..=*most).contains(&count) && text.len() <= FORM_TEXT_BYTES_MAX;
                let is_meant = format.is_none_or(|format| format.fits(text));
                (fits && is_meant).then(|| Given::Text(text.to_string()))
            }
            Self::Number { is_whole, least, most } => {
                let document = json::parse(text.trim().as_bytes()).ok()?;
                let number = document.root().as_number().ok()?;
                let value = number.as_f64()?;
                let bound = |text: &Option<String>| text.as_ref()?.parse::<f64>().ok();
                let fits = bound(least).is_none_or(|least| value >= least)
                    && bound(most).is_none_or(|most| value <= most)
                    && (!is_whole || number.as_i64().is_some());
                fits.then(|| Given::Number(number.text().to_string()))
            }
            Self::Flag => match text {
                "true" | "yes" => Some(Given::Flag(true)),
                "false" | "no" => Some(Given::Flag(false)),
                _ => None,
            },
            Self::Choice(words) => {
                words.iter().find(|word| *word == text).map(|word| Given::Text(word.clone()))
            }
            Self::Several { words, least, most } => {
                let mut chosen: Vec<String> = Vec::new();
                for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
                    let is_new = !chosen.iter().any(|known| known == word);
                    let known = words.iter().find(|known| *known == word).filter(|_| is_new)?;
                    chosen.push(known.clone());
                }
                let fits = (*least..=*most).contains(&(chosen.len() as u64));
                fits.then_some(Given::Several(chosen))
            }
        }
    }
}

/// The words of a choice, if it is one; nothing within if they cannot be offered.
fn words(value: Value<'_>) -> Option<Option<Vec<String>>> {
    let (list, is_titled) = ["enum", "oneOf", "anyOf"]
        .into_iter()
        .find_map(|key| Some((value.find(key)?, key != "enum")))?;
    let word = |it: Value<'_>| {
        let word = if is_titled { it.find("const")? } else { it };
        let word = word.as_str().ok()?;
        let is_short = (1..=WORD_BYTES_MAX).contains(&word.len());
        is_short.then(|| word.to_string())
    };
    let read = || {
        let words = list.elements().ok()?.map(word).collect::<Option<Vec<String>>>()?;
        (1..=FORM_WORDS_COUNT_MAX).contains(&words.len()).then_some(words)
    };
    Some(read())
}

impl Format {
    fn fits(self, text: &str) -> bool {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        match self {
            Self::Email => match text.rsplit_once('@') {
                Some((name, host)) => {
                    let is_host = host.split('.').all(|part| !part.is_empty());
                    let is_named = !name.is_empty() && !name.contains('@');
                    !text.contains(|it: char| it.is_whitespace() || it.is_control())
                        && is_named
                        && is_host
                        && host.contains('.')
                }
                None => false,
            },
            Self::Uri => match text.split_once(':') {
                Some((scheme, rest)) => {
                    let is_of = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
                    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic());
                    is_visible && is_scheme && scheme.bytes().all(is_of) && !rest.is_empty()
                }
                None => false,
            },
            Self::Date => is_date(text),
            Self::DateTime => match text.split_at_checked(10) {
                Some((date, time)) => is_date(date) && is_time(time),
                None => false,
            },
        }
    }
}

/// RFC 3339 §5.6, `full-date`, with days that there are.
fn is_date(text: &str) -> bool {
    let Some([year, month, day]) = numbers(text, ['-', '-'], [4, 2, 2]) else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// What stands behind the date: `T12:00:00.5+01:00`.
fn is_time(text: &str) -> bool {
    let Some(text) = text.strip_prefix(['T', 't', ' ']) else { return false };
    let Some((time, rest)) = text.split_at_checked(8) else { return false };
    let Some([hour, minute, second]) = numbers(time, [':', ':'], [2, 2, 2]) else { return false };
    let digits = rest.strip_prefix('.').map(|rest| rest.bytes().take_while(u8::is_ascii_digit));
    let zone = match digits.map(Iterator::count) {
        Some(0) => return false,
        Some(count) => rest.get(1 + count..).unwrap_or_default(),
        None => rest,
    };
    let is_zone = match zone.strip_prefix(['+', '-']) {
        // A zone has no seconds.
        Some(zone) => numbers(&format!("{zone}:00"), [':', ':'], [2, 2, 2])
            .is_some_and(|[hour, minute, _]| hour < 24 && minute < 60),
        None => matches!(zone, "Z" | "z"),
    };
    is_zone && hour < 24 && minute < 60 && second <= 60
}

fn numbers(text: &str, between: [char; 2], lengths: [usize; 3]) -> Option<[u32; 3]> {
    let (first, rest) = text.split_once(between[0])?;
    let (second, third) = rest.split_once(between[1])?;
    let mut numbers = [0; 3];
    for ((part, length), number) in [first, second, third].iter().zip(lengths).zip(&mut numbers) {
        if part.len() != length || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    Some(numbers)
}

const NAME_BYTES_MAX: usize = 64;
const WORD_BYTES_MAX: usize = 128;
