//! The persona's file: read at the start and looked at again from time to time, so that a change
//! nobody approved is seen.
//!
//! # Not here
//! What a change means: the core compares digests and stops the agent.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

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
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(PERSONA_BYTES_MAX).read_to_string(&mut text));
        Some(read.is_ok().then_some(text))
    }
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
        std::fs::remove_file(path).unwrap();
        assert_eq!(Persona::new(None).look(Instant(0)), None);
    }
}
