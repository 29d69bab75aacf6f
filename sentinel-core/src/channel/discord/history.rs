//! History: what was said in a channel while nobody told us.
//!
//! # Invariants
//! - One channel is asked at a time. One that does not tell holds up no other, and itself for
//!   minutes.
//! - A message that is more than an answer may be, or that makes an answer unreadable, is passed
//!   over, and the operator is told. Discord tells what follows a moment and not which message is
//!   at fault, so the moment is looked for after which something can be read again; only what was
//!   said within two milliseconds of it, or between two such messages, is lost with it.
//!
//! # Not here
//! Which channels are to be asked, and from where on: [`super::inbox`].

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::inbox::{Arrival, Look, Missed};
use super::message::told;
use super::posting::wait;
use super::{BAD_TOKEN, Discord};
use crate::channel::connector::Action;
use crate::order;
use crate::text::json;
use crate::time::Now;
use crate::wire::http::Headers;

impl Discord {
    /// A channel was asked for so many of the messages that were missed.
    pub(super) fn missed(
        &mut self,
        now: Now,
        Missed { channel, count: asked, .. }: Missed,
        status: u16,
        headers: &Headers,
        body: &[u8],
    ) {
        let document = json::parse(body).ok();
        let is_unreadable = status == 200 && document.is_none();
        let messages = document.as_ref().and_then(|document| document.root().elements().ok());
        match (status, messages, &self.me) {
            (200, Some(messages), Some(me)) => {
                self.asking.reset();
                self.asks_from = now.instant;
                let look = self.inbox.was_read(channel);
                if look != Look::Nowhere {
                    // What it says is asked for when the place is found.
                    return self.looked(channel, look);
                }
                let is_private = self.inbox.is_private(channel).unwrap_or(false);
                let count = messages.clone().count();
                let told = messages.filter_map(|message| told(message, me, is_private));
                let mut told: Vec<_> = told.collect();
                order::sort_by_key(&mut told, |told| told.id);
                for told in told.into_iter().filter(|told| told.channel == channel) {
                    let channel_id = Some(channel);
                    let arrival = told.message.map(|message| Arrival {
                        id: told.id,
                        channel: channel_id,
                        is_private,
                        // The session may not know of it.
                        seq: 0,
                        message,
                    });
                    self.inbox.caught_up(channel, told.id, arrival);
                }
                if self.inbox.asked(channel, count, count >= asked) {
                    self.out.push(Action::Alert(format!(
                        "Discord: too much was said in channel {channel} while nothing ran; some \
                         of it was not read"
                    )));
                }
                self.is_changed = true;
            }
            (401, ..) => self.stop(BAD_TOKEN),
            (404, ..) => self.inbox.forget(channel),
            (400 | 403, ..) => self.inbox.cannot_ask(channel),
            (429, ..) => {
                let (pause, is_global) = wait(headers, body);
                if is_global {
                    self.lanes.close_all(now.instant, pause);
                }
                self.inbox.ask_later(channel, now.instant, pause, &mut self.chance);
            }
            _ if is_unreadable && self.inbox.is_looking(channel) => {
                let look = self.inbox.was_not_read(channel);
                self.looked(channel, look);
            }
            _ if self.inbox.is_in_vain(channel) => match is_unreadable {
                true => {
                    let look = self.inbox.was_not_read(channel);
                    self.looked(channel, look);
                }
                false => self.not_told(channel),
            },
            _ => {
                self.inbox.lost(channel);
                self.ask_later(now, channel);
            }
        }
    }

    /// A page came that was more than an answer is let have.
    pub(super) fn page_too_large(&mut self, channel: u64) {
        if self.inbox.is_looking(channel) || !self.inbox.too_large(channel) {
            let look = self.inbox.was_not_read(channel);
            self.looked(channel, look);
        }
    }

    fn looked(&mut self, channel: u64, look: Look) {
        match look {
            Look::Nowhere | Look::On => {}
            Look::Found => {
                self.is_changed = true;
                self.out.push(Action::Alert(format!(
                    "Discord: a message in channel {channel} is too large to be read, or cannot \
                     be. It was passed over"
                )));
            }
            Look::InVain => self.not_told(channel),
        }
    }

    /// A channel is not asked any longer, and nothing waits there any more.
    fn not_told(&mut self, channel: u64) {
        self.inbox.cannot_ask(channel);
        self.is_changed = true;
        self.out.push(Action::Alert(format!(
            "Discord does not tell what was said in channel {channel} while nothing ran: it \
             answers again and again with nothing that can be read. What was said there meanwhile \
             was not read; what is said from now on is"
        )));
    }

    /// A channel is asked later again, and for a moment none is: it may be Discord as a whole.
    pub(super) fn ask_later(&mut self, now: Now, channel: u64) {
        self.inbox.ask_later(channel, now.instant, Duration::ZERO, &mut self.chance);
        self.asks_from = now.instant.after(self.asking.next(&mut self.chance));
    }
}
