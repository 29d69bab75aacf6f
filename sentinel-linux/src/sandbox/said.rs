//! What a program in a sandbox wrote, up to what is taken of it.
//!
//! # Invariants
//! - However much is written and however fast, no more than this is kept, and whoever writes more
//!   is found out by the first byte of it.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;

/// What was written so far.
#[derive(Debug, Default)]
pub(crate) struct Said {
    bytes: Vec<u8>,
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// There may come more.
    Some,
    /// Everybody who could write has ended.
    All,
    /// It was more than is taken: nobody reads the rest, and who writes it is to be ended.
    TooMuch,
}

impl Said {
    /// Takes what can be had at once.
    pub(crate) fn read(&mut self, output: &OwnedFd) -> Heard {
        let mut bytes = [0; 16 * 1024];
        match rustix::io::read(output, &mut bytes) {
            Err(Errno::INTR | Errno::AGAIN) => Heard::Some,
            Ok(0) | Err(_) => Heard::All,
            Ok(count) => {
                let room = RUNTIME_OUTPUT_BYTES_MAX - self.bytes.len();
                let read = bytes.get(..count).unwrap_or_default();
                self.bytes.extend_from_slice(read.get(..room).unwrap_or(read));
                if count > room { Heard::TooMuch } else { Heard::Some }
            }
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
