//! Colour for people: only on a terminal, and never where `NO_COLOR` is set.

use std::fmt;
use std::io::IsTerminal;

use crate::log::Level;

/// Whether what is written somewhere is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    is_coloured: bool,
}

impl Style {
    /// For what is written there.
    pub(crate) fn of(output: &impl IsTerminal) -> Self {
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_plain = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
        Self { is_coloured: output.is_terminal() && !is_refused && !is_plain }
    }

    pub(crate) fn bold<T: fmt::Display>(self, what: T) -> Painted<T> {
        self.paint("1", what)
    }

    /// As it should be.
    pub(crate) fn good<T: fmt::Display>(self, what: T) -> Painted<T> {
        self.paint("32", what)
    }

    /// Somebody should look at it.
    pub(crate) fn doubtful<T: fmt::Display>(self, what: T) -> Painted<T> {
        self.paint("33", what)
    }

    /// Something is wrong.
    pub(crate) fn bad<T: fmt::Display>(self, what: T) -> Painted<T> {
        self.paint("1;31", what)
    }

    /// Of less weight than the rest.
    pub(crate) fn faint<T: fmt::Display>(self, what: T) -> Painted<T> {
        self.paint("2", what)
    }

    /// The name of a level of the log, as wide as the longest.
    pub(crate) fn level(self, level: Level) -> Painted<&'static str> {
        let (code, name) = match level {
            Level::Error => ("1;31", "ERROR"),
            Level::Warn => ("33", "WARN "),
            Level::Info => ("32", "INFO "),
            Level::Debug => ("36", "DEBUG"),
            Level::Trace => ("2", "TRACE"),
        };
        self.paint(code, name)
    }

    fn paint<T>(self, code: &'static str, what: T) -> Painted<T> {
        Painted { code: self.is_coloured.then_some(code), what }
    }
}

/// Something in a colour, or as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Painted<T> {
    code: Option<&'static str>,
    what: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(formatter, "\x1b[{code}m{}\x1b[0m", self.what),
            None => self.what.fmt(formatter),
        }
    }
}
