//! The instant of the common start, made of answers that tell the time remaining.
//!
//! The operator says "in 5 s" when it answers; the answer then travels. How long is not known, but it is
//! about half of a round trip, and the smallest round trip seen is the best guess of the one without waiting.
//! So the start is `answered + remaining − smallest round trip / 2`, off by at most half of the round trip
//! of that very call. No clock of another machine is read.

use std::time::Duration;

use tokio::time::Instant;

/// One call that told the time remaining.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartSample {
    /// The instant of the call.
    pub asked: Instant,
    /// The instant of its answer.
    pub answered: Instant,
    /// The time left until the start, by the answer.
    pub remaining: Duration,
    /// The time passed since the start, by the answer.
    pub past: Duration,
}

/// The start, by our own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartEstimate {
    /// The instant of the start; it may have passed already.
    pub at: Instant,
    /// The most by which the instant can be off, in either direction.
    pub uncertainty: Duration,
}

impl StartSample {
    /// The time of the call. A call that was held back took longer than its way.
    pub fn round_trip(&self) -> Duration {
        self.answered.duration_since(self.asked)
    }

    /// The start by this sample, with the smallest round trip of any call to the operator.
    pub fn estimate(&self, smallest_round_trip: Duration) -> StartEstimate {
        let way = smallest_round_trip.min(self.round_trip()) / 2;
        let told = self.answered + self.remaining;
        let start = told.checked_sub(self.past).unwrap_or(told);
        StartEstimate {
            at: start.checked_sub(way).unwrap_or(start),
            // The answer was sent at some instant between asking and receiving it.
            uncertainty: self.round_trip().saturating_sub(way),
        }
    }
}

/// The less uncertain of two estimates.
pub fn better(first: StartEstimate, second: StartEstimate) -> StartEstimate {
    if second.uncertainty < first.uncertainty { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn sample(round_trip: Duration, remaining: Duration) -> (Instant, StartSample) {
        let asked = Instant::now();
        (asked, StartSample { asked, answered: asked + round_trip, remaining, past: Duration::ZERO })
    }

    #[test]
    fn half_of_the_round_trip_is_taken_off() {
        let (asked, sample) = sample(ms(20), ms(5_000));
        let expected = StartEstimate { at: asked + ms(5_010), uncertainty: ms(10) };
        assert_eq!(sample.estimate(ms(20)), expected);
    }

    #[test]
    fn an_answer_that_was_held_back_is_corrected_by_the_smallest_round_trip() {
        let (asked, sample) = sample(ms(9_000), ms(5_000));
        let expected = StartEstimate { at: asked + ms(13_999), uncertainty: ms(8_999) };
        assert_eq!(sample.estimate(ms(2)), expected);
    }

    #[test]
    fn a_start_that_has_passed_is_known_as_well() {
        let (asked, sample) = sample(ms(20), ms(0));
        let passed = StartSample { past: ms(7), ..sample };
        let expected = StartEstimate { at: asked + ms(3), uncertainty: ms(10) };
        assert_eq!(passed.estimate(ms(20)), expected);
    }

    #[test]
    fn a_prompt_answer_is_better_than_one_that_was_held_back() {
        let (_, held) = sample(ms(9_000), ms(5_000));
        let (_, prompt) = sample(ms(2), ms(4_500));
        let (held, prompt) = (held.estimate(ms(2)), prompt.estimate(ms(2)));
        assert_eq!(better(held, prompt), prompt);
        assert_eq!(better(prompt, held), prompt);
    }
}
