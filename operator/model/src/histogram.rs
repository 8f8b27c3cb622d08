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
/// implementations share, uncompressed and of exactly this range.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencyHistogram(hdrhistogram::Histogram<u64>);

/// The longest text of a histogram, in characters. There are 24,576 counters; a text of this length has four bytes for
/// each, as those of 25 billion values could take.
pub const LONGEST_TEXT: usize = 128 * 1024;

/// The most values that a text may have. The counts of all generators together are far from the largest number that can
/// be written.
const MOST_VALUES: u64 = 1 << 40;
/// The most bytes that a number of the encoding takes, seven bits in each: that of [`MOST_VALUES`] has 42 of them.
const LONGEST_NUMBER: usize = 6;

/// A text that is not a histogram of this kind.
#[derive(Debug, thiserror::Error)]
#[error("not a latency histogram: {0}")]
pub struct NotAHistogram(String);

/// The text form of a [`LatencyHistogram`], which was read once and found to be one. It takes much less room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct EncodedHistogram(String);

/// What the V2 encoding begins with: 40 bytes, in network order.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Header {
    cookie: u32,
    /// The bytes that follow the header.
    payload: u32,
    offset: u32,
    significant_figures: u32,
    lowest: u64,
    highest: u64,
    ratio: f64,
}

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

    /// Reads the shared text form. The memory that it takes does not depend on what the text claims.
    pub fn from_text(text: &str) -> Result<Self, NotAHistogram> {
        if text.len() > LONGEST_TEXT {
            let words = format!("{} characters, at most {LONGEST_TEXT} are taken", text.len());
            return Err(NotAHistogram(words));
        }
        let bytes = BASE64.decode(text).map_err(|error| NotAHistogram(error.to_string()))?;
        Header::read(&bytes)?.check(bytes.len())?;
        check_numbers(&bytes[Header::BYTES..])?;
        let foreign: hdrhistogram::Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| NotAHistogram(error.to_string()))?;
        if foreign.iter_recorded().fold(0, |sum: u64, value| sum.saturating_add(value.count_at_value()))
            > MOST_VALUES
        {
            return Err(NotAHistogram(format!("more than {MOST_VALUES} values")));
        }
        let mut histogram = Self::new();
        for value in foreign.iter_recorded() {
            let microseconds = value.value_iterated_to().clamp(1, LARGEST_MICROSECONDS);
            histogram.0.saturating_record_n(microseconds, value.count_at_value());
        }
        Ok(histogram)
    }
}

/// Refuses numbers that no histogram has: neither counts nor, as negative ones, runs of empty counters. The library turns
/// those around without looking whether it can.
fn check_numbers(payload: &[u8]) -> Result<(), NotAHistogram> {
    // A number's last byte is the one without the highest bit.
    if payload.split(|byte| byte & 0x80 == 0).any(|begun| begun.len() >= LONGEST_NUMBER) {
        return Err(NotAHistogram(format!("a number of more than {LONGEST_NUMBER} bytes")));
    }
    Ok(())
}

#[cfg(test)]
impl LatencyHistogram {
    /// A histogram whose every counter has thousands of values.
    pub(crate) fn full() -> Self {
        let (mut full, mut value) = (Self::new(), 1);
        while value < LARGEST_MICROSECONDS {
            full.0.saturating_record_n(value, 8_000);
            value = full.0.next_non_equivalent(value);
        }
        full
    }
}

impl Header {
    const BYTES: usize = 40;
    const COOKIE: u32 = 0x1c84_9313;

    fn read(bytes: &[u8]) -> Result<Self, NotAHistogram> {
        let mut rest = bytes;
        let mut word = || {
            let (first, others) = rest.split_first_chunk::<4>()?;
            rest = others;
            Some(u32::from_be_bytes(*first))
        };
        let mut read = || {
            let (cookie, payload, offset, significant_figures) = (word()?, word()?, word()?, word()?);
            let mut double = || Some(u64::from(word()?) << 32 | u64::from(word()?));
            let (lowest, highest, ratio) = (double()?, double()?, f64::from_bits(double()?));
            Some(Self { cookie, payload, offset, significant_figures, lowest, highest, ratio })
        };
        read().ok_or_else(|| NotAHistogram(format!("{} bytes are too few", bytes.len())))
    }

    /// Refuses what is not of our range, or claims more bytes than there are, before anything is made of it.
    fn check(&self, bytes: usize) -> Result<(), NotAHistogram> {
        let Self { cookie, payload, offset, significant_figures, lowest, highest, ratio } = *self;
        if cookie != Self::COOKIE || offset != 0 || ratio.to_bits() != 1.0_f64.to_bits() {
            return Err(NotAHistogram("not an uncompressed one of encoding V2".to_owned()));
        }
        if usize::try_from(payload).ok() != bytes.checked_sub(Self::BYTES) {
            let words = format!("its header claims {payload} bytes, and {bytes} are there with the header");
            return Err(NotAHistogram(words));
        }
        if (lowest, highest, significant_figures) != (1, LARGEST_MICROSECONDS, u32::from(SIGNIFICANT_FIGURES))
        {
            return Err(NotAHistogram(format!(
                "its header claims {lowest} to {highest} with {significant_figures} significant figures, and 1 to {LARGEST_MICROSECONDS} with {SIGNIFICANT_FIGURES} are taken"
            )));
        }
        Ok(())
    }
}

impl EncodedHistogram {
    /// The histogram.
    pub fn decode(&self) -> LatencyHistogram {
        // The text was read before this was made of it.
        LatencyHistogram::from_text(&self.0).unwrap_or_default()
    }
}

impl From<&LatencyHistogram> for EncodedHistogram {
    fn from(histogram: &LatencyHistogram) -> Self {
        Self(histogram.to_text())
    }
}

impl<'de> Deserialize<'de> for EncodedHistogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        LatencyHistogram::from_text(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(text))
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

    /// The bytes of a histogram of one value, with some of them replaced.
    fn forged(at: usize, bytes: &[u8]) -> String {
        let mut forged = BASE64.decode(of([20]).to_text()).unwrap();
        forged[at..at + bytes.len()].copy_from_slice(bytes);
        BASE64.encode(forged)
    }

    /// The text of a histogram that has these numbers.
    fn with_numbers(numbers: &[u8]) -> String {
        let mut bytes = BASE64.decode(of([20]).to_text()).unwrap();
        bytes.truncate(Header::BYTES);
        bytes[4..8].copy_from_slice(&u32::try_from(numbers.len()).unwrap().to_be_bytes());
        bytes.extend(numbers);
        BASE64.encode(bytes)
    }

    fn fault(text: &str) -> String {
        LatencyHistogram::from_text(text).unwrap_err().to_string()
    }

    #[test]
    fn a_hostile_text_is_refused_with_a_reason() {
        for (text, words) in [
            ("no base64!".to_owned(), "Invalid symbol 32"),
            (String::new(), "0 bytes are too few"),
            (BASE64.encode([0_u8; 39]), "39 bytes are too few"),
            (BASE64.encode([0_u8; 64]), "not an uncompressed one of encoding V2"),
            // A compressed one could unpack to anything.
            (forged(3, &[0x14]), "not an uncompressed one of encoding V2"),
            (forged(8, &1_u32.to_be_bytes()), "not an uncompressed one of encoding V2"),
            (forged(32, &2.0_f64.to_be_bytes()), "not an uncompressed one of encoding V2"),
            ("A".repeat(LONGEST_TEXT + 4), "131076 characters, at most 131072 are taken"),
        ] {
            let fault = fault(&text);
            assert!(fault.starts_with(&format!("not a latency histogram: {words}")), "{fault}");
        }
    }

    #[test]
    fn a_header_that_claims_more_than_there_is_takes_no_memory() {
        // Four gibibytes in 60 characters.
        let huge = forged(4, &u32::MAX.to_be_bytes());
        assert!(huge.len() < 80);
        assert!(fault(&huge).contains("its header claims 4294967295 bytes, and"), "{}", fault(&huge));
        for (at, bytes) in
            [(12, 5_u64.to_be_bytes()), (16, 0_u64.to_be_bytes()), (24, u64::MAX.to_be_bytes())]
        {
            let text = if at == 12 { forged(at, &5_u32.to_be_bytes()) } else { forged(at, &bytes) };
            assert!(fault(&text).contains("and 1 to 7200000000 with 3 are taken"), "{}", fault(&text));
        }
    }

    #[test]
    fn counts_that_no_load_can_have_are_refused() {
        // Two counters that hold the most of all together each, which is twice as much.
        let most = [0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
        assert_eq!(LatencyHistogram::from_text(&with_numbers(&most)).unwrap().count(), MOST_VALUES);
        assert!(fault(&with_numbers(&[most, most].concat())).contains("more than 1099511627776 values"));
    }

    #[test]
    fn numbers_that_no_histogram_has_are_refused_before_anything_is_reckoned_with_them() {
        let smallest = [0xff; 9];
        let largest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let hidden = [[0xff; 9], [0; 9]].concat();
        for numbers in [smallest.as_slice(), &largest, &hidden, &[0xff; 6]] {
            let text = with_numbers(numbers);
            assert!(fault(&text).contains("a number of more than 6 bytes"), "{}", fault(&text));
        }
        assert!(fault(&with_numbers(&[0xff; 5])).contains("An i/o operation failed"));
    }

    #[test]
    fn a_histogram_whose_every_counter_is_used_fits_into_the_longest_text() {
        let full = LatencyHistogram::full();
        let text = full.to_text();
        assert!(text.len() > 60_000 && text.len() < LONGEST_TEXT, "{}", text.len());
        assert_eq!(LatencyHistogram::from_text(&text).unwrap(), full);
    }
}
