//! Bounds of the contract, which both sides may rely on and must hold the other to.
//!
//! They belong to the version: another number is another version.
//!
//! # Not here
//! How long a call may take and how much memory it has: those are the manifest's.

/// The version of the contract that this crate speaks.
pub const VERSION: u32 = 1;

/// Bytes of a line with its newline. A skill must have this much room for what it is sent, and on
/// a small machine it has twice of that: once to read, once to write.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// How deep objects and arrays stand in each other. A bit of a `u64` each, with room to spare.
pub const DEPTH_MAX: u32 = 32;

/// Bytes of the name of a skill, a tool or a parameter, which people read in questions.
pub const NAME_BYTES_MAX: usize = 64;

/// Bytes of a version as a skill tells it.
pub const RELEASE_BYTES_MAX: usize = 32;

/// Tools of a skill. A model chooses badly among more.
pub const TOOLS_MAX: usize = 32;

/// Parameters of a tool. A bit of a `u32` each tells which were there.
pub const PARAMETERS_MAX: usize = 32;

/// Bytes of a description: it stands in the model's context with every request.
pub const DESCRIPTION_BYTES_MAX: usize = 1024;

/// Bytes of the message of an error or of a progress: a sentence, not a document.
pub const MESSAGE_BYTES_MAX: usize = 1024;

/// Bytes that are read from a handle at once: as Base64 they fit into a line with all around them.
pub const READ_BYTES_MAX: usize = 32 * 1024;

/// What Sentinel listens to for one call before it takes it for a flood: a file of 64 MiB, read
/// piece by piece, and as much progress again.
pub const MESSAGES_MAX: u32 = 4 * 1024;

// Base64 makes four letters of three bytes; 256 bytes are more than the rest of an answer.
const _: () = assert!(READ_BYTES_MAX.div_ceil(3) * 4 + 256 <= LINE_BYTES_MAX);
const _: () = assert!(DEPTH_MAX <= 64);
