//! The real program against platforms and models of our own, on loopback.
//!
//! Each platform is a server that speaks its interface from its documentation and misbehaves when
//! it is told to; the program under test is the one that people run.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test that cannot go on is a test that fails; and nobody else reads these modules"
)]

mod agent;
#[path = "../../src/network/tests/authority.rs"]
mod authority;
mod chats;
mod discord;
mod files;
mod model;
mod on_discord;
mod on_slack;
mod on_telegram;
mod secure;
mod server;
mod slack;
mod telegram;
