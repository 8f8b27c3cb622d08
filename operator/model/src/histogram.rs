//! Latencies in mergeable histograms of bounded size.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use serde::{Deserialize, Serialize};

/// The largest latency that can be told apart, in microseconds: two hours. Longer ones count as this one.
const LARGEST_MICROSECONDS: u64 = 2 * 3600 * 1_000_000;
/// Three significant figures: no recorded value is off by more than 0.1 %.
const SIGNIFICANT_FIGURES: u8 = 3;

/// Latencies in microseconds, from 1 µs to two hours, to three significant figures.
///
/// It takes the same memory however many values it holds, and two of them merge without loss, which
/// percentiles never do. As text it is the base64 form of the V2 encoding that all HDR histogram
/// implementations share.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyHistogram(hdrhistogram::Histogram<u64>);

/// A text that is not a histogram of this kind.
#[derive(Debug, thiserror::Error)]
#[error("not a latency histogram: {0}")]
pub struct NotAHistogram(String);

/// The latencies that reports quote, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LatencySummary {
    /// How many values.
    pub count: u64,
    /// The mean.
    pub mean_microseconds: u64,
    /// Half of the values are at most this.
    pub p50_microseconds: u64,
    /// 95 of 100 values are at most this.
    pub p95_microseconds: u64,
    /// 99 of 100 values are at most this.
    pub p99_microseconds: u64,
    /// The largest value.
    pub max_microseconds: u64,
}

impl LatencyHistogram {
    /// An empty histogram.
    ///
    /// # Panics
    /// Never: the bounds are constants that the library accepts.
    #[expect(clippy::expect_used, reason = "the bounds are constants, and a test makes one")]
    pub fn new() -> Self {
        Self(
            hdrhistogram::Histogram::new_with_bounds(1, LARGEST_MICROSECONDS, SIGNIFICANT_FIGURES)
                .expect("constant bounds"),
        )
    }

    /// Records one latency.
    pub fn record(&mut self, latency: std::time::Duration) {
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(microseconds.clamp(1, LARGEST_MICROSECONDS));
    }

    /// Adds all values of another histogram.
    pub fn merge(&mut self, other: &Self) {
        // Both have the same bounds (`new` and `from_text` see to it), the only thing that can fail here.
        let added = self.0.add(&other.0);
        debug_assert!(added.is_ok());
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The figures that reports quote; all 0 when nothing was recorded.
    pub fn summary(&self) -> LatencySummary {
        if self.0.is_empty() {
            return LatencySummary::default();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the mean lies between the bounds, far inside u64"
        )]
        let mean_microseconds = self.0.mean().round() as u64;
        LatencySummary {
            count: self.0.len(),
            mean_microseconds,
            p50_microseconds: self.0.value_at_quantile(0.50),
            p95_microseconds: self.0.value_at_quantile(0.95),
            p99_microseconds: self.0.value_at_quantile(0.99),
            max_microseconds: self.0.max(),
        }
    }

    /// The shared text form.
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail, and the counts fit: the only errors the encoder knows.
        let written = V2Serializer::new().serialize(&self.0, &mut bytes);
        debug_assert!(written.is_ok());
        BASE64.encode(bytes)
    }

    /// Reads the shared text form. Values outside of our bounds are moved to the nearest one.
    pub fn from_text(text: &str) -> Result<Self, NotAHistogram> {
        let bytes = BASE64.decode(text).map_err(|error| NotAHistogram(error.to_string()))?;
        let foreign: hdrhistogram::Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| NotAHistogram(error.to_string()))?;
        let mut histogram = Self::new();
        for value in foreign.iter_recorded() {
            let microseconds = value.value_iterated_to().clamp(1, LARGEST_MICROSECONDS);
            histogram.0.saturating_record_n(microseconds, value.count_at_value());
        }
        Ok(histogram)
    }
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Serialize for LatencyHistogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for LatencyHistogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_text(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::new();
        for value in milliseconds {
            histogram.record(Duration::from_millis(value));
        }
        histogram
    }

    #[test]
    fn two_merged_histograms_equal_one_that_saw_all_values() {
        let mut merged = of((1..=500).map(|n| n * 3));
        merged.merge(&of((501..=1_000).map(|n| n * 3)));
        assert_eq!(merged, of((1..=1_000).map(|n| n * 3)));
    }

    #[test]
    fn a_histogram_survives_its_text() {
        let histogram = of([1, 20, 300, 4_000, 50_000]);
        assert_eq!(LatencyHistogram::from_text(&histogram.to_text()).unwrap(), histogram);
    }

    #[test]
    fn a_value_beyond_the_bounds_counts_as_the_bound() {
        let summary = of([u64::MAX / 2_000]).summary();
        assert_eq!(summary.count, 1);
        assert!(summary.max_microseconds.abs_diff(LARGEST_MICROSECONDS) <= LARGEST_MICROSECONDS / 1_000);
    }

    #[test]
    fn a_hostile_text_is_refused() {
        assert!(LatencyHistogram::from_text("no base64!").is_err());
        assert!(LatencyHistogram::from_text(&BASE64.encode([0_u8; 64])).is_err());
    }
}
