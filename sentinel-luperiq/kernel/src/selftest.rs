//! The kernel tries what it must not be able to do. Only in images made for tests.
//!
//! The harness boots once for each name and expects the fault, or the line that says it is well.

use core::arch::asm;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use luperiq_abi::Call;

use luperiq_policy::Key;

use crate::console::say;
use crate::ending;
use crate::exclusive::Exclusive;
use crate::memory::frame::Frames;
use crate::memory::layout::{DIRECT, Image};
use crate::time::Instant;

pub(crate) fn run(name: &'static str, frames: &mut Frames) {
    if let Some(words) = name.strip_prefix("kill:") {
        return KILLER.with(|killer| *killer = Killer::of(words));
    }
    if let Some(seconds) = name.strip_prefix("count:") {
        let seconds: u64 = seconds.parse().unwrap_or(1);
        return COUNT_EVERY.store(seconds * 1_000_000_000, Ordering::Relaxed);
    }
    let image = Image::linked();
    match name {
        "panic" => panic!("as asked"),
        "write-text" => write(image.text.0),
        "write-rodata" => write(image.rodata.0),
        "execute-data" => execute(image.data.0),
        "execute-stack" => execute(image.stack.1 - 4096),
        "execute-memory" => {
            if let Some(frame) = frames.take() {
                execute(DIRECT + frame.physical());
            }
        }
        "stack-overflow" => say!("{}", descend(u64::MAX)),
        "null" => write(0),
        "alias" => {
            // The image as the window onto memory would show it.
            let physical: u64;
            // SAFETY: asks the core to translate an address; nothing is accessed.
            unsafe {
                asm!("at s1e1r, {}", "isb", "mrs {}, par_el1", in(reg) image.text.0,
                    out(reg) physical);
            }
            write(DIRECT + (physical & 0xffff_ffff_f000));
        }
        "frames" => balance(frames),
        "panic-in-call" => return IN_CALL.store(PANIC, Ordering::Relaxed),
        "fault-in-call" => return IN_CALL.store(FAULT, Ordering::Relaxed),
        "overrun-in-call" => return IN_CALL.store(OVERRUN, Ordering::Relaxed),
        _ => {
            say!("there is no such test");
            ending::failed()
        }
    }
    say!("nothing stopped it");
    ending::failed()
}

/// Goes wrong in a call, if that was asked for: in the first that signals an event, when a record
/// of uses is open.
pub(crate) fn at_call(number: u64) {
    if number != u64::from(Call::EventSignal.number()) {
        return;
    }
    match IN_CALL.load(Ordering::Relaxed) {
        PANIC => panic!("as asked in a call"),
        FAULT => write(0),
        OVERRUN => say!("{}", descend(u64::MAX)),
        _ => {}
    }
}

/// Ends a program at moments that follow from a seed: whatever it does just then.
#[derive(Debug)]
struct Killer {
    /// What the program is called.
    name: &'static str,
    /// Of xorshift64*.
    state: u64,
    /// How often it is still ended.
    left: u64,
    /// How long it lives at most, each time, in nanoseconds.
    span: u64,
    /// Which process that is, and when it ends.
    next: Option<(Key, Instant)>,
}

impl Killer {
    /// `NAME:SEED:COUNT:MILLISECONDS`.
    fn of(words: &'static str) -> Option<Self> {
        let mut words = words.split(':');
        let name = words.next()?;
        let mut number = || words.next()?.parse::<u64>().ok();
        let (seed, left, milliseconds) = (number()?, number()?, number()?);
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Some(Self { name, state, left, span: milliseconds * 1_000_000, next: None })
    }

    fn draw(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

/// A process was started.
pub(crate) fn began(key: Key, name: &str, now: Instant) {
    KILLER.with(|killer| {
        let Some(killer) = killer.as_mut().filter(|it| it.name == name && it.left > 0) else {
            return;
        };
        let life = killer.draw() % killer.span.max(1);
        killer.next = Some((key, now + life));
    });
}

/// When a process is to be ended.
pub(crate) fn kill_due() -> Option<Instant> {
    KILLER.with(|killer| killer.as_ref()?.next.map(|(_, due)| due))
}

/// Which process is to be ended now.
pub(crate) fn victim(now: Instant) -> Option<Key> {
    KILLER.with(|killer| {
        let killer = killer.as_mut()?;
        let (key, _) = killer.next.take_if(|(_, due)| *due <= now)?;
        killer.left -= 1;
        Some(key)
    })
}

/// Whether what there is is to be counted. Nobody is woken for that: a machine that has nothing to
/// do counts nothing.
pub(crate) fn is_counted(now: Instant) -> bool {
    let every = COUNT_EVERY.load(Ordering::Relaxed);
    let is_due = every > 0 && now >= COUNT_NEXT.load(Ordering::Relaxed);
    if is_due {
        COUNT_NEXT.store(now + every, Ordering::Relaxed);
    }
    is_due
}

static COUNT_EVERY: AtomicU64 = AtomicU64::new(0);
static COUNT_NEXT: AtomicU64 = AtomicU64::new(0);
static KILLER: Exclusive<Option<Killer>> = Exclusive::new(None);

const PANIC: u8 = 1;
const FAULT: u8 = 2;
const OVERRUN: u8 = 3;

static IN_CALL: AtomicU8 = AtomicU8::new(0);

fn write(address: u64) {
    let place = core::ptr::with_exposed_provenance_mut::<u64>(address as usize);
    // SAFETY: none: it must fault, and the kernel ends there.
    unsafe { place.write_volatile(0) };
}

fn execute(address: u64) {
    // SAFETY: none: it must fault, and the kernel ends there.
    unsafe { asm!("blr {}", in(reg) address, clobber_abi("C")) };
}

fn descend(levels: u64) -> u64 {
    let room = core::hint::black_box([levels; 64]);
    if levels == 0 { room[0] } else { descend(levels - 1) + room[63] }
}

/// Every frame is given once, zeroed, and they all come back.
fn balance(frames: &mut Frames) {
    let before = frames.free();
    let mut taken = alloc::vec::Vec::new();
    for round in 0..3 {
        for _ in 0..2000 {
            let Some(mut frame) = frames.take() else { break };
            assert!(frame.bytes().iter().all(|byte| *byte == 0), "a frame that is not empty");
            frame.bytes_mut().fill(round + 1);
            taken.push(frame);
        }
        let mut places: alloc::vec::Vec<u64> = taken.iter().map(|f| f.physical()).collect();
        places.sort_unstable();
        places.dedup();
        assert!(places.len() == taken.len(), "a frame that was given twice");
        taken.drain(..).for_each(|frame| frames.give(frame));
        assert!(frames.free() == before, "frames were lost");
    }
    say!("all frames came back");
    ending::with(0)
}
