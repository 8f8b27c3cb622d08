//! What sources saw of the system under test while a cell was measured: one time base, one form of series.
//!
//! Figures are named `SOURCE.METRIC.STATISTIC`, and a metric carries its unit: `rds.cpuPercent.max`. Where a source sees
//! several subjects (pods, say), the figure is that of all of them: the smallest, the mean of all samples, the largest.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The farthest that a point may be from the instant that series count from, and the longest step, in milliseconds: farther
/// than any two instants are apart. What is stored and says more is not one of ours.
pub const FARTHEST_MILLISECONDS: u64 = 1 << 50;

/// What one source saw of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceReport {
    /// Figures, facts, and what is missing.
    #[serde(flatten)]
    pub summary: SourceSummary,
    /// The instant that all of its series count from.
    pub base: Timestamp,
    /// What changed over time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
    /// What is told line by line: the top statements, samples of log lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// What is a file by itself: a profile's stacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
}

/// What one source saw of one cell, without its series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceSummary {
    /// The source: `rds`, `pods`.
    pub source: String,
    /// What is missing, and why; empty when it saw all that it was to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortfalls: Vec<Shortfall>,
    /// Its figures, by their full names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, f64>,
    /// What does not change while a cell is measured: versions, sizes, settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
}

/// Something that a source could not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortfall {
    /// Why, in one word for programs: `AccessDenied`, `Unreachable`.
    pub reason: String,
    /// Why, in a sentence for people; with the server's words, bounded.
    pub message: String,
    /// The metrics whose figures it takes from, without the source's name: `workers.cpuMillicores`. Absent where it takes
    /// from all of the source's; empty where it takes from none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<BTreeSet<String>>,
    /// How often.
    pub count: u64,
    /// When it was seen first.
    pub first_at: Timestamp,
    /// When it was seen last.
    pub last_at: Timestamp,
}

/// A metric of one subject over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// What was measured, with its unit: `cpuPercent`.
    pub metric: String,
    /// Of what: a pod's name, a state; empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// How long a point lasts.
    pub step_milliseconds: u64,
    /// The points, in order. Where nothing was seen there is none.
    pub points: Vec<SeriesPoint>,
}

/// What was seen within one step: `[at, min, mean, max]` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(i64, f64, f64, f64)", into = "(i64, f64, f64, f64)")]
pub struct SeriesPoint {
    /// When the step began, in milliseconds since the source's base. What is known by the minute may begin before it.
    pub at_milliseconds: i64,
    /// The smallest value.
    pub min: f64,
    /// The mean of the values.
    pub mean: f64,
    /// The largest value.
    pub max: f64,
}

/// Lines of texts under headings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// What it is about: `Statements by total time`.
    pub title: String,
    /// Its headings.
    pub columns: Vec<String>,
    /// Its lines, each with as many texts as there are headings.
    pub rows: Vec<Vec<String>>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Its name, fit for a key of a `ConfigMap`: `pulp-api-1.folded`.
    pub name: String,
    /// What is in it.
    pub text: String,
}

impl SourceSummary {
    /// Whether the source saw all that it was to see.
    pub fn is_complete(&self) -> bool {
        self.shortfalls.is_empty()
    }

    /// What takes from a figure of this source, by its full name: with it, the figure may be wrong.
    pub fn shortfall_of(&self, figure: &str) -> Option<&Shortfall> {
        let name = figure.strip_prefix(self.source.as_str())?.strip_prefix('.')?;
        self.shortfalls.iter().find(|shortfall| shortfall.takes_from(name))
    }
}

impl Shortfall {
    /// Whether it takes from a figure, which is named without its source.
    fn takes_from(&self, figure: &str) -> bool {
        let is_of = |metric: &str| {
            let rest = figure.strip_prefix(metric)?;
            // The rate of what only grows is a series of its own.
            let rest = rest.strip_prefix("PerSecond").unwrap_or(rest);
            (rest.is_empty() || rest.starts_with('.')).then_some(())
        };
        self.metrics.as_ref().is_none_or(|metrics| metrics.iter().any(|metric| is_of(metric).is_some()))
    }
}

impl From<(i64, f64, f64, f64)> for SeriesPoint {
    fn from((at_milliseconds, min, mean, max): (i64, f64, f64, f64)) -> Self {
        Self { at_milliseconds, min, mean, max }
    }
}

impl From<SeriesPoint> for (i64, f64, f64, f64) {
    fn from(point: SeriesPoint) -> Self {
        (point.at_milliseconds, point.min, point.mean, point.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_four_numbers_in_json() {
        let point = SeriesPoint { at_milliseconds: -500, min: 1.0, mean: 1.5, max: 2.0 };
        let text = serde_json::to_string(&point).unwrap();
        assert_eq!(text, "[-500,1.0,1.5,2.0]");
        assert_eq!(serde_json::from_str::<SeriesPoint>(&text).unwrap(), point);
    }

    #[test]
    fn a_shortfall_takes_from_the_figures_of_its_metrics_and_of_no_others() {
        let shortfall = |metrics: Option<&[&str]>| Shortfall {
            reason: "Unavailable".to_owned(),
            message: "no answer".to_owned(),
            metrics: metrics.map(|metrics| metrics.iter().map(|metric| (*metric).to_owned()).collect()),
            count: 1,
            first_at: Timestamp::UNIX_EPOCH,
            last_at: Timestamp::UNIX_EPOCH,
        };
        let takes = |metrics, figure| {
            let shortfalls = vec![shortfall(metrics)];
            let summary = SourceSummary { source: "pods".to_owned(), shortfalls, ..SourceSummary::default() };
            summary.shortfall_of(figure).is_some()
        };
        let some = Some(["workers.cpuSeconds", "api"].as_slice());
        for figure in
            ["pods.workers.cpuSeconds.total", "pods.workers.cpuSecondsPerSecond.max", "pods.api.replicas.min"]
        {
            assert!(takes(some, figure), "{figure}");
        }
        for figure in [
            "pods.workers.cpuSecondsUsed.max",
            "pods.workers.memoryBytes.max",
            "pods.apiary.replicas.min",
            "rds.api",
        ] {
            assert!(!takes(some, figure), "{figure}");
        }
        assert!(
            takes(None, "pods.workers.memoryBytes.max") && !takes(Some(&[]), "pods.workers.memoryBytes.max")
        );
    }

    #[test]
    fn a_summary_and_its_series_are_one_object_in_json() {
        let report = SourceReport {
            summary: SourceSummary { source: "rds".to_owned(), ..SourceSummary::default() },
            base: Timestamp::UNIX_EPOCH,
            series: Vec::new(),
            tables: Vec::new(),
            documents: Vec::new(),
        };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(text, r#"{"source":"rds","base":"1970-01-01T00:00:00Z"}"#);
        assert_eq!(serde_json::from_str::<SourceReport>(&text).unwrap(), report);
    }
}
