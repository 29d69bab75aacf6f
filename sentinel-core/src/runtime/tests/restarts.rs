//! What a start does with what was under way, and with settings that changed meanwhile.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::shell::{Shell, poking, secrets, service, settings};
use super::*;
use crate::agent::{ConversationNumber, Kind};
use crate::budget::{AtLimit, Limit, Measure, Rules, Scope};
use crate::channel::{AccessRules, AttachmentKind, Audience, Part, Platform, Standing};
use crate::journal::export::Keys;
use crate::journal::{
    Actor, Hash, KeyRing, LogKey, Payload, Reader, Record, Report, Trust, Verifier,
};
use crate::limits::{CAPABILITY_GRANTS_COUNT_MAX, JOURNAL_CHECKPOINT_RECORDS_MAX};
use crate::time::Timestamp;

fn changed(grants: &[&str]) -> Settings {
    Settings { digest: [1; 32], ..settings(grants) }
}

#[test]
fn what_runs_is_repeated_only_under_the_grants_it_was_allowed_by() {
    let first = ["read,list /srv/agent", "model offline"];
    let running = || {
        let mut shell = Shell::new(settings(&first));
        shell.write("1", "c1", "read README.md");
        assert_eq!(shell.calls.len(), 1);
        shell
    };
    let mut shell = running();
    shell.restart();
    assert_eq!(shell.calls.len(), 2, "reading twice is as good as once");
    for other in ["deny read,list /srv/agent", "read,list /srv/agent ask"] {
        let mut shell = running();
        shell.restart_with(changed(&[other, "model offline"]));
        assert_eq!(shell.calls.len(), 1, "{other}");
        assert!(shell.alerts.iter().any(|alert| alert.contains("interrupted")), "{other}");
    }
}

#[test]
fn what_was_used_of_a_grant_and_what_was_revoked_stays_so() {
    let grants = ["read /srv/agent uses 1", "list /srv/agent", "model offline"];
    let mut shell = Shell::new(settings(&grants));
    shell.write("1", "c1", "read README.md");
    shell.give_back("x");
    shell.operate(OperatorCommand::Grant("read /srv/agent/other.md uses 1".into())).unwrap();
    shell.write("1", "c2", "read other.md");
    shell.give_back("x");
    let list = Handle { index: 1, generation: 0 };
    shell.operate(OperatorCommand::Revoke(list)).unwrap();
    shell.restart_with(changed(&grants));
    for text in ["read README.md", "read other.md", "list the files in docs"] {
        shell.write("1", "c1", "/clear");
        shell.write("1", "c1", text);
        assert!(shell.calls.is_empty(), "{text}");
    }
}

/// A handle that an operator wrote down before a start means that grant after it, or none.
#[test]
fn a_handle_means_after_a_start_what_it_meant_before() {
    let first = ["read /srv/agent ask", "list /srv/agent", "model offline"];
    let mut shell = Shell::new(settings(&first));
    shell.operate(OperatorCommand::Grant("read /srv/other".into())).unwrap();
    shell.write("1", "c1", "read README.md");
    shell.write("1", "c1", "/approve 1 always");
    shell.give_back("x");
    let at = |index, generation| Handle { index, generation };
    let means = |shell: &Shell, handle| shell.sentinel.grant(handle).map(ToString::to_string);
    let second = ["model offline", "read /srv/new", "list /srv/agent"];
    shell.restart_with(changed(&second));
    shell.operate(OperatorCommand::Snapshot).unwrap();
    for _ in 0..2 {
        for (handle, grant) in [
            (at(0, 0), None),
            (at(0, 1), Some("read /srv/new")),
            (at(1, 0), Some("list /srv/agent")),
            (at(2, 0), Some("model offline")),
            (at(3, 0), Some("read /srv/other")),
            (at(4, 0), Some("read /srv/agent/README.md")),
        ] {
            assert_eq!(means(&shell, handle).as_deref(), grant, "{handle}");
        }
        shell.restart();
    }
    let refused = shell.operate(OperatorCommand::Revoke(at(0, 0))).unwrap_err();
    assert!(refused.to_string().contains("there is no grant h0.0"), "{refused}");
    shell.operate(OperatorCommand::Revoke(at(4, 0))).unwrap();
    shell.operate(OperatorCommand::Grant("read /srv/agent/b".into())).unwrap();
    shell.restart_with(settings(&first));
    assert_eq!(means(&shell, at(0, 1)), None, "it is not what it was: {:?}", first[0]);
    assert_eq!(means(&shell, at(4, 0)), None);
    assert_eq!(means(&shell, at(4, 1)).as_deref(), Some("read /srv/agent/b"));
}

/// What people granted makes room for what settings grant, and what forbids stays as long as
/// anything does.
#[test]
fn settings_that_fill_the_table_leave_no_room_for_others() {
    let mut shell = Shell::new(settings(&["model offline"]));
    for grant in ["deny read /srv/a", "read /srv/b", "read /srv/c"] {
        shell.operate(OperatorCommand::Grant(grant.into())).unwrap();
    }
    let mut full = changed(&["model offline"]);
    let more = (0..CAPABILITY_GRANTS_COUNT_MAX - 3).map(|index| format!("read /srv/{index}"));
    full.grants.extend(more.map(|grant| grant.parse::<Grant>().unwrap()));
    shell.restart_with(full);
    let there = |index| shell.sentinel.grant(Handle { index, generation: 0 }).is_some();
    assert!(there(0) && there(1) && !there(2) && there(3), "{:?}", shell.alerts);
    let lost = shell.alerts.iter().filter(|alert| alert.contains("'read /srv/b' was lost"));
    assert_eq!(lost.count(), 1, "{:?}", shell.alerts);
}

#[test]
fn a_tool_that_is_gone_is_not_run_although_its_call_was_asked_about() {
    let mut without = service(&["model offline", "skill poke ask"]);
    without.tools = crate::tool::Tools::builtin();
    without.digest = [1; 32];
    let mut shell = Shell::new(service(&["model offline", "skill poke ask"]));
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &poking(&["{}"]));
    shell.restart_with(without);
    shell.write("1", "c1", "/approve 1");
    assert!(shell.calls.is_empty());
}

#[test]
fn a_program_that_was_down_was_not_at_work() {
    let limit = Limit {
        scope: Scope::Conversation,
        measure: Measure::Time,
        max: 600_000,
        at_limit: AtLimit::Stop,
    };
    let mut own = settings(&["model offline", "read,list /srv/agent"]);
    own.budget = Rules { limits: Vec::from([limit]), warn_percent: Vec::new() };
    let mut shell = Shell::new(own);
    shell.write("1", "c1", "read README.md");
    shell.instant += 2 * 3_600_000;
    shell.calls.clear();
    shell.restart();
    assert_eq!(shell.calls.len(), 1, "it runs again, and has its time: {:?}", shell.said);
    shell.give_back("x");
    shell.write("1", "c1", "/clear");
    shell.write("1", "c1", "read README.md");
    assert_eq!(shell.calls.len(), 1, "{:?}", shell.said.last());
}

#[test]
fn what_a_start_says_is_said_once() {
    let mut own = service(&["model offline"]);
    own.platforms = Vec::from([Platform { name: "chat", ..Platform::TELEGRAM }]);
    let mut shell = Shell::new(own.clone());
    shell.write("1", "c1", "one");
    own.grants.clear();
    own.digest = [1; 32];
    shell.restart_with(own);
    let told = shell.said.iter().filter(|said| said.contains("no model that I may ask")).count();
    assert_eq!(told, 1, "{:?}", shell.said);
    assert!(!shell.alerts.iter().any(|alert| alert.contains("may not have arrived")));
}

#[test]
fn an_answer_is_not_repeated_under_a_key_that_nobody_knows_any_more() {
    for (hours, is_repeated) in [(0, true), (24, false)] {
        let mut shell = Shell::new(settings(&["model offline"]));
        shell.is_mute = true;
        shell.write("1", "c1", "/help");
        shell.is_mute = false;
        let before = shell.said.len();
        assert_eq!(before, 1);
        shell.instant += hours * 3_600_000;
        shell.restart();
        let help = shell.said[before..].iter().any(|said| said.contains("/status"));
        assert_eq!(help, is_repeated, "{hours} hours later");
    }
}

/// Whatever a provider says, what is done again is what was done.
#[test]
fn what_a_provider_says_is_read_back_as_it_was_acted_on() {
    for said in ["oops", "\\u0000oops", "\\u200boops", "bearer\\u0000abcdefgh", "\\u001b[31mno"] {
        let mut shell = Shell::new(service(&["model offline"]));
        shell.write("1", "c1", "go");
        shell.answer(400, &[], &format!(r#"{{"error":{{"message":"{said}"}}}}"#));
        shell.restart();
    }
    for wait in ["29999.9", "30000.4", "1551.5", "5000.4"] {
        let mut shell = Shell::new(service(&["model offline"]));
        shell.write("1", "c1", "go");
        shell.answer(429, &[("retry-after-ms", wait)], "{}");
        shell.restart();
    }
}

#[test]
fn an_answer_that_no_record_holds_is_one_that_failed() {
    let mut shell = Shell::new(service(&["model offline"]));
    shell.write("1", "c1", "go");
    let text = "\\u0001".repeat(3_000_000);
    let message = format!(r#"{{"role":"assistant","content":"{text}"}}"#);
    let body =
        format!(r#"{{"choices":[{{"index":0,"message":{message},"finish_reason":"stop"}}]}}"#);
    shell.answer(200, &[], &body);
    assert!(shell.said.last().unwrap().contains("I have no answer"), "{:?}", shell.said.last());
    assert!(shell.sentinel.is_at_rest());
    shell.restart();
}

/// Whoever can write the file and has no key can add records that fit the chain. They are in the
/// clear, and nothing follows from them.
#[test]
fn a_record_in_the_clear_is_not_believed() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let master = MasterKey::new([2; 32]);
    let mut reader = Reader::new(Keys { ring: &ring, master: &master });
    let mut records = reader.start(&shell.log).unwrap();
    let mut sequence = 0;
    while reader.skim(&mut records).is_some() {
        sequence += 1;
    }
    let last = Hash(shell.log.last_chunk::<32>().copied().unwrap());
    for (kind, payload) in [
        (Kind::Operator, r#"{"at":50000,"request":7,"do":"grant","grant":"read /etc"}"#),
        (Kind::Snapshot, "{}"),
    ] {
        let mut body = Vec::new();
        let record = Record {
            journal: JournalId([1; 8]),
            sequence,
            time: Timestamp(1_700_000_000_000),
            actor: Actor::Operator,
            kind: kind.number(),
            conversation: 0,
            is_sealed: false,
            payload: payload.as_bytes(),
        };
        record.write(&mut body);
        let length = u32::try_from(body.len()).unwrap();
        let mut log = shell.log.clone();
        log.extend_from_slice(&length.to_le_bytes());
        log.extend_from_slice(&(!length).to_le_bytes());
        log.extend_from_slice(&body);
        log.extend_from_slice(&Hash::record(last, &body).0);
        let whole = core::mem::replace(&mut shell.log, log);
        let settings = shell.settings.clone();
        let error = shell.try_restart(&settings).unwrap_err();
        assert!(error.to_string().contains("not sealed"), "{error}");
        shell.log = whole;
    }
    shell.restart();
}

/// What is forgotten is nowhere, although it was being said when a snapshot was taken.
#[test]
fn nothing_of_a_forgotten_conversation_opens() {
    let mut own = settings(&["model offline"]);
    own.snapshot_inputs = 1;
    let mut shell = Shell::new(own);
    let answer = shell.write("1", "c1", "what can you do");
    let telling = answer.lines().find(|line| line.len() > 20).unwrap()[..20].to_string();
    assert!(readable(&shell).iter().any(|payload| payload.contains(&telling)));
    shell.operate(OperatorCommand::Forget(ConversationNumber(1))).unwrap();
    shell.wait();
    assert!(!readable(&shell).iter().any(|payload| payload.contains(&telling)));
    shell.restart();
}

/// All payloads that can be opened.
fn readable(shell: &Shell) -> Vec<String> {
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let master = MasterKey::new([2; 32]);
    let mut reader = Reader::new(Keys { ring: &ring, master: &master });
    let mut records = reader.start(&shell.log).unwrap();
    let mut payloads = Vec::new();
    while let Some((_, payload)) = reader.next(&mut records) {
        if let Payload::Open(payload) = payload {
            payloads.extend(String::from_utf8(payload.into_owned()));
        }
    }
    payloads
}

#[test]
fn another_log_is_not_gone_on_with() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    let settings = shell.settings.clone();
    let find = |_: &[u8; 32]| Some(settings.clone());
    let own = secrets(EpochSeed::first([4; 32]));
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let other = Secrets { journal: JournalId([9; 8]), ..own };
    let files = [shell.log.as_slice()];
    let resumed = Sentinel::resume(settings.clone(), &find, other, ring, &files, shell.now());
    let error = resumed.unwrap_err().to_string();
    assert!(error.contains("example.com/test"), "{error}");
}

#[test]
fn errors_and_debug_output_hold_no_secrets() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.send("1", "c1", Vec::from([Part::Text("the word is xylophone".into())]));
    // The same digest, and not what the log was written with.
    let other = Arc::new(settings(&[]));
    shell.settings = other.clone();
    let error = shell.try_restart(&other).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("xylophone"), "{error:?}");
    let printed = format!("{:?}", secrets(EpochSeed::first([4; 32])));
    assert!(!printed.contains("3, 3"), "{printed}");
    let now = shell.now();
    shell.sentinel.checkpoint(now);
    while let Some(effect) = shell.sentinel.poll() {
        if let Effect::Persist { records_count, .. } = effect {
            shell.sentinel.handle(now, Event::Persisted { records_count }).unwrap();
        } else if let Effect::StoreSeed { seed } = &effect {
            let byte = seed.to_bytes()[8].to_string();
            assert!(!format!("{effect:?}").contains(&byte));
        }
    }
}

/// The word that an answer may be lost may be lost itself, in one crash after another.
#[test]
fn whoever_may_have_lost_an_answer_is_told_until_it_is_certain() {
    let mut own = settings(&["read,list /srv/agent", "model offline"]);
    own.platforms = Vec::from([Platform { name: "chat", ..Platform::TELEGRAM }]);
    let mut shell = Shell::new(own);
    shell.is_mute = true;
    shell.write("1", "c1", "hello");
    let told =
        |shell: &Shell| shell.said.iter().filter(|text| text.contains("please ask again")).count();
    assert_eq!(told(&shell), 0);
    for crash in 1..4 {
        shell.restart();
        assert_eq!(told(&shell), crash, "the last one may not have arrived either");
    }
    shell.is_mute = false;
    shell.restart();
    assert_eq!(told(&shell), 4);
    shell.restart();
    assert_eq!(told(&shell), 4, "it arrived");
}

/// A question that nobody may have seen cannot be answered; asked twice it is one question still.
#[test]
fn a_question_that_may_not_have_arrived_is_asked_again() {
    let mut own = settings(&["read /srv/agent ask", "model offline"]);
    own.platforms = Vec::from([Platform { name: "chat", ..Platform::TELEGRAM }]);
    let mut shell = Shell::new(own);
    shell.is_mute = true;
    shell.write("1", "c1", "read README.md");
    shell.is_mute = false;
    let before = shell.said.len();
    shell.restart();
    let again = shell.said[before..].iter().filter(|said| said.contains("/approve 1")).count();
    assert_eq!(again, 1, "{:?}", &shell.said[before..]);
    shell.write("1", "c1", "/approve 1");
    assert_eq!(shell.calls.len(), 1);
}

/// What a replay finds in the log of a shell, read with this ring.
fn replayed(shell: &Shell, ring: &KeyRing) -> Result<Replayed, Difference> {
    let master = MasterKey::new([2; 32]);
    let find =
        |digest: &[u8; 32]| (shell.settings.digest == *digest).then(|| shell.settings.clone());
    replay([shell.log.as_slice()], Keys { ring, master: &master }, &find)
}

#[test]
fn a_key_that_nobody_had_destroyed_is_missed() {
    let mut shell = Shell::new(settings(&["model offline"]));
    shell.write("1", "c1", "hello");
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.write("1", "c2", "hello");
    let mut ring = KeyRing::from_bytes(&shell.ring).unwrap();
    assert_eq!(replayed(&shell, &ring).unwrap().skipped_count, 0);
    // Forgotten by a person: a record says so, and what follows on the snapshot is done again.
    let chats = shell.sentinel.conversations(ConversationNumber(0));
    let second = chats.map(|chat| chat.number).last().unwrap();
    shell.operate(OperatorCommand::Forget(second)).unwrap();
    let own = KeyRing::from_bytes(&shell.ring).unwrap();
    assert!(replayed(&shell, &own).unwrap().skipped_count > 0);
    // Taken out of the ring by somebody else.
    ring.forget(1);
    let difference = replayed(&shell, &ring).unwrap_err();
    assert_eq!(difference.kind, DifferenceKind::MissingKey);
    assert!(difference.to_string().contains("no record says"), "{difference}");
}

/// What a start records can make a checkpoint due, and the host says only after it which key signs
/// besides.
#[test]
fn a_start_signs_nothing_before_its_key_is_known() {
    let mut shell = Shell::new(settings(&["model offline"]));
    let report = |shell: &Shell| {
        let mut verifier = Verifier::new(Trust::default());
        verifier.push(&shell.log);
        verifier.finish()
    };
    let since = |report: &Report| report.records_count - report.anchored_count;
    // Each of these is two records, and a start is two as well.
    let mut number = 0;
    while since(&report(&shell)) < JOURNAL_CHECKPOINT_RECORDS_MAX - 2 {
        number += 1;
        let parts = Vec::from([Part::Text("let me in".into())]);
        let incoming = shell::incoming("99", "c9", &format!("{number}"), parts);
        shell.tell(Event::Message(incoming));
    }
    let waiting_count = since(&report(&shell));
    assert!(waiting_count < JOURNAL_CHECKPOINT_RECORDS_MAX, "{waiting_count} of {number}");
    let seed = EpochSeed::from_bytes(shell.seed.as_slice().try_into().unwrap());
    let ring = KeyRing::from_bytes(&shell.ring).unwrap();
    let known = shell.settings.clone();
    let find = |digest: &[u8; 32]| Some(known.clone()).filter(|known| known.digest == *digest);
    let (files, now) = ([shell.log.as_slice()], shell.now());
    let resumed = Sentinel::resume(known.clone(), &find, secrets(seed), ring, &files, now).unwrap();
    shell.sentinel = resumed.sentinel;
    shell.sentinel.sign_with(LogKey::from_bytes(&[5; 32]));
    shell.wait();
    let report = report(&shell);
    assert!(since(&report) < 5, "{report:?}");
    assert!(report.log_key.is_some(), "a witness can follow it: {report:?}");
}

/// Settings shut somebody out while the program was down: who waited behind them has a turn that
/// begins then, and nothing of it was under way before.
#[test]
fn who_waited_behind_somebody_shut_out_begins_once() {
    for has_file in [false, true] {
        let mut own = service(&["model offline"]);
        own.platforms = Vec::from([Platform { name: "chat", ..Platform::TELEGRAM }]);
        own.attachments.insert("chat".into(), 1000);
        let rules = || AccessRules::new().person("chat", "1", Standing::Operator).unwrap();
        let both = rules().person("chat", "2", Standing::Person).unwrap();
        own.access = both.room("chat", "hall", Audience::People).unwrap();
        let mut shell = Shell::new(own.clone());
        shell.write("2", "hall", "go");
        let file = || {
            let (kind, name) = (AttachmentKind::Document, "a.txt".to_string());
            Part::Attachment { kind, name, bytes_count: 5, id: "a".into() }
        };
        let text = Part::Text("and I".into());
        let parts = if has_file { Vec::from([text, file()]) } else { Vec::from([text]) };
        shell.send("1", "hall", parts);
        assert_eq!(shell.asked.len(), 1);
        own.access = rules().room("chat", "hall", Audience::People).unwrap();
        own.digest = [1; 32];
        shell.restart_with(own);
        let asked = shell.payloads(Kind::ModelAsked);
        assert_eq!(asked.len(), if has_file { 1 } else { 2 }, "{asked:?}");
        assert_eq!(shell.payloads(Kind::AttachmentAsked).len(), usize::from(has_file));
        assert_eq!(shell.fetches, usize::from(has_file));
        let restarted = shell.said.iter().filter(|said| said.contains("I was restarted"));
        assert_eq!(restarted.count(), 0, "{:?}", shell.said);
    }
}
