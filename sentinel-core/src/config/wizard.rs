//! Setting an agent up: what to ask a person, given what was found, and what follows.
//!
//! Who does not know what to answer presses Enter, and gets an agent that may do little: it reads
//! one directory and asks before it writes there. `sentinel init --yes` is the same with Enter for
//! every question.
//!
//! # Invariants
//! - Enter answers every question, and never grants more than another answer would.
//! - Nobody is let in who was not named by an id in the form that the platform gives out.
//! - What comes out is read by [`read`](super::read) without an error.
//!
//! # Not here
//! Finding anything: [`Inquiry`](super::Inquiry) and the shell. The words of the file:
//! [`template`](super::template).

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::form;
use super::secret::is_secret_word;
use super::{Facts, FoundModel, FoundPlatform, Surroundings};
use crate::capability::PathRef;
use crate::channel::{AccessRules, Standing};
use crate::limits::WIZARD_IDS_COUNT_MAX;

mod words;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The services that models are at, the preferred one first.
    pub services: Vec<Service>,
    /// The platforms whose tokens are there.
    pub accounts: Vec<Account>,
    /// People who were named beforehand: their platform and id.
    pub operators: Vec<(String, String)>,
    /// The directory that was asked for, or the one this was started in.
    pub directory: String,
    /// The proxy that the network was reached by.
    pub proxy: Option<String>,
}

/// A service that is there, or whose key is.
#[derive(Clone, Debug)]
pub struct Service {
    /// The provider, as a file names it.
    pub provider: String,
    /// Where it is, if that is not the provider's usual place.
    pub base_url: Option<String>,
    /// The variable that holds its key, if it needs one.
    pub key_env: Option<String>,
    /// Its models; none if it could not be asked.
    pub models: Vec<String>,
    /// The model that is meant if nothing is said, if there is such a one.
    pub usual: Option<String>,
}

/// An account on a platform.
#[derive(Clone, Debug)]
pub struct Account {
    /// The platform.
    pub platform: String,
    /// Where its interface is, if that is not the platform's own place.
    pub base_url: Option<String>,
    /// What it is called there; nothing if the platform could not be asked.
    pub name: Option<String>,
    /// The variable that holds its token.
    pub token_env: String,
    /// The variable that holds the app's token, for Slack.
    pub app_token_env: Option<String>,
}

/// Something to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What to say before it, in lines.
    pub help: String,
    /// What can be chosen from, by number or by name; empty if it is free text.
    pub choices: Vec<String>,
    /// The question.
    pub text: String,
    /// What Enter means, for people.
    pub usual: String,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceFound {
    /// A directory.
    Directory,
    /// Nothing.
    Nothing,
    /// Something else, or nobody could say.
    Other,
}

/// The questions, and what was answered.
#[derive(Clone, Debug)]
pub struct Wizard {
    findings: Findings,
    step: Step,
    facts: Facts,
    is_new: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Service,
    Model(usize),
    Others(usize),
    Account(usize),
    Operators(usize),
    People(usize),
    Pairing(usize),
    Directory,
    Make,
    Write,
    Done,
}

impl Wizard {
    /// Begins to ask.
    #[must_use]
    pub fn new(mut findings: Findings, home: Option<&str>) -> Self {
        // A directory in which everything a person has is would be too much to start with.
        if let Some(home) = home.filter(|home| holds(&findings.directory, Some(home))) {
            findings.directory = format!("{}/agent", home.trim_end_matches('/'));
        }
        let facts = Facts { proxy: findings.proxy.clone(), ..Facts::default() };
        let mut wizard = Self { findings, step: Step::Service, facts, is_new: false };
        wizard.skip();
        wizard
    }

    /// What to ask now; nothing when all was asked. Changes with each answer.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        words::question(self)
    }

    /// Takes an answer. An empty one is what the question says Enter means.
    ///
    /// # Errors
    /// What is wrong with it, for people; the same question is asked again.
    pub fn answer(
        &mut self,
        text: &str,
        surroundings: &Surroundings<'_>,
        place: &dyn Fn(&str) -> PlaceFound,
    ) -> Result<(), String> {
        let text = text.trim();
        self.step = match self.step {
            Step::Service => match self.service(text)? {
                Some(index) => Step::Model(index),
                None => Step::Account(0),
            },
            Step::Model(index) => self.model(index, text)?,
            Step::Others(index) => {
                if yes(text, false)? {
                    self.others(index);
                }
                Step::Account(0)
            }
            Step::Account(index) => match yes(text, true)? {
                true => {
                    self.account(index);
                    Step::Operators(index)
                }
                false => Step::Account(index + 1),
            },
            Step::Operators(index) => self.operators(index, text)?,
            Step::People(index) => self.people(index, text)?,
            Step::Pairing(index) => {
                let is_wanted = yes(text, false)?;
                if let Some(platform) = self.facts.platforms.last_mut() {
                    platform.pairing = is_wanted;
                }
                Step::Account(index + 1)
            }
            Step::Directory => self.directory(text, surroundings, place)?,
            Step::Make => match yes(text, true)? {
                true => {
                    self.is_new = true;
                    Step::Write
                }
                false => Step::Directory,
            },
            Step::Write => {
                self.facts.may_write = yes(text, true)?;
                Step::Done
            }
            Step::Done => Step::Done,
        };
        self.skip();
        Ok(())
    }

    /// What was answered; nothing while there is something to ask.
    #[must_use]
    pub fn facts(&self) -> Option<&Facts> {
        (self.step == Step::Done).then_some(&self.facts)
    }

    /// Whether the directory is to be made.
    #[must_use]
    pub const fn makes_directory(&self) -> bool {
        self.is_new
    }

    /// Goes on to the next step that has a question.
    fn skip(&mut self) {
        loop {
            let services = &self.findings.services;
            self.step = match self.step {
                Step::Service if services.is_empty() => Step::Account(0),
                Step::Service if services.len() == 1 => Step::Model(0),
                Step::Others(_) if services.len() < 2 => Step::Account(0),
                Step::Account(index) if index >= self.findings.accounts.len() => Step::Directory,
                _ => return,
            };
        }
    }

    /// Which service was chosen; none for the built-in model.
    fn service(&self, text: &str) -> Result<Option<usize>, String> {
        let names = self.findings.services.iter().map(|service| service.provider.as_str());
        let mut names: Vec<&str> = names.collect();
        names.push(NO_MODEL);
        let index = if text.is_empty() { 0 } else { chosen(text, &names)? };
        Ok((index + 1 < names.len()).then_some(index))
    }

    fn model(&mut self, index: usize, text: &str) -> Result<Step, String> {
        let Some(service) = self.findings.services.get(index) else { return Ok(Step::Account(0)) };
        let listed = words::listed(service);
        let name = match text {
            "" => match words::usual_model(service) {
                Some(name) => name.to_owned(),
                // Nobody knows what it has: it is left out.
                None => return Ok(Step::Others(index)),
            },
            _ if text.parse::<usize>().is_ok() => {
                let index = chosen(text, &listed)?;
                listed.get(index).copied().unwrap_or_default().to_owned()
            }
            _ if service.models.is_empty() => {
                let name = form::spelled(super::table::Form::Line, text, &Surroundings::bare("/"));
                name.map_err(|complaint| complaint.message)?
            }
            _ => {
                let names: Vec<&str> = service.models.iter().map(String::as_str).collect();
                let index = chosen(text, &names)?;
                names.get(index).copied().unwrap_or_default().to_owned()
            }
        };
        self.facts.models.push(found(service, name));
        Ok(Step::Others(index))
    }

    /// Those that are asked when the chosen one fails, each with its usual model.
    fn others(&mut self, chosen: usize) {
        let others = self.findings.services.iter().enumerate();
        for (_, service) in others.filter(|(index, _)| *index != chosen) {
            if let Some(name) = words::usual_model(service) {
                self.facts.models.push(found(service, name.to_owned()));
            }
        }
    }

    fn account(&mut self, index: usize) {
        if let Some(account) = self.findings.accounts.get(index) {
            self.facts.platforms.push(FoundPlatform {
                section: account.platform.clone(),
                base_url: account.base_url.clone(),
                token_env: account.token_env.clone(),
                app_token_env: account.app_token_env.clone(),
                operators: Vec::new(),
                allowed_users: Vec::new(),
                pairing: false,
            });
        }
    }

    fn operators(&mut self, index: usize, text: &str) -> Result<Step, String> {
        let Some(platform) = self.facts.platforms.last() else { return Ok(Step::Account(0)) };
        let ids = match text {
            "" => words::named(&self.findings, &platform.section),
            _ => ids(&platform.section, text, &[])?,
        };
        // Without anybody it is written down and not connected: nothing else is to be asked of it.
        let next = if ids.is_empty() { Step::Account(index + 1) } else { Step::People(index) };
        if let Some(platform) = self.facts.platforms.last_mut() {
            platform.operators = ids;
        }
        Ok(next)
    }

    fn people(&mut self, index: usize, text: &str) -> Result<Step, String> {
        if let Some(platform) = self.facts.platforms.last_mut() {
            platform.allowed_users = match text {
                "" => Vec::new(),
                _ => ids(&platform.section, text, &platform.operators)?,
            };
        }
        Ok(Step::Pairing(index))
    }

    fn directory(
        &mut self,
        text: &str,
        surroundings: &Surroundings<'_>,
        place: &dyn Fn(&str) -> PlaceFound,
    ) -> Result<Step, String> {
        let text = if text.is_empty() { self.findings.directory.as_str() } else { text };
        let path = form::path(text, surroundings).map_err(|complaint| match complaint.help {
            Some(help) => format!("{}; {help}", complaint.message),
            None => complaint.message,
        })?;
        if holds(&path, surroundings.home) {
            return Err(
                "everything you have is in there, keys and settings too: name a directory \
                        for the work"
                    .into(),
            );
        }
        let next = match place(&path) {
            PlaceFound::Directory => Step::Write,
            PlaceFound::Nothing => Step::Make,
            PlaceFound::Other => return Err(format!("{path} is no directory that can be used")),
        };
        self.facts.workspace.clone_from(&path);
        self.findings.directory = path;
        Ok(next)
    }
}

/// What is chosen for no model at all.
const NO_MODEL: &str = "none";

/// Whether a path is the root, the home directory, or something that holds it.
fn holds(path: &str, home: Option<&str>) -> bool {
    let Ok(path) = PathRef::absolute(path) else { return true };
    let home = home.and_then(|home| PathRef::absolute(home).ok());
    path.components().next().is_none() || home.is_some_and(|home| home.is_within(path))
}

fn found(service: &Service, model: String) -> FoundModel {
    FoundModel {
        section: service.provider.clone(),
        provider: service.provider.clone(),
        model,
        base_url: service.base_url.clone(),
        api_key_env: service.key_env.clone(),
    }
}

fn yes(text: &str, usual: bool) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "" => Ok(usual),
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("yes or no?".into()),
    }
}

/// Which of several, by number from 1 or by name.
fn chosen(text: &str, names: &[&str]) -> Result<usize, String> {
    if let Ok(number) = text.parse::<usize>() {
        return match number.checked_sub(1).filter(|index| *index < names.len()) {
            Some(index) => Ok(index),
            None => Err(format!("a number from 1 to {}", names.len())),
        };
    }
    if let Some(index) = names.iter().position(|name| *name == text) {
        return Ok(index);
    }
    match crate::text::suggest::nearest(text, names.iter().copied()) {
        Some(near) => Err(format!("there is no such one; did you mean '{near}'?")),
        None => Err("there is no such one".into()),
    }
}

/// Ids of people on a platform, between commas or blanks.
fn ids(platform: &str, text: &str, others: &[String]) -> Result<Vec<String>, String> {
    let mut rules = AccessRules::new();
    let mut found = Vec::new();
    let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    for word in words {
        if is_secret_word(word) {
            return Err("this is no id, and looks like a secret".into());
        }
        if found.len() == WIZARD_IDS_COUNT_MAX {
            return Err(format!("more than {WIZARD_IDS_COUNT_MAX} at once; add more in the file"));
        }
        rules = rules
            .person(platform, word, Standing::Person)
            .map_err(|error| error.to_string().replace(" in the allowlist", ""))?;
        if !others.iter().any(|other| other == word) {
            found.push(word.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
