//! Debian packages, for what rustup and cargo cannot bring.

use crate::error::Error;
use crate::workspace::Workspace;

/// Installs packages, or says which ones to install where that is not ours to do.
pub(crate) fn install(workspace: &Workspace, packages: &[&str]) -> Result<(), Error> {
    let names = packages.join(" ");
    let by_hand = format!("on Debian: apt-get update && apt-get install {names}");
    let missing = Error::new(format!("this machine lacks {names}"));
    if !workspace.process("apt-get").args(["--version"]).succeeds() {
        return Err(missing.help(format!("install what Debian calls {names}")));
    }
    let is_root = workspace.process("id").args(["-u"]).output()?.trim() == "0";
    let prefix: &[&str] = if is_root { &[] } else { &["sudo", "-n"] };
    if !is_root && !workspace.process("sudo").args(["-n", "true"]).succeeds() {
        return Err(missing.help(by_hand));
    }
    println!("installing {names}");
    let apt = |arguments: &[&str]| {
        let words =
            [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"], arguments];
        let mut words = words.concat().into_iter();
        let program = words.next().unwrap_or("env");
        workspace.process(program).args(words).help(&by_hand).output()
    };
    apt(&["update"])?;
    apt(&[["install", "-y", "--no-install-recommends"].as_slice(), packages].concat())?;
    Ok(())
}
