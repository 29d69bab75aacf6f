//! Traffic: what the dialects of all platforms have in common.
//!
//! # Invariants
//! - Whatever waits is bounded, and what does not fit is handed back.
//!
//! # Not here
//! What is said, and where: each platform's own module.

#[cfg(test)]
pub(super) mod dice;
mod lanes;
mod outbox;
mod pages;
mod pause;

pub(super) use lanes::Lanes;
pub(super) use outbox::{Outbox, Request};
pub(super) use pages::Pages;
pub(super) use pause::{Again, Backoff, Chance};

use alloc::string::String;
use core::time::Duration;

use super::connector::FetchFailure;
use crate::wire::http::Headers;

/// The start of a text, of whole characters, that has no more bytes than these.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A name for people, as long as a name may be and without what would break a line.
pub(super) fn name(text: &str) -> String {
    let plain: String = text.chars().filter(|character| !character.is_control()).collect();
    cut(plain.trim(), crate::limits::CHANNEL_NAME_BYTES_MAX).into()
}

/// The question that a text answers, if it is `/approve 3` or `/deny 3`, whatever follows.
pub(super) fn answered_question(text: &str) -> Option<u32> {
    let mut words = text.split_whitespace();
    let command = words.next()?;
    if !command.eq_ignore_ascii_case("/approve") && !command.eq_ignore_ascii_case("/deny") {
        return None;
    }
    let number = words.next()?;
    number.strip_prefix('#').unwrap_or(number).parse().ok()
}

/// The command of a button that was pressed: `approve:3` or `deny:3`.
pub(super) fn pressed(button: &str) -> Option<(u32, String)> {
    let (command, number) = button.split_once(':')?;
    let question: u32 = number.parse().ok()?;
    matches!(command, "approve" | "deny")
        .then(|| (question, alloc::format!("/{command} {question}")))
}

/// A header field as a number of seconds, which may have a fraction. What is no such number, or
/// less than nothing, is `None`; what is more than a day is a day.
pub(super) fn seconds(headers: &Headers, name: &str) -> Option<Duration> {
    let value: f64 = headers.get(name)?.as_str()?.trim().parse().ok()?;
    duration(value)
}

/// A number of seconds as a duration of at most a day.
pub(super) fn duration(seconds: f64) -> Option<Duration> {
    const DAY: f64 = 86_400.0;
    (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(DAY)))
}

/// Whether a WebSocket may be opened at what a platform sent: over TLS, or to this machine itself,
/// where only a test serves.
pub(super) fn is_socket_url(url: &str) -> bool {
    if url.len() > URL_BYTES_MAX || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    if let Some(rest) = url.strip_prefix("wss://") {
        return rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[');
    }
    is_this_machine(url.strip_prefix("ws://"))
}

/// What became of a file, by the status of the answer that it was.
pub(super) const fn downloaded(status: u16) -> Result<(), FetchFailure> {
    match status {
        200 => Ok(()),
        413 => Err(FetchFailure::TooLarge),
        429 | 500.. => Err(FILE_LATER),
        _ => Err(FetchFailure::Gone),
    }
}

/// After a short pause a file may be there.
pub(super) const FILE_LATER: FetchFailure = FetchFailure::Later { retry_after_ms: 1_000 };

/// Whether a file may be fetched at what a platform sent: from a host of its own by `https`, or
/// from this machine itself, where only a test serves.
pub(super) fn is_file_url(platform: &str, url: &str) -> bool {
    if url.len() > URL_BYTES_MAX || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    if let Some(rest) = url.strip_prefix("https://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return super::connector::file_hosts(platform).contains(&host);
    }
    is_this_machine(url.strip_prefix("http://"))
}

fn is_this_machine(rest: Option<&str>) -> bool {
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    matches!(host, "127.0.0.1" | "[::1]" | "localhost")
}

/// What is said if a connector cannot read what it kept.
pub(super) const KEPT_UNREADABLE: &str = "what was kept for this start cannot be read, so it \
                                          begins anew; what was said while nothing ran is not \
                                          asked for, unless the platform tells it by itself";

/// URLs of gateways have some hundred bytes, most of it a ticket.
const URL_BYTES_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_answers() {
        for (text, question) in [
            ("/approve 3", Some(3)),
            ("/DENY #12 alert", Some(12)),
            ("/approve", None),
            ("approve 3", None),
            ("/approve x", None),
        ] {
            assert_eq!(answered_question(text), question, "{text}");
        }
        assert_eq!(pressed("deny:4"), Some((4, "/deny 4".into())));
        for button in ["", "deny", "deny:", "deny:-1", "deny:99999999999", "clear:1"] {
            assert_eq!(pressed(button), None, "{button}");
        }
    }

    #[test]
    fn a_socket_is_opened_over_tls() {
        for (url, is_good) in [
            ("wss://gateway.discord.gg", true),
            ("wss://gateway.discord.gg/?v=10", true),
            ("ws://127.0.0.1:8080/x", true),
            ("ws://[::1]:8080", true),
            ("ws://gateway.discord.gg", false),
            ("ws://127.0.0.1@evil.example/", false),
            ("ws://127.0.0.1.evil.example/", false),
            ("https://gateway.discord.gg", false),
            ("wss://", false),
            ("wss://a b", false),
        ] {
            assert_eq!(is_socket_url(url), is_good, "{url}");
        }
    }

    #[test]
    fn a_file_is_fetched_from_the_platform_alone() {
        for (url, is_good) in [
            ("https://cdn.discordapp.com/attachments/1/2/a.png?ex=1", true),
            ("https://media.discordapp.net/a", true),
            ("http://127.0.0.1:8080/a", true),
            ("https://127.0.0.1:8080/a", false),
            ("http://cdn.discordapp.com/a", false),
            ("https://cdn.discordapp.com.evil.example/a", false),
            ("https://cdn.discordapp.com@evil.example/a", false),
            ("https://cdn.discordapp.com:8443/a", false),
            ("https://files.slack.com/a", false),
            ("http://127.0.0.1@evil.example/", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_file_url("discord", url), is_good, "{url}");
        }
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(name(" a\nb\u{7} "), "ab");
        assert_eq!(duration(f64::NAN), None);
        assert_eq!(duration(1e300), Some(Duration::from_secs(86_400)));
    }
}
