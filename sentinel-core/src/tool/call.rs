//! A call that was understood, of a built-in tool or of a foreign one.
//!
//! # Invariants
//! - Equal calls have equal canonical bytes, and different calls different ones.
//!
//! # Not here
//! Checking the arguments of a foreign tool against its schema: its owner does, behind its own
//! walls. Here they are one JSON object in one form.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::arguments;
use super::error::{ArgumentError, ArgumentProblem, Place};
use super::operation::Operation;
use crate::capability::{Destination, FileRights, Path};
use crate::limits::TOOL_FILES_COUNT_MAX;
use crate::text::json::{Numbers, Sink, Value};

/// A call that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Of a built-in tool.
    Builtin(Operation),
    /// Of a tool that a skill or a server brought along.
    Foreign(ForeignCall),
}

/// A call of a tool that is not built in. Only [`Tools::read`](super::Tools::read) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignCall {
    /// A name that [`Tools::add`](super::Tools::add) took, so it needs no escapes.
    tool: String,
    arguments: String,
    files: Vec<String>,
    hosts: Vec<Destination>,
    places: Vec<(Path, FileRights)>,
}

/// What a call of a foreign tool needs beside the tool itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The parameters that name files, which its owner is handed for the time of the call.
    pub files: Vec<String>,
    /// What its owner is let out to while it runs.
    pub hosts: Vec<Destination>,
    /// The directories, with all beneath them, that its owner sees while it runs.
    pub places: Vec<(Path, FileRights)>,
}

impl ForeignCall {
    pub(super) fn parse(tool: &str, text: &str, needs: &Needs) -> Result<Self, ArgumentError> {
        let fails = |problem| ArgumentError { tool: tool.to_string(), problem };
        let document = arguments::parse(tool, text)?;
        let mut files = Vec::new();
        for name in &needs.files {
            let Some(value) = document.root().find(name).filter(|value| !value.is_null()) else {
                continue;
            };
            named_files(value, &mut files).map_err(|why| {
                let place = Place::Member(FILES, name.clone());
                fails(ArgumentProblem::Unusable { place, why })
            })?;
        }
        let arguments = document.root().canonical(Numbers::Exact);
        let arguments = arguments.map_err(|error| fails(ArgumentProblem::NotCanonical(error)))?;
        let (hosts, places) = (needs.hosts.clone(), needs.places.clone());
        Ok(Self { tool: tool.to_string(), arguments, files, hosts, places })
    }

    /// The files that it names, in the order in which its parameters stand in its definition.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The directories that its owner sees, with what it may do there.
    #[must_use]
    pub fn places(&self) -> &[(Path, FileRights)] {
        &self.places
    }

    /// The tool.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// The arguments: a JSON object in its canonical form.
    #[must_use]
    pub fn arguments(&self) -> &str {
        &self.arguments
    }

    /// A call of the same tool with other arguments, in their canonical form.
    #[cfg(feature = "agent")]
    pub(super) fn of_arguments(&self, arguments: String) -> Self {
        Self { arguments, ..self.clone() }
    }
}

impl Call {
    /// What the program of a call is let out to, if it runs one.
    #[must_use]
    pub fn hosts(&self) -> &[Destination] {
        match self {
            Self::Builtin(Operation::RunCommand { hosts, .. }) => hosts,
            Self::Foreign(call) => &call.hosts,
            _ => &[],
        }
    }

    /// The name of the tool.
    #[must_use]
    pub fn tool(&self) -> &str {
        match self {
            Self::Builtin(operation) => operation.tool().name(),
            Self::Foreign(call) => call.tool(),
        }
    }

    /// Writes `{"arguments":{…},"tool":"…"}` by RFC 8785: what an approval is bound to by its hash,
    /// and what a loop is recognised by.
    ///
    /// ```
    /// use sentinel_core::llm::ToolUse;
    /// use sentinel_core::tool::Tools;
    ///
    /// let canonical = |arguments: &str| {
    ///     let (id, name) = ("1".into(), "list_directory".into());
    ///     let tools = Tools::builtin();
    ///     let (_, call) = tools.read(&ToolUse { id, name, arguments: arguments.into() })?;
    ///     let mut out = String::new();
    ///     call.canonical(&mut out);
    ///     Ok::<_, sentinel_core::tool::CallError>(out)
    /// };
    /// assert_eq!(canonical("{}")?, r#"{"arguments":{"path":"."},"tool":"list_directory"}"#);
    /// assert_eq!(canonical("null")?, canonical(r#"{ "path": "\u002e" }"#)?);
    /// # Ok::<(), sentinel_core::tool::CallError>(())
    /// ```
    pub fn canonical(&self, out: &mut impl Sink) {
        match self {
            Self::Builtin(operation) => operation.canonical(out),
            Self::Foreign(ForeignCall { tool, arguments, .. }) => {
                out.push_str("{\"arguments\":");
                out.push_str(arguments);
                out.push_str(",\"tool\":\"");
                out.push_str(tool);
                out.push_str("\"}");
            }
        }
    }
}

/// The files that a value names: a path, or a list of them.
fn named_files(value: Value<'_>, files: &mut Vec<String>) -> Result<(), &'static str> {
    if let Ok(path) = value.as_str() {
        if path.is_empty() || path.contains('\0') {
            return Err("it must be the path of a file");
        }
        files.push(path.to_string());
        return Ok(());
    }
    for element in value.elements().map_err(|_| "it must be the path of a file")? {
        let path = element.as_str().ok().filter(|path| !path.is_empty() && !path.contains('\0'));
        files.push(path.ok_or("it must be a list of paths of files")?.to_string());
    }
    if files.len() > TOOL_FILES_COUNT_MAX {
        return Err("these are too many files for one call");
    }
    Ok(())
}

const FILES: &str = "arguments";
