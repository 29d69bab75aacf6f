//! What is legal and dangerous: a shell refuses to start with it unless a person says they know.
//!
//! # Invariants
//! - Each says what could happen and what to write instead.
//!
//! # Not here
//! What is forbidden anyway: [`authority`](super::build::authority) adds the rules.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::build::Build;
use super::build::authority::{own_files, state_directory};
use super::diagnostic::quoted;
use super::draft::{Node, Part};
use super::{Config, Connector, Endpoint, PLATFORMS};
use crate::agent::Provider;
use crate::budget::Measure;
use crate::capability::{
    CommandWarning, FileRight, Grant, HostPattern, Level, Path, PathRef, Resource,
};
use crate::egress::Injection;
use crate::text::Span;
use crate::wire::url::{Reach, Scheme, Url};

/// Looks for everything that is dangerous.
pub(super) fn look(build: &mut Build<'_, '_>, config: &Config, written: &[(Grant, Node)]) {
    let granted: Vec<&(Grant, Node)> =
        written.iter().filter(|(grant, _)| grant.level != Level::Deny).collect();
    for (grant, node) in &granted {
        match &grant.resource {
            Resource::Files { path, rights } if rights.has(FileRight::Write) => {
                writable(build, path, node.span);
                programs(build, path, &granted, node.span);
                // What is asked about a person sees.
                if grant.level == Level::Allow {
                    repository(build, path, written, node.span);
                }
            }
            Resource::Command(_) => command(build, grant, node.span),
            Resource::Connect { hosts: HostPattern::Any, .. } if grant.level == Level::Allow => {
                connect_anywhere(build, &granted, node.span);
            }
            _ => {}
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

fn writable(build: &mut Build<'_, '_>, path: &Path, span: Option<Span>) {
    let granted = path.borrow();
    let is_root = granted.components().next().is_none();
    let home = build.surroundings.home.and_then(|home| Path::parse(home).ok());
    if is_root {
        let message = "`/` is granted for writing: everything on this machine can be changed";
        build.reporter.danger(span, message, "grant the directories that the work is in");
        return;
    }
    if home.is_some_and(|home| home.borrow().is_within(granted)) {
        let message = "the home directory is granted for writing: what starts at login, keys and \
                       settings can be changed";
        build.reporter.danger(span, message, "grant the directories that the work is in");
    }
    let mut inside: Vec<(&str, Path)> = own_files(build);
    inside.extend(state_directory(build).map(|path| ("journal", path)));
    for (what, path) in inside.into_iter().filter(|(_, path)| path.borrow().is_within(granted)) {
        let path = quoted(path.as_str());
        let message = format!("what is granted for writing holds the {what}: {path}");
        let help = match what {
            "journal" => "put it elsewhere: set the directory under [state]",
            _ => "put it elsewhere, or grant less",
        };
        build.reporter.danger(span, message, help);
    }
}

/// A program that can be written and run is every program.
fn programs(
    build: &mut Build<'_, '_>,
    path: &Path,
    granted: &[&(Grant, Node)],
    span: Option<Span>,
) {
    for (grant, _) in granted {
        if let Resource::Command(rule) = &grant.resource
            && rule.program.borrow().is_within(path.borrow())
            && path.borrow().components().next().is_some()
        {
            let program = quoted(rule.program.as_str());
            let message =
                format!("what is granted for writing holds a program that may be run: {program}");
            build.reporter.danger(span, message, "run programs that the agent cannot change");
        }
    }
}

/// What a repository says, a later `git` runs: its settings name programs, its hooks are some.
fn repository(
    build: &mut Build<'_, '_>,
    path: &Path,
    written: &[(Grant, Node)],
    span: Option<Span>,
) {
    let git = written.iter().find_map(|(grant, _)| match &grant.resource {
        Resource::Command(rule) if grant.level != Level::Deny => {
            let program = &rule.program;
            (program.as_str().rsplit('/').next() == Some("git")).then_some(program)
        }
        _ => None,
    });
    let is_forbidden = |place: &str| {
        written.iter().any(|(grant, _)| match &grant.resource {
            Resource::Files { path: denied, rights } if grant.level == Level::Deny => {
                let place = PathRef::resolve(path.as_str(), place);
                rights.has(FileRight::Write)
                    && place.is_ok_and(|place| place.is_within(denied.borrow()))
            }
            _ => false,
        })
    };
    let Some(git) = git.filter(|_| path.borrow().components().next().is_some()) else { return };
    if !(is_forbidden(".git/config") && is_forbidden(".git/hooks")) {
        let message = format!(
            "{git} runs what `.git/config` and `.git/hooks` say, and beneath {} they can be \
             written: forbid it with deny = [\"write {path}/.git/config\", \"write \
             {path}/.git/hooks\"]",
            quoted(path.as_str())
        );
        build.reporter.note(span, message);
    }
}

fn command(build: &mut Build<'_, '_>, grant: &Grant, span: Option<Span>) {
    let Resource::Command(rule) = &grant.resource else { return };
    match rule.warning() {
        Some(warning @ CommandWarning::Unguarded(_)) => {
            let message = format!("{} is granted unguarded: {warning}", rule.program);
            build.reporter.danger(span, message, "leave out `unguarded`, or name subcommands");
        }
        Some(warning) => build.reporter.note(span, format!("{}: {warning}", rule.program)),
        None if rule.is_unguarded => {
            build.reporter.note(span, format!("{} is granted unguarded", rule.program));
        }
        None => {}
    }
    if rule.may_use_any_path {
        let message = format!("{} may be given any path, granted or not", rule.program);
        build.reporter.danger(span, message, "leave out `any paths`, and grant the files");
    }
}

fn connect_anywhere(build: &mut Build<'_, '_>, granted: &[&(Grant, Node)], span: Option<Span>) {
    let reads = |grant: &Grant| match &grant.resource {
        Resource::Files { rights, .. } => rights.has(FileRight::Read),
        _ => false,
    };
    if granted.iter().any(|(grant, _)| reads(grant)) {
        let message = "files can be read, and every host can be connected to without a question: \
                       whatever is read can leave";
        build.reporter.danger(span, message, "name the hosts, or write `ask` behind the grant");
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
