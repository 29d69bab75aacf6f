//! `cargo xtask figures`: what the program takes, measured by a package of its own.

use std::ffi::OsString;
use std::time::Duration;

use crate::dist;
use crate::error::Error;
use crate::wasm;
use crate::workspace::Workspace;

pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<(), Error> {
    let (program, words) = match arguments.split_first() {
        Some((flag, words)) if flag == "--dynamic" => {
            workspace.cargo(["build", "--release", "-p", "sentinel-linux"]).run()?;
            (workspace.target().join("release/sentinel"), words)
        }
        _ => (dist::here(workspace)?, arguments),
    };
    // The one that measures needs no time of the linker for itself.
    workspace.cargo(["build", "-p", PACKAGE]).run()?;
    let measures = workspace.target().join("debug").join(PACKAGE);
    let measures_skills = words.is_empty() || words.iter().any(|word| word == "skill");
    let module = if measures_skills { Some(wasm::module(workspace)?) } else { None };
    let module = module.map(|module| module.map_or_else(|why| why, |it| it.display().to_string()));
    // The first core is the program's, the others are for what measures it.
    let last = std::thread::available_parallelism().map_or(0, |count| count.get() - 1);
    let others = format!("{}-{last}", last.min(1));
    workspace
        .process("taskset")
        .set("SENTINEL_MODULE", module.unwrap_or_default())
        .args([OsString::from("-c"), others.into()])
        .args([OsString::from(measures), program.into()])
        .args(words)
        .help("the last lines say what was missed, or what could not be measured")
        .run_for_at_most(Duration::from_secs(240))
}

const PACKAGE: &str = "sentinel-figures";
