//! What the agent is told: the only way anything gets in.
//!
//! Each input is written to the journal before the agent acts on it, in the form that this module
//! reads back. So the journal is all that is needed to do everything again.
//!
//! # Invariants
//! - What is written reads back as the same value.
//! - Everything the agent could not work out by itself is in here, chance included.
//!
//! # Not here
//! Bytes of a network: what they mean was worked out before, by [`runtime`](crate::runtime).

use alloc::string::{String, ToString};

use super::codec::{self, Unreadable, flag, hex, named, number, text, unhex};
use super::fetching::Fetched;
use super::number::{CallNumber, ConversationNumber, DeliveryNumber, ExchangeNumber, FetchNumber};
use super::operator::OperatorCommand;
use super::passing;
use super::record::Kind;
use super::sampling::Sampling;
use super::shown::piece;
use crate::channel::Incoming;
use crate::egress::Passage;
use crate::llm::{ModelError, Reply, Usage};
use crate::text::json::{self, Value};
use crate::time::Instant;

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// The program started.
    Started {
        /// The digest of the settings from now on.
        settings: [u8; 32],
    },
    /// A message came.
    Message {
        incoming: Incoming,
        /// For the code that a stranger may get.
        entropy: [u8; 16],
    },
    /// A model answered in full.
    Reply { exchange: ExchangeNumber, reply: Reply },
    /// A model did not.
    ReplyFailed {
        exchange: ExchangeNumber,
        error: ModelError,
        /// What it cost all the same.
        usage: Usage,
        /// Whether a part of the answer was shown to somebody.
        was_shown: bool,
        /// Whether the provider had begun to answer: from there on it counts, said or not.
        has_begun: bool,
        /// Spreads out the next tries.
        entropy: u64,
    },
    /// A model was not asked, because a picture that it was to be shown is not there any more.
    PictureGone { exchange: ExchangeNumber, digest: [u8; 32] },
    /// A tool ended.
    ToolFinished { call: CallNumber, output: ToolOutput },
    /// A call that was ordered was not run after all; why, in the runtime's own words.
    CallWithheld { call: CallNumber, why: String },
    /// The server of a call asks a person something: its words, and the schema of an answer.
    CallAsks {
        call: CallNumber,
        number: u64,
        words: String,
        schema: String,
        /// Whether the clock of the call stands meanwhile, as it did not in older logs.
        stops_clock: bool,
    },
    /// It wants no answer any more.
    CallUnasks { call: CallNumber, number: u64 },
    /// The server of a call would have a model answer something.
    CallSamples { call: CallNumber, number: u64, sampling: Sampling },
    /// A file that came with a message was fetched, or was not.
    Fetched { fetch: FetchNumber, fetched: Fetched },
    /// The program of a call was let out to a host, or was not.
    Passage { call: CallNumber, passage: Passage },
    /// A message shows a piece of what is not said to its end; `None` if the one that did is gone.
    Shown { delivery: DeliveryNumber, piece: usize, message: Option<String> },
    /// What was said arrived, or did not.
    Delivered { delivery: DeliveryNumber, outcome: DeliveryOutcome },
    /// An operator did something.
    Operator { request: u64, command: OperatorCommand },
    /// A deadline passed.
    Timer,
    /// The persona was looked at; `None` if it cannot be read.
    PersonaRead { text: Option<String> },
    /// A skill with this digest says otherwise what it can do than when it was approved.
    SkillDiffers { skill: String, digest: [u8; 32] },
    /// Other settings hold from now on.
    Reconfigured {
        /// The digest of them.
        settings: [u8; 32],
    },
}

/// What a tool gave back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOutput {
    /// What it printed, or what went wrong. All of it is kept; the model is shown a part, if it is
    /// long.
    pub content: String,
    /// Whether it failed.
    pub is_error: bool,
}

/// What there is, or why there is nothing.
impl<E: core::fmt::Display> From<Result<String, E>> for ToolOutput {
    fn from(result: Result<String, E>) -> Self {
        match result {
            Ok(content) => Self { content, is_error: false },
            Err(error) => Self { content: alloc::format!("{error}"), is_error: true },
        }
    }
}

/// What became of something that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryOutcome {
    Arrived,
    Failed,
    /// Nobody knows: the platform did not answer, and cannot be asked again without saying it
    /// twice.
    Uncertain,
}

const OUTCOMES: [(DeliveryOutcome, &str); 3] = [
    (DeliveryOutcome::Arrived, "arrived"),
    (DeliveryOutcome::Failed, "failed"),
    (DeliveryOutcome::Uncertain, "uncertain"),
];

impl Input {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Started { .. } => Kind::Started,
            Self::Reconfigured { .. } => Kind::Reconfigured,
            Self::Message { .. } => Kind::Message,
            Self::Reply { .. } => Kind::Reply,
            Self::ReplyFailed { .. } => Kind::ReplyFailed,
            Self::PictureGone { .. } => Kind::PictureGone,
            Self::ToolFinished { .. } => Kind::ToolFinished,
            Self::CallWithheld { .. } => Kind::CallWithheld,
            Self::CallAsks { .. } => Kind::CallAsks,
            Self::CallUnasks { .. } => Kind::CallUnasks,
            Self::CallSamples { .. } => Kind::CallSamples,
            Self::Fetched { .. } => Kind::Fetched,
            Self::Passage { .. } => Kind::Passage,
            Self::Shown { .. } => Kind::Shown,
            Self::Delivered { .. } => Kind::Delivered,
            Self::Operator { .. } => Kind::Operator,
            Self::Timer => Kind::Timer,
            Self::PersonaRead { .. } => Kind::PersonaRead,
            Self::SkillDiffers { .. } => Kind::SkillDiffers,
        }
    }

    /// The payload of its record.
    pub(crate) fn write(&self, at: Instant) -> String {
        json::object(|out| {
            out.field("at", at.0);
            match self {
                Self::Started { settings } | Self::Reconfigured { settings } => {
                    out.field("settings", hex(settings).as_str());
                }
                Self::Message { incoming, entropy } => {
                    out.field("entropy", hex(entropy).as_str());
                    out.object("message", |out| incoming.write(out));
                }
                Self::Reply { exchange, reply } => {
                    out.field("exchange", exchange.0);
                    out.object("message", |out| codec::write_message(out, &reply.message));
                    codec::write_usage(out, &reply.usage);
                    out.field("stop", codec::stop_word(reply.stop));
                }
                Self::ReplyFailed { exchange, error, usage, was_shown, has_begun, entropy } => {
                    out.field("exchange", exchange.0);
                    codec::write_error(out, error);
                    codec::write_usage(out, usage);
                    out.field("was_shown", *was_shown);
                    if *has_begun {
                        out.field("has_begun", true);
                    }
                    out.field("entropy", hex(&entropy.to_be_bytes()).as_str());
                }
                Self::PictureGone { exchange, digest } => {
                    out.field("exchange", exchange.0).field("sha256", hex(digest).as_str());
                }
                Self::ToolFinished { call, output } => {
                    out.field("call", call.0).field("content", output.content.as_str());
                    out.field("is_error", output.is_error);
                }
                Self::CallWithheld { call, why } => {
                    out.field("call", call.0).field("why", why.as_str());
                }
                Self::CallAsks { call, number, words, schema, stops_clock } => {
                    out.field("call", call.0).field("number", *number);
                    out.field("words", words.as_str()).field("schema", schema.as_str());
                    out.optional("stops_clock", stops_clock.then_some(true));
                }
                Self::CallUnasks { call, number } => {
                    out.field("call", call.0).field("number", *number);
                }
                Self::CallSamples { call, number, sampling } => {
                    out.field("call", call.0).field("number", *number);
                    sampling.write(out);
                }
                Self::Fetched { fetch, fetched } => {
                    out.field("fetch", fetch.0);
                    fetched.write(out);
                }
                Self::Passage { call, passage } => {
                    out.field("call", call.0);
                    passing::write(out, passage);
                }
                Self::Shown { delivery, piece, message } => {
                    out.field("delivery", delivery.0).field("piece", *piece as u64);
                    out.optional("message", message.as_deref());
                }
                Self::Delivered { delivery, outcome } => {
                    let named = OUTCOMES.iter().find(|(known, _)| known == outcome);
                    out.field("delivery", delivery.0);
                    out.optional("outcome", named.map(|(_, word)| *word));
                }
                Self::Operator { request, command } => {
                    out.field("request", *request);
                    command.write(out);
                }
                Self::Timer => {}
                Self::PersonaRead { text } => {
                    out.optional("text", text.as_deref());
                }
                Self::SkillDiffers { skill, digest } => {
                    out.field("skill", skill.as_str()).field("digest", hex(digest).as_str());
                }
            }
        })
    }

    /// Reads the payload of a record back: when it was, and what.
    pub(crate) fn read(kind: Kind, payload: &[u8]) -> Result<(Instant, Self), Unreadable> {
        let document = json::parse(payload).map_err(|error| Unreadable::new(error.to_string()))?;
        let value = document.root();
        let at = Instant(number(value, "at")?);
        Ok((at, Self::read_value(kind, value)?))
    }

    fn read_value(kind: Kind, value: Value<'_>) -> Result<Self, Unreadable> {
        let exchange = |value| number(value, "exchange").map(ExchangeNumber);
        Ok(match kind {
            Kind::Started => Self::Started { settings: unhex(value.get("settings")?.as_str()?)? },
            Kind::Reconfigured => {
                Self::Reconfigured { settings: unhex(value.get("settings")?.as_str()?)? }
            }
            Kind::Message => Self::Message {
                incoming: Incoming::read(value.get("message")?)
                    .map_err(|error| Unreadable::new(error.to_string()))?,
                entropy: unhex(value.get("entropy")?.as_str()?)?,
            },
            Kind::Reply => Self::Reply {
                exchange: exchange(value)?,
                reply: Reply {
                    message: codec::read_message(value.get("message")?)?,
                    usage: codec::read_usage(value)?,
                    stop: codec::read_stop(value)?,
                },
            },
            Kind::ReplyFailed => Self::ReplyFailed {
                exchange: exchange(value)?,
                error: codec::read_error(value)?,
                usage: codec::read_usage(value)?,
                was_shown: flag(value, "was_shown")?,
                // A journal of a version that did not write it down has none.
                has_begun: value.find("has_begun").is_some() && flag(value, "has_begun")?,
                entropy: u64::from_be_bytes(unhex(value.get("entropy")?.as_str()?)?),
            },
            Kind::PictureGone => Self::PictureGone {
                exchange: exchange(value)?,
                digest: unhex(value.get("sha256")?.as_str()?)?,
            },
            Kind::ToolFinished => Self::ToolFinished {
                call: CallNumber(number(value, "call")?),
                output: ToolOutput {
                    content: text(value, "content")?,
                    is_error: flag(value, "is_error")?,
                },
            },
            Kind::CallWithheld => Self::CallWithheld {
                call: CallNumber(number(value, "call")?),
                why: text(value, "why")?,
            },
            Kind::CallAsks => Self::CallAsks {
                call: CallNumber(number(value, "call")?),
                number: number(value, "number")?,
                words: text(value, "words")?,
                schema: text(value, "schema")?,
                stops_clock: match value.find("stops_clock") {
                    Some(stops) => stops.as_bool()?,
                    None => false,
                },
            },
            Kind::CallUnasks => Self::CallUnasks {
                call: CallNumber(number(value, "call")?),
                number: number(value, "number")?,
            },
            Kind::CallSamples => Self::CallSamples {
                call: CallNumber(number(value, "call")?),
                number: number(value, "number")?,
                sampling: Sampling::read(value)?,
            },
            Kind::Fetched => Self::Fetched {
                fetch: FetchNumber(number(value, "fetch")?),
                fetched: Fetched::read(value)?,
            },
            Kind::Passage => Self::Passage {
                call: CallNumber(number(value, "call")?),
                passage: passing::read(value)?,
            },
            Kind::Shown => {
                let message = value.find("message").map(|message| message.as_str()).transpose()?;
                Self::Shown {
                    delivery: DeliveryNumber(number(value, "delivery")?),
                    piece: piece(value)?,
                    message: message.map(ToString::to_string),
                }
            }
            Kind::Delivered => Self::Delivered {
                delivery: DeliveryNumber(number(value, "delivery")?),
                outcome: named(&OUTCOMES, "outcome", value.get("outcome")?.as_str()?)?,
            },
            Kind::Operator => Self::Operator {
                request: number(value, "request")?,
                command: OperatorCommand::read(value)?,
            },
            Kind::Timer => Self::Timer,
            Kind::PersonaRead => {
                let text = value.find("text").map(|text| text.as_str()).transpose()?;
                Self::PersonaRead { text: text.map(ToString::to_string) }
            }
            Kind::SkillDiffers => Self::SkillDiffers {
                skill: text(value, "skill")?,
                digest: unhex(value.get("digest")?.as_str()?)?,
            },
            other => return Err(Unreadable::word("input", other.name())),
        })
    }
}

/// Which conversation the record of an input belongs to is for the agent to say: it knows whose
/// answer this is.
pub(crate) const SYSTEM: ConversationNumber = ConversationNumber(0);
