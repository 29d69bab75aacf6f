//! The name that was probably meant.
//!
//! A model that is told "did you mean 'path'?" mends its call in one round; one that is told "no"
//! guesses on.
//!
//! # Invariants
//! - Time and memory are bounded whatever the names: words longer than a name may be are not
//!   compared.
//!
//! # Not here
//! Taking the suggestion. A call with a wrong name is refused, never run as something else.

use crate::limits::SUGGEST_WORD_BYTES_MAX;

/// The candidate that `word` is most likely a slip of, the first of equals.
///
/// ```
/// use sentinel_core::text::suggest::nearest;
///
/// assert_eq!(nearest("chekc", ["check", "show"]), Some("check"));
/// assert_eq!(nearest("weather", ["check", "show"]), None);
/// ```
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.is_empty() || word.len() > SUGGEST_WORD_BYTES_MAX {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| Some((slips(word, candidate)?, candidate)))
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// How many slips lie between the two, if they are few enough for their length.
fn slips(word: &str, candidate: &str) -> Option<usize> {
    if candidate.is_empty() || candidate.len() > SUGGEST_WORD_BYTES_MAX {
        return None;
    }
    if shares_a_part(word, candidate) {
        return Some(1);
    }
    let slips_max = (candidate.len().max(word.len()) / 3).max(1);
    let slips = distance(word.as_bytes(), candidate.as_bytes());
    (slips <= slips_max).then_some(slips)
}

/// Whether all parts of one stand in the other: `file_path` and `path`, `readFile` and `read_file`.
fn shares_a_part(word: &str, candidate: &str) -> bool {
    let is_among = |part: &str, whole: &str| {
        whole.split(['_', '-']).any(|other| other.eq_ignore_ascii_case(part))
    };
    let is_short_for = |short: &str, long: &str| {
        short.len() >= PREFIX_BYTES_MIN
            && letters(short).eq(letters(long).take(letters(short).count()))
    };
    letters(word).eq(letters(candidate))
        || is_short_for(word, candidate)
        || is_short_for(candidate, word)
        || word.split(['_', '-']).all(|part| is_among(part, candidate))
        || candidate.split(['_', '-']).all(|part| is_among(part, word))
}

/// What is left of a name without separators and case.
fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase())
}

/// Letters put in, left out, exchanged or swapped with their neighbour, case aside.
fn distance(a: &[u8], b: &[u8]) -> usize {
    const WIDTH: usize = SUGGEST_WORD_BYTES_MAX + 1;
    let (mut before_last, mut last, mut row) = ([0; WIDTH], [0; WIDTH], [0; WIDTH]);
    for (index, cell) in last.iter_mut().enumerate() {
        *cell = index;
    }
    for (i, &from) in a.iter().enumerate() {
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let is_same = from.eq_ignore_ascii_case(&to);
            let mut best = (last[j] + usize::from(!is_same)).min(last[j + 1] + 1).min(row[j] + 1);
            let is_swap = i > 0
                && j > 0
                && a[i - 1].eq_ignore_ascii_case(&to)
                && from.eq_ignore_ascii_case(&b[j - 1]);
            if is_swap {
                best = best.min(before_last[j - 1] + 1);
            }
            row[j + 1] = best;
        }
        before_last = last;
        last = row;
    }
    last[b.len()]
}

/// Fewer letters begin too many names.
const PREFIX_BYTES_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let names = ["read_file", "write_file", "list_directory", "http_fetch", "plan"];
        for (word, meant) in [
            ("read_fiel", Some("read_file")),
            ("readFile", Some("read_file")),
            ("read-file", Some("read_file")),
            ("READ_FILE", Some("read_file")),
            ("list_dir", Some("list_directory")),
            ("directory", Some("list_directory")),
            ("fetch", Some("http_fetch")),
            ("paln", Some("plan")),
            ("launch_rocket", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, names), meant, "{word}");
        }
    }

    #[test]
    fn swapped_letters_are_one_slip() {
        for (a, b, slips) in
            [("", "", 0), ("ab", "ba", 1), ("abc", "", 3), ("kitten", "sitting", 3), ("Ä", "a", 2)]
        {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), slips, "{a} {b}");
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), slips, "{b} {a}");
        }
    }

    #[test]
    fn words_past_the_bound_are_not_compared() {
        let long = "a".repeat(SUGGEST_WORD_BYTES_MAX);
        assert_eq!(nearest(&long, [long.as_str()]), Some(long.as_str()));
        let longer = "a".repeat(SUGGEST_WORD_BYTES_MAX + 1);
        assert_eq!(nearest(&longer, [long.as_str()]), None);
        assert_eq!(nearest(&long, [longer.as_str()]), None);
    }
}
