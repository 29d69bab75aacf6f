//! A person at a terminal: keys, what was said before, several lines, and a terminal left as found.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::home::{Home, text};

/// A chat in a terminal of its own, and all that was seen there.
struct Sitting {
    keys: File,
    /// The program's side of it, so that it lives on without the program.
    inside: File,
    seen: Arc<Mutex<Vec<u8>>>,
    agent: Child,
}

impl Sitting {
    fn new(home: &Home, name: &str) -> Self {
        Self::of(home.sentinel(&["chat"]), name)
    }

    fn of(mut agent: Command, name: &str) -> Self {
        let (outside, inside) = terminal();
        agent.env("TERM", name).stdin(inside.try_clone().unwrap());
        agent.stdout(inside.try_clone().unwrap()).stderr(inside.try_clone().unwrap());
        let (keys, seen) = (outside, Arc::new(Mutex::new(Vec::new())));
        let mut screen = keys.try_clone().unwrap();
        let shown = seen.clone();
        std::thread::spawn(move || {
            let mut room = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut room) {
                shown.lock().unwrap().extend_from_slice(&room[..count]);
            }
        });
        Self { keys, inside, seen, agent: agent.spawn().unwrap() }
    }

    /// Types, and forgets what was seen so far.
    fn press(&mut self, keys: &str) {
        self.seen.lock().unwrap().clear();
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn shows(&self, words: &str) {
        for _ in 0..6000 {
            if self.screen().contains(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("no {words:?} in {:?}", self.screen());
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    fn is_line_by_line(&self) -> bool {
        let modes = tcgetattr(&self.inside).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

/// A terminal: the side of who sits there, and the program's.
fn terminal() -> (File, File) {
    let outside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&outside).unwrap();
    unlockpt(&outside).unwrap();
    let inside = ptsname(&outside, Vec::new()).unwrap();
    let mut options = File::options();
    options.read(true).write(true).custom_flags(OFlags::NOCTTY.bits().cast_signed());
    (File::from(outside), options.open(inside.to_str().unwrap()).unwrap())
}

impl Drop for Sitting {
    fn drop(&mut self) {
        let _ = self.agent.kill();
        let _ = self.agent.wait();
    }
}

/// Under all the confinement there is: a line is mended and said again, now and after a new start,
/// a paste is one message, and the terminal is as it was.
#[test]
fn a_message_is_edited_and_found_again() {
    let home = Home::new("typing");
    fs::write(home.path.join("work/README.md"), "# A house\n").unwrap();
    let mut sitting = Sitting::new(&home, "xterm");
    sitting.shows("Ctrl-D ends it.");
    sitting.shows("> ");
    assert!(!sitting.is_line_by_line());
    // The last word is mended, then the first.
    sitting.press("ead READMX.md\x1b[D\x1b[D\x1b[D\x7fE\x01r\r");
    sitting.shows("# A house");
    sitting.shows("> ");
    sitting.press("\x1b[200~list the files here\nand be quick\x1b[201~");
    sitting.shows("  and be quick");
    sitting.press("\r");
    sitting.shows("README.md");
    // Two messages ago; no such sequence is sent.
    sitting.press("\x1b[A\x1b[A\x1b[A\r");
    sitting.shows("# A house");
    sitting.press("half a mess\x15\x04");
    assert!(sitting.agent.wait().unwrap().success());
    assert!(sitting.is_line_by_line());
    sitting.shows("\x1b[?2004l");
    let mut again = Sitting::new(&home, "xterm");
    again.shows("Ctrl-D ends it.");
    again.press("\x1b[A\r");
    again.shows("# A house");
    // Whoever ends it in another way finds the terminal as it was, too.
    let agent = Pid::from_child(&again.agent);
    kill_process(agent, Signal::TERM).unwrap();
    assert!(again.agent.wait().unwrap().success() && again.is_line_by_line());
}

/// A command as the first process of a session with a terminal of its own, which is told when that
/// is gone. `words` start it.
fn in_a_session(words: &[&str], command: &Command) -> Command {
    let mut session = Command::new("setsid");
    session.arg("--ctty").args(words).arg(command.get_program()).args(command.get_args());
    command.get_envs().for_each(|(name, value)| match value {
        Some(value) => drop(session.env(name, value)),
        None => drop(session.env_remove(name)),
    });
    command.get_current_dir().map(|directory| session.current_dir(directory));
    session
}

/// What the program says of its work stands above what is being typed, and both stay whole.
#[test]
fn a_line_of_the_log_does_not_stand_in_what_is_typed() {
    let home = Home::new("typing-log");
    home.configure("");
    let mut sitting = Sitting::new(&home, "xterm");
    sitting.shows("Ctrl-D ends it.");
    sitting.shows("> ");
    sitting.press("half a mess");
    // Whole, with where the cursor goes in the end.
    sitting.shows("half a mess\r\x1b[13C");
    sitting.seen.lock().unwrap().clear();
    kill_process(Pid::from_child(&sitting.agent), Signal::HUP).unwrap();
    sitting.shows("made: 0\r\n> half a mess");
    assert!(sitting.screen().starts_with("\r\x1b[Jsentinel: "), "{:?}", sitting.screen());
    sitting.press("age\r");
    sitting.shows("> half a message\r\n");
}

/// A chat that was stopped, and is told to end while the shell has the terminal, ends: it is not
/// stopped anew where it mends the terminal, and shows nothing there, not what it says of its work
/// either.
#[test]
fn a_stopped_chat_ends_when_it_is_told_to() {
    let home = Home::new("typing-stopped");
    home.configure("");
    // A shell with jobs gives each of them the terminal, and takes it back. This one leaves the
    // terminal as it found it then.
    let script = "set -m; \"$@\"; echo it has stopped; kill -HUP %1; kill -TERM %1; \
                  kill -CONT %1; while kill -0 %1 2>/dev/null; do sleep 0.1; done; echo it is gone";
    let chat = home.sentinel(&["chat"]);
    let mut sitting = Sitting::of(in_a_session(&["sh", "-c", script, "sh"], &chat), "xterm");
    sitting.shows("Ctrl-D ends it.");
    sitting.shows("> ");
    sitting.press("half");
    sitting.shows("half\r\x1b[6C");
    sitting.press("\x1a");
    sitting.shows("it has stopped\r\n");
    sitting.shows("it is gone");
    let screen = sitting.screen();
    let own = screen.replacen("\x1b[?2004l", "", 1);
    assert!(!own.contains('\x1b') && !own.contains("sentinel"), "the shell's now: {screen:?}");
    assert!(own != screen && sitting.is_line_by_line(), "nobody mended it: {screen:?}");
    let output = home.sentinel(&["chat", "-m", "/status"]).output().unwrap();
    assert!(!text(&output.stdout).contains("restarted"), "{output:?}");
}

/// Whoever closes the window of a chat leaves a log that is signed, and a next chat that has
/// nothing to say of it.
#[test]
fn a_terminal_that_is_closed_ends_the_chat_in_good_order() {
    let home = Home::new("typing-closed");
    let chat = home.sentinel(&["chat"]);
    let (mut outside, inside) = terminal();
    let mut agent = in_a_session(&[], &chat);
    agent.env("TERM", "xterm").stdin(inside.try_clone().unwrap());
    agent.stdout(inside.try_clone().unwrap()).stderr(Stdio::null());
    let mut agent = agent.spawn().unwrap();
    drop(inside);
    let (mut seen, mut room) = (String::new(), [0; 4096]);
    while !seen.contains("\x1b[?2004h") || !seen.contains("> ") {
        let count = outside.read(&mut room).unwrap();
        seen += &String::from_utf8_lossy(&room[..count]);
    }
    outside.write_all(b"hello\rhalf a line").unwrap();
    drop(outside);
    let status = agent.wait().unwrap();
    assert!(status.success(), "{status}: {seen:?}");
    let output = home.sentinel(&["chat", "-m", "/status"]).output().unwrap();
    assert!(!text(&output.stdout).contains("restarted"), "{output:?}");
}

/// A terminal that cannot move its cursor is one line after the other.
#[test]
fn a_terminal_that_can_do_nothing_is_asked_for_nothing() {
    let home = Home::new("typing-dumb");
    fs::write(home.path.join("work/README.md"), "# A house\n").unwrap();
    let mut sitting = Sitting::new(&home, "dumb");
    sitting.shows("Ctrl-D ends it.");
    assert!(sitting.is_line_by_line());
    sitting.press("read README.md\r");
    sitting.shows("# A house");
    assert!(!sitting.screen().contains('\x1b'), "{:?}", sitting.screen());
    sitting.press("\x04");
    assert!(sitting.agent.wait().unwrap().success());
}
