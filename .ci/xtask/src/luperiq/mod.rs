//! `cargo xtask luperiq`: builds the kernel with its programs, boots it, tests it.
//!
//! # Invariants
//! - Every test is a fresh boot; what it printed and how it ended are both compared.
//! - Where the emulator cannot be had the step of `check` is skipped and says so.

mod cases;
mod image;
mod qemu;

use std::path::PathBuf;

use crate::check::Outcome;
use crate::error::Error;
use crate::metal::toolchain;
use crate::similar;
use crate::workspace::Workspace;
use cases::Case;
use qemu::Machine;

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
        ("test", []) => emulator(workspace).and_then(|()| test(workspace)),
        ("build" | "test", [extra, ..]) => {
            Err(Error::new(format!("`{extra}` means nothing to `luperiq {name}`")))
        }
        _ => Err(similar::unknown("command", name, ["build", "run", "test"], "cargo xtask help")),
    }
}

/// The step of `check`.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Error> {
    let clippy = ["clippy", "--manifest-path", MANIFEST, "--target", KERNEL_TARGET];
    toolchain::find(workspace, KERNEL_TARGET, None)?
        .cargo(workspace)
        .args(clippy)
        .args(["-p", "luperiq-kernel", "--all-features", "--target-dir"])
        .args([target(workspace)])
        .args(["--", "-D", "warnings"])
        .run()?;
    match qemu::missing(workspace) {
        Some(reason) => Ok(Outcome::Skip(reason)),
        None => test(workspace).map(|()| Outcome::Pass),
    }
}

/// Boots the image for a person: the serial line is the terminal.
fn boot(workspace: &Workspace, arguments: &str) -> Result<(), Error> {
    emulator(workspace)?;
    let image = build(workspace, Kind::Plain)?;
    let machine = Machine { has_hypervisor: false, is_counted: false, arguments };
    let mut command = machine.process(workspace, &image).args(["-display", "none"]).command();
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
    match failed {
        0 => Ok(()),
        failed => Err(Error::new(format!("{failed} boots did not go as they should"))),
    }
}

/// Boots once and prints how it went, with everything the machine said if it went wrong.
fn is_well(
    workspace: &Workspace,
    image: &std::path::Path,
    case: &Case,
    has_hypervisor: bool,
) -> Result<bool, Error> {
    let machine = Machine { has_hypervisor, is_counted: false, arguments: case.arguments };
    let outcome = machine.boot(workspace, image)?;
    let level = if has_hypervisor { "EL2" } else { "EL1" };
    match cases::difference(case, &outcome.output, outcome.status) {
        None => println!("   ok      {level}  {}", case.name),
        Some(what) => {
            println!("   FAILED  {level}  {}: {what}\n{}", case.name, outcome.output);
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
}

/// Builds an image and says where it is.
fn build(workspace: &Workspace, kind: Kind) -> Result<PathBuf, Error> {
    let toolchain = toolchain::find(workspace, KERNEL_TARGET, None)?;
    let (features, name) = match kind {
        Kind::Plain => ("", "luperiq.img"),
        Kind::Selftest => ("selftest", "luperiq-selftest.img"),
    };
    let target = target(workspace);
    toolchain
        .cargo(workspace)
        .args(["build", "--release", "--locked", "--target", KERNEL_TARGET])
        .args(["--manifest-path", MANIFEST, "-p", "luperiq-kernel", "--features", features])
        .args(["--target-dir".into(), target.clone()])
        .run()?;
    let elf = target.join(KERNEL_TARGET).join("release/luperiq-kernel");
    let elf = std::fs::read(&elf).map_err(|cause| Error::file("read", &elf, &cause))?;
    let image = image::make(&elf, &[])?;
    let path = target.join(name);
    std::fs::write(&path, image).map_err(|cause| Error::file("write", &path, &cause))?;
    Ok(path)
}

fn target(workspace: &Workspace) -> PathBuf {
    workspace.target().join("luperiq")
}

/// Without vector registers, so that a system call leaves the program's where they are.
const KERNEL_TARGET: &str = "aarch64-unknown-none-softfloat";
