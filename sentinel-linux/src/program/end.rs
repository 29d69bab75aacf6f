//! The end: the last checkpoint, and everything that is still to be written.
//!
//! # Invariants
//! - The log ends with a signature over all of it, or it is said that it could not be written.

use std::error::Error;

use rustix::event::{PollFd, PollFlags, poll};

use super::Program;
use crate::journal::Done;
use crate::signals::Signal;

impl Program {
    /// Signs the log and waits until that is safe. What else is asked for is not done any more: the
    /// log knows it, and the next start goes on with it.
    pub(super) fn finish(&mut self) -> Result<(), Box<dyn Error>> {
        self.sentinel.checkpoint(self.clock.now());
        loop {
            while let Some(effect) = self.sentinel.poll() {
                self.keep(effect);
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
