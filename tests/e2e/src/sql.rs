//! The same figures by SQL, from Pulp's own table.

use serde_json::Value;
use throughput_test_support::program;

/// The figures of all tasks with this correlation id, under the names and in the digits of the report.
pub async fn figures(correlation_id: &str) -> Value {
    let query = format!(
        r"
WITH task AS (
    SELECT *,
        (extract(epoch FROM started_at - pulp_created) * 1000000)::bigint AS wait,
        (extract(epoch FROM finished_at - started_at) * 1000000)::bigint AS service,
        (extract(epoch FROM finished_at - pulp_created) * 1000000)::bigint AS total
    FROM core_task WHERE logging_cid = '{correlation_id}'
)
SELECT json_build_object(
    'submitted', count(*),
    'completed', count(*) FILTER (WHERE state = 'completed'),
    'failed', count(*) FILTER (WHERE state = 'failed'),
    'canceled', count(*) FILTER (WHERE state IN ('canceled', 'skipped')),
    'unfinished', count(*) FILTER (WHERE state IN ('waiting', 'running', 'canceling')),
    'windowMicroseconds', (extract(epoch FROM max(finished_at) - min(started_at)) * 1000000)::bigint,
    'tasksPerSecond', round(count(*) FILTER (WHERE state = 'completed')
        / extract(epoch FROM max(finished_at) - min(started_at))::numeric, 3)::text,
    'dispatchedPerSecond', round((count(*) - 1)
        / nullif(extract(epoch FROM max(pulp_created) - min(pulp_created))::numeric, 0), 3)::text,
    'successRatio', round(count(*) FILTER (WHERE state = 'completed') / count(*)::numeric, 4)::text,
    'wait', {wait}, 'service', {service}, 'total', {total}
) FROM task",
        wait = distribution("wait"),
        service = distribution("service"),
        total = distribution("total"),
    );
    let answer = one(&query).await;
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// The one value that a query gives, as text.
pub async fn one(query: &str) -> String {
    let answer = ask(query).await;
    answer.unwrap_or_else(|error| panic!("{query}: {error}")).trim().to_owned()
}

/// How many tasks of anybody have not ended; `None` while the database does not answer.
pub async fn unfinished() -> Option<u64> {
    let query = "SELECT count(*) FROM core_task WHERE state IN ('waiting', 'running', 'canceling')";
    ask(query).await.ok()?.trim().parse().ok()
}

async fn ask(query: &str) -> Result<String, String> {
    let arguments = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", query];
    program::pulp(&arguments).await
}

fn distribution(column: &str) -> String {
    let percentile = |fraction: &str| format!("percentile_disc({fraction}) WITHIN GROUP (ORDER BY {column})");
    format!(
        "json_build_object('count', count({column}), 'meanMicroseconds', round(avg({column}))::bigint, \
         'p50Microseconds', {}, 'p95Microseconds', {}, 'p99Microseconds', {}, 'maxMicroseconds', max({column}))",
        percentile("0.5"),
        percentile("0.95"),
        percentile("0.99"),
    )
}

/// Asserts that a cell of a report says what SQL says, in every digit.
pub async fn assert_equal(cell: &Value) {
    let by_sql = figures(cell["correlationId"].as_str().expect("a correlation id")).await;
    for (name, value) in by_sql.as_object().expect("an object") {
        // Of no tasks there is no distribution.
        let value = if value["count"] == 0 { &Value::Null } else { value };
        assert_eq!(&cell["tasks"][name], value, "{name} of cell {}: the report against SQL", cell["cell"]);
    }
}
