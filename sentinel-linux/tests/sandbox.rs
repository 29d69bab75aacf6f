//! Programs in sandboxes, started by the real program: as whoever runs the tests, and if that is
//! root as a user with no rights as well.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Somebody with a workspace, and a copy of the program that he can run.
struct Person {
    place: PathBuf,
    /// None for whoever runs the tests.
    id: Option<u32>,
}

impl Person {
    fn new(name: &str, id: Option<u32>) -> Self {
        let who = id.unwrap_or_default();
        let name = format!("sentinel-{name}-{who}-{}", std::process::id());
        let place = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&place);
        for directory in ["work", "other"] {
            fs::create_dir_all(place.join(directory)).unwrap();
            chown(place.join(directory), id, id).unwrap();
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        // By another process: a file that this one has open for writing, while some other test
        // starts a program, cannot be run until that program runs.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_sentinel")).arg(&place).status();
        assert!(copied.unwrap().success());
        for (file, text) in [("work/file", "shown\n"), ("other/secret", "hidden\n")] {
            fs::write(place.join(file), text).unwrap();
            chown(place.join(file), id, id).unwrap();
            fs::set_permissions(place.join(file), fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self { place: place.canonicalize().unwrap(), id }
    }

    fn work(&self) -> PathBuf {
        self.place.join("work")
    }

    fn isolate(&self, options: &[&str], program: &[&str]) -> Command {
        let mut command = Command::new(self.place.join("sentinel"));
        command.arg("isolate").args(options).arg("--").args(program);
        command.current_dir(self.work()).env("SECRET_TOKEN", "a secret").stdin(Stdio::null());
        if let Some(id) = self.id {
            command.uid(id).gid(id);
        }
        command
    }

    /// Runs it, and gives its status and what it wrote.
    fn run(&self, options: &[&str], program: &[&str]) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = self.isolate(options, program).output().unwrap();
        let said = String::from_utf8_lossy(&stdout).into_owned();
        (status.code(), said + &String::from_utf8_lossy(&stderr))
    }

    fn shell(&self, script: &str) -> (Option<i32>, String) {
        self.run(&["--workspace", "."], &["sh", "-c", script])
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}

/// Whether there can be sandboxes. Who runs the tests where there can be none says so with
/// `SENTINEL_WITHOUT_SANDBOXES=1`, as `cargo xtask check` does, and reads what was not tested.
fn can_be_made() -> bool {
    let can = std::env::var_os("SENTINEL_WITHOUT_SANDBOXES").is_none();
    if !can {
        eprintln!("NOT TESTED: there are no sandboxes here");
    }
    can
}

/// Does something as everybody there is.
fn as_everybody(name: &str, test: impl Fn(&Person)) {
    if !can_be_made() {
        return;
    }
    test(&Person::new(name, None));
    if rustix::process::geteuid().is_root() {
        test(&Person::new(name, Some(65_533)));
    }
}

#[test]
fn a_status_is_the_programs_own_and_some_are_the_sandboxs() {
    as_everybody("status", |person| {
        assert_eq!(person.run(&[], &["true"]), (Some(0), String::new()));
        assert_eq!(person.run(&[], &["echo", "hello"]), (Some(0), "hello\n".into()));
        assert_eq!(person.shell("exit 7").0, Some(7));
        assert_eq!(person.shell("kill -TERM $$").0, Some(128 + 15));
        assert_eq!(person.run(&[], &["no-such-program"]).0, Some(127));
        assert_eq!(person.run(&[], &["/srv/no-such-program"]).0, Some(127));
        assert_eq!(person.run(&["--workspace", "."], &["./file"]).0, Some(126));
        let (code, said) = person.run(&["--read", "/proc"], &["true"]);
        assert_eq!(code, Some(125), "{said}");
        assert!(said.contains("/proc is the kernel's"), "{said}");
        let (code, said) = person.run(&["--timeout", "0.2"], &["sleep", "60"]);
        assert_eq!(code, Some(124), "{said}");
        assert!(said.contains("its time was over"), "{said}");
    });
}

#[test]
fn what_is_named_is_there_and_nothing_else() {
    as_everybody("sight", |person| {
        let secret = person.place.join("other/secret").display().to_string();
        let (code, said) = person.shell("pwd; cat file; echo more >new; cat new");
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(said, format!("{}\nshown\nmore\n", person.work().display()));
        assert_eq!(fs::read_to_string(person.work().join("new")).unwrap(), "more\n");
        for script in [
            &format!("cat {secret}"),
            "cat ../other/secret",
            "cat /etc/shadow",
            "ls /home",
            "ls /sys",
            "cat /proc/1/environ",
            "cat /proc/1/root/etc/passwd",
            "cat /proc/sys/kernel/core_pattern",
            "echo x >/usr/x",
            "echo x >/x",
            "echo x >/etc/passwd",
            "touch -d 2001-01-01 /usr/bin/true",
            "cat .canary /.canary",
        ] {
            let (code, said) = person.shell(script);
            assert!(code.is_some_and(|code| code != 0 && code < 124), "{script}: {said}");
            assert!(!said.contains("hidden") && !said.contains("root:x:0:0:root:/root"), "{said}");
        }
        let (_, said) = person.shell("cat /proc/self/environ | tr '\\0' '\\n'; id -u; ls /proc");
        assert!(!said.contains("a secret"), "{said}");
        assert!(!said.lines().any(|line| line == "0"), "never user 0: {said}");
        let read = ["--read", "."];
        let (code, said) = person.run(&read, &["sh", "-c", &format!("echo x >{secret}")]);
        assert_ne!(code, Some(0), "{said}");
        let hidden = ["--workspace", ".", "--hide", "file"];
        assert_eq!(person.run(&hidden, &["cat", "file"]).1, "");
        let (_, said) = person.run(&["--env", "SECRET_TOKEN"], &["sh", "-c", "echo $SECRET_TOKEN"]);
        assert_eq!(said, "a secret\n");
    });
}

#[test]
fn only_what_is_the_systems_or_named_is_run() {
    as_everybody("running", |person| {
        for script in [
            "cp /usr/bin/true ./dropped && ./dropped",
            "cp /usr/bin/true /tmp/dropped && /tmp/dropped",
            "cp /usr/bin/true /dev/shm/dropped && /dev/shm/dropped",
            "cp /usr/bin/true ./dropped && /lib64/ld-linux-x86-64.so.2 ./dropped",
            "cp /usr/bin/true ./dropped && chmod 4755 ./dropped",
        ] {
            let (code, said) = person.shell(script);
            assert!(code.is_some_and(|code| code != 0 && code != 125), "{script}: {said}");
        }
        // The one file that is named is run wherever it lies, and so is its interpreter.
        let script = person.work().join("script");
        fs::write(&script, "#!/bin/sh\necho from a script; echo x 2>/dev/null >>script\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        chown(&script, person.id, person.id).unwrap();
        let (_, said) = person.run(&["--workspace", "."], &["./script"]);
        assert!(said.starts_with("from a script\n"), "{said}");
        assert!(!fs::read_to_string(&script).unwrap().contains("\nx\n"), "it wrote to itself");
        let (code, said) = person.run(&[], &["../sentinel", "version"]);
        assert_eq!(code, Some(0), "{said}");
    });
}

#[test]
fn there_is_no_network_and_no_way_to_others() {
    as_everybody("network", |person| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let script =
            format!("use IO::Socket::INET; exit !IO::Socket::INET->new('127.0.0.1:{port}')");
        let (code, said) = person.run(&["--network", "host"], &["perl", "-e", &script]);
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = person.run(&[], &["perl", "-e", &script]);
        assert_eq!(code, Some(1), "{said}");
    });
}

/// A process that left its parent, its group and its session, and one that is stopped: with the end
/// of the call they are gone. Each has a number of seconds to sleep that nobody else has.
#[test]
fn nothing_outlives_a_call() {
    as_everybody("tree", |person| {
        let seconds = format!("{}", 100_000 + std::process::id());
        let script =
            format!("(setsid sleep {seconds} &) ; sleep {seconds} & kill -STOP $!; exit 0");
        assert_eq!(person.shell(&script).0, Some(0));
        wait_until_gone(&seconds);
        let script = format!("(setsid sleep {seconds} &) ; sleep {seconds}");
        let options = ["--timeout", "0.3"];
        assert_eq!(person.run(&options, &["sh", "-c", &script]).0, Some(124));
        wait_until_gone(&seconds);
        // Killed itself, it can do nothing any more, and still nothing is left.
        let mut started = person.isolate(&[], &["sh", "-c", &script]).spawn().unwrap();
        while !is_running(&seconds) {
            assert!(started.try_wait().unwrap().is_none(), "it has ended");
            std::thread::sleep(Duration::from_millis(5));
        }
        started.kill().unwrap();
        started.wait().unwrap();
        wait_until_gone(&seconds);
    });
}

#[test]
fn limits_hold() {
    as_everybody("limits", |person| {
        let hungry = ["perl", "-e", "my $x = 'x' x (1 << 28); print length $x"];
        assert_eq!(person.run(&[], &hungry), (Some(0), (1 << 28).to_string()));
        let (code, said) = person.run(&["--memory", "64M"], &hungry);
        assert_ne!(code, Some(0), "{said}");
        // Eight that want 48 MiB each do not all get them; four that share 100 MiB have them once.
        // Whoever has theirs keeps them until all have, or one of them is gone.
        let many = "$SIG{CHLD} = sub { exit 9 }; pipe R, W; for (1..8) { \
                    defined(my $p = fork) or exit 8; $p or do { my $x = 'x' x (48 << 20); \
                    syswrite W, 'x'; sleep 60; exit } } sysread R, $_, 1 for 1..8; print 'done'";
        let (_, said) = person.run(&["--memory", "256M"], &["perl", "-e", many]);
        assert!(!said.contains("done"), "{said}");
        let (code, said) = person.run(&["--memory", "1G"], &["perl", "-e", many]);
        assert_eq!((code, said.as_str()), (Some(0), "done"), "eight have what they may have");
        let shared = "my $x = 'x' x (100 << 20); for (1..4) { fork or do { sleep 1; exit } } \
                      wait for 1..4; print 'done'";
        let (code, said) = person.run(&["--memory", "256M"], &["perl", "-e", shared]);
        assert_eq!((code, said.as_str()), (Some(0), "done"));
        let forks = "my $n = 0; while ($n < 500) { my $p = fork; last if !defined $p; \
                     if (!$p) { sleep 60; exit } $n++ } print $n";
        let (_, said) = person.run(&["--pids", "20"], &["perl", "-e", forks]);
        assert_eq!(said, "19", "the program is one of them");
        // Where they are in a group the kernel counts whom it refuses, and that is told.
        let limits = ["--memory", "256M", "--pids", "20"];
        let (_, said) = person.run(&limits, &["perl", "-e", forks]);
        let is_counted = ["memory", "pids"].iter().all(|controller| {
            let groups = format!("/sys/fs/cgroup/{controller}/cgroup.procs");
            person.id.is_none()
                && rustix::process::geteuid().is_root()
                && Path::new(&groups).exists()
        });
        assert!(said.starts_with("19"), "{said}");
        assert!(!is_counted || said.contains("as many as they may be"), "{said}");
        let (_, said) = person.run(&limits, &["perl", "-e", "print 'alone'"]);
        assert_eq!(said, "alone");
    });
}

/// Hundreds, eight at a time: no process, no mount and no file is left.
#[test]
fn many_leave_nothing() {
    if !can_be_made() {
        return;
    }
    let person = Person::new("many", None);
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    let seconds = format!("{}", 200_000 + std::process::id());
    let script = format!("(setsid sleep {seconds} &) ; echo x >/tmp/x; cat file");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..63 {
                    assert_eq!(person.shell(&script), (Some(0), "shown\n".into()));
                }
            });
        }
    });
    wait_until_gone(&seconds);
    assert_eq!(mounts(), before);
    let left: Vec<_> =
        fs::read_dir(person.work()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["file"]);
}

/// An agent that may run some programs in its workspace.
fn ask(person: &Person, text: &str) -> Command {
    let work = person.work().display().to_string();
    let programs = ["cat", "grep", "sleep", "touch", "yes"];
    let any = |name: &str| match name {
        // What is no path looks like one: a number of seconds.
        "sleep" => " any paths",
        "grep" => " any paths unguarded",
        _ => "",
    };
    let grant = |name: &&str| format!(", \"run /usr/bin/{name}{}\"", any(name));
    let grants: String = programs.iter().map(grant).collect();
    let programs: String =
        programs.iter().map(|name| format!("{name} = \"/usr/bin/{name}\"\n")).collect();
    let config = format!(
        "[security]\ngrants = [\"read,list {work}\", \"write {work}/made\"{grants}]\ndeny = \
         [\"read {work}/private\"]\n[security.programs]\n{programs}"
    );
    let _ = fs::remove_dir_all(person.place.join("state"));
    fs::write(person.place.join("sentinel.toml"), config).unwrap();
    let mut command = Command::new(person.place.join("sentinel"));
    command.current_dir(person.work()).args(["chat", "-m", text, "--state", "../state"]);
    command.args(["--config", "../sentinel.toml", "--i-know-what-im-doing"]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    let (said, errors) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(said).into_owned() + &String::from_utf8_lossy(errors)
}

#[test]
fn an_agent_runs_what_was_granted_with_what_was_granted() {
    if !can_be_made() {
        return;
    }
    let person = Person::new("agent", None);
    fs::create_dir(person.work().join("made")).unwrap();
    fs::write(person.work().join("private"), "hidden").unwrap();
    for (text, expected) in [
        ("run `cat file`", "shown"),
        ("run `cat missing`", "[it ended with status 1]"),
        ("run `sleep 1`", "[it ended with status 0]"),
        ("run `touch made/new`", "[it ended with status 0]"),
    ] {
        let output = ask(&person, text).output().unwrap();
        assert!(said(&output).contains(expected), "{text}: {}", said(&output));
    }
    assert!(person.work().join("made/new").exists());
    for text in ["run `cat private`", "run `touch file2`", "run `cat ../other/secret`"] {
        let output = ask(&person, text).output().unwrap();
        assert!(!said(&output).contains("hidden"), "{}", said(&output));
    }
    assert!(!person.work().join("file2").exists());
    let output = ask(&person, "run `yes`").output().unwrap();
    assert!(output.stdout.len() < 1 << 20, "a flood is cut");
}

/// A program that looks through the workspace finds no file that came with a message; one that is
/// told of some of its own conversation finds those, and none of others.
#[test]
fn files_of_other_conversations_are_not_found() {
    if !can_be_made() {
        return;
    }
    let person = Person::new("files", None);
    // A new agent's first conversation is the first.
    for (conversation, text) in [("1", "words"), ("99", "hidden words")] {
        let directory = person.work().join("attachments").join(conversation);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("a"), text).unwrap();
    }
    fs::write(person.work().join("file"), "more words").unwrap();
    for (text, found) in [
        ("run `grep -r words`", ["file:more words"].as_slice()),
        ("run `cat attachments/1/a`", &["words"]),
        ("run `cat attachments/99/a`", &[]),
        // What it looks for stands in a file of its own conversation.
        ("run `grep -r -f attachments/1/a`", &["file:more words", "attachments/1/a:words"]),
    ] {
        let said = said(&ask(&person, text).output().unwrap());
        assert!(!said.contains("hidden"), "{text}: {said}");
        assert!(found.iter().all(|found| said.contains(found)), "{text}: {said}");
        let is_own = said.contains("attachments/1/a:");
        assert_eq!(is_own, found.len() > 1, "{text}: {said}");
    }
}

/// The process that starts programs is killed: what it had started is gone with it, and the agent
/// says so.
#[test]
fn a_spawner_that_is_killed_takes_everything_along() {
    if !can_be_made() {
        return;
    }
    let person = Person::new("spawner", None);
    let seconds = format!("{}", 300_000 + std::process::id());
    let mut agent = ask(&person, &format!("run `sleep {seconds}`")).spawn().unwrap();
    while !is_running(&seconds) {
        assert!(agent.try_wait().unwrap().is_none(), "the agent has ended");
        std::thread::sleep(Duration::from_millis(5));
    }
    // The agent's only child.
    let id = agent.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let spawner = children.split_whitespace().next().unwrap().parse().unwrap();
    let spawner = rustix::process::Pid::from_raw(spawner).unwrap();
    rustix::process::kill_process(spawner, rustix::process::Signal::KILL).unwrap();
    let output = agent.wait_with_output().unwrap();
    wait_until_gone(&seconds);
    assert!(said(&output).contains("[it was killed]"), "{}", said(&output));
    assert!(said(&output).contains("the process that starts programs has ended"));
}

/// Killed at other moments: before it is asked for anything, and while the next sandbox waits.
#[test]
fn a_spawner_can_be_killed_at_any_moment() {
    let person = Person::new("spawner-moments", None);
    let seconds = format!("{}", 400_000 + std::process::id());
    let children = |id: u32| -> Vec<u32> {
        let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        text.split_whitespace().map(|id| id.parse().unwrap()).collect()
    };
    // How many sandboxes there are then: none, the one of the call, and the next one with it.
    for count in 0..3 {
        let mut agent = ask(&person, &format!("run `sleep {seconds}`")).spawn().unwrap();
        let (spawner, sandboxes) = loop {
            assert!(agent.try_wait().unwrap().is_none(), "the agent has ended");
            if let Some(spawner) = children(agent.id()).first().copied() {
                let sandboxes = children(spawner);
                if sandboxes.len() >= count && (count == 0 || is_running(&seconds)) {
                    break (spawner, sandboxes);
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let spawner = rustix::process::Pid::from_raw(spawner.try_into().unwrap()).unwrap();
        rustix::process::kill_process(spawner, rustix::process::Signal::KILL).unwrap();
        let output = agent.wait_with_output().unwrap();
        wait_until_gone(&seconds);
        let is_there = |id: &u32| fs::read(format!("/proc/{id}/comm")).is_ok();
        while sandboxes.iter().any(is_there) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let said = said(&output);
        assert!(said.contains("the process that starts programs has ended"), "{count}: {said}");
    }
}

/// Whether a process sleeps for so many seconds, by what the kernel shows of it.
fn is_running(seconds: &str) -> bool {
    let is_it = |entry: std::io::Result<fs::DirEntry>| {
        let line = entry.ok().and_then(|entry| fs::read(entry.path().join("cmdline")).ok());
        line.is_some_and(|line| line == format!("sleep\0{seconds}\0").into_bytes())
    };
    fs::read_dir("/proc").unwrap().any(is_it)
}

/// What was killed is gone when the kernel has got to it. A test that fails ends here, too.
fn wait_until_gone(seconds: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while is_running(seconds) {
        assert!(Instant::now() < end, "a process is left");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server that answers everybody with a word, and counts them.
fn server() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (port, count)
}

#[test]
fn hosts_that_are_named_are_reached_and_no_others() {
    let ((port, heard), (other, unheard)) = (server(), server());
    let allowed = format!("localhost:{port}");
    as_everybody("let-out", |person| {
        let options = ["--allow-host", allowed.as_str()];
        let before = heard.load(Ordering::SeqCst);
        // What every shell with its own sockets can do.
        let ask = |port: u16| {
            format!(
                "exec 3<>/dev/tcp/127.0.0.1/3128; \
                 printf 'GET http://localhost:{port}/ HTTP/1.1\\r\\nHost: localhost:{port}\\r\\n\
                 Connection: close\\r\\n\\r\\n' >&3; cat <&3"
            )
        };
        let (code, said) = person.run(&options, &["bash", "-c", &ask(port)]);
        assert!(code == Some(0) && said.ends_with("hello"), "{code:?} {said}");
        assert_eq!(heard.load(Ordering::SeqCst), before + 1);
        let (code, said) = person.run(&options, &["bash", "-c", &ask(other)]);
        let is_refused = said.contains("403") && said.contains(": refused");
        assert!(code == Some(0) && is_refused, "{code:?} {said}");
        // Around the proxy there is nothing: this is the sandbox's own address.
        for port in [port, other] {
            let around = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
            let (code, said) = person.run(&options, &["bash", "-c", &around]);
            assert_ne!(code, Some(0), "{said}");
        }
        assert_eq!(unheard.load(Ordering::SeqCst), 0);
        // What ends it, and with it what it has started.
        let (code, _) = person.run(&options, &["sh", "-c", "sleep 1000 & exit 3"]);
        assert_eq!(code, Some(3));
        let (code, said) = person.run(&options, &["sh", "-c", "echo $HTTPS_PROXY $NO_PROXY"]);
        assert_eq!((code, said.as_str()), (Some(0), "http://127.0.0.1:3128\n"));
        if Command::new("curl").arg("--version").output().is_ok() {
            let url = format!("http://localhost:{port}/");
            let (code, said) = person.run(&options, &["curl", "-sS", &url]);
            assert_eq!((code, said.as_str()), (Some(0), "hello"));
        }
    });
    let person = Person::new("let-out-wrong", None);
    for (options, why) in [
        (&["--network", "proxied"][..], "--allow-host says what"),
        (&["--allow-host", "a b"], "it is a host"),
        (&["--allow-host", "http://example.com/"], "it is a host"),
        (&["--network", "host", "--allow-host", "example.com"], "for no other"),
        (&["--network", "other"], "none, proxied or host"),
    ] {
        let (code, said) = person.run(options, &["true"]);
        assert!(code == Some(125) && said.contains(why), "{options:?}: {code:?} {said}");
    }
}
