//! How a run ends: with a status for an emulator that asked for one, else by switching off.

use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::arch::{self, Firmware};
use luperiq_formats::tree::{Conduit, Machine};

/// Learns from the machine how it is ended, and whether it starts again when the kernel found
/// itself wrong.
pub(crate) fn prepare(machine: &Machine<'_>, is_emulated: bool, is_rebooted: bool) {
    let way = match machine.conduit {
        Some(Conduit::Hypervisor) => HYPERVISOR,
        Some(Conduit::Monitor) => MONITOR,
        None => STOP,
    };
    WAY.store(way, Ordering::Relaxed);
    IS_EMULATED.store(is_emulated, Ordering::Relaxed);
    IS_REBOOTED.store(is_rebooted, Ordering::Relaxed);
}

/// Everything is done; `code` is what whoever ran it is told.
pub(crate) fn with(code: u8) -> ! {
    end(code.into())
}

/// The kernel found itself wrong.
pub(crate) fn failed() -> ! {
    match IS_REBOOTED.load(Ordering::Relaxed) {
        true => arch::firmware(conduit(), Firmware::Reboot),
        false => end(STATUS_FAILED),
    }
}

fn end(status: u64) -> ! {
    match IS_EMULATED.load(Ordering::Relaxed) {
        true => arch::exit(status),
        false => arch::firmware(conduit(), Firmware::SwitchOff),
    }
}

fn conduit() -> Option<Conduit> {
    match WAY.load(Ordering::Relaxed) {
        HYPERVISOR => Some(Conduit::Hypervisor),
        MONITOR => Some(Conduit::Monitor),
        _ => None,
    }
}

const STOP: u8 = 0;
const HYPERVISOR: u8 = 1;
const MONITOR: u8 = 2;

/// Other than 1, with which QEMU ends when it does not understand its command line.
const STATUS_FAILED: u64 = 3;

static WAY: AtomicU8 = AtomicU8::new(STOP);
static IS_EMULATED: AtomicBool = AtomicBool::new(false);
static IS_REBOOTED: AtomicBool = AtomicBool::new(false);
