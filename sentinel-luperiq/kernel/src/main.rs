//! A small capability kernel for aarch64.
//!
//! One image for every machine it knows: what there is, it reads from the device tree. It runs on
//! one core, with interrupts masked while it works, so that every call is a step that nothing
//! interrupts. A program touches nothing but its own memory and what its handles name.
//!
//! | module | |
//! |---|---|
//! | `arch` | the processor: entry, exceptions, registers |
//! | `memory` | frames, tables, the kernel's heap |
//! | `device` | device tree, serial line, interrupt controller, clock |
//!
//! # Invariants
//! - `unsafe` stands in the modules that the list below allows it in, each block with its argument.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

#[allow(unsafe_code)]
mod arch;
#[allow(unsafe_code)]
mod boot;
mod call;
#[allow(unsafe_code)]
mod console;
#[allow(unsafe_code)]
mod device;
mod disk;
mod ending;
mod entropy;
#[allow(unsafe_code)]
mod exclusive;
#[cfg(feature = "defmt")]
#[allow(unsafe_code)]
mod frames;
#[allow(unsafe_code)]
mod kernel;
#[allow(unsafe_code)]
mod memory;
mod network;
mod process;
#[allow(unsafe_code)]
mod report;
mod schedule;
#[cfg(feature = "selftest")]
#[allow(unsafe_code)]
mod selftest;
mod time;
mod watchdog;
