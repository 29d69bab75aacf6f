//! An HTTP server of our own, which misbehaves when it is told to.
//!
//! One thread for each connection. What a platform would answer is the [`Service`]'s; how the bytes
//! of it arrive, or do not, is decided here.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tungstenite::WebSocket;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;

use crate::authority::secured;

/// A request.
pub struct Ask {
    pub method: String,
    pub path: String,
    pub query: String,
    pub authorization: String,
    pub user_agent: String,
    pub socket_key: Option<String>,
    pub body: Vec<u8>,
}

/// An answer, as it should arrive.
pub struct Reply {
    pub status: u16,
    /// Header fields, each with its line end.
    pub fields: String,
    pub body: Vec<u8>,
    /// Whether it is chunked, each chunk after this pause.
    pub pause: Option<Duration>,
}

impl Reply {
    pub fn json(status: u16, body: impl Into<String>) -> Self {
        let fields = "content-type: application/json\r\n".into();
        Self { status, fields, body: body.into().into_bytes(), pause: None }
    }
}

/// What is answered.
pub trait Service: Send + Sync + 'static {
    /// What a request asks for, in one word, such as `sendMessage`: mishaps name it.
    fn word(&self, ask: &Ask) -> String;

    /// Does what is asked.
    fn answer(&self, ask: &Ask) -> Reply;

    /// Refuses for so many seconds, in the platform's own form.
    fn refuse(&self, seconds: u32) -> Reply;

    /// Goes on with an answer in pieces after this piece.
    fn follow(&self, _piece: &[u8]) {}

    /// Serves a WebSocket until it ends.
    fn socket(&self, _ask: &Ask, _socket: WebSocket<Wire>) {}

    fn mishaps(&self) -> &Mishaps;
}

/// What goes wrong, once each, in the order in which it was asked for.
#[derive(Default)]
pub struct Mishaps {
    waiting: Mutex<VecDeque<(String, Mishap)>>,
    /// How many requests were read.
    pub asked: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// 429, and to come back after so many seconds. Nothing is done.
    Refused(u32),
    /// An error of a server before the platform, with a page for people. Nothing is done.
    Status(u16),
    /// The request is read and the connection closed. Nothing is done.
    Hangup,
    /// It is done, and after so many bytes of the answer the connection ends.
    CutAfter(usize),
    /// It is done, and the answer comes byte by byte.
    Slow,
    /// Nothing is done, and what comes back is no JSON.
    Garbage,
    /// What comes back is no HTTP.
    Noise,
}

impl Mishaps {
    pub fn add(&self, word: &str, mishap: Mishap) {
        self.waiting.lock().unwrap().push_back((word.into(), mishap));
    }

    /// How many have not happened yet.
    pub fn left(&self) -> usize {
        self.waiting.lock().unwrap().len()
    }

    fn take(&self, word: &str) -> Option<Mishap> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut waiting = self.waiting.lock().unwrap();
        let place = waiting.iter().position(|(meant, _)| meant == word)?;
        waiting.remove(place).map(|(_, mishap)| mishap)
    }
}

/// A connection, secure or not.
pub enum Wire {
    Plain(TcpStream),
    Secure(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Secure(stream) => &stream.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Secure(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Secure(stream) => stream.flush(),
        }
    }
}

/// The certificate of a server, which can be replaced.
pub type Certificate = Arc<Mutex<Arc<ServerConfig>>>;

/// Serves on a port of this machine until the tests end.
pub fn serve<S: Service>(service: &Arc<S>, secure: Option<Certificate>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = service.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (service, secure) = (service.clone(), secure.clone());
            thread::spawn(move || {
                let mut wire = match secure {
                    None => Wire::Plain(stream),
                    Some(certificate) => {
                        let config = certificate.lock().unwrap().clone();
                        Wire::Secure(Box::new(secured(&config, stream)))
                    }
                };
                while let Some(ask) = read(&mut wire) {
                    if let Some(key) = &ask.socket_key {
                        return upgrade(wire, key, &ask, &*service);
                    }
                    if answer(&mut wire, &ask, &*service).is_none() {
                        let _ = wire.tcp().shutdown(std::net::Shutdown::Both);
                        return;
                    }
                }
            });
        }
    });
    port
}

/// Reads one request; none when the connection has ended.
fn read(wire: &mut Wire) -> Option<Ask> {
    // Whoever asks waits for the answer, so nothing of the next request is read too early.
    let mut reader = BufReader::new(wire);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_string(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_string(), query.to_string());
    let (mut length, mut authorization, mut socket_key) = (0, String::new(), None);
    let mut user_agent = String::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        if field.trim().is_empty() {
            break;
        }
        let (name, value) = field.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => authorization = value.trim().to_string(),
            "user-agent" => user_agent = value.trim().to_string(),
            "sec-websocket-key" => socket_key = Some(value.trim().to_string()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Ask { method, path, query, authorization, user_agent, socket_key, body })
}

/// Answers one request, well or badly; none when the connection is to end.
fn answer(wire: &mut Wire, ask: &Ask, service: &impl Service) -> Option<()> {
    let mishap = service.mishaps().take(&service.word(ask));
    let reply = match mishap {
        None | Some(Mishap::Slow | Mishap::CutAfter(_)) => service.answer(ask),
        Some(Mishap::Refused(seconds)) => service.refuse(seconds),
        Some(Mishap::Status(status)) => {
            let fields = "content-type: text/html\r\n".into();
            let body = b"<html><h1>Sorry</h1></html>".to_vec();
            Reply { status, fields, body, pause: None }
        }
        Some(Mishap::Garbage) => Reply::json(200, "{\"ok\":tru\u{0}"),
        Some(Mishap::Hangup) => return None,
        Some(Mishap::Noise) => {
            let _ = wire.write_all(b"\x15\x03\x03SSH-2.0-nothing\r\n\r\n");
            return None;
        }
    };
    let Reply { status, fields, body, pause } = reply;
    let mut head = format!("HTTP/1.1 {status} X\r\n{fields}");
    if let Some(pause) = pause {
        head += "transfer-encoding: chunked\r\n\r\n";
        wire.write_all(head.as_bytes()).ok()?;
        let mut piece: &[u8] = b"";
        for chunk in body.split_inclusive(|byte| *byte == b'\n') {
            let size = format!("{:x}\r\n", chunk.len());
            wire.write_all(&[size.as_bytes(), chunk, b"\r\n"].concat()).ok()?;
            if chunk.len() > 1 {
                thread::sleep(pause);
                piece = chunk;
            } else {
                // Until the empty line it has said nothing.
                service.follow(piece);
            }
        }
        return wire.write_all(b"0\r\n\r\n").ok();
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    let whole = [head.as_bytes(), &body].concat();
    match mishap {
        Some(Mishap::CutAfter(count)) => {
            let _ = wire.write_all(whole.get(..count).unwrap_or(&whole));
            None
        }
        Some(Mishap::Slow) => {
            for byte in whole {
                wire.write_all(&[byte]).ok()?;
                thread::sleep(Duration::from_millis(1));
            }
            Some(())
        }
        _ => wire.write_all(&whole).ok(),
    }
}

fn upgrade(mut wire: Wire, key: &str, ask: &Ask, service: &impl Service) {
    let accept = derive_accept_key(key.as_bytes());
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    // The end of a test can come at any time.
    if wire.write_all(head.as_bytes()).is_ok() {
        // One thread both hears and speaks, in turns.
        wire.tcp().set_read_timeout(Some(Duration::from_millis(3))).unwrap();
        service.socket(ask, WebSocket::from_raw_socket(wire, Role::Server, None));
    }
}
