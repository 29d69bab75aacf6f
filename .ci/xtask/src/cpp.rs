//! The C++ compiler that libFuzzer, itself C++, is built with.
//!
//! Any will do: the instrumentation comes from rustc, not from clang.

use crate::apt;
use crate::error::Error;
use crate::workspace::Workspace;

/// Makes sure that there is one. `CXX` names another than `c++`.
pub(crate) fn ensure(workspace: &Workspace) -> Result<(), Error> {
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    if workspace.process(&compiler).args(["--version"]).succeeds() {
        return Ok(());
    }
    apt::install(workspace, &["g++"])
}
