//! Messages that wait at one end of a channel.
//!
//! Their bytes lie behind one another in one ring, their handles in another: sending asks for
//! memory only while a channel has not held as much before, and taking gives none back.
//!
//! # Invariants
//! - What was taken stays where it is until something else is put in.
//! - Nothing is put in that room was not made for.

use alloc::vec::Vec;

use luperiq_abi::limits::{CHANNEL_BYTES_MAX, CHANNEL_MESSAGES_MAX};

use crate::slab::Key;

/// Messages in the order in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: Ring<Message>,
    bytes: Ring<u8>,
    /// One that was taken back on the way is there no more.
    grants: Ring<Key>,
}

/// How much of what waits is one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) bytes_count: usize,
    pub(crate) grants_count: usize,
}

/// Bytes that were taken, and are still there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    start: usize,
    pub(crate) count: usize,
}

impl Queue {
    /// How many messages wait.
    pub(crate) const fn len(&self) -> usize {
        self.messages.count
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.messages.count == 0
    }

    pub(crate) const fn bytes_count(&self) -> usize {
        self.bytes.count
    }

    /// Makes room for a message; says whether it fits.
    #[inline(always)]
    pub(crate) fn has_room(&mut self, bytes_count: usize, grants_count: usize) -> bool {
        let has_room = self.messages.count < CHANNEL_MESSAGES_MAX
            && self.bytes.count.wrapping_add(bytes_count) <= CHANNEL_BYTES_MAX
            && self.messages.has_room(1)
            && self.grants.has_room(grants_count)
            && !(self.bytes.count == 0 && self.bytes.places.len() > KEPT_BYTES_MAX)
            && self.bytes.has_room(bytes_count);
        has_room || self.make_room(bytes_count, grants_count)
    }

    /// The same where there is no room yet, or more than is kept.
    #[cold]
    fn make_room(&mut self, bytes_count: usize, grants_count: usize) -> bool {
        if self.messages.count >= CHANNEL_MESSAGES_MAX
            || self.bytes.count + bytes_count > CHANNEL_BYTES_MAX
        {
            return false;
        }
        if self.bytes.count == 0 && self.bytes.places.len() > KEPT_BYTES_MAX {
            self.bytes = Ring::default();
        }
        self.messages.grow(1) && self.grants.grow(grants_count) && self.bytes.grow(bytes_count)
    }

    /// Puts a handle of the next message in.
    #[inline(always)]
    pub(crate) fn push_grant(&mut self, grant: Key) {
        self.grants.push_one(grant);
    }

    /// Puts a message in, whose handles are there already.
    pub(crate) fn push(&mut self, bytes: &[u8], grants_count: usize) {
        self.push_here(bytes, grants_count);
    }

    /// The same, where it is done most.
    #[inline(always)]
    pub(crate) fn push_here(&mut self, bytes: &[u8], grants_count: usize) {
        self.bytes.push(bytes);
        self.messages.push_one(Message { bytes_count: bytes.len(), grants_count });
    }

    /// The next message.
    #[inline(always)]
    pub(crate) fn front(&self) -> Option<Message> {
        self.messages.at(0)
    }

    /// Takes the next message's bytes; its handles are to be taken one by one.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Taken> {
        let message = self.messages.pop_one()?;
        Some(self.bytes.take(message.bytes_count))
    }

    #[inline(always)]
    pub(crate) fn pop_grant(&mut self) -> Option<Key> {
        self.grants.pop_one()
    }

    /// Takes the first bytes of the first message, which came without handles. One that is empty
    /// stays: it says that no more come.
    pub(crate) fn pop_part(&mut self, max: usize) -> Option<Taken> {
        let message = self.messages.places.get_mut(self.messages.start)?;
        if self.messages.count == 0 {
            return None;
        }
        let count = message.bytes_count.min(max);
        message.bytes_count -= count;
        if message.bytes_count == 0 && count > 0 {
            self.messages.pop_one();
        }
        Some(self.bytes.take(count))
    }

    /// The bytes that were taken last.
    #[inline(always)]
    pub(crate) fn taken(&self, taken: Taken) -> [&[u8]; 2] {
        self.bytes.pieces(taken)
    }

    /// The handles of all messages.
    pub(crate) fn grant(&self, place: usize) -> Option<Key> {
        self.grants.at(place)
    }

    /// Forgets everything; gives the handles.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Key> + use<> {
        let mut rest = core::mem::take(self);
        core::iter::from_fn(move || rest.pop_grant())
    }
}

/// Values, the first at `start` and the others behind it, around the end. As many places as a power
/// of two.
#[derive(Debug)]
struct Ring<T> {
    places: Vec<T>,
    start: usize,
    count: usize,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { places: Vec::new(), start: 0, count: 0 }
    }
}

impl<T: Copy + Default> Ring<T> {
    /// What most messages need.
    const PLACES_MIN: usize = BYTES_MIN / size_of::<T>();

    /// Whether there is room for so many more.
    #[inline(always)]
    const fn has_room(&self, more: usize) -> bool {
        self.count.wrapping_add(more) <= self.places.len()
    }

    /// Makes room for so many more.
    fn grow(&mut self, more: usize) -> bool {
        if self.has_room(more) {
            return true;
        }
        // This is seldom, and short rather than fast.
        let places_count = (self.count + more).next_power_of_two().max(Self::PLACES_MIN);
        let mut places = Vec::new();
        if places.try_reserve_exact(places_count).is_err() {
            return false;
        }
        places.extend((0..places_count).map(|number| self.at(number).unwrap_or_default()));
        (self.places, self.start) = (places, 0);
        true
    }

    #[inline(always)]
    fn push(&mut self, values: &[T]) {
        if self.count == 0 {
            self.start = 0;
        }
        let end = self.place(self.count);
        let behind = self.places.get_mut(end..).unwrap_or_default();
        if let Some(place) = behind.get_mut(..values.len()) {
            place.copy_from_slice(values);
        } else {
            self.push_around(end, values);
        }
        self.count = self.count.wrapping_add(values.len());
    }

    #[cold]
    fn push_around(&mut self, end: usize, values: &[T]) {
        let behind = self.places.get_mut(end..).unwrap_or_default();
        let (one, other) = values.split_at(behind.len());
        behind.copy_from_slice(one);
        if let Some(place) = self.places.get_mut(..other.len()) {
            place.copy_from_slice(other);
        }
    }

    #[inline(always)]
    fn push_one(&mut self, value: T) {
        let end = self.place(self.count);
        if let Some(place) = self.places.get_mut(end) {
            *place = value;
            self.count = self.count.wrapping_add(1);
        }
    }

    #[inline(always)]
    fn pop_one(&mut self) -> Option<T> {
        let value = self.at(0)?;
        self.start = self.place(1);
        self.count = self.count.wrapping_sub(1);
        Some(value)
    }

    /// One of those that are there.
    #[inline(always)]
    fn at(&self, number: usize) -> Option<T> {
        match number < self.count {
            true => self.places.get(self.place(number)).copied(),
            false => None,
        }
    }

    #[inline(always)]
    fn take(&mut self, count: usize) -> Taken {
        let taken = Taken { start: self.start, count: count.min(self.count) };
        self.start = self.place(taken.count);
        self.count = self.count.wrapping_sub(taken.count);
        taken
    }

    #[inline(always)]
    fn pieces(&self, taken: Taken) -> [&[T]; 2] {
        let behind = self.places.get(taken.start..).unwrap_or_default();
        match behind.get(..taken.count) {
            Some(all) => [all, &[]],
            None => {
                let rest = taken.count.wrapping_sub(behind.len());
                [behind, self.places.get(..rest).unwrap_or_default()]
            }
        }
    }

    /// So far behind the first: a place is a number of as many bits as the last.
    #[inline(always)]
    const fn place(&self, number: usize) -> usize {
        self.start.wrapping_add(number) & self.places.len().wrapping_sub(1)
    }
}

/// What a ring has at least, a few values of the longest kind.
const BYTES_MIN: usize = 64;

const _: () = assert!(BYTES_MIN / size_of::<Message>() > 1);

/// A ring that was larger is made anew when it is empty.
const KEPT_BYTES_MAX: usize = 1024;

const _: () = assert!(CHANNEL_BYTES_MAX.is_power_of_two());

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;

    use super::*;

    /// Against a plain list of messages, with lengths that go around the ring and make it grow.
    #[test]
    fn what_is_put_in_comes_out_in_order() {
        arbtest::arbtest(|u| {
            let (mut queue, mut plain) = (Queue::default(), VecDeque::new());
            let mut next = 0_u8;
            for _ in 0..u.int_in_range(0..=60)? {
                if u.ratio(3, 5)? {
                    let count = *u.choose(&[0, 1, 8, 63, 64, 100, 1500, 16_384])?;
                    let mut bytes = Vec::new();
                    bytes.resize_with(count, || {
                        next = next.wrapping_mul(5).wrapping_add(1);
                        next
                    });
                    let waiting = plain.iter().map(Vec::len).sum::<usize>();
                    let fits = waiting + count <= CHANNEL_BYTES_MAX;
                    assert_eq!(
                        queue.has_room(count, 0),
                        fits && plain.len() < CHANNEL_MESSAGES_MAX
                    );
                    if fits && plain.len() < CHANNEL_MESSAGES_MAX {
                        queue.push(&bytes, 0);
                        plain.push_back(bytes);
                    }
                } else if u.ratio(1, 4)? {
                    let taken = queue.pop_part(10).map(|taken| queue.taken(taken).concat());
                    let expected = plain.front_mut().map(|front| {
                        let rest = front.split_off(front.len().min(10));
                        core::mem::replace(front, rest)
                    });
                    assert_eq!(taken, expected);
                    let is_done = plain.front().is_some_and(Vec::is_empty);
                    if is_done && expected.is_some_and(|bytes| !bytes.is_empty()) {
                        plain.pop_front();
                    }
                } else {
                    let front = queue.front().map(|message| message.bytes_count);
                    assert_eq!(front, plain.front().map(Vec::len));
                    let taken = queue.pop().map(|taken| queue.taken(taken).concat());
                    assert_eq!(taken, plain.pop_front());
                }
                assert_eq!(queue.bytes_count(), plain.iter().map(Vec::len).sum::<usize>());
                assert_eq!((queue.len(), queue.is_empty()), (plain.len(), plain.is_empty()));
            }
            Ok(())
        });
    }

    #[test]
    fn what_once_was_much_is_given_back() {
        let mut queue = Queue::default();
        assert!(queue.has_room(16_384, 0));
        queue.push(&[7; 16_384], 0);
        assert!(queue.pop().is_some() && queue.has_room(8, 0));
        queue.push(&[1; 8], 0);
        assert_eq!(queue.bytes.places.len(), BYTES_MIN);
    }
}
