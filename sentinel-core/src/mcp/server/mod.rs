//! The server: Sentinel's tools, for an assistant that somebody uses already.
//!
//! Calls are handed out one after another, in the order in which they came: the judge decides each
//! with everything in view that was read before.
//!
//! # Invariants
//! - A request is answered once, and one that was cancelled not at all.
//! - A name that a request has which is not answered yet is not given to a second one.
//! - A call is handed out only when the one before it is over.
//!
//! # Not here
//! What is allowed: every call goes to the agent's judge. Who reads and writes the lines: the
//! shell.

mod batch;
mod requests;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::batch::{Batches, Slot};
use super::id::Id;
use super::message::{self, Code, Message};
use super::version::Version;
use crate::control::lines::{Lines, TooLong};
use crate::limits::{
    MCP_BATCH_COUNT_MAX, MCP_CALLS_BYTES_MAX, MCP_CALLS_WAITING_MAX, MCP_LINE_BYTES_MAX,
    MCP_QUESTIONS_COUNT_MAX,
};
use crate::llm::ToolDefinition;
use crate::text::json::{Document, Kind, Value};

/// What a server says of itself.
#[derive(Clone, Debug)]
pub struct ServerOffer {
    /// The version of the program.
    pub version: String,
    /// What a model is told before all tools.
    pub instructions: String,
    /// The tools.
    pub tools: Vec<ToolDefinition>,
}

/// A call that a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Names it in what is said of it later.
    pub number: u64,
    /// The tool; it is among those that are offered.
    pub tool: String,
    /// The arguments as the client wrote them, a JSON object.
    pub arguments: String,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEffect {
    /// Write this line, and an end of line after it.
    Send(String),
    /// Make this call, and say [`Server::finished`] when it is over.
    Call(Wish),
    /// Nobody waits for this call any more: end it, and say [`Server::finished`] all the same.
    Cancel(u64),
    /// The person behind the client answered a question.
    Answered {
        /// Its number.
        question: u32,
        /// Whether the answer is yes.
        allows: bool,
    },
    /// Something the other end said makes no sense, for the log.
    Note(&'static str),
}

/// A server, to which one client speaks.
#[derive(Debug)]
pub struct Server {
    offer: ServerOffer,
    lines: Lines,
    /// What was agreed on; nothing before the handshake.
    agreed: Option<Agreed>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    running: Option<Running>,
    batches: Batches,
    /// Numbers of questions that the client was asked.
    questions: Vec<u32>,
    calls_count: u64,
    level: Level,
    out: VecDeque<ServerEffect>,
}

#[derive(Clone, Copy, Debug)]
struct Agreed {
    version: Version,
    can_ask: bool,
}

#[derive(Debug)]
struct Waiting {
    slot: Slot,
    progress: Option<Id>,
    wish: Wish,
}

#[derive(Debug)]
struct Running {
    number: u64,
    slot: Slot,
    progress: Option<Id>,
    progress_count: u64,
    is_cancelled: bool,
}

impl Server {
    /// A server to which nobody has spoken.
    #[must_use]
    pub fn new(offer: ServerOffer) -> Self {
        Self {
            offer,
            lines: Lines::new(MCP_LINE_BYTES_MAX),
            agreed: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            running: None,
            batches: Batches::default(),
            questions: Vec::new(),
            calls_count: 0,
            level: Level::Info,
            out: VecDeque::new(),
        }
    }

    /// Takes one line of what came, if there is a whole one; the input is moved past it. To be
    /// called until the input is used up, and [`poll`](Self::poll) until there is nothing between.
    pub fn receive(&mut self, input: &mut &[u8]) {
        match self.lines.next(input) {
            None => {}
            Some(Ok(line)) => self.line(line.trim_ascii()),
            Some(Err(TooLong)) => {
                let why = "the line is longer than 2 MiB and was not read";
                self.send(message::refuse(None, Code::Request, why));
            }
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<ServerEffect> {
        if self.out.is_empty() {
            self.next_call();
        }
        self.out.pop_front()
    }

    /// Whether a call is under way or waits.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty()
    }

    /// A call is over, whether anybody waits for it or not.
    pub fn finished(&mut self, number: u64, text: &str, is_error: bool) {
        let Some(running) = self.running.take_if(|running| running.number == number) else {
            return;
        };
        let Running { slot, is_cancelled, .. } = running;
        if is_cancelled {
            return;
        }
        let answer = message::answer(&slot.id, |out| {
            out.array("content", |out| {
                out.object(|out| {
                    out.field("type", "text").field("text", text);
                });
            });
            out.field("isError", is_error);
        });
        self.reply(slot.batch, answer);
    }

    /// The call goes on: the client is told, if it wants to be.
    pub fn progress(&mut self, number: u64, words: &str) {
        let Some(Agreed { version, .. }) = self.agreed else { return };
        let Some(running) = &mut self.running else { return };
        if running.number != number || running.is_cancelled {
            return;
        }
        let Some(token) = &running.progress else { return };
        running.progress_count += 1;
        let line = message::ask(None, "notifications/progress", |out| {
            token.write("progressToken", out);
            out.field("progress", running.progress_count);
            out.optional("message", version.has_progress_words().then_some(words));
        });
        self.send(line);
    }

    /// Asks the person behind the client whether something is allowed. Says whether that can be
    /// done.
    pub fn ask(&mut self, question: u32, text: &str) -> bool {
        let can_ask = self.agreed.is_some_and(|agreed| agreed.can_ask);
        let is_room = self.questions.len() < MCP_QUESTIONS_COUNT_MAX;
        if !can_ask || !is_room || self.questions.contains(&question) {
            return false;
        }
        self.questions.push(question);
        let line = message::ask(Some(&question_id(question)), "elicitation/create", |out| {
            out.field("message", text);
            out.object("requestedSchema", |out| {
                out.field("type", "object");
                out.object("properties", |out| {
                    out.object("decision", |out| {
                        out.field("type", "string").field("title", "Decision");
                        out.array("enum", |out| {
                            out.value("deny").value("allow once");
                        });
                    });
                });
                out.array("required", |out| {
                    out.value("decision");
                });
            });
        });
        self.send(line);
        true
    }

    /// A question that was asked is over without the client's answer.
    pub fn settled(&mut self, question: u32) {
        let Some(place) = self.questions.iter().position(|asked| *asked == question) else {
            return;
        };
        self.questions.remove(place);
        let line = message::ask(None, "notifications/cancelled", |out| {
            question_id(question).write("requestId", out);
            out.field("reason", "answered elsewhere, or over");
        });
        self.send(line);
    }

    /// Tells the client something for its log.
    pub fn log(&mut self, level: Level, text: &str) {
        if self.agreed.is_none() || level < self.level {
            return;
        }
        let line = message::ask(None, "notifications/message", |out| {
            out.field("level", level.name()).field("logger", "sentinel").field("data", text);
        });
        self.send(line);
    }

    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let document = match message::parse(line) {
            Ok(document) => document,
            Err(error) => {
                let why = error.to_string();
                return self.send(message::refuse(None, Code::Parse, &why));
            }
        };
        match document.root().kind() {
            Kind::Array => self.batch(&document),
            _ => self.message(document.root(), None),
        }
    }

    fn batch(&mut self, document: &Document<'_>) {
        let has_batches = self.agreed.is_some_and(|agreed| agreed.version.has_batches());
        let count = document.root().elements().map_or(0, Iterator::count);
        let why = match count {
            _ if !has_batches => "several messages as one are not what was agreed on",
            0 => "there is nothing in it",
            MCP_BATCH_COUNT_MAX.. => "there are too many messages in it",
            _ => {
                let batch = self.batches.begin();
                for value in document.root().elements().into_iter().flatten() {
                    self.message(value, Some(batch));
                }
                let whole = self.batches.close(batch);
                self.out.extend(whole.map(ServerEffect::Send));
                return;
            }
        };
        self.send(message::refuse(None, Code::Request, why));
    }

    fn message(&mut self, value: Value<'_>, batch: Option<u64>) {
        match Message::read(value) {
            Ok(Message::Request { id, method, params }) => {
                self.batches.expect(batch);
                self.request(Slot { id, batch }, method, params);
            }
            Ok(Message::Notification { method, params }) => self.told(method, params),
            Ok(Message::Result { id, result }) => self.answered(&id, Some(result)),
            Ok(Message::Error { id: Some(id), .. }) => self.answered(&id, None),
            Ok(Message::Error { id: None, .. }) => self.note("the client did not understand us"),
            Err(no) => {
                self.batches.expect(batch);
                self.reply(batch, message::refuse(no.id.as_ref(), Code::Request, no.why));
            }
        }
    }

    /// The person behind the client answered, or did not.
    fn answered(&mut self, id: &Id, result: Option<Value<'_>>) {
        let Some(place) = self.questions.iter().position(|asked| question_id(*asked) == *id) else {
            return self.note("the client answered what it was not asked");
        };
        let question = self.questions.remove(place);
        let Some(result) = result else {
            // It could not ask anybody: others still can answer.
            return self.note("the client could not ask its person");
        };
        let content = result.find("content");
        let decision = content.and_then(|content| message::text(content, "decision"));
        let allows =
            message::text(result, "action") == Some("accept") && decision == Some("allow once");
        self.out.push_back(ServerEffect::Answered { question, allows });
    }

    /// Hands the next call out, when the one before is over.
    fn next_call(&mut self) {
        if self.running.is_some() {
            return;
        }
        let Some(Waiting { slot, progress, wish }) = self.waiting.pop_front() else { return };
        self.waiting_bytes -= wish.arguments.len();
        let number = wish.number;
        let running = Running { number, slot, progress, progress_count: 0, is_cancelled: false };
        self.running = Some(running);
        self.out.push_back(ServerEffect::Call(wish));
    }

    /// Takes a call, if there is room for it.
    fn enqueue(&mut self, slot: Slot, progress: Option<Id>, tool: &str, arguments: &str) {
        let bytes = self.waiting_bytes + arguments.len();
        if self.waiting.len() >= MCP_CALLS_WAITING_MAX || bytes > MCP_CALLS_BYTES_MAX {
            let why = "too many calls wait already; wait for an answer and try again";
            return self.refuse(&slot, Code::Internal, why);
        }
        self.waiting_bytes = bytes;
        self.calls_count += 1;
        let (number, tool) = (self.calls_count, tool.to_string());
        let wish = Wish { number, tool, arguments: arguments.to_string() };
        self.waiting.push_back(Waiting { slot, progress, wish });
    }

    fn refuse(&mut self, slot: &Slot, code: Code, why: &str) {
        self.reply(slot.batch, message::refuse(Some(&slot.id), code, why));
    }

    /// Sends an answer, or keeps it until its batch is whole.
    fn reply(&mut self, batch: Option<u64>, answer: String) {
        let answer = self.batches.answer(batch, answer);
        self.out.extend(answer.map(ServerEffect::Send));
    }

    fn send(&mut self, line: String) {
        self.out.push_back(ServerEffect::Send(line));
    }

    fn note(&mut self, what: &'static str) {
        self.out.push_back(ServerEffect::Note(what));
    }
}

/// How important a line of the log is, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For those who look for a fault in the program.
    Debug,
    /// What is done.
    Info,
    /// What is done and is not usual.
    Notice,
    /// What somebody should look at.
    Warning,
    /// Something failed.
    Error,
    /// A part of the program failed.
    Critical,
    /// Somebody has to do something now.
    Alert,
    /// Nothing works.
    Emergency,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    fn find(name: &str) -> Option<Self> {
        const ALL: [Level; 8] = [
            Level::Debug,
            Level::Info,
            Level::Notice,
            Level::Warning,
            Level::Error,
            Level::Critical,
            Level::Alert,
            Level::Emergency,
        ];
        ALL.into_iter().find(|level| level.name() == name)
    }
}

/// The name of our request that asks a question.
fn question_id(question: u32) -> Id {
    Id::Text(alloc::format!("question-{question}"))
}

/// The schema of a tool that says nothing of its arguments.
const NO_SCHEMA: &str = r#"{"type":"object"}"#;
