//! What an exception from EL0 leaves behind, and the way back.

use core::fmt;

/// The registers of a program at the moment it was interrupted, as `vectors.s` stores them.
#[repr(C, align(16))]
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// x0 to x30.
    pub(crate) registers: [u64; 31],
    /// The program's own stack pointer.
    pub(crate) stack: u64,
    /// Where it goes on.
    pub(crate) counter: u64,
    /// Its condition flags; everything else in it is zero, so that it returns to EL0.
    status: u64,
}

impl Frame {
    /// A program about to run its first instruction.
    pub(crate) fn start(counter: u64, stack: u64, argument: u64) -> Self {
        let mut registers = [0; 31];
        registers[0] = argument;
        Self { registers, stack, counter, status: 0 }
    }

    /// A frame that no program ever runs from.
    pub(crate) const EMPTY: Self = Self { registers: [0; 31], stack: 0, counter: 0, status: 0 };
}

/// Why EL0 was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// `svc #0`; other numbers mean nothing.
    Call,
    /// An instruction at EL0 that nothing allows.
    Misuse(Misuse),
}

/// What a program did that no correct program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misuse {
    /// An `svc` whose number is not 0.
    CallNumber,
    /// Fetched an instruction from where it may not.
    Execute,
    /// Read what it may not.
    Read,
    /// Wrote what it may not.
    Write,
    /// A counter or stack pointer that is not aligned.
    Alignment,
    /// An instruction that does not exist, or not at EL0.
    Instruction,
    /// A system register or instruction that is the kernel's.
    SystemRegister,
    /// A breakpoint, a single step, a watchpoint: nobody debugs here.
    Debug,
    /// Anything else, by its class.
    Other(u8),
}

impl Cause {
    /// Reads the syndrome of a synchronous exception from EL0.
    pub(crate) fn of(syndrome: u64) -> Self {
        const CLASS_SVC: u64 = 0x15;
        let class = syndrome >> 26 & 0x3f;
        if class == CLASS_SVC && syndrome & 0xffff == 0 {
            return Self::Call;
        }
        Self::Misuse(match class {
            CLASS_SVC => Misuse::CallNumber,
            0x00 | 0x0e | 0x1a..=0x1c => Misuse::Instruction,
            0x01 | 0x18 | 0x07 | 0x19 => Misuse::SystemRegister,
            0x20 => Misuse::Execute,
            0x24 if syndrome & 0x3f == 0x21 => Misuse::Alignment,
            0x24 if syndrome & 1 << 6 != 0 => Misuse::Write,
            0x24 => Misuse::Read,
            0x22 | 0x26 => Misuse::Alignment,
            0x30 | 0x32 | 0x34 | 0x3c => Misuse::Debug,
            other => Misuse::Other(other as u8),
        })
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CallNumber => "a supervisor call that is none",
            Self::Execute => "executed what is no code of its own",
            Self::Read => "read what it may not",
            Self::Write => "wrote what it may not",
            Self::Alignment => "used an address that is not aligned",
            Self::Instruction => "an instruction that is none at EL0",
            Self::SystemRegister => "touched what is the kernel's alone",
            Self::Debug => "a breakpoint",
            Self::Other(class) => return write!(formatter, "an exception of class {class:#x}"),
        })
    }
}

/// Leaves the kernel for the first time; from then on every entry returns by itself.
pub(crate) fn leave(frame: &Frame) -> ! {
    unsafe extern "C" {
        fn leave_kernel(frame: &Frame) -> !;
    }
    // SAFETY: the frame is copied to the top of the stack before the stack below it is given up,
    // and its status is zero, so that it returns to EL0 with interrupts open.
    unsafe { leave_kernel(frame) }
}
