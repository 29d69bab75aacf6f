//! `cargo xtask bench`: the benchmarks, which are a package of their own.

use crate::error::Error;
use crate::workspace::Workspace;

pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<(), Error> {
    // As hosts have it: what `.cargo/config.toml` says is of the program.
    let bench = workspace.cargo(["run", "--profile", "bench", "-p", PACKAGE]);
    let bench = bench.set("CARGO_ENCODED_RUSTFLAGS", "");
    let bench = if arguments.is_empty() { bench } else { bench.args(["--"]).args(arguments) };
    bench.help(format!("the package {PACKAGE} has to be a member of the workspace")).run()
}

const PACKAGE: &str = "sentinel-bench";
