//! Words of a list, found as whole words.

use alloc::string::String;
use alloc::vec::Vec;

use super::{before, from, is_of_word};

/// Which of the choices is the n-th that stands in a text, from this byte on.
pub(super) fn find(
    text: &str,
    start: usize,
    choices: &[impl AsRef<str>],
    nth: u64,
) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    // The next place of each, so that all are found in the order in which they stand.
    let mut places: Vec<(String, Option<usize>)> = Vec::with_capacity(choices.len());
    for choice in choices {
        let word = choice.as_ref().to_ascii_lowercase();
        let next = next(&lower, start, &word);
        places.push((word, next));
    }
    let mut left = nth;
    loop {
        let (mut first, mut longest) = (None, 0);
        for (index, (word, place)) in places.iter().enumerate() {
            let Some(place) = *place else { continue };
            let is_earlier = first.is_none_or(|(known, _)| place < known);
            let is_longer = first.is_some_and(|(known, _)| place == known) && word.len() > longest;
            if is_earlier || is_longer {
                (first, longest) = (Some((place, index)), word.len());
            }
        }
        let (place, index) = first?;
        left = left.saturating_sub(1);
        if left == 0 {
            return Some(index);
        }
        for (word, known) in &mut places {
            if known.is_some_and(|known| known < place + longest) {
                *known = next(&lower, place + longest, word);
            }
        }
    }
}

/// Where a word stands next as a whole one.
fn next(text: &str, start: usize, word: &str) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    let mut places = text.get(start..)?.match_indices(word).map(|(at, _)| start + at);
    places.find(|at| {
        let end = at + word.len();
        !is_joined(before(text, *at), before(text, at - before_bytes(text, *at)))
            && !is_joined(from(text, end), from(text, end + from_bytes(text, end)))
    })
}

/// Whether a word goes on over its end: by a letter, or by a sign that joins words and a letter
/// behind that. `paid` does not stand in `un-paid`, nor `ann@a.example` in `ann@a.example.evil`.
fn is_joined(sign: Option<char>, beyond: Option<char>) -> bool {
    let Some(sign) = sign else { return false };
    is_of_word(sign)
        || matches!(sign, '-' | '\u{2010}' | '\u{2011}' | '.' | '@' | '/' | '+' | '\'' | '\u{2019}')
            && beyond.is_some_and(is_of_word)
}

fn before_bytes(text: &str, at: usize) -> usize {
    before(text, at).map_or(0, char::len_utf8)
}

fn from_bytes(text: &str, at: usize) -> usize {
    from(text, at).map_or(0, char::len_utf8)
}
