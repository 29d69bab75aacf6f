//! The interpreter's own process: a module, and lines that go through it.
//!
//! # Invariants
//! - It interprets in a sandbox, or not at all.
//!
//! # Not here
//! What a module may be and take: [`sentinel_skill_abi::interpreter`].

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use sentinel_core::limits::{
    SKILL_CALLS_DEPTH_MAX, SKILL_MODULE_BYTES_MAX, SKILL_STACK_BYTES_MAX, SKILL_TABLE_ELEMENTS_MAX,
    SKILL_TABLES_COUNT_MAX,
};
use sentinel_skill_abi::interpreter::{Bounds, Module, last_words};
use sentinel_skill_abi::program::Standard;

use super::{RUN, WORD};
use crate::sandbox;

/// If this process was started in a sandbox to be an interpreter: is one.
pub(crate) fn interpreted() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != WORD || !sandbox::is_inside() {
        return None;
    }
    let (task, path) = (words.next()?, words.next()?);
    let (memory, fuel) = (words.next()?, words.next()?);
    let bounds = Bounds {
        memory_bytes: memory.to_str()?.parse().ok()?,
        fuel: fuel.to_str()?.parse().ok()?,
        calls_depth: SKILL_CALLS_DEPTH_MAX,
        stack_bytes: SKILL_STACK_BYTES_MAX,
        tables: SKILL_TABLES_COUNT_MAX,
        table_elements: SKILL_TABLE_ELEMENTS_MAX,
    };
    let begun = Instant::now();
    let module = read(Path::new(&path)).and_then(|bytes| Module::check(&bytes, &bounds));
    let good = match (module, task == RUN) {
        (Ok(module), true) => module.run(Standard),
        (Ok(_), false) => {
            let _ = writeln!(io::stdout(), "{}", begun.elapsed().as_micros());
            return Some(ExitCode::SUCCESS);
        }
        (Err(problems), true) => Err(problems.join("; ")),
        (Err(problems), false) => {
            let _ = writeln!(io::stdout(), "{}", problems.join("\n"));
            return Some(ExitCode::FAILURE);
        }
    };
    Some(match good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            last_words(&why, &mut Standard);
            ExitCode::FAILURE
        }
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Vec<String>> {
    let mut bytes = Vec::new();
    let most = SKILL_MODULE_BYTES_MAX;
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(vec![format!("the module cannot be read: {error}")]),
        Ok(count) if count as u64 > most => {
            Err(vec![format!("the module has more than {most} bytes")])
        }
        Ok(_) => Ok(bytes),
    }
}
