//! `cargo xtask luperiq kills`: a program of the appliance is ended at a moment nobody chose, again
//! and again, while somebody on a platform has one job after the other for its agent.
//!
//! The kernel does it, at an instruction that a seed and its timer decide: whatever the program
//! does just then, in its own code or waiting in a call. One that init starts again is ended again,
//! some times in a boot; with init the machine ends, and starts again with the same disk.
//!
//! # Invariants
//! - Every job is answered once, or its writer was told that the answer may be lost, or that
//!   no model could be asked after several tries. A file that was written is what was
//!   written, unless the model was told that the call was interrupted.
//! - No frame, object, handle or grant is left, the record verifies to its end, the agent's log
//!   does, and they agree.
//! - When init ends everything does.
//!
//! # Not here
//! Power cuts, which end everything at once: `cuts.rs`.

use std::path::Path;
use std::time::Duration;

use super::appliance::{self, DISK_BYTES};
use super::cases::NOTHING_LEFT;
use super::connected::{Hosts, Wanted};
use super::converse::attend;
use super::disk;
use super::qemu::{Machine, Outcome};
use crate::error::Error;
use crate::workspace::Workspace;

/// Whom: programs as the boot manifest names them, and init itself. A kind of program that joins
/// the appliance joins this row.
pub(super) const WHO: [&str; 4] = ["tls", "network", "agent", SUPERVISOR];

/// Ends one of them so many times, or each of them.
pub(super) fn run(
    workspace: &Workspace,
    seed: u64,
    count: u64,
    who: Option<&str>,
) -> Result<(), Error> {
    let names = who.map_or(WHO.to_vec(), |who| who.split(',').collect());
    if let Some(who) = names.iter().find(|who| !WHO.contains(who)) {
        let known = WHO.join(", ");
        return Err(Error::new(format!("nobody is called `{who}`; there are {known}")));
    }
    let hosts = Hosts::begin(workspace)?;
    hosts.configure(&Wanted {
        names: &["busy-model"],
        platform: Some("busy"),
        grants: Some("\"read,list /workspace\", \"write /workspace\""),
        ..Wanted::default()
    })?;
    let image = appliance::build_deadly(workspace, &hosts.folder)?;
    let place = Place { workspace, hosts: &hosts, image: &image };
    for name in names {
        place.end(name, seed, count)?;
    }
    hosts.end()
}

struct Place<'p> {
    workspace: &'p Workspace,
    hosts: &'p Hosts,
    image: &'p Path,
}

/// What became of jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Settled {
    answered: usize,
    lost: usize,
    failed: usize,
    interrupted: usize,
}

impl Place<'_> {
    /// Ends a program so many times.
    fn end(&self, name: &str, seed: u64, count: u64) -> Result<(), Error> {
        let before = self.record()?.len();
        let (mut done, mut boots) = (0, 0);
        while done < count {
            let disk = disk::blank(self.workspace, "kills.disk", DISK_BYTES)?;
            let times = AT_ONCE.min(count - done);
            let seed = seed.wrapping_add(boots << 32);
            let ended = match name {
                SUPERVISOR => (0..times)
                    .try_for_each(|time| self.end_machine(&disk, seed.wrapping_add(time << 16))),
                _ => Ok(()),
            };
            let kills = if name == SUPERVISOR { 0 } else { times };
            let wrong = |error: Error| error.help(format!("it was `{name}`, boot {boots}"));
            ended.and_then(|()| self.settle(&disk, name, seed, kills)).map_err(wrong)?;
            appliance::audit(self.workspace, &[disk.display().to_string()])?;
            disk::remove(&disk)?;
            (done, boots) = (done + times, boots + 1);
        }
        let record = self.record()?;
        let Settled { answered, lost, failed, interrupted } = settled(&record[before..]);
        println!(
            "   ok      EL1  `{name}` was ended {done} times, seed {seed}: {answered} jobs \
             answered once, {lost} said to be lost, {failed} said to have no answer, \
             {interrupted} calls said to be interrupted"
        );
        Ok(())
    }

    /// Boots with a program that is ended some times, until everything that was asked for then is
    /// settled.
    fn settle(&self, disk: &Path, name: &str, seed: u64, kills: u64) -> Result<(), Error> {
        let last = self.hosts.records.join("busy-last");
        // Of a boot before.
        let _ = std::fs::remove_file(&last);
        let rested = self.record()?.matches(RESTED).count();
        let (mut is_asked, mut is_over) = (false, false);
        let words = format!("selftest=kill:{name}:{seed}:{kills}:{LIFE_MILLISECONDS}");
        let outcome = self.boot(disk, &words, |output| {
            if !is_asked
                && output.matches(KILLED).count() as u64 >= kills
                && output.contains(AT_WORK)
            {
                is_asked = std::fs::write(&last, "").is_ok();
            }
            // What somebody wrote is seen by the file that the platform has.
            let has_rested =
                || self.record().is_ok_and(|record| record.matches(RESTED).count() > rested);
            let is_now = is_asked && !is_over && has_rested();
            is_over |= is_now;
            is_now.then_some("\u{4}")
        })?;
        self.check(&outcome, Some(0))?;
        let killed = outcome.output.matches(KILLED).count() as u64;
        if killed != kills {
            let what = format!("it was ended {killed} times, not {kills}:\n{}", outcome.output);
            return Err(Error::new(what));
        }
        Ok(())
    }

    /// Boots with an init that is ended, which ends the machine.
    fn end_machine(&self, disk: &Path, seed: u64) -> Result<(), Error> {
        // Somebody has a job as long as it runs.
        let _ = std::fs::remove_file(self.hosts.records.join("busy-last"));
        let words = format!("selftest=kill:{SUPERVISOR}:{seed}:1:{LIFE_MILLISECONDS}");
        let outcome = self.boot(disk, &words, |_| None)?;
        self.check(&outcome, Some(STATUS_KILLED))
    }

    fn boot<'t>(
        &self,
        disk: &Path,
        words: &str,
        type_next: impl FnMut(&str) -> Option<&'t str>,
    ) -> Result<Outcome, Error> {
        let machine = Machine {
            has_network: true,
            disk: Some(disk),
            patience: PATIENCE,
            pace: Some(PACE),
            ..Machine::new(words)
        };
        attend(self.workspace, self.image, &machine, type_next)
    }

    fn check(&self, outcome: &Outcome, status: Option<i32>) -> Result<(), Error> {
        let output = &outcome.output;
        let wrong = |what: &str| Err(Error::new(format!("{what}:\n{output}")));
        if let Some(found) = FORBIDDEN.iter().find(|text| output.contains(**text)) {
            return wrong(&format!("it says `{found}`"));
        }
        if outcome.status != status {
            return wrong(&format!("it ended with {:?}, not {status:?}", outcome.status));
        }
        if !output.contains(NOTHING_LEFT) {
            return wrong("something is left");
        }
        let record = self.record()?;
        match record.lines().find(|line| line.starts_with("wrong")) {
            Some(what) => wrong(&format!("{what}, of\n{record}")),
            None => Ok(()),
        }
    }

    /// What became of the jobs so far.
    fn record(&self) -> Result<String, Error> {
        let path = self.hosts.records.join("busy");
        std::fs::read_to_string(&path).map_err(|cause| Error::file("read", &path, &cause))
    }
}

fn settled(record: &str) -> Settled {
    let count = |what: &str| {
        record.lines().filter(|line| line.starts_with("settled") && line.contains(what)).count()
    };
    Settled {
        answered: count(" answered"),
        lost: count(" lost"),
        failed: count(" failed"),
        interrupted: count("interrupted"),
    }
}

/// Who starts everybody else.
const SUPERVISOR: &str = "init";

/// How often a program is ended in one boot: init waits twice as long each time before it starts it
/// again.
const AT_ONCE: u64 = 5;

/// How long a program lives at most: the start of the appliance and somewhat more than a job.
const LIFE_MILLISECONDS: u64 = 4000;

/// Eight nanoseconds an instruction: moments are counted in instructions, and nearly at the pace of
/// the servers.
const PACE: u8 = 3;

/// In each there are some jobs of a few seconds.
const PATIENCE: Duration = Duration::from_secs(240);

/// How the machine ends when its first program was ended.
const STATUS_KILLED: i32 = 254;

const KILLED: &str = "killed: as asked";

/// The agent says so when its platform answered.
const AT_WORK: &str = "at work as sbot";

/// What the platform writes down when nothing is open any more.
const RESTED: &str = "all settled";

const FORBIDDEN: &[&str] = &["panic", "fault", "sk-appliance", "agent: ", "left as it is"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_jobs_is_counted() {
        let record = "settled 1 answered\nsettled 2 lost\nall settled\nsettled 4 failed\n\
                      settled 3 answered, with a call that was interrupted\n";
        let expected = Settled { answered: 2, lost: 1, failed: 1, interrupted: 1 };
        assert_eq!(settled(record), expected);
    }
}
