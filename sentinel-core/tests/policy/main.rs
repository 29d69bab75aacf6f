//! The judge over written conversations, against a second judge, and under random ones.
#![cfg(feature = "policy")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod extraction;
mod figures;
mod grants;
mod network;
mod oracle;
mod people;
mod properties;
mod world;
