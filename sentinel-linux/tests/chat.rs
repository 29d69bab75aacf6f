//! The real program, as people start it: in a pipe, with one message, killed and started again.
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
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use sentinel_core::journal::{Trust, Verdict, Verifier};

/// A workspace and a state directory, which are gone when the test is.
struct Home {
    path: PathBuf,
}

impl Home {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work/docs")).unwrap();
        fs::write(path.join("work/README.md"), "# A house\n").unwrap();
        fs::write(path.join("work/docs/guide.md"), "Go in.\n").unwrap();
        let work = path.join("work").display().to_string();
        let grants = format!(r#"["read,list {work}", "write {work} ask"]"#);
        fs::write(path.join("sentinel.toml"), format!("[security]\ngrants = {grants}\n")).unwrap();
        Self { path }
    }

    fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    fn sentinel(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.current_dir(self.path.join("work")).arg("chat").arg("--state").arg(self.state());
        command.args(["--config", "../sentinel.toml"]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Says one thing.
    fn ask(&self, text: &str) -> Output {
        self.sentinel(&["-m", text]).output().unwrap()
    }

    /// Begins a chat in a pipe with these lines typed.
    fn chat(&self, lines: &str) -> Child {
        let mut child = self.sentinel(&[]).stdin(Stdio::piped()).spawn().unwrap();
        // It may have ended already, with a word about why.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        child
    }

    fn verdict(&self) -> Verdict {
        let mut verifier = Verifier::new(Trust::default());
        verifier.push(&fs::read(self.log()).unwrap());
        verifier.finish().verdict
    }

    fn log(&self) -> PathBuf {
        self.state().join("journal/000000.log")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn one_message_has_one_answer_and_nothing_else() {
    let home = Home::new("one");
    let output = home.ask("list the files here");
    let said = text(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    assert!(said.contains("README.md (10 bytes)") && said.contains("docs/"), "{said}");
    assert!(!said.contains("allowed by"), "{said}");
    assert_eq!(home.verdict(), Verdict::Ok);
    let again = text(&home.ask("read README.md").stdout);
    assert!(again.contains("# A house"), "it goes on with its log: {again}");
}

#[test]
fn lines_of_a_pipe_are_answered_in_order_and_questions_by_the_next() {
    let home = Home::new("pipe");
    let lines =
        "read docs/guide.md\nwrite hello to notes/one.txt\n/approve 1\nread notes/one.txt\n";
    let output = home.chat(lines).wait_with_output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let place = |words| said.find(words).unwrap_or_else(|| panic!("no {words:?} in {said}"));
    assert!(place("Go in.") < place("Question 1") && place("Question 1") < place("Allowed"));
    assert_eq!(fs::read(home.path.join("work/notes/one.txt")).unwrap(), b"hello");
    let listed = text(&home.ask("list the files in notes").stdout);
    assert!(listed.contains("one.txt (5 bytes)"), "{listed}");
}

/// A model that never answers the first question until it is asked again, and refuses the second.
fn model() -> (u16, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked_first, is_asked) = mpsc::channel();
    std::thread::spawn(move || {
        let mut hung = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let asked = body(&mut stream);
            if asked.contains("second question") {
                let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
                let _ = stream.write_all(refusal.as_bytes());
            } else if hung.is_empty() {
                hung.push(stream);
                asked_first.send(()).unwrap();
            } else {
                let words = r#"data: {"choices":[{"delta":{"content":"ANSWER TO THE FIRST"}}]}"#;
                let end = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                            Connection: close\r\n\r\n";
                let said = format!("{head}{words}\n\n{end}\n\ndata: [DONE]\n\n");
                let _ = stream.write_all(said.as_bytes());
            }
        }
    });
    (port, is_asked)
}

/// The body of a request.
fn body(stream: &mut TcpStream) -> String {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let said = text(&read);
        if let Some((head, body)) = said.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest);
            let length = length.lines().next().unwrap_or("0").parse::<usize>().unwrap();
            if body.len() >= length {
                return body.into();
            }
        }
        match stream.read(&mut buffer).unwrap() {
            0 => return said,
            count => read.extend_from_slice(&buffer[..count]),
        }
    }
}

/// A script must not take what an earlier one asked for its own answer.
#[test]
fn an_answer_to_an_earlier_question_is_no_answer_to_this_one() {
    let home = Home::new("earlier");
    let (port, is_asked) = model();
    let settings = format!(
        "[models.own]\nprovider = \"compatible\"\nmodel = \"m\"\n\
         base_url = \"http://127.0.0.1:{port}/v1\"\n"
    );
    fs::write(home.path.join("sentinel.toml"), settings).unwrap();
    let mut first = home.sentinel(&["-m", "the first question"]).spawn().unwrap();
    is_asked.recv_timeout(Duration::from_secs(60)).unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    let second = home.ask("second question");
    let (out, aside) = (text(&second.stdout), text(&second.stderr));
    assert!(aside.contains("ANSWER TO THE FIRST"), "{out}\n{aside}");
    assert!(!out.contains("ANSWER TO THE FIRST"), "{out}");
    assert_eq!(second.status.code(), Some(1), "{out}\n{aside}");
    // In a pipe a question without an answer is told by the status, too.
    let piped = home.chat("second question\n").wait_with_output().unwrap();
    assert_eq!(piped.status.code(), Some(1), "{}", text(&piped.stderr));
    let piped = home.chat("/status\n").wait_with_output().unwrap();
    assert_eq!(piped.status.code(), Some(0), "{}", text(&piped.stderr));
}

/// A disk that is full is no reason to wait where nobody sees why: a script would stand still with
/// it. Method: no file may become larger than the log is already.
#[test]
fn on_a_full_disk_nobody_waits_for_an_answer() {
    let home = Home::new("disk");
    assert!(home.ask("list the files here").status.success());
    let blocks = fs::metadata(home.log()).unwrap().len() / 512;
    let full = |words: &[&str], lines: &str| {
        let chat = home.sentinel(words);
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(chat.get_program()).args(chat.get_args());
        command.current_dir(chat.get_current_dir().unwrap()).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // It may have ended already, with a word about why.
        let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
        for _ in 0..6000 {
            if child.try_wait().unwrap().is_some() {
                return child.wait_with_output().unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().unwrap();
        panic!("it waits, and said {}", text(&child.wait_with_output().unwrap().stderr));
    };
    for (words, lines) in [(&["-m", "read README.md"][..], ""), (&[], "read README.md\n")] {
        let output = full(words, lines);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the log could not be written"), "{said}");
        assert!(said.contains("Is there room on the disk of"), "{said}");
        assert!(!text(&output.stdout).contains("# A house"), "nothing was done");
    }
    assert!(text(&home.ask("read README.md").stdout).contains("# A house"));
    assert_eq!(home.verdict(), Verdict::Ok);
}

/// A container may have neither a home nor a word about one.
#[test]
fn without_a_home_the_command_line_says_where_the_state_is() {
    let home = Home::new("homeless");
    let mut chat = home.sentinel(&["-m", "list the files here"]);
    let output = chat.env_remove("HOME").env_remove("XDG_STATE_HOME").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("README.md (10 bytes)"));
    assert!(home.log().exists());
    let again = home.sentinel(&["-m", "/status"]).env_remove("HOME").output().unwrap();
    assert!(again.status.success(), "{}", text(&again.stderr));
}

#[test]
fn nothing_outside_the_workspace_is_reached() {
    let home = Home::new("outside");
    for wish in ["read /etc/passwd", "list the files in /", "write x to /tmp/x.txt"] {
        let said = text(&home.ask(wish).stdout);
        assert!(said.contains("no grant covers it"), "{wish}: {said}");
        assert!(!said.contains("root:") && !said.contains("usr/"), "{wish}: {said}");
    }
    // Its own secrets are denied, wherever they are.
    let inside = home.path.join("work/state");
    let output = Command::new(env!("CARGO_BIN_EXE_sentinel"))
        .current_dir(home.path.join("work"))
        .args(["--state", "state", "-m", "read state/journal.key"])
        .output()
        .unwrap();
    let said = text(&output.stdout);
    assert!(inside.join("journal.key").exists(), "{}", text(&output.stderr));
    assert!(said.contains("forbids"), "{said}");
}

#[test]
fn two_at_once_are_one_too_many() {
    let home = Home::new("twice");
    let mut first = home.sentinel(&[]).stdin(Stdio::piped()).spawn().unwrap();
    while !home.log().exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = home.ask("hello");
    assert!(!second.status.success());
    assert!(text(&second.stderr).contains("another sentinel is at work"), "{second:?}");
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_state_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new("open");
    fs::create_dir(home.state()).unwrap();
    fs::set_permissions(home.state(), fs::Permissions::from_mode(0o755)).unwrap();
    let output = home.ask("hello");
    assert!(!output.status.success() && text(&output.stderr).contains("chmod 700"), "{output:?}");
}

#[test]
fn a_persona_that_nobody_approved_stops_the_work() {
    let home = Home::new("persona");
    let file = home.path.join("soul.md");
    put(&file, b"Be kind.");
    let config = home.path.join("sentinel.toml");
    // SHA-256 of the eight bytes above.
    let digest = "5499befb38dbf3fcc08107141cb2a9e7f42a6aae403361dc3601b8296d7967ea";
    let path = file.display();
    let agent = format!("[agent]\npersona_file = \"{path}\"\npersona_sha256 = \"{digest}\"\n");
    put(&config, agent.as_bytes());
    let said = text_of(&home.ask("list the files here"));
    assert!(said.contains("README.md"), "{said}");
    put(&file, b"Be evil.");
    let said = text_of(&home.ask("list the files here"));
    assert!(said.contains("I take no work") && !said.contains("README.md"), "{said}");
}

/// The agent writes its persona anew where that was granted and somebody allowed it, under all the
/// confinement there is, and goes on as whom it was told to be; a later change still stops it.
#[test]
fn a_persona_that_was_allowed_is_written_and_kept() {
    let home = Home::new("persona-written");
    let file = home.path.join("soul.md");
    put(&file, b"Be kind.");
    let digest = "5499befb38dbf3fcc08107141cb2a9e7f42a6aae403361dc3601b8296d7967ea";
    let path = file.display();
    let agent = format!("[agent]\npersona_file = \"{path}\"\npersona_sha256 = \"{digest}\"\n");
    let config = home.path.join("sentinel.toml");
    put(&config, agent.as_bytes());
    let wish = "change your persona to 'Be kind and brief.'";
    let said = text_of(&home.ask(wish));
    assert!(said.contains("change_persona, which I was not given"), "nobody granted it: {said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "Be kind.");
    let grants = format!("grants = [\"persona\", \"read,list {}\"]\n", home.path.display());
    put(&config, format!("{agent}[security]\n{grants}").as_bytes());
    let child = home.chat(&format!("{wish}\n/approve 1\nlist the files here\n"));
    let output = child.wait_with_output().unwrap();
    let said = text_of(&output);
    assert!(output.status.success() && said.contains("Be kind and brief."), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "Be kind and brief.", "{said}");
    let said = text_of(&home.ask("list the files here"));
    assert!(said.contains("README.md"), "{said}");
    put(&file, b"Be evil.");
    let said = text_of(&home.ask("list the files here"));
    assert!(said.contains("I take no work"), "{said}");
}

fn text_of(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

/// Killed at moments that differ from run to run, it goes on each time, and its log is whole.
#[test]
fn killed_at_any_moment_it_goes_on() {
    let home = Home::new("killed");
    let lines = "read README.md\nlist the files in docs\nread docs/guide.md\n".repeat(20);
    for round in 0..40_u64 {
        let mut child = home.chat(&lines);
        std::thread::sleep(Duration::from_micros(round * 900));
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        // Of what was on its way it says that nobody knows, and of nothing else.
        let said = text(&output.stderr);
        let is_known = |line: &str| line.contains("may not have arrived") || line.is_empty();
        assert!(said.lines().all(is_known), "round {round}: {said}");
    }
    let output = home.ask("/status");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(home.verdict(), Verdict::Ok);
}

/// A power cut may leave any part of what was written last.
#[test]
fn a_log_that_was_cut_anywhere_is_gone_on_with() {
    let home = Home::new("cut");
    let keep = |name: &str| fs::read(home.state().join(name)).unwrap();
    assert!(home.ask("hello").status.success());
    let before = fs::read(home.log()).unwrap().len();
    let seed = keep("seed");
    assert!(home.ask("read README.md").status.success());
    let (log, keys) = (fs::read(home.log()).unwrap(), keep("keys"));
    for cut in (before..=log.len()).step_by(31) {
        put(&home.log(), &log[..cut]);
        put(&home.state().join("keys"), &keys);
        put(&home.state().join("seed"), &seed);
        let output = home.ask("/status");
        assert!(output.status.success(), "cut at {cut}: {}", text(&output.stderr));
        assert_eq!(home.verdict(), Verdict::Ok, "cut at {cut}");
    }
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_configuration_is_checked_shown_and_described() {
    let home = Home::new("config");
    let ask = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.current_dir(home.path.join("work")).arg("config").args(words);
        command.args(["--config", "../sentinel.toml"]).output().unwrap()
    };
    assert!(text(&ask(&["check"]).stdout).contains("Configured by ../sentinel.toml"));
    let shown = text(&ask(&["show"]).stdout);
    assert!(shown.contains("grants = [") && shown.contains("rounds = 10"), "{shown}");
    assert!(text(&ask(&["schema"]).stdout).contains("json-schema.org"));
    assert!(text(&ask(&["shwo"]).stderr).contains("did you mean 'show'?"));
    let mistakes = "[agent]\nnmae = \"x\"\n[telegram]\ntoken = \"123:abc\"\n";
    put(&home.path.join("sentinel.toml"), mistakes.as_bytes());
    let output = ask(&["check"]);
    let said = text(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("2:1: unknown key 'nmae'") && said.contains("'name'"), "{said}");
    assert!(said.contains("4:1: a secret stands in this file"), "{said}");
    assert!(!said.contains("123:abc"), "{said}");
    // To programs the same is said in places, and a secret no more than to people.
    let output = ask(&["check", "--json"]);
    let said = text(&output.stdout);
    assert!(!output.status.success() && output.stderr.is_empty(), "{output:?}");
    let document = sentinel_core::text::json::parse(said.as_bytes()).unwrap();
    let list = document.root().get("diagnostics").unwrap();
    let first = list.index(0).unwrap();
    assert_eq!(first.get("severity").unwrap().as_str().unwrap(), "error");
    assert_eq!(first.get("line").unwrap().as_u64().unwrap(), 2, "{said}");
    assert!(said.contains("\"ok\":false") && !said.contains("123:abc"), "{said}");
    // What is wrong comes before what is dangerous: saying that one knows does not start it.
    let mistakes = "[agent]\nnmae = \"x\"\n[security]\ngrants = [\"write /\"]\n";
    put(&home.path.join("sentinel.toml"), mistakes.as_bytes());
    let said = text(&ask(&["check"]).stderr);
    assert!(said.contains("danger: ") && said.contains("has errors"), "{said}");
    assert!(!said.contains("i-know-what"), "{said}");
    put(&home.path.join("sentinel.toml"), b"[security]\ngrants = [\"write /\"]\n");
    assert!(text(&ask(&["check"]).stderr).contains("--i-know-what-im-doing"));
    let known = ask(&["check", "--json", "--i-know-what-im-doing"]);
    assert!(known.status.success() && text(&known.stdout).contains("\"danger\""), "{known:?}");
}

#[test]
fn mistakes_on_the_command_line_are_said() {
    for (arguments, said) in [
        (&["chta"][..], "no command 'chta'"),
        (&["--stat", "x"], "--stat"),
        (&["chat", "-m"], "-m"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_sentinel")).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(text(&output.stderr).contains(said), "{arguments:?}: {}", text(&output.stderr));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_sentinel")).arg("--help").output().unwrap();
    assert!(output.status.success() && text(&output.stdout).contains("--state DIRECTORY"));
}
