//! What a person sees, told as conversations with the offline model.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::*;
use crate::agent::{Answer, Kind, Model, OperatorCommand, Provider, ToolOutput};
use crate::channel::{AccessRules, Audience, Identity, Incoming, Part, Platform, Post, Standing};
use crate::journal::KeyRing;
use crate::llm::Thinking;
use crate::time::Timestamp;
use crate::tool::{Call, Tools};

/// A shell whose disk and chats never fail.
struct Shell {
    sentinel: Sentinel,
    settings: Arc<Settings>,
    log: Vec<u8>,
    ring: Vec<u8>,
    seed: Vec<u8>,
    said: Vec<String>,
    calls: Vec<(crate::agent::CallNumber, Call)>,
    told: Vec<Result<String, crate::agent::Refusal>>,
    instant: u64,
    messages: u64,
}

fn settings(grants: &[&str]) -> Settings {
    let mut settings = Settings::nothing();
    settings.models = Vec::from([Model {
        name: "offline".into(),
        provider: Provider::Offline,
        reply_tokens_max: 1000,
        context_tokens_max: 20_000,
        thinking: Thinking::Unset,
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

fn secrets(seed: EpochSeed) -> Secrets {
    Secrets {
        journal: JournalId([1; 8]),
        origin: "example.com/test".into(),
        seed,
        master: MasterKey::new([2; 32]),
        entropy: [3; 32],
    }
}

impl Shell {
    fn new(settings: Settings) -> Self {
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
            said: Vec::new(),
            calls: Vec::new(),
            told: Vec::new(),
            instant: 0,
            messages: 0,
        };
        shell.perform();
        shell
    }

    fn now(&self) -> Now {
        Now { instant: Instant(self.instant), wall: Timestamp(1_700_000_000_000 + self.instant) }
    }

    fn tell(&mut self, event: Event<'_>) {
        self.sentinel.handle(self.now(), event).unwrap();
        self.perform();
    }

    fn perform(&mut self) {
        while let Some(effect) = self.sentinel.poll() {
            match effect {
                Effect::Persist { offset, bytes, records_count, .. } => {
                    self.log.truncate(usize::try_from(offset).unwrap());
                    self.log.extend_from_slice(&bytes);
                    self.tell(Event::Persisted { records_count });
                }
                Effect::StoreKeys { ring } => self.ring = ring,
                Effect::StoreSeed { seed } => self.seed = seed,
                Effect::RunTool { number, call, .. } => self.calls.push((number, call)),
                Effect::Post { delivery, post, .. } => match post {
                    Post::Send { piece, text, .. } => {
                        self.said.push(text);
                        self.tell(Event::Sent { delivery, piece, message: "m" });
                    }
                    Post::Edit { piece, text, .. } => {
                        self.said.push(text);
                        self.tell(Event::Edited { delivery, piece });
                    }
                    Post::Typing => {}
                },
                Effect::Tell { outcome, .. } => self.told.push(outcome),
                _ => {}
            }
        }
    }

    /// Somebody writes, and what is said after it.
    fn write(&mut self, sender: &str, chat: &str, text: &str) -> String {
        self.messages += 1;
        let incoming = Incoming {
            identity: Identity::new("chat", chat, sender).unwrap(),
            id: self.messages.to_string(),
            is_private: chat != "hall",
            is_from_bot: false,
            name: "somebody".into(),
            parts: Vec::from([Part::Text(text.into())]),
            sent: Timestamp(0),
        };
        let before = self.said.len();
        self.tell(Event::Message(incoming));
        self.wait();
        self.said[before..].join("\n")
    }

    /// Time passes until nothing more is to be posted.
    fn wait(&mut self) {
        for _ in 0..20 {
            self.instant += 2000;
            self.tell(Event::Time);
        }
    }

    fn restart(&mut self) {
        let seed = EpochSeed::from_bytes(self.seed.as_slice().try_into().unwrap());
        let ring = KeyRing::from_bytes(&self.ring).unwrap();
        let settings = self.settings.clone();
        let find = |_: &[u8; 32]| Some(settings.clone());
        let files = [self.log.as_slice()];
        let (now, own) = (self.now(), self.settings.clone());
        let resumed = Sentinel::resume(own, &find, secrets(seed), ring, &files, now).unwrap();
        self.sentinel = resumed.sentinel;
        self.perform();
        self.wait();
    }
}

#[test]
fn a_person_is_answered_and_a_stranger_is_not() {
    let mut shell = Shell::new(settings(&["model offline"]));
    assert!(!shell.write("1", "c1", "hello").is_empty());
    assert_eq!(shell.write("9", "c9", "hello"), "");
}

#[test]
fn without_a_grant_no_model_is_asked_and_no_tool_runs() {
    let mut shell = Shell::new(settings(&[]));
    assert!(shell.write("1", "c1", "hello").contains("no model that I may ask"));
    let mut shell = Shell::new(settings(&["model offline"]));
    let said = shell.write("1", "c1", "read README.md");
    assert!(shell.calls.is_empty() && said.contains("no grant covers it"), "{said}");
}

#[test]
fn a_granted_tool_runs_and_its_output_is_told() {
    let mut shell = Shell::new(settings(&["model offline", "read,list /srv/agent"]));
    shell.write("1", "c1", "read README.md");
    let (call, _) = shell.calls.pop().unwrap();
    let output = ToolOutput { content: "It is a house.".into(), is_error: false };
    shell.tell(Event::ToolFinished { call, output });
    shell.wait();
    assert!(shell.said.last().unwrap().contains("It is a house."), "{:?}", shell.said);
}

#[test]
fn a_question_is_answered_by_an_operator_in_its_chat_and_survives_a_restart() {
    let mut shell = Shell::new(settings(&["model offline", "read /srv/agent ask"]));
    let said = shell.write("2", "c2", "read README.md");
    assert!(said.contains("Question 1") && said.contains("/approve 1"), "{said}");
    assert!(said.contains("README.md") && said.contains("Risk: it only reads"), "{said}");
    assert!(shell.write("2", "c2", "/approve 1").contains("Only an operator"));
    assert!(shell.write("1", "c1", "/approve 1").contains("no question 1 here"));
    shell.restart();
    assert!(shell.calls.is_empty());
    let pending = shell.sentinel.questions().next().unwrap();
    let (question, digest) = (pending.number, pending.digest);
    let answer = Answer::Once;
    // An answer to something else than what was shown is none.
    let wrong = OperatorCommand::Answer { question, digest: [0; 32], answer };
    shell.tell(Event::Operator { request: 1, command: wrong });
    assert!(shell.told.pop().unwrap().is_err() && shell.calls.is_empty());
    let command = OperatorCommand::Answer { question, digest, answer };
    shell.tell(Event::Operator { request: 2, command });
    assert!(shell.told.pop().unwrap().is_ok());
    assert_eq!(shell.calls.len(), 1);
}

#[test]
fn always_becomes_a_grant_of_just_that() {
    let mut shell = Shell::new(settings(&["model offline", "read /srv/agent ask"]));
    shell.write("1", "c1", "read README.md");
    let said = shell.write("1", "c1", "/approve 1 always");
    assert!(said.contains("Allowed"), "{said}");
    let output = || ToolOutput { content: "text".into(), is_error: false };
    let (call, _) = shell.calls.pop().unwrap();
    shell.tell(Event::ToolFinished { call, output: output() });
    shell.wait();
    shell.write("1", "c1", "/clear");
    shell.write("1", "c1", "read README.md");
    assert_eq!(shell.calls.len(), 1, "the grant covers it: {:?}", shell.said);
    let (call, _) = shell.calls.pop().unwrap();
    shell.tell(Event::ToolFinished { call, output: output() });
    shell.wait();
    shell.write("1", "c1", "/clear");
    assert!(shell.write("1", "c1", "read other.md").contains("Question 2"));
}

#[test]
fn nobody_answering_is_a_no() {
    let mut shell = Shell::new(settings(&["model offline", "read /srv/agent ask"]));
    shell.write("1", "c1", "read README.md");
    shell.instant += 700_000;
    shell.wait();
    assert!(shell.calls.is_empty() && shell.sentinel.questions().next().is_none());
    assert!(shell.sentinel.is_at_rest());
}

#[test]
fn a_guest_cannot_clear_what_others_said() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "hall", "hello");
    for command in ["/clear", "/model offline", "/approve 1", "/pair ABCDEFGHJK"] {
        assert!(shell.write("9", "hall", command).contains("Guests can use"), "{command}");
    }
    assert!(shell.write("9", "hall", "/help").contains("/status"));
}

#[test]
fn a_restart_remembers_and_forgetting_is_for_good() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    shell.restart();
    assert!(shell.write("1", "c1", "/status").contains("2 messages"), "{:?}", shell.said);
    let conversation = crate::agent::ConversationNumber(1);
    shell.tell(Event::Operator { request: 1, command: OperatorCommand::Forget(conversation) });
    assert!(shell.told.pop().unwrap().is_ok());
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    assert!(ring.open(1, &MasterKey::new([2; 32])).is_err());
    shell.restart();
    assert!(shell.write("1", "c1", "/status").contains("0 messages"), "{:?}", shell.said);
}

#[test]
fn a_message_of_a_platform_that_is_not_connected_is_ignored() {
    let mut shell = Shell::new(settings(&["model offline"]));
    let incoming = Incoming {
        identity: Identity::new("matrix", "c1", "1").unwrap(),
        id: "1".into(),
        is_private: true,
        is_from_bot: false,
        name: String::new(),
        parts: Vec::from([Part::Text("hello".into())]),
        sent: Timestamp(0),
    };
    shell.tell(Event::Message(incoming));
    shell.wait();
    assert!(shell.said.is_empty() && shell.sentinel.is_at_rest());
}

#[test]
fn a_log_is_not_gone_on_with_under_a_wrong_key_or_after_damage() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    let resume = |log: &[u8], ring: &[u8], first: [u8; 32]| {
        let settings = shell.settings.clone();
        let find = |_: &[u8; 32]| Some(settings.clone());
        let ring = KeyRing::from_bytes(ring).unwrap();
        let seed = EpochSeed::first(first);
        Sentinel::resume(settings.clone(), &find, secrets(seed), ring, &[log], shell.now())
            .map(|_| ())
    };
    assert!(matches!(
        resume(&shell.log, &shell.ring, [9; 32]),
        Err(ResumeError::Journal(crate::journal::AppendError::Seed))
    ));
    let mut damaged = shell.log.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert!(matches!(resume(&damaged, &shell.ring, [4; 32]), Err(ResumeError::Log(_))));
    let empty = KeyRing::new().to_bytes();
    assert!(matches!(resume(&shell.log, &empty, [4; 32]), Err(ResumeError::Differs(_))));
}

#[test]
fn an_operator_can_have_a_snapshot_taken() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    shell.tell(Event::Operator { request: 1, command: OperatorCommand::Snapshot });
    assert!(shell.told.pop().unwrap().is_ok());
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let master = MasterKey::new([2; 32]);
    let keys = crate::journal::export::Keys { ring: &ring, master: &master };
    let mut reader = crate::journal::Reader::new(keys);
    let mut records = reader.start(&shell.log).unwrap();
    let mut kinds = Vec::new();
    while let Some(record) = reader.skim(&mut records) {
        kinds.extend(Kind::from_number(record.kind));
    }
    assert!(kinds.ends_with(&[Kind::Operated, Kind::SnapshotPart, Kind::Snapshot]), "{kinds:?}");
    shell.restart();
    assert!(shell.write("1", "c1", "/status").contains("2 messages"), "{:?}", shell.said);
}
