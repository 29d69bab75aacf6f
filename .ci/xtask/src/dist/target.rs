//! The machines that the program is given out for, and what it takes to build for them.

use crate::setup;
use crate::workspace::Workspace;

/// A kind of machine.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Targets of the compiler for it, the best first.
    targets: &'static [&'static str],
    /// What links for it where it is not the machine at hand, and Debian's package of it.
    linker: &'static str,
    package: &'static str,
}

/// A target that can be built for.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) triple: &'static str,
    /// What links, compiles C and strips; none for what the machine at hand has anyway.
    pub(super) cross: Option<&'static str>,
}

/// Whether there is one.
#[derive(Debug)]
pub(super) enum Found {
    Target(Target),
    /// And why not.
    Missing(String),
}

pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: "x86_64",
        targets: &["x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu"],
        linker: "x86_64-linux-gnu-",
        package: "gcc-x86-64-linux-gnu",
    },
    Kind {
        name: "aarch64",
        targets: &["aarch64-unknown-linux-musl", "aarch64-unknown-linux-gnu"],
        linker: "aarch64-linux-gnu-",
        package: "gcc-aarch64-linux-gnu",
    },
];

/// The first target of a kind that the compiler has a standard library for.
pub(super) fn find(workspace: &Workspace, kind: &'static Kind) -> Found {
    let Some(triple) = kind.targets.iter().copied().find(|triple| has_library(workspace, triple))
    else {
        let [first, ..] = kind.targets else {
            return Found::Missing("no target is known for it".into());
        };
        return Found::Missing(format!(
            "the compiler has no standard library for it (rustup target add {first})"
        ));
    };
    let host = setup::host(workspace).unwrap_or_default();
    if host.split('-').next() == triple.split('-').next() {
        return Found::Target(Target { triple, cross: None });
    }
    let gcc = format!("{}gcc", kind.linker);
    match workspace.process(&gcc).args(["--version"]).succeeds() {
        true => Found::Target(Target { triple, cross: Some(kind.linker) }),
        false => Found::Missing(format!("there is no {gcc} (apt-get install {})", kind.package)),
    }
}

fn has_library(workspace: &Workspace, triple: &str) -> bool {
    let print = ["--print", "target-libdir", "--target", triple];
    let directory = workspace.process("rustc").args(print).output().unwrap_or_default();
    let files = std::fs::read_dir(directory.trim()).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}
