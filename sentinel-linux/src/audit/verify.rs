//! Checking a log, from outside: what the core says about it, for people and for scripts.
//!
//! It needs no secret and no lock, and changes nothing.
//!
//! # Not here
//! What makes a log good: [`sentinel_core::journal::Verifier`].

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sentinel_core::channel::visible;
use sentinel_core::journal::{Checkpoint, Note, NoteVerifier, Report, Trust, Verdict, Verifier};
use sentinel_core::limits::JOURNAL_NOTE_BYTES_MAX;
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

use super::files::{Log, Piece};
use super::hex;
use super::proof::write_signers;
use crate::log;
use crate::print::println;
use crate::style::Style;

/// What a log was found to be.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) report: Report,
    pub(crate) files_count: usize,
    pub(crate) bytes_count: u64,
    /// The checkpoints it was compared with.
    pub(crate) kept: Vec<Kept>,
}

/// A checkpoint that was kept outside of the log.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) path: PathBuf,
    pub(crate) checkpoint: Checkpoint,
    /// The same as it was signed.
    pub(crate) note: Note,
    /// The witnesses who cosigned it, of those who were named, and when.
    cosigned: Vec<(String, Option<Timestamp>)>,
}

impl Kept {
    /// Makes sure that these witnesses cosigned it.
    pub(crate) fn cosigned_by(mut self, witnesses: &[NoteVerifier]) -> Result<Self, String> {
        for witness in witnesses {
            let Some(time) = self.note.cosigned_at(witness) else {
                let (path, name) = (self.path.display(), witness.name());
                return Err(format!("{path}: the witness {name} did not cosign it"));
            };
            self.cosigned.push((witness.name().to_string(), Some(time)));
        }
        Ok(self)
    }
}

/// Reads a checkpoint that somebody kept.
pub(crate) fn kept(path: &Path) -> Result<Kept, String> {
    let failed = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
    let text = text_of(path, JOURNAL_NOTE_BYTES_MAX)?;
    let note = Note::parse(&text).map_err(|error| failed(&error))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| failed(&error))?;
    Ok(Kept { path: path.to_path_buf(), checkpoint, note, cosigned: Vec::new() })
}

/// A text from a file, of one byte more than it may have at most; `-` is the standard input.
pub(super) fn text_of(path: &Path, bytes_max: usize) -> Result<String, String> {
    let (mut text, bound) = (String::new(), bytes_max as u64 + 1);
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(bound).read_to_string(&mut text),
        false => fs::File::open(path).and_then(|file| file.take(bound).read_to_string(&mut text)),
    };
    read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

/// Checks a log, with what is known of it from elsewhere.
pub(crate) fn verify(
    log: &Log,
    first_key: Option<[u8; 32]>,
    kept: Vec<Kept>,
) -> std::io::Result<Verified> {
    let checkpoints = kept.iter().map(|kept| kept.checkpoint.clone()).collect();
    let trust = Trust { first_key, checkpoints };
    let mut attempts_left = ATTEMPTS_MAX;
    loop {
        attempts_left -= 1;
        let before = log.stamp()?;
        let mut verifier = Verifier::new(trust.clone());
        let (files_count, bytes_count) = log.read(|piece| match piece {
            Piece::Bytes(bytes) => verifier.push(bytes),
            Piece::NextFile => verifier.next_file(),
        })?;
        let report = verifier.finish();
        // An agent that starts cuts off what the one before did not write to its end. Whoever reads
        // the end at that very moment reads it in two halves that were never one.
        let is_bad = matches!(report.verdict, Verdict::Bad { .. });
        if is_bad && attempts_left > 0 && log.stamp()? != before {
            continue;
        }
        return Ok(Verified { report, files_count, bytes_count, kept });
    }
}

impl Verified {
    /// Whether it was damaged.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self.report.verdict, Verdict::Bad { .. })
    }

    /// 0 if everything is good, 1 if the log was damaged, 2 if it cannot be told of its end.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.report.verdict {
            Verdict::Ok => ExitCode::SUCCESS,
            Verdict::Bad { .. } => ExitCode::FAILURE,
            _ => ExitCode::from(UNKNOWN),
        }
    }

    /// One object that says everything.
    pub(crate) fn json(&self) -> String {
        let report = &self.report;
        json::object(|out| {
            match report.verdict {
                Verdict::Ok => {
                    out.field("verdict", "ok");
                }
                Verdict::Bad { sequence, damage } => {
                    out.field("verdict", "bad").field("record", sequence);
                    out.field("damage", damage.to_string().as_str());
                }
                Verdict::OpenTail { records_count, torn_bytes } => {
                    out.field("verdict", "open tail").field("open_records", records_count);
                    out.field("torn_bytes", torn_bytes);
                }
                _ => {
                    out.field("verdict", report.verdict.to_string().as_str());
                }
            }
            out.field("records", report.records_count).field("files", self.files_count as u64);
            out.field("bytes", self.bytes_count).field("epochs", report.epochs_count);
            out.field("root", hex(&report.root.0).as_str());
            out.optional("last_record", report.last_time.map(|time| time.to_string()).as_deref());
            if let Some(identity) = &report.identity {
                out.field("log", identity.origin.as_str());
                out.field("first_key", hex(&identity.first_key).as_str());
            }
            out.field("is_pinned", report.is_pinned);
            out.optional("log_key", report.log_key.as_ref().map(ToString::to_string).as_deref());
            if let (Some(note), Some(time)) = (&report.checkpoint, report.checkpoint_time) {
                out.object("checkpoint", |out| {
                    out.field("records", report.anchored_count);
                    out.field("time", time.to_string().as_str());
                    out.field("note", note.to_string().as_str());
                });
            }
            out.array("compared_with", |out| {
                for kept in &self.kept {
                    out.object(|out| {
                        out.field("file", kept.path.display().to_string().as_str());
                        out.field("records", kept.checkpoint.records_count);
                        write_signers(out, "cosigned_by", &kept.cosigned);
                    });
                }
            });
        })
    }

    /// The verdict, and beneath it what it rests on.
    pub(crate) fn print(&self, style: Style) {
        let report = &self.report;
        let verdict = report.verdict.to_string();
        match report.verdict {
            Verdict::Ok => println!("{}", style.good(verdict)),
            Verdict::Bad { .. } => println!("{}", style.bad(verdict)),
            _ => println!("{}", style.bold(verdict)),
        }
        let (records, files) = (report.records_count, self.files_count);
        let bytes = self.bytes_count;
        println!("  good records     {records}, in {files} file(s) of {bytes} bytes");
        if let Some(identity) = &report.identity {
            println!("  log              {}", visible(&identity.origin));
            let pinned = if report.is_pinned { "pinned" } else { "as the log says; --key pins it" };
            println!("  first key        {}  ({pinned})", hex(&identity.first_key));
        }
        if let Some(key) = &report.log_key {
            println!("  key for others   {}", visible(&key.to_string()));
        }
        match report.checkpoint_time {
            Some(time) => println!(
                "  last checkpoint  over {} records, {time}, after {} epoch(s)",
                report.anchored_count, report.epochs_count
            ),
            None => println!("  last checkpoint  none yet"),
        }
        if let Some(time) = report.last_time {
            println!("  last record      {time}");
        }
        for Kept { path, checkpoint, cosigned, .. } in &self.kept {
            let count = checkpoint.records_count;
            println!("  compared with    {}, over {count} records", path.display());
            for (name, time) in cosigned {
                let time = time.map(|time| time.to_string()).unwrap_or_default();
                println!("    cosigned by    {}, {time}", visible(name));
            }
        }
        if self.kept.is_empty() {
            println!("  compared with    nothing that was kept elsewhere");
        }
    }

    /// The last checkpoint, to be kept where the log is not.
    pub(crate) fn checkpoint(&self) -> Result<&Note, String> {
        if let verdict @ Verdict::Bad { .. } = self.report.verdict {
            return Err(format!(
                "the log is damaged, so nothing of it is worth keeping: {verdict}"
            ));
        }
        let note = self.report.checkpoint.as_ref();
        let open = self.report.records_count.saturating_sub(self.report.anchored_count);
        if note.is_some() && open > 1 {
            log::warn!("{open} records came after this checkpoint; it does not vouch for them");
        }
        note.ok_or_else(|| "the log has no checkpoint yet".to_string())
    }
}

/// How the program ends when it cannot tell.
pub(crate) const UNKNOWN: u8 = 2;

/// How often a log is read that others write.
const ATTEMPTS_MAX: u32 = 3;
