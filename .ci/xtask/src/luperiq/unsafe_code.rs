//! `cargo xtask luperiq unsafe`: where kernel and runtime do what the compiler cannot check.
//!
//! # Invariants
//! - Only files in the list may; a file that is not in it, and a row that is not needed, both fail.
//!
//! # Not here
//! Whether each block is argued: clippy's `undocumented_unsafe_blocks` sees to that.

use crate::error::Error;
use crate::workspace::Workspace;

/// Prints how many places there are, by file.
pub(super) fn report(workspace: &Workspace) -> Result<(), Error> {
    let mut total = 0;
    for (path, count) in counts(workspace)? {
        println!("{count:>5}  {path}");
        total += count;
    }
    println!("{total:>5}  together");
    Ok(())
}

/// Fails where `unsafe` stands and may not, and where it may and does not.
pub(super) fn check(workspace: &Workspace) -> Result<(), Error> {
    let counts = counts(workspace)?;
    let is_allowed = |path: &str| ALLOWED.iter().any(|allowed| path.starts_with(allowed));
    if let Some((path, _)) = counts.iter().find(|(path, _)| !is_allowed(path)) {
        return Err(Error::new(format!("{path} has `unsafe` and is not in the list"))
            .help("docs/LUPERIQ.md says where it may stand"));
    }
    match ALLOWED.iter().find(|allowed| !counts.iter().any(|(path, _)| path.starts_with(**allowed)))
    {
        None => Ok(()),
        Some(stale) => Err(Error::new(format!("nothing at {stale} needs `unsafe` any more"))),
    }
}

fn counts(workspace: &Workspace) -> Result<Vec<(String, usize)>, Error> {
    let is_ours = |path: &String| path.starts_with("sentinel-luperiq/") && path.ends_with(".rs");
    let mut counts = Vec::new();
    for path in workspace.files()?.into_iter().filter(is_ours) {
        let count = count(&workspace.read(&path)?);
        if count > 0 {
            counts.push((path, count));
        }
    }
    Ok(counts)
}

/// How many blocks, functions, implementations and foreign declarations are `unsafe`.
fn count(source: &str) -> usize {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.map(|line| KINDS.iter().map(|kind| line.matches(kind).count()).sum::<usize>()).sum()
}

const KINDS: [&str; 5] =
    ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "#[unsafe(no_mangle)]"];

const ALLOWED: [&str; 15] = [
    "sentinel-luperiq/hash/src/lib.rs",
    "sentinel-luperiq/kernel/src/arch/",
    "sentinel-luperiq/kernel/src/boot.rs",
    "sentinel-luperiq/kernel/src/console.rs",
    "sentinel-luperiq/kernel/src/device/register.rs",
    "sentinel-luperiq/kernel/src/device/shared.rs",
    "sentinel-luperiq/kernel/src/exclusive.rs",
    "sentinel-luperiq/kernel/src/frames.rs",
    "sentinel-luperiq/kernel/src/kernel.rs",
    "sentinel-luperiq/kernel/src/memory/",
    "sentinel-luperiq/kernel/src/report.rs",
    "sentinel-luperiq/kernel/src/selftest.rs",
    "sentinel-luperiq/runtime/src/call.rs",
    "sentinel-luperiq/runtime/src/heap.rs",
    "sentinel-luperiq/runtime/src/lib.rs",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_counts_and_comments_do_not() {
        let code = "let a = unsafe { x() }; // unsafe { y }\nunsafe impl A for B {}\n";
        let others = "// unsafe {\n#![deny(unsafe_code)]\n";
        assert_eq!((count(code), count(others)), (2, 0));
    }
}
