//! The file as a document for people: `docs/CONFIG.md`.
//!
//! # Not here
//! Why a rule is as it is: the other documents.

use alloc::format;
use alloc::string::{String, ToString};

use super::keys::SECTIONS;
use super::table::{Default, Form, Key, Kind, Presence, Section};

/// The document, as Markdown. A test compares it with the one in the tree.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from(OPENING);
    for section in SECTIONS {
        describe(section, &mut text);
    }
    text.push_str(CLOSING);
    text
}

fn describe(section: &Section, text: &mut String) {
    let name = section.name;
    match section.presence {
        Presence::Named => text.push_str(&format!("\n## `[{name}.NAME]`\n\n{}\n", section.doc)),
        _ => text.push_str(&format!("\n## `[{name}]`\n\n{}\n", section.doc)),
    }
    if section.presence == Presence::Optional {
        text.push_str("It is there if the section is there.\n");
    }
    rows(section.keys, text);
    for key in section.keys {
        if let Kind::Table(keys) = &key.kind {
            // The tables of one kind are described once.
            let first = section.keys.iter().find(|other| match &other.kind {
                Kind::Table(other) => core::ptr::eq(*other, *keys),
                _ => false,
            });
            if first.is_some_and(|first| first.name == key.name) {
                text.push_str(&format!("\nThe keys of `{}`:\n", key.name));
                rows(keys, text);
            }
        }
    }
}

fn rows(keys: &[Key], text: &mut String) {
    text.push_str("\n| key | value | default | |\n|---|---|---|---|\n");
    for key in keys.iter().filter(|key| !key.is_secret()) {
        let default = match key.default {
            Default::None => String::new(),
            Default::Integer(number) => format!("`{number}`"),
            Default::Flag(truth) => format!("`{truth}`"),
            Default::Text(word) => format!("`\"{word}\"`"),
            Default::Follows(words) => words.to_string(),
        };
        let cell = |text: &str| text.replace('|', "\\|");
        let (kind, doc) = (cell(&kind(&key.kind)), cell(key.doc));
        text.push_str(&format!("| `{}` | {kind} | {default} | {doc} |\n", key.name));
    }
}

/// What a value is, for people.
fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Flag => "true or false".into(),
        Kind::Integer { min, max } => range(*min, *max),
        Kind::Text(Form::Choice(words)) => words.join(", "),
        Kind::Text(form) => one(*form).into(),
        Kind::Texts(form) => format!("list of {}", many(*form)),
        Kind::Integers { min, max } => format!("list of numbers, {}", range(*min, *max)),
        Kind::Map(inner) => format!("`{{ name = … }}`, each {}", self::kind(inner)),
        Kind::Table(_) => "table, see below".into(),
        Kind::Secret(_) => String::new(),
    }
}

fn range(min: i64, max: i64) -> String {
    if max == i64::MAX { format!("from {min}") } else { format!("{min} to {max}") }
}

const fn one(form: Form) -> &'static str {
    match form {
        Form::Line | Form::Choice(_) => "text",
        Form::Prose => "text of any length",
        Form::Id => "id",
        Form::Path => "path",
        Form::Url => "address",
        Form::Listen => "address and port",
        Form::Money => "amount as text",
        Form::Digest => "64 hexadecimal digits",
        Form::Variable => "name of a variable",
        Form::Credential => "name of a credential",
        Form::Signer => "public key of minisign",
        Form::Grant => "grant",
        Form::Denial => "what is forbidden",
    }
}

const fn many(form: Form) -> &'static str {
    match form {
        Form::Id => "ids",
        Form::Grant => "grants",
        Form::Denial => "what grants say, without `deny`",
        _ => "texts",
    }
}

const OPENING: &str = "\
# The configuration: `sentinel.toml`

The file is [TOML](https://toml.io). It may be empty or missing: then there is the offline model in
the terminal, which may read and list the current directory and nothing else. A complete file with
comments is [examples/sentinel.toml](../examples/sentinel.toml). This document is written by the
reader of the file itself and cannot be out of date: a test compares the two.

- A key or section that is not known is an error, so that a misspelt rule never passes for no rule.
  Everything that is wrong is reported at once, with line and column and what to do.
- A secret does not stand in the file, only where it is: in a variable of the environment (`*_env`),
  a file (`*_file`) or a systemd credential (`*_credential`). One that does stand there is an error,
  and no message repeats it.
- Paths are absolute, beneath `~`, or beneath the directory that the agent was started in. In grants
  they are absolute.
- `config show` prints what counts in the end, defaults and environment included, as a file that
  reads back the same. `config schema` prints a JSON Schema for editors.
";

const CLOSING: &str = "
## Grants

One line each; what is not granted is denied.

| grant | what it allows |
|---|---|
| `read,list /srv/work` | a file, or a directory and everything beneath it; rights are `read`, \
     `write` and `list` |
| `run /usr/bin/git log\\|status without -p` | a program, by its whole path; which words come \
     first, which options are refused; `any paths` lets it be given any path, `unguarded` switches \
     off what is known to be dangerous about it |
| `connect api.example.com:443 GET,POST /v1` | a host, its port, methods and paths; \
     `*.example.com` for all beneath it, `*` for any |
| `skill weather today\\|tomorrow` | a skill, and what of it |
| `model claude-*` | a model, or all whose names begin so |
| `model claude-* for weather` | what the server of a skill may have a model asked |
| `persona` | that the agent writes its persona anew; each change is asked about until it says \
     `irreversible` |
| `listen 127.0.0.1:8080`, `config channels.telegram` | an address to wait on; a key of the \
     configuration; nothing here asks for either |

Behind it may stand `ask` (every use is asked about), `once` (the first use is), `until \
     2027-01-31`, `uses 5`, and
`irreversible` (what cannot be undone needs no question). Words with spaces stand in `\"…\"`. In \
     `deny` the same words
forbid, and a rule that forbids goes before every grant.

## From the environment

Each counts where the file says nothing. A blank one is an error; it never means everybody.

| variable | what it does |
|---|---|
| `ANTHROPIC_API_KEY`, `OPENAI_API_KEY` | a section `[anthropic]` or `[openai]`, if the file \
     describes no model |
| `TELEGRAM_BOT_TOKEN`, `DISCORD_BOT_TOKEN`, `SLACK_BOT_TOKEN` | the section of the platform, if \
     the file connects none |
| `SLACK_APP_TOKEN` | `app_token_env` of `[slack]` |
| `SENTINEL_MODEL` | `model` of `[agent]`, by section or by what the provider calls it; or `model` \
     of the section that says nothing |
| `SENTINEL_ALLOWED_USERS` | `allowed_users` of each platform that names nobody; ids between \
     commas: up to 16 digits of Telegram, more of Discord, `U…` of Slack, or with the platform \
     before it: `telegram:77` |
| `SENTINEL_OPERATORS` | `operators` of the same platforms, written the same way |
| `SENTINEL_READ_PATHS`, `SENTINEL_WRITE_PATHS`, `SENTINEL_COMMANDS` | `grants`: `read,list`, \
     `write` and `run`, between commas |

## What is added

Whatever is granted, these rules hold besides:

- every model that is asked may be asked (`model NAME`), unless a grant speaks of it;
- the configuration, the persona and the instructions are not written to by any tool for files;
- the directory of the journal and the files of secrets are not touched at all.

## What is dangerous

These are legal, and nothing starts with them unless a person says `--i-know-what-im-doing`; nor \
     does `sentinel grant` make such a grant without it:

- `/`, or the home directory, is granted for writing;
- the configuration, the persona, the instructions or the journal lie in what is granted for \
     writing;
- nobody can approve on a platform where people may talk;
- everybody in a room may talk, and commands are granted;
- everybody in a room may talk, and files, skills or hosts of private networks may be \
     read without a question: answers go to the room;
- files may be read, and any host may be connected to without a question;
- a program that runs others is granted `unguarded`, or a program may be given `any paths`;
- a key goes to another machine over plain `http`;
- money is limited, and a model with a key has no prices.
";
