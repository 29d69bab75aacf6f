//! A configuration, and what of it only a shell needs.
//!
//! # Invariants
//! - It comes from [`read`](super::read) alone, so what is in it was checked.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::concern::Ground;
use super::secret::SecretSource;
use super::show::Shown;
use super::signer::SignerKey;
use crate::agent::{Model, Settings};
use crate::budget::Price;
use crate::capability::Destination;
use crate::channel::Platform;
use crate::label::ToolRole;
use crate::order::Map;
use crate::sandbox::{Limits, Requirement};
use crate::wire::url::Url;

/// A configuration without errors.
#[derive(Clone, Debug)]
pub struct Config {
    /// All values, as they are shown.
    pub(super) values: Vec<Shown>,
    pub(super) name: String,
    pub(super) persona_file: Option<String>,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) connectors: Vec<Connector>,
    pub(super) terminal: Option<Terminal>,
    pub(super) self_confinement: Confinement,
    pub(super) roles: Map<String, ToolRole>,
    pub(super) skill_directories: Vec<String>,
    pub(super) skill_signers: Vec<SignerKey>,
    pub(super) are_skill_signatures_required: bool,
    pub(super) skill_tokens: Vec<SkillToken>,
    pub(super) sandbox: Sandboxing,
    pub(super) injected: Vec<(String, SecretSource)>,
    pub(super) http: Http,
    pub(super) log: Log,
    pub(super) metrics: Option<SocketAddr>,
    pub(super) state: State,
    /// What grants are looked at by.
    pub(super) ground: Ground,
    pub(super) settings: Settings,
}

impl Config {
    /// What the core needs. Its digest is of everything that plays a part in decisions.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the agent is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory that paths of calls are relative to.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.settings.workspace
    }

    /// The file of the persona.
    #[must_use]
    pub fn persona_file(&self) -> Option<&str> {
        self.persona_file.as_deref()
    }

    /// The models and where they are, in the order of [`Settings::models`].
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The platforms that are connected, without the terminal.
    #[must_use]
    pub fn connectors(&self) -> &[Connector] {
        &self.connectors
    }

    /// The chat in the terminal, if there is one.
    #[must_use]
    pub const fn terminal(&self) -> Option<Terminal> {
        self.terminal
    }

    /// What happens where the kernel cannot confine the agent.
    #[must_use]
    pub const fn self_confinement(&self) -> Confinement {
        self.self_confinement
    }

    /// The role that the operator gave a tool. [`Settings::tools`] has those of built-in tools;
    /// whoever adds another tool asks here.
    #[must_use]
    pub fn role(&self, tool: &str) -> Option<&ToolRole> {
        self.roles.get(tool)
    }

    /// Where skills are.
    #[must_use]
    pub fn skill_directories(&self) -> &[String] {
        &self.skill_directories
    }

    /// The keys whose signatures of skills count.
    #[must_use]
    pub fn skill_signers(&self) -> &[SignerKey] {
        &self.skill_signers
    }

    /// Whether a skill that none of them signed is not used.
    #[must_use]
    pub const fn are_skill_signatures_required(&self) -> bool {
        self.are_skill_signatures_required
    }

    /// The tokens of servers elsewhere.
    #[must_use]
    pub fn skill_tokens(&self) -> &[SkillToken] {
        &self.skill_tokens
    }

    /// What commands run in.
    #[must_use]
    pub const fn sandbox(&self) -> &Sandboxing {
        &self.sandbox
    }

    /// Where the secrets are that are added to what programs send, by their names.
    #[must_use]
    pub fn injected(&self) -> &[(String, SecretSource)] {
        &self.injected
    }

    /// Every secret that has to be read from somewhere, but for what seals the log: what it is, for
    /// people, and where.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, &SecretSource)> {
        let mut secrets = Vec::new();
        for endpoint in &self.endpoints {
            let keys = endpoint.key.iter();
            secrets.extend(keys.map(|key| (format!("the key of '{}'", endpoint.section), key)));
        }
        for Connector { platform, token, app_token, .. } in &self.connectors {
            secrets.push((format!("the token of {}", platform.name), token));
            let app = app_token.iter();
            secrets.extend(app.map(|it| (format!("the app's token of {}", platform.name), it)));
        }
        let injected = self.injected.iter();
        secrets.extend(injected.map(|(name, source)| (format!("the secret '{name}'"), source)));
        let tokens = self.skill_tokens.iter();
        secrets
            .extend(tokens.map(|it| (format!("the token of the skill {}", it.skill), &it.source)));
        let password = self.http.proxy_account.iter();
        secrets.extend(password.map(|(_, it)| ("the password for the proxy".into(), it)));
        secrets
    }

    /// How the network is reached.
    #[must_use]
    pub const fn http(&self) -> &Http {
        &self.http
    }

    /// What is logged.
    #[must_use]
    pub const fn log(&self) -> Log {
        self.log
    }

    /// Where figures are given out, if anywhere.
    #[must_use]
    pub const fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Where the journal is, and what seals it.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }
}

/// Two are equal if every value is, and what the files held that they name.
impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values && self.settings.digest == other.settings.digest
    }
}

/// A model and where it is.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The name of its section: what `model` under `[agent]` names.
    pub section: String,
    /// What the core needs of it.
    pub model: Model,
    /// Where the service is, see [`url`](Self::url). None for the built-in model.
    pub base_url: Option<Url>,
    /// Where the key is, if it needs one.
    pub key: Option<SecretSource>,
    /// What it costs, if that is said.
    pub price: Option<Price>,
}

impl Endpoint {
    /// The address of a request: the service's own, and the path of
    /// [`Outgoing`](crate::llm::Outgoing) behind it. None for the built-in model.
    #[must_use]
    pub fn url(&self, path: &str) -> Option<Url> {
        let base = self.base_url.as_ref()?.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{path}")).ok()
    }
}

/// A platform that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Which.
    pub platform: Platform,
    /// Where the bot's token is.
    pub token: SecretSource,
    /// Where the app's token is, for Slack's Socket Mode.
    pub app_token: Option<SecretSource>,
    /// Whether an answer is shown while it grows.
    pub is_streamed: bool,
    /// The largest attachment that is taken in.
    pub attachment_bytes_max: u64,
    /// Where its interface is, if not at the platform's own address. Paths come behind it.
    pub base_url: Option<Url>,
}

/// A token for a server elsewhere, which is a skill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillToken {
    /// The name of the skill.
    pub skill: String,
    /// The one host that gets it.
    pub host: Destination,
    /// Where it is.
    pub source: SecretSource,
}

/// The chat in the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether an answer is shown while it grows.
    pub is_streamed: bool,
}

/// What happens where the kernel cannot confine the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// It does not start.
    Strict,
    /// It goes on with what there is, and says so.
    Best,
}

/// What commands run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sandboxing {
    /// What is done where this machine cannot enforce all walls.
    pub requirement: Requirement,
    /// How much of everything; the time is that of the call.
    pub limits: Limits,
}

/// How the network is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// A proxy for everything.
    pub proxy: Option<Url>,
    /// Who we are to it, and where the password is.
    pub proxy_account: Option<(String, SecretSource)>,
    /// A file with more certificates to trust.
    pub ca_file: Option<String>,
    /// How long a connection may take.
    pub connect_time_max: Duration,
    /// How long an answer may take to begin.
    pub first_byte_time_max: Duration,
    /// How long nothing may come while it goes on.
    pub idle_time_max: Duration,
    /// How long it may take at all.
    pub total_time_max: Duration,
}

/// What is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Log {
    /// How much.
    pub level: LogLevel,
    /// In which form.
    pub format: LogFormat,
}

/// How much is logged, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed and was not done.
    Error,
    /// That, and what somebody should look at.
    Warn,
    /// That, and what is done.
    Info,
    /// That, and how it is done.
    Debug,
    /// Everything that there is to say.
    Trace,
}

/// The form of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Where the journal is, and what seals it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The directory.
    pub directory: String,
    /// What seals it.
    pub key: SealKey,
}

/// What seals the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealKey {
    /// A passphrase that somebody types.
    Asked,
    /// A passphrase that is here.
    Passphrase(SecretSource),
    /// A key that is here.
    Key(SecretSource),
}
