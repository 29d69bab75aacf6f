//! Rest: what was needed for the start or for a turn is given back when nothing is to be done.
//!
//! An agent waits nearly all of its life. Pages of the program that are only code and constants can
//! be had from the file again at any moment, so they need not stay mapped meanwhile; what the
//! allocator keeps for later goes back, too. This is done once after something was done, a second
//! after the last sign of it, and not again: nobody is woken up for it who would sleep otherwise.
//!
//! # Invariants
//! - Only pages that were never written to are given back.
#![allow(unsafe_code, reason = "memory of the process itself is in no library's hands")]

use std::io;
use std::time::Duration;

use crate::poller::{Poller, Ready};

/// Whether something was done since it last rested.
#[derive(Debug)]
pub(crate) struct Rest {
    is_due: bool,
}

impl Rest {
    /// At the start, which is work.
    pub(crate) fn new() -> Self {
        one_arena();
        Self { is_due: true }
    }

    /// Something larger than a poll was done.
    pub(crate) const fn disturb(&mut self) {
        self.is_due = true;
    }

    /// Waits as [`Poller::wait`] does.
    pub(crate) fn wait(
        &mut self,
        poller: &mut Poller,
        time_max: Option<Duration>,
    ) -> io::Result<Vec<Ready>> {
        let is_short = time_max.is_some_and(|time| time <= QUIET);
        if !self.is_due || is_short {
            return poller.wait(time_max);
        }
        let ready = poller.wait(Some(QUIET))?;
        if !ready.is_empty() {
            return Ok(ready);
        }
        self.is_due = false;
        give_back();
        poller.wait(time_max.map(|time| time.saturating_sub(QUIET)))
    }
}

/// One heap for all threads: the other one allocates little and seldom.
fn one_arena() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it changes a setting of the allocator, whatever its value, and is called before there
    // is a second thread.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the allocator gives back what nobody holds, under its own lock.
    unsafe {
        libc::malloc_trim(0);
    }
    for (start, length) in constant_parts() {
        // SAFETY: these pages are mapped from the program's file, and without the right to write,
        // which they never had: whatever stands there is read from the file again. A refusal
        // changes nothing.
        unsafe {
            libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED);
        }
    }
}

/// Where the program's own code and constants are: addresses and lengths of whole pages.
fn constant_parts() -> Vec<(usize, usize)> {
    // SAFETY: these calls look something up, and nothing else.
    let (table, count, page) = unsafe {
        (
            libc::getauxval(libc::AT_PHDR),
            libc::getauxval(libc::AT_PHNUM),
            libc::getauxval(libc::AT_PAGESZ),
        )
    };
    let numbers = (usize::try_from(table), usize::try_from(count), usize::try_from(page));
    let (Ok(table), Ok(count), Ok(page)) = numbers else { return Vec::new() };
    if table == 0 || !page.is_power_of_two() {
        return Vec::new();
    }
    // SAFETY: the kernel put the program's headers there, so many of them, and said so; they are
    // part of the program's constants, which stay where they are as long as it runs.
    let headers = unsafe { std::slice::from_raw_parts(table as *const libc::Elf64_Phdr, count) };
    let address = |header: &libc::Elf64_Phdr| usize::try_from(header.p_vaddr).unwrap_or_default();
    let Some(own) = headers.iter().find(|header| header.p_type == libc::PT_PHDR) else {
        return Vec::new();
    };
    let moved = table.wrapping_sub(address(own));
    let constant = |header: &&libc::Elf64_Phdr| {
        header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0
    };
    let parts = headers.iter().filter(constant).map(|header| {
        let start = moved.wrapping_add(address(header));
        let length = usize::try_from(header.p_memsz).unwrap_or_default();
        (start & !(page - 1), length + (start & (page - 1)))
    });
    parts.collect()
}

/// After this long without anything to do, more is not expected at once.
const QUIET: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_constants_are_the_same_after_they_were_given_back() {
        let parts = constant_parts();
        let holds = |address: usize| {
            parts.iter().any(|(start, length)| (*start..start + length).contains(&address))
        };
        assert!(holds(give_back as fn() as usize), "code");
        assert!(holds("a constant".as_ptr() as usize), "constants");
        assert!(!holds(parts.as_ptr() as usize), "what is written to");
        let text = "a constant".to_string();
        give_back();
        assert_eq!(text, "a constant");
    }

    #[test]
    fn it_rests_once_after_something_was_done() {
        let (mut poller, mut rest) = (Poller::new().unwrap(), Rest::new());
        rest.wait(&mut poller, Some(QUIET * 2)).unwrap();
        assert!(!rest.is_due);
        rest.disturb();
        rest.wait(&mut poller, Some(Duration::ZERO)).unwrap();
        assert!(rest.is_due, "too short a wait");
    }
}
