//! Programs: 64-bit ELF files for aarch64, linked to fixed addresses.
//!
//! A program is refused here unless every page it asks for is its own, within the bounds of a
//! process, and never both writable and executable.
//!
//! # Invariants
//! - Segments come in the order of their addresses and share no page.
//! - What a segment holds lies inside the file.

use core::fmt;

/// Where a program's pages may be, and how many bytes it may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The first address.
    pub start: u64,
    /// Behind the last one.
    pub end: u64,
    /// Bytes of memory, all segments together.
    pub bytes: u64,
}

/// A program that may be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    /// Its first instruction.
    pub entry: u64,
    /// How much stack it asks for; 0 when it does not say.
    pub stack_bytes: u64,
    segments: [Segment<'a>; SEGMENTS_MAX],
    count: usize,
}

/// A piece of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The first byte.
    pub at: u64,
    /// How many bytes, of which those beyond the content are zero.
    pub bytes: u64,
    /// What it holds.
    pub content: &'a [u8],
    /// Whether the program may write it.
    pub is_writable: bool,
    /// Whether the program may execute it.
    pub is_executable: bool,
}

impl Segment<'_> {
    /// The pages it needs: where they begin and how many bytes they are.
    #[must_use]
    pub fn pages(&self) -> (u64, u64) {
        let start = self.at / PAGE * PAGE;
        (start, (self.at + self.bytes).next_multiple_of(PAGE) - start)
    }
}

/// Why a program cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not an ELF file for this machine.
    Foreign,
    /// It ends before what it says it holds.
    Truncated,
    /// It wants to be moved or to bring others along.
    Linked,
    /// More segments than there is room for, or none.
    Segments,
    /// A segment is outside a process's memory, or two share a page.
    Address,
    /// A segment that could be written and executed.
    WritableCode,
    /// More memory than allowed.
    Size,
    /// It begins where nothing can be executed.
    Entry,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Foreign => "no program for this machine",
            Self::Truncated => "it ends too early",
            Self::Linked => "it is not linked to fixed addresses",
            Self::Segments => "too many segments, or none",
            Self::Address => "a segment is where none may be",
            Self::WritableCode => "a segment is writable and executable",
            Self::Size => "it needs more memory than allowed",
            Self::Entry => "it begins where nothing can be executed",
        })
    }
}

impl<'a> Program<'a> {
    /// Reads and checks a whole program.
    pub fn read(file: &'a [u8], bounds: Bounds) -> Result<Self, Refusal> {
        if file.get(..7) != Some(b"\x7fELF\x02\x01\x01") {
            return Err(Refusal::Foreign);
        }
        let short = |at| number(file, at, 2);
        if short(18)? != AARCH64 {
            return Err(Refusal::Foreign);
        }
        if short(16)? != EXECUTABLE {
            return Err(Refusal::Linked);
        }
        let (entry, table) = (number(file, 24, 8)?, number(file, 32, 8)?);
        if short(54)? != HEADER_BYTES {
            return Err(Refusal::Foreign);
        }
        let empty = [Segment::default(); SEGMENTS_MAX];
        let mut program = Self { entry, stack_bytes: 0, segments: empty, count: 0 };
        for index in 0..short(56)? {
            let start = table.checked_add(index * HEADER_BYTES).ok_or(Refusal::Truncated)?;
            let header = file.get(place(start)?..).ok_or(Refusal::Truncated)?;
            match number(header, 0, 4)? {
                LOAD => program.add(file, header, bounds)?,
                DYNAMIC | INTERPRETER => return Err(Refusal::Linked),
                STACK => program.stack_bytes = number(header, 40, 8)?,
                _ => {}
            }
        }
        let bytes: u64 = program.segments().map(|segment| segment.pages().1).sum();
        if bytes > bounds.bytes {
            return Err(Refusal::Size);
        }
        let is_entry = |segment: &Segment<'_>| {
            let end = segment.at + segment.content.len() as u64;
            segment.is_executable && (segment.at..end).contains(&entry)
        };
        match program.segments().any(is_entry) && entry.is_multiple_of(4) {
            true => Ok(program),
            false => Err(Refusal::Entry),
        }
    }

    /// Its pieces, in the order of their addresses.
    pub fn segments(&self) -> impl Iterator<Item = &Segment<'a>> {
        self.segments.iter().take(self.count)
    }

    fn add(&mut self, file: &'a [u8], header: &[u8], bounds: Bounds) -> Result<(), Refusal> {
        let flags = number(header, 4, 4)?;
        let (from, at) = (number(header, 8, 8)?, number(header, 16, 8)?);
        let (in_file, bytes) = (number(header, 32, 8)?, number(header, 40, 8)?);
        if bytes == 0 {
            return Ok(());
        }
        let end = at.checked_add(bytes).filter(|end| *end <= bounds.end);
        if at < bounds.start || end.is_none() || in_file > bytes {
            return Err(Refusal::Address);
        }
        if flags & WRITE != 0 && flags & EXECUTE != 0 {
            return Err(Refusal::WritableCode);
        }
        let until = from.checked_add(in_file).ok_or(Refusal::Truncated)?;
        let content = file.get(place(from)?..place(until)?).ok_or(Refusal::Truncated)?;
        let segment = Segment {
            at,
            bytes,
            content,
            is_writable: flags & WRITE != 0,
            is_executable: flags & EXECUTE != 0,
        };
        let behind = match self.count.checked_sub(1) {
            Some(last) => {
                let (start, bytes) = self.segments[last].pages();
                start + bytes
            }
            None => 0,
        };
        if segment.pages().0 < behind {
            return Err(Refusal::Address);
        }
        *self.segments.get_mut(self.count).ok_or(Refusal::Segments)? = segment;
        self.count += 1;
        Ok(())
    }
}

/// A little-endian number.
fn number(bytes: &[u8], at: usize, length: usize) -> Result<u64, Refusal> {
    let field = bytes.get(at..at + length).ok_or(Refusal::Truncated)?;
    Ok(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn place(number: u64) -> Result<usize, Refusal> {
    usize::try_from(number).map_err(|_| Refusal::Truncated)
}

/// Code, constants, data, and one of each to spare.
pub const SEGMENTS_MAX: usize = 6;

const PAGE: u64 = 4096;

// From the System V ABI, chapters "ELF Header" and "Program Header".
const AARCH64: u64 = 183;
const EXECUTABLE: u64 = 2;
const HEADER_BYTES: u64 = 56;
const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;
const INTERPRETER: u64 = 3;
const STACK: u64 = 0x6474_e551;
const EXECUTE: u64 = 1;
const WRITE: u64 = 2;

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    const BOUNDS: Bounds = Bounds { start: 0x1_0000, end: 1 << 39, bytes: 1 << 20 };
    /// Flags, address, bytes in the file, bytes in memory.
    type Part = (u32, u64, u64, u64);
    const CODE: Part = (5, 0x2_0000, 64, 64);
    const DATA: Part = (6, 0x2_1000, 32, 8192);

    /// A file with these parts, whose content begins behind the headers.
    fn file(entry: u64, parts: &[Part]) -> Vec<u8> {
        let mut file = vec![0; 64];
        file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        file[16] = 2;
        file[18] = 183;
        file[24..32].copy_from_slice(&entry.to_le_bytes());
        file[32] = 64;
        file[54] = 56;
        file[56] = parts.len() as u8;
        for (flags, at, in_file, bytes) in parts {
            let mut header = vec![1, 0, 0, 0];
            header.extend(flags.to_le_bytes());
            for number in [64 + 56 * parts.len() as u64, *at, 0, *in_file, *bytes, 0] {
                header.extend(number.to_le_bytes());
            }
            file.extend(header);
        }
        file.resize(file.len() + 64, 7);
        file
    }

    fn refusal(entry: u64, parts: &[Part]) -> Option<Refusal> {
        Program::read(&file(entry, parts), BOUNDS).err()
    }

    #[test]
    fn a_program_is_read_with_its_pages() {
        let file = file(0x2_0004, &[CODE, DATA]);
        let program = Program::read(&file, BOUNDS).unwrap();
        let segments: Vec<_> = program.segments().collect();
        assert_eq!(program.entry, 0x2_0004);
        assert_eq!(segments[0].pages(), (0x2_0000, 4096));
        assert_eq!(segments[1].pages(), (0x2_1000, 8192));
        assert_eq!(segments[1].content, [7; 32]);
        assert!(segments[0].is_executable && !segments[0].is_writable);
    }

    #[test]
    fn what_could_harm_is_refused() {
        for (parts, expected) in [
            (&[(7, 0x2_0000, 64, 64)][..], Refusal::WritableCode),
            (&[(5, 0, 64, 64)], Refusal::Address),
            (&[(5, 0xffff, 64, 64)], Refusal::Address),
            (&[(5, (1 << 39) - 1, 64, 64)], Refusal::Address),
            (&[(5, u64::MAX, 64, 64)], Refusal::Address),
            (&[(5, 0xffff_ffff_c000_0000, 64, 64)], Refusal::Address),
            (&[(5, 0x2_0000, 64, 32)], Refusal::Address),
            (&[CODE, (6, 0x2_0800, 8, 8)], Refusal::Address),
            (&[DATA, CODE], Refusal::Address),
            (&[CODE, (6, 0x3_0000, 8, 2 << 20)], Refusal::Size),
            (&[(5, 0x2_0000, 1 << 40, 1 << 40)], Refusal::Address),
            (&[(5, 0x2_0000, 1 << 20, 1 << 20)], Refusal::Truncated),
            (&[(4, 0x2_0000, 64, 64)], Refusal::Entry),
            (&[], Refusal::Entry),
        ] {
            assert_eq!(refusal(0x2_0000, parts), Some(expected), "{parts:x?}");
        }
        assert_eq!(refusal(0x2_0001, &[CODE]), Some(Refusal::Entry), "not aligned");
        assert_eq!(refusal(0x2_0040, &[CODE]), Some(Refusal::Entry), "behind the code");
        let many: Vec<Part> = (0..7).map(|n| (5, 0x2_0000 + n * 0x1000, 64, 64)).collect();
        assert_eq!(refusal(0x2_0000, &many), Some(Refusal::Segments));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_survived() {
        let whole = file(0x2_0000, &[CODE, DATA]);
        let needed = whole.len() - 32;
        for length in 0..whole.len() {
            let read = Program::read(&whole[..length], BOUNDS);
            assert!(read.is_err() || length >= needed, "{length}");
        }
        for bit in 0..8 * (64 + 2 * 56) {
            let mut other = whole.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            if let Ok(program) = Program::read(&other, BOUNDS) {
                for segment in program.segments() {
                    let (start, bytes) = segment.pages();
                    assert!(start >= BOUNDS.start && start + bytes <= BOUNDS.end);
                    assert!(!(segment.is_writable && segment.is_executable));
                }
            }
        }
    }
}
