//! What the commands of the image do: count, search and sort, in files that they are given.
//!
//! They are called as elsewhere, and do a part of what those of that name do. None of them writes.
//!
//! | command | |
//! |---|---|
//! | `wc [-l] [-w] [-c] FILE…` | lines, words and bytes of each file, and of all |
//! | `fgrep [-c] [-i] [-l] [-n] [-r] TEXT FILE…` | lines in which the text stands |
//! | `sort [-n] [-r] [-u] FILE…` | the lines of all files in order |
//!
//! # Invariants
//! - What is wrong is said, with the file, and the code is not 0 then.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt::Write as _;

use luperiq_runtime::Start;
use luperiq_runtime::abi::Error;
use luperiq_runtime::call::Result;
use luperiq_runtime::command::Command;
use luperiq_runtime::files::Name;
use sentinel_core::order;

/// Files by their paths.
pub trait Files {
    /// Everything in a file.
    ///
    /// # Errors
    /// It is not there, or not given, or too long.
    fn read(&self, path: &str) -> Result<Vec<u8>>;

    /// What is in a directory.
    ///
    /// # Errors
    /// It is not there, or not given, or none.
    fn names(&self, path: &str) -> Result<Vec<Name>>;
}

impl Files for Command {
    fn read(&self, path: &str) -> Result<Vec<u8>> {
        Self::read(self, path, FILE_BYTES_MAX)
    }

    fn names(&self, path: &str) -> Result<Vec<Name>> {
        Self::names(self, path, NAMES_MAX)
    }
}

/// One of the commands: what it is told, its files, and where it says something; gives its code.
pub type Deed = fn(&[String], &dyn Files, &mut String) -> i32;

/// Runs a command.
#[must_use]
pub fn run(start: Start, deed: Deed) -> i32 {
    let Ok(mut command) = Command::of(start) else { return UNLIKE_A_COMMAND };
    let (words, mut said) = (core::mem::take(&mut command.words), String::new());
    let code = deed(&words, &command, &mut said);
    match command.say(said.as_bytes()).and_then(|()| command.flush()) {
        Ok(()) => code,
        Err(_) => UNLIKE_A_COMMAND,
    }
}

/// Lines, words and bytes.
pub fn wc(words: &[String], files: &dyn Files, out: &mut String) -> i32 {
    let Ok((options, paths)) = options(words, "lwc") else { return usage(out, WC) };
    if paths.is_empty() {
        return usage(out, WC);
    }
    let shows = |option| options.is_empty() || options.contains(option);
    let (mut code, mut all) = (0, [0; 3]);
    let show = |counts: [usize; 3], name: &str, out: &mut String| {
        for (count, option) in counts.into_iter().zip(['l', 'w', 'c']) {
            if shows(option) {
                let _ = write!(out, "{count} ");
            }
        }
        let _ = writeln!(out, "{name}");
    };
    for path in paths {
        match files.read(path) {
            Ok(content) => {
                let counts = counts(&content);
                all = [0, 1, 2].map(|place| all[place] + counts[place]);
                show(counts, path, out);
            }
            Err(error) => code = failed(out, "wc", path, error),
        }
    }
    if paths.len() > 1 {
        show(all, "total", out);
    }
    code
}

/// Lines with a text in them.
pub fn fgrep(words: &[String], files: &dyn Files, out: &mut String) -> i32 {
    let Ok((options, operands)) = options(words, "cilnr") else { return usage(out, FGREP) };
    let Some((text, paths)) = operands.split_first().filter(|(_, paths)| !paths.is_empty()) else {
        return usage(out, FGREP);
    };
    let is = |option| options.contains(option);
    let small = |line: &str| if is('i') { line.to_lowercase() } else { line.to_string() };
    let wanted = small(text);
    let mut open: Vec<(String, bool)> =
        paths.iter().rev().map(|path| (path.clone(), is('r'))).collect();
    let names_files = paths.len() > 1 || is('r');
    let (mut is_found, mut has_failed) = (false, false);
    while let Some((path, descends)) = open.pop() {
        let content = match files.read(&path) {
            Err(Error::NotFound) if descends => match files.names(&path) {
                Ok(mut names) => {
                    order::sort_by(&mut names, |one, other| other.name.cmp(&one.name));
                    let inner = |name: Name| (format!("{path}/{}", name.name), true);
                    open.extend(names.into_iter().map(inner));
                    continue;
                }
                Err(error) => Err(error),
            },
            outcome => outcome,
        };
        let content = match content {
            Ok(content) => content,
            Err(error) => {
                has_failed |= failed(out, "fgrep", &path, error) != 0;
                continue;
            }
        };
        let content = String::from_utf8_lossy(&content);
        let found = content.lines().enumerate().filter(|(_, line)| small(line).contains(&wanted));
        let start = if names_files { format!("{path}:") } else { String::new() };
        let mut count = 0;
        for (place, line) in found {
            count += 1;
            if is('c') || is('l') {
                continue;
            }
            let number = if is('n') { format!("{}:", place + 1) } else { String::new() };
            let _ = writeln!(out, "{start}{number}{line}");
        }
        is_found |= count > 0;
        if is('l') && count > 0 {
            let _ = writeln!(out, "{path}");
        } else if is('c') && !is('l') {
            let _ = writeln!(out, "{start}{count}");
        }
    }
    match (has_failed, is_found) {
        (true, _) => WRONG,
        (false, true) => 0,
        (false, false) => 1,
    }
}

/// Lines in order.
pub fn sort(words: &[String], files: &dyn Files, out: &mut String) -> i32 {
    let Ok((options, paths)) = options(words, "nru") else { return usage(out, SORT) };
    if paths.is_empty() {
        return usage(out, SORT);
    }
    let is = |option| options.contains(option);
    let (mut code, mut texts) = (0, Vec::new());
    for path in paths {
        match files.read(path) {
            Ok(content) => texts.push(String::from_utf8_lossy(&content).into_owned()),
            Err(error) => code = failed(out, "sort", path, error),
        }
    }
    let mut lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).collect();
    let compare = |one: &&str, other: &&str| {
        let by_number = match is('n') {
            true => number(one).cmp(&number(other)),
            false => Ordering::Equal,
        };
        let order = by_number.then_with(|| one.cmp(other));
        if is('r') { order.reverse() } else { order }
    };
    order::sort_by(&mut lines, compare);
    if is('u') {
        lines.dedup();
    }
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    code
}

/// The letters of options, which are among those that are known, and the rest.
fn options<'w>(
    words: &'w [String],
    known: &str,
) -> core::result::Result<(String, &'w [String]), ()> {
    let mut letters = String::new();
    for (place, word) in words.iter().enumerate() {
        let rest = words.get(place..).unwrap_or_default();
        match word.strip_prefix('-') {
            Some("-") => return Ok((letters, rest.get(1..).unwrap_or_default())),
            Some(found) if !found.is_empty() => {
                if !found.chars().all(|letter| known.contains(letter)) {
                    return Err(());
                }
                letters.push_str(found);
            }
            _ => return Ok((letters, rest)),
        }
    }
    Ok((letters, &[]))
}

fn counts(content: &[u8]) -> [usize; 3] {
    let lines = content.iter().filter(|byte| **byte == b'\n').count();
    let words = content.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
    [lines, words, content.len()]
}

/// The whole number that a line begins with; 0 if it begins with none.
fn number(line: &str) -> i64 {
    let line = line.trim_start();
    let (sign, digits) = match line.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, line),
    };
    let digits = digits.bytes().take_while(u8::is_ascii_digit);
    let number = digits.fold(0_i64, |number, digit| {
        number.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    sign * number
}

fn usage(out: &mut String, how: &str) -> i32 {
    let _ = writeln!(out, "usage: {how}");
    WRONG
}

fn failed(out: &mut String, who: &str, path: &str, error: Error) -> i32 {
    let why = match error {
        Error::NotFound => "there is no such file among those of this call",
        Error::TooLong => "it is too long",
        error => error.text(),
    };
    let _ = writeln!(out, "{who}: {path}: {why}");
    WRONG
}

const WC: &str = "wc [-l] [-w] [-c] FILE...";
const FGREP: &str = "fgrep [-c] [-i] [-l] [-n] [-r] TEXT FILE...: the text as it stands";
const SORT: &str = "sort [-n] [-r] [-u] FILE...";

/// Of a file; what a command says of it has to fit into its memory as well.
const FILE_BYTES_MAX: usize = 2 << 20;

/// More than a disk has files.
const NAMES_MAX: usize = 4096;

/// Something was wrong.
const WRONG: i32 = 2;

/// It was started otherwise than a command is.
const UNLIKE_A_COMMAND: i32 = 125;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Given(BTreeMap<&'static str, &'static str>);

    impl Files for Given {
        fn read(&self, path: &str) -> Result<Vec<u8>> {
            self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or(Error::NotFound)
        }

        fn names(&self, path: &str) -> Result<Vec<Name>> {
            let start = format!("{path}/");
            let found = self.0.keys().filter_map(|name| name.strip_prefix(start.as_str()));
            let names: Vec<Name> =
                found.map(|name| Name { name: name.to_string(), is_directory: false }).collect();
            if names.is_empty() { Err(Error::NotFound) } else { Ok(names) }
        }
    }

    fn run(deed: Deed, line: &str) -> (i32, String) {
        let files = [
            ("a.txt", "three lemons\nTea\n\ntwo lemons\n"),
            ("b.txt", "10 cups\n9 cups\n-1 cup\n9 cups\n"),
            ("docs/c.txt", "no lemons"),
        ];
        let words: Vec<String> = line.split(' ').map(String::from).collect();
        let mut out = String::new();
        let code = deed(&words, &Given(files.into()), &mut out);
        (code, out)
    }

    #[test]
    fn lines_words_and_bytes_are_counted() {
        for (line, expected) in [
            ("a.txt", "4 5 29 a.txt\n"),
            ("-l a.txt", "4 a.txt\n"),
            ("-wc a.txt", "5 29 a.txt\n"),
            ("-l -- a.txt b.txt", "4 a.txt\n4 b.txt\n8 total\n"),
            ("docs/c.txt", "0 2 9 docs/c.txt\n"),
        ] {
            assert_eq!(run(wc, line), (0, expected.into()), "{line}");
        }
        let (code, said) = run(wc, "none a.txt");
        assert_eq!(code, WRONG);
        assert!(said.starts_with("wc: none: there is no such file"), "{said}");
        for line in ["-x a.txt", "-l", "--lines a.txt"] {
            assert_eq!(run(wc, line), (WRONG, format!("usage: {WC}\n")), "{line}");
        }
    }

    #[test]
    fn lines_with_a_text_are_found() {
        for (line, code, expected) in [
            ("lemons a.txt", 0, "three lemons\ntwo lemons\n"),
            ("-n lemons a.txt", 0, "1:three lemons\n4:two lemons\n"),
            ("-c lemons a.txt b.txt", 0, "a.txt:2\nb.txt:0\n"),
            ("-l lemons a.txt b.txt", 0, "a.txt\n"),
            ("-i TEA a.txt", 0, "Tea\n"),
            ("TEA a.txt", 1, ""),
            ("-r lemons docs", 0, "docs/c.txt:no lemons\n"),
            ("-- -1 b.txt", 0, "-1 cup\n"),
        ] {
            assert_eq!(run(fgrep, line), (code, expected.into()), "{line}");
        }
        let (code, said) = run(fgrep, "lemons docs a.txt");
        assert!(code == WRONG && said.starts_with("fgrep: docs: "), "{said}");
        assert!(said.ends_with("a.txt:two lemons\n"), "the others are searched: {said}");
        assert_eq!(run(fgrep, "lemons").0, WRONG);
    }

    #[test]
    fn lines_are_sorted() {
        for (line, expected) in [
            ("a.txt", "\nTea\nthree lemons\ntwo lemons\n"),
            ("-r a.txt", "two lemons\nthree lemons\nTea\n\n"),
            ("b.txt", "-1 cup\n10 cups\n9 cups\n9 cups\n"),
            ("-nu b.txt", "-1 cup\n9 cups\n10 cups\n"),
        ] {
            assert_eq!(run(sort, line), (0, expected.into()), "{line}");
        }
        assert_eq!(number("99999999999999999999"), i64::MAX);
    }
}
