//! What is said about the work, for whoever runs the program: never what people said, and never a
//! secret.
//!
//! One macro for each level: `error!` for what was lost or cannot go on, `warn!` for what somebody
//! should look at, `info!` for what happened.

use std::fmt;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
}

/// Says something.
pub(crate) fn say(_: Level, what: fmt::Arguments<'_>) {
    eprintln!("sentinel: {what}");
}

macro_rules! error {
    ($($what:tt)*) => { $crate::log::say($crate::log::Level::Error, format_args!($($what)*)) };
}
macro_rules! warning {
    ($($what:tt)*) => { $crate::log::say($crate::log::Level::Warn, format_args!($($what)*)) };
}
macro_rules! info {
    ($($what:tt)*) => { $crate::log::say($crate::log::Level::Info, format_args!($($what)*)) };
}
pub(crate) use {error, info, warning as warn};
