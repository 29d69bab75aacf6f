//! An MCP server that runs, here or elsewhere: what is asked of it, what it says, and what follows.
//!
//! A server says in its own words what it can do, and each time anew. So nothing is asked of it
//! before it has listed its tools, and listed those that were approved. One that lists others, at
//! its start or later, is ended, and its approval is over.
//!
//! # Invariants
//! - A call is made only between two listings that were approved.
//! - However many messages it sends and however long they are, a bound ends it.
//! - It is told of nothing but the directories that its sandbox shows.
//! - A call that a server elsewhere may have begun is not made again.
//!
//! # Not here
//! What lines mean: [`sentinel_core::mcp`]. Pipes, time and the sandbox: [`guest`](super::guest).

use std::time::Duration;

use sentinel_core::agent::{CallNumber, Sampling, Told, Unsampled};
use sentinel_core::limits::CALL_SAMPLINGS_MAX;
use sentinel_core::llm::Block;
use sentinel_core::mcp::{
    Asked, Begin, Claims, Client, ClientEffect, ClientError, ClientOffer, Decision, ExchangeNumber,
    Got, Items, Remote, RemoteEffect, RequestNumber, Root, Wished,
};
use sentinel_core::sandbox::Mount;
use sentinel_core::skill::Deed;
use sentinel_core::text::json::{self, Numbers};
use sentinel_core::time::{Instant, Now};

use super::elsewhere::{self, Place};
use super::guest::{Guest, LEAVING, PATIENCE, Stage};
use crate::log;
use crate::network::{NetworkEvent, Request};

/// What is known of a server.
#[derive(Debug)]
pub(super) struct Server {
    way: Way,
    /// The digest of the tools that were approved.
    pinned: [u8; 32],
    /// The call that goes on.
    request: Option<RequestNumber>,
    /// What it said since it was last given a call.
    messages: usize,
    bytes: usize,
    /// Whether it listed other tools than those, and may say in a moment that they changed.
    is_unlike: bool,
    /// Whether it lists other tools than those.
    differs: bool,
    /// Whether it is to rest after this, because it took too long.
    took_too_long: bool,
    /// How often its session was over before what it was asked for began.
    renewals: u32,
    offered: Offered,
    /// What it asks and is to be told, and how often it did in this call.
    asked: Vec<Asking>,
    asked_count: u32,
    /// How often it would have had a model answer something, in this call.
    wished_count: u32,
    /// Its questions that wait for an answer, and its requests to models.
    open: Vec<u64>,
}

/// What it was told that it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offered {
    /// People something.
    pub(super) may_ask: bool,
    /// A model.
    pub(super) may_sample: bool,
}

/// A question of a server to a person.
#[derive(Debug)]
pub(crate) enum Asking {
    Ask { call: CallNumber, number: u64, words: String, schema: String },
    Unask { call: CallNumber, number: u64 },
    Sample { call: CallNumber, number: u64, sampling: Sampling },
}

impl Offered {
    fn with(self, roots: Vec<Root>) -> ClientOffer {
        let (Self { may_ask, may_sample }, version) = (self, env!("CARGO_PKG_VERSION").into());
        ClientOffer { version, roots, may_ask, may_sample }
    }
}

/// How it is spoken with.
#[derive(Debug)]
enum Way {
    /// By the lines of its process.
    Lines(Box<Client>),
    /// By exchanges, those of which that are to be begun or ended wait.
    Exchanges { remote: Box<Remote>, place: Box<Place>, wishes: Vec<Wish> },
}

/// What is to be done for a server elsewhere.
#[derive(Debug)]
pub(super) enum Wish {
    Begin(Begin),
    Drop(ExchangeNumber),
}

impl Server {
    /// Greets a server that sees these directories.
    pub(super) fn new(pinned: [u8; 32], mounts: &[Mount], offered: Offered) -> Self {
        let roots = mounts.iter().map(|mount| root(&mount.path)).collect();
        let client = Client::new(offered.with(roots));
        Self::by(Way::Lines(Box::new(client)), pinned, offered)
    }

    /// Greets one that is elsewhere.
    pub(super) fn elsewhere(pinned: [u8; 32], place: Place, offered: Offered) -> Self {
        let remote = Remote::new(offered.with(Vec::new()));
        let (remote, place) = (Box::new(remote), Box::new(place));
        Self::by(Way::Exchanges { remote, place, wishes: Vec::new() }, pinned, offered)
    }

    fn by(way: Way, pinned: [u8; 32], offered: Offered) -> Self {
        Self {
            way,
            pinned,
            request: None,
            messages: 0,
            bytes: 0,
            is_unlike: false,
            differs: false,
            took_too_long: false,
            renewals: 0,
            offered,
            asked: Vec::new(),
            open: Vec::new(),
            asked_count: 0,
            wished_count: 0,
        }
    }

    /// Takes a question, if it is asked during a call and not the last of too many; else it is
    /// declined.
    fn take_question(&mut self, call: Option<CallNumber>, asked: Asked) -> bool {
        let Asked { question: number, message: words, schema } = asked;
        match call.filter(|_| self.offered.may_ask && self.request.is_some()) {
            Some(call) if self.asked_count < ASKED_MAX && !self.holds_token(&schema) => {
                self.asked_count += 1;
                self.open.push(number);
                let words = self.without_token(words);
                self.asked.push(Asking::Ask { call, number, words, schema });
                true
            }
            _ => {
                let _ = self.client().answer(number, Decision::Decline);
                false
            }
        }
    }

    /// Takes what it would have a model answer, if a call goes on and it is not the last of too
    /// many; else it is refused. Whether it is granted is said elsewhere.
    fn take_wish(&mut self, call: Option<CallNumber>, wished: Wished) -> bool {
        let Wished { number, mut sampling } = wished;
        let why = match call.filter(|_| self.request.is_some()) {
            Some(call) if self.wished_count < CALL_SAMPLINGS_MAX => {
                self.wished_count += 1;
                self.open.push(number);
                let blocks = sampling.messages.iter_mut().flat_map(|message| &mut message.blocks);
                let texts = blocks.filter_map(|block| match block {
                    Block::Text(text) => Some(text),
                    _ => None,
                });
                for text in texts.chain(&mut sampling.system).chain(&mut sampling.stops) {
                    *text = self.without_token(core::mem::take(text));
                }
                self.asked.push(Asking::Sample { call, number, sampling });
                return true;
            }
            Some(_) => "its call has asked a model as often as one may",
            None => "no call goes on",
        };
        let _ = self.client().sampled(number, &Err(Unsampled::Refused(why.into())));
        false
    }

    /// Nobody will say anything any more to what it asked in the call before.
    fn end_open(&mut self) {
        for number in core::mem::take(&mut self.open) {
            let over = Err(Unsampled::Failed("the call it belonged to is over".into()));
            if self.client().sampled(number, &over).is_err() {
                let _ = self.client().answer(number, Decision::Cancel);
            }
        }
    }

    pub(super) const fn offered(&self) -> Offered {
        self.offered
    }

    /// Whether a form would tell people, and the log, the token that its server was given. Text can
    /// be written in many ways in a form, and in one of them here.
    fn holds_token(&self, schema: &str) -> bool {
        let document = json::parse(schema.as_bytes());
        let written = document.ok().and_then(|it| it.root().canonical(Numbers::Round).ok());
        written.is_some_and(|written| self.without_token(written.clone()) != written)
    }

    /// The questions that are to be told.
    pub(super) fn take_asked(&mut self) -> Vec<Asking> {
        core::mem::take(&mut self.asked)
    }

    fn client(&mut self) -> &mut Client {
        match &mut self.way {
            Way::Lines(client) => client,
            Way::Exchanges { remote, .. } => remote.client(),
        }
    }

    /// The next thing to do that is not an exchange.
    fn poll(&mut self) -> Option<RemoteEffect> {
        match &mut self.way {
            Way::Lines(client) => client.poll().map(RemoteEffect::Client),
            Way::Exchanges { remote, wishes, .. } => loop {
                match remote.poll()? {
                    RemoteEffect::Begin(begin) => wishes.push(Wish::Begin(begin)),
                    RemoteEffect::Drop(exchange) => wishes.push(Wish::Drop(exchange)),
                    effect => return Some(effect),
                }
            },
        }
    }

    /// Where it is, if it is elsewhere.
    pub(super) fn place(&mut self) -> Option<(&mut Remote, &mut Place, &mut Vec<Wish>)> {
        match &mut self.way {
            Way::Lines(_) => None,
            Way::Exchanges { remote, place, wishes } => Some((remote, place, wishes)),
        }
    }

    /// When an exchange is to be begun again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.way {
            Way::Lines(_) => None,
            Way::Exchanges { remote, .. } => remote.deadline(),
        }
    }

    /// Whether a person, or a model, is asked something for it.
    pub(super) fn asks(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) const fn differs(&self) -> bool {
        self.differs
    }

    /// Whether it said more than anybody reads.
    fn count(&mut self, piece: &[u8]) -> bool {
        self.bytes = self.bytes.saturating_add(piece.len());
        let lines = piece.iter().filter(|byte| **byte == b'\n').count();
        self.messages = self.messages.saturating_add(lines);
        self.messages > MESSAGES_MAX || self.bytes > BYTES_MAX
    }

    fn ask(&mut self, deed: &Deed, arguments: &str) -> Result<RequestNumber, ClientError> {
        let document = json::parse(arguments.as_bytes()).map_err(|_| ClientError::NoObject)?;
        let root = document.root();
        let text = |key| root.find(key).and_then(|it| it.as_str().ok());
        match deed {
            Deed::Call(tool) => self.client().call(tool, arguments),
            Deed::List(items) => self.client().list(*items, text("cursor")),
            Deed::Read(Items::Resources) => self.client().resource(text("uri").unwrap_or_default()),
            Deed::Read(Items::Prompts) => {
                let members = root.find("arguments").and_then(|it| it.members().ok());
                let members = members.into_iter().flatten();
                let pairs: Vec<(&str, &str)> = members
                    .filter_map(|(name, value)| Some((name, value.as_str().ok()?)))
                    .collect();
                self.client().prompt(text("name").unwrap_or_default(), &pairs)
            }
        }
    }
}

impl Guest {
    /// Does what the client wants before anything came.
    pub(super) fn greet_server(&mut self, now: Instant) {
        self.with_server(|guest, server| guest.follow(now, server));
    }

    /// Takes what a server says.
    pub(super) fn hear_server(&mut self, now: Instant, mut input: &[u8]) {
        self.with_server(|guest, server| {
            if server.count(input) {
                return guest.broke("it says more than anybody reads");
            }
            while !input.is_empty() && !guest.is_gone() {
                server.client().receive(&mut input);
                guest.follow(now, server);
            }
        });
    }

    /// Takes what became of an exchange with it.
    pub(super) fn hear_exchange(
        &mut self,
        now: Instant,
        exchange: ExchangeNumber,
        event: &NetworkEvent,
    ) {
        self.with_server(|guest, server| {
            if let NetworkEvent::Body { bytes, .. } = event
                && server.count(bytes)
            {
                return guest.broke("it says more than anybody reads");
            }
            if let Some((remote, ..)) = server.place() {
                elsewhere::tell(remote, now, exchange, event);
            }
            guest.follow(now, server);
        });
        self.call_next(now);
    }

    pub(super) fn is_elsewhere(&self) -> bool {
        self.server.as_ref().is_some_and(|server| matches!(server.way, Way::Exchanges { .. }))
    }

    /// The exchanges that are to be begun or ended.
    pub(super) fn take_wishes(&mut self) -> Vec<Wish> {
        let place = self.server.as_mut().and_then(|server| server.place());
        place.map(|(.., wishes)| std::mem::take(wishes)).unwrap_or_default()
    }

    /// An exchange, if it may be begun now.
    pub(super) fn request(&mut self, now: Now, begin: Begin) -> Option<Result<Request, String>> {
        let (_, place, _) = self.server.as_mut()?.place()?;
        Some(place.request(now, begin))
    }

    /// The next call was judged with other grants.
    pub(super) fn move_to(&mut self, elsewhere: Option<Place>) {
        let own = self.server.as_mut().and_then(|server| server.place());
        if let (Some((_, own, _)), Some(place)) = (own, elsewhere) {
            *own = place;
        }
    }

    /// When it is to be asked for a stream again.
    pub(super) fn asks_at(&self) -> Option<Instant> {
        self.server.as_ref()?.deadline()
    }

    /// Says that an exchange could not be begun.
    pub(super) fn not_begun(&mut self, now: Instant, exchange: ExchangeNumber, why: &str) {
        self.with_server(|guest, server| {
            if let Some((remote, ..)) = server.place() {
                remote.failed(now, exchange, why);
            }
            guest.follow(now, server);
        });
        self.call_next(now);
    }

    /// Asks for streams again for which it is time.
    pub(super) fn ask_again(&mut self, now: Instant) {
        self.with_server(|guest, server| {
            if let Some((remote, ..)) = server.place() {
                remote.tick(now);
            }
            guest.follow(now, server);
        });
    }

    /// Tells it what came of a question of it.
    pub(super) fn reply(&mut self, now: Instant, number: u64, told: &Told) {
        self.with_server(|guest, server| {
            server.open.retain(|open| *open != number);
            let client = server.client();
            let answered = match told {
                Told::Values(values) => client.answer(number, Decision::Accept(values)),
                Told::Declined => client.answer(number, Decision::Decline),
                Told::Nothing => client.answer(number, Decision::Cancel),
                Told::Sampled(outcome) => client.sampled(number, outcome),
            };
            // It may have taken it back meanwhile.
            if answered.is_ok() {
                guest.follow(now, server);
            }
        });
    }

    /// Asks it for what its job is.
    pub(super) fn call_server(&mut self, now: Instant) {
        self.with_server(|guest, server| {
            let Some((deed, arguments)) = guest.asked() else { return };
            (server.messages, server.bytes) = (0, 0);
            (server.asked_count, server.wished_count) = (0, 0);
            server.end_open();
            match server.ask(&deed, &arguments) {
                Ok(request) => server.request = Some(request),
                Err(error) => guest.finish(now, error.to_string(), true),
            }
            guest.follow(now, server);
        });
    }

    /// Tells it that nobody waits for what it was asked. It is ended whatever it answers: a server
    /// need not say when it has stopped.
    pub(super) fn leave_server(&mut self, now: Instant, took_too_long: bool) {
        self.with_server(|guest, server| {
            if let Some(request) = server.request.take() {
                server.client().cancel(request);
            }
            server.took_too_long = took_too_long;
            guest.stage = Stage::Leaving;
            guest.deadline = now.after(LEAVING);
            guest.follow(now, server);
        });
    }

    /// Whether it listed something else than was approved, and nothing since.
    pub(super) fn is_unlike(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.is_unlike)
    }

    /// Ends one that lists other tools than those that were approved.
    pub(super) fn end_unlike(&mut self) {
        self.with_server(|guest, server| {
            server.differs = true;
            guest.broke("it lists other tools than those that were approved");
        });
    }

    /// Whether it is to rest after it left.
    pub(super) fn took_too_long(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.took_too_long)
    }

    /// The client is taken out, because what it gives is done with the rest.
    fn with_server(&mut self, then: impl FnOnce(&mut Self, &mut Server)) {
        if let Some(mut server) = self.server.take() {
            then(self, &mut server);
            self.server = Some(server);
        }
    }

    fn follow(&mut self, now: Instant, server: &mut Server) {
        let effects: Vec<RemoteEffect> = std::iter::from_fn(|| server.poll()).collect();
        // What was under way failed because of it.
        let broken = effects.iter().find_map(|effect| match effect {
            RemoteEffect::Client(ClientEffect::Broken(fault)) => Some(fault.to_string()),
            _ => None,
        });
        if let Some(why) = broken {
            return self.broke(&server.without_token(why));
        }
        let mut has_declined = false;
        for effect in effects {
            if self.is_gone() {
                return;
            }
            let effect = match effect {
                RemoteEffect::Client(effect) => effect,
                RemoteEffect::Renewed(refused) => {
                    self.renewed(now, server, refused);
                    continue;
                }
                // These were taken out.
                RemoteEffect::Begin(_) | RemoteEffect::Drop(_) => continue,
            };
            match effect {
                ClientEffect::Send(line) => self.tell(&line),
                ClientEffect::Ready(peer) => {
                    self.stage = Stage::Describing;
                    if !peer.has[0] {
                        self.listed(now, server, &Claims::default());
                    }
                }
                ClientEffect::Tools(claims) => self.listed(now, server, &claims),
                ClientEffect::Done { request, got } if server.request == Some(request) => {
                    (server.request, server.renewals) = (None, 0);
                    let (content, is_error) = words(got);
                    self.done_with(now, server.without_token(content), is_error);
                }
                ClientEffect::Failed { request, why } if server.request == Some(request) => {
                    server.request = None;
                    self.finish(now, server.without_token(why), true);
                    // Some know a session no more and say so in words of their own. The next call
                    // has another one.
                    if matches!(server.way, Way::Exchanges { .. }) {
                        self.stage = Stage::Done;
                    }
                }
                ClientEffect::Progress { words, .. } => {
                    let (skill, words) = (self.name(), server.without_token(words));
                    log::debug!(
                        "skill",
                        [skill = skill, message = words.as_str()],
                        "a call goes on"
                    );
                }
                ClientEffect::Ask(asked) => {
                    has_declined |= !server.take_question(self.call(), asked);
                }
                ClientEffect::Wish(wished) => {
                    has_declined |= !server.take_wish(self.call(), wished);
                }
                ClientEffect::Unask(number) => {
                    server.open.retain(|open| *open != number);
                    if let Some(call) = self.call() {
                        server.asked.push(Asking::Unask { call, number });
                    }
                }
                ClientEffect::Log(text) => self.remark(&server.without_token(text)),
                _ => {}
            }
        }
        if has_declined {
            // What says so was not there before.
            self.follow(now, server);
        }
        if self.stage == Stage::Waiting && self.call().is_some() {
            // Outside, where the client is back in its place.
            self.calls_next = true;
        }
    }

    /// Its session was over. Whoever waits for nothing is let go of; a call that was not begun is
    /// made once it has listed its tools again.
    fn renewed(&mut self, now: Instant, server: &mut Server, refused: Option<RequestNumber>) {
        server.renewals += 1;
        server.is_unlike = false;
        // Questions are counted anew, and those of the session before have nobody to be answered.
        let open = core::mem::take(&mut server.open);
        if let Some(call) = self.call() {
            server.asked.extend(open.into_iter().map(|number| Asking::Unask { call, number }));
        }
        let was_begun = server.request.is_some() && server.request != refused;
        server.request = None;
        if was_begun && self.call().is_some() {
            let why = "its session ended while this went on: what became of it is not known";
            self.finish(now, why.into(), true);
        }
        if server.renewals > RENEWALS_MAX {
            self.broke("its session ends again and again");
        } else if self.call().is_none() {
            self.stage = Stage::Done;
        } else {
            self.stage = Stage::Greeting;
            self.deadline = now.after(PATIENCE);
        }
    }

    /// Some servers list a part of their tools until they know what their client can do. So one
    /// that was not asked for anything yet has a moment to list the others.
    fn listed(&mut self, now: Instant, server: &mut Server, claims: &Claims) {
        let is_new = self.stage == Stage::Describing;
        server.is_unlike = claims.digest() != server.pinned;
        if server.is_unlike && is_new {
            self.deadline = now.after(SETTLING);
        } else if server.is_unlike {
            server.differs = true;
            self.broke("it lists other tools than those that were approved");
        } else if is_new {
            self.stage = Stage::Waiting;
        }
    }
}

impl Server {
    fn without_token(&self, text: String) -> String {
        match &self.way {
            Way::Lines(_) => text,
            Way::Exchanges { place, .. } => place.without_token(text),
        }
    }
}

/// What a model is told of what came.
fn words(got: Got) -> (String, bool) {
    match got {
        Got::Output { text, structured: None, is_error } => (text, is_error),
        Got::Output { text, structured: Some(structured), is_error } => {
            // Servers say the same in both, for clients that read only one.
            match text.is_empty() || is_same(&text, &structured) {
                true => (structured, is_error),
                false => (format!("{text}\n{structured}"), is_error),
            }
        }
        Got::List { items, next } => {
            let mut text = String::new();
            for item in items {
                text += &item.key;
                for more in [&item.name, &item.description] {
                    if !more.is_empty() && *more != item.key {
                        text += "  ";
                        text += more;
                    }
                }
                text.push('\n');
            }
            if let Some(next) = next {
                text += &format!("[there is more; the cursor is {next}]\n");
            }
            (text, false)
        }
        Got::Text(text) => (text, false),
    }
}

fn is_same(text: &str, structured: &str) -> bool {
    let canonical = |text: &str| {
        let options = json::Options::new().bytes(usize::MAX);
        let document = options.parse(text.as_bytes()).ok()?;
        document.root().canonical(Numbers::Round).ok()
    };
    canonical(text).is_some_and(|text| Some(text) == canonical(structured))
}

/// A directory as an address: what is no plain letter is written as its number (RFC 8089).
pub(crate) fn root(path: &[u8]) -> Root {
    let mut uri = String::from("file://");
    for byte in path {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri += &format!("%{byte:02X}"),
        }
    }
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    Root { uri, name: String::from_utf8_lossy(name).into_owned() }
}

/// How long a server has after it was greeted, until its list is what it is.
pub(crate) const SETTLING: Duration = Duration::from_secs(2);
/// How often the session of a server may be over before anything was asked of it.
const RENEWALS_MAX: u32 = 2;
/// Messages of a server in one call, as of any skill.
const MESSAGES_MAX: usize = 4096;
/// Questions of a server to a person in one call.
pub(crate) const ASKED_MAX: u32 = 8;
/// Bytes of these messages: a few of the longest.
const BYTES_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_an_address() {
        let shown = root("/srv/a b/é%".as_bytes());
        assert_eq!(shown.uri, "file:///srv/a%20b/%C3%A9%25");
        assert_eq!(shown.name, "é%");
    }

    #[test]
    fn what_is_said_twice_is_told_once() {
        let output = |text: &str, structured: &str| {
            let structured = Some(structured.to_string());
            words(Got::Output { text: text.into(), structured, is_error: false }).0
        };
        assert_eq!(output(r#"{ "b":1.0, "a":2 }"#, r#"{"a":2,"b":1}"#), r#"{"a":2,"b":1}"#);
        assert_eq!(output("", r#"{"a":2}"#), r#"{"a":2}"#);
        assert_eq!(output("two", r#"{"a":2}"#), "two\n{\"a\":2}");
    }
}
