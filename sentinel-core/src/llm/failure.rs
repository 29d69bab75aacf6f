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

/// What a code or a type means, if it means one thing.
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
        "api_error"
        | "server_error"
        | "internal_server_error"
        | "InternalServerError"
        | "INTERNAL" => ModelErrorKind::ServerError,
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
    use crate::llm::error::TransportKind;

    fn error(status: u16, body: &str) -> ModelError {
        of_response(status, &Headers::new(), body.as_bytes(), Timestamp(0))
    }

    /// Bodies in the shapes that providers document.
    #[test]
    fn errors_of_many_providers() {
        use ModelErrorKind as Kind;
        for (status, body, kind) in [
            // Anthropic.
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 208310 tokens > 200000 maximum"}}"#,
                Kind::ContextTooLong,
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"messages: at least one message is required"}}"#,
                Kind::BadRequest,
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
                Kind::QuotaExhausted,
            ),
            (
                401,
                r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}"#,
                Kind::Authentication,
            ),
            (
                403,
                r#"{"type":"error","error":{"type":"permission_error","message":"no"}}"#,
                Kind::Authentication,
            ),
            (
                404,
                r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#,
                Kind::NotFound,
            ),
            (
                413,
                r#"{"type":"error","error":{"type":"request_too_large","message":"32 MB"}}"#,
                Kind::ContextTooLong,
            ),
            (
                429,
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}"#,
                Kind::RateLimited,
            ),
            (
                500,
                r#"{"type":"error","error":{"type":"api_error","message":"oops"}}"#,
                Kind::ServerError,
            ),
            (
                504,
                r#"{"type":"error","error":{"type":"timeout_error","message":"late"}}"#,
                Kind::Transport(TransportKind::Timeout),
            ),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                Kind::Overloaded,
            ),
            // OpenAI.
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
                Kind::ContextTooLong,
            ),
            (
                400,
                r#"{"error":{"message":"Invalid value","type":"invalid_request_error","param":"x","code":null}}"#,
                Kind::BadRequest,
            ),
            (
                400,
                r#"{"error":{"message":"safety","type":"invalid_request_error","code":"content_policy_violation"}}"#,
                Kind::Refused,
            ),
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
                Kind::Authentication,
            ),
            (
                404,
                r#"{"error":{"message":"no such model","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
                Kind::NotFound,
            ),
            (
                429,
                r#"{"error":{"message":"quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
                Kind::QuotaExhausted,
            ),
            (
                429,
                r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
                Kind::RateLimited,
            ),
            (
                503,
                r#"{"error":{"message":"busy","type":"server_error","code":null}}"#,
                Kind::ServerError,
            ),
            // Others that speak it.
            (
                422,
                r#"{"detail":[{"loc":["body"],"msg":"Extra inputs are not permitted"}]}"#,
                Kind::BadRequest,
            ),
            (
                400,
                r#"{"object":"error","message":"Tool call id was call_0 but must be a-z","type":"invalid_function_call","param":null,"code":"3280"}"#,
                Kind::BadRequest,
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens","type":"BadRequestError","param":null,"code":400}"#,
                Kind::ContextTooLong,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
                Kind::ContextTooLong,
            ),
            (404, r#"{"error":"model 'x' not found"}"#, Kind::NotFound),
            (
                403,
                r#"{"error":{"code":403,"message":"flagged","metadata":{"reasons":["violence"]}}}"#,
                Kind::Refused,
            ),
            (
                402,
                r#"{"error":{"code":402,"message":"Insufficient credits"}}"#,
                Kind::QuotaExhausted,
            ),
            (
                400,
                r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xai***"}"#,
                Kind::Authentication,
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
                Kind::Authentication,
            ),
            (502, "<html><body>Bad Gateway</body></html>", Kind::ServerError),
            (500, "", Kind::ServerError),
            (418, "null", Kind::BadRequest),
        ] {
            let error = error(status, body);
            assert_eq!((error.kind, error.status), (kind, Some(status)), "{body}");
        }
    }

    #[test]
    fn a_wait_in_the_body_counts_where_the_head_says_nothing() {
        let body = r#"[{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"retryDelay":"22s"}]}}]"#;
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
