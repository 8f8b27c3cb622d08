//! All metrics of a window, by one question to CloudWatch.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode,
};

use crate::aws::failure;
use crate::error::SourceError;
use crate::rds::cloudwatch_metric::CloudWatchMetric;
use crate::rds::coverage::Points;
use crate::rds::minutes::{Minutes, minute_of};
use crate::series::Values;
use crate::text::bounded;

const NAMESPACE: &str = "AWS/RDS";
const DIMENSION: &str = "DBInstanceIdentifier";
const PERIOD_SECONDS: i32 = 60;
const STATISTICS: [&str; 3] = ["Average", "Minimum", "Maximum"];
/// A page has up to 100,800 points, and the most metrics have 150 a minute: this is days.
const MOST_PAGES: usize = 20;

/// CloudWatch's answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The points.
    pub(crate) points: Points,
    /// The part that CloudWatch itself says to be incomplete, in its words.
    pub(crate) partial: Option<SourceError>,
}

/// A statistic of a metric: the metric's place in the list, and the statistic's.
type Key = (usize, usize);

/// Asks for all statistics of all metrics.
pub(crate) async fn read(
    client: &Client,
    instance: &str,
    metrics: &[CloudWatchMetric],
    minutes: Minutes,
) -> Result<Answer, SourceError> {
    let question = client
        .get_metric_data()
        .start_time(DateTime::from_secs(minutes.start_second()))
        .end_time(DateTime::from_secs(minutes.end_second()))
        .scan_by(ScanBy::TimestampAscending)
        .set_metric_data_queries(Some(queries(instance, metrics)));
    let mut collected = Collected::of(metrics.len(), minutes);
    let mut token = None;
    for _ in 0..MOST_PAGES {
        let page = question.clone().set_next_token(token).send().await;
        let page = page.map_err(|error| failure("reading metrics from CloudWatch", &error))?;
        page.metric_data_results().iter().for_each(|result| collected.add(result));
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(collected.answer(metrics));
        }
    }
    Err(SourceError::new("InvalidResponse", format!("CloudWatch's answer has more than {MOST_PAGES} pages")))
}

fn queries(instance: &str, metrics: &[CloudWatchMetric]) -> Vec<MetricDataQuery> {
    let dimension = Dimension::builder().name(DIMENSION).value(instance).build();
    let keys =
        (0..metrics.len()).flat_map(|metric| (0..STATISTICS.len()).map(move |statistic| (metric, statistic)));
    keys.map(|(metric, statistic)| {
        let of = aws_sdk_cloudwatch::types::Metric::builder()
            .namespace(NAMESPACE)
            .metric_name(&metrics[metric].names.cloud_watch)
            .dimensions(dimension.clone())
            .build();
        let statistics =
            MetricStat::builder().metric(of).period(PERIOD_SECONDS).stat(STATISTICS[statistic]).build();
        MetricDataQuery::builder()
            .id(identifier((metric, statistic)))
            .metric_stat(statistics)
            .return_data(true)
            .build()
    })
    .collect()
}

fn identifier((metric, statistic): Key) -> String {
    format!("m{metric}_{statistic}")
}

fn key(identifier: &str) -> Option<Key> {
    let (metric, statistic) = identifier.strip_prefix('m')?.split_once('_')?;
    Some((metric.parse().ok()?, statistic.parse().ok()?))
}

/// What was asked for, of whatever came: as much as that, however many pages there are.
#[derive(Debug)]
pub(super) struct Collected {
    /// How many metrics were asked for.
    metrics: usize,
    minutes: Minutes,
    /// By metric and minute, the statistics.
    values: BTreeMap<usize, BTreeMap<i64, [Option<f64>; STATISTICS.len()]>>,
    /// Statistics that a later page may still complete.
    incomplete: BTreeMap<Key, SourceError>,
}

impl Collected {
    pub(super) fn of(metrics: usize, minutes: Minutes) -> Self {
        Self { metrics, minutes, values: BTreeMap::new(), incomplete: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, result: &MetricDataResult) {
        let is_asked = |(metric, statistic): &Key| *metric < self.metrics && *statistic < STATISTICS.len();
        let Some(key) = result.id().and_then(key).filter(is_asked) else {
            return;
        };
        let values = self.values.entry(key.0).or_default();
        for (at, value) in result.timestamps().iter().zip(result.values()) {
            let minute = minute_of(at.secs());
            if value.is_finite() && self.minutes.all().contains(&minute) {
                values.entry(minute).or_default()[key.1] = Some(*value);
            }
        }
        match result.status_code() {
            Some(StatusCode::Complete) | None => self.incomplete.remove(&key),
            Some(status) => self.incomplete.insert(key, incomplete(status, result)),
        };
    }

    pub(super) fn answer(self, metrics: &[CloudWatchMetric]) -> Answer {
        let metric_points = |index: usize, minutes: BTreeMap<i64, [Option<f64>; STATISTICS.len()]>| {
            let factor = metrics.get(index).map_or(1.0, |metric| metric.factor);
            minutes
                .into_iter()
                .filter_map(move |(minute, values)| Some((minute, point(values, factor)?)))
                .collect()
        };
        Answer {
            points: self
                .values
                .into_iter()
                .map(|(index, minutes)| (index, metric_points(index, minutes)))
                .collect(),
            partial: self.incomplete.into_values().next(),
        }
    }
}

/// A minute's point. CloudWatch does not tell how many values it had, and each minute counts alike.
fn point([mean, min, max]: [Option<f64>; STATISTICS.len()], factor: f64) -> Option<Values> {
    let mean = mean? * factor;
    let of = |value: Option<f64>| value.map_or(mean, |value| value * factor);
    Some(Values { count: 1, sum: mean, min: of(min), max: of(max) })
}

fn incomplete(status: &StatusCode, result: &MetricDataResult) -> SourceError {
    let words: Vec<&str> = result.messages().iter().filter_map(|message| message.value()).collect();
    let reason = if *status == StatusCode::Forbidden { "AccessDenied" } else { "MetricsIncomplete" };
    let label = result.label().unwrap_or("a metric");
    let message = format!("CloudWatch says {} of {label} {}", status.as_str(), words.join(" "));
    SourceError::new(reason, bounded(message.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::cloudwatch_metric::asked_for;

    const MINUTES: Minutes = Minutes { first: 1, last: 3 };

    fn result(id: &str, status: StatusCode, points: &[(i64, f64)]) -> MetricDataResult {
        MetricDataResult::builder()
            .id(id)
            .label("ReadLatency")
            .status_code(status)
            .set_timestamps(Some(points.iter().map(|(second, _)| DateTime::from_secs(*second)).collect()))
            .set_values(Some(points.iter().map(|(_, value)| *value).collect()))
            .build()
    }

    /// A metric in milliseconds of which CloudWatch has seconds.
    fn metric() -> CloudWatchMetric {
        let usual = asked_for(&serde_json::from_value(serde_json::json!({"instance": "pulp"})).unwrap());
        usual.into_iter().find(|metric| metric.names.cloud_watch == "ReadLatency").unwrap()
    }

    #[test]
    fn statistics_of_a_minute_become_one_point_in_the_figures_unit() {
        let mut collected = Collected::of(1, MINUTES);
        collected.add(&result("m0_0", StatusCode::PartialData, &[(60, 0.25)]));
        collected.add(&result("m0_0", StatusCode::Complete, &[(120, 0.5)]));
        collected.add(&result("m0_1", StatusCode::Complete, &[(60, 0.125), (180, 1.0)]));
        collected.add(&result("m0_2", StatusCode::Complete, &[(60, 0.5), (120, f64::NAN)]));
        collected.add(&result("m0_7", StatusCode::Complete, &[(60, 9.0)]));
        let answer = collected.answer(&[metric()]);
        let expected = [
            (1, Values { count: 1, sum: 250.0, min: 125.0, max: 500.0 }),
            (2, Values { count: 1, sum: 500.0, min: 500.0, max: 500.0 }),
        ];
        assert_eq!(answer.points, [(0, expected.into())].into());
        assert_eq!(answer.partial, None);
    }

    #[test]
    fn what_no_later_page_completes_is_told() {
        for (status, reason) in
            [(StatusCode::PartialData, "MetricsIncomplete"), (StatusCode::Forbidden, "AccessDenied")]
        {
            let mut collected = Collected::of(1, MINUTES);
            collected.add(&result("m0_0", status.clone(), &[]));
            let partial = collected.answer(&[metric()]).partial.unwrap();
            assert_eq!(partial.reason, reason);
            assert_eq!(partial.message, format!("CloudWatch says {status} of ReadLatency"));
        }
    }

    #[test]
    fn of_what_was_not_asked_for_nothing_is_kept() {
        let mut collected = Collected::of(1, MINUTES);
        collected.add(&result("m0_0", StatusCode::PartialData, &[(0, 1.0), (60, 2.0), (240, 3.0)]));
        let many: Vec<(i64, f64)> = (0..1_000).map(|second| (600 + 60 * second, 1.0)).collect();
        for other in 1..100 {
            collected.add(&result(&format!("m{other}_0"), StatusCode::PartialData, &many));
        }
        assert_eq!(collected.values, [(0, [(1, [Some(2.0), None, None])].into())].into());
        assert_eq!(collected.incomplete.len(), 1);
    }

    #[test]
    fn identifiers_lead_back_to_their_metrics() {
        assert_eq!(key(&identifier((31, 2))), Some((31, 2)));
        assert_eq!(key("other"), None);
    }
}
