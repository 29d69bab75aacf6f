//! `sentinel.toml` as this machine can keep it.
//!
//! The core reads the file and says what is wrong with it. What is right and cannot be done here is
//! an error of this module's: a configuration is kept whole or refused, never in part.
//!
//! # Invariants
//! - An agent that starts can do everything its configuration grants.
//! - Models are told of no tool that is not done here, and of commands if a grant of the file is
//!   one to run a program.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use sentinel_core::agent::{Provider, Settings};
use sentinel_core::capability::{Grant, Level, PathRef, Resource};
use sentinel_core::config::{self, Config, Endpoint, Http, SealKey, SecretSource, Surroundings};
use sentinel_core::skill::{Catalogue, Folder, Trust};
use sentinel_core::tool::Builtin;
use sentinel_core::wire::url::{Scheme, Url};

use crate::exchanges::{Service, milliseconds};
use crate::pages;
use crate::platforms::Connected;
use crate::skills::shelf;

/// A configuration that can be kept.
#[derive(Debug)]
pub struct Configured {
    /// What the core is told.
    pub settings: Arc<Settings>,
    /// The text that it can be made from again.
    pub text: String,
    /// What there is to say about it, for people.
    pub notes: Vec<String>,
    /// The services of its models, by their numbers; none for the one that is built in.
    pub services: Vec<Option<Service>>,
    /// The platforms that people write from.
    pub platforms: Vec<Connected>,
    /// The hosts whose pages can be fetched.
    pub pages: Vec<Service>,
    /// The skills of the image.
    pub catalogue: Catalogue,
    /// How long exchanges with them may take.
    pub http: Http,
}

/// What the boot manifest gave the agent besides what it always has.
#[derive(Clone, Debug, Default)]
pub struct Abilities {
    /// Somebody to ask for exchanges with services.
    pub has_services: bool,
    /// A job in which it runs programs of the image.
    pub runs_programs: bool,
    /// The hosts whose pages can be fetched.
    pub pages: Vec<Service>,
    /// The folders of skills, if it gave it the directory in which they are.
    pub skills: Option<Vec<Folder>>,
}

/// Reads a configuration.
///
/// # Errors
/// Everything that is wrong with it, or cannot be done on this machine.
pub fn read(text: &str, abilities: &Abilities) -> Result<Configured, Vec<String>> {
    read_for(text, abilities.skills.as_deref().unwrap_or_default(), Some(abilities))
}

/// The same; without abilities nothing is refused that another boot manifest would make possible.
fn read_for(
    text: &str,
    shelves: &[Folder],
    abilities: Option<&Abilities>,
) -> Result<Configured, Vec<String>> {
    // Nothing is around it: no variables, no other files, no programs.
    let state = |name: &str| (name == "XDG_STATE_HOME").then(|| String::from(STATE));
    // Whoever signed them: what is said of the tool of one that is not used holds when it is.
    let all = Catalogue::of(shelves, None);
    let tools = |_: &[String]| all.tools().map(ToString::to_string).collect();
    let surroundings = Surroundings {
        file_name: FILE,
        environment: &state,
        tools: &tools,
        ..Surroundings::bare(WORKSPACE)
    };
    let reading = config::read(text, &surroundings);
    let said = reading.diagnostics.iter().map(ToString::to_string);
    let is_dangerous = reading.is_dangerous();
    let mut said: Vec<String> = said.collect();
    let Some(config) = reading.config else { return Err(said) };
    if is_dangerous {
        said.push("nobody can say here that they know how dangerous that is: change it".into());
        return Err(said);
    }
    let shelves = if config.skill_directories().is_empty() { &[] } else { shelves };
    let catalogue = Catalogue::of(shelves, Some(&Trust::of(&config)));
    let mut refused = Vec::new();
    refuse(&config, abilities, &catalogue, &mut refused);
    if !refused.is_empty() {
        said.append(&mut refused);
        return Err(said);
    }
    let mut settings = config.settings().clone();
    // By the text alone, so that a later start that reads it again tells its models the same.
    for (tool, is_for) in [
        (Builtin::RunCommand, (|it| matches!(it, Resource::Command(_))) as fn(&Resource) -> bool),
        (Builtin::HttpFetch, |it| matches!(it, Resource::Connect { .. })),
    ] {
        let is_it = |grant: &Grant| grant.level != Level::Deny && is_for(&grant.resource);
        if !settings.grants.iter().any(is_it) {
            settings.tools.remove(tool.name());
        }
    }
    catalogue.install(&mut settings, |tool| config.role(tool).cloned());
    let services: Vec<Option<Service>> = config.endpoints().iter().map(service).collect();
    let http = config.http().clone();
    let connect = milliseconds(http.connect_time_max);
    let platforms: Result<Vec<Connected>, String> =
        config.connectors().iter().map(|connector| connected(connector, connect)).collect();
    let platforms = platforms.map_err(|why| Vec::from([why]))?;
    let settings = Arc::new(settings);
    // The line before it says what skills there were, and is there for none as well: the text that
    // follows may begin as it likes.
    let text = [SKILLS, &Folder::write_all(shelves), "\n", text].concat();
    let pages = abilities.map_or(Vec::new(), |abilities| abilities.pages.clone());
    Ok(Configured { settings, text, notes: said, services, platforms, pages, catalogue, http })
}

/// How a platform is reached.
fn connected(connector: &config::Connector, connect: u32) -> Result<Connected, String> {
    let platform = connector.platform.name;
    let base = connector.base_url.as_ref().map_or(TELEGRAM, |url| url.as_str());
    let base = format!("{}/bot", base.trim_end_matches('/'));
    let base = Url::parse(&base).map_err(|error| format!("[{platform}] base_url: {error}"))?;
    Ok(Connected { platform, service: Service { name: platform.into(), base }, connect })
}

/// Who is asked for a model, if it is a service.
fn service(endpoint: &Endpoint) -> Option<Service> {
    let base = endpoint.base_url.clone()?;
    Some(Service { name: endpoint.section.clone(), base })
}

/// Settings of an earlier start, from the text that was kept of them.
#[must_use]
pub fn earlier(text: &str, digest: &[u8; 32]) -> Option<Arc<Settings>> {
    // A text of before there were skills here has no such line.
    let line = text.strip_prefix(SKILLS).and_then(|rest| rest.split_once('\n'));
    let (shelves, text) = match line {
        Some((line, text)) => (Folder::read_all(line)?, text),
        None => (Vec::new(), text),
    };
    let settings = read_for(text, &shelves, None).ok()?.settings;
    (settings.digest == *digest).then_some(settings)
}

/// What stands in it that cannot be done.
fn refuse(
    config: &Config,
    abilities: Option<&Abilities>,
    catalogue: &Catalogue,
    out: &mut Vec<String>,
) {
    let has_services = abilities.is_none_or(|abilities| abilities.has_services);
    let mut refuse = |what: &str, why: &str| out.push(format!("{what}: {why}"));
    let settings = config.settings();
    for endpoint in config.endpoints() {
        let what = format!("the model '{}'", endpoint.section);
        if matches!(endpoint.model.provider, Provider::Offline) {
            continue;
        }
        if !has_services {
            refuse(&what, "no service is reached from this machine; leave it out");
            continue;
        }
        if endpoint.base_url.as_ref().is_none_or(|url| url.scheme() != Scheme::Https) {
            refuse(&what, "services are reached by https only; change its base_url");
        }
        let own = format!("{KEYS}/{}", endpoint.section);
        if endpoint.key.as_ref().is_some_and(|key| *key != SecretSource::File(own.clone())) {
            let why = format!(
                "its key is where only the program that reaches it can read it: say api_key_file \
                 = \"{own}\", and put it there into the image"
            );
            refuse(&what, &why);
        }
    }
    for connector in config.connectors() {
        let name = connector.platform.name;
        if name != "telegram" || !has_services {
            let why = match has_services {
                true => "only Telegram is reached from this machine; leave its section out",
                false => "no platform is reached from this machine; leave its section out",
            };
            refuse(name, why);
            continue;
        }
        if connector.base_url.as_ref().is_some_and(|url| url.scheme() != Scheme::Https) {
            refuse(name, "it is reached by https only; change its base_url");
        }
        let own = format!("{KEYS}/{name}");
        if connector.token != SecretSource::File(own.clone()) {
            let why = format!(
                "its token is where only the program that reaches it can read it: say token_file \
                 = \"{own}\", and put it there into the image"
            );
            refuse(name, &why);
        }
    }
    if config.terminal().is_none() {
        refuse("[terminal]", "the console is the only way to talk here; enable it");
    }
    if settings.workspace != WORKSPACE {
        let why = "it is '/workspace' on this machine; leave the key out";
        refuse("the workspace", why);
    }
    for (is_there, what) in [
        (!config.skill_tokens().is_empty(), "[skill]"),
        (config.persona_file().is_some(), "persona_file"),
        (config.http().proxy.is_some() || config.http().ca_file.is_some(), "[http]"),
        (config.metrics().is_some(), "[metrics]"),
    ] {
        if is_there {
            refuse(what, "it is not there on this machine; leave it out");
        }
    }
    for directory in config.skill_directories() {
        if directory != shelf::PLACE {
            let why = format!("skills are in '{}' on this machine", shelf::PLACE);
            refuse(&format!("the directory of skills '{directory}'"), &why);
        } else if abilities.is_some_and(|abilities| abilities.skills.is_none()) {
            let why = "it is not there on this machine: boot.toml gives the agent no \
                       'tree=skills:read,list,inspect'";
            refuse("[skills]", why);
        }
    }
    let own_key = format!("{STATE}/sentinel/journal.key");
    if !matches!(&config.state().key, SealKey::Key(SecretSource::File(file)) if *file == own_key) {
        refuse("[state] key", "the key is made by this machine and kept in its own directory");
    }
    for grant in settings.grants.iter().filter(|grant| grant.level != Level::Deny) {
        if let Some(why) = abilities.and_then(|abilities| impossible(grant, abilities, catalogue)) {
            refuse(&format!("the grant '{grant}'"), why);
        }
    }
}

/// Why nobody can make use of a grant here.
#[must_use]
pub fn impossible(
    grant: &Grant,
    abilities: &Abilities,
    catalogue: &Catalogue,
) -> Option<&'static str> {
    match &grant.resource {
        Resource::Files { path, .. } => {
            let workspace = PathRef::absolute(WORKSPACE).ok()?;
            let is_within = path.borrow().is_within(workspace);
            (!is_within).then_some("this machine has no files but those in '/workspace'")
        }
        Resource::Command(_) if abilities.runs_programs => None,
        Resource::Command(_) => {
            Some("no programs are run on this machine as its boot.toml and sentinel.toml are now")
        }
        connect @ Resource::Connect { .. } => (!pages::leads_to(connect, &abilities.pages))
            .then_some(
                "the agent has no network on this machine but to the hosts that boot.toml names",
            ),
        Resource::Listen { .. } => Some("the agent has no network on this machine"),
        skill @ Resource::Skill { .. } => {
            let mut usable = catalogue.skills().iter().filter(|skill| skill.problems.is_empty());
            let is_there = usable.any(|own| skill.is_of_skill(&own.name));
            (!is_there)
                .then_some("there is no such skill in the image that can be used; see /skills")
        }
        _ => None,
    }
}

/// What stands before the text of settings that are kept: the skills there were.
const SKILLS: &str = "# skills: ";

/// Where the configuration is, for people: it is a part of the image.
const FILE: &str = "/etc/sentinel.toml";

/// What the directory is called in which files are.
pub const WORKSPACE: &str = "/workspace";

/// What the directory would be called in which the agent keeps its own: no path leads there.
const STATE: &str = "/state";

/// Where Telegram is, if nobody says anything else.
const TELEGRAM: &str = "https://api.telegram.org";

/// Where keys of services are, for the program that reaches them and nobody else.
const KEYS: &str = "/tls/keys";
