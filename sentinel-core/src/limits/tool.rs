//! Bounds of tools: what models are told of them, and what one call may be.

use super::{JSON_BYTES_MAX, LABEL_PLAN_TOOLS_MAX, QUESTION_BYTES_MAX};

/// The name of a tool: the dialects of models allow 64.
pub const TOOL_NAME_BYTES_MAX: usize = 64;

/// What a foreign tool says of itself. Every request to a model repeats it, and it is where a
/// hostile one would put its instructions.
pub const TOOL_DESCRIPTION_BYTES_MAX: usize = 4 * 1024;

/// The schema of a foreign tool: room for thirty parameters with a sentence each.
pub const TOOL_SCHEMA_BYTES_MAX: usize = 16 * 1024;

/// Files that one call of a foreign tool is handed: each is open while the call runs.
pub const TOOL_FILES_COUNT_MAX: usize = 64;

/// Tools at once. Models grow worse at choosing long before this, and every request lists them all.
pub const TOOLS_COUNT_MAX: usize = 256;

/// The arguments of one call: a file of [`TOOL_TEXT_BYTES_MAX`] with a third of its bytes escaped.
pub const TOOL_ARGUMENTS_BYTES_MAX: usize = 1 << 20;

/// How deep the arguments of a call may be nested: built-in tools need two, schemas of others a
/// handful.
pub const TOOL_ARGUMENTS_DEPTH_MAX: usize = 32;

/// One text in a call, such as the content of a file: more than a model writes in one answer.
pub const TOOL_TEXT_BYTES_MAX: usize = 512 * 1024;

/// A persona that a call may write: the person who is asked about it is shown all of it, and what
/// is said around it takes room, too.
pub const TOOL_PERSONA_BYTES_MAX: usize = QUESTION_BYTES_MAX / 2;

/// A path or a program: what Linux takes, without the NUL at its end.
pub const TOOL_PATH_BYTES_MAX: usize = 4095;

/// A text or pattern to search for: it is compared with every line beneath a directory.
pub const TOOL_PATTERN_BYTES_MAX: usize = 1024;

/// The last line a call may name: a file of so many lines is larger than any that is read.
pub const TOOL_LINES_MAX: u64 = 1_000_000_000;

/// Arguments of one command: a person has to be able to read them.
pub const TOOL_ARGV_COUNT_MAX: usize = 256;

/// Hosts that one command may reach: a package manager asks two or three, and a person has to be
/// able to read them.
pub const TOOL_HOSTS_COUNT_MAX: usize = 16;

/// One of them: the longest name there is, and a port (RFC 1035 §2.3.4).
pub const TOOL_HOST_BYTES_MAX: usize = 253 + 6;

/// One argument of a command: a script passed with `-c` fits.
pub const TOOL_ARGV_WORD_BYTES_MAX: usize = 32 * 1024;

/// All arguments of a command: half of what Linux takes with an ordinary stack is 1 MiB; this much
/// is still shown whole in an approval.
pub const TOOL_ARGV_BYTES_MAX: usize = 64 * 1024;

/// How long a command may be allowed to run, in seconds. A person waits for it.
pub const TOOL_TIMEOUT_SECONDS_MAX: u64 = 600;

/// How long a command runs when the model says nothing, in seconds.
pub const TOOL_TIMEOUT_SECONDS_DEFAULT: u64 = 60;

/// One header field a model sets: lists of media types and entity tags are shorter.
pub const TOOL_HEADER_BYTES_MAX: usize = 1024;

/// Tools in a declared plan. A plan that names everything plans nothing.
pub const TOOL_PLAN_COUNT_MAX: usize = 16;

/// The line that says what a plan is for: it is shown to a person.
pub const TOOL_WHY_BYTES_MAX: usize = 400;

/// Characters repeated from a wrong call in the error about it.
pub const TOOL_EXCERPT_CHARACTERS_MAX: usize = 48;

/// The text of an error about a wrong call: it goes into the conversation.
pub const TOOL_ERROR_BYTES_MAX: usize = 1024;

/// A word that a likely meaning is looked for: names of tools, parameters and rights are shorter.
pub const SUGGEST_WORD_BYTES_MAX: usize = 64;

const _: () = assert!(TOOL_NAME_BYTES_MAX <= SUGGEST_WORD_BYTES_MAX, "every name has a meaning");
const _: () = assert!(TOOL_TEXT_BYTES_MAX < TOOL_ARGUMENTS_BYTES_MAX);
const _: () = assert!(TOOL_PLAN_COUNT_MAX <= LABEL_PLAN_TOOLS_MAX, "the judge keeps every plan");
const _: () = assert!(TOOL_ARGUMENTS_BYTES_MAX <= JSON_BYTES_MAX);
const _: () = assert!(TOOL_ARGV_WORD_BYTES_MAX <= TOOL_ARGV_BYTES_MAX);
const _: () = assert!(TOOL_ARGV_BYTES_MAX <= TOOL_ARGUMENTS_BYTES_MAX);
const _: () = assert!(TOOL_TIMEOUT_SECONDS_DEFAULT <= TOOL_TIMEOUT_SECONDS_MAX);
