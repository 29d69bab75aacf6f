//! Timing contenders against each other.
//!
//! Every round runs each contender once on the same input, so a machine that slows down slows all
//! of them. A figure is the median over the rounds, a ratio the median of the ratios within each
//! round.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long one contender runs in one round, at least.
const SLICE: Duration = Duration::from_millis(12);
/// How many rounds are counted; one more goes first, to warm up.
const ROUNDS: usize = 25;

/// One way to do the job. Returns anything the optimiser must not throw away.
pub(crate) type Contender<'a> = (&'static str, Box<dyn FnMut() -> usize + 'a>);

/// Prints the title of a table, if it is one of those that are wanted.
pub(crate) fn title(filter: &str, title: &str) -> bool {
    let is_wanted = title.contains(filter);
    if is_wanted {
        println!("\n{title} (last column: how many times faster the first line is)");
    }
    is_wanted
}

/// What a contender has to reach.
pub(crate) enum Goal {
    /// To be so many times faster than the one of this name.
    Times(&'static str, f64),
    /// So many megabytes each second.
    Speed(f64),
}

/// Times the contenders on `bytes` bytes of input and prints a line for each: its throughput, and
/// how many times faster the first is. Says whether the first reached the goal, if it has one.
pub(crate) fn rows(
    label: &str,
    bytes: usize,
    mut contenders: Vec<Contender<'_>>,
    goal: Option<Goal>,
) -> bool {
    let seconds = race(&mut contenders);
    println!("  {label}");
    let mut is_reached = true;
    for (index, (name, _)) in contenders.iter().enumerate() {
        let speed = bytes as f64 / median(seconds[index].clone()) / 1e6;
        let times = seconds[index].iter().zip(&seconds[0]).map(|(other, ours)| other / ours);
        let times = median(times.collect());
        print!("    {name:<28} {speed:>6.0} MB/s   {times:>5.2}");
        let judged = match goal {
            Some(Goal::Times(peer, wanted)) if peer == *name => Some((times, wanted, "times")),
            Some(Goal::Speed(wanted)) if index == 0 => Some((speed, wanted, "MB/s")),
            _ => None,
        };
        if let Some((reached, wanted, unit)) = judged {
            let word = if reached >= wanted { "met" } else { "MISSED" };
            print!("   goal {wanted} {unit}: {word}");
            is_reached &= reached >= wanted;
        }
        println!();
    }
    is_reached
}

/// The seconds that one run of each contender took, round by round.
pub(crate) fn race(contenders: &mut [Contender<'_>]) -> Vec<Vec<f64>> {
    let repeats: Vec<u32> = contenders.iter_mut().map(|(_, run)| calibrate(run)).collect();
    let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    for round in 0..=ROUNDS {
        for (index, (_, run)) in contenders.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..repeats[index] {
                black_box(run());
            }
            if round > 0 {
                seconds[index].push(start.elapsed().as_secs_f64() / f64::from(repeats[index]));
            }
        }
    }
    seconds
}

/// How often to run within one slice.
fn calibrate(run: &mut dyn FnMut() -> usize) -> u32 {
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < SLICE {
        black_box(run());
        count += 1;
    }
    count
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
