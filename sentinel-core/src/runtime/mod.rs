//! `Sentinel`: the one value that holds it all.
//!
//! A shell tells it what happened and does what it asks for; there is no other way in or out. What
//! comes in is written to the journal before it is acted on, and what the outside could see is
//! asked for only when the records it follows from are safe.
//!
//! ```text
//! loop {
//!     while let Some(effect) = sentinel.poll() { shell.perform(effect) }
//!     let (now, event) = shell.wait(sentinel.deadline());
//!     sentinel.handle(now, event)?;
//! }
//! ```
//!
//! # Invariants
//! - The same events at the same times give the same effects, byte for byte.
//! - No effect is given out before the records that explain it are safe. Words of a model that are
//!   still coming are shown as what they are: not complete. What only ends something does not wait:
//!   a grant that is revoked, a turn that is stopped, ends what runs at once, and only the word
//!   that it is done waits for the disk.
//! - Memory is bounded by what is open: conversations, what waits to be written, and one answer or
//!   output of bounded size for each thing under way.
//!
//! # Not here
//! Decisions: [`agent`](crate::agent). Sockets, files and processes: the shell.

mod book;
mod connection;
mod entropy;
mod event;
mod exchange;
mod figures;
mod management;
mod orders;
mod replay;
mod resume;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use self::book::Book;
use self::entropy::Entropy;
use self::exchange::{Ending, Exchange};
use self::orders::Speaking;
use crate::agent::input::{DeliveryOutcome, Input};
use crate::agent::outbox::{Line, Order};
use crate::agent::{
    Agent, ConversationNumber, DeliveryNumber, ExchangeNumber, Fetched, Pending, Settings,
    ToolOutput, cut,
};
use crate::capability::{Grant, Handle};
use crate::channel::{Incoming, Outcome, Platform};
use crate::egress::{Allowance, AllowanceError};
use crate::fault::{Fault, is_broken};
use crate::journal::{EpochSeed, JournalId, KeyRing, LogKey, MasterKey, Opening, Writer};
use crate::limits::{
    ATTACHMENT_WHY_BYTES_MAX, CHANNEL_ID_BYTES_MAX, CHANNEL_SHOWN_MAX, FORM_BYTES_MAX,
    RUNTIME_OUTPUT_BYTES_MAX,
};
use crate::llm::{ModelError, ModelErrorKind, ReplyBound, TransportKind, Usage};
use crate::order::Map;
use crate::time::{Instant, Now, Timestamp};
use crate::tool::Call;

pub use self::connection::{ModelConnection, RequestError};
pub use self::event::{Effect, Event, EventError, Picture, Said};
pub use self::figures::{Figures, ModelFigures};
pub use self::replay::{Difference, DifferenceKind, Replay, Replayed, replay};
pub use self::resume::{ResumeError, Resumed};
pub use crate::agent::SettingsError;

/// The runtime of an agent, without its hands.
#[derive(Debug)]
pub struct Sentinel {
    agent: Agent,
    book: Book,
    entropy: Entropy,
    /// When this start was, by the shell's clock and by the agent's, which goes on where the last
    /// start left it.
    began: (Instant, Instant),
    now: Now,
    /// Whether something that followed could not be recorded: then nothing more is taken in.
    is_stopped: bool,
    /// Whether operators alone are served, because nobody is at work.
    is_maintained: bool,
    exchanges: Map<ExchangeNumber, Exchange>,
    speaking: Map<DeliveryNumber, Speaking>,
    /// Deliveries up to this one may have been under way before the last start.
    resumed_through: DeliveryNumber,
    /// What is asked for when so many records are safe.
    waiting: VecDeque<(u64, Order)>,
    /// What follows without the outside.
    inner: VecDeque<Input>,
    effects: VecDeque<Effect>,
    /// The platforms on which an answer is shown when it is whole. It decides nothing, so it is
    /// none of the agent's settings, which a journal brings back.
    unstreamed: Vec<&'static str>,
    figures: Figures,
}

/// What only the shell can know: secrets, and the name of the log.
pub struct Secrets {
    /// Names the log in every record.
    pub journal: JournalId,
    /// The log's name in checkpoints, like `example.com/sentinel`.
    pub origin: String,
    /// The secret that signs the log; a first one for a new log, else the one that was stored.
    pub seed: EpochSeed,
    /// What wraps the keys of conversations.
    pub master: MasterKey,
    /// Fresh random bytes, drawn for this start.
    pub entropy: [u8; 32],
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { journal, origin, .. } = self;
        let mut out = formatter.debug_struct("Secrets");
        out.field("journal", journal).field("origin", origin).finish_non_exhaustive()
    }
}

impl Sentinel {
    /// A runtime with a new log.
    ///
    /// # Errors
    /// The settings cannot be worked with, or the log cannot be opened under its name.
    pub fn create(
        settings: Arc<Settings>,
        secrets: Secrets,
        now: Now,
    ) -> Result<Self, ResumeError> {
        let Secrets { journal, origin, seed, master, entropy } = secrets;
        let mut entropy = Entropy::new(entropy);
        let opening = Opening { seed, nonce: entropy.bytes(), now: now.wall };
        let mut unwritten = Vec::new();
        let writer = Writer::create(journal, &origin, opening, &mut unwritten)
            .map_err(ResumeError::Journal)?;
        let agent = Agent::new(settings).map_err(ResumeError::Settings)?;
        let book = Book::new(writer, KeyRing::new(), master, (0, 0), 0, unwritten);
        let settings = agent.settings().clone();
        let mut sentinel = Self::with(agent, book, entropy, now);
        sentinel.start(settings)?;
        Ok(sentinel)
    }

    fn with(agent: Agent, book: Book, entropy: Entropy, now: Now) -> Self {
        Self {
            agent,
            book,
            entropy,
            began: (now.instant, now.instant),
            now,
            is_stopped: false,
            is_maintained: false,
            exchanges: Map::new(),
            speaking: Map::new(),
            resumed_through: DeliveryNumber(0),
            waiting: VecDeque::new(),
            inner: VecDeque::new(),
            effects: VecDeque::new(),
            unstreamed: Vec::new(),
            figures: Figures::default(),
        }
    }

    /// Signs checkpoints with this key as well, for witnesses who know the log by it: the same key
    /// at every start, before the first event. It decides nothing. Without one no witness can
    /// follow the log.
    pub fn sign_with(&mut self, key: LogKey) {
        self.book.sign_with(key);
    }

    /// Records the start, and lets the agent go on with what it was doing.
    fn start(&mut self, settings: Arc<Settings>) -> Result<(), ResumeError> {
        let input = Input::Started { settings: settings.digest };
        if self.record(&input).is_none() {
            return Err(ResumeError::Keys);
        }
        self.unstreamed = settings.unstreamed.clone();
        self.agent.start(self.now, settings).map_err(ResumeError::Settings)?;
        self.drain();
        self.settle();
        Ok(())
    }

    /// Goes on with other settings. Those of one digest decide alike, so that there is nothing to
    /// record about them.
    fn reconfigure(&mut self, settings: Arc<Settings>) -> Result<(), EventError> {
        self.agent.can_work_with(&settings).map_err(EventError::Settings)?;
        if settings.digest != self.agent.settings().digest {
            if self.book.is_busy() {
                return Err(EventError::Busy);
            }
            let input = Input::Reconfigured { settings: settings.digest };
            if self.record(&input).is_none() {
                return Err(EventError::Busy);
            }
            let next = settings.clone();
            self.agent.reconfigure(self.now, next).map_err(EventError::Settings)?;
            self.drain();
        }
        self.unstreamed = settings.unstreamed.clone();
        Ok(())
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// It was not taken; nothing changed.
    pub fn handle(&mut self, now: Now, event: Event<'_>) -> Result<(), EventError> {
        self.tick(now);
        self.book.start_signing();
        if self.is_stopped && !matches!(event, Event::Persisted { .. } | Event::PersistFailed) {
            return Err(EventError::Stopped);
        }
        self.check_at_work(&event)?;
        match event {
            Event::Time => {}
            Event::Message(mut incoming) => {
                incoming.check().map_err(EventError::Message)?;
                // Of those who are not let in nothing is kept but that they wrote.
                if !self.agent.lets_in(&incoming) {
                    incoming.parts = Vec::new();
                }
                if !self.takes(&incoming) {
                    return Err(EventError::Busy);
                }
                let entropy = self.entropy.bytes();
                self.input(Input::Message { incoming, entropy });
            }
            Event::Persisted { records_count } => self.book.persisted(records_count),
            Event::PersistFailed => {
                let was_busy = self.book.is_busy();
                self.book.persist_failed(self.now.instant);
                if !was_busy {
                    let text = "the journal could not be written: nothing new is taken in until \
                                it can. Is the disk full?";
                    self.effects.push_back(Effect::Alert(text.into()));
                }
            }
            Event::ModelHead { exchange, status, headers } => {
                if let Some(known) = self.exchanges.get_mut(&exchange) {
                    known.head(status, headers, self.now.instant);
                }
            }
            Event::ModelBody { exchange, bytes } => self.model_body(exchange, bytes),
            Event::ModelEnd { exchange } => {
                let wall = self.now.wall;
                let ending = self.exchanges.get_mut(&exchange).map(|known| known.end(wall));
                self.model_ended(exchange, ending);
            }
            Event::ModelFailed { exchange, kind } => self.model_failed(exchange, kind),
            Event::PictureGone { exchange, digest } => {
                if self.exchanges.remove(&exchange).is_some() {
                    self.input(Input::PictureGone { exchange, digest });
                }
            }
            Event::ToolFinished { call, mut output } => {
                // All of it is recorded, as far as a record can hold it.
                output.content = cut(&output.content, RUNTIME_OUTPUT_BYTES_MAX).into_owned();
                self.input(Input::ToolFinished { call, output });
            }
            Event::Passage { call, passage } => self.input(Input::Passage { call, passage }),
            Event::CallAsks { call, number, mut words, mut schema } => {
                // Longer ones are declined, and as much of them is recorded as shows that they are.
                words = cut(&words, FORM_BYTES_MAX + 1).into_owned();
                schema = cut(&schema, FORM_BYTES_MAX + 1).into_owned();
                let stops_clock = true;
                self.input(Input::CallAsks { call, number, words, schema, stops_clock });
            }
            Event::CallUnasks { call, number } => self.input(Input::CallUnasks { call, number }),
            Event::CallSamples { call, number, sampling } => {
                let sampling = sampling.bounded();
                self.input(Input::CallSamples { call, number, sampling });
            }
            Event::Fetched { fetch, mut fetched } => {
                if let Fetched::Failed(why) = &mut fetched {
                    *why = cut(why, ATTACHMENT_WHY_BYTES_MAX).into_owned();
                }
                self.input(Input::Fetched { fetch, fetched });
            }
            Event::Sent { delivery, piece, message } => {
                if let Some(speaking) = self.speaking.get_mut(&delivery) {
                    speaking.delivery.sent(piece, message, self.now.instant);
                }
                self.keep_message(delivery, piece);
            }
            Event::Edited { delivery, piece } => {
                if let Some(speaking) = self.speaking.get_mut(&delivery) {
                    speaking.delivery.edited(piece, self.now.instant);
                }
            }
            Event::PostFailed { delivery, piece, failure } => {
                if let Some(speaking) = self.speaking.get_mut(&delivery) {
                    speaking.delivery.failed(piece, failure, self.now.instant);
                }
                self.keep_message(delivery, piece);
            }
            Event::Operator { request, command } => {
                // What only takes away is not to wait for a disk that is full: nobody is told that
                // it was done before that is safe, but from now on it is so.
                let is_busy = match command.only_narrows() {
                    true => self.book.is_full(),
                    false => self.book.is_busy(),
                };
                if is_busy {
                    return Err(EventError::Busy);
                }
                self.input(Input::Operator { request, command });
            }
            Event::Settings(settings) => self.reconfigure(settings)?,
            Event::PersonaRead { text } => {
                // One that no record can carry was never approved, and is not to go unseen.
                let text = text.filter(|text| text.len() <= RUNTIME_OUTPUT_BYTES_MAX);
                self.input(Input::PersonaRead { text });
            }
            Event::SkillDiffers { skill, digest } => {
                self.input(Input::SkillDiffers { skill, digest });
            }
        }
        self.settle();
        Ok(())
    }

    /// Whether a message would be taken in now. While the journal cannot be written none is, but
    /// for a `/stop` of somebody whose turn goes on, or of an operator: what ends is not to wait
    /// for a disk that is full. It is acknowledged when its record is safe, like any other.
    #[must_use]
    pub fn takes(&self, incoming: &Incoming) -> bool {
        !self.book.is_busy() || !self.book.is_full() && self.agent.only_ends(incoming)
    }

    /// The next thing to do; to be asked until there is none, after every event.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front().or_else(|| self.book.poll(self.now))
    }

    /// When to come back with [`Event::Time`], if nothing else happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        // What is only maintained does nothing of its own, however late it is.
        let agent = if self.is_maintained { None } else { self.agent.deadline() };
        let exchanges = self.exchanges.values().map(|exchange| exchange.deadline);
        let speaking = self.speaking.values().filter_map(|speaking| speaking.delivery.deadline());
        let others = [agent, self.book.deadline(self.now)];
        let first = exchanges.chain(speaking).chain(others.into_iter().flatten()).min()?;
        let (shell, agent) = self.began;
        Some(shell.after(first.since(agent)))
    }

    /// Signs everything so far: before an orderly end, or when somebody asks for proof.
    pub fn checkpoint(&mut self, now: Now) {
        self.tick(now);
        self.book.checkpoint(self.now);
    }

    /// Whether something waits to be given out until a write is safe that is under way: whoever
    /// ends now loses it. If that write fails there is nothing to wait for.
    #[must_use]
    pub fn holds_back(&self) -> bool {
        self.book.holds_back()
    }

    /// The questions that wait for an answer.
    pub fn questions(&self) -> impl Iterator<Item = Pending<'_>> {
        self.agent.pending_questions()
    }

    /// The grant that a handle means, for those who show what a call was allowed by.
    #[must_use]
    pub fn grant(&self, handle: Handle) -> Option<&Grant> {
        self.agent.grant(handle)
    }

    /// What the program of a call that is to be run is let out to; nothing if it has no network.
    ///
    /// # Errors
    /// There are more grants and rules than an allowance holds.
    pub fn way_out(
        &self,
        call: &Call,
        handles: &[Handle],
    ) -> Result<Option<Allowance>, AllowanceError> {
        self.agent.way_out(call, handles)
    }

    /// Whether the server of a skill may have a model asked, as the grants are now. It is told so
    /// when it is greeted; what it asks for is decided each time.
    #[must_use]
    pub fn may_sample(&self, skill: &str, now: Timestamp) -> bool {
        self.agent.may_sample(skill, now)
    }

    /// The rules that forbid connections, for what a shell reaches itself: an address that a name
    /// leads to is asked about before it is connected to.
    ///
    /// # Errors
    /// There are too many.
    pub fn forbidden(&self) -> Result<Allowance, AllowanceError> {
        self.agent.forbidden()
    }

    /// Whether anything goes on: a turn, or something that is still to be said or made safe. A
    /// question that waits for a person is something that goes on.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.agent.is_active()
            || self.book.is_writing()
            || !self.effects.is_empty()
            || !(self.speaking.is_empty() && self.waiting.is_empty() && self.inner.is_empty())
    }

    /// The conversation that calls from outside belong to, if there was one.
    #[must_use]
    pub fn outside(&self) -> Option<ConversationNumber> {
        Some(self.agent.outside()?.0)
    }

    /// Whether a call from outside goes on, or its answer is still to be given out.
    #[must_use]
    pub fn is_outside_busy(&self) -> bool {
        self.agent.outside().is_some_and(|(_, is_busy)| is_busy)
            || self.book.is_writing()
            || !self.effects.is_empty()
            || self.speaking.values().any(|it| it.platform == Platform::OUTSIDE.name)
            || !(self.waiting.is_empty() && self.inner.is_empty())
    }

    /// How much of everything there was since this start.
    #[must_use]
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// How much waits or is under way, each with what it is.
    #[must_use]
    pub fn queues(&self) -> [(&'static str, usize); 5] {
        [
            ("model_exchanges", self.exchanges.len()),
            ("deliveries", self.speaking.len()),
            ("orders", self.waiting.len()),
            ("effects", self.effects.len()),
            ("questions", self.agent.pending_questions().count()),
        ]
    }

    /// How many conversations are known.
    #[must_use]
    pub fn conversations_count(&self) -> usize {
        self.agent.conversations_count()
    }

    /// Time passed. It never runs back here, whatever the shell's clock does.
    fn tick(&mut self, now: Now) {
        let (shell, agent) = self.began;
        let instant = agent.after(now.instant.since(shell)).max(self.now.instant);
        self.now = Now { instant, wall: now.wall };
    }

    /// Records an input, lets the agent act on it, and takes what follows.
    fn input(&mut self, input: Input) {
        if !self.agent.waits_for(&input) {
            return;
        }
        if let Some(recorded) = self.record(&input) {
            self.book.checkpoint_if_due(self.now);
            self.agent.handle(self.now, recorded);
            return self.drain();
        }
        // Somebody waits for it: what could not be recorded is an answer that never came whole.
        let instead = match input {
            Input::Reply { exchange, .. } => Input::ReplyFailed {
                exchange,
                error: ModelError::new(ModelErrorKind::TooLarge(ReplyBound::EventBytes)),
                usage: Usage::default(),
                was_shown: true,
                has_begun: true,
                entropy: self.entropy.number(),
            },
            Input::ToolFinished { call, .. } => {
                let content = "its output could not be recorded, so it is not shown".into();
                Input::ToolFinished { call, output: ToolOutput { content, is_error: true } }
            }
            _ => return,
        };
        if let Some(recorded) = self.record(&instead) {
            self.agent.handle(self.now, recorded);
            self.drain();
        }
    }

    /// Writes an input down, and gives back what a replay will read there: that is what is acted
    /// on, so that whatever a record does not keep plays no part.
    fn record(&mut self, input: &Input) -> Option<Input> {
        let conversation = self.agent.conversation_of(input, self.now.wall);
        let payload = input.write(self.now.instant);
        let recorded = match Input::read(input.kind(), payload.as_bytes()) {
            Ok((_, recorded)) => recorded,
            Err(error) => {
                let what = input.kind().name();
                let alert = format!("{what} of {conversation} was not acted on: {error}");
                self.effects.push_back(Effect::Alert(alert));
                return None;
            }
        };
        let is_written = self.append(input.kind(), conversation, payload.as_bytes());
        if is_written {
            self.figures.input(&recorded, &self.agent.settings().prices);
        }
        is_written.then_some(recorded)
    }

    fn append(
        &mut self,
        kind: crate::agent::Kind,
        conversation: ConversationNumber,
        payload: &[u8],
    ) -> bool {
        let (wall, entropy) = (self.now.wall, &mut self.entropy);
        let written = self.book.append(wall, kind, conversation, payload, entropy);
        if let Err(error) = written {
            let what = kind.name();
            let alert = format!("{what} of {conversation} was not recorded, nor acted on: {error}");
            self.effects.push_back(Effect::Alert(alert));
        }
        written.is_ok()
    }

    fn drain(&mut self) {
        while let Some(line) = self.agent.take() {
            match line {
                Line::Record(entry) => {
                    let is_written = self.append(entry.kind, entry.conversation, &entry.payload);
                    self.is_stopped |= !is_written;
                    // One input may have more records than a checkpoint is to vouch for.
                    self.book.checkpoint_if_due(self.now);
                    if is_written {
                        self.figures.derived(entry.kind, &entry.payload);
                    }
                }
                Line::Order(order) if order.only_ends() && !is_broken(Fault::SlowStop) => {
                    self.perform(order);
                }
                // Nothing is done whose reason is not on record.
                Line::Order(_) if self.is_stopped => {}
                Line::Order(order) => {
                    self.waiting.push_back((self.book.records_count(), order));
                }
            }
        }
    }

    /// Everything that follows by itself.
    fn settle(&mut self) {
        self.time_out();
        // One timer can make another one due, but not for ever: each moves a turn on. Where nothing
        // is carried out, nothing is due either.
        let timers_max = if self.is_maintained { 0 } else { TIMERS_AT_ONCE_MAX };
        for _ in 0..timers_max {
            match self.agent.deadline() {
                Some(deadline) if deadline <= self.now.instant => self.input(Input::Timer),
                _ => break,
            }
        }
        loop {
            while let Some((_, order)) = self.waiting.pop_front_if(|(records_count, _)| {
                self.book.is_safe(*records_count) || is_broken(Fault::EarlyEffect)
            }) {
                self.perform(order);
            }
            self.speak();
            let Some(input) = self.inner.pop_front() else { break };
            self.input(input);
        }
        self.book.checkpoint_if_due(self.now);
    }

    fn time_out(&mut self) {
        let now = self.now.instant;
        let late: Vec<ExchangeNumber> = self
            .exchanges
            .iter()
            .filter(|(_, exchange)| exchange.deadline <= now)
            .map(|(number, _)| *number)
            .collect();
        for exchange in late {
            self.effects.push_back(Effect::CancelModel { exchange });
            self.model_failed(exchange, TransportKind::Timeout);
        }
    }

    fn model_body(&mut self, exchange: ExchangeNumber, bytes: &[u8]) {
        let Some(known) = self.exchanges.get_mut(&exchange) else { return };
        let delivery = known.delivery;
        let mut speaking = delivery.and_then(|delivery| self.speaking.get_mut(&delivery));
        let ending = known.bytes(bytes, self.now.instant, |words| {
            if let Some(speaking) = &mut speaking {
                speaking.delivery.text(words);
            }
        });
        known.was_shown |= speaking.is_some_and(|speaking| speaking.delivery.was_shown());
        if let Some(ending) = ending {
            // The answer is whole before the response has ended: nothing more is of interest.
            self.effects.push_back(Effect::CancelModel { exchange });
            self.model_ended(exchange, Some(ending));
        }
    }

    fn model_failed(&mut self, exchange: ExchangeNumber, kind: TransportKind) {
        let error = ModelError::transport(kind);
        let ending = self.exchanges.get_mut(&exchange).map(|known| known.fail(error));
        self.model_ended(exchange, ending);
    }

    fn model_ended(&mut self, exchange: ExchangeNumber, ending: Option<Ending>) {
        let (Some(ending), Some(known)) = (ending, self.exchanges.remove(&exchange)) else {
            return;
        };
        match ending {
            Ending::Answered(reply) => self.input(Input::Reply { exchange, reply }),
            Ending::Failed(error, usage, has_begun) => {
                let delivery = known.delivery;
                let speaking = delivery.and_then(|delivery| self.speaking.get(&delivery));
                let is_shown = speaking.is_some_and(|speaking| speaking.delivery.was_shown());
                let was_shown = known.was_shown || is_shown;
                self.failed(exchange, error, usage, (was_shown, has_begun));
            }
        }
    }

    fn failed(
        &mut self,
        exchange: ExchangeNumber,
        error: ModelError,
        usage: Usage,
        (was_shown, has_begun): (bool, bool),
    ) {
        let entropy = self.entropy.number();
        let failed = Input::ReplyFailed { exchange, error, usage, was_shown, has_begun, entropy };
        self.input(failed);
    }

    /// Writes down which message shows a piece of what is not over, where nothing but its id finds
    /// it after a crash. Nothing waits for that to be safe: without it the answer is said to be
    /// lost.
    fn keep_message(&mut self, delivery: DeliveryNumber, piece: usize) {
        let Some(speaking) = self.speaking.get(&delivery) else { return };
        let is_over = match speaking.delivery.outcome() {
            Outcome::Pending => false,
            Outcome::Failed { .. } => speaking.is_said,
            Outcome::Delivered { .. } => true,
        };
        if is_over || piece >= CHANNEL_SHOWN_MAX {
            return;
        }
        let message = speaking.delivery.message(piece);
        let message = message.filter(|message| message.len() <= CHANNEL_ID_BYTES_MAX);
        if message != self.agent.shown_message(delivery, piece) {
            let message = message.map(String::from);
            self.input(Input::Shown { delivery, piece, message });
        }
    }

    /// What became of deliveries, and what is to be posted next.
    fn speak(&mut self) {
        let mut over = Vec::new();
        for (number, speaking) in self.speaking.iter_mut() {
            while let Some(post) = speaking.delivery.poll(self.now.instant) {
                self.effects.push_back(Effect::Post {
                    delivery: *number,
                    platform: speaking.platform,
                    chat: speaking.chat.clone(),
                    post,
                    said: speaking.said,
                });
            }
            let outcome = match speaking.delivery.outcome() {
                Outcome::Pending => continue,
                // It failed before all of it was known: that is still to be said.
                Outcome::Failed { .. } if !speaking.is_said => continue,
                Outcome::Delivered { .. } => DeliveryOutcome::Arrived,
                Outcome::Failed { is_uncertain: false, .. } => DeliveryOutcome::Failed,
                Outcome::Failed { is_uncertain: true, .. } => DeliveryOutcome::Uncertain,
            };
            over.push((*number, outcome));
        }
        for (delivery, outcome) in over {
            self.speaking.remove(&delivery);
            self.inner.push_back(Input::Delivered { delivery, outcome });
        }
    }
}

#[cfg(test)]
impl Sentinel {
    /// The log goes on in another file after so many bytes.
    pub(crate) const fn rotate_after(&mut self, bytes: u64) {
        self.book.rotate_after(bytes);
    }

    /// How much of each kind is under way.
    pub(crate) fn open_counts(&self) -> Vec<usize> {
        let own = [self.exchanges.len(), self.speaking.len(), self.waiting.len(), self.inner.len()];
        own.into_iter().chain(self.agent.open_counts()).collect()
    }

    /// Whether nothing is under way.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.open_counts().iter().all(|count| *count == 0)
    }
}

/// More timers than this in one moment are taken up in the next.
const TIMERS_AT_ONCE_MAX: usize = 64;
