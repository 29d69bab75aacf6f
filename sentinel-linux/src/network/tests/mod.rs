//! The network against servers of our own, on loopback and with real sockets.

use std::time::{Duration, Instant as Clock};

use sentinel_core::time::Instant;
use sentinel_core::wire::http::{Headers, Method};
use sentinel_core::wire::url::Url;

use super::{Network, NetworkEvent, Options, Reach, Request, RequestNumber, Times};
use crate::poller::Poller;

pub(crate) mod authority;
mod exchanges;
mod many;
pub(crate) mod names;
mod reuse;
mod secure;
pub(crate) mod server;
mod sockets;
mod through_proxy;

/// A network in a loop of its own, with the events that came out.
struct World {
    poller: Poller,
    network: Network,
    started: Clock,
    events: Vec<NetworkEvent>,
}

impl World {
    fn new(options: Options) -> Self {
        let (poller, network) = (Poller::new().unwrap(), Network::new(options).unwrap());
        Self { poller, network, started: Clock::now(), events: Vec::new() }
    }

    fn now(&self) -> Instant {
        Instant(u64::try_from(self.started.elapsed().as_millis()).unwrap())
    }

    fn request(&mut self, request: Request) -> RequestNumber {
        let now = self.now();
        self.network.request(now, &self.poller, request)
    }

    /// One turn of the loop; what happened stands in `events`.
    fn turn(&mut self) {
        self.drain();
        let now = self.now();
        let wait = self.network.deadline().map_or(TURN_TIME_MAX, |deadline| deadline.since(now));
        for ready in self.poller.wait(Some(wait.min(TURN_TIME_MAX))).unwrap() {
            let now = self.now();
            self.network.ready(now, &self.poller, ready);
        }
        let now = self.now();
        self.network.tick(now, &self.poller);
        self.drain();
    }

    /// One turn of a loop that takes no events; how many sockets were ready.
    fn wait_without_taking(&mut self) -> usize {
        let ready = self.poller.wait(Some(Duration::from_millis(20))).unwrap();
        for ready in &ready {
            let now = self.now();
            self.network.ready(now, &self.poller, *ready);
        }
        ready.len()
    }

    /// Turns without taking events until something is so.
    fn until_untaken(&mut self, what: &str, is_so: impl Fn(&Network) -> bool) {
        let started = Clock::now();
        while !is_so(&self.network) {
            assert!(started.elapsed() < TEST_TIME_MAX, "{what} never came");
            self.wait_without_taking();
        }
    }

    fn drain(&mut self) {
        let now = self.now();
        while let Some(event) = self.network.poll(now, &self.poller) {
            self.events.push(event);
        }
    }

    /// Turns until something is so.
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&[NetworkEvent]) -> bool) {
        let started = Clock::now();
        while !is_so(&self.events) {
            assert!(started.elapsed() < TEST_TIME_MAX, "{what} never came: {:?}", self.events);
            self.turn();
        }
    }

    /// Turns for some time.
    fn during(&mut self, time: Duration) {
        let started = Clock::now();
        while started.elapsed() < time {
            self.turn();
        }
    }

    /// Makes a request and turns until it is over.
    fn answer(&mut self, request: Request) -> Answer {
        let number = self.request(request);
        self.finish(number)
    }

    /// Turns until a request is over.
    fn finish(&mut self, number: RequestNumber) -> Answer {
        self.until("the end of the request", |events| {
            events.iter().any(|event| is_last_of(event, number))
        });
        self.taken(number)
    }

    /// What became of a request.
    fn taken(&mut self, number: RequestNumber) -> Answer {
        let mut answer = Answer { status: 0, body: Vec::new(), end: Err(None) };
        self.events.retain(|event| {
            match event {
                NetworkEvent::Head { request, status, .. } if *request == number => {
                    answer.status = status.as_u16();
                }
                NetworkEvent::Body { request, bytes } if *request == number => {
                    answer.body.extend_from_slice(bytes);
                }
                NetworkEvent::End { request } if *request == number => answer.end = Ok(()),
                NetworkEvent::Failed { request, failure } if *request == number => {
                    answer.end = Err(Some(failure.clone()));
                }
                _ => return true,
            }
            false
        });
        answer
    }
}

/// What became of a request.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Vec<u8>,
    end: Result<(), Option<super::Failure>>,
}

impl Answer {
    fn text(&self) -> &str {
        assert!(self.end.is_ok(), "{self:?}");
        std::str::from_utf8(&self.body).unwrap()
    }

    fn failure(self) -> super::Failure {
        self.end.unwrap_err().unwrap()
    }
}

fn is_last_of(event: &NetworkEvent, number: RequestNumber) -> bool {
    match event {
        NetworkEvent::End { request } | NetworkEvent::Failed { request, .. } => *request == number,
        _ => false,
    }
}

fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        url: Url::parse(url).unwrap(),
        headers: Headers::new(),
        body: Vec::new(),
        times: Times {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            total: Duration::from_secs(20),
        },
        reach: Reach::Named,
        forbidden: None,
        answer_bytes_max: 32 << 20,
    }
}

fn post(url: &str, body: &[u8]) -> Request {
    Request { method: Method::POST, body: body.to_vec(), ..get(url) }
}

/// No test waits longer for anything.
const TEST_TIME_MAX: Duration = Duration::from_secs(20);
const TURN_TIME_MAX: Duration = Duration::from_millis(50);
