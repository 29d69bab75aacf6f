//! A call that was understood, of a built-in tool or of a foreign one.
//!
//! # Invariants
//! - Equal calls have equal canonical bytes, and different calls different ones.
//!
//! # Not here
//! Checking the arguments of a foreign tool against its schema: its owner does, behind its own
//! walls. Here they are one JSON object in one form.

use alloc::string::{String, ToString};

use super::arguments;
use super::error::{ArgumentError, ArgumentProblem};
use super::operation::Operation;
use crate::capability::Destination;
use crate::text::json::{Numbers, Sink};

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
}

impl ForeignCall {
    pub(super) fn parse(tool: &str, text: &str) -> Result<Self, ArgumentError> {
        let document = arguments::parse(tool, text)?;
        let arguments = document.root().canonical(Numbers::Exact).map_err(|error| {
            ArgumentError { tool: tool.to_string(), problem: ArgumentProblem::NotCanonical(error) }
        })?;
        Ok(Self { tool: tool.to_string(), arguments })
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
        Self { tool: self.tool.clone(), arguments }
    }
}

impl Call {
    /// What the program of a call is let out to, if it runs one.
    #[must_use]
    pub fn hosts(&self) -> &[Destination] {
        match self {
            Self::Builtin(Operation::RunCommand { hosts, .. }) => hosts,
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
            Self::Foreign(ForeignCall { tool, arguments }) => {
                out.push_str("{\"arguments\":");
                out.push_str(arguments);
                out.push_str(",\"tool\":\"");
                out.push_str(tool);
                out.push_str("\"}");
            }
        }
    }
}
