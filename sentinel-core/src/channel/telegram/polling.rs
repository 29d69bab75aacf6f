//! Polling: which updates are asked for, and which are asked for again.
//!
//! Telegram forgets an update when a later one is asked for. So nothing later is asked for while
//! the agent's record of a message is not safe: a crash then finds every message again, and a slow
//! disk stops the intake by itself. What came twice is seen by its number, here for this run and in
//! the agent for good.
//!
//! Nothing is kept for the next start. A start asks without a number, which gives all that was not
//! passed. A kept number could only do harm: under another token, or after a week without updates
//! (Telegram then begins anew at a random number), it would pass what nobody has seen. For the same
//! reason a number is sent only until an answer to it has come.
//!
//! # Invariants
//! - A number is passed only when every message up to it was acknowledged.
//! - There is one poll at a time, none while messages wait for the agent, and none during a pause.
//! - An update is handed on once in a run, as far back as is remembered.
//! - No update, and no answer of one update, stops those after it for good.
//!
//! # Not here
//! What an update is: [`update`](super::update).

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::pause::Pause;
use super::update::KINDS;
use super::words::number_of;
use crate::limits::{TELEGRAM_POLL_TIME, TELEGRAM_UPDATES_KEPT, TELEGRAM_UPDATES_MAX};
use crate::order::Set;
use crate::text::json::{self, Value};
use crate::time::Instant;

/// The state of polling.
#[derive(Clone, Debug)]
pub(super) struct Polling {
    pub(super) pause: Pause,
    /// The number after the last one that came, until Telegram has heard of it.
    next: Option<i64>,
    /// When the poll that is out began.
    since: Option<Instant>,
    /// Messages that the agent has not acknowledged.
    waiting: Set<String>,
    recent: VecDeque<i64>,
    /// The number of an update that could not be read, and how often it was tried.
    unreadable: (i64, u32),
}

impl Polling {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            pause: Pause::new(seed),
            next: None,
            since: None,
            waiting: Set::new(),
            recent: VecDeque::new(),
            unreadable: (0, 0),
        }
    }

    /// Whether a poll may go out.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.since.is_none() && self.waiting.is_empty() && self.pause.is_over(now)
    }

    /// When one may go out that is not due yet for the time alone.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let is_free = self.since.is_none() && self.waiting.is_empty();
        // Without a pause it is due already, and goes out when somebody asks.
        self.pause.until().filter(|_| is_free)
    }

    /// The next poll.
    pub(super) fn begin(&mut self, now: Instant) -> String {
        self.since = Some(now);
        // One at a time after a failure: one too large, or one that cannot be read, is then alone.
        let count = if self.pause.failures() > 0 { 1 } else { TELEGRAM_UPDATES_MAX };
        json::object(|out| {
            out.optional("offset", self.next).field("limit", count as u64);
            out.field("timeout", TELEGRAM_POLL_TIME.as_secs());
            out.array("allowed_updates", |out| {
                for kind in KINDS {
                    out.value(kind);
                }
            });
        })
    }

    /// The poll failed; says how many did in a row.
    pub(super) fn failed(&mut self, now: Instant, asked: Option<Duration>) -> u32 {
        self.since = None;
        self.pause.failed(now, asked)
    }

    /// The poll was answered, so that Telegram knows the number; says when the poll began.
    pub(super) fn answered(&mut self) -> Option<Instant> {
        self.next = None;
        self.since.take()
    }

    /// An update came; says whether it is to be handed on, if it has a number at all.
    pub(super) fn pass(&mut self, update: Value<'_>) -> Option<bool> {
        let number = number_of(update, "update_id").filter(|number| NUMBERS.contains(number))?;
        self.next = Some(self.next.filter(|next| *next > number).unwrap_or(number + 1));
        if self.recent.contains(&number) {
            return Some(false);
        }
        if self.recent.len() >= TELEGRAM_UPDATES_KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(number);
        Some(true)
    }

    /// The answer is read to its end, and this many new updates were in it. One that came at once
    /// and brought nothing is not followed at once by the next poll.
    pub(super) fn end(&mut self, now: Instant, since: Option<Instant>, news: usize) {
        self.pause.succeeded();
        let is_fast = since.is_none_or(|since| now.since(since) < FAST);
        if news == 0 && is_fast {
            self.pause.rest(now);
        }
    }

    /// A message was handed on.
    pub(super) fn wait_for(&mut self, message: &str) {
        self.waiting.insert(message.to_string());
    }

    /// A message was acknowledged.
    pub(super) fn acknowledge(&mut self, message: &str) {
        self.waiting.remove(message);
    }

    /// An answer could not be read. If the same one update is at fault for the third time, it is
    /// passed, and its number given.
    pub(super) fn unreadable(&mut self, body: &[u8]) -> Option<i64> {
        let first = first_number(body).filter(|_| self.pause.failures() > 0)?;
        let (number, times) = self.unreadable;
        let times = if number == first { times + 1 } else { 1 };
        self.unreadable = (first, times);
        if times < UNREADABLE_TRIES {
            return None;
        }
        self.next = Some(first + 1);
        Some(first)
    }
}

/// The number of the first update in an answer that is not JSON. Within the texts of an update,
/// quotation marks are escaped, and its number stands before them.
fn first_number(body: &[u8]) -> Option<i64> {
    const KEY: &[u8] = b"\"update_id\":";
    let place = body.windows(KEY.len()).position(|window| window == KEY)?;
    let digits = body.get(place + KEY.len()..)?.trim_ascii_start();
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = core::str::from_utf8(digits.get(..length)?).ok()?;
    number.parse().ok().filter(|number| NUMBERS.contains(number))
}

/// What can be the number of an update: whole numbers that JSON carries everywhere.
const NUMBERS: core::ops::Range<i64> = 0..1 << 53;

/// An answer within this time to a poll that is held for [`TELEGRAM_POLL_TIME`] came at once.
const FAST: Duration = Duration::from_secs(1);

/// How often an update is asked for that cannot be read: the first times the line may be at fault.
const UNREADABLE_TRIES: u32 = 3;
