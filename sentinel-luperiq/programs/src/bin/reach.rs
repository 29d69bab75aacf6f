//! Connects where it may and where it may not, and says whether it went so.
//!
//! It is given the console, a clock, random bytes, the record, and three endpoints: one that it may
//! use, one that its job may not, and one of many hosts. Its arguments are the port of a host that
//! sends everything back, and how many kilobytes to send there.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_programs::record;
use luperiq_runtime::Start;
use luperiq_runtime::abi::limits::TRANSFER_BYTES_MAX;
use luperiq_runtime::abi::settings::Protocol;
use luperiq_runtime::abi::{Call, Error};
use luperiq_runtime::call::yield_now;
use luperiq_runtime::handle::{AuditReader, Clock, Console, Endpoint, Entropy, Socket, request};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is no network.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

struct Machine {
    clock: Clock,
    entropy: Entropy,
    record: AuditReader,
    echo: Endpoint,
    foreign: Endpoint,
    many: Endpoint,
    port: u16,
    kilobytes: usize,
}

fn run(mut start: Start) -> i32 {
    let mut words = start.arguments.clone().into_iter();
    let mut word = || words.next().and_then(|word| word.parse::<u32>().ok());
    let (port, kilobytes) = (word().unwrap_or(0) as u16, word().unwrap_or(0) as usize);
    let mut take = |place| start.take(place);
    let Some(mut console) = take(0).map(Console) else { return 1 };
    let machine = (|| {
        let (clock, entropy, record) = (Clock(take(1)?), Entropy(take(2)?), AuditReader(take(3)?));
        let (echo, foreign, many) = (Endpoint(take(4)?), Endpoint(take(5)?), Endpoint(take(6)?));
        Some(Machine { clock, entropy, record, echo, foreign, many, port, kilobytes })
    })();
    let Some(machine) = machine else { return 2 };
    let result = machine.everything(&mut console);
    let said = match &result {
        Ok(()) => writeln!(console, "reach: all went as it should"),
        Err(what) => writeln!(console, "reach: FAILED: {what}"),
    };
    i32::from(result.is_err() || said.is_err())
}

impl Machine {
    fn everything(&self, console: &mut Console) -> Result<(), String> {
        self.chance()?;
        let first = self.first().map_err(|error| format!("no connection: {error}"))?;
        let bytes = self.echoes(first).map_err(|error| format!("no echo: {error}"))?;
        let _ = writeln!(console, "reach: {bytes} bytes went there and came back");
        self.refusals()?;
        let count = self.at_once().map_err(|error| format!("many at once: {error}"))?;
        let _ = writeln!(console, "reach: {count} connections at once, and no more");
        Ok(())
    }

    /// Random bytes differ.
    fn chance(&self) -> Result<(), String> {
        let mut drawn = [[0; 64]; 2];
        for bytes in &mut drawn {
            self.entropy.fill(bytes).map_err(|error| format!("no random bytes: {error}"))?;
        }
        let [one, other] = drawn;
        let ones: u32 = one.iter().chain(&other).map(|byte| byte.count_ones()).sum();
        // 512 of 1024 bits; that it is this far off happens once in more than 10^20 starts.
        let is_random = one != other && (352..672).contains(&ones);
        is_random.then_some(()).ok_or_else(|| "random bytes are none".into())
    }

    /// The first connection: whoever serves the network may still be on its way.
    fn first(&self) -> Result<Socket, Error> {
        let deadline = self.deadline()?;
        loop {
            match self.echo.connect(deadline) {
                Err(Error::Unreachable) if self.clock.now()?.0 < deadline => yield_now(),
                result => return result,
            }
        }
    }

    /// Sends bytes and takes them back, and then the end.
    fn echoes(&self, socket: Socket) -> Result<usize, Error> {
        let bytes = self.kilobytes * 1024;
        let byte = |place: usize| (place % 251) as u8;
        let (mut sent, mut received) = (0, 0);
        let mut room = vec![0; TRANSFER_BYTES_MAX];
        while received < bytes {
            // Never so much on its way that both sides wait for the other to take something.
            while sent < bytes && sent - received < WINDOW {
                let end = (sent + WINDOW / 4).min(bytes);
                let piece: Vec<u8> = (sent..end).map(byte).collect();
                socket.send(&piece, self.deadline()?)?;
                sent = end;
            }
            let count = socket.receive(&mut room, self.deadline()?)?;
            let came = room.get(..count).unwrap_or_default();
            if count == 0 || came.iter().zip(received..).any(|(found, at)| *found != byte(at)) {
                return Err(Error::Device);
            }
            received += count;
        }
        // No more; the host says the same, and then nothing else comes.
        socket.send_some(&[])?;
        match socket.receive(&mut room, self.deadline()?)? {
            0 => Ok(received),
            _ => Err(Error::TooLong),
        }
    }

    /// What is not granted is refused for its reason, and stands in the record.
    fn refusals(&self) -> Result<(), String> {
        let deadline = self.deadline().map_err(|error| format!("{error}"))?;
        let narrow = |host: &str, port| self.many.narrow_to(host, port, Protocol::Tcp).err();
        let connect = |host: &str| {
            let endpoint = self.many.narrow_to(host, self.port, Protocol::Tcp)?;
            endpoint.connect(deadline).map(drop)
        };
        for (what, found, expected) in [
            ("another host", narrow("echo.example", self.port), Error::Widens),
            ("a host that ends like it", narrow("evilecho.tests", self.port), Error::Widens),
            ("another port", narrow("echo.test", self.port ^ 1), Error::Widens),
            ("an address", narrow("10.0.2.2", self.port), Error::BadArgument),
            (
                "an endpoint against the job's policy",
                self.foreign.connect(deadline).err(),
                Error::Policy,
            ),
            ("many hosts", self.many.connect(deadline).err(), Error::BadArgument),
            ("a name that nobody has", connect("nobody.test").err(), Error::NotFound),
            ("asking", request("NETWORK:evil.test:80", deadline).err(), Error::PeerClosed),
        ] {
            if found != Some(expected) {
                return Err(format!("{what}: {found:?}"));
            }
        }
        let [policy, widens] =
            [(Call::SocketCreate, Error::Policy), (Call::EndpointNarrow, Error::Widens)]
                .map(|(call, error)| self.is_recorded(call, error));
        if !policy || !widens {
            return Err("a refusal is not in the record".into());
        }
        // What was granted goes on all the same.
        connect("echo.test").map_err(|error| format!("a narrowed endpoint: {error}"))
    }

    fn is_recorded(&self, call: Call, refused: Error) -> bool {
        let mut frames = vec![0; TRANSFER_BYTES_MAX];
        let mut next = 0;
        while let Ok((count, after)) = self.record.read(next, &mut frames) {
            let is_it = |row: &record::UseRow| {
                row.call == u64::from(call.number()) && row.refused == u64::from(refused.number())
            };
            if record::uses(frames.get(..count).unwrap_or_default()).iter().any(is_it) {
                return true;
            }
            if after == next {
                break;
            }
            next = after;
        }
        false
    }

    /// As many connections as there can be, and one more.
    fn at_once(&self) -> Result<usize, Error> {
        let mut sockets = Vec::new();
        let error = loop {
            match self.echo.connect(self.deadline()?) {
                Ok(socket) => sockets.push(socket),
                Err(error) => break error,
            }
        };
        for (place, socket) in sockets.iter().enumerate() {
            socket.send(&[place as u8; 100], self.deadline()?)?;
        }
        for (place, socket) in sockets.iter().enumerate() {
            let (mut room, mut count) = ([0; 100], 0);
            while count < room.len() {
                let rest = room.get_mut(count..).unwrap_or_default();
                match socket.receive(rest, self.deadline()?)? {
                    0 => return Err(Error::PeerClosed),
                    more => count += more,
                }
            }
            if room != [place as u8; 100] {
                return Err(Error::Device);
            }
        }
        if error == Error::Limit { Ok(sockets.len()) } else { Err(error) }
    }

    fn deadline(&self) -> Result<u64, Error> {
        Ok(self.clock.now()?.0 + PATIENCE)
    }
}

/// Less than two channels hold.
const WINDOW: usize = 64 * 1024;

/// Half a minute, in nanoseconds.
const PATIENCE: u64 = 30_000_000_000;
