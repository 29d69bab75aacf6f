//! From a draft to a configuration: what the keys mean together.
//!
//! # Invariants
//! - Whatever contradicts itself or names what is not there is reported, and all of it.
//!
//! # Not here
//! What is legal and unwise: [`danger`](super::danger).

pub(super) mod authority;
mod egress;
mod models;
mod people;
mod rest;
mod skills;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub(super) use self::models::model_section;

use super::concern::Ground;
use super::diagnostic::Reporter;
use super::draft::{Draft, Node, Part};
use super::{
    Config, Confinement, Connector, SecretSource, Surroundings, Terminal, defaults, digest, form,
};
use crate::agent::{OutsideCall, Settings};
use crate::capability::Grant;
use crate::channel::{Audience, Platform};
use crate::limits::CONFIG_TEXT_BYTES_MAX;
use crate::tool::Tools;
use crate::wire::url::Url;

/// How the keys of a secret's places end.
pub(super) const SOURCES: [&str; 3] = ["_env", "_file", "_credential"];

/// What is needed while a configuration is put together.
pub(super) struct Build<'b, 't> {
    pub(super) draft: &'b Draft,
    pub(super) surroundings: &'b Surroundings<'b>,
    pub(super) reporter: &'b mut Reporter<'t>,
    /// Files that hold secrets.
    pub(super) secret_files: Vec<String>,
}

impl<'b> Build<'b, '_> {
    /// The section that describes a model.
    pub(super) fn part_of(&self, model: &str) -> Option<&'b Part> {
        let is = |part: &&Part| {
            model_section(part) && part.name.as_deref().unwrap_or(part.section.name) == model
        };
        self.draft.sections.iter().find(is)
    }
}

/// Puts a configuration together; what was reported says whether it is one. The grants of the file
/// come with their places.
pub(super) fn config(build: &mut Build<'_, '_>) -> (Config, Vec<(Grant, Node)>) {
    let draft = build.draft;
    let endpoints = models::endpoints(build);
    let prices = models::prices(build, &endpoints);
    let connectors = people::connectors(build);
    let terminal = terminal(build);
    let part = draft.part("terminal");
    if let (None, true, Some(part)) = (terminal, connectors.is_empty(), part) {
        let message = "nobody can talk to the agent: no platform is connected";
        build.reporter.note(part.place("enabled"), message);
    }
    let mut access = people::access(build, terminal.is_some());
    // Who calls from outside is a guest, whom nothing but `sentinel mcp` lets speak.
    let room = (Platform::OUTSIDE.name, OutsideCall::ROOM);
    if let Ok(with) = access.clone().room(room.0, room.1, Audience::Everybody) {
        access = with;
    }
    let skill_tokens = skills::tokens(build);
    let (skill_signers, are_skill_signatures_required) = skills::signers(build);
    let state = rest::state(build);
    if let super::SealKey::Key(SecretSource::File(path))
    | super::SealKey::Passphrase(SecretSource::File(path)) = &state.key
    {
        build.secret_files.push(path.clone());
    }
    let http = rest::http(build);
    let written = authority::written(build);
    let implied = authority::implied(build, &written, &endpoints);
    let roles = authority::roles(build);
    let grants: Vec<_> = written.iter().map(|(grant, _)| grant.clone()).chain(implied).collect();
    let programs = authority::programs(build, &grants);
    let mut tools = Tools::builtin();
    for (name, role) in &roles {
        // What is not built in, the shell adds with its role.
        tools.declare(name, role.clone());
    }
    let (inspection, injected) = egress::inspection(build);
    let agent = draft.part("agent");
    let text = |key: &str| agent.and_then(|agent| agent.text(key)).map(String::from);
    let terminals = terminal.iter().map(|_| Platform::TERMINAL);
    let mut settings = Settings {
        instructions: instructions(build),
        persona: persona(build),
        models: endpoints.iter().map(|endpoint| endpoint.model.clone()).collect(),
        tools,
        grants,
        flow: authority::flow(build),
        budget: rest::budget(build),
        prices,
        access,
        platforms: terminals
            .chain(connectors.iter().map(|it| it.platform))
            .chain([Platform::OUTSIDE])
            .collect(),
        attachments: connectors
            .iter()
            .map(|it| (it.platform.name.into(), it.attachment_bytes_max))
            .collect(),
        unstreamed: unstreamed(terminal, &connectors),
        turn: rest::turn(build),
        snapshot_inputs: agent
            .and_then(|agent| u64::try_from(agent.integer("snapshot_inputs")?).ok())
            .unwrap_or(crate::limits::SNAPSHOT_INPUTS),
        workspace: text("workspace").unwrap_or_default(),
        programs,
        inspection,
        ..Settings::nothing()
    };
    settings.digest = digest::of(draft, &settings);
    let security = draft.part("security");
    let config = Config {
        values: super::show::values(draft),
        name: text("name").unwrap_or_default(),
        persona_file: text("persona_file"),
        ground: Ground::of(build),
        endpoints,
        connectors,
        terminal,
        self_confinement: match security.and_then(|part| part.text("self_confinement")) {
            Some("best") => Confinement::Best,
            _ => Confinement::Strict,
        },
        roles,
        skill_directories: skills::directories(build),
        skill_signers,
        are_skill_signatures_required,
        skill_tokens,
        sandbox: rest::sandbox(build),
        injected,
        http,
        log: rest::log(build),
        metrics: rest::metrics(build),
        state,
        settings,
    };
    (config, written)
}

fn terminal(build: &Build<'_, '_>) -> Option<Terminal> {
    let part = build.draft.part("terminal")?;
    let is_enabled = part.flag("enabled").unwrap_or(true);
    is_enabled.then(|| Terminal { is_streamed: part.flag("stream").unwrap_or(true) })
}

/// The platforms on which an answer is shown when it is whole.
fn unstreamed(terminal: Option<Terminal>, connectors: &[Connector]) -> Vec<&'static str> {
    let terminal = terminal.filter(|terminal| !terminal.is_streamed);
    let terminal = terminal.map(|_| Platform::TERMINAL.name);
    let others = connectors.iter().filter(|connector| !connector.is_streamed);
    terminal.into_iter().chain(others.map(|connector| connector.platform.name)).collect()
}

fn instructions(build: &mut Build<'_, '_>) -> String {
    let draft = build.draft;
    let Some(agent) = draft.part("agent") else { return String::new() };
    let text = agent.text("instructions").unwrap_or_default();
    let Some(node) = agent.get("instructions_file") else { return text.into() };
    if !text.is_empty() {
        let message = "'instructions' and 'instructions_file' say the same thing twice";
        build.reporter.error_with(node.span, message, "leave one of them out");
    }
    let path = node.text().unwrap_or_default();
    match (build.surroundings.file)(path) {
        Some(text) if text.len() > CONFIG_TEXT_BYTES_MAX => {
            let message = format!("the file has more than {CONFIG_TEXT_BYTES_MAX} bytes");
            build.reporter.error(node.span, message);
            String::new()
        }
        Some(text) => text,
        None => {
            build.reporter.error(node.span, "there is no such file, or it cannot be read");
            String::new()
        }
    }
}

fn persona(build: &mut Build<'_, '_>) -> Option<[u8; 32]> {
    let draft = build.draft;
    let agent = draft.part("agent")?;
    let pinned = agent.get("persona_sha256");
    match (agent.get("persona_file"), pinned) {
        (Some(file), None) if !agent.is_faulty => {
            let path = file.text().unwrap_or_default();
            let help = match (build.surroundings.file)(path) {
                Some(text) => {
                    let digest = digest::hexadecimal(&digest::sha256(text.as_bytes()));
                    format!("if the file is as it should be, add persona_sha256 = \"{digest}\"")
                }
                None => "write the file, and its `sha256sum` as persona_sha256".into(),
            };
            let message = "the persona is not approved: its digest is missing";
            build.reporter.error_with(file.span, message, help);
        }
        (None, Some(pinned)) if !agent.is_faulty => {
            let message = "there is a digest and no persona_file";
            build.reporter.error_with(pinned.span, message, "add persona_file = \"persona.md\"");
        }
        _ => {}
    }
    pinned.and_then(Node::text).and_then(form::hexadecimal)
}

/// Where the service of a section is, in place of its own address.
fn base_url(build: &mut Build<'_, '_>, part: &Part) -> Option<Url> {
    let url = Url::parse(part.text("base_url")?).ok()?;
    if url.query().is_some() {
        let message = "the address has a query, and paths come behind it";
        build.reporter.error_with(part.place("base_url"), message, "leave out what follows `?`");
    }
    Some(url)
}

/// Where a secret of a section is. `stem` is how its keys begin.
fn source_of(
    build: &mut Build<'_, '_>,
    part: &Part,
    stem: &str,
    is_needed: bool,
    what: &str,
) -> Option<SecretSource> {
    let said = SOURCES.map(|end| part.get(&format!("{stem}{end}")));
    let mut places = said.iter().flatten();
    if let (Some(_), Some(second)) = (places.next(), places.next()) {
        let message = format!("{} says in two places where to find {what}", part.header());
        build.reporter.error_with(second.span.or(part.span), message, "leave one of them out");
    }
    let [variable, file, credential] = said.map(|node| node.and_then(Node::text));
    if let Some(name) = variable {
        look_up(build, part, &format!("{stem}_env"), name);
        return Some(SecretSource::Environment(name.into()));
    }
    if let Some(path) = file {
        build.secret_files.push(path.into());
        return Some(SecretSource::File(path.into()));
    }
    if let Some(name) = credential {
        return Some(SecretSource::Credential(name.into()));
    }
    if is_needed && !part.is_faulty {
        let usual = defaults::usual_variables(part);
        let usual = usual.iter().find(|(other, _)| *other == stem);
        let variable = usual.map_or("API_KEY", |(_, variable)| *variable);
        let blank = (build.surroundings.environment)(variable)
            .map_or("", |_| ", and the variable of that name is blank");
        let message = format!("{} has nothing that says where to find {what}", part.header());
        let help = format!(
            "put it into the environment as {variable}{blank}, or add {stem}_env, {stem}_file or \
             {stem}_credential"
        );
        build.reporter.error_with(part.span, message, help);
    }
    None
}

/// Looks whether the variable of a secret is set: only that, its value goes nowhere.
fn look_up(build: &mut Build<'_, '_>, part: &Part, key: &str, name: &str) {
    match (build.surroundings.environment)(name) {
        Some(value) if value.trim().is_empty() => {
            let message = format!("the variable {name} is blank");
            build.reporter.error(part.place(key), message);
        }
        Some(_) => {}
        None => {
            let message = format!("the variable {name} is not set here");
            build.reporter.note(part.place(key), message.to_string());
        }
    }
}
