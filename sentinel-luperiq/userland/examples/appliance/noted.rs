//! Whether the agent's log is what the kernel's record says was written.
//!
//! Before each write the agent notes in the kernel's record where it goes, how long it is, and its
//! digest. A log that was changed or shortened afterwards, with keys or without, is not what was
//! noted. What the machine's power may do is all that is forgiven: the last write that was noted
//! may not be there, or not all of it, and what follows a start then begins within it.

use luperiq_userland::log;
use sentinel_core::journal::digest;

/// Writes that were noted, in their order.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    writes: Vec<Write>,
    /// What no agent does that writes one log.
    fault: Option<String>,
}

#[derive(Debug)]
struct Write {
    file: u64,
    offset: u64,
    bytes: u64,
    /// Of all of it; there is none for what is left of one that was cut.
    digest: Option<String>,
}

impl Write {
    const fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes)
    }
}

impl Noted {
    /// Takes a note, if it is one of a write.
    pub(crate) fn take(&mut self, text: &str) {
        let Some(words) = text.strip_prefix(log::NOTE) else { return };
        let words: Vec<&str> = words.split(' ').collect();
        let [file, offset, bytes, digest] = words[..] else { return };
        let numbers = [file, offset, bytes].map(|word| word.parse::<u64>().ok());
        let [Some(file), Some(offset), Some(bytes)] = numbers else { return };
        if let Some(mut last) = self.writes.pop() {
            let follows = match file == last.file {
                true => offset == last.end(),
                false => last.file.checked_add(1) == Some(file) && offset == 0,
            };
            let is_within = file == last.file && offset > last.offset && offset < last.end();
            let is_again = (file, offset) == (last.file, last.offset);
            if is_within {
                // The power went in the middle, and what is left of it was gone on with.
                (last.bytes, last.digest) = (offset - last.offset, None);
            } else if !follows && !is_again {
                let what = format!("a write to file {file} at {offset} follows on nothing");
                self.fault.get_or_insert(what);
            }
            // One that failed comes again.
            if !is_again {
                self.writes.push(last);
            }
        }
        self.writes.push(Write { file, offset, bytes, digest: Some(digest.into()) });
    }

    /// Whether the files of the log are what was noted, from the first note on.
    ///
    /// # Errors
    /// Where they are not.
    pub(crate) fn check(&self, files: &[Vec<u8>]) -> Result<usize, String> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let Some((last, before)) = self.writes.split_last() else { return Ok(0) };
        for write in before {
            if !is_there(write, files) {
                let (file, offset) = (write.file, write.offset);
                return Err(format!("file {file} is not what was written at {offset}"));
            }
        }
        // The last one was written, in part, or not at all; nothing stands behind it.
        let is_whole = is_there(last, files);
        let whole = if is_whole { last.end() } else { last.end().saturating_sub(1) };
        let ends = files.get(last.file as usize).map(|file| file.len() as u64);
        let is_in_place = ends.map_or(last.offset == 0, |end| end >= last.offset && end <= whole);
        let is_over = files.len() as u64 <= last.file.saturating_add(1);
        // Files before the last one end where their last write does.
        let is_full = before.iter().zip(self.writes.iter().skip(1)).all(|(one, next)| {
            let length = files.get(one.file as usize).map(|file| file.len() as u64);
            one.file == next.file || length == Some(one.end())
        });
        match is_in_place && is_over && is_full {
            true => Ok(self.writes.len()),
            false => Err("the log ends elsewhere than what was written".into()),
        }
    }

    /// The same, told.
    pub(crate) fn are(&self, files: &[Vec<u8>]) -> bool {
        let what = "the agent's log in the kernel's record";
        match self.check(files) {
            Ok(0) => println!("{what}: nothing was noted"),
            Ok(count) => println!("{what}: it is what was written, {count} times"),
            Err(fault) => println!("{what}: {fault}"),
        }
        self.check(files).is_ok()
    }
}

fn is_there(write: &Write, files: &[Vec<u8>]) -> bool {
    let place = write.offset as usize..write.end() as usize;
    let content = files.get(write.file as usize).and_then(|file| file.get(place));
    content.is_some_and(|content| {
        let digest = digest(&[], content);
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        write.digest.as_ref().is_none_or(|noted| *noted == digits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes of these writes, one behind the other.
    fn noted(writes: &[(u64, u64, &[u8])]) -> Noted {
        let mut noted = Noted::default();
        for (file, offset, bytes) in writes {
            noted.take(&log::note(*file, *offset, bytes));
        }
        noted
    }

    const WRITES: &[(u64, u64, &[u8])] =
        &[(0, 0, b"one "), (0, 4, b"two "), (1, 0, b"three "), (1, 6, b"four")];

    fn files() -> Vec<Vec<u8>> {
        vec![b"one two ".to_vec(), b"three four".to_vec()]
    }

    #[test]
    fn what_was_written_is_there() {
        assert_eq!(noted(WRITES).check(&files()), Ok(4));
        assert_eq!(noted(&[]).check(&files()), Ok(0), "an older agent noted nothing");
    }

    #[test]
    fn whatever_is_changed_is_found() {
        for file in 0..2 {
            for at in 0..files()[file].len() {
                let mut changed = files();
                changed[file][at] ^= 1;
                assert!(noted(WRITES).check(&changed).is_err(), "{file} {at}");
            }
        }
        for (file, more) in [(0, b"x"), (1, b"x")] {
            let mut changed = files();
            changed[file].extend_from_slice(more);
            assert!(noted(WRITES).check(&changed).is_err());
        }
        let mut changed = files();
        changed.push(b"five".to_vec());
        assert!(noted(WRITES).check(&changed).is_err());
    }

    /// The power may have taken the last write, and nothing before it.
    #[test]
    fn only_the_last_write_may_be_missing() {
        let noted = noted(WRITES);
        for end in 0..=files()[1].len() {
            let mut cut = files();
            cut[1].truncate(end);
            assert_eq!(noted.check(&cut).is_ok(), end >= 6, "{end}");
        }
        for end in 0..files()[0].len() {
            let mut cut = files();
            cut[0].truncate(end);
            assert!(noted.check(&cut).is_err(), "{end}");
        }
        assert!(noted.check(&files()[..1]).is_err(), "a file is gone");
        assert!(noted.check(&[]).is_err(), "all of it is gone");
        assert!(noted_first(b"one").check(&[]).is_ok(), "nothing was there yet");
    }

    fn noted_first(bytes: &[u8]) -> Noted {
        noted(&[(0, 0, bytes)])
    }

    #[test]
    fn a_write_comes_again_or_goes_on_within_the_last_and_nowhere_else() {
        let again = noted(&[(0, 0, b"one "), (0, 4, b"lost"), (0, 4, b"two ")]);
        assert_eq!(again.check(&[b"one two ".to_vec()]), Ok(2));
        let within = noted(&[(0, 0, b"one "), (0, 4, b"two half"), (0, 8, b"three")]);
        assert_eq!(within.check(&[b"one two three".to_vec()]), Ok(3));
        // Somebody took refusals out, and the agent ran once more.
        let back = noted(&[(0, 0, b"one "), (0, 4, b"two "), (0, 8, b"three"), (0, 4, b"four")]);
        assert!(back.check(&[b"one four".to_vec()]).is_err());
        let gap = noted(&[(0, 0, b"one "), (0, 9, b"two ")]);
        assert!(gap.check(&[b"one .....two ".to_vec()]).is_err());
    }
}
