//! A filter that finds the number of a call by halves.

use super::{Action, parts};
use crate::confine::bpf::{
    ARCHITECTURE, ARCHITECTURE_OFFSET, JUMP, JUMP_EQUAL, JUMP_FROM, NUMBER_OFFSET, answer, load,
    refusal, step,
};

/// What becomes of calls, by their numbers: small ones, which the kernel gives out in order.
///
/// It is made at every start of a sandbox, so it is small: of a few kilobytes the kernel is asked
/// for nothing.
#[derive(Debug)]
pub(super) struct Table {
    calls: Vec<Code>,
    steps: Vec<Vec<libc::sock_filter>>,
}

/// What is done with a call: nearly always it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// What is done with all that nothing was said of.
    Other,
    Answer(u32),
    /// These, which always end with an answer.
    Steps(u16),
}

impl Default for Table {
    fn default() -> Self {
        Self { calls: Vec::with_capacity(CALLS_USUAL), steps: Vec::new() }
    }
}

impl Table {
    /// What was said of the call before no longer holds.
    pub(super) fn put(&mut self, call: libc::c_long, action: Action) {
        let Ok(number) = usize::try_from(call) else { return };
        if number >= self.calls.len() {
            self.calls.resize(number + 1, Code::Other);
        }
        let code = self.code(action);
        if let Some(place) = self.calls.get_mut(number) {
            *place = code;
        }
    }

    fn code(&mut self, action: Action) -> Code {
        let steps = match action {
            Action::Allow => return Code::Answer(libc::SECCOMP_RET_ALLOW),
            Action::Refuse(error) => return Code::Answer(refusal(error).k),
            Action::Decide(part) => parts::code(&part),
            Action::Judge(steps) => steps,
        };
        // Whoever says it, the same answer is the same code, and neighbours that have it are one.
        if let [only] = &*steps
            && only.code == answer(only.k).code
        {
            return Code::Answer(only.k);
        }
        let known = self.steps.iter().position(|known| is_same(known, &steps));
        let index = known.unwrap_or(self.steps.len());
        if known.is_none() {
            self.steps.push(steps);
        }
        // There are as many as calls, at most; of more there would be none in the filter.
        Code::Steps(u16::try_from(index).unwrap_or(u16::MAX))
    }

    fn append(&self, code: Code, program: &mut Vec<libc::sock_filter>) {
        let steps = match code {
            Code::Answer(value) => return program.push(answer(value)),
            Code::Steps(index) => self.steps.get(usize::from(index)),
            Code::Other => None,
        };
        match steps {
            Some(steps) => program.extend_from_slice(steps),
            // Neither comes to pass, and nothing may go on into what is done with another call.
            None => program.push(answer(libc::SECCOMP_RET_KILL_PROCESS)),
        }
    }
}

/// The filter for these calls, and for every other number. None if the kernel would not take it.
pub(super) fn program(mut table: Table, other: Action) -> Option<Vec<libc::sock_filter>> {
    let other = table.code(other);
    let mut ranges: Vec<(u32, Code)> = Vec::with_capacity(RANGES_USUAL);
    for (number, code) in (0..).zip(&table.calls) {
        extend(&mut ranges, number, if let Code::Other = code { other } else { *code });
    }
    extend(&mut ranges, u32::try_from(table.calls.len()).ok()?, other);
    let mut program = Vec::with_capacity(STEPS_USUAL);
    program.extend([
        load(ARCHITECTURE_OFFSET),
        step(JUMP_EQUAL, ARCHITECTURE, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER_OFFSET),
    ]);
    search(&table, &ranges, &mut program);
    (program.len() <= STEPS_MAX).then_some(program)
}

/// What is done from a number on, until the next.
fn extend(ranges: &mut Vec<(u32, Code)>, from: u32, code: Code) {
    match ranges.last() {
        // Of equal steps there is one copy.
        Some((_, last)) if *last == code => {}
        _ => ranges.push((from, code)),
    }
}

fn is_same(own: &[libc::sock_filter], others: &[libc::sock_filter]) -> bool {
    let same = |(a, b): (&libc::sock_filter, &libc::sock_filter)| {
        (a.code, a.jt, a.jf, a.k) == (b.code, b.jt, b.jf, b.k)
    };
    own.len() == others.len() && own.iter().zip(others).all(same)
}

/// Adds the code that finds the range of a number and does what is done there.
fn search(table: &Table, ranges: &[(u32, Code)], program: &mut Vec<libc::sock_filter>) {
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let Some((first, _)) = high.first().filter(|_| !low.is_empty()) else {
        if let Some((_, code)) = ranges.first() {
            table.append(*code, program);
        }
        return;
    };
    // How far it jumps is known once that stands there.
    let jump = program.len();
    program.push(step(JUMP_FROM, *first, 0, 0));
    search(table, low, program);
    let length = program.len() - jump - 1;
    // A comparison reaches only so far; a plain jump reaches everything.
    match (u8::try_from(length), program.get_mut(jump)) {
        (Ok(length), Some(place)) => place.jt = length,
        (_, Some(place)) => {
            place.jf = 1;
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            program.insert(jump + 1, step(JUMP, length, 0, 0));
        }
        (_, None) => {}
    }
    search(table, high, program);
}

/// More calls than there are, and than a list of them has ranges and steps: nothing is moved.
const CALLS_USUAL: usize = 512;
const RANGES_USUAL: usize = 256;
const STEPS_USUAL: usize = 512;
/// As many as the kernel takes.
const STEPS_MAX: usize = 4096;
