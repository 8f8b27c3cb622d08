//! Waiting for a condition, never for a time.

use std::fmt::Debug;
use std::time::Duration;

/// For what takes a moment on an idle machine. Long, since the machine may be busy with other tests.
pub const SOON: Duration = Duration::from_mins(1);
/// Between the first two looks. It doubles, so that a long wait costs what is measured meanwhile next to nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Between two looks, at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Looks until there is something, and returns it. Panics after the deadline.
pub async fn until<T>(what: &str, deadline: Duration, look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = found_within(deadline, look).await;
    found.unwrap_or_else(|| panic!("not within {deadline:?}: {what}"))
}

/// Looks until what is seen is as wanted, and returns it. Panics after the deadline, with what was seen last.
pub async fn until_seen<T: Debug>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let mut last = None;
    let found = found_within(deadline, async || {
        let seen = look().await;
        if wanted(&seen) {
            return Some(seen);
        }
        last = Some(seen);
        None
    });
    let found = found.await;
    found.unwrap_or_else(|| panic!("not within {deadline:?}: {what}; what was seen last: {last:#?}"))
}

/// The same, for what comes [`SOON`].
pub async fn eventually<T: Debug>(
    what: &str,
    look: impl AsyncFnMut() -> T,
    wanted: impl Fn(&T) -> bool,
) -> T {
    until_seen(what, SOON, look, wanted).await
}

/// A look that does not end is given up at the deadline.
async fn found_within<T>(deadline: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let looking = async {
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    };
    tokio::time::timeout(deadline, looking).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_is_returned() {
        let mut looks = 0;
        let counting = async || {
            looks += 1;
            looks
        };
        assert_eq!(eventually("three looks", counting, |looks| *looks == 3).await, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "not within 120ms: four; what was seen last: Some(\n    3,\n)")]
    async fn what_does_not_come_is_told_with_what_was_seen_last() {
        until_seen("four", Duration::from_millis(120), async || 3, |seen| *seen == 4).await;
    }

    #[tokio::test]
    #[should_panic(expected = "not within 10ms: an answer")]
    async fn a_look_that_hangs_is_not_waited_for() {
        until("an answer", Duration::from_millis(10), std::future::pending::<Option<()>>).await;
    }
}
