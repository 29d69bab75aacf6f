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
