//! Calls of which a part is allowed: by their arguments.

use sentinel_core::sandbox::Network;

use crate::confine::bpf::{JUMP_ANY_BIT, JUMP_EQUAL, answer, argument, load, refusal, step};

/// Which part of a call.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// All of these must hold.
    conditions: Vec<Condition>,
    /// How it fails otherwise.
    error: i32,
}

/// Whether a program may run what it wrote into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Translating {
    Allowed,
    /// The kernel refuses it by itself (`PR_SET_MDWE`); the filter what is written and run at once.
    Refused,
    /// The kernel cannot, so nothing becomes runnable that was mapped without.
    RefusedHere,
}

/// What must hold of an argument.
#[derive(Clone, Debug)]
enum Condition {
    /// None of these bits is set.
    LacksAll { argument: u32, bits: u32 },
    /// Not all of these bits are set.
    LacksOne { argument: u32, bits: u32 },
    /// It is one of these, as far as these bits go.
    IsAmong { argument: u32, mask: u32, values: Vec<u32> },
}

impl Part {
    /// The part of a call that is allowed, of those that stand in the list of such calls.
    pub(super) fn of(
        name: &str,
        (network, has_terminal): (Network, bool),
        translating: Translating,
    ) -> Option<Self> {
        let none_of = |argument, bits| vec![Condition::LacksAll { argument, bits }];
        let one_of = |argument, values: &[u32]| Condition::IsAmong {
            argument,
            mask: u32::MAX,
            values: values.to_vec(),
        };
        let (conditions, error) = match name {
            // A file that makes whoever runs it its owner could be run outside.
            "open" => (none_of(2, MAKES_MORE), libc::EPERM),
            "openat" => (none_of(3, MAKES_MORE), libc::EPERM),
            "creat" | "chmod" | "fchmod" => (none_of(1, MAKES_MORE), libc::EPERM),
            "fchmodat" => (none_of(2, MAKES_MORE), libc::EPERM),
            "fchmodat2" => (none_of(2, MAKES_MORE), libc::EPERM),
            // Pipes and plain files, and no devices.
            "mknod" => (special(1), libc::EPERM),
            "mknodat" => (special(2), libc::EPERM),
            "mmap" | "mprotect" if translating == Translating::Allowed => return Some(Self::all()),
            "mprotect" if translating == Translating::RefusedHere => {
                (none_of(2, bits(libc::PROT_EXEC)), libc::EACCES)
            }
            "mmap" | "mprotect" => {
                let bits = bits(libc::PROT_WRITE | libc::PROT_EXEC);
                (vec![Condition::LacksOne { argument: 2, bits }], libc::EACCES)
            }
            "clone" => (none_of(0, NAMESPACES), libc::EPERM),
            "ioctl" if has_terminal => (vec![one_of(1, REQUESTS)], libc::ENOTTY),
            "ioctl" => {
                // The terminal that it was given to read from is still somebody else's.
                let (_, requests) = REQUESTS.split_at(SETTING_COUNT);
                (vec![one_of(1, requests)], libc::ENOTTY)
            }
            // Its own limits: the process that waits for it has to keep those that it has.
            "prlimit64" => (vec![one_of(0, &[0])], libc::EPERM),
            "prctl" => (vec![one_of(0, CONTROLS)], libc::EINVAL),
            // Which one it is, and the ordinary one.
            "personality" => (vec![one_of(0, &[u32::MAX, 0])], libc::EPERM),
            "socketpair" => (vec![one_of(0, &[bits(libc::AF_UNIX)])], libc::EAFNOSUPPORT),
            "socket" => return Self::socket(network),
            _ => return None,
        };
        Some(Self { conditions, error })
    }

    fn all() -> Self {
        Self { conditions: Vec::new(), error: libc::EPERM }
    }

    fn socket(network: Network) -> Option<Self> {
        let families = [libc::AF_INET, libc::AF_INET6].map(bits).to_vec();
        let family = Condition::IsAmong { argument: 0, mask: u32::MAX, values: families };
        let kinds = |values: &[i32]| Condition::IsAmong {
            argument: 1,
            // What stands above says how the descriptor behaves.
            mask: 0xf,
            values: values.iter().copied().map(bits).collect(),
        };
        let protocols = |values: &[i32]| Condition::IsAmong {
            argument: 2,
            mask: u32::MAX,
            values: values.iter().copied().map(bits).collect(),
        };
        let conditions = match network {
            Network::None => return None,
            Network::Proxied => {
                vec![family, kinds(&[libc::SOCK_STREAM]), protocols(&[0, libc::IPPROTO_TCP])]
            }
            Network::Host => {
                let known = [0, libc::IPPROTO_TCP, libc::IPPROTO_UDP];
                vec![family, kinds(&[libc::SOCK_STREAM, libc::SOCK_DGRAM]), protocols(&known)]
            }
        };
        Some(Self { conditions, error: libc::EAFNOSUPPORT })
    }
}

fn special(argument: u32) -> Vec<Condition> {
    let values = [0, libc::S_IFREG, libc::S_IFIFO].to_vec();
    let kind = Condition::IsAmong { argument, mask: libc::S_IFMT, values };
    vec![Condition::LacksAll { argument, bits: MAKES_MORE }, kind]
}

/// The instructions for it, which end with an answer.
pub(super) fn code(part: &Part) -> Vec<libc::sock_filter> {
    let mut code = conditions(part);
    code.push(answer(libc::SECCOMP_RET_ALLOW));
    code
}

/// The instructions that refuse what it does not allow, and lead on with all else.
pub(super) fn conditions(part: &Part) -> Vec<libc::sock_filter> {
    let mut code = Vec::new();
    for condition in &part.conditions {
        match condition {
            Condition::LacksAll { argument: index, bits } => {
                code.push(load(argument(*index)));
                code.push(step(JUMP_ANY_BIT, *bits, 0, 1));
                code.push(refusal(part.error));
            }
            Condition::LacksOne { argument: index, bits } => {
                code.push(load(argument(*index)));
                code.push(step(AND, *bits, 0, 0));
                code.push(step(JUMP_EQUAL, *bits, 0, 1));
                code.push(refusal(part.error));
            }
            Condition::IsAmong { argument: index, mask, values } => {
                code.push(load(argument(*index)));
                code.push(step(AND, *mask, 0, 0));
                // For each value a comparison, which leads past the refusal behind them.
                let count = u8::try_from(values.len()).unwrap_or(u8::MAX);
                for (position, value) in (0..count).zip(values) {
                    code.push(step(JUMP_EQUAL, *value, count - position, 0));
                }
                code.push(refusal(part.error));
            }
        }
    }
    code
}

const fn bits(value: i32) -> u32 {
    value.cast_unsigned()
}

/// What a file's mode says that makes whoever runs it somebody else.
const MAKES_MORE: u32 = libc::S_ISUID | libc::S_ISGID;

/// New namespaces of every kind, and being traced by whoever traces the parent.
const NAMESPACES: u32 = bits(
    libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_PTRACE,
);

/// Setting how a terminal is, first, and asking it how it is, how much there is to read, and how a
/// descriptor behaves. Nothing types into a terminal.
const REQUESTS: &[u32] = &[
    0x5402, // TCSETS
    0x5403, // TCSETSW
    0x5404, // TCSETSF
    0x5401, // TCGETS
    0x540f, // TIOCGPGRP
    0x5410, // TIOCSPGRP
    0x5413, // TIOCGWINSZ
    0x541b, // FIONREAD
    0x5421, // FIONBIO
    0x5429, // TIOCGSID
    0x5450, // FIONCLEX
    0x5451, // FIOCLEX
];

/// The first so many of these are for who has a terminal of its own.
const SETTING_COUNT: usize = 3;

const CONTROLS: &[u32] = &[
    bits(libc::PR_SET_PDEATHSIG),
    bits(libc::PR_GET_PDEATHSIG),
    bits(libc::PR_GET_DUMPABLE),
    bits(libc::PR_SET_DUMPABLE),
    bits(libc::PR_SET_NAME),
    bits(libc::PR_GET_NAME),
    bits(libc::PR_CAPBSET_READ),
    bits(libc::PR_GET_TIMERSLACK),
    bits(libc::PR_SET_TIMERSLACK),
    bits(libc::PR_SET_CHILD_SUBREAPER),
    bits(libc::PR_GET_CHILD_SUBREAPER),
    bits(libc::PR_SET_NO_NEW_PRIVS),
    bits(libc::PR_GET_NO_NEW_PRIVS),
    bits(libc::PR_GET_THP_DISABLE),
    bits(libc::PR_SET_THP_DISABLE),
    SET_MEMORY_NAME,
];

/// `PR_SET_VMA`: what a piece of memory is called.
const SET_MEMORY_NAME: u32 = 0x5356_4d41;

/// Of <linux/bpf_common.h>: bits with a constant.
pub(super) const AND: u16 = 0x54;
