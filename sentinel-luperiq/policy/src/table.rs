//! The handles of one process.
//!
//! # Invariants
//! - A number that was given up, taken back and closed, or never given finds nothing, for ever: a
//!   slot whose generations are used up is retired.
//! - A handle that was taken back by somebody else is told from one that never was: using the first
//!   is bad luck, using the second is misuse.

use alloc::vec::Vec;

use luperiq_abi::{Error, Handle};

use crate::limits::TABLE_SLOTS_MAX;
use crate::slab::Key;

/// The handles of one process: each stands for a grant.
#[derive(Debug, Default)]
pub struct Table {
    slots: Vec<Slot>,
    free: Option<u32>,
    /// Slots that hold a handle, or one that was taken back.
    used_count: usize,
    retired_count: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    generation: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free { next: Option<u32> },
    Held(Key),
    Revoked,
    Retired,
}

impl Table {
    /// A table without handles.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new(), free: None, used_count: 0, retired_count: 0 }
    }

    /// Makes sure that so many handles can be inserted.
    ///
    /// # Errors
    /// The table is full, or there is no memory.
    #[inline(always)]
    pub fn reserve(&mut self, count: usize) -> Result<(), Error> {
        let used_count = self.used_count.wrapping_add(self.retired_count).wrapping_add(count);
        let has_room = self.slots.capacity().wrapping_sub(self.slots.len()) >= count;
        if has_room && used_count <= TABLE_SLOTS_MAX { Ok(()) } else { self.grow(count) }
    }

    #[cold]
    fn grow(&mut self, count: usize) -> Result<(), Error> {
        if self.used_count + self.retired_count + count > TABLE_SLOTS_MAX {
            return Err(Error::Limit);
        }
        self.slots.try_reserve(count).map_err(|_| Error::NoMemory)
    }

    /// Puts a grant in.
    ///
    /// # Errors
    /// The table is full, or there is no memory.
    #[inline(always)]
    pub fn insert(&mut self, grant: Key) -> Result<Handle, Error> {
        let index = match self.free {
            // Those that are used and those that are retired are fewer than there are slots.
            Some(index) => index,
            None => {
                self.reserve(1)?;
                let index = u32::try_from(self.slots.len()).map_err(|_| Error::Limit)?;
                self.slots.push(Slot { generation: 0, state: State::Free { next: None } });
                index
            }
        };
        let slot = self.slots.get_mut(index as usize).ok_or(Error::NoMemory)?;
        let handle = Handle::new(index, slot.generation.wrapping_add(1)).ok_or(Error::Limit)?;
        if let State::Free { next } = slot.state {
            self.free = next;
        }
        *slot = Slot { generation: handle.generation(), state: State::Held(grant) };
        self.used_count += 1;
        Ok(handle)
    }

    /// What a handle stands for.
    ///
    /// # Errors
    /// [`Error::Revoked`] if it was taken back, [`Error::BadHandle`] if there is none such.
    #[inline(always)]
    pub fn find(&self, handle: Handle) -> Result<Key, Error> {
        match self.slots.get(handle.index() as usize) {
            Some(slot) if slot.generation == handle.generation() => match slot.state {
                State::Held(grant) => Ok(grant),
                State::Revoked => Err(Error::Revoked),
                State::Free { .. } | State::Retired => Err(Error::BadHandle),
            },
            _ => Err(Error::BadHandle),
        }
    }

    /// Takes a handle out, and gives what it stood for: nothing, if it was taken back.
    ///
    /// # Errors
    /// [`Error::BadHandle`] if there is none such.
    pub fn remove(&mut self, handle: Handle) -> Result<Option<Key>, Error> {
        self.remove_here(handle)
    }

    /// The same, where it is done most.
    #[inline(always)]
    pub(crate) fn remove_here(&mut self, handle: Handle) -> Result<Option<Key>, Error> {
        let grant = match self.find(handle) {
            Ok(grant) => Some(grant),
            Err(Error::Revoked) => None,
            Err(error) => return Err(error),
        };
        let free = self.free;
        let slot = self.slots.get_mut(handle.index() as usize).ok_or(Error::BadHandle)?;
        if handle.generation() == Handle::GENERATION_MAX {
            slot.state = State::Retired;
            self.retired_count += 1;
        } else {
            slot.state = State::Free { next: free };
            self.free = Some(handle.index());
        }
        self.used_count -= 1;
        Ok(grant)
    }

    /// Marks a handle as taken back. It stays in its slot until the process closes it.
    pub fn revoke(&mut self, handle: Handle) {
        if self.find(handle).is_ok()
            && let Some(slot) = self.slots.get_mut(handle.index() as usize)
        {
            slot.state = State::Revoked;
        }
    }

    /// Takes out any handle that is left, and gives what it stood for; `None` when all are gone.
    /// A table that was emptied so costs as much as it had slots.
    pub fn drain(&mut self) -> Option<Key> {
        while let Some(slot) = self.slots.pop() {
            if let State::Held(grant) = slot.state {
                return Some(grant);
            }
        }
        *self = Self::new();
        None
    }

    /// What stands in a slot, if anything; `None` after the last slot.
    #[must_use]
    pub fn at(&self, index: u32) -> Option<Option<Key>> {
        let slot = self.slots.get(index as usize)?;
        match slot.state {
            State::Held(grant) => Some(Some(grant)),
            _ => Some(None),
        }
    }

    /// How many handles it has, those that were taken back and not closed included.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.used_count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Slab;

    fn grant() -> Key {
        Slab::new(1).insert(()).unwrap()
    }

    #[test]
    fn an_old_number_finds_nothing() {
        let mut table = Table::new();
        let first = table.insert(grant()).unwrap();
        assert_eq!(table.find(first), Ok(grant()));
        assert_eq!(table.remove(first), Ok(Some(grant())));
        assert_eq!(table.remove(first), Err(Error::BadHandle), "closed twice");
        let second = table.insert(grant()).unwrap();
        assert_eq!((second.index(), second.generation()), (first.index(), first.generation() + 1));
        assert_eq!(table.find(first), Err(Error::BadHandle));
        assert_eq!(table.count(), 1);
    }

    #[test]
    fn what_was_taken_back_says_so_until_it_is_closed() {
        let mut table = Table::new();
        let handle = table.insert(grant()).unwrap();
        table.revoke(handle);
        assert_eq!(table.find(handle), Err(Error::Revoked));
        assert_eq!(table.remove(handle), Ok(None));
        assert_eq!(table.find(handle), Err(Error::BadHandle));
        table.revoke(handle);
        assert_eq!(table.find(handle), Err(Error::BadHandle));
        assert_eq!(table.count(), 0);
    }

    #[test]
    fn a_slot_without_generations_is_retired() {
        let mut table = Table::new();
        let first = table.insert(grant()).unwrap();
        table.slots[0].generation = Handle::GENERATION_MAX;
        let last = Handle::new(first.index(), Handle::GENERATION_MAX).unwrap();
        assert_eq!(table.remove(last), Ok(Some(grant())));
        let next = table.insert(grant()).unwrap();
        assert_eq!(next.index(), 1, "the first slot is not filled again");
        assert_eq!(table.find(last), Err(Error::BadHandle));
        assert_eq!(table.find(first), Err(Error::BadHandle));
        for count in 1..TABLE_SLOTS_MAX - 1 {
            assert!(table.insert(grant()).is_ok(), "{count}");
        }
        assert_eq!(table.insert(grant()), Err(Error::Limit), "a retired slot counts");
    }
}
