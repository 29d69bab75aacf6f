//! The names of called tools, made fit to be sent back.
//!
//! A model may call a tool by a name that no tool can have. The call stays in the conversation, and
//! providers refuse a conversation with such a name for ever after.
//!
//! # Invariants
//! - What is written has one to 64 letters, digits, `_` and `-`, and a name that has is unchanged.
//!
//! # Not here
//! Whether there is such a tool: that was decided when the call was made.

use alloc::borrow::Cow;

/// What every provider allows.
const NAME_BYTES_MAX: usize = 64;

/// The name as it can be written.
pub(super) fn on_the_wire(name: &str) -> Cow<'_, str> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(is_word) {
        return Cow::Borrowed(name);
    }
    let letters = name.chars().chain(name.is_empty().then_some('_'));
    let fit = letters.map(|letter| if is_word(letter) { letter } else { '_' });
    Cow::Owned(fit.take(NAME_BYTES_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_becomes_one_that_is_allowed() {
        for (name, written) in [
            ("read_file", "read_file"),
            ("functions.read file", "functions_read_file"),
            ("é\n", "__"),
            ("", "_"),
        ] {
            assert_eq!(on_the_wire(name), written);
        }
        assert_eq!(on_the_wire(&"é".repeat(100)), "_".repeat(64));
        assert_eq!(on_the_wire(&"x".repeat(65)), "x".repeat(64));
    }
}
