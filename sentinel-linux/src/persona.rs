//! The persona's file: read at the start and looked at again from time to time, so that a change
//! nobody approved is seen; and written by a call that was allowed to.
//!
//! It is written in its place, because the directory it is in is not this process's to write:
//! whoever takes over the process could put anything there. Where that is cut short, the file has
//! neither text, and the agent stops.
//!
//! # Not here
//! What a change means: the core compares digests and stops the agent.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sentinel_core::capability::{Grant, Level, Resource};
use sentinel_core::time::Instant;

/// The file, and when it was looked at last.
#[derive(Debug)]
pub(crate) struct Persona {
    path: Option<PathBuf>,
    next: Instant,
}

impl Persona {
    /// The file of a configuration, if it names one.
    pub(crate) fn new(path: Option<&str>) -> Self {
        Self { path: path.map(PathBuf::from), next: Instant(0) }
    }

    /// Its text, if it is time to look: none within for a file that cannot be read. There is no
    /// timer: it is looked at before something is done, not while nothing is.
    pub(crate) fn look(&mut self, now: Instant) -> Option<Option<String>> {
        let path = self.path.as_ref().filter(|_| now >= self.next)?;
        self.next = now.after(PAUSE);
        let mut text = String::new();
        let read = File::open(path)
            .and_then(|file| file.take(PERSONA_BYTES_MAX).read_to_string(&mut text));
        Some(read.is_ok().then_some(text))
    }

    /// Writes it anew, for a call that may, and looks at it soon.
    pub(crate) fn write(&mut self, text: &str) -> Result<String, String> {
        let path = self.path.as_deref().ok_or("the configuration names no persona_file")?;
        replace(path, text).map_err(|error| {
            let path = path.display();
            match error.kind() {
                io::ErrorKind::PermissionDenied => format!(
                    "{path}: {error}. This agent may write there what was granted when it started, \
                     and the file that was there then; start it again"
                ),
                _ => format!("{path}: {error}"),
            }
        })?;
        self.next = Instant(0);
        Ok(format!("written, {} bytes; it holds from the next answer on", text.len()))
    }
}

/// Whether the agent may write it by this grant.
pub(crate) fn is_written_by(grant: &Grant) -> bool {
    grant.resource == Resource::Persona && grant.level != Level::Deny
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A pipe would hold us up, and a link leads to what nobody pinned.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    // First the text and then the end of it: nothing is lost before the new text is there.
    file.write_all_at(text.as_bytes(), 0)?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

const PAUSE: Duration = Duration::from_secs(5);

/// More is another text, with another digest.
const PERSONA_BYTES_MAX: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_at_now_and_then() {
        let path = std::env::temp_dir().join(format!("sentinel-persona-{}", std::process::id()));
        let mut persona = Persona::new(path.to_str());
        assert_eq!(persona.look(Instant(0)), Some(None), "it is not there");
        std::fs::write(&path, "Be kind.").unwrap();
        assert_eq!(persona.look(Instant(4000)), None, "not so soon");
        assert_eq!(persona.look(Instant(5000)), Some(Some("Be kind.".into())));
        // What is written is the whole file, and is looked at without a pause.
        for text in ["Be kind, and be brief.", "Be."] {
            persona.write(text).unwrap();
            assert_eq!(persona.look(Instant(5001)), Some(Some(text.into())));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(persona.write("Be.").unwrap_err().contains("sentinel-persona-"));
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        persona.write("Be.").unwrap_err();
        std::fs::remove_file(path).unwrap();
        assert_eq!(Persona::new(None).look(Instant(0)), None);
        Persona::new(None).write("Be.").unwrap_err();
    }
}
