//! How large the program is, and of how many crates it is made.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::table::Row;

/// The file as it is given out, and the crates of its tree.
pub(crate) fn size(binary: &Path) -> io::Result<Vec<Row>> {
    let megabytes = std::fs::metadata(binary)?.len() as f64 / 1e6;
    let row = match is_static(&std::fs::read(binary)?) {
        true => Row::at_most("program, static", megabytes, 4.0, "MB", "4.0 MB"),
        false => Row::at_most("program, dynamic", megabytes, 3.0, "MB", "3.0 MB"),
    };
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let tree = ["tree", "-p", "sentinel-linux", "-e", "normal", "--prefix", "none"];
    let output = Command::new(cargo).args(tree).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let crates: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|it| !it.is_empty())
        .collect();
    let count = crates.len();
    Ok(vec![
        row,
        Row {
            what: "crates in its tree, itself included".into(),
            figure: count.to_string(),
            goal: Some("60"),
            is_met: (1..=60).contains(&count),
        },
    ])
}

/// Whether a 64-bit little-endian ELF file names no interpreter that has to load others with it.
fn is_static(bytes: &[u8]) -> bool {
    let number = |at: usize, length: usize| {
        let field = bytes.get(at..at.saturating_add(length)).unwrap_or_default();
        field.iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(0x20, 8), number(0x36, 2), number(0x38, 2));
    let mut kinds = (0..count).map(|index| number(table.saturating_add(index * size), 4));
    count > 0 && !kinds.any(|kind| kind == PT_INTERP)
}

/// From the System V ABI, chapter "Program Header".
const PT_INTERP: usize = 3;
