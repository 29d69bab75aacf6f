//! Links in documents lead somewhere.
//!
//! Only links inside the repository: whether the rest of the world still stands is not our check.

use super::Finding;

/// Finds relative links whose file `exists` does not know; it is asked with paths from the root.
pub(super) fn check(path: &str, content: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_in_fence = false;
    for (number, line) in (1..).zip(content.lines()) {
        if line.trim_start().starts_with("```") {
            is_in_fence = !is_in_fence;
        }
        if is_in_fence {
            continue;
        }
        for link in links(line) {
            let broken = match resolve(path, link) {
                None => Some(format!("`{link}` leaves the repository")),
                Some(target) if target.is_empty() || exists(&target) => None,
                Some(_) => Some(format!("`{link}` leads to no file")),
            };
            findings.extend(broken.map(|what| Finding::new(path, number, what)));
        }
    }
    findings
}

/// The relative targets of a line: what follows `](` or, for a definition, `]: `.
fn links(line: &str) -> impl Iterator<Item = &str> {
    // Every other piece between backticks is code, where brackets mean something else.
    let inline = line
        .split('`')
        .step_by(2)
        .flat_map(|prose| prose.match_indices("](").map(|(start, _)| &prose[start + 2..]))
        .filter_map(|rest| rest.split([')', ' ']).next());
    let definition = line.strip_prefix('[').and_then(|line| line.split_once("]: "));
    let definition = definition.map(|(_, target)| target.trim());
    inline.chain(definition).filter(|target| is_relative(target))
}

fn is_relative(target: &str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:") && !target.starts_with('#')
}

/// The path from the root that a link in `path` means, without its anchor.
fn resolve(path: &str, link: &str) -> Option<String> {
    let link = link.split('#').next().unwrap_or(link);
    let (mut parts, link) = match link.strip_prefix('/') {
        Some(from_root) => (Vec::new(), from_root),
        None => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            (folder.split('/').filter(|part| !part.is_empty()).collect(), link)
        }
    };
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, content: &str) -> Vec<usize> {
        let exists = |target: &str| ["README.md", "docs/a.md", "docs"].contains(&target);
        check(path, content, exists).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn links_are_read_from_where_their_file_stands() {
        assert_eq!(broken("README.md", "[a](docs/a.md) [b](./docs/) [c](docs/a.md#part)"), []);
        assert_eq!(broken("docs/b.md", "[a](a.md) [up](../README.md) [root](/README.md)"), []);
        assert_eq!(broken("docs/b.md", "x\n[a](docs/a.md)\n"), [2]);
    }

    #[test]
    fn dead_links_are_found_in_every_form() {
        assert_eq!(broken("README.md", "see [a](gone.md)"), [1]);
        assert_eq!(broken("README.md", "see [`a`](gone.md)"), [1]);
        assert_eq!(broken("README.md", "[a]: gone.md"), [1]);
        assert_eq!(broken("README.md", "![a](gone.png \"title\")"), [1]);
        assert_eq!(broken("docs/b.md", "[a](../../a.md)"), [1]);
    }

    #[test]
    fn the_world_outside_and_code_are_not_links_of_ours() {
        let outside = "[a](https://example.com/gone) [b](mailto:a@example.com) [c](#here)";
        assert_eq!(broken("README.md", outside), []);
        assert_eq!(broken("README.md", "`x[0](gone)`\n```\n[a](gone.md)\n```\n"), []);
    }
}
