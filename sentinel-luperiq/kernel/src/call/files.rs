//! Files and directories, of the archive and of the disk, and the console.

use luperiq_abi::call::{POSITION_CURRENT, open};
use luperiq_abi::limits::{PATH_BYTES_MAX, TRANSFER_BYTES_MAX};
use luperiq_abi::wire::Stat;
use luperiq_abi::{Error, Kind};
use luperiq_policy::{Admitted, Refusal};

use super::stored::is_stored;
use super::{Caller, DONE, Outcome, failed, handle};
use crate::console;
use crate::kernel::Kernel;

impl Kernel {
    pub(super) fn open(&mut self, caller: &Caller, admitted: Admitted) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, PATH_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        let opening = self.system.open(admitted, &self.scratch[..bytes], caller.registers[3])?;
        const CHANGES: u64 = open::WRITE | open::CREATE | open::TRUNCATE;
        let found = if is_stored(opening.directory) {
            self.open_stored(&opening.place, opening.flags)
        } else if opening.flags & CHANGES != 0 {
            Err(Error::Unsupported)
        } else if opening.flags & open::DIRECTORY != 0 {
            self.has_directory(&opening.place).then_some(0).ok_or(Error::NotFound)
        } else {
            self.file_number(&opening.place).ok_or(Error::NotFound)
        };
        match found {
            Ok(native) => {
                let is_file = opening.flags & open::DIRECTORY == 0;
                let made = self.system.opened(opening, native);
                if made.is_err() && is_file {
                    self.file_released(native);
                }
                made.map(handle)
            }
            Err(error) => Err(self.system.not_opened(opening, error)),
        }
    }

    pub(super) fn read(&mut self, caller: &Caller, admitted: Admitted) -> Result<Outcome, Refusal> {
        let room = self.room(caller, 1, TRANSFER_BYTES_MAX);
        let (admitted, room) = self.checked(admitted, room)?;
        let object = admitted.object(0);
        let (native, kind) = self.system.read(admitted)?;
        let position = caller.registers[3];
        match kind {
            Kind::Console => {
                let count = self.console_input.len().min(room);
                if count == 0 {
                    return Err(failed(Error::NotReady));
                }
                for (place, byte) in self.scratch.iter_mut().zip(self.console_input.drain(..count))
                {
                    *place = byte;
                }
                self.console_changed();
                self.answer_scratch(caller, 1, count);
                Ok(Outcome::Reply(count as u64, 0))
            }
            Kind::Directory => {
                let place = object.and_then(|object| self.system.place(object));
                let place = place.unwrap_or_default().to_vec();
                let (bytes, next) = self.list(native, &place, position, room);
                self.answer_scratch(caller, 1, bytes);
                Ok(Outcome::Reply(bytes as u64, next))
            }
            _ if is_stored(native) => {
                let count = self.read_stored(native, position, room).map_err(failed)?;
                self.answer_scratch(caller, 1, count);
                Ok(Outcome::Reply(count as u64, position.saturating_add(count as u64)))
            }
            _ => {
                let content = self.archive_content(native);
                // Files of the archive do not change, so a position is the caller's to keep.
                if position == POSITION_CURRENT {
                    return Err(failed(Error::Unsupported));
                }
                let start = usize::try_from(position).unwrap_or(usize::MAX).min(content.len());
                let part = &content[start..content.len().min(start.saturating_add(room))];
                self.answer(caller, 1, part);
                Ok(Outcome::Reply(part.len() as u64, (start + part.len()) as u64))
            }
        }
    }

    pub(super) fn write(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, TRANSFER_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        let object = admitted.object(0).and_then(|object| self.system.object(object));
        let (kind, native) = object.map_or((None, 0), |it| (Some(it.kind()), it.native));
        let is_console = kind == Some(Kind::Console);
        if !is_console && !is_stored(native) {
            return Err(self.system.refuse(admitted, Error::Unsupported, 0));
        }
        self.system.allow(admitted)?;
        if is_console {
            console::write(&self.scratch[..bytes]);
        } else {
            self.write_stored(native, caller.registers[3], bytes).map_err(failed)?;
        }
        Ok(Outcome::Reply(bytes as u64, 0))
    }

    pub(super) fn stat(&mut self, caller: &Caller, admitted: Admitted) -> Result<Outcome, Refusal> {
        let room = self.room_for(caller, 1, Stat::BYTES);
        let (admitted, ()) = self.checked(admitted, room)?;
        let object = admitted.object(0);
        let native = self.system.allow(admitted)?[0].unwrap_or(0);
        let kind = object.and_then(|object| self.system.object(object)).map(|found| found.kind());
        let kind = kind.unwrap_or(Kind::File);
        let is_stored = is_stored(native);
        let (bytes, changed) = match kind {
            Kind::Directory => {
                let place = object.and_then(|object| self.system.place(object));
                let place = place.unwrap_or_default().to_vec();
                let count = match is_stored {
                    true => self.stored_names(&place).len(),
                    false => self.names(&place).count(),
                };
                (count as u64, 0)
            }
            _ if is_stored => self.stat_stored(native),
            _ => (self.archive_content(native).len() as u64, 0),
        };
        let kind = u32::from(kind.number());
        let stat = Stat { node: native, bytes, kind, writable: is_stored.into(), changed };
        self.answer(caller, 1, &stat.encode());
        Ok(DONE)
    }

    pub(super) fn remove(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, PATH_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        if !self.system.native(&admitted, 0).is_some_and(is_stored) {
            return Err(self.system.refuse(admitted, Error::Unsupported, 0));
        }
        let place = self.system.remove(admitted, &self.scratch[..bytes])?;
        self.remove_stored(&place).map(|()| DONE).map_err(failed)
    }

    pub(super) fn sync(&mut self, admitted: Admitted) -> Result<Outcome, Refusal> {
        self.system.allow(admitted)?;
        self.flush().map(|()| DONE).map_err(failed)
    }

    /// What somebody typed, kept until a program reads it.
    pub(crate) fn console_arrived(&mut self) {
        while let Some(byte) = console::read() {
            if self.console_input.len() < CONSOLE_BYTES_MAX {
                self.console_input.push_back(byte);
            }
        }
        self.console_changed();
    }

    fn answer_scratch(&mut self, caller: &Caller, place: usize, bytes: usize) {
        let scratch = core::mem::take(&mut self.scratch);
        self.answer(caller, place, &scratch[..bytes]);
        self.scratch = scratch;
    }

    /// Lines `name<TAB>type`, from the name with this number on, into the scratch space: whole
    /// lines only. Gives their bytes and the number of the next.
    fn list(&mut self, native: u64, place: &[u8], first: u64, room: usize) -> (usize, u64) {
        let names = match is_stored(native) {
            true => self.stored_names(place),
            false => self.names(place).map(|(name, kind)| (name.into(), kind)).collect(),
        };
        let mut scratch = core::mem::take(&mut self.scratch);
        let (mut end, mut next) = (0, first);
        for (name, kind) in names.iter().skip(usize::try_from(first).unwrap_or(usize::MAX)) {
            let line = [name, &b"\t"[..], kind.name().as_bytes(), b"\n"].concat();
            if end + line.len() > room.min(scratch.len()) {
                break;
            }
            scratch[end..end + line.len()].copy_from_slice(&line);
            end += line.len();
            next += 1;
        }
        self.scratch = scratch;
        (end, next)
    }

    /// What is in a directory. Files stand in the archive by their whole path, in order.
    fn names(&self, place: &[u8]) -> impl Iterator<Item = (&'static str, Kind)> {
        let mut last = "";
        let place = place.to_vec();
        self.machine.archive.files().filter_map(move |(path, _)| {
            let rest = match place.as_slice() {
                b"" => path,
                place => path
                    .as_bytes()
                    .strip_prefix(place)?
                    .strip_prefix(b"/")
                    .and_then(|rest| core::str::from_utf8(rest).ok())?,
            };
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, Kind::Directory),
                None => (rest, Kind::File),
            };
            if kind == Kind::Directory && name == last {
                return None;
            }
            last = name;
            Some((name, kind))
        })
    }

    fn has_directory(&self, place: &[u8]) -> bool {
        place.is_empty() || self.names(place).next().is_some()
    }

    fn file_number(&self, place: &[u8]) -> Option<u64> {
        let number = self.machine.archive.files().position(|(path, _)| path.as_bytes() == place)?;
        Some(number as u64)
    }

    /// What the archive has under a number; nothing, if that is none.
    pub(super) fn archive_content(&self, number: u64) -> &'static [u8] {
        let file = self.machine.archive.files().nth(usize::try_from(number).unwrap_or(usize::MAX));
        file.map_or(&[], |(_, content)| content)
    }
}

/// Some screens of typing ahead; what comes beyond is lost, as on any terminal.
const CONSOLE_BYTES_MAX: usize = 4096;
