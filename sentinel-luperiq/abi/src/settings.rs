//! What a job is told about its limits and policies, as one row of entries.
//!
//! An entry is a tag (1 byte), a length (1 byte) and as many bytes. Whoever sets up a job writes
//! entries; the kernel reads them, in order, refuses the whole row if one of them is not as it
//! should be, and applies them only if each makes the job narrower than the one above it.
//!
//! # Invariants
//! - An entry has one encoding; what follows it does not change its meaning.
//!
//! # Not here
//! What is narrower: `luperiq-policy`.

use crate::Rights;
use crate::wire::Field as _;

/// What is counted per job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Limit {
    /// Handles of all its processes, and of the messages they sent.
    Handles = 1,
    /// Bytes of memory.
    Memory = 2,
    /// Processes.
    Processes = 3,
    /// Processor time, in nanoseconds.
    Cpu = 4,
    /// Refused calls, after which a process that goes on asking is ended.
    Denials = 5,
    /// Jobs beneath it.
    Jobs = 6,
    /// Threads.
    Threads = 7,
    /// Objects that programs make: channels, timers, events, ports, sockets.
    Objects = 8,
    /// How urgent its threads are at most. Nothing of it is used up.
    Priority = 9,
}

impl Limit {
    /// Every one, in the order of its number.
    pub const ALL: [Self; 9] = [
        Self::Handles,
        Self::Memory,
        Self::Processes,
        Self::Cpu,
        Self::Denials,
        Self::Jobs,
        Self::Threads,
        Self::Objects,
        Self::Priority,
    ];

    /// Its name in a manifest and in records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handles => "handles",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Cpu => "cpu",
            Self::Denials => "denials",
            Self::Jobs => "jobs",
            Self::Threads => "threads",
            Self::Objects => "objects",
            Self::Priority => "priority",
        }
    }

    /// Its place in a row of all.
    #[must_use]
    pub const fn place(self) -> usize {
        self as usize - 1
    }
}

/// How bytes go to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Protocol {
    /// A stream.
    Tcp = 1,
    /// Datagrams.
    Udp = 2,
}

impl Protocol {
    /// The one with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Tcp),
            2 => Some(Self::Udp),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting<'a> {
    /// A bound.
    Bound(Limit, u64),
    /// Files and directories are opened with these rights at most.
    FileRights(Rights),
    /// Files are opened beneath this path of the store. Without any: none is opened.
    FileTree(&'a [u8]),
    /// This program may be started. Without any: none is.
    Program(&'a [u8]),
    /// Connections are made to this host, port (0 is all) and protocol. A host `*` is all, one
    /// that begins with `*.` all beneath it. Without any: none is made.
    Endpoint(Protocol, u16, &'a [u8]),
    /// What misuse does: `true` answers with the error, `false` ends the process.
    MisuseAnswered(bool),
}

impl<'a> Setting<'a> {
    /// Writes it to the start of `out`, and says how long it is. `None` if it does not fit there,
    /// or into an entry.
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let (tag, fixed, rest): (u8, [u8; 9], &[u8]) = match *self {
            Self::Bound(limit, value) => {
                let mut fixed = [limit as u8; 9];
                fixed[1..].copy_from_slice(&value.to_le_bytes());
                (1, fixed, &[])
            }
            Self::FileRights(rights) => (2, pad(&rights.bits().to_le_bytes()), &[]),
            Self::FileTree(path) => (3, [0; 9], path),
            Self::Program(path) => (4, [0; 9], path),
            Self::Endpoint(protocol, port, host) => {
                let [low, high] = port.to_le_bytes();
                (5, pad(&[protocol as u8, low, high]), host)
            }
            Self::MisuseAnswered(is_answered) => (6, pad(&[u8::from(is_answered)]), &[]),
        };
        let fixed = fixed.get(..fixed_bytes(tag)?)?;
        let length = fixed.len() + rest.len();
        let (head, body) = out.get_mut(..2 + length)?.split_first_chunk_mut::<2>()?;
        *head = [tag, u8::try_from(length).ok()?];
        let (start, end) = body.split_at_mut(fixed.len());
        start.copy_from_slice(fixed);
        end.copy_from_slice(rest);
        Some(2 + length)
    }

    /// Reads the entry at the start of `bytes`, and gives the rest.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[tag, length], rest) = bytes.split_first_chunk()?;
        let (body, others) = rest.split_at_checked(usize::from(length))?;
        let (fixed, name) = body.split_at_checked(fixed_bytes(tag)?)?;
        if !matches!(tag, 3..=5) && !name.is_empty() {
            return None;
        }
        let setting = match tag {
            1 => {
                let (&number, value) = fixed.split_first()?;
                let limit = Limit::ALL.into_iter().find(|limit| *limit as u8 == number)?;
                Self::Bound(limit, u64::take(value)?.0)
            }
            2 => Self::FileRights(Rights::from_bits(u64::from(u32::take(fixed)?.0))?),
            3 => Self::FileTree(name),
            4 => Self::Program(name),
            5 => {
                let &[protocol, low, high] = fixed else { return None };
                let port = u16::from_le_bytes([low, high]);
                Self::Endpoint(Protocol::from_number(protocol)?, port, name)
            }
            _ => match fixed {
                [0] => Self::MisuseAnswered(false),
                [1] => Self::MisuseAnswered(true),
                _ => return None,
            },
        };
        Some((setting, others))
    }
}

/// How many bytes of an entry stand before its name; `None` for a tag that is none.
const fn fixed_bytes(tag: u8) -> Option<usize> {
    match tag {
        1 => Some(9),
        2 => Some(4),
        3 | 4 => Some(0),
        5 => Some(3),
        6 => Some(1),
        _ => None,
    }
}

fn pad<const N: usize>(bytes: &[u8; N]) -> [u8; 9] {
    let mut padded = [0; 9];
    padded[..N].copy_from_slice(bytes);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLES: [Setting<'_>; 7] = [
        Setting::Bound(Limit::Memory, 1 << 40),
        Setting::FileRights(Rights::READ),
        Setting::FileTree(b"data/agent"),
        Setting::Program(b"bin/shell"),
        Setting::Endpoint(Protocol::Tcp, 443, b"*.example.com"),
        Setting::MisuseAnswered(true),
        Setting::MisuseAnswered(false),
    ];

    #[test]
    fn what_is_written_reads_back() {
        let mut row = [0; 256];
        let mut end = 0;
        for setting in EXAMPLES {
            end += setting.encode(&mut row[end..]).unwrap();
        }
        let mut rest = &row[..end];
        for setting in EXAMPLES {
            let (read, others) = Setting::decode(rest).unwrap();
            assert_eq!(read, setting);
            rest = others;
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn there_is_one_encoding_and_cut_or_foreign_entries_are_none() {
        for setting in EXAMPLES {
            let mut bytes = [0; 64];
            let length = setting.encode(&mut bytes).unwrap();
            for cut in 0..length {
                assert_eq!(Setting::decode(&bytes[..cut]), None);
                assert_eq!(setting.encode(&mut [0; 64][..cut]), None);
            }
            for tag in [0, 7, 255] {
                bytes[0] = tag;
                assert_eq!(Setting::decode(&bytes), None);
            }
        }
        assert_eq!(Setting::decode(&[6, 1, 2]), None, "neither yes nor no");
        assert_eq!(Setting::decode(&[6, 2, 1, 0]), None, "longer than it is");
        assert_eq!(Setting::Program(&[b'a'; 300]).encode(&mut [0; 512]), None);
    }
}
