//! What the next start has to know: the session, how far each channel is, and where it stands.
//!
//! # Invariants
//! - What cannot be read is as if nothing had been kept, and said: the worst that follows is that
//!   messages which came while nothing ran are not asked for.
//!
//! # Not here
//! Where it is kept.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::gateway::Session;
use super::super::message::Me;
use super::super::places::{Place, Places};
use super::{Channel, Done, Hole, Inbox};
use crate::channel::traffic::is_socket_url;
use crate::limits::{CHANNEL_CHATS_KEPT, CHANNEL_DONE_MAX, CHANNEL_KEPT_BYTES_MAX};
use crate::order::Set;
use crate::text::json::{self, Options, Value};

/// What was kept.
#[derive(Debug, Default)]
pub(in super::super) struct Kept {
    pub(in super::super) inbox: Inbox,
    pub(in super::super) places: Places,
    pub(in super::super) session: Option<(Session, u64)>,
    pub(in super::super) me: Option<Me>,
}

impl Inbox {
    /// What to keep.
    pub(in super::super) fn keep(
        &self,
        session: Option<(&Session, u64)>,
        me: &Me,
        places: &Places,
    ) -> Vec<u8> {
        let mut text = json::object(|out| {
            out.field("version", VERSION).field("me", me.id).field("name", &me.name);
            if let Some((session, seq)) = session {
                out.field("session", &session.id).field("url", &session.url);
                out.field("seq", self.safe_seq(seq));
            }
            out.array("channels", |out| {
                for (id, channel) in &self.channels {
                    let is_open = channel.hole.is_some() || !channel.pending.is_empty();
                    out.array(|out| {
                        out.value(*id).value(channel.safe()).value(channel.is_private);
                        out.value(is_open);
                    });
                }
            });
            out.array("places", |out| {
                for (channel, room) in places.kept() {
                    out.array(|out| {
                        out.value(channel).value(room);
                    });
                }
            });
            out.array("done", |out| {
                for done in &self.done {
                    out.array(|out| {
                        out.value(done.id).value(done.seq).value(done.channel);
                    });
                }
            });
        });
        text.push('\n');
        text.into_bytes()
    }
}

impl Kept {
    /// Reads what [`Inbox::keep`] wrote; nothing if it is not that.
    pub(in super::super) fn read(bytes: &[u8]) -> Option<Self> {
        let options = Options::new().depth(4).bytes(CHANNEL_KEPT_BYTES_MAX);
        let document = options.parse(bytes).ok()?;
        let root = document.root();
        let number = |key| root.find(key).and_then(|value| value.as_u64().ok());
        if number("version") != Some(VERSION) {
            return None;
        }
        let text = |key| root.find(key).and_then(|value| value.as_str().ok());
        let mut inbox = Inbox::default();
        for row in rows(root, "channels").take(CHANNEL_CHATS_KEPT) {
            let Some(id) = at(row, 0) else { continue };
            let Some(newest) = at(row, 1) else { continue };
            let flag = |index| row.index(index).is_ok_and(|value| value.as_bool() == Ok(true));
            let hole = flag(3).then(Hole::default);
            let is_private = flag(2);
            let pending = Set::new();
            let channel = Channel { is_private, newest, pending, hole, used: 0 };
            inbox.channels.insert(id, channel);
        }
        let mut places = Places::default();
        for row in rows(root, "places").take(CHANNEL_CHATS_KEPT) {
            let Some(channel) = at(row, 0) else { continue };
            places.remember(channel, at(row, 1).map_or(Place::Room, Place::Thread));
        }
        for row in rows(root, "done").take(CHANNEL_DONE_MAX) {
            let (Some(id), Some(seq)) = (at(row, 0), at(row, 1)) else { continue };
            inbox.done.push_back(Done { id, seq, channel: at(row, 2) });
            inbox.done_ids.insert(id);
        }
        let session = text("session").zip(text("url")).filter(|(_, url)| is_socket_url(url));
        let session = session
            .zip(number("seq"))
            .map(|((id, url), seq)| (Session { id: id.to_string(), url: url.to_string() }, seq));
        let name = text("name").map(String::from).unwrap_or_default();
        let me = number("me").filter(|id| *id > 0).map(|id| Me { id, name });
        // Without knowing who we are, nothing that a session tells again can be understood.
        let session = session.filter(|_| me.is_some());
        Some(Self { inbox, places, session, me })
    }
}

fn rows<'d>(root: Value<'d>, key: &str) -> impl Iterator<Item = Value<'d>> {
    root.find(key).and_then(|rows| rows.elements().ok()).into_iter().flatten()
}

fn at(row: Value<'_>, index: usize) -> Option<u64> {
    row.index(index).ok()?.as_u64().ok()
}

const VERSION: u64 = 1;
