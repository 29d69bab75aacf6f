//! What of git is allowed: the subcommands that run nothing they are told to.
//!
//! A list of what is refused would never be whole: a word that git does not know is an alias of
//! the repository's configuration or a program, and one with a slash (`git x/y`) the file `git-x/y`
//! beneath the directory it runs in.
//!
//! # Invariants
//! - A subcommand that is not here is refused unless the grant names it, and counts as one that
//!   writes.
//! - One that reads changes nothing but what git itself keeps in the repository.
//!
//! # Not here
//! What the configuration and the hooks of a repository name. The configuration check warns where
//! an agent may write both.

use super::Subcommand;

/// What may follow a name of a remote repository, and would be run: `x/y::z` is `git-remote-x/y`.
const TRANSPORT: &[&str] = &["::"];

pub(super) static SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { names: READING, is_writer: false, refused: &[] },
    Subcommand { names: &["ls-remote", "remote"], is_writer: false, refused: TRANSPORT },
    Subcommand { names: &["clone", "fetch", "push"], is_writer: true, refused: TRANSPORT },
    // A strategy of another name is a program of that name; `-s x/y` runs the file `git-merge-x/y`.
    Subcommand { names: &["pull"], is_writer: true, refused: &["-s", "::"] },
    Subcommand { names: &["merge", "rebase"], is_writer: true, refused: &["-s"] },
    Subcommand { names: WRITING, is_writer: true, refused: &[] },
];

static READING: &[&str] = &[
    "annotate",
    "blame",
    "branch",
    "cat-file",
    "check-attr",
    "check-ignore",
    "check-ref-format",
    "cherry",
    "count-objects",
    "describe",
    "diff",
    "diff-files",
    "diff-index",
    "diff-tree",
    "for-each-ref",
    "get-tar-commit-id",
    "grep",
    "log",
    "ls-files",
    "ls-tree",
    "merge-base",
    "name-rev",
    "patch-id",
    "range-diff",
    "reflog",
    "rev-list",
    "rev-parse",
    "shortlog",
    "show",
    "show-branch",
    "show-ref",
    "status",
    "tag",
    "verify-commit",
    "verify-pack",
    "verify-tag",
    "version",
    "whatchanged",
];

static WRITING: &[&str] = &[
    "add",
    "am",
    "apply",
    "archive",
    "bundle",
    "checkout",
    "cherry-pick",
    "clean",
    "commit",
    "format-patch",
    "fsck",
    "gc",
    "init",
    "merge-tree",
    "mv",
    "notes",
    "prune",
    "repack",
    "reset",
    "restore",
    "revert",
    "rm",
    "sparse-checkout",
    "stash",
    "switch",
    "worktree",
];
