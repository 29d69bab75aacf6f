//! What was spent, counted again from the journal by somebody who knows the limits and the prices.
//!
//! Whatever is under way counts as what was reserved for it, also when the program ended meanwhile:
//! so much was promised to stay within the limits before it was asked for.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::ledger::Line;
use crate::agent::Kind;
use crate::budget::{Limit, Measure, Scope};
use crate::text::json;

/// Tokens, millionths of money, and calls.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    tokens: u64,
    money: u64,
    calls: u64,
}

impl Cost {
    /// What the prices of this world make of tokens that were read and written.
    const fn of_model(read: u64, written: u64) -> Self {
        Self { tokens: read + written, money: read + 4 * written, calls: 1 }
    }

    const CALL: Self = Self { tokens: 0, money: 0, calls: 1 };

    const fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens + other.tokens,
            money: self.money + other.money,
            calls: self.calls + other.calls,
        }
    }

    fn of(self, measure: Measure) -> u64 {
        match measure {
            Measure::Tokens => self.tokens,
            Measure::Money => self.money,
            Measure::Calls => self.calls,
            Measure::Time => 0,
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
    /// What people allowed on top.
    extra: BTreeMap<(&'static str, u64), u64>,
    day: u64,
    time: u64,
    /// How many days there were, the clock's jumps back included.
    days_count: u64,
}

/// Something under way, and in which of the days it began. A call that took too long is over by a
/// record that does not name it; so to which day it is put down is known only within its own.
#[derive(Clone, Copy, Debug)]
struct Open {
    owner: Owner,
    cost: Cost,
    begun: u64,
}

impl Open {
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

/// Nothing was begun that would have passed a limit.
pub(super) fn is_bounded(lines: &[Line], limits: &[Limit]) {
    let mut books = Books::default();
    let mut turns: BTreeMap<u64, Owner> = BTreeMap::new();
    let mut exceeded: Option<(Limit, Owner)> = None;
    let mut questions = BTreeMap::new();
    for line in lines {
        books.pass(line.time);
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
                let cost = Cost::of_model(tokens - written, written);
                books.begin(Thing::Exchange(number("exchange")), owner, cost, limits);
            }
            Kind::Reply => books.end(Thing::Exchange(number("exchange")), |_| usage(line)),
            Kind::ReplyFailed => books.end(Thing::Exchange(number("exchange")), |reserved| {
                let said = usage(line);
                let has_begun = ["was_shown", "has_begun"].iter().any(|key| line.is_set(key));
                match said.tokens {
                    0 if has_begun => reserved,
                    _ => said,
                }
            }),
            Kind::CallStarted if number("attempt") == 1 => {
                let owner = turns[&number("turn")];
                books.begin(Thing::Call(number("call")), owner, Cost::CALL, limits);
            }
            Kind::ToolFinished | Kind::CallInterrupted => {
                books.end(Thing::Call(number("call")), |reserved| reserved);
            }
            // What the runtime does itself is over when it is begun.
            Kind::Extracted => {
                let owner = turns.values().rev().find(|it| it.conversation == line.conversation);
                let thing = Thing::Call(number("call"));
                books.begin(thing, *owner.unwrap(), Cost::CALL, limits);
                books.end(thing, |reserved| reserved);
            }
            Kind::CallWithheld => books.end(Thing::Call(number("call")), |_| Cost::default()),
            Kind::TurnEnded => books.give_up(number("turn")),
            Kind::Budget => {
                let owner = turns.values().rev().find(|it| it.conversation == line.conversation);
                let said = line.text("exceeded");
                exceeded = said.and_then(|said| Some((limit_of(&said, limits), *owner?)));
            }
            Kind::ApprovalAsked => {
                let limit = exceeded.take().filter(|_| line.texts("calls").is_empty());
                questions.extend(limit.map(|limit| (number("question"), limit)));
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

    fn begin(&mut self, thing: Thing, owner: Owner, cost: Cost, limits: &[Limit]) {
        for limit in limits {
            let key = key(limit, owner);
            let is_its = |open: &&Open| {
                open.counts(limit.scope, self.days_count)
                    && open.owner.account(limit.scope) == owner.account(limit.scope)
            };
            let reserved = self.open.values().filter(is_its);
            let reserved = reserved.fold(Cost::default(), |sum, open| sum.plus(open.cost));
            let spent = self.spent.get(&key).copied().unwrap_or_default();
            let max = limit.max + self.extra.get(&key).copied().unwrap_or_default();
            let all = spent.plus(reserved).plus(cost).of(limit.measure);
            assert!(
                cost.of(limit.measure) == 0 || all <= max,
                "{thing:?} makes it {all} of {max}, with {reserved:?} under way: {limit:?}"
            );
        }
        self.open.insert(thing, Open { owner, cost, begun: self.days_count });
    }

    fn end(&mut self, thing: Thing, cost: impl FnOnce(Cost) -> Cost) {
        // Of what is over already nothing more is heard.
        let Some(open) = self.open.remove(&thing) else { return };
        let (owner, cost) = (open.owner, cost(open.cost));
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
            self.end(thing, |reserved| reserved);
        }
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
            _ => ":",
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
