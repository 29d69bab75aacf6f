//! How a run ends: with a status for an emulator that asked for one, else by switching off.
//!
//! Where the machine has a block that starts it again that does both: it is what the firmware would
//! use, and some machines have no firmware to ask.

use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::arch::{self, Firmware};
use crate::device::Registers;
use crate::exclusive::Exclusive;
use luperiq_broadcom::led::Led;
use luperiq_broadcom::power::Power;
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

/// Learns what starts the machine again.
pub(crate) fn power(power: Power<Registers>) {
    POWER.with(|place| *place = Some(power));
}

/// Learns which light shows that programs run, and lets it shine.
pub(crate) fn light(led: Led<Registers>) {
    led.set(true);
    LED.with(|place| *place = Some(led));
}

/// Lets the machine start again after so many seconds, unless this is called again before. Says
/// whether there is what could.
pub(crate) fn feed(seconds: u32) -> bool {
    POWER.with(|power| {
        power.iter().for_each(|power| power.feed(seconds));
        power.is_some()
    })
}

/// Everything is done; `code` is what whoever ran it is told.
pub(crate) fn with(code: u8) -> ! {
    end(code.into())
}

/// The kernel found itself wrong.
pub(crate) fn failed() -> ! {
    again_or(STATUS_FAILED)
}

/// The first program was ended for what it did: what the machine is for is not done any more.
pub(crate) fn lost(code: u8) -> ! {
    again_or(code.into())
}

fn again_or(status: u64) -> ! {
    darken();
    match IS_REBOOTED.load(Ordering::Relaxed) {
        true => stop(Firmware::Reboot),
        false => end(status),
    }
}

fn end(status: u64) -> ! {
    darken();
    match IS_EMULATED.load(Ordering::Relaxed) {
        true => arch::exit(status),
        false => stop(Firmware::SwitchOff),
    }
}

/// Nothing runs any more.
fn darken() {
    LED.with(|led| led.iter().for_each(|led| led.set(false)));
}

fn stop(what: Firmware) -> ! {
    let conduit = POWER.with(|power| {
        let Some(power) = power else { return conduit() };
        match what {
            Firmware::Reboot => power.restart(),
            Firmware::SwitchOff => power.switch_off(),
        }
        // That takes a moment, in which nothing else is asked.
        None
    });
    arch::firmware(conduit, what)
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

static LED: Exclusive<Option<Led<Registers>>> = Exclusive::new(None);
static POWER: Exclusive<Option<Power<Registers>>> = Exclusive::new(None);
static WAY: AtomicU8 = AtomicU8::new(STOP);
static IS_EMULATED: AtomicBool = AtomicBool::new(false);
static IS_REBOOTED: AtomicBool = AtomicBool::new(false);
