//! What a policy says, where it is wrong, and that what is printed reads back the same.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::keys::ROWS;
use super::*;

const FULL: &str = r#"# Everything there is.
mode = "best-effort"
workspace = "/srv/work"
read = ["/etc/hosts", "/opt/data"]
write = ["/srv/out"]
run = ["/opt/tools"]
hide = ["/srv/work/.git"]
network = "proxied"
hosts = ["example.com", "example.org:8443", "*.pypi.org", "api.example.com GET,HEAD /v1"]
inspect = true
secrets = ["api.example.com=API_TOKEN", "example.com=API_KEY:X-Api-Key"]
ca-file = "/srv/own.pem"
ca-sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
publish = ["8080", "8443:443"]
env = ["LANG=C", "TERM"]
tty = true

[limits]
memory = "512M"
pids = 64
cpus = 1.50
disk-rate = "50M"
timeout = 1_000.50

[seccomp]
profile = "custom"
file = "/srv/seccomp.json"
sha256 = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
allow = ["mbind"]
mode = "log"
"#;

fn read(text: &str) -> Result<Policy, String> {
    Policy::read("p.toml", text).map_err(|list| {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        list.join("\n")
    })
}

#[test]
fn everything_can_be_said_and_is_printed_as_it_was_meant() {
    let policy = read(FULL).unwrap();
    assert_eq!(policy.word(Key::Workspace), Some("/srv/work"));
    assert_eq!(policy.all(Key::Read), [b"/etc/hosts".to_vec(), b"/opt/data".to_vec()]);
    assert_eq!(policy.word(Key::Time), Some("1000.5"));
    assert!(policy.is(Key::Terminal) && !policy.is(Key::Immutable));
    for row in ROWS.iter().filter(|row| row.key != Key::Immutable) {
        assert!(!policy.all(row.key).is_empty(), "{}", row.name);
    }
    let shown = policy.show().unwrap();
    assert_eq!(read(&shown).unwrap(), policy, "{shown}");
    assert!(shown.contains("timeout = 1000.5\n") && shown.contains("pids = 64\n"), "{shown}");
    assert!(shown.contains("cpus = 1.5\n"), "{shown}");
    assert!(shown.contains("\n[limits]\nmemory = \"512M\"\n"), "{shown}");
    assert_eq!(read(""), Ok(Policy::default()));
    assert_eq!(Policy::default().show(), Ok(String::new()));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_was_meant() {
    for (text, expected) in [
        ("raed = []", "p.toml:1:1: unknown key 'raed'; did you mean 'read'?"),
        ("\nallow-host = []", "p.toml:2:1: unknown key 'allow-host'; here it is called 'hosts'"),
        ("memory = \"1G\"", "help: it belongs under [limits]"),
        ("[limits]\nread = []", "help: it stands above all sections"),
        ("limits = 3", "p.toml:1:1: 'limits' is a section"),
        ("[limit]\npids = 1", "did you mean 'limits'?"),
        ("weather = 1", "known here are immutable, mode"),
        ("read = \"/srv\"", "p.toml:1:8: read is a list"),
        ("read = [1]", "p.toml:1:9: read is a text in quotes, not an integer"),
        ("read = [\"\"]", "it is empty"),
        ("read = [\"/a\", \"/a\"]", "p.toml:1:15: this stands here twice"),
        ("network = \"proxed\"", "did you mean 'proxied'?"),
        ("tty = 1", "tty is true or false, not an integer"),
        ("hosts = [\"two words\"]", "hosts: it is a host"),
        ("publish = [\"0\"]", "publish: it is a port above 0"),
        ("publish = [\"80:3128\"]", "3128 inside is the proxy's"),
        ("publish = [\"65536\"]", "publish: it is a port"),
        ("env = [\"=x\"]", "env: it is NAME=value"),
        ("[limits]\ntimeout = -1", "timeout: it is seconds above 0"),
        ("[limits]\ntimeout = inf", "timeout: it is seconds above 0"),
        ("[limits]\npids = 0", "pids: it is a whole number above 0"),
        ("[limits]\ncpus = 0.001", "cpus: it is a number of processors above 0"),
        ("[limits]\nmemory = \"1.5G\"", "memory: it is a size"),
        ("[seccomp]\nsha256 = \"12\"", "sha256: it is 64 hexadecimal digits"),
        ("[seccomp]\nallow = [\"M\"]", "allow: it is the name of a system call"),
        ("read = [", "p.toml:1:"),
        ("read = []\nread = []", "p.toml:2:1"),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
    }
    // Everything at once, in order.
    let said = read("a = 1\nb = 2").unwrap_err();
    assert!(said.find("p.toml:1").unwrap() < said.find("p.toml:2").unwrap(), "{said}");
}

/// The line of a variable that is called like a secret is not shown, whatever is wrong with it.
#[test]
fn secrets_are_not_told() {
    let said = read("env = [\"API_TOKEN=hunter2\", \"API_TOKEN=hunter2\"]").unwrap_err();
    assert!(!said.contains("hunter2"), "{said}");
    let policy = read("env = [\"API_TOKEN=hunter2\"]").unwrap();
    assert!(!alloc::format!("{policy:?}").contains("hunter2"));
}

#[test]
fn a_command_line_adds_to_lists_and_replaces_the_rest() {
    let mut line = Policy::default();
    line.put(Key::Read, b"/etc/hosts").unwrap();
    line.put(Key::Read, b"/usr/share").unwrap();
    line.put(Key::Network, b"none").unwrap();
    line.put(Key::Time, b"007").unwrap();
    let both = read(FULL).unwrap().join(line).unwrap();
    assert_eq!(both.all(Key::Read).len(), 3);
    assert_eq!(both.word(Key::Network), Some("none"));
    assert_eq!(both.word(Key::Time), Some("7"));
    assert_eq!(both.word(Key::Workspace), Some("/srv/work"));
}

#[test]
fn an_immutable_policy_is_what_it_is() {
    let file = || read(&alloc::format!("immutable = true\n{FULL}")).unwrap();
    assert!(file().join(Policy::default()).is_ok());
    for row in ROWS.iter().filter(|row| row.key != Key::Immutable) {
        let mut line = Policy::default();
        // Even what it says itself: nobody has to compare.
        line.values[row.key as usize] = file().all(row.key).to_vec();
        assert_eq!(file().join(line), Err(Fixed::Option(row.option)));
    }
    let mut line = Policy::default();
    line.put(Key::Immutable, b"true").unwrap();
    let relative = read("workspace = \".\"").unwrap().join(line.clone());
    assert_eq!(relative, Err(Fixed::Relative { key: "workspace", path: ".".into() }));
    for (text, file, digest) in [
        ("[seccomp]\nfile = \"/x\"", "seccomp.file", "seccomp.sha256"),
        ("ca-file = \"/x\"", "ca-file", "ca-sha256"),
    ] {
        let unpinned = read(text).unwrap().join(line.clone());
        assert_eq!(unpinned, Err(Fixed::Unpinned { file, digest }));
    }
}

#[test]
fn sizes_times_and_ports_have_one_meaning() {
    for (text, bytes) in [
        ("1", Some(1)),
        ("512M", Some(512 << 20)),
        ("2g", Some(2 << 30)),
        ("4K", Some(4096)),
        ("0", None),
        ("M", None),
        ("", None),
        ("é", None),
        ("1.5G", None),
        ("-1", None),
        ("+1", None),
        ("99999999999999999999", None),
        ("18446744073709551615G", None),
    ] {
        assert_eq!(size(text), bytes, "{text}");
    }
    for (text, milliseconds) in [
        ("1", Some(1000)),
        ("0.2", Some(200)),
        ("0.001", Some(1)),
        ("1.5", Some(1500)),
        ("0", None),
        ("0.0001", None),
        ("1.", None),
        (".5", None),
        ("1e3", None),
        ("-1", None),
        ("9999999999", None),
    ] {
        assert_eq!(seconds(text), milliseconds.map(Duration::from_millis), "{text}");
    }
    for (text, percent) in [
        ("1", Some(100)),
        ("0.5", Some(50)),
        ("1.25", Some(125)),
        ("2.500", Some(250)),
        ("0.01", Some(1)),
        ("0.005", None),
        ("0", None),
        ("10000", None),
        ("-1", None),
    ] {
        assert_eq!(processors(text), percent, "{text}");
    }
    for (text, ports) in [
        ("80", Some((80, 80))),
        ("8080:80", Some((8080, 80))),
        ("3128:80", Some((3128, 80))),
        ("80:3128", None),
        (":80", None),
        ("80:", None),
        ("1:2:3", None),
        ("+80", None),
    ] {
        assert_eq!(port(text), ports, "{text}");
    }
}

/// Whatever is said, in whatever words: what is printed reads back the same.
#[test]
fn what_is_printed_reads_back() {
    arbtest::arbtest(|input| {
        let mut policy = Policy::default();
        for _ in 0..input.int_in_range(0..=12)? {
            let row = input.choose(ROWS)?;
            let value: String = match input.int_in_range(0..=2)? {
                0 => input.arbitrary()?,
                1 => input.int_in_range(0..=100_000_u32)?.to_string(),
                _ => (*input.choose(&["true", "none", "strict", "0.5", "1.250", "a.b:1"])?).into(),
            };
            let _ = policy.put(row.key, value.as_bytes());
        }
        let shown = policy.show().unwrap();
        assert_eq!(read(&shown), Ok(policy), "{shown}");
        Ok(())
    });
}
