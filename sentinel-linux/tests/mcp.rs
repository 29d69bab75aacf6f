//! `sentinel mcp`, as an assistant starts it: over pipes, and by a client that others wrote.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sentinel_core::text::json;

/// A workspace and a state directory, which are gone when the test is.
struct Home {
    path: PathBuf,
}

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-mcp-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        let path = path.canonicalize().unwrap();
        fs::write(path.join("work/README.md"), "# A house\n").unwrap();
        fs::write(path.join("secret.txt"), "CANARY\n").unwrap();
        let work = path.join("work").display().to_string();
        let text = format!(
            "[agent]\nworkspace = \"{work}\"\n[security]\n\
             grants = [\"read,list,write {work}\", \"run /usr/bin/wc\"]\n"
        );
        fs::write(path.join("sentinel.toml"), text).unwrap();
        Self { path }
    }

    fn sentinel(&self, command: &str) -> Command {
        let mut sentinel = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        sentinel.current_dir(self.path.join("work")).args(command.split(' '));
        sentinel.arg("--state").arg(self.path.join("state"));
        sentinel.args(["--config", "../sentinel.toml"]);
        sentinel
    }

    /// What the log says, in words.
    fn log(&self) -> String {
        let output = self.sentinel("audit show").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// An assistant that has greeted the server.
struct Assistant {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Assistant {
    fn start(home: &Home, capabilities: &str) -> Self {
        let mut command = home.sentinel("mcp");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut assistant = Self { child, input, output };
        assistant.say(&format!(
            concat!(
                r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","#,
                r#""params":{{"protocolVersion":"2025-06-18","#,
                r#""capabilities":{capabilities},"clientInfo":{{"name":"test","#,
                r#""version":"1"}}}}}}"#
            ),
            capabilities = capabilities
        ));
        let greeting = assistant.hear();
        assert!(greeting.contains(r#""protocolVersion":"2025-06-18""#), "{greeting}");
        assistant.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assistant
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).and_then(|()| input.write_all(b"\n")).unwrap();
    }

    /// The next line, which is a message whatever happens.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "it ended after {line:?}");
        let document = json::parse(line.trim_end().as_bytes()).unwrap();
        assert_eq!(document.root().get("jsonrpc").unwrap().as_str().unwrap(), "2.0");
        line
    }

    fn call(&mut self, id: u32, tool: &str, arguments: &str) {
        self.say(&format!(
            concat!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","#,
                r#""params":{{"name":"{tool}","arguments":{arguments}}}}}"#
            ),
            arguments = arguments,
            id = id,
            tool = tool
        ));
    }

    /// What a call gives back, and whether it failed.
    fn result(&mut self, id: u32) -> (String, bool) {
        // What is there for a log may come before it.
        let mut line = self.hear();
        while line.contains("notifications/message") {
            line = self.hear();
        }
        let document = json::parse(line.trim_end().as_bytes()).unwrap();
        let root = document.root();
        assert_eq!(root.find("id").and_then(|id| id.as_i64().ok()), Some(i64::from(id)), "{line}");
        let result = root.get("result").unwrap();
        let block = result.get("content").unwrap().index(0).unwrap();
        let text = block.get("text").unwrap().as_str().unwrap().to_string();
        (text, result.get("isError").unwrap().as_bool().unwrap())
    }

    fn made(&mut self, id: u32, tool: &str, arguments: &str) -> (String, bool) {
        self.call(id, tool, arguments);
        self.result(id)
    }

    /// It says no more; the server ends by itself.
    fn leave(mut self) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_line(&mut rest).unwrap();
        assert_eq!(rest, "");
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn calls_are_made_under_the_grants_and_are_in_the_log() {
    let home = Home::new("grants");
    let mut assistant = Assistant::start(&home, "{}");
    assistant.say(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let tools = assistant.hear();
    for tool in ["read_file", "write_file", "run_command", "http_fetch"] {
        assert!(tools.contains(&format!(r#""name":"{tool}""#)), "{tools}");
    }
    for tool in ["plan", "change_persona"] {
        assert!(!tools.contains(&format!(r#""name":"{tool}""#)), "{tools}");
    }
    let (text, is_error) = assistant.made(2, "read_file", r#"{"path":"README.md"}"#);
    assert!(text.contains("# A house") && !is_error, "{text}");
    // The own workspace is written as the grant says, with nobody asked.
    let (text, is_error) =
        assistant.made(3, "write_file", r#"{"path":"new.md","content":"a \"b\"\n"}"#);
    assert!(!is_error, "{text}");
    assert_eq!(fs::read_to_string(home.path.join("work/new.md")).unwrap(), "a \"b\"\n");
    for (id, path) in [(4, "../secret.txt"), (5, "/etc/passwd")] {
        let (text, is_error) = assistant.made(id, "read_file", &format!(r#"{{"path":"{path}"}}"#));
        assert!(is_error && !text.contains("CANARY") && !text.contains("root:"), "{text}");
    }
    let (text, is_error) = assistant.made(6, "read_file", r#"{"pat":"README.md"}"#);
    assert!(is_error && text.contains("did you mean 'path'"), "{text}");
    let (text, is_error) = assistant.made(7, "http_fetch", r#"{"url":"http://example.com/"}"#);
    assert!(is_error, "{text}");
    // Words that are no call are no command either.
    assistant.call(8, "write_file", r#"{"path":"/stop","content":"/approve 1"}"#);
    assert!(assistant.result(8).1);
    assistant.leave();
    let log = home.log();
    for word in ["call.decided", "call.started", "tool.finished", "answer=\"deny\""] {
        assert!(log.contains(word), "{word}: {log}");
    }
    let verified = home.sentinel("audit verify").output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn what_does_more_than_read_asks_the_person_behind_the_assistant() {
    let home = Home::new("asks");
    let mut assistant = Assistant::start(&home, r#"{"elicitation":{}}"#);
    for (id, answer, is_allowed) in [
        (1, r#""result":{"action":"accept","content":{"decision":"allow once"}}"#, true),
        (2, r#""result":{"action":"accept","content":{"decision":"deny"}}"#, false),
        (3, r#""result":{"action":"cancel"}"#, false),
    ] {
        // The grant says that it is allowed; nobody trusted wrote the call.
        assistant.call(
            id,
            "run_command",
            r#"{"program":"/usr/bin/wc","arguments":["-c","README.md"]}"#,
        );
        let asked = assistant.hear();
        assert!(asked.contains("elicitation/create") && asked.contains("wc"), "{asked}");
        assert!(!asked.contains("/approve"), "{asked}");
        assistant.say(&format!(r#"{{"jsonrpc":"2.0","id":"question-{id}",{answer}}}"#));
        let (text, is_error) = assistant.result(id);
        assert_eq!(!is_error, is_allowed, "{text}");
        assert_eq!(text.contains("10 README.md"), is_allowed, "{text}");
        // An answer to nothing changes nothing.
        assistant.say(&format!(r#"{{"jsonrpc":"2.0","id":"question-{id}",{answer}}}"#));
    }
    assistant.leave();
    let log = home.log();
    assert!(log.contains("approval.answered") && log.contains("an operator answered"), "{log}");
}

#[test]
fn an_operator_answers_for_who_cannot_ask() {
    let home = Home::new("operator");
    let mut assistant = Assistant::start(&home, "{}");
    assistant.call(1, "run_command", r#"{"program":"/usr/bin/wc","arguments":["-c","README.md"]}"#);
    let told = assistant.hear();
    assert!(told.contains("notifications/message") && told.contains("sentinel approvals"));
    let allowed = home.sentinel("approvals allow 1").output().unwrap();
    assert!(allowed.status.success(), "{allowed:?}");
    let (text, is_error) = assistant.result(1);
    assert!(text.contains("10 README.md") && !is_error, "{text}");
    assistant.call(2, "run_command", r#"{"program":"/usr/bin/wc","arguments":["-c","README.md"]}"#);
    assistant.hear();
    assert!(home.sentinel("approvals deny 2").output().unwrap().status.success());
    let (text, is_error) = assistant.result(2);
    assert!(is_error && !text.contains("10 README.md"), "{text}");
    assistant.leave();
}

#[test]
fn a_cancelled_call_ends_and_the_next_one_is_made() {
    let home = Home::new("cancel");
    let mut assistant = Assistant::start(&home, "{}");
    assistant.call(1, "run_command", r#"{"program":"/usr/bin/wc","arguments":["-c"]}"#);
    assert!(assistant.hear().contains("sentinel approvals"));
    assistant.call(2, "read_file", r#"{"path":"README.md"}"#);
    assistant.call(3, "current_time", "{}");
    for id in [3, 1, 1, 9] {
        assistant.say(&format!(
            concat!(
                r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","#,
                r#""params":{{"requestId":{id}}}}}"#
            ),
            id = id
        ));
    }
    // Nothing is said of the first, nor of the third. What an operator would be told is a log line.
    let (text, _) = assistant.result(2);
    assert!(text.contains("# A house"), "{text}");
    assistant.leave();
    let pending = home.sentinel("approvals").output().unwrap();
    assert!(!String::from_utf8_lossy(&pending.stdout).contains("wc"), "{pending:?}");
}

#[test]
fn what_was_begun_for_a_client_that_is_gone_is_ended() {
    let home = Home::new("gone");
    let mut assistant = Assistant::start(&home, "{}");
    assistant.call(1, "run_command", r#"{"program":"/usr/bin/wc","arguments":["-c","README.md"]}"#);
    assert!(assistant.hear().contains("sentinel approvals"));
    assistant.child.kill().unwrap();
    assistant.child.wait().unwrap();
    let mut assistant = Assistant::start(&home, "{}");
    let (text, is_error) = assistant.made(1, "read_file", r#"{"path":"README.md"}"#);
    assert!(text.contains("# A house") && !is_error, "{text}");
    assistant.leave();
}

#[test]
fn a_pipe_that_ends_is_answered_to_its_end() {
    let home = Home::new("pipe");
    let path = home.path.join("lines");
    fs::write(
        &path,
        "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\
         \"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}}\nnothing\n\
         {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\
         \"name\":\"read_file\",\"arguments\":{\"path\":\"README.md\"}}}\n",
    )
    .unwrap();
    // A file is no pipe: nobody says when it has something.
    let file = fs::File::open(path).unwrap();
    let output = home.sentinel("mcp").stdin(file).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[1].contains("-32700") && lines[2].contains("# A house"), "{said}");
    assert!(output.status.success());
}

/// The reference client, where it is installed: `SENTINEL_MCP_PYTHON` names a Python that has the
/// package `mcp`, and else `python3` is asked.
#[test]
fn the_reference_client_drives_every_tool() {
    let python = std::env::var("SENTINEL_MCP_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import mcp"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        println!("NOT TESTED: {python} has no package 'mcp'");
        return;
    }
    let home = Home::new("sdk");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mcp/client.py");
    let mut command = Command::new(&python);
    command.arg(script).arg(env!("CARGO_BIN_EXE_sentinel")).arg(&home.path);
    let output = command.current_dir(home.path.join("work")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.ends_with("every tool was called\n"), "{said}");
}
