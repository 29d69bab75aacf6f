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
    /// How Debian's compiler gets a library for it.
    library: &'static str,
}

/// A target that can be built for.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) triple: &'static str,
    /// What stands before the names of the compiler and of cargo: nothing for those on PATH.
    pub(super) compiler: &'static str,
    /// What links, compiles C and strips; none for what the machine at hand has anyway.
    pub(super) cross: Option<&'static str>,
}

impl Target {
    /// The compiler of C, which links as well.
    pub(super) fn gcc(&self) -> String {
        format!("{}gcc", self.cross.unwrap_or_default())
    }
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
        library: "dpkg --add-architecture amd64; apt-get install libstd-rust-web-dev:amd64",
    },
    Kind {
        name: "aarch64",
        targets: &["aarch64-unknown-linux-musl", "aarch64-unknown-linux-gnu"],
        linker: "aarch64-linux-gnu-",
        package: "gcc-aarch64-linux-gnu",
        library: "dpkg --add-architecture arm64; apt-get install libstd-rust-web-dev:arm64",
    },
];

/// The first target of a kind that a compiler of this machine has a standard library for.
pub(super) fn find(workspace: &Workspace, kind: &'static Kind) -> Found {
    let targets =
        COMPILERS.iter().flat_map(|compiler| kind.targets.iter().map(move |it| (it, compiler)));
    let found = targets.into_iter().find(|it| has_library(workspace, it.1, it.0));
    let Some((triple, compiler)) = found else {
        let first = kind.targets.first().copied().unwrap_or_default();
        return Found::Missing(format!(
            "no compiler here has a standard library for it (rustup target add {first}; or on \
             Debian: {})",
            kind.library
        ));
    };
    let host = setup::host(workspace).unwrap_or_default();
    if host.split('-').next() == triple.split('-').next() {
        return Found::Target(Target { triple, compiler, cross: None });
    }
    let target = Target { triple, compiler, cross: Some(kind.linker) };
    match workspace.process(&target.gcc()).args(["--version"]).succeeds() {
        true => Found::Target(target),
        false => Found::Missing(format!(
            "there is no {} (apt-get install {})",
            target.gcc(),
            kind.package
        )),
    }
}

fn has_library(workspace: &Workspace, compiler: &str, triple: &str) -> bool {
    let print = ["--print", "target-libdir", "--target", triple];
    let rustc = format!("{compiler}rustc");
    let directory = workspace.process(&rustc).args(print).output().unwrap_or_default();
    let files = std::fs::read_dir(directory.trim()).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

/// The one on PATH, which is rustup's where there is rustup; and that of the system, which has
/// packages of its own with libraries for other machines.
const COMPILERS: &[&str] = &["", "/usr/bin/"];
