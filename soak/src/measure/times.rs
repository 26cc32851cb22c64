//! Times, sorted, and what is said of them.

use std::fmt;
use std::time::Duration;

/// A set of times.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(Vec<Duration>);

impl Times {
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many in a thousand do not exceed (nearest rank).
    pub(super) fn quantile(&self, in_thousand: usize) -> Duration {
        let rank = (self.0.len() * in_thousand).div_ceil(1000);
        self.0
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn worst(&self) -> Duration {
        self.0.last().copied().unwrap_or_default()
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(
            f,
            "p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
            millis(self.quantile(500)),
            millis(self.quantile(990)),
            millis(self.worst())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_time_that_was_measured() {
        let times = Times::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(times.quantile(500), Duration::from_millis(100));
        assert_eq!(times.quantile(990), Duration::from_millis(198));
        assert_eq!(times.worst(), Duration::from_millis(200));
        assert_eq!(Times::default().quantile(990), Duration::ZERO);
    }
}
