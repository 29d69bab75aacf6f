//! Plain requests for one value out of a result that was kept under a name.
//!
//! # Invariants
//! - Without the name of a result, or `it` for the last one, nothing is understood: `find the date
//!   in notes.txt` stays a search.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::wish::{SEPARATORS, Wish};
use super::words::{Clause, Word};
use crate::label::Reference;
use crate::text::json;

/// A value that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    sought: &'static str,
    choices: Vec<String>,
    after: Option<String>,
    line: Option<u64>,
}

impl Value {
    /// The arguments of the call for it.
    pub(super) fn arguments(&self, from: &str) -> String {
        json::object(|out| {
            out.field("from", from).field("as", self.sought);
            if !self.choices.is_empty() {
                out.array("choices", |list| {
                    for choice in &self.choices {
                        list.value(choice.as_str());
                    }
                });
            }
            out.optional("after", self.after.as_deref()).optional("line", self.line);
        })
    }

    pub(super) const fn sought(&self) -> &'static str {
        self.sought
    }
}

/// `get the date after "Due:" from h1-…`, `which of paid and open stands in h1-…`.
pub(super) fn understand(clause: Clause<'_, '_>) -> Option<Wish> {
    if let Some(rest) = clause.after(&[&["which"], &["of"]]) {
        let (words, name) = rest.split(&["in"], true)?;
        let words = words.without_trailing(&["is", "stands", "does", "appears"]);
        let is_word = |word: &&Word<'_>| !word.is(SEPARATORS) && !word.is(&["or", "the", "words"]);
        let choices = words.words.iter().filter(is_word).map(|word| word.text.to_string());
        let choices: Vec<String> = choices.filter(|word| !word.is_empty()).collect();
        let value = Value { sought: "choice", choices, after: None, line: None };
        return wish(name, value).filter(|_| !words.words.is_empty());
    }
    let rest = clause
        .after(&[&["extract", "get", "take", "find", "give", "tell", "show"]])
        .or_else(|| clause.after(&[&["what"], &["is"]]))
        .or_else(|| clause.after(&[&["what's", "whats"]]))?;
    let rest = rest.without_leading(&["me", "the", "a", "an", "first"]);
    let (what, name) = rest.split(&["from", "in", "of"], true)?;
    // Of the last word before a name that is one word in quotes the words may stand in quotes too.
    let (what, after) = match what.split(&["after", "behind"], false) {
        Some((what, words)) => (what, Some(words)),
        None => (what, None),
    };
    let (after, line) = match after.unwrap_or(what).split(&["in", "on"], true) {
        Some((rest, place)) => {
            let line = place.after(&[&["line"]])?.single()?.text.parse().ok()?;
            (after.map(|_| rest), Some((rest, line)))
        }
        None => (after, None),
    };
    let what = match (&line, after) {
        (Some((rest, _)), None) => *rest,
        _ => what,
    };
    let sought = kind(what)?;
    let after = match after {
        Some(words) => Some(words.content().filter(|words| !words.is_empty())?.to_string()),
        None => None,
    };
    let line = line.map(|(_, line)| line);
    wish(name, Value { sought, choices: Vec::new(), after, line })
}

fn wish(name: Clause<'_, '_>, value: Value) -> Option<Wish> {
    let name = name.single()?;
    if name.is(&["it", "that"]) {
        return Some(Wish::Value(None, value));
    }
    Reference::parse(name.text).filter(Reference::has_mark)?;
    Some(Wish::Value(Some(name.text.to_string()), value))
}

/// How people call the kinds of values.
fn kind(what: Clause<'_, '_>) -> Option<&'static str> {
    let what = what.without_trailing(&["address"]);
    let whole = what.after(&[&["whole"]]);
    let word = whole.unwrap_or(what).single()?;
    let kinds: [(&[&str], &str); 7] = [
        (&["integer", "count"], "integer"),
        (&["number", "amount", "price", "sum"], "number"),
        (&["date", "day"], "date"),
        (&["time"], "time"),
        (&["email", "e-mail", "mail"], "email"),
        (&["host", "domain"], "host"),
        (&["boolean", "answer"], "boolean"),
    ];
    let (_, sought) = kinds.into_iter().find(|(words, _)| word.is(words))?;
    if whole.is_some() { (sought == "number").then_some("integer") } else { Some(sought) }
}

/// The name under which a result was kept, if its end says so.
pub(super) fn kept_as(result: &str) -> Option<&str> {
    let is_of_name = |one: char| one.is_ascii_alphanumeric() || one == '-';
    let note = result.lines().next_back().filter(|line| line.starts_with("[The "))?;
    let mut words = note.split(move |one| !is_of_name(one));
    words.find(|word| Reference::parse(word).is_some_and(|name| name.has_mark()))
}
