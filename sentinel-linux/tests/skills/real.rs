//! MCP servers that others wrote: the reference servers "everything" and "filesystem" from npm and
//! "time" from PyPI, each lying in the folder of a skill, and driven through all their tools. The
//! first also from outside, by HTTP.
//!
//! They are hundreds of packages, so they are no part of the check: `cargo xtask peers` installs
//! them, and runs this.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sentinel_core::text::json;

use crate::house::{Agent, House, model, until};

/// Where one was installed; says aloud if nowhere.
fn installed(variable: &str) -> Option<PathBuf> {
    let place = std::env::var_os(variable).map(PathBuf::from);
    if place.is_none() {
        eprintln!("NOT TESTED: an MCP server that others wrote; `cargo xtask peers` does it");
    }
    place
}

/// A skill in whose folder everything of a server lies.
fn install(house: &House, name: &str, from: &Path, rest: &str) {
    let to = house.path.join("skills").join(name);
    let copied = Command::new("cp").arg("-r").arg(from).arg(&to).status().unwrap();
    assert!(copied.success());
    let manifest = format!(
        "[skill]\nname = \"{name}\"\nversion = \"1\"\ndescription = \"A server.\"\n\
         runtime = \"mcp\"\n[limits]\ncall_seconds = 60\n{rest}"
    );
    fs::write(to.join("skill.toml"), manifest).unwrap();
}

/// How a server of npm's is started, and which of its tools only read. Without its translator
/// `node` never runs memory that it wrote.
fn node(server: &str, argument: &str, reads: &[&str]) -> String {
    let file = format!("node_modules/@modelcontextprotocol/server-{server}/dist/index.js");
    let mut text = format!(
        "[server]\ncommand = [\"/usr/bin/node\", \"--jitless\", \"{file}\", \"{argument}\"]\n"
    );
    for tool in reads {
        text += &format!("[tools.{tool}]\neffect = \"read\"\n");
    }
    text
}

/// The names that models know the tools by.
fn tools(house: &House, name: &str) -> Vec<String> {
    let shown = house.say(&["skill", "show", name, "--json"]);
    let document = json::parse(shown.as_bytes()).unwrap();
    let tools = document.root().get("tools").unwrap().elements().unwrap();
    tools.map(|tool| tool.get("tool").unwrap().as_str().unwrap().to_string()).collect()
}

/// Calls each by hand: every tool of the server, and what each says.
fn drive(house: &House, name: &str, calls: &[(&str, &str, &str)]) {
    let mut left = tools(house, name);
    for (tool, arguments, told) in calls {
        let (_, said) = house.run(&["skill", "run", name, tool, arguments]);
        assert!(said.contains(told), "{tool} {arguments}: {said}");
        left.retain(|other| other != tool);
    }
    assert!(left.is_empty(), "these were not called: {left:?}");
}

/// Has a model call these one after the other, in one turn with one process.
fn ask(house: &House, name: &str, grants: &[&str], calls: &[(&str, &str)]) -> String {
    let named: Vec<(String, &str)> =
        calls.iter().map(|(tool, arguments)| (format!("{name}__{tool}"), *arguments)).collect();
    let calls: Vec<(&str, &str)> =
        named.iter().map(|(tool, arguments)| (tool.as_str(), *arguments)).collect();
    let (port, seen) = model(&calls);
    let skill = format!("skill {name}");
    let all: Vec<&str> = grants.iter().copied().chain([skill.as_str()]).collect();
    house.configure(&all, Some(port));
    let answer = house.ask("do it");
    assert!(answer.contains("done"), "{answer}");
    house.say(&["audit", "replay"]);
    seen.lock().unwrap().last().unwrap().clone()
}

#[test]
fn everything_from_npm() {
    let Some(from) = installed("SENTINEL_MCP_EVERYTHING") else { return };
    let house = House::new("everything");
    let server = node("everything", "stdio", &["get-sum", "echo", "get-structured-content"]);
    install(&house, "everything", &from, &server);
    let shown = house.say(&["skill", "approve", "everything", "--yes"]);
    assert!(shown.contains("get-sum (reads)") && shown.contains("Echoes back"), "{shown}");
    let last = ask(
        &house,
        "everything",
        &[],
        &[
            ("echo", r#"{"message":"hello"}"#),
            ("get-sum", r#"{"a":2,"b":40}"#),
            ("get-structured-content", r#"{"location":"Chicago"}"#),
        ],
    );
    assert!(last.contains("Echo: hello") && last.contains(" 42"), "{last}");
    assert!(last.contains("temperature"), "{last}");
    drive(
        &house,
        "everything",
        &[
            ("echo", r#"{"message":"hello"}"#, "Echo: hello"),
            (
                "get-annotated-message",
                r#"{"messageType":"success","includeImage":true}"#,
                "left out",
            ),
            ("get-env", "{}", "PATH"),
            ("get-resource-links", r#"{"count":2}"#, "[resource_link"),
            ("get-resource-reference", r#"{"resourceType":"Text","resourceId":1}"#, "esource 1"),
            ("get-structured-content", r#"{"location":"Chicago"}"#, "temperature"),
            ("get-sum", r#"{"a":2,"b":40}"#, "42"),
            ("get-tiny-image", "{}", "[image image/png"),
            (
                "gzip-file-as-resource",
                r#"{"name":"x.gz","data":"data:text/plain,hello","outputType":"resource"}"#,
                "",
            ),
            ("toggle-simulated-logging", "{}", "imulated"),
            ("toggle-subscriber-updates", "{}", "imulated"),
            ("trigger-long-running-operation", r#"{"duration":2,"steps":2}"#, "completed"),
            ("simulate-research-query", r#"{"topic":"x"}"#, ""),
            ("get-roots-list", "{}", "oots"),
        ],
    );
}

/// Where a model is granted to it, it lists a tool more, and has that model asked.
#[test]
fn everything_from_npm_has_a_model_asked() {
    let Some(from) = installed("SENTINEL_MCP_EVERYTHING") else { return };
    let house = House::new("everything-sampling");
    install(&house, "everything", &from, &node("everything", "stdio", &["echo"]));
    let shown = house.say(&["skill", "approve", "everything", "--yes"]);
    assert!(!shown.contains("trigger-sampling-request"), "it was not granted: {shown}");
    let calls = [("everything__trigger-sampling-request", r#"{"prompt":"Which leaf?"}"#)];
    let (port, seen) = model(&calls);
    house.configure(&["skill everything", "model script for everything"], Some(port));
    let shown = house.say(&["skill", "approve", "everything", "--yes"]);
    assert!(shown.contains("trigger-sampling-request [NEW]"), "{shown}");
    // What a manifest says nothing of is taken to send, so a person is asked about the call.
    let said = house.tell("do it\n/approve 1\n");
    let seen = seen.lock().unwrap();
    let [_, asked, last] = seen.as_slice() else { panic!("{seen:?} {said}") };
    assert!(asked.contains("context: Which leaf?") && asked.contains("a helpful test server"));
    assert!(!asked.contains("do it") && !asked.contains("everything__"), "{asked}");
    assert!(last.contains("LLM sampling result") && last.contains("done"), "{last}");
    house.say(&["audit", "replay"]);
}

/// The same server where it is spoken with by HTTP: it runs outside, as somebody else's would.
#[test]
fn everything_from_npm_elsewhere() {
    let Some(from) = installed("SENTINEL_MCP_EVERYTHING") else { return };
    let house = House::new("everything-far");
    let (_server, port) = everything_outside(&from);
    far(&house, "everything", port, "/mcp", &["get-sum", "echo"]);
    let shown = house.say(&["skill", "approve", "everything", "--yes"]);
    assert!(shown.contains("get-sum (reads)") && shown.contains("Echoes back"), "{shown}");
    let connect = format!("connect 127.0.0.1:{port}");
    let (model_port, seen) = model(&[("everything__get-sum", r#"{"a":2,"b":40}"#)]);
    house.configure(&[&connect, "skill everything"], Some(model_port));
    // Whatever it is told leaves the machine, so a person is asked.
    let said = house.tell("do it\n/approve 1\n");
    let last = seen.lock().unwrap().last().unwrap().clone();
    assert!(last.contains(" 42"), "{last} {said}");
    drive(
        &house,
        "everything",
        &[
            ("echo", r#"{"message":"hello"}"#, "Echo: hello"),
            ("get-annotated-message", r#"{"messageType":"success"}"#, ""),
            ("get-env", "{}", "PATH"),
            ("get-resource-links", r#"{"count":2}"#, "[resource_link"),
            ("get-resource-reference", r#"{"resourceType":"Text","resourceId":1}"#, "esource 1"),
            ("get-structured-content", r#"{"location":"Chicago"}"#, "temperature"),
            ("get-sum", r#"{"a":2,"b":40}"#, "42"),
            ("get-tiny-image", "{}", "[image image/png"),
            (
                "gzip-file-as-resource",
                r#"{"name":"x.gz","data":"data:text/plain,hello","outputType":"resource"}"#,
                "",
            ),
            ("toggle-simulated-logging", "{}", "imulated"),
            ("toggle-subscriber-updates", "{}", "imulated"),
            ("trigger-long-running-operation", r#"{"duration":2,"steps":2}"#, "completed"),
            ("simulate-research-query", r#"{"topic":"x"}"#, ""),
            ("get-roots-list", "{}", "oots"),
        ],
    );
}

/// It, outside, and its port.
fn everything_outside(from: &Path) -> (Agent, u16) {
    let port = free_port();
    let mut server = Command::new("/usr/bin/node");
    let file = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
    server.arg(from.join(file)).arg("streamableHttp").env("PORT", port.to_string());
    let server = Agent(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    until("the server listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    (server, port)
}

/// What it asks of the model, and what it hears, goes by HTTP as well.
#[test]
fn everything_from_npm_elsewhere_has_a_model_asked() {
    let Some(from) = installed("SENTINEL_MCP_EVERYTHING") else { return };
    let house = House::new("everything-far-sampling");
    let (_server, port) = everything_outside(&from);
    far(&house, "everything", port, "/mcp", &["echo"]);
    let calls = [("everything__trigger-sampling-request", r#"{"prompt":"Which leaf?"}"#)];
    let (model_port, seen) = model(&calls);
    let connect = format!("connect 127.0.0.1:{port}");
    let grants = [&*connect, "skill everything", "model * for everything ask"];
    house.configure(&grants, Some(model_port));
    house.say(&["grant", &connect]);
    let shown = house.say(&["skill", "approve", "everything", "--yes"]);
    assert!(shown.contains("trigger-sampling-request"), "{shown}");
    let said = house.tell("do it\n/approve 1\n/approve 2\n");
    let seen = seen.lock().unwrap();
    let [_, asked, last] = seen.as_slice() else { panic!("{seen:?} {said}") };
    assert!(said.contains("would have the model answer this"), "{said}");
    assert!(asked.contains("context: Which leaf?") && !asked.contains("do it"), "{asked}");
    assert!(last.contains("LLM sampling result") && last.contains("done"), "{last}");
    house.say(&["audit", "replay"]);
}

/// The manifest of a server elsewhere.
fn far(house: &House, name: &str, port: u16, path: &str, reads: &[&str]) {
    let place = house.path.join("skills").join(name);
    fs::create_dir(&place).unwrap();
    let mut manifest = format!(
        "[skill]\nname = \"{name}\"\nversion = \"1\"\ndescription = \"A server.\"\n\
         runtime = \"mcp\"\n[server]\nurl = \"http://127.0.0.1:{port}{path}\"\n[limits]\n\
         call_seconds = 60\n[capabilities.required]\ngrants = [\"connect 127.0.0.1:{port}\"]\n"
    );
    for tool in reads {
        manifest += &format!("[tools.{tool}]\neffect = \"read\"\n");
    }
    fs::write(place.join("skill.toml"), manifest).unwrap();
    house.configure(&[&format!("connect 127.0.0.1:{port}")], None);
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn filesystem_from_npm() {
    let Some(from) = installed("SENTINEL_MCP_FILESYSTEM") else { return };
    let house = House::new("filesystem");
    let papers = house.path.join("work/papers");
    fs::create_dir(&papers).unwrap();
    fs::write(papers.join("a.txt"), "one two\n").unwrap();
    let papers = fs::canonicalize(&papers).unwrap().display().to_string();
    let server = node("filesystem", &papers, &["read_text_file", "list_allowed_directories"]);
    let grants = format!("[capabilities.required]\ngrants = [\"read,list,write {papers}\"]\n");
    let server = server + &grants;
    install(&house, "files", &from, &server);
    house.say(&["skill", "approve", "files", "--yes"]);
    let path = |name: &str| format!("{papers}/{name}");
    let grant = format!("read,list,write {papers}");
    let inside = format!(r#"{{"path":"{}"}}"#, path("a.txt"));
    let secret = house.path.join("work/secret.txt").display().to_string();
    let outside = format!(r#"{{"path":"{secret}"}}"#);
    let last = ask(
        &house,
        "files",
        &[&grant],
        &[
            ("list_allowed_directories", "{}"),
            ("read_text_file", &inside),
            ("read_text_file", &outside),
        ],
    );
    assert!(last.contains("one two") && !last.contains("canary-4711"), "{last}");
    let with = |name: &str, rest: &str| format!(r#"{{"path":"{}"{rest}}}"#, path(name));
    let moved = format!(r#"{{"source":"{}","destination":"{}"}}"#, path("b.txt"), path("d/b.txt"));
    let edits = r#","edits":[{"oldText":"three","newText":"four"}]"#;
    let many = format!(r#"{{"paths":["{}","{}"]}}"#, path("a.txt"), path("b.txt"));
    drive(
        &house,
        "files",
        &[
            ("read_file", &inside, "one two"),
            ("read_text_file", &inside, "one two"),
            ("read_media_file", &inside, ""),
            ("write_file", &with("b.txt", r#","content":"three\n""#), "rote"),
            ("read_multiple_files", &many, "three"),
            ("edit_file", &with("b.txt", edits), "+four"),
            ("create_directory", &with("d", ""), "d"),
            ("move_file", &moved, "oved"),
            ("list_directory", &with("d", ""), "b.txt"),
            ("list_directory_with_sizes", &with("d", ""), "b.txt"),
            ("directory_tree", &with("", ""), "b.txt"),
            ("search_files", &with("", r#","pattern":"**/b.*""#), "b.txt"),
            ("get_file_info", &inside, "size"),
            ("list_allowed_directories", "{}", &papers),
        ],
    );
    assert_eq!(fs::read_to_string(path("d/b.txt")).unwrap(), "four\n");
    let (good, said) = house.run(&["skill", "run", "files", "read_file", &outside]);
    assert!(!good && !said.contains("canary-4711"), "{said}");
}

#[test]
fn time_from_the_python_package_index() {
    let Some(from) = installed("SENTINEL_MCP_TIME") else { return };
    let house = House::new("time");
    let server = "[server]\ncommand = [\"/usr/bin/python3\", \"-m\", \"mcp_server_time\", \
                  \"--local-timezone\", \"UTC\"]\nenvironment = [\"PYTHONPATH=lib\"]\n\
                  [tools.get_current_time]\neffect = \"read\"\n";
    install(&house, "time", &from, server);
    house.say(&["skill", "approve", "time", "--yes"]);
    let now = r#"{"timezone":"Europe/Berlin"}"#;
    let last = ask(&house, "time", &[], &[("get_current_time", now)]);
    assert!(last.contains("Europe/Berlin") && last.contains("is_dst"), "{last}");
    let convert = concat!(
        r#"{"source_timezone":"Europe/Berlin","time":"12:00","#,
        r#""target_timezone":"Asia/Tokyo"}"#
    );
    drive(
        &house,
        "time",
        &[("get_current_time", now, "is_dst"), ("convert_time", convert, "time_difference")],
    );
}
