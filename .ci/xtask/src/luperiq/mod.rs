//! `cargo xtask luperiq`: builds the kernel with its programs, boots it, tests it.
//!
//! # Invariants
//! - Every test is a fresh boot; what it printed and how it ended are both compared.
//! - Where the emulator cannot be had the step of `check` is skipped and says so.

mod appliance;
mod cable;
mod card;
mod cases;
mod connected;
mod converse;
mod cuts;
mod disk;
mod fat;
mod figures;
mod flags;
mod given;
mod image;
mod kills;
mod light;
mod log;
mod network;
mod platform;
mod qemu;
mod random;
mod raspi4b;
mod shell;
mod skills;
mod soak;
mod tree;
mod unsafe_code;
mod zcu102;

use std::path::{Path, PathBuf};

use crate::check::Outcome;
use crate::error::Error;
use crate::metal::toolchain;
use crate::similar;
use crate::workspace::Workspace;
use cases::Case;
use qemu::{Board, Machine};

/// A workspace of its own: nothing in it runs on the host but its tests.
pub(crate) const MANIFEST: &str = "sentinel-luperiq/Cargo.toml";

pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<(), Error> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("test", arguments),
    };
    match (name, rest) {
        ("build", []) => {
            println!("{}", build(workspace, Kind::Plain)?.display());
            Ok(())
        }
        ("run", words) => boot(workspace, &words.join(" ")),
        ("log", words) => {
            emulator(workspace).and_then(|()| log::attach(workspace, &words.join(" ")))
        }
        ("frames", []) => emulator(workspace).and_then(|()| well(log::run(workspace)?)),
        ("test", []) => emulator(workspace).and_then(|()| test(workspace)),
        ("figures", []) => {
            emulator(workspace)?;
            let image = build(workspace, Kind::Plain)?;
            figures::run(workspace, &image, &kernel(workspace))?;
            figures::of_frames(log::constant_bytes(workspace)?);
            appliance::figures(workspace)?;
            connected::figures(workspace)
        }
        ("figures", [what]) if what == "appliance" => {
            emulator(workspace).and_then(|()| appliance::figures(workspace))
        }
        ("figures", [what]) if what == "connected" => {
            emulator(workspace).and_then(|()| connected::figures(workspace))
        }
        ("figures", [what]) if what == "download" => {
            emulator(workspace).and_then(|()| connected::download_alone(workspace))
        }
        ("talk", words @ ([] | [_] | [_, _])) => {
            emulator(workspace)?;
            let mut paths = words.iter().map(Path::new);
            appliance::talk(workspace, paths.next(), paths.next())
        }
        ("talk", _) => Err(Error::new(
            "`luperiq talk` takes a disk's image, and a folder with boot.toml, sentinel.toml and \
             tls; or nothing",
        )),
        ("connected", []) => emulator(workspace).and_then(|()| connected::run(workspace)),
        ("platform", []) => emulator(workspace).and_then(|()| platform::run(workspace)),
        ("skills", []) => emulator(workspace).and_then(|()| skills::run(workspace)),
        ("lent", []) => emulator(workspace).and_then(|()| {
            let image = build(workspace, Kind::Plain)?;
            match lends(workspace, &image)? {
                true => Ok(()),
                false => Err(Error::new("what was lent was not taken back as it should")),
            }
        }),
        ("appliance", []) => emulator(workspace).and_then(|()| appliance::run(workspace)),
        ("audit", [_, ..]) => appliance::audit(workspace, rest),
        ("audit", []) => Err(Error::new(
            "`luperiq audit` takes a disk's image, and a directory for the log if it is wanted",
        )),
        ("kills", [seed, count, who @ ..]) if who.len() < 2 => {
            emulator(workspace)?;
            let who = who.first().map(String::as_str);
            kills::run(workspace, number(seed)?, number(count)?, who)
        }
        ("soak", [minutes]) => {
            emulator(workspace)?;
            soak::run(workspace, number(minutes)?)
        }
        ("soak", _) => Err(Error::new("`luperiq soak` takes how many minutes the agent works")),
        ("kills", _) => Err(Error::new(format!(
            "`luperiq kills` takes a seed, how often, and who, if it is not everybody: {}",
            kills::WHO.join(", ")
        ))),
        ("random", [seed, thousands]) => {
            emulator(workspace)?;
            let image = build(workspace, Kind::Plain)?;
            random::run(workspace, &image, number(seed)?, number(thousands)?)
        }
        ("network", [kilobytes]) => {
            emulator(workspace)?;
            network::run(workspace, number(kilobytes)?)
        }
        ("network", _) => Err(Error::new("`luperiq network` takes how many kilobytes go each way")),
        ("shell", []) => {
            emulator(workspace)?;
            shell::run(workspace, &build(workspace, Kind::Plain)?)
        }
        ("raspi4b", []) => {
            emulator(workspace)?;
            let plain = build(workspace, Kind::Plain)?;
            let selftest = build(workspace, Kind::Selftest)?;
            well(raspi4b::run(workspace, &plain, &selftest)?)
        }
        ("image", words) => given::command(workspace, words),
        ("unsafe", []) => unsafe_code::report(workspace),
        ("cuts", [count, words @ ..]) => {
            emulator(workspace)?;
            let image = build(workspace, Kind::Plain)?;
            let (tree, seed) = match words {
                [] => (None, None),
                [board] if board == "zcu102" => (Some(zcu102::tree(workspace)?), None),
                [seed] => (None, Some(number(seed)?)),
                [board, seed] if board == "zcu102" => {
                    (Some(zcu102::tree(workspace)?), Some(number(seed)?))
                }
                _ => return Err(Error::new(CUTS_TAKES)),
            };
            let board = tree.as_deref().map_or(Board::Virt, Board::Zcu102);
            let machine = Machine { board, ..Machine::new("") };
            cuts::run(workspace, &image, machine, number(count)?, seed)
        }
        ("record", [disk]) => record(workspace, disk.as_ref(), None),
        ("record", [disk, out]) => record(workspace, disk.as_ref(), Some(out.as_ref())),
        ("cuts", []) => Err(Error::new(CUTS_TAKES)),
        ("record", _) => {
            Err(Error::new("`luperiq record` takes a disk's image and a file for the record"))
        }
        ("random", _) => {
            Err(Error::new("`luperiq random` takes a seed and how many thousand calls"))
        }
        (
            "build" | "test" | "figures" | "raspi4b" | "shell" | "unsafe" | "appliance"
            | "connected" | "platform" | "skills" | "lent" | "frames",
            [extra, ..],
        ) => Err(Error::new(format!("`{extra}` means nothing to `luperiq {name}`"))),
        _ => Err(similar::unknown("command", name, COMMANDS, "cargo xtask help")),
    }
}

const COMMANDS: [&str; 23] = [
    "build",
    "run",
    "log",
    "frames",
    "test",
    "random",
    "cuts",
    "network",
    "record",
    "figures",
    "kills",
    "soak",
    "image",
    "raspi4b",
    "shell",
    "unsafe",
    "talk",
    "appliance",
    "connected",
    "platform",
    "skills",
    "lent",
    "audit",
];

/// Checks the record on a disk, and takes it out if somebody wants it.
fn record(workspace: &Workspace, disk: &Path, out: Option<&Path>) -> Result<(), Error> {
    workspace
        .cargo(["run", "--quiet", "--manifest-path", MANIFEST])
        .args(["-p", "luperiq-policy", "--example", "record"])
        .args(["--target-dir".into(), target(workspace), "--".into(), disk.into()])
        .args(out)
        .run()
}

fn number(word: &str) -> Result<u64, Error> {
    word.parse().map_err(|_| Error::new(format!("`{word}` is no number")))
}

/// The step of `check`.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Error> {
    unsafe_code::check(workspace)?;
    workspace
        .cargo(["test", "--quiet", "--manifest-path", MANIFEST])
        .args(["-p", "luperiq-abi", "-p", "luperiq-formats", "-p", "luperiq-policy"])
        .args(["-p", "luperiq-runtime", "-p", "luperiq-programs", "-p", "luperiq-store"])
        .args(["-p", "luperiq-virtio", "-p", "luperiq-network", "-p", "luperiq-userland"])
        .args(["-p", "luperiq-exchange", "-p", "luperiq-tls", "-p", "luperiq-cadence"])
        .args(["-p", "luperiq-broadcom", "-p", "luperiq-sdhci", "-p", "luperiq-skills"])
        .args(["--target-dir".into(), target(workspace)])
        .run()?;
    let clippy = ["clippy", "--manifest-path", MANIFEST, "--target", KERNEL_TARGET];
    // What is said is written in two ways, of which one is compiled.
    for features in ["selftest", "selftest,defmt"] {
        toolchain::find(workspace, KERNEL_TARGET, None)?
            .cargo(workspace)
            .set("CARGO_ENCODED_RUSTFLAGS", flags::of_programs(workspace)?)
            .args(clippy)
            .args(["-p", "luperiq-kernel", "--features", features, "--target-dir"])
            .args([target(workspace)])
            .args(["--", "-D", "warnings"])
            .run()?;
    }
    match qemu::missing(workspace) {
        Some(reason) => Ok(Outcome::Skip(reason)),
        None => test(workspace).map(|()| Outcome::Pass),
    }
}

/// Boots the image for a person: the serial line is the terminal.
fn boot(workspace: &Workspace, arguments: &str) -> Result<(), Error> {
    emulator(workspace)?;
    let image = build(workspace, Kind::Plain)?;
    attach(workspace, &image, &Machine::new(arguments))
}

/// Boots an image with this terminal for its serial line.
fn attach(workspace: &Workspace, image: &Path, machine: &Machine<'_>) -> Result<(), Error> {
    let mut command = machine.process(workspace, image).args(["-display", "none"]).command();
    let status = command.stdin(std::process::Stdio::inherit()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::new(format!("the machine ended with {status}"))),
        Err(cause) => Err(Error::new(format!("cannot start the machine: {cause}"))),
    }
}

fn emulator(workspace: &Workspace) -> Result<(), Error> {
    qemu::missing(workspace).map_or(Ok(()), |reason| Err(Error::new(reason)))
}

fn test(workspace: &Workspace) -> Result<(), Error> {
    let plain = build(workspace, Kind::Plain)?;
    let selftest = build(workspace, Kind::Selftest)?;
    let mut failed = 0;
    for (image, cases) in [(&plain, cases::BOOTS), (&selftest, cases::SELFTESTS)] {
        for case in cases {
            for has_hypervisor in [false, true] {
                failed += usize::from(!is_well(workspace, image, case, has_hypervisor)?);
            }
        }
    }
    for probe in cases::PROBES {
        failed += usize::from(!is_well(workspace, &plain, &probe.case(), false)?);
    }
    let tree = zcu102::tree(workspace)?;
    for case in cases::BOOTS {
        for has_hypervisor in [false, true] {
            let board = Board::Zcu102(&tree);
            let machine = Machine { board, has_hypervisor, ..Machine::new("") };
            failed += usize::from(!is_well_on(workspace, &plain, case, machine)?);
        }
    }
    let zcu102 = Machine { board: Board::Zcu102(&tree), ..Machine::new("") };
    failed += fail_on_card(workspace, &selftest, zcu102)?;
    cuts::run(workspace, &plain, zcu102, CUTS_OF_CARD, None)?;
    failed += raspi4b::run(workspace, &plain, &selftest)?;
    for case in cases::FAILING {
        for has_hypervisor in [false, true] {
            let disk = disk::blank(workspace, "failing.disk", FAILING_BYTES)?;
            let machine = Machine { disk: Some(&disk), has_hypervisor, ..Machine::new("") };
            failed += usize::from(!is_well_on(workspace, &selftest, case, machine)?);
            record(workspace, &disk, None)?;
            disk::remove(&disk)?;
        }
    }
    failed += usize::from(!lends(workspace, &plain)?);
    failed += log::run(workspace)?;
    shell::run(workspace, &plain)?;
    appliance::run(workspace)?;
    connected::run(workspace)?;
    platform::run(workspace)?;
    let (seed, thousands) = random::asked()?;
    kills::run(workspace, seed, KILLS, None)?;
    soak::run(workspace, SOAKED)?;
    network::run(workspace, KILOBYTES)?;
    random::run(workspace, &plain, seed, thousands)?;
    cuts::run(workspace, &plain, Machine::new(""), CUTS, None)?;
    well(failed)
}

/// The kernel fails while it serves a call, on a machine with an SD card: how many boots did not go
/// as they should.
fn fail_on_card(
    workspace: &Workspace,
    selftest: &Path,
    machine: Machine<'_>,
) -> Result<usize, Error> {
    let mut failed = 0;
    for case in cases::FAILING {
        let card = card::blank(workspace, "failing.card", FAILING_BYTES)?;
        let machine = Machine { disk: Some(&card), ..machine };
        failed += usize::from(!is_well_on(workspace, selftest, case, machine)?);
        record_of(workspace, &machine, &card)?;
        disk::remove(&card)?;
    }
    Ok(failed)
}

/// Checks the record on what a machine has for a disk.
fn record_of(workspace: &Workspace, machine: &Machine<'_>, path: &Path) -> Result<(), Error> {
    if !machine.has_card() {
        return record(workspace, path, None);
    }
    let data = card::data(workspace, path)?;
    record(workspace, &data, None)?;
    disk::remove(&data)
}

/// Whether every boot went as it should.
fn well(failed: usize) -> Result<(), Error> {
    match failed {
        0 => Ok(()),
        failed => Err(Error::new(format!("{failed} boots did not go as they should"))),
    }
}

/// What init lends of a disk, and takes back; the record on the disk has to verify then.
fn lends(workspace: &Workspace, image: &Path) -> Result<bool, Error> {
    let disk = disk::blank(workspace, "lent.disk", FAILING_BYTES)?;
    let machine = Machine { disk: Some(&disk), ..Machine::new("") };
    let is_well = is_well_on(workspace, image, &cases::LENT, machine)?;
    record(workspace, &disk, None)?;
    disk::remove(&disk)?;
    Ok(is_well)
}

/// Boots once and prints how it went, with everything the machine said if it went wrong.
fn is_well(
    workspace: &Workspace,
    image: &Path,
    case: &Case,
    has_hypervisor: bool,
) -> Result<bool, Error> {
    is_well_on(workspace, image, case, Machine { has_hypervisor, ..Machine::new("") })
}

/// The same, on a machine that has more.
fn is_well_on(
    workspace: &Workspace,
    image: &Path,
    case: &Case,
    machine: Machine<'_>,
) -> Result<bool, Error> {
    let machine = Machine { arguments: &case.arguments, ..machine };
    let outcome = machine.boot(workspace, image)?;
    let board = machine.name();
    match cases::difference(case, &outcome.output, outcome.status) {
        None => println!("   ok      {board}{}", case.name),
        Some(what) => {
            println!("   FAILED  {board}{}: {what}\n{}", case.name, outcome.output);
            return Ok(false);
        }
    }
    Ok(true)
}

/// Which image.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    /// With the kernel's attacks on itself.
    Selftest,
    /// With the kernel's attacks on itself, and with what it says as frames of defmt.
    Framed,
}

/// Builds an image and says where it is.
fn build(workspace: &Workspace, kind: Kind) -> Result<PathBuf, Error> {
    build_with(workspace, kind, None)
}

/// Builds an image with one more file in its archive.
fn build_with(
    workspace: &Workspace,
    kind: Kind,
    file: Option<(&str, String)>,
) -> Result<PathBuf, Error> {
    let (features, name) = match kind {
        Kind::Plain => ("", "luperiq.img"),
        Kind::Selftest => ("selftest", "luperiq-selftest.img"),
        Kind::Framed => ("selftest,defmt", "luperiq-framed.img"),
    };
    let kernel = build_kernel(workspace, features)?;
    let mut files = programs(workspace)?;
    let name = if file.is_some() { "luperiq-more.img" } else { name };
    files.extend(file.map(|(name, text)| (name.to_string(), text.into_bytes())));
    let image = image::make(&kernel, &files)?;
    let path = target(workspace).join(name);
    std::fs::write(&path, image).map_err(|cause| Error::file("write", &path, &cause))?;
    Ok(path)
}

/// Builds a kernel and reads it.
fn build_kernel(workspace: &Workspace, features: &str) -> Result<Vec<u8>, Error> {
    let kernel = ["-p", "luperiq-kernel", "--features", features];
    read(&compile(workspace, KERNEL_TARGET, &kernel)?.join("luperiq-kernel"))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|cause| Error::file("read", path, &cause))
}

/// Builds every program and reads it, by its name in the archive.
fn programs(workspace: &Workspace) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut programs = Vec::new();
    let folder = compile(workspace, PROGRAM_TARGET, &["-p", "luperiq-probes"])?;
    for probe in cases::PROBES {
        programs.push((format!("probe/{}", probe.program), read(&folder.join(probe.program))?));
    }
    let packages = ["-p", "luperiq-programs", "-p", "luperiq-network", "--bins"];
    let folder = compile(workspace, PROGRAM_TARGET, &packages)?;
    for name in PROGRAMS {
        programs.push((format!("bin/{name}"), read(&folder.join(name))?));
    }
    for name in ["boot.toml", "borrower.toml", "checks.toml"] {
        let path = workspace.root().join("sentinel-luperiq/programs").join(name);
        programs.push((name.into(), read(&path)?));
    }
    Ok(programs)
}

/// Builds packages for a target and says where they are.
fn compile(
    workspace: &Workspace,
    machine: &'static str,
    packages: &[&str],
) -> Result<PathBuf, Error> {
    compile_as(workspace, "release", machine, packages)
}

/// The same, by one of the profiles.
fn compile_as(
    workspace: &Workspace,
    profile: &str,
    machine: &'static str,
    packages: &[&str],
) -> Result<PathBuf, Error> {
    let target = target(workspace);
    let hash = if machine == KERNEL_TARGET { Some(hash(workspace)?) } else { None };
    let cargo = toolchain::find(workspace, machine, None)?.cargo(workspace);
    let cargo = match &hash {
        Some(hash) => {
            let flags = flags::of_kernel(workspace)?;
            cargo.set("LUPERIQ_HASH", hash).set("CARGO_ENCODED_RUSTFLAGS", flags)
        }
        // What speaks TLS is small enough as it is.
        None if profile == appliance::AGENT_PROFILE && !packages.contains(&"luperiq-tls") => {
            cargo.set("CARGO_ENCODED_RUSTFLAGS", flags::of_small(workspace)?)
        }
        None => cargo.set("CARGO_ENCODED_RUSTFLAGS", flags::of_programs(workspace)?),
    };
    cargo
        .args(["build", "--profile", profile, "--locked", "--quiet", "--target", machine])
        .args(["--manifest-path", MANIFEST])
        .args(packages.iter().copied())
        .args(["--target-dir".into(), target.clone()])
        .run()?;
    Ok(target.join(machine).join(profile))
}

/// Builds what of the kernel needs vectors, and says where it is. Its flags are its own, so it has
/// a folder of its own: else everything would be built anew each time.
fn hash(workspace: &Workspace) -> Result<PathBuf, Error> {
    let target = target(workspace).join("hash");
    toolchain::find(workspace, PROGRAM_TARGET, None)?
        .cargo(workspace)
        .set("CARGO_ENCODED_RUSTFLAGS", flags::of_hash(workspace)?)
        .args(["build", "--release", "--locked", "--quiet", "--target", PROGRAM_TARGET])
        .args(["--manifest-path", MANIFEST, "-p", "luperiq-hash"])
        // It is two kilobytes, and every byte of the record goes through it.
        .args(["--config", "profile.release.package.sha2.opt-level=3"])
        .args(["--target-dir".into(), target.clone()])
        .run()?;
    Ok(target.join(PROGRAM_TARGET).join("release/libluperiq_hash.a"))
}

/// Where the kernel that was built last is.
fn kernel(workspace: &Workspace) -> PathBuf {
    target(workspace).join(KERNEL_TARGET).join("release/luperiq-kernel")
}

fn target(workspace: &Workspace) -> PathBuf {
    workspace.target().join("luperiq")
}

const CUTS_TAKES: &str =
    "`luperiq cuts` takes how often the power is cut, zcu102 for an SD card, and a seed";

/// How often the power is cut in each check; a change of the store needs `luperiq cuts 300`.
const CUTS: u64 = 12;

/// How many minutes of its own time the agent works in each check; a change of what is kept needs
/// `luperiq soak 120`.
const SOAKED: u64 = 8;

/// How often each program is ended in each check; a change of how one ends needs `luperiq kills
/// SEED 100`.
const KILLS: u64 = 3;

/// The same on a card, whose driver this is for: a change of it needs `luperiq cuts 100 zcu102`.
const CUTS_OF_CARD: u64 = 6;

/// A disk for the record of a machine that fails at once.
const FAILING_BYTES: u64 = 16 << 20;

/// How many kilobytes go each way over the network in each check: ten megabytes.
const KILOBYTES: u64 = 10 * 1024;

/// Without vector registers, so that a system call leaves the program's where they are.
const KERNEL_TARGET: &str = "aarch64-unknown-none-softfloat";

/// The programs of `luperiq-programs` and `luperiq-network`, which stand in the archive's `bin`.
const PROGRAMS: &[&str] = &[
    "attack", "attacks", "borrower", "checks", "init", "network", "ports", "random", "reach",
    "record", "shell", "writer",
];

/// For programs, which may use vector registers.
const PROGRAM_TARGET: &str = "aarch64-unknown-none";
