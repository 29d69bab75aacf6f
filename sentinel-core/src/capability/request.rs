//! What somebody wants to do, in the words that grants are made of.
//!
//! # Not here
//! What a tool call needs: [`tool`](crate::tool) says that.

use super::{Destination, PathRef};
use crate::wire::url::Host;

/// A deed that needs a grant.
#[derive(Clone, Debug)]
pub enum Request<'r> {
    /// Something with a file or directory.
    File {
        /// Which.
        path: PathRef<'r>,
        /// What.
        right: FileRight,
        /// Whether everything beneath it is meant too. Such a request is denied if a rule denies
        /// any part of it.
        is_tree: bool,
    },
    /// To run a program.
    Command {
        /// The program, as the shell resolved it.
        program: PathRef<'r>,
        /// Its arguments, without its name.
        arguments: &'r [&'r str],
        /// The directory it runs in.
        directory: &'r str,
    },
    /// To connect to a host.
    Connect {
        /// The host, as it is named: before it is resolved.
        host: &'r Host<'r>,
        /// The port.
        port: u16,
        /// The HTTP request, if it is one that is known.
        http: Option<HttpRequest<'r>>,
    },
    /// To be let out to a place where each request is looked at: grants of some requests to it are
    /// enough.
    Reach(&'r Destination),
    /// To wait for connections.
    Listen {
        /// The address.
        address: &'r Host<'r>,
        /// The port.
        port: u16,
    },
    /// To call a skill.
    Skill {
        /// Its name.
        name: &'r str,
        /// What of it.
        operation: &'r str,
    },
    /// To change the configuration.
    Configure {
        /// Which key, its parts separated by dots.
        key: &'r str,
    },
    /// To change the persona.
    Persona,
    /// To ask a model.
    Model {
        /// Its name.
        name: &'r str,
    },
    /// To ask a model what the server of a skill wants to know.
    Sampling {
        /// The name of the skill.
        skill: &'r str,
        /// The name of the model.
        model: &'r str,
    },
}

/// The part of an HTTP request that a grant may speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpRequest<'r> {
    /// The method.
    pub method: &'r str,
    /// The path, without the query, in the one spelling of a URL.
    pub path: &'r str,
}

/// What may be done with a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileRight {
    /// Read what is in it.
    Read,
    /// Create, change and delete it.
    Write,
    /// See what a directory holds.
    List,
}

impl FileRight {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::List];

    /// Its word in a grant.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::List => "list",
        }
    }
}

/// Several rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileRights(u8);

impl FileRights {
    /// These rights.
    #[must_use]
    pub fn of(rights: &[FileRight]) -> Self {
        Self(rights.iter().fold(0, |bits, right| bits | bit(*right)))
    }

    /// Whether `right` is among them.
    #[must_use]
    pub const fn has(self, right: FileRight) -> bool {
        self.0 & bit(right) != 0
    }

    /// Whether all of them are among `others`.
    #[must_use]
    pub const fn are_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

const fn bit(right: FileRight) -> u8 {
    1 << right as u8
}
