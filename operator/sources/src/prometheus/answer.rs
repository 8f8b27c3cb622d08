//! Prometheus's answer to a query, and the values of it that are recorded. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use crate::error::SourceError;
use crate::recording::Recording;
use crate::series::Values;

use super::query::{Over, Query};

/// The most series that are taken of one query.
const MOST_SERIES: usize = 20;
/// The longest name of a series, in characters.
const LONGEST_SUBJECT: usize = 120;

/// An answer of the API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status: String,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "camelCase")]
enum Data {
    Matrix(Vec<Row>),
    Vector(Vec<Row>),
    #[serde(alias = "string")]
    Scalar(Sample),
}

/// A series or a single value of one; native histograms have neither.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    metric: BTreeMap<String, String>,
    values: Vec<Sample>,
    value: Option<Sample>,
}

/// Seconds since the epoch, and a number as text: it may be `NaN` or `+Inf`.
#[derive(Clone, Debug, Deserialize)]
struct Sample(f64, Number);

/// A number that was read of its text at once, since a million texts take ten times as much room as their answer; `None`
/// where it is none, or not finite.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "String")]
struct Number(Option<f64>);

impl From<String> for Number {
    fn from(text: String) -> Self {
        Self(text.parse().ok().filter(|number: &f64| number.is_finite()))
    }
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found {
    /// One value.
    Value(f64),
    /// Series: by subject, at milliseconds since the epoch.
    Series(Vec<(String, Vec<(i64, f64)>)>),
}

/// The part of an answer that can be used, and the shortfalls that come with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Understood {
    pub(super) found: Option<Found>,
    pub(super) doubts: Vec<SourceError>,
}

impl Answer {
    /// The result of this query, or why there is none.
    pub(super) fn understand(self, query: &Query) -> Understood {
        let Self { status, data, error_type, error, warnings } = self;
        let name = &query.name;
        if status != "success" {
            // What only happens to be JSON with a status is not quoted, no more than what is no JSON.
            let is_a_type = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            if status != "error" || error_type.is_empty() || !error_type.bytes().all(is_a_type) {
                let message = format!("query {name}: the answer is not Prometheus's");
                return Understood::doubtful(SourceError::new("NotAPrometheus", message));
            }
            let message = format!("query {name}: Prometheus says: {error_type}: {error}");
            return Understood::doubtful(SourceError::new(reason(&error_type), message));
        }
        let mut understood = match (data, query.over) {
            (Some(Data::Matrix(rows)), Over::Range { .. }) => series(name, rows),
            (Some(Data::Vector(rows)), Over::Instant { .. }) => value_of_rows(name, &rows),
            (Some(Data::Scalar(sample)), Over::Instant { .. }) => value(name, &sample),
            (Some(Data::Matrix(_)), Over::Instant { .. })
            | (Some(Data::Vector(_) | Data::Scalar(_)), Over::Range { .. })
            | (None, Over::Range { .. } | Over::Instant { .. }) => Understood::doubtful(SourceError::new(
                "UnexpectedAnswer",
                format!("query {name}: the answer is not of numbers over the time that was asked for"),
            )),
        };
        understood.doubts.extend(warnings.first().map(|warning| {
            SourceError::new("PrometheusWarning", format!("query {name}: Prometheus warns: {warning}"))
        }));
        understood
    }
}

impl Understood {
    /// Nothing of use.
    pub(super) fn doubtful(error: SourceError) -> Self {
        Self { found: None, doubts: vec![error] }
    }

    /// Whether more may come: there is nothing yet, or nothing at the window's end.
    pub(super) fn may_become_more(&self, query: &Query) -> bool {
        match (&self.found, query.over) {
            (Some(Found::Series(series)), Over::Range { end_milliseconds, .. }) => {
                !series.iter().any(|(_, points)| points.last().is_some_and(|(at, _)| *at == end_milliseconds))
            }
            (Some(Found::Value(_)), _) | (Some(Found::Series(_)), Over::Instant { .. }) => false,
            (None, _) => self.doubts.iter().any(|doubt| {
                ["NoData", "Unreachable", "DeadlineExceeded", "QueryTimeout", "ServerError"]
                    .contains(&doubt.reason)
            }),
        }
    }

    /// Records it.
    pub(super) fn note(self, query: &Query, at: Timestamp, recording: &mut Recording) {
        for doubt in &self.doubts {
            recording.fall_short(&doubt.clone().only_of([&query.name]), at);
        }
        match (self.found, query.over) {
            (Some(Found::Value(value)), _) => recording.set_figure(&format!("{}.value", query.name), value),
            (Some(Found::Series(series)), Over::Range { step_seconds, .. }) => {
                let points =
                    series.iter().flat_map(|(subject, points)| points.iter().map(move |p| (subject, p)));
                for (subject, (milliseconds, value)) in points {
                    if let Ok(at) = Timestamp::from_millisecond(*milliseconds) {
                        let step = step_seconds.saturating_mul(1_000);
                        recording.set_step(&query.name, subject, at, step, Values::one(*value));
                    }
                }
            }
            (Some(Found::Series(_)), Over::Instant { .. }) | (None, _) => {}
        }
    }
}

fn reason(error_type: &str) -> &'static str {
    match error_type {
        "bad_data" => "BadQuery",
        "timeout" => "QueryTimeout",
        "execution" => "QueryFailed",
        "unavailable" | "internal" => "ServerError",
        _ => "PrometheusError",
    }
}

fn no_data(name: &str) -> SourceError {
    SourceError::new(
        "NoData",
        format!("query {name}: there is no value; where that stands for none at all, add `or vector(0)`"),
    )
}

fn value(name: &str, sample: &Sample) -> Understood {
    match sample.number() {
        Some((_, number)) => Understood { found: Some(Found::Value(number)), doubts: Vec::new() },
        None => Understood::doubtful(no_data(name)),
    }
}

fn value_of_rows(name: &str, rows: &[Row]) -> Understood {
    match rows {
        [] => Understood::doubtful(no_data(name)),
        [row] => row.value.as_ref().map_or_else(
            || {
                let message = format!("query {name}: it is a histogram: ask for histogram_quantile(…) of it");
                Understood::doubtful(SourceError::new("NotANumber", message))
            },
            |sample| value(name, sample),
        ),
        several => {
            let message = format!(
                "query {name}: {} series where one value is wanted: aggregate them, as in sum(…) or max(…)",
                several.len()
            );
            Understood::doubtful(SourceError::new("SeveralSeries", message))
        }
    }
}

fn series(name: &str, mut rows: Vec<Row>) -> Understood {
    let mut doubts = Vec::new();
    if rows.len() > MOST_SERIES {
        let message = format!(
            "query {name}: {} series, of which {MOST_SERIES} are taken: aggregate them, as in sum by (pod) (…)",
            rows.len()
        );
        doubts.push(SourceError::new("TooManySeries", message));
        rows.truncate(MOST_SERIES);
    }
    let labels: Vec<&BTreeMap<String, String>> = rows.iter().map(|row| &row.metric).collect();
    let subjects = subjects(&labels);
    let numbers = |row: &Row| row.values.iter().filter_map(Sample::number).collect::<Vec<_>>();
    let series: Vec<_> = subjects.into_iter().zip(rows.iter().map(numbers)).collect();
    if series.iter().all(|(_, points)| points.is_empty()) {
        doubts.push(no_data(name));
        return Understood { found: None, doubts };
    }
    Understood { found: Some(Found::Series(series)), doubts }
}

impl Sample {
    /// Milliseconds and a number, where it is one.
    fn number(&self) -> Option<(i64, f64)> {
        let number = self.1.0?;
        #[expect(clippy::cast_possible_truncation, reason = "an instant of our own window")]
        let milliseconds = (self.0 * 1_000.0).round() as i64;
        Some((milliseconds, number))
    }
}

/// The shortest subjects that tell these series apart: a single label's values alone.
fn subjects(series: &[&BTreeMap<String, String>]) -> Vec<String> {
    let names: BTreeSet<&String> = series.iter().flat_map(|labels| labels.keys()).collect();
    let value =
        |labels: &BTreeMap<String, String>, name: &String| labels.get(name).cloned().unwrap_or_default();
    let differs = |name: &&String| {
        let first = series.first().map(|labels| value(labels, name));
        series.iter().any(|labels| Some(value(labels, name)) != first)
    };
    let names: Vec<&String> = names.into_iter().filter(differs).collect();
    let mut subjects: Vec<String> = Vec::new();
    for labels in series {
        let parts: Vec<String> = match names.as_slice() {
            [name] => vec![value(labels, name)],
            several => several.iter().map(|name| format!("{name}={}", value(labels, name))).collect(),
        };
        let mut subject: String = parts.join(", ").chars().take(LONGEST_SUBJECT).collect();
        if subjects.contains(&subject) {
            subject = format!("{subject} #{}", subjects.len() + 1);
        }
        subjects.push(subject);
    }
    subjects
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn query(over: Over) -> Query {
        Query { name: "a".to_owned(), expression: "a".to_owned(), over }
    }

    const INSTANT: Over = Over::Instant { at_milliseconds: 5_000 };
    const RANGE: Over = Over::Range { start_milliseconds: 1_000, end_milliseconds: 5_000, step_seconds: 2 };

    fn understand(over: Over, answer: Value) -> Understood {
        serde_json::from_value::<Answer>(answer).unwrap().understand(&query(over))
    }

    fn success(result_type: &str, result: &Value) -> Value {
        json!({"status": "success", "data": {"resultType": result_type, "result": result}})
    }

    fn reasons(understood: &Understood) -> Vec<&'static str> {
        understood.doubts.iter().map(|doubt| doubt.reason).collect()
    }

    #[test]
    fn one_value_is_a_figure() {
        let vector = success("vector", &json!([{"metric": {"job": "x"}, "value": [5.0, "1.5"]}]));
        assert_eq!(understand(INSTANT, vector).found, Some(Found::Value(1.5)));
        assert_eq!(understand(INSTANT, success("scalar", &json!([5.0, "7"]))).found, Some(Found::Value(7.0)));
    }

    #[test]
    fn no_value_several_values_and_histograms_are_no_figure() {
        let row = json!({"metric": {}, "value": [5.0, "1"]});
        let answers = [
            success("vector", &json!([])),
            success("vector", &json!([{"metric": {}, "value": [5.0, "NaN"]}])),
            success("vector", &json!([row, row])),
            success("vector", &json!([{"metric": {}, "histogram": [5.0, {}]}])),
            success("string", &json!([5.0, "x"])),
        ];
        let reasons = answers.map(|answer| {
            let understood = understand(INSTANT, answer);
            assert_eq!(understood.found, None);
            reasons(&understood)[0]
        });
        assert_eq!(reasons, ["NoData", "NoData", "SeveralSeries", "NotANumber", "NoData"]);
    }

    #[test]
    fn a_range_is_series_with_gaps_for_what_is_no_number() {
        let answer = success(
            "matrix",
            &json!([
                {"metric": {"__name__": "x", "job": "pulp", "pod": "api-1"}, "values": [[1.0, "1"], [3.0, "NaN"]]},
                {"metric": {"__name__": "x", "job": "pulp", "pod": "api-2"}, "values": [[5.0, "2"]]},
            ]),
        );
        let understood = understand(RANGE, answer);
        assert!(!understood.may_become_more(&query(RANGE)));
        let mut recording = Recording::new("prometheus", Timestamp::from_second(1).unwrap());
        understood.note(&query(RANGE), Timestamp::UNIX_EPOCH, &mut recording);
        let report = recording.report();
        let series: Vec<(&str, Vec<i64>)> = report
            .series
            .iter()
            .map(|series| {
                (series.subject.as_str(), series.points.iter().map(|p| p.at_milliseconds).collect())
            })
            .collect();
        assert_eq!(series, [("api-1", vec![0]), ("api-2", vec![4_000])]);
        assert_eq!(report.summary.figures.get("prometheus.a.max"), Some(&2.0));
    }

    #[test]
    fn without_a_value_at_the_end_more_may_come() {
        let answer = success("matrix", &json!([{"metric": {}, "values": [[1.0, "1"], [3.0, "2"]]}]));
        assert!(understand(RANGE, answer).may_become_more(&query(RANGE)));
        assert!(understand(RANGE, success("matrix", &json!([]))).may_become_more(&query(RANGE)));
    }

    #[test]
    fn errors_and_warnings_are_told_in_the_servers_words() {
        let error =
            json!({"status": "error", "errorType": "bad_data", "error": "parse error: unexpected end"});
        let understood = understand(INSTANT, error);
        assert_eq!(reasons(&understood), ["BadQuery"]);
        assert!(understood.doubts[0].message.ends_with("bad_data: parse error: unexpected end"));
        for other in [
            json!({"status": "secret"}),
            json!({"status": "secret", "errorType": "bad_data", "error": "secret"}),
            json!({"status": "error", "errorType": "a secret", "error": "secret"}),
            json!({"status": "error", "error": "secret"}),
        ] {
            let understood = understand(INSTANT, other);
            assert_eq!(reasons(&understood), ["NotAPrometheus"]);
            assert!(!understood.doubts[0].message.contains("secret"));
        }
        let mut warned = success("scalar", &json!([5.0, "7"]));
        warned["warnings"] = json!(["store is down"]);
        assert_eq!(reasons(&understand(INSTANT, warned)), ["PrometheusWarning"]);
    }

    #[test]
    fn series_are_told_apart_by_what_differs_and_are_bounded() {
        let rows: Vec<Value> = (0..30)
            .map(|number| json!({"metric": {"a": "x".repeat(500), "b": number.to_string()}, "values": [[5.0, "1"]]}))
            .collect();
        let understood = understand(RANGE, success("matrix", &json!(rows)));
        assert_eq!(reasons(&understood), ["TooManySeries"]);
        let Some(Found::Series(series)) = understood.found else { panic!("no series") };
        assert_eq!((series.len(), series[1].0.as_str()), (MOST_SERIES, "1"));
        let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let (one, other) = (labels(&[("a", "1"), ("b", "2")]), labels(&[("a", "2")]));
        assert_eq!(subjects(&[&one, &other]), ["a=1, b=2", "a=2, b="]);
        assert_eq!(subjects(&[&one]), [""]);
    }
}
