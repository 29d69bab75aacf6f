//! Rules of one's own as instructions, behind what holds in every sandbox.
//!
//! # Invariants
//! - Arguments are compared as the numbers of 64 bits that they are.

use sentinel_core::sandbox::{CallRules, Comparison, Condition, Verdict};

use super::parts::{self, AND, Part};
use crate::confine::bpf::{JUMP_EQUAL, JUMP_FROM, JUMP_MORE, answer, argument, load, step};

/// The instructions for a call: first what is allowed of it at all, then the rules about it.
pub(super) fn code(part: Option<&Part>, rules: &CallRules, name: &str) -> Vec<libc::sock_filter> {
    let mut code = part.map(parts::conditions).unwrap_or_default();
    for rule in rules.about(name.as_bytes()) {
        let mut own: Vec<libc::sock_filter> = rule.conditions.iter().flat_map(condition).collect();
        own.push(answer(value_of(rule.verdict)));
        let length = own.len();
        for (at, step) in own.iter_mut().enumerate() {
            // As far as the kernel looks: six conditions of six steps are the most there are.
            let past = u8::try_from(length - at - 1).unwrap_or(u8::MAX);
            for way in [&mut step.jt, &mut step.jf] {
                if *way == PAST {
                    *way = past;
                }
            }
        }
        code.extend(own);
        if rule.conditions.is_empty() {
            return code;
        }
    }
    code.push(answer(value_of(rules.default)));
    code
}

/// Falls through if it holds, and jumps past the rule if not.
fn condition(condition: &Condition) -> Vec<libc::sock_filter> {
    let Condition { argument: index, comparison, value, mask } = *condition;
    let offset = argument(index.into());
    let (load_low, load_high) = (load(offset), load(offset + 4));
    let half = |value: u64| {
        let low = u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default();
        (low, u32::try_from(value >> 32).unwrap_or_default())
    };
    let (low, high) = half(value);
    let (low_mask, high_mask) = half(mask);
    match comparison {
        Comparison::Equals => vec![
            load_high,
            step(JUMP_EQUAL, high, 0, PAST),
            load_low,
            step(JUMP_EQUAL, low, 0, PAST),
        ],
        Comparison::MaskedEquals => vec![
            load_high,
            step(AND, high_mask, 0, 0),
            step(JUMP_EQUAL, high, 0, PAST),
            load_low,
            step(AND, low_mask, 0, 0),
            step(JUMP_EQUAL, low, 0, PAST),
        ],
        Comparison::Differs => {
            vec![load_high, step(JUMP_EQUAL, high, 0, 2), load_low, step(JUMP_EQUAL, low, PAST, 0)]
        }
        // What the upper halves do not decide, the lower do.
        Comparison::More | Comparison::AtLeast => vec![
            load_high,
            step(JUMP_MORE, high, 3, 0),
            step(JUMP_EQUAL, high, 0, PAST),
            load_low,
            step(if comparison == Comparison::More { JUMP_MORE } else { JUMP_FROM }, low, 0, PAST),
        ],
        Comparison::Less | Comparison::AtMost => vec![
            load_high,
            step(JUMP_MORE, high, PAST, 0),
            step(JUMP_EQUAL, high, 0, 2),
            load_low,
            step(if comparison == Comparison::Less { JUMP_FROM } else { JUMP_MORE }, low, PAST, 0),
        ],
    }
}

const fn value_of(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Allow => libc::SECCOMP_RET_ALLOW,
        Verdict::Log => libc::SECCOMP_RET_LOG,
        Verdict::Fail(error) => libc::SECCOMP_RET_ERRNO | error as u32,
        Verdict::Trap => libc::SECCOMP_RET_TRAP,
        Verdict::EndThread => libc::SECCOMP_RET_KILL_THREAD,
        Verdict::EndProcess => libc::SECCOMP_RET_KILL_PROCESS,
    }
}

/// Stands for the way past the rule, whose length is not known yet: no condition is so long.
const PAST: u8 = u8::MAX;
