//! What a call gives back in `x0` and `x1`.
//!
//! # Invariants
//! - No value is a refusal: values are below 2⁶³, refusals are the numbers just below 2⁶⁴.

use crate::Error;

/// What a call gave.
pub type Answer = Result<(u64, u64), (Error, u64)>;

/// The two registers after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// `x0`: the value, or minus the number of the error.
    pub first: u64,
    /// `x1`: a second value, or what the error says besides; else 0.
    pub second: u64,
}

impl Reply {
    /// The registers of an answer. A value that has bit 63 set cannot be told and becomes
    /// [`Error::BadArgument`]: no call has such values.
    #[must_use]
    pub const fn of(answer: Answer) -> Self {
        match answer {
            Ok((first, second)) if first >> 63 == 0 => Self { first, second },
            Ok(_) => Self::of(Err((Error::BadArgument, 0))),
            Err((error, second)) => Self { first: (error.number() as u64).wrapping_neg(), second },
        }
    }

    /// What the registers say. A refusal whose number is none is [`Error::Unsupported`].
    ///
    /// # Errors
    /// The call was refused.
    pub fn answer(self) -> Answer {
        if self.first >> 63 == 0 {
            return Ok((self.first, self.second));
        }
        let error = Error::from_number(self.first.wrapping_neg());
        Err((error.unwrap_or(Error::Unsupported), self.second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_there_and_back() {
        for answer in [Ok((0, 0)), Ok((i64::MAX as u64, 7))] {
            assert_eq!(Reply::of(answer).answer(), answer);
        }
        for &error in Error::ALL {
            assert_eq!(Reply::of(Err((error, 3))).answer(), Err((error, 3)));
        }
        assert_eq!(Reply::of(Ok((1 << 63, 0))).answer(), Err((Error::BadArgument, 0)));
        let unknown = Reply { first: u64::MAX - 200, second: 0 };
        assert_eq!(unknown.answer(), Err((Error::Unsupported, 0)));
    }
}
