//! Everything that a program in a sandbox will have.
//!
//! Words are bytes, because Linux takes any bytes but zero in a path, an argument or a variable.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::rules::{CallRule, CallRules};
use crate::limits::{
    SANDBOX_AUTHORITY_BYTES_MAX, SANDBOX_CALL_RULES_MAX, SANDBOX_MOUNTS_MAX, SANDBOX_OPEN_FILES,
    SANDBOX_PIDS, SANDBOX_PUBLISHED_MAX, SANDBOX_TEMPORARY_BYTES, SANDBOX_WORD_BYTES_MAX,
    SANDBOX_WORDS_BYTES_MAX, SANDBOX_WORDS_MAX,
};

/// What a sandbox is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The program: an absolute path. This one file may be run wherever it lies, and whatever the
    /// mounts say of the directory it is in.
    pub program: Vec<u8>,
    /// Its arguments, its own name first.
    pub arguments: Vec<Vec<u8>>,
    /// `NAME=value`, and nothing else of any environment.
    pub environment: Vec<Vec<u8>>,
    /// Where it starts: an absolute path that some mount holds.
    pub directory: Vec<u8>,
    /// Files and directories it sees, besides what every program needs of the system.
    pub mounts: Vec<Mount>,
    /// Places beneath mounts that stay hidden.
    pub hidden: Vec<Vec<u8>>,
    /// What it reaches over networks.
    pub network: Network,
    /// Ports that may be waited on inside and are reached from outside.
    pub published: Vec<u16>,
    /// How much of everything.
    pub limits: Limits,
    /// Which system calls.
    pub calls: Calls,
    /// And these besides, by their names.
    pub allowed: Vec<Vec<u8>>,
    /// What becomes of the others.
    pub calls_mode: CallsMode,
    /// Whether it keeps the terminal that the caller has.
    pub has_terminal: bool,
    /// What is done about what this machine cannot enforce.
    pub requirement: Requirement,
    /// A certificate, as PEM, that its programs are to believe besides those of the system; empty
    /// if there is none.
    pub authority: Vec<u8>,
}

/// A file or directory that is seen inside, at the same place as outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// An absolute path.
    pub path: Vec<u8>,
    /// What may be done there, besides reading.
    pub rights: Rights,
}

/// What may be done beneath a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Files are read.
    Read,
    /// And written, made and removed; none of them is run.
    Write,
    /// Files are read, and programs among them are run.
    Run,
}

/// What a sandbox reaches over networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Nothing: there is no network inside, and no socket can be made.
    None,
    /// A proxy of Sentinel's, on one port of the loopback address inside.
    Proxied,
    /// The network of the machine.
    Host,
}

/// How much a sandbox may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// After so long everything in it is killed.
    pub time: Option<Duration>,
    /// Bytes of memory of all its processes together, where a memory cgroup can be had; of each
    /// one besides.
    pub memory_bytes: Option<u64>,
    /// Hundredths of one processor, where a cgroup can be had.
    pub processors_percent: Option<u32>,
    /// Bytes that all its processes may read from a disk in a second, and as many that they may
    /// write to it, where a cgroup of version 2 can be had.
    pub disk_bytes_per_second: Option<u64>,
    /// Seconds on a processor, of each process.
    pub processor_time: Option<Duration>,
    /// Processes and threads at a time.
    pub pids: u32,
    /// Open files of each process.
    pub open_files: u32,
    /// Bytes of the longest file that is written.
    pub file_bytes: Option<u64>,
    /// Bytes in the temporary directory, which is in memory.
    pub temporary_bytes: u64,
}

/// Which system calls can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Calls {
    /// What command-line programs need. Memory is never both written and run.
    Strict,
    /// And what programs need that translate themselves while they run, and numeric libraries.
    DataScience,
    /// What a file says.
    Custom(CallRules),
}

/// What becomes of system calls that are not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallsMode {
    /// They fail.
    Enforce,
    /// They are made, and told afterwards.
    Log,
    /// They are made.
    Off,
}

/// What is done about what this machine cannot enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing is started.
    Strict,
    /// It is said with the result.
    BestEffort,
}

impl Profile {
    /// A program with nothing but its name and what every program needs.
    #[must_use]
    pub fn new(program: &[u8], directory: &[u8]) -> Self {
        Self {
            program: program.to_vec(),
            arguments: alloc::vec![program.to_vec()],
            environment: Vec::new(),
            directory: directory.to_vec(),
            mounts: Vec::new(),
            hidden: Vec::new(),
            network: Network::None,
            published: Vec::new(),
            limits: Limits::default(),
            calls: Calls::Strict,
            allowed: Vec::new(),
            calls_mode: CallsMode::Enforce,
            has_terminal: false,
            requirement: Requirement::Strict,
            authority: Vec::new(),
        }
    }

    /// Whether it is within its bounds and can be meant at all.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ProfileError> {
        let custom: &[CallRule] = match &self.calls {
            Calls::Custom(rules) => &rules.rules,
            Calls::Strict | Calls::DataScience => &[],
        };
        if custom.len() > SANDBOX_CALL_RULES_MAX
            || custom.iter().any(|rule| rule.conditions.len() > CONDITIONS_MAX)
        {
            return Err(ProfileError::TooLong);
        }
        let custom = custom.iter().flat_map(|rule| &rule.names).chain(&self.allowed);
        let mounts = self.mounts.iter().map(|mount| &mount.path);
        let paths = [&self.program, &self.directory].into_iter().chain(mounts).chain(&self.hidden);
        for path in paths.clone() {
            check_path(path)?;
        }
        let words = self.arguments.iter().chain(&self.environment).chain(custom);
        let (mut count, mut bytes) = (0_usize, 0_usize);
        for word in words.chain(paths) {
            if word.len() > SANDBOX_WORD_BYTES_MAX {
                return Err(ProfileError::TooLong);
            }
            if word.contains(&0) {
                return Err(ProfileError::Nul);
            }
            count += 1;
            bytes += word.len();
        }
        if count > SANDBOX_WORDS_MAX || bytes > SANDBOX_WORDS_BYTES_MAX {
            return Err(ProfileError::TooLong);
        }
        if self.mounts.len() > SANDBOX_MOUNTS_MAX || self.hidden.len() > SANDBOX_MOUNTS_MAX {
            return Err(ProfileError::TooManyMounts);
        }
        if self.published.len() > SANDBOX_PUBLISHED_MAX {
            return Err(ProfileError::TooManyPorts);
        }
        if self.authority.len() > SANDBOX_AUTHORITY_BYTES_MAX {
            return Err(ProfileError::TooLong);
        }
        let is_variable = |word: &Vec<u8>| word.iter().skip(1).any(|byte| *byte == b'=');
        if !self.environment.iter().all(is_variable) {
            return Err(ProfileError::Variable);
        }
        match self.arguments.is_empty() {
            true => Err(ProfileError::NoArguments),
            false => Ok(()),
        }
    }
}

/// An absolute path of plain names: two spellings of one place would be two answers to one
/// question.
fn check_path(path: &[u8]) -> Result<(), ProfileError> {
    let Some(rest) = path.strip_prefix(b"/") else { return Err(ProfileError::Relative) };
    if rest.is_empty() {
        return Ok(());
    }
    let is_plain = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
    if rest.split(|byte| *byte == b'/').all(is_plain) {
        Ok(())
    } else {
        Err(ProfileError::Relative)
    }
}

/// A call has no more arguments.
pub(super) const CONDITIONS_MAX: usize = 6;

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: None,
            memory_bytes: None,
            processors_percent: None,
            disk_bytes_per_second: None,
            processor_time: None,
            pids: SANDBOX_PIDS,
            open_files: SANDBOX_OPEN_FILES,
            file_bytes: None,
            temporary_bytes: SANDBOX_TEMPORARY_BYTES,
        }
    }
}

/// What is wrong with a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProfileError {
    /// A path that is not absolute, or has `.`, `..` or an empty name in it.
    Relative,
    /// A zero in a word.
    Nul,
    /// Words that are too long, or too many.
    TooLong,
    /// More places than can be mounted.
    TooManyMounts,
    /// More ports than can be published.
    TooManyPorts,
    /// A variable without a name or a value.
    Variable,
    /// Not even the name of the program.
    NoArguments,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Relative => "a path is not absolute, or has '.' or '..' in it",
            Self::Nul => "a zero byte stands in a path, an argument or a variable",
            Self::TooLong => "arguments, variables and paths are too long, or too many",
            Self::TooManyMounts => "more places than a sandbox can hold",
            Self::TooManyPorts => "more ports than a sandbox can publish",
            Self::Variable => "a variable is not written NAME=value",
            Self::NoArguments => "there is not even the name of the program",
        })
    }
}

impl core::error::Error for ProfileError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let good = Profile::new(b"/bin/true", b"/");
        assert_eq!(good.check(), Ok(()));
        let path = |path: &[u8]| Profile::new(path, b"/").check();
        for bad in [&b""[..], b"true", b"/bin/../true", b"/bin//true", b"/./true", b"/bin/"] {
            assert_eq!(path(bad), Err(ProfileError::Relative), "{bad:?}");
        }
        assert_eq!(path(b"/bin/tr\0ue"), Err(ProfileError::Nul));
        let long = Profile { arguments: alloc::vec![alloc::vec![b'x'; 1 << 20]], ..good.clone() };
        assert_eq!(long.check(), Err(ProfileError::TooLong));
        for variable in ["", "=x", "NAME"] {
            let environment = alloc::vec![variable.as_bytes().to_vec()];
            let profile = Profile { environment, ..good.clone() };
            assert_eq!(profile.check(), Err(ProfileError::Variable), "{variable}");
        }
        let mount = Mount { path: b"/usr".to_vec(), rights: Rights::Read };
        let mounts = alloc::vec![mount; SANDBOX_MOUNTS_MAX + 1];
        let crowded = Profile { mounts, ..good.clone() };
        assert_eq!(crowded.check(), Err(ProfileError::TooManyMounts));
        assert_eq!(
            Profile { arguments: Vec::new(), ..good }.check(),
            Err(ProfileError::NoArguments)
        );
    }
}
