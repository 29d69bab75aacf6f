//! A shell for tests: its disk and its chats never fail, and its tools wait to be told what to say.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::*;
use crate::agent::{Kind, Model, OperatorCommand, Provider, Refusal, ToolOutput};
use crate::channel::{AccessRules, Audience, Identity, Incoming, Part, Platform, Post, Standing};
use crate::journal::export::Keys;
use crate::journal::{KeyRing, Payload, Reader};
use crate::label::{Effect as ToolEffect, ToolRole};
use crate::llm::{Dialect, OpenAiProfile, Outgoing, Piece, Thinking, ToolDefinition};
use crate::text::json;
use crate::time::Timestamp;
use crate::tool::{Call, Tools};
use crate::wire::http::Headers;

/// A shell whose disk and chats never fail.
pub(super) struct Shell {
    pub(super) sentinel: Sentinel,
    pub(super) settings: Arc<Settings>,
    pub(super) log: Vec<u8>,
    pub(super) ring: Vec<u8>,
    pub(super) seed: Vec<u8>,
    /// Those from before.
    pub(super) old_seeds: Vec<Vec<u8>>,
    pub(super) said: Vec<String>,
    pub(super) calls: Vec<(crate::agent::CallNumber, Call)>,
    /// What servers were told of their questions.
    pub(super) replies: Vec<(crate::agent::CallNumber, u64, crate::agent::Told)>,
    pub(super) told: Vec<Result<String, Refusal>>,
    /// Exchanges that models were asked in.
    pub(super) asked: Vec<ExchangeNumber>,
    /// What the last of them was sent.
    pub(super) request: String,
    /// The same, as it was given.
    pub(super) outgoing: Option<Outgoing>,
    /// The pictures that go into it.
    pub(super) pictures: Vec<Picture>,
    /// Exchanges that nobody waits for any more.
    pub(super) unasked: Vec<ExchangeNumber>,
    pub(super) alerts: Vec<String>,
    /// How many files were asked for.
    pub(super) fetches: usize,
    /// Whether nobody hears what became of what was said.
    pub(super) is_mute: bool,
    /// What was sent meanwhile.
    pub(super) unheard: Vec<(DeliveryNumber, usize)>,
    /// Messages that were changed, and to what.
    pub(super) changed: Vec<(String, String)>,
    /// Whether the disk is slow: what is written is not safe until it is told.
    pub(super) is_slow: bool,
    pub(super) unsafe_counts: Vec<u64>,
    pub(super) instant: u64,
    pub(super) messages: u64,
}

pub(super) fn settings(grants: &[&str]) -> Settings {
    let mut settings = Settings::nothing();
    settings.models = Vec::from([Model {
        name: "offline".into(),
        provider: Provider::Offline,
        reply_tokens_max: 1000,
        context_tokens_max: 20_000,
        thinking: Thinking::Unset,
        sees_pictures: false,
    }]);
    settings.tools = Tools::builtin();
    settings.grants = grants.iter().map(|grant| grant.parse().unwrap()).collect();
    settings.platforms = Vec::from([Platform { name: "chat", ..Platform::DISCORD }]);
    settings.access = AccessRules::new()
        .person("chat", "1", Standing::Operator)
        .and_then(|rules| rules.person("chat", "2", Standing::Person))
        .and_then(|rules| rules.room("chat", "hall", Audience::Everybody))
        .unwrap();
    settings.workspace = "/srv/agent".into();
    settings
}

pub(super) fn secrets(seed: EpochSeed) -> Secrets {
    Secrets {
        journal: JournalId([1; 8]),
        origin: "example.com/test".into(),
        seed,
        master: MasterKey::new([2; 32]),
        entropy: [3; 32],
    }
}

impl Shell {
    pub(super) fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let now = Now { instant: Instant(0), wall: Timestamp(1_700_000_000_000) };
        let seed = EpochSeed::first([4; 32]);
        let kept = seed.to_bytes().to_vec();
        let sentinel = Sentinel::create(settings.clone(), secrets(seed), now).unwrap();
        let mut shell = Self {
            sentinel,
            settings,
            log: Vec::new(),
            ring: Vec::new(),
            seed: kept,
            old_seeds: Vec::new(),
            said: Vec::new(),
            calls: Vec::new(),
            replies: Vec::new(),
            told: Vec::new(),
            asked: Vec::new(),
            request: String::new(),
            outgoing: None,
            pictures: Vec::new(),
            unasked: Vec::new(),
            alerts: Vec::new(),
            fetches: 0,
            is_mute: false,
            unheard: Vec::new(),
            changed: Vec::new(),
            is_slow: false,
            unsafe_counts: Vec::new(),
            instant: 0,
            messages: 0,
        };
        shell.perform();
        shell
    }

    pub(super) fn now(&self) -> Now {
        Now { instant: Instant(self.instant), wall: Timestamp(1_700_000_000_000 + self.instant) }
    }

    pub(super) fn tell(&mut self, event: Event<'_>) {
        self.sentinel.handle(self.now(), event).unwrap();
        self.perform();
    }

    pub(super) fn perform(&mut self) {
        while let Some(effect) = self.sentinel.poll() {
            match effect {
                Effect::Persist { offset, bytes, records_count, .. } => {
                    self.log.truncate(usize::try_from(offset).unwrap());
                    self.log.extend_from_slice(&bytes);
                    match self.is_slow {
                        true => self.unsafe_counts.push(records_count),
                        false => self.tell(Event::Persisted { records_count }),
                    }
                }
                Effect::StoreKeys { ring } => self.ring = ring,
                Effect::StoreSeed { seed } => {
                    let seed = seed.to_bytes().to_vec();
                    self.old_seeds.push(core::mem::replace(&mut self.seed, seed));
                }
                Effect::RunTool { number, call, .. } => self.calls.push((number, call)),
                Effect::Post { delivery, post, .. } => match post {
                    Post::Send { piece, text, .. } => {
                        self.said.push(text);
                        match self.is_mute {
                            true => self.unheard.push((delivery, piece)),
                            false => {
                                let message = alloc::format!("m{}", self.said.len());
                                self.tell(Event::Sent { delivery, piece, message: &message });
                            }
                        }
                    }
                    Post::Edit { piece, message, text } => {
                        self.said.push(text.clone());
                        self.changed.push((message, text));
                        match self.is_mute {
                            true => self.unheard.push((delivery, piece)),
                            false => self.tell(Event::Edited { delivery, piece }),
                        }
                    }
                    Post::Typing => {}
                },
                Effect::AskModel { exchange, request, pictures, .. } => {
                    self.asked.push(exchange);
                    self.pictures = pictures;
                    let pieces = request.body.pieces().map(|piece| match piece {
                        Piece::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                        Piece::Base64(image) => alloc::format!("<{}>", image.digest[0]),
                    });
                    self.request = pieces.collect();
                    self.outgoing = Some(request);
                }
                Effect::Reply { call, number, told } => self.replies.push((call, number, told)),
                Effect::CancelModel { exchange } => self.unasked.push(exchange),
                Effect::Alert(text) => self.alerts.push(text),
                Effect::Fetch { .. } => self.fetches += 1,
                Effect::Tell { outcome, .. } => self.told.push(outcome),
                _ => {}
            }
        }
    }

    /// Somebody writes, and what is said after it.
    pub(super) fn write(&mut self, sender: &str, chat: &str, text: &str) -> String {
        self.send(sender, chat, Vec::from([Part::Text(text.into())]))
    }

    /// Somebody sends a message, and what is said after it.
    pub(super) fn send(&mut self, sender: &str, chat: &str, parts: Vec<Part>) -> String {
        self.messages += 1;
        let incoming = incoming(sender, chat, &self.messages.to_string(), parts);
        let before = self.said.len();
        self.tell(Event::Message(incoming));
        self.wait();
        self.said[before..].join("\n")
    }

    /// The last model that was asked answers.
    pub(super) fn answer(&mut self, status: u16, fields: &[(&str, &str)], body: &str) {
        self.answer_with(status, fields, body);
        self.wait();
    }

    /// The same, and no time passes.
    pub(super) fn answer_at_once(&mut self, status: u16, body: &str) {
        self.answer_with(status, &[], body);
    }

    fn answer_with(&mut self, status: u16, fields: &[(&str, &str)], body: &str) {
        let exchange = self.asked.pop().unwrap();
        let mut headers = Headers::new();
        headers.append("content-type", b"application/json").unwrap();
        for (name, value) in fields {
            headers.append(name, value.as_bytes()).unwrap();
        }
        self.tell(Event::ModelHead { exchange, status, headers: &headers });
        self.tell(Event::ModelBody { exchange, bytes: body.as_bytes() });
        self.tell(Event::ModelEnd { exchange });
    }

    /// The last tool that was called gives this back.
    pub(super) fn give_back(&mut self, content: &str) {
        let (call, _) = self.calls.pop().unwrap();
        let output = ToolOutput { content: content.into(), is_error: false };
        self.tell(Event::ToolFinished { call, output });
        self.wait();
    }

    pub(super) fn operate(&mut self, command: OperatorCommand) -> Result<String, Refusal> {
        self.tell(Event::Operator { request: 1, command });
        self.told.pop().unwrap()
    }

    /// The same, and nobody waits for what is said to it.
    pub(super) fn operate_slowly(&mut self, command: OperatorCommand) {
        self.tell(Event::Operator { request: 1, command });
    }

    /// Time passes until nothing more is to be posted.
    pub(super) fn wait(&mut self) {
        for _ in 0..20 {
            self.instant += 2000;
            self.tell(Event::Time);
        }
    }

    pub(super) fn restart(&mut self) {
        let settings = self.settings.clone();
        self.try_restart(&settings).unwrap();
    }

    /// Starts again with other settings.
    pub(super) fn restart_with(&mut self, settings: Settings) {
        self.try_restart(&Arc::new(settings)).unwrap();
    }

    pub(super) fn try_restart(&mut self, settings: &Arc<Settings>) -> Result<(), ResumeError> {
        let seed = EpochSeed::from_bytes(self.seed.as_slice().try_into().unwrap());
        let ring = KeyRing::from_bytes(&self.ring).unwrap();
        let (old, new) = (self.settings.clone(), settings.clone());
        let find = |digest: &[u8; 32]| {
            [old.clone(), new.clone()].into_iter().find(|known| known.digest == *digest)
        };
        let (files, now) = ([self.log.as_slice()], self.now());
        let resumed = Sentinel::resume(new.clone(), &find, secrets(seed), ring, &files, now)?;
        self.settings = settings.clone();
        self.sentinel = resumed.sentinel;
        self.perform();
        self.wait();
        Ok(())
    }

    /// What the records of the log are about.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let ring = KeyRing::from_bytes(&self.ring).unwrap();
        let master = MasterKey::new([2; 32]);
        let mut reader = Reader::new(Keys { ring: &ring, master: &master });
        let mut records = reader.start(&self.log).unwrap();
        let records = core::iter::from_fn(|| reader.skim(&mut records).map(|record| record.kind));
        records.filter_map(Kind::from_number).collect()
    }

    /// What stands in the records of a kind.
    pub(super) fn payloads(&self, kind: Kind) -> Vec<String> {
        let ring = KeyRing::from_bytes(&self.ring).unwrap();
        let master = MasterKey::new([2; 32]);
        let mut reader = Reader::new(Keys { ring: &ring, master: &master });
        let mut records = reader.start(&self.log).unwrap();
        let mut found = Vec::new();
        while let Some((record, payload)) = reader.next(&mut records) {
            if let Payload::Open(payload) = payload
                && record.kind == kind.number()
            {
                found.push(String::from_utf8(payload.into_owned()).unwrap());
            }
        }
        found
    }

    /// The program ended, and an operator opens the log.
    pub(super) fn maintain(&mut self) {
        let seed = EpochSeed::from_bytes(self.seed.as_slice().try_into().unwrap());
        let ring = KeyRing::from_bytes(&self.ring).unwrap();
        let own = self.settings.clone();
        let find = |digest: &[u8; 32]| (own.digest == *digest).then(|| own.clone());
        let (files, now) = ([self.log.as_slice()], self.now());
        let opened = Sentinel::maintain(own.clone(), &find, secrets(seed), ring, &files, now);
        self.sentinel = opened.unwrap().sentinel;
    }
}

pub(super) fn incoming(sender: &str, chat: &str, id: &str, parts: Vec<Part>) -> Incoming {
    Incoming {
        identity: Identity::new("chat", chat, sender).unwrap(),
        id: id.into(),
        is_private: chat != "hall",
        is_from_bot: false,
        name: "somebody".into(),
        parts,
        sent: Timestamp(0),
    }
}

/// Settings with a model behind a network, and a tool that changes something.
pub(super) fn service(grants: &[&str]) -> Settings {
    let mut own = settings(grants);
    own.models[0].provider = Provider::Service(Dialect::OpenAi(OpenAiProfile::GENERIC));
    own.models[0].context_tokens_max = 1_000_000;
    let definition = ToolDefinition {
        name: "poke".into(),
        description: "Pokes.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    };
    own.tools.add(definition, ToolRole::new(ToolEffect::Change), false).unwrap();
    own
}

/// A model's answer that calls that tool with each of these arguments.
pub(super) fn poking(arguments: &[&str]) -> String {
    calling("poke", arguments)
}

/// A model's answer that calls a tool with each of these arguments.
pub(super) fn calling(tool: &str, arguments: &[&str]) -> String {
    json::object(|out| {
        out.array("choices", |out| {
            out.object(|out| {
                out.field("index", 0_u64).field("finish_reason", "tool_calls");
                out.object("message", |out| {
                    out.field("role", "assistant");
                    out.array("tool_calls", |out| {
                        for (index, arguments) in arguments.iter().enumerate() {
                            out.object(|out| {
                                out.field("id", alloc::format!("c{index}").as_str());
                                out.field("type", "function");
                                out.object("function", |out| {
                                    out.field("name", tool).field("arguments", *arguments);
                                });
                            });
                        }
                    });
                });
            });
        });
    })
}
