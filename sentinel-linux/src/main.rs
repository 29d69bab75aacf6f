//! `sentinel`: an agent that can do only what a person granted.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod clock;
mod configuration;
mod confine;
mod connectors;
mod fetch;
mod journal;
mod models;
mod network;
mod persona;
mod poller;
mod program;
mod seal;
mod secrets;
mod signals;
mod state;
mod terminal;
mod tools;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use program::Mode;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sentinel: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_env();
    let (mut command, mut state, mut message, mut config) = (None, None, None, None);
    let (mut is_confined, mut accepts_danger, mut is_asked) = (true, false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            Short('V') | Long("version") => {
                println!("sentinel {}", env!("CARGO_PKG_VERSION"));
                return Ok(ExitCode::SUCCESS);
            }
            Long("config") => config = Some(PathBuf::from(parser.value()?)),
            Long("i-know-what-im-doing") => accepts_danger = true,
            Long("no-sandbox") => is_confined = false,
            Long("state") => state = Some(PathBuf::from(parser.value()?)),
            Short('m') | Long("message") => message = Some(parser.value()?.string()?),
            Value(word) if command.is_none() => command = Some(Command::named(&word.string()?)?),
            Value(word) if command == Some(Command::Config(Ask::Check)) && !is_asked => {
                command = Some(Command::Config(Ask::named(&word.string()?)?));
                is_asked = true;
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if command == Some(Command::Config(Ask::Schema)) {
        println!("{}", sentinel_core::config::schema());
        return Ok(ExitCode::SUCCESS);
    }
    let configuration = configuration::find(config.as_deref(), accepts_danger)?;
    let usual = || PathBuf::from(&configuration.config.state().directory);
    let state = state.unwrap_or_else(usual);
    let is_connected = !configuration.config.connectors().is_empty();
    let usual = if is_connected { Command::Run } else { Command::Chat };
    let mode = match (command.unwrap_or(usual), message) {
        (_, Some(_)) if command == Some(Command::Run) => {
            return Err("'run' takes no message".into());
        }
        (Command::Config(_), Some(_)) => return Err("'config' takes no message".into()),
        (Command::Config(ask), None) => {
            match ask {
                Ask::Show => print!("{}", sentinel_core::config::show(&configuration.config)),
                _ => println!("{}", configuration.found()),
            }
            return Ok(ExitCode::SUCCESS);
        }
        (_, Some(message)) => Mode::Single(message),
        (Command::Chat, None) => Mode::Chat,
        (Command::Run, None) if is_connected => Mode::Run,
        (Command::Run, None) => {
            return Err("no platform is configured, so there is nobody to talk with; \
                        'sentinel chat' talks with you here"
                .into());
        }
    };
    program::run(&program::Options { configuration, mode, state, is_confined })
}

/// What the program is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Chat,
    Run,
    Config(Ask),
}

/// What is asked about the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Check,
    Show,
    Schema,
}

impl Ask {
    fn named(word: &str) -> Result<Self, String> {
        match word {
            "check" => Ok(Self::Check),
            "show" => Ok(Self::Show),
            "schema" => Ok(Self::Schema),
            other => Err(format!("config has no '{other}'; it has check, show and schema")),
        }
    }
}

impl Command {
    fn named(word: &str) -> Result<Self, String> {
        match word {
            "chat" => Ok(Self::Chat),
            "run" => Ok(Self::Run),
            "config" => Ok(Self::Config(Ask::Check)),
            other => Err(format!("there is no command '{other}'; there are run, chat and config")),
        }
    }
}

const HELP: &str = "\
sentinel: an agent that can do only what a person granted

  sentinel                     what is configured: 'run' if a platform is, else 'chat'
  sentinel run                 talk with people on the platforms that are configured
  sentinel chat                talk with it here; Ctrl-D ends it
  sentinel chat -m 'TEXT'      one message, and nothing but its answer
  echo 'TEXT' | sentinel chat  a message in each line
  sentinel config [check]      what is wrong with the configuration, all at once
  sentinel config show         what counts in the end, without secrets
  sentinel config schema       a JSON Schema of the file, for editors

  --config FILE                the configuration
                               (default $XDG_CONFIG_HOME/sentinel/sentinel.toml)
  --state DIRECTORY            where its log and keys are
                               (default $XDG_STATE_HOME/sentinel)
  --i-know-what-im-doing       start although the configuration is dangerous
  --no-sandbox                 do not confine this process to what it needs
  -h, --help                   this
  -V, --version                which version it is
";
