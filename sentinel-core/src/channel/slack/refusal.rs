//! Refusals: what Slack means when it does not do what it was asked.
//!
//! Most of them come with status 200 and a word in the body.
//!
//! # Invariants
//! - A word that is not known here is a refusal for good: trying again would repeat it.
//!
//! # Not here
//! What is done about it.

use alloc::string::{String, ToString};
use core::time::Duration;

use crate::channel::traffic::{cut, seconds};
use crate::text::json;
use crate::wire::http::Headers;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The token does not serve, whatever is asked.
    BadToken(String),
    /// Not now.
    Wait(Duration),
    /// Nobody knows whether it was done.
    Broken,
    /// The message is not there, or cannot be changed any more.
    Gone,
    /// For good, with Slack's word for why.
    Other(String),
}

/// Reads an answer that is not the one that was hoped for.
pub(super) fn refusal(status: u16, headers: &Headers, body: &[u8]) -> Refusal {
    let wait = || seconds(headers, "retry-after").unwrap_or(WAIT_UNSAID);
    if status == 429 {
        return Refusal::Wait(wait());
    }
    let document = json::parse(body).ok();
    let root = document.as_ref().map(json::Document::root);
    let error = root.and_then(|root| root.find("error")?.as_str().ok());
    let Some(error) = error.filter(|_| status < 500) else {
        return match status {
            401 => Refusal::BadToken("401".to_string()),
            400..=499 => Refusal::Other(status.to_string()),
            _ => Refusal::Broken,
        };
    };
    let word = cut(error, WORD_BYTES_MAX).to_string();
    match error {
        // Not among them: `missing_scope`, which may be about one place alone.
        "invalid_auth"
        | "not_authed"
        | "token_revoked"
        | "token_expired"
        | "account_inactive"
        | "not_allowed_token_type"
        | "app_uninstalled" => Refusal::BadToken(word),
        "ratelimited" | "rate_limited" => Refusal::Wait(wait()),
        // A workspace that moves into an organisation comes back with the same tokens.
        "team_added_to_org" | "org_login_required" => Refusal::Wait(wait()),
        // A workspace may close messages to changes after a while, and another bot's are its own.
        "message_not_found" | "edit_window_closed" | "cant_update_message" => Refusal::Gone,
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" => {
            Refusal::Broken
        }
        _ => Refusal::Other(word),
    }
}

/// How long to wait where Slack does not say.
const WAIT_UNSAID: Duration = Duration::from_secs(5);

const WORD_BYTES_MAX: usize = 64;
