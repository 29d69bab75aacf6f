//! MCP servers that would have the agent's model answer something, with the real program.

use std::io::Write as _;
use std::process::Stdio;

use crate::house::{House, model, said, until};
use crate::server::{CALL, MANIFEST, Words, program};

/// What the server of these tests does before anything: it notes whether a model is offered, and
/// how it asks for one.
const BEFORE: &str = concat!(
    "def leaf(text='Which leaf?', **more):\n",
    "    content = {'type': 'text', 'text': text}\n",
    "    more = {'maxTokens': 40, 'systemPrompt': 'Be a leaf.', 'includeContext': 'allServers', ",
    "**more}\n",
    "    return ask('sampling/createMessage', messages=[{'role': 'user', 'content': content}], ",
    "**more)"
);
const GREET: &str = "OFFERED = 'sampling' in params['capabilities']";

fn house(name: &str, words: Words<'_>) -> House {
    let house = House::new(name);
    house.skill("evil", MANIFEST, &program(Words { before: BEFORE, greet: GREET, ..words }));
    house
}

/// What models were sent, and what was said to the operator.
fn talk(house: &House, grants: &[&str]) -> (Vec<String>, String) {
    let (port, seen) = model(&[CALL]);
    house.configure(&[&["skill evil"][..], grants].concat(), Some(port));
    house.say(&["skill", "approve", "evil", "--yes"]);
    let command = ["chat", "-m", "do it with text x", "--i-know-what-im-doing"];
    let operator = said(&house.sentinel(&command).output().unwrap());
    assert!(operator.contains("done"), "{operator}");
    house.say(&["audit", "replay"]);
    let seen = seen.lock().unwrap().iter().map(|body| body.replace('\\', "")).collect();
    (seen, operator)
}

#[test]
fn without_a_grant_the_line_for_one_is_named() {
    let call = "result(' '.join([str(OFFERED), leaf()]))";
    let house = house("sample-no", Words { call, ..Words::default() });
    let (seen, _) = talk(&house, &[]);
    assert_eq!(seen.len(), 2, "no model was asked for it: {seen:?}");
    let told = "sentinel grant 'model * for evil'";
    assert!(seen[1].contains("False") && seen[1].contains(told), "{}", seen[1]);
    let log = house.say(&["audit", "show"]);
    for part in ["call.samples", "sampling.decided", "answer=\"deny\"", "sampling.ended"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    // That line is one that holds, though a rule may forbid it again.
    house.say(&["grant", "model * for evil"]);
    let (port, seen) = model(&[CALL]);
    house.configure(&["skill evil"], Some(port));
    house.ask("do it with text x");
    assert!(seen.lock().unwrap()[1].contains("Which leaf?"));
    house.say(&["grant", "deny model script for evil"]);
    let (seen, _) = talk(&house, &[]);
    assert!(seen[1].contains("a rule forbids"), "{}", seen[1]);
}

#[test]
fn a_granted_server_has_its_own_words_answered_and_hears_nothing_else() {
    let call = "result(' '.join([str(OFFERED), leaf(), leaf('secret', tools=[]), leaf(7)]))";
    let house = house("sample-yes", Words { call, ..Words::default() });
    let (seen, _) = talk(&house, &["model * for evil"]);
    assert_eq!(seen.len(), 3, "{seen:?}");
    for part in ["Which leaf?", "Be a leaf.", "40"] {
        assert!(seen[1].contains(part), "{part}: {}", seen[1]);
    }
    for part in ["do it with text x", "evil__do", "tools"] {
        assert!(!seen[1].contains(part), "{part}: {}", seen[1]);
    }
    for part in [
        "True",
        r#"{"role": "assistant", "content": {"type": "text", "text": "done"}, "model": "script", "#,
        r#""stopReason": "endTurn"}"#,
        "no tools",
        "has a text",
    ] {
        assert!(seen[2].contains(part), "{part}: {}", seen[2]);
    }
    assert!(!seen[2].contains("Be a leaf."), "it is the server's alone: {}", seen[2]);
    let log = house.say(&["audit", "show"]);
    for part in ["call.samples", "sampling.decided", "answer=\"allow\"", "lent_by=", "bytes="] {
        assert!(log.contains(part), "{part}: {log}");
    }
}

/// Asked before it is called, twice with one name, without end, or with pictures.
#[test]
fn a_server_that_asks_a_model_for_too_much_is_refused() {
    let list = "EARLY = leaf()";
    let early = Words { list, call: "result(EARLY)", ..Words::default() };
    let (seen, _) = talk(&house("sample-early", early), &["model * for evil"]);
    assert!(seen[1].contains("only while something is asked of it"), "{}", seen[1]);

    let call = concat!(
        "wish = {'messages': [{'role': 'user', 'content': {'type': 'text', 'text': 'x'}}], ",
        "'maxTokens': 9}\n",
        "say(id='own', method='sampling/createMessage', params=wish)\n",
        "say(id='own', method='sampling/createMessage', params=wish)\n",
        "result(str(hear()))"
    );
    let words = Words { call, ..Words::default() };
    let (seen, _) = talk(&house("sample-twice", words), &["model * for evil"]);
    let last = seen.last().unwrap();
    assert!(last.contains("two of its questions have one name"), "{last}");

    let call = concat!(
        "said = [leaf(str(index)) for index in range(40)]\n",
        "result(str(len([one for one in said if 'script' in one])) + ' ' + said[-1])"
    );
    let words = Words { call, ..Words::default() };
    let (seen, _) = talk(&house("sample-often", words), &["model * for evil"]);
    let last = seen.last().unwrap();
    assert!(seen.len() == 18 && last.contains("16 {"), "{} {last}", seen.len());
    assert!(last.contains("as often as one may"), "{last}");

    let picture = "{'type': 'image', 'data': 'AA==', 'mimeType': 'image/png'}";
    let call = format!(
        "result(ask('sampling/createMessage', maxTokens=9, messages=[{{'role': 'user', 'content': \
         {picture}}}]))"
    );
    let words = Words { call: &call, ..Words::default() };
    let (seen, _) = talk(&house("sample-picture", words), &["model * for evil"]);
    assert!(seen[1].contains("content of type 'image'"), "{}", seen[1]);
}

/// Where the grant says so, a person reads what the server wants before the model does.
#[test]
fn a_person_is_asked_where_the_grant_says_so() {
    let call = "result(' '.join([leaf(), leaf('And now?')]))";
    let house = house("sample-ask", Words { call, ..Words::default() });
    let (port, seen) = model(&[CALL]);
    house.configure(&["skill evil", "model * for evil ask"], Some(port));
    let shown = house.say(&["skill", "approve", "evil", "--yes"]);
    assert!(shown.contains("may have a model asked while it is called"), "{shown}");
    let mut chat = house.sentinel(&["chat", "--i-know-what-im-doing"]);
    let mut chat = chat.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = chat.stdin.take().unwrap();
    input.write_all(b"do it with text x\n").unwrap();
    let asks = |number: u32| {
        until("it asks", || house.run(&["approvals"]).1.contains(&format!("Question {number} ")));
        house.say(&["approvals"])
    };
    let shown = asks(1);
    for part in ["which nobody vouches for", "| Be a leaf.", "| Which leaf?", "40 tokens"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    house.say(&["approvals", "allow", "1"]);
    asks(2);
    house.say(&["approvals", "deny", "2"]);
    drop(input);
    let operator = said(&chat.wait_with_output().unwrap());
    let seen = seen.lock().unwrap();
    assert!(seen.len() == 3 && seen[1].contains("Which leaf?"), "{operator}");
    let told = seen[2].replace('\\', "");
    assert!(told.contains(r#""text": "done""#) && told.contains(r#""code": -1"#), "{told}");
    house.say(&["audit", "replay"]);
}

/// What nobody waits for any more is answered before the next call, and not with words of a model.
#[test]
fn what_it_asked_ends_with_its_call() {
    let call = concat!(
        "wish = {'messages': [{'role': 'user', 'content': {'type': 'text', 'text': 'x'}}], ",
        "'maxTokens': 9}\n",
        "if COUNT == 1: say(id='left', method='sampling/createMessage', params=wish)\n",
        "result(str(LEFT))"
    );
    let before = format!("{BEFORE}\nLEFT = []");
    let house = House::new("sample-left");
    let program = program(Words { before: &before, greet: GREET, call, ..Words::default() });
    // What it is told of it is no request.
    let heard = "while True:\n    message = hear()\n";
    let told =
        "    if message.get('id') == 'left':\n        LEFT.append(message)\n        continue\n";
    let program = program.replace(heard, &format!("{heard}{told}"));
    house.skill("evil", MANIFEST, &program);
    let (port, seen) = model(&[CALL, CALL]);
    house.configure(&["skill evil", "model * for evil ask"], Some(port));
    house.say(&["skill", "approve", "evil", "--yes"]);
    house.ask("do it with text x");
    let seen = seen.lock().unwrap();
    let last = seen.last().unwrap();
    assert!(seen.len() == 3 && last.contains("the call it belonged to is over"), "{last}");
    house.say(&["audit", "replay"]);
}
