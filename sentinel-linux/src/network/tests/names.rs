//! Names, asked of a server of our own on loopback.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use sentinel_core::egress::Allowance;
use sentinel_core::time::Timestamp;
use sentinel_core::wire::dns::{Config, Hosts, Server as NameServer};

use super::super::{FailureKind, Network, Options, Reach, Request, Times, Wait};
use super::server::Server;
use super::{World, get};

/// A name server that answers each question as a test says.
pub(crate) struct Names {
    address: SocketAddr,
    datagrams: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
}

/// What it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Addresses(&'static [IpAddr]),
    NoSuchName,
    Silence,
}

impl Names {
    /// With `is_cut`, datagrams say that the answer is too long for them.
    pub(crate) fn start(
        is_cut: bool,
        reply: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let (datagrams, streams) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let reply = Arc::new(reply);
        let (counted, answer) = (Arc::clone(&datagrams), Arc::clone(&reply));
        thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((count, from)) = udp.recv_from(&mut buffer) {
                counted.fetch_add(1, Ordering::SeqCst);
                if let Some(message) = respond(&buffer[..count], is_cut, &*answer) {
                    let _ = udp.send_to(&message, from);
                }
            }
        });
        let (counted, answer) = (Arc::clone(&streams), reply);
        thread::spawn(move || {
            for stream in tcp.incoming() {
                let mut stream = stream.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let mut length = [0; 2];
                let Ok(()) = stream.read_exact(&mut length) else { continue };
                let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                let Ok(()) = stream.read_exact(&mut query) else { continue };
                if let Some(message) = respond(&query, false, &*answer) {
                    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
                    // In pieces, as networks do it.
                    for piece in [&length[..1], &length[1..], &message[..5], &message[5..]] {
                        let _ = stream.write_all(piece);
                        thread::sleep(Duration::from_millis(5));
                    }
                }
            }
        });
        Self { address, datagrams, streams }
    }

    pub(crate) fn options(&self) -> Options {
        let server = NameServer { port: self.address.port(), ..NameServer::new(self.address.ip()) };
        let dns = Config {
            servers: vec![server],
            timeout: Duration::from_millis(300),
            attempts: 1,
            ..Config::default()
        };
        Options { dns, hosts: Hosts::default(), ..Options::default() }
    }

    fn datagrams_count(&self) -> usize {
        self.datagrams.load(Ordering::SeqCst)
    }

    fn streams_count(&self) -> usize {
        self.streams.load(Ordering::SeqCst)
    }
}

/// The response to a query, with the question as it was asked.
fn respond(query: &[u8], is_cut: bool, reply: &dyn Fn(&str) -> Reply) -> Option<Vec<u8>> {
    let (mut position, mut name) = (12, String::new());
    while query[position] > 0 {
        let end = position + 1 + usize::from(query[position]);
        name += std::str::from_utf8(&query[position + 1..end]).unwrap();
        name.push('.');
        position = end;
    }
    let kind = u16::from_be_bytes([query[position + 1], query[position + 2]]);
    let question = &query[12..position + 5];
    let reply = reply(&name.to_ascii_lowercase());
    let (addresses, code) = match reply {
        Reply::Silence => return None,
        Reply::NoSuchName => (&[][..], 3),
        Reply::Addresses(addresses) => (addresses, 0),
    };
    let wanted: Vec<&IpAddr> =
        addresses.iter().filter(|address| address.is_ipv6() == (kind == 28)).collect();
    let count = if is_cut { 0 } else { u8::try_from(wanted.len()).unwrap() };
    let flags = if is_cut { 0x83 } else { 0x81 };
    let mut message = query[..2].to_vec();
    message.extend_from_slice(&[flags, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    message.extend_from_slice(question);
    for address in wanted.iter().take(count.into()) {
        let data = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        message.extend_from_slice(&[0xc0, 12, 0, u8::try_from(kind).unwrap(), 0, 1]);
        message.extend_from_slice(&[0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
        message.extend_from_slice(&data);
    }
    Some(message)
}

const HOME: &[IpAddr] = &[IpAddr::V4(Ipv4Addr::LOCALHOST)];
const METADATA: &[IpAddr] = &[IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254))];
const SIX_AND_HOME: &[IpAddr] = &[IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
const FULL_AND_HOME: &[IpAddr] =
    &[IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), IpAddr::V4(Ipv4Addr::LOCALHOST)];
const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";

fn url(name: &str, server: &Server) -> String {
    format!("http://{name}:{}/", server.address.port())
}

#[test]
fn a_name_is_asked_for_once_and_remembered() {
    let names = Names::start(false, |name| match name {
        "box.example." => Reply::Addresses(HOME),
        _ => Reply::NoSuchName,
    });
    let server = Server::answering(HELLO);
    let mut world = World::new(names.options());
    let both = [0, 1].map(|_| world.request(get(&url("box.example", &server))));
    for number in both {
        assert_eq!(world.finish(number).text(), "hello");
    }
    assert_eq!(world.answer(get(&url("BOX.example", &server))).text(), "hello");
    assert_eq!(names.datagrams_count(), 2, "one question for each kind of address");
    assert_eq!(server.connections_count(), 3);

    let failure = world.answer(get(&url("nobody.example", &server))).failure();
    assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Resolve, false));
    assert!(failure.text.contains("there is no name `nobody.example`"), "{failure}");
}

#[test]
fn a_cut_answer_is_asked_for_again_on_a_connection() {
    let names = Names::start(true, |_| Reply::Addresses(HOME));
    let server = Server::answering(HELLO);
    let mut world = World::new(names.options());
    assert_eq!(world.answer(get(&url("box.example", &server))).text(), "hello");
    assert_eq!((names.datagrams_count(), names.streams_count()), (2, 2));
}

#[test]
fn a_name_that_leads_home_is_refused_to_whoever_may_see_the_public_alone() {
    let home = Names::start(false, |name| match name {
        "rebinding.example." => Reply::Addresses(HOME),
        _ => Reply::Addresses(METADATA),
    });
    let server = Server::answering(HELLO);
    let mut world = World::new(home.options());
    let public = |name| Request { reach: Reach::Public, ..get(&url(name, &server)) };
    for name in ["rebinding.example", "metadata.example", "localhost", "127.0.0.1", "[::1]"] {
        let failure = world.answer(public(name)).failure();
        assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Refused, false));
        assert!(failure.text.contains("not on the public internet"), "{failure}");
    }
    let named = |name| get(&url(name, &server));
    assert_eq!(world.answer(named("rebinding.example")).text(), "hello");
    // What the operator named has its own rule: metadata is never behind a name.
    assert_eq!(world.answer(named("metadata.example")).failure().kind, FailureKind::Refused);
    assert_eq!(server.connections_count(), 1);
}

#[test]
fn a_connection_made_for_one_who_may_go_there_serves_nobody_else() {
    let names = Names::start(false, |_| Reply::Addresses(HOME));
    let server = Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let mut world = World::new(names.options());
    let named = get(&url("box.example", &server));
    let public = Request { reach: Reach::Public, ..named.clone() };
    assert_eq!(world.answer(named).text(), "hello");
    assert_eq!(world.answer(public).failure().kind, FailureKind::Refused);
}

/// A rule about an address holds whatever name leads there, for a new connection and for one that
/// is open already; an address beside it is tried.
#[test]
fn what_a_rule_forbids_is_reached_by_no_name() {
    let names = Names::start(false, |_| Reply::Addresses(HOME));
    let server = Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let mut world = World::new(names.options());
    let plain = get(&url("box.example", &server));
    let under = |rule: String| {
        let rules = Allowance::new([rule.parse().unwrap()], Timestamp(0)).unwrap();
        Request { forbidden: Some((Arc::new(rules), Timestamp(0))), ..plain.clone() }
    };
    let port = plain.url.port();
    for rule in [format!("deny connect 127.0.0.1:{port}"), "deny connect 127.0.0.1:*".into()] {
        let failure = world.answer(under(rule)).failure();
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(failure.text.contains("127.0.0.1, which a rule forbids"), "{}", failure.text);
    }
    assert_eq!(server.connections_count(), 0);
    assert_eq!(world.answer(under(format!("deny connect 127.0.0.1:{}", port ^ 1))).text(), "hello");
    assert_eq!(world.answer(under(format!("deny connect 127.0.0.2:{port}"))).text(), "hello");
    let again = world.answer(under(format!("deny connect 127.0.0.1:{port}"))).failure();
    assert_eq!(again.kind, FailureKind::Refused);
}

#[test]
fn what_the_machine_knows_is_not_asked_for_until_it_forgets() {
    let names = Names::start(false, |_| Reply::NoSuchName);
    let server = Server::answering(HELLO);
    let mut options = names.options();
    (options.hosts, _) = Hosts::parse(b"127.0.0.1 box.example");
    let dns = options.dns.clone();
    let mut world = World::new(options);
    let request = get(&url("box.example", &server));
    assert_eq!(world.answer(request.clone()).text(), "hello");
    assert_eq!(names.datagrams_count(), 0);
    let fresh = Network::new(Options { dns, ..Options::default() }).unwrap();
    world.network.configure(&world.poller, fresh);
    assert_eq!(world.answer(request).failure().kind, FailureKind::Resolve);
    assert_eq!(names.datagrams_count(), 2);
}

#[test]
fn more_exchanges_than_there_may_be_are_refused_at_once() {
    let names = Names::start(false, |_| Reply::Silence);
    let mut world = World::new(names.options());
    for _ in 0..4096 {
        world.request(get("http://box.example/"));
    }
    let number = world.request(get("http://box.example/"));
    world.drain();
    assert_eq!(world.events.len(), 1);
    let failure = world.taken(number).failure();
    assert_eq!((failure.kind, failure.may_have_arrived), (FailureKind::Connect, false));
    assert_eq!(names.datagrams_count(), 2, "all wait for the same answer");
}

#[test]
fn silence_ends_and_says_who_was_silent() {
    let names = Names::start(false, |_| Reply::Silence);
    let mut world = World::new(names.options());
    let failure = world.answer(get("http://box.example/")).failure();
    assert_eq!(failure.kind, FailureKind::Resolve);
    let server = format!("127.0.0.1 port {} (UDP) did not answer in time", names.address.port());
    assert!(failure.text.contains(&server), "{failure}");

    // The time of the request is the shorter one.
    let times = Times { connect: Duration::from_millis(100), ..get("http://a.example/").times };
    let failure = world.answer(Request { times, ..get("http://a.example/") }).failure();
    assert_eq!(failure.kind, FailureKind::Timeout(Wait::Connect));
    assert_eq!(world.network.deadline(), None, "nobody asks for it any more");
}

#[test]
fn no_name_server_there_is_told_at_once() {
    let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = NameServer { port: address.port(), ..NameServer::new(address.ip()) };
    let dns = Config { servers: vec![server], ..Config::default() };
    let mut world = World::new(Options { dns, ..Options::default() });
    let started = std::time::Instant::now();
    let failure = world.answer(get("http://box.example/")).failure();
    assert_eq!(failure.kind, FailureKind::Resolve);
    assert!(failure.text.contains("could not be reached"), "{failure}");
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn an_address_that_leads_nowhere_is_overtaken() {
    // The server is at 127.0.0.1 alone: ::1 refuses, and 127.0.0.2 takes nobody any more.
    let names = Names::start(false, |name| match name {
        "six.example." => Reply::Addresses(SIX_AND_HOME),
        _ => Reply::Addresses(FULL_AND_HOME),
    });
    let server = Server::answering(HELLO);
    let _full = full(SocketAddr::new(FULL_AND_HOME[0], server.address.port()));
    let mut world = World::new(names.options());
    for name in ["six.example", "slow.example"] {
        let started = std::time::Instant::now();
        assert_eq!(world.answer(get(&url(name, &server))).text(), "hello");
        assert!(started.elapsed() < Duration::from_secs(3), "{name}");
        assert!(world.network.dialed.is_empty(), "who lost is given up");
    }
}

/// A listener whose queue is full: connecting to it never ends.
fn full(address: SocketAddr) -> (OwnedFd, Vec<OwnedFd>) {
    let open = || {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap()
    };
    let listener = open();
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let fillers = (0..3).map(|_| {
        let filler = open();
        let _ = rustix::net::connect(&filler, &address);
        filler
    });
    let fillers = fillers.collect();
    thread::sleep(Duration::from_millis(50));
    (listener, fillers)
}
