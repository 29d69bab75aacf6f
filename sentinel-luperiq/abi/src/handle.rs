//! A handle: the only way in which a program can mean something outside its own memory.
//!
//! # Invariants
//! - 0 is no handle: a slot's first generation is 1.
//! - A number means one slot of one process at one time. When the slot is filled again its
//!   generation is another, so an old number never means a new thing.
//!
//! # Not here
//! The table in which slots are: `luperiq-policy`.

use core::fmt;
use core::num::NonZeroU32;

/// Which slot of the process's table, and which of the slot's fillings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// The handle of a slot; `None` for numbers that no slot or generation has.
    #[must_use]
    pub const fn new(index: u32, generation: u32) -> Option<Self> {
        if index > Self::INDEX_MAX || generation == 0 || generation > Self::GENERATION_MAX {
            return None;
        }
        match NonZeroU32::new(generation << INDEX_BITS | index) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// What a register holds. `None` for 0, for more than 32 bits and for generation 0.
    #[must_use]
    pub const fn from_register(register: u64) -> Option<Self> {
        if register > u32::MAX as u64 {
            return None;
        }
        let number = register as u32;
        Self::new(number & Self::INDEX_MAX, number >> INDEX_BITS)
    }

    /// The number that a register holds.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// The slot.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0.get() & Self::INDEX_MAX
    }

    /// The slot's filling.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.0.get() >> INDEX_BITS
    }

    /// The last slot that a handle can mean.
    pub const INDEX_MAX: u32 = (1 << INDEX_BITS) - 1;
    /// The last filling that a handle can mean. A slot that had it is not filled again.
    pub const GENERATION_MAX: u32 = (1 << (32 - INDEX_BITS)) - 1;
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "handle {}.{}", self.index(), self.generation())
    }
}

/// 4096 slots are more than a program here has use for, and leave a million fillings each.
const INDEX_BITS: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_register_holds_is_the_handle_or_none() {
        for (index, generation) in
            [(0, 1), (7, 3), (Handle::INDEX_MAX, 1), (0, Handle::GENERATION_MAX)]
        {
            let handle = Handle::new(index, generation).unwrap();
            assert_eq!((handle.index(), handle.generation()), (index, generation));
            assert_eq!(Handle::from_register(u64::from(handle.number())), Some(handle));
            assert_eq!(Handle::from_register(u64::from(handle.number()) | 1 << 32), None);
        }
        assert_eq!(Handle::new(0, 0), None);
        assert_eq!(Handle::new(Handle::INDEX_MAX + 1, 1), None);
        assert_eq!(Handle::new(0, Handle::GENERATION_MAX + 1), None);
        for index in 0..=u64::from(Handle::INDEX_MAX) {
            assert_eq!(Handle::from_register(index), None, "generation 0");
        }
    }
}
