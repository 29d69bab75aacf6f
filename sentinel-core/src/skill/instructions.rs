//! `SKILL.md`: instructions for a model, with a few words about them in front.
//!
//! The front matter is YAML to others. Of that, lines of `key: value` are read here and nothing
//! that two readers could take for two things.
//!
//! # Invariants
//! - The text is the skill's: whoever shows it to a model labels it as that.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Reading;
use crate::config::{Reporter, quoted};
use crate::label::{Label, Secrecy, Source};
use crate::limits::{SKILL_DESCRIPTION_BYTES_MAX, SKILL_FILE_BYTES_MAX};
use crate::text::{Span, suggest};

/// Instructions that a skill brings along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// Its name, which is that of its folder.
    pub name: String,
    /// When they are of use.
    pub description: String,
    /// The license, if one is named.
    pub license: Option<String>,
    /// The instructions themselves.
    pub text: String,
}

impl Instructions {
    /// Reads the `SKILL.md` of the folder of this name; `file` is the file's name as people know
    /// it.
    #[must_use]
    pub fn read(file: &str, folder: &str, text: &str) -> Reading<Self> {
        let mut reporter = Reporter::new(file, text);
        let value = match text.len() > SKILL_FILE_BYTES_MAX {
            false => read(&mut reporter, folder, text),
            true => {
                reporter.error(None, format!("it has more than {SKILL_FILE_BYTES_MAX} bytes"));
                None
            }
        };
        let value = value.filter(|_| reporter.errors_count() == 0);
        Reading { value, diagnostics: reporter.into_list() }
    }

    /// The label of the text.
    #[must_use]
    pub fn label(&self) -> Label {
        Label::untrusted(Source::Skill, Secrecy::Private)
    }
}

fn read(reporter: &mut Reporter<'_>, folder: &str, text: &str) -> Option<Instructions> {
    let mut lines = Lines { text, at: 0 };
    if lines.next().is_none_or(|(_, line)| line != FENCE) {
        reporter.error(Some(Span::new(0, 1)), "it does not begin with a line of '---'");
        return None;
    }
    reporter.parsed();
    let mut entries: Vec<(&str, String)> = Vec::new();
    let mut is_in_map = false;
    loop {
        let Some((start, line)) = lines.next() else {
            reporter.error(Some(Span::new(0, 3)), "the front matter has no end: a line of '---'");
            return None;
        };
        if line == FENCE {
            break;
        }
        let span = Span::new(start, start + line.len().max(1));
        let is_inner = line.starts_with(' ');
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        if is_inner && is_in_map {
            // What stands under `metadata` is for others, and only has to be what it looks like.
            if let Err(message) = entry(line.trim_start()) {
                reporter.error(Some(span), message);
            }
            continue;
        }
        let (key, value) = match entry(line) {
            Ok(entry) => entry,
            Err(message) => {
                reporter.error_with(Some(span), message, "only lines of 'key: value' are read");
                continue;
            }
        };
        is_in_map = key == "metadata";
        if !KEYS.contains(&key) {
            let mut message = format!("unknown key {}", quoted(key));
            if let Some(meant) = suggest::nearest(key, KEYS) {
                message += &format!("; did you mean '{meant}'?");
            }
            reporter.error(Some(span), message);
        } else if entries.iter().any(|(other, _)| *other == key) {
            reporter.error(Some(span), format!("'{key}' stands twice"));
        } else if value.is_empty() != is_in_map {
            let what = if is_in_map { "stands alone on its line" } else { "says nothing" };
            reporter.error(Some(span), format!("'{key}' {what}"));
        }
        check(reporter, folder, key, &value, span);
        entries.push((key, value));
    }
    let mut take = |key: &str| {
        let at = entries.iter().position(|(other, _)| *other == key)?;
        Some(entries.swap_remove(at).1)
    };
    let (name, description, license) = (take("name"), take("description"), take("license"));
    for (key, value) in [("name", &name), ("description", &description)] {
        if value.is_none() {
            reporter.error(Some(Span::new(0, 3)), format!("'{key}' is missing"));
        }
    }
    let text = lines.rest().trim().to_string();
    Some(Instructions { name: name?, description: description?, license, text })
}

/// What the values of the known keys have to be.
fn check(reporter: &mut Reporter<'_>, folder: &str, key: &str, value: &str, span: Span) {
    let is_of = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if key == "name" && value != folder {
        let message =
            format!("it calls itself {}, and its folder {}", quoted(value), quoted(folder));
        reporter.error(Some(span), message);
    }
    if key == "name" && (value.len() > NAME_BYTES_MAX || !value.bytes().all(is_of)) {
        let message = format!("a name has at most {NAME_BYTES_MAX} small letters, digits and '-'");
        reporter.error(Some(span), message);
    }
    if key == "description" && value.len() > SKILL_DESCRIPTION_BYTES_MAX {
        let message = format!("'description' has at most {SKILL_DESCRIPTION_BYTES_MAX} bytes");
        reporter.error(Some(span), message);
    }
}

/// A key and its value, of one line.
fn entry(line: &str) -> Result<(&str, String), &'static str> {
    let (key, rest) = line.split_once(':').ok_or("there is no ':' in this line")?;
    let is_of = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if key.is_empty() || !key.bytes().all(is_of) {
        return Err("this is no key");
    }
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err("a space stands behind the ':'");
    }
    if rest.contains(char::is_control) {
        return Err("a control character stands in this line");
    }
    let value = rest.trim();
    for quote in ['"', '\''] {
        let Some(inner) = value.strip_prefix(quote) else { continue };
        let inner = inner.strip_suffix(quote).ok_or("the quotation mark has no partner")?;
        if inner.contains([quote, '\\']) {
            return Err("neither escapes nor quotation marks are read between these");
        }
        return Ok((key, inner.into()));
    }
    // What begins another kind of value in YAML, or a comment behind one.
    if value.starts_with(|first: char| "|>&*!%@`[]{}?-#,".contains(first)) {
        return Err("a value is a text on this line; put it between quotation marks");
    }
    if value.contains(": ") || value.contains(" #") || value.ends_with(':') {
        return Err("': ' and ' #' mean something else to others; use quotation marks");
    }
    Ok((key, value.into()))
}

/// Lines and where they begin.
struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lines<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<(usize, &'t str)> {
        let (start, rest) = (self.at, self.rest());
        if rest.is_empty() {
            return None;
        }
        let line = rest.split('\n').next().unwrap_or_default();
        self.at = (start + line.len() + 1).min(self.text.len());
        Some((start, line.trim_end_matches('\r').trim_end_matches(' ')))
    }
}

const FENCE: &str = "---";
const KEYS: [&str; 6] =
    ["name", "description", "license", "compatibility", "allowed-tools", "metadata"];
const NAME_BYTES_MAX: usize = 64;
