//! What a program in a sandbox may do, as a file that people write, keep and pin.
//!
//! A policy says everything that a command line says, and a command line is one: both are read into
//! the same value, joined, and printed as a file that reads back as the same. So whoever has found
//! the right options keeps them, and whoever wants that nobody adds to them says so in the file.
//!
//! ```
//! use sentinel_core::sandbox::policy::{Key, Policy};
//!
//! let file = Policy::read("p.toml", "workspace = \"/srv\"\nhosts = [\"example.com\"]\n").unwrap();
//! let mut line = Policy::default();
//! line.put(Key::Hosts, b"example.org:443").unwrap();
//! let both = file.join(line).unwrap();
//! assert_eq!(both.all(Key::Hosts).len(), 2);
//! assert_eq!(Policy::read("p.toml", &both.show().unwrap()).unwrap(), both);
//! ```
//!
//! # Invariants
//! - A key that is not known, or stands twice, is an error; every error has its place.
//! - Nothing is added to an immutable policy, and what it says means the same wherever it is read:
//!   its paths are whole.
//! - What is printed reads back the same.
//!
//! # Not here
//! Files: bytes come in. Whether the places are there: that is a shell's.

mod keys;
mod read;
mod show;

#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use keys::{Key, PROXY_PORT, host, port, processors, seconds, secret, size};

use crate::limits::SANDBOX_POLICY_LIST_MAX;
use keys::{Form, ROWS};

/// What a file says, or a command line, or both.
#[derive(Clone, PartialEq, Eq)]
pub struct Policy {
    /// By key, each in its one spelling.
    values: [Vec<Vec<u8>>; ROWS.len()],
}

impl Default for Policy {
    fn default() -> Self {
        Self { values: [const { Vec::new() }; ROWS.len()] }
    }
}

impl Policy {
    /// Says something: of a list one thing more, of all else this instead.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub fn put(&mut self, key: Key, value: &[u8]) -> Result<(), String> {
        let row = key.row();
        let value = keys::spelled(row.form, value)?;
        let values = &mut self.values[key as usize];
        if !row.is_list {
            values.clear();
        } else if values.len() >= SANDBOX_POLICY_LIST_MAX {
            return Err(format!("there are more than {SANDBOX_POLICY_LIST_MAX} of them"));
        }
        if !values.contains(&value) {
            values.push(value);
        }
        Ok(())
    }

    /// What it says of something that is said once; text, for all but paths and variables.
    #[must_use]
    pub fn one(&self, key: Key) -> Option<&[u8]> {
        self.all(key).last().map(Vec::as_slice)
    }

    /// The same as text. What is none counts as not said: only paths and variables can be that.
    #[must_use]
    pub fn word(&self, key: Key) -> Option<&str> {
        core::str::from_utf8(self.one(key)?).ok()
    }

    /// Whether something that is true or false is true.
    #[must_use]
    pub fn is(&self, key: Key) -> bool {
        self.word(key) == Some("true")
    }

    /// Everything it says of something, in order.
    #[must_use]
    pub fn all(&self, key: Key) -> &[Vec<u8>] {
        &self.values[key as usize]
    }

    /// Says nothing of something any more.
    pub fn forget(&mut self, key: Key) {
        self.values[key as usize].clear();
    }

    /// What a command line can say: the key, the option, and how often it is given.
    pub fn options() -> impl Iterator<Item = (Key, &'static str, Times)> {
        let said = ROWS.iter().filter(|row| !row.option.is_empty());
        said.map(|row| match row.form {
            Form::Flag => (row.key, row.option, Times::Alone("true")),
            _ if row.key == Key::Mode => (row.key, row.option, Times::Alone(row.option)),
            _ if row.is_list => (row.key, row.option, Times::Many),
            _ => (row.key, row.option, Times::Once),
        })
    }

    /// The keys whose values are places.
    pub fn places() -> impl Iterator<Item = Key> {
        ROWS.iter().filter(|row| matches!(row.form, Form::Path)).map(|row| row.key)
    }

    /// A file that it names and that could be changed, because it does not say what its bytes hash
    /// to: the key of the file, and the one that is missing.
    #[must_use]
    pub fn unpinned(&self) -> Option<(&'static str, &'static str)> {
        let files = [
            (Key::CallsFile, Key::CallsDigest, ("seccomp.file", "seccomp.sha256")),
            (Key::Authorities, Key::AuthoritiesDigest, ("ca-file", "ca-sha256")),
        ];
        let is_open = |file, digest| self.one(file).is_some() && self.one(digest).is_none();
        files.into_iter().find(|(file, digest, _)| is_open(*file, *digest)).map(|(.., names)| names)
    }

    /// What holds when a command line is given besides: it adds to lists, and replaces all else.
    ///
    /// # Errors
    /// The policy is immutable, and the command line says something, or the policy does not mean
    /// the same everywhere.
    pub fn join(mut self, line: Self) -> Result<Self, Fixed> {
        let is_immutable = self.is(Key::Immutable) || line.is(Key::Immutable);
        for (row, said) in ROWS.iter().zip(&line.values) {
            if is_immutable && !said.is_empty() && row.key != Key::Immutable {
                return Err(Fixed::Option(row.option));
            }
        }
        for (row, said) in ROWS.iter().zip(line.values) {
            let values = &mut self.values[row.key as usize];
            if !row.is_list && !said.is_empty() {
                *values = said;
                continue;
            }
            for value in said {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        if is_immutable {
            for row in ROWS.iter().filter(|row| matches!(row.form, Form::Path)) {
                if let Some(path) = self.all(row.key).iter().find(|path| !path.starts_with(b"/")) {
                    let path = String::from_utf8_lossy(path).into_owned();
                    return Err(Fixed::Relative { key: row.name, path });
                }
            }
            if let Some((file, digest)) = self.unpinned() {
                return Err(Fixed::Unpinned { file, digest });
            }
        }
        Ok(self)
    }
}

/// How often an option is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Without a value: what it says then.
    Alone(&'static str),
    /// Once, with a value.
    Once,
    /// As often as one likes, with a value.
    Many,
}

/// Not the variables: secrets may be among them.
impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = ROWS.iter().filter(|row| !self.all(row.key).is_empty());
        formatter.debug_set().entries(said.map(|row| row.name)).finish()
    }
}

/// Why a policy is not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fixed {
    /// An option that would change it.
    Option(&'static str),
    /// A path that depends on where it is read.
    Relative {
        /// The key that it stands at.
        key: &'static str,
        /// The path.
        path: String,
    },
    /// A file that it names could be changed.
    Unpinned {
        /// The key that it stands at.
        file: &'static str,
        /// The key that would pin it.
        digest: &'static str,
    },
}

impl fmt::Display for Fixed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(option) => write!(
                formatter,
                "--{option} would change the policy, which is immutable: say it in the file"
            ),
            Self::Relative { key, path } => write!(
                formatter,
                "the policy is immutable, and {key} = \"{}\" means another place wherever it is \
                 read: write the path from the root",
                path.escape_debug()
            ),
            Self::Unpinned { file, digest } => write!(
                formatter,
                "the policy is immutable, and its {file} can be changed: pin it with {digest}"
            ),
        }
    }
}

impl core::error::Error for Fixed {}
