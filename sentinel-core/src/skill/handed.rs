//! What a call of a skill is handed: a table of its own, which ends with the call.
//!
//! The table of the agent says what the agent may do. A call was judged by some grants of it, and
//! named some files. Here these grants are narrowed to those files and to reading: each is derived
//! for the call, and the call has its number and nothing else. Whoever serves the call asks this
//! table before each read, so a number means nothing that was not derived, and nothing any more
//! once the grant that it comes from has ended.
//!
//! # Invariants
//! - No grant in it is wider than the one that the call was judged by, and none ends later.
//! - A number of one call means nothing in another one, but what that was handed itself.
//! - What no grant of the call covers is not handed to it: then nothing is.
//!
//! # Not here
//! The open files: the shell has them, in the same order. Hosts, which have no numbers: what a call
//! is let out to is an [`Allowance`](crate::egress::Allowance), made of the same grants.
//! Revoking: that ends the call.

use alloc::vec::Vec;

use crate::capability::{
    FileRight, FileRights, Grant, GrantError, Handle, Holder, Level, Path, Request, Resource,
    Table, Verdict,
};
use crate::time::Timestamp;

/// The files of one call, as its skill may ask for them.
///
/// ```
/// use sentinel_core::capability::{Grant, Path};
/// use sentinel_core::skill::Handed;
/// use sentinel_core::time::Timestamp;
///
/// let grant: Grant = "read /srv/work until 1970-01-02".parse()?;
/// let files = [Path::parse("/srv/work/a.txt").unwrap()];
/// let mut handed = Handed::derive([&grant], &files, Timestamp(0))?;
/// assert_eq!(handed.read(1, Timestamp(0)), Some(0));
/// assert_eq!(handed.read(2, Timestamp(0)), None);
/// // The grant has ended, whatever the call is about to do.
/// assert_eq!(handed.read(1, Timestamp(86_400_000)), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Handed {
    table: Table,
    /// Each by its number, from 1 on.
    files: Vec<Handle>,
}

impl Handed {
    /// Derives what a call is handed, of the grants that it was judged by.
    ///
    /// # Errors
    /// Why it cannot be: above all, that none of these grants covers one of the files.
    pub fn derive<'g>(
        grants: impl IntoIterator<Item = &'g Grant>,
        files: &[Path],
        now: Timestamp,
    ) -> Result<Self, GrantError> {
        let mut handed = Self::default();
        for grant in grants {
            // It was asked about and counted when the call was judged, for all that the call does.
            let grant = Grant { level: Level::Allow, uses: None, ..grant.clone() };
            handed.table.grant(grant, now)?;
        }
        for path in files {
            let request =
                Request::File { path: path.borrow(), right: FileRight::Read, is_tree: false };
            let verdict = handed.table.decide(Holder::AGENT, &request, now);
            let Verdict::Covered { handle, .. } = verdict else { return Err(GrantError::Gone) };
            let until = handed.table.find(handle).and_then(|grant| grant.until);
            let rights = FileRights::of(&[FileRight::Read]);
            let part = Resource::Files { path: path.clone(), rights };
            let part = Grant { until, ..Grant::new(part, Level::Allow) };
            let own = handed.table.derive(handle, part, CALL, now)?;
            handed.files.push(own);
        }
        Ok(handed)
    }

    /// Which of its files a number means, if it may be read now.
    pub fn read(&mut self, number: u32, now: Timestamp) -> Option<usize> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        let handle = *self.files.get(place)?;
        self.table.spend(handle, now).ok()?;
        Some(place)
    }
}

/// The skill, in the table of its call.
const CALL: Holder = Holder(1);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn grants(texts: &[&str]) -> Vec<Grant> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn paths(texts: &[&str]) -> Vec<Path> {
        texts.iter().map(|text| Path::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_call_has_its_files_and_no_other_number() {
        let granted = grants(&["read,write,list /srv/work", "skill tea"]);
        let files = paths(&["/srv/work/b", "/srv/work/a"]);
        let mut handed = Handed::derive(&granted, &files, NOW).unwrap();
        assert_eq!(handed.read(1, NOW), Some(0));
        assert_eq!(handed.read(2, NOW), Some(1));
        for number in [0, 3, 256, u32::MAX] {
            assert_eq!(handed.read(number, NOW), None);
        }
        // Nothing of what the agent may do itself was handed on but reading these two.
        let own = handed.table.iter().filter(|(_, holder, _)| *holder == CALL);
        let own: Vec<_> = own.map(|(.., grant)| alloc::format!("{grant}")).collect();
        assert_eq!(own, ["read /srv/work/b", "read /srv/work/a"]);
    }

    #[test]
    fn what_no_grant_of_the_call_covers_is_not_handed_to_it() {
        for (granted, file) in [
            ("read /srv/work", "/srv/workshop/a"),
            ("write,list /srv/work", "/srv/work/a"),
            ("skill tea", "/srv/work/a"),
        ] {
            let handed = Handed::derive(&grants(&[granted]), &paths(&[file]), NOW);
            assert_eq!(handed.err(), Some(GrantError::Gone), "{granted}");
        }
    }

    #[test]
    fn it_ends_with_the_grant_that_it_comes_from() {
        let granted = grants(&["read /srv/work until 2023-11-15", "read /srv/work/own"]);
        let files = paths(&["/srv/work/a", "/srv/work/own/b"]);
        let mut handed = Handed::derive(&granted, &files, NOW).unwrap();
        let later = Timestamp(NOW.0 + 7 * 86_400_000);
        assert_eq!((handed.read(1, NOW), handed.read(1, later)), (Some(0), None));
        assert_eq!(handed.read(2, later), Some(1));
        // One that has ended already hands on nothing.
        assert!(Handed::derive(&granted, &files, later).is_err());
    }

    #[test]
    fn one_use_of_a_grant_is_the_whole_call() {
        let granted = grants(&["read /srv/work ask uses 1"]);
        let mut handed = Handed::derive(&granted, &paths(&["/srv/work/a"]), NOW).unwrap();
        for _ in 0..3 {
            assert_eq!(handed.read(1, NOW), Some(0));
        }
    }
}
