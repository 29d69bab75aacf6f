//! Programs that people use: they know proxies by their environment alone.

use std::io::Write as _;
use std::process::{Command, Output};

use super::Proxy;
use crate::network::Options;
use crate::network::tests::authority::{Authority, Flaw, secured};
use crate::network::tests::server::{Server, read_request};

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Runs a program with nothing but the proxy's address; none if it is not installed.
fn run(proxy: &Proxy, scheme: &str, program: &str, arguments: &[&str]) -> Option<Output> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|place| place.join(program).exists());
    if !is_there {
        eprintln!("{program} is not installed, so it is not tried");
        return None;
    }
    let url = format!("{scheme}://{}", proxy.address);
    let mut command = Command::new(program);
    command.env_clear().env("PATH", path).args(arguments);
    if let Some(home) = std::env::var_os("HOME") {
        command.env("HOME", home);
    }
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, &url);
    }
    Some(command.output().unwrap())
}

/// A server of TLS. That its certificate is good is not what is tried here.
fn secure() -> Server {
    let config = Authority::new().server(Flaw::None);
    Server::start(move |stream, _| {
        let mut stream = secured(&config, stream);
        while read_request(&mut stream).is_some() {
            if stream.write_all(HELLO).is_err() {
                return;
            }
        }
    })
}

#[test]
fn curl_fetches_pages_in_all_three_ways() {
    let plain = Server::answering(HELLO);
    let secure = secure();
    let (port, secure_port) = (plain.address.port(), secure.address.port());
    let grants = [format!("connect localhost:{port}"), format!("connect localhost:{secure_port}")];
    let proxy = Proxy::start(Options::default(), &grants);
    for (scheme, url) in [
        ("http", format!("http://localhost:{port}/")),
        ("socks5h", format!("http://localhost:{port}/")),
        ("http", format!("https://localhost:{secure_port}/")),
        ("socks5h", format!("https://localhost:{secure_port}/")),
    ] {
        let arguments = ["-sSk", "--noproxy", "", &url, &url];
        let Some(output) = run(&proxy, scheme, "curl", &arguments) else { return };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hellohello", "{scheme} {url} {said}");
    }
    let notes = proxy.notes();
    // Two requests each in the clear, and the tunnel that SOCKS makes; one tunnel for both else.
    assert_eq!(notes.iter().filter(|note| note.starts_with("GET / at localhost")).count(), 4);
    assert_eq!(notes.iter().filter(|note| note.starts_with("localhost")).count(), 3);
    assert!(notes.iter().all(|note| note.contains("allowed, to 127.0.0.1")), "{notes:?}");
}

/// What is not granted is refused with a sentence, and the page of another is not reached.
#[test]
fn curl_is_told_why_it_is_refused() {
    let proxy = Proxy::start(Options::default(), &["connect localhost:1".to_string()]);
    let other = Server::answering(HELLO);
    let url = format!("http://localhost:{}/", other.address.port());
    let Some(output) = run(&proxy, "http", "curl", &["-sS", "--noproxy", "", &url]) else { return };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("no grant covers this host and port"), "{said}");
    let url = format!("https://localhost:{}/", other.address.port());
    let Some(output) = run(&proxy, "http", "curl", &["-sS", "--noproxy", "", &url]) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("403"), "{said}");
    assert_eq!(other.connections_count(), 0);
}

#[test]
fn python_fetches_pages_too() {
    let plain = Server::answering(HELLO);
    let secure = secure();
    let (port, secure_port) = (plain.address.port(), secure.address.port());
    let grants = [format!("connect localhost:{port}"), format!("connect localhost:{secure_port}")];
    let proxy = Proxy::start(Options::default(), &grants);
    let script = "import ssl, sys, urllib.request as r\n\
                  c = ssl._create_unverified_context()\n\
                  for url in sys.argv[1:]:\n    \
                  k = {'context': c} if url.startswith('https') else {}\n    \
                  sys.stdout.write(r.urlopen(url, timeout=20, **k).read().decode())\n";
    let urls = [format!("http://localhost:{port}/"), format!("https://localhost:{secure_port}/")];
    let arguments = ["-c", script, &urls[0], &urls[1]];
    let Some(output) = run(&proxy, "http", "python3", &arguments) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hellohello", "{said}");
}
