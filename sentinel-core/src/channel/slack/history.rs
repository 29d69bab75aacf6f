//! History: what was said in a channel while nobody told us.
//!
//! # Invariants
//! - One channel is asked at a time, and its messages are handed over in their order, once all
//!   pages came: Slack does not say which end it begins with.
//! - A request that failed is made again, at the place where it failed. Nothing is passed over
//!   because Slack was out of reach, or asked us to wait; or broken for less than minutes.
//! - A channel that does not tell holds up no other one. If it never does, the operator is told,
//!   and it is asked again when there is a reason to.
//! - A message that is more than an answer may be, or that makes an answer unreadable, is passed
//!   over, and the operator is told. Where it stands only Slack knows, and what comes after it only
//!   the answer that nobody read; so the time in which it was said is halved until nothing else can
//!   be lost with it but what was said in the same second.
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
use crate::time::{Instant, Now, Timestamp};
use crate::wire::http::Headers;

/// A channel that is asked what was said.
#[derive(Clone, Debug)]
pub(super) struct History {
    channel: String,
    /// What was said between these two is asked for, both excluded.
    oldest: Stamp,
    latest: Option<Stamp>,
    /// What is asked for after that.
    to_come: Vec<(Stamp, Stamp)>,
    /// How often the time was halved.
    halvings: u32,
    /// How many pages came that could not be read; whether others could meanwhile, so that it is
    /// one message's fault; and where such a one may stand, until that is known.
    unreadable: u32,
    is_one: bool,
    suspects: Vec<Stamp>,
    /// How much was told before this walk.
    told_before: usize,
    /// The same for all pages of one walk through it.
    pages: Pages,
    /// Where the next page begins, and how often Slack did not know it any more.
    cursor: Option<String>,
    lost_places: u32,
    /// Messages that came, and the bytes of the answers they came in.
    messages: usize,
    bytes: usize,
    newest: Stamp,
    told: Vec<(Stamp, Incoming)>,
}

impl History {
    fn new(channel: &str, oldest: Stamp) -> Self {
        Self {
            channel: channel.to_string(),
            oldest,
            latest: None,
            to_come: Vec::new(),
            halvings: 0,
            unreadable: 0,
            is_one: false,
            suspects: Vec::new(),
            told_before: 0,
            pages: Pages::new(),
            cursor: None,
            lost_places: 0,
            messages: 0,
            bytes: 0,
            newest: oldest,
            told: Vec::new(),
        }
    }

    /// From the first page of this walk on again.
    fn start_over(&mut self) {
        self.told.truncate(self.told_before);
        self.cursor = None;
        (self.messages, self.bytes) = (self.told_before, 0);
    }

    /// The next walk, through another time. Returns whether there is one.
    fn next_walk(&mut self) -> bool {
        let Some((oldest, latest)) = self.to_come.pop() else { return false };
        (self.oldest, self.latest) = (oldest, Some(latest));
        (self.told_before, self.cursor, self.pages) = (self.told.len(), None, Pages::new());
        true
    }

    /// One message alone is too large, somewhere in the time that is asked for: from here on, in
    /// its first half and then in the second. Returns whether it is too short to be halved.
    fn halve(&mut self, wall: Timestamp) -> bool {
        self.start_over();
        let Stamp(oldest) = self.oldest;
        // Slack's clock may be another one than ours.
        let end = wall.0.saturating_mul(1000).saturating_add(DAY).max(oldest.saturating_add(DAY));
        let Stamp(latest) = self.latest.unwrap_or(Stamp(end));
        let length = latest.saturating_sub(oldest);
        if length <= SECOND {
            // It is not asked for again.
            self.newest = self.newest.max(Stamp(latest.saturating_sub(1)));
            return true;
        }
        self.halvings += 1;
        let middle = oldest.saturating_add(length / 2);
        self.to_come.push((Stamp(middle), Stamp(latest)));
        self.to_come.push((self.oldest, Stamp(middle.saturating_add(1))));
        self.next_walk();
        false
    }

    fn job(&self) -> Job {
        let (channel, cursor) = (self.channel.clone(), self.cursor.clone());
        let (oldest, latest, count) = (self.oldest, self.latest, self.pages.count());
        Job::History { channel, oldest, latest, cursor, count }
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
        let is_due = |paused: &mut History| self.inbox.asks_from(&paused.channel) <= now.instant;
        if let Some(history) = self.paused.take_if(is_due) {
            self.ask(now, history);
        } else if let Some((channel, oldest, from)) = self.inbox.behind()
            && from <= now.instant
        {
            let history = History::new(channel, oldest);
            self.inbox.asking(&history.channel);
            self.ask(now, history);
        }
    }

    /// When there is something to ask.
    pub(super) fn asks(&self) -> Option<Instant> {
        let paused = self.paused.as_ref().map(|paused| self.inbox.asks_from(&paused.channel));
        let behind = self.inbox.behind().map(|(.., from)| from);
        let from = paused.into_iter().chain(behind).min()?;
        let is_free = self.history.is_none() && self.left_over.is_none();
        is_free.then_some(from.max(self.asks_from))
    }

    /// A page of a channel's history came.
    pub(super) fn page(&mut self, now: Now, status: u16, headers: &Headers, body: &[u8]) {
        let Some(mut history) = self.history.take() else { return };
        let document = json::parse(body).ok();
        let root = document.as_ref().map(json::Document::root).filter(|root| {
            status == 200 && root.find("ok").is_some_and(|is_ok| is_ok.as_bool() == Ok(true))
        });
        let (Some(root), Some(me)) = (root, &self.me) else {
            if status == 200 && document.is_none() {
                return self.page_unreadable(now, history);
            }
            return self.page_refused(now, history, refusal(status, headers, body));
        };
        self.inbox.answered(&history.channel);
        history.is_one = history.unreadable >= UNREADABLE_TRIES;
        history.unreadable = if history.is_one { UNREADABLE_TRIES } else { 0 };
        for after in core::mem::take(&mut history.suspects) {
            self.out.push(passed_over(&history.channel, "cannot be read", after));
        }
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
                if cursor.is_some() || is_enough && !history.to_come.is_empty() {
                    self.out.push(Action::Alert(format!(
                        "Slack: too much was said in channel {} while nothing ran; some of it was \
                         not read",
                        history.channel
                    )));
                }
                if is_enough {
                    history.to_come.clear();
                }
                self.walked(now, history);
            }
        }
    }

    /// A walk is over, and with the last one the channel has told all.
    fn walked(&mut self, now: Now, mut history: History) {
        if history.next_walk() {
            return self.ask(now, history);
        }
        if !history.suspects.is_empty() {
            return self.stop_asking(now, history);
        }
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
            // Slack counts all channels together.
            Refusal::Wait(pause) => self.ask_later(now, pause, history),
            Refusal::Broken => self.page_in_vain(now, history),
            // It is good for a while only, and Slack may have asked us to wait for longer.
            Refusal::Other(error) if error == "invalid_cursor" && history.cursor.is_some() => {
                history.lost_places += 1;
                if history.lost_places > LOST_PLACES_MAX {
                    self.out.push(Action::Alert(format!(
                        "Slack forgets again and again where the next page of channel {} begins; \
                         some of what was said there was not read",
                        history.channel
                    )));
                    history.to_come.clear();
                    return self.walked(now, history);
                }
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

    /// A page came that says nothing of what was said.
    fn page_in_vain(&mut self, now: Now, history: History) {
        match self.inbox.is_in_vain(&history.channel) {
            true => self.stop_asking(now, history),
            false => self.ask_later(now, Duration::ZERO, history),
        }
    }

    /// A channel is not asked any longer. What it told is handed over.
    fn stop_asking(&mut self, now: Now, mut history: History) {
        let what = format!(
            "Slack does not tell all that was said in {}: it answers again and again with what \
             cannot be read. Some of it was not read",
            history.channel
        );
        self.alert_once(history.channel.clone(), NOT_TOLD.to_string(), what);
        // Not at once again, and then not as often.
        self.inbox.ask_later(&history.channel, now.instant, Duration::ZERO, &mut self.chance);
        history.to_come.clear();
        if let Some(first) = history.suspects.first() {
            // Nothing was passed over: it is Slack, and no message.
            history.newest = history.newest.min(*first);
            history.suspects.clear();
        }
        self.walked(now, history);
    }

    /// A page came that is no JSON, or none that is taken. At first the line may be at fault, and
    /// then one of the messages in it: those beside it are not.
    fn page_unreadable(&mut self, now: Now, mut history: History) {
        history.unreadable += 1;
        if history.unreadable < UNREADABLE_TRIES {
            self.page_in_vain(now, history);
        } else if history.unreadable > UNREADABLE_MAX {
            self.stop_asking(now, history);
        } else if let Some(history) = self.look_closer(now, history, true) {
            self.ask(now, history);
        }
    }

    /// A page did not come.
    pub(super) fn page_lost(&mut self, now: Now) {
        if let Some(mut history) = self.history.take() {
            if history.pages.lost(self.asking.failures()) {
                history.start_over();
            }
            self.ask_later(now, Duration::ZERO, history);
        }
    }

    /// A page came that was more than an answer is let have.
    pub(super) fn page_too_large(&mut self, now: Now) {
        let Some(history) = self.history.take() else { return };
        if let Some(history) = self.look_closer(now, history, false) {
            self.ask_later(now, Duration::ZERO, history);
        }
    }

    /// Asks for less at once, and for less time, to find the one message that is at fault; nothing
    /// if that is done.
    fn look_closer(
        &mut self,
        now: Now,
        mut history: History,
        is_unreadable: bool,
    ) -> Option<History> {
        if history.pages.too_large() {
            history.start_over();
        } else if history.halvings >= HALVINGS_MAX {
            self.stop_asking(now, history);
            return None;
        } else if history.halve(now.wall) {
            let (channel, after) = (&history.channel, history.oldest);
            let why = if is_unreadable { "cannot be read" } else { "is too large to be read" };
            match is_unreadable && !history.is_one {
                true => history.suspects.push(after),
                false => self.out.push(passed_over(channel, why, after)),
            }
            self.walked(now, history);
            return None;
        }
        Some(history)
    }

    fn ask_later(&mut self, now: Now, pause: Duration, history: History) {
        let own = &history.channel;
        self.inbox.ask_later(own, now.instant, Duration::ZERO, &mut self.chance);
        let pause = self.asking.next(&mut self.chance).max(pause);
        self.asks_from = now.instant.after(pause);
        // There is one that goes on where it was. Another one begins anew.
        self.paused.get_or_insert(history);
    }

    fn ask(&mut self, now: Now, history: History) {
        let job = history.job();
        match self.lanes.push(&job.lane(), job) {
            Ok(()) => self.history = Some(history),
            Err(_) => self.ask_later(now, Duration::ZERO, history),
        }
    }
}

/// What the operator is told of a message that is passed over.
fn passed_over(channel: &str, why: &str, after: Stamp) -> Action {
    Action::Alert(format!(
        "Slack: a message in channel {channel} {why}. It was passed over, with what else was said \
         there within a second after {after}"
    ))
}

const CURSOR_BYTES_MAX: usize = 512;
/// One who is made to wait for long may find a place gone; who finds it gone always has none.
const LOST_PLACES_MAX: u32 = 3;

/// To find one message of a month among others takes twenty-two.
const HALVINGS_MAX: u32 = 256;
/// So often a page that cannot be read is asked for as it was.
const UNREADABLE_TRIES: u32 = 3;
/// So many in a row are not one message's fault: to find one takes no more.
const UNREADABLE_MAX: u32 = 72;
/// No word of Slack's own: a channel does not tell.
const NOT_TOLD: &str = "-";

/// In Slack's stamps.
const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;
