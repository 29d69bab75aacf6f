//! Starting again from a journal.
//!
//! The journal is checked, and everything in it is done again; so the agent is what it was. What
//! followed from the last input and was not written any more is written now. Then the start itself
//! is recorded, and the agent goes on.
//!
//! # Invariants
//! - Any part of the log that reached the disk is enough to start from.
//! - A log that is damaged, or from which something else follows, is not gone on with.
//!
//! # Not here
//! What happens to what was under way: the agent's `restart`.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::book::Book;
use super::entropy::Entropy;
use super::replay::{Difference, DifferenceKind, Replayer};
use super::{Secrets, Sentinel};
use crate::agent::outbox::Order;
use crate::agent::{ConversationNumber, DeliveryNumber, Settings, SettingsError, Unreadable};
use crate::journal::export::Keys;
use crate::journal::{AppendError, KeyRing, Opening, RecoverError, Trust, Writer, recover};
use crate::limits::RUNTIME_DOWNTIME_MAX;
use crate::time::Now;

/// A runtime that goes on where another one ended.
#[derive(Debug)]
pub struct Resumed {
    /// It.
    pub sentinel: Sentinel,
    /// The good bytes of the log's last file: the shell cuts it to this length, and syncs that,
    /// before it writes.
    pub bytes_count: u64,
    /// The records that were found safe.
    pub records_count: u64,
    /// The bytes after them, of a record that was not written to its end.
    pub torn_bytes: u64,
}

/// Why a runtime does not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum ResumeError {
    /// The log is damaged, or there is none.
    Log(RecoverError),
    /// It is another log than the one that was named.
    OtherLog {
        /// The name it has.
        origin: String,
    },
    /// Something else follows from the log than what stands in it.
    Differs(Difference),
    /// The settings cannot be worked with.
    Settings(SettingsError),
    /// The log cannot be written.
    Journal(AppendError),
    /// The keys cannot be used.
    Keys,
}

impl Sentinel {
    /// Goes on with a log.
    ///
    /// `files` are the log's files in order, `ring` is what [`Effect::StoreKeys`] gave last, and
    /// `find` finds the settings of earlier starts by their digest; `settings` hold from now on.
    ///
    /// # Errors
    /// Why it is not gone on with. Nothing was written then.
    ///
    /// [`Effect::StoreKeys`]: super::Effect::StoreKeys
    pub fn resume(
        settings: Arc<Settings>,
        find: &dyn Fn(&[u8; 32]) -> Option<Arc<Settings>>,
        secrets: Secrets,
        ring: KeyRing,
        files: &[&[u8]],
        now: Now,
    ) -> Result<Resumed, ResumeError> {
        let (mut resumed, _) = Self::recover(&settings, find, secrets, ring, files, now)?;
        resumed.sentinel.start(settings)?;
        Ok(resumed)
    }

    /// What a log says, before anything else happens; and whether there was a start in it.
    pub(super) fn recover(
        settings: &Arc<Settings>,
        find: &dyn Fn(&[u8; 32]) -> Option<Arc<Settings>>,
        secrets: Secrets,
        ring: KeyRing,
        files: &[&[u8]],
        now: Now,
    ) -> Result<(Resumed, bool), ResumeError> {
        let Secrets { journal, origin, seed, master, entropy } = secrets;
        let mut entropy = Entropy::new(entropy);
        let recovered =
            recover(files.iter().copied(), Trust::default()).map_err(ResumeError::Log)?;
        if recovered.journal() != journal || recovered.origin() != origin {
            return Err(ResumeError::OtherLog { origin: recovered.origin().into() });
        }
        let (bytes_count, torn_bytes) = (recovered.bytes_count(), recovered.torn_bytes());
        let records_count = recovered.records_count();

        let mut replayer = Replayer::new(find);
        let whole = usize::try_from(bytes_count).unwrap_or(usize::MAX);
        let last = files.len().saturating_sub(1);
        let good = files.iter().enumerate().map(|(index, file)| match index == last {
            true => file.get(..whole).unwrap_or(file),
            false => *file,
        });
        let keys = Keys { ring: &ring, master: &master };
        replayer.begin_at_snapshot(good.clone(), keys);
        replayer.files(good, keys).map_err(ResumeError::Differs)?;
        if let Some(sequence) = replayer.skips {
            let kind = DifferenceKind::Unreadable(Unreadable::new("the snapshot cannot be read"));
            return Err(ResumeError::Differs(Difference { sequence, kind }));
        }
        let Replayer { agent, expected, last: then, .. } = replayer;

        let opening = Opening { seed, nonce: entropy.bytes(), now: now.wall };
        let mut unwritten = Vec::new();
        let writer =
            Writer::resume(recovered, opening, &mut unwritten).map_err(ResumeError::Journal)?;
        let place = (files.len().saturating_sub(1) as u64, bytes_count);
        let book = Book::new(writer, ring, master, place, records_count, unwritten);
        let has_started = agent.is_some();
        // A log that ends before its first start is one in which nothing happened.
        let agent = match agent {
            Some(agent) => agent,
            None => crate::agent::Agent::new(settings.clone()).map_err(ResumeError::Settings)?,
        };
        let mut sentinel = Self::with(agent, book, entropy, now);
        sentinel.resumed_through = DeliveryNumber(sentinel.agent.numbers_given());
        // The agent's clock goes on: by the time that passed, as far as that can be believed.
        let passed = now.wall.since(then.wall).min(RUNTIME_DOWNTIME_MAX).max(Duration::ZERO);
        sentinel.began = (now.instant, then.instant.after(passed));
        sentinel.now.instant = sentinel.began.1;
        for entry in expected {
            if !sentinel.append(entry.kind, entry.conversation, &entry.payload) {
                return Err(ResumeError::Keys);
            }
        }
        // A crash may have come between a snapshot and the end of the keys that it does not need;
        // or before all of the snapshot was safe, and until it is an older one needs them.
        for conversation in sentinel.book.conversations().into_iter().map(ConversationNumber) {
            if !sentinel.agent.needs_key(conversation) {
                let order = Order::Forget(conversation);
                sentinel.waiting.push_back((sentinel.book.records_count(), order));
            }
        }
        Ok((Resumed { sentinel, bytes_count, records_count, torn_bytes }, has_started))
    }
}

impl fmt::Display for ResumeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(error) => error.fmt(formatter),
            Self::OtherLog { origin } => write!(
                formatter,
                "this is another log than was meant, that of '{origin}': is the directory right?"
            ),
            Self::Differs(difference) => write!(
                formatter,
                "this program does not decide as the journal says it did: {difference}. Start it \
                 with the version and the settings that wrote the journal"
            ),
            Self::Settings(error) => error.fmt(formatter),
            Self::Journal(error) => error.fmt(formatter),
            Self::Keys => formatter
                .write_str("the keys of conversations cannot be used: is this another master key?"),
        }
    }
}

impl core::error::Error for ResumeError {}
