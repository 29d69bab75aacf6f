//! A sentence as words, and the places where one request may end and the next begin.
//!
//! # Invariants
//! - A word in quotes is one word, whatever stands in it, and never a verb or a separator.
//! - At most [`OFFLINE_WORDS_MAX`] words are read; a longer sentence has none.
//!
//! # Not here
//! What the words mean: `wish`.

use alloc::vec::Vec;

use crate::limits::OFFLINE_WORDS_MAX;

/// A word of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// Without quotes, and without the punctuation behind it.
    pub(super) text: &'t str,
    /// As it stands there.
    pub(super) raw: &'t str,
    /// Where it starts in the sentence.
    pub(super) start: usize,
    pub(super) is_quoted: bool,
    /// The punctuation behind it.
    stop: Option<char>,
}

impl Word<'_> {
    /// Whether it is one of these, case aside, and not a quotation.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        !self.is_quoted && words.iter().any(|word| word.eq_ignore_ascii_case(self.text))
    }

    /// Where it ends in the sentence, quotes and punctuation included.
    pub(super) fn end(&self) -> usize {
        self.start + self.raw.len()
    }

    /// Whether a clause may end behind it.
    pub(super) fn ends_clause(&self) -> bool {
        self.stop.is_some_and(|stop| ",;.!?\n".contains(stop))
    }
}

/// A part of a sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clause<'w, 't> {
    /// The whole sentence.
    pub(super) text: &'t str,
    /// The words of this part.
    pub(super) words: &'w [Word<'t>],
}

impl<'w, 't> Clause<'w, 't> {
    /// The same without its first `count` words.
    pub(super) fn skip(self, count: usize) -> Self {
        Self { words: self.words.get(count..).unwrap_or_default(), ..self }
    }

    /// The first `count` words of it.
    pub(super) fn take(self, count: usize) -> Self {
        Self { words: self.words.get(..count).unwrap_or(self.words), ..self }
    }

    /// What follows, if it starts with one of each of these groups in turn.
    pub(super) fn after(self, groups: &[&[&str]]) -> Option<Self> {
        let is_start = groups.len() <= self.words.len()
            && groups.iter().zip(self.words).all(|(group, word)| word.is(group));
        is_start.then(|| self.skip(groups.len()))
    }

    /// The same without words of `group` at its start.
    pub(super) fn without_leading(self, group: &[&str]) -> Self {
        self.skip(self.words.iter().take_while(|word| word.is(group)).count())
    }

    /// The same without words of `group` at its end.
    pub(super) fn without_trailing(self, group: &[&str]) -> Self {
        let count = self.words.iter().rev().take_while(|word| word.is(group)).count();
        self.take(self.words.len() - count)
    }

    /// What stands before and after the first, or the last, word of `group`.
    pub(super) fn split(self, group: &[&str], at_last: bool) -> Option<(Self, Self)> {
        let is_split = |word: &Word<'_>| word.is(group);
        let at = match at_last {
            false => self.words.iter().position(is_split),
            true => self.words.iter().rposition(is_split),
        }?;
        Some((self.take(at), self.skip(at + 1)))
    }

    /// Its one word.
    pub(super) fn single(self) -> Option<Word<'t>> {
        match self.words {
            [word] if !word.text.is_empty() => Some(*word),
            _ => None,
        }
    }

    /// The text from its first to its last word: a lone quotation without its quotes, other text
    /// as it stands, but for the full stop at its end.
    pub(super) fn content(self) -> Option<&'t str> {
        match self.words {
            [] => None,
            [word] => Some(word.text),
            [first, .., last] => {
                let end = if last.is_quoted { last.end() } else { last.start + last.text.len() };
                self.text.get(first.start..end)
            }
        }
    }
}

/// The words of a sentence.
pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut rest = text;
    loop {
        let space = rest;
        rest = rest.trim_start();
        if let Some(last) = words.last_mut()
            && space.get(..space.len() - rest.len()).is_some_and(|space| space.contains('\n'))
        {
            last.stop = Some('\n');
        }
        let Some(first) = rest.chars().next() else { return words };
        if words.len() == OFFLINE_WORDS_MAX {
            return Vec::new();
        }
        let start = text.len() - rest.len();
        let word = quoted(rest, first, start).unwrap_or_else(|| plain(rest, start));
        rest = rest.get(word.raw.len()..).unwrap_or_default();
        words.push(word);
    }
}

/// A quotation at the start of `rest`, if its end is there too.
fn quoted(rest: &str, first: char, start: usize) -> Option<Word<'_>> {
    let close = match first {
        '"' | '`' | '\'' => first,
        '“' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    let inner = rest.get(first.len_utf8()..)?;
    let end = inner.match_indices(close).map(|(at, _)| at).find(|at| {
        let behind = inner.get(at + close.len_utf8()..).unwrap_or_default();
        behind.chars().next().is_none_or(|next| next.is_whitespace() || ",;.!?".contains(next))
    })?;
    let text = inner.get(..end)?;
    let behind = inner.get(end + close.len_utf8()..)?;
    let marks = behind.len() - behind.trim_start_matches([',', ';', '.', '!', '?']).len();
    let stop = behind.get(..marks)?.chars().next();
    let raw = rest.get(..rest.len() - behind.len() + marks)?;
    Some(Word { text, raw, start, is_quoted: true, stop })
}

/// What stands before the next white space.
fn plain(rest: &str, start: usize) -> Word<'_> {
    let raw = rest.split(char::is_whitespace).next().unwrap_or(rest);
    let mut text = raw.trim_end_matches([',', ';', '!', '?', ':']);
    // The dot behind a sentence, but not one that is a directory, nor the three of an ellipsis.
    if let Some(name) = text.strip_suffix('.')
        && !name.is_empty()
        && !name.ends_with(['.', '/'])
    {
        text = name.trim_end_matches([',', ';', '!', '?']);
    }
    let stop = raw.get(text.len()..).and_then(|marks| marks.chars().next());
    Word { text, raw, start, is_quoted: false, stop }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sentence: &str) -> Vec<&str> {
        words(sentence).iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotations_and_punctuation() {
        for (sentence, expected) in [
            ("", &[][..]),
            ("  read\n README.md. ", &["read", "README.md"]),
            ("list . and ..", &["list", ".", "and", ".."]),
            ("write \"a, b\" to 'my notes.txt'.", &["write", "a, b", "to", "my notes.txt"]),
            ("what's up, “old friend”?", &["what's", "up", "old friend"]),
            ("it's 'not closed", &["it's", "'not", "closed"]),
            ("run `ls -l`!", &["run", "ls -l"]),
            ("a \"\" b", &["a", "", "b"]),
            ("?", &[""]),
        ] {
            assert_eq!(texts(sentence), expected, "{sentence}");
        }
        assert_eq!(words(&"a ".repeat(OFFLINE_WORDS_MAX)).len(), OFFLINE_WORDS_MAX);
        assert_eq!(words(&"a ".repeat(OFFLINE_WORDS_MAX + 1)).len(), 0);
    }
}
