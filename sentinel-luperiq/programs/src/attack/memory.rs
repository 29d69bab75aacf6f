//! Pointers into what is not the program's, and mappings that must not be.

use luperiq_runtime::abi::Call;
use luperiq_runtime::abi::call::protection;
use luperiq_runtime::abi::limits::{PAGE_BYTES, USER_END};
use luperiq_runtime::abi::reply::Answer;
use luperiq_runtime::abi::wire::CallArguments;
use luperiq_runtime::call::{input, output};

use super::{Given, Held, attacks, call, until_refused};

const KERNEL: u64 = 0xffff_ffff_c000_0000;
/// Never mapped: between the program and its stack.
const NOTHING: u64 = 0x60_0000_0000;
const READ: u64 = protection::READ;
const WRITE: u64 = protection::WRITE;
const EXECUTE: u64 = protection::EXECUTE;

attacks! {
    "pointer-null" AuditWrite BadPointer "Names bytes at address 0."
        |_| call(Call::AuditWrite, [0, 8]);
    "pointer-first-page" AuditWrite BadPointer "Names bytes just above address 0."
        |_| call(Call::AuditWrite, [8, 8]);
    "pointer-kernel" AuditWrite BadPointer "Names the kernel's bytes."
        |_| call(Call::AuditWrite, [KERNEL, 8]);
    "pointer-into-kernel" AuditWrite BadPointer "Names bytes across the end of its memory."
        |_| call(Call::AuditWrite, [USER_END - 4, 8]);
    "pointer-wraps" AuditWrite BadPointer "Names bytes around the end of all addresses."
        |_| call(Call::AuditWrite, [u64::MAX - 3, 8]);
    "pointer-between" AuditWrite BadPointer "Names an address that is nobody's."
        |_| call(Call::AuditWrite, [1 << 60, 8]);
    "pointer-unmapped" AuditWrite BadPointer "Names bytes where nothing is mapped."
        |_| call(Call::AuditWrite, [NOTHING, 8]);
    "pointer-huge" AuditWrite BadArgument "Names more bytes than there are."
        |_| call(Call::AuditWrite, [input(b"text")[0], u64::MAX]);
    "answer-to-kernel" HandleInfo BadPointer "Lets the kernel write to itself."
        |held| call(Call::HandleInfo, [held.handle(Given::Clock), KERNEL, 64]);
    "answer-to-null" HandleInfo BadPointer "Lets the kernel write to address 0."
        |held| call(Call::HandleInfo, [held.handle(Given::Clock), 0, 64]);
    "answer-to-text" HandleInfo BadPointer "Lets the kernel write to its program."
        |held| call(Call::HandleInfo, [held.handle(Given::Clock), code(), 64]);
    "answer-to-unmapped" AuditHead BadPointer "Lets the kernel write where nothing is mapped."
        |held| call(Call::AuditHead, [held.handle(Given::Reader), NOTHING, 64]);
    "message-from-kernel" ChannelWrite BadPointer "Sends the kernel's bytes to another."
        |held| call(Call::ChannelWrite, [held.parent.number(), KERNEL, 64, 0, 0]);
    "handles-from-kernel" ChannelWrite BadPointer "Sends handles that stand in the kernel."
        |held| call(Call::ChannelWrite, [held.parent.number(), 0, 0, KERNEL, 4]);
    "path-from-kernel" Open BadPointer "Opens a path that stands in the kernel."
        |held| call(Call::Open, [held.handle(Given::Bin), KERNEL, 8, 1]);
    "start-from-kernel" Spawn BadPointer "Starts a process with what stands in the kernel."
        |held| {
            let (job, file) = (held.handle(Given::Job), held.handle(Given::Program));
            call(Call::Spawn, [job, file, KERNEL, 64])
        };
    "console-from-kernel" Write BadPointer "Prints the kernel's bytes."
        |held| call(Call::Write, [held.handle(Given::Console), KERNEL, 64, 0]);
    "pointer-in-structure" ChannelCall BadPointer "Hides the kernel's address in a structure."
        |held| {
            let arguments =
                CallArguments { bytes: KERNEL, bytes_count: 64, ..CallArguments::default() };
            let arguments = arguments.encode();
            let [at, bytes] = input(&arguments);
            call(Call::ChannelCall, [held.parent.number(), at, bytes, 0])
        };
    "wait-list-from-kernel" WaitMany BadPointer "Waits for what stands in the kernel."
        |_| call(Call::WaitMany, [KERNEL, 8, 0, 4, 0]);
    "records-to-null" AuditRead BadPointer "Lets the kernel write records to address 0."
        |held| call(Call::AuditRead, [held.handle(Given::Reader), 0, 4096, 0]);
    "map-write-execute" MemoryMap BadArgument "Maps memory to write and to run."
        |_| {
            let memory = call(Call::MemoryCreate, [PAGE_BYTES])?.0;
            call(Call::MemoryMap, [memory, 0, 0, PAGE_BYTES, READ | WRITE | EXECUTE])
        };
    "map-to-write-without-right" MemoryMap NotAllowed "Maps memory to write that is to be read."
        |held| {
            let memory = held.handle(Given::Memory);
            call(Call::MemoryMap, [memory, 0, 0, PAGE_BYTES, READ | WRITE])
        };
    "map-to-run-without-right" MemoryMap NotAllowed "Maps memory to run that is to be read."
        |held| {
            let memory = held.handle(Given::Memory);
            call(Call::MemoryMap, [memory, 0, 0, PAGE_BYTES, READ | EXECUTE])
        };
    "map-over-kernel" MemoryMap BadPointer "Maps memory where the kernel is."
        |held| mapped_at(held, KERNEL);
    "map-at-null" MemoryMap BadPointer "Maps memory at the first page."
        |held| call(
            Call::MemoryMap,
            [held.handle(Given::Memory), PAGE_BYTES, 0, PAGE_BYTES, READ],
        );
    "map-unaligned" MemoryMap BadArgument "Maps memory between two pages."
        |held| mapped_at(held, NOTHING + 8);
    "map-beyond-object" MemoryMap BadArgument "Maps more than the memory has."
        |held| {
            let memory = held.handle(Given::Memory);
            call(Call::MemoryMap, [memory, 0, PAGE_BYTES, PAGE_BYTES, READ])
        };
    "map-offset-wraps" MemoryMap BadArgument "Maps from an offset at the end of all numbers."
        |held| {
            let memory = held.handle(Given::Memory);
            call(Call::MemoryMap, [memory, 0, u64::MAX - 4095, PAGE_BYTES, READ])
        };
    "protect-text-to-write" MemoryProtect NotAllowed "Makes its program writable."
        |_| call(Call::MemoryProtect, [code() & !4095, PAGE_BYTES, READ | WRITE]);
    "protect-to-run" MemoryProtect NotAllowed "Makes memory runnable that was mapped to be read."
        |held| {
            let at = mapped_at(held, 0)?.0;
            call(Call::MemoryProtect, [at, PAGE_BYTES, READ | EXECUTE])
        };
    "protect-kernel" MemoryProtect BadArgument "Makes the kernel writable."
        |_| call(Call::MemoryProtect, [KERNEL, PAGE_BYTES, READ | WRITE]);
    "exhaust-memory" MemoryCreate Limit "Takes memory without end."
        |_| until_refused(100_000, || call(Call::MemoryCreate, [1 << 20]));
    "exhaust-tables" MemoryMap Limit "Maps a page here and there, for the tables that takes."
        |held| {
            let mut at = 1 << 33;
            until_refused(100_000, || {
                at += 2 << 20;
                let mapped = mapped_at(held, at)?;
                call(Call::MemoryUnmap, [at, PAGE_BYTES])?;
                Ok(mapped)
            })
        };
    "huge-memory" MemoryCreate BadArgument "Takes more memory than there are numbers for."
        |_| call(Call::MemoryCreate, [u64::MAX]);
    "thread-in-kernel" ThreadCreate BadPointer "Starts a thread in the kernel."
        |_| call(Call::ThreadCreate, [KERNEL, NOTHING, 0]);
    "thread-on-data" ThreadCreate BadPointer "Starts a thread in its stack."
        |_| {
            let mut data = [0; 64];
            call(Call::ThreadCreate, [output(&mut data)[0] & !3, NOTHING, 0])
        };
}

/// Where some of its own instructions are.
fn code() -> u64 {
    code as fn() -> u64 as usize as u64
}

fn mapped_at(held: &Held, at: u64) -> Answer {
    call(Call::MemoryMap, [held.handle(Given::Memory), at, 0, PAGE_BYTES, READ])
}
