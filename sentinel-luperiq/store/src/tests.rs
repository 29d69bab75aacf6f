//! Power cuts after every sector, against a plain list of what was made safe.

use std::collections::BTreeMap;
use std::string::String;
use std::vec;
use std::vec::Vec;

use arbtest::arbitrary::{self, Unstructured};

use crate::root::Root;
use crate::space::Space;
use crate::*;

type Sector = [u8; SECTOR_BYTES];

/// A disk whose power can be cut.
#[derive(Clone, Default)]
struct Plate {
    sectors: u64,
    /// What is safe.
    safe: BTreeMap<u64, Sector>,
    /// What was written since the last flush, in order.
    waiting: Vec<(u64, Sector)>,
    /// After so many sectors and flushes the power is cut.
    left: Option<usize>,
    count: usize,
}

impl Plate {
    fn new(blocks: u32) -> Self {
        Self { sectors: u64::from(blocks) * SECTORS_IN_BLOCK, ..Self::default() }
    }

    fn step(&mut self) -> Result<(), Failed> {
        self.count += 1;
        match &mut self.left {
            Some(0) => Err(Failed),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What is there after the cut: of what was not flushed some sectors, in any order, one of them
    /// torn.
    fn survivor(&self, dice: &mut Dice) -> Self {
        let mut disk = Self { sectors: self.sectors, safe: self.safe.clone(), ..Self::default() };
        let mut waiting = self.waiting.clone();
        for place in (1..waiting.len()).rev() {
            waiting.swap(place, dice.below(place + 1));
        }
        let kept = match dice.below(3) {
            0 => waiting.len(),
            _ => dice.below(waiting.len() + 1),
        };
        for (number, content) in &waiting[..kept] {
            disk.safe.insert(*number, *content);
        }
        if let Some((number, content)) = waiting.get(kept) {
            let sector = disk.safe.entry(*number).or_insert([0; SECTOR_BYTES]);
            match dice.below(3) {
                // The first bytes, the last, or nothing that was ever written.
                0 => sector[..200].copy_from_slice(&content[..200]),
                1 => sector[200..].copy_from_slice(&content[200..]),
                _ => sector.fill(0xa5),
            }
        }
        disk
    }
}

impl Disk for Plate {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed> {
        for (number, piece) in (sector..).zip(out.chunks_exact_mut(SECTOR_BYTES)) {
            assert!(number < self.sectors, "sector {number} is none");
            let written = self.waiting.iter().rev().find(|(other, _)| *other == number);
            let content = written.map(|(_, content)| content).or(self.safe.get(&number));
            piece.copy_from_slice(content.unwrap_or(&[0; SECTOR_BYTES]));
        }
        Ok(())
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failed> {
        assert!(bytes.len().is_multiple_of(SECTOR_BYTES));
        for (number, piece) in (sector..).zip(bytes.chunks_exact(SECTOR_BYTES)) {
            assert!(number < self.sectors, "sector {number} is none");
            self.step()?;
            self.waiting.push((number, piece.try_into().unwrap()));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failed> {
        self.step()?;
        self.safe.extend(self.waiting.drain(..));
        Ok(())
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) as usize % end
    }
}

/// What a store holds, in so many words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    files: BTreeMap<&'static str, Vec<u8>>,
    log: Vec<u8>,
    secret: Vec<u8>,
}

const PATHS: [&str; 5] = ["a", "b", "deep/c", "deep/er/d", "e"];

fn content(store: &mut Store<Plate>) -> Content {
    let mut files = BTreeMap::new();
    for path in PATHS {
        if let Ok(id) = store.open(path.as_bytes(), false, 0) {
            let mut bytes = vec![0; store.stat(id).unwrap().bytes as usize];
            let length = bytes.len();
            assert_eq!(store.read(id, 0, &mut bytes), Ok(length));
            store.close(id);
            files.insert(path, bytes);
        }
    }
    let mut log = vec![0; store.log_bytes() as usize];
    let length = log.len();
    assert_eq!(store.log_read(0, &mut log), Ok(length));
    Content { files, log, secret: store.secret().to_vec() }
}

/// Something is done to a store and to what it should hold; gives whether that was a commit.
fn act(store: &mut Store<Plate>, wanted: &mut Content, dice: &mut Dice) -> Result<bool, Error> {
    let path = PATHS[dice.below(PATHS.len())];
    match dice.below(10) {
        0 => {
            let bytes = vec![dice.below(256) as u8; 1 + dice.below(1500)];
            store.log_append(&bytes)?;
            wanted.log.extend(bytes);
        }
        1 => {
            let secret = vec![dice.below(256) as u8; dice.below(SECRET_BYTES + 1)];
            store.set_secret(&secret)?;
            wanted.secret = secret;
        }
        2 => match store.remove(path.as_bytes()) {
            Ok(()) => assert!(wanted.files.remove(path).is_some()),
            Err(error) => assert!(!wanted.files.contains_key(path), "{error}"),
        },
        3 => {
            let id = store.open(path.as_bytes(), true, 1)?;
            store.truncate(id, 1)?;
            store.close(id);
            wanted.files.insert(path, Vec::new());
        }
        4 | 5 => {
            store.commit()?;
            return Ok(true);
        }
        _ => {
            let id = store.open(path.as_bytes(), true, 1)?;
            let file = wanted.files.entry(path).or_default();
            let position = dice.below(file.len() + 1);
            let bytes = vec![dice.below(256) as u8; dice.below(9000)];
            store.write(id, position as u64, &bytes, Share::Program, 2)?;
            store.close(id);
            let end = (position + bytes.len()).max(file.len());
            file.resize(end, 0);
            file[position..position + bytes.len()].copy_from_slice(&bytes);
        }
    }
    Ok(false)
}

/// Does what the seed says on this disk until it fails or is done: what was safe, and what was on
/// its way to be.
fn live(disk: Plate, seed: u64, steps: usize) -> (Plate, Content, Content) {
    let first = Content::default;
    let (mut safe, mut wanted) = (first(), first());
    let mut dice = Dice(seed);
    // Mounting consumes the disk; what came of it is looked at from outside.
    let shared = std::rc::Rc::new(std::cell::RefCell::new(disk));
    let mut result = Store::mount(Outside(shared.clone())).map(drop);
    if result.is_ok() {
        let plate = shared.replace(Plate::default());
        let mut store = Store::mount(plate).unwrap();
        for _ in 0..steps {
            match act(&mut store, &mut wanted, &mut dice) {
                Ok(true) => safe = wanted.clone(),
                Ok(false) => {}
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        assert!(matches!(result, Ok(()) | Err(Error::Device)), "{result:?}");
        shared.replace(store.disk().clone());
    }
    (shared.take(), safe, wanted)
}

/// A disk that somebody else keeps.
struct Outside(std::rc::Rc<std::cell::RefCell<Plate>>);

impl Disk for Outside {
    fn sectors(&self) -> u64 {
        self.0.borrow().sectors
    }

    fn read(&mut self, sector: u64, out: &mut [u8]) -> Result<(), Failed> {
        self.0.borrow_mut().read(sector, out)
    }

    fn write(&mut self, sector: u64, bytes: &[u8]) -> Result<(), Failed> {
        self.0.borrow_mut().write(sector, bytes)
    }

    fn flush(&mut self) -> Result<(), Failed> {
        self.0.borrow_mut().flush()
    }
}

#[test]
fn a_power_cut_after_any_sector_leaves_the_old_or_the_new() {
    for seed in [0x1234_5678, 0x9abc_def1, 0x5555_aaaa_77] {
        let (whole, ..) = live(Plate::new(BLOCKS_MIN), seed, 40);
        assert!(whole.count > 200, "{} steps are no test", whole.count);
        let mut dice = Dice(seed ^ 0xff);
        for cut in 0..whole.count {
            let disk = Plate { left: Some(cut), ..Plate::new(BLOCKS_MIN) };
            let (disk, safe, wanted) = live(disk, seed, 40);
            for _ in 0..3 {
                let mut store = Store::mount(disk.survivor(&mut dice)).unwrap();
                let found = content(&mut store);
                assert!(found == safe || found == wanted, "seed {seed:#x}, cut {cut}");
                // It goes on from there as if nothing had been.
                store.log_append(b"after").unwrap();
                store.commit().unwrap();
                let disk = store.disk().clone();
                let mut again = Store::mount(disk).unwrap();
                let mut expected = found;
                expected.log.extend(b"after");
                assert!(content(&mut again) == expected, "seed {seed:#x}, cut {cut}");
            }
        }
    }
}

/// Cut, go on, cut again: what is left of a write that never counted does not count later.
#[test]
fn power_cuts_one_after_another_leave_what_was_safe() {
    let mut dice = Dice(0x77_1234);
    for _ in 0..40 {
        let mut disk = Plate::new(BLOCKS_MIN);
        let mut safe = Content::default();
        for _ in 0..12 {
            let Ok(mut store) = Store::mount(disk) else { panic!("it does not mount") };
            assert!(content(&mut store) == safe);
            store.disk().left = Some(dice.below(120));
            let mut wanted = safe.clone();
            loop {
                match act(&mut store, &mut wanted, &mut dice) {
                    Ok(true) => safe = wanted.clone(),
                    Ok(false) => {}
                    Err(error) => break assert_eq!(error, Error::Device),
                }
            }
            disk = store.disk().survivor(&mut dice);
            let found = content(&mut Store::mount(disk.clone()).unwrap());
            assert!(found == safe || found == wanted);
            safe = found;
        }
    }
}

#[test]
fn a_store_holds_what_was_put_into_it() {
    arbtest::arbtest(|u: &mut Unstructured<'_>| {
        let mut dice = Dice(u64::from(u.arbitrary::<u32>()?) | 1);
        let mut store = Store::mount(Plate::new(BLOCKS_MIN)).unwrap();
        let mut wanted = Content::default();
        for _ in 0..u.int_in_range(1..=60)? {
            act(&mut store, &mut wanted, &mut dice).unwrap();
        }
        assert!(content(&mut store) == wanted);
        store.commit().unwrap();
        let mut store = Store::mount(store.disk().clone()).unwrap();
        assert!(content(&mut store) == wanted);
        // When all is gone, every block is free again but those of an empty catalogue.
        for path in PATHS {
            let _ = store.remove(path.as_bytes());
        }
        store.open(b"x", true, 0).unwrap();
        store.remove(b"x").unwrap();
        store.commit().unwrap();
        let used = BLOCKS_MIN - store.root.log_blocks - 2 - store.space.free();
        assert_eq!(used, if store.root.index == 0 { 0 } else { 1 });
        Ok(())
    });
}

#[test]
fn a_full_disk_refuses_programs_first_and_still_commits() {
    let mut store = Store::mount(Plate::new(BLOCKS_MIN)).unwrap();
    let id = store.open(b"big", true, 0).unwrap();
    let (piece, mut end) = (vec![7; 16 * BLOCK_BYTES], 0);
    while store.write(id, end, &piece, Share::Program, 0).is_ok() {
        end += piece.len() as u64;
    }
    assert!(end > 0);
    assert_eq!(store.write(id, end, &piece, Share::Program, 0), Err(Error::Full));
    assert_eq!(store.write(id, end, &piece, Share::Owner, 0), Ok(()));
    store.commit().unwrap();
    let mut names = Vec::new();
    for number in 0..FILES_MAX {
        names.push(std::format!("{}{number}", "x".repeat(PATH_BYTES_MAX - 5)));
    }
    let made = names.iter().filter(|name| store.open(name.as_bytes(), true, 0).is_ok()).count();
    assert_eq!(made, FILES_MAX - 1);
    store.commit().unwrap();
    store.truncate(id, 0).unwrap();
    store.commit().unwrap();
    let mut store = Store::mount(store.disk().clone()).unwrap();
    assert!(names[..made].iter().all(|name| store.open(name.as_bytes(), false, 0).is_ok()));
}

#[test]
fn a_log_ends_where_its_room_does() {
    let mut store = Store::mount(Plate::new(BLOCKS_MIN)).unwrap();
    let piece = vec![1; 100_000];
    while store.log_bytes() + 100_000 <= store.log_bytes_max() {
        store.log_append(&piece).unwrap();
    }
    assert_eq!(store.log_append(&piece), Err(Error::Full));
    store.commit().unwrap();
    let mut last = [0; 10];
    let end = store.log_bytes();
    assert_eq!(store.log_read(end - 4, &mut last), Ok(4));
    assert_eq!(last, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn names_are_names_and_a_file_is_no_directory() {
    let mut store = Store::mount(Plate::new(BLOCKS_MIN)).unwrap();
    for path in [&b""[..], b"/a", b"a/", b"a//b", b".", b"a/../b", &[b'x'; PATH_BYTES_MAX + 1]] {
        assert_eq!(store.open(path, true, 0), Err(Error::BadArgument));
    }
    let id = store.open(b"a/b", true, 0).unwrap();
    assert_eq!(store.open(b"a", true, 0), Err(Error::Exists));
    assert_eq!(store.open(b"a/b/c", true, 0), Err(Error::Exists));
    assert_eq!(store.remove(b"a"), Err(Error::Exists));
    assert_eq!(store.write(id, 1, b"x", Share::Program, 0), Err(Error::BadArgument));
    assert!(store.has_directory(b"a") && !store.has_directory(b"b"));
    assert_eq!(store.names(b"").collect::<Vec<_>>(), [(&b"a"[..], true)]);
    assert_eq!(store.names(b"a").collect::<Vec<_>>(), [(&b"b"[..], false)]);
}

#[test]
fn what_is_removed_stays_for_who_has_it_open() {
    let mut store = Store::mount(Plate::new(BLOCKS_MIN)).unwrap();
    let free = store.space.free();
    let id = store.open(b"a", true, 0).unwrap();
    store.write(id, 0, &[5; 5000], Share::Program, 0).unwrap();
    store.remove(b"a").unwrap();
    assert_eq!(store.open(b"a", false, 0), Err(Error::NotFound));
    let mut byte = [0];
    assert_eq!((store.read(id, 4999, &mut byte), byte), (Ok(1), [5]));
    store.close(id);
    assert_eq!(store.stat(id), Err(Error::NotFound));
    assert_eq!(store.space.free(), free);
}

#[test]
fn a_disk_with_something_else_on_it_is_left_alone() {
    for (sector, byte) in [(0, 0), (2, 56), (128, 64)] {
        let mut disk = Plate::new(BLOCKS_MIN);
        let mut content = [0; SECTOR_BYTES];
        content[byte] = 0xeb;
        disk.safe.insert(sector, content);
        let before = disk.safe.clone();
        let shared = std::rc::Rc::new(std::cell::RefCell::new(disk));
        let error = Store::mount(Outside(shared.clone())).map(drop).unwrap_err();
        assert_eq!(error, Error::NoStore);
        assert!(shared.borrow().safe == before && shared.borrow().count == 0);
    }
    assert_eq!(Store::mount(Plate::new(BLOCKS_MIN - 1)).map(drop), Err(Error::Size));
}

/// Roots and catalogues whose hashes are right and which say anything at all.
#[test]
fn whatever_a_disk_says_it_is_mounted_or_refused() {
    arbtest::arbtest(|u: &mut Unstructured<'_>| {
        let mut disk = Plate::new(BLOCKS_MIN);
        let small = |u: &mut Unstructured<'_>| -> arbitrary::Result<u32> {
            if u.ratio(1, 4)? { u.arbitrary() } else { u.int_in_range(0..=2 * BLOCKS_MIN) }
        };
        let mut root = Root::first(BLOCKS_MIN);
        root.log_bytes = u64::from(small(u)?);
        root.index = small(u)?;
        root.catalogue_bytes = small(u)?;
        if u.arbitrary()? {
            (root.blocks, root.log_blocks) = (small(u)?, small(u)?);
        }
        let mut block = vec![0; BLOCK_BYTES];
        u.fill_buffer(&mut block[..64])?;
        if u64::from(root.index) < u64::from(BLOCKS_MIN) && root.index > 2 {
            disk.write(u64::from(root.index) * SECTORS_IN_BLOCK, &block).unwrap();
        }
        root.write(&mut disk).unwrap();
        if let Ok(mut store) = Store::mount(disk) {
            content(&mut store);
        }
        Ok(())
    });
    arbtest::arbtest(|u: &mut Unstructured<'_>| {
        let mut space = Space::new(BLOCKS_MIN, 10).unwrap();
        let bytes: Vec<u8> = u.arbitrary()?;
        let before = space.free();
        if let Some(files) = catalogue::decode(&bytes, &mut space) {
            let blocks: usize = files.iter().flatten().map(|file| file.blocks().count()).sum();
            assert_eq!(before - space.free(), blocks as u32);
            let mut again = Vec::new();
            catalogue::encode(&files, &mut again);
            assert_eq!(again, bytes);
        }
        Ok(())
    });
}

#[test]
fn an_error_says_what_it_is() {
    let all = [Error::Device, Error::NoStore, Error::Size, Error::Full, Error::NotFound];
    let said: Vec<String> = all.iter().map(|error| std::format!("{error}")).collect();
    assert_eq!(said.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
}
