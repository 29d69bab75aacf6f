//! The ids of tool calls, made to fit.
//!
//! A result finds its call by an id, and ids come from models and providers: some send none, some
//! the same one twice, some start again at `call_0` with every answer, and each provider accepts
//! back only its own shape. [`GivenIds`] makes the ids of one answer distinct when it is read,
//! [`WireIds`] makes those of a conversation distinct and of the wanted shape when it is written.
//!
//! # Invariants
//! - The same calls give the same ids; no chance and no clock is in them.
//! - Within one answer, and within one request, no two calls have one id.
//! - An id that is distinct and of the right shape is left as it is.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};

use super::error::{ModelErrorKind, ReplyBound};
use crate::limits::{MODEL_REPLY_NAME_BYTES_MAX, MODEL_REPLY_TOOL_CALLS_MAX};
use crate::order::{Map, Set};

/// The ids that one answer has given to its calls.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenIds {
    /// What tells this answer from the others of its conversation.
    answer: u64,
    given: Set<String>,
}

impl GivenIds {
    pub(super) fn new(answer: u64) -> Self {
        Self { answer, given: Set::new() }
    }

    /// The next call, with the id that the model gave it, if any: its place and its distinct id.
    pub(super) fn give(&mut self, id: &str, name: &str) -> Result<(u32, String), ModelErrorKind> {
        let count = self.given.len();
        if count >= MODEL_REPLY_TOOL_CALLS_MAX {
            return Err(ModelErrorKind::TooLarge(ReplyBound::ToolCalls));
        }
        if id.len().max(name.len()) > MODEL_REPLY_NAME_BYTES_MAX {
            return Err(ModelErrorKind::TooLarge(ReplyBound::NameBytes));
        }
        let mut distinct = match id {
            "" => format!("call_{}_{count}", self.answer),
            id => id.to_string(),
        };
        let mut suffix = count;
        while self.given.contains(&distinct) {
            distinct = format!("{id}_{suffix}");
            suffix += 1;
        }
        self.given.insert(distinct.clone());
        Ok((count as u32, distinct))
    }
}

/// Which ids a provider accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdShape {
    /// Any text.
    Any,
    /// Letters, digits, `_` and `-`.
    Word,
    /// Nine letters and digits.
    Nine,
}

impl IdShape {
    fn allows(self, id: &str) -> bool {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        match self {
            Self::Any => !id.is_empty(),
            Self::Word => !id.is_empty() && id.bytes().all(is_word),
            Self::Nine => id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        }
    }
}

/// The ids of a conversation as they are written into one request.
#[derive(Clone, Debug)]
pub(super) struct WireIds<'m> {
    shape: IdShape,
    /// The id that the last call of this name has on the wire.
    last: Map<&'m str, String>,
    used: Set<String>,
}

impl<'m> WireIds<'m> {
    pub(super) fn new(shape: IdShape) -> Self {
        Self { shape, last: Map::new(), used: Set::new() }
    }

    /// A call: its id on the wire.
    pub(super) fn call(&mut self, id: &'m str) -> String {
        let mut wire = if self.shape.allows(id) { id.to_string() } else { made_of(id, 0) };
        let mut attempt = 0;
        while !self.used.insert(wire.clone()) {
            attempt += 1;
            wire = made_of(id, attempt);
        }
        self.last.insert(id, wire.clone());
        wire
    }

    /// A result: the id on the wire of the last call that it can belong to.
    pub(super) fn result(&self, id: &'m str) -> Cow<'_, str> {
        match self.last.get(id) {
            Some(wire) => Cow::Borrowed(wire),
            None if self.shape.allows(id) => Cow::Borrowed(id),
            None => Cow::Owned(made_of(id, 0)),
        }
    }
}

/// Nine letters and digits that stand for an id: FNV-1a over all of it, so that ids which differ
/// only at their end differ here. Nobody can gain by a collision: it is looked for and stepped
/// past.
fn made_of(id: &str, attempt: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.bytes().chain(attempt.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    let mut made = String::with_capacity(9);
    for _ in 0..9 {
        made.push(char::from(DIGITS[(hash % 62) as usize]));
        hash /= 62;
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_an_answer_are_distinct() {
        let mut ids = GivenIds::new(3);
        for (place, (id, distinct)) in
            [("", "call_3_0"), ("a", "a"), ("a", "a_2"), ("", "call_3_3"), ("a_2", "a_2_4")]
                .into_iter()
                .enumerate()
        {
            assert_eq!(ids.give(id, "f"), Ok((place as u32, distinct.to_string())));
        }
    }

    #[test]
    fn names_and_calls_have_bounds() {
        let mut ids = GivenIds::new(0);
        let long = "x".repeat(MODEL_REPLY_NAME_BYTES_MAX + 1);
        let too_long = Err(ModelErrorKind::TooLarge(ReplyBound::NameBytes));
        assert_eq!(ids.give(&long, "f"), too_long);
        assert_eq!(ids.give("a", &long), too_long);
        for _ in 0..MODEL_REPLY_TOOL_CALLS_MAX {
            assert!(ids.give("a", "f").is_ok());
        }
        assert_eq!(ids.give("a", "f"), Err(ModelErrorKind::TooLarge(ReplyBound::ToolCalls)));
    }

    #[test]
    fn ids_on_the_wire_have_their_shape_and_find_their_calls() {
        arbtest::arbtest(|u| {
            let shape = *u.choose(&[IdShape::Any, IdShape::Word, IdShape::Nine])?;
            let names = ["call_0", "call_1", "toolu_01A", "abcdefghi", "a b", "é", ""];
            let mut ids = WireIds::new(shape);
            let mut seen = Set::new();
            for _ in 0..u.int_in_range(0..=20)? {
                let name = *u.choose(&names)?;
                let wire = ids.call(name);
                assert!(shape.allows(&wire), "{wire}");
                assert!(seen.insert(wire.clone()), "{wire} twice");
                assert_eq!(ids.result(name), wire);
            }
            Ok(())
        });
        assert_eq!(WireIds::new(IdShape::Word).call("toolu_01-x"), "toolu_01-x");
        assert_eq!(WireIds::new(IdShape::Nine).result("call_0").len(), 9);
    }
}
