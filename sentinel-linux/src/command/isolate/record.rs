//! The record of a run: who ran what, with which grants, what its proxy decided, how it ended.
//!
//! It is a log like the agent's, in a file of its own: records that are chained, and at the end a
//! checkpoint that vouches for them, signed with a key that is made for this run and nowhere kept.
//! So nobody can write another end to it, and `sentinel audit verify` says whether anybody did.
//!
//! # Invariants
//! - What was granted is on disk before the program starts, and what cannot be recorded is not
//!   done.
//! - No value of a variable is in it, and of arguments only that they were these.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sentinel_core::agent::Kind;
use sentinel_core::egress::Passage;
use sentinel_core::journal::{Actor, Entry, EpochSeed, JournalId, Opening, Writer};
use sentinel_core::sandbox::policy::{Key, Policy};
use sentinel_core::sandbox::{Mount, Profile, Rights};
use sentinel_core::text::json;
use sha2::{Digest as _, Sha256};

use super::Refused;
use crate::audit::hex;
use crate::clock::Clock;

/// A record that is being written.
pub(super) struct Record {
    file: File,
    writer: Writer,
    clock: Clock,
    /// What could not be written, and why.
    pub(super) broken: Option<io::Error>,
}

impl Record {
    /// Begins one, in a file that is not there yet: what is recorded stays.
    pub(super) fn begin(path: &Path, profile: &Profile) -> Result<Self, Refused> {
        let failed =
            |error: io::Error| Refused::new(format!("--audit {}: {error}", path.display()));
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = fs::canonicalize(directory.unwrap_or(Path::new("."))).map_err(failed)?;
        let is_open = |mount: &Mount| {
            let place = Path::new(OsStr::from_bytes(&mount.path));
            mount.rights == Rights::Write && directory.starts_with(place)
        };
        if profile.mounts.iter().any(is_open) {
            let why = "the program may write there, and so change its own record";
            return Err(failed(io::Error::other(why)));
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let (mut journal, mut seed, mut nonce) = ([0; 8], [0; 32], [0; 16]);
        for bytes in [&mut journal[..], &mut seed[..], &mut nonce[..]] {
            let flags = rustix::rand::GetRandomFlags::empty();
            rustix::rand::getrandom(bytes, flags).map_err(|error| failed(error.into()))?;
        }
        let clock = Clock::new();
        let opening = Opening { seed: EpochSeed::first(seed), nonce, now: clock.now().wall };
        let mut bytes = Vec::new();
        // No two records of runs have one name: a kept checkpoint is of this one alone.
        let origin = format!("{ORIGIN}/{}", hex(&journal));
        let writer = Writer::create(JournalId(journal), &origin, opening, &mut bytes)
            .map_err(|error| failed(io::Error::other(error)))?;
        file.write_all(&bytes).map_err(failed)?;
        Ok(Self { file, writer, clock, broken: None })
    }

    /// Records what is about to be started, and with what.
    pub(super) fn started(&mut self, policy: &Policy, profile: &Profile) -> Result<(), Refused> {
        let mut shown = policy.clone();
        shown.forget(Key::Environment);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut hash = Sha256::new();
        for word in &profile.arguments {
            hash.update((word.len() as u64).to_be_bytes());
            hash.update(word);
        }
        let payload = json::object(|out| {
            out.field("uid", rustix::process::getuid().as_raw());
            out.field("gid", rustix::process::getgid().as_raw());
            out.field("pid", std::process::id());
            out.field("program", text(&profile.program).as_str());
            out.field("directory", text(&profile.directory).as_str());
            out.field("arguments_count", profile.arguments.len() as u64);
            out.field("arguments_sha256", hex(&hash.finalize()).as_str());
            out.array("env", |names| {
                for word in &profile.environment {
                    let name = word.split(|byte| *byte == b'=').next().unwrap_or_default();
                    names.value(text(name).as_str());
                }
            });
            match shown.show() {
                Ok(shown) => out.field("policy", shown.as_str()),
                Err(key) => out.field("policy_without_text", key),
            };
        });
        self.append(Kind::IsolateStarted, &payload);
        self.sync();
        match &self.broken {
            Some(error) => Err(Refused::new(format!("--audit: {error}"))),
            None => Ok(()),
        }
    }

    /// Records what the proxy decided. Whether it could.
    pub(super) fn passed(&mut self, passage: &Passage) -> bool {
        self.append(Kind::IsolatePassage, &passage.to_json());
        self.broken.is_none()
    }

    /// Records how it ended, and vouches for all of it.
    pub(super) fn ended(mut self, how: &str, status: u8) -> Result<(), Refused> {
        let payload = json::object(|out| {
            out.field("end", how).field("status", u64::from(status));
        });
        self.append(Kind::IsolateEnded, &payload);
        if self.broken.is_none() {
            let mut bytes = Vec::new();
            let signed = self.writer.checkpoint(self.clock.now().wall, &mut bytes);
            let signed = signed.map_err(io::Error::other);
            self.broken = signed.and_then(|_| self.file.write_all(&bytes)).err();
        }
        self.sync();
        match self.broken {
            Some(error) => Err(Refused::new(format!("--audit: {error}"))),
            None => Ok(()),
        }
    }

    fn append(&mut self, kind: Kind, payload: &str) {
        if self.broken.is_some() {
            return;
        }
        let mut bytes = Vec::new();
        let entry = Entry {
            time: self.clock.now().wall,
            actor: Actor::Operator,
            kind: kind.number(),
            conversation: 0,
            payload: payload.as_bytes(),
        };
        let appended = self.writer.append(entry, None, &mut bytes).map_err(io::Error::other);
        self.broken = appended.and_then(|_| self.file.write_all(&bytes)).err();
    }

    fn sync(&mut self) {
        if self.broken.is_none() {
            self.broken = self.file.sync_all().err();
        }
    }
}

const ORIGIN: &str = "sentinel-isolate";
