//! The image as a bootloader takes it: the kernel as it lies in memory, and behind it the archive.
//!
//! # Invariants
//! - The header says how much memory kernel and archive need, so that nothing is put there.

use crate::error::Error;

/// Lays the kernel's ELF file out as memory has it, and puts the archive behind it.
pub(super) fn make(elf: &[u8], files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let mut image = flat(elf).ok_or_else(|| Error::new("the kernel is no ELF file for aarch64"))?;
    image.extend(archive(files)?);
    let bytes = (image.len() as u64).to_le_bytes();
    let is_image = image.get(MAGIC_AT..MAGIC_AT + 4) == Some(b"ARM\x64");
    match image.get_mut(SIZE_AT..SIZE_AT + 8) {
        Some(size) if is_image => size.copy_from_slice(&bytes),
        _ => return Err(Error::new("the kernel does not begin with an arm64 header")),
    }
    Ok(image)
}

/// The bytes of everything that is loaded and never written.
pub(super) fn constant_bytes(elf: &[u8]) -> Option<usize> {
    const WRITABLE: usize = 2;
    let constant = parts(elf)?.into_iter().filter(|part| part.flags & WRITABLE == 0);
    Some(constant.map(|part| part.in_memory).sum())
}

/// The bytes of text, and of constants.
pub(super) fn bytes_of_use(elf: &[u8]) -> Option<[usize; 2]> {
    const EXECUTABLE: usize = 1;
    let parts = parts(elf)?;
    let text = parts.iter().filter(|part| part.flags & EXECUTABLE != 0);
    let text = text.map(|part| part.in_memory).sum();
    Some([text, constant_bytes(elf)?.checked_sub(text)?])
}

/// Every loaded part at its distance from the first.
fn flat(elf: &[u8]) -> Option<Vec<u8>> {
    let mut image = Vec::new();
    let parts = parts(elf)?;
    let start = parts.first()?.at;
    for part in parts {
        let at = part.at.checked_sub(start)?;
        let end = at.checked_add(part.in_memory).filter(|end| *end <= KERNEL_BYTES_MAX)?;
        image.resize(image.len().max(end.next_multiple_of(4096)), 0);
        image.get_mut(at..at + part.content.len())?.copy_from_slice(part.content);
    }
    Some(image)
}

/// A part of an ELF file that is loaded.
struct Part<'a> {
    flags: usize,
    at: usize,
    content: &'a [u8],
    in_memory: usize,
}

fn parts(elf: &[u8]) -> Option<Vec<Part<'_>>> {
    const AARCH64: usize = 183;
    const LOAD: usize = 1;
    if elf.get(..6)? != b"\x7fELF\x02\x01" || number(elf, 18, 2)? != AARCH64 {
        return None;
    }
    let (table, entry) = (number(elf, 32, 8)?, number(elf, 54, 2)?);
    let mut parts = Vec::new();
    for index in 0..number(elf, 56, 2)? {
        let header = elf.get(table.checked_add(index * entry)?..)?;
        if number(header, 0, 4)? != LOAD {
            continue;
        }
        let from = number(header, 8, 8)?;
        let content = elf.get(from..from.checked_add(number(header, 32, 8)?)?)?;
        parts.push(Part {
            flags: number(header, 4, 4)?,
            at: number(header, 16, 8)?,
            content,
            in_memory: number(header, 40, 8)?,
        });
    }
    Some(parts)
}

/// The archive, as `kernel/src/archive.rs` reads it.
fn archive(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    let mut entries = Vec::new();
    let start = (16 + ENTRY_BYTES * files.len()).next_multiple_of(4096);
    for (name, bytes) in files {
        if name.is_empty() || name.len() > NAME_BYTES {
            return Err(Error::new(format!("`{name}` is no name for a file of the archive"))
                .help(format!("1 to {NAME_BYTES} bytes")));
        }
        let mut entry = name.clone().into_bytes();
        entry.resize(NAME_BYTES, 0);
        entry.extend(((start + content.len()) as u32).to_le_bytes());
        entry.extend((bytes.len() as u32).to_le_bytes());
        entry.resize(ENTRY_BYTES, 0);
        entries.extend(entry);
        content.extend(bytes);
        content.resize(content.len().next_multiple_of(4096), 0);
    }
    let mut archive = b"LUPERIQ1".to_vec();
    archive.extend((files.len() as u32).to_le_bytes());
    archive.extend(((start + content.len()) as u32).to_le_bytes());
    archive.extend(entries);
    archive.resize(start, 0);
    archive.extend(content);
    Ok(archive)
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    let number = field.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    usize::try_from(number).ok()
}

// From "Booting AArch64 Linux", the header of an image.
const SIZE_AT: usize = 16;
const MAGIC_AT: usize = 56;

/// What the kernel's first tables map.
const KERNEL_BYTES_MAX: usize = 16 << 20;

const ENTRY_BYTES: usize = 64;
const NAME_BYTES: usize = 48;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An ELF file with two parts: 64 bytes that begin like an image, and 4 bytes with a tail.
    pub(in super::super) fn elf() -> Vec<u8> {
        let mut head = vec![0; 64];
        head[MAGIC_AT..MAGIC_AT + 4].copy_from_slice(b"ARM\x64");
        let mut elf = vec![0; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[18] = 183;
        elf[32] = 64;
        elf[54] = 56;
        elf[56] = 2;
        for (from, at, in_file, in_memory) in [(176_u8, 0_u8, 64_u8, 64_u8), (240, 0x10, 4, 8)] {
            let mut header = vec![0; 56];
            header[0] = 1;
            header[8] = from;
            header[17] = at;
            header[32] = in_file;
            header[40] = in_memory;
            elf.extend(header);
        }
        elf.extend(head);
        elf.extend(*b"data");
        elf
    }

    #[test]
    fn an_image_is_laid_out_as_memory_has_it_and_says_how_long_it_is() {
        let image = make(&elf(), &[("a".into(), b"content".to_vec())]).unwrap();
        assert_eq!(&image[0x1000..0x1008], b"data\0\0\0\0");
        assert_eq!(image[SIZE_AT..SIZE_AT + 8], (image.len() as u64).to_le_bytes());
        let archive = &image[0x2000..];
        assert_eq!(&archive[..8], b"LUPERIQ1");
        assert_eq!(&archive[4096..4103], b"content");
        assert_eq!(archive.len(), 8192);
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        let whole = elf();
        for length in 0..whole.len() {
            assert!(make(&whole[..length], &[]).is_err(), "{length}");
        }
        assert!(make(&whole, &[("x".repeat(49), Vec::new())]).is_err());
    }
}
