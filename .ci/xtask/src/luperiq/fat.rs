//! A FAT32 volume with files in it: what the firmware of a Raspberry Pi reads.
//!
//! From Microsoft's "FAT: General Overview of On-Disk Format", version 1.03. Everything is written
//! once, front to back, so every file lies in one piece, and nothing is ever changed.
//!
//! # Invariants
//! - The same files give the same bytes, in whatever order they come: names are sorted, and every
//!   date is the format's first day.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;

/// Bytes of a sector, and of a cluster.
pub(super) const SECTOR: usize = 512;

/// A volume of so many sectors that begins at this sector of its card, with these files by their
/// paths.
pub(super) fn volume(
    sectors: u32,
    first_sector: u32,
    files: &[(String, Vec<u8>)],
) -> Result<Vec<u8>, Error> {
    let mut root = Folder::default();
    for (path, content) in files {
        root.put(path, content)?;
    }
    // A table has four bytes for each cluster, and two of its own.
    let table_sectors = ((sectors - RESERVED) * 4).div_ceil(SECTOR as u32 + 8) + 1;
    let data = RESERVED + 2 * table_sectors;
    let clusters = sectors.saturating_sub(data);
    if clusters < CLUSTERS_MIN {
        return Err(Error::new(format!("{clusters} clusters are too few for FAT32")));
    }
    let mut volume = Volume { table: vec![MEDIUM, END], content: Vec::new(), clusters };
    // The root directory is the first thing there is, and is told of no other above it.
    volume.folder(&root, None)?;
    let used = volume.table.len() as u32 - 2;
    let mut bytes = head(sectors, first_sector, table_sectors, clusters - used, 2 + used);
    volume.table.resize(table_sectors as usize * SECTOR / 4, 0);
    for _ in 0..2 {
        bytes.extend(volume.table.iter().flat_map(|entry| entry.to_le_bytes()));
    }
    bytes.extend(volume.content);
    bytes.resize(sectors as usize * SECTOR, 0);
    Ok(bytes)
}

/// Names and what is behind them, by the name in capitals: no two differ in their case alone.
#[derive(Default)]
struct Folder<'a>(BTreeMap<String, (&'a str, Entry<'a>)>);

enum Entry<'a> {
    File(&'a [u8]),
    Folder(Folder<'a>),
}

impl<'a> Folder<'a> {
    fn put(&mut self, path: &'a str, content: &'a [u8]) -> Result<(), Error> {
        let wrong = |why| Error::new(format!("`{path}` is no name for a file of a card: {why}"));
        let (name, rest) = match path.split_once('/') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"$%'-_@~!(){}^#&.".contains(&byte);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_fit) {
            return Err(wrong("letters, digits and a few signs, 255 at most"));
        }
        if name.starts_with('.') || name.ends_with('.') {
            return Err(wrong("no dot at either end"));
        }
        let place = self.0.entry(name.to_ascii_uppercase());
        match rest {
            None => match place {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert((name, Entry::File(content)));
                    Ok(())
                }
                _ => Err(wrong("it is there already")),
            },
            Some(rest) => match place.or_insert((name, Entry::Folder(Folder::default()))) {
                (known, Entry::Folder(folder)) if *known == name => folder.put(rest, content),
                _ => Err(wrong("something of that name is there already")),
            },
        }
    }
}

/// Clusters and what is in them, as they are given out.
struct Volume {
    table: Vec<u32>,
    content: Vec<u8>,
    clusters: u32,
}

impl Volume {
    /// Gives out clusters for so many bytes, one at least, in one piece.
    fn take(&mut self, bytes: usize) -> Result<u32, Error> {
        let first = self.table.len() as u32;
        let count = bytes.div_ceil(SECTOR).max(1) as u32;
        if first - 2 + count > self.clusters {
            return Err(Error::new("the files are more than fits on the card's first partition"));
        }
        self.table.extend(first + 1..first + count);
        self.table.push(END);
        self.content.resize((first - 2 + count) as usize * SECTOR, 0);
        Ok(first)
    }

    fn fill(&mut self, cluster: u32, bytes: &[u8]) {
        let at = (cluster - 2) as usize * SECTOR;
        self.content[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes a folder and all that is in it: its first cluster. `above` is the one it is in.
    fn folder(&mut self, folder: &Folder<'_>, above: Option<u32>) -> Result<u32, Error> {
        let shorts = shorts(folder.0.keys());
        let rows = 2 + folder.0.iter().map(|(_, (name, _))| 1 + parts(name)).sum::<usize>();
        let first = self.take(rows * ROW)?;
        let mut content = Vec::new();
        match above {
            None => content.extend(row(*b"SENTINEL   ", LABEL, 0, 0)),
            Some(above) => {
                content.extend(row(*b".          ", FOLDER, first, 0));
                // The root is called 0 here.
                let above = if above == ROOT { 0 } else { above };
                content.extend(row(*b"..         ", FOLDER, above, 0));
            }
        }
        for ((name, entry), short) in folder.0.values().zip(shorts) {
            content.extend(long(name, &short));
            content.extend(match entry {
                Entry::Folder(folder) => row(short, FOLDER, self.folder(folder, Some(first))?, 0),
                Entry::File([]) => row(short, FILE, 0, 0),
                Entry::File(bytes) => {
                    let cluster = self.take(bytes.len())?;
                    self.fill(cluster, bytes);
                    row(short, FILE, cluster, bytes.len() as u32)
                }
            });
        }
        self.fill(first, &content);
        Ok(first)
    }
}

/// What stands before the tables.
fn head(sectors: u32, first_sector: u32, table: u32, free: u32, next: u32) -> Vec<u8> {
    let mut boot = vec![0; SECTOR];
    let mut put = |at: usize, bytes: &[u8]| boot[at..at + bytes.len()].copy_from_slice(bytes);
    // A jump over the rest, as everybody has it, to where nothing is.
    put(0, &[0xeb, 0x58, 0x90]);
    put(3, b"MSWIN4.1");
    put(11, &(SECTOR as u16).to_le_bytes());
    put(13, &[1]);
    put(14, &(RESERVED as u16).to_le_bytes());
    put(16, &[2]);
    put(21, &[MEDIUM as u8]);
    // Sectors of a track, and heads, which nobody has.
    put(24, &32_u16.to_le_bytes());
    put(26, &64_u16.to_le_bytes());
    put(28, &first_sector.to_le_bytes());
    put(32, &sectors.to_le_bytes());
    put(36, &table.to_le_bytes());
    put(44, &ROOT.to_le_bytes());
    put(48, &(INFORMATION as u16).to_le_bytes());
    put(50, &(COPY as u16).to_le_bytes());
    put(64, &[0x80, 0, 0x29]);
    put(67, b"2QES");
    put(71, b"SENTINEL   FAT32   ");
    put(510, &[0x55, 0xaa]);
    let mut information = vec![0; SECTOR];
    let mut put = |at: usize, bytes: &[u8]| information[at..at + 4].copy_from_slice(bytes);
    put(0, b"RRaA");
    put(484, b"rrAa");
    put(488, &free.to_le_bytes());
    put(492, &next.to_le_bytes());
    put(508, &[0, 0, 0x55, 0xaa]);
    let mut head = vec![0; RESERVED as usize * SECTOR];
    for place in [0, COPY] {
        let at = place * SECTOR;
        head[at..at + SECTOR].copy_from_slice(&boot);
        let at = (place + INFORMATION) * SECTOR;
        head[at..at + SECTOR].copy_from_slice(&information);
    }
    head
}

/// A row of a directory.
fn row(short: [u8; 11], kind: u8, cluster: u32, bytes: u32) -> [u8; ROW] {
    let mut row = [0; ROW];
    row[..11].copy_from_slice(&short);
    row[11] = kind;
    for date in [16, 18, 24] {
        row[date..date + 2].copy_from_slice(&FIRST_DAY.to_le_bytes());
    }
    row[20..22].copy_from_slice(&((cluster >> 16) as u16).to_le_bytes());
    row[26..28].copy_from_slice(&(cluster as u16).to_le_bytes());
    row[28..32].copy_from_slice(&bytes.to_le_bytes());
    row
}

/// The rows with a name as it is written, the last part first.
fn long(name: &str, short: &[u8; 11]) -> Vec<u8> {
    let check = short.iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let mut letters: Vec<u16> = name.encode_utf16().chain([0]).collect();
    if letters.len() % LETTERS == 1 {
        // Full rows have no zero at the end.
        letters.pop();
    }
    letters.resize(letters.len().next_multiple_of(LETTERS), 0xffff);
    let count = letters.len() / LETTERS;
    let mut rows = Vec::new();
    for (number, part) in letters.chunks(LETTERS).enumerate().rev() {
        let mut row = [0; ROW];
        row[0] = (number as u8 + 1) | if number + 1 == count { LAST } else { 0 };
        row[11] = LONG;
        row[13] = check;
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain([28, 30]);
        for (place, letter) in places.zip(part) {
            row[place..place + 2].copy_from_slice(&letter.to_le_bytes());
        }
        rows.extend(row);
    }
    rows
}

/// How many rows a name takes.
fn parts(name: &str) -> usize {
    name.len().div_ceil(LETTERS)
}

/// The short names for those of a folder, none of them twice: eight letters and three.
fn shorts<'a>(names: impl Iterator<Item = &'a String>) -> Vec<[u8; 11]> {
    let mut taken = BTreeSet::new();
    let mut made = Vec::new();
    for name in names {
        let (base, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let fits = base.len() <= 8 && extension.len() <= 3 && !base.contains('.');
        let letters: String = base.chars().filter(|letter| *letter != '.').collect();
        // Who does not fit is numbered from one on, who only comes late as well.
        let mut number = u32::from(!fits);
        let short = loop {
            let tail = if fits && number == 0 { String::new() } else { format!("~{number}") };
            let kept = letters.len().min(8 - tail.len());
            let mut short = [b' '; 11];
            for (place, byte) in short.iter_mut().zip(letters[..kept].bytes().chain(tail.bytes())) {
                *place = byte;
            }
            for (place, byte) in short[8..].iter_mut().zip(extension.bytes()) {
                *place = byte;
            }
            if taken.insert(short) {
                break short;
            }
            number += 1;
        };
        made.push(short);
    }
    made
}

/// Sectors before the tables.
const RESERVED: u32 = 32;

// Where of these there are free clusters counted, and a copy of both.
const INFORMATION: usize = 1;
const COPY: usize = 6;

/// With fewer a volume is FAT16, whatever it says.
const CLUSTERS_MIN: u32 = 65525;

/// The cluster of the root directory: the first.
const ROOT: u32 = 2;

// What stands in the table: the kind of medium, and the end of a file.
const MEDIUM: u32 = 0x0fff_fff8;
const END: u32 = 0x0fff_ffff;

/// Bytes of a row in a directory.
const ROW: usize = 32;

// What a row is.
const LABEL: u8 = 0x08;
const FOLDER: u8 = 0x10;
const FILE: u8 = 0x20;
const LONG: u8 = 0x0f;

/// The mark of a long name's last row.
const LAST: u8 = 0x40;

/// Letters of a long name in a row.
const LETTERS: usize = 13;

const NAME_BYTES_MAX: usize = 255;

/// The first of January 1980.
const FIRST_DAY: u16 = (1 << 5) | 1;

#[cfg(test)]
mod tests;
