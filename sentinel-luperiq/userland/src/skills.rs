//! Skills: programs of others, each a process in a job of its own, talked with in lines.
//!
//! A skill is started when a tool of it is first called in a conversation, and waits a while for
//! the next call of the same conversation. It has one end of a line and nothing else: no file, no
//! directory, no console, no clock, nobody to ask. What a call needs besides its arguments the
//! skill asks for in that conversation, and gets what that call was judged with.
//!
//! # Invariants
//! - What was begun ends with one output, unless it was cancelled.
//! - A process serves one conversation: nothing that it was told in one reaches another.
//! - Who breaks the contract, takes too long or says too much is ended with its job, and is not
//!   started again at once.
//! - What a call was lent is given back when it is over, whatever the reason.
//!
//! # Not here
//! Whether a call may be made: it was judged. What lines mean: `sentinel-skill-abi`. Which programs
//! can be started: the boot manifest says that.

mod guest;
pub mod shelf;
pub mod shown;

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use luperiq_runtime::abi::Error;
use sentinel_core::agent::{CallNumber, ConversationNumber, ToolOutput};
use sentinel_core::capability::{self, Handle};
use sentinel_core::order::Map;
use sentinel_core::runtime::Sentinel;
use sentinel_core::skill::{Catalogue, Handed, Manifest, Named};
use sentinel_core::time::Instant;
use sentinel_core::tool::ForeignCall;

pub use self::guest::CALLS_MAX;
use self::guest::{Guest, Job, Stage};
use crate::folder::Folder;
use crate::leases::{Followed, Lease, Leases};
use crate::machine::{Machine, SkillProgram};
use crate::settings::WORKSPACE;

/// The skills that run, and the calls that wait for one.
#[derive(Debug)]
pub struct Skills<R, L> {
    waiting: VecDeque<Wanted<L>>,
    guests: Vec<Guest<R, L>>,
    over: VecDeque<(CallNumber, ToolOutput)>,
    /// What became of handles that were lent for calls.
    followed: Vec<Followed>,
    /// What people are to know.
    notes: Vec<String>,
    /// Those that broke the contract: how often in a row, and until when they rest.
    broken: Map<[u8; 32], (u32, Instant)>,
}

/// A call that the core allowed.
#[derive(Clone, Copy, Debug)]
pub struct Called<'c> {
    /// Its number.
    pub call: CallNumber,
    /// For whom.
    pub conversation: ConversationNumber,
    /// What is called, and with what.
    pub foreign: &'c ForeignCall,
    /// The grants that it was allowed by.
    pub handles: &'c [Handle],
    /// How long it may take.
    pub time_max: Duration,
}

/// A call with all that it needs.
#[derive(Debug)]
struct Wanted<L> {
    digest: [u8; 32],
    conversation: ConversationNumber,
    manifest: Manifest,
    /// Where its files are in the image.
    place: String,
    job: Job<L>,
}

impl<R, L: Folder> Skills<R, L> {
    /// Nothing runs.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            guests: Vec::new(),
            over: VecDeque::new(),
            followed: Vec::new(),
            notes: Vec::new(),
            broken: Map::new(),
        }
    }

    /// Takes a call on. What came of it is told by [`Skills::next`].
    pub fn begin<M: Machine<Running = R, Lent = L>>(
        &mut self,
        machine: &mut M,
        sentinel: &Sentinel,
        catalogue: &Catalogue,
        leases: &Leases<L>,
        called: Called<'_>,
    ) {
        let over = match self.wanted(machine, sentinel, catalogue, leases, called) {
            Ok(Ok(wanted)) => {
                self.waiting.push_back(wanted);
                return self.start_waiting(machine);
            }
            Ok(Err(content)) => ToolOutput { content, is_error: false },
            Err(content) => ToolOutput { content, is_error: true },
        };
        self.over.push_back((called.call, over));
    }

    /// Nobody wants to know any more what comes of a call. A skill that does not end it is ended.
    pub fn cancel<M: Machine<Running = R, Lent = L>>(&mut self, machine: &mut M, call: CallNumber) {
        self.over.retain(|(other, _)| *other != call);
        if let Some(place) = self.waiting.iter().position(|wanted| wanted.job.call == call)
            && let Some(wanted) = self.waiting.remove(place)
        {
            self.give_back(machine, wanted.job);
        }
        let now = machine.now().instant;
        let meant = self.guests.iter_mut().find(|guest| guest.call() == Some(call));
        if let Some(job) = meant.and_then(|guest| guest.cancel(now)) {
            self.give_back(machine, job);
        }
        self.settle(machine);
    }

    /// What runs, and whether something is to be said to it for which there was no room.
    pub fn programs(&self) -> impl Iterator<Item = (&R, bool)> {
        self.guests.iter().map(|guest| (&guest.program, guest.has_to_say()))
    }

    /// When the next one has taken too long, or waited long enough.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.guests.iter().map(|guest| guest.deadline).min()
    }

    /// What became of handles that were lent for calls.
    pub fn take_followed(&mut self) -> Vec<Followed> {
        core::mem::take(&mut self.followed)
    }

    /// What people are to know.
    pub fn take_notes(&mut self) -> Vec<String> {
        core::mem::take(&mut self.notes)
    }

    /// A call that is over, and what came of it.
    pub fn next<M: Machine<Running = R, Lent = L>>(
        &mut self,
        machine: &mut M,
        leases: &mut Leases<L>,
    ) -> Option<(CallNumber, ToolOutput)> {
        for guest in &mut self.guests {
            guest.look(machine, leases);
        }
        self.settle(machine);
        self.start_waiting(machine);
        self.over.pop_front()
    }

    /// Ends what was told something in a conversation that is forgotten.
    pub fn forget<M: Machine<Running = R, Lent = L>>(
        &mut self,
        machine: &mut M,
        conversation: ConversationNumber,
    ) {
        for guest in self.guests.iter_mut().filter(|guest| guest.conversation == conversation) {
            guest.forget();
        }
        self.settle(machine);
    }

    /// Everything that a call needs; or what there is to say without starting anything.
    fn wanted<M: Machine<Running = R, Lent = L>>(
        &self,
        machine: &mut M,
        sentinel: &Sentinel,
        catalogue: &Catalogue,
        leases: &Leases<L>,
        called: Called<'_>,
    ) -> Result<Result<Wanted<L>, String>, String> {
        let Called { call, conversation, foreign, handles, time_max } = called;
        let (skill, manifest, tool) = match catalogue.named(foreign.tool()) {
            Some(Named::Tool(skill, manifest, tool)) => (skill, manifest, tool),
            Some(Named::Instructions(_, instructions)) => {
                return Ok(Err(instructions.text.clone()));
            }
            _ => return Err(format!("there is nobody here who does {}", foreign.tool())),
        };
        let now = machine.now();
        if let Some((count, until)) = self.broken.get(&skill.digest)
            && *until > now.instant
        {
            let left = until.since(now.instant).as_secs() + 1;
            let name = &skill.name;
            return Err(format!(
                "{name} broke off {count} times in a row, and is started again in {left} s"
            ));
        }
        let paths = foreign.files().iter().map(|path| absolute(path));
        let paths: Result<Vec<capability::Path>, String> = paths.collect();
        let paths = paths?;
        let handed = match paths.is_empty() {
            true => Handed::default(),
            false => {
                let grants = handles.iter().filter_map(|handle| sentinel.grant(*handle));
                let handed = Handed::derive(grants, &paths, now.wall);
                handed.map_err(|error| format!("its files: {error}"))?
            }
        };
        let arguments = tool.with_handles(foreign.arguments())?;
        // Last, so that what is lent is in somebody's hands who gives it back.
        let lent = leases.for_call(machine, sentinel, handles);
        let lent = lent.map_err(|(handle, error)| {
            format!("{handle}: no handle is lent for this grant: {error}")
        })?;
        let job = Job {
            call,
            tool: tool.name.clone(),
            arguments,
            handed,
            files: paths.iter().map(|path| beneath(path.as_str()).into()).collect(),
            read: None,
            lent,
            handles: handles.to_vec(),
            output_bytes_max: manifest.bounds.output_bytes,
            time: manifest.bounds.time.min(time_max),
        };
        let (digest, place) = (skill.digest, skill.place.trim_start_matches('/').into());
        Ok(Ok(Wanted { digest, conversation, manifest: manifest.clone(), place, job }))
    }

    /// Gives calls to those that wait for one, and starts others while there is room.
    fn start_waiting<M: Machine<Running = R, Lent = L>>(&mut self, machine: &mut M) {
        while let Some(wanted) = self.waiting.pop_front() {
            let now = machine.now().instant;
            let fits =
                |guest: &&mut Guest<R, L>| guest.waits_for(&wanted.digest, wanted.conversation);
            if let Some(guest) = self.guests.iter_mut().find(fits) {
                guest.give(machine, wanted.job);
                self.settle(machine);
                continue;
            }
            if self.guests.len() >= GUESTS_MAX && !self.make_room(machine) {
                self.waiting.push_front(wanted);
                return;
            }
            let Wanted { digest, conversation, manifest, place, job } = wanted;
            let program = SkillProgram { manifest: &manifest, place: &place };
            match machine.start_skill(&program) {
                Ok(program) => {
                    let mut guest = Guest::new(now, digest, conversation, manifest, program);
                    guest.begin(machine, job);
                    self.guests.push(guest);
                    self.settle(machine);
                }
                Err(error) => {
                    let why = match error {
                        Error::PeerClosed | Error::Policy => {
                            "the boot manifest does not let it run".to_string()
                        }
                        error => error.to_string(),
                    };
                    let content = format!("{} could not be started: {why}", manifest.name);
                    self.over.push_back((job.call, ToolOutput { content, is_error: true }));
                    self.give_back(machine, job);
                }
            }
        }
    }

    /// Lets go of the one that waits for longest; false if none does.
    fn make_room<M: Machine<Running = R, Lent = L>>(&mut self, machine: &mut M) -> bool {
        let waiting = self.guests.iter().enumerate();
        let waiting = waiting.filter(|(_, guest)| guest.stage == Stage::Waiting);
        let oldest = waiting.min_by_key(|(_, guest)| guest.deadline).map(|(place, _)| place);
        let Some(place) = oldest else { return false };
        machine.end(self.guests.swap_remove(place).program);
        true
    }

    /// Takes what came of calls, and ends who is gone.
    fn settle<M: Machine<Running = R, Lent = L>>(&mut self, machine: &mut M) {
        let now = machine.now().instant;
        let mut place = 0;
        while let Some(guest) = self.guests.get_mut(place) {
            if let Some((job, output)) = guest.over.take() {
                self.over.push_back((job.call, output));
                self.followed.extend(job.give_back(machine));
            }
            let Some(guest) = self.guests.get_mut(place) else { return };
            self.notes.extend(guest.note.take());
            if guest.has_done_well {
                self.broken.remove(&guest.digest);
            }
            if !guest.is_gone() {
                place += 1;
                continue;
            }
            let Guest { digest, stage, program, .. } = self.guests.swap_remove(place);
            machine.end(program);
            if stage == Stage::Broken {
                let count = self.broken.get(&digest).map_or(1, |(count, _)| count + 1).min(64);
                let rest = FIRST_REST.saturating_mul(1 << (count - 1).min(7));
                // The first time may be an accident.
                let until = if count == 1 { now } else { now.after(rest) };
                self.broken.insert(digest, (count, until));
            }
        }
    }

    fn give_back<M: Machine<Running = R, Lent = L>>(&mut self, machine: &mut M, job: Job<L>) {
        self.followed.extend(job.give_back(machine));
    }
}

impl<R, L: Folder> Default for Skills<R, L> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: Folder> Job<L> {
    /// Gives back what was lent for it alone.
    fn give_back<M: Machine<Lent = L>>(self, machine: &mut M) -> Vec<Followed> {
        self.lent.into_iter().map(|lease: Lease<L>| lease.give_back(machine)).collect()
    }
}

/// A path of a call, from the root.
fn absolute(path: &str) -> Result<capability::Path, String> {
    let path = capability::PathRef::resolve(WORKSPACE, path);
    let path = path.map_err(|error| error.to_string())?.to_string();
    capability::Path::parse(&path).map_err(|error| error.to_string())
}

/// The same, beneath the workspace. Elsewhere there are no files, so nothing is there by what is
/// left of such a path.
fn beneath(path: &str) -> &str {
    path.strip_prefix(WORKSPACE).unwrap_or(path).trim_start_matches('/')
}

/// Processes of skills, those that wait for the next call among them.
const GUESTS_MAX: usize = 3;

/// How long a skill rests that broke off twice in a row; each time after that twice as long.
const FIRST_REST: Duration = Duration::from_secs(15);
