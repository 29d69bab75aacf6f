//! A decision in words, for the person who is asked.
//!
//! Shown are the exact arguments, all of them, then where their values came from, and what can be
//! answered. A value that is shown in full is named by its beginning after that; of a call with
//! very many values the origins of the first are looked up, and of the one that decided.
//! Characters that hide or reorder are written out, so that what is read is what would run.
//!
//! # Invariants
//! - No byte of the call or of a block is passed on as it is: what is not a plain character is
//!   escaped.
//! - "Always" is offered only where a grant would change the answer.
//!
//! # Not here
//! Binding the answer to the call is for the agent: it hashes the canonical form.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use core::ops::RangeInclusive;

use super::arguments::{Leaf, Leaves};
use super::context::BlockId;
use super::decide::{Answer, Call, Decision, Reason, Rule};
use super::label::{Integrity, Secrecy};
use super::phrases::Phrases;
use super::tool::ParameterKind;
use crate::limits::{LABEL_ORIGINS_COUNT_MAX, LABEL_VALUE_BYTES_SHOWN};

/// A block as the agent keeps it: what the judge does not.
#[derive(Clone, Copy, Debug)]
pub struct BlockText<'b> {
    /// Its place.
    pub id: BlockId,
    /// Whether it is trusted.
    pub integrity: Integrity,
    /// What people call it: "web_search", "mail from Eve".
    pub name: &'b str,
    /// What it says.
    pub text: &'b str,
}

/// Where a value of a call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The argument.
    pub argument: String,
    /// The value within it.
    pub value: String,
    /// Whether it decides where the call lands.
    pub is_control: bool,
    /// The first block that holds it, a trusted one if there is one. None if the model made it up,
    /// or put it together.
    pub block: Option<(BlockId, Integrity)>,
}

/// What a person can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offer {
    /// This call, with these arguments, once.
    Once,
    /// Whatever follows from this block, until the context changes.
    Block(BlockId),
    /// Every such call: a narrow grant.
    Always,
    /// Not at all.
    No,
}

/// A decision, for people. Written out it is [`text`](Self::text), and then a line for each of the
/// [`offers`](Self::offers).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was decided, and what about, in lines.
    pub text: String,
    /// Where the values came from.
    pub origins: Vec<Origin>,
    /// What can be answered. Empty unless it is a question. Whoever knows that something of it
    /// cannot be done, such as a grant that nobody can make, takes it out.
    pub offers: Vec<Offer>,
}

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        for offer in &self.offers {
            match offer {
                Offer::Once => writeln!(formatter, "  [once] allow exactly this call"),
                Offer::Block(block) => {
                    writeln!(formatter, "  [block] trust {block} until something new is read")
                }
                Offer::Always => writeln!(formatter, "  [always] grant such calls from now on"),
                Offer::No => writeln!(formatter, "  [no] refuse it"),
            }?;
        }
        Ok(())
    }
}

/// Puts a decision into words. Reads all blocks, so it is for questions, not for every call.
#[must_use]
pub fn explain<'b>(
    decision: &Decision<'_>,
    call: &Call<'_>,
    blocks: impl Iterator<Item = BlockText<'b>>,
) -> Explanation {
    let mut text = String::new();
    let word = match decision.answer {
        Answer::Allow => "allowed",
        Answer::Ask => "asks",
        Answer::Deny => "denied",
    };
    // Writing to a string cannot fail.
    let _ = write!(text, "{} {word}", visible(call.tool));
    let _ = writeln!(text, " (rule {}): {}.", decision.rule.number(), sentence(decision));
    let mut origins: Vec<Origin> = Vec::new();
    let sources = Sources::of(blocks);
    let mut others_count = 0_usize;
    for (name, value) in call.arguments.members().into_iter().flatten() {
        let is_control = call
            .role
            .parameter(name)
            .is_none_or(|parameter| parameter.kind != ParameterKind::Payload);
        let word = if is_control { "control" } else { "payload" };
        let _ = writeln!(text, "  {} ({word}): {}", visible(name), visible(value.source()));
        for leaf in Leaves::of(value) {
            let Leaf::Text(leaf) = leaf else { continue };
            let decided = decision.argument == Some(name) && decision.value == Some(leaf);
            let is_known = |origin: &Origin| origin.argument == name && origin.value == leaf;
            if origins.len() >= LABEL_ORIGINS_COUNT_MAX
                && (!decided || origins.iter().any(is_known))
            {
                others_count += 1;
                continue;
            }
            let Some(block) = sources.find(leaf) else {
                let _ = writeln!(text, "    {} stands in no block", quoted(leaf));
                origins.push(origin(name, leaf, is_control, None));
                continue;
            };
            let integrity = match block.integrity {
                Integrity::Trusted => "trusted",
                Integrity::Untrusted => "UNTRUSTED",
            };
            let (leaf_text, block_name) = (quoted(leaf), visible(block.name));
            let _ = writeln!(text, "    {leaf_text} from {}, {block_name}, {integrity}", block.id);
            origins.push(origin(name, leaf, is_control, Some((block.id, block.integrity))));
        }
    }
    if let Some(unseen) = &call.role.unseen {
        let integrity = match unseen.integrity {
            Integrity::Trusted => "trusted",
            Integrity::Untrusted => "UNTRUSTED",
        };
        let secrecy = match unseen.secrecy {
            Secrecy::Public => "public",
            Secrecy::Private => "private",
            Secrecy::Secret => "secret",
        };
        let _ = writeln!(
            text,
            "  and whatever its program reads goes along, which is {integrity} and {secrecy}"
        );
    }
    if others_count > 0 {
        let _ = writeln!(text, "    and {others_count} more values, from wherever they are");
    }
    let offers = offers(decision, &origins);
    Explanation { text, origins, offers }
}

fn origin(
    argument: &str,
    value: &str,
    is_control: bool,
    block: Option<(BlockId, Integrity)>,
) -> Origin {
    Origin { argument: argument.to_owned(), value: value.to_owned(), is_control, block }
}

/// The blocks that values can have come from.
struct Sources<'b> {
    /// With the words of each, which are worked out once.
    trusted: Vec<(BlockText<'b>, Phrases)>,
    untrusted: Vec<BlockText<'b>>,
}

impl<'b> Sources<'b> {
    fn of(blocks: impl Iterator<Item = BlockText<'b>>) -> Self {
        let (mut trusted, mut untrusted) = (Vec::new(), Vec::new());
        for block in blocks {
            if block.integrity == Integrity::Untrusted {
                untrusted.push(block);
                continue;
            }
            let mut phrases = Phrases::default();
            phrases.add(block.text);
            trusted.push((block, phrases));
        }
        Self { trusted, untrusted }
    }

    /// The first block that a value stands in, a trusted one if there is one. A trusted one must
    /// name it as the judge wants it named, or a person would read that they said what they did
    /// not; in others any place is telling.
    fn find(&self, value: &str) -> Option<BlockText<'b>> {
        let trusted = self.trusted.iter().find(|(_, phrases)| phrases.name(value));
        let untrusted = || {
            let mut blocks = self.untrusted.iter();
            blocks.find(|block| !value.is_empty() && block.text.contains(value)).copied()
        };
        trusted.map(|(block, _)| *block).or_else(untrusted)
    }
}

fn offers(decision: &Decision<'_>, origins: &[Origin]) -> Vec<Offer> {
    let mut offers = Vec::new();
    if decision.answer != Answer::Ask {
        return offers;
    }
    offers.push(Offer::Once);
    let decided = origins.iter().find(|origin| {
        decision.argument == Some(origin.argument.as_str())
            && decision.value == Some(origin.value.as_str())
    });
    if decision.reason == Reason::Ungrounded
        && let Some((block, Integrity::Untrusted)) = decided.and_then(|origin| origin.block)
    {
        offers.push(Offer::Block(block));
    }
    // A grant cannot answer for what the grounding or the plan found wanting; those questions
    // would be back with the next call.
    if matches!(decision.rule, Rule::Local | Rule::Clean | Rule::Grant) {
        offers.push(Offer::Always);
    }
    offers.push(Offer::No);
    offers
}

fn sentence(decision: &Decision<'_>) -> String {
    let mut sentence = String::new();
    let mut say = |words: &str| sentence.push_str(words);
    match decision.reason {
        Reason::Granted => say(match decision.answer {
            Answer::Allow => "a grant allows it",
            Answer::Ask | Answer::Deny => "the grant wants a person to say so",
        }),
        Reason::NoObject => say("its arguments are not an object"),
        Reason::Uncovered => say("nobody granted it"),
        Reason::Forbidden => say("a rule forbids it"),
        Reason::SecretArgument => say("it would hand out a secret"),
        Reason::SecretContext => say("a secret is in the conversation, so nothing goes out"),
        Reason::Strict => say("something untrusted was read, and the mode is strict"),
        Reason::Ungrounded => say("where it lands was named by nobody you trust"),
        Reason::ContentAsControl => say("where it lands would be read from untrusted content"),
        Reason::TooMuch => say("it names more than can be checked"),
        Reason::Unplanned => say("it was not planned before something untrusted was read"),
        Reason::Reader => say("private content would reach somebody nobody named"),
        Reason::Payload => say("it carries words that are not the person's own"),
        Reason::Irreversible => say("it cannot be undone"),
    }
    if let (Some(argument), Some(value)) = (decision.argument, decision.value) {
        let _ = write!(sentence, ": {} = {}", visible(argument), quoted(value));
    }
    sentence
}

/// A value in quotes; of a long one the beginning, because all of it is shown elsewhere.
fn quoted(value: &str) -> String {
    let shown = &value[..value.floor_char_boundary(LABEL_VALUE_BYTES_SHOWN)];
    let (mut out, rest) = (String::from("\""), value.len() - shown.len());
    out.push_str(&visible(shown));
    out.push('"');
    if rest > 0 {
        let _ = write!(out, " and {rest} bytes more");
    }
    out
}

/// A text in which nothing hides: control characters, marks that reorder, and whatever is not
/// plain is written as its number.
///
/// Letters that look like Latin ones are as good as hidden among those, letters that run from the
/// right move what stands around them, and some letters have no shape at all.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let has_latin = text.chars().any(|character| character.is_ascii_alphanumeric());
    for word in text.split_inclusive(|character: char| !character.is_alphanumeric()) {
        let is_latin = word.chars().any(|character| character.is_ascii_alphabetic());
        for character in word.chars() {
            let is_in = |ranges: &[RangeInclusive<u32>]| {
                ranges.iter().any(|range| range.contains(&u32::from(character)))
            };
            let hides = || {
                !character.is_alphanumeric()
                    || is_in(&SHAPELESS)
                    || is_latin && is_in(&LOOKALIKES)
                    || has_latin && is_in(&FROM_THE_RIGHT)
            };
            if character == ' ' || character.is_ascii_graphic() || !hides() {
                out.push(character);
            } else {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
        }
    }
    out
}

/// Letters, says Unicode, and one sees nothing: the fillers of Hangul, vowels of Khmer, the blank
/// of Braille. And the alphabets of mathematics, which are nothing but Latin and Greek again.
const SHAPELESS: [RangeInclusive<u32>; 6] = [
    0x115f..=0x1160,
    0x17b4..=0x17b5,
    0x2800..=0x2800,
    0x3164..=0x3164,
    0xffa0..=0xffa0,
    0x1d400..=0x1d7ff,
];

/// Scripts with letters of the shapes of Latin ones: Greek, Cyrillic, Armenian, Cherokee, Coptic,
/// Lisu, and Latin itself in full width.
const LOOKALIKES: [RangeInclusive<u32>; 10] = [
    0x370..=0x58f,
    0x13a0..=0x13ff,
    0x1c80..=0x1c8f,
    0x1f00..=0x1fff,
    0x2c80..=0x2cff,
    0x2de0..=0x2dff,
    0xa4d0..=0xa4ff,
    0xa640..=0xa69f,
    0xab70..=0xabbf,
    0xff01..=0xff9f,
];

/// Hebrew, Arabic and what is written like them.
const FROM_THE_RIGHT: [RangeInclusive<u32>; 5] =
    [0x590..=0x8ff, 0xfb1d..=0xfdff, 0xfe70..=0xfeff, 0x10800..=0x10fff, 0x1e800..=0x1efff];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides_in_what_is_shown() {
        for (text, shown) in [
            ("/srv/a b.txt", "/srv/a b.txt"),
            ("Grüße, Renée", "Grüße, Renée"),
            ("документ.txt", "документ.txt"),
            ("Webサイト 東京", "Webサイト 東京"),
            ("שלום", "שלום"),
            ("p\u{430}ypal.com", "p\\u{430}ypal.com"),
            ("\u{ff41}b", "\\u{ff41}b"),
            ("\u{1d41a}", "\\u{1d41a}"),
            ("a\u{3164}b\u{115f}\u{ffa0}\u{2800}", "a\\u{3164}b\\u{115f}\\u{ffa0}\\u{2800}"),
            ("/tmp/\u{5d0}/etc", "/tmp/\\u{5d0}/etc"),
            ("a\u{202e}b\u{200b}c\nd\te\u{ad}", "a\\u{202e}b\\u{200b}c\\u{a}d\\u{9}e\\u{ad}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
