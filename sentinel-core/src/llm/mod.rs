//! Language models: one model of a conversation, and how it is spoken to them.

mod error;
mod message;
pub mod route;
mod said;

pub use error::{Malformed, ModelError, ModelErrorKind, ReplyBound, TransportKind};
pub use message::{
    Block, HeldImage, Image, ImageKind, ImageSource, Message, Role, StopReason, ToolDefinition,
    ToolResult, ToolUse, Usage,
};
