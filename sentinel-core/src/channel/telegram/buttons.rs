//! Buttons under a question, and what pressing one says.
//!
//! A button says what a person could write: it is a command of the person who presses it, in that
//! chat, and whoever may not answer by words may not by buttons either.
//!
//! # Invariants
//! - A button names the number of its question, so that it never answers another one.
//! - What a press holds is read strictly: a client can send what it likes.
//! - Only the end of a question has buttons: who can press has seen all of it, or could have.
//!
//! # Not here
//! Whether the answer is taken: the agent.

use alloc::format;
use alloc::string::String;

use crate::channel::UNFINISHED;
use crate::text::json;

/// The answers there are buttons for: their word in a press, on the button, and the command.
const ANSWERS: [(&str, &str, &str, &str); 4] = [
    ("once", "✅ Allow once", "/approve", ""),
    ("deny", "⛔ Deny", "/deny", ""),
    ("trust", "Trust its source", "/approve", " trust"),
    ("always", "Allow always", "/approve", " always"),
];

/// Which buttons a post has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buttons {
    question: u32,
    can_trust: bool,
    can_always: bool,
}

impl Buttons {
    /// The buttons of a question; none for a part of it that another one follows.
    pub(super) fn under(text: &str, question: u32) -> Option<Self> {
        if text.ends_with(UNFINISHED) {
            return None;
        }
        // The last line says how it can be answered. What stands above comes from anywhere.
        let ways = text.lines().next_back().unwrap_or_default();
        Some(Self {
            question,
            can_trust: ways.contains(&format!("/approve {question} trust")),
            can_always: ways.contains(&format!("/approve {question} always")),
        })
    }

    /// Writes the member of a message.
    pub(super) fn write(self, out: &mut json::ObjectWriter<'_, String>) {
        out.object("reply_markup", |out| {
            out.array("inline_keyboard", |rows| {
                let row = |words: &[&str], row: &mut json::ArrayWriter<'_, String>| {
                    let shown = ANSWERS.iter().filter(|(word, ..)| words.contains(word));
                    for (word, label, ..) in shown {
                        row.object(|button| {
                            button.field("text", *label);
                            button.field("callback_data", &format!("{word}:{}", self.question));
                        });
                    }
                };
                rows.array(|out| row(&["once", "deny"], out));
                if self.can_trust {
                    rows.array(|out| row(&["trust"], out));
                }
                if self.can_always {
                    rows.array(|out| row(&["always"], out));
                }
            });
        });
    }
}

/// The command that a press stands for, if it is one of a button of ours.
pub(super) fn pressed(data: &str) -> Option<String> {
    let (word, number) = data.split_once(':')?;
    let question = number.parse().ok().filter(|read: &u32| format!("{read}") == number)?;
    let (.., command, rest) = ANSWERS.iter().find(|(known, ..)| *known == word)?;
    Some(format!("{command} {question}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        let buttons = Buttons::under(text, 3)?;
        Some(json::object(|out| buttons.write(out)))
    }

    #[test]
    fn every_button_says_what_a_person_could_write() {
        let all = "Question 3\nAnswer /approve 3, /approve 3 always, /approve 3 trust or /deny 3.";
        let written = written(all).unwrap();
        for (data, command) in [
            ("once:3", "/approve 3"),
            ("deny:3", "/deny 3"),
            ("trust:3", "/approve 3 trust"),
            ("always:3", "/approve 3 always"),
        ] {
            assert!(written.contains(&format!("\"callback_data\":\"{data}\"")), "{written}");
            assert_eq!(pressed(data).as_deref(), Some(command));
        }
    }

    /// Goal: what a question is about cannot bring buttons with it.
    #[test]
    fn only_the_last_line_offers_and_only_the_last_piece_has_buttons() {
        let some = written("run: echo /approve 3 always\nAnswer /approve 3 or /deny 3.").unwrap();
        assert!(some.contains("once:3") && some.contains("deny:3"));
        assert!(!some.contains("always") && !some.contains("trust"), "{some}");
        assert_eq!(written("Answer /approve 3 or /deny 3. …"), None);
    }

    #[test]
    fn other_data_is_no_press() {
        for data in [
            "",
            "once",
            "once:",
            "once:x",
            "once:-1",
            "once:03",
            "once:+3",
            "ONCE:3",
            "once:3:4",
            "stop:3",
            "once: 3",
            "once:4294967296",
        ] {
            assert_eq!(pressed(data), None, "{data}");
        }
    }
}
