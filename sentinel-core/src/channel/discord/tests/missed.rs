//! What was said while nothing ran is read whole, whatever Discord does in between.

use super::*;

/// What becomes of a request for a page.
#[derive(Clone, Copy, Debug)]
enum Page {
    Told,
    Refused(u16, &'static str),
    Cut,
}

const FAILURES: [Page; 3] = [
    Page::Refused(429, r#"{"retry_after": 1.5, "global": false}"#),
    Page::Refused(502, ""),
    Page::Cut,
];

/// A channel of which so much was missed, and what came of asking for it.
struct Missed {
    desk: Desk,
    last: u64,
    /// The paths of all requests for a page.
    asked: Vec<String>,
    handed: Vec<u64>,
    alerts: Vec<String>,
}

impl Missed {
    fn new(count: u64) -> Self {
        let mut desk = Desk::running();
        desk.message(2, 500, 41, "one");
        desk.discord.acknowledge(at(desk.now), "500");
        let (asked, handed, alerts) = (Vec::new(), Vec::new(), Vec::new());
        Self { desk, last: 500 + count, asked, handed, alerts }
    }

    /// A new session, and what follows until nothing is asked any more. What becomes of a page is
    /// said by how many were asked for before.
    fn read(&mut self, becomes: impl Fn(usize) -> Page) {
        let mut actions = self.desk.hear(READY);
        for _ in 0..20_000 {
            let mut next = Vec::new();
            for action in core::mem::take(&mut actions) {
                match action {
                    Action::Call(call) => next.extend(self.answer(&call, &becomes)),
                    Action::Message(message) => {
                        self.handed.push(message.id.parse().unwrap());
                        self.desk.discord.acknowledge(at(self.desk.now), &message.id);
                        next.extend(self.desk.poll());
                    }
                    Action::Alert(what) => self.alerts.push(what),
                    _ => {}
                }
            }
            if next.is_empty() {
                if self.desk.discord.inbox.missed().is_none() && !self.desk.discord.is_asking {
                    break;
                }
                next = self.desk.wait();
            }
            actions = next;
        }
    }

    fn answer(&mut self, call: &Call, becomes: &impl Fn(usize) -> Page) -> Vec<Action> {
        let Some(path) = call.path.strip_prefix("/channels/41/messages?after=") else {
            return Vec::new();
        };
        let (after, count) = path.split_once("&limit=").unwrap();
        let (after, count): (u64, u64) = (after.parse().unwrap(), count.parse().unwrap());
        let page = becomes(self.asked.len());
        self.asked.push(call.path.clone());
        match page {
            Page::Told => {
                let page =
                    (after + 1..=self.last.min(after + count)).map(|id| message(id, 41, "x"));
                let page = format!("[{}]", page.collect::<Vec<_>>().join(","));
                self.desk.answer(call, 200, &page)
            }
            Page::Refused(status, body) => self.desk.answer(call, status, body),
            Page::Cut => {
                self.desk.discord.failed(at(self.desk.now), call.number, true);
                self.desk.poll()
            }
        }
    }
}

/// Goal: no message is lost because Discord did not answer. Method: the first request, and every
/// second one, fails, each in every way.
#[test]
fn a_failure_loses_nothing_of_what_was_missed() {
    for failure in FAILURES {
        for (when, fails) in [
            ("at first", (|asked| asked == 0) as fn(usize) -> bool),
            ("every second time", |asked| asked % 2 == 0),
        ] {
            let mut missed = Missed::new(500);
            missed.read(|asked| if fails(asked) { failure } else { Page::Told });
            let expected: Vec<_> = (501..=1000).collect();
            assert_eq!(missed.handed, expected, "{failure:?} {when}");
            assert!(missed.alerts.is_empty(), "{failure:?} {when}: {:?}", missed.alerts);
            let is_whole = |path: &String| path.ends_with("&limit=100");
            assert!(missed.asked.iter().all(is_whole), "nothing was too large: {:?}", missed.asked);
        }
    }
}

/// Goal: messages of which ten are more than an answer may be are read one by one.
#[test]
fn what_is_too_large_is_asked_for_one_by_one() {
    let mut desk = Desk::running();
    desk.message(2, 500, 41, "one");
    desk.discord.acknowledge(at(desk.now), "500");
    let mut asked = calls(desk.hear(READY));
    for (after, limit, is_read) in
        [(500, 100, false), (500, 10, false), (500, 1, true), (501, 10, false), (501, 1, true)]
    {
        let path = format!("/channels/41/messages?after={after}&limit={limit}");
        assert_eq!(asked[0].path, path);
        if is_read {
            let page = format!("[{}]", message(after + 1, 41, "x"));
            let actions = desk.answer(&asked[0], 200, &page);
            let id = (after + 1).to_string();
            assert_eq!(ids(&actions), [&id]);
            desk.discord.acknowledge(at(desk.now), &id);
            asked = calls(actions);
        } else {
            desk.discord.too_large(at(desk.now), asked[0].number);
            asked = calls(desk.wait());
        }
    }
    desk.answer(&asked[0], 200, "[]");
    assert_eq!(ids(&desk.message(9, 600, 41, "now")), ["600"], "nothing waits any more");
}

/// Goal: one message that is more than an answer may be, or makes one unreadable, is passed over,
/// and nothing else; it is told, and not asked for again. Method: one in the middle, the first, the
/// last, and two of many, minutes apart.
#[test]
fn one_that_cannot_be_read_alone_is_passed_over() {
    for is_large in [true, false] {
        for broken in [&[12_u64][..], &[1], &[40], &[5, 30]] {
            let place = |index: u64| (1_000_000 + index * 600_000) << 22;
            let mut desk = Desk::running();
            desk.message(2, place(0), 41, "one");
            desk.discord.acknowledge(at(desk.now), &place(0).to_string());
            let mut actions = desk.hear(READY);
            let live = place(100).to_string();
            actions.extend(desk.message(2, place(100), 41, "live"));
            let (mut handed, mut alerts, mut asked_count) = (Vec::new(), Vec::new(), 0);
            for _ in 0..2_000 {
                let mut next = Vec::new();
                for action in core::mem::take(&mut actions) {
                    match action {
                        Action::Call(call) => {
                            asked_count += 1;
                            let path = call.path.strip_prefix("/channels/41/messages?after=");
                            let (after, limit) = path.unwrap().split_once("&limit=").unwrap();
                            let after: u64 = after.parse().unwrap();
                            let all = (1..=40).chain([100]).filter(|index| place(*index) > after);
                            let page: Vec<u64> = all.take(limit.parse().unwrap()).collect();
                            let is_broken = page.iter().any(|index| broken.contains(index));
                            let page = page.iter().map(|index| message(place(*index), 41, "x"));
                            let page = format!("[{}]", page.collect::<Vec<_>>().join(","));
                            if is_broken && is_large {
                                desk.discord.too_large(at(desk.now), call.number);
                                next.extend(desk.poll());
                            } else if is_broken {
                                let page = page.replace("ada", "\\ud83d");
                                next.extend(desk.answer(&call, 200, &page));
                            } else {
                                next.extend(desk.answer(&call, 200, &page));
                            }
                        }
                        Action::Send { .. } => next.extend(desk.hear(r#"{"op": 11}"#)),
                        Action::Message(message) => {
                            desk.discord.acknowledge(at(desk.now), &message.id);
                            handed.push(message.id);
                        }
                        Action::Alert(what) => alerts.push(what),
                        _ => {}
                    }
                }
                if handed.last() == Some(&live) {
                    break;
                }
                actions = if next.is_empty() { desk.wait() } else { next };
            }
            let rest = (1..=40).chain([100]).filter(|index| !broken.contains(index));
            let rest: Vec<_> = rest.map(|index| place(index).to_string()).collect();
            assert_eq!(handed, rest, "{is_large} {broken:?}");
            assert_eq!(alerts.len(), broken.len(), "{alerts:?}");
            assert!(alerts[0].contains("channel 41 is too large"), "{alerts:?}");
            assert!(asked_count < 200, "{asked_count}");
        }
    }
}

/// Goal: a channel of which Discord tells nothing makes us deaf in no other one, and in itself for
/// minutes. Method: two channels and a new session; whatever is asked of the first is answered with
/// nothing that says what was missed, and in both somebody speaks.
#[test]
fn one_channel_that_is_not_told_holds_up_no_other() {
    for (status, answer) in [(502, "<html>"), (200, "{}")] {
        let mut desk = Desk::running();
        for (seq, id, channel) in [(2, 500, 41), (3, 501, 42)] {
            desk.message(seq, id, channel, "one");
            desk.discord.acknowledge(at(desk.now), &id.to_string());
        }
        let since = desk.now;
        let mut actions = desk.hear(READY);
        actions.extend(desk.message(2, 600, 41, "first"));
        actions.extend(desk.message(3, 601, 42, "second"));
        let (mut handed, mut alerts, mut asked_count) = (Vec::new(), Vec::new(), 0);
        for _ in 0..200 {
            let mut next = Vec::new();
            for action in core::mem::take(&mut actions) {
                match action {
                    Action::Call(call) if call.path.starts_with("/channels/41/") => {
                        asked_count += 1;
                        next.extend(desk.answer(&call, status, answer));
                    }
                    Action::Call(call) if call.path.starts_with("/channels/42/") => {
                        next.extend(desk.answer(&call, 200, "[]"));
                    }
                    // It lasts: what is due is acknowledged.
                    Action::Send { .. } => next.extend(desk.hear(r#"{"op": 11}"#)),
                    Action::Message(message) => handed.push((message.id, desk.now - since)),
                    Action::Alert(what) => alerts.push(what),
                    _ => {}
                }
            }
            if handed.len() == 2 {
                break;
            }
            actions = if next.is_empty() { desk.wait() } else { next };
        }
        let [(second, soon), (first, later)] = &handed[..] else { panic!("{status}: {handed:?}") };
        assert_eq!((&second[..], &first[..]), ("601", "600"), "{status} {answer}");
        assert!(*soon < 5_000 && *later < 300_000, "{status}: {soon} {later}");
        assert_eq!(asked_count, 8, "{status}");
        assert_eq!(alerts.len(), 1, "{alerts:?}");
        assert!(alerts[0].contains("channel 41"), "{alerts:?}");
        assert_eq!(ids(&desk.message(4, 602, 41, "third")), ["602"], "nothing waits any more");
    }
}

/// The same where Discord does not say what kind of channel it is.
#[test]
fn one_channel_that_is_not_known_holds_up_no_other() {
    let mut desk = Desk::running();
    let said = |id: u64, channel: u64| {
        let mut data = message(id, channel, "<@99> x");
        data.insert_str(1, r#""guild_id":"9","mentions":[{"id":"99"}],"#);
        format!(r#"{{"op": 0, "t": "MESSAGE_CREATE", "s": 7, "d": {data}}}"#)
    };
    let since = desk.now;
    let mut actions = desk.hear(&said(500, 41));
    actions.extend(desk.hear(&said(501, 42)));
    let (mut handed, mut asked_count) = (Vec::new(), 0);
    for _ in 0..200 {
        let mut next = Vec::new();
        for action in core::mem::take(&mut actions) {
            match action {
                Action::Call(call) if call.path == "/channels/41" => {
                    asked_count += 1;
                    next.extend(desk.answer(&call, 500, "<html>"));
                }
                Action::Call(call) if call.path == "/channels/42" => {
                    next.extend(desk.answer(&call, 200, r#"{"id": "42", "type": 0}"#));
                }
                Action::Send { .. } => next.extend(desk.hear(r#"{"op": 11}"#)),
                Action::Message(message) => handed.push((message.id, desk.now - since)),
                _ => {}
            }
        }
        if handed.len() == 2 {
            break;
        }
        actions = if next.is_empty() { desk.wait() } else { next };
    }
    let [(second, soon), (first, later)] = &handed[..] else { panic!("{handed:?}") };
    assert_eq!((&second[..], &first[..]), ("501", "500"));
    assert!(*soon < 5_000 && *later < 300_000, "{soon} {later}");
    assert_eq!(asked_count, 8);
}

/// Goal: who answers everything with what is no JSON makes nobody deaf for long, and no message is
/// blamed for it.
#[test]
fn one_channel_that_is_never_readable_is_given_up() {
    let mut desk = Desk::running();
    desk.message(2, 500, 41, "one");
    desk.discord.acknowledge(at(desk.now), "500");
    let since = desk.now;
    let mut actions = desk.hear(READY);
    actions.extend(desk.message(2, 600, 41, "live"));
    let (mut alerts, mut handed) = (Vec::new(), Vec::new());
    loop {
        let mut next = Vec::new();
        for action in core::mem::take(&mut actions) {
            match action {
                Action::Call(call) => next.extend(desk.answer(&call, 200, "[{\"id\": \"50")),
                Action::Send { .. } => next.extend(desk.hear(r#"{"op": 11}"#)),
                Action::Message(message) => handed.push(message.id),
                Action::Alert(what) => {
                    assert!(handed.is_empty(), "it waits until then");
                    alerts.push(what);
                }
                _ => {}
            }
        }
        if !alerts.is_empty() {
            break;
        }
        actions = if next.is_empty() { desk.wait() } else { next };
    }
    assert!(alerts[0].contains("does not tell"), "{alerts:?}");
    assert_eq!(handed, ["600"]);
    assert!(desk.now < since + 300_000, "{}", desk.now - since);
}
