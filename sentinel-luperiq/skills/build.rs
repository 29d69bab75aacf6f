//! Tells the linker where a program goes: in pieces of whole pages, each with one use; and how much
//! stack it has: a text of 16 KiB among the parameters is a few of them on the way.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let place = ["--image-base=0x200000", "-zmax-page-size=4096", "-zseparate-code"];
    for argument in place.into_iter().chain(["-zstack-size=262144"]) {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rustc-link-arg-bins=-T{}/../small.ld", env!("CARGO_MANIFEST_DIR"));
    println!("cargo:rerun-if-changed=../small.ld");
}
