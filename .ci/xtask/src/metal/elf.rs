//! The little of an ELF file that tells whether an image is complete: its symbols and its code.
//!
//! Read by ourselves, so that no machine needs binutils for a target it does not have.
//!
//! # Invariants
//! - A truncated or foreign file is an error, never a panic and never an image without symbols.

/// What a linked image says about itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    /// All symbols that stand for something in the image.
    pub(crate) symbols: Vec<Symbol>,
    /// The names of symbols that were left for somebody else to provide.
    pub(crate) undefined: Vec<String>,
    /// The size of everything that can be executed.
    pub(crate) code_bytes: u64,
}

/// Something in an image that has a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) name: String,
    /// How many bytes it takes, if it is code.
    pub(crate) code_bytes: u64,
}

impl Image {
    /// Reads a 64-bit little-endian ELF file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        if bytes.get(..6) != Some(b"\x7fELF\x02\x01") {
            return Err("not a 64-bit little-endian ELF file");
        }
        let table = number(bytes, 0x28, 8)?;
        let (entry, count) = (number(bytes, 0x3a, 2)?, number(bytes, 0x3c, 2)?);
        let sections = (0..count)
            .map(|index| Section::read(bytes, table.saturating_add(index * entry)))
            .collect::<Result<Vec<_>, _>>()?;
        let is_code = |section: &&Section| section.flags & SHF_EXECINSTR != 0;
        let mut image = Self {
            code_bytes: sections.iter().filter(is_code).map(|s| s.size).sum(),
            ..Self::default()
        };
        let mut has_symbols = false;
        for symbols in sections.iter().filter(|section| SYMBOL_TABLES.contains(&section.kind)) {
            has_symbols = true;
            let names = sections.get(index(symbols.link)?).ok_or("no names for the symbols")?;
            let (table, names) = (symbols.content(bytes)?, names.content(bytes)?);
            // The first symbol of a table is always empty.
            for symbol in table.chunks_exact(SYMBOL_BYTES).skip(1) {
                let name = text(names, number(symbol, 0, 4)?)?;
                if number(symbol, 6, 2)? == SHN_UNDEF {
                    image.undefined.push(name);
                    continue;
                }
                let is_function = number(symbol, 4, 1)? & 0xf == STT_FUNC;
                let code_bytes = if is_function { number(symbol, 16, 8)? } else { 0 };
                image.symbols.push(Symbol { name, code_bytes });
            }
        }
        if has_symbols { Ok(image) } else { Err("it was stripped of its symbols") }
    }
}

/// One row of the section header table.
struct Section {
    kind: u64,
    flags: u64,
    offset: u64,
    size: u64,
    link: u64,
}

impl Section {
    fn read(bytes: &[u8], at: u64) -> Result<Self, &'static str> {
        let start = index(at)?;
        let header = bytes.get(start..start.saturating_add(HEADER_BYTES)).ok_or(TRUNCATED)?;
        let field = |offset, length| number(header, offset, length);
        Ok(Self {
            kind: field(0x04, 4)?,
            flags: field(0x08, 8)?,
            offset: field(0x18, 8)?,
            size: field(0x20, 8)?,
            link: field(0x28, 4)?,
        })
    }

    fn content<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], &'static str> {
        let end = index(self.offset.saturating_add(self.size))?;
        bytes.get(index(self.offset)?..end).ok_or(TRUNCATED)
    }
}

/// A little-endian number of at most 8 bytes.
fn number(bytes: &[u8], at: u64, length: usize) -> Result<u64, &'static str> {
    let start = index(at)?;
    let field = bytes.get(start..start.saturating_add(length)).ok_or(TRUNCATED)?;
    Ok(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn index(number: u64) -> Result<usize, &'static str> {
    usize::try_from(number).map_err(|_| TRUNCATED)
}

/// The name that starts here and ends with a zero byte.
fn text(names: &[u8], at: u64) -> Result<String, &'static str> {
    let name = names.get(index(at)?..).ok_or(TRUNCATED)?;
    let end = name.iter().position(|byte| *byte == 0).ok_or(TRUNCATED)?;
    Ok(String::from_utf8_lossy(&name[..end]).into_owned())
}

const TRUNCATED: &str = "it ends too early";

// From the System V ABI, chapters "Sections" and "Symbol Table".
const HEADER_BYTES: usize = 64;
const SHF_EXECINSTR: u64 = 4;
const SYMBOL_TABLES: [u64; 2] = [2, 11];
const SYMBOL_BYTES: usize = 24;
const SHN_UNDEF: u64 = 0;
const STT_FUNC: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// An image with a code section of 40 bytes and symbols with these sections (0 is undefined).
    fn image(symbols: &[(&str, u8)]) -> Vec<u8> {
        let mut names = vec![0];
        let mut table = vec![0; SYMBOL_BYTES];
        for (name, section) in symbols {
            let mut symbol = [0; SYMBOL_BYTES];
            symbol[0] = names.len() as u8;
            symbol[4] = 0x12;
            symbol[6] = *section;
            symbol[16] = 7;
            table.extend(symbol);
            names.extend(name.bytes().chain([0]));
        }
        let mut bytes = vec![0; 0x40];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let table_at = bytes.len();
        bytes.extend(&table);
        let names_at = bytes.len();
        bytes.extend(&names);
        let headers_at = bytes.len() as u64;
        bytes[0x28..0x30].copy_from_slice(&headers_at.to_le_bytes());
        bytes[0x3a] = 0x40;
        bytes[0x3c] = 3;
        for (kind, flags, offset, size, link) in
            [(1, 4, 0, 40, 0), (2, 0, table_at, table.len(), 2), (3, 0, names_at, names.len(), 0)]
        {
            let mut header = [0; 0x40];
            header[0x04] = kind;
            header[0x08] = flags;
            header[0x18..0x20].copy_from_slice(&(offset as u64).to_le_bytes());
            header[0x20..0x28].copy_from_slice(&(size as u64).to_le_bytes());
            header[0x28] = link;
            bytes.extend(header);
        }
        bytes
    }

    #[test]
    fn undefined_symbols_are_told_from_defined_ones() {
        let image = Image::read(&image(&[("_start", 1), ("memcpy", 0)])).unwrap();
        assert_eq!(image.symbols, [Symbol { name: "_start".into(), code_bytes: 7 }]);
        assert_eq!(image.undefined, ["memcpy"]);
        assert_eq!(image.code_bytes, 40);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = image(&[("_start", 1)]);
        for length in 0..whole.len() {
            assert!(Image::read(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn an_image_without_symbols_proves_nothing() {
        let mut stripped = image(&[("_start", 1)]);
        let headers = stripped.len() - 3 * 0x40;
        stripped[headers + 0x40 + 0x04] = 1;
        assert_eq!(Image::read(&stripped), Err("it was stripped of its symbols"));
        assert_eq!(Image::read(b"#!/bin/sh\n"), Err("not a 64-bit little-endian ELF file"));
    }
}
