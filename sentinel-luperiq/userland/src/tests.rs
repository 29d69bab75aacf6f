//! The agent off the machine: a disk in memory whose power can be cut, and a console that types.

mod commands;
mod files;
mod keeping;
mod lending;
mod models;
mod pages;
mod skills;
mod talking;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::string::{String, ToString as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec::Vec;

use luperiq_runtime::abi::limits::TRANSFER_BYTES_MAX;
use luperiq_runtime::abi::{Error, Rights};
use luperiq_runtime::call::Result;
use luperiq_runtime::files::Name;
use sentinel_core::time::{Instant, Now, Timestamp};

use self::skills::Talk;
use crate::folder::Folder;
use crate::machine::{Begun, Given, Machine, Progress, SkillProgram};

/// Files, as they are and as a power cut would leave them.
#[derive(Clone, Debug, Default)]
struct Disk(Rc<RefCell<Files>>);

#[derive(Debug, Default)]
struct Files {
    now: BTreeMap<String, Vec<u8>>,
    safe: BTreeMap<String, Vec<u8>>,
    /// How many changes are still made before the power is cut.
    changes_left: Option<usize>,
    /// Whether everything is safe at once, so that a cut can come between any two changes.
    is_eager: bool,
}

impl Disk {
    fn with(files: &[(&str, &str)]) -> Self {
        let disk = Self::default();
        for (path, content) in files {
            disk.0.borrow_mut().now.insert((*path).into(), content.as_bytes().to_vec());
        }
        disk
    }

    fn change(&self, change: impl FnOnce(&mut Files)) -> Result<()> {
        let mut files = self.0.borrow_mut();
        match &mut files.changes_left {
            Some(0) => return Err(Error::Device),
            Some(left) => *left -= 1,
            None => {}
        }
        change(&mut files);
        if files.is_eager {
            files.safe = files.now.clone();
        }
        Ok(())
    }

    /// The power comes back.
    fn restart(&self) {
        let mut files = self.0.borrow_mut();
        files.now = files.safe.clone();
        files.changes_left = None;
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.0.borrow().now[path].clone()).unwrap()
    }

    fn paths(&self) -> Vec<String> {
        self.0.borrow().now.keys().cloned().collect()
    }
}

impl Folder for Disk {
    fn bytes_count(&self, path: &str) -> Result<u64> {
        self.0.borrow().now.get(path).map(|file| file.len() as u64).ok_or(Error::NotFound)
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>> {
        let file = self.0.borrow().now.get(path).cloned().ok_or(Error::NotFound)?;
        if file.len() as u64 > bytes_max { Err(Error::TooLong) } else { Ok(file) }
    }

    fn empty(&mut self, path: &str) -> Result<()> {
        let clashes = |other: &String| {
            other.starts_with(&[path, "/"].concat()) || path.starts_with(&[other, "/"].concat())
        };
        if self.0.borrow().now.keys().any(clashes) {
            return Err(Error::Exists);
        }
        self.change(|files| drop(files.now.insert(path.into(), Vec::new())))
    }

    fn write(&mut self, path: &str, position: u64, bytes: &[u8]) -> Result<()> {
        let mut position = usize::try_from(position).unwrap();
        for part in bytes.chunks(TRANSFER_BYTES_MAX) {
            let length = self.0.borrow().now.get(path).map_or(0, Vec::len);
            if position > length {
                return Err(Error::BadArgument);
            }
            self.change(|files| {
                let file = files.now.entry(path.into()).or_default();
                file.resize(file.len().max(position + part.len()), 0);
                file[position..position + part.len()].copy_from_slice(part);
            })?;
            position += part.len();
        }
        Ok(())
    }

    fn sync(&mut self, _: &str) -> Result<()> {
        self.change(|files| files.safe = files.now.clone())
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        if !self.0.borrow().now.contains_key(path) {
            return Err(Error::NotFound);
        }
        self.change(|files| drop(files.now.remove(path)))
    }

    fn names(&self, path: &str, count_max: usize) -> Result<Vec<Name>> {
        if self.0.borrow().now.contains_key(path) {
            return Err(Error::NotFound);
        }
        let mut names: Vec<Name> = Vec::new();
        for other in self.0.borrow().now.keys() {
            let rest = match path {
                "" => Some(other.as_str()),
                path => other.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')),
            };
            let Some(rest) = rest else { continue };
            let (name, is_directory) = match rest.split_once('/') {
                Some((name, _)) => (name, true),
                None => (rest, false),
            };
            if names.last().is_none_or(|last| last.name != name) {
                names.push(Name { name: name.to_string(), is_directory });
            }
        }
        names.truncate(count_max);
        Ok(names)
    }
}

/// Files that were lent, which are worth nothing once they were given back.
#[derive(Debug)]
struct LentDisk {
    disk: Disk,
    /// The place on the disk and a slash, or nothing.
    start: String,
    rights: Rights,
    is_held: Rc<Cell<bool>>,
}

impl LentDisk {
    fn path(&self, path: &str, rights: Rights) -> Result<String> {
        match self.is_held.get() {
            false => Err(Error::Revoked),
            true if !self.rights.contains(rights) => Err(Error::NotAllowed),
            true => Ok([self.start.as_str(), path].concat()),
        }
    }
}

impl Folder for LentDisk {
    fn bytes_count(&self, path: &str) -> Result<u64> {
        let path = self.path(path, Rights::READ).or_else(|_| self.path(path, Rights::WRITE))?;
        self.disk.bytes_count(&path)
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>> {
        self.disk.read(&self.path(path, Rights::READ)?, bytes_max)
    }

    fn empty(&mut self, path: &str) -> Result<()> {
        let path = self.path(path, Rights::WRITE.with(Rights::CREATE))?;
        self.disk.empty(&path)
    }

    fn write(&mut self, path: &str, position: u64, bytes: &[u8]) -> Result<()> {
        let path = self.path(path, Rights::WRITE)?;
        self.disk.write(&path, position, bytes)
    }

    fn sync(&mut self, path: &str) -> Result<()> {
        let path = self.path(path, Rights::WRITE)?;
        self.disk.sync(&path)
    }

    fn remove(&mut self, path: &str) -> Result<()> {
        let path = self.path(path, Rights::DELETE)?;
        self.disk.remove(&path)
    }

    fn names(&self, path: &str, count_max: usize) -> Result<Vec<Name>> {
        let path = self.path(path, Rights::LIST)?;
        self.disk.names(path.trim_end_matches('/'), count_max)
    }
}

/// A machine on which this is typed, a line each time that the agent waits, and then the end.
#[derive(Debug, Default)]
struct Typist {
    lines: Vec<String>,
    arrived: Vec<u8>,
    shown: String,
    notes: RefCell<Vec<String>>,
    /// What was noted of writes to the log.
    written: RefCell<Vec<String>>,
    milliseconds: u64,
    /// How long it takes until something is typed.
    pause: u64,
    /// What whoever holds the keys says, exchange by exchange, and then ends; without any there is
    /// nobody.
    answers: VecDeque<VecDeque<Vec<u8>>>,
    /// How often it was said that all of an answer is there.
    ends_count: usize,
    /// What was asked, and the bodies that came behind it.
    asked: Vec<(Vec<u8>, Vec<u8>)>,
    /// What is lent of it, to those who ask.
    workspace: Disk,
    /// The rights that are lent; all, if it is not said.
    lends: Option<Rights>,
    /// The programs there are; none is run without any.
    programs: Vec<&'static str>,
    /// What the programs do that are run, one by one; then nothing.
    deeds: VecDeque<VecDeque<Progress>>,
    /// Whether something is typed while a program runs, and time does not pass.
    types_meanwhile: bool,
    /// What was run: the program, its words, and what it was given.
    run: Vec<(String, Vec<String>, Vec<String>)>,
    /// What of it was ended.
    ended: Vec<usize>,
    /// What is talked with, of what was run.
    talks: BTreeMap<usize, Talk>,
    /// What was lent: the place, the rights, and whether it is still.
    lent: Vec<(String, Rights, Rc<Cell<bool>>)>,
}

impl Typist {
    fn typing(lines: &[&str]) -> Self {
        let ends = ["\u{4}".to_string()];
        let lines = lines.iter().map(|line| [line, "\r"].concat()).chain(ends).rev().collect();
        Self { lines, milliseconds: STARTED_AT, ..Self::default() }
    }

    fn lending(mut self, workspace: &Disk) -> Self {
        self.workspace = workspace.clone();
        self
    }

    /// What is lent now, in the order in which it was.
    fn held(&self) -> Vec<(&str, Rights)> {
        let held = self.lent.iter().filter(|(_, _, is_held)| is_held.get());
        held.map(|(place, rights, _)| (place.as_str(), *rights)).collect()
    }
}

impl Machine for Typist {
    /// How many exchanges were asked for before.
    type Line = usize;
    type Lent = LentDisk;
    /// How many programs were run before, and what was lent for it.
    type Running = (usize, Vec<LentDisk>);

    fn has_program(&mut self, place: &str) -> Result<()> {
        self.programs.contains(&place).then_some(()).ok_or(Error::PeerClosed)
    }

    fn start(
        &mut self,
        begun: &Begun<'_>,
        files: Vec<Given<LentDisk>>,
    ) -> Result<(Self::Running, Vec<String>)> {
        self.has_program(begun.program)?;
        let is_there = |given: &Given<LentDisk>| {
            let inner = given.place.strip_prefix(&given.lent).unwrap().trim_start_matches('/');
            inner.is_empty() || given.files.bytes_count(inner).is_ok()
        };
        let (files, others): (Vec<_>, Vec<_>) = files.into_iter().partition(is_there);
        // Their lines are let go of.
        others.iter().for_each(|given| given.files.is_held.set(false));
        let paths: Vec<String> = files.iter().map(|given| given.path.clone()).collect();
        self.run.push((begun.program.into(), begun.words.to_vec(), paths.clone()));
        let lent = files.into_iter().map(|given| given.files).collect();
        Ok(((self.run.len() - 1, lent), paths))
    }

    fn start_skill(&mut self, skill: &SkillProgram<'_>) -> Result<Self::Running> {
        let entry = [skill.place, "/", &skill.manifest.entry].concat();
        if !self.programs.iter().any(|program| *program == entry) {
            return Err(Error::PeerClosed);
        }
        self.run.push((entry, Vec::new(), Vec::new()));
        let number = self.run.len() - 1;
        self.talks.insert(number, Talk::default());
        Ok((number, Vec::new()))
    }

    fn tell(&mut self, running: &Self::Running, bytes: &[u8]) -> Result<()> {
        let talk = self.talks.get_mut(&running.0).ok_or(Error::PeerClosed)?;
        talk.told.extend_from_slice(bytes);
        Ok(())
    }

    fn progress(&mut self, running: &mut Self::Running) -> Progress {
        if let Some(talk) = self.talks.get_mut(&running.0) {
            return talk.progress();
        }
        let deed = self.deeds.get_mut(running.0).and_then(VecDeque::pop_front);
        deed.unwrap_or(Progress::Nothing)
    }

    fn end(&mut self, (number, lent): Self::Running) {
        lent.iter().for_each(|lent| lent.is_held.set(false));
        self.ended.push(number);
    }

    fn borrow(&mut self, place: &str, rights: Rights) -> Result<(String, LentDisk)> {
        if self.lends.is_some_and(|lends| !lends.contains(rights)) {
            return Err(Error::PeerClosed);
        }
        let mut path = place.strip_prefix("workspace").unwrap().trim_start_matches('/');
        let is_directory = |path: &str| {
            let start = [path, "/"].concat();
            path.is_empty() || self.workspace.paths().iter().any(|other| other.starts_with(&start))
        };
        let is_file = self.workspace.paths().iter().any(|other| other == path);
        let is_lent = is_file && !rights.contains(Rights::WRITE);
        while !is_lent && !is_directory(path) {
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
        let (start, lent) = match path {
            "" => (String::new(), "workspace".to_string()),
            path if is_lent => (path.to_string(), ["workspace/", path].concat()),
            path => ([path, "/"].concat(), ["workspace/", path].concat()),
        };
        let is_held = Rc::new(Cell::new(true));
        self.lent.push((lent.clone(), rights, is_held.clone()));
        Ok((lent, LentDisk { disk: self.workspace.clone(), start, rights, is_held }))
    }

    fn give_back(&mut self, lent: LentDisk) -> Result<u64> {
        lent.is_held.set(false);
        Ok(1)
    }

    fn now(&self) -> Now {
        Now { instant: Instant(self.milliseconds), wall: Timestamp(self.milliseconds) }
    }

    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        let count = self.arrived.len().min(room.len());
        for (place, byte) in room.iter_mut().zip(self.arrived.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.shown.push_str(core::str::from_utf8(bytes).unwrap());
        Ok(())
    }

    fn wait<'l>(
        &mut self,
        lines: impl Iterator<Item = (&'l usize, bool)>,
        programs: impl Iterator<Item = (&'l Self::Running, bool)>,
        until: Option<Instant>,
    ) -> Result<()> {
        if programs.count() > 0 && !self.types_meanwhile {
            self.milliseconds = until.expect("a program is not waited for without end").0;
            return Ok(());
        }
        if lines.count() > 0 && !self.answers.is_empty() {
            return Ok(());
        }
        match self.lines.pop() {
            Some(line) => self.arrived.extend_from_slice(line.as_bytes()),
            // The line is dead: whoever waits for it for ever is told.
            None if self.milliseconds > LINE_DEAD_AT => return Err(Error::PeerClosed),
            None => self.milliseconds = until.expect("something is waited for").0,
        }
        self.milliseconds += 1 + self.pause;
        Ok(())
    }

    fn ask(&mut self, request: &[u8]) -> Result<usize> {
        // Of the one before nobody heard the end.
        if self.answers.front().is_some_and(VecDeque::is_empty) {
            self.answers.pop_front();
        }
        if self.answers.is_empty() {
            return Err(Error::NotFound);
        }
        self.asked.push((request.to_vec(), Vec::new()));
        Ok(self.asked.len() - 1)
    }

    fn say(&mut self, line: &usize, bytes: &[u8]) -> Result<()> {
        self.ends_count += usize::from(bytes.is_empty());
        self.asked[*line].1.extend_from_slice(bytes);
        Ok(())
    }

    fn hear(&mut self, line: &usize) -> Result<Vec<u8>> {
        assert_eq!(*line, self.asked.len() - 1, "one at a time");
        let said = self.answers.front_mut().and_then(VecDeque::pop_front);
        if said.is_none() {
            self.answers.pop_front();
        }
        said.ok_or(Error::PeerClosed)
    }

    fn entropy(&self, room: &mut [u8]) -> Result<()> {
        let mut seed = DRAWN.fetch_add(1, Ordering::Relaxed);
        for byte in room {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (seed >> 56) as u8;
        }
        Ok(())
    }

    fn note(&self, text: &str) -> Result<()> {
        let is_write = text.starts_with(crate::log::NOTE);
        let notes = if is_write { &self.written } else { &self.notes };
        notes.borrow_mut().push(text.into());
        Ok(())
    }
}

/// How often random bytes were drawn, so that they differ each time.
static DRAWN: AtomicU64 = AtomicU64::new(1);

const STARTED_AT: u64 = 1_750_000_000_000;
const LINE_DEAD_AT: u64 = STARTED_AT + 60_000;
