//! The kernel as one value, and the ways into it: a call or mistake of a program, an interrupt.
//!
//! # Invariants
//! - Whoever enters leaves with a thread in its frame that may run.
//! - When nobody is left to run and nothing can wake anybody, the machine ends.
//! - When the first process ends every other does.
//! - After each entry nothing is left over: who ended is gone, who was woken can run.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use luperiq_abi::{Kind, Rights, Signals};
use luperiq_formats::archive::Archive;
use luperiq_policy::journal::Hash;
use luperiq_policy::order::Set;
use luperiq_policy::{Key, Released, System, Timestamp};

use crate::arch::{self, Cause, Frame};
use crate::call::{self, Timer, Waits, stored};
use crate::console::{say, shown};
use crate::device::Card;
use crate::device::gic::{Gic, Line};
use crate::disk::Disk;
use crate::ending;
use crate::entropy::Entropy;
use crate::exclusive::Exclusive;
use crate::memory::frame::Frames;
use crate::memory::heap;
use crate::memory::layout::PAGE;
use crate::memory::space::Memory;
use crate::memory::table::Tree;
use crate::network::Network;
use crate::process::Process;
use crate::schedule::Threads;
use crate::time::{self, Instant};
use crate::watchdog::Watchdog;

/// What the machine has, handed over by `boot`.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) frames: Frames,
    /// What the kernel itself sees; it stays.
    #[expect(dead_code, reason = "it owns the frames of the tables that are in use")]
    pub(crate) space: Tree,
    /// What no program sees: installed while none runs.
    pub(crate) empty: Tree,
    pub(crate) interrupts: Gic,
    pub(crate) timer: Line,
    pub(crate) serial: Option<Line>,
    /// Milliseconds since 1970 when the machine was switched on; 0 if nobody knows.
    pub(crate) wall_start: u64,
    pub(crate) entropy: Entropy,
    pub(crate) archive: Archive,
    /// Bytes of the kernel with its archive.
    pub(crate) image_bytes: u64,
    /// What starts the machine again should the kernel hang.
    pub(crate) watchdog: Option<Watchdog>,
}

/// The first process's handle to the disk's files: everything but to run them.
const STORE_RIGHTS: Rights = Kind::Directory.rights().without(Rights::EXECUTE);

/// Whose a thread is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    /// Its place among the processes.
    pub(crate) process: usize,
    pub(crate) key: Key,
    /// What a handle to the thread stands for, if there was ever one.
    pub(crate) object: Option<Key>,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) machine: Machine,
    pub(crate) disk: Disk,
    pub(crate) network: Network,
    pub(crate) system: System,
    pub(crate) threads: Threads<Owner, Waits>,
    pub(crate) processes: Vec<Option<Process>>,
    pub(crate) memories: Vec<Option<Memory>>,
    pub(crate) timers: Vec<Option<Timer>>,
    pub(crate) timers_due: Set<(Instant, u64)>,
    pub(crate) console_input: VecDeque<u8>,
    console: Option<Key>,
    /// Where inputs and answers are copied through.
    pub(crate) scratch: Vec<u8>,
    pub(crate) woken: Vec<crate::schedule::ThreadId>,
    /// The first process.
    first: Option<Key>,
    /// Whether that was ended for what it did, so that nobody looks after the others.
    is_lost: bool,
    /// What the machine ends with: what the first process said, or whoever halted it.
    pub(crate) halt_code: u8,
    turn_start: Instant,
    turn_end: Instant,
    frames_at_start: u64,
}

static KERNEL: Exclusive<Option<Kernel>> = Exclusive::new(None);

/// Takes the machine over, starts the first program and leaves for it.
pub(crate) fn start(
    machine: Machine,
    disk: Disk,
    network: Option<Card>,
    system: System,
    (first, arguments): (&str, &str),
) -> ! {
    let mut frame = Frame::EMPTY;
    KERNEL.with(|place| {
        let kernel = place.insert(Kernel::new(machine, disk, network, system));
        kernel.start_first(first, arguments);
        kernel.settle();
        kernel.go_on(&mut frame);
    });
    arch::leave(&frame)
}

/// A program made a call or a mistake. Called from `vectors.s`.
#[unsafe(no_mangle)]
extern "C" fn user_synchronous(frame: &mut Frame) {
    KERNEL.with(|kernel| {
        let Some(kernel) = kernel else { return };
        match Cause::of(arch::syndrome()) {
            Cause::Call => kernel.call(frame),
            Cause::Misuse(misuse) => {
                let at = frame.counter;
                let address = arch::fault_address();
                if let Some((_, owner)) = kernel.running() {
                    let what = format_args!("{misuse}, at {at:#x}, address {address:#x}");
                    kernel.kill(owner.key, what);
                }
                kernel.settle();
                kernel.go_on_if_outranked(frame);
            }
        }
    });
}

/// A device or the timer interrupted a program. Called from `vectors.s`.
#[unsafe(no_mangle)]
extern "C" fn user_interrupt(frame: &mut Frame) {
    KERNEL.with(|kernel| {
        let Some(kernel) = kernel else { return };
        kernel.interrupts();
        kernel.settle();
        // Whoever ended may have had files.
        kernel.disk.is_left();
        // What was due would interrupt again at once, for ever.
        kernel.flush_if_due();
        kernel.turn_over(frame);
    });
}

/// The kernel found itself wrong: ends the record with what is known, and makes it safe if nothing
/// of the disk was under way.
///
/// # Safety
/// Whoever used the kernel's state never goes on, and this is called once.
pub(crate) unsafe fn close(reason: &str) {
    // SAFETY: as the caller promises.
    if let Some(kernel) = unsafe { KERNEL.take_over() } {
        kernel.close_record(reason);
    }
}

impl Kernel {
    fn new(machine: Machine, disk: Disk, card: Option<Card>, system: System) -> Self {
        machine.interrupts.enable(machine.timer);
        machine.serial.into_iter().for_each(|line| machine.interrupts.enable(line));
        let network = Network::new(card);
        network.line().into_iter().for_each(|line| machine.interrupts.enable(line));
        Self {
            frames_at_start: machine.frames.free(),
            machine,
            disk,
            network,
            system,
            threads: Threads::new(),
            processes: Vec::new(),
            memories: Vec::new(),
            timers: Vec::new(),
            timers_due: Set::new(),
            console_input: VecDeque::new(),
            console: None,
            scratch: vec![0; call::SCRATCH_BYTES],
            woken: Vec::new(),
            first: None,
            is_lost: false,
            halt_code: 0,
            turn_start: 0,
            turn_end: 0,
        }
    }

    /// Starts the first program, with a handle to everything there is.
    fn start_first(&mut self, path: &str, arguments: &str) {
        let Some(file) = self.machine.archive.file(path) else {
            say!("the archive has no `{}`", path);
            ending::failed()
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        let mut given = FIRST_HANDLES.map(|(kind, rights)| (kind, 0, "", rights)).to_vec();
        if self.disk.is_there() {
            given.push((Kind::Directory, stored::STORED, stored::PLACE, STORE_RIGHTS));
        }
        if self.network.is_there() {
            given.push((Kind::Network, 0, "", Kind::Network.rights()));
            given.push((Kind::Endpoint, 0, "", Kind::Endpoint.rights()));
        }
        // Each argument ends with a zero byte.
        let words = arguments.split_ascii_whitespace().flat_map(|word| word.bytes().chain([0]));
        let arguments: Vec<u8> = words.collect();
        let made = self.system.first_process(name, path, &arguments, 0, &given);
        let (key, bootstrap) = match made {
            Ok(made) => made,
            Err(error) => {
                say!("the first process cannot be made: {}", shown(&error));
                ending::failed()
            }
        };
        self.console = self.system.first_of(Kind::Console);
        self.network.object = self.system.first_of(Kind::Network);
        self.first = Some(key);
        self.load(key, file, bootstrap);
        self.run(key);
        say!("`{}` starts", path);
    }

    /// Ends a process for what it did, and says so.
    pub(crate) fn kill(&mut self, key: Key, why: fmt::Arguments<'_>) {
        let why: String = format!("{why}");
        let name = self.system.process_name(key).unwrap_or("?");
        say!("process {} `{}` killed: {}", key.number(), name, why.as_str());
        self.is_lost |= self.first == Some(key);
        self.end_process(key, call::KILLED, &why);
    }

    /// Ends a process.
    pub(crate) fn end_process(&mut self, key: Key, code: i32, why: &str) {
        if self.first == Some(key) {
            self.halt_code = code as u8;
        }
        self.system.process_end(key, code, why);
    }

    /// Deals with everything that an entry left: who ended, what is no more, who can go on.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        // Most entries leave nothing.
        if self.system.has_news() || self.threads.has_deadline() {
            self.settle_all();
        }
    }

    fn settle_all(&mut self) {
        loop {
            let mut changed = None;
            if let Some(ended) = self.system.next_ended() {
                self.bury(ended.native);
                // Whoever it began has nobody any more who starts them again, lends them files and
                // takes those back: none of them goes on.
                if self.first == Some(ended.process) {
                    self.system.abandon();
                }
            } else if let Some(released) = self.system.next_released() {
                self.released(released);
                // Whoever waits for what a port tells that is no more waits for nothing.
                changed = (released.kind == Kind::Port).then_some(released.object);
            } else {
                changed = self.system.next_changed();
                if changed.is_none() && !self.wake_late() {
                    break;
                }
            }
            changed.into_iter().for_each(|changed| self.wake_watchers(changed));
        }
    }

    /// Gives back what the machine kept for a process that ended.
    fn bury(&mut self, native: u64) {
        let slot = native.checked_sub(1).map_or(usize::MAX, |slot| slot as usize);
        let Some(mut process) = self.processes.get_mut(slot).and_then(Option::take) else { return };
        for thread in core::mem::take(&mut process.threads) {
            self.end_thread(thread);
        }
        // Whoever goes on enters its own memory. If somebody else's thread runs, that is installed.
        if self.threads.running().is_none() {
            self.leave_space();
        }
        let (system, frames) = (&mut self.system, &mut self.machine.frames);
        process.release(frames, |object| system.let_go(object));
    }

    fn released(&mut self, released: Released) {
        match released.kind {
            Kind::Memory => {
                let slot = released.native as usize;
                if let Some(memory) = self.memories.get_mut(slot).and_then(Option::take) {
                    memory.release(&mut self.machine.frames);
                }
            }
            Kind::Timer => self.timer_released(released.native),
            Kind::File => self.file_released(released.native),
            _ => {}
        }
    }

    /// Serves whatever interrupts.
    fn interrupts(&mut self) {
        while let Some(line) = self.machine.interrupts.next() {
            if line == self.machine.timer {
                arch::stop_timer();
                #[cfg(feature = "selftest")]
                if let Some(key) = crate::selftest::victim(time::now()) {
                    self.kill(key, format_args!("as asked"));
                }
                #[cfg(feature = "selftest")]
                if crate::selftest::is_counted(time::now()) {
                    self.say_counts();
                }
                self.machine.watchdog.iter_mut().for_each(Watchdog::feed_if_due);
                self.expire();
            } else if Some(line) == self.machine.serial {
                self.console_arrived();
            } else if Some(line) == self.network.line() {
                self.network_arrived();
            }
            self.machine.interrupts.finish(line);
        }
    }

    #[cfg(feature = "selftest")]
    fn say_counts(&self) {
        let [objects, handles, grants] = self.system.counts();
        say!(
            "counted: {} frames, {} objects, {} handles, {} grants, {} bytes of heap",
            self.frames_at_start - self.machine.frames.free(),
            objects,
            handles,
            grants,
            heap::used()
        );
    }

    /// Says whether there is something to read on the console.
    pub(crate) fn console_changed(&mut self) {
        if let Some(console) = self.console {
            let (set, cleared) = match self.console_input.is_empty() {
                true => (Signals::NONE, Signals::READABLE),
                false => (Signals::READABLE, Signals::NONE),
            };
            self.system.set_signals(console, set, cleared);
        }
    }

    /// After an interrupt: the thread that ran goes on unless it ended, or its turn has.
    fn turn_over(&mut self, frame: &mut Frame) {
        if self.threads.running().is_none() || self.threads.is_outranked() {
            self.go_on_if_outranked(frame);
        } else if time::now() < self.turn_end {
            self.set_timer();
        } else {
            self.account();
            self.settle();
            if self.threads.running().is_none() || self.threads.has_rival() {
                self.keep(frame);
                self.threads.step_back();
                self.go_on(frame);
            } else {
                self.begin_turn();
            }
        }
    }

    /// Goes on with another thread if none runs any more, or if a more urgent one can.
    #[inline(always)]
    pub(crate) fn go_on_if_outranked(&mut self, frame: &mut Frame) {
        if self.threads.running().is_none() || self.threads.is_outranked() {
            self.go_on_with_another(frame);
        }
    }

    fn go_on_with_another(&mut self, frame: &mut Frame) {
        if self.threads.running().is_none() {
            self.go_on(frame);
        } else if self.threads.is_outranked() {
            self.keep(frame);
            // What it ran may have been the last that its job had.
            self.settle();
            self.threads.step_back();
            self.go_on(frame);
        }
    }

    /// Counts the time that the running thread had against its job.
    fn account(&mut self) {
        let now = time::now();
        if let Some((_, owner)) = self.running()
            && !self.system.cpu_used(owner.key, now.saturating_sub(self.turn_start))
        {
            self.kill(owner.key, format_args!("its job has had all its processor time"));
        }
        self.turn_start = now;
    }

    /// Stores the running thread's registers with it.
    pub(crate) fn keep(&mut self, frame: &Frame) {
        self.account();
        if let Some(thread) = self.threads.running().and_then(|id| self.threads.thread_mut(id)) {
            thread.frame.clone_from(frame);
            thread.simd.save();
        }
    }

    /// Puts the next thread into the frame, waiting for one if need be.
    pub(crate) fn go_on(&mut self, frame: &mut Frame) {
        let next = loop {
            match self.threads.step_forward() {
                Some(next) => break next,
                None => self.idle(),
            }
        };
        if let Some(thread) = self.threads.thread(next) {
            frame.clone_from(&thread.frame);
            thread.simd.restore();
            if let Some(Some(process)) = self.processes.get(thread.process.process) {
                process.space.enter();
            }
        }
        self.begin_turn();
    }

    fn idle(&mut self) {
        self.disk.is_left();
        if self.threads.count() == 0 {
            self.end();
        }
        self.leave_space();
        self.flush_if_due();
        self.turn_end = Instant::MAX;
        self.set_timer();
        arch::wait_for_interrupt();
        self.interrupts();
        self.settle();
    }

    fn begin_turn(&mut self) {
        self.turn_start = time::now();
        self.turn_end = self.turn_start + TURN;
        self.set_timer();
    }

    /// Lets the timer fire for whatever comes first.
    pub(crate) fn set_timer(&self) {
        let timer = self.timers_due.first().map(|(due, _)| *due);
        let watchdog = self.machine.watchdog.as_ref().map(Watchdog::due);
        let deadlines = [self.threads.next_deadline(), timer, self.flush_deadline(), watchdog];
        let deadlines = deadlines.into_iter().flatten();
        #[cfg(feature = "selftest")]
        let deadlines = deadlines.chain(crate::selftest::kill_due());
        let first = deadlines.min().map_or(self.turn_end, |first| first.min(self.turn_end));
        if first == Instant::MAX {
            arch::stop_timer();
        } else {
            time::wake_at(first);
        }
    }

    fn leave_space(&self) {
        // SAFETY: the empty tree maps nothing and is never given back.
        unsafe { arch::set_user_table(self.machine.empty.root(), 0) };
    }

    /// Milliseconds since 1970, as far as anybody knows.
    pub(crate) fn wall_milliseconds(&self) -> u64 {
        match self.machine.wall_start {
            0 => 0,
            start => start + time::now() / 1_000_000,
        }
    }

    /// What records are stamped with: the wall clock, or else the time since the start.
    #[inline(always)]
    pub(crate) fn timestamp(&self) -> Timestamp {
        Timestamp(self.machine.wall_start + time::milliseconds())
    }

    /// Ends the record, shows its head, and makes it safe.
    fn close_record(&mut self, reason: &str) {
        match self.system.stopped(reason) {
            Ok(head) => {
                let hash = Hash(head.hash);
                say!("audit: {} records, head {}", head.records_count, shown(&hash));
                if self.disk.is_in_use() {
                    say!("disk: it was in use, and is left as it is");
                } else if self.disk.is_there() && self.flush().is_ok() {
                    say!("disk: all {} records are safe", self.system.log().head().flushed_count);
                }
            }
            Err(error) => say!("audit: the record could not be closed: {}", shown(&error)),
        }
    }

    /// Every program ended: closes the record and says what is left.
    fn end(&mut self) -> ! {
        let [objects, handles, grants] = self.system.counts();
        self.close_record(match self.is_lost {
            true => "the first program was ended, and every other with it",
            false => "every program ended",
        });
        let missing = self.frames_at_start - self.machine.frames.free();
        say!(
            "left: {} frames, {} objects, {} handles, {} grants, {} bytes of heap",
            missing,
            objects,
            handles,
            grants,
            heap::used()
        );
        let kilobytes = |bytes: u64| bytes.div_ceil(1024);
        let image = kilobytes(self.machine.image_bytes);
        let heap = kilobytes(heap::touched() as u64);
        let frames = kilobytes(self.machine.frames.used_most() * PAGE);
        say!(
            "memory: {} KiB at most: {} image, {} heap, {} programs and tables",
            image + heap + frames,
            image,
            heap,
            frames
        );
        match self.is_lost {
            true => ending::lost(self.halt_code),
            false => ending::with(self.halt_code),
        }
    }
}

/// What the first process is given, in this order: everything.
const FIRST_HANDLES: [(Kind, Rights); 6] = [
    (Kind::Job, Kind::Job.rights()),
    (Kind::Directory, ARCHIVE_RIGHTS),
    (Kind::Console, Kind::Console.rights()),
    (Kind::Clock, Kind::Clock.rights()),
    (Kind::Entropy, Kind::Entropy.rights()),
    (Kind::AuditReader, Kind::AuditReader.rights()),
];

/// The archive is never written.
const ARCHIVE_RIGHTS: Rights =
    Kind::Directory.rights().without(Rights::WRITE.with(Rights::CREATE).with(Rights::DELETE));

/// How long a thread runs before another one gets its turn.
const TURN: Instant = 5_000_000;
