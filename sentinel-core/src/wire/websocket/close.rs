//! Why a connection is closed: the code and the words of a close frame.
//!
//! # Invariants
//! - A [`CloseCode`] is one that may stand on the wire (RFC 6455 §7.4): 1005, 1006 and 1015, which
//!   programs use among themselves, are none.
//!
//! # Not here
//! When to close: see [`Connection`](super::Connection).

use core::fmt;

/// A close code that may be sent.
///
/// ```
/// use sentinel_core::wire::websocket::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
/// assert_eq!(CloseCode::new(1006), None);
/// assert_eq!(CloseCode::new(4004).unwrap().to_string(), "4004");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

/// Declares the codes with their meaning, so that name, number and words stand in one row.
macro_rules! codes {
    ($($name:ident = $code:literal $text:literal,)*) => {
        impl CloseCode {
            $(#[doc = concat!($code, ": ", $text)] pub const $name: Self = Self($code);)*

            /// What the code means, or nothing for those that applications give a meaning.
            #[must_use]
            pub const fn describe(self) -> &'static str {
                match self.0 { $($code => $text,)* _ => "" }
            }
        }
    };
}

codes! {
    NORMAL = 1000 "done",
    GOING_AWAY = 1001 "going away",
    PROTOCOL_ERROR = 1002 "protocol error",
    UNSUPPORTED = 1003 "data of a kind that is not accepted",
    INVALID_DATA = 1007 "text that is not UTF-8",
    POLICY = 1008 "against the rules of this end",
    TOO_LARGE = 1009 "message too large",
    EXTENSION_MISSING = 1010 "an extension is missing",
    INTERNAL_ERROR = 1011 "internal error",
    RESTARTING = 1012 "restarting",
    TRY_AGAIN_LATER = 1013 "overloaded, try again later",
    BAD_GATEWAY = 1014 "a server behind this one failed",
}

impl CloseCode {
    /// A code that may stand in a frame: defined by the standard or its registry, or from the two
    /// ranges that are free (3000 to 3999 by registration, 4000 to 4999 by agreement).
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.describe() {
            "" => write!(formatter, "{}", self.0),
            text => write!(formatter, "{} ({text})", self.0),
        }
    }
}

/// What a peer says when it closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// Why.
    pub code: CloseCode,
    /// The same in words, which are for logs and not for people (RFC 6455 §7.1.6). Untrusted text.
    pub reason: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_wire_are_those_of_the_registry() {
        let accepted: std::vec::Vec<u16> =
            (0..=u16::MAX).filter(|code| CloseCode::new(*code).is_some()).collect();
        let expected: std::vec::Vec<u16> =
            (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(accepted, expected);
    }
}
