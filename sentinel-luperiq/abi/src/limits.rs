//! Every bound that a program can meet, and why it is what it is.

/// Where a process's memory begins: the first 64 KiB are never mapped, so that a null pointer
/// with an offset is caught.
pub const USER_START: u64 = 0x1_0000;

/// Where a process's memory ends: 39 bits, which is three levels of tables.
pub const USER_END: u64 = 1 << 39;

/// The unit in which memory is given.
pub const PAGE_BYTES: u64 = 4096;

/// A message is copied twice under the kernel's lock; four pages are short enough for that.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// How many handles a message carries: a program's whole start fits.
pub const MESSAGE_HANDLES_MAX: usize = 16;

/// How many messages wait in a channel before a writer is told to wait.
pub const CHANNEL_MESSAGES_MAX: usize = 64;

/// How many bytes wait in a channel: a few of the largest messages.
pub const CHANNEL_BYTES_MAX: usize = 64 * 1024;

/// One transfer to or from a file, console or socket.
pub const TRANSFER_BYTES_MAX: usize = 64 * 1024;

/// A path, whole.
pub const PATH_BYTES_MAX: usize = 512;

/// One name in a path.
pub const PATH_NAME_BYTES_MAX: usize = 128;

/// How deep a path goes.
pub const PATH_NAMES_MAX: usize = 32;

/// The name of a process or job: what fits into a line of a list.
pub const NAME_BYTES_MAX: usize = 48;

/// The arguments of a program, all together.
pub const ARGUMENT_BYTES_MAX: usize = 4096;

/// What starts a program, encoded: a header, its handles, its arguments.
pub const START_BYTES_MAX: usize =
    crate::wire::StartHeader::BYTES + 4 * MESSAGE_HANDLES_MAX + NAME_BYTES_MAX + ARGUMENT_BYTES_MAX;

/// The settings of a job, encoded: they stand in one record, two digits for each byte.
pub const SETTINGS_BYTES_MAX: usize = 1536;

/// What a request for a capability says: `FILE_READ:` and a path.
pub const REQUEST_BYTES_MAX: usize = PATH_BYTES_MAX + 64;

/// What a program adds to the record: a sentence, not a log.
pub const NOTE_BYTES_MAX: usize = 256;

/// How many things are waited for at once: the 64 connections of whoever serves the network, and
/// where they come from.
pub const WAIT_MANY_MAX: usize = 80;

/// How many things one port watches: more than a program here has handles of a kind, and few enough
/// to be looked through in a call.
pub const PORT_BINDINGS_MAX: usize = 256;

/// A host name (RFC 1035 §2.3.4).
pub const HOST_BYTES_MAX: usize = 253;

/// A frame of Ethernet, its head included.
pub const FRAME_BYTES_MAX: usize = 1514;

/// Random bytes per call.
pub const ENTROPY_BYTES_MAX: usize = 256;

/// The most urgent a thread can be; the least is 0. Few enough for a row of threads each.
pub const PRIORITY_MAX: u64 = 7;

/// What a process starts with, if its job may have as much: others are more urgent, or less.
pub const PRIORITY_START: u64 = 4;

const _: () = assert!(PRIORITY_START <= PRIORITY_MAX);
const _: () = assert!(ARGUMENT_BYTES_MAX + NAME_BYTES_MAX < MESSAGE_BYTES_MAX);
