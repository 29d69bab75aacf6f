//! Sockets, and the frames of whoever serves them.

use luperiq_abi::limits::{FRAME_BYTES_MAX, TRANSFER_BYTES_MAX};
use luperiq_abi::{Error, Signals};
use luperiq_policy::{Admitted, Refusal, WaitHandle};

use super::waiting::until;
use super::{Caller, DONE, Outcome, Waits, failed};
use crate::kernel::Kernel;

impl Kernel {
    pub(super) fn socket_connect(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let object = self.system.socket_connect(admitted)?;
        let answer = WaitHandle { object, signals: Signals::READABLE.with(Signals::PEER_CLOSED) };
        Ok(Outcome::Wait(Waits::Connection(answer), until(caller.registers[1])))
    }

    pub(super) fn socket_send(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, TRANSFER_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        let count = self.system.socket_send(admitted, &self.scratch[..bytes])?;
        Ok(Outcome::Reply(count as u64, 0))
    }

    pub(super) fn socket_recv(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room(caller, 1, TRANSFER_BYTES_MAX);
        let (admitted, room) = self.checked(admitted, room)?;
        let bytes = self.system.socket_recv(admitted, room)?;
        let count = bytes.iter().map(|piece| piece.len() as u64).sum();
        if let Some(Some(process)) = self.processes.get_mut(caller.process) {
            let written = process.space.write_pieces(caller.registers[1], bytes);
            debug_assert!(written.is_ok(), "room that was made sure of");
        }
        Ok(Outcome::Reply(count, 0))
    }

    pub(super) fn network_info(&mut self, admitted: Admitted) -> Result<Outcome, Refusal> {
        self.system.allow(admitted)?;
        let card = self.network.card.as_ref().ok_or(failed(Error::Unsupported))?;
        let mut address = [0; 8];
        address[..6].copy_from_slice(&card.net.address());
        Ok(Outcome::Reply(u64::from_le_bytes(address), FRAME_BYTES_MAX as u64))
    }

    pub(super) fn frame_send(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let input = self.input(caller, 1, FRAME_BYTES_MAX);
        let (admitted, bytes) = self.checked(admitted, input)?;
        self.system.allow(admitted)?;
        let card = self.network.card.as_mut().ok_or(failed(Error::Unsupported))?;
        match card.net.send(&self.scratch[..bytes]) {
            Ok(true) => Ok(DONE),
            Ok(false) => Err(failed(Error::NotReady)),
            Err(_) => Err(failed(Error::Unreachable)),
        }
    }

    pub(super) fn frame_receive(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let room = self.room_for(caller, 1, FRAME_BYTES_MAX);
        let (admitted, ()) = self.checked(admitted, room)?;
        self.system.allow(admitted)?;
        let mut frame = [0; FRAME_BYTES_MAX];
        let card = self.network.card.as_mut().ok_or(failed(Error::Unsupported))?;
        let taken = card.net.receive(&mut frame);
        self.network_changed();
        match taken {
            Ok(Some(bytes)) => {
                self.answer(caller, 1, &frame[..bytes]);
                Ok(Outcome::Reply(bytes as u64, 0))
            }
            Ok(None) => Err(failed(Error::NotReady)),
            Err(_) => Err(failed(Error::Unreachable)),
        }
    }
}
