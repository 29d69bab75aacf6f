//! The cable between a machine and the network, pulled and put back while bytes go through it.
//!
//! The emulator takes orders through a socket while it runs. With its link off it drops what
//! either side sends, as a wire does that lies on the floor.
//!
//! # Invariants
//! - While the cable is out nothing arrives: else it is an error, because nothing was tried.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::Error;

/// A cable that is pulled when so many bytes arrived, and put back later.
pub(super) struct Cable {
    thread: JoinHandle<Result<u64, String>>,
    is_over: Arc<AtomicBool>,
    orders: PathBuf,
}

impl Cable {
    /// Begins to watch. `arrived` grows with what arrives at this machine's end.
    pub(super) fn watch(after: u64, arrived: Arc<AtomicU64>) -> Self {
        // A socket's path has room for a hundred bytes, and a folder of builds may be longer.
        let orders = std::env::temp_dir().join(format!("luperiq-{}.orders", std::process::id()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (path, over) = (orders.clone(), is_over.clone());
        let thread = std::thread::spawn(move || pull(&path, after, &arrived, &over));
        Self { thread, is_over, orders }
    }

    /// Where the emulator is to take orders.
    pub(super) fn orders(&self) -> &Path {
        &self.orders
    }

    /// The machine has ended: gives how many bytes had arrived when the cable was pulled.
    pub(super) fn end(self) -> Result<u64, Error> {
        self.is_over.store(true, Ordering::Relaxed);
        let result = self.thread.join();
        // The emulator takes its socket away when it ends well.
        let _ = std::fs::remove_file(&self.orders);
        let result = result.unwrap_or_else(|_| Err("the thread that pulls it ended".into()));
        result.map_err(|what| Error::new(format!("the cable: {what}")))
    }
}

fn pull(
    orders: &Path,
    after: u64,
    arrived: &AtomicU64,
    is_over: &AtomicBool,
) -> Result<u64, String> {
    while arrived.load(Ordering::Relaxed) < after {
        if is_over.load(Ordering::Relaxed) {
            return Err("the machine ended before it was pulled".into());
        }
        std::thread::sleep(POLL);
    }
    let no_orders = |cause| format!("the emulator takes no orders: {cause}");
    let mut emulator = UnixStream::connect(orders).map_err(no_orders)?;
    emulator.set_read_timeout(Some(PATIENCE)).map_err(no_orders)?;
    prompt(&mut emulator).map_err(no_orders)?;
    let mut order = |text: &str| {
        let done = emulator.write_all(text.as_bytes()).and_then(|()| prompt(&mut emulator));
        done.map(drop).map_err(no_orders)
    };
    order("set_link net off\n")?;
    // What this machine had already taken from the wire still arrives.
    std::thread::sleep(SETTLED);
    let before = arrived.load(Ordering::Relaxed);
    std::thread::sleep(OUT);
    let meanwhile = arrived.load(Ordering::Relaxed) - before;
    order("set_link net on\n")?;
    if is_over.load(Ordering::Relaxed) {
        return Err("the machine ended while it was out".into());
    }
    match meanwhile {
        0 => Ok(before),
        _ => Err(format!("{meanwhile} bytes arrived while it was out")),
    }
}

/// Reads to the end of an answer, and gives it.
pub(super) fn prompt(emulator: &mut UnixStream) -> std::io::Result<String> {
    let (mut answer, mut room) = (Vec::new(), [0; 512]);
    while !answer.ends_with(b"(qemu) ") {
        match emulator.read(&mut room)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&room[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Short against what half of the bytes take.
const POLL: Duration = Duration::from_millis(1);

/// How long what was on its way may take.
const SETTLED: Duration = Duration::from_millis(300);

/// How long the cable is out: both ends send again several times meanwhile, to nobody.
const OUT: Duration = Duration::from_secs(3);

/// For an emulator that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);
