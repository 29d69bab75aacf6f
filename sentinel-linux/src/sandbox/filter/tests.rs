//! The filter, run by a few lines that do what the kernel does with it.

use super::*;
use sentinel_core::sandbox::{CallRule, CallRules, Comparison, Condition, Verdict};

use crate::confine::bpf;

/// What the kernel would answer to a call.
fn answer(program: &[libc::sock_filter], call: libc::c_long, arguments: [u64; 6]) -> u32 {
    run(program, bpf::ARCHITECTURE, u32::try_from(call).unwrap(), arguments)
}

fn run(program: &[libc::sock_filter], architecture: u32, call: u32, arguments: [u64; 6]) -> u32 {
    look::answer_of(program, architecture, call, &arguments).expect("the kernel takes it")
}

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

fn error(error: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | error.cast_unsigned()
}

fn strict() -> Vec<libc::sock_filter> {
    program(&Calls::Strict, &[], (Network::None, false)).unwrap()
}

#[test]
fn every_number_has_the_answer_of_its_list() {
    for (calls, science) in [(Calls::Strict, false), (Calls::DataScience, true)] {
        for network in [Network::None, Network::Proxied, Network::Host] {
            let program = program(&calls, &[], (network, false)).unwrap();
            assert!(program.len() < 1000, "{}", program.len());
            let has_network = network != Network::None;
            let lists = [
                (allowed::FILES, true),
                (allowed::WAITING, true),
                (allowed::MEMORY, true),
                (allowed::PROCESSES, true),
                (allowed::TALKING, true),
                (allowed::OLD, true),
                (allowed::NETWORK, has_network),
                (allowed::DATA_SCIENCE, science),
                (refused::REFUSED, false),
                (refused::OLD_REFUSED, false),
            ];
            let mut known = Vec::new();
            for (list, is_allowed) in lists {
                for (name, call) in list {
                    let answer = answer(&program, *call, [u64::MAX; 6]);
                    let refusal = error(refusal(name));
                    assert_eq!(answer, if is_allowed { ALLOW } else { refusal }, "{name}");
                    known.push(*call);
                }
            }
            let parts = [refused::PARTS, refused::OLD_PARTS].into_iter().flatten();
            known.extend(parts.map(|(_, call)| *call));
            for call in (0..2000).filter(|call| !known.contains(call)) {
                assert_eq!(answer(&program, call, [0; 6]), error(libc::ENOSYS), "{call}");
            }
        }
    }
}

#[test]
fn other_architectures_end_the_process() {
    let program = strict();
    for architecture in [0x4000_0003, 0, u32::MAX] {
        let answer = run(&program, architecture, 1, [0; 6]);
        assert_eq!(answer, libc::SECCOMP_RET_KILL_PROCESS);
    }
    // x32: the same architecture, and a bit in the number.
    for call in [0x4000_0000_u32, 0x4000_0001, 0x4000_003b, u32::MAX] {
        let answer = run(&program, bpf::ARCHITECTURE, call, [0; 6]);
        assert_eq!(answer, error(libc::ENOSYS), "{call:#x}");
    }
}

#[test]
fn a_part_of_a_call_is_its_arguments() {
    let strict = strict();
    let proxied = program(&Calls::Strict, &[], (Network::Proxied, false)).unwrap();
    let terminal = program(&Calls::Strict, &[], (Network::None, true)).unwrap();
    let science = program(&Calls::DataScience, &[], (Network::None, false)).unwrap();
    let arguments = |values: &[u64]| {
        let mut all = [0; 6];
        all[..values.len()].copy_from_slice(values);
        all
    };
    let old =
        program_for(&Calls::Strict, &[], (Network::None, false), Translating::RefusedHere).unwrap();
    let user: u64 = 0x1000_0000;
    let (write, run) = (2, 4);
    for (program, call, values, expected) in [
        (&strict, libc::SYS_clone, vec![0x0011], ALLOW),
        (&strict, libc::SYS_clone, vec![0x003d_0f00], ALLOW),
        (&strict, libc::SYS_clone, vec![user | 0x11], error(libc::EPERM)),
        (&strict, libc::SYS_ioctl, vec![0, 0x5401], ALLOW),
        (&strict, libc::SYS_ioctl, vec![0, 0x5402], error(libc::ENOTTY)),
        (&terminal, libc::SYS_ioctl, vec![0, 0x5402], ALLOW),
        (&terminal, libc::SYS_ioctl, vec![0, 0x5412], error(libc::ENOTTY)),
        (&strict, libc::SYS_prlimit64, vec![0, 7], ALLOW),
        (&strict, libc::SYS_prlimit64, vec![1, 7], error(libc::EPERM)),
        (&strict, libc::SYS_ioctl, vec![0, 0x5412], error(libc::ENOTTY)),
        // The kernel looks at the lower half alone.
        (&strict, libc::SYS_ioctl, vec![0, 0x1_0000_5412], error(libc::ENOTTY)),
        (&strict, libc::SYS_ioctl, vec![0, 0x541c], error(libc::ENOTTY)),
        (&strict, libc::SYS_socket, vec![2, 1, 0], error(libc::EPERM)),
        (&strict, libc::SYS_socketpair, vec![1, 1, 0], ALLOW),
        (&strict, libc::SYS_socketpair, vec![2, 1, 0], error(libc::EAFNOSUPPORT)),
        (&proxied, libc::SYS_socket, vec![2, 1, 0], ALLOW),
        (&proxied, libc::SYS_socket, vec![10, 0x80801, 6], ALLOW),
        (&proxied, libc::SYS_socket, vec![2, 2, 0], error(libc::EAFNOSUPPORT)),
        (&proxied, libc::SYS_socket, vec![2, 1, 262], error(libc::EAFNOSUPPORT)),
        (&proxied, libc::SYS_socket, vec![1, 1, 0], error(libc::EAFNOSUPPORT)),
        (&proxied, libc::SYS_socket, vec![17, 3, 0], error(libc::EAFNOSUPPORT)),
        (&strict, libc::SYS_mmap, vec![0, 0, write | run], error(libc::EACCES)),
        (&strict, libc::SYS_mmap, vec![0, 0, write], ALLOW),
        (&strict, libc::SYS_mmap, vec![0, 0, run], ALLOW),
        (&strict, libc::SYS_mprotect, vec![0, 0, 7], error(libc::EACCES)),
        (&old, libc::SYS_mprotect, vec![0, 0, run], error(libc::EACCES)),
        (&old, libc::SYS_mprotect, vec![0, 0, write], ALLOW),
        (&old, libc::SYS_mmap, vec![0, 0, write | run], error(libc::EACCES)),
        (&old, libc::SYS_mmap, vec![0, 0, run], ALLOW),
        (&science, libc::SYS_mmap, vec![0, 0, 7], ALLOW),
        (&strict, libc::SYS_openat, vec![0, 0, 0o100, 0o644], ALLOW),
        (&strict, libc::SYS_openat, vec![0, 0, 0o100, 0o4755], error(libc::EPERM)),
        (&strict, libc::SYS_fchmodat, vec![0, 0, 0o2755], error(libc::EPERM)),
        (&strict, libc::SYS_fchmod, vec![0, 0o755], ALLOW),
        (&strict, libc::SYS_mknodat, vec![0, 0, 0o010_644], ALLOW),
        (&strict, libc::SYS_mknodat, vec![0, 0, 0o020_644], error(libc::EPERM)),
        (&strict, libc::SYS_mknodat, vec![0, 0, 0o140_644], error(libc::EPERM)),
        (&strict, libc::SYS_prctl, vec![15], ALLOW),
        (&strict, libc::SYS_prctl, vec![22], error(libc::EINVAL)),
        (&strict, libc::SYS_personality, vec![0xffff_ffff], ALLOW),
        (&strict, libc::SYS_personality, vec![0x0040_0000], error(libc::EPERM)),
    ] {
        let answer = answer(program, call, arguments(&values));
        assert_eq!(answer, expected, "{call} {values:x?}");
    }
}

/// What a file allows by name is allowed; what is refused always, is refused by name too.
#[test]
fn a_file_names_what_is_allowed() {
    let names = ["read", "mount", "socket", "connect", "ioctl", "execve", "no_such_call"];
    let names = names.map(|name| name.as_bytes().to_vec()).to_vec();
    let calls = Calls::Custom(CallRules::only(names));
    let program = program(&calls, &[], (Network::None, false)).unwrap();
    let none = [0; 6];
    assert_eq!(answer(&program, libc::SYS_read, none), ALLOW);
    assert_eq!(answer(&program, libc::SYS_write, none), error(libc::EPERM));
    assert_eq!(answer(&program, libc::SYS_mount, none), error(libc::EPERM));
    assert_eq!(answer(&program, libc::SYS_socket, none), error(libc::EPERM));
    assert_eq!(answer(&program, libc::SYS_connect, none), error(libc::EPERM));
    assert_eq!(answer(&program, libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0]), ALLOW);
    assert_eq!(answer(&program, libc::SYS_ioctl, [0, 0x5412, 0, 0, 0, 0]), error(libc::ENOTTY));
    assert_eq!(answer(&program, libc::SYS_clone, none), error(libc::EPERM));
}

/// A file that allows everything opens nothing: whatever is refused with the widest list of our
/// own is refused in the same way.
#[test]
fn no_file_opens_what_every_sandbox_refuses() {
    let everything = CallRules { default: Verdict::Allow, rules: Vec::new() };
    for network in [Network::None, Network::Proxied, Network::Host] {
        let own = program(&Calls::DataScience, &[], (network, false)).unwrap();
        let open = program(&Calls::Custom(everything.clone()), &[], (network, false)).unwrap();
        let interesting = [0, 1, 2, 7, 0x4755, 0o4755, 0o6000, 0x5412, 0x541c, u64::MAX, 1 << 32];
        for call in (0..1000).chain([0x4000_0000, 0x4000_003b, u32::MAX]) {
            for value in interesting {
                for arguments in [[value; 6], [value, 1, 0, 0, 0, 0], [1, value, 6, value, 0, 0]] {
                    let [own, open] = [&own, &open]
                        .map(|program| run(program, bpf::ARCHITECTURE, call, arguments));
                    assert_eq!(own, open, "{call} {arguments:x?}");
                }
            }
        }
        assert_eq!(run(&open, 0x4000_0003, 1, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS);
    }
}

/// Comparisons of 64 bits in halves: each against a number that is worked out whole.
#[test]
fn arguments_are_compared_whole() {
    let edges =
        [0, 1, 2, 0xffff_ffff, 1 << 32, (1 << 32) + 1, (2 << 32) + 1, u64::MAX - 1, u64::MAX];
    let about = |conditions: Vec<Condition>, verdict| CallRule {
        names: vec![b"dup".to_vec()],
        verdict,
        conditions,
    };
    let all = about(Vec::new(), Verdict::Allow);
    let all = CallRule { names: vec![b"execve".to_vec()], ..all };
    for comparison in Comparison::ALL {
        for value in edges {
            for mask in [u64::MAX, 0xf0, 1 << 40, 3 << 31] {
                let one = Condition { argument: 3, comparison, value, mask };
                let two = Condition { argument: 0, comparison: Comparison::Equals, value: 7, mask };
                let rules = vec![
                    all.clone(),
                    about(vec![one], Verdict::Fail(7)),
                    about(vec![two, one], Verdict::EndThread),
                ];
                let calls = Calls::Custom(CallRules { default: Verdict::Log, rules });
                let program = program(&calls, &[], (Network::None, false)).unwrap();
                for found in edges {
                    let holds = match comparison {
                        Comparison::Differs => found != value,
                        Comparison::Less => found < value,
                        Comparison::AtMost => found <= value,
                        Comparison::Equals => found == value,
                        Comparison::AtLeast => found >= value,
                        Comparison::More => found > value,
                        Comparison::MaskedEquals => found & mask == value,
                    };
                    let expected = |is_seven: bool| match (holds, is_seven) {
                        (true, true) => libc::SECCOMP_RET_KILL_THREAD,
                        (true, false) => error(7),
                        (false, _) => libc::SECCOMP_RET_LOG,
                    };
                    for first in [7, 8] {
                        let arguments = [first, 0, 0, found, 0, 0];
                        let answer = answer(&program, libc::SYS_dup, arguments);
                        assert_eq!(answer, expected(first == 7), "{one:x?} {found:x}");
                    }
                }
            }
        }
    }
}

/// What may be allowed besides a list is what some list allows.
#[test]
fn a_name_besides_the_list_is_allowed_or_told_why_not() {
    let besides = |name: &str, network| {
        program(&Calls::Strict, &[name.as_bytes().to_vec()], (network, false))
            .map_err(|e| e.to_string())
    };
    let allowed = besides("mbind", Network::None).unwrap();
    assert_eq!(answer(&allowed, libc::SYS_mbind, [0; 6]), ALLOW);
    assert_eq!(answer(&strict(), libc::SYS_mbind, [0; 6]), error(libc::EPERM));
    for name in ["ptrace", "unshare", "keyctl", "memfd_create", "clone", "ioctl", "connect"] {
        let why = besides(name, Network::None).unwrap_err();
        assert!(why.contains("no sandbox of this kind"), "{why}");
    }
    assert!(besides("connect", Network::Proxied).is_ok());
    assert!(besides("no_such_call", Network::None).unwrap_err().contains("no system call"));
}

/// A call that is answered whatever its arguments are is like its neighbours, whoever says so.
#[test]
fn one_answer_is_the_same_however_it_was_found() {
    let length = |judged: bool| {
        let mut table = Table::default();
        for call in 0..9 {
            table.put(
                call,
                match judged && call % 2 == 1 {
                    true => Action::Judge(vec![bpf::answer(ALLOW)]),
                    false => Action::Allow,
                },
            );
        }
        tree::program(table, Action::Refuse(libc::ENOSYS)).unwrap().len()
    };
    assert_eq!(length(true), length(false));
}
