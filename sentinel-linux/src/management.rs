//! The other end of management: asking the agent that is at work, or opening its log if none is.
//!
//! Both ways speak the same protocol to the same code; only what carries the lines differs.
//!
//! # Invariants
//! - Looking writes nothing to the log. What is done is on disk before it is called done.
//!
//! # Not here
//! What is asked and how it is shown: [`command`](crate::command).

use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sentinel_core::agent::OperatorCommand;
use sentinel_core::control::{self, Control, Query, Request};
use sentinel_core::limits::CONTROL_ANSWER_BYTES_MAX;
use sentinel_core::runtime::{Effect, Event};
use sentinel_core::text::json;

use crate::attachments::Attachments;
use crate::clock::Clock;
use crate::configuration::Configuration;
use crate::control::socket_path;
use crate::journal::{Deed, Disk, Done};
use crate::log;
use crate::opening::{self, Opened, Purpose};
use crate::state::StateError;

/// Somebody to ask.
pub(crate) struct Management {
    link: Link,
    requests_count: u64,
}

enum Link {
    /// The process that is at work.
    Socket(BufReader<UnixStream>),
    /// The log, because none is.
    Rest(Box<Rest>),
}

/// A log that is opened while no agent is at work.
struct Rest {
    opened: Opened,
    /// What writes the log, once something is to be written.
    disk: Option<Disk>,
    control: Control,
    client: u32,
    clock: Clock,
}

impl Management {
    /// Finds the process that is at work in a directory, or takes the directory.
    pub(crate) fn open(
        directory: &Path,
        configuration: impl FnOnce() -> Result<Configuration, Box<dyn Error>>,
    ) -> Result<Self, Box<dyn Error>> {
        let end = Instant::now() + PATIENCE;
        let (mut known, mut configuration) = (None, Some(configuration));
        loop {
            if let Some(socket) = connect(directory)? {
                return Ok(Self { link: Link::Socket(socket), requests_count: 0 });
            }
            if let Some(configuration) = configuration.take() {
                known = Some(configuration()?);
            }
            let Some(known) = &known else { continue };
            match Rest::open(known, directory) {
                Ok(rest) => {
                    return Ok(Self { link: Link::Rest(Box::new(rest)), requests_count: 0 });
                }
                // One that starts holds the directory a moment before it listens, and another one
                // like this holds it a moment without.
                Err(error) if is_held(&*error) => {
                    if Instant::now() >= end {
                        return Err(NOT_LISTENING.into());
                    }
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether an agent is at work.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(self.link, Link::Socket(_))
    }

    /// Has something done, and says what was.
    pub(crate) fn command(&mut self, command: OperatorCommand) -> Result<String, Box<dyn Error>> {
        let answer = self.ask(&Request::Do(command))?;
        let document = json::parse(answer.as_bytes())?;
        let done = document.root().get("done")?;
        Ok(done.as_str()?.to_string())
    }

    /// All elements of a list, as JSON.
    pub(crate) fn list(&mut self, what: Query) -> Result<Vec<String>, Box<dyn Error>> {
        let (mut after, mut elements) = (0, Vec::new());
        loop {
            let answer = self.ask(&Request::Show { what, after })?;
            let document = json::parse(answer.as_bytes())?;
            let page = document.root().get(what.name())?.elements()?;
            elements.extend(page.map(|element| element.source().to_string()));
            match document.root().find("next") {
                Some(next) if next.as_u64()? > after => after = next.as_u64()?,
                _ => return Ok(elements),
            }
        }
    }

    /// One thing, as JSON.
    pub(crate) fn look(&mut self, what: Query) -> Result<String, Box<dyn Error>> {
        let answer = self.ask(&Request::Show { what, after: 0 })?;
        let document = json::parse(answer.as_bytes())?;
        Ok(document.root().get(what.name())?.source().to_string())
    }

    /// Asks, and gives the line of the answer if it is none of an error.
    fn ask(&mut self, request: &Request) -> Result<String, Box<dyn Error>> {
        self.requests_count += 1;
        let line = request.write(self.requests_count);
        let answer = match &mut self.link {
            Link::Socket(socket) => {
                socket.get_mut().write_all(line.as_bytes()).map_err(broken)?;
                read_line(socket)?
            }
            Link::Rest(rest) => rest.ask(&line)?,
        };
        let document = json::parse(answer.as_bytes())?;
        let root = document.root();
        for kind in ["refused", "error"] {
            if let Some(why) = root.find(kind) {
                return Err(why.as_str()?.to_string().into());
            }
        }
        if root.get("id")?.as_u64()? != self.requests_count {
            return Err("what answered is no agent of this version: its answers are others'".into());
        }
        Ok(answer)
    }
}

impl Rest {
    fn open(configuration: &Configuration, directory: &Path) -> Result<Self, Box<dyn Error>> {
        let clock = Clock::new();
        let opened = opening::open(configuration, directory, &clock, Purpose::Maintenance)?;
        let mut control = Control::new();
        let client = control.open(clock.now().instant);
        let greeting = control.output(client).len();
        control.sent(client, greeting, clock.now().instant);
        Ok(Self { opened, disk: None, control, client, clock })
    }

    /// The answer to a line.
    fn ask(&mut self, line: &str) -> Result<String, Box<dyn Error>> {
        let now = self.clock.now();
        self.control.received(self.client, line.as_bytes(), now.instant);
        while let Some(asked) = self.control.poll(&self.opened.sentinel, now) {
            let control::Command { request, command } = asked;
            let event = Event::Operator { request, command };
            match self.opened.sentinel.handle(now, event) {
                Ok(()) => self.carry_out()?,
                Err(error) => self.control.not_taken(request, &error),
            }
            self.opened.sentinel.checkpoint(self.clock.now());
            self.carry_out()?;
        }
        let answer = String::from_utf8(self.control.output(self.client).to_vec())?;
        self.control.sent(self.client, answer.len(), now.instant);
        Ok(answer)
    }

    /// Does what follows, which is to be written and nothing else.
    fn carry_out(&mut self) -> Result<(), Box<dyn Error>> {
        let opened = &mut self.opened;
        let mut disk = match self.disk.take() {
            Some(disk) => disk,
            None => {
                let directory = opened.state.directory().to_path_buf();
                Disk::open(directory, opened.last, opened.bytes_count)?
            }
        };
        while let Some(effect) = opened.sentinel.poll() {
            let done = match effect {
                Effect::StoreKeys { ring } => disk.perform(Deed::StoreKeys(ring)),
                Effect::StoreSeed { seed } => disk.perform(Deed::StoreSeed(seed)),
                Effect::Checkpoint(note) => disk.perform(Deed::StoreCheckpoint(note.to_string())),
                Effect::Persist { file, offset, bytes, records_count } => {
                    disk.perform(Deed::Persist { file, offset, bytes, records_count })
                }
                Effect::Alert(text) => {
                    log::warn!("{text}");
                    None
                }
                Effect::RemoveFiles { conversation } => {
                    let files = Attachments::new(&opened.settings.workspace, false);
                    let removed = files.map_err(|error| error.to_string());
                    if let Err(why) = removed.and_then(|files| files.remove(conversation.0)) {
                        log::warn!("a file of {conversation} is still there: {why}");
                    }
                    None
                }
                Effect::Tell { request, outcome } => {
                    self.control.told(request, &outcome);
                    None
                }
                _ => None,
            };
            match done {
                Some(Done::Persisted { records_count }) => {
                    let event = Event::Persisted { records_count };
                    opened.sentinel.handle(self.clock.now(), event)?;
                }
                Some(Done::PersistFailed(error)) => {
                    return Err(format!("the log could not be written: {error}").into());
                }
                Some(Done::SeedFailed(error)) => {
                    log::error!("the log's secret could not be replaced: {error}");
                }
                Some(Done::NotErased(name, error)) => {
                    log::error!("what '{name}' was before may still be on the disk: {error}");
                }
                Some(Done::CheckpointFailed(error)) => {
                    log::error!("the last checkpoint could not be kept: {error}");
                }
                // No platform is talked with here.
                Some(Done::NotKept(..)) | None => {}
            }
        }
        self.disk = Some(disk);
        Ok(())
    }
}

/// The process at work in a directory, if one answers.
fn connect(directory: &Path) -> Result<Option<BufReader<UnixStream>>, Box<dyn Error>> {
    // By its one real name, as the process itself calls it.
    let directory: PathBuf = match std::fs::canonicalize(directory) {
        Ok(directory) => directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", directory.display()).into()),
    };
    let Ok(path) = socket_path(&directory) else { return Ok(None) };
    let socket = match UnixStream::connect(&path) {
        Ok(socket) => socket,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(format!("{}: {error}", path.display()).into()),
    };
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let mut socket = BufReader::new(socket);
    let greeting = match read_line(&mut socket) {
        Ok(greeting) => greeting,
        // It ended in this moment.
        Err(error) if error.is::<Gone>() => return Ok(None),
        Err(error) => return Err(error),
    };
    let document = json::parse(greeting.as_bytes())?;
    let version = document.root().get("version")?.as_u64()?;
    if version != control::VERSION {
        let own = control::VERSION;
        return Err(format!(
            "the agent that is at work speaks version {version} of this protocol, and this \
             program {own}: use the program it was started with"
        )
        .into());
    }
    Ok(Some(socket))
}

fn read_line(socket: &mut BufReader<UnixStream>) -> Result<String, Box<dyn Error>> {
    let mut line = Vec::new();
    let most = CONTROL_ANSWER_BYTES_MAX as u64 + 1;
    socket.take(most).read_until(b'\n', &mut line).map_err(broken)?;
    match line.pop() {
        Some(b'\n') => Ok(String::from_utf8(line)?),
        Some(_) if line.len() as u64 + 1 >= most => Err("the answer is too long".into()),
        _ => Err(Box::new(Gone)),
    }
}

fn broken(error: io::Error) -> Box<dyn Error> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => NOT_ANSWERING.into(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Box::new(Gone),
        _ => Box::new(error),
    }
}

fn is_held(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(StateError::Held { .. }))
}

/// The agent ended before it answered.
#[derive(Debug)]
struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(
            "the agent ended before it answered; look whether it was done, and say it again if not",
        )
    }
}

impl Error for Gone {}

const NOT_LISTENING: &str = "an agent is at work here and cannot be managed: its own first lines \
                             say why, or it is an older version. End it, and say it again";
const NOT_ANSWERING: &str = "the agent does not answer; others may be asking it at the same time, \
                             or its disk is slow. Look whether it was done, and say it again if \
                             not";

/// How long an answer may take: a slow disk, or a start with a long log.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
