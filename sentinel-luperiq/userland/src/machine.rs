//! What an agent needs besides directories: somebody who types, the time, random bytes, and
//! somebody who lends it files.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use luperiq_runtime::abi::settings::{Limit, Protocol, Setting};
use luperiq_runtime::abi::{Error, Kind, Rights, Signals};
use luperiq_runtime::call::{self, Result};
use luperiq_runtime::command;
use luperiq_runtime::files::Name;
use luperiq_runtime::handle::{
    Channel, Clock, Console, Directory, Entropy, File, Job, Owned, Process, request, wait_many,
};
use luperiq_runtime::loan::{Borrowed, Loan};
use sentinel_core::skill::{Manifest, Runtime};
use sentinel_core::time::{Instant, Now, Timestamp};

use crate::folder::{self, Folder, Held};
use crate::skills::CALLS_MAX;

/// A program of the image that is to run.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'b> {
    /// Where it is in the image.
    pub program: &'b str,
    /// What it is called.
    pub name: &'b str,
    /// What its paths are relative to.
    pub directory: &'b str,
    /// Its words.
    pub words: &'b [String],
    /// How long it may run.
    pub time_max: Duration,
}

/// A file or directory that a program is to be given.
#[derive(Debug)]
pub struct Given<L> {
    /// What the program calls it.
    pub path: String,
    /// Where it is on the disk.
    pub place: String,
    /// The place that was lent for it: that one, or one above it.
    pub lent: String,
    /// What was lent.
    pub files: L,
}

/// A skill that is to run.
#[derive(Clone, Copy, Debug)]
pub struct SkillProgram<'s> {
    /// What it says of itself.
    pub manifest: &'s Manifest,
    /// Where its folder is in the image.
    pub place: &'s str,
}

/// What came of a program.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// It says this.
    Said(Vec<u8>),
    /// It ended, and all that it said was heard.
    Ended(i32),
    /// Nothing yet.
    Nothing,
}

/// The console, the clock and random bytes, and whoever does what the agent cannot.
pub trait Machine {
    /// A line to somebody who was asked for something.
    type Line;

    /// Files that were lent.
    type Lent: Folder;

    /// Asks for what is beneath a place of the disk, with these rights, until it is given back.
    /// Gives the place that is lent: that one, or one above it.
    ///
    /// # Errors
    /// Why it is not lent.
    fn borrow(&mut self, place: &str, rights: Rights) -> Result<(String, Self::Lent)>;

    /// Gives it back, with everything that was opened through it: how many handles the kernel took
    /// back.
    ///
    /// # Errors
    /// It was not taken back.
    fn give_back(&mut self, lent: Self::Lent) -> Result<u64>;

    /// A program that runs.
    type Running;

    /// Looks whether there is a program that can be run.
    ///
    /// # Errors
    /// There is not.
    fn has_program(&mut self, place: &str) -> Result<()>;

    /// Starts a program with these files, to read. Those that are not there are left out; gives
    /// what it calls those that it was given.
    ///
    /// # Errors
    /// It was not started, and what was lent is given back.
    fn start(
        &mut self,
        begun: &Begun<'_>,
        files: Vec<Given<Self::Lent>>,
    ) -> Result<(Self::Running, Vec<String>)>;

    /// Starts a skill, with the other end of the line that it talks on and nothing else; a module
    /// besides with what interprets it, which is given the file of the module.
    ///
    /// # Errors
    /// It was not started.
    fn start_skill(&mut self, skill: &SkillProgram<'_>) -> Result<Self::Running>;

    /// Tells a program something: at most what is one message.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is no room yet, [`Error::PeerClosed`] if it does not listen any
    /// more.
    fn tell(&mut self, running: &Self::Running, bytes: &[u8]) -> Result<()>;

    /// What came of a program since this was last asked.
    fn progress(&mut self, running: &mut Self::Running) -> Progress;

    /// Ends a program, if it has not ended, and takes back what it was given.
    fn end(&mut self, running: Self::Running);

    /// The time.
    fn now(&self) -> Now;

    /// What was typed since this was last asked, as far as it fits; 0 if nothing was.
    ///
    /// # Errors
    /// There is no console any more.
    fn read(&mut self, room: &mut [u8]) -> Result<usize>;

    /// Shows bytes on the console.
    ///
    /// # Errors
    /// There is no console any more.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Waits until something was typed, something came over one of these lines (or there is room
    /// in it, where that is wanted), one of these programs said something or ended (or there is
    /// room to tell it something), or this moment came.
    ///
    /// # Errors
    /// There is nothing to wait for any more.
    fn wait<'l>(
        &mut self,
        lines: impl Iterator<Item = (&'l Self::Line, bool)>,
        programs: impl Iterator<Item = (&'l Self::Running, bool)>,
        until: Option<Instant>,
    ) -> Result<()>
    where
        Self::Line: 'l,
        Self::Running: 'l;

    /// Asks for an exchange with a service: gives the line over which it is made.
    ///
    /// # Errors
    /// Nobody can be asked.
    fn ask(&mut self, request: &[u8]) -> Result<Self::Line>;

    /// Sends a message over a line.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is no room yet, [`Error::PeerClosed`] if nobody listens.
    fn say(&mut self, line: &Self::Line, bytes: &[u8]) -> Result<()>;

    /// The next message of a line.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is none yet, [`Error::PeerClosed`] if none will come.
    fn hear(&mut self, line: &Self::Line) -> Result<Vec<u8>>;

    /// Fresh random bytes.
    ///
    /// # Errors
    /// There are none.
    fn entropy(&self, room: &mut [u8]) -> Result<()>;

    /// Adds a sentence to the kernel's record.
    ///
    /// # Errors
    /// It could not be recorded.
    fn note(&self, text: &str) -> Result<()>;
}

/// The kernel's, through handles.
#[derive(Debug)]
pub struct Handles {
    /// Read, write and wait.
    pub console: Console,
    /// Read.
    pub clock: Clock,
    /// Read.
    pub entropy: Entropy,
    /// Send: where exchanges with services are asked for, if they are.
    pub services: Option<Channel>,
    /// Create: in which programs are run, if they are.
    pub job: Option<Job>,
}

/// A program that runs, in a job of its own.
#[derive(Debug)]
pub struct Running {
    job: Job,
    process: Process,
    said: Channel,
    loans: Vec<Loan>,
}

/// Files that were lent, and the line over which they were.
#[derive(Debug)]
pub struct Lent {
    files: Files,
    loan: Loan,
}

/// What is lent: a directory, or one file to read.
#[derive(Debug)]
enum Files {
    Beneath(Held),
    One(File),
}

impl Machine for Handles {
    type Line = Channel;
    type Lent = Lent;
    type Running = Running;

    fn has_program(&mut self, place: &str) -> Result<()> {
        self.program(place).map(drop)
    }

    fn start(
        &mut self,
        begun: &Begun<'_>,
        files: Vec<Given<Lent>>,
    ) -> Result<(Running, Vec<String>)> {
        let file = self.program(begun.program)?;
        let (mut handles, mut loans) = (Vec::new(), Vec::new());
        let (mut paths, mut places) = (Vec::new(), Vec::new());
        for Given { path, place, lent, files: Lent { files, loan } } in files {
            // Not every word that could be a path is one: what is not there is not lent, but a
            // directory above it is.
            if lent != place {
                continue;
            }
            handles.push(match files {
                Files::Beneath(held) => held.into_directory().0,
                Files::One(file) => file.0,
            });
            loans.push(loan);
            places.push(["data/", &place].concat());
            paths.push(path);
        }
        let names: Vec<&str> = paths.iter().map(String::as_str).collect();
        let words = command::arguments(begun.directory, &names, begun.words);
        let most = Most { memory_bytes: COMMAND_MEMORY_BYTES, time: begun.time_max };
        let rules = rules(begun.program, &places, &most);
        let (job, process, said) = self.spawn(begun.name, &file, &rules, &words, handles)?;
        Ok((Running { job, process, said, loans }, paths))
    }

    fn start_skill(&mut self, skill: &SkillProgram<'_>) -> Result<Running> {
        let SkillProgram { manifest, place } = skill;
        let bounds = &manifest.bounds;
        let entry = [place, "/", &manifest.entry].concat();
        let (mut handles, mut words, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut memory_bytes = bounds.memory_bytes.min(SKILL_MEMORY_BYTES);
        let program = match manifest.runtime {
            Runtime::Wasm => {
                let mut module = request(&["FILE_READ:", &entry].concat(), self.patience())?;
                module.narrow(Rights::READ.with(Rights::TRANSFER))?;
                handles.push(module);
                words.extend([memory_bytes, bounds.fuel].map(|number| number.to_string()));
                places.push(entry);
                memory_bytes = MODULE_MEMORY_BYTES;
                String::from(MODULES)
            }
            _ => entry,
        };
        let file = self.program(&program)?;
        // For all the calls that one process is for; each alone is ended by the agent.
        let time = bounds.time.saturating_mul(CALLS_MAX).saturating_add(SKILL_START);
        let rules = rules(&program, &places, &Most { memory_bytes, time });
        let (job, process, said) = self.spawn(&manifest.name, &file, &rules, &words, handles)?;
        Ok(Running { job, process, said, loans: Vec::new() })
    }

    fn tell(&mut self, running: &Running, bytes: &[u8]) -> Result<()> {
        running.said.send(bytes, Vec::new()).map_err(|(error, _)| error)
    }

    fn progress(&mut self, running: &mut Running) -> Progress {
        // First, so that what it says last is heard.
        let code = running.process.wait_end(0);
        match (running.said.read(), code) {
            (Ok(message), _) => Progress::Said(message.bytes),
            (Err(_), Ok(code)) => Progress::Ended(code),
            (Err(_), Err(_)) => Progress::Nothing,
        }
    }

    fn end(&mut self, running: Running) {
        let Running { job, loans, .. } = running;
        // One that has ended is ended.
        let _ = job.kill();
        for loan in loans {
            // It ends with its line, whatever is said.
            let _ = loan.give_back(self.patience());
        }
    }

    fn borrow(&mut self, place: &str, rights: Rights) -> Result<(String, Lent)> {
        const CHANGES: Rights = Rights::WRITE.with(Rights::CREATE).with(Rights::DELETE);
        let kind = if rights.and(CHANGES).is_empty() { "FILE_READ" } else { "FILE_WRITE" };
        let names: Vec<&str> = rights.names().collect();
        let request = format!("{kind}:disk={place}:{}", names.join(","));
        let Borrowed { handle, place, loan } = Loan::ask(&request, self.patience())?;
        let kind = handle.info()?.kind;
        let files = if kind == u32::from(Kind::File.number()) {
            Files::One(File(handle))
        } else if rights.contains(Rights::READ) {
            Files::Beneath(Held::new(Directory(handle)))
        } else {
            Files::Beneath(Held::unread(Directory(handle)))
        };
        Ok((place, Lent { files, loan }))
    }

    fn give_back(&mut self, lent: Lent) -> Result<u64> {
        // What was opened is closed only afterwards, so that it is counted.
        let Lent { files, loan } = lent;
        let taken = loan.give_back(self.patience());
        drop(files);
        taken
    }

    fn now(&self) -> Now {
        // A clock that was taken back stands still, and nothing becomes due by it.
        let (nanoseconds, wall) = self.clock.now().unwrap_or((0, 0));
        Now { instant: Instant(nanoseconds / NANOSECONDS), wall: Timestamp(wall) }
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        match self.console.read_some(room) {
            Err(Error::NotReady) => Ok(0),
            outcome => outcome,
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let count = self.console.write_some(bytes)?;
            bytes = bytes.get(count.max(1)..).unwrap_or_default();
        }
        Ok(())
    }

    fn wait<'l>(
        &mut self,
        lines: impl Iterator<Item = (&'l Channel, bool)>,
        programs: impl Iterator<Item = (&'l Running, bool)>,
        until: Option<Instant>,
    ) -> Result<()> {
        let deadline = until.map_or(u64::MAX, |until| until.0.saturating_mul(NANOSECONDS));
        let mut items: Vec<(&Owned, Signals)> = Vec::new();
        items.push((&*self.console, Signals::READABLE));
        for (line, wants_room) in lines {
            let room = if wants_room { Signals::WRITABLE } else { Signals::NONE };
            items.push((&**line, Signals::READABLE.with(Signals::PEER_CLOSED).with(room)));
        }
        for (program, wants_room) in programs {
            let room = if wants_room { Signals::WRITABLE } else { Signals::NONE };
            items.push((&*program.process, Signals::EXITED));
            items.push((&*program.said, Signals::READABLE.with(room)));
        }
        match wait_many(&items, deadline) {
            Err(Error::TimedOut) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    fn ask(&mut self, request: &[u8]) -> Result<Channel> {
        let services = self.services.as_ref().ok_or(Error::NotFound)?;
        let (line, other) = Channel::pair()?;
        services.send(request, [other.0].into()).map_err(|(error, _)| error)?;
        Ok(line)
    }

    fn say(&mut self, line: &Channel, bytes: &[u8]) -> Result<()> {
        line.send(bytes, Vec::new()).map_err(|(error, _)| error)
    }

    fn hear(&mut self, line: &Channel) -> Result<Vec<u8>> {
        line.read().map(|message| message.bytes)
    }

    fn entropy(&self, room: &mut [u8]) -> Result<()> {
        self.entropy.fill(room)
    }

    fn note(&self, text: &str) -> Result<()> {
        call::note(text)
    }
}

/// What a job may use.
struct Most {
    memory_bytes: u64,
    /// Of the processor.
    time: Duration,
}

/// The rules of the job of a command or a skill: this program, once, and these places to read.
fn rules<'r>(program: &'r str, places: &'r [String], most: &Most) -> Vec<Setting<'r>> {
    let seconds = most.time.as_secs().saturating_add(1);
    let mut rules = Vec::from([
        Setting::Bound(Limit::Processes, 1),
        Setting::Bound(Limit::Jobs, 0),
        Setting::Bound(Limit::Threads, 1),
        Setting::Bound(Limit::Memory, most.memory_bytes),
        Setting::Bound(Limit::Cpu, seconds.saturating_mul(1000 * NANOSECONDS)),
        Setting::Bound(Limit::Denials, COMMAND_DENIALS_MAX),
        Setting::Bound(Limit::Priority, COMMAND_PRIORITY),
        Setting::FileRights(match places {
            [] => Rights::NONE,
            _ => Rights::READ.with(Rights::LIST),
        }),
        Setting::Program(program.as_bytes()),
        Setting::Endpoint(Protocol::Tcp, 0, b""),
        Setting::MisuseAnswered(false),
    ]);
    rules.extend(places.iter().map(|place| Setting::FileTree(place.as_bytes())));
    rules
}

impl Handles {
    /// Starts a program in a job of its own, with these rules.
    fn spawn(
        &self,
        name: &str,
        file: &File,
        rules: &[Setting<'_>],
        words: &[String],
        handles: Vec<Owned>,
    ) -> Result<(Job, Process, Channel)> {
        let job = self.job.as_ref().ok_or(Error::NotFound)?.create(name)?;
        job.set_as_there_is(rules.to_vec())?;
        // Whoever asks for more asks nobody: the supervisor above would lend what the agent may.
        let (nobody, asked) = Channel::pair()?;
        drop(nobody);
        job.supervise(asked)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (process, said) = job.spawn(file, name, &words, handles).map_err(|(error, _)| error)?;
        Ok((job, process, said))
    }

    /// A program of the image, if the boot manifest lets it be run.
    fn program(&self, place: &str) -> Result<File> {
        self.job.as_ref().ok_or(Error::NotFound)?;
        request(&format!("SPAWN:{place}"), self.patience()).map(File)
    }

    /// Until when the supervisor may take to answer: it has nothing else to do.
    fn patience(&self) -> u64 {
        let now = self.clock.now().map_or(0, |(now, _)| now);
        now.saturating_add(PATIENCE_SECONDS * 1000 * NANOSECONDS)
    }
}

impl Lent {
    fn beneath(&mut self) -> Result<&mut Held> {
        match &mut self.files {
            Files::Beneath(held) => Ok(held),
            Files::One(_) => Err(Error::NotAllowed),
        }
    }
}

/// One file is there by the empty path.
impl Folder for Lent {
    fn bytes_count(&self, path: &str) -> Result<u64> {
        match (&self.files, path) {
            (Files::Beneath(held), path) => held.bytes_count(path),
            (Files::One(file), "") => Ok(file.stat()?.bytes),
            (Files::One(_), _) => Err(Error::NotFound),
        }
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>> {
        match (&self.files, path) {
            (Files::Beneath(held), path) => held.read(path, bytes_max),
            (Files::One(file), "") => folder::read(file, bytes_max),
            (Files::One(_), _) => Err(Error::NotFound),
        }
    }

    fn empty(&mut self, path: &str) -> Result<()> {
        self.beneath()?.empty(path)
    }

    fn write(&mut self, path: &str, position: u64, bytes: &[u8]) -> Result<()> {
        self.beneath()?.write(path, position, bytes)
    }

    fn sync(&mut self, path: &str) -> Result<()> {
        self.beneath()?.sync(path)
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        self.beneath()?.remove(path)
    }

    fn names(&self, path: &str, count_max: usize) -> Result<Vec<Name>> {
        match &self.files {
            Files::Beneath(held) => held.names(path, count_max),
            Files::One(_) => Err(Error::NotFound),
        }
    }
}

/// A text of some megabytes, and what is said of it.
const COMMAND_MEMORY_BYTES: u64 = 16 << 20;

/// What a skill may have, if its manifest does not want less; a module as its own memory.
const SKILL_MEMORY_BYTES: u64 = 8 << 20;

/// What interprets a module needs besides: the module as it is run is several times as large as
/// its file, and while its memory grows there are two of it.
const MODULE_MEMORY_BYTES: u64 = 2 * SKILL_MEMORY_BYTES + (8 << 20);

/// Until a skill can be called.
const SKILL_START: Duration = Duration::from_secs(20);

/// One that asks more often for what it may not is ended.
const COMMAND_DENIALS_MAX: u64 = 256;

/// Less than the agent's own.
const COMMAND_PRIORITY: u64 = 3;

/// What interprets modules.
pub const MODULES: &str = "bin/wasm";

/// A supervisor that does not answer for so long does not work.
const PATIENCE_SECONDS: u64 = 10;

/// Of a millisecond.
const NANOSECONDS: u64 = 1_000_000;
