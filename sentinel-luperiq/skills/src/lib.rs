//! A program around a skill: lines over the channel that its process was started with.
//!
//! A skill is written as on Linux, with the macros of `sentinel-skill-abi`. Here its process has
//! one end of a line to whoever started it, and nothing else.
//!
//! # Invariants
//! - A line goes in as many messages as it needs, and comes in any number of pieces.
//!
//! # Not here
//! What lines mean: `sentinel-skill-abi`. Who may start a skill: the boot manifest and the agent.
#![cfg_attr(target_os = "none", no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

extern crate alloc;

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use luperiq_runtime::abi::call::FOREVER;
use luperiq_runtime::abi::limits::MESSAGE_BYTES_MAX;
use luperiq_runtime::abi::{Error, Signals};
use luperiq_runtime::handle::Channel;
use luperiq_runtime::{Start, call::Result};
use sentinel_skill_abi::host::{Closed, Transport};
use sentinel_skill_abi::limits::LINE_BYTES_MAX;
use sentinel_skill_abi::{Fault, Lines, Skill};

/// Is the skill until nothing more is said to it. The code is 1 if what was said broke the
/// contract.
#[must_use]
pub fn run(start: Start, skill: &Skill) -> i32 {
    let (mut input, mut output) = (vec![0; LINE_BYTES_MAX], vec![0; LINE_BYTES_MAX]);
    i32::from(skill.run(&mut Talk::new(start.parent), &mut input, &mut output).is_err())
}

/// One end of a line, as something that says and hears lines. A clone speaks on the same one.
#[derive(Clone, Debug)]
pub struct Talk {
    channel: Rc<Channel>,
    /// What came and was not taken yet.
    heard: Vec<u8>,
}

impl Talk {
    /// Over this channel.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel: Rc::new(channel), heard: Vec::new() }
    }

    fn say(&self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(MESSAGE_BYTES_MAX) {
            loop {
                match self.channel.send(piece, Vec::new()) {
                    Err((Error::NotReady, _)) => {}
                    outcome => {
                        outcome.map_err(|(error, _)| error)?;
                        break;
                    }
                }
                self.channel.wait(Signals::WRITABLE.with(Signals::PEER_CLOSED), FOREVER)?;
            }
        }
        Ok(())
    }
}

impl Transport for Talk {
    fn send(&mut self, line: &[u8]) -> core::result::Result<(), Closed> {
        self.say(line).map_err(|_| Closed)
    }

    fn receive(&mut self, room: &mut [u8]) -> core::result::Result<Option<usize>, Fault> {
        let mut lines = Lines::new(room);
        loop {
            let mut rest = self.heard.as_slice();
            let line = lines.next(&mut rest)?.map(|line| line.len().saturating_sub(1));
            let taken = self.heard.len() - rest.len();
            self.heard.drain(..taken);
            if line.is_some() {
                return Ok(line);
            }
            if !self.heard.is_empty() {
                continue;
            }
            match self.channel.receive(FOREVER) {
                Ok(message) => self.heard = message.bytes,
                // Whoever spoke is gone.
                Err(_) => return lines.end().map(|()| None),
            }
        }
    }
}
