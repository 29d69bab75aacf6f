//! Messages that wait at one end of a channel.
//!
//! Their bytes lie behind one another in one ring, their handles in another: sending asks for
//! memory only while a channel has not held as much before, and taking gives none back.
//!
//! # Invariants
//! - What was taken stays where it is until something else is put in.
//! - Nothing is put in that room was not made for.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use luperiq_abi::limits::{CHANNEL_BYTES_MAX, CHANNEL_MESSAGES_MAX};

use crate::slab::Key;

/// Messages in the order in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: VecDeque<Message>,
    bytes: Ring,
    /// One that was taken back on the way is there no more.
    grants: VecDeque<Key>,
}

/// How much of what waits is one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) const fn bytes_count(&self) -> usize {
        self.bytes.count
    }

    /// Makes room for a message; says whether it fits.
    #[inline(always)]
    pub(crate) fn has_room(&mut self, bytes_count: usize, grants_count: usize) -> bool {
        self.messages.len() < CHANNEL_MESSAGES_MAX
            && self.bytes.count + bytes_count <= CHANNEL_BYTES_MAX
            && (self.messages.len() < self.messages.capacity()
                || self.messages.try_reserve(1).is_ok())
            && (self.grants.len() + grants_count <= self.grants.capacity()
                || self.grants.try_reserve(grants_count).is_ok())
            && self.bytes.has_room(bytes_count)
    }

    /// Puts a handle of the next message in.
    pub(crate) fn push_grant(&mut self, grant: Key) {
        self.grants.push_back(grant);
    }

    /// Puts a message in, whose handles are there already.
    pub(crate) fn push(&mut self, bytes: &[u8], grants_count: usize) {
        self.bytes.push(bytes);
        self.messages.push_back(Message { bytes_count: bytes.len(), grants_count });
    }

    /// The next message.
    pub(crate) fn front(&self) -> Option<Message> {
        self.messages.front().copied()
    }

    /// Takes the next message's bytes; its handles are to be taken one by one.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Taken> {
        let message = self.messages.pop_front()?;
        Some(self.bytes.take(message.bytes_count))
    }

    pub(crate) fn pop_grant(&mut self) -> Option<Key> {
        self.grants.pop_front()
    }

    /// Takes the first bytes of the first message, which came without handles. One that is empty
    /// stays: it says that no more come.
    pub(crate) fn pop_part(&mut self, max: usize) -> Option<Taken> {
        let message = self.messages.front_mut()?;
        let count = message.bytes_count.min(max);
        message.bytes_count -= count;
        if message.bytes_count == 0 && count > 0 {
            self.messages.pop_front();
        }
        Some(self.bytes.take(count))
    }

    /// The bytes that were taken last.
    pub(crate) fn taken(&self, taken: Taken) -> [&[u8]; 2] {
        self.bytes.pieces(taken)
    }

    /// The handles of all messages.
    pub(crate) fn grant(&self, place: usize) -> Option<Key> {
        self.grants.get(place).copied()
    }

    /// Forgets everything; gives the handles.
    pub(crate) fn drain(&mut self) -> VecDeque<Key> {
        core::mem::take(self).grants
    }
}

/// Bytes, the first at `start` and the others behind it, around the end. As many places as a power
/// of two.
#[derive(Debug, Default)]
struct Ring {
    places: Vec<u8>,
    start: usize,
    count: usize,
}

impl Ring {
    /// Makes room for so many more.
    #[inline(always)]
    fn has_room(&mut self, more: usize) -> bool {
        let is_much = self.count == 0 && self.places.len() > KEPT_BYTES_MAX;
        let fits = self.count.wrapping_add(more) <= self.places.len();
        (fits && !is_much) || self.grow(more)
    }

    #[cold]
    fn grow(&mut self, more: usize) -> bool {
        if self.count == 0 {
            *self = Self::default();
        }
        let places_count = (self.count + more).next_power_of_two().max(BYTES_MIN);
        let mut places = Vec::new();
        if places.try_reserve_exact(places_count).is_err() {
            return false;
        }
        for piece in self.pieces(Taken { start: self.start, count: self.count }) {
            places.extend_from_slice(piece);
        }
        places.resize(places_count, 0);
        (self.places, self.start) = (places, 0);
        true
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.count == 0 {
            self.start = 0;
        }
        let end = self.start.wrapping_add(self.count) & self.last();
        let behind = self.places.get_mut(end..).unwrap_or_default();
        if let Some(place) = behind.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        } else {
            let (one, other) = bytes.split_at(behind.len());
            behind.copy_from_slice(one);
            if let Some(place) = self.places.get_mut(..other.len()) {
                place.copy_from_slice(other);
            }
        }
        self.count += bytes.len();
    }

    fn take(&mut self, count: usize) -> Taken {
        let taken = Taken { start: self.start, count: count.min(self.count) };
        self.start = self.start.wrapping_add(taken.count) & self.last();
        self.count -= taken.count;
        taken
    }

    fn pieces(&self, taken: Taken) -> [&[u8]; 2] {
        let behind = self.places.get(taken.start..).unwrap_or_default();
        match behind.get(..taken.count) {
            Some(all) => [all, &[]],
            None => {
                let rest = taken.count - behind.len();
                [behind, self.places.get(..rest).unwrap_or_default()]
            }
        }
    }

    /// The last place: a place is a number of that many bits.
    fn last(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }
}

/// What most messages need.
const BYTES_MIN: usize = 64;

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
