//! Contents that the model holds by name only.
//!
//! # Invariants
//! - A name stands for one content for ever: what goes leaves a name that stands for nothing.
//! - What is held is bounded, for a conversation and for all of them; the oldest goes first.
//! - What is known of content that went gets no better: its label is remembered in one that is as
//!   bad as all of them.
//!
//! # Not here
//! When something is held, and what a call may do with it: [`referring`](super::referring).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;

use sha2::{Digest as _, Sha256};

use super::number::{CallNumber, ConversationNumber};
use crate::label::{Context, Integrity, Label, Reference, Secrecy, visible};
use crate::limits::{
    EXTRACTIONS_OF_REFERENCE_MAX, REFERENCE_BYTES_KEPT, REFERENCE_BYTES_SHOWN, REFERENCES_KEPT,
};

/// The contents of one conversation.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) contents: VecDeque<Content>,
    pub(super) bytes: usize,
    /// As bad as every content that went.
    pub(super) gone: Option<Label>,
}

/// A content that the model was given a name for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) reference: Reference,
    /// The call that gave it back: contents age by it.
    pub(super) call: CallNumber,
    pub(super) tool: Box<str>,
    pub(super) label: Label,
    pub(super) digest: [u8; 32],
    pub(super) text: Box<str>,
    /// How many values were taken out of it, or looked for in vain.
    pub(super) taken_count: u32,
}

impl Held {
    /// Keeps a content, under the name it has already if it was kept before. What has to go for it
    /// goes.
    pub(super) fn keep(&mut self, context: &mut Context, new: New<'_>) -> Option<Reference> {
        let digest: [u8; 32] = Sha256::digest(new.text.as_bytes()).into();
        let is_same = |content: &&Content| {
            content.digest == digest && content.label == new.label && *content.tool == *new.tool
        };
        if let Some(known) = self.contents.iter().find(is_same) {
            return Some(known.reference);
        }
        let number = context.last_reference().checked_add(1)?;
        let mark = mark(new.seed, new.conversation, number, &digest);
        let reference = context.issue_content(new.label.clone(), Some(mark))?;
        self.bytes += new.text.len();
        self.contents.push_back(Content {
            reference,
            call: new.call,
            tool: new.tool.into(),
            label: new.label,
            digest,
            text: new.text.into(),
            taken_count: 0,
        });
        while self.contents.len() > REFERENCES_KEPT || self.bytes > REFERENCE_BYTES_KEPT {
            self.drop_oldest(context)?;
        }
        // One that is larger than all that may be kept is not kept.
        self.find(reference).map(|content| content.reference)
    }

    /// The oldest content goes, and its name stands for nothing.
    pub(super) fn drop_oldest(&mut self, context: &mut Context) -> Option<()> {
        let oldest = self.contents.pop_front()?;
        self.bytes -= oldest.text.len();
        context.withdraw(oldest.reference);
        match &mut self.gone {
            Some(gone) => gone.absorb(&oldest.label),
            None => self.gone = Some(oldest.label),
        }
        Some(())
    }

    pub(super) fn find(&self, reference: Reference) -> Option<&Content> {
        self.contents.iter().find(|content| content.reference == reference)
    }

    /// Whether one more value may be taken out of a content, which then counts as taken.
    pub(super) fn take(&mut self, reference: Reference) -> bool {
        let is_it = |content: &&mut Content| content.reference == reference;
        let Some(content) = self.contents.iter_mut().find(is_it) else { return false };
        content.taken_count = content.taken_count.saturating_add(1);
        content.taken_count <= EXTRACTIONS_OF_REFERENCE_MAX
    }

    /// What a value stands for, if it is the name of a content that is here.
    pub(super) fn named(&self, value: &str) -> Option<&Content> {
        self.find(Reference::parse(value)?)
    }

    /// The call that gave back the oldest content.
    pub(super) fn oldest(&self) -> Option<CallNumber> {
        self.contents.front().map(|content| content.call)
    }
}

/// What is to be kept.
pub(super) struct New<'n> {
    pub(super) conversation: ConversationNumber,
    pub(super) call: CallNumber,
    pub(super) tool: &'n str,
    pub(super) label: Label,
    pub(super) text: &'n str,
    /// What nobody outside knows.
    pub(super) seed: &'n [u8; 32],
}

impl Content {
    /// What it is, for the model. The length is told as a power of two: it is the one thing that
    /// whoever wrote the content can say with it.
    pub(super) fn describe(&self) -> String {
        let (tool, size) = (&*self.tool, rough(self.text.len()));
        format!("{size} of text from {tool}, {}", words(&self.label))
    }

    /// What it is, for a person who is asked about it: how much, whose, and how it begins.
    pub(super) fn show(&self) -> String {
        let bytes = self.text.len();
        let shown = self.text.floor_char_boundary(REFERENCE_BYTES_SHOWN);
        let start = visible(self.text.get(..shown).unwrap_or_default());
        let rest = match bytes - shown {
            0 => String::new(),
            rest => format!(" and {rest} bytes more, which are in the record of {}", self.call),
        };
        format!(
            "  {} is {bytes} bytes from {}, {}, SHA-256 {}:\n    \"{start}\"{rest}\n",
            self.reference,
            visible(&self.tool),
            words(&self.label),
            super::hex(&self.digest),
        )
    }
}

fn words(label: &Label) -> String {
    let integrity = match label.integrity {
        Integrity::Trusted => "trusted",
        Integrity::Untrusted => "untrusted",
    };
    let secrecy = match label.secrecy {
        Secrecy::Public => "public",
        Secrecy::Private => "private",
        Secrecy::Secret => "secret",
    };
    format!("{integrity}, {secrecy}")
}

/// A length, up to a power of two.
fn rough(bytes: usize) -> String {
    match bytes.max(64).checked_next_power_of_two().unwrap_or(usize::MAX) {
        most @ ..1024 => format!("at most {most} bytes"),
        most @ ..1_048_576 => format!("at most {} KiB", most / 1024),
        most => format!("at most {} MiB", most / 1_048_576),
    }
}

/// What makes a name that nobody can guess who was not told it.
fn mark(seed: &[u8; 32], conversation: ConversationNumber, number: u32, digest: &[u8; 32]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(b"sentinel reference 1\n");
    hash.update(seed);
    hash.update(conversation.0.to_be_bytes());
    hash.update(number.to_be_bytes());
    hash.update(digest);
    hash.finalize().iter().take(8).fold(0, |mark, byte| mark << 8 | u64::from(*byte))
}

/// The references in a text, wherever they stand in it: whether each is the whole text.
pub(super) fn references(text: &str) -> impl Iterator<Item = (Reference, bool)> {
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || character == '-';
    text.split(move |character: char| !is_of_name(character)).filter_map(move |word| {
        let reference = Reference::parse(word).filter(Reference::has_mark)?;
        Some((reference, word.len() == text.len()))
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;
    use crate::label::Source;

    fn new(number: u64, text: &str) -> New<'_> {
        New {
            conversation: ConversationNumber(1),
            call: CallNumber(number),
            tool: "http_fetch",
            label: Label::untrusted(Source::Tool, Secrecy::Private),
            text,
            seed: &[7; 32],
        }
    }

    #[test]
    fn the_same_content_keeps_its_name_and_another_gets_another() {
        let (mut held, mut context) = (Held::default(), Context::new());
        let first = held.keep(&mut context, new(1, "a page")).unwrap();
        assert_eq!(held.keep(&mut context, new(2, "a page")), Some(first));
        assert_ne!(held.keep(&mut context, new(3, "another")), Some(first));
        assert!(context.content(&first.to_string()).is_some());
        // Another conversation, or another seed, is another name.
        let mut elsewhere = Context::new();
        let other = New { conversation: ConversationNumber(2), ..new(1, "a page") };
        assert_ne!(Held::default().keep(&mut elsewhere, other), Some(first));
        let mut elsewhere = Context::new();
        let other = New { seed: &[8; 32], ..new(1, "a page") };
        assert_ne!(Held::default().keep(&mut elsewhere, other), Some(first));
    }

    #[test]
    fn the_oldest_goes_and_its_label_is_not_forgotten() {
        let (mut held, mut context) = (Held::default(), Context::new());
        let secret = Label { secrecy: Secrecy::Secret, ..new(0, "").label };
        let first = New { label: secret, ..new(0, "first") };
        let first = held.keep(&mut context, first).unwrap();
        for number in 1..=REFERENCES_KEPT as u64 {
            assert!(held.keep(&mut context, new(number, &format!("{number}"))).is_some());
        }
        assert_eq!((held.contents.len(), held.find(first)), (REFERENCES_KEPT, None));
        assert_eq!(context.reference(&first.to_string()), None);
        assert_eq!(held.gone.as_ref().map(|label| label.secrecy), Some(Secrecy::Secret));
        let bytes: usize = held.contents.iter().map(|content| content.text.len()).sum();
        assert_eq!(bytes, held.bytes);
        let huge = "x".repeat(REFERENCE_BYTES_KEPT + 1);
        assert_eq!(held.keep(&mut context, new(99, &huge)), None);
        assert_eq!((held.contents.len(), held.bytes), (0, 0));
    }

    #[test]
    fn a_length_says_little() {
        for (bytes, told) in [
            (0, "at most 64 bytes"),
            (513, "at most 1 KiB"),
            (1024, "at most 1 KiB"),
            (1025, "at most 2 KiB"),
            (600_000, "at most 1 MiB"),
            (2 << 20, "at most 2 MiB"),
        ] {
            assert_eq!(rough(bytes), told);
        }
    }

    #[test]
    fn references_are_seen_wherever_they_stand() {
        let found = |text: &str| references(text).map(|(_, is_whole)| is_whole).collect::<Vec<_>>();
        let name = "h3-9f3a61c2e04b5d77";
        assert_eq!(found(name), [true]);
        assert_eq!(found(&format!("see {name}, or ({name}).")), [false, false]);
        assert!(found(&format!("x{name} {name}0 h3 -{name}")).is_empty());
    }
}
