//! What a server says it has: claims, with their digests.
//!
//! # Invariants
//! - The digest of a tool covers all that is said of it: its name, its words, its schemas and what
//!   it says of its effects. Only the order of keys and the space between them may differ.
//!
//! # Not here
//! Which digest was approved: the host of skills.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::super::message;
use crate::text::json::{Kind, Numbers, Value};

/// A tool, as its server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolClaim {
    /// Its name.
    pub name: String,
    /// Its words for a model: untrusted text.
    pub description: String,
    /// What it takes, a JSON schema.
    pub schema: String,
    /// All that is said of it, a JSON object as it was written.
    pub source: String,
    /// The digest of everything that is said of it.
    pub digest: [u8; 32],
}

/// The tools of a server, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The tools; no two have one name.
    pub tools: Vec<ToolClaim>,
    /// How much was read for them.
    pub(super) bytes: usize,
}

impl Claims {
    /// Claims that were read before and kept.
    #[must_use]
    pub const fn kept(tools: Vec<ToolClaim>) -> Self {
        Self { tools, bytes: 0 }
    }

    /// One digest of all of them, whatever their order.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut digests: Vec<&[u8; 32]> = self.tools.iter().map(|tool| &tool.digest).collect();
        crate::order::sort_by(&mut digests, Ord::cmp);
        let mut hash = Sha256::new();
        hash.update(b"sentinel mcp tools 1\n");
        for digest in digests {
            hash.update(digest);
        }
        hash.finalize().into()
    }
}

impl ToolClaim {
    /// What stands there, if it describes a tool.
    #[must_use]
    pub fn read(value: Value<'_>) -> Option<Self> {
        let name = message::text(value, "name")?;
        let schema = value.find("inputSchema").filter(|it| it.kind() == Kind::Object)?;
        // Where a number has no canonical form, the text as it was written is the form.
        let canonical = value.canonical(Numbers::Exact);
        let mut hash = Sha256::new();
        hash.update(b"sentinel mcp tool 1\n");
        hash.update(canonical.as_ref().map_or(value.source().as_bytes(), |text| text.as_bytes()));
        Some(Self {
            name: name.to_string(),
            description: message::text(value, "description").unwrap_or_default().to_string(),
            schema: schema.source().to_string(),
            source: value.source().to_string(),
            digest: hash.finalize().into(),
        })
    }
}

/// What a server has besides tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Items {
    /// Documents, by their addresses.
    Resources,
    /// Words to begin with, by their names.
    Prompts,
}

/// A resource or a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is asked for by: an address, or a name.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// More words.
    pub description: String,
}

impl Items {
    pub(super) const fn list_method(self) -> &'static str {
        match self {
            Self::Resources => "resources/list",
            Self::Prompts => "prompts/list",
        }
    }

    pub(super) const fn list_key(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::Prompts => "prompts",
        }
    }
}

impl Item {
    pub(super) fn read(items: Items, value: Value<'_>) -> Option<Self> {
        let name = message::text(value, "name")?;
        let key = match items {
            Items::Resources => message::text(value, "uri")?,
            Items::Prompts => name,
        };
        let description = message::short(message::text(value, "description").unwrap_or_default());
        Some(Self { key: key.to_string(), name: name.to_string(), description })
    }
}
