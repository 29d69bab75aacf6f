//! What a skill needs and has not, names that are too much alike, and paths that stay inside.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::manifest::Manifest;
use crate::capability::{Grant, missing};
use crate::order::Map;
use crate::text::json::Value;
use crate::time::Timestamp;

impl Manifest {
    /// What it requires and was not granted. While there is any of it, it does not run.
    ///
    /// Whether a use is asked about makes no difference: it can be used.
    #[must_use]
    pub fn missing(&self, granted: &[Grant], now: Timestamp) -> Vec<&Grant> {
        missing(&self.capabilities.required, &granted.iter().collect::<Vec<_>>(), now)
    }

    /// Whether what a skill says of its parameters is what the manifest says, tool by tool. The
    /// names of those that differ.
    #[must_use]
    pub fn differences<'m>(
        &'m self,
        described: &[(&str, &str, Value<'_>)],
    ) -> Vec<(&'m str, Difference)> {
        let mut differences = Vec::new();
        for tool in &self.tools {
            let found = described.iter().find(|(name, ..)| *name == tool.name);
            let difference = match found {
                None => Some(Difference::Missing),
                Some((_, description, _)) if *description != tool.description => {
                    Some(Difference::Description)
                }
                Some((.., parameters)) => {
                    (!tool.is_schema(*parameters)).then_some(Difference::Parameters)
                }
            };
            differences.extend(difference.map(|difference| (tool.name.as_str(), difference)));
        }
        differences
    }
}

/// How a skill's description differs from its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It does not have the tool.
    Missing,
    /// It describes it in other words.
    Description,
    /// It takes something else.
    Parameters,
}

/// The line that grants this, for a shell.
#[must_use]
pub fn grant_line(grant: &Grant) -> String {
    format!("sentinel grant '{}'", format!("{grant}").replace('\'', "'\\''"))
}

/// The first two of these names that a person or a model would take for the same.
pub fn clashes<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<(&'n str, &'n str)> {
    let mut seen: Map<String, &str> = Map::new();
    for name in names {
        let folded = name.replace(['-', '.'], "_").to_ascii_lowercase();
        if let Some(other) = seen.insert(folded, name) {
            return Some((other, name));
        }
    }
    None
}

/// Whether it is a name of a skill or a tool.
pub(super) fn is_name(name: &str) -> bool {
    let is_of = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| is_of(byte) || b"-_".contains(&byte))
}

/// Whether it is a path of plain names that stays within its folder.
pub(super) fn is_path(path: &str) -> bool {
    let is_plain = |name: &str| !matches!(name, "" | "." | "..");
    path.split('/').all(is_plain) && !path.contains(['\\', '\0'])
}
