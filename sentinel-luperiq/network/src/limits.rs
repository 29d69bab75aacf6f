//! Every bound of the network's program, and why it is what it is.

/// Connections at once, those included that are being closed.
pub const CONNECTIONS_MAX: usize = 64;

/// What waits of a connection in each direction: enough for a fast line nearby.
pub const BUFFER_BYTES: usize = 16 * 1024;

/// What goes through a line in one message, at most.
pub const PIECE_BYTES: usize = 8 * 1024;

/// Frames taken before anything else has its turn: a flood does not keep programs waiting.
pub const FRAMES_AT_ONCE: usize = 64;

/// How long a connection may take to be made, in milliseconds.
pub const CONNECT_MILLISECONDS: u64 = 20_000;

/// How long a connection may take to be closed after its program has let go of it.
pub const CLOSE_MILLISECONDS: u64 = 10_000;

/// How long an answer about a name is waited for, and how often it is asked for.
pub const ANSWER_MILLISECONDS: u64 = 1_500;
/// See [`ANSWER_MILLISECONDS`].
pub const QUESTIONS_MAX: u32 = 4;

/// The longest answer about a name: what is sent without a connection.
pub const ANSWER_BYTES_MAX: usize = 1232;

/// Hosts that the settings may name.
pub const HOSTS_MAX: usize = 32;

const _: () = assert!(PIECE_BYTES <= BUFFER_BYTES);
