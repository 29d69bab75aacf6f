//! `sentinel isolate` by the real program: its policies, filters from files, what it looks on at,
//! what it records, and what it refuses.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

mod audit;
mod broken;
mod log;
mod options;
mod person;
mod policy;
mod production;
mod publish;
mod seccomp;
