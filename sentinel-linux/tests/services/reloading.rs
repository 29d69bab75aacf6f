//! The configuration, read again while people talk with the agent.

use std::fs;

use crate::agent::{Agent, TOKEN};
use crate::telegram::{ask, serve, shown, until, write};

#[test]
fn a_good_configuration_takes_effect_and_a_bad_one_changes_nothing() {
    let (platform, port) = serve(TOKEN);
    let agent = Agent::new("reload", port);
    let (reads, writes) = (agent.grant("read,list"), agent.grant("write"));
    let one = "operators = [\"77\"]";
    let running = agent.start(&[]);
    ask(&platform, 77, "read README.md", "# A house");
    write(&platform, 99, "read README.md");

    // Another person, and a grant less.
    let lists = agent.grant("list");
    agent.configure("", "operators = [\"77\", \"99\"]", &[&lists]);
    let said = running.reload();
    assert!(said.contains("taken back: 1, made: 1"), "{said}");
    ask(&platform, 77, "read README.md", "no grant covers it");
    ask(&platform, 99, "list the files here", "README.md (");

    // What is wrong is said, with its place, and nothing changes.
    agent.configure("[log]\nlevle = \"debug\"\n", one, &[&reads]);
    let said = running.reload();
    assert!(said.contains("did you mean 'level'?") && said.contains("nothing changed"), "{said}");
    ask(&platform, 99, "read README.md", "no grant covers it");

    // What is dangerous is refused as at the start.
    agent.configure("", one, &[&reads, "write /"]);
    let said = running.reload();
    assert!(said.contains("`/` is granted") && said.contains("nothing changed"), "{said}");
    ask(&platform, 99, "read README.md", "no grant covers it");

    // What the process gave up when it started, it cannot take back.
    agent.configure("", one, &[&reads, &writes]);
    let said = running.reload();
    assert!(said.contains("takes a new start to reach it"), "{said}");
    ask(&platform, 99, "read README.md", "no grant covers it");

    // The token is not where it was.
    fs::rename(agent.path.join("config/token"), agent.path.join("config/kept")).unwrap();
    agent.configure("", one, &[&reads]);
    let said = running.reload();
    assert!(said.contains("the token of telegram") && said.contains("nothing changed"), "{said}");
    fs::rename(agent.path.join("config/kept"), agent.path.join("config/token")).unwrap();

    agent.configure("", one, &[&reads]);
    assert!(running.reload().contains("holds from now on"));
    ask(&platform, 77, "read README.md", "# A house");
    let before = shown(&platform, "99").len();
    write(&platform, 99, "read README.md");
    ask(&platform, 77, "read README.md", "# A house");
    assert_eq!(shown(&platform, "99").len(), before, "who is let in no longer is not answered");
    running.end();
    agent.check_log();

    // A later start goes on from the log, in which all these settings held.
    let running = agent.start(&[]);
    ask(&platform, 77, "read README.md", "# A house");
    running.end();
    agent.check_log();
}

/// The bot's owner asks for a new token while people write: no message is lost or answered twice.
/// Where the old one is refused before the agent knows the new one, messages wait at the platform.
#[test]
fn another_token_loses_and_repeats_nothing() {
    let (platform, port) = serve(TOKEN);
    let agent = Agent::new("token", port);
    let running = agent.start(&[]);
    running.says("telegram: at work");
    let mut last = TOKEN.to_string();
    let mut sums = Vec::new();
    let mut say = || {
        sums.push(format!("{}", 1000 + sums.len()));
        write(&platform, 77, &format!("what is {} + 1000?", sums.len() - 1));
        sums.last().unwrap().clone()
    };
    let is_said = |sum: &str| shown(&platform, "77").iter().any(|text| text.contains(sum));
    for round in 0..4 {
        let token = format!("12:token-number-{round}");
        fs::write(agent.path.join("config/token"), &token).unwrap();
        platform.lock().unwrap().tokens.insert(token.clone());
        let is_late = round % 2 == 1;
        if is_late {
            platform.lock().unwrap().tokens.remove(&last);
            running.says("telegram: stopped");
        }
        for _ in 0..3 {
            say();
        }
        assert!(running.reload().contains("holds from now on"));
        let newest = say();
        until("all is answered", || is_said(&newest));
        platform.lock().unwrap().tokens.remove(&last);
        last = token;
    }
    until("all are confirmed", || platform.lock().unwrap().updates.is_empty());
    assert_eq!(platform.lock().unwrap().seen.last(), Some(&last));
    let said = running.end();
    let shown = shown(&platform, "77");
    for sum in &sums {
        let count = shown.iter().filter(|text| text.contains(sum)).count();
        assert_eq!(count, 1, "{sum} was said {count} times: {shown:?}\n{said}");
    }
    assert_eq!(sums.len(), 16);
    assert!(!said.contains("token-number") && !said.contains(TOKEN), "{said}");
    agent.check_log();
}

/// A platform that is no longer in the file is left, and one that comes back goes on.
#[test]
fn a_platform_comes_and_goes() {
    let (platform, port) = serve(TOKEN);
    let agent = Agent::new("platforms", port);
    let running = agent.start(&[]);
    ask(&platform, 77, "read README.md", "# A house");
    let text = fs::read_to_string(agent.file()).unwrap();
    let start = text.find("[telegram]").unwrap();
    let end = text.find("[security]").unwrap();
    let without = format!("{}{}", &text[..start], &text[end..]);
    fs::write(agent.file(), without).unwrap();
    let said = running.reload();
    assert!(said.contains("holds from now on"), "{said}");
    running.says("telegram: no longer connected");
    write(&platform, 77, "what is 1 + 7000?");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(!shown(&platform, "77").iter().any(|text| text.contains("7001")));
    fs::write(agent.file(), text).unwrap();
    assert!(running.reload().contains("holds from now on"));
    until("what was written meanwhile is answered", || {
        shown(&platform, "77").iter().any(|text| text.contains("7001"))
    });
    running.end();
    agent.check_log();
}
