//! `sentinel version`, and `--version`: which build this is.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use sentinel_core::text::json;

use super::{Arguments, Command, Switch};
use crate::print::{print, println};

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "version",
    operands: "",
    operands_max: 0,
    summary: "which build this is",
    details: "The same as --version. All of it follows from the sources and the compiler.",
    options: &[Switch { name: "json", short: None, value: "", summary: "for programs" }],
    run: version,
}];

fn version(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    match arguments.has("json") {
        true => println!("{}", to_json()),
        false => print!("{}", text()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The facts, a line each; the first line is what most people want.
pub(super) fn text() -> String {
    let mut text = format!("sentinel {VERSION}");
    if let Some(short) = COMMIT.get(..SHORT_DIGITS) {
        let _ = write!(text, " ({short})");
    }
    text.push('\n');
    for (name, value) in facts() {
        let _ = writeln!(text, "{name}: {value}");
    }
    text
}

fn to_json() -> String {
    json::object(|object| {
        object.field("version", VERSION);
        for (name, value) in facts() {
            object.field(name, value.as_str());
        }
        object.field("static", IS_STATIC);
    })
}

fn facts() -> Vec<(&'static str, String)> {
    let commit = if COMMIT.is_empty() { "not known" } else { COMMIT };
    let linked = if IS_STATIC { "static" } else { "dynamic" };
    let tls = concat!("rustls ", env!("SENTINEL_BUILD_RUSTLS"));
    let tls = format!("{tls}, ring {}", env!("SENTINEL_BUILD_RING"));
    let profile = env!("SENTINEL_BUILD_PROFILE");
    vec![
        ("commit", commit.into()),
        ("target", env!("SENTINEL_BUILD_TARGET").into()),
        ("profile", profile.into()),
        ("rustc", env!("SENTINEL_BUILD_RUSTC").into()),
        ("tls", tls),
        ("linked", linked.into()),
    ]
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
const COMMIT: &str = env!("SENTINEL_BUILD_COMMIT");
const IS_STATIC: bool = cfg!(target_feature = "crt-static");
const SHORT_DIGITS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_those_of_this_build() {
        let document = to_json();
        let document = json::parse(document.as_bytes()).unwrap();
        let fact = |name: &str| document.root().get(name).unwrap().as_str().unwrap().to_string();
        assert_eq!(fact("version"), VERSION);
        assert!(fact("target").contains("linux") && fact("rustc").starts_with("rustc 1."));
        assert!(fact("tls").starts_with("rustls 0.") && fact("tls").contains(", ring 0."));
        assert!(text().starts_with("sentinel 0."), "{}", text());
    }
}
