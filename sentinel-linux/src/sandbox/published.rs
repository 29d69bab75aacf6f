//! Ports of a sandbox that are reached from outside.
//!
//! A socket belongs to the network in which it was made. So for each port a process in the sandbox
//! has two: one that was made outside, on which it takes connections, and one that it makes inside
//! for each of them. It carries bytes between the two and understands nothing of them.
//!
//! Each direction is a process that reads and writes and waits for nothing else, so that who does
//! not read holds up nobody but himself. They count among the sandbox's processes, have all its
//! walls and a filter that leaves them little more than reading and writing, and end with it.
//!
//! # Invariants
//! - Nothing here allocates: it is called in processes that were just cloned.

use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, accept_with, connect,
    recv, send, shutdown, socket_with,
};
use rustix::thread::CapabilitySet;

use super::fault::{At as _, Fault, Stage};
use super::kernel::{self, Side};
use super::launch;

/// A port outside, on which connections are taken, and the port inside that they lead to.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) listener: OwnedFd,
    pub(crate) inside: u16,
}

/// The calls that these processes make.
pub(super) const CALLS: &[libc::c_long] = &[
    libc::SYS_accept4,
    libc::SYS_brk,
    libc::SYS_clone3,
    libc::SYS_close,
    libc::SYS_connect,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_munmap,
    libc::SYS_recvfrom,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigreturn,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    libc::SYS_socket,
];

/// Makes a process for each door.
pub(super) fn open(doors: &[Door], filter: &[libc::sock_filter]) -> Result<(), Fault> {
    for door in doors {
        if let Side::Child = kernel::clone(0, None).at(Stage::Processes)? {
            kernel::reset_signals();
            kernel::ignore_children();
            if launch::keep(CapabilitySet::empty()).is_ok() && kernel::install(filter).is_ok() {
                take(door);
            }
            kernel::end(1);
        }
    }
    Ok(())
}

/// Takes connections, until everything ends.
fn take(door: &Door) {
    loop {
        let outer = match accept_with(&door.listener, SocketFlags::CLOEXEC) {
            Ok(outer) => outer,
            // It was given up before it was taken; or there are as many as there may be.
            Err(Errno::INTR | Errno::CONNABORTED) => continue,
            Err(_) => return,
        };
        // Whoever waits for nobody inside is told so by the end of the connection; and so is who
        // comes when there are as many processes as there may be.
        if let Ok(inner) = reach(door.inside)
            && let Ok(Side::Child) = kernel::clone(0, None)
        {
            match kernel::clone(0, None) {
                Ok(Side::Child) => carry(&outer, &inner),
                Ok(Side::Parent { .. }) => carry(&inner, &outer),
                Err(_) => {}
            }
            kernel::end(0);
        }
    }
}

fn reach(port: u16) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    Ok(socket)
}

/// Carries bytes one way, until there are no more or nobody takes them.
fn carry(from: &OwnedFd, to: &OwnedFd) {
    let mut bytes = [0; BYTES];
    loop {
        let mut left = match recv(from, &mut bytes, RecvFlags::empty()) {
            Err(Errno::INTR) => continue,
            Err(_) | Ok((_, 0)) => break,
            Ok((_, count)) => bytes.get(..count).unwrap_or_default(),
        };
        while !left.is_empty() {
            match send(to, left, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                Ok(count) => left = left.get(count..).unwrap_or_default(),
                Err(_) => {
                    // Nobody takes it: then nobody needs to send more.
                    let _ = shutdown(from, Shutdown::Read);
                    return;
                }
            }
        }
    }
    let _ = shutdown(to, Shutdown::Write);
}

const BYTES: usize = 16 * 1024;
