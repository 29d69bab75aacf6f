//! Language models: one model of a conversation, and how it is spoken to them.
//!
//! A [`Request`] borrows a conversation; a [`Dialect`] writes it as an [`Outgoing`] and gives a
//! [`Decoder`] for the answer. The decoder turns the bytes that come back into [`Delta`]s, which
//! are shown as they come, and an [`Assembler`] makes them a [`Reply`]. What goes wrong is a
//! [`ModelError`].
//!
//! # Invariants
//! - An answer that was cut is never taken for a whole one.
//! - Everything that comes back is bounded, and hitting a bound is an error that names it.
//! - No key is known here: the shell puts it where a [`Credential`] says.
//!
//! # Not here
//! Sockets, and the bytes of pictures: the shell. What the answer leads to: `agent`.

mod anthropic;
mod arguments;
mod decoder;
mod delta;
mod dialect;
mod error;
mod failure;
mod ids;
mod message;
mod names;
#[cfg(feature = "agent")]
pub mod offline;
mod openai;
mod outgoing;
mod read;
mod reply;
mod request;
pub(crate) mod retry_after;
pub mod route;
mod said;
mod schema;
mod turns;

pub use decoder::Decoder;
pub use delta::Delta;
pub use dialect::Dialect;
pub use error::{Malformed, ModelError, ModelErrorKind, ReplyBound, TransportKind};
pub use message::{
    Block, HeldImage, Image, ImageKind, ImageSource, Message, Role, StopReason, ToolDefinition,
    ToolResult, ToolUse, Usage,
};
pub use openai::{ImagesTaken, OpenAiProfile, ThinkingAsked, ThinkingReturned, TokensField};
pub use outgoing::{Body, Credential, Outgoing, Piece};
pub use reply::{Assembler, Ended, Interrupted, Reply};
pub use request::{CachePolicy, Effort, Request, RequestError, Thinking, ToolChoice};
