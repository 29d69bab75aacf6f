//! What a server says: answers, questions of its own, and what it tells unasked.
//!
//! # Invariants
//! - An answer to nothing that is under way is a fault; one to what was given up is dropped, once.
//!
//! # Not here
//! What an answer means to whoever asked: [`output`](super::output).

use alloc::string::{String, ToString};

use super::super::id::Id;
use super::super::message::{self, Code, Message};
use super::super::version::Version;
use super::{
    Asked, Claims, Client, ClientEffect, Fault, Got, Items, Open, Peer, RequestNumber, Stage,
    ToolClaim, What, own_id,
};
use crate::limits::{
    MCP_BATCH_COUNT_MAX, MCP_ITEMS_COUNT_MAX, MCP_LIST_BYTES_MAX, MCP_PAGES_COUNT_MAX,
    MCP_QUESTIONS_COUNT_MAX, MCP_TEXT_BYTES_MAX,
};
use crate::text::json::{Kind, Value};

impl Client {
    pub(super) fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let document = match message::parse(line) {
            Ok(document) => document,
            Err(error) => return self.broke(Fault::NoJson(error.to_string())),
        };
        let root = document.root();
        if root.kind() == Kind::Array && self.version.has_batches() {
            if root.elements().map_or(0, Iterator::count) > MCP_BATCH_COUNT_MAX {
                return self.broke(Fault::TooMuch("messages at once"));
            }
            root.elements().into_iter().flatten().for_each(|value| self.message(value));
            return;
        }
        self.message(root);
    }

    fn message(&mut self, value: Value<'_>) {
        if self.stage == Stage::Ended {
            return;
        }
        match Message::read(value) {
            Ok(Message::Result { id, result }) => {
                if let Some(open) = self.take(&id) {
                    self.result(open, result);
                }
            }
            Ok(Message::Error { id: Some(id), code, message }) => {
                if let Some(open) = self.take(&id) {
                    self.failed(open, code, message);
                }
            }
            Ok(Message::Error { id: None, .. }) => {
                self.broke(Fault::NoMessage("it did not understand a message of ours"));
            }
            Ok(Message::Request { id, method, params }) => self.requested(id, method, params),
            Ok(Message::Notification { method, params }) => self.told(method, params),
            Err(no) => self.broke(Fault::NoMessage(no.why)),
        }
    }

    /// The request that is answered.
    fn take(&mut self, id: &Id) -> Option<Open> {
        if let Some(place) = self.open.iter().position(|open| own_id(open.number) == *id) {
            return Some(self.open.remove(place));
        }
        match self.given_up.iter().position(|number| own_id(*number) == *id) {
            Some(place) => {
                self.given_up.remove(place);
            }
            None => self.broke(Fault::Unasked),
        }
        None
    }

    fn result(&mut self, open: Open, result: Value<'_>) {
        let outcome = match open.what {
            What::Greeting => self.greeted(result),
            What::Tools => self.listed(result),
            what => Got::read(what, result).map(|got| {
                let request = RequestNumber(open.number);
                self.out.push_back(ClientEffect::Done { request, got });
            }),
        };
        if let Err(fault) = outcome {
            // What was asked for fails before the server does.
            self.open.push(open);
            self.broke(fault);
        }
    }

    fn failed(&mut self, open: Open, code: i64, words: &str) {
        match open.what {
            What::Greeting => self.broke(Fault::NotAnAnswer("it refused the handshake")),
            What::Tools => self.broke(Fault::NotAnAnswer("it has tools and does not list them")),
            What::Call | What::List(_) | What::Read(_) => {
                let why = alloc::format!("{} (error {code})", message::short(words));
                let request = RequestNumber(open.number);
                self.out.push_back(ClientEffect::Failed { request, why });
            }
        }
    }

    fn greeted(&mut self, result: Value<'_>) -> Result<(), Fault> {
        let version = message::text(result, "protocolVersion").and_then(Version::find);
        self.version = version.ok_or(Fault::Version)?;
        let all = result.find("capabilities").filter(|all| all.kind() == Kind::Object);
        let all = all.ok_or(Fault::NotAnAnswer("capabilities are missing"))?;
        let has = ["tools", "resources", "prompts"].map(|key| all.find(key).is_some());
        let about = result.find("serverInfo");
        let said = |key| {
            let text = about.and_then(|about| message::text(about, key));
            message::short(text.unwrap_or_default())
        };
        let peer = Peer {
            version: self.version,
            name: said("name"),
            release: said("version"),
            instructions: message::short(message::text(result, "instructions").unwrap_or_default()),
            has,
        };
        self.stage = Stage::Ready;
        self.send(message::ask(None, "notifications/initialized", |_| {}));
        self.out.push_back(ClientEffect::Ready(peer));
        if has[0] {
            self.list_tools();
        }
        Ok(())
    }

    /// Begins to list the tools. While they are listed already, it begins anew afterwards.
    fn list_tools(&mut self) {
        if self.listing.is_some() {
            self.is_stale = true;
            return;
        }
        self.listing = Some(Claims::default());
        self.pages_count = 0;
        self.next_page(None);
    }

    fn next_page(&mut self, cursor: Option<&str>) {
        self.last += 1;
        self.open.push(Open { number: self.last, what: What::Tools });
        let line = message::ask(Some(&own_id(self.last)), "tools/list", |out| {
            out.optional("cursor", cursor);
        });
        self.send(line);
    }

    fn listed(&mut self, result: Value<'_>) -> Result<(), Fault> {
        let Some(mut claims) = self.listing.take() else { return Ok(()) };
        let Some(Ok(list)) = result.find("tools").map(Value::elements) else {
            return Err(Fault::NotAnAnswer("there is no list of tools"));
        };
        for value in list {
            let tool = ToolClaim::read(value);
            let tool = tool.ok_or(Fault::NotAnAnswer("a tool has no name, or takes no object"))?;
            if claims.tools.iter().any(|known| known.name == tool.name) {
                return Err(Fault::NotAnAnswer("two tools have one name"));
            }
            claims.bytes = claims.bytes.saturating_add(value.source().len());
            if claims.bytes > MCP_LIST_BYTES_MAX || claims.tools.len() >= MCP_ITEMS_COUNT_MAX {
                return Err(Fault::TooMuch("the tools"));
            }
            claims.tools.push(tool);
        }
        self.pages_count += 1;
        match message::text(result, "nextCursor") {
            Some(_) if self.pages_count >= MCP_PAGES_COUNT_MAX => {
                return Err(Fault::TooMuch("the pages of tools"));
            }
            Some(cursor) if cursor.len() > MCP_TEXT_BYTES_MAX => {
                return Err(Fault::TooMuch("the bytes of a cursor"));
            }
            Some(cursor) => {
                self.listing = Some(claims);
                self.next_page(Some(cursor));
            }
            None if core::mem::take(&mut self.is_stale) => self.list_tools(),
            None => self.out.push_back(ClientEffect::Tools(claims)),
        }
        Ok(())
    }

    fn requested(&mut self, id: Id, method: &str, params: Option<Value<'_>>) {
        match method {
            "ping" => self.send(message::answer(&id, |_| {})),
            "roots/list" => {
                let line = message::answer(&id, |out| {
                    out.array("roots", |out| {
                        for root in &self.offer.roots {
                            out.object(|out| {
                                out.field("uri", &root.uri).field("name", &root.name);
                            });
                        }
                    });
                });
                self.send(line);
            }
            "elicitation/create" => self.asked(id, params),
            "sampling/createMessage" => self.wished(id, params),
            _ => {
                let why = "there is no such method here";
                self.send(message::refuse(Some(&id), Code::Method, why));
            }
        }
    }

    fn asked(&mut self, id: Id, params: Option<Value<'_>>) {
        if !self.offer.may_ask || !self.version.has_questions() {
            let why = "there is nobody to ask";
            return self.send(message::refuse(Some(&id), Code::Method, why));
        }
        if self.questions.iter().chain(&self.wishes).any(|(_, known)| *known == id) {
            return self.broke(Fault::Twice);
        }
        if self.questions.len() >= MCP_QUESTIONS_COUNT_MAX {
            let why = "too many questions wait already";
            return self.send(message::refuse(Some(&id), Code::Internal, why));
        }
        // To be led somewhere is no form, and was not offered.
        let mode = params.and_then(|params| params.find("mode"));
        if mode.is_some_and(|mode| mode.as_str() != Ok("form")) {
            let why = "people are asked by a form only";
            return self.send(message::refuse(Some(&id), Code::Params, why));
        }
        let words = params.and_then(|params| message::text(params, "message"));
        let schema = params.and_then(|params| params.find("requestedSchema"));
        let schema = schema.map_or("{}", Value::source);
        let (Some(words), true) = (words, schema.len() <= MCP_TEXT_BYTES_MAX) else {
            let why = "a question has a message, and a form of at most 4096 bytes";
            return self.send(message::refuse(Some(&id), Code::Params, why));
        };
        self.last += 1;
        let asked = Asked {
            question: self.last,
            message: message::short(words),
            schema: schema.to_string(),
        };
        self.questions.push((self.last, id));
        self.out.push_back(ClientEffect::Ask(asked));
    }

    fn told(&mut self, method: &str, params: Option<Value<'_>>) {
        match method {
            "notifications/progress" => self.progressed(params),
            "notifications/message" => {
                let data = params.and_then(|params| params.find("data"));
                let text = data.map(|data| match data.as_str() {
                    Ok(text) => message::short(text),
                    Err(_) => message::short(data.source()),
                });
                self.out.push_back(ClientEffect::Log(text.unwrap_or_default()));
            }
            "notifications/cancelled" => {
                let id = params.and_then(|params| params.find("requestId")).and_then(Id::read);
                for waiting in [&mut self.questions, &mut self.wishes] {
                    let place = waiting.iter().position(|(_, known)| Some(known) == id.as_ref());
                    if let Some(place) = place {
                        let (number, _) = waiting.remove(place);
                        self.out.push_back(ClientEffect::Unask(number));
                    }
                }
            }
            "notifications/tools/list_changed" if self.stage == Stage::Ready => self.list_tools(),
            "notifications/resources/list_changed" => {
                self.out.push_back(ClientEffect::Changed(Items::Resources));
            }
            "notifications/prompts/list_changed" => {
                self.out.push_back(ClientEffect::Changed(Items::Prompts));
            }
            // What is not known has no meaning here.
            _ => {}
        }
    }

    fn progressed(&mut self, params: Option<Value<'_>>) {
        let token = params.and_then(|params| params.find("progressToken")).and_then(Id::read);
        let is_meant = |number: u64| Some(own_id(number)) == token;
        let words = params.and_then(|params| message::text(params, "message"));
        let words: String = message::short(words.unwrap_or_default());
        let open = self.open.iter().find(|open| is_meant(open.number) && open.what == What::Call);
        match open {
            Some(open) => {
                let request = RequestNumber(open.number);
                self.out.push_back(ClientEffect::Progress { request, words });
            }
            None if self.given_up.iter().any(|number| is_meant(*number)) => {}
            None => self.broke(Fault::NoProgress),
        }
    }
}
