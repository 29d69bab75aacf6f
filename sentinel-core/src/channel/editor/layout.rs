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
    let (mut shown, mut wide) = (String::new(), 0);
    for letter in cluster.chars() {
        if is_harmless(letter, before) && letter != '\t' {
            shown.push(letter);
            wide = wide.max(columns_of(letter));
        } else {
            let from = shown.len();
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", letter.escape_unicode());
            wide += shown.len() - from;
        }
        before = Some(letter);
    }
    (shown, wide)
}

/// How many columns terminals give to a letter: two to those of East Asia and to pictures.
fn columns_of(letter: char) -> usize {
    match letter {
        '\u{1100}'..='\u{115f}'
        | '\u{231a}'..='\u{231b}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe0f}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff01}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

const PROMPT: &str = "> ";
/// What stands before the second line of a message and those after it.
const CONTINUED: &str = "  ";
/// On a screen that is narrower nothing can be read anyway.
const COLUMNS_MIN: usize = 16;
