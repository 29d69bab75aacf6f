//! Pairing: how a stranger becomes somebody the operator knows.
//!
//! A stranger who writes in private gets a code. He tells it to the operator some other way, and
//! the operator enters it: so the operator knows that whoever holds the account is the person he
//! means, and nobody is let in by asking.
//!
//! # Invariants
//! - A code is 50 bits of the given entropy and good once, within [`CHANNEL_CODE_LIFETIME`] of its
//!   offer. A clock that runs back before the offer ends it too.
//! - One sender has one code, one platform at most [`CHANNEL_CODES_MAX`].
//! - A code lets in the sender it was offered to, and nobody else.
//!
//! # Not here
//! Who may enter a code: the agent lets operators do it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::limits::{
    CHANNEL_CODE_LIFETIME, CHANNEL_CODE_REMINDER, CHANNEL_CODES_MAX, CHANNEL_WRONG_CODES_MAX,
};
#[cfg(feature = "agent")]
use crate::text::json::{ObjectWriter, Sink, Value};
use crate::time::Timestamp;

/// The codes that are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairing {
    open: Vec<Offer>,
    wrong_count: u32,
    wrong_since: Timestamp,
}

#[derive(Clone, Debug)]
struct Offer {
    platform: String,
    sender: String,
    code: Code,
    offered: Timestamp,
    reminded: Timestamp,
}

/// A code that waits for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting<'p> {
    /// The platform.
    pub platform: &'p str,
    /// Whom it lets in, by his id there.
    pub sender: &'p str,
    /// What he was told.
    pub code: String,
    /// When it ends.
    pub until: Timestamp,
}

/// Ten letters of [`ALPHABET`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Code([u8; CODE_LETTERS]);

/// What a stranger who asks gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The words to send back.
    Offer(String),
    /// Nothing: he was answered a moment ago.
    TooSoon,
    /// Nothing: there are enough strangers with codes.
    TooMany,
}

impl Pairing {
    pub(super) fn ask(
        &mut self,
        platform: &str,
        sender: &str,
        entropy: [u8; 16],
        now: Timestamp,
    ) -> Asked {
        self.open.retain(|offer| offer.is_good(now));
        let is_his = |offer: &&mut Offer| offer.platform == platform && offer.sender == sender;
        if let Some(offer) = self.open.iter_mut().find(is_his) {
            if now.since(offer.reminded) < CHANNEL_CODE_REMINDER {
                return Asked::TooSoon;
            }
            offer.reminded = now;
            return Asked::Offer(offer.code.words());
        }
        let count = self.open.iter().filter(|offer| offer.platform == platform).count();
        if count >= CHANNEL_CODES_MAX {
            return Asked::TooMany;
        }
        let code = Code::new(entropy);
        if self.open.iter().any(|offer| offer.code == code) {
            // The entropy was given twice: two people must not share a code.
            return Asked::TooMany;
        }
        let (platform, sender) = (platform.into(), sender.into());
        self.open.push(Offer { platform, sender, code, offered: now, reminded: now });
        Asked::Offer(code.words())
    }

    /// Takes a code back and says whose it was: platform and sender.
    pub(super) fn redeem(
        &mut self,
        code: &str,
        now: Timestamp,
    ) -> Result<(String, String), PairingError> {
        self.open.retain(|offer| offer.is_good(now));
        if now < self.wrong_since || now.since(self.wrong_since) >= CHANNEL_CODE_LIFETIME {
            // A clock that ran back begins a new time to wait, and forgets nothing.
            if now >= self.wrong_since {
                self.wrong_count = 0;
            }
            self.wrong_since = now;
        }
        if self.wrong_count >= CHANNEL_WRONG_CODES_MAX {
            let until = self.wrong_since.after(CHANNEL_CODE_LIFETIME);
            return Err(PairingError::TooManyAttempts { until });
        }
        let place =
            Code::read(code).and_then(|code| self.open.iter().position(|offer| offer.code == code));
        match place {
            Some(place) => {
                let offer = self.open.remove(place);
                Ok((offer.platform, offer.sender))
            }
            None => {
                self.wrong_count += 1;
                Err(PairingError::Unknown)
            }
        }
    }

    /// Writes the members of its object.
    #[cfg(feature = "agent")]
    pub(super) fn keep<S: Sink>(&self, out: &mut ObjectWriter<'_, S>) {
        out.field("wrong_count", u64::from(self.wrong_count));
        out.field("wrong_since", self.wrong_since.0);
        out.array("open", |out| {
            for offer in &self.open {
                out.object(|out| {
                    out.field("platform", offer.platform.as_str());
                    out.field("sender", offer.sender.as_str());
                    out.field("code", format!("{}", offer.code).as_str());
                    out.field("offered", offer.offered.0).field("reminded", offer.reminded.0);
                });
            }
        });
    }

    /// Reads it back; `None` if it is not what was kept.
    #[cfg(feature = "agent")]
    pub(super) fn restore(value: Value<'_>) -> Option<Self> {
        let time = |value: Value<'_>, key| Some(Timestamp(value.find(key)?.as_u64().ok()?));
        let mut pairing = Self {
            open: Vec::new(),
            wrong_count: value.find("wrong_count")?.as_u64().ok()?.try_into().ok()?,
            wrong_since: time(value, "wrong_since")?,
        };
        for kept in value.find("open")?.elements().ok()? {
            let text = |key| kept.find(key)?.as_str().ok();
            pairing.open.push(Offer {
                platform: text("platform")?.into(),
                sender: text("sender")?.into(),
                code: Code::read(text("code")?)?,
                offered: time(kept, "offered")?,
                reminded: time(kept, "reminded")?,
            });
        }
        Some(pairing)
    }

    /// The codes that are good now.
    pub(super) fn waiting(&self, now: Timestamp) -> impl Iterator<Item = Waiting<'_>> {
        self.open.iter().filter(move |offer| offer.is_good(now)).map(|offer| Waiting {
            platform: &offer.platform,
            sender: &offer.sender,
            code: format!("{}", offer.code),
            until: offer.offered.after(CHANNEL_CODE_LIFETIME),
        })
    }

    /// Withdraws the code of somebody.
    pub(super) fn withdraw(&mut self, platform: &str, sender: &str) {
        self.open.retain(|offer| offer.platform != platform || offer.sender != sender);
    }
}

impl Offer {
    fn is_good(&self, now: Timestamp) -> bool {
        now >= self.offered && now.since(self.offered) < CHANNEL_CODE_LIFETIME
    }
}

impl Code {
    fn new(entropy: [u8; 16]) -> Self {
        let mut bits = u128::from_le_bytes(entropy);
        let mut letters = [0; CODE_LETTERS];
        for letter in &mut letters {
            // Five bits are below 32, the number of letters.
            *letter = ALPHABET[(bits & 31) as usize];
            bits >>= 5;
        }
        Self(letters)
    }

    /// A code as a person enters it: in any case, with spaces and dashes.
    fn read(text: &str) -> Option<Self> {
        let mut letters = [0; CODE_LETTERS];
        let mut count = 0;
        let mut entered = text.chars().filter(|letter| !matches!(letter, ' ' | '-'));
        for (place, letter) in letters.iter_mut().zip(&mut entered) {
            let letter = u8::try_from(letter.to_ascii_uppercase()).ok()?;
            *place = Some(letter).filter(|letter| ALPHABET.contains(letter))?;
            count += 1;
        }
        (count == CODE_LETTERS && entered.next().is_none()).then_some(Self(letters))
    }

    fn words(&self) -> String {
        format!(
            "I do not know you yet. Give this code to the person who runs me: {self}\n\
             It is good for {} minutes.",
            CHANNEL_CODE_LIFETIME.as_secs() / 60
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(formatter, "{}", char::from(*letter)))
    }
}

/// Why a code lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingError {
    /// No such code is open: it was mistyped, used, or has expired.
    Unknown,
    /// Too many wrong codes were entered.
    TooManyAttempts {
        /// When codes are taken again.
        until: Timestamp,
    },
    /// There are as many people as can be told apart.
    Full,
}

impl fmt::Display for PairingError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => formatter.write_str(
                "no such code is open; it may be mistyped, used or expired: ask for a new one",
            ),
            Self::TooManyAttempts { until } => {
                write!(formatter, "too many wrong codes; codes are taken again at {until}")
            }
            Self::Full => formatter.write_str("no more people can be let in; revoke some first"),
        }
    }
}

impl core::error::Error for PairingError {}

const CODE_LETTERS: usize = 10;

/// Letters and digits that nobody takes for one another: no I, O, 0, 1.
const ALPHABET: [u8; 32] = *b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
