//! Killed at every system call of a turn, and at random moments of a busy run.
//!
//! After each kill the program is started again and left alone. Then every message is answered
//! once, or the person was told that its answer may be lost; what a tool did outside was done once
//! at most; what was interrupted was said to the model; the log is whole; and the files are those
//! of a run to which nothing happened.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sentinel_core::journal::Verdict;

use super::house::{House, PEOPLE, end, until};
use super::{model, traced};

/// The turn that is killed elsewhere, as it is when nothing happens to it.
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

/// One moment of a turn.
#[derive(Clone, Debug)]
struct Moment {
    /// Whether the agent has worked here before: then it is the second turn of its conversation.
    is_used: bool,
    call: String,
    /// The how manieth of the first thread to come so far: `strace` counts by call and thread.
    count: usize,
}

/// In the check some of the moments are tried, which is a minute's work; all of them are with
/// `SENTINEL_KILL_ALL=1`, in some twenty.
#[test]
fn killed_at_any_system_call_it_goes_on() {
    if !traced::is_there() {
        return;
    }
    let moments = moments();
    let is_all = std::env::var_os("SENTINEL_KILL_ALL").is_some();
    let wanted = if is_all { moments.len() } else { MOMENTS_COUNT };
    let stride = moments.len().div_ceil(wanted).max(1);
    let chosen: Vec<Moment> = moments.iter().step_by(stride).cloned().collect();
    let (next, killed, lost) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (chosen, next, killed, lost) = (&chosen, &next, &killed, &lost);
            scope.spawn(move || {
                let house = House::new(&format!("kill-{worker}"), Duration::ZERO);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(moment) = chosen.get(index) else { break };
                    let outcome = kill_at(&house, moment, index as u64 + 10);
                    killed.fetch_add(usize::from(outcome.is_killed), Ordering::Relaxed);
                    lost.fetch_add(usize::from(outcome.is_lost), Ordering::Relaxed);
                }
            });
        }
    });
    let [killed, lost] = [killed, lost].map(AtomicUsize::into_inner);
    println!(
        "{} of {} moments: killed at {killed}, {lost} answers were said to be lost",
        chosen.len(),
        moments.len()
    );
    assert!(killed * 10 >= chosen.len() * 9, "the program was killed at {killed} moments only");
}

/// Every call by its name and number, of a turn in a fresh house and of one in a used house. Where
/// much is there already the main thread writes nothing, so that the numbers lead to the other one.
fn moments() -> Vec<Moment> {
    let house = House::new("count", Duration::ZERO);
    let trace = traced::trace_file(&house);
    let mut moments = Vec::new();
    for is_used in [false, true] {
        let job = 1 + u64::from(is_used);
        house.prepare(is_used);
        house.platform.write(77, &house.model.wish(job, !is_used));
        let mut child = traced::start(&house, &["-o", trace.to_str().unwrap()]);
        until("the job is done", || house.answers(77, job) == 1 && house.platform.is_confirmed());
        traced::stop(&mut child);
        let mut counts = BTreeMap::<(String, u32), usize>::new();
        for (thread, name) in traced::calls(&trace) {
            *counts.entry((name, thread)).or_default() += 1;
        }
        let mut most = BTreeMap::<String, usize>::new();
        for ((name, _), count) in counts {
            let most = most.entry(name).or_default();
            *most = count.max(*most);
        }
        for (call, most) in most {
            // The call that starts the program is made by `strace` itself.
            let first = if call == "execve" { 2 } else { 1 };
            moments.extend((first..=most).map(|count| Moment {
                is_used,
                call: call.clone(),
                count,
            }));
        }
    }
    let _ = std::fs::remove_file(trace);
    moments
}

#[derive(Debug)]
struct Outcome {
    is_killed: bool,
    is_lost: bool,
}

fn kill_at(house: &House, moment: &Moment, job: u64) -> Outcome {
    house.prepare(moment.is_used);
    let chat = PEOPLE[0];
    let (before, apologies) = (house.answers(chat, job), house.apologies(chat));
    assert_eq!(before, 0);
    house.platform.write(chat, &house.model.wish(job, !moment.is_used));
    let inject = format!("inject={}:signal=KILL:when={}", moment.call, moment.count);
    let trace = format!("trace={}", moment.call);
    let mut child = traced::start(house, &["-o", "/dev/null", "-e", &trace, "-e", &inject]);
    let mut is_killed = false;
    until("it was killed or has done its work", || {
        is_killed = child.try_wait().unwrap().is_some();
        is_killed || (house.answers(chat, job) == 1 && house.platform.is_confirmed())
    });
    if !is_killed {
        // The moment did not come in this run: then it is another one.
        traced::stop(&mut child);
    }
    let first = child.wait_with_output().unwrap();
    let polls = house.platform.polls_count();
    let child = house.start();
    // The answer, or the word that it may be lost: one of them comes.
    let is_told = || house.answers(chat, job) == 1 || house.apologies(chat) > apologies;
    until(&format!("{moment:?}: the job is answered ({first:?})"), || {
        is_told() && house.platform.is_confirmed() && house.platform.polls_count() > polls
    });
    let said = end(child);
    let context = || format!("{moment:?}: {said} {first:?} {:?}", house.model.told(job));
    let answers = house.answers(chat, job);
    assert!(answers <= 1, "answered {answers} times: {}", context());
    let posted = house.model.posted(job);
    assert!(posted <= 1, "posted {posted} times: {}", context());
    // What nobody knows is said, to the model and to the operator.
    let told = house.model.told(job);
    let is_unknown = |index: usize| told.get(index).is_some_and(|it| it.contains("interrupted"));
    let interrupted_count = (0..told.len()).filter(|index| is_unknown(*index)).count();
    let warnings = said.matches("whether it was done is not known").count();
    assert!(warnings >= interrupted_count.min(1), "{}", context());
    assert!(interrupted_count <= 1, "{}", context());
    if !is_unknown(0) {
        assert_eq!(posted, u64::from(!moment.is_used), "{}", context());
    }
    if !(is_unknown(1) || is_unknown(2)) {
        assert_eq!(house.file(job), Some(model::file(job).1), "{}", context());
    }
    assert_eq!(house.verdict(), Verdict::Ok, "{}", context());
    Outcome { is_killed, is_lost: answers == 0 }
}

/// How many moments the check tries.
const MOMENTS_COUNT: usize = 60;
