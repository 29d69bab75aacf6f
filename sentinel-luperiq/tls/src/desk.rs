//! Who carries which exchange: those that wait, and the lanes that carry them.
//!
//! A lane carries one exchange at a time, and keeps its connection for a while when one has ended
//! well. Which lane takes which exchange follows from what stands here alone.
//!
//! # Invariants
//! - What is asked of one service is begun in the order in which it was asked.
//! - A kept connection is used for what is asked of its own service and for nothing else; when
//!   there is no other lane for what waits, the one that was kept longest is given up.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::task::Poll;

/// An exchange that somebody asked for.
#[derive(Debug)]
pub struct Wanted<L> {
    /// The way to whoever asked.
    pub line: L,
    /// What they sent.
    pub message: Vec<u8>,
    /// The service that it names, if there is one of that name.
    pub service: Option<usize>,
    /// When it came.
    pub begun: u64,
}

/// What waits, and how the lanes are.
#[derive(Debug)]
pub struct Desk<L> {
    waiting: RefCell<VecDeque<Wanted<L>>>,
    lanes: [Cell<Lane>; LANES],
    /// Whether something changed hands, so that others have to look again.
    has_moved: Cell<bool>,
}

/// How a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    /// It has no connection.
    Free,
    /// It carries an exchange.
    Busy,
    /// It keeps a connection to this service, since then.
    Kept(usize, u64),
}

impl<L> Desk<L> {
    /// Nothing waits.
    #[must_use]
    pub fn new() -> Self {
        let lanes = core::array::from_fn(|_| Cell::new(Lane::Free));
        Self { waiting: RefCell::default(), lanes, has_moved: Cell::new(false) }
    }

    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.waiting.borrow().len() < WAITING_MAX
    }

    /// Somebody asked.
    pub fn put(&self, wanted: Wanted<L>) {
        self.waiting.borrow_mut().push_back(wanted);
        self.has_moved.set(true);
    }

    /// It was taken, and cannot be carried there.
    pub(crate) fn put_back(&self, wanted: Wanted<L>) {
        self.waiting.borrow_mut().push_front(wanted);
        self.has_moved.set(true);
    }

    /// Whether something changed hands since this was last asked.
    pub fn has_moved(&self) -> bool {
        self.has_moved.take()
    }

    /// A lane has no connection any more.
    pub(crate) fn free(&self, lane: usize) {
        self.set(lane, Lane::Free);
        self.has_moved.set(true);
    }

    /// What a lane without a connection carries next.
    pub(crate) fn first(&self, lane: usize) -> impl Future<Output = Wanted<L>> {
        poll_fn(move |_| match self.take(|it| !self.is_kept(it.service)) {
            Some(wanted) => {
                self.set(lane, Lane::Busy);
                Poll::Ready(wanted)
            }
            None => Poll::Pending,
        })
    }

    /// What is asked next of the service that a lane keeps a connection to; none if the connection
    /// is to be given up.
    pub(crate) fn next(
        &self,
        lane: usize,
        service: usize,
        now: u64,
    ) -> impl Future<Output = Option<Wanted<L>>> {
        self.set(lane, Lane::Kept(service, now));
        self.has_moved.set(true);
        poll_fn(move |_| match self.take(|it| it.service == Some(service)) {
            Some(wanted) => {
                self.set(lane, Lane::Busy);
                Poll::Ready(Some(wanted))
            }
            None if self.is_needed(lane) => Poll::Ready(None),
            None => Poll::Pending,
        })
    }

    fn take(&self, suits: impl Fn(&Wanted<L>) -> bool) -> Option<Wanted<L>> {
        let mut waiting = self.waiting.borrow_mut();
        let place = waiting.iter().position(suits)?;
        self.has_moved.set(true);
        waiting.remove(place)
    }

    /// Whether a lane keeps a connection to this service.
    fn is_kept(&self, service: Option<usize>) -> bool {
        let is_it =
            |lane: &Cell<Lane>| matches!(lane.get(), Lane::Kept(it, _) if Some(it) == service);
        self.lanes.iter().any(is_it)
    }

    /// Whether something waits that only this lane can carry.
    fn is_needed(&self, lane: usize) -> bool {
        let is_free = self.lanes.iter().any(|lane| lane.get() == Lane::Free);
        let waits = self.waiting.borrow().iter().any(|it| !self.is_kept(it.service));
        let kept = self.lanes.iter().enumerate().filter_map(|(place, lane)| match lane.get() {
            Lane::Kept(_, since) => Some((since, place)),
            _ => None,
        });
        waits && !is_free && kept.min().is_some_and(|(_, oldest)| oldest == lane)
    }

    fn set(&self, lane: usize, to: Lane) {
        if let Some(lane) = self.lanes.get(lane) {
            lane.set(to);
        }
    }
}

impl<L> Default for Desk<L> {
    fn default() -> Self {
        Self::new()
    }
}

/// Exchanges at once: the poll of a platform, what is said there, and some conversations.
pub const LANES: usize = 8;

/// What waits besides: as many again; whoever asks then waits at the line.
const WAITING_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use core::pin::pin;
    use core::task::{Context, Waker};

    use super::*;

    fn polled<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn put(desk: &Desk<u32>, line: u32, service: Option<usize>) {
        desk.put(Wanted { line, message: Vec::new(), service, begun: 0 });
    }

    #[test]
    fn a_kept_connection_is_used_for_its_service_and_in_order() {
        let desk = Desk::new();
        assert!(polled(desk.first(0)).is_none());
        put(&desk, 1, Some(7));
        put(&desk, 2, Some(7));
        put(&desk, 3, None);
        assert_eq!(polled(desk.first(0)).map(|it| it.line), Some(1));
        // Lane 0 is done, and there are two more: one of its own service.
        let next = polled(desk.next(0, 7, 10)).flatten();
        assert_eq!(next.map(|it| it.line), Some(2));
        assert!(polled(desk.next(0, 7, 11)).is_none());
        put(&desk, 4, Some(7));
        // Somebody without a connection leaves it to lane 0.
        assert_eq!(polled(desk.first(1)).map(|it| it.line), Some(3));
        assert!(polled(desk.first(2)).is_none());
        assert_eq!(polled(desk.next(0, 7, 12)).flatten().map(|it| it.line), Some(4));
    }

    #[test]
    fn when_no_lane_is_free_the_connection_that_was_kept_longest_is_given_up() {
        let desk = Desk::new();
        for lane in 0..LANES {
            put(&desk, 0, Some(lane));
            assert!(polled(desk.first(lane)).is_some());
        }
        let since = |lane: usize| if lane == 5 { 1 } else { 2 };
        for lane in 0..LANES {
            assert!(polled(desk.next(lane, lane, since(lane))).is_none(), "{lane}");
        }
        put(&desk, 9, Some(99));
        for lane in (0..LANES).filter(|lane| *lane != 5) {
            assert!(polled(desk.next(lane, lane, since(lane))).is_none(), "{lane}");
        }
        assert!(matches!(polled(desk.next(5, 5, 1)), Some(None)));
        desk.free(5);
        assert_eq!(polled(desk.first(5)).map(|it| it.line), Some(9));
        (0..WAITING_MAX).for_each(|line| put(&desk, line as u32, None));
        assert!(!desk.has_room());
    }
}
