//! A machine on which the process that starts programs cannot be what it should be.

use std::process::Command;

use crate::agent::as_everybody;

/// It is to have no network. Where it cannot leave the machine's, nothing is started, and the call
/// says why.
#[test]
fn a_spawner_that_keeps_the_network_starts_nothing() {
    if !Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success()) {
        eprintln!("NOT TESTED: there is no strace");
        return;
    }
    as_everybody("network", |house| {
        let call = |name: &str| {
            let (traced, inject) = (format!("trace={name}"), format!("inject={name}:error=ENOSPC"));
            let starter = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &traced, "-e", &inject];
            let mut agent = house.agent_by(&starter, &["run /usr/bin/true"], &[], "");
            let said = agent.run("/usr/bin/true", &[]);
            agent.leave();
            said
        };
        let (said, is_error) = call("unshare");
        let why = "could not leave this machine's network";
        assert!(is_error && said.contains(why), "{said}");
        // Nothing fails, and all the rest is the same.
        let (said, is_error) = call("reboot");
        assert!(!is_error, "{said}");
    });
}
