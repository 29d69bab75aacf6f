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
use super::former;
use super::keys::SECTIONS;
use super::secret::{is_secret_word, names_a_secret};
use super::table::{Form, Key, Kind, Presence, Section, find_key, names};
use crate::limits::{CONFIG_LIST_COUNT_MAX, CONFIG_SECTIONS_COUNT_MAX};
use crate::order;
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
        if checker.reporter.is_full() {
            break;
        }
        checker.section(key, value);
    }
    order::sort_by_key(&mut checker.draft.sections, |part| order(part.section));
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
            if is_secret {
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
        if table.len() > CONFIG_SECTIONS_COUNT_MAX {
            let message = format!("there are more than {CONFIG_SECTIONS_COUNT_MAX} [{name}.NAME]");
            return self.reporter.error(Some(key.span()), message);
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
            if own.is_empty() || own.len() > 64 || !own.chars().all(is_of) || is_secret_word(own) {
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
        let errors_count = self.reporter.errors_count();
        let mut entries = Vec::new();
        for (key, value) in table.iter() {
            if self.reporter.is_full() {
                break;
            }
            let Some(known) = find_key(keys, key.as_str()) else {
                self.unknown_key(keys, section, key);
                continue;
            };
            if let Kind::Secret(variable) = known.kind {
                self.secret(known, variable, key.span());
                continue;
            }
            let what = format!("'{}'", known.name);
            entries.extend(self.value(&what, &known.kind, value).map(|node| (known, node)));
        }
        let order =
            |(key, _): &(&'static Key, Node)| keys.iter().position(|other| other.name == key.name);
        order::sort_by_key(&mut entries, order);
        (entries, self.reporter.errors_count() > errors_count)
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
        if let Some(help) = section.and_then(|section| former::successor(section.name, name)) {
            return self.reporter.error_with(span, message, help);
        }
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

    /// A value that is what its key needs; what is wrong with it is reported, and what of it is
    /// right is kept, so that the rest is looked at too.
    fn value(&mut self, what: &str, kind: &'static Kind, value: &Value<'_>) -> Option<Node> {
        let data = match (kind, value.as_bool(), value.as_array(), value.as_table()) {
            (Kind::Flag, Some(truth), ..) => Data::Flag(truth),
            (Kind::Integer { min, max }, ..) => self.integer(what, *min, *max, value)?,
            (Kind::Text(form), ..) => self.text(what, *form, value)?,
            (Kind::Texts(form), _, Some(values), _) => {
                let values = self.few(what, values.len(), value).then_some(values)?;
                let what = format!("an element of {what}");
                elements(values, |value| self.text(&what, *form, value))
            }
            (Kind::Integers { min, max }, _, Some(values), _) => {
                let values = self.few(what, values.len(), value).then_some(values)?;
                let what = format!("an element of {what}");
                elements(values, |value| self.integer(&what, *min, *max, value))
            }
            (Kind::Map(kind), .., Some(table)) => {
                let table = self.few(what, table.len(), value).then_some(table)?;
                let mut entries = Vec::new();
                for (name, value) in table.iter() {
                    let inner = format!("{} of {what}", quoted(name.as_str()));
                    let node = self.value(&inner, kind, value);
                    // What is wrong later on is wrong with the name.
                    let node = node.map(|node| Node { span: Some(name.span()), ..node });
                    entries.extend(node.map(|node| (name.as_str().to_string(), node)));
                }
                Data::Map(entries)
            }
            (Kind::Table(keys), .., Some(table)) => Data::Table(self.entries(keys, None, table).0),
            _ => {
                self.wrong_type(what, kind, value);
                return None;
            }
        };
        Some(Node { span: Some(value.span()), data })
    }

    /// Whether something is short enough to be kept by hand.
    fn few(&mut self, what: &str, count: usize, value: &Value<'_>) -> bool {
        if count > CONFIG_LIST_COUNT_MAX {
            let message = format!("{what} has more than {CONFIG_LIST_COUNT_MAX} elements");
            self.reporter.error(Some(value.span()), message);
        }
        count <= CONFIG_LIST_COUNT_MAX
    }

    fn integer(&mut self, what: &str, min: i64, max: i64, value: &Value<'_>) -> Option<Data> {
        let Some(number) = value.as_i64() else {
            self.wrong_type(what, &Kind::Integer { min, max }, value);
            return None;
        };
        if (min..=max).contains(&number) {
            return Some(Data::Integer(number));
        }
        let range = if max == i64::MAX {
            format!("at least {min}")
        } else {
            format!("from {min} to {max}")
        };
        let message = format!("{what} is {number}; it must be {range}");
        self.reporter.error(Some(value.span()), message);
        None
    }

    fn text(&mut self, what: &str, form: Form, value: &Value<'_>) -> Option<Data> {
        let span = value.span();
        let text = match (value.as_str(), value.as_i64(), form) {
            (Some(text), ..) => text,
            (None, Some(number), Form::Id) => return Some(Data::Text(number.to_string())),
            _ => {
                self.wrong_type(what, &Kind::Text(form), value);
                return None;
            }
        };
        match form::spelled(form, text, self.surroundings) {
            Ok(text) => Some(Data::Text(text)),
            Err(Complaint { message, help, character }) => {
                let at = character.and_then(|it| within(self.reporter, text, span, it));
                let message = format!("{what}: {message}");
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

    fn wrong_type(&mut self, what: &str, kind: &Kind, value: &Value<'_>) {
        let found = article(value.type_name());
        let message = format!("{what} is {}, not {found}", expected(kind));
        self.reporter.error(Some(value.span()), message);
    }
}

/// The elements of a list that are right, all of which are looked at.
fn elements(values: &[Value<'_>], mut read: impl FnMut(&Value<'_>) -> Option<Data>) -> Data {
    let mut nodes = Vec::new();
    for value in values {
        let data = read(value);
        nodes.extend(data.map(|data| Node { span: Some(value.span()), data }));
    }
    Data::List(nodes)
}

/// What a value should have been, with its article.
fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Flag => "true or false",
        Kind::Integer { .. } => "a whole number",
        Kind::Text(Form::Money) => "an amount in quotes",
        Kind::Text(Form::Id) => "an id: a number, or a text in quotes",
        Kind::Text(_) | Kind::Secret(_) => "a text in quotes",
        Kind::Texts(Form::Id) => "a list of ids in brackets",
        Kind::Texts(_) => "a list of texts in brackets",
        Kind::Integers { .. } => "a list of whole numbers in brackets",
        Kind::Map(_) => "a table of names and values",
        Kind::Table(_) => "a table",
    }
}

/// A name with the article before it.
pub(crate) fn article(name: &str) -> String {
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
