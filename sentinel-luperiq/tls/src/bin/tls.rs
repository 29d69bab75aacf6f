//! Carries exchanges to services, by TLS and with their keys.
//!
//! It is given, in this order: the console (to say why it does not start), its own job, a clock,
//! random bytes, its directory, the end of a line at which exchanges are asked for, and an endpoint
//! for each service. Its arguments are the services ([`luperiq_tls::services`]), in the same order.
//! In its directory are `keys/NAME` for each, `authorities/*.pem` for those that are believed
//! besides the public ones, and `built`, the moment at which the image was.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt::Write as _;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use luperiq_exchange::Said;
use luperiq_runtime::Start;
use luperiq_runtime::abi::call::{FOREVER, open};
use luperiq_runtime::abi::limits::NOTE_BYTES_MAX;
use luperiq_runtime::abi::{Error, Signals};
use luperiq_runtime::call::note;
use luperiq_runtime::handle::{
    Channel, Clock, Console, Directory, Endpoint, Entropy, Job, Owned, Socket, wait_many,
};
use luperiq_tls::desk::{Desk, LANES};
use luperiq_tls::records::{Cause, Wire};
use luperiq_tls::serve::{Carrier, Line, Machine};
use luperiq_tls::services::Service;
use luperiq_tls::stream::RANDOM_BYTES;
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
    entropy: Entropy,
    /// In the order of the services.
    endpoints: Vec<Endpoint>,
    board: Rc<Board>,
}

/// What is waited for, until everything is looked at again: nothing else wakes anybody.
struct Board {
    clock: Clock,
    items: RefCell<Vec<(Thing, Signals)>>,
    deadline: Cell<u64>,
}

/// Something that can be waited for.
#[derive(Clone)]
enum Thing {
    Socket(Rc<Socket>),
    Line(Rc<Channel>),
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
    let carrier = match carrier {
        Ok(carrier) => carrier,
        Err(what) => {
            // Where it cannot be said the code says that something was wrong.
            let _ = write!(Console(console), "tls: {what}\r\n");
            return UNLIKE_ITS_MANIFEST;
        }
    };
    drop(console);
    let board = Rc::new(Board {
        clock: Clock(clock),
        items: RefCell::default(),
        deadline: Cell::new(FOREVER),
    });
    let machine = Handles { job: Job(job), entropy: Entropy(entropy), endpoints, board };
    serve(&carrier, &machine, &Rc::new(Channel(inbox)))
}

/// Looks after all lanes, until nobody can ask any more.
fn serve(carrier: &Carrier, machine: &Handles, inbox: &Rc<Channel>) -> i32 {
    let (desk, board) = (Desk::new(), &machine.board);
    let lane = |lane| -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(carrier.lane(machine, &desk, lane))
    };
    let mut lanes: Vec<_> = (0..LANES).map(lane).collect();
    let mut context = Context::from_waker(Waker::noop());
    loop {
        board.clear();
        while desk.has_room() {
            match inbox.read() {
                Ok(message) => {
                    let line = message.handles.into_iter().next().flatten();
                    if let Some(line) = line.map(|line| Held::new(Channel(line), board)) {
                        carrier.take(machine, &desk, line, message.bytes);
                    }
                }
                Err(Error::NotReady) => {
                    board.want(Thing::Line(inbox.clone()), Signals::READABLE, FOREVER);
                    break;
                }
                Err(Error::PeerClosed) => return 0,
                Err(_) => return FAILED,
            }
        }
        for lane in &mut lanes {
            // They never end.
            let _ = lane.as_mut().poll(&mut context);
        }
        if desk.has_moved() {
            continue;
        }
        match board.wait() {
            Ok(()) => {}
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
    Ok(Carrier { services, trust })
}

impl Machine for Handles {
    type Wire = Connection;
    type Line = Held;

    fn now(&self) -> u64 {
        self.board.now()
    }

    fn wall(&self) -> u64 {
        self.board.clock.now().map_or(0, |(_, wall)| wall)
    }

    fn spent(&self) -> u64 {
        self.job.job_info().map_or(0, |info| info.cpu_nanoseconds)
    }

    fn random(&self, room: &mut [u8; RANDOM_BYTES]) -> Result<(), Error> {
        self.entropy.fill(room)
    }

    async fn connect(&self, service: usize, deadline: u64) -> Result<Connection, Cause> {
        let endpoint = self.endpoints.get(service).ok_or(Cause::Kernel(Error::NotFound))?;
        let socket = Rc::new(endpoint.socket().map_err(Cause::Kernel)?);
        let board = self.board.clone();
        poll_fn(|_| match socket.connect(0) {
            // It was asked for, and what comes of it can be read.
            Err(Error::TimedOut) => {
                board.pending(Thing::Socket(socket.clone()), Signals::READABLE, deadline)
            }
            outcome => Poll::Ready(outcome.map_err(Cause::Kernel)),
        })
        .await?;
        Ok(Connection { board, socket })
    }

    fn note(&self, text: &str) {
        let end = text.floor_char_boundary(NOTE_BYTES_MAX);
        // What the sockets did stands in the record anyway.
        let _ = note(text.get(..end).unwrap_or_default());
    }
}

impl Board {
    fn now(&self) -> u64 {
        // Without a clock everything has taken too long.
        self.clock.now().map_or(u64::MAX, |(now, _)| now)
    }

    fn clear(&self) {
        self.items.borrow_mut().clear();
        self.deadline.set(FOREVER);
    }

    fn want(&self, thing: Thing, signals: Signals, deadline: u64) {
        self.items.borrow_mut().push((thing, signals.with(Signals::PEER_CLOSED)));
        self.deadline.set(self.deadline.get().min(deadline));
    }

    /// It is waited for, unless the moment came.
    fn pending<T>(&self, thing: Thing, signals: Signals, deadline: u64) -> Poll<Result<T, Cause>> {
        if self.now() >= deadline {
            return Poll::Ready(Err(Cause::TimedOut));
        }
        self.want(thing, signals, deadline);
        Poll::Pending
    }

    fn wait(&self) -> Result<(), Error> {
        let items = self.items.borrow();
        let items: Vec<(&Owned, Signals)> =
            items.iter().map(|(thing, signals)| (thing.owned(), *signals)).collect();
        match wait_many(&items, self.deadline.get()) {
            Err(Error::TimedOut) => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

impl Thing {
    fn owned(&self) -> &Owned {
        match self {
            Self::Socket(socket) => socket,
            Self::Line(line) => line,
        }
    }
}

/// The line to whoever asked.
struct Held {
    line: Rc<Channel>,
    board: Rc<Board>,
}

impl Held {
    fn new(line: Channel, board: &Rc<Board>) -> Self {
        Self { line: Rc::new(line), board: board.clone() }
    }

    fn thing(&self) -> Thing {
        Thing::Line(self.line.clone())
    }
}

impl Line for Held {
    async fn hear(&self, deadline: u64) -> Result<Vec<u8>, Cause> {
        poll_fn(|_| match self.line.read() {
            Err(Error::NotReady) => self.board.pending(self.thing(), Signals::READABLE, deadline),
            outcome => Poll::Ready(outcome.map(|message| message.bytes).map_err(cause)),
        })
        .await
    }

    async fn say(&self, said: &Said<'_>, deadline: u64) -> Result<(), Cause> {
        let bytes = Zeroizing::new(said.encode());
        poll_fn(|_| match self.line.send(&bytes, Vec::new()) {
            Err((Error::NotReady, _)) => {
                self.board.pending(self.thing(), Signals::WRITABLE, deadline)
            }
            outcome => Poll::Ready(outcome.map_err(|(error, _)| cause(error))),
        })
        .await
    }

    async fn gone(&self) {
        poll_fn(|_| match self.line.wait(Signals::PEER_CLOSED, 0) {
            Ok(_) => Poll::Ready(()),
            Err(_) => {
                self.board.want(self.thing(), Signals::PEER_CLOSED, FOREVER);
                Poll::Pending
            }
        })
        .await;
    }
}

/// A socket that is connected.
struct Connection {
    board: Rc<Board>,
    socket: Rc<Socket>,
}

impl Connection {
    fn thing(&self) -> Thing {
        Thing::Socket(self.socket.clone())
    }

    /// A server that never stops sending is not waited for, so the time is asked before each piece
    /// and not only where there is none.
    fn check(&self, deadline: u64) -> Result<(), Cause> {
        if self.board.now() >= deadline { Err(Cause::TimedOut) } else { Ok(()) }
    }
}

impl Wire for Connection {
    async fn read(&mut self, room: &mut [u8], deadline: u64) -> Result<usize, Cause> {
        self.check(deadline)?;
        poll_fn(|_| match self.socket.receive_some(room) {
            Err(Error::NotReady) => self.board.pending(self.thing(), Signals::READABLE, deadline),
            // It broke, which is no end of what was said.
            Err(Error::PeerClosed) => Poll::Ready(Ok(0)),
            outcome => Poll::Ready(outcome.map_err(Cause::Kernel)),
        })
        .await
    }

    async fn write(&mut self, bytes: &[u8], deadline: u64) -> Result<usize, Cause> {
        self.check(deadline)?;
        poll_fn(|_| match self.socket.send_some(bytes) {
            Err(Error::NotReady) => self.board.pending(self.thing(), Signals::WRITABLE, deadline),
            outcome => Poll::Ready(outcome.map_err(Cause::Kernel)),
        })
        .await
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

/// It was not given what it needs.
const UNLIKE_ITS_MANIFEST: i32 = 2;
const FAILED: i32 = 1;
