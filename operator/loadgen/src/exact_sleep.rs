//! Sleep that ends on time.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The end of a sleep that the runtime's timers, which tick in milliseconds, are not trusted with.
const TICKS: Duration = Duration::from_millis(5);

/// Sleeps until an instant, more exactly than the runtime's timers.
///
/// For the last milliseconds this thread itself sleeps. Another one would have to wake it, and where many generators
/// start on one machine each switch of threads is waited for by all of them.
pub(crate) async fn sleep_exactly_until(at: Instant) {
    sleep_until(at.checked_sub(TICKS).unwrap_or(at)).await;
    std::thread::sleep(at.saturating_duration_since(Instant::now()).min(TICKS));
}
