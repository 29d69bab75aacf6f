//! The agent: everything that is decided, as one value.
//!
//! It is told what happened, one input at a time, and answers with records to
//! write and orders to carry out. It holds no socket, no clock and no chance: time and entropy come
//! with the inputs. So the same inputs make the same decisions, which is what restarting after a
//! crash, replaying for an auditor and simulating a thousand worlds have in common.
//!
//! # Invariants
//! - No tool runs and no model is asked without a handle of a grant that covers it at that moment.
//! - A message that was let in is answered once: with an answer, or with the reason for none.
//! - A tool call is made once, unless its tool says that twice is as good.
//! - What comes late, twice, or for something that is over changes nothing.
//!
//! # Not here
//! The disk, the network and the words on their way: [`runtime`](crate::runtime).

mod alerting;
mod approval;
mod asking;
mod authority;
mod calling;
mod changing;
mod codec;
mod command;
mod conversation;
mod eliciting;
mod extracting;
mod fetching;
mod form;
mod held;
mod history;
pub(crate) mod input;
mod intake;
mod kept;
mod letting_out;
mod number;
mod opening;
mod operating;
mod operator;
pub(crate) mod outbox;
mod outside;
mod passing;
mod persona;
mod questions;
mod reconfigure;
mod record;
mod referring;
mod repetition;
mod restart;
mod sampling;
mod settings;
mod sharing;
mod shown;
mod skills;
mod snapshot;
mod timing;
mod turn;
mod underway;
mod view;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use self::approval::{Approvals, By};
use self::conversation::Conversation;
use self::input::{DeliveryOutcome, Input, SYSTEM};
use self::number::Numbers;
use self::outbox::{Order, Outbox, Say, Saying};
use self::persona::Persona;
use self::sampling::Underway;
use self::sharing::Writers;
use self::shown::Shown;
use self::skills::Standing;
use self::turn::{End, Turn};
use crate::budget::Budgets;
use crate::capability::{Grant, Handle, Table};
use crate::channel::{Access, Incoming, Person, Platform};
use crate::fault::{Fault, is_broken};
use crate::llm::ToolDefinition;
use crate::llm::route::{Route, RouteError};
use crate::order::{Map, Set};
use crate::time::{Instant, Now, Timestamp};

pub use self::approval::Answer;
pub(crate) use self::authority::MayRun;
pub use self::authority::{Covering, Explained, Need, Unexplained, Wondered, explain_call};
pub use self::codec::Unreadable;
pub(crate) use self::codec::hex;
#[cfg(test)]
pub(crate) use self::conversation::own_words as own_words_of;
pub use self::eliciting::Told;
pub(crate) use self::fetching::Fetch;
pub use self::fetching::{ATTACHMENTS, Fetched, passed_over};
pub use self::history::{History, Invalid, Trimmed, Window, cut};
pub use self::input::ToolOutput;
pub use self::number::{
    CallNumber, ConversationNumber, DeliveryNumber, ExchangeNumber, FetchNumber, TurnNumber,
};
pub use self::operator::{OperatorCommand, Refusal};
pub use self::outside::{OutsideCall, OutsideOutcome};
pub(crate) use self::record::Entry;
pub use self::record::Kind;
pub use self::repetition::Repetition;
pub use self::sampling::{Sampled, Sampling, Unsampled};
pub use self::settings::{Model, Provider, Settings, TurnRules};
pub use self::skills::{Installed, SkillState, SkillView};
pub use self::view::{Chat, Granted, Origin, Seen, Status};

/// The agent.
#[derive(Debug)]
pub(crate) struct Agent {
    settings: Arc<Settings>,
    numbers: Numbers,
    outbox: Outbox,
    table: Table,
    /// Grants that came of an answer "always", and where it was given.
    approved: Map<Handle, ConversationNumber>,
    route: Route,
    budgets: Budgets,
    access: Access,
    persona: Persona,
    /// Who wrote in the workspace while strangers had a say.
    writers: Writers,
    /// What operators said about skills, by their names.
    standings: Map<String, Standing>,
    approvals: Approvals,
    conversations: Map<ConversationNumber, Conversation>,
    places: Map<(Box<str>, Box<str>), ConversationNumber>,
    /// Conversations that guests began, and nobody else has spoken in.
    guests: Set<ConversationNumber>,
    /// Who was told that there is no room for a conversation with them. A snapshot leaves them out,
    /// and they may be told again.
    turned_away: Set<Person>,
    /// Conversations that have a turn.
    active: Set<ConversationNumber>,
    exchanges: Map<ExchangeNumber, ConversationNumber>,
    calls: Map<CallNumber, ConversationNumber>,
    /// What servers of calls would have models answer.
    samplings: Vec<Underway>,
    /// Files that are on their way.
    fetches: Map<FetchNumber, ConversationNumber>,
    /// What was said and has not arrived as far as anybody knows.
    deliveries: Map<DeliveryNumber, Say>,
    /// The messages that show a part of it, or of an answer that a turn is still working on.
    shown: Map<DeliveryNumber, Shown>,
    /// What models are told of the tools: all of them, and all but the plan.
    offered: Arc<Vec<ToolDefinition>>,
    /// Whether an operator stopped the intake.
    is_halted: bool,
    /// Inputs since the last snapshot.
    inputs_count: u64,
    /// Whether the last snapshot that was wanted could not be taken.
    has_failed_snapshot: bool,
    /// Conversations that are forgotten with the next snapshot, which is taken for them.
    forgetting: Vec<ConversationNumber>,
    /// Those of guests that made room for others, and wait for a snapshot with less haste.
    giving_way: Vec<ConversationNumber>,
    /// What no one outside knows, from which the names of contents are made.
    reference_seed: [u8; 32],
    /// Conversations for which contents are kept, and how much of it there is.
    holding: Set<ConversationNumber>,
    held_bytes: usize,
    now: Now,
}

impl Agent {
    /// An agent to which nothing has happened.
    ///
    /// # Errors
    /// The settings cannot be worked with.
    pub(crate) fn new(settings: Arc<Settings>) -> Result<Self, SettingsError> {
        let mut agent = Self {
            numbers: Numbers::default(),
            outbox: Outbox::default(),
            table: Table::new(),
            approved: Map::new(),
            route: route(&settings)?,
            budgets: Budgets::new(settings.budget.clone()),
            access: Access::new(settings.access.clone()),
            persona: Persona::new(settings.persona),
            writers: Writers::default(),
            standings: Map::new(),
            approvals: Approvals::default(),
            conversations: Map::new(),
            places: Map::new(),
            guests: Set::new(),
            turned_away: Set::new(),
            active: Set::new(),
            exchanges: Map::new(),
            calls: Map::new(),
            samplings: Vec::new(),
            fetches: Map::new(),
            deliveries: Map::new(),
            shown: Map::new(),
            offered: Default::default(),
            is_halted: false,
            inputs_count: 0,
            has_failed_snapshot: false,
            forgetting: Vec::new(),
            giving_way: Vec::new(),
            reference_seed: [0; 32],
            holding: Set::new(),
            held_bytes: 0,
            now: Now { instant: Instant(0), wall: Timestamp(0) },
            settings,
        };
        agent.check_tools()?;
        agent.grant_settings()?;
        agent.offer();
        Ok(agent)
    }

    /// Takes what happened. What follows is in the [outbox](Self::take).
    pub(crate) fn handle(&mut self, now: Now, input: Input) {
        self.now = now;
        match input {
            // Settings come as an argument of their own: see `start` and `reconfigure`.
            Input::Started { .. } | Input::Reconfigured { .. } => {}
            Input::Message { incoming, entropy } => {
                self.stir(&entropy);
                self.message(incoming, entropy);
            }
            Input::Reply { exchange, reply } => self.reply(exchange, reply),
            Input::ReplyFailed { exchange, error, usage, was_shown, has_begun, entropy } => {
                self.reply_failed(exchange, &error, usage, (was_shown, has_begun), entropy);
            }
            Input::PictureGone { exchange, digest } => self.picture_gone(exchange, &digest),
            Input::ToolFinished { call, output } => self.tool_finished(call, output),
            Input::CallWithheld { call, why } => self.call_withheld(call, why),
            // What is decided about it was decided outside; it is here to be in the log.
            Input::Passage { .. } => {}
            Input::CallAsks { call, number, words, schema, stops_clock } => {
                self.call_asks((call, number), (&words, &schema), stops_clock);
            }
            Input::CallUnasks { call, number } => self.call_unasks(call, number),
            Input::CallSamples { call, number, sampling } => {
                self.call_samples((call, number), sampling);
            }
            Input::Fetched { fetch, fetched } => self.fetched(fetch, fetched),
            Input::Shown { delivery, piece, message } => self.show(delivery, piece, message),
            Input::Delivered { delivery, outcome } => {
                let uncertain = outcome == DeliveryOutcome::Uncertain;
                let say = self.delivered(delivery, outcome).filter(|_| uncertain);
                if let Some(say) = say.filter(|say| say.what == Saying::Answer) {
                    let text = "It is not known whether my answer arrived. If it did not, please \
                                ask again.";
                    self.notice(say.conversation, text.into());
                }
            }
            Input::Operator { request, command } => self.operator(request, command),
            Input::Timer => self.timers(),
            Input::PersonaRead { text } => self.persona_read(text),
            Input::SkillDiffers { skill, digest } => self.skill_differs(&skill, digest),
        }
        self.rest();
    }

    /// Names of contents are not to be guessed, so chance goes into them whenever there is some.
    fn stir(&mut self, entropy: &[u8; 16]) {
        let mut hash = Sha256::new();
        hash.update(b"sentinel reference seed 1\n");
        hash.update(self.reference_seed);
        hash.update(entropy);
        self.reference_seed = hash.finalize().into();
    }

    /// The next thing that follows from what happened.
    pub(crate) fn take(&mut self) -> Option<outbox::Line> {
        self.outbox.take()
    }

    /// When the agent wants to be told that time has passed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let turns = self.active.iter().filter_map(|conversation| {
            self.conversations.get(conversation)?.turn.as_ref()?.deadline()
        });
        turns.chain(self.approvals.deadline()).chain(self.samplings_deadline()).min()
    }

    /// Whose record an input is: the key it is sealed with is that conversation's. A first message
    /// opens a conversation, so its number is known before it is handled.
    pub(crate) fn conversation_of(&self, input: &Input, now: Timestamp) -> ConversationNumber {
        let found = match input {
            Input::Message { incoming, .. } => match self.place(incoming) {
                Some(known) => Some(known),
                None => {
                    let opens = self.opens(incoming, now);
                    opens.then(|| ConversationNumber(self.numbers.following()))
                }
            },
            Input::Reply { exchange, .. }
            | Input::ReplyFailed { exchange, .. }
            | Input::PictureGone { exchange, .. } => self.exchanges.get(exchange).copied(),
            Input::ToolFinished { call, .. }
            | Input::CallWithheld { call, .. }
            | Input::CallAsks { call, .. }
            | Input::CallUnasks { call, .. }
            | Input::CallSamples { call, .. }
            | Input::Passage { call, .. } => self.calls.get(call).copied(),
            Input::Fetched { fetch, .. } => self.fetches.get(fetch).copied(),
            // What is said to a question of a conversation is forgotten with it.
            Input::Operator { command: OperatorCommand::Fill { question, .. }, .. } => {
                self.approvals.find(*question).map(|known| known.conversation)
            }
            Input::Shown { delivery, .. } | Input::Delivered { delivery, .. } => {
                self.said_in(*delivery)
            }
            _ => None,
        };
        found.unwrap_or(SYSTEM)
    }

    /// Whether what a message says can matter: its sender is let in.
    pub(crate) fn lets_in(&self, incoming: &Incoming) -> bool {
        self.platform(&incoming.identity.platform).is_some() && self.access.allows(incoming)
    }

    /// Whether somebody still waits for this.
    pub(crate) fn waits_for(&self, input: &Input) -> bool {
        match input {
            Input::Reply { exchange, .. }
            | Input::ReplyFailed { exchange, .. }
            | Input::PictureGone { exchange, .. } => self.exchanges.contains_key(exchange),
            Input::ToolFinished { call, .. }
            | Input::CallWithheld { call, .. }
            | Input::CallAsks { call, .. }
            | Input::CallUnasks { call, .. }
            | Input::CallSamples { call, .. }
            | Input::Passage { call, .. } => self.calls.contains_key(call),
            Input::Fetched { fetch, .. } => self.waits_for_file(*fetch),
            Input::Shown { delivery, .. } => self.said_in(*delivery).is_some(),
            Input::Delivered { delivery, .. } => self.deliveries.contains_key(delivery),
            _ => true,
        }
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The last number that was given to anything.
    pub(crate) const fn numbers_given(&self) -> u64 {
        self.numbers.following() - 1
    }

    /// Whether the key of a conversation is of use: it is known, or the snapshot without it is
    /// still to come.
    pub(crate) fn needs_key(&self, conversation: ConversationNumber) -> bool {
        conversation == SYSTEM
            || self.conversations.contains_key(&conversation)
            || self.forgetting.contains(&conversation)
            || self.giving_way.contains(&conversation)
    }

    /// The platform and the chat of a conversation.
    pub(crate) fn address(&self, conversation: ConversationNumber) -> Option<(&Platform, &str)> {
        let conversation = self.conversations.get(&conversation)?;
        let platform = self.platform(&conversation.platform)?;
        Some((platform, &conversation.chat))
    }

    pub(crate) fn grant(&self, handle: Handle) -> Option<&Grant> {
        self.table.find(handle)
    }

    pub(crate) fn conversations_count(&self) -> usize {
        self.conversations.len()
    }

    pub(crate) fn is_active(&self) -> bool {
        !self.active.is_empty()
    }

    pub(crate) fn pending_questions(&self) -> impl Iterator<Item = Pending<'_>> {
        self.approvals.iter().map(|(number, approval)| Pending {
            number,
            conversation: approval.conversation,
            text: &approval.text,
            digest: approval.digest,
            expires: approval.expires,
            may_be_always: approval.may_be_always,
            may_be_trusted: approval.block.is_some(),
        })
    }

    fn platform(&self, name: &str) -> Option<&Platform> {
        self.settings.platforms.iter().find(|platform| platform.name == name)
    }

    fn place(&self, incoming: &Incoming) -> Option<ConversationNumber> {
        // A map of pairs cannot be asked with borrowed pairs; chats are few bytes.
        let identity = &incoming.identity;
        let place = (identity.platform.as_str().into(), identity.chat.as_str().into());
        self.places.get(&place).copied()
    }

    fn conversation(&mut self, number: ConversationNumber) -> Option<&mut Conversation> {
        self.conversations.get_mut(&number)
    }

    /// Takes a turn out to work on it. It is put back, or ended.
    fn take_turn(&mut self, number: ConversationNumber) -> Option<Box<Turn>> {
        self.conversation(number)?.turn.take()
    }

    fn put_turn(&mut self, number: ConversationNumber, turn: Box<Turn>) {
        if let Some(conversation) = self.conversation(number) {
            conversation.turn = Some(turn);
            self.active.insert(number);
        }
    }

    /// A turn is over: what belonged to it ends, and the next message gets its turn.
    fn end_turn(&mut self, number: ConversationNumber, turn: &Turn, end: End) {
        self.budgets.end_turn(turn.number.0);
        for question in self.approvals.of_turn(turn.number) {
            self.end_question(question, Answer::No, "the turn ended before anybody answered");
        }
        self.active.remove(&number);
        self.end_shown(turn.delivery);
        if end != End::Answered {
            // Nothing more is said in the answer's place.
            self.outbox.order(Order::MarkIncomplete(turn.delivery));
        }
        self.outbox.record(Kind::TurnEnded, number, |out| {
            out.field("turn", turn.number.0).field("how", end.word());
        });
        self.next_turn(number);
    }

    /// Says something to a chat.
    fn say(&mut self, conversation: ConversationNumber, text: String, what: Saying) {
        let delivery = DeliveryNumber(self.numbers.next());
        self.say_as(delivery, conversation, text, what);
    }

    fn say_as(
        &mut self,
        delivery: DeliveryNumber,
        conversation: ConversationNumber,
        text: String,
        what: Saying,
    ) {
        self.outbox.record(Kind::Saying, conversation, |out| {
            out.field("delivery", delivery.0).field("what", what.name());
            // An answer stands in the record of the model's reply already.
            match what {
                Saying::Answer => {
                    let digest = hex(&approval::digest(&text));
                    out.field("bytes", text.len() as u64).field("digest", digest.as_str());
                }
                Saying::Question(_) | Saying::Notice => {
                    out.field("text", text.as_str());
                }
            }
        });
        let say = Say { delivery, conversation, text, what, since: self.now.instant };
        self.deliveries.insert(delivery, say.clone());
        self.outbox.order(Order::Say(say));
    }

    /// Takes note of what became of something that was said, and returns it.
    fn delivered(&mut self, delivery: DeliveryNumber, outcome: DeliveryOutcome) -> Option<Say> {
        let say = self.deliveries.remove(&delivery)?;
        self.shown.remove(&delivery);
        if is_broken(Fault::HeldDelivery) {
            let delivery = DeliveryNumber(delivery.0 + (1 << 40) + self.now.instant.0);
            self.deliveries.insert(delivery, say.clone());
        }
        if outcome != DeliveryOutcome::Arrived {
            self.alert(alloc::format!(
                "{} of {} {}: it may have to be looked at there",
                say.what.name(),
                say.conversation,
                match outcome {
                    DeliveryOutcome::Uncertain => "may not have arrived",
                    _ => "could not be delivered",
                }
            ));
        }
        Some(say)
    }

    /// Whatever was waited for and is due.
    fn timers(&mut self) {
        while let Some(number) = self.approvals.expired(self.now.instant) {
            let silence = match is_broken(Fault::SilentYes) {
                true => Answer::Once,
                false => Answer::No,
            };
            self.answered(number, silence, By::Time);
        }
        let due: Vec<ConversationNumber> = self
            .active
            .iter()
            .filter(|number| {
                let turn = self.conversations.get(number).and_then(|chat| chat.turn.as_ref());
                let deadline = turn.and_then(|turn| turn.deadline());
                deadline.is_some_and(|deadline| deadline <= self.now.instant)
            })
            .copied()
            .collect();
        for conversation in due {
            let Some(turn) = self.take_turn(conversation) else { continue };
            self.due(conversation, turn);
        }
        self.samplings_due();
    }
}

#[cfg(test)]
impl Agent {
    /// As if so many conversations were known.
    pub(crate) fn crowd(&mut self, count: usize) {
        for number in (1 << 40..).take(count - self.conversations.len()) {
            let conversation = Conversation::new("chat", "elsewhere");
            self.conversations.insert(ConversationNumber(number), conversation);
        }
    }

    /// How much of each kind is under way.
    pub(crate) fn open_counts(&self) -> [usize; 9] {
        [
            self.fetches.len(),
            self.active.len(),
            self.exchanges.len(),
            self.calls.len(),
            self.samplings.len(),
            self.deliveries.len(),
            self.shown.len(),
            self.approvals.iter().count(),
            self.budgets.open_count(),
        ]
    }
}

/// The digest of a canonical form, as records show it.
#[cfg(test)]
pub(crate) fn digest_of(canonical: &str) -> String {
    hex(&approval::digest(canonical))
}

/// A question that waits, for those who show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending<'a> {
    /// Its number.
    pub number: u32,
    /// Where it arose.
    pub conversation: ConversationNumber,
    /// As it was asked.
    pub text: &'a str,
    /// What an answer is bound to.
    pub digest: [u8; 32],
    /// When it is denied.
    pub expires: Instant,
    /// Whether it can be allowed for good.
    pub may_be_always: bool,
    /// Whether the block it arose from can be trusted for a while.
    pub may_be_trusted: bool,
}

/// Settings that cannot be worked with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// The chain of models.
    Models(RouteError),
    /// A grant, counted from 0.
    Grant {
        /// Which.
        index: usize,
        /// What is wrong.
        error: crate::capability::GrantError,
    },
    /// The workspace is no absolute path.
    Workspace,
    /// Two platforms have one name.
    Platform(String),
}

impl core::fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Models(error) => error.fmt(formatter),
            Self::Grant { index, error } => write!(formatter, "grant {}: {error}", index + 1),
            Self::Workspace => formatter.write_str("the workspace is to be an absolute path"),
            Self::Platform(name) => write!(formatter, "there are two platforms '{name}'"),
        }
    }
}

impl core::error::Error for SettingsError {}

fn route(settings: &Settings) -> Result<Route, SettingsError> {
    let names = settings.models.iter().map(|model| model.name.clone()).collect();
    Route::new(names, settings.route).map_err(SettingsError::Models)
}
