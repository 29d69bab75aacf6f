//! A workspace, skills, and a model that says what it is told to say.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A workspace, a state directory and a directory of skills, which are gone when the test is.
pub(crate) struct House {
    pub(crate) path: PathBuf,
}

impl House {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-sk-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for directory in ["work", "skills"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        fs::write(path.join("work/a.txt"), "one two three\n").unwrap();
        fs::write(path.join("work/secret.txt"), "canary-4711\n").unwrap();
        let house = Self { path };
        house.configure(&[], None);
        house
    }

    /// Writes the configuration: these grants, and a model at this port.
    pub(crate) fn configure(&self, grants: &[&str], port: Option<u16>) {
        let work = self.path.join("work").display().to_string();
        let mut all = vec![format!("read,list {work}/a.txt")];
        all.extend(grants.iter().map(ToString::to_string));
        let mut text = format!(
            "[security]\ngrants = {all:?}\n[skills]\ndirectories = [\"{}\"]\n",
            self.path.join("skills").display()
        );
        if let Some(port) = port {
            fs::write(self.path.join("key"), "none\n").unwrap();
            text += &format!(
                "[models.script]\nprovider = \"compatible\"\nmodel = \"script\"\nbase_url = \
                 \"http://127.0.0.1:{port}/v1\"\napi_key_file = \"{}\"\n",
                self.path.join("key").display()
            );
        }
        fs::write(self.path.join("sentinel.toml"), text).unwrap();
    }

    /// A skill of one program.
    pub(crate) fn skill(&self, name: &str, manifest: &str, program: &str) -> PathBuf {
        let place = self.path.join("skills").join(name);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("skill.toml"), manifest).unwrap();
        let file = place.join("run.py");
        fs::write(&file, program).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    pub(crate) fn sentinel(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.current_dir(self.path.join("work")).args(words);
        command.args(["--config", "../sentinel.toml", "--state", "../state"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Whether a command ended well, and all that it said.
    pub(crate) fn run(&self, words: &[&str]) -> (bool, String) {
        let output = self.sentinel(words).output().unwrap();
        (output.status.success(), said(&output))
    }

    /// What a command that has to work says.
    pub(crate) fn say(&self, words: &[&str]) -> String {
        let (good, said) = self.run(words);
        assert!(good, "{words:?}: {said}");
        said
    }

    /// Lets a skill be used.
    pub(crate) fn allow(&self, name: &str) {
        self.say(&["skill", "approve", name]);
        self.say(&["grant", &format!("skill {name}")]);
    }

    /// What an agent says to one message.
    pub(crate) fn ask(&self, message: &str) -> String {
        let words = ["chat", "-m", message, "--i-know-what-im-doing"];
        said(&self.sentinel(&words).output().unwrap())
    }

    /// What an agent says to these lines.
    pub(crate) fn tell(&self, lines: &str) -> String {
        let mut command = self.sentinel(&["chat", "--i-know-what-im-doing"]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        said(&child.wait_with_output().unwrap())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

pub(crate) fn said(output: &Output) -> String {
    let (said, errors) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(said).into_owned() + &String::from_utf8_lossy(errors)
}

/// A process that ends with the test.
pub(crate) struct Agent(pub(crate) Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A model that makes these calls, one answer each, then says "done"; and what it was asked.
pub(crate) fn model(calls: &[(&str, &str)]) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let calls: Vec<(String, String)> =
        calls.iter().map(|(name, arguments)| (name.to_string(), arguments.to_string())).collect();
    let shared = seen.clone();
    std::thread::spawn(move || {
        let mut calls = calls.into_iter();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(body) = request(&mut stream) else { continue };
            shared.lock().unwrap().push(body);
            let (delta, reason) = match calls.next() {
                Some((name, arguments)) => {
                    let arguments = arguments.replace('\\', "\\\\").replace('"', "\\\"");
                    let call = format!(
                        "{{\"role\":\"assistant\",\"tool_calls\":[{{\"index\":0,\"id\":\"c1\",\
                         \"type\":\"function\",\"function\":{{\"name\":\"{name}\",\
                         \"arguments\":\"{arguments}\"}}}}]}}"
                    );
                    (call, "tool_calls")
                }
                None => ("{\"role\":\"assistant\",\"content\":\"done\"}".into(), "stop"),
            };
            let event = |delta: &str, reason: &str| {
                format!(
                    "data: {{\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\
                     \"model\":\"script\",\"choices\":[{{\"index\":0,\"delta\":{delta},\
                     \"finish_reason\":{reason}}}]}}\n\n"
                )
            };
            let body = event(&delta, "null") + &event("{}", &format!("\"{reason}\""));
            let body = body + "data: [DONE]\n\n";
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    (port, seen)
}

/// The body of a request.
fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    let mut body = vec![0; length.trim().parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

/// A copy of an example, as somebody would install it.
pub(crate) fn install_example(house: &House, name: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/skills").join(name);
    let to = house.path.join("skills").join(name);
    fs::create_dir(&to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}
