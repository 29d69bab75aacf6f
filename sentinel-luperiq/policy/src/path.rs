//! Paths: names beneath a directory, and no way out of it.
//!
//! A path is resolved by its text alone, before anything is opened. The store knows no links, so
//! the text is the truth.
//!
//! # Invariants
//! - What comes out lies beneath the directory, or is it: `..` takes back a name that the same path
//!   gave, and nothing else.
//! - One place has one spelling: the resolved path has no `.`, no `..`, no empty name and no slash
//!   at either end. Two texts that mean the same place resolve to the same bytes.
//! - An absolute path is refused: it names a root that the process holds no handle for.

use alloc::vec::Vec;

use luperiq_abi::Error;
use luperiq_abi::limits::{PATH_BYTES_MAX, PATH_NAME_BYTES_MAX, PATH_NAMES_MAX};

/// The place that `path` means in the directory `base`, which is such a place itself: `""` is the
/// root of the store.
///
/// # Errors
/// [`Error::BadPath`] if it leads out or is no path, [`Error::NoMemory`].
///
/// ```
/// use luperiq_abi::Error;
/// use luperiq_policy::path::resolve;
///
/// assert_eq!(resolve(b"data/agent", b"notes/./old/../today.txt")?, b"data/agent/notes/today.txt");
/// assert_eq!(resolve(b"data/agent", b"../other"), Err(Error::BadPath));
/// # Ok::<(), Error>(())
/// ```
pub fn resolve(base: &[u8], path: &[u8]) -> Result<Vec<u8>, Error> {
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return Err(Error::BadPath);
    }
    let mut place = Vec::new();
    let bytes_max = base.len() + 1 + path.len();
    place.try_reserve_exact(bytes_max).map_err(|_| Error::NoMemory)?;
    place.extend_from_slice(base);
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"." => {}
            b".." => {
                if place.len() <= base.len() {
                    return Err(Error::BadPath);
                }
                let end = place.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                place.truncate(end.max(base.len()));
            }
            name if is_name(name) => {
                if !place.is_empty() {
                    place.push(b'/');
                }
                place.extend_from_slice(name);
            }
            _ => return Err(Error::BadPath),
        }
    }
    if is_place(&place) { Ok(place) } else { Err(Error::BadPath) }
}

/// Whether it is a place as [`resolve`] writes it.
#[must_use]
pub fn is_place(place: &[u8]) -> bool {
    let mut names = place.split(|byte| *byte == b'/');
    place.is_empty()
        || (place.len() <= PATH_BYTES_MAX
            && names.clone().count() <= PATH_NAMES_MAX
            && names.all(is_name))
}

/// Whether the place `inner` is `outer` or lies beneath it: by whole names.
#[must_use]
pub fn is_beneath(outer: &[u8], inner: &[u8]) -> bool {
    match inner.strip_prefix(outer) {
        Some([]) => true,
        Some([b'/', ..]) => !outer.is_empty(),
        Some(_) => outer.is_empty(),
        None => false,
    }
}

/// What can be the name of a file: text without control characters that is not `.` or `..`.
fn is_name(name: &[u8]) -> bool {
    (1..=PATH_NAME_BYTES_MAX).contains(&name.len())
        && name != b"."
        && name != b".."
        && !name.contains(&b'/')
        && core::str::from_utf8(name).is_ok_and(|name| !name.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_walked_beneath_the_directory() {
        for (base, path, place) in [
            ("", "a", "a"),
            ("", ".", ""),
            ("a", ".", "a"),
            ("a/b", "c/../d/./e", "a/b/d/e"),
            ("a/b", "c/..", "a/b"),
            ("", "a/..", ""),
            ("", "a/../b", "b"),
            ("a", "b/c/../../d", "a/d"),
            ("a", "...", "a/..."),
        ] {
            let found = resolve(base.as_bytes(), path.as_bytes());
            assert_eq!(found.as_deref(), Ok(place.as_bytes()), "{base} {path}");
        }
    }

    #[test]
    fn nothing_leads_out() {
        for path in [
            "",
            "/",
            "/a",
            "..",
            "../a",
            "a/../..",
            "a/../../a",
            "./..",
            "a//b",
            "a/",
            "a/b/",
            "a\0b",
            "a\nb",
            "a/../../b",
            "\u{9b}",
            "b/../../a/b",
        ] {
            assert_eq!(resolve(b"a", path.as_bytes()), Err(Error::BadPath), "{path:?}");
        }
        assert_eq!(resolve(b"", b"\xff"), Err(Error::BadPath));
        assert_eq!(resolve(b"", &[b'a'; PATH_NAME_BYTES_MAX + 1]), Err(Error::BadPath));
        assert!(resolve(b"", &[b'a'; PATH_NAME_BYTES_MAX]).is_ok());
        let deep = b"a/".repeat(PATH_NAMES_MAX);
        assert!(resolve(b"", &deep[..deep.len() - 1]).is_ok());
        assert_eq!(resolve(b"", &[&deep[..], b"a"].concat()), Err(Error::BadPath));
    }

    #[test]
    fn beneath_is_by_whole_names() {
        assert!(is_beneath(b"", b"a") && is_beneath(b"", b"") && is_beneath(b"a", b"a/b"));
        assert!(is_beneath(b"a", b"a"));
        assert!(!is_beneath(b"a", b"ab") && !is_beneath(b"a/b", b"a") && !is_beneath(b"a", b""));
    }

    /// Whatever the path: the place is beneath the directory and is spelled in the one way.
    #[test]
    fn every_path_stays_beneath_or_is_refused() {
        arbtest::arbtest(|u| {
            let pieces = ["..", ".", "a", "b", "", "/", "a/..", "../..", "\0", "é"];
            let mut path = Vec::new();
            for _ in 0..u.int_in_range(0..=8)? {
                path.extend_from_slice(u.choose(&pieces)?.as_bytes());
                path.push(b'/');
            }
            path.pop();
            let base = *u.choose(&[&b""[..], b"a", b"a/b"])?;
            if let Ok(place) = resolve(base, &path) {
                assert!(is_beneath(base, &place) && is_place(&place));
                let rest = place.strip_prefix(base).unwrap();
                let rest = rest.strip_prefix(b"/").unwrap_or(rest);
                if !rest.is_empty() {
                    assert_eq!(resolve(base, rest).as_ref(), Ok(&place));
                }
            }
            Ok(())
        });
    }
}
