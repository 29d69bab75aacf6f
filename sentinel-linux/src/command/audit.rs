//! `sentinel audit`: what the log says, and whether it can be believed.

use std::error::Error;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sentinel_core::journal::{NoteVerifier, Proof};
use sentinel_core::time::Timestamp;

use super::{Arguments, Command, Switch};
use crate::audit::{self, Believed, Claim, Kept, Log, Sight, Wanted};
use crate::clock::Clock;
use crate::log;
use crate::print::{print, println};
use crate::style::Style;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        name: "audit verify",
        operands: "[DIRECTORY|FILE...]",
        operands_max: 100_000,
        summary: "whether anything in the log was changed, and where",
        details: "\
It reads the log as it is, also while an agent is at work, and needs no key. Given are the
directory where an agent lives, one with the files of a log, or those files in their order;
without a word it is the directory of the configuration.

  OK          every record is what was written, and a checkpoint vouches for it
  OPEN TAIL   the same, but for the last records nothing vouches yet: so it is while the agent is
              at work, and after it was killed
  BAD         the first record that is not as it should be, and how

It ends with 0 for OK, 1 for BAD, and 2 for OPEN TAIL or if it cannot tell.

That the end of a log was cut off shows only by a checkpoint that was kept: the one beside the
log is compared if there is one, and --note compares one that you keep elsewhere.

  sentinel audit checkpoint > kept.note       today, to another machine
  sentinel audit verify --note kept.note      whenever you want to know

With --witness the kept checkpoint has to be cosigned by those witnesses, or it is not believed.",
        options: &[NOTE, WITNESS, KEY, JSON],
        run: verify,
    },
    Command {
        name: "audit checkpoint",
        operands: "[DIRECTORY|FILE...]",
        operands_max: 100_000,
        summary: "the last signed checkpoint, to be kept elsewhere",
        details: "\
A checkpoint is a few lines that vouch for the whole log before it. Keep it where the agent cannot
write: 'audit verify --note' then finds whatever was rewritten or cut off since.",
        options: &[NOTE, KEY],
        run: checkpoint,
    },
    Command {
        name: "audit prove",
        operands: "[RECORD] [DIRECTORY|FILE...]",
        operands_max: 100_000,
        summary: "that a record stands in the log, or that the log only grew",
        details: "\
It prints a proof that others check without the log, by 'sentinel audit check' or a program of
their own: of one record, which comes with it as it is, sealed; or with --from, that the log
still begins with so many records. Proved is what stands under the last checkpoint, or under
another one with --checkpoint.

What --from prints is what a witness takes to cosign that checkpoint; it answers with lines that
belong under it:

  sentinel audit checkpoint > my.note
  sentinel audit prove --from 0 --checkpoint my.note |
      curl --data-binary @- https://witness.example/add-checkpoint > lines
  cat my.note lines > cosigned.note
  sentinel audit verify --note cosigned.note --witness witness.example+...

The next time --from is the number of records that it cosigned last; it says so if that is wrong.
It ends with 0, or with 2 if there is nothing to be proved.",
        options: &[
            Switch {
                name: "from",
                short: None,
                value: "COUNT",
                summary: "that the log still begins with so many records",
            },
            Switch {
                name: "checkpoint",
                short: None,
                value: "FILE",
                summary: "under this checkpoint, not the last one",
            },
            JSON,
        ],
        run: prove,
    },
    Command {
        name: "audit check",
        operands: "PROOF",
        operands_max: 1,
        summary: "whether a proof proves what it says, without the log",
        details: "\
The hashes of a proof lead to a checkpoint. It is believed if everybody signed it who is named
here: the log by its key, which 'audit verify' shows, and witnesses by theirs. A thief of the
log's key can sign as well; a witness tells, because it cosigns one history of each log. Of many
logs, though: so name the log, too.

  sentinel audit check record.tlog-proof --log-key sentinel.local/agent/...+...+...

A proof of growth starts from a checkpoint that you kept: --note names it. A proof under a
checkpoint that you kept needs no signature. '-' reads the proof from the standard input.

It ends with 0 if it is proven, 1 if it is not, and 2 if it cannot tell.",
        options: &[
            Switch {
                name: "log-key",
                short: None,
                value: "KEY",
                summary: "the log's key for others, as 'audit verify' shows it",
            },
            WITNESS,
            NOTE,
            JSON,
        ],
        run: check,
    },
    Command {
        name: "audit show",
        operands: "[DIRECTORY]",
        operands_max: 1,
        summary: "the records for people, a line each",
        details: "\
A line has the record's number, its time, on whose account it is, what it is about, the
conversation, and what it says. What a forgotten conversation said is gone: only that there was
something stands there. It needs the key of the log, and can be read while an agent is at work.

  sentinel audit show --last 20
  sentinel audit show --kind call --since 2h
  sentinel audit show --conversation 3 --whole

It ends with 0, or with 2 if there is something in the log that is no record.",
        options: &[
            Switch {
                name: "conversation",
                short: None,
                value: "NUMBER",
                summary: "only this conversation",
            },
            Switch {
                name: "kind",
                short: None,
                value: "KIND",
                summary: "only this kind: 'message', or 'call' for all that begin so",
            },
            Switch {
                name: "since",
                short: None,
                value: "TIME",
                summary: "from then on: 2026-12-31, 2026-12-31T23:59:59Z, or 30m, 2h, 7d ago",
            },
            Switch {
                name: "last",
                short: None,
                value: "COUNT",
                summary: "only so many, the last ones",
            },
            Switch {
                name: "whole",
                short: None,
                value: "",
                summary: "all of a record, however long it is",
            },
        ],
        run: show,
    },
    Command {
        name: "audit export",
        operands: "[DIRECTORY|FILE...]",
        operands_max: 100_000,
        summary: "the log as lines of JSON",
        details: "\
Every record is one object on one line. As it is, what people said stays sealed, and no key is
needed; with --open it is opened. It ends with 0, or with 2 if there is something in the log that
is no record: 'audit verify' says what.",
        options: &[
            Switch {
                name: "sealed",
                short: None,
                value: "",
                summary: "leave sealed what is sealed (as it is without a word)",
            },
            Switch {
                name: "open",
                short: None,
                value: "",
                summary: "open what is sealed, with the key of the log",
            },
        ],
        run: export,
    },
    Command {
        name: "audit replay",
        operands: "[DIRECTORY]",
        operands_max: 1,
        summary: "whether everything is decided again as the log says",
        details: "\
It checks the log, feeds what came in to the same program again, with the settings that held
then, and compares what follows, byte for byte. It needs the key of the log, and changes nothing.

It ends with 0 if all is the same, 1 for the first record that differs or is damaged, and 2 if it
cannot tell: a key or settings of then are not there, or a forgotten conversation is in between.",
        options: &[JSON],
        run: replay,
    },
];

const NOTE: Switch = Switch {
    name: "note",
    short: None,
    value: "FILE",
    summary: "a checkpoint that was kept elsewhere",
};

const WITNESS: Switch = Switch {
    name: "witness",
    short: None,
    value: "KEY...",
    summary: "a witness who has to have cosigned it; may be given more than once",
};

const KEY: Switch = Switch {
    name: "key",
    short: None,
    value: "HEX",
    summary: "the log's first public key, as it was written down",
};

const JSON: Switch =
    Switch { name: "json", short: None, value: "", summary: "one JSON object, for scripts" };

fn verify(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(told(verified(&arguments).map(|verified| {
        match arguments.has("json") {
            true => println!("{}", verified.json()),
            false => verified.print(Style::of(&std::io::stdout())),
        }
        verified.exit_code()
    })))
}

fn checkpoint(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(told(verified(&arguments).and_then(|verified| {
        print!("{}", verified.checkpoint()?);
        Ok(ExitCode::SUCCESS)
    })))
}

fn verified(arguments: &Arguments) -> Result<audit::Verified, Box<dyn Error>> {
    let (log, mut kept) = log(arguments)?;
    let witnesses = witnesses(arguments)?;
    if let Some(path) = arguments.path("note") {
        kept.push(audit::kept(&path)?.cosigned_by(&witnesses)?);
    } else if !witnesses.is_empty() {
        return Err("--witness is about a checkpoint that was kept: name it with --note".into());
    }
    let key = match arguments.text("key")? {
        Some(text) => Some(audit::key(&text).ok_or("--key is 64 hexadecimal digits")?),
        None => None,
    };
    let verified = audit::verify(&log, key, kept)?;
    if verified.files_count == 0 {
        return Err(format!("{}: there is no log here", place(arguments)?.display()).into());
    }
    Ok(verified)
}

fn prove(mut arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(told(proof(&mut arguments).and_then(|proof| {
        let text = match arguments.has("json") {
            true => audit::proof_json(&proof) + "\n",
            false => proof.to_string(),
        };
        ended(std::io::stdout().lock().write_all(text.as_bytes()).map(|()| true))
    })))
}

fn proof(arguments: &mut Arguments) -> Result<Proof, Box<dyn Error>> {
    let claim = match arguments.text("from")? {
        Some(count) => Claim::Growth(count.parse().map_err(|_| "--from is a number of records")?),
        None => {
            let record = arguments.operand(0, "the number of a record, or --from,")?;
            arguments.operands.remove(0);
            let wrong = |_| format!("'{}' is no number of a record", record.escape_debug());
            Claim::Record(record.parse().map_err(wrong)?)
        }
    };
    let checkpoint = match arguments.path("checkpoint") {
        Some(path) => audit::kept(&path)?.note,
        None => verified(arguments)?.checkpoint()?.clone(),
    };
    audit::prove(&log(arguments)?.0, claim, checkpoint)
}

fn check(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(told(checked(&arguments).map(|checked| {
        match arguments.has("json") {
            true => println!("{}", checked.json()),
            false => checked.print(Style::of(&std::io::stdout())),
        }
        checked.exit_code()
    })))
}

fn checked(arguments: &Arguments) -> Result<audit::Checked, Box<dyn Error>> {
    let log = arguments.text("log-key")?.map(|text| signer("log-key", &text)).transpose()?;
    let kept = arguments.path("note").map(|path| audit::kept(&path)).transpose()?;
    let believed = Believed { log, witnesses: witnesses(arguments)?, kept };
    let path = arguments.operands.first().ok_or("the file of a proof is missing")?;
    audit::check(Path::new(path), &believed)
}

fn witnesses(arguments: &Arguments) -> Result<Vec<NoteVerifier>, Box<dyn Error>> {
    let named = arguments.all("witness");
    named.map(|text| signer("witness", &text.to_string_lossy())).collect()
}

/// Somebody who signs, by the key that was named.
fn signer(option: &str, text: &str) -> Result<NoteVerifier, Box<dyn Error>> {
    Ok(NoteVerifier::parse(text).map_err(|error| {
        format!("--{option} is a key like 'name+01234567+AbCd...' of Ed25519: {error}")
    })?)
}

/// The log that is meant, and the checkpoint that is kept beside it.
fn log(arguments: &Arguments) -> Result<(Log, Vec<Kept>), Box<dyn Error>> {
    if let [_, _, ..] = arguments.operands.as_slice() {
        return Ok((
            Log::Files(arguments.operands.iter().map(PathBuf::from).collect()),
            Vec::new(),
        ));
    }
    let place = place(arguments)?;
    let failed = |error| format!("{}: {error}", place.display());
    let beside = place.join("checkpoint");
    // Read before the log is: what it vouches for is there by then.
    let kept = match beside.is_file() {
        true => vec![audit::kept(&beside)?],
        false => Vec::new(),
    };
    Ok((Log::at(&place).map_err(failed)?, kept))
}

/// Where to look: as said, or where the agent lives.
pub(super) fn place(arguments: &Arguments) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(place) = arguments.operands.first() {
        return Ok(PathBuf::from(place));
    }
    match arguments.path("state") {
        Some(state) => Ok(state),
        None => Ok(arguments.state(&arguments.harmless_configuration()?)),
    }
}

/// How it ends. What could not be found out is no verdict: it has an end of its own.
pub(super) fn told(outcome: Result<ExitCode, Box<dyn Error>>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        log::error!("{error}");
        ExitCode::from(audit::UNKNOWN)
    })
}

fn show(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(told(sight(&arguments).and_then(|(_, sight)| {
        let wanted = wanted(&arguments)?;
        let is_whole = audit::show(&sight, &wanted, &mut BufWriter::new(std::io::stdout().lock()));
        ended(is_whole)
    })))
}

fn export(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    Ok(told(match (arguments.has("open"), arguments.has("sealed")) {
        (true, true) => Err("--open and --sealed are two wishes".into()),
        (true, false) => sight(&arguments).and_then(|(_, sight)| {
            ended(audit::export(sight.files(), Some(sight.keys()), &mut out))
        }),
        (false, _) => {
            log(&arguments).and_then(|(log, _)| ended(audit::export(&log.sizes()?, None, &mut out)))
        }
    }))
}

fn replay(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    Ok(told(sight(&arguments).and_then(|(directory, sight)| {
        let verified = audit::verify(&Log::at(&directory)?, None, Vec::new())?;
        if verified.is_bad() {
            match arguments.has("json") {
                true => println!("{}", verified.json()),
                false => verified.print(Style::of(&std::io::stdout())),
            }
            return Ok(verified.exit_code());
        }
        Ok(audit::report(&audit::replay(&directory, &sight)?, arguments.has("json")))
    })))
}

/// The directory where an agent lives, and its log with the keys that the configuration names.
fn sight(arguments: &Arguments) -> Result<(PathBuf, Sight), Box<dyn Error>> {
    if let [_, _, ..] = arguments.operands.as_slice() {
        return Err("what opens a log stands in the directory of its agent: name that".into());
    }
    let configuration = arguments.harmless_configuration()?;
    let directory = match arguments.operands.first() {
        Some(place) => PathBuf::from(place),
        None => arguments.state(&configuration),
    };
    let directory = std::fs::canonicalize(&directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    let sight = Sight::of(&directory, configuration.config.state())?;
    Ok((directory, sight))
}

fn wanted(arguments: &Arguments) -> Result<Wanted, Box<dyn Error>> {
    let number = |option: &str| -> Result<Option<u64>, Box<dyn Error>> {
        let text = arguments.text(option)?;
        let wrong = |_| format!("--{option} is a number");
        Ok(text.map(|text| text.parse().map_err(wrong)).transpose()?)
    };
    let kind = arguments.text("kind")?;
    if let Some(kind) = &kind
        && !audit::is_kind(kind)
    {
        let kind = kind.escape_debug();
        return Err(format!("no kind of record is called '{kind}', nor begins so").into());
    }
    let since = match arguments.text("since")? {
        Some(text) => Some(moment(&text, Clock::new().now().wall).ok_or(
            "--since is a date (2026-12-31), a moment (2026-12-31T23:59:59Z), or how long ago: \
             30m, 2h, 7d",
        )?),
        None => None,
    };
    Ok(Wanted {
        conversation: number("conversation")?,
        kind,
        since,
        last: number("last")?.map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
        is_whole: arguments.has("whole"),
    })
}

/// A moment, or how long ago it was.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(moment) = Timestamp::parse(text) {
        return Some(moment);
    }
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = count.parse().ok().filter(|_| is_number)?;
    Some(Timestamp(now.0.saturating_sub(count.checked_mul(seconds * 1000)?)))
}

/// Nobody who reads only the beginning of a list did anything wrong.
fn ended(is_whole: std::io::Result<bool>) -> Result<ExitCode, Box<dyn Error>> {
    match is_whole {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => {
            log::warn!("something in the log is no record; 'sentinel audit verify' says what");
            Ok(ExitCode::from(audit::UNKNOWN))
        }
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_in_many_ways() {
        let now = Timestamp(10 * 24 * 60 * 60 * 1000);
        for (text, moment) in [
            ("1970-01-02", Some(86_400_000)),
            ("1970-01-01T00:00:01Z", Some(1000)),
            ("10s", Some(now.0 - 10_000)),
            ("2h", Some(now.0 - 7_200_000)),
            ("10d", Some(0)),
            ("99d", Some(0)),
            ("99999999999999999999d", None),
            ("+2h", None),
            ("h", None),
            ("", None),
            ("2w", None),
            ("ü", None),
        ] {
            assert_eq!(super::moment(text, now), moment.map(Timestamp), "{text}");
        }
    }
}
