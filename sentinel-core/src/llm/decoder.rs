//! From the bytes of a response to the steps of an answer.
//!
//! # Invariants
//! - Any split of the bytes gives the same steps.
//! - After an error every further call gives the same error.
//! - What is kept between events is one event at most, in buffers that are used again: nothing here
//!   grows with the answer but the ids of its calls, nor with the conversation at all.
//! - The end is seen only where the provider said so. A stream that stops before is an error,
//!   whatever came.
//!
//! # Not here
//! The answer as a whole: [`Assembler`](super::Assembler). Whether the transfer itself was whole is
//! known to the one who reads HTTP.

use crate::limits::MODEL_EVENT_BYTES_MAX;
use crate::text::sse;

use super::delta::{Delta, Queue};
use super::error::{ModelError, ModelErrorKind, ReplyBound, TransportKind};
use super::reply::Ended;
use super::{anthropic, openai};

/// Turns the bytes of a streamed answer into [`Delta`]s; made by [`Dialect::decoder`].
///
/// ```
/// use sentinel_core::llm::{Assembler, Dialect, OpenAiProfile};
///
/// let mut decoder = Dialect::OpenAi(OpenAiProfile::GENERIC).decoder(0);
/// let mut answer = Assembler::new();
/// for mut piece in [
///     &b"data: {\"choices\":[{\"delta\":{\"content\":\"Hel"[..],
///     b"lo\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
///     b"data: [DONE]\n\n",
/// ] {
///     while let Some(delta) = decoder.next(&mut piece)? {
///         answer.add(delta)?;
///     }
/// }
/// let reply = answer.complete(decoder.end()?).expect("the stream came to its end");
/// assert_eq!(reply.message, sentinel_core::llm::Message::text(
///     sentinel_core::llm::Role::Assistant, "Hello"));
/// # Ok::<(), sentinel_core::llm::ModelError>(())
/// ```
///
/// [`Dialect::decoder`]: super::Dialect::decoder
#[derive(Clone, Debug)]
pub struct Decoder {
    events: sse::Decoder,
    reader: Reader,
    queue: Queue,
    error: Option<ModelError>,
}

/// What an event means in its dialect.
#[derive(Clone, Debug)]
pub(super) enum Reader {
    Anthropic(anthropic::Reader),
    OpenAi(openai::Reader),
}

impl Decoder {
    pub(super) fn new(reader: Reader) -> Self {
        let limits = sse::Limits {
            // The name of the field and a space stand before the data.
            line_bytes: MODEL_EVENT_BYTES_MAX + 16,
            event_bytes: MODEL_EVENT_BYTES_MAX,
        };
        let events = sse::Decoder::with_limits(limits);
        Self { events, reader, queue: Queue::default(), error: None }
    }

    /// The next step within `input`, which is moved past what was taken; `None` when all of it has
    /// been taken.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Delta<'_>>, ModelError> {
        loop {
            // What an event said before it went wrong is still told.
            if let Some(step) = self.queue.pop() {
                return Ok(Some(self.queue.tell(step)));
            }
            if let Some(error) = &self.error {
                return Err(error.clone());
            }
            let read = match self.events.next(input) {
                Ok(None) => return Ok(None),
                Ok(Some(event)) => match &mut self.reader {
                    Reader::Anthropic(reader) => reader.event(event.data, &mut self.queue),
                    Reader::OpenAi(reader) => reader.event(event.data, &mut self.queue),
                },
                Err(_) => Err(ModelError::new(ModelErrorKind::TooLarge(ReplyBound::EventBytes))),
            };
            self.error = read.err();
        }
    }

    /// The response has ended, or this one will not read on. Shows that the answer is whole, or
    /// says what is wrong; to be asked when all steps have been taken.
    pub fn end(&mut self) -> Result<Ended, ModelError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let is_ended = self.queue.is_empty()
            && match &self.reader {
                Reader::Anthropic(reader) => reader.is_ended(),
                Reader::OpenAi(reader) => {
                    reader.is_done()
                        || reader.is_finished()
                            && (self.events.is_between_events() || says_done(&mut self.events))
                }
            };
        if is_ended { Ok(Ended::seen()) } else { Err(ModelError::transport(TransportKind::Cut)) }
    }

    /// Whether the provider said that nothing more comes: the response need not be waited for.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.error.is_none()
            && self.queue.is_empty()
            && match &self.reader {
                Reader::Anthropic(reader) => reader.is_ended(),
                Reader::OpenAi(reader) => reader.is_done(),
            }
    }
}

/// Whether what is pending is the mark of the end: some servers close after it, and leave out the
/// empty line that makes it an event.
fn says_done(events: &mut sse::Decoder) -> bool {
    let pending = events.next(&mut &b"\n\n"[..]);
    matches!(pending, Ok(Some(event)) if event.data.trim_ascii() == openai::DONE)
}
