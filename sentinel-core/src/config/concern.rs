//! What a grant could do that its maker may not have meant: for whoever writes it down in a file,
//! and for whoever makes it while the agent is there.
//!
//! # Invariants
//! - Both are told the same, in the same words.
//!
//! # Not here
//! What else in a file is dangerous: [`danger`](super::danger).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::Config;
use super::build::Build;
use super::build::authority::{own_files, state_directory};
use super::diagnostic::quoted;
use crate::capability::{
    CommandWarning, FileRight, Grant, HostPattern, Level, Path, PathRef, Resource,
};

/// Something that whoever makes a grant should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concern {
    /// What could happen.
    pub message: String,
    /// What to do instead, where it is dangerous.
    pub help: Option<&'static str>,
}

impl fmt::Display for Concern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.help {
            Some(help) => write!(formatter, "danger: {} ({help})", self.message),
            None => write!(formatter, "note: {}", self.message),
        }
    }
}

impl Config {
    /// What is to be known about a grant that is made beside these others, and was not before it.
    #[must_use]
    pub fn concerns_about(&self, grant: &Grant, others: &[Grant]) -> Vec<Concern> {
        let all_of = |grants: &[&Grant]| {
            let mut found: Vec<Concern> = Vec::new();
            for grant in grants.iter().filter(|grant| grant.level != Level::Deny) {
                found.extend(self.ground.concerns(grant, grants));
            }
            found
        };
        let mut grants: Vec<&Grant> = others.iter().filter(|other| *other != grant).collect();
        let known = all_of(&grants);
        grants.push(grant);
        let mut fresh = all_of(&grants);
        fresh.retain(|concern| !known.contains(concern));
        fresh.dedup();
        fresh
    }
}

/// What grants are looked at by, besides one another.
#[derive(Clone, Debug, Default)]
pub(super) struct Ground {
    home: Option<Path>,
    /// The files and directories that say who the agent is and what it did.
    own: Vec<(&'static str, Path)>,
    has_persona: bool,
}

impl Ground {
    pub(super) fn of(build: &Build<'_, '_>) -> Self {
        let mut own = own_files(build);
        own.extend(state_directory(build).map(|path| ("journal", path)));
        Self {
            home: build.surroundings.home.and_then(|home| Path::parse(home).ok()),
            has_persona: own.iter().any(|(what, _)| *what == "persona"),
            own,
        }
    }

    /// What a grant could do, among all of them.
    pub(super) fn concerns(&self, grant: &Grant, all: &[&Grant]) -> Vec<Concern> {
        let mut found = Vec::new();
        match &grant.resource {
            Resource::Files { path, rights } if rights.has(FileRight::Write) => {
                self.writable(path, &mut found);
                programs(path, all, &mut found);
                // What is asked about a person sees.
                if grant.level == Level::Allow {
                    repository(path, all, &mut found);
                }
            }
            Resource::Command(_) => command(grant, &mut found),
            Resource::Connect { hosts: HostPattern::Any, .. } if grant.level == Level::Allow => {
                connect_anywhere(all, &mut found);
            }
            Resource::Persona => self.persona(grant, &mut found),
            Resource::Listen { .. } | Resource::Configure { .. } => {
                let message = format!("'{grant}' allows nothing here: no tool asks for it");
                found.push(note(message));
            }
            _ => {}
        }
        found
    }

    fn writable(&self, path: &Path, found: &mut Vec<Concern>) {
        const LESS: &str = "grant the directories that the work is in";
        let granted = path.borrow();
        if granted.components().next().is_none() {
            let message = "`/` is granted for writing: everything on this machine can be changed";
            found.push(danger(message, LESS));
            return;
        }
        if self.home.as_ref().is_some_and(|home| home.borrow().is_within(granted)) {
            let message = "the home directory is granted for writing: what starts at login, keys \
                           and settings can be changed";
            found.push(danger(message, LESS));
        }
        for (what, path) in self.own.iter().filter(|(_, path)| path.borrow().is_within(granted)) {
            let path = quoted(path.as_str());
            let help = match *what {
                "journal" => "put it elsewhere: set the directory under [state]",
                _ => "put it elsewhere, or grant less",
            };
            let message = format!("what is granted for writing holds the {what}: {path}");
            found.push(danger(message, help));
        }
    }

    fn persona(&self, grant: &Grant, found: &mut Vec<Concern>) {
        if !self.has_persona {
            let message = "'persona' allows nothing here: there is no persona_file";
            found.push(note(message));
        } else if grant.allows_irreversible {
            let message = "the agent may write down who it is, and nobody is asked";
            found.push(danger(message, "leave out `irreversible`"));
        }
    }
}

/// A program that can be written and run is every program.
fn programs(path: &Path, all: &[&Grant], found: &mut Vec<Concern>) {
    for grant in all.iter().filter(|grant| grant.level != Level::Deny) {
        if let Resource::Command(rule) = &grant.resource
            && rule.program.borrow().is_within(path.borrow())
            && path.borrow().components().next().is_some()
        {
            let program = quoted(rule.program.as_str());
            let message =
                format!("what is granted for writing holds a program that may be run: {program}");
            found.push(danger(message, "run programs that the agent cannot change"));
        }
    }
}

/// What a repository says, a later `git` runs: its settings name programs, its hooks are some.
fn repository(path: &Path, all: &[&Grant], found: &mut Vec<Concern>) {
    let git = all.iter().find_map(|grant| match &grant.resource {
        Resource::Command(rule) if grant.level != Level::Deny => {
            let program = &rule.program;
            (program.as_str().rsplit('/').next() == Some("git")).then_some(program)
        }
        _ => None,
    });
    let is_forbidden = |place: &str| {
        all.iter().any(|grant| match &grant.resource {
            Resource::Files { path: denied, rights } if grant.level == Level::Deny => {
                let place = PathRef::resolve(path.as_str(), place);
                rights.has(FileRight::Write)
                    && place.is_ok_and(|place| place.is_within(denied.borrow()))
            }
            _ => false,
        })
    };
    let Some(git) = git.filter(|_| path.borrow().components().next().is_some()) else { return };
    if !(is_forbidden(".git/config") && is_forbidden(".git/hooks")) {
        let message = format!(
            "{git} runs what `.git/config` and `.git/hooks` say, and beneath {} they can be \
             written: forbid it with deny = [\"write {path}/.git/config\", \"write \
             {path}/.git/hooks\"]",
            quoted(path.as_str())
        );
        found.push(note(message));
    }
}

fn command(grant: &Grant, found: &mut Vec<Concern>) {
    let Resource::Command(rule) = &grant.resource else { return };
    match rule.warning() {
        Some(warning @ CommandWarning::Unguarded(_)) => {
            let message = format!("{} is granted unguarded: {warning}", rule.program);
            found.push(danger(message, "leave out `unguarded`, or name subcommands"));
        }
        Some(warning) => found.push(note(format!("{}: {warning}", rule.program))),
        None if rule.is_unguarded => {
            found.push(note(format!("{} is granted unguarded", rule.program)));
        }
        None => {}
    }
    if rule.may_use_any_path {
        let message = format!("{} may be given any path, granted or not", rule.program);
        found.push(danger(message, "leave out `any paths`, and grant the files"));
    }
}

fn connect_anywhere(all: &[&Grant], found: &mut Vec<Concern>) {
    let reads = |grant: &&&Grant| match &grant.resource {
        Resource::Files { rights, .. } if grant.level != Level::Deny => rights.has(FileRight::Read),
        _ => false,
    };
    if all.iter().any(|grant| reads(&grant)) {
        let message = "files can be read, and every host can be connected to without a question: \
                       whatever is read can leave";
        found.push(danger(message, "name the hosts, or write `ask` behind the grant"));
    }
}

fn danger(message: impl ToString, help: &'static str) -> Concern {
    Concern { message: message.to_string(), help: Some(help) }
}

fn note(message: impl ToString) -> Concern {
    Concern { message: message.to_string(), help: None }
}
