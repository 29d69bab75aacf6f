//! Looking on: what a program wants that its sandbox would refuse, told as a policy; and that the
//! walls stand while it is looked at.

use std::path::Path;

use crate::person::{Person, as_everybody};

/// What is told behind the line that begins it.
fn told(said: &str) -> &str {
    let start = said.find("# What the sandbox would refuse").unwrap_or_else(|| panic!("{said}"));
    &said[start..]
}

/// Runs it with what was told, and again, until nothing more is missing.
fn until_it_runs(person: &Person, options: &[&str], program: &[&str]) -> String {
    let looking = [options, &["--workspace", ".", "--seccomp-mode", "log"]].concat();
    let (_, _, said) = person.run(&looking, program);
    let policy = person.put("policy.toml", told(&said));
    let (_, _, again) = person.run(&["--policy", &policy, "--seccomp-mode", "log"], program);
    assert!(told(&again).contains("# There was nothing"), "{said}\n{again}");
    policy
}

#[test]
fn places_that_were_missing_are_told_as_a_policy_that_allows_them() {
    as_everybody("seen-places", |person| {
        let secret = person.path("other/secret");
        let program = person.put("other/tool", "#!/bin/sh\necho run\n");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let script =
            format!("cat ../other/secret; echo x >{}/new; {program}; true", person.path("other"));
        let options = ["--workspace", ".", "--seccomp-mode", "log"];
        let (code, output, said) = person.run(&options, &["sh", "-c", &script]);
        // It is looked at: nothing was shown that was not granted.
        assert_eq!((code, output.as_str()), (Some(0), ""), "{said}");
        let told = told(&said);
        assert!(told.contains(&format!("# reading {secret}\n")), "{said}");
        assert!(told.contains(&format!("# writing {}\n", person.path("other"))), "{said}");
        assert!(told.contains(&format!("# running {program}\n")), "{said}");
        let policy = person.put("policy.toml", told);
        let (code, output, said) = person.run(&["--policy", &policy], &["sh", "-c", &script]);
        assert_eq!((code, output.as_str()), (Some(0), "hidden\nrun\n"), "{said}");
    });
}

#[test]
fn calls_that_only_the_list_refuses_are_made_and_told() {
    // Without it nothing here makes such a call.
    if !Path::new(PYTHON).exists() {
        return;
    }
    as_everybody("seen-calls", |person| {
        // Shared memory of the old kind, which is no part of the strict list.
        let script = "import ctypes; print(ctypes.CDLL(None).shmget(0, 4096, 0o1600) >= 0)";
        let program = [PYTHON, "-c", script];
        assert_eq!(person.run(&[], &program).1, "False\n");
        let (code, output, said) = person.run(&["--seccomp-mode", "log"], &program);
        assert_eq!((code, output.as_str()), (Some(0), "True\n"), "{said}");
        assert!(said.contains("only looked at"), "{said}");
        assert!(told(&said).contains("# system call shmget, once\n"), "{said}");
        assert!(told(&said).contains("allow = [\"shmget\"]"), "{said}");
        let policy = until_it_runs(person, &[], &program);
        assert_eq!(person.run(&["--policy", &policy], &program).1, "True\n");
    });
}

#[test]
fn the_walls_stand_while_it_is_looked_at() {
    as_everybody("seen-walls", |person| {
        let options = ["--workspace", ".", "--seccomp-mode", "log"];
        for (script, call) in [
            ("unshare -U true", "unshare"),
            ("unshare -n true", "unshare"),
            ("mount -t tmpfs none /tmp", ""),
        ] {
            let (code, _, said) = person.run(&options, &["sh", "-c", script]);
            assert_ne!(code, Some(0), "{script}: {said}");
            let line = format!("# system call {call}");
            let line = told(&said).lines().find(|told| told.starts_with(&line));
            assert!(line.is_some_and(|line| line.contains("refused now too")), "{script}: {said}");
            assert!(!told(&said).contains("allow = "), "{said}");
        }
        let (code, output, said) =
            person.run(&options, &["sh", "-c", "cat ../other/secret /etc/shadow"]);
        assert_eq!((code, output.as_str()), (Some(1), ""), "{said}");
        // The time is over for who is looked at as well, and what it started ends with it.
        let (code, _, said) = person.run(
            &[&options[..], &["--timeout", "0.5"]].concat(),
            &["sh", "-c", "sleep 60 & sleep 60"],
        );
        assert_eq!(code, Some(124), "{said}");
        // Beside a proxy, which has confined itself meanwhile.
        let proxied = [&options[..], &["--allow-host", "example.com"]].concat();
        let (code, _, said) = person.run(&proxied, &["sh", "-c", "cat ../other/secret; exit 3"]);
        assert_eq!(code, Some(3), "{said}");
        assert!(told(&said).contains("hosts = [\"example.com\"]"), "{said}");
        assert!(told(&said).contains("other/secret\""), "{said}");
        assert_eq!(person.run(&options, &["no-such-program"]).0, Some(127));
        assert_eq!(person.run(&options, &["./file"]).0, Some(126));
        assert_eq!(person.run(&options, &["sh", "-c", "exit 7"]).0, Some(7));
    });
}

const PYTHON: &str = "/usr/bin/python3";
