//! Grants as text: what a person writes in the configuration and reads in a question.
//!
//! ```text
//! read,list /srv/work                              files: read, write, list
//! run /usr/bin/git log|status without -p           a program; also: any paths, unguarded
//! connect api.example.com:443 GET,POST /v1         hosts; also: *.example.com, *
//! listen 127.0.0.1:8080
//! skill weather today|tomorrow
//! config channels.telegram
//! persona
//! model claude-*
//! model claude-* for weather                       what the server of a skill may ask
//! ```
//!
//! `deny` before it forbids instead. Behind it may stand `ask` or `once`, `until DATE`, `uses N`,
//! and `irreversible` for what needs no question though it cannot be undone.
//! Words with spaces, quotes or a keyword's letters stand in `"…"`, where `\` goes before a quote
//! or itself. A connection without a port is to 443; a denial without one is of every port.
//!
//! # Invariants
//! - What [`Display`](core::fmt::Display) writes of a grant that was read reads as the same grant.
//! - A text is read whole or not at all: an unknown word is an error, never left out.
//!
//! # Not here
//! Whether a grant makes sense: [`Table::grant`](super::Table::grant) says that.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::str::FromStr;

use super::host::{HostPattern, Ports};
use super::path::Path;
use super::request::{FileRight, FileRights};
use super::resource::{HttpRule, Resource};
use super::words::{Word, Words, parts, unquoted};
use super::{CommandRule, Grant, Level, SpecError, SpecProblem};
use crate::limits::CAPABILITY_GRANT_BYTES_MAX;
use crate::text::suggest;
use crate::time::Timestamp;

impl FromStr for Grant {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut words = Words::new(text)?;
        let first = words.next().ok_or(words.error(SpecProblem::Empty))?;
        let is_denial = first.is("deny");
        let kind = if is_denial {
            words.next().ok_or(words.error(SpecProblem::Missing("what it forbids")))?
        } else {
            first
        };
        let mut reader = Reader { words, is_denial };
        let resource = reader.resource(kind)?;
        let grant = reader.terms(resource)?;
        // Escapes and spelt-out dates make it longer, and what is written must be readable, too.
        let may_grow = text.len() > CAPABILITY_GRANT_BYTES_MAX / 2 - GROWTH_BYTES_MAX;
        if may_grow && grant.to_string().len() > CAPABILITY_GRANT_BYTES_MAX {
            return Err(SpecError { position: 1, problem: SpecProblem::TooLong });
        }
        Ok(grant)
    }
}

struct Reader<'t> {
    words: Words<'t>,
    is_denial: bool,
}

impl<'t> Reader<'t> {
    fn resource(&mut self, kind: Word<'t>) -> Result<Resource, SpecError> {
        match kind.raw {
            "run" => self.command(),
            "connect" => self.connect(),
            "listen" => self.listen(),
            "skill" => {
                let name = self.word("the name of a skill")?.text()?;
                let operations = self.list('|')?;
                Ok(Resource::Skill { name, operations })
            }
            "config" => {
                let word = self.word("a key of the configuration")?;
                let key = word.text()?;
                if key.split('.').any(str::is_empty) {
                    return Err(word.error(SpecProblem::Key));
                }
                Ok(Resource::Configure { key })
            }
            "persona" => Ok(Resource::Persona),
            "model" => {
                let word = self.word("the name of a model")?;
                let (raw, is_prefix) = match word.raw.strip_suffix('*') {
                    Some(raw) => (raw, true),
                    None => (word.raw, false),
                };
                let name =
                    if raw.is_empty() { Box::default() } else { Word { raw, ..word }.text()? };
                if self.words.peek().is_none_or(|word| !word.is("for")) {
                    return Ok(Resource::Model { name, is_prefix });
                }
                self.words.next();
                let skill = self.word("the name of a skill")?.text()?;
                Ok(Resource::Sampling { skill, model: name, is_prefix })
            }
            _ => {
                let rights = rights(kind)?;
                let path = self.word("a path")?;
                Ok(Resource::Files { path: path_of(path)?, rights })
            }
        }
    }

    fn command(&mut self) -> Result<Resource, SpecError> {
        let program = self.word("the path of a program")?;
        let mut rule = CommandRule::new(path_of(program)?);
        rule.subcommands = self.list('|')?;
        Ok(Resource::Command(rule))
    }

    fn connect(&mut self) -> Result<Resource, SpecError> {
        let word = self.word("a host")?;
        let (hosts, ports) = host_and_ports(word)?;
        let ports = ports.unwrap_or(self.default_ports());
        let mut http: Option<HttpRule> = None;
        if let Some(word) = self.words.peek().filter(|word| is_methods(word.raw)) {
            self.words.next();
            let methods = word.raw.split(',').map(Box::from).collect();
            http = Some(HttpRule { methods, path: Path::root() });
        }
        if let Some(word) = self.words.peek().filter(|word| word.raw.starts_with(['/', '"'])) {
            self.words.next();
            let methods = http.map(|http| http.methods).unwrap_or_default();
            http = Some(HttpRule { methods, path: path_of(word)? });
        }
        Ok(Resource::Connect { hosts, ports, http })
    }

    fn listen(&mut self) -> Result<Resource, SpecError> {
        let word = self.word("an address and a port")?;
        let (address, ports) = host_and_ports(word)?;
        let ports = ports.ok_or(word.error(SpecProblem::Ports))?;
        let is_usable = match address {
            HostPattern::Exact(_) => true,
            HostPattern::Beneath(_) => false,
            HostPattern::Any => self.is_denial,
        };
        if !is_usable {
            return Err(word.error(SpecProblem::ListenPattern));
        }
        Ok(Resource::Listen { address, ports })
    }

    /// What follows the resource, in any order, each once.
    fn terms(mut self, mut resource: Resource) -> Result<Grant, SpecError> {
        let mut level = self.is_denial.then_some(Level::Deny);
        let (mut until, mut uses, mut allows_irreversible) = (None, None, false);
        while let Some(word) = self.words.next() {
            let is_first = match (word.raw, &mut resource) {
                ("ask" | "once", _) if self.is_denial => {
                    return Err(word.error(SpecProblem::LevelOfDenial));
                }
                ("ask", _) => level.replace(Level::Ask).is_none(),
                ("once", _) => level.replace(Level::Once).is_none(),
                ("until", _) => {
                    let word = self.word("a date")?;
                    let moment = Timestamp::parse(word.raw);
                    until.replace(moment.ok_or(word.error(SpecProblem::Date))?).is_none()
                }
                ("uses", _) => {
                    let word = self.word("a number")?;
                    let is_plain = word.raw.bytes().all(|byte| byte.is_ascii_digit())
                        && !word.raw.starts_with('0');
                    let count: Option<u32> = word.raw.parse().ok().filter(|_| is_plain);
                    uses.replace(count.ok_or(word.error(SpecProblem::Uses))?).is_none()
                }
                ("irreversible", _) if !self.is_denial => {
                    !core::mem::replace(&mut allows_irreversible, true)
                }
                ("without", Resource::Command(rule)) => {
                    let word = self.word("options")?;
                    let refused = parts(word, ',').collect::<Result<Vec<_>, _>>()?;
                    core::mem::replace(&mut rule.refused, refused).is_empty()
                }
                ("any", Resource::Command(rule)) => {
                    let word = self.word("`paths`")?;
                    if !word.is("paths") {
                        return Err(word.error(SpecProblem::Missing("`paths`")));
                    }
                    !core::mem::replace(&mut rule.may_use_any_path, true)
                }
                ("unguarded", Resource::Command(rule)) => {
                    !core::mem::replace(&mut rule.is_unguarded, true)
                }
                _ => return Err(word.error(unknown_term(word, &resource))),
            };
            if !is_first {
                return Err(word.error(SpecProblem::Twice));
            }
        }
        let level = level.unwrap_or(Level::Allow);
        Ok(Grant { resource, level, until, uses, allows_irreversible })
    }

    fn word(&mut self, expected: &'static str) -> Result<Word<'t>, SpecError> {
        self.words.next().ok_or(self.words.error(SpecProblem::Missing(expected)))
    }

    /// A list that may be left out: the next word, unless it is a term or looks like an option.
    fn list(&mut self, separator: char) -> Result<Vec<Box<str>>, SpecError> {
        match self.words.peek() {
            Some(word) if !TERMS.contains(&word.raw) && !word.raw.starts_with('-') => {
                self.words.next();
                parts(word, separator).collect()
            }
            _ => Ok(Vec::new()),
        }
    }

    const fn default_ports(&self) -> Ports {
        default_ports(self.is_denial)
    }
}

/// What a connection without ports means.
pub(super) const fn default_ports(is_denial: bool) -> Ports {
    if is_denial { Ports::ANY } else { Ports::DEFAULT }
}

fn rights(word: Word<'_>) -> Result<FileRights, SpecError> {
    let mut rights = Vec::new();
    for part in word.raw.split(',') {
        let right = FileRight::ALL.into_iter().find(|right| right.word() == part);
        let Some(right) = right else {
            let known = FileRight::ALL.map(FileRight::word);
            let meant = suggest::nearest(part, known.into_iter().chain(KINDS));
            return Err(word.error(SpecProblem::UnknownKind { meant }));
        };
        if rights.contains(&right) {
            return Err(word.error(SpecProblem::Twice));
        }
        rights.push(right);
    }
    Ok(FileRights::of(&rights))
}

fn path_of(word: Word<'_>) -> Result<Path, SpecError> {
    Path::parse(&word.text()?).map_err(|error| word.error(SpecProblem::Path(error)))
}

/// `example.com`, `example.com:443`, `[::1]:8000-8099`, `*:*`.
fn host_and_ports(word: Word<'_>) -> Result<(HostPattern, Option<Ports>), SpecError> {
    let raw = unquoted(word)?;
    let (host, ports) = match raw.rsplit_once(':') {
        // The colons of an address in brackets are its own.
        Some((host, ports)) if !ports.ends_with(']') => (host, Some(ports)),
        _ => (raw, None),
    };
    let hosts = HostPattern::parse(host).map_err(|error| word.error(SpecProblem::Host(error)))?;
    let ports = match ports {
        Some(text) => Some(Ports::parse(text).ok_or(word.error(SpecProblem::Ports))?),
        None => None,
    };
    Ok((hosts, ports))
}

/// `GET` or `GET,POST`.
fn is_methods(raw: &str) -> bool {
    raw.split(',').all(|method| {
        !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
    })
}

fn unknown_term(word: Word<'_>, resource: &Resource) -> SpecProblem {
    match resource {
        Resource::Command(_) if word.raw.starts_with('-') => SpecProblem::Option,
        Resource::Connect { .. } if is_methods(&word.raw.to_ascii_uppercase()) => {
            let meant = suggest::nearest(word.raw, TERMS.into_iter().chain(METHODS));
            SpecProblem::UnknownTerm { meant }
        }
        Resource::Command(_) => {
            SpecProblem::UnknownTerm { meant: suggest::nearest(word.raw, TERMS) }
        }
        Resource::Model { .. } => {
            let meant = suggest::nearest(word.raw, COMMON_TERMS.into_iter().chain(["for"]));
            SpecProblem::UnknownTerm { meant }
        }
        _ => SpecProblem::UnknownTerm { meant: suggest::nearest(word.raw, COMMON_TERMS) },
    }
}

/// How much longer a text may be as it is written, besides escapes: quotes, dates, addresses.
const GROWTH_BYTES_MAX: usize = 64;

const KINDS: [&str; 8] =
    ["run", "connect", "listen", "skill", "config", "persona", "model", "deny"];
const COMMON_TERMS: [&str; 5] = ["ask", "once", "until", "uses", "irreversible"];
/// A word of a list that is one of these is quoted.
pub(super) const TERMS: [&str; 8] =
    ["ask", "once", "until", "uses", "irreversible", "without", "any", "unguarded"];
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

#[cfg(test)]
mod tests;
