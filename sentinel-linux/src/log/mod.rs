//! What is said about the work, for whoever runs the program: never what people said, and never a
//! secret.
//!
//! One macro for each level: `error!` for what was lost or cannot go on, `warn!` for what somebody
//! should look at, `info!` for what happened; `debug!` and `trace!` name the part of the program
//! they are about and carry fields.
//!
//! # Invariants
//! - What people, models and tools said is a [`Words`]; only a line of `debug` or `trace` shows it,
//!   any other says how long it was. A secret has no form that shows it.
//! - A line is one line, whatever is in it, and has no bytes that a terminal obeys.
//! - Nobody waits for a reader of standard error: what it does not take is kept up to a bound, then
//!   left out, counted and said.

mod line;
mod sink;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use sentinel_core::config::{self, LogFormat, LogLevel};

use self::line::{Form, Line};
use self::sink::Sink;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Error, "error"),
        (Self::Warn, "warn"),
        (Self::Info, "info"),
        (Self::Debug, "debug"),
        (Self::Trace, "trace"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(level, _)| *level == self).map_or("", |(_, name)| name)
    }

    /// The level of this name.
    ///
    /// # Errors
    /// There is none; the text says which there are.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found.map(|(level, _)| *level).ok_or_else(|| {
            format!("there is no log level '{name}': it is error, warn, info, debug or trace")
        })
    }
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }
}

/// What people, models or tools said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'w>(pub(crate) &'w str);

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    Number(u64),
    /// A name of the configuration or of ours: a platform, a model, a host.
    Name(&'v str),
    Words(Words<'v>),
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(name: &'v str) -> Self {
        Self::Name(name)
    }
}

impl<'v> From<Words<'v>> for Value<'v> {
    fn from(words: Words<'v>) -> Self {
        Self::Words(words)
    }
}

/// Whether lines of a level are written.
pub(crate) fn is_on(level: Level) -> bool {
    level as u8 <= LEVEL.load(Ordering::Relaxed)
}

/// From here on the log is written as the configuration says; `level` counts for more than its own.
/// To be called before the process confines itself.
pub(crate) fn start(log: config::Log, level: Option<Level>, is_service: bool) {
    with(|logger| {
        logger.is_terminal = sink::is_terminal();
        logger.text = Form::text();
        logger.sink.do_not_wait();
    });
    configure(log, level, is_service);
}

/// The same with another configuration.
pub(crate) fn configure(log: config::Log, level: Option<Level>, is_service: bool) {
    LEVEL.store(level.unwrap_or_else(|| log.level.into()) as u8, Ordering::Relaxed);
    with(|logger| {
        logger.form = match log.format {
            LogFormat::Json => Form::Json,
            LogFormat::Text => logger.text,
            // Whoever talks with it here reads standard error, or a script of theirs does.
            LogFormat::Auto if !is_service => Form::Plain,
            LogFormat::Auto if logger.is_terminal => logger.text,
            LogFormat::Auto => Form::Json,
        };
    });
}

/// Whether lines wait for a reader: then come back soon with [`flush`].
pub(crate) fn is_behind() -> bool {
    IS_BEHIND.load(Ordering::Relaxed)
}

/// Writes what waits, as far as it is taken.
pub(crate) fn flush() {
    with(Logger::flush);
}

/// From here on lines are [taken](take_held) by whoever shows what is on the terminal, or written
/// again.
pub(crate) fn hold(is_held: bool) {
    with(|logger| {
        logger.sink.hold(is_held);
        logger.flush();
    });
}

/// The lines that are held, whole.
pub(crate) fn take_held() -> String {
    with(|logger| {
        let lines = logger.take_held();
        IS_BEHIND.store(logger.sink.is_behind(), Ordering::Relaxed);
        String::from_utf8_lossy(&lines).into_owned()
    })
}

/// The program ends: what waits is written if it is taken within a second.
pub(crate) fn finish() {
    with(|logger| {
        logger.flush();
        logger.sink.finish();
    });
}

/// Says something.
pub(crate) fn say(level: Level, what: fmt::Arguments<'_>) {
    write(level, "", what, &[]);
}

/// Says something about a part of the program, with fields.
pub(crate) fn write(
    level: Level,
    part: &str,
    message: fmt::Arguments<'_>,
    fields: &[(&str, Value<'_>)],
) {
    if is_on(level) {
        with(|logger| {
            logger.say(&Line { level, part, message, fields });
            logger.flush();
        });
    }
}

struct Logger {
    form: Form,
    /// How lines for people look there: found out at the start, when everything can be asked.
    text: Form,
    is_terminal: bool,
    sink: Sink,
    /// The line that is being written, and its message: used again and again.
    line: String,
    message: String,
}

impl Logger {
    fn say(&mut self, line: &Line<'_>) {
        self.line.clear();
        line.write(self.form, &mut self.message, &mut self.line);
        self.line.push('\n');
        self.sink.push(self.line.as_bytes());
    }

    fn flush(&mut self) {
        if self.sink.flush() && self.tell_dropped() {
            self.sink.flush();
        }
        IS_BEHIND.store(self.sink.is_behind(), Ordering::Relaxed);
    }

    fn take_held(&mut self) -> Vec<u8> {
        if !self.sink.is_held() {
            // Whoever writes them says how many were left out, once there is room for that.
            return Vec::new();
        }
        let mut lines = self.sink.take();
        if self.tell_dropped() {
            lines.append(&mut self.sink.take());
        }
        lines
    }

    /// Says how many lines were left out, if any were.
    fn tell_dropped(&mut self) -> bool {
        let Some(count) = self.sink.take_dropped() else { return false };
        let message = format_args!("{count} lines were left out here: nobody read them in time");
        self.say(&Line { level: Level::Warn, part: "log", message, fields: &[] });
        true
    }
}

fn with<T>(body: impl FnOnce(&mut Logger) -> T) -> T {
    body(&mut LOGGER.lock().unwrap_or_else(PoisonError::into_inner))
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Info as u8);
static IS_BEHIND: AtomicBool = AtomicBool::new(false);
static LOGGER: Mutex<Logger> = Mutex::new(Logger {
    form: Form::Plain,
    text: Form::Plain,
    is_terminal: false,
    sink: Sink::new(),
    line: String::new(),
    message: String::new(),
});

macro_rules! error {
    ($($what:tt)*) => { $crate::log::say($crate::log::Level::Error, format_args!($($what)*)) };
}
macro_rules! warning {
    ($($what:tt)*) => { $crate::log::say($crate::log::Level::Warn, format_args!($($what)*)) };
}
macro_rules! info {
    ($($what:tt)*) => { $crate::log::say($crate::log::Level::Info, format_args!($($what)*)) };
}
/// `debug!("network", [host = name, milliseconds = 12], "connected")`.
macro_rules! debug {
    ($part:literal, [$($name:ident = $value:expr),* $(,)?], $($what:tt)*) => {
        $crate::log::fields!(Debug, $part, [$($name = $value),*], $($what)*)
    };
}
macro_rules! trace {
    ($part:literal, [$($name:ident = $value:expr),* $(,)?], $($what:tt)*) => {
        $crate::log::fields!(Trace, $part, [$($name = $value),*], $($what)*)
    };
}
macro_rules! fields {
    ($level:ident, $part:literal, [$($name:ident = $value:expr),*], $($what:tt)*) => {
        if $crate::log::is_on($crate::log::Level::$level) {
            let fields = [$((stringify!($name), $crate::log::Value::from($value))),*];
            let what = format_args!($($what)*);
            $crate::log::write($crate::log::Level::$level, $part, what, &fields);
        }
    };
}
pub(crate) use {debug, error, fields, info, trace, warning as warn};

#[cfg(test)]
mod tests {
    use super::*;

    /// Who asks for held lines where none are held takes nothing, the count of what was left out
    /// neither.
    #[test]
    fn the_count_of_what_was_left_out_is_told_to_whoever_reads_on() {
        let mut logger = Logger {
            form: Form::Plain,
            text: Form::Plain,
            is_terminal: false,
            sink: Sink::new(),
            line: String::new(),
            message: String::new(),
        };
        let line = [b'x'; 64 * 1024];
        for _ in 0..7 {
            logger.sink.push(&line);
        }
        assert!(logger.take_held().is_empty());
        assert_eq!(logger.sink.take_dropped(), Some(3));
        logger.sink.push(&line);
        logger.sink.hold(true);
        let lines = String::from_utf8(logger.take_held()).unwrap();
        assert!(lines.ends_with("1 lines were left out here: nobody read them in time\n"));
        assert!(logger.take_held().is_empty());
    }
}
