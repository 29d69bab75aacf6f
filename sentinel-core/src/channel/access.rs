//! Access: whom the agent listens to.
//!
//! Nobody by default. Whoever is not let in is not answered at all, so that a stranger cannot tell
//! an agent that ignores him from an account that nobody reads; only where the operator allows
//! pairing, and only in private, he gets a code.
//!
//! # Invariants
//! - A message is admitted by exact ids alone: platform and sender, and in a room platform and chat
//!   as well. No name, and nothing a message says, plays a part.
//! - A room is admitted by a rule for that room, never because somebody in it is known; a topic in
//!   it, whose id is the room's and its own after a `/`, is admitted with the room.
//! - A program is never answered, whoever it is.
//! - A [`Person`] is one sender on one platform for as long as this value lives; the same calls
//!   give the same numbers.
//!
//! # Not here
//! Which commands a person may use, and the label of what he says: the agent.

#[cfg(feature = "agent")]
mod kept;

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use super::identity::Identity;
use super::incoming::Incoming;
use super::pairing::{Asked, Pairing, PairingError, Waiting};
use super::rules::{AccessRules, Audience, RoomRule, Standing};
use crate::limits::{CHANNEL_GUESTS_MAX, CHANNEL_PEOPLE_MAX};
use crate::time::Timestamp;

/// Who may talk, and who waits to be let in.
///
/// ```
/// use sentinel_core::channel::{Access, AccessRules, Admission, Identity, Incoming, Standing};
/// use sentinel_core::time::Timestamp;
///
/// let rules = AccessRules::new().person("telegram", "77", Standing::Operator)?;
/// let mut access = Access::new(rules);
/// let mut message = Incoming {
///     identity: Identity::new("telegram", "77", "77")?,
///     id: "1".into(),
///     is_private: true,
///     is_from_bot: false,
///     name: "Ada".into(),
///     parts: vec![],
///     sent: Timestamp(0),
/// };
/// let entropy = [0; 16]; // the shell's
/// let admission = access.admit(&message, entropy, Timestamp(0));
/// assert!(matches!(admission, Admission::Allow { is_operator: true, .. }));
///
/// message.identity.sender = "78".into();
/// let admission = access.admit(&message, entropy, Timestamp(0));
/// assert!(matches!(admission, Admission::Ignore { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Access {
    /// By number.
    people: Vec<Known>,
    /// The same, by platform and sender.
    order: Vec<u32>,
    rooms: Vec<RoomRule>,
    paired_on: Vec<String>,
    pairing: Pairing,
}

/// Somebody: one sender on one platform, under a small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person(pub u32);

impl fmt::Display for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "p{}", self.0)
    }
}

/// Somebody, as the agent knows him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// His number.
    pub person: Person,
    /// The platform.
    pub platform: String,
    /// His id there.
    pub sender: String,
    /// What he is to the agent.
    pub standing: Standing,
    /// Whether it is the rules that let him in.
    pub is_ruled: bool,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is for the agent.
    Allow {
        /// Who sent it.
        person: Person,
        /// Whether he runs the agent.
        is_operator: bool,
        /// Whether he is only there because the room is open: his words are a stranger's.
        is_guest: bool,
    },
    /// The stranger is sent these words, and the message goes no further.
    OfferCode {
        /// The words.
        text: String,
    },
    /// Nothing at all happens.
    Ignore {
        /// Why, for the journal.
        why: Ignored,
    },
}

/// Why a message is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ignored {
    /// An id in it is none.
    Malformed,
    /// A program sent it.
    Bot,
    /// It comes from a room that no rule names.
    RoomNotAllowed,
    /// Nobody let the sender in.
    Stranger,
    /// The sender was let in once, and is not any more.
    Revoked,
    /// The sender has a code and was told so a moment ago.
    AskedTooSoon,
    /// As many strangers as may have codes.
    TooManyCodes,
    /// As many people as can be told apart.
    TooManyPeople,
}

impl fmt::Display for Ignored {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "an id in it is none",
            Self::Bot => "a program sent it",
            Self::RoomNotAllowed => "no rule names the room",
            Self::Stranger => "nobody let the sender in",
            Self::Revoked => "the sender is let in no longer",
            Self::AskedTooSoon => "the sender was told a code a moment ago",
            Self::TooManyCodes => "as many strangers as may have codes",
            Self::TooManyPeople => "as many people are known as can be told apart",
        })
    }
}

impl Access {
    /// Those whom the rules name, numbered in their order.
    #[must_use]
    pub fn new(rules: AccessRules) -> Self {
        let mut access = Self {
            people: Vec::new(),
            order: Vec::new(),
            rooms: rules.rooms,
            paired_on: rules.pairing,
            pairing: Pairing::default(),
        };
        for rule in &rules.people {
            // The rules are fewer than the people that fit.
            if let Some(person) = access.know(&rule.platform, &rule.sender, rule.standing) {
                access.rule(person);
            }
        }
        access
    }

    /// Takes the rules of another value, and keeps the numbers and those who were paired.
    pub fn adopt(&mut self, rules: AccessRules) {
        let fresh = Self::new(rules);
        for known in self.people.iter_mut().filter(|known| known.is_ruled) {
            // Whom only the old rules named is not let in any more.
            if fresh.find(&known.platform, &known.sender).is_none() {
                known.standing = Standing::Revoked;
                known.is_ruled = false;
            }
        }
        for ruled in &fresh.people {
            let known = self.find(&ruled.platform, &ruled.sender);
            // Whom an operator shut out stays out, although the rules name him still.
            if known.is_some_and(|known| known.is_ruled && known.standing == Standing::Revoked) {
                continue;
            }
            if let Some(person) = self.know(&ruled.platform, &ruled.sender, ruled.standing) {
                self.rule(person);
            }
        }
        self.rooms = fresh.rooms;
        self.paired_on = fresh.paired_on;
    }

    /// Whether a message would be let in. Changes nothing.
    #[must_use]
    pub fn allows(&self, incoming: &Incoming) -> bool {
        let identity = &incoming.identity;
        if identity.check().is_err() || incoming.is_from_bot {
            return false;
        }
        let standing = self.find(&identity.platform, &identity.sender).map(|known| known.standing);
        match (incoming.is_private, self.audience(incoming), standing) {
            (_, _, Some(Standing::Revoked)) => false,
            (true, _, Some(Standing::Operator | Standing::Person)) => true,
            (true, ..) | (false, None, _) => false,
            (false, Some(Audience::People), Some(Standing::Operator | Standing::Person)) => true,
            (false, Some(Audience::People), _) => false,
            (false, Some(Audience::Everybody), Some(_)) => true,
            (false, Some(Audience::Everybody), None) => self.has_room_for_guest(),
        }
    }

    /// Decides about a message. The entropy is used up only when a code is offered.
    pub fn admit(
        &mut self,
        incoming: &Incoming,
        code_entropy: [u8; 16],
        now: Timestamp,
    ) -> Admission {
        let identity = &incoming.identity;
        let ignore = |why| Admission::Ignore { why };
        if identity.check().is_err() {
            return ignore(Ignored::Malformed);
        }
        if incoming.is_from_bot {
            return ignore(Ignored::Bot);
        }
        let known = self.find(&identity.platform, &identity.sender);
        let standing = known.map(|known| known.standing);
        if let Some((known, Standing::Operator | Standing::Person)) = known.zip(standing) {
            let is_operator = known.standing == Standing::Operator;
            return match incoming.is_private || self.audience(incoming).is_some() {
                true => Admission::Allow { person: known.person, is_operator, is_guest: false },
                false => ignore(Ignored::RoomNotAllowed),
            };
        }
        if !incoming.is_private {
            return match self.audience(incoming) {
                None => ignore(Ignored::RoomNotAllowed),
                Some(_) if standing == Some(Standing::Revoked) => ignore(Ignored::Revoked),
                Some(Audience::People) => ignore(Ignored::Stranger),
                Some(Audience::Everybody) => self.greet(incoming),
            };
        }
        if !self.paired_on.contains(&identity.platform) {
            let is_revoked = standing == Some(Standing::Revoked);
            return ignore(if is_revoked { Ignored::Revoked } else { Ignored::Stranger });
        }
        match self.pairing.ask(&identity.platform, &identity.sender, code_entropy, now) {
            Asked::Offer(text) => Admission::OfferCode { text },
            Asked::TooSoon => ignore(Ignored::AskedTooSoon),
            Asked::TooMany => ignore(Ignored::TooManyCodes),
        }
    }

    /// Who sent a message that is let in, and whether he is an operator; `None` if it is not, or if
    /// nobody knows him yet.
    #[cfg(feature = "agent")]
    pub(crate) fn sender(&self, incoming: &Incoming) -> Option<(Person, bool)> {
        let identity = &incoming.identity;
        let known = self.find(&identity.platform, &identity.sender)?;
        self.allows(incoming).then_some((known.person, known.standing == Standing::Operator))
    }

    /// Whether a message that is let in is only so because its room is open.
    #[cfg(feature = "agent")]
    pub(crate) fn is_guest(&self, incoming: &Incoming) -> bool {
        let known = self.find(&incoming.identity.platform, &incoming.identity.sender);
        !matches!(known.map(|known| known.standing), Some(Standing::Operator | Standing::Person))
    }

    /// Lets in the stranger who was offered this code. For operators only. Whom the rules have let
    /// in meanwhile, an operator among them, stays what they say.
    ///
    /// # Errors
    /// No such code is open, too many wrong ones were entered, or there is no room for more people.
    pub fn approve(&mut self, code: &str, now: Timestamp) -> Result<Person, PairingError> {
        let (platform, sender) = self.pairing.redeem(code, now)?;
        let known = self.find(&platform, &sender);
        let standing = match known.map(|known| known.standing) {
            Some(Standing::Operator) => Standing::Operator,
            _ => Standing::Person,
        };
        self.know(&platform, &sender, standing).ok_or(PairingError::Full)
    }

    /// Throws away the code that a stranger was offered, and says whose it was: platform and
    /// sender. For operators only.
    ///
    /// # Errors
    /// No such code is open, or too many wrong ones were entered.
    pub fn refuse(&mut self, code: &str, now: Timestamp) -> Result<(String, String), PairingError> {
        self.pairing.redeem(code, now)
    }

    /// The codes that wait for an operator.
    pub fn codes(&self, now: Timestamp) -> impl Iterator<Item = Waiting<'_>> {
        self.pairing.waiting(now)
    }

    /// Shuts somebody out, in private and in rooms; says whether he was in. It lasts until he is
    /// paired anew, or until the rules have left him out and name him again.
    pub fn revoke(&mut self, person: Person) -> bool {
        let index = usize::try_from(person.0).unwrap_or(usize::MAX);
        let Some(known) = self.people.get_mut(index) else { return false };
        self.pairing.withdraw(&known.platform, &known.sender);
        core::mem::replace(&mut known.standing, Standing::Revoked) != Standing::Revoked
    }

    /// Everybody who has a number, in the order of numbers.
    pub fn people(&self) -> impl Iterator<Item = &Known> {
        self.people.iter()
    }

    /// Somebody by number.
    #[must_use]
    pub fn person(&self, person: Person) -> Option<&Known> {
        self.people.get(usize::try_from(person.0).ok()?)
    }

    /// Whether somebody may talk, somewhere.
    #[must_use]
    pub fn is_in(&self, person: Person) -> bool {
        self.person(person).is_some_and(|known| known.standing != Standing::Revoked)
    }

    /// Somebody is let in by the rules, and only as long as they say so.
    fn rule(&mut self, person: Person) {
        let index = usize::try_from(person.0).unwrap_or(usize::MAX);
        if let Some(known) = self.people.get_mut(index) {
            known.is_ruled = true;
        }
    }

    /// Lets a guest of an open room speak there.
    fn greet(&mut self, incoming: &Incoming) -> Admission {
        let identity = &incoming.identity;
        // Guests come unasked, and leave room for those who are let in.
        let is_new = self.find(&identity.platform, &identity.sender).is_none();
        if is_new && !self.has_room_for_guest() {
            return Admission::Ignore { why: Ignored::TooManyPeople };
        }
        match self.know(&identity.platform, &identity.sender, Standing::Guest) {
            Some(person) => Admission::Allow { person, is_operator: false, is_guest: true },
            None => Admission::Ignore { why: Ignored::TooManyPeople },
        }
    }

    fn has_room_for_guest(&self) -> bool {
        let guests = self.people.iter().filter(|known| known.standing == Standing::Guest);
        self.people.len() < CHANNEL_PEOPLE_MAX && guests.count() < CHANNEL_GUESTS_MAX
    }

    /// Who may talk in the room of a message, if a rule names it.
    fn audience(&self, incoming: &Incoming) -> Option<Audience> {
        let Identity { platform, chat, .. } = &incoming.identity;
        let rule_for = |chat: &str| {
            self.rooms.iter().find(|rule| rule.platform == *platform && rule.chat == chat)
        };
        // A topic or a thread is a part of its room, unless a rule of its own says otherwise. Where
        // a thread has an id of its own, a rule may name that alone.
        let part = chat.split_once('/');
        let thread =
            part.filter(|_| platform == "discord").and_then(|(_, thread)| rule_for(thread));
        let room = || part.and_then(|(room, _)| rule_for(room));
        rule_for(chat).or(thread).or_else(room).map(|rule| rule.audience)
    }

    fn find(&self, platform: &str, sender: &str) -> Option<&Known> {
        let place = self.place(platform, sender).ok()?;
        self.person(Person(*self.order.get(place)?))
    }

    /// Where somebody stands in the order, or would stand.
    fn place(&self, platform: &str, sender: &str) -> Result<usize, usize> {
        self.order.binary_search_by(|number| match self.person(Person(*number)) {
            Some(known) => (&*known.platform, &*known.sender).cmp(&(platform, sender)),
            None => Ordering::Greater,
        })
    }

    /// Gives somebody a standing, and a number if he has none. `None` if there is no room.
    fn know(&mut self, platform: &str, sender: &str, standing: Standing) -> Option<Person> {
        match self.place(platform, sender) {
            Ok(place) => {
                let person = Person(*self.order.get(place)?);
                let known = self.people.get_mut(usize::try_from(person.0).ok()?)?;
                known.standing = standing;
                Some(person)
            }
            Err(place) => {
                if self.people.len() >= CHANNEL_PEOPLE_MAX {
                    return None;
                }
                let person = Person(u32::try_from(self.people.len()).ok()?);
                let (platform, sender) = (platform.into(), sender.into());
                self.people.push(Known { person, platform, sender, standing, is_ruled: false });
                self.order.insert(place, person.0);
                Some(person)
            }
        }
    }
}

#[cfg(test)]
mod tests;
