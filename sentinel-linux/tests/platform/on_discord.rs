//! The real program on Discord.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crate::agent::{Agent, until};
use crate::discord::{BOT, Discord, Order};
use crate::model::Model;
use crate::server::{Mishap, serve};

/// An operator, 77, with the private channel 700; a person, 78, with the channel 800.
fn config(port: u16, more: &str, grants: &str) -> String {
    format!(
        "[discord]\ntoken_env = \"BOT_TOKEN\"\nbase_url = \"http://localhost:{port}\"\n\
         operators = [\"77\"]\nallowed_users = [\"78\"]\n{more}\n\
         [security]\ngrants = [\"read,list {{work}}\"{grants}]\n"
    )
}

fn serving() -> (Arc<Discord>, u16) {
    let discord = Discord::new();
    let port = serve(&discord, None);
    discord.port.store(port, Ordering::SeqCst);
    (discord, port)
}

fn begin(name: &str, more: &str) -> (Arc<Discord>, Agent) {
    let (discord, port) = serving();
    (discord, Agent::new(name, &config(port, more, "")))
}

#[test]
fn people_are_answered_and_strangers_are_not() {
    let (discord, agent) = begin("discord", "pairing = true");
    let running = agent.start();
    until("it is in session", || discord.facts().identified == 1);
    discord.write(700, 77, "read README.md");
    discord.write(800, 78, "list the files here");
    discord.write(900, 99, "read README.md");
    until("it answers", || discord.chats.has("700", "# A house"));
    until("it answers somebody else", || discord.chats.has("800", "README.md ("));
    until("a stranger is told a code", || discord.chats.of("900").len() == 1);
    until("it gives signs of life", || discord.facts().beats > 1);
    running.end();
    assert!(!discord.chats.has("900", "# A house"));
    let facts = discord.facts();
    assert_eq!((facts.bad_tokens, facts.overruns), (0, 0), "{facts:?}");
    // GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT, and no more.
    assert_eq!(discord.intents(), 37_377);
    agent.keeps_secrets();
}

/// Killed again and again while people write. Discord knows the keys of messages, so that nothing
/// is lost and nothing said twice.
#[test]
fn no_message_is_lost_or_answered_twice() {
    let (discord, agent) = begin("discord-killed", "");
    let mut written = Vec::new();
    // No more than may wait at once, however slow the machine is.
    for round in 0..7_u64 {
        let running = agent.start();
        if round == 0 {
            // Nobody tells of a private channel that was never heard of.
            until("it is in session", || discord.facts().identified == 1);
        }
        for index in 0..2 {
            let sum = round * 10 + index;
            written.push(format!("{}", 1000 + sum));
            discord.write(700, 77, &format!("what is {sum} + 1000?"));
        }
        if round == 0 {
            until("it answers", || discord.chats.has("700", "1000"));
        }
        thread::sleep(Duration::from_millis(20 + round * 29));
        running.kill();
    }
    let running = agent.start();
    discord.write(700, 77, "what is 5000 + 1?");
    until("all are answered", || {
        discord.chats.has("700", "5001") && written.iter().all(|sum| discord.chats.has("700", sum))
    });
    running.end();
    for sum in &written {
        let count = discord.chats.count("700", sum);
        assert_eq!(count, 1, "{sum} in {:?}", discord.chats.texts("700"));
    }
}

/// The Gateway does all that it may do, and more; meanwhile people write.
#[test]
fn whatever_the_gateway_does_every_message_is_answered_once() {
    let (discord, agent) = begin("discord-gateway", "");
    discord.mishaps.add("gateway", Mishap::Status(502));
    discord.mishaps.add("gateway", Mishap::Garbage);
    discord.mishaps.add("gateway", Mishap::Refused(1));
    let running = agent.start();
    until("it is in session", || discord.facts().identified == 1);
    let mut sum = 2000;
    let mut write = || {
        discord.write(700, 77, &format!("what is {sum} + 0?"));
        sum += 1;
        sum - 1
    };
    let first = write();
    until("it answers", || discord.chats.has("700", &first.to_string()));
    for order in [
        Order::Garbage,
        Order::AskBeat,
        Order::Reconnect,
        Order::Cut,
        Order::Close(4000),
        Order::Invalid(true),
        Order::Zombie,
        Order::Invalid(false),
        Order::Close(4009),
        Order::Cut,
    ] {
        discord.order(order);
        let during = write();
        // After a session that is lost, only the history knows what happens now.
        until("the order is carried out", || discord.is_done());
        let after = write();
        until("both are answered", || {
            [during, after].iter().all(|sum| discord.chats.has("700", &sum.to_string()))
        });
    }
    running.end();
    let texts = discord.chats.texts("700");
    assert_eq!(texts.len(), sum - 2000, "{texts:?}");
    let facts = discord.facts();
    assert!(facts.resumed >= 4 && facts.identified >= 3, "{facts:?}");
    assert_eq!((facts.bad_tokens, facts.overruns), (0, 0), "{facts:?}");
}

#[test]
fn whatever_rest_does_every_message_is_answered_once() {
    let (discord, agent) = begin("discord-rest", "");
    for mishap in [
        Mishap::Refused(1),
        Mishap::Status(500),
        Mishap::Hangup,
        Mishap::CutAfter(0),
        Mishap::CutAfter(60),
        Mishap::Slow,
        Mishap::Garbage,
        Mishap::Noise,
    ] {
        discord.mishaps.add("post", mishap);
    }
    discord.mishaps.add("typing", Mishap::Hangup);
    discord.mishaps.add("history", Mishap::Status(500));
    discord.mishaps.add("history", Mishap::Garbage);
    discord.confuse();
    let running = agent.start();
    until("it is in session", || discord.facts().identified == 1);
    for sum in 0..8 {
        discord.write(700, 77, &format!("what is {sum} + 3000?"));
    }
    until("all are answered", || {
        (3000..3008_u32).all(|sum| discord.chats.has("700", &sum.to_string()))
    });
    // So that histories are asked for.
    discord.lose_session();
    discord.write(700, 77, "what is 8 + 3000?");
    discord.order(Order::Invalid(false));
    until("what was missed is answered", || discord.chats.has("700", "3008"));
    running.end();
    let texts = discord.chats.texts("700");
    assert_eq!(texts.len(), 9, "{texts:?}");
    assert_eq!(discord.facts().bad_tokens, 0);
}

/// What was missed can be more than an answer is let have: then less of it is asked for at once,
/// and nothing of it is lost.
#[test]
fn what_was_missed_is_read_in_smaller_pages() {
    let (discord, agent) = begin("discord-pages", "");
    let running = agent.start();
    until("it is in session", || discord.facts().identified == 1);
    discord.write(700, 77, "what is 1 + 3000?");
    until("it is answered", || discord.chats.has("700", "3001"));
    running.end();
    // Of strangers, so that none of them is answered.
    for number in 0..90 {
        discord.write_with(700, 99, &format!("look at this, {number}"), 100_000);
    }
    discord.write(700, 77, "what is 2 + 3000?");
    // Nor is it told of them another way.
    discord.lose_session();
    let before = discord.facts().histories;
    let running = agent.start();
    until("what was missed is answered", || discord.chats.has("700", "3002"));
    // A hundred at once, which is too much; then ten; then the rest.
    assert!(discord.facts().histories >= before + 3, "{:?}", discord.facts());
    let texts = discord.chats.texts("700");
    assert_eq!(texts.len(), 2, "{texts:?}");
    running.end();
}

#[test]
fn an_answer_grows_is_split_and_asks_by_buttons() {
    let (discord, port) = serving();
    let model = Model::new();
    let base = format!("http://127.0.0.1:{}", serve(&model, None));
    let config = config(port, "", ", \"write {work} ask\"") + &Model::section(&base);
    let agent = Agent::new("discord-model", &config);
    let screen = discord.clone();
    model.look_at(move |words| screen.chats.has("700", words));
    let running = agent.start();
    until("it is in session", || discord.facts().identified == 1);
    discord.write(700, 77, "grow");
    until("it has grown", || discord.chats.texts("700").iter().any(|it| it.ends_with("piece 7")));
    let versions = discord.chats.of("700")[0].versions.clone();
    assert!(versions.len() >= 3, "{versions:?}");
    assert!(discord.chats.has_typed("700"));
    discord.write(800, 78, "long");
    until("the end is there", || discord.chats.has("800", "word1199"));
    assert!(discord.chats.of("800").len() >= 5);

    discord.write(700, 77, r#"call write_file {"path":"one.txt","content":"x"}"#);
    until("it asks", || discord.chats.question("700").is_some());
    let question = discord.chats.question("700").unwrap();
    assert!(question.text.contains("one.txt"), "{question:?}");
    discord.press(800, 78, question.id, "approve:1");
    discord.press(700, 77, question.id, "approve:1");
    until("it is done", || agent.work().join("one.txt").exists());
    until("the buttons are gone", || discord.chats.question("700").is_none());
    until("both presses are responded to", || discord.facts().responses == 2);
    discord.write(700, 77, r#"call write_file {"path":"two.txt","content":"x"}"#);
    until("it asks again", || discord.chats.question("700").is_some());
    discord.write(700, 77, "/deny 2");
    until("the buttons are gone again", || discord.chats.question("700").is_none());
    running.end();
    assert!(!agent.work().join("two.txt").exists());
    agent.keeps_secrets();
}

#[test]
fn in_a_room_it_answers_who_names_it() {
    let (discord, agent) = begin("discord-room", "rooms = { 5000 = \"people\" }");
    let running = agent.start();
    until("it is in session", || discord.facts().identified == 1);
    discord.write_in(5000, 77, "what is 1 + 7000?");
    discord.write_in(5000, 99, &format!("<@{BOT}> what is 2 + 7000?"));
    discord.write_in(6000, 77, &format!("<@{BOT}> what is 3 + 7000?"));
    discord.write_in(60_000_001, 77, &format!("<@{BOT}> what is 5 + 7000?"));
    discord.write_in(5000, 77, &format!("<@{BOT}> what is 4 + 7000?"));
    until("it answers", || discord.chats.has("5000", "7004"));
    // A thread is a channel of its own, and the rule for its room holds in it.
    discord.mishaps.add("place", Mishap::Status(502));
    discord.write_in(50_000_001, 77, &format!("<@{BOT}> what is 6 + 7000?"));
    until("it answers there", || discord.chats.has("50000001", "7006"));
    running.end();
    assert!(discord.chats.of("60000001").is_empty());
    assert_eq!(discord.chats.of("5000").len(), 1, "{:?}", discord.chats.texts("5000"));
    assert!(discord.chats.of("6000").is_empty());
}
