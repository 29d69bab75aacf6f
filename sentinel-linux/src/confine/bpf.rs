//! Programs of classic BPF, as seccomp takes them: the few instructions that a filter needs.
//!
//! # Not here
//! Which calls: [`seccomp`](super::seccomp) for this process, [`sandbox`](crate::sandbox) for
//! others.

pub(crate) const fn step(code: u16, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

pub(crate) const fn load(offset: u32) -> libc::sock_filter {
    step(LOAD, offset, 0, 0)
}

pub(crate) const fn answer(value: u32) -> libc::sock_filter {
    step(RETURN, value, 0, 0)
}

/// The call fails with this error.
pub(crate) fn refusal(error: i32) -> libc::sock_filter {
    answer(libc::SECCOMP_RET_ERRNO | number(error.into()))
}

/// A number as the filter sees it: its lower half, which is all that the kernel looks at in these.
pub(crate) fn number(number: libc::c_long) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Where the lower half of an argument stands.
pub(crate) const fn argument(index: u32) -> u32 {
    ARGUMENTS_OFFSET + 8 * index
}

// From <linux/audit.h>.
#[cfg(target_arch = "x86_64")]
pub(crate) const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(crate) const ARCHITECTURE: u32 = 0xc000_00b7;

// `struct seccomp_data`: the number of the call, the architecture, the address, six arguments of
// eight bytes, whose lower half is the first on both architectures.
pub(crate) const NUMBER_OFFSET: u32 = 0;
pub(crate) const ARCHITECTURE_OFFSET: u32 = 4;
const ARGUMENTS_OFFSET: u32 = 16;

// From <linux/bpf_common.h>: a word at a place, comparisons with a constant, one of its bits, a way
// that is always taken, an answer.
pub(crate) const LOAD: u16 = 0x20;
pub(crate) const JUMP: u16 = 0x05;
pub(crate) const JUMP_EQUAL: u16 = 0x15;
pub(crate) const JUMP_MORE: u16 = 0x25;
pub(crate) const JUMP_FROM: u16 = 0x35;
pub(crate) const JUMP_ANY_BIT: u16 = 0x45;
pub(crate) const RETURN: u16 = 0x06;
