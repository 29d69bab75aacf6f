//! What the spawner does with requests that only an agent that was taken over sends.

use std::process::Command;

use sentinel_core::sandbox::{Mount, Rights};

use super::*;

/// In a process of its own, which has one thread: the spawner is a copy of it.
fn alone(test: &str) -> bool {
    const ALONE: &str = "SENTINEL_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1"]).env(ALONE, "1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}

/// Whether a spawner is still there a moment after a request.
fn stays(change: impl FnOnce(&mut Profile)) -> bool {
    let spawner = Spawner::start().unwrap();
    let mut profile = Profile::new(b"/usr/bin/true", b"/tmp");
    profile.mounts = vec![Mount { path: b"/usr/share".to_vec(), rights: Rights::Read }];
    change(&mut profile);
    let asked = spawner.ask(&profile).unwrap();
    // Whatever was asked for, its report ends or something is told there.
    let mut told = [PollFd::new(&asked.report, PollFlags::IN)];
    poll(&mut told, None).unwrap();
    let again = spawner.ask(&Profile::new(b"/usr/bin/true", b"/tmp"));
    let Ok(again) = again else { return false };
    let mut told = [PollFd::new(&again.report, PollFlags::IN)];
    poll(&mut told, None).unwrap();
    super::super::look(&again.report).is_ok()
}

/// What no agent is granted is not done for one that asks all the same, and nothing after it.
#[test]
fn what_no_agent_asks_for_ends_it() {
    if std::env::var_os("SENTINEL_WITHOUT_SANDBOXES").is_some()
        || !alone("sandbox::spawner::tests::what_no_agent_asks_for_ends_it")
    {
        return;
    }
    assert!(stays(|_| {}));
    assert!(stays(|profile| profile.network = Network::Proxied));
    assert!(!stays(|profile| profile.network = Network::Host));
    assert!(!stays(|profile| profile.calls_mode = CallsMode::Off));
    assert!(!stays(|profile| profile.calls_mode = CallsMode::Log));
    assert!(!stays(|profile| profile.has_terminal = true));
    assert!(!stays(|profile| {
        profile.network = Network::Proxied;
        profile.published = vec![8080];
    }));
}
