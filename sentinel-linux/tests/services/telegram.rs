//! A small Telegram on loopback: as much of it as an agent needs to talk.

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sentinel_core::text::json;

/// What the server holds.
pub(crate) struct Platform {
    /// Tokens that are good.
    pub(crate) tokens: BTreeSet<String>,
    /// Updates that nobody confirmed yet.
    pub(crate) updates: VecDeque<(u64, String)>,
    updates_count: u64,
    messages_count: u64,
    /// Texts that were sent or changed, by chat.
    shown: Vec<(String, String)>,
    /// How many edits there were.
    pub(crate) edits_count: u64,
    /// The tokens that came, in their order, each once in a row.
    pub(crate) seen: Vec<String>,
}

pub(crate) type Shared = Arc<Mutex<Platform>>;

/// A server that takes this token; where it is.
pub(crate) fn serve(token: &str) -> (Shared, u16) {
    let platform = Platform {
        tokens: BTreeSet::from([token.to_string()]),
        updates: VecDeque::new(),
        updates_count: 0,
        messages_count: 0,
        shown: Vec::new(),
        edits_count: 0,
        seen: Vec::new(),
    };
    let platform = Arc::new(Mutex::new(platform));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let shared = platform.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let platform = shared.clone();
            std::thread::spawn(move || while answer(&stream, &platform).is_some() {});
        }
    });
    (platform, port)
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
    let token = path.trim_start_matches("/bot").split('/').next().unwrap().to_string();
    let text = if body.is_empty() { "{}" } else { body };
    let document = json::parse(text.as_bytes()).unwrap();
    let root = document.root();
    let field =
        |name: &str| root.find(name).map(|value| value.source().trim_matches('"').to_string());
    let ok = |result: &str| (200, format!(r#"{{"ok":true,"result":{result}}}"#));
    let refusal = || {
        let text = r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
        (401, text.to_string())
    };
    {
        let mut platform = platform.lock().unwrap();
        if platform.seen.last() != Some(&token) {
            platform.seen.push(token.clone());
        }
        if !platform.tokens.contains(&token) {
            return refusal();
        }
    }
    if method == "getUpdates" {
        let offset: u64 = field("offset").and_then(|it| it.parse().ok()).unwrap_or(0);
        // A poll that waits, for a little.
        for _ in 0..20 {
            let mut platform = platform.lock().unwrap();
            if !platform.tokens.contains(&token) {
                return refusal();
            }
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
    match method.as_str() {
        "getMe" => ok(r#"{"id":12,"is_bot":true,"first_name":"S","username":"sbot"}"#),
        "sendMessage" | "editMessageText" => {
            platform.edits_count += u64::from(method == "editMessageText");
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
pub(crate) fn write(platform: &Shared, sender: u64, text: &str) {
    let mut platform = platform.lock().unwrap();
    platform.updates_count += 1;
    let id = platform.updates_count;
    let from = format!(r#"{{"id":{sender},"is_bot":false,"first_name":"A"}}"#);
    let chat = private(&sender.to_string());
    let head = format!(r#""message_id":{id},"date":1,"from":{from},"chat":{chat}"#);
    let update = format!(r#"{{"update_id":{id},"message":{{{head},"text":"{text}"}}}}"#);
    platform.updates.push_back((id, update));
}

/// What stands in a chat, or stood there.
pub(crate) fn shown(platform: &Shared, chat: &str) -> Vec<String> {
    let platform = platform.lock().unwrap();
    let own = platform.shown.iter().filter(|(known, _)| known == chat);
    own.map(|(_, text)| text.clone()).collect()
}

/// Somebody writes, and is answered with this.
pub(crate) fn ask(platform: &Shared, sender: u64, text: &str, answer: &str) {
    let chat = sender.to_string();
    let before = shown(platform, &chat).len();
    write(platform, sender, text);
    until(&format!("'{text}' is answered with '{answer}'"), || {
        shown(platform, &chat).iter().skip(before).any(|text| text.contains(answer))
    });
}

/// Waits until something is so, for some seconds at most.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "it never came to it that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
