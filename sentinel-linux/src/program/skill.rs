//! Calls of skills: from what the core allowed to a program that is talked with.
//!
//! # Not here
//! Talking: [`skills`](crate::skills).

use std::error::Error;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::time::Duration;

use sentinel_core::agent::{ATTACHMENTS, CallNumber, ConversationNumber, SkillState, ToolOutput};
use sentinel_core::capability::{self, FileRight, FileRights, Grant, Handle};
use sentinel_core::limits::{CALL_SAMPLINGS_MAX, EXCHANGE_TIME_MAX};
use sentinel_core::runtime::Event;
use sentinel_core::sandbox::{Mount, Rights};
use sentinel_core::skill::{Handed, Named};
use sentinel_core::time::Timestamp;
use sentinel_core::tool::{Call, ForeignCall};

use super::{Program, SOON};
use crate::poller::Owner;
use crate::skills::elsewhere::Place;
use crate::skills::folder::Folder;
use crate::skills::{ASKED_MAX, Asking, Called, Wanted, shelf};

impl Program {
    /// Does a call of a skill, or begins to.
    pub(super) fn run_skill(
        &mut self,
        number: CallNumber,
        conversation: ConversationNumber,
        foreign: &ForeignCall,
        call: &Call,
        handles: &[Handle],
        time_max: Duration,
    ) -> Option<ToolOutput> {
        let failed = |content| Some(ToolOutput { content, is_error: true });
        let (skill, manifest, wanted) = match self.catalogue.named(foreign.tool()) {
            Some(Named::Tool(skill, manifest, tool)) => (skill, manifest, Wanted::Tool(tool)),
            Some(Named::Server(skill, manifest, listing, deed)) => {
                (skill, manifest, Wanted::Server(listing, deed))
            }
            Some(Named::Instructions(skill, instructions)) => {
                let (text, place) = (&instructions.text, &skill.place);
                let mut content = format!("{text}\n\n[Its files are in {place}.");
                for script in &skill.scripts {
                    content += &format!(" A program of it is {place}/{script}.");
                }
                content.push(']');
                return Some(ToolOutput { content, is_error: false });
            }
            None => return failed(format!("there is nobody here who does {}", foreign.tool())),
        };
        let files: Result<Vec<_>, _> =
            foreign.files().iter().map(|path| self.tools.open(path)).collect();
        let place = shelf::copy_of(self.state.directory(), &skill.digest);
        let config = &self.options.configuration.config;
        let begun = files.and_then(|files| {
            let shown = shown(foreign.places())?;
            let hidden = hidden(&shown, &config.settings().workspace);
            let now = self.clock.now();
            let allowance = self.sentinel.way_out(call, handles);
            let allowance = allowance.map_err(|error| error.to_string())?;
            let grants = || handles.iter().filter_map(|handle| self.sentinel.grant(*handle));
            let handed = handed(grants(), foreign, |path| self.tools.absolute(path), now.wall)?;
            let own = allowance.clone().unwrap_or_default();
            let elsewhere = Place::new(manifest, self.skills.tokens(), own, grants())?;
            // Nobody is let out of a sandbox where there is none.
            let allowance = allowance.filter(|_| elsewhere.is_none());
            // While people or models are asked its time stands, and it is let out all the same.
            let asks = manifest.server.as_ref().is_some_and(|server| server.asks);
            let may_sample =
                manifest.server.is_some() && self.sentinel.may_sample(&manifest.name, now.wall);
            let thinking = config.settings().turn.question_time_max;
            let answering = thinking.saturating_add(EXCHANGE_TIME_MAX);
            let mut longest = time_max;
            if asks {
                longest = longest.saturating_add(thinking.saturating_mul(ASKED_MAX));
            }
            if may_sample {
                longest = longest.saturating_add(answering.saturating_mul(CALL_SAMPLINGS_MAX));
            }
            let called = Called {
                call: number,
                conversation,
                digest: skill.digest,
                manifest,
                wanted,
                arguments: foreign.arguments(),
                handed,
                files,
                elsewhere,
                allowance: Self::way_out(&self.injected, allowance, now.wall, longest)?,
                place: &place,
                shown,
                hidden,
                time_max,
                may_sample,
                sandboxing: config.sandbox(),
            };
            self.skills.begin(now.instant, &self.poller, self.commands.spawner(), called)
        });
        begun.err().and_then(failed)
    }

    /// A file in the folder of a skill is run, or handed to what is run, as it was approved or not
    /// at all: its instructions name it, and an approval is of every byte.
    ///
    /// # Errors
    /// Whose it is, and what is wrong.
    pub(super) fn check_scripts<'w>(
        &self,
        words: impl IntoIterator<Item = &'w str>,
        directory: &str,
    ) -> Result<(), String> {
        // A word may be a file, or end in one: `--rcfile=FILE`, `-fFILE`.
        let ends = words.into_iter().flat_map(|word| {
            let value = word.split_once('=').map(|(_, value)| value);
            let short = word.strip_prefix('-').and_then(|rest| {
                let mut rest = rest.chars();
                rest.next().map(|_| rest.as_str())
            });
            [Some(word), value, short].into_iter().flatten()
        });
        let files = ends.map(|end| Path::new(directory).join(end));
        let files: Vec<_> = files.filter_map(|file| file.canonicalize().ok()).collect();
        for skill in self.catalogue.skills() {
            let Ok(place) = Path::new(&skill.place).canonicalize() else { continue };
            let Some(file) = files.iter().find(|file| file.starts_with(&place)) else { continue };
            let (file, name) = (file.display(), &skill.name);
            let mut known = self.sentinel.skills(self.clock.now().wall);
            if !known.any(|it| it.name == *name && it.state == SkillState::Ready) {
                return Err(format!(
                    "{file} is a file of the skill {name}, which is not approved as it is: \
                     'sentinel skill list' says what it lacks"
                ));
            }
            if Folder::read(&place)?.digest != skill.digest {
                return Err(format!(
                    "{file} is a file of the skill {name}, which changed since it was approved: \
                     'sentinel skill approve {name}'"
                ));
            }
        }
        Ok(())
    }

    /// Begins what skills ask of servers elsewhere; false if that is nothing.
    pub(super) fn go_out(&mut self) -> Result<bool, Box<dyn Error>> {
        let now = self.clock.now();
        let has_gone = self.skills.go_out(now, &self.poller, &mut self.network);
        let has_news = self.skills.has_news();
        self.tell_skills()?;
        Ok(has_gone || has_news)
    }

    /// Tells servers elsewhere that nobody needs them any more, and waits a moment for that.
    pub(super) fn leave_servers(&mut self) {
        if !self.skills.leave() {
            return;
        }
        let end = self.clock.now().instant.after(FAREWELL);
        loop {
            let now = self.clock.now();
            self.skills.go_out(now, &self.poller, &mut self.network);
            while let Some(event) = self.network.poll(now.instant, &self.poller) {
                self.skills.heard(now.instant, &self.poller, &event);
            }
            let left = end.since(now.instant);
            if !self.skills.is_leaving() || left.is_zero() {
                return;
            }
            let Ok(ready) = self.poller.wait(Some(left.min(SOON))) else { return };
            for ready in ready {
                if ready.token.owner() == Some(Owner::Network) {
                    self.network.ready(self.clock.now().instant, &self.poller, ready);
                }
            }
            self.network.tick(self.clock.now().instant, &self.poller);
        }
    }

    /// What came of calls of skills.
    pub(super) fn tell_skills(&mut self) -> Result<(), Box<dyn Error>> {
        // Before the end of the call that they belong to.
        while let Some(asked) = self.skills.take_asked() {
            self.tell(match asked {
                Asking::Ask { call, number, words, schema } => {
                    Event::CallAsks { call, number, words, schema }
                }
                Asking::Unask { call, number } => Event::CallUnasks { call, number },
                Asking::Sample { call, number, sampling } => {
                    Event::CallSamples { call, number, sampling }
                }
            })?;
        }
        while let Some((call, output)) = self.skills.take() {
            self.tell(Event::ToolFinished { call, output })?;
        }
        while let Some((skill, digest)) = self.skills.take_different() {
            self.tell(Event::SkillDiffers { skill, digest })?;
        }
        Ok(())
    }
}

/// What a skill may ask for by its handles: the files that its call names, by the grants that the
/// call was judged with.
fn handed<'g>(
    grants: impl Iterator<Item = &'g Grant>,
    call: &ForeignCall,
    absolute: impl Fn(&str) -> String,
    now: Timestamp,
) -> Result<Handed, String> {
    if call.files().is_empty() {
        return Ok(Handed::default());
    }
    let paths = call.files().iter().map(|path| capability::Path::parse(&absolute(path)));
    let paths: Result<Vec<_>, _> = paths.collect();
    let paths = paths.map_err(|error| error.to_string())?;
    Handed::derive(grants, &paths, now).map_err(|error| format!("its files: {error}"))
}

/// How long servers elsewhere have to hear that they are not needed any more.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a server sees: what its call was judged with, where it is by its one name.
fn shown(places: &[(capability::Path, FileRights)]) -> Result<Vec<Mount>, String> {
    let mut mounts = Vec::new();
    for (path, rights) in places {
        let path = path.as_str();
        let real = std::fs::canonicalize(path).map_err(|error| format!("{path}: {error}"))?;
        if real != Path::new(path) {
            let real = real.display();
            return Err(format!("{path} is a link: its skill is to require {real} in its place"));
        }
        let rights = match rights.has(FileRight::Write) {
            true => Rights::Write,
            false => Rights::Read,
        };
        mounts.push(Mount { path: path.as_bytes().to_vec(), rights });
    }
    Ok(mounts)
}

/// Files that came with messages are no skill's.
fn hidden(shown: &[Mount], workspace: &str) -> Vec<Vec<u8>> {
    let place = std::fs::canonicalize(Path::new(workspace).join(ATTACHMENTS));
    let is_shown =
        |place: &Path| shown.iter().any(|mount| place.starts_with(OsStr::from_bytes(&mount.path)));
    let place = place.ok().filter(|place| is_shown(place));
    place.map(|place| place.into_os_string().into_vec()).into_iter().collect()
}
