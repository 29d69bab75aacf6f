//! What an operator can do from outside of any chat: by the command line, the dashboard, an API.
//!
//! # Invariants
//! - A command is one value with all its parts; it is recorded before it is carried out.
//!
//! # Not here
//! Who is an operator: the shell that takes the command knows.

use alloc::string::String;
use core::fmt;

use super::approval::Answer;
use super::codec::{Unreadable, hex, number, text, unhex};
use super::number::ConversationNumber;
use crate::capability::{Grant, Handle, Level};
use crate::text::json::{ObjectWriter, Value};

/// A command of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperatorCommand {
    /// Answer a question.
    Answer {
        /// Its number.
        question: u32,
        /// The digest that was shown with it, so that what is answered is what was read.
        digest: [u8; 32],
        /// The answer.
        answer: Answer,
    },
    /// Answer a question of a server with values.
    Fill {
        /// Its number.
        question: u32,
        /// The digest that was shown with it.
        digest: [u8; 32],
        /// `name=value` for each.
        values: String,
    },
    /// Make a grant, or a rule that forbids, in the language of grants.
    Grant(String),
    /// Take a grant back, and everything derived from it.
    Revoke(Handle),
    /// Let the person in who was given this code.
    Pair(String),
    /// Throw away the code that a stranger was given.
    RefuseCode(String),
    /// Let a person in no longer.
    Unpair {
        /// The platform.
        platform: String,
        /// The platform's id of the person.
        sender: String,
    },
    /// End the turn of a conversation.
    Stop(ConversationNumber),
    /// Take no more work.
    Halt,
    /// Take work again.
    Resume,
    /// The persona with this digest is the agent's from now on.
    AcceptPersona([u8; 32]),
    /// A skill with this digest may be used.
    ApproveSkill {
        /// Its name.
        name: String,
        /// The digest of its files, as they were shown.
        digest: [u8; 32],
    },
    /// Switch a skill on that was approved, or off.
    SwitchSkill {
        /// Its name.
        name: String,
        /// Whether it may be used.
        is_enabled: bool,
    },
    /// Forget a conversation.
    Forget(ConversationNumber),
    /// Take a snapshot: before another version of the program, which may decide differently, goes
    /// on with the log.
    Snapshot,
}

impl OperatorCommand {
    /// Whether it leaves the agent with nothing that it could not do before. Such a command is
    /// taken even while the journal cannot be written, and holds from that moment on.
    pub(crate) fn only_narrows(&self) -> bool {
        match self {
            Self::Revoke(_) | Self::RefuseCode(_) | Self::Unpair { .. } => true,
            Self::Stop(_) | Self::Halt | Self::SwitchSkill { is_enabled: false, .. } => true,
            Self::Answer { answer, .. } => !answer.allows(),
            Self::Grant(spec) => spec.parse().is_ok_and(|grant: Grant| grant.level == Level::Deny),
            _ => false,
        }
    }

    pub(crate) fn write(&self, out: &mut ObjectWriter<'_, String>) {
        match self {
            Self::Answer { question, digest, answer } => {
                out.field("do", "answer").field("question", u64::from(*question));
                out.field("digest", hex(digest).as_str()).field("answer", answer.word());
            }
            Self::Fill { question, digest, values } => {
                out.field("do", "fill").field("question", u64::from(*question));
                out.field("digest", hex(digest).as_str()).field("values", values.as_str());
            }
            Self::Grant(spec) => {
                out.field("do", "grant").field("grant", spec.as_str());
            }
            Self::Revoke(handle) => {
                out.field("do", "revoke").field("index", u64::from(handle.index));
                out.field("generation", u64::from(handle.generation));
            }
            Self::Pair(code) => {
                out.field("do", "pair").field("code", code.as_str());
            }
            Self::RefuseCode(code) => {
                out.field("do", "refuse_code").field("code", code.as_str());
            }
            Self::Unpair { platform, sender } => {
                out.field("do", "unpair").field("platform", platform.as_str());
                out.field("sender", sender.as_str());
            }
            Self::Stop(conversation) => {
                out.field("do", "stop").field("conversation", conversation.0);
            }
            Self::Halt => {
                out.field("do", "halt");
            }
            Self::Resume => {
                out.field("do", "resume");
            }
            Self::AcceptPersona(digest) => {
                out.field("do", "accept_persona").field("digest", hex(digest).as_str());
            }
            Self::ApproveSkill { name, digest } => {
                out.field("do", "approve_skill").field("skill", name.as_str());
                out.field("digest", hex(digest).as_str());
            }
            Self::SwitchSkill { name, is_enabled } => {
                out.field("do", "switch_skill").field("skill", name.as_str());
                out.field("is_enabled", *is_enabled);
            }
            Self::Snapshot => {
                out.field("do", "snapshot");
            }
            Self::Forget(conversation) => {
                out.field("do", "forget").field("conversation", conversation.0);
            }
        }
    }

    pub(crate) fn read(value: Value<'_>) -> Result<Self, Unreadable> {
        let small = |key| {
            let number = u32::try_from(number(value, key)?);
            number.map_err(|_| Unreadable::new("a number is too large"))
        };
        let conversation = || number(value, "conversation").map(ConversationNumber);
        Ok(match value.get("do")?.as_str()? {
            "answer" => Self::Answer {
                question: small("question")?,
                digest: unhex(value.get("digest")?.as_str()?)?,
                answer: Answer::named(value.get("answer")?.as_str()?)?,
            },
            "fill" => Self::Fill {
                question: small("question")?,
                digest: unhex(value.get("digest")?.as_str()?)?,
                values: text(value, "values")?,
            },
            "grant" => Self::Grant(text(value, "grant")?),
            "revoke" => {
                Self::Revoke(Handle { index: small("index")?, generation: small("generation")? })
            }
            "pair" => Self::Pair(text(value, "code")?),
            "refuse_code" => Self::RefuseCode(text(value, "code")?),
            "unpair" => {
                Self::Unpair { platform: text(value, "platform")?, sender: text(value, "sender")? }
            }
            "stop" => Self::Stop(conversation()?),
            "halt" => Self::Halt,
            "resume" => Self::Resume,
            "accept_persona" => Self::AcceptPersona(unhex(value.get("digest")?.as_str()?)?),
            "approve_skill" => Self::ApproveSkill {
                name: text(value, "skill")?,
                digest: unhex(value.get("digest")?.as_str()?)?,
            },
            "switch_skill" => Self::SwitchSkill {
                name: text(value, "skill")?,
                is_enabled: value.get("is_enabled")?.as_bool()?,
            },
            "snapshot" => Self::Snapshot,
            "forget" => Self::Forget(conversation()?),
            other => return Err(Unreadable::word("operator's command", other)),
        })
    }
}

/// Why a command of an operator was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub(super) what: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl core::error::Error for Refusal {}
