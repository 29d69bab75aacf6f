//! Requests that can be read: taken from the program, judged, and written anew for the server.
//!
//! The program may speak to us as a proxy, with the whole address in every request, or through a
//! tunnel, as if we were the server. What differs is where the place comes from: in a tunnel it was
//! fixed before, and every request has to name it.
//!
//! # Invariants
//! - Each request is judged by itself, however many come on one connection; behind one that is
//!   refused nothing is read any more.
//! - What goes to the server is made of the parts that were understood. Fields that are meant for
//!   the next hop alone stay here, and so does every way to change the protocol.
//! - A request goes to a server once, but for one without a body that a connection lost which was
//!   kept from before, and which changes nothing (RFC 9110 §9.2.2).
//!
//! # Not here
//! Caching. Answers are passed on as they are.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::allowance::Allowance;
use super::conversation::{Action, Goal, Way};
use super::passage::{Outcome, Passage};
use super::refusal::Refusal;
use super::scrub::Scrubber;
use super::secret::{Wiped, make_room};
use super::wish::{Wish, body_length, forms, passed_on_answer};
use crate::capability::HttpRequest;
use crate::time::Timestamp;
use crate::wire::http::{
    BodyLength, Client, HttpError, HttpLimits, Method, RequestHead, RequestPart, ResponseHead,
    ResponsePart, Server, StatusCode, TargetForm,
};
use crate::wire::url::{Authority, Host, Scheme, Url};

/// One connection on which requests come.
#[derive(Debug)]
pub(super) struct Requests {
    server: Server,
    /// The place that a tunnel leads to; without one the program speaks to a proxy.
    place: Option<Place>,
    upstream: Option<Upstream>,
    /// What is covered in the answer under way.
    scrubber: Scrubber,
    asked: Asked,
    /// Whether the beginning of a request came, and not all of its head.
    is_reading_head: bool,
    has_answered: bool,
}

/// The place that a tunnel leads to.
#[derive(Debug)]
struct Place {
    host: Host<'static>,
    port: u16,
    /// Whether it was under TLS that requests came.
    is_tls: bool,
    /// Whether the tunnel is made of one connection, which was there first; else there is one when
    /// a request needs it.
    is_connected: bool,
}

/// The connection to a server.
#[derive(Debug)]
struct Upstream {
    host: Host<'static>,
    port: u16,
    way: Way,
    /// Where it leads, for the records of requests.
    outcome: Outcome,
    client: Client,
    /// Whether it served a request before this one.
    is_reused: bool,
    /// Whether the answer under way has no other end than the connection's.
    ends_with_server: bool,
}

/// What is under way.
#[derive(Debug)]
enum Asked {
    Nothing,
    /// A tunnel is asked for, and the request for it is not read to its end.
    Tunnel(Host<'static>, u16),
    /// A request waits for its connection.
    Waiting(Wish),
    /// A request is on its way; kept as long as it may be sent once more.
    Sent(Option<Wish>),
}

/// What a step needs from outside.
pub(super) struct Desk<'d> {
    pub(super) allowance: &'d alloc::sync::Arc<Allowance>,
    pub(super) now: Timestamp,
    pub(super) to_client: &'d mut Vec<u8>,
    pub(super) to_server: &'d mut Vec<u8>,
    pub(super) actions: &'d mut VecDeque<Action>,
}

/// What is next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It waits for bytes or for a connection.
    Wait,
    /// A tunnel to this place is asked for.
    Tunnel(Host<'static>, u16),
    /// What stands to be said is said, and then it ends.
    Close,
}

impl Requests {
    /// A program that speaks to a proxy.
    pub(super) fn to_proxy() -> Self {
        Self::new(None)
    }

    /// A program that speaks through a tunnel that is open already.
    pub(super) fn within(host: Host<'static>, port: u16, outcome: Outcome) -> Self {
        let place = Place { host: host.clone(), port, is_tls: false, is_connected: true };
        let mut requests = Self::new(Some(place));
        requests.upstream = Some(Upstream::new(host, port, Way::Direct, outcome));
        requests
    }

    /// A program that speaks through a tunnel that leads nowhere yet.
    pub(super) fn inspected(host: Host<'static>, port: u16, is_tls: bool) -> Self {
        let place = Place { host, port, is_tls, is_connected: false };
        // The handshake before it counts as the beginning of a request.
        Self { is_reading_head: true, ..Self::new(Some(place)) }
    }

    fn new(place: Option<Place>) -> Self {
        // Bodies pass by and are not kept.
        let limits = HttpLimits { body_bytes: u64::MAX, ..HttpLimits::default() };
        Self {
            server: Server::new(limits),
            place,
            upstream: None,
            scrubber: Scrubber::default(),
            asked: Asked::Nothing,
            is_reading_head: false,
            has_answered: false,
        }
    }

    /// Whether the beginning of a request came, and not all of its head.
    pub(super) const fn is_reading_head(&self) -> bool {
        self.is_reading_head
    }

    /// The place of a tunnel that is looked into.
    pub(super) fn inspected_place(&self) -> Option<(String, u16)> {
        let place = self.place.as_ref().filter(|place| !place.is_connected)?;
        Some((place.host.to_string(), place.port))
    }

    /// Whether the answer under way ends where the server does.
    pub(super) fn ends_with_server(&self) -> bool {
        let upstream = self.upstream.as_ref();
        upstream.is_some_and(|upstream| self.has_answered && upstream.ends_with_server)
    }

    /// Whether nothing is read from the program for now.
    pub(super) const fn waits_for_connection(&self) -> bool {
        matches!(self.asked, Asked::Waiting(_))
    }

    /// Reads what the program sent.
    pub(super) fn client(&mut self, input: &mut &[u8], desk: &mut Desk<'_>) -> Step {
        while !self.waits_for_connection() {
            let before = input.len();
            let part = match self.server.next(input) {
                Ok(Some(part)) => part,
                Ok(None) => {
                    let is_head = matches!(self.asked, Asked::Nothing);
                    self.is_reading_head |= is_head && before > input.len();
                    return if self.server.wants_close() { Step::Close } else { Step::Wait };
                }
                Err(error) => return self.unreadable(error, desk),
            };
            let step = match part {
                RequestPart::Head(head) => {
                    self.is_reading_head = false;
                    self.has_answered = false;
                    self.head(head, desk)
                }
                RequestPart::Body(piece) => {
                    self.say(piece.len(), |client, out| client.send_body(piece, out), desk)
                }
                // They say nothing that a program needs to have heard (RFC 9110 §6.5.1).
                RequestPart::Trailers(_) => Step::Wait,
                RequestPart::End => match core::mem::replace(&mut self.asked, Asked::Nothing) {
                    Asked::Tunnel(host, port) => {
                        // The tunnel leads to another server, or to the same one anew.
                        self.leave(desk);
                        return Step::Tunnel(host, port);
                    }
                    asked => {
                        self.asked = asked;
                        self.say(0, Client::finish, desk)
                    }
                },
            };
            if step != Step::Wait {
                return step;
            }
        }
        Step::Wait
    }

    /// The program says nothing more.
    pub(super) fn client_end(&mut self) -> Step {
        let is_idle = matches!(self.asked, Asked::Nothing);
        match self.server.end_of_input() {
            Ok(()) if !is_idle => Step::Wait,
            _ => Step::Close,
        }
    }

    /// Reads what the server sent.
    pub(super) fn server(&mut self, mut input: &[u8], desk: &mut Desk<'_>) -> Step {
        while let Some(upstream) = &mut self.upstream {
            let part = match upstream.client.next(&mut input) {
                Ok(Some(part)) => part,
                Ok(None) => return Step::Wait,
                Err(error) => return self.bad_answer(error, desk),
            };
            let step = self.answer_part(part, desk);
            if step != Step::Wait {
                return step;
            }
        }
        Step::Wait
    }

    /// The server says nothing more.
    pub(super) fn server_end(&mut self, desk: &mut Desk<'_>) -> Step {
        let Some(upstream) = &mut self.upstream else { return Step::Wait };
        match upstream.client.end_of_input() {
            Ok(Some(part)) => match self.answer_part(part, desk) {
                Step::Wait => self.drop_upstream(desk),
                step => step,
            },
            Ok(None) => self.drop_upstream(desk),
            Err(error) => {
                let is_again = upstream.is_reused && !self.has_answered;
                match core::mem::replace(&mut self.asked, Asked::Nothing) {
                    Asked::Sent(Some(wish)) if is_again => {
                        self.asked = Asked::Waiting(wish);
                        self.leave(desk);
                        self.connect(desk)
                    }
                    asked => {
                        self.asked = asked;
                        self.bad_answer(error, desk)
                    }
                }
            }
        }
    }

    /// The connection that was asked for is there.
    pub(super) fn connected(&mut self, way: Way, outcome: Outcome, desk: &mut Desk<'_>) -> Step {
        let Asked::Waiting(wish) = core::mem::replace(&mut self.asked, Asked::Nothing) else {
            return Step::Close;
        };
        let (host, port) = (wish.url.host().into_owned(), wish.url.port());
        desk.to_server.clear();
        self.upstream = Some(Upstream::new(host, port, way, outcome));
        self.send(wish, desk)
    }

    /// The connection that was asked for could not be made.
    pub(super) fn failed(&mut self, outcome: Outcome, text: &str, desk: &mut Desk<'_>) -> Step {
        if let Asked::Waiting(wish) = core::mem::replace(&mut self.asked, Asked::Nothing) {
            desk.actions.push_back(Action::Note(wish.passage(outcome)));
        }
        let status = match outcome {
            Outcome::Refused(refusal) => refusal.status(),
            _ => 502,
        };
        self.answer(status, text, desk)
    }

    /// Answers the request for a tunnel that is open now.
    pub(super) fn open_tunnel(&mut self, out: &mut Vec<u8>) -> bool {
        self.server.upgrade(&ResponseHead::new(StatusCode::OK), out).is_ok()
    }

    /// Answers with a sentence, which is the last thing that is said.
    pub(super) fn answer(&mut self, status: u16, text: &str, desk: &mut Desk<'_>) -> Step {
        if let Ok(status) = StatusCode::new(status) {
            self.server.announce_close();
            let body = alloc::format!("{text}\n");
            let mut head = ResponseHead::new(status);
            // Whatever cannot be said is left unsaid: the end of the connection says enough.
            let _ = head.headers.append("Content-Type", "text/plain; charset=utf-8");
            let length = BodyLength::Exact(body.len() as u64);
            if self.server.send_head(&head, length, desk.to_client).is_ok() {
                let _ = self.server.send_body(body.as_bytes(), desk.to_client);
                let _ = self.server.finish(desk.to_client);
            }
        }
        Step::Close
    }

    /// Judges a request and sends its head, or asks for the connection to send it on.
    fn head(&mut self, head: RequestHead, desk: &mut Desk<'_>) -> Step {
        if head.method == Method::CONNECT {
            let place = head.target.authority().and_then(|text| Authority::parse(text).ok());
            return match (place, &self.place) {
                (Some(Authority { host, port: Some(port) }), None) => {
                    self.asked = Asked::Tunnel(host.into_owned(), port);
                    Step::Wait
                }
                _ => self.refuse(Refusal::Form, None, desk),
            };
        }
        let url = match self.url(&head) {
            Ok(url) => url,
            Err(refusal) => return self.refuse(refusal, None, desk),
        };
        let wish = match Wish::new(url, &head) {
            Ok(wish) => wish,
            Err(_) => return self.refuse(Refusal::Malformed, None, desk),
        };
        let (host, port) = (wish.url.host(), wish.url.port());
        if let Some(place) = &self.place
            && (place.host != host || place.port != port)
        {
            return self.refuse(Refusal::OtherHost, Some(&wish), desk);
        }
        let http = HttpRequest { method: wish.method.as_str(), path: wish.url.path() };
        let granted = desk.allowance.request(&host, port, http, desk.now);
        if let Err(refusal) = granted.and_then(|()| wish.check(desk.allowance, desk.now)) {
            return self.refuse(refusal, Some(&wish), desk);
        }
        let is_there = self.upstream.as_ref().is_some_and(|upstream| {
            upstream.host == host && upstream.port == port && upstream.client.is_reusable()
        });
        if is_there {
            return self.send(wish, desk);
        }
        if self.place.as_ref().is_some_and(|place| place.is_connected) {
            // The one connection that the tunnel is made of is used up.
            return Step::Close;
        }
        self.leave(desk);
        self.asked = Asked::Waiting(wish);
        self.connect(desk)
    }

    /// The address that a request is for, in its one spelling.
    fn url(&self, head: &RequestHead) -> Result<Url, Refusal> {
        let target = head.target.as_str();
        let is_tls = self.place.as_ref().is_some_and(|place| place.is_tls);
        let scheme = if is_tls { Scheme::Https } else { Scheme::Http };
        let text = match (head.target.form(), &self.place) {
            (TargetForm::Absolute, None) => target.to_string(),
            (TargetForm::Origin, Some(Place { host, port, .. })) => {
                // The codec checked that there is one, and that it is a host.
                let named = head.headers.get("host").and_then(|value| value.as_str());
                let named = named.and_then(|text| Authority::parse(text).ok());
                let usual = scheme.default_port();
                let is_same = named.is_some_and(|named| {
                    named.host == *host && named.port.unwrap_or(usual) == *port
                });
                if !is_same {
                    return Err(Refusal::OtherHost);
                }
                alloc::format!("{scheme}://{host}:{port}{target}")
            }
            _ => return Err(Refusal::Form),
        };
        let url = Url::parse(&text).map_err(|_| Refusal::Malformed)?;
        // For another one we would have to speak TLS in its place.
        if url.scheme() == scheme { Ok(url) } else { Err(Refusal::Form) }
    }

    fn connect(&mut self, desk: &mut Desk<'_>) -> Step {
        if let Asked::Waiting(wish) = &self.asked {
            let (host, port) = (wish.url.host().into_owned(), wish.url.port());
            // Whoever asked for a tunnel is not led through a proxy that reads.
            let goal = Goal::new(host, port, self.place.is_none(), desk.allowance.clone());
            let is_tls = wish.url.scheme() == Scheme::Https;
            desk.actions.push_back(Action::Connect(goal.under_tls(is_tls)));
        }
        Step::Wait
    }

    fn send(&mut self, wish: Wish, desk: &mut Desk<'_>) -> Step {
        let Some(upstream) = &mut self.upstream else { return Step::Close };
        let added = wish.added(desk.allowance);
        let names = added.iter().map(|added| added.injection.name().to_string());
        let passage = Passage { secrets: names.collect(), ..wish.passage(upstream.outcome) };
        desk.actions.push_back(Action::Note(passage));
        self.scrubber = Scrubber::new(added.iter().flat_map(forms));
        let sent = wish.head(&upstream.way, &added).and_then(|head| {
            make_room(desk.to_server, head_bytes(&head).saturating_add(FRAMING_BYTES_MAX));
            let sent = upstream.client.send_head(&head, wish.length, desk.to_server);
            drop(Wiped(head.headers.into_bytes()));
            sent
        });
        if sent.is_err() {
            return self.answer(400, Refusal::Malformed.sentence(), desk);
        }
        let is_safe = wish.method == Method::GET || wish.method == Method::HEAD;
        let may_repeat = is_safe && wish.length == BodyLength::Empty && upstream.is_reused;
        self.asked = Asked::Sent(may_repeat.then_some(wish));
        Step::Wait
    }

    /// Writes so much of a body, which may stand behind a secret, and what frames it.
    fn say(
        &mut self,
        bytes: usize,
        say: impl FnOnce(&mut Client, &mut Vec<u8>) -> Result<(), HttpError>,
        desk: &mut Desk<'_>,
    ) -> Step {
        make_room(desk.to_server, bytes.saturating_add(FRAMING_BYTES_MAX));
        let said = self.upstream.as_mut().map(|upstream| say(&mut upstream.client, desk.to_server));
        match said {
            Some(Ok(())) => Step::Wait,
            _ => Step::Close,
        }
    }

    fn answer_part(&mut self, part: ResponsePart<'_>, desk: &mut Desk<'_>) -> Step {
        self.has_answered = true;
        let said = match part {
            ResponsePart::Informational(head) => {
                let passed = passed_on_answer(&head, &self.scrubber);
                self.forget(head);
                // To HTTP/1.0 there is none.
                let _ = passed.and_then(|it| self.server.send_informational(&it, desk.to_client));
                Ok(())
            }
            ResponsePart::Head(head) => {
                let step = self.answer_head(&head, desk);
                self.forget(head);
                return step;
            }
            ResponsePart::Body(piece) if self.scrubber.is_idle() => {
                self.server.send_body(piece, desk.to_client)
            }
            ResponsePart::Body(piece) => {
                let piece = self.scrubber.pass(piece);
                self.server.send_body(&piece, desk.to_client)
            }
            ResponsePart::Trailers(_) => Ok(()),
            ResponsePart::End => return self.answer_end(desk),
            // It was not asked for.
            ResponsePart::Upgraded(_) => return Step::Close,
        };
        if said.is_err() { Step::Close } else { Step::Wait }
    }

    fn answer_head(&mut self, head: &ResponseHead, desk: &mut Desk<'_>) -> Step {
        let is_proxied = self.upstream.as_ref().is_some_and(|upstream| upstream.way != Way::Direct);
        if is_proxied && head.status.as_u16() == 407 {
            let text = "the operator's own proxy wants another user and password";
            return self.answer(502, text, desk);
        }
        let length = match head.status.as_u16() {
            204 | 205 => BodyLength::Empty,
            _ => body_length(&head.headers).unwrap_or(BodyLength::Streamed),
        };
        if let Some(upstream) = &mut self.upstream {
            upstream.ends_with_server = body_length(&head.headers).is_none();
        }
        let sent = passed_on_answer(head, &self.scrubber)
            .and_then(|head| self.server.send_head(&head, length, desk.to_client));
        if sent.is_err() { Step::Close } else { Step::Wait }
    }

    /// Wipes what a server said that may have said a secret back.
    fn forget(&self, head: ResponseHead) {
        if !self.scrubber.is_idle() {
            drop(Wiped(head.headers.into_bytes()));
        }
    }

    fn answer_end(&mut self, desk: &mut Desk<'_>) -> Step {
        self.asked = Asked::Nothing;
        let rest = self.scrubber.finish();
        let is_said = rest.is_empty() || self.server.send_body(&rest, desk.to_client).is_ok();
        if !is_said || self.server.finish(desk.to_client).is_err() {
            return Step::Close;
        }
        match &mut self.upstream {
            Some(upstream) if upstream.client.is_reusable() => upstream.is_reused = true,
            _ => {
                if let Step::Close = self.drop_upstream(desk) {
                    return Step::Close;
                }
            }
        }
        // A program that has not said all of its request would go on with what nobody reads.
        if self.server.is_reusable() { Step::Wait } else { Step::Close }
    }

    /// The server is gone; a tunnel ends with it.
    fn drop_upstream(&mut self, desk: &mut Desk<'_>) -> Step {
        self.leave(desk);
        let is_tunnel = self.place.as_ref().is_some_and(|place| place.is_connected);
        if is_tunnel { Step::Close } else { Step::Wait }
    }

    /// Nothing more is said to the server. What waits for it is of a request that is over: the
    /// next server, or the same one again, would read it as the beginning of the next request.
    fn leave(&mut self, desk: &mut Desk<'_>) {
        desk.to_server.clear();
        if self.upstream.take().is_some() {
            desk.actions.push_back(Action::Disconnect);
        }
    }

    fn bad_answer(&mut self, error: HttpError, desk: &mut Desk<'_>) -> Step {
        let text = alloc::format!("the server's answer cannot be passed on: {error}");
        // If an answer has begun, its end comes too early, which says the same.
        self.answer(502, &text, desk)
    }

    fn unreadable(&mut self, error: HttpError, desk: &mut Desk<'_>) -> Step {
        if matches!(self.asked, Asked::Nothing) {
            desk.actions.push_back(Action::Note(self.nowhere(Refusal::Malformed)));
            let text = alloc::format!("{}: {error}", Refusal::Malformed.sentence());
            return self.answer(error.status().as_u16(), &text, desk);
        }
        Step::Close
    }

    fn refuse(&mut self, refusal: Refusal, wish: Option<&Wish>, desk: &mut Desk<'_>) -> Step {
        let passage = match wish {
            Some(wish) => wish.passage(Outcome::Refused(refusal)),
            None => self.nowhere(refusal),
        };
        let place = match &*passage.host {
            "" => String::new(),
            host => alloc::format!("{host}:{}: ", passage.port),
        };
        desk.actions.push_back(Action::Note(passage));
        self.answer(refusal.status(), &alloc::format!("{place}{refusal}"), desk)
    }

    /// The record of a request whose place is unknown, or is that of the tunnel.
    fn nowhere(&self, refusal: Refusal) -> Passage {
        let (host, port) = match &self.place {
            Some(place) => (place.host.to_string(), place.port),
            None => (String::new(), 0),
        };
        let outcome = Outcome::Refused(refusal);
        Passage { host, port, request: None, secrets: Vec::new(), outcome }
    }
}

impl Upstream {
    fn new(host: Host<'static>, port: u16, way: Way, outcome: Outcome) -> Self {
        let limits = HttpLimits { body_bytes: u64::MAX, ..HttpLimits::default() };
        Self {
            host,
            port,
            way,
            outcome,
            client: Client::new(limits),
            is_reused: false,
            ends_with_server: false,
        }
    }
}

/// What the codec makes of a head, but for what it says of the body.
fn head_bytes(head: &RequestHead) -> usize {
    let fields = head.headers.iter();
    // Each with a colon, a space and the end of its line.
    let fields = fields.map(|(name, value)| name.as_str().len() + value.as_bytes().len() + 4);
    head.method.as_str().len() + head.target.as_str().len() + fields.sum::<usize>()
}

/// More than the codec adds of its own to a head, a piece of a body or its end: version, length and
/// empty line are less than half of it.
const FRAMING_BYTES_MAX: usize = 128;
