//! A shell for the serial console: looks at the machine, and changes nothing.
//!
//! It is given the console, the record, a directory and its job, and shows what these allow.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_runtime::Start;
use luperiq_runtime::abi::limits::TRANSFER_BYTES_MAX;
use luperiq_runtime::abi::{Call, Error, Kind, Rights};
use luperiq_runtime::call::{Result, output, plain};
use luperiq_runtime::handle::{AuditReader, Console, Directory, Job, Owned};
use luperiq_runtime::io::read_line;

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is no console.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

struct Shell {
    console: Console,
    record: AuditReader,
    directory: Directory,
    job: Job,
}

fn run(mut start: Start) -> i32 {
    let mut take = |place| start.take(place);
    let (Some(console), Some(record), Some(directory), Some(job)) =
        (take(0), take(1), take(2), take(3))
    else {
        return 1;
    };
    let (console, record) = (Console(console), AuditReader(record));
    let mut shell = Shell { console, record, directory: Directory(directory), job: Job(job) };
    shell.run().map_or(1, |()| 0)
}

impl Shell {
    fn run(&mut self) -> Result<()> {
        self.say("type help")?;
        loop {
            self.write("> ")?;
            let line = read_line(&mut self.console, LINE_BYTES_MAX).map_err(|error| error.0)?;
            let result = match line.trim() {
                "" => Ok(()),
                "help" => self.say("handles  processes  list  record  exit"),
                "handles" => self.handles(),
                "processes" => self.processes(),
                "list" => self.list(),
                "record" => self.head(),
                "exit" => return Ok(()),
                _ => self.say("nobody knows that here; type help"),
            };
            if let Err(error) = result {
                self.say(error.text())?;
            }
        }
    }

    fn handles(&mut self) -> Result<()> {
        let held: [(&str, &Owned); 4] = [
            ("console", &self.console),
            ("record", &self.record),
            ("directory", &self.directory),
            ("job", &self.job),
        ];
        let mut lines = String::new();
        for (name, handle) in held {
            let info = handle.info()?;
            let kind = Kind::from_number(info.kind.into()).map_or("unknown", Kind::name);
            let rights = Rights::from_bits(info.rights.into()).unwrap_or_default();
            let _ = writeln!(
                lines,
                "{name:10} handle {:#x}  object {}  {kind}  {rights}",
                handle.number(),
                info.object
            );
        }
        self.write(&lines)
    }

    fn processes(&mut self) -> Result<()> {
        let mut lines = String::new();
        for info in self.job.processes(0)? {
            let state = ["made", "running", "ended"].get(info.state as usize).unwrap_or(&"unknown");
            let _ = writeln!(
                lines,
                "{:10} {state}  {} handles  {} threads  {} KiB  {} ms",
                info.process,
                info.handles_count,
                info.threads_count,
                info.memory_bytes / 1024,
                info.cpu_nanoseconds / 1_000_000
            );
        }
        self.write(&lines)
    }

    fn list(&mut self) -> Result<()> {
        let mut room = alloc::vec![0; TRANSFER_BYTES_MAX];
        let mut next = 0;
        loop {
            let [at, bytes] = output(&mut room);
            let registers = [self.directory.number(), at, bytes, next, 0, 0];
            let (count, after) = plain(Call::Read, registers)?;
            if count == 0 {
                return Ok(());
            }
            let lines: Vec<u8> = room.iter().copied().take(count as usize).collect();
            self.write(&String::from_utf8_lossy(&lines))?;
            next = after;
        }
    }

    fn head(&mut self) -> Result<()> {
        let head = self.record.head()?;
        let mut line = String::new();
        let _ = write!(
            line,
            "{} records, {} of them safe, from {} on in memory, head ",
            head.records_count, head.flushed_count, head.oldest
        );
        for byte in head.hash {
            let _ = write!(line, "{byte:02x}");
        }
        self.say(&line)
    }

    fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.console, "{text}").map_err(|_| Error::Device)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.console.write_str(text).map_err(|_| Error::Device)
    }
}

const LINE_BYTES_MAX: usize = 200;
