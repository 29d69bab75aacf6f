//! Bytes to meaning and back: the text formats Sentinel reads and writes.
//!
//! These parsers are our own by design. Policy is decided from what they return, so there is
//! exactly one reading of every document: strict, bounded, and the same on every platform.
//!
//! # Invariants
//! - No input panics; every error says where in the text it lies.
//! - What is written by a writer here reads back as the same value.
//!
//! # Not here
//! What a document means: that belongs to the module that asked for it.

pub mod base64;
pub mod json;
pub mod sse;
pub mod toml;

mod position;
mod scan;
pub mod suggest;

pub use position::{Position, Span};
