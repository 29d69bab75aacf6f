//! What a grant is about.
//!
//! # Invariants
//! - [`Resource::is_within`] never says yes of something wider. It may say no of something that is
//!   not: then a person grants it anew.
//!
//! # Not here
//! Whether a grant is still good: [`Table`](super::Table).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::command::CommandRule;
use super::host::{HostPattern, Ports};
use super::request::FileRights;
use super::{Destination, Path, PathRef};

/// What a grant is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resource {
    /// A file, or a directory and everything beneath it.
    Files {
        /// Which.
        path: Path,
        /// What may be done with it.
        rights: FileRights,
    },
    /// A program and its arguments.
    Command(CommandRule),
    /// Hosts to connect to.
    Connect {
        /// Which.
        hosts: HostPattern,
        /// On which ports.
        ports: Ports,
        /// With which HTTP requests, if only with some.
        http: Option<HttpRule>,
    },
    /// An address to wait for connections on.
    Listen {
        /// Which.
        address: HostPattern,
        /// On which ports.
        ports: Ports,
    },
    /// A skill.
    Skill {
        /// Its name.
        name: Box<str>,
        /// What of it; all if there is none.
        operations: Vec<Box<str>>,
    },
    /// Keys of the configuration: this one and those beneath it.
    Configure {
        /// The key.
        key: Box<str>,
    },
    /// The persona.
    Persona,
    /// A model, or all whose names start like this.
    Model {
        /// The name, or its start.
        name: Box<str>,
        /// Whether it is a start.
        is_prefix: bool,
    },
    /// What the server of a skill may have a model asked, while one of its tools is called.
    Sampling {
        /// The name of the skill.
        skill: Box<str>,
        /// The name of the model, or its start.
        model: Box<str>,
        /// Whether it is a start.
        is_prefix: bool,
    },
}

/// Which HTTP requests a grant covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRule {
    /// The methods; all if there is none.
    pub methods: Vec<Box<str>>,
    /// The path and everything beneath it.
    pub path: Path,
}

impl HttpRule {
    pub(super) fn covers(&self, method: &str, path: &str) -> bool {
        let has_method = self.methods.is_empty() || self.methods.iter().any(|own| **own == *method);
        has_method && PathRef::absolute(path).is_ok_and(|path| path.is_within(self.path.borrow()))
    }

    /// Whether a rule that forbids by it forbids a request. A server may drop what follows `;` in
    /// a segment, and a path that cannot be judged could be any.
    pub(super) fn forbids(&self, method: &str, path: &str) -> bool {
        let has_method = self.methods.is_empty() || self.methods.iter().any(|own| **own == *method);
        has_method
            && PathRef::absolute(path).map_or(true, |path| {
                let mut segments = path.components().map(|it| it.split(';').next().unwrap_or(it));
                self.path.borrow().components().all(|own| segments.next() == Some(own))
            })
    }

    fn is_within(&self, other: &Self) -> bool {
        is_list_within(&self.methods, &other.methods)
            && self.path.borrow().is_within(other.path.borrow())
    }
}

impl Resource {
    /// Whether it is about connections to a place, all of them or some requests.
    #[must_use]
    pub fn leads_to(&self, place: &Destination) -> bool {
        matches!(self, Self::Connect { hosts, ports, .. }
            if hosts.covers(&place.host) && ports.covers(place.port))
    }

    /// Whether it is about this skill, or a part of it.
    #[must_use]
    pub fn is_of_skill(&self, skill: &str) -> bool {
        matches!(self, Self::Skill { name, .. } if **name == *skill)
    }

    /// Whether it covers nothing that `other` does not.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Files { path, rights },
                Self::Files { path: other_path, rights: other_rights },
            ) => path.borrow().is_within(other_path.borrow()) && rights.are_within(*other_rights),
            (Self::Command(rule), Self::Command(other)) => rule.is_within(other),
            (
                Self::Connect { hosts, ports, http },
                Self::Connect { hosts: other_hosts, ports: other_ports, http: other_http },
            ) => {
                let is_http_within = match (http, other_http) {
                    (_, None) => true,
                    (None, Some(_)) => false,
                    (Some(own), Some(other)) => own.is_within(other),
                };
                hosts.is_within(other_hosts) && ports.is_within(*other_ports) && is_http_within
            }
            (
                Self::Listen { address, ports },
                Self::Listen { address: other_address, ports: other_ports },
            ) => address.is_within(other_address) && ports.is_within(*other_ports),
            (
                Self::Skill { name, operations },
                Self::Skill { name: other_name, operations: other_operations },
            ) => name == other_name && is_list_within(operations, other_operations),
            (Self::Configure { key }, Self::Configure { key: other }) => is_key_within(key, other),
            (Self::Persona, Self::Persona) => true,
            (
                Self::Model { name, is_prefix },
                Self::Model { name: other, is_prefix: is_other_prefix },
            ) => are_models_within((name, *is_prefix), (other, *is_other_prefix)),
            (
                Self::Sampling { skill, model, is_prefix },
                Self::Sampling { skill: other_skill, model: other, is_prefix: is_other_prefix },
            ) => {
                skill == other_skill
                    && are_models_within((model, *is_prefix), (other, *is_other_prefix))
            }
            _ => false,
        }
    }
}

/// Whether models, by their name or the start of it, are among others.
fn are_models_within(
    (own, is_prefix): (&str, bool),
    (other, is_other_prefix): (&str, bool),
) -> bool {
    match is_other_prefix {
        true => own.starts_with(other),
        false => !is_prefix && own == other,
    }
}

/// Whether every word of a list is in another, where an empty list means every word there is.
fn is_list_within(own: &[Box<str>], other: &[Box<str>]) -> bool {
    other.is_empty() || (!own.is_empty() && own.iter().all(|word| other.contains(word)))
}

/// Whether a key is another or lies beneath it, part by part.
pub(super) fn is_key_within(key: &str, other: &str) -> bool {
    let mut parts = key.split('.');
    other.split('.').all(|part| parts.next() == Some(part))
}
