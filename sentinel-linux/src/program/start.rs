//! The start: what is read, opened and held before the process gives up what it does not need.
//!
//! # Invariants
//! - Files are confined before there is a second thread, and system calls after it: nothing runs
//!   unconfined, and nothing has to be made later.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use sentinel_core::agent::ATTACHMENTS;
use sentinel_core::config::{Config, Confinement, Http};
use sentinel_core::order::{self, Map, Set};

use super::answers::Answers;
use super::{Ending, Mode, Options, Program};
use crate::assistant::Assistant;
use crate::attachments::Attachments;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::configuration::Configuration;
use crate::confine::{self, ConfineError, Reach};
use crate::connectors::Connectors;
use crate::control::Door;
use crate::egress::Egress;
use crate::environment;
use crate::fetch::Fetches;
use crate::journal::Journal;
use crate::log;
use crate::metrics::{Metrics, Server};
use crate::models::Models;
use crate::network::{self, Network};
use crate::notify::Notify;
use crate::opening::{self, Opened, Purpose};
use crate::persona::{self, Persona};
use crate::poller::{Interest, Owner, Poller, Token};
use crate::rest::Rest;
use crate::secrets;
use crate::signals::Signals;
use crate::skills::elsewhere::Tokens;
use crate::skills::{Skills, shelf};
use crate::terminal::Terminal;
use crate::tools::{self, Tools};

impl Program {
    /// Takes the state directory, goes on with its log, and confines the process.
    pub(super) fn start(
        options: &Options,
        signals: Signals,
        commands: Commands,
    ) -> Result<Self, Box<dyn Error>> {
        let (clock, rest) = (Clock::new(), Rest::new());
        let opened = opening::open(&options.configuration, &options.state, &clock, Purpose::Work)?;
        let Opened { state, settings, sentinel, last, bytes_count } = opened;
        let catalogue = options.configuration.catalogue();
        for problem in shelf::keep(state.directory(), &catalogue) {
            log::warn!("{problem}");
        }
        let config = &options.configuration.config;
        // What operators granted is held as well as what the settings grant.
        let granted = || sentinel.grants(0).map(|granted| granted.grant);
        // It listens while sockets can be made, and where only this user comes.
        let mut door = Door::open(&state);
        let tools = Tools::new(&settings, granted())?;
        let persona = Persona::new(config.persona_file());
        let metrics = Metrics::new(clock.now().wall);
        let server = match config.metrics() {
            Some(address) => Some(listen(address)?),
            None => None,
        };
        let models = Models::new(config)?;
        let injected = secrets::injected(config.injected())?;
        if config.settings().inspection.is_on {
            log::info!("TLS of commands and skills is inspected where their grants need it");
        }
        let skills = Skills::new(Tokens::read(config));
        let takes_files = options.mode == Mode::Run
            && config.connectors().iter().any(|connector| connector.attachment_bytes_max > 0);
        let files = Attachments::new(config.workspace(), takes_files).unwrap_or_else(|error| {
            log::warn!(
                "no files are taken in: the directory {ATTACHMENTS} in the workspace {} cannot be \
                 used: {error}",
                config.workspace()
            );
            Attachments::default()
        });
        let files_path = files.path().map(Path::to_path_buf);
        let connectors = match options.mode {
            Mode::Run => Connectors::new(config, state.directory(), files)?,
            Mode::Chat | Mode::Single(_) | Mode::Assistant { .. } => Connectors::none(files),
        };
        let network = Network::new(network_options(config.http())?)?;
        let poller = Poller::new()?;
        let notify = Notify::new();
        // From here on this process reaches what it was granted, and nothing else.
        let mut reached = None;
        if options.is_confined {
            let mut reach = tools::reach(granted());
            reach.push(Reach { path: state.directory(), writes: true });
            reach.extend(files_path.iter().map(|path| Reach { path, writes: true }));
            let places = read_again(&options.configuration);
            reach.extend(places.iter().map(|path| Reach { path, writes: false }));
            let written = config.persona_file().map(Path::new).filter(|path| path.is_file());
            let written = written.filter(|_| granted().any(persona::is_written_by));
            reach.extend(written.map(|path| Reach { path, writes: true }));
            let shelves = config.skill_directories().iter().map(Path::new);
            let shelves = shelves.filter(|path| path.exists());
            reach.extend(shelves.map(|path| Reach { path, writes: false }));
            if is_confined(confine::confine_files(&reach), config)? {
                reached = Some(Reached::new(&reach));
            }
        }
        let directory = state.directory().to_path_buf();
        let journal = Journal::start(directory, last, bytes_count, metrics.journal.clone())?;
        if options.is_confined {
            is_confined(confine::confine_calls(), config)?;
        } else {
            log::warn!("NOT CONFINED, as asked: a fault in this program is a fault in you");
        }
        poller.add(signals.fd(), Token::new(Owner::Signals, 0), Interest::READ)?;
        poller.add(journal.bell(), Token::new(Owner::Journal, 0), Interest::READ)?;
        commands.wait(&poller)?;
        door.wait(&poller, clock.now().instant);
        if let Some(server) = &server {
            server.begin(&poller)?;
            log::info!("figures are at http://{}/metrics", server.address());
        }
        let now = clock.now().wall;
        let terminal = match options.mode {
            Mode::Chat => Terminal::new(&poller, now)?,
            Mode::Single(_) | Mode::Run | Mode::Assistant { .. } => Terminal::silent(now)?,
        };
        let assistant = match options.mode {
            Mode::Assistant { may_ask } => Some(Assistant::new(&poller, &settings, now, may_ask)?),
            _ => None,
        };
        let answers = Answers::new(&options.mode, terminal.is_interactive());
        Ok(Self {
            clock,
            poller,
            signals,
            journal,
            terminal,
            assistant,
            tools,
            fetches: Fetches::default(),
            commands,
            skills,
            catalogue,
            models,
            connectors,
            door,
            network,
            egress: Egress::default(),
            injected,
            doors: Map::new(),
            notify,
            sentinel,
            rest,
            questions: Set::new(),
            persona,
            state,
            options: options.clone(),
            reached,
            metrics,
            server,
            is_to_reload: false,
            ending: Ending::No,
            has_failed: false,
            answers,
            mode: options.mode.clone(),
        })
    }
}

/// Whether a part of the confinement holds. Where the kernel has none of the kind, the
/// configuration says whether to go on.
fn is_confined(done: Result<(), ConfineError>, config: &Config) -> Result<bool, ConfineError> {
    let Err(error) = done else { return Ok(true) };
    match error.missing() {
        Some(what) if config.self_confinement() == Confinement::Best => {
            log::warn!(
                "NOT CONFINED as to {what}, which this kernel cannot do: a fault in this program \
                 is a fault in you ([security] self_confinement = \"best\" goes on all the same)"
            );
            Ok(false)
        }
        _ => Err(error),
    }
}

/// What a confined process can still reach.
#[derive(Debug)]
pub(super) struct Reached {
    places: Vec<(PathBuf, bool)>,
}

impl Reached {
    fn new(reach: &[Reach<'_>]) -> Self {
        let places = reach.iter().map(|reach| (reach.path.to_path_buf(), reach.writes));
        Self { places: places.collect() }
    }

    /// Whether a path can be reached, and written to if that is wanted.
    pub(super) fn holds(&self, path: &Path, writes: bool) -> bool {
        let mut places = self.places.iter();
        places.any(|(place, may_write)| path.starts_with(place) && (*may_write || !writes))
    }
}

/// Takes the port for figures.
fn listen(address: SocketAddr) -> Result<Server, String> {
    Server::bind(address).map_err(|error| format!("[metrics] listen = \"{address}\": {error}"))
}

/// What is read again while the agent runs: the configuration, what it names, and how names are
/// found. Whoever writes a file anew mostly puts another one in its place, so its directory is
/// reached as well, where that is not a directory of everything.
fn read_again(configuration: &Configuration) -> Vec<PathBuf> {
    let names = ["/etc/resolv.conf", "/etc/hosts"].map(PathBuf::from);
    let files = configuration.files().into_iter().chain(names);
    let mut places = Vec::new();
    for file in files {
        // Where a link leads elsewhere, it may lead to another place tomorrow, beside the first.
        let Ok(meant) = file.canonicalize() else { continue };
        let named = file.parent().and_then(|directory| directory.canonicalize().ok());
        let directories = [named, meant.parent().map(Path::to_path_buf)].into_iter().flatten();
        places.extend(directories.filter(|directory| is_narrow(directory)));
        places.push(meant);
    }
    order::sort_by(&mut places, Ord::cmp);
    places.dedup();
    places
}

/// Whether a directory is for something: neither a home nor one above everything.
fn is_narrow(directory: &Path) -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from).and_then(|it| it.canonicalize().ok());
    directory.components().count() > 2 && !home.is_some_and(|home| home.starts_with(directory))
}

/// The proxy, without which is reached what the environment says.
pub(crate) fn without(proxy: network::Proxy) -> network::Proxy {
    let list = environment::text("NO_PROXY").or_else(|| environment::text("no_proxy"));
    let list = list.unwrap_or_default();
    let (proxy, unknown) = proxy.except(&list);
    if !unknown.is_empty() {
        log::warn!("NO_PROXY: passed over, as it is nothing that is known: {}", unknown.join(", "));
    }
    proxy
}

/// How names are found and hosts are trusted.
pub(crate) fn network_options(http: &Http) -> Result<network::Options, Box<dyn Error>> {
    let extra_roots = match &http.ca_file {
        Some(path) => Some(std::fs::read(path).map_err(|error| format!("{path}: {error}"))?),
        None => None,
    };
    let proxy = match &http.proxy {
        Some(url) => {
            let mut proxy = network::Proxy::parse(url.as_str())?;
            if let Some((user, password)) = &http.proxy_account {
                let password = secrets::read(password)
                    .map_err(|error| format!("the password for the proxy: {error}"))?;
                proxy = proxy.with_account(user, password.as_str());
            }
            Some(without(proxy))
        }
        None => None,
    };
    Ok(network::Options { extra_roots, proxy, ..network::Options::of_system() })
}
