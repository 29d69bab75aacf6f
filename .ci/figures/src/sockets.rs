//! A Discord and a Slack on which nothing is said: as much as it takes to be connected.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use sentinel_core::wire::http::{HttpLimits, RequestPart, Server};
use sentinel_core::wire::websocket::{Connection, Message, Request as Upgrade, Role};

use crate::http::{self, Request, Stream};

/// A platform that is connected by a WebSocket.
pub(crate) struct Platform {
    pub(crate) port: u16,
    is_open: Arc<AtomicBool>,
}

impl Platform {
    /// Whether the greeting was sent.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }
}

pub(crate) fn discord() -> io::Result<Platform> {
    start(Spoken {
        answer: |path, address| match path.rsplit('/').next() {
            Some("bot") => format!(
                r#"{{"url":"{address}","shards":1,"session_start_limit":{{"total":1000,
                    "remaining":999,"reset_after":1,"max_concurrency":1}}}}"#
            ),
            _ => "{}".into(),
        },
        greetings: &[
            r#"{"op":10,"d":{"heartbeat_interval":41250}}"#,
            r#"{"op":0,"t":"READY","s":1,"d":{"v":10,"user":{"id":"99","username":"sentinel",
                "bot":true},"session_id":"abc123","resume_gateway_url":"wss://127.0.0.1",
                "guilds":[]}}"#,
        ],
    })
}

pub(crate) fn slack() -> io::Result<Platform> {
    start(Spoken {
        answer: |path, address| match path.rsplit('/').next() {
            Some("apps.connections.open") => format!(r#"{{"ok":true,"url":"{address}"}}"#),
            Some("auth.test") => r#"{"ok":true,"url":"https://x.slack.com/","team_id":"T1",
                "user":"sentinel","user_id":"U99","bot_id":"B99"}"#
                .into(),
            _ => r#"{"ok":true}"#.into(),
        },
        greetings: &[r#"{"type":"hello","num_connections":1}"#],
    })
}

/// What a platform says.
struct Spoken {
    /// To a request with this path; the address is that of the WebSocket.
    answer: fn(&str, &str) -> String,
    /// On the WebSocket, before anything is said there.
    greetings: &'static [&'static str],
}

fn start(spoken: Spoken) -> io::Result<Platform> {
    let (port, is_open) = (Arc::new(AtomicU16::new(0)), Arc::new(AtomicBool::new(false)));
    let (own_port, has_opened) = (port.clone(), is_open.clone());
    let answer = move |stream: &mut dyn Stream, request: Request| {
        let address = format!("ws://127.0.0.1:{}/socket", own_port.load(Ordering::Relaxed));
        if !request.path.starts_with("/socket") {
            return http::json(stream, &(spoken.answer)(&request.path, &address));
        }
        let mut out = Vec::new();
        accept(&request.head, &mut out).map_err(io::Error::other)?;
        let mut connection = Connection::new(Role::Server, 1 << 20);
        for greeting in spoken.greetings {
            connection.send(Message::Text(greeting), [0; 4], &mut out).map_err(io::Error::other)?;
        }
        stream.write_all(&out)?;
        has_opened.store(true, Ordering::Relaxed);
        // What is said here needs no answer for as long as this is looked at.
        let mut buffer = [0; 4096];
        while stream.read(&mut buffer)? > 0 {}
        Ok(false)
    };
    let listening = http::serve(None, Arc::new(answer))?;
    port.store(listening, Ordering::Relaxed);
    Ok(Platform { port: listening, is_open })
}

/// Makes a WebSocket of a connection.
fn accept(head: &[u8], out: &mut Vec<u8>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut server = Server::new(HttpLimits::default());
    let mut input = head;
    let Some(RequestPart::Head(head)) = server.next(&mut input)? else {
        return Err("no whole head".into());
    };
    let answer = Upgrade::read(&head)?.accept(None)?;
    server.next(&mut input)?;
    server.upgrade(&answer, out)?;
    Ok(())
}
