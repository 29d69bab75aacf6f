//! The boot manifest: which programs run, in which jobs, with which handles.
//!
//! ```toml
//! [[program]]
//! name = "shell"
//! file = "bin/shell"
//! arguments = ["-v"]
//! handles = ["console:read,write", "record:read", "tree=bin:read,list"]
//! restart = "always"           # never, failure, always; stop: when it ends, the machine does;
//!                              # main: like failure, and when it ends well, the machine does
//!
//! [program.job]
//! memory = 8388608             # any of the limits by name
//! files = ["bin"]              # where files may be opened
//! file_rights = ["read", "list"]
//! programs = ["bin/child"]     # which may be started, besides the program itself
//! hosts = ["*.example.com:443"] # where TCP connections may be made, with an endpoint's handle
//! requests = ["FILE_READ:bin/"] # what is granted when asked for: all that begins so
//! lent = ["disk=notes:read,write"] # what is lent when asked for, and taken back
//!
//! [[directory]]
//! place = "notes"              # a directory of the disk
//! from = "welcome"             # filled with what is there in the archive, while nothing is in it
//! ```
//!
//! `tree=PLACE` is a directory of the archive, which nobody writes; `disk=PLACE` one of the disk,
//! where `data/PLACE` names it among the `files` of a job. A directory of the disk is there as long
//! as something is in it, so one that is given is made. `endpoint=www.example.com:443:connect` is a
//! handle to one host and port, `network` the network card. `ask=NAME` and `serve=NAME` are the
//! two ends of one line of that name: what is asked at one end waits at the other, also while who
//! serves there is started again. A request `NETWORK:` is granted for exactly the host and port
//! that stand there. `FILE_READ:disk=PLACE:rights` or `FILE_WRITE:` asks for what is `lent`: that
//! place or one beneath it, with these rights or fewer, until it is given back or its borrower is
//! gone.
//!
//! # Invariants
//! - What is not named is not given: a program without handles has none.
//! - An unknown key, kind, right or limit is an error that names it; nothing is started then.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use luperiq_runtime::abi::Rights;
use luperiq_runtime::abi::limits::WAIT_MANY_MAX;
use luperiq_runtime::abi::settings::Limit;
use sentinel_core::text::toml::{Document, Table, Value};

use crate::lending::LOANS_MAX;

/// Everything that init starts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// In the order in which it is started.
    pub programs: Vec<Program>,
    /// What is put onto a disk on which it is not yet.
    pub directories: Vec<Filled>,
}

/// A directory of the disk that is filled from the archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Filled {
    /// Where on the disk.
    pub place: String,
    /// Where in the archive.
    pub from: String,
}

/// One program.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name, and its job's.
    pub name: String,
    /// The file it is made from.
    pub file: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it is given, in this order.
    pub handles: Vec<Gift>,
    /// When it is started again.
    pub restart: Restart,
    /// The rules of its job.
    pub job: Rules,
}

/// A handle that a program is given.
#[derive(Debug, PartialEq, Eq)]
pub struct Gift {
    /// Of what.
    pub source: Source,
    /// With which rights, and that to be transferred, by which it comes.
    pub rights: Rights,
}

/// What can be given.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// Its own job.
    Job,
    /// The console.
    Console,
    /// The time.
    Clock,
    /// Random bytes.
    Entropy,
    /// The record.
    Record,
    /// The network card.
    Network,
    /// A host and a port.
    Endpoint(String, u16),
    /// A directory of the archive.
    Tree(String),
    /// A directory of the disk.
    Disk(String),
    /// The end of a line at which something is asked for.
    Ask(String),
    /// The end at which it is done.
    Serve(String),
}

/// When a program is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Never.
    Never,
    /// When it ended with anything but 0.
    Failure,
    /// Whenever it ended.
    Always,
    /// Never, and the machine stops with what it said.
    Stop,
    /// When it ended with anything but 0; with 0 the machine stops.
    Main,
}

/// The rules of a job.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Bounds.
    pub limits: Vec<(Limit, u64)>,
    /// Where files may be opened.
    pub files: Vec<String>,
    /// For what.
    pub file_rights: Rights,
    /// Which programs may be started, besides the one that the job is for.
    pub programs: Vec<String>,
    /// Where connections may be made: hosts and ports, 0 for every port.
    pub hosts: Vec<(String, u16)>,
    /// What is granted when it is asked for.
    pub requests: Vec<String>,
    /// What is lent when it is asked for: directories of the disk.
    pub lent: Vec<Gift>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What about it is wrong, as a sentence.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let document = Document::parse(text).map_err(|error| error.to_string())?;
        known(document.table(), &["program", "directory"])?;
        let mut manifest = Self::default();
        for table in tables(document.table(), "directory")? {
            known(table, &["place", "from"])?;
            let (place, from) = (required(table, "place")?, required(table, "from")?);
            manifest.directories.push(Filled { place, from });
        }
        for table in tables(document.table(), "program")? {
            let program = Program::of(table)?;
            if manifest.programs.iter().any(|other| other.name == program.name) {
                return Err(format!("two programs are called `{}`", program.name));
            }
            manifest.programs.push(program);
        }
        // For a program init waits for its end and for requests, for a borrower for each loan.
        let borrowers = manifest.programs.iter().filter(|program| !program.job.lent.is_empty());
        let waited_for = 2 * manifest.programs.len() + LOANS_MAX * borrowers.count();
        if waited_for > WAIT_MANY_MAX {
            return Err(
                "there are more programs, or more to which something is lent, than init can \
                        wait for"
                    .into(),
            );
        }
        Ok(manifest)
    }
}

impl Program {
    fn of(table: &Table<'_>) -> Result<Self, String> {
        known(table, &["name", "file", "arguments", "handles", "restart", "job"])?;
        let restart = match table.get("restart").map(Value::as_str) {
            None | Some(Some("never")) => Restart::Never,
            Some(Some("failure")) => Restart::Failure,
            Some(Some("always")) => Restart::Always,
            Some(Some("stop")) => Restart::Stop,
            Some(Some("main")) => Restart::Main,
            Some(_) => return Err("`restart` is never, failure, always, stop or main".into()),
        };
        let job = match table.get("job").map(|job| job.as_table().ok_or("`job` is a table")) {
            Some(job) => Rules::of(job?)?,
            None => Rules::default(),
        };
        let handles: Result<Vec<Gift>, String> =
            texts(table, "handles")?.iter().map(|text| Gift::of(text)).collect();
        Ok(Self {
            name: required(table, "name")?,
            file: required(table, "file")?,
            arguments: texts(table, "arguments")?,
            handles: handles?,
            restart,
            job,
        })
    }
}

impl Gift {
    /// Reads `kind:right,right` or `tree=place:right,right`.
    fn of(text: &str) -> Result<Self, String> {
        let (source, names) =
            text.rsplit_once(':').ok_or_else(|| format!("`{text}` names no rights"))?;
        let source = match source.split_once('=') {
            Some(("tree", place)) => Source::Tree(place.into()),
            Some(("disk", place)) => Source::Disk(place.into()),
            Some(("ask", name)) => Source::Ask(name.into()),
            Some(("serve", name)) => Source::Serve(name.into()),
            Some(("endpoint", text)) => {
                let (host, port) = host(text)?;
                Source::Endpoint(host, port)
            }
            None => match source {
                "job" => Source::Job,
                "console" => Source::Console,
                "clock" => Source::Clock,
                "entropy" => Source::Entropy,
                "record" => Source::Record,
                "network" => Source::Network,
                _ => return Err(format!("`{source}` is nothing that can be given")),
            },
            Some(_) => return Err(format!("`{source}` is nothing that can be given")),
        };
        Ok(Self { source, rights: rights(names.split(','))? })
    }

    /// What is to be lent, if that is what a request asks for; an error if it cannot be read.
    #[must_use]
    pub fn wanted(request: &str) -> Option<Result<Self, String>> {
        const CHANGES: Rights = Rights::WRITE.with(Rights::CREATE).with(Rights::DELETE);
        let of_disk = |kind| request.strip_prefix(kind).filter(|rest| rest.starts_with("disk="));
        let reads = of_disk("FILE_READ:").map(|text| (text, Rights::ALL.without(CHANGES)));
        let (text, most) = reads.or_else(|| Some((of_disk("FILE_WRITE:")?, Rights::ALL)))?;
        Some(Self::of(text).and_then(|gift| match most.contains(gift.rights) {
            true => Ok(gift),
            false => Err(format!("`{text}` is more than reading")),
        }))
    }

    /// The place, if it is one of the disk.
    #[must_use]
    pub fn disk(&self) -> Option<&str> {
        match &self.source {
            Source::Disk(place) => Some(place),
            _ => None,
        }
    }
}

impl Rules {
    fn of(table: &Table<'_>) -> Result<Self, String> {
        let mut rules = Self::default();
        for (key, value) in table.iter() {
            let key = key.as_str();
            match key {
                "files" => rules.files = texts(table, key)?,
                "programs" => rules.programs = texts(table, key)?,
                "requests" => rules.requests = texts(table, key)?,
                "lent" => {
                    let lent: Result<Vec<Gift>, String> =
                        texts(table, key)?.iter().map(|text| Gift::of(text)).collect();
                    rules.lent = lent?;
                    if let Some(other) = rules.lent.iter().find(|gift| gift.disk().is_none()) {
                        return Err(format!("`{:?}` cannot be lent", other.source));
                    }
                }
                "hosts" => {
                    let hosts: Result<_, String> =
                        texts(table, key)?.iter().map(|text| host(text)).collect();
                    rules.hosts = hosts?;
                }
                "file_rights" => {
                    let names = texts(table, key)?;
                    rules.file_rights = rights(names.iter().map(String::as_str))?;
                }
                _ => {
                    let limit = Limit::ALL.into_iter().find(|limit| limit.name() == key);
                    let limit = limit.ok_or_else(|| format!("a job knows no `{key}`"))?;
                    let bound = value.as_i64().and_then(|bound| u64::try_from(bound).ok());
                    let bound = bound.ok_or_else(|| format!("`{key}` is a number"))?;
                    rules.limits.push((limit, bound));
                }
            }
        }
        Ok(rules)
    }

    /// Whether what is asked for is granted.
    #[must_use]
    pub fn grants(&self, request: &str) -> bool {
        // A path that goes up again would pass by its beginning alone.
        let goes_up = request.split(['/', ':']).any(|name| name == "..");
        // So would a host that begins like another.
        if request.starts_with("NETWORK:") {
            return self.requests.iter().any(|granted| granted == request);
        }
        !goes_up && self.requests.iter().any(|start| request.starts_with(start.as_str()))
    }

    /// Whether what is asked for is lent: a place of the disk beneath one that is, or that one,
    /// with no right more. Gives the place that is.
    #[must_use]
    pub fn lends(&self, wanted: &Gift) -> Option<&str> {
        let place = wanted.disk()?;
        let is_name = |name: &str| !matches!(name, "" | "." | "..");
        if !place.split('/').all(is_name) {
            return None;
        }
        let lent = self.lent.iter().filter(|lent| lent.rights.contains(wanted.rights));
        lent.filter_map(Gift::disk).find(|base| {
            place.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

fn rights<'a>(names: impl Iterator<Item = &'a str>) -> Result<Rights, String> {
    let mut all = Rights::NONE;
    for name in names {
        let right = Rights::named(name).ok_or_else(|| format!("`{name}` is no right"))?;
        all = all.with(right);
    }
    Ok(all)
}

/// Reads `host:port`; the port `*` is every one.
pub fn host(text: &str) -> Result<(String, u16), String> {
    let error = || format!("`{text}` is no host and port");
    let (host, port) = text.rsplit_once(':').ok_or_else(error)?;
    let port = match port {
        "*" => 0,
        port => port.parse().ok().filter(|port| *port != 0).ok_or_else(error)?,
    };
    Ok((host.into(), port))
}

/// The texts of an array; none if it is not there.
fn texts(table: &Table<'_>, key: &str) -> Result<Vec<String>, String> {
    let error = || format!("`{key}` is an array of texts");
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let values = value.as_array().ok_or_else(error)?;
    values.iter().map(|value| value.as_str().map(String::from).ok_or_else(error)).collect()
}

/// The tables of an array; none if it is not there.
fn tables<'t>(table: &'t Table<'t>, key: &str) -> Result<Vec<&'t Table<'t>>, String> {
    let error = || format!("`{key}` is an array of tables");
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let values = value.as_array().ok_or_else(error)?;
    values.iter().map(|value| value.as_table().ok_or_else(error)).collect()
}

/// A text that has to be there.
fn required(table: &Table<'_>, key: &str) -> Result<String, String> {
    let value = table.get(key).and_then(Value::as_str);
    value.map(String::from).ok_or_else(|| format!("a `{key}`, a text, is missing"))
}

fn known(table: &Table<'_>, keys: &[&str]) -> Result<(), String> {
    match table.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, _)) => Err(format!("nobody knows `{}` here", key.as_str())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[[program]]
name = "shell"
file = "bin/shell"
arguments = ["-v"]
handles = [
  "console:read,write", "tree=bin:read,list", "job:inspect", "endpoint=a.b:80:connect",
  "disk=notes:write", "ask=models:send", "serve=models:receive,wait",
]
restart = "always"

[program.job]
memory = 100
files = ["bin"]
file_rights = ["read"]
hosts = ["*.example.com:443", "a.b:*"]
requests = ["FILE_READ:bin/", "NETWORK:a.example.com:443"]
lent = ["disk=notes:read,list,write", "disk=tea/green:read"]

[[directory]]
place = "notes"
from = "welcome"
"#;

    #[test]
    fn a_manifest_says_what_each_program_gets_and_no_more() {
        let manifest = Manifest::parse(GOOD.as_bytes()).unwrap();
        let [program] = &manifest.programs[..] else { panic!("{manifest:?}") };
        assert_eq!((program.name.as_str(), program.restart), ("shell", Restart::Always));
        assert_eq!(program.handles[1].source, Source::Tree("bin".into()));
        assert_eq!(program.handles[1].rights, Rights::READ.with(Rights::LIST));
        assert_eq!(program.job.limits, [(Limit::Memory, 100)]);
        assert!(program.job.programs.is_empty());
        assert_eq!(program.handles[3].source, Source::Endpoint("a.b".into(), 80));
        assert_eq!(program.handles[4].source, Source::Disk("notes".into()));
        assert_eq!(program.handles[5].source, Source::Ask("models".into()));
        assert_eq!(program.handles[6].source, Source::Serve("models".into()));
        let filled = Filled { place: "notes".into(), from: "welcome".into() };
        assert_eq!(manifest.directories, [filled]);
        assert_eq!(program.job.hosts, [("*.example.com".into(), 443), ("a.b".into(), 0)]);
        assert!(program.job.grants("FILE_READ:bin/a"));
        assert!(program.job.grants("NETWORK:a.example.com:443"));
        for other in ["NETWORK:a.example.com:4433", "NETWORK:b.example.com:443", "NETWORK:"] {
            assert!(!program.job.grants(other), "{other}");
        }
        for other in ["FILE_READ:bin", "FILE_WRITE:bin/a", "FILE_READ:bin/../init", "FILE_READ:.."]
        {
            assert!(!program.job.grants(other), "{other}");
        }
    }

    #[test]
    fn what_is_lent_is_a_place_or_beneath_it_with_no_right_more() {
        let manifest = Manifest::parse(GOOD.as_bytes()).unwrap();
        let lent = |request: &str| {
            let wanted = Gift::wanted(request)?.ok()?;
            manifest.programs[0].job.lends(&wanted).map(String::from)
        };
        for (request, base) in [
            ("FILE_READ:disk=notes:read", "notes"),
            ("FILE_READ:disk=notes:read,list", "notes"),
            ("FILE_WRITE:disk=notes/a/b.txt:write", "notes"),
            ("FILE_READ:disk=tea/green:read", "tea/green"),
            ("FILE_READ:disk=tea/green/leaf:read", "tea/green"),
        ] {
            assert_eq!(lent(request).as_deref(), Some(base), "{request}");
        }
        for request in [
            // Other places, also those that begin alike or lead there.
            "FILE_READ:disk=notes2:read",
            "FILE_READ:disk=state:read",
            "FILE_READ:disk=tea:read",
            "FILE_READ:disk=tea/greenhouse:read",
            "FILE_READ:disk=:read",
            "FILE_READ:disk=/notes:read",
            "FILE_READ:disk=notes/../state:read",
            "FILE_READ:disk=notes/..:read",
            "FILE_READ:disk=notes//a:read",
            "FILE_READ:disk=notes/:read",
            "FILE_READ:disk=notes/./a:read",
            // More than is lent, or than the kind of request says.
            "FILE_WRITE:disk=notes:write,delete",
            "FILE_READ:disk=notes:write",
            "FILE_READ:disk=tea/green:read,list",
            "FILE_READ:disk=tea/green:write",
            "FILE_READ:disk=notes:duplicate",
            // Nothing that is lent at all.
            "FILE_READ:tree=notes:read",
            "FILE_READ:disk=notes:raed",
            "FILE_READ:disk=notes",
            "SPAWN:disk=notes:read",
            "NETWORK:disk=notes:443",
        ] {
            assert_eq!(lent(request), None, "{request}");
        }
        assert_eq!(Gift::wanted("FILE_READ:notes"), None, "that is asked for, not borrowed");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, what) in [
            ("restart", "restrat", "restrat"),
            ("always", "sometimes", "never, failure, always, stop or main"),
            ("console:read", "consol:read", "consol"),
            ("a.b:80:connect", "a.b:connect", "no host and port"),
            ("a.b:80:connect", "a.b:0:connect", "no host and port"),
            ("a.b:*", "a.b", "no host and port"),
            ("console:read", "console:raed", "raed"),
            ("memory", "memroy", "memroy"),
            ("100", "-1", "memory"),
            ("file = ", "files = ", "files"),
            ("name = \"shell\"\n", "", "name"),
            ("place = \"notes\"\n", "", "place"),
            ("place", "plaice", "plaice"),
            ("[[directory]]", "[directory]", "array of tables"),
            ("disk=notes", "disc=notes", "disc=notes"),
            ("\"disk=tea/green:read", "\"console:read", "cannot be lent"),
            ("lent", "lend", "lend"),
            ("[\"-v\"]", "\"-v\"", "arguments"),
            ("job:inspect", "job", "rights"),
            ("[program.job]", "[programs.job]", "programs"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let error = Manifest::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{from}: {error}");
        }
        let twice = format!("{GOOD}{GOOD}");
        assert!(Manifest::parse(twice.as_bytes()).unwrap_err().contains("two programs"));
        let more = |count: u32| {
            let other = |number: u32| GOOD.replace("\"shell\"", &format!("\"shell{number}\""));
            let text: String = (0..count).map(other).collect();
            Manifest::parse(text.as_bytes()).map(drop)
        };
        assert_eq!(more(2), Ok(()));
        assert!(more(3).unwrap_err().contains("than init can wait for"));
    }
}
