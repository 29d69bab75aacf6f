//! Reading the configuration again while the agent runs.
//!
//! # Invariants
//! - It takes effect whole or not at all: everything that can fail is tried before anything
//!   changes.
//! - What cannot change while the agent runs is named, and then nothing changes.
//!
//! # Not here
//! What other settings mean for what goes on: the core.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use sentinel_core::agent::Settings;
use sentinel_core::capability::{FileRight, Grant, Level, Resource};
use sentinel_core::config::Config;
use sentinel_core::egress::SharedSecret;
use sentinel_core::order::Map;
use sentinel_core::runtime::{Event, EventError};

use super::{Mode, Program, start};
use crate::attachments::Attachments;
use crate::configuration::Configuration;
use crate::connectors::Connectors;
use crate::log;
use crate::models::Models;
use crate::network::Network;
use crate::persona::Persona;
use crate::secrets;
use crate::skills::elsewhere::Tokens;
use crate::skills::shelf;
use crate::tools::Tools;

/// All that other settings need, made and not yet in use.
struct Prepared {
    configuration: Configuration,
    settings: Arc<Settings>,
    models: Models,
    injected: Map<String, SharedSecret>,
    connectors: Connectors,
    network: Network,
    roots: Tools,
}

impl Program {
    /// Reads the configuration again, and goes on with it if it is good.
    ///
    /// # Errors
    /// The agent cannot go on at all.
    pub(super) fn reload(&mut self) -> Result<(), Box<dyn Error>> {
        self.is_to_reload = false;
        let prepared = match self.prepare() {
            Ok(prepared) => prepared,
            Err(error) => {
                log::error!("the configuration was read again, and nothing changed: {error}");
                return Ok(());
            }
        };
        // What was asked for until now is meant for the services there were.
        self.settle()?;
        let settings = prepared.settings.clone();
        match self.sentinel.handle(self.clock.now(), Event::Settings(settings)) {
            Ok(()) => self.adopt(prepared),
            Err(EventError::Busy) => {
                // The log cannot be written: it is tried again when it can.
                self.is_to_reload = true;
                Ok(())
            }
            Err(error @ EventError::Stopped) => Err(error.into()),
            Err(error) => {
                log::error!("the configuration was read again, and nothing changed: {error}");
                Ok(())
            }
        }
    }

    /// Reads it, and makes what it needs.
    fn prepare(&mut self) -> Result<Prepared, Box<dyn Error>> {
        let configuration = self.options.configuration.again(self.options.accepts_danger)?;
        let config = &configuration.config;
        let needs = self.needs_start(config);
        for need in &needs {
            log::error!("{need}");
        }
        if !needs.is_empty() {
            return Err("it takes a new start of the agent (see above)".into());
        }
        let models = Models::new(config)?;
        let injected = secrets::injected(config.injected())?;
        let connectors = match self.options.mode {
            Mode::Run => Connectors::new(config, self.state.directory(), Attachments::default())?,
            _ => Connectors::none(Attachments::default()),
        };
        let network = Network::new(start::network_options(config.http())?)?;
        let (settings, text) = configuration.settings(self.state.directory())?;
        // A later start finds them by their digest, which the log names from here on.
        self.state.keep_settings(&settings.digest, &text)?;
        // What operators granted is held as well, and what they denied is denied.
        let old = &self.options.configuration.config.settings().grants;
        let granted = self.sentinel.grants(0).map(|granted| granted.grant);
        let granted = granted.filter(|grant| !old.contains(grant));
        let roots = Tools::new(&settings, settings.grants.iter().chain(granted))?;
        let settings = Arc::new(settings);
        Ok(Prepared { configuration, settings, models, injected, connectors, network, roots })
    }

    /// What of it cannot change while the agent runs.
    fn needs_start(&self, new: &Config) -> Vec<String> {
        let old = &self.options.configuration.config;
        let mut needs = Vec::new();
        let mut need = |is_other: bool, what: &str| {
            if is_other {
                needs.push(format!("{what} can be changed only while the agent does not run"));
            }
        };
        let (old_state, new_state) = (old.state(), new.state());
        let is_moved = old_state.directory != new_state.directory && !self.options.state_is_named;
        need(is_moved, "[state] directory");
        need(old_state.key != new_state.key, "what seals the log ([state] key)");
        need(old.workspace() != new.workspace(), "[agent] workspace");
        let is_other = old.self_confinement() != new.self_confinement();
        need(is_other, "[security] self_confinement");
        let is_elsewhere = new.metrics().is_some() && old.metrics() != new.metrics();
        need(is_elsewhere, "[metrics] listen (it can be left out)");
        let takes_files = |config: &Config| {
            config.connectors().iter().any(|connector| connector.attachment_bytes_max > 0)
        };
        need(takes_files(new) && !takes_files(old), "that files are taken in");
        let Some(reached) = &self.reached else { return needs };
        let known = |grant: &&Grant| !old.settings().grants.contains(grant);
        for grant in new.settings().grants.iter().filter(known) {
            let Resource::Files { path, rights } = &grant.resource else { continue };
            let writes = rights.has(FileRight::Write);
            if grant.level != Level::Deny && !reached.holds(Path::new(path.as_str()), writes) {
                needs.push(format!(
                    "the grant '{grant}' is for a place that this process gave up when it \
                     started: it takes a new start to reach it"
                ));
            }
        }
        needs
    }

    /// Goes on with it.
    fn adopt(&mut self, prepared: Prepared) -> Result<(), Box<dyn Error>> {
        let Prepared { configuration, models, injected, connectors, network, roots, .. } = prepared;
        let before = self.options.configuration.config.settings().grants.clone();
        let config = &configuration.config;
        log::configure(config.log(), self.options.log, self.options.mode == Mode::Run);
        self.models.configure(models);
        self.injected = injected;
        self.tools.hold(roots);
        self.catalogue = configuration.catalogue();
        self.skills.set_tokens(Tokens::read(config));
        for problem in shelf::keep(self.state.directory(), &self.catalogue) {
            log::warn!("{problem}");
        }
        self.network.configure(&self.poller, network);
        let now = self.clock.now();
        self.connectors.change(now, &self.poller, &mut self.network, connectors);
        if config.metrics().is_none()
            && let Some(server) = self.server.take()
        {
            server.end(&self.poller);
        }
        self.persona = Persona::new(config.persona_file());
        let after = &config.settings().grants;
        let gone = before.iter().filter(|grant| !after.contains(grant)).count();
        let made = after.iter().filter(|grant| !before.contains(grant)).count();
        log::info!(
            "the configuration was read again and holds from now on; grants taken back: {gone}, \
             made: {made}"
        );
        self.options.configuration = configuration;
        self.look_at_persona()?;
        self.settle()
    }
}
