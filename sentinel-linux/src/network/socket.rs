//! Sockets that never block: the few calls that the rest of this module needs.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, SocketType, netdevice,
    sockopt,
};

/// Begins to connect; the socket can be written once that is decided, and
/// [`connect_outcome`] says how.
pub(super) fn stream(to: SocketAddr) -> io::Result<OwnedFd> {
    let socket = open(to.ip(), SocketType::STREAM)?;
    // What is written is whole messages: nothing is won by waiting for more.
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_socket_keepalive(&socket, true)?;
    begin(&socket, to)?;
    Ok(socket)
}

/// A socket that sends datagrams to one address and takes them from no other. The kernel chooses
/// its port at random.
pub(super) fn datagrams(to: SocketAddr) -> io::Result<OwnedFd> {
    let socket = open(to.ip(), SocketType::DGRAM)?;
    begin(&socket, to)?;
    Ok(socket)
}

/// An address with the interface that a link-local one is on, by name or number.
pub(super) fn with_zone(to: SocketAddr, zone: Option<&str>) -> io::Result<SocketAddr> {
    let (SocketAddr::V6(six), Some(zone)) = (to, zone) else { return Ok(to) };
    let scope = match zone.parse() {
        Ok(number) => number,
        Err(_) => netdevice::name_to_index(open(to.ip(), SocketType::DGRAM)?, zone)?,
    };
    Ok(SocketAddrV6::new(*six.ip(), six.port(), 0, scope).into())
}

/// How connecting went, once the socket can be written: nothing if it has not ended.
pub(super) fn connect_outcome(socket: &OwnedFd) -> Option<Result<(), Errno>> {
    match sockopt::socket_error(socket) {
        Ok(Ok(())) => match rustix::net::getpeername(socket) {
            Ok(_) => Some(Ok(())),
            Err(Errno::NOTCONN) => None,
            Err(error) => Some(Err(error)),
        },
        Ok(Err(error)) | Err(error) => Some(Err(error)),
    }
}

/// Takes what came, up to a full buffer; nothing if nothing did.
pub(super) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> Result<Option<usize>, Errno> {
    loop {
        match rustix::net::recv(&socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Ok((count, _)) => return Ok(Some(count.min(buffer.len()))),
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Sends what fits now; nothing if nothing does.
pub(super) fn send(socket: impl AsFd, bytes: &[u8]) -> Result<Option<usize>, Errno> {
    send_pieces(socket, &[IoSlice::new(bytes)])
}

fn send_pieces(socket: impl AsFd, pieces: &[IoSlice<'_>]) -> Result<Option<usize>, Errno> {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        let mut control = SendAncillaryBuffer::default();
        match rustix::net::sendmsg(&socket, pieces, &mut control, flags) {
            Ok(count) => return Ok(Some(count)),
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

fn open(family: IpAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if family.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(family, kind, flags, None)?)
}

fn begin(socket: &OwnedFd, to: SocketAddr) -> io::Result<()> {
    match rustix::net::connect(socket, &to) {
        // After an interruption it goes on by itself, as connect(2) says.
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A socket as rustls wants it.
#[derive(Debug)]
pub(crate) struct Raw<'a>(pub(crate) BorrowedFd<'a>);

impl io::Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        receive(self.0, buffer)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

impl io::Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(self.0, bytes)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        // More at once than the system takes would be refused as a whole.
        let pieces = pieces.get(..PIECES_AT_ONCE).unwrap_or(pieces);
        send_pieces(self.0, pieces)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PIECES_AT_ONCE: usize = 64;
