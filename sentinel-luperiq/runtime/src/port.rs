//! Waiting for many things in one place.
//!
//! A port tells which of the things that were bound to it are as their signals say, in turn and for
//! as long as they are so. Nothing is bound anew after it was told.
//!
//! # Invariants
//! - What was bound by a handle is told for as long as this process has that very handle: closing
//!   it, exchanging it and giving it away end that.

use luperiq_abi::{Call, Error, Signals};

use crate::call::{Result, plain};
use crate::handle::{Owned, Port};

impl Port {
    /// A port that watches nothing yet.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn new() -> Result<Self> {
        let (port, _) = plain(Call::PortCreate, [0; 6])?;
        Owned::of(port).map(Self).ok_or(Error::BadHandle)
    }

    /// Watches something, under this key, until one of these signals is true, and after that again.
    ///
    /// # Errors
    /// [`Error::Exists`] if the port has the key, or the kernel refuses.
    pub fn bind(&self, watched: &Owned, key: u64, signals: Signals) -> Result<()> {
        let registers = [self.number(), watched.number(), key, signals.bits().into(), 0, 0];
        plain(Call::PortBind, registers).map(drop)
    }

    /// Watches no more what it has under this key.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, or the kernel refuses.
    pub fn cancel(&self, key: u64) -> Result<()> {
        plain(Call::PortCancel, [self.number(), key, 0, 0, 0, 0]).map(drop)
    }

    /// Waits for what is told next: its key, and what is true of it.
    ///
    /// # Errors
    /// The deadline came first, or the kernel refuses.
    pub fn next(&self, deadline: u64) -> Result<(u64, Signals)> {
        let (signals, key) = plain(Call::PortWait, [self.number(), deadline, 0, 0, 0, 0])?;
        Ok((key, Signals::from_bits(signals).ok_or(Error::BadArgument)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::fake::{called, will_answer};

    #[test]
    fn what_a_port_tells_is_a_key_with_its_signals() {
        will_answer([Ok((0x2001, 0)), Ok((0, 0)), Ok((1, 77)), Ok((32, 7))]);
        let port = Port::new().unwrap();
        let event = Owned::of(0x1001).unwrap();
        port.bind(&event, 77, Signals::READABLE).unwrap();
        assert_eq!(port.next(5), Ok((77, Signals::READABLE)));
        assert_eq!(port.next(5), Err(Error::BadArgument), "32 is no signal");
        let bound = [0x2001, 0x1001, 77, 1, 0, 0];
        let calls = called();
        assert_eq!(calls[1], (Call::PortBind.number().into(), bound));
        assert_eq!(calls[2], (Call::PortWait.number().into(), [0x2001, 5, 0, 0, 0, 0]));
    }
}
