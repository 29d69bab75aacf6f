//! Readers: who may be shown a private block, as a small set of patterns.
//!
//! A pattern is an address or name written out, or `*@host`, `*.host` for everybody there, or `*`.
//! Only these shapes exist, so two sets can be intersected exactly: what is common to two patterns
//! is one of them, or nothing.
//!
//! # Invariants
//! - A set is held in one form (sorted, nothing covered twice), so equal sets are equal values.
//! - `*` in front of `@` or `.` stands for at least one character of a plain name: no `@`, no white
//!   space, no list separator. One value cannot hide a second recipient.
//!
//! # Not here
//! Whether two spellings reach the same person is the platform's business: values are compared
//! without regard to ASCII case and otherwise byte for byte.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::limits;
use crate::order;

/// A set of readers, shared between the blocks that have it.
#[derive(Clone, PartialEq, Eq)]
pub struct Readers(Option<Arc<Vec<Box<str>>>>);

impl Readers {
    /// The set of all.
    #[must_use]
    pub fn everybody() -> Self {
        Self(Some(Arc::new(alloc::vec![Box::from("*")])))
    }

    /// The empty set.
    #[must_use]
    pub const fn nobody() -> Self {
        Self(None)
    }

    /// The set of everybody whom one of the patterns names.
    pub fn of<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, PatternError> {
        let mut set = Vec::new();
        for pattern in patterns {
            if set.len() == limits::LABEL_READERS_MAX {
                return Err(PatternError::TooMany);
            }
            set.push(checked(pattern)?);
        }
        Ok(Self::normal(set))
    }

    /// Whether there is nobody.
    #[must_use]
    pub const fn are_nobody(&self) -> bool {
        self.0.is_none()
    }

    /// The patterns, in their order.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.list().iter().map(|pattern| &**pattern)
    }

    /// Whether the set names this reader.
    #[must_use]
    pub fn contain(&self, reader: &str) -> bool {
        is_plain(reader) && self.list().iter().any(|pattern| matches(pattern, reader))
    }

    /// Those who are in both sets; nobody, if that takes more patterns than a set may have.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Some(ours), Some(theirs)) if Arc::ptr_eq(ours, theirs) => self.clone(),
            (Some(ours), Some(theirs)) => {
                let common = ours.iter().filter(|pattern| covered(theirs, pattern));
                let common = common.chain(theirs.iter().filter(|pattern| covered(ours, pattern)));
                Self::normal(common.cloned().collect())
            }
            _ => Self::nobody(),
        }
    }

    /// Whether everybody in this set is in the other.
    #[must_use]
    pub fn are_among(&self, other: &Self) -> bool {
        self.list().iter().all(|pattern| covered(other.list(), pattern))
    }

    fn normal(mut set: Vec<Box<str>>) -> Self {
        order::sort_by(&mut set, Ord::cmp);
        set.dedup();
        let kept: Vec<Box<str>> = set
            .iter()
            .filter(|pattern| !set.iter().any(|other| other != *pattern && matches(other, pattern)))
            .cloned()
            .collect();
        // Who is common to two sets may take the patterns of both to say. A set that cannot be
        // written down and read again is worth nothing, and nobody is always among its readers.
        let fits = (1..=limits::LABEL_READERS_MAX).contains(&kept.len());
        Self(fits.then(|| Arc::new(kept)))
    }

    fn list(&self) -> &[Box<str>] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.list()).finish()
    }
}

/// Why a text is no pattern of readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// It is empty, too long, or holds white space, a list separator or a control character.
    NotPlain,
    /// A `*` stands elsewhere than before `@` or `.` at the start, or alone.
    Star,
    /// The set has more than [`limits::LABEL_READERS_MAX`] patterns.
    TooMany,
}

impl fmt::Display for PatternError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPlain => formatter.write_str(
                "a reader is one address or name: no spaces, commas, semicolons or brackets",
            ),
            Self::Star => formatter.write_str(
                "a `*` stands alone, or at the start before `@` or `.`, as in `*@corp.example`",
            ),
            Self::TooMany => {
                write!(formatter, "more than {} readers in one set", limits::LABEL_READERS_MAX)
            }
        }
    }
}

impl core::error::Error for PatternError {}

fn checked(pattern: &str) -> Result<Box<str>, PatternError> {
    if !is_plain(pattern) || pattern.len() > limits::LABEL_READER_BYTES_MAX {
        return Err(PatternError::NotPlain);
    }
    let rest = pattern.strip_prefix('*').unwrap_or(pattern);
    let stands_for_all = rest.is_empty();
    let is_prefix = rest.len() < pattern.len();
    if rest.contains('*') || is_prefix && !stands_for_all && !rest.starts_with(['@', '.']) {
        return Err(PatternError::Star);
    }
    Ok(pattern.to_ascii_lowercase().into_boxed_str())
}

/// Whether a pattern covers a reader, or everything another pattern covers.
fn matches(pattern: &str, reader: &str) -> bool {
    let Some(rest) = pattern.strip_prefix('*') else {
        return pattern.eq_ignore_ascii_case(reader);
    };
    if rest.is_empty() {
        return true;
    }
    let Some(start) = reader.len().checked_sub(rest.len()) else { return false };
    let Some((before, end)) = reader.split_at_checked(start) else { return false };
    !before.is_empty() && !before.contains('@') && end.eq_ignore_ascii_case(rest)
}

fn covered(set: &[Box<str>], pattern: &str) -> bool {
    set.iter().any(|other| matches(other, pattern))
}

/// One name or address, and nothing that a platform could take for two.
fn is_plain(text: &str) -> bool {
    let spoils = |character: char| {
        character.is_whitespace() || character.is_control() || ",;<>()[]\"".contains(character)
    };
    !text.is_empty() && !text.contains(spoils)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_its_place_and_nothing_beside_it() {
        let readers = Readers::of(["*@Corp.example", "ann@home.test", "*.wiki.example"]).unwrap();
        for reader in ["bob@corp.example", "BOB@CORP.EXAMPLE", "ann@home.test", "a.wiki.example"] {
            assert!(readers.contain(reader), "{reader}");
        }
        for reader in [
            "@corp.example",
            "bob@evilcorp.example",
            "bob@corp.example.evil.test",
            "eve@evil.test,bob@corp.example",
            "eve@evil.test bob@corp.example",
            "eve@evil.test@corp.example",
            "bob@home.test",
            "wiki.example",
            "eve@a.wiki.example",
            "",
        ] {
            assert!(!readers.contain(reader), "{reader}");
        }
        assert!(Readers::everybody().contain("anybody"));
        assert!(!Readers::nobody().contain("anybody"));
    }

    /// Two sets at the bound, each of which has a wildcard for those whom the other one names.
    #[test]
    fn a_common_set_that_is_too_wide_is_nobody() {
        let wide = |own: &str, others: &str, count: usize| {
            let named = (1..count).map(|index| alloc::format!("{index}@{own}.example"));
            let patterns: Vec<_> = named.chain([alloc::format!("*@{others}.example")]).collect();
            Readers::of(patterns.iter().map(alloc::string::String::as_str)).unwrap()
        };
        let most = limits::LABEL_READERS_MAX;
        for (count, fits) in [(most / 2 + 1, true), (most / 2 + 2, false), (most, false)] {
            let (a, b) = (wide("a", "b", count), wide("b", "a", count));
            let common = a.common(&b);
            assert_eq!(common, b.common(&a));
            assert_eq!(common.contain("1@a.example"), fits, "{count}");
            assert_eq!(common.are_nobody(), !fits);
            // Whatever comes of it reads back.
            assert_eq!(Readers::of(common.patterns()), Ok(common));
        }
    }

    #[test]
    fn a_pattern_that_means_more_than_it_says_is_refused() {
        for pattern in ["*corp.example", "a*@corp.example", "*@*.example", "**"] {
            assert_eq!(Readers::of([pattern]), Err(PatternError::Star), "{pattern}");
        }
        for pattern in ["", "a b", "a,b", "a;b", "<a@b.test>", "a\nb"] {
            assert_eq!(Readers::of([pattern]), Err(PatternError::NotPlain), "{pattern}");
        }
        let many = core::iter::repeat_n("a", limits::LABEL_READERS_MAX + 1);
        assert_eq!(Readers::of(many), Err(PatternError::TooMany));
    }
}
