//! What a server would have the client's model answer (`sampling/createMessage`).
//!
//! What it asks is read whole or refused. What it says of models, of how freely they choose their
//! words and of the context to be sent with it are wishes, which a client need not follow, and this
//! one does not: nothing of anybody's conversation is sent, whatever a server asks for.
//!
//! # Invariants
//! - While nothing is asked of the server, it asks for nothing: it is refused at once.
//! - Each request has one answer: what a model said, or why there is none.
//!
//! # Not here
//! Whether it is granted, and whom that costs what: the agent.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::id::Id;
use super::super::message::{self, Code};
use super::{Client, ClientEffect, ClientError, Fault, What};
use crate::agent::{Sampled, Sampling, Unsampled};
use crate::limits::MCP_QUESTIONS_COUNT_MAX;
use crate::llm::{Block, Message, Role, StopReason};
use crate::text::json::{Kind, Value};

/// A request of a server to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wished {
    /// Names it in the answer; no question has the same number.
    pub number: u64,
    /// What is to be answered.
    pub sampling: Sampling,
}

impl Client {
    pub(super) fn wished(&mut self, id: Id, params: Option<Value<'_>>) {
        let is_known = self.questions.iter().chain(&self.wishes).any(|(_, known)| *known == id);
        let is_asked = |what: &What| matches!(what, What::Call | What::List(_) | What::Read(_));
        let why = match read(params) {
            _ if !self.open.iter().any(|open| is_asked(&open.what)) => {
                "a server has a model asked only while something is asked of it".to_string()
            }
            Err(_) if !self.offer.may_sample => {
                "sampling is not granted, and was not offered".to_string()
            }
            Err(why) => {
                return self.send(message::refuse(Some(&id), Code::Params, &why));
            }
            Ok(_) if is_known => return self.broke(Fault::Twice),
            Ok(_) if self.wishes.len() >= MCP_QUESTIONS_COUNT_MAX => {
                "too many requests to models wait already".to_string()
            }
            Ok(sampling) => {
                self.last += 1;
                self.wishes.push((self.last, id));
                let wished = Wished { number: self.last, sampling };
                return self.out.push_back(ClientEffect::Wish(wished));
            }
        };
        self.send(message::refuse(Some(&id), Code::Request, &why));
    }

    /// Tells the server what a model answered, or why it is told nothing.
    ///
    /// # Errors
    /// It asked for no such thing, or wants it no more.
    pub fn sampled(
        &mut self,
        number: u64,
        outcome: &Result<Sampled, Unsampled>,
    ) -> Result<(), ClientError> {
        let place = self.wishes.iter().position(|(known, _)| *known == number);
        let (_, id) = self.wishes.remove(place.ok_or(ClientError::NotAsked)?);
        let line = match outcome {
            Ok(Sampled { text, model, stop }) => message::answer(&id, |out| {
                out.field("role", "assistant");
                out.object("content", |out| {
                    out.field("type", "text").field("text", text.as_str());
                });
                out.field("model", model.as_str()).optional("stopReason", stop_word(*stop));
            }),
            Err(unsampled) => {
                let code = match unsampled {
                    Unsampled::Denied(_) => Code::Denied,
                    Unsampled::Refused(_) => Code::Request,
                    Unsampled::Failed(_) => Code::Internal,
                };
                message::refuse(Some(&id), code, unsampled.why())
            }
        };
        self.send(line);
        Ok(())
    }
}

/// What a request asks for.
fn read(params: Option<Value<'_>>) -> Result<Sampling, String> {
    let params = params.ok_or("a request to a model has messages, and maxTokens")?;
    let has = |key| params.find(key).is_some_and(|value| !value.is_null());
    if has("tools") || has("toolChoice") {
        return Err("models are offered no tools here".into());
    }
    let tokens_max = params.find("maxTokens").and_then(|tokens| tokens.as_u64().ok());
    let tokens_max = tokens_max.filter(|tokens| *tokens > 0);
    let tokens_max = tokens_max.ok_or("maxTokens is to be a whole number from 1 on")?;
    let system = match params.find("systemPrompt").filter(|system| !system.is_null()) {
        Some(system) => Some(system.as_str().map_err(|_| "systemPrompt is to be text")?),
        None => None,
    };
    let mut stops = Vec::new();
    if let Some(all) = params.find("stopSequences").filter(|stops| !stops.is_null()) {
        for stop in all.elements().map_err(|_| NO_STOPS)? {
            stops.push(stop.as_str().map_err(|_| NO_STOPS)?.to_string());
        }
    }
    let all = params.find("messages").and_then(|messages| messages.elements().ok());
    let messages = all.ok_or("messages is to be a list")?.map(read_message);
    let sampling = Sampling {
        system: system.map(ToString::to_string),
        messages: messages.collect::<Result<_, _>>()?,
        tokens_max: u32::try_from(tokens_max).unwrap_or(u32::MAX),
        stops,
    };
    sampling.check()?;
    Ok(sampling)
}

fn read_message(value: Value<'_>) -> Result<Message, String> {
    let role = match message::text(value, "role") {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        _ => return Err("the role of a message is user or assistant".into()),
    };
    let content = value.find("content").ok_or("a message has content")?;
    let blocks = match content.elements() {
        Ok(blocks) => blocks.map(read_text).collect::<Result<Vec<_>, _>>()?,
        Err(_) => Vec::from([read_text(content)?]),
    };
    Ok(Message { role, blocks })
}

fn read_text(content: Value<'_>) -> Result<Block, String> {
    let kind = message::text(content, "type").unwrap_or_default();
    if content.kind() == Kind::Object && kind != "text" {
        let kind = message::short(kind);
        return Err(format!(
            "models are asked with texts alone, and there is content of type '{kind}'"
        ));
    }
    let text = message::text(content, "text").ok_or("content of type text has a text")?;
    Ok(Block::Text(text.into()))
}

/// The words of the protocol, where it has one.
const fn stop_word(stop: StopReason) -> Option<&'static str> {
    match stop {
        // Calls of tools that were not offered are left out, and nothing comes of them.
        StopReason::End | StopReason::ToolUse => Some("endTurn"),
        StopReason::TokensMax | StopReason::ContextFull => Some("maxTokens"),
        StopReason::StopSequence => Some("stopSequence"),
        StopReason::Refusal => Some("refusal"),
        StopReason::Pause | StopReason::Other => None,
    }
}

const NO_STOPS: &str = "stopSequences is to be a list of texts";
