//! One build: which switches, and why each of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::target::Target;
use crate::error::Error;
use crate::workspace::Workspace;

/// Builds the sources that lie at `root`, and returns the program with its symbols.
pub(super) fn build(
    workspace: &Workspace,
    root: &Path,
    folder: &str,
    target: &Target,
) -> Result<PathBuf, Error> {
    let output = workspace.target().join(folder);
    let triple = target.triple;
    let variable = |name: &str| format!("{name}_{}", triple.replace('-', "_"));
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let home = home.map_err(|_| Error::new("neither CARGO_HOME nor HOME is set"))?;
    // No path of this machine gets into the file, be it by the compiler or by that of C. Of several
    // that fit, the last counts: crates are named as what they are, wherever cargo unpacked them.
    let mut places = vec![(root.display().to_string(), "/sentinel"), (home.clone(), "/cargo")];
    // On a machine that has built nothing yet they are unpacked only now.
    let manifest = root.join("Cargo.toml").display().to_string();
    let compiler = |name: &str| format!("{}{name}", target.compiler);
    let fetch = ["fetch", "--locked", "--target", triple, "--manifest-path", manifest.as_str()];
    workspace.process(&compiler("cargo")).args(fetch).run()?;
    let registries = std::fs::read_dir(Path::new(&home).join("registry/src"));
    for registry in registries.into_iter().flatten().flatten() {
        places.push((format!("{}/", registry.path().display()), ""));
    }
    places.sort_unstable();
    let is_x86 = triple.starts_with("x86_64-");
    let flags = FLAGS.iter().chain(if is_x86 { FLAGS_OF_X86 } else { &[] });
    let mut flags: Vec<String> = flags.map(|flag| (*flag).to_string()).collect();
    let mut c_flags = Vec::new();
    for (from, to) in places {
        flags.push(format!("--remap-path-prefix={from}={to}"));
        c_flags.push(format!("'-ffile-prefix-map={from}={to}'"));
    }
    // A copy of the sources is no repository, and is of the same commit all the same.
    let commit = workspace.process("git").args(["rev-parse", "HEAD"]).output()?;
    let process = workspace.process(&compiler("cargo")).args([
        OsString::from("build"),
        "--release".into(),
        "--locked".into(),
        "--package=sentinel-linux".into(),
        format!("--target={triple}").into(),
        "--manifest-path".into(),
        root.join("Cargo.toml").into(),
        "--target-dir".into(),
        output.clone().into(),
    ]);
    let process = process
        .unset("RUSTFLAGS")
        .set("RUSTC", compiler("rustc"))
        // What is compiled of C needs nothing of a C library, so that any compiler will do.
        .set(&variable("CC"), target.gcc())
        .set("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .set("CFLAGS", c_flags.join(" "))
        // So that a directory may have a space in its name.
        .set("CC_SHELL_ESCAPED_FLAGS", "1")
        // Symbols say where the bytes are; they are cut off afterwards.
        .set("CARGO_PROFILE_RELEASE_STRIP", "none")
        .set("SENTINEL_COMMIT", commit.trim())
        .set("SOURCE_DATE_EPOCH", "0");
    let linker = format!("CARGO_TARGET_{}_LINKER", triple.replace('-', "_").to_uppercase());
    process.set(&linker, target.gcc()).run()?;
    Ok([output.as_path(), triple.as_ref(), "release".as_ref(), "sentinel".as_ref()]
        .iter()
        .collect())
}

/// Cuts off what only people who look into it need.
pub(super) fn strip(
    workspace: &Workspace,
    target: &Target,
    whole: &Path,
    to: &Path,
) -> Result<(), Error> {
    let program = format!("{}strip", target.cross.unwrap_or_default());
    let arguments: [OsString; 5] = [
        "--strip-all".into(),
        "--remove-section=.comment".into(),
        "-o".into(),
        to.into(),
        whole.into(),
    ];
    workspace.process(&program).args(arguments).help("apt-get install binutils").run()
}

const FLAGS: &[&str] = &[
    // No interpreter, no library; at an address that is another one at each start all the same.
    "-Ctarget-feature=+crt-static",
    "-Crelocation-model=pie",
    // It aborts when it panics, so that nobody walks the stack.
    "-Cforce-unwind-tables=no",
    // Names that say which types a generic function was made for.
    "-Csymbol-mangling-version=v0",
    // It would be another one for each directory.
    "-Clink-arg=-Wl,--build-id=none",
    // These and the ones below are of `.cargo/config.toml`, which says why.
    "--cfg=chacha20_backend=\"soft\"",
    "--cfg=curve25519_dalek_backend=\"serial\"",
    "--cfg=poly1305_backend=\"soft\"",
    "--cfg=sha2_backend_soft=\"compact\"",
];
const FLAGS_OF_X86: &[&str] = &[
    "-Cllvm-args=-enable-machine-outliner=always",
    "-Cforce-frame-pointers=yes",
    "-Cllvm-args=-inline-max-stacksize=256",
    "-Cllvm-args=-max-store-memcpy=2",
];
