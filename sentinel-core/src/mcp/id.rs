//! Names of requests: text, or a whole number.
//!
//! # Invariants
//! - An id is answered as what it was: `1` and `"1"` are two.
//!
//! # Not here
//! Which ids are in use: the machines.

use alloc::string::String;

use crate::limits::MCP_ID_BYTES_MAX;
use crate::text::json::{Kind, ObjectWriter, Value};

/// The name of a request, or the token of a progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    /// What stands there, if it is an id within its bound.
    pub(super) fn read(value: Value<'_>) -> Option<Self> {
        match value.kind() {
            Kind::Number => value.as_number().ok()?.as_i64().map(Self::Number),
            Kind::String => {
                let text = value.as_str().ok()?;
                (text.len() <= MCP_ID_BYTES_MAX).then(|| Self::Text(text.into()))
            }
            _ => None,
        }
    }

    pub(super) fn write(&self, key: &str, out: &mut ObjectWriter<'_, String>) {
        match self {
            Self::Number(number) => out.field(key, *number),
            Self::Text(text) => out.field(key, text.as_str()),
        };
    }
}
