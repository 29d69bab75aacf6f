//! Takes the record out of a disk's image, and says what the verifier says of it.
//!
//! ```text
//! record IMAGE [FILE]
//! ```
//!
//! The image is only read. What comes into FILE is a log as `sentinel audit` reads it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::process::ExitCode;

use luperiq_policy::journal::{Trust, Verdict, Verifier};
use luperiq_store::{Disk, Failed, SECTOR_BYTES, Store};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(image), out) = (arguments.next(), arguments.next()) else {
        eprintln!("record IMAGE [FILE]");
        return ExitCode::from(2);
    };
    let result = File::open(&image).map_err(|error| error.to_string()).and_then(|image| {
        let out = out.map(File::create).transpose().map_err(|error| error.to_string())?;
        read(Image(image), out)
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(what) => {
            eprintln!("{}: {what}", image.display());
            ExitCode::FAILURE
        }
    }
}

/// Whether the record is as it should be.
fn read(image: Image, mut out: Option<File>) -> Result<bool, String> {
    let mut store = Store::mount(image).map_err(|error| error.to_string())?;
    let mut verifier = Verifier::new(Trust::default());
    let mut part = vec![0; 1 << 20];
    let mut at = 0;
    loop {
        let count = store.log_read(at, &mut part).map_err(|error| error.to_string())?;
        if count == 0 {
            break;
        }
        verifier.push(&part[..count]);
        if let Some(out) = &mut out {
            out.write_all(&part[..count]).map_err(|error| error.to_string())?;
        }
        at += count as u64;
    }
    let report = verifier.finish();
    println!("{} records in {at} bytes: {}", report.records_count, report.verdict);
    // The root says how long the log is, so that nothing of it can be torn.
    let is_torn = matches!(report.verdict, Verdict::OpenTail { torn_bytes, .. } if torn_bytes > 0);
    Ok(!is_torn && !matches!(report.verdict, Verdict::Bad { .. }))
}

/// A disk's image, which is not written.
struct Image(File);

impl Disk for Image {
    fn sectors(&self) -> u64 {
        self.0.metadata().map_or(0, |data| data.len()) / SECTOR_BYTES as u64
    }

    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed> {
        let at = SeekFrom::Start(sector * SECTOR_BYTES as u64);
        self.0.seek(at).and_then(|_| self.0.read_exact(out)).map_err(|_| Failed)
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), Failed> {
        Err(Failed)
    }

    fn flush(&mut self) -> Result<(), Failed> {
        Err(Failed)
    }
}
