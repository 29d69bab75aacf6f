//! What the calls of a scenario's tool need to be granted.
//!
//! A scenario may give a tool a level as a whole, or say which of its parameters are paths, hosts
//! and commands, and leave the rest to a table of grants, as it is in earnest.
//!
//! # Invariants
//! - A call whose arguments cannot be put into requests is uncovered.
//!
//! # Not here
//! The built-in tools say by themselves what their calls need; here a file says it.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::read::{ScenarioError, fault, known, strings};
use crate::capability::{
    Destination, FileRight, Grant, Handle, Holder, HttpRequest, PathRef, Request, SpecError, Table,
    Verdict,
};
use crate::order::Map;
use crate::text::json::Value;
use crate::time::Timestamp;
use crate::wire::url::Url;

/// What the calls of a tool need. Each text is the name of a parameter.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    files: Vec<(FileRight, Box<str>)>,
    /// A directory that is listed and read with everything beneath it.
    search: Option<Box<str>>,
    /// The parameters `program`, `arguments`, `directory` and `hosts` are a command.
    runs: bool,
    /// A URL; the parameter `method` says with which method.
    fetch: Option<Box<str>>,
    /// The name of the skill that the tool is an operation of.
    skill: Option<Box<str>>,
}

impl Needs {
    pub(super) fn read(value: Value<'_>) -> Result<Self, ScenarioError> {
        known(value, &["read", "write", "list", "search", "run", "fetch", "skill"])?;
        let name = |key| -> Result<Option<Box<str>>, ScenarioError> {
            Ok(value.find(key).map(Value::as_str).transpose()?.map(Box::from))
        };
        let mut files = Vec::new();
        for right in FileRight::ALL {
            files.extend(name(right.word())?.map(|parameter| (right, parameter)));
        }
        let (search, fetch, skill) = (name("search")?, name("fetch")?, name("skill")?);
        let runs = value.find("run").map(Value::as_bool).transpose()?.unwrap_or(false);
        let needs = Self { files, search, runs, fetch, skill };
        if needs.is_empty() { Err(fault(value, "it needs nothing")) } else { Ok(needs) }
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty()
            && self.search.is_none()
            && !self.runs
            && self.fetch.is_none()
            && self.skill.is_none()
    }
}

/// The grants of a scenario, and where its calls are made.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    table: Table,
    workspace: Box<str>,
    /// The programs that are found by their name.
    programs: Map<Box<str>, Box<str>>,
}

impl Default for Ground {
    fn default() -> Self {
        Self { table: Table::new(), workspace: "/".into(), programs: Map::new() }
    }
}

impl Ground {
    /// The members of a line of a file that speak of it.
    pub(super) const KEYS: [&'static str; 3] = ["table", "workspace", "programs"];

    /// Takes what a line defines.
    pub(super) fn define(&mut self, root: Value<'_>) -> Result<(), ScenarioError> {
        for text in root.find("table").map(Value::elements).transpose()?.into_iter().flatten() {
            let grant: Grant = text
                .as_str()?
                .parse()
                .map_err(|error: SpecError| fault(text, error.to_string()))?;
            let made = self.table.grant(grant, Timestamp(0));
            made.map_err(|error| fault(text, error.to_string()))?;
        }
        if let Some(workspace) = root.find("workspace") {
            let path = PathRef::absolute(workspace.as_str()?);
            let path = path.map_err(|error| fault(workspace, error.to_string()))?;
            self.workspace = path.to_string().into();
        }
        let programs = root.find("programs").map(Value::members).transpose()?;
        for (name, path) in programs.into_iter().flatten() {
            PathRef::absolute(path.as_str()?).map_err(|error| fault(path, error.to_string()))?;
            self.programs.insert(name.into(), path.as_str()?.into());
        }
        Ok(())
    }

    /// What the table says of a call.
    pub(super) fn decide(
        &self,
        tool: &str,
        needs: &Needs,
        arguments: Value<'_>,
        now: Timestamp,
    ) -> (Verdict, Vec<Handle>) {
        self.judge(tool, needs, arguments, now).unwrap_or((Verdict::Uncovered, Vec::new()))
    }

    /// Counts the use of what a call needed, which a person allowed if it was asked for.
    pub(super) fn spend(&mut self, handles: &[Handle], now: Timestamp) {
        for handle in handles {
            // Two calls that were decided together may both want the last use.
            let _ = self.table.confirm_once(*handle, now);
        }
        let _ = self.table.spend_all(handles, now);
    }

    /// Nothing if an argument is not what it should be.
    fn judge(
        &self,
        tool: &str,
        needs: &Needs,
        arguments: Value<'_>,
        now: Timestamp,
    ) -> Option<(Verdict, Vec<Handle>)> {
        let path = |name: &str| PathRef::resolve(&self.workspace, text(arguments, name)?).ok();
        let mut requests = Vec::new();
        for (right, name) in &needs.files {
            requests.push(Request::File { path: path(name)?, right: *right, is_tree: false });
        }
        if let Some(name) = &needs.search {
            for right in [FileRight::List, FileRight::Read] {
                requests.push(Request::File { path: path(name)?, right, is_tree: true });
            }
        }
        let url = match &needs.fetch {
            Some(name) => Some(Url::parse(text(arguments, name)?).ok()?),
            None => None,
        };
        let host = url.as_ref().map(Url::host);
        if let (Some(url), Some(host)) = (&url, &host) {
            let method = text_or(arguments, "method", "GET")?;
            let http = Some(HttpRequest { method, path: url.path() });
            requests.push(Request::Connect { host, port: url.port(), http });
        }
        if let Some(name) = &needs.skill {
            requests.push(Request::Skill { name, operation: tool });
        }
        let (words, directory, places);
        if needs.runs {
            let name = text(arguments, "program")?;
            let found = match self.programs.get(name) {
                Some(found) => found,
                None if name.starts_with('/') => name,
                None => return None,
            };
            let place = text_or(arguments, "directory", ".")?;
            words = match arguments.find("arguments") {
                Some(list) => strings(list).ok()?,
                None => Vec::new(),
            };
            directory = PathRef::resolve(&self.workspace, place).ok()?.to_string();
            let program = PathRef::absolute(found).ok()?;
            requests.push(Request::Command { program, arguments: &words, directory: &directory });
            let hosts = arguments.find("hosts").map(strings).transpose().ok()?;
            let hosts = hosts.unwrap_or_default().into_iter().map(Destination::parse);
            places = hosts.collect::<Result<Vec<_>, _>>().ok()?;
            requests.extend(places.iter().map(Request::Reach));
        }
        Some(self.table.decide_all(Holder::AGENT, &requests, now))
    }
}

fn text<'a>(arguments: Value<'a>, name: &str) -> Option<&'a str> {
    arguments.find(name)?.as_str().ok()
}

/// The text of a parameter that may be left out.
fn text_or<'a>(arguments: Value<'a>, name: &str, default: &'a str) -> Option<&'a str> {
    arguments.find(name).map_or(Some(default), |value| value.as_str().ok())
}
