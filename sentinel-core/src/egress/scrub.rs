//! Secrets in what a server answers: they are covered before anybody reads them.
//!
//! A server that is sent a secret may say it back, in a page that shows the request or in an error.
//! A program that asked has never seen it, and does not here either: every byte of it becomes a
//! `*`, so that lengths stay what they were announced to be. In words that are told to a model or a
//! person a cover stands in its place, and in that of what is left of one where they were cut.
//!
//! # Invariants
//! - Any split of the bytes gives the same text.
//! - No more is held back than a secret is long.
//! - Where a text was cut, less than twelve bytes of a secret are left.
//!
//! # Not here
//! A secret in another form: compressed, encoded, in pieces. Whoever is sent a secret is trusted
//! not to do that.

use alloc::string::String;
use alloc::vec::Vec;

use super::secret::{SharedSecret, Wiped, make_room};

/// Covers secrets in one answer.
#[derive(Default)]
pub(super) struct Scrubber {
    secrets: Vec<SharedSecret>,
    /// What could be the beginning of one. All that a server says back passes through it.
    held: Wiped,
}

impl Scrubber {
    pub(super) fn new(secrets: impl Iterator<Item = SharedSecret>) -> Self {
        let secrets = secrets.filter(|secret| !secret.as_bytes().is_empty()).collect();
        Self { secrets, held: Wiped::default() }
    }

    /// Whether there is nothing to look for.
    pub(super) const fn is_idle(&self) -> bool {
        self.secrets.is_empty()
    }

    /// What of these bytes, and of those held back before, goes on now.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        make_room(&mut self.held, bytes.len());
        self.held.extend_from_slice(bytes);
        self.go_on(false)
    }

    /// What was held back: nothing comes behind it.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.go_on(true)
    }

    fn go_on(&mut self, is_end: bool) -> Vec<u8> {
        let (mut out, mut start) = (Vec::with_capacity(self.held.len()), 0);
        let begins_one =
            |byte: &u8| self.secrets.iter().any(|secret| secret.as_bytes().first() == Some(byte));
        while let Some(rest) = self.held.get(start..).filter(|rest| !rest.is_empty()) {
            // What can begin none goes on in one piece.
            let passed = rest.iter().position(begins_one).unwrap_or(rest.len());
            if passed > 0 {
                out.extend_from_slice(rest.get(..passed).unwrap_or_default());
                start += passed;
                continue;
            }
            let secrets = || self.secrets.iter().map(|secret| secret.as_bytes());
            let is_begun = |secret: &[u8]| secret.len() > rest.len() && secret.starts_with(rest);
            if !is_end && secrets().any(is_begun) {
                break;
            }
            // One may be the beginning of another, of which nothing is to be left.
            let whole = secrets().filter(|secret| rest.starts_with(secret)).map(<[u8]>::len).max();
            if let Some(length) = whole {
                out.resize(out.len() + length, COVER);
                start += length;
                continue;
            }
            out.extend(rest.first());
            start += 1;
        }
        self.held.drain(..start);
        out
    }

    /// A text that is there as a whole.
    pub(super) fn cover(&self, text: &[u8]) -> Vec<u8> {
        let mut whole = Self { secrets: self.secrets.clone(), held: Wiped::default() };
        let mut out = whole.pass(text);
        out.extend(whole.finish());
        out
    }
}

/// Nothing shows what is looked for.
impl core::fmt::Debug for Scrubber {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Scrubber").field("secrets", &self.secrets.len()).finish()
    }
}

/// A text in which a cover stands for a secret, and for what is left of one where the text was cut:
/// whoever may choose what is said before it could choose where it is cut.
#[must_use]
pub fn without_secret(text: String, secret: &str, cover: &str) -> String {
    let is_there = !secret.is_empty() && text.contains(secret);
    let text = if is_there { text.replace(secret, cover) } else { text };
    // A part of other letters could end within one.
    if !secret.is_ascii() || secret.len() <= PART_BYTES {
        return text;
    }
    let (said, own) = (text.as_bytes(), secret.as_bytes());
    let ((front, _), (_, back)) = (own.split_at(PART_BYTES), own.split_at(own.len() - PART_BYTES));
    let (mut out, mut told, mut at) = (String::new(), 0, 0);
    while let Some(rest) = said.get(at..).filter(|rest| rest.len() >= PART_BYTES) {
        let (begin, end) = if rest.starts_with(front) {
            let length = rest.iter().zip(own).take_while(|(here, own)| here == own).count();
            (at, at + length)
        } else if rest.starts_with(back) {
            let end = at + PART_BYTES;
            let before = said.get(told..end).unwrap_or_default().iter().rev();
            let own = own.iter().rev();
            (end - before.zip(own).take_while(|(here, own)| here == own).count(), end)
        } else {
            at += 1;
            continue;
        };
        out.push_str(text.get(told..begin).unwrap_or_default());
        out.push_str(cover);
        (told, at) = (end, end);
    }
    if told == 0 {
        return text;
    }
    out.push_str(text.get(told..).unwrap_or_default());
    out
}

const COVER: u8 = b'*';
/// So much of a secret is covered wherever it stands: less tells little, and stands elsewhere too.
const PART_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn a_secret_is_covered_however_the_bytes_come() {
        let secrets = ["hush-hush!", "hush-a-bye", "hush-hush!-still"];
        for (text, expected) in [
            ("nothing of it", "nothing of it"),
            ("{\"key\":\"hush-hush!\"}", "{\"key\":\"**********\"}"),
            ("hush-hush!hush-a-byehush-", "********************hush-"),
            ("hush-hush-hush!", "hush-**********"),
            ("hush-a-by", "hush-a-by"),
            ("hush-hush!-still.", "****************."),
            ("hush-hush!-sti", "**********-sti"),
            ("hush-hush!-stihush-a-bye", "**********-sti**********"),
            ("", ""),
        ] {
            for size in 1..=text.len().max(1) {
                let mut scrubber = Scrubber::new(secrets.into_iter().map(SharedSecret::from));
                let mut out = Vec::new();
                for piece in text.as_bytes().chunks(size) {
                    out.extend(scrubber.pass(piece));
                    assert!(scrubber.held.len() < 16);
                }
                out.extend(scrubber.finish());
                assert_eq!(String::from_utf8(out).unwrap(), expected, "{text} by {size}");
            }
        }
    }
    #[test]
    fn a_secret_is_covered_wherever_a_text_was_cut() {
        let secret = "tok-4711-abcdefghijkl-9";
        for (text, expected) in [
            ("nothing of it".to_string(), "nothing of it"),
            (format!("a {secret} b {secret}"), "a *** b ***"),
            (format!("it was {}", &secret[..22]), "it was ***"),
            (format!("it was {}", &secret[..12]), "it was ***"),
            (format!("{} and so on", &secret[1..]), "*** and so on"),
            (format!("{} left out {}", &secret[..14], &secret[9..]), "*** left out ***"),
            (format!("{}{}", &secret[..14], &secret[9..]), "******"),
            (format!("it was {}", &secret[..11]), "it was tok-4711-ab"),
            (format!("grün {}", &secret[..13]), "grün ***"),
        ] {
            assert_eq!(without_secret(text, secret, "***"), expected);
        }
        for (text, secret, expected) in [
            ("short one", "short", "*** one"),
            ("sho", "short", "sho"),
            ("schlüssel-schlüssel", "schlüssel-schlüssel", "***"),
            ("schlüssel-schlü", "schlüssel-schlüssel", "schlüssel-schlü"),
            ("aaaaaaaaaaaaaaab", "aaaaaaaaaaaaab", "aa***"),
            ("nothing", "", "nothing"),
        ] {
            assert_eq!(without_secret(text.into(), secret, "***"), expected);
        }
    }
}
