//! What an agent needs besides directories: somebody who types, the time, random bytes, and
//! somebody who lends it files.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::abi::{Error, Rights, Signals};
use luperiq_runtime::call::{self, Result};
use luperiq_runtime::files::Name;
use luperiq_runtime::handle::{Channel, Clock, Console, Directory, Entropy, Owned, wait_many};
use luperiq_runtime::loan::{Borrowed, Loan};
use sentinel_core::time::{Instant, Now, Timestamp};

use crate::folder::{Folder, Held};

/// The console, the clock and random bytes, and whoever does what the agent cannot.
pub trait Machine {
    /// A line to somebody who was asked for something.
    type Line;

    /// Files that were lent.
    type Lent: Folder;

    /// Asks for what is beneath a place of the disk, with these rights, until it is given back.
    /// Gives the place that is lent: that one, or one above it.
    ///
    /// # Errors
    /// Why it is not lent.
    fn borrow(&mut self, place: &str, rights: Rights) -> Result<(String, Self::Lent)>;

    /// Gives it back, with everything that was opened through it: how many handles the kernel took
    /// back.
    ///
    /// # Errors
    /// It was not taken back.
    fn give_back(&mut self, lent: Self::Lent) -> Result<u64>;

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

    /// Waits until something was typed, something came over one of these lines (or there is room
    /// in it, where that is wanted), or this moment came.
    ///
    /// # Errors
    /// There is nothing to wait for any more.
    fn wait<'l>(
        &mut self,
        lines: impl Iterator<Item = (&'l Self::Line, bool)>,
        until: Option<Instant>,
    ) -> Result<()>
    where
        Self::Line: 'l;

    /// Asks for an exchange with a service: gives the line over which it is made.
    ///
    /// # Errors
    /// Nobody can be asked.
    fn ask(&mut self, request: &[u8]) -> Result<Self::Line>;

    /// Sends a message over a line.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is no room yet, [`Error::PeerClosed`] if nobody listens.
    fn say(&mut self, line: &Self::Line, bytes: &[u8]) -> Result<()>;

    /// The next message of a line.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is none yet, [`Error::PeerClosed`] if none will come.
    fn hear(&mut self, line: &Self::Line) -> Result<Vec<u8>>;

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
    /// Send: where exchanges with services are asked for, if they are.
    pub services: Option<Channel>,
}

/// Files that were lent, and the line over which they were.
#[derive(Debug)]
pub struct Lent {
    files: Held,
    loan: Loan,
}

impl Machine for Handles {
    type Line = Channel;
    type Lent = Lent;

    fn borrow(&mut self, place: &str, rights: Rights) -> Result<(String, Lent)> {
        const CHANGES: Rights = Rights::WRITE.with(Rights::CREATE).with(Rights::DELETE);
        let kind = if rights.and(CHANGES).is_empty() { "FILE_READ" } else { "FILE_WRITE" };
        let names: Vec<&str> = rights.names().collect();
        let request = format!("{kind}:disk={place}:{}", names.join(","));
        let Borrowed { handle, place, loan } = Loan::ask(&request, self.patience())?;
        let directory = Directory(handle);
        let files = match rights.contains(Rights::READ) {
            true => Held::new(directory),
            false => Held::unread(directory),
        };
        Ok((place, Lent { files, loan }))
    }

    fn give_back(&mut self, lent: Lent) -> Result<u64> {
        // What was opened is closed only afterwards, so that it is counted.
        let Lent { files, loan } = lent;
        let taken = loan.give_back(self.patience());
        drop(files);
        taken
    }

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

    fn wait<'l>(
        &mut self,
        lines: impl Iterator<Item = (&'l Channel, bool)>,
        until: Option<Instant>,
    ) -> Result<()> {
        let deadline = until.map_or(u64::MAX, |until| until.0.saturating_mul(NANOSECONDS));
        let mut items: Vec<(&Owned, Signals)> = Vec::new();
        items.push((&*self.console, Signals::READABLE));
        for (line, wants_room) in lines {
            let room = if wants_room { Signals::WRITABLE } else { Signals::NONE };
            items.push((&**line, Signals::READABLE.with(Signals::PEER_CLOSED).with(room)));
        }
        match wait_many(&items, deadline) {
            Err(Error::TimedOut) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    fn ask(&mut self, request: &[u8]) -> Result<Channel> {
        let services = self.services.as_ref().ok_or(Error::NotFound)?;
        let (line, other) = Channel::pair()?;
        services.send(request, [other.0].into()).map_err(|(error, _)| error)?;
        Ok(line)
    }

    fn say(&mut self, line: &Channel, bytes: &[u8]) -> Result<()> {
        line.send(bytes, Vec::new()).map_err(|(error, _)| error)
    }

    fn hear(&mut self, line: &Channel) -> Result<Vec<u8>> {
        line.read().map(|message| message.bytes)
    }

    fn entropy(&self, room: &mut [u8]) -> Result<()> {
        self.entropy.fill(room)
    }

    fn note(&self, text: &str) -> Result<()> {
        call::note(text)
    }
}

impl Handles {
    /// Until when the supervisor may take to answer: it has nothing else to do.
    fn patience(&self) -> u64 {
        let now = self.clock.now().map_or(0, |(now, _)| now);
        now.saturating_add(PATIENCE_SECONDS * 1000 * NANOSECONDS)
    }
}

impl Folder for Lent {
    fn bytes_count(&self, path: &str) -> Result<u64> {
        self.files.bytes_count(path)
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>> {
        self.files.read(path, bytes_max)
    }

    fn empty(&mut self, path: &str) -> Result<()> {
        self.files.empty(path)
    }

    fn write(&mut self, path: &str, position: u64, bytes: &[u8]) -> Result<()> {
        self.files.write(path, position, bytes)
    }

    fn sync(&mut self, path: &str) -> Result<()> {
        self.files.sync(path)
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        self.files.remove(path)
    }

    fn names(&self, path: &str, count_max: usize) -> Result<Vec<Name>> {
        self.files.names(path, count_max)
    }
}

/// A supervisor that does not answer for so long does not work.
const PATIENCE_SECONDS: u64 = 10;

/// Of a millisecond.
const NANOSECONDS: u64 = 1_000_000;
