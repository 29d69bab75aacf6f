//! Rules for Rust source.

use super::{Finding, has_word};

pub(super) fn check(path: &str, content: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(content.lines()) {
        let width = line.chars().count();
        if width > WIDTH_MAX {
            let what = format!("{width} characters wide, more than {WIDTH_MAX}");
            findings.push(Finding::new(path, number, what));
        }
        for word in UNFINISHED.iter().filter(|word| has_word(line, word)) {
            let what = format!("`{word}`: finish it, or open an issue and say so in words");
            findings.push(Finding::new(path, number, what));
        }
    }
    // The simulation is a test that takes more than one file.
    let is_tests = ["/tests/", "/simulation/"].iter().any(|folder| path.contains(folder))
        || path.ends_with("/tests.rs");
    let explains_itself = ["sentinel-core/src/", ".ci/"].iter().any(|top| path.starts_with(top));
    if explains_itself && !is_tests && !content.starts_with("//!") {
        findings.push(Finding::new(path, 1, "opens without `//!`: say what it is and why"));
    }
    if path.starts_with("sentinel-core/src/") && !is_tests {
        for (number, line) in code_without_tests(content) {
            for word in FOREIGN_TO_CORE.iter().filter(|word| has_word(line, word)) {
                let what = format!("`{word}` has no place in the core");
                findings.push(Finding::new(path, number, what));
            }
        }
    }
    findings
}

/// The numbered lines before the tests, without comments.
///
/// Tests end a file (clippy's `items_after_test_module`), so nothing behind them is missed. A `//`
/// in a string hides the rest of its line: the compiler still refuses what these rules refuse, they
/// only say it sooner and in every configuration.
fn code_without_tests(content: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = content.lines().collect();
    let opens_tests = |start: &usize| {
        let mut item = lines[*start..].iter().skip_while(|line| line.starts_with("#["));
        lines[*start] == "#[cfg(test)]"
            && item.next().is_some_and(|item| item.starts_with("mod ") && item.ends_with('{'))
    };
    let end = (0..lines.len()).find(opens_tests).unwrap_or(lines.len());
    let code = |line: &'_ str| line.find("//").unwrap_or(line.len());
    (1..).zip(lines.into_iter().take(end)).map(move |(number, line)| (number, &line[..code(line)]))
}

const WIDTH_MAX: usize = 100;

/// Written in pieces, because this file is checked too.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimpl", "emented!"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("db", "g!"),
];

const FOREIGN_TO_CORE: &[&str] = &["std::", "unsafe"];

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, content: &str) -> Vec<(usize, String)> {
        check(path, content).into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn a_line_is_as_wide_as_its_characters() {
        assert_eq!(found("a.rs", &"é".repeat(100)), []);
        let (line, what) = found("a.rs", &format!("\n{}", "é".repeat(101))).remove(0);
        assert_eq!(line, 2);
        assert!(what.starts_with("101 characters"), "{what}");
    }

    #[test]
    fn unfinished_work_is_found_in_code_and_comments() {
        for word in UNFINISHED {
            assert_eq!(found("a.rs", &format!("x\n// {word} later")).len(), 1, "{word}");
            assert_eq!(found("a.rs", &format!("my_{word}")), [], "{word}");
        }
    }

    #[test]
    fn a_file_of_the_core_opens_with_its_reason() {
        assert_eq!(found("sentinel-core/src/a.rs", "use core::fmt;\n").len(), 1);
        assert_eq!(found("sentinel-core/src/a.rs", "//! Why.\n"), []);
        assert_eq!(found("sentinel-core/src/a/tests.rs", "use core::fmt;\n"), []);
        assert_eq!(found("examples/a.rs", "use core::fmt;\n"), []);
    }

    #[test]
    fn the_core_is_free_of_std_and_unsafe_outside_tests_and_comments() {
        let core = "sentinel-core/src/a.rs";
        for bad in ["use std::fmt;", "unsafe { x() }", "fn f() {} // fine\nlet a = std::b;"] {
            assert_eq!(found(core, &format!("//! Why.\n{bad}\n")).len(), 1, "{bad}");
        }
        let good = "//! No `unsafe`.\n#![forbid(unsafe_code)]\n/// use std::fmt;\n\
                    #[cfg(test)]\nmod tests;\n";
        assert_eq!(found(core, good), []);
        assert_eq!(found(core, &format!("{good}use std::fmt;\n")).len(), 1);
        for attributes in ["#[cfg(test)]", "#[cfg(test)]\n#[rustfmt::skip]"] {
            let tests = format!("{good}{attributes}\nmod tests {{\nuse std::fmt;\n");
            assert_eq!(found(core, &tests), []);
        }
        assert_eq!(found("sentinel-linux/src/a.rs", "use std::fmt;\n"), []);
    }
}
