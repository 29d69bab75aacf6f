//! The file, end to end.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Config, Reading, Surroundings, read};

mod build;
mod dangers;
mod errors;
mod properties;
mod schema;

/// Reads a text in an ordinary home, with these variables set.
fn read_with(text: &str, variables: &[(&str, &str)]) -> Reading {
    let environment = |name: &str| {
        let found = variables.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| value.to_string())
    };
    let file = |path: &str| match path {
        "/srv/work/persona.md" => Some(String::from("kind")),
        "/srv/work/instructions.md" => Some(String::from("Be brief.")),
        _ => None,
    };
    let program = |name: &str| (name == "git").then(|| String::from("/usr/bin/git"));
    read(
        text,
        &Surroundings {
            environment: &environment,
            home: Some("/users/ada"),
            file: &file,
            program: &program,
            tools: &|_| Vec::from([String::from("weather")]),
            ..Surroundings::bare("/srv/work")
        },
    )
}

/// What is said of a text, one after the other.
fn said(text: &str) -> Vec<String> {
    said_with(text, &[])
}

fn said_with(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    read_with(text, variables).diagnostics.iter().map(ToString::to_string).collect()
}

/// A configuration about which nothing is said.
fn config(text: &str) -> Config {
    let Reading { config, diagnostics } = read_with(text, &[]);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    config.unwrap()
}
