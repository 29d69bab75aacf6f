//! What every part of the network has in common: timers, tokens for epoll, and chance.

use std::io;
use std::os::fd::AsFd;

use rustix::rand::GetRandomFlags;

use super::timers::Timers;
use crate::poller::{Interest, Owner, Poller, Token};

/// Handed down from call to call.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) timers: Timers,
    pub(super) entropy: Entropy,
    tokens: Tokens,
}

impl Tools {
    /// A token of its own for a socket that epoll waits for from now on.
    pub(super) fn register(
        &mut self,
        poller: &Poller,
        socket: impl AsFd,
        interest: Interest,
    ) -> io::Result<Token> {
        let token = self.tokens.next();
        poller.add(socket, token, interest)?;
        Ok(token)
    }
}

/// Numbers that come again only after four thousand million sockets, so that what epoll said about
/// a socket that is closed by now is never taken for news of another one.
#[derive(Debug, Default)]
struct Tokens(u32);

impl Tokens {
    fn next(&mut self) -> Token {
        self.0 = self.0.wrapping_add(1);
        Token::new(Owner::Network, self.0)
    }
}

/// Numbers that nobody can guess, fetched a page at a time.
#[derive(Default)]
pub(super) struct Entropy {
    bytes: Vec<u8>,
}

impl Entropy {
    pub(super) fn bytes<const COUNT: usize>(&mut self) -> [u8; COUNT] {
        let mut taken = [0; COUNT];
        for byte in &mut taken {
            if self.bytes.is_empty() {
                self.fill();
            }
            *byte = self.bytes.pop().unwrap_or_default();
        }
        taken
    }

    pub(super) fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    fn fill(&mut self) {
        let mut page = [0; 256];
        // Once the system has started this neither waits nor fails, as getrandom(2) says.
        while rustix::rand::getrandom(&mut page[..], GetRandomFlags::empty()).is_err() {}
        self.bytes.extend_from_slice(&page);
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Entropy").finish_non_exhaustive()
    }
}
