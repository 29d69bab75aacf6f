//! Filters of system calls from files, as containers have them: they narrow, and open nothing.

use crate::person::{as_everybody, ended};

/// What a shell needs that says something, and no more than that: no directories, no renaming.
const SMALL: &str = r#"{
  "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"],
  "syscalls": [
    {"names": ["read", "write", "readv", "writev", "pread64", "close", "lseek", "fstat", "stat",
       "lstat", "newfstatat", "statx", "openat", "open", "access", "faccessat", "faccessat2",
       "mmap", "mprotect", "munmap", "mremap", "brk", "madvise", "execve", "exit", "exit_group",
       "clone", "fork", "vfork", "wait4", "waitid", "kill", "tgkill", "rt_sigaction",
       "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "sigaltstack", "ioctl", "fcntl", "dup",
       "dup2", "dup3", "pipe", "pipe2", "getpid", "getppid", "gettid", "getuid", "geteuid",
       "getgid", "getegid", "getpgrp", "getpgid", "setpgid", "getcwd", "uname", "arch_prctl",
       "set_tid_address", "set_robust_list", "rseq", "futex", "prlimit64", "getrandom", "prctl",
       "readlink", "readlinkat", "getdents64", "statfs", "sysinfo", "umask", "poll", "ppoll"],
     "action": "SCMP_ACT_ALLOW"},
    {"names": ["rename", "renameat", "renameat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
    {"names": ["chdir"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["mount", "ptrace"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["umask"], "action": "SCMP_ACT_KILL_PROCESS",
     "args": [{"index": 0, "value": 63, "op": "SCMP_CMP_EQ"}]}
  ]
}"#;

#[test]
fn a_file_says_what_is_refused_and_how() {
    as_everybody("custom", |person| {
        let filter = person.put("work/filter.json", SMALL);
        let options = ["--workspace", ".", "--seccomp-profile", "custom", "--seccomp", &filter];
        let shell = |script: &str| person.run(&options, &["sh", "-c", script]);
        assert_eq!(shell("echo hello; cat file").1, "hello\nshown\n");
        // By its own error, by the one of all others, and by the end of the process.
        let (code, _, said) = shell("mv file other");
        assert!(code == Some(1) && said.contains("No space left"), "{said}");
        let (code, _, said) = shell("mkdir new");
        assert!(code == Some(1) && said.contains("not permitted"), "{said}");
        assert_eq!(shell("umask 077; echo no").1, "");
        assert_eq!(shell("umask 022; echo yes").1, "yes\n");
        // The same from a policy, whose file is pinned by the policy.
        let text = format!("[seccomp]\nprofile = \"custom\"\nfile = \"{filter}\"\n");
        let policy = person.put("policy.toml", &text);
        assert_eq!(person.run(&["--policy", &policy], &["echo", "hello"]).1, "hello\n");
        let pinned = format!("{text}sha256 = \"{}\"\n", "0".repeat(64));
        let policy = person.put("policy.toml", &pinned);
        let (code, _, said) = person.run(&["--policy", &policy], &["echo", "hello"]);
        assert!(code == Some(125) && said.contains("is not what was pinned"), "{said}");
    });
}

#[test]
fn a_file_that_allows_everything_opens_nothing() {
    as_everybody("open", |person| {
        let filter = person.put("work/filter.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
        let options = ["--workspace", ".", "--seccomp-profile", "custom", "--seccomp", &filter];
        let (code, output, said) = person.run(&options, &["sh", "-c", "mkdir new; ls -d new"]);
        assert_eq!((code, output.as_str()), (Some(0), "new\n"), "{said}");
        for script in ["unshare -U true", "unshare -n true", "mount -t tmpfs none /tmp"] {
            let (code, _, said) = person.run(&options, &["sh", "-c", script]);
            assert_ne!(code, Some(0), "{script}: {said}");
        }
    });
}

#[test]
fn a_wrong_file_is_told_with_its_place() {
    as_everybody("wrong-filter", |person| {
        let custom = ["--seccomp-profile", "custom"];
        for (text, expected) in [
            ("{\n \"defaultAcion\": 1}", "filter.json:2:18: unknown member 'defaultAcion'"),
            ("{\"defaultAction\": \"SCMP_ACT_ERRNO\"}", "does not allow execve"),
            ("{", "filter.json:1:2"),
        ] {
            let filter = person.put("work/filter.json", text);
            let options = [&custom[..], &["--seccomp", &filter]].concat();
            let (code, output, said) = person.run(&options, &["echo", "started"]);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{said}");
            assert!(said.contains(expected), "{said}");
        }
        for options in [&custom[..], &["--seccomp", "filter.json"]] {
            let (code, _, said) = person.run(options, &["true"]);
            assert_eq!(code, Some(125), "{said}");
        }
        // What a policy allows besides is no way around, and a slip is told.
        for (name, expected) in [("ptrace", "no sandbox of this kind"), ("mbnd", "no system call")]
        {
            let policy = person.put("policy.toml", &format!("[seccomp]\nallow = [\"{name}\"]\n"));
            let (code, _, said) = person.run(&["--policy", &policy], &["true"]);
            assert!(code == Some(125) && said.contains(expected), "{said}");
        }
        let policy = person.put("policy.toml", "[seccomp]\nallow = [\"mbind\"]\n");
        assert_eq!(person.run(&["--policy", &policy], &["true"]).0, Some(0));
    });
}

/// A terminal that the program was only given to read from stays as it is; one that is given to it
/// can be set. Limits are one's own.
#[test]
fn what_is_somebody_elses_is_not_set() {
    as_everybody("settings", |person| {
        let settings = "use POSIX; my $t = POSIX::Termios->new; $t->getattr(0) or die 'none'; \
                        $t->setlflag($t->getlflag & ~ECHO); print $t->setattr(0, TCSANOW) ? 'set' \
                        : 'refused'";
        for (options, expected) in [
            (&[][..], "refused"),
            (&["--tty"], "set"),
            (&["--seccomp-profile", "datasci"], "refused"),
        ] {
            let flags = rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY;
            let outside = rustix::pty::openpt(flags).unwrap();
            rustix::pty::grantpt(&outside).unwrap();
            rustix::pty::unlockpt(&outside).unwrap();
            let name = rustix::pty::ptsname(&outside, Vec::new()).unwrap();
            let inside = rustix::fs::open(name, rustix::fs::OFlags::RDWR, 0.into()).unwrap();
            let mut command = person.isolate(options, &["perl", "-e", settings]);
            let (code, said, why) = ended(command.stdin(inside));
            assert_eq!((code, said.as_str()), (Some(0), expected), "{options:?}: {why}");
        }
        // Its first process waits for the program, and needs what it has.
        let limits = "prlimit --pid 1 --nofile=0:0 2>/dev/null && echo changed; ulimit -n 64 && \
                      prlimit --nofile=32:32 && ulimit -n";
        let (code, said, why) = person.run(&[], &["sh", "-c", limits]);
        assert_eq!((code, said.as_str()), (Some(0), "64\n"), "{why}");
    });
}
