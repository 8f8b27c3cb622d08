//! How many lines matched, by the second, in bounded space.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::series::{self, Values};

/// The most steps that are kept apart. When there are more, two become one, which lasts twice as long.
const MOST_STEPS: usize = 256;
const MINUTE: i64 = 60;
/// The most points of a series.
const MOST_POINTS: i64 = series::MOST_POINTS.cast_signed() as i64;
/// The farthest that a line may be from the base, and the longest step, in seconds: farther than any two instants are apart.
const FARTHEST_SECONDS: i64 = 1 << 40;

/// The numbers of lines of each minute, in no more points than a series has.
#[derive(Debug, PartialEq)]
pub(super) struct ByMinute {
    /// How many minutes a point lasts. A series that is thinned out could not be written again: what is too long for it gets
    /// longer points at once.
    pub(super) minutes_a_point: i64,
    /// By a point's first minute.
    pub(super) points: BTreeMap<i64, Values>,
}

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

    /// How many lines there were in each minute of these seconds, also in those without any; none where the seconds end
    /// before they begin.
    pub(super) fn by_minute(&self, seconds: &RangeInclusive<i64>) -> ByMinute {
        let (first, last) = (seconds.start().div_euclid(MINUTE), seconds.end().div_euclid(MINUTE));
        let mut minutes: BTreeMap<i64, u64> = BTreeMap::new();
        for (second, count) in self.within(seconds) {
            add(&mut minutes, second.max(*seconds.start()).div_euclid(MINUTE), count);
        }
        let minutes_a_point = (last - first).max(0) / MOST_POINTS + 1;
        let mut points = BTreeMap::new();
        let mut minute = first;
        while minute <= last {
            let next = (minute + minutes_a_point).min(last + 1);
            let counted = minutes.range(minute..next).map(|(_, lines)| *lines);
            points.insert(minute, a_minute(counted, (next - minute).unsigned_abs()));
            minute = next;
        }
        ByMinute { minutes_a_point, points }
    }

    /// The steps that touch these seconds, each with its first second.
    fn within(&self, seconds: &RangeInclusive<i64>) -> impl Iterator<Item = (i64, u64)> {
        let step = self.step_seconds;
        let steps = seconds.start().div_euclid(step)
            ..=seconds.end().div_euclid(step).max(seconds.start().div_euclid(step));
        self.steps.range(steps).map(move |(number, count)| (number.saturating_mul(step), *count))
    }
}

/// The numbers of lines of so many minutes, of which those with lines were counted.
#[expect(clippy::cast_precision_loss, reason = "a number of lines")]
fn a_minute(counted: impl Iterator<Item = u64>, minutes: u64) -> Values {
    let counted = counted.map(|lines| Values::one(lines as f64)).reduce(Values::with);
    let none = |count| Values { count, ..Values::one(0.0) };
    match counted {
        Some(values) if values.count >= minutes => values,
        Some(values) => values.with(none(minutes - values.count)),
        None => none(minutes),
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
        let points = [(0, 3.0), (1, 2.0), (2, 0.0)].map(|(minute, lines)| (minute, Values::one(lines)));
        assert_eq!(tally.by_minute(&(10..=130)), ByMinute { minutes_a_point: 1, points: points.into() });
    }

    #[test]
    fn a_long_time_has_no_more_points_than_a_series_and_each_has_the_minutes_without_lines_too() {
        let ByMinute { minutes_a_point, points } = tally([0, 1, 60, 200, 40_000]).by_minute(&(0..=59_999));
        assert_eq!((minutes_a_point, points.len()), (5, 200));
        assert_eq!(points[&0], Values { count: 5, sum: 4.0, min: 0.0, max: 2.0 });
        assert_eq!(points[&665], Values { count: 5, sum: 1.0, min: 0.0, max: 1.0 });
        assert_eq!(points.values().map(|values| values.count).sum::<u64>(), 1_000);
        let month = tally([0]).by_minute(&(0..=31 * 86_400));
        assert!(month.points.len() <= series::MOST_POINTS, "{}", month.points.len());
        assert_eq!(tally([0]).by_minute(&RangeInclusive::new(0, -120)).points, BTreeMap::new());
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
        let sum: f64 = tally.by_minute(&(600..=6_600)).points.values().map(|values| values.sum).sum();
        assert!((sum - f64::from(u32::try_from(inner).unwrap())).abs() < 0.5, "{sum}");
    }
}
