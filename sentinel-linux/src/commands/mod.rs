//! Commands: the one tool that starts programs, each in a sandbox of its own.
//!
//! This process asks the spawner and holds two ends: of the pipe that the program writes to, and of
//! the socket on which its end is told. Both are waited for like everything else. Letting go of
//! them ends the program and all it has started.
//!
//! # Invariants
//! - What was begun ends with one output, unless it was cancelled.
//! - What a program writes is taken up to a bound; one that writes more is ended, and that is said.
//!
//! # Not here
//! What a program is given: [`profile`].

pub(crate) mod profile;

use std::io;

use rustix::fd::OwnedFd;
use sentinel_core::agent::{CallNumber, ToolOutput};
use sentinel_core::limits::RUNTIME_OUTPUT_BYTES_MAX;
use sentinel_core::order::Map;
use sentinel_core::sandbox::Profile;

use self::profile::Covered;
use crate::egress::WayOut;
use crate::log;
use crate::poller::{Interest, Owner, Poller, Ready, Token};
use crate::sandbox::{Asked, CROWDED, End, GONE, Heard, Outcome, Said, Spawner, Told, look};

/// What runs, and what is over.
#[derive(Debug)]
pub(crate) struct Commands {
    spawner: Option<Spawner>,
    running: Map<u32, Running>,
    next: u32,
    over: Vec<(CallNumber, ToolOutput)>,
    ways: Vec<(CallNumber, OwnedFd, WayOut)>,
    /// What was forbidden and there, for the profile of the next one.
    pub(crate) covered: Covered,
}

#[derive(Debug)]
struct Running {
    call: CallNumber,
    /// What it is let out to, until its sandbox has a network.
    allowance: Option<WayOut>,
    /// None once everybody who could write has ended.
    output: Option<OwnedFd>,
    /// None once the end was told.
    report: Option<OwnedFd>,
    said: Said,
    /// Which walls it has not got here.
    lacking: Option<String>,
    ending: Option<Ending>,
}

#[derive(Debug)]
enum Ending {
    Outcome(Outcome),
    /// It wrote more than is taken.
    TooMuch,
    /// Nothing was started, and why.
    Refused(String),
}

impl Commands {
    pub(crate) fn new(spawner: Option<Spawner>) -> Self {
        let (over, ways, covered) = (Vec::new(), Vec::new(), Covered::default());
        Self { spawner, running: Map::new(), next: 0, over, ways, covered }
    }

    /// Begins to wait for the spawner's end.
    pub(crate) fn wait(&self, poller: &Poller) -> io::Result<()> {
        match &self.spawner {
            Some(spawner) => poller.add(spawner.process(), SPAWNER, Interest::READ),
            None => Ok(()),
        }
    }

    /// Begins a command, which is let out to what the allowance says; says why if it cannot.
    pub(crate) fn begin(
        &mut self,
        poller: &Poller,
        call: CallNumber,
        mut profile: Profile,
        allowance: Option<WayOut>,
    ) -> Result<(), String> {
        if let Some(way_out) = &allowance {
            way_out.furnish(&mut profile);
        }
        let spawner = self.spawner.as_ref().ok_or(GONE)?;
        let begun = spawner.ask(&profile).and_then(|asked| {
            let index = self.next;
            let Asked { output, report } = asked;
            poller.add(&output, token(index, true), Interest::READ)?;
            poller.add(&report, token(index, false), Interest::READ)?;
            let (output, report) = (Some(output), Some(report));
            let said = Said::default();
            let running =
                Running { call, allowance, output, report, said, lacking: None, ending: None };
            self.running.insert(index, running);
            // The highest numbers are the spawner's own.
            self.next = (index + 1) % COMMANDS_MAX;
            Ok(())
        });
        begun.map_err(|error| format!("the command could not be started: {error}"))
    }

    /// Goes on where something can be read.
    pub(crate) fn ready(&mut self, poller: &Poller, ready: Ready) {
        if ready.token == SPAWNER {
            self.spawner_ended(poller);
            return;
        }
        let (index, is_report) = (ready.token.index() / 2, ready.token.index() & 1 == 1);
        let Some(running) = self.running.get_mut(&index) else { return };
        match is_report {
            true => {
                if let Some((listener, allowance)) = running.look(poller) {
                    self.ways.push((running.call, listener, allowance));
                }
            }
            false => running.read(poller),
        }
        if running.output.is_none()
            && let Some(ending) = running.ending.take()
            && let Some(running) = self.running.remove(&index)
        {
            let lacking = running.lacking.as_deref();
            self.over.push((running.call, output(running.said.bytes(), &ending, lacking)));
        }
    }

    /// Who starts programs, if that is possible here.
    pub(crate) fn spawner(&self) -> Result<&Spawner, String> {
        self.spawner.as_ref().ok_or_else(|| GONE.to_string())
    }

    /// Whether programs can be started no more, or never could.
    pub(crate) const fn is_alone(&self) -> bool {
        self.spawner.is_none()
    }

    /// A command that waits to be let out: where it connects to, and how far it may go.
    pub(crate) fn take_way(&mut self) -> Option<(CallNumber, OwnedFd, WayOut)> {
        self.ways.pop()
    }

    /// A command that is over, and what came of it.
    pub(crate) fn take(&mut self) -> Option<(CallNumber, ToolOutput)> {
        self.over.pop()
    }

    /// Ends a command, whose output nobody wants any more.
    pub(crate) fn cancel(&mut self, poller: &Poller, call: CallNumber) {
        self.ways.retain(|(owner, ..)| *owner != call);
        let meant = self.running.iter().find(|(_, running)| running.call == call);
        if let Some(index) = meant.map(|(index, _)| *index)
            && let Some(mut running) = self.running.remove(&index)
        {
            running.close_output(poller);
            running.close_report(poller);
        }
    }

    pub(crate) fn is_at_work(&self) -> bool {
        !self.running.is_empty() || !self.over.is_empty()
    }

    /// Nothing can be started any more, and what runs is ended: by its leash, and by this.
    fn spawner_ended(&mut self, poller: &Poller) {
        let Some(spawner) = self.spawner.take() else { return };
        let _ = poller.remove(spawner.process());
        while let Some((_, mut running)) = self.running.pop_first() {
            // What was told and written before counts. Nothing else is waited for: who was being
            // started may never come to say anything.
            for _ in 0..LAST_READS {
                let _ = running.look(poller);
                running.read(poller);
            }
            running.close_output(poller);
            running.close_report(poller);
            let ending = running.ending.take();
            let ending = ending.unwrap_or_else(|| Ending::Outcome(Outcome::killed()));
            self.over.push((
                running.call,
                output(running.said.bytes(), &ending, running.lacking.as_deref()),
            ));
        }
        self.ways.clear();
        log::error!("{GONE}; what was running was ended");
    }
}

impl Running {
    fn read(&mut self, poller: &Poller) {
        let Some(output) = &self.output else { return };
        match self.said.read(output) {
            Heard::Some => {}
            Heard::All => self.close_output(poller),
            Heard::TooMuch => {
                self.ending = Some(Ending::TooMuch);
                self.close_output(poller);
                self.close_report(poller);
            }
        }
    }

    /// Takes what is told of it; where it connects to, if that is it.
    fn look(&mut self, poller: &Poller) -> Option<(OwnedFd, WayOut)> {
        let ending = match look(self.report.as_ref()?) {
            Ok(None) => return None,
            Ok(Some(Told::Listening(listener))) => return Some((listener, self.allowance.take()?)),
            Ok(Some(Told::Lacking(what))) => {
                self.lacking = Some(what);
                return None;
            }
            Ok(Some(Told::Ended(outcome))) => Ending::Outcome(outcome),
            Ok(Some(Told::Refused(why))) => Ending::Refused(why),
            // Nobody is there to tell: everything in it was killed.
            Err(_) => Ending::Outcome(Outcome::killed()),
        };
        self.ending = Some(ending);
        self.close_report(poller);
        None
    }

    fn close_output(&mut self, poller: &Poller) {
        if let Some(output) = self.output.take() {
            let _ = poller.remove(&output);
        }
    }

    fn close_report(&mut self, poller: &Poller) {
        if let Some(report) = self.report.take() {
            let _ = poller.remove(&report);
        }
    }
}

/// What the model is told: what the program wrote, and how it ended.
fn output(said: &[u8], ending: &Ending, lacking: Option<&str>) -> ToolOutput {
    let mut content = String::from_utf8_lossy(said).into_owned();
    let is_crowded = matches!(ending, Ending::Outcome(outcome) if outcome.is_crowded);
    let (how, is_error) = match ending {
        Ending::Outcome(outcome) if is_crowded => {
            (format!("{}; {CROWDED}", outcome.end), outcome.end != End::Exited(0))
        }
        Ending::Outcome(outcome) => (outcome.end.to_string(), outcome.end != End::Exited(0)),
        Ending::TooMuch => {
            (format!("it wrote more than {RUNTIME_OUTPUT_BYTES_MAX} bytes and was killed"), true)
        }
        Ending::Refused(why) => (format!("it was not started: {why}"), true),
    };
    if !content.is_empty() && !content.ends_with('\n') {
        content.push('\n');
    }
    if is_error || is_crowded || content.is_empty() {
        content += &format!("[{how}]");
    }
    if let Some(lacking) = lacking {
        // Whoever reads the record later has to know it.
        if !content.ends_with('\n') {
            content.push('\n');
        }
        content += &format!("[it ran without all walls: {lacking}]");
    }
    ToolOutput { content, is_error }
}

const fn token(index: u32, is_output: bool) -> Token {
    Token::new(Owner::Sandbox, index * 2 + if is_output { 0 } else { 1 })
}

const SPAWNER: Token = Token::new(Owner::Sandbox, u32::MAX);
const COMMANDS_MAX: u32 = 1 << 30;
/// As often something is told of one, and more often than a pipe is full.
const LAST_READS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_told_how_it_ended() {
        let ended = |end| Ending::Outcome(Outcome { end, ..Outcome::killed() });
        for (said, ending, expected, is_error) in [
            ("text\n", ended(End::Exited(0)), "text\n", false),
            ("", ended(End::Exited(0)), "[it ended with status 0]", false),
            ("no", ended(End::Exited(1)), "no\n[it ended with status 1]", true),
            ("", ended(End::Signalled(11)), "[signal 11 (SEGV) ended it]", true),
            ("x", Ending::Refused("why".into()), "x\n[it was not started: why]", true),
        ] {
            let output = output(said.as_bytes(), &ending, None);
            assert_eq!((output.content.as_str(), output.is_error), (expected, is_error));
        }
        let lacking = output(b"text\n", &ended(End::Exited(0)), Some("no Landlock"));
        assert_eq!(lacking.content, "text\n[it ran without all walls: no Landlock]");
        assert!(!lacking.is_error);
        let crowded = Outcome { end: End::Exited(2), is_crowded: true, ..Outcome::killed() };
        let crowded = output(b"", &Ending::Outcome(crowded), None).content;
        assert_eq!(crowded, format!("[it ended with status 2; {CROWDED}]"));
        assert!(output(b"\xff", &Ending::TooMuch, None).content.contains("2097152 bytes"));
    }
}
