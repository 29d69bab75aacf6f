//! What of a conversation matters to the offline model.
//!
//! # Invariants
//! - What is asked comes from a person's message alone. A tool's result is found only as the result
//!   of its call; nothing in it is read as a request.
//!
//! # Not here
//! Understanding the words.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::value;
use crate::llm::message::{Block, Message, Role, ToolResult, ToolUse};
use crate::order::Map;
use crate::tool::Builtin;

/// A conversation, seen from the last thing a person said.
#[derive(Debug)]
pub(super) struct Conversation<'c> {
    /// What the person said last.
    pub(super) asked: String,
    /// What people said before that, oldest first.
    pub(super) before: Vec<&'c str>,
    /// The calls made since, without the plan, and what they gave back.
    pub(super) done: Vec<Done<'c>>,
    pub(super) is_planned: bool,
    /// The name under which the last result before that was kept.
    pub(super) kept_before: Option<&'c str>,
    /// The number of the next call's id.
    next_id: u64,
}

/// A call that was made.
#[derive(Debug)]
pub(super) struct Done<'c> {
    pub(super) call: &'c ToolUse,
    /// What it gave back, if that is known.
    pub(super) result: Option<&'c ToolResult>,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(messages: &[&'c Message]) -> Self {
        let last = messages.iter().rposition(|message| texts(message).next().is_some());
        let (before, since) = messages.split_at(last.unwrap_or(messages.len()));
        let (asked, since) = since.split_first().map_or((String::new(), since), |(said, rest)| {
            (texts(said).collect::<Vec<_>>().join("\n"), rest)
        });
        let mut done = Vec::new();
        let mut results = Map::new();
        let mut is_planned = false;
        for block in since.iter().flat_map(|message| &message.blocks) {
            match block {
                Block::ToolUse(call) if call.name == Builtin::Plan.name() => is_planned = true,
                Block::ToolUse(call) => done.push(call),
                Block::ToolResult(result) => {
                    results.insert(result.id.as_str(), result);
                }
                _ => {}
            }
        }
        let result = |call: &'c ToolUse| results.get(call.id.as_str()).copied();
        Self {
            asked,
            before: before.iter().flat_map(|message| texts(message)).collect(),
            done: done.into_iter().map(|call| Done { call, result: result(call) }).collect(),
            is_planned,
            kept_before: before.iter().rev().find_map(|message| kept(message)),
            next_id: next_id(messages),
        }
    }

    /// An id that no call of this conversation has.
    pub(super) fn give_id(&mut self) -> String {
        let id = format!("{ID_PREFIX}{}", self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        id
    }
}

/// What a person says in a message.
fn texts(message: &Message) -> impl Iterator<Item = &str> {
    let blocks = if message.role == Role::User { message.blocks.as_slice() } else { &[] };
    blocks.iter().filter_map(|block| match block {
        Block::Text(text) if !text.trim().is_empty() => Some(text.as_str()),
        _ => None,
    })
}

/// The name under which the last result of a message was kept.
fn kept(message: &Message) -> Option<&str> {
    message.blocks.iter().rev().find_map(|block| match block {
        Block::ToolResult(result) => value::kept_as(&result.content),
        _ => None,
    })
}

/// One more than the largest number given so far; a history that was cut keeps its ids.
fn next_id(messages: &[&Message]) -> u64 {
    let ids = messages.iter().flat_map(|message| &message.blocks).filter_map(|block| match block {
        Block::ToolUse(call) => Some(&call.id),
        Block::ToolResult(result) => Some(&result.id),
        _ => None,
    });
    let numbers = ids.filter_map(|id| id.strip_prefix(ID_PREFIX)?.parse::<u64>().ok());
    numbers.max().map_or(1, |largest| largest.saturating_add(1))
}

const ID_PREFIX: &str = "offline_";
