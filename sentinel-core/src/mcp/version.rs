//! Revisions of the protocol, and what each of them has.
//!
//! # Invariants
//! - A revision that is not named here is never agreed on.
//!
//! # Not here
//! Who offers which: [`server`](super::server), [`client`](super::client).

/// A revision, from the oldest to the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// The first one.
    November2024,
    /// Batches, and words with progress.
    March2025,
    /// Questions to people, structured output; no batches.
    June2025,
    /// Questions by form and by address.
    November2025,
}

impl Version {
    /// The newest one.
    pub const NEWEST: Self = Self::November2025;

    /// By its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(version, _)| *version)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::November2024 => "2024-11-05",
            Self::March2025 => "2025-03-26",
            Self::June2025 => "2025-06-18",
            Self::November2025 => "2025-11-25",
        }
    }

    /// Whether several messages may come as one array.
    pub(super) fn has_batches(self) -> bool {
        self == Self::March2025
    }

    /// Whether progress is told in words, too.
    pub(super) fn has_progress_words(self) -> bool {
        self >= Self::March2025
    }

    /// Whether a server may ask the client's person.
    pub(super) fn has_questions(self) -> bool {
        self >= Self::June2025
    }
}

const NAMES: [(Version, &str); 4] = [
    (Version::November2024, Version::November2024.name()),
    (Version::March2025, Version::March2025.name()),
    (Version::June2025, Version::June2025.name()),
    (Version::November2025, Version::November2025.name()),
];
