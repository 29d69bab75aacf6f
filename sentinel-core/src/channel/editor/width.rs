//! How many columns a terminal gives to what a person takes for one letter.
//!
//! Terminals add up the columns of the characters, and marks have none. Where they differ, in what
//! is joined to one picture, this is how those have it that show one picture.
//!
//! # Not here
//! What is shown in another way because a terminal would obey it, or show nothing:
//! [`layout`](super::layout).

use unicode_segmentation::GraphemeCursor;

/// The columns of the characters that make up one letter, as they come.
#[derive(Debug, Default)]
pub(super) struct Columns {
    count: usize,
    before: Option<char>,
}

impl Columns {
    /// One more of them.
    pub(super) fn add(&mut self, character: char) {
        let is_joined = self.before == Some(JOINER) && self.count >= 2;
        if character == PICTURE_VARIANT {
            self.count = self.count.max(2);
        } else if !is_joined {
            self.count += columns_of(character);
        }
        self.before = Some(character);
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }
}

/// Whether a character stands above, below or around the one before it, and takes no column.
pub(super) fn is_mark(character: char) -> bool {
    if character.is_ascii() || is_in(&SPACED, character) {
        return false;
    }
    let mut buffer = [b'a'; 5];
    let length = 1 + buffer.get_mut(1..).map_or(0, |to| character.encode_utf8(to).len());
    let text = buffer.get(..length).and_then(|bytes| core::str::from_utf8(bytes).ok());
    // The older kind of letters, of which vowels with a column of their own are none.
    let is_apart = |text: &str| GraphemeCursor::new(1, length, false).is_boundary(text, 0);
    text.is_some_and(|text| is_apart(text) == Ok(false))
}

fn columns_of(character: char) -> usize {
    if character < FIRST_WIDE {
        return usize::from(!is_mark(character));
    }
    match character {
        '\u{1160}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7ff}' => 0,
        _ if is_in(&WIDE, character) => 2,
        _ => usize::from(!is_mark(character)),
    }
}

fn is_in(ranges: &[(char, char)], character: char) -> bool {
    let range = ranges.get(ranges.partition_point(|(_, last)| *last < character));
    range.is_some_and(|(first, _)| *first <= character)
}

const JOINER: char = '\u{200d}';
const PICTURE_VARIANT: char = '\u{fe0f}';

const FIRST_WIDE: char = '\u{1100}';
/// UAX #11, "Wide" and "Fullwidth", of Unicode 16. Gaps that no character is in are closed.
const WIDE: [(char, char); 87] = [
    ('\u{1100}', '\u{115f}'),
    ('\u{231a}', '\u{231b}'),
    ('\u{2329}', '\u{232a}'),
    ('\u{23e9}', '\u{23ec}'),
    ('\u{23f0}', '\u{23f0}'),
    ('\u{23f3}', '\u{23f3}'),
    ('\u{25fd}', '\u{25fe}'),
    ('\u{2614}', '\u{2615}'),
    ('\u{2630}', '\u{2637}'),
    ('\u{2648}', '\u{2653}'),
    ('\u{267f}', '\u{267f}'),
    ('\u{268a}', '\u{268f}'),
    ('\u{2693}', '\u{2693}'),
    ('\u{26a1}', '\u{26a1}'),
    ('\u{26aa}', '\u{26ab}'),
    ('\u{26bd}', '\u{26be}'),
    ('\u{26c4}', '\u{26c5}'),
    ('\u{26ce}', '\u{26ce}'),
    ('\u{26d4}', '\u{26d4}'),
    ('\u{26ea}', '\u{26ea}'),
    ('\u{26f2}', '\u{26f3}'),
    ('\u{26f5}', '\u{26f5}'),
    ('\u{26fa}', '\u{26fa}'),
    ('\u{26fd}', '\u{26fd}'),
    ('\u{2705}', '\u{2705}'),
    ('\u{270a}', '\u{270b}'),
    ('\u{2728}', '\u{2728}'),
    ('\u{274c}', '\u{274c}'),
    ('\u{274e}', '\u{274e}'),
    ('\u{2753}', '\u{2755}'),
    ('\u{2757}', '\u{2757}'),
    ('\u{2795}', '\u{2797}'),
    ('\u{27b0}', '\u{27b0}'),
    ('\u{27bf}', '\u{27bf}'),
    ('\u{2b1b}', '\u{2b1c}'),
    ('\u{2b50}', '\u{2b50}'),
    ('\u{2b55}', '\u{2b55}'),
    ('\u{2e80}', '\u{303e}'),
    ('\u{3041}', '\u{3247}'),
    ('\u{3250}', '\u{a4c6}'),
    ('\u{a960}', '\u{a97c}'),
    ('\u{ac00}', '\u{d7a3}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{fe10}', '\u{fe19}'),
    ('\u{fe30}', '\u{fe6b}'),
    ('\u{ff01}', '\u{ff60}'),
    ('\u{ffe0}', '\u{ffe6}'),
    ('\u{16fe0}', '\u{1b2fb}'),
    ('\u{1d300}', '\u{1d356}'),
    ('\u{1d360}', '\u{1d376}'),
    ('\u{1f004}', '\u{1f004}'),
    ('\u{1f0cf}', '\u{1f0cf}'),
    ('\u{1f18e}', '\u{1f18e}'),
    ('\u{1f191}', '\u{1f19a}'),
    ('\u{1f200}', '\u{1f320}'),
    ('\u{1f32d}', '\u{1f335}'),
    ('\u{1f337}', '\u{1f37c}'),
    ('\u{1f37e}', '\u{1f393}'),
    ('\u{1f3a0}', '\u{1f3ca}'),
    ('\u{1f3cf}', '\u{1f3d3}'),
    ('\u{1f3e0}', '\u{1f3f0}'),
    ('\u{1f3f4}', '\u{1f3f4}'),
    ('\u{1f3f8}', '\u{1f3fa}'),
    ('\u{1f400}', '\u{1f43e}'),
    ('\u{1f440}', '\u{1f440}'),
    ('\u{1f442}', '\u{1f4fc}'),
    ('\u{1f4ff}', '\u{1f53d}'),
    ('\u{1f54b}', '\u{1f54e}'),
    ('\u{1f550}', '\u{1f567}'),
    ('\u{1f57a}', '\u{1f57a}'),
    ('\u{1f595}', '\u{1f596}'),
    ('\u{1f5a4}', '\u{1f5a4}'),
    ('\u{1f5fb}', '\u{1f64f}'),
    ('\u{1f680}', '\u{1f6c5}'),
    ('\u{1f6cc}', '\u{1f6cc}'),
    ('\u{1f6d0}', '\u{1f6d2}'),
    ('\u{1f6d5}', '\u{1f6df}'),
    ('\u{1f6eb}', '\u{1f6ec}'),
    ('\u{1f6f4}', '\u{1f6fc}'),
    ('\u{1f7e0}', '\u{1f7eb}'),
    ('\u{1f7f0}', '\u{1f7f0}'),
    ('\u{1f90c}', '\u{1f93a}'),
    ('\u{1f93c}', '\u{1f945}'),
    ('\u{1f947}', '\u{1f9ff}'),
    ('\u{1fa70}', '\u{1faff}'),
    ('\u{20000}', '\u{2fffd}'),
    ('\u{30000}', '\u{3fffd}'),
];

/// Marks that belong to the letter before them and have a column of their own: those that Unicode
/// 16 joins (`Other_Grapheme_Extend`) and are spacing (`Mc`), or halves of kana (`Lm`).
const SPACED: [(char, char); 41] = [
    ('\u{9be}', '\u{9be}'),
    ('\u{9d7}', '\u{9d7}'),
    ('\u{b3e}', '\u{b3e}'),
    ('\u{b57}', '\u{b57}'),
    ('\u{bbe}', '\u{bbe}'),
    ('\u{bd7}', '\u{bd7}'),
    ('\u{cc0}', '\u{cc2}'),
    ('\u{cc7}', '\u{ccb}'),
    ('\u{cd5}', '\u{cd6}'),
    ('\u{d3e}', '\u{d3e}'),
    ('\u{d57}', '\u{d57}'),
    ('\u{dcf}', '\u{dcf}'),
    ('\u{ddf}', '\u{ddf}'),
    ('\u{1715}', '\u{1715}'),
    ('\u{1734}', '\u{1734}'),
    ('\u{1b35}', '\u{1b35}'),
    ('\u{1b3b}', '\u{1b3b}'),
    ('\u{1b3d}', '\u{1b3d}'),
    ('\u{1b43}', '\u{1b44}'),
    ('\u{1baa}', '\u{1baa}'),
    ('\u{1bf2}', '\u{1bf3}'),
    ('\u{a953}', '\u{a953}'),
    ('\u{a9c0}', '\u{a9c0}'),
    ('\u{ff9e}', '\u{ff9f}'),
    ('\u{111c0}', '\u{111c0}'),
    ('\u{11235}', '\u{11235}'),
    ('\u{1133e}', '\u{1133e}'),
    ('\u{1134d}', '\u{11357}'),
    ('\u{113b8}', '\u{113b8}'),
    ('\u{113c2}', '\u{113c9}'),
    ('\u{113cf}', '\u{113cf}'),
    ('\u{114b0}', '\u{114b0}'),
    ('\u{114bd}', '\u{114bd}'),
    ('\u{115af}', '\u{115af}'),
    ('\u{116b6}', '\u{116b6}'),
    ('\u{11930}', '\u{11930}'),
    ('\u{1193d}', '\u{1193d}'),
    ('\u{11f41}', '\u{11f41}'),
    ('\u{16ff0}', '\u{16ff1}'),
    ('\u{1d165}', '\u{1d166}'),
    ('\u{1d16d}', '\u{1d172}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_in_order() {
        for ranges in [&WIDE[..], &SPACED] {
            let is_apart = |pair: &[(char, char)]| matches!(pair, [(_, a), (b, _)] if a < b);
            assert!(ranges.iter().all(|(first, last)| first <= last));
            assert!(ranges.windows(2).all(is_apart));
        }
        assert_eq!(WIDE.first().map(|(first, _)| *first), Some(FIRST_WIDE));
    }

    #[test]
    fn letters_have_the_columns_that_terminals_give_them() {
        let columns = |text: &str| {
            let mut columns = Columns::default();
            text.chars().for_each(|character| columns.add(character));
            columns.count()
        };
        for (text, expected) in [
            ("a", 1),
            ("\u{e9}", 1),
            ("e\u{301}", 1),
            ("\u{301}", 0),
            ("\u{6f22}", 2),
            ("\u{ff21}", 2),
            ("\u{2705}", 2),
            ("\u{26a1}", 2),
            ("\u{2764}", 1),
            ("\u{2764}\u{fe0f}", 2),
            ("1\u{fe0f}\u{20e3}", 2),
            ("\u{1f1e6}", 1),
            ("\u{1f1e6}\u{1f1f9}", 2),
            ("\u{1f44d}\u{1f3fd}", 2),
            ("\u{1f937}\u{200d}\u{2640}\u{fe0f}", 2),
            ("\u{1f469}\u{200d}\u{1f467}", 2),
            ("\u{1100}\u{1161}\u{11a8}", 2),
            ("\u{e01}\u{e33}", 2),
            ("\u{e01}\u{e34}", 1),
            ("\u{b95}\u{bbe}", 2),
            ("\u{995}\u{9be}", 2),
            ("\u{cb0}\u{cc2}", 2),
            ("\u{d15}\u{d3e}", 2),
            ("\u{ff76}\u{ff9e}", 2),
            ("\u{ff8a}\u{ff9f}", 2),
            ("\u{ff9e}", 1),
            ("\u{b95}\u{bcd}", 1),
        ] {
            assert_eq!(columns(text), expected, "{text:?}");
        }
    }
}
