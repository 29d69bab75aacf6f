//! Handles that are lent: asked of the job's supervisor, and given back to it.
//!
//! # Invariants
//! - What was lent ends with its line: whoever lent it takes it back when it is given back, and
//!   when whoever borrowed it is gone.
//! - What was given back is worth nothing any more, nor is anything that was made from it, in
//!   whatever process: the kernel takes it back.

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_abi::{Call, Error};

use crate::call::{Result, input, plain};
use crate::handle::{Channel, Owned};

/// The line over which something was lent. When it is dropped, what was lent is taken back; only
/// [`Loan::give_back`] waits for that.
#[derive(Debug, PartialEq, Eq)]
pub struct Loan(Channel);

/// What was lent.
#[derive(Debug)]
pub struct Borrowed {
    /// The handle.
    pub handle: Owned,
    /// What it is of, as the lender says it: the place that was asked for, or one above it.
    pub place: String,
    /// Its line.
    pub loan: Loan,
}

impl Loan {
    /// Asks the job's supervisor for something, for a while.
    ///
    /// # Errors
    /// Why it is not lent: [`Error::PeerClosed`] if the supervisor may not lend it or there is
    /// none, or what it says was in the way.
    pub fn ask(what: &str, deadline: u64) -> Result<Borrowed> {
        let [at, bytes] = input(what.as_bytes());
        let (line, _) = plain(Call::CapRequest, [at, bytes, 0, 0, 0, 0])?;
        let line = Channel(Owned::of(line).ok_or(Error::BadHandle)?);
        let message = line.receive(deadline)?;
        match message.handles.into_iter().next() {
            Some(handle) => Ok(Borrowed {
                handle: handle.ok_or(Error::Revoked)?,
                place: String::from_utf8(message.bytes).map_err(|_| Error::BadPath)?,
                loan: Self(line),
            }),
            None => Err(said(&message.bytes).unwrap_or(Error::PeerClosed)),
        }
    }

    /// Gives it back, and waits until it is taken back with everything that was made from it: how
    /// many handles that were.
    ///
    /// # Errors
    /// The deadline came first, or the supervisor could not.
    pub fn give_back(self, deadline: u64) -> Result<u64> {
        self.0.send(&[], Vec::new()).map_err(|(error, _)| error)?;
        let message = self.0.receive(deadline)?;
        match message.bytes.first_chunk() {
            Some(count) => Ok(u64::from_le_bytes(*count)),
            None => Err(said(&message.bytes).unwrap_or(Error::PeerClosed)),
        }
    }
}

/// What a supervisor says when it does not do what it was asked for.
#[must_use]
pub fn refusal(error: Error) -> [u8; 4] {
    u32::from(error.number()).to_le_bytes()
}

fn said(bytes: &[u8]) -> Option<Error> {
    Error::from_number(u32::from_le_bytes(bytes.try_into().ok()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::fake::{called, will_answer};

    const LINE: u64 = 0x1001;

    #[test]
    fn nothing_is_lent_by_nobody_and_the_line_is_closed() {
        will_answer([Err((Error::PeerClosed, 0))]);
        assert_eq!(Loan::ask("FILE_READ:disk=a:read", 7).unwrap_err(), Error::PeerClosed);
        called();
        // A line, and a message that says nothing and brings nothing.
        will_answer([Ok((LINE, 0)), Ok((0, 0))]);
        assert_eq!(Loan::ask("FILE_READ:disk=a:read", 7).unwrap_err(), Error::PeerClosed);
        let closes = |(number, registers): &(u64, [u64; 6])| {
            *number == u64::from(Call::Close.number()) && registers[0] == LINE
        };
        assert_eq!(called().iter().filter(|call| closes(call)).count(), 1);
    }

    #[test]
    fn what_is_lent_is_taken_back_on_the_way() {
        // The handle of the message is 0: it was taken back before it came.
        will_answer([Ok((LINE, 0)), Ok((0, 1))]);
        assert_eq!(Loan::ask("FILE_READ:disk=a:read", 7).unwrap_err(), Error::Revoked);
    }

    #[test]
    fn a_refusal_says_why() {
        for error in [Error::Limit, Error::NotFound, Error::Revoked] {
            assert_eq!(said(&refusal(error)), Some(error));
        }
        assert_eq!(said(b""), None);
        assert_eq!(said(&[0; 8]), None);
    }

    #[test]
    fn giving_back_waits_for_the_lender() {
        let loan = Loan(Channel(Owned::of(LINE).unwrap()));
        will_answer([Ok((0, 0)), Ok((8, 0))]);
        assert_eq!(loan.give_back(7), Ok(0));
        let numbers: Vec<u64> = called().iter().map(|(number, _)| *number).collect();
        let expected = [Call::ChannelWrite, Call::ChannelRead, Call::Close];
        assert_eq!(numbers, expected.map(|call| u64::from(call.number())));
    }
}
