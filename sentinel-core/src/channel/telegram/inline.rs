//! Marks within a paragraph: emphasis, code and links.
//!
//! Two passes: the first takes the text apart at its marks, the second finds which of them belong
//! together. What has no partner is text.
//!
//! # Invariants
//! - A mark changes how something looks only if its partner stands in the same paragraph.
//!
//! # Not here
//! Everything of Markdown that chats do not show: HTML, footnotes, images (they become links).

use alloc::vec;
use alloc::vec::Vec;

use super::formatted::{Formatted, Look};

/// Appends a paragraph to a text.
pub(super) fn read(paragraph: &str, formatted: &mut Formatted) {
    read_in(paragraph, true, &mut Vec::new(), formatted);
}

/// Appends a heading to a text: it is bold.
pub(super) fn read_heading(words: &str, formatted: &mut Formatted) {
    let mut open = vec![(Emphasis::Bold, formatted.length())];
    read_in(words, true, &mut open, formatted);
    for (emphasis, start) in open {
        emphasis.show(formatted, start);
    }
}

/// Appends a text within what is open, and leaves that open.
fn read_in(
    text: &str,
    has_links: bool,
    open: &mut Vec<(Emphasis, usize)>,
    formatted: &mut Formatted,
) {
    let mut tokens = tokens(text, has_links);
    pair(&mut tokens);
    for token in tokens {
        match token {
            Token::Text(text) => formatted.push(text),
            Token::Code(code) => {
                // Nothing may lie around code: what is open ends here and goes on after it.
                for (emphasis, start) in &*open {
                    emphasis.show(formatted, *start);
                }
                let start = formatted.length();
                formatted.push(code);
                formatted.look(Look::Code, start);
                for (_, start) in &mut *open {
                    *start = formatted.length();
                }
            }
            Token::Link { label, url } => {
                read_in(label, false, open, formatted);
                if label != url {
                    for text in [" (", url, ")"] {
                        formatted.push(text);
                    }
                }
            }
            Token::Mark(Mark { role: Role::Open(emphasis), .. }) => {
                open.push((emphasis, formatted.length()));
            }
            Token::Mark(Mark { role: Role::Close, .. }) => {
                if let Some((emphasis, start)) = open.pop() {
                    emphasis.show(formatted, start);
                }
            }
            Token::Mark(Mark { role: Role::Text, text, .. }) => formatted.push(text),
        }
    }
}

enum Token<'t> {
    Text(&'t str),
    Code(&'t str),
    Link { label: &'t str, url: &'t str },
    Mark(Mark<'t>),
}

/// Stars, lines or tildes that may begin or end an emphasis.
struct Mark<'t> {
    text: &'t str,
    can_open: bool,
    can_close: bool,
    role: Role,
}

#[derive(Clone, Copy)]
enum Role {
    Text,
    Open(Emphasis),
    Close,
}

#[derive(Clone, Copy)]
enum Emphasis {
    Italic,
    Bold,
    BoldItalic,
    Strikethrough,
}

impl Emphasis {
    fn of(mark: &str) -> Option<Self> {
        match mark {
            "*" | "_" => Some(Self::Italic),
            "**" | "__" => Some(Self::Bold),
            "***" | "___" => Some(Self::BoldItalic),
            "~~" => Some(Self::Strikethrough),
            _ => None,
        }
    }

    fn show(self, formatted: &mut Formatted, start: usize) {
        let looks: &[Look] = match self {
            Self::Italic => &[Look::Italic],
            Self::Bold => &[Look::Bold],
            Self::BoldItalic => &[Look::Bold, Look::Italic],
            Self::Strikethrough => &[Look::Strikethrough],
        };
        for look in looks {
            formatted.look(look.clone(), start);
        }
    }
}

fn tokens(text: &str, has_links: bool) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let bytes = text.as_bytes();
    // Lengths of runs of backticks that have no partner after a place that was looked from.
    let mut lonely = [false; TICKS_MAX + 1];
    let (mut start, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        let (token, end) = match byte {
            b'\\' => match rest.as_bytes().get(1) {
                Some(escaped) if ESCAPABLE.contains(escaped) => {
                    (Token::Text(rest.get(1..2).unwrap_or_default()), at + 2)
                }
                _ => {
                    at += 1;
                    continue;
                }
            },
            b'`' => match code(rest, &mut lonely) {
                Ok((code, length)) => (Token::Code(code), at + length),
                Err(length) => {
                    at += length;
                    continue;
                }
            },
            b'[' if has_links => match link(rest) {
                Some((label, url, length)) => {
                    // Of an image, the link.
                    let is_image = text.get(start..at).is_some_and(|before| before.ends_with('!'));
                    let before = text.get(start..at - usize::from(is_image)).unwrap_or_default();
                    tokens.push(Token::Text(before));
                    start = at;
                    (Token::Link { label, url }, at + length)
                }
                None => {
                    at += 1;
                    continue;
                }
            },
            b'*' | b'_' | b'~' => {
                let run = rest.len() - rest.trim_start_matches(char::from(*byte)).len();
                let mark = rest.get(..run).unwrap_or_default();
                let before = text.get(..at).and_then(|before| before.chars().next_back());
                let after = text.get(at + run..).and_then(|after| after.chars().next());
                (Token::Mark(Mark::new(mark, before, after)), at + run)
            }
            _ => {
                at += 1;
                continue;
            }
        };
        tokens.push(Token::Text(text.get(start..at).unwrap_or_default()));
        tokens.push(token);
        (start, at) = (end, end);
    }
    tokens.push(Token::Text(text.get(start..).unwrap_or_default()));
    tokens
}

impl<'t> Mark<'t> {
    /// A mark between two characters: it can open before a word and close after one.
    fn new(text: &'t str, before: Option<char>, after: Option<char>) -> Self {
        let is_space = |side: Option<char>| side.is_none_or(char::is_whitespace);
        let is_sign = |side: Option<char>| side.is_some_and(|side| side.is_ascii_punctuation());
        let is_word = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
        // Within a word: `a_name` is one, and `2*3` is not emphasis either.
        let is_within = match text {
            "*" => [before, after].iter().all(|side| is_word(*side) && side.is_some_and(is_plain)),
            _ => text.starts_with('_') && is_word(before) && is_word(after),
        };
        let side = |inner, outer| {
            let is_beside = !is_space(inner) && (!is_sign(inner) || !is_word(outer));
            is_beside && !is_within && Emphasis::of(text).is_some()
        };
        let (can_open, can_close) = (side(after, before), side(before, after));
        Self { text, can_open, can_close, role: Role::Text }
    }
}

const fn is_plain(character: char) -> bool {
    character.is_ascii()
}

/// Finds which marks belong together.
fn pair(tokens: &mut [Token<'_>]) {
    let mut open: Vec<usize> = Vec::new();
    for index in 0..tokens.len() {
        let Some(Token::Mark(mark)) = tokens.get(index) else { continue };
        let (text, can_open, can_close) = (mark.text, mark.can_open, mark.can_close);
        let is_partner = |place: &&usize| match tokens.get(**place) {
            Some(Token::Mark(other)) => other.text == text,
            _ => false,
        };
        let partner = open.iter().rev().take(OPEN_MAX).find(is_partner).copied();
        match (partner.filter(|_| can_close), Emphasis::of(text)) {
            (Some(partner), Some(emphasis)) => {
                while open.pop().is_some_and(|other| other != partner) {}
                for (place, role) in [(partner, Role::Open(emphasis)), (index, Role::Close)] {
                    if let Some(Token::Mark(mark)) = tokens.get_mut(place) {
                        mark.role = role;
                    }
                }
            }
            _ if can_open => open.push(index),
            _ => {}
        }
    }
}

/// Code between backticks, and the length of all; or the length of backticks without a partner.
fn code<'t>(rest: &'t str, lonely: &mut [bool; TICKS_MAX + 1]) -> Result<(&'t str, usize), usize> {
    let inner = rest.trim_start_matches('`');
    let count = rest.len() - inner.len();
    let Some(lonely) = lonely.get_mut(count).filter(|lonely| !**lonely) else {
        return Err(count);
    };
    let mut at = 0;
    while let Some(found) = inner.get(at..).and_then(|rest| rest.find('`')) {
        let start = at + found;
        let ticks = inner.get(start..).unwrap_or_default();
        let run = ticks.len() - ticks.trim_start_matches('`').len();
        at = start + run;
        if run == count {
            let code = inner.get(..start).unwrap_or_default();
            let bare = code.strip_prefix(' ').and_then(|code| code.strip_suffix(' '));
            let bare = bare.filter(|bare| !bare.trim().is_empty());
            // Telegram takes no span of nothing but white space.
            return match code.trim().is_empty() {
                true => Err(count),
                false => Ok((bare.unwrap_or(code), count + at)),
            };
        }
    }
    *lonely = true;
    Err(count)
}

/// A label, an address, and the length of both with their brackets.
fn link(rest: &str) -> Option<(&str, &str, usize)> {
    let inner = rest.strip_prefix('[')?;
    let is_end = |byte: &u8| matches!(byte, b'[' | b']');
    let label_end = inner.bytes().take(LABEL_BYTES_MAX).position(|byte| is_end(&byte))?;
    let label = inner.get(..label_end)?;
    let url = inner.get(label_end..)?.strip_prefix("](")?;
    let mut depth = 0_usize;
    for (place, byte) in url.bytes().take(ADDRESS_BYTES_MAX).enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => {
                let is_shown = !label.trim().is_empty() && place > 0;
                let length = 1 + label_end + 2 + place + 1;
                return is_shown.then_some((label, url.get(..place)?, length));
            }
            b')' => depth -= 1,
            b'<' | b'>' | b'\\' | 0..=b' ' => return None,
            _ => {}
        }
    }
    None
}

/// What a backslash takes its meaning from.
const ESCAPABLE: &[u8] = b"\\`*_~[]()#!";

/// Backticks in a row that can enclose code.
const TICKS_MAX: usize = 8;

/// Marks that are open at once, and are looked through for a partner.
const OPEN_MAX: usize = 16;

/// The text of a link, and its address, as far as they are looked for.
const LABEL_BYTES_MAX: usize = 512;
const ADDRESS_BYTES_MAX: usize = 2048;
