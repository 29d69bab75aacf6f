//! Clients of all kinds, and an agent that waits for them.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use arbtest::arbtest;

use super::*;
use crate::agent::{ConversationNumber, Settings};
use crate::journal::{EpochSeed, JournalId, MasterKey};
use crate::limits::{CONTROL_LINE_BYTES_MAX, CONTROL_PAGE_BYTES};
use crate::llm::Thinking;
use crate::runtime::{Effect, Event, Secrets};
use crate::time::Timestamp;

/// An agent and its clients.
struct Desk {
    sentinel: Sentinel,
    control: Control,
    now: Now,
}

impl Desk {
    fn new() -> Self {
        let mut settings = Settings::nothing();
        settings.models = vec![crate::agent::Model {
            name: "offline".into(),
            provider: crate::agent::Provider::Offline,
            reply_tokens_max: 1000,
            context_tokens_max: 20_000,
            thinking: Thinking::Unset,
            sees_pictures: false,
        }];
        settings.grants = vec!["read /srv/work".parse().unwrap()];
        let now = Now { instant: Instant(0), wall: Timestamp(1_700_000_000_000) };
        let secrets = Secrets {
            journal: JournalId([1; 8]),
            origin: "example.com/test".into(),
            seed: EpochSeed::first([4; 32]),
            master: MasterKey::new([2; 32]),
            entropy: [3; 32],
        };
        let sentinel = Sentinel::create(Arc::new(settings), secrets, now).unwrap();
        Self { sentinel, control: Control::new(), now }
    }

    /// Does everything that follows, with a disk that never fails.
    fn settle(&mut self) {
        loop {
            while let Some(Command { request, command }) =
                self.control.poll(&self.sentinel, self.now)
            {
                self.sentinel.handle(self.now, Event::Operator { request, command }).unwrap();
            }
            let mut has_done = false;
            while let Some(effect) = self.sentinel.poll() {
                has_done = true;
                match effect {
                    Effect::Persist { records_count, .. } => {
                        let event = Event::Persisted { records_count };
                        self.sentinel.handle(self.now, event).unwrap();
                    }
                    Effect::Tell { request, outcome } => self.control.told(request, &outcome),
                    _ => {}
                }
            }
            if !has_done {
                break;
            }
        }
    }

    /// What a client is told from here on.
    fn read(&mut self, client: u32) -> String {
        let text = String::from_utf8(self.control.output(client).to_vec()).unwrap();
        self.control.sent(client, text.len(), self.now.instant);
        text
    }

    fn say(&mut self, client: u32, text: &str) -> String {
        self.control.received(client, text.as_bytes(), self.now.instant);
        self.settle();
        self.read(client)
    }
}

#[test]
fn a_client_is_greeted_and_each_request_answered_once() {
    let mut desk = Desk::new();
    let client = desk.control.open(desk.now.instant);
    assert_eq!(desk.read(client), "{\"sentinel\":\"control\",\"version\":1}\n");
    let said = desk.say(client, "{\"id\":7,\"do\":\"grant\",\"grant\":\"read /srv/more\"}\n");
    assert_eq!(said, "{\"id\":7,\"done\":\"granted: h1.0\"}\n");
    let said = desk.say(client, "{\"id\":8,\"do\":\"revoke\",\"index\":9,\"generation\":0}\n");
    assert_eq!(said, "{\"id\":8,\"refused\":\"there is no grant h9.0\"}\n");
    let said = desk.say(client, "{\"id\":9,\"show\":\"grants\"}\n");
    assert!(
        said.contains(r#""handle":"h1.0","#) && said.contains(r#""from":"operator""#),
        "{said}"
    );
    assert!(said.contains(r#""from":"settings""#), "{said}");
    // Twice is two requests.
    let line = Request::Do(OperatorCommand::Grant("read /srv/x".into())).write(1);
    let said = desk.say(client, &format!("{line}{line}"));
    assert_eq!(said.matches("granted: ").count(), 2, "{said}");
}

#[test]
fn a_half_line_does_nothing_and_garbage_is_said() {
    let mut desk = Desk::new();
    let client = desk.control.open(desk.now.instant);
    desk.read(client);
    assert_eq!(desk.say(client, "{\"id\":1,\"do\":\"halt\"}"), "");
    assert!(desk.sentinel.status().halted.is_none());
    assert_eq!(desk.say(client, "\n"), "{\"id\":1,\"done\":\"halted\"}\n");
    let id = "a request needs an 'id'";
    for (line, expected) in [
        ("nonsense", "1:2"),
        ("[1]", id),
        ("{\"do\":\"halt\"}", id),
        ("{\"id\":2}", "says either 'do' or 'show'"),
        ("{\"id\":2,\"do\":\"halt\",\"show\":\"grants\"}", "says either 'do' or 'show'"),
        ("{\"id\":2,\"do\":\"resume\",\"also\":1}", "does not belong there"),
        ("{\"id\":2,\"do\":\"resume\",\"after\":1}", "does not belong there"),
        ("{\"id\":2,\"do\":\"resume\",\"do\":\"halt\"}", "stands already"),
        ("{\"id\":2,\"do\":\"dance\"}", "'dance' is no operator's command"),
        ("{\"id\":2,\"show\":\"secrets\"}", "'secrets' cannot be shown"),
        ("{\"id\":2,\"show\":\"messages\"}", "no member 'conversation'"),
        ("{\"id\":2,\"show\":\"messages\",\"conversation\":3}", "there is no conversation 3"),
        ("{\"id\":2,\"show\":\"grants\",\"after\":-1}", "after must be"),
        ("{\"id\":2,\"show\":{\"a\":[]}}", "limit of 2"),
    ] {
        let said = desk.say(client, &format!("{line}\n"));
        assert!(said.contains("\"error\"") && said.contains(expected), "{line}: {said}");
        assert_eq!(said.lines().count(), 1);
    }
    assert!(desk.sentinel.status().halted.is_some(), "nothing of it was done");
    let long = "x".repeat(CONTROL_LINE_BYTES_MAX + 1);
    let said = desk.say(client, &format!("{long}\n{{\"id\":3,\"do\":\"resume\"}}\n"));
    assert!(said.contains("at most 16384 bytes") && said.contains("at work"), "{said}");
}

#[test]
fn a_client_that_does_not_read_is_not_answered_for_ever() {
    let mut desk = Desk::new();
    let client = desk.control.open(desk.now.instant);
    let line = Request::Show { what: Query::Grants, after: 0 }.write(1);
    for _ in 0..2000 {
        if desk.control.wants_input(client) {
            desk.control.received(client, line.repeat(100).as_bytes(), desk.now.instant);
        }
        desk.settle();
    }
    let unread = desk.control.output(client).len();
    assert!(unread < CONTROL_UNREAD_BYTES_MAX + CONTROL_ANSWER_BYTES_MAX, "{unread}");
    assert!(!desk.control.wants_input(client));
    assert!(desk.control.over(desk.now.instant).is_empty());
    desk.now.instant = desk.now.instant.after(CONTROL_PATIENCE);
    assert_eq!(desk.control.deadline(), Some(desk.now.instant));
    assert_eq!(desk.control.over(desk.now.instant), [client]);
    desk.control.close(client);
    assert_eq!((desk.control.deadline(), desk.control.output(client).len()), (None, 0));
}

#[test]
fn commands_beyond_the_bound_wait_and_those_of_a_client_that_left_are_done() {
    let mut desk = Desk::new();
    let client = desk.control.open(desk.now.instant);
    desk.read(client);
    let lines: String = (0..20)
        .map(|id| Request::Do(OperatorCommand::Grant(format!("read /srv/{id}"))).write(id))
        .collect();
    desk.control.received(client, lines.as_bytes(), desk.now.instant);
    let mut commands = Vec::new();
    while let Some(command) = desk.control.poll(&desk.sentinel, desk.now) {
        commands.push(command);
    }
    assert_eq!(commands.len(), CONTROL_WAITING_MAX);
    // While it waits for what it asked for it is not dropped.
    assert_eq!(desk.control.deadline(), None);
    desk.control.ended(client);
    assert!(desk.control.over(desk.now.instant).is_empty());
    for Command { request, command } in commands {
        desk.sentinel.handle(desk.now, Event::Operator { request, command }).unwrap();
    }
    desk.control.not_taken(1, &EventError::Busy);
    let said = desk.read(client);
    assert!(said.contains(r#""id":0,"error":"#) && said.contains(r#""code":"busy""#), "{said}");
    desk.settle();
    assert_eq!(desk.read(client).lines().count(), 19);
    assert_eq!(desk.control.over(desk.now.instant), [client], "all was said");
    let other = desk.control.open(desk.now.instant);
    let line = Request::Do(OperatorCommand::Halt).write(1);
    desk.control.received(other, line.as_bytes(), desk.now.instant);
    let command = desk.control.poll(&desk.sentinel, desk.now).unwrap();
    desk.control.close(other);
    let Command { request, command } = command;
    desk.sentinel.handle(desk.now, Event::Operator { request, command }).unwrap();
    desk.settle();
    assert!(desk.sentinel.status().halted.is_some());
}

#[test]
fn so_many_clients_and_no_more() {
    let mut desk = Desk::new();
    let at = |index| Instant(if index == 3 { 5 } else { 10 + index as u64 });
    let clients: Vec<u32> =
        (0..CONTROL_CLIENTS_MAX).map(|index| desk.control.open(at(index))).collect();
    assert_eq!(desk.control.crowded_out(), Some(clients[3]));
    desk.control.close(clients[3]);
    assert_eq!(desk.control.crowded_out(), None);
    desk.control.open(Instant(90));
    // Who waits for a command stays.
    for client in clients {
        let line = Request::Do(OperatorCommand::Halt).write(1);
        desk.control.received(client, line.as_bytes(), Instant(1));
    }
    while desk.control.poll(&desk.sentinel, desk.now).is_some() {}
    assert!(desk.control.has_room());
    let last = desk.control.crowded_out().unwrap();
    desk.control.received(last, Request::Do(OperatorCommand::Halt).write(1).as_bytes(), at(3));
    assert!(desk.control.poll(&desk.sentinel, desk.now).is_some());
    assert!(!desk.control.has_room());
}

#[test]
fn a_long_list_comes_in_pages_that_name_each_element_once() {
    let mut desk = Desk::new();
    let client = desk.control.open(desk.now.instant);
    desk.read(client);
    for number in 0..1500 {
        let command = OperatorCommand::Grant(format!("read /srv/{number}/{}", "x".repeat(60)));
        desk.sentinel.handle(desk.now, Event::Operator { request: 0, command }).unwrap();
    }
    desk.settle();
    let (mut after, mut handles, mut pages_count) = (0, Vec::new(), 0);
    loop {
        pages_count += 1;
        let said = desk.say(client, &Request::Show { what: Query::Grants, after }.write(1));
        assert!(said.len() < CONTROL_PAGE_BYTES + 1024, "{}", said.len());
        let document = json::parse(said.as_bytes()).unwrap();
        for grant in document.root().get("grants").unwrap().elements().unwrap() {
            handles.push(grant.get("index").unwrap().as_u64().unwrap());
        }
        match document.root().find("next") {
            Some(next) => after = next.as_u64().unwrap(),
            None => break,
        }
    }
    assert!(pages_count > 3);
    assert_eq!(handles, (0..1501).collect::<Vec<_>>());
}

#[test]
fn requests_read_back() {
    let commands = [
        OperatorCommand::Grant("read ~/x".into()),
        OperatorCommand::RefuseCode("ABCDE23456".into()),
        OperatorCommand::Forget(ConversationNumber(7)),
        OperatorCommand::AcceptPersona([9; 32]),
        OperatorCommand::Unpair { platform: "telegram".into(), sender: "7".into() },
    ];
    let queries = [
        Query::Status,
        Query::Grants,
        Query::People,
        Query::Codes,
        Query::Questions,
        Query::Conversations,
        Query::Conversation(ConversationNumber(3)),
        Query::Persona,
    ];
    let shown = queries.into_iter().map(|what| Request::Show { what, after: 5 });
    for request in commands.into_iter().map(Request::Do).chain(shown) {
        let line = request.write(u64::MAX);
        let (id, read) = Request::read(line.trim_end().as_bytes());
        assert_eq!((id, read), (Some(u64::MAX), Ok(request)));
    }
}

#[test]
fn whatever_is_said_in_whatever_pieces_is_bounded_and_answered_in_lines() {
    arbtest(|u| {
        let mut desk = Desk::new();
        let client = desk.control.open(desk.now.instant);
        while !u.is_empty() {
            let bytes: &[u8] = match u.int_in_range(0..=5)? {
                0 => b"{\"id\":1,\"show\":\"status\"}\n",
                1 => b"{\"id\":2,\"do\":\"grant\",\"grant\":\"read /a\"}\n",
                2 => b"{\"id\":3,\"do\":",
                3 => b"\n",
                4 => u.bytes(1)?,
                _ => b"\xff{}\"",
            };
            desk.control.received(client, bytes, desk.now.instant);
            desk.settle();
        }
        let said = desk.read(client);
        assert!(said.ends_with('\n'));
        for line in said.lines() {
            assert!(line.len() <= CONTROL_ANSWER_BYTES_MAX && json::parse(line.as_bytes()).is_ok());
        }
        Ok(())
    });
}
