//! What every program sees of the system: programs and libraries, to be read and run, a handful of
//! devices, and a few files that are made for it.
//!
//! # Invariants
//! - Nothing of it can be written to, and nothing of it says who lives on this machine: the lists
//!   of users, groups and hosts are made up.

use std::path::Path;

use sentinel_core::sandbox::{Network, Rights};

/// Directories that are always there.
pub(super) const DIRECTORIES: [&str; 9] =
    ["dev", "dev/shm", "etc", "proc", "tmp", "run", "var", SHARED_MEMORY, HIDDEN_DIRECTORY];

/// What is seen as `/dev/shm`.
pub(super) const SHARED_MEMORY: &str = ".shm";

/// What stands in for a directory that is hidden.
pub(super) const HIDDEN_DIRECTORY: &str = ".hidden-directory";

/// Devices that harm nobody.
pub(super) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Links: what they say, and where they are.
pub(super) const LINKS: [(&str, &str); 5] = [
    ("/tmp", "var/tmp"),
    ("/proc/self/fd", "dev/fd"),
    ("/proc/self/fd/0", "dev/stdin"),
    ("/proc/self/fd/1", "dev/stdout"),
    ("/proc/self/fd/2", "dev/stderr"),
];

/// Places of the system, and what may be done there.
pub(super) fn places(network: Network) -> impl Iterator<Item = (&'static str, Rights)> {
    let names = match network {
        Network::Host => &NAMES[..],
        Network::None | Network::Proxied => &[],
    };
    let run = PROGRAMS.iter().map(|path| (*path, Rights::Run));
    run.chain(SETTINGS.iter().chain(names).map(|path| (*path, Rights::Read)))
}

/// Whether a link at such a place is followed, because what it leads to is not shown.
pub(super) fn is_followed(path: &str) -> bool {
    NAMES.contains(&path)
}

/// Whether a file is among the programs that can be run anyway.
pub(super) fn holds_program(file: &Path) -> bool {
    PROGRAMS.iter().any(|place| file.starts_with(place))
}

/// Whether a place is the kernel's own view of the machine, or all of it.
pub(super) fn is_kernels(path: &Path) -> bool {
    path == Path::new("/") || ["/proc", "/sys", "/dev"].iter().any(|own| path.starts_with(own))
}

/// Whether a place of the kernel's is seen inside.
pub(super) fn is_seen_of_kernel(path: &Path) -> bool {
    let mut names = path.components().skip(1).map(|name| name.as_os_str());
    match (names.next().and_then(|name| name.to_str()), names.next().and_then(|name| name.to_str()))
    {
        (_, None) => path != Path::new("/sys"),
        (Some("dev"), Some(name)) => {
            DEVICES.contains(&name)
                || ["shm", "fd", "stdin", "stdout", "stderr", "tty"].contains(&name)
        }
        (Some("proc"), Some(name)) => {
            matches!(name, "self" | "thread-self") || name.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

/// Whether a place is made for the sandbox, so that it need not be shown.
pub(super) fn is_made(place: &Path) -> bool {
    ["/etc", "/run", "/tmp", "/var", "/var/tmp"].iter().any(|made| place == Path::new(made))
        || files(0, 0, Network::None).iter().any(|(name, _)| place == Path::new("/").join(name))
}

/// Files that are made: their names and what is in them.
pub(super) fn files(uid: u32, gid: u32, network: Network) -> Vec<(&'static str, Vec<u8>)> {
    let users = format!(
        "root:x:0:0:root:/:/usr/sbin/nologin\nsandbox:x:{uid}:{gid}:sandbox:/tmp:/bin/sh\nnobody:x:\
         65534:65534:nobody:/:/usr/sbin/nologin\n"
    );
    let groups = format!("root:x:0:\nsandbox:x:{gid}:\nnogroup:x:65534:\n");
    let mut files = vec![
        ("etc/passwd", users.into_bytes()),
        ("etc/group", groups.into_bytes()),
        ("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n".to_vec()),
        (CANARY, b"whoever reads this is not confined\n".to_vec()),
        (HIDDEN_FILE, Vec::new()),
    ];
    if network != Network::Host {
        files.push(("etc/hosts", b"127.0.0.1 localhost\n::1 localhost\n".to_vec()));
    }
    files
}

/// The environment that every program has.
pub(crate) const ENVIRONMENT: [&str; 5] = [
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "HOME=/tmp",
    "TMPDIR=/tmp",
    "USER=sandbox",
    "LANG=C.UTF-8",
];

/// Whether this process is in a sandbox: every one has this file, and no machine has it.
#[cfg(feature = "wasm")]
pub(crate) fn is_inside() -> bool {
    Path::new("/").join(CANARY).exists()
}

/// A file that everybody may read, and Landlock lets nobody.
pub(super) const CANARY: &str = ".canary";

/// What stands in for a file that is hidden.
pub(super) const HIDDEN_FILE: &str = ".hidden-file";

const PROGRAMS: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"];

const SETTINGS: [&str; 6] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/pki",
    "/etc/ssl",
];

/// How names are found on this machine.
const NAMES: [&str; 2] = ["/etc/hosts", "/etc/resolv.conf"];
