//! From a document to a draft: known keys, right types, numbers in their range.
//!
//! # Invariants
//! - Every problem is reported, not only the first, and each with its place.
//! - A key that is not known is an error: a misspelt rule must not pass for no rule.
//!
//! # Not here
//! What is not in the file: [`defaults`](super::defaults).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Surroundings;
use super::diagnostic::{Reporter, Severity, quoted};
use super::draft::{Data, Draft, Node, Part, order};
use super::form::{self, Complaint};
use super::keys::SECTIONS;
use super::secret::names_a_secret;
use super::table::{Form, Key, Kind, Presence, Section, find_key, names};
use crate::text::toml::{self, Document, Table, Value};
use crate::text::{Span, suggest};

/// Reads the sections of a text.
pub(super) fn draft(
    text: &str,
    surroundings: &Surroundings<'_>,
    reporter: &mut Reporter<'_>,
) -> Draft {
    let document = match Document::parse_str(text) {
        Ok(document) => document,
        Err(error) => {
            let shown = error.to_string();
            let position = error.position();
            let message = shown.strip_prefix(&format!("{position}: ")).unwrap_or(&shown);
            let span = Span::new(position.offset, position.offset + 1);
            reporter.error(Some(span), message);
            return Draft::default();
        }
    };
    reporter.parsed();
    hide_secrets(document.table(), None, reporter);
    let mut checker = Checker { surroundings, reporter, draft: Draft::default() };
    for (key, value) in document.table().iter() {
        checker.section(key, value);
    }
    checker.draft.sections.sort_by_key(|part| order(part.section));
    checker.draft
}

/// Marks what would hold a secret, so that no message shows its line.
fn hide_secrets(table: &Table<'_>, section: Option<&'static Section>, reporter: &mut Reporter<'_>) {
    // One level at a time instead of recursion: a document is nested as deep as its writer likes.
    let mut open: Vec<(&Table<'_>, Option<&'static Section>)> = alloc::vec![(table, section)];
    while let Some((table, section)) = open.pop() {
        for (key, value) in table.iter() {
            let name = key.as_str();
            let known = section.and_then(|section| find_key(section.keys, name));
            let is_secret = match known {
                Some(known) => {
                    matches!(
                        known.kind,
                        Kind::Secret(_) | Kind::Text(Form::Variable | Form::Credential)
                    ) && !is_harmless(known, value)
                }
                None => names_a_secret(name),
            };
            if is_secret && value.as_table().is_none() {
                reporter.hide(value.span());
            }
            let inner = SECTIONS.iter().find(|other| other.name == name);
            let inner = if section.is_none() { inner } else { section };
            let mut values = alloc::vec![value];
            while let Some(value) = values.pop() {
                if let Some(table) = value.as_table() {
                    open.push((table, inner));
                }
                values.extend(value.as_array().unwrap_or_default());
            }
        }
    }
}

/// Whether the name of a variable or credential is one, so that it may be shown.
fn is_harmless(key: &Key, value: &Value<'_>) -> bool {
    let is_name = |text: &str| {
        text.len() < 64 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b == b'.')
    };
    !key.is_secret() && value.as_str().is_some_and(is_name)
}

struct Checker<'c, 's, 't> {
    surroundings: &'c Surroundings<'s>,
    reporter: &'c mut Reporter<'t>,
    draft: Draft,
}

impl Checker<'_, '_, '_> {
    fn section(&mut self, key: &toml::Key<'_>, value: &Value<'_>) {
        let name = key.as_str();
        let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
            return self.unknown_section(key, value);
        };
        let Some(table) = value.as_table() else {
            let message = format!("'{name}' is a section, not {}", article(value.type_name()));
            return self.reporter.error_with(Some(key.span()), message, format!("write [{name}]"));
        };
        if section.presence != Presence::Named {
            return self.part(section, None, key.span(), table);
        }
        for (key, value) in table.iter() {
            let Some(table) = value.as_table() else {
                let message = format!("every [{name}] has a name of its own");
                let help = format!("write [{name}.NAME] above it");
                self.reporter.error_with(Some(key.span()), message, help);
                continue;
            };
            let own = key.as_str();
            let is_of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if own.is_empty() || own.len() > 64 || !own.chars().all(is_of) {
                let message = format!("{} is no name for a section", quoted(own));
                let help = "1 to 64 letters, digits, '_', '-' and '.'";
                self.reporter.error_with(Some(key.span()), message, help);
                continue;
            }
            self.part(section, Some(own.into()), key.span(), table);
        }
    }

    fn unknown_section(&mut self, key: &toml::Key<'_>, value: &Value<'_>) {
        let name = key.as_str();
        let what = if value.as_table().is_some() { "section" } else { "key" };
        let home = SECTIONS.iter().find(|section| names(section.keys).any(|known| known == name));
        let message = format!("unknown {what} {}", quoted(name));
        let span = Some(key.span());
        match (suggest::nearest(name, SECTIONS.iter().map(|section| section.name)), home) {
            (_, Some(home)) if what == "key" => {
                let help = format!("it belongs under [{}]", home.name);
                self.reporter.error_with(span, message, help);
            }
            (Some(meant), _) => {
                self.reporter.error(span, format!("{message}; did you mean '{meant}'?"));
            }
            (None, _) => {
                let known: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
                let help = format!("the sections are {}", known.join(", "));
                self.reporter.error_with(span, message, help);
            }
        }
    }

    fn part(
        &mut self,
        section: &'static Section,
        name: Option<String>,
        span: Span,
        table: &Table<'_>,
    ) {
        let (entries, is_faulty) = self.entries(section.keys, Some(section), table);
        self.draft.sections.push(Part { section, name, span: Some(span), entries, is_faulty });
    }

    /// The entries of a table, in the order of their descriptions, and whether one was refused.
    fn entries(
        &mut self,
        keys: &'static [Key],
        section: Option<&'static Section>,
        table: &Table<'_>,
    ) -> (Vec<(&'static Key, Node)>, bool) {
        let mut entries = Vec::new();
        for (key, value) in table.iter() {
            let Some(known) = find_key(keys, key.as_str()) else {
                self.unknown_key(keys, section, key);
                continue;
            };
            if let Some(node) = self.value(known, &known.kind, key.span(), value) {
                entries.push((known, node));
            }
        }
        let is_faulty = entries.len() < table.len();
        let order =
            |(key, _): &(&'static Key, Node)| keys.iter().position(|other| other.name == key.name);
        entries.sort_by_key(order);
        (entries, is_faulty)
    }

    fn unknown_key(
        &mut self,
        keys: &'static [Key],
        section: Option<&'static Section>,
        key: &toml::Key<'_>,
    ) {
        let name = key.as_str();
        let message = format!("unknown key {}", quoted(name));
        let span = Some(key.span());
        let others = SECTIONS.iter().filter(|_| section.is_some());
        let home = others.clone().find(|other| names(other.keys).any(|known| known == name));
        match (suggest::nearest(name, names(keys)), home) {
            (None, Some(home)) => {
                let help = format!("it belongs under [{}]", home.name);
                self.reporter.error_with(span, message, help);
            }
            (Some(meant), _) => {
                self.reporter.error(span, format!("{message}; did you mean '{meant}'?"));
            }
            (None, None) => {
                let known: Vec<&str> = names(keys).collect();
                let help = format!("known here are {}", known.join(", "));
                self.reporter.error_with(span, message, help);
            }
        }
    }

    /// A value that is what its key needs; what is wrong with it was reported otherwise.
    fn value(
        &mut self,
        key: &'static Key,
        kind: &'static Kind,
        key_span: Span,
        value: &Value<'_>,
    ) -> Option<Node> {
        let span = value.span();
        let data = match kind {
            Kind::Secret(variable) => {
                self.secret(key, variable, key_span);
                return None;
            }
            Kind::Flag => value.as_bool().map(Data::Flag),
            Kind::Integer { min, max } => {
                Some(Data::Integer(self.integer(key, *min, *max, value)?))
            }
            Kind::Text(form) => Some(self.text(key, *form, value)?),
            Kind::Texts(form) => {
                self.elements(value, |checker, value| checker.text(key, *form, value))?
            }
            Kind::Integers { min, max } => self.elements(value, |checker, value| {
                checker.integer(key, *min, *max, value).map(Data::Integer)
            })?,
            Kind::Map(kind) => match value.as_table() {
                Some(table) => {
                    let mut entries = Vec::new();
                    for (name, value) in table.iter() {
                        let node = self.value(key, kind, name.span(), value)?;
                        entries.push((name.as_str().to_string(), node));
                    }
                    Some(Data::Map(entries))
                }
                None => None,
            },
            Kind::Table(keys) => match value.as_table() {
                Some(table) => {
                    let (entries, is_faulty) = self.entries(keys, None, table);
                    if is_faulty {
                        return None;
                    }
                    Some(Data::Table(entries))
                }
                None => None,
            },
        };
        if data.is_none() {
            self.wrong_type(key, kind, value);
        }
        Some(Node { span: Some(span), data: data? })
    }

    /// The elements of a list, each of which is looked at even when one is wrong; nothing within
    /// if it is no list.
    fn elements(
        &mut self,
        value: &Value<'_>,
        mut element: impl FnMut(&mut Self, &Value<'_>) -> Option<Data>,
    ) -> Option<Option<Data>> {
        let Some(values) = value.as_array() else { return Some(None) };
        let mut nodes = Vec::new();
        for value in values {
            let data = element(self, value);
            nodes.push(data.map(|data| Node { span: Some(value.span()), data }));
        }
        Some(Some(Data::List(nodes.into_iter().collect::<Option<_>>()?)))
    }

    fn integer(&mut self, key: &Key, min: i64, max: i64, value: &Value<'_>) -> Option<i64> {
        let Some(number) = value.as_i64() else {
            self.wrong_type(key, &Kind::Integer { min, max }, value);
            return None;
        };
        if (min..=max).contains(&number) {
            return Some(number);
        }
        let range = if max == i64::MAX {
            format!("at least {min}")
        } else {
            format!("from {min} to {max}")
        };
        let message = format!("'{}' is {number}; it must be {range}", key.name);
        self.reporter.error(Some(value.span()), message);
        None
    }

    fn text(&mut self, key: &Key, form: Form, value: &Value<'_>) -> Option<Data> {
        let span = value.span();
        let text = match (value.as_str(), value.as_i64(), form) {
            (Some(text), ..) => text,
            (None, Some(number), Form::Id) => return Some(Data::Text(number.to_string())),
            _ => {
                self.wrong_type(key, &Kind::Text(form), value);
                return None;
            }
        };
        match form::spelled(form, text, self.surroundings) {
            Ok(text) => Some(Data::Text(text)),
            Err(Complaint { message, help, character }) => {
                let at = character.and_then(|it| within(self.reporter, text, span, it));
                let message = format!("'{}': {message}", key.name);
                let span = Some(at.unwrap_or(span));
                self.reporter.report(Severity::Error, span, message, help);
                None
            }
        }
    }

    fn secret(&mut self, key: &'static Key, variable: &str, span: Span) {
        let message = format!("a secret stands in this file under '{}'", key.name);
        let help = format!(
            "take it out, put it into the environment as {variable}, and write \
             {}_env = \"{variable}\" here; it was readable, so have a new one made",
            key.name
        );
        self.reporter.error_with(Some(span), message, help);
    }

    fn wrong_type(&mut self, key: &Key, kind: &Kind, value: &Value<'_>) {
        let found = article(value.type_name());
        let message = format!("'{}' is {}, not {found}", key.name, expected(kind));
        self.reporter.error(Some(value.span()), message);
    }
}

/// What a value should have been, with its article.
fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Flag => "true or false",
        Kind::Integer { .. } => "a whole number",
        Kind::Text(Form::Money) => "an amount in quotes",
        Kind::Text(_) | Kind::Secret(_) => "a text in quotes",
        Kind::Texts(Form::Id) => "a list of ids in brackets",
        Kind::Texts(_) => "a list of texts in brackets",
        Kind::Integers { .. } => "a list of whole numbers in brackets",
        Kind::Map(_) => "a table of names and values",
        Kind::Table(_) => "a table",
    }
}

fn article(name: &str) -> String {
    let is_vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {name}", if is_vowel { "an" } else { "a" })
}

/// Where a character of a string's text stands, if the string is written as it is meant.
fn within(reporter: &Reporter<'_>, text: &str, span: Span, character: usize) -> Option<Span> {
    let written = reporter.source(span)?;
    let inner = written.get(1..written.len().checked_sub(1)?)?;
    let at = text.char_indices().nth(character - 1).map_or(text.len(), |(at, _)| at);
    let rest = text.get(at..)?;
    let length = rest.find(' ').unwrap_or(rest.len());
    let start = span.start + 1 + at;
    (inner == text).then(|| Span::new(start, start + length.max(1)))
}
