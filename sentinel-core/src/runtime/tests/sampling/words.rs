//! What a server's own words can do: nothing to others, and no more than was reserved.

use alloc::string::String;
use alloc::vec::Vec;

use super::*;

/// Two models that may be asked for the skill, of which the first is preferred.
fn two() -> Settings {
    let mut own = patient(&["model *", "skill tea", "model * for tea"]);
    own.models.push(own.models[0].clone());
    own.models[0].name = "large".into();
    own.models[1].name = "small".into();
    own
}

/// A provider that breaks at what a server wrote is asked by everybody else as before; one that has
/// no account any more is set aside.
#[test]
fn what_breaks_a_provider_sets_no_model_aside() {
    for (status, sets_aside) in [(500, false), (400, false), (401, true), (402, true)] {
        let (mut shell, call) = called_with(two());
        sample(&mut shell, call, 7);
        shell.answer(status, &[], r#"{"error":{"message":"no"}}"#);
        match sets_aside {
            true => shell.answer(200, &[], GREEN),
            false => assert!(matches!(told(&mut shell, call, 7), Err(Unsampled::Failed(_)))),
        }
        let switched = shell.payloads(Kind::ModelSwitched).len();
        assert_eq!(switched, usize::from(sets_aside), "{status}");
        shell.write("1", "c2", "somebody else");
        let asked = shell.payloads(Kind::ModelAsked);
        let is_large = asked.last().unwrap().contains(r#""model":"large""#);
        assert_eq!(is_large, !sets_aside, "{status}: {asked:?}");
        shell.answer(200, &[], OVER);
        over(shell);
    }
}

/// Words can be chosen of which each byte is a token.
#[test]
fn each_byte_may_be_a_token() {
    let (mut shell, call) = called(&GRANTED);
    sample_with(&mut shell, call, 7, leaf(&"\u{1f343}".repeat(2500)));
    let asked = shell.payloads(Kind::ModelAsked);
    let document = crate::text::json::parse(asked.last().unwrap().as_bytes()).unwrap();
    let tokens = document.root().get("tokens").unwrap().as_u64().unwrap();
    assert!(tokens >= 10_000 + 50, "{tokens}");
    shell.answer(200, &[], GREEN);
    over(shell);
}

/// Texts with nothing in them take room as well.
#[test]
fn texts_are_counted_too() {
    let (mut shell, call) = called(&GRANTED);
    let empty = || Block::Text(String::new());
    let many = Message { role: Role::User, blocks: (0..300).map(|_| empty()).collect() };
    let sampling = Sampling { messages: Vec::from([many]), ..leaf("") };
    assert!(sampling.check().unwrap_err().contains("256 texts together"));
    sample_with(&mut shell, call, 7, sampling);
    assert!(!refused(&mut shell, call, 7).is_empty());
    assert!(shell.payloads(Kind::CallSamples)[0].len() < 1000);
    over(shell);
}

/// A grant that is used up refuses a request. What the server is offered stays the same: by that it
/// lists its tools, and others would have to be approved anew.
#[test]
fn what_was_used_up_is_offered_still() {
    let (mut shell, call) = called(&["model offline", "skill tea", "model * for tea uses 1"]);
    sample(&mut shell, call, 7);
    shell.answer(200, &[], GREEN);
    assert!(told(&mut shell, call, 7).is_ok());
    sample(&mut shell, call, 8);
    assert!(refused(&mut shell, call, 8).contains("not granted"));
    assert!(shell.sentinel.may_sample("tea", shell.now().wall));
    over(shell);
}
