//! Models that can be sent less than is remembered.

use alloc::string::String;

use super::shell::{Shell, service};
use super::*;
use crate::tool::Tools;

const SAID: &str = "the key is under the third stone";

/// A large model and a small one; the operator asks the large one first.
fn two() -> Settings {
    let mut own = service(&["model *"]);
    // What is sent beside the conversation takes no room worth counting.
    own.tools = Tools::new();
    own.models[0].name = "large".into();
    own.models.push(own.models[0].clone());
    own.models[1].name = "small".into();
    own.models[1].context_tokens_max = 4_000;
    own
}

fn saying(text: &str) -> String {
    let message = alloc::format!(r#"{{"role":"assistant","content":"{text}"}}"#);
    alloc::format!(r#"{{"choices":[{{"index":0,"finish_reason":"stop","message":{message}}}]}}"#)
}

/// Somebody says something that is answered, and what the model was sent for it.
fn exchange(shell: &mut Shell, text: &str) -> String {
    shell.write("1", "c1", text);
    let request = core::mem::take(&mut shell.request);
    shell.answer(200, &[], &saying("yes"));
    assert_eq!(shell.said.last().map(String::as_str), Some("yes"));
    request
}

/// What a small model is too small for is there again for a larger one, and over a restart.
#[test]
fn a_small_model_takes_nothing_from_a_larger_one() {
    let mut shell = Shell::new(two());
    exchange(&mut shell, SAID);
    for _ in 0..6 {
        exchange(&mut shell, &"x".repeat(3000));
    }
    shell.write("1", "c1", "/model small");
    let request = exchange(&mut shell, "where is it?");
    assert!(request.contains("where is it?") && !request.contains(SAID), "{}", request.len());
    let trimmed = shell.payloads(Kind::Trimmed);
    assert!(trimmed.len() == 1 && trimmed[0].contains(r#""only_for":"small""#), "{trimmed:?}");
    shell.write("1", "c1", "/model large");
    assert!(exchange(&mut shell, "and now?").contains(SAID));
    shell.tell(Event::Operator { request: 1, command: OperatorCommand::Snapshot });
    shell.restart();
    assert!(exchange(&mut shell, "and after that?").contains(SAID));
    assert_eq!(shell.payloads(Kind::Trimmed).len(), 1);
}

/// One message that is larger than the small model takes is shortened for that model alone.
#[test]
fn a_message_is_shortened_for_the_model_that_is_too_small_for_it() {
    let mut shell = Shell::new(two());
    shell.write("1", "c1", "/model small");
    let long = alloc::format!("{}{SAID}{}", "x".repeat(9000), "y".repeat(9000));
    let request = exchange(&mut shell, &long);
    assert!(request.contains("bytes left out here") && !request.contains(SAID));
    shell.write("1", "c1", "/model large");
    assert!(exchange(&mut shell, "and now?").contains(SAID));
}

/// A provider that takes less than the settings say is sent half of that from then on: it is not
/// asked in vain again with each message. Another model is sent all there is.
#[test]
fn a_model_that_found_it_too_long_is_sent_less_from_then_on() {
    let mut shell = Shell::new(two());
    shell.write("1", "c1", "/model small");
    exchange(&mut shell, SAID);
    exchange(&mut shell, &"x".repeat(4000));
    shell.write("1", "c1", "go on");
    assert!(shell.request.contains(SAID));
    let error = r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#;
    shell.answer(400, &[], error);
    assert!(!shell.request.contains(SAID) && shell.request.contains("go on"));
    shell.answer(200, &[], &saying("yes"));
    for is_restarted in [false, true] {
        let asked = shell.payloads(Kind::ModelAsked).len();
        assert!(!exchange(&mut shell, "and then?").contains(SAID));
        assert_eq!(shell.payloads(Kind::ModelAsked).len(), asked + 1, "{is_restarted}");
        shell.tell(Event::Operator { request: 1, command: OperatorCommand::Snapshot });
        shell.restart();
    }
    shell.write("1", "c1", "/model large");
    assert!(exchange(&mut shell, "and now?").contains(SAID));
}

/// What no model could be sent is not kept either.
#[test]
fn memory_is_bounded_by_the_largest_model() {
    let mut own = two();
    own.models[0].context_tokens_max = 6_000;
    let mut shell = Shell::new(own);
    for _ in 0..40 {
        exchange(&mut shell, &"x".repeat(3000));
    }
    let chat = shell.sentinel.conversations(ConversationNumber(0)).next().unwrap();
    assert!(chat.tokens < 6_000 && chat.messages_count < 20, "{chat:?}");
    assert!(shell.payloads(Kind::Trimmed).iter().all(|it| !it.contains("only_for")));
}
