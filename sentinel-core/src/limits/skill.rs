//! Bounds of skills: their manifests, their instructions and their files.

/// Bytes of a manifest, or of a `SKILL.md`: every tool described at length still fits.
pub const SKILL_FILE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of the name of a skill, and of a tool. A model is told both with a character between
/// them, and takes 64 bytes.
pub const SKILL_NAME_BYTES_MAX: usize = 31;

/// Bytes of the name of a parameter: as many as a model takes.
pub const SKILL_PARAMETER_NAME_BYTES_MAX: usize = 64;

/// Bytes of a version.
pub const SKILL_VERSION_BYTES_MAX: usize = 32;

/// Bytes of a description: it stands in the model's context with every request.
pub const SKILL_DESCRIPTION_BYTES_MAX: usize = 1024;

/// Tools of a skill. A model chooses badly among more.
pub const SKILL_TOOLS_COUNT_MAX: usize = 32;

/// Parameters of a tool: a person who is asked reads all of them.
pub const SKILL_PARAMETERS_COUNT_MAX: usize = 32;

/// Words that a parameter may be one of.
pub const SKILL_WORDS_COUNT_MAX: usize = 64;

/// Grants of one kind in a manifest: nobody approves a longer list with open eyes.
pub const SKILL_GRANTS_COUNT_MAX: usize = 32;

/// Bytes of a text that is an argument: with all around it, it fits into a line of the contract.
pub const SKILL_TEXT_BYTES_MAX: i64 = 48 * 1024;

/// Elements of a list that is an argument.
pub const SKILL_LIST_COUNT_MAX: i64 = 1024;

/// Seconds of a call, unless the manifest says otherwise.
pub const SKILL_CALL_SECONDS: i64 = 30;

/// The most seconds of a call.
pub const SKILL_CALL_SECONDS_MAX: i64 = 3600;

/// Mebibytes of memory, unless the manifest says otherwise: an interpreter and a small task.
pub const SKILL_MEMORY_MIB: i64 = 256;

/// The most mebibytes of memory.
pub const SKILL_MEMORY_MIB_MAX: i64 = 4096;

/// Bytes of a module. It is read and checked whole before it runs; a large one in Rust has a
/// twentieth of it.
pub const SKILL_MODULE_BYTES_MAX: u64 = 8 << 20;

/// Millions of instructions that a module has for each thing it is asked, if nothing is said: some
/// seconds of them.
pub const SKILL_FUEL_MILLIONS: i64 = 1000;

/// And at most: more than a call has time for.
pub const SKILL_FUEL_MILLIONS_MAX: i64 = 1_000_000;

/// Elements of each table of a module: functions that it calls by number, and it has no more of
/// them.
pub const SKILL_TABLE_ELEMENTS_MAX: usize = 100_000;

/// Tables of a module: compilers make one.
pub const SKILL_TABLES_COUNT_MAX: usize = 16;

/// How deep functions of a module call each other.
pub const SKILL_CALLS_DEPTH_MAX: usize = 10_000;

/// Bytes of what a module's functions hold while they call each other, besides its memory.
pub const SKILL_STACK_BYTES_MAX: usize = 1 << 20;

/// Bytes of an output, unless the manifest says otherwise: what a model reads with profit.
pub const SKILL_OUTPUT_BYTES: i64 = 16 * 1024;

/// The most bytes of an output: a line of the contract, less what stands around it.
pub const SKILL_OUTPUT_BYTES_MAX: i64 = 64 * 1024 - 256;

/// Skills at once. Each has tools that every request to a model lists.
pub const SKILLS_COUNT_MAX: usize = 64;

/// Files of a skill: an MCP server lies in its folder with all that a package manager put there for
/// it, which is some thousands, so that the digest covers what runs.
pub const SKILL_FILES_COUNT_MAX: usize = 8192;

/// Bytes of all files of a skill: they are read at every start, to see whether they are the same.
pub const SKILL_FILES_BYTES_MAX: u64 = 64 << 20;

/// Words of the command that starts an MCP server, and variables of its environment.
pub const SKILL_COMMAND_WORDS_MAX: usize = 32;

/// Bytes of one of these words.
pub const SKILL_COMMAND_WORD_BYTES_MAX: usize = 1024;

/// Bytes of the file in which the listing of an MCP server is pinned: the most that a server may
/// list, and what stands around it.
#[cfg(feature = "skill")]
pub const SKILL_LISTING_BYTES_MAX: usize = super::MCP_LIST_BYTES_MAX + 64 * 1024;

/// Bytes of `skill.minisig`: `minisign` writes comments of at most 1 KiB and 8 KiB, which nobody
/// needs to fill, and 188 of the two signatures.
pub const SKILL_SIGNATURE_BYTES_MAX: usize = 4 * 1024;

/// Bytes of the path of a file within its skill.
pub const SKILL_PATH_BYTES_MAX: usize = 1024;
