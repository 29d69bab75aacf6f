//! Every dependency is a decision that is written down; what reads and judges takes none.

use super::Finding;

/// Where the decisions are written down.
pub(super) const DOCUMENT: &str = "docs/DEPENDENCIES.md";

/// Compares the versions in the root manifest with the rows of the document.
pub(super) fn documented(manifest: &str, document: &str) -> Vec<Finding> {
    let used: Vec<(usize, &str)> = foreign_dependencies(manifest).collect();
    let rows: Vec<(usize, Vec<&str>)> = rows(document).collect();
    let mut findings = Vec::new();
    for (line, name) in &used {
        if !rows.iter().any(|(_, cells)| cells.first() == Some(name)) {
            let what = format!("`{name}` has no row in {DOCUMENT}");
            findings.push(Finding::new("Cargo.toml", *line, what));
        }
    }
    for (line, cells) in &rows {
        let name = cells.first().copied().unwrap_or_default();
        if !used.iter().any(|(_, used)| *used == name) {
            let what = format!("`{name}` is no dependency any more");
            findings.push(Finding::new(DOCUMENT, *line, what));
        }
        if cells.len() != COLUMNS || cells.iter().any(|cell| cell.is_empty()) {
            let what = format!("`{name}` needs {COLUMNS} cells, none empty");
            findings.push(Finding::new(DOCUMENT, *line, what));
        }
    }
    findings
}

/// Reads `cargo tree --prefix none` of the core's parsers and judge: one line, the core itself.
pub(super) fn none_in_core(tree: &str) -> Vec<Finding> {
    tree.lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let what = format!("parsers and judge of the core take no dependencies, but: {line}");
            Finding::new("sentinel-core/Cargo.toml", 0, what)
        })
        .collect()
}

/// The entries of `[workspace.dependencies]` that are not folders of this repository.
fn foreign_dependencies(manifest: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_inside = false;
    (1..).zip(manifest.lines()).filter_map(move |(number, line)| {
        if line.starts_with('[') {
            is_inside = line.trim_end() == "[workspace.dependencies]";
            // The long form: a table of its own for one dependency.
            let name = line.strip_prefix("[workspace.dependencies.")?.split(']').next()?;
            return Some((number, name));
        }
        let (name, value) = line.split_once('=')?;
        let is_entry = is_inside && !line.starts_with(['#', ' ']) && !value.contains("path =");
        is_entry.then_some((number, name.trim()))
    })
}

/// The cells of every row below a table's dashes, the name without its backticks.
fn rows(document: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    let mut is_below_dashes = false;
    (1..).zip(document.lines()).filter_map(move |(number, line)| {
        let Some(row) = line.trim().strip_prefix('|') else {
            is_below_dashes = false;
            return None;
        };
        let row = row.strip_suffix('|').unwrap_or(row);
        if row.chars().all(|character| "-:| ".contains(character)) {
            is_below_dashes = true;
            return None;
        }
        let cells = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        is_below_dashes.then_some((number, cells))
    })
}

/// Crate, need, instead of, cost, unsafe, who maintains it.
const COLUMNS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace]\nresolver = \"3\"\n[workspace.dependencies]\n\
        sentinel-core = { path = \"sentinel-core\" }\n# why\nhttparse = \"1\"\n\
        [workspace.dependencies.sha2]\nversion = \"1\"\n[profile.release]\nlto = \"fat\"\n";
    const HEAD: &str = "| crate | a | b | c | d | e |\n|---|---|---|---|---|---|\n";
    const ROWS: &str = "| `httparse` | a | b | c | d | e |\n| `sha2` | a | b | c | d | e |\n";

    fn lines(manifest: &str, document: &str) -> Vec<String> {
        documented(manifest, document).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_dependency_without_a_row_is_found() {
        assert_eq!(lines(MANIFEST, &format!("{HEAD}{ROWS}")), [""; 0]);
        let missing = ["`httparse` has no row", "`sha2` has no row"];
        for (found, missing) in lines(MANIFEST, HEAD).iter().zip(missing) {
            assert!(found.contains(missing), "{found}");
        }
        assert_eq!(lines(MANIFEST, HEAD).len(), 2);
    }

    #[test]
    fn a_row_without_a_dependency_or_with_gaps_is_found() {
        let stale = lines(MANIFEST, &format!("{HEAD}{ROWS}| `nom` | a | b | c | d | e |\n"));
        assert_eq!(stale, ["docs/DEPENDENCIES.md:5: `nom` is no dependency any more"]);
        let gap = lines(MANIFEST, &format!("{HEAD}{}", ROWS.replacen("| d |", "| |", 1)));
        assert_eq!(gap, ["docs/DEPENDENCIES.md:3: `httparse` needs 6 cells, none empty"]);
    }

    #[test]
    fn any_dependency_of_the_core_is_found() {
        let alone = "sentinel-core v0.1.0 (/x/sentinel-core)\n";
        assert_eq!(none_in_core(alone), []);
        let found = none_in_core(&format!("{alone}memchr v2.7.0\n"));
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("memchr v2.7.0"));
    }
}
