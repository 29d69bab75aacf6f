//! Whether this machine lets anybody make sandboxes, found out without the program that is tested.
//!
//! Where it does not (many containers), the tests that start programs in sandboxes could only fail,
//! and would say nothing about the program. That is said aloud, and the tests are told.

use crate::process::Process;
use crate::workspace::Workspace;

/// Tells the tests where there can be no sandboxes.
pub(crate) fn told(workspace: &Workspace, tests: Process) -> Process {
    match why_not(workspace) {
        None => tests,
        Some(why) => {
            println!("NOT TESTED: no program is run in a sandbox. {why}");
            tests.set("SENTINEL_WITHOUT_SANDBOXES", "1")
        }
    }
}

fn why_not(workspace: &Workspace) -> Option<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if version(&release).is_some_and(|version| version < OLDEST) {
        let release = release.trim();
        return Some(format!("Linux {release} is too old for it: docs/SECURITY.md says why."));
    }
    let lists = std::fs::read_to_string("/sys/kernel/security/lsm");
    if lists.is_ok_and(|list| !list.contains("landlock")) {
        return Some("This kernel was started without Landlock.".into());
    }
    let namespaces = ["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts"];
    let alone = || workspace.process("unshare").args(namespaces).args(["--fork", "true"]);
    if !alone().succeeds() {
        return Some(format!("This machine gives no namespaces: {}", alone().output().err()?));
    }
    // Tests that root starts are done again as somebody else.
    let nobody = ["--reuid=65533", "--regid=65533", "--clear-groups", "unshare"];
    let is_root = workspace.process("id").args(["-u"]).output().is_ok_and(|id| id.trim() == "0");
    let other = || {
        let other = workspace.process("setpriv").args(nobody).args(namespaces);
        other.args(["--fork", "true"])
    };
    if is_root && !other().succeeds() {
        return Some(format!("Only root is given namespaces here: {}", other().output().err()?));
    }
    None
}

/// The first two numbers of a kernel's version.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-']).map_while(|number| number.trim().parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// The first Linux in which everything holds that strict mode asks for.
const OLDEST: (u32, u32) = (6, 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_two_numbers() {
        for (release, expected) in [
            ("6.18.5\n", Some((6, 18))),
            ("6.1.0-18-amd64", Some((6, 1))),
            ("5.15-generic", Some((5, 15))),
            ("strange", None),
        ] {
            assert_eq!(version(release), expected, "{release}");
        }
    }
}
