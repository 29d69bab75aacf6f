//! The Merkle tree over the records (RFC 9162 §2.1), and what it proves.
//!
//! A root vouches for every record before it. That a record stands under a root, and that one root
//! is of the same log as a later one, is shown by a few hashes: nobody has to be given the log.
//!
//! # Invariants
//! - Growing by a record costs one hash on average and memory for one hash per level.
//! - A proof that verifies is right, as far as SHA-256 is: lengths and positions are part of it.
//!
//! # Not here
//! Keeping the leaves. Whoever wants to prove something reads them from the log.

use alloc::vec::Vec;

use super::Hash;
use super::hash::{self, Digest};

/// A tree that grows: the roots of its full subtrees, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    leaves_count: u64,
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { leaves_count: 0, subtrees: Vec::new() }
    }

    /// The tree of so many leaves with these subtrees, if their numbers fit each other.
    #[must_use]
    pub fn from_parts(leaves_count: u64, subtrees: Vec<Hash>) -> Option<Self> {
        let fits = leaves_count.count_ones() as usize == subtrees.len();
        fits.then_some(Self { leaves_count, subtrees })
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_by(hash::digest, leaf);
    }

    pub(super) fn push_by(&mut self, digest: Digest, leaf: Hash) {
        let mut subtree = leaf;
        // Every full pair on the right edge becomes one subtree of the next size.
        for _ in 0..self.leaves_count.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                subtree = Hash::node_by(digest, left, subtree);
            }
        }
        self.subtrees.push(subtree);
        self.leaves_count += 1;
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let smallest_first = self.subtrees.iter().rev().copied();
        smallest_first
            .reduce(|right, left| Hash::node(left, right))
            .unwrap_or_else(Hash::empty_tree)
    }

    /// How many leaves it has.
    #[must_use]
    pub const fn leaves_count(&self) -> u64 {
        self.leaves_count
    }

    /// The roots of its full subtrees, the largest first.
    #[must_use]
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }
}

/// The root over these leaves.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    for &leaf in leaves {
        tree.push(leaf);
    }
    tree.root()
}

/// Proves that the leaf at `index` stands under the root over `leaves` (RFC 9162 §2.1.3.1).
/// `None` if there is no such leaf.
///
/// ```
/// use sentinel_core::journal::{Hash, tree};
///
/// let leaves: Vec<Hash> = (0..7).map(|n| Hash([n; 32])).collect();
/// let root = tree::root(&leaves);
/// let proof = tree::inclusion_proof(&leaves, 5).unwrap();
/// assert!(tree::verify_inclusion(leaves[5], 5, 7, &proof, root));
/// assert!(!tree::verify_inclusion(leaves[4], 5, 7, &proof, root));
/// ```
#[must_use]
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    let (mut leaves, mut index) = (leaves, index);
    leaves.get(index)?;
    let mut proof = Vec::new();
    while leaves.len() > 1 {
        let (left, right) = split(leaves);
        if index < left.len() {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            index -= left.len();
            leaves = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// Whether `proof` shows that `leaf` is the one at `index` of the `leaves_count` under `root`
/// (RFC 9162 §2.1.3.2).
#[must_use]
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    leaves_count: u64,
    proof: &[Hash],
    root: Hash,
) -> bool {
    if index >= leaves_count {
        return false;
    }
    let (mut place, mut last) = (index, leaves_count - 1);
    let mut hash = leaf;
    for &neighbour in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = Hash::node(neighbour, hash);
            // On the right edge levels without a partner are skipped.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(hash, neighbour);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Proves that the tree over the first `earlier_count` leaves became the one over all of `leaves`
/// (RFC 9162 §2.1.4.1). `None` if there were no leaves then, or more than now.
#[must_use]
pub fn consistency_proof(leaves: &[Hash], earlier_count: usize) -> Option<Vec<Hash>> {
    if earlier_count == 0 || earlier_count > leaves.len() {
        return None;
    }
    let (mut leaves, mut earlier) = (leaves, earlier_count);
    let mut proof = Vec::new();
    let mut is_known = true;
    while earlier < leaves.len() {
        let (left, right) = split(leaves);
        if earlier <= left.len() {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            earlier -= left.len();
            leaves = right;
            is_known = false;
        }
    }
    if !is_known {
        proof.push(root(leaves));
    }
    proof.reverse();
    Some(proof)
}

/// Whether `proof` shows that the tree with `earlier_root` became the one with `root`
/// (RFC 9162 §2.1.4.2).
#[must_use]
pub fn verify_consistency(
    earlier_count: u64,
    earlier_root: Hash,
    leaves_count: u64,
    root: Hash,
    proof: &[Hash],
) -> bool {
    if earlier_count == 0 || earlier_count > leaves_count {
        return false;
    }
    if earlier_count == leaves_count {
        return proof.is_empty() && earlier_root == root;
    }
    let (mut place, mut last) = (earlier_count - 1, leaves_count - 1);
    let mut proof = proof.iter().copied();
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    // A full tree is its own first node.
    let first = if earlier_count.is_power_of_two() { Some(earlier_root) } else { proof.next() };
    let Some(first) = first else { return false };
    let (mut earlier_hash, mut hash) = (first, first);
    for neighbour in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            earlier_hash = Hash::node(neighbour, earlier_hash);
            hash = Hash::node(neighbour, hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(hash, neighbour);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && earlier_hash == earlier_root && hash == root
}

/// Parts the leaves at the largest power of two that leaves something on the right.
fn split(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    let half = leaves.len().next_power_of_two() / 2;
    leaves.split_at(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 9162 §2.1.1, word by word.
    fn plain_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::empty_tree(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = split(leaves);
                Hash::node(plain_root(left), plain_root(right))
            }
        }
    }

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|n| Hash([n; 32])).collect()
    }

    #[test]
    fn the_growing_tree_is_the_defined_one() {
        for count in 0..70 {
            assert_eq!(root(&leaves(count)), plain_root(&leaves(count)));
        }
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(alloc::string::ToString::to_string(&root(&[])), empty);
    }

    /// Every proof of every tree up to 33 leaves verifies, and no proof verifies for another place,
    /// size, leaf or root, nor with a hash too many, too few or changed.
    #[test]
    fn inclusion_proofs_prove_one_thing() {
        for count in 1..=33 {
            let leaves = leaves(count);
            let root = root(&leaves);
            let total = u64::from(count);
            for (index, &leaf) in leaves.iter().enumerate() {
                let proof = inclusion_proof(&leaves, index).unwrap();
                let place = index as u64;
                assert!(verify_inclusion(leaf, place, total, &proof, root));
                assert!(!verify_inclusion(Hash([99; 32]), place, total, &proof, root));
                assert!(!verify_inclusion(leaf, place, total, &proof, leaf) || count == 1);
                for other in (0..total + 2).filter(|other| *other != place) {
                    assert!(!verify_inclusion(leaf, other, total, &proof, root));
                }
                let mut longer = proof.clone();
                longer.push(root);
                assert!(!verify_inclusion(leaf, place, total, &longer, root));
                for cut in 0..proof.len() {
                    assert!(!verify_inclusion(leaf, place, total, &proof[..cut], root));
                    let mut changed = proof.clone();
                    changed[cut].0[0] ^= 1;
                    assert!(!verify_inclusion(leaf, place, total, &changed, root));
                }
            }
            assert_eq!(inclusion_proof(&leaves, usize::from(count)), None);
        }
    }

    #[test]
    fn consistency_proofs_prove_one_thing() {
        for count in 1..=33_u8 {
            let leaves = leaves(count);
            let now = root(&leaves);
            for earlier in 1..=usize::from(count) {
                let then = root(&leaves[..earlier]);
                let proof = consistency_proof(&leaves, earlier).unwrap();
                let verify = |earlier: u64, then, now, proof: &[Hash]| {
                    verify_consistency(earlier, then, u64::from(count), now, proof)
                };
                let size = earlier as u64;
                assert!(verify(size, then, now, &proof));
                assert!(!verify(size, Hash([99; 32]), now, &proof));
                assert!(!verify(size, then, Hash([99; 32]), &proof));
                for cut in 0..proof.len() {
                    assert!(!verify(size, then, now, &proof[..cut]));
                    let mut changed = proof.clone();
                    changed[cut].0[31] ^= 128;
                    assert!(!verify(size, then, now, &changed));
                }
                let mut longer = proof.clone();
                longer.push(now);
                assert!(!verify(size, then, now, &longer));
            }
            assert_eq!(consistency_proof(&leaves, 0), None);
            assert_eq!(consistency_proof(&leaves, usize::from(count) + 1), None);
        }
    }

    #[test]
    fn a_tree_goes_on_from_its_parts() {
        let all = leaves(45);
        for middle in 0..45 {
            let mut tree = Frontier::new();
            all[..middle].iter().for_each(|leaf| tree.push(*leaf));
            let parts = tree.subtrees().to_vec();
            let mut again = Frontier::from_parts(tree.leaves_count(), parts.clone()).unwrap();
            all[middle..].iter().for_each(|leaf| again.push(*leaf));
            assert_eq!(again.root(), root(&all));
            assert_eq!(Frontier::from_parts(tree.leaves_count() * 2 + 1, parts), None);
        }
    }
}
