//! A connection as a pair of byte streams, in the clear or under TLS.
//!
//! # Invariants
//! - Nothing blocks. What cannot be sent now waits here, and whoever fills that looks first whether
//!   it is empty.
//! - Everything that was decrypted is read before the socket is asked again, so that epoll, which
//!   sees only the socket, misses nothing.
//! - An end that could be an attacker's is not taken for a good one: see [`Input::Truncated`].

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::Errno;
use rustls::ClientConnection;

use super::failure::{Broken, FailureKind};
use super::{socket, tls};
use crate::poller::{Interest, Poller, Token};

/// One end of a connection.
pub(super) struct Link {
    socket: OwnedFd,
    token: Token,
    /// What epoll waits for; nothing if it does not know the socket.
    interest: Option<Interest>,
    tls: Option<Box<ClientConnection>>,
    /// What was said and not yet taken by the socket or by TLS.
    out: Vec<u8>,
    out_start: usize,
    /// Whether any of what was said may have got to the other end.
    has_spoken: bool,
    /// A socket whose other end is closed may still hold an answer, so that is no failure before
    /// reading ends too.
    write_error: Option<Errno>,
}

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// So many bytes of the buffer.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The other end said that it is done.
    End,
    /// The connection ended without a word under TLS: anybody on the way can do that.
    Truncated,
}

impl Link {
    /// A connected socket that epoll waits for with `interest`.
    pub(super) const fn new(socket: OwnedFd, token: Token, interest: Interest) -> Self {
        Self {
            socket,
            token,
            interest: Some(interest),
            tls: None,
            out: Vec::new(),
            out_start: 0,
            has_spoken: false,
            write_error: None,
        }
    }

    pub(super) fn start_tls(&mut self, tls: ClientConnection) {
        self.tls = Some(Box::new(tls));
        self.has_spoken = false;
    }

    /// Begins the next exchange: what was said in the last one no longer counts.
    pub(super) const fn begin(&mut self) {
        self.has_spoken = false;
    }

    pub(super) const fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// Where to append what is to be sent.
    pub(super) const fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// How much waits to be sent in the clear.
    pub(super) fn out_bytes(&self) -> usize {
        self.out.len().saturating_sub(self.out_start)
    }

    /// Whether there is nothing left to send.
    pub(super) fn is_flushed(&self) -> bool {
        let wants_write = self.tls.as_ref().is_some_and(|tls| tls.wants_write());
        self.write_error.is_some() || (self.out_bytes() == 0 && !wants_write)
    }

    /// Goes on with a handshake; true once it is over.
    pub(super) fn shake_hands(&mut self, host: &str) -> Result<bool, Broken> {
        let Some(tls) = &mut self.tls else { return Ok(true) };
        while tls.is_handshaking() {
            match tls.complete_io(&mut socket::Raw(self.socket.as_fd())) {
                Ok((0, 0)) | Err(_) if !tls.is_handshaking() => break,
                Ok((0, 0)) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(tls::explain_io(&error, host)),
            }
        }
        Ok(true)
    }

    /// Sends what can be sent now; true if anything moved.
    pub(super) fn flush(&mut self) -> bool {
        let mut has_moved = false;
        while self.write_error.is_none() {
            let rest = self.out.get(self.out_start..).unwrap_or_default();
            let taken = match &mut self.tls {
                None if rest.is_empty() => break,
                None => match socket::send(&self.socket, rest) {
                    Ok(Some(count)) => count,
                    Ok(None) => break,
                    Err(error) => {
                        self.write_error = Some(error);
                        break;
                    }
                },
                Some(tls) => {
                    // It takes up to the bound of its own buffer, and never fails.
                    let taken = tls.writer().write(rest).unwrap_or(0);
                    if taken == 0 && !tls.wants_write() {
                        break;
                    }
                    match tls.write_tls(&mut socket::Raw(self.socket.as_fd())) {
                        Ok(0) if taken == 0 => break,
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                            self.out_start += taken;
                            break;
                        }
                        Err(error) => {
                            self.write_error = Errno::from_io_error(&error).or(Some(Errno::IO));
                            break;
                        }
                    }
                    taken
                }
            };
            self.has_spoken = true;
            has_moved = true;
            self.out_start += taken;
        }
        if self.out_bytes() == 0 || self.write_error.is_some() {
            self.out.clear();
            self.out_start = 0;
            self.out.shrink_to(OUT_BYTES_KEPT);
        }
        has_moved
    }

    /// Takes what came. Without `asks_socket`, only what was decrypted already.
    pub(super) fn read(&mut self, buffer: &mut [u8], asks_socket: bool) -> Result<Input, Broken> {
        // An end that was closed may have left an answer; after another error there is nothing to
        // wait for.
        if let Some(error) = self.write_error
            && !matches!(error, Errno::PIPE | Errno::CONNRESET)
        {
            return Err(self.cut(error));
        }
        let Some(tls) = &mut self.tls else {
            if !asks_socket {
                return Ok(Input::Nothing);
            }
            return match socket::receive(&self.socket, buffer) {
                Ok(None) => Ok(Input::Nothing),
                Ok(Some(0)) => Ok(Input::End),
                Ok(Some(count)) => Ok(Input::Bytes(count)),
                Err(error) => Err(self.cut(error)),
            };
        };
        for _ in 0..RECORDS_AT_ONCE {
            match tls.reader().read(buffer) {
                Ok(0) => return Ok(Input::End),
                Ok(count) => return Ok(Input::Bytes(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Ok(Input::Truncated),
            }
            if !asks_socket {
                return Ok(Input::Nothing);
            }
            match tls.read_tls(&mut socket::Raw(self.socket.as_fd())) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Input::Nothing);
                }
                Err(error) => {
                    return Err(self.cut(Errno::from_io_error(&error).unwrap_or(Errno::IO)));
                }
            }
            if let Err(error) = tls.process_new_packets() {
                // The alert that tells the other end.
                let _ = tls.write_tls(&mut socket::Raw(self.socket.as_fd()));
                return Err(Broken::new(FailureKind::Tls, format!("TLS broke: {error}")));
            }
        }
        // Who sends records with nothing in them is heard again after everybody else. All that was
        // read is processed, so that epoll tells of the rest.
        match tls.reader().read(buffer) {
            Ok(0) => Ok(Input::End),
            Ok(count) => Ok(Input::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Input::Nothing),
            Err(_) => Ok(Input::Truncated),
        }
    }

    /// Says goodbye as far as that takes no waiting, and is not waited for any more.
    pub(super) fn close(&mut self, poller: &Poller) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut socket::Raw(self.socket.as_fd()));
        }
        if self.interest.take().is_some() {
            // It is closed right after this, which takes it out as well.
            let _ = poller.remove(&self.socket);
        }
    }

    /// The socket alone, which epoll does not know any more.
    pub(super) fn into_socket(mut self, poller: &Poller) -> OwnedFd {
        if self.interest.take().is_some() {
            // It was added, so there is nothing that could fail.
            let _ = poller.remove(&self.socket);
        }
        self.socket
    }

    /// Tells epoll what is waited for now. A link that is paused is taken out, because one whose
    /// other end is gone would be told about for ever.
    pub(super) fn wait_for(&mut self, poller: &Poller, is_paused: bool) -> io::Result<()> {
        let writes = !self.is_flushed();
        let wanted = (!is_paused).then_some(Interest { reads: true, writes });
        if wanted == self.interest {
            return Ok(());
        }
        match (self.interest, wanted) {
            (Some(_), Some(interest)) => poller.change(&self.socket, self.token, interest)?,
            (None, Some(interest)) => poller.add(&self.socket, self.token, interest)?,
            (_, None) => poller.remove(&self.socket)?,
        }
        self.interest = wanted;
        Ok(())
    }

    fn cut(&self, error: Errno) -> Broken {
        let error = self.write_error.unwrap_or(error);
        Broken::cut(format!("the connection broke: {}", describe(error)))
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Link")
            .field("socket", &self.socket)
            .field("interest", &self.interest)
            .field("is_tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// An error of the system, in its words and without its number.
pub(super) fn describe(error: Errno) -> String {
    let text = io::Error::from(error).to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_ascii_lowercase()
}

/// How often a connection is asked without a word of content coming out.
const RECORDS_AT_ONCE: usize = 64;
/// What a buffer keeps for its next use.
const OUT_BYTES_KEPT: usize = 16 * 1024;
