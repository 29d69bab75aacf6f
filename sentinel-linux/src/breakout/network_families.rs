//! Families of sockets: each is a part of the kernel that few programs need.

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, RawProtocol, SocketType, socket};

use super::{Attempt, Need, Proof, Refused, Tried};

/// A row: the name of the attempt, the family, the kind and the protocol, and what it needs.
macro_rules! families {
    ($($name:literal $what:literal $family:expr, $kind:ident, $protocol:expr, $needs:expr;)*) => {
        pub(super) const ATTEMPTS: &[Attempt] = &[$(Attempt::new(
            concat!("socket-", $name),
            concat!("A socket of this kind is made: ", $what, "."),
            Proof::Word,
            |_| make($family, SocketType::$kind, $protocol),
        ).needing($needs)),*];
    };
}

families! {
    "tcp" "connections over IPv4" 2, STREAM, 0, &[Need::NoProxy];
    "tcp6" "connections over IPv6" 10, STREAM, 0, &[Need::NoProxy];
    "udp" "datagrams over IPv4" 2, DGRAM, 0, &[];
    "udp6" "datagrams over IPv6" 10, DGRAM, 0, &[];
    "udp-lite" "datagrams that may be damaged" 2, DGRAM, 136, &[];
    "many-paths" "connections over several networks (MPTCP)" 2, STREAM, 262, &[];
    "streams" "connections of many streams (SCTP)" 2, STREAM, 132, &[];
    "congestion" "datagrams with a handshake (DCCP)" 2, STREAM, 33, &[];
    "ping" "echo requests without a right" 2, DGRAM, 1, &[];
    "raw" "packets of any protocol over IPv4" 2, RAW, 255, &[];
    "raw6" "packets of any protocol over IPv6" 10, RAW, 255, &[];
    "packet" "all that goes over the cable" 17, RAW, 0, &[];
    "unix" "services of this machine" 1, STREAM, 0, &[];
    "unix-datagram" "datagrams on this machine" 1, DGRAM, 0, &[];
    "unix-messages" "messages on this machine" 1, SEQPACKET, 0, &[];
    "netlink-route" "cards and routes" 16, RAW, 0, &[];
    "netlink-diagnosis" "the sockets of others" 16, RAW, 4, &[];
    "netlink-filter" "the rules of the firewall" 16, RAW, 12, &[];
    "netlink-audit" "what the kernel logs about users" 16, RAW, 9, &[];
    "netlink-events" "devices that come and go" 16, RAW, 15, &[];
    "netlink-generic" "many small parts of the kernel" 16, RAW, 16, &[];
    "netlink-crypto" "the ciphers of the kernel, by messages" 16, RAW, 21, &[];
    "netlink-transform" "encryption of packets" 16, RAW, 6, &[];
    "vsock" "the host of a virtual machine" 40, STREAM, 0, &[];
    "vsock-datagram" "datagrams to the host of a virtual machine" 40, DGRAM, 0, &[];
    "cipher" "the ciphers of the kernel" 38, SEQPACKET, 0, &[];
    "express" "packets past the kernel (XDP)" 44, RAW, 0, &[];
    "key-management" "keys for encryption of packets" 15, RAW, 2, &[];
    "bluetooth" "radio" 31, RAW, 1, &[];
    "can" "the bus of a vehicle" 29, RAW, 1, &[];
    "cluster" "messages in a cluster (TIPC)" 30, SEQPACKET, 0, &[];
    "reliable-datagrams" "datagrams of databases (RDS)" 21, SEQPACKET, 0, &[];
    "near-field" "cards held close" 39, SEQPACKET, 0, &[];
    "packet-switching" "a network of long ago (X.25)" 9, SEQPACKET, 0, &[];
    "amateur-radio" "packets by radio (AX.25)" 3, SEQPACKET, 0, &[];
    "apple-talk" "printers of long ago" 5, DGRAM, 0, &[];
    "shared-memory" "connections by shared memory (SMC)" 43, STREAM, 0, &[];
    "modem-processor" "the processors beside this one" 42, DGRAM, 0, &[];
    "kernel-multiplexor" "messages in a stream (KCM)" 41, DGRAM, 0, &[];
    "logical-link" "the layer below addresses (LLC)" 26, DGRAM, 0, &[];
    "phone" "modems of telephones" 35, DGRAM, 0, &[];
    "point-to-point" "links by telephone (PPPoX)" 24, STREAM, 0, &[];
    "management" "controllers on the mainboard (MCTP)" 45, DGRAM, 0, &[];
    "low-power-radio" "radio of small things" 36, RAW, 0, &[];
}

fn make(family: u16, kind: SocketType, protocol: u32) -> Tried {
    let protocol = RawProtocol::new(protocol).map(Protocol::from_raw);
    let made: Result<OwnedFd, Errno> = socket(AddressFamily::from_raw(family), kind, protocol);
    match made {
        Ok(_) => Ok(()),
        Err(error) => Err(Refused::from(error)),
    }
}
