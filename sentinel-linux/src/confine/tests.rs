//! Confinement, tried out in processes of its own: it cannot be taken back.

use std::fs;
use std::process::{Command, Stdio};

use super::*;

/// Runs one test of this program in a process of its own, told that it may confine itself.
fn alone(name: &str) -> std::process::Output {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, "1");
    command.stdin(Stdio::null()).output().unwrap()
}

fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

const ALONE: &str = "SENTINEL_TEST_ALONE";

#[test]
fn a_confined_process_reaches_its_directories_and_nothing_else() {
    let name = "confine::tests::a_confined_process_reaches_its_directories_and_nothing_else";
    if !is_alone() {
        let output = alone(name);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("confined"), "{said}");
        return;
    }
    let place = std::env::temp_dir().join(format!("sentinel-confine-{}", std::process::id()));
    let (reads, writes) = (place.join("reads"), place.join("writes"));
    fs::create_dir_all(&reads).unwrap();
    fs::create_dir_all(&writes).unwrap();
    fs::write(reads.join("file"), "text").unwrap();
    let held = fs::File::open("/etc").unwrap();
    confine_files(&[Reach { path: &reads, writes: false }, Reach { path: &writes, writes: true }])
        .unwrap();
    confine_calls().unwrap();
    assert_eq!(fs::read_to_string(reads.join("file")).unwrap(), "text");
    assert!(fs::write(reads.join("file"), "other").is_err());
    assert!(fs::write(reads.join("new"), "other").is_err());
    fs::write(writes.join("one"), "1").unwrap();
    fs::rename(writes.join("one"), writes.join("two")).unwrap();
    assert!(fs::read_to_string("/etc/passwd").is_err());
    // What was open before is no way around.
    let flags = rustix::fs::OFlags::RDONLY;
    let through = rustix::fs::openat(&held, "passwd", flags, rustix::fs::Mode::empty());
    assert!(through.is_err());
    assert!(Command::new("/bin/true").spawn().is_err());
    assert!(std::thread::Builder::new().spawn(|| ()).is_err());
    assert!(std::os::unix::fs::symlink("/etc", writes.join("link")).is_err());
    assert!(fs::hard_link(writes.join("two"), writes.join("three")).is_err());
    // Ways out that are parts of calls that are needed.
    assert!(std::os::unix::net::UnixStream::connect("/run/none").is_err_and(is_denied));
    assert!(std::os::unix::net::UnixDatagram::unbound().is_err_and(is_denied));
    let typed = rustix::termios::tcsetpgrp(io::stdin(), rustix::process::getpid());
    assert_eq!(typed, Err(rustix::io::Errno::PERM));
    assert!(std::net::TcpStream::connect("127.0.0.1:1").is_err_and(|error| !is_denied(error)));
    let environment = fs::read("/proc/self/environ");
    assert!(environment.is_err());
    println!("confined");
    // The harness of tests would start threads and what not.
    std::process::exit(0);
}

fn is_denied(error: io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// The proof finds out when nothing was confined.
#[test]
fn a_process_that_is_not_confined_is_found_out() {
    assert!(landlock::prove(&[]).is_err());
    assert!(seccomp::prove().is_err());
}
