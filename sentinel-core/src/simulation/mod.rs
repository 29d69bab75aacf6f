//! A world in which everything goes wrong that can, from a seed.
//!
//! Models that lie and break off, people who interrupt, strangers, a platform that repeats and
//! loses, tools that never end, a disk that tears, clocks that jump, and crashes at any moment:
//! all drawn from one number, so that a run that fails is run again by its seed. What is asked for
//! is checked as it is, what is open after every step, the log at every start, and the rest of the
//! promises against what the world saw, when all has come to rest.
//!
//! Run more of it with `SENTINEL_SEEDS=100000 cargo test -p sentinel-core --release simulation`,
//! one seed with `SENTINEL_SEED=0x2a`, and every event of it with `SENTINEL_TRACE=1` besides.

mod chat;
mod disk;
mod faults;
mod ledger;
mod outside;
mod promises;
mod provider;
mod random;
mod spending;
mod summary;
mod surroundings;
mod world;

use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZero;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{env, eprintln, println, thread};

pub(crate) use self::faults::{hidden, is_broken};
use self::summary::Summary;
use self::world::World;

/// Runs one world to its end.
fn run(seed: u64) -> Summary {
    World::new(seed).run()
}

/// What a panic said.
fn words(panic: &(dyn core::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into())).unwrap_or_default()
}

/// Does something for each number, on as many threads as there are processors, until it fails for
/// one: the lowest that was tried by then.
fn side_by_side<T: Send>(
    numbers: Range<u64>,
    each: impl Fn(u64) -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    let (next, has_failed) = (AtomicU64::new(numbers.start), AtomicBool::new(false));
    let work = || {
        let mut done = Vec::new();
        while !has_failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                break;
            }
            let outcome = each(number);
            has_failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
            done.push((number, outcome));
        }
        done
    };
    let threads_count = thread::available_parallelism().map_or(1, NonZero::get);
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads_count).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[test]
fn what_was_found_once_stays_mended() {
    for seed in FOUND {
        run(*seed);
    }
}

/// Worlds in which a promise was broken once, and which are too rare to be among the first.
const FOUND: &[u64] = &[
    // Settings that changed while the program was down ended a turn whose model was being asked,
    // and less of its time was counted than it could have taken.
    0x7d645,
    // The last write of a world failed and left a hole, which is damage to an auditor until a start
    // has dropped it, or the write was made again.
    0xc26c,
];

#[test]
fn every_promise_holds_in_every_world() {
    if let Some(seed) = number("SENTINEL_SEED") {
        println!("{:?}", run(seed));
        return;
    }
    let count = number("SENTINEL_SEEDS").unwrap_or(2000);
    let start = number("SENTINEL_SEEDS_FROM").unwrap_or(0);
    let began = std::time::Instant::now();
    let mut total = Summary::default();
    let tried = side_by_side(start..start + count, |seed| {
        catch_unwind(AssertUnwindSafe(|| run(seed))).map_err(|panic| {
            eprintln!("seed {seed:#x} fails; run it alone with SENTINEL_SEED={seed:#x}");
            std::format!("seed {seed:#x}: {}", words(&*panic))
        })
    });
    match tried {
        Ok(summaries) => summaries.iter().for_each(|summary| total.add(summary)),
        Err(failed) => panic!("{failed}"),
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{count} seeds in {seconds:.1} s, {:.0} a second", count as f64 / seconds);
    for (name, happened) in total.rows() {
        println!("{happened:>12} {name}");
    }
    // A world in which nothing happens proves nothing, and a fault that does not happen neither.
    if count >= 1000 {
        assert!(total.answers > count && total.crashes > count / 2, "{total:?}");
        assert!(total.calls > count && total.approved > count / 50, "{total:?}");
        assert!(total.snapshots > count && total.reconfigured > count / 2, "{total:?}");
        for (name, happened) in total.rows() {
            assert!(happened > count / 200, "{name}: {happened} times in {count} worlds");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "seed {seed:#x}");
    }
}

/// A simulation that cannot fail proves nothing: each rule is broken on purpose, and some world
/// notices.
#[test]
fn every_broken_rule_is_noticed() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(std::boxed::Box::new(|_| ()));
    let tried = side_by_side(0..faults::ALL.len() as u64, |index| {
        let (fault, promise) = faults::ALL[usize::try_from(index).unwrap()];
        let noticed = faults::worlds(fault).find_map(|seed| {
            let world = || faults::during(fault, || catch_unwind(AssertUnwindSafe(|| run(seed))));
            let what = words(&*world().err()?);
            // That something else goes wrong as well says nothing of this promise.
            what.contains(promise).then_some((seed, what))
        });
        match noticed {
            Some((seed, what)) => println!("{fault:?}: seed {seed:#x}: {what:.120}"),
            None => return Err(std::format!("nobody noticed {fault:?}: {promise:?}")),
        }
        Ok(())
    });
    std::panic::set_hook(hook);
    assert_eq!(tried.err(), None);
}
