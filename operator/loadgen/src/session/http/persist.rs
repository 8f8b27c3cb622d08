//! Calls to the operator, repeated until they succeed.
//!
//! The operator may be away for many minutes, as its pod moves or its node restarts, without harm to a run.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::collector::CallError;
use crate::durations::milliseconds;
use crate::ending::{Ending, Failure};

/// The pause after the first failure.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The longest time for which a refused token is tried: a restarted operator may know its tests a moment later.
const LONGEST_REFUSAL: Duration = Duration::from_mins(2);

/// Makes a call until it succeeds, with growing pauses. It ends without success when the attempt is over,
/// when another pod holds the index, when the token is refused for two minutes on end, or at `until`.
pub(super) async fn persist<T, Call: Future<Output = Result<T, CallError>>>(
    what: &'static str,
    until: Instant,
    mut call: impl FnMut() -> Call,
) -> Result<T, Ending> {
    let mut pause = SHORTEST_PAUSE;
    let mut refused_since = None;
    loop {
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let now = Instant::now();
        match &error {
            CallError::AttemptOver => return Err(Ending::AttemptOver),
            CallError::IndexTaken => return Err(Ending::Failed(Failure::IndexTaken)),
            CallError::TokenRefused => {
                let since = *refused_since.get_or_insert(now);
                if now.duration_since(since) >= LONGEST_REFUSAL {
                    return Err(Ending::Failed(Failure::TokenRefused));
                }
            }
            CallError::Transient(_) => refused_since = None,
        }
        if now + pause >= until {
            return Err(Ending::Failed(Failure::GaveUp { what, last: error.to_string() }));
        }
        tracing::warn!(what, %error, again_in_milliseconds = milliseconds(pause), "the operator did not take it");
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    fn transient() -> CallError {
        CallError::Transient("status 500: ".to_owned())
    }

    async fn calls(seconds: u64, answer: impl Fn(u32) -> Result<(), CallError>) -> (u32, Result<(), Ending>) {
        let mut calls = 0;
        let until = Instant::now() + Duration::from_secs(seconds);
        let outcome = persist("the test", until, || {
            calls += 1;
            ready(answer(calls))
        });
        let outcome = outcome.await;
        (calls, outcome)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_repeated_until_it_succeeds() {
        let (calls, outcome) = calls(3600, |call| if call < 30 { Err(transient()) } else { Ok(()) }).await;
        assert_eq!((calls, outcome), (30, Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_deadline_the_last_error_is_told() {
        let (calls, outcome) = calls(60, |_| Err(transient())).await;
        let last = transient().to_string();
        assert_eq!(outcome, Err(Ending::Failed(Failure::GaveUp { what: "the test", last })));
        assert!((8..=12).contains(&calls), "{calls} calls");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_attempt_and_a_taken_index_are_final() {
        let over = calls(60, |_| Err(CallError::AttemptOver)).await;
        assert_eq!(over, (1, Err(Ending::AttemptOver)));
        let taken = calls(60, |_| Err(CallError::IndexTaken)).await;
        assert_eq!(taken, (1, Err(Ending::Failed(Failure::IndexTaken))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_given_up_only_when_it_is_refused_for_two_minutes() {
        let begun = Instant::now();
        let (_, outcome) = calls(3600, |_| Err(CallError::TokenRefused)).await;
        assert_eq!(outcome, Err(Ending::Failed(Failure::TokenRefused)));
        assert!(begun.elapsed() >= LONGEST_REFUSAL && begun.elapsed() <= LONGEST_REFUSAL + LONGEST_PAUSE);
        let sometimes = |call: u32| match call {
            100.. => Ok(()),
            _ if call.is_multiple_of(5) => Err(transient()),
            _ => Err(CallError::TokenRefused),
        };
        assert_eq!(calls(3600, sometimes).await.1, Ok(()));
    }
}
