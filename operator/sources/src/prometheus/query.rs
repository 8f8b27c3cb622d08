//! How a query of the spec becomes a request to Prometheus's API. Pure.

use throughput_crds::PrometheusQuery;
use throughput_model::substitution::substitute;

use crate::series::MOST_POINTS;
use crate::source::Window;

/// What a query may have in it, as `$(window)`: the window's length.
pub(super) const WINDOW: &str = "window";
/// How long Prometheus itself may take, a little less than we wait.
const TIMEOUT: &str = "9s";

/// A query over a certain window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// How its figures are called.
    pub(super) name: String,
    /// The expression that is asked, with the window's length in it.
    pub(super) expression: String,
    /// When.
    pub(super) over: Over,
}

/// The instants at which a query is evaluated, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// At one.
    Instant {
        /// The window's end.
        at_milliseconds: i64,
    },
    /// At each step, the window's end among them.
    Range {
        /// The first.
        start_milliseconds: i64,
        /// The last.
        end_milliseconds: i64,
        /// From one to the next.
        step_seconds: u32,
    },
}

impl Query {
    /// The longest answer that is read, in bytes: a few series where one value is wanted, or twenty with all their points,
    /// and some more of each, so that what is wrong with a query can be said.
    pub(super) fn largest_answer_bytes(&self) -> usize {
        match self.over {
            Over::Instant { .. } => 256 << 10,
            Over::Range { .. } => 1 << 20,
        }
    }

    /// The query over this window.
    pub(super) fn new(query: &PrometheusQuery, window: Window) -> Self {
        let PrometheusQuery { name, range, instant } = query;
        let (start, end) = (window.start.as_millisecond(), window.end.as_millisecond());
        let milliseconds = u64::try_from(end - start).unwrap_or_default();
        let seconds = milliseconds.div_ceil(1_000).max(1);
        let over = if range.is_some() {
            let step_seconds = u32::try_from(seconds.div_ceil(MOST_POINTS as u64 - 1)).unwrap_or(u32::MAX);
            // Counted from the end: what the window came to is at its last point.
            let step = u64::from(step_seconds) * 1_000;
            let before_end = i64::try_from(milliseconds / step * step).unwrap_or_default();
            Over::Range { start_milliseconds: end - before_end, end_milliseconds: end, step_seconds }
        } else {
            Over::Instant { at_milliseconds: end }
        };
        let written = range.as_ref().or(instant.as_ref()).map_or("", String::as_str);
        let length = |name: &str| (name == WINDOW).then(|| format!("{seconds}s"));
        // A name that there is not was refused before anything was done.
        let expression = substitute(written, length).unwrap_or_else(|_| written.to_owned());
        Self { name: name.clone(), expression, over }
    }

    /// The path below the API's root.
    pub(super) fn path(&self) -> &'static str {
        match self.over {
            Over::Instant { .. } => "/api/v1/query",
            Over::Range { .. } => "/api/v1/query_range",
        }
    }

    /// The parameters of the request.
    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![("query", self.expression.clone()), ("timeout", TIMEOUT.to_owned())];
        match self.over {
            Over::Instant { at_milliseconds } => parameters.push(("time", seconds(at_milliseconds))),
            Over::Range { start_milliseconds, end_milliseconds, step_seconds } => parameters.extend([
                ("start", seconds(start_milliseconds)),
                ("end", seconds(end_milliseconds)),
                ("step", step_seconds.to_string()),
            ]),
        }
        parameters
    }
}

/// Milliseconds as seconds with three decimals, exactly.
fn seconds(milliseconds: i64) -> String {
    format!("{}.{:03}", milliseconds.div_euclid(1_000), milliseconds.rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn query(is_range: bool, from: i64, to: i64) -> Query {
        let expression = Some("rate(a[$(window)])".to_owned());
        let (range, instant) = if is_range { (expression, None) } else { (None, expression) };
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        let window = Window { start: at(from), end: at(to) };
        Query::new(&PrometheusQuery { name: "a".to_owned(), range, instant }, window)
    }

    #[test]
    fn the_window_is_written_in_whole_seconds() {
        assert_eq!(query(false, 1_000, 95_700).expression, "rate(a[95s])");
        assert_eq!(query(false, 1_000, 1_000).expression, "rate(a[1s])");
    }

    #[test]
    fn an_instant_query_is_at_the_windows_end() {
        let parameters = query(false, 1_000, 95_007).parameters();
        let expected = [("query", "rate(a[95s])"), ("timeout", "9s"), ("time", "95.007")];
        assert_eq!(parameters, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_range_ends_with_the_window_and_has_no_more_points_than_a_series() {
        for milliseconds in [0, 999, 1_000, 95_007, 239_000, 239_001, 240_000, 7_200_000, 90_000_123] {
            let Over::Range { start_milliseconds, end_milliseconds, step_seconds } =
                query(true, 10_000, 10_000 + milliseconds).over
            else {
                panic!("not a range");
            };
            let step = i64::from(step_seconds) * 1_000;
            let points = (end_milliseconds - start_milliseconds) / step + 1;
            assert_eq!(end_milliseconds, 10_000 + milliseconds);
            assert!(start_milliseconds >= 10_000 && start_milliseconds - 10_000 < step, "{milliseconds}");
            assert!(usize::try_from(points).unwrap() <= MOST_POINTS, "{milliseconds}: {points}");
        }
        assert_eq!(
            query(true, 0, 95_000).over,
            Over::Range { start_milliseconds: 0, end_milliseconds: 95_000, step_seconds: 1 }
        );
    }
}
