//! Skills: programs of others, each in a sandbox, talked with in lines.
//!
//! A skill is started when a tool of it is first called in a conversation, and waits a while for
//! the next call of the same conversation. It has its own files to read and a temporary directory;
//! what a call needs besides it asks for, and gets what that call was judged with.
//!
//! # Invariants
//! - What was begun ends with one output, unless it was cancelled.
//! - A process serves one conversation: nothing that it was told in one reaches another.
//! - Who breaks the contract, takes too long or says too much is ended with all that it started,
//!   and is not started again at once.
//!
//! # Not here
//! Whether a call may be made: it was judged. What lines mean: `sentinel-skill-abi`.

pub(crate) mod describing;
pub(crate) mod elsewhere;
pub(crate) mod folder;
mod guest;
mod mcp;
pub(crate) mod shelf;
pub(crate) mod wasm;

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fd::OwnedFd;
use sentinel_core::agent::{CallNumber, ConversationNumber, Told, ToolOutput};
use sentinel_core::capability::{HostPattern, Resource};
use sentinel_core::config::Sandboxing;
use sentinel_core::order::Map;
use sentinel_core::sandbox::{Calls, Limits, Mount, Network, Profile, Rights};
use sentinel_core::skill::{Deed, Handed, Listing, Manifest, Runtime, Tool};
use sentinel_core::time::{Instant, Now};
use sentinel_core::wire::url::Reach;

use self::elsewhere::{Exchanges, Place, Tokens};
pub(crate) use self::guest::read;
use self::guest::{Guest, Job, Stage};
pub(crate) use self::mcp::{ASKED_MAX, Asking, SETTLING, root};
use self::mcp::{Offered, Server, Wish};
use crate::egress::WayOut;
use crate::network::{Network as Net, NetworkEvent};
use crate::poller::{Interest, Owner, Poller, Ready, Token};
use crate::sandbox::{ENVIRONMENT, GONE, Spawner, way_to_proxy};

/// The skills that run.
#[derive(Debug, Default)]
pub(crate) struct Skills {
    guests: Map<u32, Guest>,
    next: u32,
    over: Vec<(CallNumber, ToolOutput)>,
    ways: Vec<(CallNumber, OwnedFd, WayOut)>,
    /// Those that broke the contract: how often in a row, and until when they rest.
    broken: Map<[u8; 32], (u32, Instant)>,
    /// Who we are to servers elsewhere.
    tokens: Tokens,
    /// Exchanges with servers elsewhere.
    exchanges: Exchanges,
    /// Guests that are gone and are to say goodbye.
    leaving: Vec<Guest>,
    /// Those that list other tools than were approved.
    different: Vec<(String, [u8; 32])>,
    /// What servers ask people.
    asked: VecDeque<Asking>,
}

/// A call of a skill.
#[derive(Debug)]
pub(crate) struct Called<'c> {
    pub(crate) call: CallNumber,
    pub(crate) conversation: ConversationNumber,
    pub(crate) digest: [u8; 32],
    pub(crate) manifest: &'c Manifest,
    pub(crate) wanted: Wanted<'c>,
    /// A JSON object, in which files are named.
    pub(crate) arguments: &'c str,
    /// The same files: as they may be asked for, and open.
    pub(crate) handed: Handed,
    pub(crate) files: Vec<File>,
    /// Where it is, if it is a server elsewhere.
    pub(crate) elsewhere: Option<Place>,
    /// What it is let out to.
    pub(crate) allowance: Option<WayOut>,
    /// Where its files are.
    pub(crate) place: &'c Path,
    /// What a server sees besides, each the one name of a directory, and what is hidden there.
    pub(crate) shown: Vec<Mount>,
    pub(crate) hidden: Vec<Vec<u8>>,
    pub(crate) time_max: Duration,
    /// Whether a server may have a model asked.
    pub(crate) may_sample: bool,
    pub(crate) sandboxing: &'c Sandboxing,
}

/// What a skill is called for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'c> {
    /// A tool of a program.
    Tool(&'c Tool),
    /// Something of a server that listed this.
    Server(&'c Listing, &'c Deed),
}

impl Skills {
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self { tokens, ..Self::default() }
    }

    pub(crate) const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(crate) fn set_tokens(&mut self, tokens: Tokens) {
        self.tokens = tokens;
    }

    /// Begins a call; says why if it cannot.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        poller: &Poller,
        spawner: Result<&Spawner, String>,
        called: Called<'_>,
    ) -> Result<(), String> {
        let name = &called.manifest.name;
        if let Some((count, until)) = self.broken.get(&called.digest)
            && *until > now
        {
            let left = until.since(now).as_secs() + 1;
            return Err(format!(
                "{name} broke off {count} times in a row, and is started again in {left} s"
            ));
        }
        let is_let_out = called.allowance.is_some() && called.elsewhere.is_none();
        // Of a server elsewhere nothing is started, and the profile says only that it sees nothing.
        let mut profile = match called.elsewhere {
            Some(_) => bare(called.manifest, called.place),
            None => profile(called.manifest, called.place, is_let_out, called.sandboxing)?,
        };
        profile.mounts.extend(called.shown.iter().cloned());
        profile.hidden = called.hidden;
        if let Some(way_out) = &called.allowance {
            way_out.furnish(&mut profile);
        }
        let (tool, deed, arguments) = match called.wanted {
            Wanted::Tool(tool) => (tool.name.clone(), None, tool.with_handles(called.arguments)?),
            Wanted::Server(_, deed) => {
                (String::new(), Some(deed.clone()), called.arguments.to_string())
            }
        };
        let job = Job {
            call: called.call,
            tool,
            deed,
            arguments,
            handed: called.handed,
            files: called.files,
            output_bytes_max: called.manifest.bounds.output_bytes,
            time: called.manifest.bounds.time.min(called.time_max),
        };
        let offered = match called.wanted {
            Wanted::Tool(_) => None,
            Wanted::Server(..) => {
                let may_ask = called.manifest.server.as_ref().is_some_and(|server| server.asks);
                Some(Offered { may_ask, may_sample: called.may_sample })
            }
        };
        let waiting = self.guests.iter().find(|(_, guest)| {
            !is_let_out
                && guest.waits_for(&called.digest, called.conversation, &profile)
                && guest.server.as_ref().map(|server| server.offered()) == offered
        });
        if let Some(index) = waiting.map(|(index, _)| *index)
            && let Some(guest) = self.guests.get_mut(&index)
        {
            guest.move_to(called.elsewhere);
            guest.give(now, job);
            self.settle(now, poller, index);
            return Ok(());
        }
        self.make_room();
        let talking = match called.elsewhere {
            Some(_) => None,
            None => Some(
                spawner?
                    .ask_to_talk(&profile)
                    .map_err(|error| format!("{name} could not be started: {error}"))?,
            ),
        };
        let index = self.next;
        let (digest, conversation) = (called.digest, called.conversation);
        let mut guest = Guest::new(now, digest, conversation, called.manifest, profile, talking);
        if is_let_out {
            guest.allowance = called.allowance;
        }
        if let (Wanted::Server(listing, _), Some(offered)) = (called.wanted, offered) {
            let pinned = listing.claims.digest();
            let server = match called.elsewhere {
                Some(place) => Server::elsewhere(pinned, place, offered),
                None => Server::new(pinned, &called.shown, offered),
            };
            guest.server = Some(Box::new(server));
        }
        guest.begin(now, job);
        for (fd, which) in guest.descriptors() {
            poller
                .add(fd, token(index, which), Interest::READ)
                .map_err(|error| error.to_string())?;
        }
        self.guests.insert(index, guest);
        self.next = (index + 1) % GUESTS_MAX;
        self.settle(now, poller, index);
        Ok(())
    }

    /// Goes on where something can be read or written.
    pub(crate) fn ready(&mut self, now: Now, poller: &Poller, ready: Ready) {
        let (index, which) = (ready.token.index() / 4, ready.token.index() % 4);
        let Some(guest) = self.guests.get_mut(&index) else { return };
        match which {
            guest::OUTPUT => guest.listen(now),
            guest::REPORT => {
                if let Some((listener, allowance)) = guest.look(now)
                    && let Some(call) = guest.call()
                {
                    self.ways.push((call, listener, allowance));
                }
            }
            guest::ERRORS => guest.note(),
            _ => {}
        }
        self.settle(now.instant, poller, index);
    }

    /// Ends all that were started here: who started them is gone, and some of them may not know.
    pub(crate) fn lose(&mut self, now: Instant, poller: &Poller) {
        let all: Vec<u32> = self.guests.keys().copied().collect();
        for index in all {
            if let Some(guest) = self.guests.get_mut(&index)
                && !guest.is_elsewhere()
                && !guest.is_gone()
            {
                guest.broke(GONE);
            }
            self.settle(now, poller, index);
        }
    }

    /// Ends those who took too long, and those that waited long enough.
    pub(crate) fn tick(&mut self, now: Instant, poller: &Poller) {
        let is_due = |guest: &Guest| guest.due_at().is_some_and(|at| at <= now);
        let due = self.guests.iter().filter(|(_, guest)| is_due(guest));
        let due: Vec<u32> = due.map(|(index, _)| *index).collect();
        for index in due {
            if let Some(guest) = self.guests.get_mut(&index) {
                guest.time_out(now);
            }
            self.settle(now, poller, index);
        }
        let due =
            self.guests.iter().filter(|(_, guest)| guest.asks_at().is_some_and(|at| at <= now));
        let due: Vec<u32> = due.map(|(index, _)| *index).collect();
        for index in due {
            if let Some(guest) = self.guests.get_mut(&index) {
                guest.ask_again(now);
            }
            self.settle(now, poller, index);
        }
    }

    /// When the next one has taken too long, or is asked for something again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let at = |guest: &Guest| guest.asks_at().into_iter().chain(guest.due_at()).min();
        self.guests.values().filter_map(at).min()
    }

    /// Begins and ends the exchanges with servers elsewhere; false if there were none.
    pub(crate) fn go_out(&mut self, now: Now, poller: &Poller, network: &mut Net) -> bool {
        let mut wishes: Vec<(u32, Wish)> = Vec::new();
        let far = self.guests.iter().filter(|(_, guest)| guest.is_elsewhere());
        let far: Vec<u32> = far.map(|(index, _)| *index).collect();
        for index in far {
            let taken = self.guests.get_mut(&index).map(Guest::take_wishes);
            wishes.extend(taken.into_iter().flatten().map(|wish| (index, wish)));
        }
        let has_any = !wishes.is_empty() || !self.leaving.is_empty();
        for (index, wish) in wishes {
            match wish {
                Wish::Drop(exchange) => {
                    self.exchanges.cancel(poller, network, (index, exchange));
                }
                Wish::Begin(begin) => {
                    let exchange = begin.exchange;
                    let guest = self.guests.get_mut(&index);
                    match guest.and_then(|guest| guest.request(now, begin)) {
                        None => {}
                        Some(Ok(request)) => {
                            let owner = (index, exchange);
                            self.exchanges.begin(now.instant, (poller, network), owner, request);
                        }
                        Some(Err(why)) => {
                            if let Some(guest) = self.guests.get_mut(&index) {
                                guest.not_begun(now.instant, exchange, &why);
                            }
                            self.settle(now.instant, poller, index);
                        }
                    }
                }
            }
        }
        for mut guest in self.leaving.drain(..) {
            if let Some((remote, place, _)) = guest.server.as_mut().and_then(|it| it.place()) {
                self.exchanges.leave(now, place, remote);
            }
        }
        let guests = &self.guests;
        let is_there = |index| guests.contains_key(&index);
        self.exchanges.tidy(now.instant, (poller, network), is_there);
        has_any
    }

    /// Takes an event of the network, if it is of a server elsewhere.
    pub(crate) fn heard(&mut self, now: Instant, poller: &Poller, event: &NetworkEvent) -> bool {
        let Some(owner) = self.exchanges.owner(event) else { return false };
        if let Some((index, exchange)) = owner {
            if let Some(guest) = self.guests.get_mut(&index) {
                guest.hear_exchange(now, exchange, event);
            }
            self.settle(now, poller, index);
        }
        true
    }

    /// Lets go of all that wait; whether a server elsewhere is to be told.
    pub(crate) fn leave(&mut self) -> bool {
        let all: Vec<u32> = self.guests.iter().map(|(index, _)| *index).collect();
        for index in all {
            self.let_go(index);
        }
        !self.leaving.is_empty() || self.exchanges.has_farewells()
    }

    /// Whether a server elsewhere is still being told that its session is over.
    pub(crate) fn is_leaving(&self) -> bool {
        self.exchanges.has_farewells()
    }

    fn let_go(&mut self, index: u32) {
        if let Some(guest) = self.guests.remove(&index)
            && guest.is_elsewhere()
        {
            self.leaving.push(guest);
        }
    }

    /// A call that waits to be let out.
    pub(crate) fn take_way(&mut self) -> Option<(CallNumber, OwnedFd, WayOut)> {
        self.ways.pop()
    }

    /// A call that is over, and what came of it.
    pub(crate) fn take(&mut self) -> Option<(CallNumber, ToolOutput)> {
        self.over.pop()
    }

    /// A skill that lists other tools than were approved.
    pub(crate) fn take_different(&mut self) -> Option<(String, [u8; 32])> {
        self.different.pop()
    }

    /// What a server asks a person, or not any more.
    pub(crate) fn take_asked(&mut self) -> Option<Asking> {
        self.asked.pop_front()
    }

    /// Tells a server what came of its question.
    pub(crate) fn reply(
        &mut self,
        now: Instant,
        poller: &Poller,
        (call, number): (CallNumber, u64),
        told: &Told,
    ) {
        let meant = self.guests.iter().find(|(_, guest)| guest.call() == Some(call));
        if let Some(index) = meant.map(|(index, _)| *index) {
            if let Some(guest) = self.guests.get_mut(&index) {
                guest.reply(now, number, told);
            }
            self.settle(now, poller, index);
        }
    }

    /// Tells a skill that nobody wants to know any more. One that does not end the call is ended.
    pub(crate) fn cancel(&mut self, now: Instant, poller: &Poller, call: CallNumber) {
        self.ways.retain(|(owner, ..)| *owner != call);
        let meant = self.guests.iter().find(|(_, guest)| guest.call() == Some(call));
        if let Some(index) = meant.map(|(index, _)| *index) {
            if let Some(guest) = self.guests.get_mut(&index) {
                guest.cancel(now);
            }
            self.settle(now, poller, index);
        }
    }

    /// Ends what was told something in a conversation.
    pub(crate) fn forget(&mut self, conversation: ConversationNumber) {
        let told = self.guests.iter().filter(|(_, guest)| guest.conversation == conversation);
        let told: Vec<u32> = told.map(|(index, _)| *index).collect();
        for index in told {
            self.let_go(index);
        }
    }

    /// Whether something came of calls that is to be told.
    pub(crate) fn has_news(&self) -> bool {
        !self.over.is_empty() || !self.different.is_empty() || !self.asked.is_empty()
    }

    pub(crate) fn is_at_work(&self) -> bool {
        !self.over.is_empty() || self.guests.values().any(|guest| guest.call().is_some())
    }

    /// Says what is to be said, takes what came of it, and lets go of who is gone.
    fn settle(&mut self, now: Instant, poller: &Poller, index: u32) {
        let Some(guest) = self.guests.get_mut(&index) else { return };
        guest.speak();
        guest.mind_the_clock(now);
        if let Some(server) = &mut guest.server {
            self.asked.extend(server.take_asked());
        }
        self.over.extend(guest.over.take());
        let writes = guest.has_to_say();
        if guest.is_gone() {
            let is_broken = guest.stage == Stage::Broken;
            let digest = guest.digest;
            if guest.server.as_ref().is_some_and(|server| server.differs()) {
                self.different.push((guest.name().to_string(), digest));
            }
            // Its descriptors close, and with them all that it started ends.
            self.let_go(index);
            if is_broken {
                let count =
                    self.broken.get(&digest).map_or(1, |(count, _)| count.saturating_add(1));
                let rest = FIRST_REST.saturating_mul(1 << (count - 1).min(7));
                // The first time may be an accident.
                let until = if count == 1 { now } else { now.after(rest) };
                self.broken.insert(digest, (count, until));
            }
            return;
        }
        if guest.has_done_well() {
            self.broken.remove(&guest.digest);
        }
        if guest.asks_to_write != writes
            && let Some(input) = &guest.input
        {
            guest.asks_to_write = writes;
            let interest = Interest { reads: true, writes };
            let _ = poller.change(input, token(index, guest::INPUT), interest);
        }
    }

    /// Lets go of the one that waits for longest, if there are too many.
    fn make_room(&mut self) {
        let waiting = self.guests.iter().filter(|(_, guest)| guest.stage == Stage::Waiting);
        if waiting.clone().count() >= WAITING_MAX
            && let Some(oldest) = waiting.min_by_key(|(_, guest)| guest.deadline)
        {
            let index = *oldest.0;
            self.let_go(index);
        }
    }
}

/// The sandbox of a skill.
fn profile(
    manifest: &Manifest,
    place: &Path,
    is_let_out: bool,
    sandboxing: &Sandboxing,
) -> Result<Profile, String> {
    let limits = sandboxing.limits;
    // What the operator says holds for every sandbox.
    let memory = |bytes: u64| limits.memory_bytes.map_or(bytes, |most| most.min(bytes));
    if manifest.runtime == Runtime::Wasm {
        let mut profile = wasm::profile(manifest, place, memory(manifest.bounds.memory_bytes))?;
        profile.requirement = sandboxing.requirement;
        profile.limits = Limits {
            time: None,
            memory_bytes: profile.limits.memory_bytes.map(memory),
            file_bytes: profile.limits.file_bytes,
            pids: profile.limits.pids,
            ..limits
        };
        return Ok(profile);
    }
    let bytes = place.as_os_str().as_bytes();
    let mut profile = bare(manifest, place);
    profile.mounts.push(Mount { path: bytes.to_vec(), rights: Rights::Run });
    profile.requirement = sandboxing.requirement;
    profile.limits = Limits {
        // What waits is ended from here, and what takes too long as well.
        time: None,
        memory_bytes: Some(memory(manifest.bounds.memory_bytes)),
        file_bytes: Some(limits.file_bytes.map_or(FILE_BYTES_MAX, |it| it.min(FILE_BYTES_MAX))),
        pids: limits.pids.min(PROCESSES_MAX),
        ..limits
    };
    if is_let_out {
        profile.network = Network::Proxied;
        let hosts = manifest.capabilities.required.iter();
        let is_here = hosts.filter_map(|grant| match &grant.resource {
            Resource::Connect { hosts: HostPattern::Exact(host), .. } => host.reach(),
            _ => None,
        });
        let is_here = { is_here }.any(|reach| reach == Reach::Loopback);
        profile.environment.extend(way_to_proxy(is_here));
    }
    Ok(profile)
}

/// What is started, with its words, and nothing more.
pub(crate) fn bare(manifest: &Manifest, place: &Path) -> Profile {
    // The program of a server may have a whole path, which stays what it is.
    let program = place.join(&manifest.entry);
    let program = program.as_os_str().as_bytes();
    let mut profile = Profile::new(program, place.as_os_str().as_bytes());
    profile.environment = ENVIRONMENT.iter().map(|word| word.as_bytes().to_vec()).collect();
    if let Some(server) = &manifest.server {
        let words = |words: &[String]| -> Vec<Vec<u8>> {
            words.iter().map(|word| word.as_bytes().to_vec()).collect()
        };
        profile.arguments.extend(words(&server.arguments));
        profile.environment.extend(words(&server.environment));
        if server.translates {
            profile.calls = Calls::DataScience;
        }
    }
    profile
}

const fn token(index: u32, which: u32) -> Token {
    Token::new(Owner::Skills, index * 4 + which)
}

const GUESTS_MAX: u32 = 1 << 28;
/// Skills that wait for the next call, each with its memory.
const WAITING_MAX: usize = 8;
/// How long a skill rests that broke off twice in a row; each time after that twice as long.
const FIRST_REST: Duration = Duration::from_secs(15);
/// Bytes of a file that a skill writes into its temporary directory.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Processes and threads of a skill.
const PROCESSES_MAX: u32 = 64;
