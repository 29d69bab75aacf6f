//! What is wrong with a file, where, and what to do about it.
//!
//! # Invariants
//! - No text that looks like a secret is shown: neither in a message nor as a source line.
//! - What is shown holds no control character, so a file cannot speak to a terminal.
//!
//! # Not here
//! What counts as wrong.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::secret::{is_secret_word, names_a_secret};
use crate::limits::{CONFIG_DIAGNOSTICS_MAX, CONFIG_SHOWN_CHARACTERS_MAX};
use crate::order;
use crate::text::{Position, Span};

/// Something to say about a configuration.
///
/// Displayed with its place, the line it stands in, a mark under it, and what to do:
///
/// ```text
/// sentinel.toml:2:1: unknown key 'allowd_users'; did you mean 'allowed_users'?
///   2 | allowd_users = [77]
///     | ^^^^^^^^^^^^
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file, or `environment`.
    pub file: String,
    /// Where in the file, if it is about a place there.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that needs more words.
    pub help: Option<String>,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is no configuration.
    Error,
    /// It is one, and a dangerous one: nothing starts unless a person says that they know.
    Danger,
    /// Something to know.
    Note,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1 in characters.
    pub column: usize,
    /// How many characters it is about, at least one.
    pub width: usize,
    /// The line itself, unless it may hold a secret.
    pub source: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(place) = &self.place {
            write!(formatter, ":{}:{}", place.line, place.column)?;
        }
        // What was found without a file is in none.
        if !self.file.is_empty() || self.place.is_some() {
            formatter.write_str(": ")?;
        }
        formatter.write_str(match self.severity {
            Severity::Error => "",
            Severity::Danger => "danger: ",
            Severity::Note => "note: ",
        })?;
        formatter.write_str(&self.message)?;
        let shown = self.place.as_ref().and_then(|place| Some((place, place.source.as_ref()?)));
        if let Some((place, source)) = shown {
            let number = place.line.to_string();
            let (text, before, width) = window(source, place.column, place.width);
            write!(formatter, "\n  {number} | {text}\n  {:1$} | ", "", number.len())?;
            write!(formatter, "{:before$}{:^<width$}", "", "")?;
        }
        match &self.help {
            Some(help) => write!(formatter, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// The part of a line around a column, with how many characters stand before it and are marked.
fn window(source: &str, column: usize, width: usize) -> (String, usize, usize) {
    let before = column.saturating_sub(1);
    let skipped = (before + 1).saturating_sub(CONFIG_SHOWN_CHARACTERS_MAX / 2);
    let skipped = if source.chars().count() > CONFIG_SHOWN_CHARACTERS_MAX { skipped } else { 0 };
    let text: String = source.chars().skip(skipped).take(CONFIG_SHOWN_CHARACTERS_MAX).collect();
    let before = before - skipped;
    let room = text.chars().count().saturating_sub(before).max(1);
    (text, before, width.clamp(1, room))
}

/// Takes what is wrong, and knows the text it is about.
#[derive(Debug)]
pub(crate) struct Reporter<'t> {
    file: &'t str,
    text: &'t str,
    /// Stretches that are never shown.
    hidden: Vec<Span>,
    is_parsed: bool,
    list: Vec<(usize, Diagnostic)>,
}

impl<'t> Reporter<'t> {
    pub(crate) const fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, hidden: Vec::new(), is_parsed: false, list: Vec::new() }
    }

    /// The text has keys and values, so that its secrets are known by their names.
    pub(crate) const fn parsed(&mut self) {
        self.is_parsed = true;
    }

    /// Lines that this stretch touches are not shown.
    pub(crate) fn hide(&mut self, span: Span) {
        self.hidden.push(span);
    }

    pub(crate) fn error(&mut self, span: Option<Span>, message: impl Into<String>) {
        self.report(Severity::Error, span, message.into(), None);
    }

    pub(crate) fn error_with(
        &mut self,
        span: Option<Span>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report(Severity::Error, span, message.into(), Some(help.into()));
    }

    pub(crate) fn danger(
        &mut self,
        span: Option<Span>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report(Severity::Danger, span, message.into(), Some(help.into()));
    }

    pub(crate) fn note(&mut self, span: Option<Span>, message: impl Into<String>) {
        self.report(Severity::Note, span, message.into(), None);
    }

    /// Something wrong with a variable of the environment.
    pub(crate) fn environment(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.of_environment(Severity::Error, message.into(), Some(help.into()));
    }

    /// Something to know about a variable of the environment.
    pub(crate) fn environment_note(&mut self, message: impl Into<String>) {
        self.of_environment(Severity::Note, message.into(), None);
    }

    fn of_environment(&mut self, severity: Severity, message: String, help: Option<String>) {
        self.push(
            usize::MAX,
            Diagnostic { severity, file: "environment".into(), place: None, message, help },
        );
    }

    pub(crate) fn report(
        &mut self,
        severity: Severity,
        span: Option<Span>,
        message: String,
        help: Option<String>,
    ) {
        // Where it is costs a look through the text, and of more than are kept nothing is shown.
        if self.is_full() {
            return;
        }
        if self.file.is_empty() {
            // Without a file, everything that is said comes from there.
            return self.of_environment(severity, message, help);
        }
        let place = span.map(|span| self.place(span));
        let at = span.map_or(usize::MAX, |span| span.start);
        self.push(at, Diagnostic { severity, file: self.file.into(), place, message, help });
    }

    /// Everything that was said, in the order of the file.
    pub(crate) fn into_list(mut self) -> Vec<Diagnostic> {
        order::sort_by_key(&mut self.list, |(at, _)| *at);
        self.list.into_iter().map(|(_, diagnostic)| diagnostic).collect()
    }

    pub(crate) const fn is_parsed(&self) -> bool {
        self.is_parsed
    }

    pub(crate) fn errors_count(&self) -> usize {
        let errors = self.list.iter().filter(|(_, it)| it.severity == Severity::Error);
        errors.count()
    }

    /// Whether nothing more is taken; that there is more was said.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() > CONFIG_DIAGNOSTICS_MAX
    }

    /// The text of a stretch.
    pub(crate) fn source(&self, span: Span) -> Option<&'t str> {
        self.text.get(span.range())
    }

    fn push(&mut self, at: usize, diagnostic: Diagnostic) {
        if self.list.len() < CONFIG_DIAGNOSTICS_MAX {
            self.list.push((at, diagnostic));
        } else if self.list.len() == CONFIG_DIAGNOSTICS_MAX {
            // An error, lest what was not looked at passes for fine.
            self.list.push((
                usize::MAX,
                Diagnostic {
                    severity: Severity::Error,
                    file: self.file.into(),
                    place: None,
                    message: "there are more problems; mend these first".into(),
                    help: None,
                },
            ));
        }
    }

    fn place(&self, span: Span) -> Place {
        let Position { line, column, offset } =
            Position::locate(self.text.as_bytes(), span.start.min(self.text.len()));
        let start = self.text.get(..offset).and_then(|before| before.rfind('\n'));
        let start = start.map_or(0, |at| at + 1);
        let rest = self.text.get(start..).unwrap_or_default();
        let text = rest.split('\n').next().unwrap_or_default();
        let end = start + text.len();
        let marked = self.text.get(offset..span.end.clamp(offset, end)).unwrap_or_default();
        let touches = |hidden: &Span| hidden.start <= end && hidden.end >= start;
        let is_hidden = self.hidden.iter().any(touches)
            || text.split(is_boundary).any(is_secret_word)
            || (!self.is_parsed && text.split(is_boundary).any(names_a_secret));
        let source = (!is_hidden).then(|| shown(text.trim_end_matches('\r')));
        Place { line, column, width: marked.chars().count().max(1), source }
    }
}

/// A text of the file as a message shows it: nothing that could be a secret, nothing hidden.
pub(crate) fn quoted(text: &str) -> String {
    const CHARACTERS_MAX: usize = 64;
    if text.split(is_boundary).any(is_secret_word) {
        return "'…'".into();
    }
    let short: String = text.chars().take(CHARACTERS_MAX).collect();
    let rest = if short.len() < text.len() { "…" } else { "" };
    format!("'{}{rest}'", shown(&short))
}

/// Characters that act on a terminal, or hide, are made visible; each stays one character.
fn shown(text: &str) -> String {
    let is_unseen = |character: char| {
        matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(character, '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{2028}' | '\u{2029}')
    };
    let visible = |character: char| match character {
        '\t' => ' ',
        _ if character.is_control() || is_unseen(character) => '\u{fffd}',
        _ => character,
    };
    text.chars().map(visible).collect()
}

fn is_boundary(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '"' | '\'' | '=' | ',' | '[' | ']' | '{' | '}' | '#')
}
