//! Threads, and whose turn it is.
//!
//! Of the threads that can run the most urgent do, and those that are as urgent take turns. One
//! that waits is woken by a signal of what it waits for or by its deadline, whichever comes first.
//!
//! # Invariants
//! - A thread is in one place: it runs, it stands in the row of those that can, or it waits.
//! - A thread that ended is in no list.
//! - Whenever a program runs, no thread that can run is more urgent.
//!
//! # Not here
//! Lending: who waits for a less urgent thread waits until that has its turn. A thread that never
//! waits keeps less urgent ones from running for as long as its job has processor time.
//!
//! What a call waits for: its caller keeps that with the thread and looks again when it is woken.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use luperiq_abi::Error;
use luperiq_abi::limits::PRIORITY_MAX;
use luperiq_policy::order::Set;

use crate::arch::{Frame, Simd};
use crate::time::Instant;

/// Which thread. The number may be another thread's later; who keeps one forgets it when the thread
/// ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ThreadId(u32);

impl ThreadId {
    pub(crate) fn number(self) -> u64 {
        self.0.into()
    }

    /// The one with this number, if there is such a thread.
    pub(crate) fn of(number: u64) -> Self {
        Self(u32::try_from(number).unwrap_or(u32::MAX))
    }
}

/// A thread: `P` names its process, `W` is what it waits for.
#[derive(Debug)]
pub(crate) struct Thread<P, W> {
    pub(crate) process: P,
    /// Its registers while it does not run.
    pub(crate) frame: Frame,
    pub(crate) simd: Simd,
    /// What its call still has to do, while it waits.
    pub(crate) waits: Option<W>,
    pub(crate) deadline: Option<Instant>,
    watched: Vec<u64>,
    priority: u8,
}

/// All threads.
#[derive(Debug)]
pub(crate) struct Threads<P, W> {
    threads: Vec<Option<Box<Thread<P, W>>>>,
    free: Vec<ThreadId>,
    /// Those that can run, by how urgent they are.
    ready: [VecDeque<ThreadId>; PRIORITIES],
    /// A bit for each of these rows in which somebody stands.
    ready_priorities: u32,
    running: Option<ThreadId>,
    deadlines: Set<(Instant, ThreadId)>,
    /// What is waited for, and by whom.
    watched: Set<(u64, ThreadId)>,
}

impl<P: Copy, W> Threads<P, W> {
    pub(crate) fn new() -> Self {
        Self {
            threads: Vec::with_capacity(THREADS_MAX),
            free: Vec::with_capacity(THREADS_MAX),
            ready: core::array::from_fn(|_| VecDeque::with_capacity(THREADS_MAX)),
            ready_priorities: 0,
            running: None,
            deadlines: Set::new(),
            watched: Set::new(),
        }
    }

    /// Makes a thread that can run.
    pub(crate) fn start(
        &mut self,
        process: P,
        frame: Frame,
        priority: u8,
    ) -> Result<ThreadId, Error> {
        let id = match self.free.pop() {
            Some(id) => id,
            None if self.threads.len() < THREADS_MAX => {
                self.threads.push(None);
                ThreadId(self.threads.len() as u32 - 1)
            }
            None => return Err(Error::Limit),
        };
        let (waits, deadline, watched) = (None, None, Vec::new());
        let simd = Simd::EMPTY;
        let thread = Thread { process, frame, simd, waits, deadline, watched, priority };
        self.threads[id.0 as usize] = Some(Box::new(thread));
        self.make_ready(id);
        Ok(id)
    }

    /// Ends a thread.
    pub(crate) fn end(&mut self, id: ThreadId) -> Option<P> {
        self.forget_waiting(id);
        self.leave_row(id);
        if self.running == Some(id) {
            self.running = None;
        }
        let thread = self.threads.get_mut(id.0 as usize)?.take()?;
        self.free.push(id);
        Some(thread.process)
    }

    pub(crate) fn thread(&self, id: ThreadId) -> Option<&Thread<P, W>> {
        self.threads.get(id.0 as usize)?.as_deref()
    }

    pub(crate) fn thread_mut(&mut self, id: ThreadId) -> Option<&mut Thread<P, W>> {
        self.threads.get_mut(id.0 as usize)?.as_deref_mut()
    }

    pub(crate) fn running(&self) -> Option<ThreadId> {
        self.running
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.threads.len() - self.free.len()
    }

    /// Whether another thread that can run is as urgent as the one that runs, or more.
    pub(crate) fn has_rival(&self) -> bool {
        self.ready_priorities >> self.running_priority() != 0
    }

    /// Whether a thread that can run is more urgent than the one that runs.
    #[inline(always)]
    pub(crate) fn is_outranked(&self) -> bool {
        self.ready_priorities != 0 && self.ready_priorities >> self.running_priority() > 1
    }

    /// How urgent a thread is from now on. One that can run goes to the end of its row.
    pub(crate) fn set_priority(&mut self, id: ThreadId, priority: u8) {
        let was_ready = self.leave_row(id);
        if let Some(thread) = self.thread_mut(id) {
            thread.priority = priority;
        }
        if was_ready {
            self.make_ready(id);
        }
    }

    /// The thread that runs goes to the end of its row.
    pub(crate) fn step_back(&mut self) {
        if let Some(id) = self.running.take() {
            self.make_ready(id);
        }
    }

    /// Whose turn it is; none if nobody can run.
    pub(crate) fn step_forward(&mut self) -> Option<ThreadId> {
        let row = self.ready_priorities.checked_ilog2().unwrap_or(0) as usize;
        self.running = self.ready.get_mut(row).and_then(VecDeque::pop_front);
        self.note_row(row);
        self.running
    }

    /// The thread that runs waits from now on.
    pub(crate) fn wait(
        &mut self,
        waits: W,
        watched: impl IntoIterator<Item = u64>,
        deadline: Option<Instant>,
    ) {
        let Some(id) = self.running.take() else { return };
        let Some(thread) = self.threads.get_mut(id.0 as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        thread.waits = Some(waits);
        thread.deadline = deadline;
        thread.watched.extend(watched);
        self.watched.extend(thread.watched.iter().map(|object| (*object, id)));
        self.deadlines.extend(deadline.map(|deadline| (deadline, id)));
    }

    /// A thread that waited can run; gives back what it waited for.
    pub(crate) fn wake(&mut self, id: ThreadId) -> Option<W> {
        let waits = self.thread_mut(id)?.waits.take()?;
        self.forget_waiting(id);
        self.make_ready(id);
        Some(waits)
    }

    /// Who waits for an object.
    pub(crate) fn watchers(&self, object: u64) -> impl Iterator<Item = ThreadId> + '_ {
        let (first, last) = (ThreadId(0), ThreadId(u32::MAX));
        self.watched.range((object, first)..=(object, last)).map(|(_, id)| *id)
    }

    /// The next thread whose deadline has come.
    pub(crate) fn due(&self, now: Instant) -> Option<ThreadId> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now).map(|(_, id)| *id)
    }

    /// Whether any thread has a deadline.
    #[inline(always)]
    pub(crate) const fn has_deadline(&self) -> bool {
        !self.deadlines.is_empty()
    }

    /// When the first deadline comes.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    fn running_priority(&self) -> u32 {
        let running = self.running.and_then(|id| self.thread(id));
        running.map_or(0, |thread| thread.priority.into())
    }

    fn make_ready(&mut self, id: ThreadId) {
        let row = self.thread(id).map_or(0, |thread| usize::from(thread.priority));
        if let Some(threads) = self.ready.get_mut(row) {
            threads.push_back(id);
        }
        self.note_row(row);
    }

    /// Takes a thread out of the row it stands in; gives whether it stood in one.
    fn leave_row(&mut self, id: ThreadId) -> bool {
        let row = self.thread(id).map_or(0, |thread| usize::from(thread.priority));
        let Some(threads) = self.ready.get_mut(row) else { return false };
        let before = threads.len();
        threads.retain(|ready| *ready != id);
        let was_ready = threads.len() < before;
        self.note_row(row);
        was_ready
    }

    fn note_row(&mut self, row: usize) {
        let is_empty = self.ready.get(row).is_none_or(VecDeque::is_empty);
        let bit = u32::from(!is_empty) << row;
        self.ready_priorities = self.ready_priorities & !(1 << row) | bit;
    }

    fn forget_waiting(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.get_mut(id.0 as usize).and_then(Option::as_deref_mut)
        else {
            return;
        };
        for object in thread.watched.drain(..) {
            self.watched.remove(&(object, id));
        }
        if let Some(deadline) = thread.deadline.take() {
            self.deadlines.remove(&(deadline, id));
        }
    }
}

/// The lists above are searched and the heap has room for as many.
const THREADS_MAX: usize = 512;

const PRIORITIES: usize = PRIORITY_MAX as usize + 1;
