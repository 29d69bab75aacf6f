//! Asking a model: which one, within which limits, and what follows from its answer.
//!
//! # Invariants
//! - A model is asked only with a grant for it, and only after what it may cost was reserved.
//! - An answer that did not come to its end is never taken for one.
//!
//! # Not here
//! The request's bytes: the shell's side asks for them when they are to be sent.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::codec::error_word;
use super::history::Window;
use super::number::{ConversationNumber, ExchangeNumber};
use super::outbox::{Ask, Order, Saying};
use super::record::Kind;
use super::settings::{Model, Settings};
use super::turn::{End, Spending, Stage, Turn};
use super::{Agent, persona};
use crate::budget::{Accounts, Amount, Refused};
use crate::capability::{Handle, Holder, Level, Request, Verdict};
use crate::fault::{Fault, hidden, is_broken};
use crate::llm::route::{Attempt, Earlier, GiveUp, ModelIndex, Next, Switch};
use crate::llm::{
    Block, CachePolicy, Message, ModelError, ModelErrorKind, Reply, Role, StopReason, Thinking,
    ToolDefinition, Usage,
};
use crate::time::Timestamp;

/// What is needed to write a request to a model.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) model: &'a Model,
    pub(crate) system: Vec<&'a str>,
    pub(crate) window: Window<'a>,
    pub(crate) tools: &'a [ToolDefinition],
    pub(crate) may_call: bool,
    pub(crate) keeps_thinking: bool,
    pub(crate) tokens_max: u32,
    pub(crate) thinking: Thinking,
    pub(crate) stops: Vec<&'a str>,
    pub(crate) cache: CachePolicy,
}

impl Agent {
    /// Starts an exchange with a model.
    pub(super) fn ask(&mut self, number: ConversationNumber, turn: Box<Turn>) {
        if self.is_outside(number) {
            return self.hand_back(number, turn);
        }
        if let Some(halt) = self.why_halted()
            && !is_broken(Fault::WorkAfterHalt)
        {
            self.notice(number, halt.to_string());
            return self.end_turn(number, &turn, End::Halted);
        }
        let models = self.models(number);
        let next = self.route.begin_among(&models, self.now.instant);
        self.follow(number, turn, next);
    }

    /// The models that may be asked, the preferred one first.
    pub(super) fn models(&self, number: ConversationNumber) -> Vec<ModelIndex> {
        let chosen = self.conversations.get(&number).and_then(|chat| chat.model.as_deref());
        let names = self.settings.models.iter().map(|model| model.name.as_str());
        let names = chosen.into_iter().chain(names);
        let may = |name: &&str| self.handle_of_model(name).is_some();
        names.filter(may).filter_map(|name| self.route.find(name)).collect()
    }

    /// Whether a model may be asked at all.
    pub(super) fn may_ask(&self, name: &str) -> bool {
        self.handle_of_model(name).is_some()
    }

    /// Whether a request to a model that was decided may go out now.
    pub(crate) fn may_still_ask(
        &self,
        exchange: ExchangeNumber,
        name: &str,
        handle: Handle,
        now: Timestamp,
    ) -> bool {
        self.is_granted_still(&Request::Model { name }, handle, now)
            && self.is_sampling_granted(exchange, now)
    }

    /// Whether something goes on to be granted by this grant. Its use is counted already, so the
    /// grant may be used up by this very request.
    pub(super) fn is_granted_still(
        &self,
        request: &Request<'_>,
        handle: Handle,
        now: Timestamp,
    ) -> bool {
        let until = self.table.find(handle).map(|grant| grant.until);
        let is_there = until.is_some_and(|until| until.is_none_or(|until| now < until));
        let verdict = self.table.decide(Holder::AGENT, request, now);
        is_there && !matches!(verdict, Verdict::Denied { .. })
    }

    /// The grant for a model. A model is asked in every turn: a grant that asks a person first
    /// is none.
    pub(super) fn handle_of_model(&self, name: &str) -> Option<Handle> {
        match self.table.decide(Holder::AGENT, &Request::Model { name }, self.now.wall) {
            Verdict::Covered { handle, level: Level::Allow } => Some(handle),
            _ => None,
        }
    }

    pub(super) fn follow(&mut self, number: ConversationNumber, mut turn: Box<Turn>, next: Next) {
        match next {
            Next::Send { attempt, switch } => {
                let Some(handle) = self.handle_to_ask(&attempt) else {
                    self.route.abandoned(attempt);
                    // Its grant ended while it was waited for. Those that are left have one.
                    return match self.models(number).is_empty() {
                        true => self.give_up(number, turn, &GiveUp::NoModel),
                        false => self.ask(number, turn),
                    };
                };
                self.record_switch(number, &attempt, switch);
                self.send(number, turn, attempt, handle);
            }
            Next::Wait(waiting) => {
                turn.stage = Stage::Pausing(waiting);
                self.put_turn(number, turn);
            }
            Next::GiveUp(reason) => self.give_up(number, turn, &reason),
        }
    }

    pub(super) fn record_switch(
        &mut self,
        number: ConversationNumber,
        attempt: &Attempt,
        switch: Option<Switch>,
    ) {
        if let Some(switch) = switch.or_else(|| self.route.passed_over(attempt)) {
            self.outbox.record(Kind::ModelSwitched, number, |out| {
                out.field("from", self.route.name(switch.from));
                out.field("to", self.route.name(switch.to));
                out.field("because", error_word(switch.because));
            });
        }
    }

    /// The grant by which the model of an attempt is asked.
    fn handle_to_ask(&self, attempt: &Attempt) -> Option<Handle> {
        let model = self.settings.models.get(attempt.model().index())?;
        self.handle_of_model(&model.name)
    }

    fn send(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        attempt: Attempt,
        handle: Handle,
    ) {
        let index = attempt.model().index();
        let settings = self.settings.clone();
        let Some(model) = settings.models.get(index) else {
            self.route.abandoned(attempt);
            return self.give_up(number, turn, &GiveUp::NoModel);
        };
        let tokens = self.fit(number, model, &settings);
        let accounts = self.accounts(number, &turn);
        let amount =
            self.estimate(model, tokens, model.reply_tokens_max).plus(&self.first_time(accounts));
        match self.budgets.reserve(accounts, amount, self.now.wall) {
            Err(Refused::Limit(exceeded)) => {
                self.route.abandoned(attempt);
                self.model_over_budget(number, turn, exceeded);
            }
            Err(full) => {
                self.route.abandoned(attempt);
                self.notice(number, format!("I have no answer: {full}."));
                self.end_turn(number, &turn, End::Failed);
            }
            Ok(reservation) => {
                // It was good a moment ago, and nothing happened since.
                let _ = self.table.spend(handle, self.now.wall);
                let exchange = ExchangeNumber(self.numbers.next());
                self.outbox.record(Kind::ModelAsked, number, |out| {
                    out.field("turn", turn.number.0).field("exchange", exchange.0);
                    out.field("model", model.name.as_str());
                    out.field("handle", handle.to_string().as_str());
                    out.field("tokens", amount.tokens);
                    out.optional("time_ms", Some(amount.time_ms).filter(|time| *time > 0));
                });
                if self.offers_words_of_others()
                    && let Some(conversation) = self.conversation(number)
                {
                    conversation.memory().context.tell_descriptions();
                }
                let delivery = turn.delivery;
                let spending = Spending { reservation, amount, since: self.now.instant };
                turn.stage = Stage::Asking { exchange, attempt, spending };
                self.exchanges.insert(exchange, number);
                self.put_turn(number, turn);
                let delivery = Some(delivery);
                let ask = Ask { exchange, conversation: number, delivery, model: index, handle };
                self.outbox.order(Order::Ask(ask));
            }
        }
    }

    /// Makes the history fit into what is kept of it, and says about how many tokens of it this
    /// model will be sent, with what is sent beside it.
    fn fit(&mut self, number: ConversationNumber, model: &Model, settings: &Settings) -> u64 {
        let bytes = self.bytes_beside();
        let overhead = overhead(bytes, model);
        // What no model could be sent is of no use to any.
        let models = settings.models.iter().map(|model| model.context_tokens_max);
        let most = models.max().unwrap_or(0);
        let Some(conversation) = self.conversation(number) else { return overhead };
        let memory = conversation.memory();
        memory.history.limit(most);
        let trimmed = memory.history.trim(overhead);
        let window = memory.window(model, overhead);
        let (sent, tokens, left_out) = (window.bytes(), window.estimate(), window.left_out());
        memory.history.sent(sent.saturating_add(bytes));
        let trimmed = trimmed.map(|trimmed| (trimmed, None));
        let left_out = left_out.map(|left_out| (left_out, Some(model.name.as_str())));
        for (trimmed, only_for) in trimmed.into_iter().chain(left_out) {
            self.outbox.record(Kind::Trimmed, number, |out| {
                out.field("messages", trimmed.messages_count as u64);
                out.field("tokens", trimmed.tokens).optional("only_for", only_for);
            });
        }
        tokens.saturating_add(bytes / 3)
    }

    /// How much is sent beside the history.
    fn bytes_beside(&self) -> u64 {
        let tools = self
            .offered
            .iter()
            .map(|tool| tool.name.len() + tool.description.len() + tool.parameters.len());
        let persona = self.persona.text().ok().flatten().map_or(0, str::len);
        (tools.sum::<usize>() + self.settings.instructions.len() + persona) as u64
    }

    pub(super) fn estimate(&self, model: &Model, tokens: u64, reply: u32) -> Amount {
        let reply = u64::from(reply);
        Amount {
            tokens: tokens.saturating_add(reply),
            money: {
                // What is sent may be written to the provider's cache, at another price.
                let prices = &self.settings.prices;
                let plain = prices.cost(&model.name, tokens, reply, 0, 0);
                plain.max(prices.cost(&model.name, 0, reply, 0, tokens))
            },
            calls: 1,
            time_ms: 0,
        }
    }

    pub(super) fn accounts(&self, number: ConversationNumber, turn: &Turn) -> Accounts {
        let person = u64::from(turn.person.0);
        Accounts { turn: turn.number.0, conversation: number.0, person }
    }

    /// What is to be sent for an exchange that is still waited for.
    pub(crate) fn question(&self, exchange: ExchangeNumber) -> Option<Question<'_>> {
        let number = self.exchanges.get(&exchange)?;
        if self.is_of_sampling(exchange) {
            return self.sampling_question(exchange);
        }
        let conversation = self.conversations.get(number)?;
        let turn = conversation.turn.as_ref()?;
        let Stage::Asking { exchange: asked, attempt, .. } = &turn.stage else { return None };
        if *asked != exchange {
            return None;
        }
        let model = self.settings.models.get(attempt.model().index())?;
        let memory = conversation.find_memory()?;
        let context = &memory.context;
        let keeps_thinking = memory.is_thinker(&model.name);
        let persona = self.persona.text().ok()?;
        let system = [Some(self.settings.instructions.as_str()), persona];
        let system = system.into_iter().flatten().filter(|text| !text.is_empty()).collect();
        // Providers want to know the tools of calls that stand in the conversation, even where no
        // more may follow.
        let tools = self.offered(!context.is_untrusted(), !memory.held.contents.is_empty());
        let window = memory.window(model, overhead(self.bytes_beside(), model));
        let may_call = turn.may_call;
        Some(Question {
            model,
            system,
            window,
            tools,
            may_call,
            keeps_thinking,
            tokens_max: model.reply_tokens_max,
            thinking: model.thinking,
            stops: Vec::new(),
            cache: CachePolicy::default(),
        })
    }

    pub(super) fn reply(&mut self, exchange: ExchangeNumber, reply: Reply) {
        if self.is_of_sampling(exchange) {
            return self.sampled(exchange, reply);
        }
        let Some((number, mut turn, attempt, spending)) = self.take_exchange(exchange) else {
            return;
        };
        self.settle_model(number, attempt.model(), spending, &reply.usage);
        let model = self.route.name(attempt.model()).to_string();
        self.route.succeeded(attempt);
        let Reply { mut message, stop, usage } = reply;
        if stop != StopReason::ToolUse || !turn.may_call {
            // Calls of an answer that was cut may be cut themselves.
            message.blocks.retain(|block| !matches!(block, Block::ToolUse(_)));
        }
        let said = words(&message);
        if let Some(conversation) = self.conversation(number) {
            let memory = conversation.memory();
            memory.history.correct(&usage);
            memory.add_model(&said);
            memory.add_answer(&model, message.clone());
        }
        let calls = message.blocks.into_iter().filter_map(|block| match block {
            Block::ToolUse(call) => Some(call),
            _ => None,
        });
        let calls: Vec<_> = calls.collect();
        if !calls.is_empty() {
            turn.rounds_count += 1;
            return self.begin_round(number, turn, calls);
        }
        if stop == StopReason::Pause && turn.rounds_count < self.settings.turn.rounds_max {
            turn.rounds_count += 1;
            return self.ask(number, turn);
        }
        let text = answer(self.whole_answer(number, said), stop);
        self.say_as(turn.delivery, number, text, Saying::Answer);
        self.end_turn(number, &turn, End::Answered);
    }

    /// What was said last, with what the model said of the same answer before it paused: those are
    /// the messages of the history that nobody's words and no results stand between.
    fn whole_answer(&self, number: ConversationNumber, said: String) -> String {
        let memory = self.conversations.get(&number).and_then(|chat| chat.find_memory());
        let Some(memory) = memory else { return said };
        let messages = memory.history.messages().rev();
        let parts = messages.take_while(|message| message.role == Role::Assistant);
        let mut parts: Vec<String> = parts.map(words).collect();
        if parts.len() < 2 && !said.trim().is_empty() {
            return said;
        }
        // One that says nothing does not stand in the history, or is all that there is.
        parts.retain(|part| !part.trim().is_empty());
        parts.reverse();
        parts.join("\n\n")
    }

    pub(super) fn reply_failed(
        &mut self,
        exchange: ExchangeNumber,
        error: &ModelError,
        usage: Usage,
        (was_shown, has_begun): (bool, bool),
        entropy: u64,
    ) {
        if self.is_of_sampling(exchange) {
            return self.sampling_failed(exchange, error, usage, has_begun, entropy);
        }
        let Some((number, turn, attempt, spending)) = self.take_exchange(exchange) else {
            return;
        };
        let model = self.settings.models.get(attempt.model().index());
        let most = model.map(|model| model.reply_tokens_max);
        let counted = (usage, most, was_shown, has_begun);
        self.settle_failed(number, attempt.model(), spending, counted);
        if error.kind == ModelErrorKind::ContextTooLong
            && let Some(conversation) = self.conversations.get_mut(&number)
        {
            let (narrow, model) =
                (&mut conversation.memory().narrow, self.route.name(attempt.model()));
            if !narrow.iter().any(|narrow| **narrow == *model) {
                narrow.push(model.into());
            }
        }
        let entropy = if is_broken(Fault::HiddenInput) { hidden() } else { entropy };
        let failed = self.route.failed(attempt, error, was_shown, self.now.instant, entropy);
        match failed.earlier {
            Earlier::Withdraw => self.outbox.order(Order::Withdraw(turn.delivery)),
            // It is marked when the turn ends, which this may not be the end of.
            Earlier::Nothing | Earlier::MarkIncomplete => {}
        }
        self.follow(number, turn, failed.next);
    }

    /// A model was not asked, because a picture was not there: it is asked without. Nothing was
    /// sent, so nothing was spent.
    pub(super) fn picture_gone(&mut self, exchange: ExchangeNumber, digest: &[u8; 32]) {
        let Some((number, turn, attempt, spending)) = self.take_exchange(exchange) else {
            return;
        };
        self.route.abandoned(attempt);
        self.settle(number, spending, Amount::default());
        let chat = self.conversation(number);
        match chat.is_some_and(|chat| chat.memory().history.forget_picture(digest)) {
            true => self.ask(number, turn),
            // It was none of ours: asking again would come to the same.
            false => self.give_up(number, turn, &GiveUp::NoModel),
        }
    }

    /// The exchange is over: its turn is taken out of the stage.
    fn take_exchange(
        &mut self,
        exchange: ExchangeNumber,
    ) -> Option<(ConversationNumber, Box<Turn>, Attempt, Spending)> {
        // What a server waits for is not the turn's.
        if self.is_of_sampling(exchange) {
            return None;
        }
        let number = self.exchanges.remove(&exchange)?;
        let mut turn = self.take_turn(number)?;
        match core::mem::replace(&mut turn.stage, Stage::Moving) {
            Stage::Asking { exchange: asked, attempt, spending } if asked == exchange => {
                Some((number, turn, attempt, spending))
            }
            other => {
                turn.stage = other;
                self.put_turn(number, turn);
                None
            }
        }
    }

    /// A model answered, in whole or in part. An answer is never free, so a provider that counts
    /// nothing has not counted: all that was reserved is taken as spent, or no limit would hold.
    pub(super) fn settle_model(
        &mut self,
        number: ConversationNumber,
        model: ModelIndex,
        spending: Spending,
        usage: &Usage,
    ) {
        let Usage { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = *usage;
        let name = self.route.name(model);
        let money = self.settings.prices.cost(
            name,
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
        );
        let tokens = usage.read_tokens().saturating_add(output_tokens);
        let by_clock = spending.by_clock(self.now.instant);
        let time_ms = match is_broken(Fault::TimelessReply) {
            true => 0,
            false => by_clock.time_ms,
        };
        let actual = match *usage == Usage::default() {
            _ if is_broken(Fault::FreeReply) => Amount { calls: 1, time_ms, ..Amount::default() },
            true => Amount { time_ms, ..by_clock },
            false => Amount { tokens, money, calls: 1, time_ms },
        };
        self.settle(number, spending, actual);
    }

    /// A model did not answer, or not to the end: what it counted, the most that it may have
    /// written, whether anything was shown, and whether an answer had begun.
    pub(super) fn settle_failed(
        &mut self,
        number: ConversationNumber,
        model: ModelIndex,
        spending: Spending,
        (usage, most, was_shown, has_begun): (Usage, Option<u32>, bool, bool),
    ) {
        // Where no answer had begun, what nobody counted is nothing. From its head on a provider
        // counts, and whoever leaves before the end is not told what: all that it was allowed to
        // write may have been written, shown or not.
        let is_partly_counted = has_begun && usage != Usage::default();
        let usage = match most {
            Some(most) if is_partly_counted => {
                Usage { output_tokens: usage.output_tokens.max(u64::from(most)), ..usage }
            }
            _ => usage,
        };
        match usage == Usage::default() && !was_shown && !has_begun {
            true => {
                let spent = spending.by_clock(self.now.instant);
                let spent = Amount { calls: 1, time_ms: spent.time_ms, ..Amount::default() };
                self.settle(number, spending, spent);
            }
            false => self.settle_model(number, model, spending, &usage),
        }
    }

    pub(super) fn settle(
        &mut self,
        number: ConversationNumber,
        spending: Spending,
        actual: Amount,
    ) {
        let warnings = self.budgets.settle(spending.reservation, actual, self.now.wall);
        for warning in warnings.unwrap_or_default() {
            let text = warning.to_string();
            self.outbox.record(Kind::Budget, number, |out| {
                out.field("warning", text.as_str());
            });
            self.notice(number, text);
        }
    }

    pub(super) fn give_up(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        reason: &GiveUp,
    ) {
        let is_too_long = |error: &ModelError| error.kind == ModelErrorKind::ContextTooLong;
        if reason.error().is_some_and(is_too_long) && !turn.was_shortened {
            turn.was_shortened = true;
            return self.ask(number, turn);
        }
        let why = match reason {
            GiveUp::Error(error) | GiveUp::AttemptsMax(error) | GiveUp::TimeMax(error) => {
                error.to_string()
            }
            GiveUp::NoModel => "there is no model that I may ask".to_string(),
            GiveUp::NoneWell { .. } => "no model is well at the moment".to_string(),
        };
        self.notice(number, format!("I have no answer: {why}."));
        self.end_turn(number, &turn, End::Failed);
    }

    /// Whether, and why, no work is taken.
    pub(super) fn why_halted(&self) -> Option<&'static str> {
        if self.is_halted {
            return Some("An operator told me to take no work for now.");
        }
        match self.persona.text() {
            Ok(_) => None,
            Err(persona::NotApproved) => Some(
                "I take no work: my persona is not the one that was approved. An operator has to \
                 look at it.",
            ),
        }
    }
}

/// The tokens that are not left for the history: what is sent beside it, and the answer.
fn overhead(bytes: u64, model: &Model) -> u64 {
    (bytes / 3).saturating_add(u64::from(model.reply_tokens_max))
}

/// The words of a message.
pub(super) fn words(message: &Message) -> String {
    debug_assert_eq!(message.role, Role::Assistant);
    let texts = message.blocks.iter().filter_map(|block| match block {
        Block::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// What a person is told: an answer that a limit or a filter ended says so.
fn answer(said: String, stop: StopReason) -> String {
    let note = match stop {
        StopReason::TokensMax => Some("[cut: the answer reached its limit of length]"),
        StopReason::ContextFull => Some("[cut: the conversation is full; /clear begins anew]"),
        StopReason::Refusal => Some("[the model, or a filter around it, declined to go on]"),
        StopReason::Pause => Some("[the model paused and was not asked to go on]"),
        _ => None,
    };
    match (said.trim().is_empty(), note) {
        (true, None) => "[the model ended without a word]".into(),
        (true, Some(note)) => note.into(),
        (false, None) => said,
        (false, Some(note)) => format!("{said}\n\n{note}"),
    }
}
