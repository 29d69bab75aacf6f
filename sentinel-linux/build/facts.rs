//! The facts of a build: which commit, for what, by which compiler, with which cryptography.
//!
//! They follow from the sources and the compiler alone, never from the time, the machine or the
//! place of the build, so that two builds of one commit are the same, byte for byte.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells them to the program, in variables of its build.
pub(crate) fn tell() {
    let home = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let variable = |name: &str| env::var(name).unwrap_or_default();
    // Whoever builds from an archive, without a repository, can say which commit it is of.
    println!("cargo::rerun-if-env-changed=SENTINEL_COMMIT");
    let said = env::var("SENTINEL_COMMIT").ok().filter(|text| is_commit(text));
    let commit = said.or_else(|| commit(home.parent()?)).unwrap_or_default();
    fact("COMMIT", &commit);
    fact("TARGET", &variable("TARGET"));
    fact("PROFILE", &variable("PROFILE"));
    fact("RUSTC", &compiler(&variable("RUSTC")));
    let lock = home.parent().map(|top| top.join("Cargo.lock")).unwrap_or_default();
    println!("cargo::rerun-if-changed={}", lock.display());
    let lock = fs::read_to_string(lock).unwrap_or_default();
    fact("RUSTLS", &version_of("rustls", &lock));
    fact("RING", &version_of("ring", &lock));
}

fn fact(name: &str, value: &str) {
    println!("cargo::rustc-env=SENTINEL_BUILD_{name}={value}");
}

/// The commit that is checked out, read from the repository without running anything.
fn commit(top: &Path) -> Option<String> {
    let dot = top.join(".git");
    // In a worktree it is a file that names the directory.
    let directory = match fs::read_to_string(&dot) {
        Ok(text) => top.join(text.strip_prefix("gitdir:")?.trim()),
        Err(_) => dot,
    };
    let shared = match fs::read_to_string(directory.join("commondir")) {
        Ok(text) => directory.join(text.trim()),
        Err(_) => directory.clone(),
    };
    let head = directory.join("HEAD");
    println!("cargo::rerun-if-changed={}", head.display());
    let head = fs::read_to_string(head).ok()?;
    let found = match head.trim().strip_prefix("ref: ") {
        None => head.trim().to_string(),
        Some(name) => {
            let (loose, packed) = (shared.join(name), shared.join("packed-refs"));
            for path in [&loose, &packed].into_iter().filter(|path| path.exists()) {
                println!("cargo::rerun-if-changed={}", path.display());
            }
            match fs::read_to_string(loose) {
                Ok(text) => text.trim().to_string(),
                Err(_) => {
                    let packed = fs::read_to_string(packed).ok()?;
                    let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
                    lines.find(|(_, other)| *other == name)?.0.to_string()
                }
            }
        }
    };
    is_commit(&found).then_some(found)
}

fn is_commit(text: &str) -> bool {
    (40..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn compiler(rustc: &str) -> String {
    let output = Command::new(rustc).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().trim().to_string()
}

/// The version of a crate in the lock file.
fn version_of(name: &str, lock: &str) -> String {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != wanted);
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.unwrap_or_default().trim_matches('"').to_string()
}
