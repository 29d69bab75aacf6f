//! Goal: what is written is what the APIs accept. Method: requests are read back with our own
//! strict parser and looked at member by member.

use sentinel_core::llm::{
    Block, CachePolicy, Credential, Dialect, Effort, HeldImage, Image, ImageKind, ImageSource,
    Message, OpenAiProfile, Outgoing, Piece, Request, RequestError, Role, Thinking, ToolChoice,
    ToolDefinition, ToolResult, ToolUse,
};
use sentinel_core::text::json;

/// The body, with a word for each picture.
fn body(outgoing: &Outgoing) -> String {
    let mut text = String::new();
    let mut length = 0;
    for piece in outgoing.body.pieces() {
        match piece {
            Piece::Bytes(bytes) => {
                length += bytes.len() as u64;
                text.push_str(core::str::from_utf8(bytes).unwrap());
            }
            Piece::Base64(image) => {
                length += image.bytes_count.div_ceil(3) * 4;
                text.push_str(&format!("<{}>", image.digest[0]));
            }
        }
    }
    assert_eq!(length, outgoing.body.len());
    json::parse(text.as_bytes()).expect("a request is strict JSON");
    text
}

fn write(dialect: Dialect, request: &Request<'_>) -> String {
    body(&dialect.write(request).unwrap())
}

/// The member of a body, as it is written there.
fn member(text: &str, key: &str) -> String {
    let document = json::parse(text.as_bytes()).unwrap();
    document.root().find(key).map_or("absent".into(), |value| value.source().into())
}

fn text(text: &str) -> Block {
    Block::Text(text.into())
}

fn thinking(text: &str, signature: &str) -> Block {
    Block::Thinking { text: text.into(), signature: signature.into() }
}

fn call(id: &str, arguments: &str) -> Block {
    Block::ToolUse(ToolUse { id: id.into(), name: "f".into(), arguments: arguments.into() })
}

fn result(id: &str, content: &str, is_error: bool) -> Block {
    Block::ToolResult(ToolResult { id: id.into(), content: content.into(), is_error })
}

fn picture(source: ImageSource) -> Block {
    Block::Image(Image { kind: ImageKind::Png, source })
}

fn user(blocks: impl Into<Vec<Block>>) -> Message {
    Message { role: Role::User, blocks: blocks.into() }
}

fn assistant(blocks: impl Into<Vec<Block>>) -> Message {
    Message { role: Role::Assistant, blocks: blocks.into() }
}

fn held(mark: u8, bytes_count: u64) -> ImageSource {
    let image = HeldImage { digest: [mark; 32], bytes_count };
    ImageSource::Held { image, file: "a.png".into() }
}

fn tool() -> ToolDefinition {
    ToolDefinition {
        name: "f".into(),
        description: "Does \"it\".".into(),
        parameters: r#"{"type": "object", "properties": {}}"#.into(),
    }
}

/// A conversation with everything in it.
fn conversation() -> [Message; 6] {
    [
        user([text("Look"), text(" "), picture(held(9, 5))]),
        user([picture(ImageSource::Url("https://example.com/a.png".into()))]),
        assistant([
            thinking("Hm", "sig"),
            Block::SealedThinking("data".into()),
            text("Asking"),
            call("toolu 1", r#"{"a": 1}"#),
            call("b", "cut {"),
            call("b", ""),
        ]),
        user([text("and"), result("toolu 1", "one", false), result("b", "", true)]),
        assistant([thinking("unsigned", ""), text("")]),
        user([text("Go on")]),
    ]
}

fn refs(messages: &[Message]) -> Vec<&Message> {
    messages.iter().collect()
}

const OPENAI: Dialect = Dialect::OpenAi(OpenAiProfile::OPENAI);

#[test]
fn the_smallest_request() {
    let hello = [Message::text(Role::User, "Hi")];
    let hello = refs(&hello);
    let mut request = Request::new("m", &hello, 10);
    request.cache = CachePolicy::Off;
    let outgoing = Dialect::Anthropic.write(&request).unwrap();
    assert_eq!(
        body(&outgoing),
        concat!(
            r#"{"model":"m","max_tokens":10,"stream":true,"messages":[{"role":"user","#,
            r#""content":[{"type":"text","text":"Hi"}]}]}"#
        )
    );
    assert_eq!((outgoing.method.as_str(), outgoing.path), ("POST", "/v1/messages"));
    assert_eq!(outgoing.credential, Some(Credential { header: "x-api-key", prefix: "" }));
    assert!(outgoing.headers.contains(&("anthropic-version", "2023-06-01")));
    let outgoing = OPENAI.write(&request).unwrap();
    assert_eq!(
        body(&outgoing),
        concat!(
            r#"{"model":"m","max_completion_tokens":10,"stream":true,"#,
            r#""stream_options":{"include_usage":true},"messages":[{"role":"user","#,
            r#""content":"Hi"}]}"#
        )
    );
    assert_eq!((outgoing.method.as_str(), outgoing.path), ("POST", "/chat/completions"));
    let credential = Credential { header: "authorization", prefix: "Bearer " };
    assert_eq!(outgoing.credential, Some(credential));
    request.is_streamed = false;
    assert_eq!(member(&write(OPENAI, &request), "stream"), "absent");
    assert_eq!(member(&write(Dialect::Anthropic, &request), "stream"), "absent");
}

#[test]
fn anthropic_conversation() {
    let messages = conversation();
    let messages = refs(&messages);
    let mut request = Request::new("m", &messages, 10);
    request.cache = CachePolicy::Off;
    let written = write(Dialect::Anthropic, &request);
    let document = json::parse(written.as_bytes()).unwrap();
    let turns: Vec<_> = document.root().get("messages").unwrap().elements().unwrap().collect();
    let contents: Vec<String> =
        turns.iter().map(|turn| turn.get("content").unwrap().source().into()).collect();
    assert_eq!(contents.len(), 3);
    assert_eq!(
        contents[0],
        concat!(
            r#"[{"type":"text","text":"Look"},"#,
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"<9>"}},"#,
            r#"{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}]"#
        )
    );
    // The id with a space is made one that the API accepts; the second `b` is told from the first.
    let wire = |place: usize| {
        let block = turns[1].get("content").unwrap().index(place).unwrap();
        block.get("id").unwrap().as_str().unwrap().to_string()
    };
    let (first, third) = (wire(3), wire(5));
    assert_eq!((first.len(), wire(4).as_str(), third.len()), (9, "b", 9));
    assert_eq!(
        contents[1],
        format!(
            concat!(
                r#"[{{"type":"thinking","thinking":"Hm","signature":"sig"}},"#,
                r#"{{"type":"redacted_thinking","data":"data"}},{{"type":"text","#,
                r#""text":"Asking"}},"#,
                r#"{{"type":"tool_use","id":"{}","name":"f","input":{{"a":1}}}},"#,
                r#"{{"type":"tool_use","id":"b","name":"f","#,
                r#""input":{{"invalid_arguments":"cut {{"}}}},"#,
                r#"{{"type":"tool_use","id":"{}","name":"f","input":{{}}}}]"#
            ),
            first, third
        )
    );
    assert_eq!(
        contents[2],
        format!(
            concat!(
                r#"[{{"type":"tool_result","tool_use_id":"{}","content":"one"}},"#,
                r#"{{"type":"tool_result","tool_use_id":"{}","is_error":true}},"#,
                r#"{{"type":"text","text":"and"}},{{"type":"text","text":"Go on"}}]"#
            ),
            first, third
        )
    );
    request.keeps_thinking = false;
    let written = write(Dialect::Anthropic, &request);
    assert!(!written.contains("thinking"), "{written}");
}

#[test]
fn openai_conversation() {
    let messages = conversation();
    let messages = refs(&messages);
    let mut request = Request::new("m", &messages, 10);
    request.system = &["One.", "", "Two."];
    let written = member(&write(OPENAI, &request), "messages");
    let document = json::parse(written.as_bytes()).unwrap();
    let calls = document.root().index(2).unwrap().get("tool_calls").unwrap();
    let third = calls.index(2).unwrap().get("id").unwrap().as_str().unwrap();
    assert_eq!(
        written,
        format!(
            concat!(
                r#"[{{"role":"system","content":"One.\n\nTwo."}},"#,
                r#"{{"role":"user","content":[{{"type":"text","text":"Look"}},"#,
                r#"{{"type":"text","text":" "}},"#,
                r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,<9>"}}}},"#,
                r#"{{"type":"image_url","image_url":{{"url":"https://example.com/a.png"}}}}]}},"#,
                r#"{{"role":"assistant","content":"Asking","tool_calls":["#,
                concat!(
                    r#"{{"id":"toolu 1","type":"function","function":{{"name":"f","#,
                    r#""arguments":"{{\"a\": 1}}"}}}},"#
                ),
                concat!(
                    r#"{{"id":"b","type":"function","function":{{"name":"f","#,
                    r#""arguments":"{{\"invalid_arguments\":\"cut {{\"}}"}}}},"#
                ),
                concat!(
                    r#"{{"id":"{0}","type":"function","function":{{"name":"f","#,
                    r#""arguments":"{{}}"}}}}]}},"#
                ),
                r#"{{"role":"tool","tool_call_id":"toolu 1","content":"one"}},"#,
                r#"{{"role":"tool","tool_call_id":"{0}","content":"Error: "}},"#,
                r#"{{"role":"user","content":"and\n\nGo on"}}]"#
            ),
            third
        )
    );
}

#[test]
fn tools_and_choices() {
    let hello = [Message::text(Role::User, "Hi")];
    let hello = refs(&hello);
    let tools = [tool()];
    let mut request = Request::new("m", &hello, 10);
    request.tools = &tools;
    request.cache = CachePolicy::Off;
    assert_eq!(
        member(&write(Dialect::Anthropic, &request), "tools"),
        concat!(
            r#"[{"name":"f","description":"Does \"it\".","input_schema":{"type":"object","#,
            r#""properties":{}}}]"#
        )
    );
    assert_eq!(
        member(&write(OPENAI, &request), "tools"),
        concat!(
            r#"[{"type":"function","function":{"name":"f","description":"Does \"it\".","#,
            r#""parameters":{"type":"object","properties":{}}}}]"#
        )
    );
    for (choice, anthropic, openai) in [
        (ToolChoice::Auto, r#"{"type":"auto"}"#, "absent"),
        (ToolChoice::Never, r#"{"type":"none"}"#, r#""none""#),
        (ToolChoice::Any, r#"{"type":"any"}"#, r#""required""#),
        (
            ToolChoice::Tool("f"),
            r#"{"type":"tool","name":"f"}"#,
            r#"{"type":"function","function":{"name":"f"}}"#,
        ),
    ] {
        request.tool_choice = choice;
        assert_eq!(member(&write(Dialect::Anthropic, &request), "tool_choice"), anthropic);
        assert_eq!(member(&write(OPENAI, &request), "tool_choice"), openai);
    }
}

#[test]
fn marks_for_the_cache_are_at_most_four() {
    let turns: Vec<Message> = (0..9)
        .map(|at| match at % 2 {
            0 => user([text("one"), text("two")]),
            _ => assistant([text("three")]),
        })
        .collect();
    let turns = refs(&turns);
    let tools = [tool(), tool()];
    let mut request = Request::new("m", &turns, 10);
    request.tools = &tools;
    let mark = r#","cache_control":{"type":"ephemeral"}"#;
    let written = write(Dialect::Anthropic, &request);
    assert_eq!(written.matches(mark).count(), 3);
    assert!(member(&written, "tools").ends_with(&format!("{mark}}}]")));
    request.system = &["One.", "Two."];
    let written = write(Dialect::Anthropic, &request);
    assert_eq!(written.matches(mark).count(), 3);
    assert!(!member(&written, "tools").contains(mark));
    assert!(member(&written, "system").ends_with(&format!(r#""text":"Two."{mark}}}]"#)));
    let marked = format!(r#"{{"type":"text","text":"two"{mark}}}"#);
    let messages = member(&written, "messages");
    assert_eq!(messages.matches(&marked).count(), 2);
    assert!(messages.ends_with(&format!("{marked}]}}]")));
    request.cache = CachePolicy::Off;
    assert!(!write(Dialect::Anthropic, &request).contains("cache_control"));
}

#[test]
fn thinking_is_asked_for_as_each_api_has_it() {
    let hello = [Message::text(Role::User, "Hi")];
    let hello = refs(&hello);
    let tools = [tool()];
    let mut request = Request::new("m", &hello, 4000);
    request.temperature = Some(0.5);
    let openrouter = Dialect::OpenAi(OpenAiProfile::OPENROUTER);
    let asked = |request: &Request<'_>| {
        let anthropic = write(Dialect::Anthropic, request);
        let openai = write(OPENAI, request);
        [
            member(&anthropic, "thinking"),
            member(&anthropic, "temperature"),
            member(&openai, "reasoning_effort"),
            member(&openai, "temperature"),
            member(&write(openrouter, request), "reasoning"),
        ]
    };
    assert_eq!(asked(&request), ["absent", "0.5", "absent", "0.5", "absent"]);
    request.thinking = Thinking::Budget(100_000);
    let enabled = r#"{"type":"enabled","budget_tokens":3999}"#;
    assert_eq!(
        asked(&request),
        [enabled, "absent", r#""high""#, "absent", r#"{"max_tokens":100000}"#]
    );
    request.thinking = Thinking::Budget(1000);
    assert_eq!(asked(&request)[..2], ["absent", "0.5"]);
    request.thinking = Thinking::Effort(Effort::Medium);
    let adaptive = r#"{"type":"adaptive"}"#;
    let medium = r#""medium""#;
    assert_eq!(asked(&request), [adaptive, "absent", medium, "absent", r#"{"effort":"medium"}"#]);
    let written = write(Dialect::Anthropic, &request);
    assert_eq!(member(&written, "output_config"), r#"{"effort":"medium"}"#);
    // A call that is forced comes without thinking.
    request.tools = &tools;
    request.tool_choice = ToolChoice::Any;
    assert_eq!(asked(&request)[0], "absent");
}

/// After a switch of models in the middle of a tool round, a budget would be refused.
#[test]
fn a_round_that_began_elsewhere_is_finished_without_a_budget() {
    let round = [
        Message::text(Role::User, "Hi"),
        assistant([thinking("Hm", "sig"), call("a", "{}")]),
        user([result("a", "x", false)]),
    ];
    let round = refs(&round);
    let mut request = Request::new("m", &round, 4000);
    request.thinking = Thinking::Budget(2000);
    let kept = member(&write(Dialect::Anthropic, &request), "thinking");
    assert_eq!(kept, r#"{"type":"enabled","budget_tokens":2000}"#);
    request.keeps_thinking = false;
    assert_eq!(member(&write(Dialect::Anthropic, &request), "thinking"), "absent");
}

#[test]
fn profiles_differ_where_providers_do() {
    let messages = [
        user([picture(ImageSource::Url("https://example.com/a.png".into()))]),
        assistant([thinking("Hm", "sig"), call("call_0", "{}")]),
        user([result("call_0", "x", false)]),
    ];
    let messages = refs(&messages);
    let request = Request::new("m", &messages, 10);
    for profile in OpenAiProfile::ALL {
        assert_eq!(OpenAiProfile::named(profile.name), Some(profile));
        let outgoing = Dialect::OpenAi(profile).write(&request).unwrap();
        let written = body(&outgoing);
        let has = |part: &str| written.contains(part);
        let name = profile.name;
        let is_one_of = |names: &[&str]| names.contains(&name);
        let completion = is_one_of(&["openai", "groq", "xai"]);
        assert_eq!(has(r#""max_completion_tokens":10"#), completion, "{name}");
        assert_eq!(has(r#""max_tokens":10"#), !completion, "{name}");
        assert_eq!(has("stream_options"), name != "mistral", "{name}");
        assert_eq!(has(r#""content":null"#), name != "mistral", "{name}");
        assert_eq!(has(r#""call_0""#), name != "mistral", "{name}");
        let data_only = is_one_of(&["ollama", "llama.cpp", "lm-studio", "gemini"]);
        assert_eq!(has("cannot fetch"), data_only, "{name}");
        assert_eq!(has(r#""reasoning":"Hm""#), name == "openrouter", "{name}");
        let signed = r#""extra_content":{"google":{"thought_signature":"sig"}}"#;
        assert_eq!(has(signed), name == "gemini", "{name}");
        let local = is_one_of(&["ollama", "lm-studio"]);
        assert_eq!(outgoing.credential.is_none(), local, "{name}");
    }
    assert_eq!(OpenAiProfile::named("nobody"), None);
    // The ids on Mistral's wire are its own, and the result finds its call.
    let written = write(Dialect::OpenAi(OpenAiProfile::MISTRAL), &request);
    let document = json::parse(written.as_bytes()).unwrap();
    let messages = document.root().get("messages").unwrap();
    let calls = messages.index(1).unwrap().get("tool_calls").unwrap();
    let id = calls.index(0).unwrap().get("id").unwrap().as_str().unwrap();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    let result = messages.index(2).unwrap().get("tool_call_id").unwrap();
    assert_eq!(result.as_str().unwrap(), id);
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let nothing = [assistant([thinking("Hm", "")]), user([text("")])];
    let nothing = refs(&nothing);
    let hello = [Message::text(Role::User, "Hi")];
    let hello = refs(&hello);
    let mut broken = [tool(), tool()];
    broken[1].parameters = "[]".into();
    let huge = [user([picture(held(1, 30 << 20))])];
    let huge = refs(&huge);
    for dialect in [Dialect::Anthropic, OPENAI] {
        let error = |request: Request<'_>| dialect.write(&request).unwrap_err();
        assert_eq!(error(Request::new("m", &nothing, 1)), RequestError::Empty);
        assert_eq!(error(Request::new("m", &hello, 0)), RequestError::NoTokens);
        let mut request = Request::new("m", &hello, 1);
        request.tools = &broken;
        assert_eq!(error(request), RequestError::ToolParameters(1));
        assert!(matches!(error(Request::new("m", &huge, 1)), RequestError::TooLarge { .. }));
    }
}

/// Whatever a conversation holds, the request is one strict JSON object with turns that alternate,
/// and what a model made up goes back in a form that is taken.
#[test]
fn random_conversations_are_written_well() {
    arbtest::arbtest(|u| {
        let mut messages = Vec::new();
        for _ in 0..u.int_in_range(0..=8)? {
            let is_user: bool = u.arbitrary()?;
            let mut blocks = Vec::new();
            for _ in 0..u.int_in_range(0..=4)? {
                let words: String = u.arbitrary()?;
                blocks.push(match (is_user, u.int_in_range(0..=3)?) {
                    (true, 0) => result(&words, "x", true),
                    (true, 1) => {
                        let bytes_count = u.int_in_range(0..=100)?;
                        picture(held(1, bytes_count))
                    }
                    (false, 0) => Block::ToolUse(ToolUse {
                        id: words.clone(),
                        name: words.clone(),
                        arguments: words,
                    }),
                    (false, 1) => call("same", &words),
                    (false, 2) => thinking(&words, &words),
                    _ => text(&words),
                });
            }
            messages.push(if is_user { user(blocks) } else { assistant(blocks) });
        }
        let messages = refs(&messages);
        let request = Request::new("m", &messages, 10);
        let profile = *u.choose(&OpenAiProfile::ALL)?;
        for dialect in [Dialect::Anthropic, Dialect::OpenAi(profile)] {
            let Ok(outgoing) = dialect.write(&request) else { continue };
            let written = body(&outgoing);
            let document = json::parse(written.as_bytes()).unwrap();
            let mut last = "";
            for message in document.root().get("messages").unwrap().elements().unwrap() {
                let role = message.get("role").unwrap().as_str().unwrap();
                assert!(role == "tool" || role != last, "{written}");
                last = role;
                calls_are_well(message);
            }
        }
        Ok(())
    });
}

/// The names and arguments of the calls in a message of either dialect are what providers accept.
fn calls_are_well(message: json::Value<'_>) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_name = |name: &str| (1..=64).contains(&name.len()) && name.bytes().all(is_word);
    let blocks = message.find("content").and_then(|content| content.elements().ok());
    for block in blocks.into_iter().flatten() {
        if let Some(input) = block.find("input") {
            assert_eq!(input.kind(), json::Kind::Object);
            assert!(is_name(block.get("name").unwrap().as_str().unwrap()));
            assert!(block.get("id").unwrap().as_str().unwrap().bytes().all(is_word));
        }
    }
    let calls = message.find("tool_calls").and_then(|calls| calls.elements().ok());
    for call in calls.into_iter().flatten() {
        let function = call.get("function").unwrap();
        assert!(is_name(function.get("name").unwrap().as_str().unwrap()));
        let arguments = function.get("arguments").unwrap().as_str().unwrap();
        let arguments = json::parse(arguments.as_bytes()).unwrap();
        assert_eq!(arguments.root().kind(), json::Kind::Object);
    }
}
