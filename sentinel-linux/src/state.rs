//! The directory in which an agent lives: its log, its keys, and the lock that says it is at work.
//!
//! ```text
//! lock          held by the process that works here
//! version       of this layout
//! journal/      the log, file by file
//! keys          the key ring, wrapped by the master key
//! seed          what signs the log now
//! log-key       what signs it for witnesses, always the same
//! checkpoint    the last one, to be copied elsewhere
//! journal.key   what wraps the key ring, unless it is kept elsewhere
//! passphrase    how that is made from a passphrase, if it is
//! control       the socket on which the process that works here is managed
//! settings/     the texts of settings that the log names, by their digests
//! ```
//!
//! # Invariants
//! - One process at a time. Nobody but the owner reads anything here.
//! - A small file is replaced whole or not at all, and a secret that was replaced is written over.
//! - A directory of an earlier version becomes one of this version step by step, and each step can
//!   be done twice; one of a later version is left alone.
//!
//! # Not here
//! Writing the log: [`journal`](crate::journal). Reading it without being its agent:
//! [`crate::audit`], by what stands at the end here.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use sentinel_core::journal::{EpochSeed, Identity, JournalId, KeyRing, LogKey};
use zeroize::Zeroizing;

use crate::{audit, erase, log};

/// The directory, while it is held.
#[derive(Debug)]
pub(crate) struct State {
    directory: PathBuf,
    /// Held until the process ends, however it ends.
    _lock: File,
}

impl State {
    /// Takes a directory for this process, and makes it if it is not there.
    pub(crate) fn open(directory: &Path) -> Result<Self, StateError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |error| StateError::Io { path, error }
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        let above = nearest(directory).map(Path::to_path_buf);
        builder
            .create(directory)
            .map_err(|error| StateError::NotMade { path: directory.to_path_buf(), error })?;
        if let Some(above) = above {
            sync_between(&above, directory).map_err(failed(directory))?;
        }
        // By its one real name, which is also the one that tools are kept out of.
        let directory = &fs::canonicalize(directory).map_err(failed(directory))?;
        let data = fs::symlink_metadata(directory).map_err(failed(directory))?;
        let owner = rustix::process::geteuid().as_raw();
        if !data.is_dir() || data.uid() != owner || data.mode() & 0o077 != 0 {
            return Err(StateError::NotPrivate { path: directory.to_path_buf() });
        }
        let path = directory.join("lock");
        let lock = private().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(failed(&path))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| StateError::Held { path: directory.to_path_buf() })?;
        let state = Self { directory: directory.to_path_buf(), _lock: lock };
        state.check_version()?;
        for name in SECRETS {
            erase::clean(directory, name).map_err(failed(&directory.join(name)))?;
        }
        for name in ["journal", "settings"] {
            let path = directory.join(name);
            builder.create(&path).map_err(failed(&path))?;
        }
        // That they are there is made safe with the first record that is written.
        Ok(state)
    }

    /// Makes the directory one of this version, if it is of an earlier one.
    fn check_version(&self) -> Result<(), StateError> {
        let Some(found) = self.find("version")? else {
            return self.store("version", version_text(VERSION).as_bytes());
        };
        let found = String::from_utf8_lossy(&found).into_owned();
        let known = 1..=VERSION;
        let version = found.trim().parse().ok().filter(|version| known.contains(version));
        let Some(mut version) = version else {
            let found = found.trim().chars().filter(|c| !c.is_control()).take(20).collect();
            return Err(StateError::Version { path: self.directory.clone(), found });
        };
        while let Some(step) = STEPS.iter().find(|step| step.from == version) {
            self.back_up(step)?;
            (step.make)(self)?;
            version += 1;
            // Last: a step that was interrupted is done again.
            self.store("version", version_text(version).as_bytes())?;
            log::info!(
                "{}: made by an earlier version, and now of layout {version}: {}; what was \
                 changed stands in '{}'",
                self.directory.display(),
                step.what,
                backup_name(step)
            );
        }
        Ok(())
    }

    /// Keeps what a step changes as it was.
    fn back_up(&self, step: &Step) -> Result<(), StateError> {
        let name = backup_name(step);
        let path = self.directory.join(&name);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|error| StateError::Io { path, error })?;
        for file in step.changes {
            let kept = format!("{name}/{file}");
            // What is there already is from before: the step was interrupted.
            if let (Some(bytes), None) = (self.find(file)?, self.find(&kept)?) {
                self.store(&kept, &bytes)?;
            }
        }
        Ok(())
    }

    /// Puts the last checkpoint of the log beside it, so that a log that was cut off is noticed.
    fn keep_last_checkpoint(&self) -> Result<(), StateError> {
        let failed = |error| StateError::Io { path: self.directory.join("journal"), error };
        let log = audit::Log::at(&self.directory).map_err(failed)?;
        let verified = audit::verify(&log, None, Vec::new()).map_err(failed)?;
        // Of a damaged log nothing is kept: whoever goes on with it will say what is wrong.
        match verified.report.checkpoint {
            Some(note) if !verified.is_bad() => {
                self.store("checkpoint", note.to_string().as_bytes())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The log, file by file; nothing if it was never begun.
    pub(crate) fn log(&self) -> Result<Vec<Vec<u8>>, StateError> {
        let mut files = Vec::new();
        for number in 0.. {
            match self.find(&log_name(number))? {
                Some(file) => files.push(file.to_vec()),
                None => break,
            }
        }
        // A gap is no end: what is behind it would be written over.
        let path = self.directory.join("journal");
        let failed = |error| StateError::Io { path: path.clone(), error };
        for entry in fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".log"));
            let number = name.and_then(|name| name.parse::<usize>().ok());
            if number.is_some_and(|number| number >= files.len()) {
                let path = self.directory.join(log_name(files.len() as u64));
                return Err(StateError::Gap { path });
            }
        }
        // Of a first file whose first write was torn nothing is known, and nothing was done.
        Ok(if files.iter().all(Vec::is_empty) { Vec::new() } else { files })
    }

    /// What names the log in its records, made with it.
    pub(crate) fn journal_id(&self) -> Result<JournalId, StateError> {
        self.drawn("id").map(|id| JournalId(*id))
    }

    /// What the log is called in its checkpoints: each by a name of its own, because a witness
    /// tells logs apart by nothing else. `first_file` is the log's, if there is one already.
    pub(crate) fn origin(&self, first_file: Option<&[u8]>) -> Result<String, StateError> {
        if first_file.and_then(Identity::of).is_some_and(|log| log.origin == ORIGIN) {
            return Ok(ORIGIN.into());
        }
        Ok(format!("{ORIGIN}/{}", audit::hex(&self.journal_id()?.0)))
    }

    /// What signs the log for witnesses, made when it is first asked for.
    pub(crate) fn log_key(&self) -> Result<LogKey, StateError> {
        self.drawn("log-key").map(|secret| LogKey::from_bytes(&secret))
    }

    /// What signs the log; a fresh one for a new log.
    pub(crate) fn seed(&self) -> Result<EpochSeed, StateError> {
        match self.find("seed")? {
            Some(bytes) => {
                let bytes = bytes.as_slice().try_into().map_err(|_| self.odd("seed"))?;
                Ok(EpochSeed::from_bytes(bytes))
            }
            None => {
                let seed = EpochSeed::first(*entropy()?);
                self.store("seed", &*seed.to_bytes())?;
                Ok(seed)
            }
        }
    }

    /// Random bytes of this directory's own, drawn when they are first asked for.
    fn drawn<const COUNT: usize>(&self, name: &str) -> Result<Zeroizing<[u8; COUNT]>, StateError> {
        if let Some(bytes) = self.find(name)? {
            let bytes: [u8; COUNT] = bytes.as_slice().try_into().map_err(|_| self.odd(name))?;
            return Ok(Zeroizing::new(bytes));
        }
        let bytes = entropy()?;
        self.store(name, &*bytes)?;
        Ok(bytes)
    }

    pub(crate) fn ring(&self) -> Result<KeyRing, StateError> {
        ring(&self.directory)
    }

    /// Keeps the text that settings were read from, for a later replay.
    pub(crate) fn keep_settings(&self, digest: &[u8; 32], text: &str) -> Result<(), StateError> {
        let name = settings_name(digest);
        match self.find(&name)? {
            Some(_) => Ok(()),
            None => self.store(&name, text.as_bytes()),
        }
    }

    /// The text of settings that a log names.
    pub(crate) fn kept_settings(&self, digest: &[u8; 32]) -> Option<String> {
        kept_settings(&self.directory, digest)
    }

    fn find(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
        find(&self.directory, name)
    }

    fn store(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let failed = |error| StateError::Io { path: self.directory.join(name), error };
        replace(&self.directory, name, bytes).map_err(failed)
    }

    fn odd(&self, name: &str) -> StateError {
        StateError::Odd { path: self.directory.join(name) }
    }
}

/// How a directory of one version becomes one of the next.
struct Step {
    from: u32,
    /// What is new, for people.
    what: &'static str,
    /// The files that are changed, and kept as they were. Never keys: a copy of the ring would
    /// undo forgetting, and one of the seed would let yesterday be forged.
    changes: &'static [&'static str],
    make: fn(&State) -> Result<(), StateError>,
}

/// All steps there are.
const STEPS: &[Step] = &[Step {
    from: 1,
    what: "the log's last checkpoint stands beside it",
    changes: &["version", "checkpoint"],
    make: State::keep_last_checkpoint,
}];

/// What is replaced and may not remain: beside it a crash can have left what it was before, or what
/// it was about to be.
const SECRETS: [&str; 2] = ["seed", "keys"];

/// The name of every log of earlier versions, and what the names of others begin with.
const ORIGIN: &str = "sentinel.local/agent";

/// The layout of this version.
pub(crate) const VERSION: u32 = 2;

const _: () = assert!(STEPS.len() + 1 == VERSION as usize);

fn version_text(version: u32) -> String {
    format!("{version}\n")
}

fn backup_name(step: &Step) -> String {
    format!("before-{}", step.from + 1)
}

/// The key ring of a directory, also for those who only look.
pub(crate) fn ring(directory: &Path) -> Result<KeyRing, StateError> {
    let read = || match find(directory, "keys")? {
        None => Ok(KeyRing::new()),
        Some(bytes) => KeyRing::from_bytes(&bytes)
            .map_err(|_| StateError::Odd { path: directory.join("keys") }),
    };
    // An agent at work writes over the ring that it replaced, which may be the one that was just
    // opened here. The next one is in its place by then.
    read().or_else(|_| read())
}

/// The text of settings that the log in a directory names, also for those who only look.
pub(crate) fn kept_settings(directory: &Path, digest: &[u8; 32]) -> Option<String> {
    let bytes = find(directory, &settings_name(digest)).ok().flatten()?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// A small file of a directory.
pub(crate) fn find(directory: &Path, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
    let path = directory.join(name);
    let read = || -> io::Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::new());
        File::open(&path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::Io { path, error }),
    }
}

/// The file in which stands where a platform was left off.
pub(crate) fn kept_name(platform: &str) -> String {
    format!("{platform}.kept")
}

/// Replaces a file: whoever reads it finds the old or the new one, whole, also after a crash.
pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = directory.join(format!("{name}.new"));
    let mut file = private().write(true).create(true).truncate(true).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let path = directory.join(name);
    fs::rename(&fresh, &path)?;
    File::open(path.parent().unwrap_or(directory))?.sync_all()
}

/// The last part of a path that is there; none if all of it is.
fn nearest(path: &Path) -> Option<&Path> {
    let above = path.ancestors().skip(1).find(|part| part.as_os_str().is_empty() || part.exists());
    above.filter(|_| !path.exists())
}

/// Makes what was created between two directories last: the name of each stands in the one above.
fn sync_between(above: &Path, made: &Path) -> io::Result<()> {
    for part in made.ancestors().skip(1) {
        sync(if part.as_os_str().is_empty() { Path::new(".") } else { part })?;
        if part == above {
            break;
        }
    }
    Ok(())
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Random bytes of the system.
pub(crate) fn entropy<const COUNT: usize>() -> Result<Zeroizing<[u8; COUNT]>, StateError> {
    let mut bytes = Zeroizing::new([0; COUNT]);
    let mut filled = 0;
    while filled < COUNT {
        let rest = bytes.get_mut(filled..).unwrap_or_default();
        let drawn = rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty());
        filled += drawn.map_err(|error| StateError::Entropy(error.into()))?;
    }
    Ok(bytes)
}

/// The name of a file of the log.
pub(crate) fn log_name(number: u64) -> String {
    format!("journal/{number:06}.log")
}

/// The number of the file of the log that is called this.
pub(crate) fn log_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let is_number = digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

fn settings_name(digest: &[u8; 32]) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("settings/{hex}.toml")
}

/// Files that only their owner reads.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Why an agent cannot live in a directory.
#[derive(Debug)]
pub(crate) enum StateError {
    Io { path: PathBuf, error: io::Error },
    NotMade { path: PathBuf, error: io::Error },
    Entropy(io::Error),
    NotPrivate { path: PathBuf },
    Held { path: PathBuf },
    Version { path: PathBuf, found: String },
    Odd { path: PathBuf },
    Gap { path: PathBuf },
}

impl fmt::Display for StateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(formatter, "{}: {error}", path.display()),
            Self::NotMade { path, error } => {
                write!(
                    formatter,
                    "{}: no directory for the log can be made here: ",
                    path.display()
                )?;
                match error.kind() {
                    io::ErrorKind::AlreadyExists => formatter.write_str("a file has this name")?,
                    _ => write!(formatter, "{error}")?,
                }
                formatter
                    .write_str("; name another one with --state, or as directory under [state]")
            }
            Self::Entropy(error) => write!(formatter, "the system gives no random bytes: {error}"),
            Self::NotPrivate { path } => write!(
                formatter,
                "{}: it is no directory of yours alone; run 'chmod 700' on it, or name another \
                 one with --state",
                path.display()
            ),
            Self::Held { path } => write!(
                formatter,
                "{}: another sentinel is at work here; end it, or name another directory with \
                 --state",
                path.display()
            ),
            Self::Version { path, found } => write!(
                formatter,
                "{}: it was made by a later version (layout '{found}', this one knows 1 to \
                 {VERSION}); start that one, or name another directory with --state. Nothing was \
                 changed",
                path.display()
            ),
            Self::Gap { path } => write!(
                formatter,
                "{}: this file of the log is gone, and later ones are there; put back a copy of \
                 the whole directory",
                path.display()
            ),
            Self::Odd { path } => write!(
                formatter,
                "{}: it is not what was stored; put back a copy of the whole directory",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StateError {}
