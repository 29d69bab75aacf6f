//! What a person can tell the agent itself, in a chat: words that begin with a slash.
//!
//! # Invariants
//! - A text is a command, a mistaken command, or words for the model; never two of these.
//! - Only the person's own words are looked at: what is quoted or forwarded commands nothing.
//!
//! # Not here
//! Who may command what.

use alloc::string::{String, ToString};
use core::fmt;

use super::approval::Answer;
use crate::text::suggest;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Clear,
    Status,
    Stop,
    /// Which model to use; without a name, which there are.
    Model(Option<String>),
    Approve {
        question: u32,
        answer: Answer,
    },
    /// The answer to a question of a server: `name=value` and so on.
    Fill {
        question: u32,
        values: String,
    },
    Pair(String),
}

/// A text that begins like a command and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CommandError {
    Unknown {
        word: String,
        meant: Option<&'static str>,
    },
    Usage(&'static str),
    /// It says for whom it is, and that is somebody else.
    Another,
}

impl Command {
    /// Whether somebody may use it who is only there because a room is open.
    pub(super) const fn is_for_guests(&self) -> bool {
        matches!(self, Self::Help | Self::Status | Self::Stop)
    }

    /// Reads a text; `None` if it is not for the agent itself.
    pub(super) fn parse(text: &str) -> Option<Result<Self, CommandError>> {
        let text = text.trim().strip_prefix('/')?;
        if text.starts_with(char::is_whitespace) {
            return None;
        }
        let mut words = text.split_whitespace();
        let first = words.next()?;
        let (word, whom) = match first.split_once('@') {
            Some((word, whom)) => (word, Some(whom)),
            None => (first, None),
        };
        // A path is no command.
        if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
        // Connectors know the agent's own name there, and take it away: this is another's.
        if whom.is_some() {
            return Some(Err(CommandError::Another));
        }
        let lower = word.to_ascii_lowercase();
        let (first, second, third) = (words.next(), words.next(), words.next());
        let alone = |command| match first {
            None => Ok(command),
            Some(_) => Err(CommandError::Usage("this command takes nothing after it")),
        };
        Some(match lower.as_str() {
            "help" | "start" => alone(Self::Help),
            "clear" => alone(Self::Clear),
            "status" => alone(Self::Status),
            "stop" => alone(Self::Stop),
            "model" => match second {
                None => Ok(Self::Model(first.map(ToString::to_string))),
                Some(_) => Err(CommandError::Usage("/model NAME, or /model alone")),
            },
            "approve" if second.is_some_and(|word| word.contains('=')) => {
                // As it was written: what is between quotation marks keeps its spaces.
                let rest = text.get(first.map_or(0, |first| end_of(text, first))..);
                let values = rest.unwrap_or_default().trim().to_string();
                match answered(first, Some(Answer::Once), "/approve NUMBER name=value …") {
                    Ok(Self::Approve { question, .. }) => Ok(Self::Fill { question, values }),
                    other => other,
                }
            }
            "approve" => {
                let answer = match (second, third) {
                    (None, None) => Some(Answer::Once),
                    (Some(word), None) => Answer::named(word).ok().filter(|word| word.allows()),
                    _ => None,
                };
                answered(first, answer, "/approve NUMBER, or /approve NUMBER always|trust")
            }
            "deny" => {
                let answer = match (second, third) {
                    (None, None) => Some(Answer::No),
                    (Some("alert"), None) => Some(Answer::Alert),
                    _ => None,
                };
                answered(first, answer, "/deny NUMBER, or /deny NUMBER alert")
            }
            "pair" => match (first, second) {
                (Some(code), None) => Ok(Self::Pair(code.to_string())),
                _ => Err(CommandError::Usage("/pair CODE")),
            },
            unknown => Err(CommandError::Unknown {
                word: unknown.to_string(),
                meant: suggest::nearest(unknown, WORDS.iter().copied()),
            }),
        })
    }
}

/// Where a word ends that was taken out of a text.
fn end_of(text: &str, word: &str) -> usize {
    (word.as_ptr() as usize + word.len()).saturating_sub(text.as_ptr() as usize)
}

fn answered(
    number: Option<&str>,
    answer: Option<Answer>,
    usage: &'static str,
) -> Result<Command, CommandError> {
    let number = number.and_then(|number| number.strip_prefix('#').unwrap_or(number).parse().ok());
    match (number, answer) {
        (Some(question), Some(answer)) => Ok(Command::Approve { question, answer }),
        _ => Err(CommandError::Usage(usage)),
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { word, meant } => {
                write!(formatter, "there is no command /{word}")?;
                match meant {
                    Some(meant) => write!(formatter, "; did you mean /{meant}?"),
                    None => formatter.write_str("; /help names them"),
                }
            }
            Self::Usage(usage) => write!(formatter, "say it like this: {usage}"),
            Self::Another => formatter.write_str(
                "this command names somebody else, so I did nothing; leave out the name if it is \
                 for me",
            ),
        }
    }
}

const WORDS: [&str; 8] = ["help", "clear", "status", "stop", "model", "approve", "deny", "pair"];

/// What `/help` says.
pub(super) const HELP: &str = "\
I answer messages, with the tools that I was granted. These commands are for me alone:
/status  what I am doing, and what it has cost
/stop  end what I am doing
/clear  begin anew, without what was said here; the journal keeps it
/model NAME  use this model; /model alone names them
/approve NUMBER  allow what a question asks for, once; add `always` for a grant, or `trust` for \
the text it came from
/deny NUMBER  refuse it; add `alert` to tell the operators
/help  this";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_the_model_are_no_commands() {
        for text in ["", "hello", "what is /stop?", "/", "/ stop", "/etc/passwd is what?", "/x1"] {
            assert_eq!(Command::parse(text), None, "{text}");
        }
    }

    #[test]
    fn commands_are_read() {
        let read = |text| Command::parse(text).unwrap().unwrap();
        assert_eq!(read("/help"), Command::Help);
        assert_eq!(read(" /STOP "), Command::Stop);
        assert_eq!(read("/model"), Command::Model(None));
        assert_eq!(read("/model small"), Command::Model(Some("small".into())));
        let approve = |question, answer| Command::Approve { question, answer };
        assert_eq!(read("/approve 3"), approve(3, Answer::Once));
        assert_eq!(read("/approve #3 always"), approve(3, Answer::Always));
        assert_eq!(read("/approve 3 trust"), approve(3, Answer::Trust));
        assert_eq!(read("/deny 12"), approve(12, Answer::No));
        assert_eq!(read("/deny 12 alert"), approve(12, Answer::Alert));
        let fill = |question, values: &str| Command::Fill { question, values: values.into() };
        assert_eq!(read("/approve 3 a=1"), fill(3, "a=1"));
        assert_eq!(read(" /approve  #3  a=\"x  y\" b=  "), fill(3, "a=\"x  y\" b="));
        assert_eq!(read("/pair ABCDE23456"), Command::Pair("ABCDE23456".into()));
    }

    #[test]
    fn what_is_for_another_is_not_obeyed() {
        for text in ["/clear@otherbot", "/approve@otherbot 3", "/stop@", "/approve@a@b 3 always"] {
            assert_eq!(Command::parse(text), Some(Err(CommandError::Another)), "{text}");
        }
        assert_eq!(
            Command::parse("/me@home.example is my address"),
            Some(Err(CommandError::Another))
        );
    }

    #[test]
    fn a_mistake_is_said() {
        let error = |text| Command::parse(text).unwrap().unwrap_err().to_string();
        assert_eq!(error("/aprove 3"), "there is no command /aprove; did you mean /approve?");
        assert_eq!(error("/xyzzy"), "there is no command /xyzzy; /help names them");
        assert_eq!(error("/deny 3 once"), "say it like this: /deny NUMBER, or /deny NUMBER alert");
        for text in ["/approve", "/approve three", "/approve 3 no", "/approve 3 4 5", "/stop it"] {
            assert!(Command::parse(text).unwrap().is_err(), "{text}");
        }
    }
}
