//! Starts what the boot manifest names, keeps it running, and answers what its programs ask for.
//!
//! It is the first process: the kernel gives it the root job, the store, the console, a clock,
//! random bytes and the record. It reads `boot.toml` (or what its first argument names), and gives
//! each program a job of its own with the rules that stand there, and exactly the handles that
//! stand there. What a program asks for is granted or lent if its rules say so, and else refused;
//! what was lent is taken back when it is given back, or when its borrower ends. When nothing runs
//! any more and nothing is to be started again, it stops the machine.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt::Write as _;

use luperiq_programs::lending::{self, Lending};
use luperiq_programs::manifest::{self, Gift, Manifest, Program, Restart, Source};
use luperiq_runtime::Start;
use luperiq_runtime::abi::call::{FOREVER, open};
use luperiq_runtime::abi::settings::{Protocol, Setting};
use luperiq_runtime::abi::wire::RequestHeader;
use luperiq_runtime::abi::{Error, Kind, Rights, Signals};
use luperiq_runtime::call::Result;
use luperiq_runtime::handle::{
    AuditReader, Channel, Clock, Console, Directory, Endpoint, Entropy, Job, Message, Network,
    Owned, Process, wait_many,
};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nothing to start.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

/// What the first process has.
struct Machine {
    root: Job,
    store: Directory,
    console: Console,
    clock: Clock,
    entropy: Entropy,
    record: AuditReader,
    /// Where there is a network card.
    network: Option<Network>,
    everywhere: Option<Endpoint>,
    /// Where there is a disk, the directory of its files.
    disk: Option<Directory>,
    /// The lines between programs that were asked for until now. Both ends stay here, so that what
    /// is asked waits while who serves is started again.
    lines: RefCell<Vec<Line>>,
    /// What a program said with which the machine stops.
    last: Option<i32>,
}

/// A line between programs.
struct Line {
    name: String,
    ask: Channel,
    serve: Channel,
}

/// A program of the manifest, and how it is.
struct Service {
    program: Program,
    running: Option<Running>,
    /// How often it was started in a row.
    starts_count: u32,
    /// When it is started again, if it is.
    due: Option<u64>,
}

struct Running {
    /// Its job ends with it.
    job: Job,
    process: Process,
    /// When it was started.
    since: u64,
    /// Open as long as it is; what it would say to its parent, nobody reads.
    _channel: Channel,
    requests: Channel,
    /// What it has borrowed.
    lending: Lending,
}

fn run(start: Start) -> i32 {
    let path = start.arguments.first().cloned().unwrap_or_else(|| "boot.toml".into());
    let Some(mut machine) = Machine::of(start) else { return 1 };
    let code = match machine.manifest(&path) {
        Ok(manifest) => machine.keep_running(manifest),
        Err(what) => {
            machine.say(&format!("{path}: {what}"));
            1
        }
    };
    let _ = machine.root.halt(code);
    1
}

impl Machine {
    fn of(mut start: Start) -> Option<Self> {
        // What not every machine has comes last, and says itself what it is.
        let mut special = |kind: Kind| {
            let places = start.handles.iter_mut().skip(6);
            let is_it = |handle: &&mut Option<Owned>| {
                let info = handle.as_ref().and_then(|handle| handle.info().ok());
                info.is_some_and(|info| info.kind == u32::from(kind.number()))
            };
            places.into_iter().find(is_it).and_then(Option::take)
        };
        let network = special(Kind::Network).map(Network);
        let everywhere = special(Kind::Endpoint).map(Endpoint);
        let disk = special(Kind::Directory).map(Directory);
        let mut take = |place| start.take(place);
        Some(Self {
            network,
            everywhere,
            disk,
            lines: RefCell::default(),
            last: None,
            root: Job(take(0)?),
            store: Directory(take(1)?),
            console: Console(take(2)?),
            clock: Clock(take(3)?),
            entropy: Entropy(take(4)?),
            record: AuditReader(take(5)?),
        })
    }

    fn manifest(&self, path: &str) -> core::result::Result<Manifest, String> {
        let file = self.store.open(path, open::READ);
        let text = file.and_then(|file| file.read_all(MANIFEST_BYTES_MAX));
        Manifest::parse(&text.map_err(|error| format!("{error}"))?)
    }

    /// Starts everything, and goes on until nothing runs and nothing is to be started.
    fn keep_running(&mut self, manifest: Manifest) -> u64 {
        for filled in &manifest.directories {
            if let Err(error) = self.fill(&filled.place, &filled.from) {
                self.say(&format!("{} could not be filled: {error}", filled.place));
            }
        }
        let service = |program| Service { program, running: None, starts_count: 0, due: Some(0) };
        let mut services: Vec<Service> = manifest.programs.into_iter().map(service).collect();
        loop {
            let now = self.clock.now().map_or(0, |(now, _)| now);
            for service in &mut services {
                if service.running.is_none() && service.due.is_some_and(|due| due <= now) {
                    self.begin(service, now);
                }
            }
            let due = services.iter().filter(|service| service.running.is_none());
            let due = due.filter_map(|service| service.due).min();
            if services.iter().all(|service| service.running.is_none()) && due.is_none() {
                return 0;
            }
            self.wait(&mut services, due.unwrap_or(FOREVER));
            if let Some(code) = self.last {
                return u64::from(code as u8);
            }
        }
    }

    fn begin(&mut self, service: &mut Service, now: u64) {
        service.starts_count += 1;
        service.due = None;
        match self.start(&service.program, now) {
            Ok(running) => service.running = Some(running),
            Err(error) => {
                self.say(&format!("{} could not be started: {error}", service.program.name));
                service.again(now, -1);
            }
        }
    }

    fn start(&self, program: &Program, since: u64) -> Result<Running> {
        let job = self.root.create(&program.name)?;
        let rules = &program.job;
        let mut settings = Vec::new();
        for (limit, bound) in &rules.limits {
            settings.push(Setting::Bound(*limit, *bound));
        }
        // A job without a place may open nothing: no right is left to it.
        let is_open = !rules.files.is_empty();
        let rights = if is_open { rules.file_rights } else { Rights::NONE };
        settings.push(Setting::FileRights(rights));
        settings.extend(rules.files.iter().map(|place| Setting::FileTree(place.as_bytes())));
        // The program itself, which the job is made for, and what it may start.
        settings.push(Setting::Program(program.file.as_bytes()));
        settings.extend(rules.programs.iter().map(|place| Setting::Program(place.as_bytes())));
        // No host at all, besides those that stand there.
        settings.push(Setting::Endpoint(Protocol::Tcp, 0, b""));
        settings.extend(
            rules
                .hosts
                .iter()
                .map(|(host, port)| Setting::Endpoint(Protocol::Tcp, *port, host.as_bytes())),
        );
        settings.push(Setting::MisuseAnswered(false));
        job.set_as_there_is(settings)?;
        let (requests, outbox) = Channel::pair()?;
        job.supervise(outbox)?;
        let file = self.store.open(&program.file, open::EXECUTE)?;
        let given: Result<Vec<Owned>> = program
            .handles
            .iter()
            .map(|gift| self.give(&job, &gift.source, gift.rights.with(Rights::TRANSFER)))
            .collect();
        let arguments: Vec<&str> = program.arguments.iter().map(String::as_str).collect();
        let spawned = job.spawn(&file, &program.name, &arguments, given?);
        let (process, channel) = spawned.map_err(|(error, _)| error)?;
        let lending = Lending::default();
        Ok(Running { job, process, since, _channel: channel, requests, lending })
    }

    fn give(&self, job: &Job, source: &Source, rights: Rights) -> Result<Owned> {
        match source {
            Source::Job => job.duplicate(rights),
            Source::Console => self.console.duplicate(rights),
            Source::Clock => self.clock.duplicate(rights),
            Source::Entropy => self.entropy.duplicate(rights),
            Source::Record => self.record.duplicate(rights),
            Source::Network => self.network.as_ref().ok_or(Error::Unsupported)?.duplicate(rights),
            Source::Endpoint(host, port) => {
                let mut endpoint = self.endpoint(host, *port)?;
                endpoint.narrow(rights)?;
                Ok(endpoint)
            }
            Source::Tree(place) => {
                let mut directory = self.store.open(place, open::DIRECTORY)?.0;
                directory.narrow(rights)?;
                Ok(directory)
            }
            Source::Disk(place) => {
                let mut directory = self.on_disk(place)?;
                directory.narrow(rights)?;
                Ok(directory)
            }
            Source::Ask(name) => self.line(name, |line| &line.ask, rights),
            Source::Serve(name) => self.line(name, |line| &line.serve, rights),
        }
    }

    /// An end of a line, which is made for the first who wants one.
    fn line(&self, name: &str, end: fn(&Line) -> &Channel, rights: Rights) -> Result<Owned> {
        let mut lines = self.lines.borrow_mut();
        if !lines.iter().any(|line| line.name == name) {
            let (ask, serve) = Channel::pair()?;
            lines.push(Line { name: name.into(), ask, serve });
        }
        let line = lines.iter().find(|line| line.name == name).ok_or(Error::NotFound)?;
        end(line).duplicate(rights)
    }

    /// Copies a directory of the archive onto the disk, where there is none of that name yet.
    fn fill(&self, place: &str, from: &str) -> Result<()> {
        let disk = self.disk.as_ref().ok_or(Error::Unsupported)?;
        match disk.directory(place) {
            Err(Error::NotFound) => {}
            outcome => return outcome.map(drop),
        }
        let archive = self.store.directory(from)?;
        for name in archive.names(FILLED_MAX)?.iter().filter(|name| !name.is_directory) {
            let content = archive.open(&name.name, open::READ)?.read_all(FILLED_BYTES_MAX)?;
            let path = format!("{place}/{}", name.name);
            disk.open(&path, open::WRITE | open::CREATE)?.write_at(0, &content)?;
        }
        Ok(())
    }

    /// What is lent for a place of the disk, where that is, and with which rights: a file that is
    /// only to be read, a directory, or the first directory above that is there; never one above
    /// `base`. A file that is to be written comes as the directory it is in, because its own handle
    /// could not be emptied, and one that is to be made has none.
    fn nearest<'p>(
        &self,
        base: &'p str,
        mut place: &'p str,
        rights: Rights,
    ) -> Result<(Owned, &'p str, Rights)> {
        let disk = self.disk.as_ref().ok_or(Error::Unsupported)?;
        const CHANGES: Rights = Rights::WRITE.with(Rights::CREATE).with(Rights::DELETE);
        if rights.contains(Rights::READ)
            && rights.and(CHANGES).is_empty()
            && let Ok(file) = disk.open(place, open::READ)
        {
            return Ok((file.0, place, rights.and(Kind::File.rights())));
        }
        while place.len() > base.len() {
            match disk.directory(place) {
                Err(Error::NotFound) => {}
                outcome => return outcome.map(|directory| (directory.0, place, rights)),
            }
            place = place.rsplit_once('/').map_or(base, |(above, _)| above);
        }
        self.on_disk(base).map(|directory| (directory, base, rights))
    }

    /// A directory of the disk. It is there as long as a file is beneath it, so for one that is not
    /// a file is made, and taken away when the handle is there.
    fn on_disk(&self, place: &str) -> Result<Owned> {
        let disk = self.disk.as_ref().ok_or(Error::Unsupported)?;
        match disk.directory(place) {
            Err(Error::NotFound) => {}
            outcome => return outcome.map(|directory| directory.0),
        }
        let path = format!("{place}/{PLACEHOLDER}");
        disk.open(&path, open::WRITE | open::CREATE)?;
        let directory = disk.directory(place);
        disk.remove(&path)?;
        directory.map(|directory| directory.0)
    }

    fn endpoint(&self, host: &str, port: u16) -> Result<Owned> {
        let everywhere = self.everywhere.as_ref().ok_or(Error::Unsupported)?;
        Ok(everywhere.narrow_to(host, port, Protocol::Tcp)?.0)
    }

    /// Waits until a program ends, asks for something, or one is due.
    fn wait(&mut self, services: &mut [Service], deadline: u64) {
        let readable = Signals::READABLE;
        let items: Vec<(&Owned, Signals)> = services
            .iter()
            .filter_map(|service| service.running.as_ref())
            .flat_map(|running| {
                let ends = readable.with(Signals::PEER_CLOSED);
                let lines = running.lending.lines().map(move |line| (line, ends));
                [(&*running.process, Signals::EXITED), (&*running.requests, readable)]
                    .into_iter()
                    .chain(lines)
            })
            .collect();
        // What came is looked for anew; that the deadline came is as well.
        let _ = wait_many(&items, deadline);
        let now = self.clock.now().map_or(0, |(now, _)| now);
        for service in services {
            self.look_after(service, now);
        }
    }

    fn look_after(&mut self, service: &mut Service, now: u64) {
        let Some(running) = &mut service.running else { return };
        running.lending.settle();
        while let Ok(message) = running.requests.read() {
            let answer = self.answer(&service.program, &mut running.lending, message);
            if let Some(what) = answer {
                self.say(&what);
            }
        }
        let Ok(code) = running.process.wait_end(0) else { return };
        let _ = running.job.kill();
        if now.saturating_sub(running.since) > STEADY_NANOSECONDS {
            // It failed now and then, and not again and again.
            service.starts_count = 0;
        }
        self.say(&format!("{} ended with {code}", service.program.name));
        service.running = None;
        match service.program.restart {
            Restart::Stop => self.last = Some(code),
            Restart::Main if code == 0 => self.last = Some(code),
            _ => {}
        }
        service.again(now, code);
    }

    /// Answers a request; says something if it was refused.
    fn answer(&self, program: &Program, lending: &mut Lending, message: Message) -> Option<String> {
        let reply = Channel(message.handles.into_iter().next().flatten()?);
        let text = message.bytes.get(RequestHeader::BYTES..)?;
        let request = core::str::from_utf8(text).ok()?;
        let refused = |why: &str| Some(format!("{} asked for {request}: {why}", program.name));
        if let Some(wanted) = Gift::wanted(request) {
            let wanted = wanted.ok();
            let base = wanted.as_ref().and_then(|wanted| program.job.lends(wanted));
            let (Some(wanted), Some(base)) = (&wanted, base) else { return refused("not lent") };
            return self.lend(lending, wanted, base, reply).err().and_then(|e| refused(e.text()));
        }
        if !program.job.grants(request) {
            return refused("not allowed");
        }
        match self.granted(request) {
            Ok(handle) => match reply.send(&[], [handle].into()) {
                Ok(()) => None,
                Err((error, _)) => refused(error.text()),
            },
            Err(error) => refused(error.text()),
        }
    }

    fn lend(&self, lending: &mut Lending, wanted: &Gift, base: &str, line: Channel) -> Result<()> {
        let place = wanted.disk().ok_or(Error::BadArgument)?;
        match self.nearest(base, place, wanted.rights) {
            Ok((kept, place, rights)) => lending.lend(kept, place, rights, line),
            Err(error) => {
                lending::refuse(&line, error);
                Err(error)
            }
        }
    }

    fn granted(&self, request: &str) -> Result<Owned> {
        if let Some(text) = request.strip_prefix("NETWORK:") {
            let (host, port) = manifest::host(text).map_err(|_| Error::BadArgument)?;
            return self.endpoint(&host, port);
        }
        let flags = [("FILE_READ:", open::READ), ("SPAWN:", open::EXECUTE)];
        let known = flags
            .into_iter()
            .find_map(|(kind, flags)| request.strip_prefix(kind).map(|place| (place, flags)));
        let (place, flags) = known.ok_or(Error::Unsupported)?;
        Ok(self.store.open(place, flags)?.0)
    }

    fn say(&mut self, text: &str) {
        // A console that does not take it has nowhere to say so.
        let _ = writeln!(self.console, "init: {text}");
    }
}

impl Service {
    /// Decides whether it is started again, and when: each time after twice as long.
    fn again(&mut self, now: u64, code: i32) {
        let wanted = match self.program.restart {
            Restart::Never | Restart::Stop => false,
            Restart::Failure | Restart::Main => code != 0,
            Restart::Always => true,
        };
        let doubled = self.starts_count.saturating_sub(1).min(DOUBLINGS_MAX);
        let pause = PAUSE_NANOSECONDS << doubled;
        self.due = wanted.then(|| now.saturating_add(pause));
    }
}

/// A tenth of a second, at first.
const PAUSE_NANOSECONDS: u64 = 100_000_000;

/// What ran for a minute is started again at once.
const STEADY_NANOSECONDS: u64 = 60_000_000_000;

/// Up to a minute and three quarters.
const DOUBLINGS_MAX: u32 = 10;

/// What is put onto a blank disk: some texts that say where one is.
const FILLED_MAX: usize = 64;
const FILLED_BYTES_MAX: usize = 1 << 20;

/// Nobody else is there yet who could call a file so.
const PLACEHOLDER: &str = ".directory";

/// Far more than a person writes.
const MANIFEST_BYTES_MAX: usize = 64 * 1024;
