//! A round of tool calls: decided one by one, run side by side, answered in order.
//!
//! # Invariants
//! - Every call of a round gets exactly one result, whatever happens to it.
//! - A call runs after it was decided and recorded, and after its cost was reserved.
//! - The model goes on when all results are there.
//!
//! # Not here
//! Running anything: the shell, with the handles that the order carries.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::Agent;
use super::authority::Ruling;
use super::changing::is_of_persona;
use super::history::cut;
use super::input::ToolOutput;
use super::number::{CallNumber, ConversationNumber, TurnNumber};
use super::outbox::{Order, Run};
use super::record::Kind;
use super::referring::{Whole, Worth};
use super::turn::{CallStage, Calling, End, Outcome, Spending, Stage, Turn};
use crate::budget::{Amount, Refused};
use crate::capability::Handle;
use crate::fault::{Fault, is_broken};
use crate::label::{Answer as Ruled, Label, Secrecy, Source};
use crate::limits::TURN_CALL_GRACE;
use crate::llm::{Block, Message, Role, ToolResult, ToolUse};
use crate::text::json::{self, Numbers};
use crate::tool::{Builtin, Call, CallError, Operation};

impl Agent {
    /// The model called tools.
    pub(super) fn begin_round(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        calls: Vec<ToolUse>,
    ) {
        let is_over = turn.rounds_count > self.settings.turn.rounds_max;
        let (mut round, mut asked) = (Vec::new(), Vec::new());
        for call in calls {
            let (calling, ruling) = match is_over {
                true => {
                    let most = self.settings.turn.rounds_max;
                    let why = format!(
                        "not run: tools were called {most} times in this turn, which is the \
                         limit. Answer with what you have."
                    );
                    (self.failed_call(call, why), None)
                }
                false => self.begin_call(number, &turn, call),
            };
            if let Some(ruling) = ruling {
                asked.push((round.len(), ruling));
            }
            round.push(calling);
        }
        self.question_round(number, &turn, &mut round, asked);
        // One more question, and then an answer.
        turn.may_call &= !is_over;
        turn.stage = Stage::Calling(round);
        self.go_on(number, turn);
    }

    fn failed_call(&mut self, call: ToolUse, why: String) -> Calling {
        let number = CallNumber(self.numbers.next());
        let stage = CallStage::refused(&call.id, why);
        let unread = Some(digest_of_unread(&call));
        Calling {
            number,
            id: call.id,
            call: None,
            unread,
            is_swayed: true,
            asks_count: 0,
            samplings_count: 0,
            stage,
        }
    }

    /// Decides a call, and starts it if it is allowed. Of one that a person is to be asked about
    /// the ruling is given back.
    fn begin_call(
        &mut self,
        conversation: ConversationNumber,
        turn: &Turn,
        wanted: ToolUse,
    ) -> (Calling, Option<Ruling>) {
        let settings = self.settings.clone();
        let call = match settings.tools.read(&wanted) {
            Ok((_, call)) => call,
            Err(error) => {
                let number = CallNumber(self.numbers.following());
                self.outbox.record(Kind::CallDecided, conversation, |out| {
                    out.field("call", number.0).field("answer", "deny");
                    let why = match &error {
                        CallError::UnknownTool(_) => "unknown tool",
                        CallError::Arguments(_) => "arguments",
                    };
                    out.field("why", why);
                });
                return (self.failed_call(wanted, error.to_string()), None);
            }
        };
        let number = CallNumber(self.numbers.next());
        self.read_workspace(conversation, &call);
        let is_swayed = self.is_swayed(conversation, &call);
        let (stage, asked) = self.decide_call(conversation, turn, number, &call, &wanted.id);
        let calling = Calling {
            number,
            id: wanted.id,
            call: Some(call),
            unread: None,
            is_swayed,
            asks_count: 0,
            samplings_count: 0,
            stage,
        };
        (calling, asked)
    }

    fn decide_call(
        &mut self,
        conversation: ConversationNumber,
        turn: &Turn,
        number: CallNumber,
        call: &Call,
        id: &str,
    ) -> (CallStage, Option<Ruling>) {
        if let Some(outcome) = self.own_call(conversation, id, call) {
            return (CallStage::Done(outcome), None);
        }
        if let Err(why) = self.named_in(conversation, call) {
            self.outbox.record(Kind::CallDecided, conversation, |out| {
                out.field("call", number.0).field("answer", "deny").field("why", "references");
            });
            return (CallStage::refused(id, why), None);
        }
        // It needs no grant, and does nothing that would have to be decided, but for a guest: then
        // the value goes into an answer, and there is no grant that an answer could confirm.
        if is_value(Some(call)) {
            if self.is_of_guest(conversation, turn.person)
                && self.carries_private(conversation, call)
            {
                self.outbox.record(Kind::CallDecided, conversation, |out| {
                    out.field("call", number.0).field("answer", "deny").field("why", "guest");
                });
                return (CallStage::refused(id, NOT_FOR_GUESTS.into()), None);
            }
            return (self.start_call(conversation, turn, number, call, id, Vec::new()), None);
        }
        let ruling = self.rule(conversation, turn.person, number, call);
        // What cannot be done is not asked about.
        if ruling.answer == Ruled::Ask
            && let Err(why) = self.whole(conversation, call)
        {
            return (CallStage::refused(id, why), None);
        }
        match ruling.answer {
            Ruled::Deny if !is_broken(Fault::UngrantedCall) => {
                (CallStage::refused(id, ruling.text), None)
            }
            Ruled::Ask => (CallStage::Asking, Some(ruling)),
            Ruled::Allow | Ruled::Deny => {
                (self.start_call(conversation, turn, number, call, id, ruling.handles), None)
            }
        }
    }

    /// The tools that the runtime is itself: the plan and the clock.
    fn own_call(&mut self, number: ConversationNumber, id: &str, call: &Call) -> Option<Outcome> {
        let (content, is_error) = match call {
            Call::Builtin(Operation::CurrentTime) => (self.now.wall.to_string(), false),
            Call::Builtin(Operation::Plan { tools, .. }) => {
                let settings = self.settings.clone();
                let memory = self.conversation(number)?.memory();
                let unknown = tools.iter().find(|tool| settings.tools.find(tool).is_err());
                match unknown {
                    Some(unknown) => (
                        format!("Not planned: there is no tool '{}'.", unknown.escape_debug()),
                        true,
                    ),
                    None => match memory.context.declare(tools.iter().map(String::as_str)) {
                        Ok(()) => ("Planned.".to_string(), false),
                        Err(error) => (error.to_string(), true),
                    },
                }
            }
            _ => return None,
        };
        if let Call::Builtin(Operation::Plan { tools, why }) = call {
            self.outbox.record(Kind::Planned, number, |out| {
                out.array("tools", |out| {
                    for tool in tools {
                        out.value(tool.as_str());
                    }
                });
                out.field("why", why.as_str()).field("is_taken", !is_error);
            });
        }
        let result = ToolResult { id: id.to_string(), content, is_error };
        // Its words are the runtime's own and carry nothing in.
        Some(Outcome { result, is_output: !is_error, is_withheld: false })
    }

    /// Runs a call that was allowed, if its cost can be reserved.
    pub(super) fn start_call(
        &mut self,
        conversation: ConversationNumber,
        turn: &Turn,
        number: CallNumber,
        call: &Call,
        id: &str,
        handles: Vec<Handle>,
    ) -> CallStage {
        // It was decided on as if nobody had written what it may follow.
        if self.has_unread_workspace(conversation, call) {
            let why = "not run: others changed files in the workspace since it was decided on";
            return CallStage::refused(id, format!("{why}. Call it again."));
        }
        // It was there when the call was decided, and may be gone since.
        let whole = match self.whole(conversation, call) {
            Ok(whole) => whole,
            Err(why) => return CallStage::refused(id, why),
        };
        let time = self.settings.turn.call_time_max;
        let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        // What the runtime does itself is done at once.
        let is_own = is_value(Some(call));
        let time_ms = if is_own { 0 } else { time_ms };
        // What needs a grant and comes here without one was not allowed by anything.
        if handles.is_empty() && !is_own && !is_broken(Fault::UngrantedCall) {
            return CallStage::refused(id, "not run: no grant covers it.".into());
        }
        let amount = Amount { calls: 1, time_ms, ..Amount::default() };
        let accounts = self.accounts(conversation, turn);
        let reservation = match self.budgets.reserve(accounts, amount, self.now.wall) {
            Ok(reservation) => reservation,
            Err(Refused::Limit(exceeded)) => {
                return self.call_over_budget(conversation, turn, id, handles, &exceeded);
            }
            Err(full) => return CallStage::refused(id, format!("not run: {full}")),
        };
        if !self.spend(&handles) && !is_broken(Fault::UngrantedCall) {
            let _ = self.budgets.settle(reservation, Amount::default(), self.now.wall);
            return CallStage::refused(id, "not run: a grant it needs ended meanwhile.".into());
        }
        let spending = Spending { reservation, amount, since: self.now.instant };
        if let Call::Builtin(Operation::ExtractValue { from, wanted }) = call {
            self.settle(conversation, spending, amount);
            return self.extract(conversation, number, id, *from, wanted);
        }
        self.write_workspace(conversation, call, &whole.references);
        let deadline = self.now.instant.after(time).after(TURN_CALL_GRACE);
        self.run(conversation, turn.number, number, whole, &handles, 1);
        CallStage::Running { handles, spending, deadline, asks_since: None }
    }

    /// Records that a call starts, and orders it.
    pub(super) fn run(
        &mut self,
        conversation: ConversationNumber,
        turn: TurnNumber,
        number: CallNumber,
        Whole { call, references }: Whole,
        handles: &[Handle],
        attempt: u64,
    ) {
        self.outbox.record(Kind::CallStarted, conversation, |out| {
            out.field("call", number.0).field("turn", turn.0);
            out.field("tool", call.tool()).field("attempt", attempt);
            if !references.is_empty() {
                out.array("references", |out| {
                    for reference in &references {
                        out.value(reference.to_string().as_str());
                    }
                });
            }
        });
        self.calls.insert(number, conversation);
        self.propose_persona(number, &call);
        self.outbox.order(Order::Run(Run {
            number,
            conversation,
            call,
            handles: handles.to_vec(),
            time_max: self.settings.turn.call_time_max,
        }));
    }

    pub(super) fn tool_finished(&mut self, call: CallNumber, output: ToolOutput) {
        let Some(number) = self.calls.remove(&call) else { return };
        self.end_asked(call, None, CALL_IS_OVER);
        let Some(mut turn) = self.take_turn(number) else { return };
        self.finish(number, &mut turn, call, output, true);
        self.go_on(number, turn);
    }

    /// A call that was ordered was not run after all: that is a refusal, like one before the order,
    /// and nothing was done that costs anything.
    pub(super) fn call_withheld(&mut self, call: CallNumber, why: String) {
        let Some(number) = self.calls.remove(&call) else { return };
        let Some(mut turn) = self.take_turn(number) else { return };
        if let Stage::Calling(round) = &mut turn.stage
            && let Some(calling) = round.iter_mut().find(|calling| calling.number == call)
            && let CallStage::Running { spending, .. } = calling.stage
        {
            calling.stage = CallStage::refused(&calling.id, why);
            self.persona.withdraw(call);
            self.settle(number, spending, Amount::default());
        }
        self.go_on(number, turn);
    }

    /// A running call has its result.
    pub(super) fn finish(
        &mut self,
        number: ConversationNumber,
        turn: &mut Turn,
        call: CallNumber,
        output: ToolOutput,
        is_output: bool,
    ) {
        let Stage::Calling(round) = &mut turn.stage else { return };
        let Some(calling) = round.iter_mut().find(|calling| calling.number == call) else { return };
        let CallStage::Running { spending, asks_since, .. } = calling.stage else { return };
        if is_output && calling.call.as_ref().is_some_and(is_of_persona) {
            self.persona_written(call, output.is_error);
        }
        let (content, is_withheld) = match calling.call.as_ref().filter(|_| is_output) {
            Some(made) => {
                let is_swayed = calling.is_swayed;
                let shown = self.show_output(number, call, made, is_swayed, &output.content);
                (shown.content, shown.is_withheld)
            }
            None => {
                let most = self.settings.turn.output_bytes_max;
                (cut(&output.content, most).into_owned(), false)
            }
        };
        let result = ToolResult { id: calling.id.clone(), content, is_error: output.is_error };
        calling.stage = CallStage::Done(Outcome { result, is_output, is_withheld });
        self.settle(number, spending, spending.by_clock(asks_since.unwrap_or(self.now.instant)));
    }

    /// Goes on if every call has its result, else waits.
    pub(super) fn go_on(&mut self, number: ConversationNumber, mut turn: Box<Turn>) {
        let is_done = |calling: &Calling| matches!(calling.stage, CallStage::Done(_));
        let Stage::Calling(round) = &mut turn.stage else {
            return self.put_turn(number, turn);
        };
        if !round.iter().all(is_done) {
            return self.put_turn(number, turn);
        }
        let round = core::mem::take(round);
        turn.stage = Stage::Moving;
        let is_loop = self.remember_round(number, &mut turn, round);
        if is_loop {
            let text = "I stopped: the same call gave the same result three times.".to_string();
            self.notice(number, text);
            return self.end_turn(number, &turn, End::Loop);
        }
        self.ask(number, turn);
    }

    /// The results go to the history and to the judge's context. Says whether this is a loop.
    fn remember_round(
        &mut self,
        number: ConversationNumber,
        turn: &mut Turn,
        round: Vec<Calling>,
    ) -> bool {
        let settings = self.settings.clone();
        let (mut blocks, mut is_loop) = (Vec::new(), false);
        for Calling { call, unread, is_swayed, stage, .. } in round {
            let CallStage::Done(Outcome { result, is_output, is_withheld }) = stage else {
                continue;
            };
            let worth = call.as_ref().map(|call| self.worth_of(number, call, is_swayed));
            let Some(conversation) = self.conversation(number) else { return false };
            let memory = conversation.memory();
            let tool = call.as_ref().and_then(|call| settings.tools.find(call.tool()).ok());
            match (tool, worth) {
                // Nothing of it was seen: neither the model nor the judge has read anything.
                _ if is_withheld => {}
                // The call names its content, so there is always one whose label it has.
                (_, Some(worth)) if is_output && is_value(call.as_ref()) => {
                    let label = match worth.has_content {
                        true => worth.label,
                        false => Label::untrusted(Source::Tool, Secrecy::Secret),
                    };
                    if !is_broken(Fault::InnocentValue) {
                        memory.add_value(label, Builtin::ExtractValue.name(), &result.content);
                    }
                }
                // What it says may be what the model told it, and names nothing.
                (Some(tool), Some(Worth { label, is_swayed: true, .. })) if is_output => {
                    memory.add_value(label, tool.name(), &result.content);
                }
                (Some(tool), Some(Worth { label, has_content: false, .. })) if is_output => {
                    let url = match &call {
                        Some(Call::Builtin(Operation::HttpFetch { url, .. })) => {
                            Some(url.to_string())
                        }
                        _ => None,
                    };
                    let (name, records) = (tool.name(), tool.output().records.as_ref());
                    memory.add_output(label, name, &result.content, records, url.as_deref());
                }
                // Ids that it gives back may come from what it was given.
                (Some(tool), Some(Worth { label, has_content: true, .. })) if is_output => {
                    memory.add(label, tool.name(), &result.content);
                }
                // The tool is gone since the call was made; what it gave back is not.
                (None, _) if is_output => {
                    let label = Label::untrusted(Source::Skill, Secrecy::Private);
                    memory.add(label, "a tool that is gone", &result.content);
                }
                // A refusal repeats words of the model, and is worth no more than those.
                _ => memory.add_model(&result.content),
            }
            let made = call.as_ref().map(|call| {
                let mut canonical = String::new();
                call.canonical(&mut canonical);
                Sha256::digest(canonical.as_bytes()).into()
            });
            if let Some(wanted) = made.or(unread) {
                let seen = Sha256::digest(result.content.as_bytes()).into();
                is_loop |= turn.repetition.saw(&wanted, &seen);
            }
            blocks.push(Block::ToolResult(result));
        }
        if let Some(conversation) = self.conversation(number) {
            conversation.memory().history.push(Message { role: Role::User, blocks });
        }
        is_loop
    }

    /// Ends the turn of a conversation, whatever it waits for. Says whether there was one.
    pub(super) fn stop(&mut self, number: ConversationNumber, end: End) -> bool {
        let Some(mut turn) = self.take_turn(number) else { return false };
        match core::mem::replace(&mut turn.stage, Stage::Moving) {
            Stage::Asking { exchange, attempt, spending } => {
                self.exchanges.remove(&exchange);
                self.route.abandoned(attempt);
                // Nobody will say what it cost, but how long it took is known.
                self.settle(number, spending, spending.by_clock(self.now.instant));
                self.outbox.order(Order::Unask(exchange));
            }
            Stage::Calling(round) => self.stop_round(number, &mut turn, round),
            Stage::Arriving(arriving) => {
                self.stop_arriving(&arriving);
                if end == End::Halted {
                    self.tell_arrived(number, &arriving);
                }
            }
            Stage::Moving | Stage::Pausing(_) | Stage::Held { .. } => {}
        }
        self.end_turn(number, &turn, end);
        true
    }

    fn stop_round(&mut self, number: ConversationNumber, turn: &mut Turn, round: Vec<Calling>) {
        let ended = round.into_iter().map(|mut calling| {
            let content = match calling.stage {
                CallStage::Running { spending, asks_since, .. } => {
                    self.stop_call(calling.number);
                    let until = asks_since.unwrap_or(self.now.instant);
                    self.settle(number, spending, spending.by_clock(until));
                    "stopped by a person while it ran; what it did until then is not known"
                }
                CallStage::Done(_) => return calling,
                CallStage::Asking | CallStage::Held { .. } => "not run: stopped by a person",
            };
            let content = content.to_string();
            let result = ToolResult { id: calling.id.clone(), content, is_error: true };
            calling.stage =
                CallStage::Done(Outcome { result, is_output: false, is_withheld: false });
            calling
        });
        let ended: Vec<Calling> = ended.collect();
        if !is_broken(Fault::LostResult) {
            self.remember_round(number, turn, ended);
        }
    }

    /// Grants were revoked, or a rule was made that forbids: what runs with them, or against it, is
    /// stopped.
    pub(super) fn stop_uncovered(&mut self) {
        let active: Vec<ConversationNumber> = self.active.iter().copied().collect();
        for number in active {
            let Some(mut turn) = self.take_turn(number) else { continue };
            // A model that may not be asked any more is not listened to either: the next one is
            // asked, if there is one.
            if matches!(turn.stage, Stage::Asking { .. }) && !is_broken(Fault::HeardModel) {
                self.ask_again(number, turn, false);
                continue;
            }
            let uncovered: Vec<CallNumber> = match &turn.stage {
                Stage::Calling(round) => {
                    let running = round.iter().filter(|calling| match &calling.stage {
                        CallStage::Running { handles, .. } => {
                            let call = calling.call.as_ref();
                            call.is_none_or(|call| self.is_forbidden(call, handles))
                        }
                        _ => false,
                    });
                    running.map(|calling| calling.number).collect()
                }
                _ => Vec::new(),
            };
            self.stop_calls(number, &mut turn, &uncovered);
            self.go_on(number, turn);
        }
        self.stop_ungranted_samplings();
    }

    /// Nobody waits for a call any more, and what it asked and meant to write ends with it.
    fn stop_call(&mut self, call: CallNumber) {
        self.calls.remove(&call);
        self.end_asked(call, None, CALL_IS_OVER);
        self.persona.withdraw(call);
        self.outbox.order(Order::Stop(call));
    }

    /// Stops calls whose grants have ended.
    pub(super) fn stop_calls(
        &mut self,
        number: ConversationNumber,
        turn: &mut Turn,
        calls: &[CallNumber],
    ) {
        for call in calls {
            self.stop_call(*call);
            let content = "stopped: a grant it needs was revoked while it ran; what it did until \
                           then is not known"
                .to_string();
            self.finish(number, turn, *call, ToolOutput { content, is_error: true }, false);
        }
    }

    /// A call took longer than it may, and the shell did not end it.
    pub(super) fn overdue(&mut self, number: ConversationNumber, turn: &mut Turn) {
        let now = self.now.instant;
        let Stage::Calling(round) = &turn.stage else { return };
        let overdue = round.iter().filter_map(|calling| match calling.stage {
            CallStage::Running { deadline, asks_since: None, .. } if deadline <= now => {
                Some(calling.number)
            }
            _ => None,
        });
        for call in overdue.collect::<Vec<_>>() {
            self.stop_call(call);
            let content = "it did not end in time and was stopped".to_string();
            self.finish(number, turn, call, ToolOutput { content, is_error: true }, false);
        }
    }
}

/// Why a value is not taken out of a content in a guest's turn.
const NOT_FOR_GUESTS: &str = "not run: no value is taken out of a private content for a guest of \
                              an open room, because everybody there would read it. Somebody who \
                              was let in can ask for it.";

/// How a question of a server ends whose call has.
const CALL_IS_OVER: &str = "the call it belongs to is over";

/// What a call that cannot be read is known again by. Nothing that can be read has the same digest:
/// a canonical form begins otherwise.
fn digest_of_unread(call: &ToolUse) -> [u8; 32] {
    let parsed = json::parse(call.arguments.as_bytes());
    let canonical = parsed.ok().and_then(|it| it.root().canonical(Numbers::Round).ok());
    let arguments = canonical.as_deref().unwrap_or(&call.arguments);
    let mut hash = Sha256::new();
    hash.update(b"sentinel unread call 1\n");
    hash.update((call.name.len() as u64).to_be_bytes());
    hash.update(call.name.as_bytes());
    hash.update(arguments.as_bytes());
    hash.finalize().into()
}

/// Whether what a call gives back is one value out of a content.
const fn is_value(call: Option<&Call>) -> bool {
    matches!(call, Some(Call::Builtin(Operation::ExtractValue { .. })))
}
