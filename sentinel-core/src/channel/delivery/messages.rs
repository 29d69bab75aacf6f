//! An answer as messages: what each of them should say, and what it says.
//!
//! # Invariants
//! - There is at most one message for a piece, and none before the one it follows.
//!
//! # Not here
//! When a post may go out, and what a failure means: [`super::Delivery`].

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{CUT, UNFINISHED, WITHDRAWN, append};
use crate::channel::platform::Platform;
use crate::channel::split::Pieces;
use crate::fault::{Fault, is_broken};

/// The text, the pieces it should be shown as, and the messages there are.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    text: String,
    is_cut: bool,
    streams: bool,
    is_finished: bool,
    /// What the messages should say, unless the text changed since.
    wanted: Vec<String>,
    is_stale: bool,
    live: Vec<Live>,
}

/// The message of a piece.
#[derive(Clone, Debug, Default)]
struct Live {
    /// The platform's id, once it is sent.
    message: Option<String>,
    /// What it says.
    shown: String,
    /// How often it was lost: a new message needs a new key.
    losses: u32,
    /// Whether one may be there that nobody asks after any more, which its key finds.
    is_left: bool,
}

impl Messages {
    pub(super) fn new(streams: bool) -> Self {
        Self {
            text: String::new(),
            is_cut: false,
            streams,
            is_finished: false,
            wanted: Vec::new(),
            is_stale: false,
            live: Vec::new(),
        }
    }

    pub(super) fn text(&mut self, more: &str) {
        if !self.is_cut {
            self.is_cut = !append(&mut self.text, more);
            self.is_stale |= !more.is_empty();
        }
    }

    pub(super) fn restart(&mut self) {
        self.text.clear();
        (self.is_cut, self.is_stale) = (false, true);
    }

    pub(super) fn replace(&mut self, text: &str) {
        self.restart();
        self.text(text);
    }

    pub(super) fn interrupt(&mut self, marker: &str, platform: &Platform) {
        // The pieces close a fence that the text leaves open; so must what the marker follows.
        let fence = Pieces::new(&self.text, platform, usize::MAX).open_fence();
        let fence = fence.map(ToString::to_string);
        if let Some(marks) = fence {
            self.text.extend(["\n", &marks]);
        }
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(marker);
        self.is_stale = true;
    }

    pub(super) fn finish(&mut self) {
        if !self.is_finished {
            (self.is_finished, self.is_stale) = (true, true);
            if self.is_cut {
                self.text.extend(["\n\n", CUT]);
            }
        }
    }

    /// Whether nothing is shown yet, so that a sign of typing makes sense.
    pub(super) fn is_silent(&self) -> bool {
        self.live.iter().all(|live| live.message.is_none())
    }

    /// Whether there may be a post. What is not worked out yet is found out by asking for it.
    pub(super) fn has_post(&self) -> bool {
        if self.is_stale { self.is_finished || self.streams } else { self.first_wrong().is_some() }
    }

    /// The next post: piece, message to change if it is one, how often it was lost, text.
    pub(super) fn next(
        &mut self,
        platform: &Platform,
    ) -> Option<(usize, Option<String>, u32, String)> {
        if self.is_stale {
            self.refresh(platform);
        }
        let piece = self.first_wrong()?;
        let text = self.wanted(piece)?.to_string();
        let live = self.live.get(piece);
        let message = live.and_then(|live| live.message.clone());
        Some((piece, message, live.map_or(0, |live| live.losses), text))
    }

    pub(super) fn sent(&mut self, piece: usize, message: &str, text: String) {
        if self.live.len() <= piece {
            self.live.resize_with(piece + 1, Live::default);
        }
        if let Some(live) = self.live.get_mut(piece) {
            (live.message, live.shown) = (Some(message.to_string()), text);
            live.is_left = false;
        }
    }

    /// There may be a message for a piece, and its key finds it: whatever is said in its place, or
    /// that nothing is, is said under that key.
    pub(super) fn left(&mut self, piece: usize) {
        if self.live.len() <= piece {
            self.live.resize_with(piece + 1, Live::default);
        }
        if let Some(live) = self.live.get_mut(piece) {
            live.is_left = true;
        }
    }

    pub(super) fn edited(&mut self, piece: usize, text: String) {
        if let Some(live) = self.live.get_mut(piece) {
            live.shown = text;
        }
    }

    /// Nobody knows what the message says: it may have been changed, or not.
    pub(super) fn doubt(&mut self, piece: usize) {
        if let Some(live) = self.live.get_mut(piece) {
            live.shown.clear();
        }
    }

    /// Whether a piece should say just this.
    pub(super) fn wants(&mut self, piece: usize, text: &str, platform: &Platform) -> bool {
        if self.is_stale {
            self.refresh(platform);
        }
        self.wanted(piece).is_some_and(|wanted| wanted == text)
    }

    /// There is no message for a piece that anybody knows of: a new one is to be sent.
    pub(super) fn gone(&mut self, piece: usize) {
        if self.live.len() <= piece {
            self.live.resize_with(piece + 1, Live::default);
        }
        if let Some(live) = self.live.get_mut(piece) {
            live.message = None;
            live.losses += 1;
        }
    }

    /// The message of a piece.
    pub(super) fn message(&self, piece: usize) -> Option<&str> {
        self.live.get(piece)?.message.as_deref()
    }

    /// Whether there is something to show, and a message for each piece of it.
    pub(super) fn is_in_place(&mut self, platform: &Platform) -> bool {
        if self.is_stale {
            self.refresh(platform);
        }
        let pieces_count = self.wanted.len();
        pieces_count > 0 && (0..pieces_count).all(|piece| self.message(piece).is_some())
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.live.iter().filter_map(|live| live.message.clone()).collect()
    }

    /// The first piece whose message does not say what it should.
    fn first_wrong(&self) -> Option<usize> {
        (0..self.wanted.len().max(self.live.len())).find(|piece| {
            let live = self.live.get(*piece);
            let shown = live.and_then(|live| live.message.as_ref().map(|_| live.shown.as_str()));
            match (self.wanted.get(*piece), shown) {
                (Some(wanted), Some(shown)) => wanted != shown,
                (Some(_), None) => true,
                // What was shown before a restart stays until something takes its place.
                (None, Some(shown)) => shown != WITHDRAWN && self.withdraws(),
                (None, None) => live.is_some_and(|live| live.is_left) && self.withdraws(),
            }
        })
    }

    fn wanted(&self, piece: usize) -> Option<&str> {
        match self.wanted.get(piece) {
            Some(wanted) => Some(wanted),
            None => Some(WITHDRAWN),
        }
    }

    fn withdraws(&self) -> bool {
        self.is_finished || !self.wanted.is_empty()
    }

    /// Works out what the messages should say. Linear in the text, and done only when a post may
    /// follow, not for every word that comes.
    fn refresh(&mut self, platform: &Platform) {
        self.is_stale = false;
        if !self.is_finished && !self.streams {
            return;
        }
        // Room for the mark and the white space before it, in every piece, so that the last change
        // never moves a cut.
        let mark = platform.unit.length(UNFINISHED) + 1;
        let limit = platform.text_max.saturating_sub(mark);
        self.wanted = Pieces::new(&self.text, platform, limit).map(String::from).collect();
        let whole = self.is_finished.then(|| self.wanted.len().saturating_sub(1));
        for (index, piece) in self.wanted.iter_mut().enumerate() {
            if Some(index) != whole && !is_broken(Fault::UnmarkedAnswer) {
                // A mark beside the end of a fence would keep the fence open.
                let is_fence = piece.ends_with("```") || piece.ends_with("~~~");
                piece.push(if is_fence { '\n' } else { ' ' });
                piece.push_str(UNFINISHED);
            }
        }
    }
}
