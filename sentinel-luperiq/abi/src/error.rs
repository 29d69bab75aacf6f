//! Why a call was refused.
//!
//! Few reasons, because a program does one of few things: mend itself, ask for more, wait, or
//! give up. What a correct program never does is not answered at all: the process ends with a
//! report (see [`Error::is_misuse`]).
//!
//! # Invariants
//! - A number keeps its meaning: it stands in audit records that outlive the program.

use core::fmt;

macro_rules! errors {
    ($($(#[doc = $doc:literal])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why a call was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Error { $($(#[doc = $doc])* $name = $number,)* }

        impl Error {
            /// Every one, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name, as programs and documents write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it says to people.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

errors! {
    /// No call has this number. Misuse.
    UnknownCall = 1, "no system call has this number";
    /// The number is not a handle of this process: it was made up, closed, given away, or belongs
    /// to another process. Misuse.
    BadHandle = 2, "this process has no such handle";
    /// An address that the process does not have, or not for this use. Misuse.
    BadPointer = 3, "the memory named is not the process's own, or not for this use";
    /// The handle stands for something of another kind.
    WrongKind = 4, "the handle stands for something of another kind";
    /// The handle does not allow this.
    NotAllowed = 5, "the handle lacks a right that this call needs";
    /// The handle allows it, the job's policy does not.
    Policy = 6, "the policy of the job forbids it";
    /// More was asked for than is held: rights, limits or policies only become narrower.
    Widens = 7, "more was asked for than is held";
    /// An argument has no meaning here.
    BadArgument = 8, "an argument has no meaning here";
    /// A bound was reached; the second value says which ([`crate::settings::Limit`] or 0).
    Limit = 9, "a limit was reached";
    /// The machine has no memory left for it.
    NoMemory = 10, "no memory is left";
    /// The other end is closed.
    PeerClosed = 11, "the other end is closed";
    /// Nothing is there yet, or no room: wait and try again.
    NotReady = 12, "nothing is there yet";
    /// The deadline came first.
    TimedOut = 13, "the deadline came first";
    /// There is nothing of that name.
    NotFound = 14, "there is nothing of that name";
    /// There is already something of that name.
    Exists = 15, "there is already something of that name";
    /// The path leads out of the directory, or is no path.
    BadPath = 16, "the path leads out of the directory, or is no path";
    /// The answer is longer than the room for it; the second value says how long.
    TooLong = 17, "the answer is longer than the room for it";
    /// The handle was taken back by whoever it came from. Close it.
    Revoked = 18, "the handle was taken back";
    /// Not in this state: a job that is not empty, a process that already runs.
    WrongState = 19, "not in the state that it is in";
    /// It could not be recorded, so it was not done.
    NotRecorded = 20, "it could not be recorded, so it was not done";
    /// This machine cannot.
    Unsupported = 21, "this machine cannot do that";
    /// A device failed.
    Device = 22, "a device failed";
    /// The host cannot be reached, or does not answer.
    Unreachable = 23, "the host cannot be reached";
}

impl Error {
    /// The one with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|error| u64::from(error.number()) == number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether it is about what the process may do, not about how things are just now.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        !matches!(
            self,
            Self::NoMemory
                | Self::PeerClosed
                | Self::NotReady
                | Self::TimedOut
                | Self::NotFound
                | Self::Exists
                | Self::TooLong
                | Self::NotRecorded
                | Self::Unsupported
                | Self::Device
                | Self::Unreachable
        )
    }

    /// Whether no correct program ever causes it: the process ends, unless its job says
    /// otherwise.
    #[must_use]
    pub const fn is_misuse(self) -> bool {
        matches!(self, Self::UnknownCall | Self::BadHandle | Self::BadPointer)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_from_one_without_gaps() {
        for (place, error) in Error::ALL.iter().enumerate() {
            assert_eq!(usize::from(error.number()), place + 1);
            assert_eq!(Error::from_number(u64::from(error.number())), Some(*error));
        }
        assert_eq!(Error::from_number(0), None);
        assert_eq!(Error::from_number(u64::MAX), None);
    }
}
