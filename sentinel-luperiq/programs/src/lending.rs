//! What a supervisor has lent, and how it takes it back.
//!
//! A handle is kept for each loan, and the one that is given out was made from it. So taking back
//! is one call of the kernel's, which ends what was given out and everything that was made from
//! it: what was opened through it, duplicates, those that others were given, those in messages on
//! their way.
//!
//! # Invariants
//! - A loan ends when it is given back, when its borrower closes the line or ends, and not before.
//! - What was given back is taken back before that is said.
//!
//! # Not here
//! What may be lent: [`crate::manifest::Rules::lends`].

use alloc::vec::Vec;

use luperiq_runtime::abi::{Error, Rights};
use luperiq_runtime::call::Result;
use luperiq_runtime::handle::{Channel, Owned};
use luperiq_runtime::loan::refusal;

/// What one program borrowed.
#[derive(Debug, Default)]
pub struct Lending {
    loans: Vec<Lent>,
}

#[derive(Debug)]
struct Lent {
    kept: Owned,
    line: Channel,
}

impl Lending {
    /// Lends what a handle is of, with these rights, to whoever is at the end of a line. Whoever
    /// borrows learns that this is the place.
    ///
    /// # Errors
    /// It is not lent: the kernel refuses, or so much is lent that no more is.
    pub fn lend(
        &mut self,
        mut kept: Owned,
        place: &str,
        rights: Rights,
        line: Channel,
    ) -> Result<()> {
        let lent = match self.loans.len() < LOANS_MAX {
            true => kept
                .narrow(rights.with(Rights::DUPLICATE).with(Rights::TRANSFER))
                .and_then(|()| kept.duplicate(rights.with(Rights::TRANSFER))),
            false => Err(Error::Limit),
        };
        match lent {
            Ok(lent) => {
                line.send(place.as_bytes(), [lent].into()).map_err(|(error, _)| error)?;
                self.loans.push(Lent { kept, line });
                Ok(())
            }
            Err(error) => {
                refuse(&line, error);
                Err(error)
            }
        }
    }

    /// What to wait for: each is readable, or its other end is closed, when a loan ends.
    pub fn lines(&self) -> impl Iterator<Item = &Owned> {
        self.loans.iter().map(|lent| &*lent.line)
    }

    /// Takes back what was given back.
    pub fn settle(&mut self) {
        self.loans.retain(|lent| {
            let is_given_back = match lent.line.read() {
                Err(Error::NotReady) => return true,
                outcome => outcome.is_ok(),
            };
            let taken = lent.kept.revoke();
            if is_given_back {
                // Who does not listen for the answer does not need it.
                let _ = match taken {
                    Ok(count) => lent.line.send(&count.to_le_bytes(), Vec::new()),
                    Err(error) => lent.line.send(&refusal(error), Vec::new()),
                };
            }
            false
        });
    }
}

impl Drop for Lending {
    /// Its borrower has ended; what it handed on ends as well.
    fn drop(&mut self) {
        for lent in &self.loans {
            // One that cannot be taken back was taken back already.
            let _ = lent.kept.revoke();
        }
    }
}

/// Says to whoever asked for a loan why there is none.
pub fn refuse(line: &Channel, error: Error) {
    // Who is gone does not need to know.
    let _ = line.send(&refusal(error), Vec::new());
}

/// How much one program may have borrowed at a time: a supervisor waits for each, and can wait for
/// eighty things.
pub const LOANS_MAX: usize = 32;
