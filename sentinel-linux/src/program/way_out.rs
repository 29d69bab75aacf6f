//! The ways out of sandboxes, and the calls that they belong to.

use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;

use sentinel_core::agent::CallNumber;
use sentinel_core::capability::Grant;
use sentinel_core::egress::Allowance;
use sentinel_core::runtime::Event;

use super::Program;
use crate::log;

impl Program {
    /// Gives a call a way out: what connects to `listener`, which was made within its sandbox, is
    /// let out to what these grants and rules that forbid say.
    #[expect(dead_code, reason = "no command is given a network yet")]
    pub(super) fn let_out(
        &mut self,
        call: CallNumber,
        listener: OwnedFd,
        grants: impl IntoIterator<Item = Grant>,
    ) -> io::Result<()> {
        let now = self.clock.now();
        let allowance = Allowance::new(grants, now.wall).map_err(io::Error::other)?;
        let door = self.egress.serve(&self.poller, listener, allowance)?;
        self.doors.insert(door, call);
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
