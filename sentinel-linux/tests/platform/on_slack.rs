//! The real program on Slack.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::agent::{Agent, until};
use crate::model::Model;
use crate::server::{Mishap, serve};
use crate::slack::{BOT, Order, Slack};

/// An operator, U77, with the private channel D77; a person, U78, with D78.
fn config(port: u16, more: &str, grants: &str) -> String {
    format!(
        "[slack]\ntoken_env = \"BOT_TOKEN\"\nbase_url = \"http://localhost:{port}\"\n\
         operators = [\"U77\"]\nallowed_users = [\"U78\"]\n{more}\n\
         [security]\ngrants = [\"read,list {{work}}\"{grants}]\n"
    )
}

const SOCKET: &str = "app_token_env = \"APP_TOKEN\"";

fn serving() -> (Arc<Slack>, u16) {
    let slack = Slack::new();
    let port = serve(&slack, None);
    slack.port.store(port, Ordering::SeqCst);
    (slack, port)
}

fn begin(name: &str, more: &str) -> (Arc<Slack>, Agent) {
    let (slack, port) = serving();
    (slack, Agent::new(name, &config(port, more, "")))
}

#[test]
fn people_are_answered_and_strangers_are_not() {
    let (slack, agent) = begin("slack", &format!("{SOCKET}\npairing = true"));
    let running = agent.start();
    slack.write("D77", "U77", "read README.md");
    slack.write("D78", "U78", "list the files here");
    slack.write("D99", "U99", "read README.md");
    until("it answers", || {
        slack.chats.has("D77", "# A house") || slack.chats.has("D77", "A house")
    });
    until("it answers somebody else", || slack.chats.has("D78", "README.md ("));
    until("a stranger is told a code", || slack.chats.of("D99").len() == 1);
    until("all is acknowledged", || slack.waiting() == 0);
    running.end();
    assert!(!slack.chats.has("D99", "A house"));
    assert_eq!(slack.facts().bad_tokens, 0);
    agent.keeps_secrets();
}

/// Killed again and again while people write: see the same of Telegram.
#[test]
fn no_message_is_lost_or_answered_twice() {
    let (slack, agent) = begin("slack-killed", SOCKET);
    let mut written = Vec::new();
    for round in 0..7_u64 {
        let running = agent.start();
        for index in 0..2 {
            let sum = round * 10 + index;
            written.push(format!("{}", 1000 + sum));
            slack.write("D77", "U77", &format!("what is {sum} + 1000?"));
        }
        thread::sleep(Duration::from_millis(30 + round * 37));
        running.kill();
    }
    let running = agent.start();
    slack.write("D77", "U77", "what is 5000 + 1?");
    until("the last is answered", || slack.chats.has("D77", "5001"));
    until("all is acknowledged", || slack.waiting() == 0);
    // A word about what may be lost is said again when the channel takes more, and may come last.
    let is_settled =
        |sum: &String| slack.chats.has("D77", sum) || slack.chats.has("D77", "please ask again");
    until("whoever may have lost an answer is told", || written.iter().all(is_settled));
    running.end();
    for sum in written {
        let count = slack.chats.count("D77", &sum);
        assert!(count <= 1, "{sum} was said {count} times: {:?}", slack.chats.texts("D77"));
        let is_told = slack.chats.has("D77", "please ask again");
        assert!(count == 1 || is_told, "{sum} was lost: {:?}", slack.chats.texts("D77"));
    }
}

#[test]
fn every_mishap_is_survived() {
    let (slack, agent) = begin("slack-mishaps", SOCKET);
    for (call, mishap) in [
        ("auth.test", Mishap::Refused(1)),
        ("auth.test", Mishap::Garbage),
        ("apps.connections.open", Mishap::Status(502)),
        ("apps.connections.open", Mishap::Noise),
        ("conversations.history", Mishap::Hangup),
        ("conversations.history", Mishap::CutAfter(70)),
        ("chat.postMessage", Mishap::Refused(1)),
        ("chat.postMessage", Mishap::Slow),
    ] {
        slack.mishaps.add(call, mishap);
    }
    slack.confuse();
    let running = agent.start();
    let mut sum = 2000;
    let mut write = || {
        slack.write("D77", "U77", &format!("what is {sum} + 0?"));
        sum += 1;
        sum - 1
    };
    let first = write();
    until("it answers", || slack.chats.has("D77", &first.to_string()));
    for order in [Order::Garbage, Order::Refresh, Order::Cut, Order::Refresh, Order::Cut] {
        slack.order(order);
        let during = write();
        until("the order is carried out", || slack.is_done());
        let after = write();
        until("both are answered", || {
            [during, after].iter().all(|sum| slack.chats.has("D77", &sum.to_string()))
        });
    }
    until("all is acknowledged", || slack.waiting() == 0);
    running.end();
    let texts = slack.chats.texts("D77");
    assert_eq!(texts.len(), sum - 2000, "{texts:?}");
    assert!(slack.facts().connections >= 4, "{:?}", slack.facts());
    assert_eq!(slack.facts().bad_tokens, 0);
}

#[test]
fn an_answer_grows_is_split_and_asks_by_buttons() {
    let (slack, port) = serving();
    let model = Model::new();
    let base = format!("http://127.0.0.1:{}", serve(&model, None));
    let config = config(port, SOCKET, ", \"write {work} ask\"") + &Model::section(&base);
    let agent = Agent::new("slack-model", &config);
    let screen = slack.clone();
    model.look_at(move |words| screen.chats.has("D77", words));
    let running = agent.start();
    slack.write("D77", "U77", "grow");
    until("it has grown", || slack.chats.texts("D77").iter().any(|it| it.ends_with("piece 7")));
    let versions = slack.chats.of("D77")[0].versions.clone();
    assert!(versions.len() >= 3, "{versions:?}");
    slack.write("D78", "U78", "long");
    until("the end is there", || slack.chats.has("D78", "word1199"));
    assert!(slack.chats.of("D78").len() >= 3);

    slack.write("D77", "U77", r#"call write_file {"path":"one.txt","content":"x"}"#);
    until("it asks", || slack.chats.question("D77").is_some());
    let question = slack.chats.question("D77").unwrap();
    assert!(question.text.contains("one.txt"), "{question:?}");
    slack.press("D78", "U78", question.id, &question.text, "approve:1");
    slack.press("D77", "U77", question.id, &question.text, "approve:1");
    until("it is done", || agent.work().join("one.txt").exists());
    until("the buttons are gone", || slack.chats.question("D77").is_none());
    slack.write("D77", "U77", r#"call write_file {"path":"two.txt","content":"x"}"#);
    until("it asks again", || slack.chats.question("D77").is_some());
    slack.write("D77", "U77", "/deny 2");
    until("the buttons are gone again", || slack.chats.question("D77").is_none());
    until("all is acknowledged", || slack.waiting() == 0);
    running.end();
    assert!(!agent.work().join("two.txt").exists());
    agent.keeps_secrets();
}

/// Without a token of the app there is no connection: what is new is asked for, and questions are
/// answered by words.
#[test]
fn without_socket_mode_rooms_are_asked() {
    let rooms = "rooms = { D77 = \"people\", C5 = \"people\" }";
    let (slack, port) = serving();
    let model = Model::new();
    let base = format!("http://127.0.0.1:{}", serve(&model, None));
    let config = config(port, rooms, ", \"write {work} ask\"") + &Model::section(&base);
    let agent = Agent::new("slack-asking", &config);
    for mishap in [Mishap::Refused(1), Mishap::Garbage, Mishap::CutAfter(60)] {
        slack.mishaps.add("conversations.history", mishap);
    }
    let running = agent.start();
    until("rooms are asked", || slack.facts().histories >= 2);
    slack.write("D77", "U77", "first");
    slack.write_in("C5", None, "U77", "nothing for it");
    slack.write_in("C5", None, "U99", &format!("<@{BOT}> a stranger"));
    slack.write_in("C5", None, "U78", &format!("<@{BOT}> second"));
    until("the private chat is answered", || slack.chats.has("D77", "You said: first"));
    until("the room is answered", || slack.chats.has("C5", "You said: second"));
    slack.write("D77", "U77", r#"call write_file {"path":"one.txt","content":"x"}"#);
    until("it asks", || slack.chats.has("D77", "one.txt"));
    assert!(slack.chats.question("D77").is_none(), "a button would do nothing");
    slack.write("D77", "U77", "/approve 1");
    until("it is done", || agent.work().join("one.txt").exists());
    running.kill();
    slack.write("D77", "U77", "third");
    let running = agent.start();
    until("what was missed is answered", || slack.chats.has("D77", "You said: third"));
    running.end();
    for words in ["You said: first", "You said: third"] {
        assert_eq!(slack.chats.count("D77", words), 1, "{:?}", slack.chats.texts("D77"));
    }
    assert_eq!(slack.chats.of("C5").len(), 1, "{:?}", slack.chats.texts("C5"));
    assert_eq!(slack.facts().connections, 0);
    agent.keeps_secrets();
}

/// Another room in the configuration is asked from the next reload on, and the first one no longer.
#[test]
fn other_rooms_are_asked_after_a_reload() {
    let (slack, port) = serving();
    let agent = Agent::new("slack-rooms", &config(port, "rooms = { C5 = \"people\" }", ""));
    let running = agent.start();
    until("the room is asked", || slack.facts().histories >= 1);
    slack.write_in("C5", None, "U77", &format!("<@{BOT}> what is 1 + 8000?"));
    until("the room is answered", || slack.chats.has("C5", "8001"));
    agent.configure(&config(port, "rooms = { C6 = \"people\" }", ""));
    running.reload();
    until("it is at work again", || agent.said().matches("at work as").count() >= 2);
    let asked = slack.facts().histories;
    until("the other room is asked", || slack.facts().histories > asked);
    slack.write_in("C5", None, "U77", &format!("<@{BOT}> what is 2 + 8000?"));
    slack.write_in("C6", None, "U77", &format!("<@{BOT}> what is 3 + 8000?"));
    until("the other room is answered", || slack.chats.has("C6", "8003"));
    running.end();
    assert_eq!(slack.chats.of("C5").len(), 1, "{:?}", slack.chats.texts("C5"));
}

#[test]
fn in_a_room_it_answers_who_names_it_and_in_the_thread() {
    let (slack, agent) = begin("slack-room", &format!("{SOCKET}\nrooms = {{ C5 = \"people\" }}"));
    let running = agent.start();
    let opening = slack.write_in("C5", None, "U77", "what is 1 + 7000?");
    slack.write_in("C5", None, "U99", &format!("<@{BOT}> what is 2 + 7000?"));
    slack.write_in("C6", None, "U77", &format!("<@{BOT}> what is 3 + 7000?"));
    slack.write_in("C5", None, "U77", &format!("<@{BOT}> what is 4 + 7000?"));
    slack.write_in("C5", Some(&opening), "U78", &format!("<@{BOT}> what is 5 + 7000?"));
    until("the thread is answered", || slack.chats.has(&format!("C5/{opening}"), "7005"));
    until("the room is answered", || slack.chats.has("C5", "7004"));
    until("all is acknowledged", || slack.waiting() == 0);
    running.end();
    assert_eq!(slack.chats.of("C5").len(), 1, "{:?}", slack.chats.texts("C5"));
    assert!(slack.chats.of("C6").is_empty());
}
