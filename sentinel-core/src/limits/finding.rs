//! Bounds of what a search or a listing gives back.

/// What a search gives back: the model is shown less, and the journal keeps it all.
pub const TOOL_FOUND_BYTES_MAX: usize = 256 * 1024;

/// Lines of one file: who wants more reads it.
pub const TOOL_FOUND_LINES_MAX: usize = 50;

/// So much of a line: enough to see what it is.
pub const TOOL_FOUND_LINE_BYTES_MAX: usize = 300;

/// Names of one directory: more than anybody chooses from.
pub const TOOL_LISTED_COUNT_MAX: usize = 2000;
