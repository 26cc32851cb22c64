//! What is worth a line of the log, though not for every request: once a minute.

use doorward_base::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(60);

/// When something was last said.
#[derive(Debug)]
pub(crate) struct Seldom(AtomicI64);

impl Default for Seldom {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Seldom {
    /// Whether it is said now. Of many that ask at once, one says it.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        let due = last == i64::MIN || now >= Timestamp::from_micros(last).plus(EVERY);
        due && self
            .0
            .compare_exchange(last, now.as_micros(), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_minute() {
        let seldom = Seldom::default();
        let start = Timestamp::from_micros(0);
        let said = [0, 1, 59, 60, 61, 119, 120].map(|second| {
            let now = start.plus(Duration::from_secs(second));
            seldom.is_due(now)
        });
        assert_eq!(said, [true, false, false, true, false, false, true]);
    }
}
