//! The protocols, and the connections that programs asked for.
//!
//! # Invariants
//! - A connection exists because a program asked for it, and goes when it let go of its line.
//! - What a program sent is taken only when there is room for it: a slow host holds up who sends to
//!   it, and nobody else.
//! - Nothing listens: what nobody asked for is refused by the protocols and forgotten.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::net::{Ipv4Addr, SocketAddrV4};

use luperiq_runtime::abi::Error;
use luperiq_runtime::abi::settings::Protocol;
use luperiq_runtime::abi::wire::ConnectHeader;
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{dhcpv4, tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Cidr};

use crate::limits::{
    ANSWER_BYTES_MAX, BUFFER_BYTES, CLOSE_MILLISECONDS, CONNECT_MILLISECONDS, CONNECTIONS_MAX,
    PIECE_BYTES,
};
use crate::lookup::{Lookup, Outcome};
use crate::settings::{DNS_PORT, Settings};
use crate::wire::{Port, Wire};

/// The other end of a program's socket.
pub trait Line {
    /// The next piece that the program sent; one that is empty says that no more come.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is none yet; anything else if none will come.
    fn read(&mut self) -> Result<Vec<u8>, Error>;

    /// Gives the program a piece; one that is empty says that no more come.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is no room; anything else if it is gone.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error>;
}

/// What a connection waits for on its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Something to take.
    pub read: bool,
    /// Room to give something.
    pub write: bool,
}

/// The protocols on a wire, and who uses them.
pub struct Stack<W, L> {
    port: Port<W>,
    interface: Interface,
    sockets: SocketSet<'static>,
    lease: Option<SocketHandle>,
    settings: Settings,
    /// Who is asked for addresses.
    server: Option<SocketAddrV4>,
    connections: Vec<Connection<L>>,
    /// Whether something came after programs were last told.
    has_news: bool,
    random: Random,
}

/// Fills bytes that nobody can guess.
pub type Random = Box<dyn FnMut(&mut [u8])>;

struct Connection<L> {
    line: Option<L>,
    port: u16,
    state: State,
    /// What the program sent and the connection has no room for yet.
    pending: Vec<u8>,
    /// The host said that no more come; the program was told.
    has_ended: bool,
    is_told: bool,
    /// When it is given up.
    end: Option<u64>,
}

enum State {
    Lookup(Box<Lookup>, SocketHandle),
    Connecting(SocketHandle),
    Open(SocketHandle),
    Over,
}

impl<W: Wire, L: Line> Stack<W, L> {
    /// The protocols on a wire with this address.
    pub fn new(wire: W, address: [u8; 6], settings: Settings, mut random: Random) -> Self {
        let mut port = Port::new(wire);
        let address = HardwareAddress::Ethernet(EthernetAddress(address));
        let mut config = Config::new(address);
        config.random_seed = number(&mut random);
        let mut interface = Interface::new(config, &mut port, Instant::ZERO);
        let mut sockets = SocketSet::new(Vec::new());
        let lease = match settings.address {
            Some((address, bits)) => {
                take_address(&mut interface, Ipv4Cidr::new(address, bits), settings.gateway);
                None
            }
            None => Some(sockets.add(dhcpv4::Socket::new())),
        };
        let (server, connections) = (settings.server, Vec::new());
        let has_news = false;
        Self { port, interface, sockets, lease, settings, server, connections, has_news, random }
    }

    /// The wire.
    pub const fn wire(&self) -> &W {
        &self.port.wire
    }

    /// Begins a connection that a program asked for. It is told what becomes of it through its
    /// line: the number of an error, or 0, in 4 bytes.
    pub fn ask(&mut self, now: u64, request: &[u8], line: L) {
        let mut connection = Connection {
            line: Some(line),
            port: 0,
            state: State::Over,
            pending: Vec::new(),
            has_ended: false,
            is_told: false,
            end: Some(now + CONNECT_MILLISECONDS),
        };
        match self.begin(now, request) {
            Ok((state, port)) => {
                (connection.state, connection.port) = (state, port);
                self.connections.push(connection);
            }
            Err(error) => connection.refuse(error),
        }
    }

    /// Takes what came, sends what can be sent. In milliseconds since anything.
    pub fn poll(&mut self, now: u64) {
        let at = instant(now);
        self.port.begin();
        self.interface.poll(at, &mut self.port, &mut self.sockets);
        self.renew();
        let mut connections = core::mem::take(&mut self.connections);
        connections.retain_mut(|connection| self.tend(connection, now));
        self.connections = connections;
        // What was written above goes at once. What came meanwhile is told in the next turn: that
        // a connection is there, or ended, nothing else would wake anybody for.
        let outcome = self.interface.poll(at, &mut self.port, &mut self.sockets);
        self.has_news = outcome == PollResult::SocketStateChanged;
    }

    /// When there is something to do although nothing comes; in milliseconds.
    pub fn due(&mut self, now: u64) -> Option<u64> {
        if self.port.is_spent() || self.has_news {
            return Some(now);
        }
        let protocols = self.interface.poll_delay(instant(now), &self.sockets);
        let protocols = protocols.map(|delay| now.saturating_add(delay.total_millis()));
        let own = self.connections.iter().flat_map(|connection| {
            let lookup = match &connection.state {
                State::Lookup(lookup, _) => Some(lookup.due()),
                _ => None,
            };
            [lookup, connection.end]
        });
        own.flatten().chain(protocols).min()
    }

    /// Each line, and what is waited for on it.
    pub fn lines(&self) -> impl Iterator<Item = (&L, Wants)> {
        self.connections.iter().filter_map(|connection| {
            let wants = connection.wants(&self.sockets);
            Some((connection.line.as_ref()?, wants))
        })
    }

    /// How many connections there are, those included that are being closed.
    pub fn count(&self) -> usize {
        self.connections.len()
    }

    /// Its address, once it has one.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.interface.ipv4_addr()
    }

    /// Says where a connection begins: with a name or with an address.
    fn begin(&mut self, now: u64, request: &[u8]) -> Result<(State, u16), Error> {
        let header = ConnectHeader::decode(request).ok_or(Error::BadArgument)?;
        let host = request.get(ConnectHeader::BYTES..).ok_or(Error::BadArgument)?;
        let host = core::str::from_utf8(host).map_err(|_| Error::BadArgument)?;
        if header.protocol != Protocol::Tcp as u16 {
            return Err(Error::Unsupported);
        }
        if self.connections.len() >= CONNECTIONS_MAX {
            return Err(Error::Limit);
        }
        if let Some(address) = self.settings.host(host) {
            return Ok((self.connect(address, header.port)?, header.port));
        }
        let mut lookup = Lookup::new(host, self.settings.is_private).ok_or(Error::NotFound)?;
        let buffer = || {
            let places = vec![udp::PacketMetadata::EMPTY; 2];
            udp::PacketBuffer::new(places, vec![0; ANSWER_BYTES_MAX])
        };
        let socket = self.sockets.add(udp::Socket::new(buffer(), buffer()));
        self.question(&mut lookup, socket, now);
        Ok((State::Lookup(Box::new(lookup), socket), header.port))
    }

    fn connect(&mut self, address: Ipv4Addr, port: u16) -> Result<State, Error> {
        let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER_BYTES]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_timeout(Some(Duration::from_millis(CONNECT_MILLISECONDS)));
        socket.set_keep_alive(Some(Duration::from_millis(CONNECT_MILLISECONDS / 4)));
        socket.set_nagle_enabled(false);
        let remote = (address, port);
        let local = self.own_port();
        socket.connect(self.interface.context(), remote, local).map_err(|_| Error::Unreachable)?;
        Ok(State::Connecting(self.sockets.add(socket)))
    }

    /// A port of its own that no connection has, and that nobody can guess.
    fn own_port(&mut self) -> u16 {
        let sockets = &self.sockets;
        let is_used = |port: u16| {
            sockets.iter().any(|(_, socket)| match socket {
                smoltcp::socket::Socket::Tcp(socket) => {
                    socket.local_endpoint().is_some_and(|own| own.port == port)
                }
                smoltcp::socket::Socket::Udp(socket) => socket.endpoint().port == port,
                _ => false,
            })
        };
        let mut port = OWN_PORTS | number(&mut self.random) as u16;
        // There are 16,384 of them and far fewer connections: the next free one is near.
        while is_used(port) {
            port = OWN_PORTS | port.wrapping_add(1);
        }
        port
    }

    /// Asks the server, if it is time: whether it goes on.
    fn question(&mut self, lookup: &mut Lookup, socket: SocketHandle, now: u64) -> bool {
        let Some(server) = self.server else { return true };
        match lookup.ask(now, number(&mut self.random)) {
            Ok(Some(message)) => {
                let port = self.own_port();
                let socket = self.sockets.get_mut::<udp::Socket<'_>>(socket);
                // A new port for each question; what answers an older one is too late.
                socket.close();
                let server = IpEndpoint::from((*server.ip(), server.port()));
                let is_sent = socket.bind(port).is_ok();
                // What is not sent is asked again.
                let _ = is_sent.then(|| socket.send_slice(&message, server));
                true
            }
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// Does what is to be done for a connection: whether it stays.
    fn tend(&mut self, connection: &mut Connection<L>, now: u64) -> bool {
        let is_late = connection.end.is_some_and(|end| end <= now);
        if let State::Lookup(lookup, socket) = &mut connection.state {
            let socket = *socket;
            let outcome = self.heard(lookup, socket);
            let is_heard = connection.line.as_mut().is_some_and(|line| !is_gone(line));
            let goes_on = is_heard && !is_late && self.question(lookup, socket, now);
            match outcome {
                Some(Outcome::Address(address)) => {
                    self.sockets.remove(socket);
                    match self.connect(address, connection.port) {
                        Ok(state) => connection.state = state,
                        Err(error) => return connection.give_up(error),
                    }
                }
                Some(_) => {
                    self.sockets.remove(socket);
                    return connection.give_up(Error::NotFound);
                }
                None if !goes_on => {
                    self.sockets.remove(socket);
                    return connection.give_up(Error::TimedOut);
                }
                None => return true,
            }
        }
        if let State::Connecting(handle) = connection.state {
            let socket = self.sockets.get::<tcp::Socket<'_>>(handle);
            let is_gone = connection.line.as_mut().is_none_or(is_gone);
            if socket.may_send() {
                connection.state = State::Open(handle);
                connection.end = None;
                let told = connection.line.as_mut().map(|line| line.write(&0_u32.to_le_bytes()));
                if told != Some(Ok(())) {
                    connection.line = None;
                }
            } else if !socket.is_open() || is_late || is_gone {
                self.sockets.remove(handle);
                return connection.give_up(if is_late { Error::TimedOut } else { UNREACHABLE });
            }
        }
        let State::Open(handle) = connection.state else {
            return !matches!(connection.state, State::Over);
        };
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        connection.carry(socket, now);
        let is_over = !socket.is_open() && (connection.line.is_none() || connection.pass(socket));
        if is_over || connection.end.is_some_and(|end| end <= now) {
            socket.abort();
            self.interface.poll(instant(now), &mut self.port, &mut self.sockets);
            self.sockets.remove(handle);
            return false;
        }
        true
    }

    /// What the server said.
    fn heard(&mut self, lookup: &mut Lookup, socket: SocketHandle) -> Option<Outcome> {
        let server = self.server?;
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(socket);
        while let Ok((message, from)) = socket.recv() {
            let is_server = from.endpoint.addr == IpAddress::Ipv4(*server.ip())
                && from.endpoint.port == server.port();
            let outcome = if is_server { lookup.answer(message) } else { None };
            if outcome.is_some() {
                return outcome;
            }
        }
        None
    }

    /// Takes what DHCP gave or took back.
    fn renew(&mut self) {
        let Some(lease) = self.lease else { return };
        match self.sockets.get_mut::<dhcpv4::Socket<'_>>(lease).poll() {
            Some(dhcpv4::Event::Configured(config)) => {
                let server = config.dns_servers.first();
                let server = server.map(|server| SocketAddrV4::new(*server, DNS_PORT));
                self.server = self.settings.server.or(server);
                let gateway = self.settings.gateway.or(config.router);
                take_address(&mut self.interface, config.address, gateway);
            }
            Some(dhcpv4::Event::Deconfigured) => {
                self.interface.update_ip_addrs(|addresses| addresses.clear());
                self.interface.routes_mut().remove_default_ipv4_route();
            }
            None => {}
        }
    }
}

impl<L: Line> Connection<L> {
    /// Carries bytes both ways, as far as there is room.
    fn carry(&mut self, socket: &mut tcp::Socket<'_>, now: u64) {
        self.pass(socket);
        while let Some(line) = &mut self.line {
            if !self.pending.is_empty() {
                let sent = socket.send_slice(&self.pending).unwrap_or(self.pending.len());
                self.pending.drain(..sent);
                if !self.pending.is_empty() {
                    return;
                }
            }
            match line.read() {
                Ok(bytes) if bytes.is_empty() => socket.close(),
                Ok(bytes) => self.pending = bytes,
                Err(Error::NotReady) => return,
                // The program let go of its socket: what it sent before still goes.
                Err(_) => {
                    self.line = None;
                    self.end = Some(now + CLOSE_MILLISECONDS);
                    socket.close();
                }
            }
        }
        // Nobody reads what comes; a host that goes on sending is told so.
        if socket.can_recv() {
            socket.abort();
        }
    }

    /// Gives the program what came: whether there is nothing left to give.
    fn pass(&mut self, socket: &mut tcp::Socket<'_>) -> bool {
        while let Some(line) = &mut self.line {
            // One that broke ends without saying so.
            self.has_ended |= matches!(
                socket.state(),
                tcp::State::CloseWait
                    | tcp::State::LastAck
                    | tcp::State::Closing
                    | tcp::State::TimeWait
            );
            let ready = socket.peek(PIECE_BYTES).unwrap_or_default();
            let count = ready.len();
            if count == 0 && (!self.has_ended || self.is_told) {
                return true;
            }
            match line.write(ready) {
                Ok(()) => {
                    let _ = socket.recv(|bytes| (count.min(bytes.len()), ()));
                    self.is_told |= count == 0;
                }
                Err(Error::NotReady) => return false,
                Err(_) => self.line = None,
            }
        }
        true
    }

    /// What is waited for on the line.
    fn wants(&self, sockets: &SocketSet<'_>) -> Wants {
        match self.state {
            State::Open(handle) => {
                let socket = sockets.get::<tcp::Socket<'_>>(handle);
                let read = self.pending.is_empty() && socket.may_send();
                Wants { read, write: socket.can_recv() || (self.has_ended && !self.is_told) }
            }
            _ => Wants { read: true, write: false },
        }
    }

    /// Tells the program that there is no connection: it goes.
    fn give_up(&mut self, error: Error) -> bool {
        self.state = State::Over;
        if let Some(line) = self.line.take() {
            refuse(line, error);
        }
        false
    }

    fn refuse(mut self, error: Error) {
        self.give_up(error);
    }
}

impl<W, L> fmt::Debug for Stack<W, L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Stack with {} connections", self.connections.len())
    }
}

fn refuse<L: Line>(mut line: L, error: Error) {
    // Whoever is gone need not be told.
    let _ = line.write(&u32::from(error.number()).to_le_bytes());
}

/// Whether nobody is at the other end. Before there is a connection nobody sends.
fn is_gone<L: Line>(line: &mut L) -> bool {
    !matches!(line.read(), Err(Error::NotReady))
}

fn take_address(interface: &mut Interface, address: Ipv4Cidr, gateway: Option<Ipv4Addr>) {
    interface.update_ip_addrs(|addresses| {
        addresses.clear();
        // There is room for one: it was emptied.
        let _ = addresses.push(IpCidr::Ipv4(address));
    });
    match gateway {
        // There is room for one, in place of the one before.
        Some(gateway) => drop(interface.routes_mut().add_default_ipv4_route(gateway)),
        None => drop(interface.routes_mut().remove_default_ipv4_route()),
    }
}

fn instant(now: u64) -> Instant {
    Instant::from_millis(i64::try_from(now).unwrap_or(i64::MAX))
}

fn number(random: &mut Random) -> u64 {
    let mut bytes = [0; 8];
    random(&mut bytes);
    u64::from_le_bytes(bytes)
}

const UNREACHABLE: Error = Error::Unreachable;

/// Ports from here on are for connections that somebody begins (RFC 6335 §6).
const OWN_PORTS: u16 = 49_152;
