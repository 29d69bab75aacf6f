//! Tells the linker where a program goes, in pieces of whole pages, each with one use; and how deep
//! its stack is: a conversation is parsed, judged and sealed on it; and what is left out.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    let stack = "-zstack-size=262144";
    for argument in ["--image-base=0x200000", "-zmax-page-size=4096", "-zseparate-code", stack] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rustc-link-arg-bins=-T{}/../small.ld", env!("CARGO_MANIFEST_DIR"));
    println!("cargo:rerun-if-changed=../small.ld");
}
