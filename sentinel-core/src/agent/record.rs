//! What the agent writes down: what came in, what it decided, what it is about to do.
//!
//! A record's payload is one JSON object. An input is written before the agent acts on it; the
//! records up to the next input are what follows from it and from nothing else. So an auditor can
//! feed the inputs to the same program again and compare what follows, byte by byte.
//!
//! # Invariants
//! - The number of a kind never changes its meaning: new kinds get new numbers.
//! - Below 256 stand inputs, above it what was derived from them.
//!
//! # Not here
//! How records are chained, sealed and proved: [`journal`](crate::journal).

use alloc::string::String;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::number::ConversationNumber;
use crate::limits::JOURNAL_PAYLOAD_BYTES_MAX;
use crate::text::json::{self, ObjectWriter};

macro_rules! kinds {
    ($($(#[$about:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// What a record is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$about])* $name = $number,)*
        }

        impl Kind {
            /// The kind with this number, if this version knows it.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Its name, for people.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// The program started, for the first time or again.
    Started = 1, "started";
    /// A message came from a platform.
    Message = 2, "message";
    /// A model answered in full.
    Reply = 3, "model.reply";
    /// A model did not answer, or not to the end.
    ReplyFailed = 4, "model.failed";
    /// A tool ended.
    ToolFinished = 5, "tool.finished";
    /// Something that was said to a chat arrived, or did not.
    Delivered = 6, "delivered";
    /// An operator did something outside of any chat.
    Operator = 7, "operator";
    /// A deadline passed.
    Timer = 8, "timer";
    /// The persona file was looked at.
    PersonaRead = 9, "persona.read";
    /// A file that came with a message was fetched, or was not.
    Fetched = 16, "attachment.fetched";
    /// A message shows a part of what is being said, or is there no more.
    Shown = 17, "shown";
    /// A program in a sandbox was let out to a host, or was not.
    Passage = 24, "egress";
    /// A call that was ordered was not run: what allowed it ended before its record was safe.
    CallWithheld = 25, "call.withheld";
    /// A skill says otherwise what it can do than when it was approved.
    SkillDiffers = 26, "skill.differs";
    /// A picture that a model was to be shown is not there any more, or is another one.
    PictureGone = 27, "picture.gone";
    /// A server asks a person something during a call.
    CallAsks = 30, "call.asks";
    /// It wants no answer any more.
    CallUnasks = 31, "call.unasks";
    /// The server of a call would have a model answer something.
    CallSamples = 32, "call.samples";
    /// Other settings hold from here on, while the program goes on.
    Reconfigured = 10, "reconfigured";

    /// A message was let in, and from whom.
    Admitted = 256, "message.admitted";
    /// A message was not let in, or not looked at again, and why.
    Ignored = 257, "message.ignored";
    /// A person's command was carried out, or refused.
    Command = 258, "command";
    /// Work on a message began.
    TurnStarted = 259, "turn.started";
    /// Work on a message ended, and how.
    TurnEnded = 260, "turn.ended";
    /// A model is about to be asked.
    ModelAsked = 261, "model.asked";
    /// The next model of the chain takes over.
    ModelSwitched = 262, "model.switched";
    /// What was decided about a tool call, and by which rule.
    CallDecided = 263, "call.decided";
    /// A tool is about to be run.
    CallStarted = 264, "call.started";
    /// A tool call whose outcome nobody knows, because the program ended meanwhile.
    CallInterrupted = 265, "call.interrupted";
    /// A person is asked.
    ApprovalAsked = 266, "approval.asked";
    /// A person answered, or the question expired.
    ApprovalAnswered = 267, "approval.answered";
    /// Something is about to be said to a chat.
    Saying = 268, "saying";
    /// A limit was reached, or is near; or a model was given more time, or no more.
    Budget = 269, "budget";
    /// The agent stopped taking work, or took it up again.
    Halted = 270, "halted";
    /// A grant was made or taken back.
    Granted = 271, "granted";
    /// Messages left what is kept of a conversation, or the window that one model is sent of it.
    Trimmed = 272, "history.trimmed";
    /// The model declared what it is going to do.
    Planned = 273, "planned";
    /// A stranger was given a code to be let in by.
    CodeOffered = 274, "code.offered";
    /// The operator was told something.
    Alerted = 275, "alerted";
    /// A person trusts a block for the moment.
    Endorsed = 276, "endorsed";
    /// A grant was taken back.
    Revoked = 277, "revoked";
    /// A person was let in, or is no longer.
    Person = 278, "person";
    /// What followed from an operator's command.
    Operated = 279, "operated";
    /// The persona is another one, or not what was approved.
    PersonaChanged = 280, "persona.changed";
    /// A conversation was forgotten.
    Forgotten = 281, "forgotten";
    /// What is known of one conversation, in a snapshot.
    SnapshotPart = 282, "snapshot.conversation";
    /// What is known of everything else: the end of a snapshot.
    Snapshot = 283, "snapshot";
    /// A stranger's code was thrown away.
    CodeRefused = 284, "code.refused";
    /// A skill was approved, switched on or off.
    SkillChanged = 285, "skill.changed";
    /// A file that came with a message is about to be fetched, or is not taken.
    AttachmentAsked = 296, "attachment.asked";
    /// The model was given a name for a result instead of all of it.
    Referred = 297, "reference.given";
    /// The model was given one value out of a content that it has a name for, or was told why not.
    Extracted = 298, "reference.value";
    /// A server's question was put to nobody, and why.
    CallDeclined = 304, "call.declined";
    /// Whether a server may have a model asked, and by which grants.
    SamplingDecided = 305, "sampling.decided";
    /// A server is told what a model answered, or why it is told nothing.
    SamplingEnded = 306, "sampling.ended";
    /// A program is about to be isolated, and with what.
    IsolateStarted = 320, "isolate.started";
    /// An isolated program was let out to a host, or was not.
    IsolatePassage = 321, "isolate.egress";
    /// An isolated program ended, and how.
    IsolateEnded = 322, "isolate.ended";
}

impl Kind {
    /// Its number in the journal.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// Whether it came in from outside, rather than being derived from what came in.
    #[must_use]
    pub const fn is_input(self) -> bool {
        self.number() < 256
    }
}

/// A record that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) conversation: ConversationNumber,
    pub(crate) payload: Vec<u8>,
}

impl Entry {
    /// What it is, for people. Its payload is private, and stays so.
    pub(crate) fn describe(&self) -> String {
        let digest = Sha256::digest(&self.payload);
        let digest = super::hex(digest.first_chunk::<8>().map_or(&[], |start| start.as_slice()));
        let (kind, bytes_count) = (self.kind.name(), self.payload.len());
        alloc::format!("{kind} of {}, {bytes_count} bytes, sha256 {digest}", self.conversation)
    }

    /// A record. One that no log would take is written as its length and its digest.
    pub(crate) fn new(
        kind: Kind,
        conversation: ConversationNumber,
        body: impl FnOnce(&mut ObjectWriter<'_, String>),
    ) -> Self {
        let mut payload = json::object(body);
        if payload.len() > JOURNAL_PAYLOAD_BYTES_MAX {
            let digest = super::hex(&Sha256::digest(payload.as_bytes()));
            payload = json::object(|out| {
                out.field("too_long", payload.len() as u64).field("sha256", digest.as_str());
            });
        }
        Self { kind, conversation, payload: payload.into_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_one_kind() {
        for number in 0..1024 {
            let Some(kind) = Kind::from_number(number) else { continue };
            assert_eq!(kind.number(), number);
            assert!(kind.name().bytes().all(|byte| byte == b'.' || byte.is_ascii_lowercase()));
        }
        assert!(Kind::Timer.is_input());
        assert!(!Kind::Admitted.is_input());
    }
    /// Whoever reads a journal without this program finds each kind on its page.
    #[test]
    fn every_kind_is_on_the_page() {
        let page = include_str!("../../../docs/AUDIT.md");
        for kind in (0..1024).filter_map(Kind::from_number) {
            let row = alloc::format!("\n| `{:04x}` | {} | ", kind.number(), kind.name());
            assert!(page.contains(&row), "docs/AUDIT.md lacks a row that begins '{row}'");
        }
    }
}
