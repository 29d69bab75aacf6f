//! Structures that cross the border between a program and the kernel, byte by byte.
//!
//! # Invariants
//! - Little-endian, no gaps, a fixed length: what is written reads back, whatever compiler or
//!   machine wrote it.
//! - Reading checks the length and nothing else: numbers that have a meaning (kinds, rights,
//!   handles) are read by those who use them, and refused there.
//!
//! # Not here
//! Pointers that hold: an address in a structure is a number that the kernel has yet to believe.

/// A number with one encoding.
pub trait Field: Copy {
    /// How many bytes it takes.
    const BYTES: usize;
    /// Writes it to the start of `out`, and gives the rest.
    fn put(self, out: &mut [u8]) -> &mut [u8];
    /// Reads it from the start of `bytes`, and gives the rest.
    fn take(bytes: &[u8]) -> Option<(Self, &[u8])>;
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Field for $number {
            const BYTES: usize = size_of::<$number>();

            fn put(self, out: &mut [u8]) -> &mut [u8] {
                match out.split_first_chunk_mut() {
                    Some((place, rest)) => {
                        *place = self.to_le_bytes();
                        rest
                    }
                    None => &mut [],
                }
            }

            fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
                let (number, rest) = bytes.split_first_chunk()?;
                Some((Self::from_le_bytes(*number), rest))
            }
        })*
    };
}

numbers! { u8 u16 u32 u64 i32 }

impl Field for [u8; 32] {
    const BYTES: usize = 32;

    fn put(self, out: &mut [u8]) -> &mut [u8] {
        match out.split_first_chunk_mut() {
            Some((place, rest)) => {
                *place = self;
                rest
            }
            None => &mut [],
        }
    }

    fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        bytes.split_first_chunk().map(|(hash, rest)| (*hash, rest))
    }
}

macro_rules! structures {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident { $($(#[doc = $say:literal])* $field:ident: $type:ty,)* }
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $name { $($(#[doc = $say])* pub $field: $type,)* }

            impl $name {
                /// How long it is.
                pub const BYTES: usize = 0 $(+ <$type as Field>::BYTES)*;

                /// Its bytes.
                #[must_use]
                pub fn encode(&self) -> [u8; Self::BYTES] {
                    let mut bytes = [0; Self::BYTES];
                    let rest = &mut bytes[..];
                    $(let rest = self.$field.put(rest);)*
                    debug_assert!(rest.is_empty());
                    bytes
                }

                /// What stands at the start of `bytes`; `None` if they are too few.
                #[must_use]
                pub fn decode(bytes: &[u8]) -> Option<Self> {
                    $(let ($field, bytes) = <$type as Field>::take(bytes)?;)*
                    let _ = bytes;
                    Some(Self { $($field,)* })
                }
            }
        )*

        /// The name of every structure, its fields and their bytes: for the documentation.
        pub const STRUCTURES: &[(&str, &[(&str, usize)])] = &[
            $((stringify!($name), &[$((stringify!($field), <$type as Field>::BYTES)),*])),*
        ];
    };
}

structures! {
    /// What starts a program. After it come its handles (4 bytes each), its name, and its
    /// arguments, each ended by a zero byte.
    StartHeader {
        /// How many handles it is given.
        handles_count: u16,
        /// How long its name is.
        name_bytes: u16,
        /// How long its arguments are.
        arguments_bytes: u16,
        /// 0.
        reserved: u16,
    }

    /// What a handle is.
    HandleInfo {
        /// The object's number; it never means another object.
        object: u64,
        /// [`crate::Kind`].
        kind: u32,
        /// [`crate::Rights`].
        rights: u32,
    }

    /// How a process is.
    ProcessInfo {
        /// Its number; it never means another process.
        process: u64,
        /// Its job's number.
        job: u64,
        /// 0 made, 1 running, 2 ended.
        state: u32,
        /// What it said at its end, or why it was ended.
        code: i32,
        /// How many handles it has.
        handles_count: u32,
        /// How many threads it has.
        threads_count: u32,
        /// Memory of its own.
        memory_bytes: u64,
        /// How long it ran, in nanoseconds.
        cpu_nanoseconds: u64,
    }

    /// How a job is: all that stands beneath it included.
    JobInfo {
        /// Its number.
        job: u64,
        /// How many processes there are.
        processes_count: u32,
        /// How many jobs there are beneath it.
        jobs_count: u32,
        /// How many handles they have.
        handles_count: u64,
        /// Memory they have.
        memory_bytes: u64,
        /// How long they ran, in nanoseconds.
        cpu_nanoseconds: u64,
        /// How often something was refused.
        denials_count: u64,
    }

    /// What a file or directory is.
    Stat {
        /// Its number in the store; it never means another.
        node: u64,
        /// How long it is; for a directory how many names it has.
        bytes: u64,
        /// [`crate::Kind`].
        kind: u32,
        /// 1 if it can be changed.
        writable: u32,
        /// When it was changed, in milliseconds since 1970; 0 if nobody knows.
        changed: u64,
    }

    /// One of many things to wait for.
    WaitItem {
        /// The handle.
        handle: u32,
        /// The signals.
        signals: u32,
    }

    /// A question and where its answer goes: what `channel_call` takes.
    CallArguments {
        /// Where the message stands.
        bytes: u64,
        /// Where its handles stand.
        handles: u64,
        /// Where the answer goes.
        answer_bytes: u64,
        /// Where its handles go.
        answer_handles: u64,
        /// How long the message is.
        bytes_count: u32,
        /// How many handles it has.
        handles_count: u32,
        /// How much room there is for the answer.
        answer_bytes_max: u32,
        /// How much room there is for its handles.
        answer_handles_max: u32,
    }

    /// Where the record is.
    AuditHead {
        /// How many records there are.
        records_count: u64,
        /// How many of them are safe on disk.
        flushed_count: u64,
        /// The number of the oldest that can still be read here.
        oldest: u64,
        /// The hash of the last one.
        hash: [u8; 32],
    }

    /// What stands before the text in a request that a supervisor reads.
    RequestHeader {
        /// Who asks.
        process: u64,
        /// Its job.
        job: u64,
    }

    /// What stands before the host's name when whoever serves the network is asked to connect.
    ConnectHeader {
        /// Who asks.
        process: u64,
        /// Its job.
        job: u64,
        /// The port.
        port: u16,
        /// 1 is TCP, 2 is UDP.
        protocol: u16,
        /// 0.
        reserved: u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_every_byte_counts() {
        let info = ProcessInfo {
            process: 1,
            job: 2,
            state: 3,
            code: -4,
            handles_count: 5,
            threads_count: 6,
            memory_bytes: 7,
            cpu_nanoseconds: u64::MAX,
        };
        let bytes = info.encode();
        assert_eq!(ProcessInfo::decode(&bytes), Some(info));
        assert_eq!(ProcessInfo::decode(&bytes[..ProcessInfo::BYTES - 1]), None);
        for place in 0..bytes.len() {
            let mut other = bytes;
            other[place] ^= 0x80;
            assert_ne!(ProcessInfo::decode(&other), Some(info), "byte {place} says nothing");
        }
        let head = AuditHead { records_count: 1, flushed_count: 1, oldest: 0, hash: [7; 32] };
        assert_eq!(AuditHead::decode(&head.encode()), Some(head));
    }

    #[test]
    fn the_layout_is_the_one_that_is_published() {
        let item = WaitItem { handle: 0x0102_0304, signals: 5 };
        assert_eq!(item.encode(), [4, 3, 2, 1, 5, 0, 0, 0]);
        for (name, fields) in STRUCTURES {
            let bytes: usize = fields.iter().map(|(_, bytes)| bytes).sum();
            assert!(bytes.is_multiple_of(4), "{name} has {bytes} bytes");
        }
    }
}
