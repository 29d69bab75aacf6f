//! The loop: events to the core, and what the core asks for done.
//!
//! One thread for all of it, and one more that writes the log.
//!
//! # Not here
//! Deciding anything.

mod answers;
mod call;
mod end;
mod outside;
mod reload;
mod skill;
pub(crate) mod start;
mod typed;
mod way_out;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sentinel_core::agent::{CallNumber, DeliveryNumber, ExchangeNumber, OperatorCommand};
use sentinel_core::channel::connector::{Posted, ToPost};
use sentinel_core::channel::{Failure, Incoming, Part, Platform, Post};
use sentinel_core::control::Command;
use sentinel_core::egress::SharedSecret;
use sentinel_core::llm::{Outgoing, TransportKind};
use sentinel_core::order::{Map, Set};
use sentinel_core::runtime::{Effect, Event, EventError, Picture, Said, Sentinel};
use sentinel_core::skill::Catalogue;

use self::answers::Answers;
use self::start::Reached;
use crate::assistant::Assistant;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::configuration::Configuration;
use crate::connectors::{Connectors, Heard, Wanted};
use crate::control::Door;
use crate::egress::{DoorNumber, Egress};
use crate::environment;
use crate::fetch::Fetches;
use crate::journal::{Deed, Done, Journal};
use crate::log::{self, Words};
use crate::metrics::{Metrics, Page, Server};
use crate::models::{Models, Unsent};
use crate::network::Network;
use crate::notify::Notify;
use crate::persona::Persona;
use crate::poller::{Owner, Poller, Ready};
use crate::rest::Rest;
use crate::sandbox::{self, Spawner};
use crate::service::runs_programs;
use crate::signals::{Signal, Signals};
use crate::skills::Skills;
use crate::state::State;
use crate::terminal::{self, Terminal};
use crate::tools::Tools;

/// What was asked for on the command line.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) configuration: Configuration,
    pub(crate) mode: Mode,
    pub(crate) state: PathBuf,
    /// Whether that was said on the command line, so that the configuration has no say in it.
    pub(crate) state_is_named: bool,
    /// Whether the process gives up what it does not need.
    pub(crate) is_confined: bool,
    /// Whether a dangerous configuration is gone on with.
    pub(crate) accepts_danger: bool,
    /// How much is said, if the command line or the environment says so.
    pub(crate) log: Option<log::Level>,
}

/// Who is talked with, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Whoever sits at the terminal, until the input ends.
    Chat,
    /// The same, with this one message.
    Single(String),
    /// The platforms that are configured, until a signal comes.
    Run,
    /// An assistant at standard input, until that ends.
    Assistant {
        /// Whether questions are put to it.
        may_ask: bool,
    },
}

/// Talks until the input or the person ends it.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    // Before anything is known that it should not know.
    let spawner = Spawner::start();
    environment::take();
    log::start(options.configuration.config.log(), options.log, options.mode == Mode::Run);
    let signals = Signals::new()?;
    let spawner = spawner.map_err(|error| match runs_programs(&options.configuration.config) {
        true => log::error!("no command can be run: {error}"),
        // A service without such grants is kept from it on purpose.
        false => log::info!("no command can be run, and none is granted: {error}"),
    });
    let spawner = spawner.ok();
    for missing in sandbox::lacking() {
        log::warn!("commands: {missing}");
    }
    let mut program = Program::start(options, signals, Commands::new(spawner))?;
    program.look_at_persona()?;
    match &options.mode {
        Mode::Chat => program.welcome(options)?,
        // It waits for what is of before.
        Mode::Single(_) => {}
        Mode::Assistant { .. } => program.end_calls_of_before()?,
        Mode::Run => {
            match program.sentinel.questions().count() {
                0 => {}
                count => log::info!(
                    "questions that wait for an answer: {count}; 'sentinel approvals' shows them"
                ),
            }
            program.connectors.start(program.clock.now());
            program.notify.ready();
        }
    }
    program.go_on()?;
    Ok(if program.has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Program {
    clock: Clock,
    poller: Poller,
    signals: Signals,
    journal: Journal,
    terminal: Terminal,
    assistant: Option<Assistant>,
    tools: Tools,
    fetches: Fetches,
    commands: Commands,
    skills: Skills,
    /// What there is of skills, as the settings say.
    catalogue: Catalogue,
    models: Models,
    connectors: Connectors,
    door: Door,
    network: Network,
    egress: Egress,
    injected: Map<String, SharedSecret>,
    /// The calls that have a way out.
    doors: Map<DoorNumber, CallNumber>,
    notify: Notify,
    sentinel: Sentinel,
    rest: Rest,
    /// Questions that wait, by their numbers.
    questions: Set<u32>,
    persona: Persona,
    /// Held until the end.
    state: State,
    /// What holds now: the command line, and the configuration that was read last.
    options: Options,
    /// What this process can still reach, if it is confined.
    reached: Option<Reached>,
    metrics: Metrics,
    server: Option<Server>,
    /// Whether the configuration is to be read again as soon as it can be.
    is_to_reload: bool,
    ending: Ending,
    /// Whether something that a script said got no answer.
    has_failed: bool,
    answers: Answers,
    mode: Mode,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// Nobody thinks of it.
    No,
    /// What goes on is finished first.
    AfterWork,
    /// What goes on is left as it is: the log knows it.
    Now,
}

impl Program {
    /// Says what is there and what can be done, to a person.
    fn welcome(&mut self, options: &Options) -> io::Result<()> {
        let config = &options.configuration.config;
        self.terminal.note(&options.configuration.found())?;
        if let Some(next) = options.configuration.next_step() {
            self.terminal.note(&next)?;
        }
        let model = config.settings().models.first().map_or("no model", |model| &model.name);
        self.terminal.note(&format!("You talk with {model}. What it may do, and may not:"))?;
        for grant in &config.settings().grants {
            self.terminal.note(&format!("  {grant}"))?;
        }
        if model == "offline" {
            self.terminal.note("The offline model is a few rules, and no mind.")?;
        }
        self.terminal.note("Try 'list the files here' or /help. Ctrl-D ends it.")?;
        self.remember();
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), Box<dyn Error>> {
        let mut began = Instant::now();
        loop {
            self.settle()?;
            self.terminal.show_log()?;
            if self.is_over()? {
                return Ok(());
            }
            let patience = self.patience();
            self.metrics.round(began.elapsed());
            let ready = self.rest.wait(&mut self.poller, patience)?;
            began = Instant::now();
            if log::is_behind() {
                log::flush();
            }
            self.look_at_persona()?;
            for ready in ready {
                self.ready(ready)?;
            }
            self.take_input()?;
            let now = self.clock.now();
            self.egress.tick(now, &self.poller, &mut self.network);
            let now = now.instant;
            self.network.tick(now, &self.poller);
            self.skills.tick(now, &self.poller);
            self.tell_skills()?;
            if let Some(server) = &mut self.server {
                server.tick(now, &self.poller);
            }
            if self.is_to_reload {
                self.reload()?;
            }
            for (call, output) in self.tools.step() {
                self.tell(Event::ToolFinished { call, output })?;
            }
            let now = self.clock.now();
            if self.sentinel.deadline().is_some_and(|deadline| deadline <= now.instant) {
                self.tell(Event::Time)?;
            }
        }
    }

    /// Does everything that follows without waiting. What is done here can have something to do
    /// follow there: a message that is acknowledged lets a platform be asked for the next, and a
    /// request may have failed before it was sent.
    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        loop {
            self.perform()?;
            self.settle_questions();
            let has_listened = self.listen()?;
            let has_heard = self.hear()? | self.tell_passages()?;
            let has_attended = self.attend()? | self.serve()? | self.go_out()?;
            if !has_listened && !has_heard && !has_attended {
                return Ok(());
            }
        }
    }

    /// How long nothing is to be done.
    fn patience(&self) -> Option<Duration> {
        let takes_file = self.terminal.is_file() && self.takes_input();
        let takes_file = takes_file || self.assistant.as_ref().is_some_and(Assistant::is_file);
        if self.tools.is_at_work() || takes_file || self.has_input_to_take() {
            return Some(Duration::ZERO);
        }
        let now = self.clock.now().instant;
        let deadlines = [
            self.sentinel.deadline(),
            self.network.deadline(),
            self.egress.deadline(),
            self.skills.deadline(),
            self.connectors.deadline(),
            self.door.deadline(),
            self.server.as_ref().and_then(Server::deadline),
            // A reader of the log may be back, and the disk may have room again.
            (log::is_behind() || self.is_to_reload).then(|| now.after(SOON)),
        ];
        deadlines.into_iter().flatten().min().map(|deadline| deadline.since(now))
    }

    /// What the network brought; false if it was nothing.
    fn hear(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut has_heard = false;
        loop {
            let now = self.clock.now();
            let Some(event) = self.network.poll(now.instant, &self.poller) else {
                return Ok(has_heard);
            };
            has_heard = true;
            if self.connectors.take(now, &event)
                || self.egress.take(now, &self.poller, &mut self.network, &event)
                || self.skills.heard(now.instant, &self.poller, &event)
            {
                continue;
            }
            match self.fetches.take(&event) {
                Some(Some((call, output))) => {
                    self.tell(Event::ToolFinished { call, output })?;
                    self.perform()?;
                    continue;
                }
                Some(None) => continue,
                None => {}
            }
            let Some((event, failure)) = self.models.heard(now.instant, &event) else { continue };
            if let Some(failure) = failure {
                log::warn!("{failure}");
            }
            if let Err(error) = self.sentinel.handle(now, event) {
                log::warn!("{error}");
            }
            self.perform()?;
        }
    }

    fn look_at_persona(&mut self) -> Result<(), Box<dyn Error>> {
        match self.persona.look(self.clock.now().instant) {
            Some(text) => self.tell(Event::PersonaRead { text }),
            None => Ok(()),
        }
    }

    fn is_over(&mut self) -> Result<bool, Box<dyn Error>> {
        if self.has_heard_all() && self.ending == Ending::No {
            self.ending = Ending::AfterWork;
        }
        if self.terminal.is_gone() {
            self.ending = self.ending.max(Ending::Now);
        }
        let is_waiting = self.is_busy() && !self.waits_for_nobody();
        match self.ending {
            Ending::No => {
                if !self.is_busy() {
                    self.terminal.prompt()?;
                }
                return Ok(false);
            }
            Ending::AfterWork if is_waiting => return Ok(false),
            Ending::AfterWork | Ending::Now => {
                self.has_failed = !self.terminal.is_interactive() && self.answers.lacks_answers();
                self.notify.stopping();
            }
        }
        self.finish()?;
        self.leave_servers();
        Ok(true)
    }

    /// Whether whoever talked with it here says nothing more.
    fn has_heard_all(&self) -> bool {
        match &self.assistant {
            Some(assistant) => assistant.has_ended(),
            None => {
                self.mode != Mode::Run
                    && self.terminal.has_ended()
                    && self.answers.waiting.is_none()
            }
        }
    }

    /// Whether somebody waits for a disk that takes no more: a person who sees why, or a platform.
    /// A script would stand still with it, for a disk that nobody makes room on.
    fn has_patience(&self) -> bool {
        match self.mode {
            Mode::Run => true,
            Mode::Assistant { .. } => !self.has_heard_all(),
            Mode::Chat | Mode::Single(_) => self.terminal.is_interactive() && !self.has_heard_all(),
        }
    }

    /// Whether all that goes on waits for an answer that nobody can give any more.
    fn waits_for_nobody(&self) -> bool {
        self.terminal.has_ended()
            && self.sentinel.questions().next().is_some()
            && !self.tools.is_at_work()
            && !self.commands.is_at_work()
            && !self.skills.is_at_work()
    }

    fn is_busy(&self) -> bool {
        self.assistant.as_ref().is_some_and(Assistant::is_busy)
            || self.sentinel.is_busy()
            || self.tools.is_at_work()
            || self.commands.is_at_work()
            || self.skills.is_at_work()
    }

    fn ready(&mut self, ready: Ready) -> Result<(), Box<dyn Error>> {
        match ready.token.owner() {
            Some(Owner::Signals) => {
                while let Some(signal) = self.signals.take() {
                    match (signal, self.ending) {
                        (Signal::Reload, _) => self.is_to_reload = true,
                        (Signal::Resume, Ending::No) => self.terminal.resume()?,
                        // Whoever ends leaves the terminal alone.
                        (Signal::Resume, _) => {}
                        (Signal::End, Ending::No | Ending::AfterWork) => {
                            self.terminal.yield_to_others();
                            self.ending = Ending::Now;
                        }
                        (Signal::End, _) => return Err("ended at once, as asked twice".into()),
                    }
                }
            }
            Some(Owner::Journal) => {
                for done in self.journal.take() {
                    self.kept(done)?;
                }
            }
            Some(Owner::Control) => self.door.ready(ready, self.clock.now().instant),
            Some(Owner::Metrics) => {
                let now = self.clock.now().instant;
                if let Some(server) = &mut self.server {
                    let (metrics, sentinel) = (&self.metrics, &self.sentinel);
                    server.ready(now, &self.poller, ready, |page| match page {
                        Page::Metrics => metrics.page(sentinel),
                        Page::Health => "ok\n".into(),
                    });
                }
            }
            Some(Owner::Sandbox) => {
                self.commands.ready(&self.poller, ready);
                if self.commands.is_alone() {
                    self.skills.lose(self.clock.now().instant, &self.poller);
                    self.tell_skills()?;
                }
                self.let_out()?;
                while let Some((call, output)) = self.commands.take() {
                    self.tell(Event::ToolFinished { call, output })?;
                }
            }
            Some(Owner::Skills) => {
                let now = self.clock.now();
                self.skills.ready(now, &self.poller, ready);
                self.let_out()?;
                self.tell_skills()?;
            }
            Some(Owner::Terminal) => match &mut self.assistant {
                Some(assistant) => assistant.read(&self.poller)?,
                None => self.terminal.read(&self.poller)?,
            },
            Some(Owner::Network) => {
                let now = self.clock.now().instant;
                self.network.ready(now, &self.poller, ready);
            }
            Some(Owner::Egress) => {
                let now = self.clock.now();
                self.egress.ready(now, &self.poller, &mut self.network, ready);
            }
            None => {}
        }
        Ok(())
    }

    fn tell(&mut self, event: Event<'_>) -> Result<(), Box<dyn Error>> {
        if let Event::ToolFinished { call, .. } = &event {
            self.shut_out(*call)?;
        }
        match self.sentinel.handle(self.clock.now(), event) {
            Err(error @ EventError::Busy) => log::warn!("{error}"),
            outcome => outcome?,
        }
        Ok(())
    }

    /// Does what the core asks for.
    fn perform(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some(effect) = self.sentinel.poll() {
            match effect {
                Effect::RunTool { number, conversation, call, handles, time_max } => {
                    self.run((number, conversation), &call, &handles, time_max)?;
                }
                Effect::CancelTool { number } => {
                    self.shut_out(number)?;
                    self.tools.cancel(number);
                    self.commands.cancel(&self.poller, number);
                    self.skills.cancel(self.clock.now().instant, &self.poller, number);
                    self.fetches.cancel(&self.poller, &mut self.network, number);
                }
                Effect::Reply { call, number, told } => {
                    let now = self.clock.now().instant;
                    self.skills.reply(now, &self.poller, (call, number), &told);
                }
                Effect::Post { delivery, platform, chat, post, said } => {
                    self.post(delivery, platform, chat, post, said)?;
                }
                Effect::Fetch { fetch, conversation, platform, attachment, bytes_max, name } => {
                    let (tries, again, refused) = (0, None, None);
                    let wanted = Wanted {
                        platform,
                        conversation,
                        attachment,
                        bytes_max,
                        name,
                        tries,
                        again,
                        refused,
                    };
                    self.connectors.fetch(self.clock.now(), fetch, wanted);
                }
                Effect::CancelFetch { fetch } => self.connectors.cancel_fetch(fetch),
                Effect::RemoveFiles { conversation } => {
                    self.skills.forget(conversation);
                    if let Err(why) = self.connectors.remove_files(conversation) {
                        log::warn!("a file of {conversation} is still there: {why}");
                    }
                }
                Effect::Acknowledge { platform, message } => {
                    self.connectors.acknowledge(self.clock.now(), &platform, &message);
                }
                Effect::AskModel { exchange, model, request, pictures, .. } => {
                    self.ask(exchange, model, &request, &pictures)?;
                }
                Effect::CancelModel { exchange } => {
                    self.models.cancel(&self.poller, &mut self.network, exchange);
                }
                Effect::Alert(text) => log::warn!("{text}"),
                Effect::Tell { request, outcome } => self.door.told(request, outcome),
                other => self.keep(other),
            }
        }
        Ok(())
    }

    fn post(
        &mut self,
        delivery: DeliveryNumber,
        platform: &str,
        chat: String,
        post: Post,
        said: Said,
    ) -> Result<(), Box<dyn Error>> {
        self.rest.disturb();
        if platform == Platform::OUTSIDE.name && self.assistant.is_some() {
            self.say_outside(&post, said);
            if let Post::Send { piece, .. } = post {
                self.tell(Event::Sent { delivery, piece, message: "" })?;
            }
            return Ok(());
        }
        // What an assistant reads is no terminal.
        if platform == terminal::PLATFORM && self.assistant.is_none() {
            self.answers.shows(delivery, said);
            match self.answers.is_aside() {
                true => self.terminal.show_aside(&post),
                false => self.terminal.show(&post)?,
            }
            if let Post::Send { piece, .. } = post {
                self.tell(Event::Sent { delivery, piece, message: "" })?;
            }
            return Ok(());
        }
        let (piece, is_answered) = match &post {
            Post::Send { piece, .. } | Post::Edit { piece, .. } => (*piece, true),
            Post::Typing => (0, false),
        };
        let question = match said {
            Said::Question(number) => Some(number),
            Said::Answer | Said::Notice => None,
        };
        let post = ToPost { delivery: delivery.0, chat, post, question };
        // A platform that is not connected any more.
        if !self.connectors.post(self.clock.now(), platform, post) && is_answered {
            let failure = Failure::Rejected;
            self.tell(Event::PostFailed { delivery, piece, failure })?;
        }
        Ok(())
    }

    /// What the platforms brought; false if it was nothing, or nothing that can be taken now.
    fn listen(&mut self) -> Result<bool, Box<dyn Error>> {
        let (mut has_listened, mut takes_messages) = (false, true);
        loop {
            let now = self.clock.now();
            let (poller, network) = (&self.poller, &mut self.network);
            let is_urgent = |message: &Incoming| self.sentinel.takes(message);
            let heard = self.connectors.poll(now, poller, network, takes_messages, &is_urgent);
            let Some(heard) = heard else {
                return Ok(has_listened);
            };
            match heard {
                Heard::Message(message) => {
                    let platform = message.identity.platform.as_str();
                    log::trace!(
                        "chat",
                        [platform = platform, words = words(&message)],
                        "a message"
                    );
                    let event = Event::Message(message.clone());
                    match self.sentinel.handle(now, event) {
                        Err(EventError::Busy) => {
                            self.metrics.refused();
                            // It is offered again when something has happened. Why nothing is taken
                            // was said when that began.
                            self.connectors.refused(message);
                            takes_messages = false;
                            continue;
                        }
                        Err(error) => log::warn!("{error}"),
                        Ok(()) => {}
                    }
                }
                Heard::Happened(platform, what) => self.metrics.count(platform, what),
                Heard::Posted { delivery, piece, outcome } => {
                    let delivery = DeliveryNumber(delivery);
                    self.tell(match &outcome {
                        Posted::Sent(message) => Event::Sent { delivery, piece, message },
                        Posted::Edited => Event::Edited { delivery, piece },
                        Posted::Failed(failure) => {
                            Event::PostFailed { delivery, piece, failure: *failure }
                        }
                    })?;
                }
                Heard::Fetched(fetch, fetched) => self.tell(Event::Fetched { fetch, fetched })?,
                Heard::Keep(platform, bytes) => self.journal.ask(Deed::StoreKept(platform, bytes)),
                Heard::Note(text) => log::warn!("{text}"),
                Heard::Told(text) => log::info!("{text}"),
            }
            has_listened = true;
            self.perform()?;
        }
    }

    /// What operators want; false if it was nothing.
    fn attend(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut has_attended = false;
        while let Some(Command { request, command }) =
            self.door.poll(&self.sentinel, self.clock.now())
        {
            has_attended = true;
            if let OperatorCommand::Grant(spec) = &command
                && spec.parse().is_ok_and(|grant| !self.tools.reaches(&grant))
            {
                self.door.note(request, NOT_REACHED);
            }
            if matches!(command, OperatorCommand::Stop(_) | OperatorCommand::Halt) {
                self.answers.stops();
            }
            let event = Event::Operator { request, command };
            if let Err(error) = self.sentinel.handle(self.clock.now(), event) {
                self.door.not_taken(request, &error);
            }
            self.perform()?;
        }
        self.door.tend(&self.poller, self.clock.now().instant);
        Ok(has_attended)
    }

    /// Tells the platforms which questions are over.
    fn settle_questions(&mut self) {
        let now = self.clock.now();
        let open: Set<u32> = self.sentinel.questions().map(|open| open.number).collect();
        for question in self.questions.difference(&open) {
            self.connectors.settled(now, *question);
            if let Some(assistant) = &mut self.assistant {
                assistant.settled(*question);
            }
        }
        self.questions = open;
    }

    fn ask(
        &mut self,
        exchange: ExchangeNumber,
        model: usize,
        request: &Outgoing,
        pictures: &[Picture],
    ) -> Result<(), Box<dyn Error>> {
        let now = self.clock.now().instant;
        let (poller, network) = (&self.poller, &mut self.network);
        let connectors = &self.connectors;
        // Two files may be one picture, and one of them is enough.
        let picture = |image| {
            let mut same = pictures.iter().filter(|it| it.image == image);
            same.find_map(|it| connectors.picture(it))
        };
        match self.models.ask(now, poller, network, (exchange, model), request, picture) {
            Ok(()) => Ok(()),
            Err(Unsent::PictureGone(digest)) => self.tell(Event::PictureGone { exchange, digest }),
            Err(Unsent::Why(why)) => {
                log::warn!("a model could not be asked: {why}");
                let kind = TransportKind::Connect;
                self.tell(Event::ModelFailed { exchange, kind })
            }
        }
    }

    /// Something was made safe, or could not be.
    fn kept(&mut self, done: Done) -> Result<(), Box<dyn Error>> {
        match done {
            Done::Persisted { records_count } => self.tell(Event::Persisted { records_count })?,
            Done::PersistFailed(error) => {
                let what = format!("the log could not be written: {error}");
                if !self.has_patience() {
                    let state = self.state.directory().display();
                    return Err(format!(
                        "{what}. Is there room on the disk of {state}? What the log has, the next \
                         start goes on with; say again what was not answered"
                    )
                    .into());
                }
                log::error!("{what}");
                self.tell(Event::PersistFailed)?;
            }
            Done::SeedFailed(error) => {
                log::error!("the log's secret could not be replaced: {error}");
            }
            Done::NotErased(name, error) => {
                log::error!("what '{name}' was before may still be on the disk: {error}");
            }
            Done::CheckpointFailed(error) => {
                log::error!("the last checkpoint could not be kept: {error}");
            }
            Done::NotKept(platform, error) => {
                log::warn!("{platform}: where it was left off could not be kept: {error}");
            }
        }
        Ok(())
    }

    /// Makes something safe.
    fn keep(&mut self, effect: Effect) {
        match effect {
            Effect::StoreKeys { ring } => self.journal.ask(Deed::StoreKeys(ring)),
            Effect::StoreSeed { seed } => {
                log::debug!("journal", [], "the next key signs the log from here on");
                self.journal.ask(Deed::StoreSeed(seed));
            }
            Effect::Checkpoint(note) => self.journal.ask(Deed::StoreCheckpoint(note.to_string())),
            Effect::Persist { file, offset, bytes, records_count } => {
                self.journal.ask(Deed::Persist { file, offset, bytes, records_count });
            }
            _ => {}
        }
    }
}

/// What is said of a grant that this process was confined before.
const NOT_REACHED: &str = "it was made while this agent is at work, which reaches only what was \
                           granted when it started: it holds from the next start on";
/// How soon something is tried again that nobody says is possible again.
const SOON: Duration = Duration::from_millis(500);

/// What somebody wrote, for those who trace it.
fn words(message: &Incoming) -> Words<'_> {
    let texts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    Words(texts.into_iter().next().unwrap_or_default())
}
