//! A part of a file, as a model is shown it.
//!
//! # Invariants
//! - What is left out is said, with where to read on.

use alloc::format;
use alloc::string::{String, ToString};

/// Lines of a text from `offset`, counted from 1: `limit` of them, or as many as fit into
/// `bytes_max`. A note follows if there are more.
///
/// ```
/// use sentinel_core::tool::excerpt;
///
/// assert_eq!(excerpt("a\nb\nc\n", 2, Some(1), 100), "b\n[lines 2 to 2 of 3; go on at line 3]");
/// assert_eq!(excerpt("a\nb\n", 1, None, 100), "a\nb");
/// ```
#[must_use]
pub fn excerpt(text: &str, offset: u64, limit: Option<u64>, bytes_max: usize) -> String {
    let count = text.lines().count() as u64;
    if text.is_empty() {
        return "[the file is empty]".to_string();
    }
    if offset > count {
        return format!("[there is no line {offset}: the file has {count}]");
    }
    let skipped = usize::try_from(offset.saturating_sub(1)).unwrap_or(usize::MAX);
    let most = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut out = String::new();
    let mut last = offset.max(1) - 1;
    for line in text.lines().skip(skipped).take(most) {
        let room = bytes_max.saturating_sub(out.len());
        if line.len() > room && last >= offset.max(1) {
            break;
        }
        if last >= offset.max(1) {
            out.push('\n');
        }
        // A single line that is too long is shown as far as there is room.
        let shown = line.get(..line.floor_char_boundary(room)).unwrap_or_default();
        out.push_str(shown);
        last += 1;
        if shown.len() < line.len() {
            out.push_str(&format!(
                "\n[line {last} goes on for {} bytes]",
                line.len() - shown.len()
            ));
            break;
        }
    }
    if last < count {
        let (first, next) = (offset.max(1), last + 1);
        out.push_str(&format!("\n[lines {first} to {last} of {count}; go on at line {next}]"));
    }
    out
}

/// Whether bytes are a text: UTF-8, without a zero byte.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && core::str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_said() {
        let text = "one\ntwo\nthree\nfour";
        for (offset, limit, bytes_max, shown) in [
            (1, None, 100, "one\ntwo\nthree\nfour"),
            (1, Some(9), 100, "one\ntwo\nthree\nfour"),
            (0, Some(2), 100, "one\ntwo\n[lines 1 to 2 of 4; go on at line 3]"),
            (3, None, 100, "three\nfour"),
            (4, Some(1), 100, "four"),
            (5, None, 100, "[there is no line 5: the file has 4]"),
            (1, None, 8, "one\ntwo\n[lines 1 to 2 of 4; go on at line 3]"),
            (3, None, 2, "th\n[line 3 goes on for 3 bytes]\n[lines 3 to 3 of 4; go on at line 4]"),
        ] {
            assert_eq!(excerpt(text, offset, limit, bytes_max), shown, "{offset} {limit:?}");
        }
        assert_eq!(excerpt("", 1, None, 9), "[the file is empty]");
        assert_eq!(excerpt("\n\nx", 1, None, 9), "\n\nx");
    }

    #[test]
    fn bytes_that_are_no_text_are_known() {
        assert!(is_text("caf\u{e9}".as_bytes()) && is_text(b""));
        assert!(!is_text(b"a\0b") && !is_text(b"\xff\xfe"));
    }

    #[test]
    fn any_part_of_any_text_is_within_its_bound() {
        arbtest::arbtest(|u| {
            let (text, offset): (String, u64) = (u.arbitrary()?, u.int_in_range(0..=20)?);
            let bytes_max = u.int_in_range(0..=64)?;
            let limit = u.arbitrary()?;
            let shown = excerpt(&text, offset, limit, bytes_max);
            assert!(shown.len() <= bytes_max + 160, "{shown:?}");
            Ok(())
        });
    }
}
