//! What takes too long for a check, or too much: every moment of a turn at which the program can be
//! killed or a call can fail, and model servers that others wrote.

use crate::apt;
use crate::error::Error;
use crate::process::Process;
use crate::workspace::Workspace;

/// Makes sure that `strace` is there, by which tests kill the program at its system calls. Where it
/// cannot be had, that is said, and the tests are told.
pub(crate) fn with_strace(workspace: &Workspace, tests: Process) -> Process {
    let is_there = || workspace.process("strace").args(["-V"]).succeeds();
    if is_there() {
        return tests;
    }
    if let Err(error) = apt::install(workspace, &["strace"]) {
        println!("NOT TESTED: nothing is killed at its system calls. {error}");
        return tests.set("SENTINEL_WITHOUT_STRACE", "1");
    }
    tests
}

/// `cargo xtask crash`: all moments, and 200 kills of a busy run.
pub(crate) fn crash(workspace: &Workspace) -> Result<(), Error> {
    if !workspace.process("strace").args(["-V"]).succeeds() {
        apt::install(workspace, &["strace"])?;
    }
    let tests = ["test", "-p", "sentinel-linux", "--test", "crash", "--", "--nocapture"];
    workspace.cargo(tests).set("SENTINEL_CRASH_ALL", "1").run()
}

/// `cargo xtask peers`: the program with a model server from the Python package index.
pub(crate) fn peers(workspace: &Workspace) -> Result<(), Error> {
    let place = workspace.target().join("peers");
    let program = place.join("bin/litellm");
    let mark = place.join(LITELLM);
    if !mark.is_file() {
        println!("installing {LITELLM} in {}", place.display());
        let place = place.to_string_lossy().into_owned();
        let help = "on Debian: apt-get install python3-venv";
        workspace.process("python3").args(["-m", "venv", &place]).help(help).run()?;
        let pip = workspace.process(&format!("{place}/bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", LITELLM]).run()?;
        std::fs::write(&mark, "").map_err(|cause| Error::file("write", &mark, &cause))?;
    }
    let tests = ["test", "-p", "sentinel-linux", "--test", "crash", "peer::", "--", "--nocapture"];
    workspace.cargo(tests).set("SENTINEL_LITELLM", program).run()
}

/// One version: another one is another peer.
const LITELLM: &str = "litellm[proxy]==1.106.2";
