//! A request to a model on its way: bytes in, an answer or an error out.
//!
//! # Invariants
//! - It ends once, with a whole answer or with an error; what comes after is not looked at.
//! - The body of an error is bounded; a stream is bounded by its assembler.
//!
//! # Not here
//! What follows from either: the agent.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::agent::DeliveryNumber;
use crate::fault::{Fault, is_broken};
use crate::limits::{
    EXCHANGE_ERROR_BYTES_MAX, EXCHANGE_IDLE_TIME, EXCHANGE_TIME_MAX, EXCHANGE_WHOLE_BYTES_MAX,
};
use crate::llm::{
    Assembler, Decoder, Delta, Dialect, Interrupted, ModelError, ModelErrorKind, Reply, ReplyBound,
    StopReason, TransportKind, Usage,
};
use crate::text::json;
use crate::time::{Instant, Timestamp};
use crate::wire::http::Headers;

#[derive(Debug)]
pub(super) struct Exchange {
    /// Where its words are shown, if they are.
    pub(super) delivery: Option<DeliveryNumber>,
    pub(super) was_shown: bool,
    number: u64,
    dialect: Dialect,
    /// Whether the provider said that it answers: from there on it counts, whether or not a word
    /// comes. A model may think for minutes and say nothing of it.
    is_answered: bool,
    body: Body,
    assembler: Assembler,
    /// When it is given up unless something comes.
    pub(super) deadline: Instant,
    /// When it is given up whatever comes.
    latest: Instant,
}

#[derive(Debug)]
enum Body {
    /// The response has not begun.
    None,
    Stream(Box<Decoder>),
    /// An answer in one piece, although a stream was asked for.
    Whole(Vec<u8>),
    Error {
        status: u16,
        headers: Headers,
        bytes: Vec<u8>,
    },
}

/// How an exchange ended.
#[derive(Debug)]
pub(super) enum Ending {
    Answered(Reply),
    /// With what it cost, as far as that was said, and whether the answer had begun.
    Failed(ModelError, Usage, bool),
}

impl Exchange {
    pub(super) fn new(
        number: u64,
        delivery: Option<DeliveryNumber>,
        dialect: Dialect,
        now: Instant,
    ) -> Self {
        Self {
            delivery,
            was_shown: false,
            number,
            dialect,
            is_answered: false,
            body: Body::None,
            assembler: Assembler::new(),
            deadline: now.after(EXCHANGE_IDLE_TIME),
            latest: now.after(EXCHANGE_TIME_MAX),
        }
    }

    pub(super) fn head(&mut self, status: u16, headers: &Headers, now: Instant) {
        self.deadline = now.after(EXCHANGE_IDLE_TIME).min(self.latest);
        let is_event_stream = || {
            let kind = headers.get("content-type");
            let kind = kind.and_then(|kind| kind.as_str());
            let media_type = kind.and_then(|kind| kind.split(';').next());
            !media_type.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        };
        self.body = match (status, &self.body) {
            (_, Body::Stream(_) | Body::Whole(_) | Body::Error { .. }) => return,
            (200..=299, Body::None) if is_event_stream() => {
                Body::Stream(Box::new(self.dialect.decoder(self.number)))
            }
            (200..=299, Body::None) => Body::Whole(Vec::new()),
            (_, Body::None) => Body::Error { status, headers: headers.clone(), bytes: Vec::new() },
        };
        self.is_answered = matches!(self.body, Body::Stream(_) | Body::Whole(_));
    }

    /// Takes bytes; `show` is told the words among them.
    pub(super) fn bytes(
        &mut self,
        mut bytes: &[u8],
        now: Instant,
        mut show: impl FnMut(&str),
    ) -> Option<Ending> {
        self.deadline = now.after(EXCHANGE_IDLE_TIME).min(self.latest);
        match &mut self.body {
            Body::None => None,
            Body::Whole(whole) => {
                if whole.len().saturating_add(bytes.len()) > EXCHANGE_WHOLE_BYTES_MAX {
                    let kind = ModelErrorKind::TooLarge(ReplyBound::EventBytes);
                    return Some(self.fail(ModelError::new(kind)));
                }
                whole.extend_from_slice(bytes);
                None
            }
            Body::Error { bytes: kept, .. } => {
                let room = EXCHANGE_ERROR_BYTES_MAX.saturating_sub(kept.len());
                kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
                None
            }
            Body::Stream(decoder) => {
                loop {
                    match decoder.next(&mut bytes) {
                        Ok(None) => break,
                        Ok(Some(delta)) => {
                            if let Delta::Text(text) = delta {
                                show(text);
                            }
                            if let Err(error) = self.assembler.add(delta) {
                                return Some(self.fail(error));
                            }
                        }
                        Err(error) => return Some(self.fail(error)),
                    }
                }
                decoder.is_done().then(|| self.finish())
            }
        }
    }

    /// The body ended.
    pub(super) fn end(&mut self, now: Timestamp) -> Ending {
        match core::mem::replace(&mut self.body, Body::None) {
            Body::None => self.fail(ModelError::transport(TransportKind::Protocol)),
            Body::Error { status, headers, bytes } => {
                let error = self.dialect.error(status, &headers, &bytes, now);
                self.fail(error)
            }
            Body::Whole(bytes) => match self.dialect.whole(self.number, &bytes) {
                Ok(reply) => Ending::Answered(reply),
                Err(error) => self.fail_after(error, is_only_error(&bytes)),
            },
            body @ Body::Stream(_) => {
                self.body = body;
                self.finish()
            }
        }
    }

    pub(super) fn fail(&mut self, error: ModelError) -> Ending {
        self.fail_after(error, matches!(self.body, Body::Stream(_)))
    }

    /// It failed, and `may_be_declined` if all that there was to read was read.
    fn fail_after(&mut self, error: ModelError, may_be_declined: bool) -> Ending {
        let interrupted = core::mem::take(&mut self.assembler).interrupted(error);
        let Interrupted { message, usage, error, is_counted } = interrupted;
        // Some say only with their first event that they are too busy.
        let is_nothing = message.blocks.is_empty() && usage == Usage::default();
        let was_declined = may_be_declined && is_nothing && error.kind.is_declined();
        let is_open = self.is_answered && !was_declined && !is_counted;
        Ending::Failed(error, usage, is_open && !is_broken(Fault::FreeSilence))
    }

    fn finish(&mut self) -> Ending {
        let Body::Stream(decoder) = &mut self.body else {
            return self.fail(ModelError::transport(TransportKind::Cut));
        };
        match decoder.end() {
            Err(_) if is_broken(Fault::CutAnswer) => {
                let interrupted = core::mem::take(&mut self.assembler)
                    .interrupted(ModelError::transport(TransportKind::Cut));
                let (message, usage) = (interrupted.message, interrupted.usage);
                Ending::Answered(Reply { message, usage, stop: StopReason::End })
            }
            Err(error) => self.fail(error),
            Ok(ended) => match core::mem::take(&mut self.assembler).complete(ended) {
                Ok(reply) => Ending::Answered(reply),
                Err(interrupted) => Ending::Failed(interrupted.error, interrupted.usage, true),
            },
        }
    }
}

/// Whether an answer that came whole is an error, with no words and no counts beside it.
fn is_only_error(body: &[u8]) -> bool {
    let document = json::parse(body).ok();
    let members = document.as_ref().and_then(|document| document.root().members().ok());
    members.is_some_and(|mut members| {
        members.all(|(key, _)| matches!(key, "error" | "type" | "request_id" | "object"))
    })
}
