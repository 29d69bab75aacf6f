//! `cargo xtask check wasm`: the skill that is a program and a module is a module, and a small one.
//!
//! It is built from the source that is a Linux program as well, its size is looked at, and then the
//! program that people run checks it as it checks every skill. So it does with what it writes
//! itself for whoever begins a skill in Rust.
//!
//! # Not here
//! What hostile modules do: `sentinel-linux/tests/skills/modules`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::check::Outcome;
use crate::error::Error;
use crate::metal::toolchain::{self, Toolchain};
use crate::workspace::Workspace;

/// The step of `check`.
pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Error> {
    let module = match module(workspace)? {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::Skip(why)),
    };
    let about = fs::metadata(&module).map_err(|cause| Error::file("read", &module, &cause))?;
    println!("the word counter as a module: {} bytes, at most {BYTES_MAX}", about.len());
    if about.len() > BYTES_MAX {
        return Err(Error::new(format!("the word counter has {} bytes", about.len()))
            .help("what it links of `core` shows in its names: build it without `strip`"));
    }
    let skill = workspace.target().join(FOLDER).join("skill");
    let written = fs::create_dir_all(&skill)
        .and_then(|()| fs::copy(&module, skill.join("word-count.wasm")))
        .and_then(|_| fs::copy(workspace.root().join(MANIFEST), skill.join("skill.toml")));
    written.map_err(|cause| Error::file("make", &skill, &cause))?;
    workspace.cargo(["build", "--quiet", "-p", "sentinel-linux"]).run()?;
    let program = workspace.target().join("debug/sentinel").display().to_string();
    workspace.process(&program).args(["skill", "check"]).args([skill]).run()?;
    begun(workspace, &program)?;
    Ok(Outcome::Pass)
}

/// Builds the word counter; or says why nobody here can.
pub(crate) fn module(workspace: &Workspace) -> Result<Result<PathBuf, String>, Error> {
    let toolchain = match toolchain::find(workspace, TARGET, None) {
        Ok(toolchain) => toolchain,
        Err(why) => return Ok(Err(why.to_string())),
    };
    println!("with {toolchain}");
    let target = workspace.target().join(FOLDER);
    build_module(workspace, &toolchain, CRATE, &target)?;
    Ok(Ok(target.join(TARGET).join("release/word-count.wasm")))
}

fn build_module(
    workspace: &Workspace,
    toolchain: &Toolchain,
    manifest: &str,
    target: &Path,
) -> Result<(), Error> {
    let build = ["build", "--release", "--locked", "--target", TARGET, "--manifest-path", manifest];
    toolchain.cargo(workspace).args(build).args(["--target-dir".into(), target.to_owned()]).run()
}

/// What `sentinel skill new` writes in Rust: its own tests pass, and it is a program and a module
/// that keep to the contract.
fn begun(workspace: &Workspace, sentinel: &str) -> Result<(), Error> {
    let target = workspace.target().join(FOLDER);
    let place = target.join("begun");
    let failed = |cause: std::io::Error| Error::file("make", &place, &cause);
    match fs::remove_dir_all(&place) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(failed(cause)),
        _ => {}
    }
    let abi = workspace.root().join("sentinel-skill-abi");
    let new = workspace.process(sentinel).args(["skill", "new", "--lang", "rust", "--abi"]);
    new.args([&abi, &place]).run()?;
    // The same versions as those of the word counter: it is built without a network, too.
    let lock = workspace.read(LOCK)?.replace("name = \"word-count\"", "name = \"begun\"");
    fs::write(place.join("Cargo.lock"), lock).map_err(failed)?;
    let manifest = place.join("Cargo.toml").display().to_string();
    for words in [["test", "--quiet"], ["build", "--release"]] {
        let host = ["--locked", "--manifest-path", &manifest, "--target-dir"];
        workspace.cargo(words).args(host).args([&target]).run()?;
    }
    let check = |entry: &str, built: PathBuf| {
        let copied = fs::copy(built, place.join("skill").join(entry));
        copied.map_err(failed)?;
        workspace.process(sentinel).args(["skill", "check"]).args([place.join("skill")]).run()
    };
    check("begun", target.join("release/begun"))?;
    let toolchain = toolchain::find(workspace, TARGET, None)?;
    build_module(workspace, &toolchain, &manifest, &target)?;
    let about = place.join("skill/skill.toml");
    let said = fs::read_to_string(&about).map_err(failed)?;
    let said = said.replace("entry = \"begun\"", "entry = \"begun.wasm\"");
    fs::write(about, said.replace("\"process\"", "\"wasm\"")).map_err(failed)?;
    check("begun.wasm", target.join(TARGET).join("release/begun.wasm"))
}

const TARGET: &str = "wasm32-unknown-unknown";
const CRATE: &str = "examples/skills/word-count/Cargo.toml";
const LOCK: &str = "examples/skills/word-count/Cargo.lock";
const MANIFEST: &str = "examples/skills/word-count/module/skill.toml";
/// Below the folder of the target.
const FOLDER: &str = "wasm";
/// What a module of an honest skill takes, with all that the contract's crate brings along.
const BYTES_MAX: u64 = 30 * 1024;
