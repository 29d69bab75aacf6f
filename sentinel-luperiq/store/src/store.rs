//! The store: files by path, and when what was changed counts.

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::catalogue::{self, CATALOGUE_BLOCKS_MAX, File, is_path};
use crate::log::Tail;
use crate::root::Root;
use crate::space::Space;
use crate::{
    BLOCK_BYTES, BLOCKS_MAX, BLOCKS_MIN, Disk, EXTENTS_MAX, Error, FILES_MAX, SECTORS_IN_BLOCK,
};

/// An open file. The number may be another file's after it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(pub u32);

/// Whose a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// A program's: it is refused while there is still room for the rest.
    Program,
    /// Whoever owns the store.
    Owner,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// How long.
    pub bytes: u64,
    /// Milliseconds since 1970 when it was changed last.
    pub changed: u64,
}

/// Files and a log on a disk.
#[derive(Debug)]
pub struct Store<D> {
    pub(crate) disk: D,
    /// The root that counts.
    pub(crate) root: Root,
    pub(crate) space: Space,
    files: Vec<Option<File>>,
    /// The blocks of the index and the catalogue that count.
    catalogue: Vec<u32>,
    /// Pieces of all files.
    extents_count: usize,
    is_changed: bool,
    pub(crate) tail: Tail,
    pub(crate) is_failed: bool,
}

impl<D: Disk> Store<D> {
    /// Opens the store of a disk, or makes one on a blank disk.
    ///
    /// # Errors
    /// The disk holds something else, or fails, or is of no size for a store.
    pub fn mount(mut disk: D) -> Result<Self, Error> {
        let blocks = disk.sectors() / SECTORS_IN_BLOCK;
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX).min(BLOCKS_MAX);
        if blocks < BLOCKS_MIN {
            return Err(Error::Size);
        }
        let root = match Root::find(&mut disk, blocks)? {
            Some(root) => root,
            None => {
                let root = Root::first(blocks);
                root.write(&mut disk)?;
                root
            }
        };
        let mut space = Space::new(root.blocks, ROOTS + root.log_blocks)?;
        let (catalogue, files) = read_catalogue(&mut disk, &root, &mut space)?;
        space.commit();
        let extents_count = files.iter().flatten().map(|file| file.extents.len()).sum();
        let tail = Tail::of(&root)?;
        let (is_changed, is_failed) = (false, false);
        Ok(Self { disk, root, space, files, catalogue, extents_count, is_changed, tail, is_failed })
    }

    /// Opens a file; makes it, if it is not there and may be made.
    ///
    /// # Errors
    /// [`Error::NotFound`], or there is no room for one more.
    pub fn open(&mut self, path: &[u8], is_made: bool, now: u64) -> Result<FileId, Error> {
        if !is_path(path) {
            return Err(Error::BadArgument);
        }
        let found = self.named().find(|(_, file)| file.path == path).map(|(place, _)| place);
        let place = match found {
            Some(place) => place,
            None if is_made => self.make(path, now)?,
            None => return Err(Error::NotFound),
        };
        let file = self.files.get_mut(place).and_then(Option::as_mut).ok_or(Error::NotFound)?;
        file.opens += 1;
        Ok(FileId(place as u32))
    }

    fn make(&mut self, path: &[u8], now: u64) -> Result<usize, Error> {
        self.usable()?;
        // A path through a file, or a file where a directory is.
        let clashes =
            |other: &[u8]| is_beneath(path, other).is_some() || is_beneath(other, path).is_some();
        if self.named().any(|(_, file)| clashes(&file.path)) {
            return Err(Error::Exists);
        }
        let mut copy = Vec::new();
        copy.try_reserve_exact(path.len())?;
        copy.extend_from_slice(path);
        let (bytes, extents) = (0, Vec::new());
        let file = File { path: copy, bytes, changed: now, extents, opens: 0, is_removed: false };
        let place = match self.files.iter().position(Option::is_none) {
            Some(place) => place,
            None if self.files.len() < FILES_MAX => {
                self.files.try_reserve(1)?;
                self.files.push(None);
                self.files.len() - 1
            }
            None => return Err(Error::Full),
        };
        self.files[place] = Some(file);
        self.is_changed = true;
        Ok(place)
    }

    /// Somebody does not need a file any more.
    pub fn close(&mut self, id: FileId) {
        let Some(place) = self.files.get_mut(id.0 as usize) else { return };
        let Some(file) = place else { return };
        file.opens = file.opens.saturating_sub(1);
        if file.is_removed && file.opens == 0 {
            let file = place.take();
            self.give_up(file);
        }
    }

    /// Takes a file's name away; what it holds stays as long as somebody has it open.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Exists`] for a directory in which something is.
    pub fn remove(&mut self, path: &[u8]) -> Result<(), Error> {
        self.usable()?;
        let found = self.named().find(|(_, file)| file.path == path).map(|(place, _)| place);
        let Some(place) = found else {
            return Err(if self.has_directory(path) { Error::Exists } else { Error::NotFound });
        };
        self.is_changed = true;
        let slot = self.files.get_mut(place).ok_or(Error::NotFound)?;
        match slot {
            Some(file) if file.opens > 0 => file.is_removed = true,
            _ => {
                let file = slot.take();
                self.give_up(file);
            }
        }
        Ok(())
    }

    /// What a file is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn stat(&self, id: FileId) -> Result<Stat, Error> {
        let file = self.file(id)?;
        Ok(Stat { bytes: file.bytes, changed: file.changed })
    }

    /// Reads from a place on, as far as the file goes; gives how much.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Device`].
    pub fn read(&mut self, id: FileId, position: u64, out: &mut [u8]) -> Result<usize, Error> {
        let file = self.file(id)?;
        let count = file.bytes.saturating_sub(position).min(out.len() as u64) as usize;
        let mut done = 0;
        let mut block = [0; BLOCK_BYTES];
        while done < count {
            let at = position + done as u64;
            let (index, offset) = split(at);
            let place = self.file(id)?.block(index).ok_or(Error::NoStore)?;
            self.disk.read(u64::from(place) * SECTORS_IN_BLOCK, &mut block)?;
            let part = (BLOCK_BYTES - offset).min(count - done);
            let target = out.get_mut(done..done + part).ok_or(Error::BadArgument)?;
            target.copy_from_slice(&block[offset..offset + part]);
            done += part;
        }
        Ok(count)
    }

    /// Writes at a place that is not behind the end: all of it, or nothing.
    ///
    /// # Errors
    /// The disk is full or fails, or there is no such place.
    pub fn write(
        &mut self,
        id: FileId,
        position: u64,
        bytes: &[u8],
        share: Share,
        now: u64,
    ) -> Result<(), Error> {
        self.usable()?;
        let file = self.file(id)?;
        let end = position.checked_add(bytes.len() as u64).filter(|end| *end <= FILE_BYTES_MAX);
        let end = end.filter(|_| position <= file.bytes).ok_or(Error::BadArgument)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let (first, last) = (split(position).0, split(end - 1).0);
        let old = |index| file.block(index);
        let needed = (first..=last)
            .filter(|index| old(*index).is_none_or(|block| self.space.is_durable(block)))
            .count();
        // Each block that moves makes at most two pieces more.
        if self.extents_count + 2 * needed > EXTENTS_MAX
            || u64::from(self.space.free()) < needed as u64 + u64::from(self.kept_for(share))
        {
            return Err(Error::Full);
        }
        let mut moved: Vec<(u32, u32, Option<u32>)> = Vec::new();
        moved.try_reserve_exact(needed)?;
        let file = self.files.get_mut(id.0 as usize).and_then(Option::as_mut);
        file.ok_or(Error::NotFound)?.extents.try_reserve(2 * needed)?;
        let mut near = first.checked_sub(1).and_then(|index| self.file(id).ok()?.block(index));
        for index in first..=last {
            let old = self.file(id)?.block(index);
            let place = match old {
                Some(block) if !self.space.is_durable(block) => block,
                _ => {
                    let block = self.space.take(near.map_or(u32::MAX, |near| near + 1))?;
                    moved.push((index, block, old));
                    block
                }
            };
            near = Some(place);
            if let Err(failed) = self.write_piece((index, place, old), position, bytes) {
                // What is in memory no longer says what is on the disk.
                self.is_failed = true;
                return Err(failed);
            }
        }
        let file = self.files.get_mut(id.0 as usize).and_then(Option::as_mut);
        let file = file.ok_or(Error::NotFound)?;
        let before = file.extents.len();
        for (index, block, old) in moved {
            file.set_block(index, block);
            if let Some(old) = old {
                self.space.release(old);
            }
        }
        self.extents_count = self.extents_count + file.extents.len() - before;
        file.bytes = file.bytes.max(end);
        file.changed = now;
        self.is_changed = true;
        Ok(())
    }

    /// Writes what of `bytes`, which begin at `position`, falls into one block.
    fn write_piece(
        &mut self,
        (index, place, old): (u32, u32, Option<u32>),
        position: u64,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let start = u64::from(index) * BLOCK_BYTES as u64;
        let (from, skipped) = (position.saturating_sub(start), start.saturating_sub(position));
        let rest = bytes.get(skipped as usize..).unwrap_or_default();
        let offset = from as usize;
        let part = rest.len().min(BLOCK_BYTES - offset);
        let mut block = [0; BLOCK_BYTES];
        if let (Some(old), true) = (old, part < BLOCK_BYTES) {
            self.disk.read(u64::from(old) * SECTORS_IN_BLOCK, &mut block)?;
        }
        block[offset..offset + part].copy_from_slice(&rest[..part]);
        Ok(self.disk.write(u64::from(place) * SECTORS_IN_BLOCK, &block)?)
    }

    /// Empties a file.
    ///
    /// # Errors
    /// [`Error::NotFound`], or the disk failed before.
    pub fn truncate(&mut self, id: FileId, now: u64) -> Result<(), Error> {
        self.usable()?;
        let file = self.files.get_mut(id.0 as usize).and_then(Option::as_mut);
        let file = file.ok_or(Error::NotFound)?;
        let extents = core::mem::take(&mut file.extents);
        (file.bytes, file.changed) = (0, now);
        self.extents_count -= extents.len();
        for extent in extents {
            (extent.start..extent.start + extent.count).for_each(|block| self.space.release(block));
        }
        self.is_changed = true;
        Ok(())
    }

    /// The names in a directory, each with whether it is a directory: in no order, and a directory
    /// once for each file beneath.
    pub fn names<'a>(&'a self, directory: &'a [u8]) -> impl Iterator<Item = (&'a [u8], bool)> + 'a {
        self.named().filter_map(move |(_, file)| {
            let rest = is_beneath(&file.path, directory)?;
            let mut names = rest.splitn(2, |byte| *byte == b'/');
            Some((names.next()?, names.next().is_some()))
        })
    }

    /// Whether there is a directory of this name: one in which something is, or the store itself.
    #[must_use]
    pub fn has_directory(&self, path: &[u8]) -> bool {
        path.is_empty() || self.names(path).next().is_some()
    }

    /// Makes everything that was changed safe, as a whole.
    ///
    /// # Errors
    /// The disk fails: then it has what it had.
    pub fn commit(&mut self) -> Result<(), Error> {
        self.usable()?;
        if !self.is_changed && !self.tail.is_changed {
            return Ok(());
        }
        let result = self.write_all();
        self.is_failed |= result.is_err();
        result
    }

    fn write_all(&mut self) -> Result<(), Error> {
        let mut root = self.root.clone();
        root.generation += 1;
        (root.log_bytes, root.secret) = (self.tail.end, self.tail.secret.clone());
        root.tail = self.tail.sector;
        let written = match self.is_changed {
            true => Some(self.write_catalogue(&mut root)?),
            false => None,
        };
        self.disk.flush()?;
        root.write(&mut self.disk)?;
        self.root = root;
        self.tail.is_changed = false;
        if let Some(blocks) = written {
            for block in core::mem::replace(&mut self.catalogue, blocks) {
                self.space.release(block);
            }
            self.space.commit();
            self.is_changed = false;
        }
        Ok(())
    }

    /// Writes the catalogue and its index into free blocks; the index is the first of them.
    fn write_catalogue(&mut self, root: &mut Root) -> Result<Vec<u32>, Error> {
        let mut text = Vec::new();
        text.try_reserve(self.files.len() * 64 + self.extents_count * 8)?;
        catalogue::encode(&self.files, &mut text);
        let mut index = [0; BLOCK_BYTES];
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(1 + CATALOGUE_BLOCKS_MAX)?;
        blocks.push(self.space.take(u32::MAX)?);
        for (piece, number) in text.chunks(BLOCK_BYTES).zip(index.as_chunks_mut::<4>().0) {
            let block = self.space.take(u32::MAX)?;
            blocks.push(block);
            *number = block.to_le_bytes();
            let mut whole = [0; BLOCK_BYTES];
            whole[..piece.len()].copy_from_slice(piece);
            self.disk.write(u64::from(block) * SECTORS_IN_BLOCK, &whole)?;
        }
        let first = blocks.first().copied().unwrap_or(0);
        self.disk.write(u64::from(first) * SECTORS_IN_BLOCK, &index)?;
        root.index = first;
        root.catalogue_bytes = text.len() as u32;
        root.catalogue_hash = hash(&index, &text);
        Ok(blocks)
    }

    /// What is kept for whoever writes the log, as it was set last.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.tail.secret
    }

    /// The disk.
    pub const fn disk(&mut self) -> &mut D {
        &mut self.disk
    }

    pub(crate) const fn usable(&self) -> Result<(), Error> {
        if self.is_failed { Err(Error::Device) } else { Ok(()) }
    }

    fn file(&self, id: FileId) -> Result<&File, Error> {
        self.files.get(id.0 as usize).and_then(Option::as_ref).ok_or(Error::NotFound)
    }

    fn named(&self) -> impl Iterator<Item = (usize, &File)> {
        let files = self.files.iter().enumerate();
        let files = files.filter_map(|(place, file)| Some((place, file.as_ref()?)));
        files.filter(|(_, file)| !file.is_removed)
    }

    /// Blocks that this one may not use: the next catalogues have to fit, whatever happens.
    fn kept_for(&self, share: Share) -> u32 {
        let files = self.root.blocks - self.root.log_blocks;
        match share {
            Share::Owner => KEPT,
            Share::Program => KEPT + files / 16,
        }
    }

    /// A file is no more: its blocks are nobody's.
    fn give_up(&mut self, file: Option<File>) {
        let Some(file) = file else { return };
        self.extents_count -= file.extents.len();
        file.blocks().for_each(|block| self.space.release(block));
    }
}

/// The index, the catalogue's blocks, and the files.
type Catalogue = (Vec<u32>, Vec<Option<File>>);

fn read_catalogue(
    disk: &mut impl Disk,
    root: &Root,
    space: &mut Space,
) -> Result<Catalogue, Error> {
    let mut blocks = Vec::new();
    if root.index == 0 {
        return Ok((blocks, Vec::new()));
    }
    let bytes = root.catalogue_bytes as usize;
    let count = bytes.div_ceil(BLOCK_BYTES);
    if count > CATALOGUE_BLOCKS_MAX || !space.claim(root.index) {
        return Err(Error::NoStore);
    }
    blocks.try_reserve_exact(1 + count)?;
    blocks.push(root.index);
    let mut index = [0; BLOCK_BYTES];
    disk.read(u64::from(root.index) * SECTORS_IN_BLOCK, &mut index)?;
    let mut text = Vec::new();
    text.try_reserve_exact(count * BLOCK_BYTES)?;
    text.resize(count * BLOCK_BYTES, 0);
    for (piece, number) in text.chunks_mut(BLOCK_BYTES).zip(index.as_chunks::<4>().0) {
        let block = u32::from_le_bytes(*number);
        if !space.claim(block) {
            return Err(Error::NoStore);
        }
        blocks.push(block);
        disk.read(u64::from(block) * SECTORS_IN_BLOCK, piece)?;
    }
    text.truncate(bytes);
    if hash(&index, &text) != root.catalogue_hash {
        return Err(Error::NoStore);
    }
    let files = catalogue::decode(&text, space).ok_or(Error::NoStore)?;
    Ok((blocks, files))
}

fn hash(index: &[u8], text: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(index).chain_update(text).finalize().into()
}

/// The rest of a path beneath a directory; nothing if it is not beneath.
fn is_beneath<'a>(path: &'a [u8], directory: &[u8]) -> Option<&'a [u8]> {
    match directory {
        b"" => Some(path),
        _ => path.strip_prefix(directory)?.strip_prefix(b"/"),
    }
}

/// Which block of a file a place is in, and where in it.
const fn split(position: u64) -> (u32, usize) {
    ((position / BLOCK_BYTES as u64) as u32, (position % BLOCK_BYTES as u64) as usize)
}

/// The blocks of the two roots.
pub(crate) const ROOTS: u32 = 2;

/// A catalogue that grows to its largest while the one before is still needed.
const KEPT: u32 = 2 * (CATALOGUE_BLOCKS_MAX as u32 + 1);

/// No disk is as large; positions in blocks fit.
const FILE_BYTES_MAX: u64 = BLOCKS_MAX as u64 * BLOCK_BYTES as u64;

const _: () = assert!(BLOCKS_MIN > 2 * KEPT, "the smallest disk has room for a file");
