//! The memory of one program: which pieces of which memory objects it sees, and how.
//!
//! Everything a program sees is mapped at once and stays until it is unmapped, so a fault is always
//! a mistake of the program, and the kernel can tell from the tables alone what an address is.
//!
//! # Invariants
//! - The kernel never follows a program's address: it walks the tables and copies through its own
//!   window, page by page. An address is a claim until that walk.
//! - A program's page is written by the kernel through `&mut` of a space alone, and all spaces
//!   stand in one list: what is looked at through that list does not change meanwhile.
//! - Nothing is writable and executable, nor writable again once its mapping was not granted that.
//! - An ASID is flushed before its tables are given back.

use alloc::vec::Vec;

use luperiq_abi::Error;
use luperiq_abi::call::protection;

use super::frame::{Frame, Frames};
use super::layout::{PAGE, USER_END, USER_START};
use super::table::{Access, Rooms, Tree};
use crate::arch;

/// What a program may do with a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protection(u64);

impl Protection {
    pub(crate) const READ: Self = Self(protection::READ);
    pub(crate) const WRITE: Self = Self(protection::READ | protection::WRITE);
    pub(crate) const EXECUTE: Self = Self(protection::READ | protection::EXECUTE);

    /// What a program asked for; writable code is refused, and so is what cannot be read.
    pub(crate) fn from_flags(flags: u64) -> Result<Self, Error> {
        const EXCLUSIVE: u64 = protection::WRITE | protection::EXECUTE;
        if flags > protection::ALL || flags & protection::READ == 0 {
            return Err(Error::BadArgument);
        }
        if flags & EXCLUSIVE == EXCLUSIVE { Err(Error::NotAllowed) } else { Ok(Self(flags)) }
    }

    /// Everything that `flags` name, even what cannot be had at once.
    pub(crate) fn limit(flags: u64) -> Self {
        Self(flags & protection::ALL)
    }

    /// Whether everything of `other` is in it.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn access(self) -> Access {
        if self.0 & protection::EXECUTE != 0 {
            Access::UserExecute
        } else if self.0 & protection::WRITE != 0 {
            Access::UserWrite
        } else {
            Access::UserRead
        }
    }
}

/// Pages that can be mapped.
#[derive(Debug)]
pub(crate) struct Memory(Vec<Frame>);

impl Memory {
    /// Zeroed pages, as many as these bytes take.
    pub(crate) fn new(frames: &mut Frames, bytes: u64) -> Result<Self, Error> {
        let count = bytes.div_ceil(PAGE);
        if count > frames.free() {
            return Err(Error::NoMemory);
        }
        let mut pages = Vec::new();
        pages.try_reserve_exact(count as usize).map_err(|_| Error::NoMemory)?;
        pages.extend((0..count).map_while(|_| frames.take()));
        Ok(Self(pages))
    }

    /// Memory that begins with this content, `offset` bytes into its first page.
    pub(crate) fn with_content(
        frames: &mut Frames,
        bytes: u64,
        offset: u64,
        content: &[u8],
    ) -> Result<Self, Error> {
        let mut memory = Self::new(frames, bytes)?;
        let mut rest = content;
        let mut start = offset as usize;
        for frame in &mut memory.0 {
            let (part, others) = rest.split_at(rest.len().min(PAGE as usize - start));
            frame.bytes_mut()[start..start + part.len()].copy_from_slice(part);
            rest = others;
            start = 0;
        }
        Ok(memory)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.len() as u64 * PAGE
    }

    pub(crate) fn release(self, frames: &mut Frames) {
        self.0.into_iter().for_each(|frame| frames.give(frame));
    }
}

/// A piece of a memory object, seen at an address.
#[derive(Clone, Copy, Debug)]
struct Mapping<M> {
    start: u64,
    end: u64,
    memory: M,
    now: Protection,
    /// What it may become.
    limit: Protection,
}

/// The memory of one program. `M` names memory objects.
#[derive(Debug)]
pub(crate) struct Space<M> {
    tree: Tree,
    asid: u16,
    /// In the order of their addresses.
    mappings: Vec<Mapping<M>>,
}

impl<M: Copy> Space<M> {
    pub(crate) fn new(frames: &mut Frames, asid: u16) -> Result<Self, Error> {
        let tree = Tree::new(frames).ok_or(Error::NoMemory)?;
        Ok(Self { tree, asid, mappings: Vec::new() })
    }

    /// Lets the core see it.
    pub(crate) fn enter(&self) {
        // SAFETY: the tree maps frames of memory objects only, for EL0; whoever releases a space
        // installs another one first.
        unsafe { arch::set_user_table(self.tree.root(), self.asid) };
    }

    /// Bytes of the tables that say what is where.
    pub(crate) fn table_bytes(&self) -> u64 {
        self.tree.table_bytes()
    }

    /// Bytes of tables that mapping so many bytes there would add; nothing if it cannot be done.
    pub(crate) fn new_table_bytes(&self, at: u64, bytes: u64) -> u64 {
        let start = if at == 0 { self.gap(bytes) } else { Some(at) };
        let end = start.and_then(|start| start.checked_add(bytes));
        match (start, end) {
            (Some(start), Some(end)) if start >= USER_START && end <= USER_END => {
                self.tree.missing_tables(start, end) * PAGE
            }
            _ => 0,
        }
    }

    /// Maps a piece of memory. 0 lets the kernel choose where. `charge` hears of the bytes that new
    /// tables take, which stay as long as the space, and may refuse them.
    pub(crate) fn map(
        &mut self,
        frames: &mut Frames,
        (name, memory): (M, &Memory),
        at: u64,
        (offset, bytes): (u64, u64),
        (now, limit): (Protection, Protection),
        charge: impl FnOnce(u64) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let end = offset.checked_add(bytes).filter(|end| *end <= memory.bytes());
        if bytes == 0 || end.is_none() || !(at | offset | bytes).is_multiple_of(PAGE) {
            return Err(Error::BadArgument);
        }
        if !limit.contains(now) {
            return Err(Error::NotAllowed);
        }
        let start = if at == 0 { self.gap(bytes).ok_or(Error::NoMemory)? } else { at };
        let end = start.checked_add(bytes).filter(|end| *end <= USER_END && start >= USER_START);
        let end = end.ok_or(Error::BadArgument)?;
        let place = self.mappings.partition_point(|mapping| mapping.end <= start);
        if self.mappings.get(place).is_some_and(|next| next.start < end) {
            return Err(Error::Exists);
        }
        if self.mappings.len() >= MAPPINGS_MAX {
            return Err(Error::Limit);
        }
        self.mappings.try_reserve(1).map_err(|_| Error::NoMemory)?;
        let missing = self.tree.missing_tables(start, end);
        if missing > frames.free() {
            return Err(Error::NoMemory);
        }
        if missing > 0 {
            charge(missing * PAGE)?;
        }
        let pages = memory.0.iter().skip((offset / PAGE) as usize);
        for (page, frame) in (start..end).step_by(PAGE as usize).zip(pages) {
            if now.access() == Access::UserExecute {
                arch::synchronize_code(frame.bytes());
            }
            let physical = frame.physical();
            if self.tree.map(frames, page, physical, PAGE, now.access()).is_err() {
                (start..page).step_by(PAGE as usize).for_each(|page| {
                    self.tree.unmap(page);
                });
                arch::flush_asid(self.asid);
                return Err(Error::NoMemory);
            }
        }
        self.mappings.insert(place, Mapping { start, end, memory: name, now, limit });
        Ok(start)
    }

    /// Takes whole pages away, all of which have to be mapped. `gone` hears of each mapping that
    /// ends, `split` of each that became two.
    pub(crate) fn unmap(
        &mut self,
        at: u64,
        bytes: u64,
        mut gone: impl FnMut(M),
        mut split: impl FnMut(M),
    ) -> Result<(), Error> {
        let (first, last) = self.covered(at, bytes)?;
        self.mappings.try_reserve(2).map_err(|_| Error::NoMemory)?;
        let end = at + bytes;
        for page in (at..end).step_by(PAGE as usize) {
            self.tree.unmap(page);
            arch::flush_page(self.asid, page);
        }
        let before = Mapping { end: at, ..self.mappings[first] };
        let behind = Mapping { start: end, ..self.mappings[last] };
        let ended = self.mappings.splice(
            first..=last,
            [before, behind].into_iter().filter(|mapping| mapping.start < mapping.end),
        );
        ended.for_each(|mapping| gone(mapping.memory));
        [before, behind]
            .iter()
            .filter(|mapping| mapping.start < mapping.end)
            .for_each(|mapping| split(mapping.memory));
        Ok(())
    }

    /// Changes what may be done with whole pages, within what their mappings were granted.
    pub(crate) fn protect(
        &mut self,
        at: u64,
        bytes: u64,
        now: Protection,
        mut split: impl FnMut(M),
    ) -> Result<(), Error> {
        let (first, last) = self.covered(at, bytes)?;
        self.mappings.try_reserve(2).map_err(|_| Error::NoMemory)?;
        let end = at + bytes;
        if self.mappings[first..=last].iter().any(|mapping| !mapping.limit.contains(now)) {
            return Err(Error::NotAllowed);
        }
        for page in (at..end).step_by(PAGE as usize) {
            self.tree.protect(page, now.access());
            arch::flush_page(self.asid, page);
            if now.access() == Access::UserExecute {
                self.tree.synchronize_user(page);
            }
        }
        let before = Mapping { end: at, ..self.mappings[first] };
        let behind = Mapping { start: end, ..self.mappings[last] };
        for mapping in &mut self.mappings[first..=last] {
            mapping.start = mapping.start.max(at);
            mapping.end = mapping.end.min(end);
            mapping.now = now;
        }
        for (place, rest) in [(last + 1, behind), (first, before)] {
            if rest.start < rest.end {
                self.mappings.insert(place, rest);
                split(rest.memory);
            }
        }
        Ok(())
    }

    /// What whole pages may become, all of them.
    pub(crate) fn limit(&self, at: u64, bytes: u64) -> Result<Protection, Error> {
        let (first, last) = self.covered(at, bytes)?;
        let limits = self.mappings[first..=last].iter().map(|mapping| mapping.limit.0);
        Ok(Protection(limits.fold(protection::ALL, |all, limit| all & limit)))
    }

    /// Copies what the program has at an address.
    #[inline(always)]
    pub(crate) fn read(&self, at: u64, out: &mut [u8]) -> Result<(), Error> {
        self.tree.read_user(at, out).ok_or(Error::BadPointer)
    }

    /// Copies to an address of the program, all or nothing.
    #[inline(always)]
    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        self.tree.write_user(at, bytes).ok_or(Error::BadPointer)
    }

    /// The same with two pieces, the second right behind the first.
    pub(crate) fn write_pieces(&mut self, at: u64, [one, other]: [&[u8]; 2]) -> Result<(), Error> {
        self.write(at, one)?;
        if other.is_empty() { Ok(()) } else { self.write(at + one.len() as u64, other) }
    }

    /// What the program has at an address, copied if it is more than one page.
    #[inline(always)]
    pub(crate) fn view<'a>(
        &'a self,
        at: u64,
        bytes: usize,
        copy: &'a mut [u8],
    ) -> Result<&'a [u8], Error> {
        self.tree.view_user(at, bytes, copy).ok_or(Error::BadPointer)
    }

    /// Two pieces of memory that the program may write, to be written later.
    #[inline(always)]
    pub(crate) fn rooms(&mut self, pieces: [(u64, u64); 2]) -> Result<Rooms<'_>, Error> {
        self.tree.rooms(pieces).ok_or(Error::BadPointer)
    }

    /// Whether the program may write all of these bytes.
    #[inline(always)]
    pub(crate) fn check_write(&self, at: u64, bytes: u64) -> Result<(), Error> {
        self.tree.check_user(at, bytes, true).ok_or(Error::BadPointer)
    }

    /// Whether the program may execute there.
    pub(crate) fn is_code(&self, at: u64) -> bool {
        let place = self.mappings.partition_point(|mapping| mapping.end <= at);
        let mapping = self.mappings.get(place).filter(|mapping| mapping.start <= at);
        mapping.is_some_and(|mapping| mapping.now.access() == Access::UserExecute)
    }

    /// Ends it. `gone` hears of each mapping.
    pub(crate) fn release(self, frames: &mut Frames, mut gone: impl FnMut(M)) {
        arch::flush_asid(self.asid);
        self.tree.release(frames);
        self.mappings.into_iter().for_each(|mapping| gone(mapping.memory));
    }

    /// The first and last mapping of a range of whole pages without a hole.
    fn covered(&self, at: u64, bytes: u64) -> Result<(usize, usize), Error> {
        let end = at.checked_add(bytes).filter(|end| *end <= USER_END);
        let end = end.ok_or(Error::BadArgument)?;
        if bytes == 0 || !(at | bytes).is_multiple_of(PAGE) {
            return Err(Error::BadArgument);
        }
        // Both ends may leave a rest, and there has to be room for them.
        if self.mappings.len() + 2 > MAPPINGS_MAX {
            return Err(Error::Limit);
        }
        let first = self.mappings.partition_point(|mapping| mapping.end <= at);
        let mut reached = at;
        for (place, mapping) in self.mappings.iter().enumerate().skip(first) {
            if mapping.start > reached {
                break;
            }
            reached = mapping.end;
            if reached >= end {
                return Ok((first, place));
            }
        }
        Err(Error::BadArgument)
    }

    /// Room for so many bytes, with a page that is never mapped before and behind it.
    fn gap(&self, bytes: u64) -> Option<u64> {
        let mut at = CHOSEN_START;
        let first = self.mappings.partition_point(|mapping| mapping.end <= at);
        for mapping in self.mappings.get(first..)? {
            if mapping.start.checked_sub(at)? >= bytes + PAGE {
                break;
            }
            at = mapping.end + PAGE;
        }
        at.checked_add(bytes).filter(|end| *end < CHOSEN_END).map(|_| at)
    }
}

/// Where the kernel puts what it may put anywhere: behind every program, before the stacks.
const CHOSEN_START: u64 = 1 << 32;
const CHOSEN_END: u64 = USER_END - (1 << 32);

/// More pieces than a program has use for; the list is searched.
const MAPPINGS_MAX: usize = 1024;
