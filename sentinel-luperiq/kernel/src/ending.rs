//! How a run ends: with a status for an emulator that asked for one, else by switching off.

use core::sync::atomic::{AtomicU8, Ordering};

use crate::arch;
use luperiq_formats::tree::{Conduit, Machine};

/// Learns from the machine how it is ended.
pub(crate) fn prepare(machine: &Machine<'_>, is_emulated: bool) {
    let way = match machine.conduit {
        _ if is_emulated => EMULATED,
        Some(Conduit::Hypervisor) => HYPERVISOR,
        Some(Conduit::Monitor) => MONITOR,
        None => STOP,
    };
    WAY.store(way, Ordering::Relaxed);
}

/// Everything is done; `code` is what whoever ran it is told.
pub(crate) fn with(code: u8) -> ! {
    end(code.into())
}

/// The kernel found itself wrong.
pub(crate) fn failed() -> ! {
    end(STATUS_FAILED)
}

fn end(status: u64) -> ! {
    match WAY.load(Ordering::Relaxed) {
        EMULATED => arch::exit(status),
        HYPERVISOR => arch::power_off(Some(Conduit::Hypervisor)),
        MONITOR => arch::power_off(Some(Conduit::Monitor)),
        _ => arch::power_off(None),
    }
}

const STOP: u8 = 0;
const EMULATED: u8 = 1;
const HYPERVISOR: u8 = 2;
const MONITOR: u8 = 3;

/// Other than 1, with which QEMU ends when it does not understand its command line.
const STATUS_FAILED: u64 = 3;

static WAY: AtomicU8 = AtomicU8::new(STOP);
