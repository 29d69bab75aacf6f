//! The light on the board: whether it shines while programs run.
//!
//! # Invariants
//! - The machine waits for somebody to type, which nobody does: it is ended when its light shines,
//!   and not before.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::cable;
use super::qemu::Machine;
use crate::error::Error;
use crate::workspace::Workspace;

/// Boots the image on a Raspberry Pi 4 and looks at its light.
pub(super) fn run(workspace: &Workspace, image: &Path, machine: Machine<'_>) -> Result<(), Error> {
    // As for the cable: a socket's path is short.
    let orders = std::env::temp_dir().join(format!("luperiq-{}.light", std::process::id()));
    let is_over = Arc::new(AtomicBool::new(false));
    let (path, over) = (orders.clone(), is_over.clone());
    let watcher = std::thread::spawn(move || watch(&path, &over));
    let machine = Machine { orders: Some(&orders), ..machine };
    let outcome = machine.boot(workspace, image);
    is_over.store(true, Ordering::Relaxed);
    let has_shone = watcher.join().is_ok_and(|shone| shone.is_ok_and(|shone| shone));
    let _ = std::fs::remove_file(&orders);
    let outcome = outcome?;
    if !has_shone || outcome.status != Some(0) {
        return Err(Error::new(format!("the light does not shine:\n{}", outcome.output)));
    }
    println!("   ok      {}the light shines while programs run", machine.name());
    Ok(())
}

/// Looks at the light until it shines, and ends the machine.
fn watch(orders: &Path, is_over: &AtomicBool) -> std::io::Result<bool> {
    let mut emulator = loop {
        match UnixStream::connect(orders) {
            Ok(emulator) => break emulator,
            Err(error) if is_over.load(Ordering::Relaxed) => return Err(error),
            Err(_) => std::thread::sleep(POLL),
        }
    };
    emulator.set_read_timeout(Some(PATIENCE))?;
    cable::prompt(&mut emulator)?;
    while !is_over.load(Ordering::Relaxed) {
        emulator.write_all(LOOK)?;
        let answer = cable::prompt(&mut emulator)?;
        if levels(&answer).is_some_and(|levels| levels & LIGHT != 0) {
            emulator.write_all(b"quit\n")?;
            return Ok(true);
        }
        std::thread::sleep(POLL);
    }
    Ok(false)
}

/// What the emulator says that is in a word of memory.
fn levels(answer: &str) -> Option<u32> {
    let (_, word) = answer.split_once(": 0x")?;
    u32::from_str_radix(word.get(..8)?, 16).ok()
}

/// The second half of the levels of pins, of which the light's, pin 42, is one.
const LOOK: &[u8] = b"xp /1wx 0xfe200038\n";
const LIGHT: u32 = 1 << (42 - 32);

const POLL: Duration = Duration::from_millis(20);

/// For an emulator that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_from_an_answer() {
        let answer = "xp /1wx 0xfe200038\r\n00000000fe200038: 0x00000400\r\n(qemu) ";
        assert_eq!(levels(answer), Some(LIGHT));
        assert_eq!(levels("unknown command\r\n(qemu) "), None);
    }
}
