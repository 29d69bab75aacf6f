//! The command line, read by the table of commands.
//!
//! # Invariants
//! - What is not in the table is an error that says what is near it, and nothing is done.

use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use sentinel_core::order::Map;
use sentinel_core::text::suggest::nearest;

use super::{COMMON, Command, Switch, all};
use crate::configuration::{self, Configuration};
use crate::log::Level;
use crate::program::{Mode, Options};

/// What stood on the command line besides the command.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// The words that are no options, in their order.
    pub(crate) operands: Vec<OsString>,
    options: Map<&'static str, OsString>,
    /// Those that may be given more than once, in the order in which they were.
    lists: Vec<(&'static str, OsString)>,
}

impl Arguments {
    /// Whether an option was given.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.contains_key(option)
    }

    /// The value of an option, as text.
    ///
    /// # Errors
    /// It is no text.
    pub(crate) fn text(&self, option: &str) -> Result<Option<String>, ArgumentError> {
        let value = self.options.get(option).cloned();
        value.map(|value| value.into_string().map_err(ArgumentError::NoText)).transpose()
    }

    /// The value of an option, as a path.
    pub(crate) fn path(&self, option: &str) -> Option<PathBuf> {
        self.options.get(option).map(PathBuf::from)
    }

    /// All values of an option that may be given more than once, in their order.
    pub(crate) fn all(&self, option: &str) -> impl Iterator<Item = &OsString> {
        self.lists.iter().filter(move |(name, _)| *name == option).map(|(_, value)| value)
    }

    /// A word that the command needs.
    ///
    /// # Errors
    /// It is missing, or no text.
    pub(crate) fn operand(&self, index: usize, what: &str) -> Result<String, Box<dyn Error>> {
        let word = self.operands.get(index).ok_or_else(|| format!("{what} is missing"))?;
        Ok(word.clone().into_string().map_err(ArgumentError::NoText)?)
    }

    /// The configuration that was named, or the usual one; what there is to say about it is said.
    pub(crate) fn configuration(&self) -> Result<Configuration, Box<dyn Error>> {
        configuration::find(self.path("config").as_deref(), self.has("i-know-what-im-doing"))
    }

    /// What there is to say about it, for programs, and whether the agent would start with it.
    pub(super) fn checked_configuration(&self) -> Result<(String, bool), Box<dyn Error>> {
        configuration::checked(self.path("config").as_deref(), self.has("i-know-what-im-doing"))
    }

    /// The same for a command that only looks: however dangerous it is to start with, reading what
    /// came of it is not.
    pub(super) fn harmless_configuration(&self) -> Result<Configuration, Box<dyn Error>> {
        configuration::find(self.path("config").as_deref(), true)
    }

    /// Where the agent lives.
    pub(crate) fn state(&self, configuration: &Configuration) -> PathBuf {
        let usual = || PathBuf::from(&configuration.config.state().directory);
        self.path("state").unwrap_or_else(usual)
    }

    /// What the agent itself is started with.
    pub(super) fn options(&self, mode: Mode) -> Result<Options, Box<dyn Error>> {
        let configuration = self.configuration()?;
        let state = self.state(&configuration);
        let (log, is_confined) = (self.log()?, !self.has("no-sandbox"));
        let state_is_named = self.has("state");
        let accepts_danger = self.has("i-know-what-im-doing");
        Ok(Options { configuration, mode, state, state_is_named, is_confined, accepts_danger, log })
    }

    /// How much is said, if that was asked for here or in the environment.
    fn log(&self) -> Result<Option<Level>, Box<dyn Error>> {
        let named = self.text("log")?.or_else(|| std::env::var("SENTINEL_LOG").ok());
        let named = named.filter(|level| !level.is_empty());
        Ok(named.map(|level| Level::named(&level)).transpose()?)
    }
}

/// Reads the command line: which command, if one was named, and what it was given.
pub(super) fn read(
    mut parser: lexopt::Parser,
) -> Result<(Option<&'static Command>, Arguments), ArgumentError> {
    let mut arguments = Arguments::default();
    let mut command: Option<&'static Command> = None;
    let mut first: Option<String> = None;
    // Options may stand before the command: they are looked up when it is known.
    while let Some(argument) = parser.next()? {
        let given = match argument {
            lexopt::Arg::Value(word) => {
                match (command, &first) {
                    (None, None) => {
                        let word = word.into_string().map_err(ArgumentError::NoText)?;
                        command = all().find(|known| known.name == word);
                        first = Some(word);
                    }
                    (_, Some(before)) if arguments.operands.is_empty() => {
                        let name = format!("{before} {}", word.to_string_lossy());
                        match all().find(|known| known.name == name) {
                            Some(longer) => {
                                command = Some(longer);
                                first = None;
                            }
                            None => arguments.operands.push(word),
                        }
                    }
                    _ => arguments.operands.push(word),
                }
                continue;
            }
            lexopt::Arg::Short(letter) => Given::Short(letter),
            lexopt::Arg::Long(name) => Given::Long(name.to_string()),
        };
        let known = COMMON.iter().chain(command.into_iter().flat_map(|known| known.options));
        // An option before its command is one of the command all programs begin with: chat.
        let known = known.chain(all().filter(|_| command.is_none()).flat_map(|row| row.options));
        let mut known = known.copied();
        let Some(switch) = known.find(|switch| given.names(switch)) else {
            return Err(unknown_option(&given, command));
        };
        let value = match switch.value {
            "" => OsString::new(),
            _ => parser.value()?,
        };
        if switch.value.ends_with(MANY) {
            arguments.lists.push((switch.name, value));
        } else if arguments.options.insert(switch.name, value).is_some() {
            return Err(ArgumentError::Twice(switch.name));
        }
    }
    let Some(command) = command else {
        return match first {
            Some(word) => Err(unknown_command(&word, &arguments)),
            None => Ok((None, arguments)),
        };
    };
    if arguments.operands.len() > command.operands_max {
        let word = arguments.operands.swap_remove(command.operands_max);
        let family = format!("{} ", command.name);
        let others = all().filter_map(|known| known.name.strip_prefix(family.as_str()));
        let word = word.to_string_lossy().into_owned();
        return Err(ArgumentError::Unexpected { command, near: nearest(&word, others), word });
    }
    let own = command.options.iter().chain(COMMON).map(|switch| switch.name);
    let own: Vec<&str> = own.collect();
    let given = arguments.options.keys().chain(arguments.lists.iter().map(|(name, _)| name));
    if let Some(foreign) = given.into_iter().find(|name| !own.contains(name)) {
        return Err(unknown_option(&Given::Long((*foreign).to_string()), Some(command)));
    }
    Ok((Some(command), arguments))
}

/// How what an option's value is called ends, if it may be given more than once.
const MANY: &str = "...";

/// An option as it was written.
enum Given {
    Short(char),
    Long(String),
}

impl Given {
    fn names(&self, switch: &Switch) -> bool {
        match self {
            Self::Short(letter) => switch.short == Some(*letter),
            Self::Long(name) => switch.name == name,
        }
    }
}

fn unknown_option(given: &Given, command: Option<&'static Command>) -> ArgumentError {
    let (option, near) = match given {
        Given::Short(letter) => (format!("-{letter}"), None),
        Given::Long(name) => {
            let own =
                all().filter(|known| command.is_none_or(|command| command.name == known.name));
            let own = own.flat_map(|known| known.options);
            let known = COMMON.iter().chain(own).map(|switch| switch.name);
            (format!("--{name}"), nearest(name, known))
        }
    };
    ArgumentError::Option { option, near, command }
}

fn unknown_command(word: &str, arguments: &Arguments) -> ArgumentError {
    // The first word of a family, like `audit`, that is no command by itself.
    let family = format!("{word} ");
    if all().any(|known| known.name.starts_with(&family)) {
        let given = arguments.operands.first();
        let given = given.map(|word| word.to_string_lossy().into_owned());
        let near = given.as_deref().and_then(|given| {
            nearest(given, all().filter_map(|known| known.name.strip_prefix(family.as_str())))
        });
        return ArgumentError::Family { word: word.into(), given, near };
    }
    let near = nearest(word, all().map(|known| known.name));
    ArgumentError::Command { word: word.into(), near }
}

/// Why a command line was not understood.
#[derive(Debug)]
pub(crate) enum ArgumentError {
    Command { word: String, near: Option<&'static str> },
    Family { word: String, given: Option<String>, near: Option<&'static str> },
    Option { option: String, near: Option<&'static str>, command: Option<&'static Command> },
    Unexpected { command: &'static Command, word: String, near: Option<&'static str> },
    Twice(&'static str),
    NoText(OsString),
    Line(lexopt::Error),
}

impl From<lexopt::Error> for ArgumentError {
    fn from(error: lexopt::Error) -> Self {
        Self::Line(error)
    }
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut suggestion = None;
        match self {
            Self::Command { word, near } => {
                write!(formatter, "there is no command '{word}'")?;
                suggestion = *near;
            }
            Self::Family { word, given, near } => {
                let family = format!("{word} ");
                match given {
                    Some(given) => write!(formatter, "'{word}' has no '{given}'; it has")?,
                    None => write!(formatter, "'{word}' needs to be told what: it has")?,
                }
                let names = all().filter_map(|known| known.name.strip_prefix(family.as_str()));
                write!(formatter, " {}", names.collect::<Vec<_>>().join(", "))?;
                suggestion = *near;
            }
            Self::Option { option, near, command } => {
                match command {
                    Some(command) => {
                        write!(formatter, "'{}' has no option '{option}'", command.name)?;
                    }
                    None => write!(formatter, "there is no option '{option}'")?,
                }
                if let Some(near) = near {
                    return write!(formatter, "; did you mean '--{near}'?");
                }
                let name = command.map_or(String::new(), |command| format!("{} ", command.name));
                return write!(formatter, "; 'sentinel {name}--help' lists them");
            }
            Self::Unexpected { command, word, near } => {
                let name = command.name;
                match command.operands {
                    "" => write!(formatter, "'{name}' takes no words, and got '{word}'")?,
                    usual => write!(formatter, "'{name}' takes {usual}, and got '{word}' too")?,
                }
                suggestion = *near;
            }
            Self::Twice(name) => write!(formatter, "'--{name}' stands there twice")?,
            Self::NoText(word) => {
                write!(formatter, "'{}' is no text in UTF-8", word.to_string_lossy())?;
            }
            Self::Line(error) => write!(formatter, "{error}")?,
        }
        match (self, suggestion) {
            (Self::NoText(_) | Self::Twice(_) | Self::Line(_), _) => Ok(()),
            (_, Some(near)) => write!(formatter, "; did you mean '{near}'?"),
            (Self::Command { .. }, None) => formatter.write_str("; 'sentinel --help' lists them"),
            _ => Ok(()),
        }
    }
}

impl Error for ArgumentError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Result<(Option<&'static str>, Arguments), String> {
        let parser = lexopt::Parser::from_args(line.split_whitespace());
        let (command, arguments) = read(parser).map_err(|error| error.to_string())?;
        Ok((command.map(|command| command.name), arguments))
    }

    #[test]
    fn options_stand_before_and_after_their_command() {
        for line in
            ["chat -m hi --state /s", "--state /s -mhi chat", "--message=hi chat --state=/s"]
        {
            let (command, arguments) = said(line).unwrap();
            assert_eq!(command, Some("chat"));
            assert_eq!(arguments.text("message").unwrap().as_deref(), Some("hi"));
            assert_eq!(arguments.path("state"), Some("/s".into()));
        }
        assert_eq!(said("").unwrap().0, None);
        assert_eq!(said("--config x config show").unwrap().0, Some("config show"));
    }

    #[test]
    fn what_is_not_understood_says_what_is_near() {
        let error = |line| said(line).unwrap_err();
        assert_eq!(error("chta"), "there is no command 'chta'; did you mean 'chat'?");
        assert_eq!(error("weather"), "there is no command 'weather'; 'sentinel --help' lists them");
        assert_eq!(
            error("--messag hi"),
            "there is no option '--messag'; did you mean '--message'?"
        );
        assert!(error("run -m hi").starts_with("'run' has no option '-m'"));
        assert!(error("-m hi run").starts_with("'run' has no option '--message'"));
        assert_eq!(error("config"), "'config' needs to be told what: it has check, show, schema");
        assert!(error("config shwo").ends_with("did you mean 'show'?"));
        assert_eq!(error("run now"), "'run' takes no words, and got 'now'");
        assert_eq!(error("chat -m a -m b"), "'--message' stands there twice");
        assert!(error("chat -m").contains("missing argument"));
        assert!(error("chat --state").contains("missing argument"));
    }

    #[test]
    fn every_command_has_a_name_of_its_own_and_help() {
        let names: sentinel_core::order::Set<&str> = all().map(|known| known.name).collect();
        assert_eq!(names.len(), all().count());
        for command in all() {
            let help = super::super::help::about(Some(command));
            // In whichever lines.
            let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(help.contains(command.summary), "{help}");
            for switch in command.options {
                assert!(COMMON.iter().all(|common| common.name != switch.name));
                assert!(help.contains(switch.summary), "{help}");
            }
        }
    }
}
