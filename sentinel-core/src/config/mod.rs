//! The configuration: `sentinel.toml`, read into what the core and a shell need.
//!
//! One table describes every key; the reader, its suggestions, the JSON Schema, the document and
//! what [`show`] prints come from it. [`read`] reports everything that is wrong at once, each with
//! its place and what to do about it.
//!
//! ```
//! use sentinel_core::config::{self, Severity, Surroundings};
//!
//! let surroundings = Surroundings { home: Some("/users/ada"), ..Surroundings::bare("/srv/work") };
//! let reading = config::read("[agent]\nround = 5\n", &surroundings);
//! assert!(reading.config.is_none());
//! assert_eq!(
//!     reading.diagnostics[0].to_string(),
//!     "sentinel.toml:2:1: unknown key 'round'; did you mean 'rounds'?\n  \
//!        2 | round = 5\n    \
//!          | ^^^^^"
//! );
//!
//! let reading = config::read("", &surroundings);
//! let config = reading.config.expect("an empty file is a configuration");
//! assert_eq!(config.endpoints()[0].model.name, "offline");
//! assert_eq!(config.settings().grants[0].to_string(), "read,list /srv/work");
//! ```
//!
//! # Invariants
//! - No secret is in a [`Config`], in what [`show`] prints or in a [`Diagnostic`]: only where it
//!   is.
//! - A key that is not known is an error. So is a blank list of people: it never means everybody.
//! - What [`show`] prints reads back as the same configuration.
//!
//! # Not here
//! Files, the environment and the directories: they come in as [`Surroundings`]. Secrets: the
//! shell reads them from their [`SecretSource`].

mod build;
mod check;
mod concern;
mod danger;
mod defaults;
pub(crate) mod diagnostic;
mod digest;
mod draft;
mod form;
mod former;
mod inquiry;
mod keys;
mod provider;
mod reference;
mod schema;
pub(crate) mod secret;
mod shell;
mod show;
mod signer;
mod table;
mod template;
mod wizard;

#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use concern::Concern;
pub use defaults::platform_of;
pub use diagnostic::{Diagnostic, Place, Severity};
pub use inquiry::{Answered, Inquiry};
pub use provider::{KnownProvider, providers};
pub use reference::reference;
pub use schema::schema;
pub use secret::SecretSource;
pub use shell::{
    Config, Confinement, Connector, Endpoint, Http, Log, LogFormat, LogLevel, Sandboxing, SealKey,
    SkillToken, State, Terminal,
};
pub use show::{show, show_json};
pub use signer::SignerKey;
pub use template::{Facts, FoundModel, FoundPlatform, template};
pub use wizard::{Account, Findings, PlaceFound, Question, Service, Wizard};

use build::Build;
pub(crate) use check::article;
pub(crate) use diagnostic::Reporter;
#[cfg(feature = "skill")]
pub(crate) use diagnostic::quoted;

/// The sender id of whoever sits at the terminal: they run the program, so they are its operator.
pub const TERMINAL_PERSON: &str = "owner";

/// The platforms that a file can connect, besides the terminal.
const PLATFORMS: [&str; 3] = ["telegram", "discord", "slack"];

/// What a file is read in.
#[derive(Clone, Copy)]
pub struct Surroundings<'s> {
    /// The path of the file as people know it; empty if there is none.
    pub file_name: &'s str,
    /// The variables of the environment.
    pub environment: &'s dyn Fn(&str) -> Option<String>,
    /// The home directory, if there is one.
    pub home: Option<&'s str>,
    /// The directory that relative paths are meant in.
    pub current_directory: &'s str,
    /// The text of a small file, if it can be read and is UTF-8.
    pub file: &'s dyn Fn(&str) -> Option<String>,
    /// Where a program is that is called by name.
    pub program: &'s dyn Fn(&str) -> Option<String>,
    /// The names of the tools that the skills in these directories bring along.
    pub tools: &'s dyn Fn(&[String]) -> Vec<String>,
}

impl<'s> Surroundings<'s> {
    /// A file `sentinel.toml` in this directory, with nothing around it.
    #[must_use]
    pub fn bare(current_directory: &'s str) -> Self {
        Self {
            file_name: "sentinel.toml",
            environment: &|_| None,
            home: None,
            current_directory,
            file: &|_| None,
            program: &|_| None,
            tools: &|_| Vec::new(),
        }
    }
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the environment: secrets are in it.
        formatter
            .debug_struct("Surroundings")
            .field("file_name", &self.file_name)
            .field("home", &self.home)
            .field("current_directory", &self.current_directory)
            .finish_non_exhaustive()
    }
}

/// What came of reading a file.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The configuration, if there was no error.
    pub config: Option<Config>,
    /// Everything there is to say, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading {
    /// Whether something is dangerous enough that a person has to say that they know.
    #[must_use]
    pub fn is_dangerous(&self) -> bool {
        self.diagnostics.iter().any(|it| it.severity == Severity::Danger)
    }
}

/// Reads a file, or what there is without one if the text is empty.
#[must_use]
pub fn read(text: &str, surroundings: &Surroundings<'_>) -> Reading {
    let mut reporter = Reporter::new(surroundings.file_name, text);
    let mut draft = check::draft(text, surroundings, &mut reporter);
    if reporter.is_parsed() {
        defaults::fill(&mut draft, surroundings, &mut reporter);
        let secret_files = Vec::new();
        let mut build =
            Build { draft: &draft, surroundings, reporter: &mut reporter, secret_files };
        let (config, written) = build::config(&mut build);
        danger::look(&mut build, &config, &written);
        let config = (reporter.errors_count() == 0).then_some(config);
        return Reading { config, diagnostics: reporter.into_list() };
    }
    Reading { config: None, diagnostics: reporter.into_list() }
}
