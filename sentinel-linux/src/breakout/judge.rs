//! Whether an attempt succeeded: what is seen from outside comes before what it says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::inside::{BEGUN, ENDED, STOPPED, THROUGH, UNTRIED};
use super::prepared::Prepared;
use super::runner::Stage;
use super::{Attempt, Proof, objects, program, survivors};

/// How a run went, as it was seen.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// What it put out.
    pub(super) output: Vec<u8>,
    /// How its process ended, if by itself otherwise than well.
    pub(super) end: String,
    /// Whether somebody outside called it and got its sign.
    pub(super) is_called: bool,
}

impl Ran {
    pub(super) fn has_begun(&self) -> bool {
        self.contains(BEGUN)
    }

    fn contains(&self, text: &str) -> bool {
        self.output.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// What it says of itself last.
    fn word(&self) -> Word {
        let text = String::from_utf8_lossy(&self.output);
        let said = text.lines().rev().find_map(|line| line.strip_prefix(ENDED));
        match said {
            Some(THROUGH) => Word::Through,
            Some(said) => match (said.strip_prefix(STOPPED), said.strip_prefix(UNTRIED)) {
                (Some(why), _) => Word::Stopped(why.into()),
                (_, Some(why)) => Word::Untried(why.into()),
                (None, None) => Word::Stopped(said.into()),
            },
            None => Word::Stopped(format!("it said no more: {}", self.end)),
        }
    }
}

/// What an attempt says of itself.
#[derive(Debug)]
enum Word {
    Through,
    Stopped(String),
    Untried(String),
}

/// Whether it succeeded, and what shows it or why not.
#[derive(Debug)]
pub(super) enum Judgement {
    Success(String),
    Failure(String),
    Untried(String),
}

pub(super) fn judge(
    attempt: &Attempt,
    prepared: &mut Prepared,
    stage: &Stage,
    ran: &Ran,
) -> Judgement {
    let word = ran.word();
    let says_through = matches!(word, Word::Through);
    let sign = prepared.ground.sign().to_owned();
    // Whatever was attempted: nobody may be left.
    let living = survivors::found(&sign, says_through && attempt.proof == Proof::Lives);
    let seen = match attempt.proof {
        Proof::Word => says_through.then(|| "the kernel let it".to_string()),
        Proof::Secret => ran.contains(&stage.secret).then(|| "the secret came out".into()),
        Proof::Ran => ran.contains(program::RAN).then(|| "it ran".into()),
        Proof::Changed => prepared.changed(),
        Proof::Visited => {
            stage.visits.has(&sign, says_through).then(|| "the service was reached".into())
        }
        Proof::Called => ran.is_called.then(|| "it was called from outside".into()),
        Proof::Lives => (living > 0).then(|| format!("{living} lived on")),
        Proof::Victim => prepared.victim.as_mut().and_then(|victim| victim.changed(says_through)),
        Proof::Left => left(stage, prepared, &sign),
        Proof::Privileged => privileged(prepared),
        Proof::Terminal => prepared.terminal.as_ref().and_then(|it| it.changed(&sign)),
    };
    if living > 0 {
        survivors::end(&sign);
    }
    match (seen, word) {
        (Some(seen), _) => Judgement::Success(seen),
        (None, Word::Through) => {
            Judgement::Failure("it was let, but outside nothing is to be seen of it".into())
        }
        (None, Word::Stopped(why)) => Judgement::Failure(why),
        (None, Word::Untried(why)) => Judgement::Untried(why),
    }
}

/// Files and objects that were not there before, which are removed.
fn left(stage: &Stage, prepared: &Prepared, sign: &str) -> Option<String> {
    let forgotten = stage.base.join("forgotten");
    let places = PLACES.iter().map(Path::new).chain([forgotten.as_path()]);
    for place in places.map(|place| place.join(sign)) {
        if fs::symlink_metadata(&place).is_ok() {
            let _ = fs::remove_file(&place);
            return Some(format!("{} is left", place.display()));
        }
    }
    let dumped = fs::read_dir(prepared.ground.workspace("")).into_iter().flatten();
    let mut dumped = dumped.filter_map(Result::ok);
    if dumped.any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"core")) {
        return Some("the memory is left in a file".into());
    }
    if let Some(group) = control_group(sign).filter(|group| group.exists()) {
        let _ = fs::remove_dir(group);
        return Some("a control group is left".into());
    }
    let number = prepared.ground.number("key-number").ok()?;
    objects::left(number, sign).map(str::to_string)
}

const PLACES: [&str; 4] = ["/tmp", "/var/tmp", "/dev/shm", "/run"];

/// Where a control group of this name would be.
pub(super) fn control_group(name: &str) -> Option<PathBuf> {
    let places = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
    let place = places.iter().map(Path::new).find(|place| place.join("cgroup.procs").exists())?;
    Some(place.join(name))
}

/// A file in the workspace that gives more than its maker has.
fn privileged(prepared: &Prepared) -> Option<String> {
    let left = prepared.ground.workspace("left");
    if fs::metadata(&left).is_ok_and(|about| about.permissions().mode() & 0o6000 != 0) {
        return Some("the file gives the rights of its owner".into());
    }
    if rustix::fs::getxattr(&left, c"security.capability", &mut [0; 64]).is_ok() {
        return Some("the file gives capabilities".into());
    }
    None
}
