//! `cargo xtask metal`: the core runs where there is no operating system.
//!
//! Compiling the library shows little: a missing symbol only shows when a final image is linked. So
//! `.ci/metal-proof` is linked against the core, and its symbols are read afterwards.
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

/// The image is a workspace of its own: the host's checks never see a `no_main` program.
pub(crate) const MANIFEST: &str = ".ci/metal-proof/Cargo.toml";

pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<(), Error> {
    match arguments.split_first() {
        Some((flag, rest)) if flag == "--sizes" => sizes::run(workspace, source(rest)?),
        _ => link(workspace, source(arguments)?).map(drop),
    }
}

/// The step of `check`.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Error> {
    link(workspace, None).map(|_| Outcome::Pass)
}

/// Links the image, with the toolchain asked for or else with the first that can be had.
///
/// What is linked is the same however well it is optimized, and this is done with every change: so
/// it is done quickly, and what `--sizes` counts is another build.
fn link(workspace: &Workspace, source: Option<Source>) -> Result<Image, Error> {
    let quick = [
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        ("CARGO_PROFILE_RELEASE_LTO", "off"),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ];
    let image = build(workspace, source, "metal", &quick)?;
    println!("{TARGET}: linked, no undefined symbols, {} bytes of code", image.code_bytes);
    Ok(image)
}

/// Links the image below this folder of the target, with these variables set, and checks that it is
/// whole.
fn build(
    workspace: &Workspace,
    source: Option<Source>,
    folder: &str,
    variables: &[(&'static str, &str)],
) -> Result<Image, Error> {
    let target = workspace.target().join(folder);
    let toolchain = toolchain::find(workspace, TARGET, source)?;
    println!("with {toolchain}");
    let build = ["build", "--release", "--locked", "--target", TARGET, "--manifest-path", MANIFEST];
    let stale =
        format!("should its lock file be stale: cargo update -w --manifest-path {MANIFEST}");
    let mut cargo = toolchain.cargo(workspace).args(build).help(stale);
    for (name, value) in variables {
        cargo = cargo.set(name, value);
    }
    cargo.args(["--target-dir".into(), target.clone()]).run()?;
    let path: PathBuf = [target.as_path(), TARGET.as_ref(), IMAGE.as_ref()].iter().collect();
    let bytes = std::fs::read(&path).map_err(|cause| Error::file("read", &path, &cause))?;
    let image = Image::read(&bytes)
        .map_err(|reason| Error::new(format!("{} is no image: {reason}", path.display())))?;
    if !image.undefined.is_empty() {
        let names = image.undefined.join(", ");
        return Err(Error::new(format!("the image needs what nobody provides: {names}"))
            .help("find who calls it; the core may only use `core` and `alloc`"));
    }
    if !image.symbols.iter().any(|symbol| symbol.name.contains(PROOF)) {
        return Err(Error::new(format!("`{PROOF}` is not in the image, so nothing was proved"))
            .help(format!("it has to be called from `_start` in {MANIFEST}'s crate")));
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

/// Below the folder of the target.
const IMAGE: &str = "release/metal-proof";

/// The function of the image that calls into the core, never inlined.
const PROOF: &str = "exercise";

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
