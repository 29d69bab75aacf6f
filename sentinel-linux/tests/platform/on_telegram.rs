//! The real program on Telegram.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::agent::{Agent, until};
use crate::model::Model;
use crate::server::{Mishap, serve};
use crate::telegram::Telegram;

/// A configuration for an operator, 77, and a person, 78.
fn config(port: u16, more: &str, grants: &str) -> String {
    format!(
        "[telegram]\ntoken_env = \"BOT_TOKEN\"\nbase_url = \"http://localhost:{port}\"\n\
         operators = [\"77\"]\nallowed_users = [\"78\"]\n{more}\n\
         [security]\ngrants = [\"read,list {{work}}\"{grants}]\n"
    )
}

fn begin(name: &str, more: &str) -> (Arc<Telegram>, Agent) {
    let telegram = Telegram::new();
    let agent = Agent::new(name, &config(serve(&telegram, None), more, ""));
    (telegram, agent)
}

/// The same with a model of ours in place of the built-in one.
fn begin_with_model(name: &str, grants: &str) -> (Arc<Telegram>, Arc<Model>, Agent) {
    let (telegram, model) = (Telegram::new(), Model::new());
    let base = format!("http://127.0.0.1:{}", serve(&model, None));
    let config = config(serve(&telegram, None), "", grants) + &Model::section(&base);
    (telegram, model, Agent::new(name, &config))
}

#[test]
fn people_are_answered_and_strangers_are_not() {
    let (telegram, agent) = begin("telegram", "");
    telegram.mishaps.add("sendMessage", Mishap::Refused(1));
    telegram.write(77, "read README.md");
    telegram.write(99, "read README.md");
    let running = agent.start();
    until("it answers", || telegram.chats.has("77", "# A house"));
    telegram.write(78, "list the files here");
    until("it answers somebody else", || telegram.chats.has("78", "README.md ("));
    until("commands are offered", || telegram.commands().contains("\"approve\""));
    running.end();
    assert!(agent.said().contains("at work as sbot"), "{}", agent.said());
    assert!(telegram.chats.of("99").is_empty());
    agent.keeps_secrets();
}

/// Killed again and again while people write: every message is answered, and answered once. One
/// whose answer was on its way is not said again, because Telegram cannot tell that it is the same;
/// that is said instead.
#[test]
fn no_message_is_lost_or_answered_twice() {
    let (telegram, agent) = begin("killed", "");
    let mut written = Vec::new();
    // No more than may wait at once, however slow the machine is.
    for round in 0..7_u64 {
        let running = agent.start();
        for index in 0..2 {
            let sum = round * 10 + index;
            written.push(format!("{}", 1000 + sum));
            telegram.write(77, &format!("what is {sum} + 1000?"));
        }
        thread::sleep(Duration::from_millis(30 + round * 29));
        running.kill();
    }
    let running = agent.start();
    telegram.write(77, "what is 5000 + 1?");
    until("the last is answered", || telegram.chats.has("77", "5001"));
    until("all are confirmed", || telegram.waiting() == 0);
    // A word about what may be lost waits its turn like an answer, and may come last.
    let is_settled = |sum: &String| {
        telegram.chats.has("77", sum) || telegram.chats.has("77", "please ask again")
    };
    until("whoever may have lost an answer is told", || written.iter().all(is_settled));
    running.end();
    for sum in written {
        let count = telegram.chats.count("77", &sum);
        assert!(count <= 1, "{sum} was said {count} times: {:?}", telegram.chats.texts("77"));
        let is_told = telegram.chats.has("77", "please ask again");
        assert!(count == 1 || is_told, "{sum} was lost");
    }
}

/// Whatever goes wrong, each message is answered exactly once: all of these mishaps are of a kind
/// after which it is known that nothing was done, or that it may be done twice.
#[test]
fn every_mishap_is_survived() {
    let (telegram, agent) = begin("mishaps", "");
    telegram.mishaps.add("getMe", Mishap::Garbage);
    telegram.mishaps.add("getMe", Mishap::Refused(1));
    telegram.mishaps.add("setMyCommands", Mishap::Status(500));
    telegram.confuse();
    let running = agent.start();
    let polls = [
        Mishap::Refused(1),
        Mishap::Status(500),
        Mishap::Status(502),
        Mishap::Hangup,
        Mishap::CutAfter(0),
        Mishap::CutAfter(20),
        Mishap::CutAfter(90),
        Mishap::CutAfter(400),
        Mishap::Slow,
        Mishap::Garbage,
        Mishap::Noise,
    ];
    let mut sum = 2000;
    let mut round = |call: &str, mishap| {
        telegram.mishaps.add(call, mishap);
        for chat in [77, 78] {
            telegram.write(chat, &format!("what is {sum} + 0?"));
            telegram.write(chat, &format!("what is {} + 0?", sum + 1));
        }
        until("it went wrong", || telegram.mishaps.left() == 0);
        until("all is answered", || {
            [sum, sum + 1].iter().all(|sum| {
                let sum = sum.to_string();
                telegram.chats.has("77", &sum) && telegram.chats.has("78", &sum)
            })
        });
        sum += 2;
    };
    polls.into_iter().for_each(|mishap| round("getUpdates", mishap));
    for mishap in [Mishap::Refused(1), Mishap::Slow] {
        round("sendMessage", mishap);
    }
    until("all are confirmed", || telegram.waiting() == 0);
    running.end();
    for chat in ["77", "78"] {
        let texts = telegram.chats.texts(chat);
        assert_eq!(texts.len(), sum - 2000, "{texts:?}");
        for sum in 2000..sum {
            assert_eq!(telegram.chats.count(chat, &sum.to_string()), 1, "{sum} in {texts:?}");
        }
    }
}

/// A send of which nobody knows whether it was done is not done again. The operator is told.
#[test]
fn an_answer_of_which_nobody_knows_is_not_said_twice() {
    let (telegram, agent) = begin("unknown", "");
    telegram.mishaps.add("sendMessage", Mishap::CutAfter(0));
    let running = agent.start();
    telegram.write(77, "what is 1 + 4000?");
    until("it is said", || telegram.chats.has("77", "4001"));
    telegram.write(77, "what is 2 + 4000?");
    until("the next is said", || telegram.chats.has("77", "4002"));
    running.end();
    assert_eq!(telegram.chats.count("77", "4001"), 1);
    assert!(agent.said().contains("may not have arrived"), "{}", agent.said());
}

#[test]
fn an_answer_grows_and_a_long_one_is_split() {
    let (telegram, model, agent) = begin_with_model("grow", "");
    model.mishaps.add("model", Mishap::Refused(1));
    model.mishaps.add("model", Mishap::Status(502));
    let screen = telegram.clone();
    model.look_at(move |words| screen.chats.has("77", words));
    let running = agent.start();
    telegram.write(77, "grow");
    until("it has grown", || {
        telegram.chats.texts("77")
            == ["piece 0 piece 1 piece 2 piece 3 \
         piece 4 piece 5 piece 6 piece 7"]
    });
    let versions = telegram.chats.of("77")[0].versions.clone();
    assert!(versions.len() >= 3, "{versions:?}");
    assert!(telegram.chats.has_typed("77"));
    let (_, unfinished) = versions.split_last().unwrap();
    assert!(unfinished.iter().all(|text| text.ends_with('…')), "{versions:?}");
    telegram.write(77, "long");
    until("the end is there", || telegram.chats.has("77", "word1199"));
    let pieces = telegram.chats.texts("77");
    let pieces: Vec<&str> = pieces.iter().skip(1).map(String::as_str).collect();
    assert!(pieces.len() >= 3, "{} pieces", pieces.len());
    let words: Vec<&str> = pieces.iter().flat_map(|text| text.split_whitespace()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| *word != "…").collect();
    let expected: Vec<String> = (0..1200).map(|count| format!("word{count}")).collect();
    assert_eq!(words, expected);
    running.end();
    agent.keeps_secrets();
}

#[test]
fn questions_are_answered_by_buttons_and_by_words() {
    let (telegram, _, agent) = begin_with_model("buttons", ", \"write {work} ask\"");
    let running = agent.start();
    let call = |file: &str| format!(r#"call write_file {{"path":"{file}","content":"x"}}"#);
    telegram.write(77, &call("one.txt"));
    until("it asks", || telegram.chats.question("77").is_some());
    let question = telegram.chats.question("77").unwrap();
    assert!(question.text.contains("one.txt"), "{question:?}");
    assert!(!agent.work().join("one.txt").exists());
    // Somebody else cannot press it, wherever they got the number from.
    telegram.press(78, 78, question.id, &question.buttons[0]);
    telegram.press(77, 77, question.id, &question.buttons[0]);
    until("it is done", || agent.work().join("one.txt").exists());
    until("it is said", || telegram.chats.has("77", "The tool said"));
    until("the buttons are gone", || telegram.chats.question("77").is_none());
    until("both presses are answered", || telegram.answered_presses() >= 2);

    telegram.write(77, &call("two.txt"));
    until("it asks again", || telegram.chats.question("77").is_some());
    telegram.write(77, "/deny 2");
    until("the buttons are gone again", || telegram.chats.question("77").is_none());
    telegram.write(77, &call("three.txt"));
    until("it asks a third time", || telegram.chats.question("77").is_some());
    telegram.write(77, "/approve 3");
    until("that is done", || agent.work().join("three.txt").exists());
    assert!(!agent.work().join("two.txt").exists());
    running.end();
}

#[test]
fn a_stranger_is_let_in_by_a_code() {
    let (telegram, agent) = begin("pairing", "pairing = true");
    let running = agent.start();
    telegram.write(99, "what is 1 + 6000?");
    until("a code is offered", || !telegram.chats.of("99").is_empty());
    let offer = telegram.chats.texts("99")[0].clone();
    assert!(!offer.contains("6001"), "{offer}");
    let code = offer.lines().next().unwrap().rsplit(' ').next().unwrap();
    telegram.write(78, &format!("/pair {code}"));
    telegram.write(77, &format!("/pair {code}"));
    until("it is done", || telegram.chats.of("77").len() == 1);
    telegram.write(99, "what is 2 + 6000?");
    until("the stranger is answered", || telegram.chats.has("99", "6002"));
    running.end();
    assert!(!telegram.chats.has("99", "6001"), "what was said before counts for nothing");
}

#[test]
fn in_a_group_it_answers_who_names_it_and_in_the_topic() {
    let (telegram, agent) = begin("group", "rooms = { -1001 = \"people\" }");
    let running = agent.start();
    telegram.write_in(-1001, None, 77, "what is 1 + 7000?");
    telegram.write_in(-1001, None, 99, "@sbot what is 2 + 7000?");
    telegram.write_in(-2002, None, 77, "@sbot what is 3 + 7000?");
    telegram.write_in(-1001, None, 77, "@sbot what is 4 + 7000?");
    telegram.write_in(-1001, Some(5), 78, "@sbot what is 5 + 7000?");
    until("the topic is answered", || telegram.chats.has("-1001/5", "7005"));
    until("the group is answered", || telegram.chats.has("-1001", "7004"));
    running.end();
    assert_eq!(telegram.chats.of("-1001").len(), 1, "{:?}", telegram.chats.texts("-1001"));
    assert!(telegram.chats.of("-2002").is_empty());
}
