//! Whether the agent's log is what the kernel's record says was written.
//!
//! Before each write the agent notes in the kernel's record where it goes, how long it is, and its
//! digest. A log that was changed afterwards, with keys or without, is not what was noted.

use luperiq_userland::log;
use sentinel_core::journal::digest;

/// Writes that were noted and that no later one replaced.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    writes: Vec<Write>,
    /// Where the first note of all stands; what is before it is of an agent that noted nothing.
    start: Option<(u64, u64)>,
}

#[derive(Debug)]
struct Write {
    file: u64,
    offset: u64,
    bytes: u64,
    digest: String,
}

impl Noted {
    /// Takes a note, if it is one of a write.
    pub(crate) fn take(&mut self, text: &str) {
        let Some(words) = text.strip_prefix(log::NOTE) else { return };
        let words: Vec<&str> = words.split(' ').collect();
        let [file, offset, bytes, digest] = words[..] else { return };
        let numbers = [file, offset, bytes].map(|word| word.parse::<u64>().ok());
        let [Some(file), Some(offset), Some(bytes)] = numbers else { return };
        self.start.get_or_insert((file, offset));
        // A write replaces what stood there and behind it: one that failed comes again.
        self.writes.retain(|write| (write.file, write.offset) < (file, offset));
        self.writes.push(Write { file, offset, bytes, digest: digest.into() });
    }

    /// Whether the files of the log are what was noted, from the first note on.
    pub(crate) fn are(&self, files: &[Vec<u8>]) -> bool {
        let what = "the agent's log in the kernel's record";
        let Some(start) = self.start else {
            println!("{what}: nothing was noted");
            return true;
        };
        for (number, file) in files.iter().enumerate() {
            let number = number as u64;
            let (mut end, length) =
                (if number == start.0 { start.1 } else { 0 }, file.len() as u64);
            for write in self.writes.iter().filter(|write| write.file == number) {
                let place = write.offset as usize..(write.offset + write.bytes) as usize;
                let is_last = write.offset >= length;
                let content = file.get(place).map(|content| digest(&[], content));
                let content = content.map(|digest| {
                    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
                });
                // It was noted, and the power went before it was written.
                if is_last && content.as_ref() != Some(&write.digest) {
                    continue;
                }
                if write.offset != end || content.as_ref() != Some(&write.digest) {
                    let offset = write.offset;
                    println!("{what}: file {number} is not what was written at {offset}");
                    return false;
                }
                end += write.bytes;
            }
            if number >= start.0 && end != length {
                println!("{what}: of file {number} only {end} bytes of {length} were noted");
                return false;
            }
        }
        println!("{what}: it is what was written, {} times", self.writes.len());
        true
    }
}
