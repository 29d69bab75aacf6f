//! Finding a key that stands twice in one object.
//!
//! Two readers of `{"path":"a","path":"b"}` may each see another path, so where policy is decided
//! from a document such an object is refused. The check runs once for each object, when it closes.
//!
//! # Invariants
//! - Exact: a key is reported if and only if an equal one stands before it.
//! - An object of *n* keys takes O(n log n) comparisons whatever the keys are. The cheap test that
//!   makes ordinary objects fast only decides *whether* to compare; it can be attacked, and then
//!   costs no more than the sort.

use alloc::vec::Vec;

use super::error::{Failure, FailureKind};
use super::nodes::{Node, NodeKind, Nodes};

/// Up to this many keys an object is checked with a fingerprint for each key; above, by sorting.
const FINGERPRINT_KEYS_MAX: usize = 64;

/// Scratch memory of the check, kept between objects.
#[derive(Debug, Default)]
pub(super) struct Finder {
    keys: Vec<u32>,
}

impl Finder {
    /// Checks the object at `object`, whose members are the last nodes of the list.
    #[inline]
    pub(super) fn check(
        &mut self,
        text: &str,
        nodes: &Nodes,
        object: usize,
    ) -> Result<(), Failure> {
        self.keys.clear();
        let mut index = object + 1;
        while index < nodes.list.len() {
            self.keys.push(index as u32);
            index = nodes.after(index + 1);
        }
        let duplicate = match self.keys.len() {
            0..=1 => None,
            2..=4 => self.compare_all(text, nodes),
            5..=FINGERPRINT_KEYS_MAX => self.compare_alike(text, nodes),
            _ => self.sort(text, nodes),
        };
        duplicate.map_or(Ok(()), |(first, again)| {
            let offset = |key: u32| nodes.list[key as usize].start as usize - 1;
            let kind = FailureKind::DuplicateKey { first: offset(first) };
            Err(Failure { kind, offset: offset(again) })
        })
    }

    fn compare_all(&self, text: &str, nodes: &Nodes) -> Option<(u32, u32)> {
        (1..self.keys.len()).find_map(|count| self.find_before(text, nodes, count))
    }

    /// Compares only keys whose fingerprints share a bit.
    fn compare_alike(&self, text: &str, nodes: &Nodes) -> Option<(u32, u32)> {
        let mut seen = [0_u64; 16];
        for (count, &key) in self.keys.iter().enumerate() {
            let fingerprint = fingerprint(text, nodes, &nodes.list[key as usize]);
            let word = &mut seen[(fingerprint >> 60) as usize];
            let bit = 1_u64 << (fingerprint >> 54 & 63);
            if *word & bit != 0
                && let Some(found) = self.find_before(text, nodes, count)
            {
                return Some(found);
            }
            *word |= bit;
        }
        None
    }

    /// Compares the key number `count` with all before it.
    fn find_before(&self, text: &str, nodes: &Nodes, count: usize) -> Option<(u32, u32)> {
        let again = self.keys[count];
        let value = nodes.string(text, &nodes.list[again as usize]);
        let is_equal = |&&first: &&u32| nodes.string(text, &nodes.list[first as usize]) == value;
        self.keys[..count].iter().find(is_equal).map(|&first| (first, again))
    }

    /// Sorts the keys; equal ones become neighbours, in the order of the text.
    fn sort(&mut self, text: &str, nodes: &Nodes) -> Option<(u32, u32)> {
        let value = |key: u32| nodes.string(text, &nodes.list[key as usize]);
        self.keys.sort_unstable_by(|&a, &b| value(a).cmp(value(b)).then(a.cmp(&b)));
        let equal = self.keys.windows(2).filter(|pair| value(pair[0]) == value(pair[1]));
        equal.map(|pair| (pair[0], pair[1])).min_by_key(|&(_, again)| again)
    }
}

/// A number that is equal for equal keys, and mostly different for different ones.
#[inline]
fn fingerprint(text: &str, nodes: &Nodes, key: &Node) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (bytes, start, end) = if key.kind == NodeKind::Escaped {
        let value = nodes.string(text, key).as_bytes();
        (value, 0, value.len())
    } else {
        (text.as_bytes(), key.start as usize, key.end as usize)
    };
    let length = end - start;
    let load = |at: usize| {
        bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<8>())
            .map(|word| u64::from_le_bytes(*word))
    };
    let (head, tail) = if length >= 8 {
        (load(start).unwrap_or(0), load(end - 8).unwrap_or(0))
    } else {
        // The bytes after a short key are masked away.
        let word = load(start).unwrap_or_else(|| {
            bytes[start..end].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
        });
        (word & !(u64::MAX << (8 * length)), 0)
    };
    let mixed = (head ^ tail.rotate_left(31) ^ length as u64).wrapping_mul(SPREAD);
    (mixed ^ mixed >> 32).wrapping_mul(SPREAD)
}
