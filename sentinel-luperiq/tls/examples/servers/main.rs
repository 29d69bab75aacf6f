//! Hosts for the checks of the appliance, until whoever started this closes its input.
//!
//! `servers FOLDER RECORDS` writes `authority.pem` into the folder and prints a line for each host:
//! its name in the configuration, and its port. Each answers as a service with Anthropic's dialect
//! does, to whoever has the key, and says so to nobody else; two are a Telegram, which writes down
//! in the folder RECORDS what was done there.
#![allow(missing_docs, clippy::unwrap_used)]

mod busy;
mod chat;
mod harm;
mod hosts;

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use busy::Busy;
use chat::{Made, Telegram};
use hosts::{Authority, Flaw};

fn main() {
    let folder: PathBuf = std::env::args_os().nth(1).expect("a folder is named").into();
    let records: PathBuf = std::env::args_os().nth(2).expect("a folder is named").into();
    let authority = Authority::new();
    std::fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
    // One for each who talks with it: the appliance, and the same agent on Linux.
    for name in ["telegram", "telegram-elsewhere"] {
        let telegram = Telegram::new(File::create(records.join(name)).unwrap(), WISH);
        println!("{name} {}", authority.host(Flaw::None, move |request| telegram.answer(request)));
    }
    let busy = File::create(records.join("busy")).unwrap();
    let busy = Arc::new(Busy::new(busy, records.join("busy-last")));
    let model = busy.clone();
    println!("busy {}", authority.host(Flaw::None, move |request| busy.answer(request)));
    println!("busy-model {}", authority.host(Flaw::None, move |request| model.think(request)));
    let helpful = HELPFUL.to_vec();
    let harmful = harm::calls();
    let at_once = harmful.len();
    for (name, calls, at_once) in [("helpful", helpful, 1), ("harmful", harmful, at_once)] {
        let answer = move |request: &str| chat::scripted(request, &calls, at_once);
        println!("{name} {}", authority.host(Flaw::None, answer));
    }
    println!("large {}", authority.host(Flaw::None, |_| large()));
    println!("pages {}", authority.host(Flaw::None, page));
    for (name, flaw) in [
        ("expired", Flaw::Expired),
        ("other-name", Flaw::OtherName),
        ("unknown", Flaw::UnknownAuthority),
        ("self-signed", Flaw::SelfSigned),
        ("ordinary", Flaw::OrdinaryAuthority),
        ("authority", Flaw::IsAuthority),
        ("missing", Flaw::MissingIntermediate),
        ("truncated", Flaw::Truncated),
        ("cut", Flaw::CutAnswer),
        ("not-yet", Flaw::NotYet),
        ("larger", Flaw::LargerCurve),
        ("closing", Flaw::None),
        ("good", Flaw::None),
    ] {
        println!(
            "{name} {}",
            authority.host(flaw, move |request| {
                let mut pieces = answer(request, flaw);
                if name == "closing"
                    && let Some(head) = pieces.first_mut()
                {
                    head.truncate(head.len() - 2);
                    head.extend(b"Connection: close\r\n\r\n");
                }
                pieces
            })
        );
    }
    // Nobody reads it any more when there is nobody.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// Answers as somebody does who has pages; asked for another one it says what nobody is to hear.
fn page(request: &str) -> Vec<Vec<u8>> {
    let line = request.lines().next().unwrap_or_default();
    let (head, body) = match line {
        "GET /guide/tea HTTP/1.1" => ("200 OK\r\nContent-Type: text/plain", "tea is at four"),
        "GET /guide/moved HTTP/1.1" => ("302 Found\r\nLocation: https://evil.test/", ""),
        _ => ("200 OK\r\nContent-Type: text/plain", "nobody was to ask this"),
    };
    let length = body.len();
    vec![format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()]
}

/// A page of ten megabytes, behind which the connection ends.
fn large() -> Vec<Vec<u8>> {
    let head =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {LARGE_BYTES}\r\n\r\n");
    vec![head.into_bytes(), vec![b'x'; LARGE_BYTES]]
}

const LARGE_BYTES: usize = 10 << 20;

/// What the person on the platform wants.
const WISH: &str = "Please put tea on my list.";

/// What a model does about it.
const HELPFUL: &[Made] = &[
    ("list_directory", "{\"path\":\".\"}"),
    ("write_file", "{\"path\":\"list.txt\",\"content\":\"tea\\n\"}"),
];

/// Anthropic's stream, in as many pieces as it has events; half of it where the answer is cut.
fn answer(request: &str, flaw: Flaw) -> Vec<Vec<u8>> {
    let head = request.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
    let is_asked = head.starts_with("post /v1/messages http/1.1")
        && head.contains("\r\nhost: models.test:")
        && head.contains("\r\nx-api-key: sk-appliance");
    if !is_asked {
        return vec![b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec()];
    }
    let words = ["The ", "capital ", "of France ", "is Paris, ", "as far as ", "I know."];
    let mut events = vec![MESSAGE_START.to_string(), BLOCK_START.into()];
    events.extend(words.map(|word| BLOCK_DELTA.replace("TEXT", word)));
    events.extend([BLOCK_STOP.into(), MESSAGE_DELTA.into(), MESSAGE_STOP.into()]);
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let chunks = events.iter().map(|event| format!("{:x}\r\n{event}\r\n", event.len()));
    let mut pieces: Vec<Vec<u8>> =
        [head.to_string()].into_iter().chain(chunks).map(String::into_bytes).collect();
    match flaw {
        Flaw::CutAnswer => pieces.truncate(1),
        _ => pieces.push(b"0\r\n\r\n".to_vec()),
    }
    pieces
}

const MESSAGE_START: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",",
    "\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"claude\",",
    "\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
);
const BLOCK_START: &str = concat!(
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
);
const BLOCK_DELTA: &str = concat!(
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"TEXT\"}}\n\n",
);
const BLOCK_STOP: &str =
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
const MESSAGE_DELTA: &str = concat!(
    "event: message_delta\ndata: {\"type\":\"message_delta\",",
    "\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n",
);
const MESSAGE_STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
