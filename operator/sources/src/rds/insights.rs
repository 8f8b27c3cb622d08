//! Performance Insights: the load by wait event, and the statements that make it.

use aws_sdk_pi::Client;
use aws_sdk_pi::primitives::DateTime;
use aws_sdk_pi::types::{DimensionGroup, MetricKeyDataPoints, MetricQuery, ServiceType};
use jiff::Timestamp;

use crate::aws::failure;
use crate::error::SourceError;
use crate::rds::minutes::Minutes;
use crate::recording::Recording;
use crate::series::{MOST_POINTS, Values, rounded};

/// The load, in sessions that were at work or waiting at an instant.
const LOAD: &str = "db.load.avg";
const WAIT_EVENT: &str = "db.wait_event";
/// Statements that differ only in their values are one.
const STATEMENT: &str = "db.sql_tokenized";
/// How the series is called; its subjects are the wait events.
pub(crate) const LOAD_BY_WAIT: &str = "dbLoadByWait";
const MOST_WAIT_EVENTS: i32 = 10;
const MOST_STATEMENTS: i32 = 10;
const MOST_PAGES: usize = 20;
/// How long the points are that are asked for: the shortest of these with which a series is not thinned out.
const PERIODS_SECONDS: [u32; 5] = [1, 60, 300, 3_600, 86_400];

/// Reads both, and writes them down.
pub(crate) async fn read(
    client: &Client,
    resource_id: &str,
    minutes: Minutes,
    recording: &mut Recording,
) -> Result<(), SourceError> {
    read_wait_events(client, resource_id, minutes, recording).await?;
    read_statements(client, resource_id, minutes, recording).await
}

async fn read_wait_events(
    client: &Client,
    resource_id: &str,
    minutes: Minutes,
    recording: &mut Recording,
) -> Result<(), SourceError> {
    let doing = "reading the load by wait event from Performance Insights";
    let period = period_seconds(minutes);
    let question = client
        .get_resource_metrics()
        .service_type(ServiceType::Rds)
        .identifier(resource_id)
        .metric_queries(
            MetricQuery::builder()
                .metric(LOAD)
                .group_by(group(WAIT_EVENT, MOST_WAIT_EVENTS)?)
                .build()
                .map_err(|error| unasked(&error))?,
        )
        .start_time(DateTime::from_secs(minutes.start_second()))
        .end_time(DateTime::from_secs(minutes.end_second()))
        .period_in_seconds(period.cast_signed());
    let mut token = None;
    for _ in 0..MOST_PAGES {
        let page = question.clone().set_next_token(token).send().await;
        let page = page.map_err(|error| failure(doing, &error))?;
        for points in page.metric_list() {
            write_wait_event(points, period * 1_000, recording);
        }
        token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        if token.is_none() {
            return Ok(());
        }
    }
    Err(SourceError::new("InvalidResponse", format!("{doing}: more than {MOST_PAGES} pages")))
}

fn period_seconds(minutes: Minutes) -> u32 {
    let points = |period: u32| 60 * minutes.count() / period as usize;
    PERIODS_SECONDS.into_iter().find(|period| points(*period) <= MOST_POINTS).unwrap_or(86_400)
}

/// The whole load comes with them, without a wait event: that is `dbLoad`, which CloudWatch has.
fn write_wait_event(points: &MetricKeyDataPoints, step: u32, recording: &mut Recording) {
    let dimensions = points.key().and_then(|key| key.dimensions());
    let Some(name) = dimensions.and_then(|of| of.get("db.wait_event.name")) else { return };
    for point in points.data_points() {
        // A period in which nothing was seen comes without a number.
        if let Ok(at) = Timestamp::from_second(point.timestamp().secs())
            && point.value().is_finite()
        {
            recording.set_step(LOAD_BY_WAIT, name, at, step, Values::one(point.value()));
        }
    }
}

async fn read_statements(
    client: &Client,
    resource_id: &str,
    minutes: Minutes,
    recording: &mut Recording,
) -> Result<(), SourceError> {
    let answer = client
        .describe_dimension_keys()
        .service_type(ServiceType::Rds)
        .identifier(resource_id)
        .metric(LOAD)
        .group_by(group(STATEMENT, MOST_STATEMENTS)?)
        .start_time(DateTime::from_secs(minutes.start_second()))
        .end_time(DateTime::from_secs(minutes.end_second()))
        .send()
        .await
        .map_err(|error| failure("reading the top statements from Performance Insights", &error))?;
    let rows = answer.keys().iter().filter_map(|key| {
        let statement = key.dimensions()?.get("db.sql_tokenized.statement")?;
        Some(vec![rounded(key.total()?).to_string(), statement.clone()])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        recording.set_table("Statements by database load", &["Sessions", "Statement"], rows);
    }
    Ok(())
}

fn group(name: &str, limit: i32) -> Result<DimensionGroup, SourceError> {
    DimensionGroup::builder().group(name).limit(limit).build().map_err(|error| unasked(&error))
}

fn unasked(error: &aws_sdk_pi::error::BuildError) -> SourceError {
    SourceError::new("Refused", format!("Performance Insights cannot be asked: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_window_is_read_by_seconds_and_a_long_one_in_no_more_points_than_a_series_has() {
        for (minutes, expected) in
            [(1, 1), (4, 1), (5, 60), (240, 60), (241, 300), (1_205, 3_600), (44_640, 86_400)]
        {
            assert_eq!(period_seconds(Minutes { first: 0, last: minutes - 1 }), expected, "{minutes}");
        }
    }
}
