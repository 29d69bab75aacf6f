//! Prints the whole record on the console, so that it can be checked where no program reaches it.
//!
//! It is the machine's first process, or gets what that would. The lines `record ` and digits are
//! the bytes of the log as a file has them; what is recorded while it prints is not in them.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::string::String;
use core::fmt::Write as _;

use luperiq_runtime::Start;
use luperiq_runtime::abi::limits::TRANSFER_BYTES_MAX;
use luperiq_runtime::call::Result;
use luperiq_runtime::handle::{AuditReader, Console};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is no record.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(mut start: Start) -> i32 {
    let (Some(console), Some(reader)) = (start.take(2), start.take(5)) else { return 1 };
    print(&mut Console(console), &AuditReader(reader)).map_or(1, |()| 0)
}

fn print(console: &mut Console, reader: &AuditReader) -> Result<()> {
    let end = reader.head()?.records_count;
    let mut frames = alloc::vec![0; TRANSFER_BYTES_MAX];
    let mut next = 0;
    while next < end {
        let (count, after) = reader.read(next, &mut frames)?;
        for part in frames.get(..count).unwrap_or_default().chunks(LINE_BYTES) {
            let mut line = String::from("record ");
            for byte in part {
                let _ = write!(line, "{byte:02x}");
            }
            line.push('\n');
            console.write_str(&line).map_err(|_| luperiq_runtime::abi::Error::Device)?;
        }
        next = after;
    }
    Ok(())
}

const LINE_BYTES: usize = 64;
