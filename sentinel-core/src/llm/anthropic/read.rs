//! What the events of a stream say, and a whole answer.
//!
//! # Invariants
//! - The answer ends with `message_stop`, after a reason to stop and with no block open.

use alloc::string::String;

use crate::text::json::{self, Kind, Value};

use super::super::delta::{Delta, Queue};
use super::super::error::{Malformed, ModelError, ModelErrorKind};
use super::super::ids::GivenIds;
use super::super::message::{StopReason, Usage};
use super::super::{failure, read};

/// Follows one answer.
#[derive(Clone, Debug)]
pub(in super::super) struct Reader {
    ids: GivenIds,
    open: Option<Open>,
    usage: Usage,
    is_started: bool,
    has_reason: bool,
    is_ended: bool,
}

/// The block that is being sent.
#[derive(Clone, Debug)]
struct Open {
    /// Its place in the answer, as the provider counts.
    place: u64,
    kind: BlockKind,
}

#[derive(Clone, Debug)]
enum BlockKind {
    Text,
    Thinking,
    Sealed,
    /// A call: which, and the arguments that stood at its start, until a piece of them comes.
    Tool {
        index: u32,
        arguments: String,
    },
    /// One of a kind that is not known, or that the provider dealt with itself.
    Other,
}

impl Reader {
    pub(in super::super) fn new(answer: u64) -> Self {
        Self {
            ids: GivenIds::new(answer),
            open: None,
            usage: Usage::default(),
            is_started: false,
            has_reason: false,
            is_ended: false,
        }
    }

    pub(in super::super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Takes the data of an event.
    pub(in super::super) fn event(
        &mut self,
        data: &str,
        queue: &mut Queue,
    ) -> Result<(), ModelError> {
        if self.is_ended {
            return Ok(());
        }
        let document = json::parse(data.as_bytes()).map_err(|_| malformed(Malformed::Json))?;
        let event = document.root();
        match read::string(event, "type").ok_or(malformed(Malformed::Shape))? {
            "content_block_delta" => self.block_delta(event, queue),
            "content_block_start" => self.block_start(event, queue),
            "content_block_stop" => self.block_stop(event, queue),
            "message_start" => {
                if core::mem::replace(&mut self.is_started, true) {
                    return Err(malformed(Malformed::Order));
                }
                let message = read::present(event, "message");
                self.take_usage(message.and_then(|message| read::present(message, "usage")), queue);
                Ok(())
            }
            "message_delta" => {
                self.expect_started()?;
                self.take_usage(read::present(event, "usage"), queue);
                let delta = read::present(event, "delta").ok_or(malformed(Malformed::Shape))?;
                self.take_reason(delta, queue);
                Ok(())
            }
            "message_stop" => {
                if self.open.is_some() || !self.has_reason {
                    return Err(malformed(Malformed::Order));
                }
                self.is_ended = true;
                Ok(())
            }
            "error" => Err(failure::of_value(event, None)),
            _ => Ok(()),
        }
    }

    /// Takes an answer that came whole.
    pub(in super::super) fn whole(
        mut self,
        body: &[u8],
        queue: &mut Queue,
    ) -> Result<(), ModelError> {
        let document = json::parse(body).map_err(|_| malformed(Malformed::Json))?;
        let message = document.root();
        match read::string(message, "type") {
            Some("message") => {}
            Some("error") => return Err(failure::of_value(message, None)),
            _ => return Err(malformed(Malformed::NotAnAnswer)),
        }
        self.take_usage(read::present(message, "usage"), queue);
        let blocks = read::present(message, "content").and_then(|blocks| blocks.elements().ok());
        for (place, block) in blocks.ok_or(malformed(Malformed::Shape))?.enumerate() {
            self.open(place as u64, block, queue)?;
            self.close(queue);
        }
        self.take_reason(message, queue);
        if self.has_reason { Ok(()) } else { Err(malformed(Malformed::Shape)) }
    }

    fn expect_started(&self) -> Result<(), ModelError> {
        if self.is_started { Ok(()) } else { Err(malformed(Malformed::Order)) }
    }

    fn block_start(&mut self, event: Value<'_>, queue: &mut Queue) -> Result<(), ModelError> {
        self.expect_started()?;
        if self.open.is_some() {
            return Err(malformed(Malformed::Order));
        }
        let place = read::count(event, "index").ok_or(malformed(Malformed::Shape))?;
        let block = read::present(event, "content_block").ok_or(malformed(Malformed::Shape))?;
        self.open(place, block, queue)
    }

    fn open(&mut self, place: u64, block: Value<'_>, queue: &mut Queue) -> Result<(), ModelError> {
        let text = |key| read::string(block, key).unwrap_or_default();
        let kind = match text("type") {
            "text" => {
                queue.push(Delta::Text(text("text")));
                BlockKind::Text
            }
            "thinking" => {
                queue.push(Delta::Thinking(text("thinking")));
                queue.push(Delta::Signature(text("signature")));
                BlockKind::Thinking
            }
            "redacted_thinking" => {
                queue.push(Delta::SealedThinking(text("data")));
                BlockKind::Sealed
            }
            "tool_use" => {
                let name = text("name");
                if name.is_empty() {
                    return Err(malformed(Malformed::Shape));
                }
                let (index, id) = self.ids.give(text("id"), name).map_err(ModelError::new)?;
                queue.push(Delta::ToolStart { index, id: &id, name });
                // A stream starts with an empty object and sends the text after it.
                let is_empty = |input: &Value<'_>| {
                    input.members().is_ok_and(|mut members| members.next().is_none())
                };
                let arguments = read::present(block, "input").filter(|input| !is_empty(input));
                let arguments = arguments.map_or(String::new(), |input| match input.kind() {
                    Kind::String => input.as_str().unwrap_or_default().into(),
                    _ => input.source().into(),
                });
                BlockKind::Tool { index, arguments }
            }
            _ => BlockKind::Other,
        };
        self.open = Some(Open { place, kind });
        Ok(())
    }

    #[inline]
    fn block_delta(&mut self, event: Value<'_>, queue: &mut Queue) -> Result<(), ModelError> {
        let place = read::count(event, "index").ok_or(malformed(Malformed::Shape))?;
        let delta = read::present(event, "delta").ok_or(malformed(Malformed::Shape))?;
        let open = self.open.as_mut().filter(|open| open.place == place);
        let open = open.ok_or(malformed(Malformed::Order))?;
        let text = |key| read::string(delta, key).ok_or(malformed(Malformed::Shape));
        match (text("type")?, &mut open.kind) {
            (_, BlockKind::Other) => {}
            ("text_delta", BlockKind::Text) => queue.push(Delta::Text(text("text")?)),
            ("thinking_delta", BlockKind::Thinking) => {
                queue.push(Delta::Thinking(text("thinking")?));
            }
            ("signature_delta", BlockKind::Thinking) => {
                queue.push(Delta::Signature(text("signature")?));
            }
            ("input_json_delta", BlockKind::Tool { index, arguments }) => {
                let piece = text("partial_json")?;
                if !piece.is_empty() {
                    arguments.clear();
                }
                queue.push(Delta::ToolArguments { index: *index, piece });
            }
            ("text_delta" | "thinking_delta" | "signature_delta" | "input_json_delta", _) => {
                return Err(malformed(Malformed::Order));
            }
            _ => {}
        }
        Ok(())
    }

    fn block_stop(&mut self, event: Value<'_>, queue: &mut Queue) -> Result<(), ModelError> {
        let place = read::count(event, "index").ok_or(malformed(Malformed::Shape))?;
        if self.open.as_ref().is_none_or(|open| open.place != place) {
            return Err(malformed(Malformed::Order));
        }
        self.close(queue);
        Ok(())
    }

    fn close(&mut self, queue: &mut Queue) {
        match self.open.take().map(|open| open.kind) {
            Some(BlockKind::Text | BlockKind::Thinking) => queue.push(Delta::BlockEnd),
            Some(BlockKind::Tool { index, arguments }) => {
                queue.push(Delta::ToolArguments { index, piece: &arguments });
            }
            Some(BlockKind::Sealed | BlockKind::Other) | None => {}
        }
    }

    /// Counts are those of the whole answer so far; the last event may leave out what it does not
    /// change.
    fn take_usage(&mut self, usage: Option<Value<'_>>, queue: &mut Queue) {
        let Some(usage) = usage else { return };
        let before = self.usage;
        let count = |key, count: &mut u64| *count = read::count(usage, key).unwrap_or(*count);
        count("input_tokens", &mut self.usage.input_tokens);
        count("output_tokens", &mut self.usage.output_tokens);
        count("cache_read_input_tokens", &mut self.usage.cache_read_tokens);
        count("cache_creation_input_tokens", &mut self.usage.cache_write_tokens);
        if self.usage != before {
            queue.push(Delta::Usage(self.usage));
        }
    }

    fn take_reason(&mut self, value: Value<'_>, queue: &mut Queue) {
        let Some(reason) = read::string(value, "stop_reason") else { return };
        self.has_reason = true;
        queue.push(Delta::Stop(match reason {
            "end_turn" => StopReason::End,
            "max_tokens" => StopReason::TokensMax,
            "stop_sequence" => StopReason::StopSequence,
            "tool_use" => StopReason::ToolUse,
            "pause_turn" => StopReason::Pause,
            "refusal" => StopReason::Refusal,
            "model_context_window_exceeded" => StopReason::ContextFull,
            _ => StopReason::Other,
        }));
    }
}

fn malformed(what: Malformed) -> ModelError {
    ModelError::new(ModelErrorKind::Malformed(what))
}
