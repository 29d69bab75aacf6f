//! How long something took, in a few classes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exposition::Exposition;

/// What was measured: counted by one thread, read by another.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    counts: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Histogram {
    pub(crate) fn add(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let index = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    pub(super) fn write(&self, page: &mut Exposition) {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let time = Duration::from_micros(self.microseconds.load(Ordering::Relaxed));
        page.histogram(&BOUNDS, &counts, time.as_secs_f64());
    }
}

/// From a round of the loop in which nothing is done to a disk that stands still, in seconds.
const BOUNDS: [f64; 11] = [0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_in_its_class() {
        let histogram = Histogram::default();
        for micros in [10, 11, 1_000, 6_000_000] {
            histogram.add(Duration::from_micros(micros));
        }
        let mut page = Exposition::default();
        page.family("x", "histogram", "X.");
        histogram.write(&mut page);
        let page = page.finish();
        for line in ["x_bucket{le=\"0.00001\"} 1", "x_bucket{le=\"0.001\"} 3", "x_count 4"] {
            assert!(page.lines().any(|it| it == line), "{line}: {page}");
        }
        assert!(page.contains("x_bucket{le=\"5\"} 3\nx_bucket{le=\"+Inf\"} 4"), "{page}");
    }
}
