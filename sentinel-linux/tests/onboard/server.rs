//! Models and platforms on loopback.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub(crate) struct Server {
    pub(crate) port: u16,
    /// The first lines of what was asked, and the value of `authorization` or `x-api-key`.
    pub(crate) asked: Arc<Mutex<Vec<(String, String)>>>,
}

/// The one key and the one token that are good.
pub(crate) const KEY: &str = "sk-good-canary-97531";
pub(crate) const TOKEN: &str = "12:canary-AAHdqTcvCH1vGWJx";

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                std::thread::spawn(move || while answer(&stream, &shared).is_some() {});
            }
        });
        Self { port, asked }
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }
}

fn answer(mut stream: &TcpStream, asked: &Mutex<Vec<(String, String)>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let (mut secret, mut user_agent) = (String::new(), String::new());
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        if field.trim().is_empty() {
            break;
        }
        let (name, value) = field.split_once(':')?;
        if ["authorization", "x-api-key"].contains(&name.to_ascii_lowercase().as_str()) {
            secret = value.trim().to_string();
        }
        if name.eq_ignore_ascii_case("user-agent") {
            user_agent = value.trim().to_string();
        }
    }
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_string(), words.next()?.to_string());
    asked.lock().unwrap().push((format!("{method} {path}"), secret.clone()));
    let is_named = match path.starts_with("/DISCORD") {
        true => user_agent.starts_with("DiscordBot ("),
        false => user_agent.starts_with("sentinel/"),
    };
    let (status, body) = match is_named {
        true => respond(&method, &path, &secret),
        // As Discord's own does, before it looks at a token.
        false => (403, r#"{"message":"internal network error","code":40333}"#.into()),
    };
    let date = match path.starts_with("/MISTRAL") {
        true => "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
        false => "",
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\n{date}content-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).ok()
}

fn respond(method: &str, path: &str, secret: &str) -> (u16, String) {
    let place = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let bearer = format!("Bearer {KEY}");
    let refused = || (401, "{}".to_string());
    let models = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!(r#"{{"id":"{name}"}}"#)).collect();
        (200, format!(r#"{{"object":"list","data":[{}]}}"#, names.join(",")))
    };
    match (method, place) {
        ("GET", "ollama") => models(&["nomic-embed-text:latest", "qwen3:8b", "gemma3:4b"]),
        ("GET", "ANTHROPIC") if secret == KEY => models(&["claude-opus-4-1", "claude-sonnet-4-5"]),
        ("GET", "XAI") => (503, "<html>".into()),
        ("GET", "OPENAI" | "GROQ" | "MISTRAL") if secret == bearer => models(&["one", "two"]),
        (_, "TELEGRAM") if !path.starts_with(&format!("/TELEGRAM/bot{TOKEN}/")) => refused(),
        (_, "TELEGRAM") if path.contains("/getUpdates") => {
            std::thread::sleep(std::time::Duration::from_millis(50));
            (200, r#"{"ok":true,"result":[]}"#.into())
        }
        (_, "TELEGRAM") if path.contains("/getMe") => {
            let account = r#"{"id":12,"is_bot":true,"first_name":"S","username":"sbot"}"#;
            (200, format!(r#"{{"ok":true,"result":{account}}}"#))
        }
        (_, "TELEGRAM") => (200, r#"{"ok":true,"result":true}"#.into()),
        ("GET", "DISCORD") if secret == format!("Bot {TOKEN}") => {
            (200, r#"{"id":"1","username":"helper"}"#.into())
        }
        ("POST", "SLACK") if secret == format!("Bearer {TOKEN}") => {
            (200, r#"{"ok":true,"user":"agent","url":"wss://127.0.0.1:1/"}"#.into())
        }
        ("POST", "SLACK") => (200, r#"{"ok":false,"error":"invalid_auth"}"#.into()),
        _ => refused(),
    }
}
