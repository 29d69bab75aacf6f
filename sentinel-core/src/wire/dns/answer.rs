//! What a response says, once it is known to answer the question.
//!
//! Only records that follow from the asked name count: its own addresses, or those of the name its
//! aliases lead to. Whatever else a server adds is read past and never believed.
//!
//! # Invariants
//! - The whole message is checked before anything of it is used; one broken record breaks it.
//! - Time is bounded by the message and [`DNS_ALIASES_COUNT_MAX`], whatever its aliases say.
//!
//! # Not here
//! Whose answer it is: [`Question`] compares that first. Authenticity (DNSSEC) is not checked: what
//! a resolver says is as trustworthy as the way to it, and TLS names do not rest on it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::{MessageError, MessageErrorKind as Kind};
use super::name::Name;
use super::question::{CLASS_INTERNET, Question, RecordKind};
use crate::limits::{DNS_ADDRESSES_COUNT_MAX, DNS_ALIASES_COUNT_MAX, DNS_RECORDS_COUNT_MAX};

/// What a response says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name has addresses of the kind that was asked for.
    Addresses(Found),
    /// The name is there, without addresses of this kind. Seconds this may be remembered, if the
    /// server said so (RFC 2308 §5).
    NoAddresses(Option<u32>),
    /// There is no such name. Seconds as above.
    NoSuchName(Option<u32>),
    /// More than fits a datagram: ask again on a connection.
    Truncated,
    /// The server knows nothing and refers to others, which a stub does not ask.
    Referral,
    /// The server says that it failed, or will not.
    Failed(ResponseCode),
}

/// Addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In the order of the response, at most [`DNS_ADDRESSES_COUNT_MAX`] of them, never none.
    pub addresses: Vec<IpAddr>,
    /// The name that has them: another than the asked one where that is an alias.
    pub canonical: Box<Name>,
    /// Seconds for which all of it is good.
    pub ttl: u32,
}

/// A response code: RFC 1035 §4.1.1, with the upper bits of RFC 6891 §6.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResponseCode(u16);

/// Declares the codes with their names for people, so that neither can lack the other.
macro_rules! codes {
    ($($name:ident = $code:literal $text:literal,)*) => {
        impl ResponseCode {
            $(#[doc = concat!($code, ": ", $text)] pub const $name: Self = Self($code);)*

            const fn describe(self) -> &'static str {
                match self.0 { $($code => $text,)* _ => "unknown response code" }
            }
        }
    };
}

codes! {
    NO_ERROR = 0 "no error",
    FORMAT_ERROR = 1 "could not read the query",
    SERVER_FAILURE = 2 "could not find out",
    NAME_ERROR = 3 "no such name",
    NOT_IMPLEMENTED = 4 "does not do this kind of query",
    REFUSED = 5 "refused to answer",
    BAD_VERSION = 16 "does not know this version of EDNS",
}

impl ResponseCode {
    pub(super) const fn new(code: u16) -> Self {
        Self(code)
    }

    /// The number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (code {})", self.describe(), self.0)
    }
}

/// Where the records of a response begin, and how many there are of each section.
pub(super) struct Sections {
    pub(super) start: usize,
    pub(super) answers_count: u16,
    pub(super) authorities_count: u16,
    pub(super) others_count: u16,
}

/// Reads the records of a response to `question`.
pub(super) fn read(
    message: &[u8],
    sections: &Sections,
    question: &Question,
    code: ResponseCode,
    is_recursive: bool,
) -> Result<Answer, MessageError> {
    let counts = [sections.answers_count, sections.authorities_count, sections.others_count];
    if counts.into_iter().map(usize::from).sum::<usize>() > DNS_RECORDS_COUNT_MAX {
        return Err(MessageError::new(Kind::TooManyRecords, 6));
    }
    let mut answers = Vec::with_capacity(usize::from(sections.answers_count).min(16));
    let mut position = sections.start;
    for _ in 0..sections.answers_count {
        let record = Record::read(message, position)?;
        record.refuse_options()?;
        position = record.end;
        answers.push(record);
    }
    let authorities_start = position;
    for _ in 0..sections.authorities_count {
        let record = Record::read(message, position)?;
        record.refuse_options()?;
        record.authority(message)?;
        position = record.end;
    }
    let mut options = None;
    for _ in 0..sections.others_count {
        let record = Record::read(message, position)?;
        if record.kind == TYPE_OPTIONS
            && (record.owner != Name::ROOT || options.replace(record.ttl).is_some())
        {
            return Err(MessageError::new(Kind::OptMisplaced, position));
        }
        position = record.end;
    }
    if position != message.len() {
        return Err(MessageError::new(Kind::TrailingBytes, position));
    }

    let upper_code = options.map_or(0, |ttl| (ttl >> 24) as u16);
    let code = ResponseCode(code.0 | upper_code << 4);
    let is_name_missing = match code {
        ResponseCode::NO_ERROR => false,
        ResponseCode::NAME_ERROR => true,
        _ => return Ok(Answer::Failed(code)),
    };
    let chain = follow(message, &answers, question)?;
    if is_name_missing {
        // RFC 2308 §2.1: it is the end of the chain that is missing.
        let ttl = negative_ttl(message, authorities_start, sections, &chain)?;
        return Ok(Answer::NoSuchName(ttl));
    }
    if !chain.addresses.is_empty() {
        let Chain { addresses, end, ttl } = chain;
        let canonical = Box::new(end);
        return Ok(Answer::Addresses(Found { addresses, canonical, ttl }));
    }
    let ttl = negative_ttl(message, authorities_start, sections, &chain)?;
    // RFC 2308 §2.2: without an authority's word, servers of others may have been meant.
    if ttl.is_none() && !is_recursive && answers.is_empty() {
        return Ok(Answer::Referral);
    }
    Ok(Answer::NoAddresses(ttl))
}

/// A record, whose name and length were checked.
struct Record {
    start: usize,
    owner: Name,
    kind: u16,
    class: u16,
    ttl: u32,
    data: usize,
    end: usize,
}

impl Record {
    fn read(message: &[u8], start: usize) -> Result<Self, MessageError> {
        let (owner, position) = Name::read(message, start)?;
        let short = MessageError::new(Kind::Short, message.len());
        let rest = message.get(position..).unwrap_or_default();
        let (fixed, rest) = rest.split_first_chunk::<RECORD_FIXED_BYTES>().ok_or(short)?;
        let [kind_high, kind_low, class_high, class_low, a, b, c, d, high, low] = *fixed;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if rest.len() < length {
            return Err(short);
        }
        let ttl = u32::from_be_bytes([a, b, c, d]);
        let data = position + RECORD_FIXED_BYTES;
        Ok(Self {
            start,
            owner,
            kind: u16::from_be_bytes([kind_high, kind_low]),
            class: u16::from_be_bytes([class_high, class_low]),
            ttl,
            data,
            end: data + length,
        })
    }

    /// Seconds, with RFC 2181 §8: those with the highest bit are none.
    const fn seconds(&self) -> u32 {
        if self.ttl > i32::MAX as u32 { 0 } else { self.ttl }
    }

    fn refuse_options(&self) -> Result<(), MessageError> {
        if self.kind == TYPE_OPTIONS {
            return Err(MessageError::new(Kind::OptMisplaced, self.start));
        }
        Ok(())
    }

    fn is(&self, kind: u16) -> bool {
        self.kind == kind && self.class == CLASS_INTERNET
    }

    fn address(&self, message: &[u8], kind: RecordKind) -> Result<IpAddr, MessageError> {
        let data = message.get(self.data..self.end).unwrap_or_default();
        let address = match kind {
            RecordKind::A => <[u8; 4]>::try_from(data).map(|data| Ipv4Addr::from(data).into()),
            RecordKind::Aaaa => <[u8; 16]>::try_from(data).map(|data| Ipv6Addr::from(data).into()),
        };
        address.map_err(|_| MessageError::new(Kind::AddressLength, self.data))
    }

    fn alias(&self, message: &[u8]) -> Result<Name, MessageError> {
        // Nothing of it may lie beyond the record, so the rest is not there to read.
        let (name, end) = Name::read(message.get(..self.end).unwrap_or_default(), self.data)?;
        if end != self.end {
            return Err(MessageError::new(Kind::RecordLength, end));
        }
        Ok(name)
    }

    /// Seconds a negative answer is good for, if this is the start of an authority's zone.
    fn authority(&self, message: &[u8]) -> Result<Option<u32>, MessageError> {
        if !self.is(TYPE_AUTHORITY) {
            return Ok(None);
        }
        let message = message.get(..self.end).unwrap_or_default();
        let (_, position) = Name::read(message, self.data)?;
        let (_, position) = Name::read(message, position)?;
        // Serial, refresh, retry, expire and minimum.
        let numbers = message.get(position..).unwrap_or_default();
        let numbers = <[u8; 20]>::try_from(numbers);
        let [.., a, b, c, d] =
            numbers.map_err(|_| MessageError::new(Kind::RecordLength, position))?;
        let minimum = u32::from_be_bytes([a, b, c, d]);
        Ok(Some(self.seconds().min(minimum)))
    }
}

/// Where the aliases of the asked name lead.
struct Chain {
    addresses: Vec<IpAddr>,
    end: Name,
    ttl: u32,
}

fn follow(message: &[u8], answers: &[Record], question: &Question) -> Result<Chain, MessageError> {
    let mut chain = Chain { addresses: Vec::new(), end: *question.name(), ttl: u32::MAX };
    for _ in 0..=DNS_ALIASES_COUNT_MAX {
        let mut alias: Option<(Name, usize)> = None;
        for record in answers.iter().filter(|record| record.owner == chain.end) {
            if record.is(question.kind().number()) {
                let address = record.address(message, question.kind())?;
                if chain.addresses.len() < DNS_ADDRESSES_COUNT_MAX
                    && !chain.addresses.contains(&address)
                {
                    chain.addresses.push(address);
                }
            } else if record.is(TYPE_ALIAS) {
                let target = record.alias(message)?;
                if alias.is_some_and(|(other, _)| other != target) {
                    return Err(MessageError::new(Kind::AliasNotAlone, record.start));
                }
                alias = Some((target, record.start));
            } else {
                continue;
            }
            chain.ttl = chain.ttl.min(record.seconds());
        }
        let Some((target, start)) = alias else {
            return Ok(chain);
        };
        if !chain.addresses.is_empty() {
            return Err(MessageError::new(Kind::AliasNotAlone, start));
        }
        chain.end = target;
    }
    Err(MessageError::new(Kind::AliasLoop, 0))
}

/// RFC 2308 §5, from an authority for the name at the end of the chain.
fn negative_ttl(
    message: &[u8],
    start: usize,
    sections: &Sections,
    chain: &Chain,
) -> Result<Option<u32>, MessageError> {
    let mut position = start;
    let mut seconds = None;
    for _ in 0..sections.authorities_count {
        let record = Record::read(message, position)?;
        if let Some(minimum) = record.authority(message)?
            && chain.end.is_within(&record.owner)
        {
            seconds = Some(seconds.unwrap_or(u32::MAX).min(minimum).min(chain.ttl));
        }
        position = record.end;
    }
    Ok(seconds)
}

const TYPE_ALIAS: u16 = 5;
const TYPE_AUTHORITY: u16 = 6;
const TYPE_OPTIONS: u16 = 41;
/// Type, class, seconds and length.
const RECORD_FIXED_BYTES: usize = 10;

#[cfg(test)]
mod tests;
