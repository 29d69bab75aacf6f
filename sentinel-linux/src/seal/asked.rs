//! Asking for a secret in the terminal, where nothing of it is seen.
//!
//! It is the terminal that is asked, not standard input: that may be a pipe full of messages.
//!
//! # Invariants
//! - The terminal is left as it was found, also when whoever sits there gives up.

use std::fs::File;
use std::io::{self, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// Asks for a line.
pub(super) fn ask(question: &str) -> Result<Zeroizing<String>, String> {
    let terminal = File::options().read(true).write(true).open("/dev/tty").map_err(|_| {
        "the log is sealed with a passphrase, and there is no terminal to ask for it; name where \
         it is with passphrase_env, passphrase_file or passphrase_credential under [state]"
    })?;
    let quiet = Quiet::begin(&terminal).map_err(|error| format!("the terminal: {error}"))?;
    let answer = quiet.line(question).map_err(|error| format!("the terminal: {error}"))?;
    answer.ok_or_else(|| "no passphrase was given".into())
}

/// A terminal that shows nothing of what is typed.
struct Quiet<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Quiet<'t> {
    fn begin(terminal: &'t File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        // Ctrl-C comes as a letter: a signal would end the program with the terminal still mute.
        quiet.local_modes -=
            LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        // What was typed before the question is no answer to it.
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }

    /// What is typed until the end of the line; nothing if whoever types gives up.
    fn line(&self, question: &str) -> io::Result<Option<Zeroizing<String>>> {
        let mut terminal = self.terminal;
        terminal.write_all(question.as_bytes())?;
        // As long as it can become, so that no copy is left behind where it grew.
        let mut typed = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
        let is_given = loop {
            let mut byte = Zeroizing::new([0]);
            match terminal.read(&mut *byte) {
                Ok(0) => break false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => outcome?,
            };
            match byte[0] {
                b'\n' | b'\r' => break true,
                CTRL_C => break false,
                CTRL_D if typed.is_empty() => break false,
                CTRL_U => typed.clear(),
                BACKSPACE | DELETE => {
                    // The whole letter, however many bytes it has.
                    while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                }
                byte if byte >= b' ' && typed.len() < LINE_BYTES_MAX => typed.push(byte),
                _ => {}
            }
        };
        terminal.write_all(b"\n")?;
        let text = std::str::from_utf8(&typed).ok().map(|text| Zeroizing::new(text.to_string()));
        Ok(text.filter(|_| is_given))
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // There is nobody to tell, and nothing else to try.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// More than anybody types.
const LINE_BYTES_MAX: usize = 1024;
