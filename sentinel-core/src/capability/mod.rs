//! Authority: what a person granted, and whether a deed is covered by it.

mod handle;
mod verdict;

pub use handle::Handle;
pub use verdict::{Level, Verdict};
