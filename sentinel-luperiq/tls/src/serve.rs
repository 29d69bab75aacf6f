//! Exchanges from their beginning to their end, several at once, and connections that are kept.
//!
//! Each lane is a future of its own, with room of its own, which carries one exchange after the
//! other. When one has ended well its connection is kept for a while, so that the next one with the
//! same service need not ask again who is there: that whoever asked has all of the answer they say
//! by an empty message, because only they read HTTP.
//!
//! # Invariants
//! - Whatever happens, the last thing that is said is one [`Said::End`] or [`Said::Failed`], to
//!   whoever is still there.
//! - Nothing is held of a body or an answer but one piece.
//! - Each step has a moment at which it has taken too long, and all of it has one.
//! - A connection on which something came that nobody asked for is not used again.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::future::Future;

use luperiq_exchange::{Asked, Failure, PIECE_BYTES_MAX, Said};
use luperiq_runtime::abi::Error;
use sentinel_core::wire::http::{BodyLength, Client, HttpLimits, RequestHead};
use zeroize::Zeroizing;

use crate::desk::{Desk, Wanted};
use crate::either::{Either, either};
use crate::records::{Cause, Watch, Wire};
use crate::services::Service;
use crate::stream::{Broken, Peer, RANDOM_BYTES, Random, Room, Stream, Unopened};
use crate::trust::Trust;

/// What exchanges need of the machine.
pub trait Machine {
    /// A connection.
    type Wire: Wire;
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

    /// A connection to the service of this number.
    ///
    /// # Errors
    /// There is none until the deadline.
    fn connect(
        &self,
        service: usize,
        deadline: u64,
    ) -> impl Future<Output = Result<Self::Wire, Cause>>;

    /// Adds a sentence to the kernel's record.
    fn note(&self, text: &str);
}

/// The way to whoever asked.
pub trait Line {
    /// The next piece of the request's body; an empty one says that all of the answer is there.
    ///
    /// # Errors
    /// Why there is none.
    fn hear(&self, deadline: u64) -> impl Future<Output = Result<Vec<u8>, Cause>>;

    /// Says something.
    ///
    /// # Errors
    /// Why it was not heard.
    fn say(&self, said: &Said<'_>, deadline: u64) -> impl Future<Output = Result<(), Cause>>;

    /// Waits until nobody is there any more.
    fn gone(&self) -> impl Future<Output = ()>;
}

/// How an exchange ended before it should.
enum Ended {
    /// Whoever asked has no more use for an answer.
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
}

type Done<T = ()> = Result<T, Ended>;

/// What becomes of a connection when an exchange ended well.
enum After {
    /// Another exchange may follow.
    Keep,
    /// The other side said that no more comes.
    Closed,
}

/// A connection, and what is known of it.
struct Open<'r, W: Wire> {
    stream: Stream<'r, W>,
    watch: &'r Watch,
    /// Which service is at its other end.
    service: usize,
    since: u64,
    /// How much of the processor's time it took, until that was said.
    spent: u64,
}

impl Carrier {
    /// Takes what somebody asked for.
    pub fn take<M: Machine>(
        &self,
        machine: &M,
        desk: &Desk<M::Line>,
        line: M::Line,
        message: Vec<u8>,
    ) {
        let asked = Asked::decode(&message);
        let service = asked.and_then(|asked| self.place(asked.service));
        desk.put(Wanted { line, message, service, begun: machine.now() });
    }

    /// One of the lanes: carries exchanges for ever.
    pub async fn lane<M: Machine>(&self, machine: &M, desk: &Desk<M::Line>, lane: usize) {
        loop {
            let first = desk.first(lane).await;
            self.converse(machine, desk, lane, first).await;
            desk.free(lane);
        }
    }

    /// Carries an exchange over a connection of its own, and others after it as long as that is
    /// kept.
    async fn converse<M: Machine>(
        &self,
        machine: &M,
        desk: &Desk<M::Line>,
        lane: usize,
        mut wanted: Wanted<M::Line>,
    ) {
        let (watch, mut room) = (Watch::default(), Room::new());
        let opened = match either(
            self.open(machine, &wanted, &watch, &mut room),
            wanted.line.gone(),
        )
        .await
        {
            Either::One(opened) => opened,
            Either::Other(()) => Err(Ended::LetGo),
        };
        let mut open = match opened {
            Ok(open) => open,
            Err(ended) => return self.end(machine, &wanted, Err(ended)).await,
        };
        loop {
            let outcome = self.carry(machine, &wanted, &mut open).await;
            let is_kept = matches!(outcome, Ok(After::Keep));
            self.end(machine, &wanted, outcome).await;
            drop(wanted);
            let now = machine.now();
            let is_old = now.saturating_sub(open.since) > LIFE_NANOSECONDS;
            if !is_kept || is_old || open.watch.is_within() {
                return;
            }
            open.watch.until(now.saturating_add(KEPT_NANOSECONDS));
            // Whatever comes meanwhile, nobody asked for: the end of the connection, most often.
            let mut odd = [0];
            match either(open.stream.read(&mut odd), desk.next(lane, open.service, now)).await {
                Either::Other(Some(next)) if !open.watch.is_within() => wanted = next,
                // It was taken from the others already: it gets a connection of its own.
                Either::Other(Some(next)) => return desk.put_back(next),
                Either::One(_) | Either::Other(None) => return,
            }
        }
    }

    /// Says how it ended.
    async fn end<M: Machine>(&self, machine: &M, wanted: &Wanted<M::Line>, outcome: Done<After>) {
        let line = &wanted.line;
        match outcome {
            // Who has all of it knows.
            Ok(After::Keep) | Err(Ended::LetGo) => {}
            Ok(After::Closed) => farewell(machine, line, &Said::End).await,
            Err(Ended::Broken(failure, why)) => {
                let asked = Asked::decode(&wanted.message);
                let service = asked.map_or_else(String::new, |asked| printable(asked.service));
                machine.note(&format!("tls: {service}: {why}"));
                farewell(machine, line, &Said::Failed(failure, &why)).await;
            }
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.services.iter().position(|it| it.name == name)
    }

    /// What was asked, of whom, and the head that goes there.
    fn asked<'w, L>(
        &self,
        wanted: &'w Wanted<L>,
    ) -> Done<(Asked<'w>, usize, &Service, RequestHead)> {
        let refused = |why: String| (Failure::Refused, why);
        let asked = Asked::decode(&wanted.message)
            .ok_or_else(|| refused("the request cannot be read".into()))?;
        let found = self.place(asked.service);
        let (place, service) =
            found.and_then(|place| Some((place, self.services.get(place)?))).ok_or_else(|| {
                let name = printable(asked.service);
                refused(format!(
                    "there is no service '{name}'; the boot manifest names those there are"
                ))
            })?;
        let head = service.head(&asked).map_err(refused)?;
        Ok((asked, place, service, head))
    }

    /// A connection to the service of an exchange, on which it is known who is there.
    async fn open<'r, M: Machine<Wire: 'r>>(
        &self,
        machine: &M,
        wanted: &Wanted<M::Line>,
        watch: &'r Watch,
        room: &'r mut Room,
    ) -> Done<Open<'r, M::Wire>> {
        let (asked, place, service, _) = self.asked(wanted)?;
        let host = service.host();
        let (spent, since) = (machine.spent(), machine.now());
        let mut random = Zeroizing::new([0; RANDOM_BYTES]);
        machine.random(&mut random).map_err(|error| {
            (Failure::Refused, format!("there are no random bytes to begin with: {error}"))
        })?;
        let clock = Clock { machine, begun: wanted.begun, asked: &asked };
        let connect = wanted.begun.saturating_add(nanoseconds(asked.times.connect));
        let connect = connect.min(clock.end());
        let wire = machine.connect(place, connect).await.map_err(|cause| match cause {
            Cause::Kernel(Error::NotFound) => {
                (Failure::Resolve, format!("nobody knows the name {host}"))
            }
            Cause::TimedOut => {
                (Failure::Timeout, format!("there was no connection to {host} in time"))
            }
            cause => (Failure::Connect, format!("there is no connection to {host}: {cause}")),
        })?;
        watch.until(connect);
        let time = self.trust.time(machine.wall());
        let peer = Peer { host: &host, trust: &self.trust, time };
        let stream = Stream::open(wire, watch, room, peer, Random::new(random)).await;
        let stream = stream.map_err(|error| unopened(&host, &error))?;
        let late = if self.trust.is_behind(machine.wall()) {
            "; the clock is wrong: the day of the image was taken"
        } else {
            ""
        };
        machine.note(&format!("tls: {}: {host} is who it says it is{late}", service.name));
        let spent = machine.spent().saturating_sub(spent);
        Ok(Open { stream, watch, service: place, since, spent })
    }

    /// Carries an exchange over a connection.
    async fn carry<M: Machine>(
        &self,
        machine: &M,
        wanted: &Wanted<M::Line>,
        open: &mut Open<'_, M::Wire>,
    ) -> Done<After> {
        let (asked, _, service, head) = self.asked(wanted)?;
        let host = service.host();
        let clock = Clock { machine, begun: wanted.begun, asked: &asked };
        let mut out = Out { line: &wanted.line, clock: &clock };
        let spent = core::mem::take(&mut open.spent);
        if spent == 0 {
            machine.note(&format!("tls: {}: {host} is asked once more", service.name));
        }
        out.say(&Said::Verified(spent)).await?;
        let Open { stream, watch, .. } = open;
        let request = out.request(stream, watch, &head, &host);
        match either(request, wanted.line.gone()).await {
            Either::One(sent) => sent?,
            Either::Other(()) => return Err(Ended::LetGo),
        }
        watch.until(clock.within(asked.times.first_byte));
        let mut room = Zeroizing::new(alloc::vec![0; PIECE_BYTES_MAX]);
        let mut has_answer = false;
        loop {
            let heard = wanted.line.hear(clock.end());
            match either(stream.read(&mut room), heard).await {
                Either::One(read) => match read.map_err(|error| broken(&host, &error))? {
                    0 => return Ok(After::Closed),
                    count => {
                        has_answer = true;
                        out.say(&Said::Bytes(room.get(..count).unwrap_or_default())).await?;
                    }
                },
                Either::Other(Ok(message)) if !message.is_empty() => return Err(too_long().into()),
                // On this connection the answer would come to whoever asks next.
                Either::Other(Ok(_)) if !has_answer => return Err(too_early().into()),
                Either::Other(Ok(_)) => return Ok(After::Keep),
                Either::Other(Err(cause)) => return Err(unheard(cause)),
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
    async fn say(&mut self, said: &Said<'_>) -> Done {
        self.line.say(said, self.clock.end()).await.map_err(|cause| match cause {
            Cause::TimedOut => {
                Ended::Broken(Failure::Timeout, "nobody took what came in time".to_string())
            }
            Cause::LetGo => Ended::LetGo,
            cause => Ended::Broken(Failure::Cut, cause.to_string()),
        })
    }

    /// Sends the head with the key, and the body piece by piece as it comes.
    async fn request<W: Wire>(
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
        let mut bytes = Zeroizing::new(Vec::new());
        let length = BodyLength::Exact(asked.body_bytes);
        let sent = client.send_head(head, length, &mut bytes);
        sent.map_err(|error| refused(format!("the request is none: {error}")))?;
        watch.until(self.clock.within(asked.times.idle));
        stream.write(&bytes).await.map_err(broken)?;
        let mut left = asked.body_bytes;
        while left > 0 {
            let deadline = self.clock.within(asked.times.idle);
            let piece = self.line.hear(deadline).await.map_err(|cause| match cause {
                Cause::TimedOut => {
                    (Failure::Timeout, "the rest of the request did not come".to_string())
                }
                cause => (Failure::Cut, cause.to_string()),
            })?;
            left = left
                .checked_sub(piece.len() as u64)
                .filter(|_| !piece.is_empty())
                .ok_or_else(too_long)?;
            watch.until(self.clock.within(asked.times.idle));
            stream.write(&piece).await.map_err(broken)?;
        }
        stream.flush().await.map_err(broken)
    }
}

/// Says how it ended, to whoever is still there: not for longer than it takes to say it.
async fn farewell<M: Machine>(machine: &M, line: &M::Line, said: &Said<'_>) {
    // Who is not there any more does not need to hear it.
    let _ = line.say(said, machine.now().saturating_add(FAREWELL_NANOSECONDS)).await;
}

fn too_long() -> (Failure, String) {
    (Failure::Refused, "the request is not as long as it was said to be".into())
}

fn too_early() -> (Failure, String) {
    (Failure::Refused, "nobody has all of an answer that has not begun".into())
}

/// Why whoever asked is not heard any more.
fn unheard(cause: Cause) -> Ended {
    match cause {
        Cause::LetGo => Ended::LetGo,
        Cause::TimedOut => Ended::Broken(Failure::Timeout, "it took longer than it may".into()),
        cause => Ended::Broken(Failure::Cut, cause.to_string()),
    }
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

/// How long a connection is kept that nobody uses: less than most servers keep it.
const KEPT_NANOSECONDS: u64 = 50_000_000_000;

/// How long it is used at all before it is asked again who is there: certificates end.
const LIFE_NANOSECONDS: u64 = 3_600_000_000_000;
