//! The disk: the record's log goes there, and programs' files.
//!
//! Log and files are made safe together, in one commit. That happens when a program asks for it
//! ([`Call::Sync`](luperiq_abi::Call::Sync)), when much is waiting or has waited for a second, and
//! at the end.
//!
//! # Invariants
//! - What the record says is flushed is on the disk, and so are the place and the secret from which
//!   it goes on: the next start reads them, not the log.
//! - No handle reaches the log or the secret: they are no files.
//! - A disk that failed is not written again; what then cannot be recorded is not done.

use luperiq_abi::Error;
use luperiq_policy::audit::{Log, Making};
use luperiq_policy::journal::{EpochSeed, Recovered};
use luperiq_store::{self as store, AnyDisk, Store};

use crate::console::{say, shown};
use crate::kernel::Kernel;
use crate::time::{self, Instant};

/// The disk, if there is one.
#[derive(Debug)]
pub(crate) struct Disk {
    store: Option<Store<AnyDisk>>,
    /// When something was made safe last.
    flushed_at: Instant,
    /// Whether this entry into the kernel has done anything with it.
    is_in_use: bool,
}

impl Disk {
    pub(crate) const fn new(store: Option<Store<AnyDisk>>) -> Self {
        Self { store, flushed_at: 0, is_in_use: false }
    }

    /// The store.
    pub(crate) fn store(&mut self) -> Result<&mut Store<AnyDisk>, Error> {
        self.is_in_use = true;
        self.store.as_mut().ok_or(Error::Unsupported)
    }

    /// Whether an operation may be half done: if the kernel fails now, nothing more is written,
    /// and what was safe stays.
    pub(crate) const fn is_in_use(&self) -> bool {
        self.is_in_use
    }

    /// Every operation of this entry is done.
    pub(crate) const fn is_left(&mut self) {
        self.is_in_use = false;
    }

    pub(crate) const fn is_there(&self) -> bool {
        self.store.is_some()
    }

    /// The record that the disk has, to be gone on with; or a new one.
    pub(crate) fn open_log(&mut self, making: Making) -> Result<Log, Error> {
        let Some(store) = &mut self.store else { return Log::create(making) };
        if store.log_bytes() == 0 {
            return Log::create(Making { is_stored: true, ..making });
        }
        let (seed, mark) = store.secret().split_first_chunk().ok_or(Error::Device)?;
        let seed = EpochSeed::from_bytes(seed);
        let found = Recovered::from_mark(mark, store.log_bytes()).ok_or(Error::Device)?;
        say!("disk: the record goes on after {} records", found.records_count());
        Log::resume(found, Making { is_stored: true, seed, ..making })
    }
}

impl Kernel {
    /// Makes files and record safe, if that is due.
    #[inline(always)]
    pub(crate) fn flush_if_due(&mut self) {
        if self.disk.is_there() {
            self.flush_if_waiting();
        }
    }

    fn flush_if_waiting(&mut self) {
        let waiting = self.system.log().unflushed();
        let is_late = time::now().saturating_sub(self.disk.flushed_at) >= INTERVAL;
        if waiting >= WAITING_MAX || (waiting > 0 && is_late) {
            // Whoever waits for it asks; otherwise the record fills, and calls fail.
            let _ = self.flush();
        }
    }

    /// When something has to be made safe at the latest.
    pub(crate) fn flush_deadline(&self) -> Option<Instant> {
        let is_waiting = self.disk.is_there() && self.system.unflushed() > 0;
        is_waiting.then_some(self.disk.flushed_at + INTERVAL)
    }

    /// Makes files and record safe.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        let now = self.timestamp();
        let store = self.disk.store()?;
        let log = self.system.log();
        // One is due from time to time; that there is no room for it is no reason not to flush.
        let _ = log.checkpoint(now, false);
        let (start, pieces) = log.pending();
        let mut result = Ok(());
        for piece in pieces {
            result = result.and_then(|()| store.log_append(piece));
        }
        let end = start + pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let mut secret = log.seed().to_bytes().to_vec();
        log.mark(&mut secret);
        result = result.and_then(|()| store.set_secret(&secret));
        secret.fill(0);
        match result.and_then(|()| store::commit(store)) {
            Ok(()) => log.flushed(end),
            Err(failed) => {
                say!("disk: {}; it is not written any more", shown(&failed));
                self.disk.store = None;
                return Err(error(failed));
            }
        }
        self.disk.flushed_at = time::now();
        self.disk.is_left();
        Ok(())
    }
}

/// What a program is told.
pub(crate) fn error(error: store::Error) -> Error {
    match error {
        store::Error::Device | store::Error::NoStore | store::Error::Size => Error::Device,
        store::Error::Full => Error::Limit,
        store::Error::NotFound => Error::NotFound,
        store::Error::Exists => Error::Exists,
        store::Error::BadArgument => Error::BadArgument,
        store::Error::NoMemory => Error::NoMemory,
    }
}

/// The record waits in memory for so long at most, if nobody asks for it to be safe.
const INTERVAL: Instant = 1_000_000_000;

/// So much waits at most: a part of what fits into memory.
const WAITING_MAX: u64 = 128 * 1024;
