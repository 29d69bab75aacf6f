//! A kernel that lacks what the program confines itself with: `strict` does not start, `best` goes
//! on and says so.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::traced;

/// What it says where the kernel knows no Landlock, and whether it worked.
fn run(place: &Path, settings: &str) -> (bool, String) {
    fs::write(place.join("sentinel.toml"), settings).unwrap();
    let inject = "inject=landlock_create_ruleset:error=ENOSYS";
    let mut command = Command::new("strace");
    command.args(["-f", "-qqq", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset"]);
    command.args(["-e", inject, "--", env!("CARGO_BIN_EXE_sentinel"), "chat", "-m", "/status"]);
    command.args(["--config", "../sentinel.toml", "--state", "../state"]);
    command.current_dir(place.join("work")).stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn where_the_kernel_cannot_confine_it_the_configuration_says_whether_to_go_on() {
    if !traced::is_there() {
        return;
    }
    let place = std::env::temp_dir().join(format!("sentinel-older-{}", std::process::id()));
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(place.join("work")).unwrap();
    let (has_worked, said) = run(&place, "");
    assert!(!has_worked && said.contains("this process cannot confine itself (files:"), "{said}");
    let (has_worked, said) = run(&place, "[security]\nself_confinement = \"best\"\n");
    assert!(has_worked && said.contains("NOT CONFINED as to files"), "{said}");
    fs::remove_dir_all(place).unwrap();
}
