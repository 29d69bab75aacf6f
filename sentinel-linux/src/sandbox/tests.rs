//! Sandboxes, started from here as the user that runs the tests.

use std::fs::File;
use std::io::Read as _;

use sentinel_core::sandbox::{Mount, Rights};

use super::*;

/// Whether there can be sandboxes: `cargo xtask check` says where there can be none.
fn can_be_made() -> bool {
    std::env::var_os("SENTINEL_WITHOUT_SANDBOXES").is_none()
}

/// Runs a program in a sandbox, and gives how it ended and what it wrote.
fn run(profile: &Profile) -> (End, String) {
    let (mut read, write) = io::pipe().unwrap();
    let streams = Streams {
        input: File::open("/dev/null").unwrap().into(),
        output: write.try_clone().unwrap().into(),
        errors: write.into(),
    };
    let started = Sandboxes::new().unwrap().start(profile, streams).unwrap();
    let mut said = String::new();
    read.read_to_string(&mut said).unwrap();
    (started.wait().end, said)
}

fn shell(script: &str) -> Profile {
    let mut profile = Profile::new(b"/usr/bin/dash", b"/");
    profile.arguments = ["sh", "-c", script].map(|word| word.as_bytes().to_vec()).to_vec();
    profile.environment = vec![b"PATH=/usr/bin:/bin".to_vec()];
    profile
}

#[test]
fn a_program_runs_and_its_end_is_told() {
    if !can_be_made() {
        return;
    }
    assert_eq!(run(&Profile::new(b"/usr/bin/true", b"/")), (End::Exited(0), String::new()));
    assert_eq!(run(&shell("echo hello; exit 7")), (End::Exited(7), "hello\n".into()));
    assert_eq!(run(&shell("kill -SEGV $$")).0, End::Signalled(libc::SIGSEGV));
}

/// What goes through the proxy is not held back between it and the program: of what a connection
/// inside could carry, pacing took two thirds.
#[test]
fn what_the_proxy_sends_inside_is_not_paced() {
    if !can_be_made() {
        return;
    }
    let mut profile = Profile::new(b"/usr/bin/true", b"/");
    profile.network = Network::Proxied;
    let nothing = || File::open("/dev/null").unwrap().into();
    let streams = Streams { input: nothing(), output: nothing(), errors: nothing() };
    let mut started = Sandboxes::new().unwrap().start(&profile, streams).unwrap();
    let listener = started.listener.take().unwrap();
    assert_eq!(rustix::net::sockopt::tcp_congestion(&listener).unwrap(), "reno");
    assert_eq!(started.wait().end, End::Exited(0));
}

#[test]
fn what_was_not_given_is_not_there() {
    if !can_be_made() {
        return;
    }
    let (end, said) =
        run(&shell("ls -A / /dev; id -u; cat /etc/shadow; echo x > /usr/x; ls /home"));
    assert_ne!(end, End::Exited(0));
    println!("{said}");
    assert!(said.contains("No such file"), "{said}");
}

#[test]
fn what_was_given_is_used_as_granted() {
    if !can_be_made() {
        return;
    }
    let place = std::env::temp_dir().join(format!("sentinel-sandbox-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let place = place.canonicalize().unwrap();
    std::fs::write(place.join("file"), "text").unwrap();
    let path = place.to_str().unwrap().as_bytes().to_vec();
    for (rights, expected) in [(Rights::Write, "text\ndone\n"), (Rights::Read, "text\nfailed\n")] {
        let mut profile =
            shell("cat file; echo; echo more 2>/dev/null >new && echo done || echo failed");
        profile.mounts = vec![Mount { path: path.clone(), rights }];
        profile.directory = path.clone();
        let (_, said) = run(&profile);
        assert!(said.ends_with(expected.split_once('\n').unwrap().1), "{said}");
        assert!(said.starts_with("text\n"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(place.join("new")).unwrap(), "more\n");
    std::fs::remove_dir_all(&place).unwrap();
}
