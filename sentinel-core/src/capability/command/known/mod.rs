//! Well-known programs that do more than their name says.
//!
//! Allow-lists of programs have been walked out of through the same doors for decades: `find`
//! executes, `tar` runs checkpoints, `git` takes its configuration from the command line. Each of
//! these programs has a guard here: what of it is refused unless the grant says `unguarded`, and
//! why.
//!
//! # Invariants
//! - A guard only refuses. It never makes a grant wider.
//! - Programs are known by their last component, wherever they are installed, versions included
//!   (`python3.11`).
//!
//! # Not here
//! Which words of git are allowed: [`git`]; what runs whatever it is told: [`runners`].
//! Containment: a program that is allowed still runs in a sandbox with the grants of its call.

mod git;
mod runners;

use self::runners::RUNNERS;

/// What of a program is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// It runs whatever it is told to; only asking for its version or help is harmless.
    RunsAnything,
    /// These options, written whole; an abbreviation or a value behind `=` is the option too. What
    /// does not begin with a dash is a word that no argument may mention, or one of the [`SIGNS`]
    /// or [`HOST`].
    Refuses(&'static [&'static str]),
}

/// What an argument may not contain anywhere: a list of further arguments (`@list`) and the name of
/// a transport (`x::y`).
pub(super) static SIGNS: &[&str] = &["@", "::"];

/// An argument that names a host: a colon with no slash before it. GNU tar logs in there.
pub(super) const HOST: &str = ":";

/// What a program may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    Nothing,
    /// What its arguments name.
    Arguments,
    /// That, and what its arguments do not name, beneath the directory it runs in.
    Here,
    /// The operands from this one on, counted from zero.
    OperandsFrom(usize),
}

/// Words a program may be told first, that are alike.
#[derive(Debug)]
pub(super) struct Subcommand {
    names: &'static [&'static str],
    /// Whether it changes what it is given, or what lies where it runs.
    is_writer: bool,
    /// What is refused with it, besides what the program refuses everywhere.
    pub(super) refused: &'static [&'static str],
}

/// A program with a guard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    names: &'static [&'static str],
    pub(super) guard: Guard,
    writes: Writes,
    /// Whether a single dash starts a long option, so that letters are not bundled.
    pub(super) has_long_single_dash: bool,
    /// Whether it reads options behind a `--`, too.
    pub(super) ignores_separator: bool,
    /// Whether its first operand is a script, in which only line numbers are allowed.
    pub(super) has_script: bool,
    /// Whether its first word is options also without a dash.
    pub(super) has_dashless_bundle: bool,
    /// First operands of which one has to come where the grant names no subcommands itself; none if
    /// the program knows no such words.
    subcommands: &'static [Subcommand],
    /// Where there are such, the options that may stand before the subcommand: none takes the next
    /// word for its value. What stands behind another is anybody's guess.
    leading_options: &'static [&'static str],
    /// What it could do without the guard, to follow "it".
    pub(super) reason: &'static str,
}

impl Known {
    /// The guard for a program of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        // Whatever starts programs for the system is called by its version and architecture.
        let name = match name {
            name if name.starts_with("ld-") && name.contains(".so") => "ld.so",
            name if name.starts_with("qemu-") => "qemu",
            name => name,
        };
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        // `x86_64-linux-gnu-gcc-12`, `python3.11-dbg`: only what runs anything is looked for behind
        // such names, for there a wrong guess refuses too much and never too little.
        let tool = name.split_once("-linux-").and_then(|(_, rest)| rest.split_once('-'));
        let tool = tool.map_or(name, |(_, tool)| tool);
        let stem = tool.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
        let stem = stem.trim_end_matches('-');
        let is = |known: &&Self, name| known.names.contains(&name);
        let has_version = plain.len() != name.len();
        // `diff3` is no version of `diff`.
        let all = || KNOWN.iter().chain(RUNNERS);
        let exact = all().find(|known| is(known, name));
        let exact = exact.or_else(|| all().find(|it| has_version && is(it, plain)));
        exact.or_else(|| RUNNERS.iter().find(|known| is(known, stem)))
    }

    /// Whether this may not stand before, or as, the subcommand.
    pub(super) fn is_refused_beginning(&self, argument: &str, is_operand: bool) -> bool {
        if self.subcommands.is_empty() {
            return false;
        }
        if is_operand {
            return self.subcommand_of(argument).is_none();
        }
        !self.leading_options.contains(&argument)
    }

    /// Whether a grant that begins with this word allows what one without such words refuses: with
    /// an option it says nothing of the word that follows.
    pub(super) fn is_freed_by(&self, word: &str) -> bool {
        let is_free = word.starts_with('-') || self.subcommand_of(word).is_none();
        !self.subcommands.is_empty() && is_free
    }

    /// What it may write with these arguments, and what is refused with them besides. A word that
    /// cannot be told to be the subcommand is none that is known, and so writes.
    pub(super) fn use_of(&self, arguments: &[&str]) -> (Writes, &'static [&'static str]) {
        if self.subcommands.is_empty() {
            return (self.writes, &[]);
        }
        let word = arguments.iter().find(|argument| !self.leading_options.contains(argument));
        let Some(word) = word else { return (Writes::Nothing, &[]) };
        match self.subcommand_of(word) {
            Some(known) if known.is_writer => (Writes::Here, known.refused),
            Some(known) => (Writes::Nothing, known.refused),
            None => (Writes::Here, &[]),
        }
    }

    fn subcommand_of(&self, word: &str) -> Option<&'static Subcommand> {
        self.subcommands.iter().find(|known| known.names.contains(&word))
    }
}

const fn refuses(
    names: &'static [&'static str],
    options: &'static [&'static str],
    writes: Writes,
    reason: &'static str,
) -> Known {
    Known {
        names,
        guard: Guard::Refuses(options),
        writes,
        has_long_single_dash: false,
        ignores_separator: false,
        has_script: false,
        has_dashless_bundle: false,
        subcommands: &[],
        leading_options: &[],
        reason,
    }
}

/// Only looks at what it is given, and has no option that does more.
const fn reader(names: &'static [&'static str]) -> Known {
    refuses(names, &[], Writes::Nothing, "reads the files it is given")
}

/// What is refused of the programs that change files: directories with all that lies beneath, and
/// what would be a path that does not look like one.
static FILES: &[&str] = &[
    "--target-directory",
    "-t",
    "--suffix",
    "-S",
    "--reference",
    "-r",
    "--recursive",
    "-R",
    "--archive",
    "-a",
];

static KNOWN: &[Known] = &[
    // Programs with a few dangerous options.
    Known {
        names: &["find"],
        guard: Guard::Refuses(&[
            "-exec",
            "-execdir",
            "-ok",
            "-okdir",
            "-delete",
            "-fprint",
            "-fprint0",
            "-fprintf",
            "-fls",
            "-files0-from",
        ]),
        writes: Writes::Nothing,
        has_long_single_dash: true,
        ignores_separator: true,
        has_script: false,
        has_dashless_bundle: false,
        subcommands: &[],
        leading_options: &[],
        reason: "runs programs (-exec), deletes, and writes files (-fprint)",
    },
    Known {
        has_dashless_bundle: true,
        ..refuses(
            &["tar", "bsdtar", "gtar"],
            &[
                "--checkpoint-action",
                "--to-command",
                "--use-compress-program",
                "-I",
                "--rsh-command",
                "--info-script",
                "--new-volume-script",
                "-F",
                "--index-file",
                "-P",
                "--absolute-names",
                "--files-from",
                "-T",
                "--exclude-from",
                "-X",
                "--rmt-command",
                "--volno-file",
                // At the end of a volume it asks for the next one, and takes `!` for a shell.
                "--multi-volume",
                "-M",
                "--tape-length",
                "-L",
                // What bsdtar calls some of these: any long option, and unsafe paths.
                "-W",
                "--absolute-paths",
                "--insecure",
                HOST,
            ],
            Writes::Here,
            "runs programs (--checkpoint-action, --to-command, -I), reads lists of files, and logs \
             in to what stands before a colon (`./a:b` is a file)",
        )
    },
    Known {
        names: &["git"],
        guard: Guard::Refuses(&[
            "-c",
            "--config-env",
            "--exec-path",
            "--git-dir",
            "--work-tree",
            "-C",
            "--namespace",
            "--upload-pack",
            "--receive-pack",
            "-u",
            "--exec",
            "-x",
            "--output",
            "--ext-diff",
            "--textconv",
            "--open-files-in-pager",
            "-O",
            "--template",
            "--paginate",
            "-p",
            "--no-index",
            "--super-prefix",
            "--edit",
            "-e",
            "--interactive",
            "-i",
            "--edit-todo",
            "--edit-description",
            "--strategy",
            "--remote",
            concat!("--un", "safe-paths"),
            // They start a pager or a browser.
            "--help",
        ]),
        // Its subcommands say what.
        writes: Writes::Here,
        has_long_single_dash: false,
        ignores_separator: false,
        has_script: false,
        has_dashless_bundle: false,
        subcommands: git::SUBCOMMANDS,
        leading_options: &[
            "--no-pager",
            "-P",
            "--bare",
            "--no-replace-objects",
            "--no-lazy-fetch",
            "--no-optional-locks",
            "--no-advice",
            "--literal-pathspecs",
            "--glob-pathspecs",
            "--noglob-pathspecs",
            "--icase-pathspecs",
            "--version",
            "-v",
        ],
        reason: "runs programs named by its options and its configuration (-c core.sshCommand=...)",
    },
    refuses(&["split"], &["--filter"], Writes::Here, "runs a program for every part (--filter)"),
    refuses(
        &["sort"],
        &["--compress-program", "-o", "--output", "--files0-from", "-T", "--temporary-directory"],
        Writes::Nothing,
        "runs a program (--compress-program) and writes files (-o)",
    ),
    Known {
        names: &["sed", "gsed"],
        // An option that takes a value would move the script on by one word.
        guard: Guard::Refuses(&[
            "-i",
            "-I",
            "--in-place",
            "-f",
            "--file",
            "-e",
            "--expression",
            "-s",
            "--separate",
            "-l",
            "--line-length",
        ]),
        writes: Writes::Nothing,
        has_long_single_dash: false,
        ignores_separator: false,
        has_script: true,
        has_dashless_bundle: false,
        subcommands: &[],
        leading_options: &[],
        reason: "runs programs and writes files from its scripts (e, w); -n and a plain print of \
                 lines (1,5p) are allowed",
    },
    refuses(
        &["zip"],
        &[
            "-T",
            "--test",
            "-TT",
            "--unzip-command",
            "-b",
            "--temp-path",
            "-O",
            "--output-file",
            "@",
        ],
        Writes::Arguments,
        "runs a program to test what it wrote (-TT)",
    ),
    Known {
        // unzip only counts a dash there.
        ignores_separator: true,
        ..refuses(
            &["unzip", "bsdunzip", "7z", "7za", "7zr", "7zz"],
            &["-o", "-P", "-p", "-d", "-:", "@"],
            Writes::Here,
            "writes over files, also above where it runs (-:), and reads lists of files (@)",
        )
    },
    refuses(
        &["rg", "ripgrep"],
        &[
            "--pre",
            "--pre-glob",
            "--hostname-bin",
            "--search-zip",
            "-z",
            "--file",
            "-f",
            "--ignore-file",
        ],
        Writes::Nothing,
        "runs a program for every file (--pre)",
    ),
    refuses(
        &["grep", "egrep", "fgrep"],
        &["-f", "--file", "--exclude-from"],
        Writes::Nothing,
        "reads patterns from files (-f)",
    ),
    refuses(
        &["jq"],
        &[
            "-f",
            "--from-file",
            "-L",
            "--library-path",
            "--slurpfile",
            "--rawfile",
            "--argfile",
            "$ENV",
            "env",
            "import",
            "include",
            "modulemeta",
        ],
        Writes::Nothing,
        "reads the environment and further files",
    ),
    refuses(&["tee"], &["-p", "--output-error"], Writes::Arguments, "writes files"),
    refuses(
        &["cp", "mv", "ln", "rm", "mkdir", "touch", "truncate", "shred"],
        FILES,
        Writes::Arguments,
        "changes files",
    ),
    refuses(
        &["install"],
        &["--strip-program", "--target-directory", "-t", "--suffix", "-S"],
        Writes::Arguments,
        "runs the program that strips what it installs (--strip-program)",
    ),
    refuses(
        &["rmdir"],
        &["--parents", "-p"],
        Writes::Arguments,
        "removes the directories above, too (-p)",
    ),
    refuses(
        &["chmod", "chown", "chgrp", "setfacl"],
        &["--reference", "-R", "--recursive", "--restore", "-M", "-X"],
        Writes::Arguments,
        "changes who may do what",
    ),
    refuses(
        &["dd"],
        &["of", "if"],
        Writes::Arguments,
        "reads and writes files and devices named as of= and if=",
    ),
    refuses(
        &["date"],
        &["-f", "--file", "-s", "--set", "-r", "--reference"],
        Writes::Nothing,
        "reads files (-f) and sets the clock (-s)",
    ),
    refuses(
        &["wc", "du"],
        &["--files0-from", "--exclude-from", "-X"],
        Writes::Nothing,
        "reads lists of files",
    ),
    refuses(
        &["file"],
        &[
            "-f",
            "--files-from",
            "-m",
            "--magic-file",
            "-C",
            "--compile",
            "-z",
            "-Z",
            "--uncompress",
            "--uncompress-noreport",
        ],
        Writes::Nothing,
        "reads lists of files, writes its own, and runs programs that unpack (-z)",
    ),
    refuses(
        &["diff"],
        &["--from-file", "--to-file", "-X", "--exclude-from", "-l", "--paginate"],
        Writes::Nothing,
        "reads lists of files and starts a pager",
    ),
    refuses(
        &["sdiff", "diff3"],
        &["--diff-program", "-o", "--output"],
        Writes::Nothing,
        "runs the program that compares (--diff-program), and writes files (-o)",
    ),
    refuses(
        &["fd", "fdfind"],
        &[
            "-x",
            "--exec",
            "-X",
            "--exec-batch",
            "-l",
            "--list-details",
            "--ignore-file",
            "-C",
            "--base-directory",
        ],
        Writes::Nothing,
        "runs programs for what it finds (--exec)",
    ),
    refuses(
        &[
            "sha256sum",
            "md5sum",
            "cksum",
            "sha1sum",
            "sha224sum",
            "sha384sum",
            "sha512sum",
            "b2sum",
        ],
        &["-c", "--check"],
        Writes::Nothing,
        "reads lists of files (-c)",
    ),
    refuses(&["uniq"], &[], Writes::OperandsFrom(1), "writes the second file it is given"),
    reader(&["ls", "cat", "head", "tail", "cut", "tr", "nl", "od", "stat", "basename"]),
    reader(&["dirname", "echo", "printf", "pwd", "true", "false"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_with_their_versions() {
        for name in ["python", "python3", "python3.11", "bash", "find", "7z", "qemu-x86_64-static"]
        {
            assert!(Known::find(name).is_some(), "{name}");
        }
        for name in ["gcc-12", "x86_64-linux-gnu-gcc-12", "ld-linux-x86-64.so.2", "perl5.36-x86"] {
            assert!(Known::find(name).is_some(), "{name}");
        }
        for name in ["", "pythonic", "findutils", "weather", "cat-2x", "x", "1", "ld-new"] {
            assert!(Known::find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_name_stands_once_and_options_look_like_options() {
        let mut names: alloc::vec::Vec<&str> =
            KNOWN.iter().chain(RUNNERS).flat_map(|known| known.names).copied().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for known in KNOWN {
            assert!(!known.reason.is_empty());
            if let Guard::Refuses(options) = known.guard {
                assert!(options.iter().all(|option| !option.is_empty() && *option != "--"));
            }
        }
    }
}
