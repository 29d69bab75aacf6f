//! History: what was said in a channel while nobody told us.
//!
//! # Invariants
//! - One channel is asked at a time, and its messages are handed over in their order, once all
//!   pages came: Slack does not say which end it begins with.
//! - A request that failed is made again, at the place where it failed. Nothing is passed over
//!   because Slack was broken, out of reach, or asked us to wait.
//!
//! # Not here
//! Which channels are behind: [`super::inbox`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use super::message::{Stamp, elements, text, told};
use super::posting::Job;
use super::refusal::{Refusal, refusal};
use super::{BAD_TOKEN, Slack};
use crate::channel::connector::Action;
use crate::channel::incoming::Incoming;
use crate::channel::traffic::Pages;
use crate::limits::{CHANNEL_MISSED_BYTES_MAX, CHANNEL_MISSED_MAX};
use crate::order;
use crate::text::json;
use crate::time::Now;
use crate::wire::http::Headers;

/// A channel that is asked what was said.
#[derive(Clone, Debug)]
pub(super) struct History {
    channel: String,
    oldest: Stamp,
    /// The same for all pages of one walk through it.
    pages: Pages,
    /// Where the next page begins.
    cursor: Option<String>,
    /// Messages that came, and the bytes of the answers they came in.
    messages: usize,
    bytes: usize,
    newest: Stamp,
    told: Vec<(Stamp, Incoming)>,
}

impl History {
    fn new(channel: &str, oldest: Stamp, pages: Pages) -> Self {
        Self {
            channel: channel.to_string(),
            oldest,
            pages,
            cursor: None,
            messages: 0,
            bytes: 0,
            newest: oldest,
            told: Vec::new(),
        }
    }

    /// From its first page on again.
    fn start_over(&mut self) {
        *self = Self::new(&self.channel, self.oldest, self.pages);
    }

    fn job(&self) -> Job {
        let (channel, cursor) = (self.channel.clone(), self.cursor.clone());
        Job::History { channel, oldest: self.oldest, cursor, count: self.pages.count() }
    }
}

impl Slack {
    /// Asks the next channel that is behind.
    pub(super) fn ask_what_was_missed(&mut self, now: Now) {
        if let Some(history) =
            self.left_over.take_if(|history| self.inbox.can_take(&history.channel))
        {
            return self.hand_over(history);
        }
        if self.history.is_some() || self.left_over.is_some() || now.instant < self.asks_from {
            return;
        }
        if let Some(history) = self.paused.take() {
            self.ask(now, history);
        } else if let Some((channel, oldest)) = self.inbox.behind() {
            let history = History::new(channel, oldest, Pages::new());
            self.inbox.asking(&history.channel);
            self.ask(now, history);
        }
    }

    /// A page of a channel's history came.
    pub(super) fn page(&mut self, now: Now, status: u16, headers: &Headers, body: &[u8]) {
        let Some(mut history) = self.history.take() else { return };
        let document = json::parse(body).ok();
        let root = document.as_ref().map(json::Document::root).filter(|root| {
            status == 200 && root.find("ok").is_some_and(|is_ok| is_ok.as_bool() == Ok(true))
        });
        let (Some(root), Some(me)) = (root, &self.me) else {
            return self.page_refused(now, history, refusal(status, headers, body));
        };
        let before = history.messages;
        for message in elements(root, "messages") {
            history.messages += 1;
            let Some(told) = told(message, Some(&history.channel), me) else { continue };
            history.newest = history.newest.max(told.stamp);
            if let Some(message) = told.message.filter(|_| told.stamp > history.oldest) {
                history.told.push((told.stamp, message));
            }
        }
        // A page of nothing counts, too: there is an end to them.
        history.messages = history.messages.max(before + 1);
        history.bytes = history.bytes.saturating_add(body.len());
        let is_enough =
            history.messages >= CHANNEL_MISSED_MAX || history.bytes >= CHANNEL_MISSED_BYTES_MAX;
        let cursor = root.find("response_metadata").and_then(|more| text(more, "next_cursor"));
        let cursor = cursor.filter(|cursor| !cursor.is_empty() && cursor.len() <= CURSOR_BYTES_MAX);
        self.asking.reset();
        match cursor {
            Some(cursor) if !is_enough => {
                history.cursor = Some(cursor.to_string());
                self.ask(now, history);
            }
            cursor => {
                if cursor.is_some() {
                    self.out.push(Action::Alert(format!(
                        "Slack: too much was said in channel {} while nothing ran; some of it was \
                         not read",
                        history.channel
                    )));
                }
                self.caught_up(history);
            }
        }
    }

    fn caught_up(&mut self, mut history: History) {
        order::sort_by_key(&mut history.told, |(stamp, _)| Reverse(*stamp));
        self.hand_over(history);
    }

    /// Hands over what a channel told, the oldest first, as far as there is room.
    fn hand_over(&mut self, mut history: History) {
        let channel = &history.channel;
        while self.inbox.has_room(Some(channel))
            && let Some((stamp, message)) = history.told.pop()
        {
            self.inbox.arrived(message, Some((channel, stamp)), None);
            self.inbox.caught_up(channel, stamp, false);
        }
        if history.told.is_empty() {
            self.inbox.caught_up(channel, history.newest, true);
            self.is_changed = true;
        } else {
            self.left_over = Some(history);
        }
    }

    fn page_refused(&mut self, now: Now, mut history: History, refused: Refusal) {
        match refused {
            Refusal::BadToken(error) => self.stop(&format!("{BAD_TOKEN} (Slack says: {error})")),
            Refusal::Wait(pause) => self.ask_later(now, pause, history),
            Refusal::Broken => self.ask_later(now, Duration::ZERO, history),
            // It is good for a while only, and Slack may have asked us to wait for longer.
            Refusal::Other(error) if error == "invalid_cursor" && history.cursor.is_some() => {
                history.start_over();
                self.ask_later(now, Duration::ZERO, history);
            }
            Refusal::Gone => self.inbox.caught_up(&history.channel, history.oldest, true),
            Refusal::Other(error) => {
                self.inbox.caught_up(&history.channel, history.oldest, true);
                if self.polled.contains(&history.channel) {
                    let what = format!(
                        "Slack does not tell what is said in {}: {error}. Invite the app there, \
                         and give its token the scope to read the history",
                        history.channel
                    );
                    self.alert_once(history.channel, error, what);
                }
            }
        }
    }

    /// A page did not come.
    pub(super) fn page_lost(&mut self, now: Now) {
        if let Some(history) = self.history.take() {
            self.ask_later(now, Duration::ZERO, history);
        }
    }

    /// A page came that was more than an answer is let have.
    pub(super) fn page_too_large(&mut self, now: Now) {
        if let Some(history) = &mut self.history {
            history.pages.too_large();
            history.start_over();
        }
        self.page_lost(now);
    }

    fn ask_later(&mut self, now: Now, pause: Duration, history: History) {
        self.paused = Some(history);
        let pause = self.asking.next(&mut self.chance).max(pause);
        self.asks_from = now.instant.after(pause);
    }

    fn ask(&mut self, now: Now, history: History) {
        let job = history.job();
        match self.lanes.push(&job.lane(), job) {
            Ok(()) => self.history = Some(history),
            Err(_) => self.ask_later(now, Duration::ZERO, history),
        }
    }
}

const CURSOR_BYTES_MAX: usize = 512;
