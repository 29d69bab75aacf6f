//! What the manifest of an MCP server says instead of its entry and its tools.
//!
//! # Invariants
//! - A tool of which nothing is said has no section, and one that has a section says its effect.
//! - A server elsewhere requires to reach its own host, and nothing else.
//!
//! # Not here
//! Which tools there are: the server says that, and the operator approves it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::manifest::{Declared, Server};
use super::super::needs;
use super::{EFFECTS, Part, Reader, SECRECIES};
use crate::capability::{Destination, Grant, HostPattern, Resource};
use crate::config::quoted;
use crate::label::Secrecy;
use crate::limits::{
    MCP_ITEMS_COUNT_MAX, SKILL_COMMAND_WORD_BYTES_MAX, SKILL_COMMAND_WORDS_MAX,
    SKILL_PARAMETERS_COUNT_MAX,
};
use crate::text::toml::Value;
use crate::wire::url::Url;

impl Reader<'_, '_> {
    /// The program, and all that is said besides.
    pub(super) fn server(&mut self, root: Part<'_>) -> Option<(String, Option<Server>)> {
        let part = self.part(root, "server")?;
        let tools = match root.get("tools") {
            Some(_) => self.declared(root),
            None => Vec::new(),
        };
        if let Some(value) = part.get("url") {
            self.known(part, &["url", "asks"], "key");
            let (url, asks) = (self.url(value), self.flag(part, "asks"));
            return Some((String::new(), Some(Server { url, asks, tools, ..Server::default() })));
        }
        self.known(part, &["command", "environment", "translates", "asks"], "key");
        self.needed(part, "command");
        let mut arguments = self.list(part, "command", SKILL_COMMAND_WORDS_MAX);
        let environment = self.list(part, "environment", SKILL_COMMAND_WORDS_MAX);
        if let Some(value) = part.get("environment")
            && let Some(wrong) = environment.iter().find(|word| !is_variable(word))
        {
            let message = format!("{} is not NAME=value", quoted(wrong));
            self.reporter.error(Some(value.span()), message);
        }
        let program = match arguments.is_empty() {
            true => String::new(),
            false => arguments.remove(0),
        };
        if let Some(value) = part.get("command")
            && !is_program(&program)
        {
            let help = "its first word is a path from '/' on, or one within the folder";
            self.reporter.error_with(Some(value.span()), "this starts nothing", help);
        }
        let translates = self.flag(part, "translates");
        let (url, asks) = (None, self.flag(part, "asks"));
        Some((program, Some(Server { url, arguments, environment, translates, asks, tools })))
    }

    fn url(&mut self, value: &Value<'_>) -> Option<Url> {
        let Some(text) = value.as_str() else {
            self.wrong_type(value.span(), "url", "a text", value);
            return None;
        };
        match Url::parse(text) {
            Ok(url) => Some(url),
            Err(error) => {
                let message = format!("{} is no address: {error}", quoted(text));
                self.reporter.error(Some(value.span()), message);
                None
            }
        }
    }

    /// Whether a server elsewhere requires its host, and what it cannot have here not.
    pub(super) fn reaches_itself(&mut self, root: Part<'_>, required: &[Grant]) {
        let place = self.part(root, "server").and_then(|part| part.get("url"));
        let Some(place) = place else { return };
        let Some(url) = place.as_str().and_then(|text| Url::parse(text).ok()) else { return };
        let own = Destination { host: url.host().into_owned(), port: url.port() };
        let is_own = |grant: &Grant| match &grant.resource {
            Resource::Connect { hosts: HostPattern::Exact(host), ports, .. } => {
                *host == own.host && ports.first == own.port && ports.last == own.port
            }
            _ => false,
        };
        if !required.iter().any(is_own) {
            let help = format!(
                "under [capabilities.required]: grants = [\"connect {own}\"]; it holds when that \
                 is granted"
            );
            let message = "the host of this server is not required";
            self.reporter.error_with(Some(place.span()), message, help);
        }
        for other in required.iter().filter(|grant| !is_own(grant)) {
            let message = format!("a server elsewhere is given nothing here, and not '{other}'");
            self.reporter.error(Some(place.span()), message);
        }
    }

    fn declared(&mut self, root: Part<'_>) -> Vec<Declared> {
        let Some(part) = self.part(root, "tools") else { return Vec::new() };
        if part.entries().count() > MCP_ITEMS_COUNT_MAX {
            let message = format!("there are more than {MCP_ITEMS_COUNT_MAX} tools");
            self.reporter.error(Some(part.span), message);
            return Vec::new();
        }
        let mut tools = Vec::new();
        for (name, span, value) in part.entries() {
            let Some(table) = value.as_table() else {
                self.wrong_type(span, name, "a section", value);
                continue;
            };
            let part = Part { table: Some(table), span };
            self.known(part, &["effect", "idempotent", "output", "payload"], "key");
            tools.push(Declared {
                name: name.into(),
                effect: self.word(part, "effect", EFFECTS),
                is_idempotent: self.flag(part, "idempotent"),
                secrecy: match part.get("output") {
                    Some(_) => self.word(part, "output", SECRECIES),
                    None => Secrecy::Private,
                },
                payload: self.list(part, "payload", SKILL_PARAMETERS_COUNT_MAX),
            });
        }
        tools
    }

    /// A list of texts that may be left out.
    fn list(&mut self, part: Part<'_>, name: &str, count_max: usize) -> Vec<String> {
        let Some(value) = part.get(name) else { return Vec::new() };
        let Some(list) = value.as_array() else {
            self.wrong_type(value.span(), name, "a list of texts", value);
            return Vec::new();
        };
        if list.len() > count_max {
            let message = format!("'{name}' has at most {count_max} texts");
            self.reporter.error(Some(value.span()), message);
            return Vec::new();
        }
        let mut texts = Vec::new();
        for element in list {
            let text = element.as_str().unwrap_or_default();
            let is_short = !text.is_empty() && text.len() <= SKILL_COMMAND_WORD_BYTES_MAX;
            match is_short && !text.contains('\0') {
                true => texts.push(text.into()),
                false => {
                    let message = format!(
                        "each of '{name}' is a text of 1 to {SKILL_COMMAND_WORD_BYTES_MAX} bytes"
                    );
                    self.reporter.error(Some(element.span()), message);
                }
            }
        }
        texts
    }
}

/// Whether it is a program by its whole path, or by one within the folder.
fn is_program(program: &str) -> bool {
    !program.contains(char::is_control)
        && needs::is_path(program.strip_prefix('/').unwrap_or(program))
}

fn is_variable(word: &str) -> bool {
    let is_of = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(is_of))
}
