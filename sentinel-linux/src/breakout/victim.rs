//! The victim: a process of the same user that holds the secret wherever a process can hold one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::process::ExitCode;

use rustix::mm::{MapFlags, ProtFlags, mmap};

use super::ground::Ground;

/// What it maps of its file, which is shared: whoever writes there is seen in the file.
pub(super) const MEMORY_BYTES: usize = 4096;
/// The variable in which it holds the secret.
pub(super) const VARIABLE: &str = "SENTINEL_BREAKOUT_KEY";

/// Says where it holds it, and waits until nobody holds its input any more.
pub(super) fn play(ground: &Ground) -> ExitCode {
    match hold(ground) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn hold(ground: &Ground) -> std::io::Result<()> {
    std::env::set_current_dir(ground.outside(""))?;
    let mut open = File::open("secret")?;
    let mut secret = String::new();
    open.read_to_string(&mut secret)?;
    let memory = File::options().read(true).write(true).open("memory")?;
    let (both, start) = (ProtFlags::READ | ProtFlags::WRITE, std::ptr::null_mut());
    // SAFETY: a new mapping, where the kernel likes, of a file that keeps its length; it is never
    // made a reference, so others may write to it.
    let place = unsafe { mmap(start, MEMORY_BYTES, both, MapFlags::SHARED, &memory, 0) }?;
    let (at, length) = (secret.as_ptr() as usize, secret.len());
    println!("{at} {length} {} {}", place as usize, open.as_raw_fd());
    std::io::stdout().flush()?;
    // Waits, and keeps what it holds until then.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop((secret, open));
    Ok(())
}
