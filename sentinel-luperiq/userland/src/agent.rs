//! The loop: events to the core, and what the core asks for done.
//!
//! One thread for all of it. Files and the offline model answer at once; what is waited for is the
//! console, services and the time.
//!
//! # Invariants
//! - A call of a tool stands in the kernel's record before anything of it is done; one that cannot
//!   be recorded is not done.
//! - It holds a handle of files only while a grant holds that allows it, or a call that somebody
//!   allowed goes on.
//! - What is written to the log stands in the kernel's record by its digest, before it is written:
//!   so every decision of the core does, also one that nothing is done.
//! - What the core wants safe is safe when it is told so; keys before the records that need them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use luperiq_runtime::abi::Error;
use sentinel_core::agent::{
    CallNumber, ConversationNumber, DeliveryNumber, Fetched, OperatorCommand, SkillView, ToolOutput,
};
use sentinel_core::capability::Handle;
use sentinel_core::channel::connector::{Posted, ToPost};
use sentinel_core::channel::{Failure, IdentityError, LineTooLong, Post};
use sentinel_core::order::Set;
use sentinel_core::runtime::{Effect, Event, EventError, Said, Sentinel};
use sentinel_core::skill::{Catalogue, Skill};
use sentinel_core::tool::{Builtin, Call, Operation};

use crate::commands::Commands;
use crate::exchanges::Heard;
use crate::folder::Folder;
use crate::kept;
use crate::leases::{self, Followed, Leases};
use crate::log::{self, Log};
use crate::machine::Machine;
use crate::models::Models;
use crate::opening::{self, OpenError, Opened};
use crate::operator::{self, Asked};
use crate::pages::Pages;
use crate::platforms::{Platforms, Told};
use crate::settings::{Abilities, Configured, WORKSPACE};
use crate::skills::{Called, Skills, shown};
use crate::terminal::{self, Terminal};
use crate::tools;

/// An agent with its hands.
#[derive(Debug)]
pub struct Agent<'m, M: Machine, F> {
    machine: &'m mut M,
    /// The directory in which it keeps its own.
    state: F,
    leases: Leases<M::Lent>,
    commands: Commands<M::Running>,
    pages: Pages<M::Line>,
    /// What skills there are, and those that run.
    catalogue: Catalogue,
    skills: Skills<M::Running, M::Lent>,
    /// What models are told of.
    abilities: Abilities,
    models: Models<M::Line>,
    platforms: Platforms<M::Line>,
    /// Questions that were open when that was looked at last.
    questions: Set<u32>,
    terminal: Terminal,
    sentinel: Sentinel,
    log: Log,
    /// Whether the keys of the next records could not be stored.
    is_keyless: bool,
    /// How many records are safe.
    safe_count: u64,
    /// How much was wanted at the console of the agent itself.
    requests_count: u64,
}

impl<'m, M: Machine, F: Folder> Agent<'m, M, F> {
    /// Goes on with the log in `state`, or begins one.
    ///
    /// # Errors
    /// Why it does not go to work.
    pub fn start(
        machine: &'m mut M,
        mut state: F,
        configured: &Configured,
    ) -> Result<Self, Failed> {
        for grant in &configured.settings.grants {
            let lent = leases::try_out(machine, grant);
            lent.map_err(|error| Failed::NotLent(grant.to_string(), error))?;
        }
        let Opened { sentinel, records_count } = opening::open(machine, &mut state, configured)?;
        let mut start = [0; 8];
        machine.entropy(&mut start)?;
        let terminal = Terminal::new(u64::from_le_bytes(start)).map_err(Failed::Person)?;
        let models = Models::new(configured.services.clone(), &configured.http);
        machine.entropy(&mut start)?;
        let platforms = Platforms::new(&configured.platforms, u64::from_le_bytes(start));
        let questions = Set::new();
        let (log, is_keyless) = (Log::default(), false);
        let safe_count = records_count.unwrap_or(0);
        let mut agent = Self {
            machine,
            state,
            leases: Leases::new(),
            commands: Commands::new(),
            pages: Pages::new(configured.pages.clone(), configured.http.connect_time_max),
            catalogue: configured.catalogue.clone(),
            skills: Skills::new(),
            abilities: abilities(configured),
            models,
            platforms,
            questions,
            terminal,
            sentinel,
            log,
            is_keyless,
            safe_count,
            requests_count: 0,
        };
        agent.leases.follow(agent.machine, &agent.sentinel);
        agent.welcome(configured, records_count)?;
        agent.platforms.start(agent.machine.now());
        Ok(agent)
    }

    /// Works until whoever sits at the console ends it.
    ///
    /// # Errors
    /// It cannot go on; its next start goes on with what is safe.
    pub fn work(&mut self) -> Result<(), Failed> {
        loop {
            self.perform()?;
            self.follow()?;
            if self.is_over() {
                return self.finish();
            }
            if !self.sentinel.is_busy() {
                self.terminal.prompt(self.machine)?;
            }
            self.settle_questions();
            self.listen()?;
            let deadlines = [
                self.sentinel.deadline(),
                self.models.deadline(),
                self.platforms.deadline(),
                self.leases.deadline(self.machine.now()),
                self.commands.deadline(),
                self.pages.deadline(),
                self.skills.deadline(),
            ];
            let lines = self.models.lines().chain(self.platforms.lines());
            let lines = lines.chain(self.pages.lines());
            let programs = self.commands.programs().map(|program| (program, false));
            let programs = programs.chain(self.skills.programs());
            self.machine.wait(lines, programs, deadlines.into_iter().flatten().min())?;
            self.terminal.read(self.machine)?;
            while let Some(message) = self.terminal.next(self.machine.now().wall) {
                match message {
                    Ok(message) => match operator::asked(&message) {
                        Some(asked) => self.operate(asked)?,
                        None => self.tell(Event::Message(message))?,
                    },
                    Err(LineTooLong) => self.note(&LineTooLong.to_string())?,
                }
                self.perform()?;
            }
            self.listen()?;
            let now = self.machine.now().instant;
            if self.sentinel.deadline().is_some_and(|deadline| deadline <= now) {
                self.tell(Event::Time)?;
            }
        }
    }

    /// Lets handles follow the grants, and shows it; and takes what came of commands, pages and
    /// skills.
    fn follow(&mut self) -> Result<(), Failed> {
        for followed in self.leases.follow(self.machine, &self.sentinel) {
            self.show(&followed)?;
        }
        loop {
            let over = self.commands.next(self.machine, &self.sentinel);
            let over = over.or_else(|| self.pages.next(self.machine));
            let over = over.or_else(|| self.skills.next(self.machine, &mut self.leases));
            for followed in self.skills.take_followed() {
                self.show(&followed)?;
            }
            for note in self.skills.take_notes() {
                self.note(&note)?;
            }
            let Some((call, output)) = over else { return Ok(()) };
            self.tell(Event::ToolFinished { call, output })?;
            self.perform()?;
        }
    }

    fn show(&mut self, followed: &Followed) -> Result<(), Failed> {
        self.note(&match followed {
            Followed::Lent(handle) => format!("* {handle}: its handle is there"),
            Followed::NotLent(handle, error) => {
                format!("* {handle}: no handle is lent for it: {error}")
            }
            Followed::TakenBack(handle, Ok(count)) => {
                format!("* {handle}: its handle is taken back, {count} with what came of it")
            }
            Followed::TakenBack(handle, Err(error)) => format!(
                "* {handle}: nobody says that its handle was taken back: {error}; it was given up"
            ),
        })
    }

    /// Does what whoever sits at the console wants of the agent itself.
    fn operate(&mut self, asked: Result<Asked, String>) -> Result<(), Failed> {
        match asked {
            Err(what) => self.note(&what),
            Ok(Asked::Grants) => {
                let lines: Vec<String> = self.sentinel.grants(0).map(operator::line).collect();
                if lines.is_empty() {
                    return self.note("There are no grants.");
                }
                lines.iter().try_for_each(|line| self.note(line))
            }
            Ok(Asked::Do(command)) => {
                let (machine, abilities) = (&mut *self.machine, &self.abilities);
                let why = operator::impossible(machine, abilities, &self.catalogue, &command);
                match why {
                    Some(why) => self.note(&why),
                    None => self.order(command),
                }
            }
            Ok(Asked::Skills) => {
                let now = self.machine.now().wall;
                let views: Vec<SkillView<'_>> = self.sentinel.skills(now).collect();
                let lines = shown::list(self.catalogue.skills(), &views);
                if lines.is_empty() {
                    return self.note("There are no skills.");
                }
                lines.iter().try_for_each(|line| self.note(line))
            }
            Ok(Asked::Skill(name) | Asked::Approve(name)) if self.skill(&name).is_none() => {
                self.note("There is no such skill; /skills names those there are.")
            }
            Ok(Asked::Skill(name)) => {
                let lines = self.skill(&name).map(shown::whole).unwrap_or_default();
                lines.iter().try_for_each(|line| self.note(line))
            }
            Ok(Asked::Approve(name)) => {
                let skill = self.skill(&name).filter(|skill| skill.problems.is_empty());
                match skill.map(|skill| skill.digest) {
                    Some(digest) => self.order(OperatorCommand::ApproveSkill { name, digest }),
                    None => self.note("* not done: it cannot be used; /skill NAME says why"),
                }
            }
        }
    }

    fn skill(&self, name: &str) -> Option<&Skill> {
        self.catalogue.skills().iter().find(|skill| skill.name == name)
    }

    fn order(&mut self, command: OperatorCommand) -> Result<(), Failed> {
        self.requests_count += 1;
        let request = self.requests_count;
        self.tell(Event::Operator { request, command })
    }

    /// Takes what came of models and platforms.
    fn listen(&mut self) -> Result<(), Failed> {
        let mut takes_messages = true;
        loop {
            self.listen_to_models()?;
            let is_urgent = |message: &_| self.sentinel.takes(message);
            let told = self.platforms.next(self.machine, takes_messages, &is_urgent);
            let Some(told) = told else { return Ok(()) };
            match told {
                Told::Message(message) => {
                    let event = Event::Message(message.clone());
                    match self.sentinel.handle(self.machine.now(), event) {
                        // It is offered again when something has happened.
                        Err(EventError::Busy) => {
                            self.platforms.refused(message);
                            takes_messages = false;
                        }
                        Err(error @ EventError::Message(_)) => self.note(&error.to_string())?,
                        outcome => outcome.map_err(Failed::Event)?,
                    }
                }
                Told::Posted { delivery, piece, outcome } => {
                    let delivery = DeliveryNumber(delivery);
                    self.tell(match &outcome {
                        Posted::Sent(message) => Event::Sent { delivery, piece, message },
                        Posted::Edited => Event::Edited { delivery, piece },
                        Posted::Failed(failure) => {
                            Event::PostFailed { delivery, piece, failure: *failure }
                        }
                    })?;
                }
                Told::Note(text) => self.note(&text)?,
            }
            self.perform()?;
        }
    }

    /// Tells the platforms which questions are over.
    fn settle_questions(&mut self) {
        let now = self.machine.now();
        let open: Set<u32> = self.sentinel.questions().map(|open| open.number).collect();
        for question in self.questions.difference(&open) {
            self.platforms.settled(now, *question);
        }
        self.questions = open;
    }

    /// Takes what came of models.
    fn listen_to_models(&mut self) -> Result<(), Failed> {
        while let Some((exchange, heard)) = self.models.next(self.machine) {
            match heard {
                Heard::Verified(service, 0) => {
                    self.note(&format!("* '{service}' is asked once more"))?;
                }
                Heard::Verified(service, nanoseconds) => {
                    let microseconds = nanoseconds / 1000;
                    self.note(&format!(
                        "* '{service}' is asked: it is who it says it is ({microseconds} us)"
                    ))?;
                }
                Heard::Head(status, headers) => {
                    self.tell(Event::ModelHead { exchange, status, headers: &headers })?;
                }
                Heard::Body(bytes) => self.tell(Event::ModelBody { exchange, bytes: &bytes })?,
                Heard::End => self.tell(Event::ModelEnd { exchange })?,
                Heard::Failed(kind, why) => {
                    self.note(&format!("* {why}"))?;
                    self.tell(Event::ModelFailed { exchange, kind })?;
                }
            }
            self.perform()?;
        }
        Ok(())
    }

    /// Says what is there and what can be done.
    fn welcome(&mut self, configured: &Configured, found: Option<u64>) -> Result<(), Failed> {
        for note in &configured.notes {
            self.note(note)?;
        }
        let model = configured.settings.models.first();
        let model = model.map_or("no model", |model| &model.name);
        self.note(&format!("You talk with {model}. What it may do, and may not:"))?;
        for grant in &configured.settings.grants {
            self.note(&format!("  {grant}"))?;
        }
        match found {
            Some(count) => self.note(&format!("The log is gone on with after {count} records."))?,
            None => self.note("A new log is begun.")?,
        }
        if configured.services.first().is_none_or(Option::is_none) {
            self.note("The offline model is a few rules, and no mind.")?;
        }
        let milliseconds = self.machine.now().instant.0;
        self.note(&format!("Ready {milliseconds} ms after the machine was switched on."))?;
        self.note("/grants, /grant, /revoke and /skills are for whoever sits here.")?;
        self.note("Try 'list the files here' or /help. Ctrl-D ends it.")
    }

    /// Whether all is said and done, and nothing more will come. What waits for an answer that
    /// nobody can give any more is left as it is: the log knows it.
    fn is_over(&self) -> bool {
        self.terminal.has_ended()
            && (!self.sentinel.is_busy() || self.sentinel.questions().next().is_some())
    }

    /// Signs the log and makes that safe.
    fn finish(&mut self) -> Result<(), Failed> {
        self.sentinel.checkpoint(self.machine.now());
        while let Some(effect) = self.sentinel.poll() {
            if let Some(Err(error)) = self.keep(effect) {
                return Err(Failed::End(error));
            }
        }
        let count = self.safe_count;
        self.note(&format!("The log is signed: {count} records."))
    }

    /// Does everything that the core asks for.
    fn perform(&mut self) -> Result<(), Failed> {
        while let Some(effect) = self.sentinel.poll() {
            match effect {
                Effect::RunTool { number, conversation, call, handles, time_max } => {
                    self.run((number, conversation), &call, &handles, time_max)?;
                }
                Effect::CancelTool { number } => {
                    self.commands.cancel(self.machine, number);
                    self.pages.cancel(self.machine.now().instant, number);
                    self.skills.cancel(self.machine, number);
                }
                Effect::Post { delivery, platform, chat, post, said } => {
                    self.post(delivery, platform, chat, post, said)?;
                }
                Effect::Acknowledge { platform, message } => {
                    let now = self.machine.now();
                    self.platforms.acknowledge(now, &platform, &message);
                }
                Effect::AskModel { exchange, model, request, .. } => {
                    self.models.ask(self.machine, exchange, model, &request);
                }
                Effect::CancelModel { exchange } => {
                    let now = self.machine.now().instant;
                    self.models.cancel(now, exchange);
                }
                Effect::RemoveFiles { conversation } => {
                    self.skills.forget(self.machine, conversation);
                }
                // There is no place for them.
                Effect::Fetch { fetch, .. } => {
                    let fetched = Fetched::Failed("no files are taken on this machine".into());
                    self.tell(Event::Fetched { fetch, fetched })?;
                }
                Effect::Alert(text) => self.note(&text)?,
                Effect::Tell { outcome, .. } => self.note(&match outcome {
                    Ok(done) => format!("* {done}"),
                    Err(refusal) => format!("* not done: {refusal}"),
                })?,
                effect => {
                    if let Some(Err(error)) = self.keep(effect) {
                        self.note(&format!("the log could not be written: {error}"))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes something safe. `None` if it was nothing of that kind.
    fn keep(&mut self, effect: Effect) -> Option<Result<(), Error>> {
        let kept = match effect {
            Effect::StoreKeys { ring } => {
                let kept = kept::store(&mut self.state, "keys", &ring);
                self.is_keyless = kept.is_err();
                kept
            }
            Effect::StoreSeed { seed } => kept::store(&mut self.state, "seed", &*seed.to_bytes()),
            Effect::Checkpoint(note) => {
                kept::store(&mut self.state, "checkpoint", note.to_string().as_bytes())
            }
            Effect::Persist { file, offset, bytes, records_count } => {
                let noted = match self.is_keyless {
                    true => Err(Error::WrongState),
                    false => self.machine.note(&log::note(file, offset, &bytes)),
                };
                let log = &mut self.log;
                let written = noted.and_then(|()| log.write(&mut self.state, file, offset, &bytes));
                let event = match written {
                    Ok(()) => {
                        self.safe_count = records_count;
                        Event::Persisted { records_count }
                    }
                    Err(_) => Event::PersistFailed,
                };
                // The core takes what it asked for; an error here is one of the write.
                let taken = self.sentinel.handle(self.machine.now(), event);
                written.and(taken.map_err(|_| Error::NotRecorded))
            }
            _ => return None,
        };
        Some(kept)
    }

    fn post(
        &mut self,
        delivery: DeliveryNumber,
        platform: &str,
        chat: String,
        post: Post,
        said: Said,
    ) -> Result<(), Failed> {
        let piece = match post {
            Post::Send { piece, .. } | Post::Edit { piece, .. } => Some(piece),
            Post::Typing => None,
        };
        if platform != terminal::PLATFORM {
            let question = match said {
                Said::Question(number) => Some(number),
                Said::Answer | Said::Notice => None,
            };
            let post = ToPost { delivery: delivery.0, chat, post, question };
            let is_taken = self.platforms.post(self.machine.now(), platform, post);
            let failure = Failure::Rejected;
            return match piece {
                // It is not connected any more.
                Some(piece) if !is_taken => {
                    self.tell(Event::PostFailed { delivery, piece, failure })
                }
                _ => Ok(()),
            };
        }
        self.terminal.show(self.machine, &post)?;
        match post {
            Post::Send { piece, .. } => self.tell(Event::Sent { delivery, piece, message: "" }),
            Post::Edit { piece, .. } => self.tell(Event::Edited { delivery, piece }),
            Post::Typing => Ok(()),
        }
    }

    fn run(
        &mut self,
        (number, conversation): (CallNumber, ConversationNumber),
        call: &Call,
        handles: &[Handle],
        time_max: Duration,
    ) -> Result<(), Failed> {
        let mut canonical = String::new();
        call.canonical(&mut canonical);
        let grants = handles.iter().filter_map(|handle| self.sentinel.grant(*handle));
        let grants: Vec<String> = grants.map(ToString::to_string).collect();
        let safe = self.safe_count;
        let note = format!("call {} {}", number.0, call.tool());
        let output = match self.machine.note(&note) {
            Ok(()) => {
                self.note(&format!("* {canonical}\n  allowed by: {}", grants.join("; ")))?;
                self.note(&format!(
                    "  recorded: {safe} records of the agent are safe; the kernel notes '{note}'"
                ))?;
                let (machine, sentinel) = (&mut *self.machine, &self.sentinel);
                match call {
                    Call::Builtin(operation @ Operation::RunCommand { .. }) => {
                        let commands = &mut self.commands;
                        commands.begin(machine, sentinel, number, operation, handles, time_max);
                        return Ok(());
                    }
                    Call::Builtin(operation @ Operation::HttpFetch { .. }) => {
                        self.pages.begin(machine, number, operation, time_max);
                        return Ok(());
                    }
                    Call::Foreign(foreign) => {
                        let (catalogue, leases) = (&self.catalogue, &self.leases);
                        let called =
                            Called { call: number, conversation, foreign, handles, time_max };
                        self.skills.begin(machine, sentinel, catalogue, leases, called);
                        return Ok(());
                    }
                    call => self.run_with(call, handles)?,
                }
            }
            Err(error) => ToolOutput {
                content: format!("the kernel could not record it, so it was not done: {error}"),
                is_error: true,
            },
        };
        self.tell(Event::ToolFinished { call: number, output })
    }

    /// Does a call with the handles of its grants; those that are for this call alone are given
    /// back when it is done.
    fn run_with(&mut self, call: &Call, handles: &[Handle]) -> Result<ToolOutput, Failed> {
        let mut own = match self.leases.for_call(self.machine, &self.sentinel, handles) {
            Ok(own) => own,
            Err((handle, error)) => {
                let content = format!("{handle}: no handle is lent for this grant: {error}");
                return Ok(ToolOutput { content, is_error: true });
            }
        };
        let mut reach = self.leases.reach(&mut own, handles);
        let output = tools::run(&mut reach, WORKSPACE, call);
        for lease in own {
            let followed = lease.give_back(self.machine);
            self.show(&followed)?;
        }
        Ok(output)
    }

    fn tell(&mut self, event: Event<'_>) -> Result<(), Failed> {
        match self.sentinel.handle(self.machine.now(), event) {
            Err(error @ EventError::Busy) => self.note(&error.to_string()),
            outcome => outcome.map_err(Failed::Event),
        }
    }

    fn note(&mut self, line: &str) -> Result<(), Failed> {
        Ok(self.terminal.note(self.machine, line)?)
    }
}

/// What models are told of, and so what a grant at the console is of use for.
fn abilities(configured: &Configured) -> Abilities {
    let has = |tool: Builtin| configured.settings.tools.find(tool.name()).is_ok();
    Abilities {
        has_services: false,
        runs_programs: has(Builtin::RunCommand),
        pages: match has(Builtin::HttpFetch) {
            true => configured.pages.clone(),
            false => Vec::new(),
        },
        skills: None,
    }
}

/// Why an agent ends without being asked to.
#[derive(Debug)]
pub enum Failed {
    /// Its directory cannot be gone on with.
    Open(OpenError),
    /// What this grant of the settings is about is not lent to it.
    NotLent(String, Error),
    /// The core takes nobody at a console.
    Person(IdentityError),
    /// The core cannot go on.
    Event(EventError),
    /// The console or the clock is gone.
    Machine(Error),
    /// The end of the log could not be written.
    End(Error),
}

impl From<OpenError> for Failed {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Machine(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(formatter),
            Self::NotLent(grant, error) => write!(
                formatter,
                "the grant '{grant}': no handle is lent for it: {error}; see what is 'lent' in \
                 boot.toml"
            ),
            Self::Person(error) => error.fmt(formatter),
            Self::Event(error) => error.fmt(formatter),
            Self::Machine(error) => write!(formatter, "the console is gone: {error}"),
            Self::End(error) => write!(
                formatter,
                "the end of the log could not be written; what was answered is safe, and the next \
                 start goes on from there: {error}"
            ),
        }
    }
}

impl core::error::Error for Failed {}
