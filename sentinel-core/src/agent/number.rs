//! Names of what is going on: small numbers, given out in order.
//!
//! # Invariants
//! - A number is never given out twice in the life of a journal, so an answer that comes late,
//!   twice or for somebody else's question names something that is over, and changes nothing.
//!
//! # Not here
//! What a platform calls its chats and messages: `channel`.

use core::fmt;

macro_rules! numbers {
    ($($(#[$about:meta])* $name:ident, $short:literal;)*) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!($short, "{}"), self.0)
            }
        }
    )*};
}

numbers! {
    /// A conversation, in the order in which they began; 0 is the system itself.
    ConversationNumber, "conversation ";
    /// A turn: one message of a person and everything done for it.
    TurnNumber, "turn ";
    /// One request to a model.
    ExchangeNumber, "exchange ";
    /// One call of a tool.
    CallNumber, "call ";
    /// One file that is fetched.
    FetchNumber, "fetch ";
    /// One thing that is said to a chat: an answer, a question, a notice.
    DeliveryNumber, "delivery ";
}

/// Gives out the numbers.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    last: u64,
}

impl Numbers {
    /// One sequence serves all kinds: a number then never means two things in one journal.
    pub(crate) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Goes on after this number.
    pub(crate) const fn after(last: u64) -> Self {
        Self { last }
    }

    /// The number that is given out next.
    pub(crate) const fn following(&self) -> u64 {
        self.last + 1
    }
}
