//! The walls around what an agent starts, by the real program: one agent makes many calls, each in
//! a sandbox that its spawner made, and most of those were made before they were asked for.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on is a test that fails"
)]

mod agent;
mod calls;
mod denied;
mod killed;
mod lacking;
mod many;
mod tricks;
