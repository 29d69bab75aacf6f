//! One skill that runs: lines to it, lines from it, and what follows.
//!
//! # Invariants
//! - What is kept of what it says is a line, and of what it is told a few.
//! - It reads what its call was handed, while that call and the grant for it go on, and nothing
//!   else.
//! - However much it says, a look at it takes a bounded part: the console is heard in between.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use luperiq_runtime::abi::Error;
use luperiq_runtime::abi::limits::MESSAGE_BYTES_MAX;
use sentinel_core::agent::{CallNumber, ConversationNumber, ToolOutput};
use sentinel_core::capability::Handle;
use sentinel_core::skill::{Handed, Manifest};
use sentinel_core::time::Instant;
use sentinel_skill_abi::json::{Text, Value};
use sentinel_skill_abi::limits::{LINE_BYTES_MAX, READ_BYTES_MAX};
use sentinel_skill_abi::message::{Service, tools};
use sentinel_skill_abi::session::{Heard, Session};
use sentinel_skill_abi::{Code, Full};

use crate::folder::Folder;
use crate::leases::{Lease, Leases};
use crate::machine::{Machine, Progress};

/// A skill that runs.
#[derive(Debug)]
pub(super) struct Guest<R, L> {
    pub(super) digest: [u8; 32],
    pub(super) conversation: ConversationNumber,
    pub(super) program: R,
    pub(super) stage: Stage,
    pub(super) deadline: Instant,
    /// What came of its call.
    pub(super) over: Option<(Job<L>, ToolOutput)>,
    /// Why it is ended, for people.
    pub(super) note: Option<String>,
    pub(super) has_done_well: bool,
    manifest: Manifest,
    session: Session<Vec<u8>>,
    job: Option<Job<L>>,
    /// What is to be said and was not taken yet.
    outgoing: Vec<u8>,
    calls_count: u32,
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
pub(super) struct Job<L> {
    pub(super) call: CallNumber,
    pub(super) tool: String,
    /// As it is told them.
    pub(super) arguments: String,
    /// The handles that it has, derived from the grants of the call.
    pub(super) handed: Handed,
    /// What these stand for, beneath the workspace, in the same order.
    pub(super) files: Vec<String>,
    /// What is in the one that was read last.
    pub(super) read: Option<(usize, Vec<u8>)>,
    /// What is lent for this call alone.
    pub(super) lent: Vec<Lease<L>>,
    /// The grants that it was allowed by.
    pub(super) handles: Vec<Handle>,
    pub(super) output_bytes_max: usize,
    pub(super) time: Duration,
}

impl<R, L: Folder> Guest<R, L> {
    pub(super) fn new(
        now: Instant,
        digest: [u8; 32],
        conversation: ConversationNumber,
        manifest: Manifest,
        program: R,
    ) -> Self {
        Self {
            digest,
            conversation,
            program,
            stage: Stage::Greeting,
            deadline: now.after(PATIENCE),
            over: None,
            note: None,
            has_done_well: false,
            manifest,
            session: Session::new(vec![0; LINE_BYTES_MAX]),
            job: None,
            outgoing: Vec::new(),
            calls_count: 0,
        }
    }

    /// Greets it, and keeps a call until it answered.
    pub(super) fn begin<M: Machine<Running = R, Lent = L>>(
        &mut self,
        machine: &mut M,
        job: Job<L>,
    ) {
        self.job = Some(job);
        self.say(|session, room| session.conversation().hello(room));
        self.speak(machine);
    }

    /// Gives a call to one that waits.
    pub(super) fn give<M: Machine<Running = R, Lent = L>>(&mut self, machine: &mut M, job: Job<L>) {
        self.job = Some(job);
        self.call_it(machine.now().instant);
        self.speak(machine);
    }

    /// Whether it can take a call of this conversation at once.
    pub(super) fn waits_for(&self, digest: &[u8; 32], conversation: ConversationNumber) -> bool {
        let is_it = self.digest == *digest && self.conversation == conversation;
        is_it && self.stage == Stage::Waiting
    }

    pub(super) fn call(&self) -> Option<CallNumber> {
        self.job.as_ref().map(|job| job.call)
    }

    /// Whether it is to be let go of.
    pub(super) const fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Broken | Stage::Done)
    }

    pub(super) const fn has_to_say(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Nobody wants to know any more what comes of its call. Gives the call.
    pub(super) fn cancel(&mut self, now: Instant) -> Option<Job<L>> {
        match self.stage {
            Stage::Calling => {
                self.stage = Stage::Leaving;
                self.deadline = now.after(LEAVING);
                self.say(|session, room| session.conversation().cancel(room));
            }
            Stage::Waiting => {}
            _ => self.stage = Stage::Done,
        }
        self.job.take()
    }

    /// What it was told is to be forgotten. The call that it may have is over as any that ends.
    pub(super) fn forget(&mut self) {
        self.stage = Stage::Done;
        if let Some(job) = self.job.take() {
            let content = "what its skill was told is forgotten".into();
            self.over = Some((job, ToolOutput { content, is_error: true }));
        }
    }

    /// Says what is to be said, takes what it says, and ends it if it is late.
    pub(super) fn look<M: Machine<Running = R, Lent = L>>(
        &mut self,
        machine: &mut M,
        leases: &mut Leases<L>,
    ) {
        for _ in 0..LOOKS {
            if self.is_gone() {
                return;
            }
            match machine.progress(&mut self.program) {
                Progress::Said(bytes) => self.listen(machine, leases, &bytes),
                Progress::Ended(code) => return self.ended(code),
                Progress::Nothing => break,
            }
        }
        self.speak(machine);
        if self.deadline <= machine.now().instant && !self.is_gone() {
            match self.stage {
                Stage::Waiting | Stage::Leaving => self.stage = Stage::Done,
                Stage::Calling => self.broke("it took longer than it may, and was ended"),
                _ => self.broke("it does not say what it is, and was ended"),
            }
        }
    }

    fn ended(&mut self, code: i32) {
        match (self.session.end(), self.stage) {
            (Err(fault), _) => self.broke(&fault.to_string()),
            (Ok(()), Stage::Waiting) => self.stage = Stage::Done,
            (Ok(()), _) if code < 0 => {
                self.broke(
                    "the kernel ended it: it did what no program may, or used more than it \
                            may",
                );
            }
            (Ok(()), _) => self.broke(&format!("it ended with status {code}")),
        }
    }

    /// Tells it what is to be said, as far as there is room.
    fn speak<M: Machine<Running = R>>(&mut self, machine: &mut M) {
        while !self.outgoing.is_empty() && !self.is_gone() {
            let count = self.outgoing.len().min(MESSAGE_BYTES_MAX);
            let piece = self.outgoing.get(..count).unwrap_or_default();
            match machine.tell(&self.program, piece) {
                Ok(()) => drop(self.outgoing.drain(..count)),
                Err(Error::NotReady) => return,
                // It hung up; why, its end will say.
                Err(_) => return self.outgoing.clear(),
            }
        }
    }

    /// Takes what it says.
    fn listen<M: Machine<Running = R, Lent = L>>(
        &mut self,
        machine: &mut M,
        leases: &mut Leases<L>,
        mut input: &[u8],
    ) {
        // The session is taken out, because what it gives borrows from it.
        let mut session = core::mem::replace(&mut self.session, Session::new(Vec::new()));
        while !input.is_empty() && !self.is_gone() {
            match session.take(&mut input) {
                Ok(None) => {}
                Ok(Some(heard)) => {
                    if let Some(answer) = self.hear(machine, leases, heard) {
                        self.answer(&mut session, answer);
                    }
                }
                Err(fault) => self.broke(&fault.to_string()),
            }
        }
        self.session = session;
        if self.stage == Stage::Waiting && self.job.is_some() {
            self.call_it(machine.now().instant);
        }
        self.speak(machine);
    }

    /// What follows from what it said.
    fn hear<M: Machine<Running = R, Lent = L>>(
        &mut self,
        machine: &mut M,
        leases: &mut Leases<L>,
        heard: Heard<'_>,
    ) -> Option<Answer> {
        let now = machine.now();
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
                let described: Vec<(String, String, &str)> = tools(list)
                    .map(|it| {
                        (it.name.to_string(), it.description.to_string(), it.parameters.as_str())
                    })
                    .collect();
                match self.manifest.agrees_with(&described) {
                    Ok(()) => self.wait(now.instant),
                    Err(why) => self.broke(&why),
                }
            }
            // How far it is nobody is shown here.
            (Stage::Calling | Stage::Leaving, Heard::Progress { .. }) => {}
            (Stage::Calling | Stage::Leaving, Heard::Asked(service)) => {
                return Some(self.served(machine, leases, service));
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
    fn served<M: Machine<Lent = L>>(
        &mut self,
        machine: &M,
        leases: &mut Leases<L>,
        service: Service,
    ) -> Answer {
        let Some(job) = &mut self.job else {
            return Answer::No(Code::Cancelled, "the call was cancelled");
        };
        match service {
            Service::Proceed => Answer::Yes,
            Service::Unknown => Answer::No(Code::UnknownService, "there is no such service"),
            Service::Read { handle, offset, length } => {
                let Some(place) = job.handed.read(handle, machine.now().wall) else {
                    return Answer::No(Code::Denied, "this call has no such handle, or no more");
                };
                match job.content(leases, place) {
                    Ok(content) => {
                        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
                        let rest = content.get(offset..).unwrap_or_default();
                        let length = usize::try_from(length).unwrap_or(0).min(READ_BYTES_MAX);
                        let bytes = rest.get(..length.min(rest.len())).unwrap_or_default();
                        Answer::Bytes(bytes.to_vec(), bytes.len() == rest.len())
                    }
                    Err(Error::TooLong) => Answer::No(Code::TooLarge, "it is too large"),
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
        self.tell(room.get(..length.unwrap_or(0)).unwrap_or_default());
    }

    fn done(&mut self, now: Instant, output: Value<'_>) {
        let content = match output.text() {
            Some(text) => text.to_string(),
            None => output.as_str().to_string(),
        };
        let most = self.job.as_ref().map_or(0, |job| job.output_bytes_max);
        match content.len() > most {
            true => {
                let why = format!("its output has {} bytes, and may have {most}", content.len());
                self.finish(now, why, true);
            }
            false => self.finish(now, content, false),
        }
    }

    /// Its call is over.
    fn finish(&mut self, now: Instant, content: String, is_error: bool) {
        if let Some(job) = self.job.take() {
            self.over = Some((job, ToolOutput { content, is_error }));
        }
        self.has_done_well = true;
        self.wait(now);
    }

    /// It may be called again, unless it was meant for one call, or had as many as its job's time
    /// of the processor is for.
    fn wait(&mut self, now: Instant) {
        let is_new = self.calls_count == 0;
        let is_kept = self.manifest.is_kept && self.calls_count < CALLS_MAX;
        self.stage = if is_new || is_kept { Stage::Waiting } else { Stage::Done };
        self.deadline = now.after(WAITING);
    }

    /// It is ended, and its call with it.
    fn broke(&mut self, why: &str) {
        let name = &self.manifest.name;
        let why: String = why.escape_debug().collect();
        self.note = Some(format!("* the skill {name} was ended: {why}"));
        self.stage = Stage::Broken;
        self.has_done_well = false;
        if let Some(job) = self.job.take() {
            let content = format!("the skill {name} broke off: {why}");
            self.over = Some((job, ToolOutput { content, is_error: true }));
        }
    }

    fn call_it(&mut self, now: Instant) {
        let Some(job) = self.job.take() else { return };
        self.stage = Stage::Calling;
        self.calls_count += 1;
        self.deadline = now.after(job.time);
        let arguments = Value::parse(&job.arguments).unwrap_or(Value::EMPTY);
        let fits = self.say(|session, room| session.call(&job.tool, arguments, room));
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
        self.tell(room.get(..length.unwrap_or(0)).unwrap_or_default());
        length.is_ok()
    }

    fn tell(&mut self, line: &[u8]) {
        self.outgoing.extend_from_slice(line);
        if self.outgoing.len() > OUTGOING_BYTES_MAX {
            self.broke("it does not listen to what it is told");
        }
    }
}

impl<L: Folder> Job<L> {
    /// What is in a file of it.
    fn content(&mut self, leases: &mut Leases<L>, place: usize) -> Result<&[u8], Error> {
        if self.read.as_ref().is_none_or(|(read, _)| *read != place) {
            let path = self.files.get(place).ok_or(Error::NotFound)?;
            let reach = leases.reach(&mut self.lent, &self.handles);
            let content = reach.read(path, FILE_BYTES_MAX)?;
            self.read = Some((place, content));
        }
        Ok(self.read.as_ref().map_or(&[], |(_, content)| content))
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

/// How long anything may take that is not a call.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a skill has to end a call that was cancelled.
const LEAVING: Duration = Duration::from_secs(1);

/// How long a skill waits for the next call.
const WAITING: Duration = Duration::from_secs(60);

/// Calls of one process: its job has the time of the processor for so many, and no more.
pub const CALLS_MAX: u32 = 16;

/// What it is told and does not take: two of the longest lines.
const OUTGOING_BYTES_MAX: usize = 2 * LINE_BYTES_MAX;

/// Of a file, which is held as long as its call reads there: as of one that a model reads.
const FILE_BYTES_MAX: u64 = 2 << 20;

/// Messages that are taken before the console is heard again.
const LOOKS: u32 = 64;
