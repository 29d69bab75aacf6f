//! Somebody who isolates programs: whoever runs the tests, and if that is root a user with no
//! rights as well.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A directory of their own with a copy of the program; `work` in it is where they are.
pub(crate) struct Person {
    pub(crate) place: PathBuf,
    /// None for whoever runs the tests.
    id: Option<u32>,
}

impl Person {
    fn new(name: &str, id: Option<u32>) -> Self {
        let who = id.unwrap_or_default();
        let name = format!("sentinel-isolate-{name}-{who}-{}", std::process::id());
        let place = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        let person = Self { place: place.canonicalize().unwrap(), id };
        for directory in ["work", "other"] {
            fs::create_dir_all(place.join(directory)).unwrap();
            chown(place.join(directory), id, id).unwrap();
        }
        // By another process: a file that this one has open for writing, while some other test
        // starts a program, cannot be run until that program runs.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_sentinel")).arg(&place).status();
        assert!(copied.unwrap().success());
        person.put("work/file", "shown\n");
        person.put("other/secret", "hidden\n");
        person
    }

    /// A path beneath their directory.
    pub(crate) fn path(&self, name: &str) -> String {
        self.place.join(name).display().to_string()
    }

    /// A file of theirs.
    pub(crate) fn put(&self, name: &str, text: &str) -> String {
        let path = self.place.join(name);
        fs::write(&path, text).unwrap();
        chown(&path, self.id, self.id).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    /// `sentinel isolate` with these options and this program.
    pub(crate) fn isolate(&self, options: &[&str], program: &[&str]) -> Command {
        let mut command = Command::new(self.place.join("sentinel"));
        command.arg("isolate").args(options).arg("--").args(program);
        command.current_dir(self.place.join("work")).stdin(Stdio::null());
        for name in ["SENTINEL_POLICY_SHA256", "SENTINEL_PRODUCTION"] {
            command.env_remove(name);
        }
        self.be(&mut command);
        command
    }

    /// A command is theirs.
    pub(crate) fn be(&self, command: &mut Command) {
        if let Some(id) = self.id {
            command.uid(id).gid(id);
        }
    }

    /// Runs it, and gives its status, what it wrote, and what was said about it.
    pub(crate) fn run(&self, options: &[&str], program: &[&str]) -> (Option<i32>, String, String) {
        ended(&mut self.isolate(options, program))
    }
}

/// Runs a command to its end.
pub(crate) fn ended(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}

/// Does something as everybody there is.
pub(crate) fn as_everybody(name: &str, test: impl Fn(&Person)) {
    // `cargo xtask check` says where there can be no sandboxes.
    if std::env::var_os("SENTINEL_WITHOUT_SANDBOXES").is_some() {
        eprintln!("NOT TESTED: there are no sandboxes here");
        return;
    }
    test(&Person::new(name, None));
    if rustix::process::geteuid().is_root() {
        test(&Person::new(name, Some(65_533)));
    }
}
