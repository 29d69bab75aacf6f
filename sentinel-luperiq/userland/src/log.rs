//! The files of the journal, as the core asks for them to be written.
//!
//! # Invariants
//! - What was said to be safe is there at the next start.
//! - Where something is written, nothing of an earlier write stands behind it: a rest is cut off
//!   first, and that is safe before anything is written in its place.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::abi::Error;
use luperiq_runtime::call::Result;
use sentinel_core::journal::digest;

use crate::folder::Folder;
use crate::kept;

/// The log, while it is written.
#[derive(Debug, Default)]
pub struct Log {
    /// The file that was written last, and how long it is.
    last: Option<(u64, u64)>,
}

impl Log {
    /// Writes into a file of the log, and makes it safe.
    ///
    /// # Errors
    /// It is not safe; it has to be written again.
    pub fn write<F: Folder>(
        &mut self,
        folder: &mut F,
        number: u64,
        offset: u64,
        bytes: &[u8],
    ) -> Result<()> {
        let path = name(number);
        let known = self.last.take().filter(|(file, _)| *file == number);
        let length = match known {
            Some((_, length)) => length,
            None => match folder.bytes_count(&path) {
                Err(Error::NotFound) => 0,
                outcome => outcome?,
            },
        };
        if length > offset {
            cut(folder, number, offset)?;
        }
        folder.write(&path, offset, bytes)?;
        folder.sync(&path)?;
        self.last = Some((number, offset + bytes.len() as u64));
        Ok(())
    }
}

/// What is said in the kernel's record of a write before it is made: where it goes, how long it is,
/// and its SHA-256.
#[must_use]
pub fn note(number: u64, offset: u64, bytes: &[u8]) -> String {
    let digest = digest(&[], bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{NOTE}{number} {offset} {} {hex}", bytes.len())
}

/// All files of the log, in their order; none, if it was never begun. A cut that was not finished
/// is finished first.
///
/// # Errors
/// They cannot be read, or are more than [`LOG_BYTES_MAX`] ([`Error::TooLong`]).
/// [`Error::WrongState`] if one is missing between others.
pub fn read<F: Folder>(folder: &mut F) -> Result<Vec<Vec<u8>>> {
    finish_cut(folder)?;
    let names = folder.names(DIRECTORY, usize::MAX)?;
    let mut files = Vec::new();
    let mut room = LOG_BYTES_MAX;
    loop {
        let path = name(files.len() as u64);
        if !names.iter().any(|found| path.strip_prefix(PREFIX) == Some(&found.name)) {
            break;
        }
        let file = folder.read(&path, room)?;
        room -= (file.len() as u64).min(room);
        files.push(file);
    }
    if files.len() < names.len() {
        return Err(Error::WrongState);
    }
    // Of a first file whose first write was not whole nothing is known, and nothing was done.
    Ok(if files.iter().all(Vec::is_empty) { Vec::new() } else { files })
}

/// The name of a file of the log.
#[must_use]
pub fn name(number: u64) -> String {
    format!("{PREFIX}{number:06}.log")
}

/// Cuts a file to a length. The store can only empty one, so what stays is kept beside it until it
/// is back.
fn cut<F: Folder>(folder: &mut F, number: u64, length: u64) -> Result<()> {
    let mut content = folder.read(&name(number), u64::MAX)?;
    content.truncate(usize::try_from(length).map_err(|_| Error::TooLong)?);
    let mut kept = number.to_le_bytes().to_vec();
    kept.append(&mut content);
    kept::store(folder, CUT, &kept)?;
    finish_cut(folder)
}

fn finish_cut<F: Folder>(folder: &mut F) -> Result<()> {
    let Some(kept) = kept::find(folder, CUT)? else { return Ok(()) };
    let (number, content) = kept.split_first_chunk().ok_or(Error::WrongState)?;
    let path = name(u64::from_le_bytes(*number));
    folder.empty(&path)?;
    folder.write(&path, 0, content)?;
    folder.sync(&path)?;
    // Gone for certain before more is written: or the next start cuts that off.
    kept::remove(folder, CUT)?;
    folder.sync(&path)
}

/// The longest log that is gone on with: it is read whole at a start, and so much memory is there.
pub const LOG_BYTES_MAX: u64 = 16 << 20;

/// What such a note begins with.
pub const NOTE: &str = "log ";

const DIRECTORY: &str = "journal";
const PREFIX: &str = "journal/";

/// What a file is cut to, while that is done.
const CUT: &str = "cut";
