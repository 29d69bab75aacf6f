//! Carries exchanges to services, by TLS and with their keys.
//!
//! It is given, in this order: the console (to say why it does not start), its own job, a clock,
//! random bytes, its directory, the end of a line at which exchanges are asked for, and an endpoint
//! for each service. Its arguments are the services ([`luperiq_tls::services`]), in the same order.
//! In its directory are `keys/NAME` for each, `authorities/*.pem` for those that are believed
//! besides the public ones, and `built`, the moment at which the image was.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_exchange::Said;
use luperiq_runtime::Start;
use luperiq_runtime::abi::call::{FOREVER, open};
use luperiq_runtime::abi::limits::NOTE_BYTES_MAX;
use luperiq_runtime::abi::{Error, Signals};
use luperiq_runtime::call::note;
use luperiq_runtime::handle::{
    Channel, Clock, Console, Directory, Endpoint, Entropy, Job, Owned, Socket, wait_many,
};
use luperiq_tls::records::{Cause, Wire};
use luperiq_tls::serve::{Carrier, Line, Machine};
use luperiq_tls::services::Service;
use luperiq_tls::stream::{RANDOM_BYTES, Room};
use luperiq_tls::trust::Trust;
use zeroize::Zeroizing;

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nobody to reach.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

/// What it holds.
struct Handles {
    job: Job,
    clock: Clock,
    entropy: Entropy,
    /// In the order of the services.
    endpoints: Vec<Endpoint>,
}

fn run(mut start: Start) -> i32 {
    let mut take = |place| start.take(place);
    let (Some(console), Some(job), Some(clock), Some(entropy), Some(directory), Some(inbox)) =
        (take(0), take(1), take(2), take(3), take(4), take(5))
    else {
        return UNLIKE_ITS_MANIFEST;
    };
    let endpoints = start.handles.iter_mut().skip(6).map_while(Option::take).map(Endpoint);
    let endpoints: Vec<Endpoint> = endpoints.collect();
    let directory = Directory(directory);
    let carrier = prepare(&directory, &start.arguments, endpoints.len());
    // What was read is not looked at again.
    drop(directory);
    let mut carrier = match carrier {
        Ok(carrier) => carrier,
        Err(what) => {
            // Where it cannot be said the code says that something was wrong.
            let _ = write!(Console(console), "tls: {what}\r\n");
            return UNLIKE_ITS_MANIFEST;
        }
    };
    drop(console);
    let machine =
        Handles { job: Job(job), clock: Clock(clock), entropy: Entropy(entropy), endpoints };
    let inbox = Channel(inbox);
    loop {
        match inbox.receive(FOREVER) {
            Ok(message) => {
                let line = message.handles.into_iter().next().flatten();
                // Requests wait here while another one is carried; not all are waited for still.
                if let Some(line) = line.map(|line| Held(Channel(line)))
                    && !line.is_let_go()
                {
                    carrier.serve(&machine, &line, &message.bytes);
                }
            }
            // Nobody can ask any more.
            Err(Error::PeerClosed) => return 0,
            Err(_) => return FAILED,
        }
    }
}

/// Reads what it needs to know.
fn prepare(directory: &Directory, words: &[String], endpoints: usize) -> Result<Carrier, String> {
    let read = |path: &str| {
        let file = directory.open(path, open::READ);
        let bytes = file.and_then(|file| file.read_all(FILE_BYTES_MAX));
        bytes.map(Zeroizing::new).map_err(|error| format!("{path}: {error}"))
    };
    let built = read("built")?;
    let built = core::str::from_utf8(&built).ok().and_then(|text| text.trim().parse().ok());
    let mut trust = Trust::public(built.ok_or("built: it is no moment")?);
    // Where there is none of one's own there is no such directory.
    if let Ok(authorities) = directory.directory("authorities") {
        let names = authorities.names(AUTHORITIES_MAX).map_err(|error| error.to_string())?;
        for name in names.iter().filter(|name| !name.is_directory) {
            let path = format!("authorities/{}", name.name);
            let added = trust.add_pem(&read(&path)?);
            added.map_err(|what| format!("{path}: {what}"))?;
        }
    }
    let mut services = Vec::new();
    for word in words {
        let mut service = Service::parse(word)?;
        if service.wants_key() {
            let path = format!("keys/{}", service.name);
            let key = read(&path)?;
            service.set_key(&key).map_err(|what| format!("{path}: {what}"))?;
        }
        services.push(service);
    }
    if services.len() != endpoints {
        let count = services.len();
        return Err(format!("there are {count} services and {endpoints} endpoints for them"));
    }
    Ok(Carrier { services, trust, room: Room::new() })
}

impl Machine for Handles {
    type Wire<'l> = Connection<'l>;
    type Line = Held;

    fn now(&self) -> u64 {
        // Without a clock everything has taken too long.
        self.clock.now().map_or(u64::MAX, |(now, _)| now)
    }

    fn wall(&self) -> u64 {
        self.clock.now().map_or(0, |(_, wall)| wall)
    }

    fn spent(&self) -> u64 {
        self.job.job_info().map_or(0, |info| info.cpu_nanoseconds)
    }

    fn random(&self, room: &mut [u8; RANDOM_BYTES]) -> Result<(), Error> {
        self.entropy.fill(room)
    }

    fn connect<'l>(
        &'l self,
        service: usize,
        line: &'l Held,
        deadline: u64,
    ) -> Result<Connection<'l>, Cause> {
        let endpoint = self.endpoints.get(service).ok_or(Cause::Kernel(Error::NotFound))?;
        let socket = endpoint.socket().map_err(Cause::Kernel)?;
        loop {
            let now = self.now();
            if now >= deadline {
                return Err(Cause::TimedOut);
            }
            match socket.connect(deadline.min(now.saturating_add(PATIENCE_NANOSECONDS))) {
                Ok(()) => return Ok(Connection { machine: self, socket, line }),
                // It is looked whether somebody still waits for it.
                Err(Error::TimedOut) if line.is_let_go() => return Err(Cause::LetGo),
                Err(Error::TimedOut) => {}
                Err(error) => return Err(Cause::Kernel(error)),
            }
        }
    }

    fn note(&self, text: &str) {
        let end = text.floor_char_boundary(NOTE_BYTES_MAX);
        // What the sockets did stands in the record anyway.
        let _ = note(text.get(..end).unwrap_or_default());
    }
}

/// The line to whoever asked.
struct Held(Channel);

impl Held {
    fn is_let_go(&self) -> bool {
        self.0.wait(Signals::PEER_CLOSED, 0).is_ok()
    }
}

impl Line for Held {
    fn hear(&self, deadline: u64) -> Result<Vec<u8>, Cause> {
        self.0.receive(deadline).map(|message| message.bytes).map_err(cause)
    }

    fn say(&self, said: &Said<'_>, deadline: u64) -> Result<(), Cause> {
        let bytes = Zeroizing::new(said.encode());
        loop {
            match self.0.send(&bytes, Vec::new()) {
                Err((Error::NotReady, _)) => {}
                outcome => return outcome.map_err(|(error, _)| cause(error)),
            }
            let room = Signals::WRITABLE.with(Signals::PEER_CLOSED);
            self.0.wait(room, deadline).map_err(cause)?;
        }
    }
}

/// A socket, which is given up when nobody waits for it any more.
struct Connection<'l> {
    machine: &'l Handles,
    socket: Socket,
    line: &'l Held,
}

impl Connection<'_> {
    /// Whether it goes on at all. A server that never stops sending is not waited for, so this is
    /// asked before each piece and not only where there is none.
    fn check(&self, deadline: u64) -> Result<(), Cause> {
        match self.machine.now() >= deadline {
            true => Err(Cause::TimedOut),
            false if self.line.is_let_go() => Err(Cause::LetGo),
            false => Ok(()),
        }
    }

    /// Waits for one of these signals.
    fn wait(&self, signals: Signals, deadline: u64) -> Result<(), Cause> {
        let line: &Owned = &self.line.0;
        let items =
            [(&*self.socket, signals.with(Signals::PEER_CLOSED)), (line, Signals::PEER_CLOSED)];
        let found = wait_many(&items, deadline).map_err(cause)?;
        match found.get(1).is_some_and(|signals| !signals.is_empty()) {
            true => Err(Cause::LetGo),
            false => Ok(()),
        }
    }
}

impl Wire for Connection<'_> {
    fn read(&mut self, room: &mut [u8], deadline: u64) -> Result<usize, Cause> {
        loop {
            self.check(deadline)?;
            match self.socket.receive_some(room) {
                Err(Error::NotReady) => self.wait(Signals::READABLE, deadline)?,
                // It broke, which is no end of what was said.
                Err(Error::PeerClosed) => return Ok(0),
                outcome => return outcome.map_err(Cause::Kernel),
            }
        }
    }

    fn write(&mut self, bytes: &[u8], deadline: u64) -> Result<usize, Cause> {
        loop {
            self.check(deadline)?;
            match self.socket.send_some(bytes) {
                Err(Error::NotReady) => self.wait(Signals::WRITABLE, deadline)?,
                outcome => return outcome.map_err(Cause::Kernel),
            }
        }
    }
}

/// What an error of the line to whoever asked means.
const fn cause(error: Error) -> Cause {
    match error {
        Error::PeerClosed => Cause::LetGo,
        Error::TimedOut => Cause::TimedOut,
        error => Cause::Kernel(error),
    }
}

/// A key, a PEM file with many certificates.
const FILE_BYTES_MAX: usize = 512 * 1024;

const AUTHORITIES_MAX: usize = 64;

/// How long it may take until it is noticed that nobody waits any more.
const PATIENCE_NANOSECONDS: u64 = 250_000_000;

/// It was not given what it needs.
const UNLIKE_ITS_MANIFEST: i32 = 2;
const FAILED: i32 = 1;
