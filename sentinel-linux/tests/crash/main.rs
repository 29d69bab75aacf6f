//! The real program, killed at every moment and on disks that fail.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

mod faults;
mod house;
mod kills;
mod model;
mod moment;
mod older;
mod peer;
mod platform;
mod secrets;
mod server;
mod traced;
mod wakeups;
