//! What the real program does while it stays running: its log, its figures, a configuration that is
//! read again, and where its secrets are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

mod agent;
mod figures;
mod logging;
mod reloading;
mod secrets;
mod telegram;
