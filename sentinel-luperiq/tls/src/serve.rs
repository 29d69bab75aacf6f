//! One exchange from its beginning to its end.
//!
//! # Invariants
//! - Whatever happens, the last thing that is said is one [`Said::End`] or [`Said::Failed`], to
//!   whoever is still there.
//! - Nothing is held of a body or an answer but one piece.
//! - Each step has a moment at which it has taken too long, and all of it has one.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use luperiq_exchange::{Asked, Failure, PIECE_BYTES_MAX, Said};
use luperiq_runtime::abi::Error;
use sentinel_core::wire::http::{BodyLength, Client, HttpLimits, RequestHead};
use zeroize::Zeroizing;

use crate::records::{Cause, Watch, Wire};
use crate::services::Service;
use crate::stream::{Broken, Peer, RANDOM_BYTES, Random, Room, Stream, Unopened};
use crate::trust::Trust;

/// What exchanges need of the machine.
pub trait Machine {
    /// A connection.
    type Wire<'l>: Wire
    where
        Self: 'l;
    /// The way to whoever asked.
    type Line: Line;

    /// The monotonic clock, in nanoseconds.
    fn now(&self) -> u64;

    /// Milliseconds since 1970, 0 if nobody knows.
    fn wall(&self) -> u64;

    /// How much of the processor's time this program had, in nanoseconds.
    fn spent(&self) -> u64;

    /// Fresh random bytes.
    ///
    /// # Errors
    /// There are none.
    fn random(&self, room: &mut [u8; RANDOM_BYTES]) -> Result<(), Error>;

    /// A connection to the service of this number, which is given up with the line.
    ///
    /// # Errors
    /// There is none until the deadline.
    fn connect<'l>(
        &'l self,
        service: usize,
        line: &'l Self::Line,
        deadline: u64,
    ) -> Result<Self::Wire<'l>, Cause>;

    /// Adds a sentence to the kernel's record.
    fn note(&self, text: &str);
}

/// The way to whoever asked.
pub trait Line {
    /// The next piece of the request's body.
    ///
    /// # Errors
    /// Why there is none.
    fn hear(&self, deadline: u64) -> Result<Vec<u8>, Cause>;

    /// Says something.
    ///
    /// # Errors
    /// Why it was not heard.
    fn say(&self, said: &Said<'_>, deadline: u64) -> Result<(), Cause>;
}

/// How an exchange ended before it should.
enum Ended {
    /// Whoever asked had enough: a whole answer, or no more use for one.
    LetGo,
    /// It broke.
    Broken(Failure, String),
}

impl From<(Failure, String)> for Ended {
    fn from((failure, why): (Failure, String)) -> Self {
        Self::Broken(failure, why)
    }
}

/// Everything that exchanges are made with.
#[derive(Debug)]
pub struct Carrier {
    /// Which services there are; the machine knows them by their places.
    pub services: Vec<Service>,
    /// Whom to believe.
    pub trust: Trust,
    /// Room for one connection: there is one at a time.
    pub room: Room,
}

type Done = Result<(), Ended>;

impl Carrier {
    /// Carries one exchange.
    pub fn serve<M: Machine>(&mut self, machine: &M, line: &M::Line, message: &[u8]) {
        let begun = machine.now();
        let Some(asked) = Asked::decode(message) else {
            let said = Said::Failed(Failure::Refused, "the request cannot be read");
            return farewell(machine, line, &said);
        };
        match self.carry(machine, line, &asked, begun) {
            Ok(()) => farewell(machine, line, &Said::End),
            Err(Ended::LetGo) => {}
            Err(Ended::Broken(failure, why)) => {
                machine.note(&format!("tls: {}: {why}", printable(asked.service)));
                farewell(machine, line, &Said::Failed(failure, &why));
            }
        }
    }

    fn carry<M: Machine>(
        &mut self,
        machine: &M,
        line: &M::Line,
        asked: &Asked<'_>,
        begun: u64,
    ) -> Done {
        let found = self.services.iter().enumerate().find(|(_, it)| it.name == asked.service);
        let (place, service) = found.ok_or_else(|| {
            let name = printable(asked.service);
            let why =
                format!("there is no service '{name}'; the boot manifest names those there are");
            (Failure::Refused, why)
        })?;
        let head = service.head(asked).map_err(|why| (Failure::Refused, why))?;
        let host = service.host();
        let spent = machine.spent();
        let mut random = Zeroizing::new([0; RANDOM_BYTES]);
        machine.random(&mut random).map_err(|error| {
            (Failure::Refused, format!("there are no random bytes to begin with: {error}"))
        })?;
        let clock = Clock { machine, begun, asked };
        let connect = begun.saturating_add(nanoseconds(asked.times.connect)).min(clock.end());
        let wire = machine.connect(place, line, connect).map_err(|cause| match cause {
            Cause::Kernel(Error::NotFound) => {
                (Failure::Resolve, format!("nobody knows the name {host}"))
            }
            Cause::TimedOut => {
                (Failure::Timeout, format!("there was no connection to {host} in time"))
            }
            cause => (Failure::Connect, format!("there is no connection to {host}: {cause}")),
        })?;
        let watch = Watch::default();
        watch.until(connect);
        let time = self.trust.time(machine.wall());
        let peer = Peer { host: &host, trust: &self.trust, time };
        let stream = Stream::open(wire, &watch, &mut self.room, peer, Random::new(random));
        let mut stream = stream.map_err(|error| unopened(&host, &error))?;
        let late = if self.trust.is_behind(machine.wall()) {
            "; the clock is wrong: the day of the image was taken"
        } else {
            ""
        };
        machine.note(&format!("tls: {}: {host} is who it says it is{late}", service.name));
        let spent = machine.spent().saturating_sub(spent);
        let mut out = Out { line, clock: &clock };
        out.say(&Said::Verified(spent))?;
        let broken = |error| broken(&host, &error);
        out.request(&mut stream, &watch, &head, &host)?;
        watch.until(clock.within(asked.times.first_byte));
        let mut room = Zeroizing::new(alloc::vec![0; PIECE_BYTES_MAX]);
        loop {
            match stream.read(&mut room).map_err(broken)? {
                0 => return Ok(()),
                count => out.say(&Said::Bytes(room.get(..count).unwrap_or_default()))?,
            }
            watch.until(clock.within(asked.times.idle));
        }
    }
}

/// When steps of an exchange have taken too long.
struct Clock<'c, M> {
    machine: &'c M,
    begun: u64,
    asked: &'c Asked<'c>,
}

impl<M: Machine> Clock<'_, M> {
    fn end(&self) -> u64 {
        self.begun.saturating_add(nanoseconds(self.asked.times.total))
    }

    /// In so many milliseconds, or when all of it has taken too long.
    fn within(&self, milliseconds: u32) -> u64 {
        self.machine.now().saturating_add(nanoseconds(milliseconds)).min(self.end())
    }
}

/// What goes to whoever asked, and from there.
struct Out<'o, M: Machine> {
    line: &'o M::Line,
    clock: &'o Clock<'o, M>,
}

impl<M: Machine> Out<'_, M> {
    fn say(&mut self, said: &Said<'_>) -> Done {
        self.line.say(said, self.clock.end()).map_err(|cause| match cause {
            Cause::TimedOut => {
                Ended::Broken(Failure::Timeout, "nobody took what came in time".to_string())
            }
            Cause::LetGo => Ended::LetGo,
            cause => Ended::Broken(Failure::Cut, cause.to_string()),
        })
    }

    /// Sends the head with the key, and the body piece by piece as it comes.
    fn request<W: Wire>(
        &mut self,
        stream: &mut Stream<'_, W>,
        watch: &Watch,
        head: &RequestHead,
        host: &str,
    ) -> Done {
        let broken = |error| broken(host, &error);
        let refused = |why: String| (Failure::Refused, why);
        let asked = self.clock.asked;
        let mut client = Client::new(HttpLimits::default());
        client.announce_close();
        let mut bytes = Zeroizing::new(Vec::new());
        let length = BodyLength::Exact(asked.body_bytes);
        let sent = client.send_head(head, length, &mut bytes);
        sent.map_err(|error| refused(format!("the request is none: {error}")))?;
        watch.until(self.clock.within(asked.times.idle));
        stream.write(&bytes).map_err(broken)?;
        let mut left = asked.body_bytes;
        while left > 0 {
            let deadline = self.clock.within(asked.times.idle);
            let piece = self.line.hear(deadline).map_err(|cause| match cause {
                Cause::TimedOut => {
                    (Failure::Timeout, "the rest of the request did not come".to_string())
                }
                cause => (Failure::Cut, cause.to_string()),
            })?;
            left = left
                .checked_sub(piece.len() as u64)
                .filter(|_| !piece.is_empty())
                .ok_or_else(|| refused("the request is not as long as it was said to be".into()))?;
            watch.until(self.clock.within(asked.times.idle));
            stream.write(&piece).map_err(broken)?;
        }
        stream.flush().map_err(broken)
    }
}

/// Says how it ended, to whoever is still there: not for longer than it takes to say it.
fn farewell<M: Machine>(machine: &M, line: &M::Line, said: &Said<'_>) {
    // Who is not there any more does not need to hear it.
    let _ = line.say(said, machine.now().saturating_add(FAREWELL_NANOSECONDS));
}

fn unopened(host: &str, error: &Unopened) -> (Failure, String) {
    let failure = match error {
        Unopened::Wire(Cause::TimedOut) => {
            let why = format!("{host} did not show who it is in time");
            return (Failure::Timeout, why);
        }
        Unopened::Wire(Cause::Odd(_)) | Unopened::Host | Unopened::Refused(_) => Failure::Tls,
        Unopened::Alert(_) | Unopened::Protocol(_) => Failure::Tls,
        // Whoever stands between can end it; it is worth another try.
        Unopened::Wire(_) | Unopened::Closed => Failure::Connect,
    };
    (failure, format!("{host} is not asked anything: {error}"))
}

fn broken(host: &str, error: &Broken) -> Ended {
    let failure = match error {
        Broken::Wire(Cause::LetGo) => return Ended::LetGo,
        Broken::Wire(Cause::TimedOut) => Failure::Timeout,
        Broken::Wire(Cause::Odd(_)) => Failure::Tls,
        Broken::Wire(_) | Broken::Closed | Broken::Protocol(_) => Failure::Cut,
    };
    Ended::Broken(failure, format!("the answer of {host}: {error}"))
}

/// A name that somebody else wrote, for people.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(NAME_CHARS_MAX).collect()
}

const fn nanoseconds(milliseconds: u32) -> u64 {
    milliseconds as u64 * 1_000_000
}

const FAREWELL_NANOSECONDS: u64 = 1_000_000_000;

const NAME_CHARS_MAX: usize = 64;
