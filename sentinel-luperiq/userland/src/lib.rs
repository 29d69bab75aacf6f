//! Sentinel as a program of LuperIQ: `sentinel-core`, with handles of the kernel for its hands.
//!
//! The core decides, and this crate does what it asks for, with what the boot manifest gave it and
//! nothing else. The loop and everything beneath it stand on two traits, [`machine::Machine`] and
//! [`folder::Folder`], so that all of it runs in tests off the machine.
//!
//! | module | |
//! |---|---|
//! | [`agent`] | the loop: events to the core, and what the core asks for done |
//! | [`opening`] | the settings, the keys, and the log gone on with |
//! | [`settings`] | `sentinel.toml`, and what of it this machine cannot do |
//! | [`leases`] | handles of files, which follow the grants |
//! | [`tools`] | what is done with them |
//! | [`commands`] | programs of the image, each in a job of its own |
//! | [`skills`] | programs of others, each in a job of its own and talked with in lines |
//! | [`operator`] | what whoever sits at the console allows and takes back |
//! | [`exchanges`] | exchanges with services, through the program that holds their keys |
//! | [`models`] | those with models |
//! | [`platforms`] | those with platforms that people write from |
//! | [`pages`] | those with hosts that are only looked at |
//! | [`kept`] | small things that are replaced whole |
//! | [`log`] | the files of the journal |
//! | [`folder`] | a directory, by its handle |
//! | [`machine`] | the console, the clock, random bytes |
//! | [`terminal`] | lines in, words out |
//!
//! # Invariants
//! - No `unsafe`; what comes from the console, the disk or the image never decides whether it
//!   panics.
//! - A call of a tool reaches files through the handles of the grants that allow it, which are lent
//!   for as long as the grants hold.
//!
//! # Not here
//! Deciding anything.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

#[cfg(test)]
extern crate std;

pub mod agent;
pub mod commands;
pub mod exchanges;
pub mod folder;
pub mod kept;
pub mod leases;
pub mod log;
pub mod machine;
pub mod models;
pub mod opening;
pub mod operator;
pub mod pages;
pub mod platforms;
pub mod settings;
pub mod skills;
pub mod terminal;
pub mod tools;

#[cfg(test)]
mod tests;
