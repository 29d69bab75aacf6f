//! Guests of open rooms: they come unasked, and what they take leaves room for everybody else.

use alloc::format;
use alloc::vec::Vec;

use super::shell::{Shell, poking, service};
use super::*;
use crate::channel::Part;
use crate::journal::export::Keys;
use crate::label::{Effect as ToolEffect, Hold, Secrecy, ToolRole};
use crate::limits::{
    CONVERSATION_QUEUE_MAX, CONVERSATIONS_COUNT_MAX, GUEST_CONVERSATION_KEPT,
    GUEST_CONVERSATIONS_MAX, GUEST_QUESTIONS_MAX, GUESTS_QUESTIONS_MAX,
};
use crate::llm::ToolDefinition;

/// Somebody writes in a thread of the open room. No time passes.
fn speaks(shell: &mut Shell, sender: &str, thread: &str, text: &str) {
    shell.messages += 1;
    let (chat, id) = (format!("hall/{thread}"), format!("{}", shell.messages));
    let parts = Vec::from([Part::Text(text.into())]);
    let mut incoming = shell::incoming(sender, &chat, &id, parts);
    incoming.is_private = false;
    shell.tell(Event::Message(incoming));
}

/// The last model that was asked calls a tool that asks a person. No time passes.
fn pokes(shell: &mut Shell) {
    answers(shell, &poking(&["{}"]));
}

/// The last model that was asked answers. No time passes.
fn answers(shell: &mut Shell, body: &str) {
    let exchange = shell.asked.pop().unwrap();
    let mut headers = Headers::new();
    headers.append("content-type", b"application/json").unwrap();
    shell.tell(Event::ModelHead { exchange, status: 200, headers: &headers });
    shell.tell(Event::ModelBody { exchange, bytes: body.as_bytes() });
    shell.tell(Event::ModelEnd { exchange });
}

/// However many threads a guest writes in, and however many guests there are: people are asked as
/// if none were there. Whose a question is outlives a restart.
#[test]
fn questions_of_guests_leave_room_for_those_of_others() {
    let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
    let waiting = |shell: &Shell| shell.sentinel.questions().count();
    for thread in 0..2 * GUEST_QUESTIONS_MAX {
        speaks(&mut shell, "9", &format!("{thread}"), "go");
        pokes(&mut shell);
    }
    assert_eq!(waiting(&shell), GUEST_QUESTIONS_MAX, "of one guest");
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.restart();
    speaks(&mut shell, "9", "another", "go");
    pokes(&mut shell);
    assert_eq!(waiting(&shell), GUEST_QUESTIONS_MAX, "still");
    for guest in 100..=100 + GUESTS_QUESTIONS_MAX / GUEST_QUESTIONS_MAX {
        for thread in 0..GUEST_QUESTIONS_MAX {
            speaks(&mut shell, &format!("{guest}"), &format!("{guest}-{thread}"), "go");
            pokes(&mut shell);
        }
    }
    assert_eq!(waiting(&shell), GUESTS_QUESTIONS_MAX, "of all guests");
    speaks(&mut shell, "2", "people", "go");
    pokes(&mut shell);
    assert_eq!(waiting(&shell), GUESTS_QUESTIONS_MAX + 1, "of somebody who was let in");
}

/// What is told to somebody with whom there is no room for a conversation.
const TURNED_AWAY: &str = "I have as many conversations as I may";

/// A guest who writes in many threads has some conversations and no more, and cannot have what he
/// did forgotten by writing on. When one of them has rested for long it gives way to another; one
/// in which somebody else spoke, or in which something goes on, does not.
#[test]
fn a_guest_has_so_many_conversations_and_the_oldest_gives_way() {
    let mut shell = Shell::new(service(&["model offline"]));
    let told =
        |shell: &Shell| shell.said.iter().filter(|said| said.starts_with(TURNED_AWAY)).count();
    for thread in 0..GUEST_CONVERSATIONS_MAX {
        speaks(&mut shell, "9", &format!("t{thread}"), "/help");
    }
    shell.wait();
    let known = shell.sentinel.conversations(ConversationNumber(0));
    let numbers: Vec<ConversationNumber> = known.map(|chat| chat.number).collect();
    assert_eq!(numbers.len(), GUEST_CONVERSATIONS_MAX);
    for _ in 0..3 {
        speaks(&mut shell, "9", "more", "/help");
        shell.wait();
    }
    assert_eq!((shell.sentinel.conversations_count(), told(&shell)), (GUEST_CONVERSATIONS_MAX, 1));
    // Others have room: another guest, and whoever was let in.
    speaks(&mut shell, "8", "others", "/help");
    speaks(&mut shell, "2", "peoples", "/help");
    assert_eq!(shell.sentinel.conversations_count(), GUEST_CONVERSATIONS_MAX + 2);
    // The first one is not his alone any more, and in the second one a model is being asked.
    speaks(&mut shell, "2", "t0", "/help");
    speaks(&mut shell, "9", "t1", "go");
    let kept = u64::try_from(GUEST_CONVERSATION_KEPT.as_millis()).unwrap();
    shell.instant += kept / 2;
    shell.restart();
    speaks(&mut shell, "9", "more", "/help");
    assert_eq!(shell.sentinel.conversations_count(), GUEST_CONVERSATIONS_MAX + 3, "one was freed");
    speaks(&mut shell, "9", "evenmore", "/help");
    assert_eq!(shell.sentinel.conversations_count(), GUEST_CONVERSATIONS_MAX + 3, "too soon");
    shell.instant += kept / 2;
    shell.wait();
    speaks(&mut shell, "9", "t1", "/stop");
    speaks(&mut shell, "9", "t2", "/help");
    shell.wait();
    speaks(&mut shell, "9", "yetmore", "/help");
    shell.wait();
    let forgotten = shell.payloads(Kind::Forgotten);
    assert_eq!(forgotten.len(), 1, "{forgotten:?}");
    let start = format!(r#"{{"conversation":{},"because":"#, numbers[3].0);
    assert!(forgotten[0].starts_with(&start), "{forgotten:?} for {numbers:?}");
    assert_eq!(shell.sentinel.conversations_count(), GUEST_CONVERSATIONS_MAX + 3);
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let has_key = |thread: usize| ring.open(numbers[thread].0, &MasterKey::new([2; 32])).is_ok();
    assert_eq!([0, 1, 2, 3, 4].map(has_key), [true, true, true, false, true]);
    shell.restart();
}

/// The agent has as many conversations as it may: whoever was let in and writes elsewhere is told
/// so, and not ignored; and operators are told when that begins.
#[test]
fn whoever_is_turned_away_is_told_and_operators_are() {
    let mut shell = Shell::new(service(&["model offline"]));
    shell.sentinel.agent.crowd(CONVERSATIONS_COUNT_MAX - 1);
    assert!(shell.write("1", "c1", "/help").contains("/status"), "the last one");
    let is_full = |alert: &&String| alert.contains("as many as may be");
    assert_eq!(shell.alerts.iter().filter(is_full).count(), 1, "{:?}", shell.alerts);
    assert!(shell.write("2", "c2", "/help").starts_with(TURNED_AWAY));
    assert_eq!(shell.write("2", "c2", "/help"), "", "once");
    assert!(shell.write("1", "c3", "/help").starts_with(TURNED_AWAY));
    assert!(shell.write("1", "c1", "/help").contains("/status"));
    assert_eq!(shell.alerts.iter().filter(is_full).count(), 1, "{:?}", shell.alerts);
    let ignored = shell.payloads(Kind::Ignored);
    assert_eq!(ignored.len(), 3, "{ignored:?}");
}

/// What is read in a guest's turn goes into an answer that the guest reads, and everybody else in
/// the room. So an operator is asked, although the grant allows it; each time, and nobody else.
#[test]
fn what_is_private_is_read_for_a_guest_only_after_an_operator_said_so() {
    let mut own = service(&["model offline", "read,list /srv/agent", "skill tell"]);
    let mut role = ToolRole::new(ToolEffect::Read);
    role.output.secrecy = Secrecy::Public;
    let definition = ToolDefinition {
        name: "tell".into(),
        description: "Tells what everybody knows.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    };
    own.tools.add(definition, role, false).unwrap();
    let mut shell = Shell::new(own);
    let read = shell::calling("read_file", &[r#"{"path":"README.md"}"#]);
    let waiting = |shell: &Shell| (shell.calls.len(), shell.sentinel.questions().count());
    // Whoever was let in reads in the same room as ever.
    speaks(&mut shell, "2", "t", "go");
    answers(&mut shell, &read);
    assert_eq!(waiting(&shell), (1, 0));
    shell.give_back("A house.");
    shell.answer(200, &[], DONE);
    for number in 1..3 {
        speaks(&mut shell, "9", "t", "go");
        answers(&mut shell, &read);
        assert_eq!(waiting(&shell), (0, 1), "{:?}", shell.said);
        let asked = shell.sentinel.questions().next().unwrap();
        assert!(asked.text.contains("A guest of this open room wants it"), "{}", asked.text);
        assert!(!asked.may_be_always && !asked.text.contains("Always"), "{}", asked.text);
        speaks(&mut shell, "9", "t", &format!("/approve {number}"));
        speaks(&mut shell, "2", "t", &format!("/approve {number}"));
        assert_eq!(waiting(&shell), (0, 1));
        speaks(&mut shell, "1", "t", &format!("/approve {number}"));
        assert_eq!(waiting(&shell), (1, 0), "{:?}", shell.said);
        shell.give_back("A house.");
        shell.answer(200, &[], DONE);
    }
    // What everybody may know is nobody's to be asked about.
    speaks(&mut shell, "9", "t", "go");
    answers(&mut shell, &shell::calling("tell", &["{}"]));
    assert_eq!(waiting(&shell), (1, 0), "{:?}", shell.said);
    shell.restart();
}

/// What stands in a file that the agent holds by name, and who reads it in the room.
const REPORT: &str = "Salaries: ada@corp.example 70,000; bob@corp.example 60,000";

/// Somebody who was let in has a file read in the room, of which the model sees nothing or a part,
/// and has a name for it.
fn holds(shell: &mut Shell, content: &str) -> String {
    speaks(shell, "2", "t", "put report.txt into copy.txt");
    answers(shell, &shell::calling("read_file", &[r#"{"path":"report.txt"}"#]));
    shell.give_back(content);
    let (_, rest) = shell.request.rsplit_once("give exactly ").expect("a name was given");
    let name = rest.split(' ').next().unwrap().into();
    shell.answer(200, &[], DONE);
    name
}

/// A tool that gives back what everybody may know, and is told a text.
fn telling(hold: Hold) -> Settings {
    let mut own = service(&["model offline", "read,list,write /srv/agent", "skill tell"]);
    own.flow.hold = hold;
    let mut role = ToolRole::new(ToolEffect::Read).payload("text");
    role.output.secrecy = Secrecy::Public;
    let definition = ToolDefinition {
        name: "tell".into(),
        description: "Says it again.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    };
    own.tools.add(definition, role, false).unwrap();
    own
}

/// Nobody in the room has read what the agent holds by name, so a guest gets no value of it, nor
/// what a tool says of it, without an operator.
#[test]
fn what_nobody_read_is_not_read_out_of_its_name_for_a_guest() {
    for hold in [Hold::Untrusted, Hold::Large] {
        let mut shell = Shell::new(telling(hold));
        let is_long = hold == Hold::Large;
        let content = format!("{REPORT}{}", " -".repeat(if is_long { 50_000 } else { 0 }));
        let name = holds(&mut shell, &content);
        speaks(&mut shell, "9", "t", "which addresses are in it?");
        let extract = format!(r#"{{"from":"{name}","as":"email","nth":2}}"#);
        answers(&mut shell, &shell::calling("extract_value", &[&extract]));
        assert!(shell.payloads(Kind::Extracted).is_empty(), "{hold:?}");
        assert!(is_long || !shell.request.contains("bob@corp.example"), "{}", shell.request);
        assert!(shell.request.contains("for a guest of an open room"), "{}", shell.request);
        // A tool whose output is everybody's tells no more of it.
        let text = format!(r#"{{"text":"{name}"}}"#);
        answers(&mut shell, &shell::calling("tell", &[&text]));
        assert_eq!(shell.calls.len(), 0, "{hold:?}");
        let asked = shell.sentinel.questions().next().expect("an operator is asked");
        assert!(asked.text.contains("A guest of this open room wants it"), "{}", asked.text);
        assert!(!asked.may_be_always, "{}", asked.text);
        speaks(&mut shell, "2", "t", "/approve 1");
        assert_eq!(shell.calls.len(), 0, "a person does not let it out");
        speaks(&mut shell, "1", "t", "/approve 1");
        assert_eq!(shell.calls.len(), 1);
        shell.give_back("It is about salaries.");
        // What carries nothing is as free as ever.
        answers(&mut shell, &shell::calling("tell", &[r#"{"text":"hello"}"#]));
        assert_eq!(shell.calls.len(), 1, "{:?}", shell.said);
        shell.give_back("hello");
        shell.answer(200, &[], DONE);
        // Whoever was let in takes values as ever.
        speaks(&mut shell, "2", "t", "the second address?");
        answers(&mut shell, &shell::calling("extract_value", &[&extract]));
        assert_eq!(shell.payloads(Kind::Extracted).len(), 1, "{}", shell.request);
        shell.restart();
    }
}

/// What everybody may know is taken out of its name for guests, too.
#[test]
fn what_is_public_is_read_out_of_its_name_for_a_guest() {
    let mut shell = Shell::new(telling(Hold::Untrusted));
    speaks(&mut shell, "9", "t", "go");
    answers(&mut shell, &shell::calling("tell", &[r#"{"text":"hello"}"#]));
    shell.give_back("Ask at info@corp.example.");
    let (_, rest) = shell.request.rsplit_once("give exactly ").expect("a name was given");
    let name = rest.split(' ').next().unwrap();
    let extract = format!(r#"{{"from":"{name}","as":"email"}}"#);
    answers(&mut shell, &shell::calling("extract_value", &[&extract]));
    assert!(shell.request.contains("info@corp.example"), "{}", shell.request);
}

/// A conversation gave way, and the snapshot without it is still to come: however often the agent
/// starts until then, the last snapshot can be read, and so can the log.
#[test]
fn what_gave_way_can_be_read_until_a_snapshot_is_without_it() {
    let mut shell = Shell::new(service(&["model offline"]));
    for thread in 0..GUEST_CONVERSATIONS_MAX {
        speaks(&mut shell, "9", &format!("t{thread}"), "/help");
    }
    for thread in 0..1600 - GUEST_CONVERSATIONS_MAX {
        speaks(&mut shell, "2", &format!("p{thread}"), "/help");
    }
    shell.wait();
    shell.operate(OperatorCommand::Snapshot).unwrap();
    let count = shell.sentinel.conversations_count();
    let first = shell.sentinel.conversations(ConversationNumber(0)).next().unwrap().number;
    let master = MasterKey::new([2; 32]);
    let has_key = |shell: &Shell| {
        let ring = KeyRing::from_bytes(&shell.ring).unwrap();
        ring.open(first.0, &master).is_ok()
    };
    shell.instant += u64::try_from(GUEST_CONVERSATION_KEPT.as_millis()).unwrap();
    speaks(&mut shell, "9", "more", "/help");
    assert_eq!(shell.payloads(Kind::Forgotten).len(), 1);
    let is_known = |shell: &Shell| {
        shell.sentinel.conversations(ConversationNumber(0)).any(|known| known.number == first)
    };
    for start in 0..3 {
        assert_eq!(shell.sentinel.conversations_count(), count, "after {start} starts");
        assert!(!is_known(&shell) && has_key(&shell), "after {start} starts");
        let find =
            |digest: &[u8; 32]| (shell.settings.digest == *digest).then(|| shell.settings.clone());
        let ring = KeyRing::from_bytes(&shell.ring).unwrap();
        let keys = Keys { ring: &ring, master: &master };
        replay([shell.log.as_slice()], keys, &find).unwrap();
        shell.restart();
    }
    // An operator who means the same one does not wait for guests.
    shell.operate(OperatorCommand::Forget(first)).unwrap();
    assert!(!has_key(&shell));
    shell.restart();
    assert_eq!(shell.sentinel.conversations_count(), count);
}

/// A model's last word.
const DONE: &str = r#"{"choices":[{"index":0,"finish_reason":"stop","message":
    {"role":"assistant","content":"Done."}}]}"#;

/// While a turn goes on a guest fills half of the places behind it, and those who were let in have
/// the rest.
#[test]
fn guests_leave_places_behind_a_turn() {
    let mut shell = Shell::new(service(&["model offline"]));
    speaks(&mut shell, "2", "t", "go");
    assert_eq!(shell.asked.len(), 1);
    for _ in 0..2 * CONVERSATION_QUEUE_MAX {
        speaks(&mut shell, "9", "t", "and me");
    }
    let left_out = |shell: &Shell| shell.payloads(Kind::Ignored).len();
    assert_eq!(left_out(&shell), 2 * CONVERSATION_QUEUE_MAX - CONVERSATION_QUEUE_MAX / 2);
    for _ in 0..CONVERSATION_QUEUE_MAX / 2 {
        speaks(&mut shell, "2", "t", "and now");
    }
    assert_eq!(left_out(&shell), 2 * CONVERSATION_QUEUE_MAX - CONVERSATION_QUEUE_MAX / 2);
    speaks(&mut shell, "2", "t", "and now");
    assert_eq!(left_out(&shell), 2 * CONVERSATION_QUEUE_MAX - CONVERSATION_QUEUE_MAX / 2 + 1);
}
