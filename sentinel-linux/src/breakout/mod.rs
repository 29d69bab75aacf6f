//! Breakout tests: named attempts to get out of a sandbox, each shown to succeed without it.
//!
//! A sandbox that nobody tries to leave is a claim. Each attempt here is tried twice on the
//! machine at hand: bare, where it has to succeed, for one that cannot proves nothing; and inside,
//! where it has to fail. What counts as success is what can be seen from outside wherever
//! something can: the secret came out, the file was changed, the service was reached, the process
//! still lives. Only where nothing can be seen, the answer of the kernel counts.
//!
//! # Invariants
//! - An attempt that does not succeed bare is said to be untried, with the reason, and is not
//!   counted; one that did not begin inside is an error and never passes for stopped.
//! - No attempt harms the machine it is tried on: what would be dangerous is asked for with
//!   arguments that the kernel refuses behind its check of permission, and says so.
//! - What is prepared for the attempts, and what they leave behind, is gone in the end.
//!
//! # Not here
//! The sandbox itself. The attempts know nothing of how they are stopped.

#![allow(unsafe_code, reason = "what is attempted is made of system calls nobody wraps")]

mod calls;
mod covered;
mod execution;
mod files;
mod ground;
mod inside;
mod judge;
mod kernel;
mod kernel_old;
mod metadata;
mod names;
mod network;
mod network_families;
mod network_proxy;
mod network_smuggled;
mod objects;
mod ordinary_proxy;
mod outliving;
mod prepared;
mod processes;
mod program;
mod report;
mod resources;
mod runner;
mod secrets;
mod services;
mod survivors;
mod terminal;
mod victim;
mod walls;
mod way_out;

use std::fmt;
use std::io;

pub(crate) use self::inside::attempted;
pub(crate) use self::report::{Sum, to_json, written};
pub(crate) use self::runner::{Options, try_all};

use self::ground::Ground;

/// What somebody would do who wants out.
#[derive(Debug)]
struct Attempt {
    name: &'static str,
    /// What it shows if it succeeds, in a sentence.
    shows: &'static str,
    /// What tells whether it did.
    proof: Proof,
    /// What has to be prepared outside for it alone.
    needs: Needs,
    run: fn(&Ground) -> Tried,
}

impl Attempt {
    const fn new(
        name: &'static str,
        shows: &'static str,
        proof: Proof,
        run: fn(&Ground) -> Tried,
    ) -> Self {
        Self { name, shows, proof, needs: Needs(0), run }
    }

    const fn needing(mut self, needs: &[Need]) -> Self {
        self.needs = Needs::new(needs);
        self
    }
}

/// What tells whether an attempt succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// The answer of the kernel, as the attempt reports it: nothing of it can be seen outside.
    Word,
    /// The secret, which the attempt was never told, stands in what it wrote.
    Secret,
    /// A program that was brought along says that it ran.
    Ran,
    /// Something in the directories that were not granted for writing is not as it was.
    Changed,
    /// A service outside was reached: it received the sign of this very run.
    Visited,
    /// Somebody outside could call a port that the attempt opened, and got the sign of this run.
    Called,
    /// A process with the sign of this run lives on after the end.
    Lives,
    /// The victim is not as it was: dead, or with another priority, limit or processor.
    Victim,
    /// Something lies outside that was not there before: a file or an object of the kernel.
    Left,
    /// A file in the workspace that gives more rights than its maker has.
    Privileged,
    /// The terminal outside got something or is set otherwise.
    Terminal,
}

/// What is prepared outside for an attempt, besides what all have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// A process of the same user that holds the secret.
    Victim,
    /// Objects of the kernel that have no file: shared memory, queues, a key.
    Objects,
    /// A program that belongs to root and runs as root whoever starts it.
    Setuid,
    /// Services whose files lie in what was granted.
    Sockets,
    /// A terminal.
    Terminal,
    /// A proxy, for what goes through it.
    Proxy,
    /// No proxy, for what is the way to it.
    NoProxy,
    /// A limit of memory.
    Memory,
    /// Less time than usual, for those that want more of it.
    Hurry,
    /// Something in the workspace that is hidden, and something that may only be read.
    Covered,
}

/// What an attempt needs: a bit for each, because there are hundreds of attempts.
#[derive(Clone, Copy, Debug)]
struct Needs(u16);

impl Needs {
    const fn new(mut needs: &[Need]) -> Self {
        let mut bits = 0;
        while let [need, rest @ ..] = needs {
            bits |= 1 << *need as u16;
            needs = rest;
        }
        Self(bits)
    }

    const fn has(self, need: Need) -> bool {
        self.0 & 1 << need as u16 != 0
    }
}

/// How an attempt ended by its own account.
type Tried = Result<(), Refused>;

/// Why an attempt did not succeed.
#[derive(Debug)]
enum Refused {
    /// Somebody said no.
    Stopped(String),
    /// It does not apply to this machine.
    Untried(String),
}

impl Refused {
    fn stopped(why: impl fmt::Display) -> Self {
        Self::Stopped(why.to_string())
    }

    fn untried(why: impl fmt::Display) -> Self {
        Self::Untried(why.to_string())
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Stopped(error.to_string())
    }
}

impl From<rustix::io::Errno> for Refused {
    fn from(error: rustix::io::Errno) -> Self {
        io::Error::from(error).into()
    }
}

/// The attempts by what they are directed at.
#[derive(Debug)]
struct Group {
    name: &'static str,
    attempts: &'static [&'static [Attempt]],
}

impl Group {
    fn all(&self) -> impl Iterator<Item = &'static Attempt> + use<> {
        self.attempts.iter().flat_map(|some| some.iter())
    }
}

const GROUPS: &[Group] = &[
    Group { name: "files", attempts: &[files::READS, files::WRITES, covered::ATTEMPTS] },
    Group { name: "metadata", attempts: &[metadata::ATTEMPTS] },
    Group { name: "execution", attempts: &[execution::ATTEMPTS] },
    Group { name: "processes", attempts: &[processes::ATTEMPTS] },
    Group { name: "kernel", attempts: &[kernel::ATTEMPTS, kernel_old::ATTEMPTS] },
    Group {
        name: "network",
        attempts: &[
            network::ATTEMPTS,
            network_families::ATTEMPTS,
            network_proxy::ATTEMPTS,
            network_smuggled::ATTEMPTS,
        ],
    },
    Group { name: "resources", attempts: &[resources::ATTEMPTS] },
    Group { name: "terminal", attempts: &[terminal::ATTEMPTS] },
    Group { name: "secrets", attempts: &[secrets::ATTEMPTS] },
    Group { name: "outliving", attempts: &[outliving::ATTEMPTS] },
];

fn named(name: &str) -> Option<&'static Attempt> {
    GROUPS.iter().flat_map(Group::all).find(|attempt| attempt.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_attempt_has_a_name_of_its_own_and_says_what_it_shows() {
        let mut names = BTreeSet::new();
        for attempt in GROUPS.iter().flat_map(Group::all) {
            assert!(names.insert(attempt.name), "{} stands there twice", attempt.name);
            let is_word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            assert!(attempt.name.chars().all(|letter| is_word(letter) || letter == '-'));
            assert!(attempt.shows.len() > 20, "{}: {}", attempt.name, attempt.shows);
        }
        assert!(names.len() >= 120, "{} attempts", names.len());
    }
}
