//! Platforms: what a chat can do, as far as an answer has to know.
//!
//! # Invariants
//! - Every platform named here has room for a code fence with its language, twice, in one message.
//!
//! # Not here
//! How a platform is spoken to, and its limits on how many messages a minute: the shell's
//! connectors, which report a refusal as [`super::Failure::RateLimited`].

/// What a platform can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Its name, as in [`super::Identity::platform`].
    pub name: &'static str,
    /// How long the text of one message may be, in [`unit`](Self::unit).
    pub text_max: usize,
    /// What the platform counts.
    pub unit: Unit,
    /// Whether a message that was sent can be changed.
    pub can_edit: bool,
    /// Whether it shows that somebody is typing.
    pub can_type: bool,
    /// The least time between two messages or changes in one chat, in milliseconds.
    pub edit_interval_ms: u64,
    /// How often the sign of typing has to be renewed, in milliseconds.
    pub typing_interval_ms: u64,
    /// Whether it reads code fences, so that one that is cut has to be closed and opened again.
    pub is_markdown: bool,
    /// Whether sending twice with one key sends once.
    pub has_idempotency_key: bool,
}

/// What the length of a text is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Bytes of UTF-8.
    Bytes,
    /// Units of UTF-16: a character beyond the basic plane counts twice.
    Utf16,
    /// Unicode characters (scalar values).
    Characters,
}

impl Unit {
    /// The length of a text in this unit.
    #[must_use]
    pub fn length(self, text: &str) -> usize {
        match self {
            Self::Bytes => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
            Self::Characters => text.chars().count(),
        }
    }

    /// The length of one character in this unit.
    #[must_use]
    pub fn of(self, character: char) -> usize {
        match self {
            Self::Bytes => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
            Self::Characters => 1,
        }
    }
}

impl Platform {
    /// Whether who knows the id of a message, and nobody else, finds it after the program ended.
    pub(crate) const fn is_found_by_id(&self) -> bool {
        self.can_edit && !self.has_idempotency_key
    }

    /// A terminal or a pipe: what stands there stays there, so an answer is only ever added to. The
    /// bound is on one write, not on what a terminal holds.
    pub const TERMINAL: Self = Self {
        name: "terminal",
        text_max: 64 * 1024,
        unit: Unit::Bytes,
        can_edit: false,
        can_type: false,
        edit_interval_ms: 0,
        typing_interval_ms: 0,
        is_markdown: false,
        has_idempotency_key: false,
    };

    /// Where calls of a model outside come from. Nobody reads there: an answer is what a call gave
    /// back, whole.
    pub const OUTSIDE: Self = Self { name: "mcp", text_max: usize::MAX, ..Self::TERMINAL };

    /// Telegram: 4096 UTF-16 units after entities are read, about one message a second to a chat,
    /// and a sign of typing that fades after five seconds.
    pub const TELEGRAM: Self = Self {
        name: "telegram",
        text_max: 4096,
        unit: Unit::Utf16,
        can_edit: true,
        can_type: true,
        edit_interval_ms: 1_500,
        typing_interval_ms: 4_000,
        is_markdown: true,
        has_idempotency_key: false,
    };

    /// Discord: 2000 characters to every account, five changes in five seconds to a channel, a sign
    /// of typing that fades after ten seconds, and an enforced nonce that makes a repeated send one
    /// message.
    pub const DISCORD: Self = Self {
        name: "discord",
        text_max: 2000,
        unit: Unit::Characters,
        can_edit: true,
        can_type: true,
        edit_interval_ms: 1_200,
        typing_interval_ms: 8_000,
        is_markdown: true,
        has_idempotency_key: true,
    };

    /// Slack. Posting takes up to 40,000 characters in `text`, but changing a message takes 4,000,
    /// and a section block 3,000. An answer is changed while it grows and may be shown in a block,
    /// so the smallest of the three is the one that never loses the end of a final edit.
    pub const SLACK: Self = Self {
        name: "slack",
        text_max: 3000,
        unit: Unit::Characters,
        can_edit: true,
        can_type: false,
        edit_interval_ms: 1_200,
        typing_interval_ms: 0,
        is_markdown: true,
        has_idempotency_key: false,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_three_lengths() {
        let family = "👨‍👩‍👧";
        assert_eq!(Unit::Bytes.length(family), 18);
        assert_eq!(Unit::Utf16.length(family), 8);
        assert_eq!(Unit::Characters.length(family), 5);
        for unit in [Unit::Bytes, Unit::Utf16, Unit::Characters] {
            let sum: usize = family.chars().map(|character| unit.of(character)).sum();
            assert_eq!(sum, unit.length(family));
        }
    }
}
