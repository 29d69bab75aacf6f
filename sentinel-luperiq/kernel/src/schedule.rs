//! Threads, and whose turn it is.
//!
//! Threads that can run take turns. One that waits is woken by a signal of what it waits for or by
//! its deadline, whichever comes first.
//!
//! # Invariants
//! - A thread is in one place: it runs, it stands in the row of those that can, or it waits.
//! - A thread that ended is in no list.
//!
//! # Not here
//! What a call waits for: its caller keeps that with the thread and looks again when it is woken.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use luperiq_abi::Error;
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
}

/// All threads.
#[derive(Debug)]
pub(crate) struct Threads<P, W> {
    threads: Vec<Option<Box<Thread<P, W>>>>,
    free: Vec<ThreadId>,
    ready: VecDeque<ThreadId>,
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
            ready: VecDeque::with_capacity(THREADS_MAX),
            running: None,
            deadlines: Set::new(),
            watched: Set::new(),
        }
    }

    /// Makes a thread that can run.
    pub(crate) fn start(&mut self, process: P, frame: Frame) -> Result<ThreadId, Error> {
        let id = match self.free.pop() {
            Some(id) => id,
            None if self.threads.len() < THREADS_MAX => {
                self.threads.push(None);
                ThreadId(self.threads.len() as u32 - 1)
            }
            None => return Err(Error::Limit),
        };
        let (waits, deadline, watched) = (None, None, Vec::new());
        let thread = Thread { process, frame, simd: Simd::EMPTY, waits, deadline, watched };
        self.threads[id.0 as usize] = Some(Box::new(thread));
        self.ready.push_back(id);
        Ok(id)
    }

    /// Ends a thread.
    pub(crate) fn end(&mut self, id: ThreadId) -> Option<P> {
        self.forget_waiting(id);
        self.ready.retain(|ready| *ready != id);
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

    /// Whether another thread could run.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The thread that runs goes to the end of the row.
    pub(crate) fn step_back(&mut self) {
        if let Some(id) = self.running.take() {
            self.ready.push_back(id);
        }
    }

    /// Whose turn it is; none if nobody can run.
    pub(crate) fn step_forward(&mut self) -> Option<ThreadId> {
        self.running = self.ready.pop_front();
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
        self.ready.push_back(id);
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

    /// Whether no thread waits for any object.
    pub(crate) fn nobody_waits(&self) -> bool {
        self.watched.is_empty()
    }

    /// When the first deadline comes.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
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
