//! One moment of a turn at which something happens to the program, and what has to be true after it
//! was started again and left alone.
//!
//! Every message is answered once, or its writer was told that the answer may be lost. What a tool
//! does outside was done once at most. What was interrupted was said, to the model and to the
//! operator. The log is whole. The files are those of a run to which nothing happened.

use std::fs;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sentinel_core::journal::Verdict;

use super::house::{House, PEOPLE, TIME_MAX, comes, end, last_words, until};
use super::{model, traced};

#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// Whether the agent has worked here before: then it is the second turn of its conversation.
    pub(crate) is_used: bool,
    pub(crate) call: String,
    /// The how manieth of the first thread to come so far: `strace` counts by call and thread.
    pub(crate) count: usize,
    pub(crate) what: What,
}

/// What happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The program is killed.
    Kill,
    /// The power goes: of the log there is what was synced, and no more.
    PowerCut,
    /// The power goes while the log is written: of the last write there are so many bytes.
    Torn(u64),
    /// The call fails in this way.
    Error(&'static str),
}

/// How the first run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whether something happened to it; of a call that fails it may take no notice.
    pub(crate) is_ended: bool,
    /// Whether the person was told that the answer may be lost.
    pub(crate) is_lost: bool,
}

/// Every call by its name and number, of a turn in a fresh house and of one in a used house. Where
/// much is there already the main thread writes nothing, so that the numbers lead to the other one.
pub(crate) fn all(what: &[What]) -> Vec<Moment> {
    let house = House::new("count", Duration::ZERO);
    let mut moments = Vec::new();
    for is_used in [false, true] {
        trace(&house, is_used);
        for (call, most) in traced::most(&house.trace_file()) {
            // The call that starts the program is made by `strace` itself.
            let first = if call == "execve" { 2 } else { 1 };
            for count in first..=most {
                moments.extend(what.iter().map(|what| Moment {
                    is_used,
                    call: call.clone(),
                    count,
                    what: *what,
                }));
            }
        }
    }
    moments
}

/// Every write of the log in a turn, cut within: the longest at each byte, the others at some.
pub(crate) fn torn() -> Vec<Moment> {
    let house = House::new("writes", Duration::ZERO);
    trace(&house, true);
    let writes = traced::writes(&house.trace_file());
    let longest = writes.iter().map(|(_, bytes)| *bytes).max().expect("a turn writes its log");
    let torn = |(count, bytes): &(usize, u64)| {
        let (count, stride) = (*count, if *bytes == longest { 1 } else { 23 });
        (0..*bytes).step_by(stride).map(move |kept| Moment {
            is_used: true,
            call: "fdatasync".into(),
            count,
            what: What::Torn(kept),
        })
    };
    writes.iter().flat_map(torn).collect()
}

/// Writes down every call of a turn.
fn trace(house: &House, is_used: bool) {
    let job = 1 + u64::from(is_used);
    house.prepare(is_used);
    house.platform.write(PEOPLE[0], &house.model.wish(job, !is_used));
    let trace = house.trace_file();
    let mut child = traced::start(house, &["-o", trace.to_str().unwrap()]);
    until("the job is done", || {
        house.answers(PEOPLE[0], job) == 1 && house.platform.is_confirmed()
    });
    traced::stop(&mut child);
}

/// Lets some of the moments come, or all of them; says how many runs ended by it, of how many.
pub(crate) fn try_some(name: &str, moments: &[Moment], wanted: usize) -> (usize, usize) {
    let is_all = std::env::var_os(ALL).is_some();
    let stride = if is_all { 1 } else { moments.len().div_ceil(wanted).max(1) };
    let chosen: Vec<&Moment> = match std::env::var(ONE) {
        Ok(one) => moments.iter().filter(|moment| format!("{moment:?}").contains(&one)).collect(),
        Err(_) => moments.iter().step_by(stride).collect(),
    };
    let (next, ended, lost) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let bad = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (chosen, next, ended, lost, bad) = (&chosen, &next, &ended, &lost, &bad);
            scope.spawn(move || {
                let house = House::new(&format!("{name}-{worker}"), Duration::ZERO);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(moment) = chosen.get(index) else { break };
                    let job = (index * TRIES_MAX) as u64 + 10;
                    // What is wrong with one is said, and the others come all the same.
                    let outcome = catch_unwind(|| moment.come_once(&house, job));
                    let Ok(outcome) = outcome else {
                        bad.fetch_add(1, Ordering::Relaxed);
                        continue;
                    };
                    ended.fetch_add(usize::from(outcome.is_ended), Ordering::Relaxed);
                    lost.fetch_add(usize::from(outcome.is_lost), Ordering::Relaxed);
                }
            });
        }
    });
    let [ended, lost] = [ended, lost].map(AtomicUsize::into_inner);
    let (count, all) = (chosen.len(), moments.len());
    let bad = bad.into_inner();
    assert_eq!(bad, 0, "{name}: {bad} of {count} moments went wrong, as is said above");
    println!("{name}: {count} of {all} moments, {ended} ends, {lost} answers said to be lost");
    (ended, count)
}

impl Moment {
    /// Lets it come, and one that never came at a call that was made for certain: how many of some
    /// there are depends on how fast the machine is just then.
    fn come_once(&self, house: &House, job: u64) -> Outcome {
        let mut moment = self.clone();
        let mut outcome = moment.come(house, job);
        for again in 1..TRIES_MAX as u64 {
            if outcome.is_ended || matches!(self.what, What::Error(_)) {
                break;
            }
            let made = traced::most(&house.trace_file()).remove(&moment.call).unwrap_or(0);
            moment.count = moment.count.min(made) * 3 / 4;
            if moment.count == 0 {
                break;
            }
            outcome = moment.come(house, job + again);
        }
        outcome
    }

    /// Lets it come, starts the program again, and looks at what there is.
    pub(crate) fn come(&self, house: &House, job: u64) -> Outcome {
        house.prepare(self.is_used);
        let chat = PEOPLE[0];
        let apologies = house.apologies(chat);
        house.platform.write(chat, &house.model.wish(job, !self.is_used));
        let (is_ended, first) = self.first_run(house, job, apologies);
        match self.what {
            What::PowerCut => cut(house, 0),
            What::Torn(kept) => cut(house, kept),
            What::Kill | What::Error(_) => {}
        }
        let polls = house.platform.polls_count();
        let child = house.start();
        // The answer, or the word that it may be lost: one of them comes.
        let is_answered = comes(TIME_MAX, || {
            (house.answers(chat, job) == 1 || house.apologies(chat) > apologies)
                && house.platform.is_confirmed()
                && house.platform.polls_count() > polls
        });
        if !is_answered {
            panic!("{self:?}: no answer: {first} then {}", last_words(child));
        }
        let said = end(child);
        let told = house.model.told(job);
        let context = || format!("{self:?}: {first} {said} {told:?}");
        let answers = house.answers(chat, job);
        assert!(answers <= 1, "answered {answers} times: {}", context());
        let posted = house.model.posted(job);
        assert!(posted <= 1, "posted {posted} times: {}", context());
        // What nobody knows is said, to the model and to the operator.
        let is_unknown =
            |index: usize| told.get(index).is_some_and(|text| text.contains("interrupted"));
        let unknown_count = (0..told.len()).filter(|index| is_unknown(*index)).count();
        assert!(unknown_count <= 1, "{}", context());
        let is_said = (first.clone() + &said).contains("whether it was done is not known");
        assert!(unknown_count == 0 || is_said, "{}", context());
        // Of what failed the model knows that it did.
        if !is_unknown(0) && !told.first().is_some_and(|text| text.contains("Error: ")) {
            assert_eq!(posted, u64::from(!self.is_used), "{}", context());
        }
        let has_failed = told.iter().any(|text| text.contains("Error: "));
        if !(is_unknown(1) || is_unknown(2) || has_failed) {
            assert_eq!(house.file(job), Some(model::file(job).1), "{}", context());
        }
        assert_eq!(house.verdict(), Verdict::Ok, "{}", context());
        Outcome { is_ended, is_lost: answers == 0 }
    }

    /// The run to which it happens; whether that ended it, and what it said.
    fn first_run(&self, house: &House, job: u64, apologies: usize) -> (bool, String) {
        let Self { call, count, what, .. } = self;
        let inject = match what {
            What::Kill | What::PowerCut | What::Torn(_) => {
                format!("inject={call}:signal=KILL:when={count}")
            }
            What::Error(error) => format!("inject={call}:error={error}:when={count}"),
        };
        let trace = match call.as_str() {
            "pwrite64" | "fdatasync" => "trace=pwrite64,fdatasync".to_string(),
            call => format!("trace={call},pwrite64,fdatasync"),
        };
        let file = house.trace_file();
        let file = file.to_str().unwrap();
        let mut child = traced::start(house, &["-s", "0", "-o", file, "-e", &trace, "-e", &inject]);
        let mut is_ended = false;
        let is_done = comes(TIME_MAX, || {
            is_ended = child.try_wait().unwrap().is_some();
            let is_told = house.apologies(PEOPLE[0]) > apologies;
            let is_answered = house.answers(PEOPLE[0], job) == 1 || is_told;
            is_ended || (is_answered && house.platform.is_confirmed())
        });
        if !is_ended {
            traced::stop(&mut child);
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !is_done {
            let chat = house.platform.messages(PEOPLE[0]);
            panic!("{self:?}: it stands still: {said} with {chat:?} in the chat");
        }
        (is_ended, said)
    }
}

/// Takes from the log what was written since the last sync, but so many bytes.
fn cut(house: &House, kept: u64) {
    let log = house.state().join("journal/000000.log");
    let Ok(data) = fs::metadata(&log) else { return };
    let Some(synced) = traced::unsynced(&house.trace_file()) else { return };
    assert!(synced <= data.len(), "what is synced is there");
    let length = (synced + kept).min(data.len());
    fs::OpenOptions::new().write(true).open(log).unwrap().set_len(length).unwrap();
}

/// A moment is tried so often until it comes.
const TRIES_MAX: usize = 4;

/// Set, it lets all moments come; else some do.
pub(crate) const ALL: &str = "SENTINEL_CRASH_ALL";

/// Set, it lets those moments come whose description has it; the description stands in a failure.
const ONE: &str = "SENTINEL_CRASH_ONE";
