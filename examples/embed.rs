//! An agent in a host of your own: a chat in the terminal that may read and list files here.
//!
//! The core decides; this program does what it asks for, with threads and blocking I/O. What was
//! done is in `embed.log`. `examples/resident` also has TLS, and a log that outlives the program.
//!
//! ```sh
//! cargo run -p sentinel-examples --bin embed                 # the offline model, no network
//! cargo run -p sentinel-examples --bin embed -- http://127.0.0.1:11434/v1 llama3.2
//! ```

use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant as Clock, UNIX_EPOCH};
use std::{error::Error, fs, net::TcpStream, path::Path, sync::mpsc, thread};

use sentinel_core::channel::{Identity, Keyboard, Post, Screen};
use sentinel_core::config::{self, Surroundings, TERMINAL_PERSON};
use sentinel_core::journal::{EpochSeed, JournalId, MasterKey};
use sentinel_core::runtime::{Effect, Event, ModelConnection, Secrets, Sentinel};
use sentinel_core::time::{Instant, Now, Timestamp};
use sentinel_core::tool::{Builtin, Call, Operation, Tools};

fn main() -> Result<(), Box<dyn Error>> {
    // What the operator decides: the model, and, without a word, that files here may be read.
    let model = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => "provider='offline'".into(),
        [url, model] if url.starts_with("http://") => {
            format!("provider='compatible'\nbase_url='{url}'\nmodel='{model}'")
        }
        _ => return Err("embed [http://HOST:PORT/PATH MODEL]".into()),
    };
    let workspace = std::env::current_dir()?.display().to_string();
    let text = format!("state.directory='.embed'\n[models.mine]\n{model}");
    let reading = config::read(&text, &Surroundings::bare(&workspace));
    reading.diagnostics.iter().for_each(|it| eprintln!("{it}"));
    let config = reading.config.ok_or("these settings cannot be worked with")?;
    let mut settings = config.settings().clone();
    settings.tools = Tools::with(&[Builtin::Plan, Builtin::ReadFile, Builtin::ListDirectory]);

    let clock = Clock::now();
    let now = || Now {
        instant: Instant(clock.elapsed().as_millis() as u64),
        wall: Timestamp(UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64)),
    };
    let entropy = || -> io::Result<[u8; 32]> {
        let mut bytes = [0; 32];
        fs::File::open("/dev/urandom")?.read_exact(&mut bytes).map(|()| bytes)
    };
    let secrets = Secrets {
        journal: JournalId(*b"embedded"),
        origin: "example.com/embed".into(),
        seed: EpochSeed::first(entropy()?),
        master: MasterKey::new(entropy()?),
        entropy: entropy()?,
    };
    let mut log = fs::File::create("embed.log")?;
    let mut sentinel = Sentinel::create(settings.into(), secrets, now())?;

    let (tell, hear) = mpsc::channel();
    let typed = tell.clone();
    thread::spawn(move || {
        let lines = io::stdin().lines().map_while(Result::ok).map(Some);
        lines.chain([None]).try_for_each(|line| typed.send(line))
    });
    let person = Identity::new("terminal", "here", TERMINAL_PERSON)?;
    let (mut keyboard, mut screen) = (Keyboard::new(person, "me", now().wall), Screen::new());
    let (mut answer, mut buffer, mut is_over, mut is_signed) = (None, [0; 16384], false, false);
    loop {
        while let Some(effect) = sentinel.poll() {
            match effect {
                Effect::Persist { bytes, records_count, .. } => {
                    log.write_all(&bytes)?;
                    log.sync_data()?;
                    sentinel.handle(now(), Event::Persisted { records_count })?;
                }
                Effect::AskModel { exchange, model, request, .. } => {
                    let service = config.endpoints()[model].base_url.as_ref();
                    let (service, key) = (service.ok_or("no address")?, std::env::var("KEY").ok());
                    let (reader, bytes) =
                        ModelConnection::open(exchange, service, &request, key.as_deref())?;
                    let host = format!("{}:{}", service.host(), service.port());
                    let stream = TcpStream::connect(host).and_then(|mut stream| {
                        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
                        stream.write_all(&bytes).map(|()| stream)
                    });
                    let stream = stream.inspect_err(|error| eprintln!("! {service}: {error}"));
                    answer = Some((reader, stream));
                }
                Effect::CancelModel { .. } => answer = None,
                Effect::RunTool { number: call, call: what, .. } => {
                    let output = run(&what, Path::new(&workspace)).into();
                    sentinel.handle(now(), Event::ToolFinished { call, output })?;
                }
                Effect::Post { delivery, post, .. } => {
                    let mut text = String::new();
                    screen.show(&post, &mut text);
                    print!("{text}");
                    io::stdout().flush()?;
                    if let Post::Send { piece, .. } = post {
                        sentinel.handle(now(), Event::Sent { delivery, piece, message: "" })?;
                    }
                }
                Effect::Alert(text) => eprintln!("! {text}"),
                _ => {}
            }
        }
        if is_over && !sentinel.is_busy() {
            if is_signed {
                return Ok(());
            }
            sentinel.checkpoint(now()); // What is signed cannot lose its end unseen.
            is_signed = true;
            continue;
        }
        // While an answer is read, what is typed is looked for between two pieces: `/stop` ends it.
        let until = sentinel.deadline().map_or(Duration::MAX, |it| it.since(now().instant));
        let until = if answer.is_some() { Duration::ZERO } else { until };
        match (hear.recv_timeout(until), &mut answer) {
            (Ok(None), _) => is_over = true,
            (Ok(Some(line)), _) => {
                if let Some(line) = keyboard.message(&line, now().wall) {
                    sentinel.handle(now(), Event::Message(line?.message))?;
                }
            }
            (Err(_), None) => sentinel.handle(now(), Event::Time)?,
            (Err(_), Some((reader, stream))) => {
                // No connection, or nothing for too long, is the end of an answer, too.
                let count = stream.as_mut().map_or(0, |it| it.read(&mut buffer).unwrap_or(0));
                reader.take(&buffer[..count], |event| sentinel.handle(now(), event))?;
                answer = answer.take_if(|(reader, _)| !reader.is_over());
            }
        }
    }
}

/// Does what the core allowed. It compared names, so there must be no link among them.
fn run(call: &Call, workspace: &Path) -> io::Result<String> {
    let plain = |name: &str| match workspace.join(name).canonicalize()? {
        path if path == workspace.join(name) => Ok(path),
        _ => Err(io::Error::other("links are not followed")),
    };
    match call {
        Call::Builtin(Operation::ReadFile { path, .. }) => fs::read_to_string(plain(path)?),
        Call::Builtin(Operation::ListDirectory { path }) => fs::read_dir(plain(path)?)?
            .map(|entry| Ok(format!("{}\n", entry?.file_name().display())))
            .collect(),
        other => Err(io::Error::other(format!("this host has no {}", other.tool()))),
    }
}
