//! Tells the linker where everything of the kernel goes, and what it is linked with.

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo:rustc-link-arg-bins=-T{folder}/kernel.ld");
    println!("cargo:rustc-link-arg-bins=-zmax-page-size=4096");
    println!("cargo:rerun-if-changed=kernel.ld");
    // The names of what the kernel says are kept apart from it.
    if std::env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
    // What is compiled for another target is built before, by `cargo xtask luperiq`. Checking the
    // code does not need it, and linking without it says what is missing.
    println!("cargo:rerun-if-env-changed={HASH}");
    if let Ok(archive) = std::env::var(HASH) {
        println!("cargo:rustc-link-arg-bins={archive}");
        println!("cargo:rerun-if-changed={archive}");
    }
}

/// Where the archive of `luperiq-hash` is.
const HASH: &str = "LUPERIQ_HASH";
