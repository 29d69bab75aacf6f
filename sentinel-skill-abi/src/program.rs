//! A Linux program around a skill: lines on standard input and output.
//!
//! # Not here
//! What the program may do besides: it is started in a sandbox that has nothing else.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::vec;

use crate::fault::Fault;
use crate::host::{Closed, Skill, Transport};
use crate::limits::LINE_BYTES_MAX;
use crate::lines::Lines;

/// Is the skill until standard input ends. The status is 1 if what came there broke the contract.
#[must_use]
pub fn run(skill: &Skill) -> ExitCode {
    let (mut input, mut output) = (vec![0; LINE_BYTES_MAX], vec![0; LINE_BYTES_MAX]);
    match skill.run(&mut Standard, &mut input, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let _ = writeln!(io::stderr(), "{fault}");
            ExitCode::FAILURE
        }
    }
}

/// Standard input and output.
#[derive(Clone, Copy, Debug)]
pub struct Standard;

impl Transport for Standard {
    fn send(&mut self, line: &[u8]) -> Result<(), Closed> {
        let mut output = io::stdout().lock();
        output.write_all(line).and_then(|()| output.flush()).map_err(|_| Closed)
    }

    fn receive(&mut self, room: &mut [u8]) -> Result<Option<usize>, Fault> {
        Lines::new(room).read(&mut io::stdin().lock())
    }
}
