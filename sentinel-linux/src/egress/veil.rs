//! TLS around one socket, on which nothing blocks.
//!
//! # Invariants
//! - All that was decrypted is handed out before the socket is asked again, so that epoll, which
//!   sees only the socket, misses nothing: a buffer holds more than a record.
//!
//! # Not here
//! Who is believed, and who we are.

use std::io::{self, Read as _, Write as _};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustls::Connection;

use crate::network::Raw;

/// One end of TLS.
pub(super) struct Veil {
    tls: Box<Connection>,
    /// Why it broke.
    pub(super) fault: Option<rustls::Error>,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Bytes(usize),
    Nothing,
    /// The other end said that it is done.
    End,
    /// It is gone without a word: anybody on the way can do that.
    Cut,
}

impl Veil {
    pub(super) fn new(tls: Connection) -> Self {
        Self { tls: Box::new(tls), fault: None }
    }

    pub(super) fn is_shaking_hands(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Whether something of it waits to be sent.
    pub(super) fn waits_to_send(&self) -> bool {
        self.tls.wants_write()
    }

    /// Takes what was received before it was known to be TLS.
    pub(super) fn begin_with(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            match self.tls.read_tls(&mut bytes) {
                Ok(0) | Err(_) => return Err(Errno::PROTO),
                Ok(_) => self.process()?,
            }
        }
        Ok(())
    }

    pub(super) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        buffer: &mut [u8],
    ) -> Result<Heard, Errno> {
        for _ in 0..READS_AT_ONCE {
            match self.decrypted(buffer) {
                Heard::Nothing => {}
                heard => return Ok(heard),
            }
            match self.tls.read_tls(&mut Raw(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Heard::Nothing);
                }
                Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
            }
            if let Err(error) = self.process() {
                // The alert that tells the other end.
                let _ = self.tls.write_tls(&mut Raw(socket));
                return Err(error);
            }
        }
        Ok(self.decrypted(buffer))
    }

    /// Takes what fits of these bytes, and sends what can be sent; how much was taken.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            // It takes up to the bound of its own buffer, and never fails.
            let more = self.tls.writer().write(rest).unwrap_or(0);
            taken += more;
            while self.tls.wants_write() {
                match self.tls.write_tls(&mut Raw(socket)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(taken),
                    Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
                }
            }
            if more == 0 {
                return Ok(taken);
            }
        }
    }

    /// Says goodbye as far as that takes no waiting.
    pub(super) fn say_goodbye(&mut self, socket: BorrowedFd<'_>) {
        self.tls.send_close_notify();
        let _ = self.tls.write_tls(&mut Raw(socket));
    }

    fn decrypted(&mut self, buffer: &mut [u8]) -> Heard {
        match self.tls.reader().read(buffer) {
            Ok(0) => Heard::End,
            Ok(count) => Heard::Bytes(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
            Err(_) => Heard::Cut,
        }
    }

    fn process(&mut self) -> Result<(), Errno> {
        match self.tls.process_new_packets() {
            Ok(_) => Ok(()),
            Err(error) => {
                self.fault = Some(error);
                Err(Errno::PROTO)
            }
        }
    }
}

/// Not what it has in it.
impl std::fmt::Debug for Veil {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Veil").field("fault", &self.fault).finish_non_exhaustive()
    }
}

/// Who sends records with nothing in them is heard again after everybody else.
const READS_AT_ONCE: usize = 16;
