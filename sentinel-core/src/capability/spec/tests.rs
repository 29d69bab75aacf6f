//! Grants that are read and written, and texts that are none.

use alloc::string::{String, ToString};

use super::*;
use crate::capability::{HostPatternError, PathError};

fn read(text: &str) -> Result<Grant, SpecError> {
    text.parse()
}

/// The text, and the one that is written of what it says.
#[test]
fn a_grant_has_one_text() {
    for (text, written) in [
        ("read /srv/work", "read /srv/work"),
        ("list,read //srv/./work/", "read,list /srv/work"),
        ("deny write /", "deny write /"),
        (r#"read "/a b/\"c\"\\d""#, r#"read "/a b/\"c\"\\d""#),
        ("  read   /a,b|c  ask ", "read /a,b|c ask"),
        ("run /bin/ls", "run /bin/ls"),
        ("run /usr/bin/git log|status", "run /usr/bin/git log|status"),
        (
            "run /usr/bin/git log uses 3 unguarded ask any paths without -p,--exec=x",
            "run /usr/bin/git log without -p,--exec=x any paths unguarded ask uses 3",
        ),
        (r#"run /bin/x "ask""#, r#"run /bin/x "ask""#),
        (r#"run /bin/x "a|b"|c"#, r#"run /bin/x "a|b"|c"#),
        (r#"run /bin/x without "-a,b""#, r#"run /bin/x without "-a,b""#),
        ("deny run /usr/bin/git push", "deny run /usr/bin/git push"),
        ("connect example.COM", "connect example.com"),
        ("connect example.com:443", "connect example.com"),
        ("connect example.com:*", "connect example.com:*"),
        ("connect *.example.com:8000-8099", "connect *.example.com:8000-8099"),
        ("connect *:80", "connect *:80"),
        ("connect [::1]", "connect [::1]"),
        ("connect [0:0::1]:80", "connect [::1]:80"),
        ("connect example.com GET,POST /v1/", "connect example.com GET,POST /v1"),
        ("connect example.com GET /", "connect example.com GET"),
        ("connect example.com /", "connect example.com /"),
        (r#"connect example.com "/a b" ask"#, r#"connect example.com "/a b" ask"#),
        ("deny connect example.com", "deny connect example.com"),
        ("deny connect example.com:443", "deny connect example.com:443"),
        ("listen 127.0.0.1:8080 once", "listen 127.0.0.1:8080 once"),
        ("deny listen *:*", "deny listen *:*"),
        ("skill weather", "skill weather"),
        ("skill weather today|tomorrow", "skill weather today|tomorrow"),
        (r#"skill "a b" "until"|x"#, r#"skill "a b" "until"|x"#),
        ("config channels.telegram", "config channels.telegram"),
        ("persona ask", "persona ask"),
        ("model claude-*", "model claude-*"),
        ("model *", "model *"),
        ("model claude-* for weather ask uses 3", "model claude-* for weather ask uses 3"),
        ("model * for ask", "model * for ask"),
        (r#"model "a b"* for "c d" once"#, r#"model "a b"* for "c d" once"#),
        ("deny model * for weather", "deny model * for weather"),
        ("model for", "model for"),
        (r#"model "claude*""#, r#"model "claude*""#),
        (r#"model "a b"*"#, r#"model "a b"*"#),
        ("read /a until 2026-12-31", "read /a until 2026-12-31"),
        ("read /a until 2026-12-31T00:00:00Z", "read /a until 2026-12-31"),
        ("read /a until 2026-12-31T01:02:03Z", "read /a until 2026-12-31T01:02:03.000Z"),
    ] {
        let grant = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(grant.to_string(), written, "{text}");
        assert_eq!(read(written), Ok(grant), "{written}");
    }
}

#[test]
fn words_have_their_meaning() {
    let grant = read("read,list /srv ask until 1970-01-02 uses 7").unwrap();
    let rights = FileRights::of(&[FileRight::Read, FileRight::List]);
    let resource = Resource::Files { path: Path::parse("/srv").unwrap(), rights };
    let until = Some(Timestamp(24 * 60 * 60 * 1000));
    assert_eq!(
        grant,
        Grant { level: Level::Ask, until, uses: Some(7), ..Grant::new(resource, Level::Ask) }
    );
    let Resource::Connect { ports, http, .. } = read("connect a.example").unwrap().resource else {
        panic!("no connection");
    };
    assert_eq!((ports, http), (Ports::DEFAULT, None));
    let Resource::Connect { ports, .. } = read("deny connect a.example").unwrap().resource else {
        panic!("no connection");
    };
    assert_eq!(ports, Ports::ANY, "what is forbidden is so on every port");
}

#[test]
fn errors_say_where_what_and_what_was_meant() {
    for (text, shown) in [
        ("", "at character 1: a grant is expected"),
        ("deny", "at character 5: what it forbids is expected here"),
        ("raed /x", "did you mean `read`?"),
        ("read,wirte /x", "did you mean `write`?"),
        ("conect example.com", "did you mean `connect`?"),
        ("read", "at character 5: a path is expected here"),
        ("read srv", "at character 6: the path does not begin"),
        ("read ~/x", "at character 6: `~` means"),
        ("read /a/../b", "at character 6: `..` leads"),
        ("read /a  aks", "at character 10: this word means nothing here; did you mean `ask`?"),
        ("read /a ask ask", "at character 13: it is said twice"),
        ("read,read /a", "at character 1: it is said twice"),
        ("read /a unguarded", "at character 9: this word means nothing here"),
        ("run git", "at character 5: the path does not begin"),
        ("run /bin/ls -la", "at character 13: options are not granted one by one"),
        ("run /bin/ls any path", "at character 17: `paths` is expected here"),
        ("run /bin/ls a||b", "at character 13: a word is empty"),
        ("run /bin/git log unguraded", "did you mean `unguarded`?"),
        ("connect 0x7f.1", "at character 9: no host"),
        ("connect *.*", "at character 9: no host"),
        ("connect user@example.com", "at character 9: no host"),
        ("connect example.com:0", "at character 9: a port"),
        ("connect example.com get", "did you mean `GET`?"),
        ("listen 127.0.0.1", "at character 8: a port"),
        ("listen *:80", "at character 8: one address"),
        ("config a..b", "at character 8: a key"),
        ("read /a until tomorrow", "at character 15: a date"),
        ("read /a until 2026-02-30", "at character 15: a date"),
        ("read /a uses 0", "at character 14: a whole number"),
        ("read /a uses +1", "at character 14: a whole number"),
        ("deny read /a ask", "at character 14: a rule that forbids asks nobody"),
        ("read \"/a", "at character 9: quotes go around"),
        ("read /a\"b\"", "at character 6: quotes go around"),
        ("read \"/a\\n\"", "at character 6: quotes go around"),
        ("read /ä\n", "at character 8: it holds a control character"),
        ("read\u{a0}/a", "at character 5: this space"),
        ("skill \"\"", "at character 7: a word is empty"),
        ("Read /a", "did you mean `read`?"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(shown), "{text}: {error}");
    }
    let long = alloc::format!("read /{}", "a".repeat(9000));
    assert_eq!(read(&long).unwrap_err().problem, SpecProblem::TooLong);
    let growing = alloc::format!("skill {}", "\\".repeat(8000));
    assert_eq!(read(&growing).unwrap_err().problem, SpecProblem::TooLong);
    let path = read("read ..").unwrap_err().problem;
    assert_eq!(path, SpecProblem::Path(PathError::Relative));
    let host = read("connect *.127.0.0.1").unwrap_err().problem;
    assert_eq!(host, SpecProblem::Host(HostPatternError::BeneathAddress));
}

/// Every resource with every term: what is read is written in a text that reads the same.
#[test]
fn what_is_written_is_read() {
    let resources = [
        "read,list /a",
        "write \"/a b\"",
        "run /usr/bin/git",
        "run /usr/bin/git log|\"ask\"|\"a|b\" without -o,\"--x y\"",
        "run /a\\b any paths unguarded",
        "connect a.example:80 GET,POST",
        "connect *.example /v1",
        "connect [::1]:1-2",
        "listen [::]:1-2",
        "skill \"\\\\\" x|y",
        "config a.b",
        "persona",
        "model x*",
        "model \"x*\"*",
    ];
    let terms = ["ask", "once", "until 2026-12-31T10:00:00Z", "until 2026-01-01", "uses 3"];
    for resource in resources {
        for (first, second) in terms.iter().flat_map(|a| terms.map(|b| (*a, b))) {
            for text in [
                resource.to_string(),
                alloc::format!("{resource} {first}"),
                alloc::format!("{resource} {first} {second}"),
                alloc::format!("deny {resource} {first}"),
            ] {
                let kind = |term: &str| term.split(' ').next().map(|it| it.replace("once", "ask"));
                let is_twice = kind(first) == kind(second) && text.ends_with(second);
                let is_question = text.starts_with("deny") && kind(first) == kind("ask");
                let is_whole = text == resource || text.starts_with("deny");
                match read(&text) {
                    Ok(grant) => {
                        let written = grant.to_string();
                        assert_eq!(read(&written), Ok(grant), "{text}: {written}");
                        assert!(!is_question, "{text}");
                    }
                    Err(error) => {
                        assert!(is_question || (is_twice && !is_whole), "{text}: {error}");
                    }
                }
            }
        }
    }
}

/// Words of the language in any order: a grant that reads back, or an error in the text.
#[test]
fn any_words_are_a_grant_or_an_error() {
    let words = [
        "deny",
        "read",
        "write,list",
        "run",
        "connect",
        "skill",
        "persona",
        "/a",
        "\"",
        "\\",
        "log|",
        "without",
        ",",
        "any",
        "paths",
        "ask",
        "until",
        "2026-12-31",
        "uses",
        "3",
        "a.example:80",
        "*",
        "GET",
        "[::1]:1-2",
        ":",
        "ä",
        "\u{a0}",
        "\0",
    ];
    arbtest::arbtest(|u| {
        let mut text = String::new();
        for _ in 0..u.int_in_range(0..=8)? {
            text.push_str(u.choose(&words)?);
            text.push_str(u.choose(&[" ", "", "  "])?);
        }
        match read(&text) {
            Ok(grant) => assert_eq!(read(&grant.to_string()), Ok(grant), "{text}"),
            Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.position)),
        }
        Ok(())
    });
}
