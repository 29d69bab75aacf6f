//! One skill that runs: lines to it, lines from it, and what follows.
//!
//! # Invariants
//! - What is kept of what it says is a line, and of what it says for its author a line and a count.
//! - It reads what its call was handed, while that call and the grant for it go on, and nothing
//!   else.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use sentinel_core::agent::{CallNumber, ConversationNumber, ToolOutput};
use sentinel_core::sandbox::{Mount, Profile};
use sentinel_core::skill::{Deed, Handed, Manifest};
use sentinel_core::time::{Instant, Now, Timestamp};
use sentinel_skill_abi::json::{Text, Value};
use sentinel_skill_abi::limits::{LINE_BYTES_MAX, READ_BYTES_MAX};
use sentinel_skill_abi::message::Service;
use sentinel_skill_abi::session::{Heard, Session};
use sentinel_skill_abi::{Code, Full};

use super::describing;
use super::mcp::Server;
use crate::egress::WayOut;
use crate::log;
use crate::sandbox::{Talking, Told, look};

pub(super) const OUTPUT: u32 = 0;
pub(super) const REPORT: u32 = 1;
pub(super) const ERRORS: u32 = 2;
pub(super) const INPUT: u32 = 3;

/// A skill that runs. Whoever drops it ends it, and all that it started.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) digest: [u8; 32],
    pub(super) conversation: ConversationNumber,
    manifest: Manifest,
    session: Session<Vec<u8>>,
    /// What is spoken with it in place of that, if it is an MCP server.
    pub(super) server: Option<Box<Server>>,
    /// Whether it has listed what it can do, and its call is to be made.
    pub(super) calls_next: bool,
    /// What its sandbox shows and hides.
    walls: (Vec<Mount>, Vec<Vec<u8>>),
    pub(super) stage: Stage,
    job: Option<Job>,
    /// What came of its call.
    pub(super) over: Option<(CallNumber, ToolOutput)>,
    pub(super) deadline: Instant,
    /// Since when its server waits for a person. Meanwhile the deadline of its call stands.
    asks_since: Option<Instant>,
    /// What it is let out to, until its sandbox has a network.
    pub(super) allowance: Option<WayOut>,
    is_let_out: bool,
    /// None, of a server elsewhere, nor any other.
    pub(super) input: Option<OwnedFd>,
    output: Option<OwnedFd>,
    errors: Option<OwnedFd>,
    report: Option<OwnedFd>,
    /// What is to be said and was not taken yet.
    outgoing: Vec<u8>,
    pub(super) asks_to_write: bool,
    /// What it said for its author: the line that has no end yet, and how much it was.
    line: Vec<u8>,
    noted: usize,
    /// How it ended, or which walls it has not.
    told: String,
    lacking: Option<String>,
    has_done_well: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is to say hello.
    Greeting,
    /// It is to say what it can do.
    Describing,
    /// A call goes on.
    Calling,
    /// A call goes on that nobody waits for.
    Leaving,
    /// It may be called again.
    Waiting,
    /// It did something that it must not, or ended by itself.
    Broken,
    /// It is not needed any more.
    Done,
}

/// A call.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) call: CallNumber,
    pub(super) tool: String,
    /// What a server is asked for.
    pub(super) deed: Option<Deed>,
    /// As it is told them.
    pub(super) arguments: String,
    /// The handles that it has, derived from the grants of the call.
    pub(super) handed: Handed,
    /// What these stand for, in the same order.
    pub(super) files: Vec<File>,
    pub(super) output_bytes_max: usize,
    pub(super) time: Duration,
}

impl Guest {
    pub(super) fn new(
        now: Instant,
        digest: [u8; 32],
        conversation: ConversationNumber,
        manifest: &Manifest,
        profile: Profile,
        talking: Option<Talking>,
    ) -> Self {
        let (input, output, errors, report) = match talking {
            Some(Talking { input, output, errors, report }) => {
                (Some(input), Some(output), Some(errors), Some(report))
            }
            None => (None, None, None, None),
        };
        Self {
            digest,
            conversation,
            manifest: manifest.clone(),
            session: Session::new(vec![0; LINE_BYTES_MAX]),
            server: None,
            calls_next: false,
            walls: (profile.mounts, profile.hidden),
            stage: Stage::Greeting,
            job: None,
            over: None,
            deadline: now.after(PATIENCE),
            asks_since: None,
            allowance: None,
            is_let_out: false,
            input,
            output,
            errors,
            report,
            outgoing: Vec::new(),
            asks_to_write: false,
            line: Vec::new(),
            noted: 0,
            told: String::new(),
            lacking: None,
            has_done_well: false,
        }
    }

    /// What is read from.
    pub(super) fn descriptors(&self) -> Vec<(BorrowedFd<'_>, u32)> {
        let all = [
            (&self.output, OUTPUT),
            (&self.report, REPORT),
            (&self.errors, ERRORS),
            (&self.input, INPUT),
        ];
        all.into_iter().filter_map(|(fd, which)| Some((fd.as_ref()?.as_fd(), which))).collect()
    }

    /// Greets it, and keeps a call until it answered.
    pub(super) fn begin(&mut self, now: Instant, job: Job) {
        self.is_let_out = self.allowance.is_some();
        self.job = Some(job);
        if self.server.is_some() {
            return self.greet_server(now);
        }
        self.say(|session, room| session.conversation().hello(room));
    }

    /// Whether it can take a call of this conversation at once.
    pub(super) fn waits_for(
        &self,
        digest: &[u8; 32],
        conversation: ConversationNumber,
        profile: &Profile,
    ) -> bool {
        let (mounts, hidden) = &self.walls;
        self.stage == Stage::Waiting
            && self.digest == *digest
            && self.conversation == conversation
            && (mounts, hidden) == (&profile.mounts, &profile.hidden)
    }

    /// Gives it a call.
    pub(super) fn give(&mut self, now: Instant, job: Job) {
        self.job = Some(job);
        self.call_it(now);
    }

    pub(super) fn call(&self) -> Option<CallNumber> {
        self.job.as_ref().map(|job| job.call)
    }

    /// Whether it is to be let go of.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Broken | Stage::Done)
    }

    pub(super) fn has_done_well(&self) -> bool {
        self.has_done_well
    }

    pub(super) fn has_to_say(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Nobody wants to know any more what comes of its call.
    pub(super) fn cancel(&mut self, now: Instant) {
        self.job = None;
        match self.stage {
            Stage::Calling if self.server.is_some() => self.leave_server(now, false),
            Stage::Calling if !self.is_let_out => {
                self.stage = Stage::Leaving;
                self.deadline = now.after(LEAVING);
                self.say(|session, room| session.conversation().cancel(room));
            }
            Stage::Waiting => {}
            _ => self.stage = Stage::Done,
        }
    }

    /// When it has taken too long; never, while a person is asked.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.asks_since.is_none().then_some(self.deadline)
    }

    /// What a person takes to answer is not its call's time.
    pub(super) fn mind_the_clock(&mut self, now: Instant) {
        let is_called = self.stage == Stage::Calling;
        let asks = is_called && self.server.as_ref().is_some_and(|server| server.asks());
        if asks {
            self.asks_since.get_or_insert(now);
        } else if let Some(since) = self.asks_since.take()
            && is_called
        {
            self.deadline = self.deadline.after(now.since(since));
        }
    }

    /// It took too long, or nobody called it for long.
    pub(super) fn time_out(&mut self, now: Instant) {
        match self.stage {
            Stage::Describing if self.is_unlike() => self.end_unlike(),
            Stage::Leaving if self.took_too_long() => self.broke(TOO_LONG),
            Stage::Calling if self.server.is_some() => {
                let content = format!("the skill {} broke off: {TOO_LONG}", self.manifest.name);
                let over = ToolOutput { content, is_error: true };
                self.over = self.job.take().map(|job| (job.call, over));
                self.leave_server(now, true);
            }
            Stage::Waiting | Stage::Leaving => self.stage = Stage::Done,
            Stage::Calling => self.broke(TOO_LONG),
            _ => self.broke("it does not say what it is, and was ended"),
        }
    }

    /// Writes what is to be said, as far as it is taken.
    pub(super) fn speak(&mut self) {
        let Some(input) = &self.input else { return };
        while !self.outgoing.is_empty() && !self.is_gone() {
            let flags = rustix::net::SendFlags::NOSIGNAL | rustix::net::SendFlags::DONTWAIT;
            match rustix::net::send(input, &self.outgoing, flags) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                // It hung up; why, its end will say.
                Err(_) => {
                    self.outgoing.clear();
                    return;
                }
            }
        }
    }

    /// Takes what it says.
    pub(super) fn listen(&mut self, now: Now) {
        let Some(output) = &self.output else { return };
        let mut bytes = vec![0; LINE_BYTES_MAX];
        let count = match rustix::io::read(output, &mut bytes) {
            Err(Errno::INTR | Errno::AGAIN) => return,
            Ok(count) => count,
            Err(_) => 0,
        };
        if count == 0 {
            self.output = None;
            match self.session.end() {
                Err(fault) => self.broke(&fault.to_string()),
                Ok(()) if self.stage == Stage::Waiting => self.stage = Stage::Done,
                // How it ended stands in the report, which may come a moment later.
                Ok(()) if self.report.is_some() => {}
                Ok(()) => {
                    // It may have been told a moment before, while this was looked at.
                    let told = std::mem::take(&mut self.told);
                    let is_told = !told.is_empty();
                    self.broke(if is_told { &told } else { "it ended without an answer" });
                }
            }
            return;
        }
        let mut input = bytes.get(..count).unwrap_or_default();
        if self.server.is_some() {
            self.hear_server(now.instant, input);
            return self.call_next(now.instant);
        }
        // The session is taken out, because what it gives borrows from it.
        let mut session = std::mem::replace(&mut self.session, Session::new(Vec::new()));
        while !input.is_empty() && !self.is_gone() {
            match session.take(&mut input) {
                Ok(None) => {}
                Ok(Some(heard)) => {
                    if let Some(answer) = self.hear(now, heard) {
                        self.answer(&mut session, answer);
                    }
                }
                Err(fault) => self.broke(&fault.to_string()),
            }
        }
        self.session = session;
        if self.stage == Stage::Waiting && self.job.is_some() {
            self.call_it(now.instant);
        }
    }

    /// Makes its call, if it was waited with until it listed what it can do.
    pub(super) fn call_next(&mut self, now: Instant) {
        if std::mem::take(&mut self.calls_next) && self.stage == Stage::Waiting {
            self.call_it(now);
        }
    }

    /// Takes what is told of its sandbox; where it connects to, if that is it.
    pub(super) fn look(&mut self, now: Now) -> Option<(OwnedFd, WayOut)> {
        let told = look(self.report.as_ref()?);
        let why = match told {
            Ok(None) => return None,
            Ok(Some(Told::Listening(listener))) => return Some((listener, self.allowance.take()?)),
            Ok(Some(Told::Lacking(what))) => {
                self.lacking = Some(what);
                return None;
            }
            Ok(Some(Told::Ended(outcome))) => outcome.end.to_string(),
            Ok(Some(Told::Refused(why))) => format!("it was not started: {why}"),
            Err(_) => "it was killed".into(),
        };
        self.report = None;
        self.told = why;
        // What it said before its end counts.
        self.note();
        for _ in 0..LAST_READS {
            if self.output.is_none() || self.is_gone() {
                break;
            }
            self.listen(now);
        }
        let why = std::mem::take(&mut self.told);
        match self.stage {
            Stage::Waiting => self.stage = Stage::Done,
            _ if self.is_gone() => {}
            _ => self.broke(&why),
        }
        None
    }

    /// Takes what it says for its author: into the log, as far as that has room for it.
    pub(super) fn note(&mut self) {
        let Some(errors) = &self.errors else { return };
        let mut bytes = [0; 4096];
        let count = match rustix::io::read(errors, &mut bytes) {
            Err(Errno::INTR | Errno::AGAIN) => return,
            Ok(count) => count,
            Err(_) => 0,
        };
        if count == 0 {
            self.errors = None;
            self.log_line();
            return;
        }
        for byte in bytes.get(..count).unwrap_or_default() {
            match byte {
                b'\n' => self.log_line(),
                byte if self.line.len() < NOTE_BYTES_MAX => self.line.push(*byte),
                _ => {}
            }
        }
    }

    /// Takes a line that it says for its author on another way.
    pub(super) fn remark(&mut self, text: &str) {
        self.log_line();
        self.line.extend(text.bytes().take(NOTE_BYTES_MAX));
        self.log_line();
    }

    pub(super) fn name(&self) -> &str {
        &self.manifest.name
    }

    /// What it is to be asked for, and with which words.
    pub(super) fn asked(&self) -> Option<(Deed, String)> {
        let job = self.job.as_ref()?;
        Some((job.deed.clone()?, job.arguments.clone()))
    }

    /// Says a line to it.
    pub(super) fn tell(&mut self, line: &str) {
        self.outgoing.extend_from_slice(line.as_bytes());
        self.outgoing.push(b'\n');
        if self.outgoing.len() > OUTGOING_BYTES_MAX {
            self.broke("it does not listen to what it is told");
        }
    }

    fn log_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let was = self.noted;
        self.noted = was.saturating_add(line.len());
        let name = &self.manifest.name;
        if was < NOTES_BYTES_MAX && !line.is_empty() {
            let text = String::from_utf8_lossy(&line);
            let text: String = text.escape_debug().collect();
            log::info!("the skill {name} says: {text}");
            if self.noted >= NOTES_BYTES_MAX {
                log::info!("the skill {name} says more than is written down");
            }
        }
    }

    /// What follows from what it said.
    fn hear(&mut self, now: Now, heard: Heard<'_>) -> Option<Answer> {
        match (self.stage, heard) {
            (Stage::Greeting, Heard::Greeted { name, release }) => {
                let own = (Text::Plain(&self.manifest.name), Text::Plain(&self.manifest.version));
                match (name, release) == own {
                    true => {
                        self.stage = Stage::Describing;
                        return Some(Answer::Describe);
                    }
                    false => self.broke("it calls itself otherwise than its manifest does"),
                }
            }
            (Stage::Describing, Heard::Described(list)) => {
                match describing::compare(list, &self.manifest) {
                    Ok(()) => self.stage = Stage::Waiting,
                    Err(why) => self.broke(&why),
                }
            }
            (Stage::Calling | Stage::Leaving, Heard::Progress { done, total, message }) => {
                let (done, total) = (done.to_string(), total.unwrap_or_default().to_string());
                let message = message.map(|text| text.to_string()).unwrap_or_default();
                let skill = self.manifest.name.as_str();
                log::debug!(
                    "skill",
                    [
                        skill = skill,
                        done = done.as_str(),
                        total = total.as_str(),
                        message = message.as_str()
                    ],
                    "a call goes on"
                );
            }
            (Stage::Calling | Stage::Leaving, Heard::Asked(service)) => {
                return Some(self.served(now.wall, service));
            }
            (Stage::Calling, Heard::Done(output)) => self.done(now.instant, output),
            (Stage::Calling, Heard::Failed(code, message)) => {
                self.finish(now.instant, format!("{}: {message}", code.word()), true);
            }
            (Stage::Leaving, Heard::Done(_) | Heard::Failed(..)) => self.wait(now.instant),
            (_, Heard::GaveUp(_, message)) => self.broke(&format!("it gives up: {message}")),
            (_, Heard::Failed(_, message)) => {
                self.broke(&format!("it does not say what it can do: {message}"));
            }
            _ => self.broke("it says what it was not asked"),
        }
        None
    }

    /// What it is given of what it asks for.
    fn served(&mut self, now: Timestamp, service: Service) -> Answer {
        let Some(job) = &mut self.job else {
            return Answer::No(Code::Cancelled, "the call was cancelled");
        };
        match service {
            Service::Proceed => Answer::Yes,
            Service::Unknown => Answer::No(Code::UnknownService, "there is no such service"),
            Service::Read { handle, offset, length } => {
                let place = job.handed.read(handle, now);
                let Some(file) = place.and_then(|place| job.files.get(place)) else {
                    return Answer::No(Code::Denied, "this call has no such handle, or no more");
                };
                let length = usize::try_from(length).unwrap_or(0).min(READ_BYTES_MAX);
                match read(file, offset, length) {
                    Ok((bytes, is_last)) => Answer::Bytes(bytes, is_last),
                    Err(_) => Answer::No(Code::Failed, "it cannot be read"),
                }
            }
        }
    }

    fn answer(&mut self, session: &mut Session<Vec<u8>>, answer: Answer) {
        let mut room = vec![0; LINE_BYTES_MAX];
        let conversation = session.conversation();
        let length = match answer {
            Answer::Describe => conversation.describe(&mut room),
            Answer::Yes => conversation.proceed(&mut room),
            Answer::Bytes(bytes, is_last) => conversation.answer(&bytes, is_last, &mut room),
            Answer::No(code, why) => conversation.refuse(code, why, &mut room),
        };
        // What is said here fits: `limits` of the contract says so.
        let length = length.unwrap_or(0);
        self.outgoing.extend_from_slice(room.get(..length).unwrap_or_default());
    }

    fn done(&mut self, now: Instant, output: Value<'_>) {
        let content = match output.text() {
            Some(text) => text.to_string(),
            None => output.as_str().to_string(),
        };
        self.done_with(now, content, false);
    }

    /// What came of its call, if it is not too long.
    pub(super) fn done_with(&mut self, now: Instant, content: String, is_error: bool) {
        let Some(job) = &self.job else { return };
        let most = job.output_bytes_max;
        match content.len() > most {
            true => {
                let why = format!("its output has {} bytes, and may have {most}", content.len());
                self.finish(now, why, true);
            }
            false => self.finish(now, content, is_error),
        }
    }

    /// Its call is over.
    pub(super) fn finish(&mut self, now: Instant, mut content: String, is_error: bool) {
        if let Some(lacking) = &self.lacking {
            content += &format!("\n[it ran without all walls: {lacking}]");
        }
        if let Some(job) = self.job.take() {
            self.over = Some((job.call, ToolOutput { content, is_error }));
        }
        self.has_done_well = true;
        self.wait(now);
    }

    /// It may be called again, unless it was let out for one call, or is meant for one.
    fn wait(&mut self, now: Instant) {
        let is_kept = self.manifest.is_kept && !self.is_let_out;
        self.stage = if is_kept { Stage::Waiting } else { Stage::Done };
        self.deadline = now.after(WAITING);
    }

    /// It is ended, and its call with it.
    pub(super) fn broke(&mut self, why: &str) {
        let name = self.manifest.name.clone();
        log::warn!("the skill {name} was ended: {}", why.escape_debug().collect::<String>());
        self.stage = Stage::Broken;
        self.has_done_well = false;
        self.log_line();
        if let Some(job) = self.job.take() {
            let content = format!("the skill {name} broke off: {why}");
            self.over = Some((job.call, ToolOutput { content, is_error: true }));
        }
    }

    fn call_it(&mut self, now: Instant) {
        let Some(job) = self.job.take() else { return };
        self.stage = Stage::Calling;
        self.deadline = now.after(job.time);
        if self.server.is_some() {
            self.job = Some(job);
            return self.call_server(now);
        }
        let arguments = Value::parse(&job.arguments).unwrap_or(Value::EMPTY);
        let tool = job.tool.clone();
        let fits = self.say(|session, room| session.call(&tool, arguments, room));
        self.job = Some(job);
        if !fits {
            self.finish(now, "the arguments do not fit into a line".into(), true);
        }
    }

    /// Says what this writes; false if it does not fit.
    fn say(
        &mut self,
        write: impl FnOnce(&mut Session<Vec<u8>>, &mut [u8]) -> Result<usize, Full>,
    ) -> bool {
        let mut room = vec![0; LINE_BYTES_MAX];
        let length = write(&mut self.session, &mut room);
        let fits = length.is_ok();
        self.outgoing.extend_from_slice(room.get(..length.unwrap_or(0)).unwrap_or_default());
        fits
    }
}

/// What it is answered.
enum Answer {
    /// What is asked next.
    Describe,
    Yes,
    Bytes(Vec<u8>, bool),
    No(Code, &'static str),
}

/// Bytes of a file, and whether they are the last.
pub(crate) fn read(file: &File, offset: u64, length: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = vec![0; length];
    let mut count = 0;
    while let Some(room) = bytes.get_mut(count..).filter(|room| !room.is_empty()) {
        match file.read_at(room, offset.saturating_add(count as u64)) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(count);
    let end = file.metadata()?.len();
    Ok((bytes, offset.saturating_add(count as u64) >= end))
}

/// How long anything may take that is not a call: an interpreter has to start.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How long a skill has to end a call that was cancelled.
pub(super) const LEAVING: Duration = Duration::from_secs(1);
/// How long a skill waits for the next call.
const WAITING: Duration = Duration::from_secs(60);
/// Bytes that a server is told and does not take: the longest line that it can be told, and more.
const OUTGOING_BYTES_MAX: usize = 4 << 20;
const TOO_LONG: &str = "it took longer than it may, and was ended";
/// Bytes of a line that it says for its author.
const NOTE_BYTES_MAX: usize = 512;
/// Bytes that one process says for its author and that are written down.
const NOTES_BYTES_MAX: usize = 16 * 1024;
/// How often is read at its end: a pipe holds 64 KiB.
const LAST_READS: usize = 4;
