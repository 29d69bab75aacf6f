//! The built-in model that needs no key and no network.
//!
//! A new user sees the whole system work with it, and tests have a model to talk to. It is honest:
//! a handful of fixed patterns, and it says so. It is a demonstration too: what a tool gives back
//! is data to it, quoted or copied where the person asked for that, and never a reason to call
//! another tool.
//!
//! # Invariants
//! - The same request gives the same answer.
//! - Every call follows from words of a person in the message that is being answered, and fits its
//!   tool's own reader; of a tool that is not built in, it is what that person wrote. No tool is
//!   called that was not offered.
//! - An answer is bounded whatever the conversation holds.
//!
//! # Not here
//! Stop sequences, thinking and being made to call a tool: nobody needs them of it.

mod arithmetic;
mod conversation;
mod report;
mod request;
mod talk;
mod value;
mod wish;
mod words;

#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::conversation::Conversation;
use self::wish::{Arguments, Step, Wishes};
use super::ToolDefinition;
use super::delta::Delta;
use super::error::{ModelError, TransportKind};
use super::message::{Block, Message, Role, StopReason, ToolUse, Usage};
use super::reply::{Ended, Reply};
use super::request::{Request, ToolChoice};
use crate::limits::{OFFLINE_REQUEST_BYTES_MAX, OFFLINE_STEPS_MAX, TOOL_WHY_BYTES_MAX};
use crate::text::json;
use crate::tool::{Builtin, Operation};

/// The name by which it is chosen and recorded.
pub const NAME: &str = "offline";

/// Answers a request.
///
/// ```
/// use sentinel_core::llm::{Assembler, Block, Message, Request, Role, offline};
/// use sentinel_core::tool::Builtin;
///
/// let asked = Message::text(Role::User, "list the files in docs");
/// let (messages, tools) = ([&asked], [Builtin::ListDirectory.definition()]);
/// let mut request = Request::new(offline::NAME, &messages, 1024);
/// request.tools = &tools;
///
/// let mut answer = offline::answer(&request);
/// let mut assembler = Assembler::new();
/// while let Some(delta) = answer.step() {
///     assembler.add(delta)?;
/// }
/// let reply = assembler.complete(answer.end()?).expect("it came to its end");
/// let Some(Block::ToolUse(call)) = reply.message.blocks.last() else { unreachable!() };
/// assert_eq!(call.name, "list_directory");
/// assert_eq!(call.arguments, r#"{"path":"docs"}"#);
/// # Ok::<(), sentinel_core::llm::ModelError>(())
/// ```
#[must_use]
pub fn answer(request: &Request<'_>) -> Answer {
    let mut conversation = Conversation::new(request.messages);
    let can_call = request.tool_choice != ToolChoice::Never;
    let is_offered =
        |tool: Builtin| can_call && request.tools.iter().any(|offered| offered.name == tool.name());
    let named = match can_call {
        true => named(&mut conversation, request.tools),
        false => None,
    };
    let blocks = named.unwrap_or_else(|| blocks(&mut conversation, is_offered));
    Answer::new(finish(blocks, request))
}

/// The call of a tool that is not built in, if that is what is asked for, in so many words: `use
/// word-count__count {"text": "one two"}`. What comes of it is reported as of any other call.
fn named(conversation: &mut Conversation<'_>, tools: &[ToolDefinition]) -> Option<Vec<Block>> {
    if !conversation.done.is_empty() || conversation.asked.len() > OFFLINE_REQUEST_BYTES_MAX {
        return None;
    }
    let rest = conversation.asked.trim().strip_prefix("use ")?.trim_start();
    let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, "{}"));
    let arguments = arguments.trim().to_string();
    let is_offered = tools.iter().any(|offered| offered.name == name);
    let is_object =
        json::parse(arguments.as_bytes()).is_ok_and(|found| found.root().members().is_ok());
    if !is_offered || !is_object || Builtin::named(name).is_some() {
        return None;
    }
    let (lead, name) = (alloc::format!("I will use {name}."), name.to_string());
    let call = ToolUse { id: conversation.give_id(), name, arguments };
    Some(Vec::from([Block::Text(lead), Block::ToolUse(call)]))
}

/// An answer of the offline model, told step by step as a network would bring it.
#[derive(Clone, Debug)]
pub struct Answer {
    reply: Reply,
    steps: Vec<Told>,
    next: usize,
}

/// A step that is told, by its place in the reply.
#[derive(Clone, Copy, Debug)]
enum Told {
    Text { block: usize, start: usize, end: usize },
    BlockEnd,
    Call { block: usize, index: u32 },
    Arguments { block: usize, index: u32, start: usize, end: usize },
    Usage,
    Stop,
}

impl Answer {
    fn new(reply: Reply) -> Self {
        let mut steps = Vec::new();
        let mut index = 0;
        for (block, content) in reply.message.blocks.iter().enumerate() {
            match content {
                Block::Text(text) => {
                    let pieces = pieces(text, TEXT_PIECE_BYTES);
                    steps.extend(pieces.map(|(start, end)| Told::Text { block, start, end }));
                    steps.push(Told::BlockEnd);
                }
                Block::ToolUse(call) => {
                    steps.push(Told::Call { block, index });
                    let pieces = pieces(&call.arguments, ARGUMENTS_PIECE_BYTES);
                    steps.extend(pieces.map(|(start, end)| Told::Arguments {
                        block,
                        index,
                        start,
                        end,
                    }));
                    index += 1;
                }
                _ => {}
            }
        }
        steps.extend([Told::Usage, Told::Stop]);
        Self { reply, steps, next: 0 }
    }

    /// The next step; `None` at the end.
    pub fn step(&mut self) -> Option<Delta<'_>> {
        let told = *self.steps.get(self.next)?;
        self.next += 1;
        Some(match told {
            Told::Text { block, start, end } => match self.reply.message.blocks.get(block)? {
                Block::Text(text) => Delta::Text(text.get(start..end)?),
                _ => return None,
            },
            Told::BlockEnd => Delta::BlockEnd,
            Told::Call { block, index } => {
                let ToolUse { id, name, .. } = self.call(block)?;
                Delta::ToolStart { index, id, name }
            }
            Told::Arguments { block, index, start, end } => {
                let piece = self.call(block)?.arguments.get(start..end)?;
                Delta::ToolArguments { index, piece }
            }
            Told::Usage => Delta::Usage(self.reply.usage),
            Told::Stop => Delta::Stop(self.reply.stop),
        })
    }

    /// Shows that all steps were taken.
    ///
    /// # Errors
    /// They were not: what was told is a part of an answer.
    pub fn end(&self) -> Result<Ended, ModelError> {
        match self.next == self.steps.len() {
            true => Ok(Ended::seen()),
            false => Err(ModelError::transport(TransportKind::Cut)),
        }
    }

    /// The whole answer at once.
    #[must_use]
    pub fn into_reply(self) -> Reply {
        self.reply
    }

    fn call(&self, block: usize) -> Option<&ToolUse> {
        match self.reply.message.blocks.get(block)? {
            Block::ToolUse(call) => Some(call),
            _ => None,
        }
    }
}

/// What is said and called: the whole of the decision.
fn blocks(
    conversation: &mut Conversation<'_>,
    is_offered: impl Fn(Builtin) -> bool + Copy,
) -> Vec<Block> {
    if conversation.asked.len() > OFFLINE_REQUEST_BYTES_MAX {
        return said(report::too_long());
    }
    let wishes = wish::understand(&conversation.asked);
    let done = conversation.done.len();
    let Some(wishes) = wishes.filter(|wishes| agrees(conversation, wishes)) else {
        // Calls that are not of these patterns were made by another model, which this one follows.
        return match done {
            0 => said(report::not_understood()),
            _ => said(results(conversation)),
        };
    };
    let has_failed =
        |done: &conversation::Done<'_>| done.result.is_none_or(|result| result.is_error);
    if conversation.done.iter().any(has_failed) {
        let mut parts = Vec::from([results(conversation)]);
        if done < wishes.steps.len() {
            parts.push("So I did not go on.".to_string());
        }
        return said(report::paragraphs(&parts));
    }
    let mut parts: Vec<String> =
        wishes.talk.iter().map(|talk| report::talk(talk, conversation)).collect();
    if done == wishes.steps.len() {
        return match done {
            0 => said(report::paragraphs(&parts)),
            // The talk was said with the first calls.
            _ => said(results(conversation)),
        };
    }
    match next_calls(conversation, &wishes, is_offered) {
        Ok((lead, calls)) => {
            parts.push(lead);
            let skipped = if done == 0 { 0 } else { wishes.talk.len() };
            let mut blocks = said(report::paragraphs(parts.get(skipped..).unwrap_or_default()));
            blocks.extend(calls.into_iter().map(Block::ToolUse));
            blocks
        }
        Err(why) => {
            let before = if done == 0 { String::new() } else { results(conversation) };
            said(report::paragraphs(&[before, why]))
        }
    }
}

/// The calls of the next stage with what is said about them, or why there are none.
fn next_calls(
    conversation: &mut Conversation<'_>,
    wishes: &Wishes,
    is_offered: impl Fn(Builtin) -> bool + Copy,
) -> Result<(String, Vec<ToolUse>), String> {
    let done = conversation.done.len();
    if wishes.steps.len() > OFFLINE_STEPS_MAX {
        return Err("That is more than I do at once.".to_string());
    }
    let next = wishes.steps.get(done..).unwrap_or_default();
    let stage = next.first().map(|step| step.stage);
    // Values are taken out of what is not there yet, and offered once it is.
    let is_missing = |step: &&Step| {
        let is_due = step.tool != Builtin::ExtractValue || Some(step.stage) == stage;
        is_due && !is_offered(step.tool)
    };
    if let Some(step) = wishes.steps.iter().find(is_missing) {
        let name = step.tool.name();
        return Err(alloc::format!(
            "For that I would need the tool {name}, which I was not given."
        ));
    }
    let mut calls = Vec::new();
    let mut deeds = Vec::new();
    if !conversation.is_planned && done == 0 && is_offered(Builtin::Plan) {
        let arguments = plan(wishes);
        calls.push(checked(conversation, Builtin::Plan, arguments)?.0);
    }
    for (at, step) in next.iter().enumerate().take_while(|(_, step)| Some(step.stage) == stage) {
        let arguments = arguments(conversation, step, done + at);
        let (call, operation) = checked(conversation, step.tool, arguments)?;
        calls.push(call);
        deeds.push(report::deed(&operation));
    }
    Ok((alloc::format!("I will {}.", report::joined(&deeds)), calls))
}

/// A call, once its tool's own reader has understood it.
fn checked(
    conversation: &mut Conversation<'_>,
    tool: Builtin,
    arguments: String,
) -> Result<(ToolUse, Operation), String> {
    let operation = tool
        .parse(&arguments)
        .map_err(|error| alloc::format!("I cannot ask for that. {error}."))?;
    let (id, name) = (conversation.give_id(), tool.name().to_string());
    Ok((ToolUse { id, name, arguments }, operation))
}

/// The declaration of everything that will be called.
fn plan(wishes: &Wishes) -> String {
    let deeds: Vec<String> = wishes
        .steps
        .iter()
        .map(|step| match &step.arguments {
            Arguments::Ready(arguments) => match step.tool.parse(arguments) {
                Ok(operation) => report::deed(&operation),
                Err(_) => step.tool.name().to_string(),
            },
            Arguments::ResultInto { path } => alloc::format!("write {path}"),
            Arguments::ValueOfResult(value) => alloc::format!("take the {} out", value.sought()),
        })
        .collect();
    let mut why = alloc::format!("To {}.", report::joined(&deeds));
    why.truncate(why.floor_char_boundary(TOOL_WHY_BYTES_MAX));
    json::object(|plan| {
        plan.array("tools", |tools| {
            for tool in Builtin::ALL {
                if wishes.steps.iter().any(|step| step.tool == tool) {
                    tools.value(tool.name());
                }
            }
        });
        plan.field("why", &why);
    })
}

/// The arguments of the step number `at`: its own, or made from the result of the one before.
fn arguments(conversation: &Conversation<'_>, step: &Step, at: usize) -> String {
    match &step.arguments {
        Arguments::Ready(arguments) => arguments.clone(),
        Arguments::ResultInto { path } => {
            let before = at.checked_sub(1).and_then(|before| conversation.done.get(before));
            let content = before.and_then(|done| done.result).map_or("", |result| &result.content);
            json::object(|arguments| {
                arguments.field("path", path).field("content", content);
            })
        }
        Arguments::ValueOfResult(value) => {
            let done = conversation.done.get(..at).unwrap_or_default().iter();
            let results = done.filter_map(|done| Some(done.result?.content.as_str()));
            let kept = results.filter_map(value::kept_as).next_back();
            value.arguments(kept.or(conversation.kept_before).unwrap_or("it"))
        }
    }
}

/// Whether the calls made so far are the first of those that are wished for.
fn agrees(conversation: &Conversation<'_>, wishes: &Wishes) -> bool {
    conversation.done.len() <= wishes.steps.len()
        && conversation.done.iter().zip(&wishes.steps).enumerate().all(|(at, (done, step))| {
            done.call.name == step.tool.name()
                && done.call.arguments == arguments(conversation, step, at)
        })
}

fn results(conversation: &Conversation<'_>) -> String {
    // A round of another model may have had more calls than are told here.
    let told = conversation.done.iter().take(OFFLINE_STEPS_MAX);
    let mut parts: Vec<String> = told.map(report::result).collect();
    if let Some(more @ 1..) = conversation.done.len().checked_sub(OFFLINE_STEPS_MAX) {
        parts.push(alloc::format!("There are {more} more results."));
    }
    report::paragraphs(&parts)
}

fn said(text: String) -> Vec<Block> {
    Vec::from([Block::Text(text)])
}

/// Counts what an answer costs and cuts one that is too long.
fn finish(mut blocks: Vec<Block>, request: &Request<'_>) -> Reply {
    let bytes_max =
        usize::try_from(request.tokens_max).unwrap_or(usize::MAX).saturating_mul(TOKEN_BYTES);
    let mut stop = match blocks.iter().any(|block| matches!(block, Block::ToolUse(_))) {
        true => StopReason::ToolUse,
        false => StopReason::End,
    };
    if blocks.iter().map(bytes).sum::<usize>() > bytes_max {
        // A call that was cut would be another call: what is cut is said without any.
        blocks.truncate(1);
        if let Some(Block::Text(text)) = blocks.first_mut() {
            text.truncate(text.floor_char_boundary(bytes_max));
        }
        stop = StopReason::TokensMax;
    }
    let read: usize = request.system.iter().map(|text| text.len()).sum::<usize>()
        + request.messages.iter().flat_map(|message| &message.blocks).map(bytes).sum::<usize>()
        + request
            .tools
            .iter()
            .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.len())
            .sum::<usize>();
    let written = blocks.iter().map(bytes).sum();
    let usage =
        Usage { input_tokens: tokens(read), output_tokens: tokens(written), ..Usage::default() };
    Reply { message: Message { role: Role::Assistant, blocks }, usage, stop }
}

/// The bytes of a block that a model reads or writes.
fn bytes(block: &Block) -> usize {
    match block {
        Block::Text(text) | Block::SealedThinking(text) => text.len(),
        Block::Thinking { text, .. } => text.len(),
        Block::Image(_) => 0,
        Block::ToolUse(call) => call.name.len() + call.arguments.len(),
        Block::ToolResult(result) => result.content.len(),
    }
}

fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(TOKEN_BYTES)).unwrap_or(u64::MAX)
}

/// Cuts a text into pieces of about `length` bytes, each with the white space behind its last word.
fn pieces(text: &str, length: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut start = 0;
    core::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let longest = rest.floor_char_boundary(length.max(4));
        let word_end = rest.get(..longest)?.rfind(' ').map(|space| space + 1);
        let length = if longest == rest.len() { longest } else { word_end.unwrap_or(longest) };
        let piece = (start, start + length);
        start += length;
        Some(piece)
    })
}

/// A common estimate; nothing is charged by it.
const TOKEN_BYTES: usize = 4;

/// Pieces small enough for streaming to be seen.
const TEXT_PIECE_BYTES: usize = 24;
const ARGUMENTS_PIECE_BYTES: usize = 256;
