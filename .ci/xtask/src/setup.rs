//! What the commands need from the Rust installation: asked for, and added where that is possible.

use crate::error::Error;
use crate::workspace::Workspace;

/// Makes sure that `cargo SUBCOMMAND` of a rustup component works.
pub(crate) fn component(
    workspace: &Workspace,
    component: &str,
    subcommand: &str,
) -> Result<(), Error> {
    if workspace.cargo([subcommand, "--version"]).succeeds() {
        return Ok(());
    }
    println!("adding the component {component}");
    workspace
        .process("rustup")
        .args(["component", "add", component])
        .help(format!("install {component} for the compiler that `rustc --version` names"))
        .run()
}

/// Why nightly commands cannot run here, if they cannot.
///
/// Asks for the list only: rustup may install a toolchain that is merely mentioned.
pub(crate) fn missing_nightly(workspace: &Workspace) -> Option<String> {
    let list = workspace.process("rustup").args(["toolchain", "list"]).output();
    let has_nightly = list.is_ok_and(|list| list.lines().any(is_nightly));
    (!has_nightly).then(|| NO_NIGHTLY.to_owned())
}

/// `cargo +nightly` takes the toolchain of exactly that name, not one with a date.
fn is_nightly(line: &str) -> bool {
    line.strip_prefix("nightly-")
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The machine that the compiler builds for when it is told nothing.
pub(crate) fn host(workspace: &Workspace) -> Result<String, Error> {
    let version = workspace.process("rustc").args(["-vV"]).output()?;
    match version.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => Err(Error::new(format!("`rustc -vV` names no host:\n{version}"))),
    }
}

const NO_NIGHTLY: &str = "no nightly toolchain (rustup toolchain install nightly)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_undated_nightly_answers_to_plus_nightly() {
        assert!(is_nightly("nightly-x86_64-unknown-linux-gnu"));
        assert!(is_nightly("nightly-x86_64-unknown-linux-gnu (default)"));
        assert!(!is_nightly("nightly-2026-05-19-x86_64-unknown-linux-gnu"));
        assert!(!is_nightly("stable-x86_64-unknown-linux-gnu (active, default)"));
    }
}
