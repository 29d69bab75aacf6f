//! The answer to an exchange, as far as it has come.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Carries;
use crate::limits::{MCP_LINE_BYTES_MAX, MCP_REFUSAL_BYTES_MAX};
use crate::text::sse::{Decoder, Limits};
use crate::wire::http::Headers;

/// What comes back.
#[derive(Debug)]
pub(super) enum Reply {
    /// Nothing yet.
    Expected,
    /// One message.
    Whole(Vec<u8>),
    /// A stream of them.
    Events(Box<Decoder>),
    /// A refusal, with the words of it.
    Refusal { status: u16, why: String, body: Vec<u8> },
    /// Whatever it is, nobody needs it.
    Over,
}

impl Reply {
    pub(super) fn of(what: Carries, status: u16, headers: &Headers) -> Self {
        let field = |name| headers.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        let refusal = |why: String| Self::Refusal { status, why, body: Vec::new() };
        match (status, what) {
            (200..=299, Carries::Told { .. }) => return Self::Over,
            (200, _) => {}
            (300..=399, _) => {
                let place = super::message::short(field("location"));
                return refusal(format!(
                    "redirected to {place}, where nobody goes: if that is meant, it is the url of \
                     the manifest"
                ));
            }
            (401 | 403, _) => {
                let why = "it does not let us in: a token of it is named by [skill.NAME] in the \
                           configuration";
                return refusal(why.to_string());
            }
            (404 | 405, Carries::Request { is_greeting: true, .. }) => {
                return refusal("no server that speaks the protocol is at this address".into());
            }
            _ => return refusal(String::new()),
        }
        let kind = field("content-type");
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_stream = kind.eq_ignore_ascii_case("text/event-stream");
        match what {
            _ if is_stream => Self::Events(Box::new(Decoder::with_limits(Limits {
                line_bytes: MCP_LINE_BYTES_MAX,
                event_bytes: MCP_LINE_BYTES_MAX,
            }))),
            Carries::Request { .. } if kind.eq_ignore_ascii_case("application/json") => {
                Self::Whole(Vec::new())
            }
            _ => {
                let kind = super::message::short(kind);
                refusal(format!("it is '{kind}', and neither a message nor a stream of them"))
            }
        }
    }
}

/// Keeps the beginning of what a server says of its refusal.
pub(super) fn keep_start(body: &mut Vec<u8>, bytes: &[u8]) {
    let room = MCP_REFUSAL_BYTES_MAX.saturating_sub(body.len());
    body.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
}

/// Why there is no answer.
pub(super) fn words(status: u16, why: &str, body: &[u8]) -> String {
    let said = String::from_utf8_lossy(body);
    let mut text = format!("the server answers with status {status}");
    for part in [why, said.trim()].into_iter().filter(|part| !part.is_empty()) {
        text += ": ";
        text += part;
    }
    text
}
