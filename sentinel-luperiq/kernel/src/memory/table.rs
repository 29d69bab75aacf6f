//! Translation tables: three levels of 512 descriptors, 4 KiB pages.
//!
//! From the architecture manual, chapter D8, "VMSAv8-64". One type serves the kernel's tree and
//! every program's.
//!
//! # Invariants
//! - A tree owns the frames of its tables, and only its own methods write them.
//! - Nothing is mapped writable and executable; no page of a program is executable for the kernel,
//!   none of the kernel's for a program.

use alloc::vec::Vec;
use core::cell::Cell;

use super::frame::{Frame, Frames};
use super::layout::{PAGE, USER_END};
use super::physical;
use crate::arch;

/// A tree of tables.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Frame,
    tables: Vec<Frame>,
    /// The number and the descriptor of the program's page that was looked at last: a call's bytes,
    /// handles and answer often stand in one. Whatever changes a descriptor forgets it.
    last: Cell<(u64, u64)>,
}

/// Who may do what with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    KernelRead,
    KernelWrite,
    KernelExecute,
    Device,
    UserRead,
    UserWrite,
    UserExecute,
}

impl Access {
    fn attributes(self) -> u64 {
        const MEMORY: u64 = 3 << 8;
        const DEVICE: u64 = 1 << 2;
        const USER: u64 = 1 << 6 | 1 << 11;
        const READ_ONLY: u64 = 1 << 7;
        const NEVER_BY_KERNEL: u64 = 1 << 53;
        const NEVER_BY_USER: u64 = 1 << 54;
        const NEVER: u64 = NEVER_BY_KERNEL | NEVER_BY_USER;
        ACCESSED
            | match self {
                Self::KernelRead => MEMORY | READ_ONLY | NEVER,
                Self::KernelWrite => MEMORY | NEVER,
                Self::KernelExecute => MEMORY | READ_ONLY | NEVER_BY_USER,
                Self::Device => DEVICE | NEVER,
                Self::UserRead => MEMORY | USER | READ_ONLY | NEVER,
                Self::UserWrite => MEMORY | USER | NEVER,
                Self::UserExecute => MEMORY | USER | READ_ONLY | NEVER_BY_KERNEL,
            }
    }
}

/// Two pieces of memory that a program may write. Nothing is mapped otherwise while they are here.
#[derive(Debug)]
pub(crate) struct Rooms<'a> {
    tree: &'a mut Tree,
    rooms: [Room; 2],
}

/// Where one of them begins, and the page in which all of it is; 0 if that is more than one.
#[derive(Clone, Copy, Debug)]
struct Room {
    at: u64,
    page: u64,
}

/// There is no frame left for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoFrame;

impl Tree {
    pub(crate) fn new(frames: &mut Frames) -> Option<Self> {
        Some(Self { root: frames.take()?, tables: Vec::new(), last: Cell::new(NOWHERE) })
    }

    /// Where the machine finds it.
    pub(crate) fn root(&self) -> u64 {
        self.root.physical()
    }

    /// Maps pages, by blocks where all three are aligned to one. What was there is replaced.
    ///
    /// When there is no frame left the first pages may be mapped and the rest is not.
    pub(crate) fn map(
        &mut self,
        frames: &mut Frames,
        mut virtual_: u64,
        mut physical: u64,
        mut bytes: u64,
        access: Access,
    ) -> Result<(), NoFrame> {
        assert!((virtual_ | physical | bytes).is_multiple_of(PAGE), "whole pages only");
        while bytes > 0 {
            // Programs get pages only: a block cannot be taken away by the page.
            let fits = |size: u64| (virtual_ | physical).is_multiple_of(size) && bytes >= size;
            let is_kernel = access.attributes() & 1 << 6 == 0;
            let level = (1..=2).find(|level| is_kernel && fits(size(*level))).unwrap_or(3);
            let leaf = if level == 3 { PAGE_LEAF } else { BLOCK_LEAF };
            let descriptor = physical | access.attributes() | leaf;
            self.slot(frames, virtual_, level, |slot| *slot = descriptor)?;
            virtual_ += size(level);
            physical += size(level);
            bytes -= size(level);
        }
        Ok(())
    }

    /// How many tables it takes to map these pages that are not there yet.
    pub(crate) fn missing_tables(&self, start: u64, end: u64) -> u64 {
        let next = |at: u64, level| (at / size(level) + 1) * size(level);
        let mut missing = 0;
        let mut at = start;
        while at < end {
            // SAFETY: as in `user_page`: the root is a table of this tree.
            let first = unsafe { physical::table(self.root.physical()) }[index(at, 1)];
            if first & 1 == 0 {
                let stop = end.min(next(at, 1));
                missing += 1 + stop.div_ceil(size(2)) - at / size(2);
                at = stop;
            } else {
                // SAFETY: as in `user_page`: it was read from a table of this tree.
                let second = unsafe { physical::table(first & ADDRESS) }[index(at, 2)];
                missing += u64::from(second & 1 == 0);
                at = next(at, 2);
            }
        }
        missing
    }

    /// Bytes of its tables.
    pub(crate) fn table_bytes(&self) -> u64 {
        (self.tables.len() as u64 + 1) * PAGE
    }

    /// Takes a page away and says where it was, if it was mapped. The caller flushes.
    pub(crate) fn unmap(&mut self, virtual_: u64) -> Option<u64> {
        self.leaf(virtual_, |slot| {
            let physical = *slot & ADDRESS;
            *slot = 0;
            physical
        })
    }

    /// Changes what may be done with a mapped page. The caller flushes.
    pub(crate) fn protect(&mut self, virtual_: u64, access: Access) -> Option<()> {
        self.leaf(virtual_, |slot| *slot = *slot & ADDRESS | access.attributes() | PAGE_LEAF)
    }

    /// Copies what a program has at an address, if it may read all of it.
    #[inline(always)]
    pub(crate) fn read_user(&self, at: u64, out: &mut [u8]) -> Option<()> {
        if out.is_empty() {
            return Some(());
        }
        if at % PAGE + out.len() as u64 > PAGE {
            return self.read_pages(at, out);
        }
        let page = self.user_page(at, false)?;
        let offset = (at % PAGE) as usize;
        // SAFETY: `user_page` found a page of this program; frames that a program sees belong to a
        // memory object, and nobody holds a reference into one while we copy.
        let source = unsafe { physical::page(page) };
        out.copy_from_slice(source.0.get(offset..offset + out.len())?);
        Some(())
    }

    /// The same from more pages than one.
    #[cold]
    fn read_pages(&self, at: u64, out: &mut [u8]) -> Option<()> {
        let mut at = at;
        let mut rest = out;
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let (part, others) = rest.split_at_mut(rest.len().min(PAGE as usize - offset));
            self.read_user(at, part)?;
            at = at.checked_add(part.len() as u64)?;
            rest = others;
        }
        Some(())
    }

    /// What a program has at an address, if it may read all of it: where it stands, if that is one
    /// page, and else copied.
    #[inline(always)]
    pub(crate) fn view_user<'a>(
        &'a self,
        at: u64,
        bytes: usize,
        copy: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        if bytes == 0 {
            return Some(&[]);
        }
        let offset = (at % PAGE) as usize;
        if offset + bytes > PAGE as usize {
            let copy = copy.get_mut(..bytes)?;
            self.read_pages(at, copy)?;
            return Some(copy);
        }
        let page = self.user_page(at, false)?;
        // SAFETY: `user_page` found a page of this program; frames that a program sees belong to a
        // memory object. While we are borrowed nobody writes into one: programs do not run, and
        // the kernel writes there by `&mut` of a tree in the list of all processes, of which it
        // never has two parts at once.
        unsafe { physical::read_page(page) }.0.get(offset..offset + bytes)
    }

    /// Two pieces of memory that a program may write, to be written later.
    #[inline(always)]
    pub(crate) fn rooms(&mut self, [one, other]: [(u64, u64); 2]) -> Option<Rooms<'_>> {
        let rooms = [self.room(one.0, one.1)?, self.room(other.0, other.1)?];
        Some(Rooms { tree: self, rooms })
    }

    /// Room of a program's, all of which it may write.
    #[inline(always)]
    fn room(&self, at: u64, bytes: u64) -> Option<Room> {
        if bytes == 0 {
            return Some(Room { at, page: 0 });
        }
        let last = at.checked_add(bytes - 1).filter(|last| *last < USER_END)?;
        if last / PAGE != at / PAGE {
            self.check_pages(at, last, true)?;
            return Some(Room { at, page: 0 });
        }
        Some(Room { at, page: self.user_page(at, true)? })
    }

    /// Copies to an address of a program, if it may write all of it; else nothing is written.
    #[inline(always)]
    pub(crate) fn write_user(&mut self, at: u64, bytes: &[u8]) -> Option<()> {
        if bytes.is_empty() {
            return Some(());
        }
        // Within one page nothing is written before it is known that all can be.
        if at % PAGE + bytes.len() as u64 > PAGE {
            return self.write_pages(at, bytes);
        }
        let page = self.user_page(at, true)?;
        let offset = (at % PAGE) as usize;
        // SAFETY: as in `read_user`.
        let target = unsafe { physical::page(page) };
        target.0.get_mut(offset..offset + bytes.len())?.copy_from_slice(bytes);
        Some(())
    }

    /// The same to more pages than one.
    #[cold]
    fn write_pages(&mut self, at: u64, bytes: &[u8]) -> Option<()> {
        self.check_user(at, bytes.len() as u64, true)?;
        let mut at = at;
        let mut rest = bytes;
        while !rest.is_empty() {
            let offset = (at % PAGE) as usize;
            let (part, others) = rest.split_at(rest.len().min(PAGE as usize - offset));
            self.write_user(at, part)?;
            at += part.len() as u64;
            rest = others;
        }
        Some(())
    }

    /// Whether a program may read, or write, all of these bytes.
    #[inline(always)]
    pub(crate) fn check_user(&self, at: u64, bytes: u64, is_write: bool) -> Option<()> {
        if bytes == 0 {
            return Some(());
        }
        let last = at.checked_add(bytes - 1).filter(|last| *last < USER_END)?;
        if last / PAGE == at / PAGE {
            return self.user_page(at, is_write).map(drop);
        }
        self.check_pages(at, last, is_write)
    }

    #[cold]
    fn check_pages(&self, at: u64, last: u64, is_write: bool) -> Option<()> {
        let mut pages = at / PAGE..=last / PAGE;
        pages.try_for_each(|page| self.user_page(page * PAGE, is_write).map(drop))
    }

    /// Makes what a program wrote into a page visible to the instruction fetch.
    pub(crate) fn synchronize_user(&self, virtual_: u64) {
        if let Some(page) = self.user_page(virtual_, false) {
            // SAFETY: as in `read_user`.
            arch::synchronize_code(&unsafe { physical::page(page) }.0);
        }
    }

    /// Where a program's page is, if the program may read it, or write it too.
    #[inline(always)]
    fn user_page(&self, virtual_: u64, is_write: bool) -> Option<u64> {
        let (number, last) = self.last.get();
        let page = if number == virtual_ / PAGE { last } else { self.user_leaf(virtual_)? };
        // It is there and the program's; and it is not only to be read, if it is to be written.
        let wanted = 1 | 1 << 6;
        let looked_at = wanted | u64::from(is_write) << 7;
        (page & looked_at == wanted).then_some(page & ADDRESS)
    }

    /// The descriptor of a program's page.
    #[inline(never)]
    fn user_leaf(&self, virtual_: u64) -> Option<u64> {
        if virtual_ >= USER_END {
            return None;
        }
        // SAFETY: `table` is the root or was read from a table of this tree, whose descriptors
        // lead only to tables of this tree; we hold `&self`, and the reference ends here.
        let slot = |table, level| unsafe { physical::table(table) }[index(virtual_, level)];
        let first = slot(self.root.physical(), 1);
        if first & 1 == 0 {
            return None;
        }
        let second = slot(first & ADDRESS, 2);
        if second & 1 == 0 {
            return None;
        }
        let page = slot(second & ADDRESS, 3);
        self.last.set((virtual_ / PAGE, page));
        Some(page)
    }

    /// Gives all frames of the tables back; what they led to is others'.
    pub(crate) fn release(self, frames: &mut Frames) {
        self.tables.into_iter().chain([self.root]).for_each(|frame| frames.give(frame));
    }

    /// The descriptor for an address at a level, with the tables above it made as needed.
    fn slot(
        &mut self,
        frames: &mut Frames,
        virtual_: u64,
        leaf_level: u32,
        change: impl FnOnce(&mut u64),
    ) -> Result<(), NoFrame> {
        self.last.set(NOWHERE);
        let mut table = self.root.physical();
        for level in 1..leaf_level {
            // SAFETY: as in `user_page`, with `&mut self`.
            let slot = &mut unsafe { physical::table(table) }[index(virtual_, level)];
            if *slot & 1 == 0 {
                let frame = frames.take().ok_or(NoFrame)?;
                *slot = frame.physical() | TABLE;
                self.tables.push(frame);
            }
            assert!(*slot & 2 != 0, "a block where a table is needed");
            table = *slot & ADDRESS;
        }
        // SAFETY: as in `user_page`, with `&mut self`.
        change(&mut unsafe { physical::table(table) }[index(virtual_, leaf_level)]);
        Ok(())
    }

    /// The descriptor of a page that is mapped.
    fn leaf<T>(&mut self, virtual_: u64, change: impl FnOnce(&mut u64) -> T) -> Option<T> {
        self.last.set(NOWHERE);
        let mut table = self.root.physical();
        for level in 1..=3 {
            // SAFETY: as in `user_page`, with `&mut self`.
            let slot = &mut unsafe { physical::table(table) }[index(virtual_, level)];
            match (*slot & 1, level) {
                (0, _) => return None,
                (_, 3) => return Some(change(slot)),
                _ => table = *slot & ADDRESS,
            }
        }
        None
    }
}

impl Rooms<'_> {
    /// Copies into one of them, so far behind its start, and no further than its end.
    #[inline(always)]
    pub(crate) fn fill(&mut self, place: usize, behind: u64, bytes: &[u8]) -> Option<()> {
        let room = self.rooms.get(place)?;
        let at = room.at.wrapping_add(behind);
        let offset = (at % PAGE) as usize;
        if room.page == 0 || at / PAGE != room.at / PAGE || offset + bytes.len() > PAGE as usize {
            return self.tree.write_user(at, bytes);
        }
        // SAFETY: as in `read_user`; the tree that it was found in is borrowed since, so that the
        // page is still the program's.
        let target = unsafe { physical::page(room.page) };
        target.0.get_mut(offset..offset + bytes.len())?.copy_from_slice(bytes);
        Some(())
    }
}

/// Bytes that one descriptor of a level stands for.
fn size(level: u32) -> u64 {
    PAGE << (9 * (3 - level))
}

fn index(virtual_: u64, level: u32) -> usize {
    (virtual_ >> (12 + 9 * (3 - level)) & 511) as usize
}

/// No page of a program has this number.
const NOWHERE: (u64, u64) = (u64::MAX, 0);

const TABLE: u64 = 3;
const PAGE_LEAF: u64 = 3;
const BLOCK_LEAF: u64 = 1;
const ACCESSED: u64 = 1 << 10;
const ADDRESS: u64 = 0x0000_ffff_ffff_f000;
