//! Ports: what is told at once, and what is waited for.

use luperiq_abi::{Error, Signals};
use luperiq_policy::{Admitted, Key, Refusal};

use super::waiting::until;
use super::{Caller, DONE, Outcome, Waits, failed};
use crate::kernel::Kernel;

impl Kernel {
    pub(super) fn port_bind(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [_, _, key, signals, ..] = caller.registers;
        self.system.port_bind(admitted, key, signals).map(|()| DONE)
    }

    pub(super) fn port_cancel(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        self.system.port_cancel(admitted, caller.registers[1]).map(|()| DONE)
    }

    pub(super) fn port_wait(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let port = self.system.port_wait(admitted)?;
        match self.system.port_next(port.object) {
            Ok(told) => Ok(reply(told)),
            Err(Error::NotReady) => {
                Ok(Outcome::Wait(Waits::Next(port), until(caller.registers[1])))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// What a port tells a thread that waited for it.
    pub(super) fn port_told(&mut self, port: Key) -> Result<(u64, u64), Refusal> {
        let (signals, key) = self.system.port_next(port).map_err(failed)?;
        Ok((signals.bits().into(), key))
    }
}

fn reply((signals, key): (Signals, u64)) -> Outcome {
    Outcome::Reply(signals.bits().into(), key)
}
