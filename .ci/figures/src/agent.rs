//! The program that is measured: started with a configuration and a directory of its own, and
//! looked at from outside.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Where it lives.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    /// The program itself.
    binary: PathBuf,
    variables: Vec<(&'static str, String)>,
}

/// One that runs.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    pub(crate) started: Instant,
}

/// What it holds, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    pub(crate) resident: u64,
    pub(crate) proportional: u64,
}

impl Home {
    /// A directory below `beneath`, which is made anew.
    pub(crate) fn new(
        beneath: &Path,
        binary: &Path,
        config: &str,
        variables: Vec<(&'static str, String)>,
    ) -> io::Result<Self> {
        let number = HOMES.fetch_add(1, Ordering::Relaxed);
        let path = beneath.join(format!("sentinel-figures-{}-{number}", std::process::id()));
        let home = Self { path, binary: binary.to_path_buf(), variables };
        let _ = fs::remove_dir_all(&home.path);
        fs::create_dir_all(home.path.join("work"))?;
        fs::write(home.path.join("sentinel.toml"), config)?;
        Ok(home)
    }

    /// Puts a file next to its configuration.
    pub(crate) fn put(&self, name: &str, text: &str) -> io::Result<()> {
        fs::write(self.path.join(name), text)
    }

    /// Starts it on the first core; what it says goes to a file that nobody reads unless it fails.
    pub(crate) fn start(&self) -> io::Result<Agent> {
        let said = fs::File::create(self.path.join("said"))?;
        let mut command = Command::new("taskset");
        command
            .args(["-c", "0"])
            .arg(&self.binary)
            .args(["run", "--config", "../sentinel.toml", "--state", "../state"])
            .current_dir(self.path.join("work"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.path)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said);
        let started = Instant::now();
        Ok(Agent { child: command.spawn()?, started })
    }

    /// What it said last.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.path.join("said")).unwrap_or_default()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Agent {
    pub(crate) fn held(&self) -> io::Result<Held> {
        let path = format!("/proc/{}/smaps_rollup", self.child.id());
        let text = fs::read_to_string(path)?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            number.ok_or_else(|| io::Error::other(format!("no {name} in smaps_rollup")))
        };
        Ok(Held { resident: field("Rss:")?, proportional: field("Pss:")? })
    }

    /// How often its threads have waited for something, all together.
    pub(crate) fn waits(&self) -> io::Result<u64> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let status = fs::read_to_string(task?.path().join("status"))?;
            let mut lines = status.lines();
            let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            sum += count.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(sum)
    }

    /// The time it has spent on the processor.
    pub(crate) fn spent(&self) -> io::Result<Duration> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let first = text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
            sum += first.unwrap_or(0);
        }
        Ok(Duration::from_nanos(sum))
    }

    /// Ends it in good order.
    pub(crate) fn end(mut self) -> io::Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait().map(drop)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // One that has ended is beyond both.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells directories apart.
static HOMES: AtomicU32 = AtomicU32::new(0);
