//! Files that come with messages, through the real program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::agent::{Agent, until};
use crate::discord::Discord;
use crate::model::Model;
use crate::server::{Mishap, serve};
use crate::slack::Slack;
use crate::telegram::Telegram;

fn section(platform: &str, port: u16, more: &str) -> String {
    format!(
        "[{platform}]\ntoken_env = \"BOT_TOKEN\"\nbase_url = \"http://localhost:{port}\"\n{more}\n"
    )
}

const GRANTS: &str = "[security]\ngrants = [\"read,list {work}\"]\n";

/// The files of all conversations.
fn files(agent: &Agent) -> Vec<PathBuf> {
    let Ok(conversations) = fs::read_dir(agent.work().join("attachments")) else {
        return Vec::new();
    };
    let all = conversations.flat_map(|entry| fs::read_dir(entry.unwrap().path()).unwrap());
    let mut all: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn files_are_fetched_named_plainly_and_read() {
    let telegram = Telegram::new();
    let model = Model::new();
    let base = format!("http://127.0.0.1:{}", serve(&model, None));
    let people = "operators = [\"77\"]\nallowed_users = [\"78\"]\nattachment_bytes_max = 1000";
    let port = serve(&telegram, None);
    let config = section("telegram", port, people) + GRANTS + &Model::section(&base);
    let agent = Agent::new("files", &config);
    telegram.mishaps.add("file", Mishap::CutAfter(200));
    telegram.mishaps.add("getFile", Mishap::Refused(1));
    let running = agent.start();
    telegram.attach(
        77,
        "look",
        "F1",
        "../../.bashrc\u{202e}",
        "secret plans\n".repeat(30).as_bytes(),
    );
    until("it is answered", || telegram.chats.has("77", "You said: [attached"));
    let told = telegram.chats.texts("77")[0].clone();
    let all = files(&agent);
    assert_eq!(all.len(), 1, "{all:?}");
    let name = all[0].file_name().unwrap().to_str().unwrap().to_string();
    assert!(name.ends_with("-bashrc"), "{name}");
    let path = all[0].strip_prefix(agent.work()).unwrap().to_str().unwrap().to_string();
    assert!(told.contains(&path) && told.contains("390 bytes"), "{told}");
    assert_eq!(fs::metadata(&all[0]).unwrap().permissions().mode() & 0o777, 0o600);
    telegram.write(77, &format!(r#"call read_file {{"path":"{path}"}}"#));
    until("it reads it", || telegram.chats.has("77", "secret plans"));

    // Somebody else's are out of reach, by name, by listing and by searching.
    for call in [
        format!(r#"call read_file {{"path":"{path}"}}"#),
        r#"call list_directory {"path":"attachments"}"#.to_string(),
        r#"call search_files {"directory":"attachments","text":"secret"}"#.to_string(),
        r#"call search_files {"text":"secret"}"#.to_string(),
    ] {
        let before = telegram.chats.of("78").len();
        telegram.write(78, &call);
        until("it is refused", || telegram.chats.of("78").len() > before);
        until("and that is told", || {
            telegram.chats.of("78").last().is_some_and(|it| it.text.starts_with("The tool said"))
        });
        assert!(!telegram.chats.has("78", "secret plans"), "{:?}", telegram.chats.texts("78"));
    }

    // Too large, whatever was said of it, and none at all.
    telegram.attach(77, "big", "F2", "big.bin", &[7; 1001]);
    until("that is told", || telegram.chats.has("77", "larger than the 1000 bytes"));
    telegram.attach(99, "a stranger", "F3", "x.txt", b"x");
    telegram.write(77, "done");
    until("it goes on", || telegram.chats.has("77", "You said: done"));
    running.end();
    assert_eq!(files(&agent).len(), 1, "{:?}", files(&agent));
    agent.keeps_secrets();
}

/// Killed while files come: each message is answered once, and its file is there whole.
#[test]
fn a_crash_between_loses_no_file() {
    let telegram = Telegram::new();
    let port = serve(&telegram, None);
    let agent =
        Agent::new("files-killed", &(section("telegram", port, "operators = [\"77\"]") + GRANTS));
    for round in 0..6_u64 {
        telegram.mishaps.add("file", Mishap::Slow);
        let running = agent.start();
        let content = vec![b'a' + u8::try_from(round).unwrap(); 300];
        let id = format!("F{round}");
        telegram.attach(77, "what is 2 + 2?", &id, &format!("{id}.txt"), &content);
        std::thread::sleep(std::time::Duration::from_millis(100 + round * 60));
        running.kill();
    }
    let running = agent.start();
    telegram.write(77, "what is 5000 + 1?");
    until("the last is answered", || telegram.chats.has("77", "5001"));
    until("all are confirmed", || telegram.waiting() == 0);
    running.end();
    let all = files(&agent);
    assert_eq!(all.len(), 6, "{all:?}");
    for path in all {
        let content = fs::read(&path).unwrap();
        let is_whole = content.len() == 300 && content.iter().all(|byte| *byte == content[0]);
        assert!(is_whole, "{}", path.display());
    }
}

#[test]
fn files_of_discord_and_slack_are_fetched_from_their_hosts_alone() {
    let (discord, slack, model) = (Discord::new(), Slack::new(), Model::new());
    let base = format!("http://127.0.0.1:{}", serve(&model, None));
    let [first, second] = [serve(&discord, None), serve(&slack, None)];
    discord.port.store(first, Ordering::SeqCst);
    slack.port.store(second, Ordering::SeqCst);
    let config = section("discord", first, "operators = [\"77\"]")
        + &section("slack", second, "app_token_env = \"APP_TOKEN\"\noperators = [\"U77\"]")
        + GRANTS
        + &Model::section(&base);
    let agent = Agent::new("files-others", &config);
    discord.mishaps.add("locate", Mishap::Status(500));
    discord.mishaps.add("file", Mishap::CutAfter(150));
    slack.mishaps.add("files.info", Mishap::Refused(1));
    let running = agent.start();
    until("it is in session", || discord.facts().identified == 1);
    discord.attach(700, 77, "look", "notes.txt", &[b'd'; 200]);
    slack.attach("D77", "U77", "look", "notes.txt", &[b's'; 200]);
    until("the one is there", || discord.chats.has("700", "200 bytes; the file is attachments/"));
    until("the other is there", || slack.chats.has("D77", "200 bytes; the file is attachments/"));
    let all = files(&agent);
    let contents: Vec<Vec<u8>> = all.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(contents.contains(&vec![b'd'; 200]) && contents.contains(&vec![b's'; 200]));
    // Another place, that a hostile answer names, is not asked.
    discord.misplace("http://127.0.0.1:1/files/7");
    discord.attach(700, 77, "look", "other.txt", &[b'e'; 200]);
    until("that is told", || discord.chats.has("700", "it is not here"));
    running.end();
    assert_eq!(files(&agent).len(), 2);
    agent.keeps_secrets();
}
