//! `cargo xtask luperiq soak MINUTES`: an agent works for hours of its own time, and nothing grows.
//!
//! The emulator counts instructions, and lets time jump to the next moment that somebody waits for,
//! so that hours of a machine with little to do are minutes here. In each round the agent lists,
//! writes and reads files, runs commands that answer, and one that never does, which is ended after
//! a minute: so a round is a minute of the machine's time at least.
//!
//! # Invariants
//! - What the kernel counts (frames, objects, handles, grants, its heap) is at the end what it was
//!   when the first rounds were over, but for what a log that grows takes.
//! - Nothing is left when the machine ends, and both logs verify.

use std::path::Path;
use std::time::{Duration, Instant};

use super::appliance::{self, END, PROMPT, SMALL};
use super::cases::NOTHING_LEFT;
use super::converse::{Line, converse};
use super::qemu::Machine;
use super::{disk, target};
use crate::error::Error;
use crate::workspace::Workspace;

/// Lets it work for so many minutes.
pub(super) fn run(workspace: &Workspace, minutes: u64) -> Result<(), Error> {
    if minutes < ROUNDS_MIN {
        return Err(Error::new(format!(
            "what grows is not seen in less than {ROUNDS_MIN} minutes"
        )));
    }
    let folder = target(workspace).join("commands");
    appliance::with_worst(workspace, &folder)?;
    let image = appliance::build_deadly(workspace, &folder)?;
    let disk = disk::blank(workspace, "soak.disk", DISK_BYTES)?;
    let begun = Instant::now();
    let output = work(workspace, &image, &disk, minutes)?;
    let counted: Vec<Counted> = output.lines().filter_map(Counted::read).collect();
    let wrong = |what: String| Error::new(format!("{what}:\n{output}"));
    // What one line shows depends on what is done just then: the least of many does not.
    let quarter = counted.len() / 4;
    if quarter == 0 {
        return Err(wrong("nothing was counted".into()));
    }
    let first = Counted::least(&counted[quarter..2 * quarter]);
    let last = Counted::least(&counted[counted.len() - quarter..]);
    let passed = counted.last().map_or(0, |last| last.second);
    println!("           {} counts, from {first:?} to {last:?}", counted.len());
    if let Some(what) = first.growth(&last) {
        return Err(wrong(format!("there were more {what} in the end: {first:?}, then {last:?}")));
    }
    appliance::audit(workspace, &[disk.display().to_string()])?;
    println!(
        "   ok      EL1  {passed} seconds of a machine's time in {} of this one's, {minutes} \
         rounds: nothing grows",
        begun.elapsed().as_secs()
    );
    disk::remove(&disk)
}

/// Talks with it for so many rounds.
fn work(workspace: &Workspace, image: &Path, disk: &Path, rounds: u64) -> Result<String, Error> {
    let mut lines = vec![Line { after: PROMPT, text: "/grant run /bin/worst any paths\r" }];
    for _ in 0..rounds {
        lines.extend_from_slice(ROUND);
    }
    lines.push(END);
    let patience = Duration::from_secs(60 + 5 * rounds);
    let arguments = format!("selftest=count:{COUNTED_SECONDS}");
    let machine =
        Machine { disk: Some(disk), pace: Some(0), patience, arguments: &arguments, ..SMALL };
    let outcome = converse(workspace, image, &machine, &lines)?;
    let output = outcome.output;
    let wrong = |what: &str| Err(Error::new(format!("{what}:\n{output}")));
    if let Some(found) = ["panic", "fault", "agent: "].iter().find(|it| output.contains(**it)) {
        return wrong(&format!("it says `{found}`"));
    }
    let ended = output.matches(OVER).count() as u64;
    if ended < rounds {
        return wrong(&format!("in {rounds} rounds {ended} commands were ended for their time"));
    }
    match outcome.status {
        Some(0) if output.contains(NOTHING_LEFT) => Ok(output),
        status => wrong(&format!("it ended with {status:?}, or something is left")),
    }
}

/// What the kernel counted at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted {
    second: u64,
    frames: u64,
    objects: u64,
    handles: u64,
    grants: u64,
    heap: u64,
}

impl Counted {
    /// `[  60.000123] counted: 900 frames, 12 objects, 30 handles, 40 grants, 500 bytes of heap`
    fn read(line: &str) -> Option<Self> {
        let (time, counts) = line.split_once("] counted: ")?;
        let second = time.trim_start_matches('[').trim().split('.').next()?.parse().ok()?;
        let mut numbers = counts.split(' ').filter_map(|word| word.parse().ok());
        let mut next = || numbers.next();
        let (frames, objects, handles) = (next()?, next()?, next()?);
        Some(Self { second, frames, objects, handles, grants: next()?, heap: next()? })
    }

    fn least(all: &[Self]) -> Self {
        let least = |of: fn(&Self) -> u64| all.iter().map(of).min().unwrap_or(0);
        Self {
            second: least(|it| it.second),
            frames: least(|it| it.frames),
            objects: least(|it| it.objects),
            handles: least(|it| it.handles),
            grants: least(|it| it.grants),
            heap: least(|it| it.heap),
        }
    }

    /// What there is more of later, if there is.
    fn growth(&self, later: &Self) -> Option<&'static str> {
        [
            ("frames", self.frames + FRAMES_OF_LOG, later.frames),
            ("objects", self.objects, later.objects),
            ("handles", self.handles, later.handles),
            ("grants", self.grants, later.grants),
            ("bytes of heap", self.heap + HEAP_OF_LOG, later.heap),
        ]
        .into_iter()
        .find_map(|(what, before, after)| (after > before).then_some(what))
    }
}

const ROUND: &[Line<'_>] = &[
    Line { after: PROMPT, text: "list the files here\r" },
    Line { after: PROMPT, text: "read shopping.txt\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run wc shopping.txt\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run fgrep -r lemons .\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run /bin/worst wait\r" },
    Line { after: PROMPT, text: "/clear\r" },
];

/// What is said of a command that never ends.
const OVER: &str = "its time was over after 60 seconds";

/// How often it is counted.
const COUNTED_SECONDS: u64 = 10;

/// A quarter of the counts is compared with another.
const ROUNDS_MIN: u64 = 4;

/// What the agent may keep of a log that grows: a megabyte.
const FRAMES_OF_LOG: u64 = 256;

/// What the kernel may keep of one that is not on the disk yet.
const HEAP_OF_LOG: u64 = 256 << 10;

/// Half of it is for the kernel's record, of which a round leaves some dozens of kilobytes.
const DISK_BYTES: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_what_grows_is_named() {
        let line = "[ 60.000123] counted: 900 frames, 12 objects, 30 handles, 40 grants, 500 bytes \
                    of heap";
        let first = Counted::read(line).unwrap();
        assert_eq!((first.second, first.frames, first.heap), (60, 900, 500));
        assert_eq!(Counted::read("[ 60.1] audit: 7 records"), None);
        assert_eq!(first.growth(&first), None);
        let more = Counted { handles: 31, ..first };
        assert_eq!(first.growth(&more), Some("handles"));
        assert_eq!(Counted::least(&[more, first]), first);
    }
}
