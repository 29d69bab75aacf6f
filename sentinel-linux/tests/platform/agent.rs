//! The real program, and what it is told and says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A directory for one agent, with a workspace, a state and a configuration.
pub struct Agent {
    pub path: PathBuf,
}

impl Agent {
    /// `config` is all of the file but the workspace; `{work}` in it is the workspace's path.
    pub fn new(name: &str, config: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        let path = path.canonicalize().unwrap();
        fs::write(path.join("work/README.md"), "# A house\n").unwrap();
        let agent = Self { path };
        agent.configure(config);
        agent
    }

    pub fn configure(&self, config: &str) {
        let work = self.work().display().to_string();
        let config = config.replace("{work}", &work);
        let config = format!("[agent]\nworkspace = \"{work}\"\n{config}");
        fs::write(self.path.join("sentinel.toml"), config).unwrap();
    }

    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// Starts it; what it says on standard error is written to a file.
    pub fn start(&self) -> Running {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sentinel"))
            .current_dir(self.work())
            .args(["run", "--config", "../sentinel.toml", "--state", "../state"])
            .env_clear()
            .env("HOME", &self.path)
            .env("BOT_TOKEN", TOKEN)
            .env("APP_TOKEN", APP_TOKEN)
            .env("MODEL_KEY", MODEL_KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Running { child: Some(child), log: self.log() }
    }

    fn log(&self) -> PathBuf {
        self.path.join("stderr")
    }

    /// All that it ever said.
    pub fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// No secret stands in anything that it wrote.
    pub fn keeps_secrets(&self) {
        for secret in [TOKEN, APP_TOKEN, MODEL_KEY] {
            assert!(!self.said().contains(secret), "{}", self.said());
            let found = holds(&self.path, secret.as_bytes());
            assert_eq!(found, None, "a secret was written");
        }
    }
}

/// The first file beneath a directory that holds these bytes.
fn holds(directory: &Path, bytes: &[u8]) -> Option<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| {
        if path.is_dir() {
            return holds(&path, bytes);
        }
        let all = fs::read(&path).unwrap_or_default();
        all.windows(bytes.len()).any(|window| window == bytes).then_some(path)
    })
}

impl Drop for Agent {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the agent said:\n{}", self.said());
        }
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A program at work.
pub struct Running {
    child: Option<Child>,
    log: PathBuf,
}

impl Running {
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Ends it in good order.
    pub fn end(mut self) {
        let mut child = self.child.take().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{}", fs::read_to_string(&self.log).unwrap());
    }

    /// Has it read its configuration again.
    pub fn reload(&self) {
        let pid = rustix::process::Pid::from_child(self.child.as_ref().unwrap());
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// Whether it has not ended by itself.
    pub fn is_at_work(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something is so, for a while at most.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(90);
    while !is_so() {
        assert!(Instant::now() < end, "it never came to it that {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The tokens: none may ever be written anywhere.
pub const TOKEN: &str = "12:secret-of-the-bot";
pub const APP_TOKEN: &str = "xapp-secret-of-the-app";
pub const MODEL_KEY: &str = "sk-secret-of-the-model";
