//! A map in the order of its keys, of which another one costs little code.
//!
//! `alloc`'s map is a tree whose every step is made anew for each pair of types: some seven
//! kilobytes of code for each of the many small maps of an agent. This one is a list of short
//! sorted lists, and one more of it is a few hundred bytes. It has the same methods, with the same
//! meaning, as far as somebody needs them.
//!
//! # Invariants
//! - Keys ascend strictly, within a list and from one to the next; no list is empty.
//! - No list is longer than [`CHUNK_LENGTH_MAX`], so that putting something in moves that many
//!   entries, and one pointer for as many: a thousandth of what is there at most, whoever chooses
//!   the keys.
//! - Entries that are added in order fill lists to the end.
//!
//! # Not here
//! What a key is compared by: two that compare as equal are one.

use alloc::vec::{self, Vec};
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::ops::{Bound, Index, RangeBounds};
use core::slice;

/// Values by their keys.
#[derive(Clone)]
pub struct Map<K, V> {
    chunks: Vec<Vec<(K, V)>>,
    count: usize,
}

/// Where an entry is, or would be: in which list, and where in it.
#[derive(Clone, Copy, Debug)]
struct Place {
    chunk: usize,
    entry: usize,
}

impl<K, V> Map<K, V> {
    /// One without entries, which takes no memory.
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), count: 0 }
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes all entries out.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// All entries, in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { chunks: self.chunks.iter(), front: [].iter(), back: [].iter() }
    }

    /// All entries, whose values can be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.chunks.iter_mut().flatten().map(|(key, value)| (&*key, value))
    }

    /// All keys.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|entry| entry.0)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|entry| entry.1)
    }

    /// All values, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.chunks.iter_mut().flatten().map(|entry| &mut entry.1)
    }

    /// The values alone.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> {
        self.chunks.into_iter().flatten().map(|entry| entry.1)
    }

    /// The entry with the least key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    /// Takes out the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.take(Place { chunk: 0, entry: 0 }))
    }

    /// Takes out the entry with the greatest key.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let chunk = self.chunks.len().checked_sub(1)?;
        let entry = self.chunks.last()?.len().checked_sub(1)?;
        Some(self.take(Place { chunk, entry }))
    }

    /// Keeps the entries of which this says so.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&K, &mut V) -> bool) {
        self.count = 0;
        self.chunks.retain_mut(|chunk| {
            chunk.retain_mut(|(key, value)| is_kept(key, value));
            self.count += chunk.len();
            !chunk.is_empty()
        });
    }

    /// Takes an entry out that is there.
    fn take(&mut self, place: Place) -> (K, V) {
        let chunk = self.chunks.get_mut(place.chunk).expect("a place that was found");
        let entry = chunk.remove(place.entry);
        match chunk.len() {
            0 => drop(self.chunks.remove(place.chunk)),
            // What is left of a long list does not hold its memory.
            left if left < chunk.capacity() / 4 => chunk.shrink_to(left * 2),
            _ => {}
        }
        self.count -= 1;
        entry
    }

    /// Puts an entry where it belongs, and says where that is now.
    fn put(&mut self, mut place: Place, entry: (K, V)) -> Place {
        self.count += 1;
        let is_last = place.chunk + 1 >= self.chunks.len();
        match self.chunks.get_mut(place.chunk) {
            Some(chunk) if chunk.len() < CHUNK_LENGTH_MAX => chunk.insert(place.entry, entry),
            Some(chunk) if !(is_last && place.entry == chunk.len()) => {
                let half = chunk.split_off(CHUNK_LENGTH_MAX / 2);
                self.chunks.insert(place.chunk + 1, half);
                if place.entry > CHUNK_LENGTH_MAX / 2 {
                    place.chunk += 1;
                    place.entry -= CHUNK_LENGTH_MAX / 2;
                }
                let chunk = self.chunks.get_mut(place.chunk).expect("it was split just now");
                chunk.insert(place.entry, entry);
            }
            // Behind everything: what comes in order fills one list after the other.
            _ => {
                place = Place { chunk: self.chunks.len(), entry: 0 };
                self.chunks.push(Vec::from([entry]));
            }
        }
        place
    }

    /// How many entries each list has room for.
    #[cfg(test)]
    pub(super) fn capacities(&self) -> impl Iterator<Item = usize> {
        self.chunks.iter().map(Vec::capacity)
    }

    fn at(&self, place: Place) -> Option<&(K, V)> {
        self.chunks.get(place.chunk)?.get(place.entry)
    }

    fn at_mut(&mut self, place: Place) -> Option<&mut V> {
        Some(&mut self.chunks.get_mut(place.chunk)?.get_mut(place.entry)?.1)
    }
}

impl<K: Ord, V> Map<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.at(place).map(|entry| &entry.1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        self.at_mut(place)
    }

    /// Whether a key has a value.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Gives a key a value, and returns the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => self.at_mut(place).map(|old| core::mem::replace(old, value)),
            Err(place) => {
                self.put(place, (key, value));
                None
            }
        }
    }

    /// Takes the entry of a key out, and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|entry| entry.1)
    }

    /// Takes the entry of a key out.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.take(place))
    }

    /// The place of a key, looked for once.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        match self.find(&key) {
            Ok(place) => Entry::Occupied(Occupied { map: self, place }),
            Err(place) => Entry::Vacant(Vacant { map: self, place, key }),
        }
    }

    /// The entries whose keys lie in a range. One that ends before it begins is empty.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let behind = |place: Place| Place { entry: place.entry + 1, ..place };
        let start = match range.start_bound() {
            Bound::Unbounded => Place { chunk: 0, entry: 0 },
            Bound::Included(key) => self.find(key).unwrap_or_else(|place| place),
            Bound::Excluded(key) => self.find(key).map_or_else(|place| place, behind),
        };
        let end = match range.end_bound() {
            Bound::Unbounded => Place { chunk: self.chunks.len(), entry: 0 },
            Bound::Included(key) => self.find(key).map_or_else(|place| place, behind),
            Bound::Excluded(key) => self.find(key).unwrap_or_else(|place| place),
        };
        let chunk = |index: usize| self.chunks.get(index).map_or(&[][..], Vec::as_slice);
        let first = chunk(start.chunk);
        if start.chunk == end.chunk {
            let entries = first.get(start.entry..end.entry).unwrap_or_default();
            return Iter { chunks: [].iter(), front: entries.iter(), back: [].iter() };
        }
        let between = self.chunks.get(start.chunk + 1..end.chunk);
        let Some(between) = between else {
            return Iter { chunks: [].iter(), front: [].iter(), back: [].iter() };
        };
        Iter {
            chunks: between.iter(),
            front: first.get(start.entry..).unwrap_or_default().iter(),
            back: chunk(end.chunk).get(..end.entry).unwrap_or_default().iter(),
        }
    }

    /// Where the key is, or where it would be.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        find(
            self.chunks.len(),
            &|chunk| self.chunks.get(chunk).map_or(0, Vec::len),
            // What is asked for is there, so that this is never `Less` for want of an entry.
            &|place| self.at(place).map_or(Ordering::Less, |entry| entry.0.borrow().cmp(key)),
        )
    }
}

/// Where something is, or where it would be, in lists of these lengths whose entries compare with
/// it like this. One function for all maps, whatever is in them.
fn find(
    chunks_count: usize,
    length: &dyn Fn(usize) -> usize,
    compare: &dyn Fn(Place) -> Ordering,
) -> Result<Place, Place> {
    let chunk = match chunks_count {
        0 | 1 => 0,
        // The last list that does not begin behind it; the first one, if all do.
        _ => match search(chunks_count, &|chunk| compare(Place { chunk, entry: 0 })) {
            Ok(chunk) => chunk,
            Err(chunk) => chunk.saturating_sub(1),
        },
    };
    match search(length(chunk), &|entry| compare(Place { chunk, entry })) {
        Ok(entry) => Ok(Place { chunk, entry }),
        Err(entry) => Err(Place { chunk, entry }),
    }
}

/// The number of what compares as equal, or that at which it would stand.
fn search(count: usize, compare: &dyn Fn(usize) -> Ordering) -> Result<usize, usize> {
    let (mut start, mut end) = (0, count);
    while start < end {
        let middle = start + (end - start) / 2;
        match compare(middle) {
            Ordering::Less => start = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => end = middle,
        }
    }
    Err(start)
}

/// The place of a key in a map.
#[derive(Debug)]
pub enum Entry<'a, K, V> {
    /// It has a value.
    Occupied(Occupied<'a, K, V>),
    /// It has none.
    Vacant(Vacant<'a, K, V>),
}

/// The place of a key that has a value.
#[derive(Debug)]
pub struct Occupied<'a, K, V> {
    map: &'a mut Map<K, V>,
    place: Place,
}

/// The place of a key that has none.
#[derive(Debug)]
pub struct Vacant<'a, K, V> {
    map: &'a mut Map<K, V>,
    place: Place,
    key: K,
}

impl<'a, K, V> Entry<'a, K, V> {
    /// The value, or else the one that is given now.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value, or else one that is made now.
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'a mut V {
        match self {
            Self::Occupied(entry) => entry.into_mut(),
            Self::Vacant(entry) => entry.insert(value()),
        }
    }

    /// The value, or else the default one.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<'a, K, V> Occupied<'a, K, V> {
    /// The value.
    pub fn get(&self) -> &V {
        &self.map.at(self.place).expect("a place that was found").1
    }

    /// The value, to be changed.
    pub fn get_mut(&mut self) -> &mut V {
        self.map.at_mut(self.place).expect("a place that was found")
    }

    /// The value, to be changed for as long as the map is lent.
    pub fn into_mut(self) -> &'a mut V {
        self.map.at_mut(self.place).expect("a place that was found")
    }

    /// Takes the entry out, and returns its value.
    pub fn remove(self) -> V {
        self.map.take(self.place).1
    }
}

impl<'a, K, V> Vacant<'a, K, V> {
    /// Gives the key a value.
    pub fn insert(self, value: V) -> &'a mut V {
        let place = self.map.put(self.place, (self.key, value));
        self.map.at_mut(place).expect("it was put there just now")
    }
}

/// Entries of a map, in the order of their keys.
#[derive(Debug)]
pub struct Iter<'a, K, V> {
    chunks: slice::Iter<'a, Vec<(K, V)>>,
    front: slice::Iter<'a, (K, V)>,
    back: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            self.front = match self.chunks.next() {
                Some(chunk) => chunk.iter(),
                None if self.back.len() == 0 => return None,
                None => core::mem::replace(&mut self.back, [].iter()),
            };
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let known = self.front.len() + self.back.len();
        let lists = self.chunks.len();
        (known + lists, Some(known + lists * CHUNK_LENGTH_MAX))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            self.back = match self.chunks.next_back() {
                Some(chunk) => chunk.iter(),
                None if self.front.len() == 0 => return None,
                None => core::mem::replace(&mut self.front, [].iter()),
            };
        }
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        let Self { chunks, front, back } = self;
        Self { chunks: chunks.clone(), front: front.clone(), back: back.clone() }
    }
}

/// Entries of a map that is no more, in the order of their keys.
#[derive(Debug)]
pub struct IntoIter<K, V> {
    chunks: vec::IntoIter<Vec<(K, V)>>,
    front: vec::IntoIter<(K, V)>,
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.front.next() {
                return Some(entry);
            }
            self.front = self.chunks.next()?.into_iter();
        }
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        IntoIter { chunks: self.chunks.into_iter(), front: Vec::new().into_iter() }
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

/// Of entries with the same key the last one counts.
impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const COUNT: usize> From<[(K, V); COUNT]> for Map<K, V> {
    fn from(entries: [(K, V); COUNT]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Borrow<Q> + Ord, Q: Ord + ?Sized, V> Index<&Q> for Map<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("a key that has a value")
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for Map<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self).finish()
    }
}

/// Long enough that thousands of entries are few lists, short enough that a part of one is moved in
/// no time.
const CHUNK_LENGTH_MAX: usize = 128;
