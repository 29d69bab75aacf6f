//! Snapshots: all that the agent knows, written down, so that a start need not do everything again.
//!
//! One follows from the inputs like any other record: one record for each conversation, under that
//! conversation's key, with whatever is under way in it, one for the rest, and one that says that
//! they are all. The agent then goes on with what it reads back from them, so that whoever starts
//! from them is in the same state to the last bit. What was forgotten is in no snapshot after it;
//! so a conversation's key is destroyed when a snapshot without it is safe.
//!
//! # Invariants
//! - What was written reads back, or the agent keeps what it has and takes no snapshot; it tries
//!   again later, not with every input.
//! - Nothing untrusted becomes trusted by being kept. Trusted text that was too long to keep is
//!   forgotten: then questions are asked that would not have been.
//!
//! # Not here
//! Finding the last snapshot of a log: [`runtime`](crate::runtime).

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::approval::Approvals;
use super::codec::{self, Unreadable, hex, named, number, text, unhex};
use super::conversation::Conversation;
use super::number::{CallNumber, ConversationNumber, DeliveryNumber, Numbers};
use super::outbox::{Order, Say, Saying};
use super::persona::Persona;
use super::record::{Entry, Kind};
use super::sampling::restore_samplings;
use super::settings::Settings;
use super::sharing::Writers;
use super::shown::restore_shown;
use super::skills::restore_standings;
use super::{Agent, SYSTEM, SettingsError, route};
use crate::budget::Budgets;
use crate::capability::{Handle, Table};
use crate::channel::Access;
use crate::limits::{SNAPSHOT_PIECE_BYTES_MAX, SNAPSHOT_RETRY_INPUTS};
use crate::order::{Map, Set};
use crate::text::json::{self, ObjectWriter, Options, Value};
use crate::time::{Instant, Now};

impl Agent {
    /// An input was handled: a snapshot is taken if one is wanted. With many conversations it is
    /// wanted less often, or most of the journal would be snapshots.
    pub(super) fn rest(&mut self) {
        self.inputs_count = self.inputs_count.saturating_add(1);
        let inputs_max = self.settings.snapshot_inputs.max(self.conversations.len() as u64);
        // Guests who come and go have no say in how often everything is written.
        let is_asked = !self.forgetting.is_empty();
        let wanted = match is_asked {
            true => 1,
            false => self.conversations.len() as u64 / GIVING_WAY_SHARE,
        };
        let inputs_max = match is_asked || !self.giving_way.is_empty() {
            false => inputs_max,
            // All of it would be written again for each input, and said to be in vain.
            true if self.has_failed_snapshot => inputs_max.min(wanted.max(SNAPSHOT_RETRY_INPUTS)),
            true => inputs_max.min(wanted),
        };
        if self.inputs_count < inputs_max {
            return;
        }
        self.inputs_count = 0;
        let mut parts: Vec<Entry> = Vec::new();
        for (number, conversation) in &self.conversations {
            let text = json::object(|out| {
                conversation.keep(out);
                conversation.keep_underway(self.approvals.of_conversation(*number), out);
                self.keep_samplings(*number, out);
                self.keep_deliveries(*number, out);
                self.keep_shown(*number, out);
            });
            add_part(*number, text, &mut parts);
        }
        add_part(SYSTEM, json::object(|out| self.keep(out)), &mut parts);
        let system = Entry::new(Kind::Snapshot, SYSTEM, |out| {
            out.field("at", self.now.instant.0).field("parts", parts.len() as u64);
            out.field("settings", hex(&self.settings.digest).as_str());
        });
        match Self::load(self.settings.clone(), &parts, &system, self.now) {
            Ok(loaded) => {
                let outbox = core::mem::take(&mut self.outbox);
                let mut forgetting = core::mem::take(&mut self.forgetting);
                forgetting.append(&mut self.giving_way);
                *self = Self { outbox, ..loaded };
                for part in parts {
                    self.outbox.write(part);
                }
                self.outbox.write(system);
                for conversation in forgetting {
                    self.outbox.order(Order::Forget(conversation));
                }
            }
            Err(error) => {
                self.has_failed_snapshot = true;
                self.alert(alloc::format!("no snapshot could be taken: {error}"));
            }
        }
    }

    fn keep(&self, out: &mut ObjectWriter<'_, String>) {
        out.field("numbers", self.numbers.following() - 1);
        out.field("is_halted", self.is_halted);
        out.field("questions", u64::from(self.approvals.next_number()) - 1);
        out.field("reference_seed", hex(&self.reference_seed).as_str());
        out.object("table", |out| self.table.keep(out));
        out.array("approved", |out| {
            for (handle, conversation) in &self.approved {
                out.object(|out| {
                    out.field("index", u64::from(handle.index));
                    out.field("generation", u64::from(handle.generation));
                    out.field("conversation", conversation.0);
                });
            }
        });
        out.object("route", |out| self.route.keep(out, codec::error_word));
        out.object("budgets", |out| self.budgets.keep(out));
        out.object("access", |out| self.access.keep(out));
        out.object("persona", |out| self.persona.keep(out));
        self.writers.keep(out);
        self.keep_standings(out);
    }

    /// What is being said in a conversation is kept under its key.
    fn keep_deliveries(&self, number: ConversationNumber, out: &mut ObjectWriter<'_, String>) {
        let own = self.deliveries.values().filter(|say| say.conversation == number);
        out.array("deliveries", |out| {
            for say in own {
                out.object(|out| {
                    out.field("delivery", say.delivery.0).field("what", say.what.name());
                    if let Saying::Question(number) = say.what {
                        out.field("question", u64::from(number));
                    }
                    out.field("since", say.since.0).field("text", say.text.as_str());
                });
            }
        });
    }

    /// An agent as a snapshot has it.
    ///
    /// # Errors
    /// The records are no snapshot under these settings.
    pub(crate) fn load(
        settings: Arc<Settings>,
        parts: &[Entry],
        system: &Entry,
        now: Now,
    ) -> Result<Self, Unreadable> {
        let document =
            json::parse(&system.payload).map_err(|error| Unreadable::new(error.to_string()))?;
        if number(document.root(), "parts")? != parts.len() as u64 {
            return Err(Unreadable::new("a part of the snapshot is missing"));
        }
        let unreadable = |what: &'static str| move || Unreadable::new(what);
        let bad = |error: SettingsError| Unreadable::new(error.to_string());
        let (mut conversations, mut deliveries) = (Map::new(), Map::new());
        let (mut places, mut waiting) = (Map::new(), Map::new());
        let (mut active, mut system) = (Set::new(), None);
        let (mut exchanges, mut calls) = (Map::new(), Map::new());
        let (mut fetches, mut shown) = (Map::new(), Map::new());
        let mut samplings = Vec::new();
        for (own, text) in joined(parts)? {
            let document = Options::new().bytes(usize::MAX).parse(text.as_bytes());
            let document = document.map_err(|error| Unreadable::new(error.to_string()))?;
            if own == SYSTEM {
                drop(document);
                system = Some(text);
                continue;
            }
            let value = document.root();
            let mut conversation = Conversation::restore(&settings, value)?;
            conversation.restore_underway(&settings, own, value)?;
            waiting.extend(conversation.restore_questions(own, value)?);
            if let Some(turn) = &conversation.turn {
                active.insert(own);
                exchanges.extend(turn.exchange().map(|exchange| (exchange, own)));
                calls.extend(turn.running_calls().map(|call| (call, own)));
                fetches.extend(turn.fetches().map(|fetch| (fetch, own)));
            }
            restore_samplings(own, value, &mut samplings)?;
            places.insert((conversation.platform.clone(), conversation.chat.clone()), own);
            for kept in value.get("deliveries")?.elements()? {
                let say = restore_delivery(own, kept)?;
                deliveries.insert(say.delivery, say);
            }
            restore_shown(own, value, &mut shown)?;
            conversations.insert(own, conversation);
        }
        for underway in &samplings {
            exchanges
                .extend(underway.exchange().map(|exchange| (exchange, underway.conversation())));
        }
        let system = system.ok_or_else(unreadable("the system"))?;
        let document = Options::new().bytes(usize::MAX).parse(system.as_bytes());
        let document = document.map_err(|error| Unreadable::new(error.to_string()))?;
        let value = document.root();
        let questions = u32::try_from(number(value, "questions")?);
        // A snapshot of before there were references has none.
        let seed = value.find("reference_seed").map(|seed| seed.as_str()).transpose()?;
        let seed = seed.map(unhex).transpose()?;
        let mut route = route(&settings).map_err(bad)?;
        // Nor has one of before it told how models have been.
        if let Some(kept) = value.find("route") {
            let restored = route.restore(kept, codec::error_kind);
            route = restored.ok_or_else(unreadable("how models have been"))?;
        }
        let held = |chat: &Conversation| chat.find_memory().map_or(0, |memory| memory.held.bytes);
        let holding = conversations.iter().filter(|(_, chat)| held(chat) > 0);
        let holding = holding.map(|(number, _)| *number).collect();
        let held_bytes = conversations.values().map(held).sum();
        let guests = conversations.iter().filter(|(_, chat)| chat.guest.is_some());
        let guests = guests.map(|(number, _)| *number).collect();
        let mut agent = Self {
            numbers: Numbers::after(number(value, "numbers")?),
            outbox: Default::default(),
            table: Table::restore(value.get("table")?).ok_or_else(unreadable("the grants"))?,
            approved: restore_approved(value)?,
            route,
            budgets: Budgets::restore(settings.budget.clone(), value.get("budgets")?)
                .ok_or_else(unreadable("the accounts"))?,
            access: Access::restore(settings.access.clone(), value.get("access")?)
                .ok_or_else(unreadable("the people"))?,
            persona: Persona::restore(value.get("persona")?)?,
            writers: Writers::restore(value)?,
            standings: restore_standings(value)?,
            approvals: Approvals::of(
                waiting,
                questions.map_err(|_| Unreadable::new("the questions"))?,
            ),
            conversations,
            places,
            guests,
            turned_away: Set::new(),
            active,
            exchanges,
            calls,
            samplings,
            fetches,
            deliveries,
            shown,
            offered: Default::default(),
            is_halted: value.get("is_halted")?.as_bool()?,
            inputs_count: 0,
            has_failed_snapshot: false,
            forgetting: Vec::new(),
            giving_way: Vec::new(),
            reference_seed: seed.unwrap_or_default(),
            holding,
            held_bytes,
            now,
            settings,
        };
        agent.offer();
        Ok(agent)
    }

    /// When a snapshot was taken, by the agent's clock, and the digest of the settings then.
    pub(crate) fn snapshot_of(system: &Entry) -> Result<(Instant, [u8; 32]), Unreadable> {
        let document =
            json::parse(&system.payload).map_err(|error| Unreadable::new(error.to_string()))?;
        let value = document.root();
        let digest = unhex(value.get("settings")?.as_str()?)?;
        Ok((Instant(number(value, "at")?), digest))
    }
}

fn restore_approved(value: Value<'_>) -> Result<Map<Handle, ConversationNumber>, Unreadable> {
    let small = |value, key| {
        let number = u32::try_from(number(value, key)?);
        number.map_err(|_| Unreadable::new("a number is too large"))
    };
    let kept = value.get("approved")?.elements()?.map(|kept| {
        let handle =
            Handle { index: small(kept, "index")?, generation: small(kept, "generation")? };
        Ok((handle, ConversationNumber(number(kept, "conversation")?)))
    });
    kept.collect()
}

fn restore_delivery(conversation: ConversationNumber, value: Value<'_>) -> Result<Say, Unreadable> {
    Ok(Say {
        delivery: DeliveryNumber(number(value, "delivery")?),
        conversation,
        text: text(value, "text")?,
        what: match value.find("question") {
            Some(number) => {
                let number = u32::try_from(number.as_u64()?);
                Saying::Question(number.map_err(|_| Unreadable::new("a question's number"))?)
            }
            None => named(&SAYINGS, "kind of saying", value.get("what")?.as_str()?)?,
        },
        since: Instant(number(value, "since")?),
    })
}

impl Persona {
    fn keep(&self, out: &mut ObjectWriter<'_, String>) {
        out.optional("pinned", self.pinned.map(|digest| hex(&digest)).as_deref());
        out.optional("text", self.text.as_deref());
        out.field("is_changed", self.changed.is_some());
        if let Some(Some((text, _))) = &self.changed {
            out.field("changed", text.as_str());
        }
        if !self.proposed.is_empty() {
            out.array("proposed", |out| {
                for (call, (text, _)) in &self.proposed {
                    out.object(|out| {
                        out.field("call", call.0).field("text", text.as_str());
                    });
                }
            });
        }
        if let Some(digest) = &self.moved_from {
            out.field("moved_from", hex(digest).as_str());
        }
    }

    fn restore(value: Value<'_>) -> Result<Self, Unreadable> {
        let optional = |key| value.find(key).map(|text| text.as_str()).transpose();
        let pinned = optional("pinned")?.map(unhex).transpose()?;
        let mut persona = Self::new(pinned);
        persona.text = optional("text")?.map(ToString::to_string);
        if value.get("is_changed")?.as_bool()? {
            // What was seen is looked at again, and is what it was.
            persona.look(optional("changed")?.map(ToString::to_string), None);
        }
        // A snapshot of before calls could write it has neither.
        if let Some(proposed) = value.find("proposed") {
            for proposed in proposed.elements()? {
                let call = CallNumber(number(proposed, "call")?);
                persona.propose(call, proposed.get("text")?.as_str()?);
            }
        }
        persona.moved_from = optional("moved_from")?.map(unhex).transpose()?;
        Ok(persona)
    }
}

/// What is said that has no number.
const SAYINGS: [(Saying, &str); 2] = [(Saying::Answer, "answer"), (Saying::Notice, "notice")];

/// Adds a part: one record, or, where no record would take it, several with a piece each.
fn add_part(conversation: ConversationNumber, text: String, parts: &mut Vec<Entry>) {
    if text.len() <= SNAPSHOT_PIECE_BYTES_MAX {
        let payload = text.into_bytes();
        return parts.push(Entry { kind: Kind::SnapshotPart, conversation, payload });
    }
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(SNAPSHOT_PIECE_BYTES_MAX));
        rest = after;
        parts.push(Entry::new(Kind::SnapshotPart, conversation, |out| {
            out.field("piece", piece).field("is_last", rest.is_empty());
        }));
    }
}

/// The texts of the parts, with pieces put together.
fn joined(parts: &[Entry]) -> Result<Vec<(ConversationNumber, Cow<'_, str>)>, Unreadable> {
    let mut texts = Vec::new();
    let mut open: Option<(ConversationNumber, String)> = None;
    for part in parts {
        let text = core::str::from_utf8(&part.payload);
        let text = text.map_err(|_| Unreadable::new("a part of the snapshot is no text"))?;
        if !text.starts_with("{\"piece\":") {
            texts.push((part.conversation, Cow::Borrowed(text)));
            continue;
        }
        let document = json::parse(&part.payload);
        let document = document.map_err(|error| Unreadable::new(error.to_string()))?;
        let (own, mut joined) = open.take().unwrap_or((part.conversation, String::new()));
        if own != part.conversation {
            return Err(Unreadable::new("a piece of the snapshot is of another part"));
        }
        joined.push_str(document.root().get("piece")?.as_str()?);
        match document.root().get("is_last")?.as_bool()? {
            true => texts.push((own, Cow::Owned(joined))),
            false => open = Some((own, joined)),
        }
    }
    match open {
        Some(_) => Err(Unreadable::new("a piece of the snapshot is missing")),
        None => Ok(texts),
    }
}

/// A snapshot because guests' conversations gave way is taken after as many inputs as there are
/// conversations to write, divided by this.
const GIVING_WAY_SHARE: u64 = 16;

#[cfg(test)]
mod tests {
    use super::super::outbox::Line;
    use super::super::{Model, Provider};
    use super::*;
    use crate::llm::Thinking;

    fn agent() -> Agent {
        let mut settings = Settings::nothing();
        settings.models = Vec::from([Model {
            name: "offline".into(),
            provider: Provider::Offline,
            reply_tokens_max: 1000,
            context_tokens_max: 20_000,
            thinking: Thinking::Unset,
            sees_pictures: false,
        }]);
        Agent::new(Arc::new(settings)).unwrap()
    }

    /// How often an operator is alerted, and how often something is forgotten, in so many inputs.
    fn alerts_and_forgotten(agent: &mut Agent, inputs_count: u64) -> (usize, usize) {
        let (mut alerts, mut forgotten) = (0, 0);
        for _ in 0..inputs_count {
            agent.rest();
            while let Some(line) = agent.outbox.take() {
                alerts += usize::from(matches!(line, Line::Order(Order::Alert(_))));
                forgotten += usize::from(matches!(line, Line::Order(Order::Forget(_))));
            }
        }
        (alerts, forgotten)
    }

    /// What is to be forgotten waits for a snapshot, and so does nothing else: one that cannot be
    /// taken is not tried with every input.
    #[test]
    fn a_snapshot_that_cannot_be_taken_is_tried_later() {
        let mut agent = agent();
        let good = agent.settings.clone();
        let mut bad = Settings::clone(&good);
        bad.models.clear();
        agent.settings = Arc::new(bad);
        agent.forgetting.push(ConversationNumber(7));
        assert_eq!(alerts_and_forgotten(&mut agent, 1), (1, 0));
        assert_eq!(alerts_and_forgotten(&mut agent, 2 * SNAPSHOT_RETRY_INPUTS), (2, 0));
        agent.settings = good;
        assert_eq!(alerts_and_forgotten(&mut agent, SNAPSHOT_RETRY_INPUTS), (0, 1));
        // And then at once again.
        agent.forgetting.push(ConversationNumber(8));
        assert_eq!(alerts_and_forgotten(&mut agent, 1), (0, 1));
    }

    /// Each new thread of a guest makes an old one give way once there are many.
    #[test]
    fn a_snapshot_is_not_taken_for_each_guest_that_gives_way() {
        let mut agent = agent();
        agent.giving_way.push(ConversationNumber(7));
        assert_eq!(alerts_and_forgotten(&mut agent, 1), (0, 1), "there is little to write");
        let many = 100 * GIVING_WAY_SHARE;
        agent.crowd(usize::try_from(many).unwrap());
        let mut forgotten_counts = Vec::new();
        for number in 0..200 {
            agent.giving_way.push(ConversationNumber(1000 + number));
            forgotten_counts.push(alerts_and_forgotten(&mut agent, 1).1);
        }
        let snapshots: Vec<_> = forgotten_counts.iter().filter(|count| **count > 0).collect();
        assert_eq!(snapshots, [&100, &100]);
        // An operator does not wait for it.
        agent.forgetting.push(ConversationNumber(8));
        assert_eq!(alerts_and_forgotten(&mut agent, 1), (0, 1));
    }

    /// Nor for one that gives way already: its key goes as soon as an operator says so.
    #[test]
    fn an_operator_hastens_what_gives_way() {
        let mut agent = agent();
        agent.crowd(usize::try_from(10 * GIVING_WAY_SHARE).unwrap());
        let number = ConversationNumber(7);
        agent.giving_way.push(number);
        assert_eq!(alerts_and_forgotten(&mut agent, 1), (0, 0), "it has no haste");
        assert_eq!(agent.forget(number, None).unwrap(), "forgotten: conversation 7");
        assert_eq!(alerts_and_forgotten(&mut agent, 1), (0, 1));
        assert!(agent.forget(number, None).is_err(), "it is gone");
    }

    /// A snapshot that cannot be taken is not tried more often for guests than one that can.
    #[test]
    fn a_snapshot_that_fails_is_not_tried_more_often_for_guests() {
        let mut agent = agent();
        let often = 2 * SNAPSHOT_RETRY_INPUTS;
        agent.crowd(usize::try_from(often * GIVING_WAY_SHARE).unwrap());
        let mut bad = Settings::clone(&agent.settings);
        bad.models.clear();
        agent.settings = Arc::new(bad);
        agent.giving_way.push(ConversationNumber(7));
        assert_eq!(alerts_and_forgotten(&mut agent, often - 1), (0, 0));
        assert_eq!(alerts_and_forgotten(&mut agent, 1), (1, 0));
        assert_eq!(alerts_and_forgotten(&mut agent, often - 1), (0, 0));
        assert_eq!(alerts_and_forgotten(&mut agent, 1), (1, 0));
        // An operator's word is tried again as soon as ever.
        agent.forgetting.push(ConversationNumber(8));
        assert_eq!(alerts_and_forgotten(&mut agent, SNAPSHOT_RETRY_INPUTS), (1, 0));
    }
}
