//! Other programs: started, timed, and named in full when they fail.
//!
//! # Invariants
//! - An error shows the command line as it can be typed again.
//! - A program that is given a deadline is gone when the deadline has passed.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;

/// A program with its arguments, not yet started.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    program: OsString,
    arguments: Vec<OsString>,
    set: Vec<(String, OsString)>,
    unset: Vec<&'static str>,
    directory: PathBuf,
    help: Option<String>,
}

impl Process {
    pub(crate) fn new(program: impl Into<OsString>, directory: &Path) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            set: Vec::new(),
            unset: Vec::new(),
            directory: directory.to_owned(),
            help: None,
        }
    }

    pub(crate) fn args<A: Into<OsString>>(mut self, all: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(all.into_iter().map(Into::into));
        self
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.set.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn unset(mut self, name: &'static str) -> Self {
        self.unset.push(name);
        self
    }

    /// What to do should it fail.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Runs it with our own output, and fails if it does.
    pub(crate) fn run(&self) -> Result<(), Error> {
        let status = self.command().status().map_err(|cause| self.not_started(&cause))?;
        if status.success() { Ok(()) } else { Err(self.failed(&status.to_string())) }
    }

    /// Runs it with our own output, and ends it when it takes longer than it may.
    pub(crate) fn run_for_at_most(&self, limit: Duration) -> Result<(), Error> {
        let mut child = self.command().spawn().map_err(|cause| self.not_started(&cause))?;
        let deadline = Instant::now() + limit;
        loop {
            match child.try_wait().map_err(|cause| self.not_started(&cause))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(self.failed(&status.to_string())),
                None if Instant::now() < deadline => std::thread::sleep(POLL),
                None => break,
            }
        }
        // Both may say that it ended just now, which is what we want of it.
        let _ = child.kill();
        let _ = child.wait();
        Err(self.failed(&format!("not done after {} s", limit.as_secs())))
    }

    /// Runs it in silence and returns what it printed; what it complained about joins the error.
    pub(crate) fn output(&self) -> Result<String, Error> {
        let output = self.command().output().map_err(|cause| self.not_started(&cause))?;
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(self.failed(&format!("{}\n{}", output.status, complaint.trim_end())));
        }
        String::from_utf8(output.stdout).map_err(|_| self.failed("it printed other than UTF-8"))
    }

    /// Whether it can be started and succeeds, in silence.
    pub(crate) fn succeeds(&self) -> bool {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// The same as a standard command, for callers that collect the output themselves.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory).stdin(Stdio::null());
        for name in &self.unset {
            command.env_remove(name);
        }
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The error for a program that is not there.
    pub(crate) fn not_started(&self, cause: &std::io::Error) -> Error {
        let missing = format!("install `{}` or put it on PATH", self.program.to_string_lossy());
        Error::new(format!("cannot start `{self}`: {cause}"))
            .help(self.help.clone().unwrap_or(missing))
    }

    fn failed(&self, how: &str) -> Error {
        let error = Error::new(format!("`{self}` failed: {how}"));
        match &self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

/// As it can be typed into a shell at the repository's root.
impl fmt::Display for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.set {
            write!(formatter, "{name}={} ", quoted(&value.to_string_lossy()))?;
        }
        write!(formatter, "{}", quoted(&self.program.to_string_lossy()))?;
        for argument in &self.arguments {
            write!(formatter, " {}", quoted(&argument.to_string_lossy()))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    let is_plain =
        |character: char| character.is_alphanumeric() || "-_=+./:,@%".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Short against any program worth a deadline, long against the cost of looking.
const POLL: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::new("sh", Path::new("/")).args(["-c", script])
    }

    #[test]
    fn a_failure_names_the_command_line_the_status_and_the_complaint() {
        let error = shell("echo >&2 no such luck; exit 3").output().unwrap_err().to_string();
        assert!(error.contains("`sh -c 'echo >&2 no such luck; exit 3'`"), "{error}");
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains("\nno such luck"), "{error}");
    }

    #[test]
    fn a_missing_program_says_what_to_install() {
        let process = Process::new("sentinel-has-no-such-program", Path::new("/"));
        let error = process.run().unwrap_err().to_string();
        assert!(error.contains("install `sentinel-has-no-such-program`"), "{error}");
    }

    #[test]
    fn a_program_past_its_deadline_is_ended() {
        let started = Instant::now();
        let error = Process::new("sleep", Path::new("/")).args(["30"]);
        let error = error.run_for_at_most(Duration::from_millis(100)).unwrap_err().to_string();
        assert!(error.contains("`sleep 30` failed: not done"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn variables_reach_the_program_and_unset_ones_do_not() {
        let script = "printf %s-%s \"$GIVEN\" \"${CARGO_MANIFEST_DIR-gone}\"";
        let process = shell(script).set("GIVEN", "seen").unset("CARGO_MANIFEST_DIR");
        assert_eq!(process.output().unwrap(), "seen-gone");
    }
}
