//! A terminal that hands over each key, and says where a paste begins and ends.
//!
//! # Invariants
//! - The terminal is left as it was found, however the program ends that it runs in, but for a
//!   kill or a fault of its own: then the shell behind it mends it.
//! - Who ends after it was stopped, while somebody else has the terminal, leaves it alone if the
//!   shell has mended it, and is asking there for the next command. Not every shell does: where it
//!   hands over each key as it was told to here, it is mended here.
//! - Ctrl-C and Ctrl-Z stay what they are, and Ctrl-\ ends it as Ctrl-C does.

use std::io::{self, Write as _};

use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr,
};

/// A terminal in that mode.
#[derive(Debug)]
pub(super) struct EachKey {
    before: Termios,
    during: Termios,
}

impl EachKey {
    /// From here on keys come one by one; not at all on a terminal that cannot show them by itself.
    pub(super) fn begin() -> io::Result<Option<Self>> {
        if std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb") {
            return Ok(None);
        }
        let before = tcgetattr(io::stdin())?;
        let mut during = before.clone();
        during.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
        during.special_codes[SpecialCodeIndex::VMIN] = 1;
        during.special_codes[SpecialCodeIndex::VTIME] = 0;
        let keys = Self { before, during };
        keys.resume()?;
        Ok(Some(keys))
    }

    /// The same again, after somebody else had it.
    pub(super) fn resume(&self) -> io::Result<()> {
        set(&self.during, PASTES_ARE_MARKED)
    }

    /// Whether somebody else has the terminal now. One that is no session's is everybody's.
    pub(super) fn is_elsewhere(&self) -> bool {
        tcgetpgrp(io::stdin()).is_ok_and(|group| group != getpgrp())
    }

    /// Whether nobody changed it. What reads keys for a shell changes more of it, or less.
    fn is_as_it_was_set(&self) -> bool {
        let modes =
            |of: &Termios| (of.input_modes, of.output_modes, of.control_modes, of.local_modes);
        tcgetattr(io::stdin()).is_ok_and(|now| modes(&now) == modes(&self.during))
    }
}

impl Drop for EachKey {
    fn drop(&mut self) {
        if !self.is_elsewhere() || self.is_as_it_was_set() {
            // There is nobody to tell, and nothing else to try.
            let _ = set(&self.before, PASTES_ARE_TYPED);
        }
    }
}

/// Whether what the program says of its work stands on the terminal where it talks.
pub(super) fn is_log_here() -> bool {
    let place = |status: rustix::fs::Stat| (status.st_dev, status.st_ino, status.st_rdev);
    match (fstat(io::stdout()), fstat(io::stderr())) {
        (Ok(out), Ok(log)) => place(out) == place(log),
        _ => false,
    }
}

/// How many columns and rows there are. A terminal that does not know has those of the first ones.
pub(super) fn size() -> (usize, usize) {
    let size = tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or((80, 24), |size| (size.ws_col.into(), size.ws_row.into()))
}

fn set(modes: &Termios, pastes: &str) -> io::Result<()> {
    loop {
        // What was typed meanwhile stays, and what is still to be written is written as before. It
        // is the one of three ways that a confined process has.
        match tcsetattr(io::stdin(), OptionalActions::Drain, modes) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut out = io::stdout().lock();
    out.write_all(pastes.as_bytes())?;
    out.flush()
}

const PASTES_ARE_MARKED: &str = "\x1b[?2004h";
const PASTES_ARE_TYPED: &str = "\x1b[?2004l";
