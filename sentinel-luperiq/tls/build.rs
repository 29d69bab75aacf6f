//! Tells the linker where a program goes: in pieces of whole pages, each with one use.

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    for argument in ["--image-base=0x200000", "-zmax-page-size=4096", "-zseparate-code"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
