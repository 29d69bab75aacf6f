//! What was said while nothing ran is read whole, whatever Slack does in between.

use super::*;

/// What becomes of a request for a page.
#[derive(Clone, Copy, Debug)]
enum Page {
    Told,
    Refused(u16, &'static str),
    Cut,
}

/// A channel of which so much was missed, and a Slack that tells it, the last message first.
struct Missed {
    desk: Desk,
    stamps: Vec<String>,
    /// What each of them weighs, of the hundred that an answer may.
    weights: Vec<u32>,
    /// Those that make an answer unreadable.
    broken: Vec<usize>,
    /// The paths of all requests for a page.
    asked: Vec<String>,
    handed: Vec<String>,
    alerts: Vec<String>,
}

impl Missed {
    fn new(count: usize) -> Self {
        let mut desk = Desk::running();
        desk.hear(&envelope("e1", &message("D1", "1700000000.000100", "hello")));
        desk.acknowledge("D1:1700000000.000100");
        let stamps = (1..=count).map(|index| format!("{}.000100", 1_700_000_000 + index));
        let (stamps, asked) = (stamps.collect(), Vec::new());
        let (handed, alerts) = (Vec::new(), Vec::new());
        let (weights, broken) = (alloc::vec![1; count], Vec::new());
        Self { desk, stamps, weights, broken, asked, handed, alerts }
    }

    /// Connects again, and goes on until nothing is asked any more. What becomes of a page is said
    /// by how many were asked for before.
    fn read(&mut self, becomes: impl Fn(usize) -> Page) {
        self.desk.slack.closed(at(self.desk.now), None);
        let address = calls(self.desk.wait());
        self.desk.answer(&address[0], 200, ADDRESS);
        self.desk.slack.opened(at(self.desk.now));
        let mut actions = self.desk.hear(r#"{"type": "hello"}"#);
        for _ in 0..20_000 {
            let mut next = Vec::new();
            for action in core::mem::take(&mut actions) {
                match action {
                    Action::Call(call) => next.extend(self.answer(&call, &becomes)),
                    Action::Message(message) => {
                        next.extend(self.desk.acknowledge(&message.id));
                        self.handed.push(message.id);
                    }
                    Action::Alert(what) => self.alerts.push(what),
                    _ => {}
                }
            }
            if next.is_empty() {
                if self.desk.slack.deadline().is_none_or(|at| at.0 >= self.desk.now + 600_000) {
                    break;
                }
                let is_at_rest = self.desk.slack.inbox.behind().is_none()
                    && self.desk.slack.history.is_none()
                    && self.desk.slack.left_over.is_none();
                if is_at_rest {
                    break;
                }
                next = self.desk.wait();
            }
            actions = next;
        }
    }

    fn answer(&mut self, call: &Call, becomes: &impl Fn(usize) -> Page) -> Vec<Action> {
        let page = becomes(self.asked.len());
        self.asked.push(call.path.clone());
        match page {
            Page::Told => {
                if let Some(told) = self.page(&call.path) {
                    return self.desk.answer(call, 200, &told);
                }
                self.desk.slack.too_large(at(self.desk.now), call.number);
                self.desk.poll()
            }
            Page::Refused(status, body) => self.desk.answer(call, status, body),
            Page::Cut => {
                self.desk.slack.failed(at(self.desk.now), call.number, true);
                self.desk.poll()
            }
        }
    }

    /// A page, unless it is too large.
    fn page(&self, path: &str) -> Option<String> {
        let value = |key: &str| {
            let mut pairs = path.split(['?', '&']).filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let oldest = value("oldest").unwrap();
        let latest = value("latest").unwrap_or("9");
        let all = self.stamps.iter().zip(&self.weights).rev();
        let newer = all.filter(|(at, _)| at.as_str() > oldest && at.as_str() < latest);
        let newer: Vec<_> = newer.collect();
        let from: usize = value("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let count: usize = value("limit").unwrap().parse().unwrap();
        let page: Vec<_> = newer.iter().skip(from).take(count).collect();
        if page.iter().map(|(_, weight)| **weight).sum::<u32>() > 100 {
            return None;
        }
        let broken: Vec<_> = self.broken.iter().map(|index| &self.stamps[*index]).collect();
        let page = page.iter().map(|(stamp, _)| match broken.contains(stamp) {
            true => message("D1", stamp, "\\ud83d"),
            false => message("D1", stamp, "x"),
        });
        let page = page.collect::<Vec<_>>().join(",");
        let next = from + count;
        let next = if next < newer.len() { next.to_string() } else { String::new() };
        Some(format!(
            r#"{{"ok":true,"messages":[{page}],"response_metadata":{{"next_cursor":"{next}"}}}}"#
        ))
    }

    fn expect_all(&self, what: &str) {
        let expected: Vec<_> = self.stamps.iter().map(|stamp| format!("D1:{stamp}")).collect();
        assert_eq!(self.handed, expected, "{what}");
        assert!(self.alerts.is_empty(), "{what}: {:?}", self.alerts);
    }
}

const FAILURES: [Page; 4] = [
    Page::Refused(429, ""),
    Page::Refused(502, "<html>"),
    Page::Refused(200, r#"{"ok":false,"error":"internal_error"}"#),
    Page::Cut,
];

/// Goal: no message is lost because Slack did not answer once. Method: the first request, the last
/// one and every second one fail, each in every way.
#[test]
fn a_failure_loses_nothing_of_what_was_missed() {
    for failure in FAILURES {
        for (when, fails) in [
            ("at first", (|asked| asked == 0) as fn(usize) -> bool),
            ("in the middle", |asked| asked == 3),
            ("every second time", |asked| asked % 2 == 0),
        ] {
            let mut missed = Missed::new(500);
            missed.read(|asked| if fails(asked) { failure } else { Page::Told });
            missed.expect_all(&format!("{failure:?} {when}"));
            let is_whole = |path: &String| path.contains("&limit=100");
            assert!(missed.asked.iter().all(is_whole), "nothing was too large: {:?}", missed.asked);
        }
    }
}

/// Goal: a walk that Slack interrupts ends. Method: no more requests are made than pages and
/// failures, so it goes on where it was.
#[test]
fn a_walk_goes_on_where_it_was_interrupted() {
    let mut missed = Missed::new(1000);
    missed.read(|asked| if asked % 3 == 2 { Page::Refused(429, "") } else { Page::Told });
    missed.expect_all("interrupted");
    assert_eq!(missed.asked.len(), 14, "{:#?}", missed.asked);
}

#[test]
fn a_place_that_slack_forgot_is_no_end() {
    const FORGOTTEN: Page = Page::Refused(200, r#"{"ok":false,"error":"invalid_cursor"}"#);
    let mut missed = Missed::new(500);
    missed.read(|asked| if asked == 3 { FORGOTTEN } else { Page::Told });
    missed.expect_all("from the beginning");
    assert_eq!(missed.asked.len(), 4 + 5);
}

#[test]
fn who_forgets_every_place_is_not_asked_for_ever() {
    const FORGOTTEN: Page = Page::Refused(200, r#"{"ok":false,"error":"invalid_cursor"}"#);
    let mut missed = Missed::new(500);
    missed.read(|asked| if asked % 2 == 1 { FORGOTTEN } else { Page::Told });
    assert_eq!(missed.asked.len(), 8, "{:?}", missed.asked);
    assert_eq!(missed.handed.len(), 100);
    assert!(missed.alerts[0].contains("was not read"), "{:?}", missed.alerts);
}

#[test]
fn two_thousand_are_read_and_the_operator_is_told_of_more() {
    use crate::limits::CHANNEL_MISSED_MAX;
    let mut missed = Missed::new(CHANNEL_MISSED_MAX);
    missed.read(|_| Page::Told);
    missed.expect_all("as many as there may be");
    let mut missed = Missed::new(CHANNEL_MISSED_MAX + 1);
    missed.read(|_| Page::Told);
    assert_eq!(missed.handed.len(), CHANNEL_MISSED_MAX);
    assert_eq!(missed.alerts.len(), 1);
    assert!(missed.alerts[0].contains("some of it was not read"), "{:?}", missed.alerts);
}

/// Goal: ten messages that are more than an answer may be make nobody deaf.
#[test]
fn what_is_too_large_in_tens_is_read_one_by_one() {
    let mut missed = Missed::new(30);
    missed.weights[5..15].fill(20);
    missed.read(|_| Page::Told);
    missed.expect_all("one by one");
}

/// Goal: one message that is more than an answer may be is passed over, and nothing else; it is
/// told, and not asked for again. Method: one, two, the first and the last of many.
#[test]
fn one_that_is_too_large_alone_is_passed_over() {
    for large in [&[12_usize][..], &[0], &[39], &[3, 4, 30]] {
        let mut missed = Missed::new(40);
        for index in large {
            missed.weights[*index] = 101;
        }
        missed.read(|_| Page::Told);
        let rest = missed.stamps.iter().enumerate().filter(|(index, _)| !large.contains(index));
        let rest: Vec<_> = rest.map(|(_, stamp)| format!("D1:{stamp}")).collect();
        assert_eq!(missed.handed, rest, "{large:?}");
        assert_eq!(missed.alerts.len(), large.len(), "{:?}", missed.alerts);
        assert!(missed.alerts[0].contains("channel D1 is too large"), "{:?}", missed.alerts);
        let asked = missed.asked.len();
        missed.read(|_| Page::Told);
        let again = missed.asked.len() - asked;
        assert!(again <= 1, "{large:?}: it is asked for again: {:?}", &missed.asked[asked..]);
    }
}

/// Goal: one message that makes an answer unreadable is passed over, and nothing else. Method: a
/// half of a character, which is no text, in the first, one, and the last of many.
#[test]
fn one_that_cannot_be_read_is_passed_over() {
    for broken in [&[12_usize][..], &[0], &[39], &[3, 30]] {
        let mut missed = Missed::new(40);
        missed.broken = broken.to_vec();
        missed.read(|_| Page::Told);
        let rest = missed.stamps.iter().enumerate().filter(|(index, _)| !broken.contains(index));
        let rest: Vec<_> = rest.map(|(_, stamp)| format!("D1:{stamp}")).collect();
        assert_eq!(missed.handed, rest, "{broken:?}");
        assert_eq!(missed.alerts.len(), broken.len(), "{:?}", missed.alerts);
        assert!(missed.alerts[0].contains("channel D1 cannot be read"), "{:?}", missed.alerts);
        let asked = missed.asked.len();
        missed.read(|_| Page::Told);
        let again = missed.asked.len() - asked;
        assert!(again <= 1, "{broken:?}: it is asked for again: {:?}", &missed.asked[asked..]);
    }
}

/// Goal: a channel that Slack does not tell of holds up no other one. Method: of two that are asked
/// one by one, the first is answered with what means nothing, for a quarter of an hour.
#[test]
fn one_channel_that_is_not_told_holds_up_no_other() {
    for (status, answer) in
        [(500, "<html>"), (200, "{\"ok\": tru"), (200, r#"{"ok":false,"error":"fatal_error"}"#)]
    {
        let mut desk = Desk::new(Slack::polling(7, &["C1", "C2"]));
        let who = desk.calls();
        let mut actions = desk.answer(&who[0], 200, WHO);
        let since = desk.now;
        let (mut told, mut handed, mut alerts) = (0, Vec::new(), Vec::new());
        while desk.now < since + 15 * 60_000 {
            let mut next = Vec::new();
            for action in core::mem::take(&mut actions) {
                match action {
                    Action::Call(call) if call.path.contains("channel=C1&") => {
                        next.extend(desk.answer(&call, status, answer));
                    }
                    Action::Call(call) if call.path.contains("channel=C2&") => {
                        told += 1;
                        let stamp = format!("{}.000100", 1_700_000_000 + told);
                        let message = message("C2", &stamp, "<@U99> hi");
                        let page = format!(r#"{{"ok":true,"messages":[{message}]}}"#);
                        next.extend(desk.answer(&call, 200, &page));
                    }
                    Action::Message(message) => {
                        next.extend(desk.acknowledge(&message.id));
                        handed.push(message.id);
                    }
                    Action::Alert(what) => alerts.push(what),
                    _ => {}
                }
            }
            actions = if next.is_empty() { desk.wait() } else { next };
        }
        assert!(handed.len() > 100, "{status} {answer}: {}", handed.len());
        assert_eq!(alerts.len(), 1, "{status} {answer}: {alerts:?}");
        assert!(alerts[0].contains("C1"), "{alerts:?}");
    }
}
