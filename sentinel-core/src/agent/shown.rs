//! The messages that a chat shows of what is still being said.
//!
//! Where a platform gives a message back only to who knows its id, the id has to outlive the
//! program: an answer whose first words were shown is completed by changing the message that shows
//! them. To change a message twice does no harm, to send one twice does.
//!
//! # Invariants
//! - Ids are kept for what is being said, or will be: they go when that is over, or its
//!   conversation forgotten.
//!
//! # Not here
//! What the messages say: [`Delivery`].

use alloc::string::String;

use super::Agent;
use super::codec::{Unreadable, number, text};
use super::number::{ConversationNumber, DeliveryNumber};
use super::outbox::Say;
use crate::channel::Delivery;
use crate::limits::CHANNEL_SHOWN_MAX;
use crate::order::Map;
use crate::text::json::{ObjectWriter, Value};

/// The platform's ids of the messages of one answer.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    conversation: ConversationNumber,
    messages: Map<usize, String>,
}

impl Agent {
    /// Where something is being said, or will be when its turn comes to it.
    pub(super) fn said_in(&self, delivery: DeliveryNumber) -> Option<ConversationNumber> {
        if let Some(say) = self.deliveries.get(&delivery) {
            return Some(say.conversation);
        }
        let is_its = |number: &&ConversationNumber| {
            let turn = self.conversations.get(number).and_then(|chat| chat.turn.as_ref());
            turn.is_some_and(|turn| turn.delivery == delivery)
        };
        self.active.iter().find(is_its).copied()
    }

    /// This message shows a piece from now on; or none does that anybody knows of.
    pub(super) fn show(&mut self, delivery: DeliveryNumber, piece: usize, message: Option<String>) {
        let Some(conversation) = self.said_in(delivery) else { return };
        let none = Shown { conversation, messages: Map::new() };
        let shown = self.shown.entry(delivery).or_insert(none);
        match message {
            Some(message) if piece < CHANNEL_SHOWN_MAX => {
                shown.messages.insert(piece, message);
            }
            _ => {
                shown.messages.remove(&piece);
            }
        }
        if shown.messages.is_empty() {
            self.shown.remove(&delivery);
        }
    }

    /// The message of a piece, if it is known.
    pub(crate) fn shown_message(&self, delivery: DeliveryNumber, piece: usize) -> Option<&str> {
        self.shown.get(&delivery)?.messages.get(&piece).map(String::as_str)
    }

    /// All messages that are known of what is being said.
    pub(crate) fn shown_messages(
        &self,
        delivery: DeliveryNumber,
    ) -> impl Iterator<Item = (usize, &str)> {
        let shown = self.shown.get(&delivery).into_iter();
        let messages = shown.flat_map(|shown| &shown.messages);
        messages.map(|(piece, message)| (*piece, message.as_str()))
    }

    /// Whether something can be said to its end by changing messages that are there.
    pub(super) fn is_in_place(&self, say: &Say) -> bool {
        let Some((platform, _)) = self.address(say.conversation) else { return false };
        // Whether it streams is of no matter: it is whole.
        let mut delivery =
            Delivery::new(platform, false).showing(self.shown_messages(say.delivery));
        delivery.finish_with(&say.text);
        delivery.is_in_place()
    }

    /// A turn is over; what it said may not have arrived yet.
    pub(super) fn end_shown(&mut self, delivery: DeliveryNumber) {
        if !self.deliveries.contains_key(&delivery) {
            self.shown.remove(&delivery);
        }
    }

    pub(super) fn forget_shown(&mut self, conversation: ConversationNumber) {
        self.shown.retain(|_, shown| shown.conversation != conversation);
    }

    /// A journal of a version that knew no ids has none, and its snapshots stay what they were.
    pub(super) fn keep_shown(
        &self,
        conversation: ConversationNumber,
        out: &mut ObjectWriter<'_, String>,
    ) {
        let own = || self.shown.iter().filter(|(_, shown)| shown.conversation == conversation);
        if own().next().is_none() {
            return;
        }
        out.array("shown", |out| {
            for (delivery, shown) in own() {
                for (piece, message) in &shown.messages {
                    out.object(|out| {
                        out.field("delivery", delivery.0).field("piece", *piece as u64);
                        out.field("message", message.as_str());
                    });
                }
            }
        });
    }
}

/// Reads back what is shown in a conversation.
pub(super) fn restore_shown(
    conversation: ConversationNumber,
    value: Value<'_>,
    all: &mut Map<DeliveryNumber, Shown>,
) -> Result<(), Unreadable> {
    let Some(list) = value.find("shown") else { return Ok(()) };
    for kept in list.elements()? {
        let none = Shown { conversation, messages: Map::new() };
        let shown = all.entry(DeliveryNumber(number(kept, "delivery")?)).or_insert(none);
        shown.messages.insert(piece(kept)?, text(kept, "message")?);
    }
    Ok(())
}

/// The number of a piece.
pub(super) fn piece(value: Value<'_>) -> Result<usize, Unreadable> {
    let piece = usize::try_from(number(value, "piece")?);
    piece.map_err(|_| Unreadable::new("the number of a piece is too large"))
}
