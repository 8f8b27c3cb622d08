//! Durations as people write them in a resource: `30s`, `15m`, `2h`, `1h30m`.

mod bounded;

pub use bounded::{BoundedDuration, OutOfBounds};

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The most hours: a number of six digits.
const MOST_HOURS: u64 = 999_999;

/// A duration of whole seconds, written with the units `h`, `m` and `s` in that order: `15m`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DurationText(Duration);

/// A text that is not such a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotADuration(String);

impl DurationText {
    /// A duration of so many seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl fmt::Display for NotADuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:?} is not a duration: write hours, minutes and seconds as in 90s, 15m or 1h30m",
            self.0
        )
    }
}

impl std::error::Error for NotADuration {}

impl FromStr for DurationText {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let not_a_duration = || NotADuration(text.chars().take(40).collect());
        let mut seconds = 0_u64;
        let mut rest = text;
        for (unit, seconds_per_unit) in [('h', 3600), ('m', 60), ('s', 1)] {
            if let Some((number, after)) = rest.split_once(unit) {
                let plain = !number.is_empty()
                    && number.len() <= 6
                    && number.bytes().all(|byte| byte.is_ascii_digit());
                let number: u64 = plain.then(|| number.parse().ok()).flatten().ok_or_else(not_a_duration)?;
                seconds += number * seconds_per_unit;
                rest = after;
            }
        }
        // More than that would be written with more digits than are read.
        if text.is_empty() || !rest.is_empty() || seconds / 3600 > MOST_HOURS {
            Err(not_a_duration())
        } else {
            Ok(Self::from_seconds(seconds))
        }
    }
}

impl TryFrom<String> for DurationText {
    type Error = NotADuration;

    fn try_from(text: String) -> Result<Self, NotADuration> {
        text.parse()
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let mut written = false;
        for (number, unit) in [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')] {
            if number > 0 {
                write!(formatter, "{number}{unit}")?;
                written = true;
            }
        }
        if written { Ok(()) } else { formatter.write_str("0s") }
    }
}

impl From<DurationText> for String {
    fn from(duration: DurationText) -> Self {
        duration.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let seconds = ["90s", "15m", "2h", "1h30m", "1h0m5s"]
            .map(|text| text.parse::<DurationText>().unwrap().get().as_secs());
        assert_eq!(seconds, [90, 900, 7_200, 5_400, 3_605]);
    }

    #[test]
    fn durations_print_as_they_are_read() {
        for text in ["1m30s", "15m", "2h", "1h30m", "0s", "999999h59m59s"] {
            assert_eq!(text.parse::<DurationText>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "m", "5m3h", "1.5h", "-1s", "5 m", "9999999s", "1d", "999999h60m"] {
            assert!(text.parse::<DurationText>().is_err(), "{text}");
        }
    }
}
