//! The appliance with a network: a model that is a service, reached by TLS.
//!
//! The services are programs on this machine's loopback, each with another flaw, and one without.
//! The configuration names them all as the models of one agent, so a question goes from each to
//! the next until it is answered or was put to six of them; who was refused is set aside, and the
//! next question goes on behind it. So one boot shows that the bad ones are refused, each for its
//! reason, and that the good one is heard. In another boot the program that reaches them is ended
//! in a handshake, by a bound of its job, so that it is always the same one. In one more the model
//! does its worst, and nothing may come of it.
//!
//! # Invariants
//! - Nothing but this machine's loopback is asked for anything.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::appliance::{self, DISK_BYTES, END, PROMPT};
use super::cases::{self, Case};
use super::converse::{Line, attend, converse};
use super::qemu::Machine;
use super::{MANIFEST, disk, image, target};
use crate::error::Error;
use crate::workspace::Workspace;

/// Asks all of them, and looks at what is said of each; and lets the program that reaches them die.
pub(super) fn run(workspace: &Workspace) -> Result<(), Error> {
    let hosts = Hosts::begin(workspace)?;
    // A question asks six at most, and models that failed are asked again after a while: so each
    // boot has one question, and what is said does not hang on how fast a machine is.
    for (case, names, life, asked) in [
        (&DOUBTED, REFUSED, None, ONCE),
        (&BROKEN, CUT, None, ONCE),
        (&DYING, &["closing"][..], Some(SHORT_LIFE), TWICE),
    ] {
        hosts.configure(&Wanted { names, life, ..Wanted::default() })?;
        let output = boot(workspace, &hosts, Machine { pace: Some(0), ..appliance::SMALL }, asked)?;
        if let Some(what) = cases::difference(case, &output, Some(0)) {
            let name = case.name;
            return Err(Error::new(format!("the connected appliance: {name}: {what}\n{output}")));
        }
        println!("   ok      EL1  {}", case.name);
    }
    harm(workspace, &hosts)?;
    fetch(workspace, &hosts)?;
    hosts.end()
}

/// Lets a model do its worst: every call of the scenario has to be refused, all of that has to be
/// in the agent's log and so in the kernel's record, and the files are as they were.
fn harm(workspace: &Workspace, hosts: &Hosts) -> Result<(), Error> {
    let path = workspace.root().join(SCENARIO);
    let scenario = std::fs::read_to_string(&path);
    let scenario = scenario.map_err(|cause| Error::file("read", &path, &cause))?;
    let is_call = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let count = scenario.lines().filter(is_call).count();
    hosts.configure(&Wanted { names: &["harmful"], grants: Some(LOOKS), ..Wanted::default() })?;
    let welcome = workspace.root().join("sentinel-luperiq/userland/image/welcome");
    let more = ["--refused".into(), count.to_string(), "--untouched".into()];
    let more = [&more[..], &[welcome.display().to_string()]].concat();
    let machine = Machine { pace: Some(0), ..appliance::SMALL };
    let output = boot_and_look(workspace, hosts, machine, ONCE, more)?;
    if let Some(what) = cases::difference(&HARMLESS, &output, Some(0)) {
        let name = HARMLESS.name;
        return Err(Error::new(format!("the connected appliance: {name}: {what}\n{output}")));
    }
    println!("   ok      EL1  {}: {count} calls", HARMLESS.name);
    Ok(())
}

/// Fetches pages: one that is there, one that leads elsewhere, and what the manifest has not.
fn fetch(workspace: &Workspace, hosts: &Hosts) -> Result<(), Error> {
    let port = hosts.port("pages")?;
    let grants = format!("\"read,list /workspace\", \"connect models.test:{port}\"");
    let wanted = Wanted { grants: Some(&grants), pages: Some("pages"), ..Wanted::default() };
    hosts.configure(&wanted)?;
    let fetch = |path: &str| format!("fetch https://models.test:{port}/{path}\r");
    let texts = [fetch("guide/tea"), fetch("guide/moved"), fetch("closed")];
    let end = "\u{4}".to_string();
    let clear = "/clear\r".to_string();
    let [tea, moved, closed] = &texts;
    // What a page says is nobody's word, so that the next would be asked about.
    let typed = [tea, &clear, moved, &clear, closed, &end];
    let typed: Vec<Line<'_>> = typed.iter().map(|text| Line { after: PROMPT, text }).collect();
    let machine = Machine { pace: Some(0), ..appliance::SMALL };
    let output = boot(workspace, hosts, machine, &typed)?;
    if let Some(what) = cases::difference(&FETCHED, &output, Some(0)) {
        let name = FETCHED.name;
        return Err(Error::new(format!("the connected appliance: {name}: {what}\n{output}")));
    }
    println!("   ok      EL1  {}", FETCHED.name);
    Ok(())
}

/// What a handshake costs, and what of the image is for it.
pub(super) fn figures(workspace: &Workspace) -> Result<(), Error> {
    let hosts = Hosts::begin(workspace)?;
    let path = appliance::tls(workspace)?;
    let tls = std::fs::read(&path).map_err(|cause| Error::file("read", &path, &cause))?;
    let [text, constants] = image::bytes_of_use(&tls).unwrap_or_default();
    println!("{:<52} {:>10} {:>10}", "the connected appliance", "measured", "goal");
    let mut memory = 0;
    for (names, what) in [
        (&["good"][..], "thousands of instructions: 3 signatures of P-256"),
        (&["larger"][..], "the same: 2 signatures of P-384"),
    ] {
        hosts.configure(&Wanted { names, ..Wanted::default() })?;
        let machine = Machine { pace: Some(0), ..appliance::SMALL };
        let output = boot(workspace, &hosts, machine, ONCE)?;
        memory = appliance::memory_of(&output)?;
        let spent = output.split("it says it is (").nth(1).and_then(|rest| rest.split(' ').next());
        let spent = spent.ok_or_else(|| Error::new(format!("nobody was asked:\n{output}")))?;
        println!("{what:<52} {spent:>10} {:>10}", 40_000);
    }
    let goal = appliance::MEMORY_MAX;
    println!("{:<52} {memory:>10} {goal:>10}", "KiB of memory, a conversation");
    first_poll(workspace, &hosts)?;
    let image = target(workspace).join("sentinel-connected.img");
    let bytes = std::fs::metadata(&image).map_or(0, |data| data.len());
    println!("{:<52} {bytes:>10} {:>10}", "bytes of the image", 3 << 20);
    println!("{:<52} {text:>10}", "bytes of the text of bin/tls");
    println!("{:<52} {constants:>10}", "bytes of its constants, all roots among them");
    // Its image has a program more.
    download(workspace, &hosts)?;
    hosts.end()
}

/// Only how fast much comes through TLS.
pub(super) fn download_alone(workspace: &Workspace) -> Result<(), Error> {
    let hosts = Hosts::begin(workspace)?;
    download(workspace, &hosts)?;
    hosts.end()
}

/// How fast ten megabytes come through TLS, by the clock on the wall, in kilobytes a second: the
/// one in the middle of five; and how many instructions a byte takes, of all programs and the
/// kernel.
fn download(workspace: &Workspace, hosts: &Hosts) -> Result<(), Error> {
    hosts.configure(&Wanted { pages: Some("large"), ..Wanted::default() })?;
    let path = hosts.folder.join("boot.toml");
    let manifest = std::fs::read_to_string(&path);
    let manifest = manifest.map_err(|cause| Error::file("read", &path, &cause))?;
    write(&path, &manifest.replace("\"bin/agent\"", "\"bin/download\""))?;
    let image = appliance::build(workspace, Some(&hosts.folder))?;
    let fetch = |pace| {
        let disk = disk::blank(workspace, "connected.disk", DISK_BYTES)?;
        let machine = Machine {
            has_network: true,
            disk: Some(&disk),
            patience: PATIENCE,
            pace,
            ..appliance::SMALL
        };
        let output = converse(workspace, &image, &machine, &[])?.output;
        disk::remove(&disk)?;
        let said = output.split("download: ").nth(1).unwrap_or_default();
        let mut numbers = said.split(' ').filter_map(|word| word.parse::<u64>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(bytes), Some(micros)) if bytes >= 10 << 20 => Ok((bytes, micros.max(1))),
            _ => Err(Error::new(format!("it did not all come:\n{output}"))),
        }
    };
    let mut speeds = Vec::new();
    for _ in 0..5 {
        let (bytes, micros) = fetch(None)?;
        speeds.push(bytes * 1000 / micros);
    }
    speeds.sort_unstable();
    println!("{:<52} {:>10} {:>10}", "kilobytes a second through TLS", speeds[2], 20_000);
    let (bytes, micros) = fetch(Some(0))?;
    println!("{:<52} {:>10}", "instructions for a byte of it", micros * 1000 / bytes);
    Ok(())
}

/// How long it takes from the emulator's start until a platform is asked for messages, in
/// milliseconds of a clock on the wall: the one in the middle of five.
fn first_poll(workspace: &Workspace, hosts: &Hosts) -> Result<(), Error> {
    hosts.configure(&Wanted {
        names: &["busy-model"],
        platform: Some("busy"),
        ..Wanted::default()
    })?;
    let image = appliance::build(workspace, Some(&hosts.folder))?;
    // So that nobody there has anything to say.
    write(&hosts.records.join("busy-last"), "")?;
    let record = hosts.records.join("busy");
    let polls = || std::fs::read_to_string(&record).unwrap_or_default().matches("polled").count();
    let mut times = [0; 5];
    for time in &mut times {
        let disk = disk::blank(workspace, "connected.disk", DISK_BYTES)?;
        let machine = Machine { has_network: true, disk: Some(&disk), ..appliance::SMALL };
        let (before, begun) = (polls(), Instant::now());
        let mut polled = None;
        let outcome = attend(workspace, &image, &machine, |_| {
            if polled.is_some() || polls() == before {
                return None;
            }
            polled = Some(begun.elapsed());
            Some("\u{4}")
        })?;
        *time = polled.map_or(0, |polled| polled.as_millis());
        if polled.is_none() || outcome.status != Some(0) {
            return Err(Error::new(format!("it did not get to its platform:\n{}", outcome.output)));
        }
        disk::remove(&disk)?;
    }
    times.sort_unstable();
    let what = "milliseconds until its platform is asked, blank disk";
    println!("{what:<52} {:>10} {:>10}", times[2], 1500);
    Ok(())
}

/// Boots once, asks, verifies what is on the disk then, and gives what was shown.
fn boot(
    workspace: &Workspace,
    hosts: &Hosts,
    machine: Machine<'_>,
    asked: &[Line<'_>],
) -> Result<String, Error> {
    boot_and_look(workspace, hosts, machine, asked, Vec::new())
}

/// The same, and more is looked for on the disk.
fn boot_and_look(
    workspace: &Workspace,
    hosts: &Hosts,
    machine: Machine<'_>,
    asked: &[Line<'_>],
    mut more: Vec<String>,
) -> Result<String, Error> {
    let image = appliance::build(workspace, Some(&hosts.folder))?;
    let disk = disk::blank(workspace, "connected.disk", DISK_BYTES)?;
    let machine = Machine { has_network: true, disk: Some(&disk), patience: PATIENCE, ..machine };
    let outcome = converse(workspace, &image, &machine, asked)?;
    appliance::memory_of(&outcome.output)?;
    more.push(disk.display().to_string());
    let audited = appliance::audit(workspace, &more);
    audited.map_err(|error| error.help(outcome.output.clone()))?;
    disk::remove(&disk)?;
    match outcome.status {
        Some(0) => Ok(outcome.output),
        _ => Err(Error::new(format!("the connected appliance did not end:\n{}", outcome.output))),
    }
}

/// The services, as long as this is there.
pub(super) struct Hosts {
    child: Child,
    pub(super) folder: PathBuf,
    /// What was done on platforms, a file for each.
    pub(super) records: PathBuf,
    /// Names and ports.
    ports: Vec<(String, u16)>,
}

/// What an appliance is to be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted<'w> {
    /// Its models, in this order.
    pub(super) names: &'w [&'w str],
    /// How much of the processor's time the program that reaches services may have, if that is
    /// bounded.
    pub(super) life: Option<&'w str>,
    /// The host that is its Telegram, if it has one.
    pub(super) platform: Option<&'w str>,
    /// Its grants, if they are others.
    pub(super) grants: Option<&'w str>,
    /// The host whose pages beneath `/guide/` can be fetched, if there is one. Without models it is
    /// the one that is built in.
    pub(super) pages: Option<&'w str>,
}

impl Hosts {
    pub(super) fn begin(workspace: &Workspace) -> Result<Self, Error> {
        let folder = target(workspace).join("connected");
        make(&folder.join("tls/keys"))?;
        let authorities = folder.join("tls/authorities");
        make(&authorities)?;
        let records = target(workspace).join("records");
        make(&records)?;
        let process = workspace
            .cargo(["run", "--quiet", "--manifest-path", MANIFEST])
            .args(["-p", "luperiq-tls", "--example", "servers", "--target-dir"])
            .args([target(workspace), "--".into(), authorities, records.clone()]);
        let mut command = process.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|cause| process.not_started(&cause))?;
        let mut ports = Vec::new();
        for line in child.stdout.take().map(BufReader::new).into_iter().flat_map(BufReader::lines) {
            let line = line.map_err(|cause| process.not_started(&cause))?;
            let port = line.split_once(' ').and_then(|(_, port)| port.parse().ok());
            let name = line.split(' ').next().unwrap_or_default();
            let port = port.ok_or_else(|| Error::new(format!("`{line}` is no host")))?;
            ports.push((name.to_string(), port));
            if name == LAST {
                return Ok(Self { child, folder, records, ports });
            }
        }
        Err(Error::new("the servers for the connected appliance ended at once"))
    }

    /// The port of a host.
    pub(super) fn port(&self, name: &str) -> Result<u16, Error> {
        let port = self.ports.iter().find(|(other, _)| other == name).map(|(_, port)| *port);
        port.ok_or_else(|| Error::new(format!("there is no host `{name}`")))
    }

    /// Writes what the owner of an appliance writes.
    pub(super) fn configure(&self, wanted: &Wanted<'_>) -> Result<(), Error> {
        let (mut words, mut endpoints, mut allowed) = (String::new(), String::new(), String::new());
        let names = wanted.names;
        let grants = wanted.grants.unwrap_or("\"read /workspace\"");
        let mut settings = match names.first() {
            Some(first) => format!("[agent]\nmodel = \"{first}\"\nmodels = {names:?}\n"),
            None => String::new(),
        };
        let _ = writeln!(settings, "[security]\ngrants = [{grants}]");
        let platform = wanted.platform.map(|host| (host, "telegram", "bot-path", "bot"));
        let models = names.iter().map(|name| (*name, *name, "x-api-key", "v1/messages"));
        for (host, name, place, path) in models.chain(platform) {
            let port = self.port(host)?;
            let address = format!("https://models.test:{port}");
            let _ = writeln!(words, "    \"{name} {place} {address}/{path}\",");
            let _ = writeln!(endpoints, "    \"endpoint=models.test:{port}:connect\",");
            let _ = writeln!(allowed, "    \"models.test:{port}\",");
            let section = match name {
                "telegram" => format!(
                    "[telegram]\nbase_url = \"{address}\"\ntoken_file = \"/tls/keys/{name}\"\n\
                     operators = [\"77\"]"
                ),
                name => format!(
                    "[models.{name}]\nprovider = \"anthropic\"\nmodel = \"{name}\"\nbase_url = \
                     \"{address}\"\napi_key_file = \"/tls/keys/{name}\""
                ),
            };
            let _ = writeln!(settings, "{section}");
            let key = if name == "telegram" { "12:sk-appliance\n" } else { "sk-appliance\n" };
            write(&self.folder.join("tls/keys").join(name), key)?;
        }
        let mut fetched = String::new();
        if let Some(host) = wanted.pages {
            let port = self.port(host)?;
            let address = format!("https://models.test:{port}/guide/");
            let _ = writeln!(words, "    \"{host} pages {address}\",");
            let _ = writeln!(endpoints, "    \"endpoint=models.test:{port}:connect\",");
            let _ = writeln!(allowed, "    \"models.test:{port}\",");
            fetched = format!("arguments = [\"{host} {address}\"]\n");
        }
        let agent = "file = \"bin/agent\"\n";
        let manifest = TEMPLATE
            .replace(agent, &[agent, &fetched].concat())
            .replace(
                "handles = [\"network:",
                "arguments = [\"address=10.0.2.15/24\", \"gateway=10.0.2.2\", \
                 \"host=models.test=10.0.2.2\", \"private\"]\nhandles = [\"network:",
            )
            .replace(
                "[\"anthropic x-api-key https://api.anthropic.com/v1/messages\"]",
                &format!("[\n{words}]"),
            )
            .replace("    \"endpoint=api.anthropic.com:443:connect\",\n", &endpoints)
            .replace("[\"api.anthropic.com:443\"]", &format!("[\n{allowed}]"))
            .replace("memory = 8388608", wanted.life.unwrap_or("memory = 8388608"));
        write(&self.folder.join("boot.toml"), &manifest)?;
        write(&self.folder.join("sentinel.toml"), &settings)
    }

    /// They end when nobody holds their input any more.
    pub(super) fn end(mut self) -> Result<(), Error> {
        drop(self.child.stdin.take());
        let status = self.child.wait();
        status.map(drop).map_err(|cause| Error::new(format!("the servers do not end: {cause}")))
    }
}

pub(super) fn make(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|cause| Error::file("make", folder, &cause))
}

pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|cause| Error::file("write", path, &cause))
}

/// What owners of appliances begin with.
const TEMPLATE: &str =
    include_str!("../../../../sentinel-luperiq/userland/image/connected/boot.toml");

/// The one that the others are tried before.
const LAST: &str = "good";

/// Those of which it is not believed who they are.
const REFUSED: &[&str] =
    &["expired", "other-name", "unknown", "self-signed", "ordinary", "missing"];

/// Those that end too early, and the one that does not.
const CUT: &[&str] = &["truncated", "cut", LAST];

const DOUBTED: Case = Case {
    name: "the appliance asks no service that is not who it says it is",
    arguments: Cow::Borrowed(""),
    expected: &[
        "You talk with expired.",
        "* expired: models.test is not asked anything: the certificate of models.test expired ",
        "* other-name: models.test is not asked anything: the certificate is not one for \
         models.test",
        "* unknown: models.test is not asked anything: nobody who is trusted here signed",
        "* self-signed: models.test is not asked anything: nobody who is trusted here signed",
        "* ordinary: models.test is not asked anything: the certificate of models.test was signed \
         with one that may not sign",
        "* missing: models.test is not asked anything: nobody who is trusted here signed",
        "I have no answer: the connection to the provider is not secure.",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "sk-appliance", "is asked: "],
    status: 0,
};

const BROKEN: Case = Case {
    name: "the appliance takes no half of an answer for one, and hears the service that answers",
    arguments: Cow::Borrowed(""),
    expected: &[
        "* truncated: models.test is not asked anything: the connection ended in the middle of the \
         handshake",
        "* 'cut' is asked: it is who it says it is (",
        "* cut: the answer of models.test: the connection ended in the middle",
        "* 'good' is asked: it is who it says it is (",
        "The capital of France is Paris, as far as I know.",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "sk-appliance"],
    status: 0,
};

const DYING: Case = Case {
    name: "the appliance goes on when the program that holds its keys dies in a handshake",
    arguments: Cow::Borrowed(""),
    expected: &[
        "* 'closing' is asked: it is who it says it is (",
        "The capital of France is Paris, as far as I know.",
        "* closing: the program that holds its key ended in the middle, and is started again",
        "* 'closing' is asked: it is who it says it is (",
        "The capital of France is Paris, as far as I know.",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "agent: ", "sk-appliance"],
    status: 0,
};

const FETCHED: Case = Case {
    name: "the appliance fetches pages of the hosts that its manifest names",
    arguments: Cow::Borrowed(""),
    expected: &[
        "\"tool\":\"http_fetch\"",
        "allowed by: connect models.test:",
        "the kernel notes 'call ",
        "tea is at four",
        "redirected to https://evil.test/ (not followed",
        "the boot manifest names nobody who has this page",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "nobody was to ask this"],
    status: 0,
};

const HARMLESS: Case = Case {
    name: "the appliance does nothing of what a model asks for that does its worst",
    arguments: Cow::Borrowed(""),
    expected: &[
        "* 'harmful' is asked: it is who it says it is (",
        "It is done: ",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "sk-appliance", "kernel notes 'call"],
    status: 0,
};

/// What the model may do that does its worst.
const LOOKS: &str = "\"read,list /workspace\", \"run /bin/wc\"";

/// What it asks for.
const SCENARIO: &str = "sentinel-luperiq/tls/examples/servers/harm.txt";

const ONCE: &[Line<'_>] = &[QUESTION, END];

const TWICE: &[Line<'_>] = &[QUESTION, QUESTION, END];

const QUESTION: Line<'_> = Line { after: PROMPT, text: "what is the capital of France?\r" };

/// Enough for one exchange (some 20 million instructions) and not for a second one, in whose
/// handshake the program is ended.
const SHORT_LIFE: &str = "memory = 8388608\ncpu = 30000000";

/// A machine that is shared needs a part of a second for each handshake.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
