//! The real program against a small Telegram of our own, on loopback.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sentinel_core::text::json;

/// What the server holds.
#[derive(Default)]
struct Platform {
    /// Updates that nobody confirmed yet.
    updates: VecDeque<(u64, String)>,
    updates_count: u64,
    messages_count: u64,
    /// Texts that were sent or changed, by chat.
    shown: Vec<(String, String)>,
    /// How many of the next calls are refused for a while.
    refusals: u32,
    bad_tokens: u32,
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
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split(' ').nth(1)?.to_string();
    let mut length = 0;
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        if field.trim().is_empty() {
            break;
        }
        let (name, value) = field.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    let (status, result) = respond(&path, &body, platform);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        result.len()
    );
    stream.write_all((head + &result).as_bytes()).ok()
}

fn respond(path: &str, body: &str, platform: &Shared) -> (u16, String) {
    let method = path.rsplit('/').next().unwrap().split('?').next().unwrap().to_string();
    let text = if body.is_empty() { "{}" } else { body };
    let document = json::parse(text.as_bytes()).unwrap();
    let root = document.root();
    let field =
        |name: &str| root.find(name).map(|value| value.source().trim_matches('"').to_string());
    let ok = |result: &str| (200, format!(r#"{{"ok":true,"result":{result}}}"#));
    if !path.starts_with("/bot12:secret/") {
        platform.lock().unwrap().bad_tokens += 1;
        return (401, r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#.into());
    }
    if method == "getUpdates" {
        let offset: u64 = field("offset").and_then(|it| it.parse().ok()).unwrap_or(0);
        // A poll that waits, for a little.
        for _ in 0..20 {
            let mut platform = platform.lock().unwrap();
            platform.updates.retain(|(id, _)| *id >= offset);
            if !platform.updates.is_empty() {
                let texts: Vec<&str> =
                    platform.updates.iter().map(|(_, text)| text.as_str()).collect();
                return ok(&format!("[{}]", texts.join(",")));
            }
            drop(platform);
            std::thread::sleep(Duration::from_millis(10));
        }
        return ok("[]");
    }
    let mut platform = platform.lock().unwrap();
    if platform.refusals > 0 && method.starts_with("send") {
        platform.refusals -= 1;
        let refusal = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":1}}"#;
        return (429, refusal.into());
    }
    match method.as_str() {
        "getMe" => ok(r#"{"id":12,"is_bot":true,"first_name":"S","username":"sbot"}"#),
        "sendMessage" | "editMessageText" => {
            platform.messages_count += 1;
            let chat = field("chat_id").unwrap();
            let text = root.get("text").unwrap().as_str().unwrap().to_string();
            platform.shown.push((chat.clone(), text));
            let id = platform.messages_count;
            ok(&format!(r#"{{"message_id":{id},"date":1,"chat":{}}}"#, private(&chat)))
        }
        _ => ok("true"),
    }
}

/// A chat with one person.
fn private(id: &str) -> String {
    format!(r#"{{"id":{id},"type":"private"}}"#)
}

/// Somebody writes.
fn write(platform: &Shared, sender: u64, text: &str) {
    let mut platform = platform.lock().unwrap();
    platform.updates_count += 1;
    let id = platform.updates_count;
    let from = format!(r#"{{"id":{sender},"is_bot":false,"first_name":"A"}}"#);
    let chat = private(&sender.to_string());
    let head = format!(r#""message_id":{id},"date":1,"from":{from},"chat":{chat}"#);
    let update = format!(r#"{{"update_id":{id},"message":{{{head},"text":"{text}"}}}}"#);
    platform.updates.push_back((id, update));
}

struct Agent {
    path: PathBuf,
}

impl Agent {
    fn new(name: &str, port: u16) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        fs::write(path.join("work/README.md"), "# A house\n").unwrap();
        let work = path.join("work");
        let config = format!(
            "[agent]\nworkspace = \"{0}\"\n[telegram]\ntoken_env = \"BOT_TOKEN\"\n\
             operators = [\"77\"]\nbase_url = \"http://127.0.0.1:{port}\"\n\
             [security]\ngrants = [\"read,list {0}\", \"model offline\"]\n",
            work.display()
        );
        fs::write(path.join("sentinel.toml"), config).unwrap();
        Self { path }
    }

    fn start(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_sentinel"))
            .current_dir(self.path.join("work"))
            .args(["run", "--config", "../sentinel.toml", "--state", "../state"])
            .env("BOT_TOKEN", "12:secret")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Waits until something is so, for some seconds at most.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "it never came to it that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends it in good order, and what it said on standard error.
fn end(child: Child) -> String {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

fn shown(platform: &Shared, chat: &str) -> Vec<String> {
    let platform = platform.lock().unwrap();
    let own = platform.shown.iter().filter(|(known, _)| known == chat);
    own.map(|(_, text)| text.clone()).collect()
}

#[test]
fn people_are_answered_and_strangers_are_not() {
    let platform = Shared::default();
    let agent = Agent::new("telegram", serve(platform.clone()));
    platform.lock().unwrap().refusals = 1;
    write(&platform, 77, "read README.md");
    write(&platform, 99, "read README.md");
    let child = agent.start();
    until("it answers", || shown(&platform, "77").iter().any(|text| text.contains("# A house")));
    write(&platform, 77, "list the files here");
    until("it answers again", || {
        shown(&platform, "77").iter().any(|it| it.contains("README.md ("))
    });
    let said = end(child);
    assert!(said.contains("at work as sbot"), "{said}");
    assert!(!said.contains("secret"), "{said}");
    assert!(shown(&platform, "99").is_empty());
    assert_eq!(platform.lock().unwrap().bad_tokens, 0);
}

/// Killed again and again while people write: every message is answered, and answered once.
#[test]
fn no_message_is_lost_or_answered_twice() {
    let platform = Shared::default();
    let agent = Agent::new("killed-run", serve(platform.clone()));
    let mut written = Vec::new();
    for round in 0..12_u64 {
        let mut child = agent.start();
        for index in 0..3 {
            let sum = round * 10 + index;
            written.push(format!("{}", 1000 + sum));
            write(&platform, 77, &format!("what is {sum} + 1000?"));
        }
        std::thread::sleep(Duration::from_millis(30 + round * 17));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let child = agent.start();
    write(&platform, 77, "what is 5000 + 1?");
    until("the last is answered", || shown(&platform, "77").iter().any(|it| it.contains("5001")));
    end(child);
    let shown = shown(&platform, "77");
    for sum in written {
        // An answer that was on its way when the program was killed is not said again, because
        // Telegram cannot tell that it is the same; that is said instead.
        let count = shown.iter().filter(|text| text.contains(&sum)).count();
        assert!(count <= 1, "{sum} was said {count} times: {shown:?}");
        let is_told = shown.iter().any(|text| text.contains("please ask again"));
        assert!(count == 1 || is_told, "{sum} was lost: {shown:?}");
    }
    assert!(platform.lock().unwrap().updates.is_empty(), "all are confirmed");
}
