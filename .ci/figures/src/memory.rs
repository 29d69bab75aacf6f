//! What it holds when nothing happens, and how often it wakes up then.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::{Agent, Home};
use crate::authority::Authority;
use crate::sockets;
use crate::table::Row;
use crate::telegram::{Post, Telegram};
use crate::{BENEATH, one_platform, plain};

/// One platform in a long poll, in the clear and under TLS; then three of them.
pub(crate) fn idle(binary: &Path) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let (telegram, _posted) = Telegram::start(None)?;
    let (config, variables) = one_platform(&telegram, "[\"77\"]");
    let home = Home::new(Path::new(BENEATH), binary, &config, variables)?;
    let held = quiet(&home, &telegram)?.held()?;
    let (resident, proportional) = (megabytes(held.resident), megabytes(held.proportional));
    rows.push(Row::at_most("memory, one platform, resident", resident, 3.5, "MB", "3.5 MB"));
    rows.push(Row::at_most("  proportional", proportional, 1.9, "MB", "1.9 MB"));
    drop(home);

    let authority = Authority::new()?;
    let (secure, _posted) = Telegram::start(Some(authority.server()))?;
    let (config, variables) = one_platform(&secure, "[\"77\"]");
    let address = format!("https://localhost:{}", secure.port);
    let config = config.replace(&plain(secure.port), &address);
    let config = format!("{config}[http]\nca_file = \"ca.pem\"\n");
    let home = Home::new(Path::new(BENEATH), binary, &config, variables)?;
    home.put("work/ca.pem", authority.pem())?;
    let held = quiet(&home, &secure)?.held()?;
    rows.push(Row::note(
        "  the same under TLS, resident and proportional",
        format!("{:.2}, {:.2} MB", megabytes(held.resident), megabytes(held.proportional)),
    ));
    drop(home);

    let (discord, slack) = (sockets::discord()?, sockets::slack()?);
    let (config, mut variables) = one_platform(&telegram, "[\"77\"]");
    let config = format!(
        "{config}[discord]\noperators = [\"100000000000000077\"]\nbase_url = \"{}/api/v10\"\n\
         [slack]\noperators = [\"U00000077\"]\nbase_url = \"{}/api\"\n",
        plain(discord.port),
        plain(slack.port)
    );
    variables.extend([
        ("DISCORD_BOT_TOKEN", "secret".into()),
        ("SLACK_BOT_TOKEN", "xoxb-secret".into()),
        ("SLACK_APP_TOKEN", "xapp-secret".into()),
    ]);
    let home = Home::new(Path::new(BENEATH), binary, &config, variables)?;
    let agent = quiet(&home, &telegram)?;
    if !(discord.is_open() && slack.is_open()) {
        return Err(io::Error::other(format!("a platform is not connected: {}", home.said())));
    }
    let resident = megabytes(agent.held()?.resident);
    rows.push(Row::at_most("memory, three platforms, resident", resident, 5.0, "MB", "5 MB"));
    Ok(rows)
}

/// Ten thousand chats in which something was said once and answered: topics of as many people as a
/// configuration may name.
pub(crate) fn conversations(binary: &Path) -> io::Result<Vec<Row>> {
    let (telegram, posted) = Telegram::start(None)?;
    let mut people = String::from("[");
    for person in 0..PEOPLE {
        let _ = write!(people, "\"{}\",", FIRST + person);
    }
    people.push(']');
    let (config, variables) = one_platform(&telegram, &people);
    let home = Home::new(Path::new(BENEATH), binary, &config, variables)?;
    let agent = quiet(&home, &telegram)?;
    let start = Instant::now();
    for number in 0..CONVERSATIONS {
        telegram.write(FIRST + number % PEOPLE, 1 + number / PEOPLE, "what is 2 + 2?");
    }
    answered(&posted, CONVERSATIONS, &home)?;
    let time = start.elapsed().as_secs_f64();
    thread::sleep(Duration::from_secs(2));
    let resident = megabytes(agent.held()?.resident);
    let what = "memory, 10,000 conversations with a question and its answer each";
    let most = 60.0 * 1.048_576;
    Ok(vec![
        Row::at_most(what, resident, most, "MB", "60 MiB"),
        Row::note("  all of them answered in", format!("{time:.1} s")),
    ])
}

/// Waits for so many different chats to have been told something.
fn answered(posted: &Receiver<Post>, count: u64, home: &Home) -> io::Result<()> {
    let mut chats = std::collections::BTreeSet::new();
    while (chats.len() as u64) < count {
        match posted.recv_timeout(Duration::from_secs(10)) {
            Ok(post) => chats.insert((post.chat, post.topic)),
            Err(_) => {
                let text = format!("{} of {count} were answered: {}", chats.len(), home.said());
                return Err(io::Error::other(text));
            }
        };
    }
    Ok(())
}

/// How often it wakes up while Telegram holds a poll, once what the start wrote was signed.
pub(crate) fn wakes(binary: &Path) -> io::Result<Vec<Row>> {
    let (telegram, _posted) = Telegram::start(None)?;
    let (config, variables) = one_platform(&telegram, "[\"77\"]");
    let home = Home::new(Path::new(BENEATH), binary, &config, variables)?;
    let agent = quiet(&home, &telegram)?;
    thread::sleep(CALM_TIME);
    let (waits, polls) = (agent.waits()?, telegram.polls().len());
    thread::sleep(WAKES_TIME);
    let (waits, polls) = (agent.waits()? - waits, telegram.polls().len() - polls);
    let seconds = WAKES_TIME.as_secs();
    Ok(vec![Row {
        what: format!("wake-ups in {seconds} s, nobody writing"),
        figure: format!("{waits}, with {polls} polls"),
        goal: Some("only the polls'"),
        // An answer may come in two parts, and the next poll goes out after it.
        is_met: waits <= 2 * polls as u64,
    }])
}

/// One that was started and has come to rest in a poll.
fn quiet(home: &Home, telegram: &Telegram) -> io::Result<Agent> {
    let seen = telegram.polls().len();
    let agent = home.start()?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while telegram.polls().len() == seen {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("it does not poll: {}", home.said())));
        }
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_secs(2));
    Ok(agent)
}

/// In units of a million bytes, as peers' figures are.
fn megabytes(kibibytes: u64) -> f64 {
    kibibytes as f64 * 1024.0 / 1e6
}

const CONVERSATIONS: u64 = 10_000;
const PEOPLE: u64 = 1_000;
const FIRST: u64 = 100_000;
/// After a start the log is signed once more, a minute later.
const CALM_TIME: Duration = Duration::from_secs(65);
const WAKES_TIME: Duration = Duration::from_secs(62);
