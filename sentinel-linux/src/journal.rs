//! The one other thread: it writes and syncs the log and what belongs to it, and does nothing else.
//!
//! A disk can take long, and a chat should not wait for it. What depends on a record waits for it
//! in the core; this thread only says when it is safe.
//!
//! # Invariants
//! - Things are done in the order in which they were asked for. Where the keys could not be stored,
//!   the records that need them are not written either.
//! - A write is safe when the file was synced and, since the file was opened, what leads to it:
//!   nobody knows whether whoever made it came as far.

mod queue;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::retry_on_intr;
use sentinel_core::journal::EpochSeed;

use self::queue::Queue;
use crate::erase::{self, ReplaceError};
use crate::metrics::JournalFigures;
use crate::state::{self, kept_name, log_name};

/// Something to make safe.
#[derive(Debug)]
pub(crate) enum Deed {
    StoreKeys(Vec<u8>),
    StoreSeed(EpochSeed),
    /// The last checkpoint, as a file that can be copied elsewhere.
    StoreCheckpoint(String),
    /// Where a platform was left off, for the next start.
    StoreKept(&'static str, Vec<u8>),
    Persist {
        file: u64,
        offset: u64,
        bytes: Arc<Vec<u8>>,
        records_count: u64,
    },
}

impl Deed {
    /// How much of the log is to be made safe.
    fn bytes_count(&self) -> usize {
        match self {
            Self::Persist { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    Persisted {
        records_count: u64,
    },
    PersistFailed(io::Error),
    /// The seed could not be replaced: the log goes on, and yesterday's can be forged with today's
    /// disk.
    SeedFailed(io::Error),
    /// The file of this name was replaced, and what it was before may still be on the disk.
    NotErased(&'static str, io::Error),
    /// The file beside the log could not be replaced; the checkpoint stands in the log.
    CheckpointFailed(io::Error),
    /// Where a platform was left off could not be kept: the next start asks for more.
    NotKept(&'static str, io::Error),
}

/// The thread, from the outside.
#[derive(Debug)]
pub(crate) struct Journal {
    deeds: Arc<Queue<Deed>>,
    done: Arc<Queue<Done>>,
    wake: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
    /// Writes that were asked for and not told of yet.
    under_way: usize,
}

impl Journal {
    /// Starts the thread. `last` is the number of the log's last file, `bytes_count` how much of it
    /// is good.
    pub(crate) fn start(
        directory: PathBuf,
        last: u64,
        bytes_count: u64,
        figures: Arc<JournalFigures>,
    ) -> io::Result<Self> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let mut disk = Disk::open(directory, last, bytes_count)?;
        let (deeds, done) = (Arc::new(Queue::new()), Arc::new(Queue::new()));
        let (asked, tell) = (deeds.clone(), done.clone());
        let bell = wake.clone();
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || {
            // It ends when nobody asks for anything any more.
            loop {
                let some: Vec<Deed> = asked.wait();
                if some.is_empty() {
                    break;
                }
                for deed in some {
                    let (began, bytes) = (Instant::now(), deed.bytes_count());
                    let Some(outcome) = disk.perform(deed) else { continue };
                    if bytes > 0 {
                        let is_safe = matches!(outcome, Done::Persisted { .. });
                        figures.wrote(bytes, began.elapsed(), is_safe);
                    }
                    tell.push(outcome);
                    // A full counter is a bell that rings already.
                    let _ = retry_on_intr(|| rustix::io::write(&*bell, &1_u64.to_ne_bytes()));
                }
            }
        })?;
        Ok(Self { deeds, done, wake, thread: Some(thread), under_way: 0 })
    }

    /// Asks for something, after all that was asked for before.
    pub(crate) fn ask(&mut self, deed: Deed) {
        self.under_way += usize::from(matches!(deed, Deed::Persist { .. }));
        // The thread is there as long as this value is.
        self.deeds.push(deed);
    }

    /// Whether a write was asked for of which nothing was told yet.
    pub(crate) const fn is_at_work(&self) -> bool {
        self.under_way > 0
    }

    /// What is readable when something is done.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// What was done since this was last asked.
    pub(crate) fn take(&mut self) -> Vec<Done> {
        let mut counter = [0; 8];
        let _ = rustix::io::read(&*self.wake, &mut counter);
        let done = self.done.take();
        let is_write =
            |done: &&Done| matches!(done, Done::Persisted { .. } | Done::PersistFailed(_));
        self.under_way = self.under_way.saturating_sub(done.iter().filter(is_write).count());
        done
    }
}

impl Drop for Journal {
    /// Everything that was asked for is done before the program ends.
    fn drop(&mut self) {
        self.deeds.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The files, written one thing after the other.
#[derive(Debug)]
pub(crate) struct Disk {
    directory: PathBuf,
    file: Option<(u64, File)>,
    /// Whether the names that lead to the file are safe, too. That is left to its first write, so
    /// that a start waits for no disk.
    is_entered: bool,
    /// Whether the keys of the next records could not be stored.
    is_keyless: bool,
    /// Whether a write that did not come to its end may have left something on the disk.
    has_rest: bool,
}

impl Disk {
    /// Goes on with a log: `last` is the number of its last file, `bytes_count` how much of it is
    /// good.
    pub(crate) fn open(directory: PathBuf, last: u64, bytes_count: u64) -> io::Result<Self> {
        let (is_entered, is_keyless, has_rest) = (false, false, false);
        let mut disk = Self { directory, file: None, is_entered, is_keyless, has_rest };
        let file = disk.file(last)?;
        let has_rest = file.metadata()?.len() != bytes_count;
        file.set_len(bytes_count)?;
        disk.has_rest = has_rest;
        Ok(disk)
    }

    /// Does something, and says what came of it, if that is waited for.
    pub(crate) fn perform(&mut self, deed: Deed) -> Option<Done> {
        match deed {
            Deed::StoreKeys(ring) => {
                let stored = erase::replace(&self.directory, "keys", &ring);
                self.is_keyless = matches!(stored, Err(ReplaceError::NotReplaced(_)));
                match stored {
                    Err(ReplaceError::NotErased(error)) => Some(Done::NotErased("keys", error)),
                    _ => None,
                }
            }
            Deed::StoreSeed(seed) => {
                match erase::replace(&self.directory, "seed", &*seed.to_bytes()) {
                    Ok(()) => None,
                    Err(ReplaceError::NotReplaced(error)) => Some(Done::SeedFailed(error)),
                    Err(ReplaceError::NotErased(error)) => Some(Done::NotErased("seed", error)),
                }
            }
            Deed::StoreCheckpoint(note) => {
                let stored = state::replace(&self.directory, "checkpoint", note.as_bytes());
                stored.err().map(Done::CheckpointFailed)
            }
            Deed::StoreKept(platform, bytes) => {
                let stored = state::replace(&self.directory, &kept_name(platform), &bytes);
                stored.err().map(|error| Done::NotKept(platform, error))
            }
            Deed::Persist { .. } if self.is_keyless => {
                let error = io::Error::other("the keys could not be stored");
                Some(Done::PersistFailed(error))
            }
            Deed::Persist { file, offset, bytes, records_count } => {
                let written = self.write(file, offset, &bytes);
                self.has_rest = written.is_err();
                Some(match written {
                    Ok(()) => Done::Persisted { records_count },
                    Err(error) => Done::PersistFailed(error),
                })
            }
        }
    }

    fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let has_rest = self.has_rest;
        let file = self.file(number)?;
        file.set_len(offset)?;
        if has_rest {
            // Or a power cut mixes it with what is written now, which nobody could tell from a log
            // that was changed.
            file.sync_all()?;
        }
        file.write_all_at(bytes, offset)?;
        // After a sync that failed nobody knows what is there: it is written again from its offset.
        file.sync_data()?;
        if !self.is_entered {
            for directory in [&self.directory.join("journal"), &self.directory] {
                File::open(directory)?.sync_all()?;
            }
            self.is_entered = true;
        }
        Ok(())
    }

    fn file(&mut self, number: u64) -> io::Result<&File> {
        if self.file.as_ref().is_none_or(|(known, _)| *known != number) {
            let path = self.directory.join(log_name(number));
            let file =
                state::private().read(true).write(true).create(true).truncate(false).open(&path)?;
            self.file = Some((number, file));
            self.is_entered = false;
        }
        match &self.file {
            Some((_, file)) => Ok(file),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_done_in_order() {
        let directory =
            std::env::temp_dir().join(format!("sentinel-journal-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("journal")).unwrap();
        let mut journal = Journal::start(directory.clone(), 0, 0, Arc::default()).unwrap();
        let mut persist = |file, offset, text: &str, records_count| {
            let bytes = Arc::new(text.as_bytes().to_vec());
            journal.ask(Deed::Persist { file, offset, bytes, records_count });
        };
        persist(0, 0, "one two", 1);
        persist(0, 3, "!", 2);
        persist(1, 0, "next", 3);
        journal.ask(Deed::StoreKeys(b"ring".to_vec()));
        for kept in ["one", "two"] {
            journal.ask(Deed::StoreKept("chat", kept.into()));
        }
        let mut counts = Vec::new();
        while counts.len() < 3 {
            counts.extend(journal.take().into_iter().map(|done| match done {
                Done::Persisted { records_count } => records_count,
                other => panic!("{other:?}"),
            }));
        }
        assert_eq!(counts, [1, 2, 3]);
        drop(journal);
        let read = |name: &str| std::fs::read(directory.join(name)).unwrap();
        assert_eq!(read(&log_name(0)), b"one!");
        assert_eq!(read(&log_name(1)), b"next");
        assert_eq!(read("keys"), b"ring");
        assert_eq!(read("chat.kept"), b"two");
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn records_are_not_written_without_their_keys() {
        let directory =
            std::env::temp_dir().join(format!("sentinel-keyless-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("journal")).unwrap();
        // A directory stands where the ring should be.
        std::fs::create_dir_all(directory.join("keys/in the way")).unwrap();
        let mut journal = Journal::start(directory.clone(), 0, 0, Arc::default()).unwrap();
        let bytes = Arc::new(b"sealed".to_vec());
        journal.ask(Deed::StoreKeys(b"ring".to_vec()));
        journal.ask(Deed::Persist { file: 0, offset: 0, bytes: bytes.clone(), records_count: 1 });
        let outcome = |journal: &mut Journal| loop {
            if let Some(done) = journal.take().pop() {
                return done;
            }
        };
        assert!(matches!(outcome(&mut journal), Done::PersistFailed(_)));
        std::fs::remove_dir_all(directory.join("keys")).unwrap();
        journal.ask(Deed::StoreKeys(b"ring".to_vec()));
        journal.ask(Deed::Persist { file: 0, offset: 0, bytes, records_count: 1 });
        assert!(journal.is_at_work());
        assert!(matches!(outcome(&mut journal), Done::Persisted { records_count: 1 }));
        assert!(!journal.is_at_work());
        drop(journal);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
