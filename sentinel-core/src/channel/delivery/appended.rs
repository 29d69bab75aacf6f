//! An answer where nothing can be changed: each post adds what is new.
//!
//! # Invariants
//! - What was posted, joined, is the text as it stands in [`Appended::log`]: nothing is left out,
//!   repeated or trimmed. The end of a line ends it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{CUT, append};
use crate::channel::platform::Platform;

/// The text so far, and how much of it is posted.
#[derive(Clone, Debug, Default)]
pub(super) struct Appended {
    log: String,
    posted: usize,
    /// Where the answer that counts begins: behind what was withdrawn.
    begin: usize,
    count: usize,
    is_cut: bool,
    ids: Vec<String>,
}

impl Appended {
    pub(super) fn text(&mut self, more: &str) {
        if !self.is_cut && !append(&mut self.log, more) {
            self.is_cut = true;
            self.log.extend(["\n", CUT]);
        }
    }

    pub(super) fn restart(&mut self) {
        self.log.truncate(self.posted.max(self.begin));
        self.is_cut = false;
        if self.posted > self.begin {
            // What stands there stays there; it can only be disowned.
            self.log.push_str(AGAIN);
            // The notes do not use up the room of the answer for ever.
            self.forget();
        }
        self.begin = self.log.len();
    }

    pub(super) fn replace(&mut self, text: &str) {
        let shown = self.log.get(self.begin..).unwrap_or_default();
        if let Some(rest) = text.strip_prefix(shown).filter(|_| !self.is_cut) {
            let rest = rest.to_string();
            self.text(&rest);
            return;
        }
        self.restart();
        self.text(text);
    }

    pub(super) fn interrupt(&mut self, marker: &str) {
        let is_line_start = self.log.is_empty() || self.log.ends_with('\n');
        self.log.extend([if is_line_start { "" } else { "\n" }, marker]);
    }

    /// Nothing more comes: the line ends, so that what follows begins one.
    pub(super) fn finish(&mut self) {
        if self.log.get(self.begin..).is_some_and(|shown| !shown.is_empty())
            && !self.log.ends_with('\n')
        {
            self.log.push('\n');
        }
    }

    pub(super) fn has_post(&self) -> bool {
        self.posted < self.log.len()
    }

    pub(super) fn next(&mut self, platform: &Platform) -> Option<(usize, String)> {
        let rest = self.log.get(self.posted..).filter(|rest| !rest.is_empty())?;
        let mut used = 0;
        let mut end = 0;
        for character in rest.chars() {
            used += platform.unit.of(character);
            if end > 0 && used > platform.text_max {
                break;
            }
            end += character.len_utf8();
        }
        let text = rest.get(..end)?.to_string();
        self.posted += end;
        self.count += 1;
        Some((self.count - 1, text))
    }

    /// What was given out last did not happen, and is to be posted again.
    pub(super) fn not_sent(&mut self, text: &str) {
        // Nothing is posted while it is out, but what was posted may have been dropped.
        match self.posted.checked_sub(text.len()) {
            Some(posted) => self.posted = posted,
            None => {
                self.log.insert_str(self.posted, text);
                self.begin += text.len();
            }
        }
        self.count -= 1;
    }

    /// Terminals give out no ids, so an answer in a thousand steps leaves no thousand of them.
    pub(super) fn sent(&mut self, message: &str) {
        if !message.is_empty() {
            self.ids.push(message.to_string());
        }
    }

    /// Whether anything was posted.
    pub(super) const fn is_shown(&self) -> bool {
        self.count > 0
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.ids.clone()
    }

    /// Drops the text that was posted.
    fn forget(&mut self) {
        self.log.drain(..self.posted);
        self.posted = 0;
    }
}

const AGAIN: &str = "\n[What stands above is withdrawn; the answer begins again.]\n";
