//! Order that costs little code: one sort for all kinds of things, and a map and a set.
//!
//! The standard library's sorts are made anew for each type and each comparison, some four
//! kilobytes of code every time. Here only places are sorted, by one function for everybody; the
//! things themselves are then put where they belong.
//!
//! # Invariants
//! - Things that compare as equal stay in their order.
//!
//! # Not here
//! Sorting that must not allocate, or that is done for every call.

mod map;
mod set;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::cmp::Ordering;

pub use map::{Entry, IntoIter, Iter, Map, Occupied, Vacant};
pub use set::Set;

/// Sorts by a comparison.
pub fn sort_by<T>(things: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut places = places(things.len(), &mut |one, other| {
        // Both are places of the slice, so this compares what stands there.
        things.get(one).zip(things.get(other)).map_or(Ordering::Equal, |it| compare(it.0, it.1))
    });
    // Follows each circle of things that change places, once.
    for start in 0..places.len() {
        let mut place = start;
        while let Some(entry) = places.get_mut(place) {
            let from = core::mem::replace(entry, place);
            if from == start || from == place {
                break;
            }
            things.swap(place, from);
            place = from;
        }
    }
}

/// Sorts by something of each thing.
pub fn sort_by_key<T, K: Ord>(things: &mut [T], mut key: impl FnMut(&T) -> K) {
    sort_by(things, |one, other| key(one).cmp(&key(other)));
}

/// Which thing belongs to the first place, which to the second, and so on: sorted lists of one,
/// two, four and so on are merged. Whatever is compared, that many steps it takes and no more.
fn places(count: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    let mut merged = Vec::with_capacity(count);
    let mut length = 1;
    while length < count {
        for pair in places.chunks(length * 2) {
            let (mut left, mut right) = pair.split_at(length.min(pair.len()));
            while let (Some((one, rest)), Some((other, others))) =
                (left.split_first(), right.split_first())
            {
                if compare(*one, *other) == Ordering::Greater {
                    merged.push(*other);
                    right = others;
                } else {
                    merged.push(*one);
                    left = rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        core::mem::swap(&mut places, &mut merged);
        merged.clear();
        length *= 2;
    }
    places
}
