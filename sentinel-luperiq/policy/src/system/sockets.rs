//! Sockets: one end of a line whose other end whoever serves the network has.
//!
//! A program names an endpoint that it holds. The kernel tells the network's program which host and
//! port that is, and hands it a channel; what the program sends comes out there, and the other way
//! round. So nobody names an address, and the network's program learns nothing but where to.
//!
//! # Invariants
//! - Where a socket leads was decided when it was made, and asks the rules of the job again when it
//!   is connected: a socket may have been given to another.
//! - No handle travels through a socket.
//! - What waits on either side is bounded as in any channel; a full one is told so.
//!
//! # Not here
//! Names, addresses, packets: a program does that, with the network card's handle.

use alloc::vec::Vec;

use luperiq_abi::limits::{CHANNEL_BYTES_MAX, MESSAGE_BYTES_MAX};
use luperiq_abi::settings::Limit;
use luperiq_abi::wire::ConnectHeader;
use luperiq_abi::{Error, Handle, Kind, Signals};

use super::channels::CHANNEL_RIGHTS;
use super::{Admitted, Fault, Refusal, System};
use crate::grant::Holder;
use crate::object::{Body, Channel, Connection, Object, Socket};
use crate::slab::Key;

impl System {
    /// `network_serve`: where connections are asked for from now on.
    ///
    /// # Errors
    /// It is refused, and the channel stays with the caller.
    pub fn network_serve(&mut self, admitted: Admitted) -> Result<(), Refusal> {
        self.with(admitted, |system, admitted| {
            let channel = system.take_over(admitted)?;
            if let Some(before) = system.network.replace(channel) {
                system.give_up(before);
            }
            Ok(())
        })
    }

    /// `socket_create`: a socket for one host and port. The policy of the job is asked here, so
    /// that a handle that was given by mistake connects to nothing.
    ///
    /// # Errors
    /// It is refused.
    pub fn socket_create(&mut self, admitted: Admitted) -> Result<Handle, Refusal> {
        self.with(admitted, |system, admitted| {
            let held = admitted.held(0)?;
            let object = system.objects.value(held.object).ok_or(Error::BadHandle)?;
            let Body::Endpoint(endpoint) = &object.body else {
                return Err(Error::WrongKind.into());
            };
            if !endpoint.is_single() {
                return Err(Error::BadArgument.into());
            }
            if !system.rules_of(admitted.process)?.covers_endpoint(endpoint) {
                return Err(Error::Policy.into());
            }
            let socket = Socket::to(endpoint.clone());
            let object = Object::new(0, Body::Socket(socket));
            system.create(admitted, Some(held.grant), object, Kind::Socket.rights())
        })
    }

    /// `socket_connect`: asks for the connection, if that was not done yet. Gives the socket, to be
    /// waited for; [`System::connected`] then says what came of it.
    ///
    /// # Errors
    /// It is refused; [`Error::Unreachable`] if nobody serves the network.
    pub fn socket_connect(&mut self, admitted: Admitted) -> Result<Key, Refusal> {
        self.with(admitted, |system, admitted| {
            let key = admitted.held(0)?.object;
            let socket = system.socket(key).ok_or(Error::WrongKind)?;
            if !system.rules_of(admitted.process)?.covers_endpoint(&socket.endpoint) {
                return Err(Error::Policy.into());
            }
            match socket.connection {
                Connection::None => system.ask_for(admitted, key)?,
                Connection::Asked => system.record_use(admitted)?,
                Connection::Open => return Err(Error::WrongState.into()),
            }
            Ok(key)
        })
    }

    /// Sends the question for a socket's connection, with the other end of its line.
    fn ask_for(&mut self, admitted: &mut Admitted, key: Key) -> Result<(), Fault> {
        let endpoint = &self.socket(key).ok_or(Error::WrongKind)?.endpoint;
        let (process, job) = (admitted.process, self.job_of(admitted.process)?);
        let header = ConnectHeader {
            process: process.number(),
            job: job.number(),
            port: endpoint.port,
            protocol: endpoint.protocol as u16,
            reserved: 0,
        };
        let header = header.encode();
        let mut bytes = Vec::new();
        let bytes_count = header.len() + endpoint.host.len();
        bytes.try_reserve_exact(bytes_count).map_err(|_| Error::NoMemory)?;
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&endpoint.host);
        let inbox = self.network.and_then(|grant| self.inbox(grant)).ok_or(Error::Unreachable)?;
        self.can_hold(process, 1)?;
        self.has_left(job, Limit::Objects, 1)?;
        self.objects.reserve(1)?;
        if !self.channel_mut(inbox).is_some_and(|channel| channel.queue.has_room(bytes.len(), 1)) {
            return Err(Error::NotReady.into());
        }
        self.record_use(admitted)?;
        let line = Channel { peer: Some(key), ..Channel::default() };
        let line = self.add(job, Object::new(0, Body::Channel(line)))?;
        let given = self.give_to(process, None, line, CHANNEL_RIGHTS);
        self.release(line);
        let handle = given?;
        if let Some(Ok(Some(grant))) = self.process_mut(process).map(|it| it.table.remove(handle)) {
            self.grants.set_holder(grant, Holder::Message(inbox), job);
            if let Some(channel) = self.channel_mut(inbox) {
                channel.queue.push_grant(grant);
                channel.queue.push(&bytes, 1);
            }
            self.mark_changed(inbox);
        }
        if let Some(socket) = self.socket_mut(key) {
            socket.line.peer = Some(line);
            socket.connection = Connection::Asked;
        }
        Ok(())
    }

    /// What came of a connection: the first message is the number of an error, or 0.
    ///
    /// # Errors
    /// There is none, for this reason.
    pub fn connected(&mut self, key: Key) -> Result<(), Error> {
        let socket = self.socket_mut(key).ok_or(Error::BadHandle)?;
        if socket.connection == Connection::Open {
            // Two threads waited for it.
            return Ok(());
        }
        let queue = &mut socket.line.queue;
        let answer = queue.pop_part(usize::MAX).ok_or(Error::Unreachable)?;
        let answer = queue.taken(answer).concat();
        let number = answer.first_chunk().map_or(u32::MAX, |number| u32::from_le_bytes(*number));
        if number == 0 {
            socket.connection = Connection::Open;
            self.mark_changed(key);
            return Ok(());
        }
        // The line ends: whoever holds its other end is told.
        let peer = socket.line.peer.take();
        peer.into_iter().for_each(|peer| self.part(peer));
        let refusals = [Error::NotFound, Error::TimedOut, Error::Limit];
        let known = refusals.into_iter().find(|error| u32::from(error.number()) == number);
        Err(known.unwrap_or(Error::Unreachable))
    }

    /// `socket_send`: as many bytes as there is room for. None at all say that no more come.
    ///
    /// # Errors
    /// It is refused; [`Error::NotReady`] if there is no room.
    pub fn socket_send(&mut self, admitted: Admitted, bytes: &[u8]) -> Result<usize, Refusal> {
        self.with(admitted, |system, admitted| {
            let line = system.open_line(admitted.held(0)?.object)?;
            let peer = line.peer.ok_or(Error::PeerClosed)?;
            let target = system.channel_mut(peer).ok_or(Error::PeerClosed)?;
            let room = CHANNEL_BYTES_MAX - target.queue.bytes_count().min(CHANNEL_BYTES_MAX);
            let count = bytes.len().min(room).min(MESSAGE_BYTES_MAX);
            if (count == 0 && !bytes.is_empty()) || !target.queue.has_room(count, 0) {
                return Err(Error::NotReady.into());
            }
            system.record_use(admitted)?;
            if let Some(target) = system.channel_mut(peer) {
                target.queue.push(bytes.get(..count).unwrap_or_default(), 0);
            }
            system.mark_changed(peer);
            Ok(count)
        })
    }

    /// `socket_recv`: the next bytes, at most so many; none if no more come.
    ///
    /// # Errors
    /// It is refused; [`Error::NotReady`] if nothing is there.
    pub fn socket_recv(&mut self, admitted: Admitted, max: usize) -> Result<[&[u8]; 2], Refusal> {
        let (key, taken) = self.with(admitted, |system, admitted| {
            let key = admitted.held(0)?.object;
            let line = system.open_line(key)?;
            if line.queue.is_empty() {
                let is_alone = line.peer.is_none();
                return Err((if is_alone { Error::PeerClosed } else { Error::NotReady }).into());
            }
            system.record_use(admitted)?;
            let line = system.channel_mut(key).ok_or(Error::BadHandle)?;
            let taken = line.queue.pop_part(max).ok_or(Error::NotReady)?;
            system.mark_changed(key);
            if let Some(peer) = system.channel(key).and_then(|line| line.peer) {
                system.mark_changed(peer);
            }
            Ok((key, taken))
        })?;
        Ok(self.channel(key).map_or([&[][..]; 2], |line| line.queue.taken(taken)))
    }

    /// What is true of an object. One that is gone is closed; what would not fit is not to be
    /// written.
    #[must_use]
    pub fn signals(&self, object: Key) -> Signals {
        let Some(found) = self.objects.value(object) else { return Signals::PEER_CLOSED };
        let line = match &found.body {
            Body::Channel(line) | Body::Socket(Socket { line, .. }) => line,
            Body::Port(port) if self.is_telling(port) => return Signals::READABLE,
            _ => return found.signals,
        };
        let is_full = line.peer.and_then(|peer| self.channel(peer)).is_some_and(Channel::is_full);
        found.signals().without(if is_full { Signals::WRITABLE } else { Signals::NONE })
    }

    /// Lets go of a network's channel that nobody reads any more. What is reached is marked.
    pub(super) fn drop_unserved(&mut self) {
        let inbox = self.network.and_then(|grant| self.inbox(grant));
        let inbox = inbox.and_then(|inbox| self.objects.value(inbox));
        if !inbox.is_some_and(|inbox| inbox.listed.is_marked)
            && let Some(grant) = self.network.take()
        {
            self.give_up(grant);
        }
    }

    /// The end at which whoever gave the kernel a channel reads.
    fn inbox(&self, grant: Key) -> Option<Key> {
        self.channel(self.grants.held(grant)?.object)?.peer
    }

    fn open_line(&self, key: Key) -> Result<&Channel, Error> {
        let socket = self.socket(key).ok_or(Error::WrongKind)?;
        let is_open = socket.connection == Connection::Open;
        is_open.then_some(&socket.line).ok_or(Error::WrongState)
    }

    fn socket(&self, key: Key) -> Option<&Socket> {
        match &self.objects.value(key)?.body {
            Body::Socket(socket) => Some(socket),
            _ => None,
        }
    }

    fn socket_mut(&mut self, key: Key) -> Option<&mut Socket> {
        match &mut self.objects.value_mut(key)?.body {
            Body::Socket(socket) => Some(socket),
            _ => None,
        }
    }
}
