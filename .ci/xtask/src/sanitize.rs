//! The core's tests under AddressSanitizer, which needs a nightly compiler.
//!
//! The core has no `unsafe` of its own; this finds what its use of `alloc` could do wrong.
//! Documentation tests are left out: they link once per example and show nothing more.

use crate::check::Outcome;
use crate::error::Error;
use crate::setup;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<Outcome, Error> {
    if let Some(reason) = setup::missing_nightly(workspace) {
        return Ok(Outcome::Skip(reason));
    }
    // Naming the target keeps the sanitizer out of build scripts and procedural macros.
    let host = setup::host(workspace)?;
    workspace
        .cargo(["+nightly", "test", "-p", "sentinel-core", "--lib", "--tests", "--target", &host])
        .args(["--features", "websocket"])
        .set("RUSTFLAGS", "-Zsanitizer=address")
        // Worlds take ten times as long here, and look for other mistakes elsewhere.
        .set("SENTINEL_SEEDS", "200")
        .run()?;
    Ok(Outcome::Pass)
}
