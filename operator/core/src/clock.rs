//! Time, where the clock that tells it may have been set back.

use std::time::Duration;

use jiff::Timestamp;

/// The time from one instant to another, none when they are in the wrong order.
pub fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
