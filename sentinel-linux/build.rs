//! What a build is told besides its sources: where it comes from, and how the program is linked.

#[path = "build/facts.rs"]
mod facts;
#[path = "build/link.rs"]
mod link;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    facts::tell();
    link::arguments();
}
