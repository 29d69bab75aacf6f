//! Managing the real program: while it is at work, and while nobody is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sentinel_core::journal::{Trust, Verdict, Verifier};
use sentinel_core::text::json;

/// A workspace and a state directory, which are gone when the test is.
struct Home {
    path: PathBuf,
}

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-c-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for directory in ["work", "more"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        fs::write(path.join("work/README.md"), "# A house\n").unwrap();
        fs::write(path.join("more/far.txt"), "far away\n").unwrap();
        let home = Self { path };
        home.configure("");
        home
    }

    /// Writes the configuration, with something before the grants.
    fn configure(&self, before: &str) {
        let work = self.path.join("work").display().to_string();
        let grants = format!(r#"["read,list {work}", "write {work} ask", "model offline"]"#);
        let text = format!("{before}\n[security]\ngrants = {grants}\n");
        fs::write(self.path.join("sentinel.toml"), text).unwrap();
    }

    fn sentinel(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.current_dir(self.path.join("work")).args(words);
        command.args(["--config", "../sentinel.toml", "--state", "../state"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    fn run(&self, words: &[&str]) -> Output {
        self.sentinel(words).output().unwrap()
    }

    /// What a command that has to work says.
    fn say(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Why a command does not work.
    fn fail(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(!output.status.success(), "{words:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }

    /// An agent at work, which listens to its standard input.
    fn work(&self) -> Agent {
        let child = self.sentinel(&["chat"]).stdin(Stdio::piped()).spawn().unwrap();
        until("it is at work", || self.run(&["status"]).status.success());
        Agent { child, said: String::new() }
    }

    fn socket(&self) -> PathBuf {
        self.path.join("state/control")
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.socket()).unwrap()
    }

    fn verdict(&self) -> Verdict {
        let mut verifier = Verifier::new(Trust::default());
        verifier.push(&fs::read(self.path.join("state/journal/000000.log")).unwrap());
        verifier.finish().verdict
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// An agent at work, and what it has said so far. It ends with the test.
struct Agent {
    child: Child,
    said: String,
}

impl Agent {
    fn hear(&mut self, line: &str) {
        self.child.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits until it has said this.
    fn says(&mut self, words: &str) {
        let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
        while !self.said.contains(words) {
            let out = self.child.stdout.as_mut().unwrap();
            let count = poll(&mut [PollFd::new(out, PollFlags::IN)], Some(&patience)).unwrap();
            assert!(count > 0, "it never came to it that it says {words:?}: {}", self.said);
            let mut bytes = [0; 4096];
            let count = out.read(&mut bytes).unwrap();
            assert!(count > 0, "it ended without a word of {words:?}: {}", self.said);
            self.said += &text(&bytes[..count]);
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it in good order, and gives what it said: its answers and what is for its operator.
    fn end(mut self) -> (String, String) {
        drop(self.child.stdin.take());
        let (mut out, mut error) = (std::mem::take(&mut self.said), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        assert!(self.child.wait().unwrap().success(), "{error}");
        (out, error)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits until something is so, for some seconds at most.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "it never came to it that {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A member of each element of a list.
fn members(list: &str, key: &str) -> Vec<String> {
    let document = json::parse(list.trim().as_bytes()).unwrap();
    let elements = document.root().elements().unwrap();
    elements.map(|element| element.get(key).unwrap().source().trim_matches('"').into()).collect()
}

/// A file is the same one by whatever name it is given: what was granted under it still counts,
/// and the agent may not write to it.
#[test]
fn a_configuration_is_the_same_by_any_of_its_names() {
    let home = Home::new("names");
    let path = home.path.join("sentinel.toml").display().to_string();
    let say = |name: &str, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.current_dir(&home.path).args(words);
        let output = command.args(["--config", name, "--state", "state"]).output().unwrap();
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    say("sentinel.toml", &["grant", "read /srv/more"]);
    let grants = say("sentinel.toml", &["grants"]);
    assert!(grants.contains("read /srv/more") && grants.contains(&format!("deny write {path}")));
    for name in ["./sentinel.toml", "work/../sentinel.toml", &path] {
        assert_eq!(say(name, &["grants"]), grants, "{name}");
    }
}

/// What `config check` would say of a line of the file is said of a grant that is made otherwise.
#[test]
fn what_a_grant_could_do_is_said_when_it_is_made() {
    let home = Home::new("concerns");
    let said = |spec: &str| {
        let output = home.run(&["grant", spec]);
        assert!(output.status.success(), "{spec}: {output:?}");
        text(&output.stderr)
    };
    assert!(said("run /usr/bin/find").starts_with("note: /usr/bin/find: it runs programs (-exec)"));
    // What is dangerous takes a person who says that they know.
    for (spec, danger) in [
        ("write /", "danger: `/` is granted for writing: everything"),
        ("connect *", "whatever is read can leave (name the hosts"),
    ] {
        let before = home.say(&["grants"]);
        let refused = home.fail(&["grant", spec]);
        assert!(refused.contains(danger) && refused.contains("so it was not made"), "{refused}");
        assert_eq!(home.say(&["grants"]), before, "{spec}");
        let output = home.run(&["grant", spec, "--i-know-what-im-doing"]);
        assert!(output.status.success(), "{spec}: {output:?}");
        let said = text(&output.stderr);
        assert!(said.contains(danger) && home.say(&["grants"]).contains(spec), "{said}");
    }
    assert!(said("listen 127.0.0.1:8080").contains("allows nothing here"));
    assert_eq!(said("read /srv/else"), "", "what was said before is not said again");
    assert_eq!(said("deny run /usr/bin/python3"), "");
}

#[test]
fn grants_are_made_and_taken_back_at_work_and_at_rest() {
    let home = Home::new("grants");
    let more = home.path.join("more").display().to_string();
    let wish = format!("read {more}/far.txt");
    // Before the agent was ever started.
    assert_eq!(home.say(&["grant", "read", &more]).split('.').next(), Some("granted: h6"));
    let listed = home.say(&["grants"]);
    assert!(listed.contains("settings") && listed.contains("operator"), "{listed}");
    assert!(home.say(&["chat", "-m", &wish]).contains("far away"), "it is granted, and reached");
    let agent = home.work();
    let done = home.say(&["grant", "read /srv/else uses 2", "--json"]);
    assert!(done.starts_with("{\"done\":\"granted: h7.0; it was made while"), "{done}");
    assert!(home.say(&["grants"]).contains("2 uses left"));
    assert!(home.fail(&["grant", "fly"]).contains("a grant begins with"));
    assert!(home.fail(&["revoke", "h0"]).contains("no handle"));
    assert!(home.fail(&["revoke", "h4.0"]).contains("a rule of the settings"));
    assert!(home.fail(&["revoke", "h77.0"]).contains("there is no grant h77.0"));
    agent.kill();
    let handles = members(&home.say(&["grants", "--json"]), "handle");
    assert!(handles.contains(&"h7.0".into()), "{handles:?}");
    let agent = home.work();
    assert_eq!(members(&home.say(&["grants", "--json"]), "handle"), handles);
    assert_eq!(home.say(&["revoke", "h6.0"]), "revoked: 1 grants\n");
    drop(agent);
    assert!(!home.say(&["grants"]).contains(&more));
    assert!(home.say(&["chat", "-m", &wish]).contains("no grant covers it"));
    assert_eq!(home.verdict(), Verdict::Ok);
}

#[test]
fn a_question_is_answered_from_the_command_line_and_the_turn_goes_on() {
    let home = Home::new("approvals");
    let mut agent = home.work();
    let file = |name: &str| home.path.join("work").join(name);
    let waits = |count: usize| {
        until("a question waits", || {
            members(&home.say(&["approvals", "--json"]), "question").len() == count
        });
    };
    agent.hear("write hello to one.txt");
    waits(1);
    let shown = home.say(&["approvals"]);
    assert!(shown.contains("Question 1") && shown.contains("Risk: "), "{shown}");
    assert!(shown.contains(r#""tool":"write_file""#) && shown.contains("min left"), "{shown}");
    assert!(home.fail(&["approvals", "allow", "7"]).contains("no question 7 waits"));
    let done = home.say(&["approvals", "allow", "1"]);
    assert!(done.contains("one.txt") && done.ends_with("question 1: once\n"), "{done}");
    until("it is written", || file("one.txt").exists());
    agent.hear("write hello to two.txt");
    waits(1);
    home.say(&["approvals", "always", "#2"]);
    until("it is written", || file("two.txt").exists());
    let listed = home.say(&["grants"]);
    assert!(listed.contains("two.txt") && listed.contains("answered always in"), "{listed}");
    agent.hear("write hello to three.txt");
    waits(1);
    home.say(&["approvals", "deny", "3"]);
    waits(0);
    // Nobody is there to do what is allowed while it waits at rest.
    agent.hear("write hello to four.txt");
    waits(1);
    agent.kill();
    assert!(home.say(&["approvals"]).contains("four.txt"));
    assert!(home.fail(&["approvals", "allow", "4"]).contains("start it"));
    let mut agent = home.work();
    home.say(&["approvals", "allow", "4"]);
    until("it is written", || file("four.txt").exists());
    agent.hear("write hello to five.txt");
    waits(1);
    assert!(home.say(&["status"]).contains("Questions that wait: 1"));
    let number = members(&home.say(&["conversations", "list", "--json"]), "conversation");
    assert_eq!(home.say(&["stop", &number[0]]), "stopped\n");
    waits(0);
    agent.end();
    assert!(!file("three.txt").exists() && !file("five.txt").exists());
    assert_eq!(home.verdict(), Verdict::Ok);
}

#[test]
fn a_conversation_is_shown_and_forgotten() {
    let home = Home::new("forget");
    home.say(&["chat", "-m", "what is 12 + 30?"]);
    let number = members(&home.say(&["conversations", "list", "--json"]), "conversation").remove(0);
    let listed = home.say(&["conversations", "list"]);
    assert!(listed.contains("terminal here") && listed.contains("idle; 2 messages"), "{listed}");
    let shown = home.say(&["conversations", "show", &number]);
    assert!(shown.contains("in:  what is 12 + 30?") && shown.contains("42"), "{shown}");
    let keys = fs::read(home.path.join("state/keys")).unwrap().len();
    assert!(home.say(&["conversations", "forget", &number]).contains("forgotten"));
    assert!(home.say(&["conversations", "list"]).contains("There are no conversations."));
    assert!(home.fail(&["conversations", "show", &number]).contains("there is no conversation"));
    let fewer = fs::read(home.path.join("state/keys")).unwrap().len();
    assert_eq!(keys - fewer, 80, "its key is destroyed");
    assert_eq!(home.verdict(), Verdict::Ok);
    // The same while an agent is at work, which goes on afterwards.
    let mut agent = home.work();
    agent.hear("what is 20 + 3?");
    let listed = || members(&home.say(&["conversations", "list", "--json"]), "conversation");
    until("there is a conversation", || !listed().is_empty());
    until("it is answered", || home.say(&["conversations", "list"]).contains("idle; 2 messages"));
    // What is forgotten while it waits for the disk is not said any more.
    agent.says("That is 23");
    home.say(&["conversations", "forget", &listed()[0]]);
    until("it is gone", || {
        listed().is_empty() && fs::read(home.path.join("state/keys")).unwrap().len() == fewer
    });
    agent.hear("what is 30 + 3?");
    until("there is another one", || !listed().is_empty());
    let (said, _) = agent.end();
    assert!(said.contains("23") && said.contains("33"), "{said}");
    assert!(home.say(&["chat", "-m", "hello"]).len() > 1, "and it starts again");
    assert_eq!(home.verdict(), Verdict::Ok);
}

#[test]
fn it_is_halted_and_takes_work_again() {
    let home = Home::new("halt");
    assert_eq!(home.run(&["status"]).status.code(), Some(1), "nobody is at work");
    assert_eq!(home.say(&["halt"]), "halted\n");
    let output = home.run(&["chat", "-m", "list the files here"]);
    assert!(text(&output.stdout).contains("take no work"), "{output:?}");
    let status = text(&home.run(&["status", "--json"]).stdout);
    let is_quiet = status.contains("\"is_at_work\":false,\"is_busy\":false");
    assert!(is_quiet, "whoever looks at the log is no agent that does something: {status}");
    let agent = home.work();
    assert!(home.say(&["status"]).contains("It takes no work."));
    assert_eq!(home.say(&["resume"]), "at work\n");
    let status = home.say(&["status", "--json"]);
    assert!(status.contains("\"is_at_work\":true") && !status.contains("halted"), "{status}");
    drop(agent);
    assert!(home.say(&["chat", "-m", "list the files here"]).contains("README.md"));
}

#[test]
fn a_persona_is_accepted_as_it_was_seen() {
    let home = Home::new("persona");
    let file = home.path.join("soul.md");
    // SHA-256 of the eight bytes below.
    let digest = "5499befb38dbf3fcc08107141cb2a9e7f42a6aae403361dc3601b8296d7967ea";
    let agent =
        format!("[agent]\npersona_file = \"{}\"\npersona_sha256 = \"{digest}\"\n", file.display());
    home.configure(&agent);
    fs::write(&file, "Be kind.").unwrap();
    home.say(&["chat", "-m", "hello"]);
    assert!(home.fail(&["persona", "accept"]).contains("no change to accept"));
    fs::write(&file, "Be kind.\nBe brief.").unwrap();
    let said = home.run(&["chat", "-m", "list the files here"]);
    assert!(text(&said.stdout).contains("I take no work"), "{said:?}");
    let shown = home.say(&["persona", "show"]);
    assert!(shown.contains(digest) && shown.ends_with("+ Be brief.\n"), "{shown}");
    assert!(home.fail(&["persona", "accept", digest]).contains("look again"));
    assert!(home.say(&["persona", "accept"]).ends_with("accepted\n"));
    assert!(home.say(&["chat", "-m", "list the files here"]).contains("README.md"));
}

/// Clients that mean no good keep nobody from managing the agent.
#[test]
fn whatever_clients_do_the_agent_is_managed() {
    let home = Home::new("hostile");
    let mut agent = home.work();
    assert_eq!(fs::metadata(home.socket()).unwrap().permissions().mode() & 0o777, 0o600);
    let silent: Vec<UnixStream> = (0..100).map(|_| home.connect()).collect();
    assert!(home.say(&["status"]).contains("It is at work."));
    let half: Vec<UnixStream> = (0..20)
        .map(|_| {
            let mut socket = home.connect();
            socket.write_all(b"{\"id\":1,\"do\":\"halt\"").unwrap();
            socket
        })
        .collect();
    drop(half);
    let mut garbage = home.connect();
    garbage.write_all(&[0xff, 0x00, b'\n', b'[', b'\n']).unwrap();
    let mut lines = BufReader::new(&garbage).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "{\"sentinel\":\"control\",\"version\":1}");
    for _ in 0..2 {
        assert!(lines.next().unwrap().unwrap().contains("\"code\":\"malformed\""));
    }
    // One that asks for ever and never reads is not heard for ever.
    let mut greedy = home.connect();
    greedy.set_nonblocking(true).unwrap();
    let line = b"{\"id\":1,\"show\":\"grants\"}\n".repeat(100);
    let (mut taken, mut refusals) = (0, 0);
    while refusals < 100 {
        match greedy.write(&line) {
            Ok(count) => taken += count,
            Err(_) => {
                refusals += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        assert!(taken < 8 << 20, "it is heard for ever");
    }
    // One that says all it has to say and then waits is answered.
    let mut brief = home.connect();
    brief.write_all(b"{\"id\":5,\"do\":\"grant\",\"grant\":\"read /srv/brief\"}\n").unwrap();
    brief.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    brief.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"id\":5,\"done\":\"granted"), "{answer}");
    let status = home.say(&["status", "--json"]);
    assert!(!status.contains("\"halted\""), "half a line did something: {status}");
    agent.hear("what is 40 + 2?");
    until("it answers", || home.say(&["conversations", "list"]).contains("2 messages"));
    drop((silent, garbage, greedy));
    let (said, error) = agent.end();
    assert!(said.contains("42") && error.is_empty(), "{said} {error}");
    assert!(!home.socket().exists(), "the door is taken along");
}

#[test]
fn what_a_killed_agent_left_behind_is_replaced() {
    let home = Home::new("stale");
    let agent = home.work();
    agent.kill();
    assert!(home.socket().exists());
    assert_eq!(home.run(&["status"]).status.code(), Some(1));
    let agent = home.work();
    assert!(home.say(&["grants"]).contains("settings"));
    agent.end();
}

/// Were the directory open to all, others would be refused all the same.
#[test]
fn nobody_else_manages_it() {
    const OTHER: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        // Only root can be somebody else; that others do not come to the socket is checked above.
        return;
    }
    let home = Home::new("others");
    let agent = home.work();
    let open = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(home.path.join("state"), 0o755);
    open(home.socket(), 0o666);
    let program = home.path.join("sentinel");
    // By another process: what this one has open for writing, while another test starts a program,
    // cannot be run until that program runs.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_sentinel")).arg(&program).status();
    assert!(copied.unwrap().success());
    open(program.clone(), 0o755);
    let output = Command::new(&program)
        .args(["halt", "--config", "../sentinel.toml", "--state", "../state"])
        .current_dir(home.path.join("work"))
        .uid(OTHER)
        .gid(OTHER)
        .output()
        .unwrap();
    assert!(!output.status.success(), "{output:?}");
    open(home.path.join("state"), 0o700);
    assert!(!home.say(&["status", "--json"]).contains("halted"));
    let (_, error) = agent.end();
    assert!(error.contains("user 65534 wanted to manage this agent and was refused"), "{error}");
}

/// A Telegram of our own, on loopback: updates that wait, and what was sent.
#[derive(Default)]
struct Platform {
    updates: Vec<(u64, String)>,
    sent: Vec<(String, String)>,
}

type Shared = Arc<Mutex<Platform>>;

fn serve(platform: Shared) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let platform = platform.clone();
            std::thread::spawn(move || while answer(&stream, &platform).is_some() {});
        }
    });
    port
}

/// Answers one request of a connection; none when it has ended.
fn answer(mut stream: &TcpStream, platform: &Shared) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split(' ').nth(1)?.to_string();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        match field.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = if body.is_empty() { b"{}".to_vec() } else { body };
    let document = json::parse(&body).ok()?;
    let member = |key| document.root().find(key).map(|value| value.source().trim_matches('"'));
    let method = path.rsplit('/').next()?.split('?').next()?;
    let result = match method {
        "getMe" => r#"{"id":12,"is_bot":true,"first_name":"S","username":"sbot"}"#.to_string(),
        "getUpdates" => {
            let offset: u64 = member("offset").and_then(|offset| offset.parse().ok()).unwrap_or(0);
            let mut texts = Vec::new();
            for _ in 0..20 {
                let mut platform = platform.lock().unwrap();
                platform.updates.retain(|(id, _)| *id >= offset);
                texts = platform.updates.iter().map(|(_, text)| text.clone()).collect();
                if !texts.is_empty() {
                    break;
                }
                drop(platform);
                std::thread::sleep(Duration::from_millis(10));
            }
            format!("[{}]", texts.join(","))
        }
        "sendMessage" | "editMessageText" => {
            let chat = member("chat_id")?.to_string();
            let text = document.root().get("text").ok()?.as_str().ok()?.to_string();
            let mut platform = platform.lock().unwrap();
            platform.sent.push((chat.clone(), text));
            let id = platform.sent.len();
            format!(r#"{{"message_id":{id},"date":1,"chat":{{"id":{chat},"type":"private"}}}}"#)
        }
        _ => "true".into(),
    };
    let text = format!(r#"{{"ok":true,"result":{result}}}"#);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
    stream.write_all(format!("{head} {}\r\n\r\n{text}", text.len()).as_bytes()).ok()
}

#[test]
fn a_stranger_is_let_in_by_a_code_and_shut_out_again() {
    let platform = Shared::default();
    let port = serve(platform.clone());
    let home = Home::new("pair");
    home.configure(&format!(
        "[telegram]\ntoken_env = \"BOT_TOKEN\"\noperators = [\"77\"]\npairing = true\n\
         base_url = \"http://127.0.0.1:{port}\"\n"
    ));
    let mut updates_count = 0;
    let mut write = |sender: u64, text: &str| {
        updates_count += 1;
        let id = updates_count;
        let from = format!(r#"{{"id":{sender},"is_bot":false,"first_name":"A"}}"#);
        let chat = format!(r#"{{"id":{sender},"type":"private"}}"#);
        let head = format!(r#""message_id":{id},"date":1,"from":{from},"chat":{chat}"#);
        let update = format!(r#"{{"update_id":{id},"message":{{{head},"text":"{text}"}}}}"#);
        platform.lock().unwrap().updates.push((id, update));
    };
    // A code is drawn, and may hold any two digits.
    let is_told = |chat: &str, what: &str| {
        let platform = platform.lock().unwrap();
        platform.sent.iter().any(|(known, text)| known == chat && text.contains(what))
    };
    let start = || {
        let child = home.sentinel(&["run"]).env("BOT_TOKEN", "12:secret").spawn().unwrap();
        until("it is at work", || home.run(&["status"]).status.success());
        Agent { child, said: String::new() }
    };
    let agent = start();
    write(98, "let me in");
    until("the first has a code", || is_told("98", "Give this code"));
    write(99, "let me in");
    until("the second has a code", || is_told("99", "Give this code"));
    let listed = home.say(&["pair", "list", "--json"]);
    let document = json::parse(listed.trim().as_bytes()).unwrap();
    let codes = document.root().get("codes").unwrap().elements().unwrap();
    let codes: Vec<(String, String)> = codes
        .map(|code| {
            let member = |key| code.get(key).unwrap().as_str().unwrap().to_string();
            (member("sender"), member("code"))
        })
        .collect();
    let [(first, one), (second, two)] = &codes[..] else { panic!("{listed}") };
    assert_eq!((first.as_str(), second.as_str()), ("98", "99"));
    assert!(is_told("99", two), "it is the code that was told");
    assert!(home.say(&["pair", "deny", one]).contains("thrown away"));
    assert!(home.fail(&["pair", "approve", one]).contains("no such code"));
    assert!(home.say(&["pair", "approve", &two.to_lowercase()]).contains("let in"));
    let listed = home.say(&["pair", "list"]);
    assert!(listed.contains("telegram 99") && !listed.contains("left"), "{listed}");
    write(99, "what is 40 + 2?");
    until("the person is answered", || is_told("99", "That is 42"));
    drop(agent);
    // At rest, and the next start knows it.
    assert_eq!(home.say(&["pair", "remove", "telegram", "99"]), "no longer let in\n");
    assert!(home.fail(&["pair", "remove", "telegram", "99"]).contains("nobody is let in"));
    let agent = start();
    write(99, "what is 50 + 3?");
    write(77, "what is 60 + 4?");
    until("the operator is answered", || is_told("77", "That is 64"));
    let pid = rustix::process::Pid::from_child(&agent.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    agent.end();
    assert!(!is_told("99", "That is 53") && !is_told("98", "That is 42"));
    assert_eq!(home.verdict(), Verdict::Ok);
}
