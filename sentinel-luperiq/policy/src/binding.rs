//! What ports watch: which object, by which handle, under which key.
//!
//! Each binding stands in up to three lists: its port's, its object's, and, while the port has to
//! tell of it, the port's row of those that are next. The heads of these lists are with the port
//! and the object.
//!
//! # Invariants
//! - A binding is in its port's list and its object's from when it is made until it is removed.
//! - A place is named by these lists and nowhere else, so it needs no generation: no list has one
//!   that is empty.
//! - Never more of them than the bound; taking one out of a list costs the same wherever it is.
//!
//! # Not here
//! What a binding is worth, and when it goes: [`crate::System`].

use alloc::boxed::Box;

use luperiq_abi::{Error, Handle, Signals};

use crate::limits::BINDINGS_MAX;
use crate::slab::Key;

/// Something that a port watches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) port: Key,
    pub(crate) object: Key,
    /// What it was made by: worth something as long as that process has it under that handle.
    pub(crate) grant: Key,
    pub(crate) process: Key,
    pub(crate) handle: Handle,
    /// The job against whose limit of handles it counts.
    pub(crate) job: Key,
    /// What whoever made it calls it.
    pub(crate) key: u64,
    pub(crate) signals: Signals,
    /// Whether the port has to tell of it.
    pub(crate) is_next: bool,
    pub(crate) links: [Links; 3],
}

/// Where a binding is, or [`NONE`].
pub(crate) type Place = u16;

/// No place.
pub(crate) const NONE: Place = Place::MAX;

/// The neighbours in a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    next: Place,
    previous: Place,
}

/// Which of the lists.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Port,
    Object,
    /// Those that a port tells of next.
    Next,
}

/// Where a list begins and ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(crate) first: Place,
    last: Place,
}

/// All bindings.
#[derive(Debug)]
pub(crate) struct Bindings {
    places: Box<[Option<Binding>]>,
}

impl Links {
    pub(crate) const NONE: Self = Self { next: NONE, previous: NONE };
}

impl Default for List {
    fn default() -> Self {
        Self { first: NONE, last: NONE }
    }
}

impl List {
    pub(crate) const fn is_empty(self) -> bool {
        self.first == NONE
    }
}

impl Bindings {
    pub(crate) fn new() -> Self {
        Self { places: alloc::vec![None; BINDINGS_MAX].into_boxed_slice() }
    }

    /// Where one more can be put.
    pub(crate) fn room(&self) -> Result<Place, Error> {
        let place = self.places.iter().position(Option::is_none);
        place.map(|place| place as Place).ok_or(Error::Limit)
    }

    /// Puts one where there is room; it is in no list yet. Or empties a place, which is in no list
    /// any more.
    pub(crate) fn put(&mut self, at: Place, binding: Option<Binding>) {
        if let Some(place) = self.places.get_mut(usize::from(at)) {
            *place = binding;
        }
    }

    pub(crate) fn at(&self, place: Place) -> Option<&Binding> {
        self.places.get(usize::from(place))?.as_ref()
    }

    fn at_mut(&mut self, place: Place) -> Option<&mut Binding> {
        self.places.get_mut(usize::from(place))?.as_mut()
    }

    /// The one behind another in a list.
    pub(crate) fn next(&self, of: Of, place: Place) -> Place {
        self.at(place).map_or(NONE, |binding| binding.links[of as usize].next)
    }

    /// Says whether it is in the row of those that are next.
    pub(crate) fn set_next(&mut self, place: Place, is_next: bool) {
        if let Some(binding) = self.at_mut(place) {
            binding.is_next = is_next;
        }
    }

    /// Puts one at the end of a list.
    pub(crate) fn append(&mut self, of: Of, list: &mut List, place: Place) {
        let last = core::mem::replace(&mut list.last, place);
        self.link(of, place, Links { next: NONE, previous: last });
        match self.at_mut(last) {
            Some(last) => last.links[of as usize].next = place,
            None => list.first = place,
        }
    }

    /// Takes one out of a list.
    pub(crate) fn unlink(&mut self, of: Of, list: &mut List, place: Place) {
        let Some(binding) = self.at(place) else { return };
        let Links { next, previous } = binding.links[of as usize];
        match self.at_mut(previous) {
            Some(previous) => previous.links[of as usize].next = next,
            None => list.first = next,
        }
        match self.at_mut(next) {
            Some(next) => next.links[of as usize].previous = previous,
            None => list.last = previous,
        }
        self.link(of, place, Links::NONE);
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.places.iter().flatten().count()
    }

    fn link(&mut self, of: Of, place: Place, links: Links) {
        if let Some(binding) = self.at_mut(place) {
            binding.links[of as usize] = links;
        }
    }
}

const _: () = assert!(BINDINGS_MAX < NONE as usize);

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::slab::Slab;

    fn binding(number: u64) -> Binding {
        let mut keys = Slab::new(1);
        let key = keys.insert(()).unwrap();
        Binding {
            port: key,
            object: key,
            grant: key,
            process: key,
            handle: Handle::new(1, 1).unwrap(),
            job: key,
            key: number,
            signals: Signals::READABLE,
            is_next: false,
            links: [Links::NONE; 3],
        }
    }

    /// Against a plain list: whatever is put at the end and taken out anywhere, what is left stands
    /// in its order, seen from both ends, and the other lists do not notice.
    #[test]
    fn a_list_keeps_its_order() {
        arbtest::arbtest(|u| {
            let (mut bindings, mut plain) = (Bindings::new(), Vec::new());
            let (mut list, mut other) = (List::default(), List::default());
            for number in 0..u.int_in_range(0..=40_u64)? {
                if plain.is_empty() || u.ratio(2, 3)? {
                    let place = bindings.room().unwrap();
                    bindings.put(place, Some(binding(number)));
                    bindings.append(Of::Next, &mut list, place);
                    bindings.append(Of::Port, &mut other, place);
                    plain.push(place);
                } else {
                    let place = plain.remove(u.choose_index(plain.len())?);
                    bindings.unlink(Of::Next, &mut list, place);
                    if u.arbitrary()? {
                        bindings.append(Of::Next, &mut list, place);
                        plain.push(place);
                    } else {
                        bindings.unlink(Of::Port, &mut other, place);
                        bindings.put(place, None);
                    }
                }
                let mut at = list.first;
                let forward: Vec<Place> = core::iter::from_fn(|| {
                    let place = Some(at).filter(|place| *place != NONE)?;
                    at = bindings.next(Of::Next, place);
                    Some(place)
                })
                .collect();
                assert_eq!(forward, plain);
                assert_eq!(list.last, plain.last().copied().unwrap_or(NONE));
                assert_eq!(bindings.count(), plain.len());
            }
            Ok(())
        });
    }
}
