//! Opening the agent's own directory: the keys, the settings, and the log gone on with.
//!
//! ```text
//! journal/      the log, file by file
//! keys          the key ring, wrapped by the master key
//! seed          what signs the log now
//! checkpoint    the last one
//! journal.key   what wraps the key ring
//! id            what names the log in its records
//! settings/     the texts of settings that the log names, by their digests
//! ```
//!
//! All but the log is [`kept`].
//!
//! # Invariants
//! - Where a log is, nothing that belongs to it is made anew: a key that is gone is an error.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use luperiq_runtime::abi::Error;
use sentinel_core::journal::{EpochSeed, JournalId, KeyRing, MasterKey, RecoverError};
use sentinel_core::runtime::{ResumeError, Secrets, Sentinel};
use zeroize::Zeroizing;

use crate::folder::Folder;
use crate::machine::Machine;
use crate::settings::{self, Configured};
use crate::{kept, log};

/// An agent that can go to work.
#[derive(Debug)]
pub struct Opened {
    /// It.
    pub sentinel: Sentinel,
    /// How many records were found; none, if this is the first start.
    pub records_count: Option<u64>,
}

/// Opens the directory and goes on with its log.
///
/// # Errors
/// Why it is not gone on with; nothing of the log was changed then.
pub fn open<M: Machine, F: Folder>(
    machine: &M,
    state: &mut F,
    configured: &Configured,
) -> Result<Opened, OpenError> {
    let settings = configured.settings.clone();
    let name = settings_name(&settings.digest);
    if find(state, &name)?.is_none() {
        store(state, &name, configured.text.as_bytes())?;
    }
    let log = log::read(state).map_err(|error| OpenError::Kernel("journal".into(), error))?;
    let files: Vec<&[u8]> = log.iter().map(Vec::as_slice).collect();
    let has_log = !files.is_empty();
    if has_log {
        let ring = match find(state, "keys")? {
            None => KeyRing::new(),
            Some(bytes) => {
                KeyRing::from_bytes(&bytes).map_err(|_| OpenError::Odd("keys".into()))?
            }
        };
        let secrets = secrets(machine, state, has_log)?;
        let earlier = |digest: &[u8; 32]| {
            let text = find(state, &settings_name(digest)).ok().flatten()?;
            settings::earlier(core::str::from_utf8(&text).ok()?, digest)
        };
        match Sentinel::resume(settings.clone(), &earlier, secrets, ring, &files, machine.now()) {
            // The first write of all did not come to its end: nothing was begun.
            Err(ResumeError::Log(RecoverError::Empty)) => {}
            outcome => {
                let resumed = outcome.map_err(OpenError::Resume)?;
                let records_count = Some(resumed.records_count);
                return Ok(Opened { sentinel: resumed.sentinel, records_count });
            }
        }
    }
    let secrets = secrets(machine, state, has_log)?;
    let sentinel = Sentinel::create(settings, secrets, machine.now()).map_err(OpenError::Resume)?;
    Ok(Opened { sentinel, records_count: None })
}

/// What only this directory knows, made when the log is.
fn secrets<M: Machine, F: Folder>(
    machine: &M,
    state: &mut F,
    has_log: bool,
) -> Result<Secrets, OpenError> {
    let id: Zeroizing<[u8; 8]> = drawn(machine, state, "id", has_log)?;
    let master: Zeroizing<[u8; 32]> = drawn(machine, state, "journal.key", has_log)?;
    let seed = match find(state, "seed")? {
        Some(bytes) => {
            let bytes = bytes.as_slice().try_into().map_err(|_| OpenError::Odd("seed".into()))?;
            EpochSeed::from_bytes(bytes)
        }
        None if has_log => return Err(OpenError::Gone("seed")),
        None => {
            let seed = EpochSeed::first(*fresh(machine)?);
            store(state, "seed", &*seed.to_bytes())?;
            seed
        }
    };
    Ok(Secrets {
        journal: JournalId(*id),
        origin: ORIGIN.into(),
        seed,
        master: MasterKey::new(*master),
        entropy: *fresh(machine)?,
    })
}

/// Random bytes of this directory's own, drawn when the log is made.
fn drawn<const COUNT: usize, M: Machine, F: Folder>(
    machine: &M,
    state: &mut F,
    name: &'static str,
    has_log: bool,
) -> Result<Zeroizing<[u8; COUNT]>, OpenError> {
    if let Some(bytes) = find(state, name)? {
        let bytes: [u8; COUNT] =
            bytes.as_slice().try_into().map_err(|_| OpenError::Odd(name.into()))?;
        return Ok(Zeroizing::new(bytes));
    }
    if has_log {
        return Err(OpenError::Gone(name));
    }
    let bytes = fresh(machine)?;
    store(state, name, &*bytes)?;
    Ok(bytes)
}

fn fresh<const COUNT: usize>(machine: &impl Machine) -> Result<Zeroizing<[u8; COUNT]>, OpenError> {
    let mut bytes = Zeroizing::new([0; COUNT]);
    let failed = |error| OpenError::Kernel("random bytes".into(), error);
    machine.entropy(&mut *bytes).map_err(failed)?;
    Ok(bytes)
}

fn find<F: Folder>(state: &F, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, OpenError> {
    kept::find(state, name).map_err(|error| OpenError::Kernel(name.into(), error))
}

fn store<F: Folder>(state: &mut F, name: &str, bytes: &[u8]) -> Result<(), OpenError> {
    kept::store(state, name, bytes).map_err(|error| OpenError::Kernel(name.into(), error))
}

fn settings_name(digest: &[u8; 32]) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("settings/{hex}.toml")
}

/// Why an agent does not go to work.
#[derive(Debug)]
pub enum OpenError {
    /// The kernel does not give what is kept under this name, or take it.
    Kernel(String, Error),
    /// It is not what was stored.
    Odd(String),
    /// A log is there, and this that belongs to it is not.
    Gone(&'static str),
    /// The log is not gone on with.
    Resume(ResumeError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(name, Error::TooLong) if name == "journal" => write!(
                formatter,
                "journal: it is longer than {} MiB, which is all that this machine reads at a \
                 start; take the disk away for safe keeping, and start with a blank one",
                log::LOG_BYTES_MAX >> 20
            ),
            Self::Kernel(name, Error::WrongState) if name == "journal" => formatter.write_str(
                "journal: a file of the log is gone, and later ones are there; put back a copy of \
                 the whole disk",
            ),
            Self::Kernel(name, error) => write!(formatter, "{name}: {error}"),
            Self::Odd(name) => write!(
                formatter,
                "{name}: it is not what was stored; put back a copy of the whole disk"
            ),
            Self::Gone(name) => write!(
                formatter,
                "{name}: it is gone, and the log cannot be gone on with without it; put back a \
                 copy of the whole disk"
            ),
            Self::Resume(error) => error.fmt(formatter),
        }
    }
}

impl core::error::Error for OpenError {}

/// What the log is called in its checkpoints.
const ORIGIN: &str = "sentinel.local/appliance";
