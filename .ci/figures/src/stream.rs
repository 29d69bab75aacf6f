//! Answers while they are written: how many words a second it takes, and how long the last of them
//! is on its way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::Home;
use crate::model::{Manner, Model};
use crate::table::{Row, quantile};
use crate::telegram::Telegram;
use crate::{BENEATH, one_platform};

/// From before the model writes its last bytes until the first byte of the message that shows them
/// has come: with 200 answers under way at any time. That message still ends with the mark that
/// more may follow, which is taken away when the chat may be changed again.
///
/// A chat is shown something new every 1.5 s at most. The model is silent before its last word for
/// so long that the chat may be shown it at once, so that what is measured is this program and not
/// the rule.
pub(crate) fn latency(binary: &Path) -> io::Result<Vec<Row>> {
    let manner = Manner {
        words_count: 150,
        words_at_once: 1,
        pause: Duration::from_millis(20),
        last_pause: Duration::from_millis(3500),
    };
    let (model, answered) = Model::start(manner)?;
    let (telegram, posted) = Telegram::start(None)?;
    let home = Home::new(Path::new(BENEATH), binary, &config(&telegram, &model), keys(&telegram))?;
    let agent = home.start()?;
    for person in 0..PEOPLE {
        telegram.write(FIRST + person, 0, "tell me something");
        // Not all at the same moment.
        thread::sleep(Duration::from_millis(25));
    }
    let (mut shown, mut times) = (BTreeMap::new(), Vec::new());
    let end = Instant::now() + LATENCY_TIME;
    let mut spent = agent.spent()?;
    let from = Instant::now();
    while Instant::now() < end {
        match posted.recv_timeout(Duration::from_secs(1)) {
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => continue,
            Ok(post) => {
                let Some(word) = last_word(&post.text) else { continue };
                shown.entry(word.to_string()).or_insert(post.came);
                // Then it is whole: no mark follows.
                if post.text.ends_with(word) {
                    telegram.write(post.chat, 0, "and then?");
                }
            }
        }
    }
    spent = agent.spent()? - spent;
    let share = spent.as_secs_f64() / from.elapsed().as_secs_f64();
    for answer in answered.try_iter() {
        if let Some(came) = shown.get(&answer.last_word) {
            times.push(came.saturating_duration_since(answer.at).as_secs_f64() * 1e3);
        }
    }
    if times.len() < ANSWERS_MIN {
        let text = format!("only {} answers arrived: {}", times.len(), home.said());
        return Err(io::Error::other(text));
    }
    let what = format!("model's last byte to platform's first, {PEOPLE} turns at once");
    Ok(vec![
        Row::at_most(format!("{what}, p50"), quantile(&mut times, 0.5), 1.0, "ms", "1 ms"),
        Row::at_most("  p99", quantile(&mut times, 0.99), 5.0, "ms", "5 ms"),
        Row::note("  answers measured", times.len().to_string()),
        Row::note("  of one core, by the program", format!("{:.0} %", share * 100.0)),
    ])
}

/// Words that are taken in a second when the model writes as fast as it can, to 200 chats.
pub(crate) fn throughput(binary: &Path) -> io::Result<Vec<Row>> {
    let manner = Manner {
        words_count: 40_000,
        words_at_once: 10,
        pause: Duration::ZERO,
        last_pause: Duration::ZERO,
    };
    let (model, _answered) = Model::start(manner)?;
    let (telegram, _posted) = Telegram::start(None)?;
    let home = Home::new(Path::new(BENEATH), binary, &config(&telegram, &model), keys(&telegram))?;
    let agent = home.start()?;
    for person in 0..PEOPLE {
        telegram.write(FIRST + person, 0, "tell me something");
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while model.words_count() == 0 {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("no model was asked: {}", home.said())));
        }
        thread::sleep(Duration::from_millis(5));
    }
    // What fits between the two processes is on its way by then.
    thread::sleep(Duration::from_millis(700));
    let (count, spent, from) = (model.words_count(), agent.spent()?, Instant::now());
    thread::sleep(THROUGHPUT_TIME);
    let words = (model.words_count() - count) as f64;
    let (time, spent) = (from.elapsed().as_secs_f64(), (agent.spent()? - spent).as_secs_f64());
    let figure = words / time;
    Ok(vec![
        Row {
            what: format!("streamed words a second, {PEOPLE} answers at once"),
            figure: format!("{figure:.0}"),
            goal: Some("100,000"),
            is_met: figure >= 100_000.0,
        },
        Row::note("  processor time for each", format!("{:.2} µs", spent / words * 1e6)),
    ])
}

/// The word that ends an answer, if it is there.
fn last_word(text: &str) -> Option<&str> {
    let rest = text.get(text.find("end-")?..)?;
    let digits = rest.get(4..)?.find('-')?;
    rest.get(..4 + digits + 1)
}

fn config(telegram: &Telegram, model: &Model) -> String {
    let mut people = String::from("[");
    for person in 0..PEOPLE {
        let _ = write!(people, "\"{}\",", FIRST + person);
    }
    people.push(']');
    let (config, _) = one_platform(telegram, &people);
    format!(
        "{config}[models.fast]\nprovider = \"compatible\"\nmodel = \"m\"\n\
         base_url = \"http://127.0.0.1:{}/v1\"\nreply_tokens = 100000\n",
        model.port
    )
}

fn keys(telegram: &Telegram) -> Vec<(&'static str, String)> {
    one_platform(telegram, "[]").1
}

const PEOPLE: u64 = 200;
const FIRST: u64 = 1000;
const LATENCY_TIME: Duration = Duration::from_secs(25);
const THROUGHPUT_TIME: Duration = Duration::from_secs(4);
const ANSWERS_MIN: usize = 200;
