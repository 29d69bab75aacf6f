//! What may come in which order, beneath TLS.
//!
//! `embedded-tls` believes an alert in the clear at any time, so whoever stands between could end
//! an answer and let it pass for a whole one. Here records are looked at before it reads them.
//!
//! # Invariants
//! - After the handshake nothing is read but what is sealed.
//! - A record is no longer than TLS allows, and a handshake not longer than a bound.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::Future;

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

use luperiq_runtime::abi::Error;

/// A connection, as the kernel or a test has it.
pub trait Wire {
    /// Takes what came, waiting for it until a moment of the monotonic clock; 0 if no more comes.
    ///
    /// # Errors
    /// Why nothing came.
    fn read(
        &mut self,
        room: &mut [u8],
        deadline: u64,
    ) -> impl Future<Output = Result<usize, Cause>>;

    /// Sends some bytes, waiting for room until a moment.
    ///
    /// # Errors
    /// Why they were not sent.
    fn write(&mut self, bytes: &[u8], deadline: u64) -> impl Future<Output = Result<usize, Cause>>;
}

/// Why a connection does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody waits for it any more.
    LetGo,
    /// The moment came.
    TimedOut,
    /// What came may not come here.
    Odd(&'static str),
    /// The kernel says so.
    Kernel(Error),
}

/// What is known of a connection from outside of it.
#[derive(Debug, Default)]
pub struct Watch {
    is_open: Cell<bool>,
    is_within: Cell<bool>,
    deadline: Cell<u64>,
    cause: RefCell<Option<Cause>>,
}

impl Watch {
    /// From now on it is waited until this moment.
    pub fn until(&self, deadline: u64) {
        self.deadline.set(deadline);
    }

    /// Why it does not go on, if it is known.
    pub fn cause(&self) -> Option<Cause> {
        *self.cause.borrow()
    }

    /// Whether a part of a record was read, and not all of it.
    pub fn is_within(&self) -> bool {
        self.is_within.get()
    }

    /// The handshake is over.
    pub(crate) fn open(&self) {
        self.is_open.set(true);
    }

    fn failed(&self, cause: Cause) -> Failed {
        self.cause.replace(Some(cause));
        Failed
    }
}

/// A connection whose records are looked at.
#[derive(Debug)]
pub(crate) struct Records<'w, W> {
    wire: W,
    watch: &'w Watch,
    head: [u8; HEAD_BYTES],
    /// How much of the head is there.
    head_bytes: usize,
    /// How much of the record comes after it.
    rest: usize,
    /// Of the handshake.
    bytes_count: usize,
}

impl<'w, W: Wire> Records<'w, W> {
    pub(crate) const fn new(wire: W, watch: &'w Watch) -> Self {
        Self { wire, watch, head: [0; HEAD_BYTES], head_bytes: 0, rest: 0, bytes_count: 0 }
    }

    /// What a head says, when it is there: how long the record is.
    fn judge(&self) -> Result<usize, Cause> {
        let [kind, _, _, high, low] = self.head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > RECORD_BYTES_MAX {
            return Err(Cause::Odd("it sent a record that is longer than TLS allows"));
        }
        match kind {
            SEALED if length > TAG_BYTES => Ok(length),
            CHANGE | ALERT | HANDSHAKE if length > 0 && !self.watch.is_open.get() => Ok(length),
            _ if self.watch.is_open.get() => {
                Err(Cause::Odd("something came that was not sealed with its key"))
            }
            _ => Err(Cause::Odd("it does not speak TLS")),
        }
    }
}

impl<W: Wire> Read for Records<'_, W> {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Failed> {
        if room.is_empty() {
            return Ok(0);
        }
        let is_head = self.rest == 0;
        let wanted = if is_head { HEAD_BYTES - self.head_bytes } else { self.rest };
        let (room, _) = room.split_at_mut(wanted.min(room.len()));
        let read = self.wire.read(room, self.watch.deadline.get()).await;
        let count = read.map_err(|cause| self.watch.failed(cause))?;
        if !self.watch.is_open.get() {
            self.bytes_count += count;
            if self.bytes_count > HANDSHAKE_BYTES_MAX {
                return Err(self.watch.failed(Cause::Odd("its handshake does not end")));
            }
        }
        match is_head {
            false => self.rest -= count,
            true => {
                for (place, byte) in self.head.iter_mut().skip(self.head_bytes).zip(&*room) {
                    *place = *byte;
                }
                self.head_bytes += count;
                if self.head_bytes == HEAD_BYTES {
                    self.head_bytes = 0;
                    self.rest = self.judge().map_err(|cause| self.watch.failed(cause))?;
                }
            }
        }
        self.watch.is_within.set(self.head_bytes > 0 || self.rest > 0);
        Ok(count)
    }
}

impl<W: Wire> Write for Records<'_, W> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Failed> {
        let written = self.wire.write(bytes, self.watch.deadline.get()).await;
        written.map_err(|cause| self.watch.failed(cause))
    }

    async fn flush(&mut self) -> Result<(), Failed> {
        Ok(())
    }
}

impl<W> ErrorType for Records<'_, W> {
    type Error = Failed;
}

/// It does not go on; the [`Watch`] knows why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection does not go on")
    }
}

impl core::error::Error for Failed {}

impl embedded_io_async::Error for Failed {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

const HEAD_BYTES: usize = 5;

/// RFC 8446 §5.1: the kinds of records.
const CHANGE: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SEALED: u8 = 23;

/// What seals a record. Inside there is a byte at least, which says of what kind it is (RFC 8446
/// §5.2); `embedded-tls` does not look whether there is.
const TAG_BYTES: usize = 16;

/// RFC 8446 §5.2: 16 KiB, and what sealing adds.
pub(crate) const RECORD_BYTES_MAX: usize = (16 << 10) + 256;

/// Certificates are a few kilobytes.
const HANDSHAKE_BYTES_MAX: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use core::pin::pin;
    use core::task::{Context, Poll, Waker};
    use std::vec::Vec;

    use super::*;

    struct Bytes(Vec<u8>);

    impl Wire for Bytes {
        async fn read(&mut self, room: &mut [u8], _: u64) -> Result<usize, Cause> {
            // Never more than three at once, so that heads are cut anywhere.
            let count = self.0.len().min(room.len()).min(3);
            room[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }

        async fn write(&mut self, bytes: &[u8], _: u64) -> Result<usize, Cause> {
            Ok(bytes.len())
        }
    }

    fn step(records: &mut Records<'_, Bytes>, room: &mut [u8]) -> Option<usize> {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(records.read(room)).poll(&mut context) {
            Poll::Ready(Ok(count)) if count > 0 => Some(count),
            _ => None,
        }
    }

    fn read(bytes: &[u8], is_open: bool) -> (Vec<u8>, Option<Cause>) {
        let watch = Watch::default();
        watch.is_open.set(is_open);
        let mut records = Records::new(Bytes(bytes.to_vec()), &watch);
        let (mut all, mut room) = (Vec::new(), [0; 4096]);
        while let Some(count) = step(&mut records, &mut room) {
            all.extend_from_slice(&room[..count]);
        }
        (all, watch.cause())
    }

    #[test]
    fn records_pass_as_they_are_and_only_sealed_ones_after_the_handshake() {
        let sealed = [&[23, 3, 3, 0, 20][..], &[1; 20], &[23, 3, 3, 0, 17], &[9; 17]].concat();
        assert_eq!(read(&sealed, true), (sealed.clone(), None));
        assert_eq!(read(&sealed, false), (sealed.clone(), None));
        // One with nothing inside, not even its kind.
        let empty = [&[23, 3, 3, 0, 16][..], &[1; 16]].concat();
        for is_open in [false, true] {
            assert!(matches!(read(&empty, is_open).1, Some(Cause::Odd(_))));
        }
        for kind in [CHANGE, ALERT, HANDSHAKE] {
            let record = [kind, 3, 3, 0, 2, 1, 0];
            assert_eq!(read(&record, false), (record.to_vec(), None));
            let (_, cause) = read(&[&sealed[..], &record].concat(), true);
            let why = "something came that was not sealed with its key";
            assert_eq!(cause, Some(Cause::Odd(why)), "{kind}");
        }
    }

    #[test]
    fn what_is_no_record_or_has_no_end_is_refused() {
        for (bytes, why) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "longer than TLS allows"),
            (&[24, 3, 3, 0, 1, 0], "does not speak TLS"),
            (&[22, 3, 3, 0, 0], "does not speak TLS"),
            (&[22, 3, 3, 0x41, 1], "longer than TLS allows"),
        ] {
            let (_, cause) = read(bytes, false);
            assert!(matches!(cause, Some(Cause::Odd(text)) if text.contains(why)), "{cause:?}");
        }
        let change = [CHANGE, 3, 3, 0, 1, 1].repeat(HANDSHAKE_BYTES_MAX / 6 + 1);
        assert_eq!(read(&change, false).1, Some(Cause::Odd("its handshake does not end")));
    }
}
