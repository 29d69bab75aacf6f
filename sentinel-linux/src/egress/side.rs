//! One socket of a connection, and what epoll tells of it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, sockopt};

use crate::poller::{Interest, Poller, Token};

/// A connected socket.
#[derive(Debug)]
pub(super) struct Side {
    socket: OwnedFd,
    token: Token,
    interest: Option<Interest>,
    /// Whether the other end says nothing more.
    pub(super) has_ended: bool,
    /// Whether we say nothing more.
    pub(super) is_shut: bool,
}

impl Side {
    pub(super) fn new(poller: &Poller, socket: OwnedFd, token: Token) -> io::Result<Self> {
        // What is passed on is not held back; a socket that is none of TCP has no such thing.
        let _ = sockopt::set_tcp_nodelay(&socket, true);
        poller.add(&socket, token, Interest::READ)?;
        let interest = Some(Interest::READ);
        Ok(Self { socket, token, interest, has_ended: false, is_shut: false })
    }

    pub(super) const fn token(&self) -> Token {
        self.token
    }

    /// Takes what came: so many bytes, nothing for now, or none any more, which is marked.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Errno> {
        loop {
            match rustix::net::recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => {
                    self.has_ended = true;
                    return Ok(None);
                }
                Ok((count, _)) => return Ok(Some(count.min(buffer.len()))),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends what fits now and takes it off the front; how much that was.
    pub(super) fn send(&self, bytes: &mut Vec<u8>) -> Result<usize, Errno> {
        let mut sent = 0;
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            match rustix::net::send(&self.socket, rest, flags) {
                Ok(count) => sent += count,
                Err(Errno::WOULDBLOCK) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        bytes.drain(..sent);
        Ok(sent)
    }

    /// Says that nothing more is said.
    pub(super) fn shut(&mut self) {
        if !std::mem::replace(&mut self.is_shut, true) {
            // Whose other end is gone needs to be told nothing.
            let _ = rustix::net::shutdown(&self.socket, Shutdown::Write);
        }
    }

    /// Tells epoll what is waited for. A socket that nothing is waited for of is taken out, because
    /// one whose other end is gone would be told about for ever.
    pub(super) fn watch(&mut self, poller: &Poller, reads: bool, writes: bool) -> io::Result<()> {
        let reads = reads && !self.has_ended;
        let wanted = (reads || writes).then_some(Interest { reads, writes });
        if wanted == self.interest {
            return Ok(());
        }
        match (self.interest, wanted) {
            (Some(_), Some(interest)) => poller.change(&self.socket, self.token, interest)?,
            (None, Some(interest)) => poller.add(&self.socket, self.token, interest)?,
            (_, None) => poller.remove(&self.socket)?,
        }
        self.interest = wanted;
        Ok(())
    }

    pub(super) fn close(self, poller: &Poller) {
        if self.interest.is_some() {
            // It is closed right after this, which takes it out as well.
            let _ = poller.remove(&self.socket);
        }
    }
}

impl AsFd for Side {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
