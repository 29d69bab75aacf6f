//! Telegram in small, with faults: what is promised must hold whatever goes wrong.
//!
//! A model of the platform keeps updates until a later one is asked for, and messages that were
//! posted. Answers come late, broken, twice or not at all; the machine and the agent end at any
//! moment and begin anew. The agent is the part of it that matters here: it remembers which
//! messages it has recorded, and acknowledges them late.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use arbtest::arbitrary::{Result, Unstructured};

use super::{OWN, private};
use crate::channel::Post;
use crate::channel::connector::{Action, Call, CallNumber, Connector, Posted, ToFetch, ToPost};
use crate::channel::telegram::Telegram;
use crate::limits::TELEGRAM_UPDATES_MAX;
use crate::text::json;
use crate::time::{Instant, Now, Timestamp};
use crate::wire::http::Headers;

/// What follows from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)) % bound
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What Telegram knows.
#[derive(Default)]
struct Platform {
    updates: VecDeque<(i64, String)>,
    last_update: i64,
    last_message: i64,
    /// The texts of messages, and how often each was posted.
    posted: BTreeMap<String, u32>,
    /// A poll that waits for updates.
    held: Option<(Call, u64)>,
}

impl Platform {
    /// Something happens; says the id that the agent must learn, if it is a message for it.
    fn happen(&mut self, kind: u64) -> Option<String> {
        // Now and then numbers are left out.
        self.last_update += 1 + i64::from(kind == 7);
        self.last_message += 1;
        let (update, message) = (self.last_update, self.last_message);
        let (text, is_message) = match kind {
            0 => (private(update, message, r#""new_chat_title":"x""#), false),
            1 => (format!(r#"{{"update_id":{update},"message":[1]}}"#), false),
            2 => (format!(r#"{{"update_id":{update},"of_tomorrow":{{}}}}"#), false),
            _ => (private(update, message, r#""text":"hello""#), true),
        };
        self.updates.push_back((update, text));
        is_message.then(|| format!("77:{message}"))
    }

    /// What it answers to a poll: everything before the number is forgotten.
    fn updates(&mut self, call: &Call) -> String {
        let (_, body) = call.body.as_ref().unwrap();
        let document = json::parse(body).unwrap();
        let number = |key| document.root().find(key).and_then(|value| value.as_i64().ok());
        if let Some(offset) = number("offset") {
            self.updates.retain(|(update, _)| *update >= offset);
        }
        let limit = usize::try_from(number("limit").unwrap()).unwrap();
        assert!(limit <= TELEGRAM_UPDATES_MAX);
        let some: Vec<&str> =
            self.updates.iter().take(limit).map(|(_, text)| text.as_str()).collect();
        format!(r#"{{"ok":true,"result":[{}]}}"#, some.join(","))
    }

    fn post(&mut self, call: &Call) -> String {
        let (_, body) = call.body.as_ref().unwrap();
        let document = json::parse(body).unwrap();
        let text = document.root().get("text").unwrap().as_str().unwrap().to_string();
        *self.posted.entry(text).or_default() += 1;
        self.last_message += 1;
        format!(r#"{{"ok":true,"result":{{"message_id":{}}}}}"#, self.last_message)
    }
}

struct World {
    chance: Chance,
    platform: Platform,
    telegram: Telegram,
    now: u64,
    /// Calls that are out, and when something is heard of them.
    calls: Vec<(Call, u64)>,
    /// Messages that the agent must learn.
    due: BTreeSet<String>,
    /// What it has recorded, once each.
    recorded: BTreeSet<String>,
    /// What it has still to acknowledge.
    unacknowledged: Vec<String>,
    /// What was handed on in this run.
    handed: BTreeSet<String>,
    /// Posts that were not answered yet.
    open: BTreeSet<u64>,
    last_delivery: u64,
    /// What was said to be sent, or not to be there.
    sent: BTreeSet<u64>,
    absent: BTreeSet<u64>,
    polls_out: BTreeSet<CallNumber>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            chance: Chance(seed),
            platform: Platform::default(),
            telegram: Telegram::new(seed),
            now: 0,
            calls: Vec::new(),
            due: BTreeSet::new(),
            recorded: BTreeSet::new(),
            unacknowledged: Vec::new(),
            handed: BTreeSet::new(),
            open: BTreeSet::new(),
            last_delivery: 0,
            sent: BTreeSet::new(),
            absent: BTreeSet::new(),
            polls_out: BTreeSet::new(),
        };
        world.telegram.start(world.now(), None);
        world
    }

    fn now(&self) -> Now {
        Now { instant: Instant(self.now), wall: Timestamp(self.now) }
    }

    /// One step of somebody.
    fn step(&mut self, has_faults: bool) {
        match self.chance.below(10) {
            0 | 1 => {
                let kind = self.chance.below(8);
                self.due.extend(self.platform.happen(kind));
            }
            2 => {
                self.last_delivery += 1;
                self.open.insert(self.last_delivery);
                let post = ToPost {
                    delivery: self.last_delivery,
                    chat: self.chance.below(3).to_string(),
                    post: Post::Send { piece: 0, text: self.last_delivery.to_string(), key: 1 },
                    question: None,
                };
                self.telegram.post(self.now(), post);
            }
            3 if !self.unacknowledged.is_empty() => {
                let place = self.chance.below(self.unacknowledged.len() as u64);
                let message = self.unacknowledged.remove(usize::try_from(place).unwrap());
                self.telegram.acknowledge(self.now(), &message);
            }
            4 if has_faults && self.chance.percent(5) => self.crash(),
            _ => self.time(),
        }
        self.act(has_faults);
    }

    /// The program ends, and begins anew with what it had recorded.
    fn crash(&mut self) {
        self.telegram = Telegram::new(self.now);
        self.calls.clear();
        self.platform.held = None;
        self.unacknowledged.clear();
        self.handed.clear();
        // What becomes of posts that were out is for the agent to find out.
        self.open.clear();
        self.polls_out.clear();
        self.telegram.start(self.now(), None);
    }

    /// Does what the machine asks for.
    fn act(&mut self, has_faults: bool) {
        while let Some(action) = self.telegram.poll(self.now()) {
            match action {
                Action::Call(call) => {
                    if call.path == "/getUpdates" {
                        assert!(self.polls_out.insert(call.number) && self.polls_out.len() == 1);
                        assert!(self.unacknowledged.is_empty(), "no poll while messages wait");
                    }
                    let late = self.chance.below(3_000);
                    self.calls.push((call, self.now + late));
                }
                Action::Message(incoming) => {
                    assert!(self.handed.insert(incoming.id.clone()), "twice: {}", incoming.id);
                    assert!(self.due.contains(&incoming.id));
                    // The agent's record may be lost with it before it is safe.
                    if !has_faults || self.chance.percent(90) {
                        self.recorded.insert(incoming.id.clone());
                        self.unacknowledged.push(incoming.id);
                    } else {
                        return self.crash();
                    }
                }
                Action::Posted { delivery, outcome, .. } => {
                    assert!(self.open.remove(&delivery), "answered twice");
                    match outcome {
                        Posted::Sent(_) => drop(self.sent.insert(delivery)),
                        Posted::Failed(crate::channel::Failure::RateLimited { .. }) => {
                            self.absent.insert(delivery);
                        }
                        _ => {}
                    }
                }
                Action::Alert(_) | Action::Ready { .. } | Action::Cancel(_) => {}
                other => panic!("{other:?}"),
            }
        }
        self.answer(has_faults);
    }

    /// Time goes on to the next moment at which something happens.
    fn time(&mut self) {
        let calls = self.calls.iter().map(|(_, at)| *at);
        let held = self.platform.held.as_ref().map(|(_, until)| *until);
        let timer = self.telegram.deadline().map(|deadline| deadline.0);
        let next = calls.chain(held).chain(timer).min().unwrap_or(self.now + 1_000);
        self.now = self.now.max(next);
    }

    /// Telegram answers what is due, or does not.
    fn answer(&mut self, has_faults: bool) {
        if let Some((call, until)) = self.platform.held.take() {
            match self.platform.updates.is_empty() && until > self.now {
                true => self.platform.held = Some((call, until)),
                false => self.calls.push((call, self.now)),
            }
        }
        let Some(place) = self.calls.iter().position(|(_, at)| *at <= self.now) else { return };
        let (call, _) = self.calls.remove(place);
        let now = self.now();
        let fault = if has_faults { self.chance.below(20) } else { u64::MAX };
        let is_poll = call.path == "/getUpdates";
        if fault == 0 {
            // It never arrived, and that may be known.
            self.polls_out.remove(&call.number);
            let may_have_arrived = self.chance.percent(50);
            return self.telegram.failed(now, call.number, may_have_arrived);
        }
        let refused = |code: u16, rest: &str| {
            (code, format!(r#"{{"ok":false,"error_code":{code},"description":"x"{rest}}}"#))
        };
        let (status, body) = match (fault, call.path.as_str()) {
            (1, _) => refused(429, r#","parameters":{"retry_after":2}"#),
            (2, "/getUpdates") => refused(409, ""),
            (3, "/getUpdates") => (200, r#"{"ok":true,"result":[{"upd"#.to_string()),
            (4, "/getUpdates") => {
                // An answer of another time: updates that may have come before.
                let again: Vec<_> = self.platform.updates.iter().map(|(_, text)| text).collect();
                let twice: Vec<_> =
                    again.iter().take(5).flat_map(|text| [text.as_str(), text.as_str()]).collect();
                (200, format!(r#"{{"ok":true,"result":[{}]}}"#, twice.join(",")))
            }
            (_, "/getMe") => (200, OWN.to_string()),
            (_, "/getUpdates") => {
                let answer = self.platform.updates(&call);
                if self.platform.updates.is_empty() && fault != 5 {
                    self.platform.held = Some((call, self.now + 50_000));
                    return;
                }
                (200, answer)
            }
            (_, "/sendMessage") => (200, self.platform.post(&call)),
            _ => (200, r#"{"ok":true,"result":true}"#.to_string()),
        };
        if is_poll {
            self.polls_out.remove(&call.number);
        }
        if (6..9).contains(&fault) {
            // It arrived, and the answer was lost on its way.
            return match fault {
                6 => self.telegram.answered(now, call.number, 502, &Headers::new(), b"<html>"),
                _ => self.telegram.failed(now, call.number, true),
            };
        }
        self.telegram.answered(now, call.number, status, &Headers::new(), body.as_bytes());
        if fault == 9 {
            // An answer that comes twice is one.
            self.telegram.answered(now, call.number, status, &Headers::new(), body.as_bytes());
            self.telegram.failed(now, call.number, true);
        }
    }
}

/// Goal: no message is lost or handed on twice, and every post is answered once and truly, whatever
/// breaks. Method: worlds from seeds; after a time of faults there is a time without.
#[test]
fn nothing_is_lost_or_done_twice() {
    for seed in 0..300 {
        let mut world = World::new(seed);
        for _ in 0..600 {
            world.step(true);
        }
        for _ in 0..4_000 {
            world.step(false);
        }
        for _ in 0..2_000 {
            world.time();
            world.act(false);
            for message in core::mem::take(&mut world.unacknowledged) {
                world.telegram.acknowledge(world.now(), &message);
            }
        }
        assert_eq!(world.open, BTreeSet::new(), "seed {seed}: a post was not answered");
        assert_eq!(world.recorded, world.due, "seed {seed}: a message was lost");
        assert!(world.platform.held.is_some(), "seed {seed}: it polls no more");
        for (text, count) in &world.platform.posted {
            assert_eq!(*count, 1, "seed {seed}: {text} was sent twice");
            let delivery = text.parse().unwrap();
            assert!(!world.absent.contains(&delivery), "seed {seed}: {text} is there");
        }
        let posted = |delivery: &u64| world.platform.posted.contains_key(&delivery.to_string());
        assert!(world.sent.iter().all(posted), "seed {seed}: a message is not there");
    }
}

/// Bytes, or pieces of what Telegram says in odd order.
fn nonsense(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let pieces = [
        r#"{"ok":true,"result":"#,
        r#"{"ok":false,"error_code":429,"parameters":{"retry_after":"#,
        r#""update_id":"#,
        r#""message":{"#,
        r#""chat":{"id":1,"type":"private"},"#,
        r#""from":{"id":5,"is_bot":false},"#,
        r#""text":"@sentinel_bot 🎉","#,
        r#""entities":["#,
        r#"{"type":"mention","offset":0,"length":13}"#,
        r#""message_id":"#,
        r#""callback_query":{"#,
        r#""id":"7","#,
        r#""data":"once:3","#,
        r#""description":"entities","#,
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "1",
        "-1",
        "9223372036854775807",
        "1e400",
        "null",
        "\"\\ud800\"",
        "\u{feff}",
        "true",
    ];
    if u.ratio(1, 3)? {
        return Ok(u.bytes(u.len().min(40))?.to_vec());
    }
    let mut bytes = Vec::new();
    for _ in 0..u.int_in_range(0..=20)? {
        bytes.extend_from_slice(u.choose(&pieces)?.as_bytes());
    }
    Ok(bytes)
}

/// Goal: whatever is answered, nothing panics and it polls on. Method: nonsense to every call, then
/// one good answer and one message.
#[test]
fn nonsense_never_ends_it() {
    arbtest::arbtest(|u| {
        let mut telegram = Telegram::new(3);
        let mut now = Now { instant: Instant(0), wall: Timestamp(0) };
        telegram.start(now, None);
        let (mut open, mut delivery, mut files) = (0_i64, 0, 0_i64);
        let mut waiting: Vec<String> = Vec::new();
        let mut is_good = false;
        for _ in 0..200 {
            if u.is_empty() {
                is_good = true;
            } else if delivery < 20 {
                delivery += 1;
                open += 1;
                files += 1;
                let text = String::from_utf8_lossy(&nonsense(u)?).into_owned();
                let post = match u.ratio(1, 2)? {
                    true => Post::Send { piece: 0, text: text.clone(), key: 0 },
                    false => Post::Edit { piece: 0, message: text.clone(), text: text.clone() },
                };
                let question = u.ratio(1, 3)?.then_some(3);
                telegram.post(now, ToPost { delivery, chat: text.clone(), post, question });
                assert!(
                    telegram
                        .fetch(now, ToFetch { number: delivery, attachment: text, bytes_max: 9 })
                );
                telegram.settled(now, 3);
            }
            let Some(action) = telegram.poll(now) else {
                for message in core::mem::take(&mut waiting) {
                    telegram.acknowledge(now, &message);
                }
                now.instant = telegram.deadline().unwrap_or(now.instant);
                continue;
            };
            match action {
                Action::Call(call) => {
                    let status = match is_good {
                        true => 200,
                        false => *u.choose(&[0, 200, 200, 200, 302, 400, 403, 409, 429, 500])?,
                    };
                    let body = match (is_good, call.path.as_str()) {
                        (true, "/getMe") => OWN.into(),
                        (true, "/getUpdates") => br#"{"ok":true,"result":[]}"#.to_vec(),
                        (true, _) => br#"{"ok":true,"result":{"message_id":4}}"#.to_vec(),
                        (false, _) => nonsense(u)?,
                    };
                    telegram.answered(now, call.number, status, &Headers::new(), &body);
                }
                Action::Posted { .. } => open -= 1,
                Action::File { .. } => files -= 1,
                Action::Message(incoming) => {
                    assert!(incoming.check().is_ok());
                    waiting.push(incoming.id);
                }
                Action::Alert(_) | Action::Ready { .. } | Action::Cancel(_) => {}
                Action::Stopped { .. } => return Ok(()),
                other => panic!("{other:?}"),
            }
        }
        for message in waiting {
            telegram.acknowledge(now, &message);
        }
        // Long after every pause it is at work again.
        now.instant = Instant(u64::MAX / 2);
        let mut is_alive = false;
        while !is_alive || open + files > 0 {
            match telegram.poll(now) {
                Some(Action::Call(call)) if call.path == "/getUpdates" => is_alive = true,
                Some(Action::Call(call)) => {
                    let body = if call.path == "/getMe" { OWN } else { "{}" };
                    telegram.answered(now, call.number, 200, &Headers::new(), body.as_bytes());
                }
                Some(Action::Message(incoming)) => telegram.acknowledge(now, &incoming.id),
                Some(Action::Posted { .. }) => open -= 1,
                Some(Action::File { .. }) => files -= 1,
                Some(_) => {}
                None => panic!("it does nothing more"),
            }
        }
        assert_eq!((open, files), (0, 0), "answered twice");
        Ok(())
    });
}
