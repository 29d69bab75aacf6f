//! An assistant that somebody else runs, and that calls tools from outside: whatever it likes,
//! again and again, and now and then something that is no call at all.
//!
//! What has to hold of it is said here too: a call takes the way of every call, no model is asked
//! for it, what reaches further than the workspace asks a person, and each is answered once, under
//! its own name.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use super::chat::Chats;
use super::ledger::Line;
use super::provider::{self, Names, Temper};
use super::random::Random;
use crate::agent::{DeliveryNumber, Kind, OutsideCall, OutsideOutcome};
use crate::channel::{Incoming, Part, Platform};
use crate::time::Timestamp;

/// The assistant wants something: the message, and the tool that is named in it.
pub(super) fn call(
    id: String,
    (temper, names): (Temper, &Names),
    random: &mut Random,
    now: Timestamp,
) -> (Incoming, Option<String>) {
    let (tool, arguments) = provider::wanted(temper, names, random);
    let call = OutsideCall { id, tool: tool.clone(), arguments };
    let mut message = call.message(now).unwrap();
    if random.chance(4) {
        message.parts = [Part::Text("what can you do for me?".into())].into();
        return (message, None);
    }
    (message, Some(tool))
}

/// The conversations that calls from outside belong to.
pub(super) fn conversations(lines: &[Line]) -> BTreeSet<u64> {
    let is_outside = |line: &&Line| {
        line.kind == Kind::Admitted && line.text("platform").as_deref() == Some(NAME)
    };
    lines.iter().filter(is_outside).map(|line| line.conversation).collect()
}

/// The turn of one call.
#[derive(Debug, Default)]
struct Taken {
    message: String,
    /// What was decided of its calls.
    decided: BTreeMap<u64, String>,
    started: BTreeSet<u64>,
}

/// Says how many calls were made, and their outcomes told.
pub(super) fn calls_are_judged_and_answered_once(lines: &[Line], chats: &Chats) -> u64 {
    let own = conversations(lines);
    let mut turns: BTreeMap<u64, Taken> = BTreeMap::new();
    let mut last = BTreeMap::new();
    for line in lines.iter().filter(|line| own.contains(&line.conversation)) {
        let number = |key| line.number(key).unwrap();
        match line.kind {
            Kind::ModelAsked => panic!("a model is asked for a call from outside"),
            Kind::TurnStarted => {
                let delivery = number("delivery");
                last.insert(line.conversation, delivery);
                let message = line.text("message").unwrap();
                turns.insert(delivery, Taken { message, ..Taken::default() });
            }
            Kind::CallDecided => {
                let answer = line.text("answer").unwrap();
                let reaches_out = line.text("tool").as_deref() == Some("run_command");
                assert!(!reaches_out || answer != "allow", "nobody is asked about {line:?}");
                let turn = turns.get_mut(&last[&line.conversation]).unwrap();
                turn.decided.insert(number("call"), answer);
                assert_eq!(turn.decided.len(), 1, "one message from outside makes two calls");
            }
            Kind::CallStarted => {
                let turn = turns.get_mut(&last[&line.conversation]).unwrap();
                let answer = turn.decided.get(&number("call")).map(String::as_str);
                assert!(matches!(answer, Some("allow" | "ask")), "{line:?} was never judged");
                turn.started.insert(number("call"));
            }
            _ => {}
        }
    }
    let mut done_count = 0;
    for (delivery, Taken { message, started, .. }) in &turns {
        let shown = chats.delivered(DeliveryNumber(*delivery));
        assert!(shown.len() <= 1, "call {message} from outside is answered twice: {shown:?}");
        let Some(shown) = shown.first() else { continue };
        let outcome = OutsideOutcome::read(&shown.text).expect("an outcome reads back");
        let tool = chats.called[message].as_deref();
        let name = if tool.is_some() { message.as_str() } else { "" };
        assert_eq!(outcome.id, name, "the outcome of call {message} names another one");
        // The runtime itself.
        let is_own = matches!(tool, Some("plan" | "current_time" | "extract_value"));
        let is_told = outcome.is_error || is_own || !started.is_empty();
        assert!(is_told, "call {message} was not made, and yet {outcome:?}");
        done_count += u64::from(!outcome.is_error);
    }
    done_count
}

pub(super) const NAME: &str = Platform::OUTSIDE.name;
