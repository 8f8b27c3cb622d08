//! Waiting for a condition, never for a time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long to wait for something that takes a moment on an idle machine.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often to look.
const PERIOD: Duration = Duration::from_millis(50);

/// Looks until what is seen is as wanted, and returns it. Panics with what was seen last when it takes too long.
pub async fn eventually<T: Debug>(
    what: &str,
    look: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    within(DEADLINE, what, look, wanted).await
}

/// The same, with a deadline of its own.
pub async fn within<T: Debug>(
    deadline: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let started = Instant::now();
    loop {
        let seen = look().await;
        if wanted(&seen) {
            return seen;
        }
        assert!(
            started.elapsed() < deadline,
            "not within {deadline:?}: {what}; what was seen last: {seen:#?}"
        );
        tokio::time::sleep(PERIOD).await;
    }
}
