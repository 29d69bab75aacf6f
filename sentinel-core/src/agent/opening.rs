//! Conversations that begin, and whether there is room for one.
//!
//! Whoever may talk may do so in as many threads as their platform has, and a conversation stays
//! until somebody has it forgotten. Guests come unasked, so theirs are a part of all, and a few for
//! each; where that is full, the one of theirs that rested for longest is forgotten, if it rested
//! for long.
//!
//! # Invariants
//! - Nothing is forgotten that goes on, or in which anybody spoke lately: a guest cannot have his
//!   own traces forgotten by writing more.
//! - Whoever is turned away is told so, and operators are told when the last place is taken.
//!
//! # Not here
//! Who may talk: [`channel`](crate::channel).

use alloc::format;

use super::Agent;
use super::conversation::Conversation;
use super::input::SYSTEM;
use super::number::{ConversationNumber, DeliveryNumber};
use super::outbox::Order;
use crate::channel::{Incoming, Person, Platform, Standing};
use crate::limits::{
    CONVERSATIONS_COUNT_MAX, GUEST_CONVERSATION_KEPT, GUEST_CONVERSATIONS_MAX,
    GUESTS_CONVERSATIONS_MAX,
};
use crate::order::Set;
use crate::time::Timestamp;

/// Whether there is room for one more conversation.
enum Room {
    Free,
    /// If this one is forgotten.
    InsteadOf(ConversationNumber),
    Full,
}

impl Agent {
    /// Whether a first message opens a conversation.
    pub(super) fn opens(&self, incoming: &Incoming, now: Timestamp) -> bool {
        self.lets_in(incoming) && !matches!(self.room_for(incoming, now), Room::Full)
    }

    /// The conversation of a message that is let in; it begins with the first one.
    pub(super) fn open(
        &mut self,
        incoming: &Incoming,
        guest: Option<Person>,
    ) -> Option<ConversationNumber> {
        if let Some(known) = self.place(incoming) {
            return Some(known);
        }
        match self.room_for(incoming, self.now.wall) {
            Room::Free => {}
            Room::InsteadOf(oldest) => {
                self.forget(oldest, Some("it rested, and guests need the room")).ok()?;
            }
            Room::Full => return None,
        }
        let number = ConversationNumber(self.numbers.next());
        let identity = &incoming.identity;
        let mut conversation = Conversation::new(&identity.platform, &identity.chat);
        conversation.guest = guest.filter(|_| self.is_guests(incoming));
        if conversation.guest.is_some() {
            self.guests.insert(number);
        }
        let place = (conversation.platform.clone(), conversation.chat.clone());
        self.places.insert(place, number);
        self.conversations.insert(number, conversation);
        if self.conversations.len() == CONVERSATIONS_COUNT_MAX {
            self.alert(format!(
                "there are {CONVERSATIONS_COUNT_MAX} conversations, as many as may be: whoever \
                 writes in another chat is turned away until one is forgotten"
            ));
        }
        Some(number)
    }

    /// Somebody who was let in has spoken: the conversation is a guest's no more.
    pub(super) fn take_over(&mut self, number: ConversationNumber) {
        if let Some(conversation) = self.conversation(number)
            && conversation.guest.take().is_some()
        {
            self.guests.remove(&number);
        }
    }

    /// There is no room for a conversation: its message is ignored. Who wrote it is told, once in a
    /// while: nothing bounds how much somebody is sent with whom there is no conversation.
    pub(super) fn turn_away(&mut self, incoming: &Incoming, person: Person) {
        self.ignored(SYSTEM, incoming, "there are too many conversations");
        if !self.turned_away.insert(person) {
            return;
        }
        self.outbox.order(Order::Greet {
            delivery: DeliveryNumber(self.numbers.next()),
            platform: incoming.identity.platform.clone(),
            chat: incoming.identity.chat.clone(),
            text: TURNED_AWAY.into(),
        });
    }

    /// Whether a message that is let in comes from a guest of an open room. An assistant that
    /// somebody lets in here counts as one only for what it says.
    fn is_guests(&self, incoming: &Incoming) -> bool {
        incoming.identity.platform != Platform::OUTSIDE.name && self.access.is_guest(incoming)
    }

    fn room_for(&self, incoming: &Incoming, now: Timestamp) -> Room {
        let is_full = self.conversations.len() >= CONVERSATIONS_COUNT_MAX;
        if !self.is_guests(incoming) {
            return if is_full { Room::Full } else { Room::Free };
        }
        let theirs = self.guests.iter().filter_map(|number| {
            let conversation = self.conversations.get(number)?;
            // Whoever was let in since is no guest any more.
            let known = self.access.person(conversation.guest?)?;
            let is_let_in = matches!(known.standing, Standing::Operator | Standing::Person);
            (!is_let_in).then_some((*number, conversation))
        });
        // Nobody knows one who never spoke.
        let person = self.access.sender(incoming).map(|(person, _)| person);
        let is_own = |chat: &Conversation| chat.guest == person;
        let has_many =
            theirs.clone().filter(|(_, chat)| is_own(chat)).count() >= GUEST_CONVERSATIONS_MAX;
        if !has_many && !is_full && theirs.clone().count() < GUESTS_CONVERSATIONS_MAX {
            return Room::Free;
        }
        let told: Set<ConversationNumber> =
            self.deliveries.values().map(|say| say.conversation).collect();
        let rests = |number: &ConversationNumber, chat: &Conversation| {
            chat.turn.is_none()
                && chat.queue.is_empty()
                && now.since(chat.heard) >= GUEST_CONVERSATION_KEPT
                && !told.contains(number)
        };
        let resting = theirs.filter(|(_, chat)| !has_many || is_own(chat));
        let resting = resting.filter(|(number, chat)| rests(number, chat));
        match resting.min_by_key(|(number, chat)| (chat.heard, *number)) {
            Some((oldest, _)) => Room::InsteadOf(oldest),
            None => Room::Full,
        }
    }
}

/// What somebody is told with whom there is no room for a conversation.
const TURNED_AWAY: &str = "I have as many conversations as I may, so I cannot begin another one \
                           here. Please write to me where we have spoken before, or come back \
                           later.";
