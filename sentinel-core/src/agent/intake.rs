//! Messages: who is let in, what is a command, and when a message gets its turn.
//!
//! # Invariants
//! - A message is looked at once, however often it comes, and acknowledged each time.
//! - Nobody who was not let in learns anything but a code to be let in by, and has no effect on the
//!   conversations of others.
//!
//! # Not here
//! The rules of admission: [`channel`](crate::channel).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Agent;
use super::approval::{Answer, By};
use super::command::{Command, HELP};
use super::conversation::{Queued, own_words};
use super::fetching::Told;
use super::input::SYSTEM;
use super::number::{ConversationNumber, DeliveryNumber, TurnNumber};
use super::outbox::{Order, Saying};
use super::record::Kind;
use super::repetition::Repetition;
use super::turn::{End, Stage, Turn};
use crate::budget::Scope;
use crate::channel::{Admission, Incoming, Part, Person, Standing};
use crate::fault::{Fault, is_broken};
use crate::label::{Label, Secrecy, Source};
use crate::limits::{CONVERSATION_QUEUE_MAX, CONVERSATION_SAYINGS_MAX};
use crate::llm::{Block, Message, Role};

impl Agent {
    pub(super) fn message(&mut self, incoming: Incoming, entropy: [u8; 16]) {
        self.outbox.order(Order::Acknowledge {
            platform: incoming.identity.platform.clone(),
            message: incoming.id.clone(),
        });
        if let Some(known) = self.place(&incoming)
            && self.conversations.get(&known).is_some_and(|chat| chat.knows(&incoming.id))
        {
            self.ignored(known, &incoming, "it came before");
            return;
        }
        if self.platform(&incoming.identity.platform).is_none() {
            return self.ignored(SYSTEM, &incoming, "no such platform is connected");
        }
        match self.access.admit(&incoming, entropy, self.now.wall) {
            Admission::Ignore { why } => self.ignored(SYSTEM, &incoming, &why.to_string()),
            Admission::OfferCode { text } => self.offer_code(&incoming, text),
            Admission::Allow { person, is_operator, is_guest } => {
                self.let_in(incoming, person, is_operator, is_guest);
            }
        }
    }

    /// Whether a message does nothing but end what goes on: `/stop`, from somebody who may say so.
    /// Such a message is taken even while the journal cannot be written.
    pub(crate) fn only_ends(&self, incoming: &Incoming) -> bool {
        let Some(number) = self.place(incoming) else { return false };
        let chat = self.conversations.get(&number);
        let goes_on = chat.is_some_and(|chat| chat.turn.is_some() && !chat.knows(&incoming.id));
        goes_on
            && matches!(Command::parse(&own_words(incoming)), Some(Ok(Command::Stop)))
            && self.platform(&incoming.identity.platform).is_some()
            && self
                .access
                .sender(incoming)
                .is_some_and(|(person, is_operator)| self.may_end(number, person, is_operator))
    }

    pub(super) fn ignored(
        &mut self,
        conversation: ConversationNumber,
        incoming: &Incoming,
        why: &str,
    ) {
        self.outbox.record(Kind::Ignored, conversation, |out| {
            let identity = &incoming.identity;
            out.field("platform", identity.platform.as_str());
            out.field("chat", identity.chat.as_str()).field("sender", identity.sender.as_str());
            out.field("message", incoming.id.as_str()).field("why", why);
        });
    }

    /// A stranger is told a code. There is no conversation with them: what is said to them is an
    /// order of its own.
    fn offer_code(&mut self, incoming: &Incoming, text: String) {
        let delivery = DeliveryNumber(self.numbers.next());
        self.outbox.record(Kind::CodeOffered, SYSTEM, |out| {
            let identity = &incoming.identity;
            out.field("platform", identity.platform.as_str());
            out.field("chat", identity.chat.as_str()).field("sender", identity.sender.as_str());
            out.field("delivery", delivery.0);
        });
        self.outbox.order(Order::Greet {
            delivery,
            platform: incoming.identity.platform.clone(),
            chat: incoming.identity.chat.clone(),
            text,
        });
    }

    fn let_in(&mut self, incoming: Incoming, person: Person, is_operator: bool, is_guest: bool) {
        let Some(number) = self.open(&incoming, is_guest.then_some(person)) else {
            return self.turn_away(&incoming, person);
        };
        if !is_guest {
            self.take_over(number);
        }
        let now = self.now.wall;
        if let Some(conversation) = self.conversation(number) {
            conversation.remember(&incoming.id);
            conversation.heard = now;
            conversation.operator = (is_operator && incoming.is_private).then_some(person);
        }
        self.outbox.record(Kind::Admitted, number, |out| {
            let identity = &incoming.identity;
            out.field("platform", identity.platform.as_str());
            out.field("chat", identity.chat.as_str()).field("sender", identity.sender.as_str());
            out.field("message", incoming.id.as_str()).field("person", u64::from(person.0));
            out.field("is_operator", is_operator).field("is_guest", is_guest);
        });
        if incoming.parts.is_empty() {
            return self.ignored(number, &incoming, "there is nothing in it");
        }
        // Whoever writes faster than the platform takes answers is not answered that it is so.
        // Guests are the first not to be: they must not keep a person's `/stop` from being heard.
        let sayings = self.deliveries.values().filter(|say| say.conversation == number);
        let sayings_max =
            if is_guest { CONVERSATION_SAYINGS_MAX / 2 } else { CONVERSATION_SAYINGS_MAX };
        if sayings.count() >= sayings_max {
            return self.ignored(number, &incoming, "too much is on its way there already");
        }
        match Command::parse(&own_words(&incoming)) {
            Some(Ok(command)) if is_guest && !command.is_for_guests() => {
                self.outbox.record(Kind::Command, number, |out| {
                    out.field("refused", "a guest").field("person", u64::from(person.0));
                });
                self.notice(number, "Guests can use /help, /status and /stop.".to_string());
            }
            Some(Ok(command)) => self.command(number, person, is_operator, command),
            Some(Err(error)) => self.notice(number, error.to_string()),
            None => self.enqueue(number, Queued { incoming, person, is_guest }),
        }
    }

    fn enqueue(&mut self, number: ConversationNumber, queued: Queued) {
        if let Some(halt) = self.why_halted() {
            if !is_broken(Fault::UnsaidHalt) {
                self.notice(number, halt.to_string());
            }
            return;
        }
        let Some(conversation) = self.conversation(number) else { return };
        // In an open room half of the places are for those who were let in.
        let waiting = conversation.queue.iter();
        let (count, most) = match queued.is_guest {
            true => (waiting.filter(|other| other.is_guest).count(), CONVERSATION_QUEUE_MAX / 2),
            false => (waiting.count(), CONVERSATION_QUEUE_MAX),
        };
        if count >= most || conversation.queue.len() >= CONVERSATION_QUEUE_MAX {
            self.ignored(number, &queued.incoming, "too many messages wait already");
            self.notice(number, format!("{most} messages wait already, so I left this one out."));
            return;
        }
        if conversation.turn.is_none() || !is_broken(Fault::LostMessage) {
            conversation.queue.push_back(queued);
        }
        if conversation.turn.is_none() {
            self.next_turn(number);
        }
    }

    /// The next message that waits gets its turn.
    pub(super) fn next_turn(&mut self, number: ConversationNumber) {
        let Some(queued) = self.next_queued(number) else { return };
        let Queued { incoming, person, is_guest } = queued;
        let turn = Box::new(Turn {
            number: TurnNumber(self.numbers.next()),
            person,
            delivery: DeliveryNumber(self.numbers.next()),
            rounds_count: 0,
            may_call: true,
            was_shortened: false,
            repetition: Repetition::new(),
            stage: Stage::Moving,
        });
        self.outbox.record(Kind::TurnStarted, number, |out| {
            out.field("turn", turn.number.0).field("message", incoming.id.as_str());
            out.field("person", u64::from(person.0)).field("delivery", turn.delivery.0);
        });
        self.arrive(number, turn, incoming, is_guest);
    }

    /// A message goes to the model, with what is to be told of each of its attachments.
    pub(super) fn hear(
        &mut self,
        number: ConversationNumber,
        turn: Box<Turn>,
        incoming: &Incoming,
        is_guest: bool,
        told: Vec<Option<Told>>,
    ) {
        if self.is_outside(number) {
            return self.pass_on(number, turn, incoming);
        }
        let Some(conversation) = self.conversation(number) else { return };
        let memory = conversation.memory();
        memory.context.begin_turn();
        let mut blocks = Vec::new();
        for (part, told) in incoming.parts.iter().zip(told) {
            let (told, picture) = told.map(|it| (it.text, it.picture)).unzip();
            let (label, name, text) = labelled(part, is_guest, told);
            memory.add(label, &name, &text);
            blocks.push(Block::Text(text));
            // What can be seen in it counts as what is said of it: anybody may have drawn it.
            blocks.extend(picture.flatten().map(Block::Image));
        }
        memory.history.push(Message { role: Role::User, blocks });
        self.ask(number, turn);
    }

    /// The next message that waits, of somebody who is still let in.
    fn next_queued(&mut self, number: ConversationNumber) -> Option<Queued> {
        loop {
            let queued = self.conversation(number)?.queue.pop_front()?;
            if self.access.is_in(queued.person) {
                return Some(queued);
            }
            self.ignored(number, &queued.incoming, "the sender is let in no longer");
        }
    }

    /// Ends what was begun for those who are not let in any more.
    pub(super) fn stop_outsiders(&mut self) {
        let active: Vec<ConversationNumber> = self.active.iter().copied().collect();
        for number in active {
            let turn = self.conversations.get(&number).and_then(|chat| chat.turn.as_ref());
            if turn.is_some_and(|turn| !self.access.is_in(turn.person)) {
                self.stop(number, End::Stopped);
            }
        }
    }

    fn command(
        &mut self,
        number: ConversationNumber,
        person: Person,
        is_operator: bool,
        command: Command,
    ) {
        let (word, done) = match command {
            Command::Help => ("help", HELP.to_string()),
            Command::Status => ("status", self.status(number, person)),
            Command::Stop => ("stop", self.stop_by(number, person, is_operator)),
            Command::Clear => ("clear", self.clear_by(number, person, is_operator)),
            Command::Model(name) => ("model", self.choose_model(number, name)),
            Command::Approve { question, answer } => {
                let word = if answer.allows() { "approve" } else { "deny" };
                (word, self.answer_in_chat(number, person, is_operator, question, answer))
            }
            Command::Fill { question, values } => {
                let done = self.fill_in_chat(number, person, is_operator, question, &values);
                ("approve", done)
            }
            Command::Pair(code) => ("pair", self.pair_in_chat(is_operator, &code)),
        };
        self.outbox.record(Kind::Command, number, |out| {
            out.field("command", word).field("person", u64::from(person.0));
        });
        if !done.is_empty() {
            self.notice(number, done);
        }
    }

    pub(super) fn notice(&mut self, number: ConversationNumber, text: String) {
        self.say(number, text, Saying::Notice);
    }

    /// Whether a person may end or clear what goes on: their own turn, whoever was let in a
    /// guest's, an operator any.
    fn may_end(&self, number: ConversationNumber, person: Person, is_operator: bool) -> bool {
        let turn = self.conversations.get(&number).and_then(|chat| chat.turn.as_ref());
        let is_guest = |person| {
            self.access.person(person).is_some_and(|known| known.standing == Standing::Guest)
        };
        is_operator
            || turn.is_none_or(|turn| {
                turn.person == person || is_guest(turn.person) && !is_guest(person)
            })
    }

    fn stop_by(&mut self, number: ConversationNumber, person: Person, is_operator: bool) -> String {
        if !self.may_end(number, person, is_operator) {
            return "This is somebody else's turn; they or an operator can stop it.".into();
        }
        match self.stop(number, End::Stopped) {
            true => "Stopped.".into(),
            false => "There is nothing to stop.".into(),
        }
    }

    fn clear_by(
        &mut self,
        number: ConversationNumber,
        person: Person,
        is_operator: bool,
    ) -> String {
        if !self.may_end(number, person, is_operator) {
            return "This is somebody else's turn; wait until it is over.".into();
        }
        let Some(conversation) = self.conversation(number) else { return String::new() };
        // What others asked meanwhile is theirs.
        let (own, others) = core::mem::take(&mut conversation.queue)
            .into_iter()
            .partition::<VecDeque<_>, _>(|queued| queued.person == person);
        for queued in own {
            self.ignored(number, &queued.incoming, "the conversation was cleared");
        }
        self.stop(number, End::Stopped);
        self.release(number);
        self.writers.disown(number);
        if let Some(conversation) = self.conversation(number) {
            conversation.clear();
            conversation.queue = others;
        }
        self.next_turn(number);
        CLEARED.into()
    }

    fn choose_model(&mut self, number: ConversationNumber, name: Option<String>) -> String {
        let names: Vec<&str> = self.settings.models.iter().map(|model| &*model.name).collect();
        match name {
            None => format!("There are these models, the usual one first: {}", names.join(", ")),
            Some(name) if names.contains(&name.as_str()) => {
                let said = format!("I use {name} here from the next question on.");
                let usual = names.first().copied().unwrap_or_default().to_string();
                if let Some(conversation) = self.conversation(number) {
                    let before = conversation.model.replace(name.as_str().into());
                    let before = before.unwrap_or(usual.into());
                    self.outbox.record(Kind::ModelSwitched, number, |out| {
                        out.field("from", &*before).field("to", name.as_str());
                        out.field("because", "a person chose it");
                    });
                }
                said
            }
            Some(name) => {
                let meant = crate::text::suggest::nearest(&name, names.iter().copied());
                match meant {
                    Some(meant) => format!("There is no such model; did you mean {meant}?"),
                    None => format!("There is no such model; there are {}", names.join(", ")),
                }
            }
        }
    }

    fn status(&self, number: ConversationNumber, person: Person) -> String {
        let Some(conversation) = self.conversations.get(&number) else { return String::new() };
        let doing = conversation.turn.as_ref().map_or("idle", |turn| turn.status());
        let tokens = conversation.find_memory().map_or(0, |memory| memory.history.estimate());
        let messages = conversation.find_memory().map_or(0, |memory| memory.history.len());
        let spent = self.budgets.spent(Scope::Conversation, number.0, self.now.wall);
        let today = self.budgets.spent(Scope::Person, u64::from(person.0), self.now.wall);
        let tainted =
            conversation.find_memory().is_some_and(|memory| memory.context.is_untrusted());
        let read = match tainted {
            true => "yes, so I ask before what you did not name",
            false => "no",
        };
        let waiting = conversation.queue.len();
        let halted = self.why_halted().map(|why| format!("\n{why}")).unwrap_or_default();
        format!(
            "I am {doing}; {waiting} more messages wait.\n\
             Remembered: {messages} messages, about {tokens} tokens.\n\
             Anything untrusted read: {read}.\n\
             Spent here: {} tokens, {}; by you: {} tokens, {}.{halted}",
            spent.tokens, spent.money, today.tokens, today.money,
        )
    }

    fn answer_in_chat(
        &mut self,
        number: ConversationNumber,
        person: Person,
        is_operator: bool,
        question: u32,
        answer: Answer,
    ) -> String {
        let by = match self.who_answers(number, person, is_operator, question, answer) {
            Ok(by) => by,
            Err(why) => return why,
        };
        let can_be = self.approvals.find(question).map_or(Ok(()), |known| known.can_be(answer));
        if let Err(why) = can_be {
            return format!("Not answered: {why}.");
        }
        self.answered(question, answer, by);
        match answer.allows() {
            true => format!("Allowed: question {question}."),
            false => format!("Denied: question {question}."),
        }
    }

    fn fill_in_chat(
        &mut self,
        number: ConversationNumber,
        person: Person,
        is_operator: bool,
        question: u32,
        values: &str,
    ) -> String {
        match self.who_answers(number, person, is_operator, question, Answer::Once) {
            Err(why) => why,
            Ok(by) => match self.fill_in(question, values, by) {
                Ok(()) => format!("Answered: question {question}."),
                Err(why) => format!("Not answered: {why}."),
            },
        }
    }

    /// As whom somebody answers a question of a chat.
    ///
    /// # Errors
    /// Why they do not, for them.
    fn who_answers(
        &self,
        number: ConversationNumber,
        person: Person,
        is_operator: bool,
        question: u32,
        answer: Answer,
    ) -> Result<By, String> {
        let known = self.approvals.find(question).filter(|known| known.conversation == number);
        let Some(known) = known else {
            return Err(format!("There is no question {question} here that waits for an answer."));
        };
        let turn = known.turn;
        let is_for_operators = known.is_for_operators()
            || answer == Answer::Always
            || self.is_about_persona(number, &known.subject);
        let is_own = self
            .conversations
            .get(&number)
            .and_then(|chat| chat.turn.as_ref())
            .is_some_and(|own| own.number == turn && own.person == person);
        let may_answer =
            is_operator || is_own && self.settings.turn.people_may_approve && !is_for_operators;
        if is_own && is_for_operators && !may_answer {
            return Err(format!(
                "Only an operator can answer question {question} like that: it would hold for more \
                 than this."
            ));
        }
        if !may_answer {
            return Err(format!("Only an operator can answer question {question}."));
        }
        Ok(if is_operator { By::Operator(Some(person)) } else { By::Person(person) })
    }

    fn pair_in_chat(&mut self, is_operator: bool, code: &str) -> String {
        if !is_operator {
            return "Only an operator can let people in.".into();
        }
        match self.pair(code) {
            Ok(person) => format!("Let in: person {}.", person.0),
            Err(refusal) => refusal.to_string(),
        }
    }
}

/// What is told after `/clear`. The log keeps what was said, and only an operator can end that.
const CLEARED: &str = "We begin anew: no model is shown what was said here before. It still stands \
                       in the journal, where an operator can have it forgotten for good.";

/// What a part of a message says, who said it, and what people call that.
fn labelled(part: &Part, is_guest: bool, told: Option<String>) -> (Label, String, String) {
    match part {
        // Whoever comes in by an open door is a stranger.
        Part::Text(text) if is_guest => {
            (Label::untrusted(Source::Stranger, Secrecy::Private), "a guest".into(), text.clone())
        }
        Part::Text(text) => (Label::trusted(Source::Person), "the person".into(), text.clone()),
        Part::Quoted(text) => (
            Label::untrusted(Source::Quoted, Secrecy::Private),
            "a quotation".into(),
            format!("[quoted]\n{text}\n[end of the quotation]"),
        ),
        Part::Forwarded { from, text } => (
            Label::untrusted(Source::Quoted, Secrecy::Private),
            "a forwarded message".into(),
            format!("[forwarded, from {from}]\n{text}\n[end of the forwarded message]"),
        ),
        Part::Attachment { name, .. } => (
            Label::untrusted(Source::Attachment, Secrecy::Private),
            "an attachment".into(),
            told.unwrap_or_else(|| format!("[attached: {name}; it is not here]")),
        ),
    }
}
