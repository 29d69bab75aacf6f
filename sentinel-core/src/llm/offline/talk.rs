//! Small talk: the few things that are answered without a tool.
//!
//! # Invariants
//! - Only what people said in this conversation is remembered, and only from the conversation.
//!
//! # Not here
//! Understanding more. What is not in these patterns is answered with what is.

use alloc::string::{String, ToString};

use super::arithmetic::{self, Outcome};
use super::words::Clause;

/// Something to answer in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Talk {
    Greeting,
    Thanks,
    Farewell,
    HowAreYou,
    WhoAreYou,
    Help,
    /// The person's name is this.
    Name(String),
    /// The person asks for their name.
    WhoAmI,
    /// The person asks what they said last.
    SaidBefore,
    /// The person asks what they said first.
    SaidFirst,
    /// The person wants these words back.
    Say(String),
    Sum(Outcome),
}

pub(super) fn understand(clause: Clause<'_, '_>) -> Option<Talk> {
    fixed(clause)
        .or_else(|| name(clause).map(Talk::Name))
        .or_else(|| say(clause))
        .or_else(|| sum(clause).map(Talk::Sum))
}

/// The name a person gives in a sentence.
pub(super) fn name(clause: Clause<'_, '_>) -> Option<String> {
    let told = clause
        .after(&[&["my"], &["name"], &["is"]])
        .or_else(|| clause.after(&[&["my"], &["name's"]]))
        .or_else(|| clause.after(&[&["call"], &["me"]]))
        .or_else(|| clause.after(&[&["i"], &["am"], &["called"]]));
    // `I am tired` is no introduction, `I am Ada` is one.
    let shown =
        clause.after(&[&["i'm"]]).or_else(|| clause.after(&[&["i"], &["am"]])).filter(|rest| {
            rest.words.len() == 1
                && rest.words.iter().all(|word| word.text.starts_with(char::is_uppercase))
        });
    let name = told.filter(|rest| (1..=3).contains(&rest.words.len())).or(shown)?.content()?;
    let is_name = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.chars().all(|one| one.is_alphabetic() || " '-.’".contains(one));
    is_name.then(|| name.to_string())
}

fn fixed(clause: Clause<'_, '_>) -> Option<Talk> {
    let sentences = |sentences: &[&str]| sentences.iter().any(|one| is_sentence(clause, one));
    Some(match () {
        () if sentences(&[
            "hi",
            "hello",
            "hey",
            "hi there",
            "hello there",
            "good morning",
            "good evening",
            "good afternoon",
            "hello sentinel",
            "hi sentinel",
            "greetings",
        ]) =>
        {
            Talk::Greeting
        }
        () if sentences(&[
            "thanks",
            "thank you",
            "thank you very much",
            "thanks a lot",
            "cheers",
        ]) =>
        {
            Talk::Thanks
        }
        () if sentences(&["bye", "goodbye", "good bye", "see you", "good night"]) => Talk::Farewell,
        () if sentences(&["how are you", "how are you doing", "how do you do"]) => Talk::HowAreYou,
        () if sentences(&[
            "who are you",
            "what are you",
            "what is your name",
            "what's your name",
            "are you a language model",
            "are you an ai",
            "are you real",
            "which model are you",
            "what model are you",
        ]) =>
        {
            Talk::WhoAreYou
        }
        () if sentences(&[
            "help",
            "help me",
            "what can you do",
            "what can i ask",
            "what do you do",
            "how does this work",
            "what can i say",
        ]) =>
        {
            Talk::Help
        }
        () if sentences(&[
            "who am i",
            "what is my name",
            "what's my name",
            "do you know my name",
        ]) =>
        {
            Talk::WhoAmI
        }
        () if sentences(&[
            "what did i say",
            "what did i say before",
            "what did i just say",
            "what did i say last",
            "what was my last message",
            "what did i ask",
            "what did i ask before",
        ]) =>
        {
            Talk::SaidBefore
        }
        () if sentences(&["what did i say first", "what was my first message"]) => Talk::SaidFirst,
        () => return None,
    })
}

/// Whether the clause has exactly these words.
fn is_sentence(clause: Clause<'_, '_>, sentence: &str) -> bool {
    clause.words.iter().filter(|word| !word.text.is_empty()).count() == sentence.split(' ').count()
        && clause.words.iter().zip(sentence.split(' ')).all(|(word, one)| word.is(&[one]))
}

fn say(clause: Clause<'_, '_>) -> Option<Talk> {
    let rest = clause.after(&[&["say", "repeat"]])?;
    rest.content().filter(|text| !text.is_empty()).map(|text| Talk::Say(text.to_string()))
}

fn sum(clause: Clause<'_, '_>) -> Option<Outcome> {
    let rest = clause
        .after(&[&["what"], &["is"]])
        .or_else(|| clause.after(&[&["what's", "whats", "calculate", "compute"]]))
        .or_else(|| clause.after(&[&["how"], &["much"], &["is"]]))
        .unwrap_or(clause);
    let text = rest.content()?.trim_end_matches(['=', '?', ' ']);
    arithmetic::evaluate(text)
}

/// Longer names are no names.
const NAME_BYTES_MAX: usize = 64;
