//! A host that lives on: the agent of `embed`, with a log that outlives the program.
//!
//! The core decides; this program does what it asks for, with threads and blocking I/O, because
//! that is all a small host needs. What it may do are four grants; everything it did is in the log.
//!
//! ```sh
//! cargo run -p sentinel-examples --bin resident                 # the offline model, no network
//! cargo run -p sentinel-examples --bin resident -- http://127.0.0.1:11434/v1 llama3.2
//! export MODEL_KEY=sk-...
//! cargo run -p sentinel-examples --bin resident -- https://api.openai.com/v1 gpt-5
//! ```
//!
//! Try "list the files in docs", "read README.md", `/help`. Kill it and start it again: it goes on.

mod disk;
mod http;
mod settings;
mod tools;

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sentinel_core::channel::{Identity, Keyboard, Post, Screen};
use sentinel_core::journal::{JournalId, MasterKey};
use sentinel_core::llm::TransportKind;
use sentinel_core::runtime::{Effect, Event, Secrets, Sentinel};
use sentinel_core::time::{Instant, Now, Timestamp};

use disk::Disk;
use http::Heard;
use settings::settings;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (endpoint, model) = match arguments.as_slice() {
        [] => (None, "offline"),
        [endpoint, model] => (Some(endpoint.clone()), model.as_str()),
        _ => return Err("resident [URL MODEL]".into()),
    };
    let workspace = std::env::current_dir()?.to_str().ok_or("an odd directory")?.to_string();
    let settings = Arc::new(settings(model, &workspace)?);
    // A replay needs the settings of earlier starts; ours follow from the name of the model.
    let earlier = |digest: &[u8; 32]| {
        let name = std::str::from_utf8(digest).ok()?.trim_end_matches('\0').to_string();
        crate::settings(&name, &workspace).ok().map(Arc::new)
    };

    let clock = std::time::Instant::now();
    let now = || Now {
        instant: Instant(u64::try_from(clock.elapsed().as_millis()).unwrap_or(0)),
        wall: Timestamp(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0)),
        ),
    };
    let mut disk = Disk::open(".sentinel-resident")?;
    let secrets = Secrets {
        journal: JournalId(*b"embedded"),
        origin: "example.com/embed".into(),
        seed: disk.seed()?,
        master: MasterKey::new(disk.master()?),
        entropy: disk::entropy()?,
    };
    let log = disk.log()?;
    let files: Vec<&[u8]> = log.iter().map(Vec::as_slice).collect();
    let mut sentinel = match files.is_empty() {
        true => Sentinel::create(settings, secrets, now())?,
        false => {
            let ring = disk.ring()?;
            let resumed = Sentinel::resume(settings, &earlier, secrets, ring, &files, now())?;
            disk.cut(resumed.bytes_count)?;
            resumed.sentinel
        }
    };

    let (tell, hear) = channel();
    let typed = tell.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().split(b'\n').map_while(Result::ok) {
            let _ = typed.send(Heard::Typed([line, b"\n".to_vec()].concat()));
        }
        let _ = typed.send(Heard::EndOfInput);
    });
    let mut keyboard = Keyboard::new(Identity::new("terminal", "here", "me")?, "me", now().wall);
    let mut screen = Screen::new();
    let (mut models, mut is_over, mut is_signed) = (HashMap::new(), false, false);
    loop {
        while let Some(effect) = sentinel.poll() {
            match effect {
                Effect::Persist { file, offset, bytes, records_count } => {
                    let event = match disk.write(file, offset, &bytes) {
                        Ok(()) => Event::Persisted { records_count },
                        Err(_) => Event::PersistFailed,
                    };
                    sentinel.handle(now(), event)?;
                }
                Effect::StoreKeys { ring } => disk.store("ring", &ring)?,
                Effect::StoreSeed { seed } => disk.store("seed", &*seed.to_bytes())?,
                Effect::AskModel { exchange, request, .. } => {
                    match http::ask(endpoint.as_deref(), exchange, &request, tell.clone()) {
                        Ok(connection) => drop(models.insert(exchange, connection)),
                        Err(error) => {
                            eprintln!("! {error}");
                            let kind = TransportKind::Connect;
                            sentinel.handle(now(), Event::ModelFailed { exchange, kind })?;
                        }
                    }
                }
                Effect::CancelModel { exchange } => drop(models.remove(&exchange)),
                Effect::RunTool { number, call, .. } => {
                    let output = tools::run(&call, &workspace);
                    let _ = tell.send(Heard::Tool(number, output));
                }
                Effect::Post { delivery, post, .. } => {
                    let mut text = String::new();
                    screen.show(&post, &mut text);
                    print!("{text}");
                    std::io::stdout().flush()?;
                    if let Post::Send { piece, .. } = post {
                        let message = "";
                        sentinel.handle(now(), Event::Sent { delivery, piece, message })?;
                    }
                }
                Effect::Alert(text) => eprintln!("! {text}"),
                // A terminal keeps nothing for us, and this host's tools end by themselves.
                _ => {}
            }
        }
        if is_over && !sentinel.is_busy() {
            if is_signed {
                return Ok(());
            }
            sentinel.checkpoint(now());
            is_signed = true;
            continue;
        }
        match wait(&hear, sentinel.deadline(), now()) {
            Some(Heard::Typed(line)) => {
                if let Some(line) = keyboard.next(&mut line.as_slice(), now().wall) {
                    sentinel.handle(now(), Event::Message(line?.message))?;
                }
            }
            Some(Heard::EndOfInput) => is_over = true,
            Some(Heard::Model(exchange, bytes)) => {
                if let Some(connection) = models.get_mut(&exchange) {
                    connection.take(&bytes, |event| sentinel.handle(now(), event))?;
                }
            }
            Some(Heard::Tool(call, output)) => {
                sentinel.handle(now(), Event::ToolFinished { call, output })?;
            }
            None => sentinel.handle(now(), Event::Time)?,
        }
    }
}

fn wait(hear: &Receiver<Heard>, until: Option<Instant>, now: Now) -> Option<Heard> {
    let time = until.map_or(Duration::from_secs(60), |until| until.since(now.instant));
    hear.recv_timeout(time).ok()
}
