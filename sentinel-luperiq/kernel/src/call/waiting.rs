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
use luperiq_policy::{Admitted, Key, Life, Reader, Received, Refusal, WaitHandle};

use super::{Caller, DONE, Outcome};
use crate::arch::Frame;
use crate::kernel::Kernel;
use crate::memory::table::Rooms;
use crate::process::Process;
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
    /// `channel_write`; and `channel_call`, which waits for the answer then.
    #[inline(always)]
    pub(super) fn channel_write(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [_, mut bytes_at, mut bytes, mut handles_at, mut handles, _] = caller.registers;
        let mut admitted = admitted;
        let mut asked = None;
        if admitted.call() == Call::ChannelCall {
            let question = self.question(caller);
            let (passed, question) = self.checked(admitted, question)?;
            admitted = passed;
            (bytes_at, bytes) = (question.bytes, question.bytes_count.into());
            (handles_at, handles) = (question.handles, 4 * u64::from(question.handles_count));
            asked = admitted.object(0).map(|object| (object, question));
        }
        let message = message(
            &self.processes,
            caller,
            &mut self.scratch,
            (bytes_at, bytes),
            (handles_at, handles),
        );
        match message {
            Ok((bytes, handles)) => self.system.channel_write(admitted, bytes, handles)?,
            Err(error) => return Err(self.system.refuse(admitted, error, 0)),
        }
        match asked {
            None => Ok(DONE),
            Some((object, question)) => Ok(answer(caller, object, question)),
        }
    }

    /// What a call says of its message and of the room for its answer.
    #[inline(never)]
    fn question(&mut self, caller: &Caller) -> Result<Box<CallArguments>, Error> {
        let bytes = self.input(caller, 1, CallArguments::BYTES)?;
        let arguments = CallArguments::decode(&self.scratch[..bytes]).ok_or(Error::BadArgument)?;
        let space = self.space(caller)?;
        space.check_write(arguments.answer_bytes, arguments.answer_bytes_max.into())?;
        let handles_bytes = 4 * u64::from(arguments.answer_handles_max);
        space.check_write(arguments.answer_handles, handles_bytes)?;
        Ok(Box::new(arguments))
    }

    pub(super) fn channel_read(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [_, bytes_at, bytes, handles_at, handles, _] = caller.registers;
        let bytes = bytes.min(MESSAGE_BYTES_MAX as u64);
        let handles = handles.min(4 * MESSAGE_HANDLES_MAX as u64);
        let rooms = match self.processes.get_mut(caller.process) {
            Some(Some(process)) => process.space.rooms([(bytes_at, bytes), (handles_at, handles)]),
            _ => Err(Error::BadPointer),
        };
        let rooms = match rooms {
            Ok(rooms) => rooms,
            Err(error) => return Err(self.system.refuse(admitted, error, 0)),
        };
        let (bytes, handles) = (bytes as usize, handles as usize / 4);
        self.system.channel_read(admitted, bytes, handles, rooms)
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

impl Reader for Rooms<'_> {
    type Answer = Outcome;

    #[inline(always)]
    fn read(mut self, received: Received<'_>) -> Outcome {
        let [one, other] = received.bytes;
        let mut written = self.fill(0, 0, one);
        if !other.is_empty() {
            written = written.and(self.fill(0, one.len() as u64, other));
        }
        let mut place = 0;
        for handle in received.handles {
            written = written.and(self.fill(1, place, &handle.to_le_bytes()));
            place += 4;
        }
        debug_assert!(written.is_some(), "room that was made sure of");
        Outcome::Reply(received.bytes_count() as u64, received.handles.len() as u64)
    }
}

/// How a call waits for the answer to its message.
#[cold]
fn answer(caller: &Caller, object: Key, question: Box<CallArguments>) -> Outcome {
    let [handle, _, _, deadline, ..] = caller.registers;
    let answer = WaitHandle { object, signals: Signals::READABLE.with(Signals::PEER_CLOSED) };
    Outcome::Wait(Waits::Answer(answer, handle, question), until(deadline))
}

/// The bytes and handles of a message, where they stand in the caller's memory or copied.
#[inline(always)]
fn message<'a>(
    processes: &'a [Option<Process>],
    caller: &Caller,
    scratch: &'a mut [u8],
    (bytes_at, bytes): (u64, u64),
    (handles_at, handles): (u64, u64),
) -> Result<(&'a [u8], &'a [[u8; 4]]), Error> {
    if handles / 4 > MESSAGE_HANDLES_MAX as u64 || bytes > MESSAGE_BYTES_MAX as u64 {
        return Err(Error::BadArgument);
    }
    let Some(Some(process)) = processes.get(caller.process) else { return Err(Error::BadPointer) };
    let copies = scratch.split_at_mut_checked(MESSAGE_BYTES_MAX).ok_or(Error::BadArgument)?;
    let bytes = process.space.view(bytes_at, bytes as usize, copies.0)?;
    let (words, rest) =
        process.space.view(handles_at, (handles & !3) as usize, copies.1)?.as_chunks();
    if handles % 4 != 0 || !rest.is_empty() {
        return Err(Error::BadArgument);
    }
    Ok((bytes, words))
}

/// When waiting ends, if ever.
pub(super) fn until(deadline: u64) -> Option<Instant> {
    (deadline != FOREVER).then_some(deadline)
}

fn late() -> Refusal {
    super::failed(Error::TimedOut)
}
