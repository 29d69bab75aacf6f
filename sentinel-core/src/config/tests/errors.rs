//! Everything that can be wrong with a file, with the exact words for it.
//!
//! The cases stand in `tests/data/config/diagnostics.txt`: a file, `---->`, and what is said of it.
//! With `SENTINEL_WRITE` set in the environment the answers are written anew, to be read by whoever
//! changed them.

use alloc::format;
use alloc::string::{String, ToString};

use super::{read_with, said_with};
use crate::config::{Diagnostic, Severity};

const CASES: &str = include_str!("../../../tests/data/config/diagnostics.txt");

/// What is set while the cases are read.
const VARIABLES: [(&str, &str); 2] = [("BLANK", " "), ("KEY", "canary")];

const ANSWER: &str = "---->\n";
const END: &str = "====\n";

#[test]
fn what_is_wrong_is_said_all_at_once_with_its_place() {
    let mut written = String::new();
    let mut count = 0;
    for case in CASES.split_terminator(END) {
        let (text, expected) = case.split_once(ANSWER).unwrap();
        let mut said = said_with(text, &VARIABLES).join("\n");
        said.push('\n');
        assert!(!said.contains("canary"), "{said}");
        if std::env::var_os("SENTINEL_WRITE").is_none() {
            assert_eq!(said, expected, "of\n{text}");
        }
        written.push_str(&format!("{text}{ANSWER}{said}{END}"));
        count += 1;
    }
    assert!(count > 20);
    if std::env::var_os("SENTINEL_WRITE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/config/diagnostics.txt");
        std::fs::write(path, written).unwrap();
    }
}

#[test]
fn a_file_with_an_error_is_no_configuration() {
    for case in CASES.split_terminator(END) {
        let (text, _) = case.split_once(ANSWER).unwrap();
        let reading = read_with(text, &VARIABLES);
        let is_wrong = reading.diagnostics.iter().any(|it| it.severity == Severity::Error);
        assert_eq!(reading.config.is_none(), is_wrong, "{text}");
    }
}

#[test]
fn a_file_with_many_errors_is_not_a_flood() {
    let text: String = (0..500).map(|at| format!("key{at} = 1\n")).collect();
    let reading = read_with(&text, &[]);
    assert!(reading.config.is_none());
    assert_eq!(reading.diagnostics.len(), crate::limits::CONFIG_DIAGNOSTICS_MAX + 1);
    let last = reading.diagnostics.last().unwrap().to_string();
    assert_eq!(last, "sentinel.toml: there are more problems; mend these first");
}

#[test]
fn what_is_too_long_is_refused() {
    let ids: String = (1..5000).map(|at| format!("{at},")).collect();
    let said =
        said_with(&format!("[telegram]\ntoken_env = 'KEY'\noperators = [{ids}]"), &VARIABLES);
    assert!(said[0].contains("'operators' has more than 4096 elements"), "{}", said[0]);
    let models: String = (0..300).map(|at| format!("[models.m{at}]\n")).collect();
    let said = said_with(&models, &[]);
    assert!(said[0].contains("there are more than 256 [models.NAME]"), "{}", said[0]);
    let ids: String = (1..1500).map(|at| format!("{at},")).collect();
    let said =
        said_with(&format!("[telegram]\ntoken_env = 'KEY'\noperators = [{ids}]"), &VARIABLES);
    assert!(said[0].contains("the allowlist has more than 1024 entries"), "{}", said[0]);
}

/// What is found without a file, in the defaults, is in none, and does not begin with a colon.
#[test]
fn what_is_in_no_file_names_none() {
    let (place, help) = (None, Some("name one".to_string()));
    let found = Diagnostic {
        severity: Severity::Danger,
        file: String::new(),
        place,
        message: "nobody can approve".into(),
        help,
    };
    assert_eq!(found.to_string(), "danger: nobody can approve\n  help: name one");
    let named = Diagnostic { file: "sentinel.toml".into(), ..found };
    assert!(named.to_string().starts_with("sentinel.toml: danger: nobody"), "{named}");
}
