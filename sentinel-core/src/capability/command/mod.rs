//! Commands: a program, and which arguments it may be given.
//!
//! There is no shell: arguments are a list, and `;`, `$(...)` and `|` are letters in it. What is
//! dangerous is the program itself, so a grant speaks of its arguments too: which subcommand comes
//! first, which options are refused, and that what could be a path lies in a file grant.
//!
//! # Invariants
//! - The program is one path, as the shell resolved it; another program of the same name is
//!   another.
//! - An argument that cannot be told apart from a path counts as one.
//! - What a guard of a well-known program refuses, a grant allows only by saying `unguarded`; what
//!   a grant refuses is refused besides.
//!
//! # Not here
//! Looking up a program, its environment, and what it does once it runs: the shell and its sandbox.

mod known;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use self::known::{Guard, HOST, Known, SIGNS, Writes};
use super::request::{FileRight, Request};
use super::{Path, PathRef};
use crate::limits::CAPABILITY_ARGUMENT_PATHS_MAX;

/// Which commands a grant covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRule {
    /// The program.
    pub program: Path,
    /// The words one of which the arguments begin with; none if there is no such rule.
    pub subcommands: Vec<Box<str>>,
    /// Options that are refused, besides those of the guard.
    pub refused: Vec<Box<str>>,
    /// Whether arguments may be paths outside of the file grants.
    pub may_use_any_path: bool,
    /// Whether the guard of a well-known program is off.
    pub is_unguarded: bool,
}

/// Why a rule does not cover a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandRefusal<'c> {
    /// It is another program.
    Program,
    /// The arguments do not begin with one of the subcommands.
    Subcommand,
    /// An option that the grant refuses.
    Refused(&'c str),
    /// An option that the guard of the program refuses, and what it could do.
    Guarded(&'c str, &'static str),
    /// A path, or the directory, that no file grant covers or that cannot be judged.
    Path(&'c str),
}

impl CommandRule {
    /// A rule for a program with all its arguments, within its guard.
    #[must_use]
    pub const fn new(program: Path) -> Self {
        Self {
            program,
            subcommands: Vec::new(),
            refused: Vec::new(),
            may_use_any_path: false,
            is_unguarded: false,
        }
    }

    /// Whether the rule covers a command. `may` says whether file grants let it use a path: read
    /// the directory it runs in, and read, or read and write, what its arguments may name, with
    /// everything beneath.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check<'c>(
        &self,
        program: PathRef<'_>,
        arguments: &[&'c str],
        directory: &'c str,
        mut may: impl FnMut(&Request<'c>) -> bool,
    ) -> Result<(), CommandRefusal<'c>> {
        if program != self.program.borrow() {
            return Err(CommandRefusal::Program);
        }
        let known = self.known();
        let first = arguments.first().copied().unwrap_or_default();
        if !self.subcommands.is_empty() && !self.subcommands.iter().any(|word| **word == *first) {
            return Err(CommandRefusal::Subcommand);
        }
        // What lies in the directory it runs in and is forbidden, the sandbox hides.
        let mut may_all = |path: PathRef<'c>, rights: &[FileRight], is_tree| {
            rights.iter().all(|right| may(&Request::File { path, right: *right, is_tree }))
        };
        // What an unknown program does with a path is unknown: it may read it, and write there.
        let default = (Writes::Arguments, EMPTY);
        let (writes, besides) = known.map_or(default, |known| known.use_of(arguments));
        let rights = if writes == Writes::Here { READER_AND_WRITER } else { READER };
        let is_granted = |directory| may_all(directory, rights, false);
        if !self.may_use_any_path && !PathRef::absolute(directory).is_ok_and(is_granted) {
            return Err(CommandRefusal::Path(directory));
        }
        let (mut are_options_over, mut has_separator) = (false, false);
        // A `--` behind an option may be its value, and not every program stops at one.
        let mut may_end_options = !known.is_some_and(|known| known.ignores_separator);
        let guard = known.filter(|_| !self.is_unguarded);
        let mut has_script = guard.is_some_and(|known| known.has_script);
        // Where the grant names subcommands, they are the operator's choice.
        let mut is_first = self.subcommands.is_empty();
        let mut operands_count = 0;
        for (index, argument) in arguments.iter().copied().enumerate() {
            if !has_separator && argument == "--" {
                has_separator = true;
                are_options_over = may_end_options;
                continue;
            }
            let is_bundle = index == 0 && known.is_some_and(|known| known.has_dashless_bundle);
            let form = match argument.starts_with('-') && !are_options_over {
                true => Form::Options,
                false if is_bundle => Form::Bundle,
                false => Form::Operand,
            };
            self.check_options(known, besides, argument, form)?;
            may_end_options &= form == Form::Operand;
            let is_operand = form != Form::Options;
            if let Some(known) = guard.filter(|_| is_first) {
                is_first = !is_operand;
                if known.is_refused_beginning(argument, is_operand) {
                    return Err(CommandRefusal::Guarded(argument, known.reason));
                }
            }
            if let Some(known) = known.filter(|_| is_operand && has_script) {
                has_script = false;
                if !is_plain_script(argument) {
                    return Err(CommandRefusal::Guarded(argument, known.reason));
                }
                continue;
            }
            // What may be an operand is counted as one: too much is asked, and never too little.
            let rights = match writes {
                Writes::Nothing => READER,
                Writes::OperandsFrom(first) if operands_count < first => READER,
                Writes::Arguments | Writes::Here | Writes::OperandsFrom(_) => READER_AND_WRITER,
            };
            operands_count += usize::from(is_operand || has_separator || argument == "-");
            if self.may_use_any_path {
                continue;
            }
            let doubtful = (has_separator && !is_operand).then_some(argument);
            let paths = paths_in(argument, are_options_over).chain(doubtful);
            for (count, text) in paths.enumerate() {
                if count >= CAPABILITY_ARGUMENT_PATHS_MAX {
                    return Err(CommandRefusal::Path(argument));
                }
                let path = PathRef::resolve(directory, text);
                if !path.is_ok_and(|path| may_all(path, rights, true)) {
                    return Err(CommandRefusal::Path(argument));
                }
            }
        }
        Ok(())
    }

    fn check_options<'c>(
        &self,
        known: Option<&'static Known>,
        besides: &[&str],
        argument: &'c str,
        form: Form,
    ) -> Result<(), CommandRefusal<'c>> {
        let has_long_single_dash = known.is_some_and(|known| known.has_long_single_dash);
        let is = |option: &str| {
            match (option.starts_with('-'), form) {
                (true, Form::Options) => means(argument, option, has_long_single_dash),
                (true, Form::Bundle) => short(option).is_some_and(|it| argument.contains(it)),
                (false, _) if option == HOST => names_host(argument),
                (false, _) if SIGNS.contains(&option) => argument.contains(option),
                // Words such as `of=...` and `$ENV` count wherever they stand.
                (false, _) => mentions(argument, option),
                (true, Form::Operand) => false,
            }
        };
        if self.refused.iter().any(|option| is(option)) {
            return Err(CommandRefusal::Refused(argument));
        }
        let Some(known) = known.filter(|_| !self.is_unguarded) else { return Ok(()) };
        let is_guarded = match known.guard {
            Guard::RunsAnything => !matches!(argument, "--version" | "--help"),
            Guard::Refuses(options) => options.iter().chain(besides).any(|option| is(option)),
        };
        if is_guarded { Err(CommandRefusal::Guarded(argument, known.reason)) } else { Ok(()) }
    }

    /// Whether it covers nothing that `other` does not, given the same file grants.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let are_subcommands_within = other.subcommands.is_empty()
            || (!self.subcommands.is_empty()
                && self.subcommands.iter().all(|word| other.subcommands.contains(word)));
        // To name a subcommand that is refused otherwise is to grant it.
        let guard = self.known().filter(|_| other.subcommands.is_empty() && !other.is_unguarded);
        let names_more =
            guard.is_some_and(|known| self.subcommands.iter().any(|word| known.is_freed_by(word)));
        self.program == other.program
            && are_subcommands_within
            && !names_more
            && other.refused.iter().all(|option| self.refused.contains(option))
            && (other.may_use_any_path || !self.may_use_any_path)
            && (other.is_unguarded || !self.is_unguarded)
    }

    /// What a person should know before granting this.
    #[must_use]
    pub fn warning(&self) -> Option<CommandWarning> {
        let known = self.known()?;
        match known.guard {
            Guard::RunsAnything if self.is_unguarded => {
                Some(CommandWarning::Unguarded(known.reason))
            }
            Guard::RunsAnything => Some(CommandWarning::Useless(known.reason)),
            Guard::Refuses(options) if self.is_unguarded && !options.is_empty() => {
                Some(CommandWarning::Unguarded(known.reason))
            }
            Guard::Refuses(options) if !options.is_empty() && self.subcommands.is_empty() => {
                Some(CommandWarning::Guarded(known.reason))
            }
            Guard::Refuses(_) => None,
        }
    }

    fn known(&self) -> Option<&'static Known> {
        Known::find(self.program.as_str().rsplit('/').next().unwrap_or_default())
    }
}

/// What a person should know of a program before granting it. Each holds what the program does, to
/// follow its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandWarning {
    /// The guard refuses what is dangerous; the rest is covered.
    Guarded(&'static str),
    /// The guard leaves nothing of use: it would have to be switched off.
    Useless(&'static str),
    /// The guard is off.
    Unguarded(&'static str),
}

impl fmt::Display for CommandRefusal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => formatter.write_str("it is another program"),
            Self::Subcommand => {
                formatter.write_str("the arguments do not begin with a subcommand that was granted")
            }
            Self::Refused(option) => write!(formatter, "the grant refuses '{option}'"),
            Self::Guarded(option, reason) => {
                write!(formatter, "'{option}' is refused: it {reason}")
            }
            Self::Path(path) => write!(formatter, "no grant covers the path '{path}'"),
        }
    }
}

impl fmt::Display for CommandWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guarded(reason) => {
                write!(formatter, "it {reason}; these options are refused. Name subcommands or")?;
                formatter.write_str(" options to narrow it further")
            }
            Self::Useless(reason) => {
                write!(formatter, "it {reason}, so only --version and --help are covered. Adding")?;
                formatter.write_str(" `unguarded` grants all that it can do")
            }
            Self::Unguarded(reason) => {
                write!(formatter, "it {reason}, and nothing of that is refused")
            }
        }
    }
}

/// What an argument is to the program, as far as it shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It begins with a dash, and no `--` before it says that options are over.
    Options,
    /// Short options without a dash, whose values are the words that follow.
    Bundle,
    Operand,
}

/// The letter of an option that is one letter.
fn short(option: &str) -> Option<char> {
    let mut letters = option.strip_prefix('-')?.chars();
    letters.next().filter(|letter| *letter != '-' && letters.next().is_none())
}

/// Whether an argument is this option: written whole, abbreviated, with a value, or in a bundle.
fn means(argument: &str, option: &str, has_long_single_dash: bool) -> bool {
    let name = argument.split('=').next().unwrap_or(argument);
    if let Some(long) = option.strip_prefix("--") {
        // GNU programs take any abbreviation that is not ambiguous.
        return name
            .strip_prefix("--")
            .is_some_and(|given| !given.is_empty() && long.starts_with(given));
    }
    if has_long_single_dash || option.chars().count() > 2 {
        return name == option;
    }
    let letter = option.chars().nth(1);
    // In `-xvf` every letter may be an option; which ones take a value nobody knows here.
    !name.starts_with("--") && argument.chars().skip(1).any(|given| Some(given) == letter)
}

/// Whether a word stands in an argument by itself.
fn mentions(argument: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    argument.match_indices(word).any(|(at, _)| {
        let before = argument[..at].chars().next_back();
        let after = argument[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Whether there is a host in front of a colon. GNU tar takes no name for one that has a slash
/// before it.
fn names_host(argument: &str) -> bool {
    argument.split_once(':').is_some_and(|(host, _)| !host.is_empty() && !host.contains('/'))
}

/// What of an argument could be the path of a file.
fn paths_in(argument: &str, are_options_over: bool) -> impl Iterator<Item = &str> {
    let is_option = argument.starts_with('-') && argument.len() > 1 && !are_options_over;
    let whole = (!is_option).then_some(argument.trim_start_matches('@'));
    let whole = whole.filter(|text| !text.is_empty());
    // `--output=/x`, `if=/x`, `user@host:/x`, `type=bind,source=/x`.
    let behind = behind_host(argument).filter(|_| !is_option).unwrap_or(argument);
    let parts = behind.match_indices(['=', ':', ',']).map(|(at, _)| &behind[at + 1..]);
    // `-I/x`, `-C..`: nobody knows where the name of the option ends.
    let from = |start: &[char]| argument.find(start).map(|at| &argument[at..]);
    let glued = [from(&['/']), from(&['.', '~', '@'])].into_iter().flatten();
    let glued = glued.filter(move |_| is_option);
    let is_pathlike = |text: &&str| text.contains('/') || text.starts_with(['~', '.', '@']);
    let parts = parts.chain(glued).filter(is_pathlike).map(|text| text.trim_start_matches('@'));
    whole.into_iter().chain(parts.filter(|text| !text.is_empty()))
}

/// What stands behind scheme, host and port of the address of a page. A program that takes it for a
/// file looks for that in its directory; for one at the root of the machine nobody takes it who
/// does not split it first, and then there would have to be a directory with the name of a host.
fn behind_host(argument: &str) -> Option<&str> {
    let rest = argument.strip_prefix("https://").or(argument.strip_prefix("http://"))?;
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let end = rest.find(|c| !is_of_host(c)).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    let is_name = host.contains('.') && !host.starts_with('.') && !host.ends_with('.');
    let rest = match rest.strip_prefix(':') {
        Some(port) if port.starts_with(|c: char| c.is_ascii_digit()) => {
            port.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        Some(_) => return None,
        None => rest,
    };
    let is_host = (is_name || host == "localhost") && !host.contains("..");
    (is_host && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// Whether a script of `sed` only prints, deletes and stops at lines it counts.
fn is_plain_script(script: &str) -> bool {
    script.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '$' | ';' | 'p' | 'd' | 'q'))
}

const EMPTY: &[&str] = &[];
const READER: &[FileRight] = &[FileRight::Read];
const READER_AND_WRITER: &[FileRight] = &[FileRight::Read, FileRight::Write];

#[cfg(test)]
mod tests;
