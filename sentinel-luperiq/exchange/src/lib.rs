//! What the agent and the program that holds its keys say to each other.
//!
//! Whoever wants an exchange makes a line and sends one end of it, with an [`Asked`], to where
//! exchanges are asked for. What follows on the line from there are the bytes of the request's
//! body, as many as were announced; what comes back are [`Said`]s, until one that ends it. Whoever
//! lets go of the line ends the exchange. An empty message behind the body says that all of the
//! answer is there: only who asks reads HTTP and knows, and the connection can be used again.
//!
//! # Invariants
//! - Nobody here names a key, nor a host that a key would go to: the service is a name, and the
//!   address stands beside it so that two configurations that differ are found out.
//! - What comes from the other side is read or refused, whatever it is.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

use alloc::vec::Vec;

/// A request, without its body and without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Who is asked.
    pub service: &'a str,
    /// How.
    pub method: &'a str,
    /// Where the one who asks believes the service to be, with the path.
    pub url: &'a str,
    /// Fields of the head, without the key and what HTTP itself writes.
    pub fields: Vec<(&'a str, &'a str)>,
    /// How long the body is.
    pub body_bytes: u64,
    /// How long it may take.
    pub times: Times,
}

/// How long an exchange may take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Until there is a connection, and it is known who is at its other end.
    pub connect: u32,
    /// Until the first byte of the answer, from the last one of the request.
    pub first_byte: u32,
    /// While nothing comes or goes.
    pub idle: u32,
    /// At all.
    pub total: u32,
}

/// What is said of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// It is known who is at the other end: after how much of the processor's time, in nanoseconds;
    /// 0 if that was known from an exchange before this one, on the same connection.
    Verified(u64),
    /// Bytes that came, as HTTP has them.
    Bytes(&'a [u8]),
    /// No more come: the other end said so, under its key.
    End,
    /// It broke, for this reason.
    Failed(Failure, &'a str),
}

/// How an exchange broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Failure {
    /// It is not done: the service is unknown, or is not asked so.
    Refused = 1,
    /// Nobody has the host's name.
    Resolve = 2,
    /// There is no connection.
    Connect = 3,
    /// It is not known who is at the other end, or what came is not from there.
    Tls = 4,
    /// It ended in the middle.
    Cut = 5,
    /// It took too long.
    Timeout = 6,
}

impl Asked<'_> {
    /// As it is sent; `None` if it does not fit into a message.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = alloc::vec![VERSION];
        for time in [self.times.connect, self.times.first_byte, self.times.idle, self.times.total] {
            bytes.extend_from_slice(&time.to_le_bytes());
        }
        bytes.extend_from_slice(&self.body_bytes.to_le_bytes());
        let fields = self.fields.iter().flat_map(|(name, value)| [*name, *value]);
        for text in [self.service, self.method, self.url].into_iter().chain(fields) {
            bytes.extend_from_slice(&u16::try_from(text.len()).ok()?.to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        (bytes.len() <= MESSAGE_BYTES_MAX).then_some(bytes)
    }
}

impl<'a> Asked<'a> {
    /// Reads what was sent; `None` if it is no request.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (&VERSION, mut rest) = bytes.split_first()? else { return None };
        let mut times = [0; 4];
        for time in &mut times {
            let (bytes, left) = rest.split_first_chunk()?;
            (*time, rest) = (u32::from_le_bytes(*bytes), left);
        }
        let [connect, first_byte, idle, total] = times;
        let (body_bytes, mut rest) = rest.split_first_chunk()?;
        let mut text = || {
            let (length, left) = rest.split_first_chunk()?;
            let (text, left) = left.split_at_checked(u16::from_le_bytes(*length).into())?;
            rest = left;
            core::str::from_utf8(text).ok()
        };
        let (service, method, url) = (text()?, text()?, text()?);
        let mut texts = Vec::new();
        while let Some(text) = text() {
            texts.push(text);
        }
        let (pairs, odd) = texts.as_chunks::<2>();
        if !rest.is_empty() || !odd.is_empty() {
            return None;
        }
        Some(Self {
            service,
            method,
            url,
            fields: pairs.iter().map(|[name, value]| (*name, *value)).collect(),
            body_bytes: u64::from_le_bytes(*body_bytes),
            times: Times { connect, first_byte, idle, total },
        })
    }
}

impl Said<'_> {
    /// As it is sent; a reason that is too long is cut.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Verified(nanoseconds) => [&[VERIFIED], &nanoseconds.to_le_bytes()[..]].concat(),
            Self::Bytes(bytes) => [&[BYTES], *bytes].concat(),
            Self::End => alloc::vec![END],
            Self::Failed(failure, why) => {
                let why = why.get(..why.floor_char_boundary(REASON_BYTES_MAX)).unwrap_or_default();
                [&[FAILED, *failure as u8], why.as_bytes()].concat()
            }
        }
    }
}

impl<'a> Said<'a> {
    /// Reads what was sent; `None` if it is nothing of that kind.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(match *kind {
            VERIFIED => Self::Verified(u64::from_le_bytes(rest.try_into().ok()?)),
            BYTES => Self::Bytes(rest),
            END if rest.is_empty() => Self::End,
            FAILED => {
                let (failure, why) = rest.split_first()?;
                Self::Failed(Failure::of(*failure)?, core::str::from_utf8(why).ok()?)
            }
            _ => return None,
        })
    }
}

impl Failure {
    fn of(number: u8) -> Option<Self> {
        use Failure::{Connect, Cut, Refused, Resolve, Timeout, Tls};
        let all = [Refused, Resolve, Connect, Tls, Cut, Timeout];
        all.into_iter().find(|failure| *failure as u8 == number)
    }
}

/// What fits into a message of the kernel.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// How many bytes of an answer go into one [`Said::Bytes`], and of a request's body into one
/// message.
pub const PIECE_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 1;

/// A sentence or two, for people.
const REASON_BYTES_MAX: usize = 512;

/// Another one is not understood.
const VERSION: u8 = 1;

const VERIFIED: u8 = 1;
const BYTES: u8 = 2;
const END: u8 = 3;
const FAILED: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked<'static> {
        Asked {
            service: "anthropic",
            method: "POST",
            url: "https://api.example.com/v1/messages",
            fields: [("accept", "text/event-stream"), ("x", "")].into(),
            body_bytes: 1 << 40,
            times: Times { connect: 1, first_byte: 2, idle: 3, total: u32::MAX },
        }
    }

    #[test]
    fn what_is_asked_is_read_as_it_was_written_or_not_at_all() {
        let bytes = asked().encode().unwrap();
        assert_eq!(Asked::decode(&bytes), Some(asked()));
        // A cut after a whole field is a shorter request, and the rest are none.
        let shorter = (0..bytes.len()).filter_map(|end| Asked::decode(&bytes[..end]));
        assert_eq!(shorter.map(|asked| asked.fields.len()).collect::<Vec<_>>(), [0, 1]);
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x80;
            assert_ne!(Asked::decode(&changed), Some(asked()), "{place}");
        }
        let long = "x".repeat(MESSAGE_BYTES_MAX);
        assert_eq!(Asked { service: &long, ..asked() }.encode(), None);
    }

    #[test]
    fn what_is_said_is_read_as_it_was_written_or_not_at_all() {
        let piece = [7; PIECE_BYTES_MAX];
        for said in [
            Said::Verified(u64::MAX - 1),
            Said::Bytes(&piece),
            Said::End,
            Said::Failed(Failure::Tls, "its certificate has expired"),
            Said::Failed(Failure::Refused, ""),
            Said::Failed(Failure::Timeout, "\u{fc}"),
        ] {
            let bytes = said.encode();
            assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            assert_eq!(Said::decode(&bytes), Some(said));
        }
        let odd = [&[][..], &[0], &[VERIFIED, 1], &[END, 0], &[FAILED], &[FAILED, 7], &[5]];
        assert!(odd.iter().all(|bytes| Said::decode(bytes).is_none()));
        assert_eq!(Said::decode(&[FAILED, 1, 0xff]), None);
        let long = "\u{20ac}".repeat(REASON_BYTES_MAX);
        assert!(Said::decode(&Said::Failed(Failure::Cut, &long).encode()).is_some());
    }
}
