//! What was covered or may only be read, beneath a workspace that may be written to.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use super::ground::{Ground, put_out};
use super::{Attempt, Need, Proof};

pub(super) const ATTEMPTS: &[Attempt] = &[
    Attempt::new(
        "read-hidden",
        "A file in the workspace that is hidden is read.",
        Proof::Secret,
        |ground| put_out(&fs::read(hidden(ground))?),
    )
    .needing(COVERED),
    Attempt::new(
        "read-hidden-by-another-name",
        "A hidden file gets a second name, and is read by that.",
        Proof::Secret,
        |ground| {
            let name = ground.workspace("another");
            fs::hard_link(hidden(ground), &name)?;
            put_out(&fs::read(name)?)
        },
    )
    .needing(COVERED),
    Attempt::new(
        "rename-hidden",
        "A hidden file gets another name, by which nobody hides it the next time.",
        Proof::Word,
        |ground| Ok(fs::rename(hidden(ground), ground.workspace("another"))?),
    )
    .needing(COVERED),
    Attempt::new(
        "rename-above-hidden",
        "A directory above a hidden file gets another name, and the file with it.",
        Proof::Word,
        |ground| Ok(fs::rename(ground.workspace(COVERED_PLACE), ground.workspace("another"))?),
    )
    .needing(COVERED),
    Attempt::new(
        "exchange-above-hidden",
        "A directory above a hidden file changes places with an empty one.",
        Proof::Word,
        |ground| {
            let other = ground.workspace("another");
            fs::create_dir(&other)?;
            let place = ground.workspace(COVERED_PLACE);
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let cwd = rustix::fs::CWD;
            Ok(rustix::fs::renameat_with(cwd, place, cwd, other, flags)?)
        },
    )
    .needing(COVERED),
    Attempt::new(
        "write-beneath-kept",
        "A file is made in a directory of the workspace that may only be read.",
        Proof::Word,
        |ground| Ok(fs::write(kept(ground).join("new"), "new")?),
    )
    .needing(COVERED),
    Attempt::new(
        "replace-kept",
        "A directory that may only be read is moved away, and another one put in its place.",
        Proof::Word,
        |ground| {
            fs::rename(kept(ground), ground.workspace("another"))?;
            Ok(fs::create_dir(kept(ground))?)
        },
    )
    .needing(COVERED),
    Attempt::new(
        "replace-above-kept",
        "A directory above one that may only be read is moved away, and both are made anew.",
        Proof::Word,
        |ground| {
            fs::rename(ground.workspace(COVERED_PLACE), ground.workspace("another"))?;
            Ok(fs::create_dir_all(kept(ground))?)
        },
    )
    .needing(COVERED),
];

/// Makes both, beneath a directory that may be written to.
pub(super) fn prepare(ground: &Ground, secret: &str) -> io::Result<()> {
    fs::create_dir_all(kept(ground))?;
    File::create(kept(ground).join("file"))?;
    fs::write(hidden(ground), secret)
}

pub(super) fn hidden(ground: &Ground) -> PathBuf {
    ground.workspace("covered/deep/hidden")
}

pub(super) fn kept(ground: &Ground) -> PathBuf {
    ground.workspace("covered/deep/kept")
}

const COVERED: &[Need] = &[Need::Covered];
const COVERED_PLACE: &str = "covered";
