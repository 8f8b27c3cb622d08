//! How fast logs are read at most.

use std::time::{Duration, Instant};

/// Counts bytes against a rate. It lends: what is over the rate is paid back by waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateLimit {
    bytes_per_second: u32,
    /// When all that was taken is paid for.
    paid_at: Option<Instant>,
}

impl RateLimit {
    /// So many bytes in a second.
    pub(super) fn new(bytes_per_second: u32) -> Self {
        Self { bytes_per_second, paid_at: None }
    }

    /// Takes bytes; how long to wait before the next. What was not used within the last second is lost.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> Duration {
        let cost =
            Duration::from_secs(1) / self.bytes_per_second.max(1) * u32::try_from(bytes).unwrap_or(u32::MAX);
        let earliest = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        let paid_at = self.paid_at.map_or(earliest, |paid_at| paid_at.max(earliest)) + cost;
        self.paid_at = Some(paid_at);
        paid_at.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_below_the_rate_and_everybody_above_it() {
        let (mut rate_limit, begun) = (RateLimit::new(1_000), Instant::now());
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        assert_eq!(rate_limit.take(1_000, at(0)), Duration::ZERO);
        assert_eq!(rate_limit.take(500, at(0)), Duration::from_millis(500));
        assert_eq!(rate_limit.take(500, at(500)), Duration::from_millis(500));
        assert_eq!(rate_limit.take(1_000, at(60_000)), Duration::ZERO);
    }
}
