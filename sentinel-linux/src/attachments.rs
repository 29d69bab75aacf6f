//! Files that came with messages: a directory for each conversation, in the workspace.
//!
//! The bytes go to the disk as they come, under a name that is hidden, and get their own name when
//! all of them are there.
//!
//! # Invariants
//! - Nothing is written but beneath the directory that was held since the start, and no link is
//!   followed on the way.
//! - A file is there whole or not at all, nobody else can read it, and nobody can run it.
//! - No more bytes are written than a file may have.
//!
//! # Not here
//! What a file is called, and whether it is taken: the core says so.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, Dir, Mode, OFlags, ResolveFlags, mkdirat, open, openat2, renameat, unlinkat,
};
use rustix::io::Errno;
use sentinel_core::agent::{ATTACHMENTS, Fetched};
use sentinel_core::llm::ImageKind;
use sentinel_core::order::Map;
use sentinel_core::runtime::Picture;
use sha2::{Digest as _, Sha256};

/// The directory, and what is being written there.
#[derive(Debug, Default)]
pub(crate) struct Attachments {
    held: Option<(PathBuf, OwnedFd)>,
    /// By the numbers of their fetches.
    open: Map<u64, Writing>,
}

/// A file whose bytes are coming.
#[derive(Debug)]
struct Writing {
    directory: OwnedFd,
    file: File,
    /// What it is called until it is whole.
    hidden: String,
    name: String,
    hash: Sha256,
    /// As much of its bytes as says which picture it is.
    start: Vec<u8>,
    bytes_count: u64,
    bytes_max: u64,
}

impl Attachments {
    /// Holds the directory in a workspace. If files are wanted, it is made.
    ///
    /// # Errors
    /// It cannot be made or held, or is no directory.
    pub(crate) fn new(workspace: &str, is_wanted: bool) -> io::Result<Self> {
        let path = Path::new(workspace).join(ATTACHMENTS);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if is_wanted {
            match mkdirat(CWD, &path, PRIVATE_DIRECTORY) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match open(&path, flags, Mode::empty()) {
            Ok(fd) => Ok(Self { held: Some((path, fd)), open: Map::new() }),
            Err(_) if !is_wanted => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Where it is, for the confinement of the process.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.held.as_ref().map(|(path, _)| path.as_path())
    }

    /// Begins a file; says why if it cannot.
    pub(crate) fn begin(
        &mut self,
        fetch: u64,
        conversation: u64,
        name: &str,
        bytes_max: u64,
    ) -> Result<(), String> {
        self.abandon(fetch);
        let hidden = format!(".{name}.part");
        let directory = self.directory(conversation, true)?;
        // Of an earlier try that did not come to its end.
        let _ = unlinkat(&directory, &*hidden, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let flags = flags | OFlags::CLOEXEC;
        let file = openat2(&directory, &*hidden, flags, PRIVATE_FILE, BENEATH).map_err(kept)?;
        let writing = Writing {
            directory,
            file: File::from(file),
            hidden,
            name: name.to_string(),
            hash: Sha256::new(),
            start: Vec::new(),
            bytes_count: 0,
            bytes_max,
        };
        self.open.insert(fetch, writing);
        Ok(())
    }

    /// More of a file.
    pub(crate) fn write(&mut self, fetch: u64, bytes: &[u8]) -> Result<(), String> {
        let Some(writing) = self.open.get_mut(&fetch) else { return Ok(()) };
        writing.bytes_count += bytes.len() as u64;
        if writing.bytes_count > writing.bytes_max {
            return Err("it is larger than it may be".into());
        }
        let missing = ImageKind::START_BYTES - writing.start.len();
        writing.start.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        writing.hash.update(bytes);
        writing.file.write_all(bytes).map_err(|error| format!("it could not be kept: {error}"))
    }

    /// A file is whole.
    pub(crate) fn finish(&mut self, fetch: u64) -> Result<Fetched, String> {
        let Some(writing) = self.open.remove(&fetch) else {
            return Err("there is nothing of it".into());
        };
        let Writing { directory, file, hidden, name, hash, start, bytes_count, .. } = writing;
        let done = file.sync_all().map_err(|error| format!("it could not be kept: {error}"));
        let done = done
            .and_then(|()| renameat(&directory, &*hidden, &directory, &*name).map_err(kept))
            .and_then(|()| rustix::fs::fsync(&directory).map_err(kept));
        if let Err(why) = done {
            let _ = unlinkat(&directory, &*hidden, AtFlags::empty());
            return Err(why);
        }
        let picture = ImageKind::of(&start);
        Ok(Fetched::Kept { bytes_count, digest: hash.finalize().into(), picture })
    }

    /// The bytes of a picture, if they are there and are the ones that are meant.
    ///
    /// # Errors
    /// They are not, and why.
    pub(crate) fn read(&self, picture: &Picture) -> Result<Vec<u8>, String> {
        let Picture { conversation, file, image } = picture;
        let directory = self.directory(conversation.0, false)?;
        // Whoever put a pipe in its place is not waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat2(&directory, &**file, flags, Mode::empty(), BENEATH);
        let opened = File::from(opened.map_err(|error| io::Error::from(error).to_string())?);
        let about = opened.metadata().map_err(|error| error.to_string())?;
        if !about.is_file() || about.len() != image.bytes_count {
            return Err("it is not the file that came".into());
        }
        let mut bytes = Vec::new();
        let mut opened = opened.take(image.bytes_count.saturating_add(1));
        opened.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        let is_it = bytes.len() as u64 == image.bytes_count
            && <[u8; 32]>::from(Sha256::digest(&bytes)) == image.digest;
        is_it.then_some(bytes).ok_or_else(|| "it is not the file that came".into())
    }

    /// Nobody waits for a file any more, or it will not come.
    pub(crate) fn abandon(&mut self, fetch: u64) {
        if let Some(writing) = self.open.remove(&fetch) {
            let _ = unlinkat(&writing.directory, &*writing.hidden, AtFlags::empty());
        }
    }

    /// Removes all files of a conversation. What somebody else made there stays.
    ///
    /// # Errors
    /// What could not be removed.
    pub(crate) fn remove(&self, conversation: u64) -> Result<(), String> {
        if self.held.is_none() {
            return Ok(());
        }
        let Ok(directory) = self.directory(conversation, false) else { return Ok(()) };
        let all = Dir::read_from(&directory).map_err(kept)?;
        let mut failed = None;
        for entry in all.flatten() {
            let name = entry.file_name();
            if name.to_bytes() == b"." || name.to_bytes() == b".." {
                continue;
            }
            if let Err(error) = unlinkat(&directory, name, AtFlags::empty()) {
                failed = Some(format!("{}: {}", name.to_string_lossy(), io::Error::from(error)));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn directory(&self, conversation: u64, is_wanted: bool) -> Result<OwnedFd, String> {
        let Some((_, held)) = &self.held else {
            return Err("there is no directory for files in the workspace".into());
        };
        let name = conversation.to_string();
        if is_wanted {
            match mkdirat(held.as_fd(), &*name, PRIVATE_DIRECTORY) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(kept(error)),
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat2(held, &*name, flags, Mode::empty(), BENEATH).map_err(kept)
    }
}

fn kept(error: Errno) -> String {
    match error {
        Errno::NOSPC | Errno::DQUOT => "it could not be kept: the disk is full".into(),
        error => format!("it could not be kept: {}", io::Error::from(error)),
    }
}

const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_SYMLINKS);
const PRIVATE_DIRECTORY: Mode = Mode::RWXU;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use sentinel_core::agent::ConversationNumber;
    use sentinel_core::llm::HeldImage;

    use super::*;

    fn workspace(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_file_is_there_whole_private_and_not_to_be_run() {
        let path = workspace("attached");
        let mut files = Attachments::new(path.to_str().unwrap(), true).unwrap();
        files.begin(7, 3, "ab-a.txt", 5).unwrap();
        files.write(7, b"hel").unwrap();
        let place = path.join("attachments/3/ab-a.txt");
        assert!(!place.exists());
        files.write(7, b"lo").unwrap();
        let Ok(Fetched::Kept { bytes_count: 5, digest, picture: None }) = files.finish(7) else {
            panic!()
        };
        assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(b"hello")));
        assert_eq!(fs::read(&place).unwrap(), b"hello");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        let directory = fs::metadata(path.join("attachments/3")).unwrap();
        assert_eq!(directory.permissions().mode() & 0o777, 0o700);

        // The same again, after a crash: it is the same file.
        files.begin(8, 3, "ab-a.txt", 5).unwrap();
        files.write(8, b"hello").unwrap();
        files.finish(8).unwrap();
        // Too much, or given up: nothing of it stays.
        files.begin(9, 3, "cd-b.txt", 5).unwrap();
        assert!(files.write(9, b"123456").is_err());
        files.abandon(9);
        assert_eq!(fs::read_dir(path.join("attachments/3")).unwrap().count(), 1);
        files.remove(3).unwrap();
        assert_eq!(fs::read_dir(path.join("attachments/3")).unwrap().count(), 0);
        files.remove(4).unwrap();
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn no_link_is_followed() {
        let path = workspace("attached-links");
        let outside = path.join("outside");
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("kept"), "x").unwrap();
        symlink(&outside, path.join("attachments")).unwrap();
        assert!(Attachments::new(path.to_str().unwrap(), true).is_err());
        fs::remove_file(path.join("attachments")).unwrap();

        let mut files = Attachments::new(path.to_str().unwrap(), true).unwrap();
        symlink(&outside, path.join("attachments/3")).unwrap();
        assert!(files.begin(1, 3, "a", 5).is_err());
        assert!(files.remove(3).is_ok());
        assert!(outside.join("kept").exists());
        // A name that is a link is replaced, and what it leads to is not touched.
        files.begin(2, 4, "a", 5).unwrap();
        files.write(2, b"new").unwrap();
        symlink(outside.join("kept"), path.join("attachments/4/a")).unwrap();
        files.finish(2).unwrap();
        assert_eq!(fs::read(outside.join("kept")).unwrap(), b"x");
        assert_eq!(fs::read(path.join("attachments/4/a")).unwrap(), b"new");
        fs::remove_dir_all(path).unwrap();
    }

    /// A picture is known by its bytes, in whatever pieces they come; and what is read back is what
    /// came, or nothing.
    #[test]
    fn a_picture_is_read_back_as_it_came() {
        let path = workspace("attached-pictures");
        let mut files = Attachments::new(path.to_str().unwrap(), true).unwrap();
        files.begin(7, 3, "ab-a.txt", 100).unwrap();
        for piece in [&b"RIFF"[..], b"\x10\0", b"\0\0WEBPVP8 ", b"pixels"] {
            files.write(7, piece).unwrap();
        }
        let Ok(Fetched::Kept { bytes_count, digest, picture }) = files.finish(7) else { panic!() };
        assert_eq!(picture, Some(ImageKind::Webp));
        let image = HeldImage { digest, bytes_count };
        let (conversation, file) = (ConversationNumber(3), "ab-a.txt".to_string());
        let picture = Picture { conversation, file, image };
        assert_eq!(files.read(&picture).unwrap(), b"RIFF\x10\0\0\0WEBPVP8 pixels");
        let other = Picture { conversation: ConversationNumber(4), ..picture.clone() };
        assert!(files.read(&other).is_err(), "of another conversation");
        for file in ["../3/ab-a.txt", "/etc/passwd", "", "."] {
            let other = Picture { file: file.into(), ..picture.clone() };
            assert!(files.read(&other).is_err(), "{file}");
        }
        let place = path.join("attachments/3/ab-a.txt");
        fs::write(&place, b"RIFF\x10\0\0\0WEBPVP8 pixelz").unwrap();
        assert!(files.read(&picture).is_err(), "another picture of the same size");
        fs::remove_file(&place).unwrap();
        assert!(files.read(&picture).is_err());
        fs::write(path.join("same"), b"RIFF\x10\0\0\0WEBPVP8 pixels").unwrap();
        symlink(path.join("same"), &place).unwrap();
        assert!(files.read(&picture).is_err(), "no link is followed");
        fs::remove_file(&place).unwrap();
        rustix::fs::mkfifoat(CWD, &place, PRIVATE_FILE).unwrap();
        assert!(files.read(&picture).is_err(), "nobody waits for a pipe");
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn where_none_are_wanted_nothing_is_made() {
        let path = workspace("attached-none");
        let mut files = Attachments::new(path.to_str().unwrap(), false).unwrap();
        assert!(files.path().is_none() && !path.join("attachments").exists());
        assert!(files.begin(1, 1, "a", 5).is_err());
        fs::remove_dir_all(path).unwrap();
    }
}
