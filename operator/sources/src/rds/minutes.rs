//! The whole minutes of a window: what CloudWatch counts in.

use jiff::Timestamp;

use crate::source::Window;

/// How long CloudWatch's minutes are.
pub(crate) const MINUTE_MILLISECONDS: u32 = 60_000;
const MINUTE_SECONDS: i64 = 60;

/// Minutes, counted since 1970: from the one in which a window begins to the one in which it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Minutes {
    /// The first.
    pub(crate) first: i64,
    /// The last.
    pub(crate) last: i64,
}

impl Minutes {
    /// The minutes that a window touches; one at least.
    pub(crate) fn of(window: Window) -> Self {
        let first = window.start.as_second().div_euclid(MINUTE_SECONDS);
        let end = window.end.as_second() + i64::from(window.end.subsec_nanosecond() > 0);
        Self { first, last: ((end + MINUTE_SECONDS - 1).div_euclid(MINUTE_SECONDS) - 1).max(first) }
    }

    /// The same minutes, and so many before them.
    #[must_use]
    pub(crate) fn with_before(self, minutes: i64) -> Self {
        Self { first: self.first - minutes, ..self }
    }

    /// How many they are.
    pub(crate) fn count(self) -> usize {
        usize::try_from(self.last - self.first + 1).unwrap_or_default()
    }

    /// All of them.
    pub(crate) fn all(self) -> std::ops::RangeInclusive<i64> {
        self.first..=self.last
    }

    /// When they begin, in seconds since 1970.
    pub(crate) fn start_second(self) -> i64 {
        self.first * MINUTE_SECONDS
    }

    /// When they are over, in seconds since 1970.
    pub(crate) fn end_second(self) -> i64 {
        (self.last + 1) * MINUTE_SECONDS
    }
}

/// The minute in which a second is.
pub(crate) fn minute_of(second: i64) -> i64 {
    second.div_euclid(MINUTE_SECONDS)
}

/// When a minute begins.
pub(crate) fn start_of(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * MINUTE_SECONDS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(start: &str, end: &str) -> (String, String) {
        let window = Window { start: start.parse().unwrap(), end: end.parse().unwrap() };
        let minutes = Minutes::of(window);
        (start_of(minutes.first).to_string(), start_of(minutes.last).to_string())
    }

    #[test]
    fn a_window_is_widened_to_whole_minutes() {
        for (end, last) in [
            ("2026-01-01T10:07:12Z", "2026-01-01T10:07:00Z"),
            ("2026-01-01T10:08:00Z", "2026-01-01T10:07:00Z"),
            ("2026-01-01T10:08:00.001Z", "2026-01-01T10:08:00Z"),
        ] {
            let minutes = of("2026-01-01T10:00:59.9Z", end);
            assert_eq!(minutes, ("2026-01-01T10:00:00Z".to_owned(), last.to_owned()), "{end}");
        }
    }

    #[test]
    fn an_instant_has_the_minute_that_it_is_in() {
        let minute = "2026-01-01T10:00:00Z".to_owned();
        assert_eq!(of("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"), (minute.clone(), minute));
    }

    #[test]
    fn minutes_begin_with_the_first_and_are_over_with_the_last() {
        let minutes = Minutes { first: 10, last: 12 };
        assert_eq!((minutes.count(), minutes.start_second(), minutes.end_second()), (3, 600, 780));
        assert_eq!(minutes.with_before(10), Minutes { first: 0, last: 12 });
        assert_eq!(minute_of(659), 10);
    }
}
