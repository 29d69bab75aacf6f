//! What a provider's error means.
//!
//! Every provider has its own words, and many answer in somebody else's shape, so one reader serves
//! all dialects. Codes and types decide first, then the status; the provider's sentence is looked
//! at only where one status covers different mishaps and no code tells them apart: a conversation
//! that is too long, and a key that is refused as a bad request.
//!
//! # Invariants
//! - Whatever the body is, the answer is an error that has a kind.

use crate::text::json::{DuplicateKeys, Kind, Options, Value};
use crate::time::Timestamp;
use crate::wire::http::Headers;

use super::error::{ModelError, ModelErrorKind};
use super::{read, retry_after};

/// How much of a body is read as an error: none of them is longer, and pages of a proxy are.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The error that a response with a failing status carries.
pub(super) fn of_response(
    status: u16,
    headers: &Headers,
    body: &[u8],
    now: Timestamp,
) -> ModelError {
    let options = Options::new().bytes(BODY_BYTES_MAX).duplicate_keys(DuplicateKeys::KeepFirst);
    let mut error = match options.parse(body) {
        Ok(document) => of_value(document.root(), Some(status)),
        // A page of a proxy, or plain words.
        Err(_) => {
            let start = &body[..body.len().min(BODY_BYTES_MAX)];
            let words = start.utf8_chunks().next().map_or("", |chunk| chunk.valid());
            let words = if words.trim_start().starts_with('<') { "" } else { words };
            ModelError::new(ModelErrorKind::of_status(status)).with_said(words)
        }
    };
    error.status = Some(status);
    let asked = retry_after::retry_after(headers, now).or(error.retry_after);
    error.with_retry_after(asked)
}

/// The error that a JSON value describes.
pub(super) fn of_value(value: Value<'_>, status: Option<u16>) -> ModelError {
    // Gemini's endpoint puts the error into an array.
    let value = value.index(0).unwrap_or(value);
    let error = read::present(value, "error").filter(|error| error.kind() == Kind::Object);
    let error = error.unwrap_or(value);
    let said = read::string(error, "message")
        .or_else(|| read::string(value, "error"))
        .or_else(|| read::string(value, "detail"))
        .unwrap_or_default();
    let words = [
        read::string(error, "code").unwrap_or_default(),
        read::string(error, "type").unwrap_or_default(),
        read::string(error, "status").unwrap_or_default(),
        detail(error, "reason").unwrap_or_default(),
    ];
    let status =
        status.or_else(|| read::count(error, "code").and_then(|code| code.try_into().ok()));
    let is_moderated = read::present(error, "metadata")
        .is_some_and(|metadata| read::present(metadata, "reasons").is_some());
    let kind = words.iter().find_map(|word| of_word(word));
    let kind = kind.unwrap_or_else(|| of_sentence(status, said));
    let kind = match kind {
        ModelErrorKind::Authentication if is_moderated => ModelErrorKind::Refused,
        kind => kind,
    };
    let asked = detail(error, "retryDelay").and_then(retry_after::duration);
    ModelError::new(kind).with_said(said).with_retry_after(asked)
}

/// A string among the details that Google's errors carry.
fn detail<'v>(error: Value<'v>, key: &str) -> Option<&'v str> {
    let details = read::present(error, "details")?.elements().ok()?;
    details.take(8).find_map(|detail| read::string(detail, key))
}

/// What a code or a type means, if it means one thing. Words such as `server_error` or
/// `invalid_request_error` stand for many, and leave it to the status.
fn of_word(word: &str) -> Option<ModelErrorKind> {
    Some(match word {
        "context_length_exceeded" | "exceed_context_size_error" | "request_too_large" => {
            ModelErrorKind::ContextTooLong
        }
        "insufficient_quota"
        | "billing_error"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "insufficient_credits" => ModelErrorKind::QuotaExhausted,
        "invalid_api_key"
        | "authentication_error"
        | "permission_error"
        | "permission_denied"
        | "PERMISSION_DENIED"
        | "UNAUTHENTICATED"
        | "API_KEY_INVALID" => ModelErrorKind::Authentication,
        "model_not_found" | "not_found_error" | "NOT_FOUND" | "invalid_model" => {
            ModelErrorKind::NotFound
        }
        "content_policy_violation" | "content_filter" | "moderation_blocked" => {
            ModelErrorKind::Refused
        }
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => {
            ModelErrorKind::RateLimited
        }
        "overloaded_error"
        | "engine_overloaded"
        | "server_overloaded"
        | "service_unavailable"
        | "UNAVAILABLE" => ModelErrorKind::Overloaded,
        "timeout_error" | "DEADLINE_EXCEEDED" => {
            ModelErrorKind::Transport(super::error::TransportKind::Timeout)
        }
        _ => return None,
    })
}

/// What the status means, and, where it covers several mishaps, the sentence.
fn of_sentence(status: Option<u16>, said: &str) -> ModelErrorKind {
    let kind = match status {
        Some(status @ 400..=599) => ModelErrorKind::of_status(status),
        // An error in the middle of a stream, or under a status that promised an answer.
        _ => ModelErrorKind::ServerError,
    };
    if !matches!(kind, ModelErrorKind::BadRequest | ModelErrorKind::ServerError) {
        return kind;
    }
    let said = said[..said.floor_char_boundary(1024)].to_ascii_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
    if says(&CONTEXT_PHRASES) {
        ModelErrorKind::ContextTooLong
    } else if says(&["api key not valid", "incorrect api key", "invalid api key"]) {
        ModelErrorKind::Authentication
    } else if says(&["credit balance is too low"]) {
        ModelErrorKind::QuotaExhausted
    } else {
        kind
    }
}

/// How providers say that a conversation is too long.
const CONTEXT_PHRASES: [&str; 8] = [
    "prompt is too long",
    "exceed context limit",
    "context length",
    "context_length",
    "context size",
    "context window",
    "too many tokens",
    "maximum prompt length",
];

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn error(status: u16, body: &str) -> ModelError {
        of_response(status, &Headers::new(), body.as_bytes(), Timestamp(0))
    }

    #[test]
    fn a_wait_in_the_body_counts_where_the_head_says_nothing() {
        let body = r#"[{"error":{"code":429,"details":[{"@type":"x"},{"retryDelay":"22s"}]}}]"#;
        assert_eq!(error(429, body).retry_after, Some(Duration::from_secs(22)));
        let headers = Headers::new().with("retry-after", "3").unwrap();
        let told = of_response(429, &headers, body.as_bytes(), Timestamp(0));
        assert_eq!(told.retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn what_was_said_is_kept_and_pages_are_not() {
        assert_eq!(error(500, r#"{"error":{"message":"a\u0007b"}}"#).said(), "a b");
        assert_eq!(error(500, "plain words\n").said(), "plain words");
        assert_eq!(error(502, " <!doctype html><p>Bad Gateway").said(), "");
    }

    #[test]
    fn no_body_is_a_panic() {
        arbtest::arbtest(|u| {
            let status = u.int_in_range(300..=599)?;
            let body: &[u8] = u.arbitrary()?;
            let error = of_response(status, &Headers::new(), body, Timestamp(0));
            assert_eq!(error.status, Some(status));
            Ok(())
        });
    }
}
