//! Memory objects, and where a program sees them.

use alloc::vec::Vec;

use luperiq_abi::call::protection;
use luperiq_abi::{Error, Rights};
use luperiq_policy::{Admitted, Key, Refusal};

use super::{Caller, DONE, Outcome, failed};
use crate::kernel::Kernel;
use crate::memory::space::{Memory, Protection};
use crate::process::MemoryName;

impl Kernel {
    pub(super) fn memory_create(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let slot = self.free_memory();
        let (admitted, slot) = self.checked(admitted, slot)?;
        let asked = caller.registers[0];
        let (handle, bytes) = self.system.memory_create(admitted, asked, slot as u64)?;
        match Memory::new(&mut self.machine.frames, bytes) {
            Ok(memory) => self.memories[slot] = Some(memory),
            Err(error) => {
                // It was given and is taken back at once; its bytes count no more.
                self.system.close(caller.key, handle.number().into())?;
                return Err(failed(error));
            }
        }
        Ok(Outcome::Reply(handle.number().into(), 0))
    }

    pub(super) fn memory_map(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [_, at, offset, bytes, flags, _] = caller.registers;
        let object = admitted.object(0);
        // What does not fit into the object is refused below, and may be of any length.
        let native = self.system.native(&admitted, 0).unwrap_or(u64::MAX);
        let memory = self.memories.get(native as usize).and_then(Option::as_ref);
        let tables = match self.space(caller) {
            Ok(space) if memory.is_some_and(|memory| bytes <= memory.bytes()) => {
                space.new_table_bytes(at, bytes)
            }
            _ => 0,
        };
        let asked = [at, offset, bytes, flags];
        let (native, rights) = self.system.memory_map(admitted, asked, tables)?;
        let mapped = object.ok_or(Error::BadHandle).and_then(|object| {
            let now = Protection::from_flags(flags)?;
            let memory = self.memories.get(native as usize).and_then(Option::as_ref);
            let memory = memory.ok_or(Error::BadHandle)?;
            let process = self.processes.get_mut(caller.process).and_then(Option::as_mut);
            let space = &mut process.ok_or(Error::BadHandle)?.space;
            let named = (MemoryName::Object(object), memory);
            let protections = (now, Protection::limit(flags_of(rights)));
            let frames = &mut self.machine.frames;
            let system = &mut self.system;
            let charge = |bytes| system.memory_charge(caller.key, bytes);
            let start = space.map(frames, named, at, (offset, bytes), protections, charge)?;
            // As long as it is seen it is there, and counts.
            self.system.keep(object);
            Ok(start)
        });
        mapped.map(|start| Outcome::Reply(start, 0)).map_err(failed)
    }

    pub(super) fn memory_unmap(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [at, bytes, ..] = caller.registers;
        let Some(Some(process)) = self.processes.get_mut(caller.process) else {
            return Err(self.system.refuse(admitted, Error::BadPointer, 0));
        };
        let (system, space) = (&mut self.system, &mut process.space);
        let mut gone = Vec::new();
        let result = space.unmap(
            at,
            bytes,
            |name| gone.extend(object_of(name)),
            |name| {
                if let Some(object) = object_of(name) {
                    system.keep(object);
                }
            },
        );
        // After what was kept, so that nothing is let go that is still seen.
        gone.into_iter().for_each(|object| system.let_go(object));
        match result {
            Ok(()) => Ok(DONE),
            Err(error) => Err(system.refuse(admitted, error, 0)),
        }
    }

    pub(super) fn memory_protect(
        &mut self,
        caller: &Caller,
        admitted: Admitted,
    ) -> Result<Outcome, Refusal> {
        let [at, bytes, flags, ..] = caller.registers;
        let limit = self.space(caller).and_then(|space| space.limit(at, bytes));
        let (admitted, limit) = self.checked(admitted, limit)?;
        self.system.memory_protect(admitted, [at, bytes, flags], rights_of(limit))?;
        let now = Protection::from_flags(flags).map_err(failed)?;
        let Some(Some(process)) = self.processes.get_mut(caller.process) else {
            return Err(failed(Error::BadPointer));
        };
        let system = &mut self.system;
        let split = |name| {
            if let Some(object) = object_of(name) {
                system.keep(object);
            }
        };
        process.space.protect(at, bytes, now, split).map(|()| DONE).map_err(failed)
    }

    /// A place for a memory object.
    fn free_memory(&mut self) -> Result<usize, Error> {
        if let Some(slot) = self.memories.iter().position(Option::is_none) {
            return Ok(slot);
        }
        if self.memories.len() >= MEMORIES_MAX {
            return Err(Error::Limit);
        }
        self.memories.try_reserve(1).map_err(|_| Error::NoMemory)?;
        self.memories.push(None);
        Ok(self.memories.len() - 1)
    }
}

fn object_of(name: MemoryName) -> Option<Key> {
    match name {
        MemoryName::Own => None,
        MemoryName::Object(object) => Some(object),
    }
}

fn flags_of(rights: Rights) -> u64 {
    PROTECTIONS
        .iter()
        .filter(|(_, right)| rights.contains(*right))
        .fold(0, |flags, (flag, _)| flags | flag)
}

fn rights_of(limit: Protection) -> Rights {
    PROTECTIONS
        .iter()
        .filter(|(flag, _)| limit.contains(Protection::limit(*flag)))
        .fold(Rights::NONE, |rights, (_, right)| rights.with(*right))
}

const PROTECTIONS: [(u64, Rights); 3] = [
    (protection::READ, Rights::READ),
    (protection::WRITE, Rights::WRITE),
    (protection::EXECUTE, Rights::EXECUTE),
];

/// The list is searched for a place.
const MEMORIES_MAX: usize = 4096;
