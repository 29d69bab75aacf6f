//! Killed at the system calls of a turn, and at random moments of a busy run.

use std::time::Duration;

use sentinel_core::journal::Verdict;

use super::house::{House, PEOPLE, TIME_MAX, comes, end, last_words, until};
use super::moment::{self, What};
use super::{model, traced};

/// The turn to which things happen elsewhere, as it is when nothing does.
#[test]
fn a_turn_with_three_calls_comes_to_its_end() {
    let house = House::new("turn", Duration::ZERO);
    house.platform.write(77, &house.model.wish(1, true));
    let child = house.start();
    until("the job is done", || house.answers(77, 1) == 1);
    let said = end(child);
    assert_eq!(house.file(1), Some(model::file(1).1), "{said}");
    assert_eq!(house.model.posted(1), 1, "{said} {:?}", house.model.told(1));
    assert_eq!(house.verdict(), Verdict::Ok);
}

/// All of them: `cargo xtask crash`.
#[test]
fn killed_at_a_system_call_it_goes_on() {
    if !traced::is_there() {
        return;
    }
    let moments = moment::all(&[What::Kill, What::PowerCut]);
    // An odd stride meets both.
    let (ended, count) = moment::try_some("kill", &moments, 31);
    assert!(ended * 10 >= count * 9, "{ended} of {count} runs were ended");
}

/// Of the last write there is any part: what it said did not happen, and what was there before did.
#[test]
fn a_last_write_of_which_there_is_a_part_is_gone_on_with() {
    if !traced::is_there() {
        return;
    }
    let moments = moment::torn();
    let (ended, count) = moment::try_some("torn", &moments, 9);
    assert!(ended * 10 >= count * 9, "{ended} of {count} runs were ended");
}

/// Four people write while it is killed again and again.
#[test]
fn killed_at_random_moments_of_a_busy_run_it_goes_on() {
    let house = House::new("busy", Duration::from_millis(2));
    let is_all = std::env::var_os(moment::ALL).is_some();
    let (kills, mut random) = (if is_all { 200 } else { 25 }, SEED);
    let mut jobs = Vec::new();
    let is_open = |(chat, job, before): &(u64, u64, usize)| {
        house.answers(*chat, *job) == 0 && house.apologies_after(*chat, *before) == 0
    };
    let mut said = String::new();
    for kill in 0..kills {
        let open_count = jobs.iter().filter(|job| is_open(job)).count();
        let wanted = next(&mut random) % 2 + 1;
        // On a machine with much else to do little is done between two kills.
        for _ in 0..if open_count < OPEN_MAX { wanted } else { 0 } {
            let chat = PEOPLE[next(&mut random) as usize % PEOPLE.len()];
            let job = jobs.len() as u64 + 1;
            let before = house.platform.messages(chat).len();
            house.platform.write(chat, &house.model.wish(job, false));
            jobs.push((chat, job, before));
        }
        let mut child = house.start();
        std::thread::sleep(Duration::from_millis(20 + next(&mut random) % 2000));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!words.contains("panicked"), "kill {kill}: {words}");
        said += &words;
    }
    let child = house.start();
    // What waits in a chat is answered one after the other, as fast as its platform allows: when a
    // last job is answered, those before it are settled.
    let last = PEOPLE.map(|chat| (chat, chat * 1000));
    for (chat, job) in last {
        house.platform.write(chat, &house.model.wish(job, false));
    }
    let is_over = comes(5 * TIME_MAX, || {
        house.platform.is_confirmed()
            && last.iter().all(|(chat, job)| house.answers(*chat, *job) == 1)
    });
    let open: Vec<_> = jobs.iter().filter(|job| is_open(job)).collect();
    if !is_over || !open.is_empty() {
        let chats = PEOPLE.map(|chat| (chat, house.platform.messages(chat)));
        panic!("{open:?} are left: {chats:#?} {said} {}", last_words(child));
    }
    said += &end(child);
    let mut lost_count = 0;
    for (chat, job, _) in &jobs {
        let answers = house.answers(*chat, *job);
        assert!(answers <= 1, "job {job} was answered {answers} times");
        lost_count += usize::from(answers == 0);
        let told = house.model.told(*job);
        let is_unknown = told.iter().any(|text| text.contains("interrupted"));
        assert!(!is_unknown || said.contains("whether it was done is not known"));
        if answers == 1 && !is_unknown {
            assert_eq!(house.file(*job), Some(model::file(*job).1), "job {job}: {told:?}");
        }
    }
    println!("{kills} kills, {} jobs, {lost_count} answers said to be lost", jobs.len());
    assert_eq!(house.verdict(), Verdict::Ok);
}

/// What `cargo xtask crash` prints is what it used: the moments of the kills follow from it, as far
/// as a clock can keep them.
const SEED: u64 = 0x5e17_1e15_c4a5_4e5d;

/// So many jobs wait at most.
const OPEN_MAX: usize = 8;

/// xorshift64*: the next of a series of numbers.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
}
