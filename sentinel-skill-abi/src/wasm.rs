//! A WASM module around a skill: two imports, one export and its memory.
//!
//! # Invariants
//! - The module imports `send` and `receive` of `sentinel`, and nothing else.
//!
//! # Not here
//! The interpreter that runs it.
#![allow(unsafe_code, reason = "what a module imports has no other interface")]

use crate::fault::Fault;
use crate::host::{Closed, Skill, Transport};
use crate::limits::LINE_BYTES_MAX;

/// Is the skill until there is nothing more to come. 0, or 1 if what came broke the contract.
pub fn run(skill: &Skill) -> i32 {
    // A module has a stack of a megabyte.
    let (mut input, mut output) = ([0; LINE_BYTES_MAX], [0; LINE_BYTES_MAX]);
    i32::from(skill.run(&mut Imports, &mut input, &mut output).is_err())
}

struct Imports;

impl Transport for Imports {
    fn send(&mut self, line: &[u8]) -> Result<(), Closed> {
        // SAFETY: the host reads so many bytes from there, all of them of this slice, before it
        // returns.
        match unsafe { send(line.as_ptr(), line.len()) } {
            0 => Ok(()),
            _ => Err(Closed),
        }
    }

    fn receive(&mut self, room: &mut [u8]) -> Result<Option<usize>, Fault> {
        // SAFETY: the host writes at most so many bytes there, all of them of this slice, which
        // nobody else has, before it returns.
        let length = unsafe { receive(room.as_mut_ptr(), room.len()) };
        match usize::try_from(length) {
            Ok(length) if length <= room.len() => Ok(Some(length)),
            Err(_) if length == END => Ok(None),
            Err(_) if length == HALF_LINE => Err(Fault::HalfLine),
            _ => Err(Fault::TooLong),
        }
    }
}

const END: i32 = -1;
const HALF_LINE: i32 = -2;

#[link(wasm_import_module = "sentinel")]
unsafe extern "C" {
    fn send(line: *const u8, length: usize) -> i32;
    fn receive(room: *mut u8, length: usize) -> i32;
}
