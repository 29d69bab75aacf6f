//! Which tool call a piece of a stream belongs to.
//!
//! The dialect numbers calls and names each once. Providers leave out the number, the id or both,
//! give every call the number 0, repeat id and name with every piece, or send calls whole. What
//! tells two calls apart is then that the arguments of the first are complete, so they are followed
//! far enough to know: brackets and strings, no more.
//!
//! # Invariants
//! - The same pieces give the same calls.
//! - A piece that belongs to no call is an error, never a guess at another call.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::delta::{Delta, Queue};
use super::super::error::{Malformed, ModelErrorKind, ReplyBound};
use super::super::ids::GivenIds;
use crate::limits::{MODEL_REPLY_NAME_BYTES_MAX, MODEL_REPLY_TOOL_CALLS_MAX};

/// The calls of one answer.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    list: Vec<Call>,
    ids: GivenIds,
}

/// One entry of `tool_calls`, as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'e> {
    pub(super) number: Option<u64>,
    pub(super) id: &'e str,
    pub(super) name: &'e str,
    pub(super) arguments: &'e str,
}

#[derive(Clone, Debug)]
struct Call {
    number: Option<u64>,
    /// The id that was sent, if one was.
    id: String,
    name: String,
    /// Its place among the calls that have begun: those whose name is known.
    index: Option<u32>,
    arguments: Brackets,
}

impl Calls {
    pub(super) fn new(answer: u64) -> Self {
        Self { list: Vec::new(), ids: GivenIds::new(answer) }
    }

    /// Whether the model called a tool.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether every call has its name.
    pub(super) fn have_names(&self) -> bool {
        self.list.iter().all(|call| call.index.is_some())
    }

    /// Takes an entry; `before_start` is told to the queue if a call begins with it.
    pub(super) fn take(
        &mut self,
        entry: Entry<'_>,
        before_start: Option<Delta<'_>>,
        queue: &mut Queue,
    ) -> Result<(), ModelErrorKind> {
        let place = match self.continued(&entry) {
            Some(place) => place,
            None => self.begin(&entry)?,
        };
        let Some(call) = self.list.get_mut(place) else {
            return Err(ModelErrorKind::Malformed(Malformed::Order));
        };
        if call.id.is_empty() {
            call.id.push_str(entry.id);
        }
        if call.index.is_none() && !entry.name.is_empty() {
            let (index, id) = self.ids.give(&call.id, entry.name)?;
            call.name.push_str(entry.name);
            call.index = Some(index);
            if let Some(delta) = before_start {
                queue.push(delta);
            }
            queue.push(Delta::ToolStart { index, id: &id, name: entry.name });
        }
        if !entry.arguments.is_empty() {
            let index = call.index.ok_or(ModelErrorKind::Malformed(Malformed::Order))?;
            call.arguments.follow(entry.arguments);
            queue.push(Delta::ToolArguments { index, piece: entry.arguments });
        }
        Ok(())
    }

    /// The call that the entry goes on with, if it begins none.
    fn continued(&self, entry: &Entry<'_>) -> Option<usize> {
        let is_same = |call: &Call| match entry.number {
            Some(number) => call.number == Some(number),
            None => entry.id.is_empty() || call.id == entry.id,
        };
        let place = self.list.iter().rposition(is_same)?;
        let call = self.list.get(place)?;
        let has_other_id = !entry.id.is_empty() && !call.id.is_empty() && call.id != entry.id;
        // A name that is sent again may be a repetition, or the next call. It is the next call if
        // the arguments of this one are complete and more come, or if nothing ties the two.
        let is_tied = entry.number.is_some() || !entry.id.is_empty();
        let is_next = (call.arguments.is_complete()
            && (!entry.arguments.is_empty() || entry.id.is_empty()))
            || (!is_tied && !call.arguments.is_begun());
        let is_named_anew =
            !entry.name.is_empty() && !call.name.is_empty() && (call.name != entry.name || is_next);
        (!has_other_id && !is_named_anew).then_some(place)
    }

    fn begin(&mut self, entry: &Entry<'_>) -> Result<usize, ModelErrorKind> {
        if entry.id.is_empty() && entry.name.is_empty() {
            return Err(ModelErrorKind::Malformed(Malformed::Order));
        }
        if self.list.len() >= MODEL_REPLY_TOOL_CALLS_MAX {
            return Err(ModelErrorKind::TooLarge(ReplyBound::ToolCalls));
        }
        if entry.id.len() > MODEL_REPLY_NAME_BYTES_MAX {
            return Err(ModelErrorKind::TooLarge(ReplyBound::NameBytes));
        }
        self.list.push(Call {
            number: entry.number,
            id: String::new(),
            name: String::new(),
            index: None,
            arguments: Brackets::default(),
        });
        Ok(self.list.len() - 1)
    }
}

/// Follows the brackets of a JSON text in pieces, far enough to know when it is complete.
#[derive(Clone, Copy, Debug, Default)]
struct Brackets {
    depth: usize,
    is_begun: bool,
    is_in_string: bool,
    is_escaped: bool,
}

impl Brackets {
    fn follow(&mut self, piece: &str) {
        for byte in piece.bytes() {
            if core::mem::take(&mut self.is_escaped) {
                continue;
            }
            match byte {
                b'"' => self.is_in_string = !self.is_in_string,
                b'\\' if self.is_in_string => self.is_escaped = true,
                _ if self.is_in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.is_begun |= !byte.is_ascii_whitespace();
        }
    }

    fn is_begun(&self) -> bool {
        self.is_begun
    }

    fn is_complete(&self) -> bool {
        self.is_begun && self.depth == 0 && !self.is_in_string
    }
}
