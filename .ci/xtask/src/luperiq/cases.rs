//! What is booted and what must come of it.

use std::borrow::Cow;

/// One boot.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    /// What the kernel is told.
    pub(super) arguments: Cow<'static, str>,
    /// Lines that the output has to contain, in this order.
    pub(super) expected: &'static [&'static str],
    /// What must not be in it.
    pub(super) forbidden: &'static [&'static str],
    pub(super) status: i32,
}

/// A program that tries one thing, and what the kernel says to it.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) program: &'static str,
    expected: &'static [&'static str],
    status: i32,
}

impl Probe {
    /// The boot that starts it.
    pub(super) fn case(&self) -> Case {
        Case {
            name: self.program,
            arguments: format!("init=probe/{}", self.program).into(),
            expected: self.expected,
            forbidden: &["panic", "fault"],
            status: self.status,
        }
    }
}

/// What is wrong with an output, if anything is.
pub(super) fn difference(case: &Case, output: &str, status: Option<i32>) -> Option<String> {
    if let Some(found) = case.forbidden.iter().find(|text| output.contains(**text)) {
        return Some(format!("it says `{found}`"));
    }
    let mut rest = output;
    for expected in case.expected {
        match rest.split_once(expected) {
            Some((_, behind)) => rest = behind,
            None => return Some(format!("it does not say `{expected}` where it should")),
        }
    }
    match status {
        Some(status) if status == case.status => None,
        Some(status) => Some(format!("it ended with {status}, not {}", case.status)),
        None => Some("it did not end".into()),
    }
}

/// What the image does as it is given out.
pub(super) const BOOTS: &[Case] = &[
    Case {
        name: "it starts a program and ends with it",
        arguments: Cow::Borrowed("init=probe/exit"),
        expected: &[
            "LuperIQ kernel",
            "MiB of memory",
            "SHA-256 by the core",
            "audit: ",
            ", head ",
            "left: 0 frames, 1 objects, 0 handles, 0 grants",
        ],
        forbidden: &["panic", "fault"],
        status: 0,
    },
    Case {
        name: "it hashes without the core's instructions",
        arguments: Cow::Borrowed("init=probe/vectors hash=software"),
        expected: &["SHA-256 by software", "audit: ", NOTHING_LEFT],
        forbidden: &["panic", "fault"],
        status: 0,
    },
    Case {
        name: "what programs may not is refused and recorded",
        arguments: Cow::Borrowed("init=bin/attacks"),
        expected: &["attack handle-zero", "attacks: 152 of 152 refused and recorded", NOTHING_LEFT],
        forbidden: &["panic", "fault", "FAILED"],
        status: 0,
    },
    Case {
        name: "a port tells what it should and nothing else",
        arguments: Cow::Borrowed("init=bin/ports"),
        expected: &[
            "ports: what is so is told in turn: Ok(true)",
            "ports: who waits for a port that is closed is told: Ok(true)",
            NOTHING_LEFT,
        ],
        forbidden: &["panic", "fault", "Ok(false)", "Err("],
        status: 0,
    },
    Case {
        name: "init gives what the manifest says and refuses the rest",
        arguments: Cow::Borrowed("init=bin/init exit=semihosting -- checks.toml"),
        expected: &[
            "checks asked for FILE_READ:bin/init: not allowed",
            "checks: what was asked for went as it should",
            "init: checks ended with 0",
            NOTHING_LEFT,
        ],
        forbidden: &["panic", "fault"],
        status: 0,
    },
];

/// What init lends on a machine with a disk.
pub(super) const LENT: Case = Case {
    name: "what init lends it takes back, with everything that was made from it",
    arguments: Cow::Borrowed("init=bin/init exit=semihosting -- borrower.toml"),
    expected: &[
        "borrower asked for FILE_READ:disk=state:read: not lent",
        "borrower asked for FILE_READ:disk=notes/../state:read: not lent",
        "borrower: what is given back is worth nothing: Ok(true)",
        "borrower: what is dropped is taken back: Ok(true)",
        "borrower: the nearest directory is lent: Ok(true)",
        "borrower: what is not lent is refused: Ok(true)",
        "borrower: no more is lent than can be watched: Ok(true)",
        "init: borrower ended with 0",
        NOTHING_LEFT,
    ],
    forbidden: &["panic", "fault", "Ok(false)", "Err("],
    status: 0,
};

/// Programs that try what the processor must refuse.
pub(super) const PROBES: &[Probe] = &[
    Probe { program: "exit", expected: &["audit:", NOTHING_LEFT], status: 0 },
    Probe { program: "preemption", expected: &["audit:", NOTHING_LEFT], status: 0 },
    Probe { program: "priority", expected: &["audit:", NOTHING_LEFT], status: 0 },
    Probe { program: "vectors", expected: &["audit:", NOTHING_LEFT], status: 0 },
    Probe { program: "bench-null", expected: &["audit:", NOTHING_LEFT], status: 0 },
    Probe { program: "bench-info", expected: &["audit:", NOTHING_LEFT], status: 0 },
    Probe { program: "bench-use", expected: &["audit:", NOTHING_LEFT], status: 0 },
    Probe { program: "bench-channel", expected: &["audit:", NOTHING_LEFT], status: 0 },
    probe("read-kernel", &["` killed: read what it may not", "address 0xffffffffc0000000"]),
    probe("read-memory", &["` killed: read what it may not", "address 0xffffff8040000000"]),
    probe("write-text", &["` killed: wrote what it may not"]),
    probe("execute-stack", &["` killed: executed what is no code"]),
    probe("execute-kernel", &["` killed: executed what is no code", "0xffffffffc0000000"]),
    probe("null", &["` killed: read what it may not", "address 0x0"]),
    probe("counter", &[KERNELS]),
    probe("frequency", &[KERNELS]),
    probe("timer", &[KERNELS]),
    probe("cycles", &[KERNELS]),
    probe("identity", &[NONE]),
    probe("control", &[NONE]),
    probe("tables", &[NONE]),
    probe("interrupts", &[KERNELS]),
    probe("cache", &[NONE]),
    probe("zero-line", &[KERNELS]),
    probe("hypervisor", &[NONE]),
    probe("monitor", &[NONE]),
    probe("semihosting", &[NONE]),
    probe("breakpoint", &["` killed: a breakpoint"]),
    probe("undefined", &[NONE]),
    probe("supervisor-number", &["` killed: a supervisor call that is none"]),
    probe("unaligned-jump", &["` killed: used an address that is not aligned"]),
    probe("return", &[NONE]),
    probe("stack-overflow", &["` killed: wrote what it may not"]),
];

const fn probe(program: &'static str, expected: &'static [&'static str]) -> Probe {
    Probe { program, expected, status: STATUS_KILLED }
}

/// When the last program has ended, all there is is the root job.
pub(super) const NOTHING_LEFT: &str = "left: 0 frames, 1 objects, 0 handles, 0 grants";

/// The machine ends with what its first program said, or -2 for one that was killed.
const STATUS_KILLED: i32 = 254;

const KERNELS: &str = "` killed: touched what is the kernel's alone";
const NONE: &str = "` killed: an instruction that is none at EL0";

/// The kernel tries on itself what must not be possible; for this the image has a feature more.
///
/// A fault is told by its class (0x25 data, 0x21 instructions) and its syndrome: the last digits
/// are 0x4f for a write that a page refuses, 0x47 for a write where no page is, 0x0e and 0x0f for
/// instructions where none may be.
pub(super) const SELFTESTS: &[Case] = &[
    ending("a panic says where and why", "selftest=panic", &["kernel panic at", ": as asked"]),
    ending("kernel text is not written", "selftest=write-text", &[WRITE_REFUSED]),
    ending("kernel constants are not written", "selftest=write-rodata", &[WRITE_REFUSED]),
    ending("text is seen in one place only", "selftest=alias", &[WRITE_UNMAPPED]),
    ending("data is not executed", "selftest=execute-data", &[FETCH_REFUSED]),
    ending("the stack is not executed", "selftest=execute-stack", &[FETCH_REFUSED]),
    ending("memory is not executed", "selftest=execute-memory", &[FETCH_REFUSED]),
    ending("a stack that runs over hits its guard", "selftest=stack-overflow", &[WRITE_UNMAPPED]),
    ending(
        "nothing is at a null pointer",
        "selftest=null",
        &["kernel fault: vector 4, class 0x25"],
    ),
    Case {
        name: "frames are zeroed, given once and come back",
        arguments: Cow::Borrowed("selftest=frames"),
        expected: &["all frames came back"],
        forbidden: &["panic", "fault"],
        status: 0,
    },
];

/// The kernel fails while it serves a call, on a machine with a disk: what it knows stands in the
/// record, the record is closed and safe, and verifies.
pub(super) const FAILING: &[Case] = &[
    ending(
        "a panic in a call ends the record",
        "init=probe/bench-use selftest=panic-in-call",
        &["kernel panic at", ": as asked in a call", "audit: ", ", head ", SAFE],
    ),
    ending(
        "a fault in a call ends the record",
        "init=probe/bench-use selftest=fault-in-call",
        &["kernel fault: vector 4, class 0x25", "audit: ", ", head ", SAFE],
    ),
    ending(
        "a stack that runs over in a call ends the record",
        "init=probe/bench-use selftest=overrun-in-call",
        &[WRITE_UNMAPPED, "audit: ", ", head ", SAFE],
    ),
    Case {
        name: "a panic starts the machine again where that is asked for",
        arguments: Cow::Borrowed("init=probe/bench-use selftest=panic-in-call panic=reboot"),
        expected: &["kernel panic at", "audit: ", ", head ", SAFE],
        forbidden: &["nothing stopped it"],
        // The emulator ends instead.
        status: 0,
    },
    Case {
        name: "when the first program is ended every other is",
        arguments: Cow::Borrowed("selftest=kill:init:7:1:2000"),
        expected: &["`bin/init` starts", LOST, "audit: ", ", head ", SAFE, NOTHING_LEFT],
        forbidden: &["panic", "fault"],
        status: STATUS_KILLED,
    },
    Case {
        name: "a machine without its first program starts again where that is asked for",
        arguments: Cow::Borrowed("selftest=kill:init:8:1:2000 panic=reboot"),
        expected: &["`bin/init` starts", LOST, "audit: ", ", head ", SAFE, NOTHING_LEFT],
        forbidden: &["panic at", "fault"],
        // The emulator ends instead.
        status: 0,
    },
];

const LOST: &str = "`init` killed: as asked";

const SAFE: &str = " records are safe";

/// What a kernel has to say that says it in frames: everything that one says that does not, between
/// what programs say, and at its end.
pub(super) fn framed() -> Vec<Case> {
    let boots = [&BOOTS[0], &BOOTS[2], &FAILING[0]].map(Clone::clone);
    let killed = PROBES.iter().filter(|probe| probe.program == "null").map(|probe| Case {
        // Its last words are text; that nothing failed is seen by its status.
        forbidden: &["panic"],
        ..probe.case()
    });
    boots.into_iter().chain(killed).collect()
}

/// A boot that the kernel ends because it found itself wrong.
const fn ending(
    name: &'static str,
    arguments: &'static str,
    expected: &'static [&'static str],
) -> Case {
    let arguments = Cow::Borrowed(arguments);
    Case { name, arguments, expected, forbidden: &["nothing stopped it"], status: 3 }
}

const WRITE_REFUSED: &str = "kernel fault: vector 4, class 0x25, syndrome 0x9600004f";
const WRITE_UNMAPPED: &str = "kernel fault: vector 4, class 0x25, syndrome 0x96000047";
const FETCH_REFUSED: &str = "kernel fault: vector 4, class 0x21, syndrome 0x8600000";

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Case = ending("case", "", &["first", "second"]);

    #[test]
    fn a_run_is_right_only_with_its_lines_in_order_and_its_status() {
        assert_eq!(difference(&CASE, "first second", Some(3)), None);
        for (output, status) in [
            ("second first", Some(3)),
            ("first", Some(3)),
            ("first second", Some(0)),
            ("first second", None),
            ("first second, nothing stopped it", Some(3)),
        ] {
            assert!(difference(&CASE, output, status).is_some(), "{output} {status:?}");
        }
    }
}
