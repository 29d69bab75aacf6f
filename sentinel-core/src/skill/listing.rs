//! What an MCP server says that it has, as somebody approved it.
//!
//! A server says what its tools are each time it is started, and may say something else each time.
//! So what it said when it was approved is kept in a file of its folder, which the digest of the
//! folder covers. Models are told what stands there, and a server that says something else is not
//! used.
//!
//! # Invariants
//! - What is kept reads back as the same tools with the same digests.
//! - A tool is known to models under one name, made of the server's, and no two under the same.
//!
//! # Not here
//! Asking a server: [`mcp`](crate::mcp) and the shell.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::limits::{
    MCP_DEPTH_MAX, MCP_ITEMS_COUNT_MAX, SKILL_LISTING_BYTES_MAX, TOOL_DESCRIPTION_BYTES_MAX,
    TOOL_NAME_BYTES_MAX, TOOL_SCHEMA_BYTES_MAX,
};
use crate::mcp::{Claims, Peer, ToolClaim};
use crate::text::json::{self, Value};
use crate::tool::{BETWEEN, looks_like};

/// What a server says that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// What it calls itself.
    pub server: String,
    /// Its own version.
    pub release: String,
    /// Whether it has documents to be read.
    pub has_resources: bool,
    /// Whether it has words to begin with.
    pub has_prompts: bool,
    /// Its tools.
    pub claims: Claims,
}

/// A tool of a listing, as models can be told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered<'l> {
    /// What the server says.
    pub claim: &'l ToolClaim,
    /// Why models are not told of it.
    pub left_out: Option<&'static str>,
}

impl Listing {
    /// What this server said just now.
    #[must_use]
    pub fn of(peer: &Peer, claims: Claims) -> Self {
        let [_, has_resources, has_prompts] = peer.has;
        let (server, release) = (peer.name.clone(), peer.release.clone());
        Self { server, release, has_resources, has_prompts, claims }
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let options = json::Options::new().bytes(SKILL_LISTING_BYTES_MAX).depth(MCP_DEPTH_MAX);
        let document = options.parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let root = document.root();
        let word = |key| root.find(key).and_then(|it| it.as_str().ok()).unwrap_or_default();
        let flag = |key| root.find(key).and_then(|it| it.as_bool().ok()).unwrap_or_default();
        let list = root.find("tools").and_then(|it| it.elements().ok());
        let mut tools: Vec<ToolClaim> = Vec::new();
        for value in list.ok_or("there is no list of tools")? {
            let tool = ToolClaim::read(value).ok_or("a tool has no name, or takes no object")?;
            if tools.len() >= MCP_ITEMS_COUNT_MAX {
                return Err(format!("there are more than {MCP_ITEMS_COUNT_MAX} tools"));
            }
            if tools.iter().any(|known| known.name == tool.name) {
                return Err("two tools have one name".into());
            }
            tools.push(tool);
        }
        Ok(Self {
            server: word("server").into(),
            release: word("release").into(),
            has_resources: flag("resources"),
            has_prompts: flag("prompts"),
            claims: Claims::kept(tools),
        })
    }

    /// What is kept: a tool on each line, so that people see what changed.
    #[must_use]
    pub fn written(&self) -> String {
        let head = json::object(|out| {
            out.field("server", self.server.as_str()).field("release", self.release.as_str());
            out.field("resources", self.has_resources).field("prompts", self.has_prompts);
        });
        let tools: Vec<&str> =
            self.claims.tools.iter().map(|claim| claim.source.as_str()).collect();
        let head = head.trim_end_matches('}');
        format!("{head},\n\"tools\":[\n{}\n]}}\n", tools.join(",\n"))
    }

    /// The tools, and which of them models can be told of.
    pub fn offered(&self, skill: &str) -> impl Iterator<Item = Offered<'_>> {
        let room = TOOL_NAME_BYTES_MAX.saturating_sub(skill.len() + BETWEEN.len());
        let tools = self.claims.tools.as_slice();
        let names: Vec<String> = tools.iter().map(|claim| known_as(&claim.name)).collect();
        tools.iter().enumerate().map(move |(index, claim)| {
            let name = names.get(index).map_or("", String::as_str);
            let before = names.get(..index).unwrap_or_default().iter();
            // One that is too long is nobody's, and a server may have hundreds.
            let mut before = before.filter(|other| other.len() <= room);
            let mut is_taken = || before.any(|other| looks_like(other, name));
            let left_out = if name.is_empty() || !name.bytes().all(is_known) {
                Some("models take no such name")
            } else if name.len() > room {
                Some("its name is longer than models take")
            } else if claim.description.len() > TOOL_DESCRIPTION_BYTES_MAX {
                Some("its description is longer than models are told")
            } else if claim.schema.len() > TOOL_SCHEMA_BYTES_MAX {
                Some("its schema is longer than models are told")
            } else if is_taken() {
                Some("its name reads like that of another tool of this server")
            } else {
                None
            };
            Offered { claim, left_out }
        })
    }
}

impl Offered<'_> {
    /// What it is called in this skill: the server's name, in small letters.
    #[must_use]
    pub fn name(&self) -> String {
        known_as(&self.claim.name)
    }

    /// The parameters that stand at the top of its schema.
    #[must_use]
    pub fn parameters(&self) -> Vec<String> {
        let document = json::parse(self.claim.schema.as_bytes()).ok();
        let root = document.as_ref().map(|document| document.root());
        let properties = root.and_then(|root| root.find("properties"));
        let members = properties.map(Value::members).and_then(Result::ok);
        members.into_iter().flatten().map(|(name, _)| name.to_string()).collect()
    }
}

fn known_as(name: &str) -> String {
    name.to_ascii_lowercase().replace(['.', '/', ':', ' '], "-")
}

const fn is_known(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-')
}

#[cfg(test)]
mod tests;
