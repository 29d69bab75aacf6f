//! Which compiler makes the bare-metal image and modules: rustup's with its target, or Debian's.
//!
//! Debian's builds `core` and `alloc` from sources.
//!
//! Where rustup can download, `rustup target add` is all there is to it. Where it cannot, Debian
//! packages a compiler (`rustc-web`, kept recent for browsers) with the sources of its `core` and
//! `alloc`, which are then built once into our target folder.
//!
//! # Invariants
//! - Debian's tools are called by path, because rustup's come first on PATH, and never mixed with
//!   rustup's compiler: its language items differ from the sources.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::apt;
use crate::error::Error;
use crate::process::Process;
use crate::workspace::Workspace;

/// Where a toolchain comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Rustup,
    Debian,
}

/// A toolchain that is ready to build for a target.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The developer's own, with the target installed.
    Rustup { target: &'static str },
    /// Debian's, with this linker.
    Debian { target: &'static str, linker: PathBuf },
}

/// Makes the toolchain ready that was asked for, or else the first that can be made ready.
pub(crate) fn find(
    workspace: &Workspace,
    target: &'static str,
    source: Option<Source>,
) -> Result<Toolchain, Error> {
    match source {
        Some(Source::Rustup) => rustup(workspace, target),
        Some(Source::Debian) => debian(workspace, target),
        None => rustup(workspace, target).or_else(|error| {
            println!("{error}\nso Debian's compiler builds `core` and `alloc` instead");
            debian(workspace, target)
        }),
    }
}

impl Toolchain {
    /// Its cargo, at the root, before any argument.
    pub(crate) fn cargo(&self, workspace: &Workspace) -> Process {
        match self {
            Self::Rustup { .. } => workspace.process("cargo"),
            // `cargo run` put the libraries of rustup's compiler on the loader's path.
            Self::Debian { target, linker } => workspace
                .process(DEBIAN_CARGO)
                .set("RUSTC", DEBIAN_RUSTC)
                .set("RUSTC_BOOTSTRAP", "1")
                .set("RUSTFLAGS", "-Cembed-bitcode=yes")
                .set(&linker_variable(target), linker)
                .unset("LD_LIBRARY_PATH")
                .unset("RUSTUP_TOOLCHAIN")
                .args(["-Zbuild-std=core,alloc"]),
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rustup { target } => write!(formatter, "rustup's target {target}"),
            Self::Debian { linker, .. } => {
                write!(formatter, "Debian's {DEBIAN_RUSTC}, linked by {}", linker.display())
            }
        }
    }
}

/// The developer's compiler, after its target was added where that was missing.
fn rustup(workspace: &Workspace, target: &'static str) -> Result<Toolchain, Error> {
    if !has_target(workspace, target) {
        println!("adding the target {target}");
        workspace
            .process("rustup")
            .args(["target", "add", target])
            .help("`cargo xtask metal --from debian` does without rustup's server")
            .run_for_at_most(DOWNLOAD)?;
        if !has_target(workspace, target) {
            return Err(Error::new(format!("rustc has no {target} after it was added"))
                .help("`rustc` on PATH has to be the one that rustup manages"));
        }
    }
    Ok(Toolchain::Rustup { target })
}

fn has_target(workspace: &Workspace, target: &str) -> bool {
    let folder = ["--print", "target-libdir", "--target", target];
    let folder = workspace.process("rustc").args(folder).output();
    folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// Debian's compiler with its sources, after they were installed where they were missing.
fn debian(workspace: &Workspace, target: &'static str) -> Result<Toolchain, Error> {
    if !has_debian(workspace) {
        apt::install(workspace, &["rustc-web", "cargo-web", "rust-web-src"])?;
        if !has_debian(workspace) {
            return Err(Error::new(format!("{DEBIAN_RUSTC} came without the sources of `core`"))
                .help("apt-get install rust-web-src"));
        }
    }
    Ok(Toolchain::Debian { target, linker: linker(workspace, target)? })
}

fn has_debian(workspace: &Workspace) -> bool {
    let rustc = workspace.process(DEBIAN_RUSTC).args(["--print", "sysroot"]);
    let sysroot = rustc.unset("LD_LIBRARY_PATH").output();
    let sources = |root: String| Path::new(root.trim()).join("lib/rustlib/src/rust/library/core");
    Path::new(DEBIAN_CARGO).is_file() && sysroot.is_ok_and(|root| sources(root).is_dir())
}

/// A linker that knows the target: rustup's, which only reads objects, or else the system's LLD.
fn linker(workspace: &Workspace, target: &str) -> Result<PathBuf, Error> {
    let folder = workspace.process("rustc").args(["--print", "target-libdir"]).output();
    let bundled = folder.ok().and_then(|folder| {
        let folder = Path::new(folder.trim()).parent()?;
        Some(folder.join("bin/rust-lld")).filter(|path| path.is_file())
    });
    if let Some(bundled) = bundled {
        return Ok(bundled);
    }
    let name = if target.starts_with("wasm") { MODULE_LINKER } else { SYSTEM_LINKER };
    let system = workspace.process(name).args(["--version"]);
    if !system.succeeds() {
        apt::install(workspace, &["lld"])?;
    }
    Ok(PathBuf::from(name))
}

/// How cargo is told the linker of a target.
fn linker_variable(target: &str) -> String {
    format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"))
}

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const SYSTEM_LINKER: &str = "ld.lld";
const MODULE_LINKER: &str = "wasm-ld";

/// The target has 70 MB unpacked and takes seconds. Where rustup has no way out it fails as fast;
/// should it hang instead, this is when Debian's turn comes.
const DOWNLOAD: Duration = Duration::from_secs(90);
