//! The tree is the architecture, so a new name at its top is a decision, not an accident.

use super::Finding;

/// Finds every name at the top of the repository that is not in the list.
pub(super) fn top_level(files: &[String]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files
        .iter()
        .map(|path| path.split_once('/').map_or(path.as_str(), |(top, _)| top))
        .filter(|top| !top.starts_with('.') && !TOP_LEVEL.contains(top))
        .map(|top| Finding::new(top, 0, "no such name at the top of the tree: move or ignore it"))
        .collect();
    findings.dedup();
    findings
}

/// Helpers of developers go to hidden folders, which need no row here.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "docs",
    "examples",
    "fuzz",
    "sentinel-core",
    "sentinel-linux",
    "sentinel-luperiq",
    "sentinel-skill-abi",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_at_the_top_is_found_once() {
        let files = ["Cargo.toml", ".ci/run", "docs/a.md", "scripts/a.sh", "scripts/b.sh"];
        let findings = top_level(&files.map(String::from));
        let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["scripts"]);
    }
}
