//! How much of a window CloudWatch has.

use std::collections::{BTreeMap, BTreeSet};

use crate::rds::cloudwatch_metric::{CloudWatchMetric, Names, OF_ANY_INSTANCE, Presence};
use crate::rds::minutes::{Minutes, start_of};
use crate::series::Values;

/// The points of each metric, by its index in the list that was asked for, and by the minute since the epoch.
pub(crate) type Points = BTreeMap<usize, BTreeMap<i64, Values>>;

/// How much of a window is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Coverage<'a> {
    /// Points that are there, of those that a complete window would have.
    pub(crate) percent: f64,
    /// Whether some metric's last minute is not there yet.
    pub(crate) lacks_the_end: bool,
    /// Minutes that are missing, by metric.
    pub(crate) missing: BTreeMap<&'a Names, Vec<i64>>,
    /// Metrics that were asked for by name and of which there is no point.
    pub(crate) unknown: Vec<&'a Names>,
}

/// Compares the points that are there with those that have to be. A metric with points before the window has to have them
/// within it; one without any is unknown to this engine, or comes only under load.
pub(crate) fn coverage<'a>(
    metrics: &'a [CloudWatchMetric],
    points: &Points,
    window: Minutes,
) -> Coverage<'a> {
    let empty = BTreeMap::new();
    let of = |index: usize| points.get(&index).unwrap_or(&empty);
    let (mut expected, mut there) = (0, 0);
    let mut coverage =
        Coverage { percent: 100.0, lacks_the_end: false, missing: BTreeMap::new(), unknown: Vec::new() };
    for (index, metric) in metrics.iter().enumerate() {
        let minutes = of(index);
        if metric.presence == Presence::Asked && minutes.is_empty() {
            coverage.unknown.push(&metric.names);
        }
        let is_expected = metric.presence == Presence::EachMinute && !minutes.is_empty();
        if !is_expected && metric.names.cloud_watch != OF_ANY_INSTANCE {
            continue;
        }
        let missing: Vec<i64> = window.all().filter(|minute| !minutes.contains_key(minute)).collect();
        expected += window.count();
        there += window.count() - missing.len();
        coverage.lacks_the_end |= missing.contains(&window.last);
        if !missing.is_empty() {
            coverage.missing.insert(&metric.names, missing);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of minutes")]
    if expected > 0 {
        coverage.percent = 100.0 * there as f64 / expected as f64;
    }
    coverage
}

impl Coverage<'_> {
    /// Whether nothing is missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// The missing minutes and metrics, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let minutes: BTreeSet<i64> = self.missing.values().flatten().copied().collect();
        let (first, last) = (minutes.first().copied(), minutes.last().copied());
        let name = |minute: Option<i64>| start_of(minute.unwrap_or_default()).strftime("%H:%M").to_string();
        let names: Vec<&str> = self.missing.keys().map(|names| names.cloud_watch.as_str()).collect();
        format!(
            "CloudWatch has {:.0} % of the points: minutes between {} and {} UTC are missing of {}",
            self.percent.floor(),
            name(first),
            name(last),
            names.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use throughput_crds::ObserveRds;

    use super::*;
    use crate::rds::cloudwatch_metric::asked_for;

    const WINDOW: Minutes = Minutes { first: 100, last: 103 };

    fn all() -> Vec<CloudWatchMetric> {
        let rds = ObserveRds {
            instance: "pulp".to_owned(),
            metrics: vec!["Deadlocks".to_owned()],
            performance_insights: false,
        };
        asked_for(&rds)
    }

    fn names<'a>(of: &'a [CloudWatchMetric], name: &str) -> &'a Names {
        &of.iter().find(|metric| metric.names.cloud_watch == name).unwrap().names
    }

    fn points(of: &[(&str, &[i64])]) -> Points {
        let all = all();
        let index = |name: &str| all.iter().position(|metric| metric.names.cloud_watch == name).unwrap();
        of.iter()
            .map(|(name, minutes)| {
                (index(name), minutes.iter().map(|minute| (*minute, Values::one(1.0))).collect())
            })
            .collect()
    }

    #[test]
    fn a_window_with_all_minutes_is_complete_whatever_comes_only_under_load() {
        let there = points(&[
            ("CPUUtilization", &[99, 100, 101, 102, 103]),
            ("DBLoad", &[101]),
            ("Deadlocks", &[100]),
        ]);
        let all = all();
        let coverage = coverage(&all, &there, WINDOW);
        assert!(coverage.is_complete() && coverage.unknown.is_empty(), "{coverage:?}");
        assert!((coverage.percent - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_last_minute_is_waited_for_also_of_a_metric_that_has_only_points_before_the_window() {
        let there = points(&[("CPUUtilization", &[100, 101, 102, 103]), ("ReadIOPS", &[98, 99])]);
        let all = all();
        let coverage = coverage(&all, &there, WINDOW);
        let missing = [(names(&all, "ReadIOPS"), vec![100, 101, 102, 103])].into();
        let unknown = vec![names(&all, "Deadlocks")];
        assert_eq!(coverage, Coverage { percent: 50.0, lacks_the_end: true, missing, unknown });
        assert_eq!(
            coverage.sentence(),
            "CloudWatch has 50 % of the points: minutes between 01:40 and 01:43 UTC are missing of ReadIOPS"
        );
    }

    #[test]
    fn a_gap_in_the_middle_is_missing_but_not_waited_for_as_the_end_is() {
        let all = all();
        let coverage = coverage(&all, &points(&[("CPUUtilization", &[100, 102, 103])]), WINDOW);
        assert!(!coverage.lacks_the_end && !coverage.is_complete());
        assert!((coverage.percent - 75.0).abs() < f64::EPSILON);
    }

    #[test]
    fn an_instance_without_any_point_is_not_complete() {
        let all = all();
        let coverage = coverage(&all, &Points::new(), WINDOW);
        assert!(coverage.lacks_the_end && coverage.percent.abs() < f64::EPSILON);
    }
}
