//! The network: everything that carries bytes over sockets, on one thread and without waiting.
//!
//! A caller asks for an HTTP exchange or a WebSocket and gets a number; what becomes of it comes
//! as [`NetworkEvent`]s. How names, messages and frames are read is decided in
//! [`sentinel_core::wire`]; here are the sockets under them.
//!
//! # Invariants
//! - Nothing blocks, and one step takes bounded time: a slow or fast peer never holds up another.
//! - An address is checked after its name was resolved, for every connection, and the one that was
//!   checked is the one that is connected to.
//! - A request is sent twice only if that cannot do anything twice: see [`Failure`].
//! - Every wish ends with one event after which nothing follows, unless it was cancelled.
//!
//! # Not here
//! Redirects, retries and what may be asked: callers decide. HTTP/2, and proxies other than HTTP.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection};
use sentinel_core::egress::Goal;
use sentinel_core::order::Map;
use sentinel_core::time::{Instant, Now};
use sentinel_core::wire::url::{Scheme, Url};
use sentinel_core::wire::websocket::CloseCode;

use crate::poller::{Poller, Ready};

mod connection;
mod dialing;
mod direct;
mod failure;
mod flow;
mod link;
mod name_files;
mod place;
mod pool;
mod proxy;
mod request;
mod resolve;
mod socket;
#[cfg(test)]
pub(crate) mod tests;
mod timers;
mod tls;
mod tools;
mod websocket;

use connection::{Connection, Context, Step};
use dialing::Dialed;
use failure::Broken;
pub(crate) use failure::{Failure, FailureKind, Wait};
use flow::{Flow, Phase, Purpose};
use place::Route;
use pool::Pool;
pub(crate) use proxy::Proxy;
pub(crate) use request::{
    DialNumber, NetworkEvent, Options, Reach, Request, RequestNumber, SocketNumber, SocketRequest,
    Times, socket_url,
};
use resolve::Resolver;
pub(crate) use socket::Raw;
use timers::Timer;
pub(crate) use tls::{as_server, told};
use tools::Tools;

/// All exchanges and WebSockets.
///
/// After every call but [`deadline`](Self::deadline), take events with [`poll`](Self::poll) until
/// there are none.
pub(crate) struct Network {
    tls: Arc<ClientConfig>,
    proxy: Option<Proxy>,
    resolver: Resolver,
    flows: Map<u64, Flow>,
    flows_count: u64,
    dialed: Map<u32, Dialed>,
    /// Connections for others that wait to be taken.
    landed: Map<DialNumber, OwnedFd>,
    connections: Map<u32, Connection>,
    pool: Pool,
    tools: Tools,
    events: VecDeque<NetworkEvent>,
    buffer: Vec<u8>,
}

impl Network {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// The certificates in the options cannot be read; the text says why.
    pub(crate) fn new(options: Options) -> io::Result<Self> {
        Ok(Self {
            tls: tls::config(options.extra_roots.as_deref())?,
            proxy: options.proxy,
            resolver: Resolver::new(options.dns, options.hosts, options.name_files),
            flows: Map::new(),
            flows_count: 0,
            dialed: Map::new(),
            landed: Map::new(),
            connections: Map::new(),
            pool: Pool::default(),
            tools: Tools::default(),
            events: VecDeque::new(),
            buffer: vec![0; BUFFER_BYTES],
        })
    }

    /// Reaches others in another way from now on. What is under way goes on as it began; what waits
    /// for use was made the other way, and is closed.
    pub(crate) fn configure(&mut self, poller: &Poller, fresh: Self) {
        (self.tls, self.proxy) = (fresh.tls, fresh.proxy);
        self.resolver.configure_as(fresh.resolver);
        self.connections.values_mut().for_each(|connection| connection.is_outdated = true);
        let idle = self.connections.iter().filter(|(_, connection)| connection.flow.is_none());
        let idle: Vec<u32> = idle.map(|(index, _)| *index).collect();
        for index in idle {
            self.pool.remove(index);
            self.tools.timers.clear(Timer::Idle(index));
            self.close(poller, index);
        }
    }

    /// Begins an exchange.
    pub(crate) fn request(
        &mut self,
        now: Instant,
        poller: &Poller,
        request: Request,
    ) -> RequestNumber {
        let number = self.number();
        let answer = RequestNumber(number);
        match Route::new(&request.url, request.reach, self.proxy.as_ref()) {
            Ok(route) => {
                let route = route.forbidding(request.forbidden.clone());
                let flow = Flow::exchange(now, answer, request, route);
                self.start(now, poller, number, flow);
            }
            Err(broken) => self.events.push_back(NetworkEvent::Failed {
                request: answer,
                failure: Failure::at(request.url.authority(), broken, false),
            }),
        }
        answer
    }

    /// Ends an exchange; nothing more is told about it.
    pub(crate) fn cancel(&mut self, poller: &Poller, request: RequestNumber) {
        self.end(poller, request.0);
        self.events.retain(|event| event.request() != Some(request));
    }

    /// Begins to open a WebSocket.
    pub(crate) fn open_socket(
        &mut self,
        now: Instant,
        poller: &Poller,
        request: SocketRequest,
    ) -> SocketNumber {
        let number = self.number();
        let socket = SocketNumber(number);
        match Route::new(&request.url, request.reach, self.proxy.as_ref()) {
            Ok(route) => {
                let flow = Flow::socket(now, socket, request, route);
                self.start(now, poller, number, flow);
            }
            Err(broken) => self.events.push_back(NetworkEvent::SocketFailed {
                socket,
                failure: Failure::at(request.url.authority(), broken, false),
            }),
        }
        socket
    }

    /// Sends a message; false if the socket is not open, or if more waits to be sent already than
    /// the other end takes.
    pub(crate) fn send_text(
        &mut self,
        now: Instant,
        poller: &Poller,
        socket: SocketNumber,
        text: &str,
    ) -> bool {
        let Some(index) = self.connected(socket.0) else { return false };
        let Some(connection) = self.connections.get_mut(&index) else { return false };
        let is_taken = connection.say(text, &mut self.tools.entropy);
        self.go_on(now, poller, index);
        is_taken
    }

    /// Says goodbye with a code, or drops a socket that is not open yet. Ends with
    /// [`NetworkEvent::SocketClosed`], in a few seconds at most.
    pub(crate) fn close_socket(
        &mut self,
        now: Instant,
        poller: &Poller,
        socket: SocketNumber,
        code: CloseCode,
    ) {
        let is_said = self.connected(socket.0).filter(|index| {
            let connection = self.connections.get_mut(index);
            connection.is_some_and(|connection| connection.say_close(code, &mut self.tools.entropy))
        });
        let Some(flow) = self.flows.get_mut(&socket.0) else { return };
        let Purpose::Socket(spoken) = &mut flow.purpose else { return };
        if let Some(index) = is_said {
            spoken.is_closing = true;
            flow.wait(now, Wait::Idle);
            self.tools.timers.set(Timer::Flow(socket.0), flow.deadline().0);
            self.go_on(now, poller, index);
        } else if !spoken.is_open {
            self.end(poller, socket.0);
            let (code, reason) = (None, String::new());
            self.events.push_back(NetworkEvent::SocketClosed { socket, code, reason });
        }
    }

    /// Begins to connect for somebody else, who says what is said. Ends with one event; after
    /// [`NetworkEvent::Dialed`], [`landed`](Self::landed) has the connection.
    pub(crate) fn dial(&mut self, now: Now, poller: &Poller, goal: &Goal) -> DialNumber {
        let number = self.number();
        let dial = DialNumber(number);
        let scheme = if goal.is_plain() { Scheme::Http } else { Scheme::Https };
        let place = format!("{}:{}", goal.host(), goal.port());
        let url = Url::parse(&format!("{scheme}://{place}/"));
        let url = url.map_err(|error| Broken::new(FailureKind::Refused, error));
        let route = url
            .and_then(|url| Ok((Route::of_goal(goal, &url, now.wall, self.proxy.as_ref())?, url)));
        match route {
            Ok((route, url)) => {
                let flow = Flow::dial(now.instant, dial, url, route);
                self.start(now.instant, poller, number, flow);
            }
            Err(broken) => {
                let failure = Failure::at(&place, broken, false);
                self.events.push_back(NetworkEvent::DialFailed { dial, failure });
            }
        }
        dial
    }

    /// The connection that was dialed; it belongs to the caller now.
    pub(crate) fn landed(&mut self, dial: DialNumber) -> Option<OwnedFd> {
        self.landed.remove(&dial)
    }

    /// Ends the attempt to connect for somebody else; nothing more is told about it.
    pub(crate) fn cancel_dial(&mut self, poller: &Poller, dial: DialNumber) {
        self.end(poller, dial.0);
        self.landed.remove(&dial);
        self.events.retain(|event| event.dial() != Some(dial));
    }

    /// The beginning of TLS with a server that was dialed.
    pub(crate) fn secure(&self, host: &str) -> Result<ClientConnection, String> {
        tls::connection(&self.tls, host).map_err(|broken| broken.text)
    }

    /// Who we are to the proxy, if there is one that asks.
    pub(crate) fn proxy_credentials(&self) -> Option<&str> {
        self.proxy.as_ref()?.credentials()
    }

    /// Does what can be done with a socket now.
    pub(crate) fn ready(&mut self, now: Instant, poller: &Poller, ready: Ready) {
        let index = ready.token.index();
        if self.resolver.owns(ready.token) {
            if let Some(answered) = self.resolver.ready(now, ready, poller, &mut self.tools) {
                self.answered(now, poller, answered);
            }
        } else if self.dialed.contains_key(&index) {
            self.dialed_ready(now, poller, index);
        } else {
            self.go_on(now, poller, index);
        }
    }

    /// When [`tick`](Self::tick) has something to do. May change after every other call.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.tools.timers.next()
    }

    /// Does what it is time for. Early and repeated calls do nothing.
    pub(crate) fn tick(&mut self, now: Instant, poller: &Poller) {
        while let Some(timer) = self.tools.timers.due(now) {
            match timer {
                Timer::Flow(number) => self.flow_due(now, poller, number),
                Timer::Idle(index) => {
                    self.pool.remove(index);
                    self.close(poller, index);
                }
                Timer::Lookup(number) => {
                    if let Some(answered) =
                        self.resolver.timeout(now, number, poller, &mut self.tools)
                    {
                        self.answered(now, poller, answered);
                    }
                }
            }
        }
    }

    /// What happened, in order. Connections whose events nobody takes are not read from.
    pub(crate) fn poll(&mut self, now: Instant, poller: &Poller) -> Option<NetworkEvent> {
        let event = self.events.pop_front()?;
        let (number, bytes) = match &event {
            NetworkEvent::Body { request, bytes } => (request.0, bytes.len()),
            NetworkEvent::SocketText { socket, text } => (socket.0, flow::text_bytes(text)),
            _ => return Some(event),
        };
        if let Some(flow) = self.flows.get_mut(&number)
            && flow.unqueue(bytes)
        {
            flow.wait(now, flow.waits_for());
            self.tools.timers.set(Timer::Flow(number), flow.deadline().0);
            if let Phase::Connected(index) = flow.phase {
                self.watch(poller, index);
            }
        }
        Some(event)
    }

    fn number(&mut self) -> u64 {
        self.flows_count = self.flows_count.saturating_add(1);
        self.flows_count
    }

    fn start(&mut self, now: Instant, poller: &Poller, number: u64, flow: Flow) {
        if self.flows.len() >= FLOWS_COUNT_MAX {
            let text = format!("{FLOWS_COUNT_MAX} exchanges are under way already");
            let broken = Broken::new(FailureKind::Connect, text);
            self.events.push_back(flow.failed(broken, false));
            return;
        }
        self.flows.insert(number, flow);
        self.connect(now, poller, number);
    }

    /// The connection of a flow, if it has one.
    fn connected(&self, number: u64) -> Option<u32> {
        match self.flows.get(&number)?.phase {
            Phase::Connected(index) => Some(index),
            _ => None,
        }
    }

    /// Gives a flow a connection that waits for use, if there is a good one.
    fn reuse(&mut self, now: Instant, poller: &Poller, number: u64) -> bool {
        let Some(flow) = self.flows.get_mut(&number) else { return false };
        let is_exchange = matches!(flow.purpose, Purpose::Exchange(_));
        while is_exchange && !flow.is_repeated {
            let Some(index) = self.pool.take(&flow.route.place) else { return false };
            self.tools.timers.clear(Timer::Idle(index));
            let Some(connection) = self.connections.get_mut(&index) else { continue };
            // It was made for somebody who may go elsewhere.
            let is_allowed = flow.route.check(connection.address).is_ok();
            if is_allowed && connection.is_still_good(&mut self.buffer) {
                (connection.flow, connection.is_reused) = (Some(number), true);
                flow.phase = Phase::Connected(index);
                self.begin(now, poller, index);
                return true;
            }
            if let Some(connection) = self.connections.remove(&index) {
                connection.close(poller);
            }
        }
        false
    }

    /// Begins what a connection is for.
    fn begin(&mut self, now: Instant, poller: &Poller, index: u32) {
        self.step(now, poller, index, Connection::begin);
    }

    /// Goes on with what a connection carries.
    fn go_on(&mut self, now: Instant, poller: &Poller, index: u32) {
        let Some(connection) = self.connections.get_mut(&index) else { return };
        if connection.flow.is_some() {
            self.step(now, poller, index, Connection::advance);
        } else if !connection.is_still_good(&mut self.buffer) {
            self.pool.remove(index);
            self.tools.timers.clear(Timer::Idle(index));
            self.close(poller, index);
        }
    }

    fn step(
        &mut self,
        now: Instant,
        poller: &Poller,
        index: u32,
        step: fn(&mut Connection, &mut Flow, &mut Context<'_>) -> Result<Step, Broken>,
    ) {
        let Self { connections, flows, events, buffer, tools, tls, .. } = self;
        let Some(connection) = connections.get_mut(&index) else { return };
        let Some(number) = connection.flow else { return };
        let Some(flow) = flows.get_mut(&number) else { return };
        let mut context = Context { now, events, buffer, entropy: &mut tools.entropy, tls };
        match step(connection, flow, &mut context) {
            Ok(Step::Wait | Step::Again) => {
                self.tools.timers.set(Timer::Flow(number), flow.deadline().0);
                self.watch(poller, index);
            }
            Ok(Step::Close | Step::Keep) if connection.is_outdated => {
                self.forget(number);
                self.close(poller, index);
            }
            Ok(Step::Keep) => {
                connection.flow = None;
                connection.stage = connection::Stage::Idle;
                let place = connection.place.clone();
                self.forget(number);
                self.tools.timers.set(Timer::Idle(index), now.after(pool::IDLE_TIME));
                if let Some(leaver) = self.pool.put(place, index) {
                    self.tools.timers.clear(Timer::Idle(leaver));
                    self.close(poller, leaver);
                }
                self.watch(poller, index);
            }
            Ok(Step::Close) => {
                self.forget(number);
                self.close(poller, index);
            }
            Ok(Step::Land) => self.land(poller, index, number),
            Err(broken) => self.lost(now, poller, index, number, broken),
        }
    }

    /// A connection is there for somebody else.
    fn land(&mut self, poller: &Poller, index: u32, number: u64) {
        let Some(connection) = self.connections.remove(&index) else { return };
        let Some(flow) = self.forget(number) else { return connection.close(poller) };
        let Purpose::Dial(dial) = flow.purpose else { return connection.close(poller) };
        let is_proxied = flow.route.place.is_proxied;
        let address = (!is_proxied).then_some(connection.address);
        self.landed.insert(dial, connection.link.into_socket(poller));
        // Through a tunnel it is as if there was no proxy.
        let is_proxied = is_proxied && flow.route.tunnel.is_none();
        self.events.push_back(NetworkEvent::Dialed { dial, address, is_proxied });
    }

    /// A connection failed its flow, which may go on with another one.
    fn lost(&mut self, now: Instant, poller: &Poller, index: u32, number: u64, broken: Broken) {
        let Some(connection) = self.connections.remove(&index) else { return };
        let (has_asked, is_reused) = (connection.has_asked(), connection.is_reused);
        connection.close(poller);
        let Some(flow) = self.flows.get_mut(&number) else { return };
        if is_reused && broken.kind == FailureKind::Cut && flow.is_repeatable(has_asked) {
            flow.begin_again(now);
            self.connect(now, poller, number);
        } else {
            self.fail(poller, number, broken, has_asked);
        }
    }

    /// Tells epoll what a connection waits for now.
    fn watch(&mut self, poller: &Poller, index: u32) {
        let Some(connection) = self.connections.get_mut(&index) else { return };
        let flow = connection.flow.and_then(|number| self.flows.get(&number));
        let is_paused = flow.is_some_and(|flow| flow.is_paused);
        if let Err(error) = connection.link.wait_for(poller, is_paused) {
            let (number, has_asked) = (connection.flow, connection.has_asked());
            self.pool.remove(index);
            self.close(poller, index);
            if let Some(number) = number {
                let broken = Broken::cut(format!("epoll refused the connection: {error}"));
                self.fail(poller, number, broken, has_asked);
            }
        }
    }

    fn flow_due(&mut self, now: Instant, poller: &Poller, number: u64) {
        let Some(flow) = self.flows.get_mut(&number) else { return };
        let (deadline, wait) = flow.deadline();
        if deadline > now {
            self.tools.timers.set(Timer::Flow(number), deadline);
            return self.race(now, poller, number);
        }
        let mut text = wait.describe().to_string();
        if let Phase::Racing(racing) = &flow.phase
            && !racing.errors.is_empty()
        {
            text = format!("{text}; {}", racing.errors.join(", "));
        }
        if let Purpose::Socket(spoken) = &mut flow.purpose
            && spoken.is_open
        {
            let socket = spoken.number;
            if spoken.is_closing {
                self.end(poller, number);
                let (code, reason) = (None, String::new());
                self.events.push_back(NetworkEvent::SocketClosed { socket, code, reason });
                return;
            }
            // Whoever does not take what came leaves us deaf to the answer.
            if flow.is_paused {
                flow.wait(now, Wait::Idle);
                self.tools.timers.set(Timer::Flow(number), flow.deadline().0);
                return;
            }
            if !spoken.has_pinged {
                spoken.has_pinged = true;
                flow.wait(now, Wait::Idle);
                return self.ping(now, poller, number);
            }
        }
        let has_asked = self
            .connected(number)
            .and_then(|index| self.connections.get(&index))
            .is_some_and(Connection::has_asked);
        self.fail(poller, number, Broken::new(FailureKind::Timeout(wait), text), has_asked);
    }

    fn ping(&mut self, now: Instant, poller: &Poller, number: u64) {
        let Some(index) = self.connected(number) else { return };
        if let Some(connection) = self.connections.get_mut(&index) {
            connection.ping(&mut self.tools.entropy);
            self.go_on(now, poller, index);
        }
    }

    /// Ends a flow with the event that says why.
    fn fail(&mut self, poller: &Poller, number: u64, broken: Broken, may_have_arrived: bool) {
        if let Some(flow) = self.end(poller, number) {
            self.events.push_back(flow.failed(broken, may_have_arrived));
        }
    }

    /// Ends a flow and everything that was done for it.
    fn end(&mut self, poller: &Poller, number: u64) -> Option<Flow> {
        let flow = self.forget(number)?;
        match flow.phase {
            Phase::Resolving => {
                self.resolver.forget(number, poller, &mut self.tools);
            }
            Phase::Racing(_) => {
                dialing::drop_dialed(&mut self.dialed, poller, |dialed| dialed.flow == number);
            }
            Phase::Connected(index) => self.close(poller, index),
        }
        Some(flow)
    }

    fn forget(&mut self, number: u64) -> Option<Flow> {
        self.tools.timers.clear(Timer::Flow(number));
        self.flows.remove(&number)
    }

    fn close(&mut self, poller: &Poller, index: u32) {
        if let Some(connection) = self.connections.remove(&index) {
            connection.close(poller);
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The buffer holds what came last, and the events what nobody took yet.
        formatter
            .debug_struct("Network")
            .field("flows", &self.flows)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl NetworkEvent {
    pub(crate) fn request(&self) -> Option<RequestNumber> {
        match self {
            Self::Head { request, .. }
            | Self::Body { request, .. }
            | Self::End { request }
            | Self::Failed { request, .. } => Some(*request),
            _ => None,
        }
    }

    pub(crate) fn dial(&self) -> Option<DialNumber> {
        match self {
            Self::Dialed { dial, .. } | Self::DialFailed { dial, .. } => Some(*dial),
            _ => None,
        }
    }

    pub(crate) fn socket(&self) -> Option<SocketNumber> {
        match self {
            Self::SocketOpened { socket }
            | Self::SocketText { socket, .. }
            | Self::SocketClosed { socket, .. }
            | Self::SocketFailed { socket, .. } => Some(*socket),
            _ => None,
        }
    }
}

/// Four for each of a thousand conversations; the system's own bound on descriptors is lower by
/// default, and then connecting fails.
const FLOWS_COUNT_MAX: usize = 4096;
/// One for all connections: what a read brings at once.
const BUFFER_BYTES: usize = 16 * 1024;
