//! Waiting: one epoll instance for everything that can happen.
//!
//! Level-triggered, so that nothing is lost when a part takes only some of what there is; a part
//! says what it waits for, and is not woken for anything else.

use std::io;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::{AsFd, OwnedFd};

/// Names what a descriptor belongs to: whose part of the program, and which one of its.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(u64);

impl Token {
    pub(crate) const fn new(owner: Owner, index: u32) -> Self {
        Self(((owner as u64) << 32) | index as u64)
    }

    /// Whose it is; none if no such token was ever made.
    pub(crate) fn owner(self) -> Option<Owner> {
        Owner::ALL.into_iter().find(|owner| *owner as u64 == self.0 >> 32)
    }

    pub(crate) const fn index(self) -> u32 {
        (self.0 & 0xffff_ffff) as u32
    }
}

/// The parts of the program that wait for descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Signals,
    Journal,
    Terminal,
    Network,
    Control,
    Metrics,
    Sandbox,
    Egress,
    Skills,
}

impl Owner {
    const ALL: [Self; 9] = [
        Self::Signals,
        Self::Journal,
        Self::Terminal,
        Self::Network,
        Self::Control,
        Self::Metrics,
        Self::Sandbox,
        Self::Egress,
        Self::Skills,
    ];
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

impl Interest {
    pub(crate) const READ: Self = Self { reads: true, writes: false };

    fn flags(self) -> epoll::EventFlags {
        let mut flags = epoll::EventFlags::empty();
        // An end that nobody reads would be told again and again.
        flags.set(epoll::EventFlags::IN | epoll::EventFlags::RDHUP, self.reads);
        flags.set(epoll::EventFlags::OUT, self.writes);
        flags
    }
}

/// What can be done with a descriptor now. One that is closed or broken can be both read and
/// written: that is how it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) token: Token,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

/// The epoll instance.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Poller").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(EVENTS_AT_ONCE) })
    }

    /// Begins to wait for a descriptor.
    pub(crate) fn add(&self, fd: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token.0);
        Ok(epoll::add(&self.epoll, fd, data, interest.flags())?)
    }

    /// Waits for something else from now on.
    pub(crate) fn change(&self, fd: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token.0);
        Ok(epoll::modify(&self.epoll, fd, data, interest.flags())?)
    }

    /// Ends waiting, before the descriptor is closed.
    pub(crate) fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits until something is ready, for so long at most; without a time, until something is.
    pub(crate) fn wait(&mut self, time_max: Option<Duration>) -> io::Result<Vec<Ready>> {
        let time_max = time_max.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), time_max.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = self.events.iter().map(|event| {
            let flags = event.flags;
            let ended = epoll::EventFlags::HUP | epoll::EventFlags::ERR;
            let is_ended = flags.intersects(ended);
            Ready {
                token: Token(event.data.u64()),
                reads: is_ended
                    || flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP),
                writes: is_ended || flags.contains(epoll::EventFlags::OUT),
            }
        });
        Ok(ready.collect())
    }
}

/// More than this many ready descriptors are told at the next wait.
const EVENTS_AT_ONCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ready_is_told_to_its_owner() {
        let mut poller = Poller::new().unwrap();
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let token = Token::new(Owner::Network, 7);
        poller.add(&reader, token, Interest::READ).unwrap();
        assert!(poller.wait(Some(Duration::ZERO)).unwrap().is_empty());
        rustix::io::write(&writer, b"x").unwrap();
        let ready = poller.wait(None).unwrap();
        assert_eq!(ready, [Ready { token, reads: true, writes: false }]);
        assert_eq!((token.owner(), token.index()), (Some(Owner::Network), 7));
        poller.remove(&reader).unwrap();
        assert!(poller.wait(Some(Duration::ZERO)).unwrap().is_empty());
        assert_eq!(Token(99 << 32).owner(), None);
    }
}
