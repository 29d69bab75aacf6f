//! Questions of a server to a person, while a call of it goes on.
//!
//! The words and the form are the server's, so they are shown as such, and what a person answers is
//! checked before it goes there. Whoever may answer a question about a call may answer this one:
//! it is asked in the conversation of the call, and of operators.
//!
//! # Invariants
//! - Only a call that runs asks, and its question ends with it.
//! - Each question has one answer, and the record of it stands before the server hears of it.
//! - A question that cannot be shown whole, or asks for a secret, is declined unseen.
//! - While one waits the clock of its call stands: what people take is not the call's time. How
//!   long that can be is bounded by how long each waits, and by how many a call may ask.
//!
//! # Not here
//! What servers may ask at all: their manifest says so. What an answer is: [`form`](super::form).

use alloc::format;
use alloc::string::String;

use super::Agent;
use super::approval::{self, Answer, Approval, By, Subject};
use super::form::Form;
use super::number::{CallNumber, ConversationNumber};
use super::outbox::Order;
use super::record::Kind;
use super::sampling::{Sampled, Unsampled};
use super::turn::{CallStage, Calling, Stage};
use crate::fault::{Fault, is_broken};
use crate::label::visible;
use crate::limits::{CALL_QUESTIONS_MAX, FORM_BYTES_MAX, QUESTION_BYTES_MAX};

/// What a server asks, during a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) call: CallNumber,
    /// The server's question, as the shell counts them.
    pub(super) number: u64,
    pub(super) form: Form,
}

/// What a server is told of its question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// This, a JSON object that fits what it asked for.
    Values(String),
    /// Somebody said no, or nobody was asked.
    Declined,
    /// Nobody said anything.
    Nothing,
    /// What came of what it would have a model answer.
    Sampled(Result<Sampled, Unsampled>),
}

impl Asked {
    /// How it is answered.
    pub(super) fn how(&self, question: u32, is_for_operators: bool) -> String {
        let values = self.form.usage();
        match is_for_operators {
            true => {
                format!("An operator answers with 'sentinel approvals allow {question}{values}'")
            }
            false => format!("Answer /approve {question}{values} or /deny {question}"),
        }
    }
}

impl Agent {
    /// A server asks a person something while it is called.
    pub(super) fn call_asks(
        &mut self,
        (call, number): (CallNumber, u64),
        (words, schema): (&str, &str),
        stops_clock: bool,
    ) {
        let Some(conversation) = self.calls.get(&call).copied() else { return };
        let asked = (call, number);
        let put = self.put_to_people(conversation, asked, (words, schema), stops_clock);
        if let Err(why) = put {
            self.outbox.record(Kind::CallDeclined, conversation, |out| {
                out.field("call", call.0).field("number", number).field("why", why.as_str());
            });
            self.outbox.order(Order::Reply { call, number, told: Told::Declined });
        }
    }

    fn put_to_people(
        &mut self,
        conversation: ConversationNumber,
        (call, number): (CallNumber, u64),
        (words, schema): (&str, &str),
        stops_clock: bool,
    ) -> Result<(), String> {
        // Whoever is behind an assistant is asked by that, and not for values.
        if self.is_outside(conversation) {
            return Err("there is nobody to ask".into());
        }
        if words.len() > FORM_BYTES_MAX || schema.len() > FORM_BYTES_MAX {
            return Err("it is longer than anybody reads".into());
        }
        if self.approvals.asked_by(call, Some(number)).is_some() {
            return Err("it has the number of another question that waits".into());
        }
        let (form, now) = (Form::read(schema)?, self.now.instant);
        let turn = self.conversations.get(&conversation).and_then(|chat| chat.turn.as_ref());
        let turn = turn.ok_or("nobody waits for its call")?;
        let Stage::Calling(round) = &turn.stage else { return Err("no call goes on".into()) };
        let calling = round.iter().find(|calling| calling.number == call);
        if calling.is_some_and(|calling| calling.asks_count >= CALL_QUESTIONS_MAX) {
            return Err("its call has asked as often as one may".into());
        }
        let Some((CallStage::Running { deadline, .. }, Some(made))) =
            calling.map(|calling| (&calling.stage, &calling.call))
        else {
            return Err("its call does not run".into());
        };
        let tool = made.tool();
        let skill = self.settings.skills.get(tool).map_or(tool, String::as_str);
        let mut text = format!(
            "The server of the skill {skill} asks you something, for its call {tool}. These are \
             its own words, which nobody vouches for:\n"
        );
        for line in words.lines() {
            text += &format!("  | {}\n", visible(line));
        }
        text += &form.shown();
        if form.speaks_of_secrets(words) {
            text += "Take care: it speaks of secrets. No server may ask for a password or a key.\n";
        }
        text += "What you answer goes to that server.";
        if text.len() > QUESTION_BYTES_MAX {
            return Err("it is too long to be shown whole".into());
        }
        // With its call it ends, the clock of which stands while it waits.
        let expires = now.after(self.settings.turn.question_time_max);
        let expires = if stops_clock { expires } else { expires.min(*deadline) };
        let approval = Approval {
            conversation,
            turn: turn.number,
            person: Some(turn.person),
            digest: approval::digest(&format!("{call}\n{number}\n{words}\n{schema}")),
            subject: Subject::Server(Asked { call, number, form }),
            block: None,
            may_be_always: false,
            text,
            expires,
        };
        self.put_question(approval, &[]).ok_or("too many questions wait already")?;
        if let Some(calling) = self.calling(conversation, call) {
            calling.asks_count = calling.asks_count.saturating_add(1);
            if stops_clock {
                calling.stage.stop_clock(now);
            }
        }
        Ok(())
    }

    /// A question of a server is over. The clock of its call goes on, if no other one waits, and no
    /// model is asked for it.
    pub(super) fn asked_is_over(&mut self, conversation: ConversationNumber, call: CallNumber) {
        let now = self.now.instant;
        if self.approvals.asked_by(call, None).is_none()
            && !self.is_sampling_for(call)
            && let Some(calling) = self.calling(conversation, call)
        {
            calling.stage.start_clock(now);
        }
    }

    pub(super) fn calling(
        &mut self,
        conversation: ConversationNumber,
        call: CallNumber,
    ) -> Option<&mut Calling> {
        let turn = self.conversations.get_mut(&conversation)?.turn.as_mut()?;
        let Stage::Calling(round) = &mut turn.stage else { return None };
        round.iter_mut().find(|calling| calling.number == call)
    }

    /// A server wants no answer any more.
    pub(super) fn call_unasks(&mut self, call: CallNumber, number: u64) {
        self.end_asked(call, Some(number), "the server takes it back");
    }

    /// Questions of a call are over, and nobody is told of an answer.
    pub(super) fn end_asked(&mut self, call: CallNumber, number: Option<u64>, how: &str) {
        while let Some((question, conversation)) = self.approvals.asked_by(call, number) {
            self.end_question(question, Answer::No, how);
            self.notice(conversation, format!("Question {question} is over: {how}."));
        }
        self.end_samplings(call, number, how);
    }

    /// The answer to a question of a server, unless it is a plain no.
    ///
    /// # Errors
    /// Why it is none: the question still waits.
    pub(super) fn fill_in(&mut self, question: u32, said: &str, by: By) -> Result<(), String> {
        let gone = || format!("there is no question {question} that waits for an answer");
        let approval = self.approvals.find(question).ok_or_else(gone)?;
        let Subject::Server(asked) = &approval.subject else {
            return Err("it asks for no values: it is allowed or denied".into());
        };
        let (call, number) = (asked.call, asked.number);
        let values = asked.form.fill(said)?;
        self.end_question_by(question, Answer::Once, (&by.how(), by), Some(&values));
        self.outbox.order(Order::Reply { call, number, told: Told::Values(values) });
        Ok(())
    }

    /// A question of a server was answered in a word.
    pub(super) fn server_answered(&mut self, asked: &Asked, answer: Answer, by: By) {
        let Asked { call, number, form } = asked;
        let told = match (answer.allows(), by) {
            // Where all that it asks for may be left out.
            (true, _) => form.fill("").map_or(Told::Declined, Told::Values),
            (false, By::Time) => Told::Nothing,
            (false, _) => Told::Declined,
        };
        if told != Told::Nothing || !is_broken(Fault::LostReply) {
            self.outbox.order(Order::Reply { call: *call, number: *number, told });
        }
    }

    /// Whether a server still waits for what it is to be told.
    pub(crate) fn waits_for_reply(&self, call: CallNumber) -> bool {
        self.calls.contains_key(&call)
    }
}
