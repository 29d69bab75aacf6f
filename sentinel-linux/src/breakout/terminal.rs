//! The terminal: typing into it, writing on it, reading from it, setting it otherwise.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::termios::{LocalModes, OptionalActions, Winsize};

use super::calls::{self, Word, ask};
use super::ground::{Ground, put_out};
use super::{Attempt, Need, Proof, Refused, Tried};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new(
        "type-into-terminal",
        "A terminal that the starting process had open is typed into: a shell would obey.",
        Proof::Terminal,
        |ground| type_into(ground, &inherited(ground)?),
    )
    .needing(TERMINAL),
    Attempt::new(
        "type-into-terminal-by-path",
        "The terminal of somebody else is opened by its path and typed into.",
        Proof::Terminal,
        |ground| type_into(ground, &by_path(ground)?),
    )
    .needing(TERMINAL),
    Attempt::new(
        "type-into-own-input",
        "The terminal that was given to read from is typed into.",
        Proof::Terminal,
        |ground| {
            // What is the first of the usual three anyway.
            type_into(ground, &File::from(rustix::io::dup(rustix::stdio::stdin())?))
        },
    )
    .needing(TERMINAL),
    Attempt::new(
        "write-on-terminal",
        "A terminal that the starting process had open is written on.",
        Proof::Terminal,
        |ground| Ok(inherited(ground)?.write_all(ground.sign().as_bytes())?),
    )
    .needing(TERMINAL),
    Attempt::new(
        "write-on-terminal-by-path",
        "The terminal of somebody else is opened by its path and written on.",
        Proof::Terminal,
        |ground| Ok(by_path(ground)?.write_all(ground.sign().as_bytes())?),
    )
    .needing(TERMINAL),
    Attempt::new(
        "read-from-terminal",
        "What a person types into a terminal is read by its path.",
        Proof::Secret,
        |ground| {
            let mut room = [0; 256];
            let read = rustix::io::read(by_path(ground)?, &mut room)?;
            put_out(room.get(..read).unwrap_or_default())
        },
    )
    .needing(TERMINAL),
    Attempt::new(
        "resize-terminal",
        "The size of somebody else's terminal is set.",
        Proof::Terminal,
        |ground| {
            let size = Winsize { ws_row: 1, ws_col: 1, ws_xpixel: 0, ws_ypixel: 0 };
            Ok(rustix::termios::tcsetwinsize(by_path(ground)?, size)?)
        },
    )
    .needing(TERMINAL),
    Attempt::new(
        "blind-terminal",
        "Somebody else's terminal no longer shows what is typed.",
        Proof::Terminal,
        |ground| {
            let terminal = by_path(ground)?;
            let mut modes = rustix::termios::tcgetattr(&terminal)?;
            modes.local_modes.remove(LocalModes::ECHO);
            Ok(rustix::termios::tcsetattr(&terminal, OptionalActions::Now, &modes)?)
        },
    )
    .needing(TERMINAL),
    Attempt::new(
        "blind-own-input",
        "The terminal that was given to read from no longer shows what is typed.",
        Proof::Terminal,
        |_| {
            let mut modes = rustix::termios::tcgetattr(rustix::stdio::stdin())?;
            modes.local_modes.remove(LocalModes::ECHO);
            Ok(rustix::termios::tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &modes)?)
        },
    )
    .needing(TERMINAL),
    Attempt::new(
        "set-line-discipline",
        "A seldom used part of the kernel is put behind a terminal.",
        Proof::Word,
        |ground| {
            // The discipline that there is already: the call is let in.
            let usual = 0_i32.to_ne_bytes();
            Ok(request(&by_path(ground)?, libc::TIOCSETD, Word::Bytes(&usual))?)
        },
    )
    .needing(TERMINAL),
    Attempt::new(
        "ask-console",
        "The console of the machine, into which TIOCLINUX could paste, answers it.",
        Proof::Word,
        |_| {
            let console =
                File::options().read(true).custom_flags(libc::O_NOCTTY).open("/dev/tty0")?;
            // Which keys are held: asked only.
            let mut room = [6, 0, 0, 0];
            Ok(request(&console, libc::TIOCLINUX, Word::Room(&mut room))?)
        },
    ),
    Attempt::new(
        "make-terminal",
        "A terminal of its own is made where the machine has its terminals.",
        Proof::Word,
        |ground| {
            let seen = std::path::Path::new(ground.text("terminal")?);
            rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY)?;
            match seen.exists() {
                true => Ok(()),
                false => Err(Refused::stopped("terminals here are others than outside")),
            }
        },
    )
    .needing(TERMINAL),
];

const TERMINAL: &[Need] = &[Need::Terminal];

/// A terminal under a number that it has if nobody closed it.
fn inherited(ground: &Ground) -> Result<File, Refused> {
    let number: i32 = ground.number("terminal-descriptor")?;
    // SAFETY: nothing in this process refers to what is open under this number, if anything is:
    // it was handed down, or it is closed and every use of it fails.
    let terminal = File::from(unsafe { OwnedFd::from_raw_fd(number) });
    match rustix::io::fcntl_getfd(&terminal) {
        Ok(_) => Ok(terminal),
        Err(error) => {
            // There is nothing to close.
            std::mem::forget(terminal);
            Err(error.into())
        }
    }
}

fn by_path(ground: &Ground) -> Result<File, Refused> {
    let mut options = File::options();
    let options = options.read(true).write(true).custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK);
    Ok(options.open(ground.text("terminal")?)?)
}

/// Makes it the terminal of a session of its own, for only into that one anybody may type. Who
/// leads a group already can lead no session, so a child does it.
fn type_into(ground: &Ground, terminal: &File) -> Tried {
    let ended = calls::in_child(|| {
        let _ = rustix::process::setsid();
        let typed = || {
            request(terminal, libc::TIOCSCTTY, Word::Number(0))?;
            let mut letters = ground.sign().bytes().chain([b'\n']);
            letters.try_for_each(|letter| request(terminal, libc::TIOCSTI, Word::Bytes(&[letter])))
        };
        let error = typed().err().map(|error| error.raw_os_error());
        error.map_or(0, |code| code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255))
    })?;
    match ended.exit_status() {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code).into()),
        None => Err(Refused::stopped(format!("it died: {ended:?}"))),
    }
}

fn request(terminal: &File, what: libc::Ioctl, with: Word<'_>) -> io::Result<()> {
    let number = i64::try_from(what).map_err(io::Error::other)?;
    ask(libc::SYS_ioctl, [terminal.as_raw_fd().into(), Word::Number(number), with])?;
    Ok(())
}
