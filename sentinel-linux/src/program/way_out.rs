//! The ways out of sandboxes, and the calls that they belong to.

use std::error::Error;
use std::time::Duration;

use sentinel_core::agent::CallNumber;
use sentinel_core::egress::{Allowance, SharedSecret};
use sentinel_core::order::Map;
use sentinel_core::runtime::Event;
use sentinel_core::time::Timestamp;

use super::Program;
use crate::egress::WayOut;
use crate::log;

impl Program {
    /// What a call is let out to, with the secrets that are added to what it sends.
    pub(super) fn way_out(
        injected: &Map<String, SharedSecret>,
        allowance: Option<Allowance>,
        now: Timestamp,
        time: Duration,
    ) -> Result<Option<WayOut>, String> {
        let Some(allowance) = allowance else { return Ok(None) };
        let way_out = WayOut::new(allowance, now, time);
        let mut way_out = way_out.map_err(|error| format!("no certificate: {error}"))?;
        way_out.hand_over(|name| injected.get(name).cloned());
        Ok(Some(way_out))
    }

    /// Lets out the programs whose sandboxes have a network by now.
    pub(super) fn let_out(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some((call, listener, way_out)) =
            self.commands.take_way().or_else(|| self.skills.take_way())
        {
            let door = self.egress.serve(&self.poller, listener, way_out)?;
            self.doors.insert(door, call);
        }
        Ok(())
    }

    /// Ends the way out of a call, if it has one.
    pub(super) fn shut_out(&mut self, call: CallNumber) -> Result<(), Box<dyn Error>> {
        let doors = self.doors.iter().filter(|(_, owner)| **owner == call);
        let doors: Vec<_> = doors.map(|(door, _)| *door).collect();
        for door in doors {
            self.egress.stop(&self.poller, &mut self.network, door);
            // While the call goes on for the core.
            self.tell_passages()?;
            self.doors.remove(&door);
        }
        Ok(())
    }

    /// Tells the core what was decided; false if that was nothing.
    pub(super) fn tell_passages(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut has_told = false;
        while let Some((door, passage)) = self.egress.poll() {
            let Some(call) = self.doors.get(&door).copied() else { continue };
            has_told = true;
            log::debug!("egress", [host = passage.host.as_str()], "{passage}");
            self.tell(Event::Passage { call, passage })?;
        }
        Ok(has_told)
    }
}
