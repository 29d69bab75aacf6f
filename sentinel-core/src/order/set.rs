//! A set in the order of what is in it, of which another one costs little code.
//!
//! A [`Map`] without values, with the methods of `alloc`'s set as far as somebody needs them.
//!
//! # Invariants
//! - What is in it is there once.
//!
//! # Not here
//! How it is kept, and what it costs: see [`Map`].

use core::borrow::Borrow;
use core::fmt;
use core::ops::RangeBounds;

use super::map::{self, Entry, Map};

/// Things that are there or not.
#[derive(Clone, Eq, PartialEq)]
pub struct Set<T> {
    things: Map<T, ()>,
}

impl<T> Set<T> {
    /// One with nothing in it, which takes no memory.
    pub const fn new() -> Self {
        Self { things: Map::new() }
    }

    /// How many things are in it.
    pub const fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.things.clear();
    }

    /// All things, in their order.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { entries: self.things.iter() }
    }

    /// The least one.
    pub fn first(&self) -> Option<&T> {
        self.iter().next()
    }

    /// The greatest one.
    pub fn last(&self) -> Option<&T> {
        self.iter().next_back()
    }

    /// Takes the least one out.
    pub fn pop_first(&mut self) -> Option<T> {
        self.things.pop_first().map(|entry| entry.0)
    }

    /// Takes the greatest one out.
    pub fn pop_last(&mut self) -> Option<T> {
        self.things.pop_last().map(|entry| entry.0)
    }

    /// Keeps the things of which this says so.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&T) -> bool) {
        self.things.retain(|thing, ()| is_kept(thing));
    }
}

impl<T: Ord> Set<T> {
    /// Whether it is in it.
    pub fn contains<Q: Ord + ?Sized>(&self, thing: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.things.contains_key(thing)
    }

    /// Puts it in. Says whether it was not there; what was there stays.
    pub fn insert(&mut self, thing: T) -> bool {
        match self.things.entry(thing) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(());
                true
            }
        }
    }

    /// Takes it out, and says whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, thing: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.things.remove(thing).is_some()
    }

    /// The things in a range, in their order.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Iter<'_, T>
    where
        T: Borrow<Q>,
    {
        Iter { entries: self.things.range(range) }
    }

    /// What is in this one and not in the other.
    pub fn difference<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a T> {
        self.iter().filter(|thing| !other.contains(*thing))
    }

    /// What is in both.
    pub fn intersection<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a T> {
        self.iter().filter(|thing| other.contains(*thing))
    }

    /// Whether all that is in this one is in the other, too.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|thing| other.contains(thing))
    }
}

/// Things of a set, in their order.
#[derive(Debug)]
pub struct Iter<'a, T> {
    entries: map::Iter<'a, T, ()>,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|entry| entry.0)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entries.next_back().map(|entry| entry.0)
    }
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone() }
    }
}

/// Things of a set that is no more, in their order.
#[derive(Debug)]
pub struct IntoIter<T> {
    entries: map::IntoIter<T, ()>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.entries.next().map(|entry| entry.0)
    }
}

impl<T> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter { entries: self.things.into_iter() }
    }
}

impl<'a, T> IntoIterator for &'a Set<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Ord> Extend<T> for Set<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, things: I) {
        for thing in things {
            self.insert(thing);
        }
    }
}

impl<T: Ord> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut set = Self::new();
        set.extend(things);
        set
    }
}

impl<T: Ord, const COUNT: usize> From<[T; COUNT]> for Set<T> {
    fn from(things: [T; COUNT]) -> Self {
        things.into_iter().collect()
    }
}

impl<T: fmt::Debug> fmt::Debug for Set<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self).finish()
    }
}
