//! Where the configuration is, and what is said about it.
//!
//! # Not here
//! What it means: [`sentinel_core::config`].

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use sentinel_core::agent::Settings;
use sentinel_core::capability::Grant;
use sentinel_core::config::{
    Config, Diagnostic, Reading, SecretSource, Severity, Surroundings, providers, read, show,
};
use sentinel_core::order::Map;
use sentinel_core::skill::{Catalogue, Folder, Trust};
use sentinel_core::text::json;
use sha2::{Digest as _, Sha256};

use crate::skills::shelf::{Shelves, shelves, tools};
use crate::{environment, log, secrets, survey};

/// A configuration, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    pub(crate) config: Config,
    /// The file; none if there was none and everything is as it is without one.
    pub(crate) file: Option<PathBuf>,
    /// The files that it names, as they were when it was read.
    read: Texts,
    /// The skills that were there then, by the directories that it names.
    shelves: Shelves,
}

/// Finds the file and reads it. What there is to say about it is said on standard error.
pub(crate) fn find(
    named: Option<&Path>,
    accepts_danger: bool,
) -> Result<Configuration, Box<dyn Error>> {
    let usual = usual_file().filter(|path| path.exists());
    let file = named.map(Path::to_path_buf).or(usual);
    let (reading, texts, shelves) = look(file.as_deref(), &program)?;
    for diagnostic in &reading.diagnostics {
        // Nobody is there to be told that nobody reads it.
        let _ = writeln!(std::io::stderr(), "{diagnostic}");
    }
    let is_dangerous = reading.is_dangerous();
    // With errors in it, nothing that anybody says could start it.
    let config = reading.config.ok_or(Refused)?;
    if is_dangerous && !accepts_danger {
        return Err(Box::new(Dangerous));
    }
    Ok(Configuration { config, file, read: texts, shelves })
}

/// All there is to say about the file, for programs, and whether the agent would start with it.
///
/// # Errors
/// It cannot be read.
pub(crate) fn checked(
    named: Option<&Path>,
    accepts_danger: bool,
) -> Result<(String, bool), Box<dyn Error>> {
    let usual = usual_file().filter(|path| path.exists());
    let file = named.map(Path::to_path_buf).or(usual);
    let (reading, ..) = look(file.as_deref(), &program)?;
    let starts = reading.config.is_some() && (accepts_danger || !reading.is_dangerous());
    let text = json::object(|object| {
        let file = file.as_ref().map(|file| file.display().to_string());
        object.field("ok", starts).optional("file", file.as_deref());
        object.array("diagnostics", |list| {
            for Diagnostic { severity, place, message, help, .. } in &reading.diagnostics {
                list.object(|object| {
                    object.field("severity", severity_word(*severity));
                    if let Some(place) = place {
                        object
                            .field("line", place.line as u64)
                            .field("column", place.column as u64)
                            .field("width", place.width as u64);
                    }
                    object.field("message", message.as_str()).optional("help", help.as_deref());
                });
            }
        });
    });
    Ok((text, starts))
}

/// Reads a text as the file of this name, here.
///
/// # Errors
/// The current directory has no name that is text.
pub(crate) fn reading(text: &str, name: &str) -> Result<Reading, Box<dyn Error>> {
    with_surroundings(name, |surroundings| read(text, surroundings))
}

/// Does something with what a file is read in, here.
pub(crate) fn with_surroundings<T>(
    name: &str,
    deed: impl FnOnce(&Surroundings<'_>) -> T,
) -> Result<T, Box<dyn Error>> {
    let file = |path: &str| std::fs::read_to_string(path).ok();
    surrounded(name, &program, &file, &|directories| tools(&shelves(directories)), deed)
}

/// Reads a file and what it names, or what there is without one.
fn look(
    file: Option<&Path>,
    program: &dyn Fn(&str) -> Option<String>,
) -> Result<(Reading, Texts, Shelves), Box<dyn Error>> {
    let text = match file {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => String::new(),
    };
    let place = file.map(absolute).transpose()?.unwrap_or_default();
    let texts = RefCell::new(Texts::new());
    let named = |path: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        texts.borrow_mut().insert(path.to_string(), text.clone());
        Some(text)
    };
    let found = RefCell::new(Shelves::new());
    let skills = |directories: &[String]| {
        let there = shelves(directories);
        let names = tools(&there);
        *found.borrow_mut() = there;
        names
    };
    let mut reading =
        surrounded(&place, program, &named, &skills, |surroundings| read(&text, surroundings))?;
    // What is said about it is said by the name that somebody gave it.
    for diagnostic in &mut reading.diagnostics {
        diagnostic.file = file.map(|path| path.display().to_string()).unwrap_or_default();
    }
    Ok((reading, texts.into_inner(), found.into_inner()))
}

/// Where a file is, from wherever one looks.
fn absolute(file: &Path) -> Result<String, Box<dyn Error>> {
    let mut place = PathBuf::new();
    for part in std::path::absolute(file)?.components() {
        match part {
            Component::ParentDir => drop(place.pop()),
            part => place.push(part),
        }
    }
    Ok(place.to_str().ok_or("the name of the configuration is no text")?.to_string())
}

/// The command line says where the state is. Who has no home, as in a container, need not say it in
/// the file as well.
pub(crate) fn name_state(directory: &Path) {
    let directory = std::path::absolute(directory).ok();
    if let Some(directory) =
        directory.and_then(|directory| directory.into_os_string().into_string().ok())
    {
        // A command line is read once.
        let _ = NAMED_STATE.set(directory);
    }
}

static NAMED_STATE: OnceLock<String> = OnceLock::new();

fn surrounded<T>(
    name: &str,
    program: &dyn Fn(&str) -> Option<String>,
    file: &dyn Fn(&str) -> Option<String>,
    tools: &dyn Fn(&[String]) -> Vec<String>,
    deed: impl FnOnce(&Surroundings<'_>) -> T,
) -> Result<T, Box<dyn Error>> {
    let directory = std::env::current_dir()?;
    let directory = directory.to_str().ok_or("the name of this directory is no text")?;
    let home = std::env::var("HOME").ok();
    let environment = |name: &str| {
        let named = || NAMED_STATE.get().filter(|_| home.is_none() && name == "XDG_STATE_HOME");
        environment::text(name).or_else(|| named().cloned())
    };
    Ok(deed(&Surroundings {
        file_name: name,
        environment: &environment,
        home: home.as_deref(),
        current_directory: directory,
        file,
        program,
        tools,
    }))
}

/// Files that a configuration names, by their paths: what is told to models.
type Texts = Map<String, String>;

impl Configuration {
    /// Reads the same file again, while the agent runs. What there is to say about it goes to the
    /// log; programs are where they were at the start.
    ///
    /// # Errors
    /// It has errors, or is dangerous and nobody said that they know.
    pub(crate) fn again(&self, accepts_danger: bool) -> Result<Self, Box<dyn Error>> {
        let programs = &self.config.settings().programs;
        let (reading, texts, shelves) =
            look(self.file.as_deref(), &|name| programs.get(name).cloned())?;
        for diagnostic in &reading.diagnostics {
            match diagnostic.severity {
                Severity::Error | Severity::Danger => log::error!("{diagnostic}"),
                _ => log::warn!("{diagnostic}"),
            }
        }
        let is_dangerous = reading.is_dangerous();
        let config = reading.config.ok_or(Refused)?;
        if is_dangerous && !accepts_danger {
            return Err(Box::new(Dangerous));
        }
        Ok(Self { config, file: self.file.clone(), read: texts, shelves })
    }

    /// The files that are read for it: itself, those it names, and those its secrets are in.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let config = &self.config;
        let secrets = config.secrets();
        let secrets = secrets.iter().filter_map(|(_, source)| secrets::file(source));
        let named = self.read.keys().map(PathBuf::from);
        let others = [config.persona_file(), config.http().ca_file.as_deref()];
        let others = others.into_iter().flatten().map(PathBuf::from);
        self.file.iter().cloned().chain(named).chain(others).chain(secrets).collect()
    }

    /// What was found, for people.
    pub(crate) fn found(&self) -> String {
        match &self.file {
            Some(file) => format!("Configured by {}.", file.display()),
            None => "There is no configuration: everything is as it is without one.".into(),
        }
    }

    /// What else was found and what to do next, where there is no file.
    pub(crate) fn next_step(&self) -> Option<String> {
        if self.file.is_some() {
            return None;
        }
        let keys = self.config.endpoints().iter().filter_map(|endpoint| endpoint.key.as_ref());
        let tokens = self.config.connectors().iter().map(|connector| &connector.token);
        let used: Vec<&str> = keys
            .chain(tokens)
            .filter_map(|source| match source {
                SecretSource::Environment(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let tokens = survey::TOKENS.into_iter().map(|(_, variable, _)| variable);
        let known = providers().filter_map(|known| known.key_env).chain(tokens);
        let is_set = |name: &&str| environment::text(name).is_some_and(|it| !it.trim().is_empty());
        let idle: Vec<&str> = known.filter(is_set).filter(|name| !used.contains(name)).collect();
        let mut text = String::new();
        if !used.is_empty() {
            text.push_str(&format!("Taken from the environment: {}.\n", used.join(", ")));
        }
        if !idle.is_empty() {
            text.push_str(&format!("Set, and not used without one: {}.\n", idle.join(", ")));
        }
        text.push_str("The next step: 'sentinel init' asks a few questions and writes one.");
        Some(text)
    }

    /// The skills that were there when it was read.
    pub(crate) fn catalogue(&self) -> Catalogue {
        Catalogue::of(&self.shelves, Some(&Trust::of(&self.config)))
    }

    fn installed(&self) -> Settings {
        let mut settings = self.config.settings().clone();
        let role = |tool: &str| self.config.role(tool).cloned();
        self.catalogue().install(&mut settings, role);
        settings
    }

    /// What the core is told, where the agent lives in this directory; and the text that it can be
    /// made from again.
    pub(crate) fn settings(&self, state: &Path) -> Result<(Settings, String), Box<dyn Error>> {
        let state = state.to_str().ok_or("the name of the state directory is no text")?;
        let file = self.file.as_deref().map(absolute).transpose()?;
        let home = std::env::var("HOME").unwrap_or_default();
        let texts = json::object(|out| {
            for (path, text) in &self.read {
                out.field(path, text.as_str());
            }
        });
        let text = format!(
            "{FILE}{}\n{HOME}{home}\n{STATE}{state}\n{TEXTS}{texts}\n{SKILLS}{}\n{}",
            file.unwrap_or_default(),
            Folder::write_all(&self.shelves),
            show(&self.config)
        );
        Ok((with_state(self.installed(), state)?, text))
    }
}

/// Settings of an earlier start, from the text that was kept of them.
pub(crate) fn earlier(text: &str, digest: [u8; 32]) -> Option<Settings> {
    let line = |name| text.lines().find_map(|line| line.strip_prefix(name));
    // A file that it names may say something else by now.
    let texts = line(TEXTS).and_then(|texts| json::parse(texts.as_bytes()).ok());
    let file = |path: &str| {
        let kept = texts.as_ref().and_then(|texts| texts.root().find(path));
        let kept = kept.and_then(|text| text.as_str().ok()).map(ToString::to_string);
        kept.or_else(|| std::fs::read_to_string(path).ok())
    };
    // Skills are those that were there then; a log of before there were any names none.
    let shelves = line(SKILLS).map_or_else(|| Some(Shelves::new()), Folder::read_all)?;
    let tools = |_: &[String]| tools(&shelves);
    let surroundings = Surroundings {
        tools: &tools,
        file_name: line(FILE)?,
        home: line(HOME).filter(|home| !home.is_empty()),
        file: &file,
        ..Surroundings::bare("/")
    };
    let config = read(text, &surroundings).config?;
    let mut settings = config.settings().clone();
    let catalogue = Catalogue::of(&shelves, Some(&Trust::of(&config)));
    catalogue.install(&mut settings, |tool| config.role(tool).cloned());
    let settings = with_state(settings, line(STATE)?).ok()?;
    Some(settings).filter(|settings| settings.digest == digest)
}

/// Settings under which no tool reaches the agent's own log and keys, wherever they are.
fn with_state(mut settings: Settings, state: &str) -> Result<Settings, Box<dyn Error>> {
    let grant: Grant = format!("deny read,write,list \"{state}\"").parse()?;
    let mut hash = Sha256::new();
    hash.update(settings.digest);
    hash.update(state.as_bytes());
    settings.digest = hash.finalize().into();
    settings.grants.push(grant);
    Ok(settings)
}

// What the settings of a file depend on besides its text, as comments before it.
const FILE: &str = "# file: ";
const HOME: &str = "# home: ";
const STATE: &str = "# state: ";
const TEXTS: &str = "# texts: ";
const SKILLS: &str = "# skills: ";

/// `$XDG_CONFIG_HOME/sentinel/sentinel.toml`, or where that would be.
pub(crate) fn usual_file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = variable("XDG_CONFIG_HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let home = home.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")))?;
    Some(home.join("sentinel/sentinel.toml"))
}

/// Where a program is that is called by name.
fn program(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).filter(|place| place.is_absolute());
    let found = places.find_map(|place| {
        let path = place.join(name);
        let is_program = rustix::fs::access(&path, rustix::fs::Access::EXEC_OK).is_ok();
        (path.is_file() && is_program).then_some(path)
    })?;
    // Its one real name is what is judged and what would be run.
    std::fs::canonicalize(found).ok()?.to_str().map(ToString::to_string)
}

/// There are errors in it, which were said.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the configuration has errors, so nothing was started")
    }
}

impl Error for Refused {}

/// It is dangerous, and nobody said that they know.
#[derive(Debug)]
struct Dangerous;

impl fmt::Display for Dangerous {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = severity_word(Severity::Danger);
        write!(
            formatter,
            "the configuration is dangerous (see '{word}' above), so nothing was started; change \
             it, or say --i-know-what-im-doing"
        )
    }
}

impl Error for Dangerous {}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Danger => "danger",
        Severity::Note => "note",
    }
}
