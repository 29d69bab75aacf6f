//! Bounds of the Model Context Protocol, as a server and as a client.

/// Bytes of a line: the arguments of a call that writes a whole file, every byte of it escaped,
/// and what stands around them.
pub const MCP_LINE_BYTES_MAX: usize = 2 << 20;

/// Levels of arrays and objects in a line: those of arguments, and those around them.
pub const MCP_DEPTH_MAX: usize = 64;

/// Messages of one batch. No client is known to send more than a few.
pub const MCP_BATCH_COUNT_MAX: usize = 64;

/// Bytes of a name that the other end gives to a request.
pub const MCP_ID_BYTES_MAX: usize = 256;

/// Calls of a client that wait while another is done. An assistant makes a handful at once.
pub const MCP_CALLS_WAITING_MAX: usize = 32;

/// Bytes of all calls that wait: a few large files.
pub const MCP_CALLS_BYTES_MAX: usize = 4 << 20;

/// Tools in one answer to a client that lists them; the rest is in the next.
pub const MCP_PAGE_COUNT: usize = 64;

/// Pages of a list that a server may give out. A list that has no end is none.
pub const MCP_PAGES_COUNT_MAX: usize = 32;

/// Tools, resources or prompts of a server. A model chooses badly among far fewer.
pub const MCP_ITEMS_COUNT_MAX: usize = 256;

/// Bytes of a list that a server gives out: every tool described at length still fits.
pub const MCP_LIST_BYTES_MAX: usize = 1 << 20;

/// Requests to a server that are under way at once.
pub const MCP_REQUESTS_COUNT_MAX: usize = 64;

/// Requests that were given up and are still answered: a server that answers none of them ends.
pub const MCP_GIVEN_UP_COUNT_MAX: usize = 64;

/// Bytes of what the other end says of itself, of a question, a level or a line of its log.
pub const MCP_TEXT_BYTES_MAX: usize = 4096;

/// Bytes of what a call gives back: what the runtime records.
pub const MCP_OUTPUT_BYTES_MAX: usize = super::RUNTIME_OUTPUT_BYTES_MAX;

/// Questions of the other end, or to it, that wait for an answer.
pub const MCP_QUESTIONS_COUNT_MAX: usize = 16;

/// Exchanges with a server elsewhere that are under way at once: its requests, and a stream.
pub const MCP_EXCHANGES_COUNT_MAX: usize = MCP_REQUESTS_COUNT_MAX + 16;

/// Messages to a server elsewhere that wait until it takes those before: one that asks and asks and
/// does not take the answers ends.
pub const MCP_OWED_COUNT_MAX: usize = 128;

/// Bytes of the name of a session; some are tokens of a kilobyte.
pub const MCP_SESSION_BYTES_MAX: usize = 4096;

/// Bytes of the name of an event, behind which a stream goes on.
pub const MCP_EVENT_ID_BYTES_MAX: usize = 1024;

/// How often in a row a stream that brought nothing is asked for again.
pub const MCP_STREAM_EMPTY_MAX: u32 = 8;

/// Bytes of what a server says of its refusal.
pub const MCP_REFUSAL_BYTES_MAX: usize = 1024;
