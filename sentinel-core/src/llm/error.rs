//! Why a model gave no answer, as a type that decisions can be made from.
//!
//! Providers say what went wrong in their own words, and the same word means different things with
//! different ones. The dialects sort all of it into a [`ModelErrorKind`]; what happens next (try
//! again, ask another model, tell the person) follows from the kind alone.
//!
//! # Invariants
//! - A provider's words are kept for the person, cleaned and at most [`MODEL_ERROR_TEXT_BYTES_MAX`]
//!   long, and decide nothing once the kind is set.
//! - No error holds anything of the request but what the provider said of it, and what looks like a
//!   key there is blotted out: some servers repeat the key they refused.
//! - How long to wait is never more than [`MODEL_RETRY_AFTER_MAX`], whatever the provider asks.
//!
//! # Not here
//! When and how often to try again, and which model is next: `route`.
//!
//! [`MODEL_ERROR_TEXT_BYTES_MAX`]: crate::limits::MODEL_ERROR_TEXT_BYTES_MAX
//! [`MODEL_RETRY_AFTER_MAX`]: crate::limits::MODEL_RETRY_AFTER_MAX

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use super::said;
use crate::limits;

/// A model gave no answer, or none that can be used.
///
/// ```
/// use sentinel_core::llm::{ModelError, ModelErrorKind};
///
/// let error = ModelError::new(ModelErrorKind::Authentication)
///     .with_status(401)
///     .with_said("Incorrect API key provided: sk-0123456789abcdef");
/// assert_eq!(error.said(), "Incorrect API key provided: [hidden]");
/// assert!(!error.is_retryable() && error.is_switchable());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    /// What went wrong.
    pub kind: ModelErrorKind,
    /// How long the provider asks to wait, within our bound; `None` if it did not say.
    pub retry_after: Option<Duration>,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    said: String,
}

/// What went wrong with a model call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// Too many requests or tokens for now; waiting helps.
    RateLimited,
    /// The account has no credit, or its allowance is used up; waiting does not help.
    QuotaExhausted,
    /// The provider has no room for anybody at the moment.
    Overloaded,
    /// The key is missing, wrong, or not allowed to do this.
    Authentication,
    /// The conversation does not fit into the model's context.
    ContextTooLong,
    /// The provider's filter declined the content.
    Refused,
    /// The provider does not accept the request as it is.
    BadRequest,
    /// The model is not known there.
    NotFound,
    /// The exchange broke on the way.
    Transport(TransportKind),
    /// The answer is not what the dialect allows.
    Malformed(Malformed),
    /// The answer went past one of our bounds, and was given up.
    TooLarge(ReplyBound),
    /// The provider failed inside.
    ServerError,
}

/// How an exchange broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// The name of the host was not found.
    Resolve,
    /// No connection came about.
    Connect,
    /// The connection could not be secured, or the peer is not who it should be.
    Tls,
    /// The answer stopped before its end.
    Cut,
    /// Nothing came for too long.
    Timeout,
    /// What came is not HTTP as it should be.
    Protocol,
}

/// What is wrong with an answer that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// It is not JSON.
    Json,
    /// A member that the dialect promises is missing or of another kind.
    Shape,
    /// Events came in an order that means nothing.
    Order,
    /// It has a status or content that is no answer of this dialect.
    NotAnAnswer,
}

/// A bound on the answer of a model; each has its constant in [`limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReplyBound {
    /// Bytes of one event: [`limits::MODEL_EVENT_BYTES_MAX`].
    EventBytes,
    /// Bytes of text and thinking: [`limits::MODEL_REPLY_TEXT_BYTES_MAX`].
    TextBytes,
    /// Blocks of text and thinking: [`limits::MODEL_REPLY_BLOCKS_MAX`].
    Blocks,
    /// Tool calls: [`limits::MODEL_REPLY_TOOL_CALLS_MAX`].
    ToolCalls,
    /// Bytes of the arguments of all tool calls: [`limits::MODEL_REPLY_ARGUMENT_BYTES_MAX`].
    ArgumentBytes,
    /// Bytes of a tool's name or a call's id: [`limits::MODEL_REPLY_NAME_BYTES_MAX`].
    NameBytes,
}

impl ReplyBound {
    /// Its value.
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Self::EventBytes => limits::MODEL_EVENT_BYTES_MAX,
            Self::TextBytes => limits::MODEL_REPLY_TEXT_BYTES_MAX,
            Self::Blocks => limits::MODEL_REPLY_BLOCKS_MAX,
            Self::ToolCalls => limits::MODEL_REPLY_TOOL_CALLS_MAX,
            Self::ArgumentBytes => limits::MODEL_REPLY_ARGUMENT_BYTES_MAX,
            Self::NameBytes => limits::MODEL_REPLY_NAME_BYTES_MAX,
        }
    }
}

impl ModelError {
    /// An error of this kind, and nothing more known.
    #[must_use]
    pub const fn new(kind: ModelErrorKind) -> Self {
        Self { kind, retry_after: None, status: None, said: String::new() }
    }

    /// The exchange broke.
    #[must_use]
    pub const fn transport(kind: TransportKind) -> Self {
        Self::new(ModelErrorKind::Transport(kind))
    }

    /// What the provider said, cleaned and cut. Set the kind first: words of an error about a key
    /// are hidden more widely.
    #[must_use]
    pub fn with_said(mut self, said: &str) -> Self {
        self.said = said::clean(said, self.kind == ModelErrorKind::Authentication);
        self
    }

    /// The HTTP status of the response.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// How long the provider asks to wait. More than our bound is taken as the bound.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait.map(|wait| wait.min(limits::MODEL_RETRY_AFTER_MAX));
        self
    }

    /// What the provider said, for the person: cleaned, short, possibly empty.
    #[must_use]
    pub fn said(&self) -> &str {
        &self.said
    }

    /// Whether asking the same model again, later, makes sense.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self.kind {
            ModelErrorKind::RateLimited
            | ModelErrorKind::Overloaded
            | ModelErrorKind::Malformed(_)
            | ModelErrorKind::ServerError => true,
            // A peer that could not prove who it is will not a second later either.
            ModelErrorKind::Transport(kind) => !matches!(kind, TransportKind::Tls),
            ModelErrorKind::QuotaExhausted
            | ModelErrorKind::Authentication
            | ModelErrorKind::ContextTooLong
            | ModelErrorKind::Refused
            | ModelErrorKind::BadRequest
            | ModelErrorKind::NotFound
            | ModelErrorKind::TooLarge(_) => false,
        }
    }

    /// Whether asking another model makes sense: the fault lies with this one or its provider, not
    /// with what was asked.
    #[must_use]
    pub const fn is_switchable(&self) -> bool {
        match self.kind {
            ModelErrorKind::RateLimited
            | ModelErrorKind::QuotaExhausted
            | ModelErrorKind::Overloaded
            | ModelErrorKind::Authentication
            | ModelErrorKind::NotFound
            | ModelErrorKind::Transport(_)
            | ModelErrorKind::Malformed(_)
            | ModelErrorKind::ServerError => true,
            // What one provider refuses to say is not shopped around; a request that is wrong, or
            // a conversation that is too long, is mended, not sent elsewhere.
            ModelErrorKind::ContextTooLong
            | ModelErrorKind::Refused
            | ModelErrorKind::BadRequest
            | ModelErrorKind::TooLarge(_) => false,
        }
    }
}

impl ModelErrorKind {
    /// Whether a provider that says this has declined to do anything, and counts nothing for it.
    #[must_use]
    pub const fn is_declined(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::QuotaExhausted
                | Self::Overloaded
                | Self::Authentication
                | Self::ContextTooLong
                | Self::BadRequest
                | Self::NotFound
        )
    }

    /// What a status means where the body says nothing better.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            400 | 405 | 409..=412 | 414..=428 | 430..=499 => Self::BadRequest,
            401 | 403 => Self::Authentication,
            402 => Self::QuotaExhausted,
            404 => Self::NotFound,
            408 | 504 => Self::Transport(TransportKind::Timeout),
            413 => Self::ContextTooLong,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            500..=599 => Self::ServerError,
            _ => Self::Malformed(Malformed::NotAnAnswer),
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.kind)?;
        if let Some(status) = self.status {
            write!(formatter, " (status {status})")?;
        }
        if let Some(wait) = self.retry_after {
            write!(formatter, "; it asks to wait {} s", wait.as_millis().div_ceil(1000))?;
        }
        if !self.said.is_empty() {
            write!(formatter, "; it said: {}", self.said)?;
        }
        Ok(())
    }
}

impl core::error::Error for ModelError {}

impl fmt::Display for ModelErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RateLimited => "the model's provider limits the rate of requests",
            Self::QuotaExhausted => "the account with the model's provider is used up",
            Self::Overloaded => "the model's provider is overloaded",
            Self::Authentication => "the model's provider refused the key: check it",
            Self::ContextTooLong => "the conversation is too long for the model",
            Self::Refused => "the model's provider declined the content",
            Self::BadRequest => "the model's provider did not accept the request",
            Self::NotFound => "the provider does not know the model: check its name",
            Self::Transport(TransportKind::Resolve) => "the provider's host name was not found",
            Self::Transport(TransportKind::Connect) => "the provider could not be reached",
            Self::Transport(TransportKind::Tls) => "the connection to the provider is not secure",
            Self::Transport(TransportKind::Cut) => "the answer stopped before its end",
            Self::Transport(TransportKind::Timeout) => "the provider did not answer in time",
            Self::Transport(TransportKind::Protocol) => "the provider's response is broken HTTP",
            Self::Malformed(Malformed::Json) => "the answer is not valid JSON",
            Self::Malformed(Malformed::Shape) => "the answer lacks what its dialect promises",
            Self::Malformed(Malformed::Order) => "the parts of the answer came in a wrong order",
            Self::Malformed(Malformed::NotAnAnswer) => {
                "what came is no answer of a model: check the address of the provider"
            }
            Self::TooLarge(bound) => {
                let what = match bound {
                    ReplyBound::EventBytes => "bytes in one event",
                    ReplyBound::TextBytes => "bytes of text",
                    ReplyBound::Blocks => "blocks",
                    ReplyBound::ToolCalls => "tool calls",
                    ReplyBound::ArgumentBytes => "bytes of tool arguments",
                    ReplyBound::NameBytes => "bytes of a tool's name or a call's id",
                };
                let limit = bound.limit();
                return write!(formatter, "the answer has more than the limit of {limit} {what}");
            }
            Self::ServerError => "the model's provider failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn an_error_says_what_and_what_to_do() {
        let error = ModelError::new(ModelErrorKind::RateLimited)
            .with_status(429)
            .with_retry_after(Some(Duration::from_millis(1500)))
            .with_said("slow\ndown");
        assert_eq!(
            error.to_string(),
            "the model's provider limits the rate of requests (status 429); \
             it asks to wait 2 s; it said: slow down"
        );
        assert_eq!(
            ModelErrorKind::TooLarge(ReplyBound::ToolCalls).to_string(),
            "the answer has more than the limit of 128 tool calls"
        );
    }

    #[test]
    fn nobody_makes_us_wait_for_years() {
        let error = ModelError::new(ModelErrorKind::RateLimited)
            .with_retry_after(Some(Duration::from_secs(1_000_000_000)));
        assert_eq!(error.retry_after, Some(limits::MODEL_RETRY_AFTER_MAX));
    }

    /// What is retried or handed to another model, kind by kind: a change here is a decision.
    #[test]
    fn what_follows_from_a_kind() {
        use ModelErrorKind as Kind;
        for (kind, is_retryable, is_switchable) in [
            (Kind::RateLimited, true, true),
            (Kind::QuotaExhausted, false, true),
            (Kind::Overloaded, true, true),
            (Kind::Authentication, false, true),
            (Kind::ContextTooLong, false, false),
            (Kind::Refused, false, false),
            (Kind::BadRequest, false, false),
            (Kind::NotFound, false, true),
            (Kind::Transport(TransportKind::Cut), true, true),
            (Kind::Transport(TransportKind::Tls), false, true),
            (Kind::Malformed(Malformed::Json), true, true),
            (Kind::TooLarge(ReplyBound::TextBytes), false, false),
            (Kind::ServerError, true, true),
        ] {
            let error = ModelError::new(kind);
            assert_eq!(error.is_retryable(), is_retryable, "{kind:?}");
            assert_eq!(error.is_switchable(), is_switchable, "{kind:?}");
        }
    }

    #[test]
    fn every_status_has_a_kind() {
        for (status, kind) in [
            (200, ModelErrorKind::Malformed(Malformed::NotAnAnswer)),
            (302, ModelErrorKind::Malformed(Malformed::NotAnAnswer)),
            (400, ModelErrorKind::BadRequest),
            (401, ModelErrorKind::Authentication),
            (402, ModelErrorKind::QuotaExhausted),
            (404, ModelErrorKind::NotFound),
            (413, ModelErrorKind::ContextTooLong),
            (422, ModelErrorKind::BadRequest),
            (429, ModelErrorKind::RateLimited),
            (500, ModelErrorKind::ServerError),
            (502, ModelErrorKind::ServerError),
            (503, ModelErrorKind::Overloaded),
            (504, ModelErrorKind::Transport(TransportKind::Timeout)),
            (529, ModelErrorKind::Overloaded),
        ] {
            assert_eq!(ModelErrorKind::of_status(status), kind, "{status}");
        }
    }
}
