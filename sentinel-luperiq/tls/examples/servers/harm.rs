//! What a model asks for that does its worst: `harm.txt`, of which nothing is granted.

use crate::chat::Made;

/// The calls, in their order.
pub(crate) fn calls() -> Vec<Made> {
    let lines = SCENARIO.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').expect("a tool, a space, its arguments")).collect()
}

const SCENARIO: &str = include_str!("harm.txt");
