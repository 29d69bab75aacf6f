//! `cargo xtask check wasm`: the skill that is a program and a module is a module, and a small one.
//!
//! It is built from the source that is a Linux program as well, its size is looked at, and then the
//! program that people run checks it as it checks every skill.
//!
//! # Not here
//! What hostile modules do: `sentinel-linux/tests/skills/modules`.

use std::fs;
use std::path::PathBuf;

use crate::check::Outcome;
use crate::error::Error;
use crate::metal::toolchain;
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
    let build = ["build", "--release", "--locked", "--target", TARGET, "--manifest-path", CRATE];
    toolchain.cargo(workspace).args(build).args(["--target-dir".into(), target.clone()]).run()?;
    Ok(Ok(target.join(TARGET).join("release/word-count.wasm")))
}

const TARGET: &str = "wasm32-unknown-unknown";
const CRATE: &str = "examples/skills/word-count/Cargo.toml";
const MANIFEST: &str = "examples/skills/word-count/module/skill.toml";
/// Below the folder of the target.
const FOLDER: &str = "wasm";
/// What a module of an honest skill takes, with all that the contract's crate brings along.
const BYTES_MAX: u64 = 30 * 1024;
