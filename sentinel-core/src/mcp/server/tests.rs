//! A client's lines, and what the server makes of them.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use arbtest::arbtest;

use super::*;

fn offer(count: usize) -> ServerOffer {
    let tool = |name: String| ToolDefinition {
        name,
        description: "It does something.".into(),
        parameters: r#"{"type":"object","properties":{"path":{"type":"string"}}}"#.into(),
    };
    let mut tools = vec![tool("read_file".into())];
    tools.extend((1..count).map(|number| tool(format!("tool_{number}"))));
    ServerOffer { version: "1".into(), instructions: "Be kind.".into(), tools }
}

/// Says all that follows from these bytes, in pieces of this size.
fn say(server: &mut Server, text: &str, size: usize) -> Vec<ServerEffect> {
    let mut effects = Vec::new();
    for mut piece in text.as_bytes().chunks(size.max(1)) {
        while !piece.is_empty() {
            server.receive(&mut piece);
            effects.extend(core::iter::from_fn(|| server.poll()));
        }
    }
    effects
}

/// The lines that are sent, and nothing else.
fn lines(effects: Vec<ServerEffect>) -> Vec<String> {
    let line = |effect| match effect {
        ServerEffect::Send(line) => line,
        other => panic!("no line: {other:?}"),
    };
    effects.into_iter().map(line).collect()
}

fn greeting(version: &str, capabilities: &str) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{{\
         \"protocolVersion\":\"{version}\",\"capabilities\":{capabilities},\
         \"clientInfo\":{{\"name\":\"test\",\"version\":\"1\"}}}}}}\n\
         {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}}\n"
    )
}

fn ready(version: &str, capabilities: &str) -> Server {
    let mut server = Server::new(offer(1));
    say(&mut server, &greeting(version, capabilities), usize::MAX);
    server
}

fn call(id: &str, more: &str) -> String {
    format!(
        concat!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","#,
            r#""params":{{"name":"read_file","arguments":{{"path":"a"}}{more}}}}}"#
        ),
        id = id,
        more = more
    ) + "\n"
}

fn rest(server: &mut Server) -> Vec<ServerEffect> {
    core::iter::from_fn(|| server.poll()).collect()
}

#[test]
fn the_revision_that_both_know_is_agreed_on() {
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("tomorrow", "2025-11-25"),
    ] {
        let mut server = Server::new(offer(1));
        let said = lines(say(&mut server, &greeting(asked, "{}"), usize::MAX));
        assert_eq!(
            said,
            [format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{{\"protocolVersion\":\"{agreed}\",\
                 \"capabilities\":{{\"tools\":{{\"listChanged\":false}},\"logging\":{{}}}},\
                 \"serverInfo\":{{\"name\":\"sentinel\",\"version\":\"1\"}},\
                 \"instructions\":\"Be kind.\"}}}}"
            )]
        );
    }
}

#[test]
fn before_the_handshake_only_pings_are_answered() {
    let mut server = Server::new(offer(1));
    let error = |text: &str, code: &str, server: &mut Server| {
        let said = lines(say(server, &(text.to_owned() + "\n"), usize::MAX));
        assert!(matches!(said.as_slice(), [line] if line.contains(code)), "{text}: {said:?}");
    };
    error(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, "-32600", &mut server);
    error(&call("2", ""), "-32600", &mut server);
    // A client of a later kind asks this first, and falls back.
    error(r#"{"jsonrpc":"2.0","id":3,"method":"server/discover"}"#, "-32601", &mut server);
    error(r#"{"jsonrpc":"2.0","id":4,"method":"initialize"}"#, "-32602", &mut server);
    error(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#, r#""id":"p","result":{}"#, &mut server);
    assert!(!server.is_busy());
}

#[test]
fn what_is_no_message_is_an_error_that_names_what_it_can() {
    let cases = [
        ("{", "-32700"),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "-32700"),
        ("7", "-32600"),
        ("[]", "-32600"),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, "-32600"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, r#""id":1,"error":{"code":-32600"#),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, r#""id":null,"error":{"code":-32600"#),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, "-32600"),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, "-32600"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, "-32600"),
        (r#"{"jsonrpc":"2.0","id":1}"#, "-32600"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, "-32600"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"nothing"}"#, r#""id":1,"error":{"code":-32601"#),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}"#,
            r#"there is no such tool; there are read_file"#,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#, "-32602"),
        (
            concat!(
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","#,
                r#""params":{"name":"read_file","arguments":[]}}"#
            ),
            "-32602",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"9"}}"#, "-32602"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"x"}}"#,
            "-32602",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#, "-32600"),
    ];
    for (text, expected) in cases {
        let mut server = ready("2025-11-25", "{}");
        let said = lines(say(&mut server, &format!("{text}\n"), usize::MAX));
        assert!(matches!(said.as_slice(), [line] if line.contains(expected)), "{text}: {said:?}");
        // It goes on.
        assert_eq!(say(&mut server, &call("5", ""), usize::MAX).len(), 1);
    }
}

#[test]
fn a_line_too_long_is_said_and_the_next_one_is_read() {
    let mut server = ready("2025-11-25", "{}");
    let long = format!("\"{}\"\n", "x".repeat(MCP_LINE_BYTES_MAX));
    let said = lines(say(&mut server, &long, 1 << 16));
    assert!(matches!(said.as_slice(), [line] if line.contains("longer than 2 MiB")), "{said:?}");
    assert_eq!(say(&mut server, &call("5", ""), 7).len(), 1);
}

#[test]
fn lists_come_in_pages() {
    let mut server = Server::new(offer(130));
    say(&mut server, &greeting("2025-06-18", "{}"), usize::MAX);
    let (mut names, mut cursor) = (Vec::new(), String::new());
    for page in 0..3 {
        let text = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{page},\"method\":\"tools/list\",\
             \"params\":{{{cursor}}}}}\n"
        );
        let said = lines(say(&mut server, &text, usize::MAX));
        let document = crate::text::json::parse(said[0].as_bytes()).unwrap();
        let result = document.root().get("result").unwrap();
        for tool in result.get("tools").unwrap().elements().unwrap() {
            assert!(tool.get("inputSchema").unwrap().find("properties").is_some());
            names.push(tool.get("name").unwrap().as_str().unwrap().to_string());
        }
        let next = result.find("nextCursor").map(|next| next.as_str().unwrap().to_string());
        assert_eq!(next.is_some(), page < 2);
        cursor = next.map_or_else(String::new, |next| format!("\"cursor\":\"{next}\""));
    }
    assert_eq!(names.len(), 130);
    names.dedup();
    assert_eq!(names.len(), 130);
}

#[test]
fn calls_are_handed_out_one_after_another() {
    let mut server = ready("2025-11-25", "{}");
    let text = call("\"a\"", "") + &call("2", "");
    let effects = say(&mut server, &text, 3);
    let wish =
        |number| Wish { number, tool: "read_file".into(), arguments: r#"{"path":"a"}"#.into() };
    assert_eq!(effects, [ServerEffect::Call(wish(1))]);
    // A name that is in use is not given out twice, whether its call runs or waits.
    for id in ["\"a\"", "2"] {
        let said = lines(say(&mut server, &call(id, ""), usize::MAX));
        assert!(said[0].contains("another request has this id"), "{said:?}");
    }
    server.finished(9, "nobody", false);
    server.finished(1, "one\n\"", false);
    let effects = rest(&mut server);
    assert_eq!(
        effects,
        [
            ServerEffect::Send(
                concat!(
                    r#"{"jsonrpc":"2.0","id":"a","result":{"content":[{"type":"text","#,
                    r#""text":"one\n\""}],"isError":false}}"#
                )
                .into()
            ),
            ServerEffect::Call(wish(2)),
        ]
    );
    server.finished(2, "no", true);
    let said = lines(rest(&mut server));
    assert!(said[0].contains(r#""id":2"#) && said[0].contains(r#""isError":true"#));
    server.finished(2, "again", true);
    assert!(rest(&mut server).is_empty() && !server.is_busy());
}

#[test]
fn too_many_calls_are_refused() {
    let mut server = ready("2025-11-25", "{}");
    let text: String = (0..MCP_CALLS_WAITING_MAX + 2).map(|id| call(&id.to_string(), "")).collect();
    let effects = say(&mut server, &text, usize::MAX);
    let refused = effects.iter().filter(
        |effect| matches!(effect, ServerEffect::Send(line) if line.contains("too many calls")),
    );
    assert_eq!((refused.count(), effects.len()), (1, 2));
}

#[test]
fn what_is_cancelled_is_not_answered() {
    let cancel = |id: &str| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\
             \"params\":{{\"requestId\":{id}}}}}\n"
        )
    };
    let mut server = ready("2025-11-25", "{}");
    let text = call("1", "") + &call("2", "") + &call("3", "");
    say(&mut server, &text, usize::MAX);
    assert!(say(&mut server, &cancel("\"1\""), usize::MAX).is_empty(), "it is another id");
    assert!(say(&mut server, &cancel("2"), usize::MAX).is_empty());
    assert_eq!(say(&mut server, &cancel("1"), usize::MAX), [ServerEffect::Cancel(1)]);
    assert!(say(&mut server, &cancel("1"), usize::MAX).is_empty(), "once");
    server.finished(1, "too late", false);
    assert!(matches!(rest(&mut server).as_slice(), [ServerEffect::Call(wish)] if wish.number == 3));
}

#[test]
fn progress_goes_to_who_asked_for_it() {
    for (version, words) in [("2024-11-05", ""), ("2025-03-26", r#","message":"soon""#)] {
        let mut server = ready(version, "{}");
        server.progress(1, "nobody calls");
        say(&mut server, &call("1", r#","_meta":{"progressToken":"t"}"#), usize::MAX);
        server.progress(1, "soon");
        let expected = format!(
            concat!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","#,
                r#""params":{{"progressToken":"t","progress":1{words}}}}}"#
            ),
            words = words
        );
        assert_eq!(lines(rest(&mut server)), [expected]);
        server.finished(1, "", false);
        say(&mut server, &call("2", ""), usize::MAX);
        rest(&mut server);
        server.progress(2, "not asked for");
        assert!(rest(&mut server).is_empty());
    }
}

#[test]
fn the_log_is_as_loud_as_the_client_wants() {
    let mut server = Server::new(offer(1));
    server.log(Level::Emergency, "nobody is there");
    assert!(rest(&mut server).is_empty());
    let mut server = ready("2025-11-25", "{}");
    server.log(Level::Info, "\u{1b}[2J");
    let said = lines(rest(&mut server));
    assert!(said[0].contains(r#""level":"info","logger":"sentinel","data":"\u001b[2J""#));
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"error"}}"#;
    assert_eq!(say(&mut server, &format!("{text}\n"), usize::MAX).len(), 1);
    server.log(Level::Warning, "too quiet");
    server.log(Level::Error, "loud");
    assert_eq!(rest(&mut server).len(), 1);
}

#[test]
fn a_question_goes_only_to_who_can_ask_it() {
    for (version, capabilities, can_ask) in [
        ("2025-03-26", r#"{"elicitation":{}}"#, false),
        ("2025-06-18", "{}", false),
        ("2025-06-18", r#"{"elicitation":{}}"#, true),
        ("2025-11-25", r#"{"elicitation":{"url":{}}}"#, false),
        ("2025-11-25", r#"{"elicitation":{"url":{},"form":{}}}"#, true),
        ("2025-11-25", r#"{"elicitation":true}"#, false),
    ] {
        let mut server = ready(version, capabilities);
        assert_eq!(server.ask(1, "May it?"), can_ask, "{version} {capabilities}");
        assert_eq!(rest(&mut server).len(), usize::from(can_ask));
    }
}

#[test]
fn only_a_plain_yes_allows() {
    let answers = [
        (r#""result":{"action":"accept","content":{"decision":"allow once"}}"#, Some(true)),
        (r#""result":{"action":"accept","content":{"decision":"deny"}}"#, Some(false)),
        (r#""result":{"action":"accept","content":{"decision":true}}"#, Some(false)),
        (r#""result":{"action":"accept"}"#, Some(false)),
        (r#""result":{"action":"decline","content":{"decision":"allow once"}}"#, Some(false)),
        (r#""result":{"action":"cancel"}"#, Some(false)),
        (r#""result":{}"#, Some(false)),
        (r#""error":{"code":-1,"message":"no"}"#, None),
    ];
    for (answer, expected) in answers {
        let mut server = ready("2025-06-18", r#"{"elicitation":{}}"#);
        assert!(server.ask(7, "May it?") && !server.ask(7, "Twice?"));
        let said = lines(rest(&mut server));
        assert!(said[0].contains(r#""id":"question-7","method":"elicitation/create""#));
        let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":\"question-7\",{answer}}}\n");
        let answered = |allows| ServerEffect::Answered { question: 7, allows };
        match expected {
            Some(allows) => assert_eq!(say(&mut server, &line, 1), [answered(allows)]),
            None => {
                let effects = say(&mut server, &line, 1);
                assert!(matches!(effects.as_slice(), [ServerEffect::Note(_)]), "{effects:?}");
            }
        }
        // Once.
        let effects = say(&mut server, &line, usize::MAX);
        assert!(matches!(effects.as_slice(), [ServerEffect::Note(_)]), "{effects:?}");
    }
    let mut server = ready("2025-06-18", r#"{"elicitation":{}}"#);
    server.ask(7, "May it?");
    rest(&mut server);
    server.settled(7);
    server.settled(7);
    assert!(lines(rest(&mut server))[0].contains("notifications/cancelled"));
    let late = concat!(
        r#"{"jsonrpc":"2.0","id":"question-7","result":{"action":"accept","#,
        r#""content":{"decision":"allow once"}}}"#
    );
    let effects = say(&mut server, &format!("{late}\n"), usize::MAX);
    assert!(matches!(effects.as_slice(), [ServerEffect::Note(_)]), "late: {effects:?}");
}

#[test]
fn a_batch_is_answered_as_one() {
    let mut server = ready("2025-03-26", "{}");
    let batch = |parts: &[&str]| {
        let parts: Vec<_> = parts.iter().map(|part| part.trim_end()).collect();
        format!("[{}]\n", parts.join(","))
    };
    let ping = r#"{"jsonrpc":"2.0","id":8,"method":"ping"}"#;
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let text = batch(&[ping, &call("1", ""), told, "3", &call("2", "")]);
    let effects = say(&mut server, &text, 5);
    assert!(matches!(effects.as_slice(), [ServerEffect::Call(_)]), "{effects:?}");
    server.finished(1, "one", false);
    assert_eq!(rest(&mut server).len(), 1, "the next call");
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}"#;
    let effects = say(&mut server, &format!("{cancel}\n"), usize::MAX);
    let [ServerEffect::Cancel(2), ServerEffect::Send(line)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let document = crate::text::json::parse(line.as_bytes()).unwrap();
    assert_eq!(document.root().elements().unwrap().count(), 3, "{line}");
    server.finished(2, "late", false);
    assert!(rest(&mut server).is_empty());
    // Nothing to answer, nothing said.
    assert!(say(&mut server, &batch(&[told, told]), usize::MAX).is_empty());
    let many: Vec<&str> = vec![told; MCP_BATCH_COUNT_MAX + 1];
    assert!(lines(say(&mut server, &batch(&many), usize::MAX))[0].contains("-32600"));
    let greeting = greeting("2025-03-26", "{}");
    let mut server = ready("2025-03-26", "{}");
    let first = greeting.lines().next().unwrap();
    assert!(lines(say(&mut server, &batch(&[first]), usize::MAX))[0].contains("-32600"));
}

#[test]
fn how_the_bytes_are_cut_changes_nothing() {
    arbtest(|u| {
        let mut text = greeting("2025-03-26", "{}");
        for _ in 0..u.int_in_range(0..=8)? {
            text += &match u.int_in_range(0..=5)? {
                0 => call(&u.int_in_range(0..=3)?.to_string(), ""),
                1 => "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"tools/list\"}\n".into(),
                2 => format!("[{}]\n", call("7", "").trim_end()),
                3 => "\r\n".into(),
                4 => "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":1}\n".into(),
                _ => format!("{}\n", u.arbitrary::<String>()?.replace('\n', "")),
            };
        }
        let whole = say(&mut Server::new(offer(2)), &text, usize::MAX);
        let size = u.int_in_range(1..=text.len())?;
        assert_eq!(say(&mut Server::new(offer(2)), &text, size), whole);
        Ok(())
    });
}
