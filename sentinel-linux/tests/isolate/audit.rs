//! The record of a run: what is in it, that it verifies, and that it notices what was changed.

use std::fs;
use std::process::Command;

use crate::person::{Person, as_everybody, ended};

fn audit(person: &Person, words: &[&str]) -> (Option<i32>, String, String) {
    ended(Command::new(person.path("sentinel")).arg("audit").args(words))
}

#[test]
fn a_run_is_recorded_and_the_record_verifies() {
    as_everybody("recorded", |person| {
        // Whoever runs it may write there, and the program may not.
        let record = person.path("other/run.log");
        let program = ["sh", "-c", "echo hello; exit 7"];
        let options = ["--workspace", ".", "--env", "API_TOKEN=hunter2", "--audit", &record];
        let (code, output, said) = person.run(&options, &program);
        assert_eq!((code, output.as_str()), (Some(7), "hello\n"), "{said}");
        let (code, said, _) = audit(person, &["verify", &record]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("OK"), "{said}");
        let (_, lines, said) = audit(person, &["export", "--sealed", &record]);
        let lines: Vec<&str> = lines.lines().collect();
        let names = ["isolate.started", "isolate.ended", "checkpoint"];
        for (line, name) in lines.iter().skip(1).zip(names) {
            assert!(line.contains(name), "{line} {said}");
        }
        let work = person.path("work");
        for part in [&*work, "/usr/bin/", "\"API_TOKEN\"", "\"arguments_count\":3"] {
            assert!(lines[1].contains(part), "{part}: {}", lines[1]);
        }
        assert!(lines[2].contains("\"status\":7"), "{}", lines[2]);
        assert!(lines[2].contains("it ended with status 7"), "{}", lines[2]);
        let whole = lines.concat();
        assert!(!whole.contains("hunter2") && !whole.contains("exit 7"), "{whole}");
        // No other run is put over it, and a changed byte is noticed.
        let (code, output, said) = person.run(&["--audit", &record], &["echo", "started"]);
        assert_eq!((code, output.as_str()), (Some(125), ""), "{said}");
        let mut bytes = fs::read(&record).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(&record, bytes).unwrap();
        assert_eq!(audit(person, &["verify", &record]).0, Some(1));
    });
}

#[test]
fn what_the_proxy_refuses_is_recorded() {
    as_everybody("recorded-egress", |person| {
        let record = person.path("other/run.log");
        let script = "exec 3<>/dev/tcp/127.0.0.1/3128; \
                      printf 'CONNECT other.example:443 HTTP/1.1\\r\\n' >&3; \
                      printf 'Host: other.example\\r\\n\\r\\n' >&3; \
                      read -r line <&3; echo \"$line\"";
        let options = ["--allow-host", "example.com:443", "--audit", &record];
        let (code, output, said) = person.run(&options, &["bash", "-c", script]);
        assert!(code == Some(0) && output.contains("403"), "{output} {said}");
        assert_eq!(audit(person, &["verify", &record]).0, Some(0));
        let (_, lines, _) = audit(person, &["export", "--sealed", &record]);
        let line = lines.lines().find(|line| line.contains("isolate.egress"));
        let line = line.unwrap_or_else(|| panic!("{lines}"));
        assert!(line.contains("other.example") && line.contains("refused"), "{line}");
    });
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    as_everybody("unrecorded", |person| {
        for (place, expected) in [
            ("run.log", "change its own record"),
            ("../work/run.log", "change its own record"),
            ("/no-such-place/run.log", "No such file"),
        ] {
            let options = ["--workspace", ".", "--audit", place];
            let (code, output, said) = person.run(&options, &["echo", "started"]);
            assert_eq!((code, output.as_str()), (Some(125), ""), "{said}");
            assert!(said.contains(expected), "{said}");
        }
        // A run that comes to nothing is recorded as that.
        let record = person.path("other/run.log");
        let options = ["--workspace", ".", "--audit", &record];
        assert_eq!(person.run(&options, &["./file"]).0, Some(126));
        let (_, lines, _) = audit(person, &["export", "--sealed", &record]);
        assert!(lines.contains("\"status\":126"), "{lines}");
        assert_eq!(audit(person, &["verify", &record]).0, Some(0));
    });
}
