//! Owned handles, one type for each kind of thing.
//!
//! # Invariants
//! - One owner: a handle is closed when its owner is dropped, unless it was given away.
//! - A type says what a handle was asked for as, not what it is: the kernel knows, and refuses a
//!   handle of another kind.

use alloc::vec::Vec;

use luperiq_abi::limits::{
    FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_HANDLES_MAX, TRANSFER_BYTES_MAX,
};
use luperiq_abi::settings::{Limit, Protocol, Setting};
use luperiq_abi::wire::{AuditHead, HandleInfo, JobInfo, ProcessInfo, StartHeader, WaitItem};
use luperiq_abi::{Call, Error, Handle, Rights, Signals};

use crate::call::{Result, input, output, plain, raw};

/// A handle that is closed when this is dropped.
#[derive(Debug, PartialEq, Eq)]
pub struct Owned(Handle);

impl Owned {
    /// Takes over a handle that nobody else closes; `None` for 0 and what is no handle.
    #[must_use]
    pub fn of(number: u64) -> Option<Self> {
        Handle::from_register(number).map(Self)
    }

    /// Its number, for a call.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.0.number() as u64
    }

    /// Gives it away: it is not closed here.
    pub fn give_away(self) -> u32 {
        let number = self.0.number();
        core::mem::forget(self);
        number
    }

    /// A further handle with these rights.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn duplicate(&self, rights: Rights) -> Result<Self> {
        made(plain(Call::HandleDuplicate, [self.number(), rights.bits().into(), 0, 0, 0, 0])?.0)
    }

    /// Exchanges it for one with these rights.
    ///
    /// # Errors
    /// The kernel refuses, and it is as before.
    pub fn narrow(&mut self, rights: Rights) -> Result<()> {
        let registers = [self.number(), rights.bits().into(), 0, 0, 0, 0];
        let number = plain(Call::HandleReplace, registers)?.0;
        self.0 = Handle::from_register(number).ok_or(Error::BadHandle)?;
        Ok(())
    }

    /// What it is.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn info(&self) -> Result<HandleInfo> {
        let mut bytes = [0; HandleInfo::BYTES];
        self.ask(Call::HandleInfo, &mut bytes)?;
        HandleInfo::decode(&bytes).ok_or(Error::TooLong)
    }

    /// Takes back everything that was made from it.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn revoke(&self) -> Result<u64> {
        plain(Call::HandleRevoke, [self.number(), 0, 0, 0, 0, 0]).map(|(count, _)| count)
    }

    /// Waits for one of these signals.
    ///
    /// # Errors
    /// The deadline came first, or the kernel refuses.
    pub fn wait(&self, signals: Signals, deadline: u64) -> Result<Signals> {
        let registers = [self.number(), signals.bits().into(), deadline, 0, 0, 0];
        let (found, _) = plain(Call::WaitOne, registers)?;
        Signals::from_bits(found).ok_or(Error::BadArgument)
    }

    /// Makes a call about it that writes an answer of a fixed length.
    fn ask(&self, call: Call, room: &mut [u8]) -> Result<()> {
        let [at, bytes] = output(room);
        plain(call, [self.number(), at, bytes, 0, 0, 0]).map(drop)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It is a handle of this process; one that was taken back closes as well.
        let _ = raw(Call::Close, [self.number(), 0, 0, 0, 0, 0]);
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug, PartialEq, Eq)]
            pub struct $name(pub Owned);

            impl core::ops::Deref for $name {
                type Target = Owned;

                fn deref(&self) -> &Owned {
                    &self.0
                }
            }
        )*
    };
}

kinds! {
    /// A program that runs, will run or ran.
    Process;
    /// Processes and jobs under one set of rules.
    Job;
    /// One end of a line for messages.
    Channel;
    /// An open file.
    File;
    /// An open directory.
    Directory;
    /// Something to signal with.
    Event;
    /// A moment to be waited for.
    Timer;
    /// What the time is.
    Clock;
    /// Random bytes.
    Entropy;
    /// The record.
    AuditReader;
    /// The serial console.
    Console;
    /// A host, a port and a protocol to which a connection may be made.
    Endpoint;
    /// A connection, or what will be one.
    Socket;
    /// The network card.
    Network;
    /// What tells of many things that are waited for.
    Port;
}

/// A message that was read.
#[derive(Debug, Default)]
pub struct Message {
    /// What it says.
    pub bytes: Vec<u8>,
    /// What came with it; `None` for one that was taken back on the way.
    pub handles: Vec<Option<Owned>>,
}

impl Channel {
    /// A line with two ends.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn pair() -> Result<(Self, Self)> {
        let (one, other) = plain(Call::ChannelCreate, [0; 6])?;
        Ok((Self(made(one)?), Self(made(other)?)))
    }

    /// Sends a message. The handles are given away, or come back with the error.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn send(
        &self,
        bytes: &[u8],
        handles: Vec<Owned>,
    ) -> core::result::Result<(), (Error, Vec<Owned>)> {
        if handles.len() > MESSAGE_HANDLES_MAX {
            return Err((Error::BadArgument, handles));
        }
        let numbers: Vec<u8> =
            handles.iter().flat_map(|handle| handle.0.number().to_le_bytes()).collect();
        let [at, count] = input(bytes);
        let [handles_at, handles_bytes] = input(&numbers);
        let registers = [self.number(), at, count, handles_at, handles_bytes, 0];
        match plain(Call::ChannelWrite, registers) {
            Ok(_) => {
                given_away(handles);
                Ok(())
            }
            Err(error) => Err((error, handles)),
        }
    }

    /// Takes the next message, if there is one.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is none, [`Error::PeerClosed`] if none will come.
    pub fn read(&self) -> Result<Message> {
        let mut bytes = alloc::vec![0; MESSAGE_BYTES_MAX];
        let mut numbers = [0; 4 * MESSAGE_HANDLES_MAX];
        let [at, room] = output(&mut bytes);
        let [handles_at, handles_room] = output(&mut numbers);
        let registers = [self.number(), at, room, handles_at, handles_room, 0];
        let (bytes_count, handles_count) = plain(Call::ChannelRead, registers)?;
        bytes.truncate(usize::try_from(bytes_count).map_err(|_| Error::TooLong)?);
        let count = usize::try_from(handles_count).map_err(|_| Error::TooLong)?;
        let (words, _) = numbers.as_chunks::<4>();
        let words = words.iter().take(count);
        let handles = words.map(|word| Owned::of(u32::from_le_bytes(*word).into())).collect();
        Ok(Message { bytes, handles })
    }

    /// Waits for the next message, and takes it.
    ///
    /// # Errors
    /// [`Error::PeerClosed`] if none will come, [`Error::TimedOut`].
    pub fn receive(&self, deadline: u64) -> Result<Message> {
        loop {
            match self.read() {
                Err(Error::NotReady) => {}
                result => return result,
            }
            self.wait(Signals::READABLE.with(Signals::PEER_CLOSED), deadline)?;
        }
    }
}

impl Job {
    /// A job in it.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn create(&self, name: &str) -> Result<Self> {
        let [at, bytes] = input(name.as_bytes());
        made(plain(Call::JobCreate, [self.number(), at, bytes, 0, 0, 0])?.0).map(Self)
    }

    /// Narrows its rules, while nothing is in it.
    ///
    /// # Errors
    /// The kernel refuses; [`Error::TooLong`] if they are too many.
    pub fn set(&self, settings: &[Setting<'_>]) -> Result<()> {
        let mut row = alloc::vec![0; luperiq_abi::limits::SETTINGS_BYTES_MAX];
        let mut end = 0;
        for setting in settings {
            let room = row.get_mut(end..).unwrap_or_default();
            end += setting.encode(room).ok_or(Error::TooLong)?;
        }
        row.truncate(end);
        let [at, bytes] = input(&row);
        plain(Call::JobSet, [self.number(), at, bytes, 0, 0, 0]).map(drop)
    }

    /// The same, where a bound on memory may be more than the machine has: then there being no more
    /// is the bound.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_as_there_is(&self, mut settings: Vec<Setting<'_>>) -> Result<()> {
        match self.set(&settings) {
            Err(Error::Widens) => {
                settings.retain(|setting| !matches!(setting, Setting::Bound(Limit::Memory, _)));
                self.set(&settings)
            }
            outcome => outcome,
        }
    }

    /// Sends requests from it into a channel, which is given away.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn supervise(&self, channel: Channel) -> Result<()> {
        let registers = [self.number(), channel.number(), 0, 0, 0, 0];
        plain(Call::JobSupervise, registers)?;
        let _ = channel.0.give_away();
        Ok(())
    }

    /// Ends everything in it.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn kill(&self) -> Result<()> {
        plain(Call::JobKill, [self.number(), 0, 0, 0, 0, 0]).map(drop)
    }

    /// How it is.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn job_info(&self) -> Result<JobInfo> {
        let mut bytes = [0; JobInfo::BYTES];
        self.ask(Call::JobInfo, &mut bytes)?;
        JobInfo::decode(&bytes).ok_or(Error::TooLong)
    }

    /// How its processes are, those from the number `first` on.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn processes(&self, first: u64) -> Result<Vec<ProcessInfo>> {
        let mut bytes = [0; 16 * ProcessInfo::BYTES];
        let [at, room] = output(&mut bytes);
        let (count, _) = plain(Call::JobProcesses, [self.number(), first, at, room, 0, 0])?;
        let count = usize::try_from(count).map_err(|_| Error::TooLong)?;
        let infos = bytes.chunks_exact(ProcessInfo::BYTES).take(count);
        Ok(infos.filter_map(ProcessInfo::decode).collect())
    }

    /// Starts a program in it, with these handles, which are given away.
    ///
    /// # Errors
    /// The kernel refuses; the handles come back.
    pub fn spawn(
        &self,
        file: &File,
        name: &str,
        arguments: &[&str],
        handles: Vec<Owned>,
    ) -> core::result::Result<(Process, Channel), (Error, Vec<Owned>)> {
        let Some(start) = encode_start(name, arguments, &handles) else {
            return Err((Error::TooLong, handles));
        };
        let [at, bytes] = input(&start);
        match plain(Call::Spawn, [self.number(), file.number(), at, bytes, 0, 0]) {
            Ok((process, channel)) => {
                given_away(handles);
                match (made(process), made(channel)) {
                    (Ok(process), Ok(channel)) => Ok((Process(process), Channel(channel))),
                    _ => Err((Error::BadHandle, Vec::new())),
                }
            }
            Err(error) => Err((error, handles)),
        }
    }

    /// Stops the machine, if it is the root job.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn halt(&self, code: u64) -> Result<()> {
        plain(Call::Halt, [self.number(), code, 0, 0, 0, 0]).map(drop)
    }
}

impl Process {
    /// Waits for its end; gives what it said.
    ///
    /// # Errors
    /// The deadline came first, or the kernel refuses.
    pub fn wait_end(&self, deadline: u64) -> Result<i32> {
        let (code, _) = plain(Call::Wait, [self.number(), deadline, 0, 0, 0, 0])?;
        Ok(code as u32 as i32)
    }

    /// How urgent its threads are, within what its job may have: 7 is most, 0 least.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn set_priority(&self, priority: u64) -> Result<()> {
        plain(Call::PrioritySet, [self.number(), priority, 0, 0, 0, 0]).map(drop)
    }

    /// Ends it.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn kill(&self) -> Result<()> {
        plain(Call::ProcessKill, [self.number(), 0, 0, 0, 0, 0]).map(drop)
    }
}

impl Endpoint {
    /// One host or port of those that it covers.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn narrow_to(&self, host: &str, port: u16, protocol: Protocol) -> Result<Self> {
        let [at, bytes] = input(host.as_bytes());
        let registers = [self.number(), at, bytes, port.into(), protocol as u64, 0];
        made(plain(Call::EndpointNarrow, registers)?.0).map(Self)
    }

    /// A connection to it, if it is one host and port.
    ///
    /// # Errors
    /// The kernel refuses, or there is none.
    pub fn connect(&self, deadline: u64) -> Result<Socket> {
        let socket = self.socket()?;
        socket.connect(deadline)?;
        Ok(socket)
    }

    /// What can be a connection to it, and to nothing else.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn socket(&self) -> Result<Socket> {
        made(plain(Call::SocketCreate, [self.number(), 0, 0, 0, 0, 0])?.0).map(Socket)
    }
}

impl Socket {
    /// Waits until it is a connection.
    ///
    /// # Errors
    /// The deadline came first, and it may be called again; there is none, or the kernel refuses.
    pub fn connect(&self, deadline: u64) -> Result<()> {
        plain(Call::SocketConnect, [self.number(), deadline, 0, 0, 0, 0]).map(drop)
    }

    /// Sends some of these bytes: how many. None at all say that no more come.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is no room, [`Error::PeerClosed`], or the kernel refuses.
    pub fn send_some(&self, bytes: &[u8]) -> Result<usize> {
        let bytes = bytes.get(..TRANSFER_BYTES_MAX).unwrap_or(bytes);
        let [at, bytes] = input(bytes);
        let (count, _) = plain(Call::SocketSend, [self.number(), at, bytes, 0, 0, 0])?;
        usize::try_from(count).map_err(|_| Error::TooLong)
    }

    /// Sends all of these bytes, waiting for room.
    ///
    /// # Errors
    /// The deadline came first, the connection ended, or the kernel refuses.
    pub fn send(&self, mut bytes: &[u8], deadline: u64) -> Result<()> {
        while !bytes.is_empty() {
            match self.send_some(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Error::NotReady) => {
                    self.wait(Signals::WRITABLE.with(Signals::PEER_CLOSED), deadline)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes some bytes, waiting for them; 0 if no more come.
    ///
    /// # Errors
    /// The deadline came first, the connection broke, or the kernel refuses.
    pub fn receive(&self, room: &mut [u8], deadline: u64) -> Result<usize> {
        loop {
            match self.receive_some(room) {
                Err(Error::NotReady) => {
                    self.wait(Signals::READABLE.with(Signals::PEER_CLOSED), deadline)?;
                }
                outcome => return outcome,
            }
        }
    }

    /// Takes some bytes, if there are any; 0 if no more come.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there are none yet, [`Error::PeerClosed`], or the kernel refuses.
    pub fn receive_some(&self, room: &mut [u8]) -> Result<usize> {
        let length = room.len().min(TRANSFER_BYTES_MAX);
        let [at, bytes] = output(room.get_mut(..length).unwrap_or_default());
        let (count, _) = plain(Call::SocketRecv, [self.number(), at, bytes, 0, 0, 0])?;
        usize::try_from(count).map_err(|_| Error::TooLong)
    }
}

impl Network {
    /// Sends connections that are asked for into a channel, which is given away.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn serve(&self, channel: Channel) -> Result<()> {
        plain(Call::NetworkServe, [self.number(), channel.number(), 0, 0, 0, 0])?;
        let _ = channel.0.give_away();
        Ok(())
    }

    /// The card's address.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn address(&self) -> Result<[u8; 6]> {
        let (address, _) = plain(Call::NetworkInfo, [self.number(), 0, 0, 0, 0, 0])?;
        let [a, b, c, d, e, f, ..] = address.to_le_bytes();
        Ok([a, b, c, d, e, f])
    }

    /// Puts a frame onto the wire.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is no room, or the kernel refuses.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        let [at, bytes] = input(frame);
        plain(Call::FrameSend, [self.number(), at, bytes, 0, 0, 0]).map(drop)
    }

    /// Takes a frame from the wire: how long it is.
    ///
    /// # Errors
    /// [`Error::NotReady`] if there is none, or the kernel refuses.
    pub fn receive(&self, frame: &mut [u8; FRAME_BYTES_MAX]) -> Result<usize> {
        let [at, bytes] = output(frame);
        let (count, _) = plain(Call::FrameReceive, [self.number(), at, bytes, 0, 0, 0])?;
        usize::try_from(count).map_err(|_| Error::TooLong)
    }
}

impl Clock {
    /// Nanoseconds that never run back, and milliseconds since 1970, 0 if nobody knows.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn now(&self) -> Result<(u64, u64)> {
        plain(Call::ClockRead, [self.number(), 0, 0, 0, 0, 0])
    }
}

impl Entropy {
    /// Fills some bytes.
    ///
    /// # Errors
    /// The kernel refuses, or the bytes are more than one call gives.
    pub fn fill(&self, room: &mut [u8]) -> Result<()> {
        self.ask(Call::EntropyRead, room)
    }
}

impl AuditReader {
    /// Where the record is.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn head(&self) -> Result<AuditHead> {
        let mut bytes = [0; AuditHead::BYTES];
        self.ask(Call::AuditHead, &mut bytes)?;
        AuditHead::decode(&bytes).ok_or(Error::TooLong)
    }

    /// Whole records from a number on into `room`: how many bytes, and the next number.
    ///
    /// # Errors
    /// The kernel refuses; [`Error::NotReady`] if there is none yet.
    pub fn read(&self, first: u64, room: &mut [u8]) -> Result<(usize, u64)> {
        let [at, bytes] = output(room);
        let (count, next) = plain(Call::AuditRead, [self.number(), at, bytes, first, 0, 0])?;
        Ok((usize::try_from(count).map_err(|_| Error::TooLong)?, next))
    }
}

/// Asks the job's supervisor for a capability, and waits for its answer.
///
/// # Errors
/// [`Error::PeerClosed`] if nobody supervises the job, or the answer is no.
pub fn request(what: &str, deadline: u64) -> Result<Owned> {
    let [at, bytes] = input(what.as_bytes());
    let (answer, _) = plain(Call::CapRequest, [at, bytes, 0, 0, 0, 0])?;
    let message = Channel(made(answer)?).receive(deadline)?;
    message.handles.into_iter().next().flatten().ok_or(Error::PeerClosed)
}

/// Waits for one of many things; gives the signals of each.
///
/// # Errors
/// The deadline came first, or the kernel refuses.
pub fn wait_many(items: &[(&Owned, Signals)], deadline: u64) -> Result<Vec<Signals>> {
    let encode = |(handle, signals): &(&Owned, Signals)| {
        WaitItem { handle: handle.0.number(), signals: signals.bits() }.encode()
    };
    let row: Vec<u8> = items.iter().flat_map(encode).collect();
    let mut found = alloc::vec![0; 4 * items.len()];
    let ([at, bytes], [out, room]) = (input(&row), output(&mut found));
    plain(Call::WaitMany, [at, bytes, out, room, deadline, 0])?;
    let (words, _) = found.as_chunks::<4>();
    let signals = words.iter().map(|word| Signals::from_bits(u32::from_le_bytes(*word).into()));
    Ok(signals.map(Option::unwrap_or_default).collect())
}

/// They are somebody else's now.
fn given_away(handles: Vec<Owned>) {
    for handle in handles {
        let _ = handle.give_away();
    }
}

/// A handle that the kernel just gave.
fn made(number: u64) -> Result<Owned> {
    Owned::of(number).ok_or(Error::BadHandle)
}

/// What starts a program; `None` if it is too long.
fn encode_start(name: &str, arguments: &[&str], handles: &[Owned]) -> Option<Vec<u8>> {
    let arguments_bytes: usize = arguments.iter().map(|argument| argument.len() + 1).sum();
    let header = StartHeader {
        handles_count: u16::try_from(handles.len()).ok()?,
        name_bytes: u16::try_from(name.len()).ok()?,
        arguments_bytes: u16::try_from(arguments_bytes).ok()?,
        reserved: 0,
    };
    let mut start = header.encode().to_vec();
    for handle in handles {
        start.extend_from_slice(&handle.0.number().to_le_bytes());
    }
    start.extend_from_slice(name.as_bytes());
    for argument in arguments {
        start.extend_from_slice(argument.as_bytes());
        start.push(0);
    }
    (start.len() <= luperiq_abi::limits::START_BYTES_MAX).then_some(start)
}

#[cfg(test)]
mod tests;
