//! `cargo xtask dist`: the program as it is given out: one static file for each kind of machine.
//!
//! # Invariants
//! - What is in `target/dist` needs nothing of the machine it runs on but the kernel, and calls
//!   nothing of the C library that would load something at run time.
//! - No path of a machine gets into the file. `--twice` compares two builds in two directories.
//! - A file that is larger than the goal is said to be.

mod build;
mod sizes;
mod target;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::similar;
use crate::workspace::Workspace;
use target::Found;

pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<(), Error> {
    let is_twice = match arguments {
        [] => false,
        [flag] if flag == "--twice" => true,
        [first, ..] => {
            return Err(similar::unknown("option", first, ["--twice"], "cargo xtask help"));
        }
    };
    let directory = workspace.target().join("dist");
    fs::create_dir_all(&directory).map_err(|cause| Error::file("make", &directory, &cause))?;
    let mut files = Vec::new();
    for kind in target::KINDS {
        let target = match target::find(workspace, kind) {
            Found::Target(target) => target,
            Found::Missing(why) => {
                println!("\n{}: skipped: {why}", kind.name);
                continue;
            }
        };
        let name = format!("sentinel-{}", kind.name);
        let path = directory.join(&name);
        let whole = build::build(workspace, workspace.root(), "dist-build", &target)?;
        sizes::report(&whole, &target)?;
        build::strip(workspace, &target, &whole, &path)?;
        if is_twice {
            compare(workspace, &target, &path)?;
        }
        let bytes = fs::metadata(&path).map_err(|cause| Error::file("read", &path, &cause))?.len();
        println!("\n{}: {bytes} bytes, {} crates", path.display(), crates(workspace)?);
        if bytes > BYTES_MAX {
            // It works all the same: the table above says where they are.
            println!("MISSED: {BYTES_MAX} bytes are the goal");
        }
        files.push(name);
    }
    if files.is_empty() {
        return Err(Error::new("there is no target that can be built for on this machine"));
    }
    let sums = workspace.process("sh").args([
        "-c".into(),
        format!(
            "cd '{}' && sha256sum {} > SHA256SUMS && cat SHA256SUMS",
            directory.display(),
            files.join(" ")
        ),
    ]);
    sums.run()
}

/// The static program for the machine this runs on, for whoever wants to measure it.
pub(crate) fn here(workspace: &Workspace) -> Result<PathBuf, Error> {
    let name = std::env::consts::ARCH;
    let Some(kind) = target::KINDS.iter().find(|kind| kind.name == name) else {
        return Err(Error::new(format!("nothing is given out for {name}")));
    };
    let target = match target::find(workspace, kind) {
        Found::Target(target) => target,
        Found::Missing(why) => return Err(Error::new(why)),
    };
    let whole = build::build(workspace, workspace.root(), "dist-build", &target)?;
    let path = workspace.target().join("dist").join(format!("sentinel-{name}"));
    let directory = path.parent().unwrap_or(&path);
    fs::create_dir_all(directory).map_err(|cause| Error::file("make", directory, &cause))?;
    build::strip(workspace, &target, &whole, &path)?;
    Ok(path)
}

/// Builds a copy of the sources that lies elsewhere, and compares.
fn compare(workspace: &Workspace, target: &target::Target, first: &Path) -> Result<(), Error> {
    let elsewhere = workspace.target().join("dist-again").join("a place with another name");
    // A copy of before may have files that are gone.
    let _ = fs::remove_dir_all(&elsewhere);
    for file in workspace.files()? {
        let (from, to) = (workspace.root().join(&file), elsewhere.join(&file));
        let directory = to.parent().unwrap_or(&elsewhere);
        fs::create_dir_all(directory).map_err(|cause| Error::file("make", directory, &cause))?;
        fs::copy(&from, &to).map_err(|cause| Error::file("copy", &from, &cause))?;
    }
    let whole = build::build(workspace, &elsewhere, "dist-build-again", target)?;
    let second = elsewhere.join("sentinel");
    build::strip(workspace, target, &whole, &second)?;
    let read = |path: &Path| fs::read(path).map_err(|cause| Error::file("read", path, &cause));
    if read(first)? != read(&second)? {
        let text = format!("{} and {} differ", first.display(), second.display());
        return Err(Error::new(text).help("`cmp -l` of the two says where"));
    }
    println!("\nbuilt twice, in two directories: the same bytes");
    Ok(())
}

/// How many crates the program is made of, itself included.
fn crates(workspace: &Workspace) -> Result<usize, Error> {
    let tree = ["tree", "-p", "sentinel-linux", "-e", "normal", "--prefix", "none"];
    let text = workspace.cargo(tree).output()?;
    let names = text.lines().filter_map(|line| line.split(' ').next()).filter(|it| !it.is_empty());
    let count = names.collect::<std::collections::BTreeSet<_>>().len();
    if count > CRATES_MAX {
        let text = format!("the program is made of {count} crates, and {CRATES_MAX} are promised");
        return Err(Error::new(text).help("cargo tree -p sentinel-linux -e normal"));
    }
    Ok(count)
}

const BYTES_MAX: u64 = 4_000_000;
const CRATES_MAX: usize = 60;
