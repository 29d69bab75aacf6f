//! `sentinel`: an agent that can do only what a person granted.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod assistant;
mod attachments;
mod audit;
mod breakout;
mod clock;
mod command;
mod commands;
mod configuration;
mod confine;
mod connectors;
mod control;
mod doctor;
mod document;
mod egress;
mod environment;
mod erase;
mod fetch;
mod journal;
mod log;
mod management;
mod metrics;
mod models;
mod network;
mod notify;
mod opening;
mod persona;
#[cfg(any(target_env = "musl", test))]
mod pieces;
mod plain;
mod policy;
mod poller;
mod print;
mod probe;
mod program;
mod rest;
mod sandbox;
mod seal;
mod secrets;
mod service;
mod signals;
mod skills;
mod state;
mod style;
mod survey;
mod terminal;
#[cfg(all(target_env = "musl", not(test)))]
mod thread_name;
mod tools;
#[cfg(all(no_unwinding, not(test)))]
mod unwinding;

use std::process::ExitCode;

/// glibc does well by itself.
#[cfg(all(target_env = "musl", not(test)))]
#[global_allocator]
static MEMORY: pieces::Pieces = pieces::Pieces::new();

fn main() -> ExitCode {
    let code = match command::main() {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error}");
            // What was not understood was not tried: scripts tell the two apart.
            let is_usage = error.is::<command::ArgumentError>();
            if is_usage { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    };
    log::finish();
    code
}
