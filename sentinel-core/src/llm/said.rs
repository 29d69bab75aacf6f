//! What a provider said, made fit to be shown.
//!
//! The words of an error come from outside and go to a person and into records. They are cut, lose
//! what could act on a terminal or mislead the eye, and lose what looks like a key: more than one
//! server answers a wrong key by repeating it.
//!
//! # Invariants
//! - The result has at most [`MODEL_ERROR_TEXT_BYTES_MAX`] bytes and no control character, line
//!   break or mark that changes the direction of text.
//! - Work is bounded by the limit, not by what came.
//!
//! [`MODEL_ERROR_TEXT_BYTES_MAX`]: crate::limits::MODEL_ERROR_TEXT_BYTES_MAX

use alloc::string::String;

use crate::limits::MODEL_ERROR_TEXT_BYTES_MAX;

/// The words of a provider, cleaned. In an error `about_key` every word long enough for a key
/// is hidden; elsewhere only what starts as keys do, because names of models look alike.
pub(super) fn clean(said: &str, about_key: bool) -> String {
    let mut out = String::new();
    // Hiding shortens, cleaning may: what is cut is a multiple of what is kept.
    let said = said.trim();
    let mut rest = cut(said, 4 * MODEL_ERROR_TEXT_BYTES_MAX);
    if rest.len() < said.len() {
        // Half a key is not known for one.
        rest = rest.trim_end_matches(is_of_word);
    }
    let mut is_after_bearer = false;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|character| !is_of_word(character)).unwrap_or(rest.len());
        if end > 0 {
            let (word, tail) = rest.split_at(end);
            rest = tail;
            let is_hidden = is_after_bearer && word.len() >= 8 || is_key(word, about_key);
            is_after_bearer = word.eq_ignore_ascii_case("bearer");
            out.push_str(if is_hidden { HIDDEN } else { word });
        } else {
            rest = &rest[first.len_utf8()..];
            is_after_bearer &= first.is_whitespace();
            if first.is_control() || first.is_whitespace() || is_unseen(first) {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            } else {
                out.push(first);
            }
        }
        if out.len() > MODEL_ERROR_TEXT_BYTES_MAX {
            break;
        }
    }
    let kept = cut(&out, MODEL_ERROR_TEXT_BYTES_MAX).trim_end().len();
    out.truncate(kept);
    out
}

/// As much of a text as fits into so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.' | '*' | '+' | '/')
}

fn is_key(word: &str, about_key: bool) -> bool {
    let starts_as_key = KEY_BEGINNINGS.iter().any(|start| word.starts_with(start));
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    word.len() >= 12 && starts_as_key
        || about_key && word.len() >= 16 && has_digit
        || about_key && word.len() >= 24 && !word.contains(['/', '.'])
        || word.len() >= 64
}

/// Marks that are not seen, or that reorder what is.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

const HIDDEN: &str = "[hidden]";

/// How the keys of providers start.
const KEY_BEGINNINGS: [&str; 10] =
    ["sk-", "sk_", "gsk_", "xai-", "AIza", "hf_", "tgp_", "pk-", "key-", "eyJ"];

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn what_could_mislead_is_gone() {
        for (said, shown) in [
            ("model not found", "model not found"),
            ("  a\r\n\tb\u{1b}[31mc\u{0}", "a b [31mc"),
            ("one\u{202e}owt", "one owt"),
            (
                "claude-3-5-sonnet-20241022 does not exist",
                "claude-3-5-sonnet-20241022 does not exist",
            ),
            ("Überlastet – später", "Überlastet – später"),
        ] {
            assert_eq!(clean(said, false), shown);
        }
    }

    #[test]
    fn what_looks_like_a_key_is_hidden() {
        for (said, shown) in [
            ("Received API Key = sk-ant-api03-abcdef0123456789", "Received API Key = [hidden]"),
            ("got 'gsk_0123456789abcdef'", "got '[hidden]'"),
            ("Authorization: Bearer abcdefgh", "Authorization: Bearer [hidden]"),
            ("bearer token", "bearer token"),
        ] {
            assert_eq!(clean(said, false), shown);
        }
        assert_eq!(clean("bad key 0123456789abcdef0123", true), "bad key [hidden]");
        assert_eq!(clean("bad key abcdefghijklmnopqrstuvwxyz", true), "bad key [hidden]");
        for helpful in ["invalid x-api-key", "see https://example.com/account/api-keys."] {
            assert_eq!(clean(helpful, true), helpful);
        }
        // A key that is cut in two does not show its first half.
        let filler = "y".repeat(4 * MODEL_ERROR_TEXT_BYTES_MAX - 11);
        assert_eq!(clean(&format!("{filler} sk-0123456789abcdef"), false), "[hidden]");
    }

    #[test]
    fn it_is_cut_between_characters_and_in_bounded_time() {
        let long = clean(&"é ".repeat(1 << 20), false);
        assert!(long.len() <= MODEL_ERROR_TEXT_BYTES_MAX && long.len() > 500);
        assert!(clean(&"x".repeat(1 << 20), false).len() <= MODEL_ERROR_TEXT_BYTES_MAX);
    }
}
