//! What a manifest says, as values.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::Reading;
use super::read;
use crate::capability::Grant;
use crate::label::{Effect, Label, Secrecy, Source};
use crate::wire::url::Url;

/// What a skill says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Its version, which is only shown.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// The file that is started: a path within the folder. Nothing, of a server elsewhere.
    pub entry: String,
    /// What starts it.
    pub runtime: Runtime,
    /// Whether it waits for the next call; else there is a process for each.
    pub is_kept: bool,
    /// How an MCP server is started, or where it is, if it is one.
    pub server: Option<Server>,
    /// What it can do.
    pub tools: Vec<Tool>,
    /// What it wants to be granted.
    pub capabilities: Capabilities,
    /// How much of everything a call of it has.
    pub bounds: Bounds,
}

/// What starts a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// The file is a program.
    Process,
    /// The file is a WASM module.
    Wasm,
    /// It is an MCP server, which says itself what it can do: see [`Listing`](super::Listing).
    Mcp,
}

/// How an MCP server is started, or where it is, and what its operator says of its tools. What the
/// server says of their effects is worth nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Where it is, if it is elsewhere: nothing is started then. The host is one that is required.
    pub url: Option<Url>,
    /// The words after the program, which is the `entry`.
    pub arguments: Vec<String>,
    /// `NAME=value`, besides what every program in a sandbox has.
    pub environment: Vec<String>,
    /// Whether it writes programs into its memory and runs them, as interpreters do that translate
    /// what they run.
    pub translates: bool,
    /// Whether it may ask people something while it is called.
    pub asks: bool,
    /// What is said of single tools.
    pub tools: Vec<Declared>,
}

/// What an operator says of a tool of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The tool, by the server's own name for it.
    pub name: String,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether twice is as good as once.
    pub is_idempotent: bool,
    /// Who may see what comes of it.
    pub secrecy: Secrecy,
    /// The parameters that are only carried.
    pub payload: Vec<String>,
}

impl Declared {
    /// A tool of which nothing is said: it sends whatever it is told to wherever it is told.
    #[must_use]
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.into(),
            effect: Effect::Send,
            is_idempotent: false,
            secrecy: Secrecy::Private,
            payload: Vec::new(),
        }
    }
}

/// Something that a skill can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether twice is as good as once.
    pub is_idempotent: bool,
    /// Who may see what comes of it. It is untrusted whatever a skill says.
    pub secrecy: Secrecy,
    /// What it takes.
    pub parameters: Vec<Parameter>,
}

/// A parameter of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// What it takes.
    pub kind: Kind,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Whether it is carried, and does not decide where the effect lands.
    pub is_payload: bool,
}

/// What a parameter takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text {
        /// Of at most so many bytes.
        bytes_max: i64,
    },
    /// A whole number.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(Vec<String>),
    /// A list.
    List {
        /// What each element is.
        of: Box<Self>,
        /// At most so many.
        count_max: i64,
    },
    /// A handle: something that is given for the time of the call.
    Handle,
}

/// What a skill wants to be granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Without these it does not run.
    pub required: Vec<Grant>,
    /// It can do more with these.
    pub optional: Vec<Grant>,
    /// These it shall not have, whatever is granted.
    pub never: Vec<Grant>,
}

/// How much of everything a call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// After so long it is ended.
    pub time: Duration,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Bytes of what comes of it.
    pub output_bytes: usize,
    /// What a module may do for each thing that it is asked: an instruction takes one, what moves
    /// memory takes more.
    pub fuel: u64,
}

impl Manifest {
    /// Reads a manifest; `file` is its name as people know it.
    #[must_use]
    pub fn read(file: &str, text: &str) -> Reading<Self> {
        read::manifest(file, text)
    }

    /// Where it is, if it is a server elsewhere.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        self.server.as_ref()?.url.as_ref()
    }
}

impl Kind {
    /// Whether it takes what a call is handed: a handle, or a list of them.
    #[must_use]
    pub fn is_handles(&self) -> bool {
        match self {
            Self::Handle => true,
            Self::List { of, .. } => of.is_handles(),
            _ => false,
        }
    }
}

impl Tool {
    /// The label of what comes of it.
    #[must_use]
    pub fn output(&self) -> Label {
        Label::untrusted(Source::Skill, self.secrecy)
    }
}
