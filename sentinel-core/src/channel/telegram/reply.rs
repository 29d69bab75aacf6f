//! What Telegram says to a request.
//!
//! # Invariants
//! - Whatever was answered is one of: done, with a result; refused, with a code; or unreadable.
//! - What Telegram says in words is shown to the operator, so it is cut, and holds no control
//!   characters.
//!
//! # Not here
//! What follows from it.

use alloc::string::String;
use core::time::Duration;

use super::words::{is_set, number_of, text_of};
use crate::text::json::{Document, Value};
use crate::wire::http::Headers;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Telegram's code, or the status of the answer.
    pub(super) code: u16,
    /// In Telegram's words.
    pub(super) words: String,
    /// How long Telegram asks to wait.
    pub(super) retry_after: Option<Duration>,
    /// What the group has become.
    pub(super) moved_to: Option<i64>,
}

impl Refusal {
    /// Whether the words hold these, in whatever case.
    pub(super) fn says(&self, words: &str) -> bool {
        self.words.to_ascii_lowercase().contains(words)
    }

    /// Whether the request may have been done although it was not answered so.
    pub(super) const fn is_doubtful(&self) -> bool {
        self.code < 300 || self.code >= 500
    }
}

/// Reads an answer: its result, or why there is none.
///
/// # Errors
/// It was refused, or cannot be read.
pub(super) fn read<'d>(
    status: u16,
    headers: &Headers,
    document: Option<&'d Document<'d>>,
) -> Result<Value<'d>, Refusal> {
    let root = document.map(Document::root);
    let result = root.filter(|root| status == 200 && is_set(*root, "ok"));
    if let Some(result) = result.and_then(|root| root.find("result")) {
        return Ok(result);
    }
    let code = root.and_then(|root| number_of(root, "error_code"));
    let parameters = root.and_then(|root| root.find("parameters"));
    let asked = parameters.and_then(|parameters| number_of(parameters, "retry_after"));
    let asked = asked.and_then(|seconds| u64::try_from(seconds).ok());
    let in_header = || headers.get("retry-after")?.as_str()?.parse().ok();
    Err(Refusal {
        code: code.and_then(|code| u16::try_from(code).ok()).unwrap_or(status),
        words: shown(root.and_then(|root| text_of(root, "description")).unwrap_or_default()),
        retry_after: asked.or_else(in_header).map(Duration::from_secs),
        moved_to: parameters.and_then(|known| number_of(known, "migrate_to_chat_id")),
    })
}

fn shown(words: &str) -> String {
    let plain = words.chars().filter(|character| !character.is_control());
    plain.take(WORDS_MAX).collect()
}

/// Characters of what Telegram says: its sentences are shorter.
const WORDS_MAX: usize = 200;
