//! Messages, and waiting: what a thread waits for, and how its call ends when that has come.
//!
//! # Invariants
//! - A thread that is woken looks at the objects again: a signal that somebody else used up first
//!   lets it wait on.
//! - What a waiting call writes is checked again when it is written: the program may have unmapped
//!   it in the meantime.

use alloc::boxed::Box;

use luperiq_abi::call::FOREVER;
use luperiq_abi::limits::{MESSAGE_BYTES_MAX, MESSAGE_HANDLES_MAX, WAIT_MANY_MAX};
use luperiq_abi::wire::{CallArguments, WaitItem};
use luperiq_abi::{Call, Error, Reply, Signals};
use luperiq_policy::{Admitted, Key, Life, Refusal, WaitHandle};

use super::{Caller, DONE, Outcome};
use crate::arch::Frame;
use crate::kernel::Kernel;
use crate::schedule::ThreadId;
use crate::time::{self, Instant};

/// What a thread waits for.
#[derive(Debug)]
pub(crate) enum Waits {
    /// For its next turn.
    Turn,
    /// For the end of a process.
    End(WaitHandle),
    /// For one of some signals.
    One(WaitHandle),
    /// For signals of many things; where the answer goes.
    Many(Box<[Option<WaitHandle>; WAIT_MANY_MAX]>, u64),
    /// For the answer to a message; the channel's number in the caller's table.
    Answer(WaitHandle, u64, Box<CallArguments>),
    /// For what comes of a connection.
    Connection(WaitHandle),
    /// For what a port tells next.
    Next(WaitHandle),
}

impl Kernel {
    pub(super) fn channel_write(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [_, bytes_at, bytes, handles_at, handles, _] = caller.registers;
        let message = self.message(caller, (bytes_at, bytes), (handles_at, handles / 4));
        let aligned = if handles.is_multiple_of(4) { message } else { Err(Error::BadArgument) };
        let (admitted, (bytes, handles)) = self.checked(admitted, aligned)?;
        self.system.channel_write(admitted, &self.scratch[..bytes], &self.passed[..handles])?;
        Ok(Outcome::Reply(0, 0))
    }

    pub(super) fn channel_read(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [_, bytes_at, bytes, handles_at, handles, _] = caller.registers;
        let bytes = bytes.min(MESSAGE_BYTES_MAX as u64);
        let handles = handles.min(4 * MESSAGE_HANDLES_MAX as u64);
        let rooms = self.space(caller).and_then(|space| {
            space.check_write(bytes_at, bytes)?;
            space.check_write(handles_at, handles)?;
            Ok((bytes as usize, handles as usize / 4))
        });
        let (admitted, (bytes, handles)) = self.checked(admitted, rooms)?;
        let received = self.system.channel_read(admitted, bytes, handles)?;
        if let Some(Some(process)) = self.processes.get_mut(caller.process) {
            let mut at = handles_at;
            let mut written = process.space.write_pieces(bytes_at, received.bytes);
            for handle in received.handles {
                written = written.and(process.space.write(at, &handle.to_le_bytes()));
                at += 4;
            }
            debug_assert!(written.is_ok(), "room that was made sure of");
        }
        Ok(Outcome::Reply(received.bytes_count() as u64, received.handles.len() as u64))
    }

    pub(super) fn channel_call(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [handle, _, _, deadline, ..] = caller.registers;
        let input = self.input(caller, 1, CallArguments::BYTES).and_then(|bytes| {
            let arguments = CallArguments::decode(&self.scratch[..bytes]);
            let arguments = arguments.ok_or(Error::BadArgument)?;
            let space = self.space(caller)?;
            space.check_write(arguments.answer_bytes, arguments.answer_bytes_max.into())?;
            let handles_bytes = 4 * u64::from(arguments.answer_handles_max);
            space.check_write(arguments.answer_handles, handles_bytes)?;
            let bytes = (arguments.bytes, u64::from(arguments.bytes_count));
            let handles = (arguments.handles, u64::from(arguments.handles_count));
            Ok((arguments, self.message(caller, bytes, handles)?))
        });
        let (admitted, (arguments, message)) = self.checked(admitted, input)?;
        let (bytes, handles) = message;
        let object = admitted.object(0);
        self.system.channel_write(admitted, &self.scratch[..bytes], &self.passed[..handles])?;
        let Some(object) = object else { return Ok(DONE) };
        let answer = WaitHandle { object, signals: Signals::READABLE.with(Signals::PEER_CLOSED) };
        Ok(Outcome::Wait(Waits::Answer(answer, handle, Box::new(arguments)), until(deadline)))
    }

    pub(super) fn wait_process(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let end = self.system.wait_one(admitted, Signals::EXITED.bits().into())?;
        Ok(Outcome::Wait(Waits::End(end), until(caller.registers[1])))
    }

    pub(super) fn wait_one(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let one = self.system.wait_one(admitted, caller.registers[1])?;
        Ok(Outcome::Wait(Waits::One(one), until(caller.registers[2])))
    }

    pub(super) fn wait_many(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [_, _, out, room, deadline, _] = caller.registers;
        let mut items = [(0, 0); WAIT_MANY_MAX];
        let input = self.input(caller, 0, WaitItem::BYTES * WAIT_MANY_MAX).and_then(|bytes| {
            let count = bytes / WaitItem::BYTES;
            let chunks = self.scratch[..bytes].chunks_exact(WaitItem::BYTES);
            for (item, bytes) in items.iter_mut().zip(chunks) {
                let read = WaitItem::decode(bytes).ok_or(Error::BadArgument)?;
                *item = (read.handle, read.signals);
            }
            if room < 4 * count as u64 {
                return Err(Error::TooLong);
            }
            self.space(caller)?.check_write(out, 4 * count as u64)?;
            Ok(count)
        });
        let (admitted, count) = self.checked(admitted, input)?;
        let mut handles = Box::new([None; WAIT_MANY_MAX]);
        self.system.wait_many(admitted, &items[..count], &mut handles)?;
        Ok(Outcome::Wait(Waits::Many(handles, out), until(deadline)))
    }

    /// Lets the thread that runs wait, unless what it waits for is true already.
    pub(crate) fn wait(&mut self, frame: &mut Frame, waits: Waits, deadline: Option<Instant>) {
        // Most often it is, and then the thread goes on without having been put away.
        if let Waits::One(one) = &waits {
            let found = self.system.signals(one.object).and(one.signals);
            if !found.is_empty() {
                return frame.reply(Reply { first: found.bits().into(), second: 0 });
            }
        }
        self.keep(frame);
        if matches!(waits, Waits::Turn) {
            if let Some(thread) = self.threads.running().and_then(|id| self.threads.thread_mut(id))
            {
                thread.frame.reply(Reply { first: 0, second: 0 });
            }
            self.threads.step_back();
            return;
        }
        let watched: alloc::vec::Vec<u64> =
            waits.objects().map(|one| one.object.number()).collect();
        let Some(id) = self.threads.running() else { return };
        waits.objects().for_each(|one| self.system.watch(one.object, true));
        self.threads.wait(waits, watched, deadline);
        self.look_again(id);
    }

    /// Lets every thread that waits for an object look again.
    pub(crate) fn wake_watchers(&mut self, object: Key) {
        let mut woken = core::mem::take(&mut self.woken);
        woken.extend(self.threads.watchers(object.number()));
        woken.drain(..).for_each(|id| self.look_again(id));
        self.woken = woken;
        let is_watched = self.threads.watchers(object.number()).next().is_some();
        self.system.watch(object, is_watched);
    }

    /// Wakes a thread whose deadline has passed, if there is one.
    pub(crate) fn wake_late(&mut self) -> bool {
        let late = self.threads.due(time::now());
        late.into_iter().for_each(|id| self.look_again(id));
        late.is_some()
    }

    /// Ends the call of a thread that waits, if what it waits for is true or its deadline passed.
    fn look_again(&mut self, id: ThreadId) {
        let Some(thread) = self.threads.thread(id) else { return };
        let Some(waits) = &thread.waits else { return };
        let is_true =
            waits.objects().any(|one| !self.system.signals(one.object).and(one.signals).is_empty());
        let is_late = thread.deadline.is_some_and(|deadline| deadline <= time::now());
        if !is_true && !is_late {
            return;
        }
        let owner = thread.process;
        let Some(waits) = self.threads.wake(id) else { return };
        let registers = [0; 6];
        let caller = Caller { thread: id, process: owner.process, key: owner.key, registers };
        let result = if is_true { self.finish(&caller, waits) } else { Err(late()) };
        let reply = match result {
            Ok((first, second)) => Reply::of(Ok((first, second))),
            Err(refusal) if refusal.is_fatal => {
                return self.kill(owner.key, format_args!("a call that waited: {}", refusal.error));
            }
            Err(refusal) => Reply::of(Err((refusal.error, refusal.detail))),
        };
        if let Some(thread) = self.threads.thread_mut(id) {
            thread.frame.reply(reply);
        }
    }

    /// What a call gives when what it waited for has come.
    fn finish(&mut self, caller: &Caller, waits: Waits) -> Result<(u64, u64), Refusal> {
        match waits {
            Waits::Turn => Ok((0, 0)),
            Waits::One(one) => {
                Ok((self.system.signals(one.object).and(one.signals).bits().into(), 0))
            }
            Waits::End(end) => match self.system.life(end.object) {
                Some(Life::Ended(code)) => Ok((u64::from(code as u32), 0)),
                _ => Ok((0, 0)),
            },
            Waits::Connection(one) => {
                self.system.connected(one.object).map(|()| (0, 0)).map_err(super::failed)
            }
            Waits::Next(port) => self.port_told(port.object),
            Waits::Many(handles, out) => {
                let mut count = 0;
                for (at, one) in (out..).step_by(4).zip(handles.iter().flatten()) {
                    let found = self.system.signals(one.object).and(one.signals);
                    count += u64::from(!found.is_empty());
                    self.write_late(caller, at, &found.bits().to_le_bytes())?;
                }
                Ok((count, 0))
            }
            Waits::Answer(_, handle, arguments) => {
                let number = u64::from(Call::ChannelRead.number());
                let registers = [
                    handle,
                    arguments.answer_bytes,
                    arguments.answer_bytes_max.into(),
                    arguments.answer_handles,
                    4 * u64::from(arguments.answer_handles_max),
                    0,
                ];
                let caller = Caller { registers, ..*caller };
                let now = self.timestamp();
                let admitted = self.system.admit(now, caller.key, number, &registers)?;
                match self.channel_read(&caller, admitted)? {
                    Outcome::Reply(first, second) => Ok((first, second)),
                    Outcome::Wait(..) | Outcome::Gone => Ok((0, 0)),
                }
            }
        }
    }

    fn write_late(&mut self, caller: &Caller, at: u64, bytes: &[u8]) -> Result<(), Refusal> {
        let process = self.processes.get_mut(caller.process).and_then(Option::as_mut);
        let written =
            process.ok_or(Error::BadPointer).and_then(|process| process.space.write(at, bytes));
        written.map_err(super::failed)
    }

    /// Copies a message: its bytes to the start of the scratch space, its handles to where they are
    /// passed from; gives how many there are of each.
    fn message(
        &mut self,
        caller: &Caller,
        (bytes_at, bytes): (u64, u64),
        (handles_at, handles): (u64, u64),
    ) -> Result<(usize, usize), Error> {
        if handles > MESSAGE_HANDLES_MAX as u64 || bytes > MESSAGE_BYTES_MAX as u64 {
            return Err(Error::BadArgument);
        }
        let (bytes, handles) = (bytes as usize, handles as usize);
        let process = self.processes.get(caller.process).and_then(Option::as_ref);
        let space = &process.ok_or(Error::BadPointer)?.space;
        space.read(bytes_at, &mut self.scratch[..bytes])?;
        let words = &mut self.scratch[bytes..bytes + 4 * handles];
        space.read(handles_at, words)?;
        for (number, word) in self.passed.iter_mut().zip(words.as_chunks::<4>().0) {
            *number = u32::from_le_bytes(*word);
        }
        Ok((bytes, handles))
    }
}

impl Waits {
    fn objects(&self) -> impl Iterator<Item = &WaitHandle> {
        let (one, many): (Option<&WaitHandle>, &[Option<WaitHandle>]) = match self {
            Self::Turn => (None, &[]),
            Self::End(one)
            | Self::One(one)
            | Self::Answer(one, ..)
            | Self::Connection(one)
            | Self::Next(one) => (Some(one), &[]),
            Self::Many(many, _) => (None, &many[..]),
        };
        one.into_iter().chain(many.iter().flatten())
    }
}

/// When waiting ends, if ever.
pub(super) fn until(deadline: u64) -> Option<Instant> {
    (deadline != FOREVER).then_some(deadline)
}

fn late() -> Refusal {
    super::failed(Error::TimedOut)
}
