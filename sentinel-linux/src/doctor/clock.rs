//! The clock: certificates, grants that end and records all go by it.

use sentinel_core::time::Timestamp;

use super::Finding;
use crate::clock::Clock;

const ABOUT: &str = "clock";

/// Looks at the clock by itself.
pub(super) fn look() -> Vec<Finding> {
    vec![year(Clock::new().now().wall), synchronised(is_synchronised())]
}

fn year(now: Timestamp) -> Finding {
    match (EARLIEST..=LATEST).contains(&now) {
        true => Finding::good(ABOUT, format!("it is {now}")),
        false => Finding::bad(ABOUT, format!("it says {now}, which cannot be"), "set the clock"),
    }
}

fn synchronised(is_synchronised: Option<bool>) -> Finding {
    match is_synchronised {
        Some(true) => Finding::good(ABOUT, "it is kept right by the network"),
        Some(false) => Finding::warning(
            ABOUT,
            "nothing keeps it right (the kernel says that it is not synchronised)",
            "run chrony or systemd-timesyncd, or see that the host does it",
        ),
        None => Finding::warning(
            ABOUT,
            "the kernel does not say whether something keeps it right",
            "allow adjtimex, or see that the host does it",
        ),
    }
}

/// What the clock of a server says, beside this one.
pub(super) fn compared(place: &str, here: Timestamp, there: Timestamp) -> Finding {
    let apart = here.since(there).max(there.since(here)).as_secs();
    let what = format!("it is {apart} seconds away from that of {place}");
    match apart {
        // The field counts whole seconds, and an answer takes its time.
        0..=30 => Finding::good(ABOUT, format!("it agrees with that of {place}")),
        31..=300 => Finding::warning(ABOUT, what, "set the clock, and have it kept right"),
        _ => Finding::bad(ABOUT, what, "set the clock, and have it kept right"),
    }
}

#[allow(unsafe_code, reason = "no safe library asks the kernel for the state of its clock")]
fn is_synchronised() -> Option<bool> {
    // SAFETY: every member of `timex` is a number, for which zero is a value.
    let mut clock: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `clock` is a whole `timex` that outlives the call; without `modes` the kernel writes
    // to it and changes nothing.
    let state = unsafe { libc::adjtimex(&raw mut clock) };
    (state >= 0).then_some(clock.status & libc::STA_UNSYNC == 0)
}

/// 2026-01-01: this program is not older.
const EARLIEST: Timestamp = Timestamp(1_767_225_600_000);
/// 2100-01-01.
const LATEST: Timestamp = Timestamp(4_102_444_800_000);

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_cannot_be_right_is_found_out() {
        assert_eq!(year(Timestamp(0)).verdict, Verdict::Bad);
        assert_eq!(year(Timestamp(1_800_000_000_000)).verdict, Verdict::Good);
        assert_eq!(year(Timestamp(u64::MAX)).verdict, Verdict::Bad);
        assert_eq!(synchronised(Some(false)).verdict, Verdict::Warning);
        let at = |seconds: u64| Timestamp(1_800_000_000_000 + seconds * 1000);
        assert_eq!(compared("x", at(0), at(20)).verdict, Verdict::Good);
        assert_eq!(compared("x", at(60), at(0)).verdict, Verdict::Warning);
        assert_eq!(compared("x", at(0), at(3600)).verdict, Verdict::Bad);
    }
}
