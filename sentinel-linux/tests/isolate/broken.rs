//! A sandbox that cannot be made whole: whatever fails on the way, nothing is started.

use std::process::Command;

use crate::person::{Person, as_everybody, ended};

/// Runs it where the kernel answers a call otherwise, in every process of it.
fn injected(person: &Person, what: &str) -> (Option<i32>, String, String) {
    let isolated = person.isolate(&["--workspace", ".", "--memory", "512M"], &["echo", "started"]);
    let call = what.split(':').next().unwrap_or_default();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    traced.args(["-e", &format!("inject={what}")]);
    traced.arg(isolated.get_program()).args(isolated.get_args());
    traced.current_dir(person.path("work")).stdin(std::process::Stdio::null());
    person.be(&mut traced);
    ended(&mut traced)
}

fn can_inject() -> bool {
    let found = Command::new("strace").arg("-V").output().is_ok_and(|it| it.status.success());
    if !found {
        eprintln!("NOT TESTED: there is no strace");
    }
    found
}

/// Every stage that a kernel, a disk or another wall can refuse.
#[test]
fn a_stage_that_fails_starts_nothing() {
    if !can_inject() {
        return;
    }
    as_everybody("stages", |person| {
        for (what, words) in [
            ("clone3:error=ENOSPC", "No space left"),
            ("unshare:error=ENOSPC", "No space left"),
            ("clone:error=EAGAIN", "Resource temporarily unavailable"),
            ("sethostname:error=EPERM", "could not be made"),
            ("fsopen:error=ENODEV", "could not be made"),
            ("fsmount:error=EPERM", "could not be made"),
            ("open_tree:error=EPERM", "could not be made"),
            ("mount_setattr:error=EPERM", "could not be made"),
            ("move_mount:error=EBUSY", "could not be made"),
            ("pivot_root:error=EINVAL", "a root directory of its own"),
            ("capset:error=EPERM", "giving up privileges"),
            ("prlimit64:error=EPERM", "limits"),
            ("landlock_create_ruleset:error=EOPNOTSUPP", ""),
            ("landlock_add_rule:error=EINVAL", "Landlock"),
            ("landlock_restrict_self:error=E2BIG", "Landlock"),
            ("seccomp:error=EINVAL", "a filter for system calls"),
            ("close_range:error=EPERM", "open files"),
        ] {
            let (code, output, said) = injected(person, what);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{what}: {said}");
            assert!(said.contains(words), "{what}: {said}");
        }
        // Nothing injected, all the rest the same.
        let (code, output, said) = injected(person, "reboot:error=EPERM");
        assert_eq!((code, output.as_str()), (Some(0), "started\n"), "{said}");
    });
}

/// What the proof tries has to fail as its own wall makes it fail: not to work, and not to fail for
/// another reason.
#[test]
fn a_wall_that_holds_by_accident_is_none() {
    if !can_inject() {
        return;
    }
    as_everybody("accident", |person| {
        for (what, words) in [
            ("setuid:error=EPERM", "becoming root fails, but for another reason"),
            ("setuid:retval=0", "becoming root works"),
            ("connect:error=ECONNREFUSED", "fails, but for another reason"),
            ("connect:retval=0", "finding a way to other machines works"),
        ] {
            let (code, output, said) = injected(person, what);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{what}: {said}");
            assert!(said.contains(words) && said.contains("nothing was started"), "{what}: {said}");
        }
    });
}
