//! Rules for every text file, whatever its language.

use super::Finding;

pub(super) fn check(path: &str, content: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_prose_or_code = [".rs", ".md", ".toml"].iter().any(|end| path.ends_with(end));
    for (number, line) in (1..).zip(content.lines()) {
        if is_prose_or_code && line.contains('\t') {
            findings.push(Finding::new(path, number, "a tab: use spaces"));
        }
        if is_prose_or_code && line.ends_with(char::is_whitespace) {
            findings.push(Finding::new(path, number, "whitespace at the end of the line"));
        }
        for folder in MACHINE_PATHS {
            if names_folder(line, folder) {
                let what = format!("`{folder}` is a path of one machine");
                findings.push(Finding::new(path, number, what));
            }
        }
    }
    let count = content.lines().count();
    if is_prose_or_code && count > LINES_MAX {
        let what = format!("{count} lines, more than {LINES_MAX}: this is two ideas, split it");
        findings.push(Finding::new(path, 0, what));
    }
    findings
}

/// Whether a line names this folder of the root, and not one of that name further down.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "_-.*})".contains(character))
    })
}

/// Written in pieces, because this file is checked too.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/tm", "p/wt"), concat!("/ho", "me/")];

/// What a reader can keep in mind as one idea.
const LINES_MAX: usize = 800;

#[cfg(test)]
mod tests {
    use super::*;

    fn first(path: &str, content: &str) -> Option<(usize, String)> {
        check(path, content).into_iter().next().map(|finding| (finding.line, finding.what))
    }

    #[test]
    fn whitespace_nobody_sees_is_found() {
        assert_eq!(first("a.rs", "ok\n\tx\n"), Some((2, "a tab: use spaces".into())));
        let end = "whitespace at the end of the line";
        assert_eq!(first("a.md", "x \n"), Some((1, end.into())));
        assert_eq!(first("a.toml", "x\r\n"), None);
        assert_eq!(first("Makefile", "\tx \n"), None);
    }

    #[test]
    fn a_path_of_one_machine_is_found_in_any_file() {
        for folder in MACHINE_PATHS {
            assert!(first("run.sh", &format!("cd {folder}x\n")).is_some(), "{folder}");
            assert_eq!(first("a.md", &format!("docs{folder}x\n")), None);
        }
    }

    #[test]
    fn a_file_of_two_ideas_is_found() {
        assert_eq!(first("a.rs", &"x\n".repeat(LINES_MAX)), None);
        let (line, what) = first("a.rs", &"x\n".repeat(LINES_MAX + 1)).unwrap();
        assert_eq!(line, 0);
        assert!(what.starts_with("801 lines"), "{what}");
    }
}
