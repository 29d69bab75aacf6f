//! What the agent may do: grants, denials, the rules of the flow and the roles of tools.
//!
//! # Invariants
//! - Whatever is granted, the agent cannot change its own configuration and persona, nor see its
//!   state and the files of its secrets: rules that forbid it are added.
//!
//! # Not here
//! Whether that is wise: [`danger`](super::super::danger).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Build;
use crate::capability::{FileRight, FileRights, Grant, Level, Path, Resource, Table};
use crate::config::diagnostic::quoted;
use crate::config::draft::{Data, Node, Part};
use crate::config::{Endpoint, form};
use crate::label::{
    Effect, Flow, Hold, Mode, Output, Parameter, ParameterKind, Readers, Secrecy, ToolRole,
};
use crate::order::{Map, Set};
use crate::policy::{EFFECTS, INTEGRITIES, MODES, PAYLOADS, SECRECIES};
use crate::text::suggest;
use crate::time::Timestamp;
use crate::tool::Builtin;

/// The grants and denials of the file, each with its place.
pub(super) fn written(build: &mut Build<'_, '_>) -> Vec<(Grant, Node)> {
    let mut table = Table::new();
    let mut list: Vec<(Grant, Node)> = Vec::new();
    let mut seen: Set<String> = Set::new();
    let draft = build.draft;
    let Some(security) = draft.part("security") else { return list };
    let granted = security.list("grants").iter().map(|node| (node, ""));
    let denied = security.list("deny").iter().map(|node| (node, "deny "));
    for (node, before) in granted.chain(denied) {
        // Only what reads as a grant came this far.
        let text = node.text().unwrap_or_default();
        let Ok(grant) = format!("{before}{text}").parse::<Grant>() else { continue };
        if !seen.insert(grant.to_string()) {
            build.reporter.error(node.span, "this stands here twice");
            continue;
        }
        // Whether it has ended, the clock of the shell tells.
        if let Err(error) = table.grant(grant.clone(), Timestamp(0)) {
            build.reporter.error(node.span, error.to_string());
            continue;
        }
        list.push((grant, node.clone()));
    }
    list
}

/// What holds besides: models that are described may be asked, and the agent's own files are not
/// its to touch.
pub(super) fn implied(
    build: &Build<'_, '_>,
    written: &[(Grant, Node)],
    endpoints: &[Endpoint],
) -> Vec<Grant> {
    let mut grants: Vec<Grant> = Vec::new();
    let mut add = |resource: Resource, level: Level| {
        let grant = Grant::new(resource, level);
        if !grants.contains(&grant) && !written.iter().any(|(other, _)| *other == grant) {
            grants.push(grant);
        }
    };
    for endpoint in endpoints {
        let wanted = endpoint.model.name.as_str();
        let is_ruled = written.iter().any(|(grant, _)| match &grant.resource {
            Resource::Model { name, is_prefix } if *is_prefix => wanted.starts_with(&**name),
            Resource::Model { name, .. } => **name == *wanted,
            _ => false,
        });
        if !is_ruled {
            add(Resource::Model { name: wanted.into(), is_prefix: false }, Level::Allow);
        }
    }
    let skills = super::skills::directories(build);
    let skills = skills.iter().filter_map(|path| Path::parse(path).ok());
    for path in own_files(build).into_iter().map(|(_, path)| path).chain(skills) {
        let rights = FileRights::of(&[FileRight::Write]);
        add(Resource::Files { path, rights }, Level::Deny);
    }
    let state = state_directory(build);
    let secrets = build.secret_files.iter().filter_map(|path| Path::parse(path).ok());
    let is_apart =
        |path: &Path| !state.as_ref().is_some_and(|state| path.borrow().is_within(state.borrow()));
    for path in secrets.filter(is_apart).chain(state.clone()) {
        let rights = FileRights::of(&FileRight::ALL);
        add(Resource::Files { path, rights }, Level::Deny);
    }
    grants
}

/// The files that say who the agent is, with what each is.
pub(in crate::config) fn own_files(build: &Build<'_, '_>) -> Vec<(&'static str, Path)> {
    let mut files = Vec::new();
    let file = build.surroundings.file_name;
    if !file.is_empty() {
        let path = form::path(file, build.surroundings).ok();
        files.extend(path.and_then(|path| Some(("configuration", Path::parse(&path).ok()?))));
    }
    let agent = build.draft.part("agent");
    let http = build.draft.part("http");
    for (part, key, what) in [
        (agent, "persona_file", "persona"),
        (agent, "instructions_file", "instructions"),
        // Whoever writes there says whom the agent believes.
        (http, "ca_file", "list of authorities"),
    ] {
        let path = part.and_then(|part| part.text(key));
        files.extend(path.and_then(|path| Some((what, Path::parse(path).ok()?))));
    }
    files
}

/// The directory of the journal.
pub(in crate::config) fn state_directory(build: &Build<'_, '_>) -> Option<Path> {
    let state = build.draft.part("state")?;
    Path::parse(state.text("directory")?).ok()
}

/// The rules of the flow.
pub(super) fn flow(build: &Build<'_, '_>) -> Flow {
    let Some(security) = build.draft.part("security") else { return Flow::default() };
    let mode = security.text("mode").and_then(|word| meaning(MODES, word));
    let constants = security.get("constants").into_iter().flat_map(Node::texts);
    let constants: Set<Box<str>> = constants.map(Box::from).collect();
    let hold = security.text("hold").and_then(|word| meaning(HOLDS, word));
    Flow { mode: mode.unwrap_or(Mode::Strict), constants, hold: hold.unwrap_or_default() }
}

/// Where programs are that may be called by name: what the file says, and the programs of the
/// grants by the last part of their paths, where no two share one. A model says "git", and a grant
/// names one.
pub(super) fn programs(build: &mut Build<'_, '_>, grants: &[Grant]) -> Map<String, String> {
    let mut programs = granted_names(grants);
    let draft = build.draft;
    let Some(security) = draft.part("security") else { return programs };
    for (name, node) in security.map("programs") {
        if name.is_empty() || name.contains('/') {
            let message = format!("{} is no name of a program", quoted(name));
            build.reporter.error_with(node.span, message, "name = \"/path/of/the/program\"");
        }
        programs.insert(name.clone(), node.text().unwrap_or_default().into());
    }
    programs
}

fn granted_names(grants: &[Grant]) -> Map<String, String> {
    let mut names: Map<String, String> = Map::new();
    let mut shared: Set<String> = Set::new();
    for grant in grants.iter().filter(|grant| grant.level != Level::Deny) {
        let Resource::Command(rule) = &grant.resource else { continue };
        let path = rule.program.as_str();
        let name = path.rsplit('/').next().unwrap_or_default();
        match names.get(name) {
            Some(other) if other != path => {
                shared.insert(name.into());
            }
            _ => {
                names.insert(name.into(), path.into());
            }
        }
    }
    for name in &shared {
        names.remove(name.as_str());
    }
    names
}

/// The roles that the operator gives to tools, by their names.
pub(super) fn roles(build: &mut Build<'_, '_>) -> Map<String, ToolRole> {
    let mut roles = Map::new();
    let draft = build.draft;
    // Asked for also where no tool is described: whoever answers takes note of what is there.
    let foreign = (build.surroundings.tools)(&super::skills::directories(build));
    for part in draft.parts("tool") {
        let name = part.name.as_deref().unwrap_or_default();
        let builtin = Builtin::ALL.into_iter().find(|builtin| builtin.name() == name);
        if builtin.is_none() && !foreign.iter().any(|tool| tool == name) {
            let mut known: Vec<&str> = foreign.iter().map(String::as_str).collect();
            known.extend(Builtin::ALL.iter().map(|builtin| builtin.name()));
            let meant = suggest::nearest(name, known);
            let message = format!("there is no tool {}", quoted(name));
            let message = match meant {
                Some(meant) => format!("{message}; did you mean '{meant}'?"),
                None => message,
            };
            build.reporter.error(part.span, message);
            continue;
        }
        let effect = part.text("effect").and_then(|word| meaning(EFFECTS, word));
        let mut role = match (builtin, effect) {
            (Some(builtin), None) => builtin.role(),
            (Some(builtin), Some(effect)) => ToolRole { effect, ..builtin.role() },
            (None, Some(effect)) => ToolRole::new(effect),
            (None, None) => {
                if !part.is_faulty {
                    let message = format!("{} does not say what its calls do", part.header());
                    let help = "add effect = \"send\", or change, workspace, read";
                    build.reporter.error_with(part.span, message, help);
                }
                // Not used: there is no configuration with an error in it.
                ToolRole::new(Effect::Send)
            }
        };
        fill(build, part, &mut role);
        roles.insert(name.into(), role);
    }
    roles
}

fn fill(build: &mut Build<'_, '_>, part: &Part, role: &mut ToolRole) {
    let mut said: Vec<&str> = Vec::new();
    for (key, kind) in [
        ("control", ParameterKind::Control),
        ("recipients", ParameterKind::Recipient),
        ("payload", ParameterKind::Payload),
        ("credentials", ParameterKind::Credential),
    ] {
        for node in part.list(key) {
            let name = node.text().unwrap_or_default();
            if said.contains(&name) {
                let message = format!("the parameter {} is said twice", quoted(name));
                build.reporter.error(node.span, message);
            }
            said.push(name);
            match role.parameters.iter_mut().find(|parameter| *parameter.name == *name) {
                Some(parameter) => parameter.kind = kind,
                None => role.parameters.push(Parameter::new(name, kind)),
            }
        }
    }
    for (name, node) in part.map("constants") {
        let constants = node.texts().map(Box::from).collect();
        if let Some(parameter) = parameter(build, role, name, node) {
            parameter.constants = constants;
        }
    }
    for (name, node) in part.map("record") {
        let record = node.text().map(Box::from);
        if let Some(parameter) = parameter(build, role, name, node) {
            parameter.record = record;
        }
    }
    if let Some(node) = part.get("readers") {
        role.readers = readers(build, node);
    }
    if let Some(word) = part.text("tainted_payload").and_then(|word| meaning(PAYLOADS, word)) {
        role.tainted_payload = word;
    }
    if let Some(undoable) = part.flag("undoable") {
        role.undoable = undoable;
    }
    if let Some(name) = part.text("fetches") {
        role.fetches = Some(name.into());
    }
    if let Some(node) = part.get("output") {
        role.output = output(build, node);
    }
}

fn parameter<'r>(
    build: &mut Build<'_, '_>,
    role: &'r mut ToolRole,
    name: &str,
    node: &Node,
) -> Option<&'r mut Parameter> {
    let found = role.parameters.iter_mut().find(|parameter| *parameter.name == *name);
    if found.is_none() {
        let message = format!("there is no parameter {}", quoted(name));
        let help = "name it under control, recipients, payload or credentials";
        build.reporter.error_with(node.span, message, help);
    }
    found
}

fn output(build: &mut Build<'_, '_>, node: &Node) -> Output {
    let mut output = Output::default();
    let word = |key: &str| node.get(key).and_then(Node::text);
    if let Some(integrity) = word("integrity").and_then(|word| meaning(INTEGRITIES, word)) {
        output.integrity = integrity;
    }
    if let Some(secrecy) = word("secrecy").and_then(|word| meaning(SECRECIES, word)) {
        output.secrecy = secrecy;
    }
    if output.secrecy == Secrecy::Public {
        output.readers = Readers::everybody();
    }
    if let Some(node) = node.get("readers") {
        output.readers = readers(build, node);
    }
    output.hold = word("hold").and_then(|word| meaning(HOLDS, word));
    output
}

fn readers(build: &mut Build<'_, '_>, node: &Node) -> Readers {
    match &node.data {
        Data::List(nodes) if !nodes.is_empty() => {
            Readers::of(node.texts()).unwrap_or_else(|error| {
                build.reporter.error(node.span, error.to_string());
                Readers::nobody()
            })
        }
        _ => Readers::nobody(),
    }
}

const HOLDS: &[(&str, Hold)] =
    &[("nothing", Hold::Nothing), ("large", Hold::Large), ("untrusted", Hold::Untrusted)];

/// What a word means.
fn meaning<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    words.iter().find(|(known, _)| *known == word).map(|(_, meant)| *meant)
}
