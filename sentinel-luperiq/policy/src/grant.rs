//! Who holds what, and from whom it came.
//!
//! Every handle stands for a grant, and every grant knows the one it was made from. So taking
//! back is complete: whatever was made from a grant is found wherever it is, in any process or in
//! a message that nobody has read yet.
//!
//! # Invariants
//! - A grant never has a right that the one it was made from did not have when it was made.
//! - What is made from a grant stays beneath those above it when the grant itself is given up: a
//!   node without holder ties them together as long as there are two of them or more.
//!
//! # Not here
//! The objects, and what becomes of them when nobody holds them: [`crate::System`].

use luperiq_abi::{Error, Handle, Kind, Rights};

use crate::limits::GRANTS_MAX;
use crate::slab::{Key, Slab};

/// Where a grant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// In a process's table.
    Process(Key, Handle),
    /// In a message that waits at this end of a channel.
    Message(Key),
    /// With the kernel: where a job's requests go.
    Kernel,
}

/// What somebody holds.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// The object.
    pub object: Key,
    /// What that is: known without looking at it.
    pub kind: Kind,
    /// Whether a port was ever bound by it.
    pub is_bound: bool,
    /// What may be done with it.
    pub rights: Rights,
    /// Where it is; `None` once it was given up and only ties others together.
    pub holder: Option<Holder>,
    /// The job whose limit it counts against.
    pub job: Key,
    parent: Option<Key>,
    first_child: Option<Key>,
    children_count: u32,
    next: Option<Key>,
    previous: Option<Key>,
}

/// All grants.
#[derive(Debug)]
pub struct Grants {
    slab: Slab<Grant>,
    held_count: usize,
}

impl Default for Grants {
    fn default() -> Self {
        Self::new()
    }
}

impl Grants {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { slab: Slab::new(GRANTS_MAX), held_count: 0 }
    }

    /// Makes sure that so many grants can be added.
    ///
    /// # Errors
    /// The bound is reached, or there is no memory.
    #[inline(always)]
    pub fn reserve(&mut self, count: usize) -> Result<(), Error> {
        if self.held_count + count > crate::limits::HANDLES_MAX {
            return Err(Error::Limit);
        }
        self.slab.reserve(count)
    }

    /// Adds a grant that was made from `parent`, or that the kernel gives.
    ///
    /// # Errors
    /// The bound is reached, there is no memory, or `parent` is gone.
    pub fn add(
        &mut self,
        parent: Option<Key>,
        (object, kind): (Key, Kind),
        rights: Rights,
        holder: Holder,
        job: Key,
    ) -> Result<Key, Error> {
        self.reserve(1)?;
        let siblings = match parent {
            Some(parent) => self.slab.value(parent).ok_or(Error::BadHandle)?.first_child,
            None => None,
        };
        let key = self.slab.insert(Grant {
            object,
            kind,
            is_bound: false,
            rights,
            holder: Some(holder),
            job,
            parent,
            first_child: None,
            children_count: 0,
            next: siblings,
            previous: None,
        })?;
        if let Some(next) = siblings.and_then(|next| self.slab.value_mut(next)) {
            next.previous = Some(key);
        }
        if let Some(parent) = parent.and_then(|parent| self.slab.value_mut(parent)) {
            parent.first_child = Some(key);
            parent.children_count += 1;
        }
        self.held_count += 1;
        Ok(key)
    }

    /// A grant that somebody holds.
    #[must_use]
    #[inline]
    pub fn held(&self, key: Key) -> Option<&Grant> {
        self.slab.value(key).filter(|grant| grant.holder.is_some())
    }

    /// A grant that somebody holds, to be moved.
    #[inline]
    pub(crate) fn held_mut(&mut self, key: Key) -> Option<&mut Grant> {
        self.slab.value_mut(key).filter(|grant| grant.holder.is_some())
    }

    /// Moves a grant.
    pub fn set_holder(&mut self, key: Key, holder: Holder, job: Key) {
        if let Some(grant) = self.slab.value_mut(key)
            && grant.holder.is_some()
        {
            grant.holder = Some(holder);
            grant.job = job;
        }
    }

    /// Moves a grant, which counts as it did.
    #[inline]
    pub(crate) fn send(&mut self, key: Key, holder: Holder) {
        if let Some(grant) = self.held_mut(key) {
            grant.holder = Some(holder);
        }
    }

    /// Leaves a grant only those of its rights that are in `rights`.
    pub fn narrow(&mut self, key: Key, rights: Rights) {
        if let Some(grant) = self.slab.value_mut(key) {
            grant.rights = grant.rights.and(rights);
        }
    }

    /// Gives a grant up, and gives what it was. What was made from it stays.
    pub fn remove(&mut self, key: Key) -> Option<Grant> {
        let grant = *self.held(key)?;
        self.held_count -= 1;
        if let Some(tie) = self.slab.value_mut(key) {
            tie.holder = None;
        }
        self.simplify(key);
        if let Some(parent) = grant.parent {
            self.simplify(parent);
        }
        Some(grant)
    }

    /// Takes back one grant that was made from `top`, directly or not, and gives it. `cursor` is
    /// `top` at first, and remembers where to go on; `None` when nothing is left.
    pub fn revoke_next(&mut self, top: Key, cursor: &mut Key) -> Option<Grant> {
        loop {
            if self.slab.value(*cursor).is_none() {
                *cursor = top;
            }
            while let Some(child) = self.slab.value(*cursor)?.first_child {
                *cursor = child;
            }
            if *cursor == top {
                return None;
            }
            let leaf = *cursor;
            *cursor = self.slab.value(leaf)?.parent?;
            self.unlink(leaf);
            let grant = self.slab.remove(leaf)?;
            if grant.holder.is_some() {
                self.held_count -= 1;
                return Some(grant);
            }
        }
    }

    /// How many places for grants there are.
    #[must_use]
    pub const fn places(&self) -> usize {
        self.slab.places()
    }

    /// The grant in a place, if somebody holds it.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&Grant> {
        self.held(self.slab.key_at(place)?)
    }

    /// How many grants somebody holds.
    #[must_use]
    pub const fn held_count(&self) -> usize {
        self.held_count
    }

    /// How many there are, those included that only tie others together.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.slab.count()
    }

    /// Removes a node that nobody holds and that ties nothing together.
    fn simplify(&mut self, key: Key) {
        let Some(node) = self.slab.value(key).copied() else { return };
        if node.holder.is_some() || node.children_count > 1 {
            return;
        }
        match node.first_child {
            None => {
                self.unlink(key);
                self.slab.remove(key);
            }
            Some(child) => {
                // The only child takes its place among the siblings.
                if let Some(child) = self.slab.value_mut(child) {
                    child.parent = node.parent;
                    child.next = node.next;
                    child.previous = node.previous;
                }
                self.relink(node.parent, node.previous, node.next, Some(child), Some(child));
                self.slab.remove(key);
            }
        }
    }

    /// Takes a node out of its parent's list.
    fn unlink(&mut self, key: Key) {
        let Some(node) = self.slab.value(key).copied() else { return };
        self.relink(node.parent, node.previous, node.next, node.next, node.previous);
        if let Some(parent) = node.parent.and_then(|parent| self.slab.value_mut(parent)) {
            parent.children_count -= 1;
        }
    }

    /// Points the neighbours of a place in a list to what is there now.
    fn relink(
        &mut self,
        parent: Option<Key>,
        previous: Option<Key>,
        next: Option<Key>,
        after: Option<Key>,
        before: Option<Key>,
    ) {
        match previous {
            Some(previous) => {
                if let Some(previous) = self.slab.value_mut(previous) {
                    previous.next = after;
                }
            }
            None => {
                if let Some(parent) = parent.and_then(|parent| self.slab.value_mut(parent)) {
                    parent.first_child = after;
                }
            }
        }
        if let Some(next) = next.and_then(|next| self.slab.value_mut(next)) {
            next.previous = before;
        }
    }
}
