//! A metric of one subject over time, in bounded space.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use throughput_model::source_report::{FARTHEST_MILLISECONDS, Series, SeriesPoint};

/// The most points that a series has. When there are more, two become one, which lasts twice as long.
pub const MOST_POINTS: usize = 240;

/// The values of one step: their number, sum and extremes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Values {
    /// The number of values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// A series in the making. One that is read has been looked at: its steps are longer than nothing, and where they can be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct SeriesRecorder {
    step_milliseconds: i64,
    /// How long after the base the steps begin: those that others count, as CloudWatch's minutes, do not begin with it.
    #[serde(default)]
    offset_milliseconds: i64,
    /// By the number of the step, counted from the base and the offset.
    steps: BTreeMap<i64, Values>,
}

impl Values {
    /// A single value.
    pub fn one(value: f64) -> Self {
        Self { count: 1, sum: value, min: value, max: value }
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            // What is no number any more could not be stored.
            sum: (self.sum + other.sum).clamp(f64::MIN, f64::MAX),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// The mean of the values, 0 where there is none.
    #[expect(clippy::cast_precision_loss, reason = "a number of samples")]
    pub fn mean(self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// Whether all of them are numbers: others cannot be stored.
    pub(crate) fn are_finite(self) -> bool {
        [self.sum, self.min, self.max].into_iter().all(f64::is_finite)
    }
}

impl Serialize for SeriesRecorder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for SeriesRecorder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Self::deserialize(deserializer)?;
        if read.is_possible() { Ok(read) } else { Err(D::Error::custom("a series that no recorder has")) }
    }
}

impl SeriesRecorder {
    /// A series whose points last so long at first.
    pub fn new(step_milliseconds: u32) -> Self {
        Self {
            step_milliseconds: i64::from(step_milliseconds.max(1)),
            offset_milliseconds: 0,
            steps: BTreeMap::new(),
        }
    }

    /// Whether a recorder can have come to this: whoever stored it may have been somebody else.
    fn is_possible(&self) -> bool {
        let Self { step_milliseconds, offset_milliseconds, steps } = self;
        let farthest = FARTHEST_MILLISECONDS.cast_signed();
        (1..=farthest).contains(step_milliseconds)
            && (0..*step_milliseconds).contains(offset_milliseconds)
            && steps.len() <= MOST_POINTS
            && steps
                .keys()
                .all(|step| step.unsigned_abs() <= FARTHEST_MILLISECONDS / step_milliseconds.unsigned_abs())
    }

    /// Adds a value.
    pub fn record(&mut self, since_base_milliseconds: i64, value: f64) {
        let values = Values::one(value);
        self.steps
            .entry(self.step_of(since_base_milliseconds))
            .and_modify(|before| *before = before.with(values))
            .or_insert(values);
        self.thin_out();
    }

    /// Sets what was seen within a whole step, which begins then, in place of what an earlier answer said of it.
    pub fn set(&mut self, since_base_milliseconds: i64, values: Values) {
        if self.steps.is_empty() {
            self.offset_milliseconds = since_base_milliseconds.rem_euclid(self.step_milliseconds);
        }
        self.steps.insert(self.step_of(since_base_milliseconds), values);
        self.thin_out();
    }

    /// All values together; none when there is none.
    pub fn all(&self) -> Option<Values> {
        self.steps.values().copied().reduce(Values::with)
    }

    /// The series as it is reported.
    pub fn series(&self, metric: &str, subject: &str) -> Series {
        Series {
            metric: metric.to_owned(),
            subject: subject.to_owned(),
            step_milliseconds: self.step_milliseconds.unsigned_abs(),
            points: self.steps.iter().map(|(step, values)| self.point(*step, *values)).collect(),
        }
    }

    fn point(&self, step: i64, values: Values) -> SeriesPoint {
        SeriesPoint {
            at_milliseconds: step
                .saturating_mul(self.step_milliseconds)
                .saturating_add(self.offset_milliseconds),
            min: rounded(values.min),
            mean: rounded(values.mean()),
            max: rounded(values.max),
        }
    }

    fn step_of(&self, since_base_milliseconds: i64) -> i64 {
        since_base_milliseconds.saturating_sub(self.offset_milliseconds).div_euclid(self.step_milliseconds)
    }

    fn thin_out(&mut self) {
        while self.steps.len() > MOST_POINTS {
            self.step_milliseconds = self.step_milliseconds.saturating_mul(2);
            let mut wider: BTreeMap<i64, Values> = BTreeMap::new();
            for (step, values) in std::mem::take(&mut self.steps) {
                wider
                    .entry(step.div_euclid(2))
                    .and_modify(|before| *before = before.with(values))
                    .or_insert(values);
            }
            self.steps = wider;
        }
    }
}

/// Milliseconds from one instant to another, negative when it is before.
pub fn milliseconds_since(base: Timestamp, at: Timestamp) -> i64 {
    at.as_millisecond() - base.as_millisecond()
}

/// The most decimals that are told: a power of ten with more is no number.
const MOST_DECIMALS: i32 = 300;

/// Six significant figures: more are noise, and take room.
pub fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    #[expect(clippy::cast_possible_truncation, reason = "an exponent of a finite number")]
    let exponent = (5 - value.abs().log10().floor() as i32).min(MOST_DECIMALS);
    // Dividing by a whole power of ten keeps the shortest text, where multiplying by a fraction would not.
    if exponent >= 0 {
        let factor = 10_f64.powi(exponent);
        (value * factor).round() / factor
    } else {
        let factor = 10_f64.powi(-exponent);
        (value / factor).round() * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_step_are_one_point() {
        let mut recorder = SeriesRecorder::new(1_000);
        for (at, value) in [(100, 1.0), (900, 3.0), (1_000, 7.0)] {
            recorder.record(at, value);
        }
        let series = recorder.series("cpuPercent", "");
        let points: Vec<(i64, f64, f64, f64)> = series.points.into_iter().map(Into::into).collect();
        assert_eq!(points, [(0, 1.0, 2.0, 3.0), (1_000, 7.0, 7.0, 7.0)]);
    }

    #[test]
    fn a_long_series_keeps_its_extremes_and_its_mean_in_fewer_points() {
        let mut recorder = SeriesRecorder::new(1_000);
        for second in 0..1_000 {
            recorder.record(second * 1_000, if second == 501 { 100.0 } else { 1.0 });
        }
        let series = recorder.series("cpuPercent", "");
        assert_eq!((series.step_milliseconds, series.points.len()), (8_000, 125));
        let peak = series.points.iter().find(|point| point.max > 99.0).unwrap();
        assert_eq!((peak.at_milliseconds, peak.min, peak.mean), (496_000, 1.0, 13.375));
        let all = recorder.all().unwrap();
        assert_eq!((all.count, all.min, all.max), (1_000, 1.0, 100.0));
        assert!((all.mean() - 1.099).abs() < 1e-9);
    }

    #[test]
    fn a_step_without_values_is_a_gap() {
        let mut recorder = SeriesRecorder::new(1_000);
        recorder.record(0, 1.0);
        recorder.record(5_000, 1.0);
        assert_eq!(recorder.series("x", "").points.len(), 2);
    }

    #[test]
    fn a_minute_that_is_asked_for_again_replaces_what_was_said_before() {
        let mut recorder = SeriesRecorder::new(60_000);
        recorder.set(-30_000, Values { count: 1, sum: 10.0, min: 5.0, max: 20.0 });
        recorder.set(-30_000, Values { count: 2, sum: 30.0, min: 5.0, max: 25.0 });
        let points: Vec<(i64, f64, f64, f64)> =
            recorder.series("x", "").points.into_iter().map(Into::into).collect();
        assert_eq!(points, [(-30_000, 5.0, 15.0, 25.0)]);
    }

    #[test]
    fn figures_have_six_significant_digits() {
        for (value, expected) in
            [(0.123_456_78, 0.123_457), (1_234_567.8, 1_234_570.0), (0.0, 0.0), (-2.5, -2.5)]
        {
            assert!((rounded(value) - expected).abs() < 1e-9, "{value}");
        }
        assert_eq!(rounded(1.0 / 3.0).to_string(), "0.333333");
    }
}
