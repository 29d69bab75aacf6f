//! Labels: what the runtime knows about a block, whatever the block says of itself.
//!
//! A label stands on every block of every conversation, so it is two words: three small facts and a
//! shared list of readers that most blocks do not have.
//!
//! # Invariants
//! - [`Label::join`] is commutative, associative and idempotent, and its result is never better
//!   than either side: labels only get worse. Where common readers take too many patterns to say,
//!   there are none; then the order of joins says whether, and the result is no better for that.
//! - There is no method that makes a label better. What a person allows in spite of a label is an
//!   endorsement, which stands beside the context, expires, and leaves the label as it is.
//!
//! # Not here
//! Which label an arriving block gets is decided by who brought it: the connector and the agent.

use super::readers::Readers;

/// Whether what a block says may decide anything.
///
/// The order is from good to bad, so that the worse of two is the larger one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Integrity {
    /// The operator's words, or those of an authorised person in this conversation.
    Trusted,
    /// Everything else: nobody vouches for a byte of it.
    #[default]
    Untrusted,
}

/// How far a block may travel. The order is from open to closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Secrecy {
    /// Anybody may see it.
    Public,
    /// Its readers may see it, and whom a person names.
    #[default]
    Private,
    /// It never leaves. Secrets are handles, so no block should carry this; if one does, nothing
    /// goes out any more.
    Secret,
}

/// Who wrote a block, as kinds: which tool or which person stands with the block, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Configuration, persona, the prompt of the system.
    Operator,
    /// An authorised person, in this conversation.
    Person,
    /// Somebody else in the chat.
    Stranger,
    /// Text that a person quoted or forwarded.
    Quoted,
    /// A file or picture that came with a message.
    Attachment,
    /// What a built-in tool gave back.
    Tool,
    /// What a skill or another server gave back, its description included.
    Skill,
    /// A summary or a memory.
    Memory,
    /// Another agent.
    Agent,
    /// What the model wrote in this conversation: a derivation of everything before it.
    Model,
    /// Several of these, joined.
    Several,
}

/// What the runtime knows about a block.
///
/// ```
/// use sentinel_core::label::{Integrity, Label, Secrecy, Source};
///
/// let asked = Label::trusted(Source::Person);
/// let page = Label::untrusted(Source::Tool, Secrecy::Private);
/// let answer = asked.join(&page);
/// assert_eq!(answer.integrity, Integrity::Untrusted);
/// assert_eq!(answer.secrecy, Secrecy::Private);
/// assert!(asked.flows_to(&answer) && page.flows_to(&answer) && !answer.flows_to(&page));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Whether it may decide anything.
    pub integrity: Integrity,
    /// How far it may travel.
    pub secrecy: Secrecy,
    /// Who wrote it.
    pub source: Source,
    /// Who may read it when it is private, besides whom a person names.
    pub readers: Readers,
}

impl Label {
    /// The words of somebody with authority here. They are not private unless a connector says so:
    /// what a person tells the agent, the person may send.
    #[must_use]
    pub fn trusted(source: Source) -> Self {
        Self {
            integrity: Integrity::Trusted,
            secrecy: Secrecy::Public,
            source,
            readers: Readers::everybody(),
        }
    }

    /// The words of somebody else. What is public may be read by everybody, what is not by nobody
    /// in particular.
    #[must_use]
    pub fn untrusted(source: Source, secrecy: Secrecy) -> Self {
        let readers = match secrecy {
            Secrecy::Public => Readers::everybody(),
            Secrecy::Private | Secrecy::Secret => Readers::nobody(),
        };
        Self { integrity: Integrity::Untrusted, secrecy, source, readers }
    }

    /// The label of what was made from both: worst integrity, highest secrecy, common readers.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self {
            integrity: self.integrity.max(other.integrity),
            secrecy: self.secrecy.max(other.secrecy),
            source: if self.source == other.source { self.source } else { Source::Several },
            readers: self.readers.common(&other.readers),
        }
    }

    /// Makes this label that of what was made from both.
    pub fn absorb(&mut self, other: &Self) {
        if !other.flows_to(self) {
            *self = self.join(other);
        }
    }

    /// Whether content with this label may become content with the other one: whether the other is
    /// at least as bad in every respect.
    #[must_use]
    pub fn flows_to(&self, other: &Self) -> bool {
        self.integrity <= other.integrity
            && self.secrecy <= other.secrecy
            && (self.source == other.source || other.source == Source::Several)
            && other.readers.are_among(&self.readers)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use arbtest::arbitrary::{Result, Unstructured};
    use arbtest::arbtest;

    use super::*;

    pub(super) const PATTERNS: [&str; 9] = [
        "*",
        "*@corp.example",
        "ann@corp.example",
        "bob@corp.example",
        "*.example",
        "*.corp.example",
        "www.corp.example",
        "*@sub.corp.example",
        "eve@evil.test",
    ];

    fn label(u: &mut Unstructured<'_>) -> Result<Label> {
        let mut patterns = Vec::new();
        for pattern in PATTERNS {
            if u.ratio(1, 3)? {
                patterns.push(pattern);
            }
        }
        let sources = [Source::Person, Source::Tool, Source::Model, Source::Several];
        Ok(Label {
            integrity: *u.choose(&[Integrity::Trusted, Integrity::Untrusted])?,
            secrecy: *u.choose(&[Secrecy::Public, Secrecy::Private, Secrecy::Secret])?,
            source: *u.choose(&sources)?,
            readers: Readers::of(patterns).unwrap(),
        })
    }

    /// The laws that make the order of blocks, and who joins what first, meaningless.
    #[test]
    fn joins_are_a_semilattice() {
        arbtest(|u| {
            let (a, b, c) = (label(u)?, label(u)?, label(u)?);
            assert_eq!(a.join(&b), b.join(&a));
            assert_eq!(a.join(&b).join(&c), a.join(&b.join(&c)));
            assert_eq!(a.join(&a), a);
            Ok(())
        });
    }

    #[test]
    fn derived_labels_only_get_worse() {
        arbtest(|u| {
            let (a, b, c) = (label(u)?, label(u)?, label(u)?);
            let both = a.join(&b);
            assert!(a.flows_to(&both) && b.flows_to(&both));
            assert_eq!(a.flows_to(&b), both == b, "the order is that of the join");
            if a.flows_to(&b) && b.flows_to(&c) {
                assert!(a.flows_to(&c));
            }
            // Nobody reads the join who may not read both.
            for reader in ["ann@corp.example", "zoe@corp.example", "www.corp.example", "x"] {
                let joined = both.readers.contain(reader);
                assert_eq!(joined, a.readers.contain(reader) && b.readers.contain(reader));
            }
            let mut absorbed = a.clone();
            absorbed.absorb(&b);
            assert_eq!(absorbed, both);
            Ok(())
        });
    }

    #[test]
    fn a_label_is_two_words() {
        assert!(size_of::<Label>() <= 2 * size_of::<u64>());
    }
}
