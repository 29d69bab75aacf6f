//! A configuration as a file that reads back as the same one.
//!
//! # Invariants
//! - Everything that counts is written out, defaults too, so that nothing has to be known to read
//!   it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Config;
use super::draft::Draft;
use super::table::{Key, Section};
use crate::text::json::{self, ArrayWriter, ObjectWriter};
use crate::text::toml::OwnedValue;

/// A section as it is shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    section: &'static Section,
    name: Option<String>,
    values: Vec<(&'static Key, OwnedValue)>,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &(&'static Key, OwnedValue), b: &(&'static Key, OwnedValue)| {
            a.0.name == b.0.name && a.1 == b.1
        };
        self.section.name == other.section.name
            && self.name == other.name
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(|(a, b)| same(a, b))
    }
}

/// The effective configuration, with comments, without secrets.
///
/// Read in an empty environment, with the same file name and the same texts of the files that it
/// names, it gives the same [`Settings`](crate::agent::Settings), digest and all: that is what a
/// shell keeps for a log that names the digest.
#[must_use]
pub fn show(config: &Config) -> String {
    let mut text = String::from("# What counts, defaults and the environment included.\n");
    for Shown { section, name, values } in &config.values {
        text.push_str(&format!("\n# {}\n", section.doc));
        match name {
            Some(name) => text.push_str(&format!("[{}.{}]\n", section.name, key_name(name))),
            None => text.push_str(&format!("[{}]\n", section.name)),
        }
        for (key, value) in values {
            comment(&mut text, key.doc);
            text.push_str(&format!("{} = {value}\n", key.name));
        }
    }
    text
}

/// The same for programs: an object for each section, and in it one for each name where sections
/// have names of their own.
#[must_use]
pub fn show_json(config: &Config) -> String {
    json::object(|out| {
        let mut rest = config.values.as_slice();
        while let Some(Shown { section, name, .. }) = rest.first() {
            let count = rest.iter().take_while(|it| it.section.name == section.name).count();
            let (these, others) = rest.split_at(count);
            rest = others;
            out.object(section.name, |out| {
                for shown in these {
                    match &shown.name {
                        Some(name) => drop(out.object(name, |out| fields(out, shown))),
                        None => fields(out, shown),
                    }
                }
            });
            debug_assert!(count == 1 || name.is_some(), "a section stands there once");
        }
    })
}

fn fields(out: &mut ObjectWriter<'_, String>, shown: &Shown) {
    for (key, value) in &shown.values {
        field(out, key.name, value);
    }
}

fn field(out: &mut ObjectWriter<'_, String>, key: &str, value: &OwnedValue) {
    match value {
        OwnedValue::String(text) => out.field(key, text.as_str()),
        OwnedValue::Integer(number) => out.field(key, *number),
        OwnedValue::Boolean(flag) => out.field(key, *flag),
        // No key takes one, and what is no JSON is a text.
        OwnedValue::Float(_) | OwnedValue::DateTime(_) => {
            out.field(key, value.to_string().as_str())
        }
        OwnedValue::Array(values) => {
            out.array(key, |out| values.iter().for_each(|it| item(out, it)))
        }
        OwnedValue::Table(entries) => {
            out.object(key, |out| entries.iter().for_each(|(name, value)| field(out, name, value)))
        }
    };
}

fn item(out: &mut ArrayWriter<'_, String>, value: &OwnedValue) {
    match value {
        OwnedValue::String(text) => out.value(text.as_str()),
        OwnedValue::Integer(number) => out.value(*number),
        OwnedValue::Boolean(flag) => out.value(*flag),
        OwnedValue::Float(_) | OwnedValue::DateTime(_) => out.value(value.to_string().as_str()),
        OwnedValue::Array(values) => out.array(|out| values.iter().for_each(|it| item(out, it))),
        OwnedValue::Table(entries) => {
            out.object(|out| entries.iter().for_each(|(name, value)| field(out, name, value)))
        }
    };
}

/// All values of a draft.
pub(super) fn values(draft: &Draft) -> Vec<Shown> {
    let shown = |part: &super::draft::Part| Shown {
        section: part.section,
        name: part.name.clone(),
        values: part.entries.iter().map(|(key, node)| (*key, node.to_value())).collect(),
    };
    draft.sections.iter().map(shown).collect()
}

/// A key as it is written: in quotes if it has to be.
pub(super) fn key_name(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.is_empty() && name.chars().all(is_bare) {
        name.into()
    } else {
        OwnedValue::from(name).to_string()
    }
}

/// Writes a comment of as many lines as it takes.
pub(super) fn comment(text: &mut String, words: &str) {
    const COLUMNS: usize = 98;
    let mut column = COLUMNS;
    for word in words.split(' ') {
        let width = word.chars().count();
        if column + 1 + width > COLUMNS {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push('#');
            column = 1;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + width;
    }
    text.push('\n');
}
