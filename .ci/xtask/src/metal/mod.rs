//! `cargo xtask metal`: the core runs where there is no operating system, and a skill where there
//! is no allocator either.
//!
//! Compiling a library shows little: a missing symbol only shows when a final image is linked. So
//! `.ci/metal-proof` is linked against the core, `.ci/skill-proof` against the contract of skills,
//! and their symbols are read afterwards.
//!
//! # Invariants
//! - The image has code in it and no symbol is left undefined.
//! - The compiler and the sources of `core` and `alloc` always come from the same place.

pub(crate) mod elf;
pub(crate) mod sizes;
pub(crate) mod toolchain;

use std::path::PathBuf;

use crate::check::Outcome;
use crate::error::Error;
use crate::similar;
use crate::workspace::Workspace;
use elf::Image;
use toolchain::Source;

/// An image, which is a workspace of its own: the host's checks never see a `no_main` program.
struct Proof {
    manifest: &'static str,
    /// Below the folder of the target.
    image: &'static str,
    /// What it may use, and nothing else.
    allowed: &'static str,
}

/// Those of the images.
pub(crate) const MANIFESTS: [&str; 2] = [CORE.manifest, SKILL.manifest];

/// The core.
const CORE: Proof = Proof {
    manifest: ".ci/metal-proof/Cargo.toml",
    image: "release/metal-proof",
    allowed: "the core may only use `core` and `alloc`",
};

/// The word counter of the examples with the contract's crate, in an image without an allocator.
const SKILL: Proof = Proof {
    manifest: ".ci/skill-proof/Cargo.toml",
    image: "release/skill-proof",
    allowed: "a skill may only use `core`",
};

pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<(), Error> {
    match arguments.split_first() {
        Some((flag, rest)) if flag == "--sizes" => sizes::run(workspace, source(rest)?),
        _ => link(workspace, source(arguments)?),
    }
}

/// The step of `check`.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Error> {
    link(workspace, None).map(|()| Outcome::Pass)
}

/// Links both images, with the toolchain asked for or else with the first that can be had.
///
/// What is linked is the same however well it is optimized, and this is done with every change: so
/// it is done quickly, and what `--sizes` counts is another build.
fn link(workspace: &Workspace, source: Option<Source>) -> Result<(), Error> {
    let quick = [
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        ("CARGO_PROFILE_RELEASE_LTO", "off"),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ];
    let image = build(workspace, &CORE, source, "metal", &quick)?;
    let bytes = image.code_bytes;
    println!("{TARGET}: the core linked, no undefined symbols, {bytes} bytes of code");
    // It is small as it is. Without an allocator nothing compiles that would call one.
    let image = build(workspace, &SKILL, source, "metal-skill", &[])?;
    let bytes = image.code_bytes;
    println!("{TARGET}: a skill linked, no allocator, {bytes} bytes of code");
    Ok(())
}

/// Links an image below this folder of the target, with these variables set, and checks that it is
/// whole.
fn build(
    workspace: &Workspace,
    proof: &Proof,
    source: Option<Source>,
    folder: &str,
    variables: &[(&'static str, &str)],
) -> Result<Image, Error> {
    let target = workspace.target().join(folder);
    let toolchain = toolchain::find(workspace, TARGET, source)?;
    println!("with {toolchain}");
    let manifest = proof.manifest;
    let build = ["build", "--release", "--locked", "--target", TARGET, "--manifest-path", manifest];
    let stale =
        format!("should its lock file be stale: cargo update -w --manifest-path {manifest}");
    let mut cargo = toolchain.cargo(workspace).args(build).help(stale);
    for (name, value) in variables {
        cargo = cargo.set(name, value);
    }
    cargo.args(["--target-dir".into(), target.clone()]).run()?;
    let path: PathBuf = [target.as_path(), TARGET.as_ref(), proof.image.as_ref()].iter().collect();
    let bytes = std::fs::read(&path).map_err(|cause| Error::file("read", &path, &cause))?;
    let image = Image::read(&bytes)
        .map_err(|reason| Error::new(format!("{} is no image: {reason}", path.display())))?;
    if !image.undefined.is_empty() {
        let names = image.undefined.join(", ");
        return Err(Error::new(format!("the image needs what nobody provides: {names}"))
            .help(format!("find who calls it; {}", proof.allowed)));
    }
    if !image.symbols.iter().any(|symbol| symbol.name.contains(CALLED)) {
        return Err(Error::new(format!("`{CALLED}` is not in the image, so nothing was proved"))
            .help(format!("it has to be called from `_start` in {manifest}'s crate")));
    }
    Ok(image)
}

fn source(arguments: &[String]) -> Result<Option<Source>, Error> {
    match arguments {
        [] => Ok(None),
        [flag, from] if flag == "--from" => match from.as_str() {
            "rustup" => Ok(Some(Source::Rustup)),
            "debian" => Ok(Some(Source::Debian)),
            other => {
                let known = ["rustup", "debian"];
                Err(similar::unknown("source", other, known, "cargo xtask help"))
            }
        },
        _ => Err(Error::new(format!("cannot read `{}`", arguments.join(" ")))
            .help("cargo xtask metal [--sizes] [--from rustup|debian]")),
    }
}

const TARGET: &str = "aarch64-unknown-none";

/// The function of an image that calls what is proved, never inlined.
const CALLED: &str = "exercise";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn a_toolchain_can_be_asked_for_by_name_only() {
        assert!(matches!(source(&[]), Ok(None)));
        assert!(matches!(source(&words("--from debian")), Ok(Some(Source::Debian))));
        let error = source(&words("--from debain")).unwrap_err().to_string();
        assert!(error.contains("did you mean `debian`?"), "{error}");
        assert!(source(&words("--from")).is_err());
        assert!(source(&words("debian")).is_err());
    }
}
