//! The processor: everything that is written in its instructions.
//!
//! # Invariants
//! - Nothing outside `arch` names a register or an instruction.
//! - The kernel runs with interrupts masked: `&mut` to its state is never shared with a handler.

mod exception;
mod hash;
mod power;
mod registers;
mod simd;

pub(crate) use exception::{Cause, Frame, leave};
pub(crate) use hash::{prepare as prepare_hash, sha256};
pub(crate) use power::{Firmware, exit, firmware};
pub(crate) use registers::*;
pub(crate) use simd::Simd;

use core::arch::global_asm;

global_asm!(include_str!("boot.s"));
global_asm!(include_str!("vectors.s"));
global_asm!(include_str!("tables.s"));
global_asm!(include_str!("copy.s"));
