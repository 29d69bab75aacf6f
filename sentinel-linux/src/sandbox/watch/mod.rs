//! Looking on: which system calls and places a program wants that its sandbox would refuse.
//!
//! The kernel stops the program at each such call and tells it on a descriptor. What only the list
//! refuses is then made, and noted; what every sandbox refuses is refused here too. Of calls that
//! name places the name is read from the program's memory and compared with what it was granted.
//!
//! It is advice and no wall: a program can have changed a name by the time the kernel reads it. So
//! nothing is allowed because of a name, and what is refused is refused by numbers alone, which
//! cannot change.
//!
//! # Invariants
//! - What every sandbox refuses is refused while it is looked at, too.
//! - What is kept is bounded, whatever the program does.

pub(super) mod carriers;
mod notice;
mod places;

use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use sentinel_core::order::Map;
use sentinel_core::sandbox::{Calls, Profile};

use self::carriers::Carrier;
use self::notice::Notice;
use self::places::Places;
pub(crate) use self::places::Wanted;
use super::StartError;
use super::filter::{self, look};

/// What looks on at a program.
#[derive(Debug)]
pub(crate) struct Watch {
    /// What any sandbox with this network allows, and what this one would.
    walls: Vec<libc::sock_filter>,
    enforced: Vec<libc::sock_filter>,
    carriers: Map<u32, &'static Carrier>,
    places: Places,
    /// Whether it runs: what is tried before is the sandbox trying itself.
    is_running: bool,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// System calls that the list would refuse, and how often.
    pub(crate) refused: Map<String, u64>,
    /// Those that every sandbox refuses.
    pub(crate) never: Map<String, u64>,
    /// Places, and what was wanted of them.
    pub(crate) places: Map<std::path::PathBuf, Wanted>,
    /// Whether there were more than are kept.
    pub(crate) is_more: bool,
}

impl Watch {
    /// For a program with this profile.
    pub(crate) fn new(profile: &Profile) -> Result<Self, StartError> {
        let view = (profile.network, profile.has_terminal);
        Ok(Self {
            walls: filter::program(&Calls::DataScience, &[], view)?,
            enforced: filter::program(&profile.calls, &profile.allowed, view)?,
            carriers: carriers::by_number(),
            places: Places::new(profile),
            is_running: false,
        })
    }

    /// Answers until everything in the sandbox has ended, which `process` tells. What is seen is
    /// noted before it is answered.
    pub(crate) fn serve(mut self, listener: &OwnedFd, process: &OwnedFd, seen: &Mutex<Seen>) {
        loop {
            let mut waited =
                [PollFd::new(listener, PollFlags::IN), PollFd::new(process, PollFlags::IN)];
            match poll(&mut waited, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            let [told, ended] = &waited;
            if told.revents().contains(PollFlags::IN) {
                // One that was killed meanwhile is told no more.
                if let Ok(notice) = Notice::receive(listener) {
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    let answer = self.answer(listener, &notice, &mut seen);
                    drop(seen);
                    notice.answer(listener, answer);
                }
            } else if !ended.revents().is_empty() || !told.revents().is_empty() {
                return;
            }
        }
    }

    /// None if the call is to be made; the error that it fails with otherwise.
    fn answer(&mut self, listener: &OwnedFd, notice: &Notice, seen: &mut Seen) -> Option<i32> {
        let allowed = |filter: &[libc::sock_filter]| {
            let answer = look::answer(filter, notice.call, &notice.arguments);
            match answer.unwrap_or(libc::SECCOMP_RET_ERRNO) {
                libc::SECCOMP_RET_ALLOW | libc::SECCOMP_RET_LOG => Ok(()),
                refused => Err(refused & libc::SECCOMP_RET_DATA),
            }
        };
        if let Err(error) = allowed(&self.walls) {
            self.note(seen, notice.call, true);
            let error = i32::try_from(error).unwrap_or(libc::EPERM);
            return Some(if error == 0 { libc::EPERM } else { error });
        }
        if allowed(&self.enforced).is_err() {
            self.note(seen, notice.call, false);
        }
        match self.carriers.get(&notice.call) {
            Some(_) if !self.is_running => {
                self.is_running = libc::c_long::from(notice.call) == libc::SYS_execve;
            }
            Some(carrier) => {
                for (path, wanted) in carrier.named(notice) {
                    // Whoever it was asked of may have ended, and its number be another's.
                    if notice.is_valid(listener) {
                        seen.is_more |= !self.places.note(&mut seen.places, &path, wanted);
                    }
                }
            }
            None => {}
        }
        None
    }

    fn note(&self, seen: &mut Seen, call: u32, is_never: bool) {
        if !self.is_running {
            return;
        }
        let name = filter::name(call).map_or_else(|| format!("number {call}"), Into::into);
        let list = if is_never { &mut seen.never } else { &mut seen.refused };
        let has_room = list.len() < CALLS_MAX;
        match list.get_mut(&name) {
            Some(count) => *count += 1,
            None if has_room => {
                list.insert(name, 1);
            }
            None => seen.is_more = true,
        }
    }
}

/// More names than there are; numbers without a name can be any.
const CALLS_MAX: usize = 1024;
