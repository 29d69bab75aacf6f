//! Calls that fail, and disks that are full.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use sentinel_core::journal::Verdict;

use super::house::{House, PEOPLE, end, until};
use super::moment::{self, Moment, What};
use super::traced;

/// Each system call fails once, as it can fail on a machine in trouble. The program may end with a
/// word about it or go on; it never stands still, and nothing is lost.
#[test]
fn whatever_fails_nothing_is_lost() {
    if !traced::is_there() {
        return;
    }
    let fits = |moment: &Moment| {
        let What::Error(error) = moment.what else { return false };
        let found = FAILURES.iter().find(|(call, _)| *call == moment.call);
        found.is_some_and(|(_, errors)| errors.contains(&error))
    };
    let mut errors: Vec<&str> =
        FAILURES.iter().flat_map(|(_, errors)| errors.iter().copied()).collect();
    errors.sort_unstable();
    errors.dedup();
    let errors: Vec<What> = errors.into_iter().map(What::Error).collect();
    let moments: Vec<Moment> = moment::all(&errors).into_iter().filter(fits).collect();
    assert!(moments.len() > 300, "{} moments", moments.len());
    moment::try_some("fault", &moments, 23);
}

/// The disk is full for a while: nothing new is taken in, it is said, and when there is room again
/// everything goes on without a start.
#[test]
fn a_full_disk_stops_the_intake_and_loses_nothing() {
    if !traced::is_there() {
        return;
    }
    let house = House::new("full", Duration::ZERO);
    house.prepare(true);
    house.platform.write(77, &house.model.wish(1, false));
    let inject = "inject=pwrite64:error=ENOSPC:when=4..5";
    let trace = ["-o", "/dev/null", "-e", "trace=pwrite64", "-e", inject];
    let mut child = traced::start(&house, &trace);
    until("the job is done", || house.answers(77, 1) == 1 && house.platform.is_confirmed());
    house.platform.write(77, &house.model.wish(2, false));
    until("the next one is too", || house.answers(77, 2) == 1 && house.platform.is_confirmed());
    traced::stop(&mut child);
    let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(said.contains("No space left on device"), "{said}");
    assert!(said.contains("nothing new is taken in until it can"), "{said}");
    let polls = house.platform.polls_count();
    let child = house.start();
    until("it is there again", || house.platform.polls_count() > polls);
    end(child);
    assert_eq!(house.verdict(), Verdict::Ok);
}

/// Who wants to see the figures waits while there are no descriptors, and nothing spins meanwhile.
#[test]
fn without_descriptors_the_figures_come_late() {
    if !traced::is_there() {
        return;
    }
    let house = House::new("figures", Duration::ZERO);
    let port = free_port();
    let config = house.path.join("sentinel.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}[metrics]\nlisten = \"127.0.0.1:{port}\"\n")).unwrap();
    let trace = house.trace_file();
    let start = |failing: &str| {
        let polls = house.platform.polls_count();
        let inject = format!("inject=accept4:error=EMFILE:when={failing}");
        let words = ["-o", trace.to_str().unwrap(), "-e", "trace=accept4", "-e", &inject];
        let child = traced::start(&house, &words);
        until("it asks for messages", || house.platform.polls_count() > polls);
        // What was asked last before may have come only now.
        let mut stream = None;
        until("it listens", || {
            stream = TcpStream::connect(("127.0.0.1", port)).ok();
            stream.is_some()
        });
        let mut stream = stream.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        (child, stream)
    };
    // Never: then it is tried now and again.
    let began = Instant::now();
    let (mut child, _waiting) = start("1+");
    std::thread::sleep(Duration::from_secs(2));
    until("it tries", || !traced::calls(&trace).is_empty());
    traced::stop(&mut child);
    let (calls, seconds) = (traced::calls(&trace).len(), began.elapsed().as_secs());
    assert!(calls < usize::try_from(8 + seconds).unwrap(), "{calls} calls in {seconds} s");
    // For a while: then it is served.
    let (mut child, mut stream) = start("1..2");
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    traced::stop(&mut child);
}

/// The same with a real file system that is full, which takes a part of what is written.
#[test]
fn a_small_disk_fills_and_is_made_larger() {
    let house = House::new("small", Duration::ZERO);
    fs::create_dir(house.state()).unwrap();
    let can_mount = Command::new("unshare").args(["-rm", "true"]).status();
    if !can_mount.is_ok_and(|status| status.success()) {
        eprintln!("NOT TESTED: nothing can be mounted here, so there was no small disk");
        return;
    }
    // The mount is seen by what is started here, and gone with it: so a copy is left.
    let script = "mount -t tmpfs -o size=112k,mode=700 none ../state || exit 9\n\
                  \"$@\" 2>../said &\n\
                  while [ ! -e ../larger ]; do sleep 0.05; done\n\
                  mount -o remount,size=64m ../state || exit 9\n\
                  while [ ! -e ../enough ]; do sleep 0.05; done\n\
                  kill $!; wait $!; code=$?; cp -a ../state ../saved; exit $code";
    let mut words: Vec<String> =
        ["unshare", "-rm", "sh", "-c", script, "sh"].map(ToString::to_string).into();
    words.extend(house.arguments());
    let mut child = house.command(&words).spawn().unwrap();
    let chat = PEOPLE[0];
    let mut jobs = 0;
    let said = || fs::read_to_string(house.path.join("said")).unwrap_or_default();
    let is_full = || said().contains("nothing new is taken in until it can");
    // Each job takes some kilobytes.
    while !is_full() {
        jobs += 1;
        assert!(jobs < 500, "the disk is larger than all that was written: {}", said());
        house.platform.write(chat, &house.model.wish(jobs, false));
        until("it answers or the disk is full", || house.answers(chat, jobs) == 1 || is_full());
    }
    fs::write(house.path.join("larger"), "").unwrap();
    until("there is room again", || {
        (1..=jobs).all(|job| house.answers(chat, job) == 1) && house.platform.is_confirmed()
    });
    fs::write(house.path.join("enough"), "").unwrap();
    assert!(child.wait().unwrap().success());
    fs::remove_dir_all(house.state()).unwrap();
    fs::rename(house.path.join("saved"), house.state()).unwrap();
    assert_eq!(house.verdict(), Verdict::Ok, "{}", said());
}

/// A port that nobody is given who asks for any: those are higher ones.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 5000).unwrap();
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 1000).find(is_free).unwrap()
}

/// How calls fail that can.
const FAILURES: &[(&str, &[&str])] = &[
    ("pwrite64", &["ENOSPC", "EIO", "EINTR"]),
    ("fdatasync", &["EIO", "ENOSPC"]),
    ("fsync", &["EIO"]),
    ("ftruncate", &["EIO", "ENOSPC"]),
    ("rename", &["EIO", "ENOSPC"]),
    ("renameat2", &["EIO", "ENOSPC", "EINVAL", "ENOSYS"]),
    ("unlink", &["EIO"]),
    ("mkdir", &["EACCES", "ENOSPC"]),
    ("open", &["EMFILE"]),
    ("openat", &["EMFILE", "EACCES", "EINTR"]),
    ("openat2", &["EMFILE", "EAGAIN"]),
    ("read", &["EINTR", "EIO"]),
    ("write", &["EINTR"]),
    ("close", &["EINTR"]),
    ("mmap", &["ENOMEM"]),
    ("brk", &["ENOMEM"]),
    ("mprotect", &["ENOMEM"]),
    ("socket", &["EMFILE", "ENOBUFS"]),
    ("connect", &["ENETUNREACH", "EINTR"]),
    ("sendmsg", &["EHOSTUNREACH", "EINTR", "ENOBUFS"]),
    ("recvfrom", &["ECONNRESET", "EINTR"]),
    ("epoll_ctl", &["ENOSPC", "ENOMEM"]),
    ("epoll_pwait", &["EINTR"]),
    ("getrandom", &["EINTR"]),
    ("flock", &["EINTR", "ENOLCK"]),
    ("seccomp", &["EINVAL"]),
    ("landlock_create_ruleset", &["EOPNOTSUPP"]),
    ("landlock_restrict_self", &["EPERM"]),
];
