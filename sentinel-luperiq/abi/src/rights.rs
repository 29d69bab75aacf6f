//! What a handle allows.
//!
//! # Invariants
//! - Rights only become fewer: nothing here adds one to a set that somebody holds.
//!
//! # Not here
//! Which call asks for which right: the table in [`crate::call`].

use core::fmt;

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rights(u32);

macro_rules! rights {
    ($($(#[$doc:meta])* $constant:ident = $bit:literal, $name:literal;)*) => {
        impl Rights {
            $($(#[$doc])* pub const $constant: Self = Self(1 << $bit);)*

            /// Every right, and its name.
            pub const ALL_NAMED: &'static [(Self, &'static str)] =
                &[$((Self::$constant, $name)),*];
        }
    };
}

rights! {
    /// Take content out: of a file, a directory's list, a memory object, a console, a clock.
    READ = 0, "read";
    /// Change content.
    WRITE = 1, "write";
    /// Make something new beneath it: a file in a directory, a process or job in a job.
    CREATE = 2, "create";
    /// Take something away beneath it.
    DELETE = 3, "delete";
    /// See what is beneath it.
    LIST = 4, "list";
    /// Run what it holds: start a process from a file, map a memory object as code.
    EXECUTE = 5, "execute";
    /// Make a connection.
    CONNECT = 6, "connect";
    /// Give it messages or bytes for the other end.
    SEND = 7, "send";
    /// Take messages or bytes of the other end.
    RECEIVE = 8, "receive";
    /// Make further handles to the same thing, with the same rights or fewer.
    DUPLICATE = 9, "duplicate";
    /// Give the handle to another process.
    TRANSFER = 10, "transfer";
    /// Wait for its signals.
    WAIT = 11, "wait";
    /// Set its signals.
    SIGNAL = 12, "signal";
    /// Ask what it is and how it is.
    INSPECT = 13, "inspect";
    /// Start, stop and set up.
    MANAGE = 14, "manage";
}

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);
    /// Every right.
    pub const ALL: Self = Self((1 << Self::ALL_NAMED.len()) - 1);

    /// The set with these bits; `None` if one of them is no right.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits > Self::ALL.0 as u64 { None } else { Some(Self(bits as u32)) }
    }

    /// One bit for each right.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Both sets together. For writing constants; what a handle holds is never widened.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is here and not there.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every right of `other` is here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rights one by one.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let held = move |(right, _): &&(Self, &str)| self.contains(*right);
        Self::ALL_NAMED.iter().filter(held).map(|(_, name)| *name)
    }

    /// The right of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL_NAMED.iter().find(|(_, known)| *known == name).map(|(right, _)| *right)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return formatter.write_str("none");
        }
        for (place, name) in self.names().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            write!(formatter, "{comma}{name}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Rights({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn every_right_has_one_bit_and_one_name() {
        for (place, (right, name)) in Rights::ALL_NAMED.iter().enumerate() {
            assert_eq!(right.bits(), 1 << place);
            assert_eq!(Rights::named(name), Some(*right));
            assert_eq!(right.to_string(), *name);
            assert!(Rights::ALL.contains(*right));
        }
    }

    #[test]
    fn bits_that_are_no_rights_are_no_set() {
        assert_eq!(Rights::from_bits(u64::from(Rights::ALL.bits())), Some(Rights::ALL));
        assert_eq!(Rights::from_bits(u64::from(Rights::ALL.bits()) + 1), None);
        assert_eq!(Rights::from_bits(1 << 40), None);
    }
}
