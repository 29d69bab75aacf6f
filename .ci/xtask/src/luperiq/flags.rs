//! What the compiler is told for everything that goes into an image.
//!
//! # Invariants
//! - No path of the machine that builds is named in an image. A clone's own files are named as from
//!   its root, those of crates as from where cargo unpacked them.
//!
//! # Not here
//! That a clone's place makes no difference at all: `sentinel-core` lies outside of the workspace
//! of the image, so cargo puts its path into the hashes by which the linker orders functions.

use std::path::PathBuf;

use crate::error::Error;
use crate::workspace::Workspace;

/// For the kernel and its programs: what the toolchain of Debian is told as well; and hashes
/// without the vectors that the kernel's target has not, in few bytes: a core with instructions for
/// it does not need them.
pub(super) fn of_programs(workspace: &Workspace) -> Result<String, Error> {
    flags(workspace, &PROGRAMS)
}

/// The kernel is told besides that a word may be read wherever it stands. Its target never reads
/// one that is not aligned, for code that runs before the MMU does; none of the kernel's does, what
/// it would read by the byte is memory, and a twentieth of its text was that. The compiler calls
/// the feature by which that is said unstable, once for each crate, and is told not to; `clippy`
/// warns of everything else.
pub(super) fn of_kernel(workspace: &Workspace) -> Result<String, Error> {
    let [embed, first, soft, second, compact] = PROGRAMS;
    let aligned = "-Ctarget-feature=-strict-align";
    flags(workspace, &[embed, first, soft, second, compact, aligned, "-Awarnings"])
}

/// What has to be small (the agent, and what interprets modules) is told besides that a word may be
/// read wherever it stands, as the kernel is, which lets it; and what makes the host's release
/// small, see `.cargo/config.toml` and `dist`.
pub(super) fn of_small(workspace: &Workspace) -> Result<String, Error> {
    flags(workspace, &[&PROGRAMS[..], &SMALL].concat())
}

/// For what needs the core's instructions to hash: it has them wherever this is called, so nothing
/// else is compiled in; and as the kernel, it reads the record where it stands.
pub(super) fn of_hash(workspace: &Workspace) -> Result<String, Error> {
    flags(workspace, &[EMBED, "-Ctarget-feature=+sha2,-strict-align", "-Awarnings"])
}

fn flags(workspace: &Workspace, own: &[&str]) -> Result<String, Error> {
    let mut flags: Vec<String> = own.iter().map(ToString::to_string).collect();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME")?;
        Some(PathBuf::from(home).join(".cargo"))
    });
    let home = home.ok_or_else(|| Error::new("neither CARGO_HOME nor HOME is set"))?;
    // Of several that fit, the last counts: crates may be unpacked inside the clone.
    let mut places = vec![format!("{}/", workspace.root().display())];
    let registries = std::fs::read_dir(home.join("registry/src")).into_iter().flatten().flatten();
    places.extend(registries.map(|registry| format!("{}/", registry.path().display())));
    places.sort_unstable();
    flags.extend(places.into_iter().map(|place| format!("--remap-path-prefix={place}=")));
    Ok(flags.join(SEPARATOR))
}

/// What cargo takes between two flags, so that a path may have a space in it.
const SEPARATOR: &str = "\u{1f}";

const EMBED: &str = "-Cembed-bitcode=yes";

const SMALL: [&str; 9] = [
    "-Ctarget-feature=-strict-align",
    "-Awarnings",
    // Nobody walks the stack.
    "-Cforce-unwind-tables=no",
    "-Clink-arg=--no-eh-frame-hdr",
    "-Cllvm-args=-enable-global-merge-func",
    "-Cllvm-args=-tail-merge-threshold=2000",
    "-Cllvm-args=-tail-merge-size=2",
    "-Cllvm-args=-inline-max-stacksize=256",
    // What functions have in common is written once; what is left may have more in common.
    "-Cllvm-args=-machine-outliner-reruns=5",
];

const PROGRAMS: [&str; 5] =
    [EMBED, "--cfg", "sha2_backend=\"soft\"", "--cfg", "sha2_backend_soft=\"compact\""];
