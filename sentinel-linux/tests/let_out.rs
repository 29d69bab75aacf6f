//! Commands of an agent that are let out to hosts, with the real program, real clients and servers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A workspace and a state directory, which are gone when the test is.
struct Home {
    path: PathBuf,
}

impl Home {
    /// With these grants besides those of the workspace.
    fn new(name: &str, grants: &[String]) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-o-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        let work = path.join("work").display().to_string();
        let mut all = vec![format!("read,write,list {work}"), "model offline".to_string()];
        for program in ["curl", "git"] {
            all.push(format!("run /usr/bin/{program} any paths unguarded"));
        }
        all.extend(grants.iter().cloned());
        let config = format!(
            "[security]\ngrants = {all:?}\n[security.programs]\ncurl = \"/usr/bin/curl\"\ngit = \
             \"/usr/bin/git\"\n"
        );
        fs::write(path.join("sentinel.toml"), config).unwrap();
        Self { path }
    }

    fn sentinel(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.current_dir(self.path.join("work")).args(words);
        command.args(["--config", "../sentinel.toml", "--state", "../state"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What is said to one request, of somebody who has said nothing before, and the log of it.
    fn ask(&self, request: &str) -> (String, String) {
        let _ = fs::remove_dir_all(self.path.join("state"));
        let words = ["chat", "-m", request, "--i-know-what-im-doing"];
        let answer = said(&self.sentinel(&words).output().unwrap());
        (answer, self.say(&["audit", "show"]))
    }

    /// What a command says.
    fn say(&self, words: &[&str]) -> String {
        said(&self.sentinel(words).output().unwrap())
    }

    /// An agent at work that was asked for something.
    fn begin(&self, request: &str) -> Agent {
        let mut child = self
            .sentinel(&["chat", "--i-know-what-im-doing"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.as_mut().unwrap().write_all(format!("{request}\n").as_bytes()).unwrap();
        Agent { child }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// An agent at work. It ends with the test.
struct Agent {
    child: Child,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(output: &Output) -> String {
    let (said, errors) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(said).into_owned() + &String::from_utf8_lossy(errors)
}

fn has(program: &str) -> bool {
    Path::new("/usr/bin").join(program).exists()
}

/// A server of the files in a directory, without anything that a client could do without.
fn files(root: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = serve(&root, stream.unwrap());
        }
    });
    port
}

fn serve(root: &Path, mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let (status, body) = match fs::read(root.join(path.trim_start_matches('/'))) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// A server that says nothing, and tells when somebody came and when they were gone.
fn silent() -> (u16, Receiver<&'static str>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            sender.send("came").unwrap();
            let mut bytes = [0; 4096];
            while stream.read(&mut bytes).is_ok_and(|count| count > 0) {}
            sender.send("gone").unwrap();
        }
    });
    (port, receiver)
}

/// Goal: a program reaches what its call names and a grant covers, and nothing else; each decision
/// is in the journal. Method: curl, a server, and calls that name too little or too much.
#[test]
fn a_command_reaches_what_it_names_and_what_is_granted() {
    if !has("curl") {
        return;
    }
    let root = std::env::temp_dir().join(format!("sentinel-o-root-{}", std::process::id()));
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("page"), "hello from outside").unwrap();
    let (port, other) = (files(root.clone()), files(root.clone()));
    let grants = [format!("connect localhost:{port}"), format!("connect 127.0.0.1:{port} ask")];
    let home = Home::new("curl", &grants);
    let get = |port: u16| format!("run `curl -sS http://localhost:{port}/page`");

    let (answer, log) = home.ask(&format!("{} reaching localhost:{port}", get(port)));
    assert!(answer.contains("hello from outside"), "{answer}");
    let decided = format!("hosts=[\"localhost:{port}\"]");
    let passed = format!("host=\"localhost\" port={port} method=\"GET\" path=\"/page\" outcome=");
    assert!(log.contains(&decided) && log.contains(&passed), "{log}");

    let (answer, log) = home.ask(&get(port));
    assert!(answer.contains("I could not run curl"), "{answer}");
    assert!(!log.contains("egress"), "{log}");
    let (answer, _) = home.ask(&format!("{} reaching localhost:{other}", get(other)));
    assert!(answer.contains("no grant covers it"), "{answer}");
    // It names one place, and its program tries another.
    let (answer, log) = home.ask(&format!("{} reaching localhost:{port}", get(other)));
    assert!(answer.contains("does not name this host"), "{answer}");
    assert!(log.contains("outcome=\"refused\" why=\"not-named\""), "{log}");
    // Nobody is there to answer the question.
    let (answer, log) = home.ask(&format!("{} reaching 127.0.0.1:{port}", get(port)));
    assert!(!answer.contains("hello from outside"), "{answer}");
    assert!(log.contains("approval.asked") && !log.contains("egress"), "{log}");
    fs::remove_dir_all(root).unwrap();
}

/// Git in its sandbox clones from a server, through the proxy.
#[test]
fn git_clones_through_the_proxy() {
    if !has("git") {
        return;
    }
    let root = std::env::temp_dir().join(format!("sentinel-o-git-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("source")).unwrap();
    fs::write(root.join("source/file"), "cloned\n").unwrap();
    let git = |directory: &str, words: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(root.join(directory)).args(words);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", said(&output));
    };
    git("source", &["init", "-q"]);
    git("source", &["add", "."]);
    let who = ["-c", "user.name=a", "-c", "user.email=a@a.example"];
    git("source", &[&who[..], &["commit", "-qm", "one"]].concat());
    git(".", &["clone", "-q", "--bare", "source", "bare.git"]);
    git("bare.git", &["update-server-info"]);
    let port = files(root.clone());
    let home = Home::new("clone", &[format!("connect localhost:{port}")]);
    let url = format!("http://localhost:{port}/bare.git");
    let (answer, _) = home.ask(&format!("run `git clone {url} here` reaching localhost:{port}"));
    let cloned = fs::read_to_string(home.path.join("work/here/file"));
    assert_eq!(cloned.unwrap_or(answer), "cloned\n");
    fs::remove_dir_all(root).unwrap();
}

/// A connection ends when the grant it was made by is revoked, and when the agent is killed.
#[test]
fn a_connection_ends_with_its_grant_and_with_its_agent() {
    if !has("curl") {
        return;
    }
    let (port, news) = silent();
    let home = Home::new("ends", &[format!("connect localhost:{port}")]);
    let request = format!("run `curl -sS http://localhost:{port}/` reaching localhost:{port}");
    let next = |expected: &str| {
        assert_eq!(news.recv_timeout(Duration::from_secs(60)), Ok(expected));
    };
    let agent = home.begin(&request);
    next("came");
    let grants = home.say(&["grants"]);
    let line = grants.lines().find(|line| line.contains("connect localhost")).unwrap();
    let handle = line.split_whitespace().next().unwrap();
    let revoked = home.say(&["revoke", handle]);
    next("gone");
    let began = Instant::now();
    while !home.say(&["audit", "show"]).contains("revoked") {
        assert!(began.elapsed() < Duration::from_secs(60), "{revoked}");
    }
    drop(agent);
    let _ = fs::remove_dir_all(home.path.join("state"));
    let agent = home.begin(&request);
    next("came");
    drop(agent);
    next("gone");
}
