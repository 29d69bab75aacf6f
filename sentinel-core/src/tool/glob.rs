//! Patterns for paths: `*.rs`, `docs/**/*.md`, `src/?ain.rs`.
//!
//! `*` is any number of characters of one name, `?` one of them, and `**` as a whole name any
//! number of directories. A pattern without `/` is about the last name of a path alone. Everything
//! else means itself.
//!
//! # Invariants
//! - The time of a match is at most the product of both lengths: a pattern of many stars is no more
//!   than that.

/// A pattern.
///
/// ```
/// use sentinel_core::tool::Glob;
///
/// assert!(Glob::new("*.rs").matches("src/main.rs"));
/// assert!(Glob::new("docs/**/*.md").matches("docs/guide.md"));
/// assert!(Glob::new("docs/**/*.md").matches("docs/a/b/guide.md"));
/// assert!(!Glob::new("docs/*.md").matches("docs/a/guide.md"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Glob<'p> {
    pattern: &'p str,
}

impl<'p> Glob<'p> {
    /// Every text is a pattern.
    #[must_use]
    pub const fn new(pattern: &'p str) -> Self {
        Self { pattern }
    }

    /// Whether it means a path, whose names are separated by `/`.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let pattern = self.pattern.strip_prefix("./").unwrap_or(self.pattern);
        if !pattern.contains('/') {
            let name = path.rsplit('/').next().unwrap_or(path);
            return name_matches(pattern, name);
        }
        let mut wanted = Names(Some(pattern));
        let mut found = Names(Some(path));
        // Where to go on after the last `**` if it has to stand for one name more.
        let mut again: Option<(Names<'_>, Names<'_>)> = None;
        loop {
            let before = found;
            match (wanted.next(), found.next()) {
                (Some("**"), name) => {
                    let mut more = before;
                    more.next();
                    again = name.map(|_| (wanted, more));
                    found = before;
                    if wanted.0.is_none() {
                        return true;
                    }
                    continue;
                }
                (Some(pattern), Some(name)) if name_matches(pattern, name) => continue,
                (None, None) => return true,
                _ => {}
            }
            let Some((pattern, names)) = again else { return false };
            (wanted, found) = (pattern, names);
            let mut more = names;
            again = more.next().map(|_| (pattern, more));
        }
    }
}

/// The names of a path that are still to come.
#[derive(Clone, Copy)]
struct Names<'p>(Option<&'p str>);

impl<'p> Iterator for Names<'p> {
    type Item = &'p str;

    fn next(&mut self) -> Option<&'p str> {
        let rest = self.0?;
        let (name, rest) =
            rest.split_once('/').map_or((rest, None), |(name, rest)| (name, Some(rest)));
        self.0 = rest;
        Some(name)
    }
}

/// Whether a pattern without `/` means a name.
fn name_matches(pattern: &str, name: &str) -> bool {
    let (mut wanted, mut found) = (pattern.chars(), name.chars());
    let mut again = None;
    loop {
        let before = found.clone();
        match (wanted.next(), found.next()) {
            (Some('*'), character) => {
                let mut more = before.clone();
                more.next();
                again = character.map(|_| (wanted.clone(), more));
                found = before;
                if wanted.as_str().is_empty() {
                    return true;
                }
                continue;
            }
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(found)) if wanted == found => continue,
            (None, None) => return true,
            _ => {}
        }
        let Some((pattern, names)) = again else { return false };
        let mut more = names.clone();
        (wanted, found) = (pattern.clone(), names);
        again = more.next().map(|_| (pattern, more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pattern_means() {
        for (pattern, path, is_meant) in [
            ("*.rs", "main.rs", true),
            ("*.rs", "a/b/main.rs", true),
            ("*.rs", "main.rs.bak", false),
            ("m?in.rs", "main.rs", true),
            ("m?in.rs", "min.rs", false),
            ("*", "anything", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "a--b--b-c", true),
            ("a*b*c", "a--b--b-d", false),
            ("docs/*.md", "docs/a.md", true),
            ("docs/*.md", "docs/x/a.md", false),
            ("./docs/*.md", "docs/a.md", true),
            ("docs/**", "docs/x/y", true),
            ("docs/**", "other/x", false),
            ("**/a.md", "a.md", true),
            ("**/a.md", "x/y/a.md", true),
            ("**/x/*.md", "a/x/b/x/c.md", true),
            ("**/x/*.md", "a/x/b/c.md", false),
            ("a/**/b/**/c", "a/b/c", true),
            ("a/**/b/**/c", "a/1/b/2/3/c", true),
            ("a/**/b/**/c", "a/1/2/c", false),
            ("[a].md", "[a].md", true),
            ("[a].md", "a.md", false),
            ("caf\u{e9}?", "caf\u{e9}s", true),
        ] {
            assert_eq!(Glob::new(pattern).matches(path), is_meant, "{pattern} {path}");
        }
    }

    /// Against the rules written out: one star less, or one letter more behind it.
    fn plainly(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                plainly(rest, name) || !name.is_empty() && plainly(pattern, &name[1..])
            }
            (['?', rest @ ..], [_, names @ ..]) => plainly(rest, names),
            ([wanted, rest @ ..], [found, names @ ..]) => wanted == found && plainly(rest, names),
            _ => false,
        }
    }

    #[test]
    fn any_pattern_means_what_the_rules_say() {
        arbtest::arbtest(|u| {
            let letters = ['a', 'b', '*', '?'];
            let mut pattern = alloc::vec::Vec::new();
            let mut name = alloc::vec::Vec::new();
            for _ in 0..u.int_in_range(0..=8)? {
                pattern.push(*u.choose(&letters)?);
            }
            for _ in 0..u.int_in_range(0..=8)? {
                name.push(*u.choose(&letters[..2])?);
            }
            let text = |letters: &[char]| letters.iter().collect::<alloc::string::String>();
            let is_meant = Glob::new(&text(&pattern)).matches(&text(&name));
            assert_eq!(is_meant, plainly(&pattern, &name), "{pattern:?} {name:?}");
            Ok(())
        });
    }

    #[test]
    fn many_stars_cost_little() {
        let pattern = "*a".repeat(2000) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(4000)));
        let pattern = "**/a/".repeat(500) + "b";
        assert!(!Glob::new(&pattern).matches(&"a/".repeat(1000)));
    }
}
