//! The models: who answers, where, with which key, at what price.
//!
//! # Not here
//! Trying them in turn: [`route`](crate::llm::route).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Build, base_url, source_of};
use crate::agent::{Model, Provider};
use crate::budget::{Money, Price, Prices};
use crate::config::diagnostic::quoted;
use crate::config::draft::{Node, Part};
use crate::config::form;
use crate::config::{Endpoint, provider};
use crate::limits::MODEL_CHAIN_COUNT_MAX;
use crate::llm::{Effort, Thinking};
use crate::text::suggest;
use crate::wire::url::Url;

/// Whether a section describes a model.
pub(in crate::config) fn model_section(part: &Part) -> bool {
    matches!(part.section.name, "anthropic" | "openai" | "models")
}

/// The models in the order in which they are asked.
pub(super) fn endpoints(build: &mut Build<'_, '_>) -> Vec<Endpoint> {
    let draft = build.draft;
    let parts = draft.sections.iter().filter(|part| model_section(part));
    let mut known: Vec<Endpoint> = Vec::new();
    let mut is_faulty = false;
    for part in parts {
        let section = part.name.as_deref().unwrap_or(part.section.name);
        if known.iter().any(|other| other.section == section) {
            let message = format!("there are two models '{section}'");
            build.reporter.error_with(part.span, message, "give one of them another name");
        }
        match endpoint(build, part, section) {
            Some(endpoint) => known.push(endpoint),
            None => is_faulty = true,
        }
    }
    if known.is_empty() {
        known.push(offline());
    }
    chosen(build, known, is_faulty)
}

/// The model that is always there.
fn offline() -> Endpoint {
    Endpoint {
        section: "offline".into(),
        model: Model {
            name: "offline".into(),
            provider: Provider::Offline,
            reply_tokens_max: OFFLINE_REPLY_TOKENS,
            context_tokens_max: OFFLINE_CONTEXT_TOKENS,
            thinking: Thinking::Unset,
            sees_pictures: false,
        },
        base_url: None,
        key: None,
        price: None,
    }
}

const OFFLINE_REPLY_TOKENS: u32 = 1024;
const OFFLINE_CONTEXT_TOKENS: u64 = 16_000;

/// Those that `[agent]` names, in its order; all of them if it names none.
fn chosen(build: &mut Build<'_, '_>, known: Vec<Endpoint>, is_faulty: bool) -> Vec<Endpoint> {
    let draft = build.draft;
    let Some(agent) = draft.part("agent") else { return known };
    let first = agent.get("model");
    let rest = agent.get("models");
    let mut names: Vec<&str> = Vec::new();
    for node in first.into_iter().chain(rest.into_iter().flat_map(Node::list)) {
        let Some(name) = node.text() else { continue };
        let is_known = known.iter().any(|endpoint| endpoint.section == name);
        if !is_known && !is_faulty {
            let message = format!("there is no model {}", quoted(name));
            let sections = known.iter().map(|endpoint| endpoint.section.as_str());
            match suggest::nearest(name, sections.clone()) {
                Some(meant) => {
                    build.reporter.error(node.span, format!("{message}; did you mean '{meant}'?"));
                }
                None => {
                    let described = sections.collect::<Vec<_>>().join(", ");
                    let help = format!("described are {described}");
                    build.reporter.error_with(node.span, message, help);
                }
            }
        } else if names.contains(&name) && first.and_then(Node::text) != Some(name) {
            build.reporter.error(node.span, format!("the model '{name}' stands here twice"));
        } else if is_known && !names.contains(&name) {
            names.push(name);
        }
    }
    let mut chain: Vec<Endpoint> = Vec::new();
    for name in names {
        chain.extend(known.iter().find(|endpoint| endpoint.section == name).cloned());
    }
    if rest.is_none() {
        for endpoint in known {
            if !chain.iter().any(|other| other.section == endpoint.section) {
                chain.push(endpoint);
            }
        }
    }
    if chain.len() > MODEL_CHAIN_COUNT_MAX {
        let message = format!("{} models are more than {MODEL_CHAIN_COUNT_MAX}", chain.len());
        let help = "name those that are asked in `models` under [agent]";
        build.reporter.error_with(agent.place("models"), message, help);
    }
    chain
}

fn endpoint(build: &mut Build<'_, '_>, part: &Part, section: &str) -> Option<Endpoint> {
    let name = match part.section.name {
        "models" => part.text("provider"),
        other => Some(other),
    };
    let Some(name) = name else {
        if !part.is_faulty {
            let message = format!("{} does not say who answers", part.header());
            build.reporter.error_with(part.span, message, "add provider = \"ollama\", or another");
        }
        return None;
    };
    let known = provider::find(name)?;
    let is_offline = known.provider == Provider::Offline;
    let own = || known.base_url.and_then(|url| Url::parse(url).ok());
    let base_url = base_url(build, part).or_else(own);
    if base_url.is_none() && !is_offline && !part.is_faulty {
        let message = format!("{} does not say where it is", part.header());
        let help = "add base_url = \"http://127.0.0.1:8000/v1\", or wherever it is";
        build.reporter.error_with(part.span, message, help);
    }
    let key = source_of(build, part, "api_key", known.key_env.is_some(), "a key");
    let integer = |key: &str| part.integer(key).unwrap_or_default();
    let reply = integer("reply_tokens");
    let context = integer("context_tokens");
    if reply >= context {
        let message = format!("an answer of {reply} tokens leaves nothing of {context}");
        let help = "context_tokens is the whole: the conversation and the answer";
        build.reporter.error_with(part.place("reply_tokens"), message, help);
    }
    // What nobody gave a price is not for nothing: a limit of money would hold nothing of it.
    let prices = part.get("prices");
    for side in ["input", "output"] {
        let is_silent = prices.is_some_and(|prices| prices.get(side).is_none());
        if is_silent && !part.is_faulty {
            let message = format!("'prices' does not say what {side} costs");
            let help = format!("add {side} = \"0.00\" if it is for nothing");
            build.reporter.error_with(part.place("prices"), message, help);
        }
    }
    Some(Endpoint {
        section: section.into(),
        model: Model {
            name: part.text("model").unwrap_or(section).into(),
            provider: known.provider,
            reply_tokens_max: u32::try_from(reply).unwrap_or(u32::MAX),
            context_tokens_max: u64::try_from(context).unwrap_or(u64::MAX),
            thinking: thinking(build, part),
            sees_pictures: part.flag("pictures").unwrap_or_default(),
        },
        base_url,
        key,
        price: prices.map(price),
    })
}

fn thinking(build: &mut Build<'_, '_>, part: &Part) -> Thinking {
    let effort = part.text("thinking");
    let tokens = part.get("thinking_tokens");
    if let (Some(_), Some(tokens)) = (effort, tokens) {
        let message = "'thinking' and 'thinking_tokens' say the same thing twice";
        build.reporter.error_with(tokens.span, message, "leave one of them out");
    }
    match (effort, tokens.and_then(Node::integer)) {
        (_, Some(tokens)) => Thinking::Budget(u32::try_from(tokens).unwrap_or(u32::MAX)),
        (Some("low"), None) => Thinking::Effort(Effort::Low),
        (Some("medium"), None) => Thinking::Effort(Effort::Medium),
        (Some(_), None) => Thinking::Effort(Effort::High),
        (None, None) => Thinking::Unset,
    }
}

fn price(node: &Node) -> Price {
    let of = |key: &str| node.get(key).and_then(Node::text).and_then(form::money);
    // Most of what is read in a long conversation comes from a cache: it is not for nothing.
    let input = of("input").unwrap_or(Money(0));
    Price {
        input,
        output: of("output").unwrap_or(Money(0)),
        cache_read: of("cache_read").unwrap_or(input),
        cache_write: of("cache_write").unwrap_or(input),
    }
}

/// The prices by the names of models, of which each can have one.
pub(super) fn prices(build: &mut Build<'_, '_>, endpoints: &[Endpoint]) -> Prices {
    let mut prices = Prices::new();
    let mut seen: Vec<(String, Price)> = Vec::new();
    for endpoint in endpoints {
        let Some(price) = endpoint.price else { continue };
        let name = endpoint.model.name.as_str();
        match seen.iter().find(|(other, _)| other == name) {
            Some((_, other)) if *other == price => continue,
            Some(_) => {
                let span = build.part_of(&endpoint.section).and_then(|it| it.place("prices"));
                let message =
                    format!("the model {} has another price in another section", quoted(name));
                build.reporter.error_with(span, message, "prices go by the name of the model");
            }
            None => {}
        }
        // A `*` at the end would make it a pattern, and no model is called so.
        prices.add(name.trim_end_matches('*'), price);
        seen.push((name.to_string(), price));
    }
    prices
}
