//! What no conversation can do, whatever is in it.

use sentinel_core::capability::{Handle, Level, Verdict};
use sentinel_core::label::{
    Answer, Call, Decision, Effect, Flow, Integrity, Label, Mode, Reason, Rule, Secrecy, Source,
    ToolRole, decide,
};
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

use crate::world::{self, Random, Step};

const COVERED: Verdict =
    Verdict::Covered { handle: Handle { index: 0, generation: 0 }, level: Level::Allow };

/// A decision without the names that it borrows, to compare.
fn key(decision: &Decision<'_>) -> (Answer, Rule, Reason, Option<String>, Option<String>) {
    let owned = |text: Option<&str>| text.map(String::from);
    let Decision { answer, rule, reason, argument, value, .. } = *decision;
    (answer, rule, reason, owned(argument), owned(value))
}

/// Goal: nobody whose words are untrusted chooses a decision. Method: the same conversation twice,
/// with every untrusted byte chosen anew, and the same call.
///
/// Without records and verbatim fetches in the tool's role the decisions are equal, always. With
/// them, each decision is either the one without, or the role names the exception that made it: an
/// ungrounded argument that takes records, or a fetch.
#[test]
fn untrusted_bytes_change_no_decision() {
    let (mut spared, mut equal) = (0_u64, 0_u64);
    for seed in 0..world::cases() {
        let mut random = Random::new(seed ^ 0x5eed);
        // What a person endorsed is the person's word, and not untrusted any more.
        let mut steps = world::steps(&mut random);
        steps.retain(|step| !matches!(step, Step::Endorse { .. }));
        let others = world::with_other_bytes(&steps, &mut random);
        let role = world::role(&mut random);
        let text = world::arguments(&mut random);
        let document = json::parse(text.as_bytes()).unwrap();
        let mode = if random.one_in(8) { Mode::Strict } else { Mode::Grounded };
        let flow = Flow { mode, ..Flow::default() };
        let (context, other) = (world::play(&steps), world::play(&others));
        let mut plain = ToolRole { fetches: None, ..role.clone() };
        plain.parameters.iter_mut().for_each(|parameter| parameter.record = None);
        let allows_irreversible = random.one_in(2);
        let arguments = document.root();
        let judge = |role, context| {
            let call =
                Call { tool: "mail", role, arguments, verdict: COVERED, allows_irreversible };
            key(&decide(&flow, &call, context, Timestamp(0)))
        };
        let without = judge(&plain, &context);
        assert_eq!(without, judge(&plain, &other), "seed {seed}: {steps:#?}\n{others:#?}\n{text}");
        equal += 1;
        for context in [&context, &other] {
            let with = judge(&role, context);
            if with == without {
                continue;
            }
            spared += 1;
            let (_, rule, reason, argument, _) = &without;
            let is_of_record = *rule == Rule::Grounding
                && *reason == Reason::Ungrounded
                && argument
                    .as_deref()
                    .and_then(|name| role.parameter(name))
                    .is_some_and(|parameter| parameter.record.is_some());
            let is_of_fetch = role.fetches.is_some() && with.1 == Rule::Local;
            assert!(is_of_record || is_of_fetch, "seed {seed}: {without:?} became {with:?}");
            assert!(without.0 != Answer::Deny || is_of_fetch, "seed {seed}");
        }
    }
    println!("{equal} pairs equal without exceptions; {spared} decisions by a named exception");
    assert!(spared > 0, "the exceptions are reached");
}

/// Goal: there is no way from untrusted to trusted but a person's record. Method: random
/// conversations without endorsements in which a word stands in untrusted text, in what the model
/// writes after it, and in what trusted tools repeat of that; the word never grounds a call, labels
/// only get worse, and no plan is accepted any more.
#[test]
fn nothing_untrusted_becomes_trusted() {
    const CANARY: &str = "canary@evil.test";
    let arguments = format!(r#"{{"to":"{CANARY}"}}"#);
    let document = json::parse(arguments.as_bytes()).unwrap();
    let role = ToolRole::new(Effect::Change).undoable().control("to");
    let call = Call {
        tool: "mail",
        role: &role,
        arguments: document.root(),
        verdict: COVERED,
        allows_irreversible: true,
    };
    let (mut tainted, mut lookups) = (0_u64, 0_u64);
    for seed in 0..world::cases() {
        let mut random = Random::new(seed ^ 0xca9a);
        let mut steps = world::steps(&mut random);
        steps.retain(|step| !matches!(step, Step::Endorse { .. }));
        let mut is_untrusted = false;
        for step in &mut steps {
            match step {
                Step::Block { label, text } if label.integrity == Integrity::Untrusted => {
                    is_untrusted = true;
                    text.push_str(" canary@evil.test ");
                }
                Step::Output { .. } => is_untrusted = true,
                // Whatever it came out of: it names nothing.
                Step::Value { label, text } => {
                    is_untrusted |= label.integrity == Integrity::Untrusted;
                    *text = CANARY.into();
                }
                Step::Model(text) if is_untrusted => text.push_str(" canary@evil.test "),
                // A tool that is trusted is asked for it, and repeats it.
                Step::Lookup { argument, .. } if is_untrusted => {
                    lookups += 1;
                    *argument = CANARY.into();
                }
                _ => {}
            }
        }
        let mut before = Label::trusted(Source::Operator);
        for length in 0..=steps.len() {
            let mut context = world::play(&steps[..length]);
            assert!(before.flows_to(context.label()), "seed {seed}: a label got better");
            before = context.label().clone();
            if !context.is_untrusted() {
                continue;
            }
            tainted += 1;
            let decision = decide(&Flow::default(), &call, &context, Timestamp(0));
            if context.label().secrecy < Secrecy::Secret {
                assert_eq!(decision.rule, Rule::Grounding, "seed {seed}: {steps:#?}");
                assert_eq!(decision.answer, Answer::Ask);
            } else {
                assert_eq!(decision.answer, Answer::Deny);
            }
            context.begin_turn();
            assert!(context.declare(["mail"]).is_err());
        }
    }
    assert!(tainted > 0 && lookups > 0);
    println!("{tainted} untrusted contexts, {lookups} lookups in them");
}
