//! The appliance: kernel, init and the agent in one image, with a disk.
//!
//! # Invariants
//! - A check is three boots of one disk: each goes on with the conversation before it, and the
//!   agent's log and the kernel's record are taken out of the disk, verified and compared.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::cases::{self, Case};
use super::connected::{self, make};
use super::converse::{Line, converse};
use super::qemu::Machine;
use super::{
    KERNEL_TARGET, MANIFEST, PROGRAM_TARGET, compile, compile_as, disk, image, skills, target,
};
use crate::error::Error;
use crate::workspace::Workspace;

/// Boots it for a person: the serial line is the terminal. The disk is made if it is not there.
/// With a folder of their own, what stands there is in the image, and there is a network.
pub(super) fn talk(
    workspace: &Workspace,
    disk: Option<&Path>,
    own: Option<&Path>,
) -> Result<(), Error> {
    let image = build(workspace, own)?;
    let disk = match disk {
        Some(disk) => disk.to_path_buf(),
        None => target(workspace).join("appliance.disk"),
    };
    if !disk.exists() {
        disk::make(&disk, DISK_BYTES)?;
    }
    println!("the disk is {}; its agent goes on with what is on it", disk.display());
    let has_network = own.is_some();
    super::attach(
        workspace,
        &image,
        &Machine { disk: Some(&disk), has_network, ..Machine::new("") },
    )
}

/// Verifies the agent's log and the kernel's record on a disk, compares them, and takes the log out
/// if somebody wants it.
pub(super) fn audit(workspace: &Workspace, arguments: &[String]) -> Result<(), Error> {
    let tool = ["-p", "luperiq-userland", "--example", "appliance", "--target-dir"];
    workspace
        .cargo(["run", "--quiet", "--manifest-path", MANIFEST])
        .args(tool)
        .args([target(workspace), "--".into()])
        .args(arguments.iter().map(PathBuf::from))
        .run()
}

/// Talks with the agent over three boots.
pub(super) fn run(workspace: &Workspace) -> Result<(), Error> {
    let image = build(workspace, None)?;
    let disk = disk::blank(workspace, "check.disk", DISK_BYTES)?;
    converse_again(workspace, &image, Machine { disk: Some(&disk), ..SMALL })?;
    audit(workspace, &[disk.display().to_string()])?;
    disk::remove(&disk)?;
    run_commands(workspace)?;
    skills::run(workspace)
}

/// Talks with the agent over three boots of a machine whose disk is blank at first.
pub(super) fn converse_again(
    workspace: &Workspace,
    image: &Path,
    machine: Machine<'_>,
) -> Result<(), Error> {
    for (case, typed) in [(FIRST, LISTED), (SECOND, READ), (THIRD, GRANTED)] {
        let machine = Machine { arguments: &case.arguments, ..machine };
        let outcome = converse(workspace, image, &machine, typed)?;
        if let Some(what) = cases::difference(&case, &outcome.output, outcome.status) {
            let output = outcome.output;
            return Err(Error::new(format!("the appliance: {}: {what}\n{output}", case.name)));
        }
        memory_of(&outcome.output)?;
        println!("   ok      {}{}", machine.name(), case.name);
    }
    Ok(())
}

/// Runs commands on it: what they are given, and that those that do their worst are ended.
fn run_commands(workspace: &Workspace) -> Result<(), Error> {
    let folder = target(workspace).join("commands");
    with_worst(workspace, &folder)?;
    let image = build(workspace, Some(&folder))?;
    for (case, typed) in [(COUNTED, COUNTING), (ENDED, ENDING)] {
        let disk = disk::blank(workspace, "commands.disk", DISK_BYTES)?;
        // So that what waits for a minute is not waited for.
        let machine = Machine { disk: Some(&disk), pace: Some(0), ..SMALL };
        let outcome = converse(workspace, &image, &machine, typed)?;
        if let Some(what) = cases::difference(&case, &outcome.output, outcome.status) {
            let output = outcome.output;
            return Err(Error::new(format!("the appliance: {}: {what}\n{output}", case.name)));
        }
        println!("   ok      {}{}", machine.name(), case.name);
        audit(workspace, &[disk.display().to_string()])?;
        disk::remove(&disk)?;
    }
    Ok(())
}

/// Writes a folder of settings for an appliance that has one command more, which does its worst.
pub(super) fn with_worst(workspace: &Workspace, folder: &Path) -> Result<(), Error> {
    make(folder)?;
    let image = workspace.root().join("sentinel-luperiq/userland/image");
    let from =
        |name: &str| read(image.join(name)).map(|it| String::from_utf8_lossy(&it).into_owned());
    let manifest = from("boot.toml")?.replace("\"bin/wc\"]", "\"bin/wc\", \"bin/worst\"]");
    let manifest = manifest.replace("\"SPAWN:bin/wc\"]", "\"SPAWN:bin/wc\", \"SPAWN:bin/worst\"]");
    connected::write(&folder.join("boot.toml"), &manifest)?;
    connected::write(&folder.join("sentinel.toml"), &from("sentinel.toml")?)
}

/// What it costs: instructions until it can be talked with, and bytes.
pub(super) fn figures(workspace: &Workspace) -> Result<(), Error> {
    let image = build(workspace, None)?;
    let path = target(workspace).join(PROGRAM_TARGET).join(AGENT_PROFILE).join("agent");
    let agent = std::fs::read(&path).map_err(|cause| Error::file("read", &path, &cause))?;
    let bytes = std::fs::metadata(&image).map_or(0, |data| data.len());
    let [text, constants] = image::bytes_of_use(&agent).unwrap_or_default();
    let disk = disk::blank(workspace, "figures.disk", DISK_BYTES)?;
    println!("{:<52} {:>10} {:>10}", "the appliance", "measured", "goal");
    println!("{:<52} {bytes:>10} {:>10}", "bytes of the image", 3 << 20);
    println!("{:<52} {text:>10} {:>10}", "bytes of the agent's text", 1 << 20);
    println!("{:<52} {constants:>10}", "bytes of its constants");
    for what in ["instructions until it is ready, blank disk", "the same, with a log"] {
        let machine = Machine { disk: Some(&disk), pace: Some(0), ..SMALL };
        let outcome = converse(workspace, &image, &machine, LISTED)?;
        let ready = ready_at(&outcome.output)
            .ok_or_else(|| Error::new(format!("it was never ready:\n{}", outcome.output)))?;
        println!("{what:<52} {ready:>10} {:>10}", 60_000_000);
        let memory = memory_of(&outcome.output)?;
        println!("{:<52} {memory:>10} {:>10}", "KiB of memory, a conversation", MEMORY_MAX);
    }
    disk::remove(&disk)
}

/// How many KiB all of a machine had in use at a time, by the kernel's word: its image, its heap,
/// its tables and all programs. More than an appliance may have is an error.
pub(super) fn memory_of(output: &str) -> Result<u64, Error> {
    let said = output.split(MEMORY).nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    match said {
        Some(kilobytes) if kilobytes <= MEMORY_MAX => Ok(kilobytes),
        Some(kilobytes) => Err(Error::new(format!(
            "it had {kilobytes} KiB of memory in use, of {MEMORY_MAX}:\n{output}"
        ))),
        None => Err(Error::new(format!("it does not say `{MEMORY}`:\n{output}"))),
    }
}

/// The machine for an appliance, which needs no more memory.
pub(super) const SMALL: Machine<'_> =
    Machine { memory: (MEMORY_MAX / 1024) as u32, ..Machine::new("") };

/// What kernel, programs and a conversation may have in memory, in KiB.
pub(super) const MEMORY_MAX: u64 = 24 * 1024;

/// What the kernel says at the end.
const MEMORY: &str = "memory: ";

/// Builds the image, and says where it is.
pub(super) fn build(workspace: &Workspace, own: Option<&Path>) -> Result<PathBuf, Error> {
    let name = if own.is_some() { "sentinel-connected.img" } else { "sentinel-virt.img" };
    let path = target(workspace).join(name);
    write(&path, &parts(workspace, own)?.image()?, own.is_some())?;
    Ok(path)
}

/// The same, with a kernel that ends a program at moments that follow from a seed, if its words say
/// so. Nobody is given such an image.
pub(super) fn build_deadly(workspace: &Workspace, own: &Path) -> Result<PathBuf, Error> {
    let mut parts = parts(workspace, Some(own))?;
    let kernel = ["-p", "luperiq-kernel", "--features", "selftest"];
    parts.kernel = read(compile(workspace, KERNEL_TARGET, &kernel)?.join("luperiq-kernel"))?;
    let path = target(workspace).join("sentinel-deadly.img");
    write(&path, &parts.image()?, true)?;
    Ok(path)
}

/// What an image is made of.
pub(super) struct Parts {
    pub(super) kernel: Vec<u8>,
    /// Everything behind it, by name.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

impl Parts {
    /// The image as a bootloader takes it.
    pub(super) fn image(&self) -> Result<Vec<u8>, Error> {
        image::make(&self.kernel, &self.files)
    }
}

/// Builds what an image is made of, which is nothing but what it needs. A folder of one's own has a
/// `boot.toml` and a `sentinel.toml` in place of those that are there, and in `tls` keys and
/// authorities; then the programs of the network are in the image too; and in `skills` skills.
/// Commands and skills of the project are in it that the manifest names.
pub(super) fn parts(workspace: &Workspace, own: Option<&Path>) -> Result<Parts, Error> {
    let kernel = compile(workspace, KERNEL_TARGET, &["-p", "luperiq-kernel"])?;
    let kernel = read(kernel.join("luperiq-kernel"))?;
    let init = compile(workspace, PROGRAM_TARGET, &["-p", "luperiq-programs", "--bin", "init"])?;
    let agent = ["-p", "luperiq-userland", "--bin", "agent"];
    let agent = compile_as(workspace, AGENT_PROFILE, PROGRAM_TARGET, &agent)?;
    let folder = workspace.root().join("sentinel-luperiq/userland/image");
    let chosen = own.unwrap_or(&folder);
    let mut files = vec![
        ("bin/agent".to_string(), read(agent.join("agent"))?),
        ("bin/init".to_string(), read(init.join("init"))?),
        ("boot.toml".to_string(), read(chosen.join("boot.toml"))?),
        ("etc/sentinel.toml".to_string(), read(chosen.join("sentinel.toml"))?),
    ];
    take(&folder.join("welcome"), "welcome", &mut files)?;
    if let Some(own) = own
        && own.join("skills").is_dir()
    {
        take(&own.join("skills"), "skills", &mut files)?;
    }
    let manifest = read(chosen.join("boot.toml"))?;
    let manifest = String::from_utf8_lossy(&manifest).into_owned();
    // What the manifest does not name nobody can start.
    let commands = COMMANDS.iter().filter(|name| manifest.contains(&format!("\"bin/{name}\"")));
    let commands: Vec<&str> = commands.copied().collect();
    if !commands.is_empty() {
        let bins = commands.iter().flat_map(|name| ["--bin", name]);
        let packages: Vec<&str> = ["-p", "luperiq-programs"].into_iter().chain(bins).collect();
        let compiled = compile(workspace, PROGRAM_TARGET, &packages)?;
        for name in commands {
            files.push((format!("bin/{name}"), read(compiled.join(name))?));
        }
    }
    skills::take(workspace, &manifest, &mut files)?;
    if manifest.contains("\"bin/tls\"") {
        let network = ["-p", "luperiq-network", "--bin", "network"];
        let network = compile(workspace, PROGRAM_TARGET, &network)?;
        files.push(("bin/network".into(), read(network.join("network"))?));
        files.push(("bin/tls".into(), read(tls(workspace)?)?));
        if manifest.contains("\"bin/download\"") {
            let download = ["-p", "luperiq-tls", "--bin", "download"];
            let download = compile(workspace, PROGRAM_TARGET, &download)?;
            files.push(("bin/download".into(), read(download.join("download"))?));
        }
        files.push(("tls/built".into(), built(workspace)?.into_bytes()));
        take(&chosen.join("tls"), "tls", &mut files)?;
    }
    // Directories of the archive are read from names that stand in order.
    files.sort();
    Ok(Parts { kernel, files })
}

/// Writes a file anew. With a folder of one's own there are keys in it, which nobody else is to
/// read.
pub(super) fn write(path: &Path, content: &[u8], is_secret: bool) -> Result<(), Error> {
    let mode = if is_secret { 0o600 } else { 0o644 };
    let written = match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new().write(true).create_new(true).mode(mode).open(path),
    };
    written
        .and_then(|mut file| file.write_all(content))
        .map_err(|cause| Error::file("write", path, &cause))
}

/// Builds the program that speaks TLS, and says where it is.
pub(super) fn tls(workspace: &Workspace) -> Result<PathBuf, Error> {
    let tls = ["-p", "luperiq-tls", "--bin", "tls"];
    Ok(compile_as(workspace, AGENT_PROFILE, PROGRAM_TARGET, &tls)?.join("tls"))
}

/// The moment that no clock of this image stands before, in seconds: that of the last commit, so
/// that the same sources are the same image; or what the builder of a package says.
fn built(workspace: &Workspace) -> Result<String, Error> {
    if let Ok(said) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(said);
    }
    workspace.process("git").args(["log", "-1", "--format=%ct"]).output()
}

/// The files beneath a folder, by their names in the archive.
fn take(folder: &Path, name: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), Error> {
    let listed = |cause: &std::io::Error| Error::file("list", folder, cause);
    for entry in std::fs::read_dir(folder).map_err(|cause| listed(&cause))? {
        let path = entry.map_err(|cause| listed(&cause))?.path();
        let own = path.file_name().unwrap_or_default();
        let name = format!("{name}/{}", own.display());
        match path.is_dir() {
            true => take(&path, &name, files)?,
            false => files.push((name, read(path)?)),
        }
    }
    Ok(())
}

pub(super) fn read(path: PathBuf) -> Result<Vec<u8>, Error> {
    std::fs::read(&path).map_err(|cause| Error::file("read", &path, &cause))
}

/// The instructions after which the agent could be talked with, by its own word: it says
/// milliseconds, of which one is a million instructions in a machine that counts.
fn ready_at(output: &str) -> Option<u64> {
    let milliseconds = output.split(READY).nth(1)?.split(' ').next()?;
    milliseconds.parse::<u64>().ok().map(|milliseconds| milliseconds * 1_000_000)
}

const FIRST: Case = Case {
    name: "the appliance lists its files, and shows the call, the grant and the record",
    arguments: Cow::Borrowed(""),
    expected: &[
        "A new log is begun.",
        "> list the files here",
        "\"tool\":\"list_directory\"",
        "allowed by: read,list /workspace",
        "recorded: ",
        "the kernel notes 'call ",
        "README.md (",
        "shopping.txt (23 bytes)",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: FORBIDDEN,
    status: 0,
};

const SECOND: Case = Case {
    name: "the appliance goes on with its log after a second start",
    arguments: Cow::Borrowed(""),
    expected: &[
        "the record goes on after ",
        "The log is gone on with after ",
        "allowed by: read,list /workspace",
        "three lemons",
        "Remembered: ",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: FORBIDDEN,
    status: 0,
};

const THIRD: Case = Case {
    name: "handles of the appliance follow an approval, a revocation and a grant",
    arguments: Cow::Borrowed(""),
    expected: &[
        "h0.0  read,list /workspace  (the settings)",
        "h1.0  write /workspace ask  (the settings)",
        "/approve 1",
        "\"tool\":\"write_file\"",
        "allowed by: write /workspace ask",
        "* h1.0: its handle is taken back, ",
        "* h0.0: its handle is taken back, ",
        "* granted: ",
        ": its handle is there",
        "allowed by: read /workspace/shopping.txt",
        "three lemons",
        "read_file was not run: no grant covers it",
        "* granted: ",
        ": its handle is there",
        "\"tool\":\"list_directory\"",
        "tea.txt (4 bytes)",
        "* not done: this machine has no files but those in '/workspace'",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    // The offline model says of itself what it could not do.
    forbidden: &["panic", "fault", "killed", "agent: "],
    status: 0,
};

pub(super) const FORBIDDEN: &[&str] = &["panic", "fault", "killed", "agent: ", "could not"];

const LISTED: &[Line<'_>] = &[Line { after: PROMPT, text: "list the files here\r" }, END];

const READ: &[Line<'_>] = &[
    Line { after: PROMPT, text: "read shopping.txt\r" },
    Line { after: PROMPT, text: "/status\r" },
    END,
];

const COUNTED: Case = Case {
    name: "commands of the appliance see what they name, and nothing else",
    arguments: Cow::Borrowed(""),
    expected: &[
        "\"program\":\"wc\"",
        "allowed by: run /bin/wc",
        "the kernel notes 'call ",
        "23 shopping.txt",
        "\"program\":\"fgrep\"",
        "three lemons",
        "./shopping.txt:three lemons",
        "\"program\":\"/bin/worst\"",
        "FILE_READ:disk=workspace:read: the other end is closed",
        "FILE_WRITE:disk=workspace:write: the other end is closed",
        "FILE_READ:disk=state:read: the other end is closed",
        "SPAWN:bin/wc: the other end is closed",
        "NETWORK:example.com:443: the other end is closed",
        "shopping.txt: there is nothing of that name",
        "../state/seed: the path leads out",
        "run_command was not run: no grant covers it",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "killed", "agent: ", "it is there", "asked for"],
    status: 0,
};

const COUNTING: &[Line<'_>] = &[
    Line { after: PROMPT, text: "run wc shopping.txt\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run fgrep lemons shopping.txt\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run fgrep -r lemons .\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: WORST },
    Line { after: PROMPT, text: "run /bin/worst reach shopping.txt ../state/seed\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run wc /state/seed\r" },
    END,
];

const ENDED: Case = Case {
    name: "commands of the appliance that do their worst are ended",
    arguments: Cow::Borrowed(""),
    expected: &[
        "its time was over after 60 seconds",
        "\"flood\"",
        "xxxxxxxx",
        "the kernel ended it",
        "\"spin\"",
        "Stopped.",
        "\"spin\"",
        "* revoked: 1 grants",
        "stopped: a grant it needs was revoked while it ran",
        "The log is signed: ",
        "init: agent ended with 0",
        cases::NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "agent: "],
    status: 0,
};

const ENDING: &[Line<'_>] = &[
    Line { after: PROMPT, text: WORST },
    Line { after: PROMPT, text: "run /bin/worst wait\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run /bin/worst flood\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run /bin/worst misuse\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run /bin/worst spin\r" },
    Line { after: "kernel notes 'call", text: "/stop\r" },
    Line { after: PROMPT, text: "/clear\r" },
    Line { after: PROMPT, text: "run /bin/worst spin\r" },
    Line { after: "kernel notes 'call", text: "/revoke h9.0\r" },
    END,
];

/// A configuration with this would not be taken; whoever sits at the console may know better.
const WORST: &str = "/grant run /bin/worst any paths\r";

const GRANTED: &[Line<'_>] = &[
    Line { after: PROMPT, text: "/grants\r" },
    Line { after: PROMPT, text: "write \"mint\" to tea.txt\r" },
    Line { after: "/approve 1", text: "/approve 1\r" },
    Line { after: PROMPT, text: "/revoke h0.0\r" },
    Line { after: PROMPT, text: "list the files here\r" },
    Line { after: PROMPT, text: "/grant read /workspace/shopping.txt\r" },
    Line { after: PROMPT, text: "read shopping.txt\r" },
    Line { after: PROMPT, text: "read tea.txt\r" },
    Line { after: PROMPT, text: "/grant read,list /workspace\r" },
    Line { after: PROMPT, text: "list the files here\r" },
    Line { after: PROMPT, text: "/grant read /state\r" },
    END,
];

/// The commands of images, and one for tests that does its worst.
const COMMANDS: &[&str] = &["fgrep", "sort", "wc", "worst"];

/// Small, as the host's release is.
pub(super) const AGENT_PROFILE: &str = "userland";

/// Ctrl-D.
pub(super) const END: Line<'_> = Line { after: PROMPT, text: "\u{4}" };

pub(super) const PROMPT: &str = "\n> ";

const READY: &str = "Ready ";

/// Half of it is for the kernel's record, of which a conversation leaves some kilobytes.
pub(super) const DISK_BYTES: u64 = 256 << 20;
