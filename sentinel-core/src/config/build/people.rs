//! The platforms, and who may talk there.
//!
//! # Not here
//! What an id looks like: [`AccessRules`] knows the platforms.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Build, base_url, source_of};
use crate::channel::{AccessError, AccessRules, Audience, Platform, Standing};
use crate::config::draft::{Node, Part};
use crate::config::secret::is_secret_word;
use crate::config::{Connector, PLATFORMS, TERMINAL_PERSON};

/// The platforms that are connected, in the order of the table.
pub(super) fn connectors(build: &mut Build<'_, '_>) -> Vec<Connector> {
    let draft = build.draft;
    let parts = draft.sections.iter().filter(|part| PLATFORMS.contains(&part.section.name));
    let mut connectors = Vec::new();
    for part in parts {
        let token = source_of(build, part, "token", true, "a token");
        let app_token = match part.section.name {
            "slack" => source_of(build, part, "app_token", false, "a token"),
            _ => None,
        };
        if part.section.name == "slack" && app_token.is_none() && !part.is_faulty {
            let message = "without app_token_env, Slack is asked again and again for what is new \
                           in `rooms` (a private chat is one too, by its id D…), and questions \
                           have no buttons: they are answered by words";
            build.reporter.note(part.span, message);
            if part.map("rooms").is_empty() {
                let message = "no room is named, so there is nothing to ask Slack for";
                let help = "add rooms = { D0123ABCD = \"people\" }, or app_token_env";
                build.reporter.error_with(part.span, message, help);
            }
        }
        let platform = match part.section.name {
            "telegram" => Platform::TELEGRAM,
            "discord" => Platform::DISCORD,
            _ => Platform::SLACK,
        };
        let bytes = part.integer("attachment_bytes_max").unwrap_or_default();
        let base_url = base_url(build, part);
        let Some(token) = token else { continue };
        connectors.push(Connector {
            platform,
            token,
            app_token,
            is_streamed: part.flag("stream").unwrap_or(true),
            attachment_bytes_max: u64::try_from(bytes).unwrap_or_default(),
            base_url,
        });
    }
    connectors
}

/// Who may talk to the agent.
pub(super) fn access(build: &mut Build<'_, '_>, has_terminal: bool) -> AccessRules {
    let mut rules = AccessRules::new();
    if has_terminal {
        let with = rules.clone().person("terminal", TERMINAL_PERSON, Standing::Operator);
        rules = with.unwrap_or(rules);
    }
    let draft = build.draft;
    for part in draft.sections.iter().filter(|part| PLATFORMS.contains(&part.section.name)) {
        rules = of_platform(build, part, rules);
    }
    rules
}

fn of_platform(build: &mut Build<'_, '_>, part: &Part, mut rules: AccessRules) -> AccessRules {
    let platform = part.section.name;
    let operators = part.list("operators");
    for (nodes, standing) in
        [(operators, Standing::Operator), (part.list("allowed_users"), Standing::Person)]
    {
        for node in nodes {
            let Some(id) = node.text() else { continue };
            let is_operator = operators.iter().any(|operator| operator.text() == Some(id));
            if standing == Standing::Person && is_operator {
                // Who operates may talk, and it does no harm to say so.
                continue;
            }
            match rules.clone().person(platform, id, standing) {
                Ok(with) => rules = with,
                Err(error) => {
                    build.reporter.error(node.span, told(&error, id));
                    if error == AccessError::TooMany {
                        break;
                    }
                }
            }
        }
    }
    for (id, node) in part.map("rooms") {
        let audience = match node.text() {
            Some("everybody") => Audience::Everybody,
            _ => Audience::People,
        };
        match rules.clone().room(platform, id, audience) {
            Ok(with) => rules = with,
            Err(error) => {
                build.reporter.error(node.span, told(&error, id));
                if error == AccessError::TooMany {
                    break;
                }
            }
        }
    }
    let has_pairing = part.flag("pairing").unwrap_or(false);
    if has_pairing {
        let with = rules.clone().pairing(platform);
        rules = with.unwrap_or(rules);
    }
    let has_somebody = has_pairing
        || [operators, part.list("allowed_users")].into_iter().any(|nodes| !nodes.is_empty())
        || part.map("rooms").iter().any(|(_, node)| Node::text(node) == Some("everybody"));
    if !has_somebody && !part.is_faulty {
        let message = format!("nobody may talk to the agent on {platform}");
        build.reporter.note(part.span, message);
    }
    rules
}

/// What is said of an entry, without the entry if it is a token that slipped in.
fn told(error: &AccessError, id: &str) -> String {
    if is_secret_word(id) {
        return "this is no id, and looks like a secret".into();
    }
    error.to_string()
}
