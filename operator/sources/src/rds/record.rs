//! The minutes that CloudWatch has, as they go into the recording.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::error::SourceError;
use crate::rds::cloudwatch_metric::{CONNECTIONS, CloudWatchMetric, Names};
use crate::rds::coverage::{Coverage, Points};
use crate::rds::failures::Failures;
use crate::rds::instance::CONNECTIONS_OF_MAXIMUM;
use crate::rds::metrics::COVERAGE;
use crate::rds::minutes::{MINUTE_MILLISECONDS, Minutes, start_of};
use crate::recording::Recording;
use crate::series::{MOST_POINTS, Values};

/// Writes the window's minutes, and none of those before it.
pub(super) fn write(
    metrics: &[CloudWatchMetric],
    points: &Points,
    window: Minutes,
    most_connections: Option<f64>,
    recording: &mut Recording,
) {
    let most_points = i64::try_from(MOST_POINTS).unwrap_or(i64::MAX);
    // A series that is thinned out could not be written again: what is too long for it gets longer points at once.
    let minutes_a_point = (window.last - window.first) / most_points + 1;
    let step = u32::try_from(minutes_a_point).unwrap_or(u32::MAX).saturating_mul(MINUTE_MILLISECONDS);
    for (index, metric) in metrics.iter().enumerate() {
        let within = points.get(&index).into_iter().flat_map(|minutes| minutes.range(window.all()));
        let mut steps: BTreeMap<i64, Values> = BTreeMap::new();
        for (minute, values) in within {
            let first = minute - (minute - window.first) % minutes_a_point;
            steps.entry(first).and_modify(|before| *before = before.with(*values)).or_insert(*values);
        }
        for (minute, values) in steps {
            recording.set_step(&metric.names.figure, "", start_of(minute), step, values);
            if let Some(most) = most_connections.filter(|_| metric.names.cloud_watch == CONNECTIONS) {
                let share = scaled(values, 100.0 / most);
                recording.set_step(CONNECTIONS_OF_MAXIMUM, "", start_of(minute), step, share);
            }
        }
    }
}

fn scaled(values: Values, factor: f64) -> Values {
    let Values { count, sum, min, max } = values;
    Values { count, sum: sum * factor, min: min * factor, max: max * factor }
}

/// Notes how much of the window CloudWatch has, in place of what was noted before.
pub(super) fn note_coverage(
    coverage: &Coverage<'_>,
    partial: Option<SourceError>,
    recording: &mut Recording,
    failures: &mut Failures,
) {
    recording.set_figure(COVERAGE, coverage.percent);
    // What is missing now is not what was missing before.
    recording.take_back("MetricsIncomplete");
    recording.take_back("MetricNotPublished");
    let now = Timestamp::now();
    if let Some(partial) = partial {
        failures.note::<()>(Err(partial), recording);
    } else if !coverage.is_complete() {
        let error = SourceError::new("MetricsIncomplete", coverage.sentence());
        recording.fall_short(&error.only_of(figures_of(coverage.missing.keys().copied())), now);
    }
    if !coverage.unknown.is_empty() {
        let names: Vec<&str> = coverage.unknown.iter().map(|names| names.cloud_watch.as_str()).collect();
        let message = format!("CloudWatch has no point of {}", names.join(", "));
        let error = SourceError::new("MetricNotPublished", message);
        recording.fall_short(&error.only_of(figures_of(coverage.unknown.iter().copied())), now);
    }
}

/// The metrics of our figures that come from these of CloudWatch.
fn figures_of<'a>(metrics: impl IntoIterator<Item = &'a Names>) -> Vec<String> {
    let of = |names: &'a Names| {
        let share = (names.cloud_watch == CONNECTIONS).then(|| CONNECTIONS_OF_MAXIMUM.to_owned());
        share.into_iter().chain([names.figure.clone()])
    };
    metrics.into_iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use throughput_crds::ObserveRds;

    use super::*;
    use crate::rds::cloudwatch_metric::asked_for;

    fn metrics() -> Vec<CloudWatchMetric> {
        asked_for(&ObserveRds {
            instance: "pulp".to_owned(),
            metrics: Vec::new(),
            performance_insights: true,
        })
    }

    fn points(minutes: std::ops::Range<i64>) -> Points {
        let metrics = metrics();
        let connections = metrics.iter().position(|metric| metric.names.cloud_watch == CONNECTIONS).unwrap();
        [(connections, minutes.map(|minute| (minute, Values::one(50.0))).collect())].into()
    }

    #[test]
    fn minutes_are_written_as_minutes_and_those_before_the_window_are_not() {
        let base = start_of(100) + Duration::from_secs(30);
        let mut recording = Recording::new("rds", base);
        let metrics = metrics();
        let window = Minutes { first: 100, last: 101 };
        write(&metrics, &points(90..102), window, Some(200.0), &mut recording);
        let report = recording.report();
        let times: Vec<(&str, Vec<i64>)> = report
            .series
            .iter()
            .map(|series| {
                (series.metric.as_str(), series.points.iter().map(|point| point.at_milliseconds).collect())
            })
            .collect();
        let minutes = vec![-30_000, 30_000];
        assert_eq!(
            times,
            [("databaseConnections", minutes.clone()), ("databaseConnectionsPercentOfMax", minutes)]
        );
        let share = report.summary.figures.get("rds.databaseConnectionsPercentOfMax.max");
        assert_eq!(share, Some(&25.0));
    }

    #[test]
    fn a_long_window_is_the_same_however_often_it_is_written() {
        let metrics = metrics();
        let window = Minutes { first: 100, last: 100 + 999 };
        let mut recording = Recording::new("rds", start_of(100));
        write(&metrics, &points(100..1_100), window, None, &mut recording);
        let once = recording.clone();
        write(&metrics, &points(100..1_100), window, None, &mut recording);
        assert_eq!(recording, once);
        let series = &recording.report().series[0];
        assert_eq!((series.step_milliseconds, series.points.len()), (300_000, 200));
    }
}
