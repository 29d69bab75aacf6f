//! Values under keys that never come to mean another value.
//!
//! # Invariants
//! - A key whose value was removed finds nothing, for ever: a place whose generations are used up
//!   is not filled again.
//! - Never more values than the bound; memory is asked for and its refusal is an error.

use alloc::vec::Vec;

use luperiq_abi::Error;

/// A place, and which of its fillings. The first filling has the number 1: what is made by default
/// finds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// One number for it, as it stands in the record: small as long as little was ever made.
    #[must_use]
    pub const fn number(self) -> u64 {
        (self.generation as u64) << INDEX_BITS | self.index as u64
    }
}

/// Values under keys.
#[derive(Debug)]
pub struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: Option<u32>,
    used_count: usize,
    max: usize,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Full(T),
    Empty { next: Option<u32> },
    Retired,
}

impl<T> Slab<T> {
    /// An empty one for at most `max` values.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { entries: Vec::new(), free: None, used_count: 0, max }
    }

    /// Makes sure that so many values can be inserted.
    ///
    /// # Errors
    /// The bound is reached, or there is no memory.
    #[inline(always)]
    pub fn reserve(&mut self, count: usize) -> Result<(), Error> {
        let has_room = self.entries.capacity().wrapping_sub(self.entries.len()) >= count;
        let is_allowed = self.used_count.wrapping_add(count) <= self.max;
        if has_room && is_allowed { Ok(()) } else { self.grow(count) }
    }

    #[cold]
    fn grow(&mut self, count: usize) -> Result<(), Error> {
        if self.used_count + count > self.max {
            return Err(Error::Limit);
        }
        // Retired places may be among the rest; what is reserved too much is a few bytes.
        self.entries.try_reserve(count).map_err(|_| Error::NoMemory)
    }

    /// Puts a value in.
    ///
    /// # Errors
    /// The bound is reached, or there is no memory.
    pub fn insert(&mut self, value: T) -> Result<Key, Error> {
        self.reserve(1)?;
        let index = match self.free {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.entries.len()).map_err(|_| Error::Limit)?;
                if index >= 1 << INDEX_BITS {
                    return Err(Error::Limit);
                }
                self.entries.push(Entry { generation: 0, state: State::Empty { next: None } });
                index
            }
        };
        let entry = self.entries.get_mut(index as usize).ok_or(Error::NoMemory)?;
        if let State::Empty { next } = entry.state {
            self.free = next;
        }
        entry.generation += 1;
        entry.state = State::Full(value);
        self.used_count += 1;
        Ok(Key { index, generation: entry.generation })
    }

    /// The value of a key.
    #[must_use]
    #[inline]
    pub fn value(&self, key: Key) -> Option<&T> {
        match self.entries.get(key.index as usize) {
            Some(Entry { generation, state: State::Full(value) })
                if *generation == key.generation =>
            {
                Some(value)
            }
            _ => None,
        }
    }

    /// The value of a key, to be changed.
    #[inline]
    pub fn value_mut(&mut self, key: Key) -> Option<&mut T> {
        self.entries.get_mut(key.index as usize)?.value_mut(key)
    }

    /// The values of two keys, which stand in two places, both to be changed.
    #[inline(always)]
    pub(crate) fn pair_mut(&mut self, [one, other]: [Key; 2]) -> Option<[&mut T; 2]> {
        let [first, second] = if one.index < other.index {
            let (start, rest) = self.entries.split_at_mut_checked(other.index as usize)?;
            [start.get_mut(one.index as usize)?, rest.first_mut()?]
        } else {
            let (start, rest) = self.entries.split_at_mut_checked(one.index as usize)?;
            [rest.first_mut()?, start.get_mut(other.index as usize)?]
        };
        Some([first.value_mut(one)?, second.value_mut(other)?])
    }

    /// Takes the value of a key out.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.value(key)?;
        let entry = self.entries.get_mut(key.index as usize)?;
        let state = if entry.generation == u32::MAX {
            State::Retired
        } else {
            State::Empty { next: self.free }
        };
        if matches!(state, State::Empty { .. }) {
            self.free = Some(key.index);
        }
        self.used_count -= 1;
        match core::mem::replace(&mut entry.state, state) {
            State::Full(value) => Some(value),
            _ => None,
        }
    }

    /// The keys of all values, in the order of their places.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        (0..).zip(&self.entries).filter_map(|(index, entry)| {
            matches!(entry.state, State::Full(_))
                .then_some(Key { index, generation: entry.generation })
        })
    }

    /// How many places there are, those without a value included.
    #[must_use]
    pub const fn places(&self) -> usize {
        self.entries.len()
    }

    /// The key of the value in a place.
    #[must_use]
    pub fn key_at(&self, place: usize) -> Option<Key> {
        let entry = self.entries.get(place)?;
        let index = u32::try_from(place).ok()?;
        matches!(entry.state, State::Full(_)).then_some(Key { index, generation: entry.generation })
    }

    /// How many values there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.used_count
    }
}

impl<T> Entry<T> {
    #[inline(always)]
    fn value_mut(&mut self, key: Key) -> Option<&mut T> {
        match &mut self.state {
            State::Full(value) if self.generation == key.generation => Some(value),
            _ => None,
        }
    }
}

/// So many places a key can name.
const INDEX_BITS: u32 = 20;

const _: () = assert!(crate::limits::GRANTS_MAX < 1 << INDEX_BITS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_means_one_value_for_ever() {
        let mut slab = Slab::new(2);
        let first = slab.insert('a').unwrap();
        let second = slab.insert('b').unwrap();
        assert_eq!(slab.insert('c'), Err(Error::Limit));
        assert_eq!(slab.remove(first), Some('a'));
        assert_eq!(slab.remove(first), None);
        let third = slab.insert('c').unwrap();
        assert_eq!((slab.value(first), slab.value(third)), (None, Some(&'c')));
        assert_ne!(first.number(), third.number());
        assert_eq!(slab.keys().collect::<Vec<_>>(), [third, second]);
    }

    #[test]
    fn two_values_are_had_at_once_if_they_are_two() {
        let mut slab = Slab::new(3);
        let (first, second) = (slab.insert('a').unwrap(), slab.insert('b').unwrap());
        let [one, other] = slab.pair_mut([second, first]).unwrap();
        core::mem::swap(one, other);
        assert_eq!((slab.value(first), slab.value(second)), (Some(&'b'), Some(&'a')));
        assert_eq!(slab.pair_mut([first, first]), None);
        slab.remove(second);
        assert_eq!(slab.pair_mut([first, second]), None);
        assert_eq!(slab.pair_mut([second, first]), None);
        assert_eq!(slab.pair_mut([first, Key { index: 2, generation: 1 }]), None);
        assert_eq!(slab.value(Key::default()), None);
    }

    #[test]
    fn a_place_without_generations_is_left_empty() {
        let mut slab = Slab::new(4);
        let first = slab.insert('a').unwrap();
        slab.entries[0].generation = u32::MAX;
        let last = Key { generation: u32::MAX, ..first };
        assert_eq!(slab.remove(last), Some('a'));
        let next = slab.insert('b').unwrap();
        assert_eq!(next.index, 1);
        assert_eq!((slab.value(last), slab.value(first)), (None, None));
    }
}
