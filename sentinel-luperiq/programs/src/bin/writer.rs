//! Writes files without end, for somebody who cuts the power.
//!
//! Each file is one write long, and holds nothing but its version. First it looks at what it finds:
//! a file in which two versions stand was half written. Then it goes on from there, and says after
//! each `sync` what is safe: the version, and how many records.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_runtime::Start;
use luperiq_runtime::abi::call::open;
use luperiq_runtime::abi::{Call, Error};
use luperiq_runtime::call::{input, plain};
use luperiq_runtime::handle::{AuditReader, Console, Directory, File};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is no disk.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(mut start: Start) -> i32 {
    let mut take = |place| start.take(place);
    let (Some(console), Some(reader), Some(data)) = (take(2), take(5), take(6)) else { return 1 };
    let (mut console, reader, data) = (Console(console), AuditReader(reader), Directory(data));
    let result = newest(&data).and_then(|version| {
        let _ = writeln!(console, "writer: found version {version}");
        go_on(&mut console, &reader, &data, version).map_err(|error| format!("{error}"))
    });
    if let Err(what) = result {
        let _ = writeln!(console, "writer: FAILED: {what}");
    }
    1
}

/// The newest version that is there; every file is whole.
fn newest(data: &Directory) -> Result<u64, String> {
    let mut newest = 0;
    for number in 0..FILES {
        let file = match data.open(&path(number), open::READ) {
            Ok(file) => file,
            Err(Error::NotFound) => continue,
            Err(error) => return Err(format!("{error}")),
        };
        let content = file.read_all(bytes(number)).map_err(|error| format!("{error}"))?;
        let (words, rest) = content.as_chunks::<8>();
        let version = words.first().map_or(0, |word| u64::from_le_bytes(*word));
        let is_whole = content.is_empty() || content.len() == bytes(number);
        if !is_whole || !rest.is_empty() || words.iter().any(|word| *word != version.to_le_bytes())
        {
            return Err(format!("file {number} is half written"));
        }
        newest = newest.max(version);
    }
    Ok(newest)
}

fn go_on(
    console: &mut Console,
    reader: &AuditReader,
    data: &Directory,
    mut version: u64,
) -> Result<(), Error> {
    loop {
        version += 1;
        let number = version % FILES;
        let file = data.open(&path(number), open::WRITE | open::CREATE)?;
        let words = bytes(number) / 8;
        let content: Vec<u8> = (0..words).flat_map(|_| version.to_le_bytes()).collect();
        write(&file, &content)?;
        if version.is_multiple_of(3) {
            // Something that comes and goes.
            data.open("passing/by", open::WRITE | open::CREATE)?;
            let [at, bytes] = input(b"passing/by");
            plain(Call::Remove, [data.number(), at, bytes, 0, 0, 0])?;
        }
        plain(Call::Sync, [file.number(), 0, 0, 0, 0, 0])?;
        let safe = reader.head()?.flushed_count;
        let _ = writeln!(console, "writer: version {version} and {safe} records are safe");
    }
}

fn write(file: &File, content: &[u8]) -> Result<(), Error> {
    let [at, bytes] = input(content);
    let (count, _) = plain(Call::Write, [file.number(), at, bytes, 0, 0, 0])?;
    if count == bytes { Ok(()) } else { Err(Error::Device) }
}

fn path(number: u64) -> String {
    format!("files/{number}")
}

/// From a part of a block to many.
const fn bytes(number: u64) -> usize {
    [808, 4096, 12_008, 65_536][number as usize]
}

const FILES: u64 = 4;
