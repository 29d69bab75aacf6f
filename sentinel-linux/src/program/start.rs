//! The start: what is read, opened and held before the process gives up what it does not need.
//!
//! # Invariants
//! - Files are confined before there is a second thread, and system calls after it: nothing runs
//!   unconfined, and nothing has to be made later.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use sentinel_core::agent::ATTACHMENTS;
use sentinel_core::config::Http;
use sentinel_core::wire::dns;

use super::{Ending, Mode, Options, Program};
use crate::attachments::Attachments;
use crate::clock::Clock;
use crate::confine::{self, Reach};
use crate::connectors::Connectors;
use crate::control::Door;
use crate::fetch::Fetches;
use crate::journal::Journal;
use crate::log;
use crate::models::Models;
use crate::network::{self, Network};
use crate::notify::Notify;
use crate::opening::{self, Opened, Purpose};
use crate::persona::Persona;
use crate::poller::{Interest, Owner, Poller, Token};
use crate::signals::Signals;
use crate::terminal::Terminal;
use crate::tools::{self, Tools};

impl Program {
    /// Takes the state directory, goes on with its log, and confines the process.
    pub(super) fn start(options: &Options, signals: Signals) -> Result<Self, Box<dyn Error>> {
        let clock = Clock::new();
        let opened = opening::open(&options.configuration, &options.state, &clock, Purpose::Work)?;
        let Opened { state, settings, sentinel, last, bytes_count } = opened;
        let config = &options.configuration.config;
        // What operators granted is held as well as what the settings grant.
        let granted = || sentinel.grants(0).map(|granted| granted.grant);
        // It listens while sockets can be made, and where only this user comes.
        let mut door = Door::open(&state);
        let tools = Tools::new(&settings, granted())?;
        let persona = Persona::new(config.persona_file());
        if config.metrics().is_some() {
            log::warn!("[metrics] has no effect: this version gives out no figures");
        }
        let models = Models::new(config)?;
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
            Mode::Chat | Mode::Single(_) => Connectors::none(files),
        };
        let network = Network::new(network_options(config.http())?)?;
        let poller = Poller::new()?;
        let notify = Notify::new();
        // From here on this process reaches what it was granted, and nothing else.
        if options.is_confined {
            let mut reach = tools::reach(granted());
            reach.push(Reach { path: state.directory(), writes: true });
            reach.extend(files_path.iter().map(|path| Reach { path, writes: true }));
            let names = NAME_FILES.map(Path::new).into_iter().filter(|path| path.exists());
            let persona_file = persona.path().filter(|path| path.exists());
            reach.extend(persona_file.map(|path| Reach { path, writes: false }));
            reach.extend(names.map(|path| Reach { path, writes: false }));
            confine::confine_files(&reach)?;
        }
        let journal = Journal::start(state.directory().to_path_buf(), last, bytes_count)?;
        if options.is_confined {
            confine::confine_calls()?;
        } else {
            log::warn!("NOT CONFINED, as asked: a fault in this program is a fault in you");
        }
        poller.add(signals.fd(), Token::new(Owner::Signals, 0), Interest::READ)?;
        poller.add(journal.bell(), Token::new(Owner::Journal, 0), Interest::READ)?;
        door.wait(&poller, clock.now().instant);
        let now = clock.now().wall;
        let terminal = match options.mode {
            Mode::Chat => Terminal::new(&poller, now)?,
            Mode::Single(_) | Mode::Run => Terminal::silent(now)?,
        };
        Ok(Self {
            clock,
            poller,
            signals,
            journal,
            terminal,
            tools,
            fetches: Fetches::default(),
            models,
            connectors,
            door,
            network,
            notify,
            sentinel,
            questions: BTreeSet::new(),
            persona,
            _state: state,
            ending: Ending::No,
            has_failed: false,
            has_answer: false,
            mode: options.mode.clone(),
        })
    }
}

/// How names are found. A system without these files has names all the same: the defaults are those
/// of others.
pub(crate) fn names() -> (dns::Config, dns::Hosts) {
    let read = |path: &str| std::fs::read(path).unwrap_or_default();
    let [resolvers, hosts] = NAME_FILES.map(read);
    (dns::Config::parse(&resolvers).0, dns::Hosts::parse(&hosts).0)
}

const NAME_FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// How names are found and hosts are trusted: read now, while files can be.
pub(crate) fn network_options(http: &Http) -> Result<network::Options, Box<dyn Error>> {
    let (dns, hosts) = names();
    let extra_roots = match &http.ca_file {
        Some(path) => Some(std::fs::read(path).map_err(|error| format!("{path}: {error}"))?),
        None => None,
    };
    let proxy = match &http.proxy {
        Some(url) => {
            let hosts = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy"));
            let hosts = hosts.unwrap_or_default();
            let mut hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
            let proxy = network::Proxy::parse(url.as_str())?;
            Some(hosts.try_fold(proxy, network::Proxy::except)?)
        }
        None => None,
    };
    Ok(network::Options { dns, hosts, extra_roots, proxy })
}
