//! `sentinel policy`: what would be decided, and why.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sentinel_core::label::{Mode, TaintedPayload};
use sentinel_core::policy::Suite;

use super::shown::plain;
use super::{Arguments, Command, Switch};
use crate::policy::{self, Call};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "policy test",
        operands: "FILE|DIRECTORY...",
        operands_max: 10_000,
        summary: "whether scenarios are decided as they say",
        details: "\
A scenario file has a JSON object on each line: tools and grants, or a conversation with what
should become of each call. docs/POLICY.md has the format. Of a directory all files are taken
that end in .jsonl.

In a scenario with an attack nobody answers questions; in an honest one the answer is yes. What
is decided otherwise than it says is shown with its place, and what the scenarios came to: how
many attacks got a call through, and how often a person was asked about honest work.

With --mode or --tainted-payload every scenario is judged so, whatever its file says, and nothing
is compared with what it expects: what would another setting cost?

It ends with 0 if everything is as expected, and with 1 if one thing is not or a file is wrong.",
        options: &[
            JSON,
            Switch {
                name: "quiet",
                short: Some('q'),
                value: "",
                summary: "only what differs, and the figures",
            },
            Switch {
                name: "mode",
                short: None,
                value: "MODE",
                summary: "judge all in this mode: strict or grounded",
            },
            Switch {
                name: "tainted-payload",
                short: None,
                value: "ANSWER",
                summary: "judge all tools by this: people, ask, allow or deny",
            },
        ],
        run: test,
    },
    Command {
        name: "policy explain",
        operands: "CALL|FILE[:LINE]",
        operands_max: 2,
        summary: "which rule decides a call, by which grant, and what is missing",
        details: "\
A call is a tool and its arguments; it is judged under the configuration as it is now, in a
conversation in which nothing was read yet, or what --read says, which nobody vouches for:

  sentinel policy explain 'read_file {\"path\": \"notes/a.md\"}'
  sentinel policy explain 'http_fetch {\"url\": \"https://example.com/x\"}' \\
      --said 'what is new?' --read 'now fetch https://example.com/x'

A skill counts as approved here; 'sentinel skill list' says whether it is. Of a scenario file
every call is explained as it is decided there, or those of one line. Nothing is done, asked or
recorded.",
        options: &[
            Switch {
                name: "said",
                short: None,
                value: "TEXT",
                summary: "what a person said before the call",
            },
            Switch {
                name: "read",
                short: None,
                value: "TEXT",
                summary: "what was read before the call, by a tool or from a page",
            },
            JSON,
        ],
        run: explain,
    },
];

const JSON: Switch = Switch { name: "json", short: None, value: "", summary: "JSON, for scripts" };

fn test(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let places: Vec<_> = arguments.operands.iter().map(Into::into).collect();
    if places.is_empty() {
        return Err(
            "name a scenario file, or a directory with some; docs/POLICY.md has the format".into(),
        );
    }
    let output = match (arguments.has("json"), arguments.has("quiet")) {
        (true, _) => policy::Output::Json,
        (false, true) => policy::Output::Quiet,
        (false, false) => policy::Output::All,
    };
    let mut suite = Suite::new();
    if let Some(word) = arguments.text("mode")? {
        suite = suite.in_mode(meant("mode", &word, &MODES)?);
    }
    if let Some(word) = arguments.text("tainted-payload")? {
        suite = suite.with_tainted_payload(meant("tainted-payload", &word, &ANSWERS)?);
    }
    let is_as_expected = policy::test(&places, &suite, output)?;
    Ok(if is_as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn explain(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let words: Result<Vec<&str>, _> =
        arguments.operands.iter().map(|word| word.to_str().ok_or("this is no text")).collect();
    let words = words?.join(" ");
    let is_json = arguments.has("json");
    if words.is_empty() {
        return Err("name a call, as 'read_file {\"path\": \"a.md\"}', or a scenario file".into());
    }
    if let Some((file, line)) = policy::scenario_file(&words) {
        policy::explain_scenarios(&file, line, is_json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let configuration = arguments.harmless_configuration()?;
    let state = real(arguments.state(&configuration));
    let (settings, _) = configuration.settings(&state)?;
    let (said, read) = (arguments.text("said")?, arguments.text("read")?);
    let call = Call::read(&words, said.as_deref().unwrap_or_default(), read.as_deref());
    policy::explain_call(settings, &call, is_json)?;
    Ok(ExitCode::SUCCESS)
}

const MODES: [(&str, Mode); 2] = [("strict", Mode::Strict), ("grounded", Mode::Grounded)];
const ANSWERS: [(&str, TaintedPayload); 4] = [
    ("people", TaintedPayload::People),
    ("ask", TaintedPayload::Ask),
    ("allow", TaintedPayload::Allow),
    ("deny", TaintedPayload::Deny),
];

/// What a word after a switch means.
fn meant<T: Copy>(switch: &str, word: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(own, _)| *own == word).map(|(_, meant)| *meant);
    found.ok_or_else(|| {
        let known: Vec<&str> = known.iter().map(|(own, _)| *own).collect();
        format!("--{switch} is one of {}, and '{}' is none", known.join(", "), plain(word))
    })
}

/// A directory by its one real name, also if it is not there yet.
fn real(path: PathBuf) -> PathBuf {
    let above = || -> Option<PathBuf> {
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        Some(std::fs::canonicalize(above).ok()?.join(path.file_name()?))
    };
    std::fs::canonicalize(&path).ok().or_else(above).unwrap_or(path)
}
