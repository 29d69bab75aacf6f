//! `cargo xtask tidy`: the house rules that a machine can see.
//!
//! Every check is a function from text to findings, so it is tested with small texts that break it.
//!
//! # Invariants
//! - All findings are printed, not only the first: they are mended in one go.
//!
//! # Not here
//! What rustfmt and clippy already say.

mod dependencies;
mod links;
mod source;
mod text;
mod tree;

use std::fmt;

use crate::error::Error;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<(), Error> {
    let files = workspace.files()?;
    let mut findings = tree::top_level(&files);
    for path in files.iter().filter(|path| is_ours(path)) {
        let bytes = std::fs::read(workspace.root().join(path))
            .map_err(|cause| Error::file("read", path.as_ref(), &cause))?;
        // What is not text has no lines to look at.
        let Ok(content) = String::from_utf8(bytes) else { continue };
        findings.extend(text::check(path, &content));
        if path.ends_with(".rs") {
            findings.extend(source::check(path, &content));
        }
        if path.ends_with(".md") {
            findings.extend(links::check(path, &content, |target| workspace.has(target)));
        }
    }
    let manifest = workspace.read("Cargo.toml")?;
    let table = workspace.read(dependencies::DOCUMENT)?;
    findings.extend(dependencies::documented(&manifest, &table));
    let tree = workspace
        .cargo(["tree", "-p", "sentinel-core", "-e", "normal,build", "--no-default-features"])
        .args(["--features", "llm,policy", "--target", "all", "--prefix", "none"])
        .output()?;
    findings.extend(dependencies::none_in_core(&tree));
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("{} files are tidy", files.len());
            Ok(())
        }
        count => Err(Error::new(format!("{count} places break a house rule"))
            .help("the rules with their reasons: docs/CONTRIBUTING.md")),
    }
}

/// Inputs of tests look as the test needs them; only what we write has to be tidy.
fn is_ours(path: &str) -> bool {
    !["fuzz/seeds/", "tests/data/"].iter().any(|folder| path.contains(folder))
        && path != "Cargo.lock"
}

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Counted from 1; 0 when the file as a whole is meant.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.path, self.what),
            line => write!(formatter, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Whether `word` stands in `line` on its own, not as part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let joins = |inside: Option<char>, outside: Option<char>| {
            inside.is_some_and(is_part) && outside.is_some_and(is_part)
        };
        !joins(word.chars().next(), before) && !joins(word.chars().next_back(), after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_found_inside_a_longer_one() {
        assert!(has_word("unsafe { x }", "unsafe"));
        assert!(!has_word("#![forbid(unsafe_code)]", "unsafe"));
        assert!(has_word("use std::fmt;", "std::"));
        assert!(!has_word("mystd::fmt", "std::"));
        assert!(has_word("mystd::a, std::b", "std::"));
    }

    #[test]
    fn a_finding_shows_where_it_is() {
        assert_eq!(Finding::new("a.rs", 3, "long").to_string(), "a.rs:3: long");
        assert_eq!(Finding::new("a.rs", 0, "long").to_string(), "a.rs: long");
    }

    #[test]
    fn test_inputs_may_look_as_they_need_to() {
        assert!(!is_ours("fuzz/seeds/toml/tabs.toml"));
        assert!(is_ours("fuzz/fuzz_targets/toml.rs"));
    }
}
