//! How many lines matched, by the second, in bounded space.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most steps that are kept apart. When there are more, two become one, which lasts twice as long.
const MOST_STEPS: usize = 256;
const MINUTE: i64 = 60;
/// The farthest that a line may be from the base, and the longest step, in seconds: farther than any two instants are apart.
const FARTHEST_SECONDS: i64 = 1 << 40;

/// How many lines there were within each step of time, which is a second at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub(super) struct Tally {
    step_seconds: i64,
    /// By the number of the step, counted from the recording's base.
    steps: BTreeMap<i64, u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { step_seconds: 1, steps: BTreeMap::new() }
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Self::deserialize(deserializer)?;
        if read.is_possible() { Ok(read) } else { Err(D::Error::custom("a tally that nobody has counted")) }
    }
}

impl Tally {
    /// Whether counting can have come to this: whoever stored it may have been somebody else.
    fn is_possible(&self) -> bool {
        let Self { step_seconds, steps } = self;
        (1..=FARTHEST_SECONDS).contains(step_seconds)
            && steps.len() <= MOST_STEPS
            && steps
                .keys()
                .all(|step| step.unsigned_abs() <= (FARTHEST_SECONDS / step_seconds).unsigned_abs())
    }

    /// Adds so many lines of this second since the base.
    pub(super) fn add(&mut self, second: i64, lines: u64) {
        add(&mut self.steps, second.div_euclid(self.step_seconds), lines);
        while self.steps.len() > MOST_STEPS {
            self.widen();
        }
    }

    /// Adds all of another one.
    pub(super) fn absorb(&mut self, other: &Self) {
        while self.step_seconds < other.step_seconds {
            self.widen();
        }
        for (step, lines) in &other.steps {
            self.add(step.saturating_mul(other.step_seconds), *lines);
        }
    }

    fn widen(&mut self) {
        self.step_seconds = self.step_seconds.saturating_mul(2);
        let mut wider: BTreeMap<i64, u64> = BTreeMap::new();
        for (step, lines) in std::mem::take(&mut self.steps) {
            add(&mut wider, step.div_euclid(2), lines);
        }
        self.steps = wider;
    }

    /// How many lines there were within these seconds. A step that is longer than a second and only partly within them
    /// counts whole.
    pub(super) fn count(&self, seconds: &RangeInclusive<i64>) -> u64 {
        self.within(seconds).map(|(_, count)| count).fold(0, u64::saturating_add)
    }

    /// How many lines there were in each minute of these seconds: also in those without any.
    pub(super) fn by_minute(&self, seconds: &RangeInclusive<i64>) -> BTreeMap<i64, u64> {
        let (first, last) = (seconds.start().div_euclid(MINUTE), seconds.end().div_euclid(MINUTE));
        let mut minutes: BTreeMap<i64, u64> = (first..=last).map(|minute| (minute, 0)).collect();
        for (second, count) in self.within(seconds) {
            add(&mut minutes, second.max(*seconds.start()).div_euclid(MINUTE), count);
        }
        minutes
    }

    /// The steps that touch these seconds, each with its first second.
    fn within(&self, seconds: &RangeInclusive<i64>) -> impl Iterator<Item = (i64, u64)> {
        let step = self.step_seconds;
        let steps = seconds.start().div_euclid(step)
            ..=seconds.end().div_euclid(step).max(seconds.start().div_euclid(step));
        self.steps.range(steps).map(move |(number, count)| (number.saturating_mul(step), *count))
    }
}

fn add(steps: &mut BTreeMap<i64, u64>, step: i64, lines: u64) {
    let sum = steps.entry(step).or_default();
    *sum = sum.saturating_add(lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(seconds: impl IntoIterator<Item = i64>) -> Tally {
        let mut tally = Tally::default();
        seconds.into_iter().for_each(|second| tally.add(second, 1));
        tally
    }

    #[test]
    fn only_lines_within_the_window_count() {
        let tally = tally([-5, 0, 9, 10, 10, 30, 70, 71, 200]);
        assert_eq!(tally.count(&(10..=71)), 5);
        assert_eq!(tally.by_minute(&(10..=130)), [(0, 3), (1, 2), (2, 0)].into());
    }

    #[test]
    fn a_long_time_takes_no_more_room_and_no_line_is_lost() {
        let tally = tally(0..7_200);
        assert!(tally.steps.len() <= MOST_STEPS, "{}", tally.steps.len());
        assert_eq!((tally.step_seconds, tally.count(&(0..=7_200))), (32, 7_200));
        let inner = tally.count(&(600..=6_600));
        assert!((6_001..6_001 + 64).contains(&inner), "{inner}");
        let mut both = self::tally([0, 0, 7_199]);
        both.absorb(&tally);
        assert_eq!((both.step_seconds, both.count(&(0..=7_200))), (32, 7_203));
        assert_eq!(tally.by_minute(&(600..=6_600)).values().sum::<u64>(), inner);
    }
}
