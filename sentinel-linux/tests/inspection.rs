//! TLS that is looked into and secrets that are added, with the real program, a real client and a
//! real server of a private authority.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../src/network/tests/authority.rs"]
mod authority;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use authority::{Authority, Flaw, secured};

const CANARY: &str = "canary-5f0e9d1c7b3a2846";

/// A server that keeps the requests it read, and answers each with all of it, unless it is to be
/// quiet.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(authority: &Authority, flaw: Flaw) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = authority.server(flaw);
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever does not believe the certificate goes away.
                let mut stream = secured(&config, stream.unwrap());
                let _ = serve(&mut stream, &kept);
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().join("\n")
    }
}

fn serve(stream: &mut (impl Read + Write), heard: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    heard.lock().unwrap().push(head.clone());
    if head.starts_with("GET /quiet") {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        return stream.flush();
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Echo: {CANARY}\r\nConnection: close\r\n\r\n\
         {head}",
        head.len()
    );
    stream.write_all(answer.as_bytes())?;
    stream.flush()
}

/// A directory that is gone when the test is.
struct Home(PathBuf);

impl Home {
    fn new(name: &str, authority: &Authority) -> Self {
        let path = std::env::temp_dir().join(format!("sentinel-i-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("work")).unwrap();
        fs::write(path.join("ca.pem"), authority.pem()).unwrap();
        Self(path)
    }

    fn sentinel(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sentinel"));
        command.current_dir(self.0.join("work")).env("API_TOKEN", CANARY);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What a script says in a sandbox that is let out to these, and what its proxy says of it.
    fn isolate(&self, options: &[&str], script: &str) -> (String, String) {
        let audit = self.0.join("audit.log");
        let _ = fs::remove_file(&audit);
        let mut command = self.sentinel();
        command.arg("isolate").args(["--ca-file", "../ca.pem", "--audit"]).arg(&audit);
        command.args(options).args(["--timeout", "60", "--", "sh", "-c", script]);
        let Output { stdout, stderr, .. } = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let kept = fs::read(&audit).unwrap_or_default();
        (text(&stdout), text(&stderr) + &text(&kept))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn has_curl() -> bool {
    Path::new("/usr/bin/curl").exists()
}

/// Goal: inside TLS the methods and paths hold that were granted, and no others. Method: curl asks
/// a real server, which keeps what reached it.
#[test]
fn methods_and_paths_hold_inside_tls() {
    if !has_curl() {
        return;
    }
    let authority = Authority::new();
    let server = Server::start(&authority, Flaw::None);
    let home = Home::new("rules", &authority);
    let url = format!("https://localhost:{}", server.port);
    let allowed = format!("localhost:{} GET,HEAD /open", server.port);
    let options = ["--inspect", "--allow-host", &allowed];
    let script = format!(
        "curl -sS {url}/open/a?q=1; curl -sS -X POST -d x {url}/open; curl -sS {url}/closed; curl \
         -sS -H 'Host: other.example' {url}/open; curl -sS --path-as-is {url}/open/../closed"
    );
    let (said, told) = home.isolate(&options, &script);
    assert!(said.contains("GET /open/a?q=1 HTTP/1.1"), "{said}{told}");
    assert_eq!(said.matches("this method and path are not").count(), 3, "{said}{told}");
    assert!(said.contains("names another host"), "{said}{told}");
    assert_eq!(server.heard.lock().unwrap().len(), 1, "{}", server.heard());
    assert!(told.contains("POST /open at localhost:"), "{told}");

    // Off unless it is asked for: then there is no tunnel at all.
    let (said, told) = home.isolate(&["--allow-host", &allowed], &format!("curl {url}/open"));
    assert!(said.is_empty() && told.contains("inside TLS nobody sees them"), "{said}{told}");
    assert_eq!(server.heard.lock().unwrap().len(), 1);

    // A host that is allowed whole is left alone: its own certificate comes through.
    let whole = format!("localhost:{}", server.port);
    let options = ["--inspect", "--allow-host", &whole];
    let script = format!(
        "env | grep -c SSL_CERT_FILE; curl -sS {url}/closed; echo status $?; curl -sSk {url}/closed"
    );
    let (said, told) = home.isolate(&options, &script);
    assert!(said.starts_with("0\n") && said.contains("status 60"), "{said}{told}");
    assert!(said.contains("GET /closed"), "{said}{told}");
}

/// Goal: a program uses a secret that it never has. Method: it looks for it everywhere that it can
/// look, and the server sends it back.
#[test]
fn a_secret_reaches_the_server_and_nothing_inside() {
    if !has_curl() {
        return;
    }
    let authority = Authority::new();
    let server = Server::start(&authority, Flaw::None);
    let home = Home::new("secret", &authority);
    let url = format!("https://localhost:{}", server.port);
    let host = format!("localhost:{}", server.port);
    let secret = format!("{host}=API_TOKEN");
    let options = ["--inspect", "--allow-host", &host, "--secret", &secret];
    let script = format!(
        "curl -sS -i -H 'Authorization: Bearer mine' {url}/a; curl -sS -X TRACE {url}/b; env; set; \
         cat /proc/*/environ /proc/*/cmdline /proc/*/maps 2>/dev/null; cat /.authority/own.pem; \
         (find / -xdev -type f -size -64k 2>/dev/null | grep -v ^/dev | xargs cat) 2>/dev/null; \
         echo x > /.authority/own.pem; ls -l /.authority; echo looked"
    );
    let (said, told) = home.isolate(&options, &script);
    let heard = server.heard();
    let expected = format!("Authorization: Bearer {CANARY}\r\n");
    assert!(heard.contains(&expected) && !heard.contains("mine"), "{heard}{said}{told}");
    assert_eq!(server.heard.lock().unwrap().len(), 1, "{heard}");
    assert!(said.contains("looked") && said.contains("Authorization: Bearer ****"), "{said}");
    assert!(said.contains("would bring it back"), "{said}{told}");
    assert!(said.contains("BEGIN CERTIFICATE") && !said.contains("PRIVATE"), "{said}");
    assert!(!said.contains(CANARY), "{said}");
    assert!(!told.contains(CANARY) && told.contains("\"secrets\":[\"API_TOKEN\"]"), "{told}");
    assert!(told.contains("Read-only file system") || told.contains("denied"), "{told}");

    for (options, why) in [
        (vec!["--allow-host", &*host, "--secret", &*secret], "it needs --inspect"),
        (
            vec!["--inspect", "--allow-host", &*host, "--secret", "a.example=API_TOKEN"],
            "is no host that --allow-host names",
        ),
        (
            vec!["--inspect", "--allow-host", &*host, "--secret", "localhost=NOT_SET_HERE"],
            "NOT_SET_HERE is not set here",
        ),
    ] {
        let (said, told) = home.isolate(&options, "echo started");
        assert!(said.is_empty() && told.contains(why), "{why}: {said}{told}");
    }
}

/// Goal: of a secret that was added nothing is left in memory but the secret itself. Method: after
/// two requests and one with a body, all memory of the proxy's process is looked through.
#[test]
fn what_was_added_to_a_request_is_not_left_in_memory() {
    if !has_curl() || !rustix::process::geteuid().is_root() {
        return;
    }
    let authority = Authority::new();
    let server = Server::start(&authority, Flaw::None);
    let home = Home::new("left", &authority);
    let host = format!("localhost:{}", server.port);
    let url = format!("https://{host}/quiet");
    let script = format!(
        "curl -sS {url}/a; curl -sS {url}/b; head -c 9000 /dev/zero | curl -sS -X GET \
         --data-binary @- {url}/c; echo asked; exec sleep 60"
    );
    let mut command = home.sentinel();
    command.args(["isolate", "--ca-file", "../ca.pem", "--inspect", "--allow-host", &host]);
    command.args(["--secret", &format!("{host}=API_TOKEN"), "--", "sh", "-c", &script]);
    let mut child = command.spawn().unwrap();
    let mut asked = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut asked).unwrap();
    // The end of the last connection may be heard of a moment later.
    let end = Instant::now() + Duration::from_secs(60);
    let mut found = times_in_memory(child.id(), CANARY.as_bytes());
    while found != 1 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
        found = times_in_memory(child.id(), CANARY.as_bytes());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(server.heard().matches(CANARY).count(), 3, "{}", server.heard());
    assert_eq!(found, 1);
}

/// How often something stands in the memory of a process.
fn times_in_memory(process: u32, what: &[u8]) -> usize {
    use std::os::unix::fs::FileExt as _;
    let memory = fs::File::open(format!("/proc/{process}/mem")).unwrap();
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let areas = maps.lines().filter_map(|line| {
        let (from, to) = line.split_once(' ')?.0.split_once('-')?;
        Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
    });
    let count = |(from, to): (u64, u64)| {
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // What is the kernel's cannot be read.
        match memory.read_exact_at(&mut bytes, from) {
            Ok(()) => bytes.windows(what.len()).filter(|window| *window == what).count(),
            Err(_) => 0,
        }
    };
    areas.map(count).sum()
}

/// Goal: no request, and no secret, goes to a server that cannot prove who it is.
#[test]
fn a_server_that_cannot_be_believed_hears_nothing() {
    if !has_curl() {
        return;
    }
    let (authority, other) = (Authority::new(), Authority::new());
    for (name, signer, flaw, why) in [
        ("expired", &authority, Flaw::Expired, "expired on 2001-09-09"),
        ("name", &authority, Flaw::OtherName, "not for `localhost`"),
        ("unknown", &other, Flaw::None, "is not signed by the authority"),
    ] {
        let server = Server::start(signer, flaw);
        let home = Home::new(name, &authority);
        let host = format!("localhost:{}", server.port);
        let secret = format!("{host}=API_TOKEN");
        let options = ["--inspect", "--allow-host", &host, "--secret", &secret];
        let script = format!("curl -sS -w '%{{http_code}}' https://{host}/a");
        let (said, told) = home.isolate(&options, &script);
        assert!(said.contains(why) && said.ends_with("403"), "{name}: {said}{told}");
        assert!(told.contains("\"why\":\"tls-unproven\""), "{name}: {told}");
        assert!(server.heard().is_empty(), "{name}");
    }
}

/// Goal: a program that believes only what it knows itself is not served, and says nothing.
#[test]
fn a_program_with_a_certificate_of_its_own_fails_closed() {
    if !has_curl() {
        return;
    }
    let authority = Authority::new();
    let server = Server::start(&authority, Flaw::None);
    let home = Home::new("pinned", &authority);
    let host = format!("localhost:{}", server.port);
    let allowed = format!("{host} GET /");
    let options = ["--inspect", "--allow-host", &allowed, "--read", "../ca.pem"];
    let pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let own = home.0.join("ca.pem").display().to_string();
    for (client, status) in
        [(format!("--cacert {own}"), "status 60"), (format!("--pinnedpubkey {pin}"), "status 90")]
    {
        let script = format!("curl -sS {client} https://{host}/; echo status $?");
        let (said, told) = home.isolate(&options, &script);
        assert!(said.contains(status), "{said}{told}");
        assert!(server.heard().is_empty());
    }
}

/// The same by the agent: its log has the name of the secret, and nothing has the secret.
#[test]
fn an_agents_command_uses_a_secret_that_nothing_of_it_has() {
    if !has_curl() {
        return;
    }
    let authority = Authority::new();
    let server = Server::start(&authority, Flaw::None);
    let home = Home::new("agent", &authority);
    let host = format!("localhost:{}", server.port);
    let work = home.0.join("work").display().to_string();
    let config = format!(
        "[security]\ngrants = [\"read,write,list {work}\", \"model offline\", \
         \"run /usr/bin/curl any paths unguarded\", \"connect {host} GET /open\"]\n\
         [security.programs]\ncurl = \"/usr/bin/curl\"\n[egress]\ninspect = true\n\
         [secret.api]\nhost = \"{host}\"\nvalue_env = \"API_TOKEN\"\nprograms = \
         [\"/usr/bin/curl\"]\n[http]\nca_file = \"{}\"\n",
        home.0.join("ca.pem").display()
    );
    fs::write(home.0.join("sentinel.toml"), config).unwrap();
    let say = |words: &[&str]| {
        let mut command = home.sentinel();
        command.args(words).args(["--config", "../sentinel.toml", "--state", "../state"]);
        let Output { stdout, stderr, .. } = command.output().unwrap();
        String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()
    };
    let chat = |path: &str| {
        let _ = fs::remove_dir_all(home.0.join("state"));
        let request = format!("run `curl -sS https://{host}{path}` reaching {host}");
        say(&["chat", "-m", &request, "--i-know-what-im-doing"])
    };
    let answer = chat("/open/a");
    let heard = server.heard();
    assert!(heard.contains(&format!("Authorization: Bearer {CANARY}\r\n")), "{answer}{heard}");
    assert!(answer.contains("Authorization: Bearer ****"), "{answer}");
    let log = say(&["audit", "show"]);
    assert!(log.contains("method=\"GET\" path=\"/open/a\""), "{log}");
    assert!(log.contains("secrets=[\"api\"]"), "{log}");
    let export = say(&["audit", "export"]);
    assert!(export.contains("tls") || export.contains("egress"), "{export}");
    let refused = chat("/closed");
    assert!(refused.contains("this method and path are not"), "{refused}");
    assert_eq!(server.heard.lock().unwrap().len(), 1);
    for text in [&answer, &refused, &log, &export] {
        assert!(!text.contains(CANARY), "{text}");
    }
}
