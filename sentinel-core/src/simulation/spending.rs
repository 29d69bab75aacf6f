//! What was spent, counted again from the journal by somebody who knows the limits and the prices.
//!
//! Whatever is under way counts as what was reserved for it, also when the program ended meanwhile:
//! so much was promised to stay within the limits before it was asked for. Of time what is counted
//! is what passed by the agent's own clock, which every input is recorded with; where something was
//! given up and no record says when, it is counted until that could have been.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use super::ledger::Line;
use super::surroundings::CALL_TIME_MS;
use crate::agent::Kind;
use crate::budget::{Limit, Measure, Scope};
use crate::text::json;

/// Tokens, millionths of money, calls, and milliseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    tokens: u64,
    money: u64,
    calls: u64,
    time: u64,
}

impl Cost {
    /// What the prices of this world make of tokens that were read and written.
    const fn of_model(read: u64, written: u64) -> Self {
        Self { tokens: read + written, money: read + 4 * written, calls: 1, time: 0 }
    }

    const CALL: Self = Self { calls: 1, ..Self::time(CALL_TIME_MS) };
    /// What the runtime does itself takes no time.
    const OWN: Self = Self { time: 0, ..Self::CALL };

    const fn time(time: u64) -> Self {
        Self { tokens: 0, money: 0, calls: 0, time }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens + other.tokens,
            money: self.money + other.money,
            calls: self.calls + other.calls,
            time: self.time + other.time,
        }
    }

    fn of(self, measure: Measure) -> u64 {
        match measure {
            Measure::Tokens => self.tokens,
            Measure::Money => self.money,
            Measure::Calls => self.calls,
            Measure::Time => self.time,
        }
    }
}

/// Whose accounts something is put down to.
#[derive(Clone, Copy, Debug)]
struct Owner {
    turn: u64,
    conversation: u64,
    person: u64,
}

impl Owner {
    const fn account(self, scope: Scope) -> u64 {
        match scope {
            Scope::Turn => self.turn,
            Scope::Conversation => self.conversation,
            Scope::Person => self.person,
            Scope::Day => 0,
        }
    }
}

#[derive(Debug, Default)]
struct Books {
    /// Of turns and conversations for ever; of people and all for a day, as long as the clock did
    /// not go back.
    spent: BTreeMap<(&'static str, u64), Cost>,
    open: BTreeMap<Thing, Open>,
    /// Questions of servers, by whose they are.
    asked: BTreeMap<u64, Thing>,
    /// What people allowed on top.
    extra: BTreeMap<(&'static str, u64), u64>,
    day: u64,
    time: u64,
    /// How many days there were, the clock's jumps back included.
    days_count: u64,
    /// When the last input was, by the agent's clock.
    now: u64,
}

/// Something under way, and in which of the days it began. A call that took too long is over by a
/// record that does not name it; so to which day it is put down is known only within its own.
#[derive(Clone, Copy, Debug)]
struct Open {
    owner: Owner,
    cost: Cost,
    begun: u64,
    since: u64,
    /// When it may have been given up, without a record that names it.
    doubt: Option<u64>,
    /// Whether the program ended meanwhile.
    is_interrupted: bool,
    /// How many questions of its server wait for people, and since when any does: that time is
    /// not its own.
    asks_count: u64,
    asks_since: Option<u64>,
}

impl Open {
    /// What it holds of the limits, at least.
    fn reserved(&self) -> Cost {
        match self.doubt {
            Some(doubt) => self.until(doubt),
            None => self.cost,
        }
    }

    /// What it cost if it ended then.
    fn until(&self, then: u64) -> Cost {
        let then = then.min(self.asks_since.unwrap_or(then));
        Cost { time: then.saturating_sub(self.since).min(self.cost.time), ..self.cost }
    }

    /// What it cost if nobody says so.
    fn unsaid(&self, now: u64) -> Cost {
        match self.doubt {
            None if self.is_interrupted => self.cost,
            doubt => self.until(doubt.unwrap_or(now)),
        }
    }

    fn counts(&self, scope: Scope, days_count: u64) -> bool {
        !matches!(scope, Scope::Person | Scope::Day) || self.begun == days_count
    }
}

/// What something is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Exchange(u64),
    Call(u64),
}

/// Nothing was begun that would have passed a limit. A provider counts from the head of its answer
/// on: which exchanges had one, the world knows.
pub(super) fn is_bounded(lines: &[Line], limits: &[Limit], answered: &BTreeSet<u64>) {
    let mut books = Books::default();
    let mut turns: BTreeMap<u64, Owner> = BTreeMap::new();
    let mut exceeded: Option<(Limit, Owner)> = None;
    let (mut questions, mut asking) = (BTreeMap::new(), 0);
    for line in lines {
        books.pass(line.time);
        books.tick(line);
        let number = |key| line.number(key).unwrap();
        match line.kind {
            Kind::TurnStarted => {
                let (turn, person) = (number("turn"), number("person"));
                turns.insert(turn, Owner { turn, conversation: line.conversation, person });
            }
            Kind::ModelAsked => {
                let owner = turns[&number("turn")];
                books.give_up(owner.turn);
                // The most that it writes is in it, and costs more than what it reads.
                let (tokens, written) = (number("tokens"), super::surroundings::REPLY_TOKENS_MAX);
                let time = line.number("time_ms").expect("there are limits of time");
                let cost = Cost { time, ..Cost::of_model(tokens - written, written) };
                books.begin(Thing::Exchange(number("exchange")), owner, cost, limits);
            }
            Kind::Reply => books.end(Thing::Exchange(number("exchange")), |it| it.answered(line)),
            Kind::ReplyFailed => {
                let has_begun = ["was_shown", "has_begun"].iter().any(|key| line.is_set(key));
                let is_counted = answered.contains(&number("exchange"));
                // Or it came to its end, was counted there, and broke off after that.
                let is_taken = has_begun || usage(line).tokens > 0;
                assert!(is_taken || !is_counted, "what began to be answered is taken for free");
                books.end(Thing::Exchange(number("exchange")), |it| match has_begun {
                    true => it.answered(line),
                    false => it.of(line),
                });
            }
            Kind::CallStarted => {
                let (owner, thing) = (turns[&number("turn")], Thing::Call(number("call")));
                // What is run again is one call, and takes its time twice.
                let cost = match books.open.contains_key(&thing) {
                    true => Cost::time(CALL_TIME_MS),
                    false => Cost::CALL,
                };
                books.end(thing, |it| it.cost);
                books.begin(thing, owner, cost, limits);
            }
            Kind::ToolFinished => books.end(Thing::Call(number("call")), |it| it.by_clock()),
            Kind::CallInterrupted => books.end(Thing::Call(number("call")), |it| it.cost),
            // What the runtime does itself is over when it is begun.
            Kind::Extracted => {
                let owner = turns.values().rev().find(|it| it.conversation == line.conversation);
                let thing = Thing::Call(number("call"));
                books.begin(thing, *owner.unwrap(), Cost::OWN, limits);
                books.end(thing, |it| it.cost);
            }
            Kind::CallWithheld => books.end(Thing::Call(number("call")), |_| Cost::default()),
            Kind::TurnEnded => books.give_up(number("turn")),
            Kind::Budget if line.number("more_ms").is_some() => {
                let thing = Thing::Exchange(number("exchange"));
                books.extend(thing, Cost::time(number("more_ms")), limits);
            }
            Kind::Budget if line.number("ended_after_ms").is_some() => {
                books.end(Thing::Exchange(number("exchange")), |it| it.by_clock());
            }
            Kind::Budget => {
                let owner = turns.values().rev().find(|it| it.conversation == line.conversation);
                let said = line.text("exceeded");
                exceeded = said.and_then(|said| Some((limit_of(&said, limits), *owner?)));
            }
            Kind::CallAsks => asking = number("call"),
            // It has neither a limit nor calls: it is the server's.
            Kind::ApprovalAsked
                if line.text("limit").is_none() && line.texts("calls").is_empty() =>
            {
                books.ask(Thing::Call(asking), number("question"));
            }
            Kind::ApprovalAsked => {
                let limit = exceeded.take().filter(|_| line.texts("calls").is_empty());
                questions.extend(limit.map(|limit| (number("question"), limit)));
            }
            Kind::ApprovalAnswered if books.is_asked(number("question")) => {
                books.answered(number("question"));
            }
            Kind::ApprovalAnswered if super::promises::allows(line) => {
                if let Some((limit, owner)) = questions.remove(&number("question")) {
                    let key = key(&limit, owner);
                    *books.extra.entry(key).or_default() += limit.max;
                }
            }
            _ => {}
        }
    }
}

impl Books {
    /// On another day people may spend again. When the clock goes back, what was spent is put down
    /// to a day that nobody here knows.
    fn pass(&mut self, time: u64) {
        let day = time / 86_400_000;
        if day != self.day || time < self.time {
            self.spent.retain(|(scope, _), _| !matches!(*scope, "person" | "day"));
            self.days_count += 1;
        }
        (self.day, self.time) = (day, time);
    }

    /// The agent's clock goes on. Nothing is under way then whose time was over before.
    fn tick(&mut self, line: &Line) {
        let Some(now) = line.kind.is_input().then(|| line.number("at").unwrap()) else { return };
        match line.kind {
            Kind::Started => self.open.values_mut().for_each(|open| open.is_interrupted = true),
            // A grant may be gone, and what ran with it.
            Kind::Operator | Kind::Reconfigured => {
                self.open.values_mut().for_each(|open| open.doubt = open.doubt.or(Some(now)));
            }
            _ if now > self.now => {
                let exchanges =
                    self.open.iter().filter(|(thing, _)| matches!(thing, Thing::Exchange(_)));
                let certain = |open: &Open| open.doubt.is_none() && !open.is_interrupted;
                for (thing, open) in exchanges.filter(|(_, open)| certain(open)) {
                    let until = open.since + open.cost.time;
                    assert!(until > self.now, "{thing:?} goes on at {} of {until}", self.now);
                }
            }
            _ => {}
        }
        assert!(now >= self.now, "the agent's clock goes back");
        self.now = now;
    }

    fn begin(&mut self, thing: Thing, owner: Owner, cost: Cost, limits: &[Limit]) {
        self.check(thing, owner, cost, limits);
        let (begun, since) = (self.days_count, self.now);
        let (doubt, is_interrupted, asks_count, asks_since) = (None, false, 0, None);
        let open =
            Open { owner, cost, begun, since, doubt, is_interrupted, asks_count, asks_since };
        self.open.insert(thing, open);
    }

    fn ask(&mut self, thing: Thing, question: u64) {
        self.asked.insert(question, thing);
        if let Some(open) = self.open.get_mut(&thing) {
            open.asks_count += 1;
            open.asks_since.get_or_insert(self.now);
        }
    }

    fn is_asked(&self, question: u64) -> bool {
        self.asked.contains_key(&question)
    }

    fn answered(&mut self, question: u64) {
        let Some(open) = self.asked.remove(&question).and_then(|it| self.open.get_mut(&it)) else {
            return;
        };
        open.asks_count = open.asks_count.saturating_sub(1);
        if open.asks_count == 0
            && let Some(since) = open.asks_since.take()
        {
            open.since += self.now - since;
        }
    }

    /// More is reserved for something that goes on.
    fn extend(&mut self, thing: Thing, more: Cost, limits: &[Limit]) {
        let owner = self.open[&thing].owner;
        self.check(thing, owner, more, limits);
        let open = self.open.get_mut(&thing).unwrap();
        open.cost = open.cost.plus(more);
        // So it was not given up.
        open.doubt = None;
    }

    fn check(&self, thing: Thing, owner: Owner, cost: Cost, limits: &[Limit]) {
        for limit in limits {
            let key = key(limit, owner);
            let is_its = |open: &&Open| {
                open.counts(limit.scope, self.days_count)
                    && open.owner.account(limit.scope) == owner.account(limit.scope)
            };
            let reserved = self.open.values().filter(is_its);
            let reserved = reserved.fold(Cost::default(), |sum, open| sum.plus(open.reserved()));
            let spent = self.spent.get(&key).copied().unwrap_or_default();
            let max = limit.max + self.extra.get(&key).copied().unwrap_or_default();
            let all = spent.plus(reserved).plus(cost).of(limit.measure);
            assert!(
                cost.of(limit.measure) == 0 || all <= max,
                "{thing:?} makes it {all} of {max}, with {reserved:?} under way: {limit:?}"
            );
        }
    }

    fn end(&mut self, thing: Thing, cost: impl FnOnce(&Ended) -> Cost) {
        // Of what is over already nothing more is heard.
        let Some(open) = self.open.remove(&thing) else { return };
        let ended = Ended { cost: open.cost, time: open.until(self.now).time };
        let (owner, cost) = (open.owner, cost(&ended));
        for scope in [Scope::Turn, Scope::Conversation, Scope::Person, Scope::Day] {
            if !open.counts(scope, self.days_count) {
                continue;
            }
            let spent = self.spent.entry((scope.name(), owner.account(scope))).or_default();
            *spent = spent.plus(cost);
        }
    }

    /// What is under way in a turn and is not waited for any more may have cost all of it.
    fn give_up(&mut self, turn: u64) {
        let is_its = |(_, open): &(&Thing, &Open)| open.owner.turn == turn;
        let open: alloc::vec::Vec<Thing> =
            self.open.iter().filter(is_its).map(|(thing, _)| *thing).collect();
        for thing in open {
            let unsaid = self.open[&thing].unsaid(self.now);
            self.end(thing, |_| unsaid);
        }
    }
}

/// Something that ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    /// What was reserved for it.
    cost: Cost,
    /// The time that it took, as far as it was reserved.
    time: u64,
}

impl Ended {
    fn by_clock(&self) -> Cost {
        Cost { time: self.time, ..self.cost }
    }

    /// What an answer cost: all that was reserved for it where the record says nothing.
    fn answered(&self, line: &Line) -> Cost {
        match self.of(line) {
            said if said.tokens == 0 => self.by_clock(),
            said => said,
        }
    }

    /// What a record says that it cost, and the time it took.
    fn of(&self, line: &Line) -> Cost {
        Cost { time: self.time, ..usage(line) }
    }
}

fn key(limit: &Limit, owner: Owner) -> (&'static str, u64) {
    (limit.scope.name(), owner.account(limit.scope))
}

/// The limit that a sentence is about.
fn limit_of(said: &str, limits: &[Limit]) -> Limit {
    let is_meant = |limit: &&Limit| {
        let unit = match limit.measure {
            Measure::Tokens => " tokens:",
            Measure::Calls => " calls:",
            Measure::Money => " in money:",
            Measure::Time => " s:",
        };
        let start: String = alloc::format!("the limit of a {} is ", limit.scope.name());
        said.starts_with(&start) && said.contains(unit)
    };
    *limits.iter().find(is_meant).unwrap_or_else(|| panic!("no limit is meant by {said:?}"))
}

fn usage(line: &Line) -> Cost {
    let document = json::parse(line.payload.as_bytes()).unwrap();
    let usage = document.root().get("usage").unwrap();
    let count = |key| usage.get(key).unwrap().as_u64().unwrap();
    Cost::of_model(count("input"), count("output"))
}
