//! Where an agent lives during a test, and how it is started, ended and looked into.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sentinel_core::journal::{Trust, Verdict, Verifier};

use super::model::{self, Model};
use super::platform::Platform;

/// A workspace, a state directory, a platform and a model, which are gone when the test is.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) path: PathBuf,
    pub(crate) platform: Platform,
    pub(crate) model: Model,
    /// Where the model is asked, if that is not the server itself.
    pub(crate) model_port: Option<u16>,
}

impl House {
    pub(crate) fn new(name: &str, pause: Duration) -> Self {
        // Two tests may count the calls of a turn at the same time, each in a house of that name.
        let number = HOUSES_COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sentinel-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        let house = Self {
            path,
            platform: Platform::start(),
            model: Model::start(pause),
            model_port: None,
        };
        house.clear();
        house
    }

    /// As it was before anything was done.
    pub(crate) fn clear(&self) {
        let _ = fs::remove_dir_all(&self.path);
        fs::create_dir_all(self.path.join("work")).unwrap();
        let operators: Vec<String> = PEOPLE.map(|person| format!("\"{person}\"")).into();
        let config = format!(
            "[agent]\nworkspace = \"{work}\"\n\
             [models.own]\nprovider = \"compatible\"\nmodel = \"m\"\n\
             base_url = \"http://127.0.0.1:{asked}/v1\"\n\
             [telegram]\ntoken_env = \"BOT_TOKEN\"\n\
             base_url = \"http://127.0.0.1:{platform}\"\noperators = [{operators}]\n\
             [security]\ngrants = [\"read,list,write {work}\", \"model m\", \
             \"connect 127.0.0.1:{model} GET,POST\"]\n",
            work = self.path.join("work").display(),
            model = self.model.port,
            platform = self.platform.port,
            asked = self.model_port.unwrap_or(self.model.port),
            operators = operators.join(", "),
        );
        fs::write(self.path.join("sentinel.toml"), config).unwrap();
    }

    /// As it was before anything was done, or after one job of an agent that ended in good order.
    pub(crate) fn prepare(&self, is_used: bool) {
        let kept = self.path.with_extension("used");
        if is_used && !kept.exists() {
            self.clear();
            self.platform.write(PEOPLE[0], &self.model.wish(0, false));
            let child = self.start();
            until("the first job is done", || {
                self.answers(PEOPLE[0], 0) == 1 && self.platform.is_confirmed()
            });
            // It asks for more after it has heard what became of its answer.
            let polls = self.platform.polls_count();
            until("it has nothing to do", || self.platform.polls_count() > polls + 2);
            let said = end(child);
            assert!(!said.contains("may not have arrived"), "{said}");
            copy(&self.path, &kept);
        }
        self.clear();
        if is_used {
            copy(&kept, &self.path);
        }
    }

    /// Where a trace of its agent is written.
    pub(crate) fn trace_file(&self) -> PathBuf {
        self.path.join("trace")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// The words that start the agent on its platform.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let words = ["run", "--config", "../sentinel.toml", "--state", "../state"];
        let program = [env!("CARGO_BIN_EXE_sentinel")];
        program.into_iter().chain(words).map(ToString::to_string).collect()
    }

    /// These words as a process that has all it needs.
    pub(crate) fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(self.path.join("work"))
            .env("BOT_TOKEN", "12:secret")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn start(&self) -> Child {
        self.command(&self.arguments()).spawn().unwrap()
    }

    /// How often the answer to a job stands in a chat, whole. What is still being written ends in
    /// dots, and its end may never come.
    pub(crate) fn answers(&self, chat: u64, job: u64) -> usize {
        let mark = model::mark(job);
        let is_whole = |text: &&String| text.contains(&mark) && !text.ends_with('…');
        self.platform.messages(chat).iter().filter(is_whole).count()
    }

    /// How often a chat was told that an answer may have been lost on its way.
    pub(crate) fn apologies(&self, chat: u64) -> usize {
        self.apologies_after(chat, 0)
    }

    /// The same, after so many messages.
    pub(crate) fn apologies_after(&self, chat: u64, count: usize) -> usize {
        let is_one = |text: &&String| text.contains("please ask again");
        self.platform.messages(chat).iter().skip(count).filter(is_one).count()
    }

    /// What is in the file of a job.
    pub(crate) fn file(&self, job: u64) -> Option<String> {
        fs::read_to_string(self.path.join("work").join(model::file(job).0)).ok()
    }

    /// What the independent reader of the log says of it.
    pub(crate) fn verdict(&self) -> Verdict {
        let mut verifier = Verifier::new(Trust::default());
        let mut files: Vec<PathBuf> = fs::read_dir(self.state().join("journal"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files {
            verifier.push(&fs::read(file).unwrap());
        }
        verifier.finish().verdict
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
        let _ = fs::remove_dir_all(self.path.with_extension("used"));
    }
}

/// Copies a directory and what is beneath it, with the modes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Who may speak with the agent.
pub(crate) const PEOPLE: [u64; 4] = [77, 78, 79, 80];

/// Waits until something is so, for some seconds at most.
pub(crate) fn until(what: &str, is_so: impl FnMut() -> bool) {
    assert!(comes(TIME_MAX, is_so), "it never came to it that {what}");
}

/// Waits until something is so; false if it is not after that time, which is many times as long as
/// it takes.
pub(crate) fn comes(time_max: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time_max;
    while !is_so() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// How many houses there were in this process.
static HOUSES_COUNT: AtomicUsize = AtomicUsize::new(0);

/// How long things may take on a machine with much else to do.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(60);

/// What a program said that had to be killed.
pub(crate) fn last_words(mut child: Child) -> String {
    child.kill().unwrap();
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned()
}

/// Ends it in good order, and what it said on standard error. One that has just been started would
/// be ended as it is by the signal.
pub(crate) fn end(child: Child) -> String {
    until("it takes signals, or has ended", || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
        let blocked = blocked.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let term = 1 << (rustix::process::Signal::TERM.as_raw() - 1);
        blocked.is_none_or(|mask| mask & term != 0) || status.contains("State:\tZ")
    });
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}
