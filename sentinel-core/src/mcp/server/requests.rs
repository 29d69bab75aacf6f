//! What a client asks for and tells, method by method.
//!
//! # Invariants
//! - Before the handshake nothing but it, and whether we are there, is answered.
//! - A tool that is not offered is not called.
//!
//! # Not here
//! The lines, and when a call is handed out: [`server`](super).

use alloc::format;
use alloc::vec::Vec;

use super::super::id::Id;
use super::super::message::{self, Code};
use super::super::version::Version;
use super::{Agreed, Level, NO_SCHEMA, Server, ServerEffect, Slot};
use crate::limits::MCP_PAGE_COUNT;
use crate::text::json::{self, Kind, Value};

impl Server {
    pub(super) fn request(&mut self, slot: Slot, method: &str, params: Option<Value<'_>>) {
        if self.is_in_use(&slot.id) {
            return self.refuse(&slot, Code::Request, "another request has this id");
        }
        match (method, self.agreed.is_some()) {
            ("ping", _) => self.give(&slot, |_| {}),
            ("initialize", false) => self.initialize(&slot, params),
            ("initialize", true) => {
                self.refuse(&slot, Code::Request, "the handshake is over already");
            }
            ("tools/list" | "tools/call" | "logging/setLevel", false) => {
                self.refuse(&slot, Code::Request, "the handshake comes first: initialize");
            }
            ("tools/list", true) => self.list(&slot, params),
            ("tools/call", true) => self.call(slot, params),
            ("logging/setLevel", true) => {
                let name = params.and_then(|params| message::text(params, "level"));
                match name.and_then(Level::find) {
                    Some(level) => {
                        self.level = level;
                        self.give(&slot, |_| {});
                    }
                    None => self.refuse(&slot, Code::Params, "there is no such level"),
                }
            }
            _ => self.refuse(&slot, Code::Method, "there is no such method here"),
        }
    }

    /// What is told without being asked. What is not known has no meaning here.
    pub(super) fn told(&mut self, method: &str, params: Option<Value<'_>>) {
        if method != "notifications/cancelled" {
            return;
        }
        let id = params.and_then(|params| params.find("requestId")).and_then(Id::read);
        let Some(id) = id else { return };
        if let Some(running) = self.running.as_mut().filter(|running| running.slot.id == id) {
            if !running.is_cancelled {
                running.is_cancelled = true;
                let (number, batch) = (running.number, running.slot.batch);
                self.out.push_back(ServerEffect::Cancel(number));
                let whole = self.batches.give_up(batch);
                self.out.extend(whole.map(ServerEffect::Send));
            }
            return;
        }
        let place = self.waiting.iter().position(|waiting| waiting.slot.id == id);
        if let Some(waiting) = place.and_then(|place| self.waiting.remove(place)) {
            self.waiting_bytes -= waiting.wish.arguments.len();
            let whole = self.batches.give_up(waiting.slot.batch);
            self.out.extend(whole.map(ServerEffect::Send));
        }
    }

    fn is_in_use(&self, id: &Id) -> bool {
        let waiting = self.waiting.iter().map(|waiting| &waiting.slot.id);
        let running = self.running.iter().map(|running| &running.slot.id);
        waiting.chain(running).any(|used| used == id)
    }

    fn give(
        &mut self,
        slot: &Slot,
        result: impl FnOnce(&mut json::ObjectWriter<'_, alloc::string::String>),
    ) {
        self.reply(slot.batch, message::answer(&slot.id, result));
    }

    fn initialize(&mut self, slot: &Slot, params: Option<Value<'_>>) {
        if slot.batch.is_some() {
            return self.refuse(slot, Code::Request, "the handshake stands alone");
        }
        let Some(asked) = params.and_then(|params| message::text(params, "protocolVersion")) else {
            return self.refuse(slot, Code::Params, "protocolVersion is missing");
        };
        // Who asks for one that is not known is offered the newest, and may end it.
        let version = Version::find(asked).unwrap_or(Version::NEWEST);
        let capabilities = params.and_then(|params| params.find("capabilities"));
        let elicitation = capabilities.and_then(|all| all.find("elicitation"));
        // The first revision that has questions has no kinds of them; what says nothing of kinds
        // means forms.
        let has_forms = |value: Value<'_>| {
            value.kind() == Kind::Object
                && (value.find("form").is_some() || value.find("url").is_none())
        };
        let can_ask = version.has_questions() && elicitation.is_some_and(has_forms);
        self.agreed = Some(Agreed { version, can_ask });
        let answer = message::answer(&slot.id, |out| {
            out.field("protocolVersion", version.name());
            out.object("capabilities", |out| {
                out.object("tools", |out| {
                    out.field("listChanged", false);
                });
                out.object("logging", |_| {});
            });
            out.object("serverInfo", |out| {
                out.field("name", "sentinel").field("version", &self.offer.version);
            });
            out.field("instructions", &self.offer.instructions);
        });
        self.send(answer);
    }

    fn list(&mut self, slot: &Slot, params: Option<Value<'_>>) {
        let cursor = params.and_then(|params| params.find("cursor"));
        let count = self.offer.tools.len();
        let from = match cursor.map(|cursor| cursor.as_str().ok()?.parse::<usize>().ok()) {
            None => 0,
            Some(Some(from)) if from < count => from,
            Some(_) => return self.refuse(slot, Code::Params, "there is no such page"),
        };
        let until = from.saturating_add(MCP_PAGE_COUNT).min(count);
        let answer = message::answer(&slot.id, |out| {
            out.array("tools", |out| {
                for tool in self.offer.tools.get(from..until).unwrap_or_default() {
                    let schema = json::parse(tool.parameters.as_bytes());
                    let schema = schema.or_else(|_| json::parse(NO_SCHEMA.as_bytes()));
                    out.object(|out| {
                        out.field("name", tool.name.as_str());
                        out.field("description", tool.description.as_str());
                        if let Ok(schema) = &schema {
                            out.field("inputSchema", schema.root());
                        }
                    });
                }
            });
            let next = (until < count).then(|| format!("{until}"));
            out.optional("nextCursor", next.as_deref());
        });
        self.reply(slot.batch, answer);
    }

    fn call(&mut self, slot: Slot, params: Option<Value<'_>>) {
        let Some(tool) = params.and_then(|params| message::text(params, "name")) else {
            return self.refuse(&slot, Code::Params, "name is missing");
        };
        if !self.offer.tools.iter().any(|offered| offered.name == tool) {
            let names: Vec<&str> = self.offer.tools.iter().map(|tool| &*tool.name).collect();
            let why = format!("there is no such tool; there are {}", names.join(", "));
            return self.refuse(&slot, Code::Params, &why);
        }
        let arguments = match params.and_then(|params| params.find("arguments")) {
            None => "{}",
            Some(arguments) if arguments.kind() == Kind::Object => arguments.source(),
            Some(_) => return self.refuse(&slot, Code::Params, "arguments is to be an object"),
        };
        let about = params.and_then(|params| params.find("_meta"));
        let token = about.and_then(|about| about.find("progressToken"));
        self.enqueue(slot, token.and_then(Id::read), tool, arguments);
    }
}
