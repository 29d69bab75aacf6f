//! Where secrets are, and how one is recognised that should not be where it is.
//!
//! # Invariants
//! - Nothing here holds a secret.
//!
//! # Not here
//! Reading them: the shell does that, into memory that it wipes.

use alloc::string::String;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// In this variable of the environment.
    Environment(String),
    /// In this file.
    File(String),
    /// In this systemd credential.
    Credential(String),
}

/// Whether a word looks like a key or a token: by how the well-known ones begin, or because nobody
/// writes such words by hand.
pub(super) fn is_secret_word(word: &str) -> bool {
    let has_prefix = |part: &str| {
        part.len() >= PREFIXED_BYTES_MIN && PREFIXES.iter().any(|prefix| part.starts_with(prefix))
    };
    // An address with a name before its host has a password there, too.
    let is_login = word.contains("://") && word.contains('@');
    if is_login || word.split(['/', ':', '@', '(', ')']).any(has_prefix) {
        return true;
    }
    if word.starts_with(['/', '~', '.']) {
        return word.split('/').any(is_random);
    }
    !word.contains("://") && is_random(word)
}

/// Whether nobody would write such a word by hand.
fn is_random(word: &str) -> bool {
    let is_of = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+/:.".contains(&byte);
    let has = |test: fn(&u8) -> bool| word.bytes().any(|byte| test(&byte));
    word.len() >= RANDOM_BYTES_MIN
        && word.bytes().all(is_of)
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
}

/// Whether what should be the name of a secret is likely the secret itself.
pub(super) fn is_secret_name(name: &str) -> bool {
    const DIGITS_MIN: usize = 32;
    let is_number = name.len() >= DIGITS_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number || is_secret_word(name)
}

/// Whether a key of this name would hold a secret.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let name = name.trim_matches('.');
    let ends = |end: &str| {
        let start = name.len().saturating_sub(end.len());
        name.get(start..).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    ["key", "token", "secret", "password", "passphrase"].into_iter().any(ends)
}

/// How keys and tokens of well-known services begin.
const PREFIXES: &[&str] = &[
    "sk-",
    "sk_",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "xoxe",
    "ghp_",
    "github_pat_",
    "gsk_",
    "AIza",
    "xai-",
    "hf_",
    "pk-",
    "tgp_",
];

const PREFIXED_BYTES_MIN: usize = 8;

/// Words shorter than this are too easily names.
const RANDOM_BYTES_MIN: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_look_like_secrets_and_words_do_not() {
        for word in [
            "sk-ant-api03-abcdef",
            "xoxb-1234-5678",
            "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
            "MTA1.GxYz12.abcdefGHIJKLmnop1234",
            "/srv/work/sk-ant-api03-abcdef",
            "http://ada:secret@proxy.example",
        ] {
            assert!(is_secret_word(word), "{word}");
        }
        for word in [
            "read,list",
            "/users/Ada/Projects/2026/Something/Long",
            "claude-sonnet-4-5",
            "https://api.Example.com/v1/Aaaa0000",
            "ANTHROPIC_API_KEY",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "",
        ] {
            assert!(!is_secret_word(word), "{word}");
        }
        assert!(names_a_secret("API_KEY") && names_a_secret("bot-token"));
        assert!(!names_a_secret("api_key_env") && !names_a_secret("reply_tokens"));
    }
}
