//! What ends at once, and what people are told of it.

use alloc::string::ToString;

use super::shell::{incoming, service};
use super::*;
use crate::agent::{FetchNumber, OutsideCall, OutsideOutcome};
use crate::channel::{AttachmentKind, Audience, Platform};

fn text(text: &str) -> Vec<Part> {
    Vec::from([Part::Text(text.into())])
}

/// Who may end a turn does so by a word in its chat, although nothing else is taken in.
#[test]
fn a_full_disk_keeps_nobody_from_stopping_their_own_turn() {
    for (who, may) in [("2", true), ("1", true), ("9", false)] {
        let mut shell = Shell::new(service(&["model offline"]));
        shell.write("2", "hall", "go");
        shell.write("9", "hall", "/help");
        let exchange = *shell.asked.last().unwrap();
        shell.is_slow = true;
        shell.write("1", "c1", "hello");
        shell.sentinel.handle(shell.now(), Event::PersistFailed).unwrap();
        let now = shell.now();
        let said = shell.said.len();
        let mut send = |sender, id: u64, words| {
            let message = incoming(sender, "hall", &id.to_string(), text(words));
            let takes = shell.sentinel.takes(&message);
            let told = shell.sentinel.handle(now, Event::Message(message));
            assert_eq!(told.is_ok(), takes, "what is said of it before holds");
            shell.perform();
            told
        };
        let expected = if may { Ok(()) } else { Err(EventError::Busy) };
        assert_eq!(send(who, 50, "and another thing"), Err(EventError::Busy));
        assert_eq!(send(who, 51, "/status"), Err(EventError::Busy));
        assert_eq!(send("7", 51, "/stop"), Err(EventError::Busy));
        assert_eq!(send(who, 52, "/stop"), expected);
        // There is nothing more to stop; and what is known is not taken for something new.
        assert_eq!(send("2", 52, "/stop").is_ok(), !may);
        assert_eq!(shell.unasked, [exchange]);
        assert_eq!(shell.said.len(), said, "the word that it is done waits");
        shell.is_slow = false;
        shell.instant += 60_000;
        shell.tell(Event::Time);
        shell.wait();
        assert!(shell.said[said..].iter().any(|said| said == "Stopped."), "{:?}", shell.said);
        // It comes again, for nobody was told that it was taken before.
        shell.tell(Event::Message(incoming(who, "hall", "52", text("/stop"))));
        shell.restart();
    }
}

fn file(name: &str) -> Part {
    let kind = AttachmentKind::Document;
    Part::Attachment { kind, name: name.into(), bytes_count: 5, id: name.into() }
}

fn takes_files() -> Shell {
    let mut own = service(&["model offline"]);
    own.attachments.insert("chat".into(), 1000);
    Shell::new(own)
}

#[test]
fn after_a_halt_no_file_is_fetched_for_a_message_that_waited() {
    let mut shell = takes_files();
    shell.write("1", "c1", "go");
    shell.send("1", "c1", Vec::from([Part::Text("and this".into()), file("a.txt")]));
    assert!(shell.payloads(Kind::AttachmentAsked).is_empty(), "it waits for its turn");
    shell.operate(OperatorCommand::Halt).unwrap();
    shell.wait();
    let asked = shell.payloads(Kind::AttachmentAsked);
    assert!(asked.len() == 1 && asked[0].contains("no work is taken for now"), "{asked:?}");
    let told = shell.said.iter().filter(|said| said.contains("no work for now")).count();
    assert_eq!(told, 2, "each is told: {:?}", shell.said);
    assert!(shell.sentinel.is_at_rest());
    shell.restart();
}

#[test]
fn a_halt_says_what_became_of_files_that_had_come() {
    let mut shell = takes_files();
    shell.send("1", "c1", Vec::from([file("a.txt"), file("b.txt")]));
    let asked = shell.payloads(Kind::AttachmentAsked);
    let document = crate::text::json::parse(asked[0].as_bytes()).unwrap();
    let fetch = FetchNumber(document.root().get("fetch").unwrap().as_u64().unwrap());
    let fetched = Fetched::Kept { bytes_count: 5, digest: [0; 32], picture: None };
    shell.tell(Event::Fetched { fetch, fetched });
    shell.operate(OperatorCommand::Halt).unwrap();
    shell.wait();
    let said = shell.said.join("\n");
    assert!(said.contains("is kept, and unread: attachments/1/"), "{said}");
    assert!(said.contains("-a.txt.") && !said.contains("b.txt"), "{said}");
    assert!(said.contains("I stopped what I was doing. An operator told me"), "{said}");
    shell.restart();
}

#[test]
fn a_halt_begins_no_call_from_outside_that_waited() {
    let mut own = settings(&["read,list /srv/agent"]);
    own.platforms.push(Platform::OUTSIDE);
    let (platform, room) = (Platform::OUTSIDE.name, OutsideCall::ROOM);
    own.access = own.access.room(platform, room, Audience::Everybody).unwrap();
    let mut shell = Shell::new(own);
    let call = |shell: &mut Shell, id: &str| {
        let arguments = r#"{"path":"README.md"}"#.into();
        let call = OutsideCall { id: id.into(), tool: "read_file".into(), arguments };
        shell.tell(Event::Message(call.message(shell.now().wall).unwrap()));
    };
    for id in ["1-1", "1-2", "1-3"] {
        call(&mut shell, id);
    }
    assert_eq!(shell.calls.len(), 1, "one is under way, and two wait");
    shell.operate(OperatorCommand::Halt).unwrap();
    shell.wait();
    assert_eq!(shell.calls.len(), 1, "those that waited are not begun: {:?}", shell.calls);
    assert_eq!(shell.payloads(Kind::CallStarted).len(), 1);
    let told = shell.said.iter().filter(|said| said.contains("no work for now")).count();
    assert_eq!(told, 3, "each is told: {:?}", shell.said);
    assert!(shell.said.iter().all(|said| OutsideOutcome::read(said).is_none()));
    let ended = shell.payloads(Kind::TurnEnded);
    assert!(ended.len() == 3 && ended.iter().all(|how| how.contains("halted")), "{ended:?}");
    assert!(shell.sentinel.is_at_rest());
    shell.restart();
    shell.operate(OperatorCommand::Resume).unwrap();
    call(&mut shell, "1-4");
    assert_eq!(shell.calls.len(), 2, "it is at work again");
}
