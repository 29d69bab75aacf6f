//! Doing a log again: whether this program decides as the log says it was decided.
//!
//! # Not here
//! Deciding: [`sentinel_core::runtime::Replay`] feeds the inputs to the same machine again.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use sentinel_core::channel::visible;
use sentinel_core::runtime::{Difference, DifferenceKind, Replay, Replayed};
use sentinel_core::text::json;

use super::keys::Sight;
use super::{UNKNOWN, files};
use crate::print::println;
use crate::{configuration, state};

/// Does the log of a directory again, with the settings that were kept there.
pub(crate) fn replay(
    directory: &Path,
    sight: &Sight,
) -> Result<Result<Replayed, Difference>, Box<dyn Error>> {
    let find = |digest: &[u8; 32]| {
        let text = state::kept_settings(directory, digest)?;
        configuration::earlier(&text, *digest).map(Arc::new)
    };
    let mut replay = Replay::new(sight.keys(), &find);
    for (path, bytes_count) in sight.files() {
        let file = files::beginning(path, *bytes_count)?;
        if let Err(difference) = replay.file(&file) {
            return Ok(Err(difference));
        }
    }
    Ok(replay.finish())
}

/// Says what came of it, and how the program ends.
pub(crate) fn report(outcome: &Result<Replayed, Difference>, is_json: bool) -> ExitCode {
    let (word, code) = match outcome {
        Ok(_) => ("same", ExitCode::SUCCESS),
        Err(difference) if is_unknown(difference) => ("unknown", ExitCode::from(UNKNOWN)),
        Err(_) => ("differs", ExitCode::FAILURE),
    };
    if is_json {
        println!(
            "{}",
            json::object(|out| {
                out.field("verdict", word);
                match outcome {
                    Ok(replayed) => {
                        out.field("inputs", replayed.inputs_count);
                        out.field("derived", replayed.derived_count);
                        out.field("skipped", replayed.skipped_count);
                        out.field("unwritten", replayed.unwritten_count as u64);
                    }
                    Err(difference) => {
                        out.field("record", difference.sequence);
                        out.field("why", difference.to_string().as_str());
                    }
                }
            })
        );
        return code;
    }
    match outcome {
        Ok(replayed) => {
            println!("SAME: everything that was decided is decided again");
            println!("  inputs           {}", replayed.inputs_count);
            println!("  what followed    {} record(s), byte for byte", replayed.derived_count);
            if replayed.skipped_count > 0 {
                let skipped = replayed.skipped_count;
                println!(
                    "  not done again   {skipped} record(s): a conversation among them was \
                     forgotten, up to the next snapshot"
                );
            }
            if replayed.unwritten_count > 0 {
                let unwritten = replayed.unwritten_count;
                println!(
                    "  not written yet  {unwritten} record(s) that follow from the last input"
                );
            }
        }
        Err(difference) if is_unknown(difference) => {
            println!("CANNOT TELL: {}", visible(&difference.to_string()));
        }
        Err(difference) => println!("DIFFERS at {}", visible(&difference.to_string())),
    }
    code
}

/// Whether something is lacking, rather than something else being there.
fn is_unknown(difference: &Difference) -> bool {
    matches!(
        difference.kind,
        DifferenceKind::Forgotten
            | DifferenceKind::Settings { .. }
            | DifferenceKind::BadSettings(_)
    )
}
