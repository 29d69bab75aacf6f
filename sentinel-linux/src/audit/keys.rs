//! What opens sealed payloads, for those who look at a log from outside.
//!
//! # Invariants
//! - A log is read only as far as it was written before the key ring was read: so the key of every
//!   record that is seen is there, unless it was destroyed.
//! - Nothing is made: a key that is not there is an error.

use std::error::Error;
use std::path::{Path, PathBuf};

use sentinel_core::config::State as Place;
use sentinel_core::journal::export::Keys;
use sentinel_core::journal::{KeyRing, MasterKey};

use super::Log;
use crate::{seal, state};

/// The log of a directory where an agent lives, as far as it is written now, and its keys.
pub(crate) struct Sight {
    ring: KeyRing,
    master: MasterKey,
    files: Vec<(PathBuf, u64)>,
}

impl Sight {
    /// Looks at a directory.
    ///
    /// # Errors
    /// The log or its keys cannot be read, or the keys are others.
    pub(crate) fn of(directory: &Path, place: &Place) -> Result<Self, Box<dyn Error>> {
        let files = Log::at(directory)?.sizes()?;
        if files.is_empty() {
            return Err(format!("{}: there is no log here", directory.display()).into());
        }
        let ring = state::ring(directory)?;
        let master = seal::master(place, directory, true)?;
        if ring.is_wrapped_by(&master) == Some(false) {
            return Err("the key that the configuration names is not that of this log".into());
        }
        Ok(Self { ring, master, files })
    }

    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys { ring: &self.ring, master: &self.master }
    }

    /// The files, and how long they are.
    pub(crate) fn files(&self) -> &[(PathBuf, u64)] {
        &self.files
    }
}
