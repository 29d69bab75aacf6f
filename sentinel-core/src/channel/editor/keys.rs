//! Bytes of a terminal as keys.
//!
//! # Invariants
//! - However the bytes are cut, the same keys come out: what is incomplete waits for the rest.
//! - What is no key that is known is no text either: an unknown sequence is left out whole.
//!
//! # Not here
//! What a key does.

use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::CHANNEL_LINE_BYTES_MAX;

/// What was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Text(char),
    /// What was pasted, as one.
    Paste(String),
    Enter,
    /// A line break that does not end the message.
    Break,
    Tab,
    Backspace,
    Delete,
    /// Ctrl-D: deletes, and ends what is empty.
    DeleteOrEnd,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    KillToEnd,
    KillToStart,
    KillWord,
    Yank,
    Clear,
}

/// Takes bytes, gives keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    waiting: Vec<u8>,
    /// Whether what comes belongs to a paste.
    pasted: Option<Vec<u8>>,
}

impl Keys {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    pub(super) fn next(&mut self) -> Option<Key> {
        loop {
            if self.pasted.is_some() {
                return self.paste();
            }
            let first = *self.waiting.first()?;
            let (length, key) = match first {
                ESCAPE => self.sequence()?,
                0x00..=0x1f | 0x7f => (1, control(first)),
                _ => self.letter()?,
            };
            self.waiting.drain(..length);
            if key.is_some() {
                return key;
            }
        }
    }

    /// A letter and how many bytes it has; nothing while some are missing.
    fn letter(&self) -> Option<(usize, Option<Key>)> {
        let start = self.waiting.get(..self.waiting.len().min(4)).unwrap_or_default();
        let text = match core::str::from_utf8(start) {
            Ok(text) => text,
            Err(error) => match (error.valid_up_to(), error.error_len()) {
                (0, None) => return None,
                // Bytes that are no text are one unknown letter.
                (0, Some(length)) => {
                    return Some((length, Some(Key::Text(char::REPLACEMENT_CHARACTER))));
                }
                (valid, _) => core::str::from_utf8(start.get(..valid)?).ok()?,
            },
        };
        let letter = text.chars().next()?;
        let key = if letter.is_control() { None } else { Some(Key::Text(letter)) };
        Some((letter.len_utf8(), key))
    }

    /// What begins with the key Escape: a key that has no letter, or one that was pressed with Alt.
    fn sequence(&mut self) -> Option<(usize, Option<Key>)> {
        match *self.waiting.get(1)? {
            b'[' => {
                let rest = self.waiting.get(2..)?;
                let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
                    // Nobody presses a key of so many bytes.
                    let is_hopeless = rest.len() > SEQUENCE_BYTES_MAX;
                    return is_hopeless.then_some((self.waiting.len(), None));
                };
                let key = match rest.get(..=end)? {
                    b"200~" => {
                        self.pasted = Some(Vec::new());
                        None
                    }
                    sequence => named(sequence),
                };
                Some((end + 3, key))
            }
            b'O' => Some((3, named(core::slice::from_ref(self.waiting.get(2)?)))),
            b'\r' | b'\n' => Some((2, Some(Key::Break))),
            b'b' => Some((2, Some(Key::WordLeft))),
            b'f' => Some((2, Some(Key::WordRight))),
            0x7f | 0x08 => Some((2, Some(Key::KillWord))),
            // The key alone, and then another one.
            _ => Some((1, None)),
        }
    }

    /// What was pasted, when all of it is there.
    fn paste(&mut self) -> Option<Key> {
        let end = self.waiting.windows(PASTE_END.len()).position(|bytes| bytes == PASTE_END);
        // What may be the beginning of its end stays.
        let keep = self.waiting.len().saturating_sub(PASTE_END.len() - 1);
        let taken = self.waiting.drain(..end.unwrap_or(keep));
        let pasted = self.pasted.get_or_insert_default();
        // One byte too many says that it was too long.
        pasted.extend(taken.take(CHANNEL_LINE_BYTES_MAX + 1 - pasted.len()));
        end?;
        self.waiting.drain(..PASTE_END.len());
        let bytes = self.pasted.take().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").replace('\r', "\n");
        Some(Key::Paste(text))
    }
}

/// A key that is held with Ctrl, or has a name.
fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x04 => Key::DeleteOrEnd,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        b'\t' => Key::Tab,
        b'\n' | b'\r' => Key::Enter,
        0x0b => Key::KillToEnd,
        0x0c => Key::Clear,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillToStart,
        0x17 => Key::KillWord,
        0x19 => Key::Yank,
        _ => return None,
    })
}

/// A key by the end of its sequence, as xterm and those after it have them.
fn named(sequence: &[u8]) -> Option<Key> {
    Some(match sequence {
        b"A" => Key::Up,
        b"B" => Key::Down,
        b"C" => Key::Right,
        b"D" => Key::Left,
        b"H" | b"1~" | b"7~" => Key::Home,
        b"F" | b"4~" | b"8~" => Key::End,
        b"3~" => Key::Delete,
        b"1;5C" | b"1;3C" => Key::WordRight,
        b"1;5D" | b"1;3D" => Key::WordLeft,
        _ => return None,
    })
}

const ESCAPE: u8 = 0x1b;
const PASTE_END: &[u8] = b"\x1b[201~";
/// The longest that are in use have a dozen.
const SEQUENCE_BYTES_MAX: usize = 32;
