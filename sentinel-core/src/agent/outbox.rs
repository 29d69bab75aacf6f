//! What follows from an input: records to write, and orders for the outside.
//!
//! # Invariants
//! - An order stands behind every record it depends on, because both are written to one list in the
//!   order in which they were decided. Whoever carries orders out waits for the records before
//!   them, unless the order only ends something.
//!
//! # Not here
//! Waiting for the disk, speaking to models and platforms: [`runtime`](crate::runtime).

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::eliciting::Told;
use super::fetching::Fetch;
use super::number::{CallNumber, ConversationNumber, DeliveryNumber, ExchangeNumber, FetchNumber};
use super::operator::Refusal;
use super::record::{Entry, Kind};
use crate::capability::Handle;
use crate::text::json::ObjectWriter;
use crate::time::Instant;
use crate::tool::Call;

/// What an agent wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Ask a model; its answer comes back as an input.
    Ask(Ask),
    /// Nobody waits for this answer any more.
    Unask(ExchangeNumber),
    /// Run a tool; what it gives back comes as an input.
    Run(Run),
    /// Fetch a file; what becomes of it comes as an input.
    Fetch(Fetch),
    /// Nobody waits for this file any more.
    Unfetch(FetchNumber),
    /// Nobody waits for this tool any more.
    Stop(CallNumber),
    /// Tell the server of a call what came of its question.
    Reply { call: CallNumber, number: u64, told: Told },
    /// Say something to a chat.
    Say(Say),
    /// Say something to somebody with whom there is no conversation.
    Greet { delivery: DeliveryNumber, platform: String, chat: String, text: String },
    /// What was shown of an answer is taken back: it begins anew.
    Withdraw(DeliveryNumber),
    /// What was shown of an answer stays, and is marked as incomplete.
    MarkIncomplete(DeliveryNumber),
    /// Tell the platform that it need not keep a message for us any longer.
    Acknowledge { platform: String, message: String },
    /// Tell the operator, wherever that is.
    Alert(String),
    /// Answer an operator's request.
    Tell { request: u64, outcome: Result<String, Refusal> },
    /// Destroy the key of a conversation.
    Forget(ConversationNumber),
}

impl Order {
    /// Whether it ends something and does nothing else. It waits for no record: were the program to
    /// end before the record is safe, what was ended would be taken for interrupted, which it was.
    pub(crate) const fn only_ends(&self) -> bool {
        matches!(self, Self::Unask(_) | Self::Unfetch(_) | Self::Stop(_))
    }
}

/// A model is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) exchange: ExchangeNumber,
    pub(crate) conversation: ConversationNumber,
    /// The answer's place in the chat; none, if it is not for a chat.
    pub(crate) delivery: Option<DeliveryNumber>,
    /// Which of the configured models.
    pub(crate) model: usize,
    pub(crate) handle: Handle,
}

/// A tool is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) number: CallNumber,
    pub(crate) conversation: ConversationNumber,
    pub(crate) call: Call,
    pub(crate) handles: Vec<Handle>,
    pub(crate) time_max: Duration,
}

/// Something is to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Say {
    pub(crate) delivery: DeliveryNumber,
    pub(crate) conversation: ConversationNumber,
    pub(crate) text: String,
    pub(crate) what: Saying,
    /// When it was said first.
    pub(crate) since: Instant,
}

/// What kind of thing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saying {
    /// The answer to a message.
    Answer,
    /// A question to a person, with the number to answer it by.
    Question(u32),
    /// Anything else the person should know.
    Notice,
}

impl Saying {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Question(_) => "question",
            Self::Notice => "notice",
        }
    }
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Record(Entry),
    Order(Order),
}

/// The list.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    lines: VecDeque<Line>,
}

impl Outbox {
    pub(crate) fn record(
        &mut self,
        kind: Kind,
        conversation: ConversationNumber,
        body: impl FnOnce(&mut ObjectWriter<'_, String>),
    ) {
        self.lines.push_back(Line::Record(Entry::new(kind, conversation, body)));
    }

    /// A record that stands already.
    pub(crate) fn write(&mut self, entry: Entry) {
        self.lines.push_back(Line::Record(entry));
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.lines.push_back(Line::Order(order));
    }

    pub(crate) fn take(&mut self) -> Option<Line> {
        self.lines.pop_front()
    }
}
