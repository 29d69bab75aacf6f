//! An agent that does what it is told: its programs are started by hand, with nobody in between.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use sentinel_core::text::json::{self, Value};

/// Somebody's directory, with a workspace and a copy of the program that they can run.
pub(crate) struct House {
    pub(crate) place: PathBuf,
    /// None for whoever runs the tests.
    id: Option<u32>,
}

impl House {
    fn new(name: &str, id: Option<u32>) -> Self {
        let who = id.unwrap_or_default();
        let name = format!("sentinel-walls-{name}-{who}-{}", std::process::id());
        let place = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        chown(&place, id, id).unwrap();
        let house = Self { place: place.canonicalize().unwrap(), id };
        // By another process: a file that this one has open for writing, while some other test
        // starts a program, cannot be run until that program runs.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_sentinel")).arg(&place).status();
        assert!(copied.unwrap().success());
        house.make("work");
        house.put("work/file", "shown\n");
        house
    }

    /// Whether it is of whoever runs the tests.
    pub(crate) const fn is_of_tests(&self) -> bool {
        self.id.is_none()
    }

    /// A path beneath their directory.
    pub(crate) fn path(&self, name: &str) -> String {
        self.place.join(name).display().to_string()
    }

    /// Makes a directory of theirs, and those above it.
    pub(crate) fn make(&self, name: &str) {
        let mut path = self.place.clone();
        for part in name.split('/') {
            path.push(part);
            let _ = fs::create_dir(&path);
            chown(&path, self.id, self.id).unwrap();
        }
    }

    /// A file of theirs.
    pub(crate) fn put(&self, name: &str, text: &str) {
        let path = self.place.join(name);
        fs::write(&path, text).unwrap();
        chown(&path, self.id, self.id).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }

    pub(crate) fn sentinel(&self, words: &[&str]) -> Command {
        self.start(&self.path("sentinel"), words)
    }

    fn start(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).current_dir(self.place.join("work")).env("HOME", &self.place);
        command.env("TMPDIR", self.place.join("temporary"));
        if let Some(id) = self.id {
            command.uid(id).gid(id);
        }
        command
    }

    /// Starts an agent that may write in the workspace, besides what these lists say.
    pub(crate) fn agent(&self, grants: &[&str], deny: &[&str]) -> Agent {
        self.agent_with(grants, deny, "")
    }

    /// The same with these settings besides.
    pub(crate) fn agent_with(&self, grants: &[&str], deny: &[&str], settings: &str) -> Agent {
        self.agent_by(&[], grants, deny, settings)
    }

    /// The same, started by another program.
    pub(crate) fn agent_by(
        &self,
        starter: &[&str],
        grants: &[&str],
        deny: &[&str],
        settings: &str,
    ) -> Agent {
        let work = self.path("work");
        let lines = |words: &[&str]| -> String {
            words.iter().map(|words| format!("  \"{}\",\n", words.replace("WORK", &work))).collect()
        };
        let (grants, deny) = (lines(grants), lines(deny));
        let config = format!(
            "[agent]\nworkspace = \"{work}\"\n[security]\ngrants = [\n  \
             \"read,list,write {work}\",\n{grants}]\ndeny = [\n{deny}]\n{settings}"
        );
        self.put("sentinel.toml", &config);
        let config = self.path("sentinel.toml");
        let own = self.path("sentinel");
        let words = ["mcp", "--i-know-what-im-doing"];
        let mut command = match starter {
            [] => self.sentinel(&words),
            [program, rest @ ..] => {
                let rest = rest.iter().copied().chain([own.as_str()]).chain(words);
                self.start(program, &rest.collect::<Vec<_>>())
            }
        };
        command.args(["--state", "../state", "--config", &config]).stderr(Stdio::null());
        let _ = fs::remove_dir_all(self.path("state"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Agent::new(command.spawn().unwrap())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}

/// Does something as everybody there is.
pub(crate) fn as_everybody(name: &str, test: impl Fn(&House)) {
    // `cargo xtask check` says where there can be no sandboxes.
    if std::env::var_os("SENTINEL_WITHOUT_SANDBOXES").is_some() {
        eprintln!("NOT TESTED: there are no sandboxes here");
        return;
    }
    test(&House::new(name, None));
    if rustix::process::geteuid().is_root() {
        test(&House::new(name, Some(65_533)));
    }
}

/// One that was started, and greeted. Whatever it asks is allowed.
pub(crate) struct Agent {
    pub(crate) child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u32,
}

impl Agent {
    fn new(mut child: Child) -> Self {
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut agent = Self { child, input, output, next: 0 };
        agent.say(concat!(
            r#"{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"#,
            r#""protocolVersion":"2025-06-18","capabilities":{"elicitation":{}},"#,
            r#""clientInfo":{"name":"test","version":"1"}}}"#
        ));
        assert!(agent.hear().contains("protocolVersion"));
        agent.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        agent
    }

    /// The process that starts programs.
    pub(crate) fn spawner(&self) -> u32 {
        children(self.child.id())[0]
    }

    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "it ended after {line:?}");
        line
    }

    /// Begins a call in the workspace, and gives its number.
    pub(crate) fn begin(&mut self, program: &str, arguments: &[&str]) -> u32 {
        self.begin_in(".", program, arguments)
    }

    /// Begins a call in a directory of the workspace.
    pub(crate) fn begin_in(&mut self, place: &str, program: &str, arguments: &[&str]) -> u32 {
        self.next += 1;
        let quoted = |word: &str| {
            let word = word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("\"{word}\"")
        };
        let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
        self.say(&format!(
            concat!(
                r#"{{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"#,
                r#""name":"run_command","arguments":{{"program":{},"arguments":[{}],"#,
                r#""directory":{}}}}}}}"#
            ),
            self.next,
            quoted(program),
            words.join(","),
            quoted(place)
        ));
        self.next
    }

    /// The next call that is over: its number, what came of it, and whether it failed.
    pub(crate) fn end(&mut self) -> (u32, String, bool) {
        loop {
            if let Some(over) = self.answer() {
                return over;
            }
        }
    }

    /// Takes what is said next, and allows it if it is a question; a call that is over.
    pub(crate) fn answer(&mut self) -> Option<(u32, String, bool)> {
        let line = self.hear();
        let document = json::parse(line.trim_end().as_bytes()).unwrap();
        let root = document.root();
        if let Ok(result) = root.get("result") {
            let text = result.get("content").unwrap().index(0).unwrap().get("text").unwrap();
            let id = root.get("id").unwrap().as_i64().unwrap().try_into().unwrap();
            let is_error = result.get("isError").unwrap().as_bool().unwrap();
            return Some((id, text.as_str().unwrap().to_string(), is_error));
        }
        match root.find("method").and_then(|method| method.as_str().ok()) {
            Some("elicitation/create") => self.allow(root.get("id").unwrap()),
            Some("notifications/message") => {}
            _ => panic!("{line}"),
        }
        None
    }

    fn allow(&mut self, id: Value<'_>) {
        self.say(&format!(
            concat!(
                r#"{{"jsonrpc":"2.0","id":"{}","result":"#,
                r#"{{"action":"accept","content":{{"decision":"allow once"}}}}}}"#
            ),
            id.as_str().unwrap()
        ));
    }

    /// Runs a program to its end.
    pub(crate) fn run(&mut self, program: &str, arguments: &[&str]) -> (String, bool) {
        let begun = self.begin(program, arguments);
        let (id, text, is_error) = self.end();
        assert_eq!(id, begun, "{text}");
        (text, is_error)
    }

    /// Nothing more is asked of it, and it ends by itself.
    pub(crate) fn leave(mut self) {
        drop(self.input.take());
        self.child.wait().unwrap();
    }

    /// Until the next sandbox is made and waits: longer than the spawner lets pass in quiet.
    pub(crate) fn rest(&self) {
        let spawner = self.spawner();
        while children(spawner).is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process, in the order in which they were made.
pub(crate) fn children(id: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    text.split_whitespace().map(|id| id.parse().unwrap()).collect()
}
