//! What commands print, for whoever reads it.
//!
//! The standard library's `println!` panics where nothing takes the line. These have its names,
//! because they are used like it.
//!
//! # Invariants
//! - A reader who has seen enough (`sentinel audit verify | head -1`) ends the command, and nothing
//!   failed.
//! - What could not be written otherwise is said, and the command has failed.

use std::fmt;
use std::io::{self, Write as _};
use std::process;

use crate::log;

/// Prints this.
pub(crate) fn write(text: fmt::Arguments<'_>) {
    let Err(error) = io::stdout().lock().write_fmt(text) else { return };
    let is_read = error.kind() != io::ErrorKind::BrokenPipe;
    if is_read {
        log::error!("what this prints could not be written: {error}");
    }
    log::finish();
    process::exit(i32::from(is_read));
}

macro_rules! print {
    ($($text:tt)*) => {
        $crate::print::write(format_args!($($text)*))
    };
}

macro_rules! println {
    () => {
        $crate::print::write(format_args!("\n"))
    };
    ($($text:tt)*) => {
        $crate::print::write(format_args!("{}\n", format_args!($($text)*)))
    };
}

pub(crate) use {print, println};
