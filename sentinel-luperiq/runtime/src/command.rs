//! Commands: programs that are given files by their paths, and say what they found to whoever
//! started them.
//!
//! A command has no console, no clock and no directory of its own choosing. Its arguments are the
//! directory that its paths are relative to, how many files it is given, their paths, and its
//! words; the handles are those files, in the same order. What it says goes as messages to whoever
//! started it, and its code is what it ends with.
//!
//! # Invariants
//! - A path that was not given, or does not lie beneath a directory that was, leads nowhere.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use luperiq_abi::call::{FOREVER, open};
use luperiq_abi::limits::MESSAGE_BYTES_MAX;
use luperiq_abi::{Error, Kind, Signals};

use crate::Start;
use crate::call::Result;
use crate::files::Name;
use crate::handle::{Channel, Directory, File, Owned};

/// A command, as it was given.
#[derive(Debug)]
pub struct Command {
    /// Its words.
    pub words: Vec<String>,
    directory: String,
    files: Vec<(String, Thing)>,
    parent: Channel,
    said: Vec<u8>,
}

#[derive(Debug)]
enum Thing {
    File(File),
    Directory(Directory),
}

/// The arguments of a command: the directory that paths are relative to, the paths of what it is
/// given, and its words.
#[must_use]
pub fn arguments(directory: &str, paths: &[&str], words: &[String]) -> Vec<String> {
    let mut all = Vec::from([directory.to_owned(), paths.len().to_string()]);
    all.extend(paths.iter().map(|path| (*path).to_owned()));
    all.extend_from_slice(words);
    all
}

/// A path, from the root: as it is, or as it is meant in a directory.
///
/// # Errors
/// [`Error::BadPath`] if it goes up.
pub fn resolve(directory: &str, path: &str) -> Result<String> {
    let start = if path.starts_with('/') { "" } else { directory };
    let names = start.split('/').chain(path.split('/'));
    let mut resolved = String::new();
    for name in names.filter(|name| !matches!(*name, "" | ".")) {
        if name == ".." {
            return Err(Error::BadPath);
        }
        resolved.push('/');
        resolved.push_str(name);
    }
    Ok(resolved)
}

impl Command {
    /// Reads what it was given.
    ///
    /// # Errors
    /// It was started otherwise.
    pub fn of(start: Start) -> Result<Self> {
        let (directory, paths, words) = split(&start.arguments).ok_or(Error::BadArgument)?;
        let mut files = Vec::new();
        let mut handles = start.handles.into_iter();
        for path in paths {
            // One that was taken back on the way is one that was not given.
            let Some(handle) = handles.next().ok_or(Error::BadArgument)? else { continue };
            files.push((path.clone(), Thing::of(handle)?));
        }
        Ok(Self {
            words: words.to_vec(),
            directory: directory.clone(),
            files,
            parent: start.parent,
            said: Vec::new(),
        })
    }

    /// Everything in a file, if that is at most so much.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it was not given or is not there, [`Error::TooLong`].
    pub fn read(&self, path: &str, bytes_max: usize) -> Result<Vec<u8>> {
        let path = resolve(&self.directory, path)?;
        match self.find(&path)? {
            (Thing::File(file), "") => file.read_all(bytes_max),
            (Thing::Directory(directory), inner) if !inner.is_empty() => {
                directory.open(inner, open::READ)?.read_all(bytes_max)
            }
            _ => Err(Error::NotFound),
        }
    }

    /// What is in a directory.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it was not given, is none or is not there.
    pub fn names(&self, path: &str, count_max: usize) -> Result<Vec<Name>> {
        let path = resolve(&self.directory, path)?;
        match self.find(&path)? {
            (Thing::Directory(directory), "") => directory.names(count_max),
            (Thing::Directory(directory), inner) => directory.directory(inner)?.names(count_max),
            _ => Err(Error::NotFound),
        }
    }

    /// Says something; it goes when there is a message full of it, or at the end.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub fn say(&mut self, mut text: &[u8]) -> Result<()> {
        while !text.is_empty() {
            let room = MESSAGE_BYTES_MAX - self.said.len();
            let (now, later) = text.split_at(room.min(text.len()));
            self.said.extend_from_slice(now);
            text = later;
            if self.said.len() == MESSAGE_BYTES_MAX {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Sends what was said until now.
    ///
    /// # Errors
    /// Nobody listens any more.
    pub fn flush(&mut self) -> Result<()> {
        let said = core::mem::take(&mut self.said);
        if said.is_empty() {
            return Ok(());
        }
        loop {
            match self.parent.send(&said, Vec::new()) {
                Err((Error::NotReady, _)) => {}
                outcome => return outcome.map_err(|(error, _)| error),
            }
            self.parent.wait(Signals::WRITABLE.with(Signals::PEER_CLOSED), FOREVER)?;
        }
    }

    /// What a path is of that was given, and what of it is beneath that.
    fn find<'p>(&self, path: &'p str) -> Result<(&Thing, &'p str)> {
        let beneath = |(given, thing): &'_ (String, Thing)| {
            let rest = path.strip_prefix(given.as_str())?;
            match (rest, thing) {
                ("", _) => Some(""),
                (rest, Thing::Directory(_)) => rest.strip_prefix('/'),
                (_, Thing::File(_)) => None,
            }
        };
        let mut found = self.files.iter();
        found.find_map(|given| beneath(given).map(|rest| (&given.1, rest))).ok_or(Error::NotFound)
    }
}

impl Thing {
    fn of(handle: Owned) -> Result<Self> {
        let kind = handle.info()?.kind;
        match kind == u32::from(Kind::Directory.number()) {
            true => Ok(Self::Directory(Directory(handle))),
            false => Ok(Self::File(File(handle))),
        }
    }
}

/// The directory, the paths and the words.
fn split(arguments: &[String]) -> Option<(&String, &[String], &[String])> {
    let (directory, rest) = arguments.split_first()?;
    let (count, rest) = rest.split_first()?;
    let (paths, words) = rest.split_at_checked(count.parse().ok()?)?;
    Some((directory, paths, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_they_are_written() {
        let words = ["-n", "3", ""].map(String::from);
        for paths in [&[][..], &["/workspace/a"], &["/workspace/a", "/workspace/b c"]] {
            let all = arguments("/workspace", paths, &words);
            let (directory, found, rest) = split(&all).unwrap();
            assert_eq!((directory.as_str(), rest), ("/workspace", &words[..]));
            assert_eq!(found, paths);
        }
        for odd in [&[][..], &["/w"], &["/w", "x"], &["/w", "2", "/a"], &["/w", "-1"]] {
            let odd: Vec<String> = odd.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(split(&odd), None, "{odd:?}");
        }
    }

    #[test]
    fn paths_are_meant_in_the_directory_and_never_go_up() {
        for (path, resolved) in [
            ("a.txt", Ok("/workspace/a.txt")),
            ("./b/./c", Ok("/workspace/b/c")),
            (".", Ok("/workspace")),
            ("/workspace//a", Ok("/workspace/a")),
            ("/", Ok("")),
            ("../a", Err(Error::BadPath)),
            ("a/../../b", Err(Error::BadPath)),
        ] {
            assert_eq!(resolve("/workspace", path).as_deref(), resolved.as_deref(), "{path}");
        }
    }

    #[test]
    fn what_was_not_given_is_not_there() {
        let number = |number| Owned::of(number).unwrap();
        let command = Command {
            words: Vec::new(),
            directory: "/workspace".into(),
            files: Vec::from([
                ("/workspace/a.txt".into(), Thing::File(File(number(0x1001)))),
                ("/workspace/docs".into(), Thing::Directory(Directory(number(0x1002)))),
            ]),
            parent: Channel(number(0x1003)),
            said: Vec::new(),
        };
        let found = |path: &str| {
            let path = resolve("/workspace", path).unwrap();
            command.find(&path).map(|(_, rest)| String::from(rest))
        };
        assert_eq!(found("a.txt").as_deref(), Ok(""));
        assert_eq!(found("docs").as_deref(), Ok(""));
        assert_eq!(found("docs/a/b").as_deref(), Ok("a/b"));
        for other in ["b.txt", "a.txt/b", "a.txtb", "docs2", "/", "."] {
            assert_eq!(found(other), Err(Error::NotFound), "{other}");
        }
    }
}
