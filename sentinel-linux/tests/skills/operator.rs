//! What an operator sees and does: list, show, approve, disable, run.

use std::fs;

use crate::house::{Agent, House, install_example, until};

/// From a folder that somebody put there to a result, and back after a file changed.
#[test]
fn a_skill_is_used_after_it_was_approved_until_a_file_changes() {
    let house = House::new("life");
    install_example(&house, "free-space");
    let listed = house.say(&["skill", "list"]);
    assert!(listed.contains("free-space") && listed.contains("new"), "{listed}");
    assert!(listed.contains("then approve it: sentinel skill approve free-space"), "{listed}");
    let (good, said) = house.run(&["skill", "run", "free-space", "free"]);
    assert!(!good && said.contains("free-space is new"), "{said}");

    let said = house.say(&["skill", "approve", "free-space"]);
    assert!(said.contains("approved: free-space"), "{said}");
    house.ask("/help");
    let listed = house.say(&["skill", "list"]);
    assert!(listed.contains("sentinel grant 'skill free-space'"), "{listed}");
    house.say(&["grant", "skill free-space"]);
    let listed = house.say(&["skill", "list", "--json"]);
    assert!(listed.contains("\"state\":\"ready\",\"problems\":[],\"next\":[]"), "{listed}");
    let kilobytes = house.say(&["skill", "run", "free-space", "free"]);
    assert!(kilobytes.trim().parse::<u64>().is_ok_and(|it| it > 0), "{kilobytes}");

    house.say(&["skill", "disable", "free-space"]);
    let (good, said) = house.run(&["skill", "run", "free-space", "free"]);
    assert!(!good && said.contains("sentinel skill enable free-space"), "{said}");
    house.say(&["skill", "enable", "free-space"]);
    house.say(&["skill", "run", "free-space", "free"]);

    // One byte more in a comment is another skill.
    let program = house.path.join("skills/free-space/run.sh");
    let text = fs::read_to_string(&program).unwrap();
    fs::write(&program, text + "# more\n").unwrap();
    let (good, said) = house.run(&["skill", "run", "free-space", "free"]);
    assert!(!good && said.contains("free-space is changed"), "{said}");
    house.ask("/help");
    let listed = house.say(&["skill", "list"]);
    assert!(listed.contains("changed") && listed.contains("approve it"), "{listed}");
    house.say(&["skill", "approve", "free-space"]);
    house.say(&["skill", "run", "free-space", "free"]);
    let log = house.say(&["audit", "show"]);
    for what in ["approved", "disabled", "enabled"] {
        assert!(log.contains(&format!("what=\"{what}\"")), "{what}: {log}");
    }
    house.say(&["audit", "replay"]);
}

/// A file that is handed to a skill is read by it, and another is not.
#[test]
fn a_skill_reads_what_it_is_handed() {
    let house = House::new("handed");
    install_example(&house, "git-summary");
    house.say(&["skill", "approve", "git-summary"]);
    house.ask("/help");
    let steps = "0 1 Ada <a@x> 1 +0\tcommit: one\n0 1 Ada <a@x> 2 +0\tcommit: two\n";
    fs::write(house.path.join("work/HEAD"), steps).unwrap();
    let said = house.say(&["skill", "run", "git-summary", "summary", "log=HEAD"]);
    assert!(said.contains("\"steps\":2") && said.contains("commit: two"), "{said}");
    for (arguments, told) in [
        ("log=nowhere", "No such file"),
        ("log=/dev/null", "only files are handed to a skill"),
        ("logs=HEAD", "there is no parameter 'logs'"),
        ("{\"log\":\"HEAD\",\"more\":1}", "arguments: `more` is not what the schema says"),
        ("{\"log\":3}", "a file is named by its path"),
    ] {
        let (good, said) = house.run(&["skill", "run", "git-summary", "summary", arguments]);
        assert!(!good && said.contains(told), "{arguments}: {said}");
    }
    let (good, said) = house.run(&["skill", "run", "git-summary", "nothing"]);
    assert!(!good && said.contains("name a tool of it: summary"), "{said}");
}

/// What is wrong with a skill is said with its place, and the rest goes on.
#[test]
fn what_is_wrong_is_said_and_shown() {
    let house = House::new("wrong");
    install_example(&house, "free-space");
    house.skill("odd", "[skill]\nname = \"odd\"\nnever = 1\n", "");
    let manifest = fs::read_to_string(house.path.join("skills/free-space/skill.toml")).unwrap();
    let place = house.skill("second", &manifest, "");
    std::os::unix::fs::symlink("/etc", place.join("etc")).unwrap();
    let needy = manifest.replace("free-space", "needy").replace("run.sh", "run.py")
        + "\n[capabilities.required]\ngrants = [\"connect api.example\"]\n";
    house.skill("needy", &needy, "#!/bin/sh\n");
    let listed = house.say(&["skill", "list"]);
    assert!(listed.contains("odd/skill.toml:3:1: unknown key 'never'"), "{listed}");
    assert!(listed.contains("etc: only files are part of a skill"), "{listed}");
    // What it would need is said before anybody approves it.
    assert!(listed.contains("sentinel grant 'connect api.example'"), "{listed}");
    let (good, said) = house.run(&["skill", "approve", "odd"]);
    assert!(!good && said.contains("odd cannot be used"), "{said}");
    house.say(&["skill", "approve", "needy"]);
    house.ask("/help");
    let listed = house.say(&["skill", "list"]);
    assert!(listed.contains("sentinel grant 'connect api.example'"), "{listed}");
    assert!(listed.contains("sentinel grant 'skill needy'"), "{listed}");
    house.say(&["grant", "connect api.example"]);
    house.say(&["grant", "skill needy"]);
    let shown = house.say(&["skill", "show", "needy"]);
    assert!(shown.starts_with("needy  ready") && shown.contains("requires: connect"), "{shown}");
}

/// An agent at work is told what is approved, and by SIGHUP what is there.
#[test]
fn an_agent_at_work_takes_skills_in() {
    let house = House::new("work");
    let child = house.sentinel(&["chat"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    let agent = Agent(child);
    until("it is at work", || house.run(&["status"]).0);
    install_example(&house, "free-space");
    let listed = house.say(&["skill", "list"]);
    assert!(listed.contains("unread") && listed.contains("kill -HUP"), "{listed}");
    house.allow("free-space");
    let id = rustix::process::Pid::from_child(&agent.0);
    rustix::process::kill_process(id, rustix::process::Signal::HUP).unwrap();
    until("it is ready", || {
        house.say(&["skill", "list", "--json"]).contains("\"state\":\"ready\"")
    });
    house.say(&["skill", "disable", "free-space"]);
    assert!(house.say(&["skill", "list"]).contains("sentinel skill enable free-space"));
}

/// What would be decided about a call of a skill is asked without a log, so approvals do not count.
#[test]
fn a_call_of_a_skill_is_explained() {
    let house = House::new("explained");
    install_example(&house, "free-space");
    let said = house.say(&["policy", "explain", "free-space__free {}"]);
    assert!(said.contains("denied (rule 1): nobody granted it"), "{said}");
    house.configure(&["skill free-space"], None);
    let said = house.say(&["policy", "explain", "free-space__free {}"]);
    assert!(said.contains("free-space__free allowed"), "{said}");
}
