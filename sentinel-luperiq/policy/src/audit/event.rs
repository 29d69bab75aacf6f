//! What a record of the kernel's says.
//!
//! Each payload is a JSON object. Rare things name their parts. Uses are rows of numbers, because
//! there are many: `rows` writes them.
//!
//! # Invariants
//! - What programs say stands in strings, escaped; it cannot look like what the kernel says.

use alloc::string::String;

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
