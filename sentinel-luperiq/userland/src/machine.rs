//! What an agent needs besides directories: somebody who types, the time, and random bytes.

use luperiq_runtime::abi::{Error, Signals};
use luperiq_runtime::call::{self, Result};
use luperiq_runtime::handle::{Clock, Console, Entropy};
use sentinel_core::time::{Instant, Now, Timestamp};

/// The console, the clock and random bytes.
pub trait Machine {
    /// The time.
    fn now(&self) -> Now;

    /// What was typed since this was last asked, as far as it fits; 0 if nothing was.
    ///
    /// # Errors
    /// There is no console any more.
    fn read(&mut self, room: &mut [u8]) -> Result<usize>;

    /// Shows bytes on the console.
    ///
    /// # Errors
    /// There is no console any more.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Waits until something was typed or this moment came.
    ///
    /// # Errors
    /// There is nothing to wait for any more.
    fn wait(&mut self, until: Option<Instant>) -> Result<()>;

    /// Fresh random bytes.
    ///
    /// # Errors
    /// There are none.
    fn entropy(&self, room: &mut [u8]) -> Result<()>;

    /// Adds a sentence to the kernel's record.
    ///
    /// # Errors
    /// It could not be recorded.
    fn note(&self, text: &str) -> Result<()>;
}

/// The kernel's, through handles.
#[derive(Debug)]
pub struct Handles {
    /// Read, write and wait.
    pub console: Console,
    /// Read.
    pub clock: Clock,
    /// Read.
    pub entropy: Entropy,
}

impl Machine for Handles {
    fn now(&self) -> Now {
        // A clock that was taken back stands still, and nothing becomes due by it.
        let (nanoseconds, wall) = self.clock.now().unwrap_or((0, 0));
        Now { instant: Instant(nanoseconds / NANOSECONDS), wall: Timestamp(wall) }
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        match self.console.read_some(room) {
            Err(Error::NotReady) => Ok(0),
            outcome => outcome,
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let count = self.console.write_some(bytes)?;
            bytes = bytes.get(count.max(1)..).unwrap_or_default();
        }
        Ok(())
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<()> {
        let deadline = until.map_or(u64::MAX, |until| until.0.saturating_mul(NANOSECONDS));
        match self.console.wait(Signals::READABLE, deadline) {
            Err(Error::TimedOut) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    fn entropy(&self, room: &mut [u8]) -> Result<()> {
        self.entropy.fill(room)
    }

    fn note(&self, text: &str) -> Result<()> {
        call::note(text)
    }
}

/// Of a millisecond.
const NANOSECONDS: u64 = 1_000_000;
