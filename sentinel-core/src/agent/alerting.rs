//! Telling operators what they should look at.
//!
//! An alert is recorded and handed to the shell, which puts it where an operator of the machine
//! looks: its log. What a person asks to have looked at is said in the operators' own chats as
//! well, for nobody reads a log while a call waits to be tried again in other words.
//!
//! # Invariants
//! - What goes to the shell names calls and people, and nothing that was said: a log is read by
//!   more people than a chat. What was asked is said in chats with one operator and nobody else.
//! - Whoever gives an alert is not told of it again.
//!
//! # Not here
//! Where a shell puts what it is told.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::approval::{Approval, By, Subject};
use super::authority::hex_short;
use super::number::ConversationNumber;
use super::outbox::Order;
use super::record::Kind;
use super::turn::Stage;
use super::{Agent, SYSTEM};
use crate::channel::{Person, Standing};
use crate::label::visible;

impl Agent {
    /// Tells the operator.
    pub(super) fn alert(&mut self, text: String) {
        self.outbox.record(Kind::Alerted, SYSTEM, |out| {
            out.field("text", text.as_str());
        });
        self.outbox.order(Order::Alert(text));
    }

    /// Somebody denied what a question asked for, and wants it to be looked at.
    pub(super) fn alert_of_denial(&mut self, question: u32, approval: &Approval, by: By) {
        let digest = hex_short(&approval.digest);
        let text = format!(
            "{} denied question {question} [{digest}] of {} with an alert: {}",
            self.whoever(by),
            approval.conversation,
            self.asked_for(approval),
        );
        let told = format!("{text}\n{}", approval.about());
        self.alert(text);
        for chat in self.operators_chats(by.person()) {
            self.notice(chat, told.clone());
        }
    }

    /// Somebody, for those who have to find out who it was.
    fn whoever(&self, by: By) -> String {
        let known = by.person().and_then(|person| self.access.person(person));
        let who = known.map(|known| {
            let (sender, platform) = (visible(&known.sender), &known.platform);
            format!("person {} ('{sender}' on {platform})", known.person.0)
        });
        match (by, who) {
            (By::Operator(_), Some(who)) => format!("an operator, {who},"),
            (_, Some(who)) => who,
            (By::Operator(_), None) => "an operator outside of the chats".to_string(),
            (_, None) => "somebody".to_string(),
        }
    }

    /// What a question asks for, in few words.
    fn asked_for(&self, approval: &Approval) -> String {
        let (what, numbers) = match &approval.subject {
            Subject::Budget(exceeded) => return exceeded.to_string(),
            Subject::Calls(numbers) => ("a call of", numbers.as_slice()),
            Subject::Server(asked) => {
                ("what a server asks in a call of", core::slice::from_ref(&asked.call))
            }
            Subject::Sampling { call, .. } => (
                "what a server would have a model answer in a call of",
                core::slice::from_ref(call),
            ),
        };
        let chat = self.conversations.get(&approval.conversation);
        let round = match chat.and_then(|chat| chat.turn.as_ref()).map(|turn| &turn.stage) {
            Some(Stage::Calling(round)) => round.as_slice(),
            _ => &[],
        };
        let meant = round.iter().filter(|calling| numbers.contains(&calling.number));
        let tools: Vec<&str> =
            meant.filter_map(|calling| Some(calling.call.as_ref()?.tool())).collect();
        format!("{what} {}", tools.join(", "))
    }

    /// The chats in which an operator is alone with the agent, but for those of one who knows.
    fn operators_chats(&self, but: Option<Person>) -> Vec<ConversationNumber> {
        let is_operator = |person: Person| {
            self.access.person(person).is_some_and(|it| it.standing == Standing::Operator)
        };
        let chats = self.conversations.iter().filter(|(_, chat)| {
            chat.operator.is_some_and(|own| Some(own) != but && is_operator(own))
        });
        chats.map(|(number, _)| *number).collect()
    }
}
