//! The side of the attempt: a process that tries one thing and says how it went.
//!
//! # Invariants
//! - Nothing is tried unless whoever starts it hands over a ground: on a command line alone the
//!   word means nothing.

use std::process::ExitCode;

use super::ground::{Ground, VARIABLE, WORD};
use super::{Refused, named, network_smuggled, victim};
use crate::plain::Plain;

/// What an attempt says first: without it nothing was tried, whatever came out.
pub(super) const BEGUN: &str = "sentinel-breakout: begun";
/// What it says last, before one of the words below.
pub(super) const ENDED: &str = "sentinel-breakout: ended: ";
pub(super) const THROUGH: &str = "through";
pub(super) const STOPPED: &str = "stopped: ";
pub(super) const UNTRIED: &str = "untried: ";
/// Shows that a sandbox lets an attempt do what it may.
pub(super) const CONTROL: &str = "@control";
/// Shows that its proxy does, too.
pub(super) const CONTROL_OF_PROXY: &str = "@control-of-proxy";
/// Plays the process that is attacked.
pub(super) const VICTIM: &str = "@victim";

/// If this process was started to try one thing: tries it.
pub(crate) fn attempted() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next()? != "doctor" || words.next()? != WORD {
        return None;
    }
    let name = words.next()?;
    let ground = Ground::read(&std::env::var(VARIABLE).ok()?);
    if name == VICTIM {
        return Some(victim::play(&ground));
    }
    println!("{BEGUN}");
    let ended = match (name.as_str(), named(&name)) {
        (CONTROL, _) => control(&ground),
        (CONTROL_OF_PROXY, _) => network_smuggled::control(&ground),
        (_, Some(attempt)) => (attempt.run)(&ground),
        (_, None) => Err(Refused::untried("nobody knows this attempt")),
    };
    // On a line of its own, whatever stands before it.
    let word = match &ended {
        Ok(()) => THROUGH.to_string(),
        Err(Refused::Stopped(why)) => format!("{STOPPED}{why}"),
        Err(Refused::Untried(why)) => format!("{UNTRIED}{why}"),
    };
    println!("\n{ENDED}{word}");
    Some(ExitCode::SUCCESS)
}

/// What a sandbox has to allow, lest it stops everything and proves nothing: files in the
/// workspace, reading what was granted, a program of the system.
fn control(ground: &Ground) -> super::Tried {
    let file = ground.workspace("control");
    std::fs::write(&file, ground.sign())?;
    if std::fs::read_to_string(&file)? != ground.sign() {
        return Err(Refused::stopped("the workspace does not hold what was written"));
    }
    std::fs::read(ground.shared("file"))?;
    let said = Plain::new("/bin/sh").words(["-c", "echo $((6 * 7))"]).said()?;
    match said.stdout.as_slice() {
        b"42\n" => Ok(()),
        _ => Err(Refused::stopped("a shell cannot count")),
    }
}
