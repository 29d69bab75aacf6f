//! What the chunks of a stream say, and a whole answer.

use crate::text::json::{self, Kind, Value};

use super::super::delta::{Delta, Queue};
use super::super::error::{Malformed, ModelError, ModelErrorKind};
use super::super::message::{StopReason, Usage};
use super::super::{failure, read};
use super::calls::{Calls, Entry};

/// How many parts the content of one chunk may have, and how many calls: more say nothing.
const PARTS_MAX: usize = 1024;

/// The data of the event that ends a stream.
pub(in super::super) const DONE: &str = "[DONE]";

/// Follows one answer.
#[derive(Clone, Debug)]
pub(in super::super) struct Reader {
    calls: Calls,
    usage: Usage,
    /// The model declined, in words of their own.
    has_refused: bool,
    is_finished: bool,
    is_done: bool,
}

impl Reader {
    pub(in super::super) fn new(answer: u64) -> Self {
        Self {
            calls: Calls::new(answer),
            usage: Usage::default(),
            has_refused: false,
            is_finished: false,
            is_done: false,
        }
    }

    /// Whether the model said why it stopped.
    pub(in super::super) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Whether the stream said that it is over, after the model had said why it stopped.
    pub(in super::super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Takes the data of an event.
    pub(in super::super) fn event(
        &mut self,
        data: &str,
        queue: &mut Queue,
    ) -> Result<(), ModelError> {
        if self.is_done || data.trim_ascii().is_empty() {
            return Ok(());
        }
        if data.trim_ascii() == DONE {
            self.is_done = true;
            return if self.is_finished { Ok(()) } else { Err(malformed(Malformed::Order)) };
        }
        let document = json::parse(data.as_bytes()).map_err(|_| malformed(Malformed::Json))?;
        self.chunk(document.root(), queue)
    }

    /// Takes an answer that came whole.
    pub(in super::super) fn whole(
        mut self,
        body: &[u8],
        queue: &mut Queue,
    ) -> Result<(), ModelError> {
        let document = json::parse(body).map_err(|_| malformed(Malformed::Json))?;
        let answer = document.root();
        self.chunk(answer, queue)?;
        match self.is_finished {
            true => Ok(()),
            false if read::present(answer, "choices").is_some() => Err(malformed(Malformed::Shape)),
            false => Err(malformed(Malformed::NotAnAnswer)),
        }
    }

    fn chunk(&mut self, chunk: Value<'_>, queue: &mut Queue) -> Result<(), ModelError> {
        let (mut choices, mut usage, mut groq) = (None, None, None);
        let mut error = None;
        let members = chunk.members().map_err(|_| malformed(Malformed::Shape))?;
        for (key, value) in members {
            match key {
                "choices" => choices = value.elements().ok(),
                "usage" => usage = Some(value),
                "x_groq" => groq = read::present(value, "usage"),
                "error" if !value.is_null() => error = Some(failure::of_value(chunk, None)),
                "object" if value.as_str() == Ok("error") => {
                    error = Some(failure::of_value(chunk, None));
                }
                _ => {}
            }
        }
        // What was said and counted besides is told before what went wrong. One answer was asked
        // for; others would be a provider's mistake.
        let is_ours = |choice: &Value<'_>| read::count(*choice, "index").unwrap_or(0) == 0;
        if let Some(choice) = choices.and_then(|mut choices| choices.find(is_ours)) {
            error = error.or(self.choice(choice, queue).err());
        }
        if let Some(usage) = usage.filter(|usage| usage.kind() == Kind::Object).or(groq) {
            self.take_usage(usage, queue);
        }
        error.map_or(Ok(()), Err)
    }

    fn choice(&mut self, choice: Value<'_>, queue: &mut Queue) -> Result<(), ModelError> {
        let (mut delta, mut reason, mut error) = (None, "", None);
        for (key, value) in choice.members().map_err(|_| malformed(Malformed::Shape))? {
            match key {
                "delta" | "message" if value.kind() == Kind::Object => delta = Some(value),
                "finish_reason" if value.kind() == Kind::String => {
                    reason = value.as_str().unwrap_or_default();
                }
                "error" if !value.is_null() => error = Some(failure::of_value(choice, None)),
                _ => {}
            }
        }
        if let Some(delta) = delta {
            self.delta(delta, queue)?;
        }
        if let Some(error) = error {
            return Err(error);
        }
        // Some send an empty reason with every chunk.
        if reason.is_empty() { Ok(()) } else { self.finish(reason, queue) }
    }

    fn delta(&mut self, delta: Value<'_>, queue: &mut Queue) -> Result<(), ModelError> {
        let (mut content, mut thinking, mut refusal) = (None, "", "");
        let (mut calls, mut call, mut signature) = (None, None, None);
        for (key, value) in delta.members().map_err(|_| malformed(Malformed::Shape))? {
            match (key, value.kind()) {
                (_, Kind::Null) => {}
                ("content", Kind::String | Kind::Array) => content = Some(value),
                // Some send their thinking under both names.
                ("reasoning_content" | "reasoning", Kind::String) if thinking.is_empty() => {
                    thinking = value.as_str().unwrap_or_default();
                }
                ("refusal", Kind::String) => refusal = value.as_str().unwrap_or_default(),
                ("tool_calls", Kind::Array) => calls = value.elements().ok(),
                ("function_call", Kind::Object) => call = Some(value),
                ("extra_content", Kind::Object) => signature = google_signature(delta),
                _ => {}
            }
        }
        queue.push(Delta::Thinking(thinking));
        match content {
            // An access that misses builds an error with a path, which a token cannot afford.
            Some(text) if text.kind() == Kind::String => {
                queue.push(Delta::Text(text.as_str().unwrap_or_default()));
            }
            Some(parts) => {
                let parts = parts.elements().into_iter().flatten();
                parts.take(PARTS_MAX).for_each(|part| self.part(part, queue));
            }
            None => {}
        }
        if !refusal.is_empty() {
            self.has_refused = true;
            queue.push(Delta::Text(refusal));
        }
        if let Some(signature) = signature {
            queue.push(Delta::Signature(signature));
        }
        if let Some(call) = call {
            // The old form, which knows one call and no id.
            self.call(call, call, Some(0), queue)?;
        }
        for (place, entry) in calls.into_iter().flatten().enumerate() {
            if place >= PARTS_MAX {
                return Err(malformed(Malformed::Shape));
            }
            let number = read::count(entry, "index");
            self.call(entry, read::present(entry, "function").unwrap_or(entry), number, queue)?;
        }
        Ok(())
    }

    /// A part of content that comes as a list, as Mistral's models send it when they think.
    fn part(&mut self, part: Value<'_>, queue: &mut Queue) {
        match read::string(part, "type") {
            Some("text") => queue.push(Delta::Text(read::string(part, "text").unwrap_or_default())),
            Some("thinking") => {
                if let Some(text) = read::string(part, "thinking") {
                    queue.push(Delta::Thinking(text));
                }
                let inner = read::present(part, "thinking").and_then(|list| list.elements().ok());
                for inner in inner.into_iter().flatten().take(PARTS_MAX) {
                    queue.push(Delta::Thinking(read::string(inner, "text").unwrap_or_default()));
                }
            }
            _ => {}
        }
    }

    fn call(
        &mut self,
        entry: Value<'_>,
        function: Value<'_>,
        number: Option<u64>,
        queue: &mut Queue,
    ) -> Result<(), ModelError> {
        let arguments = match read::present(function, "arguments") {
            None => "",
            Some(text) if text.kind() == Kind::String => text.as_str().unwrap_or_default(),
            // Not a text that holds JSON, but the JSON itself.
            Some(value) => value.source(),
        };
        let entry_read = Entry {
            number,
            id: read::string(entry, "id").unwrap_or_default(),
            name: read::string(function, "name").unwrap_or_default(),
            arguments,
        };
        let signature = google_signature(entry).map(Delta::Signature);
        self.calls.take(entry_read, signature, queue).map_err(ModelError::new)
    }

    fn finish(&mut self, reason: &str, queue: &mut Queue) -> Result<(), ModelError> {
        if !self.calls.have_names() {
            return Err(malformed(Malformed::Shape));
        }
        let stop = match reason {
            // Providers disagree on what to say after tool calls, so the calls decide.
            "stop" | "tool_calls" | "function_call" | "eos" | "end_turn" | "tool_use" => {
                match (self.has_refused, self.calls.is_empty()) {
                    (true, true) => StopReason::Refusal,
                    (_, false) => StopReason::ToolUse,
                    (false, true) => StopReason::End,
                }
            }
            "length" | "max_tokens" => StopReason::TokensMax,
            "content_filter" | "refusal" | "safety" => StopReason::Refusal,
            "model_length" => StopReason::ContextFull,
            "stop_sequence" => StopReason::StopSequence,
            "error" | "abort" => return Err(ModelError::new(ModelErrorKind::ServerError)),
            "insufficient_system_resource" => {
                return Err(ModelError::new(ModelErrorKind::Overloaded));
            }
            _ => StopReason::Other,
        };
        self.is_finished = true;
        queue.push(Delta::Stop(stop));
        Ok(())
    }

    fn take_usage(&mut self, usage: Value<'_>, queue: &mut Queue) {
        let detail = |details, key| {
            read::present(usage, details).and_then(|details| read::count(details, key))
        };
        let prompt = read::count(usage, "prompt_tokens").unwrap_or(0);
        let completion = read::count(usage, "completion_tokens").unwrap_or(0);
        let total = read::count(usage, "total_tokens").unwrap_or(0);
        let cached = detail("prompt_tokens_details", "cached_tokens")
            .or_else(|| read::count(usage, "prompt_cache_hit_tokens"))
            .unwrap_or(0)
            .min(prompt);
        let written =
            detail("prompt_tokens_details", "cache_write_tokens").unwrap_or(0).min(prompt - cached);
        let now = Usage {
            input_tokens: prompt - cached - written,
            // Some count thinking in the total alone.
            output_tokens: completion.max(total.saturating_sub(prompt)),
            cache_read_tokens: cached,
            cache_write_tokens: written,
        };
        if now != self.usage {
            self.usage = now;
            queue.push(Delta::Usage(now));
        }
    }
}

/// The proof of its thinking that Google wants back with a tool call.
fn google_signature(value: Value<'_>) -> Option<&str> {
    let extra = read::present(value, "extra_content")?;
    read::string(read::present(extra, "google")?, "thought_signature")
}

fn malformed(what: Malformed) -> ModelError {
    ModelError::new(ModelErrorKind::Malformed(what))
}
