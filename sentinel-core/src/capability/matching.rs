//! Whether one grant speaks of one request.
//!
//! A grant that allows has to cover all of a request; a rule that forbids has only to touch it. So
//! there are two questions, and where they differ the difference is for the safe side.
//!
//! # Invariants
//! - Whatever [`covers`] says yes of, [`could_apply`] says yes of.
//!
//! # Not here
//! Which of several grants decides, and whether they are still good: [`Table`](super::Table).
//! The arguments of a command that is to be allowed: [`CommandRule`](super::CommandRule).

use super::index::is_unspecified;
use super::request::{FileRight, FileRights, Request};
use super::resource::{Resource, is_key_within};

/// How special a grant is: the larger, the more.
pub(super) type Special = (usize, usize, usize);

pub(super) fn specificity(resource: &Resource) -> Special {
    match resource {
        Resource::Files { path, .. } => (path.borrow().components().count(), 0, 0),
        Resource::Command(rule) => (usize::from(!rule.subcommands.is_empty()), 0, 0),
        Resource::Connect { hosts, ports, http } => {
            let path = http.as_ref().map_or(0, |http| 1 + http.path.borrow().components().count());
            let has_methods = http.as_ref().is_some_and(|http| !http.methods.is_empty());
            let narrow = usize::from(u16::MAX - ports.last.saturating_sub(ports.first));
            (hosts.specificity(), path, 2 * narrow + usize::from(has_methods))
        }
        Resource::Listen { address, ports } => (
            address.specificity(),
            usize::from(u16::MAX - ports.last.saturating_sub(ports.first)),
            0,
        ),
        Resource::Skill { operations, .. } => (usize::from(!operations.is_empty()), 0, 0),
        Resource::Configure { key } => (key.split('.').count(), 0, 0),
        Resource::Persona => (0, 0, 0),
        Resource::Model { name, is_prefix } | Resource::Sampling { model: name, is_prefix, .. } => {
            (name.len(), usize::from(!is_prefix), 0)
        }
    }
}

/// Whether a grant covers all of a request. Commands need the other grants, too.
pub(super) fn covers(resource: &Resource, request: &Request<'_>) -> bool {
    match (resource, request) {
        (Resource::Files { path, rights }, Request::File { path: wanted, right, .. }) => {
            rights.has(*right) && wanted.is_within(path.borrow())
        }
        (
            Resource::Connect { hosts, ports, http },
            Request::Connect { host, port, http: wanted },
        ) => {
            let covers_http = match (http, wanted) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(rule), Some(wanted)) => rule.covers(wanted.method, wanted.path),
            };
            hosts.covers(host) && ports.covers(*port) && covers_http
        }
        (Resource::Connect { hosts, ports, .. }, Request::Reach(place)) => {
            hosts.covers(&place.host) && ports.covers(place.port)
        }
        (Resource::Listen { address, ports }, Request::Listen { address: wanted, port }) => {
            address.covers(wanted) && ports.covers(*port)
        }
        (Resource::Skill { name, operations }, Request::Skill { name: wanted, operation }) => {
            **name == **wanted
                && (operations.is_empty() || operations.iter().any(|own| **own == **operation))
        }
        (Resource::Configure { key }, Request::Configure { key: wanted }) => {
            is_key_within(wanted, key)
        }
        (Resource::Persona, Request::Persona) => true,
        (Resource::Model { name, is_prefix }, Request::Model { name: wanted }) => {
            is_model(wanted, name, *is_prefix)
        }
        (
            Resource::Sampling { skill, model, is_prefix },
            Request::Sampling { skill: own, model: wanted },
        ) => **skill == **own && is_model(wanted, model, *is_prefix),
        _ => false,
    }
}

/// Whether a model has this name, or one that starts like it.
fn is_model(wanted: &str, name: &str, is_prefix: bool) -> bool {
    if is_prefix { wanted.starts_with(name) } else { wanted == name }
}

/// Whether a rule that forbids could apply to a request: when in doubt, it does.
pub(super) fn could_apply(
    resource: &Resource,
    request: &Request<'_>,
    also: Option<FileRight>,
) -> bool {
    match (resource, request) {
        (Resource::Files { path, rights }, Request::File { path: wanted, right, .. }) => {
            has_any(*rights, *right, also) && wanted.is_within(path.borrow())
        }
        (
            Resource::Connect { hosts, ports, http },
            Request::Connect { host, port, http: wanted },
        ) => {
            // A connection whose requests nobody sees could carry any.
            let could_http = match (http, wanted) {
                (Some(rule), Some(wanted)) => rule.forbids(wanted.method, wanted.path),
                (_, None) | (None, _) => true,
            };
            hosts.forbids(host) && ports.covers(*port) && could_http
        }
        // What a rule forbids of the requests, the proxy refuses when it sees them.
        (Resource::Connect { hosts, ports, http }, Request::Reach(place)) => {
            http.is_none() && hosts.forbids(&place.host) && ports.covers(place.port)
        }
        (Resource::Listen { address, ports }, Request::Listen { address: wanted, port }) => {
            address.forbids(wanted) && ports.covers(*port)
        }
        (Resource::Command(rule), Request::Command { program, arguments, .. }) => {
            // Only what the rule names is forbidden: the program, or these subcommands of it. A
            // subcommand may stand behind options.
            let first = arguments.first().copied().unwrap_or_default();
            let has_word =
                arguments.iter().any(|word| rule.subcommands.iter().any(|named| **named == **word));
            *program == rule.program.borrow()
                && (rule.subcommands.is_empty() || has_word || first.starts_with('-'))
        }
        (resource, request) => covers(resource, request),
    }
}

fn has_any(rights: FileRights, right: FileRight, also: Option<FileRight>) -> bool {
    rights.has(right) || also.is_some_and(|also| rights.has(also))
}

/// Whether a rule that forbids speaks of a part of what a request means as a whole.
pub(super) fn lies_within(
    resource: &Resource,
    request: &Request<'_>,
    also: Option<FileRight>,
) -> bool {
    match (resource, request) {
        (Resource::Files { path, rights }, Request::File { path: root, right, is_tree: true }) => {
            has_any(*rights, *right, also) && path.borrow().is_within(*root)
        }
        (Resource::Configure { key }, Request::Configure { key: root }) => is_key_within(key, root),
        (Resource::Listen { ports, .. }, Request::Listen { address, port }) => {
            is_unspecified(address) && ports.covers(*port)
        }
        _ => false,
    }
}
