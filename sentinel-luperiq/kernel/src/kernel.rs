//! The kernel as one value, and the two ways into it: a call or fault of a program, an interrupt.
//!
//! # Invariants
//! - Whoever enters leaves with a thread in its frame that may run.
//! - When nobody is left to run and nothing can wake anybody, the machine ends.

use alloc::vec::Vec;

use luperiq_formats::archive::Archive;

use crate::arch::{self, Cause, Frame, Misuse};
use crate::console::say;
use crate::device::gic::{Gic, Line};
use crate::device::pl031::Pl031;
use crate::ending;
use crate::exclusive::Exclusive;
use crate::memory::frame::Frames;
use crate::memory::table::Tree;
use crate::process::Process;
use crate::schedule::Threads;
use crate::time::{self, Instant};

/// What the machine has, handed over by `boot`.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) frames: Frames,
    /// What the kernel itself sees; it stays.
    pub(crate) space: Tree,
    /// What no program sees: installed while none runs.
    pub(crate) empty: Tree,
    pub(crate) interrupts: Gic,
    pub(crate) timer: Line,
    pub(crate) clock: Option<Pl031>,
    pub(crate) archive: Archive,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) machine: Machine,
    pub(crate) threads: Threads<usize, ()>,
    pub(crate) processes: Vec<Option<Process>>,
    turn_end: Instant,
}

static KERNEL: Exclusive<Option<Kernel>> = Exclusive::new(None);

/// Takes the machine over, starts the first program and leaves for it.
pub(crate) fn start(machine: Machine, first: &str) -> ! {
    let mut frame = Frame::EMPTY;
    KERNEL.with(|place| {
        let kernel = place.insert(Kernel::new(machine));
        kernel.start_first(first);
        kernel.go_on(&mut frame);
    });
    arch::leave(&frame)
}

/// A program made a call or a mistake. Called from `vectors.s`.
#[unsafe(no_mangle)]
extern "C" fn user_synchronous(frame: &mut Frame) {
    KERNEL.with(|kernel| {
        if let Some(kernel) = kernel {
            kernel.synchronous(frame);
        }
    });
}

/// A device or the timer interrupted a program. Called from `vectors.s`.
#[unsafe(no_mangle)]
extern "C" fn user_interrupt(frame: &mut Frame) {
    KERNEL.with(|kernel| {
        if let Some(kernel) = kernel {
            kernel.interrupts();
            if time::now() >= kernel.turn_end {
                kernel.turn_ends(frame);
            }
        }
    });
}

impl Kernel {
    fn new(machine: Machine) -> Self {
        machine.interrupts.enable(machine.timer);
        Self { machine, threads: Threads::new(), processes: Vec::new(), turn_end: 0 }
    }

    fn start_first(&mut self, name: &str) {
        let Some(file) = self.machine.archive.file(name) else {
            say!("the archive has no `{name}`");
            ending::failed()
        };
        match Process::load(&mut self.machine.frames, 1, file, 64 << 20) {
            Ok(mut process) => {
                if let Ok(thread) = self.threads.start(0, process.first_frame(0)) {
                    process.threads.push(thread);
                }
                self.processes.push(Some(process));
            }
            Err(error) => {
                say!("`{name}` cannot be started: {error:?}");
                ending::failed()
            }
        }
    }

    fn synchronous(&mut self, frame: &mut Frame) {
        match Cause::of(arch::syndrome()) {
            Cause::Call => {
                if frame.registers[8] == 1 {
                    say!("process ended with {}", frame.registers[0]);
                    self.end_running(frame);
                } else {
                    frame.registers[0] = 0;
                }
            }
            Cause::Misuse(misuse) => self.misused(frame, misuse),
        }
    }

    /// Ends the process that did what no correct program does.
    fn misused(&mut self, frame: &mut Frame, misuse: Misuse) {
        say!(
            "process killed: {misuse}, at {:#x}, address {:#x}",
            frame.counter,
            arch::fault_address()
        );
        self.end_running(frame);
    }

    fn end_running(&mut self, frame: &mut Frame) {
        if let Some(thread) = self.threads.running() {
            if let Some(process) = self.threads.end(thread) {
                if let Some(process) = self.processes.get_mut(process).and_then(Option::take) {
                    self.leave_space();
                    process.release(&mut self.machine.frames, |_| ());
                }
            }
        }
        self.go_on(frame);
    }

    /// Serves whatever interrupts.
    fn interrupts(&mut self) {
        while let Some(line) = self.machine.interrupts.next() {
            if line == self.machine.timer {
                arch::stop_timer();
            }
            self.machine.interrupts.finish(line);
        }
    }

    fn turn_ends(&mut self, frame: &mut Frame) {
        if self.threads.has_ready() {
            self.keep(frame);
            self.threads.step_back();
            self.go_on(frame);
        } else {
            self.begin_turn();
        }
    }

    /// Stores the running thread's registers with it.
    fn keep(&mut self, frame: &Frame) {
        if let Some(thread) = self.threads.running().and_then(|id| self.threads.thread_mut(id)) {
            thread.frame.clone_from(frame);
            thread.simd.save();
        }
    }

    /// Puts the next thread into the frame, waiting for one if need be.
    fn go_on(&mut self, frame: &mut Frame) {
        let next = loop {
            match self.threads.step_forward() {
                Some(next) => break next,
                None => self.idle(),
            }
        };
        if let Some(thread) = self.threads.thread(next) {
            frame.clone_from(&thread.frame);
            thread.simd.restore();
            if let Some(Some(process)) = self.processes.get(thread.process) {
                process.space.enter();
            }
        }
        self.begin_turn();
    }

    fn idle(&mut self) {
        if self.threads.count() == 0 {
            self.end();
        }
        self.leave_space();
        if let Some(deadline) = self.threads.next_deadline() {
            time::wake_at(deadline);
        }
        arch::wait_for_interrupt();
        self.interrupts();
    }

    fn begin_turn(&mut self) {
        self.turn_end = time::now() + TURN;
        let deadline = self.threads.next_deadline().unwrap_or(Instant::MAX);
        time::wake_at(self.turn_end.min(deadline));
    }

    fn leave_space(&self) {
        // SAFETY: the empty tree maps nothing and is never given back.
        unsafe { arch::set_user_table(self.machine.empty.root(), 0) };
    }

    /// Everything ended.
    fn end(&mut self) -> ! {
        say!("the end: {} of {} frames are free", self.machine.frames.free(), self.machine.frames.total());
        ending::done()
    }
}

/// How long a thread runs before another one gets its turn.
const TURN: Instant = 5_000_000;
