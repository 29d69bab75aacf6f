//! References: names the runtime gives out for what the model is not to hold itself.
//!
//! A model may pass a reference on; what stands behind it is put in its place after the call was
//! decided. A reference is worth something only in the conversation that gave it out. One for
//! content carries a mark besides its number, which nobody can guess who did not see it: so no
//! words of a page are taken for one, and one of another conversation is none here.
//!
//! # Invariants
//! - One reference, one text: `h17` is one, `h017`, `H17` and ` h17` are none, and of a mark there
//!   are sixteen digits in lower case.
//! - A number is given out once in a conversation, whatever became of what stood behind it.
//!
//! # Not here
//! What stands behind a reference is kept by the agent and its shell.

use core::fmt;

use super::label::{Integrity, Label, Secrecy, Source};
use super::readers::Readers;
use crate::limits::LABEL_REFERENCES_MAX;
use crate::order::Map;

/// A name that the runtime gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    number: u32,
    mark: Option<u64>,
}

/// What stands behind a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// Content that the model has not seen, or not whole. It may be payload, never control:
    /// whoever wrote it would otherwise choose where a call lands.
    Content,
    /// Something of the runtime's own making: a job it started, a file of the workspace. It may be
    /// control.
    Target,
    /// A secret. It may stand where a tool takes a credential, and nowhere else.
    Secret,
}

impl Reference {
    /// Reads a reference, if the text is one and nothing else.
    ///
    /// ```
    /// use sentinel_core::label::Reference;
    ///
    /// let reference = Reference::parse("h17-9f3a61c2e04b5d77").unwrap();
    /// assert_eq!(reference.to_string(), "h17-9f3a61c2e04b5d77");
    /// assert!(Reference::parse("see h17-9f3a61c2e04b5d77").is_none());
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('h')?;
        let (digits, mark) = match name.split_once('-') {
            Some((digits, mark)) => (digits, Some(read_mark(mark)?)),
            None => (name, None),
        };
        let is_plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_plain { digits.parse().ok().map(|number| Self { number, mark }) } else { None }
    }

    /// Whether it is one for content, by its form.
    #[must_use]
    pub const fn has_mark(&self) -> bool {
        self.mark.is_some()
    }

    /// Its number in its conversation.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }
}

/// Sixteen digits, in one case.
fn read_mark(text: &str) -> Option<u64> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_mark = text.len() == 16 && text.bytes().all(is_digit);
    if is_mark { u64::from_str_radix(text, 16).ok() } else { None }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "h{}", self.number)?;
        match self.mark {
            Some(mark) => write!(formatter, "-{mark:016x}"),
            None => Ok(()),
        }
    }
}

/// The references of one conversation, as the judge knows them.
#[derive(Clone, Debug, Default)]
pub(super) struct References {
    /// The last number that was given out.
    last: u32,
    given: Map<u32, Given>,
}

#[derive(Clone, Debug)]
struct Given {
    mark: Option<u64>,
    kind: ReferenceKind,
    label: Label,
}

impl References {
    /// Gives one out, if there may be another.
    pub(super) fn issue(
        &mut self,
        kind: ReferenceKind,
        label: Label,
        mark: Option<u64>,
    ) -> Option<Reference> {
        if self.given.len() >= LABEL_REFERENCES_MAX {
            return None;
        }
        self.last = self.last.checked_add(1)?;
        self.given.insert(self.last, Given { mark, kind, label });
        Some(Reference { number: self.last, mark })
    }

    /// What was given out once stands for nothing any more.
    pub(super) fn withdraw(&mut self, reference: Reference) {
        if self.find(reference).is_some() {
            self.given.remove(&reference.number);
        }
    }

    /// What a value refers to, if it is a reference that was given out here.
    pub(super) fn kind(&self, value: &str) -> Option<ReferenceKind> {
        self.find(Reference::parse(value)?).map(|given| given.kind)
    }

    /// The label of the content that a value refers to.
    pub(super) fn content(&self, value: &str) -> Option<&Label> {
        let given = self.find(Reference::parse(value)?)?;
        (given.kind == ReferenceKind::Content).then_some(&given.label)
    }

    fn find(&self, reference: Reference) -> Option<&Given> {
        self.given.get(&reference.number).filter(|given| given.mark == reference.mark)
    }

    pub(super) const fn last(&self) -> u32 {
        self.last
    }

    /// One that was given out before this context was kept.
    #[cfg(feature = "agent")]
    pub(super) fn restore(&mut self, reference: Reference, label: Label) {
        let given = Given { mark: reference.mark, kind: ReferenceKind::Content, label };
        self.given.insert(reference.number, given);
        self.last = self.last.max(reference.number);
    }

    #[cfg(feature = "agent")]
    pub(super) fn restore_last(&mut self, last: u32) {
        self.last = self.last.max(last);
    }
}

/// The contents that a call carries, joined without making a label.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carried<'c> {
    labels: [Option<&'c Label>; CARRIED_MAX],
    has_more: bool,
}

impl<'c> Carried<'c> {
    /// Adds the label of one more content.
    pub(super) fn add(&mut self, label: &'c Label) {
        if self.iter().any(|known| known == label) {
            return;
        }
        match self.labels.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(label),
            None => self.has_more = true,
        }
    }

    fn iter(&self) -> impl Iterator<Item = &'c Label> {
        self.labels.into_iter().flatten()
    }

    /// Whether any of it is nobody's word.
    pub(super) fn is_untrusted(&self) -> bool {
        self.has_more || self.iter().any(|label| label.integrity == Integrity::Untrusted)
    }

    /// The highest secrecy. Of more labels than are looked at nothing good is assumed.
    pub(super) fn secrecy(&self) -> Secrecy {
        match self.has_more {
            true => Secrecy::Secret,
            false => self.iter().map(|label| label.secrecy).max().unwrap_or(Secrecy::Public),
        }
    }

    /// Whether a reader may read all of it.
    pub(super) fn may_be_read_by(&self, reader: &str) -> bool {
        !self.has_more && self.iter().all(|label| label.readers.contain(reader))
    }
}

/// The label of content about which nothing is said.
pub(super) fn unknown_content() -> Label {
    Label {
        integrity: Integrity::Untrusted,
        secrecy: Secrecy::Private,
        source: Source::Tool,
        readers: Readers::nobody(),
    }
}

/// Different labels of one call's contents. A call with more is taken for one with a secret.
const CARRIED_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_reference_has_one_text() {
        for text in ["h17", "h1-0000000000000000", "h4294967295-9f3a61c2e04b5d77"] {
            assert_eq!(Reference::parse(text).unwrap().to_string(), text);
        }
        for other in [
            "h",
            "h0",
            "h017",
            "H17",
            " h17",
            "h17 ",
            "h+1",
            "h99999999999",
            "17",
            "h17-",
            "h17-9f3a61c2e04b5d7",
            "h17-9f3a61c2e04b5d777",
            "h17-9F3A61C2E04B5D77",
            "h17-+f3a61c2e04b5d77",
            "h-9f3a61c2e04b5d77",
            "h1-0000000000000000-",
        ] {
            assert_eq!(Reference::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_mark_is_a_part_of_the_name() {
        let mut references = References::default();
        let (kind, label) = (ReferenceKind::Content, unknown_content());
        let first = references.issue(kind, label.clone(), Some(7)).unwrap();
        assert_eq!(first.to_string(), "h1-0000000000000007");
        assert_eq!(references.content("h1-0000000000000007"), Some(&label));
        for other in ["h1", "h1-0000000000000008", "h2-0000000000000007"] {
            assert_eq!(references.kind(other), None, "{other}");
        }
        references.withdraw(Reference { number: 1, mark: Some(8) });
        assert!(references.content("h1-0000000000000007").is_some());
        references.withdraw(first);
        assert_eq!(references.kind("h1-0000000000000007"), None);
        // A number that is free again would be another content under an old name.
        assert_eq!(references.issue(kind, label, None).unwrap().number(), 2);
    }

    #[test]
    fn what_a_call_carries_is_as_bad_as_the_worst_of_it() {
        let own = Label { readers: Readers::of(["*@a.example"]).unwrap(), ..unknown_content() };
        let other = Label { readers: Readers::of(["x@a.example"]).unwrap(), ..unknown_content() };
        let mut carried = Carried::default();
        assert!(!carried.is_untrusted() && carried.secrecy() == Secrecy::Public);
        assert!(carried.may_be_read_by("anybody"));
        carried.add(&own);
        assert!(carried.may_be_read_by("y@a.example"));
        carried.add(&other);
        assert!(carried.may_be_read_by("x@a.example") && !carried.may_be_read_by("y@a.example"));
        let joined = own.join(&other);
        assert_eq!(carried.secrecy(), joined.secrecy);
        assert!(carried.is_untrusted());
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let labels = names.map(|name| Label {
            readers: Readers::of([name]).unwrap(),
            ..Label::trusted(Source::Tool)
        });
        for label in &labels {
            carried.add(label);
        }
        assert_eq!(carried.secrecy(), Secrecy::Secret);
    }
}
