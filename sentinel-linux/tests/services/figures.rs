//! Figures for a monitor, read while the agent works.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::agent::{Agent, TOKEN};
use crate::telegram::{ask, serve, until};

/// Asks for something, and gives the status, the head and the body.
fn get(port: u16, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_string(), body.to_string())
}

fn page(port: u16, path: &str) -> (String, String) {
    get(port, &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"))
}

/// Reads a page as strictly as the format is written: each family once, with its help and its kind
/// before its samples, and each sample once.
fn read(page: &str) -> BTreeMap<String, f64> {
    let (mut families, mut samples) = (BTreeMap::new(), BTreeMap::new());
    let mut family = String::new();
    let mut lines = page.lines();
    assert!(page.ends_with('\n'));
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(!text.is_empty());
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(families.insert(name.to_string(), kind.to_string()).is_none(), "{name} twice");
            family = name.to_string();
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let kind = &families[&family];
        let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} in {family}"));
        let is_histogram = kind == "histogram";
        assert_eq!(["_bucket", "_sum", "_count"].contains(&suffix), is_histogram, "{line}");
        assert!(is_histogram || suffix.is_empty(), "{line}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        if let Some(labels) = sample.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            let labels = labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
            for label in labels.split("\",") {
                let (key, value) = label.split_once("=\"").unwrap();
                assert!(key.bytes().all(|byte| byte.is_ascii_lowercase()), "{line}");
                assert!(!value.trim_end_matches('"').contains('"'), "{line}");
            }
        }
        let value: f64 = value.parse().unwrap();
        assert!(value >= 0.0 && samples.insert(sample.to_string(), value).is_none(), "{line}");
    }
    samples
}

#[test]
fn figures_are_given_out_while_it_works() {
    let (platform, port) = serve(TOKEN);
    let agent = Agent::new("figures", port);
    let own = free_port();
    let section = format!("[metrics]\nlisten = \"127.0.0.1:{own}\"\n");
    let grants = [agent.grant("read,list")];
    agent.configure(&section, "operators = [\"77\"]", &[&grants[0]]);
    let running = agent.start(&[]);
    running.says("figures are at http://127.0.0.1:");
    ask(&platform, 77, "read README.md", "# A house");
    ask(&platform, 77, "write x to y.txt", "no grant covers it");
    // The answer is shown a moment before its end is recorded.
    until("both turns are counted", || {
        let (_, body) = page(own, "/metrics");
        read(&body).get("sentinel_turns_total{how=\"answered\"}") == Some(&2.0)
    });
    let (head, body) = page(own, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("version=0.0.4"), "{head}");
    let samples = read(&body);
    let at_least = |name: &str, least: f64| {
        let value = samples.get(name).unwrap_or_else(|| panic!("no {name} in {body}"));
        assert!(*value >= least, "{name} is {value}");
    };
    at_least("sentinel_messages_received_total{platform=\"telegram\"}", 2.0);
    at_least("sentinel_posts_total{platform=\"telegram\",what=\"sent\"}", 2.0);
    at_least("sentinel_tool_calls_total{tool=\"read_file\",answer=\"allow\"}", 1.0);
    at_least("sentinel_tool_calls_total{tool=\"write_file\",answer=\"deny\"}", 1.0);
    at_least("sentinel_model_exchanges_total{model=\"offline\",what=\"answered\"}", 3.0);
    at_least("sentinel_journal_sync_seconds_count", 3.0);
    at_least("sentinel_journal_bytes_total", 1000.0);
    at_least("sentinel_journal_records_total", 10.0);
    at_least("sentinel_loop_seconds_bucket{le=\"+Inf\"}", 10.0);
    at_least("process_resident_memory_bytes", 500_000.0);
    at_least("process_open_fds", 5.0);
    at_least("sentinel_conversations", 1.0);
    assert!(!body.contains("README") && !body.contains(TOKEN), "{body}");

    // What is not a page of ours, or is asked for in another way, or for somebody else's name.
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
        ("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"),
        ("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "405"),
        ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", "421"),
        ("GET /metrics HTTP/1.1\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let (head, _) = get(own, request);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {head}");
    }
    // Those who connect and say nothing take a place for a while, and never more than there are.
    let idle: Vec<_> = (0..20).map(|_| TcpStream::connect(("127.0.0.1", own)).unwrap()).collect();
    ask(&platform, 77, "read README.md", "# A house");
    drop(idle);
    until("there is a place again", || page_or_none(own).is_some());

    // Left out, the port is given back; another one takes a new start.
    agent.configure("", "operators = [\"77\"]", &[&grants[0]]);
    assert!(running.reload().contains("holds from now on"));
    assert!(TcpStream::connect(("127.0.0.1", own)).is_err());
    agent.configure(&section, "operators = [\"77\"]", &[&grants[0]]);
    let said = running.reload();
    assert!(said.contains("[metrics] listen") && said.contains("nothing changed"), "{said}");
    running.end();
}

/// A port that nobody is given who asks for any: those are higher ones.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 5000).unwrap();
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 1000).find(is_free).unwrap()
}

fn page_or_none(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.ends_with("ok\n").then_some(answer)
}
