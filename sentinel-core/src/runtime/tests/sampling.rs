//! Servers that would have a model answer something: who allows it, what is sent, and how it ends.

mod chance;
mod words;

use alloc::string::ToString;
use core::time::Duration;

use super::shell::{Shell, calling};
use super::skills::{OVER, approve_tea, plain};
use super::*;
use crate::agent::{
    CallNumber, Kind, OperatorCommand, Provider, Sampled, Sampling, Told, ToolOutput, Unsampled,
};
use crate::budget::{AtLimit, Limit, Measure, Scope};
use crate::capability::Handle;
use crate::limits::{CALL_SAMPLINGS_AT_ONCE_MAX, CALL_SAMPLINGS_MAX, SAMPLING_BYTES_MAX};
use crate::llm::{Block, Image, ImageKind, ImageSource, Message, Role, StopReason};

const OWN: [&str; 2] = ["model offline", "skill tea"];
const GRANTED: [&str; 3] = ["model offline", "skill tea", "model * for tea"];
const ASKING: [&str; 3] = ["model offline", "skill tea", "model off* for tea ask"];

/// A model's answer, with a call of a tool that it was not offered.
const GREEN: &str = r#"{"choices":[{"index":0,"finish_reason":"stop","message":
    {"role":"assistant","content":"green","tool_calls":[{"id":"c","type":"function","function":
    {"name":"tea__brew","arguments":"{}"}}]}}],
    "usage":{"prompt_tokens":11,"completion_tokens":3}}"#;

fn called_with(own: Settings) -> (Shell, CallNumber) {
    let mut shell = Shell::new(own);
    shell.operate(approve_tea()).unwrap();
    shell.write("1", "c1", "brew me some private-words");
    shell.answer(200, &[], &calling("tea__brew", &["{}"]));
    let call = shell.calls[0].0;
    (shell, call)
}

/// Settings with these grants, and a call that may take an hour.
fn patient(grants: &[&str]) -> Settings {
    let mut own = plain(grants);
    own.turn.call_time_max = Duration::from_secs(3600);
    own.instructions = "be-our-agent".into();
    own
}

fn called(grants: &[&str]) -> (Shell, CallNumber) {
    called_with(patient(grants))
}

fn leaf(words: &str) -> Sampling {
    Sampling {
        system: Some("be-a-leaf".into()),
        messages: Vec::from([Message::text(Role::User, words)]),
        tokens_max: 50,
        stops: Vec::from(["END".into()]),
    }
}

fn sample(shell: &mut Shell, call: CallNumber, number: u64) {
    sample_with(shell, call, number, leaf("Which\nleaf\u{202e}?"));
}

fn sample_with(shell: &mut Shell, call: CallNumber, number: u64, sampling: Sampling) {
    shell.tell(Event::CallSamples { call, number, sampling });
}

/// What the server was told last, as it should be.
fn told(shell: &mut Shell, call: CallNumber, number: u64) -> Result<Sampled, Unsampled> {
    let (own, asked, told) = shell.replies.pop().expect("nothing was told");
    assert_eq!((own, asked), (call, number));
    let Told::Sampled(outcome) = told else { panic!("{told:?}") };
    outcome
}

fn refused(shell: &mut Shell, call: CallNumber, number: u64) -> String {
    match told(shell, call, number) {
        Err(Unsampled::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn waiting(shell: &Shell) -> usize {
    shell.sentinel.questions().count()
}

/// The turn comes to its end, and the log says the same again.
fn over(mut shell: Shell) {
    shell.give_back("hot");
    shell.answer(200, &[], OVER);
    assert!(shell.sentinel.is_at_rest(), "{:?}", shell.sentinel.open_counts());
    shell.restart();
    assert!(shell.sentinel.is_at_rest(), "{:?}", shell.sentinel.open_counts());
}

#[test]
fn without_a_grant_no_model_is_asked_and_the_line_for_one_is_named() {
    for (grants, why) in [
        (&OWN[..], "grants it with: sentinel grant 'model * for tea'"),
        (&["model offline", "skill tea", "model * for coffee"], "sampling is not granted to tea"),
        (&["model offline", "skill tea", "model other* for tea"], "is not granted to tea"),
        (
            &["model offline", "skill tea", "model * for tea", "deny model offline for tea"],
            "a rule",
        ),
    ] {
        let (mut shell, call) = called(grants);
        let asked = shell.asked.len();
        sample(&mut shell, call, 7);
        let said = refused(&mut shell, call, 7);
        assert!(said.contains(why), "{said}");
        assert_eq!((shell.asked.len(), waiting(&shell)), (asked, 0), "{grants:?}");
    }
    let (mut shell, call) = called(&OWN);
    assert!(!shell.sentinel.may_sample("tea", shell.now().wall));
    sample(&mut shell, call, 7);
    let decided = shell.payloads(Kind::SamplingDecided);
    assert!(decided[0].contains(r#""number":7,"answer":"deny","skill":"tea""#), "{decided:?}");
    assert!(shell.payloads(Kind::SamplingEnded)[0].contains("model * for tea"));
    // The grant holds from the next request on.
    shell.operate(OperatorCommand::Grant("model offline for tea".into())).unwrap();
    assert!(shell.sentinel.may_sample("tea", shell.now().wall));
    assert!(!shell.sentinel.may_sample("coffee", shell.now().wall));
    sample(&mut shell, call, 8);
    assert_eq!(shell.asked.len(), 1);
    shell.answer(200, &[], GREEN);
    over(shell);
}

/// The model is sent the server's own words and nothing else, and its answer goes to the server
/// and nowhere else.
#[test]
fn the_answer_goes_to_the_server_and_nothing_of_the_conversation_to_the_model() {
    let (mut shell, call) = called(&GRANTED);
    let said = shell.said.len();
    sample(&mut shell, call, 7);
    for part in ["be-a-leaf", "Which\\nleaf", "\"END\"", "50"] {
        assert!(shell.request.contains(part), "{part}: {}", shell.request);
    }
    for part in ["private-words", "be-our-agent", "tea__brew", "\"tools\"", "Brews"] {
        assert!(!shell.request.contains(part), "{part}: {}", shell.request);
    }
    let before = shell.sentinel.status().spent;
    shell.answer(200, &[], GREEN);
    let (text, model) = ("green".to_string(), "offline".to_string());
    let stop = StopReason::ToolUse;
    let sampled = told(&mut shell, call, 7).unwrap();
    assert_eq!((&sampled.text, &sampled.model), (&text, &model), "{stop:?}");
    let spent = shell.sentinel.status().spent;
    assert_eq!((spent.tokens - before.tokens, spent.calls - before.calls), (14, 1));
    assert_eq!(shell.said.len(), said, "nobody is told of it: {:?}", shell.said);
    let kinds = shell.kinds();
    let kinds: Vec<Kind> = kinds.into_iter().rev().take(5).collect();
    let expected = [
        Kind::SamplingEnded,
        Kind::Reply,
        Kind::ModelAsked,
        Kind::SamplingDecided,
        Kind::CallSamples,
    ];
    assert_eq!(kinds, expected);
    let asked = shell.payloads(Kind::ModelAsked);
    assert!(asked.last().unwrap().contains(r#""number":7,"lent_by":"#), "{asked:?}");
    shell.give_back("hot");
    assert!(!shell.request.contains("green") && !shell.request.contains("be-a-leaf"));
    assert!(shell.request.contains("private-words") && shell.request.contains("be-our-agent"));
    shell.answer(200, &[], OVER);
    shell.restart();
    assert!(shell.sentinel.is_at_rest());
}

#[test]
fn where_the_grant_asks_a_person_sees_all_of_it_first() {
    let (mut shell, call) = called(&ASKING);
    sample(&mut shell, call, 7);
    let question = shell.said.last().unwrap().clone();
    for part in [
        "The server of the skill tea would have the model answer this, for its call tea__brew.",
        "which nobody vouches for",
        "  it is to behave like this:\n  | be-a-leaf\n",
        "  it is asked:\n  | Which\n  | leaf\\u{202e}?\n",
        "  its answer ends before: \"END\"\n",
        "The answer, 50 tokens of it at most, goes to that server.",
        "Answer /approve 1 or /deny 1.",
    ] {
        assert!(question.contains(part), "{part}: {question}");
    }
    assert_eq!((shell.asked.len(), waiting(&shell)), (0, 1));
    shell.write("2", "c1", "/approve 1");
    assert!(shell.said.last().unwrap().contains("Only an operator"), "{:?}", shell.said);
    for answer in ["/approve 1 always", "/approve 1 trust", "/approve 1 name=x"] {
        shell.write("1", "c1", answer);
        assert_eq!((shell.asked.len(), waiting(&shell)), (0, 1), "{answer}");
    }
    // What people take is not the call's time.
    shell.instant += 500_000;
    shell.write("1", "c1", "/approve 1");
    assert_eq!((shell.asked.len(), waiting(&shell)), (1, 0));
    shell.answer(200, &[], GREEN);
    assert_eq!(told(&mut shell, call, 7).unwrap().text, "green");

    sample(&mut shell, call, 8);
    shell.write("1", "c1", "/deny 2");
    let no = "somebody who was asked said no".to_string();
    assert_eq!(told(&mut shell, call, 8), Err(Unsampled::Denied(no)));
    sample(&mut shell, call, 9);
    shell.instant += 700_000;
    shell.tell(Event::Time);
    assert!(
        matches!(told(&mut shell, call, 9), Err(Unsampled::Denied(why)) if why.contains("in time"))
    );
    // What nobody could read is not asked about.
    sample_with(&mut shell, call, 10, leaf(&"x\n".repeat(8000)));
    assert!(refused(&mut shell, call, 10).contains("too long to be shown whole"));
    assert_eq!((shell.asked.len(), waiting(&shell)), (0, 0));
    over(shell);
}

/// A grant that asks once is confirmed by an operator, and by nobody else.
#[test]
fn a_grant_that_asks_once_asks_once() {
    for (is_operator, questions) in [(true, 1), (false, 2)] {
        let mut own = patient(&["model offline", "skill tea", "model * for tea once"]);
        own.turn.people_may_approve = true;
        let mut shell = Shell::new(own);
        shell.operate(approve_tea()).unwrap();
        let sender = if is_operator { "1" } else { "2" };
        shell.write(sender, "c2", "brew");
        shell.answer(200, &[], &calling("tea__brew", &["{}"]));
        let call = shell.calls[0].0;
        for number in 1..=2 {
            sample(&mut shell, call, number);
            if waiting(&shell) == 1 {
                shell.write(sender, "c2", &format!("/approve {number}"));
            }
            shell.answer(200, &[], GREEN);
            assert!(told(&mut shell, call, number).is_ok());
        }
        assert_eq!(shell.payloads(Kind::ApprovalAsked).len(), questions, "{is_operator}");
        over(shell);
    }
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let (mut shell, call) = called(&GRANTED);
    let url = ImageSource::Url("https://example.com/a.png".into());
    let image = Block::Image(Image { kind: ImageKind::Png, source: url });
    let picture = Message { role: Role::User, blocks: Vec::from([image]) };
    let of = |messages: Vec<Message>| Sampling { messages, ..leaf("x") };
    let many = || (0..65).map(|_| Message::text(Role::User, "x")).collect::<Vec<_>>();
    for (sampling, why) in [
        (of(Vec::new()), "with 1 to 64 messages"),
        (of(many()), "with 1 to 64 messages"),
        (of(Vec::from([picture])), "with 1 to 64 messages"),
        (leaf(&"x".repeat(SAMPLING_BYTES_MAX)), "with 1 to 64 messages"),
        (Sampling { tokens_max: 0, ..leaf("x") }, "with 1 to 64 messages"),
        (Sampling { stops: Vec::from(["x"; 5].map(String::from)), ..leaf("x") }, "messages"),
    ] {
        assert!(sampling.check().is_err());
        sample_with(&mut shell, call, 1, sampling);
        let said = refused(&mut shell, call, 1);
        assert!(said.contains(why), "{said}");
    }
    let recorded = shell.payloads(Kind::CallSamples);
    assert!(recorded.iter().all(|record| record.len() < 200), "nothing of it is kept");
    assert_eq!(shell.asked.len(), 0);
    // So many at a time, and no two of one name.
    for number in 1..=CALL_SAMPLINGS_AT_ONCE_MAX as u64 {
        sample(&mut shell, call, number);
    }
    assert_eq!((shell.asked.len(), shell.replies.len()), (CALL_SAMPLINGS_AT_ONCE_MAX, 0));
    sample(&mut shell, call, 1);
    assert!(refused(&mut shell, call, 1).contains("the number of another"));
    sample(&mut shell, call, 9);
    assert!(refused(&mut shell, call, 9).contains("as many requests of its call"));
    for number in (1..=CALL_SAMPLINGS_AT_ONCE_MAX as u64).rev() {
        shell.answer_at_once(200, GREEN);
        assert!(told(&mut shell, call, number).is_ok());
    }
    // And so many in a call.
    for number in CALL_SAMPLINGS_AT_ONCE_MAX as u64..u64::from(CALL_SAMPLINGS_MAX) {
        sample(&mut shell, call, 10 + number);
        shell.answer(200, &[], GREEN);
        assert!(told(&mut shell, call, 10 + number).is_ok());
    }
    sample(&mut shell, call, 99);
    assert!(refused(&mut shell, call, 99).contains("as often as one may"));
    over(shell);
}

/// What a server asked ends with its call, however that ends, and what it cost counts.
#[test]
fn it_ends_with_its_call() {
    let finish: fn(&mut Shell, CallNumber) = |shell, call| {
        let output = ToolOutput { content: "cold".into(), is_error: false };
        shell.tell(Event::ToolFinished { call, output });
    };
    let unask: fn(&mut Shell, CallNumber) =
        |shell, call| shell.tell(Event::CallUnasks { call, number: 7 });
    let stop: fn(&mut Shell, CallNumber) = |shell, _| drop(shell.write("1", "c1", "/stop"));
    let revoke: fn(&mut Shell, CallNumber) = |shell, _| {
        let handle = Handle { index: 1, generation: 0 };
        shell.operate(OperatorCommand::Revoke(handle)).unwrap();
    };
    for grants in [GRANTED, ASKING] {
        for end in [finish, unask, stop, revoke] {
            let (mut shell, call) = called(&grants);
            let before = shell.sentinel.status().spent;
            sample(&mut shell, call, 7);
            let asked = shell.asked.pop();
            end(&mut shell, call);
            assert!(shell.replies.is_empty() && waiting(&shell) == 0);
            assert_eq!(shell.unasked.last().copied(), asked);
            let ended = shell.payloads(Kind::SamplingEnded);
            assert!(ended.len() == 1 && ended[0].contains(r#""why":"the "#), "{ended:?}");
            let spent = shell.sentinel.status().spent.tokens - before.tokens;
            assert_eq!(spent > 50, asked.is_some(), "it may have been answered: {spent}");
            // What comes late changes nothing, and what nobody calls has nothing answered.
            if let Some(exchange) = asked {
                shell.tell(Event::ModelEnd { exchange });
            }
            shell.restart();
        }
    }
    let (mut shell, call) = called(&GRANTED);
    finish(&mut shell, call);
    let asked = shell.asked.len();
    sample(&mut shell, call, 8);
    assert!(shell.replies.is_empty() && shell.asked.len() == asked, "no call goes on");
}

/// Whatever it waits for, it is over when the program was, and all that was reserved is spent.
#[test]
fn it_is_interrupted_with_the_program() {
    for takes_snapshot in [false, true] {
        for grants in [GRANTED, ASKING] {
            let (mut shell, call) = called(&grants);
            let before = shell.sentinel.status().spent.tokens;
            sample(&mut shell, call, 7);
            let is_asked = !shell.asked.is_empty();
            if takes_snapshot {
                shell.operate(OperatorCommand::Snapshot).unwrap();
            }
            shell.restart();
            assert_eq!((waiting(&shell), shell.replies.len()), (0, 0));
            let ended = shell.payloads(Kind::SamplingEnded);
            assert!(ended[0].contains("the program ended while it waited"), "{ended:?}");
            let spent = shell.sentinel.status().spent.tokens - before;
            assert_eq!(spent > 50, is_asked, "{spent}");
            // The call is made again, and asks again.
            shell.asked.clear();
            sample(&mut shell, call, 1);
            assert_eq!((shell.asked.len() == 1, waiting(&shell) == 1), (is_asked, !is_asked));
            shell.calls.remove(0);
            over(shell);
        }
    }
}

/// Nothing of it is lost in a snapshot.
#[test]
fn it_goes_on_over_a_snapshot() {
    let (mut shell, call) = called(&GRANTED);
    sample(&mut shell, call, 7);
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.answer(200, &[], GREEN);
    assert_eq!(told(&mut shell, call, 7).unwrap().text, "green");
    // Where it waits to ask again.
    sample(&mut shell, call, 8);
    shell.answer_at_once(529, r#"{"error":{"message":"no"}}"#);
    assert!(shell.replies.is_empty() && shell.asked.is_empty());
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.wait();
    shell.answer(200, &[], GREEN);
    assert!(told(&mut shell, call, 8).is_ok());
    over(shell);
    let (mut shell, call) = called(&ASKING);
    sample(&mut shell, call, 7);
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.write("1", "c1", "/approve 1");
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.answer(200, &[], GREEN);
    assert_eq!(told(&mut shell, call, 7).unwrap().text, "green");
    over(shell);
}

/// The next model is asked when one fails, if it is granted; the server is told the kind of an
/// error, and nothing that the provider says of the account.
#[test]
fn a_failure_goes_to_the_next_model_and_at_last_to_the_server() {
    for (grant, is_second_asked) in [("model * for tea", true), ("model off* for tea", false)] {
        let mut own = patient(&["model *", "skill tea", grant]);
        own.models.push(own.models[0].clone());
        own.models[1].name = "small".into();
        let (mut shell, call) = called_with(own);
        sample(&mut shell, call, 7);
        shell.answer(401, &[], r#"{"error":{"message":"account 4711 owes money"}}"#);
        if is_second_asked {
            assert!(shell.request.contains("small"), "{}", shell.request);
            assert_eq!(shell.payloads(Kind::ModelSwitched).len(), 1);
            shell.answer(401, &[], r#"{"error":{"message":"account 4711 owes money"}}"#);
        }
        let why = "no model answered: authentication".to_string();
        assert_eq!(told(&mut shell, call, 7), Err(Unsampled::Failed(why)));
        assert!(shell.asked.is_empty());
        shell.restart();
    }
}

#[test]
fn a_grant_that_ends_ends_what_goes_on_by_it() {
    for revoked in [0, 2] {
        let (mut shell, call) = called(&GRANTED);
        sample(&mut shell, call, 7);
        let exchange = shell.asked.pop().unwrap();
        let handle = Handle { index: revoked, generation: 0 };
        shell.operate(OperatorCommand::Revoke(handle)).unwrap();
        assert!(shell.unasked.contains(&exchange));
        assert!(refused(&mut shell, call, 7).contains("revoked"));
        sample(&mut shell, call, 8);
        refused(&mut shell, call, 8);
        shell.restart();
    }
    let (mut shell, call) = called(&GRANTED);
    sample(&mut shell, call, 7);
    shell.operate(OperatorCommand::Grant("deny model * for tea".into())).unwrap();
    assert!(refused(&mut shell, call, 7).contains("revoked"));
    // One whose uses are counted is used up by what it allows, and listened to all the same.
    let (mut shell, call) = called(&["model offline", "skill tea", "model * for tea uses 1"]);
    sample(&mut shell, call, 7);
    shell.operate(OperatorCommand::Grant("deny read /etc".into())).unwrap();
    shell.answer(200, &[], GREEN);
    assert!(told(&mut shell, call, 7).is_ok());
    sample(&mut shell, call, 8);
    assert!(refused(&mut shell, call, 8).contains("not granted"));
    over(shell);
}

#[test]
fn other_settings_end_it() {
    for grants in [GRANTED, ASKING] {
        let (mut shell, call) = called(&grants);
        sample(&mut shell, call, 7);
        shell.asked.clear();
        let mut other = (*shell.settings).clone();
        other.instructions = "Otherwise.".into();
        other.digest = [6; 32];
        let other = Arc::new(other);
        shell.tell(Event::Settings(other.clone()));
        let outcome = told(&mut shell, call, 7);
        assert!(matches!(outcome, Err(Unsampled::Failed(why)) if why.contains("settings changed")));
        assert!(shell.replies.is_empty() && waiting(&shell) == 0);
        shell.try_restart(&other).unwrap();
    }
}

/// A limit is not passed for a server, and nobody is asked to raise one.
#[test]
fn a_limit_refuses_it() {
    let limits = [
        (Measure::Calls, 2, AtLimit::Ask, false),
        (Measure::Tokens, 15_000, AtLimit::Pause, false),
        (Measure::Time, 130_000, AtLimit::Ask, true),
    ];
    for (measure, max, at_limit, is_begun) in limits {
        let mut own = plain(&GRANTED);
        own.models[0].reply_tokens_max = 300;
        own.turn.call_time_max = Duration::from_secs(60);
        own.budget.limits.push(Limit { scope: Scope::Conversation, measure, max, at_limit });
        let (mut shell, call) = called_with(own);
        if measure == Measure::Tokens {
            let asked = leaf(&"leaf ".repeat(12_000));
            sample_with(&mut shell, call, 7, asked);
        } else {
            sample(&mut shell, call, 7);
        }
        assert_eq!(shell.asked.len(), usize::from(is_begun), "{measure:?}");
        if is_begun {
            for _ in 0..40 {
                shell.instant += 1000;
                shell.tell(Event::Time);
            }
            assert_eq!(shell.asked, shell.unasked[shell.unasked.len() - 1..]);
        }
        assert!(refused(&mut shell, call, 7).contains("a limit of"), "{measure:?}");
        assert_eq!(waiting(&shell), 0);
        shell.restart();
    }
}

/// The model's time is not the call's.
#[test]
fn the_clock_of_the_call_stands_while_a_model_answers() {
    let mut own = plain(&GRANTED);
    own.turn.call_time_max = Duration::from_secs(100);
    let (mut shell, call) = called_with(own);
    sample(&mut shell, call, 7);
    for _ in 0..30 {
        shell.instant += 10_000;
        let exchange = shell.asked[0];
        shell.tell(Event::ModelBody { exchange, bytes: b": ping\n\n" });
    }
    assert!(shell.sentinel.agent.waits_for_reply(call), "it waits, and does not run");
    shell.answer(200, &[], GREEN);
    assert!(told(&mut shell, call, 7).is_ok());
    shell.instant += 120_000;
    shell.tell(Event::Time);
    assert!(!shell.sentinel.agent.waits_for_reply(call), "its clock goes on");
    shell.restart();
}

/// The offline model says what it is to a server, too.
#[test]
fn the_offline_model_answers() {
    let (mut shell, call) = called(&GRANTED);
    let mut own = (*shell.settings).clone();
    own.models[0].provider = Provider::Offline;
    own.digest = [6; 32];
    shell.tell(Event::Settings(Arc::new(own)));
    sample_with(&mut shell, call, 7, leaf("Which leaf is the best one?"));
    let sampled = told(&mut shell, call, 7).unwrap();
    assert!(sampled.text.contains("offline"), "{sampled:?}");
    assert_eq!(sampled.model, "offline");
}

/// Neither a model nor a server hears of anything before the disk has it.
#[test]
fn nothing_is_asked_or_told_before_it_is_on_record() {
    let (mut shell, call) = called(&GRANTED);
    shell.is_slow = true;
    let safe = |shell: &mut Shell| {
        for records_count in core::mem::take(&mut shell.unsafe_counts) {
            shell.tell(Event::Persisted { records_count });
        }
    };
    sample(&mut shell, call, 7);
    assert!(shell.asked.is_empty());
    // Much can happen until then.
    shell.operate_slowly(OperatorCommand::Grant("deny model * for tea until 2030-01-01".into()));
    safe(&mut shell);
    safe(&mut shell);
    assert!(shell.asked.is_empty(), "{:?}", shell.asked);
    assert!(refused(&mut shell, call, 7).contains("revoked"));
    let (mut shell, call) = called(&GRANTED);
    shell.is_slow = true;
    sample(&mut shell, call, 7);
    safe(&mut shell);
    assert_eq!(shell.asked.len(), 1);
    shell.answer_at_once(200, GREEN);
    assert!(shell.replies.is_empty());
    safe(&mut shell);
    assert!(told(&mut shell, call, 7).is_ok());
}

/// A log that ends anywhere is gone on with: nothing waits for what cannot come any more.
#[test]
fn any_part_of_its_log_is_enough_to_go_on_from() {
    let mut own = patient(&["model offline", "skill tea", "model * for tea once"]);
    own.snapshot_inputs = 1 << 20;
    let (mut shell, call) = called_with(own);
    let start = shell.log.len();
    sample(&mut shell, call, 1);
    shell.write("1", "c1", "/approve 1");
    shell.answer_at_once(529, r#"{"error":{"message":"no"}}"#);
    shell.wait();
    sample(&mut shell, call, 2);
    shell.answer_at_once(200, GREEN);
    shell.answer_at_once(200, GREEN);
    shell.tell(Event::CallSamples { call, number: 3, sampling: leaf("And now?") });
    shell.give_back("hot");
    shell.asked.retain(|exchange| !shell.unasked.contains(exchange));
    shell.answer(200, &[], OVER);
    assert!(shell.sentinel.is_at_rest());
    let (log, ring) = (shell.log.clone(), shell.ring.clone());
    let mut seeds = core::mem::take(&mut shell.old_seeds);
    seeds.push(shell.seed.clone());
    let settings = shell.settings.clone();
    for length in (start..log.len()).step_by(97).chain([log.len()]) {
        (shell.log, shell.ring) = (log[..length].to_vec(), ring.clone());
        shell.replies.clear();
        // The secret that was kept when the log was as long as this.
        let fits = seeds.iter().any(|seed| {
            shell.seed.clone_from(seed);
            shell.try_restart(&settings).is_ok()
        });
        assert!(fits, "{length}");
        assert!(shell.sentinel.agent.open_counts()[4] == 0, "{length}: something is sampled");
        assert!(shell.replies.is_empty(), "{length}: {:?}", shell.replies);
        let begun = shell.payloads(Kind::SamplingDecided).len();
        assert_eq!(shell.payloads(Kind::SamplingEnded).len(), begun, "{length}");
    }
}
