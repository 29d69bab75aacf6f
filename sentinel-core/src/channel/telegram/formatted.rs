//! Markdown as Telegram shows it: a plain text, and which parts of it look how.
//!
//! Telegram can read Markdown itself, and refuses a message whose marks do not match. Models write
//! such marks, and an answer that is still being written is full of them. So the marks are read
//! here, where one without a partner is simply text, and Telegram is told places and lengths.
//!
//! A link is shown with its address: nobody follows one that says another name than it leads to.
//!
//! # Invariants
//! - The text is never longer than what it was made of, so that what fits still fits.
//! - Places and lengths are in units of UTF-16, lie within the text, and never between the two
//!   halves of a character. Spans lie in one another or apart, and nothing lies in code.
//! - Time is linear in the text, but for links, each of which looks a bounded way ahead.
//!
//! # Not here
//! Lists and tables: they are readable as they are. Quotations: Telegram folds long ones away.

use alloc::string::String;
use alloc::vec::Vec;

use super::inline;
use crate::limits::TELEGRAM_ENTITIES_MAX;
use crate::order;
use crate::text::json;

/// A text and how its parts look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Formatted {
    pub(super) text: String,
    /// In the order of their places.
    pub(super) entities: Vec<Entity>,
    /// The length of the text in units of UTF-16.
    length: usize,
}

/// How a part of a text looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entity {
    pub(super) look: Look,
    /// Where it begins, in units of UTF-16.
    pub(super) offset: usize,
    /// Its length in the same units.
    pub(super) length: usize,
}

/// A way to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Bold,
    Italic,
    Strikethrough,
    Code,
    /// A block of code, in this language if one is named.
    Block(Option<String>),
}

impl Look {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Bold => "bold",
            Self::Italic => "italic",
            Self::Strikethrough => "strikethrough",
            Self::Code => "code",
            Self::Block(_) => "pre",
        }
    }
}

impl Formatted {
    /// Reads the marks of a text. One of which nothing would be left is left as it is.
    pub(super) fn read(source: &str) -> Self {
        let mut formatted = Self::default();
        let mut paragraph_start = 0;
        let mut at = 0;
        while let Some(line) = source.get(at..).filter(|rest| !rest.is_empty()) {
            let line = line.split_inclusive('\n').next().unwrap_or(line);
            let next = at + line.len();
            let fence = Fence::opened_by(line);
            let heading = heading(line);
            let is_blank = line.trim().is_empty();
            if fence.is_some() || heading.is_some() || is_blank {
                formatted.inline(source.get(paragraph_start..at).unwrap_or_default());
                paragraph_start = next;
            }
            at = next;
            if let Some(fence) = fence {
                let rest = source.get(next..).unwrap_or_default();
                at += formatted.block(&fence, rest);
                paragraph_start = at;
            } else if let Some(words) = heading {
                inline::read_heading(words, &mut formatted);
                formatted.push(if line.ends_with('\n') { "\n" } else { "" });
            } else if is_blank {
                formatted.push(line);
            }
        }
        formatted.inline(source.get(paragraph_start..).unwrap_or_default());
        if formatted.text.trim().is_empty() {
            return Self::plain(source);
        }
        // An outer span stands before those within.
        order::sort_by_key(&mut formatted.entities, |entity| {
            (entity.offset, core::cmp::Reverse(entity.length))
        });
        formatted.entities.truncate(TELEGRAM_ENTITIES_MAX);
        formatted
    }

    /// A text that is shown as it is.
    pub(super) fn plain(source: &str) -> Self {
        Self { text: source.into(), entities: Vec::new(), length: units(source) }
    }

    /// Writes the members of a message.
    pub(super) fn write(&self, out: &mut json::ObjectWriter<'_, String>) {
        out.field("text", &self.text);
        if self.entities.is_empty() {
            return;
        }
        out.array("entities", |out| {
            for Entity { look, offset, length } in &self.entities {
                out.object(|out| {
                    out.field("type", look.as_str());
                    out.field("offset", *offset as u64).field("length", *length as u64);
                    if let Look::Block(Some(language)) = look {
                        out.field("language", language);
                    }
                });
            }
        });
    }

    /// Where the text ends so far, in units of UTF-16.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.length += units(text);
    }

    /// Everything from a place on looks like this.
    pub(super) fn look(&mut self, look: Look, offset: usize) {
        let length = self.length.saturating_sub(offset);
        if length > 0 {
            self.entities.push(Entity { look, offset, length });
        }
    }

    fn inline(&mut self, paragraph: &str) {
        if !paragraph.is_empty() {
            inline::read(paragraph, self);
        }
    }

    /// The code after an opening fence; says how many bytes of it, its end included, there are.
    fn block(&mut self, fence: &Fence<'_>, rest: &str) -> usize {
        let mut end = 0;
        let mut after = rest.len();
        let mut is_closed = false;
        for line in rest.split_inclusive('\n') {
            if fence.is_closed_by(line) {
                (after, is_closed) = (end + line.len(), true);
                break;
            }
            end += line.len();
        }
        let code = rest.get(..end).unwrap_or_default();
        let code = code.strip_suffix('\n').unwrap_or(code);
        let start = self.length;
        self.push(code);
        // Telegram takes no span of nothing but white space.
        if !code.trim().is_empty() {
            self.look(Look::Block(fence.language()), start);
        }
        if is_closed && rest.get(..after).is_some_and(|block| block.ends_with('\n')) {
            self.push("\n");
        }
        after
    }
}

/// The fence of a block of code.
struct Fence<'t> {
    mark: char,
    count: usize,
    info: &'t str,
}

impl<'t> Fence<'t> {
    fn opened_by(line: &'t str) -> Option<Self> {
        let inner = line.trim_start_matches(' ');
        let mark = inner.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = inner.trim_start_matches(mark);
        let count = inner.len() - info.len();
        let is_fence = count >= 3 && line.len() - inner.len() <= 3;
        let info = info.trim();
        (is_fence && !(mark == '`' && info.contains('`'))).then_some(Self { mark, count, info })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let inner = line.trim_start_matches(' ');
        let rest = inner.trim_start_matches(self.mark);
        line.len() - inner.len() <= 3
            && inner.len() - rest.len() >= self.count
            && rest.trim().is_empty()
    }

    fn language(&self) -> Option<String> {
        let word = self.info.split_whitespace().next()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-#._".contains(&byte);
        (word.len() <= LANGUAGE_BYTES_MAX && word.bytes().all(is_plain)).then(|| word.into())
    }
}

/// The words of a heading.
fn heading(line: &str) -> Option<&str> {
    let words = line.trim_start_matches('#');
    let count = line.len() - words.len();
    let words = words.strip_prefix(' ')?.trim();
    ((1..=6).contains(&count) && !words.is_empty()).then_some(words)
}

/// The length of a text in units of UTF-16.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The name of a language: `objective-c++` is a long one.
const LANGUAGE_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests;
