//! History: what was said in a channel while nobody told us.
//!
//! # Invariants
//! - One channel is asked at a time, and its messages are handed over in their order, once all
//!   pages came: Slack does not say which end it begins with.
//!
//! # Not here
//! Which channels are behind: [`super::inbox`].

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use super::message::{Stamp, elements, text, told};
use super::posting::{Job, PAGE, PAGE_AFTER_FAILURE};
use super::refusal::{Refusal, refusal};
use super::{BAD_TOKEN, Slack};
use crate::channel::connector::Action;
use crate::channel::incoming::Incoming;
use crate::limits::CHANNEL_MISSED_PAGES_MAX;
use crate::order;
use crate::text::json;
use crate::time::Now;
use crate::wire::http::Headers;

/// A channel that is asked what was said.
#[derive(Clone, Debug)]
pub(super) struct History {
    channel: String,
    oldest: Stamp,
    /// Messages of a page: the same for all pages, however it goes with them.
    count: usize,
    pages: u32,
    newest: Stamp,
    told: Vec<(Stamp, Incoming)>,
}

impl Slack {
    /// Asks the next channel that is behind.
    pub(super) fn ask_what_was_missed(&mut self, now: Now) {
        if let Some(history) =
            self.left_over.take_if(|history| self.inbox.can_take(&history.channel))
        {
            return self.hand_over(history);
        }
        if self.history.is_none()
            && self.left_over.is_none()
            && now.instant >= self.asks_from
            && let Some((channel, oldest)) = self.inbox.behind()
        {
            let channel = channel.to_string();
            let told = Vec::new();
            self.inbox.asking(&channel);
            let count = if self.asking.failures() > 0 { PAGE_AFTER_FAILURE } else { PAGE };
            let job = Job::History { channel: channel.clone(), oldest, cursor: None, count };
            self.history = Some(History { channel, oldest, count, pages: 0, newest: oldest, told });
            self.ask(now, job);
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
        for message in elements(root, "messages") {
            let Some(told) = told(message, Some(&history.channel), me) else { continue };
            history.newest = history.newest.max(told.stamp);
            if let Some(message) = told.message.filter(|_| told.stamp > history.oldest) {
                history.told.push((told.stamp, message));
            }
        }
        history.pages += 1;
        let cursor = root.find("response_metadata").and_then(|more| text(more, "next_cursor"));
        let cursor = cursor.filter(|cursor| !cursor.is_empty() && cursor.len() <= CURSOR_BYTES_MAX);
        self.asking.reset();
        match cursor {
            Some(cursor) if history.pages < CHANNEL_MISSED_PAGES_MAX => {
                let cursor = Some(cursor.to_string());
                let (channel, oldest) = (history.channel.clone(), history.oldest);
                let count = history.count;
                self.history = Some(history);
                self.ask(now, Job::History { channel, oldest, cursor, count });
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

    fn page_refused(&mut self, now: Now, history: History, refused: Refusal) {
        match refused {
            Refusal::BadToken(error) => self.stop(&format!("{BAD_TOKEN} (Slack says: {error})")),
            Refusal::Wait(pause) => self.ask_later(now, pause),
            Refusal::Broken => self.ask_later(now, Duration::ZERO),
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

    pub(super) fn ask_later(&mut self, now: Now, pause: Duration) {
        self.history = None;
        let pause = self.asking.next(&mut self.chance).max(pause);
        self.asks_from = now.instant.after(pause);
    }

    fn ask(&mut self, now: Now, job: Job) {
        if self.lanes.push(&job.lane(), job).is_err() {
            self.ask_later(now, Duration::ZERO);
        }
    }
}

const CURSOR_BYTES_MAX: usize = 512;
