//! A filter that finds the number of a call by halves.

use super::{Action, parts};
use crate::confine::bpf::{
    ARCHITECTURE, ARCHITECTURE_OFFSET, JUMP, JUMP_EQUAL, JUMP_FROM, NUMBER_OFFSET, answer, load,
    refusal, step,
};

/// The filter for calls by their numbers, in order, and for every other number. None if the kernel
/// would not take it.
pub(super) fn program(actions: &[(u32, Action)], other: &Action) -> Option<Vec<libc::sock_filter>> {
    let mut ranges: Vec<(u32, Code)> = vec![(0, Code::of(other))];
    let mut next = 0;
    for (number, action) in actions {
        if *number > next {
            extend(&mut ranges, next, Code::of(other));
        }
        extend(&mut ranges, *number, Code::of(action));
        next = number + 1;
    }
    extend(&mut ranges, next, Code::of(other));
    let mut program = vec![
        load(ARCHITECTURE_OFFSET),
        step(JUMP_EQUAL, ARCHITECTURE, 1, 0),
        answer(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER_OFFSET),
    ];
    program.extend(search(&ranges));
    (program.len() <= STEPS_MAX).then_some(program)
}

/// What is done from a number on, until the next.
fn extend(ranges: &mut Vec<(u32, Code)>, from: u32, code: Code) {
    match ranges.last_mut() {
        Some((_, last)) if *last == code => {}
        // What begins where the last one does takes its place.
        Some((start, last)) if *start == from => *last = code,
        _ => ranges.push((from, code)),
    }
}

/// Instructions that always end with an answer.
#[derive(Clone, Debug)]
struct Code(Vec<libc::sock_filter>);

impl Code {
    fn of(action: &Action) -> Self {
        Self(match action {
            Action::Allow => vec![answer(libc::SECCOMP_RET_ALLOW)],
            Action::Refuse(error) => vec![refusal(*error)],
            Action::Decide(part) => parts::code(part),
            Action::Judge(code) => code.clone(),
        })
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        let plain = |code: &Self| -> Vec<_> {
            code.0.iter().map(|it| (it.code, it.jt, it.jf, it.k)).collect()
        };
        plain(self) == plain(other)
    }
}

fn search(ranges: &[(u32, Code)]) -> Vec<libc::sock_filter> {
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let Some((first, _)) = high.first().filter(|_| !low.is_empty()) else {
        return ranges.first().map(|(_, code)| code.0.clone()).unwrap_or_default();
    };
    let (below, above) = (search(low), search(high));
    // A comparison reaches only so far; a plain jump reaches everything.
    let mut code = match u8::try_from(below.len()) {
        Ok(length) => vec![step(JUMP_FROM, *first, length, 0)],
        Err(_) => {
            let length = u32::try_from(below.len()).unwrap_or(u32::MAX);
            vec![step(JUMP_FROM, *first, 0, 1), step(JUMP, length, 0, 0)]
        }
    };
    code.extend(below);
    code.extend(above);
    code
}

/// As many as the kernel takes.
const STEPS_MAX: usize = 4096;
