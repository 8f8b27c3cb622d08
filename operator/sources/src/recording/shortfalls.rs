//! The shortfalls of a source: by reason, and bounded.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use throughput_model::source_report::Shortfall;

use crate::error::SourceError;
use crate::text::{bounded, is_bounded};

/// The most different shortfalls. Of more only that there are more is told.
const MOST_SHORTFALLS: usize = 8;
/// The most metrics that one shortfall names; one that takes from more is taken to take from all.
const MOST_METRICS: usize = 64;
/// The reason of what is beyond [`MOST_SHORTFALLS`].
const MORE: &str = "More";

/// The shortfalls of a source, each reason once, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Shortfalls(Vec<Shortfall>);

impl Shortfalls {
    /// Whether there are no more, and no longer ones, than are ever noted.
    pub(super) fn are_bounded(&self) -> bool {
        let is_bounded = |shortfall: &Shortfall| {
            is_bounded(&shortfall.reason)
                && is_bounded(&shortfall.message)
                && shortfall.metrics.as_ref().is_none_or(|metrics| metrics.len() <= MOST_METRICS)
        };
        self.0.len() <= MOST_SHORTFALLS + 1 && self.0.iter().all(is_bounded)
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Shortfall] {
        &self.0
    }

    /// Notes that something could not be seen. What comes again with the same reason is counted, and takes from what
    /// either took from.
    pub(super) fn note(&mut self, error: &SourceError, at: Timestamp) {
        let metrics = error.metrics.clone().filter(|metrics| metrics.len() <= MOST_METRICS);
        let same = self.0.iter_mut().find(|shortfall| shortfall.reason == error.reason);
        if let Some(shortfall) = same {
            let both = shortfall.metrics.take().zip(metrics).map(|(before, now)| &before | &now);
            shortfall.metrics = both.filter(|metrics| metrics.len() <= MOST_METRICS);
            shortfall.count = shortfall.count.saturating_add(1);
            shortfall.last_at = at;
        } else if self.0.len() < MOST_SHORTFALLS || error.reason == MORE {
            self.0.push(Shortfall {
                reason: error.reason.to_owned(),
                message: bounded(&error.message),
                metrics,
                count: 1,
                first_at: at,
                last_at: at,
            });
        } else {
            let message =
                format!("more was missing for other reasons, such as {}: {}", error.reason, error.message);
            self.note(&SourceError { reason: MORE, message, metrics }, at);
        }
    }

    /// Takes back what is missing no longer.
    pub(super) fn take_back(&mut self, reason: &str) {
        self.0.retain(|shortfall| shortfall.reason != reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Recording;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_shortfall_that_comes_again_is_counted() {
        let mut recording = Recording::new("rds", at(0));
        for second in 1..4 {
            let error = SourceError::new("Throttled", format!("Rate exceeded\n{second}"));
            recording.fall_short(&error, at(second));
        }
        let expected = Shortfall {
            reason: "Throttled".to_owned(),
            message: "Rate exceeded 1".to_owned(),
            metrics: None,
            count: 3,
            first_at: at(1),
            last_at: at(3),
        };
        assert_eq!(recording.shortfalls(), [expected]);
        recording.take_back("Throttled");
        assert!(recording.report().summary.is_complete());
    }

    #[test]
    fn what_falls_short_for_the_same_reason_takes_from_all_that_any_of_it_took_from() {
        let mut recording = Recording::new("prometheus", at(0));
        let no_data =
            |query: &str| SourceError::new("NoData", format!("{query} has no data")).only_of([query]);
        recording.fall_short(&no_data("latency"), at(1));
        recording.fall_short(&no_data("queue"), at(1));
        let both = Some(["latency", "queue"].map(str::to_owned).into());
        assert_eq!(recording.shortfalls()[0].metrics, both);
        recording.fall_short(&SourceError::new("NoData", "nothing at all"), at(2));
        recording.fall_short(&no_data("queue"), at(3));
        assert_eq!((recording.shortfalls()[0].metrics.as_ref(), recording.shortfalls()[0].count), (None, 4));
    }

    #[test]
    fn a_shortfall_beyond_those_that_are_kept_still_takes_from_its_figures() {
        const REASONS: [&str; MOST_SHORTFALLS + 2] =
            ["A", "B", "C", "D", "E", "F", "G", "H", "Reset", "Evicted"];
        let mut recording = Recording::new("postgres", at(0));
        for reason in REASONS {
            let metrics = [format!("of{reason}")];
            recording.fall_short(&SourceError::new(reason, "no").only_of(metrics), at(1));
        }
        let summary = recording.report().summary;
        assert_eq!(summary.shortfalls.len(), MOST_SHORTFALLS + 1);
        for reason in REASONS {
            assert!(summary.shortfall_of(&format!("postgres.of{reason}.max")).is_some(), "{reason}");
        }
        assert!(summary.shortfall_of("postgres.connections.max").is_none());
        let last = &summary.shortfalls[MOST_SHORTFALLS];
        assert_eq!((last.reason.as_str(), last.count), ("More", 2));
        assert!(last.message.ends_with("such as Reset: no"), "{}", last.message);
    }
}
