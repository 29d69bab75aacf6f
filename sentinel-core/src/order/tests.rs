//! What is sorted, and a map that does what the standard library's does.

use super::{Entry, Map, Set, sort_by, sort_by_key};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use arbtest::arbitrary::{self, Unstructured};
use arbtest::arbtest;
use core::ops::Bound;

/// Goal: the same as the standard library's stable sort, whatever comes.
#[test]
fn things_are_sorted_and_equal_ones_stay_in_their_order() {
    arbtest(|random| {
        let keys: Vec<u8> = random.arbitrary()?;
        let mut things: Vec<(u8, usize)> =
            keys.iter().enumerate().map(|(index, key)| (key % 16, index)).collect();
        let mut expected = things.clone();
        expected.sort_by_key(|thing| thing.0);
        sort_by_key(&mut things, |thing| thing.0);
        assert_eq!(things, expected);
        sort_by(&mut things, |one, other| other.1.cmp(&one.1));
        expected.sort_by_key(|thing| core::cmp::Reverse(thing.1));
        assert_eq!(things, expected);
        Ok(())
    });
}

/// Goal: whatever is done with it, and however long it gets, it holds what the standard library's
/// map holds, in the same order.
#[test]
fn a_map_does_what_the_standard_librarys_does() {
    arbtest(|random| {
        let (mut ours, mut theirs) = many(random)?;
        for _ in 0..random.int_in_range(0..=64)? {
            let key: u16 = random.int_in_range(0..=KEY_MAX)?;
            let value: u32 = random.arbitrary()?;
            match random.int_in_range(0..=9)? {
                0..=2 => assert_eq!(ours.insert(key, value), theirs.insert(key, value)),
                3..=4 => assert_eq!(ours.remove(&key), theirs.remove(&key)),
                5 => assert_eq!(ours.pop_first(), theirs.pop_first()),
                6 => assert_eq!(ours.pop_last(), theirs.pop_last()),
                7 => {
                    *ours.entry(key).or_default() ^= value;
                    *theirs.entry(key).or_default() ^= value;
                }
                8 => {
                    let modulus = random.int_in_range(1..=50)?;
                    ours.retain(|key, _| !key.is_multiple_of(modulus));
                    theirs.retain(|key, _| !key.is_multiple_of(modulus));
                }
                _ => {
                    ours.iter_mut().for_each(|(key, it)| *it ^= u32::from(*key));
                    theirs.iter_mut().for_each(|(key, it)| *it ^= u32::from(*key));
                }
            }
            assert_eq!(ours.get(&key), theirs.get(&key));
            assert_eq!(ours.contains_key(&key), theirs.contains_key(&key));
        }
        is_well_formed(&ours);
        assert_eq!(ours.len(), theirs.len());
        assert!(ours.iter().eq(theirs.iter()));
        assert!(ours.iter().rev().eq(theirs.iter().rev()));
        assert_eq!(ours.first_key_value(), theirs.first_key_value());
        assert_eq!(ours.last_key_value(), theirs.last_key_value());
        assert!(ours.into_iter().eq(theirs));
        Ok(())
    });
}

/// Goal: a range is what the standard library's is, from either end, and empty instead of a panic
/// where it ends before it begins.
#[test]
fn a_range_has_the_entries_between_its_bounds() {
    arbtest(|random| {
        let (ours, theirs) = many(random)?;
        let bound = |random: &mut Unstructured<'_>| {
            let key: u16 = random.int_in_range(0..=KEY_MAX)?;
            Ok(match random.int_in_range(0..=2)? {
                0 => Bound::Unbounded,
                1 => Bound::Included(key),
                _ => Bound::Excluded(key),
            })
        };
        let range = (bound(random)?, bound(random)?);
        let inside = |key: &u16| core::ops::RangeBounds::contains(&range, key);
        let expected: Vec<_> = theirs.iter().filter(|entry| inside(entry.0)).collect();
        assert!(ours.range(range).eq(expected.iter().copied()));
        assert!(ours.range(range).rev().eq(expected.iter().rev().copied()));
        // From both ends in turn.
        let mut both = ours.range(range);
        let mut left = expected.as_slice();
        while let Some((first, rest)) = left.split_first() {
            assert_eq!(both.next(), Some(*first));
            left = rest;
            if let Some((last, rest)) = left.split_last() {
                assert_eq!(both.next_back(), Some(*last));
                left = rest;
            }
        }
        assert_eq!((both.next(), both.next_back()), (None, None));
        Ok(())
    });
}

#[test]
fn a_set_holds_each_thing_once() {
    arbtest(|random| {
        let (one, other): (Vec<u8>, Vec<u8>) = random.arbitrary()?;
        let ours: Set<u8> = one.iter().copied().collect();
        let theirs: BTreeSet<u8> = one.iter().copied().collect();
        let (our_other, their_other): (Set<u8>, BTreeSet<u8>) =
            (other.iter().copied().collect(), other.iter().copied().collect());
        assert!(ours.iter().eq(theirs.iter()));
        assert_eq!((ours.first(), ours.last()), (theirs.first(), theirs.last()));
        assert!(ours.difference(&our_other).eq(theirs.difference(&their_other)));
        assert!(ours.intersection(&our_other).eq(theirs.intersection(&their_other)));
        assert_eq!(ours.is_subset(&our_other), theirs.is_subset(&their_other));
        assert_eq!(ours == our_other, theirs == their_other);
        Ok(())
    });
}

#[test]
fn a_place_is_filled_and_emptied_where_it_was_found() {
    let mut map: Map<&str, u32> = Map::new();
    let Entry::Vacant(place) = map.entry("a") else { panic!("it is not there") };
    assert_eq!(*place.insert(1), 1);
    let Entry::Occupied(mut place) = map.entry("a") else { panic!("it is there") };
    *place.get_mut() += 1;
    assert_eq!((*place.get(), place.remove(), map.len()), (2, 2, 0));
    assert_eq!(map, Map::default());
}

/// Goal: what comes in order fills its lists, and what goes gives its memory back.
#[test]
fn memory_follows_what_is_there() {
    let mut map: Map<u32, u32> = (0..10_000).map(|key| (key, key)).collect();
    let held = |map: &Map<u32, u32>| map.capacities().sum::<usize>();
    assert!(held(&map) < 10_000 + 128, "{}", held(&map));
    for key in (0..10_000).filter(|key| key % 100 != 0) {
        map.remove(&key);
    }
    assert_eq!(map.len(), 100);
    assert!(held(&map) <= 400, "{}", held(&map));
    is_well_formed(&map);
}

/// The same in both, long enough to have several lists.
fn many(random: &mut Unstructured<'_>) -> arbitrary::Result<(Map<u16, u32>, BTreeMap<u16, u32>)> {
    let (mut ours, mut theirs) = (Map::new(), BTreeMap::new());
    for _ in 0..random.int_in_range(0..=8)? {
        // A run, upwards or downwards.
        let (from, length) = (random.int_in_range(0..=KEY_MAX)?, random.int_in_range(0..=300)?);
        let is_upwards: bool = random.arbitrary()?;
        for step in 0..length {
            let key = if is_upwards { from.saturating_add(step) } else { from.abs_diff(step) };
            assert_eq!(ours.insert(key, u32::from(key)), theirs.insert(key, u32::from(key)));
        }
    }
    Ok((ours, theirs))
}

fn is_well_formed<K: Ord, V>(map: &Map<K, V>) {
    assert!(map.capacities().all(|capacity| capacity > 0));
    assert!(map.keys().zip(map.keys().skip(1)).all(|(one, next)| one < next));
    assert_eq!(map.keys().count(), map.len());
}

const KEY_MAX: u16 = 1000;
