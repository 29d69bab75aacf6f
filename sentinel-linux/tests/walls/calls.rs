//! One call after the other.

use crate::agent::as_everybody;

/// What was made ahead of a call is given what the call was granted: places, and programs that are
/// nowhere the system has its own. Only the first call of an agent has none waiting.
#[test]
fn each_call_of_an_agent_has_what_it_was_granted() {
    as_everybody("again", |house| {
        house.make("tools");
        house.put("tools/count", "#!/bin/sh\nwc -c file\n");
        let tool = house.path("tools/count");
        let run = format!("run {tool}");
        let mut agent = house.agent(&["run /usr/bin/wc", &run], &[]);
        for _ in 0..3 {
            let (text, is_error) = agent.run("/usr/bin/wc", &["-c", "file"]);
            assert!(text.starts_with("6 file") && !is_error, "{text}");
            agent.rest();
            let (text, is_error) = agent.run(&tool, &[]);
            assert!(text.starts_with("6 file") && !is_error, "{text}");
            agent.rest();
        }
    });
}

/// The process that starts programs has no network, whoever started it.
#[test]
fn who_starts_programs_has_no_network() {
    as_everybody("network", |house| {
        let mut agent = house.agent(&["run /usr/bin/wc"], &[]);
        assert!(!agent.run("/usr/bin/wc", &["-c", "file"]).1);
        let network = |id: u32| std::fs::read_link(format!("/proc/{id}/ns/net")).ok();
        // Only root sees where that one is.
        if rustix::process::geteuid().is_root() {
            assert_ne!(network(agent.spawner()).unwrap(), network(agent.child.id()).unwrap());
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", agent.spawner())).unwrap();
        let may = status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap();
        let is_root = status.contains("Uid:\t0");
        assert_eq!(may == "0000000000000000", !is_root, "{status}");
    });
}
