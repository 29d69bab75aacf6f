//! The network: a program connects to a host on this machine, over a card that is emulated.
//!
//! The manifest is one that anybody could write: one program serves the network, another is given
//! endpoints. What that one must not is tried by itself; see `programs/src/bin/reach.rs`.
//!
//! In the middle of the bytes the cable is pulled, and put back.
//!
//! # Invariants
//! - Both servers are on this machine's loopback; nothing else is asked for anything.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::cable::Cable;
use super::cases::{self, Case};
use super::disk;
use super::qemu::{Board, Machine};
use super::{Kind, build_with, zcu102};
use crate::error::Error;
use crate::workspace::Workspace;

/// Lets a program send so many kilobytes to a host that sends them back, on each machine that has a
/// network card.
pub(super) fn run(workspace: &Workspace, kilobytes: u64) -> Result<(), Error> {
    let disk = disk::blank(workspace, "network.disk", DISK_BYTES + kilobytes * LOGGED)?;
    let virt = Machine { disk: Some(&disk), ..Machine::new("") };
    let output = reach(workspace, virt, "virt", kilobytes)?;
    if !output.contains(FROM_A_DEVICE) {
        return Err(Error::new(format!("it does not say `{FROM_A_DEVICE}`:\n{output}")));
    }
    super::record(workspace, &disk, None)?;
    disk::remove(&disk)?;
    let tree = zcu102::tree(workspace)?;
    let zcu102 = Machine { board: Board::Zcu102(&tree), ..Machine::new("") };
    reach(workspace, zcu102, "zcu102", kilobytes).map(drop)
}

/// Boots once and gives what was said.
fn reach(
    workspace: &Workspace,
    machine: Machine<'_>,
    name: &str,
    kilobytes: u64,
) -> Result<String, Error> {
    let wrong = |cause| Error::new(format!("no server on the loopback: {cause}"));
    let arrived = Arc::new(AtomicU64::new(0));
    let (echo, names) = servers(arrived.clone()).map_err(wrong)?;
    let manifest = manifest(echo, names, kilobytes);
    let image = build_with(workspace, Kind::Plain, Some(("network.toml", manifest)))?;
    let case = Case {
        name: "the network, over a card and over its driver",
        arguments: "init=bin/init -- network.toml".into(),
        expected: SAID,
        forbidden: &["panic", "fault", "FAILED", "killed"],
        status: 0,
    };
    let patience = Duration::from_secs(60 + kilobytes / 100);
    let cable = Cable::watch(kilobytes * 1024 / 2, arrived);
    let machine = Machine {
        arguments: &case.arguments,
        has_network: true,
        orders: Some(cable.orders()),
        patience,
        ..machine
    };
    let outcome = machine.boot(workspace, &image)?;
    let pulled = cable.end();
    match cases::difference(&case, &outcome.output, outcome.status) {
        None => {
            let pulled = pulled?;
            println!(
                "   ok      EL1  {name}: the cable was pulled after {pulled} bytes, and put back"
            );
            for line in outcome.output.lines().filter(|line| line.starts_with("reach: ")) {
                println!("   ok      EL1  {name}: {line}");
            }
            Ok(outcome.output)
        }
        Some(what) => Err(Error::new(format!("the network of {name}: {what}\n{}", outcome.output))),
    }
}

/// What init is told: ports are known only now.
fn manifest(echo: u16, names: u16, kilobytes: u64) -> String {
    format!(
        r#"
[[program]]
name = "network"
file = "bin/network"
arguments = ["dns=10.0.2.2:{names}", "private"]
handles = ["network:read,write,manage,inspect,wait", "clock:read", "entropy:read"]
restart = "failure"

[program.job]
memory = 16777216
processes = 1

[[program]]
name = "reach"
file = "bin/reach"
arguments = ["{echo}", "{kilobytes}"]
handles = [
    "console:write", "clock:read", "entropy:read", "record:read",
    "endpoint=echo.test:{echo}:connect", "endpoint=other.example:80:connect",
    "endpoint=*.test:{echo}:connect,manage",
]
restart = "stop"

[program.job]
memory = 8388608
processes = 1
hosts = ["*.test:{echo}"]
"#
    )
}

/// A host that sends back what it is sent, and one that knows where it is. Gives their ports; both
/// end with this process. What the first one is sent is counted.
fn servers(arrived: Arc<AtomicU64>) -> std::io::Result<(u16, u16)> {
    let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let names = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let ports = (echo.local_addr()?.port(), names.local_addr()?.port());
    std::thread::spawn(move || {
        for stream in echo.incoming().flatten() {
            let arrived = arrived.clone();
            std::thread::spawn(move || send_back(stream, &arrived));
        }
    });
    std::thread::spawn(move || {
        let mut room = [0; 1500];
        while let Ok((count, from)) = names.recv_from(&mut room) {
            if let Some(answer) = answer(&room[..count]) {
                // Whoever asked asks again.
                let _ = names.send_to(&answer, from);
            }
        }
    });
    Ok(ports)
}

fn send_back(mut stream: TcpStream, arrived: &AtomicU64) {
    let mut room = [0; 16 * 1024];
    while let Ok(count) = stream.read(&mut room) {
        arrived.fetch_add(count as u64, Ordering::Relaxed);
        if count == 0 || stream.write_all(&room[..count]).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
}

/// RFC 1035 §4: that `echo.test` is this machine, as the emulator has it, and no other name is.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let name = question.get(12..)?.split_inclusive(|byte| *byte == 0).next()?;
    let is_known = name.eq_ignore_ascii_case(b"\x04echo\x04test\0");
    let mut answer = question.get(..12 + name.len() + 4)?.to_vec();
    let code = if is_known { 0 } else { NO_SUCH_NAME };
    answer[2..12].copy_from_slice(&[0x81, 0x80 | code, 0, 1, 0, is_known.into(), 0, 0, 0, 0]);
    if is_known {
        // The name of the question, an address, for a minute.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 2, 2]);
    }
    Some(answer)
}

/// What the kernel says where virtio has a source of random bytes.
const FROM_A_DEVICE: &str = "entropy: 32 bytes of a device";

/// What the programs say, in this order.
const SAID: &[&str] = &[
    "reach: ",
    " bytes went there and came back",
    "reach asked for NETWORK:evil.test:80: not allowed",
    "reach: 64 connections at once, and no more",
    "reach: all went as it should",
    "init: reach ended with 0",
    cases::NOTHING_LEFT,
];

const NO_SUCH_NAME: u8 = 3;

/// Files, and what a record of no length takes.
const DISK_BYTES: u64 = 64 << 20;

/// More than what a kilobyte leaves in the record, which has half of the disk.
const LOGGED: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_known() {
        let question = |name: &[u8]| {
            [&[7; 2][..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 1], name, &[0, 1, 0, 1]].concat()
        };
        let known = answer(&question(b"\x04eChO\x04test\0")).unwrap();
        assert_eq!(known[known.len() - 4..], [10, 0, 2, 2]);
        assert_eq!(known[..4], [7, 7, 0x81, 0x80]);
        let unknown = answer(&question(b"\x04echo\x07example\0")).unwrap();
        assert_eq!((unknown[3], unknown[7]), (0x83, 0));
        assert_eq!(answer(&[0; 11]), None);
    }
}
