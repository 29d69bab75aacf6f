//! What a handle can stand for, and the signals that can be waited for.

use core::fmt;

use crate::Rights;

macro_rules! kinds {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident = $number:literal, $text:literal, [$($right:ident)*];
    )*) => {
        /// What a handle stands for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Kind { $($(#[doc = $doc])* $name = $number,)* }

        impl Kind {
            /// Every one, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The rights that mean something for it. A handle to it never holds another.
            #[must_use]
            pub const fn rights(self) -> Rights {
                match self {
                    $(Self::$name => Rights::DUPLICATE.with(Rights::TRANSFER)
                        .with(Rights::WAIT).with(Rights::INSPECT)$(.with(Rights::$right))*,)*
                }
            }
        }
    };
}

kinds! {
    /// A program that runs, will run or ran.
    Process = 1, "process", [MANAGE];
    /// Processes and jobs under one set of limits and policies.
    Job = 2, "job", [CREATE LIST MANAGE];
    /// A line of execution in a process.
    Thread = 3, "thread", [MANAGE];
    /// Pages of memory.
    Memory = 4, "memory", [READ WRITE EXECUTE];
    /// One end of a line for messages of bytes and handles.
    Channel = 5, "channel", [SEND RECEIVE];
    /// A file, opened.
    File = 6, "file", [READ WRITE EXECUTE];
    /// A directory, opened.
    Directory = 7, "directory", [READ WRITE CREATE DELETE LIST EXECUTE];
    /// A host, a port and a protocol to which a connection may be made.
    Endpoint = 8, "endpoint", [CONNECT MANAGE];
    /// A connection, or what will be one.
    Socket = 9, "socket", [CONNECT SEND RECEIVE];
    /// A moment to be waited for.
    Timer = 10, "timer", [SIGNAL];
    /// What the time is.
    Clock = 11, "clock", [READ];
    /// Random bytes.
    Entropy = 12, "entropy", [READ];
    /// The record of what happened.
    AuditReader = 13, "audit-reader", [READ];
    /// The serial console.
    Console = 14, "console", [READ WRITE];
    /// Something that a program signals.
    Event = 15, "event", [SIGNAL];
    /// The network card.
    Network = 16, "network", [READ WRITE MANAGE];
    /// What tells of many things that are waited for.
    Port = 17, "port", [RECEIVE MANAGE];
}

impl Kind {
    /// The one with this number.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| u64::from(kind.number()) == number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A set of kinds: what a call takes for an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// Every kind.
    pub const ANY: Self = Self(u32::MAX);

    /// The set of these.
    #[must_use]
    pub const fn of(kinds: &[Kind]) -> Self {
        let mut set = 0;
        let mut place = 0;
        while place < kinds.len() {
            set |= 1 << kinds[place] as u32;
            place += 1;
        }
        Self(set)
    }

    /// Whether it is one of them.
    #[must_use]
    pub const fn contains(self, kind: Kind) -> bool {
        self.contains_number(kind as u32)
    }

    /// Whether the kind with this number is one of them.
    #[must_use]
    #[inline]
    pub const fn contains_number(self, number: u32) -> bool {
        number < u32::BITS && self.0 >> number & 1 == 1
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANY {
            return formatter.write_str("anything");
        }
        let named = Kind::ALL.iter().filter(|kind| self.contains(**kind));
        for (place, kind) in named.enumerate() {
            let or = if place > 0 { " or " } else { "" };
            write!(formatter, "{or}{kind}")?;
        }
        Ok(())
    }
}

/// What is true of an object just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Signals(u32);

impl Signals {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// There is something to take: a message, bytes, a line, a packet.
    pub const READABLE: Self = Self(1);
    /// There is room to give something.
    pub const WRITABLE: Self = Self(2);
    /// The other end is closed.
    pub const PEER_CLOSED: Self = Self(4);
    /// A program set it, or a timer came due.
    pub const SIGNALED: Self = Self(8);
    /// A process or thread ended; a job has nothing left in it.
    pub const EXITED: Self = Self(16);
    /// All of them.
    pub const ALL: Self = Self(31);

    /// The set with these bits; `None` if one of them is no signal.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits > Self::ALL.0 as u64 { None } else { Some(Self(bits as u32)) }
    }

    /// One bit for each.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Both sets together.
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

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every signal of `other` is here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn kinds_are_counted_from_one_without_gaps() {
        for (place, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(usize::from(kind.number()), place + 1);
            assert_eq!(Kind::from_number(u64::from(kind.number())), Some(*kind));
        }
        assert!(Kind::ALL.len() < 32, "a set has 32 bits");
    }

    #[test]
    fn a_set_says_what_is_in_it() {
        let set = Kinds::of(&[Kind::File, Kind::Console]);
        assert!(set.contains(Kind::File) && !set.contains(Kind::Process));
        assert_eq!(set.to_string(), "file or console");
        assert!(Kind::ALL.iter().all(|kind| Kinds::ANY.contains(*kind)));
    }
}
