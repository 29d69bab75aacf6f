//! What a record of the kernel's says.
//!
//! Each payload is a JSON object. Rare things name their parts. Uses are rows of numbers, because
//! there are many: `{"uses":[[process,call,handle,object,outcome],…]}`, where the outcome is 0 or
//! the number of the error, and a sixth number says how often the same came in a row. The first ten
//! of these rows are named by their number, counted from 0, in the rows that follow:
//! `[row,call,outcome,count]` is the same process with the same handle on the same object, and what
//! is missing there is 0 and once. A row of seven numbers says that a handle came to a process or
//! left it: the sixth is what it stands for, the seventh its rights.
//!
//! # Invariants
//! - What programs say stands in strings, escaped; it cannot look like what the kernel says.

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_abi::{Error, Kind, Rights};
use sentinel_core::journal::Actor;
use sentinel_core::text::json;

/// The numbers of the kernel's kinds of record.
pub mod kind {
    /// The machine started.
    pub const STARTED: u16 = 0x4c00;
    /// The machine was stopped, or failed.
    pub const STOPPED: u16 = 0x4c01;
    /// Authority was used, or that was refused.
    pub const USES: u16 = 0x4c02;
    /// A process was made.
    pub const PROCESS_MADE: u16 = 0x4c03;
    /// A process was started.
    pub const PROCESS_STARTED: u16 = 0x4c04;
    /// A process ended.
    pub const PROCESS_ENDED: u16 = 0x4c05;
    /// A job was made.
    pub const JOB_MADE: u16 = 0x4c06;
    /// The rules of a job were set.
    pub const JOB_SET: u16 = 0x4c07;
    /// A process asked for a capability.
    pub const REQUEST: u16 = 0x4c08;
    /// A process said something.
    pub const NOTE: u16 = 0x4c09;
    /// A path was opened or removed.
    pub const PATH: u16 = 0x4c0a;
    /// An endpoint was narrowed.
    pub const ENDPOINT: u16 = 0x4c0b;
    /// The last.
    pub const LAST: u16 = ENDPOINT;

    /// Its name, for exports; `None` if it is none of the kernel's.
    #[must_use]
    pub const fn name(kind: u16) -> Option<&'static str> {
        Some(match kind {
            STARTED => "kernel.started",
            STOPPED => "kernel.stopped",
            USES => "kernel.uses",
            PROCESS_MADE => "process.made",
            PROCESS_STARTED => "process.started",
            PROCESS_ENDED => "process.ended",
            JOB_MADE => "job.made",
            JOB_SET => "job.set",
            REQUEST => "capability.request",
            NOTE => "process.note",
            PATH => "file.path",
            ENDPOINT => "network.endpoint",
            _ => return None,
        })
    }
}

/// That a process used a handle, tried to, got one or gave one away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Who.
    pub process: u64,
    /// By which call; of one that does not exist the number it named.
    pub call: u64,
    /// The number it named for a handle; 0 if none.
    pub handle: u64,
    /// What that stands for; 0 if nothing.
    pub object: u64,
    /// Why it was refused.
    pub refused: Option<Error>,
    /// What the handle that came or left stands for, and its rights.
    pub moved: Option<(Kind, Rights)>,
}

/// Anything else that is recorded.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The machine started.
    Started {
        /// Which kernel.
        version: &'a str,
    },
    /// The machine was stopped, or failed.
    Stopped {
        /// Why.
        reason: &'a str,
    },
    /// A process was made.
    ProcessMade {
        /// By whom; 0 is the kernel.
        by: u64,
        /// Which.
        process: u64,
        /// Its job.
        job: u64,
        /// Its name.
        name: &'a str,
        /// The file it was made from.
        program: &'a str,
    },
    /// A process was started.
    ProcessStarted {
        /// By whom; 0 is the kernel.
        by: u64,
        /// Which.
        process: u64,
        /// How many handles it was given.
        handles_count: usize,
    },
    /// A process ended.
    ProcessEnded {
        /// Which.
        process: u64,
        /// What it said, or was given.
        code: i32,
        /// By itself, or for what.
        reason: &'a str,
    },
    /// A job was made.
    JobMade {
        /// By whom; 0 is the kernel.
        by: u64,
        /// Which.
        job: u64,
        /// In which.
        parent: u64,
        /// Its name.
        name: &'a str,
    },
    /// The rules of a job were set.
    JobSet {
        /// By whom.
        by: u64,
        /// Which.
        job: u64,
        /// The row of settings, as it was given.
        settings: &'a [u8],
    },
    /// A process asked for a capability.
    Request {
        /// Who.
        process: u64,
        /// What.
        text: &'a str,
    },
    /// A process said something.
    Note {
        /// Who.
        process: u64,
        /// What.
        text: &'a str,
    },
    /// A path was opened or removed, or that was refused.
    Path {
        /// Who.
        process: u64,
        /// By which call.
        call: u16,
        /// The directory's object.
        directory: u64,
        /// What the process named.
        path: &'a str,
        /// How it is opened.
        flags: u64,
        /// Why it was refused.
        refused: Option<Error>,
    },
    /// An endpoint was narrowed, or that was refused.
    Endpoint {
        /// Who.
        process: u64,
        /// The wider endpoint's object.
        from: u64,
        /// The host it named.
        host: &'a str,
        /// The port it named.
        port: u64,
        /// Why it was refused.
        refused: Option<Error>,
    },
}

impl Event<'_> {
    pub(super) const fn kind(&self) -> u16 {
        match self {
            Self::Started { .. } => kind::STARTED,
            Self::Stopped { .. } => kind::STOPPED,
            Self::ProcessMade { .. } => kind::PROCESS_MADE,
            Self::ProcessStarted { .. } => kind::PROCESS_STARTED,
            Self::ProcessEnded { .. } => kind::PROCESS_ENDED,
            Self::JobMade { .. } => kind::JOB_MADE,
            Self::JobSet { .. } => kind::JOB_SET,
            Self::Request { .. } => kind::REQUEST,
            Self::Note { .. } => kind::NOTE,
            Self::Path { .. } => kind::PATH,
            Self::Endpoint { .. } => kind::ENDPOINT,
        }
    }

    /// What a program said or named is on its account; the rest is the kernel's word.
    pub(super) const fn actor(&self) -> Actor {
        match self {
            Self::Request { .. }
            | Self::Note { .. }
            | Self::Path { .. }
            | Self::Endpoint { .. }
            | Self::JobSet { .. } => Actor::Tool,
            _ => Actor::System,
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        json::write_object(out, |line| match *self {
            Self::Started { version } => {
                line.field("version", version);
            }
            Self::Stopped { reason } => {
                line.field("reason", reason);
            }
            Self::ProcessMade { by, process, job, name, program } => {
                line.field("by", by).field("process", process).field("job", job);
                line.field("name", name).field("program", program);
            }
            Self::ProcessStarted { by, process, handles_count } => {
                line.field("by", by).field("process", process);
                line.field("handles", handles_count as u64);
            }
            Self::ProcessEnded { process, code, reason } => {
                line.field("process", process).field("code", i64::from(code));
                line.field("reason", reason);
            }
            Self::JobMade { by, job, parent, name } => {
                line.field("by", by).field("job", job).field("parent", parent);
                line.field("name", name);
            }
            Self::JobSet { by, job, settings } => {
                let mut hex = String::with_capacity(2 * settings.len());
                for byte in settings {
                    for half in [byte >> 4, byte & 15] {
                        hex.push(char::from_digit(u32::from(half), 16).unwrap_or('?'));
                    }
                }
                line.field("by", by).field("job", job).field("settings", hex.as_str());
            }
            Self::Request { process, text } | Self::Note { process, text } => {
                line.field("process", process).field("text", text);
            }
            Self::Path { process, call, directory, path, flags, refused } => {
                line.field("process", process).field("call", u64::from(call));
                line.field("directory", directory).field("path", path).field("flags", flags);
                line.optional("refused", refused.map(Error::name));
            }
            Self::Endpoint { process, from, host, port, refused } => {
                line.field("process", process).field("from", from);
                line.field("host", host).field("port", port);
                line.optional("refused", refused.map(Error::name));
            }
        });
    }
}

/// The text of a record of uses, as it grows.
#[derive(Debug, Default)]
pub(super) struct Rows {
    text: Vec<u8>,
    /// Who with which handle on what: the rows that later ones name by their number.
    known: [[u64; 3]; KNOWN_MAX],
    known_count: usize,
    /// By whom and by which call the last row was.
    by: [u64; 2],
    /// The object, kind and rights of the last handle that came or left.
    moved: Option<[u64; 3]>,
    row: Row,
}

impl Rows {
    /// Room for a whole record is taken at once.
    pub(super) fn new(bytes: usize) -> Result<Self, Error> {
        let mut rows = Self::default();
        rows.text.try_reserve_exact(bytes).map_err(|_| Error::NoMemory)?;
        Ok(rows)
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Adds a use that came so often in a row.
    pub(super) fn push(&mut self, what: &Use, count: u64) {
        let refused = what.refused.map_or(0, |error| u64::from(error.number()));
        let who = [what.process, what.handle, what.object];
        let known = self.known.get(..self.known_count).unwrap_or_default();
        let place = match what.moved {
            // By the number: as a whole they would be compared byte by byte.
            None => known.iter().position(|[process, handle, object]| {
                *object == what.object && *handle == what.handle && *process == what.process
            }),
            Some(_) => None,
        };
        match (place, what.moved) {
            (Some(place), _) => {
                let all = [place as u64, what.call, refused, count];
                // What usually is so is left out.
                let said = if count > 1 { 4 } else { 2 + usize::from(refused != 0) };
                self.row(all.get(..said).unwrap_or_default());
            }
            // Such a row stands for one handle, whose number comes once.
            (None, Some((kind, rights))) => {
                let (kind, rights) = (u64::from(kind.number()), u64::from(rights.bits()));
                let [process, handle, object] = who;
                let is_same = self.moved.is_some_and(|[last, last_kind, last_rights]| {
                    last == object && last_kind == kind && last_rights == rights
                });
                let [by_process, by_call] = self.by;
                let is_known =
                    is_same && by_process == process && by_call == what.call && refused == 0;
                if is_known {
                    self.row(&[handle]);
                } else {
                    self.row(&[process, what.call, handle, object, refused, kind, rights]);
                    self.moved = Some([object, kind, rights]);
                }
            }
            (None, None) => {
                let [process, handle, object] = who;
                let all = [process, what.call, handle, object, refused, count];
                self.row(all.get(..5 + usize::from(count > 1)).unwrap_or_default());
                if let Some(place) = self.known.get_mut(self.known_count) {
                    *place = who;
                    self.known_count += 1;
                }
            }
        }
        self.by = [what.process, what.call];
    }

    /// The payload of the record, which is whole then; the next begins when it is
    /// [`clear`](Self::clear)ed.
    pub(super) fn end(&mut self) -> &[u8] {
        self.text.extend_from_slice(USES_END);
        &self.text
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.known_count = 0;
        self.moved = None;
    }

    /// Numbers are most of the record's bytes and of its time: a row is written from its end on,
    /// as digits come, and added in one piece. A place is a byte, so that none is outside.
    fn row(&mut self, numbers: &[u64]) {
        let mut start = 0_u8;
        let mut behind = b']';
        for number in numbers.iter().rev() {
            start = start.wrapping_sub(1);
            self.row.0[usize::from(start)] = behind;
            behind = b',';
            let mut rest = *number;
            while rest >= 100 {
                let hundreds = rest / 100;
                let pair = rest.wrapping_sub(hundreds.wrapping_mul(100)) as u32;
                rest = hundreds;
                start = start.wrapping_sub(2);
                self.row.pair(start, pair);
            }
            if rest >= 10 {
                start = start.wrapping_sub(2);
                self.row.pair(start, rest as u32);
            } else {
                start = start.wrapping_sub(1);
                self.row.0[usize::from(start)] = b'0'.wrapping_add(rest as u8);
            }
        }
        start = start.wrapping_sub(1);
        self.row.0[usize::from(start)] = b'[';
        if self.text.is_empty() {
            self.text.extend_from_slice(USES_START);
        } else {
            start = start.wrapping_sub(1);
            self.row.0[usize::from(start)] = b',';
        }
        self.text.extend_from_slice(&self.row.0[usize::from(start)..]);
    }
}

/// Where a row is put together: longer than the longest.
#[derive(Debug)]
struct Row([u8; 256]);

const _: () = assert!(USE_BYTES_MAX < 256);

impl Default for Row {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Row {
    /// Two digits of a number below a hundred.
    fn pair(&mut self, at: u8, pair: u32) {
        // A tenth, as far as that is true: below 179.
        let tens = pair.wrapping_mul(103) >> 10;
        let ones = pair.wrapping_sub(tens.wrapping_mul(10));
        self.0[usize::from(at)] = b'0'.wrapping_add(tens as u8);
        self.0[usize::from(at.wrapping_add(1))] = b'0'.wrapping_add(ones as u8);
    }
}

/// Enough for what a few programs do in turns; few enough to be looked through for each use.
const KNOWN_MAX: usize = 10;

const USES_START: &[u8] = b"{\"uses\":[";
const USES_END: &[u8] = b"]}";

pub(super) const USES_END_BYTES: usize = USES_END.len();

/// What one use takes at most: the start, seven numbers of twenty digits, commas and brackets.
pub(super) const USE_BYTES_MAX: usize = USES_START.len() + 7 * 21 + 2;
