//! Bounds of what a sandboxed program may do with the network.

use core::time::Duration;

/// Connections of one call at one time: browsers open six to a host, package managers some dozens.
/// One more waits in the queue of the listening socket until another ends.
pub const EGRESS_CONNECTIONS_COUNT_MAX: usize = 64;

/// Decisions of one call, each of which is a record: more than a large installation makes. After
/// that everything is refused.
pub const EGRESS_PASSAGES_COUNT_MAX: u32 = 4096;

/// What one call may send and receive, all together: some large images, and no whole disk.
pub const EGRESS_BYTES_MAX: u64 = 16 << 30;

/// What is kept of one direction while it waits: a full read of a socket, twice.
pub const EGRESS_PENDING_BYTES_MAX: usize = 128 * 1024;

/// What is kept of a `ClientHello`: one with post-quantum keys has 2 KiB, one with a ticket and a
/// certificate's worth of extensions some more.
pub const EGRESS_HELLO_BYTES_MAX: usize = 16 * 1024;

/// From the first word of a connection to the end of its request, and from the opening of a tunnel
/// to the end of the `ClientHello` in it: a program says them at once, and whoever dribbles them
/// wants to hold a place.
pub const EGRESS_WORD_TIME_MAX: Duration = Duration::from_secs(15);

/// How long nothing may move in either direction. Longer than the keep-alive of anything that waits
/// for a push.
pub const EGRESS_IDLE_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// How much of a path is recorded of a request in the clear.
pub const EGRESS_PATH_BYTES_MAX: usize = 256;
