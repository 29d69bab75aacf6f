//! Proofs for those who are not given the log: making them from it, and checking them without it.
//!
//! # Not here
//! What a proof is: [`sentinel_core::journal::Proof`].

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use sentinel_core::agent::Kind;
use sentinel_core::channel::visible;
use sentinel_core::journal::export::own_name;
use sentinel_core::journal::{Note, NoteVerifier, Proof, ProofError, Prover, Subject};
use sentinel_core::limits::JOURNAL_PROOF_BYTES_MAX;
use sentinel_core::text::json;
use sentinel_core::time::Timestamp;

use super::files::{self, Log};
use super::verify::{Kept, text_of};
use super::{UNKNOWN, hex};
use crate::print::println;
use crate::style::Style;

/// What is to be proved of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claim {
    /// That this record stands in it.
    Record(u64),
    /// That it still begins with so many records.
    Growth(u64),
}

/// Whose word is taken for a checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Believed {
    /// The log, by the key that it signs with for witnesses.
    pub(crate) log: Option<NoteVerifier>,
    /// All of these.
    pub(crate) witnesses: Vec<NoteVerifier>,
    /// One's own: a checkpoint that was kept.
    pub(crate) kept: Option<Kept>,
}

/// Proves something of a log under a checkpoint.
pub(crate) fn prove(log: &Log, claim: Claim, checkpoint: Note) -> Result<Proof, Box<dyn Error>> {
    let mut prover = match claim {
        Claim::Record(sequence) => Prover::record(sequence, checkpoint)?,
        Claim::Growth(from) => Prover::growth(from, checkpoint)?,
    };
    for (path, bytes_count) in log.sizes()? {
        let file = files::beginning(&path, bytes_count)?;
        if !prover.file(&file).map_err(|error| format!("{}: {error}", path.display()))? {
            break;
        }
    }
    Ok(prover.finish()?)
}

/// A proof as an object for scripts; the text is what is checked.
pub(crate) fn proof_json(proof: &Proof) -> String {
    json::object(|out| {
        about(proof, out);
        out.field("proof", proof.to_string().as_str());
    })
}

/// What came of checking a proof.
#[derive(Debug)]
pub(crate) struct Checked {
    proof: Proof,
    finding: Finding,
    /// Who signed its checkpoint, of those who were named.
    signers: Vec<(String, Option<Timestamp>)>,
}

#[derive(Debug)]
enum Finding {
    Proven,
    /// It proves nothing, or something is not as it was signed.
    Wrong(String),
    /// The hashes are right, and nobody who is believed signed what they lead to.
    Unsigned(String),
}

/// Checks a proof.
///
/// # Errors
/// There is none, or what it is to be compared with does not belong to it.
pub(crate) fn check(path: &Path, believed: &Believed) -> Result<Checked, Box<dyn Error>> {
    let failed = |error: ProofError| format!("{}: {error}", path.display());
    let text = text_of(path, JOURNAL_PROOF_BYTES_MAX)?;
    let proof = Proof::parse(&text).map_err(failed)?;
    let checkpoint = proof.checkpoint();
    let mut earlier = None;
    let mut is_kept = false;
    if let Some(kept) = &believed.kept {
        let (known, place) = (&kept.checkpoint, kept.path.display());
        let starts_there = matches!(
            proof.subject(), Subject::Growth { from } if *from == known.records_count
        );
        let count = checkpoint.records_count;
        if known.origin != checkpoint.origin {
            return Err(format!("{place}: it is the checkpoint of another log").into());
        }
        if starts_there {
            earlier = Some(known.root);
        } else if known.records_count == count {
            if known.root != checkpoint.root {
                let why = format!("the log that was kept in {place} is another one");
                let (finding, signers) = (Finding::Wrong(why), Vec::new());
                return Ok(Checked { proof, finding, signers });
            }
            is_kept = true;
        } else {
            return Err(format!(
                "{place}: it is over {} records, and the proof has nothing to do with so many",
                known.records_count
            )
            .into());
        }
    }
    let (mut signers, mut missing) = (Vec::new(), None);
    if let Some(log) = &believed.log {
        match proof.note().is_signed_by(log) && log.name() == checkpoint.origin {
            true => signers.push((log.name().to_string(), None)),
            false => missing = Some(format!("the log's key of {} did not sign it", log.name())),
        }
    }
    for witness in &believed.witnesses {
        match proof.note().cosigned_at(witness) {
            Some(time) => signers.push((witness.name().to_string(), Some(time))),
            None => missing = Some(format!("the witness {} did not cosign it", witness.name())),
        }
    }
    if missing.is_none() && signers.is_empty() && !is_kept {
        missing =
            Some("nobody was named whose signature is believed (--log-key, --witness)".into());
    }
    // A witness cosigns many logs, and anybody can have one of his own cosigned.
    if missing.is_none() && believed.log.is_none() && believed.kept.is_none() {
        missing = Some("no log was named, and a witness cosigns many (--log-key, --note)".into());
    }
    let finding = match (proof.check(earlier), missing) {
        (Ok(()), None) => Finding::Proven,
        (Ok(()), Some(missing)) => Finding::Unsigned(missing),
        (Err(ProofError::NoEarlier), _) => {
            let why = "name the checkpoint from which it starts with --note";
            return Err(format!("{}: {}: {why}", path.display(), ProofError::NoEarlier).into());
        }
        (Err(error), _) => Finding::Wrong(error.to_string()),
    };
    Ok(Checked { proof, finding, signers })
}

impl Checked {
    /// 0 if it is proven, 1 if it is not, 2 if nobody who is believed says so.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.finding {
            Finding::Proven => ExitCode::SUCCESS,
            Finding::Wrong(_) => ExitCode::FAILURE,
            Finding::Unsigned(_) => ExitCode::from(UNKNOWN),
        }
    }

    pub(crate) fn json(&self) -> String {
        json::object(|out| {
            let (verdict, why) = match &self.finding {
                Finding::Proven => ("proven", None),
                Finding::Wrong(why) => ("not proven", Some(why.as_str())),
                Finding::Unsigned(why) => ("unsigned", Some(why.as_str())),
            };
            out.field("verdict", verdict).optional("why", why);
            about(&self.proof, out);
            write_signers(out, "signed_by", &self.signers);
        })
    }

    pub(crate) fn print(&self, style: Style) {
        let checkpoint = self.proof.checkpoint();
        let count = checkpoint.records_count;
        let claim = match self.proof.subject() {
            Subject::Record { sequence, .. } => format!("record {sequence} stands in the log"),
            Subject::Growth { from } => format!("the log begins with the {from} records of then"),
            _ => String::new(),
        };
        match &self.finding {
            Finding::Proven => println!("{}", style.good(format!("PROVEN: {claim}"))),
            Finding::Wrong(why) => {
                println!("{}", style.bad(format!("NOT PROVEN: {}", visible(why))));
            }
            Finding::Unsigned(why) => {
                let why = format!("UNSIGNED: the hashes are right, but {}", visible(why));
                println!("{}", style.bold(why));
            }
        }
        println!("  log              {}", visible(&checkpoint.origin));
        println!("  checkpoint       over {count} records, of epoch {}", checkpoint.epoch);
        if let Some(record) = self.proof.record() {
            let sealed = if record.is_sealed { ", sealed" } else { "" };
            println!(
                "  record           {}, {}, {}, conversation {}, {} bytes{sealed}",
                kind_name(record.kind),
                record.time,
                record.actor.name(),
                record.conversation,
                record.payload.len()
            );
        }
        for (name, time) in &self.signers {
            match time {
                Some(time) => println!("  cosigned by      {}, {time}", visible(name)),
                None => println!("  signed by        the key of {}", visible(name)),
            }
        }
    }
}

/// What a proof is about.
fn about(proof: &Proof, out: &mut json::ObjectWriter<'_, String>) {
    let checkpoint = proof.checkpoint();
    match proof.subject() {
        Subject::Record { sequence, .. } => out.field("record", *sequence),
        Subject::Growth { from } => out.field("from", *from),
        _ => out,
    };
    if let Some(record) = proof.record() {
        out.field("kind", kind_name(record.kind)).field("time", record.time.to_string().as_str());
        out.field("actor", record.actor.name()).field("conversation", record.conversation);
    }
    out.field("log", checkpoint.origin.as_str()).field("records", checkpoint.records_count);
    out.field("root", hex(&checkpoint.root.0).as_str());
}

/// Who signed something, and when, where that is known.
pub(super) fn write_signers(
    out: &mut json::ObjectWriter<'_, String>,
    name: &str,
    signers: &[(String, Option<Timestamp>)],
) {
    out.array(name, |out| {
        for (name, time) in signers {
            out.object(|out| {
                out.field("name", name.as_str());
                out.optional("time", time.map(|time| time.to_string()).as_deref());
            });
        }
    });
}

fn kind_name(number: u16) -> &'static str {
    let name = own_name(number).or_else(|| Kind::from_number(number).map(Kind::name));
    name.unwrap_or("of a kind unknown here")
}
