//! Durations of the API. Each has bounds in its type, so that no field can be without.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::DurationText;

/// A duration from `MIN` to `MAX` seconds. The schema refuses all others. A spec that was stored under an older schema
/// is read all the same, since one that cannot be read would hide all tests from their watch; whoever uses the duration
/// gets the nearest one within the bounds, and [`out_of_bounds`](Self::out_of_bounds) tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BoundedDuration<const MIN: u64, const MAX: u64>(DurationText);

/// A duration that its field cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// The field: `observe.interval`.
    pub field: &'static str,
    /// What was written.
    pub written: DurationText,
    /// The shortest that it can be.
    pub shortest: DurationText,
    /// The longest that it can be.
    pub longest: DurationText,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, written, shortest, longest } = self;
        write!(formatter, "{field} is {written}: write a duration from {shortest} to {longest}")
    }
}

impl std::error::Error for OutOfBounds {}

impl<const MIN: u64, const MAX: u64> BoundedDuration<MIN, MAX> {
    /// The shortest.
    pub const SHORTEST: DurationText = DurationText::from_seconds(MIN);
    /// The longest.
    pub const LONGEST: DurationText = DurationText::from_seconds(MAX);

    /// A duration of so many seconds, which have to be within the bounds. Meant for constants, where it is checked when
    /// the program is compiled.
    ///
    /// # Panics
    ///
    /// Where they are not.
    pub const fn from_seconds(seconds: u64) -> Self {
        assert!(MIN <= seconds && seconds <= MAX, "the duration is out of its bounds");
        Self(DurationText::from_seconds(seconds))
    }

    /// The duration, or the nearest one within the bounds.
    pub fn get(self) -> Duration {
        self.0.get().clamp(Self::SHORTEST.get(), Self::LONGEST.get())
    }

    /// What is wrong with it, where it is the value of this field.
    pub fn out_of_bounds(self, field: &'static str) -> Option<OutOfBounds> {
        let (written, shortest, longest) = (self.0, Self::SHORTEST, Self::LONGEST);
        (self.get() != written.get()).then_some(OutOfBounds { field, written, shortest, longest })
    }
}

#[cfg(feature = "kube")]
impl<const MIN: u64, const MAX: u64> schemars::JsonSchema for BoundedDuration<MIN, MAX> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("DurationFrom{MIN}To{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (shortest, longest) = (Self::SHORTEST, Self::LONGEST);
        schemars::json_schema!({
            "type": "string",
            "maxLength": 20,
            "pattern": "^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$",
            "minLength": 2,
            "x-kubernetes-validations": [{
                "rule": format!("duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')"),
                "message": format!("write a duration from {shortest} to {longest}, as in 90s, 15m or 1h30m"),
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Field = BoundedDuration<2, 90>;

    fn read(text: &str) -> Field {
        serde_json::from_value(serde_json::json!(text)).unwrap()
    }

    #[test]
    fn a_duration_within_its_bounds_is_used_as_it_is_written() {
        for (text, seconds) in [("2s", 2), ("1m", 60), ("90s", 90)] {
            assert_eq!(read(text).get(), Duration::from_secs(seconds));
            assert_eq!(read(text).out_of_bounds("interval"), None);
        }
    }

    #[test]
    fn a_duration_out_of_its_bounds_is_read_never_used_and_told() {
        for (text, used) in [("0s", 2), ("1s", 2), ("91s", 90), ("999999h", 90)] {
            assert_eq!(read(text).get(), Duration::from_secs(used), "{text}");
            assert_eq!(read(text).out_of_bounds("interval").unwrap().field, "interval");
        }
        assert_eq!(
            read("0s").out_of_bounds("observe.interval").unwrap().to_string(),
            "observe.interval is 0s: write a duration from 2s to 1m30s"
        );
    }

    #[test]
    fn what_was_written_is_written_again_as_it_was() {
        assert_eq!(serde_json::to_value(read("0s")).unwrap(), "0s");
    }
}
