//! A call that the kernel stopped a program at, and what is answered.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rustix::fd::{AsRawFd as _, OwnedFd};

/// A call that waits for an answer.
#[derive(Debug)]
pub(super) struct Notice {
    id: u64,
    process: u32,
    pub(super) call: u32,
    pub(super) arguments: [u64; 6],
}

impl Notice {
    /// Takes the next.
    pub(super) fn receive(listener: &OwnedFd) -> std::io::Result<Self> {
        let mut raw = RawNotice::default();
        request(listener, RECEIVE, &raw mut raw)?;
        let RawNotice { id, process, call, arguments, .. } = raw;
        Ok(Self { id, process, call, arguments })
    }

    /// Whether it still waits: then whatever was read of its process was read of it.
    pub(super) fn is_valid(&self, listener: &OwnedFd) -> bool {
        let mut id = self.id;
        request(listener, IS_VALID, &raw mut id).is_ok()
    }

    /// Lets it be made, or fail with this error. Who does not wait any more, needs no answer.
    pub(super) fn answer(&self, listener: &OwnedFd, error: Option<i32>) {
        let (error, flags) = match error {
            Some(error) => (-error, 0),
            None => (0, CONTINUE),
        };
        let mut raw = RawAnswer { id: self.id, value: 0, error, flags };
        let _ = request(listener, ANSWER, &raw mut raw);
    }

    /// The name that stands at an address in its memory.
    pub(super) fn text(&self, address: u64) -> Option<Vec<u8>> {
        let memory = File::open(format!("/proc/{}/mem", self.process)).ok()?;
        let mut text = vec![0; PATH_BYTES_MAX];
        let mut length = 0;
        // Behind a page there may be nothing.
        while length < PATH_BYTES_MAX {
            let from = address.checked_add(u64::try_from(length).ok()?)?;
            let in_page = PAGE_BYTES - usize::try_from(from % PAGE_BYTES as u64).ok()?;
            let end = (length + in_page).min(PATH_BYTES_MAX);
            let read = memory.read_at(text.get_mut(length..end)?, from).ok()?;
            let read_bytes = text.get(length..length + read)?;
            if let Some(at) = read_bytes.iter().position(|byte| *byte == 0) {
                text.truncate(length + at);
                return Some(text);
            }
            length += read;
            if read == 0 {
                return None;
            }
        }
        None
    }

    /// The directory behind a descriptor of its, or the one it is in.
    pub(super) fn directory(&self, descriptor: Option<u64>) -> Option<PathBuf> {
        let process = self.process;
        // Numbers of descriptors are the lower half of an argument.
        let number = descriptor.map(|number| (number & u64::from(u32::MAX)) as u32);
        let link = match number.map(u32::cast_signed) {
            None | Some(libc::AT_FDCWD) => format!("/proc/{process}/cwd"),
            Some(number) => format!("/proc/{process}/fd/{number}"),
        };
        std::fs::read_link(link).ok()
    }
}

/// Asks something of the descriptor.
fn request<T>(listener: &OwnedFd, what: u32, about: *mut T) -> std::io::Result<()> {
    // SAFETY: each request stands below with the structure that belongs to it, whose size is a part
    // of its number: the kernel reads and writes no further. It outlives the call.
    let answer = unsafe {
        libc::syscall(libc::SYS_ioctl, listener.as_raw_fd(), libc::c_ulong::from(what), about)
    };
    if answer < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// `struct seccomp_notif`, with `struct seccomp_data` in it.
#[derive(Default)]
#[repr(C)]
struct RawNotice {
    id: u64,
    process: u32,
    flags: u32,
    call: u32,
    architecture: u32,
    instruction: u64,
    arguments: [u64; 6],
}

/// `struct seccomp_notif_resp`.
#[repr(C)]
struct RawAnswer {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

// From <linux/seccomp.h>, which counts the size of the structures in.
const RECEIVE: u32 = 0xc050_2100;
const ANSWER: u32 = 0xc018_2101;
const IS_VALID: u32 = 0x4008_2102;
const CONTINUE: u32 = 1;
const _: () = assert!(size_of::<RawNotice>() == 0x50 && size_of::<RawAnswer>() == 0x18);

/// As long as Linux takes them.
const PATH_BYTES_MAX: usize = 4096;
const PAGE_BYTES: usize = 4096;
