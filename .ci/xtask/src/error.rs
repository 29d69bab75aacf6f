//! The one error of these commands: what failed, and what to do about it.
//!
//! Its reader is a person at a terminal, so it is text. Nothing here decides by kind of error.

use std::fmt;
use std::path::Path;

/// What failed and, where there is an answer, what to do next.
#[derive(Debug)]
pub(crate) struct Error {
    what: String,
    help: Option<String>,
}

impl Error {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None }
    }

    /// Adds what to do next.
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// A file that could not be used as `verb` says ("read", "write").
    pub(crate) fn file(verb: &str, path: &Path, cause: &std::io::Error) -> Self {
        Self::new(format!("cannot {verb} {}: {cause}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", self.what)?;
        match &self.help {
            Some(help) => write!(formatter, "\n help: {help}"),
            None => Ok(()),
        }
    }
}
