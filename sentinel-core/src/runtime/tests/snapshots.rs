//! Snapshots with everything under way, at the limits, and of agents that are never at rest.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::shell::{Shell, poking, service, settings};
use super::*;
use crate::agent::{ConversationNumber, Kind, Model};
use crate::budget::{AtLimit, Limit, Measure, Rules, Scope};
use crate::channel::Part;
use crate::journal::export::Keys;
use crate::journal::{KeyRing, Reader, kind};
use crate::label::{Effect as ToolEffect, ToolRole};
use crate::limits::JOURNAL_CHECKPOINT_RECORDS_MAX;
use crate::llm::ToolDefinition;

fn snapshots_count(shell: &Shell) -> usize {
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let master = MasterKey::new([2; 32]);
    let mut reader = Reader::new(Keys { ring: &ring, master: &master });
    let mut records = reader.start(&shell.log).unwrap();
    let mut count = 0;
    while let Some(record) = reader.skim(&mut records) {
        count += usize::from(Kind::from_number(record.kind) == Some(Kind::Snapshot));
    }
    count
}

/// The tool asks, a limit is near, and one input in so many is followed by a snapshot.
fn busy(snapshot_inputs: u64) -> Shell {
    let mut own = service(&["model offline", "skill poke ask", "read /srv/agent"]);
    let limit = Limit {
        scope: Scope::Conversation,
        measure: Measure::Calls,
        max: 6,
        at_limit: AtLimit::Ask,
    };
    own.budget = Rules { limits: Vec::from([limit]), warn_percent: Vec::from([50]) };
    own.snapshot_inputs = snapshot_inputs;
    Shell::new(own)
}

const TEXT: &str = r#"{"choices":[{"index":0,"finish_reason":"stop",
    "message":{"role":"assistant","content":"Done."}}]}"#;

/// Everything that a turn can wait for: a model, a pause, an answer about a call, a running tool, a
/// limit; and messages that wait for the turn.
fn story(shell: &mut Shell, mut between: impl FnMut(&mut Shell)) {
    shell.write("2", "c2", "go");
    between(shell);
    shell.write("2", "c2", "and then this");
    shell.answer(500, &[], "");
    between(shell);
    shell.instant += 60_000;
    shell.wait();
    shell.answer(200, &[], &poking(&[r#"{"a":1}"#, r#"{"a":2}"#]));
    between(shell);
    let pending = shell.sentinel.questions().next().map(|one| (one.number, one.digest));
    let (question, digest) = pending.unwrap();
    let answer = Answer::Once;
    shell.operate(OperatorCommand::Answer { question, digest, answer }).unwrap();
    between(shell);
    shell.give_back("first");
    between(shell);
    shell.give_back("second");
    between(shell);
    for _ in 0..8 {
        let pending = shell.sentinel.questions().next().map(|one| (one.number, one.digest));
        match pending {
            Some((question, digest)) => {
                let answer = OperatorCommand::Answer { question, digest, answer };
                shell.operate(answer).unwrap();
            }
            None if shell.asked.is_empty() => break,
            None => shell.answer(200, &[], TEXT),
        }
        between(shell);
    }
    shell.wait();
}

#[test]
fn a_snapshot_of_all_that_is_under_way_changes_nothing() {
    let mut plain = busy(1_000_000);
    story(&mut plain, |_| {});
    assert!(plain.sentinel.is_at_rest(), "{:?}", plain.sentinel.open_counts());
    assert_eq!(snapshots_count(&plain), 0);
    let mut kept = busy(1);
    story(&mut kept, |_| {});
    assert_eq!(kept.said, plain.said);
    assert!(kept.sentinel.is_at_rest(), "{:?}", kept.sentinel.open_counts());
    assert!(snapshots_count(&kept) > 10);
    assert!(!kept.alerts.iter().any(|alert| alert.contains("no snapshot")), "{:?}", kept.alerts);
}

/// Goal: a start from a snapshot with a turn under way goes on like one that did it all again.
#[test]
fn a_start_from_a_snapshot_goes_on_with_what_was_under_way() {
    for stop_at in 0..12 {
        let ends = [1, 1_000_000].map(|snapshot_inputs| {
            let mut shell = busy(snapshot_inputs);
            let mut place = 0;
            story(&mut shell, |shell| {
                // What runs is interrupted by a start: then the story is another one.
                let runs = !shell.calls.is_empty();
                if place == stop_at && !runs {
                    shell.asked.clear();
                    shell.restart();
                }
                place += 1;
            });
            assert!(shell.sentinel.is_at_rest(), "{:?}", shell.sentinel.open_counts());
            shell.said
        });
        assert_eq!(ends[0], ends[1], "a start at {stop_at}");
    }
}

/// One chat has a question open all the time. What was forgotten in another is gone all the same.
#[test]
fn what_is_forgotten_is_gone_although_somebody_is_still_asked() {
    let mut shell = Shell::new(settings(&["model offline", "read /srv/agent ask"]));
    shell.write("1", "c1", "read README.md");
    shell.write("2", "c2", "hello");
    let forgotten = shell.sentinel.questions().next().unwrap().conversation;
    assert_eq!(forgotten, ConversationNumber(1));
    let other = (2..20)
        .map(ConversationNumber)
        .find(|number| shell.operate(OperatorCommand::Forget(*number)).is_ok());
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    assert!(ring.open(other.unwrap().0, &MasterKey::new([2; 32])).is_err(), "its key is gone");
    assert!(shell.sentinel.questions().next().is_some());
    shell.restart();
    assert!(shell.write("1", "c1", "/approve 1").contains("Allowed"), "{:?}", shell.said);
    assert_eq!(shell.calls.len(), 1);
}

#[test]
fn an_agent_that_is_never_at_rest_has_snapshots() {
    let mut own = settings(&["model offline", "read /srv/agent ask"]);
    own.snapshot_inputs = 10;
    let mut shell = Shell::new(own);
    shell.write("1", "c1", "read README.md");
    for index in 0..100 {
        shell.write("2", "c2", &format!("hello {index}"));
        shell.instant -= 40_000;
    }
    assert!(shell.sentinel.questions().next().is_some(), "one is asked all the time");
    assert!(snapshots_count(&shell) > 10);
    shell.restart();
}

/// A part that no record would take is written in pieces, and read back.
#[test]
fn a_snapshot_at_the_limits_is_taken() {
    let mut own = settings(&["model offline"]);
    own.models[0].context_tokens_max = 1 << 40;
    own.snapshot_inputs = 1_000_000;
    let mut shell = Shell::new(own);
    // Every byte of it takes six in JSON.
    let long = "\u{1}".repeat(crate::limits::CHANNEL_INCOMING_BYTES_MAX);
    for _ in 0..11 {
        shell.send("1", "c1", Vec::from([Part::Text(long.clone())]));
    }
    for index in 0..1100 {
        let grant = format!("read /srv/{index}/{}", "x".repeat(2000));
        shell.operate(OperatorCommand::Grant(grant)).unwrap();
    }
    let before = shell.log.len();
    shell.operate(OperatorCommand::Snapshot).unwrap();
    assert!(shell.alerts.is_empty(), "{:?}", shell.alerts);
    assert!(shell.log.len() - before > 16 << 20, "{}", shell.log.len() - before);
    assert_eq!(snapshots_count(&shell), 1);
    let status = |shell: &mut Shell| -> Vec<String> {
        let said = shell.write("1", "c1", "/status");
        said.lines().filter(|line| line.contains("Remembered")).map(ToString::to_string).collect()
    };
    let remembered = status(&mut shell);
    assert!(remembered[0].contains("22 messages"), "{remembered:?}");
    shell.restart();
    assert_eq!(status(&mut shell), remembered);
}

/// A model that was set aside stays so over a snapshot and a start from it: its provider asked to
/// be left alone.
#[test]
fn how_models_have_been_is_kept() {
    let mut own = service(&["model offline", "model second"]);
    own.models.push(Model { name: "second".into(), ..own.models[0].clone() });
    for is_restarted in [false, true] {
        let mut shell = Shell::new(own.clone());
        shell.write("1", "c1", "go");
        assert!(shell.request.contains("\"offline\""), "{}", shell.request);
        shell.answer(401, &[], "{}");
        assert!(shell.request.contains("\"second\""), "{}", shell.request);
        shell.answer(200, &[], TEXT);
        shell.operate(OperatorCommand::Snapshot).unwrap();
        if is_restarted {
            shell.restart();
        }
        shell.write("1", "c1", "go on");
        assert!(shell.request.contains("\"second\""), "{}", shell.request);
        shell.answer(200, &[], TEXT);
        // When the time is over it is tried again, and whoever tried it says that it is well.
        shell.instant += 3_600_000;
        shell.write("1", "c1", "again");
        assert!(shell.request.contains("\"offline\""), "{}", shell.request);
        shell.operate(OperatorCommand::Snapshot).unwrap();
        shell.answer(200, &[], TEXT);
        for chat in ["c1", "c2"] {
            shell.write("1", chat, "and now");
            assert!(shell.request.contains("\"offline\""), "{}", shell.request);
        }
    }
}

#[test]
fn a_snapshot_of_many_conversations_waits_for_no_checkpoint_that_is_due() {
    let mut shell = Shell::new(settings(&["model offline"]));
    for chat in 0..JOURNAL_CHECKPOINT_RECORDS_MAX + 100 {
        shell.write("1", &format!("c{chat}"), "/clear");
    }
    shell.operate(OperatorCommand::Snapshot).unwrap();
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let master = MasterKey::new([2; 32]);
    let mut reader = Reader::new(Keys { ring: &ring, master: &master });
    let mut records = reader.start(&shell.log).unwrap();
    let (mut since, mut most) = (0, 0);
    while let Some(record) = reader.skim(&mut records) {
        // A checkpoint vouches for all before it, and not for itself.
        since = if record.kind == kind::CHECKPOINT { 1 } else { since + 1 };
        most = most.max(since);
    }
    assert_eq!(most, JOURNAL_CHECKPOINT_RECORDS_MAX, "as many, and no more");
    shell.restart();
}

/// A reload takes a tool away whose call is done, while another call of that round goes on.
#[test]
fn a_call_whose_tool_has_gone_is_kept() {
    let tool = |name: &str| ToolDefinition {
        name: name.into(),
        description: "Waits.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    };
    let mut own = service(&["model offline", "skill poke", "skill await"]);
    own.snapshot_inputs = 1;
    own.tools.add(tool("await"), ToolRole::new(ToolEffect::Read), true).unwrap();
    let mut other = own.clone();
    assert!(other.tools.remove("poke"));
    other.grants.retain(|grant| grant.to_string() != "skill poke");
    other.digest = [9; 32];
    let mut shell = Shell::new(own);
    shell.write("1", "c1", "go");
    let calls = poking(&[r#"{"at":"a"}"#, r#"{"at":"b"}"#]);
    let (first, second) = calls.split_at(calls.rfind("poke").unwrap());
    shell.answer(200, &[], &format!("{first}{}", second.replacen("poke", "await", 1)));
    assert_eq!(shell.calls.len(), 2);
    shell.calls.swap(0, 1);
    shell.give_back("poked");
    shell.tell(Event::Settings(Arc::new(other.clone())));
    shell.wait();
    assert!(!shell.alerts.iter().any(|alert| alert.contains("no snapshot")), "{:?}", shell.alerts);
    shell.calls.clear();
    shell.restart_with(other);
    shell.give_back("waited");
    assert!(shell.request.contains("poked") && shell.request.contains("waited"));
}
