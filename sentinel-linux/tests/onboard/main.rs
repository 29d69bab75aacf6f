//! What a new user meets, by the real program: the wizard, the doctor, the service, completions.
//!
//! Services and platforms are a small server on loopback, which answers as their documents say.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

mod alone;
mod completions;
mod doctor;
mod home;
mod init;
mod readers;
mod server;
mod service;
mod typing;
