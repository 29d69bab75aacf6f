//! Where each letter of a message stands on a screen of so many columns.
//!
//! # Invariants
//! - No row reaches the last column: what a terminal does with the cursor there differs.
//!
//! # Not here
//! Moving the cursor.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;

use super::width::{Columns, is_mark};
use crate::channel::terminal::is_harmless;

/// A message as rows, and where the cursor is among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) rows: Vec<String>,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// Lays out `text`, whose cursor stands before the byte `cursor`.
pub(super) fn lay_out(text: &str, cursor: usize, columns: usize) -> Layout {
    let columns = columns.max(COLUMNS_MIN) - 1;
    let mut rows = Vec::from([String::from(PROMPT)]);
    let (mut width, mut before) = (PROMPT.len(), None);
    let mut place = None;
    for (at, cluster) in text.grapheme_indices(true) {
        let (shown, wide) = shown(cluster, before);
        before = cluster.chars().next_back();
        let is_break = cluster == "\n";
        if !is_break && width + wide > columns {
            rows.push(String::new());
            width = 0;
        }
        if at == cursor {
            place = Some((rows.len() - 1, width));
        }
        if is_break {
            rows.push(String::from(CONTINUED));
            width = CONTINUED.len();
        } else if let Some(row) = rows.last_mut() {
            row.push_str(&shown);
            width += wide;
        }
    }
    let (row, column) = place.unwrap_or((rows.len() - 1, width));
    Layout { rows, row, column }
}

/// What stands on the screen for what a person takes for one letter, and how many columns it has.
fn shown(cluster: &str, mut before: Option<char>) -> (String, usize) {
    let (mut shown, mut columns, mut escaped) = (String::new(), Columns::default(), 0);
    // A mark with nothing before it would stand on what is not its own.
    let is_alone = cluster.chars().next().is_some_and(is_mark);
    for letter in cluster.chars() {
        if is_harmless(letter, before) && letter != '\t' && !is_alone {
            shown.push(letter);
            columns.add(letter);
        } else {
            let from = shown.len();
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", letter.escape_unicode());
            escaped += shown.len() - from;
        }
        before = Some(letter);
    }
    (shown, columns.count() + escaped)
}

const PROMPT: &str = "> ";
/// What stands before the second line of a message and those after it.
const CONTINUED: &str = "  ";
/// On a screen that is narrower nothing can be read anyway.
const COLUMNS_MIN: usize = 16;
