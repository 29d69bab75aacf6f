//! Small things that are replaced whole: keys, the secret that signs, texts of settings.
//!
//! The kernel's store knows no renaming. So a thing has two places, which are written by turns, and
//! each begins with a number that grows and the length of what follows. The place with the highest
//! number that is whole counts.
//!
//! # Invariants
//! - Whoever looks finds the old or the new, whole, whatever happened in between.
//! - After a replacement the old one is not there any more. Its blocks on the disk are free then,
//!   and are not overwritten before something else needs them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::abi::Error;
use luperiq_runtime::abi::limits::TRANSFER_BYTES_MAX;
use luperiq_runtime::call::Result;
use zeroize::{Zeroize as _, Zeroizing};

use crate::folder::Folder;
use crate::log::LOG_BYTES_MAX;

/// What is kept under a name; nothing, if nothing is.
///
/// # Errors
/// It cannot be read, or something else stands there.
pub fn find<F: Folder>(folder: &F, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    Ok(newest(folder, name)?.map(|newest| newest.content))
}

/// Keeps something under a name in place of what was kept there, safely.
///
/// # Errors
/// It was not kept; what was there may be there still.
pub fn store<F: Folder>(folder: &mut F, name: &str, bytes: &[u8]) -> Result<()> {
    let (number, old) = match newest(folder, name)? {
        Some(newest) => (newest.number.checked_add(1).ok_or(Error::Limit)?, Some(newest.place)),
        None => (1, None),
    };
    let place = usize::from(old == Some(0));
    let path = path(name, place);
    folder.empty(&path)?;
    let mut whole = Zeroizing::new(Vec::with_capacity(HEADER_BYTES + bytes.len()));
    // What does not fit into one transfer counts only when all of it is safe.
    let is_at_once = HEADER_BYTES + bytes.len() <= TRANSFER_BYTES_MAX;
    whole.extend_from_slice(&header(if is_at_once { number } else { 0 }, bytes));
    whole.extend_from_slice(bytes);
    folder.write(&path, 0, &whole)?;
    folder.sync(&path)?;
    if !is_at_once {
        folder.write(&path, 0, &header(number, bytes))?;
        folder.sync(&path)?;
    }
    match old {
        Some(old) => remove_place(folder, name, old),
        None => Ok(()),
    }
}

/// Keeps nothing under a name any more.
///
/// # Errors
/// It cannot be removed.
pub fn remove<F: Folder>(folder: &mut F, name: &str) -> Result<()> {
    (0..PLACES).try_for_each(|place| remove_place(folder, name, place))
}

struct Newest {
    number: u64,
    place: usize,
    content: Zeroizing<Vec<u8>>,
}

fn newest<F: Folder>(folder: &F, name: &str) -> Result<Option<Newest>> {
    let mut newest: Option<Newest> = None;
    for place in 0..PLACES {
        let mut bytes = match folder.read(&path(name, place), KEPT_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(Error::NotFound) => continue,
            Err(error) => return Err(error),
        };
        let Some((number, content)) = whole(&bytes) else { continue };
        if number > newest.as_ref().map_or(0, |newest| newest.number) {
            let content = Zeroizing::new(content.to_vec());
            newest = Some(Newest { number, place, content });
        }
        bytes.zeroize();
    }
    Ok(newest)
}

/// The number and the content of a place, if all of it is there.
fn whole(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    Some((u64::from_le_bytes(*number), rest)).filter(|(_, rest)| rest.len() == length)
}

fn header(number: u64, bytes: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (first, second) = header.split_at_mut(HEADER_BYTES / 2);
    first.copy_from_slice(&number.to_le_bytes());
    second.copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    header
}

fn remove_place<F: Folder>(folder: &mut F, name: &str, place: usize) -> Result<()> {
    match folder.remove(&path(name, place)) {
        Err(Error::NotFound) => Ok(()),
        outcome => outcome,
    }
}

fn path(name: &str, place: usize) -> String {
    format!("{name}.{place}")
}

const PLACES: usize = 2;
const HEADER_BYTES: usize = 16;

/// The longest is the log, while it is cut.
const KEPT_BYTES_MAX: u64 = LOG_BYTES_MAX + 4096;
