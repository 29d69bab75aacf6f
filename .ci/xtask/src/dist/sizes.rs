//! Where the bytes of the program are: code by crate, and by part of the core.

use std::path::Path;

use super::target::Target;
use crate::error::Error;
use crate::metal::elf::Image;
use crate::metal::sizes::by_part;

/// Prints the table of a program that still has its symbols, and refuses one that would ask its
/// machine for something at run time.
pub(super) fn report(program: &Path, target: &Target) -> Result<(), Error> {
    let bytes = std::fs::read(program).map_err(|cause| Error::file("read", program, &cause))?;
    let image = Image::read(&bytes)
        .map_err(|reason| Error::new(format!("{} is no program: {reason}", program.display())))?;
    if let Some(call) = image.symbols.iter().find(|it| LOADS.contains(&it.name.as_str())) {
        let text = format!("the program calls {}, which loads libraries when it runs", call.name);
        return Err(Error::new(text).help("names are resolved by the program itself"));
    }
    let mut rows: Vec<(String, u64)> = by_part(&image.symbols).into_iter().collect();
    rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!("\n{:<32} {:>9}", target.triple, "code");
    let small: u64 = rows.iter().filter(|(_, bytes)| *bytes < LITTLE).map(|row| row.1).sum();
    for (part, bytes) in rows.iter().filter(|(_, bytes)| *bytes >= LITTLE) {
        println!("{part:<32} {bytes:>9}");
    }
    println!("{:<32} {small:>9}", "others, each less than 4 KB");
    println!("{:<32} {:>9}", "all code, with alignment", image.code_bytes);
    Ok(())
}

/// What of the C library works by loading other libraries: names of people and hosts, plug-ins.
const LOADS: &[&str] =
    &["getaddrinfo", "gethostbyname", "gethostbyname_r", "getpwnam_r", "getpwuid_r", "getgrgid_r"];
const LITTLE: u64 = 4096;
