//! `sentinel init`: from nothing to a configuration, with a few questions.
//!
//! # Invariants
//! - What is written was read back first, and starts.
//! - No secret is written: the file says which variable it is in.
//!
//! # Not here
//! What is asked, and what the file says: [`sentinel_core::config::Wizard`] and
//! [`sentinel_core::config::template`].

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use sentinel_core::config::{
    Findings, PlaceFound, Question, Severity, Wizard, platform_of, template,
};

use super::{Arguments, Command, Switch};
use crate::configuration;
use crate::document;
use crate::network::{Options, Proxy};
use crate::probe::Probe;
use crate::program::start;
use crate::style::Style;
use crate::survey::{self, Survey};

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "init",
    operands: "",
    operands_max: 0,
    summary: "set it up: looks for models and tokens, asks, writes the file",
    details: "\
It looks for keys of models and tokens of platforms in the environment, and for Ollama, llama.cpp,
LM Studio and vLLM on this machine; asks each whether it is there and takes the key; asks you who
may talk with the agent and where it works; and writes a file with comments. Enter is always a
careful answer. No secret is written, only which variable it is in.

  sentinel init                                  ask
  sentinel init --yes --operators telegram:77    ask nothing
  sentinel init --print > sentinel.toml          write nowhere else

SENTINEL_OLLAMA_URL names another place where Ollama is, and so for every provider and platform;
the file says it afterwards. HTTPS_PROXY is used if it is set.",
    options: &[
        Switch { name: "yes", short: Some('y'), value: "", summary: "Enter for every question" },
        Switch {
            name: "print",
            short: None,
            value: "",
            summary: "print the file instead of writing it",
        },
        Switch {
            name: "force",
            short: None,
            value: "",
            summary: "replace the file, and keep the old one beside it",
        },
        Switch {
            name: "workspace",
            short: None,
            value: "DIRECTORY",
            summary: "where it works (default: this directory)",
        },
        Switch {
            name: "operators",
            short: None,
            value: "IDS",
            summary: "who runs it: telegram:77,slack:U1",
        },
    ],
    run: init,
}];

fn init(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let is_printed = arguments.has("print");
    let path = arguments.path("config").or_else(configuration::usual_file);
    let path = path.ok_or("there is no home directory: name the file with --config")?;
    if !is_printed && !arguments.has("force") && path.symlink_metadata().is_ok() {
        return Err(format!(
            "{} is there already; --force replaces it and keeps the old one beside it, --print \
             writes nothing",
            path.display()
        )
        .into());
    }
    let mut dialogue = Dialogue { asks: !arguments.has("yes"), style: Style::of(&io::stderr()) };
    dialogue.say("Looking for models and platforms ...");
    let environment = |name: &str| std::env::var(name).ok();
    let (options, proxy) = network(&mut dialogue)?;
    let survey = survey::look(&mut Probe::new(options)?, &environment);
    dialogue.report(&survey)?;
    let tokens: Vec<String> = survey.accounts.iter().map(|it| it.token_env.clone()).collect();
    let findings = Findings {
        services: survey.services,
        accounts: survey.accounts,
        operators: operators(&arguments)?,
        directory: directory(&arguments)?,
        proxy,
    };
    let home = std::env::var("HOME").ok();
    let mut wizard = Wizard::new(findings, home.as_deref());
    while let Some(question) = wizard.question() {
        let answer = dialogue.ask(&question)?;
        let taken = configuration::with_surroundings("", |surroundings| {
            wizard.answer(&answer, surroundings, &place)
        })?;
        if let Err(why) = taken {
            dialogue.refuse(&why, &answer)?;
        }
    }
    let facts = wizard.facts().ok_or("the questions did not come to an end")?;
    let text = template(facts);
    check(&text, &path)?;
    if is_printed {
        io::stdout().write_all(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if !dialogue.confirms(&text, &path)? {
        dialogue.say("Nothing was written.");
        return Ok(ExitCode::FAILURE);
    }
    if wizard.makes_directory() {
        document::make_directory(Path::new(&facts.workspace))
            .map_err(|error| format!("{}: {error}", facts.workspace))?;
    }
    let kept = document::write(&path, &text, 0o600, arguments.has("force"))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    dialogue.say(&format!("Written: {}", path.display()));
    if let Some(kept) = kept {
        dialogue.say(&format!("The old one is {} now.", kept.display()));
    }
    let is_left_out = facts.platforms.iter().all(|platform| platform.operators.is_empty());
    if is_left_out && !tokens.is_empty() {
        let tokens = tokens.join(", ");
        dialogue.say(&format!(
            "No platform is connected by it. As long as {tokens} is set, that one is connected \
             all the same, and nobody is answered there."
        ));
    }
    let is_connected = facts.platforms.iter().any(|platform| !platform.operators.is_empty());
    let is_usual = configuration::usual_file().is_some_and(|usual| usual == path);
    let named = if is_usual { String::new() } else { format!(" --config {}", path.display()) };
    let mut next = format!("\nNow:\n  sentinel chat{named:20} talk with it here\n");
    if is_connected {
        next.push_str(&format!("  sentinel run{named:21} talk with people on the platforms\n"));
    }
    next.push_str(&format!("  sentinel doctor{named:18} look whether all is well\n"));
    dialogue.say(next.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// What is said to a person, on standard error: standard output may be the file.
struct Dialogue {
    /// Whether anybody is asked.
    asks: bool,
    style: Style,
}

impl Dialogue {
    fn say(&self, text: &str) {
        eprintln!("{text}");
    }

    /// Says what was found; a secret that is refused ends it, unless a person goes on without it.
    fn report(&mut self, survey: &Survey) -> Result<(), Box<dyn Error>> {
        for note in &survey.notes {
            self.say(&format!("  {}", wrapped(note, COLUMNS - 4).replace('\n', "\n    ")));
        }
        if survey.notes.is_empty() && survey.refused.is_empty() {
            self.say("  no key of a model, no token of a platform, no model on this machine");
        }
        for (variable, why) in &survey.refused {
            let line = format!("  {variable} is wrong: {why}");
            self.say(&self.style.bad(line).to_string());
        }
        let Some((variable, _)) = survey.refused.first() else { return Ok(()) };
        let question = Question {
            help: String::new(),
            choices: Vec::new(),
            text: "Go on without what is wrong?".into(),
            usual: "no".into(),
        };
        let answer = self.ask(&question)?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(format!(
                "nothing was written: set {variable} to a good one, or take it out of the \
                 environment"
            )
            .into()),
        }
    }

    /// The answer to a question; an empty one where nobody is asked.
    fn ask(&self, question: &Question) -> Result<String, Box<dyn Error>> {
        if !self.asks {
            return Ok(String::new());
        }
        if !question.help.is_empty() {
            self.say(&format!("\n{}", wrapped(&question.help, COLUMNS)));
        }
        for (index, choice) in question.choices.iter().enumerate() {
            self.say(&format!("  {:>2}  {choice}", index + 1));
        }
        eprint!("{} [{}] ", self.style.bold(&question.text), question.usual);
        io::stderr().flush()?;
        self.line()
    }

    fn line(&self) -> Result<String, Box<dyn Error>> {
        let mut line = Vec::new();
        let mut input = io::Read::take(io::stdin().lock(), ANSWER_BYTES_MAX);
        input.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(match line.len() as u64 {
                ANSWER_BYTES_MAX => format!("an answer has {ANSWER_BYTES_MAX} bytes at most"),
                _ => "the answers ended before the questions, so nothing was written; --yes asks \
                      nothing"
                    .into(),
            }
            .into());
        }
        String::from_utf8(line).map_err(|_| "the answer is no text in UTF-8".into())
    }

    /// Says what is wrong with an answer. Where nobody was asked, nobody can give another one.
    fn refuse(&self, why: &str, answer: &str) -> Result<(), Box<dyn Error>> {
        if !self.asks {
            return Err(format!("{why}{}", if answer.is_empty() { "" } else { " (--yes)" }).into());
        }
        self.say(&self.style.bad(format!("  {why}")).to_string());
        Ok(())
    }

    /// Whether the file is to be written.
    fn confirms(&self, text: &str, path: &Path) -> Result<bool, Box<dyn Error>> {
        if !self.asks {
            return Ok(true);
        }
        self.say("\nThis is the file:\n");
        for line in text.lines() {
            let line = match line.starts_with('#') {
                true => self.style.faint(line).to_string(),
                false => line.to_string(),
            };
            self.say(format!("    {line}").trim_end());
        }
        let question = Question {
            help: String::new(),
            choices: Vec::new(),
            text: format!("\nWrite it to {}?", path.display()),
            usual: "yes".into(),
        };
        let answer = self.ask(&question)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
    }
}

/// Reads the file back before it is written: what is wrong with it is said, and it is not written.
fn check(text: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let reading = configuration::reading(text, &path.display().to_string())?;
    let is_bad = |severity| severity != Severity::Note;
    for diagnostic in reading.diagnostics.iter().filter(|it| is_bad(it.severity)) {
        eprintln!("{diagnostic}");
    }
    if reading.config.is_none() || reading.is_dangerous() {
        return Err("with these answers the agent would not start, so nothing was written; see \
                    above, and answer otherwise"
            .into());
    }
    Ok(())
}

/// How the network is reached, and the proxy as a file can name it.
fn network(dialogue: &mut Dialogue) -> Result<(Options, Option<String>), Box<dyn Error>> {
    let variables = ["HTTPS_PROXY", "https_proxy"];
    let mut set = variables.into_iter().filter_map(|name| std::env::var(name).ok());
    let Some(url) = set.find(|url| !url.trim().is_empty()) else {
        return Ok((Options::of_system(), None));
    };
    let proxy = match Proxy::parse(url.trim()) {
        Ok(proxy) => Some(start::without(proxy)),
        Err(error) => {
            dialogue.say(&format!("  HTTPS_PROXY is not used: {error}"));
            None
        }
    };
    let url = url.trim();
    let has_password = url.contains('@');
    if has_password {
        dialogue.say(
            "  HTTPS_PROXY holds a password, so it is not written into the file: 'proxy', \
             'proxy_user' and 'proxy_password_env' of [http] say the same",
        );
    }
    let whole = if url.contains("://") { url.into() } else { format!("http://{url}") };
    let written = (proxy.is_some() && !has_password).then_some(whole);
    Ok((Options { proxy, ..Options::of_system() }, written))
}

/// Those who were named on the command line, or in the environment: `telegram:77,slack:U1`.
fn operators(arguments: &Arguments) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let variable = || std::env::var("SENTINEL_OPERATORS").ok();
    let Some(text) = arguments.text("operators")?.or_else(variable) else {
        return Ok(Vec::new());
    };
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let pairs = parts.map(|part| match platform_of(part) {
        Some((platform, id)) => Ok((platform.to_string(), id.to_string())),
        // It may be a token that slipped in, so it is not repeated.
        None => Err("an operator is named like telegram:77, discord:1…, slack:U1".into()),
    });
    pairs.collect()
}

/// The directory that was named, or this one.
fn directory(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let here = std::env::current_dir()?;
    let path = arguments.path("workspace").map_or_else(|| here.clone(), |path| here.join(path));
    Ok(path.into_os_string().into_string().map_err(|_| "the directory's name is no text")?)
}

fn place(path: &str) -> PlaceFound {
    match std::fs::metadata(path) {
        Ok(data) if data.is_dir() => PlaceFound::Directory,
        Err(error) if error.kind() == io::ErrorKind::NotFound => PlaceFound::Nothing,
        _ => PlaceFound::Other,
    }
}

/// Lines of so many columns, where no word is longer.
pub(super) fn wrapped(text: &str, columns: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > columns {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

const COLUMNS: usize = 78;

/// A path, or a hundred ids.
const ANSWER_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_a_terminal() {
        let text = wrapped(&"word ".repeat(60), COLUMNS);
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= COLUMNS));
    }
}
