//! Skills as an operator and a model use them, with the real program.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

mod agent;
mod elsewhere;
mod hostile;
mod house;
#[cfg(feature = "wasm")]
mod modules;
mod operator;
mod real;
mod sampling;
mod server;
mod signed;
