//! One question: written as a query, and compared with what comes back.
//!
//! A stub resolver believes whoever answers first, so an answer has to show that its sender saw the
//! question: the id, the name in exactly the letters it was asked in, and (which is the shell's
//! part) the address and port it was asked from. A 16-bit id alone is guessed within seconds.
//!
//! # Invariants
//! - A response is read only after its id and its question were found to be those of the query.
//! - Writing a query cannot fail: everything in it was checked before.
//!
//! # Not here
//! What the records of the response say: see [`Answer`].

use alloc::vec::Vec;
use core::fmt;

use super::answer::{self, Answer, ResponseCode};
use super::error::{MessageError, MessageErrorKind as Kind};
use super::name::{HEADER_BYTES, Name};
use crate::limits::DNS_UDP_BYTES;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

impl RecordKind {
    /// The number of the type on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
        })
    }
}

/// A question for the addresses of a name, and how it is asked.
///
/// ```
/// use sentinel_core::wire::dns::{Answer, Name, Question, RecordKind};
///
/// let name = Name::parse("example.com")?;
/// let question = Question::new(name, RecordKind::A, 0x1234).with_casing(0b101);
/// let mut query = Vec::new();
/// question.write(&mut query);
/// assert_eq!(&query[12..25], b"\x07ExAmple\x03com\x00");
///
/// // What a server would make of it.
/// let mut response = query[..29].to_vec();
/// response[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
/// response.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
/// let Answer::Addresses(found) = question.read(&response)? else { panic!() };
/// assert_eq!(found.addresses, [core::net::Ipv4Addr::new(192, 0, 2, 1)]);
/// assert_eq!(found.ttl, 60);
/// # Ok::<(), sentinel_core::wire::dns::MessageError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    name: Name,
    kind: RecordKind,
    id: u16,
    casing: Option<u64>,
    has_options: bool,
}

impl Question {
    /// Asks for records of one kind. The id must be one that nobody can guess.
    #[must_use]
    pub const fn new(name: Name, kind: RecordKind, id: u16) -> Self {
        Self { name, kind, id, casing: None, has_options: true }
    }

    /// Writes letters in upper case where the bits of `entropy` say so, lowest first and again from
    /// there after 64 letters. A response must then repeat exactly these letters, which makes it
    /// harder to guess by one bit for each.
    #[must_use]
    pub const fn with_casing(mut self, entropy: u64) -> Self {
        self.casing = Some(entropy);
        self
    }

    /// Leaves out the record of RFC 6891 which says that more than 512 bytes may come by UDP, for
    /// servers that know nothing of it.
    #[must_use]
    pub const fn without_options(mut self) -> Self {
        self.has_options = false;
        self
    }

    /// What is asked about.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// What is asked for.
    #[must_use]
    pub const fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Appends the query: one question, recursion desired.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.to_be_bytes());
        out.extend_from_slice(&[FLAG_RECURSION_DESIRED, 0]);
        out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(self.has_options)]);
        out.extend(self.cased_name());
        out.extend_from_slice(&self.kind.number().to_be_bytes());
        out.extend_from_slice(&CLASS_INTERNET.to_be_bytes());
        if self.has_options {
            // RFC 6891 §6.1.2: the root, type OPT, what may come, no flags, no options.
            out.extend_from_slice(&[0, 0, 41]);
            out.extend_from_slice(&DNS_UDP_BYTES.to_be_bytes());
            out.extend_from_slice(&[0; 6]);
        }
    }

    /// Reads what came by UDP.
    ///
    /// # Errors
    /// Such that [`is_foreign`](MessageError::is_foreign) when the message does not answer this
    /// question, any other when it does and is broken.
    pub fn read(&self, message: &[u8]) -> Result<Answer, MessageError> {
        self.read_as(message, true)
    }

    /// Reads what came on a connection, where nobody can guess and letters may come back in any
    /// case.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_in_any_case(&self, message: &[u8]) -> Result<Answer, MessageError> {
        self.read_as(message, false)
    }

    fn read_as(&self, message: &[u8], is_case_checked: bool) -> Result<Answer, MessageError> {
        let no_header = MessageError::new(Kind::NoHeader, message.len());
        let (header, rest) = message.split_first_chunk::<HEADER_BYTES>().ok_or(no_header)?;
        let [id_high, id_low, first_flags, second_flags, counts @ ..] = *header;
        if u16::from_be_bytes([id_high, id_low]) != self.id {
            return Err(MessageError::new(Kind::WrongId, 0));
        }
        if first_flags & (FLAG_RESPONSE | MASK_OPERATION) != FLAG_RESPONSE {
            return Err(MessageError::new(Kind::NotAResponse, 2));
        }
        let [q_high, q_low, a_high, a_low, ns_high, ns_low, more_high, more_low] = counts;
        let wrong_question = MessageError::new(Kind::WrongQuestion, HEADER_BYTES);
        let code = ResponseCode::new(u16::from(second_flags & MASK_CODE));
        match u16::from_be_bytes([q_high, q_low]) {
            1 => {}
            // A server that could not read the query may have nothing to repeat. All that this can
            // make us do is ask once more without options.
            0 if rest.is_empty()
                && matches!(code, ResponseCode::FORMAT_ERROR | ResponseCode::NOT_IMPLEMENTED) =>
            {
                return Ok(Answer::Failed(code));
            }
            _ => return Err(wrong_question),
        }

        let name = self.name.as_wire();
        let (asked, rest) = rest.split_at_checked(name.len()).ok_or(wrong_question)?;
        let (kind_and_class, _) = rest.split_first_chunk::<4>().ok_or(wrong_question)?;
        let [kind_high, kind_low] = self.kind.number().to_be_bytes();
        let [class_high, class_low] = CLASS_INTERNET.to_be_bytes();
        let is_same = asked.eq_ignore_ascii_case(name)
            && *kind_and_class == [kind_high, kind_low, class_high, class_low];
        if !is_same {
            return Err(wrong_question);
        }
        if is_case_checked && !asked.iter().copied().eq(self.cased_name()) {
            return Err(MessageError::new(Kind::WrongCase, HEADER_BYTES));
        }

        if first_flags & FLAG_TRUNCATED != 0 {
            return Ok(Answer::Truncated);
        }
        let is_recursive =
            second_flags & FLAG_RECURSION_AVAILABLE != 0 || first_flags & FLAG_AUTHORITATIVE != 0;
        let sections = answer::Sections {
            start: HEADER_BYTES + name.len() + 4,
            answers_count: u16::from_be_bytes([a_high, a_low]),
            authorities_count: u16::from_be_bytes([ns_high, ns_low]),
            others_count: u16::from_be_bytes([more_high, more_low]),
        };
        answer::read(message, &sections, self, code, is_recursive)
    }

    /// The name on the wire in the letters it is asked in.
    fn cased_name(&self) -> impl Iterator<Item = u8> {
        let mut entropy = self.casing.unwrap_or(0);
        // The bytes that are lengths are below any letter's, so they pass as they are.
        self.name.as_wire().iter().map(move |byte| {
            if !byte.is_ascii_alphabetic() {
                return *byte;
            }
            let is_upper = entropy & 1 == 1;
            entropy = entropy.rotate_right(1);
            if is_upper { byte.to_ascii_uppercase() } else { *byte }
        })
    }
}

/// RFC 1035 §4.1.1, the third byte.
const FLAG_RESPONSE: u8 = 0x80;
const MASK_OPERATION: u8 = 0x78;
const FLAG_AUTHORITATIVE: u8 = 0x04;
const FLAG_TRUNCATED: u8 = 0x02;
const FLAG_RECURSION_DESIRED: u8 = 0x01;
/// And the fourth.
const FLAG_RECURSION_AVAILABLE: u8 = 0x80;
const MASK_CODE: u8 = 0x0f;

pub(super) const CLASS_INTERNET: u16 = 1;
