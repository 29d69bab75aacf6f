//! The end: what is to be said here still, the last checkpoint, and everything that is to be
//! written.
//!
//! # Invariants
//! - The log ends with a signature over all of it, or it is said that it could not be written.
//! - What was about to be said at this terminal is said, or its reader is gone: the next start does
//!   not wonder whether it arrived.

use std::error::Error;

use rustix::event::{PollFd, PollFlags, poll};
use sentinel_core::runtime::Effect;

use super::Program;
use crate::journal::Done;
use crate::signals::Signal;
use crate::terminal;

impl Program {
    /// Ends what takes no waiting but for the disk, signs the log and waits until that is safe.
    /// What else is asked for is not done any more: the log knows it, and the next start goes on
    /// with it.
    pub(super) fn finish(&mut self) -> Result<(), Box<dyn Error>> {
        // What is said follows from what is safe, and is written down itself: the signature is over
        // that too.
        self.write_down()?;
        self.sentinel.checkpoint(self.clock.now());
        self.write_down()
    }

    /// Writes all that is to be written, and says here what waits for that.
    fn write_down(&mut self) -> Result<(), Box<dyn Error>> {
        loop {
            while let Some(effect) = self.sentinel.poll() {
                match effect {
                    Effect::Post { delivery, platform, chat, post, said }
                        if platform == terminal::PLATFORM =>
                    {
                        self.post(delivery, platform, chat, post, said)?;
                    }
                    other => self.keep(other),
                }
            }
            if !self.journal.is_at_work() {
                return Ok(());
            }
            let (signals, bell) = (self.signals.fd(), self.journal.bell());
            let mut fds = [signals, bell].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
            match poll(&mut fds, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            while let Some(signal) = self.signals.take() {
                if signal == Signal::End {
                    return Err("ended at once, as asked twice".into());
                }
            }
            for done in self.journal.take() {
                if let Done::PersistFailed(error) = done {
                    let what = "the end of the log could not be written; what was answered is \
                                safe, and the next start goes on from there";
                    return Err(format!("{what}: {error}").into());
                }
                self.kept(done)?;
            }
        }
    }
}
