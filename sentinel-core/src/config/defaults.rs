//! What counts where the file says nothing: the environment's well-known names, then defaults.
//!
//! # Invariants
//! - The file goes before the environment: a variable counts only for what the file leaves out.
//! - A variable that is blank is an error, never "everybody".
//!
//! # Not here
//! Secrets: only the names of their variables.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Surroundings;
use super::diagnostic::{Reporter, quoted};
use super::draft::{Data, Draft, Node, Part, text, texts};
use super::form;
use super::keys::SECTIONS;
use super::table::{self, Form, Key, Kind, Presence};
use super::{PLATFORMS, provider};
use crate::order;

/// Fills in what was left out.
pub(super) fn fill(
    draft: &mut Draft,
    surroundings: &Surroundings<'_>,
    reporter: &mut Reporter<'_>,
) {
    let mut environment = Environment { surroundings, reporter };
    environment.sections(draft);
    for section in SECTIONS {
        if section.presence == Presence::Always && draft.part(section.name).is_none() {
            draft.add(section);
        }
    }
    environment.model(draft);
    environment.secrets(draft);
    environment.people(draft);
    places(draft, surroundings, environment.reporter);
    environment.authority(draft);
    for part in &mut draft.sections {
        constants(part.section.keys, &mut part.entries);
    }
}

struct Environment<'e, 's, 't> {
    surroundings: &'e Surroundings<'s>,
    reporter: &'e mut Reporter<'t>,
}

impl Environment<'_, '_, '_> {
    /// The value of a variable, unless it is not set or blank, which is reported.
    fn variable(&mut self, name: &str) -> Option<String> {
        let value = (self.surroundings.environment)(name)?;
        if value.trim().is_empty() {
            let help = "give it a value, or take it out of the environment";
            self.reporter.environment(format!("{name} is blank"), help);
            return None;
        }
        Some(value)
    }

    /// The parts of a list between commas.
    fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.variable(name)?;
        let parts: Vec<String> = value.split(',').map(|part| part.trim().to_string()).collect();
        if parts.iter().any(String::is_empty) {
            let help = "the parts of the list stand between single commas";
            self.reporter.environment(format!("{name} has a blank part"), help);
            return None;
        }
        Some(parts)
    }

    /// Adds the sections that the environment names, of each kind that the file has none of.
    fn sections(&mut self, draft: &mut Draft) {
        let has = |draft: &Draft, names: &[&str]| {
            draft.sections.iter().any(|part| names.contains(&part.section.name))
        };
        let has_models = has(draft, &["anthropic", "openai", "models"]);
        let has_platforms = has(draft, &PLATFORMS);
        let models = [("anthropic", "ANTHROPIC_API_KEY"), ("openai", "OPENAI_API_KEY")];
        let platforms = [
            ("telegram", "TELEGRAM_BOT_TOKEN"),
            ("discord", "DISCORD_BOT_TOKEN"),
            ("slack", "SLACK_BOT_TOKEN"),
        ];
        let wanted = [(has_models, models.as_slice()), (has_platforms, platforms.as_slice())];
        for (_, pairs) in wanted.into_iter().filter(|(is_there, _)| !is_there) {
            for (section, variable) in pairs {
                let found = SECTIONS.iter().find(|other| other.name == *section);
                let (Some(found), Some(_)) = (found, self.variable(variable)) else { continue };
                draft.add(found);
            }
        }
    }

    /// The variable that names a model: one of those described, or what a provider calls it.
    fn model(&mut self, draft: &mut Draft) {
        const NAME: &str = "SENTINEL_MODEL";
        let says =
            |draft: &Draft| draft.part("agent").is_some_and(|part| part.get("model").is_some());
        if says(draft) {
            return;
        }
        let Some(wanted) = self.variable(NAME) else { return };
        let is = |part: &Part| {
            super::build::model_section(part)
                && (part.name.as_deref().unwrap_or(part.section.name) == wanted
                    || part.text("model") == Some(&wanted))
        };
        if let Some(part) = draft.sections.iter().find(|part| is(part)) {
            let name = part.name.clone().unwrap_or_else(|| part.section.name.into());
            if let Some(agent) = draft.part_mut("agent") {
                agent.set("model", text(name));
            }
            return;
        }
        let section = if wanted.starts_with("claude") { "anthropic" } else { "openai" };
        match draft.part_mut(section) {
            Some(part) if part.get("model").is_none() => {
                part.set("model", text(wanted));
                if let Some(agent) = draft.part_mut("agent") {
                    agent.set("model", text(section));
                }
            }
            _ => {
                let message = format!("{NAME} names {}, which is not described", quoted(&wanted));
                self.reporter.environment(message, "add a [models.NAME] section for it");
            }
        }
    }

    /// The variables that secrets are usually in.
    fn secrets(&mut self, draft: &mut Draft) {
        for part in &mut draft.sections {
            for (stem, variable) in usual_variables(part) {
                let is_said = super::build::SOURCES
                    .iter()
                    .any(|source| part.get(&format!("{stem}{source}")).is_some());
                let is_set = (self.surroundings.environment)(variable)
                    .is_some_and(|value| !value.trim().is_empty());
                if !is_said && is_set {
                    part.set(&format!("{stem}_env"), text(variable));
                }
            }
        }
    }

    /// Who may talk, and who may approve, of each platform about which the file says nothing.
    fn people(&mut self, draft: &mut Draft) {
        let is_silent = |part: &&mut Part| {
            PLATFORMS.contains(&part.section.name)
                && part.get("allowed_users").is_none()
                && part.get("operators").is_none()
                && !part.is_faulty
        };
        let mut silent: Vec<&mut Part> = draft.sections.iter_mut().filter(is_silent).collect();
        if silent.is_empty() {
            return;
        }
        self.ids(&mut silent, "SENTINEL_ALLOWED_USERS", "allowed_users");
        self.ids(&mut silent, "SENTINEL_OPERATORS", "operators");
    }

    /// Sets a list of people from a variable, for each platform that it has ids of.
    fn ids(&mut self, silent: &mut [&mut Part], name: &str, key: &str) {
        let Some(users) = self.list(name) else { return };
        let mut ids: Vec<(&str, &str)> = Vec::new();
        for user in &users {
            match platform_of(user) {
                Some(found) => ids.push(found),
                None => {
                    let message = format!("{name} holds {}, which is no id", quoted(user));
                    let help = "numbers of Telegram and Discord, U… of Slack, or telegram:77";
                    self.reporter.environment(message, help);
                }
            }
        }
        for (platform, id) in &ids {
            if !silent.iter().any(|part| part.section.name == *platform) {
                let message = format!(
                    "{name}: {} has no use: {platform} is not connected, or \
                    the file says who may talk there",
                    quoted(id)
                );
                self.reporter.environment_note(message);
            }
        }
        for part in silent {
            let own = ids.iter().filter(|(platform, _)| *platform == part.section.name);
            let own: Vec<String> = own.map(|(_, id)| id.to_string()).collect();
            if !own.is_empty() {
                part.set(key, texts(own));
            }
        }
    }

    /// Grants, if the file has none.
    fn authority(&mut self, draft: &mut Draft) {
        let read = self.silent(draft).and_then(|()| self.list("SENTINEL_READ_PATHS"));
        let written = self.silent(draft).and_then(|()| self.list("SENTINEL_WRITE_PATHS"));
        let commands = self.silent(draft).and_then(|()| self.list("SENTINEL_COMMANDS"));
        let workspace = draft.part("agent").and_then(|part| part.text("workspace"));
        let workspace = workspace.unwrap_or("/").to_string();
        if self.silent(draft).is_none() {
            return;
        }
        let mut grants = Vec::new();
        let mut programs = Vec::new();
        for path in read.unwrap_or_else(|| alloc::vec![workspace]) {
            grants.extend(self.path("SENTINEL_READ_PATHS", "read,list", &path));
        }
        for path in written.unwrap_or_default() {
            grants.extend(self.path("SENTINEL_WRITE_PATHS", "write", &path));
        }
        for command in commands.unwrap_or_default() {
            let found = if command.contains('/') {
                Some(command.clone())
            } else {
                (self.surroundings.program)(&command)
            };
            let Some(program) = found else {
                let message = format!("SENTINEL_COMMANDS: {} was not found", quoted(&command));
                self.reporter.environment(message, "write its whole path");
                continue;
            };
            grants.extend(self.path("SENTINEL_COMMANDS", "run", &program));
            if !command.contains('/') {
                programs.push((command, Node { span: None, data: text(program) }));
            }
        }
        let Some(security) = draft.part_mut("security") else { return };
        security.set("grants", texts(grants));
        if security.get("programs").is_none() && !programs.is_empty() {
            security.set("programs", Data::Map(programs));
        }
    }

    /// Whether the file says nothing of grants.
    fn silent(&self, draft: &Draft) -> Option<()> {
        let security = draft.part("security")?;
        (security.get("grants").is_none() && !security.is_faulty).then_some(())
    }

    /// A grant about a path.
    fn path(&mut self, variable: &str, what: &str, path: &str) -> Option<String> {
        let spelled = form::path(path, self.surroundings).and_then(|path| {
            let escaped = path.replace('\\', "\\\\").replace('"', "\\\"");
            form::spelled(Form::Grant, &format!("{what} \"{escaped}\""), self.surroundings)
        });
        match spelled {
            Ok(grant) => Some(grant),
            Err(complaint) => {
                let message = format!("{variable}: {}: {}", quoted(path), complaint.message);
                let help = complaint.help.unwrap_or_else(|| "write the whole path".into());
                self.reporter.environment(message, help);
                None
            }
        }
    }
}

/// The platform that an id is of, and the id: `telegram:77`, or an id that only one platform has.
#[must_use]
pub fn platform_of(user: &str) -> Option<(&'static str, &str)> {
    /// Telegram's ids have up to 16 digits, those of Discord at least 17.
    const DISCORD_DIGITS_MIN: usize = 17;
    if let Some((platform, id)) = user.split_once(':') {
        let platform = PLATFORMS.into_iter().find(|known| *known == platform)?;
        return Some((platform, id)).filter(|(_, id)| !id.is_empty());
    }
    let is_number = user.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number, user.len()) {
        (true, 1..DISCORD_DIGITS_MIN) => Some(("telegram", user)),
        (true, DISCORD_DIGITS_MIN..) => Some(("discord", user)),
        (false, _) if user.starts_with(['U', 'W']) => Some(("slack", user)),
        _ => None,
    }
}

/// The secrets of a section: how their keys begin, and the variable each is usually in.
pub(super) fn usual_variables(part: &Part) -> Vec<(&'static str, &'static str)> {
    let of_model = |name| provider::find(name).and_then(|known| known.key_env);
    match part.section.name {
        "anthropic" => alloc::vec![("api_key", "ANTHROPIC_API_KEY")],
        "openai" => alloc::vec![("api_key", "OPENAI_API_KEY")],
        "models" => part
            .text("provider")
            .and_then(of_model)
            .map(|variable| ("api_key", variable))
            .into_iter()
            .collect(),
        "telegram" => alloc::vec![("token", "TELEGRAM_BOT_TOKEN")],
        "discord" => alloc::vec![("token", "DISCORD_BOT_TOKEN")],
        "slack" => alloc::vec![("token", "SLACK_BOT_TOKEN"), ("app_token", "SLACK_APP_TOKEN")],
        _ => Vec::new(),
    }
}

/// Where things are if nothing else is said.
fn places(draft: &mut Draft, surroundings: &Surroundings<'_>, reporter: &mut Reporter<'_>) {
    if let Some(agent) = draft.part_mut("agent") {
        if agent.get("workspace").is_none() {
            match form::path(".", surroundings) {
                Ok(path) => agent.set("workspace", text(path)),
                Err(_) => reporter.environment(
                    "the current directory has no path",
                    "set the workspace under [agent]",
                ),
            }
        }
        // What is in the file goes before what is built in.
        if agent.get("instructions_file").is_some() && agent.get("instructions").is_none() {
            agent.set("instructions", text(""));
        }
    }
    let Some(state) = draft.part_mut("state") else { return };
    if state.get("directory").is_none() && !state.is_faulty {
        let variable = (surroundings.environment)("XDG_STATE_HOME");
        let variable = variable.filter(|path| path.starts_with('/'));
        let directory = variable.map(|path| format!("{path}/sentinel"));
        let directory = directory.unwrap_or_else(|| "~/.local/state/sentinel".into());
        match form::path(&directory, surroundings) {
            Ok(path) => state.set("directory", text(path)),
            Err(_) => reporter.environment(
                "there is no home directory for the agent's state",
                "set the directory under [state], or HOME",
            ),
        }
    }
    let is_file = matches!(state.text("key"), None | Some("file"));
    if let (true, None, Some(directory)) = (is_file, state.get("key_file"), state.text("directory"))
    {
        let file = format!("{}/journal.key", directory.trim_end_matches('/'));
        state.set("key_file", text(file));
    }
}

/// Fills in the defaults that the table has, also in tables within, in the order of the table.
fn constants(keys: &'static [Key], entries: &mut Vec<(&'static Key, Node)>) {
    for key in keys {
        let data = match key.default {
            table::Default::Integer(number) => Data::Integer(number),
            table::Default::Flag(truth) => Data::Flag(truth),
            table::Default::Text(word) => text(word),
            table::Default::None | table::Default::Follows(_) => continue,
        };
        if !entries.iter().any(|(other, _)| other.name == key.name) {
            entries.push((key, Node { span: None, data }));
        }
    }
    for (key, node) in entries.iter_mut() {
        if let (Kind::Table(keys), Data::Table(entries)) = (&key.kind, &mut node.data) {
            constants(keys, entries);
        }
    }
    let order =
        |(key, _): &(&'static Key, Node)| keys.iter().position(|other| other.name == key.name);
    order::sort_by_key(entries, order);
}
