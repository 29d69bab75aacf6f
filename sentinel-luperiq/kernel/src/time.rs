//! Time since the machine was switched on, in nanoseconds, and the tick that ends a turn.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::arch;

/// Nanoseconds.
pub(crate) type Instant = u64;

/// Learns how fast the counter runs.
pub(crate) fn start() {
    let frequency = arch::counter_frequency().max(1);
    NANOS_OF_TICK.store(((1_000_000_000_u128 << 32) / u128::from(frequency)) as u64, RELAXED);
    let millis = (1000_u128 << 64) / u128::from(frequency);
    MILLIS_OF_TICK.store(u64::try_from(millis).unwrap_or(u64::MAX), RELAXED);
    TICKS_OF_NANO.store(((u128::from(frequency) << 32) / 1_000_000_000) as u64, RELAXED);
}

/// Now.
pub(crate) fn now() -> Instant {
    scaled(arch::counter(), NANOS_OF_TICK.load(RELAXED))
}

/// Whole milliseconds since the machine was switched on.
pub(crate) fn milliseconds() -> u64 {
    let millis = u128::from(arch::counter()) * u128::from(MILLIS_OF_TICK.load(RELAXED));
    (millis >> 64) as u64
}

/// Lets the timer fire at this time, or at once when it has passed.
pub(crate) fn wake_at(instant: Instant) {
    // One tick later than the rounding says: waking early would wait again.
    arch::set_timer(scaled(instant, TICKS_OF_NANO.load(RELAXED)).saturating_add(1));
}

fn scaled(value: u64, by: u64) -> u64 {
    ((u128::from(value) * u128::from(by)) >> 32) as u64
}

const RELAXED: Ordering = Ordering::Relaxed;

/// Nanoseconds of a tick, and ticks of a nanosecond, each times 2³².
static NANOS_OF_TICK: AtomicU64 = AtomicU64::new(0);
static TICKS_OF_NANO: AtomicU64 = AtomicU64::new(0);

/// Milliseconds of a tick, times 2⁶⁴.
static MILLIS_OF_TICK: AtomicU64 = AtomicU64::new(0);
