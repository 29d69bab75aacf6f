//! The network of a sandbox: none, or one whose only way out is handed to whoever started it.
//!
//! A socket belongs to the namespace in which it was made. So the sandbox's first process, before
//! any program runs, waits on a port of the loopback address inside and hands that socket out; who
//! has it takes connections that are made inside, with no process in between. There is no route to
//! anything else.
//!
//! # Not here
//! What is done with the connections: the proxy's.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, bind, listen, recvmsg, sendmsg,
    socket_with, sockopt,
};
use sentinel_core::sandbox::{Network, Profile};

use super::fault::{At as _, Fault, Stage};
use super::kernel;
use super::outcome::Report;

/// The port of the loopback address on which the proxy is reached from inside.
pub(crate) const PROXY_PORT: u16 = sentinel_core::sandbox::policy::PROXY_PORT;

/// Makes what there is of a network, and hands out the proxy's socket.
pub(super) fn make(profile: &Profile, report: &OwnedFd) -> Result<(), Fault> {
    if profile.network == Network::Proxied {
        let listener = proxy().at(Stage::Network)?;
        hand_out(&listener, report).at(Stage::Network)?;
    }
    Ok(())
}

fn proxy() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    kernel::raise_loopback(&listener)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, PROXY_PORT))?;
    listen(&listener, WAITING_MAX)?;
    Ok(listener)
}

fn hand_out(listener: &OwnedFd, report: &OwnedFd) -> rustix::io::Result<()> {
    let fds = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::INVAL);
    }
    let bytes = Report::Listening.bytes();
    sendmsg(report, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL).map(drop)
}

/// Takes the socket that a sandbox hands out, or what it says instead.
pub(super) fn take(report: &OwnedFd) -> std::io::Result<Result<OwnedFd, Report>> {
    let mut bytes = [0; Report::BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let received = loop {
        match recvmsg(report, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            outcome => break outcome?.bytes,
        }
    };
    let mut taken = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            for fd in fds {
                taken = Some(fd);
            }
        }
    }
    let told = Some(bytes).filter(|_| received == Report::BYTES).and_then(Report::read);
    match (told, taken) {
        (Some(Report::Listening), Some(listener)) => Ok(Ok(listener)),
        (Some(report @ (Report::Fault(_) | Report::Ended { .. })), _) => Ok(Err(report)),
        _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Connections that wait to be taken.
const WAITING_MAX: i32 = 64;
