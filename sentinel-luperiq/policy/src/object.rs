//! What handles stand for, as far as deciding goes.
//!
//! # Not here
//! Frames, sockets, files: those are the kernel's, under the number that an object carries for it.

use alloc::vec::Vec;

use luperiq_abi::limits::{CHANNEL_BYTES_MAX, CHANNEL_MESSAGES_MAX, MESSAGE_BYTES_MAX};
use luperiq_abi::{Kind, Signals};

use crate::binding::List;
use crate::queue::Queue;
use crate::rules::{Endpoint, LIMITS_COUNT, Rules};
use crate::slab::Key;
use crate::table::Table;

/// An object.
#[derive(Debug)]
pub struct Object {
    /// What the kernel calls it.
    pub native: u64,
    kind: Kind,
    pub(crate) body: Body,
    /// Grants to it, and other reasons for it to stay: a process that runs, a job that is used.
    pub(crate) references: u32,
    /// The signals that are set and do not follow from the rest.
    pub(crate) signals: Signals,
    /// The job against whose limit it counts.
    pub(crate) charged: Option<Key>,
    /// Where it is in a list of things that have yet to be dealt with.
    pub(crate) listed: Listed,
}

/// The lists that an object can be in, one at a time each.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// What ports watch of it.
    pub(crate) bindings: List,
    /// Whether the kernel wants to hear of its signals.
    pub(crate) is_watched: bool,
    pub(crate) is_changed: bool,
    pub(crate) next_changed: Option<Key>,
    pub(crate) next_released: Option<Key>,
    pub(crate) next_ended: Option<Key>,
    pub(crate) is_marked: bool,
    pub(crate) next_marked: Option<Key>,
}

/// What each kind has of its own. Which it is stands in a byte, and not in an impossible length.
#[derive(Debug)]
#[repr(u8)]
pub(crate) enum Body {
    Process(Process),
    Job(Job),
    Channel(Channel),
    Memory {
        bytes: u64,
    },
    File {
        place: Vec<u8>,
    },
    Directory {
        place: Vec<u8>,
    },
    Endpoint(Endpoint),
    Socket(Socket),
    Port(Port),
    /// Nothing that is decided by.
    Plain(Kind),
}

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It was made, and does not run yet.
    Made,
    /// It runs.
    Running,
    /// It ended, with what it said.
    Ended(i32),
}

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) job: Key,
    pub(crate) name: Vec<u8>,
    pub(crate) life: Life,
    pub(crate) table: Table,
    pub(crate) threads_count: u32,
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_nanoseconds: u64,
    pub(crate) denials_count: u64,
    /// What its threads start with.
    pub(crate) priority: u8,
}

#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) parent: Option<Key>,
    pub(crate) name: Vec<u8>,
    pub(crate) depth: u32,
    pub(crate) rules: Rules,
    pub(crate) used: [u64; LIMITS_COUNT],
    /// Where requests go.
    pub(crate) supervisor: Option<Key>,
    /// Nothing is made in it any more.
    pub(crate) is_closed: bool,
    /// Something was made in it, so its rules stay.
    pub(crate) is_settled: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Channel {
    pub(crate) peer: Option<Key>,
    /// What can be read here.
    pub(crate) queue: Queue,
}

/// An end of a line to whoever serves the network.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Where it leads.
    pub(crate) endpoint: Endpoint,
    pub(crate) line: Channel,
    pub(crate) connection: Connection,
}

/// How far a socket is. One whose line has ended stays what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    None,
    Asked,
    Open,
}

/// What a port watches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Port {
    pub(crate) bound: List,
    /// What it tells next, in turn; something of that may not be so any more.
    pub(crate) next: List,
}

impl Socket {
    pub(crate) fn to(endpoint: Endpoint) -> Self {
        Self { endpoint, line: Channel::default(), connection: Connection::None }
    }
}

impl Channel {
    /// Whether the longest message would not fit.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() >= CHANNEL_MESSAGES_MAX
            || self.queue.bytes_count() > CHANNEL_BYTES_MAX - MESSAGE_BYTES_MAX
    }

    fn signals(&self) -> Signals {
        let readable = if self.queue.is_empty() { Signals::NONE } else { Signals::READABLE };
        let peer = if self.peer.is_none() { Signals::PEER_CLOSED } else { Signals::WRITABLE };
        readable.with(peer)
    }
}

impl Object {
    pub(crate) fn new(native: u64, body: Body) -> Self {
        let (signals, listed) = (Signals::NONE, Listed::default());
        Self { native, kind: body.kind(), body, references: 0, signals, charged: None, listed }
    }

    /// What it is.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// An end of a line: a channel's, or a socket's.
    #[inline]
    pub(crate) const fn line(&self) -> Option<&Channel> {
        match &self.body {
            Body::Channel(channel) => Some(channel),
            Body::Socket(socket) => Some(&socket.line),
            _ => None,
        }
    }

    #[inline]
    pub(crate) const fn line_mut(&mut self) -> Option<&mut Channel> {
        match &mut self.body {
            Body::Channel(channel) => Some(channel),
            Body::Socket(socket) => Some(&mut socket.line),
            _ => None,
        }
    }

    #[inline]
    pub(crate) const fn process(&self) -> Option<&Process> {
        match &self.body {
            Body::Process(process) => Some(process),
            _ => None,
        }
    }

    #[inline]
    pub(crate) const fn process_mut(&mut self) -> Option<&mut Process> {
        match &mut self.body {
            Body::Process(process) => Some(process),
            _ => None,
        }
    }

    pub(crate) const fn port_mut(&mut self) -> Option<&mut Port> {
        match &mut self.body {
            Body::Port(port) => Some(port),
            _ => None,
        }
    }

    pub(crate) fn signals(&self) -> Signals {
        match &self.body {
            Body::Channel(channel) => channel.signals(),
            Body::Socket(socket) if socket.connection != Connection::None => socket.line.signals(),
            _ => self.signals,
        }
    }
}

impl Body {
    const fn kind(&self) -> Kind {
        match self {
            Self::Process(_) => Kind::Process,
            Self::Job(_) => Kind::Job,
            Self::Channel(_) => Kind::Channel,
            Self::Memory { .. } => Kind::Memory,
            Self::File { .. } => Kind::File,
            Self::Directory { .. } => Kind::Directory,
            Self::Endpoint(_) => Kind::Endpoint,
            Self::Socket(_) => Kind::Socket,
            Self::Port(_) => Kind::Port,
            Self::Plain(kind) => *kind,
        }
    }
}
