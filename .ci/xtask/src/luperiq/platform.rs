//! The appliance on a platform, and the same agent on Linux: one script, and the same decisions.
//!
//! Somebody writes on a Telegram of this machine's. The model, a service of this machine's too,
//! says a few words, looks at the files, writes one, which somebody has to approve by a button, and
//! says more words, which grow in the chat. Then the log of the appliance is compared with the one
//! of the program of Linux that went through the same.
//!
//! # Invariants
//! - Nothing but this machine's loopback is asked for anything.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::appliance::{self, DISK_BYTES};
use super::cases::{self, Case};
use super::connected::{Hosts, PATIENCE, Wanted, make, write};
use super::converse::{Line, converse};
use super::qemu::Machine;
use super::{disk, target};
use crate::error::Error;
use crate::workspace::Workspace;

/// Goes through the script twice, and compares.
pub(super) fn run(workspace: &Workspace) -> Result<(), Error> {
    let hosts = Hosts::begin(workspace)?;
    let wanted = Wanted {
        names: &["helpful"],
        platform: Some("telegram"),
        grants: Some("\"read,list /workspace\", \"write /workspace ask\""),
        ..Wanted::default()
    };
    hosts.configure(&wanted)?;
    let image = appliance::build(workspace, Some(&hosts.folder))?;
    let disk = disk::blank(workspace, "platform.disk", DISK_BYTES)?;
    let machine =
        Machine { has_network: true, disk: Some(&disk), patience: PATIENCE, ..appliance::SMALL };
    let outcome = converse(workspace, &image, &machine, TYPED)?;
    let said = outcome.output;
    if let Some(what) = cases::difference(&TALKED, &said, outcome.status) {
        return Err(Error::new(format!("the appliance on a platform: {what}\n{said}")));
    }
    appliance::memory_of(&said)?;
    let done = read(&hosts.records.join("telegram"))?;
    check(&done, "the appliance")?;
    println!("   ok      EL1  {}", TALKED.name);
    let linux = on_linux(workspace, &hosts)?;
    let words = ["--same".into(), linux.display().to_string(), disk.display().to_string()];
    appliance::audit(workspace, &words)?;
    disk::remove(&disk)?;
    hosts.end()
}

/// What was done on the platform is what the script leads to.
fn check(done: &str, who: &str) -> Result<(), Error> {
    let mut rest = done;
    for expected in SHOWN {
        let Some((_, after)) = rest.split_once(expected) else {
            let what = format!("on the platform {who} did not do `{expected}`:\n{done}");
            return Err(Error::new(what));
        };
        rest = after;
    }
    Ok(())
}

/// The same script with the program of Linux; gives where its log was written, opened.
fn on_linux(workspace: &Workspace, hosts: &Hosts) -> Result<PathBuf, Error> {
    workspace.cargo(["build", "--quiet", "--package", "sentinel-linux"]).run()?;
    let program = workspace.target().join("debug/sentinel");
    let home = target(workspace).join("elsewhere");
    // What an earlier check left there.
    let _ = std::fs::remove_dir_all(&home);
    let work = home.join("workspace");
    make(&work)?;
    for name in ["README.md", "shopping.txt"] {
        let from = workspace.root().join("sentinel-luperiq/userland/image/welcome").join(name);
        write(&work.join(name), &read(&from)?)?;
    }
    let (model, platform) = (hosts.port("helpful")?, hosts.port("telegram-elsewhere")?);
    let folder = hosts.folder.display();
    let settings = format!(
        "[agent]\nmodel = \"helpful\"\nmodels = [\"helpful\"]\n[http]\nca_file = \
         \"{folder}/tls/authorities/authority.pem\"\n[telegram]\nbase_url = \
         \"https://localhost:{platform}\"\ntoken_file = \"{folder}/tls/keys/telegram\"\noperators \
         = [\"77\"]\n[security]\ngrants = [\"read,list {work}\", \"write {work} ask\"]\n\
         [models.helpful]\nprovider = \"anthropic\"\nmodel = \"helpful\"\nbase_url = \
         \"https://localhost:{model}\"\napi_key_file = \"{folder}/tls/keys/helpful\"\n",
        work = work.display(),
    );
    write(&home.join("sentinel.toml"), &settings)?;
    let config = home.join("sentinel.toml").display().to_string();
    let state = home.join("state").display().to_string();
    let place = ["--config", config.as_str(), "--state", state.as_str()];
    let said = home.join("said");
    let output = std::fs::File::create(&said).map_err(|it| Error::file("make", &said, &it))?;
    let process = workspace.process(&program.display().to_string()).args(["run"]).args(place);
    let mut command = process.command();
    command.current_dir(&work).stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let mut child = command.spawn().map_err(|cause| process.not_started(&cause))?;
    let (begun, record) = (Instant::now(), hosts.records.join("telegram-elsewhere"));
    let is_done = || check(&read(&record).unwrap_or_default(), "the program of Linux");
    let mut outcome = is_done();
    while outcome.is_err() && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
        outcome = is_done();
    }
    // It ends as a service does, with its log signed.
    let number = child.id().to_string();
    let ended = workspace.process("kill").args(["-TERM", number.as_str()]).run();
    let status = end_of(&mut child);
    outcome.map_err(|error| error.help(format!("it said: {}", read(&said).unwrap_or_default())))?;
    ended?;
    status.map_err(|cause| process.not_started(&cause))?;
    let export = ["audit", "export", "--open"];
    let export =
        workspace.process(&program.display().to_string()).args(export).args(place).output()?;
    let log = home.join("log.jsonl");
    write(&log, &export.replace(&work.display().to_string(), "/workspace"))?;
    println!("   ok      the program of Linux goes through the same script");
    Ok(log)
}

/// Waits for a program that was asked to end; one that does not is ended.
fn end_of(child: &mut Child) -> std::io::Result<ExitStatus> {
    let asked = Instant::now();
    while asked.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|cause| Error::file("read", path, &cause))
}

/// Nothing is typed but the end, when the file is being written.
const TYPED: &[Line<'_>] = &[Line { after: " write_file'", text: "\u{4}" }];

const TALKED: Case = Case {
    name: "the appliance answers on Telegram: a call, an approval by a button, an edit",
    arguments: Cow::Borrowed(""),
    expected: &[
        "* 'telegram' is asked: it is who it says it is (",
        "* telegram: at work as sbot",
        "* 'helpful' is asked: it is who it says it is (",
        "\"tool\":\"list_directory\"",
        "\"tool\":\"write_file\"",
        "allowed by: write /workspace ask",
        " write_file'",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "sk-appliance"],
    status: 0,
};

/// What somebody on the platform sees, in this order.
const SHOWN: &[&str] =
    &["send 2 \"I see ", "[\"once:1\"", "Allowed: ", "It is done", "and nothing else."];
