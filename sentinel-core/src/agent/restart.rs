//! Going on after the program ended, in whatever way it did.
//!
//! All that the agent knows was rebuilt from the journal. What was on its way when the program
//! ended is not known: answers of models are asked for again, tools are not run again unless they
//! say that twice is as good, and what was to be said is said again only where a platform can tell
//! that it is the same, or where messages that are there are changed to say it; and questions,
//! which are one however often they are asked.
//!
//! # Invariants
//! - After a start nothing waits for anything that cannot come any more.
//!
//! # Not here
//! Reading the journal: [`runtime`](crate::runtime).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::input::{DeliveryOutcome, ToolOutput};
use super::number::{ConversationNumber, TurnNumber};
use super::outbox::{Order, Saying};
use super::questions::SETTINGS_CHANGED;
use super::record::Kind;
use super::settings::Settings;
use super::turn::{CallStage, Calling, Spending, Stage, Turn};
use super::{Agent, SettingsError};
use crate::budget::Amount;
use crate::fault::{Fault, is_broken};
use crate::limits::CHANNEL_KEY_LIFETIME;
use crate::order::Set;
use crate::time::Now;

impl Agent {
    /// The program started, with these settings.
    pub(crate) fn start(&mut self, now: Now, settings: Arc<Settings>) -> Result<(), SettingsError> {
        self.now = now;
        let is_as_it_was = settings.digest == self.settings.digest;
        self.know_no_ends();
        if !is_as_it_was {
            self.adopt(settings)?;
        }
        // What is said and begun from here on did not end with the program.
        let before = self.numbers_given();
        self.stop_outsiders();
        self.repeat_sayings(before);
        let active: Vec<ConversationNumber> = self.active.iter().copied().collect();
        for number in active {
            let Some(turn) = self.take_turn(number) else { continue };
            match turn.number.0 <= before {
                true => self.resume(number, turn, is_as_it_was),
                false => self.put_turn(number, turn),
            }
        }
        Ok(())
    }

    /// When what was under way ended is not known, so it counts as all that it could have taken,
    /// whatever ends it from here on: new settings may before anything is gone on with.
    fn know_no_ends(&mut self) {
        let now = self.now.instant;
        for underway in &mut self.samplings {
            underway.take_all(now);
        }
        for number in &self.active {
            let conversation = self.conversations.get_mut(number);
            match conversation.and_then(|it| it.turn.as_mut()).map(|turn| &mut turn.stage) {
                Some(Stage::Asking { spending, .. }) => spending.take_all(now),
                Some(Stage::Calling(round)) => {
                    for calling in round {
                        if let CallStage::Running { spending, asks_since, .. } = &mut calling.stage
                        {
                            spending.take_all(now);
                            *asks_since = None;
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn resume(&mut self, number: ConversationNumber, mut turn: Box<Turn>, is_as_it_was: bool) {
        match core::mem::replace(&mut turn.stage, Stage::Moving) {
            Stage::Asking { exchange, attempt, spending } => {
                self.exchanges.remove(&exchange);
                self.route.abandoned(attempt);
                // The provider may have counted it; so it is counted as what it could have cost.
                let amount = match is_broken(Fault::FreeInterruption) {
                    true => Amount { calls: 1, ..Amount::default() },
                    false => spending.amount,
                };
                self.settle(number, spending, amount);
                self.ask(number, turn);
            }
            Stage::Calling(mut round) => {
                if !is_as_it_was {
                    self.void_questions(turn.number, &mut round);
                }
                turn.stage = Stage::Calling(round);
                self.resume_round(number, turn, is_as_it_was);
            }
            // The models, or the limits, are other ones.
            Stage::Pausing(_) if !is_as_it_was => self.ask(number, turn),
            Stage::Held { question, .. } if !is_as_it_was => {
                self.void_question(question, SETTINGS_CHANGED);
                self.ask(number, turn);
            }
            stage @ (Stage::Pausing(_) | Stage::Held { .. }) => {
                turn.stage = stage;
                self.put_turn(number, turn);
            }
            Stage::Arriving(arriving) => self.arrive_again(number, turn, arriving),
            Stage::Moving => self.ask(number, turn),
        }
    }

    /// What was shown to a person said what a call would do under other settings: where its
    /// program is, in which directory it runs, by which grant. An answer to that is none to
    /// what it would do now, and a call that a limit held was not judged by these rules.
    pub(super) fn void_questions(&mut self, turn: TurnNumber, round: &mut [Calling]) {
        for question in self.approvals.of_turn(turn) {
            self.void_question(question, SETTINGS_CHANGED);
        }
        let now = self.now.instant;
        for calling in round {
            calling.stage.start_clock(now);
            if matches!(calling.stage, CallStage::Asking | CallStage::Held { .. }) {
                let why = "not run: the settings changed while it waited. Call it again if it is \
                           still wanted";
                calling.stage = CallStage::refused(&calling.id, why.into());
            }
        }
    }

    fn resume_round(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        is_as_it_was: bool,
    ) {
        let Stage::Calling(round) = &turn.stage else { return self.put_turn(number, turn) };
        let running: Vec<_> = round
            .iter()
            .filter_map(|calling| match &calling.stage {
                CallStage::Running { handles, spending, .. } => {
                    Some((calling.number, calling.call.clone()?, handles.clone(), *spending))
                }
                _ => None,
            })
            .collect();
        for (call_number, call, handles, spending) in running {
            // Whoever asked is gone.
            self.end_asked(call_number, None, "the program ended while it waited");
            // When it ended is not known, so it is counted as all that it could have taken.
            self.settle(number, spending, spending.amount);
            let tool = self.settings.tools.find(call.tool());
            let may_repeat = tool.is_ok_and(|tool| tool.is_idempotent(&call));
            // Other settings may take the tool for another one.
            let is_covered = is_as_it_was && self.is_covered_by(&call, &handles);
            let whole = self.whole(number, &call);
            if (may_repeat && is_covered || is_broken(Fault::RepeatedCall))
                && let Ok(whole) = whole
                && let Some(again) = self.reserve_again(number, &turn)
            {
                self.run(number, turn.number, call_number, whole, &handles, 2);
                let until = self.now.instant.after(self.settings.turn.call_time_max);
                turn.runs_again(call_number, again, until);
                continue;
            }
            self.outbox.record(Kind::CallInterrupted, number, |out| {
                out.field("call", call_number.0).field("tool", call.tool());
            });
            self.alert(format!(
                "{call_number} of {} was interrupted in {number}: whether it was done is not known",
                call.tool()
            ));
            self.calls.remove(&call_number);
            let content = "interrupted: the program ended while this ran. Whether it was done, \
                           wholly or in part, is not known. It was not repeated; look before you \
                           do it again."
                .to_string();
            let output = ToolOutput { content, is_error: true };
            self.finish(number, &mut turn, call_number, output, false);
        }
        self.go_on(number, turn);
    }

    /// What a call may take that is run again. It is one call; its time is spent twice.
    fn reserve_again(&mut self, number: ConversationNumber, turn: &Turn) -> Option<Spending> {
        let time = self.settings.turn.call_time_max;
        let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let amount = Amount { time_ms, ..Amount::default() };
        let accounts = self.accounts(number, turn);
        let reservation = self.budgets.reserve(accounts, amount, self.now.wall).ok()?;
        Some(Spending { reservation, amount, since: self.now.instant })
    }

    /// What was being said when the program ended, with a number up to this one.
    fn repeat_sayings(&mut self, before: u64) {
        let open = self.deliveries.values().filter(|say| say.delivery.0 <= before);
        let open: Vec<_> = open.cloned().collect();
        let mut uncertain = Set::new();
        for say in open {
            // After a while a platform knows a key no longer, and would say it twice.
            let is_recent = self.now.instant.since(say.since) < CHANNEL_KEY_LIFETIME;
            let address = self.address(say.conversation);
            let can_repeat =
                address.is_some_and(|(platform, _)| platform.has_idempotency_key && is_recent);
            // A question is answered by its number: asked twice it is one, and unseen it is lost.
            let is_asked = match say.what {
                Saying::Question(number) => self.approvals.find(number).is_some(),
                Saying::Answer | Saying::Notice => false,
            };
            // A message that is changed twice says the same.
            let is_repeated = can_repeat || is_broken(Fault::RepeatedAnswer);
            if is_repeated || is_asked || self.is_in_place(&say) {
                self.outbox.order(Order::Say(say));
                continue;
            }
            self.delivered(say.delivery, DeliveryOutcome::Uncertain);
            uncertain.insert(say.conversation);
        }
        // Said once, whatever it was. A notice may have been this one: it is as good twice as once,
        // and what nobody was told of is lost.
        for conversation in uncertain {
            let text = "I was restarted while I answered. If the answer did not arrive, please ask \
                        again.";
            self.notice(conversation, text.to_string());
        }
    }
}
