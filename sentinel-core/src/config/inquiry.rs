//! Asking a service whether it is there, and whether it takes a key.
//!
//! Whoever sets the agent up should hear of a wrong token now, and not from a chat that stays
//! silent. So each service is asked the smallest thing that it answers only to those it knows: a
//! model's for its list of models, a platform for the name of the account.
//!
//! # Invariants
//! - Nothing is changed by asking, and nothing of what was asked or answered costs money.
//! - What comes back is short, of one line and without control characters, whatever the service
//!   sent.
//!
//! # Not here
//! Sending it, and the secrets: the shell puts them where [`Inquiry::token`] says.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::agent::Provider;
use crate::channel::connector::{Token, user_agent};
use crate::limits::{INQUIRY_NAME_BYTES_MAX, INQUIRY_NAMES_COUNT_MAX};
use crate::llm::Dialect;
use crate::llm::retry_after::mail_date;
use crate::text::json::{self, Kind, Value};
use crate::time::Timestamp;
use crate::wire::http::{Headers, Method};

/// A question to a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Inquiry {
    /// How it is asked.
    pub method: Method,
    /// What comes behind the service's address.
    pub path: &'static str,
    /// Fields of the head.
    pub headers: &'static [(&'static str, &'static str)],
    /// Where the secret goes.
    pub token: Token,
    /// The field that a model's key goes to and what comes before it, in place of `token`.
    pub key: Option<(&'static str, &'static str)>,
    reads: Reads,
}

/// What a service's answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It is there and takes the key. The names of its models, or of the account.
    Accepted(Vec<String>),
    /// It is there and does not take the key. Why, as far as it says.
    Refused(String),
    /// Something is there, and it is not clear what.
    Unclear(String),
}

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Models,
    Telegram,
    Discord,
    Slack,
}

impl Inquiry {
    /// For the list of a provider's models; none for the built-in one.
    #[must_use]
    pub fn models(provider: Provider) -> Option<Self> {
        let Provider::Service(dialect) = provider else { return None };
        let (path, headers, key): (_, &'static [_], _) = match dialect {
            Dialect::Anthropic => {
                ("/v1/models?limit=100", &[("anthropic-version", "2023-06-01")], ("x-api-key", ""))
            }
            _ => ("/models", &[], ("authorization", "Bearer ")),
        };
        let (method, token, reads) = (Method::GET, Token::None, Reads::Models);
        Some(Self { method, path, headers, token, key: Some(key), reads })
    }

    /// For the account that a platform's token is of.
    #[must_use]
    pub fn platform(name: &str) -> Option<Self> {
        let (method, path, token, reads) = match name {
            "telegram" => (Method::GET, "/getMe", Token::BotPath, Reads::Telegram),
            "discord" => (Method::GET, "/users/@me", Token::BotHeader, Reads::Discord),
            "slack" => (Method::POST, "/auth.test", Token::Bearer, Reads::Slack),
            _ => return None,
        };
        Some(Self { method, path, headers: &[], token, key: None, reads })
    }

    /// Whether Slack takes the app's own token: a place for a socket is asked for, and not used.
    #[must_use]
    pub const fn slack_app() -> Self {
        Self {
            method: Method::POST,
            path: "/apps.connections.open",
            headers: &[],
            token: Token::AppBearer,
            key: None,
            reads: Reads::Slack,
        }
    }

    /// What the field `user-agent` says.
    #[must_use]
    pub fn user_agent(&self) -> &'static str {
        user_agent(if self.reads == Reads::Discord { "discord" } else { "" })
    }

    /// What time it was where the answer was written, if it says.
    #[must_use]
    pub fn date(headers: &Headers) -> Option<Timestamp> {
        mail_date(headers.get("date")?.as_str()?)
    }

    /// Reads the answer.
    #[must_use]
    pub fn read(&self, status: u16, body: &[u8]) -> Answered {
        match status {
            200..=299 => {}
            401 | 403 => return Answered::Refused(format!("it answers {status}")),
            // With nothing in the question that could be wrong but the key.
            400 if self.reads == Reads::Models => {
                return Answered::Refused(format!("it answers {status}"));
            }
            // A token that is not even of the right form is a wrong path to it.
            404 if self.reads == Reads::Telegram => {
                return Answered::Refused(format!("it answers {status}"));
            }
            _ => return Answered::Unclear(format!("it answers with status {status}")),
        }
        let Ok(document) = json::parse(body) else {
            return Answered::Unclear("what it answers is no JSON".into());
        };
        let root = document.root();
        match self.reads {
            Reads::Models => match models(root) {
                Some(names) => Answered::Accepted(names),
                None => Answered::Unclear("what it answers is no list of models".into()),
            },
            Reads::Telegram => {
                named(root.find("result").and_then(|result| result.find("username")), "@")
            }
            Reads::Discord => named(root.find("username"), ""),
            Reads::Slack => match root.find("ok").and_then(|ok| ok.as_bool().ok()) {
                Some(true) => {
                    let user = root.find("user").and_then(name);
                    Answered::Accepted(user.into_iter().collect())
                }
                Some(false) => {
                    let why = root.find("error").and_then(name).unwrap_or_default();
                    let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
                    let is_refusal = SLACK_REFUSALS.contains(&why.as_str());
                    match why.chars().all(is_word) && is_refusal {
                        true => Answered::Refused(format!("it says {why}")),
                        false => Answered::Unclear("it does not say yes".into()),
                    }
                }
                None => Answered::Unclear("what it answers is nothing of Slack's".into()),
            },
        }
    }
}

/// What Slack says of a token that is none, not one any more, or not of this kind.
const SLACK_REFUSALS: &[&str] = &[
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "not_allowed_token_type",
    "missing_scope",
    "no_permission",
];

fn named(value: Option<Value<'_>>, before: &str) -> Answered {
    match value.and_then(name) {
        Some(name) => Answered::Accepted(alloc::vec![format!("{before}{name}")]),
        None => Answered::Unclear("it does not say whose token this is".into()),
    }
}

/// The models of a list: an array, or one under `data`.
fn models(root: Value<'_>) -> Option<Vec<String>> {
    let list = if root.kind() == Kind::Array { root } else { root.find("data")? };
    // A server without a model has none to list.
    if list.is_null() {
        return Some(Vec::new());
    }
    let names = list.elements().ok()?.take(INQUIRY_NAMES_COUNT_MAX);
    Some(names.filter_map(|model| name(model.find("id")?)).collect())
}

/// A name that can be shown as it is.
fn name(value: Value<'_>) -> Option<String> {
    let text = value.as_str().ok()?;
    let is_plain = |c: char| c.is_ascii_graphic() || (c.is_alphanumeric() && !c.is_ascii());
    let is_name = (1..=INQUIRY_NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(is_plain);
    is_name.then(|| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::provider;

    fn of(name: &str) -> Inquiry {
        Inquiry::models(provider::find(name).unwrap().provider).unwrap()
    }

    #[test]
    fn models_are_read_from_either_form_of_list() {
        let both = Answered::Accepted(alloc::vec!["a:1b".into(), "b".into()]);
        let list = br#"{"object":"list","data":[{"id":"a:1b"},{"id":"b","x":1}]}"#;
        assert_eq!(of("ollama").read(200, list), both);
        assert_eq!(of("anthropic").read(200, list), both);
        assert_eq!(of("together").read(200, br#"[{"id":"a:1b"},{"id":"b"}]"#), both);
        let none = Answered::Accepted(Vec::new());
        assert_eq!(of("ollama").read(200, br#"{"object":"list","data":null}"#), none);
    }

    #[test]
    fn a_name_that_could_speak_to_a_terminal_is_left_out() {
        let list =
            br#"{"data":[{"id":"\u001b[2J"},{"id":"x y"},{"id":""},{"id":7},{"id":"\u202ea"},
            {},{"id":"good"}]}"#;
        assert_eq!(of("vllm").read(200, list), Answered::Accepted(alloc::vec!["good".into()]));
        let long = format!(r#"{{"data":[{{"id":"{}"}}]}}"#, "x".repeat(INQUIRY_NAME_BYTES_MAX + 1));
        assert_eq!(of("vllm").read(200, long.as_bytes()), Answered::Accepted(Vec::new()));
        let many = alloc::vec![r#"{"id":"m"}"#; INQUIRY_NAMES_COUNT_MAX + 1].join(",");
        let Answered::Accepted(names) = of("vllm").read(200, format!("[{many}]").as_bytes()) else {
            panic!("a long list is a list");
        };
        assert_eq!(names.len(), INQUIRY_NAMES_COUNT_MAX);
    }

    /// Whatever a service sends, nothing breaks, and nothing that is shown could do harm.
    #[test]
    fn anything_may_be_answered() {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"data\"",
            "\"id\"",
            "\"ok\"",
            "true",
            "false",
            "null",
            "\"result\"",
            "\"username\"",
            "\"user\"",
            "\"error\"",
            "\"invalid_auth\"",
            "\"\\u001b[2J\"",
            "\"a b\"",
            "7",
            "\"m\"",
            "\u{0}",
        ];
        arbtest::arbtest(|input| {
            let mut body = String::new();
            for _ in 0..input.int_in_range(0..=24)? {
                body.push_str(input.choose(&pieces)?);
            }
            let status = *input.choose(&[200, 204, 400, 401, 404, 500])?;
            let platforms = ["telegram", "discord", "slack"].map(Inquiry::platform);
            let all = platforms.into_iter().flatten();
            for inquiry in all.chain([of("ollama"), of("anthropic"), Inquiry::slack_app()]) {
                if let Answered::Accepted(names) = inquiry.read(status, body.as_bytes()) {
                    let is_plain = |it: &String| !it.contains(|c: char| c.is_control() || c == ' ');
                    assert!(names.iter().all(is_plain), "{body}");
                }
            }
            Ok(())
        });
    }

    #[test]
    fn a_refusal_is_told_from_trouble() {
        let is_refused = |answered| matches!(answered, Answered::Refused(_));
        for status in [400, 401, 403] {
            assert!(is_refused(of("openai").read(status, b"")), "{status}");
        }
        for status in [404, 429, 500, 302] {
            let answered = of("openai").read(status, b"");
            assert!(matches!(answered, Answered::Unclear(_)), "{status} {answered:?}");
        }
        let telegram = Inquiry::platform("telegram").unwrap();
        assert!(is_refused(telegram.read(404, b"{}")) && is_refused(telegram.read(401, b"{}")));
        assert!(matches!(telegram.read(502, b"<html>"), Answered::Unclear(_)));
        assert!(matches!(telegram.read(200, b"<html>"), Answered::Unclear(_)));
        let slack = Inquiry::platform("slack").unwrap();
        assert!(is_refused(slack.read(200, br#"{"ok":false,"error":"invalid_auth"}"#)));
        let odd = slack.read(200, br#"{"ok":false,"error":"internal_error"}"#);
        assert!(matches!(odd, Answered::Unclear(_)));
        assert!(is_refused(
            Inquiry::slack_app().read(200, br#"{"ok":false,"error":"not_allowed_token_type"}"#)
        ));
    }

    #[test]
    fn accounts_are_named() {
        let read =
            |platform, body: &str| Inquiry::platform(platform).unwrap().read(200, body.as_bytes());
        let accepted = |name: &str| Answered::Accepted(alloc::vec![name.into()]);
        let telegram = r#"{"ok":true,"result":{"id":12,"is_bot":true,"username":"sbot"}}"#;
        assert_eq!(read("telegram", telegram), accepted("@sbot"));
        assert_eq!(read("discord", r#"{"id":"1","username":"helper"}"#), accepted("helper"));
        assert_eq!(read("slack", r#"{"ok":true,"user":"agent","team":"T"}"#), accepted("agent"));
        assert!(Inquiry::platform("irc").is_none() && Inquiry::models(Provider::Offline).is_none());
    }
}
