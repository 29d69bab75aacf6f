//! Where the making of a sandbox failed, in a form that a half-made one can still tell.
//!
//! # Invariants
//! - Nothing here allocates but what makes words of it, which is done outside.

use std::fmt;

use rustix::io::Errno;

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    Namespaces,
    Identity,
    Leash,
    Network,
    Mount,
    Hide,
    Root,
    Processes,
    Limits,
    Watch,
    Privileges,
    Files,
    Descriptors,
    Calls,
    Canary,
    Directory,
    Program,
    Pin,
}

impl Stage {
    const ALL: [Self; 18] = [
        Self::Namespaces,
        Self::Identity,
        Self::Leash,
        Self::Network,
        Self::Mount,
        Self::Hide,
        Self::Root,
        Self::Processes,
        Self::Limits,
        Self::Watch,
        Self::Privileges,
        Self::Files,
        Self::Descriptors,
        Self::Calls,
        Self::Canary,
        Self::Directory,
        Self::Program,
        Self::Pin,
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Namespaces => "new namespaces",
            Self::Identity => "an identity without privileges",
            Self::Leash => "ending with whoever started it",
            Self::Network => "its network",
            Self::Mount => "showing it",
            Self::Hide => "hiding it",
            Self::Root => "a root directory of its own",
            Self::Processes => "its processes",
            Self::Limits => "limits",
            Self::Watch => "watching the memory of all its processes",
            Self::Privileges => "giving up privileges",
            Self::Files => "Landlock",
            Self::Descriptors => "open files",
            Self::Calls => "a filter for system calls",
            Self::Canary => "proving that it holds",
            Self::Directory => "the working directory",
            Self::Program => "starting the program",
            Self::Pin => "keeping what is above a covered place where it is",
        }
    }
}

/// What failed, at which of several, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) stage: Stage,
    /// Which one, where there are several.
    pub(crate) index: u16,
    pub(crate) error: Errno,
}

impl Fault {
    /// Whether everything was made, and the program itself cannot be run.
    pub(crate) fn is_of_program(self) -> bool {
        self.stage == Stage::Program
    }

    /// Whether it is that something is not there.
    pub(crate) fn is_missing(self) -> bool {
        self.error == Errno::NOENT
    }

    pub(crate) const BYTES: usize = 7;

    pub(crate) fn bytes(self) -> [u8; Self::BYTES] {
        let [low, high] = self.index.to_le_bytes();
        let [a, b, c, d] = self.error.raw_os_error().to_le_bytes();
        [self.stage as u8, low, high, a, b, c, d]
    }

    pub(crate) fn read(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let [stage, low, high, a, b, c, d] = bytes;
        let stage = Stage::ALL.into_iter().find(|known| *known as u8 == stage)?;
        let error = i32::from_le_bytes([a, b, c, d]);
        // The kernel has no others, and the type for them takes no others.
        let error = Some(error).filter(|error| (1..4096).contains(error))?;
        let index = u16::from_le_bytes([low, high]);
        Some(Self { stage, index, error: Errno::from_raw_os_error(error) })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.stage.words(), std::io::Error::from(self.error))
    }
}

/// Says at which stage something failed.
pub(super) trait At<T> {
    fn at(self, stage: Stage) -> Result<T, Fault>;
}

impl<T> At<T> for rustix::io::Result<T> {
    fn at(self, stage: Stage) -> Result<T, Fault> {
        self.map_err(|error| Fault { stage, index: 0, error })
    }
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, stage: Stage) -> Result<T, Fault> {
        self.map_err(|error| {
            let error = Errno::from_io_error(&error).unwrap_or(Errno::INVAL);
            Fault { stage, index: 0, error }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_told_as_bytes() {
        for (index, stage) in (0..).zip(Stage::ALL) {
            assert_eq!(stage as u8, index, "{stage:?}");
            let fault = Fault { stage, index: 515, error: Errno::PERM };
            assert_eq!(Fault::read(fault.bytes()), Some(fault));
        }
        assert_eq!(Fault::read([18, 0, 0, 1, 0, 0, 0]), None);
        assert_eq!(Fault::read([0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(Fault::read([0, 0, 0, 255, 255, 255, 255]), None);
        let fault = Fault { stage: Stage::Root, index: 0, error: Errno::PERM };
        assert!(fault.to_string().starts_with("a root directory of its own: "), "{fault}");
    }
}
