//! The network of a sandbox: none, or one whose only way out is handed to whoever started it.
//!
//! A socket belongs to the namespace in which it was made. So the sandbox's first process, before
//! any program runs, waits on a port of the loopback address inside and hands that socket out; who
//! has it takes connections that are made inside, with no process in between. There is no route to
//! anything else.
//!
//! # Not here
//! What is done with the connections: the proxy's.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, write};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, bind, listen, sendmsg, socket_with, sockopt,
};
use sentinel_core::sandbox::{Network, Profile};

use super::fault::{At as _, Fault, Stage};
use super::kernel;
use super::outcome::{Report, receive_with};

/// The port of the loopback address on which the proxy is reached from inside.
pub(crate) const PROXY_PORT: u16 = sentinel_core::sandbox::policy::PROXY_PORT;

/// The variables that tell programs where the proxy is. Servers inside are reached without it,
/// unless it is this machine's that are meant.
pub(crate) fn way_to_proxy(is_to_here: bool) -> impl Iterator<Item = Vec<u8>> {
    let variables = [
        ("HTTP_PROXY", "http"),
        ("HTTPS_PROXY", "http"),
        ("ALL_PROXY", "socks5h"),
        ("http_proxy", "http"),
        ("https_proxy", "http"),
        ("all_proxy", "socks5h"),
    ];
    let named = variables.map(|(name, scheme)| format!("{name}={scheme}://127.0.0.1:{PROXY_PORT}"));
    let own = ["NO_PROXY", "no_proxy"].map(|name| format!("{name}=localhost,127.0.0.1,::1"));
    let own = own.into_iter().filter(move |_| !is_to_here);
    named.into_iter().chain(own).map(String::into_bytes)
}

/// Makes what there is of a network, and hands out the proxy's socket. `own` is this process in
/// `/proc`.
pub(super) fn make(profile: &Profile, own: &OwnedFd, report: &OwnedFd) -> Result<(), Fault> {
    if profile.network == Network::Proxied {
        let listener = proxy().at(Stage::Network)?;
        hand_out(&listener, report).at(Stage::Network)?;
    }
    if profile.published.iter().any(|port| *port < PRIVILEGED_PORTS_END) {
        open_all_ports(own).at(Stage::Network)?;
    }
    Ok(())
}

/// Lets everybody in this network, which is the sandbox's own, wait on every port: a published one
/// may be one of those that elsewhere only root waits on, such as 80, and nobody is root in here.
fn open_all_ports(own: &OwnedFd) -> rustix::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let setting = openat(own, c"../sys/net/ipv4/ip_unprivileged_port_start", flags, Mode::empty())?;
    write(&setting, b"0").map(drop)
}

fn proxy() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let listener = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    kernel::raise_loopback(&listener)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    // What it takes inherits this. The machine may pace what it sends so that others have their
    // share of a line (BBR); nobody shares this one, and pacing takes more than the bytes do. A
    // kernel that says no is slower, and that is all.
    let _ = sockopt::set_tcp_congestion(&listener, UNPACED);
    bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, PROXY_PORT))?;
    listen(&listener, WAITING_MAX)?;
    Ok(listener)
}

/// Hands out a descriptor.
pub(super) fn hand_out(listener: &OwnedFd, report: &OwnedFd) -> rustix::io::Result<()> {
    let fds = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::INVAL);
    }
    let bytes = Report::Listening.bytes();
    sendmsg(report, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL).map(drop)
}

/// Takes the descriptor that a sandbox hands out, or what it says instead.
pub(super) fn take(report: &OwnedFd) -> std::io::Result<Result<OwnedFd, Report>> {
    let mut bytes = [0; Report::BYTES];
    let (received, taken) = loop {
        match receive_with(report, &mut bytes, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            outcome => break outcome?,
        }
    };
    let told = Some(bytes).filter(|_| received == Report::BYTES).and_then(Report::read);
    match (told, taken) {
        (Some(Report::Listening), Some(listener)) => Ok(Ok(listener)),
        (Some(report @ (Report::Fault(_) | Report::Ended { .. })), _) => Ok(Err(report)),
        _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The control of congestion that every kernel has, and that never waits by a clock.
const UNPACED: &str = "reno";
/// The first port that everybody may wait on, unless a network says otherwise.
const PRIVILEGED_PORTS_END: u16 = 1024;
/// Connections that wait to be taken.
const WAITING_MAX: i32 = 64;
