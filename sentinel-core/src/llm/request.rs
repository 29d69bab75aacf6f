//! What a model is asked, whatever the dialect.
//!
//! A [`Request`] borrows everything: the conversation stays where it is kept, and a dialect writes
//! the bytes from it in one pass.
//!
//! # Invariants
//! - Nothing here is a secret: which key goes into which header is a slot of
//!   [`Outgoing`](super::Outgoing) that the shell fills.
//!
//! # Not here
//! Which messages are sent, and that each call has its result: `agent`. How it is written: the
//! dialects.

use core::fmt;

use super::message::{Message, ToolDefinition};

/// A question to a model.
///
/// ```
/// use sentinel_core::llm::{Message, Request, Role};
///
/// let hello = Message::text(Role::User, "Hello");
/// let messages = [&hello];
/// let mut request = Request::new("a-model", &messages, 1024);
/// request.system = &["You are terse."];
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The provider's name of the model.
    pub model: &'r str,
    /// What the model is told before the conversation, in order.
    pub system: &'r [&'r str],
    /// The conversation, oldest first. Neighbours of one role are sent as one turn.
    pub messages: &'r [&'r Message],
    /// The tools it may call.
    pub tools: &'r [ToolDefinition],
    /// Whether it may, must or must not call one.
    pub tool_choice: ToolChoice<'r>,
    /// How many tokens the answer may have.
    pub tokens_max: u32,
    /// How freely it chooses words. Not sent where the model would refuse it.
    pub temperature: Option<f64>,
    /// How much it thinks before it answers.
    pub thinking: Thinking,
    /// Texts that end the answer.
    pub stop_sequences: &'r [&'r str],
    /// Whether the provider is told what to keep for the next request.
    pub cache: CachePolicy,
    /// Whether thinking in the conversation is sent back. A provider refuses the thinking that
    /// another one signed, so this is false once the model was switched.
    pub keeps_thinking: bool,
    /// Whether the answer comes as a stream.
    pub is_streamed: bool,
}

impl<'r> Request<'r> {
    /// A streamed request without tools and with every choice left to the model.
    #[must_use]
    pub const fn new(model: &'r str, messages: &'r [&'r Message], tokens_max: u32) -> Self {
        Self {
            model,
            system: &[],
            messages,
            tools: &[],
            tool_choice: ToolChoice::Auto,
            tokens_max,
            temperature: None,
            thinking: Thinking::Unset,
            stop_sequences: &[],
            cache: CachePolicy::Mark,
            keeps_thinking: true,
            is_streamed: true,
        }
    }
}

/// Whether a model calls a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice<'r> {
    /// As it likes.
    #[default]
    Auto,
    /// It must not.
    Never,
    /// It must call one.
    Any,
    /// It must call this one.
    Tool(&'r str),
}

/// How much a model thinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Thinking {
    /// Nothing is said of it.
    #[default]
    Unset,
    /// So many tokens at most. Below the answer's own limit; what is not is lowered.
    Budget(u32),
    /// As much as it finds right, at this effort.
    Effort(Effort),
}

/// How hard a model tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// It answers soon and cheaply.
    Low,
    /// What a provider takes where nothing is said.
    Medium,
    /// It thinks for as long as it finds right.
    High,
}

impl Effort {
    /// The word that all dialects have for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Whether a provider is told what of a request will come again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachePolicy {
    /// Tools and system, and the conversation up to the last turns, are marked to be kept, where
    /// the dialect has marks.
    #[default]
    Mark,
    /// Nothing is marked.
    Off,
}

/// A request cannot be written: it is ours that is wrong, and nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no message that can be sent.
    Empty,
    /// The answer may have no tokens.
    NoTokens,
    /// The parameters of this tool (counted from 0) are not the text of a JSON object.
    ToolParameters(usize),
    /// It is longer than [`MODEL_REQUEST_BYTES_MAX`](crate::limits::MODEL_REQUEST_BYTES_MAX), its
    /// images included.
    TooLarge {
        /// How long it is.
        bytes: u64,
    },
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the conversation holds nothing that can be sent"),
            Self::NoTokens => formatter.write_str("the answer must be allowed one token at least"),
            Self::ToolParameters(index) => {
                write!(formatter, "the parameters of tool {index} are not a JSON object")
            }
            Self::TooLarge { bytes } => {
                let limit = crate::limits::MODEL_REQUEST_BYTES_MAX;
                write!(formatter, "the request has {bytes} bytes, more than the limit of {limit}")
            }
        }
    }
}

impl core::error::Error for RequestError {}
