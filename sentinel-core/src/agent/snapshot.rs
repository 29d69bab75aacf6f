//! Snapshots: all that the agent knows, written down, so that a start need not do everything again.
//!
//! One is taken only while nothing goes on, and follows from the inputs like any other record: one
//! record for each conversation, under that conversation's key, and one for the rest. The agent
//! then goes on with what it reads back from them, so that whoever starts from them is in the same
//! state to the last bit. What was forgotten is in no snapshot after it; so a conversation's key is
//! destroyed when a snapshot without it is safe.
//!
//! # Invariants
//! - What was written reads back, or the agent keeps what it has and takes no snapshot.
//! - Nothing untrusted becomes trusted by being kept. Trusted text that was too long to keep is
//!   forgotten: then questions are asked that would not have been.
//!
//! # Not here
//! Finding the last snapshot of a log: [`runtime`](crate::runtime).

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::approval::Approvals;
use super::codec::{Unreadable, hex, named, number, text, unhex};
use super::conversation::Conversation;
use super::number::{ConversationNumber, DeliveryNumber, Numbers};
use super::outbox::{Order, Say, Saying};
use super::persona::Persona;
use super::record::{Entry, Kind};
use super::settings::Settings;
use super::{Agent, SYSTEM, SettingsError, offered, route};
use crate::budget::Budgets;
use crate::capability::{Handle, Table};
use crate::channel::Access;
use crate::text::json::{self, ObjectWriter, Value};
use crate::time::{Instant, Now};

impl Agent {
    /// An input was handled: a snapshot is taken if one is wanted and nothing goes on.
    pub(super) fn rest(&mut self) {
        self.inputs_count = self.inputs_count.saturating_add(1);
        let is_due =
            self.inputs_count >= self.settings.snapshot_inputs || !self.forgetting.is_empty();
        if !is_due || !self.active.is_empty() || !self.exchanges.is_empty() {
            return;
        }
        self.inputs_count = 0;
        let parts: Vec<Entry> = self
            .conversations
            .iter()
            .map(|(number, conversation)| {
                Entry::new(Kind::SnapshotPart, *number, |out| {
                    conversation.keep(out);
                    self.keep_deliveries(*number, out);
                })
            })
            .collect();
        let system = Entry::new(Kind::Snapshot, SYSTEM, |out| self.keep(parts.len(), out));
        match Self::load(self.settings.clone(), &parts, &system, self.now) {
            Ok(loaded) => {
                let outbox = core::mem::take(&mut self.outbox);
                *self =
                    Self { outbox, forgetting: core::mem::take(&mut self.forgetting), ..loaded };
                for part in parts {
                    self.outbox.write(part);
                }
                self.outbox.write(system);
                for conversation in core::mem::take(&mut self.forgetting) {
                    self.outbox.order(Order::Forget(conversation));
                }
            }
            Err(error) => self.alert(alloc::format!("no snapshot could be taken: {error}")),
        }
    }

    fn keep(&self, parts_count: usize, out: &mut ObjectWriter<'_, String>) {
        out.field("at", self.now.instant.0).field("parts", parts_count as u64);
        out.field("settings", hex(&self.settings.digest).as_str());
        out.field("numbers", self.numbers.following() - 1);
        out.field("is_halted", self.is_halted);
        out.field("questions", u64::from(self.approvals.next_number()) - 1);
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
        out.object("budgets", |out| self.budgets.keep(out));
        out.object("access", |out| self.access.keep(out));
        out.object("persona", |out| self.persona.keep(out));
    }

    /// What is being said in a conversation is kept under its key.
    fn keep_deliveries(&self, number: ConversationNumber, out: &mut ObjectWriter<'_, String>) {
        let own = self.deliveries.values().filter(|say| say.conversation == number);
        out.array("deliveries", |out| {
            for say in own {
                out.object(|out| {
                    out.field("delivery", say.delivery.0).field("what", say.what.name());
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
        let value = document.root();
        if number(value, "parts")? != parts.len() as u64 {
            return Err(Unreadable::new("a part of the snapshot is missing"));
        }
        let unreadable = |what: &'static str| move || Unreadable::new(what);
        let bad = |error: SettingsError| Unreadable::new(error.to_string());
        let (mut conversations, mut deliveries) = (BTreeMap::new(), BTreeMap::new());
        let mut places = BTreeMap::new();
        for part in parts {
            let document =
                json::parse(&part.payload).map_err(|error| Unreadable::new(error.to_string()))?;
            let conversation = Conversation::restore(&settings, document.root())?;
            let place = (conversation.platform.clone(), conversation.chat.clone());
            places.insert(place, part.conversation);
            for kept in document.root().get("deliveries")?.elements()? {
                let say = restore_delivery(part.conversation, kept)?;
                deliveries.insert(say.delivery, say);
            }
            conversations.insert(part.conversation, conversation);
        }
        let questions = u32::try_from(number(value, "questions")?);
        Ok(Self {
            numbers: Numbers::after(number(value, "numbers")?),
            outbox: Default::default(),
            table: Table::restore(value.get("table")?).ok_or_else(unreadable("the grants"))?,
            approved: restore_approved(value)?,
            route: route(&settings).map_err(bad)?,
            budgets: Budgets::restore(settings.budget.clone(), value.get("budgets")?)
                .ok_or_else(unreadable("the accounts"))?,
            access: Access::restore(settings.access.clone(), value.get("access")?)
                .ok_or_else(unreadable("the people"))?,
            persona: Persona::restore(value.get("persona")?)?,
            approvals: Approvals::after(questions.map_err(|_| Unreadable::new("the questions"))?),
            conversations,
            places,
            active: Default::default(),
            exchanges: Default::default(),
            calls: Default::default(),
            fetches: Default::default(),
            deliveries,
            offered: offered(&settings),
            is_halted: value.get("is_halted")?.as_bool()?,
            inputs_count: 0,
            forgetting: Vec::new(),
            now,
            settings,
        })
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

fn restore_approved(value: Value<'_>) -> Result<BTreeMap<Handle, ConversationNumber>, Unreadable> {
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
        what: named(&SAYINGS, "kind of saying", value.get("what")?.as_str()?)?,
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
    }

    fn restore(value: Value<'_>) -> Result<Self, Unreadable> {
        let optional = |key| value.find(key).map(|text| text.as_str()).transpose();
        let pinned = optional("pinned")?.map(unhex).transpose()?;
        let mut persona = Self::new(pinned);
        persona.text = optional("text")?.map(ToString::to_string);
        if value.get("is_changed")?.as_bool()? {
            // What was seen is looked at again, and is what it was.
            persona.look(optional("changed")?.map(ToString::to_string));
        }
        Ok(persona)
    }
}

const SAYINGS: [(Saying, &str); 3] =
    [(Saying::Answer, "answer"), (Saying::Question(0), "question"), (Saying::Notice, "notice")];
