//! The interpreter's own process: a module, and lines that go through it.
//!
//! # Invariants
//! - It interprets in a sandbox, or not at all.
//! - A module has what `sentinel` offers: `send` and `receive`. It has no clock and no chance, and
//!   a number that is none is always the same one, so that the same lines give the same lines.
//! - What a module takes is bounded before it takes it: memory, tables, depth, and fuel for each
//!   thing that it is asked. What it says is whole lines, or it is ended.
//!
//! # Not here
//! What lines mean: whoever talks with it knows. Only that an answer to the module's own question
//! brings no new fuel is seen here.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use sentinel_core::limits::{
    SKILL_CALLS_DEPTH_MAX, SKILL_MODULE_BYTES_MAX, SKILL_STACK_BYTES_MAX, SKILL_TABLE_ELEMENTS_MAX,
    SKILL_TABLES_COUNT_MAX,
};
use sentinel_skill_abi::json::Text;
use sentinel_skill_abi::limits::{LINE_BYTES_MAX, MESSAGE_BYTES_MAX};
use sentinel_skill_abi::message::ToHost;
use sentinel_skill_abi::{Code, Fault, Lines};
use wasmi::{
    Caller, CompilationMode, Config, EnforcedLimits, Engine, Error, Extern, ExternType, FuncType,
    Linker, Module, Store, StoreLimits, StoreLimitsBuilder, TrapCode, ValType,
};

use super::{RUN, WORD};
use crate::sandbox;

/// If this process was started in a sandbox to be an interpreter: is one.
pub(crate) fn interpreted() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != WORD || !sandbox::is_inside() {
        return None;
    }
    let (task, path) = (words.next()?, words.next()?);
    let (memory, fuel) = (words.next()?, words.next()?);
    let bounds =
        Bounds { memory_bytes: memory.to_str()?.parse().ok()?, fuel: fuel.to_str()?.parse().ok()? };
    let begun = Instant::now();
    let module = read(Path::new(&path)).and_then(|bytes| checked(&bytes, &bounds));
    let good = match (module, task == RUN) {
        (Ok(module), true) => run(&module, bounds),
        (Ok(_), false) => {
            let _ = writeln!(io::stdout(), "{}", begun.elapsed().as_micros());
            return Some(ExitCode::SUCCESS);
        }
        (Err(problems), true) => Err(problems.join("; ")),
        (Err(problems), false) => {
            let _ = writeln!(io::stdout(), "{}", problems.join("\n"));
            return Some(ExitCode::FAILURE);
        }
    };
    Some(match good {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            last_words(&why);
            ExitCode::FAILURE
        }
    })
}

/// How much a module may take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Bytes of its memory.
    memory_bytes: usize,
    /// For each thing that it is asked.
    fuel: u64,
}

fn read(path: &Path) -> Result<Vec<u8>, Vec<String>> {
    let mut bytes = Vec::new();
    let most = SKILL_MODULE_BYTES_MAX;
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(vec![format!("the module cannot be read: {error}")]),
        Ok(count) if count as u64 > most => {
            Err(vec![format!("the module has more than {most} bytes")])
        }
        Ok(_) => Ok(bytes),
    }
}

/// Everything because of which a module cannot be run, or else the module.
fn checked(bytes: &[u8], bounds: &Bounds) -> Result<Module, Vec<String>> {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        // Everything is checked now, and what is never called is never translated.
        .compilation_mode(CompilationMode::LazyTranslation)
        .enforced_limits(EnforcedLimits::default())
        .ignore_custom_sections(true)
        .wasm_multi_memory(false)
        .set_max_recursion_depth(SKILL_CALLS_DEPTH_MAX)
        .set_max_stack_height(SKILL_STACK_BYTES_MAX);
    let module = Module::new(&Engine::new(&config), bytes)
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
            let (bytes, most) = (memory.minimum().saturating_mul(PAGE_BYTES), bounds.memory_bytes);
            if usize::try_from(bytes).map_or(true, |bytes| bytes > most) {
                problems.push(format!(
                    "its memory has {bytes} bytes at first, and may have {most}; memory_mib in \
                     its manifest says how many"
                ));
            }
        }
        _ => problems.push(format!("it does not export its memory as '{MEMORY}'")),
    }
    problems.truncate(PROBLEMS_MAX);
    if problems.is_empty() { Ok(module) } else { Err(problems) }
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

/// Is the module until it ends; whether it ended well.
fn run(module: &Module, bounds: Bounds) -> Result<bool, String> {
    let mut store = Store::new(module.engine(), Talk::new(bounds));
    store.limiter(|talk| &mut talk.limits);
    let told = |error: Error| told(&error, bounds.fuel);
    store.set_fuel(bounds.fuel).map_err(told)?;
    let mut linker = Linker::new(module.engine());
    linker.func_wrap(MODULE, OFFERED[0], send).map_err(|error| error.to_string())?;
    linker.func_wrap(MODULE, OFFERED[1], receive).map_err(|error| error.to_string())?;
    let instance = linker.instantiate_and_start(&mut store, module).map_err(told)?;
    let entry = instance.get_typed_func::<(), i32>(&store, ENTRY).map_err(told)?;
    entry.call(&mut store, ()).map(|status| status == 0).map_err(told)
}

/// What is kept of a module that runs.
struct Talk {
    limits: StoreLimits,
    fuel: u64,
    /// Room for a line that it is told.
    line: Vec<u8>,
}

impl Talk {
    fn new(bounds: Bounds) -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(bounds.memory_bytes)
            .table_elements(SKILL_TABLE_ELEMENTS_MAX)
            .tables(SKILL_TABLES_COUNT_MAX)
            .memories(1)
            .instances(1)
            .build();
        Self { limits, fuel: bounds.fuel, line: vec![0; LINE_BYTES_MAX] }
    }

    /// The next line that it is told, without its newline: how long it is.
    fn hear(&mut self) -> Result<Option<usize>, Fault> {
        Lines::new(&mut self.line).read(&mut io::stdin().lock())
    }
}

/// What a module imports: says a line.
fn send(mut caller: Caller<'_, Talk>, line: i32, length: i32) -> Result<i32, Error> {
    let (memory, _) = memory(&mut caller)?;
    let bytes = room(memory, line, length)?;
    let end = bytes.iter().position(|byte| *byte == b'\n');
    if bytes.len() > LINE_BYTES_MAX {
        return Err(Error::new(format!("it says a line of more than {LINE_BYTES_MAX} bytes")));
    }
    if end.map(|end| end + 1) != Some(bytes.len()) {
        return Err(Error::new("what it says is not one line with its newline"));
    }
    let mut output = io::stdout().lock();
    let said = output.write_all(bytes).and_then(|()| output.flush());
    Ok(i32::from(said.is_err()))
}

/// What a module imports: waits for a line.
fn receive(mut caller: Caller<'_, Talk>, line: i32, length: i32) -> Result<i32, Error> {
    let (memory, talk) = memory(&mut caller)?;
    let room = room(memory, line, length)?;
    let count = match talk.hear() {
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
fn memory<'c>(caller: &'c mut Caller<'_, Talk>) -> Result<(&'c mut [u8], &'c mut Talk), Error> {
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

/// Says that it cannot go on, as a skill says it.
fn last_words(why: &str) {
    let mut words = String::new();
    let _ = write!(words, "{why}");
    words.truncate(words.floor_char_boundary(MESSAGE_BYTES_MAX));
    let mut room = vec![0; LINE_BYTES_MAX];
    let error = ToHost::Error { id: 0, code: Code::Failed, message: Text::Plain(&words) };
    if let Ok(length) = error.write(&mut room) {
        let _ = io::stdout().write_all(room.get(..length).unwrap_or_default());
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
