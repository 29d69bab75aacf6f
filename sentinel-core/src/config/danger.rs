//! What is legal and dangerous: a shell refuses to start with it unless a person says they know.
//!
//! # Invariants
//! - Each says what could happen and what to write instead.
//!
//! # Not here
//! What is forbidden anyway: [`authority`](super::build::authority) adds the rules. What single
//! grants could do: [`concern`](super::concern).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::build::Build;
use super::concern::Concern;
use super::diagnostic::quoted;
use super::draft::{Node, Part};
use super::{Config, Connector, Endpoint, PLATFORMS};
use crate::agent::Provider;
use crate::budget::Measure;
use crate::capability::{FileRight, Grant, HostPattern, Level, Resource};
use crate::egress::Injection;
use crate::wire::url::{Reach, Scheme, Url};

/// Looks for everything that is dangerous.
pub(super) fn look(build: &mut Build<'_, '_>, config: &Config, written: &[(Grant, Node)]) {
    let granted: Vec<&(Grant, Node)> =
        written.iter().filter(|(grant, _)| grant.level != Level::Deny).collect();
    let all: Vec<&Grant> = written.iter().map(|(grant, _)| grant).collect();
    for (grant, node) in &granted {
        for Concern { message, help } in config.ground.concerns(grant, &all) {
            match help {
                Some(help) => build.reporter.danger(node.span, message, help),
                None => build.reporter.note(node.span, message),
            }
        }
    }
    let draft = build.draft;
    for part in draft.sections.iter().filter(|part| PLATFORMS.contains(&part.section.name)) {
        people(build, config, part, &granted);
        let is_meant = |known: &&Connector| known.platform.name == part.section.name;
        let connector = config.connectors.iter().find(is_meant);
        if let Some(url) = connector.and_then(|connector| connector.base_url.as_ref()) {
            plain_http(build, url, "token", Some(part));
        }
    }
    for injection in &config.settings.inspection.injections {
        injected(build, injection);
    }
    for endpoint in &config.endpoints {
        if let (Some(url), Some(_)) = (&endpoint.base_url, &endpoint.key) {
            let part = build.part_of(&endpoint.section);
            plain_http(build, url, "key", part);
        }
        free_of_charge(build, config, endpoint);
    }
}

fn people(build: &mut Build<'_, '_>, config: &Config, part: &Part, granted: &[&(Grant, Node)]) {
    let name = part.section.name;
    let has_operator = !part.list("operators").is_empty();
    let may_approve = config.settings.turn.people_may_approve;
    let is_open = |(_, node): &&(String, Node)| node.text() == Some("everybody");
    let open = part.map("rooms").iter().find(is_open);
    let has_people = !part.list("allowed_users").is_empty()
        || open.is_some()
        || part.flag("pairing").unwrap_or(false);
    if has_people && !has_operator && !may_approve && !part.is_faulty {
        let message = format!("nobody can approve on {name}: every question there is a no");
        let help = "add operators = [\"…\"] with your own id (or SENTINEL_OPERATORS), or set \
                    people_may_approve";
        build.reporter.danger(part.span, message, help);
    }
    let is_command = |grant: &Grant| matches!(grant.resource, Resource::Command(_));
    if let Some((_, room)) = open
        && granted.iter().any(|(grant, _)| is_command(grant))
    {
        let message = format!("everybody in a room of {name} may have commands run");
        let help = "open it to \"people\", or grant no commands";
        build.reporter.danger(room.span, message, help);
    }
    if let Some((_, room)) = open {
        told(build, name, room, granted);
    }
}

/// What is read goes into answers, and an answer goes to all who are in the room.
fn told(build: &mut Build<'_, '_>, name: &str, room: &Node, granted: &[&(Grant, Node)]) {
    let mut read: Vec<String> =
        granted.iter().filter_map(|(grant, _)| read_unasked(grant)).collect();
    if read.is_empty() {
        return;
    }
    let more = read.len().saturating_sub(READ_SHOWN_MAX);
    read.truncate(READ_SHOWN_MAX);
    if more > 0 {
        read.push(format!("{more} more"));
    }
    let message = format!(
        "everybody in a room of {name} reads what is answered there, and what the agent may read \
         without a question can be in it: {}",
        read.join(", ")
    );
    let help = "open it to \"people\", or write `ask` behind these grants: then an operator sees \
                what is read before it is";
    build.reporter.danger(room.span, message, help);
}

/// So many things are named that can be read.
const READ_SHOWN_MAX: usize = 4;

/// What a grant lets the agent read of what is not everybody's, and nobody is asked about each
/// time. A grant that asks once asks for whoever comes first, and then for nobody.
fn read_unasked(grant: &Grant) -> Option<String> {
    if matches!(grant.level, Level::Ask | Level::Deny) {
        return None;
    }
    match &grant.resource {
        Resource::Files { path, rights }
            if rights.has(FileRight::Read) || rights.has(FileRight::List) =>
        {
            Some(quoted(path.as_str()))
        }
        // What it gives back is private, until its manifest or the operator says otherwise.
        Resource::Skill { name, .. } => Some(format!("what the skill {name} gives back")),
        Resource::Connect { hosts: HostPattern::Exact(host), .. }
            if host.reach().is_some_and(|reach| !reach.is_public()) =>
        {
            Some(format!("what {host} serves"))
        }
        _ => None,
    }
}

fn plain_http(build: &mut Build<'_, '_>, url: &Url, secret: &str, part: Option<&Part>) {
    let span = part.and_then(|part| part.place("base_url"));
    if url.scheme() == Scheme::Http && !is_this_machine(url) {
        let message =
            format!("the {secret} and every word go to another machine without encryption");
        build.reporter.danger(span, message, "use https");
    }
}

/// A secret that is added where everybody on the way reads it.
fn injected(build: &mut Build<'_, '_>, injection: &Injection) {
    let is_it = |part: &&Part| {
        part.section.name == "secret" && part.name.as_deref() == Some(injection.name())
    };
    let part = build.draft.sections.iter().find(is_it);
    let is_here = injection.place().host.reach() == Some(Reach::Loopback);
    if injection.is_in_clear && !is_here {
        let message = format!(
            "the secret '{}' goes to {} without encryption",
            injection.name(),
            injection.place()
        );
        let span = part.and_then(|part| part.place("in_the_clear"));
        build.reporter.danger(span, message, "leave out in_the_clear, and use https");
    }
}

fn is_this_machine(url: &Url) -> bool {
    url.host().reach() == Some(Reach::Loopback)
}

/// A limit on money that a model never counts against.
fn free_of_charge(build: &mut Build<'_, '_>, config: &Config, endpoint: &Endpoint) {
    let limits = &config.settings.budget.limits;
    let has_limit = limits.iter().any(|limit| limit.measure == Measure::Money);
    let is_service = endpoint.model.provider != Provider::Offline;
    if has_limit && is_service && endpoint.key.is_some() && endpoint.price.is_none() {
        let span = build.part_of(&endpoint.section).and_then(|part| part.span);
        let message = format!(
            "money is limited, and '{}' has no prices: what it costs is not counted",
            endpoint.section
        );
        let help = "add prices = { input = \"3.00\", output = \"15.00\" }, for a million tokens";
        build.reporter.danger(span, message, help.to_string());
    }
}
