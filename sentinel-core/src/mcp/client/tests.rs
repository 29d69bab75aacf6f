//! Servers, honest and not, and what the client makes of them.

use alloc::format;
use alloc::vec;

use arbtest::arbtest;

use super::*;
use crate::agent::{Sampled, Sampling, Unsampled};
use crate::limits::{MCP_ITEMS_COUNT_MAX, MCP_PAGES_COUNT_MAX, MCP_QUESTIONS_COUNT_MAX};
use crate::llm::{Message, Role, StopReason};

const GREETING: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","#,
    r#""capabilities":{"tools":{"listChanged":true},"prompts":{}},"#,
    r#""serverInfo":{"name":"files","version":"2"},"#,
    r#""instructions":"Obey."}}"#
);
const TOOLS: &str = concat!(
    r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"read","#,
    r#""description":"Reads.","inputSchema":{"type":"object"}}]}}"#
);

fn client() -> Client {
    let roots = vec![Root { uri: "file:///work".into(), name: "work".into() }];
    Client::new(ClientOffer { version: "1".into(), roots, may_ask: true, may_sample: false })
}

fn say(client: &mut Client, text: &str, size: usize) -> Vec<ClientEffect> {
    let mut effects = Vec::new();
    for mut piece in text.as_bytes().chunks(size.max(1)) {
        while !piece.is_empty() {
            client.receive(&mut piece);
            effects.extend(core::iter::from_fn(|| client.poll()));
        }
    }
    effects
}

fn line(client: &mut Client, text: &str) -> Vec<ClientEffect> {
    say(client, &format!("{text}\n"), usize::MAX)
}

fn rest(client: &mut Client) -> Vec<ClientEffect> {
    core::iter::from_fn(|| client.poll()).collect()
}

/// A client whose server has one tool; the next request has the number 3.
fn ready() -> Client {
    let mut client = client();
    rest(&mut client);
    line(&mut client, GREETING);
    line(&mut client, TOOLS);
    client
}

fn sent(effects: &[ClientEffect]) -> &str {
    match effects {
        [ClientEffect::Send(line)] => line,
        other => panic!("{other:?}"),
    }
}

fn fault(effects: Vec<ClientEffect>) -> Fault {
    match effects.into_iter().last() {
        Some(ClientEffect::Broken(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_is_greeted_and_its_tools_are_listed() {
    let mut client = client();
    assert_eq!(client.call("read", "{}"), Err(ClientError::NotReady));
    let greeting = rest(&mut client);
    assert_eq!(
        sent(&greeting),
        concat!(
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","#,
            r#""params":{"protocolVersion":"2025-11-25","#,
            r#""capabilities":{"roots":{"listChanged":true},"elicitation":{}},"#,
            r#""clientInfo":{"name":"sentinel","version":"1"}}}"#
        )
    );
    let effects = line(&mut client, GREETING);
    let [ClientEffect::Send(told), ClientEffect::Ready(peer), ClientEffect::Send(asked)] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert!(told.contains("notifications/initialized") && asked.contains("tools/list"));
    assert_eq!((peer.version, peer.has), (Version::June2025, [true, false, true]));
    assert_eq!((&*peer.name, &*peer.instructions), ("files", "Obey."));
    let effects = line(&mut client, TOOLS);
    let [ClientEffect::Tools(claims)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(claims.tools.len(), 1);
    assert_eq!(
        (&*claims.tools[0].name, &*claims.tools[0].schema),
        ("read", r#"{"type":"object"}"#)
    );
}

#[test]
fn a_call_has_progress_and_one_result() {
    let mut client = ready();
    let request = client.call("read", r#"{"path":"a"}"#).unwrap();
    assert_eq!(
        sent(&rest(&mut client)),
        concat!(
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","#,
            r#""params":{"name":"read","arguments":{"path":"a"},"#,
            r#""_meta":{"progressToken":3}}}"#
        )
    );
    let progress = concat!(
        r#"{"jsonrpc":"2.0","method":"notifications/progress","#,
        r#""params":{"progressToken":3,"progress":1,"message":"half"}}"#
    );
    let expected = ClientEffect::Progress { request, words: "half".into() };
    assert_eq!(line(&mut client, progress), [expected]);
    let result = concat!(
        r#"{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","#,
        r#""text":"one"},{"type":"image","mimeType":"image/png","#,
        r#""data":"AAAA"},{"type":"resource","resource":{"uri":"x:y","#,
        r#""text":"two"}}],"structuredContent":{"a":1},"isError":true}}"#
    );
    let text = "one\n[image image/png, 4 bytes of base64, left out]\ntwo".into();
    let got = Got::Output { text, structured: Some(r#"{"a":1}"#.into()), is_error: true };
    assert_eq!(line(&mut client, result), [ClientEffect::Done { request, got }]);
    assert_eq!(client.requests_count(), 0);
    // Twice.
    assert_eq!(fault(line(&mut client, result)), Fault::Unasked);
    assert_eq!(client.call("read", "{}"), Err(ClientError::Ended));
    assert!(line(&mut client, GREETING).is_empty(), "nothing is read any more");
}

#[test]
fn an_error_ends_a_call_and_not_the_server() {
    let mut client = ready();
    let request = client.call("read", "{}").unwrap();
    rest(&mut client);
    let error = r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"no path"}}"#;
    let why = "no path (error -32602)".into();
    assert_eq!(line(&mut client, error), [ClientEffect::Failed { request, why }]);
    assert!(client.call("read", "{}").is_ok());
    assert_eq!(client.call("read", "[]"), Err(ClientError::NoObject));
    assert_eq!(client.call("read", r#"{"a":1,"a":2}"#), Err(ClientError::NoObject));
}

#[test]
fn a_server_that_breaks_the_protocol_is_ended() {
    let cases = [
        ("{", Fault::NoJson(String::new())),
        ("[]", Fault::NoMessage("a message is an object")),
        (r#"{"jsonrpc":"2.0"}"#, Fault::NoMessage("it has one of method, result and error")),
        (r#"{"jsonrpc":"2.0","id":9,"result":{}}"#, Fault::Unasked),
        (r#"{"jsonrpc":"2.0","id":"3","result":{"content":[]}}"#, Fault::Unasked),
        (r#"{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":""}}"#, Fault::Unasked),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#,
            Fault::NoMessage("it did not understand a message of ours"),
        ),
        (
            concat!(
                r#"{"jsonrpc":"2.0","method":"notifications/progress","#,
                r#""params":{"progressToken":9,"progress":1}}"#
            ),
            Fault::NoProgress,
        ),
        (
            r#"{"jsonrpc":"2.0","id":3,"result":{}}"#,
            Fault::NotAnAnswer("a tool gives back content"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":3,"result":{"content":[],"isError":"no"}}"#,
            Fault::NotAnAnswer("isError is true or false"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":3,"result":{"structuredContent":[]}}"#,
            Fault::NotAnAnswer("structuredContent is no object"),
        ),
    ];
    for (text, expected) in cases {
        let mut client = ready();
        let request = client.call("read", "{}").unwrap();
        rest(&mut client);
        let effects = line(&mut client, text);
        let why = "the server has ended".into();
        assert_eq!(effects.first(), Some(&ClientEffect::Failed { request, why }), "{text}");
        match (fault(effects), expected) {
            (Fault::NoJson(_), Fault::NoJson(_)) => {}
            (found, expected) => assert_eq!(found, expected, "{text}"),
        }
        assert!(say(&mut client, "{\n{\n", usize::MAX).is_empty());
    }
    let mut client = ready();
    let long = format!("\"{}\"\n", "x".repeat(MCP_LINE_BYTES_MAX));
    assert_eq!(fault(say(&mut client, &long, 1 << 16)), Fault::LineTooLong);
}

#[test]
fn a_greeting_that_makes_no_sense_ends_it() {
    for (result, expected) in [
        (r#"{"protocolVersion":"1999","capabilities":{}}"#, Fault::Version),
        (r#"{"protocolVersion":"2025-06-18"}"#, Fault::NotAnAnswer("capabilities are missing")),
    ] {
        let mut client = client();
        rest(&mut client);
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        assert_eq!(fault(line(&mut client, &text)), expected);
    }
}

#[test]
fn other_words_are_another_digest() {
    let digest = |tool: &str| {
        let mut client = client();
        rest(&mut client);
        line(&mut client, GREETING);
        let text = format!(r#"{{"jsonrpc":"2.0","id":2,"result":{{"tools":[{tool}]}}}}"#);
        let effects = line(&mut client, &text);
        let [ClientEffect::Tools(claims)] = effects.as_slice() else { panic!("{effects:?}") };
        (claims.tools[0].digest, claims.digest())
    };
    let plain = digest(r#"{"name":"a","description":"b","inputSchema":{"x":1}}"#);
    let same = digest(r#"{ "description":"\u0062","inputSchema":{"x":1},"name":"a"}"#);
    assert_eq!(plain, same, "the order of keys and how a letter is written say nothing");
    for other in [
        r#"{"name":"aa","description":"b","inputSchema":{"x":1}}"#,
        r#"{"name":"a","description":"b ","inputSchema":{"x":1}}"#,
        r#"{"name":"a","description":"b","inputSchema":{"x":2}}"#,
        r#"{"name":"a","description":"b","inputSchema":{"x":18446744073709551615}}"#,
        r#"{"name":"a","description":"b","inputSchema":{"x":1},"outputSchema":{}}"#,
        concat!(
            r#"{"name":"a","description":"b","inputSchema":{"x":1},"#,
            r#""annotations":{"readOnlyHint":true}}"#
        ),
    ] {
        let other = digest(other);
        assert!(other.0 != plain.0 && other.1 != plain.1);
    }
}

#[test]
fn tools_that_change_are_listed_again() {
    let mut client = ready();
    let changed = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    let effects = line(&mut client, changed);
    assert!(sent(&effects).contains(r#""id":3,"method":"tools/list""#));
    assert!(line(&mut client, changed).is_empty(), "it is listed already");
    let page = concat!(
        r#"{"jsonrpc":"2.0","id":3,"result":{"tools":[{"name":"a","#,
        r#""inputSchema":{}}],"nextCursor":"p2"}}"#
    );
    let effects = line(&mut client, page);
    assert!(sent(&effects).contains(r#""id":4,"method":"tools/list","params":{"cursor":"p2"}"#));
    let page = r#"{"jsonrpc":"2.0","id":4,"result":{"tools":[{"name":"b","inputSchema":{}}]}}"#;
    // It changed in between: what was read is of no use.
    assert!(sent(&line(&mut client, page)).contains(r#""id":5"#));
    let page = r#"{"jsonrpc":"2.0","id":5,"result":{"tools":[]}}"#;
    assert_eq!(line(&mut client, page), [ClientEffect::Tools(Claims::default())]);
}

#[test]
fn lists_without_end_end_the_server() {
    let mut client = client();
    rest(&mut client);
    line(&mut client, GREETING);
    let mut effects = Vec::new();
    for page in 2..MCP_PAGES_COUNT_MAX + 2 {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":{page},"result":{{"tools":[],"nextCursor":"x"}}}}"#);
        effects = line(&mut client, &text);
    }
    assert_eq!(fault(effects), Fault::TooMuch("the pages of tools"));

    let tools = |count: usize| {
        let tools = (0..count).map(|it| format!(r#"{{"name":"t{it}","inputSchema":{{}}}}"#));
        let tools: Vec<_> = tools.collect();
        format!(r#"{{"jsonrpc":"2.0","id":2,"result":{{"tools":[{}]}}}}"#, tools.join(","))
    };
    for (count, is_fine) in [(MCP_ITEMS_COUNT_MAX, true), (MCP_ITEMS_COUNT_MAX + 1, false)] {
        let mut client = self::client();
        rest(&mut client);
        line(&mut client, GREETING);
        let effects = line(&mut client, &tools(count));
        assert_eq!(matches!(effects.as_slice(), [ClientEffect::Tools(_)]), is_fine);
    }
    let mut client = self::client();
    rest(&mut client);
    line(&mut client, GREETING);
    let twins = concat!(
        r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"a","#,
        r#""inputSchema":{}},{"name":"a","inputSchema":{}}]}}"#
    );
    assert_eq!(fault(line(&mut client, twins)), Fault::NotAnAnswer("two tools have one name"));
}

#[test]
fn what_is_given_up_may_be_answered_once() {
    let mut client = ready();
    let request = client.call("read", "{}").unwrap();
    rest(&mut client);
    client.cancel(request);
    client.cancel(request);
    assert!(sent(&rest(&mut client)).contains(r#""requestId":3"#));
    let progress = concat!(
        r#"{"jsonrpc":"2.0","method":"notifications/progress","#,
        r#""params":{"progressToken":3,"progress":1}}"#
    );
    let late = r#"{"jsonrpc":"2.0","id":3,"result":{"content":[]}}"#;
    assert!(line(&mut client, progress).is_empty() && line(&mut client, late).is_empty());
    assert_eq!(fault(line(&mut client, late)), Fault::Unasked);
}

#[test]
fn a_server_asks_a_person_and_never_the_model() {
    let mut client = ready();
    let asked = concat!(
        r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","#,
        r#""params":{"message":"Who?","requestedSchema":{"type":"object"}}}"#
    );
    let effects = line(&mut client, asked);
    let [ClientEffect::Ask(question)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((&*question.message, &*question.schema), ("Who?", r#"{"type":"object"}"#));
    let number = question.question;
    assert_eq!(client.answer(number + 1, Decision::Decline), Err(ClientError::NotAsked));
    assert_eq!(client.answer(number, Decision::Accept("7")), Err(ClientError::NoObject));
    client.answer(number, Decision::Accept(r#"{"name":"Ada"}"#)).unwrap();
    assert_eq!(
        sent(&rest(&mut client)),
        r#"{"jsonrpc":"2.0","id":"q","result":{"action":"accept","content":{"name":"Ada"}}}"#
    );
    assert_eq!(client.answer(number, Decision::Cancel), Err(ClientError::NotAsked));

    line(&mut client, asked);
    assert_eq!(fault(line(&mut client, asked)), Fault::Twice);

    let mut client = ready();
    for number in 0..=MCP_QUESTIONS_COUNT_MAX {
        let effects = line(&mut client, &asked.replace("\"q\"", &number.to_string()));
        let is_asked = matches!(effects.as_slice(), [ClientEffect::Ask(_)]);
        assert_eq!(is_asked, number < MCP_QUESTIONS_COUNT_MAX);
    }
    let cancelled =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}"#;
    assert!(matches!(line(&mut client, cancelled).as_slice(), [ClientEffect::Unask(_)]));

    for (method, code) in
        [("sampling/createMessage", "-32600"), ("tools/call", "-32601"), ("ping", "result")]
    {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{}}}}"#);
        assert!(sent(&line(&mut client, &text)).contains(code), "{method}");
    }
    let roots = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;
    assert!(sent(&line(&mut client, roots)).contains(r#"[{"uri":"file:///work","name":"work"}]"#));
    client.set_roots(vec![]);
    assert!(sent(&rest(&mut client)).contains("roots/list_changed"));
    client.set_roots(vec![]);
    assert!(rest(&mut client).is_empty());
    client.offer.may_ask = false;
    assert!(sent(&line(&mut client, asked)).contains("there is nobody to ask"));
}

/// A request to a model, with these members beside its messages.
fn wish(id: &str, messages: &str, more: &str) -> String {
    let params = format!(r#"{{"messages":{messages}{more}}}"#);
    let method = "sampling/createMessage";
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

const HELLO: &str = r#"[{"role":"user","content":{"type":"text","text":"Which leaf?"}}]"#;

#[test]
fn a_server_has_a_model_asked_while_it_is_called() {
    let mut client = ready();
    let more = concat!(
        r#","maxTokens":40,"systemPrompt":"Be a leaf.","includeContext":"allServers","#,
        r#""temperature":0.3,"stopSequences":["END"],"modelPreferences":{"hints":[]},"metadata":{}"#
    );
    let said = sent(&line(&mut client, &wish("1", HELLO, more))).to_string();
    assert!(said.contains("-32600") && said.contains("only while something is asked"), "{said}");
    client.offer.may_sample = true;
    client.call("read", "{}").unwrap();
    rest(&mut client);
    let effects = line(&mut client, &wish("1", HELLO, more));
    let [ClientEffect::Wish(wished)] = effects.as_slice() else { panic!("{effects:?}") };
    let Sampling { system, messages, tokens_max, stops } = &wished.sampling;
    assert_eq!((system.as_deref(), *tokens_max, stops.len()), (Some("Be a leaf."), 40, 1));
    assert_eq!(messages, &[Message::text(Role::User, "Which leaf?")]);
    let number = wished.number;
    let answer = |text: &str| {
        let (text, model) = (text.into(), "small".into());
        Ok(Sampled { text, model, stop: StopReason::TokensMax })
    };
    assert_eq!(client.sampled(number + 1, &answer("x")), Err(ClientError::NotAsked));
    assert_eq!(client.answer(number, Decision::Decline), Err(ClientError::NotAsked));
    client.sampled(number, &answer("The\ngreen one.")).unwrap();
    assert_eq!(
        sent(&rest(&mut client)),
        concat!(
            r#"{"jsonrpc":"2.0","id":1,"result":{"role":"assistant","content":{"type":"text","#,
            r#""text":"The\ngreen one."},"model":"small","stopReason":"maxTokens"}}"#
        )
    );
    assert_eq!(client.sampled(number, &answer("x")), Err(ClientError::NotAsked));
    for (unsampled, code) in [
        (Unsampled::Denied("no".into()), -1),
        (Unsampled::Refused("no".into()), -32600),
        (Unsampled::Failed("no".into()), -32603),
    ] {
        let effects = line(&mut client, &wish("\"q\"", HELLO, r#","maxTokens":1"#));
        let [ClientEffect::Wish(wished)] = effects.as_slice() else { panic!("{effects:?}") };
        client.sampled(wished.number, &Err(unsampled)).unwrap();
        let expected =
            format!(r#"{{"jsonrpc":"2.0","id":"q","error":{{"code":{code},"message":"no"}}}}"#);
        assert_eq!(sent(&rest(&mut client)), expected);
    }
}

#[test]
fn what_no_model_is_asked_is_refused() {
    let mut client = ready();
    client.offer.may_sample = true;
    client.call("read", "{}").unwrap();
    rest(&mut client);
    let one = r#","maxTokens":1"#;
    let content = |content: &str| format!(r#"[{{"role":"user","content":{content}}}]"#);
    let both =
        r#"[{"type":"text","text":"a"},{"type":"image","data":"AA","mimeType":"image/png"}]"#;
    let audio = r#"{"type":"audio","data":"AA","mimeType":"audio/wav"}"#;
    let long = format!(r#"{{"type":"text","text":"{}"}}"#, "x".repeat(65_537));
    for (messages, more, why) in [
        (HELLO, "", "maxTokens is to be"),
        (HELLO, r#","maxTokens":0"#, "maxTokens is to be"),
        (HELLO, r#","maxTokens":"9""#, "maxTokens is to be"),
        ("[]", one, "1 to 64 messages"),
        ("7", one, "messages is to be a list"),
        (&*content(both), one, "type 'image'"),
        (&*content(audio), one, "type 'audio'"),
        (&*content("7"), one, "has a text"),
        (&*content(&long), one, "65536 bytes at most"),
        (r#"[{"role":"system","content":{"type":"text","text":"x"}}]"#, one, "role of a message"),
        (HELLO, r#","maxTokens":1,"tools":[]"#, "no tools"),
        (HELLO, r#","maxTokens":1,"toolChoice":{"mode":"auto"}"#, "no tools"),
        (HELLO, r#","maxTokens":1,"systemPrompt":7"#, "systemPrompt is to be text"),
        (HELLO, r#","maxTokens":1,"stopSequences":[7]"#, "stopSequences is to be"),
        (HELLO, r#","maxTokens":1,"stopSequences":["a","b","c","d","e"]"#, "4 texts at most"),
    ] {
        let said = sent(&line(&mut client, &wish("1", messages, more))).to_string();
        assert!(said.contains("-32602") && said.contains(why), "{why}: {said}");
    }
    // Many wait, and no two of one name; one is taken back; the rest ends with the server.
    for number in 0..=MCP_QUESTIONS_COUNT_MAX {
        let effects = line(&mut client, &wish(&number.to_string(), HELLO, one));
        let is_asked = matches!(effects.as_slice(), [ClientEffect::Wish(_)]);
        assert_eq!(is_asked, number < MCP_QUESTIONS_COUNT_MAX);
    }
    let cancelled =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}"#;
    assert!(matches!(line(&mut client, cancelled).as_slice(), [ClientEffect::Unask(_)]));
    let effects = line(&mut client, &wish("1", HELLO, one));
    let unasked = effects.iter().filter(|effect| matches!(effect, ClientEffect::Unask(_))).count();
    assert_eq!(unasked, MCP_QUESTIONS_COUNT_MAX - 1);
    assert_eq!(fault(effects), Fault::Twice);
    // What was not offered is not granted either, whatever it looks like.
    let mut client = ready();
    client.offer.may_sample = false;
    client.call("read", "{}").unwrap();
    rest(&mut client);
    assert!(sent(&line(&mut client, &wish("1", "7", ""))).contains("sampling is not granted"));
}

/// A server is told of a model only where it may have one asked.
#[test]
fn a_model_is_offered_where_it_is_granted() {
    for may_sample in [true, false] {
        let offer = ClientOffer { may_sample, ..ClientOffer::default() };
        let greeting = rest(&mut Client::new(offer));
        assert_eq!(sent(&greeting).contains(r#""sampling":{}"#), may_sample, "{greeting:?}");
    }
}

#[test]
fn resources_and_prompts_are_text() {
    let mut client = ready();
    let request = client.list(Items::Resources, Some("p")).unwrap();
    assert!(sent(&rest(&mut client)).contains(r#""resources/list","params":{"cursor":"p"}"#));
    let text = concat!(
        r#"{"jsonrpc":"2.0","id":3,"result":{"resources":[{"uri":"x:a","#,
        r#""name":"A","description":"an a"}],"nextCursor":"q"}}"#
    );
    let items = vec![Item { key: "x:a".into(), name: "A".into(), description: "an a".into() }];
    let got = Got::List { items, next: Some("q".into()) };
    assert_eq!(line(&mut client, text), [ClientEffect::Done { request, got }]);
    let request = client.resource("x:a").unwrap();
    rest(&mut client);
    let text = concat!(
        r#"{"jsonrpc":"2.0","id":4,"result":{"contents":[{"uri":"x:a","#,
        r#""text":"hello"},{"uri":"x:b","blob":"AA"}]}}"#
    );
    let got = Got::Text("hello\n[something x:b, 2 bytes of base64, left out]".into());
    assert_eq!(line(&mut client, text), [ClientEffect::Done { request, got }]);
    let request = client.prompt("greet", &[("who", "Ada")]).unwrap();
    assert!(sent(&rest(&mut client)).contains(r#"{"name":"greet","arguments":{"who":"Ada"}}"#));
    let text = concat!(
        r#"{"jsonrpc":"2.0","id":5,"result":{"messages":[{"role":"user","#,
        r#""content":{"type":"text","text":"hi"}}]}}"#
    );
    let got = Got::Text("[user]\nhi".into());
    assert_eq!(line(&mut client, text), [ClientEffect::Done { request, got }]);
    for (text, items) in [("resources", Items::Resources), ("prompts", Items::Prompts)] {
        let text = format!(r#"{{"jsonrpc":"2.0","method":"notifications/{text}/list_changed"}}"#);
        assert_eq!(line(&mut client, &text), [ClientEffect::Changed(items)]);
    }
    let log = concat!(
        r#"{"jsonrpc":"2.0","method":"notifications/message","#,
        r#""params":{"level":"info","data":{"a":1}}}"#
    );
    assert_eq!(line(&mut client, log), [ClientEffect::Log(r#"{"a":1}"#.into())]);
}

#[test]
fn the_end_of_the_server_ends_everything() {
    let mut client = ready();
    let request = client.call("read", "{}").unwrap();
    rest(&mut client);
    client.end();
    let why = "the server has ended".into();
    assert_eq!(rest(&mut client), [ClientEffect::Failed { request, why }]);
    client.end();
    assert!(rest(&mut client).is_empty());
}

#[test]
fn as_many_requests_as_may_be() {
    let mut client = ready();
    for _ in 0..MCP_REQUESTS_COUNT_MAX {
        client.call("read", "{}").unwrap();
    }
    assert_eq!(client.call("read", "{}"), Err(ClientError::Full));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MCP_LINE_BYTES_MAX - 20));
    assert_eq!(ready().call("read", &long), Err(ClientError::TooLong));
    for _ in 0..=MCP_GIVEN_UP_COUNT_MAX {
        let Some(request) = client.open.first().map(|open| RequestNumber(open.number)) else {
            break;
        };
        client.cancel(request);
        let _ = client.call("read", "{}");
    }
    assert!(matches!(fault(rest(&mut client)), Fault::TooMuch(_)));
}

#[test]
fn how_the_bytes_are_cut_changes_nothing() {
    let calls = |client: &mut Client| {
        let mut effects = rest(client);
        effects.extend(line(client, GREETING));
        effects.extend(line(client, TOOLS));
        client.call("read", "{}").unwrap();
        client.call("read", "{}").unwrap();
        effects.extend(rest(client));
        effects
    };
    arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=6)? {
            text += &match u.int_in_range(0..=5)? {
                0 => format!(
                    r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":[]}}}}"#,
                    u.int_in_range(3..=5)?
                ),
                1 => r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#.into(),
                2 => r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#.into(),
                3 => "\r".into(),
                4 => r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#.into(),
                _ => u.arbitrary::<String>()?.replace('\n', ""),
            };
            text.push('\n');
        }
        let (mut one, mut two) = (client(), client());
        assert_eq!(calls(&mut one), calls(&mut two));
        let whole = say(&mut one, &text, usize::MAX);
        let size = u.int_in_range(1..=text.len().max(1))?;
        assert_eq!(say(&mut two, &text, size), whole);
        // What was asked for ends once.
        two.end();
        let ends = whole.into_iter().chain(rest(&mut two));
        let ends = ends.filter(|effect| {
            matches!(effect, ClientEffect::Done { .. } | ClientEffect::Failed { .. })
        });
        assert_eq!(ends.count(), 2);
        Ok(())
    });
}
