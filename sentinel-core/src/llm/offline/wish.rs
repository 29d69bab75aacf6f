//! What a person asks for: tool calls in stages, small talk, or nothing that is understood.
//!
//! A handful of fixed patterns, tried in order. What fits none of them is not guessed at.
//!
//! # Invariants
//! - Calls of one stage do not depend on one another; what changes something ends its stage.
//! - Work is bounded: at most [`OFFLINE_CLAUSES_MAX`] clauses are told apart.
//!
//! # Not here
//! The patterns of single requests: `request`. Answers: `report`.

use alloc::string::String;
use alloc::vec::Vec;

use super::request;
use super::talk::{self, Talk};
use super::value::Value;
use super::words::{self, Clause};
use crate::limits::OFFLINE_CLAUSES_MAX;
use crate::tool::Builtin;

/// Everything one message asks for, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) talk: Vec<Talk>,
    pub(super) steps: Vec<Step>,
}

/// One tool call that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) tool: Builtin,
    pub(super) arguments: Arguments,
    /// Which stage it belongs to, counted from 0.
    pub(super) stage: usize,
}

/// The arguments of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arguments {
    /// Written out as JSON.
    Ready(String),
    /// Of a `write_file` whose content is what the step before gave back.
    ResultInto {
        /// The file.
        path: String,
    },
    /// Of an `extract_value` from the last result that was kept under a name.
    ValueOfResult(Value),
}

/// A single thing that a clause asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Talk(Talk),
    Call(Builtin, String),
    /// Write what was just read to this file.
    Keep(String),
    /// Read the one, write it to the other.
    Copy(String, String),
    /// Read each of these.
    ReadAll(Vec<String>),
    /// Take a value out of what has this name, or out of the last result that has one.
    Value(Option<String>, Value),
}

/// What `sentence` asks for; `None` if any part of it is not understood.
pub(super) fn understand(sentence: &str) -> Option<Wishes> {
    let words = words::words(sentence);
    let clause = Clause { text: sentence, words: &words };
    let clauses = split(clause)?;
    let mut wishes = Wishes::default();
    for wish in clauses {
        wishes.take(wish)?;
    }
    Some(wishes)
}

impl Wishes {
    fn take(&mut self, wish: Wish) -> Option<()> {
        match wish {
            Wish::Talk(talk) => self.talk.push(talk),
            Wish::Call(tool, arguments) => self.push(tool, Arguments::Ready(arguments)),
            Wish::ReadAll(paths) => {
                for path in paths {
                    self.push(Builtin::ReadFile, Arguments::Ready(request::path_arguments(&path)));
                }
            }
            Wish::Value(from, value) => {
                let arguments = match from {
                    Some(from) => Arguments::Ready(value.arguments(&from)),
                    None => Arguments::ValueOfResult(value),
                };
                self.push(Builtin::ExtractValue, arguments);
            }
            Wish::Copy(from, to) => {
                self.push(Builtin::ReadFile, Arguments::Ready(request::path_arguments(&from)));
                self.push(Builtin::WriteFile, Arguments::ResultInto { path: to });
            }
            Wish::Keep(path) => {
                // Of something that gives text back.
                let last = self.steps.last()?;
                if last.tool == Builtin::WriteFile || last.tool == Builtin::EditFile {
                    return None;
                }
                self.push(Builtin::WriteFile, Arguments::ResultInto { path });
            }
        }
        Some(())
    }

    fn push(&mut self, tool: Builtin, arguments: Arguments) {
        let stage = self.steps.last().map_or(0, |last| {
            // A value may be taken out of what the call before it gives back.
            let waits = changes(last.tool) || changes(tool) || tool == Builtin::ExtractValue;
            last.stage + usize::from(waits)
        });
        self.steps.push(Step { tool, arguments, stage });
    }
}

/// Whether a call may change what calls beside it see.
fn changes(tool: Builtin) -> bool {
    matches!(
        tool,
        Builtin::WriteFile
            | Builtin::EditFile
            | Builtin::RunCommand
            | Builtin::HttpFetch
            | Builtin::ChangePersona
    )
}

/// The wishes of a clause: of the whole, or of the fewest parts that are all understood.
fn split(clause: Clause<'_, '_>) -> Option<Vec<Wish>> {
    // Between words: where the left part ends and where the right one starts.
    let mut cuts = Vec::from([(0, 0)]);
    let mut index = 0;
    while let Some(word) = clause.words.get(index) {
        let is_separator = word.is(SEPARATORS);
        let left = index + usize::from(!is_separator);
        index = left;
        if is_separator || word.ends_clause() {
            index += clause.skip(left).words.iter().take_while(|word| word.is(SEPARATORS)).count();
            cuts.push((left, index));
        }
    }
    cuts.push((clause.words.len(), clause.words.len()));
    cuts.dedup();
    if cuts.len() > OFFLINE_CLAUSES_MAX + 1 {
        return single(clause).map(|wish| Vec::from([wish]));
    }
    // From the right: the wishes of what starts at each cut, each time with the longest first part.
    let mut from: Vec<Option<Vec<Wish>>> = Vec::new();
    from.resize(cuts.len(), None);
    if let Some(last) = from.last_mut() {
        *last = Some(Vec::new());
    }
    for start in (0..cuts.len().saturating_sub(1)).rev() {
        let wishes = (start + 1..cuts.len()).rev().find_map(|end| {
            let (begin, finish) = (cuts.get(start)?.1, cuts.get(end)?.0);
            let rest = from.get(end)?.as_ref()?;
            let part = clause.take(finish).skip(begin);
            if part.words.is_empty() {
                return Some(rest.clone());
            }
            let mut wishes = Vec::from([single(part)?]);
            wishes.extend(rest.iter().cloned());
            Some(wishes)
        });
        if let Some(place) = from.get_mut(start) {
            *place = wishes;
        }
    }
    from.into_iter().next().flatten().filter(|wishes| !wishes.is_empty())
}

/// The wish of a clause that is not divided.
fn single(clause: Clause<'_, '_>) -> Option<Wish> {
    let asked = clause.without_leading(POLITE).without_trailing(POLITE_BEHIND);
    talk::understand(clause)
        .or_else(|| talk::understand(asked))
        .map(Wish::Talk)
        .or_else(|| request::understand(asked))
}

/// Words between two requests.
pub(super) const SEPARATORS: &[&str] = &["and", "then", "afterwards"];

/// Words before a request that change nothing about it.
const POLITE: &[&str] = &[
    "please", "can", "could", "would", "will", "you", "kindly", "now", "ok", "okay", "so", "also",
    "just", "i", "want", "to", "would", "like", "sentinel",
];

/// The same behind it.
const POLITE_BEHIND: &[&str] = &["please", "now", "for", "me", "thanks", "too"];
