//! What a command is given: what the grants that were judged with it say, and nothing else.
//!
//! A command was judged with the directory it runs in and with what its arguments may name. So it
//! is shown those; and where files may be used without asking anyway, everything of such a grant,
//! because a program reads and writes more beside what it was given (`make`, `git`). What is used
//! only after a question is shown only if this very call named it.
//!
//! # Invariants
//! - No right to a file comes from here that some grant does not give.
//! - There is a network, to the proxy, for a call that names hosts, and else none.
//! - What an operator forbade beneath a granted place is covered; if only writing is forbidden, it
//!   cannot be written to.
//! - Files that came with messages are covered, but for those of the call's own conversation if the
//!   call names them.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sentinel_core::agent::{ATTACHMENTS, ConversationNumber, Granted};
use sentinel_core::capability::{
    CommandRule, Destination, FileRight, Level, PathRef, Request, Resource,
};
use sentinel_core::config::Sandboxing;
use sentinel_core::limits::SANDBOX_MOUNTS_MAX;
use sentinel_core::order::Map;
use sentinel_core::sandbox::{Mount, Network, Profile, Rights};
use sentinel_core::wire::url::Reach;

use crate::sandbox::{ENVIRONMENT, way_to_proxy};

/// A command as it was called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Called<'c> {
    /// What the call says, and where that is.
    pub(crate) name: &'c str,
    pub(crate) program: &'c str,
    pub(crate) arguments: &'c [String],
    pub(crate) directory: &'c str,
    pub(crate) timeout: Duration,
    /// What it is let out to.
    pub(crate) hosts: &'c [Destination],
    /// How much of everything the operator lets commands use.
    pub(crate) sandboxing: &'c Sandboxing,
    /// The rule by which it was judged.
    pub(crate) rule: &'c CommandRule,
    /// Where files are that came with messages: in the workspace, each conversation's in a
    /// directory of its own.
    pub(crate) workspace: &'c str,
    pub(crate) conversation: ConversationNumber,
}

/// The places that an operator forbade and that were there when they were last covered: as the rule
/// names them, and where that leads.
#[derive(Debug, Default)]
pub(crate) struct Covered(Vec<(String, PathBuf)>);

impl Covered {
    /// Where a forbidden path leads; none if nothing is there that could be shown.
    ///
    /// # Errors
    /// It cannot be said where it leads, or it led somewhere before and what is there has another
    /// name now; and something above it is shown.
    fn look(&self, path: &str, shown: &[Mount]) -> Result<Option<PathBuf>, String> {
        let is_shown = |place: &Path| is_within(place, shown);
        match std::fs::canonicalize(path) {
            Ok(real) => Ok(Some(real)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let before = self.0.iter().find(|(known, _)| known == path);
                match before.filter(|(_, real)| is_shown(real)) {
                    None => Ok(None),
                    Some(_) => Err(format!(
                        "a rule forbids {path}, which was there before and is not any more: it may \
                         have another name now, where nothing covers it. Put it back, name the new \
                         place in the rule, or start the agent again if it is gone for good"
                    )),
                }
            }
            Err(error) if is_shown(Path::new(path)) => {
                Err(format!("a rule forbids {path}, which cannot be covered: {error}"))
            }
            Err(_) => Ok(None),
        }
    }
}

fn is_within(place: &Path, shown: &[Mount]) -> bool {
    shown.iter().any(|mount| place.starts_with(OsStr::from_bytes(&mount.path)))
}

/// The sandbox of a command, by the grants there are.
pub(crate) fn profile<'g>(
    called: &Called<'_>,
    granted: impl Iterator<Item = Granted<'g>>,
    covered: &mut Covered,
) -> Result<Profile, String> {
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let program = real(called.program)?;
    let directory = real(called.directory)?;
    let mut places: Map<PathBuf, bool> = Map::new();
    let mut show = |path: &str, writes: bool| {
        // What is not there cannot be shown.
        if let Ok(path) = std::fs::canonicalize(path) {
            *places.entry(path).or_default() |= writes;
        }
    };
    let used = used(called, called.rule);
    for (path, right) in &used {
        show(path, *right == FileRight::Write);
    }
    let mut profile = Profile::new(&bytes(&program), &bytes(&directory));
    let (mut forbidden, mut writable) = (Vec::new(), Vec::new());
    for Granted { grant, uses_left, .. } in granted {
        let Resource::Files { path, rights } = &grant.resource else { continue };
        if grant.level == Level::Deny {
            let reads = rights.has(FileRight::Read) || rights.has(FileRight::List);
            forbidden.push((path.as_str(), reads));
            continue;
        }
        let is_free = grant.level == Level::Allow && uses_left.is_none();
        let concerns = |used: &str| Path::new(used).starts_with(path.as_str());
        let is_wanted = concerns(called.directory) || used.iter().any(|(used, _)| concerns(used));
        if is_free && is_wanted {
            if rights.has(FileRight::Read) {
                show(path.as_str(), false);
            }
            if rights.has(FileRight::Write) {
                writable.push(path.as_str());
            }
        }
    }
    // Whoever may write to a place may not therefore read there: only what is shown is written to.
    for path in writable {
        let Ok(path) = std::fs::canonicalize(path) else { continue };
        let is_shown = places.keys().any(|shown| path.starts_with(shown));
        for (_, writes) in places.iter_mut().filter(|(shown, _)| shown.starts_with(&path)) {
            *writes = true;
        }
        if is_shown {
            places.insert(path, true);
        }
    }
    for (path, writes) in places {
        let rights = if writes { Rights::Write } else { Rights::Read };
        profile.mounts.push(Mount { path: bytes(&path), rights });
    }
    let mut found = Vec::new();
    for (rule, reads) in forbidden {
        let Some(path) = covered.look(rule, &profile.mounts)? else { continue };
        // A rule that forbids holds for all that is beneath, whoever granted that.
        for mount in &mut profile.mounts {
            if Path::new(OsStr::from_bytes(&mount.path)).starts_with(&path) {
                mount.rights = Rights::Read;
            }
        }
        match reads {
            true => profile.hidden.push(bytes(&path)),
            false if is_within(&path, &profile.mounts) => {
                profile.mounts.push(Mount { path: bytes(&path), rights: Rights::Read });
            }
            false => {}
        }
        found.push((rule.to_string(), path));
    }
    covered.0 = found;
    profile.hidden.extend(others_files(called, &directory)?.iter().map(|path| bytes(path)));
    let arguments = called.arguments.iter().map(String::as_str);
    let words = [called.name].into_iter().chain(arguments);
    profile.arguments = words.map(|word| word.as_bytes().to_vec()).collect();
    profile.environment = ENVIRONMENT.iter().map(|word| word.as_bytes().to_vec()).collect();
    if !called.hosts.is_empty() {
        profile.network = Network::Proxied;
        let is_here = |place: &Destination| place.host.reach() == Some(Reach::Loopback);
        profile.environment.extend(way_to_proxy(called.hosts.iter().any(is_here)));
    }
    profile.requirement = called.sandboxing.requirement;
    profile.limits = called.sandboxing.limits;
    profile.limits.time = Some(called.timeout);
    Ok(profile)
}

/// The files of other conversations, as places that are to be covered: all files that came with
/// messages, or if the call names some of its own conversation, those of every other one that has
/// any now. A program finds what nobody named to it.
fn others_files(called: &Called<'_>, directory: &Path) -> Result<Vec<PathBuf>, String> {
    let place = Path::new(called.workspace).join(ATTACHMENTS);
    let Ok(all) = std::fs::canonicalize(&place) else { return Ok(Vec::new()) };
    let own = all.join(called.conversation.0.to_string());
    let is_own = |path: &Path| path.starts_with(&own);
    // A rule for any paths looks at none; another one does.
    let program = PathRef::absolute(called.program).map_err(|error| error.to_string())?;
    let mut rule = CommandRule::new(sentinel_core::capability::Path::from(program));
    rule.is_unguarded = true;
    let is_own_name = |path: &str| std::fs::canonicalize(path).is_ok_and(|path| is_own(&path));
    let names_own = used(called, &rule).iter().any(|(path, _)| is_own_name(path));
    if !names_own && !is_own(directory) {
        return Ok(Vec::from([all]));
    }
    let unreadable = |error: std::io::Error| format!("{}: {error}", place.display());
    let mut others = Vec::new();
    for entry in std::fs::read_dir(&all).map_err(unreadable)? {
        let other = entry.map_err(unreadable)?.path();
        if other != own {
            others.push(other);
        }
    }
    if others.len() > SANDBOX_MOUNTS_MAX {
        let count = others.len();
        return Err(format!(
            "files of {count} other conversations would have to be covered, and a sandbox covers \
             {SANDBOX_MOUNTS_MAX} at most: put a copy of the file elsewhere in the workspace, or \
             forget conversations that are over"
        ));
    }
    Ok(others)
}

/// What the rule looked at when it judged the command: the directory, and what arguments may name.
/// Every one of these was covered, or the command would not have come here.
fn used(called: &Called<'_>, rule: &CommandRule) -> Vec<(String, FileRight)> {
    let arguments: Vec<&str> = called.arguments.iter().map(String::as_str).collect();
    let Ok(program) = PathRef::absolute(called.program) else { return Vec::new() };
    let mut used = Vec::new();
    let note = |request: &Request<'_>| {
        if let Request::File { path, right, .. } = request {
            used.push((path.to_string(), *right));
        }
        true
    };
    match rule.check(program, &arguments, called.directory, note) {
        Ok(()) => used,
        // Another rule than the one that was judged by: nothing is known to be covered.
        Err(_) => Vec::new(),
    }
}

fn real(path: &str) -> Result<PathBuf, String> {
    std::fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use sentinel_core::agent::Origin;
    use sentinel_core::capability::{Grant, Handle, Holder};
    use sentinel_core::sandbox::{Limits, Requirement};

    use super::*;

    /// A program that looks through the workspace sees no file that came with a message; one that
    /// is told of such a file of its own conversation sees those, and of other conversations none.
    #[test]
    fn files_of_other_conversations_are_covered() {
        let home = std::env::temp_dir().join(format!("sentinel-profile-{}", std::process::id()));
        let workspace = home.join("work");
        let files = workspace.join(ATTACHMENTS);
        for conversation in ["3", "4", "34"] {
            std::fs::create_dir_all(files.join(conversation)).unwrap();
            std::fs::write(files.join(conversation).join("a.txt"), "x").unwrap();
        }
        let files = files.canonicalize().unwrap();
        let workspace = workspace.canonicalize().unwrap();
        let workspace = workspace.to_str().unwrap();
        let read: Grant = format!("read,list {workspace}").parse().unwrap();
        let run: Grant = "run /bin/cat any paths".parse().unwrap();
        let Resource::Command(rule) = &run.resource else { panic!() };
        let sandboxing = Sandboxing { requirement: Requirement::Strict, limits: Limits::default() };
        let hidden = |arguments: &[&str], directory: &str| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            let called = Called {
                name: "cat",
                program: "/bin/cat",
                arguments: &arguments,
                directory,
                timeout: Duration::from_secs(1),
                hosts: &[],
                sandboxing: &sandboxing,
                rule,
                workspace,
                conversation: ConversationNumber(3),
            };
            let granted = Granted {
                handle: Handle { index: 0, generation: 0 },
                grant: &read,
                holder: Holder::AGENT,
                parent: None,
                uses_left: None,
                origin: Origin::Settings,
            };
            let mut hidden =
                profile(&called, [granted].into_iter(), &mut Covered::default()).unwrap().hidden;
            hidden.sort();
            let hidden = hidden.into_iter().map(|path| String::from_utf8(path).unwrap());
            hidden.collect::<Vec<_>>()
        };
        let place = |name: &str| files.join(name).to_str().unwrap().to_string();
        let (all, others) =
            ([place("").trim_end_matches('/').to_string()], [place("34"), place("4")]);
        assert_eq!(hidden(&[], workspace), all);
        assert_eq!(hidden(&["attachments/4/a.txt"], workspace), all);
        assert_eq!(hidden(&["attachments/3/a.txt"], workspace), others);
        assert_eq!(hidden(&[], &place("3")), others);
        assert_eq!(hidden(&[], &place("34")), all);
        std::fs::remove_dir_all(&home).unwrap();
    }
}
