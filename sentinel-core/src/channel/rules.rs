//! The operator's rules: who may talk, and where.
//!
//! # Invariants
//! - No rules mean nobody. There is no entry that means everybody on a platform.
//! - An entry is an exact id in the form that its platform gives out: a blank one, a pattern, a
//!   name or a second entry for the same id is an error, never a rule that is skipped.
//!
//! # Not here
//! The configuration file they come from.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::identity::{IdentityError, IdentityPart, check_id};
use crate::limits::CHANNEL_RULES_MAX;

/// Who may talk to the agent, as the operator wrote it down.
///
/// ```
/// use sentinel_core::channel::{AccessRules, Audience, Standing};
///
/// let rules = AccessRules::new()
///     .person("telegram", "77", Standing::Operator)?
///     .room("telegram", "-1001234", Audience::People)?
///     .pairing("telegram")?;
/// assert!(rules.clone().person("telegram", "", Standing::Person).is_err());
/// assert!(rules.clone().person("telegram", "*", Standing::Person).is_err());
/// assert!(rules.person("telegram", "@ada", Standing::Person).is_err());
/// # Ok::<(), sentinel_core::channel::AccessError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRules {
    pub(super) people: Vec<PersonRule>,
    pub(super) rooms: Vec<RoomRule>,
    pub(super) pairing: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PersonRule {
    pub(super) platform: String,
    pub(super) sender: String,
    pub(super) standing: Standing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RoomRule {
    pub(super) platform: String,
    pub(super) chat: String,
    pub(super) audience: Audience,
}

/// What somebody is to the agent, from most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Runs the agent: may approve and change what it may do. Only the rules make an operator.
    Operator,
    /// May talk: listed in the rules, or paired.
    Person,
    /// May talk in an open room, and nowhere else. What a guest says is a stranger's word.
    Guest,
    /// May not talk any more.
    Revoked,
}

/// Who may talk in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Those of the room who may talk anyway.
    People,
    /// Everybody in the room, as guests.
    Everybody,
}

impl AccessRules {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more person, in private and in the rooms that are named.
    ///
    /// # Errors
    /// The ids are none, or stand there already; or the standing is one that no rule gives.
    pub fn person(
        mut self,
        platform: &str,
        sender: &str,
        standing: Standing,
    ) -> Result<Self, AccessError> {
        if !matches!(standing, Standing::Operator | Standing::Person) {
            return Err(AccessError::Standing);
        }
        check_entry(platform, IdentityPart::Sender, sender)?;
        let stands = |rule: &PersonRule| rule.platform == platform && rule.sender == sender;
        if self.people.iter().any(stands) {
            return Err(AccessError::Twice { entry: shown(platform, sender) });
        }
        has_room(self.people.len())?;
        let (platform, sender) = (platform.into(), sender.into());
        self.people.push(PersonRule { platform, sender, standing });
        Ok(self)
    }

    /// One more room.
    ///
    /// # Errors
    /// The ids are none, or stand there already.
    pub fn room(
        mut self,
        platform: &str,
        chat: &str,
        audience: Audience,
    ) -> Result<Self, AccessError> {
        check_entry(platform, IdentityPart::Chat, chat)?;
        let stands = |rule: &RoomRule| rule.platform == platform && rule.chat == chat;
        if self.rooms.iter().any(stands) {
            return Err(AccessError::Twice { entry: shown(platform, chat) });
        }
        has_room(self.rooms.len())?;
        let (platform, chat) = (platform.into(), chat.into());
        self.rooms.push(RoomRule { platform, chat, audience });
        Ok(self)
    }

    /// The rooms of a platform that the rules name, by id.
    pub fn rooms<'r>(&'r self, platform: &'r str) -> impl Iterator<Item = &'r str> {
        let own = self.rooms.iter().filter(move |rule| rule.platform == platform);
        own.map(|rule| rule.chat.as_str())
    }

    /// Offers codes to strangers in private chats of a platform.
    ///
    /// # Errors
    /// The id is none, or stands there already.
    pub fn pairing(mut self, platform: &str) -> Result<Self, AccessError> {
        check_id(IdentityPart::Platform, platform)?;
        if self.pairing.iter().any(|other| other == platform) {
            return Err(AccessError::Twice { entry: platform.into() });
        }
        has_room(self.pairing.len())?;
        self.pairing.push(platform.into());
        Ok(self)
    }
}

/// Why an entry is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessError {
    /// An id is none.
    Identity(IdentityError),
    /// An id is not in the form its platform gives out: a name, a pattern, a link.
    NotAnId {
        /// The entry, cut short.
        entry: String,
        /// What stands there instead.
        expected: &'static str,
    },
    /// The entry stands there already.
    Twice {
        /// The entry, cut short.
        entry: String,
    },
    /// There are more than [`CHANNEL_RULES_MAX`] entries.
    TooMany,
    /// A rule makes an operator or a person, nothing else.
    Standing,
}

impl fmt::Display for AccessError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(error) => write!(formatter, "an entry of the allowlist: {error}"),
            Self::NotAnId { entry, expected } => {
                write!(formatter, "{entry:?} in the allowlist is no id; {expected}")
            }
            Self::Twice { entry } => {
                write!(formatter, "{entry:?} stands twice in the allowlist; remove one of them")
            }
            Self::TooMany => {
                write!(formatter, "the allowlist has more than {CHANNEL_RULES_MAX} entries")
            }
            Self::Standing => formatter.write_str("the allowlist names operators and persons only"),
        }
    }
}

impl core::error::Error for AccessError {}

impl From<IdentityError> for AccessError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}

fn has_room(count: usize) -> Result<(), AccessError> {
    if count < CHANNEL_RULES_MAX { Ok(()) } else { Err(AccessError::TooMany) }
}

/// Whether an entry is an id of its platform. Platforms that are not known here give out ids of
/// their own kind, which are never patterns.
fn check_entry(platform: &str, part: IdentityPart, id: &str) -> Result<(), AccessError> {
    check_id(IdentityPart::Platform, platform)?;
    check_id(part, id)?;
    let is_number = |id: &str| {
        id.bytes().all(|byte| byte.is_ascii_digit()) && !id.is_empty() && !id.starts_with('0')
    };
    let (is_id, expected) = match (platform, part) {
        ("telegram", IdentityPart::Chat) => {
            let (chat, topic) = id.split_once('/').unwrap_or((id, "1"));
            let is_chat = is_number(chat.strip_prefix('-').unwrap_or(chat));
            let expected = "a chat is a number, such as -1001234, and a topic of it -1001234/5";
            (is_chat && is_number(topic), expected)
        }
        ("discord", IdentityPart::Chat) => {
            let (channel, thread) = id.split_once('/').unwrap_or((id, "1"));
            let expected = "a channel is a number, such as 123456, and a thread of it 123456/789";
            (is_number(channel) && is_number(thread), expected)
        }
        ("telegram" | "discord", _) => (is_number(id), "an id is a number, such as 123456"),
        ("slack", _) => {
            let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            let kinds: [char; 3] =
                if part == IdentityPart::Sender { ['U', 'W', 'W'] } else { ['C', 'G', 'D'] };
            let is_id = id.len() > 1 && id.starts_with(kinds) && id.bytes().all(is_plain);
            (is_id, "an id is such as U0123ABCD for a person, C0123ABCD for a room")
        }
        _ => (!id.contains(['*', '?']), "there are no patterns, only ids"),
    };
    if is_id { Ok(()) } else { Err(AccessError::NotAnId { entry: shown(platform, id), expected }) }
}

/// An entry as an error shows it.
fn shown(platform: &str, id: &str) -> String {
    const CHARACTERS_MAX: usize = 64;
    platform.chars().chain(":".chars()).chain(id.chars()).take(CHARACTERS_MAX).collect()
}
