//! Calls of a model outside: an assistant that somebody else runs wants a tool.
//!
//! Its call is a message of a guest in a room of its own, and is judged as a call of the agent's
//! own model would be after it had read what nobody vouches for. What the model outside has seen is
//! not known here, so the worst is taken for true: it read a stranger's words, and things that are
//! private. So no value of a call is a trusted person's, nothing is planned, and whatever does more
//! than read or change the workspace asks a person, whatever the grant says.
//!
//! # Invariants
//! - A call from outside takes the way of every call: understood, judged, recorded, reserved, run.
//! - The words of a call ground nothing: they are not kept as words that were seen.
//! - Every turn makes one call at most, and no model is asked.
//! - While the agent is halted none is begun, also of those that waited.
//!
//! # Not here
//! The protocol that a client speaks: `mcp`.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Agent;
use super::conversation::own_words;
use super::history::cut;
use super::number::ConversationNumber;
use super::outbox::Saying;
use super::turn::{End, Turn};
use crate::channel::{Identity, IdentityError, Incoming, Part, Platform};
use crate::fault::{Fault, is_broken};
use crate::label::{Integrity, Label, Secrecy, Source};
use crate::limits::OUTSIDE_OUTPUT_BYTES_MAX;
use crate::llm::{Block, Message, Role, ToolUse};
use crate::text::json;
use crate::time::Timestamp;

/// A call of a model outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideCall {
    /// Names the call among all that ever came from there.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// Its arguments, a JSON text.
    pub arguments: String,
}

/// What became of a call from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideOutcome {
    /// The name of the call.
    pub id: String,
    /// What the model outside is told.
    pub content: String,
    /// Whether the call failed, or was not made.
    pub is_error: bool,
}

impl OutsideCall {
    /// The room that calls come from: of what is said there, all is a guest's.
    pub const ROOM: &'static str = "outside";

    /// As the message that the runtime takes. What it is answered in is read by
    /// [`OutsideOutcome::read`].
    ///
    /// # Errors
    /// The name is none.
    pub fn message(&self, now: Timestamp) -> Result<Incoming, IdentityError> {
        let text = json::object(|out| {
            out.field("tool", self.tool.as_str()).field("arguments", self.arguments.as_str());
        });
        Ok(Incoming {
            identity: Identity::new(Platform::OUTSIDE.name, Self::ROOM, "client")?,
            id: self.id.clone(),
            is_private: false,
            is_from_bot: false,
            name: "the client's model".into(),
            parts: Vec::from([Part::Text(text)]),
            sent: now,
        })
    }

    fn read(incoming: &Incoming) -> Option<Self> {
        let words = own_words(incoming);
        let document = json::parse(words.as_bytes()).ok()?;
        let text = |key| document.root().find(key)?.as_str().ok().map(ToString::to_string);
        let (tool, arguments) = (text("tool")?, text("arguments")?);
        Some(Self { id: incoming.id.clone(), tool, arguments })
    }
}

impl OutsideOutcome {
    /// From the answer to the message.
    #[must_use]
    pub fn read(answer: &str) -> Option<Self> {
        let (head, content) = answer.split_once('\n')?;
        let (word, id) = head.split_once(' ')?;
        // Whoever shows answers leaves out white space at their ends, so none ends with it.
        let content = content.trim_end_matches('\n').strip_suffix(END)?;
        let (id, content) = (id.to_string(), content.to_string());
        match word {
            DONE => Some(Self { id, content, is_error: false }),
            FAILED => Some(Self { id, content, is_error: true }),
            _ => None,
        }
    }

    fn answer(&self) -> String {
        let word = if self.is_error { FAILED } else { DONE };
        let content = cut(&self.content, OUTSIDE_OUTPUT_BYTES_MAX);
        format!("{word} {}\n{content}{END}", self.id)
    }
}

impl Agent {
    /// Whether what is said in a conversation are calls from outside.
    pub(super) fn is_outside(&self, number: ConversationNumber) -> bool {
        let found = self.conversations.get(&number);
        found.is_some_and(|known| *known.platform == *Platform::OUTSIDE.name)
    }

    /// The conversation that calls from outside belong to, and whether one is under way there.
    pub(crate) fn outside(&self) -> Option<(ConversationNumber, bool)> {
        let place = (Platform::OUTSIDE.name.into(), OutsideCall::ROOM.into());
        let number = *self.places.get(&place)?;
        let known = self.conversations.get(&number)?;
        Some((number, known.turn.is_some() || !known.queue.is_empty()))
    }

    /// A call came: it goes where the calls of the own model go.
    pub(super) fn pass_on(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        incoming: &Incoming,
    ) {
        // No model is asked for it, so nobody else asks. It may have waited when the halt came.
        if let Some(halt) = self.why_halted() {
            self.notice(number, halt.to_string());
            return self.end_turn(number, &turn, End::Halted);
        }
        let Some(conversation) = self.conversation(number) else { return };
        let memory = conversation.memory();
        memory.context.begin_turn();
        memory.history.clear();
        let seen = memory.context.label();
        let is_said = seen.integrity == Integrity::Untrusted && seen.secrecy >= Secrecy::Private;
        if !is_said && !is_broken(Fault::TrustedOutsider) {
            let label = Label::untrusted(Source::Stranger, Secrecy::Private);
            memory.add(label, "the client's model", "");
        }
        let Some(OutsideCall { id, tool, arguments }) = OutsideCall::read(incoming) else {
            return self.hand_back(number, turn);
        };
        let wanted = ToolUse { id, name: tool, arguments };
        memory.history.push(Message::text(Role::User, "a call from outside"));
        let blocks = Vec::from([Block::ToolUse(wanted.clone())]);
        memory.history.push(Message { role: Role::Assistant, blocks });
        turn.rounds_count += 1;
        self.begin_round(number, turn, Vec::from([wanted]));
    }

    /// The call is over: its result is the answer.
    pub(super) fn hand_back(&mut self, number: ConversationNumber, turn: Box<Turn>) {
        let Some(conversation) = self.conversation(number) else { return };
        let history = &mut conversation.memory().history;
        let last = history.messages().last().and_then(|message| message.blocks.last());
        let outcome = match last {
            Some(Block::ToolResult(result)) => {
                let (mut id, content) = (result.id.clone(), result.content.clone());
                if is_broken(Fault::MisnamedOutcome) {
                    id = turn.number.0.to_string();
                }
                OutsideOutcome { id, content, is_error: result.is_error }
            }
            _ => {
                let (id, content) = (String::new(), "not run: there is no call in it".into());
                OutsideOutcome { id, content, is_error: true }
            }
        };
        history.clear();
        self.say_as(turn.delivery, number, outcome.answer(), Saying::Answer);
        self.end_turn(number, &turn, End::Answered);
    }
}

const DONE: &str = "done";
const FAILED: &str = "failed";
const END: &str = "\n.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_given() {
        for content in ["", "one", "a\n\nb\n\n", "\n.", " .\n ", "done 1\nx"] {
            for is_error in [false, true] {
                let (id, content) = ("17-1".to_string(), content.to_string());
                let outcome = OutsideOutcome { id, content, is_error };
                let answer = outcome.answer();
                assert_eq!(answer.trim_end(), answer);
                assert_eq!(OutsideOutcome::read(&answer).as_ref(), Some(&outcome));
                assert_eq!(OutsideOutcome::read(&(answer + "\n")), Some(outcome));
            }
        }
        for other in ["", "done", "done 1", "done 1\n", "maybe 1\nx\n.", "done\nx\n."] {
            assert_eq!(OutsideOutcome::read(other), None);
        }
    }

    #[test]
    fn a_call_is_a_message_that_reads_back() {
        let arguments = "{\"a\": \"\\u0000\"}".to_string();
        let call = OutsideCall { id: "1".into(), tool: "read_file".into(), arguments };
        let message = call.message(Timestamp(0)).unwrap();
        assert!(!message.is_private && message.check().is_ok());
        assert_eq!(OutsideCall::read(&message), Some(call));
    }
}
