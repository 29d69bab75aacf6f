//! Filters as containers have them: what they mean, and where they are wrong.

use alloc::string::ToString;
use alloc::vec;

use super::*;

const HERE: Machine =
    Machine { architecture: "SCMP_ARCH_X86_64", short_architecture: "amd64", kernel: (6, 1) };

fn read(text: &str) -> Result<CallRules, String> {
    CallRules::read(text.as_bytes(), &HERE)
}

fn with_rule(rule: &str) -> Result<CallRules, String> {
    read(&format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\"syscalls\": [{rule}]}}"))
}

const WHOLE: &str = r#"{
  "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
  "archMap": [
    {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
    {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}
  ],
  "flags": ["SECCOMP_FILTER_FLAG_LOG"],
  "syscalls": [
    {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": null, "comment": "",
     "includes": {}, "excludes": {}},
    {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
     "args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]},
     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
    {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["arm_fadvise64_64"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
    {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"]}},
    {"names": ["s390"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["amd64"]}},
    {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
    {"names": ["futex2"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "6.7"}},
    {"name": "socket", "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "errno": "EPERM"},
    {"names": ["bpf"], "action": "SCMP_ACT_ERRNO", "errno": "EACCES"},
    {"names": ["kexec_load"], "action": "SCMP_ACT_KILL_PROCESS"}
  ]
}"#;

#[test]
fn a_filter_means_what_it_means_for_this_machine_and_nobody_privileged() {
    let rules = read(WHOLE).unwrap();
    assert_eq!(rules.default, Verdict::Fail(38));
    let names: Vec<&[u8]> = rules.rules.iter().flat_map(|rule| &rule.names).map(|n| &**n).collect();
    let expected = [
        "read",
        "write",
        "personality",
        "clone",
        "arch_prctl",
        "ptrace",
        "socket",
        "bpf",
        "kexec_load",
    ];
    assert_eq!(names, expected.map(str::as_bytes));
    let verdicts: Vec<Verdict> = rules.rules.iter().map(|rule| rule.verdict).collect();
    assert_eq!(verdicts[5..], [Verdict::Fail(22), Verdict::Fail(13), Verdict::EndProcess]);
    let [equal] = rules.rules[1].conditions[..] else { panic!("one condition") };
    assert_eq!((equal.comparison, equal.value), (Comparison::Equals, u64::MAX));
    let [masked] = rules.rules[2].conditions[..] else { panic!("one condition") };
    assert_eq!((masked.value, masked.mask), (0, 2_114_060_288));
    assert!(rules.allows(b"read") && !rules.allows(b"clone") && !rules.allows(b"socket"));
    assert!(!rules.allows(b"nothing"));
}

#[test]
fn of_two_rules_the_stricter_holds() {
    let rule = |verdict, conditions| CallRule { names: vec![b"a".to_vec()], verdict, conditions };
    let some = Condition { argument: 0, comparison: Comparison::Equals, value: 1, mask: u64::MAX };
    let rules = CallRules {
        default: Verdict::Allow,
        rules: vec![
            rule(Verdict::Allow, vec![]),
            rule(Verdict::Fail(1), vec![some]),
            rule(Verdict::EndProcess, vec![some]),
        ],
    };
    let about: Vec<Verdict> = rules.about(b"a").iter().map(|rule| rule.verdict).collect();
    assert_eq!(about, [Verdict::EndProcess, Verdict::Fail(1), Verdict::Allow]);
    assert!(!rules.allows(b"a") && rules.allows(b"b"));
}

#[test]
fn what_is_not_understood_is_told_with_its_place() {
    for (rule, expected) in [
        ("{}", "2:14: this rule names no system call"),
        ("{\"names\": [\"read\"]}", "action"),
        ("{\"names\": [], \"action\": \"SCMP_ACT_ALLOW\"}", "names no system call"),
        ("{\"names\": [\"Read\"], \"action\": \"SCMP_ACT_ALLOW\"}", "2:25: this is no name"),
        ("{\"nams\": []}", "unknown member 'nams'; did you mean 'names'?"),
        ("{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ALOW\"}", "did you mean 'SCMP_ACT_ALLOW'?"),
        ("{\"names\": [\"a\"], \"action\": \"SCMP_ACT_NOTIFY\"}", "nothing traces or listens"),
        ("{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 4096}", "below 4096"),
        ("{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ERRNO\", \"errno\": \"EFOO\"}", "errnoRet"),
        ("3", "2:14"),
    ] {
        let said = with_rule(rule).unwrap_err();
        assert!(said.contains(expected), "{rule}: {said}");
    }
    let with_args = |args: &str| {
        let rule = "{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": ";
        with_rule(&format!("{rule}[{args}]}}")).unwrap_err()
    };
    let one = "{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}";
    for (args, expected) in [
        ("{\"index\": 6, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}", "the arguments 0 to 5"),
        ("{\"index\": 0, \"value\": -1, \"op\": \"SCMP_CMP_EQ\"}", "value"),
        ("{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EG\"}", "did you mean 'SCMP_CMP_"),
        ("{\"index\": 0, \"op\": \"SCMP_CMP_EQ\"}", "value"),
        (&format!("{one}, {one}"), "stands in one rule twice"),
    ] {
        let said = with_args(args);
        assert!(said.contains(expected), "{args}: {said}");
    }
    for (text, expected) in [
        ("", "1:1"),
        ("[]", "1:1"),
        ("{}", "defaultAction"),
        ("{\"linux\": {\"seccomp\": {}}}", "linux.seccomp"),
        ("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"defaultAction\": \"SCMP_ACT_KILL\"}", "1:"),
        ("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"/x\"}", "nothing traces"),
        ("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"X\"]}", "unknown flag 'X'"),
        (
            "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"SCMP_ARCH_X86\"]}",
            "not for",
        ),
        (
            "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [\"x86\"]}",
            "no architecture",
        ),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
    }
    let kernel =
        "{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": 4}}";
    assert!(with_rule(kernel).is_err());
}

#[test]
fn a_filter_has_its_bounds() {
    let rule = "{\"names\": [\"a\"], \"action\": \"SCMP_ACT_ALLOW\"}";
    let many = |count: usize| vec![rule; count].join(",");
    assert!(with_rule(&many(SANDBOX_CALL_RULES_MAX)).is_ok());
    let said = with_rule(&many(SANDBOX_CALL_RULES_MAX + 1)).unwrap_err();
    assert!(said.contains(&SANDBOX_CALL_RULES_MAX.to_string()), "{said}");
    let long = alloc::vec![b' '; SANDBOX_SECCOMP_BYTES_MAX + 1];
    assert!(CallRules::read(&long, &HERE).is_err());
}

/// Whatever one character says instead: there is a filter within its bounds, or a place.
#[test]
fn a_slip_anywhere_is_read_or_told_with_its_place() {
    for at in (0..WHOLE.len()).filter(|at| WHOLE.is_char_boundary(*at)) {
        for slip in [b'0', b'"', b'}', b',', b'x', b' '] {
            let mut text = WHOLE.as_bytes().to_vec();
            text[at] = slip;
            match CallRules::read(&text, &HERE) {
                Ok(rules) => assert!(rules.rules.len() <= 12, "{at}"),
                Err(why) => {
                    let place = why.split(':').take(2).map(str::parse::<usize>);
                    assert!(place.flatten().count() == 2, "{why}");
                }
            }
        }
    }
}
