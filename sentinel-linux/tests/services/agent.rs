//! The real program, with a workspace, a configuration and a state directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use sentinel_core::journal::{Trust, Verdict, Verifier};

use crate::telegram::until;

pub(crate) const TOKEN: &str = "12:a-token-of-the-bot";

/// Where an agent lives; gone when the test is.
pub(crate) struct Agent {
    pub(crate) path: PathBuf,
    port: u16,
}

impl Agent {
    /// One that talks with the platform at this port, and may read and list its workspace.
    pub(crate) fn new(name: &str, port: u16) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        fs::create_dir_all(path.join("config")).unwrap();
        fs::write(path.join("work/README.md"), "# A house\n").unwrap();
        fs::write(path.join("config/token"), format!("{TOKEN}\n")).unwrap();
        let agent = Self { path, port };
        agent.configure("", "operators = [\"77\"]", &[&agent.grant("read,list")]);
        agent
    }

    /// A grant for the workspace.
    pub(crate) fn grant(&self, rights: &str) -> String {
        format!("{rights} {}", self.path.join("work").display())
    }

    /// Writes its configuration, as editors do: another file in the place of the one there was.
    pub(crate) fn configure(&self, sections: &str, telegram: &str, grants: &[&str]) {
        let text = format!(
            "[agent]\nworkspace = \"{}\"\n[telegram]\ntoken_file = \"{}\"\n\
             base_url = \"http://127.0.0.1:{}\"\nattachment_bytes_max = 0\n{telegram}\n\
             [security]\ngrants = {:?}\n{sections}",
            self.path.join("work").display(),
            self.path.join("config/token").display(),
            self.port,
            [grants, &["model offline"]].concat(),
        );
        let file = self.file();
        fs::write(file.with_extension("new"), text).unwrap();
        fs::rename(file.with_extension("new"), file).unwrap();
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path.join("config/sentinel.toml")
    }

    /// How it is started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command
            .current_dir(self.path.join("work"))
            .args(["run", "--state", "../state", "--config"])
            .arg(self.file())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::new(self.command(arguments))
    }

    /// Whether its log is what it should be.
    pub(crate) fn check_log(&self) {
        let mut verifier = Verifier::new(Trust::default());
        verifier.push(&fs::read(self.path.join("state/journal/000000.log")).unwrap());
        let verdict = verifier.finish().verdict;
        assert!(matches!(verdict, Verdict::Ok | Verdict::OpenTail { .. }), "{verdict}");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A running agent, and what it says on standard error.
pub(crate) struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn new(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let reader = child.stderr.take().map(|stderr| {
            let said = said.clone();
            std::thread::spawn(move || {
                use std::io::{BufRead as _, BufReader};
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut said = said.lock().unwrap();
                    said.push_str(&line);
                    said.push('\n');
                }
            })
        });
        Self { child, said, reader }
    }

    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said something that holds these words.
    pub(crate) fn says(&self, words: &str) {
        let mut last = String::new();
        until(&format!("it says '{words}'"), || {
            last = self.said();
            last.contains(words)
        });
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Has it read its configuration again; what it said about that, from the last time on.
    pub(crate) fn reload(&self) -> String {
        const WORDS: &str = "the configuration was read again";
        let before = self.said();
        let count = before.matches(WORDS).count();
        self.signal(rustix::process::Signal::HUP);
        until("the configuration is read again", || self.said().matches(WORDS).count() > count);
        self.said().split_off(before.len())
    }

    pub(crate) fn directory(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }

    /// Ends it in good order; all that it said.
    pub(crate) fn end(mut self) -> String {
        self.signal(rustix::process::Signal::TERM);
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        assert!(status.success(), "{}", self.said());
        self.said()
    }
}

impl Drop for Running {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
