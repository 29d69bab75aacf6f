//! The persona: who the agent is told to be, in a file that it cannot change.
//!
//! The file is pinned by its digest. A change that no person approved stops the agent: whoever can
//! write that file can make the agent anybody.
//!
//! # Invariants
//! - The model is only ever told a text that has the pinned digest.
//! - A pin moves by a person's word alone: to a text that was seen, or to one that a call of the
//!   agent brought, which was granted and allowed.
//!
//! # Not here
//! Reading the file, and watching it: the shell.

use alloc::string::String;

use sha2::{Digest as _, Sha256};

use super::number::CallNumber;
use crate::order::Map;

/// The persona, and whether it is what was approved.
#[derive(Clone, Debug, Default)]
pub(super) struct Persona {
    pub(super) pinned: Option<[u8; 32]>,
    pub(super) text: Option<String>,
    /// What was seen last, if it is not what is pinned; `None` within for a file that is gone.
    pub(super) changed: Option<Option<(String, [u8; 32])>>,
    /// What calls that were allowed are writing, each until it is known what came of it.
    pub(super) proposed: Map<CallNumber, (String, [u8; 32])>,
    /// The digest that the settings named when such a call moved the pin: as long as they name it
    /// still, the pin stays where it was moved to.
    pub(super) moved_from: Option<[u8; 32]>,
}

/// What looking at the file showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is what it was before.
    Same,
    /// It is as it should be again.
    Restored,
    /// It is what a call that was allowed brought; its digest.
    Brought([u8; 32]),
    /// It is not what was approved; the digest of what is there.
    Changed(Option<[u8; 32]>),
}

impl Persona {
    /// A persona that must have this digest; none at all if there is no digest.
    pub(super) fn new(pinned: Option<[u8; 32]>) -> Self {
        Self { pinned, ..Self::default() }
    }

    /// The settings name another digest.
    pub(super) fn pin(&mut self, pinned: Option<[u8; 32]>) {
        if self.moved_from.is_some() && self.moved_from == pinned {
            return;
        }
        self.moved_from = None;
        if self.pinned != pinned {
            *self = Self::new(pinned);
        }
    }

    /// A call that was allowed is about to write this.
    pub(super) fn propose(&mut self, call: CallNumber, text: &str) {
        if self.pinned.is_some() {
            let digest = Sha256::digest(text.as_bytes()).into();
            self.proposed.insert(call, (text.into(), digest));
        }
    }

    /// The call did not write it, or nobody knows any more: then a person has to say that it may
    /// stand there.
    pub(super) fn withdraw(&mut self, call: CallNumber) {
        self.proposed.remove(&call);
    }

    /// The call wrote it: that is the persona now, in place of what these settings name.
    pub(super) fn take_proposed(
        &mut self,
        call: CallNumber,
        named: Option<[u8; 32]>,
    ) -> Option<[u8; 32]> {
        let (text, digest) = self.proposed.remove(&call)?;
        // What was moved before is still in place of what was named then.
        self.moved_from = self.moved_from.or(named);
        self.pinned = Some(digest);
        self.text = Some(text);
        self.changed = None;
        Some(digest)
    }

    /// The file was looked at, while the settings name this digest.
    pub(super) fn look(&mut self, text: Option<String>, named: Option<[u8; 32]>) -> Look {
        let Some(pinned) = self.pinned else { return Look::Same };
        let seen = text.map(|text| {
            let digest = Sha256::digest(text.as_bytes()).into();
            (text, digest)
        });
        match seen {
            Some((text, digest)) if digest == pinned => {
                self.text = Some(text);
                match self.changed.take() {
                    Some(_) => Look::Restored,
                    None => Look::Same,
                }
            }
            other => {
                let brought = self.proposed.iter().find(|(_, text)| Some(*text) == other.as_ref());
                if let Some(call) = brought.map(|(call, _)| *call) {
                    let digest = self.take_proposed(call, named);
                    return digest.map_or(Look::Same, Look::Brought);
                }
                let digest = other.as_ref().map(|(_, digest)| *digest);
                if self.changed.as_ref().is_some_and(|known| *known == other) {
                    return Look::Same;
                }
                self.changed = Some(other);
                Look::Changed(digest)
            }
        }
    }

    /// An operator approves what was seen; false if that is something else.
    pub(super) fn accept(&mut self, digest: [u8; 32]) -> bool {
        match self.changed.take() {
            Some(Some((text, seen))) if seen == digest => {
                self.pinned = Some(digest);
                self.text = Some(text);
                true
            }
            other => {
                self.changed = other;
                false
            }
        }
    }

    /// What the model is told, if it may be asked at all: a pinned persona must have been seen.
    pub(super) fn text(&self) -> Result<Option<&str>, NotApproved> {
        match (self.pinned, &self.changed, &self.text) {
            (None, ..) => Ok(None),
            (Some(_), None, Some(text)) => Ok(Some(text)),
            _ => Err(NotApproved),
        }
    }
}

/// The persona is not what a person approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotApproved;

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> [u8; 32] {
        Sha256::digest(text.as_bytes()).into()
    }

    #[test]
    fn only_the_pinned_text_is_told() {
        let mut persona = Persona::new(Some(digest("kind")));
        assert_eq!(persona.text(), Err(NotApproved));
        assert_eq!(persona.look(Some("kind".into()), None), Look::Same);
        assert_eq!(persona.text(), Ok(Some("kind")));
        assert_eq!(persona.look(Some("evil".into()), None), Look::Changed(Some(digest("evil"))));
        assert_eq!(persona.look(Some("evil".into()), None), Look::Same, "that was said");
        assert_eq!(persona.text(), Err(NotApproved));
        assert_eq!(persona.look(Some("kind".into()), None), Look::Restored);
        assert_eq!(persona.text(), Ok(Some("kind")));
        assert_eq!(persona.look(None, None), Look::Changed(None));
        assert_eq!(persona.text(), Err(NotApproved));
    }

    #[test]
    fn a_change_is_accepted_only_by_the_digest_that_was_seen() {
        let mut persona = Persona::new(Some(digest("kind")));
        persona.look(Some("kind".into()), None);
        persona.look(Some("kinder".into()), None);
        assert!(!persona.accept(digest("kind")));
        assert!(!persona.accept(digest("evil")));
        assert!(persona.accept(digest("kinder")));
        assert!(!persona.accept(digest("kinder")));
        assert_eq!(persona.text(), Ok(Some("kinder")));
        assert_eq!(persona.look(Some("kind".into()), None), Look::Changed(Some(digest("kind"))));
    }

    #[test]
    fn what_an_allowed_call_brings_moves_the_pin() {
        let (kind, kinder) = (Some(digest("kind")), Some(digest("kinder")));
        let mut persona = Persona::new(kind);
        persona.look(Some("kind".into()), kind);
        persona.propose(CallNumber(1), "kinder");
        assert_eq!(persona.text(), Ok(Some("kind")), "it is not written yet");
        assert_eq!(persona.look(Some("evil".into()), kind), Look::Changed(Some(digest("evil"))));
        assert_eq!(persona.look(Some("kinder".into()), kind), Look::Brought(digest("kinder")));
        assert_eq!(persona.text(), Ok(Some("kinder")));
        // The settings name the old one still, and then the new one: neither moves the pin.
        persona.pin(kind);
        assert_eq!(persona.text(), Ok(Some("kinder")));
        persona.pin(kinder);
        assert_eq!(persona.text(), Ok(Some("kinder")));
        // From here on the old one is another one again.
        persona.pin(kind);
        assert_eq!(persona.text(), Err(NotApproved));
        persona.propose(CallNumber(1), "kinder");
        persona.withdraw(CallNumber(1));
        let look = persona.look(Some("kinder".into()), kind);
        assert_eq!(look, Look::Changed(Some(digest("kinder"))), "no call wrote it");
    }

    /// Each call has its own text: what one wrote is not taken for what another means to write.
    #[test]
    fn calls_that_overlap_bring_each_what_it_wrote() {
        let named = Some(digest("kind"));
        let (one, other) = (CallNumber(1), CallNumber(2));
        let mut persona = Persona::new(named);
        persona.look(Some("kind".into()), named);
        persona.propose(one, "kinder");
        persona.propose(other, "kindest");
        assert_eq!(persona.take_proposed(one, named), Some(digest("kinder")));
        assert_eq!(persona.text(), Ok(Some("kinder")));
        persona.withdraw(other);
        assert_eq!(persona.look(Some("kinder".into()), named), Look::Same);
        assert_eq!(
            persona.look(Some("kindest".into()), named),
            Look::Changed(Some(digest("kindest")))
        );
        // The other way round: the first comes to nothing, and the second stands all the same.
        let mut persona = Persona::new(named);
        persona.propose(one, "kinder");
        persona.propose(other, "kindest");
        persona.withdraw(one);
        assert_eq!(persona.look(Some("kindest".into()), named), Look::Brought(digest("kindest")));
        assert_eq!(persona.take_proposed(other, named), None, "it was seen before its end");
    }

    #[test]
    fn without_a_pin_there_is_no_persona() {
        let mut persona = Persona::new(None);
        assert_eq!(persona.look(Some("anything".into()), None), Look::Same);
        assert_eq!(persona.text(), Ok(None));
    }
}
