//! The interpreter: is given the file of a module, to read, and one end of a line, and nothing
//! else. Its arguments are the bytes of the module's memory and its fuel for each thing that it is
//! asked. To whoever talks with it, it is a skill like any other.
//!
//! # Not here
//! What a module may be and take: [`sentinel_skill_abi::interpreter`], as on Linux.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use luperiq_runtime::Start;
use luperiq_runtime::abi::Error;
use luperiq_runtime::handle::File;
use luperiq_skills::Talk;
use sentinel_core::limits::{
    SKILL_CALLS_DEPTH_MAX, SKILL_MODULE_BYTES_MAX, SKILL_STACK_BYTES_MAX, SKILL_TABLE_ELEMENTS_MAX,
    SKILL_TABLES_COUNT_MAX,
};
use sentinel_skill_abi::interpreter::{Bounds, Module, last_words};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine nobody gives it a module.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(mut start: Start) -> i32 {
    let number = |place: usize| start.arguments.get(place)?.parse::<u64>().ok();
    let (Some(memory_bytes), Some(fuel)) = (number(0), number(1)) else { return UNLIKE_ITS_START };
    let Some(file) = start.take(0).map(File) else { return UNLIKE_ITS_START };
    let bounds = Bounds {
        memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
        fuel,
        calls_depth: SKILL_CALLS_DEPTH_MAX,
        stack_bytes: SKILL_STACK_BYTES_MAX,
        tables: SKILL_TABLES_COUNT_MAX,
        table_elements: SKILL_TABLE_ELEMENTS_MAX,
    };
    let line = start.parent;
    let module = match read(file) {
        Ok(bytes) => Module::check(&bytes, &bounds).map_err(|problems| problems.join("; ")),
        Err(why) => Err(why),
    };
    // The line is the module's from here on, and its last words are said on it all the same.
    let mut talk = Talk::new(line);
    match module.and_then(|module| module.run(talk.clone())) {
        Ok(is_good) => i32::from(!is_good),
        Err(why) => {
            last_words(&why, &mut talk);
            1
        }
    }
}

/// Everything in the file, which is closed then.
fn read(file: File) -> Result<Vec<u8>, String> {
    let most = usize::try_from(SKILL_MODULE_BYTES_MAX).unwrap_or(usize::MAX);
    file.read_all(most).map_err(|error| match error {
        Error::TooLong => format!("the module has more than {most} bytes"),
        error => format!("the module cannot be read: {error}"),
    })
}

/// It was started otherwise than the agent starts it.
const UNLIKE_ITS_START: i32 = 125;
