//! Network: reaching services of the host, being reached, and finding a way out.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SendFlags, SocketType, socket};

use super::calls::{NOTHING, Word, ask};
use super::files::every_descriptor;
use super::ground::Ground;
use super::names;
use super::{Attempt, Need, Proof, Refused, Tried};
use crate::plain::Plain;

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new("connect", "A service on this machine is reached.", Proof::Visited, |ground| {
        visit(ground, Ipv4Addr::LOCALHOST.into(), "tcp")
    }),
    Attempt::new(
        "connect-by-newer-protocol",
        "A service on this machine is reached over IPv6.",
        Proof::Visited,
        |ground| visit(ground, Ipv6Addr::LOCALHOST.into(), "tcp6"),
    ),
    Attempt::new(
        "connect-mapped-address",
        "An IPv4 service is reached by an address of IPv6 that means it.",
        Proof::Visited,
        |ground| visit(ground, Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), "tcp"),
    ),
    Attempt::new(
        "connect-no-address",
        "The address 0.0.0.0, which many lists forget, reaches this machine.",
        Proof::Visited,
        |ground| visit(ground, Ipv4Addr::UNSPECIFIED.into(), "tcp"),
    ),
    Attempt::new(
        "connect-by-name",
        "The name localhost is resolved and reached.",
        Proof::Visited,
        |ground| {
            let mut last = Refused::stopped("the name has no address");
            for address in names::addresses("localhost") {
                match visit(ground, address, "tcp") {
                    Ok(()) => return Ok(()),
                    Err(refused) => last = refused,
                }
            }
            Err(last)
        },
    ),
    Attempt::new(
        "connect-without-variables",
        "A program that was not told of a proxy, or forgot it, reaches a service by itself.",
        Proof::Visited,
        |ground| by_shell(ground, Plain::new(SHELL).without_variables()),
    ),
    Attempt::new(
        "connect-past-proxy",
        "A program that is told to use no proxy for anything reaches a service by itself.",
        Proof::Visited,
        |ground| {
            by_shell(ground, Plain::new(SHELL).variable("no_proxy", "*").variable("NO_PROXY", "*"))
        },
    ),
    Attempt::new("send-datagram", "A datagram reaches a service.", Proof::Visited, |ground| {
        send(ground, Ipv4Addr::LOCALHOST.into(), "udp")
    }),
    Attempt::new(
        "send-datagram-by-newer-protocol",
        "A datagram reaches a service over IPv6.",
        Proof::Visited,
        |ground| send(ground, Ipv6Addr::LOCALHOST.into(), "udp6"),
    ),
    Attempt::new(
        "ask-resolver",
        "A name that carries what was stolen is asked of a resolver on this machine.",
        Proof::Visited,
        |ground| {
            let mut question = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            for label in [ground.sign(), "example"] {
                question.push(u8::try_from(label.len()).map_err(Refused::untried)?);
                question.extend_from_slice(label.as_bytes());
            }
            question.extend_from_slice(&[0, 0, 16, 0, 1]);
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.send_to(&question, (Ipv4Addr::LOCALHOST, ground.number("udp")?))?;
            Ok(())
        },
    ),
    Attempt::new(
        "connect-while-sending",
        "MSG_FASTOPEN connects without connect, past rules for that call.",
        Proof::Visited,
        |ground| {
            let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ground.number("tcp")?));
            // Not named by the library: MSG_FASTOPEN.
            let flags = SendFlags::from_bits_retain(0x2000_0000);
            rustix::net::sendto(&socket, ground.sign().as_bytes(), flags, &address)?;
            answered(TcpStream::from(socket))
        },
    ),
    Attempt::new(
        "connect-by-many-paths",
        "MPTCP, which is TCP by another name, passes rules for TCP.",
        Proof::Visited,
        |ground| {
            let socket =
                socket(AddressFamily::INET, SocketType::STREAM, Some(rustix::net::ipproto::MPTCP))?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ground.number("tcp")?));
            rustix::net::connect(&socket, &address)?;
            tell(ground, TcpStream::from(socket))
        },
    ),
    Attempt::new(
        "be-called",
        "A service opened on a port of this machine can be called from outside.",
        Proof::Called,
        |ground| be_called(ground, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?),
    ),
    Attempt::new(
        "be-called-unbound",
        "listen without bind opens a port, past rules for bind.",
        Proof::Called,
        |ground| {
            let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
            rustix::net::listen(&socket, 8)?;
            be_called(ground, TcpListener::from(socket))
        },
    ),
    Attempt::new(
        "connect-abstract-socket",
        "A service of this machine that has a name but no file is reached.",
        Proof::Visited,
        |ground| {
            let name = ground.text("abstract")?;
            let name = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            tell_unix(ground, UnixStream::connect_addr(&name)?)
        },
    ),
    Attempt::new(
        "send-to-abstract-socket",
        "A datagram reaches a service that has a name but no file.",
        Proof::Visited,
        |ground| {
            let name = format!("{}-datagram", ground.text("abstract")?);
            let name = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            UnixDatagram::unbound()?.send_to_addr(ground.sign().as_bytes(), &name)?;
            Ok(())
        },
    ),
    Attempt::new(
        "connect-path-socket",
        "A service of this machine that has a file is reached, as a daemon of containers would be.",
        Proof::Visited,
        |ground| tell_unix(ground, UnixStream::connect(ground.text("path-socket")?)?),
    ),
    Attempt::new(
        "send-to-path-socket",
        "A datagram reaches a service that has a file, as the one of the log would be.",
        Proof::Visited,
        |ground| {
            let place = ground.text("path-datagram")?;
            UnixDatagram::unbound()?.send_to(ground.sign().as_bytes(), place)?;
            Ok(())
        },
    ),
    Attempt::new(
        "connect-socket-of-grant",
        "A service whose file lies where reading was granted is reached.",
        Proof::Visited,
        |ground| tell_unix(ground, UnixStream::connect(ground.shared("socket"))?),
    )
    .needing(&[Need::Sockets]),
    Attempt::new(
        "connect-socket-of-workspace",
        "A service whose file lies in the workspace is reached.",
        Proof::Visited,
        |ground| tell_unix(ground, UnixStream::connect(ground.workspace("socket"))?),
    )
    .needing(&[Need::Sockets]),
    Attempt::new(
        "connect-through-root-of-parent",
        "A service is reached by the name that its file has beneath the root of the parent.",
        Proof::Visited,
        |ground| {
            let parent = std::os::unix::process::parent_id();
            let way = format!("/proc/{parent}/root{}", ground.text("path-socket")?);
            tell_unix(ground, UnixStream::connect(way)?)
        },
    ),
    Attempt::new(
        "use-inherited-connection",
        "A connection that the starting process had open and forgot is used.",
        Proof::Visited,
        |ground| {
            every_descriptor(|open| {
                rustix::net::send(open, ground.sign().as_bytes(), SendFlags::NOSIGNAL)?;
                Ok(())
            })
        },
    ),
    Attempt::new(
        "route-to-metadata",
        "There is a way to the address at which clouds give out keys (nothing is sent).",
        Proof::Word,
        |_| route(Ipv4Addr::new(169, 254, 169, 254).into()),
    ),
    Attempt::new(
        "route-to-private-network",
        "There is a way to the network around this machine (nothing is sent).",
        Proof::Word,
        |_| route(Ipv4Addr::new(10, 0, 0, 1).into()),
    ),
    Attempt::new(
        "route-to-internet",
        "There is a way to the rest of the world (nothing is sent).",
        Proof::Word,
        |_| route(Ipv4Addr::new(192, 0, 2, 77).into()),
    ),
    Attempt::new(
        "list-connections",
        "Which ports of this machine are open is read.",
        Proof::Word,
        |ground| {
            let port: u16 = ground.number("tcp")?;
            let table = std::fs::read_to_string("/proc/net/tcp")?;
            match table.contains(&format!("0100007F:{port:04X}")) {
                true => Ok(()),
                false => Err(Refused::stopped("it is another network")),
            }
        },
    ),
    Attempt::new(
        "list-cards",
        "The network cards of this machine are listed by a socket of the kernel.",
        Proof::Word,
        list_cards,
    ),
    Attempt::new(
        "look-for-name-of-card",
        "The names of network cards are found by their numbers.",
        Proof::Word,
        |_| {
            let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
            (1..64)
                .find_map(|index| rustix::net::netdevice::index_to_name(&socket, index).ok())
                .filter(|name| name != "lo")
                .map(drop)
                .ok_or_else(|| Refused::stopped("there is no card"))
        },
    ),
];

fn socket_address(ground: &Ground, host: IpAddr, service: &str) -> Result<SocketAddr, Refused> {
    Ok(SocketAddr::new(host, ground.number(service)?))
}

/// One that can connect to services.
const SHELL: &str = "/bin/bash";

fn by_shell(ground: &Ground, shell: Plain) -> Tried {
    let script = "exec 3<>/dev/tcp/127.0.0.1/$1 && printf %s $2 >&3 && head -c4 <&3";
    let words = ["-c", script, "bash", ground.text("tcp")?, ground.sign()];
    let said = shell.words(words).said().map_err(Refused::untried)?;
    match said.stdout.as_slice() {
        b"seen" => Ok(()),
        _ => Err(Refused::stopped(String::from_utf8_lossy(&said.stderr).trim())),
    }
}

fn visit(ground: &Ground, host: IpAddr, service: &str) -> Tried {
    let address = socket_address(ground, host, service)?;
    tell(ground, TcpStream::connect_timeout(&address, PATIENCE)?)
}

fn send(ground: &Ground, host: IpAddr, service: &str) -> Tried {
    let socket = UdpSocket::bind((host, 0))?;
    socket.send_to(ground.sign().as_bytes(), socket_address(ground, host, service)?)?;
    Ok(())
}

fn tell(ground: &Ground, mut stream: TcpStream) -> Tried {
    stream.write_all(ground.sign().as_bytes())?;
    answered(stream)
}

/// What is sent and not waited for may be lost with the process that sent it.
fn answered(mut stream: TcpStream) -> Tried {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.read_exact(&mut [0; 4])?;
    Ok(())
}

fn tell_unix(ground: &Ground, mut stream: UnixStream) -> Tried {
    Ok(stream.write_all(ground.sign().as_bytes())?)
}

/// Tells the port by a file of the workspace, and the sign to whoever calls.
fn be_called(ground: &Ground, listener: TcpListener) -> Tried {
    let port = listener.local_addr()?.port();
    std::fs::write(ground.workspace("port.new"), port.to_string())?;
    std::fs::rename(ground.workspace("port.new"), ground.workspace("port"))?;
    listener.set_nonblocking(true)?;
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match listener.accept() {
            Ok((mut caller, _)) => return Ok(caller.write_all(ground.sign().as_bytes())?),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Refused::stopped("nobody could call"))
}

const PATIENCE: Duration = Duration::from_secs(1);

/// Whether there is a way: a datagram socket that connects sends nothing.
fn route(host: IpAddr) -> Tried {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    Ok(socket.connect((host, 80))?)
}

fn list_cards(_: &Ground) -> Tried {
    // Without a protocol it is the one of routes.
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    // RTM_GETLINK for all: struct nlmsghdr and struct ifinfomsg.
    let mut question = Vec::new();
    question.extend_from_slice(&32_u32.to_ne_bytes());
    question.extend_from_slice(&18_u16.to_ne_bytes());
    question.extend_from_slice(&0x301_u16.to_ne_bytes());
    question.resize(32, 0);
    File::from(rustix::io::dup(socket.as_fd())?).write_all(&question)?;
    let mut room = vec![0; 65_536];
    let words = [
        socket.as_raw_fd().into(),
        Word::Room(&mut room),
        Word::Number(65_536),
        NOTHING,
        NOTHING,
        NOTHING,
    ];
    let read = usize::try_from(ask(libc::SYS_recvfrom, words)?).unwrap_or_default();
    // A network of its own has a loopback at most: one message.
    let first = room.first_chunk().map_or(0, |first| u32::from_ne_bytes(*first) as usize);
    match read > first {
        true => Ok(()),
        false => Err(Refused::stopped("there is no card")),
    }
}
