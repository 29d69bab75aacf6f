//! Which dialect a provider speaks: the one way in to all of them.

use crate::time::Timestamp;
use crate::wire::http::Headers;

use super::decoder::{Decoder, Reader};
use super::delta::Queue;
use super::error::ModelError;
use super::outgoing::Outgoing;
use super::reply::{Assembler, Ended, Reply};
use super::request::{Request, RequestError};
use super::{anthropic, failure, openai};

/// A way to speak to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's Chat Completions API, as this provider speaks it.
    OpenAi(openai::OpenAiProfile),
}

impl Dialect {
    /// Writes a request.
    pub fn write(&self, request: &Request<'_>) -> Result<Outgoing, RequestError> {
        match self {
            Self::Anthropic => anthropic::write(request),
            Self::OpenAi(profile) => openai::write(profile, request),
        }
    }

    /// A decoder at the start of a streamed answer.
    ///
    /// `answer` tells this answer from the others of its conversation: it becomes part of the ids
    /// that are made up for calls that have none.
    #[must_use]
    pub fn decoder(&self, answer: u64) -> Decoder {
        Decoder::new(match self {
            Self::Anthropic => Reader::Anthropic(anthropic::Reader::new(answer)),
            Self::OpenAi(_) => Reader::OpenAi(openai::Reader::new(answer)),
        })
    }

    /// Reads an answer that came whole: one that was asked for so, or that came as JSON although a
    /// stream was asked for. `answer` is as for [`decoder`](Self::decoder).
    pub fn whole(&self, answer: u64, body: &[u8]) -> Result<Reply, ModelError> {
        let mut queue = Queue::default();
        match self {
            Self::Anthropic => anthropic::Reader::new(answer).whole(body, &mut queue)?,
            Self::OpenAi(_) => openai::Reader::new(answer).whole(body, &mut queue)?,
        }
        let mut assembler = Assembler::new();
        while let Some(step) = queue.pop() {
            assembler.add(queue.tell(step))?;
        }
        assembler.complete(Ended::seen()).map_err(|interrupted| interrupted.error)
    }

    /// The error that a response with a failing status carries, `now` being when it came.
    #[must_use]
    pub fn error(&self, status: u16, headers: &Headers, body: &[u8], now: Timestamp) -> ModelError {
        failure::of_response(status, headers, body, now)
    }
}
