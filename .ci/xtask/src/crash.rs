//! What takes too long for a check, or too much: every moment of a turn at which the program can be
//! killed or a call can fail, and servers that others wrote: of models, and of tools.

use std::path::Path;

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

/// `cargo xtask peers`: the program with a model server from the Python package index, and with
/// servers of the Model Context Protocol from there and from npm.
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
    workspace.cargo(tests).set("SENTINEL_LITELLM", program).run()?;
    tool_servers(workspace)
}

/// Servers of tools, each in a folder of its own without links, as it lies in a skill's.
fn tool_servers(workspace: &Workspace) -> Result<(), Error> {
    let place = workspace.target().join("tool-servers");
    let tests = ["test", "-p", "sentinel-linux", "--test", "skills", "real::", "--", "--nocapture"];
    let mut tests = workspace.cargo(tests);
    for (variable, name, package) in TOOL_SERVERS {
        let folder = place.join(name);
        let mark = place.join(format!("{name}.installed"));
        let is_same = std::fs::read_to_string(&mark).is_ok_and(|known| known == package);
        if !is_same {
            println!("installing {package} in {}", folder.display());
            let made = std::fs::create_dir_all(&folder);
            made.map_err(|cause| Error::file("make", &folder, &cause))?;
            let folder = folder.to_string_lossy().into_owned();
            if package.contains("==") {
                let target = format!("{folder}/lib");
                // The one that starts it in its sandbox: what is compiled is for one version.
                let pip = workspace.process(PYTHON).args(["-m", "pip", "install", "--quiet"]);
                let pip = pip.help("on Debian: apt-get install python3-pip");
                let pip = pip.args(["--disable-pip-version-check", "--no-compile"]);
                pip.args(["--upgrade", "--target", &target, package]).run()?;
            } else {
                let npm =
                    workspace.process("npm").args(["install", "--no-bin-links", "--no-audit"]);
                let npm = npm.help("on Debian: apt-get install nodejs npm");
                npm.args(["--no-fund", "--silent", "--prefix", &folder, package]).run()?;
            }
            std::fs::write(&mark, package).map_err(|cause| Error::file("write", &mark, &cause))?;
        }
        tests = tests.set(variable, folder);
    }
    tests.run()?;
    reference_client(workspace, &place.join("time/lib"))
}

/// The client of the protocol's own authors, which drives `sentinel mcp`; the server of the time is
/// made with the same package, and brought it along.
fn reference_client(workspace: &Workspace, packages: &Path) -> Result<(), Error> {
    let known = workspace.process(PYTHON).args(["-c", "import mcp"]).set("PYTHONPATH", packages);
    if !known.succeeds() {
        let help = "remove the folder above it: it is installed again";
        return Err(Error::new(format!("{} has no package mcp", packages.display())).help(help));
    }
    let test = "the_reference_client_drives_every_tool";
    let tests = ["test", "-p", "sentinel-linux", "--test", "mcp", test, "--", "--nocapture"];
    let tests = workspace.cargo(tests).set("SENTINEL_MCP_PYTHON", PYTHON);
    tests.set("PYTHONPATH", packages).run()
}

/// Where Debian has it.
const PYTHON: &str = "/usr/bin/python3";

/// What their tests look for, and one version of each: another one is another peer.
const TOOL_SERVERS: [(&str, &str, &str); 3] = [
    ("SENTINEL_MCP_EVERYTHING", "everything", "@modelcontextprotocol/server-everything@2026.8.31"),
    ("SENTINEL_MCP_FILESYSTEM", "filesystem", "@modelcontextprotocol/server-filesystem@2026.8.31"),
    ("SENTINEL_MCP_TIME", "time", "mcp-server-time==2026.10.19"),
];

/// One version: another one is another peer.
const LITELLM: &str = "litellm[proxy]==1.106.2";
