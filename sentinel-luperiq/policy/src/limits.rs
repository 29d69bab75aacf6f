//! Every bound of the kernel's own tables, and why it is what it is.

use luperiq_abi::Handle;

/// Objects in all: what a machine with a few programs never comes near.
pub const OBJECTS_MAX: usize = 16 * 1024;

/// Handles in all, those in messages included.
pub const HANDLES_MAX: usize = 32 * 1024;

/// A handle that was given up while others stand beneath it leaves a node that ties them
/// together, and each such node ties at least two: there are never more of them than handles.
pub const GRANTS_MAX: usize = 2 * HANDLES_MAX;

/// What all ports together watch. When handles are closed each binding of the same object is looked
/// at, so closing all of them costs the square of this at most: ten milliseconds.
pub const BINDINGS_MAX: usize = 1024;

/// Handles of one process: as many as a handle has indices.
pub const TABLE_SLOTS_MAX: usize = Handle::INDEX_MAX as usize + 1;

/// How deep jobs stand in one another: a charge walks up all of them.
pub const JOB_DEPTH_MAX: u32 = 8;

/// Paths or endpoints in one policy: each is compared when something is opened.
pub const POLICY_NAMES_MAX: usize = 32;

/// What one record of uses holds before it is closed: what a record costs besides its bytes is
/// shared by all uses in it then.
pub const USES_BYTES_MAX: usize = 2048;

/// How long uses wait for others before their record is closed, in milliseconds: as long as a
/// reader of the log may be behind.
pub const USES_WAIT_MILLISECONDS: u64 = 1000;

/// The longest record that the kernel writes: uses, or a sentence with every byte escaped.
pub const RECORD_BYTES_MAX: usize = 4096;

/// The least memory a log can be kept in: a checkpoint and some records fit.
pub const LOG_BYTES_MIN: usize = 16 * 1024;

const _: () = assert!(luperiq_abi::limits::PORT_BINDINGS_MAX <= BINDINGS_MAX);
const _: () = assert!(USES_BYTES_MAX + 256 < RECORD_BYTES_MAX);
const _: () = assert!(luperiq_abi::limits::NOTE_BYTES_MAX * 6 + 256 < RECORD_BYTES_MAX);
const _: () = assert!(luperiq_abi::limits::REQUEST_BYTES_MAX * 6 + 256 < RECORD_BYTES_MAX);
const _: () = assert!(4 * RECORD_BYTES_MAX <= LOG_BYTES_MIN);
