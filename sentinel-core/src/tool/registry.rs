//! The tools of one agent: built-in ones and those that skills brought along.
//!
//! A model chooses a tool by its name, and so does a person who reads an approval. A second tool
//! that looks like the first takes its calls, so names that could be taken for one another are
//! refused when the tool is added, not sorted out when it is called.
//!
//! # Invariants
//! - A name has 1 to [`TOOL_NAME_BYTES_MAX`] of `a`-`z`, `0`-`9`, `_` and `-`, and no other name
//!   here looks like it ([`looks_like`]).
//! - A built-in tool's name stays its own, even while that tool is not offered.
//! - A call is found by its exact name or not at all.
//!
//! # Not here
//! Whether a description is honest: text of a foreign tool is untrusted like its output. Pinning it
//! by hash is for the one who adds it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::builtin::Builtin;
use super::call::{Call, ForeignCall, Needs};
use super::error::{ArgumentError, UnknownTool, excerpt};
use super::role::Roles;
use crate::label::{Output, ToolRole};
use crate::limits::{
    TOOL_DESCRIPTION_BYTES_MAX, TOOL_NAME_BYTES_MAX, TOOL_SCHEMA_BYTES_MAX, TOOLS_COUNT_MAX,
};
use crate::llm::{ToolDefinition, ToolUse};
use crate::text::json::{self, Kind};
use crate::text::suggest;

/// A tool as the agent knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    definition: ToolDefinition,
    roles: Roles,
    builtin: Option<Builtin>,
    is_idempotent: bool,
    /// What calls of a foreign one need.
    needs: Needs,
}

impl Tool {
    /// How a model is told of it.
    #[must_use]
    pub fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// Which built-in tool it is, if it is one.
    #[must_use]
    pub fn builtin(&self) -> Option<Builtin> {
        self.builtin
    }

    /// What the judge is told of `call`, a call of this tool. `in_workspace` says that every path
    /// in it lies in the conversation's own workspace, as the capability check found.
    ///
    /// The judge looks at the arguments of the [canonical form](Call::canonical), so that what is
    /// judged is what is done.
    #[must_use]
    pub fn role(&self, call: &Call, in_workspace: bool) -> &ToolRole {
        self.roles.of_call(call, in_workspace)
    }

    /// The label of what it gives back is made from this.
    #[must_use]
    pub fn output(&self) -> &Output {
        &self.roles.usual.output
    }

    /// Whether `call` of this tool may be made again when it is unknown whether it was made.
    #[must_use]
    pub fn is_idempotent(&self, call: &Call) -> bool {
        match call {
            Call::Builtin(operation) => operation.is_idempotent(),
            Call::Foreign(_) => self.is_idempotent,
        }
    }
}

/// The tools of one agent, in the order a model is told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    list: Vec<Tool>,
}

impl Tools {
    /// No tools.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// All built-in tools.
    #[must_use]
    pub fn builtin() -> Self {
        Self::with(&Builtin::ALL)
    }

    /// Some of the built-in tools, each once.
    #[must_use]
    pub fn with(builtins: &[Builtin]) -> Self {
        let mut tools = Self::new();
        for &builtin in builtins {
            if !tools.list.iter().any(|tool| tool.builtin == Some(builtin)) {
                tools.list.push(Tool {
                    definition: builtin.definition(),
                    roles: builtin.roles(),
                    builtin: Some(builtin),
                    is_idempotent: false,
                    needs: Needs::default(),
                });
            }
        }
        tools
    }

    /// Adds a tool that a skill or a server brought along. Its role is the operator's word, not
    /// that of the one who brought it.
    ///
    /// # Errors
    /// Why it is refused: its name, its size, or a schema that is no JSON object.
    pub fn add(
        &mut self,
        definition: ToolDefinition,
        role: ToolRole,
        is_idempotent: bool,
    ) -> Result<(), ToolRefused> {
        self.add_with(definition, role, is_idempotent, Needs::default())
    }

    /// The same for a tool whose calls need more than the tool.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub fn add_with(
        &mut self,
        definition: ToolDefinition,
        role: ToolRole,
        is_idempotent: bool,
        needs: Needs,
    ) -> Result<(), ToolRefused> {
        self.check(&definition)
            .map_err(|problem| ToolRefused { name: excerpt(&definition.name), problem })?;
        let roles = Roles::of(role);
        self.list.push(Tool { definition, roles, builtin: None, is_idempotent, needs });
        Ok(())
    }

    /// Gives a tool the role that an operator declared for it, in place of its own, and says
    /// whether there is such a tool.
    pub fn declare(&mut self, name: &str, role: ToolRole) -> bool {
        let tool = self.list.iter_mut().find(|tool| tool.name() == name);
        tool.map(|tool| tool.roles = Roles::declared(tool.builtin, role)).is_some()
    }

    /// Takes a tool away and says whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let count = self.list.len();
        self.list.retain(|tool| tool.name() != name);
        self.list.len() < count
    }

    /// The tool of this name.
    ///
    /// # Errors
    /// There is none; with the one that was probably meant.
    pub fn find(&self, name: &str) -> Result<&Tool, UnknownTool> {
        self.list.iter().find(|tool| tool.name() == name).ok_or_else(|| UnknownTool {
            name: excerpt(name),
            meant: suggest::nearest(name, self.list.iter().map(Tool::name))
                .map(ToString::to_string),
        })
    }

    /// What a call means.
    ///
    /// # Errors
    /// There is no such tool, or the arguments do not fit it. The text of the error is meant to be
    /// given back to the model.
    pub fn read(&self, call: &ToolUse) -> Result<(&Tool, Call), CallError> {
        let tool = self.find(&call.name).map_err(CallError::UnknownTool)?;
        let call = match tool.builtin {
            Some(builtin) => builtin.parse(&call.arguments).map(Call::Builtin),
            None => {
                ForeignCall::parse(tool.name(), &call.arguments, &tool.needs).map(Call::Foreign)
            }
        };
        Ok((tool, call.map_err(CallError::Arguments)?))
    }

    /// All of them, in the order in which a model is told of them.
    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.list.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn check(&self, definition: &ToolDefinition) -> Result<(), ToolProblem> {
        let ToolDefinition { name, description, parameters } = definition;
        if self.list.len() >= TOOLS_COUNT_MAX {
            return Err(ToolProblem::TooMany);
        }
        if name.is_empty() || name.len() > TOOL_NAME_BYTES_MAX {
            return Err(ToolProblem::NameLength);
        }
        if let Some(character) = name.chars().find(|character| !is_name_character(*character)) {
            return Err(ToolProblem::NameCharacter(character));
        }
        let taken = self.list.iter().map(Tool::name);
        let reserved = Builtin::ALL.iter().map(|builtin| builtin.name());
        if let Some(other) = taken.chain(reserved).find(|other| looks_like(name, other)) {
            return Err(ToolProblem::NameTaken(other.to_string()));
        }
        if description.len() > TOOL_DESCRIPTION_BYTES_MAX {
            return Err(ToolProblem::DescriptionTooLong);
        }
        if parameters.len() > TOOL_SCHEMA_BYTES_MAX {
            return Err(ToolProblem::SchemaTooLong);
        }
        let is_object = json::parse(parameters.as_bytes())
            .is_ok_and(|document| document.root().kind() == Kind::Object);
        if is_object { Ok(()) } else { Err(ToolProblem::SchemaNotAnObject) }
    }
}

/// A call that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// There is no such tool.
    UnknownTool(UnknownTool),
    /// The arguments do not fit it.
    Arguments(ArgumentError),
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTool(error) => error.fmt(formatter),
            Self::Arguments(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for CallError {}

/// A foreign tool was not added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRefused {
    /// Its name, cut short.
    pub name: String,
    /// Why.
    pub problem: ToolProblem,
}

/// Why a foreign tool was not added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolProblem {
    /// There are [`TOOLS_COUNT_MAX`] already.
    TooMany,
    /// The name is empty, or longer than [`TOOL_NAME_BYTES_MAX`].
    NameLength,
    /// The name holds a character that no name may hold.
    NameCharacter(char),
    /// The name is taken, or looks like one that is.
    NameTaken(String),
    /// The description is longer than [`TOOL_DESCRIPTION_BYTES_MAX`].
    DescriptionTooLong,
    /// The schema is longer than [`TOOL_SCHEMA_BYTES_MAX`].
    SchemaTooLong,
    /// The schema is not the text of a JSON object.
    SchemaNotAnObject,
}

impl fmt::Display for ToolRefused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "tool '{}': {}", self.name, self.problem)
    }
}

impl core::error::Error for ToolRefused {}

impl fmt::Display for ToolProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(formatter, "there are {TOOLS_COUNT_MAX} tools already"),
            Self::NameLength => {
                write!(formatter, "a name has 1 to {TOOL_NAME_BYTES_MAX} characters")
            }
            Self::NameCharacter(character) => write!(
                formatter,
                "'{}' cannot stand in a name; use a-z, 0-9, '_' and '-'",
                character.escape_debug()
            ),
            Self::NameTaken(other) => {
                write!(formatter, "the name could be taken for '{other}'; choose another")
            }
            Self::DescriptionTooLong => {
                write!(formatter, "the description is over {TOOL_DESCRIPTION_BYTES_MAX} bytes")
            }
            Self::SchemaTooLong => {
                write!(formatter, "the schema is over {TOOL_SCHEMA_BYTES_MAX} bytes")
            }
            Self::SchemaNotAnObject => {
                formatter.write_str("the schema of its parameters is not a JSON object")
            }
        }
    }
}

/// Whether two names could be taken for one another at a glance: case and `-` for `_` aside, with
/// `1` for `l`, `0` for `o`, `rn` for `m` and `vv` for `w`, whatever separators stand in them.
#[must_use]
pub fn looks_like(a: &str, b: &str) -> bool {
    outline(a).eq(outline(b))
}

/// What a reader in a hurry sees of a name.
fn outline(name: &str) -> impl Iterator<Item = u8> {
    let mut rest = name.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).peekable();
    core::iter::from_fn(move || {
        let byte = rest.next()?.to_ascii_lowercase();
        let next = rest.peek().map(u8::to_ascii_lowercase);
        match (byte, next) {
            (b'r', Some(b'n')) => {
                rest.next();
                Some(b'm')
            }
            (b'v', Some(b'v')) => {
                rest.next();
                Some(b'w')
            }
            (b'1', _) => Some(b'l'),
            (b'0', _) => Some(b'o'),
            _ => Some(byte),
        }
    })
}

fn is_name_character(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9' | '_' | '-')
}
