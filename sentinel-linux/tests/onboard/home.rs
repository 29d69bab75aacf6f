//! A home directory of a test's own, and the program in it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::server::Server;

pub(crate) struct Home {
    pub(crate) path: PathBuf,
    pub(crate) server: Server,
}

impl Home {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        // A name without links: that is what the program says.
        let path = fs::canonicalize(path).unwrap();
        Self { path, server: Server::start() }
    }

    /// The program, with nothing in its environment but where this test's server is.
    pub(crate) fn sentinel(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.args(arguments).current_dir(self.path.join("work")).env_clear();
        command.env("HOME", &self.path).env("PATH", "/usr/bin:/bin");
        let base = format!("http://127.0.0.1:{}", self.server.port);
        for provider in
            ["OPENAI", "OPENROUTER", "GROQ", "MISTRAL", "XAI", "TOGETHER", "GEMINI", "ANTHROPIC"]
        {
            command.env(format!("SENTINEL_{provider}_URL"), format!("{base}/{provider}"));
        }
        for platform in ["TELEGRAM", "DISCORD", "SLACK"] {
            command.env(format!("SENTINEL_{platform}_URL"), format!("{base}/{platform}"));
        }
        // Nothing listens there, whatever runs on this machine.
        for local in ["OLLAMA", "LLAMACPP", "LMSTUDIO", "VLLM"] {
            command.env(format!("SENTINEL_{local}_URL"), "http://127.0.0.1:1/v1");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// With an Ollama on this machine.
    pub(crate) fn with_ollama(&self, command: &mut Command) {
        let url = format!("http://127.0.0.1:{}/ollama/v1", self.server.port);
        command.env("SENTINEL_OLLAMA_URL", url);
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path.join(".config/sentinel/sentinel.toml")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path.join(".local/state/sentinel")
    }

    /// Writes the configuration, as a person would keep it.
    pub(crate) fn configure(&self, text: &str) {
        fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        fs::write(self.file(), text).unwrap();
        set_mode(&self.file(), 0o600);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs it with these lines typed.
pub(crate) fn typed(mut command: Command, lines: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // It may have ended already, with a word about why.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    child.wait_with_output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What was said on standard error, and that it went well.
pub(crate) fn said(output: &Output) -> String {
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}{}", text(&output.stdout));
    said
}
