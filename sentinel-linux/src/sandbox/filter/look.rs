//! What a filter answers, worked out here: by the few instructions that our filters have.

use super::parts::AND;
use crate::confine::bpf::{
    ARCHITECTURE, ARCHITECTURE_OFFSET, JUMP, JUMP_ANY_BIT, JUMP_EQUAL, JUMP_FROM, JUMP_MORE, LOAD,
    NUMBER_OFFSET, RETURN,
};

/// What the kernel would answer to a call of this architecture; none if it would not take the
/// filter.
pub(in crate::sandbox) fn answer(
    program: &[libc::sock_filter],
    call: u32,
    arguments: &[u64; 6],
) -> Option<u32> {
    answer_of(program, ARCHITECTURE, call, arguments)
}

/// The same for any architecture.
pub(super) fn answer_of(
    program: &[libc::sock_filter],
    architecture: u32,
    call: u32,
    arguments: &[u64; 6],
) -> Option<u32> {
    let word = |offset: u32| match offset {
        NUMBER_OFFSET => Some(call),
        ARCHITECTURE_OFFSET => Some(architecture),
        offset => {
            let offset = usize::try_from(offset.checked_sub(16)?).ok()?;
            let shift = if offset % 8 == 4 { 32 } else { 0 };
            u32::try_from((arguments.get(offset / 8)? >> shift) & u64::from(u32::MAX)).ok()
        }
    };
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    // Every way leads on, so that there is an end.
    loop {
        let libc::sock_filter { code, jt, jf, k } = *program.get(at)?;
        let is_taken = match code {
            JUMP_EQUAL => accumulator == k,
            JUMP_FROM => accumulator >= k,
            JUMP_MORE => accumulator > k,
            JUMP_ANY_BIT => accumulator & k != 0,
            _ => false,
        };
        let further = match code {
            LOAD => {
                accumulator = word(k)?;
                0
            }
            AND => {
                accumulator &= k;
                0
            }
            JUMP => usize::try_from(k).ok()?,
            RETURN => return Some(k),
            JUMP_EQUAL | JUMP_FROM | JUMP_MORE | JUMP_ANY_BIT => {
                usize::from(if is_taken { jt } else { jf })
            }
            _ => return None,
        };
        at += 1 + further;
    }
}
