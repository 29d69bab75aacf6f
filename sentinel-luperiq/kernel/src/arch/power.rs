//! How the machine stops.

use core::arch::asm;

use luperiq_formats::tree::Conduit;

/// Ends an emulated machine with a status for whoever started it.
///
/// Only an emulator answers this instruction. The boot command line has to ask for it
/// (`exit=semihosting`), because on a board it is an exception.
pub(crate) fn exit(status: u64) -> ! {
    const SYS_EXIT: u64 = 0x18;
    const APPLICATION_EXIT: u64 = 0x20026;
    let block = [APPLICATION_EXIT, status];
    // SAFETY: the emulator reads the two words behind the pointer and ends.
    unsafe {
        asm!("hlt #0xf000", in("x0") SYS_EXIT, in("x1") block.as_ptr(), options(nostack));
    }
    stop()
}

/// What the firmware is asked for, by PSCI's numbers.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Firmware {
    SwitchOff = 0x8400_0008,
    Reboot = 0x8400_0009,
}

/// Asks the firmware to switch the machine off or to start it again, and otherwise stops the core.
pub(crate) fn firmware(conduit: Option<Conduit>, what: Firmware) -> ! {
    let what = what as u64;
    match conduit {
        // SAFETY: PSCI's SYSTEM_OFF and SYSTEM_RESET take no arguments and do not return.
        Some(Conduit::Hypervisor) => unsafe { asm!("hvc #0", inout("x0") what => _) },
        // SAFETY: as above, by the other instruction.
        Some(Conduit::Monitor) => unsafe { asm!("smc #0", inout("x0") what => _) },
        None => {}
    }
    stop()
}

fn stop() -> ! {
    loop {
        super::wait_for_interrupt();
    }
}
