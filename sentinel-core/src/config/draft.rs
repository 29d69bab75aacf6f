//! A configuration while it is read: every key with its value, and where it stands.
//!
//! # Invariants
//! - Values have the types and spellings that the table asks for.
//!
//! # Not here
//! What they mean together: [`build`](super::build).

use alloc::string::String;
use alloc::vec::Vec;

use super::table::{self, Key, Section};
use crate::text::Span;
use crate::text::toml::OwnedValue;

/// Everything that was said, by section.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) sections: Vec<Part>,
}

/// A section that is there.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) section: &'static Section,
    /// The name of one of several.
    pub(super) name: Option<String>,
    /// Where its header is, if it is in the file.
    pub(super) span: Option<Span>,
    pub(super) entries: Vec<(&'static Key, Node)>,
    /// Whether something in it was refused, so that what is missing may be that.
    pub(super) is_faulty: bool,
}

/// A value and where it stands; nowhere if it is not from the file.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) span: Option<Span>,
    pub(super) data: Data,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Flag(bool),
    Integer(i64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    Table(Vec<(&'static Key, Node)>),
}

impl Draft {
    /// The section of this name, of those of which there is one.
    pub(super) fn part(&self, section: &str) -> Option<&Part> {
        self.sections.iter().find(|part| part.section.name == section)
    }

    /// All sections of this name.
    pub(super) fn parts<'d>(&'d self, section: &'d str) -> impl Iterator<Item = &'d Part> {
        self.sections.iter().filter(move |part| part.section.name == section)
    }

    pub(super) fn part_mut(&mut self, section: &str) -> Option<&mut Part> {
        self.sections.iter_mut().find(|part| part.section.name == section)
    }

    /// Adds a section that the file does not have.
    pub(super) fn add(&mut self, section: &'static Section) -> &mut Part {
        let part = Part { section, name: None, span: None, entries: Vec::new(), is_faulty: false };
        let order = |part: &Part| order(part.section);
        let at = self.sections.partition_point(|other| order(other) <= order(&part));
        self.sections.insert(at, part);
        // It was inserted there just now.
        &mut self.sections[at]
    }
}

/// Where a section stands among all.
pub(super) fn order(section: &'static Section) -> usize {
    super::keys::SECTIONS.iter().position(|other| other.name == section.name).unwrap_or_default()
}

impl Part {
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        find(&self.entries, name)
    }

    /// Sets a key that the section may have.
    pub(super) fn set(&mut self, name: &str, data: Data) {
        if let Some(key) = table::find_key(self.section.keys, name) {
            self.entries.retain(|(other, _)| other.name != name);
            self.entries.push((key, Node { span: None, data }));
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Node::text)
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(Node::integer)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(Node::flag)
    }

    /// The elements of a list; none if it is not there.
    pub(super) fn list(&self, name: &str) -> &[Node] {
        self.get(name).map_or(&[], Node::list)
    }

    /// The entries of a map; none if it is not there.
    pub(super) fn map(&self, name: &str) -> &[(String, Node)] {
        match self.get(name).map(|node| &node.data) {
            Some(Data::Map(entries)) => entries,
            _ => &[],
        }
    }

    /// Where a key is, or its section.
    pub(super) fn place(&self, name: &str) -> Option<Span> {
        self.get(name).map_or(self.span, |node| node.span.or(self.span))
    }

    /// How the section is written.
    pub(super) fn header(&self) -> String {
        let name = self.section.name;
        match &self.name {
            Some(own) => {
                alloc::format!("[{name}.{}]", super::show::key_name(own))
            }
            None => alloc::format!("[{name}]"),
        }
    }
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    pub(super) const fn integer(&self) -> Option<i64> {
        if let Data::Integer(number) = self.data { Some(number) } else { None }
    }

    pub(super) const fn flag(&self) -> Option<bool> {
        if let Data::Flag(truth) = self.data { Some(truth) } else { None }
    }

    pub(super) fn list(&self) -> &[Self] {
        if let Data::List(nodes) = &self.data { nodes } else { &[] }
    }

    /// The value of a key, if it is a table that has it.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        if let Data::Table(entries) = &self.data { find(entries, name) } else { None }
    }

    /// The texts of a list.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.list().iter().filter_map(Self::text)
    }

    /// The same as a value to write.
    pub(super) fn to_value(&self) -> OwnedValue {
        match &self.data {
            Data::Flag(truth) => OwnedValue::Boolean(*truth),
            Data::Integer(number) => OwnedValue::Integer(*number),
            Data::Text(text) => OwnedValue::String(text.clone()),
            Data::List(nodes) => OwnedValue::Array(nodes.iter().map(Self::to_value).collect()),
            Data::Map(entries) => OwnedValue::Table(
                entries.iter().map(|(name, node)| (name.clone(), node.to_value())).collect(),
            ),
            Data::Table(entries) => OwnedValue::Table(
                entries.iter().map(|(key, node)| (key.name.into(), node.to_value())).collect(),
            ),
        }
    }
}

fn find<'n>(entries: &'n [(&'static Key, Node)], name: &str) -> Option<&'n Node> {
    entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
}

/// A text that is not from the file.
pub(super) fn text(text: impl Into<String>) -> Data {
    Data::Text(text.into())
}

/// Texts that are not from the file.
pub(super) fn texts(texts: impl IntoIterator<Item = String>) -> Data {
    let node = |text: String| Node { span: None, data: Data::Text(text) };
    Data::List(texts.into_iter().map(node).collect())
}
