//! The developer commands of Sentinel, started as `cargo xtask COMMAND`.
//!
//! One program in the language of the project instead of shell scripts: it runs the same on every
//! machine, sets up what is missing, and its own checks have tests. It has no dependencies, so it
//! builds in seconds and before anything else.
//!
//! # Not here
//! What is being checked. A step that needs more than one call of a tool has a module of its own.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod apt;
mod bench;
mod check;
mod cpp;
mod crash;
mod dist;
mod error;
mod figures;
mod fuzz;
mod luperiq;
mod metal;
mod process;
mod sandboxes;
mod sanitize;
mod setup;
mod similar;
mod tidy;
mod wasm;
mod workspace;

use std::process::ExitCode;

use error::Error;
use workspace::Workspace;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Finds the command and hands it the rest of the line.
fn run(arguments: &[String]) -> Result<(), Error> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", arguments),
    };
    if matches!(name, "help" | "-h" | "--help") {
        help();
        return Ok(());
    }
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(&Workspace::find()?, rest),
        None => {
            let names = COMMANDS.iter().map(|command| command.name);
            Err(similar::unknown("command", name, names, "cargo xtask help"))
        }
    }
}

fn help() {
    println!("cargo xtask COMMAND\n");
    for Command { name, arguments, about, .. } in COMMANDS {
        println!("  {:36} {about}", format!("{name} {arguments}"));
    }
    println!("  {:36} this list", "help");
    println!("\nSteps of check: {}", check::names().collect::<Vec<_>>().join(", "));
}

/// One line of `cargo xtask help`, and what it starts.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&Workspace, &[String]) -> Result<(), Error>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "check",
        arguments: "[STEP...]",
        about: "every check before a commit, or only the named steps",
        run: check::run,
    },
    Command {
        name: "tidy",
        arguments: "",
        about: "house rules that a machine can see",
        run: |workspace, rest| no_arguments("tidy", rest).and_then(|()| tidy::run(workspace)),
    },
    Command {
        name: "metal",
        arguments: "[--sizes] [--from rustup|debian]",
        about: "link the core for aarch64-unknown-none; --sizes for a small one, by module",
        run: metal::command,
    },
    Command {
        name: "luperiq",
        arguments: "[talk | connected | build | image | run [WORD...] | test | figures | unsafe]",
        about: "the kernel: boot it in QEMU, test it, count; talk with an agent on it",
        run: luperiq::command,
    },
    Command {
        name: "fuzz",
        arguments: "[TARGET] [--runs N] [--jobs N]",
        about: "feed hostile bytes to one target or to all of them",
        run: fuzz::command,
    },
    Command {
        name: "crash",
        arguments: "",
        about: "kill the program at every moment, and let every call fail; some ten minutes",
        run: |workspace, rest| no_arguments("crash", rest).and_then(|()| crash::crash(workspace)),
    },
    Command {
        name: "peers",
        arguments: "",
        about: "install servers that others wrote, of models and of tools, and talk with them",
        run: |workspace, rest| no_arguments("peers", rest).and_then(|()| crash::peers(workspace)),
    },
    Command {
        name: "bench",
        arguments: "[ARGUMENT...]",
        about: "measure the core; arguments go to the benchmarks",
        run: bench::command,
    },
    Command {
        name: "figures",
        arguments: "[--dynamic] [MEASUREMENT...]",
        about: "measure the program: size, start, memory, speed",
        run: figures::command,
    },
    Command {
        name: "dist",
        arguments: "[--twice]",
        about: "build what is given out; --twice shows that it can be repeated",
        run: dist::command,
    },
];

/// Refuses arguments where none have a meaning, so that a typing error is never ignored.
fn no_arguments(command: &str, rest: &[String]) -> Result<(), Error> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Error::new(format!("`{extra}` means nothing to `{command}`"))
            .help(format!("run `cargo xtask {command}` alone"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn a_mistyped_command_is_named_and_corrected() {
        let error = run(&words("chekc")).unwrap_err().to_string();
        assert!(error.contains("unknown command `chekc`"), "{error}");
        assert!(error.contains("did you mean `check`?"), "{error}");
    }

    #[test]
    fn an_argument_without_meaning_is_refused() {
        let error = run(&words("tidy --fix")).unwrap_err().to_string();
        assert!(error.contains("`--fix` means nothing to `tidy`"), "{error}");
    }
}
