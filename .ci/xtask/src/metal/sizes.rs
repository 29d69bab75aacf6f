//! `cargo xtask metal --sizes`: how much code each part of the core is, in an image built to be
//! small.
//!
//! Every function counts for the first module of the core that its name names, be it as an argument
//! of a generic function. What the compiler put into another function counts there. So the rows
//! tell where the code came from, and not what leaving a part out would save.

use std::collections::BTreeMap;

use super::elf::Symbol;
use super::toolchain::Source;
use crate::error::Error;
use crate::workspace::Workspace;

pub(super) fn run(workspace: &Workspace, source: Option<Source>) -> Result<(), Error> {
    let small = [
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
        // Names that say which types a generic function was made for; and what the toolchain of
        // Debian is told as well.
        ("RUSTFLAGS", "-Csymbol-mangling-version=v0 -Cembed-bitcode=yes"),
    ];
    let image = super::build(workspace, &super::CORE, source, "metal-small", &small)?;
    let mut rows: Vec<(String, u64)> = by_part(&image.symbols).into_iter().collect();
    rows.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!("\n{:<32} {:>9}", "code, opt-level=s", "bytes");
    for (part, bytes) in rows {
        println!("{part:<32} {bytes:>9}");
    }
    println!("{:<32} {:>9}", "together, with alignment", image.code_bytes);
    Ok(())
}

/// Bytes by part: the modules of the core, the crates it uses.
pub(crate) fn by_part(symbols: &[Symbol]) -> BTreeMap<String, u64> {
    let mut parts = BTreeMap::new();
    for Symbol { name, code_bytes } in symbols.iter().filter(|symbol| symbol.code_bytes > 0) {
        *parts.entry(part(name)).or_insert(0) += code_bytes;
    }
    parts
}

/// The part that a mangled name belongs to: a module of the core if one is named, else a crate.
fn part(name: &str) -> String {
    const CORE: &str = "13sentinel_core";
    let mut modules = name
        .match_indices(CORE)
        .filter_map(|(place, _)| identifier(name.get(place + CORE.len()..)?));
    if let Some(module) = modules.next() {
        return format!("sentinel_core::{module}");
    }
    // The path of a crate begins with these letters, and a hash of the crate follows.
    let mut crates =
        name.match_indices("Cs").filter_map(|(place, _)| identifier(&name[place + 1..]));
    crates.next().unwrap_or("not Rust's").to_owned()
}

/// The identifier at the start: what tells namesakes apart, if anything does, the length, the text.
fn identifier(text: &str) -> Option<&str> {
    let text = match text.strip_prefix('s') {
        Some(number) => number.split_once('_')?.1,
        None => text,
    };
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let length = text[..digits].parse::<usize>().ok()?;
    let word = text[digits..].trim_start_matches('_').get(..length)?;
    let is_word = |byte: u8| byte == b'_' || byte.is_ascii_alphanumeric();
    (length > 1 && word.bytes().all(is_word)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_for_the_module_it_begins_with() {
        for (name, expected) in [
            ("_RNvNtNtCsbcsGJ9Iz_13sentinel_core4text4json5parse", "sentinel_core::text"),
            ("_RNvCs5_11metal_proof8exercise", "metal_proof"),
            ("_RNvXs_NtCs1_13sentinel_cores0_4timeNtB4_9Timestamp3fmt", "sentinel_core::time"),
            ("_RINvCs2_5alloc4dropNtNtCs1_13sentinel_core5agent5AgentE", "sentinel_core::agent"),
            ("_RNvNtNtCsa1J9_4core3fmt3num3fmt", "core"),
            ("memcpy", "not Rust's"),
        ] {
            assert_eq!(part(name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_no_code_does_not_count() {
        let symbol = |name: &str, code_bytes| Symbol { name: name.into(), code_bytes };
        let symbols =
            [symbol("_RNvCs1_4core3fmt", 8), symbol("_RNvCs1_4core5slice", 4), symbol("data", 0)];
        assert_eq!(by_part(&symbols), BTreeMap::from([("core".to_owned(), 12)]));
    }
}
