//! How the program is linked: without what only serves to walk the stack after a panic, with one of
//! what is there several times, and with a short list of what has to be moved at the start.
//!
//! A release aborts when it panics, and says before where; so nobody reads these tables, which are
//! a tenth of it. Were one built to unwind all the same, it would find no way and abort, too.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells cargo what the linker is told.
pub(crate) fn arguments() {
    println!("cargo::rerun-if-changed=build/link.rs");
    println!("cargo::rustc-check-cfg=cfg(no_unwinding)");
    let is_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux");
    if is_linux {
        // Some functions of ring are defined once more (`network/tls/generator.rs`), in every build
        // so that every test goes through them; and where the unwinder is static, its walk.
        println!("cargo::rustc-link-arg=-Wl,-z,muldefs");
    }
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let Some(directory) = env::var_os("OUT_DIR").filter(|_| is_linux && is_release) else {
        return;
    };
    let is_musl = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|library| library == "musl");
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let is_static = features.split(',').any(|feature| feature == "crt-static");
    // rustc makes static programs that can be moved for x86-64 alone; the others begin with a
    // piece of GCC's that hands these tables to glibc, and needs them.
    let is_moved = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|machine| machine == "x86_64");
    if !is_static || is_musl || is_moved {
        leave_tables_out(Path::new(&directory));
    }
    println!("cargo::rustc-cfg=no_unwinding");
    let linkers = linkers();
    if let Some(linkers) = &linkers {
        println!("cargo::rustc-link-arg-bins=-B{}", linkers.display());
        println!("cargo::rustc-link-arg-bins=-fuse-ld=lld");
        // Constants as well as functions. What tells two by their addresses (tables of keys, in
        // the reference of the configuration) takes equal ones for one, and means that.
        println!("cargo::rustc-link-arg-bins=-Wl,--icf=all,--ignore-data-address-equality,-O2");
    }
    // The musl that rustc brings reads short lists, and its linker writes them for every machine.
    let is_for_this = env::var_os("HOST") == env::var_os("TARGET");
    let reads_short_lists = match is_musl {
        true => linkers.is_some(),
        false => (is_for_this || (is_static && linkers.is_some())) && glibc_reads_short_lists(),
    };
    if reads_short_lists {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The tables that say how to walk the stack.
fn leave_tables_out(directory: &Path) {
    let script = directory.join("no-unwinding.ld");
    match fs::write(&script, SCRIPT) {
        Ok(()) => {
            println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
            println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
        }
        Err(error) => println!("cargo::warning={}: {error}", script.display()),
    }
}

/// Where the linker is that comes with rustup's compiler. It knows how to keep one of several
/// functions that came out the same; GNU's does not.
fn linkers() -> Option<PathBuf> {
    let rustc = env::var_os("RUSTC")?;
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let mut path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    path.extend(["lib", "rustlib", &env::var("HOST").ok()?, "bin", "gcc-ld"]);
    path.join("ld.lld").exists().then_some(path)
}

/// Whether the C library that the program is linked with can read the list of what is to be moved
/// in its short form: glibc can since 2.36. Its headers say which it is.
fn glibc_reads_short_lists() -> bool {
    let compiler = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let headers = ["-E", "-dM", "-include", "features.h", "-x", "c", "/dev/null"];
    let output = Command::new(compiler).args(headers).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    let minor = text.lines().find_map(|line| line.strip_prefix("#define __GLIBC_MINOR__ "));
    minor.and_then(|minor| minor.trim().parse::<u32>().ok()).is_some_and(|minor| minor >= 36)
}

/// Added to what the linker does anyway; GNU's and LLVM's understand it.
const SCRIPT: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table*) } } \
                      INSERT AFTER .text;\n";
