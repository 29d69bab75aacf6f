//! Proof that a skill needs neither an operating system nor an allocator: the word counter of the
//! examples, as its author wrote it, in an image that has no heap.
//!
//! # Not here
//! Running it. Its lines come from nowhere, and whoever starts it stands still at its end.
#![no_std]
#![no_main]

#[path = "../../../examples/skills/word-count/src/main.rs"]
mod word_count;

use core::hint::black_box;
use core::panic::PanicInfo;

use sentinel_skill_abi::Fault;
use sentinel_skill_abi::host::{Closed, Transport};
use sentinel_skill_abi::limits::LINE_BYTES_MAX;
use word_count::SKILL;

/// A channel of which the optimiser must not guess what comes by it.
struct Channel;

impl Transport for Channel {
    fn send(&mut self, line: &[u8]) -> Result<(), Closed> {
        black_box(line);
        Ok(())
    }

    fn receive(&mut self, room: &mut [u8]) -> Result<Option<usize>, Fault> {
        Ok(black_box(Some(room.len())))
    }
}

/// Is the skill, with two lines' worth of room on its stack.
#[inline(never)]
fn exercise() -> bool {
    let (mut input, mut output) = ([0; LINE_BYTES_MAX], [0; LINE_BYTES_MAX]);
    SKILL.run(&mut Channel, &mut input, &mut output).is_ok()
}

// SAFETY: no other symbol of this image is called `_start`.
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    black_box(exercise());
    stop()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    stop()
}

fn stop() -> ! {
    loop {
        core::hint::spin_loop();
    }
}
