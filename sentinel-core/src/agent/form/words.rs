//! What a person writes into a form, and words that speak of secrets.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The pairs of `name=value other="two words"`. Between quotation marks, also those that telephones
/// write, a value may have spaces; there `\"` is a quotation mark and `\\` a backslash.
///
/// # Errors
/// What cannot be read, for whoever wrote it.
pub(super) fn pairs(said: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = said.trim();
    while !rest.is_empty() {
        let usage =
            || format!("'{}' is no name=value", rest.split_whitespace().next().unwrap_or(""));
        let (name, after) = rest.split_once('=').ok_or_else(usage)?;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(usage());
        }
        let (value, left) = match after.strip_prefix(QUOTES) {
            Some(quoted) => {
                unquoted(quoted).ok_or_else(|| format!("the quotation of '{name}' has no end"))?
            }
            None => {
                let end = after.find(char::is_whitespace).unwrap_or(after.len());
                let (value, left) = after.split_at(end);
                (value.to_string(), left)
            }
        };
        if !left.is_empty() && !left.starts_with(char::is_whitespace) {
            return Err(format!("something stands right behind the quotation of '{name}'"));
        }
        pairs.push((name.to_string(), value));
        rest = left.trim_start();
    }
    Ok(pairs)
}

/// What stands before the closing quotation mark, and what behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.push(characters.next()?.1),
            _ if QUOTES.contains(&character) => {
                return Some((value, text.get(at + character.len_utf8()..)?));
            }
            _ => value.push(character),
        }
    }
    None
}

const QUOTES: [char; 4] = ['"', '“', '”', '„'];

/// Whether words, or the name of a field, speak of what is nobody's to ask for.
pub(in super::super) fn is_secret(text: &str) -> bool {
    let mut words: Vec<String> = Vec::new();
    let mut was_small = false;
    for character in text.chars() {
        let begins = character.is_uppercase() && was_small;
        was_small = character.is_lowercase() || character.is_numeric();
        if !character.is_alphanumeric() || begins || words.is_empty() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (character.is_alphanumeric(), words.last_mut()) {
            word.extend(character.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    let is_word = |word: &String| WORDS.contains(&word.as_str());
    let is_in = |word: &String| PARTS.iter().any(|part| word.contains(part));
    let is_pair = |pair: &[String]| match pair {
        [first, second] => PAIRS.contains(&(first.as_str(), second.as_str())),
        _ => false,
    };
    words.iter().any(|word| is_word(word) || is_in(word)) || words.windows(2).any(is_pair)
}

/// Within a word.
const PARTS: [&str; 10] = [
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "passcode",
    "kennwort",
    "credential",
    "apikey",
    "mnemonic",
    "geheim",
];
/// As a word of its own.
const WORDS: [&str; 9] = ["secret", "secrets", "token", "pin", "pwd", "otp", "tan", "cvv", "cvc"];
/// As two.
const PAIRS: [(&str, &str); 9] = [
    ("api", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("access", "key"),
    ("seed", "phrase"),
    ("recovery", "phrase"),
    ("card", "number"),
    ("security", "code"),
    ("verification", "code"),
];
