//! The accounts against a plain list of what happened.

use alloc::string::ToString;
use alloc::vec::Vec;

use arbtest::arbtest;

use super::*;
use crate::time::Timestamp;

const DAY: u64 = 24 * 60 * 60 * 1000;

fn tokens(tokens: u64) -> Amount {
    Amount { tokens, ..Amount::default() }
}

fn limit(scope: Scope, max: u64) -> Limit {
    Limit { scope, measure: Measure::Tokens, max, at_limit: AtLimit::Ask }
}

fn accounts(turn: u64, conversation: u64, person: u64) -> Accounts {
    Accounts { turn, conversation, person }
}

fn limit_of(outcome: Result<ReservationNumber, Refused>) -> Exceeded {
    match outcome {
        Err(Refused::Limit(exceeded)) => exceeded,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_limit_holds_with_many_calls_under_way() {
    let rules = Rules { limits: Vec::from([limit(Scope::Person, 100)]), warn_percent: Vec::new() };
    let mut budgets = Budgets::new(rules);
    let now = Timestamp(5);
    let reserve =
        |budgets: &mut Budgets, turn| budgets.reserve(accounts(turn, turn, 7), tokens(30), now);
    let first = reserve(&mut budgets, 1).unwrap();
    reserve(&mut budgets, 2).unwrap();
    reserve(&mut budgets, 3).unwrap();
    let exceeded = limit_of(reserve(&mut budgets, 4));
    assert_eq!((exceeded.spent, exceeded.reserved, exceeded.wanted), (0, 90, 30));
    // It cost less than was thought, so there is room again.
    budgets.settle(first, tokens(5), now).unwrap();
    assert!(reserve(&mut budgets, 4).is_ok());
    assert!(reserve(&mut budgets, 5).is_err());
    assert_eq!(budgets.settle(first, tokens(5), now), Err(UnknownReservation));
    // Another person has a limit of their own.
    assert!(budgets.reserve(accounts(9, 9, 8), tokens(30), now).is_ok());
}

#[test]
fn a_new_day_is_a_new_account_and_a_clock_set_back_is_not() {
    let rules = Rules { limits: Vec::from([limit(Scope::Day, 100)]), warn_percent: Vec::new() };
    let mut budgets = Budgets::new(rules);
    let late = Timestamp(10 * DAY - 1);
    let over_midnight = budgets.reserve(accounts(1, 1, 1), tokens(60), late).unwrap();
    assert!(budgets.reserve(accounts(2, 1, 1), tokens(60), late).is_err());
    let next = Timestamp(10 * DAY);
    // What began yesterday will be paid today: it is reserved today, too.
    let exceeded = limit_of(budgets.reserve(accounts(2, 1, 1), tokens(60), next));
    assert_eq!((exceeded.spent, exceeded.reserved), (0, 60));
    budgets.settle(over_midnight, tokens(30), next).unwrap();
    assert_eq!(budgets.spent(Scope::Day, 0, next), tokens(30));
    let today = budgets.reserve(accounts(2, 1, 1), tokens(60), next).unwrap();
    assert_eq!(limit_of(budgets.reserve(accounts(2, 1, 1), tokens(11), next)).reserved, 60);
    budgets.settle(today, tokens(60), next).unwrap();
    assert!(budgets.reserve(accounts(3, 1, 1), tokens(60), late).is_err());
    assert_eq!(budgets.spent(Scope::Day, 0, Timestamp(11 * DAY)), tokens(0));
}

#[test]
fn each_share_is_warned_of_once() {
    let limits = Vec::from([limit(Scope::Conversation, 100)]);
    let mut budgets = Budgets::new(Rules { limits, warn_percent: Vec::from([50, 80, 100]) });
    let now = Timestamp(0);
    let mut spend = |cost| {
        let reserved = budgets.reserve(accounts(1, 1, 1), tokens(0), now).unwrap();
        let warnings = budgets.settle(reserved, tokens(cost), now).unwrap();
        warnings.iter().map(|warning| warning.percent).collect::<Vec<_>>()
    };
    assert_eq!(spend(49), [0u8; 0]);
    assert_eq!(spend(1), [50u8]);
    assert_eq!(spend(1), [0u8; 0]);
    assert_eq!(spend(60), [100u8]);
    assert_eq!(spend(60), [0u8; 0]);
}

#[test]
fn a_person_can_allow_more_of_one_thing_for_one_account() {
    let limits = Vec::from([limit(Scope::Turn, 100), limit(Scope::Day, 150)]);
    let mut budgets = Budgets::new(Rules { limits, warn_percent: Vec::new() });
    let now = Timestamp(0);
    let exceeded = limit_of(budgets.reserve(accounts(1, 1, 1), tokens(120), now));
    assert_eq!(exceeded.scope, Scope::Turn);
    budgets.extend(accounts(1, 1, 1), &exceeded, 50, now);
    assert!(budgets.reserve(accounts(2, 1, 1), tokens(120), now).is_err());
    budgets.reserve(accounts(1, 1, 1), tokens(120), now).unwrap();
    assert_eq!(
        budgets.reserve(accounts(1, 1, 1), tokens(31), now).unwrap_err().to_string(),
        "the limit of a turn is 150 tokens: 0 tokens are spent, 120 tokens are reserved, and 31 \
         tokens more are needed"
    );
    budgets.end_turn(1);
    assert_eq!(limit_of(budgets.reserve(accounts(3, 1, 1), tokens(31), now)).scope, Scope::Day);
}

/// Whatever happens in whatever order: limits hold, sums agree with a list, and nothing is left.
#[test]
fn limits_hold_in_any_order() {
    arbtest(|u| {
        let scopes = [Scope::Turn, Scope::Conversation, Scope::Person, Scope::Day];
        let limits: Vec<Limit> = scopes
            .iter()
            .map(|scope| Ok(limit(*scope, u.int_in_range(0..=60)?)))
            .collect::<Result<_, _>>()?;
        let mut budgets = Budgets::new(Rules { limits: limits.clone(), warn_percent: Vec::new() });
        let mut open: Vec<(ReservationNumber, Accounts, u64)> = Vec::new();
        let mut spent: Vec<(Accounts, u64)> = Vec::new();
        let now = Timestamp(0);
        while !u.is_empty() {
            if u.ratio(3, 5)? {
                let whose = accounts(
                    u.int_in_range(0..=2)?,
                    u.int_in_range(0..=1)?,
                    u.int_in_range(0..=1)?,
                );
                let wanted = u.int_in_range(0..=20)?;
                let sum = |scope: Scope| {
                    let same = |other: &Accounts| match scope {
                        Scope::Turn => other.turn == whose.turn,
                        Scope::Conversation => other.conversation == whose.conversation,
                        Scope::Person => other.person == whose.person,
                        Scope::Day => true,
                    };
                    let held = open.iter().filter(|(_, other, _)| same(other));
                    let held = held.map(|(.., amount)| amount).sum::<u64>();
                    let paid = spent.iter().filter(|(other, _)| same(other));
                    held + paid.map(|(_, amount)| amount).sum::<u64>()
                };
                let fits = limits
                    .iter()
                    .all(|limit| wanted == 0 || sum(limit.scope) + wanted <= limit.max);
                match budgets.reserve(whose, tokens(wanted), now) {
                    Ok(number) => {
                        assert!(fits);
                        open.push((number, whose, wanted));
                    }
                    Err(refused) => {
                        let exceeded = limit_of(Err(refused));
                        assert!(!fits);
                        assert_eq!(exceeded.spent + exceeded.reserved, sum(exceeded.scope));
                    }
                }
            } else if !open.is_empty() {
                let index = u.choose_index(open.len())?;
                let (number, whose, reserved) = open.swap_remove(index);
                let actual = u.int_in_range(0..=reserved)?;
                budgets.settle(number, tokens(actual), now).unwrap();
                spent.push((whose, actual));
            }
        }
        for (number, ..) in open {
            budgets.settle(number, tokens(0), now).unwrap();
        }
        assert_eq!(budgets.open_count(), 0);
        let paid = spent.iter().map(|(_, amount)| amount).sum();
        assert_eq!(budgets.spent(Scope::Day, 0, now), tokens(paid));
        Ok(())
    });
}

/// A clock that was ahead for a moment costs the people of that day nothing but that day.
#[test]
fn a_clock_that_is_set_right_turns_the_days_again() {
    let limit =
        Limit { scope: Scope::Day, measure: Measure::Calls, max: 2, at_limit: AtLimit::Stop };
    let mut budgets = Budgets::new(Rules { limits: Vec::from([limit]), warn_percent: Vec::new() });
    let call = Amount { calls: 1, ..Amount::default() };
    let mut spend = |day: u64| {
        let now = Timestamp(day * 86_400_000);
        let reserved = budgets.reserve(Accounts::default(), call, now);
        reserved.map(|number| budgets.settle(number, call, now).unwrap()).is_ok()
    };
    assert!(spend(20_000) && spend(20_000) && !spend(20_000));
    assert!(!spend(19_999), "a day that was is no new one");
    assert!(spend(50_000));
    assert!(spend(20_000) && !spend(20_000), "what was spent stays spent");
    assert!(spend(20_001) && spend(20_001) && !spend(20_001));
}

/// Whatever is under way at midnight, on any number of days: neither day's limit is passed.
#[test]
fn limits_hold_over_midnight() {
    arbtest(|u| {
        let limits = Vec::from([limit(Scope::Day, 100), limit(Scope::Person, 70)]);
        let mut budgets = Budgets::new(Rules { limits, warn_percent: Vec::new() });
        let (mut open, mut now) = (Vec::new(), Timestamp(DAY * 7));
        while !u.is_empty() {
            match u.int_in_range(0..=3)? {
                0 => now = Timestamp(now.0 + u.int_in_range(0..=DAY)?),
                1 | 2 => {
                    let (whose, wanted) = (u.int_in_range(1..=2)?, u.int_in_range(0..=60)?);
                    let reserved = budgets.reserve(accounts(1, 1, whose), tokens(wanted), now);
                    open.extend(reserved.ok().map(|number| (number, wanted)));
                }
                _ if open.is_empty() => {}
                _ => {
                    let (number, wanted) = open.swap_remove(u.choose_index(open.len())?);
                    budgets.settle(number, tokens(u.int_in_range(0..=wanted)?), now).unwrap();
                }
            }
            assert!(budgets.spent(Scope::Day, 0, now).tokens <= 100);
            assert!((1..=2).all(|who| budgets.spent(Scope::Person, who, now).tokens <= 70));
        }
        Ok(())
    });
}

/// That too much is under way is no limit of the operator's, and does not look like one.
#[test]
fn what_is_full_says_so() {
    let mut budgets = Budgets::new(Rules::default());
    let now = Timestamp(0);
    for _ in 0..crate::limits::BUDGET_RESERVATIONS_COUNT_MAX {
        budgets.reserve(accounts(1, 1, 1), tokens(1), now).unwrap();
    }
    let refused = budgets.reserve(accounts(1, 1, 1), tokens(1), now).unwrap_err();
    assert_eq!(refused, Refused::TooMuchUnderWay);
    assert!(refused.to_string().starts_with("65536 things are under way"), "{refused}");
    let mut budgets = Budgets::new(Rules::default());
    let mut spend = |conversation| {
        let number = budgets.reserve(accounts(0, conversation, 0), tokens(1), now)?;
        budgets.settle(number, tokens(1), now).unwrap();
        Ok(())
    };
    let refused = (0..).find_map(|conversation| spend(conversation).err());
    assert_eq!(refused, Some(Refused::TooManyAccounts));
}

#[test]
#[cfg(feature = "agent")]
fn more_is_reserved_for_what_goes_on_until_a_limit_is_reached() {
    let rules = Rules { limits: Vec::from([limit(Scope::Day, 100)]), warn_percent: Vec::new() };
    let mut budgets = Budgets::new(rules);
    let (now, own) = (Timestamp(5), accounts(1, 1, 1));
    assert_eq!(budgets.left(own, Measure::Time, now), None, "no limit says so");
    let first = budgets.reserve(own, tokens(60), now).unwrap();
    assert_eq!(budgets.left(own, Measure::Tokens, now), Some(40));
    assert_eq!(budgets.reserve_more(first, tokens(30), now), Ok(()));
    let exceeded = budgets.reserve_more(first, tokens(11), now).unwrap_err();
    assert_eq!((exceeded.spent, exceeded.reserved, exceeded.wanted), (0, 90, 11));
    assert_eq!(budgets.exceeded(own, tokens(10), now), None);
    // All of it is over with one settlement.
    budgets.settle(first, tokens(5), now).unwrap();
    assert_eq!(budgets.left(own, Measure::Tokens, now), Some(95));
    assert_eq!(
        budgets.reserve_more(first, tokens(1), now),
        Ok(()),
        "it is over, and takes nothing"
    );
    assert_eq!(budgets.left(own, Measure::Tokens, now), Some(95));
}
