//! What was allowed by nothing does not run, whoever says that it was allowed.

use alloc::sync::Arc;

use super::super::conversation::Conversation;
use super::super::number::{DeliveryNumber, TurnNumber};
use super::super::repetition::Repetition;
use super::super::turn::{CallStage, Stage, Turn};
use super::super::{Model, Provider, Settings};
use super::*;
use crate::llm::Thinking;
use crate::tool::{Builtin, Tools};

const OWN: ConversationNumber = ConversationNumber(1);
const NUMBER: CallNumber = CallNumber(2);

/// An agent that may read the workspace, and a call that does.
fn reading() -> (Agent, Call) {
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
    settings.workspace = "/srv/agent".into();
    settings.grants = Vec::from(["read /srv/agent".parse().unwrap()]);
    let mut agent = Agent::new(Arc::new(settings)).unwrap();
    agent.conversations.insert(OWN, Conversation::new("chat", "c1"));
    let call = Call::Builtin(Builtin::ReadFile.parse(r#"{"path":"a.txt"}"#).unwrap());
    assert!(matches!(agent.cover(&call).0, Verdict::Covered { .. }));
    (agent, call)
}

#[test]
fn a_call_without_a_grant_is_not_started() {
    let (mut agent, call) = reading();
    let turn = Turn {
        number: TurnNumber(3),
        person: Person(0),
        delivery: DeliveryNumber(4),
        rounds_count: 1,
        may_call: true,
        was_shortened: false,
        repetition: Repetition::new(),
        stage: Stage::Moving,
    };
    let CallStage::Done(outcome) = agent.start_call(OWN, &turn, NUMBER, &call, "c1", Vec::new())
    else {
        panic!("it runs");
    };
    assert_eq!(outcome.result.content, "not run: no grant covers it.");
    assert!(outcome.result.is_error && !agent.calls.contains_key(&NUMBER));
    let handles = agent.cover(&call).1;
    let stage = agent.start_call(OWN, &turn, NUMBER, &call, "c1", handles);
    assert!(matches!(stage, CallStage::Running { .. }), "{stage:?}");
}

#[test]
fn a_call_without_a_grant_is_not_handed_out() {
    let (mut agent, call) = reading();
    agent.calls.insert(NUMBER, OWN);
    let handles = agent.cover(&call).1;
    let may_run = |handles: &[Handle]| agent.may_still_run(NUMBER, &call, handles, Timestamp(0));
    assert_eq!(may_run(&[]), MayRun::NotCovered);
    assert_eq!(may_run(&handles), MayRun::Yes);
}
