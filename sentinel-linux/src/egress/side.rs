//! One socket of a connection, and what epoll tells of it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, sockopt};

use super::veil::{Heard, Veil};
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
    /// Whether the other end left without saying so, where it has to.
    pub(super) is_cut: bool,
    /// What is sent before TLS begins.
    clear: Vec<u8>,
    veil: Option<Veil>,
}

impl Side {
    pub(super) fn new(poller: &Poller, socket: OwnedFd, token: Token) -> io::Result<Self> {
        // What is passed on is not held back; a socket that is none of TCP has no such thing.
        let _ = sockopt::set_tcp_nodelay(&socket, true);
        poller.add(&socket, token, Interest::READ)?;
        let interest = Some(Interest::READ);
        let (has_ended, is_shut, is_cut) = (false, false, false);
        let clear = Vec::new();
        Ok(Self { socket, token, interest, has_ended, is_shut, is_cut, clear, veil: None })
    }

    /// From now on all of this is under TLS, but for what is still to be said in the clear.
    pub(super) fn begin_tls(&mut self, veil: Veil, clear: Vec<u8>) {
        self.clear = clear;
        self.veil = Some(veil);
    }

    pub(super) const fn veil(&self) -> Option<&Veil> {
        self.veil.as_ref()
    }

    /// Whether TLS has begun and nobody can say anything in it yet.
    pub(super) fn is_shaking_hands(&self) -> bool {
        self.veil.as_ref().is_some_and(Veil::is_shaking_hands)
    }

    /// Whether something waits here to be sent.
    pub(super) fn waits_to_send(&self) -> bool {
        !self.clear.is_empty() || self.veil.as_ref().is_some_and(Veil::waits_to_send)
    }

    pub(super) const fn token(&self) -> Token {
        self.token
    }

    /// Takes what came: so many bytes, nothing for now, or none any more, which is marked.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Errno> {
        if let Some(veil) = &mut self.veil {
            return match veil.receive(self.socket.as_fd(), buffer)? {
                Heard::Bytes(count) => Ok(Some(count.min(buffer.len()))),
                Heard::Nothing => Ok(None),
                end => {
                    (self.has_ended, self.is_cut) = (true, end == Heard::Cut);
                    Ok(None)
                }
            };
        }
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
    pub(super) fn send(&mut self, bytes: &mut Vec<u8>) -> Result<usize, Errno> {
        let Some(veil) = &mut self.veil else { return send(&self.socket, bytes) };
        let first = send(&self.socket, &mut self.clear)?;
        if !self.clear.is_empty() {
            return Ok(first);
        }
        let sent = veil.send(self.socket.as_fd(), bytes)?;
        bytes.drain(..sent);
        Ok(first + sent)
    }

    /// Says that nothing more is said.
    pub(super) fn shut(&mut self) {
        if !std::mem::replace(&mut self.is_shut, true) {
            if let Some(veil) = &mut self.veil {
                veil.say_goodbye(self.socket.as_fd());
            }
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

    pub(super) fn close(mut self, poller: &Poller) {
        if let Some(veil) = self.veil.as_mut().filter(|_| !self.is_shut) {
            veil.say_goodbye(self.socket.as_fd());
        }
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

/// Sends what fits now and takes it off the front; how much that was.
fn send(socket: &OwnedFd, bytes: &mut Vec<u8>) -> Result<usize, Errno> {
    let mut sent = 0;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match rustix::net::send(socket, rest, flags) {
            Ok(count) => sent += count,
            Err(Errno::WOULDBLOCK) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    bytes.drain(..sent);
    Ok(sent)
}
