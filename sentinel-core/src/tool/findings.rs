//! What a search finds and a listing shows, as a model is told of it.
//!
//! Every host reads files in its own way; what counts as found and how much of it is given back is
//! the same on all of them.
//!
//! # Invariants
//! - What is given back is bounded, and says so where something is missing.
//!
//! # Not here
//! Which files there are, and reading them: the shell.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Glob, is_text};
use crate::limits::{
    TOOL_FOUND_BYTES_MAX, TOOL_FOUND_LINE_BYTES_MAX, TOOL_FOUND_LINES_MAX, TOOL_LISTED_COUNT_MAX,
};

/// What a search has found so far.
///
/// ```
/// use sentinel_core::tool::Findings;
///
/// let mut findings = Findings::new(Some("door".into()), Some("*.md".into()));
/// assert!(findings.wants("docs/house.md") && !findings.wants("house.rs"));
/// findings.content("docs/house.md", b"A house.\nIt has a door.\n");
/// assert_eq!(findings.report(), "docs/house.md:2: It has a door.");
/// ```
#[derive(Debug)]
pub struct Findings {
    text: Option<String>,
    glob: Option<String>,
    lines: Vec<String>,
    bytes_count: usize,
    unread_count: usize,
    /// Whether something was not looked at.
    is_cut: bool,
    is_full: bool,
}

impl Findings {
    /// Nothing yet, for a text in files, a pattern for their paths, or both.
    #[must_use]
    pub fn new(text: Option<String>, glob: Option<String>) -> Self {
        let (lines, bytes_count, unread_count) = (Vec::new(), 0, 0);
        let (is_cut, is_full) = (false, false);
        Self { text, glob, lines, bytes_count, unread_count, is_cut, is_full }
    }

    /// Whether a file of this path is looked at.
    #[must_use]
    pub fn wants(&self, path: &str) -> bool {
        self.glob.as_deref().is_none_or(|glob| Glob::new(glob).matches(path))
    }

    /// Whether what is in files matters, and not their paths alone.
    #[must_use]
    pub const fn wants_content(&self) -> bool {
        self.text.is_some()
    }

    /// A file is there that is wanted for its path.
    pub fn path(&mut self, path: &str) {
        self.tell(path.into());
    }

    /// What is in a file that is wanted.
    pub fn content(&mut self, path: &str, content: &[u8]) {
        let Some(text) = self.text.clone().filter(|_| is_text(content)) else { return };
        let Ok(content) = core::str::from_utf8(content) else { return };
        let lines = content.lines().enumerate().filter(|(_, line)| line.contains(&text));
        for (index, line) in lines.take(TOOL_FOUND_LINES_MAX) {
            let shown = line.trim_end();
            let end = shown.floor_char_boundary(TOOL_FOUND_LINE_BYTES_MAX);
            let shown = shown.get(..end).unwrap_or_default();
            self.tell(format!("{path}:{}: {shown}", index + 1));
        }
    }

    /// A file or a directory could not be read.
    pub const fn unread(&mut self) {
        self.unread_count += 1;
    }

    /// Something was not looked at.
    pub const fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Whether nothing more is to be looked at.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.is_full
    }

    /// All of it, for the model.
    #[must_use]
    pub fn report(&mut self) -> String {
        let mut lines = core::mem::take(&mut self.lines);
        if lines.is_empty() {
            lines.push("[nothing was found]".into());
        }
        if self.unread_count > 0 {
            lines.push(format!("[{} files or directories could not be read]", self.unread_count));
        }
        if self.is_cut || self.is_full {
            lines.push("[there is more: search for less, or in a smaller directory]".into());
        }
        lines.join("\n")
    }

    fn tell(&mut self, line: String) {
        self.bytes_count += line.len() + 1;
        if self.bytes_count > TOOL_FOUND_BYTES_MAX {
            self.is_full = true;
        } else {
            self.lines.push(line);
        }
    }
}

/// The lines of a listing. `is_cut` says that the directory holds more than these.
#[must_use]
pub fn listing(mut lines: Vec<String>, is_cut: bool) -> String {
    if lines.is_empty() {
        return "[the directory is empty]".into();
    }
    let rest = lines.len().saturating_sub(TOOL_LISTED_COUNT_MAX);
    lines.truncate(TOOL_LISTED_COUNT_MAX);
    if rest > 0 {
        let most = if is_cut { " at least" } else { "" };
        lines.push(format!("[and {rest} more{most}]"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_bounded_and_says_so() {
        let mut findings = Findings::new(Some("x".into()), None);
        let line = format!("{}\n", "x".repeat(2 * TOOL_FOUND_LINE_BYTES_MAX));
        let file = line.repeat(TOOL_FOUND_LINES_MAX + 1);
        findings.content("a", file.as_bytes());
        assert_eq!(findings.lines.len(), TOOL_FOUND_LINES_MAX);
        assert!(findings.lines.iter().all(|line| line.len() < TOOL_FOUND_LINE_BYTES_MAX + 10));
        while !findings.is_full() {
            findings.content("a", file.as_bytes());
        }
        let report = findings.report();
        assert!(report.len() < TOOL_FOUND_BYTES_MAX + 100);
        assert!(report.ends_with("[there is more: search for less, or in a smaller directory]"));
    }

    #[test]
    fn what_was_not_read_is_counted() {
        let mut findings = Findings::new(None, Some("*.rs".into()));
        assert!(!findings.wants_content());
        findings.unread();
        assert_eq!(
            findings.report(),
            "[nothing was found]\n[1 files or directories could not be read]"
        );
        findings.content("a", b"no text was wanted");
        findings.path("main.rs");
        findings.cut();
        assert!(findings.report().starts_with("main.rs\n["));
    }

    #[test]
    fn a_long_listing_is_cut() {
        assert_eq!(listing(Vec::new(), false), "[the directory is empty]");
        assert_eq!(listing(["a".into(), "b/".into()].into(), false), "a\nb/");
        let many = alloc::vec![String::from("a"); TOOL_LISTED_COUNT_MAX + 3];
        assert!(listing(many.clone(), false).ends_with("\na\n[and 3 more]"));
        assert!(listing(many, true).ends_with("\na\n[and 3 more at least]"));
    }
}
