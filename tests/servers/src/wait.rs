//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// Long, since the machine may be busy with other tests.
const DEADLINE: Duration = Duration::from_mins(1);

/// Tries until there is something, and returns it.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
