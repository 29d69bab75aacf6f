//! Files that people sent: from their ids to their bytes.
//!
//! Telegram first says where a file is, for an hour, and then hands it out. Where it is comes from
//! outside and becomes part of a request with a token in it, so it is looked at first.
//!
//! # Invariants
//! - Every file that was asked for is answered once.
//! - A path has only plain components: it cannot leave the place for files of this bot.
//! - No more than the bound is asked for, whatever size Telegram says that it has.
//!
//! # Not here
//! Trying again, and where the bytes go: whoever asked.

use alloc::format;

use super::desk::{Desk, Errand};
use super::reply::Refusal;
use super::words::{number_of, text_of};
use crate::channel::connector::{Action, Call, FetchFailure, ToFetch, Token};
use crate::limits::{TELEGRAM_CALL_TIME_MAX, TELEGRAM_FETCHES_MAX, TELEGRAM_FILE_BYTES_MAX};
use crate::text::json::{self, Value};
use crate::wire::http::Method;

/// How many files are on their way.
#[derive(Debug)]
pub(super) struct Files {
    out_count: usize,
}

/// A file on its way.
#[derive(Debug)]
pub(super) struct Fetching {
    number: u64,
    bytes_max: usize,
}

impl Files {
    pub(super) const fn new() -> Self {
        Self { out_count: 0 }
    }

    pub(super) fn fetch(&mut self, fetch: &ToFetch, desk: &mut Desk) {
        let bytes_max = fetch.bytes_max.min(TELEGRAM_FILE_BYTES_MAX);
        let fetching = Fetching { number: fetch.number, bytes_max };
        if self.out_count >= TELEGRAM_FETCHES_MAX {
            return desk.act(fetching.ended(Err(LATER)));
        }
        self.out_count += 1;
        let body = json::object(|out| {
            out.field("file_id", &fetch.attachment);
        });
        desk.call(Errand::Locate(fetching), "getFile", body);
    }

    /// Telegram said where a file is.
    pub(super) fn located(
        &mut self,
        fetching: Fetching,
        answer: Result<Value<'_>, Refusal>,
        desk: &mut Desk,
    ) {
        let file = match answer {
            Ok(file) => file,
            Err(refusal) if refusal.says("too big") => {
                return self.end(&fetching, Err(FetchFailure::TooLarge), desk);
            }
            Err(refusal) => return self.end(&fetching, Err(failure(&refusal)), desk),
        };
        let bytes = number_of(file, "file_size").and_then(|bytes| usize::try_from(bytes).ok());
        if bytes.is_some_and(|bytes| bytes > fetching.bytes_max) {
            return self.end(&fetching, Err(FetchFailure::TooLarge), desk);
        }
        let Some(path) = text_of(file, "file_path").filter(|path| is_plain(path)) else {
            return self.end(&fetching, Err(FetchFailure::Gone), desk);
        };
        let call = Call {
            number: desk.number(),
            method: Method::GET,
            path: format!("/{path}"),
            body: None,
            token: Token::FilePath,
            time_max: TELEGRAM_CALL_TIME_MAX * 4,
            answer_bytes_max: fetching.bytes_max,
            file: Some(fetching.number),
        };
        desk.send(Errand::Download(fetching), call);
    }

    /// The file came.
    pub(super) fn downloaded(&mut self, fetching: &Fetching, status: u16, desk: &mut Desk) {
        let outcome = match status {
            200 => Ok(()),
            413 => Err(FetchFailure::TooLarge),
            429 | 500.. => Err(LATER),
            _ => Err(FetchFailure::Gone),
        };
        self.end(fetching, outcome, desk);
    }

    /// The connection failed.
    pub(super) fn failed(&mut self, fetching: &Fetching, desk: &mut Desk) {
        self.end(fetching, Err(LATER), desk);
    }

    fn end(&mut self, fetching: &Fetching, outcome: Result<(), FetchFailure>, desk: &mut Desk) {
        self.out_count = self.out_count.saturating_sub(1);
        desk.act(fetching.ended(outcome));
    }
}

impl Fetching {
    /// What became of it.
    pub(super) fn ended(&self, outcome: Result<(), FetchFailure>) -> Action {
        Action::File { fetch: self.number, outcome }
    }
}

fn failure(refusal: &Refusal) -> FetchFailure {
    match (refusal.retry_after, refusal.code) {
        (Some(wait), 429) => FetchFailure::Later {
            retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        },
        (None, 429) => LATER,
        _ if refusal.is_doubtful() => LATER,
        _ => FetchFailure::Gone,
    }
}

/// Whether a path can stand in a request as it is: `photos/file_1.jpg`.
fn is_plain(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(is_plain) && name.bytes().any(|byte| byte != b'.')
    };
    path.len() <= PATH_BYTES_MAX && path.split('/').all(is_name)
}

/// After a short pause it may be there.
const LATER: FetchFailure = FetchFailure::Later { retry_after_ms: 1_000 };

/// Telegram's paths have some forty bytes.
const PATH_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_among_the_files() {
        for path in ["photos/file_1.jpg", "documents/a~b-c.tar.gz", "x"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/var/lib/x",
            "a//b",
            "a/",
            "../x",
            "a/../b",
            "a/./b",
            "a/..",
            "a?b",
            "a#b",
            "a%2e%2e",
            "a b",
            "a\r\nb",
            "a\\b",
            "a/é",
            "https://x/y",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
