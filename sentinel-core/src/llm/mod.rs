//! Language models: one model of a conversation, and how it is spoken to them.

mod message;

pub use message::{
    Block, HeldImage, Image, ImageKind, ImageSource, Message, Role, StopReason, ToolDefinition,
    ToolResult, ToolUse, Usage,
};
