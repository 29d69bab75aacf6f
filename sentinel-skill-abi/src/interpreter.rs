//! A module that runs: what may be one, what it imports, and what it may take.
//!
//! The same for every machine that runs modules; what differs is where lines come from, which is a
//! [`Transport`].
//!
//! # Invariants
//! - A module has what `sentinel` offers: `send` and `receive`. It has no clock and no chance, and
//!   a number that is none is always the same one, so that the same lines give the same lines.
//! - What a module takes is bounded before it takes it: memory, tables, depth, and fuel for each
//!   thing that it is asked. What it says is whole lines, or it is ended.
//!
//! # Not here
//! Walls: a module runs in a process of its own, behind those of its machine. What lines mean:
//! whoever talks with it knows. Only that an answer to the module's own question brings no new fuel
//! is seen here.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use wasmi::{
    Caller, CompilationMode, Config, EnforcedLimits, Engine, Error, Extern, ExternType, FuncType,
    Linker, Store, StoreLimits, StoreLimitsBuilder, TrapCode, ValType,
};

use crate::fault::{Code, Fault};
use crate::host::Transport;
use crate::json::Text;
use crate::limits::{LINE_BYTES_MAX, MESSAGE_BYTES_MAX};
use crate::message::ToHost;

/// How much a module may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of its memory.
    pub memory_bytes: usize,
    /// For each thing that it is asked.
    pub fuel: u64,
    /// How deep its functions call each other.
    pub calls_depth: usize,
    /// Bytes of what they hold meanwhile.
    pub stack_bytes: usize,
    /// Its tables.
    pub tables: usize,
    /// Elements of each.
    pub table_elements: usize,
}

/// A module that can be run.
#[derive(Debug)]
pub struct Module {
    module: wasmi::Module,
    bounds: Bounds,
}

impl Module {
    /// Checks all of a module.
    ///
    /// # Errors
    /// Everything because of which it cannot be run.
    pub fn check(bytes: &[u8], bounds: &Bounds) -> Result<Self, Vec<String>> {
        let mut config = Config::default();
        config
            .consume_fuel(true)
            // Everything is checked now, and what is never called is never translated.
            .compilation_mode(CompilationMode::LazyTranslation)
            .enforced_limits(EnforcedLimits::default())
            .ignore_custom_sections(true)
            .wasm_multi_memory(false)
            .set_max_recursion_depth(bounds.calls_depth)
            .set_max_stack_height(bounds.stack_bytes);
        let module = wasmi::Module::new(&Engine::new(&config), bytes)
            .map_err(|error| vec![format!("it is no module that can be run: {error}")])?;
        let mut problems = Vec::new();
        for import in module.imports() {
            let name = format!("{}.{}", shown(import.module()), shown(import.name()));
            if import.module() != MODULE || !OFFERED.contains(&import.name()) {
                let what = "nobody offers: 'sentinel.send' and 'sentinel.receive' are all there is";
                problems.push(format!("it imports '{name}', which {what}"));
            } else if !is_function(import.ty(), 2) {
                problems.push(format!("it imports '{name}' otherwise than as (i32, i32) -> i32"));
            }
        }
        match module.get_export(ENTRY) {
            Some(kind) if is_function(&kind, 0) => {}
            Some(_) => problems.push(format!("its '{ENTRY}' is no function () -> i32")),
            None => problems.push(format!("it does not export '{ENTRY}'")),
        }
        match module.get_export(MEMORY) {
            Some(ExternType::Memory(memory)) => {
                let bytes = memory.minimum().saturating_mul(PAGE_BYTES);
                let most = bounds.memory_bytes;
                if usize::try_from(bytes).map_or(true, |bytes| bytes > most) {
                    problems.push(format!(
                        "its memory has {bytes} bytes at first, and may have {most}; memory_mib \
                         in its manifest says how many"
                    ));
                }
            }
            _ => problems.push(format!("it does not export its memory as '{MEMORY}'")),
        }
        problems.truncate(PROBLEMS_MAX);
        match problems.is_empty() {
            true => Ok(Self { module, bounds: *bounds }),
            false => Err(problems),
        }
    }

    /// Is the module until it ends; whether it ended well.
    ///
    /// # Errors
    /// Why it cannot go on.
    pub fn run<T: Transport + 'static>(&self, transport: T) -> Result<bool, String> {
        let Self { module, bounds } = self;
        let mut store = Store::new(module.engine(), Talk::new(transport, bounds));
        store.limiter(|talk| &mut talk.limits);
        let told = |error: Error| told(&error, bounds.fuel);
        store.set_fuel(bounds.fuel).map_err(told)?;
        let mut linker = Linker::new(module.engine());
        let failed = |error: wasmi::errors::LinkerError| error.to_string();
        linker.func_wrap(MODULE, OFFERED[0], send::<T>).map_err(failed)?;
        linker.func_wrap(MODULE, OFFERED[1], receive::<T>).map_err(failed)?;
        let instance = linker.instantiate_and_start(&mut store, module).map_err(told)?;
        let entry = instance.get_typed_func::<(), i32>(&store, ENTRY).map_err(told)?;
        entry.call(&mut store, ()).map(|status| status == 0).map_err(told)
    }
}

/// Says that a module cannot go on, as a skill says it.
pub fn last_words(why: &str, transport: &mut dyn Transport) {
    let words = why.get(..why.floor_char_boundary(MESSAGE_BYTES_MAX)).unwrap_or_default();
    let mut room = vec![0; LINE_BYTES_MAX];
    let error = ToHost::Error { id: 0, code: Code::Failed, message: Text::Plain(words) };
    if let Ok(length) = error.write(&mut room) {
        // Whoever is gone does not need to know.
        let _ = transport.send(room.get(..length).unwrap_or_default());
    }
}

/// A function of so many i32 that returns one.
fn is_function(kind: &ExternType, parameters: usize) -> bool {
    let is_number = |kind: &ValType| matches!(kind, ValType::I32);
    let is_fine = |kind: &FuncType| {
        kind.params().len() == parameters
            && kind.results().len() == 1
            && kind.params().iter().chain(kind.results()).all(is_number)
    };
    matches!(kind, ExternType::Func(kind) if is_fine(kind))
}

/// A name of somebody else's, in one line and not without end.
fn shown(name: &str) -> String {
    name.chars().take(NAME_CHARACTERS_MAX).flat_map(char::escape_debug).collect()
}

/// What is kept of a module that runs.
struct Talk<T> {
    limits: StoreLimits,
    fuel: u64,
    transport: T,
    /// Room for a line that it is told.
    line: Vec<u8>,
}

impl<T> Talk<T> {
    fn new(transport: T, bounds: &Bounds) -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(bounds.memory_bytes)
            .table_elements(bounds.table_elements)
            .tables(bounds.tables)
            .memories(1)
            .instances(1)
            .build();
        Self { limits, fuel: bounds.fuel, transport, line: vec![0; LINE_BYTES_MAX] }
    }
}

/// What a module imports: says a line.
fn send<T: Transport + 'static>(
    mut caller: Caller<'_, Talk<T>>,
    line: i32,
    length: i32,
) -> Result<i32, Error> {
    let (memory, talk) = memory(&mut caller)?;
    let bytes = room(memory, line, length)?;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    if bytes.len() > LINE_BYTES_MAX {
        return Err(Error::new(format!("it says a line of more than {LINE_BYTES_MAX} bytes")));
    }
    if end.map(|end| end + 1) != Some(bytes.len()) {
        return Err(Error::new("what it says is not one line with its newline"));
    }
    Ok(i32::from(talk.transport.send(bytes).is_err()))
}

/// What a module imports: waits for a line.
fn receive<T: Transport + 'static>(
    mut caller: Caller<'_, Talk<T>>,
    line: i32,
    length: i32,
) -> Result<i32, Error> {
    let (memory, talk) = memory(&mut caller)?;
    let room = room(memory, line, length)?;
    let count = match talk.transport.receive(&mut talk.line) {
        Ok(Some(count)) => count,
        Ok(None) => return Ok(END),
        Err(Fault::HalfLine) => return Ok(HALF_LINE),
        Err(_) => return Ok(TOO_LONG),
    };
    let (Some(room), Some(line)) = (room.get_mut(..count), talk.line.get(..count)) else {
        return Ok(TOO_LONG);
    };
    room.copy_from_slice(line);
    // Whoever asks it writes just so; what it asked for itself is a part of the same task.
    if !ANSWERS.iter().any(|answer| line.starts_with(answer)) {
        let fuel = talk.fuel;
        caller.set_fuel(fuel)?;
    }
    // A line is no longer than its bound, which fits.
    Ok(i32::try_from(count).unwrap_or(TOO_LONG))
}

/// The memory of the module that calls, and what is kept of it.
fn memory<'c, T: 'static>(
    caller: &'c mut Caller<'_, Talk<T>>,
) -> Result<(&'c mut [u8], &'c mut Talk<T>), Error> {
    let memory = caller.get_export(MEMORY).and_then(Extern::into_memory);
    let memory = memory.ok_or_else(|| Error::new("it has no memory"))?;
    Ok(memory.data_and_store_mut(caller))
}

/// A piece of it. Both numbers are the module's, and mean what they mean to it: addresses without a
/// sign.
fn room(memory: &mut [u8], start: i32, length: i32) -> Result<&mut [u8], Error> {
    let [start, length] = [start, length].map(|number| number.cast_unsigned() as usize);
    let bytes = memory.len();
    let room = memory.get_mut(start..).and_then(|rest| rest.get_mut(..length));
    room.ok_or_else(|| {
        let what = format!("it names {length} bytes from {start} on of a memory of {bytes}");
        Error::new(what)
    })
}

/// Why a module cannot go on, for whoever asked it.
fn told(error: &Error, fuel: u64) -> String {
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel) => format!(
            "it was ended after {} million instructions for one thing it was asked",
            fuel / 1_000_000
        ),
        Some(TrapCode::UnreachableCodeReached) => "it panicked (unreachable)".into(),
        Some(TrapCode::StackOverflow) => "its functions call each other too deep".into(),
        _ => error.to_string(),
    }
}

const MODULE: &str = "sentinel";
const OFFERED: [&str; 2] = ["send", "receive"];
const ENTRY: &str = "run";
const MEMORY: &str = "memory";
const PAGE_BYTES: u64 = 64 << 10;

const END: i32 = -1;
const HALF_LINE: i32 = -2;
const TOO_LONG: i32 = -3;

/// How lines begin that bring no new fuel.
const ANSWERS: [&[u8]; 3] =
    [b"{\"type\":\"answer\"", b"{\"type\":\"refusal\"", b"{\"type\":\"cancel\""];

/// How much is said of a module that cannot be run.
const PROBLEMS_MAX: usize = 8;
const NAME_CHARACTERS_MAX: usize = 64;
