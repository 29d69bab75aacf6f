//! A filter that finds the number of a call by halves.

use super::{Action, parts};
use crate::confine::bpf::{
    ARCHITECTURE, ARCHITECTURE_OFFSET, JUMP, JUMP_EQUAL, JUMP_FROM, NUMBER_OFFSET, answer, load,
    refusal, step,
};

/// What becomes of calls, by their numbers: small ones, which the kernel gives out in order.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Option<Action>>);

impl Table {
    /// What was said of the call before no longer holds.
    pub(super) fn put(&mut self, call: libc::c_long, action: Action) {
        let Ok(number) = usize::try_from(call) else { return };
        if number >= self.0.len() {
            self.0.resize_with(number + 1, || None);
        }
        if let Some(place) = self.0.get_mut(number) {
            *place = Some(action);
        }
    }
}

/// The filter for these calls, and for every other number. None if the kernel would not take it.
pub(super) fn program(table: &Table, other: &Action) -> Option<Vec<libc::sock_filter>> {
    let mut ranges: Vec<(u32, Code)> = Vec::new();
    for (number, action) in (0..).zip(&table.0) {
        extend(&mut ranges, number, Code::of(action.as_ref().unwrap_or(other)));
    }
    extend(&mut ranges, u32::try_from(table.0.len()).ok()?, Code::of(other));
    let mut program = vec![
        load(ARCHITECTURE_OFFSET),
        step(JUMP_EQUAL, ARCHITECTURE, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER_OFFSET),
    ];
    search(&ranges, &mut program);
    (program.len() <= STEPS_MAX).then_some(program)
}

/// What is done from a number on, until the next.
fn extend(ranges: &mut Vec<(u32, Code)>, from: u32, code: Code) {
    match ranges.last_mut() {
        Some((_, last)) if *last == code => {}
        _ => ranges.push((from, code)),
    }
}

/// Instructions that always end with an answer. Nearly always they are nothing else.
#[derive(Clone, Debug)]
enum Code {
    Answer(libc::sock_filter),
    Steps(Vec<libc::sock_filter>),
}

impl Code {
    fn of(action: &Action) -> Self {
        match action {
            Action::Allow => Self::Answer(answer(libc::SECCOMP_RET_ALLOW)),
            Action::Refuse(error) => Self::Answer(refusal(*error)),
            Action::Decide(part) => Self::Steps(parts::code(part)),
            Action::Judge(code) => Self::Steps(code.clone()),
        }
    }

    fn steps(&self) -> &[libc::sock_filter] {
        match self {
            Self::Answer(answer) => std::slice::from_ref(answer),
            Self::Steps(steps) => steps,
        }
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        let (own, others) = (self.steps(), other.steps());
        let is_same = |(a, b): (&libc::sock_filter, &libc::sock_filter)| {
            (a.code, a.jt, a.jf, a.k) == (b.code, b.jt, b.jf, b.k)
        };
        own.len() == others.len() && own.iter().zip(others).all(is_same)
    }
}

/// Adds the code that finds the range of a number and does what is done there.
fn search(ranges: &[(u32, Code)], program: &mut Vec<libc::sock_filter>) {
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let Some((first, _)) = high.first().filter(|_| !low.is_empty()) else {
        let steps = ranges.first().map_or(&[][..], |(_, code)| code.steps());
        return program.extend_from_slice(steps);
    };
    // How far it jumps is known once that stands there.
    let jump = program.len();
    program.push(step(JUMP_FROM, *first, 0, 0));
    search(low, program);
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
    search(high, program);
}

/// As many as the kernel takes.
const STEPS_MAX: usize = 4096;
