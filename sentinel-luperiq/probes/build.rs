//! Tells the linker where a program goes: as `programs` has it, in three pieces.

fn main() {
    for argument in ["--image-base=0x200000", "-zmax-page-size=4096", "-zseparate-code"] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
