//! A machine that is talked with: what is typed, and when.
//!
//! # Invariants
//! - A line is typed when the machine said what it waits for, and not before.
//! - A machine that does not end by itself is ended, and says so in its outcome.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::qemu::{Machine, Outcome};
use crate::error::Error;
use crate::workspace::Workspace;

/// Something that is typed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'l> {
    /// What the machine says first, after the line before.
    pub(super) after: &'l str,
    pub(super) text: &'l str,
}

/// Boots an image, types these lines, and waits for the machine's end.
pub(super) fn converse(
    workspace: &Workspace,
    image: &Path,
    machine: &Machine<'_>,
    lines: &[Line<'_>],
) -> Result<Outcome, Error> {
    let (mut place, mut lines) = (0, lines.iter().peekable());
    attend(workspace, image, machine, |output| {
        let line = *lines.peek()?;
        place += output[place..].find(line.after)? + line.after.len();
        lines.next();
        Some(line.text)
    })
}

/// Boots an image, types what this makes of all that was said so far, and waits for the machine's
/// end. It is asked again while it has something to type, when something was said, and now and
/// then.
pub(super) fn attend<'t>(
    workspace: &Workspace,
    image: &Path,
    machine: &Machine<'_>,
    mut type_next: impl FnMut(&str) -> Option<&'t str>,
) -> Result<Outcome, Error> {
    let process = machine.process(workspace, image).args(["-display", "none"]);
    let mut command = process.command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().map_err(|cause| process.not_started(&cause))?;
    let (mut typed, said) = (child.stdin.take(), child.stdout.take());
    let (tell, hear) = channel();
    let reader = std::thread::spawn(move || {
        let Some(mut said) = said else { return };
        let mut room = [0; 4096];
        while let Ok(count) = said.read(&mut room)
            && count > 0
            && tell.send(room[..count].to_vec()).is_ok()
        {}
    });
    let deadline = Instant::now() + machine.patience;
    let mut output = String::new();
    let has_ended = loop {
        while let Some(text) = type_next(&output) {
            // A machine that takes nothing any more says so by its end.
            let _ = typed.as_mut().map(|typed| typed.write_all(text.as_bytes()));
            let _ = typed.as_mut().map(std::process::ChildStdin::flush);
        }
        match hear.recv_timeout(LOOK) {
            Ok(bytes) => output.push_str(&String::from_utf8_lossy(&bytes).replace('\r', "")),
            Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if Instant::now() >= deadline {
            break false;
        }
    };
    if !has_ended {
        // It may have ended just now, which is as well.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|cause| process.not_started(&cause))?;
    // It ends with the pipe.
    let _ = reader.join();
    Ok(Outcome { output, status: status.code().filter(|_| has_ended) })
}

/// How long nothing is said before it is looked whether something is to be typed.
const LOOK: Duration = Duration::from_millis(50);
