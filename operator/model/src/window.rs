//! The time that a cell's figures are about.

use jiff::{SignedDuration, Timestamp};

/// The longest window, in hours: more than all deadlines of a cell together. Sources keep something for each of its
/// minutes, and a status may say anything.
const LONGEST_HOURS: i64 = 31 * 24;

/// The time in which a cell had load, until the last of it was worked off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When the load began.
    pub start: Timestamp,
    /// When the last of it was worked off.
    pub end: Timestamp,
}

impl Window {
    /// From an instant to another: to the first where the other is before it, and no longer than a cell can take.
    pub fn between(start: Timestamp, end: Timestamp) -> Self {
        let latest = start.checked_add(SignedDuration::from_hours(LONGEST_HOURS)).unwrap_or(Timestamp::MAX);
        Self { start, end: end.max(start).min(latest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_no_longer_than_a_cell_can_take_whatever_a_status_says() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (start, end) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T02:00:00Z"));
        assert_eq!(Window::between(start, end), Window { start, end });
        assert_eq!(Window::between(end, start), Window { start: end, end });
        let days = |window: Window| window.end.duration_since(window.start).as_hours() / 24;
        for (start, end) in [(Timestamp::MIN, end), (start, Timestamp::MAX), (Timestamp::MIN, Timestamp::MAX)]
        {
            assert_eq!(days(Window::between(start, end)), 31);
        }
        assert_eq!(Window::between(Timestamp::MAX, Timestamp::MAX).end, Timestamp::MAX);
    }
}
