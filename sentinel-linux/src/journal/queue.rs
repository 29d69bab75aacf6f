//! What one thread hands to another, in order.
//!
//! The standard library's channels are three in one, eight kilobytes of code, for many senders.
//!
//! # Not here
//! A bound. Who asks here waits for the answers elsewhere.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Things on their way.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    things: Vec<T>,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        let state = State { things: Vec::new(), is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds one thing.
    pub(super) fn push(&self, thing: T) {
        self.lock().things.push(thing);
        self.changed.notify_one();
    }

    /// Nothing is added any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// What is there now.
    pub(super) fn take(&self) -> Vec<T> {
        mem::take(&mut self.lock().things)
    }

    /// What is there as soon as something is; nothing, when nothing will be.
    pub(super) fn wait(&self) -> Vec<T> {
        let mut state = self.lock();
        while state.things.is_empty() && !state.is_closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        mem::take(&mut state.things)
    }

    /// A list is whole whatever became of who held it.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::Queue;

    #[test]
    fn everything_arrives_once_and_in_order_and_then_the_end() {
        let queue = Arc::new(Queue::new());
        let other = Arc::clone(&queue);
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            loop {
                let some = other.wait();
                if some.is_empty() {
                    return all;
                }
                all.extend(some);
            }
        });
        for number in 0..10_000 {
            queue.push(number);
        }
        queue.close();
        assert_eq!(reader.join().unwrap(), (0..10_000).collect::<Vec<i32>>());
        assert!(queue.take().is_empty() && queue.wait().is_empty());
    }
}
