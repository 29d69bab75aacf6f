//! Servers elsewhere, honest and not.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::{Decision, Got, RequestNumber};
use super::*;
use crate::limits::MCP_LINE_BYTES_MAX;

const NOW: Instant = Instant(1_000_000_000);
const GREETING: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18","#,
    r#""capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"far","version":"2"}}}"#
);
const TOOLS: &str = concat!(
    r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"do","#,
    r#""description":"Does it.","inputSchema":{"type":"object"}}]}}"#
);

fn remote() -> Remote {
    Remote::new(ClientOffer {
        version: "1".into(),
        roots: Vec::new(),
        may_ask: true,
        may_sample: true,
    })
}

fn poll(remote: &mut Remote) -> Vec<RemoteEffect> {
    core::iter::from_fn(|| remote.poll()).collect()
}

/// The exchanges among these, and nothing else.
fn begun(effects: Vec<RemoteEffect>) -> Vec<Begin> {
    let begun = |effect| match effect {
        RemoteEffect::Begin(begin) => Some(begin),
        _ => None,
    };
    effects.into_iter().filter_map(begun).collect()
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value.as_bytes()).unwrap();
    }
    headers
}

fn field<'b>(begin: &'b Begin, name: &str) -> Option<&'b str> {
    let mut fields = begin.headers.iter();
    fields.find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json; charset=utf-8")];
const EVENTS: &[(&str, &str)] = &[("content-type", "text/event-stream")];

fn whole(remote: &mut Remote, exchange: ExchangeNumber, fields: &[(&str, &str)], body: &str) {
    remote.head(exchange, 200, &headers(fields));
    remote.body(NOW, exchange, body.as_bytes());
    remote.done(NOW, exchange);
}

fn accepted(remote: &mut Remote, exchange: ExchangeNumber) {
    remote.head(exchange, 202, &headers(&[]));
    remote.done(NOW, exchange);
}

/// A server that was greeted and has one tool; the next request has the number 3. The stream of its
/// own is this.
fn ready() -> (Remote, ExchangeNumber) {
    let mut remote = remote();
    let greeting = begun(poll(&mut remote));
    let fields = &[("content-type", "application/json"), ("mcp-session-id", "s1")];
    whole(&mut remote, greeting[0].exchange, fields, GREETING);
    let told = begun(poll(&mut remote));
    assert!(told.len() == 1 && told[0].body.contains("notifications/initialized"), "{told:?}");
    accepted(&mut remote, told[0].exchange);
    let next = begun(poll(&mut remote));
    let [stream, list] = next.as_slice() else { panic!("{next:?}") };
    assert_eq!((&stream.method, &list.method), (&Method::GET, &Method::POST));
    assert!(list.body.contains("tools/list"));
    whole(&mut remote, list.exchange, JSON, TOOLS);
    let [RemoteEffect::Client(ClientEffect::Tools(claims))] = &poll(&mut remote)[..] else {
        panic!()
    };
    assert_eq!(claims.tools.len(), 1);
    (remote, stream.exchange)
}

fn call(remote: &mut Remote) -> (RequestNumber, Begin) {
    let request = remote.client().call("do", "{}").unwrap();
    let mut begun = begun(poll(remote));
    assert_eq!(begun.len(), 1, "{begun:?}");
    (request, begun.remove(0))
}

fn answer(request: RequestNumber) -> String {
    let result = r#"{"content":[{"type":"text","text":"done"}]}"#;
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, request.0)
}

fn said(effects: &[RemoteEffect]) -> String {
    format!("{effects:?}")
}

#[test]
fn each_message_is_posted_with_what_the_protocol_wants() {
    let mut remote = remote();
    let greeting = begun(poll(&mut remote)).remove(0);
    assert_eq!(greeting.method, Method::POST);
    assert_eq!(field(&greeting, "Accept"), Some("application/json, text/event-stream"));
    assert_eq!(field(&greeting, "Content-Type"), Some("application/json"));
    // Nothing is agreed on yet.
    assert_eq!(field(&greeting, "MCP-Protocol-Version"), None);
    assert_eq!(field(&greeting, "Mcp-Session-Id"), None);
    let (mut remote, stream) = ready();
    let (request, begin) = call(&mut remote);
    assert_eq!(field(&begin, "MCP-Protocol-Version"), Some("2025-06-18"));
    assert_eq!(field(&begin, "Mcp-Session-Id"), Some("s1"));
    assert!(begin.is_patient);
    whole(&mut remote, begin.exchange, JSON, &answer(request));
    let effects = poll(&mut remote);
    let [RemoteEffect::Client(ClientEffect::Done { got: Got::Output { text, .. }, .. })] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(text, "done");
    remote.end();
    let effects = poll(&mut remote);
    assert_eq!(effects[0], RemoteEffect::Drop(stream));
    let end = begun(effects).remove(0);
    assert_eq!((end.method.as_str(), field(&end, "Mcp-Session-Id")), ("DELETE", Some("s1")));
    remote.end();
    assert!(poll(&mut remote).is_empty());
}

#[test]
fn an_answer_comes_as_a_stream_cut_anywhere() {
    for size in 1..40 {
        let (mut remote, _) = ready();
        let (request, begin) = call(&mut remote);
        let progress = format!(
            concat!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":"#,
                r#"{{"progressToken":{},"progress":1,"message":"half"}}}}"#
            ),
            request.0
        );
        let text = format!(
            "id: 1\ndata:\n\nevent: message\ndata: {progress}\n\nevent: ping\ndata: x\n\n\
             id: 2\ndata: {}\n\n",
            answer(request)
        );
        remote.head(begin.exchange, 200, &headers(EVENTS));
        let mut effects = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            remote.body(NOW, begin.exchange, piece);
            effects.extend(poll(&mut remote));
        }
        assert!(said(&effects).contains("half"), "{size}");
        assert!(matches!(
            effects.last(),
            Some(RemoteEffect::Client(ClientEffect::Done { request: done, .. }))
                if *done == request
        ));
        // Who goes on speaking is not listened to.
        remote.body(NOW, begin.exchange, b"data: {}\n\n");
        assert_eq!(poll(&mut remote), [RemoteEffect::Drop(begin.exchange)]);
    }
}

#[test]
fn a_question_on_a_stream_is_answered_by_a_post_of_its_own() {
    let (mut remote, _) = ready();
    let (request, begin) = call(&mut remote);
    remote.head(begin.exchange, 200, &headers(EVENTS));
    let question = concat!(
        r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":"#,
        r#"{"message":"Which?","requestedSchema":{"type":"object","properties":{}}}}"#
    );
    let ping = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
    let text = format!("data: {ping}\n\ndata: {question}\n\n");
    remote.body(NOW, begin.exchange, text.as_bytes());
    let effects = poll(&mut remote);
    let asked = effects.iter().find_map(|effect| match effect {
        RemoteEffect::Client(ClientEffect::Ask(asked)) => Some(asked.question),
        _ => None,
    });
    remote.client().answer(asked.unwrap(), Decision::Decline).unwrap();
    let pong = begun(effects).remove(0);
    assert_eq!(pong.body, r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    // The second goes when the first has arrived.
    assert!(poll(&mut remote).is_empty());
    accepted(&mut remote, pong.exchange);
    let declined = begun(poll(&mut remote)).remove(0);
    assert!(declined.body.contains(r#""action":"decline""#));
    let data = format!("data: {}\n\n", answer(request));
    remote.body(NOW, begin.exchange, data.as_bytes());
    assert!(said(&poll(&mut remote)).contains("Done"));
}

#[test]
fn a_session_that_is_over_is_begun_anew_and_nothing_is_made_twice() {
    let (mut remote, stream) = ready();
    let (request, begin) = call(&mut remote);
    remote.head(begin.exchange, 404, &headers(&[]));
    let effects = poll(&mut remote);
    assert_eq!(effects[0], RemoteEffect::Drop(stream));
    assert_eq!(effects[1], RemoteEffect::Drop(begin.exchange));
    assert_eq!(effects[2], RemoteEffect::Renewed(Some(request)));
    let greeting = begun(effects).remove(0);
    assert!(greeting.body.contains("initialize") && field(&greeting, "Mcp-Session-Id").is_none());
    // A server that knows nobody is not greeted for ever.
    remote.head(greeting.exchange, 404, &headers(&[]));
    remote.done(NOW, greeting.exchange);
    assert!(said(&poll(&mut remote)).contains("no server that speaks the protocol"));
    // On another stream it does not say what became of the call.
    let (mut remote, stream) = ready();
    call(&mut remote);
    remote.head(stream, 404, &headers(&[]));
    assert!(poll(&mut remote).contains(&RemoteEffect::Renewed(None)));
}

#[test]
fn a_stream_that_breaks_is_gone_on_with_from_where_it_broke() {
    let (mut remote, _) = ready();
    let (request, begin) = call(&mut remote);
    remote.head(begin.exchange, 200, &headers(EVENTS));
    remote.body(NOW, begin.exchange, b"retry: 3000\nid: e/7\ndata:\n\ndata: {\"half");
    remote.failed(NOW, begin.exchange, "cut");
    assert!(poll(&mut remote).is_empty());
    let at = remote.deadline().unwrap();
    assert_eq!(at.since(NOW).as_millis(), 3000);
    remote.tick(NOW);
    assert!(poll(&mut remote).is_empty());
    remote.tick(at);
    let again = begun(poll(&mut remote)).remove(0);
    assert_eq!((again.method.as_str(), field(&again, "Last-Event-ID")), ("GET", Some("e/7")));
    remote.head(again.exchange, 200, &headers(EVENTS));
    let data = format!("id: e/8\ndata: {}\n\n", answer(request));
    remote.body(at, again.exchange, data.as_bytes());
    assert!(said(&poll(&mut remote)).contains("Done"));
    // Without a place to go on from there is no answer any more.
    let (_, begin) = call(&mut remote);
    remote.head(begin.exchange, 200, &headers(EVENTS));
    remote.body(NOW, begin.exchange, b"data: \n\n");
    remote.done(NOW, begin.exchange);
    assert!(said(&poll(&mut remote)).contains("ended without an answer"));
}

#[test]
fn a_stream_is_not_asked_for_without_end() {
    let (mut remote, mut stream) = ready();
    let mut now = NOW;
    let mut count = 0;
    loop {
        remote.head(stream, 200, &headers(EVENTS));
        remote.body(now, stream, b"retry: 0\n\n");
        remote.done(now, stream);
        let Some(at) = remote.deadline() else { break };
        assert!(at > now);
        now = at;
        remote.tick(now);
        stream = begun(poll(&mut remote)).remove(0).exchange;
        count += 1;
    }
    assert_eq!(count, crate::limits::MCP_STREAM_EMPTY_MAX);
    // One that has none is not asked a second time.
    let (mut remote, stream) = ready();
    remote.head(stream, 405, &headers(&[]));
    assert_eq!(poll(&mut remote), [RemoteEffect::Drop(stream)]);
    assert_eq!(remote.deadline(), None);
}

#[test]
fn what_is_no_answer_fails_the_call_and_says_why() {
    let place = [("location", "https://evil.example/")];
    let html = [("content-type", "text/html")];
    for (status, fields, body, told) in [
        (302, &place[..], "", "redirected to https://evil.example/, where nobody goes"),
        (401, &[], "", "[skill.NAME]"),
        (500, JSON, r#"{"error":"x"}"#, "status 500: {\"error\":\"x\"}"),
        (200, &html, "<p>", "it is 'text/html'"),
        (202, &[], "", "status 202"),
        (200, JSON, "", "no answer to it"),
        (200, JSON, r#"{"jsonrpc":"2.0","method":"notifications/x"}"#, "no answer to it"),
    ] {
        let (mut remote, _) = ready();
        let (request, begin) = call(&mut remote);
        remote.head(begin.exchange, status, &headers(fields));
        remote.body(NOW, begin.exchange, body.as_bytes());
        remote.done(NOW, begin.exchange);
        let effects = poll(&mut remote);
        let [RemoteEffect::Client(ClientEffect::Failed { request: failed, why })] =
            effects.as_slice()
        else {
            panic!("{status}: {effects:?}")
        };
        assert!(*failed == request && why.contains(told), "{why}");
    }
    let (mut remote, _) = ready();
    let (_, begin) = call(&mut remote);
    remote.failed(NOW, begin.exchange, "no connection");
    assert!(said(&poll(&mut remote)).contains("no connection"));
}

#[test]
fn what_breaks_the_protocol_ends_the_server() {
    let long = "x".repeat(MCP_LINE_BYTES_MAX + 1);
    for (fields, body, told) in [
        (JSON, long.as_str(), "longer than 2 MiB"),
        (EVENTS, &format!("data: {long}"), "longer than 2 MiB"),
        (JSON, "{", "no JSON"),
        (JSON, r#"{"jsonrpc":"2.0","id":9,"result":{}}"#, "was not asked"),
        (EVENTS, "data: nothing\n\n", "no JSON"),
    ] {
        let (mut remote, stream) = ready();
        let (_, begin) = call(&mut remote);
        whole(&mut remote, begin.exchange, fields, body);
        let effects = poll(&mut remote);
        let broken = effects.iter().find_map(|effect| match effect {
            RemoteEffect::Client(ClientEffect::Broken(fault)) => Some(fault.to_string()),
            _ => None,
        });
        assert!(broken.as_ref().is_some_and(|it| it.contains(told)), "{told}: {broken:?}");
        assert!(effects.contains(&RemoteEffect::Drop(stream)));
        assert!(begun(effects).iter().all(|begin| begin.method == Method::DELETE));
    }
    for name in ["", "two words", "\u{e9}", &"x".repeat(5000)] {
        let mut remote = remote();
        let greeting = begun(poll(&mut remote)).remove(0);
        let fields = headers(&[("content-type", "application/json"), ("mcp-session-id", name)]);
        remote.head(greeting.exchange, 200, &fields);
        assert!(said(&poll(&mut remote)).contains("session"), "{name}");
    }
}

#[test]
fn a_server_that_asks_and_takes_no_answer_ends() {
    let (mut remote, stream) = ready();
    remote.head(stream, 200, &headers(EVENTS));
    let mut effects = Vec::new();
    for number in 0..1000 {
        let ping = format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{number},\"method\":\"ping\"}}\n\n");
        remote.body(NOW, stream, ping.as_bytes());
        effects.extend(poll(&mut remote));
    }
    assert!(said(&effects).contains("does not take"));
    assert_eq!(begun(effects).len(), 2);
}

#[test]
fn what_is_given_up_is_told_and_dropped() {
    let (mut remote, _) = ready();
    let (request, begin) = call(&mut remote);
    remote.client().cancel(request);
    let effects = poll(&mut remote);
    let [RemoteEffect::Begin(told), RemoteEffect::Drop(dropped)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert!(told.body.contains("notifications/cancelled") && *dropped == begin.exchange);
    // What comes late means nothing.
    whole(&mut remote, begin.exchange, JSON, &answer(request));
    assert!(poll(&mut remote).is_empty());
}

/// Goal: whatever a server says in whatever pieces, what is kept and begun stays bounded, and there
/// is one end. Method: random events for random exchanges.
#[test]
fn nothing_that_comes_breaks_it() {
    arbtest::arbtest(|u| {
        let (mut remote, _) = ready();
        let _ = call(&mut remote);
        let mut now = NOW;
        let mut ends = 0;
        for _ in 0..u.int_in_range(0..=24)? {
            let exchange = ExchangeNumber(u.int_in_range(1..=12)?);
            match u.int_in_range(0..=5)? {
                0 => {
                    let status = *u.choose(&[200, 200, 202, 302, 404, 500])?;
                    let kind = u.choose(&["application/json", "text/event-stream", "x"])?;
                    remote.head(exchange, status, &headers(&[("content-type", kind)]));
                }
                1 => {
                    let pieces = vec![answer(RequestNumber(3)), GREETING.into(), TOOLS.into()];
                    let text = u.choose(&pieces)?.clone();
                    let text = if u.arbitrary()? { format!("data: {text}\n\n") } else { text };
                    remote.body(now, exchange, text.as_bytes());
                }
                2 => remote.body(now, exchange, u.arbitrary()?),
                3 => remote.done(now, exchange),
                4 => remote.failed(now, exchange, "cut"),
                _ => {
                    now = now.after(core::time::Duration::from_secs(5));
                    remote.tick(now);
                }
            }
            for effect in poll(&mut remote) {
                assert!(!matches!(effect, RemoteEffect::Client(ClientEffect::Send(_))));
                let is_end = matches!(effect, RemoteEffect::Client(ClientEffect::Broken(_)));
                ends += u32::from(is_end);
            }
            assert!(ends <= 1 && remote.exchanges.len() <= MCP_EXCHANGES_COUNT_MAX);
        }
        remote.end();
        poll(&mut remote);
        assert!(remote.exchanges.is_empty() && remote.deadline().is_none());
        Ok(())
    });
}
